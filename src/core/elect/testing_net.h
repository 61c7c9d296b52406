/* core/elect/testing_net.h - for tests: a virtual network of servers that elect, from a seed.
 *
 * Streams are FIFO with random delays; they can be reset, frozen and thawed, and cut into pieces.
 * A server that dies lets its streams be reset, or says nothing (its host is gone) until somebody
 * writes to it.  Time is in microseconds. */
#ifndef PDK_CORE_ELECT_TESTING_NET_H
#define PDK_CORE_ELECT_TESTING_NET_H

#include "base/prng.h"
#include "core/elect/mesh.h"
#include "core/elect/testing.h"

#include <stdlib.h>

enum { NET_SERVERS = 12, NET_WIRES = 8192 };

struct net;
enum net_event_kind {
    NET_CONNECTED, /* at the dialler */
    NET_REFUSED,
    NET_ACCEPT, /* at the other end */
    NET_DATA,
    NET_CLOSED,
    NET_TICK,
    NET_CALL, /* the scenario's */
};
struct net_event {
    int64_t at_us;
    uint64_t order;
    enum net_event_kind kind;
    size_t wire, end;
    pdk_sid sid;
    uint64_t life;
    uint8_t *bytes;
    size_t len;
    void (*call)(struct net *n, const struct net_event *event);
    uint64_t term;
    int64_t arg;
};

/* A stream: end 0 dialled end 1. */
struct net_wire {
    struct net_end {
        pdk_sid sid; /* -1: nobody we know */
        uint64_t life;
        uint32_t link;
        bool open;
        int64_t last_us; /* nothing arrives before */
        struct pdk_buf unread;
    } ends[2];
    bool frozen;
};

enum net_role { NET_DOWN, NET_LOOKING, NET_FOLLOWING, NET_LEADING, NET_OBSERVING };
struct net_server {
    pdk_sid sid;
    uint64_t life; /* counts restarts */
    enum net_role role;
    bool gone; /* down, and its host with it: nothing answers */
    struct pdk_mesh *mesh;
    struct pdk_elect *elect;
    struct pdk_members *members; /* what it starts with */
    uint32_t links;
    int64_t tick_us; /* the earliest tick that is scheduled */
    size_t dials;
    /* what it brings into an election */
    pdk_zxid zxid;
    int64_t epoch;
    /* Zab, roughly */
    uint64_t term; /* counts changes of role */
    pdk_sid leader;
    bool joined, established;
    struct pdk_sids followers;
    int64_t decided_us;
    /* what it said, for the checks */
    struct pdk_vote initial, stated;
    bool has_stated;
};

struct net_statement {
    pdk_sid sid;
    enum pdk_peer_state state;
    struct pdk_vote vote;
};

struct net {
    struct pdk_prng prng;
    uint64_t seed;
    int64_t now_us;
    int64_t delay_us_max;
    struct net_server servers[NET_SERVERS + 1]; /* by sid, from 1 */
    size_t count;
    struct net_wire *wires;
    size_t wire_count;
    struct net_event *events; /* a heap */
    size_t event_count, event_cap;
    uint64_t orders;
    struct net_statement *statements;
    size_t statement_count, statement_cap;
    int64_t last_epoch;
    bool cuts;  /* data comes in pieces */
    bool trace; /* to stderr */
    int64_t finalize_wait_ms, max_interval_ms;
    void (*decided)(struct net *n, struct net_server *s, struct pdk_vote vote);
    void (*deserted)(struct net *n, struct net_server *s);
};

static inline int64_t net_random(struct net *n, int64_t below)
{
    return (int64_t)pdk_prng_below(&n->prng, (uint64_t)below);
}
static inline int64_t net_delay(struct net *n) { return 1 + net_random(n, n->delay_us_max); }
static inline int64_t net_ms(const struct net *n) { return n->now_us / 1000; }

