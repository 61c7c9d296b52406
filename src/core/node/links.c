/* Streams between servers: whose they are, and what their machines want done with them. */
#include "core/node/member.h"

uint32_t pdk_links_next(void *node)
{
    struct pdk_node *n = node;
    return PDK_LINK_DIALLED | (++n->member->links_dialled & ~PDK_LINK_DIALLED);
}

/* ---- what comes in --------------------------------------------------------------------------- */

static void remember(struct pdk_node *n, uint32_t link, enum pdk_port port)
{
    struct pdk_membership *m = n->member;
    if (m->accepted_count == m->accepted_cap) {
        m->accepted_cap = m->accepted_cap > 0 ? m->accepted_cap * 2 : 16;
        m->accepted =
            pdk_mem_must_resize(n->mem, m->accepted, m->accepted_cap * sizeof *m->accepted);
    }
    m->accepted[m->accepted_count++] = (struct pdk_accepted_link){.link = link, .port = port};
}

static void forget(struct pdk_node *n, uint32_t link)
{
    struct pdk_membership *m = n->member;
    for (size_t i = 0; i < m->accepted_count; i++) {
        if (m->accepted[i].link != link) continue;
        m->accepted[i] = m->accepted[--m->accepted_count];
        return;
    }
}

static void refuse(struct pdk_node *n, uint32_t link)
{
    pdk_out_add(&n->out, PDK_OUT_LINK_CLOSE)->link = link;
}

void pdk_links_accepted(struct pdk_node *n, const struct pdk_input *input)
{
    struct pdk_membership *m = n->member;
    if (input->port == PDK_PORT_ELECTION) {
        pdk_mesh_accepted(m->mesh, n->now.mono_ms, input->link);
    } else if (input->port == PDK_PORT_QUORUM && m->leader != NULL) {
        remember(n, input->link, input->port);
        pdk_leader_accepted(m->leader, n->now.mono_ms, input->link, input->address);
    } else if (input->port == PDK_PORT_OBSERVER_MASTER && m->feeder != NULL) {
        remember(n, input->link, input->port);
        pdk_leader_accepted(m->feeder, n->now.mono_ms, input->link, input->address);
    } else {
        refuse(n, input->link);
    }
}

void pdk_links_dialled(struct pdk_node *n, uint32_t link, bool connected)
{
    struct pdk_membership *m = n->member;
    if (link == m->leader_link && m->learner != NULL) {
        if (!connected) m->leader_link = PDK_LINK_NONE;
        pdk_learner_dialled(m->learner, n->now.mono_ms, connected, link);
    } else if (pdk_mesh_knows(m->mesh, link)) {
        pdk_mesh_dialled(m->mesh, n->now.mono_ms, link, connected);
    } else if (connected) {
        refuse(n, link);
    }
}

void pdk_links_closed(struct pdk_node *n, uint32_t link)
{
    struct pdk_membership *m = n->member;
    forget(n, link);
    if (link == m->leader_link && m->learner != NULL) {
        m->leader_link = PDK_LINK_NONE;
        pdk_learner_closed(m->learner, n->now.mono_ms);
    } else if (pdk_member_server_of(n, link) != NULL) {
        pdk_leader_closed(pdk_member_server_of(n, link), n->now.mono_ms, link);
    } else if (pdk_mesh_knows(m->mesh, link)) {
        pdk_mesh_closed(m->mesh, n->now.mono_ms, link);
    }
}

size_t pdk_links_bytes(struct pdk_node *n, uint32_t link, struct pdk_slice bytes)
{
    struct pdk_membership *m = n->member;
    if (link == m->leader_link && m->learner != NULL)
        return pdk_learner_bytes(m->learner, n->now.mono_ms, bytes);
    struct pdk_leader *server = pdk_member_server_of(n, link);
    if (server != NULL) return pdk_leader_bytes(server, n->now.mono_ms, link, bytes);
    if (pdk_mesh_knows(m->mesh, link)) return pdk_mesh_bytes(m->mesh, n->now.mono_ms, link, bytes);
    return bytes.len; /* a CLOSE is on its way to the driver */
}

/* ---- the log, on its way to a learner -------------------------------------------------------- */

