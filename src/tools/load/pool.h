/* tools/load/pool.h - many client sessions on one epoll, in one thread.
 *
 * Drives `client/core` machines: opens and closes sockets, moves bytes, keeps their time.  What
 * they answer goes to the handler, a connection's replies at once.
 *
 * Threads: one per pool. */
#ifndef PDK_TOOLS_LOAD_POOL_H
#define PDK_TOOLS_LOAD_POOL_H

#include "client/core/client.h"
#include "tools/load/load.h"

struct pdk_load_pool;
struct pdk_load_conn {
    struct pdk_load_pool *pool;
    struct pdk_client *client;
    int fd;          /* -1: none */
    bool wants_room; /* EPOLLOUT is asked for */
    bool stands;     /* its session does */
    uint32_t index;
};

struct pdk_load_handler {
    void *ctx;
    /* REPLY and EVENT effects that came in one piece.  Must not make requests. */
    void (*answers)(void *ctx, struct pdk_load_conn *c, const struct pdk_client_effect *effects,
                    size_t count, int64_t now_ns);
    /* After answers, and once the session stands: make requests here. */
    void (*ready)(void *ctx, struct pdk_load_conn *c, int64_t now_ns);
};

struct pdk_load_pool {
    const struct pdk_load_settings *settings;
    struct pdk_load_handler handler;
    int epoll;
    struct pdk_load_conn *conns;
    uint32_t count, started;
    uint32_t standing; /* sessions that stand */
    uint32_t ended;    /* sessions that have ended */
    uint64_t lost;     /* connections that broke */
    int64_t tick_ns;   /* when to look at the deadlines again */
    uint8_t *receive;
};

/* False: says why on stderr. */
PDK_WARN_UNUSED bool pdk_load_pool_init(struct pdk_load_pool *p, const struct pdk_load_settings *s,
                                        uint32_t count, struct pdk_load_handler handler);
void pdk_load_pool_deinit(struct pdk_load_pool *p);
/* Starts all sessions and waits until they stand.  False: says why on stderr. */
PDK_WARN_UNUSED bool pdk_load_pool_connect(struct pdk_load_pool *p);
/* Waits for what comes, at most until `until_ns`, and deals with it. */
void pdk_load_pool_turn(struct pdk_load_pool *p, int64_t until_ns);
/* Sends what the connection has to send. */
void pdk_load_pool_flush(struct pdk_load_conn *c, int64_t now_ns);
/* Waits until no request is without an answer.  False: not within patience. */
PDK_WARN_UNUSED bool pdk_load_pool_drain(struct pdk_load_pool *p);
/* Closes all sessions as clients should. */
void pdk_load_pool_close(struct pdk_load_pool *p);

#endif
