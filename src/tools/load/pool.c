#include "tools/load/pool.h"

#include "base/mem.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BYTES (256u << 10)
#define EVENTS_MAX 512
/* How often the machines' deadlines are looked at, and how often while they are to reconnect. */
#define TICK_NS (50 * PDK_LOAD_NS_PER_MS)
#define TICK_OPENING_NS PDK_LOAD_NS_PER_MS
/* Sessions that are being opened at one time: below any listener's backlog. */
#define OPENING_MAX 100

static int64_t ms_of(int64_t now_ns) { return now_ns / PDK_LOAD_NS_PER_MS; }

/* ---- effects ----------------------------------------------------------------------------- */

static void close_socket(struct pdk_load_conn *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->wants_room = false;
}

static void open_socket(struct pdk_load_conn *c, int64_t now_ns)
{
    const struct sockaddr_in *at = &c->pool->settings->server;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        perror("paddock-load: socket");
        exit(1);
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->wants_room = true; /* writable will mean connected */
    if ((connect(c->fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(c->pool->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        close_socket(c);
        pdk_client_lost(c->client, ms_of(now_ns));
    }
}

static void state_changed(struct pdk_load_conn *c, enum pdk_client_state state)
{
    struct pdk_load_pool *p = c->pool;
    bool stands = state == PDK_CLIENT_CONNECTED || state == PDK_CLIENT_CLOSING;
    if (stands && !c->stands) p->standing++;
    if (!stands && c->stands) {
        p->standing--;
        if (state == PDK_CLIENT_WAITING && p->lost++ == 0) {
            const char *fault = pdk_client_fault(c->client);
            fprintf(stderr, "paddock-load: a connection broke: %s\n",
                    fault != NULL ? fault : "the server has closed it");
        }
    }
    if (state > PDK_CLIENT_CLOSING) p->ended++;
    c->stands = stands;
}

static void take_effects(struct pdk_load_conn *c, int64_t now_ns)
{
    for (;;) {
        size_t count = 0;
        const struct pdk_client_effect *effects = pdk_client_effects(c->client, &count);
        if (count == 0) break;
        bool connect_now = false;
        for (size_t i = 0; i < count; i++) {
            switch (effects[i].kind) {
            case PDK_CLIENT_OUT_REPLY:
            case PDK_CLIENT_OUT_EVENT: break;
            case PDK_CLIENT_OUT_CONNECT: connect_now = true; break;
            case PDK_CLIENT_OUT_DISCONNECT: close_socket(c); break;
            case PDK_CLIENT_OUT_STATE: state_changed(c, effects[i].state); break;
            }
        }
        c->pool->handler.answers(c->pool->handler.ctx, c, effects, count, now_ns);
        pdk_client_effects_clear(c->client);
        if (connect_now) open_socket(c, now_ns);
    }
    if (c->stands) c->pool->handler.ready(c->pool->handler.ctx, c, now_ns);
}

/* ---- sockets ----------------------------------------------------------------------------- */

static void lost(struct pdk_load_conn *c, int64_t now_ns)
{
    close_socket(c);
    pdk_client_lost(c->client, ms_of(now_ns));
    take_effects(c, now_ns);
}

static void ask_for_room(struct pdk_load_conn *c, bool wanted)
{
    if (c->wants_room == wanted) return;
    struct epoll_event ev = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = c};
    (void)epoll_ctl(c->pool->epoll, EPOLL_CTL_MOD, c->fd, &ev);
    c->wants_room = wanted;
}

void pdk_load_pool_flush(struct pdk_load_conn *c, int64_t now_ns)
{
    if (pdk_client_state(c->client) == PDK_CLIENT_CONNECTING) return;
    struct pdk_slice out = pdk_client_output(c->client);
    while (out.len > 0 && c->fd >= 0) {
        ssize_t n = send(c->fd, out.bytes, out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            ask_for_room(c, true);
            return;
        }
        if (n < 0) {
            lost(c, now_ns);
            return;
        }
        pdk_client_sent(c->client, ms_of(now_ns), (size_t)n);
        out = pdk_client_output(c->client);
    }
    if (c->fd >= 0) ask_for_room(c, false);
}

static void writable(struct pdk_load_conn *c, int64_t now_ns)
{
    if (pdk_client_state(c->client) == PDK_CLIENT_CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
            lost(c, now_ns);
            return;
        }
        pdk_client_opened(c->client, ms_of(now_ns));
        take_effects(c, now_ns);
    }
    pdk_load_pool_flush(c, now_ns);
}

static void readable(struct pdk_load_conn *c)
{
    struct pdk_load_pool *p = c->pool;
    ssize_t n = recv(c->fd, p->receive, RECEIVE_BYTES, 0);
    if (n < 0 && errno == EAGAIN) return;
    int64_t now_ns = pdk_load_now_ns();
    if (n <= 0) {
        lost(c, now_ns);
        return;
    }
    pdk_client_received(c->client, ms_of(now_ns), pdk_slice_of(p->receive, (size_t)n));
    take_effects(c, now_ns);
    pdk_load_pool_flush(c, now_ns);
}

static void tick_all(struct pdk_load_pool *p, int64_t now_ns)
{
    for (uint32_t i = 0; i < p->started; i++) {
        struct pdk_load_conn *c = &p->conns[i];
        if (pdk_client_deadline(c->client) > ms_of(now_ns)) continue;
        pdk_client_tick(c->client, ms_of(now_ns));
        take_effects(c, now_ns);
        pdk_load_pool_flush(c, now_ns);
    }
    bool all = p->standing == p->started;
    p->tick_ns = now_ns + (all ? TICK_NS : TICK_OPENING_NS);
}

void pdk_load_pool_turn(struct pdk_load_pool *p, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t now_ns = pdk_load_now_ns();
    if (now_ns >= p->tick_ns) tick_all(p, now_ns);
    if (until_ns > p->tick_ns) until_ns = p->tick_ns;
    int64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / PDK_LOAD_NS_PER_S),
                            .tv_nsec = (long)(wait_ns % PDK_LOAD_NS_PER_S)};
    int count = epoll_pwait2(p->epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++) {
        struct pdk_load_conn *c = events[i].data.ptr;
        if (c->fd >= 0 && events[i].events & EPOLLOUT) writable(c, pdk_load_now_ns());
        if (c->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT) readable(c);
    }
}

