#include "core/node/query.h"

#include "core/node/internal.h"

void pdk_node_summary(const struct pdk_node *n, struct pdk_node_summary *out)
{
    *out = n->totals;
    out->zxid = n->state.last_zxid;
    out->outstanding = n->in_process;
    out->connections = n->conn_count;
    out->sessions = pdk_sessions_count(n->state.sessions);
    out->refusing_writes = n->no_space;
    pdk_tree_counts(n->state.tree, &out->tree);
    pdk_watch_counts(n->watch, &out->watches);
}

bool pdk_node_snapshot_running(const struct pdk_node *n) { return n->snapshot_running; }

void pdk_node_conn(const struct pdk_node *n, uint32_t conn, struct pdk_conn_info *out)
{
    *out = (struct pdk_conn_info){.known = false};
    if (conn >= n->conn_cap || n->conns[conn] == NULL) return;
    *out = n->conns[conn]->stats;
    out->outstanding = n->conns[conn]->pipe.count;
}

void pdk_node_reset_stats(struct pdk_node *n)
{
    n->totals =
        (struct pdk_node_summary){.response_last = -1, .response_min = -1, .response_max = -1};
    pdk_metrics_reset(&n->metrics);
}

void pdk_node_reset_conn_stats(struct pdk_node *n)
{
    for (uint32_t i = 0; i < n->conn_cap; i++) {
        if (n->conns[i] == NULL) continue;
        struct pdk_conn_info *s = &n->conns[i]->stats;
        *s = (struct pdk_conn_info){.known = true,
                                    .session = s->session,
                                    .timeout_ms = s->timeout_ms,
                                    .last_cxid = -1,
                                    .last_zxid = -1,
                                    .established_wall_ms = s->established_wall_ms};
    }
}

const struct pdk_tree *pdk_node_tree(const struct pdk_node *n) { return n->state.tree; }

const struct pdk_watch *pdk_node_watch(const struct pdk_node *n) { return n->watch; }

const struct pdk_sessions *pdk_node_sessions(const struct pdk_node *n) { return n->state.sessions; }

const struct pdk_metrics *pdk_node_metrics(const struct pdk_node *n) { return &n->metrics; }

pdk_session pdk_node_session_of(const struct pdk_node *n, uint32_t conn)
{
    if (conn >= n->conn_cap || n->conns[conn] == NULL) return 0;
    return n->conns[conn]->stats.session;
}

size_t pdk_node_digest_log(const struct pdk_node *n, const struct pdk_digest_entry **first_part,
                           size_t *first_count, const struct pdk_digest_entry **second_part)
{
    size_t to_end = PDK_DIGEST_LOG_CAP - n->digest_log_head;
    *first_part = n->digest_log + n->digest_log_head;
    *first_count = pdk_min_size(n->digest_log_count, to_end);
    *second_part = n->digest_log;
    return n->digest_log_count;
}
