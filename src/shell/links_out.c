#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shell/links_internal.h"

/* A turn's share of one stream: more would keep clients waiting. */
#define BLOCKS_AT_ONCE 8

/* ---- queueing -------------------------------------------------------------------------------- */
static void give_up(struct pdk_links *links, struct link *l, const char *why)
{
    char peer[PDK_SOCKADDR_TEXT_BYTES];
    pdk_log_write(
        links->config.log, PDK_LOG_WARN,
        "link.closed peer=%s reason=%s waiting_bytes=%zu limit_bytes=%zu: this server does "
        "not read what is sent to it (paddock.linkQueueBytes)",
        pdk_sockaddr_text(&l->peer, peer), why, l->out.bytes + l->behind_bytes,
        links->config.queue_bytes);
    pdk_links_lose(links, l);
}

static void enqueue(struct pdk_links *links, struct link *l, struct pdk_slice bytes)
{
    /* One batch may pass the limit, whatever its size. */
    if (l->out.bytes + l->behind_bytes > links->config.queue_bytes) {
        give_up(links, l, "slow_reader");
        return;
    }
    struct pdk_outqueue *q = &l->out;
    if (l->attached != NULL) {
        struct attached *last = l->attached;
        while (last->next != NULL) last = last->next;
        q = &last->behind;
    }
    if (pdk_outqueue_add(q, links->config.mem, bytes) != PDK_OK) {
        give_up(links, l, "no_memory");
        return;
    }
    if (l->attached != NULL) l->behind_bytes += bytes.len;
}

/* Sends this batch from where its bytes lie; what the socket does not take is copied. */
static void send_batch(struct pdk_links *links, struct link *l)
{
    size_t at = 0, skip = 0;
    while (at < l->send_count) {
        struct iovec iov[SENDS_AT_ONCE];
        size_t count = 0;
        for (size_t i = at; i < l->send_count; i++) {
            size_t from = i == at ? skip : 0;
            iov[count++] = (struct iovec){.iov_base = (void *)((uintptr_t)l->sends[i].bytes + from),
                                          .iov_len = l->sends[i].len - from};
        }
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
        ssize_t n = sendmsg(l->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) {
            pdk_links_lose(links, l);
            l->send_count = 0;
            return;
        }
        skip += (size_t)n;
        while (at < l->send_count && skip >= l->sends[at].len) skip -= l->sends[at++].len;
        /* Taken in part: the socket is full, and an event will come. */
        if (skip > 0) break;
    }
    size_t count = l->send_count;
    l->send_count = 0;
    for (; at < count && !l->lost; at++, skip = 0)
        enqueue(links, l, pdk_slice_of(l->sends[at].bytes + skip, l->sends[at].len - skip));
}

static void touch(struct pdk_links *links, struct link *l)
{
    if (l->touched) return;
    l->touched = true;
    l->touched_next = links->touched;
    links->touched = l;
}

void pdk_links_send(struct pdk_links *links, uint32_t link, struct pdk_slice bytes)
{
    struct link *l = pdk_links_find(links, link);
    if (l == NULL || l->lost || bytes.len == 0) return;
    if (l->send_count == SENDS_AT_ONCE) send_batch(links, l);
    if (l->state != LINK_OPEN || l->out.bytes > 0 || l->attached != NULL) {
        if (!l->lost) enqueue(links, l, bytes);
        return;
    }
    l->sends[l->send_count++] = bytes;
    touch(links, l);
}

void pdk_links_close(struct pdk_links *links, uint32_t link)
{
    struct link *l = pdk_links_find(links, link);
    if (l == NULL) return;
    pdk_links_forget_number(links, l);
    l->close_asked = true;
    touch(links, l);
}

void pdk_links_flush(struct pdk_links *links)
{
    while (links->touched != NULL) {
        struct link *l = links->touched;
        links->touched = l->touched_next;
        l->touched = false;
        if (l->state == LINK_DEAD) continue;
        if (l->send_count > 0) send_batch(links, l);
        if (l->close_asked) pdk_links_begin_closing(links, l);
    }
}

/* ---- closing --------------------------------------------------------------------------------- */
static void begin_linger(struct pdk_links *links, struct link *l)
{
    l->state = LINK_LINGER;
    l->due_ms = links->now_ms + LINGER_MS;
    (void)shutdown(l->fd, SHUT_WR);
    l->readable = true;
    links->more = true;
}

void pdk_links_begin_closing(struct pdk_links *links, struct link *l)
{
    if (l->state == LINK_DIALLING || l->attached != NULL || l->lost) {
        pdk_links_bury(links, l);
        return;
    }
    if (l->out.bytes == 0) {
        begin_linger(links, l);
        return;
    }
    l->state = LINK_CLOSING;
    l->due_ms = links->now_ms + FLUSH_MS;
}

void pdk_links_drop_output(struct pdk_links *links, struct link *l)
{
    const struct pdk_mem *mem = links->config.mem;
    l->send_count = 0;
    pdk_outqueue_clear(&l->out, mem);
    while (l->attached != NULL) {
        struct attached *a = l->attached;
        l->attached = a->next;
        pdk_stream_job(a->stream)->owner = NULL;
        pdk_stream_cancel(a->stream);
        pdk_outqueue_clear(&a->behind, mem);
        pdk_mem_free(mem, a);
    }
    l->behind_bytes = 0;
    l->catching_up = l->moved = false;
}

