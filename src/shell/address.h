/* shell/address.h - socket addresses: literals, their text, sockets that listen on them.
 *
 * Nothing here asks a name service.  Threads: any. */
#ifndef PDK_SHELL_ADDRESS_H
#define PDK_SHELL_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/base.h"

struct pdk_sockaddr {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
    socklen_t len; /* 0: none */
};

/* `host` as an IPv4 or IPv6 literal (with a zone, too); false: it is a name. */
bool pdk_sockaddr_literal(const char *host, int32_t port, struct pdk_sockaddr *out);
void pdk_sockaddr_set_port(struct pdk_sockaddr *a, int32_t port);
int32_t pdk_sockaddr_port(const struct pdk_sockaddr *a);
#define PDK_SOCKADDR_TEXT_BYTES 80
/* "127.0.0.1:3888", "[::1]:3888"; "?" when it is no internet address. */
const char *pdk_sockaddr_text(const struct pdk_sockaddr *a, char out[PDK_SOCKADDR_TEXT_BYTES]);

struct pdk_listen_options {
    int32_t backlog; /* < 0: the system's own */
    bool keepalive;  /* of accepted sockets */
};
/* A non-blocking socket that listens; what it accepts sends without delay.  -1: errno says why. */
int pdk_listen_on(const struct pdk_sockaddr *address, const struct pdk_listen_options *options);
/* On all addresses: IPv6 and IPv4 where the system has both. */
int pdk_listen_on_all(int32_t port, const struct pdk_listen_options *options);
/* The socket's own address; len 0: unknown. */
struct pdk_sockaddr pdk_sockaddr_own(int fd);

#endif
