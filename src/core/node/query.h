/* core/node/query.h - what an operator may ask of the node: read-only, O(answer).
 *
 * For four-letter words, metrics and the admin surface.  Core thread. */
#ifndef PDK_CORE_NODE_QUERY_H
#define PDK_CORE_NODE_QUERY_H

#include "core/node/metrics.h"
#include "core/node/node.h"

struct pdk_node_summary {
    pdk_zxid zxid; /* last processed */
    uint64_t packets_received, packets_sent;
    int64_t latency_min_ms, latency_max_ms;
    uint64_t latency_count, latency_sum_ms; /* average = sum / count */
    uint64_t outstanding;
    uint64_t connections; /* that the node knows, with or without a session */
    uint64_t sessions;
    int32_t response_last, response_min, response_max; /* bytes of client replies; -1 = none yet */
    uint64_t auth_failed;
    struct pdk_tree_counts tree;
    struct pdk_watch_counts watches;
    bool refusing_writes; /* no log space */
};
void pdk_node_summary(const struct pdk_node *node, struct pdk_node_summary *out);

/* Statistics of one connection (4lw cons, stat). */
struct pdk_conn_info {
    bool known;
    pdk_session session; /* 0 = none yet */
    int32_t timeout_ms;
    uint64_t received, sent;
    uint32_t outstanding;
    int32_t last_op; /* opcode, or 0 before the first */
    bool has_last_op;
    int32_t last_cxid;  /* -1 = none */
    pdk_zxid last_zxid; /* -1 = none */
    int64_t established_wall_ms, last_response_mono_ms;
    int64_t last_latency_ms, latency_min_ms, latency_max_ms, latency_sum_ms;
    uint64_t latency_count;
};
void pdk_node_conn(const struct pdk_node *node, uint32_t conn, struct pdk_conn_info *out);

/* ---- a member of an ensemble ----------------------------------------------------------------- */
enum pdk_role {
    PDK_ROLE_STANDALONE,
    PDK_ROLE_LOOKING,
    PDK_ROLE_LEADING, /* from the decision on; serving only when `serves` */
    PDK_ROLE_FOLLOWING,
    PDK_ROLE_OBSERVING,
};
/* "standalone", "leader", "follower", "observer", "looking" */
const char *pdk_role_name(enum pdk_role role);

struct pdk_member_summary {
    enum pdk_role role;
    bool serves;        /* clients */
    bool read_only;     /* serves only those that want no more, because there is no leader */
    pdk_sid me, leader; /* leader: PDK_SID_NONE while looking */
    int64_t epoch;      /* current */
    const struct pdk_members *members, *last_seen; /* NULL when standalone */
    int64_t last_election_ms;                      /* how long the last one took; -1: none yet */
    uint64_t elections;
    int64_t looking_since_ms; /* monotonic; -1: not looking */
    int64_t serving_since_ms; /* monotonic: the role's broadcast began; -1: it has not */
    uint64_t syncing_bytes;   /* of a snapshot that is coming in */
    pdk_zxid last_logged, last_committed;
    uint64_t pending_syncs, pending_revalidations;
    uint64_t local_sessions;
};
void pdk_node_member(const struct pdk_node *node, struct pdk_member_summary *out);
/* Learners of a leader (or of an observer master); false behind the last. */
struct pdk_learner_info_row {
    pdk_sid sid;
    bool is_observer, is_voter, is_synced;
    pdk_zxid acked;
    int64_t last_heard_ms;
    char address[64];
};
bool pdk_node_learner(const struct pdk_node *node, size_t index, struct pdk_learner_info_row *out);
struct pdk_proposal_counts {
    uint64_t diff_syncs, snap_syncs, trunc_syncs, proposals, commits, acks;
    int64_t last_bytes, min_bytes, max_bytes; /* of proposals; -1: none yet */
};
void pdk_node_proposal_counts(const struct pdk_node *node, struct pdk_proposal_counts *out);

/* A snapshot job is out. */
bool pdk_node_snapshot_running(const struct pdk_node *node);

void pdk_node_reset_stats(struct pdk_node *node);      /* srst */
void pdk_node_reset_conn_stats(struct pdk_node *node); /* crst */

const struct pdk_tree *pdk_node_tree(const struct pdk_node *node);
const struct pdk_watch *pdk_node_watch(const struct pdk_node *node);
const struct pdk_sessions *pdk_node_sessions(const struct pdk_node *node);
/* Those that only this server knows. */
const struct pdk_sessions *pdk_node_local_sessions(const struct pdk_node *node);
const struct pdk_metrics *pdk_node_metrics(const struct pdk_node *node);
/* Session of a watcher number, 0 when it has none. */
pdk_session pdk_node_session_of(const struct pdk_node *node, uint32_t conn);

/* The digest log (4lw hash): newest last; every zxid divisible by 128, at most 1024. */
struct pdk_digest_entry {
    pdk_zxid zxid;
    uint64_t digest;
};
size_t pdk_node_digest_log(const struct pdk_node *node, const struct pdk_digest_entry **first_part,
                           size_t *first_count, const struct pdk_digest_entry **second_part);

#endif
