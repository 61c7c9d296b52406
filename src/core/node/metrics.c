#include "core/node/metrics.h"

#include "proto/opcode.h"

#include <string.h>

#define FIELD(name, kind) \
    { \
#name, kind, PDK_METRIC_EVERYWHERE, offsetof(struct pdk_metrics, name) \
    }
#define COUNTER(name) FIELD(name, PDK_METRIC_COUNTER)
#define SUMMARY(name) FIELD(name, PDK_METRIC_SUMMARY)
#define PERCENTILES(name) FIELD(name, PDK_METRIC_PERCENTILES)
/* Known to Apache, measured by nobody here: leaders, learners, another architecture's queues. */
#define NONE(name, kind) \
    { \
        name, kind, PDK_METRIC_EVERYWHERE, PDK_METRIC_UNMEASURED \
    }
#define NO_COUNTER(name) NONE(name, PDK_METRIC_COUNTER)
#define NO_SUMMARY(name) NONE(name, PDK_METRIC_SUMMARY)
#define NO_PERCENTILES(name) NONE(name, PDK_METRIC_PERCENTILES)
#define GAUGE(name) \
    { \
        name, PDK_METRIC_GAUGE, PDK_METRIC_EVERYWHERE, PDK_METRIC_UNMEASURED \
    }
#define LEADER_GAUGE(name) \
    { \
        name, PDK_METRIC_GAUGE, PDK_METRIC_LEADER, PDK_METRIC_UNMEASURED \
    }

