#include "sim/procmem.h"

#include <stdlib.h>

struct pdk_procmem_block {
    struct pdk_procmem_block *next, *prev;
    size_t size_bytes, unused;
    uint8_t bytes[];
};
_Static_assert(sizeof(struct pdk_procmem_block) % 16 == 0, "what malloc aligns stays aligned");

static struct pdk_procmem_block *block_of(void *ptr)
{
    return PDK_CONTAINER_OF(ptr, struct pdk_procmem_block, bytes);
}

static void take_out(struct pdk_procmem *p, struct pdk_procmem_block *b)
{
    if (b->next != NULL) b->next->prev = b->prev;
    if (b->prev != NULL)
        b->prev->next = b->next;
    else
        p->first = b->next;
    p->blocks--;
    p->bytes -= b->size_bytes;
}

static void *resize(void *ctx, void *ptr, size_t size_bytes)
{
    struct pdk_procmem *p = ctx;
    struct pdk_procmem_block *b = ptr != NULL ? block_of(ptr) : NULL;
    if (b != NULL) take_out(p, b);
    b = realloc(b, sizeof *b + size_bytes);
    PDK_ASSERT(b != NULL);
    b->size_bytes = size_bytes;
    b->prev = NULL;
    b->next = p->first;
    if (p->first != NULL) p->first->prev = b;
    p->first = b;
    p->blocks++;
    p->bytes += size_bytes;
    p->most_bytes = pdk_max_size(p->most_bytes, p->bytes);
    return b->bytes;
}

static void release(void *ctx, void *ptr)
{
    if (ptr == NULL) return;
    struct pdk_procmem_block *b = block_of(ptr);
    take_out(ctx, b);
    free(b);
}

void pdk_procmem_init(struct pdk_procmem *p)
{
    *p = (struct pdk_procmem){.mem = {.ctx = p, .resize = resize, .release = release}};
}

void pdk_procmem_kill(struct pdk_procmem *p)
{
    while (p->first != NULL) release(p, p->first->bytes);
}
