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
/* Everything that begins so is an unfinished file of a run before: swept at start. */
#define PDK_TEMP_PREFIX "paddock.tmp."
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
    PDK_FILE_LEFTOVER, /* paddock.tmp.*, and snapshot.<hex>.tmp of Apache's SNAP sync */
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
