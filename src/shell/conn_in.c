#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/node/node.h"
#include "proto/frame.h"
#include "shell/conn_internal.h"
#include "shell/sock.h"

/* Reads of one connection in one turn, so that a fast sender does not keep the others waiting. */
#define READS_AT_ONCE 4
/* A partial frame's buffer grows by at least so much. */
#define GROW_BYTES ((size_t)64 << 10)
#define DRAIN_FACTOR 16

/* ---- over-long frames ---------------------------------------------------------------------- */
/* Tells the handler.  `bytes` begins with the length.  True: its body is to be drained and
 * answered; false: the connection is lost. */
static bool too_long(struct pdk_conns *conns, struct conn *c, const uint8_t *bytes, size_t len)
{
    const struct pdk_conn_handler *h = conns->handler;
    uint8_t head[OVERSIZE_HEAD_BYTES];
    size_t have = pdk_min_size(len - PDK_FRAME_HEAD_LEN, sizeof head);
    memcpy(head, bytes + PDK_FRAME_HEAD_LEN, have);
    /* What has arrived meanwhile may name the path; it stays in the socket to be drained. */
    ssize_t more = recv(c->fd, head + have, sizeof head - have, MSG_DONTWAIT | MSG_PEEK);
    if (more > 0 && have == len - PDK_FRAME_HEAD_LEN) have += (size_t)more;

    int32_t size = (int32_t)pdk_load_u32(bytes);
    char remote[CONN_REMOTE_BYTES];
    struct pdk_conn_oversize what = {
        .conn = c->state == CONN_OPEN ? c->id : PDK_CONN_NONE,
        .remote = pdk_conns_address_text(c, true, remote),
        .len = size,
        .head = pdk_slice_of(head, have),
        .drained = conns->config.oversize_error && c->state == CONN_OPEN && size > 0 &&
                   size <= DRAIN_FACTOR * (int64_t)conns->config.frame_limit_bytes &&
                   h->has_session(h->ctx, c->id),
    };
    h->too_long(h->ctx, &what);
    if (!what.drained) {
        conns->config.metrics->connection_drop_count++;
        pdk_conns_lose(conns, c);
        return false;
    }
    c->drain_left = (uint32_t)size;
    c->drain_head_len = 0;
    pdk_conns_set_timer(conns, c, TIMER_DRAIN);
    return true;
}

/* Throws away what belongs to the over-long frame; returns how much of `bytes` that was. */
static size_t drain(struct pdk_conns *conns, struct conn *c, const uint8_t *bytes, size_t len)
{
    size_t take = pdk_min_size(len, c->drain_left);
    size_t keep = pdk_min_size(take, sizeof c->drain_head - c->drain_head_len);
    memcpy(c->drain_head + c->drain_head_len, bytes, keep);
    c->drain_head_len = (uint8_t)(c->drain_head_len + keep);
    c->drain_left -= (uint32_t)take;
    if (c->drain_left == 0) {
        const struct pdk_conn_handler *h = conns->handler;
        pdk_conns_set_timer(conns, c, TIMER_NONE);
        c->received++;
        h->oversized(h->ctx, c->id, pdk_slice_of(c->drain_head, c->drain_head_len));
    }
    return take;
}

/* ---- long frames within the limit ---------------------------------------------------------- */
/* Counts a frame whose rest is still to come.  False: there are too many such bytes already. */
static bool count_large(struct pdk_conns *conns, struct conn *c, const uint8_t *bytes, size_t len)
{
    const struct pdk_conns_config *config = &conns->config;
    if (config->large_threshold < 0 || c->large > 0 || len < PDK_FRAME_HEAD_LEN) return true;
    int32_t size = (int32_t)pdk_load_u32(bytes);
    if (size <= config->large_threshold) return true;
    if (conns->large_bytes + size <= config->large_max_bytes) {
        c->large = size;
        conns->large_bytes += size;
        return true;
    }
    config->metrics->large_requests_rejected++;
    uint64_t held_back = 0;
    if (pdk_log_limit_pass(&conns->large_limit, conns->now_ms, 1000, &held_back)) {
        char remote[CONN_REMOTE_BYTES];
        pdk_log_write(config->log, PDK_LOG_WARN,
                      "conn.closed reason=large_requests remote=%s bytes=%d others_bytes=%lld "
                      "held_back=%llu: largeRequestMaxBytes of such requests are on their way",
                      pdk_conns_address_text(c, true, remote), (int)size,
                      (long long)conns->large_bytes, (unsigned long long)held_back);
    }
    pdk_conns_lose(conns, c);
    return false;
}

