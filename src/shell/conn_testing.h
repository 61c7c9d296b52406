/* shell/conn_testing.h - for tests: connections over socket pairs, and a handler that notes what it
 * hears and does what a test asks. */
#ifndef PDK_SHELL_CONN_TESTING_H
#define PDK_SHELL_CONN_TESTING_H

#include <errno.h>
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
#include "base/reader.h"
#include "core/node/node.h"
#include "shell/conn.h"

#define MAX_CLIENTS 32
#define LIMIT 1000

/* Connections over socket pairs, a handler that notes what it hears and does what a test asks. */
struct fixture {
    struct pdk_loop *loop;
    struct pdk_conns *conns;
    struct pdk_conn_handler handler;
    struct pdk_metrics metrics;
    int64_t now_ms;
    int client[MAX_CLIENTS];
    int client_count;

    char heard[65536]; /* "open 0|frame 0 abc|closed 0|" */
    size_t heard_len;
    bool echo;
    uint32_t pause_at, close_at; /* the n-th frame from now, 1 based; 0: never */
    size_t reply_bytes;          /* instead of an echo: so many, one frame */
    uint8_t *reply;
    bool has_session;
    size_t frames, frame_bytes;
    uint32_t last_conn;
    bool quiet;
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

static inline void on_opened(void *ctx, uint32_t conn, struct pdk_slice address)
{
    note(ctx, "open %u %.*s|", conn, (int)address.len, (const char *)address.bytes);
}

static inline bool on_admit(void *ctx, struct pdk_slice first)
{
    struct fixture *f = ctx;
    bool good = !pdk_slice_eq_str(first, "stranger");
    if (!good) note(f, "refused|");
    return good;
}

static inline void on_frame(void *ctx, uint32_t conn, struct pdk_slice body)
{
    struct fixture *f = ctx;
    note(f, "frame %u %.*s|", conn, (int)body.len, (const char *)body.bytes);
    f->frames++;
    f->frame_bytes += body.len;
    f->last_conn = conn;
    if (f->reply_bytes > 0) {
        pdk_conns_send(f->conns, conn, pdk_slice_of(f->reply, f->reply_bytes));
        pdk_conns_flush(f->conns);
    } else if (f->echo) {
        pdk_conns_send(f->conns, conn, pdk_slice_of(body.bytes - 4, body.len + 4));
        pdk_conns_flush(f->conns); /* before the frame's memory is used again */
    }
    if (f->pause_at > 0 && --f->pause_at == 0) pdk_conns_pause(f->conns, conn);
    if (f->close_at > 0 && --f->close_at == 0) pdk_conns_close(f->conns, conn);
}

static inline void on_ahead(void *ctx, const struct pdk_slice *frames, size_t count)
{
    (void)ctx;
    assert_true(count >= 2 && count <= PDK_CONN_AHEAD_MAX);
    assert_non_null(frames[count - 1].bytes);
}

static inline void on_batch_end(void *ctx)
{
    struct fixture *f = ctx;
    pdk_conns_flush(f->conns);
}

static inline void on_closed(void *ctx, uint32_t conn) { note(ctx, "closed %u|", conn); }

static inline bool on_has_session(void *ctx, uint32_t conn)
{
    (void)conn;
    return ((struct fixture *)ctx)->has_session;
}

static inline void on_too_long(void *ctx, const struct pdk_conn_oversize *what)
{
    note(ctx, "too_long %d len=%d head=%.*s drained=%d|",
         what->conn == PDK_CONN_NONE ? -1 : (int)what->conn, what->len, (int)what->head.len,
         (const char *)what->head.bytes, what->drained);
}

static inline void on_oversized(void *ctx, uint32_t conn, struct pdk_slice head)
{
    note(ctx, "oversized %u %.*s|", conn, (int)head.len, (const char *)head.bytes);
}

static inline void on_word(void *ctx, enum pdk_word word, struct pdk_slice argument,
                           struct pdk_buf *text)
{
    note(ctx, "word %s %zu|", pdk_word_name(word), argument.len);
    pdk_put_text(text, "answer to %s\n", pdk_word_name(word));
}

static inline struct pdk_conns_config default_config(struct fixture *f)
{
    return (struct pdk_conns_config){.mem = pdk_mem_heap(),
                                     .seed = {1, 2},
                                     .frame_limit_bytes = LIMIT,
                                     .sessionless_timeout_ms = 10000,
                                     .out_queue_bytes = 1 << 20,
                                     .large_threshold = -1,
                                     .metrics = &f->metrics};
}

static inline struct fixture *create(const struct pdk_conns_config *config, struct fixture *f)
{
    f->now_ms = 5000;
    f->loop = pdk_loop_create(pdk_mem_heap());
    assert_non_null(f->loop);
    f->handler = (struct pdk_conn_handler){.ctx = f,
                                           .admit = on_admit,
                                           .opened = on_opened,
                                           .frame = on_frame,
                                           .ahead = on_ahead,
                                           .batch_end = on_batch_end,
                                           .closed = on_closed,
                                           .has_session = on_has_session,
                                           .too_long = on_too_long,
                                           .oversized = on_oversized,
                                           .word = on_word};
    f->conns = pdk_conns_create(config, f->loop, &f->handler);
    assert_non_null(f->conns);
    pdk_conns_time(f->conns, f->now_ms);
    return f;
}

static inline struct fixture *create_default(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    return create(&config, f);
}

static inline void destroy(struct fixture *f)
{
    pdk_conns_destroy(f->conns);
    pdk_loop_destroy(f->loop);
    for (int i = 0; i < f->client_count; i++) {
        if (f->client[i] >= 0) assert_int_equal(close(f->client[i]), 0);
    }
    free(f->reply);
    free(f);
}

static inline struct sockaddr_storage peer_of(uint32_t last_byte, uint16_t port)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_in *in = (void *)&peer;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    in->sin_addr.s_addr = htonl(0x7f000000u + last_byte);
    return peer;
}

