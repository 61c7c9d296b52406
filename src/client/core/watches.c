#include "client/core/watches.h"

#include "jute/records.h"
#include "proto/event.h"
#include "proto/frame.h"
#include "proto/opcode.h"

#include <string.h>

#define KIND_COUNT 5
#define ONE_SHOT (PDK_CLIENT_WATCH_DATA | PDK_CLIENT_WATCH_EXIST | PDK_CLIENT_WATCH_CHILD)
/* Paths of one setWatches, as Java's client splits them. */
#define BATCH_BYTES (128u << 10)

void pdk_client_watches_init(struct pdk_client_watches *w, const struct pdk_mem *mem,
                             struct pdk_hash_seed seed)
{
    *w = (struct pdk_client_watches){.mem = mem, .seed = seed};
    pdk_map_init(&w->by_hash, mem, seed);
    pdk_buf_init(&w->scratch, mem, INT32_MAX);
}

void pdk_client_watches_deinit(struct pdk_client_watches *w)
{
    PDK_ASSERT(w->prepared == 0);
    while (w->first != NULL) {
        struct pdk_client_watched *next = w->first->next;
        pdk_mem_free(w->mem, w->first);
        w->first = next;
    }
    pdk_map_deinit(&w->by_hash);
    pdk_buf_deinit(&w->scratch);
}

static struct pdk_client_watched *find(const struct pdk_client_watches *w, uint64_t hash,
                                       struct pdk_slice path)
{
    struct pdk_client_watched *e = pdk_map_get_ptr(&w->by_hash, hash);
    while (e != NULL && !pdk_slice_eq(pdk_slice_of(e->path, e->len), path)) e = e->chain;
    return e;
}

struct pdk_client_watched *pdk_client_watches_prepare(struct pdk_client_watches *w,
                                                      struct pdk_slice path)
{
    size_t size = 0;
    if (!pdk_add_size(sizeof(struct pdk_client_watched), path.len, &size)) return NULL;
    if (pdk_map_reserve(&w->by_hash, w->by_hash.count + w->prepared + 1) != PDK_OK) return NULL;
    struct pdk_client_watched *e = pdk_mem_try(w->mem, size);
    if (e == NULL) return NULL;
    *e = (struct pdk_client_watched){.hash = pdk_siphash(&w->seed, path.bytes, path.len),
                                     .len = path.len};
    if (path.len > 0) memcpy(e->path, path.bytes, path.len);
    w->prepared++;
    return e;
}

void pdk_client_watches_discard(struct pdk_client_watches *w, struct pdk_client_watched *asked)
{
    PDK_ASSERT(w->prepared > 0);
    w->prepared--;
    pdk_mem_free(w->mem, asked);
}

void pdk_client_watches_commit(struct pdk_client_watches *w, struct pdk_client_watched *asked,
                               enum pdk_client_watch_kind kind)
{
    struct pdk_client_watched *known = find(w, asked->hash, pdk_slice_of(asked->path, asked->len));
    if (known != NULL) {
        known->kinds |= (unsigned)kind;
        pdk_client_watches_discard(w, asked);
        return;
    }
    w->prepared--;
    asked->kinds = (unsigned)kind;
    asked->chain = pdk_map_get_ptr(&w->by_hash, asked->hash);
    enum pdk_err err = pdk_map_put_ptr(&w->by_hash, asked->hash, asked);
    PDK_ASSERT(err == PDK_OK); /* reserved with the request */
    asked->prev = w->last;
    asked->next = NULL;
    if (w->last != NULL) {
        w->last->next = asked;
    } else {
        w->first = asked;
    }
    w->last = asked;
}

static void forget(struct pdk_client_watches *w, struct pdk_client_watched *e)
{
    struct pdk_client_watched *head = pdk_map_get_ptr(&w->by_hash, e->hash);
    if (head != e) {
        while (head->chain != e) head = head->chain;
        head->chain = e->chain;
    } else if (e->chain != NULL) {
        enum pdk_err err = pdk_map_put_ptr(&w->by_hash, e->hash, e->chain);
        PDK_ASSERT(err == PDK_OK); /* replacing needs no memory */
    } else {
        (void)pdk_map_remove(&w->by_hash, e->hash);
    }
    if (e->prev != NULL) {
        e->prev->next = e->next;
    } else {
        w->first = e->next;
    }
    if (e->next != NULL) {
        e->next->prev = e->prev;
    } else {
        w->last = e->prev;
    }
    pdk_mem_free(w->mem, e);
}

