/* The plan, first case by case, then over everything that three servers can come to in three epochs
 * of at most two transactions each (see `struct server`), next to Apache's table. */
#include "base/map.h"
#include "core/zab/plan.h"
#include "core/zab/testing.h"

#define FAR ((size_t)1 << 40)

/* ---- case by case ---------------------------------------------------------------------------- */

/* base 3:7 | 3:8 3:9 | 5:1 5:2 5:3, committed up to 5:2 */
static struct pdk_history *two_epochs(void)
{
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 500, FAR);
    pdk_history_reset(h, ZXID(3, 7));
    for (uint32_t i = 8; i <= 9; i++) test_add(h, ZXID(3, i), 0);
    for (uint32_t i = 1; i <= 3; i++) test_add(h, ZXID(5, i), 0);
    return h;
}

enum { NO_DISK, ASK_DISK, FOUND, TOO_LARGE, NOT_REACHED };
#define DIFF PDK_SYNC_DIFF
#define TRUNC PDK_SYNC_TRUNC
#define SNAP PDK_SYNC_SNAP
#define LOOK PDK_SYNC_LOOK

static void memory_and_disk_decide_case_by_case(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        pdk_zxid peer;
        bool is_paddock;
        int disk;
        pdk_zxid disk_at;
        enum pdk_sync_kind want;
        pdk_zxid zxid, after, until;
        size_t from;
    } cases[] = {
        {"has all that is committed", ZXID(5, 2), 0, 0, 0, DIFF, ZXID(5, 2), 0, 0, 4},
        {"is behind, in memory", ZXID(3, 8), 0, 0, 0, DIFF, ZXID(5, 2), 0, 0, 1},
        {"stands at the base", ZXID(3, 7), 0, 0, 0, DIFF, ZXID(5, 2), 0, 0, 0},
        {"has what is outstanding", ZXID(5, 3), 0, 0, 0, TRUNC, ZXID(5, 2), 0, 0, 4},
        {"has what is outstanding, ours", ZXID(5, 3), 1, 0, 0, TRUNC, ZXID(5, 2), 0, 0, 4},
        {"has what nobody has", ZXID(5, 9), 0, 0, 0, TRUNC, ZXID(5, 2), 0, 0, 4},
        {"newer epoch", ZXID(6, 1), 0, 0, 0, SNAP, 0, 0, 0, 0},
        {"newer epoch, ours", ZXID(6, 1), 1, 0, 0, SNAP, 0, 0, 0, 0},
        {"began an epoch of no transactions", ZXID(4, 0), 0, 0, 0, DIFF, ZXID(5, 2), 0, 0, 2},
        {"began our last epoch", ZXID(5, 0), 0, 0, 0, DIFF, ZXID(5, 2), 0, 0, 2},
        {"began an epoch later than all we have", ZXID(6, 0), 0, 0, 0, DIFF, ZXID(6, 0), 0, 0, 4},
        {"deposed leader", ZXID(3, 11), 0, 0, 0, SNAP, 0, 0, 0, 0},
        {"deposed leader, ours", ZXID(3, 11), 1, 0, 0, TRUNC, ZXID(3, 9), 0, 0, 2},
        {"of an epoch that we never saw", ZXID(4, 2), 1, 0, 0, SNAP, 0, 0, 0, 0},
        {"trusts nothing", -1, 1, ASK_DISK, 0, SNAP, 0, 0, 0, 0},
        {"behind memory, log not to be read", ZXID(3, 6), 0, NO_DISK, 0, SNAP, 0, 0, 0, 0},
        {"behind memory", ZXID(3, 6), 0, ASK_DISK, 0, LOOK, 0, 0, 0, 0},
        {"log does not reach back", ZXID(3, 1), 0, NOT_REACHED, 0, SNAP, 0, 0, 0, 0},
        {"log is larger than the tree", ZXID(3, 1), 0, TOO_LARGE, ZXID(3, 1), SNAP, 0, 0, 0, 0},
        {"found in the log", ZXID(3, 1), 0, FOUND, ZXID(3, 1), DIFF, ZXID(5, 2), ZXID(3, 1),
         ZXID(3, 7), 0},
        {"began an epoch before memory", ZXID(3, 0), 0, FOUND, ZXID(2, 4), DIFF, ZXID(5, 2),
         ZXID(3, 0), ZXID(3, 7), 0},
        {"nothing at all, log from the start", 0, 0, NOT_REACHED, 0, SNAP, 0, 0, 0, 0},
        {"deposed long ago", ZXID(2, 9), 0, FOUND, ZXID(2, 4), SNAP, 0, 0, 0, 0},
        {"deposed long ago, ours", ZXID(2, 9), 1, FOUND, ZXID(2, 4), TRUNC, ZXID(2, 4), ZXID(2, 4),
         ZXID(3, 7), 0},
        {"deposed, epoch not in the log", ZXID(2, 9), 1, FOUND, ZXID(1, 4), SNAP, 0, 0, 0, 0},
    };
    struct pdk_history *h = two_epochs();
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_sync_query q = {
            .peer = cases[i].peer,
            .is_paddock = cases[i].is_paddock,
            .committed = ZXID(5, 2),
            .history = h,
            .use_disk = cases[i].disk != NO_DISK,
            .snapshot_size_factor = 0.33,
            .disk_known = cases[i].disk >= FOUND,
            .disk_reaches = cases[i].disk != NOT_REACHED,
            .disk_at = cases[i].disk_at,
            .disk_bytes = cases[i].disk == TOO_LARGE ? 34 : 33,
            .snapshot_bytes = 100,
        };
        struct pdk_sync_plan p = pdk_sync_plan(&q);
        if (p.kind != cases[i].want || p.zxid != cases[i].zxid || p.disk_after != cases[i].after ||
            p.disk_until != cases[i].until || p.from != cases[i].from)
            fail_msg("%s: kind %d zxid %llx disk %llx to %llx from %zu", cases[i].why, (int)p.kind,
                     (unsigned long long)p.zxid, (unsigned long long)p.disk_after,
                     (unsigned long long)p.disk_until, p.from);
    }
    pdk_history_destroy(h);
}

