#include "server/config_keys.h"

#include <stddef.h>
#include <string.h>

#define AT(field) offsetof(struct pdk_config, field)
#define NO_FIELD PDK_CONFIG_NO_FIELD
#define I32 INT32_MAX
#define I64 INT64_MAX

/* Rows that a field stands behind. */
#define INT(name, field, min, max, fallback, doc) \
    { \
        name, PDK_CONFIG_INT, PDK_CONFIG_USED, AT(field), min, max, NULL, fallback, doc \
    }
#define LONG(name, field, min, max, fallback, doc) \
    { \
        name, PDK_CONFIG_LONG, PDK_CONFIG_USED, AT(field), min, max, NULL, fallback, doc \
    }
#define OTHER(name, kind, field, fallback, doc) \
    { \
        name, kind, PDK_CONFIG_USED, AT(field), 0, 0, NULL, fallback, doc \
    }
#define BOOL(name, field, fallback, doc) OTHER(name, PDK_CONFIG_BOOL, field, fallback, doc)
#define SERVER(name, doc) \
    { \
        name, PDK_CONFIG_SERVER, PDK_CONFIG_USED, NO_FIELD, 0, 0, NULL, NULL, doc \
    }
#define REAL(name, field, fallback, doc) OTHER(name, PDK_CONFIG_REAL, field, fallback, doc)
#define CHOICE(name, field, choices, fallback, doc) \
    { \
        name, PDK_CONFIG_CHOICE, PDK_CONFIG_USED, AT(field), 0, 0, choices, fallback, doc \
    }
/* Rows without one.  X_INT(PDK_CONFIG_JVM, ...) and so on. */
#define X(effect, kind, name, fallback, doc) \
    { \
        name, kind, effect, NO_FIELD, 0, 0, NULL, fallback, doc \
    }
#define X_NUM(effect, name, min, fallback, doc) \
    { \
        name, PDK_CONFIG_LONG, effect, NO_FIELD, min, I64, NULL, fallback, doc \
    }
#define X_BOOL(effect, name, fallback, doc) X(effect, PDK_CONFIG_BOOL, name, fallback, doc)
#define X_TEXT(effect, name, doc) X(effect, PDK_CONFIG_FREE, name, NULL, doc)

#define MOOT PDK_CONFIG_MOOT
#define JVM PDK_CONFIG_JVM
#define OBS PDK_CONFIG_OBSERVES
#define PROT PDK_CONFIG_PROTECTS
#define LOST PDK_CONFIG_LOST
#define UNSAFE PDK_CONFIG_UNSAFE

