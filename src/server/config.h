/* server/config.h - from zoo.cfg, -D and arguments to the numbers that the server runs with.
 *
 * Reads any Apache zoo.cfg (Java properties syntax, admin.md sections 4 and 5).  A key may be
 * written as Apache documents it or with the prefix "zookeeper."; keys of ours begin with
 * "paddock.".  What is said twice: the last line wins, -D wins over the file.  Keys whose feature
 * is not built: one that protects refuses the start, one that observes warns (decision 5).  Keys
 * that only a JVM can obey, and those that choose what needs no choice here, are known and passed
 * over.  An unknown key warns and names the nearest
 * known one.  Values of secrets never reach a log line or a diag.
 *
 * Ownership: every string in here belongs to the config, good until pdk_config_deinit; `node.acl`'s
 * slices point into them.  A config is not changed after loading: any thread may read it. */
#ifndef PDK_SERVER_CONFIG_H
#define PDK_SERVER_CONFIG_H

#include "base/base.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/node/node.h"
#include "core/store/store.h"
#include "proto/fourletter.h"

struct pdk_config_string; /* list of owned strings */

/* paddock.oversize: what becomes of a request over jute.maxbuffer (decision 6). */
enum pdk_oversize {
    PDK_OVERSIZE_CLOSE,
    PDK_OVERSIZE_ERROR, /* answered with MarshallingError */
};

/* connection_throttle_*: a token bucket that new sessions must pass.  tokens <= 0: off. */
struct pdk_connection_throttle {
    int32_t tokens, fill_time_ms, fill_count, freeze_time_ms;
    double drop_increase, drop_decrease, decrease_ratio;
    bool weight_enabled;
    int32_t global_weight, renew_weight, local_weight;
};

/* peerType: what the file says of its own server; the member's line decides. */
enum pdk_peer_type { PDK_PEER_PARTICIPANT, PDK_PEER_OBSERVER };

struct pdk_config {
    const char *file; /* the config file as named, or NULL: built-in defaults or arguments */
    /* The same, absolute, and what it leads to through links; NULL: nothing can be written there
     * (config_dynamic.h). */
    const char *path, *target;

    /* Parts handed on.  Not set here, but at the start: node.mem, node.seed, node.prng_seed,
     * node.ensemble's epochs and `untrusted`, store.mem, store.log. */
    struct pdk_node_config node;
    struct pdk_store_config store;

    /* ---- where to listen ------------------------------------------------------------------- */
    const char *listen_host; /* clientPortAddress: name or address; "" = all, IPv4 and IPv6 */
    int32_t listen_port;     /* clientPort 0..65535; 0 = the system chooses, as with Apache */
    int32_t listen_backlog;  /* clientPortListenBacklog; -1 = the system's own */
    /* paddock.portFile: the port in use is written here once the server listens (a number and a
     * newline, renamed into place); "" = no. */
    const char *port_file;

    /* ---- limits of connections ------------------------------------------------------------- */
    int32_t max_client_cnxns;       /* of one address; 0 = no limit */
    int32_t max_cnxns;              /* together; 0 = no limit */
    int32_t sessionless_timeout_ms; /* a connection without a session is closed after this */
    int32_t shutdown_timeout_ms;    /* SIGTERM: how long to wait for what is under way */
    bool tcp_keepalive;             /* clientTcpKeepAlive */
    /* paddock.outQueueBytes: replies queued for one connection that does not read; beyond: the
     * connection is closed with a warning. */
    size_t out_queue_bytes;
    enum pdk_oversize oversize;
    int64_t large_request_threshold; /* bytes; -1 = off: requests of this size and more ... */
    int64_t large_request_max_bytes; /* ... together at most so many under way; beyond: rejected */
    struct pdk_connection_throttle throttle;

    /* ---- RequestThrottler ------------------------------------------------------------------- */
    int32_t request_throttle_max;      /* requests under way; 0 = off */
    int32_t request_throttle_stall_ms; /* >= 1 */
    bool request_throttle_drop_stale, request_stale_connection_check, request_stale_latency_check;

