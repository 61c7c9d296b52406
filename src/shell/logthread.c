#include "shell/logthread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/node/node.h"
#include "shell/clock.h"

/* Entries of the queue.  A piece of no length is a roll; or an operation, when it has bytes: they
 * are the struct pdk_log_op. */
struct queue {
    struct pdk_log_piece *pieces;
    size_t count, cap;
    uint64_t records;
};

struct pdk_logthread {
    struct pdk_logthread_config config;
    pthread_t thread;
    int event_fd;
    /* core thread's own */
    struct queue gathering;
    size_t ops_gathering;
    pdk_zxid handed_over, reported; /* last appended */

    atomic_size_t spooling;
    atomic_int_least64_t sync_began_us; /* 0: no sync is under way */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool waiting; /* the log thread waits for `wake`; changed under lock */
    struct queue shared; /* guarded by lock, as are the next three */
    bool stopping;
    bool signalled;               /* event_fd has been or is being written since the last take */
    struct pdk_log_report report; /* gathering for the next take */
    struct pdk_log_op *done_first, *done_last;

    /* log thread's own */
    struct queue batch;
    bool failed, has_space, told_space;
    int64_t next_reserve_ms;
    int64_t last_sync_us;
    uint64_t unsynced; /* records appended */
    pdk_zxid appended; /* last */
};

/* ---- queue --------------------------------------------------------------------------------- */
/* Pieces that lie behind each other in memory become one, up to a batch's size. */
static bool may_join(const struct pdk_logthread_config *config, const struct pdk_log_piece *last,
                     const struct pdk_log_piece *piece)
{
    if (last->len == 0 || piece->len == 0 || last->bytes + last->len != piece->bytes) return false;
    return config->max_batch_size <= 0 ||
           last->records + piece->records <= (uint32_t)config->max_batch_size;
}

static void queue_add(struct queue *q, const struct pdk_logthread_config *config,
                      const struct pdk_log_piece *piece)
{
    if (q->count > 0) {
        struct pdk_log_piece *last = &q->pieces[q->count - 1];
        if (may_join(config, last, piece)) {
            last->len += piece->len;
            last->last = piece->last;
            last->records += piece->records;
            q->records += piece->records;
            return;
        }
    }
    if (q->count == q->cap) {
        q->cap = q->cap > 0 ? q->cap * 2 : 64;
        q->pieces = pdk_mem_must_resize(config->mem, q->pieces, q->cap * sizeof *q->pieces);
    }
    q->pieces[q->count++] = *piece;
    q->records += piece->records;
}

static void queue_clear(struct queue *q)
{
    q->count = 0;
    q->records = 0;
}

static void queue_swap(struct queue *a, struct queue *b)
{
    struct queue was = *a;
    *a = *b;
    *b = was;
}

static bool is_waiting(const struct pdk_logthread *lt)
{
    return atomic_load_explicit(&lt->waiting, memory_order_relaxed);
}

static void set_waiting(struct pdk_logthread *lt, bool waiting)
{
    atomic_store_explicit(&lt->waiting, waiting, memory_order_relaxed);
}

/* ---- core thread --------------------------------------------------------------------------- */
void pdk_logthread_append(struct pdk_logthread *lt, const struct pdk_log_piece *piece)
{
    PDK_ASSERT(piece->len > 0 && piece->records > 0);
    queue_add(&lt->gathering, &lt->config, piece);
    lt->handed_over = piece->last;
}

void pdk_logthread_roll(struct pdk_logthread *lt)
{
    queue_add(&lt->gathering, &lt->config, &(struct pdk_log_piece){0});
}

void pdk_logthread_do(struct pdk_logthread *lt, const struct pdk_log_op *op)
{
    PDK_ASSERT(lt->config.ops.operate != NULL);
    bool adds = op->kind == PDK_LOG_OP_SPOOL_ADD;
    size_t len = adds ? op->bytes.len : 0;
    struct pdk_log_op *own = pdk_mem_must(lt->config.mem, sizeof *own + len);
    *own = *op;
    own->next = NULL;
    own->err = PDK_OK;
    if (adds) {
        memcpy(own + 1, op->bytes.bytes, len);
        own->bytes = pdk_slice_of(own + 1, len);
        (void)atomic_fetch_add_explicit(&lt->spooling, len, memory_order_relaxed);
    }
    queue_add(&lt->gathering, &lt->config, &(struct pdk_log_piece){.bytes = (uint8_t *)own});
    lt->ops_gathering++;
}

