#include "shell/vfs_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOV_COUNT 64

static enum pdk_err err_of(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT: return PDK_ENOSPC;
    case ENOENT:
    case ENOTDIR: return PDK_ENOENT;
    case EEXIST: return PDK_EEXIST;
    case EWOULDBLOCK: return PDK_EBUSY;
    case ENOMEM: return PDK_ENOMEM;
    default: return PDK_EIO;
    }
}

static enum pdk_err failed(struct pdk_vfs_why *why)
{
    int code = errno;
    if (why != NULL) {
        char buf[sizeof why->text];
        (void)snprintf(why->text, sizeof why->text, "%s", strerror_r(code, buf, sizeof buf));
    }
    return err_of(code);
}

static enum pdk_err done(int rc, struct pdk_vfs_why *why) { return rc == 0 ? PDK_OK : failed(why); }

static enum pdk_err px_open(void *ctx, const char *path, enum pdk_vfs_open how, int *file,
                            struct pdk_vfs_why *why)
{
    (void)ctx;
    static const int flags[] = {
        [PDK_VFS_READ] = O_RDONLY,
        [PDK_VFS_WRITE] = O_RDWR,
        [PDK_VFS_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    *file = open(path, flags[how] | O_CLOEXEC, 0644);
    return *file >= 0 ? PDK_OK : failed(why);
}

/* The result is not looked at: whoever needs to know has synced before. */
static void px_close(void *ctx, int file)
{
    (void)ctx;
    (void)close(file);
}

static enum pdk_err px_pread(void *ctx, int file, void *bytes, size_t len, int64_t offset,
                             size_t *got, struct pdk_vfs_why *why)
{
    (void)ctx;
    ssize_t n;
    do {
        n = pread(file, bytes, len, offset);
    } while (n < 0 && errno == EINTR);
    *got = n > 0 ? (size_t)n : 0;
    return n >= 0 ? PDK_OK : failed(why);
}

/* Fills `iov` with what is left of the pieces after `skip` bytes. */
static int gather(const struct pdk_vfs_piece *pieces, size_t count, size_t skip, struct iovec *iov)
{
    int n = 0;
    for (size_t i = 0; i < count && n < IOV_COUNT; i++) {
        if (skip >= pieces[i].len) {
            skip -= pieces[i].len;
            continue;
        }
        iov[n++] = (struct iovec){.iov_base = (char *)(uintptr_t)pieces[i].bytes + skip,
                                  .iov_len = pieces[i].len - skip};
        skip = 0;
    }
    return n;
}

static enum pdk_err px_pwrite(void *ctx, int file, const struct pdk_vfs_piece *pieces, size_t count,
                              int64_t offset, struct pdk_vfs_why *why)
{
    (void)ctx;
    struct iovec iov[IOV_COUNT];
    size_t written = 0;
    for (int n; (n = gather(pieces, count, written, iov)) > 0;) {
        ssize_t now = pwritev(file, iov, n, offset + (int64_t)written);
        if (now < 0 && errno == EINTR) continue;
        if (now <= 0) {
            if (now == 0) errno = EIO; /* must not happen, must not loop */
            return failed(why);
        }
        written += (size_t)now;
    }
    return PDK_OK;
}

static enum pdk_err px_size(void *ctx, int file, int64_t *size_bytes, struct pdk_vfs_why *why)
{
    (void)ctx;
    struct stat st;
    if (fstat(file, &st) != 0) return failed(why);
    *size_bytes = st.st_size;
    return PDK_OK;
}

static enum pdk_err px_truncate(void *ctx, int file, int64_t size_bytes, struct pdk_vfs_why *why)
{
    (void)ctx;
    int rc;
    do {
        rc = ftruncate(file, size_bytes);
    } while (rc != 0 && errno == EINTR);
    return done(rc, why);
}

/* A fallocate that fails half-way may keep what it got, and the file's size with it: better not to
 * begin.  Somebody else may still take the space in between; then we only hold more than we
 * know. */
static bool clearly_full(int file, int64_t len)
{
    struct statvfs st;
    if (fstatvfs(file, &st) != 0 || st.f_blocks == 0 || st.f_frsize == 0) return false;
    return (uint64_t)len / st.f_frsize >= st.f_bavail;
}

static enum pdk_err px_reserve(void *ctx, int file, int64_t offset, int64_t len, bool keep_size,
                               struct pdk_vfs_why *why)
{
    (void)ctx;
    if (clearly_full(file, len)) {
        errno = ENOSPC;
        return failed(why);
    }
    int rc;
    do {
        rc = fallocate(file, keep_size ? FALLOC_FL_KEEP_SIZE : 0, offset, len);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        (void)failed(why);
        return PDK_EINVAL;
    }
    return done(rc, why);
}

static enum pdk_err px_datasync(void *ctx, int file, struct pdk_vfs_why *why)
{
    (void)ctx;
    return done(fdatasync(file), why);
}

static enum pdk_err px_sync(void *ctx, int file, struct pdk_vfs_why *why)
{
    (void)ctx;
    return done(fsync(file), why);
}

static void px_writeback(void *ctx, int file, int64_t offset, int64_t len)
{
    (void)ctx;
    (void)sync_file_range(file, offset, len,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                              SYNC_FILE_RANGE_WAIT_AFTER);
}

static enum pdk_err px_lock(void *ctx, const char *path, int *file, struct pdk_vfs_why *why)
{
    (void)ctx;
    *file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*file < 0) return failed(why);
    if (flock(*file, LOCK_EX | LOCK_NB) == 0) return PDK_OK;
    enum pdk_err err = failed(why);
    (void)close(*file);
    *file = -1;
    return err;
}

static enum pdk_err px_rename(void *ctx, const char *from, const char *to, struct pdk_vfs_why *why)
{
    (void)ctx;
    return done(rename(from, to), why);
}

static enum pdk_err px_unlink(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    (void)ctx;
    return done(unlink(path), why);
}

static enum pdk_err px_mkdir(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    (void)ctx;
    return done(mkdir(path, 0755), why);
}

static enum pdk_err px_sync_dir(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    (void)ctx;
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return failed(why);
    enum pdk_err err = done(fsync(file), why);
    (void)close(file);
    return err;
}

static enum pdk_err px_list(void *ctx, const char *path,
                            void (*each)(void *each_ctx, const struct pdk_vfs_entry *entry),
                            void *each_ctx, struct pdk_vfs_why *why)
{
    (void)ctx;
    DIR *dir = opendir(path);
    if (dir == NULL) return failed(why);
    enum pdk_err err = PDK_OK;
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (d == NULL) {
            if (errno != 0) err = failed(why);
            break;
        }
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
        struct stat st;
        if (fstatat(dirfd(dir), d->d_name, &st, 0) != 0) continue; /* gone in the meantime */
        each(each_ctx, &(struct pdk_vfs_entry){.name = d->d_name,
                                               .size_bytes = st.st_size,
                                               .is_dir = S_ISDIR(st.st_mode)});
    }
    (void)closedir(dir);
    return err;
}

static enum pdk_err px_same(void *ctx, const char *a, const char *b, bool *same,
                            struct pdk_vfs_why *why)
{
    (void)ctx;
    struct stat sa, sb;
    if (stat(a, &sa) != 0 || stat(b, &sb) != 0) return failed(why);
    *same = sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
    return PDK_OK;
}

const struct pdk_vfs *pdk_vfs_posix(void)
{
    static const struct pdk_vfs vfs = {
        .open = px_open,
        .close = px_close,
        .pread = px_pread,
        .pwrite = px_pwrite,
        .size = px_size,
        .truncate = px_truncate,
        .reserve = px_reserve,
        .datasync = px_datasync,
        .sync = px_sync,
        .writeback = px_writeback,
        .lock = px_lock,
        .rename = px_rename,
        .unlink = px_unlink,
        .mkdir = px_mkdir,
        .sync_dir = px_sync_dir,
        .list = px_list,
        .same = px_same,
    };
    return &vfs;
}
