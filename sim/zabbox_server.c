#include "sim/zabbox_internal.h"

#include "core/store/store.h"
#include "jute/records.h"

#include <string.h>

#define TICK_MS 100

/* ---- streams --------------------------------------------------------------------------------- */

static uint32_t new_link(struct pdk_zabbox *box)
{
    for (uint32_t i = 0; i < PDK_ZABBOX_LINKS; i++) {
        struct pdk_zabbox_link *k = &box->links[i];
        if (k->used) continue;
        *k = (struct pdk_zabbox_link){.used = true};
        pdk_buf_init(&k->up, pdk_mem_heap(), SIZE_MAX);
        pdk_buf_init(&k->down, pdk_mem_heap(), SIZE_MAX);
        return i;
    }
    PDK_UNREACHABLE();
}

void pdk_zabbox_free_link(struct pdk_zabbox_link *k)
{
    if (!k->used || k->leader_has || k->learner_has || k->streams || k->finds) return;
    pdk_buf_deinit(&k->up);
    pdk_buf_deinit(&k->down);
    k->used = false;
}

/* One end is gone: the other reads what is still on its way, or less. */
void pdk_zabbox_leader_leaves(struct pdk_zabbox_link *k)
{
    k->leader_has = k->streams = k->finds = false;
    k->down_ends = true;
    k->up.len = 0;
}
void pdk_zabbox_learner_leaves(struct pdk_zabbox_link *k)
{
    k->learner_has = false;
    k->up_ends = true;
    k->down.len = 0;
}

/* What is sent into a link that was cut goes nowhere. */
static void send_down(struct pdk_zabbox_link *k, struct pdk_slice bytes)
{
    if (!k->down_ends) pdk_put_raw(&k->down, bytes.bytes, bytes.len);
}

/* A release of Apache's does not say that it is a Paddock. */
static void send_up(struct pdk_zabbox *box, struct pdk_zabbox_link *k, struct pdk_slice bytes)
{
    if (k->up_ends) return;
    struct pdk_qpacket p;
    size_t used;
    if (box->options.like_apache &&
        pdk_qpacket_read(bytes, PDK_ZABBOX_FIELD_BYTES, &p, &used) == PDK_QFOUND_PACKET &&
        (p.type == PDK_Q_FOLLOWERINFO || p.type == PDK_Q_OBSERVERINFO)) {
        p.data.len -= 4;
        pdk_put_qpacket_whole(&k->up, &p);
        return;
    }
    pdk_put_raw(&k->up, bytes.bytes, bytes.len);
}

/* ---- trees on the wire: one znode whose data lists the history ------------------------------- */

static void put_tree(struct pdk_buf *b, const struct pdk_zabbox_server *s)
{
    pdk_put_i64(b, 0); /* no sessions, no ACLs */
    pdk_put_bytes(b, pdk_slice_str(""));
    pdk_put_i32(b, (int32_t)(16 * s->applied));
    for (size_t i = 0; i < s->applied; i++) {
        pdk_put_i64(b, s->log.items[i].zxid);
        pdk_put_i64(b, (int64_t)s->log.items[i].id);
    }
    for (size_t i = 0; i < 68; i++) pdk_put_u8(b, 0);
    pdk_put_bytes(b, pdk_slice_str("/"));
    pdk_put_bytes(b, pdk_slice_str("BenWasHere"));
}

static void read_tree(const struct pdk_zabbox_server *s, struct pdk_zabbox_log *tree)
{
    struct pdk_reader r = pdk_reader_of(pdk_buf_slice(&s->spool));
    (void)pdk_read_i64(&r);
    (void)pdk_read_bytes(&r);
    struct pdk_reader data = pdk_reader_of(pdk_read_bytes(&r));
    while (pdk_reader_left(&data) > 0) {
        struct pdk_zabbox_entry e = {.zxid = pdk_read_i64(&data)};
        e.id = (uint64_t)pdk_read_i64(&data);
        pdk_zabbox_push(tree, e);
    }
}

/* ---- the leader's effects -------------------------------------------------------------------- */

