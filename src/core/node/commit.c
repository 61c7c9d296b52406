/* Proposals on their way to the disk, and what happens when they are committed.
 *
 * Invariants: proposals stand in zxid order; a proposal's bytes live in a chunk until it is
 * applied; a write's answer leaves in the same step as its application, behind the events it
 * caused. */
#include <string.h>

#include "core/node/internal.h"
#include "core/node/watches.h"
#include "core/tree/ahead.h"

#define CHUNK_BYTES ((size_t)256 << 10)

/* ---- proposing --------------------------------------------------------------------------- */

bool pdk_propose_room(const struct pdk_node *n)
{
    return n->in_flight_bytes < n->config.in_flight_bytes;
}

/* Room for a record that stays where it is until it is applied. */
static uint8_t *chunk_take(struct pdk_node *n, size_t len, pdk_zxid zxid)
{
    struct pdk_chunk *chunk = n->last_chunk;
    if (chunk == NULL || chunk->cap - chunk->len < len) {
        size_t cap = pdk_max_size(CHUNK_BYTES, len);
        if (n->spare_chunk != NULL && n->spare_chunk->cap >= len) {
            chunk = n->spare_chunk;
            n->spare_chunk = NULL;
        } else {
            chunk = pdk_mem_must(n->mem, sizeof *chunk + cap);
            chunk->cap = cap;
        }
        chunk->next = NULL;
        chunk->len = 0;
        if (n->last_chunk != NULL)
            n->last_chunk->next = chunk;
        else
            n->first_chunk = chunk;
        n->last_chunk = chunk;
    }
    uint8_t *bytes = chunk->bytes + chunk->len;
    chunk->len += len;
    chunk->last = zxid;
    return bytes;
}

