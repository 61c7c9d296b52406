/* core/pipe/pipe.h - one connection's requests in the order in which they came.  (pure)
 *
 * A read waits for the writes of its own connection before it and for nothing else; a sync waits
 * for everything proposed before it; a write waits for its commit.  Answers leave in the order of
 * the requests (client-protocol.md section 12).  The pipe knows none of the requests' insides.
 *
 * Ownership: the pipe copies the bytes of waiting requests and frees them when they leave.
 * Threads: the core thread. */
#ifndef PDK_CORE_PIPE_PIPE_H
#define PDK_CORE_PIPE_PIPE_H

#include "base/base.h"
#include "base/mem.h"

enum pdk_pipe_kind {
    PDK_PIPE_WRITE,  /* leaves when its zxid commits */
    PDK_PIPE_LOCAL,  /* leaves when it is at the head and `zxid` (0: none) has committed;
                      * PDK_PIPE_HELD: not before it is released */
    PDK_PIPE_ANSWER, /* its result is known already: leaves when it is at the head */
};

#define PDK_PIPE_HELD INT64_MAX
struct pdk_pipe_item {
    enum pdk_pipe_kind kind;
    int32_t xid, op;
    int32_t code;            /* ANSWER */
    uint32_t identity_count; /* of the connection when the request came */
    int64_t received_ms;     /* monotonic */
    pdk_zxid zxid;
    uint8_t *bytes; /* LOCAL: the record behind the header; the pipe's own */
    size_t len;
};

struct pdk_pipe {
    const struct pdk_mem *mem;
    struct pdk_pipe_item *items; /* ring */
    uint32_t head, count, cap;   /* cap is 0 or a power of two */
    size_t bytes;                /* of all waiting requests, their places in the ring included */
};

void pdk_pipe_init(struct pdk_pipe *p, const struct pdk_mem *mem);
void pdk_pipe_deinit(struct pdk_pipe *p);

/* Copies `item` to the end, and `body` (LOCAL) with it.  PDK_ENOMEM: nothing has changed. */
PDK_WARN_UNUSED enum pdk_err pdk_pipe_push(struct pdk_pipe *p, const struct pdk_pipe_item *item,
                                           struct pdk_slice body);
static inline struct pdk_pipe_item *pdk_pipe_head(const struct pdk_pipe *p)
{
    return p->count > 0 ? &p->items[p->head] : NULL;
}
/* May the head leave now, everything up to `committed` being applied?  A write only by its commit.
 * */
bool pdk_pipe_ready(const struct pdk_pipe *p, pdk_zxid committed);
/* Releases the oldest LOCAL item that is held; false: there is none. */
bool pdk_pipe_release(struct pdk_pipe *p);
/* Removes the head and frees its bytes; an emptied pipe that had grown gives its memory back. */
void pdk_pipe_pop(struct pdk_pipe *p);

#endif
