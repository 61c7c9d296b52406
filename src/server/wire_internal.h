/* server/wire_internal.h - the server's memory, shared by the wire*.c files.
 *
 *   wire.c          start, turns, stop            wire_node.c   inputs to the node, its effects
 *   wire_recover.c  recovery with progress        wire_words.c  four letter words */
#ifndef PDK_SERVER_WIRE_INTERNAL_H
#define PDK_SERVER_WIRE_INTERNAL_H

#include "core/node/node.h"
#include "core/node/query.h"
#include "core/store/store.h"
#include "core/store/vfs.h"
#include "server/wire.h"
#include "shell/background.h"
#include "shell/conn.h"
#include "shell/listener.h"
#include "shell/logthread.h"
#include "shell/loop.h"
#include "shell/throttle.h"

/* SERVING -> DRAINING (a signal came) -> LEAVING (all is answered; peers may take it) -> ENDED */
enum phase { PHASE_SERVING, PHASE_DRAINING, PHASE_LEAVING, PHASE_ENDED };

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
    struct pdk_logthread *logthread;
    struct pdk_background *background;
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

    enum phase phase;
    int64_t phase_until_ms;
    struct pdk_diag snapshot_fault; /* why the last snapshot failed; empty: it did not */
    int exit_code;
};

/* ---- wire_node.c --------------------------------------------------------------------------- */
struct pdk_conn_handler pdk_server_handler(struct server *s);
/* Carries out what the node wants, in order, and sends. */
void pdk_server_carry_out(struct server *s);
void pdk_server_input(struct server *s, const struct pdk_input *input);

/* ---- wire_recover.c ------------------------------------------------------------------------ */
/* From the disk to a node that may be started. */
PDK_WARN_UNUSED enum pdk_err pdk_server_recover(struct server *s, struct pdk_recovery *recovery,
                                                struct pdk_diag *diag);

/* ---- wire_words.c -------------------------------------------------------------------------- */
void pdk_server_answer_word(struct server *s, enum pdk_word word, struct pdk_slice argument,
                            struct pdk_buf *text);

#endif
