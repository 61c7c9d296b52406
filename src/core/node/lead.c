/* What learners and our own clients ask of us while we lead (zab.md section 7). */
#include "core/node/member.h"

/* ---- sessions -------------------------------------------------------------------------------- */

/* Is its createSession proposed and not applied yet?  (An Apache follower that makes a local
 * session a global one does not wait before it sends what needs that.) */
static bool is_being_opened(const struct pdk_node *n, pdk_session session)
{
    for (size_t i = 0; i < n->proposal_count; i++) {
        const struct pdk_proposal *p =
            &n->proposals[(n->proposal_head + i) & (n->proposal_cap - 1)];
        struct pdk_txn_parts parts;
        if (pdk_txn_split(pdk_slice_of(p->txn, p->len), &parts) != PDK_OK) continue;
        if (parts.header.type == PDK_OP_CREATE_SESSION && parts.header.client_id == session)
            return true;
    }
    return false;
}

/* A session's requests come through one server at a time (ZOOKEEPER-710).  The first that brings
 * one owns it. */
static enum pdk_code check_session(struct pdk_node *n, pdk_session session, uint32_t owner)
{
    struct pdk_session_entry *e = pdk_sessions_find(n->state->sessions, session);
    if (e != NULL && !e->closing) {
        if (e->owner == PDK_OWNER_NOBODY) e->owner = owner;
        return e->owner == owner ? PDK_CODE_OK : PDK_CODE_SESSION_MOVED;
    }
    if (e != NULL) return PDK_CODE_SESSION_EXPIRED;
    if (is_being_opened(n, session)) return PDK_CODE_OK;
    if (!n->config.ensemble.local_sessions) return PDK_CODE_SESSION_EXPIRED;
    if (pdk_sessions_find(n->local, session) != NULL) return PDK_CODE_OK;
    /* A local session of another server's: only that one knows whether it lives. */
    bool ours = (uint8_t)((uint64_t)session >> 56) == n->config.server_id;
    return ours ? PDK_CODE_SESSION_EXPIRED : PDK_CODE_OK;
}

/* Nobody would remove the ephemerals of a session that only one server knows. */
static bool is_local(const struct pdk_node *n, pdk_session session)
{
    return pdk_sessions_find(n->state->sessions, session) == NULL && !is_being_opened(n, session);
}

static bool is_session_op(int32_t op)
{
    return op == PDK_OP_CREATE_SESSION || op == PDK_OP_CLOSE_SESSION;
}

/* Judges and proposes; false: `*code` is the answer, which only a client of ours can get. */
static bool propose(struct pdk_node *n, struct pdk_propose *p, uint32_t owner, enum pdk_code *code)
{
    struct pdk_members *next = NULL;
    struct pdk_buf text;
    pdk_buf_init(&text, n->mem, SIZE_MAX);
    if (!is_session_op(p->op)) {
        p->verdict = check_session(n, p->session, owner);
        p->local_session = n->config.ensemble.local_sessions && is_local(n, p->session);
    }
    if (p->op == PDK_OP_RECONFIG && p->verdict == PDK_CODE_OK) {
        p->verdict = pdk_reconfig_judge(n, p->body, &next);
        if (next != NULL) {
            pdk_members_put_text(next, false, &text);
            p->config = pdk_buf_slice(&text);
        }
    }
    bool proposed = pdk_propose(n, p, code);
    if (proposed && next != NULL && *code == PDK_CODE_OK)
        pdk_reconfig_proposed(n, n->proposed, next);
    pdk_members_drop(next);
    pdk_buf_deinit(&text);
    return proposed;
}

bool pdk_lead_write(struct pdk_node *n, struct pdk_propose *p, enum pdk_code *code)
{
    /* Another takes over in a moment, and this connection is closed then. */
    if (n->member->retiring) return true;
    if (n->no_space) return false;
    /* Only a new connection can ask now: those that have sessions are paused. */
    if (n->member->rolling) {
        PDK_ASSERT(p->op == PDK_OP_CREATE_SESSION);
        pdk_hold_session(n, p->conn);
        return true;
    }
    return propose(n, p, PDK_OWNER_SELF, code);
}

/* ---- syncs ----------------------------------------------------------------------------------- */

static enum pdk_err add_sync(struct pdk_node *n, struct pdk_barrier barrier)
{
    barrier.zxid = n->proposal_count > 0 ? n->proposed : n->state->last_zxid;
    barrier.round = pdk_leader_confirm(n->member->leader, n->now.mono_ms);
    return pdk_sync_add(n, &barrier);
}

