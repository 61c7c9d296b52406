#include "core/watch/watch.h"

#include "base/u32set.h"
#include "proto/event.h"
#include "proto/path.h"

#include <string.h>

#define NONE UINT32_MAX
#define BUCKETS_MIN 16 /* a power of two */
#define PATHS_MIN 16
#define WATCHERS_MIN 64

#define KIND_BIT(kind) (1u << (kind))
#define DATA_TABLE \
    (KIND_BIT(PDK_WATCH_DATA) | KIND_BIT(PDK_WATCH_PERSISTENT) | KIND_BIT(PDK_WATCH_RECURSIVE))
#define ALL_KINDS (KIND_BIT(PDK_WATCH_KINDS) - 1)
#define CHILD_TABLE (KIND_BIT(PDK_WATCH_CHILD) | KIND_BIT(PDK_WATCH_PERSISTENT))

/* A path that somebody watches. */
struct watched {
    struct pdk_u32set by_kind[PDK_WATCH_KINDS]; /* of watchers; not all are empty */
    uint32_t path_len;
    uint8_t path[];
};

/* The number of its slot is the name of a path: dense, used again.  What a search needs stands
 * here, so that it reads a path's block only when the hash is right. */
struct slot {
    struct watched *path; /* NULL: free */
    uint32_t hash;
    uint32_t next; /* in its bucket, or among the free */
};

struct watcher {
    struct pdk_u32set paths;
    uint32_t watches;    /* (path, kind) */
    uint32_t data_paths; /* of `paths`, those with a kind of the data table */
    uint32_t last_told;  /* the turn in which it got its last event */
    bool listed;         /* counts as one of the data table's connections */
};

/* Paths are found by linear hashing: adding a path splits at most one bucket, so there is no pause
 * in which a large table grows.  Buckets 0..bucket_count-1 exist; a hash belongs to the one that
 * its low bits name, with one bit less while that bucket does not exist yet. */
struct pdk_watch {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    uint32_t *buckets; /* the first path of each, or NONE */
    uint32_t bucket_count, bucket_cap;
    uint32_t bucket_mask; /* smallest 2^k - 1 that is not below bucket_count - 1 */
    struct slot *slots;
    uint32_t slot_count, slot_cap, free_slot;
    uint32_t path_count;
    struct watcher *watchers;
    uint32_t *told; /* room for every watcher: those that get one event */
    uint32_t watcher_cap;
    uint32_t turn;
    uint64_t by_kind[PDK_WATCH_KINDS]; /* (path, watcher) */
    uint64_t data_paths, data_watches, child_watches, listed;
};

struct pdk_watch *pdk_watch_create(const struct pdk_mem *mem, struct pdk_hash_seed seed)
{
    struct pdk_watch *w = pdk_mem_try_zero(mem, 1, sizeof *w);
    if (w == NULL) return NULL;
    *w = (struct pdk_watch){.mem = mem, .seed = seed, .free_slot = NONE};
    w->buckets = pdk_mem_try(mem, BUCKETS_MIN * sizeof *w->buckets);
    if (w->buckets == NULL) {
        pdk_mem_free(mem, w);
        return NULL;
    }
    memset(w->buckets, 0xff, BUCKETS_MIN * sizeof *w->buckets);
    w->bucket_count = w->bucket_cap = BUCKETS_MIN;
    w->bucket_mask = BUCKETS_MIN - 1;
    return w;
}

void pdk_watch_destroy(struct pdk_watch *w)
{
    if (w == NULL) return;
    for (uint32_t i = 0; i < w->watcher_cap; i++) pdk_watch_remove_watcher(w, i);
    PDK_ASSERT(w->path_count == 0);
    pdk_mem_free(w->mem, w->buckets);
    pdk_mem_free(w->mem, w->slots);
    pdk_mem_free(w->mem, w->watchers);
    pdk_mem_free(w->mem, w->told);
    pdk_mem_free(w->mem, w);
}

/* ---- paths ----------------------------------------------------------------------------------- */

static uint32_t bucket_of(const struct pdk_watch *w, uint32_t hash)
{
    uint32_t bucket = hash & w->bucket_mask;
    return bucket < w->bucket_count ? bucket : hash & w->bucket_mask >> 1;
}

