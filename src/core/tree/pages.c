#include "core/tree/pages.h"

#include <string.h>

/* What is on a retired list is told apart by the low bits, which alignment leaves free. */
enum { KIND_BLOB = 0, KIND_PAGE = 1, KIND_LEAF = 2, KIND_MASK = 3 };

#define CHUNK_ITEMS 510u
struct pdk_retired_chunk {
    struct pdk_retired_chunk *next;
    size_t count;
    uintptr_t items[CHUNK_ITEMS];
};

/* Some 20 us of freeing at most per step. */
#define TIDY_ITEMS 256u

_Static_assert(PDK_PAGE_SLOTS <= 32, "a bit of `young` per slot");
_Static_assert(sizeof(struct pdk_leaf) == 16 * PDK_LEAF_PAGES, "no padding in a leaf");

static inline uint32_t bit_of(uint32_t id) { return UINT32_C(1) << (id & (PDK_PAGE_SLOTS - 1)); }

/* ---- pages and leaves --------------------------------------------------------------------- */

static struct pdk_slot *try_page(struct pdk_pages *p)
{
    struct pdk_pooled_page *pooled = p->pool;
    if (pooled == NULL) return pdk_mem_try(p->mem, PDK_PAGE_BYTES);
    p->pool = pooled->next;
    p->pooled--;
    return (void *)pooled;
}

static void free_page(struct pdk_pages *p, struct pdk_slot *page)
{
    /* A view that every write went around leaves as many copies as there are pages; the next view
     * will want some again, but an eighth is all that is held back for it. */
    if (p->pooled > 64 + p->page_count / 8) {
        pdk_mem_free(p->mem, page);
        return;
    }
    struct pdk_pooled_page *pooled = (void *)page;
    pooled->next = p->pool;
    p->pool = pooled;
    p->pooled++;
}

static bool add_leaf(struct pdk_pages *p)
{
    if (p->leaf_count == p->leaf_cap) {
        size_t cap = p->leaf_cap > 0 ? 2 * p->leaf_cap : 16;
        struct pdk_leaf_ref *grown = pdk_mem_resize(p->mem, p->directory, cap * sizeof *grown);
        if (grown == NULL) return false;
        p->directory = grown;
        p->leaf_cap = cap;
    }
    struct pdk_leaf *leaf = pdk_mem_try_zero(p->mem, 1, sizeof *leaf);
    if (leaf == NULL) return false;
    p->directory[p->leaf_count++] = (struct pdk_leaf_ref){.leaf = leaf, .epoch = p->epoch};
    return true;
}

static void retire(struct pdk_pages *p, void *ptr, uintptr_t kind);

/* The leaf of `id`, to be changed. */
static struct pdk_leaf *edit_leaf(struct pdk_pages *p, uint32_t id)
{
    struct pdk_leaf_ref *ref = &p->directory[id >> (PDK_PAGE_BITS + PDK_LEAF_BITS)];
    if (ref->epoch <= p->frozen_epoch) {
        struct pdk_leaf *copy = pdk_mem_must(p->mem, sizeof *copy);
        memcpy(copy, ref->leaf, sizeof *copy);
        retire(p, ref->leaf, KIND_LEAF);
        *ref = (struct pdk_leaf_ref){.leaf = copy, .epoch = p->epoch};
    }
    return ref->leaf;
}

static struct pdk_leaf_entry *edit_entry(struct pdk_pages *p, uint32_t id)
{
    return &edit_leaf(p, id)->entries[id >> PDK_PAGE_BITS & (PDK_LEAF_PAGES - 1)];
}

/* The page that holds `id`, the first of its ids, comes into being. */
static bool add_page(struct pdk_pages *p, uint32_t id)
{
    if (id >> (PDK_PAGE_BITS + PDK_LEAF_BITS) == p->leaf_count && !add_leaf(p)) return false;
    struct pdk_slot *page = try_page(p);
    if (page == NULL) return false;
    memset(page, 0, PDK_PAGE_BYTES);
    *edit_entry(p, id) = (struct pdk_leaf_entry){.page = page, .epoch = p->epoch};
    p->page_count++;
    return true;
}

void pdk_pages_unshare(struct pdk_pages *p, uint32_t id)
{
    struct pdk_leaf_entry *e = edit_entry(p, id);
    struct pdk_slot *copy = try_page(p);
    if (copy == NULL) copy = pdk_mem_must(p->mem, PDK_PAGE_BYTES);
    memcpy(copy, e->page, PDK_PAGE_BYTES);
    retire(p, e->page, KIND_PAGE);
    *e = (struct pdk_leaf_entry){.page = copy, .epoch = p->epoch, .young = 0};
}

