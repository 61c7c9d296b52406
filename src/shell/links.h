/* shell/links.h - streams to other servers: dialled and accepted, bytes in, bytes out.
 *
 * Knows sockets, names, queues and time limits of its own doing (connect, flush).  Knows nothing of
 * packets: the handler (server/wire_links.c: the node) takes bytes as they come, as many as it
 * likes; what it leaves is offered again with more behind it, and after each pdk_links_nudge.
 *
 * A link's life:
 *
 *     DIALLING   names, then addresses in turn       (accepted ones begin in OPEN)
 *      |  connected: handler.dialled(true)           none left: handler.dialled(false), gone
 *     OPEN       bytes go both ways ------------------+
 *      |  peer gone, fault: handler.closed            |  pdk_links_close
 *      |                                              v
 *      |                                           CLOSING   what is queued goes out, for FLUSH_MS
 *      |                                              |  all sent
 *      |                                           LINGER    FIN sent; input is thrown away, so
 *      |                                              |      that no RST overtakes the last bytes
 *      +--------------------> DEAD <------------------+      freed at the turn's end
 *
 * After pdk_links_close or handler.closed the number is free: neither side speaks of it again, but
 * for the ends of streams, before which an accepted link's number is not given to another.
 *
 * Streams (shell/streams.h) are attached to a link: their blocks go out behind what was sent
 * before, ahead of what is sent afterwards, which waits meanwhile.  While they move, and while what
 * had to wait for them drains, handler.streaming tells so.
 *
 * One turn: pdk_links_time, then (through the loop) reads, then pdk_links_turn.  The handler never
 * re-enters: calls of its own are answered by pdk_links_turn of this turn.
 *
 * Limits: accepted links (the oldest that has never said anything goes, else the new one); unread
 * bytes of one link (it is not read until the handler takes some); queued bytes of one link (it is
 * closed: a peer that does not read).
 * Threads: core thread. */
#ifndef PDK_SHELL_LINKS_H
#define PDK_SHELL_LINKS_H

#include "base/base.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/node/node.h"
#include "shell/loop.h"
#include "shell/resolver.h"
#include "shell/streams.h"

#define PDK_PORT_COUNT 3

struct pdk_links_config {
    const struct pdk_mem *mem;
    const struct pdk_log *log;
    struct pdk_hash_seed seed;
    int64_t connect_timeout_ms; /* of one address */
    bool keepalive;
    size_t unread_bytes; /* of one link; must hold the longest packet */
    size_t queue_bytes;  /* of one link */
    int32_t bind_tries;  /* of a taken port, a second apart; 0: for ever */
    uint32_t accepted_max;
};

/* Who lives behind the links. */
struct pdk_link_handler {
    void *ctx;
    /* `address`: "ip:port" of the peer, borrowed. */
    void (*accepted)(void *ctx, uint32_t link, enum pdk_port port, struct pdk_slice address);
    void (*dialled)(void *ctx, uint32_t link, bool connected);
    /* Unread bytes, borrowed; returns how many are taken. */
    size_t (*bytes)(void *ctx, uint32_t link, struct pdk_slice bytes);
    void (*closed)(void *ctx, uint32_t link);
    /* Bytes of its streams, or of what waited for them, have left; at most every 100 ms. */
    void (*streaming)(void *ctx, uint32_t link);
    /* The answer to each pdk_links_stream.  PDK_OK: everything is in the link's queue. */
    void (*streamed)(void *ctx, const struct pdk_stream_job *job, const struct pdk_stream_end *end);
    /* The port cannot be opened: stop, others must not count on this server.  (Never for the
     * observer master's port, which is tried for ever.) */
    void (*deaf)(void *ctx, enum pdk_port port, const struct pdk_diag *diag);
};

struct pdk_links;

/* Everything passed is borrowed; the loop tells of names and streams, too.  NULL: no memory, or the
 * loop refused. */
struct pdk_links *pdk_links_create(const struct pdk_links_config *config, struct pdk_loop *loop,
                                   struct pdk_resolver *resolver, struct pdk_streams *streams,
                                   const struct pdk_link_handler *handler);
/* Closes everything at once; the handler is told nothing, but for streams that have ended
 * (pdk_streams_cancel_all before). */
void pdk_links_destroy(struct pdk_links *links);

/* Monotonic time of this turn; before anything else in it. */
void pdk_links_time(struct pdk_links *links, int64_t mono_ms);

/* Where to listen, host "" for all addresses; while it listens, elsewhere from now on.  Port 0: the
 * system chooses. */
void pdk_links_set_addresses(struct pdk_links *links, enum pdk_port port,
                             const struct pdk_address *addresses, size_t count);
void pdk_links_listen(struct pdk_links *links, enum pdk_port port, bool on);
/* The port in use; 0: it does not listen (yet). */
int32_t pdk_links_port(const struct pdk_links *links, enum pdk_port port);

/* `link` >= PDK_LINK_DIALLED, not in use.  Addresses are copied. */
void pdk_links_dial(struct pdk_links *links, uint32_t link, const struct pdk_address *addresses,
                    size_t count);
/* Bytes behind what was sent before; `bytes` must stay until pdk_links_flush.  Links that are gone
 * swallow them. */
void pdk_links_send(struct pdk_links *links, uint32_t link, struct pdk_slice bytes);
/* A stream for the link, or a FIND; `job->owner` is ours, job->link names it. */
void pdk_links_stream(struct pdk_links *links, const struct pdk_stream_job *job);
/* After what was sent has gone out, or FLUSH_MS.  A stream that is under way is cut off. */
void pdk_links_close(struct pdk_links *links, uint32_t link);
/* Hands to the sockets what pdk_links_send has gathered: one system call per link. */
void pdk_links_flush(struct pdk_links *links);

/* Offer and read nothing of this link, until it is false again. */
void pdk_links_hold(struct pdk_links *links, uint32_t link, bool hold);
/* Something has happened that may make the handler take bytes that it left: offer them again in
 * this turn's end. */
void pdk_links_nudge(struct pdk_links *links);

/* End of a turn: what is left to read and offer, time limits, results, losses; frees what is
 * dead. */
void pdk_links_turn(struct pdk_links *links);
/* When pdk_links_turn wants to be called again at the latest (monotonic; INT64_MAX: never). */
int64_t pdk_links_deadline(const struct pdk_links *links);

/* Links that are not dead, and the bytes that their sockets have not taken yet. */
size_t pdk_links_count(const struct pdk_links *links);
size_t pdk_links_unsent(const struct pdk_links *links);

#endif
