#include "sim/net.h"

#include <stdlib.h>
#include <string.h>

#define PORTS_MAX 8
/* A connect, or a byte, that got no answer is tried again so much later. */
#define RETRY_MIN_US (20 * PDK_SIM_MS)
#define RETRY_MAX_US (400 * PDK_SIM_MS)

struct fragment {
    size_t len;
    int64_t at_us;
};

/* Bytes on their way to one end. */
struct flight {
    struct pdk_buf bytes;
    size_t gone; /* of bytes: delivered */
    struct fragment *fragments;
    size_t first, count, cap;
    int64_t last_us;
    bool pumping; /* an event will look at it */
    bool fin;     /* behind the last byte */
};

struct end {
    bool open;   /* its process holds it */
    bool over;   /* nothing more will come: FIN or reset has arrived */
    bool broken; /* by a reset: nothing can be sent either */
    bool told;   /* `closed` was called */
    struct pdk_buf inbox;
    size_t taken;
};

struct stream {
    uint32_t host[2]; /* 0: who dialled */
    uint64_t life[2]; /* of the process that holds each end */
    int port;
    bool connected, answered; /* accepted by the other host; dialler knows its fate */
    int64_t give_up_us;
    struct end ends[2];
    struct flight to[2];
};

struct host {
    struct pdk_net_handler handler;
    uint64_t life; /* of the process now; another one after each start */
    bool up, powered;
    int ports[PORTS_MAX];
    size_t port_count;
};

struct pdk_net {
    struct pdk_world *world;
    struct pdk_net_config config;
    struct host hosts[PDK_NET_HOSTS];
    bool blocked[PDK_NET_HOSTS][PDK_NET_HOSTS];
    int64_t clogged_us[PDK_NET_HOSTS][PDK_NET_HOSTS];
    struct stream **streams;
    size_t count, cap;
};

/* ---- small things ---------------------------------------------------------------------------- */

static struct stream *stream_of(const struct pdk_net *n, pdk_end end)
{
    PDK_ASSERT(end / 2 < n->count);
    return n->streams[end / 2];
}

static struct end *end_of(const struct pdk_net *n, pdk_end end)
{
    return &stream_of(n, end)->ends[end % 2];
}

static int64_t draw_latency(struct pdk_net *n)
{
    const struct pdk_net_config *c = &n->config;
    if (c->slow_one_in > 0 && pdk_world_one_in(n->world, c->slow_one_in))
        return pdk_world_between(n->world, c->latency_min_us, c->slow_max_us);
    return pdk_world_between(n->world, c->latency_min_us, c->latency_max_us);
}

static int64_t draw_retry(struct pdk_net *n)
{
    return pdk_world_between(n->world, RETRY_MIN_US, RETRY_MAX_US);
}

static bool passes(const struct pdk_net *n, uint32_t from, uint32_t to)
{
    return !n->blocked[from][to] && n->clogged_us[from][to] <= n->world->now_us;
}

/* Does the process that opened this end still live? */
static bool is_held(const struct pdk_net *n, const struct stream *s, unsigned side)
{
    const struct host *h = &n->hosts[s->host[side]];
    return h->up && h->life == s->life[side];
}

static bool listens(const struct host *h, int port)
{
    for (size_t i = 0; i < h->port_count; i++) {
        if (h->ports[i] == port) return true;
    }
    return false;
}

struct pdk_net *pdk_net_create(struct pdk_world *world, const struct pdk_net_config *config)
{
    struct pdk_net *n = calloc(1, sizeof *n);
    PDK_ASSERT(n != NULL);
    n->world = world;
    n->config = *config;
    for (uint32_t i = 0; i < PDK_NET_HOSTS; i++) n->hosts[i].powered = true;
    return n;
}

void pdk_net_configure(struct pdk_net *n, const struct pdk_net_config *config)
{
    n->config = *config;
}

