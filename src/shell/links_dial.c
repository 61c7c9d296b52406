#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/links_internal.h"

static void note_failure(struct link *l, const char *why)
{
    struct dial *d = l->dial;
    const char *host = d->next > 0 ? d->addresses[d->next - 1].host : "";
    int32_t port = d->next > 0 ? d->addresses[d->next - 1].port : 0;
    (void)snprintf(d->why, sizeof d->why, "%.40s:%d %.40s", host, (int)port, why);
}

/* Nobody is there: told at the turn's end. */
static void fail(struct pdk_links *links, struct link *l)
{
    l->answer_due = true;
    links->more = true;
    uint64_t held_back = 0;
    if (pdk_log_limit_pass(&links->dial_limit, links->now_ms, 10000, &held_back))
        pdk_log_write(links->config.log, PDK_LOG_INFO, "link.dial_failed why=\"%s\" held_back=%llu",
                      l->dial->why, (unsigned long long)held_back);
}

static void connected(struct pdk_links *links, struct link *l)
{
    pdk_mem_free(links->config.mem, l->dial);
    l->dial = NULL;
    l->state = LINK_OPEN;
    l->answer_due = true;
    l->readable = true;
    links->more = true;
}

static int make_socket(struct pdk_links *links, const struct pdk_sockaddr *to)
{
    const int on = 1;
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(to->any.sa_family, type, 0);
    if (fd < 0 && pdk_links_spend_spare(links)) fd = socket(to->any.sa_family, type, 0);
    if (fd < 0) return -1;
    bool good = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    if (good && links->config.keepalive)
        good = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0;
    if (good) return fd;
    (void)close(fd);
    return -1;
}

static void drop_socket(struct pdk_links *links, struct link *l)
{
    if (l->fd < 0) return;
    pdk_loop_remove(links->loop, l->fd);
    (void)close(l->fd);
    l->fd = -1;
    l->readable = l->hung_up = false;
}

/* Begins to connect; false: this one will not do. */
static bool begin_connect(struct pdk_links *links, struct link *l, const struct pdk_sockaddr *to)
{
    l->peer = *to;
    l->fd = make_socket(links, to);
    if (l->fd < 0) {
        note_failure(l, strerror(errno));
        return false;
    }
    if ((connect(l->fd, &to->any, to->len) == 0 || errno == EINPROGRESS) &&
        pdk_links_watch(links, l) == PDK_OK) {
        l->dial->due_ms = links->now_ms + links->config.connect_timeout_ms;
        return true;
    }
    note_failure(l, strerror(errno));
    drop_socket(links, l);
    return false;
}

static void use_resolved(struct dial *d, const struct pdk_sockaddr *addresses, size_t count)
{
    d->waits = false;
    d->resolved_count = count;
    d->resolved_next = 0;
    for (size_t i = 0; i < count; i++) {
        d->resolved[i] = addresses[i];
        pdk_sockaddr_set_port(&d->resolved[i], d->addresses[d->next - 1].port);
    }
}

/* What is the next address?  False: it is not known yet, the resolver will tell. */
static bool look_up(struct pdk_links *links, struct link *l)
{
    struct dial *d = l->dial;
    const char *host = d->addresses[d->next].host;
    struct pdk_sockaddr literal;
    d->next++;
    if (pdk_sockaddr_literal(host, 0, &literal)) {
        use_resolved(d, &literal, 1);
        return true;
    }
    enum pdk_err err = pdk_resolver_ask(links->resolver, host);
    if (err != PDK_OK) {
        note_failure(l, pdk_err_name(err));
        use_resolved(d, NULL, 0);
        return true;
    }
    d->waits = true;
    d->due_ms = links->now_ms + NAME_PATIENCE_MS;
    return false;
}

