/* Whole ensembles of both machines on a virtual network, from seeds.  What a role does stands here
 * in a few lines: a leader serves once a quorum has joined it, a follower joins or looks again. */
#include "core/elect/testing_net.h"

#define MS 1000

enum { JOIN_TRIES = 160, JOIN_EVERY = 1 * MS, LEAD_PATIENCE = 1000 * MS };

/* ---- Zab, roughly ---------------------------------------------------------------------------- */

static void look_again(struct net *n, const struct net_event *e);

/* Its role is over: those that depend on it notice a little later. */
static void leave(struct net *n, struct net_server *s, int64_t notice_us)
{
    for (size_t i = 1; i <= n->count; i++) {
        struct net_server *x = &n->servers[i];
        if (x == s || x->role == NET_DOWN) continue;
        if (x->joined && x->leader == s->sid) {
            net_after(n, 1 + net_random(n, notice_us), x, 0, look_again);
        }
        if (s->joined && s->leader == x->sid && x->role == NET_LEADING) {
            pdk_sids_remove(&x->followers, s->sid);
            if (x->established && !pdk_members_quorum(x->members, &x->followers)) {
                net_after(n, 1 + net_random(n, notice_us), x, 0, look_again);
            }
        }
    }
}

static void look_again(struct net *n, const struct net_event *e)
{
    struct net_server *s = &n->servers[e->sid];
    leave(n, s, 5 * MS);
    net_look(n, s);
}

static void synchronise(struct net *n, struct net_server *leader, struct net_server *s)
{
    s->epoch = leader->epoch;
    s->zxid = leader->zxid;
    pdk_elect_raise_epoch(s->elect, s->epoch);
    net_run_effects(n, s);
}

static void establish(struct net *n, struct net_server *s)
{
    if (s->established || !pdk_members_quorum(s->members, &s->followers)) return;
    s->established = true;
    s->epoch = ++n->last_epoch;
    s->zxid = s->epoch << 32;
    synchronise(n, s, s);
    for (size_t i = 1; i <= n->count; i++) {
        struct net_server *x = &n->servers[i];
        if (x->role != NET_DOWN && x->joined && x->leader == s->sid) synchronise(n, s, x);
    }
}

static bool is_ahead(const struct net_server *a, const struct net_server *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->zxid > b->zxid;
}

static void join(struct net *n, const struct net_event *e)
{
    struct net_server *s = &n->servers[e->sid], *leader = &n->servers[s->leader];
    if (leader->role != NET_LEADING) {
        bool refused = leader->role == NET_DOWN && !leader->gone && e->arg > 0;
        if (e->arg >= JOIN_TRIES || refused) {
            net_look(n, s);
        } else {
            net_after(n, JOIN_EVERY, s, e->arg + 1, join);
        }
        return;
    }
    if (is_ahead(s, leader) && pdk_members_has_voter(s->members, s->sid) && !leader->established) {
        /* An electee that is behind one of its quorum gives up. */
        leave(n, leader, 5 * MS);
        net_look(n, leader);
        net_look(n, s);
        return;
    }
    s->joined = true;
    if (pdk_members_has_voter(s->members, s->sid)) pdk_sids_add(&leader->followers, s->sid);
    if (leader->established) {
        synchronise(n, leader, s);
    } else {
        establish(n, leader);
    }
}

static void give_up(struct net *n, const struct net_event *e)
{
    if (!n->servers[e->sid].established) look_again(n, e);
}

static void take_role(struct net *n, struct net_server *s, struct pdk_vote vote)
{
    bool votes = pdk_members_has_voter(s->members, s->sid);
    s->term++;
    s->leader = vote.leader;
    s->decided_us = n->now_us;
    s->joined = s->established = false;
    if (vote.leader == s->sid) {
        s->role = NET_LEADING;
        pdk_elect_settle(s->elect, PDK_LEADING);
        s->followers = (struct pdk_sids){{0}};
        pdk_sids_add(&s->followers, s->sid);
        net_after(n, LEAD_PATIENCE, s, 0, give_up);
        establish(n, s);
    } else {
        s->role = votes ? NET_FOLLOWING : NET_OBSERVING;
        pdk_elect_settle(s->elect, votes ? PDK_FOLLOWING : PDK_OBSERVING);
        net_after(n, net_delay(n), s, 0, join);
    }
}

