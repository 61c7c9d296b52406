#include <inttypes.h>
#include <string.h>

#include "sim/server_internal.h"

/* While a sync takes long, how often the node hears of it. */
#define SLOW_SYNC_US (50 * PDK_SIM_MS)

/* ---- workers --------------------------------------------------------------------------------- */

static void resume(void *ctx, uint64_t life, uint64_t number);

static void plan(struct pdk_worker *w, int64_t in_us)
{
    struct pdk_simserver *s = w->server;
    pdk_world_in(s->world, in_us, resume, s, s->life, w->number);
}

static void resume(void *ctx, uint64_t life, uint64_t number)
{
    struct pdk_simserver *s = ctx;
    if (s->life != life || s->state != PDK_SIMSERVER_UP || s->dying) return;
    struct pdk_worker *w = s->workers[number];
    if (s->paused) {
        plan(w, PDK_SIM_MS);
        return;
    }
    s->running = w;
    bool goes_on = pdk_fiber_resume(w->fiber);
    s->running = NULL;
    if (goes_on) return;
    pdk_fiber_destroy(w->fiber);
    pdk_buf_deinit(&w->text);
    pdk_mem_free(s->mem, w);
    s->workers[number] = NULL;
}

void pdk_server_sleep(struct pdk_worker *w, int64_t us)
{
    plan(w, us);
    pdk_fiber_yield(w->fiber);
}

static void park(struct pdk_worker *w)
{
    w->parked = true;
    pdk_fiber_yield(w->fiber);
}

static void run_worker(void *ctx)
{
    struct pdk_worker *w = ctx;
    w->run(w);
}

struct pdk_worker *pdk_server_worker(struct pdk_simserver *s, const char *name,
                                     void (*run)(struct pdk_worker *w))
{
    size_t i = 0;
    while (i < s->worker_count && s->workers[i] != NULL) i++;
    if (i == s->worker_count) {
        if (s->worker_count == s->worker_cap) {
            s->worker_cap = s->worker_cap > 0 ? s->worker_cap * 2 : 8;
            s->workers = pdk_mem_must_resize(s->mem, s->workers,
                                             s->worker_cap * sizeof(struct pdk_worker *));
        }
        s->worker_count++;
    }
    struct pdk_worker *w = pdk_mem_must_zero(s->mem, 1, sizeof *w);
    w->server = s;
    w->number = (uint32_t)i;
    w->name = name;
    w->run = run;
    pdk_buf_init(&w->text, s->mem, SIZE_MAX);
    w->fiber = pdk_fiber_create(&s->fibers, run_worker, w);
    s->workers[i] = w;
    return w;
}

void pdk_server_worker_start(struct pdk_worker *w)
{
    plan(w, (int64_t)pdk_world_below(w->server->world, 200));
}

void pdk_server_workers_free(struct pdk_simserver *s)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        struct pdk_worker *w = s->workers[i];
        if (w == NULL) continue;
        pdk_fiber_destroy(w->fiber);
        pdk_buf_deinit(&w->text);
        pdk_mem_free(s->mem, w);
    }
    pdk_mem_free(s->mem, s->workers);
    s->workers = NULL;
    s->worker_count = s->worker_cap = 0;
    s->log_worker = NULL;
}

/* ---- the disk's pace ------------------------------------------------------------------------- */

static const struct pdk_vfs *below(const struct pdk_simserver *s) { return pdk_disk_vfs(s->disk); }

/* Every call of the disk takes its time, on workers. */
static void before_call(struct pdk_simserver *s)
{
    if (s->running == NULL) return;
    int64_t most = s->swarm->pace.call_max_us;
    pdk_server_sleep(s->running, (int64_t)pdk_world_below(s->world, (uint64_t)most + 1));
}

/* A disk that has stopped takes its process with it; the worker stays where it is. */
static enum pdk_err after_call(struct pdk_simserver *s, enum pdk_err err)
{
    if (!pdk_disk_stopped(s->disk) || s->running == NULL) return err;
    pdk_server_fatal(s, "the disk has stopped");
    for (;;) pdk_fiber_yield(s->running->fiber);
}

