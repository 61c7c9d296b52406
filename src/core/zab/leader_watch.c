/* Time.  Twice a tick everybody is pinged and looked at: who has been silent too long goes, who
 * owes an ack too long goes, too long a phase ends the term.  A quorum whose links are gone ends
 * the term after a tick, as they may be making new ones; one that has fallen silent, at once. */
#include "core/zab/leader_internal.h"

/* ---- pings and confirmations ----------------------------------------------------------------- */

/* To everybody, or only to those whose answer counts. */
static void ping(struct pdk_leader *l, bool voters_only)
{
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct pdk_peer *p = l->peers[i];
        bool listens = p->in_renewal || (p->step >= STEP_SYNC && !p->streaming);
        if (!listens || (voters_only && p->is_observer)) continue;
        l->scratch_links[count++] = p->link;
        if (p->step < STEP_FOLLOWS) continue;
        p->pings++;
        if (p->round_ping == 0) p->round_ping = p->pings;
    }
    size_t mark = pdk_zab_mark(&l->out);
    pdk_put_qpacket(&l->out.bytes, PDK_Q_PING, l->ping_zxid, pdk_slice_null());
    pdk_zab_send(&l->out, l->scratch_links, count, mark);
}

static bool round_is_answered(const struct pdk_leader *l)
{
    struct pdk_sids yes = {0};
    pdk_sids_add(&yes, l->config.me);
    for (size_t i = 0; i < l->follower_count; i++) {
        const struct pdk_peer *p = l->followers[i];
        if (p->round_ping != 0 && p->answers >= p->round_ping) pdk_sids_add(&yes, p->sid);
    }
    return pdk_quorum_of_both(l->committed, l->last_seen, &yes);
}

static void try_finish_round(struct pdk_leader *l)
{
    while (l->round > l->round_done && round_is_answered(l)) {
        l->round_done = l->round;
        pdk_zab_add(&l->out, PDK_ZAB_CONFIRMED)->round = l->round;
        if (!l->round_wanted) return;
        pdk_leader_start_round(l);
    }
}

void pdk_leader_start_round(struct pdk_leader *l)
{
    l->round_wanted = false;
    l->round++;
    for (size_t i = 0; i < l->follower_count; i++) l->followers[i]->round_ping = 0;
    ping(l, true);
}

uint64_t pdk_leader_confirm(struct pdk_leader *l, int64_t now_ms)
{
    l->now_ms = now_ms;
    if (l->lost || l->phase != PDK_LEADER_BROADCAST || l->round > l->round_done) {
        l->round_wanted = true;
        return l->round + 1;
    }
    pdk_leader_start_round(l);
    uint64_t round = l->round;
    try_finish_round(l);
    return round;
}

void pdk_leader_take_answer(struct pdk_leader *l, struct pdk_peer *p)
{
    if (!p->counts_answers || p->answers == p->pings) return;
    p->answers++;
    if (l->round > l->round_done && p->answers == p->round_ping) try_finish_round(l);
}

/* ---- quorums of links ------------------------------------------------------------------------ */

static bool links_are_enough(const struct pdk_leader *l)
{
    if (l->config.feeds) return true;
    struct pdk_sids here = {0};
    pdk_sids_add(&here, l->config.me);
    if (l->phase == PDK_LEADER_DISCOVERY) {
        /* They have yet to come; those that look for another leader will not. */
        for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
            if (!pdk_sids_has(&l->looking, sid)) pdk_sids_add(&here, sid);
        }
    }
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i]->step > STEP_INFO && !l->peers[i]->is_observer)
            pdk_sids_add(&here, l->peers[i]->sid);
    }
    return pdk_quorum_of_both(
        l->committed, l->phase == PDK_LEADER_BROADCAST ? l->last_seen : l->committed, &here);
}

void pdk_leader_count_links(struct pdk_leader *l)
{
    if (l->lost) return;
    if (links_are_enough(l))
        l->alone_since_ms = -1;
    else if (l->alone_since_ms < 0)
        l->alone_since_ms = l->now_ms;
}

void pdk_leader_saw_looking(struct pdk_leader *l, int64_t now_ms, pdk_sid sid)
{
    l->now_ms = now_ms;
    if (l->lost || l->phase != PDK_LEADER_DISCOVERY) return;
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i]->sid == sid) return;
    }
    pdk_sids_add(&l->looking, sid);
    pdk_leader_count_links(l);
    int64_t limit_ms = l->config.max_wait_for_epoch_ms;
    if (limit_ms >= 0 && now_ms - l->phase_since_ms > limit_ms)
        pdk_leader_lose(l, "a voter looks for another leader");
}

/* ---- time ------------------------------------------------------------------------------------ */

