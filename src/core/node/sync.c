/* Syncs of clients: what waits until everything proposed before it has been applied and, in an
 * ensemble, until a quorum has said again that it follows us (zab.md section 7.4).
 *
 * Both conditions grow with time, so the ring is released from its head. */
#include "core/node/internal.h"
#include "core/node/member.h"

static enum pdk_err make_room(struct pdk_node *n)
{
    if (n->barrier_count < n->barrier_cap) return PDK_OK;
    size_t cap = n->barrier_cap > 0 ? n->barrier_cap * 2 : 64;
    struct pdk_barrier *wider = pdk_mem_try(n->mem, cap * sizeof *wider);
    if (wider == NULL) return PDK_ENOMEM;
    for (size_t i = 0; i < n->barrier_count; i++)
        wider[i] = n->barriers[(n->barrier_head + i) & (n->barrier_cap - 1)];
    pdk_mem_free(n->mem, n->barriers);
    n->barriers = wider;
    n->barrier_head = 0;
    n->barrier_cap = cap;
    return PDK_OK;
}

enum pdk_err pdk_sync_add(struct pdk_node *n, const struct pdk_barrier *barrier)
{
    enum pdk_err err = make_room(n);
    if (err != PDK_OK) return err;
    n->barriers[(n->barrier_head + n->barrier_count++) & (n->barrier_cap - 1)] = *barrier;
    return PDK_OK;
}

enum pdk_err pdk_sync_begin(struct pdk_node *n, struct pdk_conn *c, pdk_zxid *waits_for)
{
    *waits_for = PDK_PIPE_HELD;
    if (n->member != NULL) return pdk_member_sync(n, c);
    if (n->proposed <= n->state->last_zxid) {
        *waits_for = 0;
        return PDK_OK;
    }
    return pdk_sync_add(n, &(struct pdk_barrier){.zxid = n->proposed,
                                                 .link = PDK_OWNER_SELF,
                                                 .conn = c->index,
                                                 .conn_serial = c->serial});
}

bool pdk_sync_pending(const struct pdk_node *n)
{
    if (n->barrier_count == 0) return false;
    const struct pdk_barrier *b = &n->barriers[n->barrier_head];
    return b->zxid <= n->state->last_zxid && b->round <= n->confirmed_round;
}

void pdk_sync_release(struct pdk_node *n, struct pdk_conn *c)
{
    (void)pdk_pipe_release(&c->pipe);
    if (c->syncing) {
        c->syncing = false;
        pdk_conn_resume(n, c);
    }
    pdk_conn_drain(n, c);
}

void pdk_sync_pass(struct pdk_node *n)
{
    while (n->unfinished_count == 0 && pdk_sync_pending(n)) {
        struct pdk_barrier b = n->barriers[n->barrier_head];
        n->barrier_head = (n->barrier_head + 1) & (n->barrier_cap - 1);
        n->barrier_count--;
        if (b.link != PDK_OWNER_SELF) {
            pdk_member_synced(n, b.link);
            continue;
        }
        struct pdk_conn *c = pdk_conn_find(n, b.conn, b.conn_serial);
        if (c != NULL) pdk_sync_release(n, c);
    }
}
