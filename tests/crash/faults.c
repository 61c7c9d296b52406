/* A library to preload: calls on files that match a pattern fail, as a dying disk makes them fail.
 *
 *   FAULT_CALL    pwritev, fdatasync, fsync, rename, fallocate or ftruncate
 *   FAULT_PATH    fnmatch pattern of the file's path now (rename: of the new name)
 *   FAULT_NTH     the first call to fail, counted from 1 among those that match
 *   FAULT_TIMES   so many fail from there on; 0: all
 *   FAULT_ERRNO   the number that they fail with; 0: they succeed
 *   FAULT_SWITCH  only while this file exists; by default always
 *   FAULT_HALF    1: a failing pwritev writes half of its first piece before
 *   FAULT_SLOW_MS such a call takes so long before
 *
 * State is static because nobody calls an interposer who could bring it along. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long matched;

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

static void wait_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static bool switched_off(void)
{
    const char *path = getenv("FAULT_SWITCH");
    return path != NULL && access(path, F_OK) != 0;
}

/* True: this call is to fail; errno is set. */
static bool hit(const char *call, const char *path)
{
    const char *wanted = getenv("FAULT_CALL"), *pattern = getenv("FAULT_PATH");
    if (wanted == NULL || pattern == NULL || strcmp(wanted, call) != 0) return false;
    if (fnmatch(pattern, path, 0) != 0 || switched_off()) return false;
    long nth = number("FAULT_NTH", 1), times = number("FAULT_TIMES", 1);
    long now = atomic_fetch_add(&matched, 1) + 1;
    if (now < nth || (times > 0 && now >= nth + times)) return false;
    wait_ms(number("FAULT_SLOW_MS", 0));
    errno = (int)number("FAULT_ERRNO", EIO);
    return errno != 0;
}

static bool hit_file(const char *call, int file)
{
    char link[64], path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0) return false;
    path[len] = '\0';
    return hit(call, path);
}

/* The function that would have been called without us. */
#define REAL(result, name, ...) (__extension__(result(*)(__VA_ARGS__))(dlsym(RTLD_NEXT, #name)))

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset)
{
    if (!hit_file("pwritev", file))
        return REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)(file, pieces, count,
                                                                             offset);
    int code = errno;
    if (number("FAULT_HALF", 0) != 0 && count > 0)
        (void)!pwrite(file, pieces[0].iov_base, pieces[0].iov_len / 2, offset);
    errno = code;
    return -1;
}

int fdatasync(int file)
{
    return hit_file("fdatasync", file) ? -1 : REAL(int, fdatasync, int)(file);
}

int fsync(int file) { return hit_file("fsync", file) ? -1 : REAL(int, fsync, int)(file); }

int ftruncate(int file, off_t size)
{
    return hit_file("ftruncate", file) ? -1 : REAL(int, ftruncate, int, off_t)(file, size);
}

int fallocate(int file, int mode, off_t offset, off_t len)
{
    if (hit_file("fallocate", file)) return -1;
    return REAL(int, fallocate, int, int, off_t, off_t)(file, mode, offset, len);
}

int rename(const char *from, const char *to)
{
    return hit("rename", to) ? -1 : REAL(int, rename, const char *, const char *)(from, to);
}
