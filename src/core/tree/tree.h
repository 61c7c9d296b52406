/* core/tree/tree.h - the znodes.  (pure)
 *
 * A znode is a u32 id into 96-byte slots that live in fixed pages behind a two-level page table;
 * data and last name live in one immutable blob.  No path is stored: it is the chain of parents.
 * One open-addressing index of ids, keyed by (parent id, name) with a seeded hash, grows a few
 * buckets per change, so that no request pays for a resize.  Children are linked through the
 * slots.  architecture.md section 7.
 *
 * Frozen views: taking one stores the page-table root and raises the epoch; before the first
 * change to a page older than a live view the page is copied.  A view is exact at one zxid and is
 * read by another thread without locks (tree/view.h).  Replaced blobs and pages wait on an epoch
 * list and are freed in slices once no older view lives.
 *
 * The tree knows no watches, no sessions and no requests: changes go in with their zxid, and what
 * changed comes out.  It keeps: the ACL table (lists interned and counted), which znodes are
 * ephemeral per owner, containers, TTL nodes, quota usage (data-model.md section 11) and the
 * digest (section 13).
 *
 * Paths given in: "" and "/" are the root.  Lookups take any bytes (an impossible path is just
 * missing); the caller validates paths before it creates.
 *
 * Memory: out of memory in a change stops the process (replicated state would be half applied).
 * Threads: the core thread only, but for view.h. */
#ifndef PDK_CORE_TREE_TREE_H
#define PDK_CORE_TREE_TREE_H

#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"
#include "jute/records.h"
#include "proto/code.h"

/* A znode's id: PDK_ZNODE_NONE or a live slot.  Ids of deleted znodes are used again. */
typedef uint32_t pdk_znode;
#define PDK_ZNODE_NONE 0u
#define PDK_ZNODE_ROOT 1u

/* An interned ACL list; PDK_ACL_OPEN = no list stored (everybody may do everything), -1 on disk. */
typedef uint32_t pdk_acl_id;
#define PDK_ACL_OPEN UINT32_MAX

/* The owner word as it stands on disk (data-model.md 7 and 8). */
#define PDK_OWNER_CONTAINER INT64_MIN
#define PDK_OWNER_TTL_MARK ((int64_t)(uint64_t)0xff00000000000000u)
#define PDK_TTL_MS_MAX INT64_C(0xffffffffff)
enum pdk_znode_kind { PDK_KIND_PERSISTENT, PDK_KIND_EPHEMERAL, PDK_KIND_CONTAINER, PDK_KIND_TTL };

struct pdk_tree_config {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    bool digest_enabled;  /* zookeeper.digest.enabled */
    bool extended_types;  /* owner words with top byte 0xff are TTL; else they are sessions */
    bool emulate_353_ttl; /* with extended_types: any negative owner but the container's is TTL */
};

struct pdk_tree;

/* A tree with the built-in znodes (/, /zookeeper, /zookeeper/quota, /zookeeper/config) as a fresh
 * server has them, or without any (`empty`, to be filled by pdk_tree_load_*). NULL: no memory. */
struct pdk_tree *pdk_tree_create(const struct pdk_tree_config *config, bool empty);
/* NULL is fine.  No view may be left. */
void pdk_tree_destroy(struct pdk_tree *tree);

/* ---- lookups ------------------------------------------------------------------------------ */
pdk_znode pdk_tree_find(const struct pdk_tree *tree, struct pdk_slice path);
pdk_znode pdk_tree_find_child(const struct pdk_tree *tree, pdk_znode parent, struct pdk_slice name);
pdk_znode pdk_tree_parent(const struct pdk_tree *tree, pdk_znode id); /* root: NONE */
pdk_znode pdk_tree_first_child(const struct pdk_tree *tree, pdk_znode id);
pdk_znode pdk_tree_next_sibling(const struct pdk_tree *tree, pdk_znode id);
/* Slices point into the blob: good until the znode next changes. Name of the root: "". */
struct pdk_slice pdk_tree_name(const struct pdk_tree *tree, pdk_znode id);
struct pdk_slice pdk_tree_data(const struct pdk_tree *tree, pdk_znode id); /* may be null */
/* The Stat a client sees (cversion = 2 * stored - children; owner only of ephemerals). */
void pdk_tree_stat(const struct pdk_tree *tree, pdk_znode id, struct pdk_stat *out);
/* What is stored and what the digest covers. */
void pdk_tree_stat_persisted(const struct pdk_tree *tree, pdk_znode id,
                             struct pdk_stat_persisted *out);
