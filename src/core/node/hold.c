/* Requests that a leader has and cannot propose yet: the epoch changes, or too much is in flight
 * for the room that the log has reserved.  They go on in their order. */
#include "core/node/member.h"

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

static void grow(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    size_t cap = m->held_cap > 0 ? m->held_cap * 2 : 64;
    struct pdk_held_request *wider = pdk_mem_must(n->mem, cap * sizeof *wider);
    for (size_t i = 0; i < m->held_count; i++)
        wider[i] = m->held[(m->held_head + i) & (m->held_cap - 1)];
    pdk_mem_free(n->mem, m->held);
    m->held = wider;
    m->held_head = 0;
    m->held_cap = cap;
}

static struct pdk_held_request *push(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->held_count == m->held_cap) grow(n);
    struct pdk_held_request *h = &m->held[(m->held_head + m->held_count++) & (m->held_cap - 1)];
    *h = (struct pdk_held_request){.link = PDK_OWNER_SELF};
    return h;
}

void pdk_hold_packet(struct pdk_node *n, const struct pdk_zab_effect *e)
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

void pdk_hold_session(struct pdk_node *n, const struct pdk_conn *c)
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
    if (pdk_leader_knows(n->member->leader, h->link)) pdk_lead_request(n, &e);
    pdk_mem_free(n->mem, h->bytes);
}

void pdk_hold_forget(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    for (; m->held_count > 0; m->held_count--)
        pdk_mem_free(n->mem, m->held[(m->held_head + m->held_count - 1) & (m->held_cap - 1)].bytes);
}

bool pdk_hold_release(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    bool any = false;
    while (m->held_count > 0 && !m->rolling && pdk_propose_room(n)) {
        struct pdk_held_request h = m->held[m->held_head];
        m->held_head = (m->held_head + 1) & (m->held_cap - 1);
        m->held_count--;
        go_on(n, &h);
        any = true;
    }
    return any;
}
