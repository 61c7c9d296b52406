/* core/elect/testing.h - for tests: configs, notifications, and effects as text. */
#ifndef PDK_CORE_ELECT_TESTING_H
#define PDK_CORE_ELECT_TESTING_H

#include "base/mem_fail.h"
#include "core/elect/elect.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Servers 1..voters take part, the next ones observe; server N listens on 127.0.0.N:2888:3888.
 * `extra`: lines in front, NULL: none. */
static inline struct pdk_members *elect_members(size_t voters, size_t observers, int64_t version,
                                                const char *extra)
{
    struct pdk_buf text;
    pdk_buf_init(&text, pdk_mem_heap(), SIZE_MAX);
    if (extra != NULL) pdk_put_text(&text, "%s", extra);
    for (size_t sid = 1; sid <= voters + observers; sid++) {
        pdk_put_text(&text, "server.%zu=127.0.0.%zu:2888:3888:%s;2181\n", sid, sid,
                     sid <= voters ? "participant" : "observer");
    }
    pdk_put_text(&text, "version=%" PRIx64, (uint64_t)version);
    struct pdk_members *m = NULL;
    struct pdk_diag diag = {""};
    if (pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&text), 0, &m, &diag) != PDK_OK) {
        fail_msg("config: %s", diag.text);
    }
    pdk_buf_deinit(&text);
    return m;
}

/* What a machine did, as text: "1,2<LOOKING 3 z5 r1 e0; decided 3 z5 r1 e0; dial 1; config; ". */
struct elect_text {
    char text[4096];
    size_t len;
};

static inline void elect_put(struct elect_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->len, sizeof t->text - t->len, format, args);
    va_end(args);
    assert_true(n >= 0 && t->len + (size_t)n < sizeof t->text);
    t->len += (size_t)n;
}

static inline void elect_put_number(struct elect_text *t, const char *name, int64_t n)
{
    if (n == INT64_MIN) {
        elect_put(t, "%sMIN", name);
    } else {
        elect_put(t, strchr(name, 'z') != NULL ? "%s%" PRIx64 : "%s%" PRId64, name, n);
    }
}

static inline void elect_put_vote(struct elect_text *t, const struct pdk_vote *v)
{
    elect_put_number(t, " ", v->leader);
    elect_put_number(t, " z", v->zxid);
    elect_put_number(t, " r", v->round);
    elect_put_number(t, " e", v->epoch);
    elect_put(t, "; ");
}

static inline void elect_put_frame(struct elect_text *t, struct pdk_slice frame)
{
    struct pdk_notification n;
    assert_true(frame.len > 4);
    assert_int_equal(pdk_notification_read(pdk_slice_of(frame.bytes + 4, frame.len - 4), &n),
                     PDK_OK);
    assert_int_equal(n.version, 2);
    elect_put(t, "<%s", pdk_peer_state_name(n.state));
    struct pdk_vote v = {n.leader, n.zxid, n.round, n.epoch};
    elect_put_vote(t, &v);
}

/* Effects since the last call. */
static inline void elect_put_effects(struct elect_text *t, struct pdk_elect *e)
{
    size_t count;
    const struct pdk_elect_effect *effects = pdk_elect_effects(e, &count);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_elect_effect *x = &effects[i];
        switch (x->kind) {
        case PDK_ELECT_SEND:
            elect_put(t, "%" PRId64, x->sid);
            if (i + 1 < count && effects[i + 1].kind == PDK_ELECT_SEND &&
                x->bytes.bytes == effects[i + 1].bytes.bytes) {
                elect_put(t, ",");
            } else {
                elect_put_frame(t, x->bytes);
            }
            break;
        case PDK_ELECT_DIAL: elect_put(t, "dial %" PRId64 "; ", x->sid); break;
        case PDK_ELECT_DECIDED:
            elect_put(t, "decided");
            elect_put_vote(t, &x->vote);
            break;
        case PDK_ELECT_CONFIG: elect_put(t, "config; "); break;
        case PDK_ELECT_DESERTED: elect_put(t, "deserted; "); break;
        }
    }
    pdk_elect_effects_clear(e);
}