/* Chunks whose records are all applied are free again. */
static void chunks_release(struct pdk_node *n, pdk_zxid zxid)
{
    while (n->first_chunk != NULL && n->first_chunk->last <= zxid) {
        struct pdk_chunk *chunk = n->first_chunk;
        n->first_chunk = chunk->next;
        if (n->first_chunk == NULL) n->last_chunk = NULL;
        if (n->spare_chunk == NULL && chunk->cap == CHUNK_BYTES)
            n->spare_chunk = chunk;
        else
            pdk_mem_free(n->mem, chunk);
    }
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

/* What a proposal does to the session that asked, before it is committed. */
static void note_session(struct pdk_node *n, const struct pdk_propose *p,
                         const struct pdk_prep_result *result)
{
    struct pdk_session_entry *entry = pdk_sessions_find(n->state.sessions, p->session);
    if (entry == NULL) return;
    if (p->op == PDK_OP_CLOSE_SESSION) entry->closing = true;
    if (result->ephemeral) entry->ephemeral_requests++;
}

bool pdk_propose(struct pdk_node *n, const struct pdk_propose *p, enum pdk_code *code)
{
    struct pdk_prep_request req = {
        .op = p->op,
        .cxid = p->xid,
        .session = p->session,
        .body = p->body,
        .identities = p->conn != NULL ? &p->conn->identities : NULL,
        .identity_count = p->conn != NULL ? p->conn->identities.count : 0,
        .time_ms = n->now.wall_ms,
        .global_session = true,
    };
    struct pdk_prep_result result;
    pdk_zxid zxid = n->proposed + 1;
    pdk_buf_clear(&n->txn);
    pdk_prep_run(n->prep, &req, zxid, &n->txn, &result);
    *code = result.code;
    if (result.no_txn) return false;
    PDK_ASSERT(!n->txn.failed);

    size_t len = n->txn.len, framed = len + PDK_LOG_FRAME_BYTES;
    uint8_t *record = chunk_take(n, framed, zxid);
    memcpy(record + PDK_LOG_HEAD_BYTES, n->txn.bytes, len);
    pdk_log_frame(record, len);
    *push_proposal(n) = (struct pdk_proposal){
        .zxid = zxid,
        .txn = record + PDK_LOG_HEAD_BYTES,
        .len = len,
        .conn = p->conn != NULL ? p->conn->index : PDK_CONN_NONE,
        .conn_serial = p->conn != NULL ? p->conn->serial : 0,
        .xid = p->xid,
        .op = p->op,
        .code = result.code,
        .ephemeral = result.ephemeral,
        .has_hint = result.has_digests,
        .hint = {.node_digest = result.node_digest,
                 .parent_digest = result.parent_digest,
                 .id = result.id},
        .received_ms = n->now.mono_ms,
    };
    n->proposed = zxid;
    n->metrics.outstanding_changes_queued += result.touched;
    n->metrics.sync_processor_request_queued++;
    /* Judged in the step in which it came: no queue, and no time that this clock could show. */
    n->metrics.prep_processor_request_queued++;
    pdk_summary_add(&n->metrics.prep_process_time, 0);
    n->in_flight_bytes += framed;
    pdk_out_append(&n->out, record, framed, zxid);
    if (p->session != 0 && (result.ephemeral || p->op == PDK_OP_CLOSE_SESSION))
        note_session(n, p, &result);
    return true;
}

/* ---- answers to committed writes --------------------------------------------------------- */

static void put_result(struct pdk_buf *b, int32_t op, const struct pdk_applied *applied)
{
    switch (op) {
    case PDK_OP_CREATE: pdk_put_bytes(b, applied->path); return;
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL:
        pdk_put_bytes(b, applied->path);
        pdk_put_stat(b, &applied->stat);
        return;
    case PDK_OP_SET_DATA:
    case PDK_OP_SET_ACL: pdk_put_stat(b, &applied->stat); return;
    default: return;
    }
}

static void put_multi_header(struct pdk_buf *b, int32_t type, bool done, int32_t err)
{
    pdk_put_multi_header(b, &(struct pdk_multi_header){.type = type, .done = done, .err = err});
}

/* The type under which a multi answers an operation: containers and TTL znodes as create2. */
static int32_t multi_result_type(int32_t type)
{
    return type == PDK_OP_CREATE_CONTAINER || type == PDK_OP_CREATE_TTL ? PDK_OP_CREATE2 : type;
}

/* Every entry is an error: 0 before the one that failed, its code, -2 behind it. */
static void put_failed_multi(struct pdk_buf *b, const struct pdk_multi_txn *multi)
{
    struct pdk_reader it = pdk_reader_of(multi->txns.body);
    for (int32_t i = 0; i < multi->txns.count; i++) {
        struct pdk_txn part;
        struct pdk_error_txn error = {.err = 0};
        pdk_read_txn(&it, &part);
        struct pdk_reader body = pdk_reader_of(part.data);
        if (part.type == PDK_OP_ERROR) pdk_read_error_txn(&body, &error);
        put_multi_header(b, PDK_OP_ERROR, false, error.err);
        pdk_put_i32(b, error.err);
    }
}

struct telling {
    struct pdk_node *n;
    pdk_zxid zxid;
};

static void tell_change(void *ctx, const struct pdk_change *change)
{
    struct telling *t = ctx;
    struct pdk_slice data = change->kind == PDK_CHANGE_DELETED
                                ? pdk_slice_null()
                                : pdk_tree_data(t->n->state.tree, change->id);
    pdk_namespaces_add(&t->n->metrics.write_per_namespace, change->path,
                       change->path.len + data.len);
    pdk_watches_changed(t->n, change, t->zxid);
}

static void apply_multi(struct pdk_node *n, const struct pdk_txn_header *header,
                        struct pdk_slice body, struct pdk_buf *reply)
{
    struct pdk_multi_txn multi;
    struct pdk_reader r = pdk_reader_of(body);
    struct telling t = {.n = n, .zxid = header->zxid};
    pdk_read_multi_txn(&r, &multi);
    PDK_ASSERT(!r.failed);
    if (pdk_multi_failed(&multi)) {
        put_failed_multi(reply, &multi);
    } else {
        struct pdk_reader it = pdk_reader_of(multi.txns.body);
        for (int32_t i = 0; i < multi.txns.count; i++) {
            struct pdk_txn part;
            struct pdk_applied applied;
            pdk_read_txn(&it, &part);
            struct pdk_reader part_body = pdk_reader_of(part.data);
            enum pdk_err err = pdk_state_apply_part(&n->state, header, part.type, &part_body, NULL,
                                                    tell_change, &t, &applied);
            PDK_ASSERT(err == PDK_OK);
            PDK_ASSERT(applied.code == PDK_CODE_OK);
            int32_t type = multi_result_type(part.type);
            put_multi_header(reply, type, false, 0);
            put_result(reply, type, &applied);
        }
    }
    put_multi_header(reply, -1, true, -1);
}

/* ---- committing -------------------------------------------------------------------------- */

static void note_digest(struct pdk_node *n, pdk_zxid zxid)
{
    if (zxid % PDK_DIGEST_LOG_EVERY != 0 || !n->config.digest_enabled) return;
    size_t at = (n->digest_log_head + n->digest_log_count) % PDK_DIGEST_LOG_CAP;
    n->digest_log[at] =
        (struct pdk_digest_entry){.zxid = zxid, .digest = pdk_tree_digest(n->state.tree)};
    if (n->digest_log_count < PDK_DIGEST_LOG_CAP)
        n->digest_log_count++;
    else
        n->digest_log_head = (n->digest_log_head + 1) % PDK_DIGEST_LOG_CAP;
}

/* The session ends with this transaction: its connection forgets it before the table does. */
static struct pdk_conn *detach_session(struct pdk_node *n, pdk_session session)
{
    struct pdk_session_entry *entry = pdk_sessions_find(n->state.sessions, session);
    if (entry == NULL || entry->conn == PDK_CONN_NONE) return NULL;
    struct pdk_conn *c = n->conns[entry->conn];
    c->entry = NULL;
    return c;
}

/* The write at the head of its connection's pipe has been applied. */
static void pop_write(struct pdk_node *n, struct pdk_conn *c, const struct pdk_proposal *p)
{
    const struct pdk_pipe_item *head = pdk_pipe_head(&c->pipe);
    PDK_ASSERT(head != NULL);
    PDK_ASSERT(head->kind == PDK_PIPE_WRITE);
    PDK_ASSERT(head->zxid == p->zxid);
    pdk_answer_count(n, c, p->xid, p->op, head->received_ms, true);
    if (p->code == PDK_CODE_OK) pdk_metrics_count_op(&n->metrics, p->op);
    pdk_pipe_pop(&c->pipe);
}

static void answer_write(struct pdk_node *n, struct pdk_conn *c, const struct pdk_proposal *p,
                         const struct pdk_applied *applied, const struct pdk_buf *multi)
{
    struct pdk_answer a = pdk_answer_begin(n, p->xid, n->state.last_zxid, p->code);
    if (p->code == PDK_CODE_OK) {
        if (p->op == PDK_OP_MULTI)
            pdk_put_raw(&n->out.bytes, multi->bytes, multi->len);
        else
            put_result(&n->out.bytes, p->op, applied);
    }
    pdk_answer_end(n, c, a);
    pop_write(n, c, p);
}

/* Applies the proposal, which tells the watchers; `applied` and n->reply hold what to answer. */
static void apply(struct pdk_node *n, const struct pdk_proposal *p, struct pdk_applied *applied)
{
    struct pdk_txn_parts parts;
    enum pdk_err err = pdk_txn_split(pdk_slice_of(p->txn, p->len), &parts);
    PDK_ASSERT(err == PDK_OK);
    n->state.last_zxid = p->zxid;
    pdk_buf_clear(&n->reply);
    if (parts.header.type == PDK_OP_MULTI) {
        apply_multi(n, &parts.header, parts.body, &n->reply);
        return;
    }
    struct telling t = {.n = n, .zxid = p->zxid};
    struct pdk_reader body = pdk_reader_of(parts.body);
    err = pdk_state_apply_part(&n->state, &parts.header, parts.header.type, &body,
                               p->has_hint ? &p->hint : NULL, tell_change, &t, applied);
    PDK_ASSERT(err == PDK_OK);
    PDK_ASSERT(applied->code == p->code); /* prep has judged it right */
}

#ifdef PDK_VERIFY_ON
/* Prep's forecast, which stands at the end of the transaction, must have come true. */
static bool digest_came_true(const struct pdk_node *n, const struct pdk_proposal *p)
{
    if (!n->config.digest_enabled || p->code != PDK_CODE_OK) return true;
    if (p->len < PDK_TXN_HEADER_LEN + PDK_TXN_DIGEST_LEN) return true; /* a long closeSession */
    return pdk_load_u64(p->txn + p->len - 8) == pdk_tree_digest(n->state.tree);
}
#endif

static void commit_session_opened(struct pdk_node *n, const struct pdk_proposal *p,
                                  pdk_session session, struct pdk_conn *c)
{
    if (c != NULL) {
        pdk_conn_established(n, c, p->received_ms);
        return;
    }
    /* Its client has gone: the session waits for a re-attach or its end. */
    struct pdk_session_entry *entry = pdk_sessions_find(n->state.sessions, session);
    PDK_ASSERT(entry != NULL);
    pdk_sessions_touch(n->state.sessions, entry, n->now.mono_ms, entry->timeout_ms);
}

static void settle_ephemeral(struct pdk_node *n, const struct pdk_proposal *p)
{
    pdk_session session = (pdk_session)pdk_load_u64(p->txn); /* the header's first field */
    struct pdk_session_entry *entry = pdk_sessions_find(n->state.sessions, session);
    if (entry != NULL) entry->ephemeral_requests--;
}

enum pdk_err pdk_barrier_add(struct pdk_node *n, const struct pdk_conn *c)
{
    if (n->barrier_count == n->barrier_cap) {
        size_t cap = n->barrier_cap > 0 ? n->barrier_cap * 2 : 64;
        struct pdk_barrier *wider = pdk_mem_try(n->mem, cap * sizeof *wider);
        if (wider == NULL) return PDK_ENOMEM;
        for (size_t i = 0; i < n->barrier_count; i++)
            wider[i] = n->barriers[(n->barrier_head + i) & (n->barrier_cap - 1)];
        pdk_mem_free(n->mem, n->barriers);
        n->barriers = wider;
        n->barrier_head = 0;
        n->barrier_cap = cap;
    }
    n->barriers[(n->barrier_head + n->barrier_count++) & (n->barrier_cap - 1)] =
        (struct pdk_barrier){.zxid = n->proposed, .conn = c->index, .conn_serial = c->serial};
    return PDK_OK;
}

/* Connections whose sync has waited for this zxid go on. */
static void pass_barriers(struct pdk_node *n)
{
    while (n->unfinished_count == 0 && n->barrier_count > 0 &&
           n->barriers[n->barrier_head].zxid <= n->state.last_zxid) {
        struct pdk_barrier b = n->barriers[n->barrier_head];
        n->barrier_head = (n->barrier_head + 1) & (n->barrier_cap - 1);
        n->barrier_count--;
        struct pdk_conn *c = pdk_conn_find(n, b.conn, b.conn_serial);
        if (c != NULL) pdk_conn_drain(n, c);
    }
}

static void commit(struct pdk_node *n, const struct pdk_proposal *p)
{
    struct pdk_applied applied = {.code = PDK_CODE_OK};
    pdk_session session = (pdk_session)pdk_load_u64(p->txn);
    struct pdk_conn *c = pdk_conn_find(n, p->conn, p->conn_serial);
    struct pdk_conn *ended = NULL;
    if (p->ephemeral) settle_ephemeral(n, p);
    if (p->op == PDK_OP_CLOSE_SESSION) ended = detach_session(n, session);
    apply(n, p, &applied);
    PDK_VERIFY(digest_came_true(n, p));
    n->metrics.commit_count++;
    int64_t since_ms = n->now.wall_ms - (int64_t)pdk_load_u64(p->txn + 20); /* the header's time */
    if (since_ms >= 0) pdk_percentiles_add(&n->metrics.propagation_latency, (uint64_t)since_ms);
    note_digest(n, p->zxid);
    if (p->op == PDK_OP_CREATE_SESSION)
        commit_session_opened(n, p, session, c);
    else if (c != NULL)
        answer_write(n, c, p, &applied, &n->reply);
    if (ended != NULL)
        pdk_conn_close(n, ended);
    else if (c != NULL)
        pdk_conn_drain(n, c);
    pass_barriers(n);
    pdk_timer_applied(n, p->len + PDK_LOG_FRAME_BYTES);
}

/* Proposals are applied in one go, so the waits for memory of several can overlap: the slot of one
 * far ahead is fetched while the blob of one nearer comes, whose slot is there by then. */
static void look_ahead(const struct pdk_node *n)
{
    enum { SLOT_AHEAD = 8, BLOB_AHEAD = 4 };
    size_t mask = n->proposal_cap - 1;
    if (n->proposal_count > SLOT_AHEAD)
        pdk_tree_ahead_slot(n->state.tree,
                            n->proposals[(n->proposal_head + SLOT_AHEAD) & mask].hint.id);
    if (n->proposal_count > BLOB_AHEAD)
        pdk_tree_ahead_blob(n->state.tree,
                            n->proposals[(n->proposal_head + BLOB_AHEAD) & mask].hint.id);
}

bool pdk_commit_pending(const struct pdk_node *n)
{
    bool barrier = n->barrier_count > 0 && n->barriers[n->barrier_head].zxid <= n->state.last_zxid;
    return n->unfinished_count > 0 || barrier || n->state.last_zxid < n->durable;
}

/* A transaction is committed only when all that waited for the one before has been answered. */
static bool may_commit(const struct pdk_node *n)
{
    return n->proposal_count > 0 && n->proposals[n->proposal_head].zxid <= n->durable &&
           n->unfinished_count == 0 && n->out.bytes.len <= PDK_STEP_REPLY_BYTES;
}

void pdk_commit_more(struct pdk_node *n)
{
    if (n->unfinished_count > 0) pdk_conn_drain_unfinished(n);
    pass_barriers(n);
    while (may_commit(n)) {
        look_ahead(n);
        struct pdk_proposal p = n->proposals[n->proposal_head];
        n->proposal_head = (n->proposal_head + 1) & (n->proposal_cap - 1);
        n->proposal_count--;
        commit(n, &p);
        n->in_flight_bytes -= p.len + PDK_LOG_FRAME_BYTES;
    }
    n->metrics.outstanding_changes_removed += pdk_prep_commit(n->prep, n->state.last_zxid);
    chunks_release(n, n->state.last_zxid);
    (void)pdk_tree_tidy(n->state.tree);
    pdk_conn_resume_all(n);
    pdk_timer_maybe_snapshot(n);
}

void pdk_commit_up_to(struct pdk_node *n, pdk_zxid zxid)
{
    PDK_ASSERT(zxid <= n->proposed);
    if (zxid > n->durable) n->durable = zxid;
    pdk_commit_more(n);
}
