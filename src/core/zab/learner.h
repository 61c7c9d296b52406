/* core/zab/learner.h - Zab's follower and observer: the mirror of the leader.  (pure)
 *
 * One machine per attempt to follow one leader.  zab.md sections 3 to 7.5, known-bugs.md 1.
 *
 *   CONNECT     dials the leader; refused: again after 2, 4, 8 ... 100 ms, half a second in all
 *   DISCOVERY   FOLLOWERINFO or OBSERVERINFO; the leader's epoch is stored before ACKEPOCH leaves
 *   SYNC        DIFF, TRUNC or SNAP, proposals and commits, NEWLEADER; everything durable, then
 *               currentEpoch stored, then ACK: in this order (A, B, C of zab.md 5.5)
 *   WAIT        until UPTODATE
 *   BROADCAST   proposals are appended and acked when durable; commits are applied in order
 *
 * While a tree is being truncated or loaded no packet is taken: the stream waits in the driver.
 * The limits of time restart with every byte that comes.
 * Proposals are appended as they come, also before NEWLEADER; they are acked only behind C.
 * A gap in zxids, a commit that is not the next one: LOST, and a new synchronisation, instead of
 * Apache's exit.  A TRUNC into the epoch that the leader leads forgets nothing: what stands behind
 * is the leader's own, may be counted as acked, and comes again; SERVE waits until it is committed.
 * To a leader that is a Paddock one ack stands for everything before it, and signs of life go out
 * while a snapshot is installed (LEADERINFO's data is longer then: "PDK1" behind the protocol); to
 * Apache's each proposal is acked.  PINGs before UPTODATE are not answered, as by Apache's.
 *
 * Threads: the core thread. */
#ifndef PDK_CORE_ZAB_LEARNER_H
#define PDK_CORE_ZAB_LEARNER_H

#include "core/zab/zab.h"

struct pdk_learner_config {
    const struct pdk_mem *mem;
    pdk_sid me, leader;
    bool is_observer;
    struct pdk_zab_limits limits;
    struct pdk_members *committed, *last_seen; /* held; last_seen NULL: none but the other */
    int64_t accepted_epoch, current_epoch;     /* as stored */
    pdk_zxid last;               /* last logged; -1: nothing that we have may be trusted */
    bool log_is_durable;         /* everything up to `last` is synced: else wait for _durable */
    struct pdk_history *history; /* the node's; ends at `last` */
    size_t snapshot_entry_bytes; /* longest path, data, ACL list of a snapshot that is believed */
};

struct pdk_learner;
struct pdk_learner *pdk_learner_create(const struct pdk_learner_config *config, int64_t now_ms);
void pdk_learner_destroy(struct pdk_learner *l);

/* ---- what happens ----------------------------------------------------------------------------
 * Behind LOST nothing has an effect any more.  It waits for a _loaded that is due, so that nobody
 * looks for a leader with half a tree; a _stored or _durable that is due still comes to the node.
 * APPEND, SPOOL_ADD and PACKET point into the bytes given to _bytes. */
/* Answer to DIAL; `link` when connected. */
void pdk_learner_dialled(struct pdk_learner *l, int64_t now_ms, bool connected, uint32_t link);
/* Unread bytes of the stream; returns how many were taken.  The rest comes again, with more behind
 * it or after any other input. */
size_t pdk_learner_bytes(struct pdk_learner *l, int64_t now_ms, struct pdk_slice bytes);
void pdk_learner_closed(struct pdk_learner *l, int64_t now_ms);
void pdk_learner_stored(struct pdk_learner *l, int64_t now_ms, int64_t epoch, bool is_current);
/* Comes in order with _loaded: behind it, it speaks of the new history. */
void pdk_learner_durable(struct pdk_learner *l, int64_t now_ms, pdk_zxid zxid);
/* The tree has been loaded and stands at `last`; `ok` false: it cannot be (then what we have must
 * not be trusted any more: LOST, and the next attempt says -1). */
void pdk_learner_loaded(struct pdk_learner *l, int64_t now_ms, bool ok, pdk_zxid last);
void pdk_learner_tick(struct pdk_learner *l, int64_t now_ms);
int64_t pdk_learner_deadline(const struct pdk_learner *l); /* INT64_MAX: none */

/* ---- what the node wants --------------------------------------------------------------------- */
/* REQUEST, REVALIDATE or the answer to a PING; only in broadcast.  `authinfo_encoded`: with its
 * count; null: null. */
void pdk_learner_send(struct pdk_learner *l, enum pdk_qtype type, pdk_zxid zxid,
                      struct pdk_slice data, struct pdk_slice authinfo_encoded);

const struct pdk_zab_effect *pdk_learner_effects(struct pdk_learner *l, size_t *count);
void pdk_learner_effects_clear(struct pdk_learner *l);
/* One after the other (pdk_zab_out_next): what the node uses. */
bool pdk_learner_next(struct pdk_learner *l, struct pdk_zab_effect *effect);

enum pdk_learner_phase {
    PDK_LEARNER_CONNECT,
    PDK_LEARNER_DISCOVERY,
    PDK_LEARNER_SYNC,
    PDK_LEARNER_WAIT,
    PDK_LEARNER_BROADCAST, /* also while the epoch changes in place */
};
enum pdk_learner_phase pdk_learner_phase(const struct pdk_learner *l);
/* Bytes of the snapshot that is coming in, so far (progress for operators). */
uint64_t pdk_learner_snapshot_bytes(const struct pdk_learner *l);
bool pdk_learner_untrusted(const struct pdk_learner *l); /* what we have must not be trusted */

#endif
