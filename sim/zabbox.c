#include "sim/zabbox.h"

#include "core/store/store.h"
#include "jute/records.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 100
#define FIELD_BYTES ((size_t)1 << 20)
#define NO_LINK PDK_ZABBOX_LINKS
#define TXN_BYTES (PDK_TXN_HEADER_LEN + 8)

typedef struct pdk_zabbox_server server;
typedef struct pdk_zabbox_log history_log;

static uint64_t below(struct pdk_zabbox *box, uint64_t bound)
{
    return pdk_prng_below(&box->g, bound);
}
static bool one_in(struct pdk_zabbox *box, uint64_t n) { return below(box, n) == 0; }

static void wrong(struct pdk_zabbox *box, const char *format, ...) PDK_PRINTF(2, 3);
static void wrong(struct pdk_zabbox *box, const char *format, ...)
{
    if (box->wrong[0] != 0) return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(box->wrong, sizeof box->wrong, format, args);
    va_end(args);
}

/* What happens, for who repeats a seed. */
static void tell(const server *s, const char *what, struct pdk_slice text)
{
    if (s->box->tells)
        (void)printf("%6lld s%lld %s %.*s\n", (long long)s->box->now_ms, (long long)s->sid, what,
                     (int)text.len, (const char *)text.bytes);
}
static void tell_zxid(const server *s, const char *what, pdk_zxid zxid)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%llx", (unsigned long long)zxid);
    tell(s, what, pdk_slice_of(text, (size_t)n));
}

/* ---- logs ------------------------------------------------------------------------------------ */

static void push(history_log *log, struct pdk_zabbox_entry entry)
{
    if (log->count == log->cap) {
        log->cap = log->cap > 0 ? log->cap * 2 : 64;
        log->items = pdk_mem_must_resize(pdk_mem_heap(), log->items, log->cap * sizeof *log->items);
    }
    log->items[log->count++] = entry;
}

static void copy(history_log *to, const history_log *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) push(to, from->items[i]);
}

static void discard(history_log *log)
{
    pdk_mem_free(pdk_mem_heap(), log->items);
    *log = (history_log){0};
}

static pdk_zxid last_of(const history_log *log)
{
    return log->count > 0 ? log->items[log->count - 1].zxid : 0;
}

/* How many entries are at or below `zxid`. */
static size_t count_to(const history_log *log, pdk_zxid zxid)
{
    size_t n = log->count;
    while (n > 0 && log->items[n - 1].zxid > zxid) n--;
    return n;
}

static bool same(const struct pdk_zabbox_entry *a, const struct pdk_zabbox_entry *b)
{
    return a->zxid == b->zxid && a->id == b->id;
}

/* ---- what must hold -------------------------------------------------------------------------- */

static bool has_all(const struct pdk_zabbox *box, const server *s)
{
    size_t n = box->committed.count;
    return n == 0 ||
           (s->disk.count >= n && same(&s->disk.items[n - 1], &box->committed.items[n - 1]));
}

static bool beats(const server *a, const server *b)
{
    if (a->current != b->current) return a->current > b->current;
    if (last_of(&a->disk) != last_of(&b->disk)) return last_of(&a->disk) > last_of(&b->disk);
    return a->sid > b->sid;
}

/* If all crash now: whoever comes back, the best of them has everything. */
static void check_survival(struct pdk_zabbox *box)
{
    size_t voters = box->options.voters;
    for (unsigned set = 1; set < 1u << voters; set++) {
        const server *best = NULL;
        size_t count = 0;
        for (size_t i = 0; i < voters; i++) {
            if ((set >> i & 1) == 0) continue;
            count++;
            if (best == NULL || beats(&box->servers[i], best)) best = &box->servers[i];
        }
        if (count * 2 <= voters || has_all(box, best)) continue;
        wrong(box,
              "committed 0x%llx is lost if only servers of set %x come back: %lld leads, 0x%llx",
              (unsigned long long)last_of(&box->committed), set, (long long)best->sid,
              (unsigned long long)last_of(&best->disk));
        return;
    }
}

