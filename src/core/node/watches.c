#include "core/node/watches.h"

#include "proto/event.h"

/* ---- setting and asking ------------------------------------------------------------------ */

enum pdk_code pdk_watches_add(struct pdk_node *n, struct pdk_conn *c, enum pdk_watch_kind kind,
                              struct pdk_slice path)
{
    bool full = pdk_watch_count_of(n->watch, c->index) >= n->config.watch_limit &&
                !pdk_watch_has(n->watch, c->index, kind, path);
    if (!full && pdk_watch_add(n->watch, c->index, kind, path) == PDK_OK) return PDK_CODE_OK;
    uint64_t held_back = 0;
    if (pdk_log_limit_pass(&n->watch_log, n->now.mono_ms, 1000, &held_back)) {
        size_t mark = pdk_out_mark(&n->out);
        pdk_put_text(&n->out.bytes,
                     "watch.refused session=0x%llx reason=%s limit=%llu held_back=%llu",
                     (unsigned long long)c->session, full ? "limit" : "memory",
                     (unsigned long long)n->config.watch_limit, (unsigned long long)held_back);
        pdk_out_logged(&n->out, PDK_LOG_WARN, mark);
    }
    return PDK_CODE_SYSTEM_ERROR;
}

/* The kinds that a type of checkWatches means; 0: no such type. */
static unsigned kinds_of(int32_t type)
{
    switch (type) {
    case 1: return 1u << PDK_WATCH_CHILD;
    case 2: return 1u << PDK_WATCH_DATA;
    case 3: return (1u << PDK_WATCH_KINDS) - 1;
    case 4: return 1u << PDK_WATCH_PERSISTENT;
    case 5: return 1u << PDK_WATCH_RECURSIVE;
    default: return 0;
    }
}

enum pdk_code pdk_watches_check(struct pdk_node *n, struct pdk_conn *c, int32_t type,
                                struct pdk_slice path)
{
    unsigned kinds = kinds_of(type);
    if (kinds == 0) return PDK_CODE_MARSHALLING_ERROR;
    for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++) {
        if ((kinds & 1u << kind) != 0 &&
            pdk_watch_has(n->watch, c->index, (enum pdk_watch_kind)kind, path))
            return PDK_CODE_OK;
    }
    return PDK_CODE_NO_WATCHER;
}

enum pdk_code pdk_watches_remove(struct pdk_node *n, struct pdk_conn *c, int32_t type,
                                 struct pdk_slice path)
{
    unsigned kinds = kinds_of(type);
    if (kinds == 0) return PDK_CODE_MARSHALLING_ERROR;
    bool removed = false;
    for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++) {
        if ((kinds & 1u << kind) != 0)
            removed |= pdk_watch_remove(n->watch, c->index, (enum pdk_watch_kind)kind, path);
    }
    return removed ? PDK_CODE_OK : PDK_CODE_NO_WATCHER;
}

/* ---- catching up (client-protocol.md section 11) ----------------------------------------- */

struct catch_up {
    struct pdk_node *n;
    struct pdk_conn *c;
    pdk_zxid since;
    enum pdk_code code; /* of the first watch that could not be set */
};

static void send_missed(struct catch_up *u, enum pdk_event_type type, struct pdk_slice path)
{
    size_t mark = pdk_out_mark(&u->n->out);
    pdk_put_notification(&u->n->out.bytes, -1, type, PDK_STATE_SYNC_CONNECTED, path);
    pdk_out_sent(&u->n->out, u->c->index, mark);
    u->n->totals.packets_sent++;
    u->c->stats.sent++;
}

static void set(struct catch_up *u, enum pdk_watch_kind kind, struct pdk_slice path)
{
    enum pdk_code code = pdk_watches_add(u->n, u->c, kind, path);
    if (u->code == PDK_CODE_OK) u->code = code;
}

/* Stat of the path, false when it is not there. */
static bool stat_of(const struct catch_up *u, struct pdk_slice path, struct pdk_stat *stat)
{
    pdk_znode id = pdk_tree_find(u->n->state->tree, path);
    if (id == PDK_ZNODE_NONE) return false;
    pdk_tree_stat(u->n->state->tree, id, stat);
    return true;
}

static void catch_data(struct catch_up *u, struct pdk_slice path)
{
    struct pdk_stat stat;
    if (!stat_of(u, path, &stat))
        send_missed(u, PDK_EVENT_NODE_DELETED, path);
    else if (stat.mzxid > u->since)
        send_missed(u, PDK_EVENT_NODE_DATA_CHANGED, path);
    else
        set(u, PDK_WATCH_DATA, path);
}

static void catch_exist(struct catch_up *u, struct pdk_slice path)
{
    struct pdk_stat stat;
    if (stat_of(u, path, &stat))
        send_missed(u, PDK_EVENT_NODE_CREATED, path);
    else
        set(u, PDK_WATCH_DATA, path);
}

static void catch_child(struct catch_up *u, struct pdk_slice path)
{
    struct pdk_stat stat;
    if (!stat_of(u, path, &stat))
        send_missed(u, PDK_EVENT_NODE_DELETED, path);
    else if (stat.pzxid > u->since)
        send_missed(u, PDK_EVENT_NODE_CHILDREN_CHANGED, path);
    else
        set(u, PDK_WATCH_CHILD, path);
}

