/* shell/conn_internal.h - what the three files of shell/conn.h share.
 *
 * conn.c: table, life, time limits.  conn_in.c: reading and framing.  conn_out.c: sending. */
#ifndef PDK_SHELL_CONN_INTERNAL_H
#define PDK_SHELL_CONN_INTERNAL_H

#include "base/map.h"
#include "shell/conn.h"
#include "shell/outqueue.h"

enum conn_state { CONN_NEW, CONN_OPEN, CONN_CLOSING, CONN_LINGER, CONN_DEAD };

enum conn_block {
    BLOCK_PAUSED = 1,  /* by the handler */
    BLOCK_CHOKED = 2,  /* its out queue is long */
    BLOCK_ENDED = 4,   /* closing, lost or dead */
    BLOCK_STOPPED = 8, /* the server stops */
};

/* Time limits, one list each: a list's limit is constant, so a list is sorted by itself. */
enum conn_timer {
    TIMER_NONE,
    TIMER_SESSIONLESS,
    TIMER_DRAIN, /* of a frame over the limit */
    TIMER_CLOSING,
    TIMER_LINGER,
    TIMER_COUNT,
};

#define REF_NONE UINT32_MAX
/* Longest beginning of an over-long frame that is looked at. */
#define OVERSIZE_HEAD_BYTES 512

struct conn {
    struct pdk_source source; /* first: the loop's pointer is ours */
    struct pdk_conns *conns;
    uint32_t id;
    int fd;
    uint8_t state;    /* enum conn_state */
    uint8_t timer;    /* enum conn_timer: the list it is in */
    uint8_t blocked;  /* sum of enum conn_block: nothing is delivered unless 0 */
    bool readable;    /* the socket may have more than we took (edge triggered: remembered) */
    bool hung_up;     /* the peer has sent FIN or RST: read until the end shows */
    bool close_asked; /* by the handler, in this batch */
    bool lost;        /* in conns->lost */
    bool awaiting;    /* in conns->again */
    bool grouped;     /* what group_read brought of it has not been delivered yet */
    bool touched;     /* in conns->touched */
    bool is_v6;
    uint8_t address[16]; /* IPv4 in the first four */
    uint16_t port;
    uint64_t received;
    int64_t last_read_mono_ms;
    /* Read, not delivered: the beginning of a frame; while paused or choked, whole ones. */
    struct {
        uint8_t *bytes;
        size_t len, cap;
    } in;
    int32_t large; /* length of the long frame being received, counted in conns->large_bytes */
    /* An over-long frame that is being drained. */
    uint32_t drain_left;
    uint8_t drain_head[8];
    uint8_t drain_head_len;
    struct pdk_outqueue out;
    uint32_t ref_first, ref_last; /* sends of this batch */
    struct conn *timer_prev, *timer_next;
    int64_t timer_due_ms;
    /* Next in `again`, `lost` or `touched`; a connection may be in all three. */
    struct conn *again_next, *lost_next, *touched_next;
};

/* One send of a batch; a chain per connection. */
struct ref {
    struct pdk_slice bytes;
    uint32_t next;
};

/* What a short read brought, in its slot of the scratch buffer. */
#define GROUP_SLOT_BYTES ((size_t)4 << 10)
struct group_read {
    struct conn *conn;
    size_t len;
};

struct conn_list {
    struct conn *first, *last;
};

struct pdk_conns {
    struct pdk_conns_config config;
    struct pdk_loop *loop;
    const struct pdk_conn_handler *handler;
    int64_t now_ms;
    bool stopped_reading;

    struct conn **table; /* by id; NULL: free */
    uint32_t *free_ids;  /* a stack */
    uint32_t table_cap, free_count;
    uint32_t count;             /* not dead */
    struct pdk_map per_address; /* hash of the address -> connections */

    struct conn_list timers[TIMER_COUNT];
    struct conn *again;   /* have whole frames or bytes to read though no event will say so */
    struct conn *lost;    /* to be told to the handler and closed */
    struct conn *dead;    /* to be freed at the turn's end, linked by lost_next */
    struct conn *touched; /* have sends of this batch */

    struct ref *refs;
    uint32_t ref_count, ref_cap;
    size_t unsent;             /* sum of the out queues */
    int64_t large_bytes;       /* sum of the connections' `large` */
    struct pdk_buf text;       /* of a four letter word */
    const struct conn *asking; /* whose word is being answered: it reads no more, as in Apache */
    struct pdk_log_limit slow_limit, memory_limit, large_limit;
    struct group_read group[PDK_CONN_AHEAD_MAX];
    size_t group_count;
    uint8_t *scratch; /* where all reads land */
    size_t scratch_bytes;
};

/* ---- conn.c -------------------------------------------------------------------------------- */
void pdk_conns_set_timer(struct pdk_conns *conns, struct conn *c, enum conn_timer timer);
/* Peer gone or fault: told and closed at the turn's end.  Any state but DEAD. */
void pdk_conns_lose(struct pdk_conns *conns, struct conn *c);
/* Has whole frames or readable bytes: look again in this turn's end. */
void pdk_conns_look_again(struct pdk_conns *conns, struct conn *c);
/* CLOSING: what is queued goes out, then LINGER. */
void pdk_conns_begin_closing(struct pdk_conns *conns, struct conn *c);
/* The out queue of a closing connection is empty. */
void pdk_conns_begin_linger(struct pdk_conns *conns, struct conn *c);
#define CONN_REMOTE_BYTES 72
/* "127.0.0.1" or, with the port, "127.0.0.1:42812", as Java writes them. */
const char *pdk_conns_address_text(const struct conn *c, bool with_port,
                                   char out[CONN_REMOTE_BYTES]);

/* ---- conn_in.c ----------------------------------------------------------------------------- */
/* What can be delivered and read without waiting. */
void pdk_conns_input(struct pdk_conns *conns, struct conn *c);
/* One short read into a slot of its own, to be delivered with those of other connections:
 * requests of one turn are looked ahead at together and their answers go out together.  False:
 * this connection must be read the usual way now. */
bool pdk_conns_group_read(struct pdk_conns *conns, struct conn *c);

/* ---- conn_out.c ---------------------------------------------------------------------------- */
/* The socket may take more. */
void pdk_conns_output(struct pdk_conns *conns, struct conn *c);

#endif
