/* Commits: transactions are applied, watchers told, writes answered.
 *
 * A write's answer leaves in the same step as its application, behind the events it caused. */
#include "core/node/internal.h"
#include "core/node/member.h"
#include "core/node/watches.h"
#include "core/tree/ahead.h"

/* ---- answers to committed writes --------------------------------------------------------- */

static void put_result(const struct pdk_node *n, struct pdk_buf *b, int32_t op,
                       const struct pdk_applied *applied)
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
    case PDK_OP_RECONFIG:
        pdk_put_bytes(b,
                      pdk_tree_data(n->state->tree, pdk_tree_find(n->state->tree, applied->path)));
        pdk_put_stat(b, &applied->stat);
        return;
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
                                : pdk_tree_data(t->n->state->tree, change->id);
    pdk_namespaces_add(&t->n->metrics.write_per_namespace, change->path,
                       change->path.len + data.len);
    pdk_watches_changed(t->n, change, t->zxid);
}

static void apply_multi(struct pdk_node *n, const struct pdk_txn_header *header,
                        struct pdk_reader *r, struct pdk_buf *reply)
{
    struct pdk_multi_txn multi;
    struct telling t = {.n = n, .zxid = header->zxid};
    pdk_read_multi_txn(r, &multi);
    PDK_ASSERT(!r->failed);
    if (pdk_multi_failed(&multi)) {
        put_failed_multi(reply, &multi);
    } else {
        struct pdk_reader it = pdk_reader_of(multi.txns.body);
        for (int32_t i = 0; i < multi.txns.count; i++) {
            struct pdk_txn part;
            struct pdk_applied applied;
            pdk_read_txn(&it, &part);
            struct pdk_reader part_body = pdk_reader_of(part.data);
            enum pdk_err err = pdk_state_apply_part(n->state, header, part.type, &part_body, NULL,
                                                    tell_change, &t, &applied);
            PDK_ASSERT(err == PDK_OK);
            /* A leader's tree and ours are the same; where they were not, ours goes on (zab.md
             * 8.4). */
            if (applied.code != PDK_CODE_OK) {
                put_multi_header(reply, PDK_OP_ERROR, false, applied.code);
                pdk_put_i32(reply, applied.code);
                continue;
            }
            int32_t type = multi_result_type(part.type);
            put_multi_header(reply, type, false, 0);
            put_result(n, reply, type, &applied);
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
        (struct pdk_digest_entry){.zxid = zxid, .digest = pdk_tree_digest(n->state->tree)};
    if (n->digest_log_count < PDK_DIGEST_LOG_CAP)
        n->digest_log_count++;
    else
        n->digest_log_head = (n->digest_log_head + 1) % PDK_DIGEST_LOG_CAP;
}

/* The session ends with this transaction: its connection forgets it before the table does. */
static struct pdk_conn *detach_session(struct pdk_node *n, pdk_session session)
{
    struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, session);
    if (entry == NULL || entry->conn == PDK_CONN_NONE) return NULL;
    struct pdk_conn *c = n->conns[entry->conn];
    c->entry = NULL;
    return c;
}

/* The connection whose pipe's head is this write; NULL: it waits elsewhere, or nobody does. */
static struct pdk_conn *find_waiting(const struct pdk_node *n, const struct pdk_proposal *p,
                                     const struct pdk_txn_header *header)
{
    /* A new session's connection, or that of a local one that becomes global, is not in a pipe. */
    if (header->type == PDK_OP_CREATE_SESSION) return NULL;
    struct pdk_conn *c = p->is_own ? pdk_conn_find(n, p->conn, p->conn_serial)
                                   : pdk_member_conn_of(n, header->client_id);
    if (c == NULL || c->state != PDK_CONN_OPEN) return NULL;
    const struct pdk_pipe_item *head = pdk_pipe_head(&c->pipe);
    bool waits = head != NULL && head->kind == PDK_PIPE_WRITE && head->xid == header->cxid;
    PDK_ASSERT(waits || !p->is_own);
    return waits ? c : NULL;
}

/* Answers the head of the pipe. */
static void answer_write(struct pdk_node *n, struct pdk_conn *c, const struct pdk_applied *applied)
{
    struct pdk_pipe_item head = *pdk_pipe_head(&c->pipe);
    struct pdk_answer a = pdk_answer_begin(n, head.xid, n->state->last_zxid, applied->code);
    if (applied->code == PDK_CODE_OK) {
        if (head.op == PDK_OP_MULTI)
            pdk_put_raw(&n->out.bytes, n->reply.bytes, n->reply.len);
        else
            put_result(n, &n->out.bytes, head.op, applied);
    }
    pdk_answer_end(n, c, a);
    pdk_answer_count(n, c, head.xid, head.op, head.received_ms, true);
    if (applied->code == PDK_CODE_OK) pdk_metrics_count_op(&n->metrics, head.op);
    pdk_pipe_pop(&c->pipe);
}

/* The leader says with each transaction what the tree must look like behind it.  A difference stops
 * nobody, as in Apache, whose own are wrong now and then. */
static void compare_digest(struct pdk_node *n, pdk_zxid zxid, struct pdk_reader *rest)
{
    uint64_t told = 0, held_back = 0;
    if (!n->config.digest_enabled || !pdk_state_read_digest(rest, &told)) return;
    uint64_t ours = pdk_tree_digest(n->state->tree);
    if (told == ours) return;
    n->metrics.digest_mismatches_count++;
    if (pdk_log_limit_pass(&n->digest_log_limit, n->now.mono_ms, 10000, &held_back))
        PDK_SAY(n, PDK_LOG_ERROR,
                "digest.mismatch zxid=0x%llx leader=0x%llx ours=0x%llx held_back=%llu",
                (unsigned long long)zxid, (unsigned long long)told, (unsigned long long)ours,
                (unsigned long long)held_back);
}

/* Applies the proposal, which tells the watchers; `applied` and n->reply hold what to answer. */
static void apply(struct pdk_node *n, const struct pdk_proposal *p,
                  const struct pdk_txn_parts *parts, struct pdk_applied *applied)
{
    struct telling t = {.n = n, .zxid = p->zxid};
    struct pdk_reader body = pdk_reader_of(parts->body);
    n->state->last_zxid = p->zxid;
    pdk_buf_clear(&n->reply);
    if (parts->header.type == PDK_OP_MULTI) {
        apply_multi(n, &parts->header, &body, &n->reply);
    } else {
        enum pdk_err err =
            pdk_state_apply_part(n->state, &parts->header, parts->header.type, &body,
                                 p->has_hint ? &p->hint : NULL, tell_change, &t, applied);
        /* What a leader sends has been checked when it came in (pdk_txn_check). */
        PDK_ASSERT(err == PDK_OK);
    }
    if (!p->is_own) compare_digest(n, p->zxid, &body);
}

#ifdef PDK_VERIFY_ON
/* Prep's forecast, which stands at the end of the transaction, must have come true. */
static bool digest_came_true(const struct pdk_node *n, const struct pdk_proposal *p,
                             const struct pdk_applied *applied)
{
    if (!n->config.digest_enabled || applied->code != PDK_CODE_OK || !p->is_own) return true;
    if (p->len < PDK_TXN_HEADER_LEN + PDK_TXN_DIGEST_LEN) return true; /* a long closeSession */
    return pdk_load_u64(p->txn + p->len - 8) == pdk_tree_digest(n->state->tree);
}
#endif

static void commit_session_opened(struct pdk_node *n, const struct pdk_txn_header *header)
{
    uint64_t index = 0;
    struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, header->client_id);
    PDK_ASSERT(entry != NULL);
    if (pdk_map_get(&n->opening, (uint64_t)header->client_id, &index)) {
        (void)pdk_map_remove(&n->opening, (uint64_t)header->client_id);
        pdk_conn_established(n, n->conns[index]);
        return;
    }
    struct pdk_session_entry *local = pdk_sessions_find(n->local, header->client_id);
    if (local != NULL && local->conn != PDK_CONN_NONE) {
        pdk_member_upgraded(n, n->conns[local->conn], entry);
        return;
    }
    pdk_sessions_remove(n->local, header->client_id);
    /* Its client has gone, or is elsewhere: it waits for a re-attach, a touch or its end. */
    pdk_conn_heard(n, entry, entry->timeout_ms);
}