static const char *overdue(const struct pdk_leader *l, const struct pdk_peer *p)
{
    const struct pdk_zab_limits *limits = &l->config.limits;
    int64_t silent_ms = l->now_ms - p->sign_ms;
    int64_t sync_ms = limits->sync_limit * limits->tick_ms;
    switch (p->step) {
    case STEP_INFO:
    case STEP_ACKEPOCH:
    case STEP_SYNC:
        return silent_ms > limits->init_limit * limits->tick_ms ? "silent for initLimit" : NULL;
    case STEP_FOLLOWS:
        if (silent_ms > sync_ms) return "silent for syncLimit";
        if (p->due != 0 && l->now_ms - p->due_since_ms > sync_ms)
            return "owes an ack for syncLimit";
        return NULL;
    default: return NULL; /* it waits for us */
    }
}

static void look_at_learners(struct pdk_leader *l)
{
    for (size_t i = 0; i < l->count;) {
        const char *why = overdue(l, l->peers[i]);
        if (why == NULL) {
            i++;
            continue;
        }
        bool was_alone = l->alone_since_ms >= 0;
        pdk_leader_drop(l, l->peers[i], why);
        /* It had its grace. */
        if (!was_alone && l->alone_since_ms >= 0) l->alone_since_ms -= l->config.limits.tick_ms;
    }
}

static const char *phase_is_over(const struct pdk_leader *l)
{
    int64_t limit_ms = l->config.limits.init_limit * l->config.limits.tick_ms;
    int64_t since_ms = l->phase == PDK_LEADER_SYNC ? l->voter_sign_ms : l->phase_since_ms;
    if (l->now_ms - since_ms <= limit_ms) return NULL;
    switch (l->phase) {
    case PDK_LEADER_DISCOVERY: return "no quorum came within initLimit";
    case PDK_LEADER_EPOCH: return "no quorum promised the epoch within initLimit";
    case PDK_LEADER_SYNC: return "no quorum was synchronised within initLimit";
    default: return NULL;
    }
}

void pdk_leader_tick(struct pdk_leader *l, int64_t now_ms)
{
    l->now_ms = now_ms;
    if (l->lost || now_ms < pdk_leader_deadline(l)) return;
    pdk_leader_sync_queued(l);
    if (now_ms >= l->next_check_ms) {
        l->next_check_ms = now_ms + l->config.limits.tick_ms / 2;
        look_at_learners(l);
        ping(l, false);
    }
    const char *why = phase_is_over(l);
    if (why == NULL && l->alone_since_ms >= 0 &&
        now_ms - l->alone_since_ms >= l->config.limits.tick_ms)
        why = "too few followers for a quorum";
    if (why != NULL) {
        pdk_leader_lose(l, why);
        return;
    }
    pdk_leader_try_retire(l);
}

int64_t pdk_leader_deadline(const struct pdk_leader *l)
{
    if (l->lost) return INT64_MAX;
    int64_t deadline = l->next_check_ms;
    if (l->alone_since_ms >= 0 && l->alone_since_ms + l->config.limits.tick_ms < deadline)
        deadline = l->alone_since_ms + l->config.limits.tick_ms;
    int64_t retire_by_ms = l->retire_since_ms + l->config.limits.tick_ms;
    if (l->retiring && l->now_ms < retire_by_ms && retire_by_ms < deadline) deadline = retire_by_ms;
    return deadline;
}

/* ---- retirement ------------------------------------------------------------------------------ */

static bool may_inherit(const struct pdk_leader *l, const struct pdk_peer *p)
{
    return p->step == STEP_FOLLOWS && pdk_peer_votes(l->committed, p) &&
           pdk_members_weight(l->committed, p->sid) > 0;
}

void pdk_leader_retire(struct pdk_leader *l, int64_t now_ms, pdk_sid wanted)
{
    l->now_ms = now_ms;
    if (l->lost || l->retiring) return;
    l->retiring = true;
    l->wanted_heir = wanted;
    l->retire_since_ms = now_ms;
    if (l->phase == PDK_LEADER_BROADCAST)
        pdk_leader_try_retire(l);
    else
        pdk_leader_lose(l, "asked to step down");
}

/* While there is time the one that is wanted is waited for, and anybody at all. */
void pdk_leader_try_retire(struct pdk_leader *l)
{
    if (!l->retiring || l->lost) return;
    int64_t late_ms = l->now_ms - l->retire_since_ms - l->config.limits.tick_ms;
    bool late = late_ms >= 0;
    if (l->commit < l->proposed) {
        if (late_ms < l->config.limits.sync_limit * l->config.limits.tick_ms) return;
        pdk_leader_lose(l, "asked to step down; not everything is committed");
        return;
    }
    bool wanted_is_here = false;
    for (size_t i = 0; i < l->follower_count; i++) {
        const struct pdk_peer *p = l->followers[i];
        if (!may_inherit(l, p)) continue;
        if (p->sid == l->wanted_heir) wanted_is_here = true;
        if (p->acked < l->proposed) continue;
        if (l->heir == PDK_SID_NONE || p->sid == l->wanted_heir ||
            (l->heir != l->wanted_heir && p->sid > l->heir))
            l->heir = p->sid;
    }
    bool waits = wanted_is_here ? l->heir != l->wanted_heir : l->heir == PDK_SID_NONE;
    if (waits && !late) {
        l->heir = PDK_SID_NONE;
        return;
    }
    pdk_leader_lose(l, "asked to step down, everything is handed over");
}
