#include "shell/loop.h"

#include <errno.h>
#include <unistd.h>

struct pdk_loop {
    const struct pdk_mem *mem;
    int epoll_fd;
    int count; /* found by the last wait, not told yet */
    struct epoll_event events[PDK_LOOP_BATCH];
};

struct pdk_loop *pdk_loop_create(const struct pdk_mem *mem)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return NULL;
    struct pdk_loop *loop = pdk_mem_try_zero(mem, 1, sizeof *loop);
    if (loop == NULL) {
        (void)close(fd);
        return NULL;
    }
    loop->mem = mem;
    loop->epoll_fd = fd;
    return loop;
}

void pdk_loop_destroy(struct pdk_loop *loop)
{
    if (loop == NULL) return;
    (void)close(loop->epoll_fd);
    pdk_mem_free(loop->mem, loop);
}

enum pdk_err pdk_loop_add(struct pdk_loop *loop, int fd, uint32_t events, struct pdk_source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? PDK_OK : PDK_EIO;
}

void pdk_loop_remove(struct pdk_loop *loop, int fd)
{
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int pdk_loop_wait(struct pdk_loop *loop, int timeout_ms)
{
    int n = epoll_wait(loop->epoll_fd, loop->events, PDK_LOOP_BATCH, timeout_ms);
    if (n < 0) {
        PDK_ASSERT(errno == EINTR);
        n = 0;
    }
    loop->count = n;
    return n;
}

void pdk_loop_tell(struct pdk_loop *loop)
{
    for (int i = 0; i < loop->count; i++) {
        struct pdk_source *source = loop->events[i].data.ptr;
        source->ready(source, loop->events[i].events);
    }
    loop->count = 0;
}
