#include "base/map.h"

#include <string.h>

#define MIN_CAPACITY 8

/* Most entries that `capacity` slots take: three quarters, so that probes stay short and end. */
static size_t load_max(size_t capacity) { return capacity - capacity / 4; }

static size_t home_of(const struct pdk_map *m, uint64_t key)
{
    uint64_t x = (key ^ m->seed.k0) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
    x = (x + m->seed.k1) * 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return (size_t)x & (m->capacity - 1);
}

/* The slot of `key`, or the free one where it would go. */
static size_t find(const struct pdk_map *m, uint64_t key)
{
    size_t i = home_of(m, key);
    while (m->slots[i].key != 0 && m->slots[i].key != key) i = (i + 1) & (m->capacity - 1);
    return i;
}

void pdk_map_init(struct pdk_map *m, const struct pdk_mem *mem, struct pdk_hash_seed seed)
{
    *m = (struct pdk_map){.mem = mem, .seed = seed};
}

void pdk_map_deinit(struct pdk_map *m)
{
    pdk_mem_free(m->mem, m->slots);
    pdk_map_init(m, m->mem, m->seed);
}

enum pdk_err pdk_map_reserve(struct pdk_map *m, size_t count)
{
    if (count <= load_max(m->capacity)) return PDK_OK;
    size_t capacity = pdk_max_size(m->capacity, MIN_CAPACITY);
    while (load_max(capacity) < count) {
        if (!pdk_mul_size(capacity, 2, &capacity)) return PDK_ENOMEM;
    }
    struct pdk_map_slot *slots = pdk_mem_try_zero(m->mem, capacity, sizeof *slots);
    if (slots == NULL) return PDK_ENOMEM;

    struct pdk_map old = *m;
    m->slots = slots;
    m->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].key != 0) m->slots[find(m, old.slots[i].key)] = old.slots[i];
    }
    pdk_mem_free(m->mem, old.slots);
    return PDK_OK;
}

enum pdk_err pdk_map_put(struct pdk_map *m, uint64_t key, uint64_t value)
{
    if (key == 0) {
        m->count += m->has_zero ? 0 : 1;
        m->has_zero = true;
        m->zero_value = value;
        return PDK_OK;
    }
    if (m->capacity > 0) {
        struct pdk_map_slot *known = &m->slots[find(m, key)];
        if (known->key == key) {
            known->value = value;
            return PDK_OK;
        }
    }
    enum pdk_err err = pdk_map_reserve(m, m->count + 1);
    if (err != PDK_OK) return err;
    m->slots[find(m, key)] = (struct pdk_map_slot){.key = key, .value = value};
    m->count++;
    return PDK_OK;
}

bool pdk_map_get(const struct pdk_map *m, uint64_t key, uint64_t *value)
{
    if (key == 0) {
        if (m->has_zero) *value = m->zero_value;
        return m->has_zero;
    }
    if (m->capacity == 0) return false;
    const struct pdk_map_slot *slot = &m->slots[find(m, key)];
    if (slot->key == 0) return false;
    *value = slot->value;
    return true;
}

bool pdk_map_remove(struct pdk_map *m, uint64_t key)
{
    if (key == 0) {
        bool had = m->has_zero;
        m->count -= had ? 1 : 0;
        m->has_zero = false;
        return had;
    }
    if (m->capacity == 0) return false;
    size_t hole = find(m, key);
    if (m->slots[hole].key == 0) return false;

    /* Later entries of the run move up unless that would put them before their home. */
    size_t mask = m->capacity - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].key != 0; i = (i + 1) & mask) {
        size_t home = home_of(m, m->slots[i].key);
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct pdk_map_slot){0};
    m->count--;
    return true;
}

bool pdk_map_next(const struct pdk_map *m, size_t *at, uint64_t *key, uint64_t *value)
{
    for (; *at < m->capacity; (*at)++) {
        const struct pdk_map_slot *slot = &m->slots[*at];
        if (slot->key == 0) continue;
        *key = slot->key;
        *value = slot->value;
        (*at)++;
        return true;
    }
    if (*at > m->capacity || !m->has_zero) return false;
    *key = 0;
    *value = m->zero_value;
    (*at)++;
    return true;
}

void pdk_map_validate(const struct pdk_map *m)
{
    size_t count = m->has_zero ? 1 : 0;
    for (size_t i = 0; i < m->capacity; i++) {
        if (m->slots[i].key == 0) continue;
        PDK_ASSERT(find(m, m->slots[i].key) == i);
        count++;
    }
    PDK_ASSERT(count == m->count);
    PDK_ASSERT(m->capacity == 0 || m->count <= load_max(m->capacity) + 1);
}