static const struct pdk_metric_info table[] = {
    GAUGE("avg_latency"),
    GAUGE("min_latency"),
    GAUGE("max_latency"),
    GAUGE("packets_received"),
    GAUGE("packets_sent"),
    GAUGE("num_alive_connections"),
    GAUGE("outstanding_requests"),
    GAUGE("uptime"),
    GAUGE("znode_count"),
    GAUGE("watch_count"),
    GAUGE("ephemerals_count"),
    GAUGE("approximate_data_size"),
    GAUGE("global_sessions"),
    GAUGE("local_sessions"),
    GAUGE("open_file_descriptor_count"),
    GAUGE("max_file_descriptor_count"),
    GAUGE("connection_drop_probability"),
    GAUGE("last_client_response_size"),
    GAUGE("max_client_response_size"),
    GAUGE("min_client_response_size"),
    GAUGE("outstanding_tls_handshake"),
    GAUGE("auth_failed_count"),
    GAUGE("non_mtls_remote_conn_count"),
    GAUGE("non_mtls_local_conn_count"),
    {"quorum_size", PDK_METRIC_GAUGE, PDK_METRIC_MEMBER, PDK_METRIC_UNMEASURED},
    LEADER_GAUGE("learners"),
    LEADER_GAUGE("synced_followers"),
    LEADER_GAUGE("synced_non_voting_followers"),
    LEADER_GAUGE("synced_observers"),
    LEADER_GAUGE("pending_syncs"),
    LEADER_GAUGE("last_proposal_size"),
    LEADER_GAUGE("max_proposal_size"),
    LEADER_GAUGE("min_proposal_size"),
    LEADER_GAUGE("leader_uptime"),
    NONE("quota_count_limit_per_namespace", PDK_METRIC_GAUGE_SET),
    NONE("quota_bytes_limit_per_namespace", PDK_METRIC_GAUGE_SET),
    NONE("quota_count_usage_per_namespace", PDK_METRIC_GAUGE_SET),
    NONE("quota_bytes_usage_per_namespace", PDK_METRIC_GAUGE_SET),

    COUNTER(bytes_received_count),
    COUNTER(response_bytes),
    COUNTER(watch_bytes),
    COUNTER(connection_request_count),
    COUNTER(connection_drop_count),
    COUNTER(connection_rejected),
    COUNTER(connection_revalidate_count),
    NO_COUNTER("revalidate_count"),
    COUNTER(sessionless_connections_expired),
    COUNTER(stale_sessions_expired),
    COUNTER(stale_requests),
    COUNTER(stale_requests_dropped),
    COUNTER(stale_replies),
    COUNTER(throttled_ops),
    COUNTER(request_throttle_wait_count),
    COUNTER(large_requests_rejected),
    NO_COUNTER("requests_not_forwarded_to_commit_processor"),
    COUNTER(commit_count),
    COUNTER(proposal_count),
    NO_COUNTER("snap_count"),
    NO_COUNTER("diff_count"),
    COUNTER(learner_proposal_received_count),
    COUNTER(learner_commit_received_count),
    COUNTER(looking_count),
    NO_COUNTER("quit_leading_due_to_disloyal_voter"),
    COUNTER(digest_mismatches_count),
    COUNTER(unrecoverable_error_count),
    COUNTER(cnxn_closed_without_zk_server_running),
    COUNTER(prep_processor_request_queued),
    COUNTER(sync_processor_request_queued),
    NO_COUNTER("request_commit_queued"),
    COUNTER(outstanding_changes_queued),
    COUNTER(outstanding_changes_removed),
    NO_COUNTER("skip_learner_request_to_next_processor_count"),
    COUNTER(response_packet_cache_hits),
    COUNTER(response_packet_cache_misses),
    COUNTER(response_packet_get_children_cache_hits),
    COUNTER(response_packet_get_children_cache_misses),
    NO_COUNTER("dead_watchers_queued"),
    NO_COUNTER("dead_watchers_cleared"),
    NO_COUNTER("add_dead_watcher_stall_time"),
    COUNTER(ensemble_auth_success),
    COUNTER(ensemble_auth_fail),
    COUNTER(ensemble_auth_skip),
    NO_COUNTER("tls_handshake_exceeded"),
    NO_COUNTER("unsuccessful_handshake"),
    NO_COUNTER("insecure_admin_count"),
    COUNTER(snapshot_error_count),
    NO_COUNTER("snapshot_rate_limited_count"),
    NO_COUNTER("restore_error_count"),
    NO_COUNTER("restore_rate_limited_count"),
    COUNTER(ttl_node_created_count),
    COUNTER(ttl_node_deleted_count),
    COUNTER(op_count_total),
    COUNTER(op_count_add_watch),
    COUNTER(op_count_check),
    COUNTER(op_count_check_watches),
    COUNTER(op_count_close_session),
    COUNTER(op_count_create),
    COUNTER(op_count_create_session),
    COUNTER(op_count_delete),
    COUNTER(op_count_exists),
    COUNTER(op_count_get_acl),
    COUNTER(op_count_get_all_children_number),
    COUNTER(op_count_get_children),
    COUNTER(op_count_get_data),
    COUNTER(op_count_get_ephemerals),
    COUNTER(op_count_multi),
    COUNTER(op_count_multi_read),
    COUNTER(op_count_ping),
    COUNTER(op_count_reconfig),
    COUNTER(op_count_remove_watches),
    COUNTER(op_count_set_acl),
    COUNTER(op_count_set_data),
    COUNTER(op_count_set_watches),
    COUNTER(op_count_sync),
    COUNTER(op_count_who_am_i),
    NONE("quota_exceeded_error_per_namespace", PDK_METRIC_COUNTER_SET),

    SUMMARY(fsynctime),
    SUMMARY(snapshottime),
    SUMMARY(dbinittime),
    NO_SUMMARY("restore_time"),
    SUMMARY(startup_txns_loaded),
    SUMMARY(startup_txns_load_time),
    SUMMARY(startup_snap_load_time),
    SUMMARY(election_time),
    NO_SUMMARY("leader_unavailable_time"),
    NO_SUMMARY("unavailable_time"),
    NO_SUMMARY("follower_sync_time"),
    NO_SUMMARY("observer_sync_time"),
    NO_SUMMARY("inflight_snap_count"),
    NO_SUMMARY("inflight_diff_count"),
    SUMMARY(sync_process_time),
    SUMMARY(sync_processor_batch_size),
    SUMMARY(sync_processor_queue_size),
    SUMMARY(prep_process_time),
    SUMMARY(prep_processor_queue_size),
    NO_SUMMARY("proposal_process_time"),
    NO_SUMMARY("commit_process_time"),
    NO_SUMMARY("commit_commit_proc_req_queued"),
    NO_SUMMARY("read_commit_proc_req_queued"),
    NO_SUMMARY("write_commit_proc_req_queued"),
    NO_SUMMARY("read_commit_proc_issued"),
    NO_SUMMARY("write_commit_proc_issued"),
    NO_SUMMARY("concurrent_request_processing_in_commit_processor"),
    NO_SUMMARY("write_batch_time_in_commit_processor"),
    NO_SUMMARY("time_waiting_empty_pool_in_commit_processor_read_ms"),
    SUMMARY(requests_in_session_queue),
    NO_SUMMARY("pending_session_queue_size"),
    NO_SUMMARY("reads_after_write_in_session_queue"),
    NO_SUMMARY("reads_issued_from_session_queue"),
    NO_SUMMARY("session_queues_drained"),
    NO_SUMMARY("learner_request_processor_queue_size"),
    SUMMARY(node_created_watch_count),
    SUMMARY(node_deleted_watch_count),
    SUMMARY(node_changed_watch_count),
    SUMMARY(node_children_watch_count),
    SUMMARY(connection_token_deficit),
    NO_SUMMARY("netty_queued_buffer_capacity"),
    SUMMARY(socket_closing_time),
    FIELD(read_per_namespace, PDK_METRIC_SUMMARY_SET),
    FIELD(write_per_namespace, PDK_METRIC_SUMMARY_SET),
    NONE("learner_handler_qp_size", PDK_METRIC_SUMMARY_SET),

    PERCENTILES(readlatency),
    PERCENTILES(updatelatency),
    PERCENTILES(propagation_latency),
    NO_PERCENTILES("proposal_latency"),
    NO_PERCENTILES("proposal_ack_creation_latency"),
    NO_PERCENTILES("quorum_ack_latency"),
    NO_PERCENTILES("commit_propagation_latency"),
    NO_PERCENTILES("om_proposal_process_time_ms"),
    NO_PERCENTILES("om_commit_process_time_ms"),
    PERCENTILES(prep_processor_queue_time_ms),
    PERCENTILES(sync_processor_queue_time_ms),
    PERCENTILES(sync_processor_queue_and_flush_time_ms),
    PERCENTILES(sync_processor_queue_flush_time_ms),
    NO_PERCENTILES("read_commitproc_time_ms"),
    NO_PERCENTILES("write_commitproc_time_ms"),
    NO_PERCENTILES("local_write_committed_time_ms"),
    NO_PERCENTILES("server_write_committed_time_ms"),
    PERCENTILES(read_final_proc_time_ms),
    PERCENTILES(write_final_proc_time_ms),
    PERCENTILES(request_throttle_queue_time_ms),
    PERCENTILES(close_session_prep_time),
    NO_PERCENTILES("dead_watchers_cleaner_latency"),
    NO_PERCENTILES("jvm_pause_time_ms"),
    NONE("ack_latency", PDK_METRIC_PERCENTILES_SET),
    NONE("learner_handler_qp_time_ms", PDK_METRIC_PERCENTILES_SET),
};