/* ---- streams --------------------------------------------------------------------------------- */
void pdk_links_stream(struct pdk_links *links, const struct pdk_stream_job *job)
{
    struct link *l = pdk_links_find(links, job->link);
    bool attach = job->kind != PDK_STREAM_FIND;
    bool can = l != NULL && l->state == LINK_OPEN && !l->lost;
    struct pdk_stream_job own = *job;
    own.owner = attach && can ? l : NULL;
    if (job->link < links->slot_cap) links->slots[job->link].jobs++;
    struct pdk_stream *stream = pdk_streams_begin(links->streams, &own);
    if (!can) {
        pdk_stream_cancel(stream);
        return;
    }
    if (!attach) return;
    if (l->send_count > 0) send_batch(links, l); /* what was sent before goes before */
    struct attached *a = pdk_mem_must_zero(links->config.mem, 1, sizeof *a);
    a->stream = stream;
    struct attached **end = &l->attached;
    while (*end != NULL) end = &(*end)->next;
    *end = a;
    if (!l->catching_up) l->told_ms = links->now_ms;
    l->catching_up = true;
}

/* The stream's end is the handler's to know, and its number may be used again. */
static void end_stream(struct pdk_links *links, struct pdk_stream *stream,
                       const struct pdk_stream_end *end)
{
    const struct pdk_stream_job job = *pdk_stream_job(stream);
    pdk_stream_free(stream);
    if (job.link < links->slot_cap) links->slots[job.link].jobs--;
    links->nudged = true;
    links->handler->streamed(links->handler->ctx, &job, end);
}

/* The first of its streams has ended: what waited for it goes on. */
static void detach(struct pdk_links *links, struct link *l, const struct pdk_stream_end *end)
{
    struct attached *a = l->attached;
    struct pdk_stream *stream = a->stream;
    l->attached = a->next;
    if (end->err == PDK_OK) {
        l->behind_bytes -= a->behind.bytes;
        pdk_outqueue_move(&l->out, &a->behind);
        pdk_mem_free(links->config.mem, a);
    } else {
        /* Half a stream: whatever follows would be taken for the rest of it. */
        char peer[PDK_SOCKADDR_TEXT_BYTES];
        pdk_log_write(links->config.log, PDK_LOG_WARN,
                      "link.stream_failed peer=%s err=\"%s\" why=\"%s\"",
                      pdk_sockaddr_text(&l->peer, peer), pdk_err_name(end->err), end->diag.text);
        pdk_outqueue_clear(&a->behind, links->config.mem);
        pdk_mem_free(links->config.mem, a);
        pdk_links_drop_output(links, l);
        pdk_links_lose(links, l);
    }
    end_stream(links, stream, end);
}

/* Gets more to send out of its streams; false: nothing at the moment. */
static bool feed(struct pdk_links *links, struct link *l)
{
    struct pdk_stream *stream = l->attached->stream;
    struct pdk_outblock *block = pdk_stream_block(stream);
    if (block != NULL) {
        pdk_outqueue_take(&l->out, block);
        return true;
    }
    struct pdk_stream_end end;
    if (!pdk_stream_ended(stream, &end)) return false;
    detach(links, l, &end);
    return true;
}

void pdk_links_streams_ready(struct pdk_links *links)
{
    struct pdk_stream *stream;
    while ((stream = pdk_streams_next(links->streams)) != NULL) {
        struct link *l = pdk_stream_job(stream)->owner;
        if (l != NULL) {
            /* With bytes in its queue it waits for the socket. */
            if (l->attached->stream == stream && l->out.bytes == 0) pdk_links_output(links, l);
            continue;
        }
        struct pdk_stream_end end;
        if (pdk_stream_ended(stream, &end)) end_stream(links, stream, &end);
    }
}

/* ---- sending --------------------------------------------------------------------------------- */
void pdk_links_tell_streaming(struct pdk_links *links, struct link *l)
{
    if (!l->moved || !l->has_id || l->lost || links->now_ms - l->told_ms < STREAMING_MS) return;
    l->moved = false;
    l->told_ms = links->now_ms;
    links->nudged = true;
    links->handler->streaming(links->handler->ctx, l->id);
}

static bool sends(const struct link *l)
{
    return (l->state == LINK_OPEN || l->state == LINK_CLOSING) && !l->lost;
}

void pdk_links_output(struct pdk_links *links, struct link *l)
{
    l->pump_again = false;
    for (int blocks = 0; sends(l);) {
        size_t before = l->out.bytes;
        enum pdk_err err = pdk_outqueue_send(&l->out, links->config.mem, l->fd);
        l->moved |= l->catching_up && l->out.bytes < before;
        if (err == PDK_EIO) pdk_links_lose(links, l);
        if (err != PDK_OK) break;
        if (l->attached == NULL) {
            l->catching_up = false;
            break;
        }
        if (blocks++ == BLOCKS_AT_ONCE) {
            l->pump_again = true;
            break;
        }
        if (!feed(links, l)) break;
    }
    if (l->state == LINK_CLOSING && l->out.bytes == 0) begin_linger(links, l);
    if (l->state == LINK_OPEN) pdk_links_tell_streaming(links, l);
}