/* Entries [from, s->applied) are committed, as `s` says. */
static void check_committed(struct pdk_zabbox *box, const server *s, size_t from)
{
    for (size_t i = from; i < s->applied; i++) {
        if (i == box->committed.count && s->leader != NULL) {
            push(&box->committed, s->log.items[i]);
        } else if (i >= box->committed.count) {
            wrong(box, "server %lld applies 0x%llx, which nobody has committed", (long long)s->sid,
                  (unsigned long long)s->log.items[i].zxid);
            return;
        } else if (!same(&s->log.items[i], &box->committed.items[i])) {
            wrong(box, "server %lld has another 0x%llx committed at %zu than 0x%llx",
                  (long long)s->sid, (unsigned long long)s->log.items[i].zxid, i,
                  (unsigned long long)box->committed.items[i].zxid);
            return;
        }
    }
    if (s->leader == NULL) return;
    if (s->applied < box->committed.count)
        wrong(box, "leader %lld lacks what was committed", (long long)s->sid);
    check_survival(box);
}

static void check_one_leader(struct pdk_zabbox *box, const server *s, int64_t epoch)
{
    PDK_ASSERT(epoch > 0 && epoch < PDK_ZABBOX_EPOCHS);
    if (box->leaders[epoch].life != 0 &&
        (box->leaders[epoch].sid != s->sid || box->leaders[epoch].life != s->lives))
        wrong(box, "two leaders serve in epoch %lld: %lld and %lld", (long long)epoch,
              (long long)box->leaders[epoch].sid, (long long)s->sid);
    box->leaders[epoch].sid = s->sid;
    box->leaders[epoch].life = s->lives;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void put_txn(uint8_t *txn, struct pdk_zabbox_entry entry)
{
    memset(txn, 0, TXN_BYTES);
    pdk_store_u64(txn + 12, (uint64_t)entry.zxid);
    pdk_store_u64(txn + PDK_TXN_HEADER_LEN, entry.id);
}

static void add_to_history(server *s, struct pdk_zabbox_entry entry)
{
    uint8_t *record = pdk_history_add(s->history, entry.zxid, TXN_BYTES);
    put_txn(record + PDK_LOG_HEAD_BYTES, entry);
    pdk_log_frame(record, TXN_BYTES);
}

/* As a start or a loaded tree leaves it: everything on the disk is applied. */
static void remember_disk(server *s)
{
    copy(&s->log, &s->disk);
    s->applied = s->log.count;
    s->applied_zxid = s->durable = last_of(&s->log);
    size_t keep = s->box->options.keep_count, first = s->tree_count;
    if (s->log.count > keep && s->log.count - keep > first) first = s->log.count - keep;
    pdk_history_reset(s->history, first > 0 ? s->log.items[first - 1].zxid : 0);
    for (size_t i = first; i < s->log.count; i++) add_to_history(s, s->log.items[i]);
}

static void add_job(server *s, struct pdk_zabbox_job job)
{
    if (s->job_count == s->job_cap) {
        s->job_cap = s->job_cap > 0 ? s->job_cap * 2 : 64;
        s->jobs = pdk_mem_must_resize(pdk_mem_heap(), s->jobs, s->job_cap * sizeof *s->jobs);
    }
    s->jobs[s->job_count++] = job;
}

static void append(server *s, struct pdk_zabbox_entry entry)
{
    if (!pdk_zxid_follows(last_of(&s->log), entry.zxid))
        wrong(s->box, "server %lld logs 0x%llx behind 0x%llx", (long long)s->sid,
              (unsigned long long)entry.zxid, (unsigned long long)last_of(&s->log));
    if (s->box->wrong[0] != 0) return;
    push(&s->log, entry);
    add_to_history(s, entry);
    add_job(s, (struct pdk_zabbox_job){.kind = PDK_ZAB_APPEND, .entry = entry});
}

static void apply(server *s, pdk_zxid zxid, bool counts)
{
    size_t from = s->applied, to = count_to(&s->log, zxid);
    if (to > from) {
        s->applied = to;
        s->applied_zxid = s->log.items[to - 1].zxid;
    }
    if (counts) check_committed(s->box, s, from);
    pdk_zxid done = s->applied_zxid < s->durable ? s->applied_zxid : s->durable;
    pdk_history_release(s->history, done);
}

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

static void free_link(struct pdk_zabbox_link *k)
{
    if (!k->used || k->leader_has || k->learner_has || k->streams || k->finds) return;
    pdk_buf_deinit(&k->up);
    pdk_buf_deinit(&k->down);
    k->used = false;
}

/* One end is gone: the other reads what is still on its way, or less. */
static void leader_leaves(struct pdk_zabbox_link *k)
{
    k->leader_has = k->streams = k->finds = false;
    k->down_ends = true;
    k->up.len = 0;
}
static void learner_leaves(struct pdk_zabbox_link *k)
{
    k->learner_has = false;
    k->up_ends = true;
    k->down.len = 0;
}

/* A release of Apache's does not say that it is a Paddock. */
static void send_up(struct pdk_zabbox *box, struct pdk_zabbox_link *k, struct pdk_slice bytes)
{
    struct pdk_qpacket p;
    size_t used;
    if (box->options.like_apache &&
        pdk_qpacket_read(bytes, FIELD_BYTES, &p, &used) == PDK_QFOUND_PACKET &&
        (p.type == PDK_Q_FOLLOWERINFO || p.type == PDK_Q_OBSERVERINFO)) {
        p.data.len -= 4;
        pdk_put_qpacket_whole(&k->up, &p);
        return;
    }
    pdk_put_raw(&k->up, bytes.bytes, bytes.len);
}

/* ---- trees on the wire: one znode whose data lists the history -------------------------------- */

static void put_tree(struct pdk_buf *b, const server *s)
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

static void read_tree(const server *s, history_log *tree)
{
    struct pdk_reader r = pdk_reader_of(pdk_buf_slice(&s->spool));
    (void)pdk_read_i64(&r);
    (void)pdk_read_bytes(&r);
    struct pdk_reader data = pdk_reader_of(pdk_read_bytes(&r));
    while (pdk_reader_left(&data) > 0) {
        struct pdk_zabbox_entry e = {.zxid = pdk_read_i64(&data)};
        e.id = (uint64_t)pdk_read_i64(&data);
        push(tree, e);
    }
}

/* ---- the leader's effects -------------------------------------------------------------------- */

static void stream_log(server *s, const struct pdk_zab_effect *e)
{
    struct pdk_buf *down = &s->box->links[e->link].down;
    for (size_t i = count_to(&s->disk, e->zxid); i < count_to(&s->disk, e->until); i++) {
        uint8_t txn[TXN_BYTES];
        put_txn(txn, s->disk.items[i]);
        pdk_zxid zxid = s->disk.items[i].zxid;
        pdk_put_qpacket(down, PDK_Q_PROPOSAL, zxid, pdk_slice_of(txn, sizeof txn));
        pdk_put_qpacket(down, PDK_Q_COMMIT, zxid, pdk_slice_null());
    }
    s->box->links[e->link].streams = true;
}

static void store(server *s, int64_t epoch, bool is_current)
{
    int64_t *slot = is_current ? &s->storing_current : &s->storing_accepted;
    if (epoch > *slot) *slot = epoch;
}

static void serve(server *s, int64_t epoch)
{
    s->serves = true;
    s->renews = false;
    s->box->serves++;
    tell_zxid(s, "serves with", last_of(&s->log));
    if (s->leader != NULL) check_one_leader(s->box, s, epoch);
    check_committed(s->box, s, 0);
}

static void carry_out_leaders(server *s, const struct pdk_zab_effect *e)
{
    struct pdk_zabbox_link *links = s->box->links;
    switch (e->kind) {
    case PDK_ZAB_SEND:
        for (size_t i = 0; i < e->link_count; i++)
            pdk_put_raw(&links[e->links[i]].down, e->bytes.bytes, e->bytes.len);
        return;
    case PDK_ZAB_CLOSE:
        leader_leaves(&links[e->link]);
        free_link(&links[e->link]);
        return;
    case PDK_ZAB_FIND:
        links[e->link].finds = true;
        links[e->link].find = e->zxid;
        return;
    case PDK_ZAB_STREAM_LOG: stream_log(s, e); return;
    case PDK_ZAB_STREAM_VIEW:
        put_tree(&links[e->link].down, s);
        links[e->link].streams = true;
        return;
    case PDK_ZAB_STORE_ACCEPTED: store(s, e->epoch, false); return;
    case PDK_ZAB_STORE_CURRENT: store(s, e->epoch, true); return;
    case PDK_ZAB_COMMIT:
        /* Before, it is what the leader brought, and not yet committed. */
        apply(s, e->zxid, pdk_leader_phase(s->leader) == PDK_LEADER_BROADCAST);
        return;
    case PDK_ZAB_SERVE: serve(s, e->epoch); return;
    case PDK_ZAB_LOG: tell(s, "leads:", e->bytes); return;
    case PDK_ZAB_LOST:
        tell(s, "leads no more:", e->bytes);
        s->over = true;
        return;
    default: return;
    }
}

/* ---- the learner's effects ------------------------------------------------------------------- */

static void answer_ping(server *s, const struct pdk_qpacket *p)
{
    if (p->type == PDK_Q_PING)
        pdk_learner_send(s->learner, PDK_Q_PING, p->zxid, pdk_slice_of("", 0), pdk_slice_null());
}

static void install(server *s)
{
    struct pdk_zabbox_job job = {.kind = PDK_ZAB_SPOOL_END};
    read_tree(s, &job.tree);
    add_job(s, job);
    s->spools = false;
    s->box->snaps++;
}

static void carry_out_learners(server *s, const struct pdk_zab_effect *e)
{
    struct pdk_zabbox *box = s->box;
    bool serves = pdk_learner_phase(s->learner) == PDK_LEARNER_BROADCAST;
    switch (e->kind) {
    case PDK_ZAB_SEND: send_up(box, &box->links[s->link], e->bytes); return;
    case PDK_ZAB_CLOSE:
        learner_leaves(&box->links[s->link]);
        free_link(&box->links[s->link]);
        s->link = NO_LINK;
        return;
    case PDK_ZAB_DIAL:
        s->dials = true;
        s->dial_ms = box->now_ms + (int64_t)below(box, 20);
        return;
    case PDK_ZAB_APPEND:
        append(s, (struct pdk_zabbox_entry){e->zxid,
                                            pdk_load_u64(e->bytes.bytes + PDK_TXN_HEADER_LEN)});
        return;
    case PDK_ZAB_TRUNCATE:
        add_job(s, (struct pdk_zabbox_job){.kind = PDK_ZAB_TRUNCATE, .zxid = e->zxid});
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
    case PDK_ZAB_COMMIT: apply(s, e->zxid, serves); return;
    case PDK_ZAB_SERVE: serve(s, e->epoch); return;
    case PDK_ZAB_PACKET: answer_ping(s, &e->packet); return;
    case PDK_ZAB_LOG: tell(s, "follows:", e->bytes); return;
    case PDK_ZAB_LOST:
        tell(s, "follows no more:", e->bytes);
        s->over = true;
        return;
    default: return;
    }
}

static void end_role(server *s)
{
    if (s->learner != NULL) s->untrusted = pdk_learner_untrusted(s->learner);
    pdk_leader_destroy(s->leader);
    pdk_learner_destroy(s->learner);
    s->leader = NULL;
    s->learner = NULL;
    s->follows = NULL;
    s->link = NO_LINK;
    s->over = s->serves = s->renews = s->dials = s->spools = false;
    s->box->losses++;
}

static void run(server *s)
{
    struct pdk_zab_effect e;
    while (s->leader != NULL && pdk_leader_next(s->leader, &e)) carry_out_leaders(s, &e);
    while (s->learner != NULL && pdk_learner_next(s->learner, &e)) carry_out_learners(s, &e);
    if (s->over) end_role(s);
}

/* ---- the disk -------------------------------------------------------------------------------- */

static bool cut(server *s, pdk_zxid zxid)
{
    size_t count = count_to(&s->disk, zxid);
    if (count < s->tree_count) return false;
    s->disk.count = count;
    return true;
}

/* On the disk; false: it could not be done. */
static bool carry_out_job(server *s, struct pdk_zabbox_job *job)
{
    switch (job->kind) {
    case PDK_ZAB_APPEND: push(&s->disk, job->entry); return true;
    case PDK_ZAB_TRUNCATE: return cut(s, job->zxid);
    default:
        discard(&s->disk);
        s->disk = job->tree;
        job->tree = (history_log){0};
        s->tree_count = s->disk.count;
        return true;
    }
}

static void forget_jobs(server *s, size_t count)
{
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) discard(&s->jobs[i].tree);
    memmove(s->jobs, s->jobs + count, (s->job_count - count) * sizeof *s->jobs);
    s->job_count -= count;
}

