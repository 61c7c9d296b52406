/* Recorded elections of Apache's servers, with our machines in the place of one server after the
 * other: fed with what the others sent, they must send what Apache sent there.
 *
 * Ours may say more, and sooner.  Left out: what a looking voter answers to an observer (Apache
 * gives its last decision or its own vote, ours its proposal). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/elect/elect.h"
#include "core/elect/mesh.h"
#include "sim/recording.h"

#define SERVERS 4
#define VOTERS 3
#define FINALIZE_MS 200 /* Apache's */
#define FOREVER_MS 1000000

static const char *const folders[] = {"3.8.0", "3.9", "master", "mixed-leader-3.8.0",
                                      "mixed-leader-master"};
/* Steps in which servers elect, and which of them begin to look there; the others have a role. */
static const struct step {
    const char *name;
    unsigned looking; /* bits by sid */
} steps[] = {
    {"01-election", 1 << 1 | 1 << 2 | 1 << 3},
    {"02-observer-joins", 1 << 4},
    {"05-diff", 1 << 1},
    {"07-snap", 1 << 1},
    {"08-trunc", 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4},
    {"09-trunc-proposals", 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4},
    {"10-snap-epoch", 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4},
};

struct sent {
    pdk_sid to;
    struct pdk_slice frame;
};

/* One of ours, in the place of server `me`. */
struct stand_in {
    pdk_sid me;
    int64_t now_ms;
    struct pdk_elect *e;
    struct pdk_members *members;
    bool has_decided;
    struct pdk_vote decision;
    struct sent sent[512];
    size_t sent_count;
    bool looks;        /* from the beginning of the step */
    unsigned demanded; /* frames of Apache that were asked for */
};

static void open_recording(struct pdk_recording *r, const char *folder, const char *step)
{
    char path[128];
    (void)snprintf(path, sizeof path, "tests/golden/quorum/%s/%s.txt", folder, step);
    pdk_recording_open(r, path);
}

/* The next frame on an election port; hellos are told apart by their first bytes. */
static bool next_election_frame(struct pdk_recording *r, struct pdk_recorded *f, bool *is_hello)
{
    while (pdk_recording_next(r, f)) {
        if (!f->is_election || f->closed) continue;
        *is_hello = f->bytes.bytes[0] == 0xff;
        return true;
    }
    return false;
}

static pdk_sid sender_of(const struct pdk_recorded *f)
{
    return f->from_dialler ? f->dialler : f->acceptor;
}
static pdk_sid receiver_of(const struct pdk_recorded *f)
{
    return f->from_dialler ? f->acceptor : f->dialler;
}

static struct pdk_slice body_of(struct pdk_slice frame)
{
    return pdk_slice_of(frame.bytes + 4, frame.len - 4);
}

static struct pdk_notification read_frame(struct pdk_slice frame)
{
    struct pdk_notification n;
    assert_int_equal(pdk_notification_read(body_of(frame), &n), PDK_OK);
    return n;
}

static struct pdk_members *parse_config(struct pdk_slice text)
{
    struct pdk_members *m = NULL;
    struct pdk_diag diag = {""};
    if (pdk_members_parse(pdk_mem_heap(), text, 0, &m, &diag) != PDK_OK) fail_msg("%s", diag.text);
    return m;
}

/* ---- what ours does -------------------------------------------------------------------------- */

static void adopt(struct stand_in *s, struct pdk_slice text)
{
    struct pdk_members *newer = parse_config(text);
    bool differs = !pdk_members_equal(newer, s->members);
    assert_false(differs); /* none of the recorded elections changes members */
    pdk_elect_set_members(s->e, newer, newer);
    pdk_members_drop(s->members);
    s->members = newer;
}

