/* core/prep/prep.h - a write request becomes a transaction.  (pure)
 *
 * Checks arguments, ACLs, versions, quotas against the tree as it will be (overlay.h), in the order
 * of client-protocol.md section 9.2, and encodes the transaction: header | body | digest
 * (zab.md section 8).  A request that fails becomes an error transaction and uses its zxid up, but
 * one whose record cannot be decoded never gets a zxid (3.9's behaviour; a broken multi does).
 *
 * Threads: the core thread. */
#ifndef PDK_CORE_PREP_PREP_H
#define PDK_CORE_PREP_PREP_H

#include "base/base.h"
#include "base/buf.h"
#include "core/acl/acl.h"
#include "core/prep/overlay.h"
#include "core/tree/tree.h"
#include "proto/code.h"

struct pdk_prep_config {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    bool extended_types;
    bool enforce_quota;
    bool reconfig_enabled;
    bool digest_enabled;
    bool close_session_txn; /* list the ephemerals in closeSession transactions */
    /* Longest transaction.  A request that needs more gets MarshallingError; a closeSession goes
     * without its list then, so that replicas delete what their trees list. */
    size_t txn_limit_bytes;
    struct pdk_acl_config acl;
};

struct pdk_prep;
/* `tree` must outlive it. */
struct pdk_prep *pdk_prep_create(const struct pdk_prep_config *config, const struct pdk_tree *tree);
void pdk_prep_destroy(struct pdk_prep *p);
/* The tree is another one, or has been changed by others: nothing is outstanding any more. */
void pdk_prep_reset(struct pdk_prep *p);

struct pdk_prep_request {
    int32_t op; /* a write, createSession, closeSession or deleteContainer */
    int32_t cxid;
    pdk_session session;
    struct pdk_slice body;                   /* the record behind the request header */
    const struct pdk_identities *identities; /* NULL: the server itself */
    size_t identity_count;
    int64_t time_ms;         /* wall clock of the step */
    bool global_session;     /* false: a local one may not own ephemerals */
    enum pdk_code verdict;   /* not OK: the caller has found that it fails with this */
    bool must;               /* an error transaction also for a record that cannot be decoded:
                              * somebody far away waits for it */
    struct pdk_slice config; /* reconfig: the new config's text; empty: standalone */
};

struct pdk_prep_result {
    enum pdk_code code; /* OK, or what the client is answered */
    bool no_txn;        /* nothing was proposed: answer `code` in order, without a zxid */
    int32_t txn_type;   /* of the header written; PDK_OP_ERROR for error transactions */
    bool quota_refused;
    bool has_digests; /* the two below are what the tree will compute when it applies */
    uint32_t node_digest, parent_digest;
    uint32_t touched; /* znodes that it will change */
    pdk_znode id;     /* setData: the znode in the tree, when it is there already; else NONE */
};

/* Makes the transaction of `zxid` (larger than every earlier one) and appends it to `txn`. */
void pdk_prep_run(struct pdk_prep *p, const struct pdk_prep_request *req, pdk_zxid zxid,
                  struct pdk_buf *txn, struct pdk_prep_result *result);
/* The tree has applied everything up to `zxid`.  The number of changes that are outstanding no
 * more. */
size_t pdk_prep_commit(struct pdk_prep *p, pdk_zxid zxid);
/* Nothing is outstanding. */
bool pdk_prep_idle(const struct pdk_prep *p);

/* Would this request create an ephemeral?  (A local session must become a global one first.) */
bool pdk_prep_creates_ephemeral(int32_t op, struct pdk_slice body);
/* True for the operations that become transactions when a client asks for them. */
bool pdk_prep_is_write(int32_t op);

#endif