void pdk_net_destroy(struct pdk_net *n)
{
    for (size_t i = 0; i < n->count; i++) {
        struct stream *s = n->streams[i];
        for (unsigned side = 0; side < 2; side++) {
            pdk_buf_deinit(&s->ends[side].inbox);
            pdk_buf_deinit(&s->to[side].bytes);
            free(s->to[side].fragments);
        }
        free(s);
    }
    free(n->streams);
    free(n);
}

/* ---- the ends' news -------------------------------------------------------------------------- */

static void tell_closed(void *ctx, uint64_t number, uint64_t unused)
{
    (void)unused;
    struct pdk_net *n = ctx;
    struct stream *s = stream_of(n, (pdk_end)number);
    struct end *e = &s->ends[number % 2];
    if (!e->open || e->told || !is_held(n, s, number % 2)) return;
    /* A dialler learns it from the answer that it waits for. */
    if (number % 2 == 0 && !s->answered) return;
    e->told = true;
    const struct pdk_net_handler *h = &n->hosts[s->host[number % 2]].handler;
    h->closed(h->ctx, (pdk_end)number);
}

/* Nothing more comes to this end. */
static void end_over(struct pdk_net *n, pdk_end number, bool broken)
{
    struct end *e = end_of(n, number);
    e->broken |= broken;
    if (e->over) return;
    e->over = true;
    struct flight *f = &stream_of(n, number)->to[number % 2];
    f->count = f->first = f->gone = 0;
    pdk_buf_clear(&f->bytes);
    if (e->open && !e->told) pdk_world_in(n->world, 0, tell_closed, n, number, 0);
}

static void reset_arrives(void *ctx, uint64_t number, uint64_t unused)
{
    (void)unused;
    end_over(ctx, (pdk_end)number, true);
}

/* A reset on its way to an end: not stopped by a partition, which is as a network may behave. */
static void send_reset(struct pdk_net *n, pdk_end to)
{
    pdk_world_in(n->world, draw_latency(n), reset_arrives, n, to, 0);
}

/* ---- bytes under way ------------------------------------------------------------------------- */

static void pump(void *ctx, uint64_t number, uint64_t unused);

static void plan_pump(struct pdk_net *n, pdk_end to, int64_t at_us)
{
    struct flight *f = &stream_of(n, to)->to[to % 2];
    if (f->pumping) return;
    f->pumping = true;
    pdk_world_at(n->world, at_us, pump, n, to, 0);
}

static void deliver_first(struct pdk_net *n, pdk_end to)
{
    struct stream *s = stream_of(n, to);
    struct flight *f = &s->to[to % 2];
    struct end *e = &s->ends[to % 2];
    size_t len = f->fragments[f->first].len;
    f->first++;
    if (--f->count == 0) f->first = 0;
    pdk_put_raw(&e->inbox, f->bytes.bytes + f->gone, len);
    f->gone += len;
    if (f->gone == f->bytes.len) {
        f->gone = 0;
        pdk_buf_clear(&f->bytes);
    }
    const struct pdk_net_handler *h = &n->hosts[s->host[to % 2]].handler;
    h->readable(h->ctx, to);
    unsigned from = 1 - to % 2;
    if (!s->ends[from].open || s->ends[from].broken || !is_held(n, s, from)) return;
    h = &n->hosts[s->host[from]].handler;
    h->drained(h->ctx, to ^ 1u);
}

/* Why the first fragment cannot be taken now: when to look again; 0: it can. */
static int64_t hindered_until(struct pdk_net *n, const struct stream *s, unsigned side)
{
    uint32_t from = s->host[1 - side], host = s->host[side];
    int64_t now = n->world->now_us;
    if (n->clogged_us[from][host] > now) return n->clogged_us[from][host];
    if (n->blocked[from][host] || !n->hosts[host].powered) return now + draw_retry(n);
    const struct end *e = &s->ends[side];
    bool full = e->inbox.len - e->taken >= n->config.window_bytes;
    return is_held(n, s, side) && e->open && full ? now + RETRY_MIN_US : 0;
}