static const struct pdk_config_key keys[] = {
    /* ---- the file's own keys (admin.md 4) -------------------------------------------------- */
    OTHER("dataDir", PDK_CONFIG_TEXT, store.data_dir, NULL,
          "folder of snapshots and myid; files live in its version-2; must be set"),
    OTHER("dataLogDir", PDK_CONFIG_TEXT, store.log_dir, NULL,
          "folder of the transaction log; default: dataDir"),
    INT("clientPort", listen_port, 0, 65535, NULL,
        "TCP port of clients; 0: the system chooses; must be set"),
    OTHER("clientPortAddress", PDK_CONFIG_TEXT, listen_host, NULL,
          "name or address to listen on; default: every interface"),
    INT("clientPortListenBacklog", listen_backlog, -1, I32, "-1",
        "connections waiting to be accepted; -1: the system's own"),
    INT("tickTime", node.tick_ms, 1, I32, "3000",
        "ms; base of session timeouts and of their expiry (2000 without a config file)"),
    INT("minSessionTimeout", node.session_min_ms, -1, I32, "-1", "ms; -1: 2 * tickTime"),
    INT("maxSessionTimeout", node.session_max_ms, -1, I32, "-1", "ms; -1: 20 * tickTime"),
    INT("maxClientCnxns", max_client_cnxns, INT32_MIN, I32, "60",
        "connections of one address; 0 or less: no limit"),
    INT("autopurge.snapRetainCount", purge_retain, INT32_MIN, I32, "3",
        "snapshots to keep; smaller than 3 counts as 3"),
    OTHER("autopurge.purgeInterval", PDK_CONFIG_INTERVAL, purge_interval_ms, "0",
          "hours, or a number with ms, s, m, h or d; 0: never"),
    BOOL("reconfigEnabled", node.reconfig_enabled, "false", "dynamic reconfiguration"),
    BOOL("standaloneEnabled", standalone_enabled, "true",
         "a single voting server is standalone; false: an ensemble of one, which may grow"),
    SERVER("server.*", "a member: host:port:port[|host:port:port...][:participant|observer]"
                       "[;[host:]port], ports of quorum, election and clients"),
    SERVER("group.*", "servers of a group of a hierarchical quorum: 1:2:3"),
    SERVER("weight.*", "weight of a server in a hierarchical quorum; default: 1"),
    OTHER("version", PDK_CONFIG_HEX, static_version, "0",
          "hexadecimal; of the members in this file; a new ensemble has 0"),
    OTHER("dynamicConfigFile", PDK_CONFIG_TEXT, dynamic_file, NULL,
          "file with the members of the ensemble; the server writes it anew"),
    INT("initLimit", node.ensemble.init_limit, 0, I32, "0",
        "ticks to find and follow a leader; must be set in an ensemble"),
    INT("syncLimit", node.ensemble.sync_limit, 0, I32, "0",
        "ticks that leader and learner may hear nothing of each other; must be set in an ensemble"),
    INT("connectToLearnerMasterLimit", node.ensemble.connect_limit, 0, I32, "0",
        "ticks to connect to the leader; 0: initLimit"),
    CHOICE("peerType", peer_type, "participant|observer", "participant",
           "role of this server; its server.N line decides"),
    INT("observerMasterPort", observer_master_port, INT32_MIN, 65535, "0",
        "port at which followers serve observers; 0 or less: none"),
    {"electionAlg", PDK_CONFIG_INT, PDK_CONFIG_USED, AT(election_alg), 3, 3,
     "3, fast leader election; 0 to 2, elections over UDP, left ZooKeeper with 3.6", "3",
     "only 3, fast leader election, exists"},
    BOOL("quorumListenOnAllIPs", quorum_listen_on_all, "false",
         "listen for members on every interface"),
    X_BOOL(MOOT, "syncEnabled", "true", "observers always write log and snapshots"),
    BOOL("localSessionsEnabled", node.ensemble.local_sessions, "false",
         "sessions that only the client's own server knows"),
    BOOL("localSessionsUpgradingEnabled", node.ensemble.local_sessions_upgrading, "false",
         "a local session that creates an ephemeral becomes a global one"),
    X_NUM(JVM, "quorum.cnxn.threads.size", INT32_MIN, "20", "threads of SASL between members"),
    BOOL("multiAddress.enabled", node.ensemble.multi_address, "false",
         "several addresses per member"),
    X_BOOL(MOOT, "multiAddress.reachabilityCheckEnabled", "true",
           "the addresses of a member are tried in turn"),
    X_NUM(MOOT, "multiAddress.reachabilityCheckTimeoutMs", INT32_MIN, "1000", "ms; see above"),
    X_TEXT(
        UNSAFE, "oraclePath",
        "the word of a file is no majority: two leaders could answer at once; use three servers"),

    /* ---- limits and formats (admin.md 5) ------------------------------------------------- */
    INT("jute.maxbuffer", node.frame_limit_bytes, 1, I32, "1048575",
        "bytes; longest request, its data included"),
    LONG("jute.maxbuffer.extrasize", record_slack_bytes, -1, I32, "-1",
         "bytes that a log record may be longer; -1: jute.maxbuffer, at least 1024"),
    INT("snapCount", node.snap_count, INT32_MIN, I32, "100000",
        "transactions between snapshots; smaller than 2 counts as 2"),
    LONG("snapSizeLimitInKb", node.snap_size_limit_kb, INT64_MIN, I64 / 1024, "4194304",
         "KiB of log between snapshots; 0 or less: no limit"),
    LONG("preAllocSize", store.prealloc_kb, 0, I32, "65536", "KiB; log files grow in such steps"),
    LONG("txnLogSizeLimitInKb", store.log_size_limit_kb, INT64_MIN, I64 / 1024, "-1",
         "KiB; a longer log file is followed by a new one; 0 or less: no limit"),
    CHOICE("snapshot.compression.method", store.compression, "|gz|snappy", "",
           "of snapshots written"),
    BOOL("snapshot.trust.empty", store.trust_empty_snapshot, "false",
         "serve logs without any snapshot (after an upgrade from 3.4)"),
    BOOL("serializeLastProcessedZxid.enabled", store.write_last_zxid, "true",
         "snapshots end with the last zxid"),
    OTHER("forceSync", PDK_CONFIG_YES_NO, store.force_sync, "yes",
          "no: acknowledged writes may be lost with the power"),
    LONG("fsync.warningthresholdms", fsync_warning_ms, INT64_MIN, I64, "1000",
         "ms; slower syncs of the log are reported"),
    LONG("flushDelay", flush_delay_ms, 0, I32, "0", "ms that a write may wait for others to sync"),
    X_NUM(JVM, "maxWriteQueuePollTime", INT64_MIN, NULL, "ms; flushDelay alone decides here"),
    INT("maxBatchSize", max_batch_size, INT32_MIN, I32, "1000",
        "transactions that share one sync; 0 or less: no limit"),
    BOOL("datadir.autocreate", store.autocreate_dirs, "true", "create missing folders"),
    BOOL("db.autocreate", store.db_autocreate, "true", "start empty where there is no data"),
    INT("globalOutstandingLimit", node.outstanding_limit, 1, I32, "1000",
        "requests under way; beyond: connections pause"),
    INT("maxCnxns", max_cnxns, INT32_MIN, I32, "0", "connections together; 0 or less: no limit"),
    BOOL("enforceQuota", node.enforce_quota, "false", "hard quotas refuse writes"),
    OTHER("skipACL", PDK_CONFIG_YES_NO, node.acl.skip, "no", "yes: no permission is checked"),
    X_BOOL(MOOT, "enableEagerACLCheck", "false", "the leader checks"),
    BOOL("extendedTypesEnabled", node.extended_types, "false", "TTL znodes"),
    BOOL("emulate353TTLNodes", node.emulate_353_ttl, "false", "TTL znodes as 3.5.3 wrote them"),
    LONG("znode.container.checkIntervalMs", node.container_check_ms, 1, I32, "60000",
         "ms between searches for containers and TTL znodes to delete"),
    LONG("znode.container.maxPerMinute", node.container_per_minute, 1, I32, "10000",
         "of them deleted in a minute"),
    LONG("znode.container.maxNeverUsedIntervalMs", node.container_never_used_ms, 0, I64, "0",
         "ms after which a container that never had a child is deleted; 0: never"),
    OTHER("4lw.commands.whitelist", PDK_CONFIG_WORDS, words, "srvr",
          "four-letter words that are answered, with commas between; *: all"),
    BOOL("readonlymode.enabled", read_only_mode, "false",
         "a member without a leader serves reads; allows the word isro"),
    BOOL("digest.enabled", node.digest_enabled, "true", "keep and log the digest of the tree"),
    BOOL("closeSessionTxn.enabled", node.close_session_txn, "true",
         "closeSession transactions name the deleted ephemerals"),
    INT("request_throttle_max_requests", request_throttle_max, 0, I32, "0",
        "requests under way before new ones wait; 0: no limit"),
    INT("request_throttle_stall_time", request_throttle_stall_ms, 1, I32, "100",
        "ms that a request waits at most before it is looked at again"),
    BOOL("request_throttle_drop_stale", request_throttle_drop_stale, "true",
         "drop waiting requests whose connection is gone"),
    BOOL("request_stale_connection_check", request_stale_connection_check, "true",
         "requests of closed connections are stale"),
    BOOL("request_stale_latency_check", request_stale_latency_check, "false",
         "requests older than their session timeout are stale"),
    X_NUM(JVM, "request_throttler.shutdownTimeout", INT32_MIN, "10000", "ms"),
    LONG("throttled_op_wait_time", node.throttled_op_wait_ms, INT32_MIN, I32, "0",
         "ms of waiting after which a request is answered with ThrottledOp; 0 or less: never"),
    INT("connection_throttle_tokens", throttle.tokens, INT32_MIN, I32, "0",
        "size of the bucket that new sessions draw from; 0 or less: no limit"),
    INT("connection_throttle_fill_time", throttle.fill_time_ms, 1, I32, "1", "ms between fills"),
    INT("connection_throttle_fill_count", throttle.fill_count, 0, I32, "1", "tokens of one fill"),
    INT("connection_throttle_freeze_time", throttle.freeze_time_ms, -1, I32, "-1",
        "ms between changes of the drop probability; -1: no dropping by chance"),
    REAL("connection_throttle_drop_increase", throttle.drop_increase, "0.02",
         "added to the drop probability when the bucket is empty"),
    REAL("connection_throttle_drop_decrease", throttle.drop_decrease, "0.002",
         "taken from it when tokens are left"),
    REAL("connection_throttle_decrease_ratio", throttle.decrease_ratio, "0",
         "fill ratio from which it decreases"),
    BOOL("connection_throttle_weight_enabled", throttle.weight_enabled, "false",
         "session kinds draw different numbers of tokens"),
    INT("connection_throttle_global_session_weight", throttle.global_weight, 1, I32, "3",
        "tokens of a new session"),
    INT("connection_throttle_renew_session_weight", throttle.renew_weight, 1, I32, "2",
        "tokens of a session that comes back"),
    INT("connection_throttle_local_session_weight", throttle.local_weight, 1, I32, "1",
        "tokens of a local session"),
    LONG("largeRequestMaxBytes", large_request_max_bytes, 1, I32, "104857600",
         "bytes of large requests under way together; beyond: rejected"),
    LONG("largeRequestThreshold", large_request_threshold, -1, I32, "-1",
         "bytes from which a request is large; -1: none is"),
    INT("nio.sessionlessCnxnTimeout", sessionless_timeout_ms, 1, I32, "10000",
        "ms after which a connection without a session is closed"),
    INT("nio.shutdownTimeout", shutdown_timeout_ms, 0, I32, "5000",
        "ms that a stop waits for what is under way"),
    BOOL("clientTcpKeepAlive", tcp_keepalive, "false", "TCP keep-alive on client connections"),

    /* ---- who may do what ----------------------------------------------------------------- */
    OTHER("DigestAuthenticationProvider.superDigest", PDK_CONFIG_SLICE, node.acl.super_digest, "",
          "super:<base64 of the digest of super:password>: who logs in so may do everything"),
    OTHER("DigestAuthenticationProvider.digestAlg", PDK_CONFIG_DIGEST, node.acl.digest_algorithm,
          "SHA1", "digest algorithm of the scheme digest"),
    BOOL("DigestAuthenticationProvider.enabled", node.acl.digest_enabled, "true",
         "the scheme digest exists"),
    X(LOST, PDK_CONFIG_FREE, "X509AuthenticationProvider.superUser", NULL,
      "super user by certificate"),
    X_TEXT(LOST, "X509AuthenticationProvider.*", "how the scheme x509 reads names"),
    X_BOOL(LOST, "IPAuthenticationProvider.usexforwardedfor", "false",
           "the admin server believes X-Forwarded-For"),
    X_TEXT(LOST, "superUser", "super user of the scheme sasl"),
    X_TEXT(LOST, "superUser.*", "super user of the scheme sasl"),
    X_TEXT(LOST, "SASLAuthenticationProvider.superPassword", "of the scheme sasl"),
    X_TEXT(LOST, "letAnySaslUserDoX", "of the scheme sasl"),
    X_TEXT(LOST, "sasl.*", "SASL of server and client"),
    X_TEXT(LOST, "kerberos.*", "Kerberos"),
    X_TEXT(LOST, "security.auth_to_local", "Kerberos"),
    X_TEXT(LOST, "requireKerberosConfig", "Kerberos"),
    X_TEXT(LOST, "kinit", "Kerberos"),
    X_TEXT(LOST, "java.security.auth.login.config", "JAAS: SASL for clients that want it"),
    X_BOOL(LOST, "allowSaslFailedClients", "false", "let clients in whose SASL login failed"),
    X_TEXT(PROT, "authProvider.*", "more authentication schemes"),
    X_TEXT(PROT, "ensembleAuthName", "names of the ensemble that clients must know"),
    X_BOOL(PROT, "sessionRequireClientSASLAuth", "false", "only clients with SASL may do anything"),
    X_TEXT(PROT, "requireClientAuthScheme", "only clients with SASL may do anything"),
    X_BOOL(PROT, "enforce.auth.enabled", "false", "only authenticated clients may do anything"),
    X_TEXT(LOST, "enforce.auth.schemes", "schemes that enforce.auth.enabled wants"),
    X_BOOL(PROT, "audit.enable", "false", "audit log"),
    X_TEXT(LOST, "audit.impl.class", "who writes the audit log"),
    X_NUM(PROT, "secureClientPort", 0, NULL, "TLS port of clients"),
    X_TEXT(PROT, "secureClientPortAddress", "where the TLS port listens"),
    X_TEXT(PROT, "ssl.*", "TLS"),
    X_BOOL(PROT, "client.portUnification", "false", "TLS on clientPort, too"),
    X_BOOL(LOST, "client.certReload", "false", "reload of TLS certificates"),
    X_BOOL(LOST, "fips-mode", "true", "FIPS rules of TLS"),
    X_BOOL(PROT, "sslQuorum", "false", "TLS between members"),
    X_BOOL(PROT, "portUnification", "false", "TLS between members, too"),
    X_BOOL(LOST, "sslQuorumReloadCertFiles", "false", "reload of certificates between members"),
    X_BOOL(PROT, "quorum.auth.enableSasl", "false", "SASL between members"),
    X_BOOL(PROT, "quorum.auth.serverRequireSasl", "false", "SASL between members"),
    X_BOOL(PROT, "quorum.auth.learnerRequireSasl", "false", "SASL between members"),
    X_TEXT(LOST, "quorum.auth.*", "names for SASL between members"),

    /* ---- what observes ------------------------------------------------------------------- */
    X_BOOL(OBS, "admin.enableServer", "true", "HTTP admin server"),
    X_TEXT(OBS, "admin.*", "HTTP admin server"),
    X_TEXT(OBS, "metricsProvider.className", "exporter of metrics"),
    X_TEXT(OBS, "metricsProvider.*", "exporter of metrics"),

    /* ---- of members ---------------------------------------------------------------------- */
    OTHER("leaderServes", PDK_CONFIG_YES_NO, node.ensemble.leader_serves, "yes",
          "no: the leader has no clients of its own"),
    INT("commitLogCount", node.ensemble.commit_log_count, 0, I32, "500",
        "transactions kept in memory for learners that come back"),
    OTHER("snapshotSizeFactor", PDK_CONFIG_FACTOR, node.ensemble.snapshot_size_factor, "0.33",
          "learners get the log as long as it is smaller than this part of a snapshot; below 0: "
          "never from the disk"),
    BOOL("forceSnapshotSync", node.ensemble.force_snapshot, "false",
         "learners always get a snapshot"),
    BOOL("tcpKeepAlive", peer_keepalive, "false", "TCP keep-alive between members"),
    INT("cnxTimeout", connect_timeout_ms, 1, I32, "5000", "ms to connect to a member"),
    LONG("quorumCnxnTimeoutMs", node.ensemble.hello_timeout_ms, INT32_MIN, I32, "-1",
         "ms in which a member must say who it is; 0 or less: syncLimit * tickTime"),
    INT("electionPortBindRetry", election_bind_retry, INT32_MIN, I32, "3",
        "attempts to listen on the election port, a second apart; 0: for ever"),
    LONG("fastleader.minNotificationInterval", node.ensemble.min_notification_ms, 1, I32, "200",
         "ms without news before a vote is sent again; doubles up to the next setting"),
    LONG("fastleader.maxNotificationInterval", node.ensemble.max_notification_ms, 1, I32, "60000",
         "ms; at least fastleader.minNotificationInterval"),
    LONG("observer.reconnectDelayMs", node.ensemble.observer_reconnect_delay_ms, 0, I32, "0",
         "ms; an observer waits up to this, by chance, before it connects"),
    LONG("observer.election.DelayMs", node.ensemble.observer_election_delay_ms, 0, I32, "200",
         "ms; an observer that lost its leader waits up to this, by chance, before it looks"),
    X_BOOL(MOOT, "observer.syncEnabled", "true", "observers always write log and snapshots"),
    X_NUM(MOOT, "observerMaster.sizeLimit", INT32_MIN, NULL,
          "bytes; paddock.commitLogBytes limits what followers keep for observers"),
    INT("leader.maxConcurrentSnapSyncs", node.ensemble.max_snap_syncs, 1, I32, "10",
        "learners that get a snapshot at the same time"),
    INT("leader.maxConcurrentDiffSyncs", node.ensemble.max_diff_syncs, 1, I32, "100",
        "learners that get a part of the log at the same time"),
    LONG("leader.maxTimeToWaitForEpoch", node.ensemble.max_wait_for_epoch_ms, INT32_MIN, I32, "-1",
         "ms after which a new leader gives up if one that voted for it looks again; below 0: "
         "initLimit alone counts"),
    {"paddock.rollOverAt", PDK_CONFIG_UINT, PDK_CONFIG_USED, AT(node.ensemble.roll_over_at), 0,
     UINT32_MAX, NULL, "0",
     "counter of zxids at which a leader takes the next epoch; 0: close to its end"},
    X_NUM(MOOT, "leader.ackLoggingFrequency", INT32_MIN, "1000", "proposals"),
    X_BOOL(MOOT, "leader.closeSocketAsync", "false", "links never block"),
    X_BOOL(MOOT, "learner.closeSocketAsync", "false", "links never block"),
    X_BOOL(MOOT, "learner.asyncSending", "false", "links never block"),
    X_BOOL(MOOT, "leader.nodelay", "true", "TCP_NODELAY is always on"),
    X_BOOL(MOOT, "follower.nodelay", "true", "TCP_NODELAY is always on"),
    X_BOOL(MOOT, "follower.skipLearnerRequestToNextProcessor", "false", "a shortcut in followers"),
    X_BOOL(MOOT, "forward_learner_requests_to_commit_processor_disabled", "false",
           "a shortcut in leaders"),
    X_NUM(MOOT, "leaderConnectDelayDuringRetryMs", INT32_MIN, "100",
          "ms; a learner tries again as soon as it is worth it"),
    LONG("paddock.finalizeWaitMs", node.ensemble.finalize_wait_ms, 0, I32, "20",
         "ms that an election waits for a better vote once there is a quorum; none when every "
         "voter was heard"),
    LONG("paddock.commitLogBytes", node.ensemble.commit_log_bytes, 0, I64 / 2, "16777216",
         "bytes of transactions kept in memory for learners that come back"),
    LONG("paddock.linkQueueBytes", link_queue_bytes, 65536, I64 / 2, "268435456",
         "bytes queued for a member that does not read; beyond: its link is closed; at least two "
         "of the longest transactions"),
    LONG("paddock.slowSyncHandOverMs", node.ensemble.slow_sync_hand_over_ms, 0, I32, "0",
         "ms; a leader whose disk takes longer to sync hands over and steps back; 0: never"),

    /* ---- of Java threads, buffers and caches --------------------------------------------- */
    X_TEXT(JVM, "serverCnxnFactory", "NIO or Netty"),
    X_NUM(JVM, "nio.numSelectorThreads", INT32_MIN, NULL, "threads"),
    X_NUM(JVM, "nio.numWorkerThreads", INT32_MIN, NULL, "threads"),
    X_NUM(JVM, "nio.directBufferBytes", INT32_MIN, "65536", "bytes"),
    X_TEXT(JVM, "netty.*", "Netty"),
    X_TEXT(JVM, "commitProcessor.*", "threads and batches"),
    X_NUM(JVM, "maxResponseCacheSize", INT32_MIN, "400", "entries"),
    X_NUM(JVM, "maxGetChildrenResponseCacheSize", INT32_MIN, "400", "entries"),
    X_NUM(JVM, "intBufferStartingSizeBytes", 32, "1024", "bytes"),
    X_TEXT(JVM, "watchManagerName", "class"),
    X_NUM(JVM, "watcherCleanThreadsNum", INT32_MIN, "2", "threads"),
    X_NUM(JVM, "watcherCleanThreshold", INT32_MIN, "1000", "watchers"),
    X_NUM(JVM, "watcherCleanIntervalInSeconds", INT32_MIN, "600", "s"),
    X_NUM(JVM, "maxInProcessingDeadWatchers", INT32_MIN, "-1", "watchers"),
    X_NUM(JVM, "bitHashCacheSize", INT32_MIN, "10", "entries"),
    X_TEXT(JVM, "messageTracker.*", "trace of messages"),
    X_TEXT(JVM, "pathStats.*", "statistics of paths"),
    X_BOOL(JVM, "jvm.pause.monitor", "false", "watch for pauses of the collector"),
    X_NUM(JVM, "jvm.pause.sleep.time.ms", INT64_MIN, "500", "ms"),
    X_NUM(JVM, "jvm.pause.warn-threshold.ms", INT64_MIN, "10000", "ms"),
    X_NUM(JVM, "jvm.pause.info-threshold.ms", INT64_MIN, "1000", "ms"),
    X_TEXT(JVM, "jmx.*", "JMX"),
    X_TEXT(JVM, "log.*", "log4j, logback"),
    X_TEXT(JVM, "root.logger", "log4j, logback"),
    X_TEXT(JVM, "console.threshold", "log4j, logback"),
    X_TEXT(JVM, "log4j.*", "log4j"),
    X_TEXT(JVM, "log4j2.*", "log4j"),
    X_TEXT(JVM, "logback.*", "logback"),
    X_TEXT(JVM, "org.slf4j.*", "slf4j"),
    X_TEXT(JVM, "java.*", "the JVM"),
    X_TEXT(JVM, "javax.*", "the JVM"),
    X_TEXT(JVM, "jdk.*", "the JVM"),
    X_TEXT(JVM, "sun.*", "the JVM"),
    X_TEXT(JVM, "com.sun.*", "the JVM"),
    X_TEXT(JVM, "file.encoding", "the JVM"),
    X_TEXT(JVM, "user.*", "the JVM"),
    X_TEXT(JVM, "networkaddress.cache.*", "the JVM"),

    /* ---- ours ---------------------------------------------------------------------------- */
    CHOICE("paddock.oversize", oversize, "close|error", "close",
           "a request over jute.maxbuffer: close the connection, or answer MarshallingError"),
    CHOICE("paddock.logLevel", log_level, "error|warn|info|debug", "info", "how much is logged"),
    LONG("paddock.outQueueBytes", out_queue_bytes, 65536, I64 / 2, "67108864",
         "bytes of replies queued for a client that does not read; beyond: closed"),
    LONG("paddock.connQueueBytes", node.conn_queue_bytes, 65536, I64 / 2, "4194304",
         "bytes of requests queued for one connection; beyond: it pauses"),
    LONG("paddock.inFlightBytes", node.in_flight_bytes, 65536, I32, "16777216",
         "bytes of writes not yet on the disk; beyond: connections pause; at least "
         "2 * jute.maxbuffer"),
    LONG("paddock.watchLimit", node.watch_limit, 1, I64 / 2, "1000000",
         "watches of one connection; beyond: SystemError"),
    LONG("paddock.sessionLimit", node.session_limit, 1, INT64_C(1) << 40, "1000000",
         "live sessions; beyond: refused"),
    OTHER("paddock.portFile", PDK_CONFIG_FREE, port_file, "",
          "file that gets the number of the port once the server listens"),
};

