/* Bringing one learner's history to ours.
 *
 *     DIFF, TRUNC or SNAP | from the disk | PROPOSAL COMMIT ... | PROPOSAL ... | NEWLEADER | live
 *
 * All of it is decided and queued in one step, and from that step on the learner gets what is
 * proposed and committed: nothing is lost or doubled in between.  The driver holds everything
 * behind a stream until it has left, NEWLEADER too (ZOOKEEPER-3104).
 *
 * To a learner that is not ours, what is outstanding goes behind NEWLEADER, not before it as from
 * Apache's leader.  It has to be acked one by one anyway; and followers of release 3.8.0 log what
 * comes before NEWLEADER at once: they then ack it before NEWLEADER (ZOOKEEPER-4685) and die of its
 * COMMIT when that comes before UPTODATE (ZOOKEEPER-4394). */
#include "core/zab/leader_internal.h"

static const char *kind_name(enum pdk_sync_kind kind)
{
    switch (kind) {
    case PDK_SYNC_DIFF: return "diff";
    case PDK_SYNC_TRUNC: return "trunc";
    case PDK_SYNC_SNAP: return "snap";
    default: return "look";
    }
}

/* Only observers are refused; voters are counted. */
static bool take_slot(struct pdk_leader *l, struct pdk_peer *p, enum pdk_sync_kind kind)
{
    bool is_snap = kind == PDK_SYNC_SNAP;
    int32_t *count = is_snap ? &l->snap_syncs : &l->diff_syncs;
    int32_t most = is_snap ? l->config.max_snap_syncs : l->config.max_diff_syncs;
    if (p->is_observer && *count >= most) {
        pdk_leader_drop(l, p, "too many observers are being brought up: it has to try again");
        return false;
    }
    ++*count;
    p->slot = is_snap ? SLOT_SNAP : SLOT_DIFF;
    if (kind == PDK_SYNC_DIFF) l->counts.diff_syncs++;
    if (kind == PDK_SYNC_TRUNC) l->counts.trunc_syncs++;
    if (kind == PDK_SYNC_SNAP) l->counts.snap_syncs++;
    return true;
}

static void stream(struct pdk_leader *l, struct pdk_peer *p, const struct pdk_sync_plan *plan)
{
    bool from_log = plan->kind != PDK_SYNC_SNAP;
    struct pdk_zab_effect *e =
        pdk_zab_add(&l->out, from_log ? PDK_ZAB_STREAM_LOG : PDK_ZAB_STREAM_VIEW);
    e->link = p->link;
    e->zxid = plan->disk_after;
    e->until = plan->disk_until;
    p->streaming = true;
    p->streams_log = from_log;
}

static void put_committed(struct pdk_leader *l, const struct pdk_peer *p, size_t from)
{
    const struct pdk_history *h = l->config.history;
    size_t until = pdk_history_after(h, l->commit);
    size_t mark = pdk_zab_mark(&l->out);
    for (size_t i = from; i < until; i++) {
        const struct pdk_history_entry *e = pdk_history_at(h, i);
        pdk_put_qpacket(&l->out.bytes, PDK_Q_PROPOSAL, e->zxid, pdk_history_txn(e));
        pdk_put_qpacket(&l->out.bytes, PDK_Q_COMMIT, e->zxid, pdk_slice_null());
    }
    pdk_zab_send(&l->out, &p->link, 1, mark);
}

static void put_outstanding(struct pdk_leader *l, const struct pdk_peer *p)
{
    const struct pdk_history *h = l->config.history;
    size_t until = pdk_history_after(h, l->proposed);
    size_t mark = pdk_zab_mark(&l->out);
    for (size_t i = pdk_history_after(h, l->commit); i < until; i++) {
        const struct pdk_history_entry *e = pdk_history_at(h, i);
        pdk_put_qpacket(&l->out.bytes, PDK_Q_PROPOSAL, e->zxid, pdk_history_txn(e));
    }
    pdk_zab_send(&l->out, &p->link, 1, mark);
}

static void put_newleader(struct pdk_leader *l, struct pdk_peer *p)
{
    struct pdk_buf text;
    pdk_buf_init(&text, l->config.mem, SIZE_MAX);
    pdk_members_put_text(l->last_seen, false, &text);
    PDK_ASSERT(!text.failed);
    pdk_leader_put(l, p, PDK_Q_NEWLEADER, pdk_leader_zxid(l), pdk_buf_slice(&text));
    pdk_buf_deinit(&text);
    p->step = STEP_SYNC;
    p->covered = l->commit;
    p->sign_ms = l->now_ms;
}

