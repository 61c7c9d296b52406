/* Connections: handshake, requests in their order, answers, limits.
 *
 * Rules: client-protocol.md sections 4, 5, 12, 13, 14. */
#include <string.h>

#include "core/node/internal.h"
#include "core/node/member.h"
#include "proto/frame.h"
#include "proto/password.h"

/* ---- answers ----------------------------------------------------------------------------- */

struct pdk_answer pdk_answer_begin(struct pdk_node *n, int32_t xid, pdk_zxid zxid, int32_t code)
{
    struct pdk_answer a = {.mark = pdk_out_mark(&n->out), .xid = xid, .zxid = zxid};
    a.frame = pdk_frame_begin(&n->out.bytes);
    pdk_put_reply_header(&n->out.bytes,
                         &(struct pdk_reply_header){.xid = xid, .zxid = zxid, .err = code});
    return a;
}

static void note_response_size(struct pdk_node_summary *t, size_t bytes)
{
    int32_t size = bytes > INT32_MAX ? INT32_MAX : (int32_t)bytes;
    t->response_last = size;
    if (t->response_min < 0 || size < t->response_min) t->response_min = size;
    if (size > t->response_max) t->response_max = size;
}

void pdk_answer_end(struct pdk_node *n, struct pdk_conn *c, struct pdk_answer a)
{
    pdk_frame_end(&n->out.bytes, a.frame);
    if (PDK_UNLIKELY(n->out.bytes.failed)) {
        n->out.bytes.failed = false;
        n->out.bytes.len = a.mark;
        a = pdk_answer_begin(n, a.xid, a.zxid, PDK_CODE_SYSTEM_ERROR);
        pdk_frame_end(&n->out.bytes, a.frame);
    }
    note_response_size(&n->totals, n->out.bytes.len - a.mark - PDK_FRAME_HEAD_LEN);
    pdk_out_sent(&n->out, c->index, a.mark);
    n->totals.packets_sent++;
    c->stats.sent++;
}

void pdk_answer_code(struct pdk_node *n, struct pdk_conn *c, int32_t xid, pdk_zxid zxid,
                     int32_t code)
{
    pdk_answer_end(n, c, pdk_answer_begin(n, xid, zxid, code));
}

static void note_latency(struct pdk_node *n, struct pdk_conn *c, int64_t latency_ms)
{
    struct pdk_node_summary *t = &n->totals;
    struct pdk_conn_info *s = &c->stats;
    if (t->latency_count == 0 || latency_ms < t->latency_min_ms) t->latency_min_ms = latency_ms;
    if (latency_ms > t->latency_max_ms) t->latency_max_ms = latency_ms;
    t->latency_count++;
    t->latency_sum_ms += (uint64_t)latency_ms;
    if (s->latency_count == 0 || latency_ms < s->latency_min_ms) s->latency_min_ms = latency_ms;
    if (latency_ms > s->latency_max_ms) s->latency_max_ms = latency_ms;
    s->latency_count++;
    s->latency_sum_ms += latency_ms;
    s->last_latency_ms = latency_ms;
}

void pdk_answer_count(struct pdk_node *n, struct pdk_conn *c, int32_t xid, int32_t op,
                      int64_t received_ms, bool is_write)
{
    int64_t latency_ms = n->now.mono_ms - received_ms;
    note_latency(n, c, latency_ms);
    /* Apache's counts everything without a transaction as a read: pings, failed ones. */
    struct pdk_percentiles *p = is_write ? &n->metrics.updatelatency : &n->metrics.readlatency;
    pdk_percentiles_add(p, (uint64_t)latency_ms);
    c->stats.last_op = op;
    c->stats.has_last_op = true;
    c->stats.last_cxid = xid;
    c->stats.last_zxid = n->state->last_zxid;
    c->stats.last_response_mono_ms = n->now.mono_ms;
    n->in_process--;
    if (xid > 0) c->outstanding--;
}

/* ---- the table --------------------------------------------------------------------------- */

struct pdk_conn *pdk_conn_find(const struct pdk_node *n, uint32_t index, uint64_t serial)
{
    if (index >= n->conn_cap) return NULL;
    struct pdk_conn *c = n->conns[index];
    return c != NULL && c->serial == serial ? c : NULL;
}