const struct pdk_config_key *pdk_config_keys(size_t *count)
{
    *count = PDK_COUNT_OF(keys);
    return keys;
}

struct pdk_slice pdk_config_key_bare(struct pdk_slice name)
{
    static const char prefix[] = "zookeeper.";
    size_t len = sizeof prefix - 1;
    if (!pdk_slice_starts_with(name, pdk_slice_of(prefix, len))) return name;
    return pdk_slice_of(name.bytes + len, name.len - len);
}

/* A pattern's letters before its '*'; 0 when the name is a plain one. */
static size_t pattern_len(const char *name)
{
    size_t len = strlen(name);
    return name[len - 1] == '*' ? len - 1 : 0;
}

const struct pdk_config_key *pdk_config_key_find(struct pdk_slice name)
{
    struct pdk_slice bare = pdk_config_key_bare(name);
    const struct pdk_config_key *pattern = NULL;
    for (size_t i = 0; i < PDK_COUNT_OF(keys); i++) {
        if (pdk_slice_eq_str(bare, keys[i].name)) return &keys[i];
        size_t len = pattern_len(keys[i].name);
        if (len > 0 && pattern == NULL && bare.len > len &&
            memcmp(bare.bytes, keys[i].name, len) == 0)
            pattern = &keys[i];
    }
    return pattern;
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c; }