static void forget_large(struct pdk_conns *conns, struct conn *c)
{
    conns->large_bytes -= c->large;
    c->large = 0;
}

/* ---- the first frame ----------------------------------------------------------------------- */
enum first { FIRST_FRAME, FIRST_WORD, FIRST_MORE };

/* Is it a four letter word?  Then it is answered, and the connection closes. */
static enum first first_bytes(struct pdk_conns *conns, struct conn *c, const uint8_t *bytes,
                              size_t len)
{
    if (len < PDK_FRAME_HEAD_LEN) return FIRST_MORE;
    enum pdk_word word = pdk_word_of(pdk_load_u32(bytes));
    if (word == PDK_WORD_NONE) return FIRST_FRAME;
    struct pdk_slice argument = pdk_slice_of(bytes + PDK_FRAME_HEAD_LEN, 0);
    if ((pdk_word_flags_of(word) & PDK_WORD_ARGUMENT) != 0) {
        if (len < PDK_FRAME_HEAD_LEN + 8) return FIRST_MORE;
        argument.len = 8;
    }
    const struct pdk_conn_handler *h = conns->handler;
    c->received++;
    pdk_buf_clear(&conns->text);
    conns->asking = c;
    h->word(h->ctx, word, argument, &conns->text);
    conns->asking = NULL;
    if (conns->text.failed) {
        pdk_conns_lose(conns, c);
        return FIRST_WORD;
    }
    pdk_conns_send(conns, c->id, pdk_buf_slice(&conns->text));
    pdk_conns_close(conns, c->id);
    pdk_conns_flush(conns);
    return FIRST_WORD;
}

/* False: it may not come in. */
static bool open_it(struct pdk_conns *conns, struct conn *c, struct pdk_slice first)
{
    const struct pdk_conn_handler *h = conns->handler;
    if (!h->admit(h->ctx, first)) {
        conns->config.metrics->connection_rejected++;
        pdk_conns_lose(conns, c);
        return false;
    }
    char address[CONN_REMOTE_BYTES];
    c->state = CONN_OPEN;
    pdk_conns_set_timer(conns, c, TIMER_NONE);
    h->opened(h->ctx, c->id, pdk_slice_str(pdk_conns_address_text(c, false, address)));
    return c->blocked == 0; /* else the handler has no room for it */
}

/* ---- frames -------------------------------------------------------------------------------- */
/* Shows the handler the next whole frames; returns where they end. */
static size_t look_ahead(const struct pdk_conns *conns, const uint8_t *bytes, size_t at, size_t len)
{
    struct pdk_slice frames[PDK_CONN_AHEAD_MAX];
    size_t count = 0, used = 0;
    while (count < PDK_CONN_AHEAD_MAX &&
           pdk_frame_split(bytes + at, len - at, conns->config.frame_limit_bytes, &frames[count],
                           &used) == PDK_FRAME_WHOLE) {
        at += used;
        count++;
    }
    if (count > 1) conns->handler->ahead(conns->handler->ctx, frames, count);
    return at;
}