static void stream_log(struct pdk_zabbox_server *s, const struct pdk_zab_effect *e)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    for (size_t i = pdk_zabbox_count_to(&s->disk, e->zxid);
         i < pdk_zabbox_count_to(&s->disk, e->until); i++) {
        uint8_t txn[PDK_ZABBOX_TXN_BYTES];
        pdk_zabbox_put_txn(txn, s->disk.items[i]);
        pdk_zxid zxid = s->disk.items[i].zxid;
        pdk_put_qpacket(&b, PDK_Q_PROPOSAL, zxid, pdk_slice_of(txn, sizeof txn));
        pdk_put_qpacket(&b, PDK_Q_COMMIT, zxid, pdk_slice_null());
    }
    send_down(&s->box->links[e->link], pdk_buf_slice(&b));
    s->box->links[e->link].streams = true;
    pdk_buf_deinit(&b);
}

static void stream_view(struct pdk_zabbox_server *s, struct pdk_zabbox_link *k)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    put_tree(&b, s);
    send_down(k, pdk_buf_slice(&b));
    k->streams = true;
    pdk_buf_deinit(&b);
}

static void store(struct pdk_zabbox_server *s, int64_t epoch, bool is_current)
{
    int64_t *slot = is_current ? &s->storing_current : &s->storing_accepted;
    if (epoch > *slot) *slot = epoch;
    if (is_current) s->behind_log = s->leader != NULL;
}

static void serve(struct pdk_zabbox_server *s, int64_t epoch)
{
    s->serves = true;
    s->renews = false;
    s->box->serves++;
    pdk_zabbox_tell_zxid(s, "serves with", pdk_zabbox_last_of(&s->log));
    if (s->leader != NULL) pdk_zabbox_check_one_leader(s->box, s, epoch);
    pdk_zabbox_check_committed(s->box, s, 0);
    /* One that was paused may serve when a later epoch has begun. */
    if (s->leader != NULL &&
        s->applied < pdk_zabbox_count_to(&s->box->committed, pdk_zxid_of(epoch, 0)))
        pdk_zabbox_wrong(s->box, "leader %lld lacks what was committed", (long long)s->sid);
}

static void carry_out_leaders(struct pdk_zabbox_server *s, const struct pdk_zab_effect *e)
{
    struct pdk_zabbox_link *links = s->box->links;
    switch (e->kind) {
    case PDK_ZAB_SEND:
        for (size_t i = 0; i < e->link_count; i++) send_down(&links[e->links[i]], e->bytes);
        return;
    case PDK_ZAB_CLOSE:
        pdk_zabbox_leader_leaves(&links[e->link]);
        pdk_zabbox_free_link(&links[e->link]);
        return;
    case PDK_ZAB_FIND:
        links[e->link].finds = true;
        links[e->link].find = e->zxid;
        return;
    case PDK_ZAB_STREAM_LOG: stream_log(s, e); return;
    case PDK_ZAB_STREAM_VIEW: stream_view(s, &links[e->link]); return;
    case PDK_ZAB_STORE_ACCEPTED: store(s, e->epoch, false); return;
    case PDK_ZAB_STORE_CURRENT: store(s, e->epoch, true); return;
    case PDK_ZAB_COMMIT:
        /* Before, it is what the leader brought, and not yet committed. */
        pdk_zabbox_apply(s, e->zxid, pdk_leader_phase(s->leader) == PDK_LEADER_BROADCAST);
        return;
    case PDK_ZAB_SERVE: serve(s, e->epoch); return;
    case PDK_ZAB_LOG: pdk_zabbox_tell(s, "leads:", e->bytes); return;
    case PDK_ZAB_LOST:
        pdk_zabbox_tell(s, "leads no more:", e->bytes);
        s->over = true;
        return;
    default: return;
    }
}

/* ---- the learner's effects ------------------------------------------------------------------- */

static void answer_ping(struct pdk_zabbox_server *s, const struct pdk_qpacket *p)
{
    if (p->type == PDK_Q_PING)
        pdk_learner_send(s->learner, PDK_Q_PING, p->zxid, pdk_slice_of("", 0), pdk_slice_null());
}

