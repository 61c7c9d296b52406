#include "shell/background.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shell/clock.h"

/* A tenth of a busy core's share against the core thread: low, but no view lives for ever. */
#define NICE 10
/* From linux/ioprio.h, which Debian 12's headers lack in part. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_IDLE (3 << 13)

struct pdk_background {
    const struct pdk_mem *mem;
    const struct pdk_log *log;
    struct pdk_background_ops ops;
    pthread_t thread;
    int event_fd;
    atomic_bool cancelled, pausing;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct pdk_snapshot_job *job; /* queued */
    bool purge;                   /* queued */
    bool busy, stopping, paused;
    bool has_done;
    struct pdk_background_done done;
};

static bool is_cancelled(void *ctx)
{
    struct pdk_background *b = ctx;
    return atomic_load_explicit(&b->cancelled, memory_order_relaxed) ||
           atomic_load_explicit(&b->pausing, memory_order_relaxed);
}

static void lower_priority(void)
{
    /* Threads have priorities of their own on Linux; both calls may be forbidden, and then the work
     * is done at the usual priority. */
    pid_t tid = (pid_t)syscall(SYS_gettid);
    (void)setpriority(PRIO_PROCESS, (id_t)tid, NICE);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, IOPRIO_CLASS_IDLE);
}

static void do_snapshot(struct pdk_background *b, struct pdk_snapshot_job *job)
{
    struct pdk_background_done done = {.job = job};
    int64_t start_us = pdk_clock_us();
    if (is_cancelled(b)) {
        done.result = (struct pdk_snapshot_result){.err = PDK_EBUSY, .zxid = job->zxid};
        pdk_diag_set(&done.result.diag, "stopped");
    } else {
        b->ops.snapshot(b->ops.ctx, job, is_cancelled, b, &done.result);
    }
    done.took_ms = (pdk_clock_us() - start_us) / 1000;
    (void)pthread_mutex_lock(&b->lock);
    PDK_ASSERT(!b->has_done);
    b->done = done;
    b->has_done = true;
    (void)pthread_mutex_unlock(&b->lock);
    const uint64_t one = 1;
    ssize_t n = write(b->event_fd, &one, sizeof one);
    PDK_ASSERT(n == (ssize_t)sizeof one);
}

static void do_purge(struct pdk_background *b)
{
    struct pdk_diag diag = {0};
    enum pdk_err err = b->ops.purge(b->ops.ctx, &diag);
    if (err != PDK_OK)
        pdk_log_write(b->log, PDK_LOG_WARN,
                      "purge.failed why=\"%s\": tried again at the next interval", diag.text);
}

static void *run(void *arg)
{
    struct pdk_background *b = arg;
    (void)pthread_setname_np(pthread_self(), "paddock-back");
    lower_priority();
    (void)pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        struct pdk_snapshot_job *job = b->job;
        bool purge = job == NULL && b->purge && !b->paused;
        if (job == NULL && !purge) {
            b->busy = false;
            (void)pthread_cond_broadcast(&b->changed);
            (void)pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        b->busy = true;
        b->job = NULL;
        if (purge) b->purge = false;
        (void)pthread_mutex_unlock(&b->lock);
        if (job != NULL)
            do_snapshot(b, job);
        else
            do_purge(b);
        (void)pthread_mutex_lock(&b->lock);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

struct pdk_background *pdk_background_start(const struct pdk_mem *mem, const struct pdk_log *log,
                                            const struct pdk_background_ops *ops)
{
    struct pdk_background *b = pdk_mem_try_zero(mem, 1, sizeof *b);
    if (b == NULL) return NULL;
    b->mem = mem;
    b->log = log;
    b->ops = *ops;
    atomic_init(&b->cancelled, false);
    atomic_init(&b->pausing, false);
    b->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->event_fd < 0) goto free_it;
    if (pthread_mutex_init(&b->lock, NULL) != 0) goto close_fd;
    if (pthread_cond_init(&b->changed, NULL) != 0) goto destroy_lock;
    if (pthread_create(&b->thread, NULL, run, b) == 0) return b;

    (void)pthread_cond_destroy(&b->changed);
destroy_lock:
    (void)pthread_mutex_destroy(&b->lock);
close_fd:
    (void)close(b->event_fd);
free_it:
    pdk_mem_free(mem, b);
    return NULL;
}

void pdk_background_cancel(struct pdk_background *b)
{
    atomic_store_explicit(&b->cancelled, true, memory_order_relaxed);
    (void)pthread_mutex_lock(&b->lock);
    b->purge = false;
    while (b->busy || b->job != NULL) (void)pthread_cond_wait(&b->changed, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

void pdk_background_pause(struct pdk_background *b)
{
    atomic_store_explicit(&b->pausing, true, memory_order_relaxed);
    (void)pthread_mutex_lock(&b->lock);
    b->paused = true;
    while (b->busy || b->job != NULL) (void)pthread_cond_wait(&b->changed, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

void pdk_background_resume(struct pdk_background *b)
{
    (void)pthread_mutex_lock(&b->lock);
    b->paused = false;
    atomic_store_explicit(&b->pausing, false, memory_order_relaxed);
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

void pdk_background_stop(struct pdk_background *b)
{
    if (b == NULL) return;
    (void)pthread_mutex_lock(&b->lock);
    b->stopping = true;
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_join(b->thread, NULL);
    (void)pthread_cond_destroy(&b->changed);
    (void)pthread_mutex_destroy(&b->lock);
    (void)close(b->event_fd);
    pdk_mem_free(b->mem, b);
}

void pdk_background_snapshot(struct pdk_background *b, struct pdk_snapshot_job *job)
{
    (void)pthread_mutex_lock(&b->lock);
    PDK_ASSERT(b->job == NULL);
    b->job = job;
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

void pdk_background_purge(struct pdk_background *b)
{
    (void)pthread_mutex_lock(&b->lock);
    b->purge = true;
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

int pdk_background_fd(const struct pdk_background *b) { return b->event_fd; }

bool pdk_background_take(struct pdk_background *b, struct pdk_background_done *done)
{
    (void)pthread_mutex_lock(&b->lock);
    bool has = b->has_done;
    if (has) *done = b->done;
    b->has_done = false;
    (void)pthread_mutex_unlock(&b->lock);
    return has;
}
