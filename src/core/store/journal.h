/* core/store/journal.h - a change of the whole history that a crash must not leave half done.
 * Internal to core/store.
 *
 * What is to be done is decided and checked first, then written to a small file that Apache
 * ignores (PDK_JOURNAL_NAME beside the snapshots), then done, then the file goes.  Each step may be
 * done again, and all of them are while the file is there: by whoever wrote it, or by the next
 * pdk_store_open.  So a crash at any call leaves the history before or, once opened, the one after.
 *
 *   "PDKRSYN1" | u32 kind | i64 zxid | i64 snapshot | i64 log | i64 log_bytes | u32 crc
 *
 * Threads: start-up, then the log thread. */
#ifndef PDK_CORE_STORE_JOURNAL_H
#define PDK_CORE_STORE_JOURNAL_H

#include "core/store/internal.h"

enum pdk_resync_kind {
    PDK_RESYNC_TRUNCATE = 1,
    PDK_RESYNC_INSTALL = 2, /* the spooled snapshot gets its name; all others, and all logs, go */
};
struct pdk_resync {
    enum pdk_resync_kind kind;
    pdk_zxid zxid; /* of the last transaction afterwards */
    /* TRUNCATE: the newest snapshot and the newest log that stay, by their names (log -1: none
     * stays), and the bytes of that log (-1: it stays as it is).  INSTALL: snapshot == zxid. */
    pdk_zxid snapshot, log;
    int64_t log_bytes;
};

/* Writes the file, ends the log that is being written, does what the file says.  After an error
 * either nothing has happened, or the log has failed (store->log_failed), and the next
 * pdk_store_open finishes it. */
PDK_WARN_UNUSED enum pdk_err pdk_resync_run(struct pdk_store *store, const struct pdk_resync *what,
                                            struct pdk_diag *diag);
/* At start, before leftovers are swept: does what the file says, if there is one. */
PDK_WARN_UNUSED enum pdk_err pdk_resync_finish(struct pdk_store *store, struct pdk_diag *diag);

/* The file's bytes (for tests and tools): false when they are not valid. */
#define PDK_RESYNC_BYTES 48
bool pdk_resync_decode(const uint8_t *bytes, size_t len, struct pdk_resync *out);

#endif
