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

#endif