/* Some of what waits is written with one sync. */
static void sync_log(server *s)
{
    size_t most = 1 + (size_t)below(s->box, s->job_count), done = 0;
    while (done < most && s->jobs[done].kind == PDK_ZAB_APPEND) {
        (void)carry_out_job(s, &s->jobs[done]);
        s->durable = s->jobs[done++].entry.zxid;
    }
    bool loads = done == 0, ok = true;
    if (loads) {
        ok = carry_out_job(s, &s->jobs[0]);
        if (ok) remember_disk(s);
        done = 1;
    }
    forget_jobs(s, done);
    check_survival(s->box);
    if (s->leader != NULL) pdk_leader_durable(s->leader, s->box->now_ms, s->durable);
    if (s->learner == NULL) return;
    if (loads)
        pdk_learner_loaded(s->learner, s->box->now_ms, ok, last_of(&s->log));
    else
        pdk_learner_durable(s->learner, s->box->now_ms, s->durable);
}

static void sync_epoch(server *s, bool is_current)
{
    int64_t *slot = is_current ? &s->storing_current : &s->storing_accepted;
    int64_t epoch = *slot;
    *slot = 0;
    if (is_current)
        s->current = s->known_current = epoch;
    else
        s->accepted = s->known_accepted = epoch;
    check_survival(s->box);
    if (s->leader != NULL) pdk_leader_stored(s->leader, s->box->now_ms, epoch, is_current);
    if (s->learner != NULL) pdk_learner_stored(s->learner, s->box->now_ms, epoch, is_current);
}

