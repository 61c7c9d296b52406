/* The counter of zxids runs full: the leader takes the next epoch without letting anybody go.
 * (Also for a member that had promised a later epoch to a leader that came to nothing.)
 *
 * From a counter on nothing is proposed; what comes in is held.  When everything proposed has been
 * committed the leader renews its epoch with the learners that are connected; then what was held
 * goes on.  Client connections stay, on the leader and on every Paddock learner. */
#include "core/node/member.h"

/* Far enough from the end for whatever one step may still propose. */
#define ROLL_AT UINT32_C(0xffff0000)

struct pdk_held_request {
    uint32_t link; /* PDK_OWNER_SELF: a connection of ours wants a session */
    pdk_sid sid;
    bool is_observer;
    int32_t type;
    struct pdk_vec authinfo; /* its body lies behind the data */
    size_t data_len;
    uint8_t *bytes;
    uint32_t conn;
    uint64_t conn_serial;
};

bool pdk_rollover_holds(const struct pdk_node *n) { return n->member->rolling; }

static struct pdk_held_request *push(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->held_count == m->held_cap) {
        m->held_cap = m->held_cap > 0 ? m->held_cap * 2 : 64;
        m->held = pdk_mem_must_resize(n->mem, m->held, m->held_cap * sizeof *m->held);
    }
    struct pdk_held_request *h = &m->held[m->held_count++];
    *h = (struct pdk_held_request){.link = PDK_OWNER_SELF};
    return h;
}

void pdk_rollover_hold_packet(struct pdk_node *n, const struct pdk_zab_effect *e)
{
    const struct pdk_qpacket *p = &e->packet;
    struct pdk_held_request *h = push(n);
    h->link = e->link;
    h->sid = e->sid;
    h->is_observer = e->is_observer;
    h->type = p->type;
    h->data_len = p->data.len;
    h->authinfo = p->authinfo;
    struct pdk_buf copy;
    pdk_buf_init(&copy, n->mem, SIZE_MAX);
    pdk_put_raw(&copy, p->data.bytes, p->data.len);
    pdk_put_raw(&copy, p->authinfo.body.bytes, p->authinfo.body.len);
    PDK_ASSERT(!copy.failed);
    h->bytes = copy.bytes;
}

void pdk_rollover_hold_session(struct pdk_node *n, const struct pdk_conn *c)
{
    struct pdk_held_request *h = push(n);
    h->conn = c->index;
    h->conn_serial = c->serial;
}

static void go_on(struct pdk_node *n, struct pdk_held_request *h)
{
    if (h->link == PDK_OWNER_SELF) {
        struct pdk_conn *c = pdk_conn_find(n, h->conn, h->conn_serial);
        if (c != NULL) pdk_conn_open_session(n, c);
        return;
    }
    h->authinfo.body.bytes = h->bytes + h->data_len;
    struct pdk_zab_effect e = {.kind = PDK_ZAB_PACKET,
                               .link = h->link,
                               .sid = h->sid,
                               .is_observer = h->is_observer,
                               .packet = {.type = h->type,
                                          .data = pdk_slice_of(h->bytes, h->data_len),
                                          .authinfo = h->authinfo}};
    if (pdk_leader_knows(n->member->leader, h->link)) pdk_lead_packet(n, &e);
    pdk_mem_free(n->mem, h->bytes);
}

void pdk_rollover_forget(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    for (size_t i = 0; i < m->held_count; i++) pdk_mem_free(n->mem, m->held[i].bytes);
    m->held_count = 0;
    m->rolling = m->renewing = false;
}

static void each_client(struct pdk_node *n, void (*what)(struct pdk_node *n, struct pdk_conn *c))
{
    for (uint32_t i = 0; i < n->conn_cap; i++) {
        struct pdk_conn *c = n->conns[i];
        if (c != NULL && c->state == PDK_CONN_OPEN && !c->syncing && !c->upgrading) what(n, c);
    }
}

void pdk_rollover_done(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    struct pdk_held_request *held = m->held;
    size_t count = m->held_count;
    m->held = NULL;
    m->held_count = m->held_cap = 0;
    m->rolling = m->renewing = false;
    PDK_SAY(n, PDK_LOG_INFO, "role.rolled_over epoch=%lld held=%zu ms=%lld",
            (long long)PDK_ZXID_EPOCH(n->proposed), count,
            (long long)(n->now.mono_ms - m->rolling_since_ms));
    for (size_t i = 0; i < count; i++) go_on(n, &held[i]);
    pdk_mem_free(n->mem, held);
    each_client(n, pdk_conn_resume);
}

static uint32_t roll_at(const struct pdk_node *n)
{
    return n->config.ensemble.roll_over_at > 0 ? n->config.ensemble.roll_over_at : ROLL_AT;
}

/* Or a member waits that can only follow in a later epoch. */
static bool is_wanted(const struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    if (m->last_seen->version > m->committed->version) return false; /* a reconfig goes first */
    if (pdk_leader_wants_renewal(m->leader)) return true;
    return PDK_ZXID_COUNTER(n->proposed) >= roll_at(n) && n->proposal_count > 0;
}

bool pdk_rollover_run(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->leader == NULL || !m->serves || m->retiring || m->renewing) return false;
    if (!m->rolling) {
        if (!is_wanted(n)) return false;
        m->rolling = true;
        m->rolling_since_ms = n->now.mono_ms;
        each_client(n, pdk_conn_pause);
    }
    if (n->proposal_count > 0 || m->announced < pdk_history_last(n->history)) return false;
    m->renewing = true;
    pdk_leader_renew(m->leader, n->now.mono_ms);
    return true;
}
