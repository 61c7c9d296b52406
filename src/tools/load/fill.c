/* The mode `fill`: creates the prefix, its parents and all keys.  What is there already is fine. */
#include "base/prng.h"
#include "proto/code.h"
#include "tools/load/pool.h"
#include "tools/load/report.h"

#include <stdlib.h>
#include <string.h>

struct fill {
    const struct pdk_load_settings *settings;
    struct pdk_load_pool pool;
    struct pdk_load_report report;
    uint8_t *data;
    uint64_t next, end; /* what is to be created: a row of keys, of dirs, or of prefix parts */
    size_t (*path_of)(const struct pdk_load_settings *s, uint64_t index,
                      char out[PDK_LOAD_PATH_MAX]);
    uint32_t size_bytes, depth;
};

static void answers(void *ctx, struct pdk_load_conn *c, const struct pdk_client_effect *effects,
                    size_t count, int64_t now_ns)
{
    struct fill *f = ctx;
    (void)c;
    for (size_t i = 0; i < count; i++) {
        const struct pdk_client_effect *e = &effects[i];
        if (e->kind != PDK_CLIENT_OUT_REPLY) continue;
        f->report.answered++;
        pdk_percentiles_add(&f->report.latency_ns[PDK_LOAD_WRITES],
                            (uint64_t)(now_ns - (int64_t)e->tag));
        if (e->code != PDK_CODE_OK && e->code != PDK_CODE_NODE_EXISTS) {
            pdk_load_report_error(&f->report, e->code);
        }
    }
}

static void ready(void *ctx, struct pdk_load_conn *c, int64_t now_ns)
{
    struct fill *f = ctx;
    char path[PDK_LOAD_PATH_MAX];
    while (f->next < f->end && pdk_client_pending(c->client) < f->depth) {
        struct pdk_client_znode znode = {.data = pdk_slice_of(f->data, f->size_bytes)};
        znode.path = pdk_slice_of(path, f->path_of(f->settings, f->next, path));
        if (pdk_client_create_znode(c->client, &znode, (uint64_t)now_ns) != PDK_OK) return;
        f->next++;
    }
}

/* The first index + 1 parts of the prefix. */
static size_t part_path(const struct pdk_load_settings *s, uint64_t index,
                        char out[PDK_LOAD_PATH_MAX])
{
    size_t len = 1;
    for (uint64_t slashes = 0; len < s->prefix_len; len++) {
        if (s->prefix[len] == '/' && slashes++ == index) break;
    }
    memcpy(out, s->prefix, len);
    return len;
}

static bool create_all(struct fill *f, uint64_t count,
                       size_t (*path_of)(const struct pdk_load_settings *s, uint64_t index,
                                         char out[PDK_LOAD_PATH_MAX]),
                       uint32_t size_bytes, uint32_t depth)
{
    f->next = 0;
    f->end = count;
    f->path_of = path_of;
    f->size_bytes = size_bytes;
    f->depth = depth;
    int64_t now_ns = pdk_load_now_ns();
    for (uint32_t i = 0; i < f->pool.count; i++) {
        ready(f, &f->pool.conns[i], now_ns);
        pdk_load_pool_flush(&f->pool.conns[i], now_ns);
    }
    while (f->next < f->end && f->pool.lost == 0) {
        pdk_load_pool_turn(&f->pool, pdk_load_now_ns() + PDK_LOAD_NS_PER_S);
    }
    return pdk_load_pool_drain(&f->pool) && f->pool.lost == 0 &&
           pdk_load_report_errors(&f->report) == 0;
}

static bool fill_all(struct fill *f)
{
    const struct pdk_load_settings *s = f->settings;
    uint64_t parts = 0;
    for (size_t i = 0; i < s->prefix_len; i++) parts += s->prefix[i] == '/';
    /* A part is created when its parent is: one at a time. */
    struct pdk_load_pool *p = &f->pool;
    uint32_t all = p->count;
    p->count = 1;
    bool ok = create_all(f, parts, part_path, 0, 1);
    p->count = all;
    return ok && create_all(f, s->dirs, pdk_load_dir_path, 0, s->depth) &&
           create_all(f, s->keys, pdk_load_key_path, s->size_bytes, s->depth);
}

int pdk_load_fill(const struct pdk_load_settings *s)
{
    struct fill *f = calloc(1, sizeof *f);
    uint8_t *data = malloc(s->size_bytes + 1);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "paddock-load: out of memory\n");
        return 1;
    }
    struct pdk_prng prng;
    pdk_prng_init(&prng, s->seed);
    for (uint32_t i = 0; i < s->size_bytes; i++) data[i] = (uint8_t)pdk_prng_next(&prng);
    f->settings = s;
    f->data = data;
    struct pdk_load_handler handler = {.ctx = f, .answers = answers, .ready = ready};
    bool ok = pdk_load_pool_init(&f->pool, s, s->conns, handler) && pdk_load_pool_connect(&f->pool);
    if (ok) {
        int64_t begin_ns = pdk_load_now_ns();
        double server_s = pdk_load_cpu_of(s->server_pid), self_s = pdk_load_cpu_of_self();
        ok = fill_all(f);
        f->report.seconds = (double)(pdk_load_now_ns() - begin_ns) / 1e9;
        f->report.cpu_server_s = s->server_pid > 0 ? pdk_load_cpu_of(s->server_pid) - server_s : -1;
        f->report.cpu_self_s = pdk_load_cpu_of_self() - self_s;
        f->report.lost = f->pool.lost;
        pdk_load_report_print(&f->report, s, "fill");
    }
    pdk_load_pool_close(&f->pool);
    pdk_load_pool_deinit(&f->pool);
    free(data);
    free(f);
    return ok ? 0 : 1;
}