static void install(struct pdk_zabbox_server *s)
{
    struct pdk_zabbox_job job = {.kind = PDK_ZAB_SPOOL_END};
    read_tree(s, &job.tree);
    pdk_zabbox_add_job(s, job);
    s->spools = false;
    s->box->snaps++;
}

static void carry_out_learners(struct pdk_zabbox_server *s, const struct pdk_zab_effect *e)
{
    struct pdk_zabbox *box = s->box;
    bool serves = pdk_learner_phase(s->learner) == PDK_LEARNER_BROADCAST;
    switch (e->kind) {
    case PDK_ZAB_SEND: send_up(box, &box->links[s->link], e->bytes); return;
    case PDK_ZAB_CLOSE:
        pdk_zabbox_learner_leaves(&box->links[s->link]);
        pdk_zabbox_free_link(&box->links[s->link]);
        s->link = PDK_ZABBOX_NO_LINK;
        return;
    case PDK_ZAB_DIAL:
        s->dials = true;
        s->dial_ms = box->now_ms + (int64_t)pdk_zabbox_below(box, 20);
        return;
    case PDK_ZAB_APPEND:
        pdk_zabbox_append(s, (struct pdk_zabbox_entry){
                                 e->zxid, pdk_load_u64(e->bytes.bytes + PDK_TXN_HEADER_LEN)});
        return;
    case PDK_ZAB_TRUNCATE:
        pdk_zabbox_add_job(s, (struct pdk_zabbox_job){.kind = PDK_ZAB_TRUNCATE, .zxid = e->zxid});
        box->truncs++;
        return;
    case PDK_ZAB_SPOOL_BEGIN:
        s->spools = true;
        pdk_buf_clear(&s->spool);
        return;
    case PDK_ZAB_SPOOL_ADD: pdk_put_raw(&s->spool, e->bytes.bytes, e->bytes.len); return;
    case PDK_ZAB_SPOOL_END: install(s); return;
    case PDK_ZAB_STORE_ACCEPTED: store(s, e->epoch, false); return;
    case PDK_ZAB_STORE_CURRENT: store(s, e->epoch, true); return;
    case PDK_ZAB_COMMIT: pdk_zabbox_apply(s, e->zxid, serves); return;
    case PDK_ZAB_SERVE: serve(s, e->epoch); return;
    case PDK_ZAB_PACKET: answer_ping(s, &e->packet); return;
    case PDK_ZAB_LOG: pdk_zabbox_tell(s, "follows:", e->bytes); return;
    case PDK_ZAB_LOST:
        pdk_zabbox_tell(s, "follows no more:", e->bytes);
        s->over = true;
        return;
    default: return;
    }
}

void pdk_zabbox_end_role(struct pdk_zabbox_server *s)
{
    if (s->learner != NULL) s->untrusted = pdk_learner_untrusted(s->learner);
    pdk_leader_destroy(s->leader);
    pdk_learner_destroy(s->learner);
    s->leader = NULL;
    s->learner = NULL;
    s->follows = NULL;
    s->link = PDK_ZABBOX_NO_LINK;
    s->over = s->serves = s->renews = s->dials = s->spools = false;
    s->box->losses++;
}

void pdk_zabbox_run(struct pdk_zabbox_server *s)
{
    struct pdk_zab_effect e;
    while (s->leader != NULL && pdk_leader_next(s->leader, &e)) carry_out_leaders(s, &e);
    while (s->learner != NULL && pdk_learner_next(s->learner, &e)) carry_out_learners(s, &e);
    if (s->over) pdk_zabbox_end_role(s);
}

/* ---- the disk -------------------------------------------------------------------------------- */

static bool cut(struct pdk_zabbox_server *s, pdk_zxid zxid)
{
    size_t count = pdk_zabbox_count_to(&s->disk, zxid);
    if (count < s->tree_count) return false;
    s->disk.count = count;
    return true;
}

