/* Proposals, acks, commits, and the change of configs among them.
 *
 * An ack stands for everything before it, so a learner's acks are one number.  A proposal is
 * committed when every config that it needs has a quorum at or above it: the one in force when it
 * was proposed, and the one that a reconfig at or before it proposes.  A reconfig in the middle of
 * what may be committed comes into force at its place.  If it names another leader nothing behind
 * it is committed by us. */
#include "core/zab/leader_internal.h"

/* ---- proposals ------------------------------------------------------------------------------- */

static void count_proposal(struct pdk_leader *l, size_t len)
{
    struct pdk_leader_counts *c = &l->counts;
    uint32_t bytes = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
    c->proposals++;
    c->last_proposal_bytes = bytes;
    if (bytes > c->max_proposal_bytes) c->max_proposal_bytes = bytes;
    if (bytes < c->min_proposal_bytes || c->proposals == 1) c->min_proposal_bytes = bytes;
}

void pdk_leader_propose(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid)
{
    l->now_ms = now_ms;
    if (l->lost) return;
    const struct pdk_history *h = l->config.history;
    PDK_ASSERT(l->phase == PDK_LEADER_BROADCAST && !l->retiring);
    PDK_ASSERT(zxid <= pdk_history_last(h) && PDK_ZXID_EPOCH(zxid) == l->epoch);
    size_t from = pdk_history_after(h, l->proposed), until = pdk_history_after(h, zxid);
    if (from == until) return;
    size_t mark = pdk_zab_mark(&l->out);
    for (size_t i = from; i < until; i++) {
        const struct pdk_history_entry *e = pdk_history_at(h, i);
        count_proposal(l, e->len);
        if (l->follower_count > 0)
            pdk_put_qpacket(&l->out.bytes, PDK_Q_PROPOSAL, e->zxid, pdk_history_txn(e));
    }
    pdk_zab_send(&l->out, l->follower_links, l->follower_count, mark);
    l->proposed = l->ping_zxid = zxid;
    for (size_t i = 0; i < l->follower_count; i++) {
        struct pdk_peer *p = l->followers[i];
        if (p->due != 0 || p->step < STEP_ACKED) continue;
        p->due = pdk_history_at(h, from)->zxid;
        p->due_since_ms = now_ms;
    }
}

void pdk_leader_propose_config(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid,
                               struct pdk_members *next)
{
    l->now_ms = now_ms;
    if (l->lost) return;
    PDK_ASSERT(l->config_zxid == 0 && l->need_count < PDK_NEEDS_MAX);
    pdk_members_drop(l->last_seen);
    l->last_seen = pdk_members_hold(next);
    pdk_zab_add(&l->out, PDK_ZAB_CONFIG_SEEN)->members = next;
    l->needs[l->need_count++] = (struct pdk_need){pdk_members_hold(next), zxid, INT64_MAX};
    l->config_zxid = zxid;
    pdk_leader_propose(l, now_ms, zxid);
}

bool pdk_leader_has_quorum_of(const struct pdk_leader *l, const struct pdk_members *next)
{
    struct pdk_sids synced = {0};
    pdk_sids_add(&synced, l->config.me);
    for (size_t i = 0; i < l->follower_count; i++) {
        if (l->followers[i]->step >= STEP_ACKED) pdk_sids_add(&synced, l->followers[i]->sid);
    }
    return l->phase == PDK_LEADER_BROADCAST && pdk_members_quorum(next, &synced);
}

/* ---- acks ------------------------------------------------------------------------------------ */

static void watch_next_ack(struct pdk_leader *l, struct pdk_peer *p)
{
    if (p->due != 0 && p->acked < p->due) return;
    p->due = p->acked < l->proposed && p->step >= STEP_ACKED && !p->is_observer ? l->proposed : 0;
    p->due_since_ms = l->now_ms;
}

