/* core/node/internal.h - the node's memory, shared by the files of this folder only.
 *
 *   node.c     life, step, dispatch          conn.c     connections, handshake
 *   request.c  requests in their order       propose.c  writes become transactions
 *   commit.c   commits and their answers     sync.c     what waits for a zxid or a quorum
 *   state.c    applying transactions         local.c    reads, identities
 *   watches.c  watches, telling of changes   timer.c    expiry, containers, snapshots
 *   query.c    what operators ask            out.c      the list of effects
 *
 *   member.c   roles of an ensemble          links.c    streams, and whose they are
 *   lead.c     what learners ask a leader    follow.c   what a learner asks its leader
 *   ask.c      writes, syncs, local sessions reconfig.c configs in force and proposed
 *   feed.c     observers fed by a follower   rollover.c the next epoch, in place
 *   hold.c     requests that must wait */
#ifndef PDK_CORE_NODE_INTERNAL_H
#define PDK_CORE_NODE_INTERNAL_H

#include "base/map.h"
#include "base/prng.h"
#include "core/node/metrics.h"
#include "core/node/node.h"
#include "core/node/out.h"
#include "core/node/query.h"
#include "core/node/state.h"
#include "core/pipe/pipe.h"
#include "core/prep/prep.h"
#include "core/zab/history.h"
#include "proto/code.h"
#include "proto/opcode.h"

/* A connection's life:
 *   FRESH       accepted; the next frame must be a ConnectRequest
 *   CONNECTING  its createSession is proposed, or its leader is asked whether the session lives;
 *               frames are paused
 *   OPEN        has a session
 * A connection that was closed leaves the table at once. */
enum pdk_conn_state { PDK_CONN_FRESH, PDK_CONN_CONNECTING, PDK_CONN_OPEN };

struct pdk_conn {
    uint32_t index;
    uint64_t
        serial; /* never used again: tells this connection from a later one of the same index */
    enum pdk_conn_state state;
    bool paused;
    bool unfinished; /* its answers were cut short: more of them may leave now */
    bool wants_read_only, has_read_only; /* of the ConnectRequest */
    bool is_local;                       /* its session is known to this server only */
    bool read_only;                      /* ... and may only read */
    bool syncing;   /* a sync is on its way through the leader; frames are paused */
    bool upgrading; /* its local session is becoming a global one; frames are paused */
    int32_t timeout_ms;
    int64_t asked_ms; /* when it asked for its session */
    pdk_session session;
    struct pdk_session_entry *entry; /* good while the session is live; NULL before */
    struct pdk_identities identities;
    struct pdk_pipe pipe;
    struct pdk_request_header held_header; /* upgrading: the request that waits */
    uint8_t *held;
    size_t held_len;
    uint32_t outstanding; /* requests with xid > 0 that wait for their answer */
    struct pdk_conn_info stats;
};

/* A proposal that is not applied yet. */
struct pdk_proposal {
    pdk_zxid zxid;
    const uint8_t *txn; /* in the history */
    size_t len;
    uint32_t conn; /* PDK_CONN_NONE: the server's own */
    uint64_t conn_serial;
    bool is_own; /* made here: what prep foresaw must come true */
    bool has_hint;
    struct pdk_digest_hint hint;
};

/* A sync that waits for a zxid to be applied, and for a round of confirmations. */
struct pdk_barrier {
    pdk_zxid zxid;
    uint64_t round;
    uint32_t link; /* a learner's, or PDK_OWNER_SELF: of a connection of ours */
    uint32_t conn;
    uint64_t conn_serial;
};

/* One step answers about so much, then leaves the rest to the next: one durable write may set free
 * thousands of large reads that waited behind it. */
#define PDK_STEP_REPLY_BYTES ((size_t)32 << 20)

#define PDK_DIGEST_LOG_EVERY 128
#define PDK_DIGEST_LOG_CAP 1024u

struct pdk_node {
    struct pdk_node_config config;
    const struct pdk_mem *mem;
    struct pdk_now now;
    struct pdk_prng prng;
    struct pdk_out out;

    struct pdk_state *state;
    struct pdk_watch *watch;
    struct pdk_sessions *local; /* sessions that no log knows */
    struct pdk_prep *prep;
    struct pdk_history *history;
    struct pdk_membership *member; /* NULL: standalone */

    struct pdk_conn **conns; /* by index; NULL: free */
    uint32_t conn_cap, conn_count;
    uint64_t next_serial;
    pdk_session last_session;

