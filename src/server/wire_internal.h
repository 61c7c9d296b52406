/* server/wire_internal.h - the server's memory, shared by the wire*.c files.
 *
 *   wire.c          start, turns, stop            wire_node.c   inputs to the node, its effects
 *   wire_recover.c  recovery with progress        wire_words.c  four letter words
 *   wire_links.c    streams to other servers      wire_listen.c where clients come in */
#ifndef PDK_SERVER_WIRE_INTERNAL_H
#define PDK_SERVER_WIRE_INTERNAL_H

#include "core/node/node.h"
#include "core/node/query.h"
#include "core/store/store.h"
#include "core/store/vfs.h"
#include "server/wire.h"
#include "shell/background.h"
#include "shell/conn.h"
#include "shell/links.h"
#include "shell/listener.h"
#include "shell/logops.h"
#include "shell/logthread.h"
#include "shell/loop.h"
#include "shell/throttle.h"

/* SERVING -> HANDING (a signal came, and it leads) -> DRAINING (nothing is read any more)
 * -> LEAVING (all is answered; peers may take it) -> ENDED */
enum phase { PHASE_SERVING, PHASE_HANDING, PHASE_DRAINING, PHASE_LEAVING, PHASE_ENDED };

struct server {
    const struct pdk_config *config;
    const struct pdk_log *log;
    const struct pdk_mem *mem;
    const struct pdk_vfs *vfs;
    struct pdk_store_config store_config;
    struct pdk_conn_handler handler;

    struct pdk_store *store;
    struct pdk_node *node;
    struct pdk_loop *loop;
    struct pdk_conns *conns;
    struct pdk_listener *listener;
    struct pdk_listener *retired[2]; /* closed at the turn's end, when the loop has told all */
    size_t retired_count;
    char client_host[256];
    int32_t client_port; /* as asked for */
    struct pdk_logthread *logthread;
    struct pdk_background *background;
    struct pdk_log_store log_store;
    int signal_fd;
    struct pdk_source log_source, background_source, signal_source;

    struct pdk_now now; /* of this turn */
    struct pdk_input frame_input;
    size_t effects_seen; /* of those not carried out yet */
    struct pdk_metrics metrics;
    int64_t trace_mask;
    int64_t started_ms;
    int64_t next_purge_ms;        /* INT64_MAX: never */
    struct pdk_throttle throttle; /* of new sessions */
    struct pdk_prng prng;
    struct pdk_log_limit throttle_limit;
    struct pdk_log_limit oversize_limit; /* of log lines: a window of a second */
    uint32_t oversize_lines;             /* in this window */

    /* A member of an ensemble; else NULL. */
    struct pdk_links *links;
    struct pdk_link_handler link_handler;
    struct pdk_resolver *resolver;
    struct pdk_streams *streams;
    uint32_t feeding;      /* link whose bytes the node is looking at */
    uint32_t spool_source; /* link that is held while much of its snapshot waits for the disk */
    bool spool_held;
    int64_t sync_looked_ms;
    bool hand_over; /* an operator wants it */

    enum phase phase;
    int64_t phase_until_ms;
    int stop_signal;
    bool stopped;                   /* effects are not carried out any more */
    struct pdk_diag snapshot_fault; /* why the last snapshot failed; empty: it did not */
    int exit_code;
};

/* ---- wire_node.c --------------------------------------------------------------------------- */
struct pdk_conn_handler pdk_server_handler(struct server *s);
/* Carries out what the node wants, in order, and sends. */
void pdk_server_carry_out(struct server *s);
/* Before the node is destroyed, with everything else stopped. */
void pdk_server_settle(struct server *s);
void pdk_server_input(struct server *s, const struct pdk_input *input);

/* ---- wire_recover.c ------------------------------------------------------------------------ */
/* From the disk to a node that has been started; an exit code, after an error line when it is not
 * PDK_EXIT_OK.  A member whose history is rotten or has gone comes without one (decision 8). */
int pdk_server_build_node(struct server *s, struct pdk_recovery *recovery);

/* ---- wire_links.c -------------------------------------------------------------------------- */
/* A member's sockets and threads; nothing when standalone.  False: out of means. */
bool pdk_server_open_links(struct server *s);
void pdk_server_close_links(struct server *s);
/* This server's own addresses. */
void pdk_server_listen_where(struct server *s, const struct pdk_members *members);
void pdk_server_link_effect(struct server *s, const struct pdk_effect *e);
/* Those that take their turn behind what was appended. */
void pdk_server_disk_effect(struct server *s, const struct pdk_effect *e);
/* The log thread has carried it out. */
void pdk_server_operated(struct server *s, const struct pdk_log_op *op);
/* Some of a snapshot has reached the disk. */
void pdk_server_spooled(struct server *s);
/* A sync has taken so long, or is taking it. */
void pdk_server_sync_took(struct server *s, int64_t ms);
void pdk_server_watch_sync(struct server *s);
int64_t pdk_server_sync_deadline(const struct server *s);

/* ---- wire_listen.c ------------------------------------------------------------------------- */
/* An exit code, after an error line when it is not PDK_EXIT_OK. */
int pdk_server_open_listener(struct server *s);
/* Nobody is accepted any more; it is closed by _close_retired. */
void pdk_server_retire_listener(struct server *s);
void pdk_server_close_retired(struct server *s);
/* A reconfig has given this server another address for clients; those that are here stay. */
void pdk_server_move_listener(struct server *s, const struct pdk_address *where);

/* ---- wire_words.c -------------------------------------------------------------------------- */
void pdk_server_answer_word(struct server *s, enum pdk_word word, struct pdk_slice argument,
                            struct pdk_buf *text);

#endif
