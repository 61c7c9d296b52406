/* core/elect/mesh.h - one stream per pair of servers on the election ports.  (pure)
 *
 * Who dials, which of two streams survives, what is resent on a new one (election.md section 1).
 * Streams are links: numbers given by the node.  Addresses are text; resolving them anew at each
 * dial is the driver's.
 *
 * Effects as in elect.h.  Threads: the core thread. */
#ifndef PDK_CORE_ELECT_MESH_H
#define PDK_CORE_ELECT_MESH_H

#include "base/base.h"
#include "base/mem.h"
#include "core/quorum/quorum.h"

struct pdk_mesh_config {
    const struct pdk_mem *mem;
    pdk_sid me;
    bool multi_address;       /* hello V2 */
    int64_t hello_timeout_ms; /* of an accepted stream that stays silent */
    int64_t redial_ms;        /* a sid that could not be reached is not dialled again before */
    size_t strangers_max;     /* accepted streams that have not said who they are */
};

enum pdk_mesh_kind {
    PDK_MESH_DIAL,    /* link (chosen by `next_link`), to host:port ... of `addresses` in turn */
    PDK_MESH_WRITE,   /* link, bytes */
    PDK_MESH_CLOSE,   /* link: what was written before still leaves (a hello may be the last that
                       * is said), then nobody speaks of it any more */
    PDK_MESH_MESSAGE, /* sid, bytes: a notification's frame body has come in */
    PDK_MESH_PEER,    /* sid is reachable (`up`) or its process is not there */
};
struct pdk_mesh_effect {
    enum pdk_mesh_kind kind;
    uint32_t link;
    pdk_sid sid;
    bool up;
    struct pdk_slice bytes;
    size_t address_count; /* DIAL */
    const struct pdk_address *addresses;
};

struct pdk_mesh;
/* `next_link` gives a number for a stream to be dialled. */
struct pdk_mesh *pdk_mesh_create(const struct pdk_mesh_config *config,
                                 struct pdk_members *committed, struct pdk_members *last_seen,
                                 uint32_t (*next_link)(void *ctx), void *ctx);
void pdk_mesh_destroy(struct pdk_mesh *m);
/* Streams to those that are in neither are kept until they close (removed servers, joiners). */
void pdk_mesh_set_members(struct pdk_mesh *m, struct pdk_members *committed,
                          struct pdk_members *last_seen);

/* Sends a framed notification; without a stream it waits (the newest replaces an older one) and the
 * peer is dialled, unless nobody knows its address. */
void pdk_mesh_send(struct pdk_mesh *m, int64_t now_ms, pdk_sid sid, struct pdk_slice frame);
/* Dials a sid that has no stream (subject to redial_ms). */
void pdk_mesh_dial(struct pdk_mesh *m, int64_t now_ms, pdk_sid sid);

void pdk_mesh_accepted(struct pdk_mesh *m, int64_t now_ms, uint32_t link);
void pdk_mesh_dialled(struct pdk_mesh *m, int64_t now_ms, uint32_t link, bool connected);
/* Unread bytes of a stream; returns how many are taken (the rest comes again with more behind). */
size_t pdk_mesh_bytes(struct pdk_mesh *m, int64_t now_ms, uint32_t link, struct pdk_slice bytes);
void pdk_mesh_closed(struct pdk_mesh *m, int64_t now_ms, uint32_t link);
bool pdk_mesh_knows(const struct pdk_mesh *m, uint32_t link);
void pdk_mesh_tick(struct pdk_mesh *m, int64_t now_ms);
int64_t pdk_mesh_deadline(const struct pdk_mesh *m);

const struct pdk_mesh_effect *pdk_mesh_effects(struct pdk_mesh *m, size_t *count);
void pdk_mesh_effects_clear(struct pdk_mesh *m);

#endif
