/* sim/net.h - a network in memory: hosts, ports, streams of bytes like TCP's.
 *
 * A stream is FIFO in each direction; its bytes travel in random fragments with random delays, wait
 * while the direction is blocked (a partition, perhaps one-way) or clogged, and end with a FIN
 * behind the last one or with a reset that may lose any suffix.  A connect needs somebody who
 * listens; refusals and silence are as on a real network.  What a host's process had open ends with
 * the process: with resets when it was killed, in silence when the power failed.
 *
 * Upcalls come from the scheduler only, never from within a call of this header.
 * Threads: one. */
#ifndef PDK_SIM_NET_H
#define PDK_SIM_NET_H

#include "base/buf.h"
#include "sim/world.h"

#define PDK_NET_HOSTS 32u

/* One side of a stream: its number never comes again. */
typedef uint32_t pdk_end;
#define PDK_END_NONE UINT32_MAX

struct pdk_net_handler {
    void *ctx;
    /* Somebody has connected to a port that we listen on. */
    void (*accepted)(void *ctx, int port, uint32_t from, pdk_end end);
    /* Answer to pdk_net_dial; when not connected the end is gone. */
    void (*dialled)(void *ctx, pdk_end end, bool connected);
    /* More bytes are there. */
    void (*readable)(void *ctx, pdk_end end);
    /* Some of what was sent has left the host. */
    void (*drained)(void *ctx, pdk_end end);
    /* The other side has closed (everything it sent is there to be read) or the stream was reset.
     * At most once, and not after pdk_net_close; the end may still be read, then be closed. */
    void (*closed)(void *ctx, pdk_end end);
};

/* How this network behaves; drawn once. */
struct pdk_net_config {
    int64_t latency_min_us, latency_max_us; /* of most fragments */
    uint64_t slow_one_in;                   /* such a one takes up to slow_max_us; 0: none does */
    int64_t slow_max_us;
    size_t fragment_max; /* bytes; 0: as they were sent */
    size_t window_bytes; /* unread bytes that a host holds before the sender must wait */
};

struct pdk_net;
struct pdk_net *pdk_net_create(struct pdk_world *world, const struct pdk_net_config *config);
void pdk_net_destroy(struct pdk_net *net);
/* From now on it behaves like that. */
void pdk_net_configure(struct pdk_net *net, const struct pdk_net_config *config);

/* A process begins on the host; it listens nowhere. */
void pdk_net_host_up(struct pdk_net *net, uint32_t host, const struct pdk_net_handler *handler);
enum pdk_net_death {
    PDK_NET_KILLED,    /* the system lives on: it resets what was open, refuses connects */
    PDK_NET_POWER_OFF, /* nobody answers any more until the host is up again */
};
void pdk_net_host_down(struct pdk_net *net, uint32_t host, enum pdk_net_death death);

void pdk_net_listen(struct pdk_net *net, uint32_t host, int port, bool on);
/* The answer comes in any case: connected, refused, or after the timeout. */
pdk_end pdk_net_dial(struct pdk_net *net, uint32_t from, uint32_t to, int port, int64_t timeout_us);
void pdk_net_send(struct pdk_net *net, pdk_end end, struct pdk_slice bytes);
/* Sent and not yet taken over by the other host. */
size_t pdk_net_unsent(const struct pdk_net *net, pdk_end end);
/* What has come and was not taken yet; good until the next call for this end. */
struct pdk_slice pdk_net_unread(const struct pdk_net *net, pdk_end end);
void pdk_net_take(struct pdk_net *net, pdk_end end, size_t len);
/* We are through with it: what was sent still goes out, then FIN.  Unread bytes reset the other
 * side, as they do on Linux.  Fine to call when it is closed already. */
void pdk_net_close(struct pdk_net *net, pdk_end end);
/* At once, losing what was sent. */
void pdk_net_abort(struct pdk_net *net, pdk_end end);
uint32_t pdk_net_peer_host(const struct pdk_net *net, pdk_end end);

/* ---- faults ---------------------------------------------------------------------------------- */
/* Nothing gets through in that direction; streams stay. */
void pdk_net_block(struct pdk_net *net, uint32_t from, uint32_t to, bool on);
bool pdk_net_is_blocked(const struct pdk_net *net, uint32_t from, uint32_t to);
void pdk_net_heal(struct pdk_net *net);
/* Nothing of what is sent in that direction arrives before that time. */
void pdk_net_clog(struct pdk_net *net, uint32_t from, uint32_t to, int64_t until_us);
/* Resets the stream that the draw hits among those between these hosts (PDK_NET_HOSTS: any). False:
 * there is none. */
bool pdk_net_reset_one(struct pdk_net *net, uint32_t a, uint32_t b);

#endif
