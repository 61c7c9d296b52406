/* What the leader's packets do.  Proposals of one input cause no work but an effect each; commits
 * and acks gather until its end. */
#include "core/zab/learner_internal.h"

#include "base/reader.h"
#include "jute/records.h"

/* ---- where we are ---------------------------------------------------------------------------- */

static void lose_order(struct pdk_learner *l, const char *what, pdk_zxid zxid, pdk_zxid behind)
{
    pdk_put_text(pdk_learner_text(l), "%s 0x%llx cannot come behind 0x%llx", what,
                 (unsigned long long)zxid, (unsigned long long)behind);
    pdk_learner_lose(l);
}

static void lose_unexpected(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    pdk_put_text(pdk_learner_text(l), "%s 0x%llx does not belong here", pdk_qtype_name(p->type),
                 (unsigned long long)p->zxid);
    pdk_learner_lose(l);
}

/* What the leader's stream stands at, all of it committed. */
static void stand_at(struct pdk_learner *l, pdk_zxid zxid)
{
    l->seen = zxid;
    l->committed = zxid;
    l->run_count = 0;
    l->flowing = true;
}

void pdk_learner_settle_at(struct pdk_learner *l, pdk_zxid zxid)
{
    stand_at(l, zxid);
    l->told = zxid; /* the tree is there */
}

void pdk_learner_tell_commits(struct pdk_learner *l)
{
    if (!l->flowing || l->told == l->committed) return;
    l->told = l->committed;
    pdk_zab_add(&l->out, PDK_ZAB_COMMIT)->zxid = l->committed;
}

/* Remembers `zxid` as not yet committed; false: lost. */
static bool add_to_runs(struct pdk_learner *l, pdk_zxid zxid)
{
    size_t n = l->run_count;
    if (n > 0 && l->runs[n - 1].last + 1 == zxid) {
        l->runs[n - 1].last = zxid;
        return true;
    }
    if (n == RUNS_MAX) {
        pdk_put_text(pdk_learner_text(l), "proposals of %d epochs are uncommitted", RUNS_MAX);
        pdk_learner_lose(l);
        return false;
    }
    l->runs[n].first = l->runs[n].last = zxid;
    l->run_count++;
    return true;
}

static void take_from_runs(struct pdk_learner *l)
{
    if (l->runs[0].first++ < l->runs[0].last) return;
    l->run_count--;
    for (size_t i = 0; i < l->run_count; i++) l->runs[i] = l->runs[i + 1];
}

/* ---- acks ------------------------------------------------------------------------------------ */

/* Never before UPTODATE, which answers C: the leader would take the first ack for NEWLEADER's
 * (ZOOKEEPER-4685).  While the epoch changes in place those of the old one go on. */
void pdk_learner_ack(struct pdk_learner *l)
{
    if (l->config.is_observer || l->serving == 0) return;
    pdk_zxid to = l->durable < l->seen ? l->durable : l->seen;
    if (to <= l->acked || PDK_ZXID_EPOCH(to) > l->serving) return;
    /* For Apache's one each; within an epoch zxids have no holes. */
    pdk_zxid first = pdk_zxid_of(l->serving, 0);
    pdk_zxid z = l->is_paddock ? to : (l->acked > first ? l->acked : first) + 1;
    for (; z <= to; z++) pdk_learner_put(l, PDK_Q_ACK, z, pdk_slice_null());
    l->acked = to;
}

/* ---- discovery and the choice ---------------------------------------------------------------- */

