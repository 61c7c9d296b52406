/* shell/logthread_testing.h - for tests: a log thread over a disk that is held by semaphores. */
#ifndef PDK_SHELL_LOGTHREAD_TESTING_H
#define PDK_SHELL_LOGTHREAD_TESTING_H

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shell/clock.h"
#include "shell/logthread.h"
#include "shell/loop.h"

/* A disk that a test holds by semaphores: each sync waits for `go` when `gated`. */
struct disk {
    pthread_mutex_t lock;
    char did[8192]; /* "A1-3 S R " */
    size_t did_len;
    enum pdk_err append_err, sync_err, reserve_err, operate_err;
    bool gated;
    sem_t go, syncing, refused;
    pdk_zxid last; /* appended; log thread's own */
};

static inline void did(struct disk *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)pthread_mutex_lock(&d->lock);
    int n = vsnprintf(d->did + d->did_len, sizeof d->did - d->did_len, format, args);
    if (n > 0) d->did_len += (size_t)n;
    (void)pthread_mutex_unlock(&d->lock);
    va_end(args);
}

static inline enum pdk_err get_err(struct disk *d, const enum pdk_err *err)
{
    (void)pthread_mutex_lock(&d->lock);
    enum pdk_err now = *err;
    (void)pthread_mutex_unlock(&d->lock);
    return now;
}

static inline void set_err(struct disk *d, enum pdk_err *err, enum pdk_err value)
{
    (void)pthread_mutex_lock(&d->lock);
    *err = value;
    (void)pthread_mutex_unlock(&d->lock);
}

static inline enum pdk_err on_append(void *ctx, const struct pdk_log_piece *pieces, size_t count,
                                     struct pdk_diag *diag)
{
    struct disk *d = ctx;
    for (size_t i = 0; i < count; i++) did(d, "A%d-%d ", (int)pieces[i].first, (int)pieces[i].last);
    enum pdk_err err = get_err(d, &d->append_err);
    if (err != PDK_OK) pdk_diag_set(diag, "append is broken");
    return err;
}

static inline enum pdk_err on_sync(void *ctx, struct pdk_diag *diag)
{
    struct disk *d = ctx;
    if (d->gated) {
        (void)sem_post(&d->syncing);
        (void)sem_wait(&d->go);
    }
    did(d, "S ");
    enum pdk_err err = get_err(d, &d->sync_err);
    if (err != PDK_OK) pdk_diag_set(diag, "sync is broken");
    return err;
}

static inline enum pdk_err on_reserve(void *ctx, struct pdk_diag *diag)
{
    struct disk *d = ctx;
    enum pdk_err err = get_err(d, &d->reserve_err);
    if (err != PDK_OK) {
        pdk_diag_set(diag, "reserve says %s", pdk_err_name(err));
        (void)sem_post(&d->refused);
    }
    return err;
}

static inline void on_roll(void *ctx) { did(ctx, "R "); }

/* Notes the operation's kind and number; waits for `go` when gated. */
static inline enum pdk_err on_operate(void *ctx, struct pdk_log_op *op, struct pdk_diag *diag)
{
    struct disk *d = ctx;
    if (d->gated) {
        (void)sem_post(&d->syncing);
        (void)sem_wait(&d->go);
    }
    if (op->kind == PDK_LOG_OP_SPOOL_ADD)
        did(d, "O%d:%.*s ", (int)op->kind, (int)op->bytes.len, (const char *)op->bytes.bytes);
    else
        did(d, "O%d:%d ", (int)op->kind, (int)op->zxid);
    op->err = get_err(d, &d->operate_err);
    if (op->err == PDK_EIO) pdk_diag_set(diag, "the operation is broken");
    return op->err == PDK_EIO ? PDK_EIO : PDK_OK;
}

struct fixture {
    struct disk disk;
    struct pdk_logthread_config config;
    struct pdk_logthread *lt;
    struct pdk_loop *loop;
    struct pdk_source source;
    struct pdk_log_report report; /* all that was taken, added up */
    char ops[512];                /* "kind:zxid " of those that have come back */
    pdk_zxid durable_at_op;       /* what was known to be durable when the last of them came */
    struct pdk_log log;
    char lines[2048];
    uint8_t bytes[4096]; /* pieces lie here */
    size_t used;
};