void pdk_put_streamed_txn(struct pdk_buf *b, struct pdk_slice txn, bool is_observer)
{
    struct pdk_txn_parts parts;
    enum pdk_err err = pdk_txn_split(txn, &parts);
    PDK_ASSERT(err == PDK_OK); /* it was read from the log */
    pdk_put_qpacket(b, is_observer ? PDK_Q_INFORM : PDK_Q_PROPOSAL, parts.header.zxid, txn);
    if (!is_observer) pdk_put_qpacket(b, PDK_Q_COMMIT, parts.header.zxid, pdk_slice_null());
}

/* ---- what the mesh wants --------------------------------------------------------------------- */

static void carry_mesh(struct pdk_node *n, const struct pdk_mesh_effect *e)
{
    struct pdk_membership *m = n->member;
    switch (e->kind) {
    case PDK_MESH_DIAL: pdk_out_dial(&n->out, e->link, e->addresses, e->address_count); break;
    case PDK_MESH_WRITE: {
        size_t mark = pdk_out_mark(&n->out);
        pdk_put_raw(&n->out.bytes, e->bytes.bytes, e->bytes.len);
        pdk_out_link_sent(&n->out, &e->link, 1, mark);
        break;
    }
    case PDK_MESH_CLOSE: pdk_out_add(&n->out, PDK_OUT_LINK_CLOSE)->link = e->link; break;
    case PDK_MESH_MESSAGE:
        pdk_elect_receive(m->elect, n->now.mono_ms, e->sid, e->bytes);
        if (m->leader != NULL && pdk_elect_saw_looking(m->elect, e->sid))
            pdk_leader_saw_looking(m->leader, n->now.mono_ms, e->sid);
        break;
    case PDK_MESH_PEER: pdk_elect_peer(m->elect, n->now.mono_ms, e->sid, e->up); break;
    }
}

static bool run_mesh(struct pdk_node *n)
{
    size_t count = 0;
    struct pdk_mesh *mesh = n->member->mesh;
    for (size_t i = 0; i < (pdk_mesh_effects(mesh, &count), count); i++) {
        struct pdk_mesh_effect e = pdk_mesh_effects(mesh, &count)[i];
        carry_mesh(n, &e);
    }
    pdk_mesh_effects_clear(mesh);
    return count > 0;
}

/* ---- what the election wants ----------------------------------------------------------------- */

/* Nothing has come of the decision yet: to look again is better than to wait for initLimit. */
static void leave_empty_role(struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    bool leads_nobody = m->leader != NULL && pdk_leader_phase(m->leader) == PDK_LEADER_DISCOVERY;
    bool finds_nobody = m->learner != NULL && pdk_learner_phase(m->learner) == PDK_LEARNER_CONNECT;
    if (leads_nobody || finds_nobody)
        pdk_member_step_down(n, pdk_slice_str("those that decided it have moved on"));
}

static bool run_elect(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    size_t count = 0;
    bool decided = false, deserted = false;
    struct pdk_vote vote = {0};
    struct pdk_buf config;
    pdk_buf_init(&config, n->mem, PDK_NOTIFICATION_MAX);
    const struct pdk_elect_effect *effects = pdk_elect_effects(m->elect, &count);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_elect_effect *e = &effects[i];
        switch (e->kind) {
        case PDK_ELECT_SEND: pdk_mesh_send(m->mesh, n->now.mono_ms, e->sid, e->bytes); break;
        case PDK_ELECT_DIAL: pdk_mesh_dial(m->mesh, n->now.mono_ms, e->sid); break;
        case PDK_ELECT_DECIDED:
            decided = true;
            vote = e->vote;
            break;
        case PDK_ELECT_CONFIG:
            pdk_buf_clear(&config);
            pdk_put_raw(&config, e->bytes.bytes, e->bytes.len);
            break;
        case PDK_ELECT_DESERTED: deserted = true; break;
        }
    }
    pdk_elect_effects_clear(m->elect);
    if (config.len > 0) pdk_reconfig_adopt(n, pdk_buf_slice(&config));
    pdk_buf_deinit(&config);
    if (decided && m->leader == NULL && m->learner == NULL) pdk_member_decided(n, &vote);
    if (deserted) leave_empty_role(n);
    return count > 0;
}