static int64_t draw_sync(struct pdk_simserver *s)
{
    const struct pdk_disk_pace *p = &s->swarm->pace;
    int64_t us = pdk_world_between(s->world, p->sync_min_us, p->sync_max_us);
    if (p->slow_one_in > 0 && pdk_world_one_in(s->world, p->slow_one_in))
        us = pdk_world_between(s->world, p->sync_max_us, p->slow_max_us);
    if (s->world->now_us < s->slow_until_us) us += s->slow_sync_us;
    return us;
}

static void before_sync(struct pdk_simserver *s)
{
    struct pdk_worker *w = s->running;
    if (w == NULL) return;
    int64_t took = 0;
    for (int64_t left = draw_sync(s); left > 0;) {
        int64_t some = left < SLOW_SYNC_US ? left : SLOW_SYNC_US;
        pdk_server_sleep(w, some);
        left -= some;
        took += some;
        if (w == s->log_worker && s->config.members != NULL && took >= SLOW_SYNC_US)
            pdk_server_news_input(
                s, &(struct pdk_input){.kind = PDK_IN_SYNC_SLOW, .size_bytes = took / PDK_SIM_MS});
    }
}

static enum pdk_err timed_open(void *ctx, const char *path, enum pdk_vfs_open how, int *file,
                               struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->open(below(ctx)->ctx, path, how, file, why));
}
static void timed_close(void *ctx, int file) { below(ctx)->close(below(ctx)->ctx, file); }
static enum pdk_err timed_pread(void *ctx, int file, void *bytes, size_t len, int64_t offset,
                                size_t *got, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->pread(below(ctx)->ctx, file, bytes, len, offset, got, why));
}
static enum pdk_err timed_pwrite(void *ctx, int file, const struct pdk_vfs_piece *pieces,
                                 size_t count, int64_t offset, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->pwrite(below(ctx)->ctx, file, pieces, count, offset, why));
}
static enum pdk_err timed_size(void *ctx, int file, int64_t *size_bytes, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->size(below(ctx)->ctx, file, size_bytes, why));
}
static enum pdk_err timed_truncate(void *ctx, int file, int64_t size_bytes, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->truncate(below(ctx)->ctx, file, size_bytes, why));
}
static enum pdk_err timed_reserve(void *ctx, int file, int64_t offset, int64_t len, bool keep_size,
                                  struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->reserve(below(ctx)->ctx, file, offset, len, keep_size, why));
}
static enum pdk_err timed_sync(void *ctx, int file, struct pdk_vfs_why *why)
{
    before_sync(ctx);
    return after_call(ctx, below(ctx)->sync(below(ctx)->ctx, file, why));
}
static void timed_writeback(void *ctx, int file, int64_t offset, int64_t len)
{
    (void)file, (void)offset, (void)len;
    before_call(ctx);
}
static enum pdk_err timed_lock(void *ctx, const char *path, int *file, struct pdk_vfs_why *why)
{
    return after_call(ctx, below(ctx)->lock(below(ctx)->ctx, path, file, why));
}
static enum pdk_err timed_rename(void *ctx, const char *from, const char *to,
                                 struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->rename(below(ctx)->ctx, from, to, why));
}
static enum pdk_err timed_unlink(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->unlink(below(ctx)->ctx, path, why));
}
static enum pdk_err timed_mkdir(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->mkdir(below(ctx)->ctx, path, why));
}
static enum pdk_err timed_sync_dir(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    before_sync(ctx);
    return after_call(ctx, below(ctx)->sync_dir(below(ctx)->ctx, path, why));
}
static enum pdk_err timed_list(void *ctx, const char *path,
                               void (*each)(void *each_ctx, const struct pdk_vfs_entry *entry),
                               void *each_ctx, struct pdk_vfs_why *why)
{
    before_call(ctx);
    return after_call(ctx, below(ctx)->list(below(ctx)->ctx, path, each, each_ctx, why));
}
static enum pdk_err timed_same(void *ctx, const char *a, const char *b, bool *same,
                               struct pdk_vfs_why *why)
{
    return after_call(ctx, below(ctx)->same(below(ctx)->ctx, a, b, same, why));
}