static void carry_out(struct stand_in *s)
{
    size_t count;
    bool decided = false;
    struct pdk_buf config;
    pdk_buf_init(&config, pdk_mem_heap(), SIZE_MAX);
    const struct pdk_elect_effect *effects = pdk_elect_effects(s->e, &count);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_elect_effect *x = &effects[i];
        switch (x->kind) {
        case PDK_ELECT_SEND: {
            assert_true(s->sent_count < PDK_COUNT_OF(s->sent));
            uint8_t *copy = pdk_mem_must(pdk_mem_heap(), x->bytes.len);
            memcpy(copy, x->bytes.bytes, x->bytes.len);
            s->sent[s->sent_count++] =
                (struct sent){.to = x->sid, .frame = pdk_slice_of(copy, x->bytes.len)};
            break;
        }
        case PDK_ELECT_DECIDED:
            decided = true;
            s->decision = x->vote;
            break;
        case PDK_ELECT_CONFIG: pdk_put_raw(&config, x->bytes.bytes, x->bytes.len); break;
        case PDK_ELECT_DIAL:
        case PDK_ELECT_DESERTED: break;
        }
    }
    pdk_elect_effects_clear(s->e);
    if (config.len > 0) adopt(s, pdk_buf_slice(&config));
    pdk_buf_deinit(&config);
    if (!decided) return;
    s->has_decided = true;
    pdk_elect_settle(s->e, s->decision.leader == s->me ? PDK_LEADING
                           : s->me > VOTERS            ? PDK_OBSERVING
                                                       : PDK_FOLLOWING);
    carry_out(s);
}

static void open_stand_in(struct stand_in *s, pdk_sid me, struct pdk_slice config)
{
    *s = (struct stand_in){.me = me, .members = parse_config(config)};
    struct pdk_elect_config elect = {.mem = pdk_mem_heap(),
                                     .me = me,
                                     .min_interval_ms = FOREVER_MS * 2,
                                     .max_interval_ms = FOREVER_MS * 2,
                                     .finalize_wait_ms = FINALIZE_MS,
                                     .takes_configs = true};
    s->e = pdk_elect_create(&elect, s->members, s->members);
}

static void close_stand_in(struct stand_in *s)
{
    for (size_t i = 0; i < s->sent_count; i++) {
        pdk_mem_free(pdk_mem_heap(), (void *)(uintptr_t)s->sent[i].frame.bytes);
    }
    pdk_elect_destroy(s->e);
    pdk_members_drop(s->members);
}

static void receive(struct stand_in *s, pdk_sid from, struct pdk_slice body)
{
    pdk_elect_receive(s->e, s->now_ms, from, body);
    carry_out(s);
}

static void wait_until(struct stand_in *s, int64_t now_ms)
{
    if (now_ms > s->now_ms) s->now_ms = now_ms;
    pdk_elect_tick(s->e, s->now_ms);
    carry_out(s);
}

/* It begins to look as Apache's did: with the vote and in the round of its first message. */
static void begin_looking(struct stand_in *s, const struct pdk_notification *first)
{
    struct pdk_candidate c = {.favour = PDK_SID_NONE};
    if (first->leader == s->me) {
        c.zxid = first->zxid;
        c.epoch = first->epoch;
    }
    do {
        pdk_elect_effects_clear(s->e);
        pdk_elect_start(s->e, s->now_ms, &c);
    } while (pdk_elect_vote(s->e).round < first->round);
    carry_out(s);
}

/* It was elected or follows since an earlier step. */
static void begin_with_role(struct stand_in *s, struct pdk_notification first)
{
    struct pdk_candidate c = {.favour = PDK_SID_NONE};
    pdk_elect_start(s->e, s->now_ms, &c);
    enum pdk_peer_state state = first.state;
    first.config = pdk_slice_null();
    for (pdk_sid from = 1; from <= VOTERS; from++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
        first.state = state != PDK_LEADING && from == first.leader ? PDK_LEADING : PDK_FOLLOWING;
        pdk_put_vote_notification(&b, &first);
        if (from != s->me) receive(s, from, body_of(pdk_buf_slice(&b)));
        pdk_buf_deinit(&b);
    }
    assert_true(s->has_decided);
    pdk_elect_raise_epoch(s->e, first.epoch);
    carry_out(s);
}

/* ---- what Apache did ------------------------------------------------------------------------- */

static bool is_left_out(const struct pdk_recorded *f, const struct pdk_notification *n, bool looks)
{
    /* Apache takes the state a moment before the vote: nobody follows himself. */
    if (n->state == PDK_FOLLOWING) return n->leader == sender_of(f);
    if (n->state != PDK_LOOKING) return false;
    /* A stream that began anew repeated a vote of before. */
    return !looks || (sender_of(f) <= VOTERS && receiver_of(f) > VOTERS);
}