static void note_desertion(struct net *n, struct net_server *s)
{
    if (!s->established && !s->joined) net_after(n, 0, s, 0, look_again);
}

static void kill_server(struct net *n, pdk_sid sid, bool quietly, int64_t notice_us)
{
    struct net_server *s = &n->servers[sid];
    if (s->role == NET_DOWN) return;
    leave(n, s, notice_us);
    s->joined = s->established = false;
    net_kill(n, sid, quietly);
}

/* Everybody that is up serves or follows one and the same. */
static bool all_agree(struct net *n)
{
    pdk_sid leader = PDK_SID_NONE;
    for (size_t i = 1; i <= n->count; i++) {
        const struct net_server *s = &n->servers[i];
        if (s->role == NET_DOWN) continue;
        if (!(s->role == NET_LEADING ? s->established : s->joined)) return false;
        if (!n->servers[s->leader].established) return false;
        if (leader != PDK_SID_NONE && leader != s->leader) return false;
        leader = s->leader;
    }
    return true;
}

static void fail_undecided(struct net *n)
{
    for (size_t i = 1; i <= n->count; i++) {
        const struct net_server *s = &n->servers[i];
        fprintf(stderr, "server %zu: role %d leader %" PRId64 " joined %d zxid %" PRIx64 "\n", i,
                (int)s->role, s->leader, (int)s->joined, (uint64_t)s->zxid);
    }
    fail_msg("seed %" PRIu64 ": undecided after %" PRId64 " ms", n->seed, net_ms(n));
}

static void begin(struct net *n, uint64_t seed, size_t voters, size_t observers)
{
    net_open(n, seed, voters, observers);
    n->decided = take_role;
    n->deserted = note_desertion;
    for (size_t i = 1; i <= n->count; i++) {
        n->servers[i].epoch = net_random(n, 2);
        n->servers[i].zxid = n->servers[i].epoch << 32 | net_random(n, 3);
    }
    n->last_epoch = 2;
}

static void start_server(struct net *n, const struct net_event *e) { net_start(n, e->sid); }

/* All within `within_us`; returns when the last one has started. */
static int64_t start_all(struct net *n, int64_t within_us)
{
    int64_t last_us = n->now_us;
    for (size_t i = 1; i <= n->count; i++) {
        int64_t in_us = net_random(n, within_us + 1);
        net_after(n, in_us, &n->servers[i], 0, start_server);
        if (n->now_us + in_us > last_us) last_us = n->now_us + in_us;
    }
    net_run(n, last_us, NULL);
    return last_us;
}

static void must_agree_by(struct net *n, int64_t until_us)
{
    if (!net_run(n, until_us, all_agree)) fail_undecided(n);
}

/* ---- streams: ZOOKEEPER-2164, 4220, 1807 ----------------------------------------------------- */

static size_t open_streams(const struct net *n, pdk_sid a, pdk_sid b)
{
    size_t count = 0;
    for (size_t i = 0; i < n->wire_count; i++) {
        const struct net_end *x = n->wires[i].ends;
        bool pair = (x[0].sid == a && x[1].sid == b) || (x[0].sid == b && x[1].sid == a);
        if (!pair || (!x[0].open && !x[1].open)) continue;
        /* Only one that the larger has dialled lives, and both know that it does. */
        if (!x[0].open || !x[1].open || x[0].sid < x[1].sid) return 99;
        count++;
    }
    return count;
}

static void servers_that_start_at_once_get_one_stream_a_pair(void **state)
{
    (void)state;
    static const int64_t spans_us[] = {0, 300, 2 * MS, 40 * MS, 600 * MS};
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(500); seed++) {
        struct net n;
        begin(&n, seed, 3 + seed % 3, 0);
        n.delay_us_max = seed % 7 == 0 ? 60 * MS : seed % 7 < 4 ? 100 : 2 * MS;
        int64_t last_us = start_all(&n, spans_us[seed % PDK_COUNT_OF(spans_us)]);
        net_run(&n, last_us + 3000 * MS, NULL);
        size_t dials = 0, later = 0;
        for (size_t a = 1; a <= n.count; a++) {
            dials += n.servers[a].dials;
            for (size_t b = a + 1; b <= n.count; b++) {
                size_t open = open_streams(&n, (pdk_sid)a, (pdk_sid)b);
                if (open != 1) {
                    fail_msg("seed %" PRIu64 ": %zu streams between %zu and %zu", seed, open, a, b);
                }
            }
        }
        net_check(&n, all_agree(&n));
        net_check(&n, dials <= n.count * (n.count - 1) * 3);
        net_run(&n, n.now_us + 600000 * (int64_t)MS, NULL);
        for (size_t a = 1; a <= n.count; a++) later += n.servers[a].dials;
        net_check(&n, later == dials); /* and then there is peace */
        net_shut(&n);
    }
}

