/* sim/oracle.h - what clients asked for, and what the reference model says about it.
 *
 * Every request of every client is known here before it is sent.  Each committed transaction must
 * be one that was asked for (by session and cxid), at most once, in the order of its session, and
 * behind everything that had been answered before it was sent (linearizable writes).  The model
 * (model.h) carries the request out on the state before it: result and digest must be the server's.
 * Replies are compared with the model at their zxid.
 *
 * Threads: one. */
#ifndef PDK_SIM_ORACLE_H
#define PDK_SIM_ORACLE_H

#include "sim/histories.h"
#include "sim/model.h"

#define PDK_CALL_OPS 4u
#define PDK_ORACLE_SERVERS 16u

/* The answer that the model gives to one operation. */
struct pdk_verdict {
    enum pdk_code code;
    char path[PDK_MODEL_PATH]; /* of a create */
    struct pdk_stat stat;      /* of setData, create2 */
};

/* One request of a client. */
struct pdk_call {
    int32_t op;
    bool watch;                /* a read's */
    char path[PDK_MODEL_PATH]; /* a read's */
    size_t op_count;           /* of a write; of a multi, any number from 0 */
    struct pdk_model_op ops[PDK_CALL_OPS];
    /* its fate */
    uint32_t connection; /* on which it was sent; 0: not yet */
    pdk_zxid floor;      /* the newest write that had been answered when it was sent */
    uint32_t sequential; /* znodes of new names that it may still make */
    bool answered;       /* by a server */
    bool local;          /* by a server, without a transaction */
    bool lost;           /* the client was told that it does not know */
    struct pdk_hist *committed;
    enum pdk_code code; /* of the transaction */
    bool refused;       /* by something that the model does not know (session moved, expired) */
    size_t failed_at;   /* the part of a multi that failed; op_count: none */
    struct pdk_verdict verdicts[PDK_CALL_OPS];
};

/* A session of a client: its calls by xid, which count from 1. */
struct pdk_asker {
    pdk_session session; /* 0: not known yet */
    struct pdk_call **calls;
    size_t call_count, call_cap;
    int32_t last_committed_xid;
    struct pdk_asker *next;
};

/* A session as the transactions have it. */
struct pdk_session_fate {
    pdk_session id;
    int32_t timeout_ms;
    pdk_zxid opened, closed; /* closed 0: it lives */
    bool expired;
    /* The last sign of life that has come to a server: to a leader by its learners' PINGs too. */
    int64_t heard_us[PDK_ORACLE_SERVERS];
};

/* The model behind one committed transaction. */
struct pdk_model_record;

struct pdk_oracle_counts {
    uint64_t writes, failed_writes, refused, expiries, closes, opens, removals, replies, lost;
    uint64_t committed_after_loss, reads, syncs;
};

struct pdk_oracle {
    struct pdk_world *world;
    struct pdk_asker *askers;
    struct pdk_session_fate *fates;
    size_t fate_count, fate_cap;
    struct pdk_model_state *now; /* behind the last committed transaction */
    struct pdk_model_state *scratch;
    struct pdk_model_state *expanded; /* of `expanded_of` */
    const struct pdk_hist *expanded_of;
    struct pdk_model_record **records;
    size_t record_count, record_cap;
    pdk_zxid answered;   /* the newest write whose answer a client has */
    uint32_t sequential; /* znodes of new names that are asked for and may still come */
    bool ensemble;
    /* When the leader of an epoch was established; -1: never. */
    int64_t (*led_since_us)(void *ctx, int64_t epoch);
    void *led_ctx;
    int64_t tick_ms;
    struct pdk_oracle_counts counts;
};

/* `root`: the empty history. */
void pdk_oracle_init(struct pdk_oracle *o, struct pdk_world *world, struct pdk_hist *root);
void pdk_oracle_deinit(struct pdk_oracle *o);

/* ---- clients --------------------------------------------------------------------------------- */
struct pdk_asker *pdk_oracle_asker(struct pdk_oracle *o);
/* The call with the next xid. */
struct pdk_call *pdk_oracle_call(struct pdk_oracle *o, struct pdk_asker *a);
struct pdk_call *pdk_asker_call(const struct pdk_asker *a, int32_t xid); /* NULL: none */
/* It goes out on this connection of its client. */
void pdk_oracle_sent(struct pdk_oracle *o, struct pdk_call *call, uint32_t connection);
/* The client was told that it does not know what became of it. */
void pdk_oracle_lost(struct pdk_oracle *o, struct pdk_call *call);
/* A server's answer to a write has come. */
void pdk_oracle_write_reply(struct pdk_oracle *o, const struct pdk_asker *a, struct pdk_call *call,
                            int32_t code, pdk_zxid zxid, struct pdk_slice body);
/* `at`: the committed history at the reply's zxid. */
void pdk_oracle_read_reply(struct pdk_oracle *o, const struct pdk_asker *a, struct pdk_call *call,
                           int32_t code, const struct pdk_hist *at, struct pdk_slice body);

bool pdk_op_is_write(int32_t op);

/* ---- servers --------------------------------------------------------------------------------- */
/* The next transaction is committed. */
void pdk_oracle_committed(struct pdk_oracle *o, struct pdk_hist *h);
/* A server has heard of a session. */
void pdk_oracle_heard(struct pdk_oracle *o, uint32_t server, pdk_session session);
/* It has logged a transaction that nobody had before. */
void pdk_oracle_born(struct pdk_oracle *o, uint32_t server, struct pdk_hist *h);
/* A replica's tree behind `h` has h->digest. */
void pdk_oracle_digest(struct pdk_oracle *o, const struct pdk_hist *h);

/* ---- questions ------------------------------------------------------------------------------- */
/* The model behind a committed history; good until the next call. */
const struct pdk_model_state *pdk_oracle_state(struct pdk_oracle *o, const struct pdk_hist *h);
/* What this transaction changed, in order unless `unordered`. */
const struct pdk_model_change *pdk_oracle_changes(const struct pdk_hist *h, size_t *count,
                                                  bool *unordered);
/* NULL: never opened. */
const struct pdk_session_fate *pdk_oracle_fate(const struct pdk_oracle *o, pdk_session id);

#endif