static uint32_t hash_of(const struct pdk_watch *w, struct pdk_slice path)
{
    return (uint32_t)pdk_siphash(&w->seed, path.bytes, path.len);
}

static struct pdk_slice path_of(const struct watched *p)
{
    return pdk_slice_of(p->path, p->path_len);
}

static bool is_path(const struct watched *p, struct pdk_slice path)
{
    return p->path_len == path.len && (path.len == 0 || memcmp(p->path, path.bytes, path.len) == 0);
}

static uint32_t find_hashed(const struct pdk_watch *w, uint32_t hash, struct pdk_slice path)
{
    uint32_t id = w->buckets[bucket_of(w, hash)];
    while (id != NONE && (w->slots[id].hash != hash || !is_path(w->slots[id].path, path)))
        id = w->slots[id].next;
    return id;
}

/* NONE: nobody watches it. */
static uint32_t find_path(const struct pdk_watch *w, struct pdk_slice path)
{
    return find_hashed(w, hash_of(w, path), path);
}

/* One more bucket, filled from the one that held its paths.  Without memory chains grow instead. */
static void split_bucket(struct pdk_watch *w)
{
    if (w->bucket_count == w->bucket_cap) {
        if (w->bucket_cap > UINT32_MAX / 4) return;
        size_t bytes = (size_t)w->bucket_cap * 2 * sizeof *w->buckets;
        uint32_t *buckets = pdk_mem_resize(w->mem, w->buckets, bytes);
        if (buckets == NULL) return;
        w->buckets = buckets;
        w->bucket_cap *= 2;
    }
    uint32_t added = w->bucket_count++;
    if (added > w->bucket_mask) w->bucket_mask = w->bucket_mask * 2 + 1;
    w->buckets[added] = NONE;
    uint32_t *link = &w->buckets[added & w->bucket_mask >> 1];
    while (*link != NONE) {
        uint32_t id = *link;
        struct slot *slot = &w->slots[id];
        if (bucket_of(w, slot->hash) != added) {
            link = &slot->next;
            continue;
        }
        *link = slot->next;
        slot->next = w->buckets[added];
        w->buckets[added] = id;
    }
}

static bool reserve_slot(struct pdk_watch *w)
{
    if (w->free_slot != NONE || w->slot_count < w->slot_cap) return true;
    if (w->slot_cap > PDK_U32SET_MAX / 2) return false;
    uint32_t cap = w->slot_cap == 0 ? PATHS_MIN : w->slot_cap * 2;
    struct slot *slots = pdk_mem_resize(w->mem, w->slots, cap * sizeof *slots);
    if (slots == NULL) return false;
    w->slots = slots;
    w->slot_cap = cap;
    return true;
}

/* A path without watchers; NONE: no memory. */
static uint32_t add_path(struct pdk_watch *w, uint32_t hash, struct pdk_slice path)
{
    size_t bytes = 0;
    if (path.len > UINT32_MAX || !pdk_add_size(sizeof(struct watched), path.len, &bytes))
        return NONE;
    if (!reserve_slot(w)) return NONE;
    struct watched *p = pdk_mem_try(w->mem, bytes);
    if (p == NULL) return NONE;
    *p = (struct watched){.path_len = (uint32_t)path.len};
    if (path.len > 0) memcpy(p->path, path.bytes, path.len);

    uint32_t id = w->free_slot;
    if (id != NONE)
        w->free_slot = w->slots[id].next;
    else
        id = w->slot_count++;
    if (w->path_count >= w->bucket_count) split_bucket(w);
    uint32_t *bucket = &w->buckets[bucket_of(w, hash)];
    w->slots[id] = (struct slot){.path = p, .hash = hash, .next = *bucket};
    *bucket = id;
    w->path_count++;
    return id;
}

static void free_path(struct pdk_watch *w, uint32_t id)
{
    struct slot *slot = &w->slots[id];
    uint32_t *link = &w->buckets[bucket_of(w, slot->hash)];
    while (*link != id) link = &w->slots[*link].next;
    *link = slot->next;
    pdk_mem_free(w->mem, slot->path);
    *slot = (struct slot){.next = w->free_slot};
    w->free_slot = id;
    w->path_count--;
}

/* ---- who watches what ------------------------------------------------------------------------ */

