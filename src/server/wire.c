#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/config_dynamic.h"
#include "server/wire_internal.h"
#include "server/words.h"
#include "shell/clock.h"
#include "shell/compress.h"
#include "shell/vfs_posix.h"

/* After the last reply: how long peers may take to close their side. */
#define LEAVE_MS 300
/* How long a leader that stops tries to hand over. */
#define HAND_OVER_MS 2000
/* How long a batch for the log may grow at most while the log thread is idle. */
#define GATHER_US 100
/* Without room for the log: how often to look for some. */
#define SPACE_RETRY_MS 1000

/* ---- the disk's side ----------------------------------------------------------------------- */
static void write_snapshot(void *ctx, const struct pdk_snapshot_job *job,
                           bool (*cancelled)(void *cancel_ctx), void *cancel_ctx,
                           struct pdk_snapshot_result *result)
{
    const struct server *s = ctx;
    pdk_snapshot_write(s->store, job, cancelled, cancel_ctx, result);
}

static void log_removed(void *ctx, const char *path)
{
    const struct server *s = ctx;
    pdk_log_write(s->log, PDK_LOG_INFO, "purge.removed file=%s", path);
}

static enum pdk_err purge(void *ctx, struct pdk_diag *diag)
{
    struct server *s = ctx;
    return pdk_store_purge(&s->store_config, s->vfs, s->config->purge_retain, log_removed, s, diag);
}

static void on_log(struct pdk_source *self, uint32_t events)
{
    (void)events;
    struct server *s = PDK_CONTAINER_OF(self, struct server, log_source);
    struct pdk_log_report report;
    pdk_logthread_take(s->logthread, &report);
    pdk_summary_merge(&s->metrics.fsynctime, &report.sync_ms);
    pdk_summary_merge(&s->metrics.sync_process_time, &report.append_ms);
    pdk_summary_merge(&s->metrics.sync_processor_batch_size, &report.batch_size);
    pdk_summary_merge(&s->metrics.sync_processor_queue_size, &report.queue_size);
    /* What is durable is durable, also when the next sync has failed. */
    if (report.durable)
        pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_LOG_DURABLE, .zxid = report.zxid});
    if (report.space_changed)
        pdk_server_input(s,
                         &(struct pdk_input){.kind = PDK_IN_LOG_SPACE, .flag = report.has_space});
    struct pdk_log_op *op;
    while ((op = pdk_logthread_done(s->logthread)) != NULL) {
        pdk_server_operated(s, op);
        pdk_logthread_op_free(s->logthread, op);
    }
    pdk_server_spooled(s);
    pdk_server_sync_took(s, (int64_t)report.sync_ms.max);
    if (!report.failed) return;
    pdk_log_write(
        s->log, PDK_LOG_ERROR,
        "log.failed why=\"%s\": stopping. What was acknowledged is on the disk; check the "
        "disk and the kernel's messages, then start again",
        report.diag.text);
    s->phase = PHASE_ENDED;
    s->exit_code = PDK_EXIT_DISK;
}

static void take_background(struct server *s)
{
    struct pdk_background_done done;
    while (pdk_background_take(s->background, &done)) {
        const struct pdk_snapshot_result *r = &done.result;
        s->snapshot_fault = r->err == PDK_OK ? (struct pdk_diag){0} : r->diag;
        if (r->err == PDK_OK) {
            pdk_summary_add(&s->metrics.snapshottime, (uint64_t)done.took_ms);
            pdk_log_write(s->log, PDK_LOG_INFO,
                          "snapshot.written zxid=0x%" PRIx64 " bytes=%" PRId64 " ms=%" PRId64,
                          (uint64_t)r->zxid, r->size_bytes, done.took_ms);
        } else if (r->err == PDK_EBUSY) {
            pdk_log_write(s->log, PDK_LOG_INFO, "snapshot.cancelled zxid=0x%" PRIx64,
                          (uint64_t)done.job->zxid);
        } else {
            s->metrics.snapshot_error_count++;
            pdk_log_write(s->log, PDK_LOG_ERROR,
                          "snapshot.failed zxid=0x%" PRIx64 " why=\"%s\": the log still has "
                          "everything; restarts take longer until a snapshot succeeds",
                          (uint64_t)done.job->zxid, r->diag.text);
        }
        pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_SNAPSHOT_DONE,
                                                .job = done.job,
                                                .err = r->err,
                                                .size_bytes = r->size_bytes});
    }
}

