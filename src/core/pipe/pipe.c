#include "core/pipe/pipe.h"

#include <string.h>

#define FIRST_CAP 8u
#define KEEP_CAP 128u

void pdk_pipe_init(struct pdk_pipe *p, const struct pdk_mem *mem)
{
    *p = (struct pdk_pipe){.mem = mem};
}

void pdk_pipe_deinit(struct pdk_pipe *p)
{
    while (p->count > 0) pdk_pipe_pop(p);
    pdk_mem_free(p->mem, p->items);
    *p = (struct pdk_pipe){.mem = p->mem};
}

static enum pdk_err grow(struct pdk_pipe *p)
{
    uint32_t cap = p->cap > 0 ? p->cap * 2 : FIRST_CAP;
    struct pdk_pipe_item *items = pdk_mem_try(p->mem, cap * sizeof *items);
    if (items == NULL) return PDK_ENOMEM;
    for (uint32_t i = 0; i < p->count; i++) items[i] = p->items[(p->head + i) & (p->cap - 1)];
    pdk_mem_free(p->mem, p->items);
    p->items = items;
    p->head = 0;
    p->cap = cap;
    return PDK_OK;
}

enum pdk_err pdk_pipe_push(struct pdk_pipe *p, const struct pdk_pipe_item *item,
                           struct pdk_slice body)
{
    if (p->count == p->cap) {
        enum pdk_err err = grow(p);
        if (err != PDK_OK) return err;
    }
    uint8_t *bytes = NULL;
    if (item->kind == PDK_PIPE_LOCAL && body.len > 0) {
        bytes = pdk_mem_try(p->mem, body.len);
        if (bytes == NULL) return PDK_ENOMEM;
        memcpy(bytes, body.bytes, body.len);
    }
    struct pdk_pipe_item *to = &p->items[(p->head + p->count) & (p->cap - 1)];
    *to = *item;
    to->bytes = bytes;
    to->len = bytes != NULL ? body.len : 0;
    p->count++;
    p->bytes += to->len + sizeof *to;
    return PDK_OK;
}

bool pdk_pipe_ready(const struct pdk_pipe *p, pdk_zxid committed)
{
    const struct pdk_pipe_item *head = pdk_pipe_head(p);
    if (head == NULL || head->kind == PDK_PIPE_WRITE) return false;
    return head->kind == PDK_PIPE_ANSWER || head->zxid <= committed;
}

bool pdk_pipe_release(struct pdk_pipe *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct pdk_pipe_item *item = &p->items[(p->head + i) & (p->cap - 1)];
        if (item->kind != PDK_PIPE_LOCAL || item->zxid != PDK_PIPE_HELD) continue;
        item->zxid = 0;
        return true;
    }
    return false;
}

void pdk_pipe_pop(struct pdk_pipe *p)
{
    PDK_ASSERT(p->count > 0);
    struct pdk_pipe_item *head = &p->items[p->head];
    p->bytes -= head->len + sizeof *head;
    pdk_mem_free(p->mem, head->bytes);
    p->head = (p->head + 1) & (p->cap - 1);
    p->count--;
    if (p->count == 0 && p->cap > KEEP_CAP) {
        pdk_mem_free(p->mem, p->items);
        p->items = NULL;
        p->head = p->cap = 0;
    }
}
