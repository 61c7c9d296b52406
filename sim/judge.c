#include "sim/judge.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto/opcode.h"
#include "sim/oracle.h"

void pdk_judge_init(struct pdk_judge *j, struct pdk_world *world, struct pdk_oracle *oracle,
                    struct pdk_members *members)
{
    *j = (struct pdk_judge){.world = world, .oracle = oracle, .ensemble = members != NULL};
    j->members = pdk_members_hold(members);
    pdk_histories_init(&j->histories, world, members != NULL);
    j->committed = j->histories.root;
    j->line_cap = 1024;
    j->line = calloc(j->line_cap, sizeof(struct pdk_hist *));
    PDK_ASSERT(j->line != NULL);
    j->line[0] = j->committed;
}

void pdk_judge_deinit(struct pdk_judge *j)
{
    for (size_t i = 0; i < PDK_JUDGE_SERVERS; i++) {
        free(j->servers[i].own.items);
        free(j->servers[i].sent.items);
    }
    free(j->line);
    pdk_histories_deinit(&j->histories);
    pdk_members_drop(j->members);
}

static uint64_t hex(pdk_zxid zxid) { return (uint64_t)zxid; }

/* ---- views ----------------------------------------------------------------------------------- */

static void views_add(struct pdk_judged_views *v, pdk_zxid zxid, struct pdk_hist *history)
{
    if (v->count == v->cap) {
        v->cap = v->cap > 0 ? v->cap * 2 : 16;
        v->items = realloc(v->items, v->cap * sizeof *v->items);
        PDK_ASSERT(v->items != NULL);
    }
    v->items[v->count++] = (struct pdk_judged_view){.zxid = zxid, .history = history};
}

/* The newest of this zxid. */
static struct pdk_hist *views_find(const struct pdk_judged_views *v, pdk_zxid zxid)
{
    for (size_t i = v->count; i-- > 0;) {
        if (v->items[i].zxid == zxid) return v->items[i].history;
    }
    return NULL;
}

void pdk_judge_view(struct pdk_judge *j, uint32_t server, pdk_zxid zxid, bool is_sent)
{
    struct pdk_judged *s = &j->servers[server];
    views_add(is_sent ? &s->sent : &s->own, zxid, pdk_hist_up_to(s->logged, zxid));
    j->counts.view_streams += is_sent;
}

/* ---- the disk -------------------------------------------------------------------------------- */

/* What of the committed the server's disk surely holds. */
static struct pdk_hist *committed_on_disk(const struct pdk_judge *j, const struct pdk_judged *s)
{
    struct pdk_hist *sure = s->durable;
    if (s->replacement != NULL) sure = pdk_hist_common(sure, s->replacement);
    return pdk_hist_common(sure, j->committed);
}

static void must_not_lose(struct pdk_judge *j, uint32_t server, const struct pdk_hist *before,
                          const char *how)
{
    const struct pdk_hist *now = committed_on_disk(j, &j->servers[server]);
    /* Nobody counts on an observer's; a follower that feeds it may be behind it. */
    if (j->ensemble && !pdk_members_has_voter(j->members, (pdk_sid)server)) return;
    if (now->depth < before->depth)
        pdk_world_fail(j->world,
                       "server %u loses what is committed by %s: its disk held 0x%" PRIx64
                       ", now 0x%" PRIx64,
                       server, how, hex(before->zxid), hex(now->zxid));
}

struct pdk_hist *pdk_judge_logged(struct pdk_judge *j, uint32_t server,
                                  const struct pdk_log_piece *piece)
{
    struct pdk_judged *s = &j->servers[server];
    for (size_t at = 0; at < piece->len && s->logged != NULL && !j->world->failed;) {
        size_t len = pdk_load_u32(piece->bytes + at + 8);
        struct pdk_slice txn = pdk_slice_of(piece->bytes + at + PDK_LOG_HEAD_BYTES, len);
        struct pdk_hist *next = pdk_histories_add(&j->histories, s->logged, txn, server);
        if (next == NULL) return s->logged;
        pdk_oracle_born(j->oracle, server, next);
        s->logged = next;
        at += len + PDK_LOG_FRAME_BYTES;
    }
    if (s->logged->zxid != piece->last)
        pdk_world_fail(j->world, "server %u: a piece of log ends at 0x%" PRIx64 ", not 0x%" PRIx64,
                       server, hex(s->logged->zxid), hex(piece->last));
    return s->logged;
}

