/* The mode `run`: a mix of requests on many connections, as fast as it will go or at a rate. */
#include "base/prng.h"
#include "proto/code.h"
#include "proto/opcode.h"
#include "tools/load/pool.h"
#include "tools/load/report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    const struct pdk_load_settings *settings;
    pthread_barrier_t *together;
    _Atomic uint64_t *left; /* with a count: requests that may still be made */
    uint32_t index, conns;
    struct pdk_load_pool pool;
    struct pdk_prng prng;
    uint8_t *data;
    uint64_t created;
    bool running;                /* requests are made */
    int64_t begin_ns, end_ns;    /* of what is counted */
    int64_t due_ns, interval_ns; /* with a rate: of the next request */
    uint32_t turn;               /* with a rate: which connection comes next */
    bool failed;
    struct pdk_load_report report;
};

/* ---- answers ----------------------------------------------------------------------------- */

static void answers(void *ctx, struct pdk_load_conn *c, const struct pdk_client_effect *effects,
                    size_t count, int64_t now_ns)
{
    struct worker *w = ctx;
    (void)c;
    bool counts = now_ns >= w->begin_ns && now_ns < w->end_ns;
    for (size_t i = 0; counts && i < count; i++) {
        const struct pdk_client_effect *e = &effects[i];
        if (e->kind != PDK_CLIENT_OUT_REPLY) continue;
        w->report.answered++;
        enum pdk_load_class k = e->op == PDK_OP_GET_DATA ? PDK_LOAD_READS : PDK_LOAD_WRITES;
        pdk_percentiles_add(&w->report.latency_ns[k], (uint64_t)(now_ns - (int64_t)e->tag));
        if (e->code != PDK_CODE_OK) pdk_load_report_error(&w->report, e->code);
    }
}

/* ---- requests ---------------------------------------------------------------------------- */

static enum pdk_load_op choose(struct worker *w)
{
    const unsigned *percent = w->settings->percent;
    if (percent[PDK_LOAD_GET] == 100) return PDK_LOAD_GET;
    if (percent[PDK_LOAD_SET] == 100) return PDK_LOAD_SET;
    uint64_t at = pdk_prng_below(&w->prng, 100);
    if (at < percent[PDK_LOAD_GET]) return PDK_LOAD_GET;
    return at < percent[PDK_LOAD_GET] + percent[PDK_LOAD_SET] ? PDK_LOAD_SET : PDK_LOAD_CREATE;
}

static size_t new_path(struct worker *w, char *path)
{
    char *at = path;
    memcpy(at, w->settings->prefix, w->settings->prefix_len);
    at += w->settings->prefix_len;
    return w->settings->prefix_len +
           (size_t)snprintf(at, PDK_LOAD_PATH_MAX - w->settings->prefix_len,
                            "/new-%08x-%02x-%09llu", (unsigned)w->settings->seed, w->index,
                            (unsigned long long)w->created++);
}

/* One request; false: none can be made now. */
static bool request(struct worker *w, struct pdk_load_conn *c, int64_t sent_ns)
{
    if (w->left != NULL && atomic_fetch_sub_explicit(w->left, 1, memory_order_relaxed) == 0) {
        atomic_store(w->left, 0);
        w->running = false;
        return false;
    }
    char path[PDK_LOAD_PATH_MAX];
    struct pdk_slice data = pdk_slice_of(w->data, w->settings->size_bytes);
    enum pdk_load_op op = choose(w);
    enum pdk_err err = PDK_OK;
    if (op == PDK_LOAD_CREATE) {
        struct pdk_client_znode znode = {.data = data};
        znode.path = pdk_slice_of(path, new_path(w, path));
        err = pdk_client_create_znode(c->client, &znode, (uint64_t)sent_ns);
    } else {
        uint64_t keys = w->settings->keys;
        uint64_t key = keys > 1 ? pdk_prng_below(&w->prng, keys) : 0;
        struct pdk_slice at = pdk_slice_of(path, pdk_load_key_path(w->settings, key, path));
        err = op == PDK_LOAD_GET
                  ? pdk_client_get_data(c->client, at, PDK_CLIENT_NO_WATCH, (uint64_t)sent_ns)
                  : pdk_client_set_data(c->client, at, data, -1, (uint64_t)sent_ns);
    }
    return err == PDK_OK;
}

static void ready(void *ctx, struct pdk_load_conn *c, int64_t now_ns)
{
    struct worker *w = ctx;
    if (w->interval_ns > 0) return; /* the schedule says when */
    while (w->running && pdk_client_pending(c->client) < w->settings->depth) {
        if (!request(w, c, now_ns)) break;
    }
}

/* With a rate: everything whose time has come, stamped with that time.  So a server that stops for
 * a while is charged with the wait of every request that would have come meanwhile. */
static void keep_rate(struct worker *w, int64_t now_ns)
{
    while (w->running && w->due_ns <= now_ns) {
        struct pdk_load_conn *c = &w->pool.conns[w->turn];
        w->turn = (w->turn + 1) % w->conns;
        if (!request(w, c, w->due_ns)) return;
        pdk_load_pool_flush(c, now_ns);
        w->due_ns += w->interval_ns;
    }
}