static void note_propagation(struct pdk_node *n, const struct pdk_txn_header *header)
{
    int64_t since_ms = n->now.wall_ms - header->time;
    if (since_ms >= 0) pdk_percentiles_add(&n->metrics.propagation_latency, (uint64_t)since_ms);
}

static void commit(struct pdk_node *n, const struct pdk_proposal *p)
{
    struct pdk_applied applied = {.code = PDK_CODE_OK};
    struct pdk_txn_parts parts;
    enum pdk_err err = pdk_txn_split(pdk_slice_of(p->txn, p->len), &parts);
    PDK_ASSERT(err == PDK_OK);
    struct pdk_conn *c = find_waiting(n, p, &parts.header);
    struct pdk_conn *ended = NULL;
    if (parts.header.type == PDK_OP_CLOSE_SESSION)
        ended = detach_session(n, parts.header.client_id);
    apply(n, p, &parts, &applied);
    PDK_VERIFY(digest_came_true(n, p, &applied));
    n->metrics.commit_count++;
    note_propagation(n, &parts.header);
    note_digest(n, p->zxid);
    /* A session that is elsewhere by now: this connection is not to be told anything. */
    if (c != NULL && applied.code == PDK_CODE_SESSION_MOVED)
        ended = c;
    else if (parts.header.type == PDK_OP_CREATE_SESSION)
        commit_session_opened(n, &parts.header);
    else if (c != NULL)
        answer_write(n, c, &applied);
    if (ended != NULL)
        pdk_conn_close(n, ended);
    else if (c != NULL)
        pdk_conn_drain(n, c);
    pdk_sync_pass(n);
    pdk_timer_applied(n, p->len + PDK_LOG_FRAME_BYTES);
}

