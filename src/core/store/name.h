/* core/store/name.h - names of files and folders below dataDir.  (pure)
 *
 * Apache's names carry a zxid in hex (disk-formats.md 1); ours begin with "paddock." and are
 * ignored by Apache, which only looks at "log." and "snapshot.". */
#ifndef PDK_CORE_STORE_NAME_H
#define PDK_CORE_STORE_NAME_H

#include "base/base.h"
#include "core/store/store.h"

#define PDK_LOCK_NAME "paddock.lock"
#define PDK_INITIALIZE_NAME "initialize" /* beside version-2 of the logs: disk-formats.md 7.2 */
#define PDK_MARK_NAME "paddock.synced"
#define PDK_JOURNAL_NAME "paddock.resync"
/* Everything that begins so is an unfinished file of a run before: swept at start. */
#define PDK_TEMP_PREFIX "paddock.tmp."
#define PDK_SPOOL_NAME PDK_TEMP_PREFIX "spool"
/* Apache's names of unfinished epoch files, which are ours, too. */
#define PDK_CURRENT_EPOCH_TEMP "currentEpoch.tmp"
#define PDK_ACCEPTED_EPOCH_TEMP "acceptedEpoch.tmp"
#define PDK_VERSION_DIR "version-2"

#define PDK_NAME_BYTES 256 /* a file's name with its NUL, as filesystems allow it */
#define PDK_PATH_BYTES 4096

struct pdk_path {
    char text[PDK_PATH_BYTES];
};

enum pdk_file_kind {
    PDK_FILE_OTHER,
    PDK_FILE_LOG,      /* log.<hex> */
    PDK_FILE_SNAPSHOT, /* snapshot.<hex>, .gz, .snappy */
    PDK_FILE_LEFTOVER, /* paddock.tmp.*, snapshot.<hex>.tmp of Apache's SNAP sync, *Epoch.tmp */
};

struct pdk_file_name {
    enum pdk_file_kind kind;
    pdk_zxid zxid;
    enum pdk_compression compression;
};

struct pdk_file_name pdk_file_name_parse(const char *name);
/* `out` must hold PDK_NAME_BYTES. */
void pdk_log_file_name(pdk_zxid zxid, char *out);
void pdk_snapshot_file_name(pdk_zxid zxid, enum pdk_compression compression, char *out);

/* folder '/' name; PDK_EINVAL with a sentence when it does not fit. */
PDK_WARN_UNUSED enum pdk_err pdk_path_join(struct pdk_path *out, const char *folder,
                                           const char *name, struct pdk_diag *diag);
/* As above with two names below `folder`. */
PDK_WARN_UNUSED enum pdk_err pdk_path_join2(struct pdk_path *out, const char *folder,
                                            const char *name, const char *name2,
                                            struct pdk_diag *diag);

#endif
