/* Writes become transactions, and wait in a ring until they are committed.
 *
 * Invariants: proposals stand in zxid order and are the end of the history; a proposal's bytes stay
 * where they are until it is applied and durable. */
#include <string.h>

#include "core/node/internal.h"

bool pdk_propose_room(const struct pdk_node *n)
{
    return n->in_flight_bytes < n->config.in_flight_bytes;
}

static struct pdk_proposal *push_proposal(struct pdk_node *n)
{
    if (n->proposal_count == n->proposal_cap) {
        size_t cap = n->proposal_cap > 0 ? n->proposal_cap * 2 : 256;
        struct pdk_proposal *wider = pdk_mem_must(n->mem, cap * sizeof *wider);
        for (size_t i = 0; i < n->proposal_count; i++)
            wider[i] = n->proposals[(n->proposal_head + i) & (n->proposal_cap - 1)];
        pdk_mem_free(n->mem, n->proposals);
        n->proposals = wider;
        n->proposal_head = 0;
        n->proposal_cap = cap;
    }
    size_t at = (n->proposal_head + n->proposal_count++) & (n->proposal_cap - 1);
    return &n->proposals[at];
}

/* Into the history, the ring and the log. */
static struct pdk_proposal *add(struct pdk_node *n, pdk_zxid zxid, struct pdk_slice txn)
{
    size_t framed = txn.len + PDK_LOG_FRAME_BYTES;
    uint8_t *record = pdk_history_add(n->history, zxid, txn.len);
    memcpy(record + PDK_LOG_HEAD_BYTES, txn.bytes, txn.len);
    pdk_log_frame(record, txn.len);
    struct pdk_proposal *p = push_proposal(n);
    *p = (struct pdk_proposal){
        .zxid = zxid, .txn = record + PDK_LOG_HEAD_BYTES, .len = txn.len, .conn = PDK_CONN_NONE};
    n->proposed = zxid;
    n->in_flight_bytes += framed;
    n->metrics.sync_processor_request_queued++;
    pdk_out_append(&n->out, record, framed, zxid);
    return p;
}

static void count_proposed(struct pdk_node *n, const struct pdk_prep_result *result)
{
    n->metrics.outstanding_changes_queued += result->touched;
    /* Judged in the step in which it came: no queue, and no time that this clock could show. */
    n->metrics.prep_processor_request_queued++;
    pdk_summary_add(&n->metrics.prep_process_time, 0);
}

bool pdk_propose(struct pdk_node *n, const struct pdk_propose *p, enum pdk_code *code)
{
    struct pdk_prep_request req = {
        .op = p->op,
        .cxid = p->xid,
        .session = p->session,
        .body = p->body,
        .identities = p->identities,
        .identity_count = p->identity_count,
        .time_ms = n->now.wall_ms,
        .global_session = !p->local_session,
        .verdict = p->verdict,
        .must = p->must,
        .config = p->config,
    };
    struct pdk_prep_result result;
    pdk_zxid zxid = n->proposed + 1;
    pdk_buf_clear(&n->txn);
    pdk_prep_run(n->prep, &req, zxid, &n->txn, &result);
    *code = result.code;
    if (result.no_txn) return false;
    PDK_ASSERT(!n->txn.failed);
    struct pdk_proposal *proposal = add(n, zxid, pdk_buf_slice(&n->txn));
    proposal->is_own = true;
    proposal->has_hint = result.has_digests;
    proposal->hint = (struct pdk_digest_hint){
        .node_digest = result.node_digest, .parent_digest = result.parent_digest, .id = result.id};
    if (p->conn != NULL) {
        proposal->conn = p->conn->index;
        proposal->conn_serial = p->conn->serial;
    }
    count_proposed(n, &result);
    if (p->op == PDK_OP_CLOSE_SESSION) {
        struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, p->session);
        if (entry != NULL) entry->closing = true;
    }
    return true;
}

void pdk_propose_foreign(struct pdk_node *n, pdk_zxid zxid, struct pdk_slice txn)
{
    (void)add(n, zxid, txn);
}

struct pdk_proposal pdk_propose_pop(struct pdk_node *n)
{
    PDK_ASSERT(n->proposal_count > 0);
    struct pdk_proposal p = n->proposals[n->proposal_head];
    n->proposal_head = (n->proposal_head + 1) & (n->proposal_cap - 1);
    n->proposal_count--;
    n->in_flight_bytes -= p.len + PDK_LOG_FRAME_BYTES;
    return p;
}

void pdk_propose_forget(struct pdk_node *n)
{
    n->proposal_head = n->proposal_count = 0;
    n->in_flight_bytes = 0;
}