static void on_background(struct pdk_source *self, uint32_t events)
{
    (void)events;
    take_background(PDK_CONTAINER_OF(self, struct server, background_source));
}

/* ---- stopping ------------------------------------------------------------------------------ */
static void begin_draining(struct server *s, int signo)
{
    pdk_log_write(s->log, PDK_LOG_INFO, "server.stopping signal=%s connections=%zu",
                  sigabbrev_np(signo), pdk_conns_count(s->conns));
    pdk_server_retire_listener(s);
    pdk_conns_stop_reading(s->conns);
    s->phase = PHASE_DRAINING;
    s->phase_until_ms = s->now.mono_ms + s->config->shutdown_timeout_ms;
}

static bool has_heir(const struct server *s)
{
    struct pdk_learner_info_row row;
    for (size_t i = 0; pdk_node_learner(s->node, i, &row); i++) {
        if (row.is_voter && row.is_synced) return true;
    }
    return false;
}

/* Others need not find out that their leader has gone. */
static bool begin_handing(struct server *s)
{
    struct pdk_member_summary m;
    pdk_node_member(s->node, &m);
    if (m.role != PDK_ROLE_LEADING || !m.serves || !has_heir(s)) return false;
    s->phase = PHASE_HANDING;
    s->phase_until_ms = s->now.mono_ms + HAND_OVER_MS;
    pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_HAND_OVER, .sid = PDK_SID_NONE});
    return true;
}

static void hand(struct server *s)
{
    struct pdk_member_summary m;
    pdk_node_member(s->node, &m);
    if (m.role == PDK_ROLE_LEADING && s->now.mono_ms < s->phase_until_ms) return;
    begin_draining(s, s->stop_signal);
}

static void on_signal(struct pdk_source *self, uint32_t events)
{
    (void)events;
    struct server *s = PDK_CONTAINER_OF(self, struct server, signal_source);
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (s->phase != PHASE_SERVING) _exit(128 + (int)info.ssi_signo);
        s->stop_signal = (int)info.ssi_signo;
        if (!begin_handing(s)) begin_draining(s, s->stop_signal);
    }
}

/* A member goes on hearing of others' writes: only what its own clients wait for counts. */
static bool is_idle(const struct server *s)
{
    if (s->links == NULL) return pdk_node_idle(s->node);
    struct pdk_node_summary summary;
    pdk_node_summary(s->node, &summary);
    return summary.outstanding == 0;
}

static void drain(struct server *s)
{
    bool late = s->now.mono_ms >= s->phase_until_ms;
    if (s->phase == PHASE_DRAINING) {
        bool done = is_idle(s) && pdk_conns_unsent(s->conns) == 0;
        if (!done && !late) return;
        if (!done)
            pdk_log_write(s->log, PDK_LOG_WARN,
                          "server.stop_timeout ms=%" PRId32 " unsent_bytes=%zu: some clients did "
                          "not get their last replies (zookeeper.nio.shutdownTimeout)",
                          s->config->shutdown_timeout_ms, pdk_conns_unsent(s->conns));
        pdk_conns_close_all(s->conns);
        s->phase = PHASE_LEAVING;
        s->phase_until_ms = s->now.mono_ms + LEAVE_MS;
        late = false;
    }
    if (pdk_conns_count(s->conns) == 0 || late) s->phase = PHASE_ENDED;
}