void pdk_logthread_op_free(struct pdk_logthread *lt, struct pdk_log_op *op)
{
    pdk_members_drop(op->members);
    pdk_mem_free(lt->config.mem, op);
}

size_t pdk_logthread_spooling(const struct pdk_logthread *lt)
{
    return atomic_load_explicit(&lt->spooling, memory_order_relaxed);
}

int64_t pdk_logthread_syncing_ms(const struct pdk_logthread *lt)
{
    int64_t began_us = atomic_load_explicit(&lt->sync_began_us, memory_order_relaxed);
    return began_us > 0 ? (pdk_clock_us() - began_us) / 1000 : 0;
}

bool pdk_logthread_busy(const struct pdk_logthread *lt) { return lt->handed_over != lt->reported; }

void pdk_logthread_commit(struct pdk_logthread *lt)
{
    if (lt->gathering.count == 0) return;
    lt->ops_gathering = 0;
    (void)pthread_mutex_lock(&lt->lock);
    if (lt->shared.count == 0) {
        queue_swap(&lt->shared, &lt->gathering);
    } else {
        for (size_t i = 0; i < lt->gathering.count; i++)
            queue_add(&lt->shared, &lt->config, &lt->gathering.pieces[i]);
    }
    bool wake = is_waiting(lt);
    set_waiting(lt, false);
    (void)pthread_mutex_unlock(&lt->lock);
    queue_clear(&lt->gathering);
    if (wake) (void)pthread_cond_signal(&lt->wake);
}

bool pdk_logthread_gathers(const struct pdk_logthread *lt)
{
    return lt->gathering.count > 0 && lt->ops_gathering == 0 && is_waiting(lt);
}

int pdk_logthread_fd(const struct pdk_logthread *lt) { return lt->event_fd; }

void pdk_logthread_take(struct pdk_logthread *lt, struct pdk_log_report *report)
{
    (void)pthread_mutex_lock(&lt->lock);
    *report = lt->report;
    lt->report = (struct pdk_log_report){0};
    lt->signalled = false;
    (void)pthread_mutex_unlock(&lt->lock);
    if (report->durable) lt->reported = report->zxid;
}

struct pdk_log_op *pdk_logthread_done(struct pdk_logthread *lt)
{
    (void)pthread_mutex_lock(&lt->lock);
    struct pdk_log_op *op = lt->done_first;
    if (op != NULL) lt->done_first = op->next;
    if (lt->done_first == NULL) lt->done_last = NULL;
    (void)pthread_mutex_unlock(&lt->lock);
    return op;
}

/* ---- log thread: reports ------------------------------------------------------------------- */
/* Ends a change of `report`. */
static void unlock_and_signal(struct pdk_logthread *lt)
{
    bool write_it = !lt->signalled;
    lt->signalled = true;
    (void)pthread_mutex_unlock(&lt->lock);
    if (!write_it) return;
    const uint64_t one = 1;
    ssize_t n = write(lt->event_fd, &one, sizeof one);
    PDK_ASSERT(n == (ssize_t)sizeof one);
}

static void report_failure(struct pdk_logthread *lt, const struct pdk_diag *diag)
{
    lt->failed = true;
    (void)pthread_mutex_lock(&lt->lock);
    lt->report.failed = true;
    lt->report.diag = *diag;
    unlock_and_signal(lt);
}

static void report_done(struct pdk_logthread *lt, struct pdk_log_op *op)
{
    (void)pthread_mutex_lock(&lt->lock);
    if (op != NULL) {
        op->next = NULL;
        if (lt->done_last != NULL)
            lt->done_last->next = op;
        else
            lt->done_first = op;
        lt->done_last = op;
    }
    unlock_and_signal(lt);
}