static struct pdk_conn *make_conn(struct pdk_node *n, uint32_t index, struct pdk_slice address)
{
    if (index >= n->conn_cap) {
        uint32_t cap = n->conn_cap > 0 ? n->conn_cap : 64;
        while (cap <= index) cap *= 2;
        struct pdk_conn **conns = pdk_mem_resize(n->mem, n->conns, cap * sizeof *conns);
        if (conns == NULL) return NULL;
        memset(conns + n->conn_cap, 0, (cap - n->conn_cap) * sizeof *conns);
        n->conns = conns;
        n->conn_cap = cap;
    }
    PDK_ASSERT(n->conns[index] == NULL);
    struct pdk_conn *c = pdk_mem_try_zero(n->mem, 1, sizeof *c);
    if (c == NULL) return NULL;
    pdk_identities_init(&c->identities, n->mem);
    if (pdk_identities_add(&c->identities, pdk_slice_str("ip"), address) != PDK_OK) {
        pdk_identities_deinit(&c->identities);
        pdk_mem_free(n->mem, c);
        return NULL;
    }
    pdk_pipe_init(&c->pipe, n->mem);
    return c;
}

void pdk_conn_opened(struct pdk_node *n, uint32_t index, struct pdk_slice address)
{
    struct pdk_conn *c = make_conn(n, index, address);
    if (c == NULL) {
        pdk_out_signal(&n->out, PDK_OUT_CLOSE, index);
        return;
    }
    c->index = index;
    c->serial = ++n->next_serial;
    c->stats = (struct pdk_conn_info){
        .known = true, .last_cxid = -1, .last_zxid = -1, .established_wall_ms = n->now.wall_ms};
    n->conns[index] = c;
    n->conn_count++;
}

void pdk_conn_pause(struct pdk_node *n, struct pdk_conn *c)
{
    if (c->paused) return;
    c->paused = true;
    n->paused_count++;
    pdk_out_signal(&n->out, PDK_OUT_PAUSE, c->index);
}

void pdk_conn_resume(struct pdk_node *n, struct pdk_conn *c)
{
    if (!c->paused) return;
    /* While the epoch changes all stay as they are; then all go on. */
    if (n->member != NULL && n->member->rolling) return;
    c->paused = false;
    n->paused_count--;
    pdk_out_signal(&n->out, PDK_OUT_RESUME, c->index);
}

static void forget(struct pdk_node *n, struct pdk_conn *c)
{
    pdk_watch_remove_watcher(n->watch, c->index);
    n->in_process -= c->pipe.count;
    n->metrics.stale_requests += c->pipe.count;
    if (c->paused) n->paused_count--;
    if (c->unfinished) n->unfinished_count--;
    if (c->entry != NULL && c->entry->conn == c->index) c->entry->conn = PDK_CONN_NONE;
    /* A local session waits for its client like any other, until its time is over; but one that was
     * granted only because nothing could be logged ends here. */
    bool ends = c->is_local && (c->entry->closing || !pdk_member_local_sessions(n));
    if (ends) pdk_sessions_remove(n->local, c->session);
    uint64_t index = 0;
    if (pdk_map_get(&n->opening, (uint64_t)c->session, &index) && index == c->index)
        (void)pdk_map_remove(&n->opening, (uint64_t)c->session);
    pdk_mem_free(n->mem, c->held);
    pdk_pipe_deinit(&c->pipe);
    pdk_identities_deinit(&c->identities);
    n->conns[c->index] = NULL;
    n->conn_count--;
    pdk_mem_free(n->mem, c);
}

void pdk_conn_closed(struct pdk_node *n, uint32_t index)
{
    PDK_ASSERT(index < n->conn_cap);
    PDK_ASSERT(n->conns[index] != NULL);
    forget(n, n->conns[index]);
}

void pdk_conn_close(struct pdk_node *n, struct pdk_conn *c)
{
    pdk_out_signal(&n->out, PDK_OUT_CLOSE, c->index);
    forget(n, c);
}

/* ---- handshake --------------------------------------------------------------------------- */

static void send_connect_response(struct pdk_node *n, struct pdk_conn *c, int32_t timeout_ms,
                                  pdk_session session)
{
    uint8_t password[PDK_PASSWORD_LEN] = {0};
    if (session != 0) pdk_password_of(session, password);
    struct pdk_connect_response response = {
        .time_out = timeout_ms,
        .session_id = session,
        .passwd = pdk_slice_of(password, sizeof password),
        .has_read_only = c->has_read_only,
        .read_only = c->read_only,
    };
    size_t mark = pdk_out_mark(&n->out);
    size_t frame = pdk_frame_begin(&n->out.bytes);
    pdk_put_connect_response(&n->out.bytes, &response);
    pdk_frame_end(&n->out.bytes, frame);
    pdk_out_sent(&n->out, c->index, mark);
    n->totals.packets_sent++;
    c->stats.sent++;
}