static bool take_ack_of_epoch(struct pdk_leader *l, struct pdk_peer *p)
{
    if (p->step == STEP_FOLLOWS) {
        p->counts_answers = true;
    } else if (p->step == STEP_SYNC) {
        if (p->streaming) {
            pdk_leader_drop(l, p, "it acks what it cannot have");
            return false;
        }
        pdk_leader_finish_sync(l, p);
        if (l->lost) return false;
        watch_next_ack(l, p);
        l->acks_came = true;
    }
    return true;
}

bool pdk_leader_take_ack(struct pdk_leader *l, struct pdk_peer *p, pdk_zxid zxid)
{
    if (zxid == pdk_leader_zxid(l)) return take_ack_of_epoch(l, p);
    if (p->is_observer || zxid <= p->acked || zxid <= l->own_last) return true;
    if (zxid > l->proposed) {
        pdk_leader_drop(l, p, "it acks what was not proposed");
        return false;
    }
    l->counts.acks++;
    p->acked = zxid;
    l->acks_came = true;
    watch_next_ack(l, p);
    return true;
}

void pdk_leader_durable(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid)
{
    l->now_ms = now_ms;
    if (l->lost || zxid <= l->durable) return;
    l->durable = zxid;
    l->acks_came = true;
    pdk_leader_try_establish(l);
    pdk_leader_commit(l);
}

/* ---- commits --------------------------------------------------------------------------------- */

struct acked {
    pdk_zxid zxid;
    pdk_sid sid;
};

static size_t add_sorted(struct acked *list, size_t count, pdk_zxid zxid, pdk_sid sid)
{
    size_t i = count;
    for (; i > 0 && list[i - 1].zxid < zxid; i--) list[i] = list[i - 1];
    list[i] = (struct acked){zxid, sid};
    return count + 1;
}

/* The largest zxid that a quorum of `m` has on its disks. */
static pdk_zxid quorum_has(const struct pdk_leader *l, const struct pdk_members *m)
{
    struct acked list[PDK_MEMBERS_MAX + 1];
    size_t count = 0;
    if (pdk_members_has_voter(m, l->config.me))
        count = add_sorted(list, count, l->durable, l->config.me);
    for (size_t i = 0; i < l->follower_count && count < PDK_COUNT_OF(list); i++) {
        const struct pdk_peer *p = l->followers[i];
        if (p->step >= STEP_ACKED && pdk_members_has_voter(m, p->sid))
            count = add_sorted(list, count, p->acked, p->sid);
    }
    struct pdk_sids have = {0};
    for (size_t i = 0; i < count; i++) {
        pdk_sids_add(&have, list[i].sid);
        if (i + 1 < count && list[i + 1].zxid == list[i].zxid) continue;
        if (pdk_members_quorum(m, &have)) return list[i].zxid;
    }
    return 0;
}

static pdk_zxid commit_point(const struct pdk_leader *l)
{
    pdk_zxid point = l->proposed;
    for (size_t i = 0; i < l->need_count; i++) {
        const struct pdk_need *need = &l->needs[i];
        pdk_zxid had = quorum_has(l, need->members);
        if (had >= need->until) continue;
        pdk_zxid limit = had >= need->from ? had : need->from - 1;
        if (limit < point) point = limit;
    }
    return point;
}

static void put_commit(struct pdk_leader *l, pdk_zxid zxid, const pdk_sid *designated)
{
    if (l->follower_count == 0) return;
    uint8_t data[8];
    if (designated == NULL) {
        pdk_put_qpacket(&l->out.bytes, PDK_Q_COMMIT, zxid, pdk_slice_null());
        return;
    }
    pdk_store_u64(data, (uint64_t)*designated);
    pdk_put_qpacket(&l->out.bytes, PDK_Q_COMMIT_AND_ACTIVATE, zxid, pdk_slice_of(data, 8));
}

