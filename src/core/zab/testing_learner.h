/* core/zab/testing_learner.h - a learner with a script for a leader: packets go in, what is to be
 * done comes out as text.
 *
 * The words, in the order of the effects: "dial", "close", ">ACK 100000001" for each packet sent,
 * "accept 1", "vouch 1" (store the accepted, the current epoch), "append 100000001", "truncate z",
 * "spool z", "add n", "install", "commit z", "serve 1", "lost", "seen v", "active v by sid",
 * "node PING z". */
#ifndef PDK_CORE_ZAB_TESTING_LEARNER_H
#define PDK_CORE_ZAB_TESTING_LEARNER_H

#include "core/quorum/testing.h"
#include "core/zab/learner.h"
#include "core/zab/testing.h"
#include "jute/records.h"
#include "proto/opcode.h"

#define RIG_LINK 7u
#define RIG_BODY 16

struct rig {
    struct pdk_learner *l;
    struct pdk_history *history;
    struct pdk_members *members;
    struct pdk_learner_config config;
    struct pdk_buf in; /* of the stream: not yet taken */
    char text[8192];   /* since the last look */
    char why[256];     /* of the LOST */
    char log[256];     /* the last line */
    int64_t now_ms;
    pdk_zxid appended; /* the last */
    pdk_zxid committed;
    size_t spooled;
};

static const char rig_config[] = "server.1=a:1:2:participant;9\nserver.2=b:1:2:participant;9\n"
                                 "server.3=c:1:2:participant;9\nserver.4=d:1:2:observer;9\n"
                                 "version=0";

static inline void rig_say(struct rig *r, const char *format, ...) PDK_PRINTF(2, 3);
static inline void rig_say(struct rig *r, const char *format, ...)
{
    va_list args;
    size_t at = strlen(r->text);
    if (at > 0) r->text[at++] = ' ';
    va_start(args, format);
    int n = vsnprintf(r->text + at, sizeof r->text - at, format, args);
    va_end(args);
    assert_true(n >= 0 && at + (size_t)n < sizeof r->text);
}

static inline void rig_sent(struct rig *r, struct pdk_slice bytes)
{
    while (bytes.len > 0) {
        struct pdk_qpacket p;
        size_t used;
        assert_int_equal(pdk_qpacket_read(bytes, 10000, &p, &used), PDK_QFOUND_PACKET);
        rig_say(r, ">%s %llx", pdk_qtype_name(p.type), (unsigned long long)p.zxid);
        if (p.type == PDK_Q_ACKEPOCH) rig_say(r, "(%d)", (int)(int32_t)pdk_load_u32(p.data.bytes));
        bytes = pdk_slice_of(bytes.bytes + used, bytes.len - used);
    }
}

/* What the node would do, as far as the learner can see. */
static inline void rig_append(struct rig *r, const struct pdk_zab_effect *e)
{
    uint8_t *record = pdk_history_add(r->history, e->zxid, e->bytes.len);
    memcpy(record + PDK_LOG_HEAD_BYTES, e->bytes.bytes, e->bytes.len);
    pdk_log_frame(record, e->bytes.len);
    r->appended = e->zxid;
    rig_say(r, "append %llx", (unsigned long long)e->zxid);
}

static inline void rig_keep(char *to, size_t cap, struct pdk_slice text)
{
    size_t n = pdk_min_size(text.len, cap - 1);
    memcpy(to, text.bytes, n);
    to[n] = 0;
}

static inline void rig_effect(struct rig *r, const struct pdk_zab_effect *e)
{
    unsigned long long zxid = (unsigned long long)e->zxid;
    switch (e->kind) {
    case PDK_ZAB_SEND:
        assert_int_equal(e->link_count, 1);
        assert_int_equal(e->links[0], RIG_LINK);
        rig_sent(r, e->bytes);
        return;
    case PDK_ZAB_CLOSE: rig_say(r, "close"); return;
    case PDK_ZAB_DIAL: rig_say(r, "dial"); return;
    case PDK_ZAB_STORE_ACCEPTED: rig_say(r, "accept %d", (int)e->epoch); return;
    case PDK_ZAB_STORE_CURRENT: rig_say(r, "vouch %d", (int)e->epoch); return;
    case PDK_ZAB_APPEND: rig_append(r, e); return;
    case PDK_ZAB_TRUNCATE: rig_say(r, "truncate %llx", zxid); return;
    case PDK_ZAB_SPOOL_BEGIN: rig_say(r, "spool %llx", zxid); return;
    case PDK_ZAB_SPOOL_ADD:
        r->spooled += e->bytes.len;
        rig_say(r, "add %zu", e->bytes.len);
        return;
    case PDK_ZAB_SPOOL_END: rig_say(r, "install"); return;
    case PDK_ZAB_COMMIT:
        r->committed = e->zxid;
        rig_say(r, "commit %llx", zxid);
        return;
    case PDK_ZAB_SERVE: rig_say(r, "serve %d", (int)e->epoch); return;
    case PDK_ZAB_LOST:
        rig_keep(r->why, sizeof r->why, e->bytes);
        rig_say(r, "lost");
        return;
    case PDK_ZAB_CONFIG_SEEN:
        rig_say(r, "seen %llx", (unsigned long long)e->members->version);
        return;
    case PDK_ZAB_CONFIG_ACTIVATE:
        rig_say(r, "active %llx by %lld", (unsigned long long)e->members->version,
                e->sid == PDK_SID_NONE ? -1LL : (long long)e->sid);
        return;
    case PDK_ZAB_PACKET:
        rig_say(r, "node %s %llx", pdk_qtype_name(e->packet.type),
                (unsigned long long)e->packet.zxid);
        return;
    case PDK_ZAB_LOG: rig_keep(r->log, sizeof r->log, e->bytes); return;
    default: fail_msg("effect %d is not a learner's", (int)e->kind);
    }
}