static void carry_out(struct pdk_leader *l, struct pdk_peer *p, const struct pdk_sync_plan *plan)
{
    pdk_zxid applied = *l->config.applied;
    bool is_snap = plan->kind == PDK_SYNC_SNAP;
    pdk_zxid zxid = is_snap ? applied : plan->zxid;
    if (!take_slot(l, p, plan->kind)) return;
    PDK_LEADER_LOG(l, PDK_LOG_INFO,
                   "learner.sync.start mode=%s from=0x%llx to=0x%llx at=0x%llx disk=%d peer=%lld",
                   kind_name(plan->kind), (unsigned long long)p->last,
                   (unsigned long long)l->commit, (unsigned long long)zxid, plan->disk_until != 0,
                   (long long)p->sid);
    enum pdk_qtype type = is_snap                        ? PDK_Q_SNAP
                          : plan->kind == PDK_SYNC_TRUNC ? PDK_Q_TRUNC
                                                         : PDK_Q_DIFF;
    pdk_leader_put(l, p, type, zxid, pdk_slice_null());
    if (is_snap || plan->disk_until != 0) stream(l, p, plan);
    put_committed(l, p, is_snap ? pdk_history_after(l->config.history, applied) : plan->from);
    p->acked = 0;
    p->due = 0;
    if (p->is_paddock && !p->is_observer) put_outstanding(l, p);
    put_newleader(l, p);
    if (!p->is_paddock && !p->is_observer) put_outstanding(l, p);
    pdk_leader_forward_to(l, p);
}

/* Has the node been told of a commit that it may not have applied yet?  Then the tree will not
 * stand at *applied when a stream of it begins. */
static bool commit_is_on_its_way(const struct pdk_leader *l)
{
    for (size_t i = l->out.next; i < l->out.count; i++) {
        if (l->out.effects[i].kind == PDK_ZAB_COMMIT) return true;
    }
    return false;
}

/* It has followed all along: there is nothing to make equal.  What was proposed in the new epoch
 * before it got here is on its link already. */
static void renew(struct pdk_leader *l, struct pdk_peer *p)
{
    if (p->last < l->own_last)
        pdk_leader_drop(l, p, "it has followed and does not have what was committed");
    else
        put_newleader(l, p);
}

static void plan_and_sync(struct pdk_leader *l, struct pdk_peer *p,
                          const struct pdk_sync_query *disk)
{
    if (p->in_renewal) {
        renew(l, p);
        return;
    }
    struct pdk_sync_query q = disk != NULL ? *disk : (struct pdk_sync_query){0};
    q.peer = p->last;
    q.is_paddock = p->is_paddock;
    q.committed = l->commit;
    q.history = l->config.history;
    q.force_snapshot = l->config.force_snapshot;
    q.use_disk = l->config.snapshot_size_factor >= 0 && !l->log_failed;
    q.snapshot_size_factor = l->config.snapshot_size_factor;
    struct pdk_sync_plan plan = pdk_sync_plan(&q);
    if (plan.kind == PDK_SYNC_LOOK) {
        p->step = STEP_LOOK;
        struct pdk_zab_effect *e = pdk_zab_add(&l->out, PDK_ZAB_FIND);
        e->link = p->link;
        e->zxid = p->last;
        return;
    }
    p->step = STEP_QUEUED;
    if (plan.kind == PDK_SYNC_SNAP && commit_is_on_its_way(l)) return;
    carry_out(l, p, &plan);
}

void pdk_leader_sync_queued(struct pdk_leader *l)
{
    if (l->phase < PDK_LEADER_SYNC || l->lost) return;
    for (size_t i = 0; i < l->count;) {
        uint32_t link = l->peers[i]->link;
        if (l->peers[i]->step == STEP_QUEUED) plan_and_sync(l, l->peers[i], NULL);
        if (pdk_leader_knows(l, link)) i++; /* or it was dropped */
    }
}

void pdk_leader_found(struct pdk_leader *l, int64_t now_ms, uint32_t link,
                      const struct pdk_sync_query *disk)
{
    l->now_ms = now_ms;
    struct pdk_peer *p = pdk_leader_peer(l, link);
    if (p == NULL || l->lost || p->step != STEP_LOOK) return;
    struct pdk_sync_query q = {.disk_known = true,
                               .disk_reaches = disk->disk_reaches,
                               .disk_at = disk->disk_at,
                               .disk_bytes = disk->disk_bytes,
                               .snapshot_bytes = disk->snapshot_bytes};
    plan_and_sync(l, p, &q);
}

void pdk_leader_streamed(struct pdk_leader *l, int64_t now_ms, uint32_t link, bool ok)
{
    l->now_ms = now_ms;
    struct pdk_peer *p = pdk_leader_peer(l, link);
    if (p == NULL || l->lost || !p->streaming) return;
    p->streaming = false;
    pdk_leader_sign_of_life(l, p);
    if (ok) return;
    /* Next time, and for the others, it is the tree that is sent. */
    if (p->streams_log) l->log_failed = true;
    pdk_leader_drop(l, p, "what it needs could not be read from the disk");
}

void pdk_leader_progress(struct pdk_leader *l, int64_t now_ms, uint32_t link)
{
    l->now_ms = now_ms;
    struct pdk_peer *p = pdk_leader_peer(l, link);
    if (p != NULL && p->step > STEP_INFO) pdk_leader_sign_of_life(l, p);
}
