/* A leader among learners that say anything, at any time.
 *
 * Input: operations, a byte each (what | link << 4), some with bytes behind.  Packets are built so
 * that most of them make sense: a type, a choice of zxids near the leader's, a little data. */
#include "core/quorum/testing.h"
#include "core/store/store.h"
#include "core/zab/leader.h"
#include "jute/records.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINKS = 8, BODY = 4, MAX_TXNS = 2000 };

static const char *const configs[] = {
    "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2:observer\nversion=0",
    "server.3=c:1:2\nversion=0",
    "server.1=a:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nversion=100000001",
    "server.1=a:1:2\nserver.5=e:1:2\nversion=200000001",
};

struct rig {
    struct pdk_leader *l;
    struct pdk_history *history;
    struct pdk_reader in;
    int64_t now_ms;
    pdk_zxid applied;
    bool open[LINKS], streams[LINKS], finds[LINKS];
    struct pdk_buf unread[LINKS];
    bool serves, renewing, retiring, reconfiguring, lost;
    int64_t epoch, to_store; /* to_store: 0 nothing */
    bool stores_current;
};

static uint8_t next(struct rig *r) { return pdk_read_u8(&r->in); }

static pdk_zxid some_zxid(struct rig *r)
{
    pdk_zxid last = pdk_history_last(r->history);
    switch (next(r) % 8) {
    case 0: return pdk_zxid_of(pdk_leader_epoch(r->l), 0);
    case 1: return pdk_zxid_of(pdk_leader_epoch(r->l), next(r));
    case 2: return last;
    case 3: return last - next(r) % 4;
    case 4: return pdk_zxid_of(next(r) % 4, 0);
    case 5: return pdk_zxid_of(next(r) % 4, next(r) % 8);
    case 6: return -1;
    default: return pdk_read_i64(&r->in);
    }
}

/* ---- effects --------------------------------------------------------------------------------- */

static void check_packets(struct pdk_slice rest)
{
    while (rest.len > 0) {
        struct pdk_qpacket p;
        size_t used = 0;
        PDK_ASSERT(pdk_qpacket_read(rest, 1 << 20, &p, &used) == PDK_QFOUND_PACKET);
        rest = pdk_slice_of(rest.bytes + used, rest.len - used);
    }
}

static void carry_out(struct rig *r, const struct pdk_zab_effect *e)
{
    PDK_ASSERT(!r->lost || e->kind == PDK_ZAB_CLOSE);
    switch (e->kind) {
    case PDK_ZAB_SEND:
        PDK_ASSERT(e->link_count > 0 && e->bytes.len > 0);
        for (size_t i = 0; i < e->link_count; i++) PDK_ASSERT(r->open[e->links[i]]);
        check_packets(e->bytes);
        return;
    case PDK_ZAB_CLOSE:
        PDK_ASSERT(r->open[e->link]);
        r->open[e->link] = false;
        return;
    case PDK_ZAB_FIND: r->finds[e->link] = true; return;
    case PDK_ZAB_STREAM_LOG:
        PDK_ASSERT(e->zxid < e->until && e->until <= pdk_history_base(r->history));
        r->streams[e->link] = true;
        return;
    case PDK_ZAB_STREAM_VIEW: r->streams[e->link] = true; return;
    case PDK_ZAB_STORE_ACCEPTED:
    case PDK_ZAB_STORE_CURRENT:
        PDK_ASSERT(r->to_store == 0 && e->epoch > 0);
        r->to_store = e->epoch;
        r->stores_current = e->kind == PDK_ZAB_STORE_CURRENT;
        return;
    case PDK_ZAB_COMMIT:
        PDK_ASSERT(e->zxid >= r->applied && e->zxid <= pdk_history_last(r->history));
        r->applied = e->zxid;
        pdk_history_release(r->history, r->applied);
        return;
    case PDK_ZAB_SERVE:
        PDK_ASSERT(e->epoch > r->epoch && r->applied == pdk_history_last(r->history));
        r->serves = true;
        r->renewing = false;
        r->epoch = e->epoch;
        return;
    case PDK_ZAB_CONFIG_ACTIVATE: r->reconfiguring = false; return;
    case PDK_ZAB_LOST: r->lost = true; return;
    default: return;
    }
}

