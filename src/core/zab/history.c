/* Records lie back to back in blocks, oldest block first: a record costs no allocation of its own,
 * and what is released is released from the front.  Entries stand in one array whose used part
 * moves back to the start when the array is full. */
#include "core/zab/history.h"

#include "core/store/store.h"

#include <string.h>

#define BLOCK_BYTES ((size_t)256 << 10)

struct block {
    struct block *next;
    size_t used, cap;
    size_t records; /* in it, not yet released */
    uint8_t bytes[];
};

struct pdk_history {
    const struct pdk_mem *mem;
    size_t keep_count, keep_bytes;
    pdk_zxid base;
    struct pdk_history_entry *entries; /* [first, first + count) */
    size_t first, count, cap;
    struct block *oldest, *newest;
    struct block *retired; /* of no entry any more, but not written yet ... */
    pdk_zxid retired_last; /* ... until this is */
    struct block *spare;   /* one empty block of the usual size, against thrashing */
    size_t bytes;
};

bool pdk_zxid_follows(pdk_zxid last, pdk_zxid next)
{
    if (PDK_ZXID_EPOCH(next) == PDK_ZXID_EPOCH(last))
        return PDK_ZXID_COUNTER(last) < UINT32_MAX && next == last + 1;
    return PDK_ZXID_EPOCH(next) > PDK_ZXID_EPOCH(last) && PDK_ZXID_COUNTER(next) == 1;
}

struct pdk_history *pdk_history_create(const struct pdk_mem *mem, size_t keep_count,
                                       size_t keep_bytes)
{
    struct pdk_history *h = pdk_mem_must_zero(mem, 1, sizeof *h);
    h->mem = mem;
    h->keep_count = keep_count;
    h->keep_bytes = keep_bytes;
    return h;
}

void pdk_history_destroy(struct pdk_history *h)
{
    if (h == NULL) return;
    pdk_history_reset(h, 0);
    pdk_history_written(h, INT64_MAX);
    pdk_mem_free(h->mem, h->spare);
    pdk_mem_free(h->mem, h->entries);
    pdk_mem_free(h->mem, h);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void drop_oldest(struct pdk_history *h)
{
    struct block *b = h->oldest;
    h->oldest = b->next;
    if (h->oldest == NULL) h->newest = NULL;
    if (h->spare == NULL && b->cap == BLOCK_BYTES)
        h->spare = b;
    else
        pdk_mem_free(h->mem, b);
}

static void append_block(struct pdk_history *h, size_t need)
{
    struct block *b = h->spare;
    if (need <= BLOCK_BYTES && b != NULL) {
        h->spare = NULL;
    } else {
        size_t cap = pdk_max_size(need, BLOCK_BYTES);
        b = pdk_mem_must(h->mem, sizeof *b + cap);
        b->cap = cap;
    }
    b->next = NULL;
    b->used = 0;
    b->records = 0;
    if (h->newest != NULL)
        h->newest->next = b;
    else
        h->oldest = b;
    h->newest = b;
}

static uint8_t *take_room(struct pdk_history *h, size_t len)
{
    if (h->newest == NULL || h->newest->cap - h->newest->used < len) append_block(h, len);
    uint8_t *room = h->newest->bytes + h->newest->used;
    h->newest->used += len;
    h->newest->records++;
    return room;
}

/* ---- entries --------------------------------------------------------------------------------- */

static void make_room_for_entry(struct pdk_history *h)
{
    if (h->first + h->count < h->cap) return;
    if (h->first > h->cap / 2) {
        memmove(h->entries, h->entries + h->first, h->count * sizeof *h->entries);
        h->first = 0;
        return;
    }
    h->cap = h->cap > 0 ? h->cap * 2 : 64;
    h->entries = pdk_mem_must_resize(h->mem, h->entries, h->cap * sizeof *h->entries);
}

uint8_t *pdk_history_add(struct pdk_history *h, pdk_zxid zxid, size_t txn_len)
{
    PDK_ASSERT(pdk_zxid_follows(pdk_history_last(h), zxid));
    make_room_for_entry(h);
    size_t record_len = txn_len + PDK_LOG_FRAME_BYTES;
    uint8_t *record = take_room(h, record_len);
    h->entries[h->first + h->count++] =
        (struct pdk_history_entry){.zxid = zxid, .record = record, .len = txn_len};
    h->bytes += record_len;
    return record;
}

static void release_first(struct pdk_history *h)
{
    const struct pdk_history_entry *e = &h->entries[h->first];
    h->base = e->zxid;
    h->bytes -= e->len + PDK_LOG_FRAME_BYTES;
    h->first++;
    h->count--;
    PDK_ASSERT(h->oldest != NULL && h->oldest->records > 0);
    if (--h->oldest->records == 0) drop_oldest(h);
}

void pdk_history_release(struct pdk_history *h, pdk_zxid zxid)
{
    size_t releasable = pdk_history_after(h, zxid);
    while (releasable > h->keep_count && h->bytes >= h->keep_bytes) {
        release_first(h);
        releasable--;
    }
}

void pdk_history_reset(struct pdk_history *h, pdk_zxid base)
{
    while (h->oldest != NULL) drop_oldest(h);
    h->first = 0;
    h->count = 0;
    h->bytes = 0;
    h->base = base;
}

void pdk_history_retire(struct pdk_history *h, pdk_zxid base)
{
    pdk_zxid last = pdk_history_last(h);
    if (h->newest != NULL) {
        if (last > h->retired_last) h->retired_last = last;
        h->newest->next = h->retired;
        h->retired = h->oldest;
        h->oldest = h->newest = NULL;
    }
    pdk_history_reset(h, base);
}

void pdk_history_written(struct pdk_history *h, pdk_zxid zxid)
{
    if (zxid < h->retired_last) return;
    while (h->retired != NULL) {
        struct block *b = h->retired;
        h->retired = b->next;
        pdk_mem_free(h->mem, b);
    }
    h->retired_last = 0;
}

pdk_zxid pdk_history_base(const struct pdk_history *h) { return h->base; }

pdk_zxid pdk_history_last(const struct pdk_history *h)
{
    return h->count > 0 ? h->entries[h->first + h->count - 1].zxid : h->base;
}

size_t pdk_history_count(const struct pdk_history *h) { return h->count; }

const struct pdk_history_entry *pdk_history_at(const struct pdk_history *h, size_t index)
{
    PDK_ASSERT(index < h->count);
    return &h->entries[h->first + index];
}

size_t pdk_history_after(const struct pdk_history *h, pdk_zxid zxid)
{
    if (zxid >= pdk_history_last(h)) return h->count; /* what is asked for most */
    const struct pdk_history_entry *entries = h->entries + h->first;
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries[middle].zxid <= zxid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct pdk_slice pdk_history_txn(const struct pdk_history_entry *e)
{
    return pdk_slice_of(e->record + PDK_LOG_HEAD_BYTES, e->len);
}

size_t pdk_history_bytes(const struct pdk_history *h) { return h->bytes; }
