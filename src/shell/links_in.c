#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "shell/links_internal.h"
#include "shell/sock.h"

/* A turn's share of one link: more would keep clients waiting. */
#define READS_AT_ONCE 2
/* An idle link keeps a buffer of this size at most. */
#define KEEP_BYTES ((size_t)64 << 10)

/* ---- offering -------------------------------------------------------------------------------- */
/* Offers until the handler takes no more; returns how many were taken. */
static size_t offer(struct pdk_links *links, struct link *l, struct pdk_slice bytes)
{
    size_t taken = 0;
    while (taken < bytes.len && pdk_link_is_read(l)) {
        size_t n = links->handler->bytes(links->handler->ctx, l->id,
                                         pdk_slice_of(bytes.bytes + taken, bytes.len - taken));
        PDK_ASSERT(n <= bytes.len - taken);
        if (n == 0) break;
        taken += n;
        links->nudged = true;
    }
    return taken;
}

static void shrink(struct pdk_links *links, struct link *l)
{
    if (pdk_link_unread(l) > 0) return;
    l->in.from = l->in.to = 0;
    if (l->in.cap <= KEEP_BYTES) return;
    pdk_mem_free(links->config.mem, l->in.bytes);
    l->in.bytes = NULL;
    l->in.cap = 0;
}

bool pdk_links_offer(struct pdk_links *links, struct link *l)
{
    bool nudged = links->nudged;
    size_t n = offer(links, l, pdk_slice_of(l->in.bytes + l->in.from, pdk_link_unread(l)));
    links->nudged = nudged;
    if (l->state == LINK_DEAD) return n > 0;
    l->in.from += n;
    shrink(links, l);
    return n > 0;
}

/* ---- reading --------------------------------------------------------------------------------- */
/* Room for `more` behind what is unread; false: no memory. */
static bool make_room(struct pdk_links *links, struct link *l, size_t more)
{
    size_t unread = pdk_link_unread(l);
    if (l->in.cap - l->in.to >= more) return true;
    if (l->in.from > 0) memmove(l->in.bytes, l->in.bytes + l->in.from, unread);
    l->in.from = 0;
    l->in.to = unread;
    if (l->in.cap - unread >= more) return true;
    size_t cap = pdk_max_size(unread + more, l->in.cap * 2);
    uint8_t *bytes = pdk_mem_resize(links->config.mem, l->in.bytes, cap);
    if (bytes == NULL) return false;
    l->in.bytes = bytes;
    l->in.cap = cap;
    return true;
}

static void no_memory(struct pdk_links *links, struct link *l)
{
    char peer[PDK_SOCKADDR_TEXT_BYTES];
    pdk_log_write(links->config.log, PDK_LOG_WARN,
                  "link.closed peer=%s reason=no_memory unread_bytes=%zu",
                  pdk_sockaddr_text(&l->peer, peer), pdk_link_unread(l));
    pdk_links_lose(links, l);
}

/* Into the shared buffer, from where the handler takes it; only what it leaves is copied. */
static void take_fresh(struct pdk_links *links, struct link *l, size_t len)
{
    size_t n = offer(links, l, pdk_slice_of(links->scratch, len));
    if (n == len || l->state != LINK_OPEN) return;
    size_t rest = len - n;
    if (!make_room(links, l, rest)) {
        no_memory(links, l);
        return;
    }
    memcpy(l->in.bytes + l->in.to, links->scratch + n, rest);
    l->in.to += rest;
}

/* False: the socket has nothing more now, or nothing more is wanted. */
static bool read_once(struct pdk_links *links, struct link *l)
{
    size_t unread = pdk_link_unread(l);
    if (unread >= links->config.unread_bytes) return false;
    uint8_t *to = links->scratch;
    size_t room = SCRATCH_BYTES;
    if (unread > 0) {
        room = pdk_min_size(room, links->config.unread_bytes - unread);
        if (!make_room(links, l, room)) {
            no_memory(links, l);
            return false;
        }
        to = l->in.bytes + l->in.to;
    }
    ssize_t n = pdk_sock_recv(l->fd, to, room, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) {
        l->readable = false;
        if (n == 0 || errno != EAGAIN) pdk_links_lose(links, l);
        return false;
    }
    l->heard = true;
    if (unread > 0) {
        l->in.to += (size_t)n;
        links->nudged |= pdk_links_offer(links, l);
    } else {
        take_fresh(links, l, (size_t)n);
    }
    /* A short read means an empty socket; the end, too, is told by a new event. */
    if ((size_t)n < room && l->state == LINK_OPEN) l->readable = l->hung_up;
    return l->readable;
}

static void discard(struct pdk_links *links, struct link *l)
{
    for (int i = 0; i < READS_AT_ONCE && l->readable; i++) {
        ssize_t n = pdk_sock_recv(l->fd, links->scratch, SCRATCH_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        l->readable = n > 0;
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            pdk_links_bury(links, l);
            return;
        }
    }
    links->more |= l->readable;
}

void pdk_links_input(struct pdk_links *links, struct link *l)
{
    if (l->state == LINK_LINGER) {
        discard(links, l);
        return;
    }
    for (int i = 0; i < READS_AT_ONCE && l->readable && pdk_link_is_read(l); i++) {
        if (!read_once(links, l)) return;
    }
}