/* On the disk; false: it could not be done. */
bool pdk_zabbox_carry_out_job(struct pdk_zabbox_server *s, struct pdk_zabbox_job *job)
{
    switch (job->kind) {
    case PDK_ZAB_APPEND: pdk_zabbox_push(&s->disk, job->entry); return true;
    case PDK_ZAB_TRUNCATE: return cut(s, job->zxid);
    default:
        pdk_zabbox_discard(&s->disk);
        s->disk = job->tree;
        job->tree = (struct pdk_zabbox_log){0};
        s->tree_count = s->disk.count;
        return true;
    }
}

void pdk_zabbox_forget_jobs(struct pdk_zabbox_server *s, size_t count)
{
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) pdk_zabbox_discard(&s->jobs[i].tree);
    memmove(s->jobs, s->jobs + count, (s->job_count - count) * sizeof *s->jobs);
    s->job_count -= count;
}

/* Some of what waits is written with one sync. */
static void sync_log(struct pdk_zabbox_server *s)
{
    size_t most = 1 + (size_t)pdk_zabbox_below(s->box, s->job_count), done = 0;
    while (done < most && s->jobs[done].kind == PDK_ZAB_APPEND) {
        (void)pdk_zabbox_carry_out_job(s, &s->jobs[done]);
        s->durable = s->jobs[done++].entry.zxid;
    }
    bool loads = done == 0, ok = true;
    if (loads) {
        ok = pdk_zabbox_carry_out_job(s, &s->jobs[0]);
        if (ok) pdk_zabbox_remember_disk(s);
        done = 1;
    }
    pdk_zabbox_forget_jobs(s, done);
    pdk_zabbox_check_survival(s->box);
    if (s->leader != NULL) pdk_leader_durable(s->leader, s->box->now_ms, s->durable);
    if (s->learner == NULL) return;
    if (loads)
        pdk_learner_loaded(s->learner, s->box->now_ms, ok, pdk_zabbox_last_of(&s->log));
    else
        pdk_learner_durable(s->learner, s->box->now_ms, s->durable);
}

static void sync_epoch(struct pdk_zabbox_server *s, bool is_current)
{
    int64_t *slot = is_current ? &s->storing_current : &s->storing_accepted;
    int64_t epoch = *slot;
    *slot = 0;
    if (is_current)
        s->current = s->known_current = epoch;
    else
        s->accepted = s->known_accepted = epoch;
    pdk_zabbox_check_survival(s->box);
    if (s->leader != NULL) pdk_leader_stored(s->leader, s->box->now_ms, epoch, is_current);
    if (s->learner != NULL) pdk_learner_stored(s->learner, s->box->now_ms, epoch, is_current);
}

void pdk_zabbox_move_disk(struct pdk_zabbox_server *s)
{
    uint64_t what = pdk_zabbox_below(s->box, 3);
    if (what == 0 && s->storing_accepted != 0)
        sync_epoch(s, false);
    else if (what == 1 && s->storing_current != 0 && !(s->behind_log && s->job_count > 0))
        sync_epoch(s, true);
    else if (s->job_count > 0)
        sync_log(s);
    pdk_zabbox_run(s);
}

/* ---- roles ----------------------------------------------------------------------------------- */

static const struct pdk_zab_limits limits = {.tick_ms = TICK_MS,
                                             .init_limit = 10,
                                             .sync_limit = 5,
                                             .packet_field_bytes = PDK_ZABBOX_FIELD_BYTES};

static void lead(struct pdk_zabbox_server *s)
{
    const struct pdk_leader_config config = {
        .mem = pdk_mem_heap(),
        .me = s->sid,
        .limits = limits,
        .committed = s->box->members,
        .accepted_epoch = s->known_accepted,
        .current_epoch = s->known_current,
        .force_snapshot = s->box->options.force_snapshot,
        .snapshot_size_factor = s->box->options.use_disk ? 0 : -1,
        .max_snap_syncs = 10,
        .max_diff_syncs = 100,
        .max_wait_for_epoch_ms = -1,
        .history = s->history,
        .applied = &s->applied_zxid,
        .log_is_durable = s->job_count == 0,
    };
    pdk_zabbox_tell_zxid(s, "leads with", pdk_zabbox_last_of(&s->log));
    s->leader = pdk_leader_create(&config, s->box->now_ms);
    s->box->terms++;
    pdk_zabbox_run(s);
}

