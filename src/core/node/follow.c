/* What a learner asks of its leader for its clients, and what comes back (zab.md section 7). */
#include "core/node/member.h"

/* ---- requests -------------------------------------------------------------------------------- */

static void put_identities(struct pdk_buf *b, const struct pdk_identities *ids, size_t count)
{
    pdk_put_i32(b, (int32_t)count);
    for (size_t i = 0; i < count; i++) {
        pdk_put_bytes(b, pdk_slice_of(ids->items[i].scheme, ids->items[i].scheme_len));
        pdk_put_bytes(b, pdk_slice_of(ids->items[i].id, ids->items[i].id_len));
    }
}

static void put_request(struct pdk_buf *b, const struct pdk_propose *p)
{
    pdk_buf_clear(b);
    pdk_put_i64(b, p->session);
    pdk_put_i32(b, p->xid);
    pdk_put_i32(b, p->op);
    pdk_put_raw(b, p->body.bytes, p->body.len);
}

bool pdk_follow_write(struct pdk_node *n, const struct pdk_propose *p)
{
    struct pdk_membership *m = n->member;
    put_request(&m->scratch, p);
    pdk_buf_clear(&m->authinfo);
    bool is_session = p->op == PDK_OP_CREATE_SESSION;
    if (!is_session) put_identities(&m->authinfo, p->identities, p->identity_count);
    PDK_ASSERT(!m->scratch.failed && !m->authinfo.failed);
    if (p->op == PDK_OP_CLOSE_SESSION) {
        struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, p->session);
        if (entry != NULL) entry->closing = true;
    }
    pdk_learner_send(m->learner, PDK_Q_REQUEST, -1, pdk_buf_slice(&m->scratch),
                     is_session ? pdk_slice_null() : pdk_buf_slice(&m->authinfo));
    return true;
}

/* ---- syncs ----------------------------------------------------------------------------------- */

enum pdk_err pdk_follow_ask_sync(struct pdk_node *n, uint32_t conn, uint64_t conn_serial,
                                 uint32_t observer)
{
    struct pdk_membership *m = n->member;
    if (m->sync_count == m->sync_cap) {
        size_t cap = m->sync_cap > 0 ? m->sync_cap * 2 : 64;
        struct pdk_asked_sync *wider = pdk_mem_try(n->mem, cap * sizeof *wider);
        if (wider == NULL) return PDK_ENOMEM;
        for (size_t i = 0; i < m->sync_count; i++)
            wider[i] = m->syncs[(m->sync_head + i) & (m->sync_cap - 1)];
        pdk_mem_free(n->mem, m->syncs);
        m->syncs = wider;
        m->sync_head = 0;
        m->sync_cap = cap;
    }
    m->syncs[(m->sync_head + m->sync_count++) & (m->sync_cap - 1)] =
        (struct pdk_asked_sync){.conn = conn, .observer = observer, .conn_serial = conn_serial};
    return PDK_OK;
}

enum pdk_err pdk_follow_sync(struct pdk_node *n, const struct pdk_conn *c)
{
    enum pdk_err err = pdk_follow_ask_sync(n, c->index, c->serial, 0);
    if (err != PDK_OK) return err;
    struct pdk_propose p = {.op = PDK_OP_SYNC,
                            .session = c->session,
                            .identities = &c->identities,
                            .identity_count = c->identities.count,
                            .body = pdk_slice_of("\0\0\0\0", 4)};
    (void)pdk_follow_write(n, &p);
    return PDK_OK;
}

static void sync_answered(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->sync_count == 0) return;
    struct pdk_asked_sync asked = m->syncs[m->sync_head];
    m->sync_head = (m->sync_head + 1) & (m->sync_cap - 1);
    m->sync_count--;
    if (asked.conn == PDK_CONN_NONE) {
        pdk_feed_answer(n, asked.observer, PDK_Q_SYNC, 0, pdk_slice_null());
        return;
    }
    struct pdk_conn *c = pdk_conn_find(n, asked.conn, asked.conn_serial);
    if (c != NULL) pdk_sync_release(n, c);
}

/* ---- sessions that come back ----------------------------------------------------------------- */

void pdk_follow_ask_session(struct pdk_node *n, const struct pdk_revalidation *asked)
{
    struct pdk_membership *m = n->member;
    if (m->revalidation_count == m->revalidation_cap) {
        m->revalidation_cap = m->revalidation_cap > 0 ? m->revalidation_cap * 2 : 16;
        m->revalidations = pdk_mem_must_resize(n->mem, m->revalidations,
                                               m->revalidation_cap * sizeof *m->revalidations);
    }
    m->revalidations[m->revalidation_count++] = *asked;
}