/* ---- life -------------------------------------------------------------------------------- */

bool pdk_load_pool_init(struct pdk_load_pool *p, const struct pdk_load_settings *s, uint32_t count,
                        struct pdk_load_handler handler)
{
    *p = (struct pdk_load_pool){.settings = s, .handler = handler, .count = count};
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->conns = calloc(count, sizeof *p->conns);
    p->receive = malloc(RECEIVE_BYTES);
    if (p->epoll < 0 || p->conns == NULL || p->receive == NULL) {
        perror("paddock-load: cannot set up");
        return false;
    }
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.session_timeout_ms = s->session_timeout_ms;
    config.frame_limit_bytes = INT32_MAX / 2; /* a million children make a long answer */
    config.retry_pause_ms = 0;
    config.round_pause_ms = 1;
    for (uint32_t i = 0; i < count; i++) {
        config.prng_seed = s->seed + i;
        p->conns[i] = (struct pdk_load_conn){.pool = p, .fd = -1, .index = i};
        p->conns[i].client = pdk_client_create(&config);
        if (p->conns[i].client == NULL) {
            fprintf(stderr, "paddock-load: out of memory\n");
            return false;
        }
    }
    return true;
}

void pdk_load_pool_deinit(struct pdk_load_pool *p)
{
    for (uint32_t i = 0; p->conns != NULL && i < p->count; i++) {
        close_socket(&p->conns[i]);
        pdk_client_destroy(p->conns[i].client);
    }
    free(p->conns);
    free(p->receive);
    if (p->epoll >= 0) close(p->epoll);
}

bool pdk_load_pool_connect(struct pdk_load_pool *p)
{
    int64_t give_up_ns = pdk_load_now_ns() + p->settings->patience_ns;
    while (p->standing < p->count) {
        int64_t now_ns = pdk_load_now_ns();
        if (now_ns >= give_up_ns || p->ended > 0) {
            fprintf(stderr, "paddock-load: only %u of %u sessions could be opened\n", p->standing,
                    p->count);
            return false;
        }
        while (p->started < p->count && p->started - p->standing < OPENING_MAX) {
            struct pdk_load_conn *c = &p->conns[p->started++];
            pdk_client_start(c->client, ms_of(now_ns));
            take_effects(c, now_ns);
        }
        pdk_load_pool_turn(p, give_up_ns);
    }
    return true;
}

static uint64_t pending(const struct pdk_load_pool *p)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->started; i++) sum += pdk_client_pending(p->conns[i].client);
    return sum;
}

bool pdk_load_pool_drain(struct pdk_load_pool *p)
{
    int64_t give_up_ns = pdk_load_now_ns() + p->settings->patience_ns;
    while (pending(p) > 0) {
        if (pdk_load_now_ns() >= give_up_ns) {
            fprintf(stderr, "paddock-load: %llu requests were never answered\n",
                    (unsigned long long)pending(p));
            return false;
        }
        pdk_load_pool_turn(p, give_up_ns);
    }
    return true;
}

void pdk_load_pool_close(struct pdk_load_pool *p)
{
    int64_t now_ns = pdk_load_now_ns(), give_up_ns = now_ns + p->settings->patience_ns;
    for (uint32_t i = 0; i < p->started; i++) {
        struct pdk_load_conn *c = &p->conns[i];
        if (pdk_client_close(c->client, 0) != PDK_OK) continue;
        take_effects(c, now_ns);
        pdk_load_pool_flush(c, now_ns);
    }
    while (p->ended < p->started && pdk_load_now_ns() < give_up_ns)
        pdk_load_pool_turn(p, give_up_ns);
}
