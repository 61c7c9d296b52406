/* core/store/walk.h - reading the log while it is being written, to bring a learner up.
 *
 * Reads files only up to a zxid that the caller knows to be durable; what lies behind may be in the
 * middle of being written.  A purge or truncation meanwhile ends the walk with an error.
 * Threads: the background thread; shares nothing with the log thread but the folder. */
#ifndef PDK_CORE_STORE_WALK_H
#define PDK_CORE_STORE_WALK_H

#include "core/store/store.h"

/* Where `zxid` stands in the log on the disk. */
struct pdk_log_place {
    bool reaches;           /* the log has a transaction <= zxid: nothing behind it is missing */
    pdk_zxid at;            /* the largest zxid in the log that is <= zxid (valid when reaches) */
    int64_t bytes;          /* of log from there to `until`, for snapshotSizeFactor */
    int64_t snapshot_bytes; /* size of the newest snapshot; 0: none */
};
/* `until`: durable; > zxid.  PDK_ECORRUPT: there is damage about the place. */
PDK_WARN_UNUSED enum pdk_err pdk_store_find(const struct pdk_store_config *config,
                                            const struct pdk_vfs *vfs, pdk_zxid zxid,
                                            pdk_zxid until, struct pdk_log_place *out,
                                            struct pdk_diag *diag);

/* Every transaction with after < zxid <= until, in order, checksummed; `each` may stop the walk
 * with an error.  `until` need not be a transaction's: it may be the beginning of an epoch
 * (counter 0), or, when something is logged behind it, any number.  PDK_ECORRUPT: a record is bad,
 * or one is missing (each zxid is the one before plus 1, or the first of a later epoch). */
PDK_WARN_UNUSED enum pdk_err pdk_store_walk(const struct pdk_store_config *config,
                                            const struct pdk_vfs *vfs, pdk_zxid after,
                                            pdk_zxid until,
                                            enum pdk_err (*each)(void *ctx, struct pdk_slice txn),
                                            void *ctx, struct pdk_diag *diag);

#endif