void pdk_judge_durable(struct pdk_judge *j, uint32_t server, struct pdk_hist *history)
{
    struct pdk_judged *s = &j->servers[server];
    if (pdk_hist_is_prefix(s->durable, history)) s->durable = history;
}

void pdk_judge_truncate(struct pdk_judge *j, uint32_t server, pdk_zxid zxid)
{
    struct pdk_judged *s = &j->servers[server];
    const struct pdk_hist *held = committed_on_disk(j, s);
    s->logged = s->replacement = pdk_hist_up_to(s->logged, zxid);
    j->counts.truncs++;
    must_not_lose(j, server, held, "a truncation");
}

void pdk_judge_spool(struct pdk_judge *j, uint32_t server, uint32_t from, pdk_zxid zxid)
{
    struct pdk_judged *s = &j->servers[server];
    s->spooling = views_find(&j->servers[from].sent, zxid);
    if (s->spooling == NULL)
        pdk_world_fail(j->world,
                       "server %u takes a snapshot at 0x%" PRIx64 " that server %u never sent",
                       server, hex(zxid), from);
    else
        views_add(&s->own, zxid, s->spooling);
}

void pdk_judge_install(struct pdk_judge *j, uint32_t server)
{
    struct pdk_judged *s = &j->servers[server];
    if (s->spooling == NULL) return;
    const struct pdk_hist *held = committed_on_disk(j, s);
    s->logged = s->replacement = s->spooling;
    j->counts.installs++;
    must_not_lose(j, server, held, "a snapshot");
}

void pdk_judge_replaced(struct pdk_judge *j, uint32_t server, bool done)
{
    struct pdk_judged *s = &j->servers[server];
    if (s->replacement == NULL) return;
    if (done && (s->recovery_failed || s->recovering != s->replacement))
        pdk_world_fail(j->world, "server %u loads 0x%" PRIx64 "%s where 0x%" PRIx64 " was wanted",
                       server, s->recovering != NULL ? hex(s->recovering->zxid) : 0,
                       s->recovery_failed ? " through something never logged there" : "",
                       hex(s->replacement->zxid));
    if (done)
        s->durable = s->replacement;
    else
        s->logged = s->durable; /* whatever was wanted, this is what it has */
    s->replacement = NULL;
    j->counts.impossible_truncs += !done;
}

void pdk_judge_epochs(struct pdk_judge *j, uint32_t server, int64_t current, int64_t accepted)
{
    struct pdk_judged *s = &j->servers[server];
    if (current < s->current || accepted < s->accepted || current > accepted)
        pdk_world_fail(j->world,
                       "server %u: epochs go from current %" PRId64 " accepted %" PRId64
                       " to %" PRId64 " and %" PRId64,
                       server, s->current, s->accepted, current, accepted);
    s->current = current;
    s->accepted = accepted;
}

/* ---- recovery -------------------------------------------------------------------------------- */

/* The wrapper's context is the judged server. */
static struct pdk_judged *judged_of(void *ctx) { return ctx; }

