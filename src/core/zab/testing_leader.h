/* core/zab/testing_leader.h - a leader with a script for its learners: packets go in byte by byte,
 * what the leader wants done comes out as text.
 *
 * The words, in the order of the effects: "2:COMMIT 100000001" for a packet to link 2, "2,3:..." to
 * both; "close 2", "find 2 z", "log 2 z..z", "view 2", "accept 1", "vouch 1" (store the accepted,
 * the current epoch), "seen v", "active v by sid", "commit z", "serve 1", "lost", "departed sid",
 * "node 2 REQUEST", "confirmed 1".  Zxids are in hex. */
#ifndef PDK_CORE_ZAB_TESTING_LEADER_H
#define PDK_CORE_ZAB_TESTING_LEADER_H

#include "core/quorum/testing.h"
#include "core/zab/leader.h"
#include "core/zab/testing.h"

#define LEAD_LINKS 16

struct lead {
    struct pdk_leader *l;
    struct pdk_leader_config config;
    struct pdk_history *history;
    pdk_zxid applied;
    int64_t now_ms;
    struct pdk_buf unread[LEAD_LINKS];
    char text[16384]; /* since the last look */
    char sent[1024];  /* data of the last packet with some, in hex */
    char why[256];    /* of the LOST */
    char log[1024];   /* the last line */
};

static const char lead_three[] = "server.1=a:1:2:participant;9\nserver.2=b:1:2:participant;9\n"
                                 "server.3=c:1:2:participant;9\nserver.4=d:1:2:observer;9\n"
                                 "version=0";

static inline void lead_say(struct lead *r, const char *format, ...) PDK_PRINTF(2, 3);
static inline void lead_say(struct lead *r, const char *format, ...)
{
    va_list args;
    size_t at = strlen(r->text);
    if (at > 0) r->text[at++] = ' ';
    va_start(args, format);
    int n = vsnprintf(r->text + at, sizeof r->text - at, format, args);
    va_end(args);
    assert_true(n >= 0 && at + (size_t)n < sizeof r->text);
}

static inline void lead_keep(char *to, size_t cap, struct pdk_slice text)
{
    size_t n = pdk_min_size(text.len, cap - 1);
    memcpy(to, text.bytes, n);
    to[n] = 0;
}

static inline void lead_sent(struct lead *r, const struct pdk_zab_effect *e)
{
    struct pdk_slice rest = e->bytes;
    char links[64] = "";
    for (size_t i = 0; i < e->link_count; i++) {
        size_t at = strlen(links);
        (void)snprintf(links + at, sizeof links - at, "%s%u", i > 0 ? "," : "", e->links[i]);
    }
    while (rest.len > 0) {
        struct pdk_qpacket p;
        size_t used;
        assert_int_equal(pdk_qpacket_read(rest, 1 << 20, &p, &used), PDK_QFOUND_PACKET);
        assert_true(p.authinfo.is_null);
        lead_say(r, "%s:%s %llx", links, pdk_qtype_name(p.type), (unsigned long long)p.zxid);
        if (!p.data.is_null) r->sent[0] = 0;
        for (size_t i = 0; i < p.data.len && 2 * i + 3 < sizeof r->sent; i++)
            (void)snprintf(r->sent + 2 * i, 3, "%02x", p.data.bytes[i]);
        rest = pdk_slice_of(rest.bytes + used, rest.len - used);
    }
}