/* Proposals are applied in one go, so the waits for memory of several can overlap: the slot of one
 * far ahead is fetched while the blob of one nearer comes, whose slot is there by then. */
static void look_ahead(const struct pdk_node *n)
{
    enum { SLOT_AHEAD = 8, BLOB_AHEAD = 4 };
    size_t mask = n->proposal_cap - 1;
    if (n->proposal_count > SLOT_AHEAD)
        pdk_tree_ahead_slot(n->state->tree,
                            n->proposals[(n->proposal_head + SLOT_AHEAD) & mask].hint.id);
    if (n->proposal_count > BLOB_AHEAD)
        pdk_tree_ahead_blob(n->state->tree,
                            n->proposals[(n->proposal_head + BLOB_AHEAD) & mask].hint.id);
}

/* Is there a proposal that may be applied? */
static bool has_committed(const struct pdk_node *n)
{
    return n->proposal_count > 0 && n->proposals[n->proposal_head].zxid <= n->committed;
}

bool pdk_commit_pending(const struct pdk_node *n)
{
    return n->unfinished_count > 0 || pdk_sync_pending(n) || has_committed(n);
}

/* A transaction is applied only when all that waited for the one before has been answered. */
static bool may_apply(const struct pdk_node *n)
{
    return has_committed(n) && n->unfinished_count == 0 && n->out.bytes.len <= PDK_STEP_REPLY_BYTES;
}

/* What is applied and on the disk may leave memory. */
static void release(struct pdk_node *n)
{
    pdk_zxid applied = n->proposal_count > 0 ? n->proposals[n->proposal_head].zxid - 1
                                             : pdk_history_last(n->history);
    pdk_history_release(n->history, applied < n->durable ? applied : n->durable);
}

void pdk_commit_more(struct pdk_node *n)
{
    if (n->unfinished_count > 0) pdk_conn_drain_unfinished(n);
    pdk_sync_pass(n);
    while (may_apply(n)) {
        look_ahead(n);
        struct pdk_proposal p = pdk_propose_pop(n);
        commit(n, &p);
    }
    /* Who judges no requests has nothing outstanding: prep starts anew when it does. */
    if (pdk_member_decides(n))
        n->metrics.outstanding_changes_removed += pdk_prep_commit(n->prep, n->state->last_zxid);
    release(n);
    (void)pdk_tree_tidy(n->state->tree);
    pdk_conn_resume_all(n);
    pdk_timer_maybe_snapshot(n);
}

void pdk_commit_up_to(struct pdk_node *n, pdk_zxid zxid)
{
    if (zxid > n->committed) n->committed = zxid;
    pdk_commit_more(n);
}

void pdk_commit_all_quietly(struct pdk_node *n)
{
    PDK_ASSERT(n->conn_count == 0 || !pdk_member_serves(n));
    while (n->proposal_count > 0) {
        struct pdk_proposal p = pdk_propose_pop(n);
        enum pdk_err err = pdk_state_apply(n->state, pdk_slice_of(p.txn, p.len), NULL, NULL);
        PDK_ASSERT(err == PDK_OK);
        pdk_timer_applied(n, p.len + PDK_LOG_FRAME_BYTES);
    }
    n->committed = pdk_history_last(n->history);
    pdk_prep_reset(n->prep);
    release(n);
}
