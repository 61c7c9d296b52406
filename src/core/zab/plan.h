/* core/zab/plan.h - how a learner is brought to the leader's history: a pure function.
 *
 * zab.md section 5.2.  What the learner has is one number, its last zxid.  Three facts make that
 * enough:
 *
 *   - Who has a transaction has everything that its leader had before it.  So a zxid known to both
 *     means that both are equal up to it, and the learner's e:k is preceded by e:1 ... e:k-1.
 *   - A zxid e:0 is no transaction: a tree stood there when epoch e began to serve.  What came
 *     before is committed, hence in the history of every later leader.
 *   - What is cut must be uncommitted and of one epoch: across epochs nobody knows where the
 *     learner's history left the leader's.
 *
 * Differences from Apache, none visible as more than another choice among the three:
 *   - The zxid before the oldest entry in memory is known, too (DIFF, not a look at the disk).
 *   - A learner at e:0 that is ahead of us in zxid only gets an empty DIFF, not SNAP.
 *   - A learner of ours that has an uncommitted tail of an epoch that has ended (a leader that was
 *     killed under load) gets TRUNC and what follows; Apache's gets SNAP, because it may reload a
 *     snapshot that is newer than the cut (ZOOKEEPER-4837).
 *   - TRUNC never crosses an epoch; Apache's does when all that the learner has is newer.
 *   - With one exception: a learner of ours that has, in this very epoch, what we have proposed and
 *     not committed is told TRUNC whatever is forced and however far it goes.  It cuts nothing, as
 *     the same is proposed again; a tree older than what it has acked it would refuse. */
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
    bool is_paddock;    /* it can be trusted to cut its log in more cases, see above */
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
