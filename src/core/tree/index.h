/* core/tree/index.h - finds a u32 by a 32-bit hash.  (pure; inside of tree/)
 *
 * Extendible hashing: a directory, addressed by the top bits of the hash, of segments of one 4 KiB
 * page each.  A segment is open addressing with linear probing over cells of (hash, value).  One
 * that is 13/16 full splits in two by the next bit of the hash, so growing moves some 400
 * neighbouring cells and never touches what the values stand for; only the directory (8 bytes per
 * 400 values) is ever copied as a whole.  Removal shifts back: no tombstones.  Segments are not
 * merged again.
 *
 * The index knows hashes only: several values may share one, and the caller compares what they
 * stand for.  Hashes must be well mixed in all bits and, where outsiders choose keys, seeded.
 *
 * Memory: growth that fails stops the process.  Threads: one at a time. */
#ifndef PDK_CORE_TREE_INDEX_H
#define PDK_CORE_TREE_INDEX_H

#include "base/base.h"
#include "base/mem.h"

#define PDK_INDEX_CELLS 512u
#define PDK_INDEX_FULL (PDK_INDEX_CELLS / 16 * 13)

/* cells[0] is no cell but the header, so that a segment is exactly one page for any allocator. */
union pdk_index_segment {
    struct {
        uint32_t count;
        uint32_t depth; /* all hashes in here share that many top bits */
    } head;
    uint64_t cells[PDK_INDEX_CELLS]; /* hash << 32 | value; 0 = free */
};

struct pdk_index {
    const struct pdk_mem *mem;
    union pdk_index_segment **directory; /* 1 << depth pointers */
    uint32_t depth;
    uint64_t count;
};

/* False: no memory. */
PDK_WARN_UNUSED bool pdk_index_init(struct pdk_index *ix, const struct pdk_mem *mem);
void pdk_index_deinit(struct pdk_index *ix);

/* value != 0; (hash, value) must not be in. */
void pdk_index_insert(struct pdk_index *ix, uint32_t hash, uint32_t value);
/* (hash, value) must be in. */
void pdk_index_remove(struct pdk_index *ix, uint32_t hash, uint32_t value);
/* (hash, value) becomes (hash, replacement). */
void pdk_index_replace(struct pdk_index *ix, uint32_t hash, uint32_t value, uint32_t replacement);
void pdk_index_validate(const struct pdk_index *ix);

/* Goes over the values with one hash; the index must not change meanwhile:
 *   struct pdk_index_probe p = pdk_index_probe(ix, hash);
 *   while ((value = pdk_index_next(&p)) != 0) ... */
struct pdk_index_probe {
    const uint64_t *cells;
    uint32_t at, hash;
};

static inline uint32_t pdk_index_home(uint32_t hash)
{
    uint32_t at = hash & (PDK_INDEX_CELLS - 1);
    return at != 0 ? at : 1;
}
static inline uint32_t pdk_index_after(uint32_t at)
{
    return at + 1 < PDK_INDEX_CELLS ? at + 1 : 1;
}
static inline union pdk_index_segment *pdk_index_segment_of(const struct pdk_index *ix,
                                                            uint32_t hash)
{
    return ix->directory[(uint64_t)hash << ix->depth >> 32];
}
static inline struct pdk_index_probe pdk_index_probe(const struct pdk_index *ix, uint32_t hash)
{
    return (struct pdk_index_probe){
        .cells = pdk_index_segment_of(ix, hash)->cells, .at = pdk_index_home(hash), .hash = hash};
}
static inline uint32_t pdk_index_next(struct pdk_index_probe *p)
{
    for (;;) {
        uint64_t cell = p->cells[p->at];
        if (cell == 0) return 0;
        p->at = pdk_index_after(p->at);
        if ((uint32_t)(cell >> 32) == p->hash) return (uint32_t)cell;
    }
}

/* A hash for values that are numbers of our own making: mixes all bits, keeps distinct distinct. */
static inline uint32_t pdk_index_mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

#endif