    /* ---- disk ------------------------------------------------------------------------------- */
    int64_t record_slack_bytes; /* jute.maxbuffer.extrasize, resolved: >= 1024 */
    int64_t fsync_warning_ms;   /* fsync.warningthresholdms: slower syncs warn */
    int64_t flush_delay_ms;     /* 0: sync as soon as the log thread is free */
    int32_t max_batch_size;     /* txns of one sync; <= 0: no limit */
    int32_t purge_retain;       /* autopurge.snapRetainCount, >= 3 */
    int64_t purge_interval_ms;  /* autopurge.purgeInterval; 0 = off */

    /* ---- operators -------------------------------------------------------------------------- */
    struct pdk_word_set words;    /* 4lw.commands.whitelist */
    enum pdk_log_level log_level; /* paddock.logLevel */
    bool read_only_mode; /* readonlymode.enabled: only `isro` is concerned when standalone */

    /* ---- a member of an ensemble: node.ensemble.members is not NULL ---------------------------
     * The config holds `members` and `last_seen` until pdk_config_deinit.  node.server_id is
     * myid; listen_host and listen_port are those of its line, where it names them. */
    bool standalone_enabled;      /* a single voter: true: a standalone server */
    const char *dynamic_file;     /* dynamicConfigFile as named, or "" */
    int64_t static_version;       /* of members that stand in the config file itself */
    enum pdk_peer_type peer_type; /* as said */
    int32_t election_alg;         /* 3 */
    bool quorum_listen_on_all;    /* quorumListenOnAllIPs */
    int32_t observer_master_port; /* observerMasterPort; 0: none */
    int32_t election_bind_retry;  /* zookeeper.electionPortBindRetry; 0: for ever */
    int32_t connect_timeout_ms;   /* zookeeper.cnxTimeout: to connect to a member */
    bool peer_keepalive;          /* zookeeper.tcpKeepAlive */
    /* paddock.linkQueueBytes: queued for one member that does not read; beyond: the link is
     * closed.  At least two of the longest transactions. */
    size_t link_queue_bytes;
    int64_t slow_sync_ms; /* paddock.slowSyncHandOverMs, as in node.ensemble; 0: never */

    /* ---- own -------------------------------------------------------------------------------- */
    const struct pdk_mem *mem;
    struct pdk_config_string *strings;
};

/* Where settings come from: main fills it from its command line. */
struct pdk_config_source {
    /* What stood behind the options of the command line:
     *   0 arguments   built-in defaults (decision 4): 127.0.0.1:2181, ./data, tickTime 2000
     *   1             a config file
     *   2 to 4        clientPort dataDir [tickTime [maxClientCnxns]], as Apache has them */
    const char *const *args;
    size_t arg_count;
    /* "key=value" or "key" (then the value is empty, as Java has it), in the order given. */
    const char *const *defines;
    size_t define_count;
};

/* Reads and checks everything; warnings and notes go to `log` (which main creates at level info and
 * lowers or raises to `log_level` afterwards).
 * PDK_EINVAL, PDK_ENOENT, PDK_EIO: `diag` says file, line, key, value and what is allowed; the
 * config is empty then and needs no deinit.  Apache's exit code for all of them is 2. */
PDK_WARN_UNUSED enum pdk_err pdk_config_load(struct pdk_config *config,
                                             const struct pdk_config_source *source,
                                             const struct pdk_mem *mem, const struct pdk_log *log,
                                             struct pdk_diag *diag);

/* The same for a file's text; `name` stands in messages.  With `other_files` the files that a
 * config speaks of are looked into: dynamicConfigFile, its .next file, and dataDir/myid.  Without,
 * a member does not know who it is: node.server_id stays 1. */
struct pdk_config_text {
    struct pdk_slice text;
    const char *name;
    bool other_files;
};
PDK_WARN_UNUSED enum pdk_err pdk_config_parse(struct pdk_config *config,
                                              const struct pdk_config_text *text,
                                              const struct pdk_config_source *source,
                                              const struct pdk_mem *mem, const struct pdk_log *log,
                                              struct pdk_diag *diag);
void pdk_config_deinit(struct pdk_config *config);

/* Every key with its default and one line of explanation, for `paddockd --help-config`. */
void pdk_config_put_help(struct pdk_buf *out);

#endif