uint32_t pdk_tree_child_count(const struct pdk_tree *tree, pdk_znode id);
uint32_t pdk_tree_node_digest(const struct pdk_tree *tree, pdk_znode id);
pdk_acl_id pdk_tree_acl(const struct pdk_tree *tree, pdk_znode id);
enum pdk_znode_kind pdk_tree_kind(const struct pdk_tree *tree, pdk_znode id);
enum pdk_znode_kind pdk_owner_kind(const struct pdk_tree *tree, int64_t owner_word);
/* Writes the full path ("/" for the root) to the end of `out`. */
void pdk_tree_put_path(const struct pdk_tree *tree, pdk_znode id, struct pdk_buf *out);
/* Descendants, not counting the znode itself (a walk: O(descendants); the root is O(1)). */
uint64_t pdk_tree_count_below(const struct pdk_tree *tree, pdk_znode id);

/* The list behind an id: an encoded jute vector<ACL> WITH its count, as a reply carries it.
 * PDK_ACL_OPEN gives {31, world, anyone}.  Good until the second next change. */
struct pdk_slice pdk_tree_acl_list(const struct pdk_tree *tree, pdk_acl_id acl);
#define PDK_ACL_NOT_INTERNED (UINT32_MAX - 1)
/* The id of a list already in the table, or PDK_ACL_NOT_INTERNED. */
pdk_acl_id pdk_tree_find_acl(const struct pdk_tree *tree, struct pdk_slice list);

/* ---- changes: one call per (sub-)transaction --------------------------------------------- */
enum pdk_change_kind { /* numbered like the events they cause */
                       PDK_CHANGE_CREATED = 1,
                       PDK_CHANGE_DELETED = 2,
                       PDK_CHANGE_DATA = 3,
};
/* What a successful create, delete or set_data did; ACLs feed the READ filter of events.  Whoever
 * does not want it passes NULL. */
struct pdk_change {
    enum pdk_change_kind kind;
    struct pdk_slice path; /* the caller's own path slice */
    pdk_znode id;          /* NONE when deleted */
    pdk_acl_id acl;        /* of the znode (deleted: the one it had) */
    pdk_acl_id parent_acl; /* created, deleted: of its parent */
};

/* What the caller knows already (prep does): the tree takes it over instead of finding it out once
 * more; test builds assert that it is right.  NULL: the tree finds out. */
struct pdk_digest_hint {
    uint32_t node_digest;   /* of the znode created or set */
    uint32_t parent_digest; /* of the parent after a create or delete */
    pdk_znode id;           /* of the znode set; NONE: not known */
};

struct pdk_tree_create {
    struct pdk_slice path;   /* validated, not the root */
    struct pdk_slice data;   /* may be null */
    struct pdk_slice acl;    /* encoded vector<ACL> with its count; null = PDK_ACL_OPEN */
    int64_t owner;           /* owner word: 0, session, container or TTL word */
    int32_t parent_cversion; /* the parent's new stored cversion; -1 = its own plus one */
    pdk_zxid zxid;
    int64_t time_ms; /* ctime and mtime */
    const struct pdk_digest_hint *hint;
};

/* OK; NO_NODE: the parent is missing; NODE_EXISTS: the znode is there: then its ACL becomes `acl`
 * and the parent's cversion and pzxid are raised if parent_cversion is larger, never lowered
 * (replay over a fuzzy snapshot).  Creating /zookeeper/quota/P/zookeeper_limits switches a quota
 * on, .../zookeeper_stats computes usage. */
enum pdk_code pdk_tree_create_znode(struct pdk_tree *tree, const struct pdk_tree_create *args,
                                    struct pdk_change *change);
/* OK; NO_NODE (the parent's pzxid is still raised).  NOT_EMPTY never: an inner znode takes its
 * whole subtree with it only in replay of damaged input, so that is asserted not to happen: the
 * caller checks; in replay children are deleted before. Returns NOT_EMPTY and changes nothing. */
enum pdk_code pdk_tree_delete_znode(struct pdk_tree *tree, struct pdk_slice path, pdk_zxid zxid,
                                    const struct pdk_digest_hint *hint, struct pdk_change *change);
/* Stores `version` as given.  OK or NO_NODE. */
enum pdk_code pdk_tree_set_data(struct pdk_tree *tree, struct pdk_slice path, struct pdk_slice data,
                                int32_t version, pdk_zxid zxid, int64_t time_ms,
                                const struct pdk_digest_hint *hint, struct pdk_change *change);
/* Stores `aversion` as given.  OK or NO_NODE. */
enum pdk_code pdk_tree_set_acl(struct pdk_tree *tree, struct pdk_slice path, struct pdk_slice acl,
                               int32_t aversion);