/* The kinds that anybody holds on the path. */
static unsigned held_kinds(const struct watched *p)
{
    unsigned kinds = 0;
    for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++)
        kinds |= pdk_u32set_is_empty(&p->by_kind[kind]) ? 0 : KIND_BIT(kind);
    return kinds;
}

static bool in_data_table(const struct watched *p) { return (held_kinds(p) & DATA_TABLE) != 0; }

/* Does the watcher hold one of `kinds` on the path? */
static bool holds(const struct watched *p, unsigned kinds, uint32_t watcher)
{
    for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++) {
        if ((kinds & KIND_BIT(kind)) != 0 && pdk_u32set_has(&p->by_kind[kind], watcher))
            return true;
    }
    return false;
}

static bool reserve_watcher(struct pdk_watch *w, uint32_t watcher)
{
    PDK_ASSERT(watcher <= PDK_U32SET_MAX);
    if (watcher < w->watcher_cap) return true;
    size_t cap = pdk_max_size(w->watcher_cap, WATCHERS_MIN / 2);
    do cap *= 2;
    while (cap <= watcher);
    struct watcher *watchers = pdk_mem_resize(w->mem, w->watchers, cap * sizeof *watchers);
    if (watchers == NULL) return false;
    w->watchers = watchers;
    uint32_t *told = pdk_mem_resize(w->mem, w->told, cap * sizeof *told);
    if (told == NULL) return false;
    w->told = told;
    memset(watchers + w->watcher_cap, 0, (cap - w->watcher_cap) * sizeof *watchers);
    w->watcher_cap = (uint32_t)cap;
    return true;
}

/* Books what a new membership of `kind` changes; `p` has it already. */
static void count_in(struct pdk_watch *w, const struct watched *p, uint32_t watcher, unsigned kind)
{
    struct watcher *who = &w->watchers[watcher];
    unsigned others = ALL_KINDS & ~KIND_BIT(kind);
    w->by_kind[kind]++;
    who->watches++;
    if ((KIND_BIT(kind) & DATA_TABLE) != 0 && !holds(p, DATA_TABLE & others, watcher)) {
        w->data_watches++;
        who->data_paths++;
        w->listed += who->listed ? 0 : 1;
        who->listed = true;
    }
    if ((KIND_BIT(kind) & CHILD_TABLE) != 0 && !holds(p, CHILD_TABLE & others, watcher))
        w->child_watches++;
}

/* Books what the end of a membership of `kind` changes; the path has it no more.  `left`: the kinds
 * that anybody holds on the path. */
static void count_out(struct pdk_watch *w, uint32_t id, unsigned left, uint32_t watcher,
                      unsigned kind)
{
    const struct watched *p = w->slots[id].path;
    struct watcher *who = &w->watchers[watcher];
    w->by_kind[kind]--;
    who->watches--;
    if ((KIND_BIT(kind) & DATA_TABLE) != 0 && !holds(p, left & DATA_TABLE, watcher)) {
        w->data_watches--;
        who->data_paths--;
    }
    if ((KIND_BIT(kind) & CHILD_TABLE) != 0 && !holds(p, left & CHILD_TABLE, watcher))
        w->child_watches--;
    if (!holds(p, left, watcher)) (void)pdk_u32set_remove(&who->paths, w->mem, id);
}

/* Behind memberships that ended: `had_data` tells whether the path was in the data table before. */
static void settle_path(struct pdk_watch *w, uint32_t id, bool had_data)
{
    const struct watched *p = w->slots[id].path;
    if (had_data && !in_data_table(p)) w->data_paths--;
    if (held_kinds(p) == 0) free_path(w, id);
}

static void unlist(struct pdk_watch *w, struct watcher *who)
{
    w->listed -= who->listed ? 1 : 0;
    who->listed = false;
}

enum pdk_err pdk_watch_add(struct pdk_watch *w, uint32_t watcher, enum pdk_watch_kind kind,
                           struct pdk_slice path)
{
    if (!reserve_watcher(w, watcher)) return PDK_ENOMEM;
    uint32_t hash = hash_of(w, path), id = find_hashed(w, hash, path);
    if (id == NONE) id = add_path(w, hash, path);
    if (id == NONE) return PDK_ENOMEM;
    struct watched *p = w->slots[id].path;
    bool had_data = in_data_table(p);
    if (pdk_u32set_has(&p->by_kind[kind], watcher)) return PDK_OK;
    if (pdk_u32set_add(&p->by_kind[kind], w->mem, watcher) != PDK_OK) goto refuse;
    if (pdk_u32set_add(&w->watchers[watcher].paths, w->mem, id) != PDK_OK) {
        (void)pdk_u32set_remove(&p->by_kind[kind], w->mem, watcher);
        goto refuse;
    }
    count_in(w, p, watcher, kind);
    if (!had_data && in_data_table(p)) w->data_paths++;
    return PDK_OK;

refuse:
    settle_path(w, id, had_data);
    return PDK_ENOMEM;
}

