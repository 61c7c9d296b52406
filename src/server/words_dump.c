/* dump, wchs, wchc, wchp: who lives until when, who owns what, who watches what. */
#include "core/session/session.h"
#include "server/words_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A growing array of the scratch memory; `failed` once there is none. */
struct list {
    const struct pdk_mem *mem;
    char *items;
    size_t count, cap;
    bool failed;
};

static void *list_add(struct list *l, size_t item_bytes)
{
    if (l->failed) return NULL;
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2, bytes;
        char *more =
            pdk_mul_size(cap, item_bytes, &bytes) ? pdk_mem_resize(l->mem, l->items, bytes) : NULL;
        if (more == NULL) {
            l->failed = true;
            return NULL;
        }
        l->items = more;
        l->cap = cap;
    }
    return l->items + l->count++ * item_bytes;
}

static void list_free(struct list *l) { pdk_mem_free(l->mem, l->items); }

/* ---- dump ------------------------------------------------------------------------------------ */

/* Apache's connections expire in buckets of this width, whatever the tick. */
#define CONN_BUCKET_MS INT64_C(10000)

struct dump {
    const struct pdk_words *words;
    struct pdk_buf *out;
    size_t buckets, elements;
};

static void put_expiry(const struct dump *d, size_t count, int64_t edge_mono_ms)
{
    pdk_put_text(d->out, "%zu expire at ", count);
    pdk_words_put_date(d->out, d->words->now.wall_ms + (edge_mono_ms - d->words->now.mono_ms));
    pdk_put_text(d->out, ":\n");
}

static void count_bucket(void *ctx, int64_t edge_ms, const struct pdk_session_entry *first,
                         size_t count)
{
    (void)edge_ms;
    (void)first;
    struct dump *d = ctx;
    d->buckets++;
    d->elements += count;
}

static void put_bucket(void *ctx, int64_t edge_ms, const struct pdk_session_entry *first,
                       size_t count)
{
    const struct dump *d = ctx;
    put_expiry(d, count, edge_ms);
    const struct pdk_session_entry *e = first;
    for (size_t i = 0; i < count; i++, e = e->bucket_next)
        pdk_put_text(d->out, "\t0x%" PRIx64 "\n", (uint64_t)e->id);
}

/* Sessions that expire here, by the time at which they do. */
static void put_sets(const struct dump *of, const char *kind, const struct pdk_sessions *sessions)
{
    struct dump d = {.words = of->words, .out = of->out};
    pdk_sessions_each_bucket(sessions, count_bucket, &d);
    pdk_put_text(d.out, "%sSession Sets (%zu)/(%zu):\n", kind, d.buckets, d.elements);
    pdk_sessions_each_bucket(sessions, put_bucket, &d);
}

static void list_session(void *ctx, const struct pdk_session_entry *e)
{
    struct list *l = ctx;
    struct pdk_session_entry *copy = list_add(l, sizeof *copy);
    if (copy != NULL) *copy = *e;
}

static int by_id(const void *a, const void *b)
{
    pdk_session x = ((const struct pdk_session_entry *)a)->id;
    pdk_session y = ((const struct pdk_session_entry *)b)->id;
    return (x > y) - (x < y);
}

/* Sessions whose end only the leader knows. */
static void put_global(const struct dump *d)
{
    struct list l = {.mem = d->words->mem};
    pdk_sessions_each(pdk_node_sessions(d->words->node), list_session, &l);
    const struct pdk_session_entry *items = (const struct pdk_session_entry *)(const void *)l.items;
    if (l.failed) d->out->failed = true;
    if (l.count > 0) qsort(l.items, l.count, sizeof *items, by_id);
    pdk_put_text(d->out, "Global Sessions(%zu):\n", l.count);
    for (size_t i = 0; i < l.count; i++)
        pdk_put_text(d->out, "0x%" PRIx64 "\t%" PRId32 "ms\n", (uint64_t)items[i].id,
                     items[i].timeout_ms);
    list_free(&l);
}

static void dump_sessions(const struct dump *d)
{
    const struct pdk_node *node = d->words->node;
    struct pdk_member_summary member = pdk_words_member(d->words);
    bool standalone = member.role == PDK_ROLE_STANDALONE;
    bool local =
        !standalone && (d->words->config->node.ensemble.local_sessions || member.read_only);
    pdk_put_text(d->out, "SessionTracker dump:\n");
    if (local) put_sets(d, "Local ", pdk_node_local_sessions(node));
    if (standalone || member.role == PDK_ROLE_LEADING) {
        put_sets(d, local ? "Global " : "", pdk_node_sessions(node));
    } else {
        put_global(d);
    }
}

static void count_owner(void *ctx, pdk_session owner)
{
    (void)owner;
    (*(size_t *)ctx)++;
}

static void put_owner(void *ctx, pdk_session owner)
{
    const struct dump *d = ctx;
    const struct pdk_tree *tree = pdk_node_tree(d->words->node);
    pdk_put_text(d->out, "0x%" PRIx64 ":\n", (uint64_t)owner);
    for (pdk_znode id = pdk_tree_ephemeral_first(tree, owner); id != PDK_ZNODE_NONE;
         id = pdk_tree_ephemeral_next(tree, id)) {
        pdk_put_text(d->out, "\t");
        pdk_tree_put_path(tree, id, d->out);
        pdk_put_text(d->out, "\n");
    }
}