#define net_check(n, condition) \
    do { \
        if (!(condition)) { \
            fail_msg("seed %" PRIu64 " at %" PRId64 " us, line %d: %s", (n)->seed, (n)->now_us, \
                     __LINE__, #condition); \
        } \
    } while (0)

#define net_say(n, ...) \
    do { \
        if ((n)->trace) { \
            fprintf(stderr, "%8.3f ", (double)(n)->now_us / 1000.0); \
            fprintf(stderr, __VA_ARGS__); \
        } \
    } while (0)

/* ---- events ---------------------------------------------------------------------------------- */

static inline bool net_before(const struct net_event *a, const struct net_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static inline void net_push(struct net *n, struct net_event e)
{
    if (n->event_count == n->event_cap) {
        n->event_cap = n->event_cap * 2 + 64;
        n->events = realloc(n->events, n->event_cap * sizeof *n->events);
        assert_non_null(n->events);
    }
    e.order = ++n->orders;
    size_t at = n->event_count++;
    while (at > 0 && net_before(&e, &n->events[(at - 1) / 2])) {
        n->events[at] = n->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    n->events[at] = e;
}

static inline struct net_event net_pop(struct net *n)
{
    struct net_event first = n->events[0], last = n->events[--n->event_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n->event_count) break;
        if (child + 1 < n->event_count && net_before(&n->events[child + 1], &n->events[child])) {
            child++;
        }
        if (!net_before(&n->events[child], &last)) break;
        n->events[at] = n->events[child];
        at = child;
    }
    n->events[at] = last;
    return first;
}

/* The scenario's: `call` in `in_us`, if `sid` is still in the term it has now. */
static inline void net_after(struct net *n, int64_t in_us, struct net_server *s, int64_t arg,
                             void (*call)(struct net *n, const struct net_event *event))
{
    net_push(n, (struct net_event){.at_us = n->now_us + in_us,
                                   .kind = NET_CALL,
                                   .sid = s->sid,
                                   .life = s->life,
                                   .term = s->term,
                                   .arg = arg,
                                   .call = call});
}

/* ---- wires ----------------------------------------------------------------------------------- */

/* Towards `end`, behind what is on its way. */
static inline void net_deliver(struct net *n, size_t wire, size_t end, enum net_event_kind kind,
                               struct pdk_slice bytes)
{
    struct net_end *to = &n->wires[wire].ends[end];
    int64_t at = n->now_us + net_delay(n);
    if (at < to->last_us) at = to->last_us;
    to->last_us = at;
    struct net_event e = {.at_us = at, .kind = kind, .wire = wire, .end = end};
    if (bytes.len > 0) {
        e.bytes = malloc(bytes.len);
        assert_non_null(e.bytes);
        memcpy(e.bytes, bytes.bytes, bytes.len);
        e.len = bytes.len;
    }
    net_push(n, e);
}

static inline size_t net_new_wire(struct net *n)
{
    assert_true(n->wire_count < NET_WIRES);
    struct net_wire *w = &n->wires[n->wire_count];
    *w = (struct net_wire){.frozen = false};
    for (size_t i = 0; i < 2; i++) pdk_buf_init(&w->ends[i].unread, pdk_mem_heap(), SIZE_MAX);
    return n->wire_count++;
}

static inline struct net_end *net_find(struct net *n, const struct net_server *s, uint32_t link,
                                       size_t *wire, size_t *end)
{
    for (size_t i = n->wire_count; i-- > 0;) {
        for (size_t k = 0; k < 2; k++) {
            struct net_end *x = &n->wires[i].ends[k];
            if (x->open && x->sid == s->sid && x->life == s->life && x->link == link) {
                *wire = i;
                *end = k;
                return x;
            }
        }
    }
    return NULL;
}

/* One that dials a server by itself and then does nothing. */
static inline void net_dial_silently(struct net *n, pdk_sid target)
{
    size_t wire = net_new_wire(n);
    n->wires[wire].ends[0] = (struct net_end){.sid = -1, .open = true};
    n->wires[wire].ends[1].sid = target;
    net_deliver(n, wire, 1, NET_ACCEPT, pdk_slice_null());
}

static inline void net_dial(struct net *n, struct net_server *s, uint32_t link, pdk_sid target)
{
    size_t wire = net_new_wire(n);
    struct net_wire *w = &n->wires[wire];
    s->dials++;
    w->ends[0].sid = s->sid;
    w->ends[0].life = s->life;
    w->ends[0].link = link;
    w->ends[0].open = true;
    w->ends[1].sid = target;
    if (n->servers[target].role == NET_DOWN) {
        if (n->servers[target].gone) w->ends[0].last_us = n->now_us + 1000000;
        net_deliver(n, wire, 0, NET_REFUSED, pdk_slice_null());
        return;
    }
    net_deliver(n, wire, 1, NET_ACCEPT, pdk_slice_null());
    net_deliver(n, wire, 0, NET_CONNECTED, pdk_slice_null());
}

static inline void net_close(struct net *n, struct net_server *s, uint32_t link)
{
    size_t wire, end;
    struct net_end *x = net_find(n, s, link, &wire, &end);
    if (x == NULL) return;
    x->open = false;
    net_deliver(n, wire, 1 - end, NET_CLOSED, pdk_slice_null());
}

static inline void net_reset(struct net *n, size_t wire)
{
    for (size_t end = 0; end < 2; end++) net_deliver(n, wire, end, NET_CLOSED, pdk_slice_null());
}

/* ---- what the servers say -------------------------------------------------------------------- */

static inline void net_note(struct net *n, pdk_sid sid, enum pdk_peer_state state,
                            struct pdk_vote vote)
{
    if (n->statement_count == n->statement_cap) {
        n->statement_cap = n->statement_cap * 2 + 64;
        n->statements = realloc(n->statements, n->statement_cap * sizeof *n->statements);
        assert_non_null(n->statements);
    }
    n->statements[n->statement_count++] = (struct net_statement){sid, state, vote};
}

/* Between two starts, what a server votes for only gets better, and is never worse than itself. */
static inline void net_check_statement(struct net *n, struct net_server *s, struct pdk_slice frame)
{
    struct pdk_notification x;
    assert_int_equal(pdk_notification_read(pdk_slice_of(frame.bytes + 4, frame.len - 4), &x),
                     PDK_OK);
    struct pdk_vote v = {.leader = x.leader, .zxid = x.zxid, .round = x.round, .epoch = x.epoch};
    if (x.state == PDK_LOOKING) {
        net_check(n, !pdk_vote_beats(&s->initial, &v, 1));
        if (s->has_stated) {
            net_check(n, v.round >= s->stated.round);
            net_check(n, v.round > s->stated.round || !pdk_vote_beats(&s->stated, &v, 1));
        }
        s->stated = v;
        s->has_stated = true;
    }
    net_note(n, s->sid, x.state, v);
    net_say(n, "%d says %s %" PRId64 " zxid %" PRIx64 " round %" PRId64 " epoch %" PRId64 "\n",
            (int)s->sid, pdk_peer_state_name(x.state), v.leader, (uint64_t)v.zxid, v.round,
            v.epoch);
}

static inline bool net_same_vote(const struct pdk_vote *a, const struct pdk_vote *b)
{
    return a->leader == b->leader && a->zxid == b->zxid && a->round == b->round &&
           a->epoch == b->epoch;
}

/* A decision had a quorum: of equal votes, or of claims among which is the leader's own (which a
 * leader need not make to itself). */
static inline void net_check_decision(struct net *n, struct net_server *s, struct pdk_vote v)
{
    struct pdk_sids votes = {{0}}, claims = {{0}};
    bool leads = v.leader == s->sid;
    net_note(n, s->sid, PDK_LOOKING, v);
    for (size_t i = 0; i < n->statement_count; i++) {
        const struct net_statement *x = &n->statements[i];
        if (net_same_vote(&x->vote, &v)) pdk_sids_add(&votes, x->sid);
        if (x->state != PDK_FOLLOWING && x->state != PDK_LEADING) continue;
        if (x->vote.leader != v.leader || x->vote.epoch != v.epoch) continue;
        pdk_sids_add(&claims, x->sid);
        leads = leads || (x->sid == v.leader && x->state == PDK_LEADING);
    }
    const struct pdk_members *m = s->members;
    net_check(n, pdk_members_quorum(m, &votes) || (leads && pdk_members_quorum(m, &claims)));
}

/* ---- servers --------------------------------------------------------------------------------- */

static inline uint32_t net_next_link(void *ctx) { return ++((struct net_server *)ctx)->links; }

static inline void net_schedule(struct net *n, struct net_server *s)
{
    int64_t at_ms = pdk_elect_deadline(s->elect), mesh_ms = pdk_mesh_deadline(s->mesh);
    if (mesh_ms < at_ms) at_ms = mesh_ms;
    if (at_ms == INT64_MAX || at_ms * 1000 >= s->tick_us) return;
    s->tick_us = at_ms * 1000 > n->now_us ? at_ms * 1000 : n->now_us;
    net_push(n, (struct net_event){
                    .at_us = s->tick_us, .kind = NET_TICK, .sid = s->sid, .life = s->life});
}

static inline void net_carry_mesh(struct net *n, struct net_server *s)
{
    size_t count, wire, end;
    const struct pdk_mesh_effect *effects = pdk_mesh_effects(s->mesh, &count);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_mesh_effect *x = &effects[i];
        switch (x->kind) {
        case PDK_MESH_DIAL: {
            int target = 0;
            assert_int_equal(sscanf(x->addresses[0].host, "127.0.0.%d", &target), 1);
            net_say(n, "%d dials %d\n", (int)s->sid, target);
            net_dial(n, s, x->link, target);
            break;
        }
        case PDK_MESH_WRITE:
            if (net_find(n, s, x->link, &wire, &end) != NULL) {
                net_deliver(n, wire, 1 - end, NET_DATA, x->bytes);
            }
            break;
        case PDK_MESH_CLOSE: net_close(n, s, x->link); break;
        case PDK_MESH_MESSAGE:
            net_say(n, "%d hears %d\n", (int)s->sid, (int)x->sid);
            pdk_elect_receive(s->elect, net_ms(n), x->sid, x->bytes);
            break;
        case PDK_MESH_PEER:
            net_say(n, "%d: %d is %s\n", (int)s->sid, (int)x->sid, x->up ? "up" : "down");
            pdk_elect_peer(s->elect, net_ms(n), x->sid, x->up);
            break;
        }
    }
    pdk_mesh_effects_clear(s->mesh);
}

/* True: a decision was made. */
static inline bool net_carry_elect(struct net *n, struct net_server *s, struct pdk_vote *vote)
{
    size_t count;
    bool decided = false;
    const struct pdk_elect_effect *effects = pdk_elect_effects(s->elect, &count);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_elect_effect *x = &effects[i];
        switch (x->kind) {
        case PDK_ELECT_SEND:
            net_check_statement(n, s, x->bytes);
            pdk_mesh_send(s->mesh, net_ms(n), x->sid, x->bytes);
            break;
        case PDK_ELECT_DIAL: pdk_mesh_dial(s->mesh, net_ms(n), x->sid); break;
        case PDK_ELECT_DECIDED:
            net_check(n, !decided);
            decided = true;
            *vote = x->vote;
            break;
        case PDK_ELECT_CONFIG: net_check(n, false); break;
        case PDK_ELECT_DESERTED:
            net_say(n, "%d is deserted\n", (int)s->sid);
            n->deserted(n, s);
            break;
        }
    }
    pdk_elect_effects_clear(s->elect);
    return decided;
}