bool pdk_watch_has(const struct pdk_watch *w, uint32_t watcher, enum pdk_watch_kind kind,
                   struct pdk_slice path)
{
    uint32_t id = find_path(w, path);
    return id != NONE && pdk_u32set_has(&w->slots[id].path->by_kind[kind], watcher);
}

bool pdk_watch_remove(struct pdk_watch *w, uint32_t watcher, enum pdk_watch_kind kind,
                      struct pdk_slice path)
{
    uint32_t id = find_path(w, path);
    if (id == NONE) return false;
    struct watched *p = w->slots[id].path;
    bool had_data = in_data_table(p);
    if (!pdk_u32set_remove(&p->by_kind[kind], w->mem, watcher)) return false;
    count_out(w, id, held_kinds(p), watcher, kind);
    settle_path(w, id, had_data);
    struct watcher *who = &w->watchers[watcher];
    if ((KIND_BIT(kind) & DATA_TABLE) != 0 && who->data_paths == 0) unlist(w, who);
    return true;
}

void pdk_watch_remove_watcher(struct pdk_watch *w, uint32_t watcher)
{
    if (watcher >= w->watcher_cap) return;
    struct watcher *who = &w->watchers[watcher];
    struct pdk_u32set paths = who->paths;
    who->paths = (struct pdk_u32set){0};
    for (uint32_t id = 0; pdk_u32set_at_least(&paths, id, &id); id++) {
        struct watched *p = w->slots[id].path;
        bool had_data = in_data_table(p);
        for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++) {
            if (pdk_u32set_remove(&p->by_kind[kind], w->mem, watcher))
                count_out(w, id, held_kinds(p), watcher, kind);
        }
        settle_path(w, id, had_data);
    }
    pdk_u32set_clear(&paths, w->mem);
    unlist(w, who);
    PDK_ASSERT(who->watches == 0);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Whoever is told from now on has not been told before. */
static void next_turn(struct pdk_watch *w)
{
    if (++w->turn != 0) return;
    for (uint32_t i = 0; i < w->watcher_cap; i++) w->watchers[i].last_told = 0;
    w->turn = 1;
}

/* Appends the watchers of a set that were not told in this turn; returns the new count. */
static size_t gather(struct pdk_watch *w, const struct pdk_u32set *set, size_t count)
{
    for (uint32_t v = 0; pdk_u32set_at_least(set, v, &v); v++) {
        if (w->watchers[v].last_told == w->turn) continue;
        w->watchers[v].last_told = w->turn;
        w->told[count++] = v;
    }
    return count;
}

static size_t gather_recursive(struct pdk_watch *w, struct pdk_slice path, size_t count)
{
    while (path.len > 1) {
        path = pdk_path_parent(path);
        if (path.len == 0) path = pdk_slice_str("/");
        uint32_t id = find_path(w, path);
        if (id != NONE) count = gather(w, &w->slots[id].path->by_kind[PDK_WATCH_RECURSIVE], count);
    }
    return count;
}

/* Takes the one-shot watches of a kind away. */
static void fire(struct pdk_watch *w, uint32_t id, enum pdk_watch_kind kind)
{
    struct watched *p = w->slots[id].path;
    struct pdk_u32set fired = p->by_kind[kind];
    p->by_kind[kind] = (struct pdk_u32set){0};
    unsigned left = held_kinds(p);
    for (uint32_t v = 0; pdk_u32set_at_least(&fired, v, &v); v++) count_out(w, id, left, v, kind);
    pdk_u32set_clear(&fired, w->mem);
}