static void leader_info(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    struct pdk_leader_info info = pdk_leader_info_of(p->data);
    int64_t epoch = PDK_ZXID_EPOCH(p->zxid);
    bool in_place = l->state == SERVING && l->is_paddock && info.is_paddock && epoch > l->epoch;
    if (l->state != GREETING && !in_place) {
        lose_unexpected(l, p);
    } else if (info.protocol < PDK_LEARNER_PROTOCOL) {
        pdk_put_text(pdk_learner_text(l), "leader %lld speaks protocol 0x%x, which is too old",
                     (long long)l->config.leader, (unsigned)info.protocol);
        pdk_learner_lose(l);
    } else if (epoch < l->accepted || epoch <= 0) {
        pdk_put_text(pdk_learner_text(l), "leader %lld offers epoch %lld, we have accepted %lld",
                     (long long)l->config.leader, (long long)epoch, (long long)l->accepted);
        pdk_learner_lose(l);
    } else {
        l->is_paddock = info.is_paddock;
        pdk_learner_accept(l, epoch);
    }
}

static void log_start(struct pdk_learner *l, const char *mode, pdk_zxid to)
{
    pdk_put_text(pdk_learner_text(l),
                 "learner.sync.start mode=%s from=0x%llx to=0x%llx epoch=%lld leader=%lld", mode,
                 (unsigned long long)l->last, (unsigned long long)to, (long long)l->epoch,
                 (long long)l->config.leader);
    pdk_learner_log(l, PDK_LOG_INFO);
}

/* What we have is a beginning of the leader's history: it stays, and all of it is committed. */
static void start_diff(struct pdk_learner *l, pdk_zxid zxid)
{
    if (l->untrusted || (zxid < l->last && PDK_ZXID_COUNTER(l->last) != 0)) {
        lose_order(l, "DIFF", zxid, l->last);
        return;
    }
    log_start(l, "diff", zxid);
    stand_at(l, l->last);
    l->told = -1;
    l->state = FILLING;
}

/* Is what stands at the end of our log this very leader's? */
static bool ends_in_this_epoch(const struct pdk_learner *l)
{
    return !l->untrusted && PDK_ZXID_EPOCH(l->last) == l->epoch;
}

static void start_trunc(struct pdk_learner *l, pdk_zxid zxid)
{
    if (l->untrusted || zxid < 0 || zxid > l->last) {
        lose_order(l, "TRUNC", zxid, l->last);
        return;
    }
    log_start(l, "trunc", zxid);
    l->target = zxid;
    if (ends_in_this_epoch(l) && PDK_ZXID_EPOCH(zxid) == l->epoch) {
        /* The leader has counted our acks of what stands behind, or will: were it cut, a crash
         * now would take back what may be committed by them.  Nobody is served before it is
         * committed, as after a start it is in the tree. */
        stand_at(l, zxid);
        l->hold = l->config.is_observer ? 0 : l->last;
        l->told = -1;
        l->state = FILLING;
        return;
    }
    pdk_learner_add(l, PDK_ZAB_TRUNCATE)->zxid = zxid;
    l->state = LOADING;
}

static void start_snap(struct pdk_learner *l, pdk_zxid zxid)
{
    /* As above: the tree would be older than what we have vouched for. */
    bool forgets = ends_in_this_epoch(l) && l->current == l->epoch && !l->config.is_observer;
    if (zxid < 0 || (forgets && zxid < l->last)) {
        lose_order(l, "SNAP", zxid, l->last);
        return;
    }
    log_start(l, "snap", zxid);
    l->target = zxid;
    l->is_snap = true;
    pdk_snapscan_init(&l->scan, l->config.snapshot_entry_bytes);
    pdk_learner_add(l, PDK_ZAB_SPOOL_BEGIN)->zxid = zxid;
    l->state = SPOOLING;
}

static void start(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    if (l->state != CHOOSING)
        lose_unexpected(l, p);
    else if (p->type == PDK_Q_DIFF)
        start_diff(l, p->zxid);
    else if (p->type == PDK_Q_TRUNC)
        start_trunc(l, p->zxid);
    else
        start_snap(l, p->zxid);
}

/* ---- proposals and commits ------------------------------------------------------------------- */

/* A leader of Apache's may send what its snapshot holds already (zab.md section 5.4). */
static bool is_in_snapshot(const struct pdk_learner *l, pdk_zxid zxid)
{
    return l->is_snap && zxid <= l->target;
}

