/* core/elect/elect.h - fast leader election.  (pure)
 *
 * Notifications in, notifications and decisions out (election.md sections 3 to 5).  One machine per
 * process, alive all the time: it also answers for a server that has a role.
 *
 *     looking --decided--> settled (leading, following, observing) --start--> looking ...
 *                          deserted: start again, unless the role has taken hold
 *     any --withdraw--> silent --start--> looking
 *
 * Differences from Apache, all invisible on the wire: finalizeWait is a setting and is skipped when
 * every voter has been heard in this round or is known to be down (decision 13); waiting is a
 * deadline.
 *
 * Effects stand in a list in the order in which they arose, good until the next call that is not
 * `_effects`; the caller carries them out and clears.
 * Ownership: configs are held (pdk_members_hold).  Threads: the core thread. */
#ifndef PDK_CORE_ELECT_ELECT_H
#define PDK_CORE_ELECT_ELECT_H

#include "base/base.h"
#include "base/mem.h"
#include "core/quorum/quorum.h"
#include "proto/vote.h"

struct pdk_vote {
    pdk_sid leader;
    pdk_zxid zxid;
    int64_t round;
    int64_t epoch;
};

struct pdk_elect_config {
    const struct pdk_mem *mem;
    pdk_sid me;
    int64_t min_interval_ms; /* 200 */
    int64_t max_interval_ms; /* 60000 */
    int64_t finalize_wait_ms;
    bool takes_configs; /* reconfigEnabled: newer configs of peers are adopted */
};

enum pdk_elect_kind {
    PDK_ELECT_SEND,    /* bytes (a framed notification) to sid; to nobody whose config is unknown */
    PDK_ELECT_DIAL,    /* sid: nothing could be delivered for a while, try to connect */
    PDK_ELECT_DECIDED, /* vote.leader: take the role that follows from it */
    PDK_ELECT_CONFIG,  /* bytes: the text of a config newer than the committed one, to be adopted;
                        * the caller answers with _set_members and, when members differ, _start */
    PDK_ELECT_DESERTED, /* between DECIDED and _raise_epoch, once: the quorum that made me leader is
                         * no more, or the one that I decided for does not lead.  Who is not further
                         * than waiting for epochs or for the leader calls _start; nothing else
                         * would end that wait but its limit */
};
struct pdk_elect_effect {
    enum pdk_elect_kind kind;
    pdk_sid sid;
    struct pdk_slice bytes;
    struct pdk_vote vote;
};

struct pdk_elect;
struct pdk_elect *pdk_elect_create(const struct pdk_elect_config *config,
                                   struct pdk_members *committed, struct pdk_members *last_seen);
void pdk_elect_destroy(struct pdk_elect *e);

/* Config in force and newest proposed one (the same when none is proposed). */
void pdk_elect_set_members(struct pdk_elect *e, struct pdk_members *committed,
                           struct pdk_members *last_seen);

/* Begins looking.  What a server brings into an election: */
struct pdk_candidate {
    pdk_zxid zxid;  /* last logged; -1: an empty or rotten database, which must not count */
    int64_t epoch;  /* currentEpoch */
    pdk_sid favour; /* a leader that hands over votes for this one instead of for itself, with the
                     * same zxid and epoch, which that one is known to have; else PDK_SID_NONE */
};
void pdk_elect_start(struct pdk_elect *e, int64_t now_ms, const struct pdk_candidate *candidate);
/* Neither role nor election until _start: what I said before holds no more.  Nobody is answered. */
void pdk_elect_withdraw(struct pdk_elect *e);
/* The role is taken.  From now on others that look get the decided vote and this state. */
void pdk_elect_settle(struct pdk_elect *e, enum pdk_peer_state state);
/* Broadcast has begun: the current vote carries the new epoch (ZOOKEEPER-1732). */
void pdk_elect_raise_epoch(struct pdk_elect *e, int64_t epoch);
/* A reconfig has named the next leader: it becomes the current vote without an election. */
void pdk_elect_retarget(struct pdk_elect *e, pdk_sid leader, pdk_zxid zxid);

void pdk_elect_receive(struct pdk_elect *e, int64_t now_ms, pdk_sid from, struct pdk_slice message);
/* The transport knows that the peer's process is not there (refused, reset), or that it is. */
void pdk_elect_peer(struct pdk_elect *e, int64_t now_ms, pdk_sid sid, bool reachable);
void pdk_elect_tick(struct pdk_elect *e, int64_t now_ms);
int64_t pdk_elect_deadline(const struct pdk_elect *e); /* INT64_MAX: none */

const struct pdk_elect_effect *pdk_elect_effects(struct pdk_elect *e, size_t *count);
void pdk_elect_effects_clear(struct pdk_elect *e);

struct pdk_vote pdk_elect_vote(const struct pdk_elect *e); /* current one */
bool pdk_elect_is_looking(const struct pdk_elect *e);
/* Is this sid looking, as far as it said since we have our role? (election.md 5.5) */
bool pdk_elect_saw_looking(const struct pdk_elect *e, pdk_sid sid);

/* The total order of votes: does `a` beat `b`?  (weight: of a's candidate) */
bool pdk_vote_beats(const struct pdk_vote *a, const struct pdk_vote *b, int64_t weight);

#endif