static void report_durable(struct pdk_logthread *lt, int64_t sync_us)
{
    (void)pthread_mutex_lock(&lt->lock);
    lt->report.durable = true;
    lt->report.zxid = lt->appended;
    pdk_summary_add(&lt->report.sync_ms, (uint64_t)(sync_us / 1000));
    pdk_summary_add(&lt->report.batch_size, lt->unsynced);
    unlock_and_signal(lt);
}

static void report_space(struct pdk_logthread *lt, bool has_space)
{
    if (lt->told_space && lt->has_space == has_space) return;
    /* Room at start is no news: the node begins with that. */
    bool news = lt->told_space || !has_space;
    lt->told_space = true;
    lt->has_space = has_space;
    if (!news) return;
    (void)pthread_mutex_lock(&lt->lock);
    lt->report.space_changed = true;
    lt->report.has_space = has_space;
    unlock_and_signal(lt);
}

/* ---- log thread: work ---------------------------------------------------------------------- */
static int64_t now_ms(void) { return pdk_clock_us() / 1000; }

static void reserve(struct pdk_logthread *lt)
{
    struct pdk_diag diag = {0};
    enum pdk_err err = lt->config.ops.reserve(lt->config.ops.ctx, &diag);
    if (err != PDK_OK && err != PDK_ENOSPC) {
        report_failure(lt, &diag);
        return;
    }
    if (err == PDK_ENOSPC) {
        /* What it means for clients is the node's to say. */
        if (!lt->told_space || lt->has_space)
            pdk_log_write(lt->config.log, PDK_LOG_WARN, "log.reserve.failed why=\"%s\"", diag.text);
        lt->next_reserve_ms = now_ms() + lt->config.retry_ms;
    }
    report_space(lt, err == PDK_OK);
}

static void sync_appended(struct pdk_logthread *lt)
{
    struct pdk_diag diag = {0};
    int64_t start_us = pdk_clock_us();
    atomic_store_explicit(&lt->sync_began_us, start_us, memory_order_relaxed);
    enum pdk_err err = lt->config.ops.sync(lt->config.ops.ctx, &diag);
    atomic_store_explicit(&lt->sync_began_us, 0, memory_order_relaxed);
    lt->last_sync_us = pdk_clock_us();
    if (err != PDK_OK) {
        report_failure(lt, &diag);
        return;
    }
    int64_t took_us = lt->last_sync_us - start_us;
    report_durable(lt, took_us);
    lt->unsynced = 0;
    if (lt->config.sync_warning_ms > 0 && took_us / 1000 > lt->config.sync_warning_ms)
        pdk_log_write(lt->config.log, PDK_LOG_WARN,
                      "log.slow_sync ms=%lld warning_ms=%lld: syncing the log took long and writes "
                      "waited for it; is the disk shared or failing?",
                      (long long)(took_us / 1000), (long long)lt->config.sync_warning_ms);
    reserve(lt);
}

static void append(struct pdk_logthread *lt, const struct pdk_log_piece *pieces, size_t count)
{
    struct pdk_diag diag = {0};
    int64_t start_us = pdk_clock_us();
    enum pdk_err err = lt->config.ops.append(lt->config.ops.ctx, pieces, count, &diag);
    if (err != PDK_OK) {
        report_failure(lt, &diag);
        return;
    }
    int64_t took_us = pdk_clock_us() - start_us;
    for (size_t i = 0; i < count; i++) lt->unsynced += pieces[i].records;
    lt->appended = pieces[count - 1].last;
    (void)pthread_mutex_lock(&lt->lock);
    pdk_summary_add(&lt->report.append_ms, (uint64_t)(took_us / 1000));
    (void)pthread_mutex_unlock(&lt->lock);
}

static bool batch_is_full(const struct pdk_logthread *lt, uint64_t more)
{
    return lt->config.max_batch_size > 0 &&
           lt->unsynced + more >= (uint64_t)lt->config.max_batch_size;
}

