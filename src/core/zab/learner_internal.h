/* core/zab/learner_internal.h - what the learner's files share.
 *
 *     CONNECTING  the leader is being dialled
 *     GREETING    FOLLOWERINFO is out
 *     ACCEPTING   LEADERINFO has come; its epoch is being stored as accepted
 *     CHOOSING    ACKEPOCH is out; DIFF, TRUNC or SNAP must come
 *     SPOOLING    the body of a SNAP comes
 *     LOADING     a tree is being truncated or loaded; nothing is taken
 *     FILLING     what is missing comes, then NEWLEADER
 *     SECURING    A: what NEWLEADER covers is being made durable
 *     VOUCHING    B: its epoch is being stored as current
 *     WAITING     C: NEWLEADER is acked; UPTODATE must come
 *     SERVING     broadcast
 *
 * A change of epoch in place goes from SERVING through ACCEPTING to FILLING and on. */
#ifndef PDK_CORE_ZAB_LEARNER_INTERNAL_H
#define PDK_CORE_ZAB_LEARNER_INTERNAL_H

#include "core/zab/learner.h"
#include "proto/snapscan.h"

enum pdk_learner_state {
    CONNECTING,
    GREETING,
    ACCEPTING,
    CHOOSING,
    SPOOLING,
    LOADING,
    FILLING,
    SECURING,
    VOUCHING,
    WAITING,
    SERVING,
};

/* Epochs that may be uncommitted at a time; leaders send what is committed with its COMMIT. */
#define RUNS_MAX 16

struct pdk_learner {
    struct pdk_learner_config config;
    struct pdk_zab_out out;
    size_t text; /* where it begins in `out` */
    enum pdk_learner_state state;
    bool lost;
    bool served;     /* SERVING was reached once */
    bool holds;      /* ... but the node is told only when `hold` is committed */
    bool flowing;    /* DIFF, TRUNC or SNAP is done: proposals may come */
    bool is_paddock; /* the leader is */
    bool untrusted;  /* what we have must not be trusted */
    bool warned;     /* of a packet that makes no sense */

    /* the stream */
    bool linked, link_gone; /* gone: closed while LOADING */
    uint32_t link;
    size_t unread; /* bytes that were offered last time and not taken */
    int64_t begun_ms, heard_ms, sign_ms;
    int64_t retry_ms, backoff_ms; /* CONNECTING; retry_ms -1: a dial is under way */

    /* epochs */
    int64_t accepted, current; /* as stored */
    int64_t epoch;             /* the leader's, which it asks us to accept or has */
    int64_t serving;           /* of the last UPTODATE; 0: none yet */

    /* the history: committed <= seen <= last */
    pdk_zxid last;      /* appended; -1 while nothing may be trusted */
    pdk_zxid durable;   /* -1: nothing that we know of */
    pdk_zxid seen;      /* what the leader has sent; behind `last` only after a TRUNC that forgot
                         * nothing */
    pdk_zxid committed; /* by the leader's stream */
    pdk_zxid told;      /* of that, to the node */
    pdk_zxid acked;
    pdk_zxid covered; /* by NEWLEADER: must be durable before its epoch is stored */
    pdk_zxid target;  /* of a TRUNC or SNAP; after a SNAP older proposals may come again */
    bool is_snap;
    pdk_zxid hold; /* what stood behind a TRUNC that forgot nothing, and may be in the tree */
    size_t run_count;
    struct {
        pdk_zxid first, last;
    } runs[RUNS_MAX]; /* (committed, seen], an epoch each */
    struct pdk_snapscan scan;

    /* configs, held */
    struct pdk_members *in_force, *last_seen;
    struct pdk_members *offered;  /* by NEWLEADER, or NULL */
    struct pdk_members *proposed; /* by the reconfig at proposed_zxid, or NULL */
    pdk_zxid proposed_zxid;
    struct pdk_members **kept; /* effects speak of these */
    size_t kept_count, kept_cap;
};

/* ---- learner.c ---- */
/* Text is put here, right before one of the two below. */
struct pdk_buf *pdk_learner_text(struct pdk_learner *l);
void pdk_learner_lose(struct pdk_learner *l);
void pdk_learner_log(struct pdk_learner *l, enum pdk_log_level level);
/* An effect behind the commits so far. */
struct pdk_zab_effect *pdk_learner_add(struct pdk_learner *l, enum pdk_zab_kind kind);
void pdk_learner_put(struct pdk_learner *l, enum pdk_qtype type, pdk_zxid zxid,
                     struct pdk_slice data);
/* The leader's epoch is accepted: stored, then acked; a second ack of the same does not count. */
void pdk_learner_accept(struct pdk_learner *l, int64_t epoch);
/* A is done when everything covered is durable: then B. */
void pdk_learner_secure(struct pdk_learner *l);

/* ---- learner_packet.c ---- */
void pdk_learner_packet(struct pdk_learner *l, const struct pdk_qpacket *p);
void pdk_learner_tell_commits(struct pdk_learner *l);
/* Acks what may be acked. */
void pdk_learner_ack(struct pdk_learner *l);
/* The history now ends at `zxid`, and all of it is as the leader has it and committed. */
void pdk_learner_settle_at(struct pdk_learner *l, pdk_zxid zxid);

/* ---- learner_config.c ---- */
/* NEWLEADER's config; false: lost. */
bool pdk_learner_offer_config(struct pdk_learner *l, struct pdk_slice text);
/* A proposal; when it is a reconfig its config has been seen.  False: lost. */
bool pdk_learner_see_config(struct pdk_learner *l, pdk_zxid zxid, struct pdk_slice txn);
/* It comes into force; true: we must leave, because our role or our leader is another now. */
bool pdk_learner_activate_offered(struct pdk_learner *l);
bool pdk_learner_activate_proposed(struct pdk_learner *l, pdk_sid leader);
void pdk_learner_drop_configs(struct pdk_learner *l);
/* The effects that spoke of configs have been taken. */
void pdk_learner_forget_kept(struct pdk_learner *l);

#endif