/* The first notification of `me` in a step; false: it said nothing. */
static bool find_first(struct pdk_recording *r, pdk_sid me, bool looks,
                       struct pdk_notification *first)
{
    struct pdk_recorded f;
    bool is_hello;
    while (next_election_frame(r, &f, &is_hello)) {
        if (is_hello || sender_of(&f) != me) continue;
        *first = read_frame(f.bytes);
        if (!is_left_out(&f, first, looks)) return true;
    }
    return false;
}

static bool has_sent(const struct stand_in *s, pdk_sid to, struct pdk_slice frame)
{
    for (size_t i = 0; i < s->sent_count; i++) {
        if (s->sent[i].to == to && pdk_slice_eq(s->sent[i].frame, frame)) return true;
    }
    return false;
}

static void demand(struct stand_in *s, const char *where, const struct pdk_recorded *f)
{
    struct pdk_notification n = read_frame(f->bytes);
    if (is_left_out(f, &n, s->looks)) return;
    if (n.state != PDK_LOOKING) {
        if (pdk_elect_is_looking(s->e)) fail_msg("%s: is undecided at line %u", where, f->line);
        if (pdk_elect_vote(s->e).epoch < n.epoch) pdk_elect_raise_epoch(s->e, n.epoch);
        carry_out(s);
    }
    if (!has_sent(s, receiver_of(f), f->bytes)) {
        fail_msg("%s: line %u, to %d: \"%.*s\" was not sent", where, f->line, (int)receiver_of(f),
                 (int)f->note.len, (const char *)f->note.bytes);
    }
    s->demanded++;
}

/* Puts ours where Apache's `me` is at the beginning of a step; false: it says nothing there. */
static bool begin(struct stand_in *s, const char *folder, const struct step *step, pdk_sid me)
{
    struct pdk_recording r;
    struct pdk_notification first;
    bool looks = (step->looking >> me & 1) != 0;
    open_recording(&r, folder, step->name);
    bool speaks = find_first(&r, me, looks, &first);
    if (speaks) {
        open_stand_in(s, me, first.config);
        s->looks = looks;
        if (looks) begin_looking(s, &first);
        if (!looks) begin_with_role(s, first);
    }
    pdk_recording_close(&r);
    return speaks;
}

/* Plays `me` through a step.  True: it has elected somebody. */
static bool play(const char *folder, const struct step *step, pdk_sid me, unsigned *demanded,
                 pdk_sid *elected)
{
    char where[128];
    (void)snprintf(where, sizeof where, "%s/%s as %d", folder, step->name, (int)me);
    struct pdk_recording r;
    struct stand_in s;
    if (!begin(&s, folder, step, me)) return false;
    struct pdk_recorded f;
    bool is_hello;
    open_recording(&r, folder, step->name);
    while (next_election_frame(&r, &f, &is_hello)) {
        if (is_hello) continue;
        wait_until(&s, f.at_ms);
        if (receiver_of(&f) == me) receive(&s, sender_of(&f), body_of(f.bytes));
        if (sender_of(&f) == me) demand(&s, where, &f);
    }
    wait_until(&s, s.now_ms + FINALIZE_MS);
    if (pdk_elect_is_looking(s.e)) fail_msg("%s: is undecided at the end", where);
    *elected = s.decision.leader;
    *demanded += s.demanded;
    pdk_recording_close(&r);
    bool looked = s.looks;
    close_stand_in(&s);
    return looked;
}

/* Who accepted the last learner. */
static pdk_sid leader_of(const char *folder, const char *step)
{
    struct pdk_recording r;
    struct pdk_recorded f;
    pdk_sid leader = PDK_SID_NONE;
    open_recording(&r, folder, step);
    while (pdk_recording_next(&r, &f)) {
        if (!f.is_election && !f.closed) leader = f.acceptor;
    }
    pdk_recording_close(&r);
    return leader;
}

static void ours_sends_what_apache_sent_and_elects_the_same(void **state)
{
    (void)state;
    unsigned demanded = 0, elections = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(folders); i++) {
        for (size_t k = 0; k < PDK_COUNT_OF(steps); k++) {
            pdk_sid leader = leader_of(folders[i], steps[k].name);
            for (pdk_sid me = 1; me <= SERVERS; me++) {
                pdk_sid elected;
                if (!play(folders[i], &steps[k], me, &demanded, &elected)) continue;
                elections++;
                if (elected != leader) {
                    fail_msg("%s/%s as %d: elected %d, not %d", folders[i], steps[k].name, (int)me,
                             (int)elected, (int)leader);
                }
            }
        }
    }
    print_message("%u elections, %u frames\n", elections, demanded);
    assert_int_equal(elections, 90);
    assert_in_range(demanded, 350, 2000);
}

