/* Whole ensembles of both machines from seeds: links that cut and break anywhere, disks that are
 * slow and lose what was not synced, power that fails, leaders that retire, change their epoch or
 * are forgotten.  Elections and nodes are a few lines each.  A server's tree is the list of its
 * transactions; a snapshot is that list in a znode.
 *
 * What must hold at every moment: what is committed anywhere is on the disks of a quorum, in one
 * order, and in the history of everybody who serves; an epoch has one leader; a confirmation speaks
 * the truth.  When the faults end, everybody serves the same. */
#include "base/prng.h"
#include "core/quorum/testing.h"
#include "core/zab/leader.h"
#include "core/zab/learner.h"
#include "core/zab/testing.h"

enum { SERVERS = 4, VOTERS = 3, LINKS = 64, JOBS = 64, TXNS = 4000, FAULTY = 6000, CALM = 8000 };
#define BODY 8

static const char members_text[] =
    "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2:observer\nversion=0";

struct txn {
    pdk_zxid zxid;
    uint64_t value;
};

enum job_kind { JOB_SYNC, JOB_ACCEPTED, JOB_CURRENT, JOB_TRUNCATE, JOB_INSTALL };
struct job {
    enum job_kind kind;
    int64_t epoch;
    pdk_zxid zxid;
};

struct server {
    pdk_sid sid;
    bool up;
    /* the disk */
    struct txn *log;
    size_t len, synced;
    int64_t accepted, current;
    bool rotten; /* the log must not be trusted */
    /* the process */
    struct job jobs[JOBS];
    size_t job_count;
    struct pdk_history *history;
    pdk_zxid applied, told; /* told: as committed */
    struct pdk_leader *leader;
    struct pdk_learner *learner;
    pdk_sid leader_sid;
    bool wants_dial, serves, renewing, retiring;
    int64_t serving_epoch;
    pdk_zxid spool_zxid;
    struct pdk_buf spool;
    size_t asked[4]; /* committed anywhere when round n was asked for, n modulo 4 */
};

struct link {
    bool open, holds; /* holds: a stream of the leader's comes first */
    bool from_log;
    struct server *learner, *leader;
    struct pdk_buf up, down, held; /* to the leader, to the learner */
    bool finds;
    pdk_zxid find_zxid;
};

static struct {
    struct pdk_prng prng;
    uint64_t seed;
    int64_t now_ms;
    struct server servers[SERVERS + 1];
    struct link links[LINKS];
    struct txn committed[TXNS];
    size_t committed_len;
    pdk_sid leader_of[1000]; /* of an epoch */
    struct pdk_members *members;
    bool calm;
    struct {
        size_t serves, trunc, snap, log, renewals, retired, confirmed, lost;
    } seen;
} w;