void pdk_server_disk_init(struct pdk_simserver *s)
{
    s->vfs = (struct pdk_vfs){
        .ctx = s,
        .open = timed_open,
        .close = timed_close,
        .pread = timed_pread,
        .pwrite = timed_pwrite,
        .size = timed_size,
        .truncate = timed_truncate,
        .reserve = timed_reserve,
        .datasync = timed_sync,
        .sync = timed_sync,
        .writeback = timed_writeback,
        .lock = timed_lock,
        .rename = timed_rename,
        .unlink = timed_unlink,
        .mkdir = timed_mkdir,
        .sync_dir = timed_sync_dir,
        .list = timed_list,
        .same = timed_same,
    };
    pdk_disk_put_dir(s->disk, "/data");
    pdk_disk_put_dir(s->disk, "/log");
}

/* ---- background ------------------------------------------------------------------------------ */

static void tell_snapshot(struct pdk_simserver *s, struct pdk_snapshot_job *job)
{
    struct pdk_snapshot_result result;
    pdk_snapshot_write(s->store, job, NULL, NULL, &result);
    if (result.err != PDK_OK) {
        if (!pdk_disk_stopped(s->disk))
            pdk_world_fail(s->world, "server %u cannot write a snapshot: %s", s->sid,
                           result.diag.text);
        pdk_server_fatal(s, "a snapshot failed");
    }
    pdk_server_news_input(s, &(struct pdk_input){.kind = PDK_IN_SNAPSHOT_DONE,
                                                 .job = job,
                                                 .err = result.err,
                                                 .size_bytes = result.size_bytes});
}

static void run_snapshot(struct pdk_worker *w)
{
    tell_snapshot(w->server, w->job);
    w->server->background--;
}

static void start_snapshot(struct pdk_simserver *s, struct pdk_snapshot_job *job)
{
    pdk_judge_view(s->judge, s->sid, job->zxid, false);
    if (s->snapshot_first) {
        s->snapshot_first = false;
        tell_snapshot(s, job);
        return;
    }
    struct pdk_worker *w = pdk_server_worker(s, "snapshot", run_snapshot);
    w->job = job;
    s->background++;
    pdk_server_worker_start(w);
}

static void run_purge(struct pdk_worker *w)
{
    struct pdk_simserver *s = w->server;
    struct pdk_diag diag = {0};
    enum pdk_err err = pdk_store_purge(&s->store_config, &s->vfs, 3, NULL, NULL, &diag);
    if (err != PDK_OK) pdk_world_trace(s->world, "s%u purge: %s", s->sid, diag.text);
    s->background--;
}

void pdk_server_purge(struct pdk_simserver *s)
{
    if (s->background > 0) return; /* there is one background thread */
    s->background++;
    pdk_server_worker_start(pdk_server_worker(s, "purge", run_purge));
}

/* ---- the log thread -------------------------------------------------------------------------- */

static struct pdk_log_work *enqueue(struct pdk_simserver *s, enum pdk_effect_kind kind)
{
    if (s->queue_first + s->queue_count == s->queue_cap) {
        if (s->queue_count > 0)
            memmove(s->queue, s->queue + s->queue_first, s->queue_count * sizeof *s->queue);
        s->queue_first = 0;
        if (s->queue_count == s->queue_cap) {
            s->queue_cap = s->queue_cap > 0 ? s->queue_cap * 2 : 32;
            s->queue = pdk_mem_must_resize(s->mem, s->queue, s->queue_cap * sizeof *s->queue);
        }
    }
    struct pdk_log_work *work = &s->queue[s->queue_first + s->queue_count++];
    *work = (struct pdk_log_work){.kind = kind};
    if (s->log_worker->parked) {
        s->log_worker->parked = false;
        pdk_server_worker_start(s->log_worker);
    }
    return work;
}