static void pump(void *ctx, uint64_t number, uint64_t unused)
{
    (void)unused;
    struct pdk_net *n = ctx;
    pdk_end to = (pdk_end)number;
    struct stream *s = stream_of(n, to);
    struct flight *f = &s->to[to % 2];
    struct end *e = &s->ends[to % 2];
    f->pumping = false;
    if (e->over || (f->count == 0 && !f->fin)) return;
    int64_t later = hindered_until(n, s, to % 2);
    if (later > 0) {
        plan_pump(n, to, later);
        return;
    }
    if (!e->open || !is_held(n, s, to % 2)) {
        /* Nobody is there who could take it. */
        if (f->count > 0) send_reset(n, to ^ 1u);
        end_over(n, to, true);
        return;
    }
    if (f->count == 0) {
        end_over(n, to, false);
        return;
    }
    if (f->fragments[f->first].at_us <= n->world->now_us) deliver_first(n, to);
    int64_t next = f->count > 0 ? f->fragments[f->first].at_us : f->last_us;
    if (f->count > 0 || f->fin) plan_pump(n, to, next);
}

static void add_fragment(struct pdk_net *n, struct flight *f, size_t len)
{
    if (f->first + f->count == f->cap) {
        if (f->count > 0)
            memmove(f->fragments, f->fragments + f->first, f->count * sizeof *f->fragments);
        f->first = 0;
        if (f->count == f->cap) {
            f->cap = f->cap > 0 ? f->cap * 2 : 16;
            f->fragments = realloc(f->fragments, f->cap * sizeof *f->fragments);
            PDK_ASSERT(f->fragments != NULL);
        }
    }
    int64_t at = n->world->now_us + draw_latency(n);
    if (at < f->last_us) at = f->last_us;
    f->last_us = at;
    f->fragments[f->first + f->count++] = (struct fragment){.len = len, .at_us = at};
}

void pdk_net_send(struct pdk_net *n, pdk_end end, struct pdk_slice bytes)
{
    struct stream *s = stream_of(n, end);
    struct flight *f = &s->to[1 - end % 2];
    PDK_ASSERT(s->ends[end % 2].open);
    if (bytes.len == 0 || s->ends[end % 2].broken || s->ends[1 - end % 2].over) return;
    PDK_ASSERT(!f->fin);
    pdk_put_raw(&f->bytes, bytes.bytes, bytes.len);
    for (size_t left = bytes.len; left > 0;) {
        size_t len = left;
        if (n->config.fragment_max > 0)
            len = pdk_min_size(left, 1 + (size_t)pdk_world_below(n->world, n->config.fragment_max));
        add_fragment(n, f, len);
        left -= len;
    }
    plan_pump(n, end ^ 1u, f->fragments[f->first].at_us);
}

size_t pdk_net_unsent(const struct pdk_net *n, pdk_end end)
{
    const struct flight *f = &stream_of(n, end)->to[1 - end % 2];
    return f->bytes.len - f->gone;
}

struct pdk_slice pdk_net_unread(const struct pdk_net *n, pdk_end end)
{
    const struct end *e = end_of(n, end);
    if (e->inbox.len == 0) return pdk_slice_of("", 0);
    return pdk_slice_of(e->inbox.bytes + e->taken, e->inbox.len - e->taken);
}

void pdk_net_take(struct pdk_net *n, pdk_end end, size_t len)
{
    struct end *e = end_of(n, end);
    PDK_ASSERT(len <= e->inbox.len - e->taken);
    e->taken += len;
    if (e->taken == e->inbox.len) {
        e->taken = 0;
        pdk_buf_clear(&e->inbox);
    }
}

