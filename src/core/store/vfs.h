/* core/store/vfs.h - the disk as a table of functions.
 *
 * The shell brings the real one (shell/vfs_posix.h), tests and the simulator a crash disk
 * (sim/disk.h).  Paths are NUL terminated and whatever the implementation takes them for; the
 * store only joins folder, '/' and name.  Files are small numbers >= 0, good until `close`.
 *
 * What the store relies on:
 * - Nothing is durable but what a sync covers: file contents and size after `datasync` or `sync`
 *   of that file; names (create, rename, unlink, mkdir) after `sync_dir` of their folder.
 * - `rename` replaces at once: a crash leaves the old file or the new one under the name, and what
 *   was renamed under its old name, its new one or both.
 * - A failed sync proves nothing about what is on the disk, and a later good one neither.
 *
 * Errors: every function says which enum pdk_err it was and writes the system's own words to `why`
 * ("No space left on device"; `why` may be NULL).  PDK_ENOSPC: disk or quota full.  PDK_ENOENT:
 * the path or its folder is missing.  PDK_EEXIST: the name is taken.  PDK_EBUSY: locked by somebody
 * else.  Anything else: PDK_EIO.
 *
 * Threads: calls on different files may run at the same time on different threads. */
#ifndef PDK_CORE_STORE_VFS_H
#define PDK_CORE_STORE_VFS_H

#include "base/base.h"

struct pdk_vfs_why {
    char text[96];
};

enum pdk_vfs_open {
    PDK_VFS_READ,   /* must exist */
    PDK_VFS_WRITE,  /* read and write; must exist; keeps what is in it */
    PDK_VFS_CREATE, /* read and write; made when missing, emptied when there */
};

struct pdk_vfs_piece {
    const void *bytes;
    size_t len;
};

struct pdk_vfs_entry {
    const char *name; /* without the folder; never "." or ".." */
    int64_t size_bytes;
    bool is_dir;
};

struct pdk_vfs {
    void *ctx;

    enum pdk_err (*open)(void *ctx, const char *path, enum pdk_vfs_open how, int *file,
                         struct pdk_vfs_why *why);
    /* Gives a lock back, too.  Syncs nothing. */
    void (*close)(void *ctx, int file);
    /* *got may be less than `len`, even before the end; 0 only at or behind the end (or len 0). */
    enum pdk_err (*pread)(void *ctx, int file, void *bytes, size_t len, int64_t offset, size_t *got,
                          struct pdk_vfs_why *why);
    /* The pieces back to back at `offset`, all of them or an error (then any part may be
     * written). */
    enum pdk_err (*pwrite)(void *ctx, int file, const struct pdk_vfs_piece *pieces, size_t count,
                           int64_t offset, struct pdk_vfs_why *why);
    enum pdk_err (*size)(void *ctx, int file, int64_t *size_bytes, struct pdk_vfs_why *why);
    /* Cuts, or extends with zeros that take no space. */
    enum pdk_err (*truncate)(void *ctx, int file, int64_t size_bytes, struct pdk_vfs_why *why);
    /* Takes the space of [offset, offset + len) from the disk, zeros where nothing was written; the
     * size grows to offset + len when that is more, unless `keep_size`.  After PDK_OK writes there
     * cannot fail for want of space.  PDK_EINVAL: this filesystem cannot; nothing has changed. */
    enum pdk_err (*reserve)(void *ctx, int file, int64_t offset, int64_t len, bool keep_size,
                            struct pdk_vfs_why *why);
    /* Contents and size are durable; times need not be. */
    enum pdk_err (*datasync)(void *ctx, int file, struct pdk_vfs_why *why);
    enum pdk_err (*sync)(void *ctx, int file, struct pdk_vfs_why *why);
    /* A hint: begin to write [offset, offset + len) to the disk, and wait until that has happened,
     * without flushing the disk's cache and without a promise. */
    void (*writeback)(void *ctx, int file, int64_t offset, int64_t len);
    /* Takes an advisory lock on `path` (made when missing) or PDK_EBUSY; `close` gives it back, as
     * does the end of the process.  Two locks of one path exclude each other within a process,
     * too. */
    enum pdk_err (*lock)(void *ctx, const char *path, int *file, struct pdk_vfs_why *why);

    enum pdk_err (*rename)(void *ctx, const char *from, const char *to, struct pdk_vfs_why *why);
    enum pdk_err (*unlink)(void *ctx, const char *path, struct pdk_vfs_why *why);
    /* One folder; its parent must exist. */
    enum pdk_err (*mkdir)(void *ctx, const char *path, struct pdk_vfs_why *why);
    enum pdk_err (*sync_dir)(void *ctx, const char *path, struct pdk_vfs_why *why);
    /* Calls `each` for every entry, in any order; the entry is good during the call only.  `each`
     * must not call the vfs. */
    enum pdk_err (*list)(void *ctx, const char *path,
                         void (*each)(void *each_ctx, const struct pdk_vfs_entry *entry),
                         void *each_ctx, struct pdk_vfs_why *why);
    /* Do both paths name the same folder or file (links, "a//b", "./a")? */
    enum pdk_err (*same)(void *ctx, const char *a, const char *b, bool *same,
                         struct pdk_vfs_why *why);
};

#endif
