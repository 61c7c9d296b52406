/* core/zab/leader.h - Zab's leader: discovery, synchronisation, broadcast.  (pure)
 *
 * One machine per term of leadership.  zab.md sections 4 to 6, known-bugs.md sections 1 to 3.
 *
 *   DISCOVERY   a quorum says its accepted epochs; a new one is stored, then told
 *   EPOCH       a quorum has acked it; current epoch stored
 *   SYNC        learners get DIFF, TRUNC or SNAP and NEWLEADER; a quorum acks, our log is durable
 *   BROADCAST   proposals go out as they come, commits in order, learners come and go
 *
 * Rules of ours on the same wire: an ack stands for everything before it; acks of a learner count
 * only once it has acked NEWLEADER; a learner that does not read is dropped at a limit of bytes
 * (the driver's); a PING round whose answers make a quorum confirms leadership (`_confirm`);
 * limits of time restart with any sign of life (packets, or progress of its stream).
 *
 * Threads: the core thread. */
#ifndef PDK_CORE_ZAB_LEADER_H
#define PDK_CORE_ZAB_LEADER_H

#include "core/zab/plan.h"
#include "core/zab/zab.h"

struct pdk_leader_config {
    const struct pdk_mem *mem;
    pdk_sid me;
    struct pdk_zab_limits limits;
    struct pdk_members *committed, *last_seen; /* held */
    int64_t accepted_epoch, current_epoch;     /* as stored */
    bool force_snapshot;
    double snapshot_size_factor;            /* < 0: no reading of the log */
    int32_t max_snap_syncs, max_diff_syncs; /* of observers at a time; voters are exempt */
    int64_t max_wait_for_epoch_ms;          /* zookeeper.leader.maxTimeToWaitForEpoch; -1: off */
    struct pdk_history *history;            /* the node's; its last is what we start from */
    const pdk_zxid *applied;                /* the node's tree is here (SNAP's zxid) */
    /* No leader, but a follower that feeds observers (zab.md section 7.5): it is in broadcast from
     * the start, in current_epoch, and passes on what _feed tells it is committed. */
    bool feeds;
    pdk_zxid fed;        /* committed so far */
    bool log_is_durable; /* everything in the history's past is synced: else wait for _durable */
};

struct pdk_leader;
struct pdk_leader *pdk_leader_create(const struct pdk_leader_config *config, int64_t now_ms);
void pdk_leader_destroy(struct pdk_leader *l);

/* ---- what happens ---------------------------------------------------------------------------- */
void pdk_leader_accepted(struct pdk_leader *l, int64_t now_ms, uint32_t link,
                         struct pdk_slice address);
/* Unread bytes of a learner's stream; returns how many were taken. */
size_t pdk_leader_bytes(struct pdk_leader *l, int64_t now_ms, uint32_t link,
                        struct pdk_slice bytes);
void pdk_leader_closed(struct pdk_leader *l, int64_t now_ms, uint32_t link);
bool pdk_leader_knows(const struct pdk_leader *l, uint32_t link);
void pdk_leader_stored(struct pdk_leader *l, int64_t now_ms, int64_t epoch, bool is_current);
void pdk_leader_durable(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid);
void pdk_leader_found(struct pdk_leader *l, int64_t now_ms, uint32_t link,
                      const struct pdk_sync_query *disk); /* only its disk_* and snapshot_bytes */
/* The stream from disk or view has been handed to the link (ok), is moving, or has failed. */
void pdk_leader_streamed(struct pdk_leader *l, int64_t now_ms, uint32_t link, bool ok);
void pdk_leader_progress(struct pdk_leader *l, int64_t now_ms, uint32_t link);
/* A peer that elected us says that it is looking again (election.md 5.5). */
void pdk_leader_saw_looking(struct pdk_leader *l, int64_t now_ms, pdk_sid sid);
void pdk_leader_tick(struct pdk_leader *l, int64_t now_ms);
int64_t pdk_leader_deadline(const struct pdk_leader *l);

