/* A learner whose leader says anything, at any time.
 *
 * Input: four bytes of circumstances, then operations, a byte each, some with bytes behind.  Most
 * packets make sense: a type, a zxid near what the learner expects. */
#include "core/quorum/testing.h"
#include "core/store/store.h"
#include "core/zab/learner.h"
#include "jute/records.h"
#include "proto/opcode.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELD_MAX = 4096, BODY = 4 };
#define LINK 3u

static const char config_text[] =
    "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2:observer\nversion=0";
static const char other_text[] = "server.1=a:1:2\nserver.2=b:1:2\nversion=200000002";

struct rig {
    struct pdk_learner *l;
    struct pdk_history *history;
    struct pdk_reader in;
    struct pdk_buf unread;
    int64_t now_ms, accepting, storing; /* 0: nothing */
    pdk_zxid appended, durable, committed, load;
    bool dials, open, loads, spools, serves, lost, is_observer;
    bool acked_new_leader;
    int64_t current, served;
};

static uint8_t next(struct rig *r) { return pdk_read_u8(&r->in); }

/* ---- effects --------------------------------------------------------------------------------- */

static void check_sent(struct rig *r, struct pdk_slice rest)
{
    PDK_ASSERT(r->open && rest.len > 0);
    while (rest.len > 0) {
        struct pdk_qpacket p;
        size_t used = 0;
        PDK_ASSERT(pdk_qpacket_read(rest, FIELD_MAX, &p, &used) == PDK_QFOUND_PACKET);
        rest = pdk_slice_of(rest.bytes + used, rest.len - used);
        if (p.type != PDK_Q_ACK) continue;
        if (PDK_ZXID_COUNTER(p.zxid) == 0) {
            PDK_ASSERT(PDK_ZXID_EPOCH(p.zxid) == r->current);
            r->acked_new_leader = true;
        } else {
            PDK_ASSERT(r->acked_new_leader && !r->is_observer);
            PDK_ASSERT(p.zxid <= r->durable && p.zxid <= r->appended);
        }
    }
}

static void append(struct rig *r, const struct pdk_zab_effect *e)
{
    PDK_ASSERT(!r->loads && e->bytes.len >= PDK_TXN_HEADER_LEN);
    PDK_ASSERT(pdk_zxid_follows(r->appended, e->zxid));
    uint8_t *record = pdk_history_add(r->history, e->zxid, e->bytes.len);
    memcpy(record + PDK_LOG_HEAD_BYTES, e->bytes.bytes, e->bytes.len);
    pdk_log_frame(record, e->bytes.len);
    r->appended = e->zxid;
}

static void load(struct rig *r, pdk_zxid zxid)
{
    PDK_ASSERT(!r->loads);
    r->loads = true;
    r->load = zxid;
}

static void carry_out(struct rig *r, const struct pdk_zab_effect *e)
{
    PDK_ASSERT(!r->lost);
    switch (e->kind) {
    case PDK_ZAB_SEND: check_sent(r, e->bytes); return;
    case PDK_ZAB_CLOSE:
        PDK_ASSERT(r->open && e->link == LINK);
        r->open = false;
        return;
    case PDK_ZAB_DIAL: r->dials = true; return;
    case PDK_ZAB_STORE_ACCEPTED: r->accepting = e->epoch; return;
    case PDK_ZAB_STORE_CURRENT:
        PDK_ASSERT(r->durable >= r->committed || r->durable >= r->appended);
        r->storing = e->epoch;
        return;
    case PDK_ZAB_APPEND: append(r, e); return;
    case PDK_ZAB_TRUNCATE: load(r, e->zxid); return;
    case PDK_ZAB_SPOOL_BEGIN:
        r->spools = true;
        r->load = e->zxid;
        return;
    case PDK_ZAB_SPOOL_ADD: PDK_ASSERT(r->spools && e->bytes.len > 0); return;
    case PDK_ZAB_SPOOL_END:
        PDK_ASSERT(r->spools);
        r->spools = false;
        load(r, r->load);
        return;
    case PDK_ZAB_COMMIT:
        PDK_ASSERT(e->zxid <= r->appended);
        r->committed = e->zxid;
        return;
    case PDK_ZAB_SERVE:
        PDK_ASSERT(e->epoch > r->served && r->acked_new_leader);
        r->served = e->epoch;
        r->serves = true;
        return;
    case PDK_ZAB_PACKET: PDK_ASSERT(r->serves); return;
    case PDK_ZAB_LOST: r->lost = true; return;
    default: return;
    }
}