void pdk_conn_heard(struct pdk_node *n, struct pdk_session_entry *entry, int32_t timeout_ms)
{
    if (pdk_member_reports_touches(n))
        pdk_member_touched(n, entry);
    else
        pdk_sessions_touch(n->state->sessions, entry, n->now.mono_ms, timeout_ms);
}

void pdk_conn_touch(struct pdk_node *n, struct pdk_conn *c)
{
    if (c->is_local)
        pdk_sessions_touch(n->local, c->entry, n->now.mono_ms, c->timeout_ms);
    else
        pdk_conn_heard(n, c->entry, c->timeout_ms);
}

static void attach(struct pdk_node *n, struct pdk_conn *c, struct pdk_session_entry *entry)
{
    c->state = PDK_CONN_OPEN;
    c->entry = entry;
    entry->conn = c->index;
    entry->owner = PDK_OWNER_SELF;
    c->stats.session = c->session;
    c->stats.timeout_ms = c->timeout_ms;
    pdk_conn_touch(n, c);
    send_connect_response(n, c, c->timeout_ms, c->session);
    if (n->member != NULL && n->member->rolling) pdk_conn_pause(n, c);
}

void pdk_conn_established(struct pdk_node *n, struct pdk_conn *c)
{
    struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, c->session);
    PDK_ASSERT(entry != NULL);
    if (c->upgrading) {
        pdk_member_upgraded(n, c, entry);
        return;
    }
    attach(n, c, entry);
    pdk_conn_resume(n, c);
    /* The one request whose answer has no header is one of the statistics' all the same. */
    pdk_metrics_count_op(&n->metrics, PDK_OP_CREATE_SESSION);
    n->in_process++;
    pdk_answer_count(n, c, 0, PDK_OP_CREATE_SESSION, c->asked_ms, true);
}

static void refuse_session(struct pdk_node *n, struct pdk_conn *c, const char *why)
{
    uint64_t held_back = 0;
    if (pdk_log_limit_pass(&n->space_log, n->now.mono_ms, 1000, &held_back)) {
        size_t mark = pdk_out_mark(&n->out);
        pdk_put_text(&n->out.bytes, "session.refused reason=\"%s\" held_back=%llu", why,
                     (unsigned long long)held_back);
        pdk_out_logged(&n->out, PDK_LOG_WARN, mark);
    }
    pdk_conn_close(n, c);
}

/* A session that no log knows. */
static void grant_local(struct pdk_node *n, struct pdk_conn *c, bool read_only)
{
    n->last_session = pdk_session_next_id(n->state->sessions, n->last_session);
    struct pdk_session_entry *entry = pdk_sessions_add(n->local, n->last_session, c->timeout_ms);
    if (entry == NULL) {
        refuse_session(n, c, "too many sessions");
        return;
    }
    c->session = n->last_session;
    c->is_local = true;
    c->read_only = read_only;
    attach(n, c, entry);
}

/* Without a place to log it, a session may still read, if its client said that this will do. */
static bool may_log(struct pdk_node *n, struct pdk_conn *c)
{
    bool read_only = pdk_member_is_read_only(n);
    if (!n->no_space && !read_only) return true;
    if (!c->wants_read_only) {
        refuse_session(n, c, n->no_space ? "the log's disk is full" : "there is no leader");
    } else if (read_only && !pdk_member_local_sessions(n)) {
        /* Apache answers the createSession that it may not make (client-protocol.md section 17). */
        pdk_answer_code(n, c, 0, n->state->last_zxid, PDK_CODE_NOT_READ_ONLY);
        pdk_conn_close(n, c);
    } else {
        grant_local(n, c, true);
    }
    return false;
}

static void new_session(struct pdk_node *n, struct pdk_conn *c)
{
    if (!may_log(n, c)) return;
    if (pdk_sessions_count(n->state->sessions) + n->opening.count >= n->config.session_limit) {
        refuse_session(n, c, "too many sessions");
        return;
    }
    if (pdk_member_local_sessions(n)) {
        grant_local(n, c, false);
        return;
    }
    n->last_session = pdk_session_next_id(n->state->sessions, n->last_session);
    c->session = n->last_session;
    pdk_conn_open_session(n, c);
}

