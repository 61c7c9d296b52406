/* shell/links_testing.h - for tests: links over loopback, a handler that notes what it hears and
 * takes what a test lets it, peers that are plain sockets. */
#ifndef PDK_SHELL_LINKS_TESTING_H
#define PDK_SHELL_LINKS_TESTING_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "shell/links.h"

#define UNREAD ((size_t)1 << 20)
#define QUEUE ((size_t)4 << 20)
#define D(n) (PDK_LINK_DIALLED + (n))

struct fixture {
    struct pdk_loop *loop;
    struct pdk_resolver *resolver;
    struct pdk_streams *streams;
    struct pdk_links *links;
    struct pdk_links_config config;
    struct pdk_link_handler handler;
    struct pdk_log log;
    int64_t now_ms;
    char heard[16384]; /* "accepted 0 election|bytes 0 abc|closed 0|" */
    size_t heard_len;
    char lines[4096];
    char address[80]; /* of the last accepted link */
    bool quiet;

    /* what the handler does */
    size_t take_max;   /* at a time */
    bool whole_frames; /* takes u32 length and body only when both are there */
    bool echo, close_on_bytes, close_on_streamed, hold_on_bytes;
    size_t bytes; /* taken of all links */
    uint32_t sum; /* of them */
    size_t streaming;
    struct pdk_stream_end end; /* of the last stream */

    /* the name service: "here" is 127.0.0.1, "two" [::1] and then 127.0.0.1, "slow" waits */
    sem_t gate, entered;
    /* streams: `stream_bytes` of their zxid's low byte; may wait at the gate */
    size_t stream_bytes;
    bool stream_gated;
    enum pdk_err stream_err;
};

static inline void note(struct fixture *f, const char *format, ...)
{
    if (f->quiet) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(f->heard + f->heard_len, sizeof f->heard - f->heard_len, format, args);
    va_end(args);
    assert_true(n >= 0 && f->heard_len + (size_t)n < sizeof f->heard);
    f->heard_len += (size_t)n;
}

static inline uint32_t number(uint32_t link)
{
    return link >= PDK_LINK_DIALLED ? link - PDK_LINK_DIALLED + 1000 : link;
}

/* ---- the handler ----------------------------------------------------------------------------- */
static inline void on_accepted(void *ctx, uint32_t link, enum pdk_port port,
                               struct pdk_slice address)
{
    static const char *const names[] = {"election", "quorum", "master"};
    struct fixture *f = ctx;
    (void)snprintf(f->address, sizeof f->address, "%.*s", (int)address.len,
                   (const char *)address.bytes);
    note(f, "accepted %u %s|", number(link), names[port]);
}

static inline void on_dialled(void *ctx, uint32_t link, bool connected)
{
    note(ctx, "dialled %u %s|", number(link), connected ? "yes" : "no");
}

static inline size_t on_bytes(void *ctx, uint32_t link, struct pdk_slice bytes)
{
    struct fixture *f = ctx;
    size_t n = pdk_min_size(bytes.len, f->take_max);
    if (f->whole_frames) {
        if (bytes.len < 4) return 0;
        n = (size_t)4 + ((size_t)bytes.bytes[0] << 24 | (size_t)bytes.bytes[1] << 16 |
                         (size_t)bytes.bytes[2] << 8 | bytes.bytes[3]);
        if (bytes.len < n) return 0;
    }
    if (n == 0) return 0;
    note(f, "bytes %u %.*s|", number(link), (int)pdk_min_size(n, 20), (const char *)bytes.bytes);
    for (size_t i = 0; i < n; i++) f->sum = f->sum * 31 + bytes.bytes[i];
    f->bytes += n;
    if (f->echo) {
        pdk_links_send(f->links, link, pdk_slice_of(bytes.bytes, n));
        pdk_links_flush(f->links);
    }
    if (f->hold_on_bytes) pdk_links_hold(f->links, link, true);
    if (f->close_on_bytes) {
        pdk_links_close(f->links, link);
        pdk_links_flush(f->links);
    }
    return n;
}

static inline void on_closed(void *ctx, uint32_t link) { note(ctx, "closed %u|", number(link)); }

static inline void on_streaming(void *ctx, uint32_t link)
{
    (void)link;
    ((struct fixture *)ctx)->streaming++;
}