static void move_disk(server *s)
{
    uint64_t what = below(s->box, 3);
    if (what == 0 && s->storing_accepted != 0)
        sync_epoch(s, false);
    else if (what == 1 && s->storing_current != 0)
        sync_epoch(s, true);
    else if (s->job_count > 0)
        sync_log(s);
    run(s);
}

/* ---- roles ----------------------------------------------------------------------------------- */

static const struct pdk_zab_limits limits = {
    .tick_ms = TICK_MS, .init_limit = 10, .sync_limit = 5, .packet_field_bytes = FIELD_BYTES};

static void lead(server *s)
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
    tell_zxid(s, "leads with", last_of(&s->log));
    s->leader = pdk_leader_create(&config, s->box->now_ms);
    s->box->terms++;
    run(s);
}

static void follow(server *s, server *leader)
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
        .last = s->untrusted ? -1 : last_of(&s->log),
        .log_is_durable = s->job_count == 0,
        .history = s->history,
        .snapshot_entry_bytes = FIELD_BYTES,
    };
    s->follows = leader;
    s->learner = pdk_learner_create(&config, s->box->now_ms);
    run(s);
}

static bool looks(const server *s)
{
    bool loads = s->job_count > 0 && s->jobs[s->job_count - 1].kind != PDK_ZAB_APPEND;
    return s->up && s->leader == NULL && s->learner == NULL && !loads && s->storing_accepted == 0 &&
           s->storing_current == 0;
}

