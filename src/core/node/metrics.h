/* core/node/metrics.h - Apache's metrics (admin.md section 3) as a server of ours maintains them.
 *
 * One struct with a field per metric that somebody measures, named like the metric; one table with
 * every metric name of Apache, measured or not, so that mntr and the exporters print them all.
 * Gauges have no field: who prints takes them from the node's summary, the process or the shell.
 *
 * The node owns one struct, the shell another (log thread, sockets); who prints merges both.  All
 * zero is the empty state.
 *
 * Threads: one writer each.  Log and background threads hand their times back with completions. */
#ifndef PDK_CORE_NODE_METRICS_H
#define PDK_CORE_NODE_METRICS_H

#include "base/base.h"
#include "base/metric.h"

/* Bytes by namespace, which is a path's first name.  What does not fit in here is not counted: a
 * long name, more than PDK_NAMESPACES_MAX, or no place left near its hash.  All zero is the empty
 * state. */
#define PDK_NAMESPACES_MAX 64u
#define PDK_NAMESPACE_SLOTS 128u
#define PDK_NAMESPACE_NAME_MAX 63u
struct pdk_namespaces {
    struct pdk_namespace {
        uint8_t len; /* 0: free */
        char name[PDK_NAMESPACE_NAME_MAX];
        struct pdk_summary bytes;
    } slots[PDK_NAMESPACE_SLOTS];
    uint64_t count;
};
/* Nothing for the root. */
void pdk_namespaces_add(struct pdk_namespaces *s, struct pdk_slice path, uint64_t bytes);

struct pdk_metrics {
    /* ---- counters: the node --------------------------------------------------------------- */
    uint64_t commit_count;   /* txns applied */
    uint64_t proposal_count; /* leader; a standalone server leaves it 0, as Apache does */
    uint64_t looking_count;  /* elections begun */
    uint64_t learner_proposal_received_count, learner_commit_received_count;
    uint64_t connection_request_count;    /* ConnectRequests taken up */
    uint64_t connection_revalidate_count; /* of them with a session id */
    uint64_t stale_sessions_expired;
    uint64_t stale_requests; /* of a connection that closed before their turn came */
    uint64_t stale_requests_dropped;
    uint64_t stale_replies;
    uint64_t throttled_ops;
    uint64_t request_throttle_wait_count;
    uint64_t large_requests_rejected; /* largeRequestThreshold; decision 6's refusals too */
    uint64_t digest_mismatches_count;
    uint64_t unrecoverable_error_count;
    uint64_t prep_processor_request_queued;
    uint64_t sync_processor_request_queued;
    uint64_t outstanding_changes_queued, outstanding_changes_removed;
    uint64_t watch_bytes; /* of notifications */
    uint64_t response_packet_cache_hits, response_packet_cache_misses;
    uint64_t response_packet_get_children_cache_hits, response_packet_get_children_cache_misses;
    uint64_t ensemble_auth_success, ensemble_auth_fail, ensemble_auth_skip;
    uint64_t ttl_node_created_count, ttl_node_deleted_count;
    uint64_t op_count_total, op_count_add_watch, op_count_check, op_count_check_watches,
        op_count_close_session, op_count_create, op_count_create_session, op_count_delete,
        op_count_exists, op_count_get_acl, op_count_get_all_children_number, op_count_get_children,
        op_count_get_data, op_count_get_ephemerals, op_count_multi, op_count_multi_read,
        op_count_ping, op_count_reconfig, op_count_remove_watches, op_count_set_acl,
        op_count_set_data, op_count_set_watches, op_count_sync, op_count_who_am_i;
    /* ---- counters: the shell --------------------------------------------------------------- */
    uint64_t bytes_received_count;
    uint64_t response_bytes;        /* of replies, without notifications */
    uint64_t connection_drop_count; /* closed by the server for a fault or limit */
    uint64_t connection_rejected;   /* at accept: maxClientCnxns, maxCnxns, throttle */
    uint64_t sessionless_connections_expired;
    uint64_t cnxn_closed_without_zk_server_running;
    uint64_t snapshot_error_count;