static void a_forced_snapshot_is_a_snapshot(void **state)
{
    (void)state;
    struct pdk_history *h = two_epochs();
    struct pdk_sync_query q = {
        .peer = ZXID(5, 2), .committed = ZXID(5, 2), .history = h, .force_snapshot = true};
    assert_int_equal(pdk_sync_plan(&q).kind, PDK_SYNC_SNAP);
    pdk_history_destroy(h);
}

static void ours_with_what_is_outstanding_cuts_nothing_whatever_is_forced(void **state)
{
    (void)state;
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 500, FAR);
    pdk_history_reset(h, ZXID(3, 0));
    test_add(h, ZXID(4, 1), 0);
    test_add(h, ZXID(4, 2), 0);
    struct pdk_sync_query q = {.peer = ZXID(4, 1),
                               .is_paddock = true,
                               .committed = ZXID(3, 0),
                               .history = h,
                               .force_snapshot = true};
    struct pdk_sync_plan plan = pdk_sync_plan(&q);
    assert_int_equal(plan.kind, PDK_SYNC_TRUNC);
    assert_int_equal(plan.zxid, ZXID(3, 0));
    assert_int_equal(plan.from, 0);
    q.is_paddock = false;
    assert_int_equal(pdk_sync_plan(&q).kind, PDK_SYNC_SNAP);
    pdk_history_destroy(h);
}

static void log_of_any_size_is_read_without_a_factor_or_a_snapshot(void **state)
{
    (void)state;
    struct pdk_history *h = two_epochs();
    struct pdk_sync_query q = {.peer = ZXID(3, 1),
                               .committed = ZXID(5, 2),
                               .history = h,
                               .use_disk = true,
                               .disk_known = true,
                               .disk_reaches = true,
                               .disk_at = ZXID(3, 1),
                               .disk_bytes = INT64_MAX,
                               .snapshot_bytes = 1};
    assert_int_equal(pdk_sync_plan(&q).kind, PDK_SYNC_DIFF);
    q.snapshot_size_factor = 0.33;
    assert_int_equal(pdk_sync_plan(&q).kind, PDK_SYNC_SNAP);
    q.snapshot_bytes = 0;
    assert_int_equal(pdk_sync_plan(&q).kind, PDK_SYNC_DIFF);
    pdk_history_destroy(h);
}

/* ---- everything ------------------------------------------------------------------------------ */

#define EPOCHS 3
#define SERVERS 3
#define TXNS 2

/* A history is told by how many transactions of each epoch it has, as each epoch has one leader and
 * nobody has a gap within an epoch.  What it reports as its last zxid is its last transaction's, or
 * e:0 when its tree came from, or served, epoch e (`start`, 0: none) before the first of that. */
