/* core/node/node.h - the server as a pure machine: one input in, effects out.
 *
 * Composes tree, watches, sessions, ACLs, prep, pipe, election and Zab.  Never reads a clock, a
 * socket, a file or a random device, never waits, starts no thread.  The driver (shell or
 * simulator) carries out the effects and brings completions back as inputs.
 *
 *     driver: for each input { pdk_node_step } ... then for each effect { carry out },
 *             then pdk_node_effects_clear
 *
 * Several steps may run before the effects are taken; their order is the order of carrying out.
 * Ordering rules that the driver must keep: bytes of one connection are sent in the order of its
 * effects; pieces of the log are appended in order; CLOSE takes place after everything sent
 * before it has been flushed (or given up).
 *
 * Connections are named by small dense numbers that the driver gives and may use again once it
 * has delivered CONN_CLOSED or taken a CLOSE effect (after either, neither side speaks of it
 * again).
 *
 * Links are streams to other servers.  Those that come in are numbered by the driver (below
 * PDK_LINK_DIALLED, dense, used again as connections are); those that go out by the node.  Bytes
 * that come in are handed over raw (pdk_node_link_bytes); what the node does not take comes
 * again with more behind it.
 *
 * "Persist before you speak" needs no care in the driver: a write's reply is emitted only when
 * LOG_DURABLE has come back.
 *
 * Threads: one (the core thread). */
#ifndef PDK_CORE_NODE_NODE_H
#define PDK_CORE_NODE_NODE_H

#include "base/base.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/acl/acl.h"
#include "core/quorum/quorum.h"
#include "core/session/session.h"
#include "core/store/store.h"
#include "core/store/walk.h"
#include "core/tree/tree.h"
#include "core/watch/watch.h"

/* A member of an ensemble; standalone when `members` is NULL. */
struct pdk_ensemble_config {
    struct pdk_members *members;   /* in force; held by the node.  `server_id` must be in it */
    struct pdk_members *last_seen; /* a reconfig that was under way (.next file), or NULL */
    int64_t accepted_epoch, current_epoch; /* from the disk; >= 0 */
    bool untrusted; /* the database is empty without leave, or rotten: takes no part in elections
                     * until a leader has given it a tree (decision 8) */
    int32_t init_limit, sync_limit, connect_limit; /* ticks; connect_limit 0: init_limit */
    int64_t min_notification_ms, max_notification_ms, finalize_wait_ms;
    int64_t hello_timeout_ms; /* quorumCnxnTimeoutMs */
    bool multi_address;
    bool leader_serves;
    bool standalone_enabled; /* a reconfig may not leave fewer than two voters */
    bool local_sessions, local_sessions_upgrading;
    bool read_only_mode;
    int32_t commit_log_count; /* zookeeper.commitLogCount */
    size_t commit_log_bytes;  /* paddock.commitLogBytes */
    bool force_snapshot;
    double snapshot_size_factor;
    int32_t max_snap_syncs, max_diff_syncs;
    int64_t max_wait_for_epoch_ms;
    int32_t observer_master_port; /* followers feed observers there; 0: they do not */
    int64_t observer_election_delay_ms, observer_reconnect_delay_ms;
    int64_t slow_sync_hand_over_ms; /* a leader whose disk is slower hands over; 0: never */
    size_t packet_field_bytes;      /* jute.maxbuffer and its extra size */
    /* From this counter on a leader rolls over to the next epoch; 0: 0xffff0000.  Lower for
     * tests. */
    uint32_t roll_over_at;
};

struct pdk_node_config {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    uint64_t prng_seed;
    uint8_t server_id; /* 1 when standalone */
    int32_t tick_ms;   /* tickTime */
    int32_t session_min_ms, session_max_ms;
    int32_t frame_limit_bytes;            /* jute.maxbuffer */
    bool extended_types, emulate_353_ttl; /* TTL znodes */
    bool enforce_quota;
    bool reconfig_enabled;
    bool digest_enabled;
    bool close_session_txn; /* zookeeper.closeSessionTxn.enabled */
    struct pdk_acl_config acl;
    uint32_t outstanding_limit; /* globalOutstandingLimit */
    size_t txn_limit_bytes;     /* longest transaction; 0: frame_limit_bytes and 1 KiB, what every
                                 * reader of the log takes */
    size_t in_flight_bytes;     /* of proposals not yet durable; beyond: connections pause */
    size_t conn_queue_bytes;    /* queued request bytes of one connection; beyond: it pauses */
    uint64_t watch_limit; /* of one connection; beyond: its requests for more get SystemError */
    size_t session_limit;
    int32_t snap_count;         /* zookeeper.snapCount */
    bool snap_count_set;        /* by hand: then decision 10's second condition is off */
    int64_t snap_size_limit_kb; /* <= 0: off */
    int64_t container_check_ms, container_per_minute, container_never_used_ms;
    int64_t throttled_op_wait_ms; /* 0: off */
    struct pdk_ensemble_config ensemble;
};