static inline void lead_effect(struct lead *r, const struct pdk_zab_effect *e)
{
    unsigned long long zxid = (unsigned long long)e->zxid, until = (unsigned long long)e->until;
    switch (e->kind) {
    case PDK_ZAB_SEND: lead_sent(r, e); return;
    case PDK_ZAB_CLOSE: lead_say(r, "close %u", e->link); return;
    case PDK_ZAB_FIND: lead_say(r, "find %u %llx", e->link, zxid); return;
    case PDK_ZAB_STREAM_LOG:
        assert_false(e->is_observer);
        lead_say(r, "log %u %llx..%llx", e->link, zxid, until);
        return;
    case PDK_ZAB_STREAM_VIEW: lead_say(r, "view %u", e->link); return;
    case PDK_ZAB_STORE_ACCEPTED: lead_say(r, "accept %lld", (long long)e->epoch); return;
    case PDK_ZAB_STORE_CURRENT: lead_say(r, "vouch %lld", (long long)e->epoch); return;
    case PDK_ZAB_CONFIG_SEEN:
        lead_say(r, "seen %llx", (unsigned long long)e->members->version);
        return;
    case PDK_ZAB_CONFIG_ACTIVATE:
        lead_say(r, "active %llx by %lld", (unsigned long long)e->members->version,
                 (long long)e->sid);
        return;
    case PDK_ZAB_COMMIT:
        r->applied = e->zxid;
        lead_say(r, "commit %llx", zxid);
        return;
    case PDK_ZAB_SERVE: lead_say(r, "serve %lld", (long long)e->epoch); return;
    case PDK_ZAB_LOST:
        lead_keep(r->why, sizeof r->why, e->bytes);
        lead_say(r, "lost");
        return;
    case PDK_ZAB_DEPARTED: lead_say(r, "departed %lld", (long long)e->sid); return;
    case PDK_ZAB_PACKET: lead_say(r, "node %u %s", e->link, pdk_qtype_name(e->packet.type)); return;
    case PDK_ZAB_CONFIRMED: lead_say(r, "confirmed %llu", (unsigned long long)e->round); return;
    case PDK_ZAB_LOG: lead_keep(r->log, sizeof r->log, e->bytes); return;
    default: fail_msg("effect %d is not a leader's", (int)e->kind);
    }
}

/* What has been done since the last look. */
static inline void lead_expect_at(struct lead *r, const char *want, int line)
{
    struct pdk_zab_effect e;
    while (pdk_leader_next(r->l, &e)) lead_effect(r, &e);
    if (strcmp(r->text, want) != 0) {
        print_error("line %d\n  got:  %s\n  want: %s\n  (%s)\n", line, r->text, want, r->log);
        fail();
    }
    r->text[0] = 0;
}
#define lead_expect(r, want) lead_expect_at(r, want, __LINE__)
/* Never mind what has been done. */
static inline void lead_skip(struct lead *r)
{
    struct pdk_zab_effect e;
    while (pdk_leader_next(r->l, &e)) lead_effect(r, &e);
    r->text[0] = 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Server 3 of 1, 2, 3 and the observer 4; history 1:1 1:2, epoch 1; to be changed before _start. */
static inline void lead_init(struct lead *r)
{
    memset(r, 0, sizeof *r);
    r->now_ms = 1000;
    r->applied = ZXID(1, 2);
    r->history = pdk_history_create(pdk_mem_heap(), 500, (size_t)1 << 30);
    pdk_history_reset(r->history, ZXID(1, 0));
    test_add(r->history, ZXID(1, 1), 4);
    test_add(r->history, ZXID(1, 2), 4);
    for (size_t i = 0; i < LEAD_LINKS; i++)
        pdk_buf_init(&r->unread[i], pdk_mem_heap(), (size_t)1 << 20);
    r->config = (struct pdk_leader_config){
        .mem = pdk_mem_heap(),
        .me = 3,
        .limits = {.tick_ms = 1000,
                   .init_limit = 10,
                   .sync_limit = 5,
                   .packet_field_bytes = 1 << 20},
        .committed = pdk_members_of_text(lead_three),
        .accepted_epoch = 1,
        .current_epoch = 1,
        .snapshot_size_factor = 0.33,
        .max_snap_syncs = 10,
        .max_diff_syncs = 100,
        .max_wait_for_epoch_ms = -1,
        .history = r->history,
        .applied = &r->applied,
        .log_is_durable = true,
    };
}
static inline void lead_start(struct lead *r) { r->l = pdk_leader_create(&r->config, r->now_ms); }
static inline void lead_end(struct lead *r)
{
    pdk_leader_destroy(r->l);
    pdk_history_destroy(r->history);
    pdk_members_drop(r->config.committed);
    pdk_members_drop(r->config.last_seen);
    for (size_t i = 0; i < LEAD_LINKS; i++) pdk_buf_deinit(&r->unread[i]);
}

/* ---- learners -------------------------------------------------------------------------------- */

/* Byte by byte, so that every packet is cut everywhere. */
static inline void lead_bytes(struct lead *r, uint32_t link, struct pdk_slice bytes)
{
    struct pdk_buf *b = &r->unread[link];
    for (size_t i = 0; i < bytes.len; i++) {
        pdk_put_u8(b, bytes.bytes[i]);
        size_t taken = pdk_leader_bytes(r->l, r->now_ms, link, pdk_buf_slice(b));
        assert_true(taken <= b->len);
        memmove(b->bytes, b->bytes + taken, b->len - taken);
        b->len -= taken;
    }
}
static inline void lead_packet(struct lead *r, uint32_t link, enum pdk_qtype type, pdk_zxid zxid,
                               struct pdk_slice data)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), (size_t)1 << 20);
    pdk_put_qpacket(&b, type, zxid, data);
    lead_bytes(r, link, pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
}
static inline void lead_accept(struct lead *r, uint32_t link)
{
    pdk_buf_clear(&r->unread[link]);
    pdk_leader_accepted(r->l, r->now_ms, link, pdk_slice_str("10.0.0.1"));
}

