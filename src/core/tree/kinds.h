/* core/tree/kinds.h - which znodes are ephemeral, of whom; which are containers or have a TTL.
 * (pure; inside of tree/)
 *
 * Ephemerals: one row per ephemeral znode, linked into its owner's list; found by znode id and the
 * owner by session id.  The links are not in the slots, because a slot has no word to spare for
 * what few znodes are, and because no slot field is free for certain in an ephemeral: files may
 * bring ones with children (TTL znodes after extended types were switched off).
 *
 * Containers and TTL znodes: a dense list of ids, gone through from the end to the start.  Removing
 * puts the last one into the gap; since that one was already seen, a walk that is cut into pieces
 * skips nothing.
 *
 * Memory: out of memory in a change stops the process.  Threads: one at a time. */
#ifndef PDK_CORE_TREE_KINDS_H
#define PDK_CORE_TREE_KINDS_H

#include "base/base.h"
#include "base/hash.h"
#include "core/tree/index.h"
#include "core/tree/rows.h"

struct pdk_ephemerals {
    struct pdk_hash_seed seed;
    struct pdk_rows members; /* struct member_row: by row number from 1 */
    struct pdk_rows owners;  /* struct owner_row: by row number from 1 */
    struct pdk_index by_znode, by_owner;
    uint32_t used_members, free_member;
    uint32_t used_owners, free_owner;
};

/* False: no memory. */
PDK_WARN_UNUSED bool pdk_ephemerals_init(struct pdk_ephemerals *e, const struct pdk_mem *mem,
                                         struct pdk_hash_seed seed);
void pdk_ephemerals_deinit(struct pdk_ephemerals *e);
/* `znode` is in no list. */
void pdk_ephemerals_add(struct pdk_ephemerals *e, pdk_session owner, uint32_t znode);
/* `znode` is in some list. */
void pdk_ephemerals_remove(struct pdk_ephemerals *e, uint32_t znode);
/* 0: none. */
uint32_t pdk_ephemerals_first(const struct pdk_ephemerals *e, pdk_session owner);
/* The one after `znode` in its owner's list; 0 at the end, or when it is in none. */
uint32_t pdk_ephemerals_next(const struct pdk_ephemerals *e, uint32_t znode);
static inline uint64_t pdk_ephemerals_count(const struct pdk_ephemerals *e)
{
    return e->by_znode.count;
}
void pdk_ephemerals_each_owner(const struct pdk_ephemerals *e,
                               void (*each)(void *ctx, pdk_session owner), void *ctx);
/* The owner in whose list `znode` is; 0: in none. */
pdk_session pdk_ephemerals_owner(const struct pdk_ephemerals *e, uint32_t znode);
void pdk_ephemerals_validate(const struct pdk_ephemerals *e);

struct pdk_idlist {
    struct pdk_rows ids;        /* uint32_t */
    struct pdk_index positions; /* id -> position + 1 */
    uint32_t count;
};

/* False: no memory. */
PDK_WARN_UNUSED bool pdk_idlist_init(struct pdk_idlist *l, const struct pdk_mem *mem);
void pdk_idlist_deinit(struct pdk_idlist *l);
/* `id` is not in. */
void pdk_idlist_add(struct pdk_idlist *l, uint32_t id);
/* `id` is in. */
void pdk_idlist_remove(struct pdk_idlist *l, uint32_t id);
bool pdk_idlist_has(const struct pdk_idlist *l, uint32_t id);
static inline uint32_t pdk_idlist_at(const struct pdk_idlist *l, uint32_t position)
{
    return *(const uint32_t *)pdk_rows_at(&l->ids, position);
}
void pdk_idlist_validate(const struct pdk_idlist *l);

#endif
