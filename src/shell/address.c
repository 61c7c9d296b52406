#include "shell/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool pdk_sockaddr_literal(const char *host, int32_t port, struct pdk_sockaddr *out)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (host[0] == '\0' || getaddrinfo(host, NULL, &hints, &found) != 0) return false;
    *out = (struct pdk_sockaddr){.len = found->ai_addrlen};
    PDK_ASSERT(found->ai_addrlen <= sizeof out->in6);
    memcpy(&out->any, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    pdk_sockaddr_set_port(out, port);
    return true;
}

void pdk_sockaddr_set_port(struct pdk_sockaddr *a, int32_t port)
{
    if (a->any.sa_family == AF_INET6)
        a->in6.sin6_port = htons((uint16_t)port);
    else
        a->in.sin_port = htons((uint16_t)port);
}

int32_t pdk_sockaddr_port(const struct pdk_sockaddr *a)
{
    if (a->len == 0) return 0;
    return ntohs(a->any.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

const char *pdk_sockaddr_text(const struct pdk_sockaddr *a, char out[PDK_SOCKADDR_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN + 20];
    if (a->len == 0 ||
        getnameinfo(&a->any, a->len, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0) {
        (void)snprintf(out, PDK_SOCKADDR_TEXT_BYTES, "?");
        return out;
    }
    (void)snprintf(out, PDK_SOCKADDR_TEXT_BYTES,
                   a->any.sa_family == AF_INET6 ? "[%.66s]:%d" : "%.66s:%d", host,
                   pdk_sockaddr_port(a));
    return out;
}

int pdk_listen_on(const struct pdk_sockaddr *address, const struct pdk_listen_options *options)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int on = 1, off = 0;
    /* Accepted sockets inherit these: no call per connection. */
    bool good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    if (good && options->keepalive)
        good = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0;
    if (good && address->any.sa_family == AF_INET6)
        good = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0;
    if (good) good = bind(fd, &address->any, address->len) == 0;
    if (good) good = listen(fd, options->backlog > 0 ? options->backlog : SOMAXCONN) == 0;
    if (good) return fd;
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

int pdk_listen_on_all(int32_t port, const struct pdk_listen_options *options)
{
    /* An IPv6 socket takes IPv4, too; without IPv6 in the system an IPv4 one. */
    const struct pdk_sockaddr in6 = {
        .in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)},
        .len = sizeof(struct sockaddr_in6)};
    int fd = pdk_listen_on(&in6, options);
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
    const struct pdk_sockaddr in = {
        .in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)},
        .len = sizeof(struct sockaddr_in)};
    return pdk_listen_on(&in, options);
}

struct pdk_sockaddr pdk_sockaddr_own(int fd)
{
    struct pdk_sockaddr own = {.len = sizeof own.in6};
    if (getsockname(fd, &own.any, &own.len) != 0) own.len = 0;
    return own;
}