enum { LEAD_OBSERVER = 1, LEAD_PADDOCK = 2 };
/* A new link says who it is. */
static inline void lead_greet(struct lead *r, uint32_t link, pdk_sid sid, int64_t accepted,
                              unsigned how)
{
    struct pdk_buf b;
    struct pdk_learner_info info = {.has_sid = true,
                                    .has_config_version = true,
                                    .is_paddock = (how & LEAD_PADDOCK) != 0,
                                    .sid = sid,
                                    .protocol = PDK_LEARNER_PROTOCOL};
    pdk_buf_init(&b, pdk_mem_heap(), 100);
    pdk_put_learner_info(&b, &info);
    lead_accept(r, link);
    lead_packet(r, link, (how & LEAD_OBSERVER) != 0 ? PDK_Q_OBSERVERINFO : PDK_Q_FOLLOWERINFO,
                ZXID(accepted, 0), pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
}
static inline void lead_ackepoch(struct lead *r, uint32_t link, int32_t current, pdk_zxid last)
{
    uint8_t data[4];
    pdk_store_u32(data, (uint32_t)current);
    lead_packet(r, link, PDK_Q_ACKEPOCH, last, pdk_slice_of(data, 4));
}
static inline void lead_ack(struct lead *r, uint32_t link, pdk_zxid zxid)
{
    lead_packet(r, link, PDK_Q_ACK, zxid, pdk_slice_null());
}
static inline void lead_stored(struct lead *r, int64_t epoch, bool is_current)
{
    pdk_leader_stored(r->l, r->now_ms, epoch, is_current);
}

/* Follower `sid` on the link of the same number comes to an established leader of `epoch`, with
 * `last`, and follows. */
static inline void lead_join(struct lead *r, pdk_sid sid, int64_t epoch, pdk_zxid last,
                             unsigned how)
{
    uint32_t link = (uint32_t)sid;
    lead_greet(r, link, sid, epoch - 1, how);
    lead_ackepoch(r, link, (int32_t)(epoch - 1), last);
    lead_ack(r, link, ZXID(epoch, 0));
    lead_ack(r, link, ZXID(epoch, 0)); /* of UPTODATE */
}
/* Through all phases with follower 2 on link 2: epoch 2 serves. */
static inline void lead_establish(struct lead *r, unsigned how)
{
    lead_start(r);
    lead_greet(r, 2, 2, 1, how);
    lead_stored(r, 2, false);
    lead_ackepoch(r, 2, 1, pdk_history_last(r->history));
    lead_stored(r, 2, true);
    pdk_leader_streamed(r->l, r->now_ms, 2, true);
    lead_ack(r, 2, ZXID(2, 0));
    lead_ack(r, 2, ZXID(2, 0));
    assert_int_equal(pdk_leader_phase(r->l), PDK_LEADER_BROADCAST);
    lead_skip(r);
}
/* The next `count` transactions of epoch 2. */
static inline void lead_propose(struct lead *r, uint32_t count)
{
    pdk_zxid last = pdk_history_last(r->history);
    if (PDK_ZXID_EPOCH(last) < pdk_leader_epoch(r->l)) last = ZXID(pdk_leader_epoch(r->l), 0);
    for (uint32_t i = 1; i <= count; i++) test_add(r->history, last + i, 4);
    pdk_leader_propose(r->l, r->now_ms, last + count);
}
static inline void lead_durable(struct lead *r, pdk_zxid zxid)
{
    pdk_leader_durable(r->l, r->now_ms, zxid);
}
static inline void lead_tick(struct lead *r, int64_t later_ms)
{
    r->now_ms += later_ms;
    pdk_leader_tick(r->l, r->now_ms);
}

#endif