bool pdk_pages_init(struct pdk_pages *p, const struct pdk_mem *mem)
{
    *p = (struct pdk_pages){.mem = mem, .epoch = 1, .next_id = 1};
    return add_page(p, 0);
}

static void free_retired(struct pdk_pages *p, struct pdk_retired *list)
{
    struct pdk_retired_chunk *next = NULL;
    for (struct pdk_retired_chunk *c = list->first; c != NULL; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->count; i++)
            pdk_mem_free(p->mem, (void *)(c->items[i] & ~(uintptr_t)KIND_MASK));
        pdk_mem_free(p->mem, c);
    }
    *list = (struct pdk_retired){0};
}

void pdk_pages_deinit(struct pdk_pages *p)
{
    if (p->mem == NULL) return; /* never got so far */
    PDK_ASSERT(p->youngest == NULL);
    free_retired(p, &p->garbage);
    for (size_t l = 0; l < p->leaf_count; l++) {
        struct pdk_leaf *leaf = p->directory[l].leaf;
        for (size_t e = 0; e < PDK_LEAF_PAGES && leaf->entries[e].page != NULL; e++) {
            struct pdk_slot *page = leaf->entries[e].page;
            for (size_t s = 0; s < PDK_PAGE_SLOTS; s++) pdk_mem_free(p->mem, page[s].blob);
            pdk_mem_free(p->mem, page);
        }
        pdk_mem_free(p->mem, leaf);
    }
    pdk_mem_free(p->mem, p->directory);
    while (p->pool != NULL) {
        struct pdk_pooled_page *pooled = p->pool;
        p->pool = pooled->next;
        pdk_mem_free(p->mem, pooled);
    }
}

/* ---- slots and blobs ---------------------------------------------------------------------- */

struct pdk_blob *pdk_blob_try(const struct pdk_mem *mem, struct pdk_slice name,
                              struct pdk_slice data)
{
    PDK_ASSERT(name.len <= INT32_MAX);
    PDK_ASSERT(data.len <= INT32_MAX);
    struct pdk_blob *blob = pdk_mem_try(mem, sizeof *blob + name.len + data.len);
    if (blob == NULL) return NULL;
    blob->name_len = (uint32_t)name.len;
    blob->data_len = data.is_null ? PDK_BLOB_NULL : (uint32_t)data.len;
    if (name.len > 0) memcpy(blob->bytes, name.bytes, name.len);
    if (data.len > 0) memcpy(blob->bytes + name.len, data.bytes, data.len);
    return blob;
}

struct pdk_slot *pdk_pages_take(struct pdk_pages *p, uint32_t *id)
{
    struct pdk_slot *slot = NULL;
    if (p->free_id != 0) {
        *id = p->free_id;
        slot = pdk_pages_edit(p, *id);
        p->free_id = slot->parent;
        memset(slot, 0, sizeof *slot);
    } else {
        PDK_ASSERT(p->next_id != 0);
        *id = p->next_id;
        bool has_page = (*id & (PDK_PAGE_SLOTS - 1)) != 0 || add_page(p, *id);
        PDK_ASSERT(has_page); /* else out of memory in a change */
        slot = pdk_pages_edit(p, *id);
        p->next_id++;
    }
    p->live++;
    return slot;
}

/* The slot's page has been made writable. */
static void drop_blob(struct pdk_pages *p, struct pdk_leaf_entry *e, uint32_t id,
                      struct pdk_blob *blob)
{
    if (PDK_LIKELY(p->frozen_epoch == 0 || (e->young & bit_of(id)) != 0 || blob == NULL)) {
        pdk_mem_free(p->mem, blob);
        return;
    }
    retire(p, blob, KIND_BLOB);
}

void pdk_pages_give(struct pdk_pages *p, uint32_t id)
{
    struct pdk_slot *slot = pdk_pages_edit(p, id);
    drop_blob(p, pdk_pages_entry(p, id), id, slot->blob);
    *slot = (struct pdk_slot){.parent = p->free_id};
    p->free_id = id;
    p->live--;
}

void pdk_pages_set_blob(struct pdk_pages *p, uint32_t id, struct pdk_blob *blob)
{
    struct pdk_slot *slot = pdk_pages_edit(p, id);
    struct pdk_leaf_entry *e = pdk_pages_entry(p, id);
    drop_blob(p, e, id, slot->blob);
    slot->blob = blob;
    /* Without a freeze the bits are of no use: every page is copied, with its bits cleared, before
     * it changes under the next one. */
    if (p->frozen_epoch != 0) e->young |= bit_of(id);
}

/* ---- freezing ----------------------------------------------------------------------------- */

