#include "sim/histories.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void pdk_histories_init(struct pdk_histories *h, struct pdk_world *world, bool unique)
{
    *h = (struct pdk_histories){.world = world, .unique = unique};
    pdk_map_init(&h->by_zxid, pdk_mem_heap(), (struct pdk_hash_seed){world->seed, 1});
    h->root = h->all = calloc(1, sizeof *h->root);
    PDK_ASSERT(h->root != NULL);
}

void pdk_histories_deinit(struct pdk_histories *h)
{
    while (h->all != NULL) {
        struct pdk_hist *next = h->all->all;
        free((void *)(uintptr_t)h->all->txn.bytes);
        free(h->all);
        h->all = next;
    }
    pdk_map_deinit(&h->by_zxid);
}

struct pdk_hist *pdk_histories_child(const struct pdk_hist *parent, struct pdk_slice txn)
{
    struct pdk_hist *c = parent->first_child;
    while (c != NULL && !pdk_slice_eq(c->txn, txn)) c = c->next_sibling;
    return c;
}

/* May it come right behind its parent?  The next one, or an early one of a later epoch. */
static bool follows(const struct pdk_histories *h, pdk_zxid last, pdk_zxid next)
{
    if (next == last + 1) return true;
    return h->unique && next >> 32 > last >> 32;
}

/* In an ensemble: the one history that this zxid has; NULL when it is new. */
static struct pdk_hist *known(const struct pdk_histories *h, pdk_zxid zxid)
{
    return h->unique ? pdk_map_get_ptr(&h->by_zxid, (uint64_t)zxid) : NULL;
}

struct pdk_hist *pdk_histories_add(struct pdk_histories *h, struct pdk_hist *parent,
                                   struct pdk_slice txn, uint32_t by_server)
{
    struct pdk_hist *child = pdk_histories_child(parent, txn);
    if (child != NULL) return child;
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header header;
    pdk_read_txn_header(&r, &header);
    if (r.failed || !follows(h, parent->zxid, header.zxid)) {
        pdk_world_fail(h->world, "server %u logs 0x%" PRIx64 " behind 0x%" PRIx64, by_server,
                       (uint64_t)header.zxid, (uint64_t)parent->zxid);
        return NULL;
    }
    const struct pdk_hist *other = known(h, header.zxid);
    if (other != NULL) {
        bool same = pdk_slice_eq(other->txn, txn);
        pdk_world_fail(
            h->world,
            "server %u logs 0x%" PRIx64 " behind 0x%" PRIx64 ", but %s stood behind 0x%" PRIx64,
            by_server, (uint64_t)header.zxid, (uint64_t)parent->zxid,
            same ? "it" : "another transaction of this zxid", (uint64_t)other->parent->zxid);
        return NULL;
    }
    child = calloc(1, sizeof *child);
    uint8_t *copy = malloc(txn.len);
    PDK_ASSERT(child != NULL && copy != NULL);
    memcpy(copy, txn.bytes, txn.len);
    *child = (struct pdk_hist){.parent = parent,
                               .next_sibling = parent->first_child,
                               .zxid = header.zxid,
                               .depth = parent->depth + 1,
                               .txn = pdk_slice_of(copy, txn.len),
                               .header = header,
                               .all = h->all};
    parent->first_child = h->all = child;
    if (h->unique) PDK_ASSERT(pdk_map_put_ptr(&h->by_zxid, (uint64_t)header.zxid, child) == PDK_OK);
    return child;
}

struct pdk_hist *pdk_hist_up_to(struct pdk_hist *h, pdk_zxid zxid)
{
    while (h->zxid > zxid) h = h->parent;
    return h;
}

bool pdk_hist_is_prefix(const struct pdk_hist *prefix, const struct pdk_hist *of)
{
    while (of->depth > prefix->depth) of = of->parent;
    return of == prefix;
}

struct pdk_hist *pdk_hist_common(struct pdk_hist *a, struct pdk_hist *b)
{
    while (a != b) {
        if (a->depth >= b->depth)
            a = a->parent;
        else
            b = b->parent;
    }
    return a;
}