    pdk_zxid proposed;              /* last zxid given */
    pdk_zxid durable;               /* the log is on the disk up to here */
    pdk_zxid committed;             /* may be applied up to here */
    struct pdk_map opening;         /* session -> connection that waits for its createSession */
    uint32_t unfinished_count;      /* connections whose answers were cut short */
    struct pdk_proposal *proposals; /* ring, in zxid order */
    size_t proposal_head, proposal_count, proposal_cap;
    struct pdk_barrier *barriers; /* ring, in zxid order */
    size_t barrier_head, barrier_count, barrier_cap;
    uint64_t confirmed_round; /* of leadership; 0: standalone */
    size_t in_flight_bytes;
    struct pdk_buf txn;   /* scratch: the transaction being made */
    struct pdk_buf reply; /* scratch: the answer of the multi being applied */
    bool no_space;

    uint64_t in_process;   /* requests accepted and not yet answered */
    uint32_t paused_count; /* connections paused by a limit */

    /* the change being told: scratch of the READ filter */
    uint32_t *readers;
    size_t reader_cap;

    bool snapshot_running, snapshot_wanted;
    uint64_t txns_since_snapshot, bytes_since_snapshot;
    uint64_t snap_after_txns, snap_after_bytes; /* drawn anew for each snapshot */
    int64_t last_snapshot_bytes;

    int64_t next_container_check_ms;
    int64_t container_credit_ms; /* container deletions are paced: not before */
    uint32_t container_cursor;
    bool container_scanning;
    bool more_due; /* a slice of work was left: tick again at once */

    struct pdk_digest_entry digest_log[PDK_DIGEST_LOG_CAP]; /* ring */
    size_t digest_log_head, digest_log_count;

    struct pdk_metrics metrics;
    struct pdk_node_summary totals; /* the counters in it; the rest is filled when asked */
    struct pdk_log_limit space_log, watch_log, digest_log_limit;
};

/* A line for the operator. */
#define PDK_SAY(n, level, ...) \
    do { \
        size_t pdk_say_mark = pdk_out_mark(&(n)->out); \
        pdk_put_text(&(n)->out.bytes, __VA_ARGS__); \
        pdk_out_logged(&(n)->out, (level), pdk_say_mark); \
    } while (0)

/* ---- node.c ------------------------------------------------------------------------------ */
/* The tree is another one: requests are judged by it from now on. */
void pdk_node_new_prep(struct pdk_node *n);

/* ---- conn.c ------------------------------------------------------------------------------ */
void pdk_conn_opened(struct pdk_node *n, uint32_t index, struct pdk_slice address);
void pdk_conn_closed(struct pdk_node *n, uint32_t index);
void pdk_conn_frame(struct pdk_node *n, uint32_t index, struct pdk_slice frame);
void pdk_conn_oversize(struct pdk_node *n, uint32_t index, struct pdk_slice header);
/* NULL: closed, or another connection by now. */
struct pdk_conn *pdk_conn_find(const struct pdk_node *n, uint32_t index, uint64_t serial);
/* Ends it: CLOSE effect, watches and pipe gone.  The session lives on. */
void pdk_conn_close(struct pdk_node *n, struct pdk_conn *c);
/* Asks for the session that the connection has been given the id of. */
void pdk_conn_open_session(struct pdk_node *n, struct pdk_conn *c);
/* The session has been made. */
void pdk_conn_established(struct pdk_node *n, struct pdk_conn *c);
/* The session that it came with lives (its entry), or not (NULL). */
void pdk_conn_answer_reattach(struct pdk_node *n, struct pdk_conn *c,
                              struct pdk_session_entry *entry);
/* A client has given a sign of life: here, or as a learner reports it. */
void pdk_conn_touch(struct pdk_node *n, struct pdk_conn *c);
void pdk_conn_heard(struct pdk_node *n, struct pdk_session_entry *entry, int32_t timeout_ms);
/* Answers what may be answered now, to about PDK_STEP_REPLY_BYTES in all; what is left then makes
 * the connection unfinished.  The connection may be gone afterwards. */
void pdk_conn_drain(struct pdk_node *n, struct pdk_conn *c);
/* Goes on with unfinished connections. */
void pdk_conn_drain_unfinished(struct pdk_node *n);
/* Limits have eased: connections that were paused go on. */
void pdk_conn_resume_all(struct pdk_node *n);

/* ---- answers (conn.c): begin, put the body into n->out.bytes, end ------------------------ */
struct pdk_answer {
    size_t mark, frame;
    int32_t xid;
    pdk_zxid zxid;
};
struct pdk_answer pdk_answer_begin(struct pdk_node *n, int32_t xid, pdk_zxid zxid, int32_t code);
/* An answer that is too long for a frame, or found no memory, becomes SystemError. */
void pdk_answer_end(struct pdk_node *n, struct pdk_conn *c, struct pdk_answer a);
/* Header only. */
void pdk_answer_code(struct pdk_node *n, struct pdk_conn *c, int32_t xid, pdk_zxid zxid,
                     int32_t code);
