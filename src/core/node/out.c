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
    pdk_mem_free(o->mem, o->addresses);
    pdk_mem_free(o->mem, o->hosts);
}

void pdk_out_clear(struct pdk_out *o)
{
    if (o->bytes.cap > KEEP_BYTES) pdk_buf_deinit(&o->bytes);
    pdk_buf_clear(&o->bytes);
    o->count = 0;
    o->conn_count = 0;
    o->address_count = 0;
}

static bool has_bytes(enum pdk_effect_kind kind)
{
    return kind == PDK_OUT_SEND || kind == PDK_OUT_SEND_MANY || kind == PDK_OUT_LOG ||
           kind == PDK_OUT_LINK_SEND || kind == PDK_OUT_SPOOL_ADD;
}

const struct pdk_effect *pdk_out_take(struct pdk_out *o, size_t *count)
{
    /* A reply that found no memory must not be taken for a short one. */
    PDK_ASSERT(!o->bytes.failed);
    uint32_t *conns = o->conns;
    struct pdk_address *addresses = o->addresses;
    for (size_t i = 0; i < o->address_count; i++)
        o->addresses[i].host = (const char *)o->bytes.bytes + o->hosts[i];
    for (size_t i = 0; i < o->count; i++) {
        struct pdk_effect *e = &o->effects[i];
        if (has_bytes(e->kind)) e->bytes.bytes = o->bytes.bytes + o->offsets[i];
        if (e->kind == PDK_OUT_SEND_MANY || e->kind == PDK_OUT_LINK_SEND) {
            e->conns = conns;
            conns += e->conn_count;
        } else if (e->kind == PDK_OUT_LINK_DIAL) {
            e->addresses = addresses;
            addresses += e->address_count;
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

static void keep_conns(struct pdk_out *o, const uint32_t *conns, size_t count)
{
    PDK_ASSERT(count <= UINT32_MAX);
    if (o->conn_count + count > o->conn_cap) {
        while (o->conn_count + count > o->conn_cap)
            o->conn_cap = o->conn_cap > 0 ? o->conn_cap * 2 : 256;
        o->conns = pdk_mem_must_resize(o->mem, o->conns, o->conn_cap * sizeof *o->conns);
    }
    memcpy(o->conns + o->conn_count, conns, count * sizeof *conns);
    o->conn_count += count;
}

void pdk_out_sent_many(struct pdk_out *o, const uint32_t *conns, size_t count, size_t mark)
{
    if (count == 0) return;
    keep_conns(o, conns, count);
    struct pdk_effect *e = add(o, PDK_OUT_SEND_MANY);
    e->conn_count = (uint32_t)count;
    set_bytes(o, e, mark);
}

/* Does the last effect send to these very links, up to `mark`? */
static bool goes_on(const struct pdk_out *o, const uint32_t *links, size_t count, size_t mark)
{
    if (o->count == 0) return false;
    const struct pdk_effect *last = &o->effects[o->count - 1];
    return last->kind == PDK_OUT_LINK_SEND && last->conn_count == count &&
           o->offsets[o->count - 1] + last->bytes.len == mark &&
           memcmp(o->conns + o->conn_count - count, links, count * sizeof *links) == 0;
}

void pdk_out_link_sent(struct pdk_out *o, const uint32_t *links, size_t count, size_t mark)
{
    if (goes_on(o, links, count, mark)) {
        o->effects[o->count - 1].bytes.len += o->bytes.len - mark;
        return;
    }
    keep_conns(o, links, count);
    struct pdk_effect *e = add(o, PDK_OUT_LINK_SEND);
    e->conn_count = (uint32_t)count;
    set_bytes(o, e, mark);
}

void pdk_out_dial(struct pdk_out *o, uint32_t link, const struct pdk_address *addresses,
                  size_t count)
{
    if (o->address_count + count > o->address_cap) {
        o->address_cap = (o->address_count + count) * 2;
        o->addresses =
            pdk_mem_must_resize(o->mem, o->addresses, o->address_cap * sizeof *o->addresses);
        o->hosts = pdk_mem_must_resize(o->mem, o->hosts, o->address_cap * sizeof *o->hosts);
    }
    for (size_t i = 0; i < count; i++) {
        o->hosts[o->address_count] = o->bytes.len;
        o->addresses[o->address_count++].port = addresses[i].port;
        pdk_put_raw(&o->bytes, addresses[i].host, strlen(addresses[i].host) + 1);
    }
    struct pdk_effect *e = add(o, PDK_OUT_LINK_DIAL);
    e->link = link;
    e->address_count = count;
}

struct pdk_effect *pdk_out_add(struct pdk_out *o, enum pdk_effect_kind kind)
{
    return add(o, kind);
}

struct pdk_effect *pdk_out_add_bytes(struct pdk_out *o, enum pdk_effect_kind kind, size_t mark)
{
    struct pdk_effect *e = add(o, kind);
    set_bytes(o, e, mark);
    return e;
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
