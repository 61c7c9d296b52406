/* core/zab/leader_internal.h - what the leader's files share.
 *
 *   leader.c            life, inputs, the table of learners
 *   leader_phases.c     from the first FOLLOWERINFO to a quorum of NEWLEADER acks, and again
 *   leader_sync.c       one learner's history is made ours
 *   leader_broadcast.c  proposals, acks, commits, configs
 *   leader_watch.c      time: pings, confirmations, silence, lost quorums, retirement
 *
 * A learner's way; what we wait for in each state:
 *
 *     INFO      its FOLLOWERINFO or OBSERVERINFO
 *     EPOCH     our epoch: then LEADERINFO leaves
 *     ACKEPOCH  its ACKEPOCH
 *     QUEUED    our phase SYNC
 *     LOOK      our disk
 *     SYNC      its ACK of NEWLEADER, which is on its way behind all that it lacked
 *     ACKED     our phase BROADCAST: then UPTODATE leaves
 *     FOLLOWS   nothing
 */
#ifndef PDK_CORE_ZAB_LEADER_INTERNAL_H
#define PDK_CORE_ZAB_LEADER_INTERNAL_H

#include "core/zab/leader.h"

enum pdk_step {
    STEP_INFO,
    STEP_EPOCH,
    STEP_ACKEPOCH,
    STEP_QUEUED,
    STEP_LOOK,
    STEP_SYNC,
    STEP_ACKED,
    STEP_FOLLOWS,
};

/* A member that has promised an epoch this far ahead is refused and no more: nothing but an error
 * leads there, and epochs are used up by it. */
#define PDK_EPOCHS_AHEAD_MAX 1000

/* Links that have not said who they are; beyond that the oldest gives way. */
#define PDK_STRANGERS_MAX 256u

struct pdk_peer {
    uint32_t link;
    enum pdk_step step;
    pdk_sid sid; /* PDK_SID_NONE before STEP_EPOCH */
    bool is_observer, is_paddock;
    bool in_renewal; /* of the epoch, on a link that followed before: it needs no synchronisation */
    char *address;

    pdk_zxid last;    /* of its history, as ACKEPOCH said */
    pdk_zxid acked;   /* everything up to it is on its disk; counts from STEP_ACKED on */
    pdk_zxid covered; /* what NEWLEADER's ack stands for, at least */
    enum pdk_sync_slot { SLOT_NONE, SLOT_DIFF, SLOT_SNAP } slot;
    bool streaming, streams_log; /* a stream of the driver's is under way */

    size_t unread;    /* bytes that we left last time */
    int64_t heard_ms; /* last packet */
    int64_t sign_ms;  /* last sign of life: bytes, progress of its stream */
    pdk_zxid due;     /* the oldest proposal that it owes an ack for, as far as we watch; 0: none */
    int64_t due_since_ms;

    /* Pings behind UPTODATE are answered one by one, by everybody; those before by some.  The ack
     * that answers UPTODATE tells when counting begins. */
    bool counts_answers;
    uint64_t pings, answers;
    uint64_t round_ping; /* first ping sent in the round under way; 0: none yet */
};

/* From `from` to `until` a proposal needs a quorum of these. */
struct pdk_need {
    struct pdk_members *members;
    pdk_zxid from, until;
};
#define PDK_NEEDS_MAX 3

struct pdk_leader {
    struct pdk_leader_config config;
    struct pdk_zab_out out;
    int64_t now_ms; /* of the input under way */
    bool lost;

    enum pdk_leader_phase phase;
    bool storing; /* an epoch; its answer changes the phase */
    int64_t phase_since_ms;
    int64_t epoch;       /* of this term; before DISCOVERY ends the largest accepted so far */
    int64_t own_current; /* with own_last: what we brought into this term */
    pdk_zxid own_last;
    struct pdk_sids epoch_acks, looking;
    int64_t promised;      /* a later epoch that a member was refused for; 0: none */
    int64_t voter_sign_ms; /* last sign of life of any voter */

    struct pdk_members *committed, *last_seen; /* the same while no config is under way */
    struct pdk_need needs[PDK_NEEDS_MAX];      /* of proposals; the first is the config in force */
    size_t need_count;
    pdk_zxid config_zxid; /* of the reconfig under way; 0: none */

    pdk_zxid durable;   /* ours */
    pdk_zxid proposed;  /* sent; the same as committed before BROADCAST */
    pdk_zxid commit;    /* told */
    pdk_zxid ping_zxid; /* last proposed as a PING tells it: at least epoch:0 */
    bool acks_came;     /* the commit point may have moved */