#define NAME_MAX_COMPARED 80

/* Letters to insert, delete or replace (case aside) to get from one name to the other; both at most
 * NAME_MAX_COMPARED long. */
static size_t distance(struct pdk_slice a, struct pdk_slice b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    for (size_t k = 0; k <= b.len; k++) row[k] = k;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < b.len; k++) {
            size_t same = diagonal + (lower(a.bytes[i]) != lower(b.bytes[k]));
            diagonal = row[k + 1];
            size_t changed = pdk_min_size(row[k], diagonal) + 1;
            row[k + 1] = pdk_min_size(same, changed);
        }
    }
    return row[b.len];
}

const struct pdk_config_key *pdk_config_key_nearest(struct pdk_slice name)
{
    struct pdk_slice bare = pdk_config_key_bare(name);
    if (bare.len == 0 || bare.len > NAME_MAX_COMPARED) return NULL;
    const struct pdk_config_key *best = NULL;
    size_t best_distance = bare.len / 3 + 1;
    for (size_t i = 0; i < PDK_COUNT_OF(keys); i++) {
        struct pdk_slice known = pdk_slice_str(keys[i].name);
        if (known.len > NAME_MAX_COMPARED || pattern_len(keys[i].name) > 0) continue;
        if (pdk_max_size(bare.len, known.len) - pdk_min_size(bare.len, known.len) >= best_distance)
            continue; /* so many letters differ at least */
        size_t d = distance(bare, known);
        if (d < best_distance) {
            best = &keys[i];
            best_distance = d;
        }
    }
    return best;
}

bool pdk_config_key_secret(struct pdk_slice name)
{
    static const char *const words[] = {"passw", "superdigest", "secret"};
    for (size_t w = 0; w < PDK_COUNT_OF(words); w++) {
        size_t len = strlen(words[w]);
        for (size_t at = 0; at + len <= name.len; at++) {
            size_t k = 0;
            while (k < len && lower(name.bytes[at + k]) == (uint8_t)words[w][k]) k++;
            if (k == len) return true;
        }
    }
    return false;
}