/* Carries out what a server wants, until it wants nothing. */
static inline void net_run_effects(struct net *n, struct net_server *s)
{
    uint64_t life = s->life;
    for (;;) {
        size_t mesh_count, elect_count;
        (void)pdk_mesh_effects(s->mesh, &mesh_count);
        (void)pdk_elect_effects(s->elect, &elect_count);
        if (mesh_count + elect_count == 0) break;
        struct pdk_vote vote;
        net_carry_mesh(n, s);
        if (net_carry_elect(n, s, &vote)) {
            net_say(n, "%d decides %d\n", (int)s->sid, (int)vote.leader);
            net_check_decision(n, s, vote);
            n->decided(n, s, vote);
            if (s->life != life || s->role == NET_DOWN) return;
        }
    }
    net_schedule(n, s);
}

static inline void net_look(struct net *n, struct net_server *s)
{
    struct pdk_candidate c = {.zxid = s->zxid, .epoch = s->epoch, .favour = PDK_SID_NONE};
    bool votes = pdk_members_has_voter(s->members, s->sid);
    s->initial = (struct pdk_vote){.leader = votes ? s->sid : INT64_MIN,
                                   .zxid = votes ? s->zxid : INT64_MIN,
                                   .epoch = votes ? s->epoch : INT64_MIN};
    s->has_stated = false;
    s->role = NET_LOOKING;
    s->term++;
    s->joined = s->established = false;
    s->leader = PDK_SID_NONE;
    pdk_elect_start(s->elect, net_ms(n), &c);
    net_run_effects(n, s);
}

