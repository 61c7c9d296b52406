#include "core/zab/leader_internal.h"

#include <string.h>

/* ---- life ------------------------------------------------------------------------------------ */

struct pdk_leader *pdk_leader_create(const struct pdk_leader_config *config, int64_t now_ms)
{
    struct pdk_leader *l = pdk_mem_must_zero(config->mem, 1, sizeof *l);
    l->config = *config;
    l->now_ms = now_ms;
    pdk_zab_out_init(&l->out, config->mem);
    l->committed = pdk_members_hold(config->committed);
    bool newer = config->limits.reconfig_enabled && config->last_seen != NULL &&
                 config->last_seen->version > config->committed->version;
    l->last_seen = pdk_members_hold(newer ? config->last_seen : config->committed);
    l->own_last = pdk_history_last(config->history);
    l->own_current = config->current_epoch;
    l->epoch = config->accepted_epoch;
    l->durable = config->log_is_durable ? l->own_last : -1;
    l->commit = l->proposed = l->own_last;
    l->heir = l->wanted_heir = PDK_SID_NONE;
    l->alone_since_ms = -1;
    l->voter_sign_ms = now_ms;
    l->next_check_ms = now_ms + config->limits.tick_ms / 2;
    if (config->feeds)
        pdk_leader_begin_feeding(l);
    else
        pdk_leader_begin(l);
    return l;
}

static void free_peer(struct pdk_leader *l, struct pdk_peer *p)
{
    pdk_mem_free(l->config.mem, p->address);
    pdk_mem_free(l->config.mem, p);
}

void pdk_leader_destroy(struct pdk_leader *l)
{
    if (l == NULL) return;
    const struct pdk_mem *mem = l->config.mem;
    for (size_t i = 0; i < l->count; i++) free_peer(l, l->peers[i]);
    for (size_t i = 0; i < l->need_count; i++) pdk_members_drop(l->needs[i].members);
    pdk_members_drop(l->committed);
    pdk_members_drop(l->last_seen);
    pdk_mem_free(mem, l->peers);
    pdk_mem_free(mem, l->by_link);
    pdk_mem_free(mem, l->followers);
    pdk_mem_free(mem, l->follower_links);
    pdk_mem_free(mem, l->observer_links);
    pdk_mem_free(mem, l->scratch_links);
    pdk_zab_out_deinit(&l->out);
    pdk_mem_free(mem, l);
}

const struct pdk_zab_effect *pdk_leader_effects(struct pdk_leader *l, size_t *count)
{
    return pdk_zab_out_take(&l->out, count);
}

void pdk_leader_effects_clear(struct pdk_leader *l) { pdk_zab_out_clear(&l->out); }

bool pdk_leader_next(struct pdk_leader *l, struct pdk_zab_effect *effect)
{
    return pdk_zab_out_next(&l->out, effect);
}

/* ---- learners -------------------------------------------------------------------------------- */

struct pdk_peer *pdk_leader_peer(const struct pdk_leader *l, uint32_t link)
{
    return link < l->by_link_cap ? l->by_link[link] : NULL;
}

bool pdk_leader_knows(const struct pdk_leader *l, uint32_t link)
{
    return pdk_leader_peer(l, link) != NULL;
}

static void make_room(struct pdk_leader *l, uint32_t link)
{
    const struct pdk_mem *mem = l->config.mem;
    if (l->count == l->cap) {
        l->cap = l->cap > 0 ? l->cap * 2 : 8;
        l->peers = pdk_mem_must_resize(mem, l->peers, l->cap * sizeof *l->peers);
        l->followers = pdk_mem_must_resize(mem, l->followers, l->cap * sizeof *l->followers);
        l->follower_links =
            pdk_mem_must_resize(mem, l->follower_links, l->cap * sizeof *l->follower_links);
        l->observer_links =
            pdk_mem_must_resize(mem, l->observer_links, l->cap * sizeof *l->observer_links);
        l->scratch_links =
            pdk_mem_must_resize(mem, l->scratch_links, l->cap * sizeof *l->scratch_links);
    }
    if (link >= l->by_link_cap) {
        size_t cap = ((size_t)link + 1) * 2;
        l->by_link = pdk_mem_must_resize(mem, l->by_link, cap * sizeof(struct pdk_peer *));
        for (size_t i = l->by_link_cap; i < cap; i++) l->by_link[i] = NULL;
        l->by_link_cap = cap;
    }
}

/* Peers are in the order of their coming: a member that has something to say is not kept out by
 * those that say nothing. */
static void drop_oldest_stranger(struct pdk_leader *l)
{
    size_t i = 0;
    while (i < l->count && l->peers[i]->step != STEP_INFO) i++;
    if (i < l->count) pdk_leader_drop(l, l->peers[i], "it has said nothing, and others come");
}

