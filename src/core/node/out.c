#include "core/node/out.h"

#include <string.h>

#define KEEP_BYTES ((size_t)4 << 20)

void pdk_out_init(struct pdk_out *o, const struct pdk_mem *mem)
{
    *o = (struct pdk_out){.mem = mem};
    pdk_buf_init(&o->bytes, mem, SIZE_MAX);
}

void pdk_out_deinit(struct pdk_out *o)
{
    pdk_buf_deinit(&o->bytes);
    pdk_mem_free(o->mem, o->effects);
    pdk_mem_free(o->mem, o->offsets);
    pdk_mem_free(o->mem, o->conns);
}

void pdk_out_clear(struct pdk_out *o)
{
    if (o->bytes.cap > KEEP_BYTES) pdk_buf_deinit(&o->bytes);
    pdk_buf_clear(&o->bytes);
    o->count = 0;
    o->conn_count = 0;
}

static bool has_bytes(enum pdk_effect_kind kind)
{
    return kind == PDK_OUT_SEND || kind == PDK_OUT_SEND_MANY || kind == PDK_OUT_LOG;
}

const struct pdk_effect *pdk_out_take(struct pdk_out *o, size_t *count)
{
    /* A reply that found no memory must not be taken for a short one. */
    PDK_ASSERT(!o->bytes.failed);
    uint32_t *conns = o->conns;
    for (size_t i = 0; i < o->count; i++) {
        struct pdk_effect *e = &o->effects[i];
        if (has_bytes(e->kind)) e->bytes.bytes = o->bytes.bytes + o->offsets[i];
        if (e->kind == PDK_OUT_SEND_MANY) {
            e->conns = conns;
            conns += e->conn_count;
        }
    }
    *count = o->count;
    return o->effects;
}

static struct pdk_effect *add(struct pdk_out *o, enum pdk_effect_kind kind)
{
    if (o->count == o->cap) {
        o->cap = o->cap > 0 ? o->cap * 2 : 64;
        o->effects = pdk_mem_must_resize(o->mem, o->effects, o->cap * sizeof *o->effects);
        o->offsets = pdk_mem_must_resize(o->mem, o->offsets, o->cap * sizeof *o->offsets);
    }
    struct pdk_effect *e = &o->effects[o->count++];
    *e = (struct pdk_effect){.kind = kind};
    return e;
}

static void set_bytes(struct pdk_out *o, struct pdk_effect *e, size_t mark)
{
    o->offsets[o->count - 1] = mark;
    e->bytes = (struct pdk_slice){.len = o->bytes.len - mark};
}

void pdk_out_sent(struct pdk_out *o, uint32_t conn, size_t mark)
{
    if (o->count > 0) {
        struct pdk_effect *last = &o->effects[o->count - 1];
        if (last->kind == PDK_OUT_SEND && last->conn == conn &&
            o->offsets[o->count - 1] + last->bytes.len == mark) {
            last->bytes.len += o->bytes.len - mark;
            return;
        }
    }
    struct pdk_effect *e = add(o, PDK_OUT_SEND);
    e->conn = conn;
    set_bytes(o, e, mark);
}

void pdk_out_sent_many(struct pdk_out *o, const uint32_t *conns, size_t count, size_t mark)
{
    PDK_ASSERT(count <= UINT32_MAX);
    if (count == 0) return;
    if (o->conn_count + count > o->conn_cap) {
        while (o->conn_count + count > o->conn_cap)
            o->conn_cap = o->conn_cap > 0 ? o->conn_cap * 2 : 256;
        o->conns = pdk_mem_must_resize(o->mem, o->conns, o->conn_cap * sizeof *o->conns);
    }
    memcpy(o->conns + o->conn_count, conns, count * sizeof *conns);
    o->conn_count += count;
    struct pdk_effect *e = add(o, PDK_OUT_SEND_MANY);
    e->conn_count = (uint32_t)count;
    set_bytes(o, e, mark);
}

void pdk_out_signal(struct pdk_out *o, enum pdk_effect_kind kind, uint32_t conn)
{
    add(o, kind)->conn = conn;
}

void pdk_out_append(struct pdk_out *o, uint8_t *bytes, size_t len, pdk_zxid zxid)
{
    if (o->count > 0) {
        struct pdk_effect *last = &o->effects[o->count - 1];
        if (last->kind == PDK_OUT_APPEND && last->piece.bytes + last->piece.len == bytes) {
            last->piece.len += len;
            last->piece.last = zxid;
            last->piece.records++;
            return;
        }
    }
    add(o, PDK_OUT_APPEND)->piece = (struct pdk_log_piece){
        .bytes = bytes, .len = len, .first = zxid, .last = zxid, .records = 1};
}

void pdk_out_snapshot(struct pdk_out *o, struct pdk_snapshot_job *job)
{
    add(o, PDK_OUT_SNAPSHOT)->job = job;
}

void pdk_out_logged(struct pdk_out *o, enum pdk_log_level level, size_t mark)
{
    struct pdk_effect *e = add(o, PDK_OUT_LOG);
    e->level = level;
    set_bytes(o, e, mark);
}
