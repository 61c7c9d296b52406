/* shell/sock.h - recv and send without a detour.
 *
 * glibc's own are cancellation points: in a process with threads each call costs two atomic
 * operations more, together some percent of a small request.  Nobody cancels threads here.
 * As recv(2) and send(2) otherwise, errno included. */
#ifndef PDK_SHELL_SOCK_H
#define PDK_SHELL_SOCK_H

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline ssize_t pdk_sock_recv(int fd, void *bytes, size_t len, int flags)
{
    return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

static inline ssize_t pdk_sock_send(int fd, const void *bytes, size_t len, int flags)
{
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

#endif
