/* base/map.h - a growing hash map from uint64_t to uint64_t or a pointer.
 *
 * Open addressing with linear probes; removal shifts back, so there are no tombstones and a map
 * that shrank stays fast.  The seed keeps chosen keys from piling up.  Growing moves everything at
 * once (about 20 ns an entry): for tables of some 100,000 entries, or where such a pause is fine.
 *
 * Ownership: pointers put in stay the caller's.  Threads: one at a time. */
#ifndef PDK_BASE_MAP_H
#define PDK_BASE_MAP_H

#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"

struct pdk_map {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    struct pdk_map_slot {
        uint64_t key, value; /* key 0: free */
    } * slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;    /* key 0 included */
    uint64_t zero_value;
    bool has_zero; /* key 0 lives outside of the slots */
};

void pdk_map_init(struct pdk_map *m, const struct pdk_mem *mem, struct pdk_hash_seed seed);
void pdk_map_deinit(struct pdk_map *m);

/* Puts or replaces.  PDK_ENOMEM: nothing has changed (never when replacing). */
PDK_WARN_UNUSED enum pdk_err pdk_map_put(struct pdk_map *m, uint64_t key, uint64_t value);
/* After PDK_OK, puts up to `count` entries in total cannot fail. */
PDK_WARN_UNUSED enum pdk_err pdk_map_reserve(struct pdk_map *m, size_t count);
/* False: not there, *value is untouched. */
bool pdk_map_get(const struct pdk_map *m, uint64_t key, uint64_t *value);
/* False: was not there. */
bool pdk_map_remove(struct pdk_map *m, uint64_t key);

static inline enum pdk_err pdk_map_put_ptr(struct pdk_map *m, uint64_t key, void *ptr)
{
    return pdk_map_put(m, key, (uint64_t)(uintptr_t)ptr);
}
/* NULL: not there. */
static inline void *pdk_map_get_ptr(const struct pdk_map *m, uint64_t key)
{
    uint64_t value = 0;
    return pdk_map_get(m, key, &value) ? (void *)(uintptr_t)value : NULL;
}

/* Goes over all entries, in no order: start with *at = 0; false at the end.  The map must not
 * change meanwhile. */
bool pdk_map_next(const struct pdk_map *m, size_t *at, uint64_t *key, uint64_t *value);

void pdk_map_validate(const struct pdk_map *m);

#endif