static bool is_better(const server *a, const server *b)
{
    if (a->known_current != b->known_current) return a->known_current > b->known_current;
    if (last_of(&a->log) != last_of(&b->log)) return last_of(&a->log) > last_of(&b->log);
    return a->sid > b->sid;
}

/* Some of those that look find each other. */
static void elect(struct pdk_zabbox *box)
{
    server *found[PDK_ZABBOX_SERVERS], *best = NULL;
    size_t count = 0;
    for (size_t i = 0; i < box->options.voters; i++) {
        server *s = &box->servers[i];
        if (!looks(s) || s->untrusted || one_in(box, 4)) continue;
        found[count++] = s;
        if (best == NULL || is_better(s, best)) best = s;
    }
    if (count * 2 <= box->options.voters) return;
    lead(best);
    for (size_t i = 0; i < count; i++) {
        if (found[i] != best) follow(found[i], best);
    }
}

/* One that looks finds a leader that is there. */
static void join(struct pdk_zabbox *box)
{
    server *s = &box->servers[below(box, box->server_count)];
    server *leader = &box->servers[below(box, box->options.voters)];
    if (looks(s) && leader != s && leader->leader != NULL) follow(s, leader);
}

static void dial(server *s)
{
    struct pdk_zabbox *box = s->box;
    if (!s->dials || box->now_ms < s->dial_ms) return;
    s->dials = false;
    server *leader = s->follows;
    bool there = leader->leader != NULL && !one_in(box, 10);
    uint32_t link = NO_LINK;
    if (there) {
        link = new_link(box);
        struct pdk_zabbox_link *k = &box->links[link];
        k->leader = leader;
        k->learner = s;
        k->leader_has = k->learner_has = true;
        s->link = link;
        pdk_leader_accepted(leader->leader, box->now_ms, link, pdk_slice_str("peer"));
        run(leader);
    }
    pdk_learner_dialled(s->learner, box->now_ms, there, link);
    run(s);
}