static inline void rig_drain(struct rig *r)
{
    struct pdk_zab_effect e;
    while (pdk_learner_next(r->l, &e)) rig_effect(r, &e);
}

/* What has been done since the last look. */
static inline void rig_expect_at(struct rig *r, const char *want, int line)
{
    if (strcmp(r->text, want) != 0) {
        print_error("line %d\n  got:  %s\n  want: %s\n  (%s)\n", line, r->text, want, r->why);
        fail();
    }
    r->text[0] = 0;
}
#define rig_expect(r, want) rig_expect_at(r, want, __LINE__)
/* Passes over what was done. */
static inline void rig_forget(struct rig *r) { r->text[0] = 0; }

/* ---- making one ------------------------------------------------------------------------------ */

/* Server 1, a follower of 2 whose log ends at `last` in `epoch`; to be changed before rig_start. */
static inline struct rig *rig_new(int64_t epoch, pdk_zxid last)
{
    struct rig *r = pdk_mem_must_zero(pdk_mem_heap(), 1, sizeof *r);
    r->members = pdk_members_of_text(rig_config);
    r->history = pdk_history_create(pdk_mem_heap(), 500, 1 << 20);
    pdk_buf_init(&r->in, pdk_mem_heap(), SIZE_MAX);
    r->now_ms = 1000;
    r->appended = last;
    r->config = (struct pdk_learner_config){
        .mem = pdk_mem_heap(),
        .me = 1,
        .leader = 2,
        .limits = {.tick_ms = 100,
                   .init_limit = 10,
                   .sync_limit = 5,
                   .packet_field_bytes = 10000,
                   .reconfig_enabled = true},
        .committed = r->members,
        .accepted_epoch = epoch,
        .current_epoch = epoch,
        .last = last,
        .log_is_durable = true,
        .history = r->history,
        .snapshot_entry_bytes = 1000,
    };
    if (last < 0) return r;
    /* The last five, as far as they are of one epoch. */
    pdk_zxid base = PDK_ZXID_COUNTER(last) > 5 ? last - 5 : pdk_zxid_of(PDK_ZXID_EPOCH(last), 0);
    pdk_history_reset(r->history, base);
    for (pdk_zxid z = base + 1; z <= last; z++) test_add(r->history, z, RIG_BODY);
    return r;
}

static inline void rig_start(struct rig *r)
{
    r->l = pdk_learner_create(&r->config, r->now_ms);
    rig_drain(r);
}

