/* The counter of zxids runs full: the leader takes the next epoch without letting anybody go.
 * (Also for a member that had promised a later epoch to a leader that came to nothing.)
 *
 * From a counter on nothing is proposed; what comes in is held.  When everything proposed has been
 * committed the leader renews its epoch with the learners that are connected; then what was held
 * goes on.  Client connections stay, on the leader and on every Paddock learner. */
#include "core/node/member.h"

/* Far enough from the end for whatever one step may still propose. */
#define ROLL_AT UINT32_C(0xffff0000)

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
    m->rolling = m->renewing = false;
    PDK_SAY(n, PDK_LOG_INFO, "role.rolled_over epoch=%lld held=%zu ms=%lld",
            (long long)PDK_ZXID_EPOCH(n->proposed), m->held_count,
            (long long)(n->now.mono_ms - m->rolling_since_ms));
    (void)pdk_hold_release(n);
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