void pdk_conn_open_session(struct pdk_node *n, struct pdk_conn *c)
{
    if (pdk_map_put(&n->opening, (uint64_t)c->session, c->index) != PDK_OK) {
        pdk_conn_close(n, c);
        return;
    }
    if (!c->upgrading) c->state = PDK_CONN_CONNECTING;
    c->asked_ms = n->now.mono_ms;
    uint8_t timeout[4];
    pdk_store_u32(timeout, (uint32_t)c->timeout_ms);
    struct pdk_propose p = {.conn = c,
                            .op = PDK_OP_CREATE_SESSION,
                            .session = c->session,
                            .body = pdk_slice_of(timeout, 4)};
    enum pdk_code code = PDK_CODE_OK;
    bool taken = n->member != NULL ? pdk_member_write(n, &p, &code) : pdk_propose(n, &p, &code);
    PDK_ASSERT(taken);
    pdk_conn_pause(n, c);
}

void pdk_conn_answer_reattach(struct pdk_node *n, struct pdk_conn *c,
                              struct pdk_session_entry *entry)
{
    if (entry == NULL) {
        send_connect_response(n, c, 0, 0);
        pdk_conn_close(n, c);
        return;
    }
    /* Whoever asked last has the session. */
    if (entry->conn != PDK_CONN_NONE) pdk_conn_close(n, n->conns[entry->conn]);
    attach(n, c, entry);
    pdk_conn_resume(n, c);
}

/* While there is no leader nobody can say whether a global session lives. */
static bool may_reattach(const struct pdk_node *n, const struct pdk_conn *c, bool is_global)
{
    if (!pdk_member_is_read_only(n)) return true;
    return c->wants_read_only && !is_global && pdk_member_local_sessions(n);
}

static void reattach_local(struct pdk_node *n, struct pdk_conn *c, struct pdk_session_entry *entry)
{
    c->is_local = true;
    c->read_only = pdk_member_is_read_only(n);
    attach(n, c, entry);
}

static void reattach(struct pdk_node *n, struct pdk_conn *c, const struct pdk_connect_request *req)
{
    struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, req->session_id);
    struct pdk_session_entry *local = pdk_sessions_find(n->local, req->session_id);
    n->metrics.connection_revalidate_count++;
    if (!may_reattach(n, c, entry != NULL)) {
        refuse_session(n, c, "there is no leader");
        return;
    }
    /* The old connection goes before the password is looked at, as in Apache. */
    if (entry != NULL && entry->conn != PDK_CONN_NONE) pdk_conn_close(n, n->conns[entry->conn]);
    if (local != NULL && local->conn != PDK_CONN_NONE) {
        pdk_conn_close(n, n->conns[local->conn]);
        local = pdk_sessions_find(n->local, req->session_id); /* it may have ended with that */
    }
    c->session = req->session_id;
    if (!pdk_password_matches(req->session_id, req->passwd))
        pdk_conn_answer_reattach(n, c, NULL);
    else if (local != NULL)
        reattach_local(n, c, local);
    else if (pdk_member_reports_touches(n))
        pdk_member_revalidate(n, c);
    else if (entry == NULL || entry->closing)
        pdk_conn_answer_reattach(n, c, NULL);
    else {
        entry->owner = PDK_OWNER_SELF;
        pdk_conn_answer_reattach(n, c, entry);
    }
}

static void connect_frame(struct pdk_node *n, struct pdk_conn *c, struct pdk_slice frame)
{
    struct pdk_connect_request req;
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_connect_request(&r, &req);
    if (r.failed) {
        pdk_conn_close(n, c);
        return;
    }
    if (!pdk_member_serves(n)) {
        pdk_conn_close(n, c);
        return;
    }
    n->metrics.connection_request_count++;
    n->totals.packets_received++;
    c->stats.received++;
    if (req.last_zxid_seen > n->state->last_zxid) {
        size_t mark = pdk_out_mark(&n->out);
        pdk_put_text(&n->out.bytes,
                     "session.refused reason=\"client has seen a later zxid\" client=0x%llx "
                     "server=0x%llx",
                     (unsigned long long)req.last_zxid_seen,
                     (unsigned long long)n->state->last_zxid);
        pdk_out_logged(&n->out, PDK_LOG_INFO, mark);
        pdk_conn_close(n, c);
        return;
    }
    c->has_read_only = req.has_read_only;
    c->wants_read_only = req.read_only;
    c->timeout_ms =
        pdk_session_negotiate(req.time_out, n->config.session_min_ms, n->config.session_max_ms);
    if (req.session_id == 0)
        new_session(n, c);
    else
        reattach(n, c, &req);
}