unsigned pdk_client_watches_kinds(const struct pdk_client_watches *w, struct pdk_slice path)
{
    struct pdk_client_watched *e = find(w, pdk_siphash(&w->seed, path.bytes, path.len), path);
    return e != NULL ? e->kinds : 0;
}

void pdk_client_watches_fired(struct pdk_client_watches *w, int32_t type, struct pdk_slice path)
{
    unsigned used = 0;
    switch (type) {
    case PDK_EVENT_NODE_CREATED:
    case PDK_EVENT_NODE_DATA_CHANGED: used = PDK_CLIENT_WATCH_DATA | PDK_CLIENT_WATCH_EXIST; break;
    case PDK_EVENT_NODE_CHILDREN_CHANGED: used = PDK_CLIENT_WATCH_CHILD; break;
    case PDK_EVENT_NODE_DELETED: used = ONE_SHOT; break;
    default: return;
    }
    if (w->first == NULL) return;
    struct pdk_client_watched *e = find(w, pdk_siphash(&w->seed, path.bytes, path.len), path);
    if (e == NULL) return;
    e->kinds &= ~used;
    if (e->kinds == 0) forget(w, e);
}

/* One frame with the watches of `from` up to but not `end`. */
static void put_batch(struct pdk_client_watches *w, struct pdk_buf *out, pdk_zxid relative_zxid,
                      const struct pdk_client_watched *from, const struct pdk_client_watched *end)
{
    int32_t counts[KIND_COUNT] = {0};
    size_t ends[KIND_COUNT];
    pdk_buf_clear(&w->scratch);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (const struct pdk_client_watched *e = from; e != end; e = e->next) {
            if ((e->kinds & 1u << k) == 0) continue;
            pdk_put_bytes(&w->scratch, pdk_slice_of(e->path, e->len));
            counts[k]++;
        }
        ends[k] = w->scratch.len;
    }
    if (w->scratch.failed) {
        out->failed = true;
        return;
    }
    struct pdk_vec v[KIND_COUNT];
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        size_t begin = k > 0 ? ends[k - 1] : 0;
        const uint8_t *bytes = counts[k] > 0 ? w->scratch.bytes + begin : NULL;
        v[k] = pdk_vec_of(counts[k], pdk_slice_of(bytes, ends[k] - begin));
    }
    bool old_form = counts[3] == 0 && counts[4] == 0;
    size_t frame = pdk_frame_begin(out);
    pdk_put_request_header(out, &(struct pdk_request_header){
                                    .xid = PDK_XID_SET_WATCHES,
                                    .type = old_form ? PDK_OP_SET_WATCHES : PDK_OP_SET_WATCHES2});
    if (old_form) {
        pdk_put_set_watches(out, &(struct pdk_set_watches){relative_zxid, v[0], v[1], v[2]});
    } else {
        pdk_put_set_watches2(
            out, &(struct pdk_set_watches2){relative_zxid, v[0], v[1], v[2], v[3], v[4]});
    }
    pdk_frame_end(out, frame);
}

void pdk_client_watches_put_all(struct pdk_client_watches *w, struct pdk_buf *out,
                                pdk_zxid relative_zxid, uint32_t *frames_count)
{
    const struct pdk_client_watched *from = w->first;
    *frames_count = 0;
    while (from != NULL && !out->failed) {
        const struct pdk_client_watched *end = from;
        for (size_t bytes = 0; end != NULL && bytes < BATCH_BYTES; end = end->next) {
            bytes += end->len * (size_t)__builtin_popcount(end->kinds);
        }
        put_batch(w, out, relative_zxid, from, end);
        (*frames_count)++;
        from = end;
    }
}
