/* shell/listener.h - accepts client connections and hands them to shell/conn.h.
 *
 * At most some dozens per turn, so that a storm of new connections does not keep the old ones
 * waiting.  A connection over a limit is closed at once (a log line per second at most).  When the
 * process runs out of descriptors, a spare one is spent to accept and close, so that the storm ends
 * instead of turning the loop.
 *
 * Threads: core thread. */
#ifndef PDK_SHELL_LISTENER_H
#define PDK_SHELL_LISTENER_H

#include "base/base.h"
#include "shell/conn.h"
#include "shell/loop.h"

struct pdk_listener_config {
    const struct pdk_mem *mem;
    const struct pdk_log *log;
    const char *host; /* name or address; "" = all, IPv4 and IPv6 where the system has it */
    int32_t port;     /* 0: the system chooses */
    int32_t backlog;  /* < 0: the system's own */
    bool tcp_keepalive;
    struct pdk_metrics *metrics;
};

struct pdk_listener;

/* PDK_EBUSY: the port is taken (diag says so, without naming the holder); other errors: diag says
 * what is wrong.  `conns` and `loop` are borrowed. */
PDK_WARN_UNUSED enum pdk_err pdk_listener_open(const struct pdk_listener_config *config,
                                               struct pdk_loop *loop, struct pdk_conns *conns,
                                               struct pdk_listener **out, struct pdk_diag *diag);
/* Stops listening; accepted connections stay. */
void pdk_listener_close(struct pdk_listener *listener);

/* End of a turn, behind pdk_conns_turn: accepts who has come.  Only now, because the peers that
 * have gone must not count any more: a client that closes a connection and opens the next one is
 * within its limit.  `mono_ms`: the turn's time. */
void pdk_listener_turn(struct pdk_listener *listener, int64_t mono_ms);
/* The port in use. */
int32_t pdk_listener_port(const struct pdk_listener *listener);
/* "127.0.0.1" or "[::1]" or "*" (all). */
const char *pdk_listener_host(const struct pdk_listener *listener);

#endif