/* ---- what leader and learner want ------------------------------------------------------------ */

static void send(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    size_t mark = pdk_out_mark(&n->out);
    pdk_put_raw(&n->out.bytes, e->bytes.bytes, e->bytes.len);
    pdk_out_link_sent(&n->out, e->links, e->link_count, mark);
}

/* An observer is fed by any voter, one chosen by chance first. */
static size_t put_masters(struct pdk_node *n, struct pdk_address *out)
{
    const struct pdk_membership *m = n->member;
    int32_t port = n->config.ensemble.observer_master_port;
    size_t count = 0, all = m->committed->count;
    if (m->role != PDK_ROLE_OBSERVING || port <= 0) return 0;
    size_t first = (size_t)pdk_prng_below(&n->prng, all);
    for (size_t i = 0; i < all && count < PDK_MEMBERS_MAX / 2; i++) {
        const struct pdk_member *voter = &m->committed->items[(first + i) % all];
        if (!voter->is_voter || voter->sid == m->leader_sid) continue;
        out[count++] = (struct pdk_address){.host = voter->addresses[0].host, .port = port};
    }
    return count;
}

static void dial_leader(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    struct pdk_address addresses[PDK_MEMBERS_MAX];
    size_t count = put_masters(n, addresses);
    const struct pdk_members *configs[] = {m->committed, m->last_seen};
    for (size_t c = 0; c < (m->committed == m->last_seen ? 1u : 2u); c++) {
        const struct pdk_member *leader = pdk_members_find(configs[c], m->leader_sid);
        for (size_t i = 0; leader != NULL && i < leader->address_count; i++)
            addresses[count++] = (struct pdk_address){.host = leader->addresses[i].host,
                                                      .port = leader->addresses[i].quorum_port};
    }
    m->leader_link = pdk_links_next(n);
    pdk_out_dial(&n->out, m->leader_link, addresses, count);
}

static void stream_view(struct pdk_node *n, uint32_t link)
{
    struct pdk_snapshot_job *job = pdk_state_freeze(n->state);
    if (job == NULL) { /* no memory now: the learner comes again */
        refuse(n, link);
        pdk_links_closed(n, link);
        return;
    }
    struct pdk_effect *e = pdk_out_add(&n->out, PDK_OUT_STREAM_VIEW);
    e->link = link;
    e->job = job;
}

static void look_into_log(struct pdk_node *n, const struct pdk_zab_effect *from,
                          enum pdk_effect_kind kind)
{
    struct pdk_effect *e = pdk_out_add(&n->out, kind);
    e->link = from->link;
    e->zxid = from->zxid;
    e->until = kind == PDK_OUT_FIND ? n->durable : from->until;
    e->flag = from->is_observer;
}

static void store_epoch(struct pdk_node *n, int64_t epoch, bool is_current)
{
    struct pdk_effect *e = pdk_out_add(&n->out, PDK_OUT_STORE_EPOCH);
    e->epoch = epoch;
    e->flag = is_current;
}

static void append(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    n->metrics.learner_proposal_received_count++;
    if (pdk_txn_check(e->bytes, e->zxid))
        pdk_propose_foreign(n, e->zxid, e->bytes);
    else
        pdk_member_step_down(n, pdk_slice_str("the leader sent a transaction that is none"));
}

static void begin_loading(struct pdk_node *n, enum pdk_effect_kind kind, pdk_zxid zxid)
{
    struct pdk_membership *m = n->member;
    PDK_ASSERT(m->loading == NULL);
    m->loading = pdk_state_create_like(n->state);
    m->loading_sink = pdk_state_recover_sink(m->loading);
    struct pdk_effect *e = pdk_out_add(&n->out, kind);
    e->zxid = zxid;
    e->sink = &m->loading_sink;
}

static void begin_spool(struct pdk_node *n, pdk_zxid zxid)
{
    struct pdk_membership *m = n->member;
    pdk_commit_all_quietly(n); /* should it not come through we are as after a restart */
    m->spooling = true;
    m->before_spool = pdk_history_last(n->history);
    pdk_history_retire(n->history, zxid); /* the log may still be writing it */
    n->proposed = zxid;
    pdk_out_add(&n->out, PDK_OUT_SPOOL_BEGIN)->zxid = zxid;
}

