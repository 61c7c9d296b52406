#include "sim/replay.h"

bool pdk_sim_log_next(const struct pdk_sim_driver *d, size_t *at, struct pdk_slice *txn)
{
    if (*at == d->log.len) return false;
    const uint8_t *record = d->log.bytes + *at;
    PDK_ASSERT(d->log.len - *at > PDK_LOG_FRAME_BYTES);
    size_t len = pdk_load_u32(record + 8);
    PDK_ASSERT(len <= d->log.len - *at - PDK_LOG_FRAME_BYTES);
    *txn = pdk_slice_of(record + PDK_LOG_HEAD_BYTES, len);
    *at += len + PDK_LOG_FRAME_BYTES;
    return true;
}

static struct pdk_slice acl_of(const struct pdk_tree *tree, pdk_znode id)
{
    pdk_acl_id acl = pdk_tree_acl(tree, id);
    return acl == PDK_ACL_OPEN ? pdk_slice_null() : pdk_tree_acl_list(tree, acl);
}

/* Ids follow the order of creations and deletions, which both trees share but need not. */
static void compare_znode(const struct pdk_tree *a, pdk_znode x, const struct pdk_tree *b,
                          pdk_znode y)
{
    struct pdk_stat_persisted s, t;
    pdk_tree_stat_persisted(a, x, &s);
    pdk_tree_stat_persisted(b, y, &t);
    PDK_ASSERT(s.czxid == t.czxid && s.mzxid == t.mzxid && s.pzxid == t.pzxid);
    PDK_ASSERT(s.ctime == t.ctime && s.mtime == t.mtime);
    PDK_ASSERT(s.version == t.version && s.cversion == t.cversion && s.aversion == t.aversion);
    PDK_ASSERT(s.ephemeral_owner == t.ephemeral_owner);
    PDK_ASSERT(pdk_tree_kind(a, x) == pdk_tree_kind(b, y));
    PDK_ASSERT(pdk_slice_eq(pdk_tree_data(a, x), pdk_tree_data(b, y)));
    PDK_ASSERT(pdk_slice_eq(acl_of(a, x), acl_of(b, y)));
    PDK_ASSERT(pdk_tree_child_count(a, x) == pdk_tree_child_count(b, y));
}

static void compare_trees(const struct pdk_tree *a, const struct pdk_tree *b)
{
    struct pdk_buf path;
    pdk_buf_init(&path, pdk_mem_heap(), SIZE_MAX);
    pdk_znode at = pdk_tree_find(a, pdk_slice_str("/"));
    while (at != PDK_ZNODE_NONE) {
        pdk_buf_clear(&path);
        pdk_tree_put_path(a, at, &path);
        pdk_znode twin = pdk_tree_find(b, pdk_buf_slice(&path));
        PDK_ASSERT(twin != PDK_ZNODE_NONE);
        compare_znode(a, at, b, twin);
        pdk_znode next = pdk_tree_first_child(a, at);
        while (next == PDK_ZNODE_NONE && at != PDK_ZNODE_NONE) {
            next = pdk_tree_next_sibling(a, at);
            if (next == PDK_ZNODE_NONE) at = pdk_tree_parent(a, at);
        }
        at = next;
    }
    pdk_buf_deinit(&path);
    struct pdk_tree_counts s, t;
    pdk_tree_counts(a, &s);
    pdk_tree_counts(b, &t);
    PDK_ASSERT(s.znodes == t.znodes && s.ephemerals == t.ephemerals);
    PDK_ASSERT(s.containers == t.containers && s.ttls == t.ttls);
    PDK_ASSERT(s.data_bytes == t.data_bytes && s.approximate_bytes == t.approximate_bytes);
    PDK_ASSERT(pdk_tree_digest(a) == pdk_tree_digest(b));
}

static void compare_session(void *ctx, const struct pdk_session_entry *e)
{
    const struct pdk_session_entry *twin = pdk_sessions_find(ctx, e->id);
    PDK_ASSERT(twin != NULL);
    PDK_ASSERT(twin->timeout_ms == e->timeout_ms);
}

static void compare(const struct pdk_node *a, const struct pdk_node *b)
{
    struct pdk_node_summary s, t;
    pdk_node_summary(a, &s);
    pdk_node_summary(b, &t);
    PDK_ASSERT(s.zxid == t.zxid);
    PDK_ASSERT(s.sessions == t.sessions);
    PDK_ASSERT(pdk_node_metrics(b)->digest_mismatches_count == 0);
    compare_trees(pdk_node_tree(a), pdk_node_tree(b));
    /* A handle for lookups: the table is not changed. */
    struct pdk_sessions *sessions = (struct pdk_sessions *)(uintptr_t)pdk_node_sessions(b);
    pdk_sessions_each(pdk_node_sessions(a), compare_session, sessions);
    pdk_tree_validate(pdk_node_tree(b));
    pdk_sessions_validate(pdk_node_sessions(b));
}

void pdk_sim_check_replay(const struct pdk_sim_driver *d, const struct pdk_node_config *config)
{
    PDK_ASSERT(d->durable == d->appended);
    struct pdk_node *twin = pdk_node_create(config);
    PDK_ASSERT(twin != NULL);
    struct pdk_recover_sink sink = pdk_node_recover_sink(twin);
    struct pdk_recovery recovery = {.last_zxid = d->durable};
    struct pdk_slice txn;
    for (size_t at = 0; pdk_sim_log_next(d, &at, &txn);) {
        enum pdk_err err = sink.txn(sink.ctx, txn);
        PDK_ASSERT(err == PDK_OK);
        recovery.txns++;
    }
    struct pdk_diag diag;
    enum pdk_err err = pdk_node_start(twin, &recovery, &d->now, &diag);
    PDK_ASSERT(err == PDK_OK);
    compare(d->node, twin);
    pdk_node_destroy(twin);
}