/* Goes on until an attempt is under way or nothing is left. */
static void try_next(struct pdk_links *links, struct link *l)
{
    struct dial *d = l->dial;
    for (;;) {
        while (d->resolved_next < d->resolved_count) {
            if (begin_connect(links, l, &d->resolved[d->resolved_next++])) return;
        }
        if (d->next == d->count) {
            fail(links, l);
            return;
        }
        if (!look_up(links, l)) return;
    }
}

void pdk_links_dial(struct pdk_links *links, uint32_t link, const struct pdk_address *addresses,
                    size_t count)
{
    PDK_ASSERT(link >= PDK_LINK_DIALLED && pdk_links_find(links, link) == NULL);
    struct link *l = pdk_links_new(links);
    struct dial *d = pdk_mem_must_zero(links->config.mem, 1, sizeof *d);
    PDK_ASSERT(l != NULL); /* the node waits for an answer that could not be given */
    enum pdk_err err = pdk_map_put_ptr(&links->dialled, link, l);
    PDK_ASSERT(err == PDK_OK);
    l->state = LINK_DIALLING;
    l->dial = d;
    l->id = link;
    l->has_id = true;
    for (size_t i = 0; i < count && d->count < PDK_ADDRESSES_MAX; i++) {
        /* No name is longer; a cut one would be another. */
        if (strlen(addresses[i].host) >= PDK_HOST_BYTES) continue;
        memcpy(d->addresses[d->count].host, addresses[i].host, strlen(addresses[i].host) + 1);
        d->addresses[d->count++].port = addresses[i].port;
    }
    try_next(links, l);
}

/* A port of the ephemeral range that nobody listens on can be connected to itself. */
static bool is_itself(int fd)
{
    struct pdk_sockaddr own = pdk_sockaddr_own(fd);
    struct pdk_sockaddr peer = {.len = sizeof peer.in6};
    if (getpeername(fd, &peer.any, &peer.len) != 0) return false;
    return own.len == peer.len && memcmp(&own.any, &peer.any, own.len) == 0;
}

void pdk_links_dial_ready(struct pdk_links *links, struct link *l)
{
    if (l->answer_due || l->fd < 0) return;
    int err = 0;
    socklen_t len = sizeof err;
    if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0) err = errno;
    if (err == 0) {
        struct pdk_sockaddr peer = {.len = sizeof peer.in6};
        if (getpeername(l->fd, &peer.any, &peer.len) != 0) return; /* not there yet */
        if (!is_itself(l->fd)) {
            connected(links, l);
            return;
        }
        err = ECONNREFUSED;
    }
    note_failure(l, strerror(err));
    drop_socket(links, l);
    try_next(links, l);
}

void pdk_links_dial_turn(struct pdk_links *links, struct link *l)
{
    struct dial *d = l->dial;
    if (links->now_ms < d->due_ms) return;
    if (d->waits) {
        /* Nothing may wait for a dead name: what it meant last time, or the next address. */
        struct pdk_sockaddr last[PDK_RESOLVED_MAX];
        size_t count = pdk_resolver_last(links->resolver, d->addresses[d->next - 1].host, last);
        if (count == 0 && d->next == d->count && !d->patience_over) {
            d->patience_over = true; /* it is all we have: wait for the system's answer */
            d->due_ms = links->now_ms + links->config.connect_timeout_ms;
            return;
        }
        note_failure(l, "name not resolved in time");
        use_resolved(d, last, count);
    } else {
        note_failure(l, "connect timed out");
        drop_socket(links, l);
    }
    try_next(links, l);
}

void pdk_links_dial_resolved(struct pdk_links *links, const struct pdk_resolved *answer)
{
    for (struct link *l = links->all; l != NULL; l = l->next) {
        struct dial *d = l->dial;
        if (l->state != LINK_DIALLING || !d->waits ||
            strcmp(d->addresses[d->next - 1].host, answer->host) != 0)
            continue;
        if (answer->count == 0) note_failure(l, answer->why);
        use_resolved(d, answer->addresses, answer->count);
        try_next(links, l);
    }
}