static void observers_do_not_dial_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(50); seed++) {
        struct net n;
        begin(&n, seed, 3, 5);
        int64_t last_us = start_all(&n, 100 * MS);
        must_agree_by(&n, last_us + 2000 * MS);
        net_run(&n, n.now_us + 600000 * (int64_t)MS, NULL);
        for (pdk_sid a = 4; a <= 8; a++) {
            for (pdk_sid b = a + 1; b <= 8; b++) net_check(&n, open_streams(&n, a, b) == 0);
            for (pdk_sid b = 1; b <= 3; b++) net_check(&n, open_streams(&n, b, a) <= 1);
            net_check(&n, n.servers[a].dials <= 3 * 3);
        }
        net_shut(&n);
    }
}

/* known-bugs.md, "one silent dialler".  More of them than may be silent at a time push others out,
 * who come again. */
static void silent_diallers_block_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(100); seed++) {
        struct net n;
        bool flood = seed % 2 == 0;
        begin(&n, seed, 3, 0);
        int64_t last_us = start_all(&n, 0);
        for (int64_t i = 0; i < 4 * MS; i += flood ? 40 : MS) {
            net_run(&n, n.now_us + (flood ? 40 : MS), NULL);
            for (pdk_sid sid = 1; sid <= 3; sid++) net_dial_silently(&n, sid);
        }
        must_agree_by(&n, flood ? last_us + 1000 * MS : last_us + 20 * n.delay_us_max);
        net_run(&n, n.now_us + 6000 * MS, NULL);
        for (size_t i = 0; i < n.wire_count; i++) {
            net_check(&n, n.wires[i].ends[0].sid != -1 || !n.wires[i].ends[1].open);
        }
        net_shut(&n);
    }
}

/* ---- nothing waits for a timer that could go on ---------------------------------------------- */

static void an_election_at_the_start_takes_some_round_trips(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(500); seed++) {
        struct net n;
        begin(&n, seed, 3 + 2 * (seed % 2), 0);
        n.finalize_wait_ms = 100000; /* decision 13: not needed when all are heard */
        int64_t last_us = start_all(&n, 100 * MS);
        must_agree_by(&n, last_us + 20 * n.delay_us_max);
        net_shut(&n);
    }
}

/* kill -9 of the leader: the others notice within 30 ms of each other. */
static void the_loss_of_a_leader_takes_some_round_trips(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(1000); seed++) {
        struct net n;
        begin(&n, seed, 3 + 2 * (seed % 2), seed % 3);
        n.finalize_wait_ms = 100000;
        must_agree_by(&n, start_all(&n, 100 * MS) + 3000 * MS);
        int64_t notice_us = seed % 5 == 0 ? 1 : 30 * MS;
        net_run(&n, n.now_us + (300 + net_random(&n, 5000)) * MS, NULL);
        net_check(&n, all_agree(&n));
        int64_t killed_us = n.now_us;
        kill_server(&n, n.servers[1].leader, false, notice_us);
        must_agree_by(&n, killed_us + notice_us + 20 * n.delay_us_max);
        net_shut(&n);
    }
}

/* Nobody says that a whole host is gone: one finalizeWait more. */
static void the_loss_of_a_host_takes_the_finalize_wait_more(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(300); seed++) {
        struct net n;
        begin(&n, seed, 3 + 2 * (seed % 2), 0);
        must_agree_by(&n, start_all(&n, 100 * MS) + 100 * n.delay_us_max);
        net_run(&n, n.now_us + 2000 * MS, NULL);
        int64_t killed_us = n.now_us;
        kill_server(&n, n.servers[1].leader, true, 30 * MS);
        must_agree_by(&n, killed_us + 30 * MS + 20 * MS + 20 * n.delay_us_max);
        net_shut(&n);
    }
}

