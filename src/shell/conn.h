/* shell/conn.h - client connections: bytes in, frames out to a handler; frames back, bytes out.
 *
 * Knows sockets, framing, the four letter words' place in front of the first frame, and limits.
 * Knows nothing of sessions or requests: the handler (server/wire.c: the node) decides.
 *
 * A connection's life:
 *
 *     NEW       nothing whole received; the handler does not know of it
 *      |  first frame: handler.admit, .opened, .frame        four letter word: its answer is sent
 *     OPEN      frames go to the handler -----------------------------+
 *      |  peer gone, fault:              |  pdk_conns_close           |
 *      |  handler.closed                 v                            v
 *      |                              CLOSING   nothing is read; what is queued goes out
 *      |                                 |  all sent
 *      |                              LINGER    FIN sent; input is thrown away until the peer's,
 *      |                                 |      so that no RST overtakes the last reply
 *      +------------> DEAD <-------------+      closed; freed and its number free at the turn's end
 *
 * In CLOSING and LINGER time is limited; in NEW by sessionless_timeout_ms.
 *
 * One turn:  pdk_conns_time, then (through the loop) reads and their pdk_conns_send/_close from the
 * handler, then pdk_conns_turn.  The handler never re-enters: what is lost while sending is told by
 * pdk_conns_turn.
 *
 * Limits: connections together and per address (refused at accept); bytes of one frame (closed, or
 * drained and answered: decision 6); queued replies (stop reading at a quarter of out_queue_bytes,
 * close when more comes while it is passed: a client that does not read); descriptors (the
 * system's). An idle connection holds no buffer.
 *
 * Sockets are registered once, edge triggered: no system call but reads and writes while serving.
 * Threads: core thread. */
#ifndef PDK_SHELL_CONN_H
#define PDK_SHELL_CONN_H

#include <netinet/in.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/node/metrics.h"
#include "proto/fourletter.h"
#include "shell/loop.h"

struct pdk_conns_config {
    const struct pdk_mem *mem;
    const struct pdk_log *log;
    struct pdk_hash_seed seed;
    int32_t frame_limit_bytes;      /* jute.maxbuffer: longest body */
    int32_t max_per_address;        /* 0 = no limit */
    int32_t max_total;              /* 0 = no limit */
    int64_t sessionless_timeout_ms; /* without a whole first frame for so long: closed */
    size_t out_queue_bytes;
    /* Frames longer than large_threshold (-1: off) that are being received, all connections
     * together: at most large_max_bytes; the connection that asks for more is closed. */
    int64_t large_threshold, large_max_bytes;
    bool oversize_error; /* too long a frame of an open session: drained, then handler.oversized */
    struct pdk_metrics *metrics; /* counters of the shell are added to; borrowed */
};

/* A frame whose length is negative or over the limit. */
struct pdk_conn_oversize {
    uint32_t conn; /* PDK_CONN_NONE: it was the first frame */
    const char *remote;
    int32_t len;
    struct pdk_slice head; /* of what is there already: up to some hundred bytes of the body */
    bool drained;          /* it will be answered; else the connection closes */
};

#define PDK_CONN_AHEAD_MAX 16u
/* Who lives behind the connections.  `conn` is a small dense number, good from `opened` until after
 * `closed` or pdk_conns_close. */
