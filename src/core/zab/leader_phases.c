/* DISCOVERY, EPOCH and SYNC.
 *
 * In DISCOVERY a quorum of voters, we among them, has to be connected: the new epoch is larger than
 * any that they have promised.  It is stored before anybody hears of it.  In EPOCH a quorum has to
 * promise it; who has done so once counts, though its link may break and it may not promise again.
 * It must not know more than we do, or we are the wrong leader.  Our own current epoch is stored
 * before NEWLEADER leaves.  In SYNC a quorum of the config in force, and of one that may come after
 * it, has to hold our history; from then on it is committed. */
#include "core/zab/leader_internal.h"

#include <string.h>

static void enter(struct pdk_leader *l, enum pdk_leader_phase phase)
{
    l->phase = phase;
    l->phase_since_ms = l->now_ms;
    l->voter_sign_ms = l->now_ms;
}

static bool refuse(struct pdk_leader *l, struct pdk_peer *p, const char *why)
{
    pdk_leader_drop(l, p, why);
    return false;
}

/* ---- DISCOVERY ------------------------------------------------------------------------------- */

static void store(struct pdk_leader *l, enum pdk_zab_kind kind)
{
    l->storing = true;
    pdk_zab_add(&l->out, kind)->epoch = l->epoch;
}

static void try_discover(struct pdk_leader *l)
{
    if (l->phase != PDK_LEADER_DISCOVERY || l->storing) return;
    if (!pdk_members_has_voter(l->committed, l->config.me)) return;
    struct pdk_sids here = {0};
    pdk_sids_add(&here, l->config.me);
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i]->step == STEP_EPOCH && pdk_peer_votes(l->committed, l->peers[i]))
            pdk_sids_add(&here, l->peers[i]->sid);
    }
    if (!pdk_members_quorum(l->committed, &here)) return;
    l->epoch++;
    store(l, PDK_ZAB_STORE_ACCEPTED);
}

void pdk_leader_begin(struct pdk_leader *l)
{
    enter(l, PDK_LEADER_DISCOVERY);
    if (l->epoch >= INT32_MAX) {
        pdk_leader_lose(l, "the numbers of epochs are used up");
        return;
    }
    if (!pdk_members_has_voter(l->committed, l->config.me))
        PDK_LEADER_LOG(l, PDK_LOG_WARN, "leader.not.voter me=%lld", (long long)l->config.me);
    try_discover(l);
}

void pdk_leader_begin_feeding(struct pdk_leader *l)
{
    enter(l, PDK_LEADER_BROADCAST);
    l->epoch = l->own_current;
    l->commit = l->proposed = l->config.fed;
    l->ping_zxid = l->commit > pdk_leader_zxid(l) ? l->commit : pdk_leader_zxid(l);
}

static void put_leaderinfo(struct pdk_leader *l, struct pdk_peer *p)
{
    /* A learner of ours is told that we are, too. */
    struct pdk_leader_info info = {.protocol = PDK_LEARNER_PROTOCOL, .is_paddock = p->is_paddock};
    struct pdk_buf data;
    pdk_buf_init(&data, l->config.mem, SIZE_MAX);
    pdk_put_leader_info(&data, &info);
    PDK_ASSERT(!data.failed);
    p->step = STEP_ACKEPOCH;
    p->sign_ms = l->now_ms;
    pdk_leader_put(l, p, PDK_Q_LEADERINFO, pdk_leader_zxid(l), pdk_buf_slice(&data));
    pdk_buf_deinit(&data);
}

static const char ahead[] = "it has promised a later epoch to another leader";