void pdk_leader_accepted(struct pdk_leader *l, int64_t now_ms, uint32_t link,
                         struct pdk_slice address)
{
    l->now_ms = now_ms;
    PDK_ASSERT(!pdk_leader_knows(l, link));
    if (l->lost) {
        pdk_zab_add(&l->out, PDK_ZAB_CLOSE)->link = link;
        return;
    }
    if (l->strangers >= PDK_STRANGERS_MAX) drop_oldest_stranger(l);
    make_room(l, link);
    struct pdk_peer *p = pdk_mem_must_zero(l->config.mem, 1, sizeof *p);
    p->address = pdk_mem_must_zero(l->config.mem, address.len + 1, 1);
    if (address.len > 0) memcpy(p->address, address.bytes, address.len);
    p->link = link;
    p->sid = PDK_SID_NONE;
    p->heard_ms = p->sign_ms = now_ms;
    l->by_link[link] = p;
    l->peers[l->count++] = p;
    l->strangers++;
}

static void remove_link(uint32_t *links, size_t *count, uint32_t link)
{
    for (size_t i = 0; i < *count; i++) {
        if (links[i] != link) continue;
        memmove(links + i, links + i + 1, (--*count - i) * sizeof *links);
        return;
    }
}

static void stop_forwarding(struct pdk_leader *l, const struct pdk_peer *p)
{
    remove_link(l->observer_links, &l->observer_count, p->link);
    remove_link(l->follower_links, &l->follower_count, p->link);
    size_t kept = 0;
    for (size_t i = 0; kept < l->follower_count; i++) {
        if (l->followers[i] != p) l->followers[kept++] = l->followers[i];
    }
}

void pdk_leader_forward_to(struct pdk_leader *l, struct pdk_peer *p)
{
    if (p->is_observer) {
        l->observer_links[l->observer_count++] = p->link;
        return;
    }
    l->followers[l->follower_count] = p;
    l->follower_links[l->follower_count++] = p->link;
}

void pdk_leader_release_slot(struct pdk_leader *l, struct pdk_peer *p)
{
    if (p->slot == SLOT_DIFF) l->diff_syncs--;
    if (p->slot == SLOT_SNAP) l->snap_syncs--;
    p->slot = SLOT_NONE;
}

static void forget(struct pdk_leader *l, struct pdk_peer *p)
{
    if (p->step == STEP_INFO) l->strangers--;
    stop_forwarding(l, p);
    pdk_leader_release_slot(l, p);
    l->by_link[p->link] = NULL;
    for (size_t i = 0; i < l->count; i++) {
        if (l->peers[i] != p) continue;
        memmove(l->peers + i, l->peers + i + 1, (--l->count - i) * sizeof(struct pdk_peer *));
        break;
    }
    if (p->step == STEP_FOLLOWS || p->in_renewal) {
        struct pdk_zab_effect *e = pdk_zab_add(&l->out, PDK_ZAB_DEPARTED);
        e->link = p->link;
        e->sid = p->sid;
        e->is_observer = p->is_observer;
    }
    free_peer(l, p);
}

void pdk_leader_drop(struct pdk_leader *l, struct pdk_peer *p, const char *why)
{
    if (p->sid == PDK_SID_NONE)
        PDK_LEADER_LOG(l, PDK_LOG_WARN, "learner.drop address=%s why=\"%s\"", p->address, why);
    else
        PDK_LEADER_LOG(l, PDK_LOG_WARN, "learner.drop peer=%lld address=%s why=\"%s\"",
                       (long long)p->sid, p->address, why);
    pdk_zab_add(&l->out, PDK_ZAB_CLOSE)->link = p->link;
    forget(l, p);
    pdk_leader_count_links(l);
}

void pdk_leader_closed(struct pdk_leader *l, int64_t now_ms, uint32_t link)
{
    l->now_ms = now_ms;
    struct pdk_peer *p = pdk_leader_peer(l, link);
    if (p == NULL || l->lost) return;
    if (p->step > STEP_INFO)
        PDK_LEADER_LOG(l, PDK_LOG_WARN, "learner.gone peer=%lld address=%s", (long long)p->sid,
                       p->address);
    forget(l, p);
    pdk_leader_count_links(l);
    pdk_leader_try_retire(l);
}

void pdk_leader_lose(struct pdk_leader *l, const char *why)
{
    PDK_ASSERT(!l->lost);
    l->lost = true;
    while (l->count > 0) {
        pdk_zab_add(&l->out, PDK_ZAB_CLOSE)->link = l->peers[0]->link;
        forget(l, l->peers[0]);
    }
    size_t mark = pdk_zab_mark(&l->out);
    pdk_put_raw(&l->out.bytes, why, strlen(why));
    pdk_zab_add_bytes(&l->out, PDK_ZAB_LOST, mark);
}

/* ---- packets --------------------------------------------------------------------------------- */

void pdk_leader_put(struct pdk_leader *l, const struct pdk_peer *p, enum pdk_qtype type,
                    pdk_zxid zxid, struct pdk_slice data)
{
    size_t mark = pdk_zab_mark(&l->out);
    pdk_put_qpacket(&l->out.bytes, type, zxid, data);
    pdk_zab_send(&l->out, &p->link, 1, mark);
}