/* Delivers whole frames; returns how much of `bytes` is done with. */
static size_t deliver(struct pdk_conns *conns, struct conn *c, const uint8_t *bytes, size_t len)
{
    const struct pdk_conn_handler *h = conns->handler;
    size_t at = 0, seen = 0;
    while (c->blocked == 0) {
        if (at >= seen && c->state == CONN_OPEN && c->drain_left == 0)
            seen = look_ahead(conns, bytes, at, len);
        if (PDK_UNLIKELY(c->drain_left > 0)) {
            if (at == len) return at;
            at += drain(conns, c, bytes + at, len - at);
            continue;
        }
        if (PDK_UNLIKELY(c->state == CONN_NEW)) {
            enum first first = first_bytes(conns, c, bytes + at, len - at);
            if (first == FIRST_MORE) return at;
            if (first == FIRST_WORD) return len;
        }
        struct pdk_slice body = {0};
        size_t used = 0;
        switch (
            pdk_frame_split(bytes + at, len - at, conns->config.frame_limit_bytes, &body, &used)) {
        case PDK_FRAME_MORE: return count_large(conns, c, bytes + at, len - at) ? at : len;
        case PDK_FRAME_BAD:
            if (!too_long(conns, c, bytes + at, len - at)) return len;
            at += PDK_FRAME_HEAD_LEN;
            continue;
        case PDK_FRAME_WHOLE: break;
        }
        if (PDK_UNLIKELY(c->large > 0)) forget_large(conns, c);
        if (PDK_UNLIKELY(c->state == CONN_NEW) && !open_it(conns, c, body)) return len;
        at += used;
        c->received++;
        h->frame(h->ctx, c->id, body);
    }
    return at;
}

static void release_in(struct pdk_conns *conns, struct conn *c)
{
    pdk_mem_free(conns->config.mem, c->in.bytes);
    c->in.bytes = NULL;
    c->in.len = c->in.cap = 0;
}

static bool grow_in(struct pdk_conns *conns, struct conn *c, size_t cap)
{
    if (cap <= c->in.cap) return true;
    uint8_t *bytes = pdk_mem_resize(conns->config.mem, c->in.bytes, cap);
    if (bytes == NULL) {
        uint64_t held_back = 0;
        if (pdk_log_limit_pass(&conns->memory_limit, conns->now_ms, 1000, &held_back))
            pdk_log_write(conns->config.log, PDK_LOG_WARN,
                          "conn.closed reason=no_memory bytes=%zu held_back=%llu", cap,
                          (unsigned long long)held_back);
        conns->config.metrics->connection_drop_count++;
        pdk_conns_lose(conns, c);
        return false;
    }
    c->in.bytes = bytes;
    c->in.cap = cap;
    return true;
}

/* Keeps what could not be delivered yet. */
static void keep(struct pdk_conns *conns, struct conn *c, const uint8_t *bytes, size_t len)
{
    if (len == 0 || (c->blocked & BLOCK_ENDED) != 0) {
        if (c->in.bytes != NULL) release_in(conns, c);
        return;
    }
    if (!grow_in(conns, c, len)) return;
    memcpy(c->in.bytes, bytes, len);
    c->in.len = len;
}

/* What was kept while nothing could be delivered. */
static void deliver_kept(struct pdk_conns *conns, struct conn *c)
{
    size_t done = deliver(conns, c, c->in.bytes, c->in.len);
    if (done == 0) return;
    conns->handler->batch_end(conns->handler->ctx);
    if (c->in.len == 0) return; /* closing has freed it */
    c->in.len -= done;
    if (c->in.len == 0)
        release_in(conns, c);
    else
        memmove(c->in.bytes, c->in.bytes + done, c->in.len);
}

/* ---- reading ------------------------------------------------------------------------------- */
/* Makes room behind a long frame's beginning, which is read in place. */
static bool room_in_place(struct pdk_conns *conns, struct conn *c)
{
    /* deliver() left it: the beginning of one frame with a good length. */
    size_t whole = PDK_FRAME_HEAD_LEN + pdk_load_u32(c->in.bytes);
    PDK_ASSERT(c->in.len < whole);
    if (c->in.len < c->in.cap) return true;
    size_t wanted = pdk_max_size(c->in.cap * 2, c->in.len + GROW_BYTES);
    return grow_in(conns, c, pdk_min_size(wanted, whole));
}