/* ZOOKEEPER-1732: a server that comes back again and again joins at once. */
static void one_server_restarts_a_hundred_times(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(5); seed++) {
        struct net n;
        begin(&n, seed, 3, 0);
        must_agree_by(&n, start_all(&n, 10 * MS) + 100 * n.delay_us_max);
        for (int i = 0; i < 100; i++) {
            pdk_sid sid = 1 + net_random(&n, 3);
            bool quietly = net_random(&n, 4) == 0; /* no host is back at once */
            kill_server(&n, sid, quietly, 3 * MS);
            net_run(&n, n.now_us + (quietly ? 300 * MS : 0) + net_random(&n, 300 * MS), NULL);
            net_start(&n, sid);
            /* Churn: an epoch is raised while it asks.  Two ticks of 100 ms. */
            must_agree_by(&n, n.now_us + 200 * MS);
        }
        net_shut(&n);
    }
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void write_something(struct net *n)
{
    for (size_t i = 1; i <= n->count; i++) {
        struct net_server *leader = &n->servers[i];
        if (leader->role != NET_LEADING || !leader->established) continue;
        leader->zxid++;
        for (size_t k = 1; k <= n->count; k++) {
            struct net_server *s = &n->servers[k];
            bool follows = s->role == NET_FOLLOWING && s->joined && s->leader == leader->sid;
            if (follows && net_random(n, 5) > 0) s->zxid = leader->zxid;
        }
    }
}

static void one_fault(struct net *n)
{
    pdk_sid sid = 1 + net_random(n, (int64_t)n->count);
    struct net_server *s = &n->servers[sid];
    size_t wire = n->wire_count > 0 ? (size_t)net_random(n, (int64_t)n->wire_count) : 0;
    bool open =
        wire < n->wire_count && (n->wires[wire].ends[0].open || n->wires[wire].ends[1].open);
    switch (net_random(n, 8)) {
    case 0:
    case 1: kill_server(n, sid, net_random(n, 3) == 0, 300 * MS); break;
    case 2:
    case 3:
        if (s->role == NET_DOWN) net_start(n, sid);
        break;
    case 4:
        if (open) net_reset(n, wire);
        break;
    case 5:
        if (open) n->wires[wire].frozen = true;
        break;
    case 6: n->wires[wire].frozen = false; break;
    default:
        if (s->role == NET_LEADING || s->role == NET_FOLLOWING) { /* its role fails it */
            leave(n, s, 50 * MS);
            net_look(n, s);
        }
    }
    write_something(n);
}

/* All streams move again, or break; a majority at least is up. */
static void heal(struct net *n)
{
    size_t up = 0;
    for (size_t i = 0; i < n->wire_count; i++) {
        if (n->wires[i].frozen && net_random(n, 2) == 0) net_reset(n, i);
        n->wires[i].frozen = false;
    }
    for (size_t i = 1; i <= n->count; i++) up += n->servers[i].role != NET_DOWN;
    for (size_t i = 1; i <= n->count; i++) {
        bool voter = pdk_members_has_voter(n->servers[i].members, (pdk_sid)i);
        bool needed = voter && up <= n->count / 2;
        if (n->servers[i].role == NET_DOWN && (needed || net_random(n, 2) == 0)) {
            net_start(n, (pdk_sid)i);
            up++;
        }
    }
}

static void faults_end_in_one_leader(void **state)
{
    (void)state;
    for (uint64_t seed = net_first_seed(); seed <= net_last_seed(2000); seed++) {
        struct net n;
        begin(&n, seed, 3 + seed % 3, 0);
        n.cuts = seed % 2 == 0;
        n.delay_us_max = 100 << (seed % 10);
        start_all(&n, net_random(&n, 3) * 100 * MS);
        for (int i = 0; i < 60; i++) {
            net_run(&n, n.now_us + net_random(&n, 50 * MS), NULL);
            one_fault(&n);
        }
        heal(&n);
        must_agree_by(&n, n.now_us + 8000 * MS);
        net_shut(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_that_start_at_once_get_one_stream_a_pair),
        cmocka_unit_test(observers_do_not_dial_each_other),
        cmocka_unit_test(silent_diallers_block_nobody),
        cmocka_unit_test(an_election_at_the_start_takes_some_round_trips),
        cmocka_unit_test(the_loss_of_a_leader_takes_some_round_trips),
        cmocka_unit_test(the_loss_of_a_host_takes_the_finalize_wait_more),
        cmocka_unit_test(one_server_restarts_a_hundred_times),
        cmocka_unit_test(faults_end_in_one_leader),
    };
    return cmocka_run_group_tests_name("ensemble", tests, NULL, NULL);
}
