/* sim/storebox.h - a replica's state over a store, without network, node or threads.
 *
 * What tests of the disk need: recover, write transactions, take snapshots, purge, and know which
 * digest belongs to which zxid.  Threads: one. */
#ifndef PDK_SIM_STOREBOX_H
#define PDK_SIM_STOREBOX_H

#include "base/buf.h"
#include "core/node/state.h"
#include "core/store/store.h"

struct pdk_storebox {
    struct pdk_store_config config;
    const struct pdk_vfs *vfs;
    struct pdk_log log;
    struct pdk_buf lines;    /* log lines, each with its newline */
    struct pdk_store *store; /* NULL: not open */
    struct pdk_state state;
    struct pdk_recovery recovery;
    struct pdk_snapshot_info snapshot; /* the one that recovery loaded */
    /* The last digest that replay met behind a transaction. */
    pdk_zxid recorded_zxid;
    uint64_t recorded_digest;
    uint64_t hints, wrong_hints; /* transactions announced; and those that did not come next */
    struct pdk_buf batch;        /* framed records, not yet appended */
};

/* Settings that suit tests: /data for both folders, files of 64 KiB, records up to 1 MiB,
 * everything that Apache has on by default on. */
struct pdk_store_config pdk_storebox_config(void);
/* `config` NULL: as above.  Its log is the box's. */
void pdk_storebox_init(struct pdk_storebox *b, const struct pdk_vfs *vfs,
                       const struct pdk_store_config *config);
void pdk_storebox_deinit(struct pdk_storebox *b);

/* Opens and recovers.  After an error the box is closed and may be opened again. */
PDK_WARN_UNUSED enum pdk_err pdk_storebox_open(struct pdk_storebox *b, struct pdk_diag *diag);
/* Recovers (again) from an open store. */
PDK_WARN_UNUSED enum pdk_err pdk_storebox_recover(struct pdk_storebox *b, struct pdk_diag *diag);
/* A clean stop.  Also after pdk_disk_crash or _kill: then pdk_storebox_forget. */
void pdk_storebox_close(struct pdk_storebox *b);
/* The process is gone: nothing of the store's may touch the disk any more. */
void pdk_storebox_forget(struct pdk_storebox *b);

/* Applies create /<text of zxid> with `data_len` bytes at the next zxid and adds it to the
 * batch. */
void pdk_storebox_write(struct pdk_storebox *b, size_t data_len);
/* The next transaction is the first of this epoch. */
void pdk_storebox_begin_epoch(struct pdk_storebox *b, int64_t epoch);
/* Any other transaction: `body` with its header in front, no digest. */
void pdk_storebox_write_txn(struct pdk_storebox *b, pdk_session session, int32_t type,
                            struct pdk_slice body);
/* Hands the batch to the store in pieces of a few records; the batch is empty afterwards. */
PDK_WARN_UNUSED enum pdk_err pdk_storebox_append(struct pdk_storebox *b, struct pdk_diag *diag);
/* Takes a snapshot of the state now and writes it. */
PDK_WARN_UNUSED enum pdk_err pdk_storebox_snapshot(struct pdk_storebox *b, struct pdk_diag *diag);
/* Streams the state now, as a leader does to a learner (core/store/snapstream.h); whole: into
 * `out`, signature and all. */
PDK_WARN_UNUSED enum pdk_err pdk_storebox_stream(
    struct pdk_storebox *b, const struct pdk_mem *mem, size_t piece_bytes,
    enum pdk_err (*write)(void *ctx, struct pdk_slice piece), void *ctx);
void pdk_storebox_stream_whole(struct pdk_storebox *b, struct pdk_buf *out);

uint64_t pdk_storebox_digest(const struct pdk_storebox *b);
bool pdk_storebox_logged(const struct pdk_storebox *b, const char *text);

#endif