struct server {
    uint8_t count[EPOCHS + 1]; /* of epochs 1 ... */
    uint8_t current, start;
};
struct world {
    struct server servers[SERVERS];
    uint8_t established; /* a bit for each epoch */
};

static uint64_t key_of(const struct world *w)
{
    uint64_t key = 1;
    for (int s = 0; s < SERVERS; s++) {
        for (int e = 1; e <= EPOCHS; e++) key = key << 2 | w->servers[s].count[e];
        key = key << 4 | (uint64_t)w->servers[s].current << 2 | w->servers[s].start;
    }
    return key << 4 | w->established;
}

static pdk_zxid last_txn(const struct server *s)
{
    for (int e = EPOCHS; e > 0; e--) {
        if (s->count[e] > 0) return ZXID(e, s->count[e]);
    }
    return 0;
}
static pdk_zxid last_zxid(const struct server *s)
{
    pdk_zxid txn = last_txn(s), start = ZXID(s->start, 0);
    return start > txn ? start : txn;
}
static bool same_history(const struct server *a, const struct server *b)
{
    return memcmp(a->count, b->count, sizeof a->count) == 0;
}
/* Takes what `from` has with after < zxid <= until, as a learner does: no gap is allowed. */
static void take(struct server *to, const struct server *from, pdk_zxid after, pdk_zxid until)
{
    for (int e = 1; e <= EPOCHS; e++) {
        for (uint8_t n = 1; n <= from->count[e]; n++) {
            pdk_zxid zxid = ZXID(e, n), last = last_txn(to);
            if (zxid <= after || zxid > until) continue;
            if (!pdk_zxid_follows(last, zxid))
                fail_msg("a gap: %llx behind %llx", (unsigned long long)zxid,
                         (unsigned long long)last);
            to->count[e]++;
        }
    }
}
static void forget_above(struct server *s, pdk_zxid zxid)
{
    for (int e = 1; e <= EPOCHS; e++) {
        while (s->count[e] > 0 && ZXID(e, s->count[e]) > zxid) s->count[e]--;
    }
}

/* What the tests ask about: a leader, how far it knows that things are committed, a learner. */
struct meeting {
    struct server leader, learner;
    pdk_zxid committed;
    uint8_t epoch, established;
    bool serves;
};

/* zab.md section 5.2, as Apache decides; LOOK where it would read the log. */
static struct pdk_sync_plan apaches(const struct meeting *m, pdk_zxid base)
{
    pdk_zxid peer = last_zxid(&m->learner), max = m->committed > base ? m->committed : base,
             min = 0;
    pdk_zxid last = max < ZXID(m->epoch, 0) && m->serves ? ZXID(m->epoch, 0) : max;
    bool new_epoch_peer = PDK_ZXID_COUNTER(peer) == 0;
    pdk_zxid log[EPOCHS * TXNS];
    size_t count = 0;
    for (int e = 1; e <= EPOCHS; e++) {
        for (uint8_t n = 1; n <= m->leader.count[e]; n++) {
            if (ZXID(e, n) > base && ZXID(e, n) <= max) log[count++] = ZXID(e, n);
        }
    }
    min = count > 0 ? log[0] : last;
    if (count == 0) max = last;
    if (last == peer) return (struct pdk_sync_plan){.kind = DIFF, .zxid = peer};
    if (peer > max && !new_epoch_peer) return (struct pdk_sync_plan){.kind = TRUNC, .zxid = max};
    if (peer < min) return (struct pdk_sync_plan){.kind = LOOK};
    if (peer > max) return (struct pdk_sync_plan){.kind = SNAP};
    pdk_zxid prev = -1;
    for (size_t i = 0; i < count; i++) {
        if (log[i] < peer) {
            prev = log[i];
            continue;
        }
        if (log[i] == peer || new_epoch_peer)
            return (struct pdk_sync_plan){.kind = DIFF, .zxid = max};
        if (PDK_ZXID_EPOCH(log[i]) != PDK_ZXID_EPOCH(peer))
            return (struct pdk_sync_plan){.kind = SNAP};
        return (struct pdk_sync_plan){.kind = TRUNC, .zxid = prev};
    }
    return (struct pdk_sync_plan){.kind = new_epoch_peer ? DIFF : SNAP, .zxid = max};
}