/* ---- turns --------------------------------------------------------------------------------- */
/* Does the node still hear of time?  A member does to the end: others count on it. */
static bool is_running(const struct server *s)
{
    return s->phase == PHASE_SERVING || s->links != NULL;
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static int wait_ms(const struct server *s)
{
    int64_t due = pdk_conns_deadline(s->conns);
    if (is_running(s)) due = earlier(due, pdk_node_deadline(s->node));
    if (s->phase == PHASE_SERVING)
        due = earlier(due, s->next_purge_ms);
    else
        due = earlier(due, s->phase_until_ms);
    if (s->links != NULL) {
        due = earlier(due, pdk_links_deadline(s->links));
        due = earlier(due, pdk_server_sync_deadline(s));
    }
    if (due == INT64_MAX) return -1;
    int64_t left = due - s->now.mono_ms;
    if (left <= 0) return 0;
    return left > 60000 ? 60000 : (int)left;
}

static void look_at_clock(struct server *s)
{
    s->now = pdk_clock_now();
    pdk_conns_time(s->conns, s->now.mono_ms);
    if (s->links != NULL) pdk_links_time(s->links, s->now.mono_ms);
}

static void run_timers(struct server *s)
{
    if (is_running(s) && s->now.mono_ms >= pdk_node_deadline(s->node))
        pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_TICK});
    if (s->links != NULL) pdk_server_watch_sync(s);
    if (s->phase != PHASE_SERVING) return;
    if (s->now.mono_ms >= s->next_purge_ms) {
        s->next_purge_ms = s->now.mono_ms + s->config->purge_interval_ms;
        pdk_background_purge(s->background);
    }
    if (s->hand_over) {
        s->hand_over = false;
        pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_HAND_OVER, .sid = PDK_SID_NONE});
    }
}

/* While the log thread is idle a batch may still grow: requests that are here now, or come while we
 * look, are synced with it.  Clients that were answered together ask again almost together, and
 * without this the first of them would take a sync for itself. */
static void gather(struct server *s)
{
    int64_t until_us = 0;
    while (s->phase <= PHASE_HANDING && pdk_logthread_gathers(s->logthread)) {
        int64_t now_us = pdk_clock_us();
        if (until_us == 0) until_us = now_us + GATHER_US;
        if (now_us > until_us || pdk_loop_wait(s->loop, 0) == 0) return;
        look_at_clock(s);
        pdk_loop_tell(s->loop);
        pdk_conns_deliver(s->conns);
    }
}

static void turn(struct server *s)
{
    (void)pdk_loop_wait(s->loop, wait_ms(s));
    look_at_clock(s);
    pdk_loop_tell(s->loop);
    pdk_conns_deliver(s->conns);
    gather(s);
    if (s->phase == PHASE_ENDED) return;
    run_timers(s);
    if (s->links != NULL) pdk_links_turn(s->links);
    pdk_conns_turn(s->conns);
    pdk_server_close_retired(s);
    if (s->listener != NULL) pdk_listener_turn(s->listener, s->now.mono_ms);
    if (s->phase == PHASE_HANDING) hand(s);
    if (s->phase == PHASE_DRAINING || s->phase == PHASE_LEAVING) drain(s);
    pdk_logthread_commit(s->logthread);
}

/* ---- starting ------------------------------------------------------------------------------ */
static int fail(const struct server *s, const char *event, const struct pdk_diag *diag,
                int exit_code)
{
    pdk_log_write(s->log, PDK_LOG_ERROR, "%s why=\"%s\" exit=%d", event, diag->text, exit_code);
    return exit_code;
}

static int out_of_means(const struct server *s, const char *what)
{
    pdk_log_write(s->log, PDK_LOG_ERROR, "server.start_failed what=%s why=\"%s\" exit=%d", what,
                  strerror(errno), PDK_EXIT_UNEXPECTED);
    return PDK_EXIT_UNEXPECTED;
}

/* As many connections as the system allows. */
static void raise_file_limit(const struct server *s)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        pdk_log_write(s->log, PDK_LOG_WARN, "server.file_limit why=\"%s\"", strerror(errno));
}

