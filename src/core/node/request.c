/* Requests of a connection in their order: who answers, and what must wait.
 *
 * Rules: client-protocol.md sections 5, 12, 13. */
#include "core/node/internal.h"
#include "core/node/member.h"

/* Limits that stop reading from a connection that has requests waiting. */
static void check_limits(struct pdk_node *n, struct pdk_conn *c)
{
    bool crowded = n->in_process > n->config.outstanding_limit && c->outstanding > 0;
    if (crowded || !pdk_propose_room(n) || c->pipe.bytes > n->config.conn_queue_bytes)
        pdk_conn_pause(n, c);
}

void pdk_conn_resume_all(struct pdk_node *n)
{
    if (n->paused_count == 0 || !pdk_propose_room(n)) return;
    bool room = n->in_process < n->config.outstanding_limit;
    for (uint32_t i = 0; i < n->conn_cap && n->paused_count > 0; i++) {
        struct pdk_conn *c = n->conns[i];
        if (c == NULL || !c->paused || c->state != PDK_CONN_OPEN) continue;
        if (c->syncing || c->upgrading) continue;
        if (c->pipe.bytes > n->config.conn_queue_bytes / 2) continue;
        if (room || c->outstanding == 0) pdk_conn_resume(n, c);
    }
}

/* False: no memory for it; the connection was closed. */
static bool push(struct pdk_node *n, struct pdk_conn *c, const struct pdk_pipe_item *item,
                 struct pdk_slice body)
{
    if (pdk_pipe_push(&c->pipe, item, body) == PDK_OK) {
        n->in_process++;
        if (item->xid > 0) c->outstanding++;
        return true;
    }
    pdk_conn_close(n, c);
    return false;
}

/* The write at the pipe's end is answered without a transaction. */
static void turn_into_answer(struct pdk_node *n, struct pdk_conn *c, enum pdk_code code)
{
    struct pdk_pipe_item *tail =
        &c->pipe.items[(c->pipe.head + c->pipe.count - 1) & (c->pipe.cap - 1)];
    tail->kind = PDK_PIPE_ANSWER;
    tail->code = code;
    tail->zxid = 0;
    if (c->pipe.count > 1) check_limits(n, c);
    pdk_conn_drain(n, c);
}

static void take_write(struct pdk_node *n, struct pdk_conn *c, struct pdk_pipe_item *item,
                       struct pdk_slice body)
{
    item->kind = PDK_PIPE_WRITE;
    if (!push(n, c, item, pdk_slice_null())) return;
    struct pdk_propose p = {.conn = c,
                            .op = item->op,
                            .xid = item->xid,
                            .session = c->session,
                            .body = body,
                            .identities = &c->identities,
                            .identity_count = c->identities.count,
                            .local_session = c->is_local};
    enum pdk_code code = PDK_CODE_SYSTEM_ERROR;
    bool taken = false;
    if (n->member != NULL)
        taken = pdk_member_write(n, &p, &code);
    else if (!n->no_space)
        taken = pdk_propose(n, &p, &code);
    if (taken)
        check_limits(n, c);
    else
        turn_into_answer(n, c, code);
}

static void take_sync(struct pdk_node *n, struct pdk_conn *c, struct pdk_pipe_item *item,
                      struct pdk_slice body)
{
    item->kind = PDK_PIPE_LOCAL;
    if (pdk_sync_begin(n, c, &item->zxid) != PDK_OK) {
        pdk_conn_close(n, c);
        return;
    }
    if (!push(n, c, item, body)) return;
    check_limits(n, c);
    pdk_conn_drain(n, c);
}

static void take_local(struct pdk_node *n, struct pdk_conn *c, struct pdk_pipe_item *item,
                       struct pdk_slice body)
{
    item->kind = PDK_PIPE_LOCAL;
    if (c->pipe.count == 0) {
        n->in_process++;
        if (item->xid > 0) c->outstanding++;
        pdk_local_run(n, c, item, body);
        return;
    }
    if (push(n, c, item, body)) check_limits(n, c);
}

/* An answer that is known already but must wait for its turn. */
static void take_answer(struct pdk_node *n, struct pdk_conn *c, struct pdk_pipe_item *item,
                        enum pdk_code code)
{
    item->kind = PDK_PIPE_ANSWER;
    item->code = code;
    if (!push(n, c, item, pdk_slice_null())) return;
    if (c->pipe.count > 1) check_limits(n, c); /* else it leaves at once */
    pdk_conn_drain(n, c);
}

/* What a read-only session may not do is answered as a read-only server does; a local one ends
 * without a transaction. */
static bool take_local_session(struct pdk_node *n, struct pdk_conn *c, struct pdk_pipe_item *item)
{
    if (!c->is_local) return false;
    if (item->op == PDK_OP_CLOSE_SESSION) {
        c->entry->closing = true;
        take_answer(n, c, item, PDK_CODE_OK);
        return true;
    }
    if (!c->read_only || (!pdk_prep_is_write(item->op) && item->op != PDK_OP_SYNC)) return false;
    take_answer(n, c, item, PDK_CODE_NOT_READ_ONLY);
    return true;
}

void pdk_request_take(struct pdk_node *n, struct pdk_conn *c,
                      const struct pdk_request_header *header, struct pdk_slice body)
{
    struct pdk_pipe_item item = {.xid = header->xid,
                                 .op = header->type,
                                 .identity_count = (uint32_t)c->identities.count,
                                 .received_ms = n->now.mono_ms};
    if (take_local_session(n, c, &item)) return;
    if (pdk_member_upgrades(n, c, header, body)) return;
    if (pdk_prep_is_write(header->type))
        take_write(n, c, &item, body);
    else if (header->type == PDK_OP_SYNC)
        take_sync(n, c, &item, body);
    else if (pdk_local_knows(header->type))
        take_local(n, c, &item, body);
    else
        take_answer(n, c, &item, PDK_CODE_UNIMPLEMENTED);
}

void pdk_request_frame(struct pdk_node *n, struct pdk_conn *c, struct pdk_slice frame)
{
    struct pdk_request_header header;
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_request_header(&r, &header);
    if (r.failed) {
        pdk_conn_close(n, c);
        return;
    }
    n->totals.packets_received++;
    c->stats.received++;
    struct pdk_slice body = pdk_slice_of(r.at, pdk_reader_left(&r));
    if (header.type == PDK_OP_AUTH || header.type == PDK_OP_SASL) {
        if (header.type == PDK_OP_SASL)
            pdk_local_sasl(n, c, header.xid);
        else if (!pdk_local_auth(n, c, header.xid, body))
            pdk_conn_close(n, c);
        return;
    }
    /* A session that ends takes no more requests; its connection is closed with it. */
    if (c->entry->closing) {
        n->metrics.stale_requests_dropped++;
        return;
    }
    pdk_conn_touch(n, c);
    pdk_request_take(n, c, &header, body);
}

void pdk_request_oversize(struct pdk_node *n, struct pdk_conn *c,
                          const struct pdk_request_header *header)
{
    n->totals.packets_received++;
    c->stats.received++;
    n->metrics.large_requests_rejected++;
    pdk_conn_touch(n, c);
    struct pdk_pipe_item item = {
        .xid = header->xid, .op = header->type, .received_ms = n->now.mono_ms};
    take_answer(n, c, &item, PDK_CODE_MARSHALLING_ERROR);
}