/* Why this learner is not taken; NULL: it is. */
static const char *judge(const struct pdk_leader *l, const struct pdk_qpacket *packet,
                         const struct pdk_learner_info *info)
{
    bool is_greeting = packet->type == PDK_Q_FOLLOWERINFO || packet->type == PDK_Q_OBSERVERINFO;
    int64_t accepted = PDK_ZXID_EPOCH(packet->zxid);
    if (!is_greeting) return "its first packet is neither FOLLOWERINFO nor OBSERVERINFO";
    if (l->config.feeds && packet->type != PDK_Q_OBSERVERINFO) return "only observers are fed here";
    if (!info->has_sid || info->protocol < PDK_LEARNER_PROTOCOL)
        return "it speaks a protocol older than that of release 3.4";
    if (info->sid < 0 || info->sid > PDK_SID_MAX) return "server ids are 0 to 255";
    if (info->sid == l->config.me) return "it has our server id: see myid there";
    if (info->has_config_version && info->config_version > l->committed->version)
        return "its config is newer than ours";
    if (accepted < 0 || accepted >= INT32_MAX) return "its accepted epoch cannot be";
    if (l->phase > PDK_LEADER_DISCOVERY && accepted > l->epoch) return ahead;
    return NULL;
}

static void note_promise(struct pdk_leader *l, const struct pdk_learner_info *info,
                         int64_t accepted)
{
    if (accepted <= l->promised) return;
    if (accepted > l->epoch + PDK_EPOCHS_AHEAD_MAX) return;
    if (pdk_members_find(l->committed, info->sid) != NULL) l->promised = accepted;
}

bool pdk_leader_wants_renewal(const struct pdk_leader *l)
{
    return !l->lost && !l->retiring && l->phase == PDK_LEADER_BROADCAST && l->promised > l->epoch;
}

bool pdk_leader_greet(struct pdk_leader *l, struct pdk_peer *p, const struct pdk_qpacket *packet)
{
    struct pdk_learner_info info = pdk_learner_info_of(packet->data);
    const char *why = judge(l, packet, &info);
    if (why == ahead) note_promise(l, &info, PDK_ZXID_EPOCH(packet->zxid));
    if (why != NULL) return refuse(l, p, why);
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i]->sid != info.sid) continue;
        pdk_leader_drop(l, l->peers[i], "it has made a new connection");
        break;
    }
    p->sid = info.sid;
    p->is_observer = packet->type == PDK_Q_OBSERVERINFO;
    p->is_paddock = info.is_paddock;
    p->step = STEP_EPOCH;
    p->sign_ms = l->now_ms;
    l->strangers--;
    pdk_sids_remove(&l->looking, p->sid);
    PDK_LEADER_LOG(l, PDK_LOG_INFO, "learner.greet peer=%lld address=%s role=%s accepted=%lld",
                   (long long)p->sid, p->address, p->is_observer ? "observer" : "follower",
                   (long long)PDK_ZXID_EPOCH(packet->zxid));
    if (l->phase > PDK_LEADER_DISCOVERY) {
        put_leaderinfo(l, p);
    } else if (!l->storing) {
        int64_t accepted = PDK_ZXID_EPOCH(packet->zxid);
        if (accepted > l->epoch) l->epoch = accepted;
        try_discover(l);
    }
    pdk_leader_count_links(l);
    return true;
}

void pdk_leader_renew(struct pdk_leader *l, int64_t now_ms)
{
    l->now_ms = now_ms;
    if (l->lost) return;
    PDK_ASSERT(l->phase == PDK_LEADER_BROADCAST && !l->retiring);
    PDK_ASSERT(l->commit == l->proposed && l->config_zxid == 0);
    l->own_current = l->epoch;
    l->own_last = l->commit;
    l->looking = (struct pdk_sids){0};
    if (l->promised > l->epoch) l->epoch = l->promised;
    for (size_t i = 0; i < l->count;) {
        struct pdk_peer *p = l->peers[i];
        if (p->step > STEP_INFO && !(p->step == STEP_FOLLOWS && p->is_paddock)) {
            pdk_leader_drop(l, p, "the epoch changes and it has to follow anew");
            continue;
        }
        if (p->step == STEP_FOLLOWS) {
            p->in_renewal = true;
            p->step = STEP_EPOCH;
            p->due = 0;
        }
        i++;
    }
    pdk_leader_begin(l);
}

/* ---- EPOCH ----------------------------------------------------------------------------------- */

/* A config that was never agreed on has version 0; agreeing on it gives it one, so that it wins
 * over the configs that newcomers bring (zab.md section 9.1). */