static enum pdk_err sink_reset(void *ctx)
{
    struct pdk_judged *s = judged_of(ctx);
    s->recovering = NULL;
    return s->inner.reset(s->inner.ctx);
}
static enum pdk_err sink_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    struct pdk_judged *s = judged_of(ctx);
    return s->inner.session(s->inner.ctx, id, timeout_ms);
}
static enum pdk_err sink_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    struct pdk_judged *s = judged_of(ctx);
    return s->inner.acl(s->inner.ctx, disk_id, list);
}
static enum pdk_err sink_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                               int64_t disk_acl_id, const struct pdk_stat_persisted *stat)
{
    struct pdk_judged *s = judged_of(ctx);
    return s->inner.znode(s->inner.ctx, path, data, disk_acl_id, stat);
}
static enum pdk_err sink_snapshot(void *ctx, const struct pdk_snapshot_info *info)
{
    struct pdk_judged *s = judged_of(ctx);
    s->recovering = views_find(&s->own, info->zxid);
    s->recovery_failed |= s->recovering == NULL;
    return s->inner.snapshot(s->inner.ctx, info);
}
static enum pdk_err sink_txn(void *ctx, struct pdk_slice txn)
{
    struct pdk_judged *s = judged_of(ctx);
    if (s->recovering != NULL) s->recovering = pdk_histories_child(s->recovering, txn);
    s->recovery_failed |= s->recovering == NULL;
    return s->inner.txn(s->inner.ctx, txn);
}
static void sink_ahead(void *ctx, const struct pdk_slice *txns, size_t count)
{
    struct pdk_judged *s = judged_of(ctx);
    s->inner.ahead(s->inner.ctx, txns, count);
}

struct pdk_recover_sink pdk_judge_sink(struct pdk_judge *j, uint32_t server,
                                       const struct pdk_recover_sink *inner)
{
    struct pdk_judged *s = &j->servers[server];
    s->inner = *inner;
    s->recovering = NULL;
    s->recovery_failed = false;
    return (struct pdk_recover_sink){
        .ctx = s,
        .reset = sink_reset,
        .session = sink_session,
        .acl = sink_acl,
        .znode = sink_znode,
        .snapshot = sink_snapshot,
        .txn = sink_txn,
        .ahead = inner->ahead != NULL ? sink_ahead : NULL,
    };
}

/* Is it what a crash may have left of what the server had? */
static bool may_be_left(const struct pdk_judged *s, struct pdk_hist *found)
{
    if (pdk_hist_is_prefix(s->durable, found) && pdk_hist_is_prefix(found, s->logged)) return true;
    if (s->replacement == NULL) return false;
    /* The old history, of which more than the sure part may be there, or the new one. */
    return found == s->replacement || pdk_hist_is_prefix(s->durable, found);
}

void pdk_judge_started(struct pdk_judge *j, uint32_t server, int64_t current, int64_t accepted)
{
    struct pdk_judged *s = &j->servers[server];
    if (!s->known) {
        *s = (struct pdk_judged){.known = true, .own = s->own};
        s->logged = s->durable = s->recovering = j->histories.root;
    }
    if (s->recovering == NULL && s->durable->zxid == 0) s->recovering = j->histories.root;
    j->counts.recoveries++;
    if (s->recovery_failed || s->recovering == NULL || !may_be_left(s, s->recovering)) {
        pdk_world_fail(j->world,
                       "server %u recovers 0x%" PRIx64 "%s; durable was 0x%" PRIx64
                       ", logged 0x%" PRIx64 "%s",
                       server, s->recovering != NULL ? hex(s->recovering->zxid) : 0,
                       s->recovery_failed ? " through something never logged there" : "",
                       hex(s->durable->zxid), hex(s->logged->zxid),
                       s->replacement != NULL ? ", being replaced" : "");
        return;
    }
    j->counts.recovered_more += s->recovering != s->durable;
    s->logged = s->durable = s->applied = s->recovering;
    s->applied_zxid = 0;
    s->replacement = NULL;
    s->up = true;
    s->serves = false;
    pdk_judge_epochs(j, server, current, accepted);
}

