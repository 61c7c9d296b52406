/* sim/fiber.h - a stack of its own for work that would be a thread in the shell.
 *
 * The log thread, the snapshot writer and their like call the store, which calls the disk and waits
 * there.  In the simulator each of them runs on a fiber that gives the processor back at every call
 * of the disk, so that the node's steps, crashes and the other "threads" come in between, in an
 * order that the seed decides.  A fiber whose process dies is simply never resumed: destroy it, and
 * free its memory with the process's (procmem.h).
 *
 * Threads: one. */
#ifndef PDK_SIM_FIBER_H
#define PDK_SIM_FIBER_H

#include "base/base.h"

struct pdk_fiber;
typedef void pdk_fiber_main(void *ctx);

/* Stacks that wait to be used again. */
struct pdk_fiber_pool {
    void *stacks[16];
    size_t count;
};
void pdk_fiber_pool_free(struct pdk_fiber_pool *pool);

/* Runs nothing yet.  The pool must outlive it. */
struct pdk_fiber *pdk_fiber_create(struct pdk_fiber_pool *pool, pdk_fiber_main *main, void *ctx);
/* Goes on until it yields (true) or returns (false). */
bool pdk_fiber_resume(struct pdk_fiber *fiber);
/* Called on the fiber: back to whoever resumed it. */
void pdk_fiber_yield(struct pdk_fiber *fiber);
/* Also one that has not returned. */
void pdk_fiber_destroy(struct pdk_fiber *fiber);

#endif