void pdk_metrics_init(struct pdk_metrics *m) { memset(m, 0, sizeof *m); }

void pdk_metrics_reset(struct pdk_metrics *m) { memset(m, 0, sizeof *m); }

/* ---- namespaces ---------------------------------------------------------------------------- */

/* The slot of a name, a free one that is to be its own, or NULL. */
static struct pdk_namespace *slot_of(struct pdk_namespaces *s, const char *name, size_t len)
{
    const uint8_t *b = (const uint8_t *)name;
    size_t hash = len * 7u + b[0] + b[len / 2] * 31u + b[len - 1] * 131u;
    for (size_t i = 0; i < 8; i++) {
        struct pdk_namespace *slot = &s->slots[(hash + i) % PDK_NAMESPACE_SLOTS];
        if (slot->len == len && memcmp(slot->name, name, len) == 0) return slot;
        if (slot->len != 0) continue;
        if (s->count == PDK_NAMESPACES_MAX) return NULL;
        s->count++;
        slot->len = (uint8_t)len;
        memcpy(slot->name, name, len);
        return slot;
    }
    return NULL;
}

void pdk_namespaces_add(struct pdk_namespaces *s, struct pdk_slice path, uint64_t bytes)
{
    if (path.len < 2 || path.bytes[0] != '/') return;
    const char *name = (const char *)path.bytes + 1;
    size_t len = 0, most = pdk_min_size(path.len - 1, PDK_NAMESPACE_NAME_MAX + 1);
    while (len < most && name[len] != '/') len++;
    if (len == 0 || len > PDK_NAMESPACE_NAME_MAX) return;
    struct pdk_namespace *slot = slot_of(s, name, len);
    if (slot != NULL) pdk_summary_add(&slot->bytes, bytes);
}

static void merge_namespaces(struct pdk_namespaces *into, const struct pdk_namespaces *from)
{
    for (size_t i = 0; i < PDK_NAMESPACE_SLOTS; i++) {
        const struct pdk_namespace *more = &from->slots[i];
        if (more->len == 0) continue;
        struct pdk_namespace *slot = slot_of(into, more->name, more->len);
        if (slot != NULL) pdk_summary_merge(&slot->bytes, &more->bytes);
    }
}

/* ---- operations ---------------------------------------------------------------------------- */