static void give_config_a_version(struct pdk_leader *l)
{
    if (!l->config.limits.reconfig_enabled || l->last_seen->version != 0) return;
    struct pdk_members *m = pdk_members_with_version(l->committed, pdk_leader_zxid(l));
    pdk_members_drop(l->last_seen);
    l->last_seen = m;
    pdk_zab_add(&l->out, PDK_ZAB_CONFIG_SEEN)->members = m;
}

static void try_close_epoch(struct pdk_leader *l)
{
    if (l->phase != PDK_LEADER_EPOCH || l->storing) return;
    if (pdk_members_quorum(l->committed, &l->epoch_acks)) store(l, PDK_ZAB_STORE_CURRENT);
}

static void open_epoch(struct pdk_leader *l)
{
    enter(l, PDK_LEADER_EPOCH);
    PDK_LEADER_LOG(l, PDK_LOG_INFO, "leader.epoch epoch=%lld", (long long)l->epoch);
    l->ping_zxid = pdk_leader_zxid(l);
    l->epoch_acks = (struct pdk_sids){0};
    pdk_sids_add(&l->epoch_acks, l->config.me);
    give_config_a_version(l);
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i]->step == STEP_EPOCH) put_leaderinfo(l, l->peers[i]);
    }
    try_close_epoch(l);
}

/* e:0 is where a tree stood when epoch e began to serve: whoever has that epoch has as much. */
static bool knows_more(const struct pdk_leader *l, int64_t current, pdk_zxid last)
{
    if (last < 0) return false;
    if (current != l->own_current) return current > l->own_current;
    if (PDK_ZXID_COUNTER(last) == 0) return PDK_ZXID_EPOCH(last) > l->own_current;
    return last > l->own_last;
}

bool pdk_leader_take_ackepoch(struct pdk_leader *l, struct pdk_peer *p,
                              const struct pdk_qpacket *packet)
{
    struct pdk_reader r = pdk_reader_of(packet->data);
    int64_t current = pdk_read_i32(&r);
    if (packet->type != PDK_Q_ACKEPOCH || r.failed || current < -1 || packet->zxid < -1)
        return refuse(l, p, "it does not answer LEADERINFO with ACKEPOCH");
    uint32_t link = p->link;
    p->last = packet->zxid;
    p->step = STEP_QUEUED;
    if (l->phase == PDK_LEADER_EPOCH && current != -1) {
        if (knows_more(l, current, p->last)) return refuse(l, p, "it knows more than we do");
        if (p->last >= 0 && pdk_peer_votes(l->committed, p)) pdk_sids_add(&l->epoch_acks, p->sid);
        try_close_epoch(l);
    }
    pdk_leader_sync_queued(l);
    return pdk_leader_knows(l, link);
}

void pdk_leader_stored(struct pdk_leader *l, int64_t now_ms, int64_t epoch, bool is_current)
{
    l->now_ms = now_ms;
    if (l->lost || !l->storing || epoch != l->epoch) return;
    /* An answer to what a role before had asked for may come behind the one to us. */
    if (is_current != (l->phase == PDK_LEADER_EPOCH)) return;
    l->storing = false;
    if (!is_current) {
        open_epoch(l);
        return;
    }
    enter(l, PDK_LEADER_SYNC);
    /* All that we brought will be committed or cut.  Applied now, because a tree that ends before
     * it would take back from a learner what that has acked, and a crash make it the loss of it. */
    if (*l->config.applied < l->own_last) pdk_zab_add(&l->out, PDK_ZAB_COMMIT)->zxid = l->own_last;
    pdk_leader_sync_queued(l);
    pdk_leader_try_establish(l);
}

/* ---- SYNC ------------------------------------------------------------------------------------ */

bool pdk_leader_stays_under(const struct pdk_leader *l, const struct pdk_members *m)
{
    if (!pdk_members_has_voter(m, l->config.me)) return false;
    const struct pdk_member *then = pdk_members_find(m, l->config.me);
    const struct pdk_member *now = pdk_members_find(l->committed, l->config.me);
    if (now == NULL || now->address_count != then->address_count) return false;
    for (size_t i = 0; i < now->address_count; i++) {
        if (now->addresses[i].quorum_port != then->addresses[i].quorum_port ||
            strcmp(now->addresses[i].host, then->addresses[i].host) != 0)
            return false;
    }
    return true;
}

