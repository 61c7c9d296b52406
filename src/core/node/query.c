#include "core/node/query.h"

#include "core/node/member.h"

#include <string.h>

void pdk_node_summary(const struct pdk_node *n, struct pdk_node_summary *out)
{
    *out = n->totals;
    out->zxid = n->state->last_zxid;
    out->outstanding = n->in_process;
    out->connections = n->conn_count;
    out->sessions = pdk_sessions_count(n->state->sessions);
    out->refusing_writes = n->no_space;
    pdk_tree_counts(n->state->tree, &out->tree);
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

const struct pdk_tree *pdk_node_tree(const struct pdk_node *n) { return n->state->tree; }

const struct pdk_watch *pdk_node_watch(const struct pdk_node *n) { return n->watch; }

const struct pdk_sessions *pdk_node_sessions(const struct pdk_node *n)
{
    return n->state->sessions;
}

const struct pdk_sessions *pdk_node_local_sessions(const struct pdk_node *n) { return n->local; }

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

/* ---- a member of an ensemble ----------------------------------------------------------------- */

const char *pdk_role_name(enum pdk_role role)
{
    switch (role) {
    case PDK_ROLE_STANDALONE: return "standalone";
    case PDK_ROLE_LOOKING: return "looking";
    case PDK_ROLE_LEADING: return "leader";
    case PDK_ROLE_FOLLOWING: return "follower";
    case PDK_ROLE_OBSERVING: return "observer";
    }
    return "?";
}

void pdk_node_member(const struct pdk_node *n, struct pdk_member_summary *out)
{
    const struct pdk_membership *m = n->member;
    *out = (struct pdk_member_summary){.serves = true,
                                       .me = n->config.server_id,
                                       .leader = PDK_SID_NONE,
                                       .last_election_ms = -1,
                                       .looking_since_ms = -1,
                                       .serving_since_ms = -1,
                                       .last_logged = n->proposed,
                                       .last_committed = n->state->last_zxid,
                                       .pending_syncs = n->barrier_count,
                                       .local_sessions = pdk_sessions_count(n->local)};
    if (m == NULL) return;
    out->role = m->role;
    out->serves = pdk_member_serves(n) && !m->read_only;
    out->read_only = m->read_only;
    out->leader = m->leader_sid;
    out->epoch = m->current_epoch;
    out->members = m->committed;
    out->last_seen = m->last_seen;
    out->last_election_ms = m->last_election_ms;
    out->elections = m->elections;
    if (m->role == PDK_ROLE_LOOKING) out->looking_since_ms = m->looking_since_ms;
    if (m->serves) out->serving_since_ms = m->serving_since_ms;
    if (m->learner != NULL) out->syncing_bytes = pdk_learner_snapshot_bytes(m->learner);
    out->last_logged = pdk_history_last(n->history);
    out->pending_syncs += m->sync_count;
    out->pending_revalidations = m->revalidation_count;
}

bool pdk_node_learner(const struct pdk_node *n, size_t index, struct pdk_learner_info_row *out)
{
    if (!pdk_member_is_leading(n) || index >= pdk_leader_learner_count(n->member->leader))
        return false;
    struct pdk_learner_status s;
    pdk_leader_learner(n->member->leader, index, &s);
    *out = (struct pdk_learner_info_row){.sid = s.sid,
                                         .is_observer = s.is_observer,
                                         .is_voter = s.is_voter,
                                         .is_synced = s.is_synced,
                                         .acked = s.acked,
                                         .last_heard_ms = s.last_heard_ms};
    if (s.address == NULL) return true;
    size_t len = pdk_min_size(strlen(s.address), sizeof out->address - 1);
    memcpy(out->address, s.address, len);
    return true;
}

void pdk_node_proposal_counts(const struct pdk_node *n, struct pdk_proposal_counts *out)
{
    *out = (struct pdk_proposal_counts){.last_bytes = -1, .min_bytes = -1, .max_bytes = -1};
    if (!pdk_member_is_leading(n)) return;
    struct pdk_leader_counts c = pdk_leader_counts(n->member->leader);
    out->diff_syncs = c.diff_syncs;
    out->snap_syncs = c.snap_syncs;
    out->trunc_syncs = c.trunc_syncs;
    out->proposals = c.proposals;
    out->commits = c.commits;
    out->acks = c.acks;
    if (c.proposals == 0) return;
    out->last_bytes = c.last_proposal_bytes;
    out->min_bytes = c.min_proposal_bytes;
    out->max_bytes = c.max_proposal_bytes;
}
