/* core/tree/aclmap.h - ACL lists, each stored once and counted.  (pure; inside of tree/)
 *
 * An id is a row number from 1 up (0 is never one).  A list whose count has fallen to zero stays
 * readable until the second next change, because events of the change that dropped it are still
 * filtered by it; `pdk_aclmap_step` at the beginning of every change moves that clock.
 *
 * Memory: pdk_aclmap_intern may refuse.  Threads: one at a time. */
#ifndef PDK_CORE_TREE_ACLMAP_H
#define PDK_CORE_TREE_ACLMAP_H

#include "base/base.h"
#include "base/hash.h"
#include "core/tree/index.h"
#include "core/tree/rows.h"

struct pdk_aclmap {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    struct pdk_rows rows;   /* struct acl_row, by id */
    struct pdk_index index; /* hash of the list -> id */
    uint32_t used_rows;     /* ids 1..used_rows-1 were given out at some time */
    uint32_t free_row;      /* chain of free ids; 0 = none */
    uint32_t live;          /* lists with a count above zero */
    uint64_t clock;         /* number of the change under way */
    uint32_t dying[2]; /* ids that fell to zero in the change before the last, and in the last */
};

/* False: no memory. */
PDK_WARN_UNUSED bool pdk_aclmap_init(struct pdk_aclmap *m, const struct pdk_mem *mem,
                                     struct pdk_hash_seed seed);
void pdk_aclmap_deinit(struct pdk_aclmap *m);

/* A change begins: frees what fell to zero two changes ago. */
void pdk_aclmap_step(struct pdk_aclmap *m);
/* 0 when not there, else an id that may have a count of zero. */
uint32_t pdk_aclmap_find(const struct pdk_aclmap *m, struct pdk_slice list);
/* The id of the list, counted once more; 0: no memory. */
PDK_WARN_UNUSED uint32_t pdk_aclmap_intern(struct pdk_aclmap *m, struct pdk_slice list);
void pdk_aclmap_retain(struct pdk_aclmap *m, uint32_t id);
/* At most one id may fall to zero per change. */
void pdk_aclmap_release(struct pdk_aclmap *m, uint32_t id);
/* The same, and frees it at once when that was the last. */
void pdk_aclmap_release_now(struct pdk_aclmap *m, uint32_t id);

/* The encoded list; an empty slice for an id that is not in use. */
struct pdk_slice pdk_aclmap_list(const struct pdk_aclmap *m, uint32_t id);
uint64_t pdk_aclmap_refs(const struct pdk_aclmap *m, uint32_t id);
/* The next id after `id` whose count is above zero (start with 0); 0 at the end. */
uint32_t pdk_aclmap_next(const struct pdk_aclmap *m, uint32_t id);
void pdk_aclmap_validate(const struct pdk_aclmap *m);

#endif
