#include "core/tree/rows.h"

#define CHUNK_BYTES 4096u

void pdk_rows_init(struct pdk_rows *r, const struct pdk_mem *mem, uint32_t row_size_bytes)
{
    *r = (struct pdk_rows){.mem = mem, .row_size = row_size_bytes};
    while ((row_size_bytes << (r->rows_per_chunk_bits + 1)) <= CHUNK_BYTES)
        r->rows_per_chunk_bits++;
}

void pdk_rows_deinit(struct pdk_rows *r)
{
    if (r->chunk_cap == 0) return;
    for (uint32_t i = 0; i < r->chunk_count; i++) pdk_mem_free(r->mem, r->chunks[i]);
    pdk_mem_free(r->mem, r->chunks);
    r->chunks = NULL;
    r->chunk_count = r->chunk_cap = 0;
}

bool pdk_rows_reach(struct pdk_rows *r, uint32_t index)
{
    while (r->chunk_count <= index >> r->rows_per_chunk_bits) {
        if (r->chunk_count == r->chunk_cap) {
            uint32_t cap = r->chunk_cap > 0 ? 2 * r->chunk_cap : 4;
            void **grown = pdk_mem_resize(r->mem, r->chunks, cap * sizeof *grown);
            if (grown == NULL) return false;
            r->chunks = grown;
            r->chunk_cap = cap;
        }
        void *chunk = pdk_mem_try_zero(r->mem, (size_t)1 << r->rows_per_chunk_bits, r->row_size);
        if (chunk == NULL) return false;
        r->chunks[r->chunk_count++] = chunk;
    }
    return true;
}