static inline void on_streamed(void *ctx, const struct pdk_stream_job *job,
                               const struct pdk_stream_end *end)
{
    struct fixture *f = ctx;
    f->end = *end;
    note(f, "streamed %u %d %s|", number(job->link), (int)job->kind,
         end->err == PDK_OK ? "ok" : pdk_err_name(end->err));
    if (f->close_on_streamed) {
        pdk_links_close(f->links, job->link);
        pdk_links_flush(f->links);
    }
}

static inline void on_deaf(void *ctx, enum pdk_port port, const struct pdk_diag *diag)
{
    struct fixture *f = ctx;
    note(f, "deaf %d|", (int)port);
    (void)snprintf(f->lines, sizeof f->lines, "%s", diag->text);
}

static inline void on_line(void *ctx, enum pdk_log_level level, const char *text)
{
    (void)level;
    struct fixture *f = ctx;
    size_t len = strlen(f->lines);
    (void)snprintf(f->lines + len, sizeof f->lines - len, "%s\n", text);
}

/* ---- names and streams ----------------------------------------------------------------------- */
static inline void add_address(struct pdk_resolved *out, const char *literal)
{
    assert_true(pdk_sockaddr_literal(literal, 0, &out->addresses[out->count]));
    out->count++;
}

static inline void on_lookup(void *ctx, struct pdk_resolved *out)
{
    struct fixture *f = ctx;
    if (strcmp(out->host, "slow") == 0) (void)sem_wait(&f->gate);
    if (strcmp(out->host, "dead") == 0) {
        (void)snprintf(out->why, sizeof out->why, "nobody knows it");
        return;
    }
    if (strcmp(out->host, "two") == 0) add_address(out, "::1");
    add_address(out, "127.0.0.1");
}

static inline enum pdk_err stream_some(struct fixture *f, pdk_zxid zxid, pdk_stream_write write,
                                       void *write_ctx, struct pdk_diag *diag)
{
    uint8_t piece[5000];
    if (f->stream_gated) {
        (void)sem_post(&f->entered);
        (void)sem_wait(&f->gate);
    }
    memset(piece, (uint8_t)zxid, sizeof piece);
    for (size_t at = 0; at < f->stream_bytes;) {
        size_t n = pdk_min_size(sizeof piece, f->stream_bytes - at);
        enum pdk_err err = write(write_ctx, pdk_slice_of(piece, n));
        if (err != PDK_OK) return err;
        at += n;
    }
    if (f->stream_err != PDK_OK) pdk_diag_set(diag, "the log is gone");
    return f->stream_err;
}

static inline enum pdk_err on_log(void *ctx, const struct pdk_stream_job *job,
                                  pdk_stream_write write, void *write_ctx, struct pdk_diag *diag)
{
    return stream_some(ctx, job->zxid, write, write_ctx, diag);
}

static inline enum pdk_err on_view(void *ctx, const struct pdk_snapshot_job *view,
                                   pdk_stream_write write, void *write_ctx, struct pdk_diag *diag)
{
    return stream_some(ctx, view->zxid, write, write_ctx, diag);
}