static void add_to_spool(struct pdk_node *n, struct pdk_slice bytes)
{
    size_t mark = pdk_out_mark(&n->out);
    pdk_put_raw(&n->out.bytes, bytes.bytes, bytes.len);
    (void)pdk_out_add_bytes(&n->out, PDK_OUT_SPOOL_ADD, mark);
}

static void carry_packet(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    if (n->member->leader != NULL)
        pdk_lead_packet(n, e);
    else
        pdk_follow_packet(n, e);
}

static void close_link(struct pdk_node *n, uint32_t link)
{
    forget(n, link);
    if (link == n->member->leader_link) n->member->leader_link = PDK_LINK_NONE;
    pdk_out_add(&n->out, PDK_OUT_LINK_CLOSE)->link = link;
}

void pdk_links_carry(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    struct pdk_membership *m = n->member;
    switch (e->kind) {
    case PDK_ZAB_SEND: send(n, e); break;
    case PDK_ZAB_CLOSE: close_link(n, e->link); break;
    case PDK_ZAB_DIAL: dial_leader(n); break;
    case PDK_ZAB_FIND: look_into_log(n, e, PDK_OUT_FIND); break;
    case PDK_ZAB_STREAM_LOG: look_into_log(n, e, PDK_OUT_STREAM_LOG); break;
    case PDK_ZAB_STREAM_VIEW: stream_view(n, e->link); break;
    case PDK_ZAB_STORE_ACCEPTED: store_epoch(n, e->epoch, false); break;
    case PDK_ZAB_STORE_CURRENT: store_epoch(n, e->epoch, true); break;
    case PDK_ZAB_APPEND: append(n, e); break;
    case PDK_ZAB_TRUNCATE: begin_loading(n, PDK_OUT_TRUNCATE, e->zxid); break;
    case PDK_ZAB_SPOOL_BEGIN: begin_spool(n, e->zxid); break;
    case PDK_ZAB_SPOOL_ADD: add_to_spool(n, e->bytes); break;
    case PDK_ZAB_SPOOL_END:
        m->spooling = false;
        m->installing = true;
        begin_loading(n, PDK_OUT_SPOOL_INSTALL, pdk_history_base(n->history));
        break;
    case PDK_ZAB_COMMIT:
        n->metrics.learner_commit_received_count += n->member->learner != NULL;
        pdk_member_committed(n, e->zxid);
        break;
    case PDK_ZAB_SERVE: pdk_member_serve(n, e->epoch); break;
    case PDK_ZAB_LOST: pdk_member_step_down(n, e->bytes); break;
    case PDK_ZAB_CONFIG_SEEN: pdk_reconfig_seen(n, e->members); break;
    case PDK_ZAB_CONFIG_ACTIVATE: pdk_reconfig_activate(n, e->members, e->sid); break;
    case PDK_ZAB_PACKET: carry_packet(n, e); break;
    case PDK_ZAB_CONFIRMED:
        if (e->round > n->confirmed_round) n->confirmed_round = e->round;
        pdk_sync_pass(n);
        break;
    case PDK_ZAB_DEPARTED: break; /* its sessions are claimed by whom they come through next */
    case PDK_ZAB_LOG:
        PDK_SAY(n, e->level, "%.*s", (int)pdk_min_size(e->bytes.len, 400),
                (const char *)e->bytes.bytes);
        break;
    }
}

static bool run_zab(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    struct pdk_zab_effect e;
    bool any = false;
    while ((m->leader != NULL && pdk_leader_next(m->leader, &e)) ||
           (m->learner != NULL && pdk_learner_next(m->learner, &e))) {
        any = true;
        pdk_links_carry(n, &e);
    }
    while (m->feeder != NULL && pdk_leader_next(m->feeder, &e)) {
        any = true;
        pdk_feed_carry(n, &e);
    }
    return any;
}

void pdk_links_run(struct pdk_node *n)
{
    bool more = true;
    while (more) {
        more = run_zab(n);
        more |= run_elect(n);
        more |= run_mesh(n);
    }
}