/* One recv.  False: nothing more to be had now. */
static bool read_once(struct pdk_conns *conns, struct conn *c)
{
    bool in_place = c->in.len > conns->scratch_bytes / 2;
    if (in_place && !room_in_place(conns, c)) return false;
    uint8_t *to = in_place ? c->in.bytes : conns->scratch;
    size_t room = (in_place ? c->in.cap : conns->scratch_bytes) - c->in.len;
    ssize_t n = pdk_sock_recv(c->fd, to + c->in.len, room, 0);
    if (n <= 0) {
        if (n < 0 && errno == EINTR) return true;
        if (n < 0 && errno == EAGAIN)
            c->readable = false;
        else
            pdk_conns_lose(conns, c);
        return false;
    }
    conns->config.metrics->bytes_received_count += (uint64_t)n;
    c->last_read_mono_ms = conns->now_ms;
    /* A read that fills less than it could has emptied the socket, unless the end is near. */
    c->readable = (size_t)n == room || c->hung_up;

    size_t len = c->in.len + (size_t)n;
    if (in_place) {
        c->in.len = len;
        deliver_kept(conns, c);
    } else {
        if (c->in.len > 0) memcpy(to, c->in.bytes, c->in.len);
        c->in.len = 0;
        size_t done = deliver(conns, c, to, len);
        keep(conns, c, to + done, len - done);
        if (done > 0) conns->handler->batch_end(conns->handler->ctx);
    }
    return c->readable;
}

/* Throws away what still comes, until the peer's end.  Not into the scratch buffer: a request of
 * another connection may have closed this one, and what follows it still lies there. */
static void discard(struct pdk_conns *conns, struct conn *c)
{
    uint8_t rubbish[16384];
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t n = pdk_sock_recv(c->fd, rubbish, sizeof rubbish, 0);
        if (n > 0 || (n < 0 && errno == EINTR)) continue;
        if (n < 0 && errno == EAGAIN)
            c->readable = false;
        else
            pdk_conns_lose(conns, c);
        return;
    }
    pdk_conns_look_again(conns, c);
}

/* ---- short reads of many connections --------------------------------------------------------- */

void pdk_conns_deliver(struct pdk_conns *conns)
{
    struct pdk_slice frames[PDK_CONN_AHEAD_MAX];
    size_t count = conns->group_count, seen = 0;
    bool delivered = false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = conns->scratch + i * GROUP_SLOT_BYTES;
        size_t used = 0;
        if (pdk_frame_split(bytes, conns->group[i].len, conns->config.frame_limit_bytes,
                            &frames[seen], &used) == PDK_FRAME_WHOLE)
            seen++;
    }
    if (seen > 1) conns->handler->ahead(conns->handler->ctx, frames, seen);
    conns->group_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct conn *c = conns->group[i].conn;
        const uint8_t *bytes = conns->scratch + i * GROUP_SLOT_BYTES;
        c->grouped = false;
        size_t done = deliver(conns, c, bytes, conns->group[i].len);
        keep(conns, c, bytes + done, conns->group[i].len - done);
        delivered = delivered || done > 0;
        if (c->blocked == 0 && c->readable) pdk_conns_look_again(conns, c);
    }
    if (delivered) conns->handler->batch_end(conns->handler->ctx);
}

bool pdk_conns_group_read(struct pdk_conns *conns, struct conn *c)
{
    /* Its bytes must stay in order: a second read has to wait until the first is delivered. */
    if (c->grouped || c->state != CONN_OPEN || c->blocked != 0 || c->in.len > 0 ||
        c->out.bytes > 0 || c->drain_left > 0)
        return false;
    uint8_t *to = conns->scratch + conns->group_count * GROUP_SLOT_BYTES;
    ssize_t n = pdk_sock_recv(c->fd, to, GROUP_SLOT_BYTES, 0);
    if (n <= 0) return false; /* the usual way finds out why */
    conns->config.metrics->bytes_received_count += (uint64_t)n;
    c->last_read_mono_ms = conns->now_ms;
    c->readable = (size_t)n == GROUP_SLOT_BYTES;
    c->grouped = true;
    conns->group[conns->group_count++] = (struct group_read){.conn = c, .len = (size_t)n};
    if (conns->group_count == PDK_CONN_AHEAD_MAX) pdk_conns_deliver(conns);
    return true;
}

void pdk_conns_input(struct pdk_conns *conns, struct conn *c)
{
    if (c->state == CONN_LINGER) {
        if (c->readable) discard(conns, c);
        return;
    }
    if (c->blocked == 0 && c->in.len > 0) deliver_kept(conns, c);
    for (int i = 0; i < READS_AT_ONCE && c->blocked == 0 && c->readable; i++) {
        if (!read_once(conns, c)) break;
    }
    if (c->blocked == 0 && c->readable) pdk_conns_look_again(conns, c);
}