/* The data table's watchers of the znode and of what is above it. */
static size_t tell_data(struct pdk_watch *w, uint32_t id, struct pdk_slice path)
{
    size_t count = 0;
    if (id != NONE) {
        const struct watched *p = w->slots[id].path;
        count = gather(w, &p->by_kind[PDK_WATCH_DATA], count);
        count = gather(w, &p->by_kind[PDK_WATCH_PERSISTENT], count);
        count = gather(w, &p->by_kind[PDK_WATCH_RECURSIVE], count);
        fire(w, id, PDK_WATCH_DATA);
    }
    return w->by_kind[PDK_WATCH_RECURSIVE] > 0 ? gather_recursive(w, path, count) : count;
}

static size_t tell_child(struct pdk_watch *w, uint32_t id)
{
    const struct watched *p = w->slots[id].path;
    size_t count = gather(w, &p->by_kind[PDK_WATCH_CHILD], 0);
    count = gather(w, &p->by_kind[PDK_WATCH_PERSISTENT], count);
    fire(w, id, PDK_WATCH_CHILD);
    return count;
}

static void change_at_parent(struct pdk_watch *w, struct pdk_slice path, pdk_watch_emit *emit,
                             void *ctx)
{
    if (w->by_kind[PDK_WATCH_CHILD] + w->by_kind[PDK_WATCH_PERSISTENT] == 0) return;
    struct pdk_slice parent = pdk_path_parent(path);
    if (parent.len == 0) parent = pdk_slice_str("/");
    uint32_t id = find_path(w, parent);
    if (id == NONE) return;
    bool had_data = in_data_table(w->slots[id].path);
    next_turn(w);
    size_t count = tell_child(w, id);
    settle_path(w, id, had_data);
    if (count > 0) emit(ctx, PDK_EVENT_NODE_CHILDREN_CHANGED, parent, true, w->told, count);
}

void pdk_watch_change(struct pdk_watch *w, int event_type, struct pdk_slice path,
                      pdk_watch_emit *emit, void *ctx)
{
    if (w->path_count == 0 || path.len == 0) return;
    uint32_t id = find_path(w, path);
    bool had_data = id != NONE && in_data_table(w->slots[id].path);
    next_turn(w);
    size_t count = tell_data(w, id, path);
    if (count > 0) emit(ctx, event_type, path, false, w->told, count);
    if (id != NONE && event_type == PDK_EVENT_NODE_DELETED) {
        /* The same turn: whoever the data table told hears it no second time. */
        count = tell_child(w, id);
        if (count > 0) emit(ctx, event_type, path, false, w->told, count);
    }
    if (id != NONE) settle_path(w, id, had_data);
    if (event_type != PDK_EVENT_NODE_DATA_CHANGED) change_at_parent(w, path, emit, ctx);
}

/* ---- what operators see ---------------------------------------------------------------------- */

void pdk_watch_counts(const struct pdk_watch *w, struct pdk_watch_counts *out)
{
    *out = (struct pdk_watch_counts){.watchers = w->listed,
                                     .paths = w->data_paths,
                                     .watches = w->data_watches,
                                     .total = w->data_watches + w->child_watches};
}

uint64_t pdk_watch_count_of(const struct pdk_watch *w, uint32_t watcher)
{
    return watcher < w->watcher_cap ? w->watchers[watcher].watches : 0;
}

/* The smallest watcher of the data table that is not below `from`. */
static bool next_data_watcher(const struct watched *p, uint32_t from, uint32_t *watcher)
{
    uint32_t least = NONE;
    for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++) {
        uint32_t v = 0;
        if ((KIND_BIT(kind) & DATA_TABLE) == 0) continue;
        if (pdk_u32set_at_least(&p->by_kind[kind], from, &v) && v < least) least = v;
    }
    if (least != NONE) *watcher = least;
    return least != NONE;
}

void pdk_watch_each_path(const struct pdk_watch *w,
                         void (*each)(void *ctx, struct pdk_slice path, const uint32_t *watchers,
                                      size_t count),
                         void *ctx)
{
    for (uint32_t bucket = 0; bucket < w->bucket_count; bucket++) {
        for (uint32_t id = w->buckets[bucket]; id != NONE; id = w->slots[id].next) {
            const struct watched *p = w->slots[id].path;
            size_t count = 0;
            for (uint32_t v = 0; next_data_watcher(p, v, &v); v++) w->told[count++] = v;
            if (count > 0) each(ctx, path_of(p), w->told, count);
        }
    }
}