/* ---- what happens ---------------------------------------------------------------------------- */

static bool is_paused(const server *s) { return s->box->now_ms < s->paused_until_ms; }

static size_t piece(struct pdk_zabbox *box, size_t len)
{
    switch (below(box, 3)) {
    case 0: return len;
    case 1: return 1 + (size_t)below(box, len);
    default: return pdk_min_size(len, 1 + (size_t)below(box, 40));
    }
}

/* What was not taken is offered again with more. */
static void take(struct pdk_buf *b, size_t used)
{
    if (used == 0) return;
    memmove(b->bytes, b->bytes + used, b->len - used);
    b->len -= used;
}

/* A piece of what waits, in a buffer of its own, because sending may move the other one. */
static struct pdk_buf piece_of(struct pdk_zabbox *box, const struct pdk_buf *b)
{
    struct pdk_buf bytes;
    pdk_buf_init(&bytes, pdk_mem_heap(), SIZE_MAX);
    if (b->len > 0) pdk_put_raw(&bytes, b->bytes, piece(box, b->len));
    return bytes;
}

static void deliver_down(struct pdk_zabbox *box, struct pdk_zabbox_link *k)
{
    server *s = k->learner;
    if (!k->learner_has || is_paused(s)) return;
    struct pdk_buf bytes = piece_of(box, &k->down);
    size_t used = pdk_learner_bytes(s->learner, box->now_ms, pdk_buf_slice(&bytes));
    run(s);
    if (k->learner_has) take(&k->down, used);
    if (k->learner_has && k->down_ends && used == 0 && bytes.len == k->down.len) {
        learner_leaves(k);
        pdk_learner_closed(s->learner, box->now_ms);
        run(s);
        free_link(k);
    }
    pdk_buf_deinit(&bytes);
}

static void deliver_up(struct pdk_zabbox *box, struct pdk_zabbox_link *k)
{
    server *s = k->leader;
    if (!k->leader_has || is_paused(s)) return;
    uint32_t link = (uint32_t)(k - box->links);
    struct pdk_buf bytes = piece_of(box, &k->up);
    size_t used = pdk_leader_bytes(s->leader, box->now_ms, link, pdk_buf_slice(&bytes));
    run(s);
    if (k->leader_has) take(&k->up, used);
    if (k->leader_has && k->up_ends && used == 0 && bytes.len == k->up.len) {
        leader_leaves(k);
        pdk_leader_closed(s->leader, box->now_ms, link);
        run(s);
        free_link(k);
    }
    pdk_buf_deinit(&bytes);
}

static void answer_find(struct pdk_zabbox *box, struct pdk_zabbox_link *k, uint32_t link)
{
    const server *s = k->leader;
    size_t count = count_to(&s->disk, k->find);
    /* What is only in the tree is not in the log. */
    struct pdk_sync_query q = {
        .disk_known = true, .disk_reaches = count > s->tree_count, .disk_bytes = 100};
    if (q.disk_reaches) q.disk_at = s->disk.items[count - 1].zxid;
    k->finds = false;
    pdk_leader_found(s->leader, box->now_ms, link, &q);
}

/* NULL: there is none. */
static struct pdk_zabbox_link *any_link(struct pdk_zabbox *box)
{
    size_t used = 0;
    for (size_t i = 0; i < PDK_ZABBOX_LINKS; i++) used += box->links[i].used;
    if (used == 0) return NULL;
    size_t skip = (size_t)below(box, used), i = 0;
    while (!box->links[i].used || skip-- > 0) i++;
    return &box->links[i];
}

