#include "core/tree/aclmap.h"

#include <string.h>

struct acl_row {
    uint8_t *bytes; /* NULL: free */
    uint64_t refs;
    uint64_t zero_at; /* the change in which refs fell to zero */
    uint32_t len;
    uint32_t hash;
    uint32_t next_free;
};

static struct acl_row *row_of(const struct pdk_aclmap *m, uint32_t id)
{
    return pdk_rows_at(&m->rows, id);
}

bool pdk_aclmap_init(struct pdk_aclmap *m, const struct pdk_mem *mem, struct pdk_hash_seed seed)
{
    *m = (struct pdk_aclmap){.mem = mem, .seed = seed, .used_rows = 1};
    pdk_rows_init(&m->rows, mem, sizeof(struct acl_row));
    return pdk_index_init(&m->index, mem);
}

void pdk_aclmap_deinit(struct pdk_aclmap *m)
{
    for (uint32_t id = 1; id < m->used_rows; id++) pdk_mem_free(m->mem, row_of(m, id)->bytes);
    pdk_rows_deinit(&m->rows);
    pdk_index_deinit(&m->index);
}

static void free_row(struct pdk_aclmap *m, uint32_t id)
{
    struct acl_row *row = row_of(m, id);
    pdk_index_remove(&m->index, row->hash, id);
    pdk_mem_free(m->mem, row->bytes);
    *row = (struct acl_row){.next_free = m->free_row};
    m->free_row = id;
}

void pdk_aclmap_step(struct pdk_aclmap *m)
{
    uint32_t *slot = &m->dying[++m->clock & 1];
    if (PDK_LIKELY(*slot == 0)) return;
    uint32_t id = *slot;
    *slot = 0;
    struct acl_row *row = row_of(m, id);
    /* It may have been taken up again, and may even have died a second time, a change ago; then the
     * other entry is the one that frees it. */
    if (row->bytes != NULL && row->refs == 0 && row->zero_at + 2 <= m->clock) free_row(m, id);
}

static uint32_t hash_of(const struct pdk_aclmap *m, struct pdk_slice list)
{
    return (uint32_t)pdk_siphash(&m->seed, list.bytes, list.len);
}

static uint32_t find(const struct pdk_aclmap *m, struct pdk_slice list, uint32_t hash)
{
    struct pdk_index_probe probe = pdk_index_probe(&m->index, hash);
    uint32_t id = 0;
    while ((id = pdk_index_next(&probe)) != 0) {
        const struct acl_row *row = row_of(m, id);
        if (row->len == list.len && memcmp(row->bytes, list.bytes, list.len) == 0) break;
    }
    return id;
}

uint32_t pdk_aclmap_find(const struct pdk_aclmap *m, struct pdk_slice list)
{
    return find(m, list, hash_of(m, list));
}

/* A row to fill; 0: no memory. */
static uint32_t take_row(struct pdk_aclmap *m)
{
    uint32_t id = m->free_row;
    if (id != 0) {
        m->free_row = row_of(m, id)->next_free;
        return id;
    }
    if (!pdk_rows_reach(&m->rows, m->used_rows)) return 0;
    return m->used_rows++;
}

uint32_t pdk_aclmap_intern(struct pdk_aclmap *m, struct pdk_slice list)
{
    PDK_ASSERT(!list.is_null);
    PDK_ASSERT(list.len > 0 && list.len <= INT32_MAX);
    uint32_t hash = hash_of(m, list);
    uint32_t id = find(m, list, hash);
    if (id != 0) {
        pdk_aclmap_retain(m, id);
        return id;
    }
    uint8_t *bytes = pdk_mem_try(m->mem, list.len);
    id = bytes != NULL ? take_row(m) : 0;
    if (id == 0) {
        pdk_mem_free(m->mem, bytes);
        return 0;
    }
    memcpy(bytes, list.bytes, list.len);
    *row_of(m, id) =
        (struct acl_row){.bytes = bytes, .refs = 1, .len = (uint32_t)list.len, .hash = hash};
    pdk_index_insert(&m->index, hash, id);
    m->live++;
    return id;
}

void pdk_aclmap_retain(struct pdk_aclmap *m, uint32_t id)
{
    struct acl_row *row = row_of(m, id);
    PDK_ASSERT(row->bytes != NULL);
    if (row->refs++ == 0) m->live++;
}

void pdk_aclmap_release(struct pdk_aclmap *m, uint32_t id)
{
    struct acl_row *row = row_of(m, id);
    PDK_ASSERT(row->refs > 0);
    if (--row->refs > 0) return;
    m->live--;
    row->zero_at = m->clock;
    uint32_t *slot = &m->dying[m->clock & 1];
    PDK_ASSERT(*slot == 0);
    *slot = id;
}

void pdk_aclmap_release_now(struct pdk_aclmap *m, uint32_t id)
{
    struct acl_row *row = row_of(m, id);
    PDK_ASSERT(row->refs > 0);
    if (--row->refs > 0) return;
    m->live--;
    for (size_t i = 0; i < PDK_COUNT_OF(m->dying); i++)
        if (m->dying[i] == id) m->dying[i] = 0;
    free_row(m, id);
}

struct pdk_slice pdk_aclmap_list(const struct pdk_aclmap *m, uint32_t id)
{
    PDK_ASSERT(id > 0 && id < m->used_rows);
    const struct acl_row *row = row_of(m, id);
    return pdk_slice_of(row->bytes, row->len);
}

uint64_t pdk_aclmap_refs(const struct pdk_aclmap *m, uint32_t id)
{
    PDK_ASSERT(id > 0 && id < m->used_rows);
    return row_of(m, id)->refs;
}

uint32_t pdk_aclmap_next(const struct pdk_aclmap *m, uint32_t id)
{
    for (id++; id < m->used_rows; id++)
        if (row_of(m, id)->refs > 0) return id;
    return 0;
}

void pdk_aclmap_validate(const struct pdk_aclmap *m)
{
    uint32_t stored = 0, live = 0, free_rows = 0;
    pdk_index_validate(&m->index);
    for (uint32_t id = 1; id < m->used_rows; id++) {
        const struct acl_row *row = row_of(m, id);
        PDK_ASSERT(row->bytes != NULL || row->refs == 0);
        if (row->bytes == NULL) continue;
        PDK_ASSERT(pdk_aclmap_find(m, pdk_slice_of(row->bytes, row->len)) == id);
        stored++;
        if (row->refs > 0)
            live++;
        else
            PDK_ASSERT(m->dying[0] == id || m->dying[1] == id);
    }
    for (uint32_t id = m->free_row; id != 0; id = row_of(m, id)->next_free) {
        PDK_ASSERT(row_of(m, id)->bytes == NULL);
        free_rows++;
    }
    PDK_ASSERT(live == m->live);
    PDK_ASSERT(stored == m->index.count);
    PDK_ASSERT(stored + free_rows + 1 == m->used_rows);
}