static inline void on_ready(struct pdk_source *self, uint32_t events)
{
    (void)events;
    struct fixture *f = PDK_CONTAINER_OF(self, struct fixture, source);
    struct pdk_log_report r;
    pdk_logthread_take(f->lt, &r);
    if (r.durable) {
        assert_true(r.zxid > f->report.zxid);
        f->report.durable = true;
        f->report.zxid = r.zxid;
    }
    if (r.space_changed) {
        f->report.space_changed = true;
        f->report.has_space = r.has_space;
    }
    if (r.failed) {
        f->report.failed = true;
        f->report.diag = r.diag;
    }
    struct pdk_log_op *op;
    while ((op = pdk_logthread_done(f->lt)) != NULL) {
        size_t len = strlen(f->ops);
        (void)snprintf(f->ops + len, sizeof f->ops - len, "%d:%d ", (int)op->kind, (int)op->zxid);
        f->durable_at_op = f->report.zxid;
        pdk_logthread_op_free(f->lt, op);
    }
    pdk_summary_merge(&f->report.sync_ms, &r.sync_ms);
    pdk_summary_merge(&f->report.batch_size, &r.batch_size);
}

static inline void on_line(void *ctx, enum pdk_log_level level, const char *text)
{
    (void)level;
    struct fixture *f = ctx;
    (void)pthread_mutex_lock(&f->disk.lock);
    strncat(f->lines, text, sizeof f->lines - strlen(f->lines) - 1);
    (void)pthread_mutex_unlock(&f->disk.lock);
}

static inline struct fixture *create(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(pthread_mutex_init(&f->disk.lock, NULL), 0);
    assert_int_equal(sem_init(&f->disk.go, 0, 0), 0);
    assert_int_equal(sem_init(&f->disk.syncing, 0, 0), 0);
    assert_int_equal(sem_init(&f->disk.refused, 0, 0), 0);
    f->log = (struct pdk_log){.ctx = f, .level = PDK_LOG_DEBUG, .line = on_line};
    f->config = (struct pdk_logthread_config){.mem = pdk_mem_heap(),
                                              .log = &f->log,
                                              .ops = {.ctx = &f->disk,
                                                      .append = on_append,
                                                      .sync = on_sync,
                                                      .reserve = on_reserve,
                                                      .roll = on_roll,
                                                      .operate = on_operate,
                                                      .operate_ctx = &f->disk},
                                              .max_batch_size = 1000,
                                              .retry_ms = 1};
    return f;
}

static inline void start(struct fixture *f)
{
    f->lt = pdk_logthread_start(&f->config);
    assert_non_null(f->lt);
    f->loop = pdk_loop_create(pdk_mem_heap());
    assert_non_null(f->loop);
    f->source.ready = on_ready;
    assert_int_equal(pdk_loop_add(f->loop, pdk_logthread_fd(f->lt), EPOLLIN | EPOLLET, &f->source),
                     PDK_OK);
}

static inline void destroy(struct fixture *f)
{
    pdk_logthread_stop(f->lt);
    pdk_loop_destroy(f->loop);
    (void)sem_destroy(&f->disk.go);
    (void)sem_destroy(&f->disk.syncing);
    (void)sem_destroy(&f->disk.refused);
    (void)pthread_mutex_destroy(&f->disk.lock);
    free(f);
}

/* Pieces of one record each lie one byte apart unless `joined`. */
static inline void append(struct fixture *f, pdk_zxid zxid, bool joined)
{
    if (!joined) f->used++;
    struct pdk_log_piece piece = {
        .bytes = f->bytes + f->used, .len = 1, .first = zxid, .last = zxid, .records = 1};
    f->used++;
    pdk_logthread_append(f->lt, &piece);
}

static inline void wait_once(struct fixture *f)
{
    /* Ten seconds are for ever: only a lost wake-up lets them pass. */
    assert_true(pdk_loop_wait(f->loop, 10000) > 0);
    pdk_loop_tell(f->loop);
}

static inline void wait_durable(struct fixture *f, pdk_zxid zxid)
{
    while (f->report.zxid < zxid) wait_once(f);
}

static inline void expect_did(struct fixture *f, const char *want)
{
    (void)pthread_mutex_lock(&f->disk.lock);
    char got[sizeof f->disk.did];
    memcpy(got, f->disk.did, sizeof got);
    (void)pthread_mutex_unlock(&f->disk.lock);
    assert_string_equal(got, want);
}

#endif