static void deliver(struct pdk_zabbox *box)
{
    struct pdk_zabbox_link *k = any_link(box);
    if (k == NULL) return;
    uint32_t link = (uint32_t)(k - box->links);
    if (k->leader_has && (k->finds || k->streams) && !is_paused(k->leader)) {
        server *s = k->leader;
        if (k->finds) {
            answer_find(box, k, link);
        } else {
            k->streams = false;
            pdk_leader_streamed(s->leader, box->now_ms, link, true);
        }
        run(s);
    }
    if (one_in(box, 2))
        deliver_down(box, k);
    else
        deliver_up(box, k);
}

static void propose(struct pdk_zabbox *box)
{
    server *s = &box->servers[below(box, box->server_count)];
    if (s->leader == NULL || !s->serves || s->renews || is_paused(s) || box->options.quiet) return;
    int64_t epoch = pdk_leader_epoch(s->leader);
    for (uint64_t n = 1 + below(box, 4); n > 0; n--) {
        pdk_zxid last = last_of(&s->log);
        pdk_zxid zxid = PDK_ZXID_EPOCH(last) == epoch ? last + 1 : pdk_zxid_of(epoch, 1);
        append(s, (struct pdk_zabbox_entry){zxid, ++box->next_id});
    }
    pdk_leader_propose(s->leader, box->now_ms, last_of(&s->log));
    run(s);
}

static void tick(struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        server *s = &box->servers[i];
        if (!s->up || is_paused(s)) continue;
        if (s->leader != NULL && box->now_ms >= pdk_leader_deadline(s->leader))
            pdk_leader_tick(s->leader, box->now_ms);
        if (s->learner != NULL && box->now_ms >= pdk_learner_deadline(s->learner))
            pdk_learner_tick(s->learner, box->now_ms);
        run(s);
        if (s->learner != NULL) dial(s);
    }
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void start(server *s)
{
    s->up = true;
    s->lives++;
    tell_zxid(s, "starts with", last_of(&s->disk));
    s->untrusted = false;
    s->known_accepted = s->accepted;
    s->known_current = s->current;
    remember_disk(s);
}

static void crash(server *s)
{
    struct pdk_zabbox *box = s->box;
    if (!s->up) return;
    for (size_t i = 0; i < PDK_ZABBOX_LINKS; i++) {
        struct pdk_zabbox_link *k = &box->links[i];
        if (k->used && k->leader_has && k->leader == s) leader_leaves(k);
        if (k->used && k->learner_has && k->learner == s) learner_leaves(k);
        free_link(k);
    }
    end_role(s);
    tell_zxid(s, "crashes with", last_of(&s->log));
    s->up = false;
    box->crashes++;
    /* Some of what was on its way has arrived. */
    size_t kept = (size_t)below(box, s->job_count + 1);
    for (size_t i = 0; i < kept; i++) (void)carry_out_job(s, &s->jobs[i]);
    forget_jobs(s, s->job_count);
    if (s->storing_accepted != 0 && one_in(box, 2)) s->accepted = s->storing_accepted;
    if (s->storing_current != 0 && one_in(box, 2)) s->current = s->storing_current;
    s->storing_accepted = s->storing_current = 0;
    check_survival(box);
}

static void cut_link(struct pdk_zabbox *box)
{
    struct pdk_zabbox_link *k = any_link(box);
    if (k == NULL) return;
    if (k->up.len > 0) k->up.len = (size_t)below(box, k->up.len + 1);
    if (k->down.len > 0) k->down.len = (size_t)below(box, k->down.len + 1);
    k->up_ends = k->down_ends = true;
    box->cuts++;
}

static void disturb(struct pdk_zabbox *box)
{
    server *s = &box->servers[below(box, box->server_count)];
    switch (below(box, 12)) {
    case 0:
    case 1: crash(s); return;
    case 2:
    case 3:
    case 4:
    case 5: cut_link(box); return;
    case 6: s->paused_until_ms = box->now_ms + (int64_t)below(box, 800); return;
    case 7:
        if (s->leader == NULL || !s->serves || s->renews || !box->options.renews) return;
        if (s->applied != s->log.count) return;
        s->renews = true;
        pdk_leader_renew(s->leader, box->now_ms);
        run(s);
        return;
    case 8:
        if (s->leader == NULL || !s->serves || s->renews || !one_in(box, 4)) return;
        s->renews = true; /* nothing is proposed any more */
        pdk_leader_retire(s->leader, box->now_ms, PDK_SID_NONE);
        run(s);
        return;
    default:
        if (!s->up) start(s);
        return;
    }
}