static void run(struct rig *r)
{
    struct pdk_zab_effect e;
    while (pdk_leader_next(r->l, &e)) carry_out(r, &e);
    PDK_ASSERT(!r->lost || pdk_leader_learner_count(r->l) == 0);
}

/* ---- operations ------------------------------------------------------------------------------ */

static void give(struct rig *r, uint32_t link)
{
    struct pdk_buf *b = &r->unread[link];
    if (!r->open[link] || b->len == 0) return;
    size_t taken = pdk_leader_bytes(r->l, r->now_ms, link, pdk_buf_slice(b));
    PDK_ASSERT(taken <= b->len);
    memmove(b->bytes, b->bytes + taken, b->len - taken);
    b->len -= taken;
}

static void say(struct rig *r, uint32_t link)
{
    uint8_t bytes[24];
    int32_t type = next(r) % 24;
    pdk_zxid zxid = some_zxid(r);
    size_t len = next(r) % sizeof bytes;
    for (size_t i = 0; i < len; i++) bytes[i] = next(r);
    pdk_put_qpacket(&r->unread[link], (enum pdk_qtype)type, zxid, pdk_slice_of(bytes, len));
}

static void greet(struct rig *r, uint32_t link)
{
    uint8_t how = next(r);
    struct pdk_learner_info info = {.has_sid = true,
                                    .has_config_version = true,
                                    .is_paddock = (how & 1) != 0,
                                    .sid = next(r) % 8,
                                    .protocol = PDK_LEARNER_PROTOCOL};
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 100);
    pdk_put_learner_info(&b, &info);
    pdk_put_qpacket(&r->unread[link], (how & 2) != 0 ? PDK_Q_OBSERVERINFO : PDK_Q_FOLLOWERINFO,
                    pdk_zxid_of(how >> 4, 0), pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
}

static void ackepoch(struct rig *r, uint32_t link)
{
    uint8_t data[4];
    pdk_store_u32(data, (uint32_t)(next(r) % 4) - 1);
    pdk_put_qpacket(&r->unread[link], PDK_Q_ACKEPOCH, some_zxid(r), pdk_slice_of(data, 4));
}

static pdk_zxid add(struct rig *r)
{
    pdk_zxid last = pdk_history_last(r->history);
    pdk_zxid zxid = PDK_ZXID_EPOCH(last) < r->epoch ? pdk_zxid_of(r->epoch, 1) : last + 1;
    uint8_t *record = pdk_history_add(r->history, zxid, PDK_TXN_HEADER_LEN + BODY);
    memset(record, 7, PDK_LOG_FRAME_BYTES + PDK_TXN_HEADER_LEN + BODY);
    return zxid;
}

static void propose(struct rig *r, uint8_t how)
{
    if (!r->serves || r->renewing || r->retiring || r->lost) return;
    pdk_zxid last = pdk_history_last(r->history);
    if (PDK_ZXID_COUNTER(last) > MAX_TXNS) return;
    if (how % 16 == 0 && !r->reconfiguring) {
        r->reconfiguring = true;
        struct pdk_members *m = pdk_members_of_text(configs[how / 16 % PDK_COUNT_OF(configs)]);
        struct pdk_members *newer = pdk_members_with_version(m, add(r));
        pdk_leader_propose_config(r->l, r->now_ms, newer->version, newer);
        pdk_members_drop(newer);
        pdk_members_drop(m);
    } else if (how % 16 == 1 && !r->reconfiguring && r->applied == last) {
        r->renewing = true;
        pdk_leader_renew(r->l, r->now_ms);
    } else if (how % 16 == 2) {
        r->retiring = true;
        pdk_leader_retire(r->l, r->now_ms, how / 16);
    } else {
        pdk_leader_propose(r->l, r->now_ms, add(r));
    }
}

