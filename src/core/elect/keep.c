#include "core/elect/keep.h"

#include <string.h>

struct pdk_keep_block {
    struct pdk_keep_block *next;
    _Alignas(16) uint8_t bytes[];
};

void *pdk_keep_take(struct pdk_keep *k, size_t size_bytes)
{
    struct pdk_keep_block *block = pdk_mem_must(k->mem, sizeof *block + size_bytes);
    block->next = k->first;
    k->first = block;
    return block->bytes;
}

struct pdk_slice pdk_keep_bytes(struct pdk_keep *k, struct pdk_slice bytes)
{
    uint8_t *copy = pdk_keep_take(k, bytes.len);
    if (bytes.len > 0) memcpy(copy, bytes.bytes, bytes.len);
    return pdk_slice_of(copy, bytes.len);
}

const char *pdk_keep_text(struct pdk_keep *k, struct pdk_slice text)
{
    char *copy = pdk_keep_take(k, text.len + 1);
    if (text.len > 0) memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    return copy;
}

void pdk_keep_clear(struct pdk_keep *k)
{
    while (k->first != NULL) {
        struct pdk_keep_block *next = k->first->next;
        pdk_mem_free(k->mem, k->first);
        k->first = next;
    }
}
