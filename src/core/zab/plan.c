#include "core/zab/plan.h"

static struct pdk_sync_plan snap(void) { return (struct pdk_sync_plan){.kind = PDK_SYNC_SNAP}; }

static struct pdk_sync_plan diff(const struct pdk_sync_query *q, size_t from)
{
    pdk_zxid zxid = q->peer > q->committed ? q->peer : q->committed;
    return (struct pdk_sync_plan){.kind = PDK_SYNC_DIFF, .zxid = zxid, .from = from};
}

/* Cuts the learner's log back to `zxid`, the newest transaction at or below its last that we have,
 * if that is in the same epoch: it has it, too, then.  In epoch e, e:0 is nothing to cut to. */
static struct pdk_sync_plan cut(const struct pdk_sync_query *q, pdk_zxid zxid, size_t from)
{
    if (PDK_ZXID_EPOCH(zxid) != PDK_ZXID_EPOCH(q->peer) || PDK_ZXID_COUNTER(zxid) == 0)
        return snap();
    return (struct pdk_sync_plan){.kind = PDK_SYNC_TRUNC, .zxid = zxid, .from = from};
}

static bool begins_epoch(pdk_zxid zxid) { return PDK_ZXID_COUNTER(zxid) == 0; }

/* Does more of the log have to be read than sending the tree would cost? */
static bool too_much_log(const struct pdk_sync_query *q)
{
    return q->snapshot_size_factor > 0 && q->snapshot_bytes > 0 &&
           (double)q->disk_bytes > (double)q->snapshot_bytes * q->snapshot_size_factor;
}

/* The learner is behind what memory holds. */
static struct pdk_sync_plan plan_with_disk(const struct pdk_sync_query *q)
{
    if (!q->use_disk) return snap();
    if (!q->disk_known) return (struct pdk_sync_plan){.kind = PDK_SYNC_LOOK};
    if (!q->disk_reaches || too_much_log(q)) return snap();
    struct pdk_sync_plan plan;
    if (q->disk_at == q->peer || begins_epoch(q->peer)) {
        plan = diff(q, 0);
        plan.disk_after = q->peer;
    } else if (q->is_paddock) {
        plan = cut(q, q->disk_at, 0);
        plan.disk_after = q->disk_at;
    } else {
        return snap();
    }
    plan.disk_until = pdk_history_base(q->history);
    return plan.kind == PDK_SYNC_SNAP ? snap() : plan;
}

/* Is the learner's last among what we have proposed and not committed? */
static bool holds_outstanding(const struct pdk_sync_query *q)
{
    size_t after = pdk_history_after(q->history, q->peer);
    return q->peer > q->committed && after > 0 &&
           pdk_history_at(q->history, after - 1)->zxid == q->peer;
}

struct pdk_sync_plan pdk_sync_plan(const struct pdk_sync_query *q)
{
    const struct pdk_history *h = q->history;
    PDK_ASSERT(pdk_history_base(h) <= q->committed && q->committed <= pdk_history_last(h));

    if (q->is_paddock && holds_outstanding(q)) {
        return (struct pdk_sync_plan){.kind = PDK_SYNC_TRUNC,
                                      .zxid = q->committed,
                                      .from = pdk_history_after(h, q->committed)};
    }
    if (q->force_snapshot || q->peer < 0) return snap();
    if (q->peer < pdk_history_base(h)) return plan_with_disk(q);

    size_t after = pdk_history_after(h, q->peer);
    pdk_zxid before = after > 0 ? pdk_history_at(h, after - 1)->zxid : pdk_history_base(h);
    if (q->peer <= q->committed && before == q->peer) return diff(q, after);
    if (begins_epoch(q->peer))
        return diff(q, q->peer < q->committed ? after : pdk_history_after(h, q->committed));
    if (q->peer > q->committed) return cut(q, q->committed, pdk_history_after(h, q->committed));
    return q->is_paddock ? cut(q, before, after) : snap();
}
