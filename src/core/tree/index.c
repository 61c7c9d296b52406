#include "core/tree/index.h"

#include <string.h>

_Static_assert(sizeof(union pdk_index_segment) == 4096, "a segment is one page");

/* More would mean that hundreds of values share nearly all bits of their hashes. */
#define DEPTH_MAX 28u

bool pdk_index_init(struct pdk_index *ix, const struct pdk_mem *mem)
{
    *ix = (struct pdk_index){.mem = mem};
    ix->directory = pdk_mem_try(mem, sizeof(union pdk_index_segment *));
    if (ix->directory == NULL) return false;
    ix->directory[0] = pdk_mem_try_zero(mem, 1, sizeof(union pdk_index_segment));
    if (ix->directory[0] != NULL) return true;
    pdk_mem_free(mem, ix->directory);
    ix->directory = NULL;
    return false;
}

/* How many directory entries point to a segment of this depth; they are neighbours. */
static uint32_t pointers_to(const struct pdk_index *ix, const union pdk_index_segment *s)
{
    return UINT32_C(1) << (ix->depth - s->head.depth);
}

void pdk_index_deinit(struct pdk_index *ix)
{
    if (ix->directory == NULL) return;
    for (uint32_t i = 0; i < UINT32_C(1) << ix->depth;) {
        union pdk_index_segment *s = ix->directory[i];
        i += pointers_to(ix, s);
        pdk_mem_free(ix->mem, s);
    }
    pdk_mem_free(ix->mem, ix->directory);
    ix->directory = NULL;
}

static void put(union pdk_index_segment *s, uint64_t cell)
{
    uint32_t at = pdk_index_home((uint32_t)(cell >> 32));
    while (s->cells[at] != 0) at = pdk_index_after(at);
    s->cells[at] = cell;
    s->head.count++;
}

static void double_directory(struct pdk_index *ix)
{
    PDK_ASSERT(ix->depth < DEPTH_MAX);
    uint32_t old_len = UINT32_C(1) << ix->depth;
    ix->directory =
        pdk_mem_must_resize(ix->mem, ix->directory, 2 * (size_t)old_len * sizeof *ix->directory);
    for (uint32_t i = old_len; i-- > 0;) {
        ix->directory[2 * i + 1] = ix->directory[i];
        ix->directory[2 * i] = ix->directory[i];
    }
    ix->depth++;
}

static void split(struct pdk_index *ix, uint32_t hash)
{
    union pdk_index_segment *low = pdk_index_segment_of(ix, hash);
    if (low->head.depth == ix->depth) double_directory(ix);

    uint64_t moving[PDK_INDEX_CELLS];
    memcpy(moving, low->cells, sizeof moving);
    uint32_t depth = low->head.depth + 1;
    union pdk_index_segment *high = pdk_mem_must_zero(ix->mem, 1, sizeof *high);
    memset(low, 0, sizeof *low);
    low->head.depth = high->head.depth = depth;
    for (uint32_t i = 1; i < PDK_INDEX_CELLS; i++) {
        if (moving[i] == 0) continue;
        put(moving[i] << (depth - 1) >> 63 != 0 ? high : low, moving[i]);
    }
    /* Of the neighbours that pointed to the old segment, the upper half is the new one's. */
    uint32_t half = UINT32_C(1) << (ix->depth - depth);
    uint32_t first = (uint32_t)((uint64_t)hash << ix->depth >> 32) & ~(2 * half - 1);
    for (uint32_t i = 0; i < half; i++) ix->directory[first + half + i] = high;
}

void pdk_index_insert(struct pdk_index *ix, uint32_t hash, uint32_t value)
{
    PDK_ASSERT(value != 0);
    while (PDK_UNLIKELY(pdk_index_segment_of(ix, hash)->head.count >= PDK_INDEX_FULL))
        split(ix, hash);
    put(pdk_index_segment_of(ix, hash), (uint64_t)hash << 32 | value);
    ix->count++;
}

static uint32_t find_cell(const union pdk_index_segment *s, uint32_t hash, uint32_t value)
{
    uint64_t cell = (uint64_t)hash << 32 | value;
    uint32_t at = pdk_index_home(hash);
    while (s->cells[at] != cell) {
        PDK_ASSERT(s->cells[at] != 0);
        at = pdk_index_after(at);
    }
    return at;
}

/* May a cell whose home is `home` stand at `hole`, being found at `at` now?  Yes unless its home
 * lies behind the hole on the way to `at`, around the end. */
static bool may_move(uint32_t home, uint32_t hole, uint32_t at)
{
    if (hole <= at) return home <= hole || home > at;
    return home <= hole && home > at;
}

void pdk_index_remove(struct pdk_index *ix, uint32_t hash, uint32_t value)
{
    union pdk_index_segment *s = pdk_index_segment_of(ix, hash);
    uint32_t hole = find_cell(s, hash, value);
    for (uint32_t at = pdk_index_after(hole); s->cells[at] != 0; at = pdk_index_after(at)) {
        if (!may_move(pdk_index_home((uint32_t)(s->cells[at] >> 32)), hole, at)) continue;
        s->cells[hole] = s->cells[at];
        hole = at;
    }
    s->cells[hole] = 0;
    s->head.count--;
    ix->count--;
}

void pdk_index_replace(struct pdk_index *ix, uint32_t hash, uint32_t value, uint32_t replacement)
{
    PDK_ASSERT(replacement != 0);
    union pdk_index_segment *s = pdk_index_segment_of(ix, hash);
    s->cells[find_cell(s, hash, value)] = (uint64_t)hash << 32 | replacement;
}

void pdk_index_validate(const struct pdk_index *ix)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < UINT32_C(1) << ix->depth;) {
        const union pdk_index_segment *s = ix->directory[i];
        uint32_t in_segment = 0;
        PDK_ASSERT(s->head.depth <= ix->depth);
        for (uint32_t c = 1; c < PDK_INDEX_CELLS; c++) {
            if (s->cells[c] == 0) continue;
            uint32_t hash = (uint32_t)(s->cells[c] >> 32);
            PDK_ASSERT(pdk_index_segment_of(ix, hash) == s);
            PDK_ASSERT(find_cell(s, hash, (uint32_t)s->cells[c]) == c);
            in_segment++;
        }
        PDK_ASSERT(in_segment == s->head.count);
        PDK_ASSERT(in_segment <= PDK_INDEX_FULL);
        for (uint32_t n = 0; n < pointers_to(ix, s); n++) PDK_ASSERT(ix->directory[i + n] == s);
        i += pointers_to(ix, s);
        count += in_segment;
    }
    PDK_ASSERT(count == ix->count);
}
