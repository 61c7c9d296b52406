/* shell/background.h - the thread for work that nobody waits for: snapshots and purging.
 *
 * One job after the other, at low priority for processor and disk, so that the core keeps its share
 * of two cores and the log's syncs go first.
 *
 * Ownership: a snapshot's job is the node's; it comes back with its result.
 * Threads: everything here is the core thread's, but for _pause and _resume. */
#ifndef PDK_SHELL_BACKGROUND_H
#define PDK_SHELL_BACKGROUND_H

#include "base/base.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/store/store.h"

/* What is done, called on the background thread only. */
struct pdk_background_ops {
    void *ctx;
    void (*snapshot)(void *ctx, const struct pdk_snapshot_job *job,
                     bool (*cancelled)(void *cancel_ctx), void *cancel_ctx,
                     struct pdk_snapshot_result *result);
    enum pdk_err (*purge)(void *ctx, struct pdk_diag *diag);
};

struct pdk_background;

/* Starts the thread.  NULL: no memory or no thread. */
struct pdk_background *pdk_background_start(const struct pdk_mem *mem, const struct pdk_log *log,
                                            const struct pdk_background_ops *ops);
/* Cancels a snapshot that is being written and those queued, and waits until the thread has nothing
 * more to do; results are there to be taken. */
void pdk_background_cancel(struct pdk_background *b);
/* The same, and nothing begins before _resume: snapshots that are asked for meanwhile are
 * cancelled, purges wait.  Threads: any, one at a time. */
void pdk_background_pause(struct pdk_background *b);
void pdk_background_resume(struct pdk_background *b);
/* After _cancel. */
void pdk_background_stop(struct pdk_background *b);

/* Queues a snapshot.  At most one is under way: the node asks for the next when it has the
 * result. */
void pdk_background_snapshot(struct pdk_background *b, struct pdk_snapshot_job *job);
/* Queues a purge, unless one is queued.  Failures leave a log line. */
void pdk_background_purge(struct pdk_background *b);

/* For a loop, edge triggered (nobody reads it): an event comes when there is a result. */
int pdk_background_fd(const struct pdk_background *b);
struct pdk_background_done {
    struct pdk_snapshot_job *job;
    struct pdk_snapshot_result result;
    int64_t took_ms;
};
/* False: nothing to take. */
bool pdk_background_take(struct pdk_background *b, struct pdk_background_done *done);

#endif
