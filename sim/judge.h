/* sim/judge.h - what must hold between the servers, looked at after every step.
 *
 *   - a zxid has one transaction and one history, for ever (histories.h)
 *   - an epoch has one established leader, ever; epochs on a disk only grow, current <= accepted
 *   - what a serving member has applied is committed: one line of histories, which only grows
 *   - what becomes committed is durable on a quorum at that moment; and no disk that holds
 *     something committed ever gives it up, by a truncation, a snapshot, a crash or a restart
 *   - a leader that is established has everything committed
 *   - a restart finds what was durable, nothing that was never logged, in the logged order
 *   - replicas at the same history have the same digest, which is also the reference model's
 *
 * The servers' drivers report what they carry out (logged, durable, truncated, ...); nodes are
 * asked for the rest.  Which transactions clients asked for, and what the model says, is oracle.h.
 *
 * Threads: one. */
#ifndef PDK_SIM_JUDGE_H
#define PDK_SIM_JUDGE_H

#include "core/node/query.h"
#include "sim/histories.h"

#define PDK_JUDGE_SERVERS 16u
#define PDK_JUDGE_EPOCHS 4096u

struct pdk_oracle;

/* A snapshot that a server has, or has sent: which history its zxid stands for. */
struct pdk_judged_view {
    pdk_zxid zxid;
    struct pdk_hist *history;
};
struct pdk_judged_views {
    struct pdk_judged_view *items;
    size_t count, cap;
};

struct pdk_judged {
    bool known;               /* has ever run */
    bool up;                  /* its node may be asked */
    struct pdk_hist *logged;  /* as the node wants it: appended, perhaps not yet written */
    struct pdk_hist *durable; /* the disk surely holds it */
    struct pdk_hist
        *replacement; /* a truncation or installation is under way: or this; else NULL */
    struct pdk_hist *applied;
    pdk_zxid applied_zxid;
    bool serves, leads;
    int64_t accepted, current; /* epochs, durable */
    struct pdk_judged_views own, sent;
    struct pdk_hist *spooling; /* what the snapshot that is coming in stands for */
    /* a recovery under way */
    struct pdk_recover_sink inner;
    struct pdk_hist *recovering;
    bool recovery_failed;
    uint64_t last_digest_check;
};

/* How often each thing happened: a run in which nothing does checks nothing. */
struct pdk_judge_counts {
    uint64_t commits, elections, steps, recoveries, recovered_more;
    uint64_t diffs, truncs, truncs_sent, snaps, log_streams, view_streams, installs,
        impossible_truncs;
    uint64_t roll_overs, digests_compared;
};

struct pdk_judge {
    struct pdk_world *world;
    struct pdk_histories histories;
    struct pdk_oracle *oracle; /* told of every commit, in order */
    bool ensemble;
    struct pdk_members *members; /* whose quorums count */
    struct pdk_judged servers[PDK_JUDGE_SERVERS];
    struct pdk_hist *committed;
    struct pdk_hist **line; /* committed histories by depth */
    size_t line_cap;
    struct {
        uint32_t leader; /* server id + 1; 0: none yet */
        uint32_t life;
        int64_t since_us;
    } epochs[PDK_JUDGE_EPOCHS];
    struct pdk_judge_counts counts;
};

/* `members` NULL: a server of its own.  Held. */
void pdk_judge_init(struct pdk_judge *j, struct pdk_world *world, struct pdk_oracle *oracle,
                    struct pdk_members *members);
void pdk_judge_deinit(struct pdk_judge *j);

/* ---- reports of a server's driver ------------------------------------------------------------ */
/* A sink that passes everything on to `inner` and remembers which history it was. */
struct pdk_recover_sink pdk_judge_sink(struct pdk_judge *j, uint32_t server,
                                       const struct pdk_recover_sink *inner);
/* The start's recovery is complete. */
void pdk_judge_started(struct pdk_judge *j, uint32_t server, int64_t current, int64_t accepted);
/* The node wants these records logged; returns what it will have then. */
struct pdk_hist *pdk_judge_logged(struct pdk_judge *j, uint32_t server,
                                  const struct pdk_log_piece *piece);
void pdk_judge_durable(struct pdk_judge *j, uint32_t server, struct pdk_hist *history);
void pdk_judge_truncate(struct pdk_judge *j, uint32_t server, pdk_zxid zxid); /* wanted */
/* The node has taken a view of its tree, for a file or for a learner. */
void pdk_judge_view(struct pdk_judge *j, uint32_t server, pdk_zxid zxid, bool is_sent);
void pdk_judge_spool(struct pdk_judge *j, uint32_t server, uint32_t from, pdk_zxid zxid);
void pdk_judge_install(struct pdk_judge *j, uint32_t server); /* wanted */
/* The truncation or installation is through: done, or nothing has changed. */
void pdk_judge_replaced(struct pdk_judge *j, uint32_t server, bool done);
void pdk_judge_epochs(struct pdk_judge *j, uint32_t server, int64_t current, int64_t accepted);
void pdk_judge_died(struct pdk_judge *j, uint32_t server);
/* It shows a client the state of `zxid`: everything up to there must be committed. */
void pdk_judge_told(struct pdk_judge *j, uint32_t server, pdk_zxid zxid);
/* It tells a client that its session stands. */
void pdk_judge_greeted(struct pdk_judge *j, uint32_t server, pdk_session session);
/* After each step, unless a tree is being loaded.  `life`: which process of this server it is. */
void pdk_judge_step(struct pdk_judge *j, uint32_t server, uint32_t life,
                    const struct pdk_node *node);

/* ---- questions ------------------------------------------------------------------------------- */
/* The newest committed history that has nothing above `zxid`. */
struct pdk_hist *pdk_judge_committed_at(const struct pdk_judge *j, pdk_zxid zxid);

#endif
