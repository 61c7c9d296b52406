#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *heap_resize(void *ctx, void *ptr, size_t size_bytes)
{
    (void)ctx;
    return realloc(ptr, size_bytes > 0 ? size_bytes : 1);
}

static void heap_release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

const struct pdk_mem *pdk_mem_heap(void)
{
    static const struct pdk_mem heap = {
        .ctx = NULL, .resize = heap_resize, .release = heap_release};
    return &heap;
}

static PDK_NORETURN void out_of_memory(size_t size_bytes)
{
    (void)fprintf(stderr, "paddock: out of memory (%zu bytes wanted): stopping\n", size_bytes);
    abort();
}

void *pdk_mem_try(const struct pdk_mem *mem, size_t size_bytes)
{
    return mem->resize(mem->ctx, NULL, size_bytes);
}

void *pdk_mem_try_zero(const struct pdk_mem *mem, size_t count, size_t size_bytes)
{
    size_t total = 0;
    if (!pdk_mul_size(count, size_bytes, &total)) return NULL;
    void *ptr = pdk_mem_try(mem, total);
    if (ptr != NULL) memset(ptr, 0, total);
    return ptr;
}

void *pdk_mem_resize(const struct pdk_mem *mem, void *ptr, size_t size_bytes)
{
    return mem->resize(mem->ctx, ptr, size_bytes);
}

void *pdk_mem_must(const struct pdk_mem *mem, size_t size_bytes)
{
    void *ptr = pdk_mem_try(mem, size_bytes);
    if (ptr == NULL) out_of_memory(size_bytes);
    return ptr;
}

void *pdk_mem_must_zero(const struct pdk_mem *mem, size_t count, size_t size_bytes)
{
    void *ptr = pdk_mem_try_zero(mem, count, size_bytes);
    if (ptr == NULL) out_of_memory(size_bytes);
    return ptr;
}

void *pdk_mem_must_resize(const struct pdk_mem *mem, void *ptr, size_t size_bytes)
{
    void *grown = pdk_mem_resize(mem, ptr, size_bytes);
    if (grown == NULL) out_of_memory(size_bytes);
    return grown;
}

void pdk_mem_free(const struct pdk_mem *mem, void *ptr) { mem->release(mem->ctx, ptr); }
