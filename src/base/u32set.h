/* base/u32set.h - a set of small numbers in eight bytes and what it needs.
 *
 * Up to 2 values are inside; up to 64 in a sorted array; more in chunks of 65536 values, each a
 * sorted array of its low halves or, when it is dense, a bitmap of 8 KiB.  So a set costs 4 bytes a
 * value when small, 2 or less when large, and adding stays cheap at any size.
 *
 * Values are 0..PDK_U32SET_MAX and come out in ascending order.
 * Ownership: {0} is an empty set; `pdk_u32set_clear` frees what a set holds.  All calls that change
 * one set must pass the same allocator.  Threads: one at a time. */
#ifndef PDK_BASE_U32SET_H
#define PDK_BASE_U32SET_H

#include "base/base.h"
#include "base/mem.h"

#define PDK_U32SET_MAX INT32_MAX

struct pdk_u32set {
    uint64_t word; /* 0: empty */
};

static inline bool pdk_u32set_is_empty(const struct pdk_u32set *s) { return s->word == 0; }
size_t pdk_u32set_count(const struct pdk_u32set *s);
bool pdk_u32set_has(const struct pdk_u32set *s, uint32_t value);
/* The smallest value that is not below `from`; false: none.  Going over a set:
 *     for (uint32_t v = 0; pdk_u32set_at_least(s, v, &v); v++) ... */
bool pdk_u32set_at_least(const struct pdk_u32set *s, uint32_t from, uint32_t *value);

/* OK also when it was there.  PDK_ENOMEM: nothing has changed. */
PDK_WARN_UNUSED enum pdk_err pdk_u32set_add(struct pdk_u32set *s, const struct pdk_mem *mem,
                                            uint32_t value);
/* False: was not there.  Does not depend on memory. */
bool pdk_u32set_remove(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value);
/* Empty again. */
void pdk_u32set_clear(struct pdk_u32set *s, const struct pdk_mem *mem);

void pdk_u32set_validate(const struct pdk_u32set *s);

#endif