enum pdk_err pdk_lead_sync(struct pdk_node *n, const struct pdk_conn *c)
{
    return add_sync(n, (struct pdk_barrier){
                           .link = PDK_OWNER_SELF, .conn = c->index, .conn_serial = c->serial});
}

void pdk_member_synced(struct pdk_node *n, uint32_t link)
{
    struct pdk_leader *l = n->member->leader;
    if (l != NULL && pdk_leader_knows(l, link))
        pdk_leader_send(l, link, PDK_Q_SYNC, 0, pdk_slice_null());
}

/* ---- packets --------------------------------------------------------------------------------- */

static enum pdk_err read_identities(const struct pdk_vec *authinfo, struct pdk_identities *out)
{
    struct pdk_reader it = pdk_reader_of(authinfo->body);
    for (int32_t i = 0; i < authinfo->count; i++) {
        struct pdk_id id;
        pdk_read_id(&it, &id);
        if (it.failed) return PDK_EMALFORMED;
        enum pdk_err err = pdk_identities_add(out, id.scheme, id.id);
        if (err != PDK_OK) return err;
    }
    return PDK_OK;
}

static void propose_for_learner(struct pdk_node *n, const struct pdk_zab_effect *e,
                                struct pdk_propose *p)
{
    struct pdk_identities ids;
    enum pdk_code code = PDK_CODE_OK;
    pdk_identities_init(&ids, n->mem);
    if (read_identities(&e->packet.authinfo, &ids) != PDK_OK) p->verdict = PDK_CODE_AUTH_FAILED;
    p->identities = &ids;
    p->identity_count = ids.count;
    p->must = true;
    (void)propose(n, p, e->link, &code);
    pdk_identities_deinit(&ids);
}

static bool is_known(int32_t op)
{
    return pdk_prep_is_write(op) || op == PDK_OP_CREATE_SESSION || op == PDK_OP_DELETE_CONTAINER;
}

void pdk_lead_request(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_reader r = pdk_reader_of(e->packet.data);
    struct pdk_propose p = {.session = pdk_read_i64(&r)};
    p.xid = pdk_read_i32(&r);
    p.op = pdk_read_i32(&r);
    if (r.failed) {
        PDK_SAY(n, PDK_LOG_WARN, "request.malformed from=%lld", (long long)e->sid);
        return;
    }
    p.body = pdk_slice_of(r.at, pdk_reader_left(&r));
    if (n->member->retiring || n->no_space) return; /* the link goes in a moment */
    if (p.op == PDK_OP_SYNC) {
        if (add_sync(n, (struct pdk_barrier){.link = e->link}) != PDK_OK)
            PDK_SAY(n, PDK_LOG_WARN, "sync.refused reason=memory");
        return;
    }
    /* A lone check must never become a transaction (ZOOKEEPER-2623). */
    if (!is_known(p.op)) p.verdict = PDK_CODE_UNIMPLEMENTED;
    propose_for_learner(n, e, &p);
}

static void take_revalidation(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_reader r = pdk_reader_of(e->packet.data);
    pdk_session session = pdk_read_i64(&r);
    int32_t timeout_ms = pdk_read_i32(&r);
    if (r.failed) return;
    struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, session);
    bool valid = entry != NULL && !entry->closing;
    if (valid) {
        entry->owner = e->link;
        pdk_sessions_touch(n->state->sessions, entry, n->now.mono_ms, timeout_ms);
    }
    uint8_t answer[9];
    pdk_store_u64(answer, (uint64_t)session);
    answer[8] = valid ? 1 : 0;
    pdk_leader_send(n->member->leader, e->link, PDK_Q_REVALIDATE, -1,
                    pdk_slice_of(answer, sizeof answer));
}

/* Sessions that a learner's clients have touched. */
static void take_touches(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_reader r = pdk_reader_of(e->packet.data);
    while (pdk_reader_left(&r) >= 12) {
        pdk_session session = pdk_read_i64(&r);
        int32_t timeout_ms = pdk_read_i32(&r);
        struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, session);
        if (entry != NULL)
            pdk_sessions_touch(n->state->sessions, entry, n->now.mono_ms, timeout_ms);
    }
}

void pdk_lead_packet(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    if (!n->member->serves) return;
    switch (e->packet.type) {
    case PDK_Q_REQUEST:
        if (n->member->rolling || n->member->held_count > 0 || !pdk_propose_room(n))
            pdk_hold_packet(n, e);
        else
            pdk_lead_request(n, e);
        break;
    case PDK_Q_REVALIDATE: take_revalidation(n, e); break;
    case PDK_Q_PING: take_touches(n, e); break;
    default: break;
    }
}