void pdk_server_disk_effect(struct pdk_simserver *s, const struct pdk_effect *e)
{
    struct pdk_hist *history = NULL;
    switch (e->kind) {
    case PDK_OUT_SNAPSHOT: start_snapshot(s, e->job); return;
    case PDK_OUT_APPEND: history = pdk_judge_logged(s->judge, s->sid, &e->piece); break;
    case PDK_OUT_TRUNCATE:
        pdk_judge_truncate(s->judge, s->sid, e->zxid);
        s->loading = true;
        break;
    case PDK_OUT_SPOOL_BEGIN: pdk_judge_spool(s->judge, s->sid, s->feeding, e->zxid); break;
    case PDK_OUT_SPOOL_INSTALL:
        pdk_judge_install(s->judge, s->sid);
        s->loading = true;
        break;
    case PDK_OUT_ROLL:
    case PDK_OUT_STORE_EPOCH:
    case PDK_OUT_SPOOL_ADD:
    case PDK_OUT_SPOOL_ABANDON: break;
    default: PDK_UNREACHABLE();
    }
    struct pdk_log_work *work = enqueue(s, e->kind);
    work->piece = e->piece;
    work->history = history;
    work->zxid = e->zxid;
    work->epoch = e->epoch;
    work->flag = e->flag;
    if (e->sink != NULL) work->sink = *e->sink;
    if (e->kind == PDK_OUT_SPOOL_ADD && e->bytes.len > 0) {
        work->bytes = pdk_mem_must(s->mem, e->bytes.len);
        work->len = e->bytes.len;
        memcpy(work->bytes, e->bytes.bytes, e->bytes.len);
        s->spool_waiting += e->bytes.len;
    }
}

/* What the log thread has appended and not yet synced. */
struct log_state {
    struct pdk_simserver *s;
    bool unsynced;
    pdk_zxid last;
    struct pdk_hist *history;
    struct pdk_diag diag;
};

/* The process ends: the worker stays here. */
static void fail(struct log_state *l, const char *what)
{
    struct pdk_simserver *s = l->s;
    if (!pdk_disk_stopped(s->disk))
        pdk_world_fail(s->world, "server %u: %s fails: %s", s->sid, what, l->diag.text);
    pdk_server_fatal(s, what);
    for (;;) pdk_fiber_yield(s->running->fiber);
}

static void tell_space(struct pdk_simserver *s, bool has_space)
{
    if (s->has_space == has_space) return;
    s->has_space = has_space;
    pdk_server_news_input(s, &(struct pdk_input){.kind = PDK_IN_LOG_SPACE, .flag = has_space});
}

static void flush(struct log_state *l)
{
    struct pdk_simserver *s = l->s;
    if (!l->unsynced) return;
    if (pdk_store_sync(s->store, &l->diag) != PDK_OK) fail(l, "sync");
    l->unsynced = false;
    pdk_judge_durable(s->judge, s->sid, l->history);
    pdk_server_news_input(s, &(struct pdk_input){.kind = PDK_IN_LOG_DURABLE, .zxid = l->last});
    enum pdk_err err = pdk_store_reserve(s->store, &l->diag);
    if (err != PDK_OK && err != PDK_ENOSPC) fail(l, "reserve");
    tell_space(s, err == PDK_OK);
}

static struct pdk_log_work take_work(struct pdk_simserver *s)
{
    struct pdk_log_work work = s->queue[s->queue_first];
    s->queue_first = --s->queue_count == 0 ? 0 : s->queue_first + 1;
    return work;
}

/* As many pieces as have gathered, up to a draw. */
static void append(struct log_state *l, const struct pdk_log_work *first)
{
    struct pdk_simserver *s = l->s;
    struct pdk_log_piece pieces[16];
    size_t count = 0, most = 1 + (size_t)pdk_world_below(s->world, PDK_COUNT_OF(pieces));
    struct pdk_log_work work = *first;
    for (;;) {
        pieces[count++] = work.piece;
        l->last = work.piece.last;
        l->history = work.history;
        if (count == most || s->queue_count == 0 || s->queue[s->queue_first].kind != PDK_OUT_APPEND)
            break;
        work = take_work(s);
    }
    l->unsynced = true;
    if (pdk_store_append(s->store, pieces, count, &l->diag) != PDK_OK) fail(l, "append");
}