void pdk_member_revalidate(struct pdk_node *n, struct pdk_conn *c)
{
    struct pdk_membership *m = n->member;
    /* Of several that want one session the newest gets it. */
    for (size_t i = 0; i < m->revalidation_count; i++) {
        struct pdk_revalidation *r = &m->revalidations[i];
        struct pdk_conn *older = pdk_conn_find(n, r->conn, r->conn_serial);
        if (r->session == c->session && older != NULL) pdk_conn_close(n, older);
    }
    pdk_follow_ask_session(n, &(struct pdk_revalidation){.session = c->session,
                                                         .conn = c->index,
                                                         .conn_serial = c->serial});
    c->state = PDK_CONN_CONNECTING;
    c->asked_ms = n->now.mono_ms;
    pdk_conn_pause(n, c);
    uint8_t data[12];
    pdk_store_u64(data, (uint64_t)c->session);
    pdk_store_u32(data + 8, (uint32_t)c->timeout_ms);
    pdk_learner_send(m->learner, PDK_Q_REVALIDATE, -1, pdk_slice_of(data, sizeof data),
                     pdk_slice_null());
}

/* The oldest one asked about; answers come in order. */
static bool take_revalidation(struct pdk_membership *m, pdk_session session,
                              struct pdk_revalidation *out)
{
    for (size_t i = 0; i < m->revalidation_count; i++) {
        if (m->revalidations[i].session != session) continue;
        *out = m->revalidations[i];
        m->revalidation_count--;
        for (; i < m->revalidation_count; i++) m->revalidations[i] = m->revalidations[i + 1];
        return true;
    }
    return false;
}

static void revalidated(struct pdk_node *n, const struct pdk_qpacket *packet)
{
    struct pdk_reader r = pdk_reader_of(packet->data);
    pdk_session session = pdk_read_i64(&r);
    bool valid = pdk_read_bool(&r);
    struct pdk_revalidation asked;
    if (r.failed || !take_revalidation(n->member, session, &asked)) return;
    if (asked.conn == PDK_CONN_NONE) {
        if (valid) pdk_feed_revalidated(n, session, asked.observer);
        pdk_feed_answer(n, asked.observer, PDK_Q_REVALIDATE, -1, packet->data);
        return;
    }
    struct pdk_conn *c = pdk_conn_find(n, asked.conn, asked.conn_serial);
    if (c == NULL || c->state != PDK_CONN_CONNECTING) return;
    struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, session);
    /* The leader knows of its beginning, we do not yet: it is attached with that. */
    if (valid && entry == NULL && pdk_map_put(&n->opening, (uint64_t)session, c->index) == PDK_OK)
        return;
    pdk_conn_answer_reattach(n, c, valid ? entry : NULL);
}

/* ---- signs of life --------------------------------------------------------------------------- */

void pdk_member_touched(struct pdk_node *n, struct pdk_session_entry *entry)
{
    struct pdk_membership *m = n->member;
    if (entry->touched) return;
    if (m->touched_count == m->touched_cap) {
        m->touched_cap = m->touched_cap > 0 ? m->touched_cap * 2 : 64;
        m->touched = pdk_mem_must_resize(n->mem, m->touched, m->touched_cap * sizeof *m->touched);
    }
    entry->touched = true;
    m->touched[m->touched_count++] = entry->id;
}

static void answer_ping(struct pdk_node *n, const struct pdk_qpacket *ping)
{
    struct pdk_membership *m = n->member;
    pdk_buf_clear(&m->scratch);
    for (size_t i = 0; i < m->touched_count; i++) {
        struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, m->touched[i]);
        if (entry == NULL) continue;
        entry->touched = false;
        pdk_put_i64(&m->scratch, entry->id);
        pdk_put_i32(&m->scratch, entry->timeout_ms);
    }
    m->touched_count = 0;
    pdk_learner_send(m->learner, PDK_Q_PING, ping->zxid, pdk_buf_slice(&m->scratch),
                     pdk_slice_null());
}

void pdk_follow_packet(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    switch (e->packet.type) {
    case PDK_Q_PING: answer_ping(n, &e->packet); break;
    case PDK_Q_REVALIDATE: revalidated(n, &e->packet); break;
    case PDK_Q_SYNC: sync_answered(n); break;
    default: break;
    }
}

void pdk_follow_forget(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    for (size_t i = 0; i < m->touched_count; i++) {
        struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, m->touched[i]);
        if (entry != NULL) entry->touched = false;
    }
    m->touched_count = m->sync_count = m->revalidation_count = 0;
}

/* ---- whose request --------------------------------------------------------------------------- */

struct pdk_conn *pdk_member_conn_of(const struct pdk_node *n, pdk_session session)
{
    const struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, session);
    if (entry == NULL) entry = pdk_sessions_find(n->local, session);
    return entry != NULL && entry->conn != PDK_CONN_NONE ? n->conns[entry->conn] : NULL;
}