static void catch_persistent(struct catch_up *u, struct pdk_slice path)
{
    set(u, PDK_WATCH_PERSISTENT, path);
}

static void catch_recursive(struct catch_up *u, struct pdk_slice path)
{
    set(u, PDK_WATCH_RECURSIVE, path);
}

static void each_path(struct catch_up *u, const struct pdk_vec *paths,
                      void (*one)(struct catch_up *u, struct pdk_slice path))
{
    struct pdk_reader it = pdk_reader_of(paths->body);
    for (int32_t i = 0; i < paths->count; i++) {
        struct pdk_slice path = pdk_read_bytes(&it);
        if (!path.is_null) one(u, path);
    }
}

enum pdk_code pdk_watches_catch_up(struct pdk_node *n, struct pdk_conn *c, struct pdk_reader *body,
                                   bool persistent)
{
    struct pdk_set_watches2 req = {.persistent_watches = {.count = 0}};
    if (persistent) {
        pdk_read_set_watches2(body, &req);
    } else {
        struct pdk_set_watches plain;
        pdk_read_set_watches(body, &plain);
        req.relative_zxid = plain.relative_zxid;
        req.data_watches = plain.data_watches;
        req.exist_watches = plain.exist_watches;
        req.child_watches = plain.child_watches;
    }
    bool any_null = req.data_watches.is_null || req.exist_watches.is_null ||
                    req.child_watches.is_null || req.persistent_watches.is_null ||
                    req.persistent_recursive_watches.is_null;
    if (body->failed || any_null) return PDK_CODE_MARSHALLING_ERROR;
    struct catch_up u = {.n = n, .c = c, .since = req.relative_zxid, .code = PDK_CODE_OK};
    each_path(&u, &req.data_watches, catch_data);
    each_path(&u, &req.exist_watches, catch_exist);
    each_path(&u, &req.child_watches, catch_child);
    each_path(&u, &req.persistent_watches, catch_persistent);
    each_path(&u, &req.persistent_recursive_watches, catch_recursive);
    return u.code;
}

/* ---- telling ----------------------------------------------------------------------------- */

struct telling {
    struct pdk_node *n;
    const struct pdk_change *change;
    pdk_zxid zxid;
};

/* The watchers that may read the znode concerned, in n->readers. */
static size_t filter_readers(struct pdk_node *n, pdk_acl_id acl, const uint32_t *watchers,
                             size_t count)
{
    if (count > n->reader_cap) {
        n->readers = pdk_mem_must_resize(n->mem, n->readers, count * sizeof *n->readers);
        n->reader_cap = count;
    }
    struct pdk_slice list =
        acl == PDK_ACL_OPEN ? pdk_slice_null() : pdk_tree_acl_list(n->state->tree, acl);
    static const struct pdk_identities nobody;
    bool everybody = pdk_acl_allows(&n->config.acl, list, PDK_PERM_READ, &nobody, 0);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct pdk_conn *c = n->conns[watchers[i]];
        PDK_ASSERT(c != NULL);
        if (!everybody && !pdk_acl_allows(&n->config.acl, list, PDK_PERM_READ, &c->identities,
                                          c->identities.count))
            continue;
        n->readers[kept++] = watchers[i];
        c->stats.sent++;
    }
    return kept;
}

static void count_event(struct pdk_metrics *m, int event_type, size_t watchers)
{
    switch (event_type) {
    case PDK_EVENT_NODE_CREATED: pdk_summary_add(&m->node_created_watch_count, watchers); return;
    case PDK_EVENT_NODE_DELETED: pdk_summary_add(&m->node_deleted_watch_count, watchers); return;
    case PDK_EVENT_NODE_DATA_CHANGED:
        pdk_summary_add(&m->node_changed_watch_count, watchers);
        return;
    default: pdk_summary_add(&m->node_children_watch_count, watchers); return;
    }
}

static void emit(void *ctx, int event_type, struct pdk_slice path, bool acl_of_parent,
                 const uint32_t *watchers, size_t count)
{
    struct telling *t = ctx;
    struct pdk_node *n = t->n;
    pdk_acl_id acl = acl_of_parent ? t->change->parent_acl : t->change->acl;
    count_event(&n->metrics, event_type, count); /* also those that may not read it, as there */
    size_t kept = filter_readers(n, acl, watchers, count);
    if (kept == 0) return;
    size_t mark = pdk_out_mark(&n->out);
    pdk_put_notification(&n->out.bytes, t->zxid, (enum pdk_event_type)event_type,
                         PDK_STATE_SYNC_CONNECTED, path);
    n->metrics.watch_bytes += (n->out.bytes.len - mark) * kept;
    n->totals.packets_sent += kept;
    if (kept == 1)
        pdk_out_sent(&n->out, n->readers[0], mark);
    else
        pdk_out_sent_many(&n->out, n->readers, kept, mark);
}

void pdk_watches_changed(struct pdk_node *n, const struct pdk_change *change, pdk_zxid zxid)
{
    struct telling t = {.n = n, .change = change, .zxid = zxid};
    pdk_watch_change(n->watch, (int)change->kind, change->path, emit, &t);
}