static void retire(struct pdk_pages *p, void *ptr, uintptr_t kind)
{
    struct pdk_retired *list = &p->youngest->retired;
    PDK_ASSERT(((uintptr_t)ptr & KIND_MASK) == 0);
    if (list->last == NULL || list->last->count == CHUNK_ITEMS) {
        struct pdk_retired_chunk *chunk = pdk_mem_must(p->mem, sizeof *chunk);
        chunk->next = NULL;
        chunk->count = 0;
        if (list->last != NULL)
            list->last->next = chunk;
        else
            list->first = chunk;
        list->last = chunk;
    }
    list->last->items[list->last->count++] = (uintptr_t)ptr | kind;
    p->retired++;
}

static void append(struct pdk_retired *to, struct pdk_retired *from)
{
    if (from->first == NULL) return;
    if (to->last != NULL)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    *from = (struct pdk_retired){0};
}

bool pdk_pages_freeze(struct pdk_pages *p, struct pdk_freeze *f)
{
    PDK_ASSERT(p->epoch < UINT32_MAX);
    *f = (struct pdk_freeze){.epoch = p->epoch, .leaf_count = p->leaf_count};
    f->directory = pdk_mem_try(p->mem, p->leaf_count * sizeof *f->directory);
    if (f->directory == NULL) return false;
    memcpy(f->directory, p->directory, p->leaf_count * sizeof *f->directory);
    f->older = p->youngest;
    if (p->youngest != NULL) p->youngest->younger = f;
    p->youngest = f;
    p->frozen_epoch = p->epoch++;
    return true;
}

void pdk_pages_thaw(struct pdk_pages *p, struct pdk_freeze *f)
{
    /* What retired while `f` was the youngest may be seen by the older ones too. */
    append(f->older != NULL ? &f->older->retired : &p->garbage, &f->retired);
    if (f->older != NULL) f->older->younger = f->younger;
    if (f->younger != NULL)
        f->younger->older = f->older;
    else
        p->youngest = f->older;
    p->frozen_epoch = p->youngest != NULL ? p->youngest->epoch : 0;
    pdk_mem_free(p->mem, f->directory);
    f->directory = NULL;
}

static void free_item(struct pdk_pages *p, uintptr_t item)
{
    void *ptr = (void *)(item & ~(uintptr_t)KIND_MASK);
    if ((item & KIND_MASK) == KIND_PAGE)
        free_page(p, ptr);
    else
        pdk_mem_free(p->mem, ptr);
}

bool pdk_pages_tidy(struct pdk_pages *p)
{
    struct pdk_retired *list = &p->garbage;
    for (uint32_t i = 0; i < TIDY_ITEMS && list->first != NULL; i++) {
        struct pdk_retired_chunk *chunk = list->first;
        free_item(p, chunk->items[--chunk->count]);
        p->retired--;
        if (chunk->count > 0) continue;
        list->first = chunk->next;
        if (list->first == NULL) list->last = NULL;
        pdk_mem_free(p->mem, chunk);
    }
    return list->first != NULL;
}

static uint64_t count_items(const struct pdk_retired *list)
{
    uint64_t n = 0;
    const struct pdk_retired_chunk *last = NULL;
    for (const struct pdk_retired_chunk *c = list->first; c != NULL; c = c->next) {
        PDK_ASSERT(c->count > 0 && c->count <= CHUNK_ITEMS);
        n += c->count;
        last = c;
    }
    PDK_ASSERT(last == list->last);
    return n;
}

void pdk_pages_validate(const struct pdk_pages *p)
{
    uint64_t live = 0, free_slots = 0, retired = count_items(&p->garbage);
    uint32_t youngest = p->youngest != NULL ? p->youngest->epoch : 0;
    PDK_ASSERT(p->frozen_epoch == youngest);
    for (const struct pdk_freeze *f = p->youngest; f != NULL; f = f->older) {
        PDK_ASSERT(f->epoch < p->epoch);
        PDK_ASSERT(f->older == NULL || (f->older->younger == f && f->older->epoch < f->epoch));
        retired += count_items(&f->retired);
    }
    for (uint32_t id = 1; id < p->next_id; id++) {
        PDK_ASSERT(pdk_pages_entry(p, id)->epoch <= p->epoch);
        if (pdk_pages_slot(p, id)->blob != NULL) live++;
    }
    for (uint32_t id = p->free_id; id != 0; id = pdk_pages_slot(p, id)->parent) {
        PDK_ASSERT(pdk_pages_slot(p, id)->blob == NULL);
        free_slots++;
    }
    PDK_ASSERT(live == p->live);
    PDK_ASSERT(live + free_slots + 1 == p->next_id);
    PDK_ASSERT(retired == p->retired);
}
