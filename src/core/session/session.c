#include "core/session/session.h"

#include "base/map.h"

#include <string.h>

/* Entries come from slabs and never move; `bucket_next` links the free ones. */
#define SLAB_ENTRIES 64

struct slab {
    struct slab *next;
    struct pdk_session_entry entries[SLAB_ENTRIES];
};

/* The sessions of one edge; there is no empty bucket. */
struct bucket {
    int64_t edge_ms;
    struct pdk_session_entry *first;
};

/* Buckets stand in one array sorted by edge: with timeouts of at most 20 ticks there are some 20 of
 * them.  The array always has room for one bucket per session, so a touch cannot fail. */
struct pdk_sessions {
    const struct pdk_mem *mem;
    int64_t tick_ms;
    size_t limit;
    struct pdk_map by_id;
    struct bucket *buckets;
    size_t bucket_count, bucket_cap;
    struct slab *slabs;
    struct pdk_session_entry *free;
};

struct pdk_sessions *pdk_sessions_create(const struct pdk_mem *mem, struct pdk_hash_seed seed,
                                         int64_t tick_ms, size_t limit)
{
    PDK_ASSERT(tick_ms >= 1);
    struct pdk_sessions *s = pdk_mem_try_zero(mem, 1, sizeof *s);
    if (s == NULL) return NULL;
    s->mem = mem;
    s->tick_ms = tick_ms;
    s->limit = limit;
    pdk_map_init(&s->by_id, mem, seed);
    return s;
}

void pdk_sessions_destroy(struct pdk_sessions *s)
{
    if (s == NULL) return;
    for (struct slab *slab = s->slabs; slab != NULL;) {
        struct slab *next = slab->next;
        pdk_mem_free(s->mem, slab);
        slab = next;
    }
    pdk_mem_free(s->mem, s->buckets);
    pdk_map_deinit(&s->by_id);
    pdk_mem_free(s->mem, s);
}

/* ---- buckets --------------------------------------------------------------------------------- */