static inline enum pdk_err on_find(void *ctx, const struct pdk_stream_job *job,
                                   struct pdk_log_place *out, struct pdk_diag *diag)
{
    (void)ctx;
    (void)diag;
    *out = (struct pdk_log_place){.reaches = true, .at = job->zxid};
    return PDK_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */
static inline void open_links(struct fixture *f)
{
    f->links = pdk_links_create(&f->config, f->loop, f->resolver, f->streams, &f->handler);
    assert_non_null(f->links);
    const struct pdk_address here = {.host = "127.0.0.1", .port = 0};
    for (int port = 0; port < PDK_PORT_COUNT; port++)
        pdk_links_set_addresses(f->links, (enum pdk_port)port, &here, 1);
    pdk_links_time(f->links, f->now_ms);
}

static inline struct fixture *create(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->now_ms = 5000;
    f->take_max = SIZE_MAX;
    assert_int_equal(sem_init(&f->gate, 0, 0), 0);
    assert_int_equal(sem_init(&f->entered, 0, 0), 0);
    f->log = (struct pdk_log){.ctx = f, .level = PDK_LOG_DEBUG, .line = on_line};
    f->loop = pdk_loop_create(pdk_mem_heap());
    f->resolver = pdk_resolver_start(pdk_mem_heap(), on_lookup, f);
    const struct pdk_stream_ops ops = {.ctx = f, .view = on_view, .log = on_log, .find = on_find};
    f->streams = pdk_streams_start(pdk_mem_heap(), &ops, 2);
    assert_non_null(f->loop);
    assert_non_null(f->resolver);
    assert_non_null(f->streams);
    f->handler = (struct pdk_link_handler){.ctx = f,
                                           .accepted = on_accepted,
                                           .dialled = on_dialled,
                                           .bytes = on_bytes,
                                           .closed = on_closed,
                                           .streaming = on_streaming,
                                           .streamed = on_streamed,
                                           .deaf = on_deaf};
    f->config = (struct pdk_links_config){.mem = pdk_mem_heap(),
                                          .log = &f->log,
                                          .seed = {1, 2},
                                          .connect_timeout_ms = 5000,
                                          .keepalive = true,
                                          .unread_bytes = UNREAD,
                                          .queue_bytes = QUEUE,
                                          .bind_tries = 3,
                                          .accepted_max = 4};
    open_links(f);
    return f;
}

static inline void destroy(struct fixture *f)
{
    pdk_streams_cancel_all(f->streams);
    pdk_links_destroy(f->links);
    pdk_streams_stop(f->streams);
    pdk_resolver_stop(f->resolver);
    pdk_loop_destroy(f->loop);
    (void)sem_destroy(&f->gate);
    (void)sem_destroy(&f->entered);
    free(f);
}

/* One turn; waits at most `wait_ms` for something to happen. */
static inline int turn_waiting(struct fixture *f, int wait_ms)
{
    int n = pdk_loop_wait(f->loop, wait_ms);
    pdk_links_time(f->links, f->now_ms);
    pdk_loop_tell(f->loop);
    pdk_links_flush(f->links);
    pdk_links_turn(f->links);
    return n;
}

/* Turns until nothing happens any more. */
static inline void settle(struct fixture *f)
{
    while (turn_waiting(f, 0) > 0 || pdk_links_deadline(f->links) <= f->now_ms) {
    }
}

static inline void expect_heard(struct fixture *f, const char *want)
{
    assert_string_equal(f->heard, want);
    f->heard_len = 0;
    f->heard[0] = '\0';
}

/* Turns until this has been heard, and no more than this. */
static inline void await(struct fixture *f, const char *want)
{
    /* Ten seconds are for ever: only a lost event lets them pass. */
    for (int i = 0; i < 10000 && strcmp(f->heard, want) != 0; i++) (void)turn_waiting(f, 1);
    expect_heard(f, want);
}

/* ---- peers ----------------------------------------------------------------------------------- */
static inline struct sockaddr_in loopback(int32_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A peer that has dialled us. */
static inline int peer_dials(struct fixture *f, enum pdk_port port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = loopback(pdk_links_port(f->links, port));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline int peer_listens(int32_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static inline void peer_sends(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Closes with RST. */
static inline void peer_resets(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    assert_int_equal(close(fd), 0);
}

/* What the peer reads while we turn: until `len` bytes are there, or the end (returned as less). */
static inline size_t peer_reads(struct fixture *f, int fd, void *bytes, size_t len)
{
    size_t got = 0;
    for (int i = 0; i < 100000 && got < len; i++) {
        ssize_t n = recv(fd, (uint8_t *)bytes + got, len - got, MSG_DONTWAIT);
        if (n == 0) return got;
        if (n > 0)
            got += (size_t)n;
        else
            (void)turn_waiting(f, 1);
    }
    return got;
}

static inline bool peer_sees_end(struct fixture *f, int fd)
{
    char byte;
    for (int i = 0; i < 10000; i++) {
        ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
        if (n > 0) return false;
        (void)turn_waiting(f, 1);
    }
    return false;
}

static inline void dial(struct fixture *f, uint32_t link, const char *host, int32_t port)
{
    const struct pdk_address address = {.host = host, .port = port};
    pdk_links_dial(f->links, link, &address, 1);
}

static inline void send_text(struct fixture *f, uint32_t link, const char *text)
{
    pdk_links_send(f->links, link, pdk_slice_str(text));
    pdk_links_flush(f->links);
}

#endif
