#include "shell/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/address.h"

#define ACCEPTS_PER_TURN 64

struct pdk_listener {
    struct pdk_source source;
    struct pdk_listener_config config;
    struct pdk_loop *loop;
    struct pdk_conns *conns;
    int fd;
    int spare_fd; /* given up for a moment when descriptors run out */
    bool ready;   /* the loop has said so in this turn */
    int64_t now_ms;
    int32_t port;
    char host[INET6_ADDRSTRLEN + 2];
    struct pdk_log_limit refused_limit, failed_limit;
};

static void log_refused(struct pdk_listener *l, const struct sockaddr_storage *peer)
{
    l->config.metrics->connection_rejected++;
    uint64_t held_back = 0;
    if (!pdk_log_limit_pass(&l->refused_limit, l->now_ms, 1000, &held_back)) return;
    char address[INET6_ADDRSTRLEN] = "?";
    (void)getnameinfo((const struct sockaddr *)peer, sizeof *peer, address, sizeof address, NULL, 0,
                      NI_NUMERICHOST);
    pdk_log_write(l->config.log, PDK_LOG_WARN,
                  "conn.refused address=%s connections=%zu held_back=%llu: too many connections "
                  "(maxClientCnxns of one address, maxCnxns of all)",
                  address, pdk_conns_count(l->conns), (unsigned long long)held_back);
}

static void log_failed(struct pdk_listener *l, const char *what, const char *why)
{
    uint64_t held_back = 0;
    if (!pdk_log_limit_pass(&l->failed_limit, l->now_ms, 1000, &held_back)) return;
    pdk_log_write(l->config.log, PDK_LOG_ERROR,
                  "conn.accept_failed call=%s why=\"%s\" connections=%zu held_back=%llu: raise the "
                  "limit of open files (ulimit -n, LimitNOFILE=) or lower maxCnxns",
                  what, why, pdk_conns_count(l->conns), (unsigned long long)held_back);
}

/* Out of descriptors: takes the caller off the queue with the spare one and lets it go. */
static void shed_one(struct pdk_listener *l)
{
    if (l->spare_fd >= 0) (void)close(l->spare_fd);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) (void)close(fd);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    l->config.metrics->connection_rejected++;
}

static void on_ready(struct pdk_source *self, uint32_t events)
{
    (void)events;
    ((struct pdk_listener *)(void *)self)->ready = true;
}

void pdk_listener_turn(struct pdk_listener *l, int64_t mono_ms)
{
    if (!l->ready) return;
    l->ready = false; /* level triggered: whom we leave waiting is told again */
    l->now_ms = mono_ms;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t peer_len = sizeof peer;
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                log_failed(l, "accept", strerror(errno));
                shed_one(l);
            }
            return; /* nobody is left, or one caller has gone again */
        }
        enum pdk_err err = pdk_conns_adopt(l->conns, fd, &peer);
        if (err == PDK_OK) continue;
        (void)close(fd);
        if (err == PDK_EBUSY)
            log_refused(l, &peer);
        else
            log_failed(l, "register", pdk_err_name(err));
    }
}

/* ---- opening ------------------------------------------------------------------------------- */
static int listen_on(const struct pdk_listener_config *config, const struct pdk_sockaddr *address)
{
    const struct pdk_listen_options options = {.backlog = config->backlog,
                                               .keepalive = config->tcp_keepalive};
    return address != NULL ? pdk_listen_on(address, &options)
                           : pdk_listen_on_all(config->port, &options);
}

/* PDK_EINVAL: the name means nothing.  Else *fd >= 0 or errno says why not. */
static enum pdk_err open_named(const struct pdk_listener_config *config, int *fd,
                               struct pdk_diag *diag)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char port[16];
    (void)snprintf(port, sizeof port, "%d", config->port);
    int failed = getaddrinfo(config->host, port, &hints, &found);
    if (failed != 0) {
        pdk_diag_set(diag, "clientPortAddress %s is no address of this machine: %s", config->host,
                     gai_strerror(failed));
        return PDK_EINVAL;
    }
    struct pdk_sockaddr address = {.len = found->ai_addrlen};
    PDK_ASSERT(found->ai_addrlen <= sizeof address.in6);
    memcpy(&address.any, found->ai_addr, found->ai_addrlen);
    *fd = listen_on(config, &address);
    int saved = errno;
    freeaddrinfo(found);
    errno = saved;
    return PDK_OK;
}

static void note_address(struct pdk_listener *l)
{
    struct pdk_sockaddr own = pdk_sockaddr_own(l->fd);
    l->port = pdk_sockaddr_port(&own);
    char text[INET6_ADDRSTRLEN] = "";
    (void)getnameinfo(&own.any, own.len, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    if (l->config.host[0] == '\0')
        (void)snprintf(l->host, sizeof l->host, "*");
    else
        (void)snprintf(l->host, sizeof l->host, own.any.sa_family == AF_INET6 ? "[%s]" : "%s",
                       text);
}

enum pdk_err pdk_listener_open(const struct pdk_listener_config *config, struct pdk_loop *loop,
                               struct pdk_conns *conns, struct pdk_listener **out,
                               struct pdk_diag *diag)
{
    int fd = -1;
    if (config->host[0] == '\0') {
        fd = listen_on(config, NULL);
    } else {
        enum pdk_err err = open_named(config, &fd, diag);
        if (err != PDK_OK) return err;
    }
    if (fd < 0) {
        bool taken = errno == EADDRINUSE;
        pdk_diag_set(diag, "cannot listen on %s port %d: %s",
                     config->host[0] != '\0' ? config->host : "all addresses", config->port,
                     strerror(errno));
        return taken ? PDK_EBUSY : PDK_EIO;
    }
    struct pdk_listener *l = pdk_mem_try_zero(config->mem, 1, sizeof *l);
    if (l == NULL) {
        (void)close(fd);
        pdk_diag_set(diag, "cannot listen: out of memory");
        return PDK_ENOMEM;
    }
    l->source.ready = on_ready;
    l->config = *config;
    l->loop = loop;
    l->conns = conns;
    l->fd = fd;
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    note_address(l);
    if (pdk_loop_add(loop, fd, EPOLLIN, &l->source) != PDK_OK) {
        pdk_diag_set(diag, "cannot watch the listening socket: %s", strerror(errno));
        pdk_listener_close(l);
        return PDK_EIO;
    }
    *out = l;
    return PDK_OK;
}

void pdk_listener_close(struct pdk_listener *listener)
{
    if (listener == NULL) return;
    pdk_loop_remove(listener->loop, listener->fd);
    (void)close(listener->fd);
    if (listener->spare_fd >= 0) (void)close(listener->spare_fd);
    pdk_mem_free(listener->config.mem, listener);
}

int32_t pdk_listener_port(const struct pdk_listener *listener) { return listener->port; }
const char *pdk_listener_host(const struct pdk_listener *listener) { return listener->host; }