/* Index of the first bucket whose edge is not before `edge_ms`. */
static size_t bucket_at(const struct pdk_sessions *s, int64_t edge_ms)
{
    size_t low = 0, high = s->bucket_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->buckets[middle].edge_ms < edge_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void disarm(struct pdk_sessions *s, struct pdk_session_entry *e)
{
    if (e->deadline_ms == 0) return;
    if (e->bucket_next != NULL) e->bucket_next->bucket_prev = e->bucket_prev;
    if (e->bucket_prev != NULL) {
        e->bucket_prev->bucket_next = e->bucket_next;
    } else {
        size_t i = bucket_at(s, e->deadline_ms);
        s->buckets[i].first = e->bucket_next;
        if (e->bucket_next == NULL) {
            s->bucket_count--;
            memmove(&s->buckets[i], &s->buckets[i + 1], (s->bucket_count - i) * sizeof *s->buckets);
        }
    }
    e->bucket_next = e->bucket_prev = NULL;
    e->deadline_ms = 0;
}

static void arm(struct pdk_sessions *s, struct pdk_session_entry *e, int64_t edge_ms)
{
    size_t i = bucket_at(s, edge_ms);
    if (i == s->bucket_count || s->buckets[i].edge_ms != edge_ms) {
        PDK_ASSERT(s->bucket_count < s->bucket_cap);
        memmove(&s->buckets[i + 1], &s->buckets[i], (s->bucket_count - i) * sizeof *s->buckets);
        s->buckets[i] = (struct bucket){.edge_ms = edge_ms};
        s->bucket_count++;
    }
    e->bucket_next = s->buckets[i].first;
    if (e->bucket_next != NULL) e->bucket_next->bucket_prev = e;
    s->buckets[i].first = e;
    e->deadline_ms = edge_ms;
}

void pdk_sessions_touch(struct pdk_sessions *s, struct pdk_session_entry *e, int64_t now_ms,
                        int32_t timeout_ms)
{
    if (e->closing) return;
    int64_t end_ms = now_ms + (timeout_ms > 0 ? timeout_ms : 0);
    /* Every request comes through here; nearly all stay in their bucket. */
    if (PDK_LIKELY(end_ms < e->deadline_ms && end_ms >= e->deadline_ms - s->tick_ms)) return;
    disarm(s, e);
    arm(s, e, (end_ms / s->tick_ms + 1) * s->tick_ms);
}

void pdk_sessions_arm_all(struct pdk_sessions *s, int64_t now_ms)
{
    uint64_t id = 0, value = 0;
    for (size_t at = 0; pdk_map_next(&s->by_id, &at, &id, &value);) {
        struct pdk_session_entry *e = (void *)(uintptr_t)value;
        e->closing = false;
        e->owner = PDK_OWNER_NOBODY;
        pdk_sessions_touch(s, e, now_ms, e->timeout_ms);
    }
}

struct pdk_session_entry *pdk_sessions_expire_one(struct pdk_sessions *s, int64_t now_ms)
{
    while (pdk_sessions_next_deadline(s) <= now_ms) {
        struct pdk_session_entry *e = s->buckets[0].first;
        disarm(s, e);
        if (e->closing) continue; /* its close is under way already */
        e->closing = true;
        return e;
    }
    return NULL;
}

int64_t pdk_sessions_next_deadline(const struct pdk_sessions *s)
{
    return s->bucket_count > 0 ? s->buckets[0].edge_ms : INT64_MAX;
}

/* ---- the table ------------------------------------------------------------------------------- */

struct pdk_session_entry *pdk_sessions_find(const struct pdk_sessions *s, pdk_session id)
{
    return pdk_map_get_ptr(&s->by_id, (uint64_t)id);
}

static bool reserve_bucket(struct pdk_sessions *s)
{
    if (s->by_id.count < s->bucket_cap) return true;
    size_t cap = pdk_max_size(s->bucket_cap, SLAB_ENTRIES / 2), bytes = 0;
    if (!pdk_mul_size(cap, 2, &cap) || !pdk_mul_size(cap, sizeof *s->buckets, &bytes)) return false;
    struct bucket *buckets = pdk_mem_resize(s->mem, s->buckets, bytes);
    if (buckets == NULL) return false;
    s->buckets = buckets;
    s->bucket_cap = cap;
    return true;
}

static bool reserve_entry(struct pdk_sessions *s)
{
    if (s->free != NULL) return true;
    struct slab *slab = pdk_mem_try_zero(s->mem, 1, sizeof *slab);
    if (slab == NULL) return false;
    slab->next = s->slabs;
    s->slabs = slab;
    for (size_t i = SLAB_ENTRIES; i-- > 0;) {
        slab->entries[i].bucket_next = s->free;
        s->free = &slab->entries[i];
    }
    return true;
}

struct pdk_session_entry *pdk_sessions_add(struct pdk_sessions *s, pdk_session id,
                                           int32_t timeout_ms)
{
    struct pdk_session_entry *e = pdk_sessions_find(s, id);
    if (e != NULL) {
        e->timeout_ms = timeout_ms;
        return e;
    }
    if (s->by_id.count >= s->limit || !reserve_bucket(s) || !reserve_entry(s)) return NULL;
    e = s->free;
    if (pdk_map_put_ptr(&s->by_id, (uint64_t)id, e) != PDK_OK) return NULL;
    s->free = e->bucket_next;
    *e = (struct pdk_session_entry){
        .id = id, .timeout_ms = timeout_ms, .conn = PDK_CONN_NONE, .owner = PDK_OWNER_NOBODY};
    return e;
}

void pdk_sessions_remove(struct pdk_sessions *s, pdk_session id)
{
    struct pdk_session_entry *e = pdk_sessions_find(s, id);
    if (e == NULL) return;
    disarm(s, e);
    (void)pdk_map_remove(&s->by_id, (uint64_t)id);
    e->bucket_next = s->free;
    s->free = e;
}

size_t pdk_sessions_count(const struct pdk_sessions *s) { return s->by_id.count; }

void pdk_sessions_each(const struct pdk_sessions *s,
                       void (*each)(void *ctx, const struct pdk_session_entry *e), void *ctx)
{
    uint64_t id = 0, value = 0;
    for (size_t at = 0; pdk_map_next(&s->by_id, &at, &id, &value);)
        each(ctx, (const void *)(uintptr_t)value);
}

static size_t list_length(const struct pdk_session_entry *e)
{
    size_t n = 0;
    for (; e != NULL; e = e->bucket_next) n++;
    return n;
}

void pdk_sessions_each_bucket(const struct pdk_sessions *s,
                              void (*each)(void *ctx, int64_t edge_ms,
                                           const struct pdk_session_entry *first, size_t count),
                              void *ctx)
{
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct bucket *b = &s->buckets[i];
        each(ctx, b->edge_ms, b->first, list_length(b->first));
    }
}

