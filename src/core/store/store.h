/* core/store/store.h - what is on the disk: log, snapshots, recovery, purge.
 *
 * Apache's own bytes (disk-formats.md).  Everything goes through the table of functions in vfs.h:
 * naming, rolling, the order of writes, syncs, renames and directory syncs are code of this folder;
 * the shell brings the real disk, tests and the simulator a crash disk that can stop at each call.
 *
 * Who runs what (nothing here starts a thread or keeps a lock):
 *   start-up      pdk_store_open, pdk_store_recover       one thread, before the node exists
 *   log thread    pdk_store_append, _sync, _reserve, _roll, _write_epoch; resync.h, and
 *                 pdk_store_recover after it
 *   background    pdk_snapshot_write, pdk_store_purge; walk.h
 * The log writer and the background calls share no mutable state but the directory itself. */
#ifndef PDK_CORE_STORE_STORE_H
#define PDK_CORE_STORE_STORE_H

#include "base/base.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/store/codec.h"
#include "core/store/vfs.h"
#include "core/tree/view.h"
#include "jute/records.h"

struct pdk_store_config {
    const struct pdk_mem *mem;
    const char *data_dir;      /* dataDir; files live in its version-2 */
    const char *log_dir;       /* dataLogDir; may equal data_dir */
    int64_t prealloc_kb;       /* zookeeper.preAllocSize; 0 = no padding */
    int64_t log_size_limit_kb; /* zookeeper.txnLogSizeLimitInKb; <= 0 off */
    size_t max_record_bytes;   /* longest txn accepted when reading: jute.maxbuffer + extrasize */
    size_t in_flight_bytes; /* most bytes proposed and not yet durable: what a reserve must cover */
    bool autocreate_dirs;   /* zookeeper.datadir.autocreate */
    bool db_autocreate;     /* zookeeper.db.autocreate */
    bool trust_empty_snapshot; /* zookeeper.snapshot.trust.empty */
    bool force_sync;           /* zookeeper.forceSync; false: no fsync (unsafe, as there) */
    bool write_last_zxid;      /* serializeLastProcessedZxid.enabled */
    bool digest_enabled;
    enum pdk_compression {
        PDK_COMPRESSION_NONE,
        PDK_COMPRESSION_GZ,
        PDK_COMPRESSION_SNAPPY
    } compression;                   /* of the snapshots that we write */
    const struct pdk_codecs *codecs; /* NULL: compressed snapshots are neither read nor written */
    const struct pdk_log *log;
};

struct pdk_store;

/* Creates missing directories (or refuses), takes the advisory lock, checks that logs and snapshots
 * are not in each other's folder, finishes a truncation or an installation that was interrupted
 * (resync.h), sweeps private temporary files.
 * PDK_EBUSY: another process serves this folder; every error fills diag with what to do. */
PDK_WARN_UNUSED enum pdk_err pdk_store_open(const struct pdk_store_config *config,
                                            const struct pdk_vfs *vfs, struct pdk_store **out,
                                            struct pdk_diag *diag);
/* Closes files and gives the lock back; syncs nothing. */
void pdk_store_close(struct pdk_store *store);

/* ---- recovery ----------------------------------------------------------------------------------
 * Loads the newest snapshot that is whole, then replays the log.  The sink builds the state. */
struct pdk_snapshot_info {
    pdk_zxid zxid;   /* from the name: replay starts behind it */
    bool has_digest; /* a digest section with a zxid > 0 */
    pdk_zxid digest_zxid;
    uint64_t digest;
    bool has_last_zxid;
    pdk_zxid last_zxid; /* later than `zxid` in a fuzzy snapshot */
    int64_t size_bytes;
};
struct pdk_recover_sink {
    void *ctx;
    /* Forget everything: called before each snapshot that is tried, and before an empty start,
     * which hands over the znodes of a new database (no call of `snapshot` then). */
    enum pdk_err (*reset)(void *ctx);
    enum pdk_err (*session)(void *ctx, pdk_session id, int32_t timeout_ms);
    enum pdk_err (*acl)(void *ctx, int64_t disk_id, struct pdk_slice list);
    enum pdk_err (*znode)(void *ctx, struct pdk_slice path, struct pdk_slice data,
                          int64_t disk_acl_id, const struct pdk_stat_persisted *stat);
    enum pdk_err (*snapshot)(void *ctx, const struct pdk_snapshot_info *info);
    /* One txn, header | body | [digest], checksummed and in order. */
    enum pdk_err (*txn)(void *ctx, struct pdk_slice txn);
    /* A hint, NULL if not wanted: these will probably come next (so that memory can be fetched
     * meanwhile).  At most PDK_RECOVER_AHEAD, each at least as long as a header, none checked. */
    void (*ahead)(void *ctx, const struct pdk_slice *txns, size_t count);
};
#define PDK_RECOVER_AHEAD 16
struct pdk_recovery {
    pdk_zxid last_zxid;     /* of the state now */
    pdk_zxid snapshot_zxid; /* of the snapshot loaded; 0 with snapshot_loaded false = none */
    bool snapshot_loaded;
    bool fresh;         /* nothing was there: the caller writes snapshot.0 */
    bool must_snapshot; /* trust_empty_snapshot was used: write one soon */
    uint64_t txns;      /* replayed */
    int64_t log_bytes;  /* of log replayed */
    int64_t snapshot_bytes;
    int64_t snapshot_ms, replay_ms; /* filled by the caller */
    char torn_file[256];            /* "" or the log file whose torn tail was cut */
};
/* After open, and again on an open store when the history was changed (resync.h); the next append
 * opens a new file.
 * PDK_ECORRUPT: rot (decision 8): diag names file, offset and the repair command; nothing was
 * cut. */