static void dump_ephemerals(struct dump *d)
{
    const struct pdk_tree *tree = pdk_node_tree(d->words->node);
    size_t owners = 0;
    pdk_tree_each_owner(tree, count_owner, &owners);
    pdk_put_text(d->out, "ephemeral nodes dump:\nSessions with Ephemerals (%zu):\n", owners);
    pdk_tree_each_owner(tree, put_owner, d);
}

struct conn_expiry {
    int64_t edge_ms;
    pdk_session session;
    char remote[64];
};

struct conn_list {
    const struct pdk_words *words;
    struct list list;
};

/* A connection lives as long as its session's timeout behind its last word. */
static void add_conn(void *ctx, const struct pdk_words_conn *conn)
{
    struct conn_list *c = ctx;
    struct conn_expiry *e = list_add(&c->list, sizeof *e);
    if (e == NULL) return;
    struct pdk_conn_info info = {.known = false};
    if (conn->conn != PDK_CONN_NONE) pdk_node_conn(c->words->node, conn->conn, &info);
    int64_t timeout_ms = info.known && info.session != 0 ? info.timeout_ms
                                                         : c->words->config->sessionless_timeout_ms;
    int64_t end_ms = conn->last_read_mono_ms + timeout_ms;
    *e = (struct conn_expiry){.edge_ms = (end_ms / CONN_BUCKET_MS + 1) * CONN_BUCKET_MS,
                              .session = info.known ? info.session : 0};
    size_t len = pdk_min_size(strlen(conn->remote), sizeof e->remote - 1);
    memcpy(e->remote, conn->remote, len);
}

static int by_edge(const void *a, const void *b)
{
    int64_t x = ((const struct conn_expiry *)a)->edge_ms;
    int64_t y = ((const struct conn_expiry *)b)->edge_ms;
    return (x > y) - (x < y);
}

static void dump_conns(struct dump *d)
{
    struct conn_list c = {.words = d->words, .list = {.mem = d->words->mem}};
    d->words->shell->each_conn(d->words->shell->ctx, add_conn, &c);
    if (c.list.failed) d->out->failed = true;
    const struct conn_expiry *items = (const struct conn_expiry *)(const void *)c.list.items;
    size_t count = c.list.count, buckets = 0;
    if (count > 0) qsort(c.list.items, count, sizeof *items, by_edge);
    for (size_t i = 0; i < count; i++)
        buckets += i == 0 || items[i].edge_ms != items[i - 1].edge_ms;
    pdk_put_text(d->out, "Connections dump:\nConnections Sets (%zu)/(%zu):\n", buckets, count);
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && items[end].edge_ms == items[i].edge_ms) end++;
        put_expiry(d, end - i, items[i].edge_ms);
        for (; i < end; i++)
            pdk_put_text(d->out, "\tip: /%s sessionId: 0x%" PRIx64 "\n", items[i].remote,
                         (uint64_t)items[i].session);
    }
    list_free(&c.list);
}

void pdk_words_dump(const struct pdk_words *words, struct pdk_buf *out)
{
    struct dump d = {.words = words, .out = out};
    dump_sessions(&d);
    dump_ephemerals(&d);
    dump_conns(&d);
}

/* ---- watches: the data table, as there ------------------------------------------------------ */

struct by_watcher {
    const struct pdk_words *words;
    struct pdk_buf *out;
};

static void put_id(const struct pdk_words *words, struct pdk_buf *out, uint32_t watcher)
{
    pdk_put_text(out, "0x%" PRIx64 "\n", (uint64_t)pdk_node_session_of(words->node, watcher));
}

static void put_watched(void *ctx, struct pdk_slice path)
{
    struct pdk_buf *out = ctx;
    pdk_put_text(out, "\t");
    pdk_put_raw(out, path.bytes, path.len);
    pdk_put_text(out, "\n");
}

/* A connection whose watches have all fired stands alone, as there. */
static void put_watcher(void *ctx, uint32_t watcher)
{
    const struct by_watcher *b = ctx;
    put_id(b->words, b->out, watcher);
    pdk_watch_each_path_of(pdk_node_watch(b->words->node), watcher, put_watched, b->out);
}

void pdk_words_watches_by_session(const struct pdk_words *words, struct pdk_buf *out)
{
    struct by_watcher b = {.words = words, .out = out};
    pdk_watch_each_watcher(pdk_node_watch(words->node), put_watcher, &b);
    pdk_put_text(out, "\n");
}

struct by_path {
    const struct pdk_words *words;
    struct pdk_buf *out;
};

static void put_path(void *ctx, struct pdk_slice path, const uint32_t *watchers, size_t count)
{
    const struct by_path *b = ctx;
    pdk_put_raw(b->out, path.bytes, path.len);
    pdk_put_text(b->out, "\n");
    for (size_t i = 0; i < count; i++) {
        pdk_put_text(b->out, "\t");
        put_id(b->words, b->out, watchers[i]);
    }
}

void pdk_words_watches_by_path(const struct pdk_words *words, struct pdk_buf *out)
{
    struct by_path b = {.words = words, .out = out};
    pdk_watch_each_path(pdk_node_watch(words->node), put_path, &b);
    pdk_put_text(out, "\n");
}

void pdk_words_watch_summary(const struct pdk_words *words, struct pdk_buf *out)
{
    struct pdk_watch_counts counts;
    pdk_watch_counts(pdk_node_watch(words->node), &counts);
    pdk_put_text(out,
                 "%" PRIu64 " connections watching %" PRIu64 " paths\nTotal watches:%" PRIu64 "\n",
                 counts.watchers, counts.paths, counts.watches);
}
