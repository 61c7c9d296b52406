/* core/prep/overlay.h - the tree as it will be once everything proposed is committed.  (pure)
 *
 * A write is judged against the committed tree plus the changes of the writes proposed before it.
 * The overlay holds one record per znode that an outstanding transaction touches, keyed by path,
 * with the zxid that touched it last; it leaves when that zxid commits.  An undo journal gives
 * `multi` a savepoint.
 *
 * The digest after each proposal is kept here too.  A record stores the CRC state behind path and
 * data, so that a change of the Stat alone never looks at the data again.
 *
 * Memory: out of memory stops the process (the overlay is bounded by the node's in-flight limit).
 * Threads: the core thread. */
#ifndef PDK_CORE_PREP_OVERLAY_H
#define PDK_CORE_PREP_OVERLAY_H

#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/tree/tree.h"

struct pdk_pending; /* one outstanding znode; the overlay's own */

/* A znode as the next transaction sees it.  Slices are good until the next change. */
struct pdk_record {
    struct pdk_pending *pending; /* NULL: only in the tree */
    pdk_znode id;                /* NONE when not in the tree */
    struct pdk_stat_persisted stat;
    uint32_t child_count;
    uint32_t data_len;
    struct pdk_slice acl; /* encoded list; null = open */
};

struct pdk_overlay;
struct pdk_overlay *pdk_overlay_create(const struct pdk_mem *mem, struct pdk_hash_seed seed,
                                       const struct pdk_tree *tree, bool digest_enabled);
void pdk_overlay_destroy(struct pdk_overlay *o);
/* The tree has been loaded or replaced: nothing is outstanding, its digest is the start. */
void pdk_overlay_reset(struct pdk_overlay *o);

/* False: the znode does not exist (or will not). */
bool pdk_overlay_find(const struct pdk_overlay *o, struct pdk_slice path, struct pdk_record *out);

/* What the proposal `zxid` does to a znode.  Each returns its node digest afterwards (0 when
 * digests are off or the znode does not count).
 *   record  of the same path, as pdk_overlay_find gave it, no other change in between
 * create: `stat` and `child_count` are those of the new znode; the record is not used. */
uint32_t pdk_overlay_put_stat(struct pdk_overlay *o, struct pdk_slice path,
                              const struct pdk_record *record, pdk_zxid zxid,
                              const struct pdk_stat_persisted *stat, uint32_t child_count);
uint32_t pdk_overlay_put_data(struct pdk_overlay *o, struct pdk_slice path,
                              const struct pdk_record *record, pdk_zxid zxid,
                              const struct pdk_stat_persisted *stat, struct pdk_slice data);
uint32_t pdk_overlay_put_acl(struct pdk_overlay *o, struct pdk_slice path,
                             const struct pdk_record *record, pdk_zxid zxid,
                             const struct pdk_stat_persisted *stat, struct pdk_slice acl);
uint32_t pdk_overlay_put_created(struct pdk_overlay *o, struct pdk_slice path, pdk_zxid zxid,
                                 const struct pdk_stat_persisted *stat, struct pdk_slice data,
                                 struct pdk_slice acl);
void pdk_overlay_put_deleted(struct pdk_overlay *o, struct pdk_slice path,
                             const struct pdk_record *record, pdk_zxid zxid);

/* Between `begin` and `end` changes are journalled; `end(rollback = true)` undoes them all. */
void pdk_overlay_begin(struct pdk_overlay *o);
void pdk_overlay_end(struct pdk_overlay *o, bool rollback);

/* The tree's digest once everything proposed so far is applied. */
uint64_t pdk_overlay_digest(const struct pdk_overlay *o);

/* How many changes are outstanding: one per znode and proposal. */
size_t pdk_overlay_touches(const struct pdk_overlay *o);

/* The tree has applied everything up to zxid: records that nothing later touches leave.  The
 * number of changes that are outstanding no more. */
size_t pdk_overlay_commit(struct pdk_overlay *o, pdk_zxid zxid);

/* The ephemerals of `owner` that outstanding transactions create, in the order of their creation,
 * for a session that closes. */
void pdk_overlay_each_created(const struct pdk_overlay *o, pdk_session owner,
                              void (*each)(void *ctx, struct pdk_slice path), void *ctx);

/* How many znodes are outstanding. */
size_t pdk_overlay_count(const struct pdk_overlay *o);
void pdk_overlay_validate(const struct pdk_overlay *o);

#endif