static struct {
    uint64_t plans, same, better, no_crossing, from_disk, cuts;
} seen;

/* Is the learner of ours, and its last one that the leader has proposed and not committed? */
static bool has_outstanding(const struct meeting *m, const struct pdk_sync_query *q)
{
    pdk_zxid epoch = PDK_ZXID_EPOCH(q->peer), counter = PDK_ZXID_COUNTER(q->peer);
    return q->is_paddock && q->peer > q->committed && counter > 0 &&
           counter <= m->leader.count[epoch];
}

static void check_against_apache(const struct meeting *m, const struct pdk_sync_query *q,
                                 const struct pdk_sync_plan *ours)
{
    struct pdk_sync_plan theirs = apaches(m, pdk_history_base(q->history));
    if (theirs.kind == LOOK) return;
    if (theirs.kind == ours->kind && (theirs.kind == SNAP || theirs.zxid == ours->zxid)) {
        seen.same++;
        return;
    }
    /* With nothing committed since the epoch began, Apache calls that e:0. */
    if (theirs.kind == DIFF && ours->kind == DIFF && PDK_ZXID_COUNTER(theirs.zxid) == 0) return;
    bool crosses =
        theirs.kind == TRUNC && (PDK_ZXID_EPOCH(theirs.zxid) != PDK_ZXID_EPOCH(q->peer) ||
                                 PDK_ZXID_COUNTER(theirs.zxid) == 0);
    if (crosses && ours->kind == SNAP) {
        seen.no_crossing++;
        return;
    }
    if (crosses && ours->kind == TRUNC && has_outstanding(m, q)) return;
    bool better =
        theirs.kind == SNAP && (ours->kind == DIFF || (ours->kind == TRUNC && q->is_paddock));
    if (!better)
        fail_msg("peer %llx: Apache says %d %llx, we %d %llx", (unsigned long long)q->peer,
                 (int)theirs.kind, (unsigned long long)theirs.zxid, (int)ours->kind,
                 (unsigned long long)ours->zxid);
    seen.better++;
}

/* Does what the plan says, and looks at what has become of the learner. */
static void carry_out(const struct meeting *m, const struct pdk_sync_query *q,
                      const struct pdk_sync_plan *plan)
{
    struct server learner = m->learner;
    pdk_zxid from = plan->from > 0 ? pdk_history_at(q->history, plan->from - 1)->zxid
                                   : pdk_history_base(q->history);
    seen.plans++;
    if (plan->kind == SNAP) return;
    if (plan->kind == TRUNC) {
        seen.cuts++;
        assert_true(plan->zxid < q->peer);
        if (!has_outstanding(m, q)) {
            pdk_zxid epoch = PDK_ZXID_EPOCH(plan->zxid), counter = PDK_ZXID_COUNTER(plan->zxid);
            assert_int_equal(epoch, PDK_ZXID_EPOCH(q->peer));
            assert_true(counter > 0 && counter <= learner.count[epoch]);
        }
        forget_above(&learner, plan->zxid);
    }
    /* What it keeps, it takes for committed. */
    assert_true(last_txn(&learner) <= m->committed);
    if (plan->disk_until != 0) {
        seen.from_disk++;
        take(&learner, &m->leader, plan->disk_after, plan->disk_until);
    }
    take(&learner, &m->leader, from, INT64_MAX);
    if (!same_history(&learner, &m->leader))
        fail_msg("peer %llx, committed %llx, plan %d %llx: the histories differ",
                 (unsigned long long)q->peer, (unsigned long long)m->committed, (int)plan->kind,
                 (unsigned long long)plan->zxid);
}

static void plan_with_base(const struct meeting *m, pdk_zxid base)
{
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 500, FAR);
    pdk_history_reset(h, base);
    for (int e = 1; e <= EPOCHS; e++) {
        for (uint8_t n = 1; n <= m->leader.count[e]; n++) {
            if (ZXID(e, n) > base) test_add(h, ZXID(e, n), 0);
        }
    }
    struct pdk_sync_query q = {.peer = last_zxid(&m->learner),
                               .committed = m->committed > base ? m->committed : base,
                               .history = h,
                               .use_disk = true};
    for (int paddock = 0; paddock < 2; paddock++) {
        q.is_paddock = paddock != 0;
        q.disk_known = false;
        struct pdk_sync_plan plan = pdk_sync_plan(&q);
        check_against_apache(m, &q, &plan);
        if (plan.kind == LOOK) {
            struct server on_disk = m->leader;
            forget_above(&on_disk, q.peer);
            q.disk_known = true;
            q.disk_at = last_txn(&on_disk);
            q.disk_reaches = q.disk_at > 0;
            plan = pdk_sync_plan(&q);
            assert_int_not_equal(plan.kind, LOOK);
        }
        carry_out(m, &q, &plan);
    }
    pdk_history_destroy(h);
}