static void put_inform(struct pdk_leader *l, const struct pdk_history_entry *e,
                       const pdk_sid *designated)
{
    struct pdk_slice txn = pdk_history_txn(e);
    if (designated == NULL) {
        pdk_put_qpacket(&l->out.bytes, PDK_Q_INFORM, e->zxid, txn);
        return;
    }
    pdk_put_i32(&l->out.bytes, PDK_Q_INFORM_AND_ACTIVATE);
    pdk_put_i64(&l->out.bytes, e->zxid);
    pdk_put_i32(&l->out.bytes, (int32_t)(8 + txn.len));
    pdk_put_i64(&l->out.bytes, *designated);
    pdk_put_raw(&l->out.bytes, txn.bytes, txn.len);
    pdk_put_i32(&l->out.bytes, -1); /* authinfo */
}

/* Commits and tells everybody; `designated`: it is one reconfig, which comes into force. */
static void commit_up_to(struct pdk_leader *l, pdk_zxid zxid, const pdk_sid *designated)
{
    const struct pdk_history *h = l->config.history;
    size_t from = pdk_history_after(h, l->commit), until = pdk_history_after(h, zxid);
    if (from == until) return;
    size_t mark = pdk_zab_mark(&l->out);
    for (size_t i = from; i < until; i++) put_commit(l, pdk_history_at(h, i)->zxid, designated);
    pdk_zab_send(&l->out, l->follower_links, l->follower_count, mark);
    if (l->observer_count > 0) {
        mark = pdk_zab_mark(&l->out);
        for (size_t i = from; i < until; i++) put_inform(l, pdk_history_at(h, i), designated);
        pdk_zab_send(&l->out, l->observer_links, l->observer_count, mark);
    }
    l->counts.commits += until - from;
    l->commit = zxid;
    if (l->config.feeds) return; /* the node has heard it first */
    if (designated != NULL) pdk_leader_activate(l, *designated);
    pdk_zab_add(&l->out, PDK_ZAB_COMMIT)->zxid = zxid;
}

/* What was proposed before the new config came into force still needs the old one. */
static void close_old_need(struct pdk_leader *l)
{
    for (size_t i = 0; i < l->need_count; i++) {
        if (l->needs[i].until == INT64_MAX && l->needs[i].members != l->committed)
            l->needs[i].until = l->proposed;
    }
    l->config_zxid = 0;
}

static void drop_met_needs(struct pdk_leader *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->need_count; i++) {
        if (l->needs[i].until <= l->commit)
            pdk_members_drop(l->needs[i].members);
        else
            l->needs[kept++] = l->needs[i];
    }
    l->need_count = kept;
}

void pdk_leader_commit(struct pdk_leader *l)
{
    if (!l->acks_came || l->lost || l->phase != PDK_LEADER_BROADCAST) return;
    l->acks_came = false;
    pdk_zxid point = l->commit < l->proposed ? commit_point(l) : l->commit;
    if (l->config_zxid != 0 && point >= l->config_zxid) {
        pdk_zxid reconfig = l->config_zxid;
        commit_up_to(l, reconfig - 1, NULL);
        pdk_sid designated = pdk_leader_designate(l, l->last_seen, reconfig);
        commit_up_to(l, reconfig, &designated);
        close_old_need(l);
        if (designated != l->config.me) {
            pdk_leader_lose(l, "a reconfig has come into force that names another leader");
            return;
        }
        pdk_leader_count_links(l);
    }
    if (point > l->commit) commit_up_to(l, point, NULL);
    drop_met_needs(l);
    pdk_leader_try_retire(l);
}

/* ---- feeding observers ----------------------------------------------------------------------- */

void pdk_leader_feed(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid)
{
    l->now_ms = now_ms;
    if (zxid <= l->commit) return;
    commit_up_to(l, zxid, NULL);
    l->commit = l->proposed = l->ping_zxid = zxid;
}

void pdk_leader_feed_config(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid,
                            struct pdk_members *members, pdk_sid designated)
{
    l->now_ms = now_ms;
    pdk_members_hold(members);
    pdk_members_drop(l->committed);
    pdk_members_drop(l->last_seen);
    l->committed = members;
    l->last_seen = pdk_members_hold(members);
    if (zxid <= l->commit) return;
    commit_up_to(l, zxid - 1, NULL);
    commit_up_to(l, zxid, &designated);
    l->commit = l->proposed = l->ping_zxid = zxid;
}