static void operate(struct pdk_logthread *lt, struct pdk_log_op *op)
{
    struct pdk_diag diag = {0};
    int64_t start_us = pdk_clock_us();
    enum pdk_err err = lt->config.ops.operate(lt->config.ops.operate_ctx, op, &diag);
    op->took_ms = (pdk_clock_us() - start_us) / 1000;
    enum pdk_log_op_kind kind = op->kind;
    if (kind == PDK_LOG_OP_SPOOL_ADD) {
        (void)atomic_fetch_sub_explicit(&lt->spooling, op->bytes.len, memory_order_relaxed);
        pdk_mem_free(lt->config.mem, op);
        op = NULL;
    }
    report_done(lt, op);
    if (err != PDK_OK)
        report_failure(lt, &diag);
    else if (kind == PDK_LOG_OP_TRUNCATE || kind == PDK_LOG_OP_SPOOL_INSTALL)
        reserve(lt); /* the log has another end now */
}

/* What stands between pieces: the end of a file, or an operation.  All before it is durable. */
static void pass_mark(struct pdk_logthread *lt, struct pdk_log_piece *mark)
{
    struct pdk_log_op *op = (struct pdk_log_op *)(void *)mark->bytes;
    mark->bytes = NULL; /* it is no longer the queue's */
    if (op != NULL)
        operate(lt, op);
    else
        lt->config.ops.roll(lt->config.ops.ctx);
}

/* Appends the batch; syncs on the way before marks and where enough has come together. */
static void write_batch(struct pdk_logthread *lt)
{
    const struct queue *q = &lt->batch;
    size_t from = 0;
    uint64_t records = 0;
    for (size_t i = 0; i < q->count && !lt->failed; i++) {
        bool mark = q->pieces[i].len == 0;
        records += q->pieces[i].records;
        bool full = batch_is_full(lt, records);
        if (!mark && !full && i + 1 < q->count) continue;
        size_t to = mark ? i : i + 1;
        if (to > from) append(lt, q->pieces + from, to - from);
        from = i + 1;
        records = 0;
        if ((mark || full) && lt->unsynced > 0 && !lt->failed) sync_appended(lt);
        if (mark && !lt->failed) pass_mark(lt, &q->pieces[i]);
    }
}

/* When waiting for more must end: INT64_MAX: never; 0: do not wait. */
static int64_t wait_until_ms(const struct pdk_logthread *lt)
{
    int64_t until = INT64_MAX;
    if (lt->unsynced > 0) {
        /* Apache polls for a third of the delay and syncs when nothing comes. */
        if (lt->config.flush_delay_ms <= 0) return 0;
        int64_t poll = lt->config.flush_delay_ms / 3;
        int64_t left = lt->last_sync_us / 1000 + lt->config.flush_delay_ms - now_ms();
        if (left <= 0 || poll == 0) return 0;
        until = now_ms() + (poll < left ? poll : left);
    }
    if (lt->told_space && !lt->has_space && lt->next_reserve_ms < until)
        until = lt->next_reserve_ms;
    return until;
}

/* Takes what has gathered into `batch`, waiting for it when there is time.  False: to stop. */
static bool take_batch(struct pdk_logthread *lt)
{
    int64_t until_ms = wait_until_ms(lt);
    queue_clear(&lt->batch);
    (void)pthread_mutex_lock(&lt->lock);
    while (lt->shared.count == 0 && !lt->stopping && until_ms != 0) {
        set_waiting(lt, true);
        if (until_ms == INT64_MAX) {
            (void)pthread_cond_wait(&lt->wake, &lt->lock);
            continue;
        }
        struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
        if (pthread_cond_timedwait(&lt->wake, &lt->lock, &until) == ETIMEDOUT) break;
    }
    set_waiting(lt, false);
    queue_swap(&lt->batch, &lt->shared);
    if (lt->batch.count > 0) pdk_summary_add(&lt->report.queue_size, lt->batch.records);
    bool go_on = lt->batch.count > 0 || !lt->stopping;
    (void)pthread_mutex_unlock(&lt->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct pdk_logthread *lt = arg;
    (void)pthread_setname_np(pthread_self(), "paddock-log");
    while (!lt->failed) {
        bool go_on = take_batch(lt);
        if (lt->batch.count > 0)
            write_batch(lt);
        else if (lt->unsynced > 0)
            sync_appended(lt);
        else if (lt->told_space && !lt->has_space && go_on)
            reserve(lt);
        /* Nothing to wait for any more: what is appended must not hang. */
        if (!go_on && lt->unsynced == 0) break;
    }
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */
static bool init_sync(struct pdk_logthread *lt)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) return false;
    bool good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&lt->wake, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    if (!good) return false;
    if (pthread_mutex_init(&lt->lock, NULL) == 0) return true;
    (void)pthread_cond_destroy(&lt->wake);
    return false;
}

