/* A follower that feeds observers in the leader's place (zab.md section 7.5): what the leader
 * commits is passed down, what observers ask is passed up. */
#include "core/node/member.h"

void pdk_feed_begin(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    const struct pdk_ensemble_config *c = &n->config.ensemble;
    if (m->role != PDK_ROLE_FOLLOWING || c->observer_master_port <= 0) return;
    const struct pdk_leader_config config = {
        .mem = n->mem,
        .me = m->me,
        .limits = pdk_member_limits(n),
        .committed = m->committed,
        .last_seen = m->committed,
        .accepted_epoch = m->accepted_epoch,
        .current_epoch = m->current_epoch,
        .force_snapshot = c->force_snapshot,
        .snapshot_size_factor = c->snapshot_size_factor,
        .max_snap_syncs = c->max_snap_syncs,
        .max_diff_syncs = c->max_diff_syncs,
        .max_wait_for_epoch_ms = -1,
        .history = n->history,
        .applied = &n->state->last_zxid,
        .feeds = true,
        .fed = n->committed,
        .log_is_durable = true,
    };
    m->feeder = pdk_leader_create(&config, n->now.mono_ms);
    pdk_sessions_arm_all(n->state->sessions, n->now.mono_ms); /* nobody owns any yet */
    struct pdk_effect *e = pdk_out_add(&n->out, PDK_OUT_LISTEN);
    e->port = PDK_PORT_OBSERVER_MASTER;
    e->flag = true;
}

void pdk_feed_end(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->feeder == NULL) return;
    pdk_leader_destroy(m->feeder);
    m->feeder = NULL;
    pdk_out_add(&n->out, PDK_OUT_LISTEN)->port = PDK_PORT_OBSERVER_MASTER;
}

void pdk_feed_committed(struct pdk_node *n)
{
    if (n->member->feeder != NULL) pdk_leader_feed(n->member->feeder, n->now.mono_ms, n->committed);
}

void pdk_feed_config(struct pdk_node *n, struct pdk_members *members, pdk_sid leader)
{
    /* The version of a config is the zxid of its reconfig. */
    if (n->member->feeder != NULL)
        pdk_leader_feed_config(n->member->feeder, n->now.mono_ms, members->version, members,
                               leader);
}

/* ---- from observers -------------------------------------------------------------------------- */

/* To the leader all that we feed is one learner.  So it is we who see that a session's requests
 * come one way at a time (ZOOKEEPER-710): what is still on its way from a connection that the
 * client has left must not get behind what it has asked since. */
static bool has_moved(struct pdk_node *n, pdk_session session, uint32_t link)
{
    struct pdk_session_entry *e = pdk_sessions_find(n->state->sessions, session);
    if (e == NULL) return false;
    if (e->owner == PDK_OWNER_NOBODY) e->owner = link;
    return e->owner != link;
}

void pdk_feed_revalidated(struct pdk_node *n, pdk_session session, uint32_t link)
{
    struct pdk_session_entry *e = pdk_sessions_find(n->state->sessions, session);
    if (e == NULL) return;
    if (e->conn != PDK_CONN_NONE) pdk_conn_close(n, n->conns[e->conn]);
    e->owner = link;
}

static void pass_request_up(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_membership *m = n->member;
    const struct pdk_vec *authinfo = &e->packet.authinfo;
    struct pdk_reader r = pdk_reader_of(e->packet.data);
    pdk_session session = pdk_read_i64(&r);
    (void)pdk_read_i32(&r);
    int32_t op = pdk_read_i32(&r);
    if (r.failed || (op != PDK_OP_CREATE_SESSION && has_moved(n, session, e->link))) return;
    if (op == PDK_OP_SYNC && pdk_follow_ask_sync(n, PDK_CONN_NONE, 0, e->link) != PDK_OK) return;
    pdk_buf_clear(&m->authinfo);
    pdk_put_vec(&m->authinfo, authinfo);
    PDK_ASSERT(!m->authinfo.failed);
    pdk_learner_send(m->learner, PDK_Q_REQUEST, e->packet.zxid, e->packet.data,
                     authinfo->is_null ? pdk_slice_null() : pdk_buf_slice(&m->authinfo));
}

static void pass_revalidation_up(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_reader r = pdk_reader_of(e->packet.data);
    pdk_session session = pdk_read_i64(&r);
    (void)pdk_read_i32(&r);
    if (r.failed) return;
    pdk_follow_ask_session(n, &(struct pdk_revalidation){
                                  .session = session, .conn = PDK_CONN_NONE, .observer = e->link});
    pdk_learner_send(n->member->learner, PDK_Q_REVALIDATE, -1, e->packet.data, pdk_slice_null());
}

static void take_touches(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_reader r = pdk_reader_of(e->packet.data);
    while (pdk_reader_left(&r) >= 12) {
        pdk_session session = pdk_read_i64(&r);
        (void)pdk_read_i32(&r);
        struct pdk_session_entry *entry = pdk_sessions_find(n->state->sessions, session);
        if (entry != NULL) pdk_member_touched(n, entry);
    }
}

static void take_packet(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    switch (e->packet.type) {
    case PDK_Q_REQUEST: pass_request_up(n, e); break;
    case PDK_Q_REVALIDATE: pass_revalidation_up(n, e); break;
    case PDK_Q_PING: take_touches(n, e); break;
    default: break;
    }
}

void pdk_feed_carry(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    if (e->kind == PDK_ZAB_PACKET)
        take_packet(n, e);
    else
        pdk_links_carry(n, e);
}

void pdk_feed_answer(struct pdk_node *n, uint32_t link, enum pdk_qtype type, pdk_zxid zxid,
                     struct pdk_slice data)
{
    struct pdk_leader *f = n->member->feeder;
    if (f != NULL && pdk_leader_knows(f, link)) pdk_leader_send(f, link, type, zxid, data);
}
