/* shell/links_internal.h - what the files of shell/links.h share.
 *
 * links.c: table, life, turns.  links_dial.c: names and connects.  links_listen.c: ports.
 * links_in.c: reading.  links_out.c: sending, streams. */
#ifndef PDK_SHELL_LINKS_INTERNAL_H
#define PDK_SHELL_LINKS_INTERNAL_H

#include "base/map.h"
#include "shell/links.h"
#include "shell/outqueue.h"

/* After close: how long what is queued may take to go out, and the peer to close its side. */
#define FLUSH_MS 1000
#define LINGER_MS 500
#define STREAMING_MS 100
#define BIND_RETRY_MS 1000
/* A name that is not answered by then is taken for what it meant last time. */
#define NAME_PATIENCE_MS 250
#define SCRATCH_BYTES ((size_t)256 << 10)
#define SENDS_AT_ONCE 32
#define LISTEN_ADDRESSES_MAX PDK_ADDRESSES_MAX
#define SPARE_FDS 8

enum link_state {
    LINK_DIALLING,
    LINK_OPEN,
    LINK_CLOSING,
    LINK_LINGER,
    LINK_DEAD,
};

/* A link that is being dialled: which address, which of the things its name means. */
struct dial {
    struct {
        char host[PDK_HOST_BYTES];
        int32_t port;
    } addresses[PDK_ADDRESSES_MAX];
    size_t count, next;
    bool waits; /* for the resolver to say what addresses[next - 1] is */
    bool patience_over;
    struct pdk_sockaddr resolved[PDK_RESOLVED_MAX];
    size_t resolved_count, resolved_next;
    int64_t due_ms; /* of the name or of the connect */
    char why[96];   /* the last attempt failed */
};

/* A stream of a link, and what was sent behind it. */
struct attached {
    struct attached *next;
    struct pdk_stream *stream;
    struct pdk_outqueue behind;
};

struct link {
    struct pdk_source source; /* first: the loop's pointer is ours */
    struct pdk_links *links;
    struct link *prev, *next; /* all links */
    struct link *touched_next;
    uint32_t id;
    bool has_id;   /* false: the handler does not know it any more */
    uint8_t state; /* enum link_state */
    int fd;
    bool heard;      /* it has sent something */
    bool readable;   /* the socket may have more than we took (edge triggered: remembered) */
    bool hung_up;    /* the peer has sent FIN or RST: read until the end shows */
    bool held;       /* by the handler */
    bool evicted;    /* lost, and not counted any more */
    bool lost;       /* to be told and closed at the turn's end */
    bool answer_due; /* handler.dialled has not been called: OPEN means true, else false */
    bool touched;    /* has sends of this batch, or is to be closed */
    bool close_asked;
    bool catching_up; /* a stream, or what waited for it, has not left yet */
    bool moved;       /* bytes have left since handler.streaming */
    bool pump_again;
    int64_t told_ms; /* last handler.streaming */
    int64_t due_ms;  /* CLOSING, LINGER */
    struct pdk_sockaddr peer;
    struct dial *dial; /* DIALLING only */
    /* Read, not taken: bytes[from..to). */
    struct {
        uint8_t *bytes;
        size_t from, to, cap;
    } in;
    struct pdk_outqueue out;
    struct attached *attached;             /* in order */
    size_t behind_bytes;                   /* sum of their queues */
    struct pdk_slice sends[SENDS_AT_ONCE]; /* of this batch; `out` is empty then */
    size_t send_count;
};

/* An accepted link's number. */
struct slot {
    struct link *link; /* NULL: free, or waiting for the ends of jobs */
    uint32_t jobs;
};

struct listening {
    struct pdk_source source;
    struct port *port;
    char host[PDK_HOST_BYTES];
    int32_t number; /* asked for */
    int fd;         /* -1: not open */
    bool waits;     /* for the resolver */
    int64_t due_ms; /* of the name, or of the next try */
};
struct port {
    struct pdk_links *links;
    enum pdk_port kind;
    bool wanted;
    bool deaf;     /* to be told */
    int32_t tries; /* that failed */
    size_t count;
    struct listening at[LISTEN_ADDRESSES_MAX];
    struct pdk_diag diag;
};