/* ---- one thread -------------------------------------------------------------------------- */

static void measure(struct worker *w)
{
    const struct pdk_load_settings *s = w->settings;
    int64_t now_ns = pdk_load_now_ns();
    double server_s = 0, self_s = 0;
    bool begun = false;
    w->begin_ns = now_ns + s->warmup_ns;
    w->end_ns = s->count > 0 ? INT64_MAX : w->begin_ns + s->duration_ns;
    w->due_ns = now_ns + w->interval_ns * w->index / s->threads;
    w->running = true;
    for (uint32_t i = 0; i < w->conns; i++) {
        ready(w, &w->pool.conns[i], now_ns);
        pdk_load_pool_flush(&w->pool.conns[i], now_ns);
    }
    while (now_ns < w->end_ns && w->running) {
        if (!begun && now_ns >= w->begin_ns) {
            begun = true;
            server_s = pdk_load_cpu_of(s->server_pid);
            self_s = pdk_load_cpu_of_self();
        }
        int64_t until_ns = begun ? w->end_ns : w->begin_ns;
        if (w->interval_ns > 0) {
            keep_rate(w, now_ns);
            if (w->due_ns < until_ns) until_ns = w->due_ns;
        }
        pdk_load_pool_turn(&w->pool, until_ns);
        now_ns = pdk_load_now_ns();
    }
    /* By count, the last answers are part of it; by time, they come too late to be. */
    w->running = false;
    bool by_count = s->count > 0;
    if (by_count) w->failed = !pdk_load_pool_drain(&w->pool);
    int64_t stop_ns = pdk_load_now_ns();
    w->end_ns = by_count ? w->end_ns : w->begin_ns + s->duration_ns;
    w->report.seconds = (double)((by_count ? stop_ns : now_ns) - w->begin_ns) / 1e9;
    w->report.cpu_server_s = s->server_pid > 0 ? pdk_load_cpu_of(s->server_pid) - server_s : -1;
    w->report.cpu_self_s = pdk_load_cpu_of_self() - self_s;
    if (!by_count) w->failed = !pdk_load_pool_drain(&w->pool);
    w->report.lost = w->pool.lost;
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct pdk_load_handler handler = {.ctx = w, .answers = answers, .ready = ready};
    w->failed = !pdk_load_pool_init(&w->pool, w->settings, w->conns, handler) ||
                !pdk_load_pool_connect(&w->pool);
    pthread_barrier_wait(w->together);
    if (!w->failed) measure(w);
    pdk_load_pool_close(&w->pool);
    return NULL;
}

static bool prepare(struct worker *w, const struct pdk_load_settings *s, uint32_t index)
{
    w->settings = s;
    w->index = index;
    w->conns = s->conns / s->threads + (index < s->conns % s->threads ? 1 : 0);
    pdk_prng_init(&w->prng, s->seed + index);
    if (s->rate > 0) w->interval_ns = (int64_t)((uint64_t)PDK_LOAD_NS_PER_S * s->threads / s->rate);
    if (s->rate > 0 && w->interval_ns == 0) w->interval_ns = 1;
    w->data = malloc(s->size_bytes + 1);
    if (w->data == NULL) return false;
    for (uint32_t i = 0; i < s->size_bytes; i++) w->data[i] = (uint8_t)pdk_prng_next(&w->prng);
    return true;
}

int pdk_load_run(const struct pdk_load_settings *s)
{
    struct worker *workers = calloc(s->threads, sizeof *workers);
    pthread_t *threads = calloc(s->threads, sizeof *threads);
    struct pdk_load_report *sum = calloc(1, sizeof *sum);
    _Atomic uint64_t left = s->count;
    pthread_barrier_t together;
    bool failed = workers == NULL || threads == NULL || sum == NULL ||
                  pthread_barrier_init(&together, NULL, s->threads) != 0;
    for (uint32_t i = 0; !failed && i < s->threads; i++) {
        failed = !prepare(&workers[i], s, i);
        workers[i].together = &together;
        workers[i].left = s->count > 0 ? &left : NULL;
    }
    if (failed) {
        fprintf(stderr, "paddock-load: out of memory\n");
        return 1;
    }
    for (uint32_t i = 1; i < s->threads; i++) {
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            fprintf(stderr, "paddock-load: cannot start a thread\n");
            exit(1);
        }
    }
    (void)work(&workers[0]);
    for (uint32_t i = 0; i < s->threads; i++) {
        if (i > 0) pthread_join(threads[i], NULL);
        failed = failed || workers[i].failed;
        pdk_load_report_merge(sum, &workers[i].report);
    }
    /* CPU time is the processes', not a thread's: the first one's reading stands for all. */
    sum->cpu_server_s = workers[0].report.cpu_server_s;
    sum->cpu_self_s = workers[0].report.cpu_self_s;
    pdk_load_report_print(sum, s, "run");
    failed = failed || pdk_load_report_errors(sum) > 0 || sum->lost > 0;
    for (uint32_t i = 0; i < s->threads; i++) {
        pdk_load_pool_deinit(&workers[i].pool);
        free(workers[i].data);
    }
    pthread_barrier_destroy(&together);
    free(workers);
    free(threads);
    free(sum);
    return failed ? 1 : 0;
}