void pdk_watch_each_watcher(const struct pdk_watch *w, void (*each)(void *ctx, uint32_t watcher),
                            void *ctx)
{
    for (uint32_t i = 0; i < w->watcher_cap; i++) {
        if (w->watchers[i].listed) each(ctx, i);
    }
}

void pdk_watch_each_path_of(const struct pdk_watch *w, uint32_t watcher,
                            void (*each)(void *ctx, struct pdk_slice path), void *ctx)
{
    if (watcher >= w->watcher_cap) return;
    const struct pdk_u32set *paths = &w->watchers[watcher].paths;
    for (uint32_t id = 0; pdk_u32set_at_least(paths, id, &id); id++) {
        const struct watched *p = w->slots[id].path;
        if (holds(p, DATA_TABLE, watcher)) each(ctx, path_of(p));
    }
}

/* ---- validation ------------------------------------------------------------------------------ */

static void validate_path(const struct pdk_watch *w, uint32_t id, struct pdk_watch *sum)
{
    const struct watched *p = w->slots[id].path;
    PDK_ASSERT(w->slots[id].hash == hash_of(w, path_of(p)));
    PDK_ASSERT(held_kinds(p) != 0);
    sum->path_count++;
    sum->data_paths += in_data_table(p) ? 1 : 0;
    for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++) {
        pdk_u32set_validate(&p->by_kind[kind]);
        sum->by_kind[kind] += pdk_u32set_count(&p->by_kind[kind]);
        for (uint32_t v = 0; pdk_u32set_at_least(&p->by_kind[kind], v, &v); v++) {
            PDK_ASSERT(v < w->watcher_cap);
            PDK_ASSERT(pdk_u32set_has(&w->watchers[v].paths, id));
        }
    }
}

static void validate_watcher(const struct pdk_watch *w, uint32_t watcher, struct pdk_watch *sum)
{
    const struct watcher *who = &w->watchers[watcher];
    uint32_t watches = 0, data_paths = 0;
    pdk_u32set_validate(&who->paths);
    for (uint32_t id = 0; pdk_u32set_at_least(&who->paths, id, &id); id++) {
        const struct watched *p = w->slots[id].path;
        PDK_ASSERT(holds(p, ALL_KINDS, watcher));
        for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++)
            watches += holds(p, KIND_BIT(kind), watcher) ? 1 : 0;
        data_paths += holds(p, DATA_TABLE, watcher) ? 1 : 0;
        sum->child_watches += holds(p, CHILD_TABLE, watcher) ? 1 : 0;
    }
    PDK_ASSERT(watches == who->watches);
    PDK_ASSERT(data_paths == who->data_paths);
    PDK_ASSERT(data_paths == 0 || who->listed);
    PDK_ASSERT(who->last_told <= w->turn);
    sum->data_watches += data_paths;
    sum->listed += who->listed ? 1 : 0;
}

void pdk_watch_validate(const struct pdk_watch *w)
{
    struct pdk_watch sum = {0};
    PDK_ASSERT(w->bucket_count - 1 <= w->bucket_mask);
    PDK_ASSERT(w->bucket_count - 1 > w->bucket_mask >> 1);
    for (uint32_t bucket = 0; bucket < w->bucket_count; bucket++) {
        for (uint32_t id = w->buckets[bucket]; id != NONE; id = w->slots[id].next) {
            PDK_ASSERT(id < w->slot_count);
            PDK_ASSERT(bucket_of(w, w->slots[id].hash) == bucket);
            validate_path(w, id, &sum);
        }
    }
    for (uint32_t i = 0; i < w->watcher_cap; i++) validate_watcher(w, i, &sum);
    uint32_t idle = 0;
    for (uint32_t id = w->free_slot; id != NONE; id = w->slots[id].next) {
        PDK_ASSERT(w->slots[id].path == NULL);
        idle++;
    }
    PDK_ASSERT(w->slot_count == w->path_count + idle);
    PDK_ASSERT(sum.path_count == w->path_count);
    PDK_ASSERT(sum.data_paths == w->data_paths);
    PDK_ASSERT(sum.data_watches == w->data_watches);
    PDK_ASSERT(sum.child_watches == w->child_watches);
    PDK_ASSERT(sum.listed == w->listed);
    PDK_ASSERT(memcmp(sum.by_kind, w->by_kind, sizeof sum.by_kind) == 0);
}