/* ---- loading a snapshot (into an `empty` tree) ------------------------------------------- */
/* Disk ACL ids are the file's own numbers (-1 = open); the tree maps them. */
PDK_WARN_UNUSED enum pdk_err pdk_tree_load_acl(struct pdk_tree *tree, int64_t disk_id,
                                               struct pdk_slice list);
/* Parents before children, else PDK_ECORRUPT; root is "".  An unknown ACL id is tolerated here
 * (fuzzy snapshots) and must have been repaired by replay when load_done is called. */
PDK_WARN_UNUSED enum pdk_err pdk_tree_load_znode(struct pdk_tree *tree, struct pdk_slice path,
                                                 struct pdk_slice data, int64_t disk_acl_id,
                                                 const struct pdk_stat_persisted *stat);
/* After snapshot and replay: built-in znodes that are missing are added, quota usage recomputed,
 * the map of disk ACL ids forgotten.  PDK_ECORRUPT with a sentence when a znode still has an
 * unknown ACL. */
PDK_WARN_UNUSED enum pdk_err pdk_tree_load_done(struct pdk_tree *tree, struct pdk_diag *diag);

/* ---- digest, quotas, sets ---------------------------------------------------------------- */
/* 64-bit sum of data-model.md 13; 0 when switched off. */
uint64_t pdk_tree_digest(const struct pdk_tree *tree);
/* The node digest that a znode with these contents has (0 below /zookeeper/). */
uint32_t pdk_digest_of(struct pdk_slice path, struct pdk_slice data,
                       const struct pdk_stat_persisted *stat);
/* The node digest after a change of nothing but the Stat, from the one before: needs neither path
 * nor data (a CRC is linear).  Not for znodes below /zookeeper/: theirs stays 0. */
uint32_t pdk_digest_restat(uint32_t digest, const struct pdk_stat_persisted *before,
                           const struct pdk_stat_persisted *after);
/* Below /zookeeper/, and so without a part in the digest? */
bool pdk_digest_excludes(struct pdk_slice path);

struct pdk_quota_limits {
    int64_t count, bytes;           /* soft; -1 = none */
    int64_t count_hard, bytes_hard; /* -1 = none */
};
struct pdk_quota_usage {
    int64_t count, bytes;
};
/* The quota that covers `path` (longest prefix with a limits znode): false when none.
 * *quota_path is the covered prefix, a slice of `path`.  Also false when that quota has no stats
 * znode: then nothing is known to be used, and Apache does not enforce it either. */
bool pdk_tree_quota(const struct pdk_tree *tree, struct pdk_slice path,
                    struct pdk_slice *quota_path, struct pdk_quota_limits *limits,
                    struct pdk_quota_usage *usage);

/* Ephemerals of one owner, in creation order of ids (unspecified to clients):
 *   for (id = pdk_tree_ephemeral_first(t, owner); id != NONE; id = pdk_tree_ephemeral_next(t, id))
 * */
pdk_znode pdk_tree_ephemeral_first(const struct pdk_tree *tree, pdk_session owner);
pdk_znode pdk_tree_ephemeral_next(const struct pdk_tree *tree, pdk_znode id);
/* Owners with ephemerals, in no order: calls `each` for every one. */
void pdk_tree_each_owner(const struct pdk_tree *tree, void (*each)(void *ctx, pdk_session owner),
                         void *ctx);
/* Containers and TTL znodes that could be due: up to `max` ids starting after *cursor (0 = from the
 * start; 0 again when the end was reached), those without children that `now_wall_ms` makes due:
 * TTL: now - mtime > ttl; container: stored cversion > 0, or never_used_ms > 0 and now - mtime >
 * never_used_ms.  Bounded work per call: looks at no more than 16 * max. */
size_t pdk_tree_due(const struct pdk_tree *tree, int64_t now_wall_ms, int64_t never_used_ms,
                    uint32_t *cursor, pdk_znode *ids, size_t max);

struct pdk_tree_counts {
    uint64_t znodes; /* live znodes, root counted once */
    uint64_t ephemerals;
    uint64_t containers, ttls;
    uint64_t data_bytes;        /* data only */
    uint64_t approximate_bytes; /* Apache's approximate_data_size: path characters + data bytes */
    uint64_t acls;
    uint64_t retired; /* blobs and pages waiting for a view to be released */
};
void pdk_tree_counts(const struct pdk_tree *tree, struct pdk_tree_counts *out);

/* Does a bounded piece of the work put off (frees after a view, index growth): call once per step.
 * True while more is left. */
bool pdk_tree_tidy(struct pdk_tree *tree);
/* Walks everything and asserts every invariant (tests). */
void pdk_tree_validate(const struct pdk_tree *tree);

#endif
