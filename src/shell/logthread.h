/* shell/logthread.h - the thread that writes the transaction log, and all else that must stand in
 * one order with it: epochs, truncation, a leader's snapshot, configs (operations).
 *
 * Takes everything that has gathered, appends it, syncs once, reports the last zxid, makes room
 * ahead; meanwhile the next batch gathers: group commit without a timer.  With flush_delay_ms > 0
 * it waits for more before it syncs, as Apache's flushDelay has it.
 *
 *     core thread                               log thread
 *     _append, _roll, _do ... _commit --queue--> append* sync reserve, operations
 *     _take, _done                 <-report--   (through an eventfd in the loop)
 *
 * An operation begins when everything queued before it is durable; what is queued behind it waits
 * for its end.
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

enum pdk_log_op_kind {
    PDK_LOG_OP_STORE_EPOCH,   /* epoch, flag: current (else accepted) */
    PDK_LOG_OP_TRUNCATE,      /* zxid, sink */
    PDK_LOG_OP_SPOOL_BEGIN,   /* zxid */
    PDK_LOG_OP_SPOOL_ADD,     /* bytes; not given back by _done */
    PDK_LOG_OP_SPOOL_INSTALL, /* sink */
    PDK_LOG_OP_SPOOL_ABANDON,
    PDK_LOG_OP_STORE_CONFIG, /* members, flag: in force */
};
struct pdk_log_op {
    enum pdk_log_op_kind kind;
    pdk_zxid zxid;
    int64_t epoch;
    bool flag;
    struct pdk_slice bytes; /* copied by _do */
    struct pdk_recover_sink sink;
    struct pdk_members *members; /* held; dropped with the operation */
    /* What came of it. */
    enum pdk_err err;
    struct pdk_diag diag;
    struct pdk_recovery recovery;
    int64_t took_ms;
    struct pdk_log_op *next; /* own */
};

/* The store's part of it, called on the log thread only (but for the first reserve). */
struct pdk_log_ops {
    void *ctx;
    enum pdk_err (*append)(void *ctx, const struct pdk_log_piece *pieces, size_t count,
                           struct pdk_diag *diag);
    enum pdk_err (*sync)(void *ctx, struct pdk_diag *diag);
    enum pdk_err (*reserve)(void *ctx, struct pdk_diag *diag);
    void (*roll)(void *ctx);
    /* Carries the operation out and fills its err and what else came of it.  An error returned is
     * the end of the log thread, as one of sync is.  NULL: there are no operations. */
    enum pdk_err (*operate)(void *ctx, struct pdk_log_op *op, struct pdk_diag *diag);
    void *operate_ctx; /* of operate */
};
/* Those of a store, without operations (shell/logops.h has them). */
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
/* Queues a copy of the operation. */
void pdk_logthread_do(struct pdk_logthread *lt, const struct pdk_log_op *op);
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
/* The next operation that has been carried out, in their order; NULL: none.  The caller's, to be
 * given to _op_free.  Before it is told, tell what _take says: it was durable before. */
struct pdk_log_op *pdk_logthread_done(struct pdk_logthread *lt);
void pdk_logthread_op_free(struct pdk_logthread *lt, struct pdk_log_op *op);

/* Bytes of SPOOL_ADDs that are not on the disk yet; an event comes when they become fewer. */
size_t pdk_logthread_spooling(const struct pdk_logthread *lt);
/* How long the sync that is under way has taken so far; 0: none is. */
int64_t pdk_logthread_syncing_ms(const struct pdk_logthread *lt);
/* Is something handed over that has not been reported? */
bool pdk_logthread_busy(const struct pdk_logthread *lt);

#endif
