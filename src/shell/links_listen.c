#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shell/links_internal.h"
#include "shell/portholder.h"

#define ACCEPTS_AT_ONCE 32

static const char *port_name(enum pdk_port kind)
{
    static const char *const names[PDK_PORT_COUNT] = {"election", "quorum", "observer_master"};
    return names[kind];
}

/* ---- accepting ------------------------------------------------------------------------------- */
static void refuse(struct pdk_links *links, int fd, const struct pdk_sockaddr *peer,
                   const char *why)
{
    (void)close(fd);
    uint64_t held_back = 0;
    if (!pdk_log_limit_pass(&links->accept_limit, links->now_ms, 1000, &held_back)) return;
    char text[PDK_SOCKADDR_TEXT_BYTES];
    pdk_log_write(links->config.log, PDK_LOG_WARN,
                  "link.refused peer=%s why=\"%s\" links=%" PRIu32 " held_back=%" PRIu64,
                  pdk_sockaddr_text(peer, text), why, links->accepted_count, held_back);
}

/* Those that come and say nothing must not keep out those that have something to say: the oldest of
 * them goes. */
static void make_place(struct pdk_links *links)
{
    if (links->accepted_count < links->config.accepted_max) return;
    struct link *silent = NULL;
    for (struct link *l = links->all; l != NULL; l = l->next) {
        bool is_accepted = l->has_id && l->id < PDK_LINK_DIALLED;
        if (is_accepted && !l->heard && !l->readable && !l->lost) silent = l; /* newest first */
    }
    if (silent == NULL) return;
    links->accepted_count--; /* its place is free, its number not yet */
    silent->evicted = true;
    pdk_links_lose(links, silent);
}

static void adopt(struct pdk_links *links, enum pdk_port kind, int fd,
                  const struct pdk_sockaddr *peer)
{
    make_place(links);
    struct link *l = pdk_links_new(links);
    if (l == NULL) {
        refuse(links, fd, peer, "out of memory");
        return;
    }
    l->state = LINK_OPEN;
    l->peer = *peer;
    if (!pdk_links_give_number(links, l)) {
        refuse(links, fd, peer, "too many links");
        pdk_links_bury(links, l);
        return;
    }
    l->fd = fd;
    if (pdk_links_watch(links, l) != PDK_OK) {
        l->fd = -1;
        refuse(links, fd, peer, "it cannot be watched");
        pdk_links_bury(links, l);
        return;
    }
    l->readable = true;
    links->more = true;
    links->nudged = true;
    char text[PDK_SOCKADDR_TEXT_BYTES];
    links->handler->accepted(links->handler->ctx, l->id, kind,
                             pdk_slice_str(pdk_sockaddr_text(peer, text)));
}

static int accept_one(struct pdk_links *links, int listening, struct pdk_sockaddr *peer)
{
    for (;;) {
        *peer = (struct pdk_sockaddr){.len = sizeof peer->in6};
        int fd = accept4(listening, &peer->any, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) return fd;
        if (errno == ECONNABORTED || errno == EINTR) continue;
        if (!pdk_links_spend_spare(links)) return -1;
    }
}

static void on_ready(struct pdk_source *self, uint32_t events)
{
    (void)events;
    struct listening *a = PDK_CONTAINER_OF(self, struct listening, source);
    struct pdk_links *links = a->port->links;
    /* The handler may stop listening while it is told. */
    for (int i = 0; i < ACCEPTS_AT_ONCE && a->fd >= 0; i++) {
        struct pdk_sockaddr peer;
        int fd = accept_one(links, a->fd, &peer);
        if (fd < 0) return;
        adopt(links, a->port->kind, fd, &peer);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */
static void close_one(struct pdk_links *links, struct listening *a)
{
    a->waits = false;
    a->due_ms = INT64_MAX;
    if (a->fd < 0) return;
    pdk_loop_remove(links->loop, a->fd);
    (void)close(a->fd);
    a->fd = -1;
}

static bool is_open(const struct port *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i].fd >= 0) return true;
    }
    return false;
}

static bool tries_are_over(const struct pdk_links *links, const struct port *p)
{
    return p->kind != PDK_PORT_OBSERVER_MASTER && links->config.bind_tries > 0 &&
           p->tries >= links->config.bind_tries * (int32_t)p->count && !is_open(p);
}