/* ---- one machine in a fixture ---------------------------------------------------------------- */

#define LOOKING PDK_LOOKING
#define FOLLOWING PDK_FOLLOWING
#define LEADING PDK_LEADING
#define OBSERVING PDK_OBSERVING

enum { FINALIZE = 20, MIN_INTERVAL = 200, MAX_INTERVAL = 1000 };

struct fixture {
    struct pdk_fail_mem mem;
    struct pdk_members *members;
    struct pdk_elect *e;
    int64_t now;
    bool takes_no_configs;
};

static inline void open_with(struct fixture *f, pdk_sid me, struct pdk_members *committed,
                             struct pdk_members *last_seen)
{
    pdk_fail_mem_init(&f->mem);
    f->now = 1000;
    f->members = pdk_members_hold(committed);
    struct pdk_elect_config config = {.mem = &f->mem.mem,
                                      .me = me,
                                      .min_interval_ms = MIN_INTERVAL,
                                      .max_interval_ms = MAX_INTERVAL,
                                      .finalize_wait_ms = FINALIZE,
                                      .takes_configs = !f->takes_no_configs};
    f->e = pdk_elect_create(&config, committed, last_seen);
    pdk_members_drop(committed);
    if (last_seen != committed) pdk_members_drop(last_seen);
}

static inline void open_as(struct fixture *f, pdk_sid me, size_t voters, size_t observers)
{
    struct pdk_members *m = elect_members(voters, observers, 0, NULL);
    open_with(f, me, m, m);
}

static inline void close_fixture(struct fixture *f)
{
    pdk_elect_destroy(f->e);
    assert_int_equal(f->mem.live, 0);
    pdk_members_drop(f->members);
}

static inline void expect_at(struct fixture *f, int line, const char *want)
{
    struct elect_text got = {.len = 0};
    elect_put_effects(&got, f->e);
    if (got.len >= 2 && got.text[got.len - 1] == ' ') got.text[got.len - 2] = '\0';
    if (strcmp(got.text, want) != 0) {
        fail_msg("line %d\n  got  \"%s\"\n  want \"%s\"", line, got.text, want);
    }
}
#define expect(f, want) expect_at(f, __LINE__, want)

static inline void start(struct fixture *f, pdk_zxid zxid, int64_t epoch)
{
    struct pdk_candidate c = {.zxid = zxid, .epoch = epoch, .favour = PDK_SID_NONE};
    pdk_elect_start(f->e, f->now, &c);
}

static inline void receive_with(struct fixture *f, pdk_sid from, enum pdk_peer_state state,
                                struct pdk_vote v, struct pdk_slice config)
{
    struct pdk_notification n = {.state = state,
                                 .leader = v.leader,
                                 .zxid = v.zxid,
                                 .round = v.round,
                                 .epoch = v.epoch,
                                 .version = 2,
                                 .config = config};
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    pdk_put_vote_notification(&b, &n);
    pdk_elect_receive(f->e, f->now, from, pdk_slice_of(b.bytes + 4, b.len - 4));
    pdk_buf_deinit(&b);
}

static inline void receive(struct fixture *f, pdk_sid from, enum pdk_peer_state state,
                           pdk_sid leader, pdk_zxid zxid, int64_t round, int64_t epoch)
{
    struct pdk_vote v = {.leader = leader, .zxid = zxid, .round = round, .epoch = epoch};
    receive_with(f, from, state, v, pdk_slice_null());
}

static inline void peer(struct fixture *f, pdk_sid sid, bool reachable)
{
    pdk_elect_peer(f->e, f->now, sid, reachable);
}

static inline void pass(struct fixture *f, int64_t ms)
{
    f->now += ms;
    pdk_elect_tick(f->e, f->now);
}

#endif