static uint64_t below(uint64_t n) { return pdk_prng_below(&w.prng, n); }
static bool chance(uint64_t one_in) { return below(one_in) == 0; }
#define CHECK(what) \
    do { \
        if (!(what)) fail_msg("seed %llu: %s", (unsigned long long)w.seed, #what); \
    } while (0)

/* ---- the disk and the tree ------------------------------------------------------------------- */

static pdk_zxid last_of(const struct server *s) { return s->len > 0 ? s->log[s->len - 1].zxid : 0; }

/* How many transactions of the log are at or below `zxid`. */
static size_t upto(const struct server *s, pdk_zxid zxid)
{
    size_t n = s->len;
    while (n > 0 && s->log[n - 1].zxid > zxid) n--;
    return n;
}

static void put_txn(uint8_t *bytes, const struct txn *t)
{
    test_fill_txn(bytes, t->zxid, BODY);
    pdk_store_u64(bytes + PDK_TXN_HEADER_LEN, t->value);
}

static void remember(struct server *s, const struct txn *t)
{
    uint8_t *record = pdk_history_add(s->history, t->zxid, TEST_TXN_LEN(BODY));
    put_txn(record + PDK_LOG_HEAD_BYTES, t);
    pdk_log_frame(record, TEST_TXN_LEN(BODY));
}

static void job(struct server *s, enum job_kind kind, int64_t epoch, pdk_zxid zxid)
{
    struct job *last = s->job_count > 0 ? &s->jobs[s->job_count - 1] : NULL;
    if (kind == JOB_SYNC && last != NULL && last->kind == JOB_SYNC) {
        last->zxid = zxid;
        return;
    }
    CHECK(s->job_count < JOBS);
    s->jobs[s->job_count++] = (struct job){kind, epoch, zxid};
}

static void append(struct server *s, const struct txn *t)
{
    CHECK(s->len < TXNS);
    s->log[s->len++] = *t;
    remember(s, t);
    job(s, JOB_SYNC, 0, t->zxid);
}

/* Memory begins a few transactions before the end. */
static void rebuild_history(struct server *s)
{
    size_t from = s->len - pdk_min_size(s->len, below(6));
    pdk_history_reset(s->history, from > 0 ? s->log[from - 1].zxid : 0);
    for (size_t i = from; i < s->len; i++) remember(s, &s->log[i]);
}

/* Everything up to `zxid` is committed, says this server. */
static void check_committed(struct server *s, pdk_zxid zxid)
{
    size_t n = upto(s, zxid);
    CHECK(n > 0 || zxid == 0);
    CHECK(n == 0 || s->log[n - 1].zxid == zxid);
    for (size_t i = 0; i < n; i++) {
        if (i < w.committed_len) {
            CHECK(s->log[i].zxid == w.committed[i].zxid);
            CHECK(s->log[i].value == w.committed[i].value);
            continue;
        }
        int disks = 0;
        for (int v = 1; v <= VOTERS; v++) {
            const struct server *o = &w.servers[v];
            disks += i < o->synced && o->log[i].value == s->log[i].value;
        }
        CHECK(disks > VOTERS / 2);
        w.committed[w.committed_len++] = s->log[i];
    }
}

/* ---- streams --------------------------------------------------------------------------------- */

static struct link *link_of(uint32_t number)
{
    CHECK(number < LINKS);
    return &w.links[number];
}

static void put_view(struct pdk_buf *b, const struct server *s)
{
    size_t n = upto(s, s->applied);
    pdk_put_i32(b, 0); /* sessions */
    pdk_put_i32(b, 0); /* ACLs */
    pdk_put_bytes(b, pdk_slice_str(""));
    pdk_put_i32(b, (int32_t)(n * sizeof *s->log));
    pdk_put_raw(b, s->log, n * sizeof *s->log);
    memset(pdk_buf_add(b, 8 + 60), 0, 8 + 60); /* ACL, stat */
    pdk_put_bytes(b, pdk_slice_str("/"));
    pdk_put_bytes(b, pdk_slice_str("BenWasHere"));
}

static void put_log(struct pdk_buf *b, const struct server *s, pdk_zxid after, pdk_zxid until)
{
    for (size_t i = upto(s, after); i < upto(s, until); i++) {
        uint8_t txn[TEST_TXN_LEN(BODY)];
        put_txn(txn, &s->log[i]);
        pdk_put_qpacket(b, PDK_Q_PROPOSAL, s->log[i].zxid, pdk_slice_of(txn, sizeof txn));
        pdk_put_qpacket(b, PDK_Q_COMMIT, s->log[i].zxid, pdk_slice_null());
    }
}

/* ---- effects --------------------------------------------------------------------------------- */

static void run(struct server *s);
static void end_role(struct server *s);

/* The learner learns that its link is no more. */
static void cut_at_learner(struct link *k)
{
    struct server *s = k->learner;
    k->learner = NULL;
    if (s == NULL || s->learner == NULL) return;
    pdk_learner_closed(s->learner, w.now_ms);
    run(s);
}

/* Both do; the leader may be left to find out by itself before. */
static void cut(struct link *k)
{
    if (!k->open) return;
    k->open = false;
    uint32_t number = (uint32_t)(k - w.links);
    if (k->leader->leader != NULL && pdk_leader_knows(k->leader->leader, number)) {
        pdk_leader_closed(k->leader->leader, w.now_ms, number);
        run(k->leader);
    }
    cut_at_learner(k);
}

static struct link *link_to_leader(const struct server *s)
{
    for (size_t i = 0; i < LINKS; i++) {
        if (w.links[i].open && w.links[i].learner == s) return &w.links[i];
    }
    return NULL;
}

static void begin_serving(struct server *s, int64_t epoch)
{
    s->serves = true;
    s->serving_epoch = epoch;
    s->renewing = false;
    w.seen.serves++;
    check_committed(s, s->told);
    if (s->leader == NULL) return;
    CHECK(w.leader_of[epoch] == 0 || w.leader_of[epoch] == s->sid);
    CHECK(w.leader_of[epoch] == 0);
    w.leader_of[epoch] = s->sid;
    CHECK(s->len >= w.committed_len);
}

static void take_append(struct server *s, const struct pdk_zab_effect *e)
{
    struct txn t = {e->zxid, pdk_load_u64(e->bytes.bytes + PDK_TXN_HEADER_LEN)};
    append(s, &t);
}

static void send(const struct server *s, const struct pdk_zab_effect *e)
{
    for (size_t i = 0; i < e->link_count; i++) {
        if (s->leader == NULL) {
            struct link *k = link_to_leader(s);
            if (k != NULL) pdk_put_raw(&k->up, e->bytes.bytes, e->bytes.len);
            continue;
        }
        struct link *k = link_of(e->links[i]);
        pdk_put_raw(k->holds ? &k->held : &k->down, e->bytes.bytes, e->bytes.len);
    }
}

static void stream(const struct server *s, const struct pdk_zab_effect *e)
{
    struct link *k = link_of(e->link);
    CHECK(!k->holds);
    k->holds = true;
    k->from_log = e->kind == PDK_ZAB_STREAM_LOG;
    if (k->from_log) {
        w.seen.log++;
        put_log(&k->down, s, e->zxid, e->until);
    } else {
        w.seen.snap++;
        put_view(&k->down, s);
    }
}

static void commit(struct server *s, pdk_zxid zxid)
{
    CHECK(zxid >= s->told);
    s->told = zxid;
    if (zxid > s->applied) s->applied = zxid;
    if (s->serves) check_committed(s, zxid);
    pdk_history_release(s->history, zxid);
}

static void carry_out(struct server *s, const struct pdk_zab_effect *e)
{
    switch (e->kind) {
    case PDK_ZAB_SEND: send(s, e); return;
    case PDK_ZAB_CLOSE:
        if (s->leader != NULL)
            cut(link_of(e->link));
        else if (link_to_leader(s) != NULL)
            cut(link_to_leader(s));
        return;
    case PDK_ZAB_DIAL: s->wants_dial = true; return;
    case PDK_ZAB_FIND:
        link_of(e->link)->finds = true;
        link_of(e->link)->find_zxid = e->zxid;
        return;
    case PDK_ZAB_STREAM_LOG:
    case PDK_ZAB_STREAM_VIEW: stream(s, e); return;
    case PDK_ZAB_STORE_ACCEPTED: job(s, JOB_ACCEPTED, e->epoch, 0); return;
    case PDK_ZAB_STORE_CURRENT: job(s, JOB_CURRENT, e->epoch, 0); return;
    case PDK_ZAB_APPEND: take_append(s, e); return;
    case PDK_ZAB_TRUNCATE:
        w.seen.trunc++;
        job(s, JOB_TRUNCATE, 0, e->zxid);
        return;
    case PDK_ZAB_SPOOL_BEGIN:
        s->spool_zxid = e->zxid;
        pdk_buf_clear(&s->spool);
        return;
    case PDK_ZAB_SPOOL_ADD: pdk_put_raw(&s->spool, e->bytes.bytes, e->bytes.len); return;
    case PDK_ZAB_SPOOL_END: job(s, JOB_INSTALL, 0, s->spool_zxid); return;
    case PDK_ZAB_COMMIT: commit(s, e->zxid); return;
    case PDK_ZAB_SERVE: begin_serving(s, e->epoch); return;
    case PDK_ZAB_LOST:
        w.seen.lost++;
        end_role(s);
        return;
    case PDK_ZAB_PACKET:
        if (s->learner != NULL && e->packet.type == PDK_Q_PING)
            pdk_learner_send(s->learner, PDK_Q_PING, e->packet.zxid, pdk_slice_str(""),
                             pdk_slice_null());
        return;
    case PDK_ZAB_CONFIRMED:
        w.seen.confirmed++;
        CHECK(upto(s, INT64_MAX) >= s->asked[e->round % 4]);
        for (size_t i = 0; i < s->asked[e->round % 4]; i++)
            CHECK(s->log[i].value == w.committed[i].value);
        return;
    default: return;
    }
}

static void run(struct server *s)
{
    struct pdk_zab_effect e;
    while ((s->leader != NULL && pdk_leader_next(s->leader, &e)) ||
           (s->learner != NULL && pdk_learner_next(s->learner, &e)))
        carry_out(s, &e);
}

/* ---- roles ----------------------------------------------------------------------------------- */

static void close_links(struct server *s)
{
    for (size_t i = 0; i < LINKS; i++) {
        if (w.links[i].open && (w.links[i].learner == s || w.links[i].leader == s))
            cut(&w.links[i]);
    }
}

static void end_role(struct server *s)
{
    if (s->learner != NULL) s->rotten = pdk_learner_untrusted(s->learner);
    struct pdk_leader *leader = s->leader;
    struct pdk_learner *learner = s->learner;
    s->leader = NULL;
    s->learner = NULL;
    s->serves = s->wants_dial = s->renewing = s->retiring = false;
    s->leader_sid = 0;
    s->told = 0;
    close_links(s);
    pdk_leader_destroy(leader);
    pdk_learner_destroy(learner);
}

static const struct pdk_zab_limits limits = {
    .tick_ms = 100, .init_limit = 10, .sync_limit = 5, .packet_field_bytes = 1 << 20};

static bool all_synced(const struct server *s) { return s->synced == s->len; }

static void lead(struct server *s)
{
    struct pdk_leader_config config = {.mem = pdk_mem_heap(),
                                       .me = s->sid,
                                       .limits = limits,
                                       .committed = w.members,
                                       .accepted_epoch = s->accepted,
                                       .current_epoch = s->current,
                                       .snapshot_size_factor = chance(4) ? -1 : 0,
                                       .max_snap_syncs = 10,
                                       .max_diff_syncs = 10,
                                       .max_wait_for_epoch_ms = -1,
                                       .history = s->history,
                                       .applied = &s->applied,
                                       .log_is_durable = all_synced(s),
                                       .force_snapshot = chance(8)};
    s->leader_sid = s->sid;
    s->leader = pdk_leader_create(&config, w.now_ms);
    run(s);
}

static void follow(struct server *s, pdk_sid leader)
{
    struct pdk_learner_config config = {.mem = pdk_mem_heap(),
                                        .me = s->sid,
                                        .leader = leader,
                                        .is_observer = s->sid > VOTERS,
                                        .limits = limits,
                                        .committed = w.members,
                                        .accepted_epoch = s->accepted,
                                        .current_epoch = s->current,
                                        .last = s->rotten ? -1 : last_of(s),
                                        .log_is_durable = all_synced(s),
                                        .history = s->history,
                                        .snapshot_entry_bytes = 1 << 20};
    s->leader_sid = leader;
    s->learner = pdk_learner_create(&config, w.now_ms);
    run(s);
}

static bool looks(const struct server *s)
{
    return s->up && s->leader == NULL && s->learner == NULL && s->job_count == 0;
}

static bool better(const struct server *a, const struct server *b)
{
    if (a->current != b->current) return a->current > b->current;
    if (last_of(a) != last_of(b)) return last_of(a) > last_of(b);
    return a->sid > b->sid;
}

/* Those that look join somebody who leads, or a quorum of them takes its best. */
static void elect(void)
{
    struct server *best = NULL;
    int voters = 0;
    for (int i = 1; i <= SERVERS; i++) {
        struct server *s = &w.servers[i];
        if (!looks(s) || (!w.calm && chance(3))) continue;
        const struct server *l = &w.servers[1 + below(VOTERS)];
        if (l->leader != NULL && (s->sid > VOTERS || l->serves || chance(2))) {
            follow(s, l->sid);
            continue;
        }
        if (s->sid > VOTERS || s->rotten) continue;
        voters++;
        if (best == NULL || better(s, best)) best = s;
    }
    if (voters > VOTERS / 2) lead(best);
}

static void power_on(struct server *s)
{
    s->up = true;
    s->applied = last_of(s);
    s->told = 0;
    rebuild_history(s);
}

static void power_off(struct server *s)
{
    s->job_count = 0;
    s->up = false;
    end_role(s);
    /* Of what was not synced a beginning may have reached the disk. */
    s->len = s->synced + (s->len > s->synced ? below(s->len - s->synced + 1) : 0);
    s->synced = s->len;
}

/* ---- what may happen ------------------------------------------------------------------------- */

static void install(struct server *s, pdk_zxid zxid)
{
    const uint8_t *at = s->spool.bytes + 12;
    size_t len = pdk_load_u32(at);
    memcpy(s->log, at + 4, len);
    s->len = s->synced = len / sizeof *s->log;
    s->applied = zxid;
    rebuild_history(s);
    pdk_history_reset(s->history, zxid);
    if (s->learner != NULL) pdk_learner_loaded(s->learner, w.now_ms, true, zxid);
}

static void truncate_log(struct server *s, pdk_zxid zxid)
{
    bool possible = !chance(10);
    if (possible) {
        s->len = s->synced = upto(s, zxid);
        s->applied = last_of(s);
        s->told = 0;
        rebuild_history(s);
        pdk_history_reset(s->history, last_of(s));
    }
    if (s->learner != NULL) pdk_learner_loaded(s->learner, w.now_ms, possible, last_of(s));
}

static void do_job(struct server *s)
{
    if (s->job_count == 0) return;
    struct job j = s->jobs[0];
    memmove(s->jobs, s->jobs + 1, --s->job_count * sizeof *s->jobs);
    switch (j.kind) {
    case JOB_SYNC:
        s->synced = upto(s, j.zxid);
        if (s->leader != NULL) pdk_leader_durable(s->leader, w.now_ms, j.zxid);
        if (s->learner != NULL) pdk_learner_durable(s->learner, w.now_ms, j.zxid);
        break;
    case JOB_ACCEPTED:
        CHECK(j.epoch > s->accepted && j.epoch < 1000);
        s->accepted = j.epoch;
        break;
    case JOB_CURRENT:
        CHECK(j.epoch <= s->accepted);
        s->current = j.epoch;
        break;
    case JOB_TRUNCATE: truncate_log(s, j.zxid); break;
    case JOB_INSTALL: install(s, j.zxid); break;
    }
    if (j.epoch > 0 && s->leader != NULL)
        pdk_leader_stored(s->leader, w.now_ms, j.epoch, j.kind == JOB_CURRENT);
    if (j.epoch > 0 && s->learner != NULL)
        pdk_learner_stored(s->learner, w.now_ms, j.epoch, j.kind == JOB_CURRENT);
    run(s);
}

static void dial(struct server *s)
{
    struct server *l = &w.servers[s->leader_sid];
    size_t number = 0;
    while (number < LINKS && (w.links[number].open || w.links[number].finds)) number++;
    s->wants_dial = false;
    if (l->leader == NULL || (!w.calm && chance(4)) || number == LINKS) {
        pdk_learner_dialled(s->learner, w.now_ms, false, 0);
        run(s);
        return;
    }
    struct link *k = &w.links[number];
    pdk_buf_clear(&k->up);
    pdk_buf_clear(&k->down);
    pdk_buf_clear(&k->held);
    k->open = true;
    k->holds = false;
    k->learner = s;
    k->leader = l;
    pdk_leader_accepted(l->leader, w.now_ms, (uint32_t)number, pdk_slice_str("10.0.0.1"));
    run(l);
    if (!k->open || s->learner == NULL) return;
    pdk_learner_dialled(s->learner, w.now_ms, true, 1);
    run(s);
}

static void take(struct pdk_buf *b, size_t taken)
{
    memmove(b->bytes, b->bytes + taken, b->len - taken);
    b->len -= taken;
}

/* Some of the bytes that are under way arrive. */
static void deliver(struct link *k)
{
    struct server *l = k->leader, *s = k->learner;
    uint32_t number = (uint32_t)(k - w.links);
    struct pdk_buf *b = chance(2) ? &k->up : &k->down;
    if (b->len == 0 || s == NULL) return;
    struct pdk_slice part = pdk_slice_of(b->bytes, chance(3) ? 1 + below(b->len) : b->len);
    struct pdk_buf copy; /* effects may put more behind it */
    pdk_buf_init(&copy, pdk_mem_heap(), SIZE_MAX);
    pdk_put_raw(&copy, part.bytes, part.len);
    size_t taken = b == &k->up ? pdk_leader_bytes(l->leader, w.now_ms, number, pdk_buf_slice(&copy))
                               : pdk_learner_bytes(s->learner, w.now_ms, pdk_buf_slice(&copy));
    take(b, taken);
    run(b == &k->up ? l : s);
    pdk_buf_deinit(&copy);
}

static void let_go(struct link *k, uint32_t number)
{
    struct server *l = k->leader;
    if (!k->holds || l->leader == NULL) return;
    bool ok = w.calm || !chance(10);
    k->holds = false;
    pdk_put_raw(&k->down, k->held.bytes, k->held.len);
    pdk_buf_clear(&k->held);
    pdk_leader_streamed(l->leader, w.now_ms, number, ok);
    run(l);
}

static void answer_find(struct link *k, uint32_t number)
{
    struct server *l = k->leader;
    k->finds = false;
    if (l->leader == NULL) return;
    size_t n = upto(l, k->find_zxid);
    struct pdk_sync_query disk = {.disk_reaches = n > 0 && !chance(4),
                                  .disk_at = n > 0 ? l->log[n - 1].zxid : 0};
    pdk_leader_found(l->leader, w.now_ms, number, &disk);
    run(l);
}

static void happen_on_link(uint32_t number)
{
    struct link *k = link_of(number);
    if (k->finds && chance(3)) answer_find(k, number);
    if (!k->open) return;
    if (k->learner == NULL && chance(100))
        cut(k);
    else if (!w.calm && chance(300))
        chance(2) ? cut(k) : cut_at_learner(k);
    else if (k->holds && chance(5))
        let_go(k, number);
    else
        deliver(k);
}

static void propose(struct server *s)
{
    pdk_zxid last = last_of(s);
    if (PDK_ZXID_EPOCH(last) < s->serving_epoch) last = ZXID(s->serving_epoch, 0);
    for (uint64_t n = 1 + below(3); n > 0; n--) {
        struct txn t = {++last, pdk_prng_next(&w.prng)};
        append(s, &t);
    }
    pdk_leader_propose(s->leader, w.now_ms, last);
    run(s);
}

static void lead_on(struct server *s)
{
    if (s->renewing || s->retiring) return;
    bool wants_renewal = pdk_leader_wants_renewal(s->leader);
    if (s->len < TXNS - 10 && !chance(3) && !wants_renewal) {
        propose(s);
    } else if (chance(2)) {
        uint64_t round = pdk_leader_confirm(s->leader, w.now_ms);
        s->asked[round % 4] = w.committed_len;
        run(s);
    } else if (s->told == last_of(s) && (wants_renewal || (!w.calm && chance(20)))) {
        s->renewing = true;
        w.seen.renewals++;
        pdk_leader_renew(s->leader, w.now_ms);
        run(s);
    } else if (!w.calm && chance(40)) {
        s->retiring = true;
        w.seen.retired++;
        pdk_leader_retire(s->leader, w.now_ms, PDK_SID_NONE);
        run(s);
    }
}

static void happen_on_server(struct server *s)
{
    if (!s->up) {
        if (w.calm || chance(20)) power_on(s);
        return;
    }
    if (!w.calm && chance(400)) {
        power_off(s);
        return;
    }
    if (chance(2)) do_job(s);
    if (s->wants_dial) dial(s);
    if (s->leader != NULL && s->serves && chance(3)) lead_on(s);
    if (s->leader != NULL && pdk_leader_deadline(s->leader) <= w.now_ms)
        pdk_leader_tick(s->leader, w.now_ms);
    if (s->learner != NULL && pdk_learner_deadline(s->learner) <= w.now_ms)
        pdk_learner_tick(s->learner, w.now_ms);
    run(s);
}

static void step(void)
{
    w.now_ms += (int64_t)below(3);
    happen_on_server(&w.servers[1 + below(SERVERS)]);
    for (uint32_t i = 0; i < LINKS; i++) happen_on_link(i);
    if (chance(5)) elect();
}

static void run_seed(uint64_t seed)
{
    size_t was = w.seen.serves;
    w.seed = seed;
    w.now_ms = 1000;
    w.committed_len = 0;
    w.calm = false;
    memset(w.leader_of, 0, sizeof w.leader_of);
    pdk_prng_init(&w.prng, seed);
    w.members = pdk_members_of_text(members_text);
    for (int i = 1; i <= SERVERS; i++) {
        struct server *s = &w.servers[i];
        *s = (struct server){.sid = i};
        s->log = pdk_mem_must_zero(pdk_mem_heap(), TXNS, sizeof *s->log);
        s->history = pdk_history_create(pdk_mem_heap(), 1 + below(20), 0);
        pdk_buf_init(&s->spool, pdk_mem_heap(), SIZE_MAX);
        power_on(s);
    }
    for (int i = 0; i < FAULTY; i++) step();
    w.calm = true;
    for (int i = 0; i < CALM; i++) step();
    CHECK(w.seen.serves > was && w.committed_len > 0);
    for (int i = 1; i <= SERVERS; i++) {
        struct server *s = &w.servers[i];
        CHECK(s->serves);
        CHECK(upto(s, s->told) + 50 > w.committed_len);
    }
    for (int i = 1; i <= SERVERS; i++) {
        struct server *s = &w.servers[i];
        power_off(s);
        pdk_history_destroy(s->history);
        pdk_buf_deinit(&s->spool);
        pdk_mem_free(pdk_mem_heap(), s->log);
    }
    pdk_members_drop(w.members);
}

static void seeds(uint64_t from, uint64_t count)
{
    for (size_t i = 0; i < LINKS; i++) {
        pdk_buf_init(&w.links[i].up, pdk_mem_heap(), SIZE_MAX);
        pdk_buf_init(&w.links[i].down, pdk_mem_heap(), SIZE_MAX);
        pdk_buf_init(&w.links[i].held, pdk_mem_heap(), SIZE_MAX);
    }
    for (uint64_t seed = from; seed < from + count; seed++) run_seed(seed);
    for (size_t i = 0; i < LINKS; i++) {
        pdk_buf_deinit(&w.links[i].up);
        pdk_buf_deinit(&w.links[i].down);
        pdk_buf_deinit(&w.links[i].held);
    }
}

static void ensembles_lose_nothing_and_agree(void **state)
{
    (void)state;
    const char *from = getenv("SEED"), *count = getenv("SEEDS");
    seeds(from != NULL ? strtoull(from, NULL, 10) : 1,
          count != NULL ? strtoull(count, NULL, 10) : 40);
    print_message("served %zu times, lost %zu roles; %zu TRUNC, %zu SNAP, %zu from the log; "
                  "%zu renewals, %zu retirements, %zu confirmations\n",
                  w.seen.serves, w.seen.lost, w.seen.trunc, w.seen.snap, w.seen.log,
                  w.seen.renewals, w.seen.retired, w.seen.confirmed);
    if (from != NULL) return;
    assert_true(w.seen.trunc > 0 && w.seen.snap > 0 && w.seen.log > 0 && w.seen.confirmed > 0);
    assert_true(w.seen.renewals > 0 && w.seen.retired > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ensembles_lose_nothing_and_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
