/* base/mem.h - where memory comes from.
 *
 * Everything pure takes an allocator at creation, so that a test can fail the n-th call and the
 * shell can choose the heap.  Out of memory: refuse the request where state is unchanged
 * (`pdk_mem_try`, NULL); stop the process where replicated state would be half applied
 * (`pdk_mem_must`).  Threads: an allocator may be shared by threads only if its functions may. */
#ifndef PDK_BASE_MEM_H
#define PDK_BASE_MEM_H

#include "base/base.h"

struct pdk_mem {
    void *ctx;
    /* Like realloc: (NULL, n) allocates, (p, n) resizes; NULL when impossible, p stays then. */
    void *(*resize)(void *ctx, void *ptr, size_t size_bytes);
    /* Like free: NULL is fine. */
    void (*release)(void *ctx, void *ptr);
};

/* The process heap (malloc family); thread safe. */
const struct pdk_mem *pdk_mem_heap(void);

PDK_WARN_UNUSED void *pdk_mem_try(const struct pdk_mem *mem, size_t size_bytes);
/* Zeroed; NULL when impossible or count * size overflows. */
PDK_WARN_UNUSED void *pdk_mem_try_zero(const struct pdk_mem *mem, size_t count, size_t size_bytes);
PDK_WARN_UNUSED void *pdk_mem_resize(const struct pdk_mem *mem, void *ptr, size_t size_bytes);
/* As pdk_mem_try and pdk_mem_try_zero, but stops the process instead of returning NULL. */
PDK_WARN_UNUSED void *pdk_mem_must(const struct pdk_mem *mem, size_t size_bytes);
PDK_WARN_UNUSED void *pdk_mem_must_zero(const struct pdk_mem *mem, size_t count, size_t size_bytes);
PDK_WARN_UNUSED void *pdk_mem_must_resize(const struct pdk_mem *mem, void *ptr, size_t size_bytes);
void pdk_mem_free(const struct pdk_mem *mem, void *ptr);

#endif