/* ---- frames ------------------------------------------------------------------------------- */

void pdk_conn_frame(struct pdk_node *n, uint32_t index, struct pdk_slice frame)
{
    PDK_ASSERT(index < n->conn_cap);
    struct pdk_conn *c = n->conns[index];
    PDK_ASSERT(c != NULL);
    PDK_ASSERT(c->state != PDK_CONN_CONNECTING);
    if (c->state == PDK_CONN_FRESH)
        connect_frame(n, c, frame);
    else
        pdk_request_frame(n, c, frame);
}

void pdk_conn_oversize(struct pdk_node *n, uint32_t index, struct pdk_slice bytes)
{
    PDK_ASSERT(index < n->conn_cap);
    struct pdk_conn *c = n->conns[index];
    struct pdk_request_header header;
    struct pdk_reader r = pdk_reader_of(bytes);
    pdk_read_request_header(&r, &header);
    if (r.failed || c->state != PDK_CONN_OPEN)
        pdk_conn_close(n, c);
    else
        pdk_request_oversize(n, c, &header);
}

/* ---- answers in their order ------------------------------------------------------------------ */

/* An opcode that no client may send: answered with zxid -1, then the connection closes. */
static bool is_forbidden(const struct pdk_pipe_item *item)
{
    return item->kind == PDK_PIPE_ANSWER && item->code == PDK_CODE_UNIMPLEMENTED;
}

/* It waited longer than the operator finds worth answering (throttled_op_wait_time). */
static bool is_throttled(const struct pdk_node *n, const struct pdk_pipe_item *item)
{
    int64_t most_ms = n->config.throttled_op_wait_ms;
    return most_ms > 0 && item->kind == PDK_PIPE_LOCAL && item->op != PDK_OP_PING &&
           n->now.mono_ms - item->received_ms > most_ms;
}

static void set_unfinished(struct pdk_node *n, struct pdk_conn *c, bool unfinished)
{
    if (c->unfinished == unfinished) return;
    c->unfinished = unfinished;
    if (unfinished)
        n->unfinished_count++;
    else
        n->unfinished_count--;
}

void pdk_conn_drain(struct pdk_node *n, struct pdk_conn *c)
{
    while (pdk_pipe_ready(&c->pipe, n->state->last_zxid)) {
        if (n->out.bytes.len > PDK_STEP_REPLY_BYTES) {
            set_unfinished(n, c, true);
            return;
        }
        struct pdk_pipe_item *head = pdk_pipe_head(&c->pipe);
        bool keep = true;
        if (is_throttled(n, head)) {
            n->metrics.throttled_ops++;
            pdk_answer_code(n, c, head->xid, n->state->last_zxid, PDK_CODE_THROTTLED_OP);
            pdk_answer_count(n, c, head->xid, head->op, head->received_ms, false);
        } else if (head->kind == PDK_PIPE_ANSWER) {
            bool forbidden = is_forbidden(head);
            keep = !forbidden && !(c->is_local && head->op == PDK_OP_CLOSE_SESSION);
            pdk_answer_code(n, c, head->xid, forbidden ? -1 : n->state->last_zxid, head->code);
            pdk_answer_count(n, c, head->xid, head->op, head->received_ms, false);
        } else {
            pdk_local_run(n, c, head, pdk_slice_of(head->bytes, head->len));
        }
        pdk_pipe_pop(&c->pipe);
        if (!keep) {
            pdk_conn_close(n, c);
            return;
        }
    }
    set_unfinished(n, c, false);
}

void pdk_conn_drain_unfinished(struct pdk_node *n)
{
    for (uint32_t i = 0; i < n->conn_cap && n->unfinished_count > 0; i++) {
        struct pdk_conn *c = n->conns[i];
        if (c != NULL && c->unfinished) pdk_conn_drain(n, c);
        if (n->out.bytes.len > PDK_STEP_REPLY_BYTES) return;
    }
}
