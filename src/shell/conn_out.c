#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shell/conn_internal.h"
#include "shell/sock.h"

#define IOV_AT_ONCE 64
/* An answer buffer of this size is kept for the next word. */
#define TEXT_KEEP_BYTES ((size_t)64 << 10)

static void touch(struct pdk_conns *conns, struct conn *c)
{
    if (c->touched) return;
    c->touched = true;
    c->touched_next = conns->touched;
    conns->touched = c;
}

void pdk_conns_send(struct pdk_conns *conns, uint32_t conn, struct pdk_slice bytes)
{
    PDK_ASSERT(conn < conns->table_cap);
    struct conn *c = conns->table[conn];
    if (c == NULL || (c->blocked & BLOCK_ENDED) != 0 || bytes.len == 0) return;
    if (conns->ref_count == conns->ref_cap) {
        conns->ref_cap = conns->ref_cap > 0 ? conns->ref_cap * 2 : 64;
        /* Replies that are already promised must not get lost one by one. */
        conns->refs = pdk_mem_must_resize(conns->config.mem, conns->refs,
                                          conns->ref_cap * sizeof *conns->refs);
    }
    uint32_t ref = conns->ref_count++;
    conns->refs[ref] = (struct ref){.bytes = bytes, .next = REF_NONE};
    if (c->ref_first == REF_NONE)
        c->ref_first = ref;
    else
        conns->refs[c->ref_last].next = ref;
    c->ref_last = ref;
    touch(conns, c);
}

void pdk_conns_close(struct pdk_conns *conns, uint32_t conn)
{
    PDK_ASSERT(conn < conns->table_cap);
    struct conn *c = conns->table[conn];
    if (c == NULL || c->close_asked || c->state > CONN_OPEN) return;
    c->close_asked = true;
    c->blocked |= BLOCK_ENDED;
    touch(conns, c);
}

/* Drops the first `n` bytes of the chain. */
static void advance(struct pdk_conns *conns, struct conn *c, size_t n)
{
    while (n > 0) {
        struct pdk_slice *bytes = &conns->refs[c->ref_first].bytes;
        if (n < bytes->len) {
            *bytes = pdk_slice_of(bytes->bytes + n, bytes->len - n);
            return;
        }
        n -= bytes->len;
        c->ref_first = conns->refs[c->ref_first].next;
    }
}

/* Sends from where the bytes lie.  EBUSY: the rest of the chain has to wait. */
static enum pdk_err send_chain(struct pdk_conns *conns, struct conn *c)
{
    while (c->ref_first != REF_NONE) {
        struct iovec iov[IOV_AT_ONCE];
        size_t count = 0, total = 0;
        for (uint32_t at = c->ref_first; at != REF_NONE && count < IOV_AT_ONCE;
             at = conns->refs[at].next) {
            struct pdk_slice bytes = conns->refs[at].bytes;
            iov[count++] =
                (struct iovec){.iov_base = (void *)(uintptr_t)bytes.bytes, .iov_len = bytes.len};
            total += bytes.len;
        }
        ssize_t n;
        if (count == 1) {
            n = pdk_sock_send(c->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
            n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? PDK_EBUSY : PDK_EIO;
        }
        advance(conns, c, (size_t)n);
        if ((size_t)n < total) return PDK_EBUSY;
    }
    return PDK_OK;
}

static void give_up(struct pdk_conns *conns, struct conn *c, const char *why)
{
    conns->config.metrics->connection_drop_count++;
    uint64_t held_back = 0;
    if (pdk_log_limit_pass(&conns->slow_limit, conns->now_ms, 1000, &held_back)) {
        char remote[CONN_REMOTE_BYTES];
        pdk_log_write(
            conns->config.log, PDK_LOG_WARN,
            "conn.closed reason=%s remote=%s waiting_bytes=%zu limit_bytes=%zu "
            "held_back=%llu: the client does not read its replies (paddock.outQueueBytes)",
            why, pdk_conns_address_text(c, true, remote), c->out.bytes,
            conns->config.out_queue_bytes, (unsigned long long)held_back);
    }
    pdk_conns_lose(conns, c);
}

static void queue_chain(struct pdk_conns *conns, struct conn *c)
{
    /* One batch may pass the limit, whatever its size: a single large reply is no fault. */
    if (c->out.bytes > conns->config.out_queue_bytes) {
        give_up(conns, c, "slow_reader");
        return;
    }
    for (uint32_t at = c->ref_first; at != REF_NONE; at = conns->refs[at].next) {
        struct pdk_slice bytes = conns->refs[at].bytes;
        if (pdk_outqueue_add(&c->out, conns->config.mem, bytes) != PDK_OK) {
            give_up(conns, c, "no_memory");
            return;
        }
        conns->unsent += bytes.len;
    }
    if (c->out.bytes > conns->config.out_queue_bytes / 4) c->blocked |= BLOCK_CHOKED;
}

static void flush_one(struct pdk_conns *conns, struct conn *c)
{
    if (c->ref_first != REF_NONE && !c->lost) {
        enum pdk_err err = c->out.bytes == 0 ? send_chain(conns, c) : PDK_EBUSY;
        if (err == PDK_EBUSY) queue_chain(conns, c);
        if (err == PDK_EIO) pdk_conns_lose(conns, c);
    }
    c->ref_first = c->ref_last = REF_NONE;
    if (c->close_asked && !c->lost) pdk_conns_begin_closing(conns, c);
}

void pdk_conns_flush(struct pdk_conns *conns)
{
    while (conns->touched != NULL) {
        struct conn *c = conns->touched;
        conns->touched = c->touched_next;
        c->touched = false;
        flush_one(conns, c);
    }
    conns->ref_count = 0;
    if (conns->text.cap > TEXT_KEEP_BYTES) pdk_buf_deinit(&conns->text);
}

void pdk_conns_output(struct pdk_conns *conns, struct conn *c)
{
    size_t before = c->out.bytes;
    enum pdk_err err = pdk_outqueue_send(&c->out, conns->config.mem, c->fd);
    conns->unsent -= before - c->out.bytes;
    if (err == PDK_EIO) {
        pdk_conns_lose(conns, c);
        return;
    }
    if ((c->blocked & BLOCK_CHOKED) != 0 && c->out.bytes <= conns->config.out_queue_bytes / 8) {
        c->blocked &= (uint8_t)~BLOCK_CHOKED;
        pdk_conns_look_again(conns, c);
    }
    if (c->state == CONN_CLOSING && c->out.bytes == 0) pdk_conns_begin_linger(conns, c);
}