/* "..., which process 4711 (java ...) holds": looking that up takes a while. */
static void name_holder(int32_t port, char *out, size_t cap)
{
    struct pdk_port_holder holder = pdk_port_holder_find(port);
    if (holder.pid > 0)
        (void)snprintf(out, cap, ", which process %" PRId64 " (%s) holds", holder.pid,
                       holder.command);
    else if (holder.listening)
        (void)snprintf(out, cap, ", which a process of user id %" PRId64 " holds", holder.uid);
    else
        (void)snprintf(out, cap, "%s", "");
}

static void open_failed(struct pdk_links *links, struct listening *a, const char *why, bool taken)
{
    struct port *p = a->port;
    a->due_ms = links->now_ms + BIND_RETRY_MS;
    p->tries++;
    bool over = tries_are_over(links, p);
    bool first = p->tries == 1;
    if (!over && !first) return;
    char holder[256] = "";
    if (taken) name_holder(a->number, holder, sizeof holder);
    pdk_diag_set(&p->diag, "cannot listen on %s port %" PRId32 " (%s)%s: %s",
                 a->host[0] != '\0' ? a->host : "all addresses", a->number, port_name(p->kind),
                 holder, why);
    if (over) {
        p->deaf = true;
        links->more = true;
        return;
    }
    pdk_log_write(links->config.log, PDK_LOG_WARN,
                  "link.listen_failed why=\"%s\": tried again each second", p->diag.text);
}

static void opened(struct pdk_links *links, struct listening *a, int fd)
{
    a->fd = fd;
    a->due_ms = INT64_MAX;
    a->source.ready = on_ready;
    if (pdk_loop_add(links->loop, fd, EPOLLIN, &a->source) != PDK_OK) {
        a->fd = -1;
        (void)close(fd);
        open_failed(links, a, strerror(errno), false);
        return;
    }
    struct pdk_sockaddr own = pdk_sockaddr_own(fd);
    char text[PDK_SOCKADDR_TEXT_BYTES];
    pdk_log_write(links->config.log, PDK_LOG_INFO, "link.listening port=%s address=%s",
                  port_name(a->port->kind), pdk_sockaddr_text(&own, text));
}

/* `addresses` NULL: all of this machine's. */
static void open_on(struct pdk_links *links, struct listening *a,
                    const struct pdk_sockaddr *addresses, size_t count)
{
    const struct pdk_listen_options options = {.backlog = -1, .keepalive = links->config.keepalive};
    int fd = -1;
    errno = EADDRNOTAVAIL;
    if (addresses == NULL) {
        fd = pdk_listen_on_all(a->number, &options);
        if (fd < 0 && pdk_links_spend_spare(links)) fd = pdk_listen_on_all(a->number, &options);
    }
    for (size_t i = 0; i < count && fd < 0; i++) {
        struct pdk_sockaddr address = addresses[i];
        pdk_sockaddr_set_port(&address, a->number);
        fd = pdk_listen_on(&address, &options);
        if (fd < 0 && pdk_links_spend_spare(links)) fd = pdk_listen_on(&address, &options);
    }
    if (fd >= 0)
        opened(links, a, fd);
    else
        open_failed(links, a, strerror(errno), errno == EADDRINUSE);
}

static void open_one(struct pdk_links *links, struct listening *a)
{
    struct pdk_sockaddr literal;
    a->due_ms = INT64_MAX;
    if (a->host[0] == '\0') {
        open_on(links, a, NULL, 0);
    } else if (pdk_sockaddr_literal(a->host, a->number, &literal)) {
        open_on(links, a, &literal, 1);
    } else if (pdk_resolver_ask(links->resolver, a->host) == PDK_OK) {
        a->waits = true;
        a->due_ms = links->now_ms + NAME_PATIENCE_MS;
    } else {
        open_failed(links, a, "too many names are being resolved", false);
    }
}

static void use_name(struct pdk_links *links, struct listening *a,
                     const struct pdk_sockaddr *addresses, size_t count, const char *why)
{
    a->waits = false;
    if (count > 0)
        open_on(links, a, addresses, count);
    else
        open_failed(links, a, why, false);
}