    struct pdk_peer **peers;
    size_t count, cap;
    struct pdk_peer **by_link;
    size_t by_link_cap;
    size_t strangers;
    /* What is proposed goes to these followers, what is committed to these observers, too. */
    struct pdk_peer **followers;
    uint32_t *follower_links, *observer_links, *scratch_links;
    size_t follower_count, observer_count;

    int32_t snap_syncs, diff_syncs; /* under way */
    bool log_failed;                /* the log on the disk could not be walked */

    uint64_t round, round_done; /* of confirmations: the newest sent, the newest answered */
    bool round_wanted;          /* another one, behind it */

    bool retiring;
    pdk_sid wanted_heir, heir;
    int64_t retire_since_ms;

    int64_t next_check_ms;
    int64_t alone_since_ms; /* the links were too few for a quorum since; -1: they are enough */

    struct pdk_leader_counts counts;
};

/* A line for the operator. */
#define PDK_LEADER_LOG(l, line_level, ...) \
    do { \
        size_t log_mark = pdk_zab_mark(&(l)->out); \
        pdk_put_text(&(l)->out.bytes, __VA_ARGS__); \
        pdk_zab_add_bytes(&(l)->out, PDK_ZAB_LOG, log_mark)->level = (line_level); \
    } while (0)

static inline bool pdk_peer_votes(const struct pdk_members *m, const struct pdk_peer *p)
{
    return !p->is_observer && pdk_members_has_voter(m, p->sid);
}
static inline pdk_zxid pdk_leader_zxid(const struct pdk_leader *l)
{
    return pdk_zxid_of(l->epoch, 0);
}

/* ---- leader.c ---- */
struct pdk_peer *pdk_leader_peer(const struct pdk_leader *l, uint32_t link);
/* Closes the link and forgets the learner. */
void pdk_leader_drop(struct pdk_leader *l, struct pdk_peer *p, const char *why);
/* Closes every link and ends the term; nothing happens any more. */
void pdk_leader_lose(struct pdk_leader *l, const char *why);
void pdk_leader_put(struct pdk_leader *l, const struct pdk_peer *p, enum pdk_qtype type,
                    pdk_zxid zxid, struct pdk_slice data);
/* Adds the learner to those that get proposals or informs. */
void pdk_leader_forward_to(struct pdk_leader *l, struct pdk_peer *p);
void pdk_leader_sign_of_life(struct pdk_leader *l, struct pdk_peer *p);
void pdk_leader_release_slot(struct pdk_leader *l, struct pdk_peer *p);

/* ---- leader_phases.c ---- */
void pdk_leader_begin(struct pdk_leader *l);
void pdk_leader_begin_feeding(struct pdk_leader *l);
bool pdk_leader_greet(struct pdk_leader *l, struct pdk_peer *p, const struct pdk_qpacket *packet);
bool pdk_leader_take_ackepoch(struct pdk_leader *l, struct pdk_peer *p,
                              const struct pdk_qpacket *packet);
void pdk_leader_try_establish(struct pdk_leader *l);
void pdk_leader_finish_sync(struct pdk_leader *l, struct pdk_peer *p);
/* Has `m` me as a voter who is reached as now? */
bool pdk_leader_stays_under(const struct pdk_leader *l, const struct pdk_members *m);
/* The voter of `m` that leads next: us, or who has acked most. */
pdk_sid pdk_leader_designate(const struct pdk_leader *l, const struct pdk_members *m,
                             pdk_zxid at_least);
/* Makes the last-seen config the one in force. */
void pdk_leader_activate(struct pdk_leader *l, pdk_sid designated);

/* ---- leader_sync.c ---- */
/* Brings up those that wait for it. */
void pdk_leader_sync_queued(struct pdk_leader *l);

/* ---- leader_broadcast.c ---- */
bool pdk_leader_take_ack(struct pdk_leader *l, struct pdk_peer *p, pdk_zxid zxid);
/* Commits whatever may be. */
void pdk_leader_commit(struct pdk_leader *l);

/* ---- leader_watch.c ---- */
void pdk_leader_take_answer(struct pdk_leader *l, struct pdk_peer *p);
/* A link has come or gone: are there still enough? */
void pdk_leader_count_links(struct pdk_leader *l);
void pdk_leader_start_round(struct pdk_leader *l);
void pdk_leader_try_retire(struct pdk_leader *l);

#endif