static void hand_over(struct pdk_leader *l, const struct pdk_peer *p,
                      const struct pdk_qpacket *packet)
{
    struct pdk_zab_effect *e = pdk_zab_add(&l->out, PDK_ZAB_PACKET);
    e->link = p->link;
    e->sid = p->sid;
    e->is_observer = p->is_observer;
    e->packet = *packet;
}

void pdk_leader_sign_of_life(struct pdk_leader *l, struct pdk_peer *p)
{
    p->sign_ms = l->now_ms;
    if (pdk_peer_votes(l->committed, p)) l->voter_sign_ms = l->now_ms;
}

static bool refuse(struct pdk_leader *l, struct pdk_peer *p, const char *why)
{
    pdk_leader_drop(l, p, why);
    return false;
}

/* False: the learner is gone. */
static bool take_packet(struct pdk_leader *l, struct pdk_peer *p, const struct pdk_qpacket *packet)
{
    if (p->step == STEP_INFO) return pdk_leader_greet(l, p, packet);
    bool is_ping = packet->type == PDK_Q_PING;
    bool follows = p->step == STEP_FOLLOWS || p->in_renewal;
    if (is_ping && !follows) return true; /* a sign of life */
    if (p->step == STEP_ACKEPOCH && (!follows || packet->type == PDK_Q_ACKEPOCH))
        return pdk_leader_take_ackepoch(l, p, packet);
    if (packet->type == PDK_Q_ACK && (follows || p->step >= STEP_SYNC))
        return pdk_leader_take_ack(l, p, packet->zxid);
    if (!follows) return refuse(l, p, "it speaks out of turn");

    switch (packet->type) {
    case PDK_Q_PING:
        pdk_leader_take_answer(l, p);
        if (packet->data.len > 0) hand_over(l, p, packet);
        return true;
    case PDK_Q_REQUEST:
    case PDK_Q_REVALIDATE: hand_over(l, p, packet); return true;
    default:
        PDK_LEADER_LOG(l, PDK_LOG_WARN, "learner.packet.ignored peer=%lld type=%d",
                       (long long)p->sid, (int)packet->type);
        return true;
    }
}

size_t pdk_leader_bytes(struct pdk_leader *l, int64_t now_ms, uint32_t link, struct pdk_slice bytes)
{
    l->now_ms = now_ms;
    pdk_leader_sync_queued(l);
    struct pdk_peer *p = pdk_leader_peer(l, link);
    if (p == NULL || l->lost) return bytes.len;
    if (bytes.len > p->unread && p->step > STEP_INFO) pdk_leader_sign_of_life(l, p);
    size_t at = 0, used = 0;
    while (at < bytes.len) {
        struct pdk_qpacket packet;
        enum pdk_qfound found =
            pdk_qpacket_read(pdk_slice_of(bytes.bytes + at, bytes.len - at),
                             l->config.limits.packet_field_bytes, &packet, &used);
        if (found == PDK_QFOUND_MORE) break;
        if (found == PDK_QFOUND_BROKEN) {
            pdk_leader_drop(l, p, "its bytes are no packet");
            p = NULL;
            break;
        }
        at += used;
        p->heard_ms = now_ms;
        if (!take_packet(l, p, &packet) || l->lost) {
            p = NULL;
            break;
        }
    }
    if (p != NULL) p->unread = bytes.len - at;
    pdk_leader_commit(l);
    return p != NULL ? at : bytes.len;
}

void pdk_leader_send(struct pdk_leader *l, uint32_t link, enum pdk_qtype type, pdk_zxid zxid,
                     struct pdk_slice data)
{
    struct pdk_peer *p = pdk_leader_peer(l, link);
    bool follows = p != NULL && (p->step == STEP_FOLLOWS || p->in_renewal);
    if (follows) pdk_leader_put(l, p, type, zxid, data);
}

/* ---- what operators see ---------------------------------------------------------------------- */

enum pdk_leader_phase pdk_leader_phase(const struct pdk_leader *l) { return l->phase; }
int64_t pdk_leader_epoch(const struct pdk_leader *l) { return l->epoch; }
size_t pdk_leader_learner_count(const struct pdk_leader *l) { return l->count; }
struct pdk_leader_counts pdk_leader_counts(const struct pdk_leader *l) { return l->counts; }
pdk_sid pdk_leader_heir(const struct pdk_leader *l) { return l->heir; }

void pdk_leader_learner(const struct pdk_leader *l, size_t index, struct pdk_learner_status *out)
{
    PDK_ASSERT(index < l->count);
    const struct pdk_peer *p = l->peers[index];
    *out = (struct pdk_learner_status){.sid = p->sid,
                                       .link = p->link,
                                       .is_observer = p->is_observer,
                                       .is_voter = pdk_peer_votes(l->committed, p),
                                       .is_synced = p->step == STEP_FOLLOWS || p->in_renewal,
                                       .is_paddock = p->is_paddock,
                                       .acked = p->acked,
                                       .last_heard_ms = p->heard_ms,
                                       .address = p->address};
}