void pdk_zabbox_step(struct pdk_zabbox *box)
{
    box->now_ms += (int64_t)below(box, 3);
    uint64_t what = below(box, 100);
    if (what < 45)
        deliver(box);
    else if (what < 45 + box->options.disk_percent) {
        server *s = &box->servers[below(box, box->server_count)];
        if (s->up && !is_paused(s)) move_disk(s);
    } else if (what < 75)
        tick(box);
    else if (what < 90)
        propose(box);
    else if (what < 94)
        elect(box);
    else if (what < 98)
        join(box);
    else if (box->options.faults)
        disturb(box);
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct pdk_members *make_members(const struct pdk_zabbox *box)
{
    struct pdk_buf text;
    struct pdk_members *m;
    struct pdk_diag diag;
    pdk_buf_init(&text, pdk_mem_heap(), SIZE_MAX);
    for (size_t i = 0; i < box->server_count; i++)
        pdk_put_text(&text, "server.%zu=h%zu:1:2:%s\n", i + 1, i + 1,
                     i < box->options.voters ? "participant" : "observer");
    PDK_ASSERT(pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&text), 0, &m, &diag) == PDK_OK);
    pdk_buf_deinit(&text);
    return m;
}

void pdk_zabbox_init(struct pdk_zabbox *box, uint64_t seed, bool tells)
{
    *box = (struct pdk_zabbox){.now_ms = 1000, .tells = tells};
    pdk_prng_init(&box->g, seed);
    struct pdk_zabbox_options *o = &box->options;
    o->voters = one_in(box, 3) ? 5 : 3;
    o->observers = o->voters == 3 ? (size_t)below(box, 2) : 0;
    o->keep_count = (size_t)below(box, 12);
    o->use_disk = !one_in(box, 3);
    o->force_snapshot = one_in(box, 8);
    o->like_apache = one_in(box, 4);
    o->renews = !o->like_apache;
    o->faults = true;
    o->disk_percent = one_in(box, 3) ? 3 : 20;
    box->server_count = o->voters + o->observers;
    box->members = make_members(box);
    for (size_t i = 0; i < box->server_count; i++) {
        server *s = &box->servers[i];
        s->box = box;
        s->sid = (pdk_sid)i + 1;
        s->votes = i < o->voters;
        s->link = NO_LINK;
        s->history = pdk_history_create(pdk_mem_heap(), o->keep_count, 0);
        pdk_buf_init(&s->spool, pdk_mem_heap(), SIZE_MAX);
        start(s);
    }
}

void pdk_zabbox_deinit(struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        server *s = &box->servers[i];
        end_role(s);
        forget_jobs(s, s->job_count);
        discard(&s->disk);
        discard(&s->log);
        pdk_mem_free(pdk_mem_heap(), s->jobs);
        pdk_history_destroy(s->history);
        pdk_buf_deinit(&s->spool);
    }
    for (size_t i = 0; i < PDK_ZABBOX_LINKS; i++) {
        if (!box->links[i].used) continue;
        pdk_buf_deinit(&box->links[i].up);
        pdk_buf_deinit(&box->links[i].down);
    }
    discard(&box->committed);
    pdk_members_drop(box->members);
}

static bool all_are_equal(const struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        const server *s = &box->servers[i];
        if (!s->serves || s->applied != box->committed.count) return false;
    }
    return true;
}

bool pdk_zabbox_settle(struct pdk_zabbox *box, size_t steps)
{
    box->options.faults = false;
    box->options.disk_percent = 20;
    size_t before = box->committed.count;
    for (size_t i = 0; i < box->server_count; i++) {
        box->servers[i].paused_until_ms = 0;
        if (!box->servers[i].up) start(&box->servers[i]);
    }
    for (size_t i = 0; i < steps && box->wrong[0] == 0; i++) {
        pdk_zabbox_step(box);
        box->options.quiet = box->committed.count > before;
        if (box->options.quiet && all_are_equal(box)) return true;
    }
    wrong(box, "no progress: %zu committed, %zu before", box->committed.count, before);
    return false;
}
