/* base/mem_fail.h - for tests: an allocator that fails the n-th call and counts what is live.
 *
 *     struct pdk_fail_mem f;
 *     pdk_fail_mem_init(&f);
 *     ... = pdk_x_create(&f.mem);
 *     pdk_fail_mem_at(&f, 3);       the third allocation from now fails, once
 *     ...
 *     assert_int_equal(f.live, 0);  nothing leaked
 */
#ifndef PDK_BASE_MEM_FAIL_H
#define PDK_BASE_MEM_FAIL_H

#include "base/mem.h"

struct pdk_fail_mem {
    struct pdk_mem mem;
    size_t calls;   /* allocations and resizes since the start or pdk_fail_mem_at */
    size_t fail_at; /* the call that fails, counted from 1; 0 = none */
    size_t live;    /* blocks not yet released */
};

static inline void *pdk_fail_mem_resize(void *ctx, void *ptr, size_t size_bytes)
{
    struct pdk_fail_mem *f = ctx;
    if (++f->calls == f->fail_at) return NULL;
    void *block = pdk_mem_resize(pdk_mem_heap(), ptr, size_bytes);
    if (block != NULL && ptr == NULL) f->live++;
    return block;
}
/* To stand in for `mem.resize`: no call succeeds. */
static inline void *pdk_fail_mem_never(void *ctx, void *ptr, size_t size_bytes)
{
    (void)ctx;
    (void)ptr;
    (void)size_bytes;
    return NULL;
}
static inline void pdk_fail_mem_release(void *ctx, void *ptr)
{
    struct pdk_fail_mem *f = ctx;
    if (ptr != NULL) f->live--;
    pdk_mem_free(pdk_mem_heap(), ptr);
}
/* `f` must not move while it is in use. */
static inline void pdk_fail_mem_init(struct pdk_fail_mem *f)
{
    *f = (struct pdk_fail_mem){
        .mem = {.ctx = f, .resize = pdk_fail_mem_resize, .release = pdk_fail_mem_release}};
}
static inline void pdk_fail_mem_at(struct pdk_fail_mem *f, size_t nth)
{
    f->calls = 0;
    f->fail_at = nth;
}

#endif