static inline void rig_free(struct rig *r)
{
    pdk_learner_destroy(r->l);
    pdk_history_destroy(r->history);
    pdk_members_drop(r->members);
    pdk_buf_deinit(&r->in);
    pdk_mem_free(pdk_mem_heap(), r);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Hands over what lies in `in`, in pieces of `step` bytes more each time. */
static inline void rig_flush_by(struct rig *r, size_t step)
{
    for (size_t offered = 0; r->in.len > 0;) {
        offered = pdk_min_size(offered + step, r->in.len);
        size_t used = pdk_learner_bytes(r->l, r->now_ms, pdk_slice_of(r->in.bytes, offered));
        assert_true(used <= offered);
        rig_drain(r);
        memmove(r->in.bytes, r->in.bytes + used, r->in.len - used);
        r->in.len -= used;
        if (used == 0 && offered == r->in.len) return;
        offered -= used;
    }
}
static inline void rig_flush(struct rig *r) { rig_flush_by(r, SIZE_MAX / 2); }

static inline void rig_put(struct rig *r, enum pdk_qtype type, pdk_zxid zxid, struct pdk_slice data)
{
    pdk_put_qpacket(&r->in, type, zxid, data);
}
static inline void rig_put_txn(struct rig *r, enum pdk_qtype type, pdk_zxid zxid)
{
    uint8_t txn[TEST_TXN_LEN(RIG_BODY)];
    test_fill_txn(txn, zxid, RIG_BODY);
    rig_put(r, type, zxid, pdk_slice_of(txn, sizeof txn));
}
static inline void rig_packet(struct rig *r, enum pdk_qtype type, pdk_zxid zxid)
{
    rig_put(r, type, zxid, pdk_slice_null());
    rig_flush(r);
}
static inline void rig_propose(struct rig *r, pdk_zxid zxid)
{
    rig_put_txn(r, PDK_Q_PROPOSAL, zxid);
    rig_flush(r);
}
static inline void rig_commit(struct rig *r, pdk_zxid zxid) { rig_packet(r, PDK_Q_COMMIT, zxid); }
static inline void rig_put_leader_info(struct rig *r, int64_t epoch, bool is_paddock)
{
    struct pdk_buf data;
    pdk_buf_init(&data, pdk_mem_heap(), 100);
    pdk_put_leader_info(&data, &(struct pdk_leader_info){.protocol = PDK_LEARNER_PROTOCOL,
                                                         .is_paddock = is_paddock});
    rig_put(r, PDK_Q_LEADERINFO, pdk_zxid_of(epoch, 0), pdk_buf_slice(&data));
    pdk_buf_deinit(&data);
}
static inline void rig_new_leader(struct rig *r, int64_t epoch, const char *config)
{
    rig_put(r, PDK_Q_NEWLEADER, pdk_zxid_of(epoch, 0), pdk_slice_str(config));
    rig_flush(r);
}
static inline void rig_durable(struct rig *r)
{
    pdk_learner_durable(r->l, r->now_ms, r->appended);
    rig_drain(r);
}
static inline void rig_stored(struct rig *r, int64_t epoch, bool is_current)
{
    pdk_learner_stored(r->l, r->now_ms, epoch, is_current);
    rig_drain(r);
}
/* The node's part of TRUNCATE and SPOOL_END. */
static inline void rig_loaded(struct rig *r, bool ok, pdk_zxid last)
{
    if (ok) pdk_history_reset(r->history, last);
    if (ok) r->appended = last;
    pdk_learner_loaded(r->l, r->now_ms, ok, last);
    rig_drain(r);
}
static inline void rig_tick(struct rig *r, int64_t later_ms)
{
    r->now_ms += later_ms;
    pdk_learner_tick(r->l, r->now_ms);
    rig_drain(r);
}
static inline void rig_closed(struct rig *r)
{
    pdk_learner_closed(r->l, r->now_ms);
    rig_drain(r);
}
static inline void rig_dialled(struct rig *r, bool connected)
{
    pdk_learner_dialled(r->l, r->now_ms, connected, RIG_LINK);
    rig_drain(r);
}

static const uint8_t rig_tree[] = {0, 0, 0,  0,   0,   0,   0,   0,   0,   0,   0,   1,   '/', 0,
                                   0, 0, 10, 'B', 'e', 'n', 'W', 'a', 's', 'H', 'e', 'r', 'e'};
static inline void rig_put_snap(struct rig *r, pdk_zxid zxid)
{
    rig_put(r, PDK_Q_SNAP, zxid, pdk_slice_null());
    pdk_put_raw(&r->in, rig_tree, sizeof rig_tree);
}

/* ---- short ways ------------------------------------------------------------------------------ */

/* Up to ACKEPOCH, with a leader of `epoch`. */
static inline struct rig *rig_greeted(int64_t own_epoch, pdk_zxid last, int64_t epoch,
                                      bool is_paddock)
{
    struct rig *r = rig_new(own_epoch, last);
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, epoch, is_paddock);
    rig_flush(r);
    rig_stored(r, epoch, false);
    rig_forget(r);
    return r;
}

static inline void rig_finish_sync(struct rig *r, int64_t epoch)
{
    rig_new_leader(r, epoch, "");
    rig_durable(r);
    rig_stored(r, epoch, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_forget(r);
}

/* In broadcast, behind an empty DIFF. */
static inline struct rig *rig_serving(int64_t own_epoch, pdk_zxid last, int64_t epoch,
                                      bool is_paddock)
{
    struct rig *r = rig_greeted(own_epoch, last, epoch, is_paddock);
    rig_packet(r, PDK_Q_DIFF, last);
    rig_finish_sync(r, epoch);
    return r;
}

#endif
