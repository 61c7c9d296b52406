/* sim/histories.h - every transaction that any server ever logged, as one tree.
 *
 * A node stands for a history: itself and all its ancestors.  A server's log, what of it is
 * durable, what it has applied, what is committed: each is a pointer into this tree, "is a prefix
 * of" is "is an ancestor of".  In an ensemble a zxid has one transaction and one history before it,
 * for ever (known-bugs.md, I2 and I4): a second one is reported when it is added.
 *
 * Threads: one. */
#ifndef PDK_SIM_HISTORIES_H
#define PDK_SIM_HISTORIES_H

#include "base/map.h"
#include "jute/records.h"
#include "sim/world.h"

struct pdk_hist {
    struct pdk_hist *parent, *first_child, *next_sibling;
    pdk_zxid zxid; /* 0: the empty history */
    uint32_t depth;
    struct pdk_slice txn; /* own copy */
    struct pdk_txn_header header;
    bool born;         /* it has been looked at when it was first logged: */
    int64_t silent_us; /* how long its session had not been heard of then */
    bool committed;
    /* Of the tree behind it, as the first replica had it. */
    bool has_digest;
    uint64_t digest;
    uint32_t digest_by;   /* that replica's server id */
    void *oracle;         /* what the reference model says about it, once committed */
    struct pdk_hist *all; /* list of all, newest first */
};

struct pdk_histories {
    struct pdk_world *world;
    bool unique; /* an ensemble's zxids never repeat */
    struct pdk_hist *root, *all;
    struct pdk_map by_zxid; /* when unique */
};

void pdk_histories_init(struct pdk_histories *h, struct pdk_world *world, bool unique);
void pdk_histories_deinit(struct pdk_histories *h);

/* `parent` and then this transaction.  NULL: it breaks a rule, which has been reported. */
struct pdk_hist *pdk_histories_add(struct pdk_histories *h, struct pdk_hist *parent,
                                   struct pdk_slice txn, uint32_t by_server);
/* The child that has these bytes; NULL when there is none. */
struct pdk_hist *pdk_histories_child(const struct pdk_hist *parent, struct pdk_slice txn);

/* The longest prefix without anything above `zxid`. */
struct pdk_hist *pdk_hist_up_to(struct pdk_hist *h, pdk_zxid zxid);
bool pdk_hist_is_prefix(const struct pdk_hist *prefix, const struct pdk_hist *of);
struct pdk_hist *pdk_hist_common(struct pdk_hist *a, struct pdk_hist *b);

#endif
