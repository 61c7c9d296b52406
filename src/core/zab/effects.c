/* The list grows while a call runs, so effects keep offsets; pdk_zab_out_take turns them into
 * pointers.  Out of memory stops the process: a step that is half told cannot be taken back. */
#include "core/zab/zab.h"

#include <string.h>

#define NO_OFFSET SIZE_MAX
/* A list that carried a whole synchronisation does not keep that much for good. */
#define KEPT_BYTES ((size_t)1 << 22)

void pdk_zab_out_init(struct pdk_zab_out *o, const struct pdk_mem *mem)
{
    *o = (struct pdk_zab_out){.mem = mem};
    pdk_buf_init(&o->bytes, mem, SIZE_MAX);
}

void pdk_zab_out_deinit(struct pdk_zab_out *o)
{
    pdk_buf_deinit(&o->bytes);
    pdk_mem_free(o->mem, o->effects);
    pdk_mem_free(o->mem, o->offsets);
    pdk_mem_free(o->mem, o->links);
    pdk_mem_free(o->mem, o->link_offsets);
    pdk_zab_out_init(o, o->mem);
}

void pdk_zab_out_clear(struct pdk_zab_out *o)
{
    o->count = o->next = 0;
    o->links_len = 0;
    if (o->bytes.cap > KEPT_BYTES) pdk_buf_deinit(&o->bytes);
    pdk_buf_clear(&o->bytes);
}

static void resolve(struct pdk_zab_out *o, size_t i)
{
    if (o->offsets[i] != NO_OFFSET) o->effects[i].bytes.bytes = o->bytes.bytes + o->offsets[i];
    if (o->link_offsets[i] != NO_OFFSET) o->effects[i].links = o->links + o->link_offsets[i];
}

const struct pdk_zab_effect *pdk_zab_out_take(struct pdk_zab_out *o, size_t *count)
{
    PDK_ASSERT(!o->bytes.failed);
    for (size_t i = 0; i < o->count; i++) resolve(o, i);
    *count = o->count;
    return o->effects;
}

bool pdk_zab_out_next(struct pdk_zab_out *o, struct pdk_zab_effect *e)
{
    PDK_ASSERT(!o->bytes.failed);
    if (o->next == o->count) {
        pdk_zab_out_clear(o);
        return false;
    }
    resolve(o, o->next);
    *e = o->effects[o->next++];
    return true;
}

struct pdk_zab_effect *pdk_zab_add(struct pdk_zab_out *o, enum pdk_zab_kind kind)
{
    PDK_ASSERT(!o->bytes.failed);
    if (o->count == o->cap) {
        o->cap = o->cap > 0 ? o->cap * 2 : 16;
        o->effects = pdk_mem_must_resize(o->mem, o->effects, o->cap * sizeof *o->effects);
        o->offsets = pdk_mem_must_resize(o->mem, o->offsets, o->cap * sizeof *o->offsets);
        o->link_offsets =
            pdk_mem_must_resize(o->mem, o->link_offsets, o->cap * sizeof *o->link_offsets);
    }
    struct pdk_zab_effect *e = &o->effects[o->count];
    *e = (struct pdk_zab_effect){.kind = kind, .bytes = pdk_slice_null()};
    o->offsets[o->count] = NO_OFFSET;
    o->link_offsets[o->count] = NO_OFFSET;
    o->count++;
    return e;
}

struct pdk_zab_effect *pdk_zab_add_bytes(struct pdk_zab_out *o, enum pdk_zab_kind kind, size_t mark)
{
    PDK_ASSERT(mark <= o->bytes.len);
    struct pdk_zab_effect *e = pdk_zab_add(o, kind);
    e->bytes = (struct pdk_slice){.len = o->bytes.len - mark};
    o->offsets[o->count - 1] = mark;
    return e;
}

static bool same_links(const struct pdk_zab_out *o, size_t index, const uint32_t *links,
                       size_t count)
{
    return o->effects[index].link_count == count &&
           memcmp(o->links + o->link_offsets[index], links, count * sizeof *links) == 0;
}

void pdk_zab_send(struct pdk_zab_out *o, const uint32_t *links, size_t count, size_t mark)
{
    PDK_ASSERT(!o->bytes.failed && mark <= o->bytes.len);
    if (count == 0 || mark == o->bytes.len) {
        o->bytes.len = mark;
        return;
    }
    if (o->count > o->next && o->effects[o->count - 1].kind == PDK_ZAB_SEND) {
        struct pdk_zab_effect *before = &o->effects[o->count - 1];
        bool touches = o->offsets[o->count - 1] + before->bytes.len == mark;
        if (touches && same_links(o, o->count - 1, links, count)) {
            before->bytes.len += o->bytes.len - mark;
            return;
        }
    }
    if (o->links_cap - o->links_len < count) {
        o->links_cap = (o->links_cap + count) * 2;
        o->links = pdk_mem_must_resize(o->mem, o->links, o->links_cap * sizeof *o->links);
    }
    struct pdk_zab_effect *e = pdk_zab_add_bytes(o, PDK_ZAB_SEND, mark);
    memcpy(o->links + o->links_len, links, count * sizeof *links);
    e->link_count = count;
    o->link_offsets[o->count - 1] = o->links_len;
    o->links_len += count;
}