    /* ---- summaries: milliseconds, unless said otherwise ------------------------------------- */
    struct pdk_summary fsynctime;           /* of a datasync of the log */
    struct pdk_summary snapshottime;        /* of writing a snapshot */
    struct pdk_summary dbinittime;          /* of recovery at start */
    struct pdk_summary startup_txns_loaded; /* a number */
    struct pdk_summary startup_txns_load_time, startup_snap_load_time;
    struct pdk_summary sync_process_time;                                    /* of one append */
    struct pdk_summary sync_processor_batch_size, sync_processor_queue_size; /* numbers */
    struct pdk_summary prep_process_time;
    struct pdk_summary prep_processor_queue_size;                          /* a number */
    struct pdk_summary requests_in_session_queue;                          /* a number */
    struct pdk_summary node_created_watch_count, node_deleted_watch_count, /* watchers told */
        node_changed_watch_count, node_children_watch_count;
    struct pdk_summary election_time;            /* from looking to a role */
    struct pdk_summary connection_token_deficit; /* tokens */
    struct pdk_summary socket_closing_time;

    /* ---- summaries by namespace: bytes of path and data; reads: and of the Stat ---------------
     * */
    struct pdk_namespaces read_per_namespace, write_per_namespace;

    /* ---- percentile summaries: milliseconds ----------------------------------------------- */
    struct pdk_percentiles readlatency, updatelatency; /* arrival to reply */
    struct pdk_percentiles propagation_latency;        /* txn's time to its application */
    struct pdk_percentiles prep_processor_queue_time_ms;
    struct pdk_percentiles sync_processor_queue_time_ms, sync_processor_queue_and_flush_time_ms,
        sync_processor_queue_flush_time_ms;
    struct pdk_percentiles read_final_proc_time_ms, write_final_proc_time_ms;
    struct pdk_percentiles request_throttle_queue_time_ms;
    struct pdk_percentiles close_session_prep_time;
};

/* Empty. */
void pdk_metrics_init(struct pdk_metrics *m);
/* What `srst` resets: everything, as Apache's default provider does. */
void pdk_metrics_reset(struct pdk_metrics *m);
/* One op_count_ of a request that was done. */
void pdk_metrics_count_op(struct pdk_metrics *m, int32_t op);
void pdk_metrics_merge(struct pdk_metrics *into, const struct pdk_metrics *from);

enum pdk_metric_kind {
    PDK_METRIC_COUNTER,
    PDK_METRIC_GAUGE,
    PDK_METRIC_SUMMARY,
    PDK_METRIC_PERCENTILES,
    /* One value per key (namespace, server id); none printed while there is no key. */
    PDK_METRIC_COUNTER_SET,
    PDK_METRIC_GAUGE_SET,
    PDK_METRIC_SUMMARY_SET,
    PDK_METRIC_PERCENTILES_SET,
};
enum pdk_metric_scope { /* who shows it */
                        PDK_METRIC_EVERYWHERE,
                        PDK_METRIC_MEMBER, /* an ensemble's member */
                        PDK_METRIC_LEADER,
};
struct pdk_metric_info {
    const char *name; /* without "zk_" */
    enum pdk_metric_kind kind;
    enum pdk_metric_scope scope;
    size_t offset; /* of its field in struct pdk_metrics; PDK_METRIC_UNMEASURED: always 0 */
};
#define PDK_METRIC_UNMEASURED SIZE_MAX
/* Every metric name of Apache 3.9 and master, gauges included; no name twice. */
const struct pdk_metric_info *pdk_metric_table(size_t *count);

/* Value of a row; NULL when it is not measured or of another kind. */
const uint64_t *pdk_metric_counter(const struct pdk_metrics *m, const struct pdk_metric_info *info);
const struct pdk_summary *pdk_metric_summary(const struct pdk_metrics *m,
                                             const struct pdk_metric_info *info);
const struct pdk_namespaces *pdk_metric_namespaces(const struct pdk_metrics *m,
                                                   const struct pdk_metric_info *info);
const struct pdk_percentiles *pdk_metric_percentiles(const struct pdk_metrics *m,
                                                     const struct pdk_metric_info *info);

#endif