/* With the operations that were never carried out. */
static void queue_free(struct pdk_logthread *lt, struct queue *q)
{
    for (size_t i = 0; i < q->count; i++) {
        struct pdk_log_piece *piece = &q->pieces[i];
        if (piece->len == 0 && piece->bytes != NULL)
            pdk_logthread_op_free(lt, (struct pdk_log_op *)(void *)piece->bytes);
    }
    pdk_mem_free(lt->config.mem, q->pieces);
}

static void release(struct pdk_logthread *lt)
{
    queue_free(lt, &lt->gathering);
    queue_free(lt, &lt->shared);
    queue_free(lt, &lt->batch);
    while (lt->done_first != NULL) {
        struct pdk_log_op *op = lt->done_first;
        lt->done_first = op->next;
        pdk_logthread_op_free(lt, op);
    }
    if (lt->event_fd >= 0) (void)close(lt->event_fd);
    pdk_mem_free(lt->config.mem, lt);
}

struct pdk_logthread *pdk_logthread_start(const struct pdk_logthread_config *config)
{
    struct pdk_logthread *lt = pdk_mem_try_zero(config->mem, 1, sizeof *lt);
    if (lt == NULL) return NULL;
    lt->config = *config;
    lt->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lt->event_fd < 0 || !init_sync(lt)) {
        release(lt);
        return NULL;
    }
    lt->last_sync_us = pdk_clock_us(); /* flush delays count from here */
    /* Not on the thread: a write that came before its report would find a full disk, and fail for
     * good instead of being refused. */
    reserve(lt);
    if (pthread_create(&lt->thread, NULL, run, lt) == 0) return lt;
    (void)pthread_cond_destroy(&lt->wake);
    (void)pthread_mutex_destroy(&lt->lock);
    release(lt);
    return NULL;
}

void pdk_logthread_stop(struct pdk_logthread *lt)
{
    if (lt == NULL) return;
    pdk_logthread_commit(lt);
    (void)pthread_mutex_lock(&lt->lock);
    lt->stopping = true;
    (void)pthread_mutex_unlock(&lt->lock);
    (void)pthread_cond_signal(&lt->wake);
    (void)pthread_join(lt->thread, NULL);
    (void)pthread_cond_destroy(&lt->wake);
    (void)pthread_mutex_destroy(&lt->lock);
    release(lt);
}

/* ---- the store's --------------------------------------------------------------------------- */
static enum pdk_err store_append(void *ctx, const struct pdk_log_piece *pieces, size_t count,
                                 struct pdk_diag *diag)
{
    return pdk_store_append(ctx, pieces, count, diag);
}
static enum pdk_err store_sync(void *ctx, struct pdk_diag *diag)
{
    return pdk_store_sync(ctx, diag);
}
static enum pdk_err store_reserve(void *ctx, struct pdk_diag *diag)
{
    return pdk_store_reserve(ctx, diag);
}
static void store_roll(void *ctx) { pdk_store_roll(ctx); }

struct pdk_log_ops pdk_log_ops_of(struct pdk_store *store)
{
    return (struct pdk_log_ops){.ctx = store,
                                .append = store_append,
                                .sync = store_sync,
                                .reserve = store_reserve,
                                .roll = store_roll};
}
