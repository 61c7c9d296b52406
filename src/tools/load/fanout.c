/* The mode `fanout`: all connections watch one znode; how long after a write has everybody heard?
 * And the mode `wait`: when is the first request answered? */
#include "proto/code.h"
#include "proto/event.h"
#include "proto/opcode.h"
#include "tools/load/pool.h"
#include "tools/load/report.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_ATTEMPT_MS 100

struct fanout {
    const struct pdk_load_settings *settings;
    struct pdk_load_pool watchers, writer;
    uint64_t events, replies;
    int64_t last_event_ns, written_ns;
    struct pdk_load_report report;
};

static void watcher_answers(void *ctx, struct pdk_load_conn *c,
                            const struct pdk_client_effect *effects, size_t count, int64_t now_ns)
{
    struct fanout *f = ctx;
    (void)c;
    for (size_t i = 0; i < count; i++) {
        if (effects[i].kind == PDK_CLIENT_OUT_EVENT) {
            f->events++;
            f->last_event_ns = now_ns;
        } else if (effects[i].kind == PDK_CLIENT_OUT_REPLY) {
            f->replies++;
            if (effects[i].code != PDK_CODE_OK) pdk_load_report_error(&f->report, effects[i].code);
        }
    }
}

static void writer_answers(void *ctx, struct pdk_load_conn *c,
                           const struct pdk_client_effect *effects, size_t count, int64_t now_ns)
{
    struct fanout *f = ctx;
    (void)c;
    for (size_t i = 0; i < count; i++) {
        if (effects[i].kind != PDK_CLIENT_OUT_REPLY) continue;
        f->written_ns = now_ns;
        bool fine = effects[i].code == PDK_CODE_OK || effects[i].code == PDK_CODE_NODE_EXISTS;
        if (!fine) pdk_load_report_error(&f->report, effects[i].code);
    }
}

static void nothing_to_do(void *ctx, struct pdk_load_conn *c, int64_t now_ns)
{
    (void)ctx;
    (void)c;
    (void)now_ns;
}

static struct pdk_slice node_path(const struct pdk_load_settings *s)
{
    return pdk_slice_of(s->prefix, s->prefix_len);
}

/* Everybody reads the znode and asks for its next change. */
static bool arm(struct fanout *f)
{
    int64_t give_up_ns = pdk_load_now_ns() + f->settings->patience_ns;
    f->replies = 0;
    for (uint32_t i = 0; i < f->watchers.count; i++) {
        struct pdk_load_conn *c = &f->watchers.conns[i];
        if (pdk_client_get_data(c->client, node_path(f->settings), PDK_CLIENT_WATCH, 0) != PDK_OK) {
            return false;
        }
        pdk_load_pool_flush(c, pdk_load_now_ns());
        if (i % 64 == 0) pdk_load_pool_turn(&f->watchers, 0);
    }
    while (f->replies < f->watchers.count && pdk_load_now_ns() < give_up_ns) {
        pdk_load_pool_turn(&f->watchers, give_up_ns);
    }
    return f->replies == f->watchers.count && f->watchers.lost == 0;
}

static bool write_and_hear(struct fanout *f)
{
    int64_t begin_ns = pdk_load_now_ns(), give_up_ns = begin_ns + f->settings->patience_ns;
    struct pdk_load_conn *c = &f->writer.conns[0];
    uint64_t wanted = f->events + f->watchers.count;
    if (pdk_client_set_data(c->client, node_path(f->settings), pdk_slice_of(NULL, 0), -1, 0) !=
        PDK_OK) {
        return false;
    }
    pdk_load_pool_flush(c, begin_ns);
    while (f->events < wanted && pdk_load_now_ns() < give_up_ns) {
        pdk_load_pool_turn(&f->watchers, give_up_ns);
    }
    int64_t heard_ns = f->last_event_ns;
    if (f->events < wanted || !pdk_load_pool_drain(&f->writer)) return false;
    f->report.answered++;
    pdk_percentiles_add(&f->report.latency_ns[PDK_LOAD_WRITES], (uint64_t)(heard_ns - begin_ns));
    return true;
}