/* Counts one answered request: latency, last operation, outstanding. */
void pdk_answer_count(struct pdk_node *n, struct pdk_conn *c, int32_t xid, int32_t op,
                      int64_t received_ms, bool is_write);

/* ---- commit.c ---------------------------------------------------------------------------- */
struct pdk_propose {
    struct pdk_conn *conn; /* NULL: the server's own, or a learner's */
    int32_t op, xid;
    pdk_session session;
    struct pdk_slice body;
    const struct pdk_identities *identities; /* NULL: the server itself */
    size_t identity_count;
    enum pdk_code verdict; /* not OK: it becomes an error transaction */
    bool must;             /* somebody far away waits: an error transaction instead of none */
    bool local_session;
    struct pdk_slice config; /* reconfig: the text, without its version line */
};
/* Makes and proposes a transaction.  When the request is not worth one (see pdk_prep_result.no_txn)
 * nothing is proposed and the code is returned in *code with false. */
bool pdk_propose(struct pdk_node *n, const struct pdk_propose *p, enum pdk_code *code);
/* A transaction that the leader made: into history and log. */
void pdk_propose_foreign(struct pdk_node *n, pdk_zxid zxid, struct pdk_slice txn);
/* Forgets what is proposed and not applied (its bytes stay in the history). */
void pdk_propose_forget(struct pdk_node *n);
/* The oldest proposal; it is the caller's to apply.  Never when there is none. */
struct pdk_proposal pdk_propose_pop(struct pdk_node *n);
void pdk_commit_up_to(struct pdk_node *n, pdk_zxid zxid);
/* Applies what is committed and was left by a step that had answered enough. */
void pdk_commit_more(struct pdk_node *n);
/* Applies everything proposed, telling and answering nobody: no client is served. */
void pdk_commit_all_quietly(struct pdk_node *n);
/* Is there such a rest, or an unfinished connection? */
bool pdk_commit_pending(const struct pdk_node *n);
/* May another write be taken now?  False: the in-flight limit is reached. */
bool pdk_propose_room(const struct pdk_node *n);

/* Pauses its frames, and lets them go on. */
void pdk_conn_pause(struct pdk_node *n, struct pdk_conn *c);
void pdk_conn_resume(struct pdk_node *n, struct pdk_conn *c);

/* ---- request.c ----------------------------------------------------------------------------- */
void pdk_request_frame(struct pdk_node *n, struct pdk_conn *c, struct pdk_slice frame);
void pdk_request_oversize(struct pdk_node *n, struct pdk_conn *c,
                          const struct pdk_request_header *header);
/* Takes a request whose header has been read. */
void pdk_request_take(struct pdk_node *n, struct pdk_conn *c,
                      const struct pdk_request_header *header, struct pdk_slice body);

/* ---- sync.c ---------------------------------------------------------------------------------- */
/* Where everything proposed so far must have been applied before the sync that the connection is
 * about to queue is answered: the zxid for its item.  PDK_ENOMEM: nothing has changed. */
PDK_WARN_UNUSED enum pdk_err pdk_sync_begin(struct pdk_node *n, struct pdk_conn *c,
                                            pdk_zxid *waits_for);
PDK_WARN_UNUSED enum pdk_err pdk_sync_add(struct pdk_node *n, const struct pdk_barrier *barrier);
/* The sync that the connection's pipe holds is answered. */
void pdk_sync_release(struct pdk_node *n, struct pdk_conn *c);
/* Syncs that wait for what has been applied go on. */
void pdk_sync_pass(struct pdk_node *n);
/* Would pdk_sync_pass find something to do? */
bool pdk_sync_pending(const struct pdk_node *n);

/* ---- local.c ----------------------------------------------------------------------------- */
/* Runs a request that needs no transaction and answers it. */
void pdk_local_run(struct pdk_node *n, struct pdk_conn *c, const struct pdk_pipe_item *item,
                   struct pdk_slice body);
bool pdk_local_knows(int32_t op);
/* auth and sasl: answered at once.  False: the connection must be closed. */
bool pdk_local_auth(struct pdk_node *n, struct pdk_conn *c, int32_t xid, struct pdk_slice body);
void pdk_local_sasl(struct pdk_node *n, struct pdk_conn *c, int32_t xid);

/* ---- timer.c ----------------------------------------------------------------------------- */
void pdk_timer_tick(struct pdk_node *n);
int64_t pdk_timer_deadline(const struct pdk_node *n);
/* A transaction of `len` bytes was applied: is it time for a snapshot? */
void pdk_timer_applied(struct pdk_node *n, size_t len);
void pdk_timer_snapshot_done(struct pdk_node *n, const struct pdk_input *input);
void pdk_timer_draw_snapshot(struct pdk_node *n);
void pdk_timer_maybe_snapshot(struct pdk_node *n);

#endif
