/* shell/outqueue.h - bytes that a socket did not take yet.
 *
 * A list of blocks: bytes are copied in once, sent from where they lie, and a block is freed as
 * soon as it has gone.  An empty queue holds no memory.
 * Threads: one. */
#ifndef PDK_SHELL_OUTQUEUE_H
#define PDK_SHELL_OUTQUEUE_H

#include "base/base.h"
#include "base/mem.h"

struct pdk_outblock;

/* All zero is the empty state. */
struct pdk_outqueue {
    struct pdk_outblock *first, *last;
    size_t bytes; /* waiting */
};

/* Copies `bytes` behind what is there.  PDK_ENOMEM: nothing has changed. */
PDK_WARN_UNUSED enum pdk_err pdk_outqueue_add(struct pdk_outqueue *q, const struct pdk_mem *mem,
                                              struct pdk_slice bytes);
/* Sends until nothing is left (PDK_OK) or the socket takes no more.  PDK_EBUSY: the socket is full;
 * PDK_EIO: the connection is broken. */
PDK_WARN_UNUSED enum pdk_err pdk_outqueue_send(struct pdk_outqueue *q, const struct pdk_mem *mem,
                                               int fd);
void pdk_outqueue_clear(struct pdk_outqueue *q, const struct pdk_mem *mem);
/* All of `from` goes behind what is there; `from` is empty then. */
void pdk_outqueue_move(struct pdk_outqueue *q, struct pdk_outqueue *from);

/* ---- blocks that somebody else fills ---------------------------------------------------------
 * For bytes that come in large pieces from another thread: written once, sent from there. */
/* Room for `cap` bytes.  NULL: no memory. */
struct pdk_outblock *pdk_outblock_create(const struct pdk_mem *mem, size_t cap);
void pdk_outblock_destroy(struct pdk_outblock *block, const struct pdk_mem *mem);
/* Copies as much as there is room for; returns how much. */
size_t pdk_outblock_add(struct pdk_outblock *block, struct pdk_slice bytes);
size_t pdk_outblock_len(const struct pdk_outblock *block);
/* Behind what is there; the queue owns the block now. */
void pdk_outqueue_take(struct pdk_outqueue *q, struct pdk_outblock *block);

#endif
