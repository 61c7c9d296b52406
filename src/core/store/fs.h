/* core/store/fs.h - the vfs with sentences: each failure fills the diag with what was tried, on
 * which file, and the system's words.  Internal to core/store and the tools beside it. */
#ifndef PDK_CORE_STORE_FS_H
#define PDK_CORE_STORE_FS_H

#include "base/mem.h"
#include "core/store/name.h"
#include "core/store/vfs.h"

/* An open file and what to call it in a sentence.  `path` is borrowed. */
struct pdk_file {
    const struct pdk_vfs *vfs;
    const char *path;
    int number; /* -1: not open */
};

PDK_WARN_UNUSED enum pdk_err pdk_file_open(struct pdk_file *f, const struct pdk_vfs *vfs,
                                           const char *path, enum pdk_vfs_open how,
                                           struct pdk_diag *diag);
/* Nothing when it is not open. */
void pdk_file_close(struct pdk_file *f);
PDK_WARN_UNUSED enum pdk_err pdk_file_write(const struct pdk_file *f, const void *bytes, size_t len,
                                            int64_t offset, struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_file_write_pieces(const struct pdk_file *f,
                                                   const struct pdk_vfs_piece *pieces, size_t count,
                                                   int64_t offset, struct pdk_diag *diag);
/* Once or more, until `len` bytes or the end of the file. */
PDK_WARN_UNUSED enum pdk_err pdk_file_read(const struct pdk_file *f, void *bytes, size_t len,
                                           int64_t offset, size_t *got, struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_file_size(const struct pdk_file *f, int64_t *size_bytes,
                                           struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_file_truncate(const struct pdk_file *f, int64_t size_bytes,
                                               struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_file_datasync(const struct pdk_file *f, struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_file_sync(const struct pdk_file *f, struct pdk_diag *diag);

PDK_WARN_UNUSED enum pdk_err pdk_fs_rename(const struct pdk_vfs *vfs, const char *from,
                                           const char *to, struct pdk_diag *diag);
/* A file that is missing is as good as removed. */
PDK_WARN_UNUSED enum pdk_err pdk_fs_unlink(const struct pdk_vfs *vfs, const char *path,
                                           struct pdk_diag *diag);
/* Best effort: what stays is swept at the next start. */
void pdk_fs_discard(const struct pdk_vfs *vfs, const char *path);
PDK_WARN_UNUSED enum pdk_err pdk_fs_sync_dir(const struct pdk_vfs *vfs, const char *path,
                                             struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_fs_exists(const struct pdk_vfs *vfs, const char *path,
                                           bool *exists, struct pdk_diag *diag);

/* A folder's contents, sorted by zxid; names that are neither log, snapshot nor leftover stay
 * out. */
struct pdk_listed {
    struct pdk_file_name parsed;
    int64_t size_bytes;
    char name[PDK_NAME_BYTES];
};
struct pdk_listing {
    const struct pdk_mem *mem;
    struct pdk_listed *items;
    size_t count, cap;
    int64_t total_bytes; /* of all files in it, private ones left out */
    bool failed;
};
PDK_WARN_UNUSED enum pdk_err pdk_listing_read(struct pdk_listing *l, const struct pdk_mem *mem,
                                              const struct pdk_vfs *vfs, const char *folder,
                                              struct pdk_diag *diag);
/* Drops all but one kind. */
void pdk_listing_keep(struct pdk_listing *l, enum pdk_file_kind kind);
void pdk_listing_deinit(struct pdk_listing *l);

#endif
