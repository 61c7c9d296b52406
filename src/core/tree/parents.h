/* core/tree/parents.h - remembers which znodes the last lookups found as parents.
 * (pure; inside of tree/)
 *
 * Most requests go to znodes of few directories; the way down to those need not be looked up anew.
 * A small direct-mapped table of paths and ids: no more than a hint, whose misses cost nothing but
 * the walk that would have been made anyway, so its hash need not be seeded.
 *
 * A path is in here only while its znode lives: deleting one calls pdk_parents_forget.
 *
 * Threads: core thread. */
#ifndef PDK_CORE_TREE_PARENTS_H
#define PDK_CORE_TREE_PARENTS_H

#include "base/base.h"

#include <string.h>

#define PDK_PARENTS_BITS 5u
#define PDK_PARENT_PATH_MAX 120u

struct pdk_parents {
    struct pdk_parent {
        uint32_t id;  /* 0: free */
        uint32_t len; /* 2 to PDK_PARENT_PATH_MAX */
        uint8_t path[PDK_PARENT_PATH_MAX];
    } entries[1u << PDK_PARENTS_BITS];
};

static inline uint32_t pdk_load_word32(const uint8_t *p)
{
    uint32_t word = 0;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The place of a path; NULL when it is too short or too long to have one. */
static inline struct pdk_parent *pdk_parents_entry(struct pdk_parents *t, const uint8_t *path,
                                                   size_t len)
{
    if (len < 4 || len > PDK_PARENT_PATH_MAX) return NULL;
    uint64_t key =
        (uint64_t)pdk_load_word32(path + len - 4) << 32 | pdk_load_word32(path + len / 2 - 2);
    key = (key ^ len) * 0x9e3779b97f4a7c15u;
    return &t->entries[key >> (64 - PDK_PARENTS_BITS)];
}

static inline bool pdk_parent_is(const struct pdk_parent *e, const uint8_t *path, size_t len)
{
    return e->len == len && memcmp(e->path, path, len) == 0;
}

/* 0: not remembered. */
static inline uint32_t pdk_parents_find(struct pdk_parents *t, const uint8_t *path, size_t len)
{
    const struct pdk_parent *e = pdk_parents_entry(t, path, len);
    return e != NULL && pdk_parent_is(e, path, len) ? e->id : 0;
}

static inline void pdk_parents_remember(struct pdk_parents *t, const uint8_t *path, size_t len,
                                        uint32_t id)
{
    struct pdk_parent *e = pdk_parents_entry(t, path, len);
    if (e == NULL) return;
    e->id = id;
    e->len = (uint32_t)len;
    memcpy(e->path, path, len);
}

static inline void pdk_parents_forget(struct pdk_parents *t, const uint8_t *path, size_t len)
{
    struct pdk_parent *e = pdk_parents_entry(t, path, len);
    if (e != NULL && pdk_parent_is(e, path, len)) *e = (struct pdk_parent){0};
}

#endif