void pdk_judge_died(struct pdk_judge *j, uint32_t server)
{
    j->servers[server].up = false;
    j->servers[server].serves = j->servers[server].leads = false;
    j->servers[server].spooling = NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool is_on_quorum(const struct pdk_judge *j, const struct pdk_hist *h)
{
    if (!j->ensemble) return pdk_hist_is_prefix(h, j->servers[1].durable);
    struct pdk_sids holders = {0};
    for (uint32_t i = 0; i < PDK_JUDGE_SERVERS; i++) {
        const struct pdk_judged *s = &j->servers[i];
        if (!s->known || !pdk_hist_is_prefix(h, s->durable)) continue;
        if (s->replacement != NULL && !pdk_hist_is_prefix(h, s->replacement)) continue;
        pdk_sids_add(&holders, (pdk_sid)i);
    }
    return pdk_members_quorum(j->members, &holders);
}

/* Everything up to `h` is committed now. */
static void commit(struct pdk_judge *j, uint32_t server, struct pdk_hist *h)
{
    if (!is_on_quorum(j, h))
        pdk_world_fail(j->world,
                       "server %u has applied 0x%" PRIx64 " for its clients, which no quorum has "
                       "on its disks",
                       server, hex(h->zxid));
    if (h->depth >= j->line_cap) {
        while (h->depth >= j->line_cap) j->line_cap *= 2;
        j->line = realloc(j->line, j->line_cap * sizeof(struct pdk_hist *));
        PDK_ASSERT(j->line != NULL);
    }
    for (struct pdk_hist *at = h; at != j->committed; at = at->parent) j->line[at->depth] = at;
    for (uint32_t depth = j->committed->depth + 1; depth <= h->depth; depth++) {
        struct pdk_hist *next = j->line[depth];
        next->committed = true;
        j->committed = next;
        j->counts.commits++;
        pdk_world_trace(j->world, "    commit 0x%" PRIx64 " type %d session 0x%" PRIx64 " cxid %d",
                        hex(next->zxid), next->header.type, hex(next->header.client_id),
                        next->header.cxid);
        pdk_oracle_committed(j->oracle, next);
        if (j->world->failed) return;
    }
}

static void must_be_committed(struct pdk_judge *j, uint32_t server, struct pdk_hist *h)
{
    if (pdk_hist_is_prefix(h, j->committed)) return;
    if (pdk_hist_is_prefix(j->committed, h)) {
        commit(j, server, h);
        return;
    }
    pdk_world_fail(j->world,
                   "server %u serves 0x%" PRIx64 ", which is not the history that others have "
                   "committed: they part behind 0x%" PRIx64,
                   server, hex(h->zxid), hex(pdk_hist_common(h, j->committed)->zxid));
}

void pdk_judge_told(struct pdk_judge *j, uint32_t server, pdk_zxid zxid)
{
    if (zxid > 0 && !j->world->failed)
        must_be_committed(j, server, pdk_hist_up_to(j->servers[server].logged, zxid));
}

void pdk_judge_greeted(struct pdk_judge *j, uint32_t server, pdk_session session)
{
    for (struct pdk_hist *h = j->servers[server].logged; !h->committed && h->zxid != 0;
         h = h->parent) {
        if (h->header.type != PDK_OP_CREATE_SESSION || h->header.client_id != session) continue;
        must_be_committed(j, server, h);
        return;
    }
}

static void check_leader(struct pdk_judge *j, uint32_t server, uint32_t life, int64_t epoch)
{
    const struct pdk_judged *s = &j->servers[server];
    PDK_ASSERT(epoch >= 0 && epoch < (int64_t)PDK_JUDGE_EPOCHS);
    if (j->epochs[epoch].leader == 0) {
        j->epochs[epoch].leader = server + 1;
        j->epochs[epoch].life = life;
        j->epochs[epoch].since_us = j->world->now_us;
        /* A roll-over goes on with the term. */
        if (s->leads && epoch > 0) {
            j->epochs[epoch].since_us = j->epochs[epoch - 1].since_us;
            j->counts.roll_overs++;
        }
        j->counts.elections++;
        pdk_world_trace(j->world, "    server %u leads epoch %" PRId64, server, epoch);
        /* Everything of earlier epochs; later ones it may not have heard of yet. */
        const struct pdk_hist *must = pdk_hist_up_to(j->committed, epoch << 32);
        if (!pdk_hist_is_prefix(must, s->logged))
            pdk_world_fail(j->world,
                           "server %u leads epoch %" PRId64 " with 0x%" PRIx64
                           " logged, without the committed 0x%" PRIx64,
                           server, epoch, hex(s->logged->zxid), hex(must->zxid));
    } else if (j->epochs[epoch].leader != server + 1 || j->epochs[epoch].life != life) {
        pdk_world_fail(j->world,
                       "epoch %" PRId64 " has two leaders: server %u (life %u) and %u (%u)", epoch,
                       j->epochs[epoch].leader - 1, j->epochs[epoch].life, server, life);
    }
}

static void check_digest(struct pdk_judge *j, uint32_t server, const struct pdk_node *node)
{
    struct pdk_hist *h = j->servers[server].applied;
    uint64_t digest = pdk_tree_digest(pdk_node_tree(node));
    if (!h->has_digest) {
        h->has_digest = true;
        h->digest = digest;
        h->digest_by = server;
        pdk_oracle_digest(j->oracle, h);
        return;
    }
    j->counts.digests_compared++;
    if (h->digest != digest)
        pdk_world_fail(j->world,
                       "servers %u and %u have different trees at 0x%" PRIx64 ": digests 0x%" PRIx64
                       " and 0x%" PRIx64,
                       h->digest_by, server, hex(h->zxid), h->digest, digest);
}

static bool find_applied(struct pdk_judge *j, uint32_t server, pdk_zxid zxid)
{
    struct pdk_judged *s = &j->servers[server];
    struct pdk_hist *applied = pdk_hist_up_to(s->logged, zxid);
    if (applied->zxid != zxid && (uint32_t)zxid != 0 && zxid != 0) {
        pdk_world_fail(j->world, "server %u has applied 0x%" PRIx64 ", logged only 0x%" PRIx64,
                       server, hex(zxid), hex(s->logged->zxid));
        return false;
    }
    if (s->serves && !pdk_hist_is_prefix(s->applied, applied)) {
        pdk_world_fail(j->world, "server %u goes back from 0x%" PRIx64 " to 0x%" PRIx64, server,
                       hex(s->applied->zxid), hex(applied->zxid));
        return false;
    }
    s->applied = applied;
    s->applied_zxid = zxid;
    return true;
}

void pdk_judge_step(struct pdk_judge *j, uint32_t server, uint32_t life,
                    const struct pdk_node *node)
{
    struct pdk_judged *s = &j->servers[server];
    if (j->world->failed) return;
    struct pdk_node_summary summary;
    struct pdk_member_summary member = {.serving_since_ms = 0};
    pdk_node_summary(node, &summary);
    if (j->ensemble) pdk_node_member(node, &member);
    bool serves = member.serving_since_ms >= 0;
    bool moved = summary.zxid != s->applied_zxid || !s->applied->has_digest;
    j->counts.steps++;
    if (!serves) s->serves = s->leads = false;
    if (moved && !find_applied(j, server, summary.zxid)) return;
    pdk_world_note(j->world, (uint64_t)summary.zxid ^ server);
    if (moved) check_digest(j, server, node);
    if (serves && (moved || !s->serves)) must_be_committed(j, server, s->applied);
    bool leads = j->ensemble && serves && member.role == PDK_ROLE_LEADING;
    if (leads) check_leader(j, server, life, member.epoch);
    s->leads = leads;
    s->serves = serves;
}

struct pdk_hist *pdk_judge_committed_at(const struct pdk_judge *j, pdk_zxid zxid)
{
    uint32_t low = 0, high = j->committed->depth;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (j->line[middle]->zxid <= zxid)
            low = middle;
        else
            high = middle - 1;
    }
    return j->line[low];
}