static bool fan_out(struct fanout *f)
{
    const struct pdk_load_settings *s = f->settings;
    struct pdk_client_znode znode = {.path = node_path(s)};
    if (pdk_client_create_znode(f->writer.conns[0].client, &znode, 0) != PDK_OK) return false;
    pdk_load_pool_flush(&f->writer.conns[0], pdk_load_now_ns());
    if (!pdk_load_pool_drain(&f->writer)) return false;
    int64_t begin_ns = pdk_load_now_ns();
    double server_s = pdk_load_cpu_of(s->server_pid), self_s = pdk_load_cpu_of_self();
    uint64_t rounds = s->count > 0 ? s->count : 10;
    for (uint64_t i = 0; i < rounds; i++) {
        if (!arm(f) || !write_and_hear(f)) return false;
    }
    f->report.seconds = (double)(pdk_load_now_ns() - begin_ns) / 1e9;
    f->report.cpu_server_s = s->server_pid > 0 ? pdk_load_cpu_of(s->server_pid) - server_s : -1;
    f->report.cpu_self_s = pdk_load_cpu_of_self() - self_s;
    return pdk_load_report_errors(&f->report) == 0;
}

int pdk_load_fanout(const struct pdk_load_settings *s)
{
    struct fanout *f = calloc(1, sizeof *f);
    if (f == NULL) return 1;
    f->settings = s;
    struct pdk_load_handler watcher = {
        .ctx = f, .answers = watcher_answers, .ready = nothing_to_do};
    struct pdk_load_handler writer = {.ctx = f, .answers = writer_answers, .ready = nothing_to_do};
    bool ok = pdk_load_pool_init(&f->watchers, s, s->conns, watcher) &&
              pdk_load_pool_init(&f->writer, s, 1, writer) && pdk_load_pool_connect(&f->writer) &&
              pdk_load_pool_connect(&f->watchers) && fan_out(f);
    if (ok) {
        pdk_load_report_print(&f->report, s, "fanout");
    } else {
        fprintf(stderr,
                "paddock-load: not everybody heard of the change (%llu events, %llu lost)\n",
                (unsigned long long)f->events, (unsigned long long)f->watchers.lost);
    }
    pdk_load_pool_close(&f->writer);
    pdk_load_pool_close(&f->watchers);
    pdk_load_pool_deinit(&f->writer);
    pdk_load_pool_deinit(&f->watchers);
    free(f);
    return ok ? 0 : 1;
}

/* ---- wait -------------------------------------------------------------------------------- */

static void first_answer(void *ctx, struct pdk_load_conn *c,
                         const struct pdk_client_effect *effects, size_t count, int64_t now_ns)
{
    int64_t *answered_ns = ctx;
    (void)c;
    for (size_t i = 0; i < count; i++) {
        bool reply = effects[i].kind == PDK_CLIENT_OUT_REPLY;
        if (reply && effects[i].code == PDK_CODE_OK && *answered_ns == 0) *answered_ns = now_ns;
    }
}

static void ask(void *ctx, struct pdk_load_conn *c, int64_t now_ns)
{
    (void)ctx;
    (void)now_ns;
    struct pdk_slice root = pdk_slice_of("/", 1);
    if (pdk_client_pending(c->client) == 0) {
        /* A refusal only means that the next answer has to do. */
        enum pdk_err err = pdk_client_exists(c->client, root, PDK_CLIENT_NO_WATCH, 0);
        (void)err;
    }
}

int pdk_load_wait(const struct pdk_load_settings *settings)
{
    /* A session's timeout is that of an attempt, too.  A server that is starting may accept a
     * connection and forget it (Apache's does): the next attempt must come soon. */
    struct pdk_load_settings quick = *settings, *s = &quick;
    quick.session_timeout_ms = WAIT_ATTEMPT_MS;
    int64_t answered_ns = 0, give_up_ns = pdk_load_now_ns() + s->patience_ns;
    struct pdk_load_pool pool;
    struct pdk_load_handler handler = {.ctx = &answered_ns, .answers = first_answer, .ready = ask};
    bool ok = pdk_load_pool_init(&pool, s, 1, handler) && pdk_load_pool_connect(&pool);
    while (ok && answered_ns == 0) {
        pdk_load_pool_turn(&pool, give_up_ns);
        ok = pdk_load_now_ns() < give_up_ns;
    }
    if (ok) {
        printf(s->json ? "{\"mode\":\"wait\",\"answered_ns\":%lld}\n"
                       : "wait: first answer at %lld ns of the monotonic clock\n",
               (long long)answered_ns);
    }
    pdk_load_pool_deinit(&pool);
    return ok ? 0 : 1;
}