/* Effects of _bytes point into what was given. */
static void run(struct rig *r)
{
    struct pdk_zab_effect e;
    while (pdk_learner_next(r->l, &e)) carry_out(r, &e);
}

/* ---- what the leader says -------------------------------------------------------------------- */

static pdk_zxid some_zxid(struct rig *r)
{
    uint8_t what = next(r);
    switch (what % 8) {
    case 0:
    case 1: return r->appended + 1;
    case 2: return r->committed + 1;
    case 3: return pdk_zxid_of(what >> 4, 0);
    case 4: return pdk_zxid_of(what >> 4, 1);
    case 5: return r->appended;
    case 6: return r->appended - (what >> 4);
    default: return pdk_read_i64(&r->in);
    }
}

static void put_txn(struct rig *r, enum pdk_qtype type, pdk_zxid zxid)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), FIELD_MAX);
    bool activates = type == PDK_Q_INFORM_AND_ACTIVATE;
    if (activates) pdk_put_i64(&b, next(r) % 4);
    bool is_reconfig = activates || next(r) % 8 == 0;
    pdk_put_txn_header(
        &b, &(struct pdk_txn_header){.zxid = zxid, .type = is_reconfig ? PDK_OP_RECONFIG : 5});
    if (is_reconfig)
        pdk_put_set_data_txn(&b,
                             &(struct pdk_set_data_txn){.path = pdk_slice_str("/zookeeper/config"),
                                                        .data = pdk_slice_str(other_text)});
    else
        pdk_put_raw(&b, "data", BODY);
    pdk_put_qpacket(&r->unread, type, zxid, pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
}

static void put_snapshot(struct rig *r)
{
    static const uint8_t tree[] = "\0\0\0\0\0\0\0\0\0\0\0\1/\0\0\0\nBenWasHere";
    pdk_put_raw(&r->unread, tree, sizeof tree - 1);
}

static void say(struct rig *r)
{
    uint8_t bytes[12];
    enum pdk_qtype type = next(r) % 24;
    pdk_zxid zxid = some_zxid(r);
    switch (type) {
    case PDK_Q_PROPOSAL:
    case PDK_Q_INFORM:
    case PDK_Q_INFORM_AND_ACTIVATE: put_txn(r, type, zxid); return;
    case PDK_Q_NEWLEADER:
        pdk_put_qpacket(&r->unread, type, zxid,
                        pdk_slice_str(next(r) % 2 == 0 ? config_text : other_text));
        return;
    case PDK_Q_LEADERINFO:
        pdk_store_u32(bytes, PDK_LEARNER_PROTOCOL);
        memcpy(bytes + 4, "PDK1", 4);
        pdk_put_qpacket(&r->unread, type, zxid, pdk_slice_of(bytes, next(r) % 2 == 0 ? 4 : 8));
        return;
    case PDK_Q_COMMIT_AND_ACTIVATE:
        pdk_store_u64(bytes, next(r) % 4);
        pdk_put_qpacket(&r->unread, type, zxid, pdk_slice_of(bytes, 8));
        return;
    case PDK_Q_SNAP:
        pdk_put_qpacket(&r->unread, type, zxid, pdk_slice_null());
        put_snapshot(r);
        return;
    default: pdk_put_qpacket(&r->unread, type, zxid, pdk_slice_null()); return;
    }
}

static void say_anything(struct rig *r)
{
    for (uint8_t n = next(r) % 32; n > 0; n--) pdk_put_u8(&r->unread, next(r));
}

/* ---- operations ------------------------------------------------------------------------------ */

static void give(struct rig *r, size_t most)
{
    if (!r->open) return;
    size_t len = pdk_min_size(most, r->unread.len);
    size_t taken = pdk_learner_bytes(r->l, r->now_ms, pdk_slice_of(r->unread.bytes, len));
    PDK_ASSERT(taken <= len);
    run(r);
    if (taken == 0) return;
    memmove(r->unread.bytes, r->unread.bytes + taken, r->unread.len - taken);
    r->unread.len -= taken;
}