/* ---- streams --------------------------------------------------------------------------------- */

static uint32_t next_link(void *ctx) { return ++*(uint32_t *)ctx; }

static struct pdk_mesh *open_mesh(pdk_sid me, struct pdk_members *members, uint32_t *links)
{
    struct pdk_mesh_config config = {.mem = pdk_mem_heap(),
                                     .me = me,
                                     .hello_timeout_ms = 1000,
                                     .redial_ms = 250,
                                     .strangers_max = 4};
    *links = 100;
    return pdk_mesh_create(&config, members, members, next_link, links);
}

/* What Apache's dialler said first, ours says too; ours keeps it or dials back as Apache did. */
static void check_hello(struct pdk_members *members, const struct pdk_recorded *f, bool was_kept)
{
    uint32_t links;
    size_t count;
    struct pdk_mesh *mesh = open_mesh(f->dialler, members, &links);
    pdk_mesh_dial(mesh, 0, f->acceptor);
    pdk_mesh_dialled(mesh, 0, links, true);
    const struct pdk_mesh_effect *effects = pdk_mesh_effects(mesh, &count);
    assert_true(count >= 2 && effects[1].kind == PDK_MESH_WRITE);
    assert_true(pdk_slice_eq(effects[1].bytes, f->bytes));
    assert_int_equal(pdk_mesh_knows(mesh, links), was_kept);
    pdk_mesh_destroy(mesh);

    mesh = open_mesh(f->acceptor, members, &links);
    pdk_mesh_accepted(mesh, 0, 1);
    assert_int_equal(pdk_mesh_bytes(mesh, 0, 1, f->bytes), f->bytes.len);
    assert_int_equal(pdk_mesh_knows(mesh, 1), was_kept);
    assert_int_equal(pdk_mesh_knows(mesh, 101), !was_kept);
    pdk_mesh_destroy(mesh);
}

/* Did a message come over the stream? */
static bool carried_votes(const char *folder, const char *step, unsigned stream)
{
    struct pdk_recording r;
    struct pdk_recorded f;
    bool is_hello, votes = false;
    open_recording(&r, folder, step);
    while (next_election_frame(&r, &f, &is_hello)) {
        if (!is_hello && f.stream == stream) votes = true;
    }
    pdk_recording_close(&r);
    return votes;
}

/* The config of the ensemble as its first notification tells it. */
static struct pdk_members *find_config(const char *folder)
{
    struct pdk_recording r;
    struct pdk_recorded f;
    bool is_hello = true;
    open_recording(&r, folder, "01-election");
    while (is_hello) assert_true(next_election_frame(&r, &f, &is_hello));
    struct pdk_members *m = parse_config(read_frame(f.bytes).config);
    pdk_recording_close(&r);
    return m;
}

static void streams_begin_and_end_as_apaches_did(void **state)
{
    (void)state;
    unsigned kept = 0, given_up = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(folders); i++) {
        struct pdk_members *members = find_config(folders[i]);
        for (size_t k = 0; k < PDK_COUNT_OF(steps); k++) {
            struct pdk_recording r;
            struct pdk_recorded f;
            bool is_hello;
            open_recording(&r, folders[i], steps[k].name);
            while (next_election_frame(&r, &f, &is_hello)) {
                if (!is_hello) continue;
                bool keeps = f.dialler > f.acceptor;
                check_hello(members, &f, keeps);
                if (carried_votes(folders[i], steps[k].name, f.stream)) {
                    assert_true(keeps);
                    kept++;
                } else if (!keeps) {
                    given_up++;
                }
            }
            pdk_recording_close(&r);
        }
        pdk_members_drop(members);
    }
    print_message("%u streams kept, %u given up\n", kept, given_up);
    assert_in_range(kept, 80, 1000);
    assert_in_range(given_up, 20, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_sends_what_apache_sent_and_elects_the_same),
        cmocka_unit_test(streams_begin_and_end_as_apaches_did),
    };
    return cmocka_run_group_tests_name("golden_election", tests, NULL, NULL);
}