/* Every zxid at which memory may begin: a committed transaction, or the start of an epoch that
 * served. */
static void plan_with_every_base(const struct meeting *m)
{
    plan_with_base(m, 0);
    for (int e = 1; e <= EPOCHS; e++) {
        if ((m->established >> e & 1) != 0 && ZXID(e, 0) < m->committed)
            plan_with_base(m, ZXID(e, 0));
        if ((m->established >> e & 1) != 0 && m->leader.start == e && ZXID(e, 0) > m->committed &&
            ZXID(e, 0) == last_zxid(&m->leader))
            plan_with_base(m, ZXID(e, 0));
        for (uint8_t n = 1; n <= m->leader.count[e]; n++) {
            if (ZXID(e, n) <= m->committed) plan_with_base(m, ZXID(e, n));
        }
    }
}

/* ---- all that can have happened -------------------------------------------------------------- */

struct explorer {
    struct pdk_map worlds, meetings;
    struct world *queue;
    size_t count, cap;
};

static bool is_new(struct pdk_map *m, uint64_t key)
{
    uint64_t was = 0;
    if (pdk_map_get(m, key, &was)) return false;
    assert_int_equal(pdk_map_put(m, key, 1), PDK_OK);
    return true;
}

static void push(struct explorer *x, const struct world *w)
{
    if (!is_new(&x->worlds, key_of(w))) return;
    if (x->count == x->cap) {
        x->cap = x->cap > 0 ? 2 * x->cap : 1024;
        x->queue = pdk_mem_must_resize(pdk_mem_heap(), x->queue, x->cap * sizeof *x->queue);
    }
    x->queue[x->count++] = *w;
}

static void meet(struct explorer *x, const struct world *w, int leader, pdk_zxid committed,
                 bool serves)
{
    for (int s = 0; s < SERVERS; s++) {
        if (s == leader) continue;
        struct meeting m = {.leader = w->servers[leader],
                            .learner = w->servers[s],
                            .committed = committed,
                            .epoch = w->servers[leader].current,
                            .established = w->established,
                            .serves = serves};
        struct world two = {.servers = {m.leader, m.learner}, .established = m.established};
        uint64_t key = key_of(&two) << 12 | (uint64_t)PDK_ZXID_EPOCH(committed) << 8 |
                       (uint64_t)PDK_ZXID_COUNTER(committed) << 4 | (serves ? 1 : 0);
        if (is_new(&x->meetings, key)) plan_with_every_base(&m);
    }
}

/* A server that lost its link, or its power, while it was being brought up has some beginning of
 * the leader's history, at least what both had before, and not its epoch. */
static void half_brought_up(struct explorer *x, const struct world *w, int leader, unsigned synced,
                            pdk_zxid committed, bool serves)
{
    const struct server *l = &w->servers[leader];
    for (int s = 0; s < SERVERS; s++) {
        if ((synced >> s & 1) != 0) continue;
        for (int e = 1; e <= EPOCHS; e++) {
            for (uint8_t n = 1; n <= l->count[e]; n++) {
                struct world half = *w;
                struct server *h = &half.servers[s];
                struct server both = *h;
                for (int i = 1; i <= EPOCHS; i++) {
                    if (both.count[i] > l->count[i]) both.count[i] = l->count[i];
                }
                memcpy(h->count, l->count, sizeof l->count);
                forget_above(h, ZXID(e, n));
                if (h->start > e) h->start = 0;
                if (last_txn(h) < last_txn(&both)) continue;
                push(x, &half);
                meet(x, &half, leader, committed, serves);
            }
        }
    }
}

/* In the epoch of `leader`, `synced` hold its history.  All ways in which each may have taken part:
 * with how many transactions, and whether its tree came from the epoch's start. */