static uint64_t *op_counter(struct pdk_metrics *m, int32_t op)
{
    switch (op) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_TTL:
    case PDK_OP_CREATE_CONTAINER: return &m->op_count_create;
    case PDK_OP_DELETE: return &m->op_count_delete;
    case PDK_OP_EXISTS: return &m->op_count_exists;
    case PDK_OP_GET_DATA: return &m->op_count_get_data;
    case PDK_OP_SET_DATA: return &m->op_count_set_data;
    case PDK_OP_GET_ACL: return &m->op_count_get_acl;
    case PDK_OP_SET_ACL: return &m->op_count_set_acl;
    case PDK_OP_GET_CHILDREN:
    case PDK_OP_GET_CHILDREN2: return &m->op_count_get_children;
    case PDK_OP_SYNC: return &m->op_count_sync;
    case PDK_OP_PING: return &m->op_count_ping;
    case PDK_OP_CHECK: return &m->op_count_check;
    case PDK_OP_MULTI: return &m->op_count_multi;
    case PDK_OP_RECONFIG: return &m->op_count_reconfig;
    case PDK_OP_CHECK_WATCHES: return &m->op_count_check_watches;
    case PDK_OP_REMOVE_WATCHES: return &m->op_count_remove_watches;
    case PDK_OP_MULTI_READ: return &m->op_count_multi_read;
    case PDK_OP_SET_WATCHES:
    case PDK_OP_SET_WATCHES2: return &m->op_count_set_watches;
    case PDK_OP_GET_EPHEMERALS: return &m->op_count_get_ephemerals;
    case PDK_OP_GET_ALL_CHILDREN_NUMBER: return &m->op_count_get_all_children_number;
    case PDK_OP_ADD_WATCH: return &m->op_count_add_watch;
    case PDK_OP_WHO_AM_I: return &m->op_count_who_am_i;
    case PDK_OP_CREATE_SESSION: return &m->op_count_create_session;
    case PDK_OP_CLOSE_SESSION: return &m->op_count_close_session;
    default: return NULL;
    }
}

void pdk_metrics_count_op(struct pdk_metrics *m, int32_t op)
{
    uint64_t *counter = op_counter(m, op);
    if (counter == NULL) return;
    (*counter)++;
    m->op_count_total++;
}

/* ---- the table's values -------------------------------------------------------------------- */

/* The field of row `info`, when it has one of this kind. */
static const void *field(const struct pdk_metrics *m, const struct pdk_metric_info *info,
                         enum pdk_metric_kind kind)
{
    if (info->offset == PDK_METRIC_UNMEASURED || info->kind != kind) return NULL;
    return (const char *)m + info->offset;
}

void pdk_metrics_merge(struct pdk_metrics *into, const struct pdk_metrics *from)
{
    for (size_t i = 0; i < PDK_COUNT_OF(table); i++) {
        const struct pdk_metric_info *info = &table[i];
        if (info->offset == PDK_METRIC_UNMEASURED) continue;
        void *to = (char *)into + info->offset;
        const void *more = (const char *)from + info->offset;
        if (info->kind == PDK_METRIC_COUNTER) {
            *(uint64_t *)to += *(const uint64_t *)more;
        } else if (info->kind == PDK_METRIC_SUMMARY) {
            pdk_summary_merge(to, more);
        } else if (info->kind == PDK_METRIC_SUMMARY_SET) {
            merge_namespaces(to, more);
        } else {
            PDK_ASSERT(info->kind == PDK_METRIC_PERCENTILES);
            pdk_percentiles_merge(to, more);
        }
    }
}

const struct pdk_metric_info *pdk_metric_table(size_t *count)
{
    *count = PDK_COUNT_OF(table);
    return table;
}

const uint64_t *pdk_metric_counter(const struct pdk_metrics *m, const struct pdk_metric_info *info)
{
    return field(m, info, PDK_METRIC_COUNTER);
}

const struct pdk_summary *pdk_metric_summary(const struct pdk_metrics *m,
                                             const struct pdk_metric_info *info)
{
    return field(m, info, PDK_METRIC_SUMMARY);
}

const struct pdk_namespaces *pdk_metric_namespaces(const struct pdk_metrics *m,
                                                   const struct pdk_metric_info *info)
{
    return field(m, info, PDK_METRIC_SUMMARY_SET);
}

const struct pdk_percentiles *pdk_metric_percentiles(const struct pdk_metrics *m,
                                                     const struct pdk_metric_info *info)
{
    return field(m, info, PDK_METRIC_PERCENTILES);
}