struct pdk_now {
    int64_t mono_ms; /* monotonic, never smaller than before */
    int64_t wall_ms; /* since 1970; may jump */
};

/* Links from this number on were dialled by us. */
#define PDK_LINK_DIALLED UINT32_C(0x80000000)
/* What a link came in on. */
enum pdk_port {
    PDK_PORT_ELECTION,
    PDK_PORT_QUORUM,          /* of a leader, for learners */
    PDK_PORT_OBSERVER_MASTER, /* of a follower, for observers */
};

/* ---- inputs ------------------------------------------------------------------------------ */
enum pdk_input_kind {
    PDK_IN_CONN_OPENED,   /* conn, address */
    PDK_IN_FRAME,         /* conn, bytes: one frame's body, borrowed for the step */
    PDK_IN_OVERSIZE,      /* conn, bytes: request header of a frame over the limit that the driver
                           * drained: to be answered with MarshallingError (decision 6) */
    PDK_IN_CONN_CLOSED,   /* conn: the peer has gone or the driver gave it up */
    PDK_IN_LOG_DURABLE,   /* zxid: everything appended up to it is on the disk */
    PDK_IN_LOG_SPACE,     /* flag: false = the log has no room: refuse writes until true */
    PDK_IN_SNAPSHOT_DONE, /* job (given back), err, size_bytes */
    PDK_IN_TICK,          /* time has passed: pdk_node_deadline said when to call */
    PDK_IN_SNAPSHOT_NOW,  /* take a snapshot as soon as none is running */

    /* An ensemble's: */
    PDK_IN_LINK_ACCEPTED, /* link, port, address */
    PDK_IN_LINK_DIALLED,  /* link, flag: connected or not (then the link is forgotten) */
    PDK_IN_LINK_CLOSED,   /* link: the peer has gone, or the driver gave it up */
    PDK_IN_STORED,        /* epoch, flag (current): answer to STORE_EPOCH */
    PDK_IN_LOADED,        /* err, recovery: answer to TRUNCATE and SPOOL_INSTALL.  PDK_ENOENT from
                           * TRUNCATE: impossible, nothing has changed, nothing was loaded */
    PDK_IN_FOUND,         /* link, err, place: answer to FIND */
    PDK_IN_STREAMED,      /* link, err, job (STREAM_VIEW; given back): answer to a STREAM, also
                           * when the link is long closed */
    PDK_IN_STREAMING,     /* link: bytes of its stream have left since the last time (at most
                           * every 100 ms) */
    PDK_IN_SYNC_SLOW,     /* size_bytes: milliseconds that the log's sync takes, or has taken
                           * so far */
    PDK_IN_HAND_OVER,     /* an operator wants another leader: server `sid`, or whoever is best
                           * (PDK_SID_NONE) */
};
struct pdk_input {
    enum pdk_input_kind kind;
    uint32_t conn;
    bool flag;
    struct pdk_slice bytes; /* FRAME */
    struct pdk_slice
        address; /* CONN_OPENED: the peer's ip text, "127.0.0.1" (identity of scheme ip) */
    pdk_zxid zxid;
    enum pdk_err err;
    int64_t size_bytes;
    struct pdk_snapshot_job *job;
    uint32_t link;
    enum pdk_port port;
    int64_t epoch;
    pdk_sid sid;
    const struct pdk_recovery *recovery;
    const struct pdk_log_place *place;
};

/* ---- effects ----------------------------------------------------------------------------- */
enum pdk_effect_kind {
    PDK_OUT_SEND,      /* conn, bytes: whole frames, to be queued behind what was sent before */
    PDK_OUT_SEND_MANY, /* conns[conn_count], bytes: the same to each */
    PDK_OUT_CLOSE,     /* conn: after flushing */
    PDK_OUT_PAUSE,     /* conn: deliver no more frames of it, not even ones already read */
    PDK_OUT_RESUME,    /* conn */
    PDK_OUT_APPEND,   /* piece: its bytes stay good (and are the log's to seal) until LOG_DURABLE */
    PDK_OUT_ROLL,     /* the next append opens a new file */
    PDK_OUT_SNAPSHOT, /* job: write it in the background, give it back with SNAPSHOT_DONE */
    PDK_OUT_LOG,      /* level, text */