static void dialled(struct rig *r, bool connected)
{
    if (!r->dials) return;
    r->dials = false;
    r->open = connected && !r->lost;
    pdk_learner_dialled(r->l, r->now_ms, connected, LINK);
}

static void loaded(struct rig *r, uint8_t how)
{
    if (!r->loads) return;
    r->loads = false;
    bool ok = how % 8 != 0;
    if (ok) {
        pdk_history_reset(r->history, r->load);
        r->appended = r->durable = r->committed = r->load;
    }
    pdk_learner_loaded(r->l, r->now_ms, ok, r->load);
}

static void stored(struct rig *r, bool is_current)
{
    int64_t *slot = is_current ? &r->storing : &r->accepting;
    if (*slot == 0) return;
    int64_t epoch = *slot;
    *slot = 0;
    if (is_current) r->current = epoch;
    pdk_learner_stored(r->l, r->now_ms, epoch, is_current);
}

static void operate(struct rig *r)
{
    uint8_t what = next(r);
    switch (what & 15) {
    case 0: dialled(r, what < 0xf0); break;
    case 1:
        if (!r->loads) r->durable = r->appended;
        pdk_learner_durable(r->l, r->now_ms, r->durable);
        break;
    case 2: stored(r, false); break;
    case 3: stored(r, true); break;
    case 4: loaded(r, what >> 4); break;
    case 5: say_anything(r); break;
    case 6: give(r, (size_t)(what >> 4) + 1); break;
    case 7:
        r->now_ms += what >> 4;
        pdk_learner_tick(r->l, r->now_ms);
        break;
    case 8:
        if (!r->open || what < 0xf0) break;
        r->open = false;
        pdk_learner_closed(r->l, r->now_ms);
        break;
    case 9:
        if (pdk_learner_phase(r->l) == PDK_LEARNER_BROADCAST)
            pdk_learner_send(r->l, PDK_Q_PING, 1, pdk_slice_of("", 0), pdk_slice_null());
        break;
    default:
        say(r);
        give(r, SIZE_MAX);
        break;
    }
    run(r);
}

static void add_entries(struct rig *r, pdk_zxid last)
{
    pdk_history_reset(r->history, last - 3);
    for (pdk_zxid z = last - 2; z <= last; z++) {
        uint8_t *record = pdk_history_add(r->history, z, PDK_TXN_HEADER_LEN + BODY);
        memset(record, 0, PDK_LOG_FRAME_BYTES + PDK_TXN_HEADER_LEN + BODY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig r = {.in = pdk_reader_of(pdk_slice_of(data, size)), .now_ms = 1000};
    struct pdk_members *members = pdk_members_of_text(config_text);
    uint8_t how = next(&r);
    r.is_observer = (how & 1) != 0;
    r.current = next(&r) % 4;
    pdk_zxid last = pdk_zxid_of(next(&r) % 4, 5);
    r.history = pdk_history_create(pdk_mem_heap(), 100, 1 << 16);
    add_entries(&r, last);
    r.appended = r.committed = last;
    r.durable = (how & 2) != 0 ? last : -1;
    pdk_buf_init(&r.unread, pdk_mem_heap(), SIZE_MAX);
    struct pdk_learner_config config = {
        .mem = pdk_mem_heap(),
        .me = 1,
        .leader = 2,
        .is_observer = r.is_observer,
        .limits = {.tick_ms = 10,
                   .init_limit = 10,
                   .sync_limit = 5,
                   .packet_field_bytes = FIELD_MAX,
                   .reconfig_enabled = (how & 4) != 0},
        .committed = members,
        .accepted_epoch = r.current + next(&r) % 2,
        .current_epoch = r.current,
        .last = (how & 8) != 0 ? -1 : last,
        .log_is_durable = (how & 2) != 0,
        .history = r.history,
        .snapshot_entry_bytes = 100,
    };
    r.l = pdk_learner_create(&config, r.now_ms);
    run(&r);
    while (!r.lost && !r.in.failed && pdk_reader_left(&r.in) > 0) operate(&r);
    pdk_learner_destroy(r.l);
    pdk_history_destroy(r.history);
    pdk_members_drop(members);
    pdk_buf_deinit(&r.unread);
    return 0;
}