/* Its process begins. */
static inline void net_start(struct net *n, pdk_sid sid)
{
    struct net_server *s = &n->servers[sid];
    s->life++;
    s->gone = false;
    net_say(n, "%d starts\n", (int)sid);
    s->tick_us = INT64_MAX;
    struct pdk_elect_config elect = {.mem = pdk_mem_heap(),
                                     .me = sid,
                                     .min_interval_ms = 200,
                                     .max_interval_ms = n->max_interval_ms,
                                     .finalize_wait_ms = n->finalize_wait_ms,
                                     .takes_configs = true};
    struct pdk_mesh_config mesh = {.mem = pdk_mem_heap(),
                                   .me = sid,
                                   .hello_timeout_ms = 5000,
                                   .redial_ms = 250,
                                   .strangers_max = 8};
    s->elect = pdk_elect_create(&elect, s->members, s->members);
    s->mesh = pdk_mesh_create(&mesh, s->members, s->members, net_next_link, s);
    net_look(n, s);
}

/* Its process ends; `quietly`: with its host, so that nobody is told. */
static inline void net_kill(struct net *n, pdk_sid sid, bool quietly)
{
    struct net_server *s = &n->servers[sid];
    if (s->role == NET_DOWN) return;
    s->role = NET_DOWN;
    s->gone = quietly;
    net_say(n, "%d dies%s\n", (int)sid, quietly ? " quietly" : "");
    s->term++;
    pdk_mesh_destroy(s->mesh);
    pdk_elect_destroy(s->elect);
    s->mesh = NULL;
    s->elect = NULL;
    for (size_t i = 0; i < n->wire_count; i++) {
        for (size_t end = 0; end < 2; end++) {
            struct net_end *x = &n->wires[i].ends[end];
            if (!x->open || x->sid != sid) continue;
            x->open = false;
            if (!quietly) net_deliver(n, i, 1 - end, NET_CLOSED, pdk_slice_null());
        }
    }
}

