/* core/node/state.h - what replicas agree on: tree, sessions, last zxid; and how a transaction
 * changes it.  (pure)
 *
 * One way to apply, for recovery, for a standalone server and for every member of an ensemble.
 * Rules: zab.md section 8.4, disk-formats.md section 5 (tolerant: a transaction whose effect is
 * there already, or whose znode is gone, gives a result code and nothing else).
 *
 * Threads: the core thread. */
#ifndef PDK_CORE_NODE_STATE_H
#define PDK_CORE_NODE_STATE_H

#include "core/session/session.h"
#include "core/store/store.h"
#include "core/tree/tree.h"

struct pdk_state {
    const struct pdk_mem *mem;
    struct pdk_tree_config tree_config;
    int64_t tick_ms;
    size_t session_limit;
    struct pdk_tree *tree;
    struct pdk_sessions *sessions;
    pdk_zxid last_zxid;
    /* digests that came with snapshot and log, to be compared at their zxid */
    pdk_zxid digest_zxid;
    uint64_t digest;
    uint32_t jobs; /* views of it that are out */
    bool retired;  /* another has taken its place: it goes with the last job */
};

/* An empty tree without the built-in znodes, no sessions. */
void pdk_state_init(struct pdk_state *s, const struct pdk_tree_config *tree_config, int64_t tick_ms,
                    size_t session_limit);
void pdk_state_deinit(struct pdk_state *s);
/* A state of its own on the heap, made with the settings of `like`; and its end, which waits for
 * the jobs that are out. */
struct pdk_state *pdk_state_create_like(const struct pdk_state *like);
void pdk_state_retire(struct pdk_state *s);
/* Builds the state from snapshot and log. */
struct pdk_recover_sink pdk_state_recover_sink(struct pdk_state *s);

/* A transaction taken apart; slices point into it. */
struct pdk_txn_parts {
    struct pdk_txn_header header;
    struct pdk_slice body; /* with the digest behind it, if any */
};
PDK_WARN_UNUSED enum pdk_err pdk_txn_split(struct pdk_slice txn, struct pdk_txn_parts *out);

/* Can it be applied: is every part of it of a known type, and readable?  (Of a leader's.) */
bool pdk_txn_check(struct pdk_slice txn, pdk_zxid zxid);

/* What one (sub-)transaction did. */
struct pdk_applied {
    int32_t type; /* as the transaction says; PDK_OP_ERROR: nothing was to be done */
    enum pdk_code code;
    struct pdk_slice path; /* of what it touched; points into the transaction */
    bool has_stat;         /* create family, setData, setACL */
    struct pdk_stat stat;  /* right behind the change */
};
/* Told of every change in order, while the tree is in the state right behind it. */
typedef void pdk_on_change(void *ctx, const struct pdk_change *change);

/* Applies one transaction that is no multi, or one part of a multi.  `hint`: see tree.h.
 * EMALFORMED: its body cannot be read, or the type is unknown; nothing has changed. */
PDK_WARN_UNUSED enum pdk_err pdk_state_apply_part(struct pdk_state *s,
                                                  const struct pdk_txn_header *header, int32_t type,
                                                  struct pdk_reader *body,
                                                  const struct pdk_digest_hint *hint,
                                                  pdk_on_change *on_change, void *ctx,
                                                  struct pdk_applied *out);
/* Has any part of this multi failed?  Then none may be applied. */
bool pdk_multi_failed(const struct pdk_multi_txn *multi);

/* Applies a whole transaction and moves last_zxid; `digest` behind it is noted or compared. */
PDK_WARN_UNUSED enum pdk_err pdk_state_apply(struct pdk_state *s, struct pdk_slice txn,
                                             pdk_on_change *on_change, void *ctx);

/* The digest behind a body that has been read to its end, when it is one that we can compare. */
bool pdk_state_read_digest(struct pdk_reader *r, uint64_t *digest);

/* A job for the snapshot writer: exact at last_zxid.  NULL: no memory. */
struct pdk_snapshot_job *pdk_state_freeze(struct pdk_state *s);
/* Gives the job back to the state that it was taken of, which may have been retired meanwhile. */
void pdk_state_unfreeze(struct pdk_snapshot_job *job);

#endif