/* Is it, byte for byte, what we have under this zxid?  What memory has let go is believed. */
static bool is_the_same(const struct pdk_learner *l, pdk_zxid zxid, struct pdk_slice txn)
{
    const struct pdk_history *h = l->config.history;
    size_t after = pdk_history_after(h, zxid);
    if (after == 0) return true;
    const struct pdk_history_entry *e = pdk_history_at(h, after - 1);
    return e->zxid != zxid || pdk_slice_eq(pdk_history_txn(e), txn);
}

static void append(struct pdk_learner *l, pdk_zxid zxid, struct pdk_slice txn)
{
    struct pdk_zab_effect *e = pdk_zab_add(&l->out, PDK_ZAB_APPEND);
    e->zxid = zxid;
    e->bytes = txn;
    l->last = zxid;
}

/* False: lost. */
static bool propose(struct pdk_learner *l, pdk_zxid zxid, struct pdk_slice txn)
{
    if (!pdk_zxid_follows(l->seen, zxid)) {
        lose_order(l, "proposal", zxid, l->seen);
        return false;
    }
    if (txn.len < PDK_TXN_HEADER_LEN || (pdk_zxid)pdk_load_u64(txn.bytes + 12) != zxid) {
        pdk_put_text(pdk_learner_text(l), "proposal 0x%llx holds no such transaction",
                     (unsigned long long)zxid);
        pdk_learner_lose(l);
        return false;
    }
    if (zxid <= l->last && !is_the_same(l, zxid, txn)) {
        l->untrusted = true;
        pdk_put_text(pdk_learner_text(l), "0x%llx is another transaction here than there",
                     (unsigned long long)zxid);
        pdk_learner_lose(l);
        return false;
    }
    if (!add_to_runs(l, zxid) || !pdk_learner_see_config(l, zxid, txn)) return false;
    if (zxid > l->last) append(l, zxid, txn);
    l->seen = zxid;
    return true;
}

static void serve(struct pdk_learner *l)
{
    l->holds = l->committed < l->hold;
    if (l->holds) return;
    pdk_learner_add(l, PDK_ZAB_SERVE)->epoch = l->serving;
    pdk_put_text(pdk_learner_text(l), "learner.serve epoch=%lld last=0x%llx leader=%lld",
                 (long long)l->serving, (unsigned long long)l->last, (long long)l->config.leader);
    pdk_learner_log(l, PDK_LOG_INFO);
}

/* False: lost. */
static bool commit(struct pdk_learner *l, pdk_zxid zxid)
{
    if (l->run_count == 0 || l->runs[0].first != zxid) {
        lose_order(l, "commit", zxid, l->committed);
        return false;
    }
    take_from_runs(l);
    l->committed = zxid;
    if (l->holds) serve(l);
    return true;
}

static void lose_role(struct pdk_learner *l)
{
    pdk_put_text(pdk_learner_text(l), "a reconfig gives us another role or leader");
    pdk_learner_lose(l);
}

/* COMMIT or INFORM of a reconfig: its config comes into force right before it is applied. */
static void commit_and_activate(struct pdk_learner *l, pdk_zxid zxid, pdk_sid leader)
{
    bool activates = l->config.limits.reconfig_enabled;
    if (activates && (l->proposed == NULL || l->proposed_zxid != zxid)) {
        pdk_put_text(pdk_learner_text(l), "0x%llx activates a config that was not proposed",
                     (unsigned long long)zxid);
        pdk_learner_lose(l);
        return;
    }
    bool leave = activates && pdk_learner_activate_proposed(l, leader);
    if (commit(l, zxid) && leave) lose_role(l);
}

/* int64 designated leader, then whatever belongs to the packet. */
static bool read_leader(struct pdk_learner *l, const struct pdk_qpacket *p, pdk_sid *leader,
                        struct pdk_slice *rest)
{
    struct pdk_reader r = pdk_reader_of(p->data);
    *leader = pdk_read_i64(&r);
    *rest = pdk_slice_of(r.at, pdk_reader_left(&r));
    if (r.failed) lose_unexpected(l, p);
    return !r.failed;
}