PDK_WARN_UNUSED enum pdk_err pdk_store_recover(struct pdk_store *store,
                                               const struct pdk_recover_sink *sink,
                                               struct pdk_recovery *out, struct pdk_diag *diag);

/* ---- the log ------------------------------------------------------------------------------------
 * A record is framed by the proposer: 12 bytes of room, the txn, one byte:
 *   int64 checksum | int32 len | txn | 'B'
 * pdk_log_frame writes everything but the checksum (core thread); the log thread seals it. */
#define PDK_LOG_HEAD_BYTES 12
#define PDK_LOG_FRAME_BYTES 13
/* `record` has PDK_LOG_FRAME_BYTES + txn_len bytes, the txn at offset PDK_LOG_HEAD_BYTES. */
void pdk_log_frame(uint8_t *record, size_t txn_len);

struct pdk_log_piece {
    uint8_t *bytes; /* framed records, back to back; checksums are written into them */
    size_t len;
    pdk_zxid first, last;
    uint32_t records;
};
/* Seals and writes at the end of the current file; opens log.<first> when there is none (after
 * recovery, after _roll).  Zxids go up by one, or to the first of a later epoch.  Not durable until
 * _sync.  Any error is final: nothing may be appended afterwards. */
PDK_WARN_UNUSED enum pdk_err pdk_store_append(struct pdk_store *store,
                                              const struct pdk_log_piece *pieces, size_t count,
                                              struct pdk_diag *diag);
/* Everything appended is durable.  A failure is fatal: the kernel may have dropped the pages. */
PDK_WARN_UNUSED enum pdk_err pdk_store_sync(struct pdk_store *store, struct pdk_diag *diag);
/* The next append opens a new file. */
void pdk_store_roll(struct pdk_store *store);
/* Makes sure that `in_flight_bytes` fit behind the end of the log whatever happens to the disk,
 * and zeroes ahead.  Call at start, after each sync, and every second after PDK_ENOSPC.
 * PDK_ENOSPC: no; what was reserved before stays usable, new writes must be refused. */
PDK_WARN_UNUSED enum pdk_err pdk_store_reserve(struct pdk_store *store, struct pdk_diag *diag);

/* ---- snapshots --------------------------------------------------------------------------- */
struct pdk_snapshot_job {
    pdk_zxid zxid;
    struct pdk_view *view;
    uint64_t digest; /* of the tree at zxid */
    size_t session_count;
    struct pdk_snapshot_session {
        pdk_session id;
        int32_t timeout_ms;
    } * sessions;
    void *maker; /* of who took it */
};
struct pdk_snapshot_result {
    enum pdk_err err;
    pdk_zxid zxid;
    int64_t size_bytes;
    struct pdk_diag diag;
};
/* Private name, write, fsync, rename, fsync of the folder.  Yields the processor and syncs in
 * pieces, so that the log's syncs do not wait behind a gigabyte.  A failure leaves no file behind.
 * `cancelled` is polled now and then (NULL: never): stop early. */
void pdk_snapshot_write(struct pdk_store *store, const struct pdk_snapshot_job *job,
                        bool (*cancelled)(void *ctx), void *ctx,
                        struct pdk_snapshot_result *result);

/* ---- purge (disk-formats.md 8) ----------------------------------------------------------- */
/* Keeps the newest `retain` (>= 3) snapshots that are whole and every log that replay from the
 * oldest of them needs.  `removed` is told each path before it goes (NULL: nobody). */
PDK_WARN_UNUSED enum pdk_err pdk_store_purge(const struct pdk_store_config *config,
                                             const struct pdk_vfs *vfs, int retain,
                                             void (*removed)(void *ctx, const char *path),
                                             void *ctx, struct pdk_diag *diag);

/* Bytes in the version-2 folders (4lw dirs, conf). */
PDK_WARN_UNUSED enum pdk_err pdk_store_sizes(const struct pdk_store_config *config,
                                             const struct pdk_vfs *vfs, int64_t *data_bytes,
                                             int64_t *log_bytes);

/* ---- epoch files (disk-formats.md 6) ------------------------------------------------------- */
/* -1: the file is missing, and the caller derives the epoch from the last zxid, below which
 * currentEpoch must not stay either.  An accepted epoch below the current one is repaired upward;
 * what is shown is durable. */
PDK_WARN_UNUSED enum pdk_err pdk_store_read_epochs(struct pdk_store *store, int64_t *current,
                                                   int64_t *accepted, struct pdk_diag *diag);
/* One of them; its file is replaced at once (a crash leaves the old number or the new one), durable
 * when this returns; nothing is written when it is known to be there.  Log thread: currentEpoch
 * goes behind the sync of what it claims. */
PDK_WARN_UNUSED enum pdk_err pdk_store_write_epoch(struct pdk_store *store, int64_t epoch,
                                                   bool is_current, struct pdk_diag *diag);
/* Both, the accepted one first. */
PDK_WARN_UNUSED enum pdk_err pdk_store_write_epochs(struct pdk_store *store, int64_t current,
                                                    int64_t accepted, struct pdk_diag *diag);

#endif