pdk_sid pdk_leader_designate(const struct pdk_leader *l, const struct pdk_members *m,
                             pdk_zxid at_least)
{
    if (pdk_leader_stays_under(l, m)) return l->config.me;
    const struct pdk_peer *best = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct pdk_peer *p = l->peers[i];
        if (p->step < STEP_ACKED || !pdk_peer_votes(m, p) || p->acked < at_least) continue;
        if (pdk_members_weight(m, p->sid) == 0) continue;
        if (best == NULL || p->acked > best->acked ||
            (p->acked == best->acked && p->sid > best->sid))
            best = p;
    }
    return best != NULL ? best->sid : l->config.me;
}

void pdk_leader_activate(struct pdk_leader *l, pdk_sid designated)
{
    pdk_members_drop(l->committed);
    l->committed = pdk_members_hold(l->last_seen);
    struct pdk_zab_effect *e = pdk_zab_add(&l->out, PDK_ZAB_CONFIG_ACTIVATE);
    e->members = l->committed;
    e->sid = designated;
}

static void put_uptodate(struct pdk_leader *l, struct pdk_peer *p)
{
    pdk_leader_put(l, p, PDK_Q_UPTODATE, -1, pdk_slice_null());
    p->step = STEP_FOLLOWS;
    p->in_renewal = false;
    p->sign_ms = l->now_ms;
    p->counts_answers = false;
    p->pings = p->answers = p->round_ping = 0;
}

static void establish(struct pdk_leader *l)
{
    pdk_sid designated = l->config.me;
    if (l->last_seen != l->committed) {
        designated = pdk_leader_designate(l, l->last_seen, 0);
        pdk_leader_activate(l, designated);
    }
    l->commit = l->proposed = pdk_history_last(l->config.history);
    pdk_zab_add(&l->out, PDK_ZAB_COMMIT)->zxid = l->commit;
    enter(l, PDK_LEADER_BROADCAST);
    if (designated == l->config.me) pdk_zab_add(&l->out, PDK_ZAB_SERVE)->epoch = l->epoch;
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i]->step == STEP_ACKED) put_uptodate(l, l->peers[i]);
    }
    if (designated != l->config.me) {
        pdk_leader_lose(l, "the config that came into force names another leader");
        return;
    }
    for (size_t i = 0; i < l->need_count; i++) pdk_members_drop(l->needs[i].members);
    l->needs[0] = (struct pdk_need){pdk_members_hold(l->committed), 0, INT64_MAX};
    l->need_count = 1;
    l->next_check_ms = l->now_ms + l->config.limits.tick_ms / 2;
    pdk_leader_count_links(l);
    if (l->round_wanted) pdk_leader_start_round(l);
}

void pdk_leader_try_establish(struct pdk_leader *l)
{
    if (l->phase != PDK_LEADER_SYNC || l->lost) return;
    struct pdk_sids acks = {0};
    if (l->durable >= pdk_history_last(l->config.history)) pdk_sids_add(&acks, l->config.me);
    for (size_t i = 0; i < l->count; i++) {
        const struct pdk_peer *p = l->peers[i];
        /* Also of an observer to which the config under way gives a vote: it hears of that with
         * NEWLEADER, and its ack says the same as a follower's. */
        bool looks_on = p->is_observer && pdk_members_has_voter(l->committed, p->sid);
        if (p->step == STEP_ACKED && !looks_on) pdk_sids_add(&acks, p->sid);
    }
    if (pdk_quorum_of_both(l->committed, l->last_seen, &acks)) establish(l);
}

void pdk_leader_finish_sync(struct pdk_leader *l, struct pdk_peer *p)
{
    p->step = STEP_ACKED;
    if (p->acked < p->covered) p->acked = p->covered;
    pdk_leader_release_slot(l, p);
    if (l->phase == PDK_LEADER_BROADCAST)
        put_uptodate(l, p);
    else
        pdk_leader_try_establish(l);
}
