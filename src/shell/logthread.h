/* shell/logthread.h - the thread that writes the transaction log.
 *
 * Takes everything that has gathered, appends it, syncs once, reports the last zxid, makes room
 * ahead; meanwhile the next batch gathers: group commit without a timer.  With flush_delay_ms > 0
 * it waits for more before it syncs, as Apache's flushDelay has it.
 *
 *     core thread                               log thread
 *     _append, _roll ... _commit   --queue-->   append* sync reserve
 *     _take                        <-report--   (through an eventfd in the loop)
 *
 * No room on the disk (PDK_ENOSPC from reserve): reported, tried again every second, reported again
 * when there is room.  Any other failure, and any failure of append or sync: reported once, and
 * nothing is written any more; the process must stop (exit code 10).  Never tried again: after a
 * failed sync the kernel may already have dropped the pages.
 *
 * Ownership: pieces' bytes belong to the proposer and stay until their zxid is reported.
 * Threads: everything here is the core thread's. */
#ifndef PDK_SHELL_LOGTHREAD_H
#define PDK_SHELL_LOGTHREAD_H

#include "base/base.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "core/store/store.h"

/* The store's part of it, called on the log thread only (but for the first reserve). */
struct pdk_log_ops {
    void *ctx;
    enum pdk_err (*append)(void *ctx, const struct pdk_log_piece *pieces, size_t count,
                           struct pdk_diag *diag);
    enum pdk_err (*sync)(void *ctx, struct pdk_diag *diag);
    enum pdk_err (*reserve)(void *ctx, struct pdk_diag *diag);
    void (*roll)(void *ctx);
};
/* Those of a store. */
struct pdk_log_ops pdk_log_ops_of(struct pdk_store *store);

struct pdk_logthread_config {
    const struct pdk_mem *mem;
    const struct pdk_log *log;
    struct pdk_log_ops ops;
    int64_t flush_delay_ms;  /* 0: sync as soon as there is nothing more to append */
    int32_t max_batch_size;  /* records of one sync, rounded up to a piece; <= 0: no limit */
    int64_t sync_warning_ms; /* slower syncs leave a warning; <= 0: none */
    int64_t retry_ms;        /* without room: how often to try */
};

struct pdk_logthread;

/* Reserves room, which may sync, and starts the thread.  What came of it is reported already when
 * this returns: hand nothing over before you have taken the report.  NULL: no memory or no
 * thread. */
struct pdk_logthread *pdk_logthread_start(const struct pdk_logthread_config *config);
/* Writes what is queued, unless it has failed, and ends the thread. */
void pdk_logthread_stop(struct pdk_logthread *lt);

void pdk_logthread_append(struct pdk_logthread *lt, const struct pdk_log_piece *piece);
/* What follows goes into a new file. */
void pdk_logthread_roll(struct pdk_logthread *lt);
/* Hands over what was queued since the last call.  Once per turn: what is handed over together is
 * synced together. */
void pdk_logthread_commit(struct pdk_logthread *lt);

/* Something is queued and the thread has nothing to do: what is queued in the next few microseconds
 * would still save a sync of its own. */
bool pdk_logthread_gathers(const struct pdk_logthread *lt);

/* For a loop, edge triggered (nobody reads it): an event comes when there is something to take. */
int pdk_logthread_fd(const struct pdk_logthread *lt);

/* What has happened since the last _take. */
struct pdk_log_report {
    bool durable; /* zxid is news */
    pdk_zxid zxid;
    bool space_changed, has_space;
    bool failed; /* stop now; diag says why */
    struct pdk_diag diag;
    /* milliseconds; the last two numbers of records */
    struct pdk_summary sync_ms, append_ms, batch_size, queue_size;
};
void pdk_logthread_take(struct pdk_logthread *lt, struct pdk_log_report *report);

#endif
