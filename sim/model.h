/* sim/model.h - the naive reference: znodes as a flat list, every rule written out plainly.
 *
 * Knows nothing of the real tree, overlay or watches; shares only records, codes and kinds.  A
 * state is a value: it is copied before each transaction, so that any reply can be checked against
 * the state at its zxid.  Slow, and meant to be.  Rules: data-model.md, client-protocol.md section
 * 9. */
#ifndef PDK_SIM_MODEL_H
#define PDK_SIM_MODEL_H

#include "core/watch/watch.h"
#include "jute/records.h"
#include "proto/code.h"

#define PDK_MODEL_NODES 128
#define PDK_MODEL_PATH 64
#define PDK_MODEL_DATA 24
#define PDK_MODEL_CHANGES 128

/* ACLs that the model knows: one entry each. */
enum pdk_model_acl { PDK_MODEL_OPEN, PDK_MODEL_NO_READ, PDK_MODEL_BOB, PDK_MODEL_ACLS };

struct pdk_model_node {
    char path[PDK_MODEL_PATH];
    uint8_t data[PDK_MODEL_DATA];
    size_t data_len;
    enum pdk_model_acl acl;
    struct pdk_stat_persisted stat;
    bool container;
    int64_t ttl_ms;               /* 0: none */
    int32_t creations, deletions; /* of children: visible cversion is their sum */
};

struct pdk_model_change {
    int type; /* of the event: 1 created, 2 deleted, 3 data */
    char path[PDK_MODEL_PATH];
    enum pdk_model_acl acl, parent_acl;
};

struct pdk_model_state {
    pdk_zxid zxid;
    size_t count;
    struct pdk_model_node nodes[PDK_MODEL_NODES];
    size_t change_count; /* what the transaction that led here did */
    struct pdk_model_change changes[PDK_MODEL_CHANGES];
};

struct pdk_model_op {
    int32_t op; /* create, createContainer, createTTL, delete, setData, setACL, check; closeSession,
                 * deleteContainer */
    char path[PDK_MODEL_PATH];
    uint8_t data[PDK_MODEL_DATA];
    size_t data_len;
    int32_t flags, version;
    enum pdk_model_acl acl;
    pdk_session session;
    bool is_bob;    /* the caller has authenticated as bob */
    int64_t ttl_ms; /* createTTL */
    int64_t time_ms;
};

void pdk_model_init(struct pdk_model_state *s);
const struct pdk_model_node *pdk_model_find(const struct pdk_model_state *s, const char *path);
int32_t pdk_model_children(const struct pdk_model_state *s, const char *path);
void pdk_model_stat(const struct pdk_model_state *s, const struct pdk_model_node *n,
                    struct pdk_stat *out);
bool pdk_model_allows(enum pdk_model_acl acl, int32_t perm, bool is_bob);
/* May the server itself remove the znode at this time? */
bool pdk_model_is_due(const struct pdk_model_state *s, const struct pdk_model_node *n,
                      int64_t time_ms);
/* "/" for children of the root. */
void pdk_model_parent(const char *path, char out[PDK_MODEL_PATH]);

/* Does `op` to the state at `zxid`; on any code but OK the znodes are unchanged.
 * `created` gets the final path of a create.  Changes are added, not cleared. */
enum pdk_code pdk_model_apply(struct pdk_model_state *s, const struct pdk_model_op *op,
                              pdk_zxid zxid, char created[PDK_MODEL_PATH]);

/* ---- one client's watches -------------------------------------------------------------------- */

#define PDK_MODEL_WATCHES 256
struct pdk_model_watches {
    struct {
        enum pdk_watch_kind kind;
        char path[PDK_MODEL_PATH];
    } items[PDK_MODEL_WATCHES];
    size_t count;
};
bool pdk_model_watching(const struct pdk_model_watches *w, enum pdk_watch_kind kind,
                        const char *path);
/* A recursive watch at the path or above it. */
bool pdk_model_watching_above(const struct pdk_model_watches *w, const char *path);
void pdk_model_watch(struct pdk_model_watches *w, enum pdk_watch_kind kind, const char *path);
void pdk_model_unwatch(struct pdk_model_watches *w, enum pdk_watch_kind kind, const char *path);

#endif