/* ---- one event ------------------------------------------------------------------------------- */

static inline void net_feed(struct net *n, struct net_server *s, struct net_end *x,
                            const struct net_event *e)
{
    size_t pieces = n->cuts ? 1 + (size_t)net_random(n, 3) : 1, at = 0;
    for (size_t i = 0; i < pieces && x->open; i++) {
        size_t len = i + 1 == pieces ? e->len - at : (size_t)net_random(n, (int64_t)(e->len - at));
        pdk_put_raw(&x->unread, e->bytes + at, len);
        at += len;
        size_t used = pdk_mesh_bytes(s->mesh, net_ms(n), x->link, pdk_buf_slice(&x->unread));
        assert_true(used <= x->unread.len);
        if (used > 0) memmove(x->unread.bytes, x->unread.bytes + used, x->unread.len - used);
        x->unread.len -= used;
        net_run_effects(n, s);
        if (s->role == NET_DOWN) return;
    }
}

static inline void net_accept(struct net *n, const struct net_event *e)
{
    struct net_end *x = &n->wires[e->wire].ends[1];
    struct net_server *s = &n->servers[x->sid];
    if (s->role == NET_DOWN) {
        net_deliver(n, e->wire, 0, NET_CLOSED, pdk_slice_null());
        return;
    }
    x->life = s->life;
    x->link = ++s->links;
    x->open = true;
    pdk_mesh_accepted(s->mesh, net_ms(n), x->link);
    net_run_effects(n, s);
}