static void store_epoch(struct log_state *l, const struct pdk_log_work *work)
{
    struct pdk_simserver *s = l->s;
    if (pdk_store_write_epoch(s->store, work->epoch, work->flag, &l->diag) != PDK_OK)
        fail(l, "storing an epoch");
    if (work->flag)
        s->current_epoch = work->epoch;
    else
        s->accepted_epoch = work->epoch;
    pdk_judge_epochs(s->judge, s->sid, s->current_epoch, s->accepted_epoch);
    pdk_server_news_input(
        s, &(struct pdk_input){.kind = PDK_IN_STORED, .epoch = work->epoch, .flag = work->flag});
}

/* The disk has another history now: the tree is built anew. */
static void load(struct log_state *l, const struct pdk_log_work *work, enum pdk_err err)
{
    struct pdk_simserver *s = l->s;
    struct pdk_recovery recovery = {0};
    bool replaced = err == PDK_OK;
    if (replaced) {
        struct pdk_recover_sink sink = pdk_judge_sink(s->judge, s->sid, &work->sink);
        err = pdk_store_recover(s->store, &sink, &recovery, &l->diag);
    }
    pdk_judge_replaced(s->judge, s->sid, replaced && err == PDK_OK);
    if (err != PDK_OK && err != PDK_ENOENT)
        pdk_world_fail(s->world, "server %u cannot load what it was given: %s", s->sid,
                       l->diag.text);
    pdk_server_news_input(
        s, &(struct pdk_input){.kind = PDK_IN_LOADED, .err = err, .recovery = &recovery});
}

static void spool(struct log_state *l, const struct pdk_log_work *work)
{
    struct pdk_simserver *s = l->s;
    switch (work->kind) {
    case PDK_OUT_SPOOL_BEGIN:
        s->spool_err = pdk_store_spool_begin(s->store, work->zxid, &l->diag);
        return;
    case PDK_OUT_SPOOL_ADD:
        if (s->spool_err == PDK_OK)
            s->spool_err =
                pdk_store_spool_add(s->store, pdk_slice_of(work->bytes, work->len), &l->diag);
        s->spool_waiting -= work->len;
        pdk_mem_free(s->mem, work->bytes);
        /* Reading may go on. */
        (void)pdk_server_news(s, PDK_NEWS_READABLE);
        return;
    case PDK_OUT_SPOOL_ABANDON: pdk_store_spool_abandon(s->store); return;
    default:
        if (s->spool_err == PDK_OK) s->spool_err = pdk_store_spool_install(s->store, &l->diag);
        load(l, work, s->spool_err);
        return;
    }
}

static void do_work(struct log_state *l, const struct pdk_log_work *work)
{
    if (work->kind == PDK_OUT_APPEND) {
        append(l, work);
        return;
    }
    flush(l);
    switch (work->kind) {
    case PDK_OUT_ROLL: pdk_store_roll(l->s->store); return;
    case PDK_OUT_STORE_EPOCH: store_epoch(l, work); return;
    case PDK_OUT_TRUNCATE:
        load(l, work, pdk_store_truncate(l->s->store, work->zxid, &l->diag));
        return;
    default: spool(l, work); return;
    }
}

static void run_log_thread(struct pdk_worker *w)
{
    struct log_state l = {.s = w->server};
    for (;;) {
        if (w->server->queue_count == 0) {
            flush(&l);
            if (w->server->queue_count == 0) park(w);
            continue;
        }
        struct pdk_log_work work = take_work(w->server);
        do_work(&l, &work);
    }
}

void pdk_server_log_start(struct pdk_simserver *s)
{
    s->log_worker = pdk_server_worker(s, "log", run_log_thread);
    s->log_worker->parked = true;
}