static void accept(struct rig *r, uint32_t link)
{
    if (r->open[link]) {
        r->open[link] = false;
        pdk_leader_closed(r->l, r->now_ms, link);
        return;
    }
    r->open[link] = true;
    r->streams[link] = r->finds[link] = false;
    pdk_buf_clear(&r->unread[link]);
    pdk_leader_accepted(r->l, r->now_ms, link, pdk_slice_str("10.0.0.1"));
}

static void answer_disk(struct rig *r, uint32_t link, uint8_t how)
{
    struct pdk_sync_query disk = {.disk_reaches = (how & 1) != 0, .disk_at = some_zxid(r)};
    if (r->to_store != 0 && (how & 2) != 0) {
        int64_t epoch = r->to_store;
        r->to_store = 0;
        pdk_leader_stored(r->l, r->now_ms, epoch, r->stores_current);
    } else if (r->finds[link]) {
        r->finds[link] = false;
        pdk_leader_found(r->l, r->now_ms, link, &disk);
    } else if (r->streams[link]) {
        r->streams[link] = false;
        pdk_leader_streamed(r->l, r->now_ms, link, (how & 12) != 0);
    } else {
        pdk_leader_durable(r->l, r->now_ms, pdk_history_last(r->history));
    }
}

static void step(struct rig *r)
{
    uint8_t op = next(r);
    uint32_t link = op >> 4 & 7;
    switch (op & 15) {
    case 0: accept(r, link); break;
    case 1: greet(r, link); break;
    case 2: ackepoch(r, link); break;
    case 3: say(r, link); break;
    case 4: pdk_put_u8(&r->unread[link], next(r)); break;
    case 5: pdk_put_qpacket(&r->unread[link], PDK_Q_ACK, some_zxid(r), pdk_slice_null()); break;
    case 6: propose(r, next(r)); break;
    case 7: answer_disk(r, link, next(r)); break;
    case 8: (void)pdk_leader_confirm(r->l, r->now_ms); break;
    case 9: pdk_leader_saw_looking(r->l, r->now_ms, link); break;
    case 10: pdk_leader_progress(r->l, r->now_ms, link); break;
    case 11: pdk_leader_send(r->l, link, PDK_Q_SYNC, 0, pdk_slice_null()); break;
    default:
        r->now_ms += next(r) * 4;
        pdk_leader_tick(r->l, r->now_ms);
        break;
    }
    run(r);
    give(r, link);
    run(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    struct rig r = {.in = pdk_reader_of(pdk_slice_of(data, size)), .applied = pdk_zxid_of(1, 2)};
    uint8_t how = next(&r);
    r.history = pdk_history_create(pdk_mem_heap(), 2, 0);
    pdk_history_reset(r.history, pdk_zxid_of(1, 0));
    r.epoch = 1;
    (void)add(&r);
    (void)add(&r);
    for (size_t i = 0; i < LINKS; i++) pdk_buf_init(&r.unread[i], pdk_mem_heap(), 1 << 20);
    struct pdk_members *members = pdk_members_of_text(configs[how % 3]);
    struct pdk_leader_config config = {
        .mem = pdk_mem_heap(),
        .me = 3,
        .limits = {.tick_ms = 100,
                   .init_limit = 10,
                   .sync_limit = 5,
                   .packet_field_bytes = 1000,
                   .reconfig_enabled = (how & 8) != 0},
        .committed = members,
        .accepted_epoch = 1,
        .current_epoch = 1,
        .force_snapshot = (how & 16) != 0,
        .snapshot_size_factor = (how & 32) != 0 ? -1 : 0,
        .max_snap_syncs = 2,
        .max_diff_syncs = 2,
        .max_wait_for_epoch_ms = (how & 64) != 0 ? 100 : -1,
        .history = r.history,
        .applied = &r.applied,
        .log_is_durable = (how & 128) != 0,
    };
    r.l = pdk_leader_create(&config, r.now_ms);
    run(&r);
    while (pdk_reader_left(&r.in) > 0 && !r.in.failed && !r.lost) step(&r);
    pdk_leader_destroy(r.l);
    pdk_members_drop(members);
    pdk_history_destroy(r.history);
    for (size_t i = 0; i < LINKS; i++) pdk_buf_deinit(&r.unread[i]);
    return 0;
}
