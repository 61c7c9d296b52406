/* shell/loop.h - waits for file descriptors and tells their owners (epoll).
 *
 * Sources are told in the order the kernel gives, at most PDK_LOOP_BATCH per wait; one turn of the
 * server is one pdk_loop_wait, one pdk_loop_tell and what follows.
 *
 * Ownership: a source belongs to its owner and must stay until it is removed AND pdk_loop_tell has
 * returned (free at the turn's end, not in `ready`).
 * Threads: one. */
#ifndef PDK_SHELL_LOOP_H
#define PDK_SHELL_LOOP_H

#include <sys/epoll.h>

#include "base/base.h"
#include "base/mem.h"

#define PDK_LOOP_BATCH 256

struct pdk_source {
    /* `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR as epoll reports them. */
    void (*ready)(struct pdk_source *self, uint32_t events);
};

struct pdk_loop;

/* NULL: the system refused (errno says why) or no memory. */
struct pdk_loop *pdk_loop_create(const struct pdk_mem *mem);
void pdk_loop_destroy(struct pdk_loop *loop);

/* `events` as epoll_ctl takes them, EPOLLET included.  PDK_EIO: the system refused, errno says
 * why. */
PDK_WARN_UNUSED enum pdk_err pdk_loop_add(struct pdk_loop *loop, int fd, uint32_t events,
                                          struct pdk_source *source);
/* `fd` must still be open. */
void pdk_loop_remove(struct pdk_loop *loop, int fd);

/* Waits at most `timeout_ms` (< 0: without end) until something is ready; returns how many. */
int pdk_loop_wait(struct pdk_loop *loop, int timeout_ms);
/* Tells the owners what the last wait found.  (Apart, so that clocks can be read in between.) */
void pdk_loop_tell(struct pdk_loop *loop);

#endif
