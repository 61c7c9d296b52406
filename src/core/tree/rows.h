/* core/tree/rows.h - numbered rows of one size that never move.  (pure; inside of tree/)
 *
 * For the side tables of the tree (ephemerals, owners, ACL lists, containers and TTL znodes):
 * growing adds a chunk of about 4 KiB and copies nothing but, rarely, the list of chunks.
 *
 * Memory: pdk_rows_reach may refuse.  Threads: one at a time. */
#ifndef PDK_CORE_TREE_ROWS_H
#define PDK_CORE_TREE_ROWS_H

#include "base/base.h"
#include "base/mem.h"

struct pdk_rows {
    const struct pdk_mem *mem;
    void **chunks;
    uint32_t chunk_count, chunk_cap;
    uint32_t row_size, rows_per_chunk_bits;
};

/* Allocates nothing yet. */
void pdk_rows_init(struct pdk_rows *r, const struct pdk_mem *mem, uint32_t row_size_bytes);
void pdk_rows_deinit(struct pdk_rows *r);
/* Makes sure that rows 0..index exist (zeroed when new).  False: no memory, nothing has changed
 * that anybody could see. */
PDK_WARN_UNUSED bool pdk_rows_reach(struct pdk_rows *r, uint32_t index);

/* The row must exist. */
static inline void *pdk_rows_at(const struct pdk_rows *r, uint32_t index)
{
    uint32_t chunk = index >> r->rows_per_chunk_bits;
    uint32_t row = index & ((1u << r->rows_per_chunk_bits) - 1);
    return (char *)r->chunks[chunk] + (size_t)row * r->row_size;
}

#endif
