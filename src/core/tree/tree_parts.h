/* core/tree/tree_parts.h - the tree's own struct and what its files share.  (pure; inside of tree/)
 *
 *   pages   slots and blobs, copied on write under a frozen view
 *   index   (parent, name) -> znode          parents   paths of the last parents
 *   aclmap  ACL lists        kinds   ephemerals, containers, TTL znodes
 *   tree.c  life, lookups    change.c  changes    quota.c  load.c  view.c  digest.c  validate.c */
#ifndef PDK_CORE_TREE_TREE_PARTS_H
#define PDK_CORE_TREE_TREE_PARTS_H

#include "base/map.h"
#include "core/tree/aclmap.h"
#include "core/tree/index.h"
#include "core/tree/kinds.h"
#include "core/tree/pages.h"
#include "core/tree/parents.h"
#include "core/tree/tree.h"

#include <string.h>

/* No list, or the encoded null vector: both mean "open". */
static inline bool pdk_acl_list_is_null(struct pdk_slice list)
{
    return list.is_null || (list.len == 4 && memcmp(list.bytes, "\xff\xff\xff\xff", 4) == 0);
}

/* A znode that a file brought with an ACL id that is in no table: nobody may do anything. */
#define PDK_ACL_UNKNOWN (UINT32_MAX - 2)

struct pdk_tree {
    struct pdk_tree_config config;
    struct pdk_pages pages;
    struct pdk_index index;
    struct pdk_parents *parents; /* a hint that lookups write, too */
    struct pdk_aclmap acls;
    struct pdk_ephemerals ephemerals;
    struct pdk_idlist timed; /* containers and TTL znodes */
    uint64_t containers, ttls;
    uint64_t data_bytes, path_chars;
    uint64_t digest;
    uint64_t unknown_acls;    /* znodes with PDK_ACL_UNKNOWN */
    uint64_t quotas;          /* limits znodes that count */
    bool loading;             /* made empty, pdk_tree_load_done has not come yet */
    struct pdk_map disk_acls; /* while loading: disk id -> ACL id, each counted once */
};

static inline const struct pdk_slot *pdk_slot(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_pages_slot(&tree->pages, id);
}

static inline struct pdk_slice pdk_blob_name(const struct pdk_blob *blob)
{
    return pdk_slice_of(blob->bytes, blob->name_len);
}
static inline struct pdk_slice pdk_blob_data(const struct pdk_blob *blob)
{
    if (blob->data_len == PDK_BLOB_NULL) return pdk_slice_null();
    return pdk_slice_of(blob->bytes + blob->name_len, blob->data_len);
}

static inline void pdk_slot_stat(const struct pdk_slot *slot, struct pdk_stat_persisted *out)
{
    *out = (struct pdk_stat_persisted){.czxid = slot->czxid,
                                       .mzxid = slot->mzxid,
                                       .ctime = slot->ctime,
                                       .mtime = slot->mtime,
                                       .version = slot->version,
                                       .cversion = slot->cversion,
                                       .aversion = slot->aversion,
                                       .ephemeral_owner = slot->owner,
                                       .pzxid = slot->pzxid};
}

static inline uint32_t pdk_child_hash(const struct pdk_tree *tree, pdk_znode parent,
                                      struct pdk_slice name)
{
    return (uint32_t)pdk_siphash_pair(&tree->config.seed, name.bytes, name.len, parent);
}
pdk_znode pdk_tree_find_hashed(const struct pdk_tree *tree, pdk_znode parent, struct pdk_slice name,
                               uint32_t hash);

/* The parent that `path` names and the slice behind the last '/'.  NONE when the parent is missing
 * or the path does not start with '/'; *name may be empty. */
pdk_znode pdk_tree_find_parent(const struct pdk_tree *tree, struct pdk_slice path,
                               struct pdk_slice *name);

/* The znode after `at` in a depth-first walk of what is below `top`; start with at = top.  NONE at
 * the end. */
pdk_znode pdk_tree_walk(const struct pdk_tree *tree, pdk_znode top, pdk_znode at);

/* Puts a znode in: slot, links, index, sets, counters, digest.  Takes the blob; `acl` is counted
 * already.  Parent's Stat stays, its child count goes up.  Root: parent NONE.  `path` is the full
 * path ("" for the root). */
struct pdk_insert {
    pdk_znode parent;
    uint32_t hash;
    struct pdk_blob *blob;
    pdk_acl_id acl;
    const struct pdk_stat_persisted *stat;
    struct pdk_slice path;
    uint32_t digest; /* 0 when switched off */
};
pdk_znode pdk_tree_insert(struct pdk_tree *tree, const struct pdk_insert *in);

/* False: no memory.  Built-in znodes that are missing are added. */
PDK_WARN_UNUSED bool pdk_tree_add_built_ins(struct pdk_tree *tree);

/* The blob, or stops the process. */
struct pdk_blob *pdk_blob_must(const struct pdk_mem *mem, struct pdk_slice name,
                               struct pdk_slice data);
/* Other data, nothing else: for quota usage. */
void pdk_tree_replace_data(struct pdk_tree *tree, pdk_znode id, struct pdk_slice data);
/* Characters of a path as Java counts them (all valid characters are one UTF-16 unit). */
uint64_t pdk_path_chars(struct pdk_slice path);
/* One use of the ACL less. */
void pdk_tree_drop_acl(struct pdk_tree *tree, pdk_acl_id acl);

/* ---- quota.c: called after the change proper; nothing to do when !tree->quotas ----------------
 * */
/* A znode was put in: switches a quota on, computes a usage.  Cheap unless below /zookeeper/quota.
 * */
void pdk_quota_created(struct pdk_tree *tree, pdk_znode id, struct pdk_slice path);
/* A znode is about to be or was taken out. */
void pdk_quota_deleted(struct pdk_tree *tree, struct pdk_slice path);
/* Usage of the quota that covers `path`. */
void pdk_quota_add(struct pdk_tree *tree, struct pdk_slice path, int64_t bytes, int64_t count);
/* After loading: recomputes the usage of every quota. */
void pdk_quota_recount(struct pdk_tree *tree);
bool pdk_quota_is_limits(struct pdk_slice path);

#endif
