/* sim/zabbox.h - small ensembles of bare Zab machines: no node, elections, files.
 *
 * Servers have a leader or a learner, a slow disk, and streams that are cut anywhere.  The
 * best (epoch, zxid) of a random majority leads, and others come.  Log and epoch files are written
 * independently of each other: nothing may rest on their order but what the machines wait for, and
 * a leader's current epoch, which zab.h promises behind its log.  A crash loses what was not yet
 * written, or keeps a part of it that nobody was told of.
 *
 * After every change on a disk the worst is assumed, that all servers crash now: whatever majority
 * comes back, its best must have everything that was committed. */
#ifndef PDK_SIM_ZABBOX_H
#define PDK_SIM_ZABBOX_H

#include "base/prng.h"
#include "core/zab/leader.h"
#include "core/zab/learner.h"

#define PDK_ZABBOX_SERVERS 5
#define PDK_ZABBOX_LINKS 64
#define PDK_ZABBOX_EPOCHS 4096

struct pdk_zabbox_entry {
    pdk_zxid zxid;
    uint64_t id; /* of the transaction, never given twice */
};
struct pdk_zabbox_log {
    struct pdk_zabbox_entry *items;
    size_t count, cap;
};

struct pdk_zabbox_job {
    enum pdk_zab_kind kind; /* APPEND, TRUNCATE, SPOOL_END */
    struct pdk_zabbox_entry entry;
    pdk_zxid zxid;
    struct pdk_zabbox_log tree;
};

struct pdk_zabbox_server {
    pdk_sid sid;
    bool votes, up;
    int64_t paused_until_ms;
    uint64_t lives; /* starts so far */

    /* on the disk */
    struct pdk_zabbox_log disk;
    size_t tree_count; /* of the disk's entries: only in the oldest tree, cannot be cut */
    int64_t accepted, current;
    /* on its way there */
    struct pdk_zabbox_job *jobs;
    size_t job_count, job_cap;
    int64_t storing_accepted, storing_current; /* 0: none */
    bool behind_log;                           /* the current epoch waits for the jobs */

    /* in memory */
    struct pdk_zabbox_log log;
    size_t applied; /* of log */
    pdk_zxid applied_zxid, durable;
    int64_t known_accepted, known_current;
    struct pdk_history *history;
    bool untrusted, serves, renews;
    struct pdk_leader *leader;
    struct pdk_learner *learner;
    bool over; /* its role is lost */
    struct pdk_zabbox *box;
    struct pdk_zabbox_server *follows; /* whom its learner dials */
    bool dials;
    int64_t dial_ms;
    uint32_t link; /* of its learner; PDK_ZABBOX_LINKS: none */
    bool spools;
    struct pdk_buf spool;
};

struct pdk_zabbox_link {
    bool used;
    struct pdk_zabbox_server *leader, *learner;
    bool leader_has, learner_has; /* the end still speaks of it */
    struct pdk_buf up, down;      /* to the leader, to the learner */
    bool up_ends, down_ends;      /* behind that */
    bool streams, finds;          /* the leader waits for _streamed, _found */
    pdk_zxid find;
};

struct pdk_zabbox_options {
    size_t voters, observers;
    size_t keep_count;
    bool use_disk, force_snapshot, like_apache, renews, faults;
    bool quiet;            /* nothing is proposed */
    unsigned disk_percent; /* how often the disk moves */
};

struct pdk_zabbox {
    struct pdk_prng g;
    bool tells; /* to stdout, what happens */
    struct pdk_zabbox_options options;
    int64_t now_ms;
    uint64_t next_id;
    struct pdk_members *members;
    size_t server_count;
    struct pdk_zabbox_server servers[PDK_ZABBOX_SERVERS];
    struct pdk_zabbox_link links[PDK_ZABBOX_LINKS];
    struct pdk_zabbox_log committed; /* that anybody was told, in order */
    struct {
        pdk_sid sid;
        uint64_t life;
    } leaders[PDK_ZABBOX_EPOCHS]; /* who served in an epoch; life 0: nobody */
    char wrong[400];              /* what must not be; "" while all is well */
    /* what happened, so that a run in which nothing does is seen */
    uint64_t terms, serves, crashes, cuts, snaps, truncs, diffs, losses;
};

/* Everything is drawn from the seed. */
void pdk_zabbox_init(struct pdk_zabbox *box, uint64_t seed, bool tells);
void pdk_zabbox_deinit(struct pdk_zabbox *box);
/* One thing happens. */
void pdk_zabbox_step(struct pdk_zabbox *box);
/* No faults any more: everybody is started, gets to the same history and takes one more
 * transaction.  False (and `wrong`): not within `steps`. */
bool pdk_zabbox_settle(struct pdk_zabbox *box, size_t steps);

#endif