static void flow(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    if (!l->flowing) {
        lose_unexpected(l, p);
        return;
    }
    if (is_in_snapshot(l, p->zxid)) return;
    pdk_sid leader;
    struct pdk_slice rest;
    switch (p->type) {
    case PDK_Q_PROPOSAL: (void)propose(l, p->zxid, p->data); return;
    case PDK_Q_COMMIT: (void)commit(l, p->zxid); return;
    case PDK_Q_INFORM:
        if (propose(l, p->zxid, p->data)) (void)commit(l, p->zxid);
        return;
    case PDK_Q_COMMIT_AND_ACTIVATE:
        if (read_leader(l, p, &leader, &rest)) commit_and_activate(l, p->zxid, leader);
        return;
    case PDK_Q_INFORM_AND_ACTIVATE:
        if (read_leader(l, p, &leader, &rest) && propose(l, p->zxid, rest))
            commit_and_activate(l, p->zxid, leader);
        return;
    default: PDK_UNREACHABLE();
    }
}

/* ---- NEWLEADER, UPTODATE --------------------------------------------------------------------- */

static void new_leader(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    if (l->state != FILLING || p->zxid != pdk_zxid_of(l->epoch, 0)) {
        lose_unexpected(l, p);
        return;
    }
    if (!pdk_learner_offer_config(l, p->data)) return;
    l->covered = l->last;
    l->state = SECURING;
    pdk_learner_secure(l);
}

static void up_to_date(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    if (l->state != WAITING) {
        lose_unexpected(l, p);
        return;
    }
    if (pdk_learner_activate_offered(l)) {
        lose_role(l);
        return;
    }
    pdk_learner_tell_commits(l);
    pdk_zxid first = pdk_zxid_of(l->epoch, 0);
    pdk_learner_put(l, PDK_Q_ACK, first, pdk_slice_null());
    l->state = SERVING;
    l->served = true;
    l->serving = l->epoch;
    l->acked = l->committed > first ? l->committed : first;
    serve(l);
}

/* ---- all packets ----------------------------------------------------------------------------- */

static void for_the_node(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    /* Before UPTODATE the leader's PINGs are not answered, as Apache's learners do. */
    if (!l->served) return;
    if (l->holds) {
        if (p->type == PDK_Q_PING) pdk_learner_put(l, PDK_Q_PING, p->zxid, pdk_slice_of("", 0));
        return;
    }
    struct pdk_zab_effect *e = pdk_learner_add(l, PDK_ZAB_PACKET);
    e->packet = *p;
    e->link = l->link;
    e->sid = l->config.leader;
}

static void pass_over(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    if (l->warned) return;
    l->warned = true;
    pdk_put_text(pdk_learner_text(l), "learner.packet.unknown type=%d zxid=0x%llx leader=%lld",
                 (int)p->type, (unsigned long long)p->zxid, (long long)l->config.leader);
    pdk_learner_log(l, PDK_LOG_WARN);
}

void pdk_learner_packet(struct pdk_learner *l, const struct pdk_qpacket *p)
{
    switch (p->type) {
    case PDK_Q_PROPOSAL:
    case PDK_Q_COMMIT:
    case PDK_Q_INFORM:
    case PDK_Q_COMMIT_AND_ACTIVATE:
    case PDK_Q_INFORM_AND_ACTIVATE: flow(l, p); return;
    case PDK_Q_PING:
    case PDK_Q_REVALIDATE:
    case PDK_Q_SYNC: for_the_node(l, p); return;
    case PDK_Q_LEADERINFO: leader_info(l, p); return;
    case PDK_Q_DIFF:
    case PDK_Q_TRUNC:
    case PDK_Q_SNAP: start(l, p); return;
    case PDK_Q_NEWLEADER: new_leader(l, p); return;
    case PDK_Q_UPTODATE: up_to_date(l, p); return;
    default: pass_over(l, p); return;
    }
}