static void follow(struct pdk_zabbox_server *s, struct pdk_zabbox_server *leader)
{
    const struct pdk_learner_config config = {
        .mem = pdk_mem_heap(),
        .me = s->sid,
        .leader = leader->sid,
        .is_observer = !s->votes,
        .limits = limits,
        .committed = s->box->members,
        .accepted_epoch = s->known_accepted,
        .current_epoch = s->known_current,
        .last = s->untrusted ? -1 : pdk_zabbox_last_of(&s->log),
        .log_is_durable = s->job_count == 0,
        .history = s->history,
        .snapshot_entry_bytes = PDK_ZABBOX_FIELD_BYTES,
    };
    s->follows = leader;
    s->learner = pdk_learner_create(&config, s->box->now_ms);
    pdk_zabbox_run(s);
}

bool pdk_zabbox_looks(const struct pdk_zabbox_server *s)
{
    bool loads = s->job_count > 0 && s->jobs[s->job_count - 1].kind != PDK_ZAB_APPEND;
    return s->up && s->leader == NULL && s->learner == NULL && !loads && s->storing_accepted == 0 &&
           s->storing_current == 0;
}

static bool is_better(const struct pdk_zabbox_server *a, const struct pdk_zabbox_server *b)
{
    if (a->known_current != b->known_current) return a->known_current > b->known_current;
    if (pdk_zabbox_last_of(&a->log) != pdk_zabbox_last_of(&b->log))
        return pdk_zabbox_last_of(&a->log) > pdk_zabbox_last_of(&b->log);
    return a->sid > b->sid;
}

/* Some of those that look find each other.  The best of a majority leads: others who come may have
 * more. */
void pdk_zabbox_elect(struct pdk_zabbox *box)
{
    struct pdk_zabbox_server *found[PDK_ZABBOX_SERVERS], *best = NULL;
    size_t voters = box->options.voters, count = 0;
    size_t first = (size_t)pdk_zabbox_below(box, voters);
    for (size_t i = 0; i < voters; i++) {
        struct pdk_zabbox_server *s = &box->servers[(first + i) % voters];
        if (!pdk_zabbox_looks(s) || s->untrusted || pdk_zabbox_one_in(box, 4)) continue;
        if (count * 2 <= voters && (best == NULL || is_better(s, best))) best = s;
        found[count++] = s;
    }
    if (count * 2 <= voters) return;
    lead(best);
    for (size_t i = 0; i < count; i++) {
        if (found[i] != best) follow(found[i], best);
    }
}

/* One that looks finds a leader that is there. */
void pdk_zabbox_join(struct pdk_zabbox *box)
{
    struct pdk_zabbox_server *s = &box->servers[pdk_zabbox_below(box, box->server_count)];
    struct pdk_zabbox_server *leader = &box->servers[pdk_zabbox_below(box, box->options.voters)];
    if (pdk_zabbox_looks(s) && leader != s && leader->leader != NULL) follow(s, leader);
}

void pdk_zabbox_dial(struct pdk_zabbox_server *s)
{
    struct pdk_zabbox *box = s->box;
    if (!s->dials || box->now_ms < s->dial_ms) return;
    s->dials = false;
    struct pdk_zabbox_server *leader = s->follows;
    bool there = leader->leader != NULL && !pdk_zabbox_one_in(box, 10);
    uint32_t link = PDK_ZABBOX_NO_LINK;
    if (there) {
        link = new_link(box);
        struct pdk_zabbox_link *k = &box->links[link];
        k->leader = leader;
        k->learner = s;
        k->leader_has = k->learner_has = true;
        s->link = link;
        pdk_leader_accepted(leader->leader, box->now_ms, link, pdk_slice_str("peer"));
        pdk_zabbox_run(leader);
    }
    pdk_learner_dialled(s->learner, box->now_ms, there, link);
    pdk_zabbox_run(s);
}
