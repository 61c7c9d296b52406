/* What request.c asks of a member: writes, syncs, and local sessions that want to become global
 * ones because they create an ephemeral (data-model.md, client-protocol.md section 15). */
#include <string.h>

#include "core/node/member.h"

/* ---- local sessions -------------------------------------------------------------------------- */

bool pdk_member_upgrades(struct pdk_node *n, struct pdk_conn *c,
                         const struct pdk_request_header *header, struct pdk_slice body)
{
    if (!c->is_local || c->read_only || !n->config.ensemble.local_sessions_upgrading) return false;
    if (n->no_space) return false; /* the request is refused, as every write is */
    if (!pdk_prep_creates_ephemeral(header->type, body)) return false;
    c->held = pdk_mem_try(n->mem, body.len + 1);
    if (c->held == NULL) return false;
    if (body.len > 0) memcpy(c->held, body.bytes, body.len);
    c->held_len = body.len;
    c->held_header = *header;
    c->upgrading = true;
    pdk_conn_open_session(n, c);
    return true;
}

void pdk_member_upgraded(struct pdk_node *n, struct pdk_conn *c, struct pdk_session_entry *entry)
{
    pdk_sessions_remove(n->local, c->session);
    c->is_local = c->upgrading = false;
    c->entry = entry;
    entry->conn = c->index;
    pdk_conn_touch(n, c);
    uint8_t *held = c->held;
    size_t len = c->held_len;
    if (held == NULL) return; /* a connection before this one had asked for it */
    c->held = NULL;
    pdk_conn_resume(n, c);
    pdk_request_take(n, c, &c->held_header, pdk_slice_of(held, len));
    pdk_mem_free(n->mem, held);
}

/* ---- writes and syncs ------------------------------------------------------------------------ */

bool pdk_member_write(struct pdk_node *n, struct pdk_propose *p, enum pdk_code *code)
{
    struct pdk_membership *m = n->member;
    /* A leader's prep says so itself, by a transaction; who only forwards must not let it
     * through. */
    if (m->leader == NULL && p->local_session && pdk_prep_creates_ephemeral(p->op, p->body)) {
        *code = PDK_CODE_EPHEMERAL_ON_LOCAL_SESSION;
        return false;
    }
    *code = PDK_CODE_SYSTEM_ERROR;
    if (m->leader != NULL) return pdk_lead_write(n, p, code);
    if (m->learner != NULL) return pdk_follow_write(n, p);
    *code = PDK_CODE_NOT_READ_ONLY;
    return false;
}

enum pdk_err pdk_member_sync(struct pdk_node *n, struct pdk_conn *c)
{
    struct pdk_membership *m = n->member;
    enum pdk_err err = m->leader != NULL ? pdk_lead_sync(n, c) : pdk_follow_sync(n, c);
    if (err != PDK_OK) return err;
    /* A later write of this connection must not commit before the sync is answered. */
    c->syncing = true;
    pdk_conn_pause(n, c);
    return PDK_OK;
}