static bool open_signals(struct server *s)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    /* Started by nohup: a hang-up stays ignored. */
    struct sigaction hup;
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
        (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return false;
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->signal_source.ready = on_signal;
    return s->signal_fd >= 0 &&
           pdk_loop_add(s->loop, s->signal_fd, EPOLLIN, &s->signal_source) == PDK_OK;
}

static int open_loop(struct server *s)
{
    uint64_t seed[3];
    pdk_entropy(seed, sizeof seed);
    pdk_prng_init(&s->prng, seed[2]);
    s->loop = pdk_loop_create(s->mem);
    if (s->loop == NULL || !open_signals(s)) return out_of_means(s, "loop");
    const struct pdk_conns_config config = {
        .mem = s->mem,
        .log = s->log,
        .seed = {.k0 = seed[0], .k1 = seed[1]},
        .frame_limit_bytes = s->config->node.frame_limit_bytes,
        .max_per_address = s->config->max_client_cnxns,
        .max_total = s->config->max_cnxns,
        .sessionless_timeout_ms = s->config->sessionless_timeout_ms,
        .out_queue_bytes = s->config->out_queue_bytes,
        .large_threshold = s->config->large_request_threshold,
        .large_max_bytes = s->config->large_request_max_bytes,
        .oversize_error = s->config->oversize == PDK_OVERSIZE_ERROR,
        .metrics = &s->metrics,
    };
    s->handler = pdk_server_handler(s);
    s->conns = pdk_conns_create(&config, s->loop, &s->handler);
    if (s->conns == NULL) return out_of_means(s, "connections");
    look_at_clock(s);
    const struct pdk_connection_throttle *t = &s->config->throttle;
    const struct pdk_throttle_config throttle = {
        .tokens = t->tokens,
        .fill_time_ms = t->fill_time_ms,
        .fill_count = t->fill_count,
        .freeze_time_ms = t->freeze_time_ms,
        .drop_increase = t->drop_increase,
        .drop_decrease = t->drop_decrease,
        .decrease_ratio = t->decrease_ratio,
    };
    pdk_throttle_init(&s->throttle, &throttle, s->now.mono_ms);
    return PDK_EXIT_OK;
}

static int open_store(struct server *s)
{
    struct pdk_diag diag = {0};
    s->vfs = pdk_vfs_posix();
    s->store_config = s->config->store;
    s->store_config.mem = s->mem;
    s->store_config.log = s->log;
    s->store_config.codecs = pdk_codecs_standard();
    if (pdk_store_open(&s->store_config, s->vfs, &s->store, &diag) != PDK_OK)
        return fail(s, "store.open_failed", &diag, PDK_EXIT_DATA_DIR);
    return PDK_EXIT_OK;
}

static enum pdk_err store_config(void *ctx, const struct pdk_members *members, bool in_force,
                                 struct pdk_diag *diag)
{
    const struct server *s = ctx;
    return pdk_config_store_members(s->config, members, in_force, diag);
}

static int start_threads(struct server *s)
{
    const struct pdk_background_ops ops = {.ctx = s, .snapshot = write_snapshot, .purge = purge};
    s->background = pdk_background_start(s->mem, s->log, &ops);
    if (s->background == NULL) return out_of_means(s, "threads");
    s->log_store.store = s->store;
    s->log_store.background = s->background;
    s->log_store.store_config = store_config;
    s->log_store.config_ctx = s;
    const struct pdk_logthread_config log_config = {
        .mem = s->mem,
        .log = s->log,
        .ops = pdk_log_ops_with(&s->log_store),
        .flush_delay_ms = s->config->flush_delay_ms,
        .max_batch_size = s->config->max_batch_size,
        .sync_warning_ms = s->config->fsync_warning_ms,
        .retry_ms = SPACE_RETRY_MS,
    };
    s->logthread = pdk_logthread_start(&log_config);
    if (s->logthread == NULL) return out_of_means(s, "threads");
    s->log_source.ready = on_log;
    s->background_source.ready = on_background;
    if (pdk_loop_add(s->loop, pdk_logthread_fd(s->logthread), EPOLLIN | EPOLLET, &s->log_source) !=
            PDK_OK ||
        pdk_loop_add(s->loop, pdk_background_fd(s->background), EPOLLIN | EPOLLET,
                     &s->background_source) != PDK_OK)
        return out_of_means(s, "loop");
    s->next_purge_ms = s->config->purge_interval_ms > 0 ? s->now.mono_ms : INT64_MAX;
    /* What the node's start left: log lines, a first snapshot. */
    pdk_server_carry_out(s);
    return PDK_EXIT_OK;
}

