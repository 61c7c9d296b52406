/* core/store/cursor.h - the log, file after file, from a zxid on.  Internal to core/store.
 *
 * Reads what is complete: records that are checksummed and follow each other.  Recovery, which must
 * tell a torn tail from rot, has replay.h.  Threads: one; shares nothing with the log's writer. */
#ifndef PDK_CORE_STORE_CURSOR_H
#define PDK_CORE_STORE_CURSOR_H

#include "core/store/logread.h"
#include "core/store/store.h"

struct pdk_log_cursor {
    const struct pdk_store_config *config;
    const struct pdk_vfs *vfs;
    struct pdk_diag *diag;
    struct pdk_path folder, path;
    struct pdk_listing logs; /* of log files only, ascending */
    size_t index;            /* of the file that is read */
    bool open;
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader reader;
    pdk_zxid after;
    pdk_zxid last;      /* of the history so far: `after`, then each record; good txn: reader.txn */
    pdk_zxid file_last; /* of the last good record in this file; 0: none */
    int64_t file_end;   /* behind it, or behind the header */
    bool doubt;         /* a record was passed over that must turn out to be `after` or older */
};

/* Lists the folder's logs, ascending. */
PDK_WARN_UNUSED enum pdk_err pdk_logs_list(struct pdk_listing *out, struct pdk_path *folder,
                                           const struct pdk_store_config *config,
                                           const struct pdk_vfs *vfs, struct pdk_diag *diag);
/* The newest whose name is at most `zxid`; false: none. */
bool pdk_logs_holding(const struct pdk_listing *logs, pdk_zxid zxid, size_t *index);

/* Begins behind `after`.  Deinit in any case. */
PDK_WARN_UNUSED enum pdk_err pdk_log_cursor_init(struct pdk_log_cursor *c,
                                                 const struct pdk_store_config *config,
                                                 const struct pdk_vfs *vfs, pdk_zxid after,
                                                 struct pdk_diag *diag);
void pdk_log_cursor_deinit(struct pdk_log_cursor *c);

/* The next record above `after`: its zxid is c->last, it begins at c->reader.offset, and
 * c->reader.txn is good until the next call.  PDK_ENOENT: the log ends here.  PDK_ECORRUPT: a
 * record is bad or missing, or this is the unfinished end.  PDK_EINVAL: a record is longer than the
 * configuration allows. */
PDK_WARN_UNUSED enum pdk_err pdk_log_cursor_next(struct pdk_log_cursor *c);

/* The counter goes up by one; a new epoch begins with 1. */
bool pdk_log_may_follow(pdk_zxid before, pdk_zxid zxid);

#endif