/* ---- ids and timeouts ------------------------------------------------------------------------ */

/* 0 means "no session" and INT64_MIN marks container znodes. */
static bool id_usable(pdk_session id) { return id != 0 && id != INT64_MIN; }

pdk_session pdk_session_first_id(uint8_t server_id, int64_t wall_ms)
{
    pdk_session id = (pdk_session)((uint64_t)server_id << 56 | (uint64_t)wall_ms << 24 >> 8);
    return id_usable(id) ? id : (pdk_session)((uint64_t)id + 1);
}

pdk_session pdk_session_next_id(const struct pdk_sessions *s, pdk_session id)
{
    do id = (pdk_session)((uint64_t)id + 1);
    while (!id_usable(id) || pdk_sessions_find(s, id) != NULL);
    return id;
}

int32_t pdk_session_negotiate(int32_t requested_ms, int32_t min_ms, int32_t max_ms)
{
    int32_t at_least = requested_ms < min_ms ? min_ms : requested_ms;
    return at_least > max_ms ? max_ms : at_least;
}

void pdk_sessions_validate(const struct pdk_sessions *s)
{
    pdk_map_validate(&s->by_id);
    PDK_ASSERT(s->by_id.count <= s->limit);
    PDK_ASSERT(s->by_id.count <= s->bucket_cap);
    size_t in_buckets = 0, armed = 0, idle = list_length(s->free), slots = 0;
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct bucket *b = &s->buckets[i];
        PDK_ASSERT(b->first != NULL);
        PDK_ASSERT(b->edge_ms > 0);
        PDK_ASSERT(b->edge_ms % s->tick_ms == 0);
        PDK_ASSERT(i == 0 || b->edge_ms > s->buckets[i - 1].edge_ms);
        const struct pdk_session_entry *prev = NULL;
        for (const struct pdk_session_entry *e = b->first; e != NULL; e = e->bucket_next) {
            PDK_ASSERT(e->deadline_ms == b->edge_ms);
            PDK_ASSERT(e->bucket_prev == prev);
            PDK_ASSERT(pdk_sessions_find(s, e->id) == e);
            prev = e;
            in_buckets++;
        }
    }
    uint64_t id = 0, value = 0;
    for (size_t at = 0; pdk_map_next(&s->by_id, &at, &id, &value);) {
        const struct pdk_session_entry *e = (const void *)(uintptr_t)value;
        PDK_ASSERT((uint64_t)e->id == id);
        armed += e->deadline_ms != 0 ? 1 : 0;
    }
    PDK_ASSERT(armed == in_buckets);
    for (const struct slab *slab = s->slabs; slab != NULL; slab = slab->next) slots += SLAB_ENTRIES;
    PDK_ASSERT(slots == idle + s->by_id.count);
}