static inline void net_at_end(struct net *n, const struct net_event *e)
{
    struct net_end *x = &n->wires[e->wire].ends[e->end];
    if (x->sid < 0 || !x->open) {
        /* Whoever writes to a process that is no more, or has closed, is told so. */
        if (e->kind == NET_DATA && x->sid > 0 && !n->servers[x->sid].gone) {
            net_deliver(n, e->wire, 1 - e->end, NET_CLOSED, pdk_slice_null());
        }
        return;
    }
    struct net_server *s = &n->servers[x->sid];
    switch (e->kind) {
    case NET_CONNECTED: pdk_mesh_dialled(s->mesh, net_ms(n), x->link, true); break;
    case NET_REFUSED:
        x->open = false;
        pdk_mesh_dialled(s->mesh, net_ms(n), x->link, false);
        break;
    case NET_CLOSED:
        x->open = false;
        pdk_mesh_closed(s->mesh, net_ms(n), x->link);
        break;
    default: net_feed(n, s, x, e); return;
    }
    net_run_effects(n, s);
}

static inline void net_handle(struct net *n, struct net_event *e)
{
    struct net_server *s = &n->servers[e->sid];
    switch (e->kind) {
    case NET_TICK:
        if (s->role == NET_DOWN || s->life != e->life) break;
        if (s->tick_us == e->at_us) s->tick_us = INT64_MAX;
        pdk_elect_tick(s->elect, net_ms(n));
        pdk_mesh_tick(s->mesh, net_ms(n));
        net_run_effects(n, s);
        break;
    case NET_CALL:
        if (s->life == e->life && s->term == e->term) e->call(n, e);
        break;
    default:
        if (n->wires[e->wire].frozen) {
            e->at_us = n->now_us + 5000;
            net_push(n, *e);
            return;
        }
        if (e->kind == NET_ACCEPT) {
            net_accept(n, e);
        } else {
            net_at_end(n, e);
        }
    }
    free(e->bytes);
}

/* Until `until_us` or until `done` says so. */
static inline bool net_run(struct net *n, int64_t until_us, bool (*done)(struct net *n))
{
    while (n->event_count > 0 && n->events[0].at_us <= until_us) {
        struct net_event e = net_pop(n);
        n->now_us = e.at_us;
        net_handle(n, &e);
        if (done != NULL && done(n)) return true;
    }
    n->now_us = until_us;
    return done == NULL;
}

/* ---- seeds: PADDOCK_SEED=n runs and tells one ------------------------------------------------ */

static inline uint64_t net_only_seed(void)
{
    const char *text = getenv("PADDOCK_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}
static inline uint64_t net_first_seed(void)
{
    uint64_t only = net_only_seed();
    return only > 0 ? only : 1;
}
static inline uint64_t net_last_seed(uint64_t last)
{
    uint64_t only = net_only_seed();
    return only > 0 ? only : last;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static inline void net_open(struct net *n, uint64_t seed, size_t voters, size_t observers)
{
    *n = (struct net){.seed = seed,
                      .now_us = 1000000,
                      .delay_us_max = 500,
                      .count = voters + observers,
                      .finalize_wait_ms = 20,
                      .max_interval_ms = 60000,
                      .trace = net_only_seed() > 0};
    pdk_prng_init(&n->prng, seed);
    n->wires = calloc(NET_WIRES, sizeof *n->wires);
    assert_non_null(n->wires);
    struct pdk_members *members = elect_members(voters, observers, 0x100, NULL);
    for (size_t i = 1; i <= n->count; i++) {
        n->servers[i].sid = (pdk_sid)i;
        n->servers[i].members = pdk_members_hold(members);
        n->servers[i].leader = PDK_SID_NONE;
    }
    pdk_members_drop(members);
}

static inline void net_shut(struct net *n)
{
    for (size_t i = 1; i <= n->count; i++) {
        net_kill(n, (pdk_sid)i, true);
        pdk_members_drop(n->servers[i].members);
    }
    for (size_t i = 0; i < n->event_count; i++) free(n->events[i].bytes);
    for (size_t i = 0; i < n->wire_count; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (n->wires[i].ends[k].unread.mem != NULL) pdk_buf_deinit(&n->wires[i].ends[k].unread);
        }
    }
    free(n->wires);
    free(n->events);
    free(n->statements);
}

#endif