static void broadcast(struct explorer *x, const struct world *w, int leader, unsigned synced)
{
    uint8_t epoch = w->servers[leader].current;
    pdk_zxid start = last_txn(&w->servers[leader]);
    for (unsigned mix = 0; mix < 6 * 6 * 6; mix++) {
        struct world after = *w;
        unsigned rest = mix, have[TXNS + 1] = {0};
        bool possible = true;
        uint8_t proposed = (uint8_t)(mix % 6 / 2);
        after.established |= (uint8_t)(1u << epoch);
        for (int i = 0; i < SERVERS; i++, rest /= 6) {
            int s = (leader + i) % SERVERS;
            uint8_t n = (uint8_t)(rest % 6 / 2);
            bool from_start = rest % 2 != 0;
            bool in = (synced >> s & 1) != 0;
            if (n > proposed || (from_start && n > 0) || (!in && (n > 0 || from_start)))
                possible = false;
            if (!in) continue;
            after.servers[s].count[epoch] = n;
            if (from_start) after.servers[s].start = epoch;
            for (unsigned k = 0; k <= n; k++) have[k]++;
        }
        if (!possible) continue;
        push(x, &after);
        for (uint8_t c = 0; c <= proposed && have[c] >= 2; c++)
            meet(x, &after, leader, c > 0 ? ZXID(epoch, c) : start, true);
        half_brought_up(x, &after, leader, synced, start, true);
    }
}

static void lead(struct explorer *x, const struct world *before, int leader, uint8_t epoch)
{
    const struct server *l = &before->servers[leader];
    unsigned behind = 0;
    for (int s = 0; s < SERVERS; s++) {
        const struct server *o = &before->servers[s];
        if (o->current < l->current || (o->current == l->current && last_txn(o) <= last_txn(l)))
            behind |= 1u << s;
    }
    if ((behind & (behind - 1)) == 0) return; /* nobody but itself */
    for (unsigned synced = 0; synced < 1u << SERVERS; synced++) {
        if ((synced & ~behind) != 0 || (synced >> leader & 1) == 0) continue;
        struct world w = *before;
        for (int s = 0; s < SERVERS; s++) {
            if ((synced >> s & 1) == 0) continue;
            memcpy(w.servers[s].count, l->count, sizeof l->count);
            w.servers[s].current = epoch;
        }
        push(x, &w);
        meet(x, &w, leader, last_txn(l), false);
        half_brought_up(x, &w, leader, synced, last_txn(l), false);
        if ((synced & (synced - 1)) != 0) broadcast(x, &w, leader, synced);
    }
}

static void every_learner_ends_with_its_leaders_history(void **state)
{
    (void)state;
    struct explorer x = {0};
    pdk_map_init(&x.worlds, pdk_mem_heap(), (struct pdk_hash_seed){1, 2});
    pdk_map_init(&x.meetings, pdk_mem_heap(), (struct pdk_hash_seed){1, 2});
    struct world empty = {0};
    push(&x, &empty);
    for (size_t i = 0; i < x.count; i++) {
        struct world w = x.queue[i];
        uint8_t newest = 0;
        for (int s = 0; s < SERVERS; s++) {
            if (w.servers[s].current > newest) newest = w.servers[s].current;
        }
        for (int s = 0; newest < EPOCHS && s < SERVERS; s++) lead(&x, &w, s, (uint8_t)(newest + 1));
    }
    print_message(
        "%zu worlds, %zu meetings, %llu plans: %llu as Apache, %llu better, %llu SNAP for "
        "a TRUNC across epochs; %llu with the disk, %llu TRUNC\n",
        x.count, x.meetings.count, (unsigned long long)seen.plans, (unsigned long long)seen.same,
        (unsigned long long)seen.better, (unsigned long long)seen.no_crossing,
        (unsigned long long)seen.from_disk, (unsigned long long)seen.cuts);
    assert_true(seen.same > 0 && seen.better > 0 && seen.no_crossing > 0);
    assert_true(seen.from_disk > 0 && seen.cuts > 0);
    pdk_map_deinit(&x.worlds);
    pdk_map_deinit(&x.meetings);
    pdk_mem_free(pdk_mem_heap(), x.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_and_disk_decide_case_by_case),
        cmocka_unit_test(a_forced_snapshot_is_a_snapshot),
        cmocka_unit_test(ours_with_what_is_outstanding_cuts_nothing_whatever_is_forced),
        cmocka_unit_test(log_of_any_size_is_read_without_a_factor_or_a_snapshot),
        cmocka_unit_test(every_learner_ends_with_its_leaders_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