void pdk_links_listen_resolved(struct pdk_links *links, const struct pdk_resolved *answer)
{
    for (size_t k = 0; k < PDK_PORT_COUNT; k++) {
        struct port *p = &links->ports[k];
        for (size_t i = 0; i < p->count; i++) {
            struct listening *a = &p->at[i];
            if (a->waits && strcmp(a->host, answer->host) == 0)
                use_name(links, a, answer->addresses, answer->count, answer->why);
        }
    }
}

/* ---- what the wiring asks for ---------------------------------------------------------------- */
static void start(struct pdk_links *links, struct port *p)
{
    p->tries = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i].fd < 0) open_one(links, &p->at[i]);
    }
}

static void stop(struct pdk_links *links, struct port *p)
{
    for (size_t i = 0; i < p->count; i++) close_one(links, &p->at[i]);
    p->deaf = false;
}

static bool same_addresses(const struct port *p, const struct pdk_address *addresses, size_t count)
{
    if (p->count != count) return false;
    for (size_t i = 0; i < count; i++) {
        if (p->at[i].number != addresses[i].port || strcmp(p->at[i].host, addresses[i].host) != 0)
            return false;
    }
    return true;
}

void pdk_links_set_addresses(struct pdk_links *links, enum pdk_port port,
                             const struct pdk_address *addresses, size_t count)
{
    struct port *p = &links->ports[port];
    count = pdk_min_size(count, LISTEN_ADDRESSES_MAX);
    if (same_addresses(p, addresses, count)) return;
    stop(links, p);
    p->count = count;
    for (size_t i = 0; i < count; i++) {
        p->at[i] = (struct listening){
            .port = p, .number = addresses[i].port, .fd = -1, .due_ms = INT64_MAX};
        (void)snprintf(p->at[i].host, sizeof p->at[i].host, "%s", addresses[i].host);
    }
    if (p->wanted) start(links, p);
}

void pdk_links_listen(struct pdk_links *links, enum pdk_port port, bool on)
{
    struct port *p = &links->ports[port];
    if (p->wanted == on) return;
    p->wanted = on;
    if (on)
        start(links, p);
    else
        stop(links, p);
}

int32_t pdk_links_port(const struct pdk_links *links, enum pdk_port port)
{
    const struct port *p = &links->ports[port];
    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i].fd < 0) continue;
        struct pdk_sockaddr own = pdk_sockaddr_own(p->at[i].fd);
        return pdk_sockaddr_port(&own);
    }
    return 0;
}

void pdk_links_listen_turn(struct pdk_links *links)
{
    for (size_t k = 0; k < PDK_PORT_COUNT; k++) {
        struct port *p = &links->ports[k];
        for (size_t i = 0; i < p->count; i++) {
            struct listening *a = &p->at[i];
            if (links->now_ms < a->due_ms) continue;
            if (a->waits) {
                struct pdk_sockaddr last[PDK_RESOLVED_MAX];
                size_t count = pdk_resolver_last(links->resolver, a->host, last);
                a->due_ms = INT64_MAX; /* its answer comes in the end */
                if (count > 0) use_name(links, a, last, count, "");
            } else {
                open_one(links, a);
            }
        }
        if (!p->deaf) continue;
        p->deaf = false;
        links->handler->deaf(links->handler->ctx, p->kind, &p->diag);
    }
}

int64_t pdk_links_listen_deadline(const struct pdk_links *links)
{
    int64_t due = INT64_MAX;
    for (size_t k = 0; k < PDK_PORT_COUNT; k++) {
        const struct port *p = &links->ports[k];
        for (size_t i = 0; i < p->count; i++) {
            if (p->at[i].due_ms < due) due = p->at[i].due_ms;
        }
    }
    return due;
}

void pdk_links_listen_init(struct pdk_links *links)
{
    for (size_t k = 0; k < PDK_PORT_COUNT; k++) {
        links->ports[k].links = links;
        links->ports[k].kind = (enum pdk_port)k;
    }
}

void pdk_links_listen_deinit(struct pdk_links *links)
{
    for (size_t k = 0; k < PDK_PORT_COUNT; k++) stop(links, &links->ports[k]);
}
