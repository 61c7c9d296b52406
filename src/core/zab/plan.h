/* core/zab/plan.h - how a learner is brought to the leader's history: a pure function.
 *
 * zab.md section 5.2.  What the learner has is one number, its last zxid. */
#ifndef PDK_CORE_ZAB_PLAN_H
#define PDK_CORE_ZAB_PLAN_H

#include "core/zab/history.h"

enum pdk_sync_kind {
    PDK_SYNC_DIFF,  /* it goes on from what it has */
    PDK_SYNC_TRUNC, /* it forgets what is above `zxid`, then goes on */
    PDK_SYNC_SNAP,  /* it gets the whole tree */
    PDK_SYNC_LOOK,  /* memory does not reach back: ask the log on the disk for `peer`, plan again */
};

struct pdk_sync_query {
    pdk_zxid peer;      /* the learner's last zxid; -1: it trusts nothing that it has */
    pdk_zxid committed; /* of the leader: the newest that a learner may be told as committed */
    const struct pdk_history *history;
    bool force_snapshot; /* zookeeper.forceSnapshotSync, or the log let us down */
    bool use_disk;       /* snapshotSizeFactor >= 0 */
    double snapshot_size_factor;
    /* What the disk said (core/store/walk.h), when it was asked. */
    bool disk_known, disk_reaches;
    pdk_zxid disk_at;
    int64_t disk_bytes, snapshot_bytes;
};
struct pdk_sync_plan {
    enum pdk_sync_kind kind;
    pdk_zxid zxid; /* of the DIFF or TRUNC packet */
    /* What follows it, in this order: from the log on the disk (none: disk_until 0), ... */
    pdk_zxid disk_after, disk_until;
    size_t from; /* ... then from memory: entries [from, those above committed) */
};
struct pdk_sync_plan pdk_sync_plan(const struct pdk_sync_query *q);

#endif