/* A new client; returns its index here. */
static inline int connect_from(struct fixture *f, uint32_t last_byte, enum pdk_err want)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_true(f->client_count < MAX_CLIENTS);
    struct sockaddr_storage peer = peer_of(last_byte, (uint16_t)(1000 + f->client_count));
    enum pdk_err err = pdk_conns_adopt(f->conns, pair[0], &peer);
    assert_int_equal(err, want);
    if (err != PDK_OK) assert_int_equal(close(pair[0]), 0);
    f->client[f->client_count] = pair[1];
    return f->client_count++;
}

static inline int connect_one(struct fixture *f) { return connect_from(f, 1, PDK_OK); }

static inline void turn(struct fixture *f)
{
    (void)pdk_loop_wait(f->loop, 0);
    pdk_conns_time(f->conns, f->now_ms);
    pdk_loop_tell(f->loop);
    pdk_conns_turn(f->conns);
}

static inline void put(struct fixture *f, int client, const void *bytes, size_t len)
{
    assert_int_equal(send(f->client[client], bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Appends a frame whose body is `text`; returns its length. */
static inline size_t frame(uint8_t *to, const char *text)
{
    size_t len = strlen(text);
    pdk_store_u32(to, (uint32_t)len);
    memcpy(to + 4, text, len);
    return len + 4;
}

static inline void put_frame(struct fixture *f, int client, const char *text)
{
    uint8_t bytes[LIMIT + 100];
    put(f, client, bytes, frame(bytes, text));
}

/* Everything the client can read now; -1: nothing, 0: the end. */
static inline ssize_t get(struct fixture *f, int client, void *bytes, size_t cap)
{
    return recv(f->client[client], bytes, cap, 0);
}

static inline void expect_heard(struct fixture *f, const char *want)
{
    assert_string_equal(f->heard, want);
    f->heard_len = 0;
    f->heard[0] = '\0';
}

#endif