/* ---- what the node wants --------------------------------------------------------------------- */
/* The history has grown up to `zxid` (in broadcast only): send what is new. */
void pdk_leader_propose(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid);
/* The same for a reconfig, whose config needs quorums of both from this zxid on. */
void pdk_leader_propose_config(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid,
                               struct pdk_members *next);
/* Is a quorum of `next` connected and synced now? (NEWCONFIGNOQUORUM otherwise) */
bool pdk_leader_has_quorum_of(const struct pdk_leader *l, const struct pdk_members *next);
/* Asks a quorum whether it still follows; CONFIRMED with at least this round answers.  Calls before
 * the round's pings are sent share it. */
uint64_t pdk_leader_confirm(struct pdk_leader *l, int64_t now_ms);
/* A packet of the node's to one learner (SYNC, REVALIDATE), in order with everything else. */
void pdk_leader_send(struct pdk_leader *l, uint32_t link, enum pdk_qtype type, pdk_zxid zxid,
                     struct pdk_slice data);
/* feeds: everything in the history up to zxid is committed; and a reconfig is, which comes into
 * force. */
void pdk_leader_feed(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid);
void pdk_leader_feed_config(struct pdk_leader *l, int64_t now_ms, pdk_zxid zxid,
                            struct pdk_members *members, pdk_sid designated);
/* Steps down in good order: when all that is proposed is committed and told, LOST follows, and
 * `*heir` is then a voter that has everything (PDK_SID_NONE: none).  The node proposes nothing
 * more. */
void pdk_leader_retire(struct pdk_leader *l, int64_t now_ms, pdk_sid wanted);
pdk_sid pdk_leader_heir(const struct pdk_leader *l);
/* Begins a new epoch without a new term, because the counter of this one nears its end, or because
 * the next one says so: everything proposed must be committed, no config under way.  Learners of
 * ours keep their links and go on to send requests; others are closed.  The node proposes nothing
 * until the next SERVE. */
void pdk_leader_renew(struct pdk_leader *l, int64_t now_ms);
/* A member was refused because it had promised a later epoch to a leader that came to nothing.  It
 * can never follow in this one (Apache's stays away until the leader changes). */
bool pdk_leader_wants_renewal(const struct pdk_leader *l);

const struct pdk_zab_effect *pdk_leader_effects(struct pdk_leader *l, size_t *count);
void pdk_leader_effects_clear(struct pdk_leader *l);
/* One after the other (pdk_zab_out_next): what the node uses. */
bool pdk_leader_next(struct pdk_leader *l, struct pdk_zab_effect *effect);

/* ---- what operators see ---------------------------------------------------------------------- */
enum pdk_leader_phase {
    PDK_LEADER_DISCOVERY,
    PDK_LEADER_EPOCH,
    PDK_LEADER_SYNC,
    PDK_LEADER_BROADCAST,
};
enum pdk_leader_phase pdk_leader_phase(const struct pdk_leader *l);
int64_t pdk_leader_epoch(const struct pdk_leader *l);
struct pdk_learner_status {
    pdk_sid sid;
    uint32_t link;
    bool is_observer, is_voter, is_synced; /* synced: UPTODATE was sent */
    bool is_paddock;
    pdk_zxid acked;
    int64_t last_heard_ms;
    const char *address;
};
size_t pdk_leader_learner_count(const struct pdk_leader *l);
void pdk_leader_learner(const struct pdk_leader *l, size_t index, struct pdk_learner_status *out);
/* How learners were brought up since the term began, proposals' figures (mntr). */
struct pdk_leader_counts {
    uint64_t diff_syncs, snap_syncs, trunc_syncs, proposals, commits, acks;
    uint32_t last_proposal_bytes, min_proposal_bytes, max_proposal_bytes;
};
struct pdk_leader_counts pdk_leader_counts(const struct pdk_leader *l);

#endif