struct pdk_links {
    struct pdk_links_config config;
    struct pdk_loop *loop;
    struct pdk_resolver *resolver;
    struct pdk_streams *streams;
    const struct pdk_link_handler *handler;
    struct pdk_source resolver_source, streams_source;
    int64_t now_ms;

    struct link *all;
    size_t count;
    struct slot *slots;
    uint32_t slot_cap, accepted_count;
    struct pdk_map dialled; /* number -> link */
    struct link *touched;
    size_t jobs; /* streams and FINDs that have not been told */
    bool nudged;
    bool more; /* something is left to do that no event will tell */
    struct port ports[PDK_PORT_COUNT];
    int spare_fds[SPARE_FDS]; /* given up when descriptors run out: clients must not lock us out */
    size_t spare_count;
    struct pdk_log_limit dial_limit, accept_limit, queue_limit;
    uint8_t *scratch; /* where reads land while nothing is left unread */
};

/* ---- links.c --------------------------------------------------------------------------------- */
/* A link without socket and number. */
struct link *pdk_links_new(struct pdk_links *links);
struct link *pdk_links_find(const struct pdk_links *links, uint32_t id);
/* An accepted link's number; false: no more. */
bool pdk_links_give_number(struct pdk_links *links, struct link *l);
/* Watches its socket for everything. */
PDK_WARN_UNUSED enum pdk_err pdk_links_watch(struct pdk_links *links, struct link *l);
/* Peer gone or fault: told and closed at the turn's end. */
void pdk_links_lose(struct pdk_links *links, struct link *l);
/* The number is free. */
void pdk_links_forget_number(struct pdk_links *links, struct link *l);
void pdk_links_bury(struct pdk_links *links, struct link *l);
/* Descriptors have run out: gives a spare one up; false: none left. */
bool pdk_links_spend_spare(struct pdk_links *links);

/* ---- links_dial.c ---------------------------------------------------------------------------- */
/* The socket of a link that is being dialled is ready. */
void pdk_links_dial_ready(struct pdk_links *links, struct link *l);
void pdk_links_dial_turn(struct pdk_links *links, struct link *l);
void pdk_links_dial_resolved(struct pdk_links *links, const struct pdk_resolved *answer);

/* ---- links_listen.c -------------------------------------------------------------------------- */
void pdk_links_listen_init(struct pdk_links *links);
void pdk_links_listen_deinit(struct pdk_links *links);
void pdk_links_listen_turn(struct pdk_links *links);
int64_t pdk_links_listen_deadline(const struct pdk_links *links);
void pdk_links_listen_resolved(struct pdk_links *links, const struct pdk_resolved *answer);

/* ---- links_in.c ------------------------------------------------------------------------------ */
/* What can be read and offered without waiting, up to a turn's share. */
void pdk_links_input(struct pdk_links *links, struct link *l);
/* What is unread is offered again; true: some was taken. */
bool pdk_links_offer(struct pdk_links *links, struct link *l);
static inline bool pdk_link_is_read(const struct link *l)
{
    return l->state == LINK_OPEN && !l->answer_due && !l->held && !l->lost && !l->close_asked;
}
static inline size_t pdk_link_unread(const struct link *l) { return l->in.to - l->in.from; }

/* ---- links_out.c ----------------------------------------------------------------------------- */
/* The socket may take more, or a stream has more. */
void pdk_links_output(struct pdk_links *links, struct link *l);
void pdk_links_begin_closing(struct pdk_links *links, struct link *l);
/* Queues and streams are given up. */
void pdk_links_drop_output(struct pdk_links *links, struct link *l);
void pdk_links_streams_ready(struct pdk_links *links);
/* Tells of movement, when it is time. */
void pdk_links_tell_streaming(struct pdk_links *links, struct link *l);

#endif