    /* An ensemble's.  The disk's effects (APPEND, ROLL, STORE_EPOCH, TRUNCATE, SPOOL_*) are carried
     * out in their order, each on top of what the ones before made durable. */
    PDK_OUT_LISTEN,     /* port, flag: accept links on it, or no more.  The election port is open
                          * from the start */
    PDK_OUT_LINK_DIAL,  /* link, addresses in turn (the port is in each); names are resolved anew */
    PDK_OUT_LINK_SEND,  /* bytes to each of conns[conn_count] (links) */
    PDK_OUT_LINK_CLOSE, /* link, after flushing for a moment */
    PDK_OUT_FIND,       /* link, zxid, until: pdk_store_find */
    PDK_OUT_STREAM_VIEW, /* link, job: pdk_snapstream_write to the link, ahead of whatever is sent
                          * to it from now on */
    PDK_OUT_STREAM_LOG,  /* link, zxid (after), until, flag (observer): pdk_store_walk, each
                          * transaction as pdk_put_streamed_txn has it, ahead of the rest */
    PDK_OUT_STORE_EPOCH, /* epoch, flag (current; else accepted) */
    PDK_OUT_TRUNCATE,    /* zxid, sink: truncate, then recover into the sink */
    PDK_OUT_SPOOL_BEGIN, /* zxid */
    PDK_OUT_SPOOL_ADD,   /* bytes.  The driver stops handing over a link's bytes while much waits */
    PDK_OUT_SPOOL_INSTALL, /* sink: install, then recover into the sink */
    PDK_OUT_SPOOL_ABANDON,
    PDK_OUT_STORE_CONFIG, /* members, flag: in force (else: proposed, the .next file); members NULL:
                           * the proposed one is void */
};
struct pdk_effect {
    enum pdk_effect_kind kind;
    enum pdk_log_level level;
    uint32_t conn;
    uint32_t conn_count;
    const uint32_t *conns;
    struct pdk_slice bytes; /* SEND, SEND_MANY; LOG: the line's text */
    struct pdk_log_piece piece;
    struct pdk_snapshot_job *job;
    uint32_t link;
    enum pdk_port port;
    bool flag;
    pdk_zxid zxid, until;
    int64_t epoch;
    size_t address_count;
    const struct pdk_address *addresses; /* good until the next step */
    const struct pdk_recover_sink *sink; /* used by one thread until LOADED */
    struct pdk_members *members;         /* held for the driver, which drops it */
};

struct pdk_node;

/* An empty node, to be filled by recovery through pdk_node_recover_sink, then started. */
struct pdk_node *pdk_node_create(const struct pdk_node_config *config);
void pdk_node_destroy(struct pdk_node *node);

/* The sink that builds this node's state (before pdk_node_start). */
struct pdk_recover_sink pdk_node_recover_sink(struct pdk_node *node);
/* Recovery is complete: checks the state, arms the sessions.  PDK_ECORRUPT with a sentence when the
 * state cannot be (an ACL that is nowhere).  Effects may follow (log lines, a first snapshot). */
PDK_WARN_UNUSED enum pdk_err pdk_node_start(struct pdk_node *node,
                                            const struct pdk_recovery *recovery,
                                            const struct pdk_now *now, struct pdk_diag *diag);

void pdk_node_step(struct pdk_node *node, const struct pdk_now *now, const struct pdk_input *input);

/* Unread bytes of a link; returns how many were taken.  The rest comes again when there is more, or
 * after any other input that may have freed the node to go on (call it again then). */
size_t pdk_node_link_bytes(struct pdk_node *node, const struct pdk_now *now, uint32_t link,
                           struct pdk_slice bytes);
/* How one transaction of STREAM_LOG stands on the wire. */
void pdk_put_streamed_txn(struct pdk_buf *b, struct pdk_slice txn, bool is_observer);

/* These frames of one connection will be stepped next (bodies, at most PDK_NODE_AHEAD_MAX): brings
 * what they ask for closer, so that the waits for memory of several requests overlap.  Changes
 * nothing. */
#define PDK_NODE_AHEAD_MAX 16u
void pdk_node_ahead(const struct pdk_node *node, const struct pdk_slice *frames, size_t count);

/* Effects since the last clear, in order; good until the next step or clear. */
const struct pdk_effect *pdk_node_effects(struct pdk_node *node, size_t *count);
void pdk_node_effects_clear(struct pdk_node *node);

/* Monotonic time at which a TICK is due at the latest. */
int64_t pdk_node_deadline(const struct pdk_node *node);
/* True when nothing is proposed that is not yet applied (a clean stop waits for it). */
bool pdk_node_idle(const struct pdk_node *node);

#endif