uint32_t pdk_net_peer_host(const struct pdk_net *n, pdk_end end)
{
    return stream_of(n, end)->host[1 - end % 2];
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void answer_dial(void *ctx, uint64_t number, uint64_t connected)
{
    struct pdk_net *n = ctx;
    struct stream *s = stream_of(n, (pdk_end)number);
    struct end *e = &s->ends[0];
    if (s->answered) return;
    s->answered = true;
    if (!e->open || !is_held(n, s, 0)) return;
    if (e->over) connected = 0; /* a reset has overtaken the answer */
    if (connected == 0) e->open = false;
    const struct pdk_net_handler *h = &n->hosts[s->host[0]].handler;
    h->dialled(h->ctx, (pdk_end)number, connected != 0);
}

/* The answer on its way back, if nothing is in its way. */
static void send_answer(struct pdk_net *n, pdk_end dialler, bool connected)
{
    const struct stream *s = stream_of(n, dialler);
    if (!n->blocked[s->host[1]][s->host[0]])
        pdk_world_in(n->world, draw_latency(n), answer_dial, n, dialler, connected);
}

static void connect_arrives(void *ctx, uint64_t number, uint64_t unused)
{
    (void)unused;
    struct pdk_net *n = ctx;
    pdk_end dialler = (pdk_end)number;
    struct stream *s = stream_of(n, dialler);
    struct host *h = &n->hosts[s->host[1]];
    if (s->answered) return;
    if (!h->powered || !passes(n, s->host[0], s->host[1])) {
        pdk_world_in(n->world, draw_retry(n), connect_arrives, n, dialler, 0);
        return;
    }
    if (!h->up || !listens(h, s->port)) {
        send_answer(n, dialler, false);
        return;
    }
    s->connected = true;
    s->life[1] = h->life;
    s->ends[1].open = true;
    h->handler.accepted(h->handler.ctx, s->port, s->host[0], dialler ^ 1u);
    send_answer(n, dialler, true);
    /* A dialler that has given up meanwhile. */
    if (!s->ends[0].open || !is_held(n, s, 0)) send_reset(n, dialler ^ 1u);
}

static void dial_times_out(void *ctx, uint64_t number, uint64_t unused)
{
    (void)unused;
    struct pdk_net *n = ctx;
    struct stream *s = stream_of(n, (pdk_end)number);
    if (s->answered) return;
    answer_dial(n, number, 0);
    if (s->connected) send_reset(n, (pdk_end)number ^ 1u);
}

pdk_end pdk_net_dial(struct pdk_net *n, uint32_t from, uint32_t to, int port, int64_t timeout_us)
{
    PDK_ASSERT(from < PDK_NET_HOSTS && to < PDK_NET_HOSTS && n->hosts[from].up);
    if (n->count == n->cap) {
        n->cap = n->cap > 0 ? n->cap * 2 : 64;
        n->streams = realloc(n->streams, n->cap * sizeof(struct stream *));
        PDK_ASSERT(n->streams != NULL);
    }
    struct stream *s = calloc(1, sizeof *s);
    PDK_ASSERT(s != NULL);
    n->streams[n->count] = s;
    pdk_end end = (pdk_end)(n->count++ * 2);
    s->host[0] = from;
    s->host[1] = to;
    s->life[0] = n->hosts[from].life;
    s->port = port;
    s->ends[0].open = true;
    for (unsigned side = 0; side < 2; side++) {
        pdk_buf_init(&s->ends[side].inbox, pdk_mem_heap(), SIZE_MAX);
        pdk_buf_init(&s->to[side].bytes, pdk_mem_heap(), SIZE_MAX);
    }
    pdk_world_in(n->world, draw_latency(n), connect_arrives, n, end, 0);
    pdk_world_in(n->world, timeout_us, dial_times_out, n, end, 0);
    return end;
}

void pdk_net_close(struct pdk_net *n, pdk_end end)
{
    struct stream *s = stream_of(n, end);
    struct end *e = &s->ends[end % 2];
    if (!e->open) return;
    e->open = false;
    if (!s->connected || e->broken) return; /* the connect, when it arrives, finds nobody */
    if (e->inbox.len > e->taken) {
        send_reset(n, end ^ 1u);
        return;
    }
    struct flight *f = &s->to[1 - end % 2];
    f->fin = true;
    int64_t at = n->world->now_us + draw_latency(n);
    if (at > f->last_us) f->last_us = at;
    plan_pump(n, end ^ 1u, f->count > 0 ? f->fragments[f->first].at_us : f->last_us);
}

void pdk_net_abort(struct pdk_net *n, pdk_end end)
{
    struct stream *s = stream_of(n, end);
    if (!s->ends[end % 2].open) return;
    s->ends[end % 2].open = false;
    if (s->connected) send_reset(n, end ^ 1u);
}

void pdk_net_listen(struct pdk_net *n, uint32_t host, int port, bool on)
{
    struct host *h = &n->hosts[host];
    PDK_ASSERT(h->up);
    if (listens(h, port) == on) return;
    if (on) {
        PDK_ASSERT(h->port_count < PORTS_MAX);
        h->ports[h->port_count++] = port;
        return;
    }
    for (size_t i = 0; i < h->port_count; i++) {
        if (h->ports[i] == port) h->ports[i--] = h->ports[--h->port_count];
    }
}

void pdk_net_host_up(struct pdk_net *n, uint32_t host, const struct pdk_net_handler *handler)
{
    struct host *h = &n->hosts[host];
    PDK_ASSERT(!h->up);
    h->handler = *handler;
    h->up = h->powered = true;
    h->life++;
    h->port_count = 0;
}

void pdk_net_host_down(struct pdk_net *n, uint32_t host, enum pdk_net_death death)
{
    struct host *h = &n->hosts[host];
    if (death == PDK_NET_POWER_OFF) h->powered = false;
    if (!h->up) return;
    for (size_t i = 0; i < n->count; i++) {
        struct stream *s = n->streams[i];
        for (unsigned side = 0; side < 2; side++) {
            if (s->host[side] != host || !s->ends[side].open || !is_held(n, s, side)) continue;
            s->ends[side].open = false;
            if (death == PDK_NET_KILLED && s->connected) send_reset(n, (pdk_end)(i * 2 + 1 - side));
        }
    }
    h->up = false;
    h->port_count = 0;
}

/* ---- faults ---------------------------------------------------------------------------------- */

void pdk_net_block(struct pdk_net *n, uint32_t from, uint32_t to, bool on)
{
    n->blocked[from][to] = on;
}

bool pdk_net_is_blocked(const struct pdk_net *n, uint32_t from, uint32_t to)
{
    return n->blocked[from][to];
}

void pdk_net_heal(struct pdk_net *n)
{
    memset(n->blocked, 0, sizeof n->blocked);
    memset(n->clogged_us, 0, sizeof n->clogged_us);
}

void pdk_net_clog(struct pdk_net *n, uint32_t from, uint32_t to, int64_t until_us)
{
    n->clogged_us[from][to] = until_us;
}

static bool is_between(const struct stream *s, uint32_t a, uint32_t b)
{
    if (!s->connected || s->ends[0].over || s->ends[1].over) return false;
    if (a == PDK_NET_HOSTS) return true;
    return (s->host[0] == a && s->host[1] == b) || (s->host[0] == b && s->host[1] == a);
}

bool pdk_net_reset_one(struct pdk_net *n, uint32_t a, uint32_t b)
{
    size_t found = 0, chosen = 0;
    for (size_t i = 0; i < n->count; i++) {
        if (is_between(n->streams[i], a, b) && pdk_world_one_in(n->world, ++found)) chosen = i;
    }
    if (found == 0) return false;
    for (unsigned side = 0; side < 2; side++) send_reset(n, (pdk_end)(chosen * 2 + side));
    return true;
}