struct pdk_conn_handler {
    void *ctx;
    /* May it come in?  `first`: its first frame, the ConnectRequest.  False: it is closed, and
     * nothing else is heard of it. */
    bool (*admit)(void *ctx, struct pdk_slice first);
    /* `address`: the peer's ip as text, borrowed. */
    void (*opened)(void *ctx, uint32_t conn, struct pdk_slice address);
    /* One frame's body, borrowed.  May call pdk_conns_pause/_close for any connection. */
    void (*frame)(void *ctx, uint32_t conn, struct pdk_slice body);
    /* Frames (bodies, 2 to PDK_CONN_AHEAD_MAX) that come next, if nothing pauses the connection
     * before: a chance to fetch what they are about. */
    void (*ahead)(void *ctx, const struct pdk_slice *frames, size_t count);
    /* Frames of one read have been delivered: carry out what they caused, pdk_conns_flush. */
    void (*batch_end)(void *ctx);
    /* The peer has gone, or a limit or fault closed the connection.  Never after
     * pdk_conns_close. */
    void (*closed)(void *ctx, uint32_t conn);
    /* Does it carry a session?  (Only those have frames drained.) */
    bool (*has_session)(void *ctx, uint32_t conn);
    /* For a log line and a counter. */
    void (*too_long)(void *ctx, const struct pdk_conn_oversize *what);
    /* The frame has been drained: answer it in its place.  `head`: its first bytes, at most 8. */
    void (*oversized)(void *ctx, uint32_t conn, struct pdk_slice head);
    /* The text that answers a four letter word; `argument` is empty or 8 bytes. */
    void (*word)(void *ctx, enum pdk_word word, struct pdk_slice argument, struct pdk_buf *text);
};

struct pdk_conns;

/* `loop` and `handler` are borrowed.  NULL: no memory. */
struct pdk_conns *pdk_conns_create(const struct pdk_conns_config *config, struct pdk_loop *loop,
                                   const struct pdk_conn_handler *handler);
/* Closes everything at once; the handler is told nothing. */
void pdk_conns_destroy(struct pdk_conns *conns);

/* Monotonic time of this turn; before anything else in it. */
void pdk_conns_time(struct pdk_conns *conns, int64_t mono_ms);

/* Takes over an accepted, non-blocking socket; it is read when the loop says so.  PDK_EBUSY: a
 * limit of config is reached; PDK_ENOMEM; PDK_EIO: epoll refused.  On an error `fd` stays the
 * caller's. */
PDK_WARN_UNUSED enum pdk_err pdk_conns_adopt(struct pdk_conns *conns, int fd,
                                             const struct sockaddr_storage *peer);

/* Bytes for a connection, behind what was sent before; `bytes` must stay until pdk_conns_flush.
 * Connections that are closing or gone swallow them. */
void pdk_conns_send(struct pdk_conns *conns, uint32_t conn, struct pdk_slice bytes);
/* Deliver no more frames of it, not even those already read. */
void pdk_conns_pause(struct pdk_conns *conns, uint32_t conn);
void pdk_conns_resume(struct pdk_conns *conns, uint32_t conn);
/* After everything sent so far has gone out (or was given up).  The handler hears no more of it. */
void pdk_conns_close(struct pdk_conns *conns, uint32_t conn);
/* Hands to the sockets what pdk_conns_send has gathered: one system call per connection. */
void pdk_conns_flush(struct pdk_conns *conns);

/* Short reads of several connections are gathered, to be delivered together: does so now.  The
 * reads themselves, before another use of the buffer, and pdk_conns_turn do it, too. */
void pdk_conns_deliver(struct pdk_conns *conns);
/* End of a turn: connections that may read again, time limits, losses; frees what is dead. */
void pdk_conns_turn(struct pdk_conns *conns);
/* When pdk_conns_turn wants to be called again at the latest (monotonic; INT64_MAX: never). */
int64_t pdk_conns_deadline(const struct pdk_conns *conns);

/* From now on nothing is delivered (a clean stop), new connections included. */
void pdk_conns_stop_reading(struct pdk_conns *conns);
/* pdk_conns_close for each, known to the handler or not. */
void pdk_conns_close_all(struct pdk_conns *conns);
/* Bytes that sockets have not taken yet, of all connections. */
size_t pdk_conns_unsent(const struct pdk_conns *conns);
size_t pdk_conns_count(const struct pdk_conns *conns);

struct pdk_conn_view {
    uint32_t conn; /* PDK_CONN_NONE while the handler does not know it */
    const char *remote;
    bool reads, writes; /* waits for bytes; has bytes that the socket did not take */
    uint64_t received;  /* frames, a word counts as one */
    int64_t last_read_mono_ms;
};
/* Every connection that is not dead; no order. */
void pdk_conns_each(const struct pdk_conns *conns,
                    void (*each)(void *ctx, const struct pdk_conn_view *view), void *ctx);

#endif