/* Logs without a snapshot do not open (disk-formats.md section 7): before the first write can be
 * acknowledged, the snapshot that it builds on must be on the disk. */
static int await_first_snapshot(struct server *s)
{
    while (pdk_node_snapshot_running(s->node)) {
        struct pollfd done = {.fd = pdk_background_fd(s->background), .events = POLLIN};
        (void)poll(&done, 1, -1);
        take_background(s);
    }
    if (s->snapshot_fault.text[0] == '\0') return PDK_EXIT_OK;
    return fail(s, "server.no_first_snapshot", &s->snapshot_fault, PDK_EXIT_DISK);
}

static int start(struct server *s)
{
    struct pdk_recovery recovery = {0};
    pdk_log_write(s->log, PDK_LOG_INFO, "server.starting version=%s config=%s",
                  pdk_version_number(), s->config->file != NULL ? s->config->file : "(built in)");
    raise_file_limit(s);
    int code = open_loop(s);
    if (code == PDK_EXIT_OK) code = open_store(s);
    if (code == PDK_EXIT_OK) code = pdk_server_build_node(s, &recovery);
    look_at_clock(s);
    if (code == PDK_EXIT_OK && !pdk_server_open_links(s)) code = out_of_means(s, "links");
    if (code == PDK_EXIT_OK) code = start_threads(s);
    if (code == PDK_EXIT_OK && !recovery.snapshot_loaded) code = await_first_snapshot(s);
    if (code == PDK_EXIT_OK) code = pdk_server_open_listener(s);
    return code;
}

/* Everything that was started, in reverse; any part may be missing. */
static void stop(struct server *s)
{
    pdk_listener_close(s->listener);
    pdk_server_close_retired(s);
    s->stopped = true;
    pdk_server_close_links(s);
    if (s->background != NULL) {
        pdk_background_cancel(s->background);
        take_background(s);
    }
    pdk_logthread_stop(s->logthread); /* may make the background thread pause */
    if (s->background != NULL) pdk_background_stop(s->background);
    /* From here on another process may take the folder, while a large tree is still being freed. */
    if (s->store != NULL) pdk_store_close(s->store);
    pdk_conns_destroy(s->conns);
    pdk_server_settle(s);
    pdk_node_destroy(s->node);
    if (s->signal_fd >= 0) (void)close(s->signal_fd);
    pdk_loop_destroy(s->loop);
}

int pdk_server_run(const struct pdk_config *config, const struct pdk_log *log)
{
    struct server *s = pdk_mem_must_zero(config->mem, 1, sizeof *s);
    s->config = config;
    s->log = log;
    s->mem = config->mem;
    s->signal_fd = -1;
    s->trace_mask = PDK_TRACE_MASK_DEFAULT;
    s->started_ms = pdk_clock_now().mono_ms;
    pdk_metrics_init(&s->metrics);

    s->exit_code = start(s);
    if (s->exit_code == PDK_EXIT_OK) {
        while (s->phase != PHASE_ENDED) turn(s);
    }
    stop(s);
    int code = s->exit_code;
    pdk_mem_free(config->mem, s);
    pdk_log_write(log, PDK_LOG_INFO, "server.stopped exit=%d", code);
    return code;
}
