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
#include "core/session/session.h"
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

static void note(struct fixture *f, const char *format, ...)
{
    if (f->quiet) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(f->heard + f->heard_len, sizeof f->heard - f->heard_len, format, args);
    va_end(args);
    assert_true(n >= 0 && f->heard_len + (size_t)n < sizeof f->heard);
    f->heard_len += (size_t)n;
}

static void on_opened(void *ctx, uint32_t conn, struct pdk_slice address)
{
    note(ctx, "open %u %.*s|", conn, (int)address.len, (const char *)address.bytes);
}

static bool on_admit(void *ctx, struct pdk_slice first)
{
    struct fixture *f = ctx;
    bool good = !pdk_slice_eq_str(first, "stranger");
    if (!good) note(f, "refused|");
    return good;
}

static void on_frame(void *ctx, uint32_t conn, struct pdk_slice body)
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

static void on_ahead(void *ctx, const struct pdk_slice *frames, size_t count)
{
    (void)ctx;
    assert_true(count >= 2 && count <= PDK_CONN_AHEAD_MAX);
    assert_non_null(frames[count - 1].bytes);
}

static void on_batch_end(void *ctx)
{
    struct fixture *f = ctx;
    pdk_conns_flush(f->conns);
}

static void on_closed(void *ctx, uint32_t conn) { note(ctx, "closed %u|", conn); }

static bool on_has_session(void *ctx, uint32_t conn)
{
    (void)conn;
    return ((struct fixture *)ctx)->has_session;
}

static void on_too_long(void *ctx, const struct pdk_conn_oversize *what)
{
    note(ctx, "too_long %d len=%d head=%.*s drained=%d|",
         what->conn == PDK_CONN_NONE ? -1 : (int)what->conn, what->len, (int)what->head.len,
         (const char *)what->head.bytes, what->drained);
}

static void on_oversized(void *ctx, uint32_t conn, struct pdk_slice head)
{
    note(ctx, "oversized %u %.*s|", conn, (int)head.len, (const char *)head.bytes);
}

static void on_word(void *ctx, enum pdk_word word, struct pdk_slice argument, struct pdk_buf *text)
{
    note(ctx, "word %s %zu|", pdk_word_name(word), argument.len);
    pdk_put_text(text, "answer to %s\n", pdk_word_name(word));
}

static struct pdk_conns_config default_config(struct fixture *f)
{
    return (struct pdk_conns_config){.mem = pdk_mem_heap(),
                                     .seed = {1, 2},
                                     .frame_limit_bytes = LIMIT,
                                     .sessionless_timeout_ms = 10000,
                                     .out_queue_bytes = 1 << 20,
                                     .large_threshold = -1,
                                     .metrics = &f->metrics};
}

static struct fixture *create(const struct pdk_conns_config *config, struct fixture *f)
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

static struct fixture *create_default(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    return create(&config, f);
}

static void destroy(struct fixture *f)
{
    pdk_conns_destroy(f->conns);
    pdk_loop_destroy(f->loop);
    for (int i = 0; i < f->client_count; i++) {
        if (f->client[i] >= 0) assert_int_equal(close(f->client[i]), 0);
    }
    free(f->reply);
    free(f);
}

static struct sockaddr_storage peer_of(const char *last_byte, uint16_t port)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_in *in = (void *)&peer;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    in->sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)atoi(last_byte));
    return peer;
}

/* A new client; returns its index here. */
static int connect_from(struct fixture *f, const char *last_byte, enum pdk_err want)
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

static int connect_one(struct fixture *f) { return connect_from(f, "1", PDK_OK); }

static void turn(struct fixture *f)
{
    (void)pdk_loop_wait(f->loop, 0);
    pdk_conns_time(f->conns, f->now_ms);
    pdk_loop_tell(f->loop);
    pdk_conns_turn(f->conns);
}

static void put(struct fixture *f, int client, const void *bytes, size_t len)
{
    assert_int_equal(send(f->client[client], bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Appends a frame whose body is `text`; returns its length. */
static size_t frame(uint8_t *to, const char *text)
{
    size_t len = strlen(text);
    pdk_store_u32(to, (uint32_t)len);
    memcpy(to + 4, text, len);
    return len + 4;
}

static void put_frame(struct fixture *f, int client, const char *text)
{
    uint8_t bytes[LIMIT + 100];
    put(f, client, bytes, frame(bytes, text));
}

/* Everything the client can read now; -1: nothing, 0: the end. */
static ssize_t get(struct fixture *f, int client, void *bytes, size_t cap)
{
    return recv(f->client[client], bytes, cap, 0);
}

static void expect_heard(struct fixture *f, const char *want)
{
    assert_string_equal(f->heard, want);
    f->heard_len = 0;
    f->heard[0] = '\0';
}

/* ---- frames ----------------------------------------------------------------------------------- */
static void frames_of_one_read_arrive_one_by_one_in_order(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    uint8_t bytes[100];
    size_t n = frame(bytes, "one");
    n += frame(bytes + n, "");
    n += frame(bytes + n, "three");
    put(f, c, bytes, n);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 one|frame 0 |frame 0 three|");
    destroy(f);
}

static void a_frame_may_arrive_byte_by_byte(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    uint8_t bytes[100];
    size_t n = frame(bytes, "hello");
    n += frame(bytes + n, "world");
    for (size_t i = 0; i < n; i++) {
        put(f, c, bytes + i, 1);
        turn(f);
    }
    expect_heard(f, "open 0 127.0.0.1|frame 0 hello|frame 0 world|");
    destroy(f);
}

/* Long frames are read in place, in whatever pieces they come. */
static void long_frames_survive_any_cut(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.frame_limit_bytes = 3 << 20;
    (void)create(&config, f);
    f->quiet = true;
    int c = connect_one(f);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 7);
    static const size_t lens[] = {3 << 20, 1, 200000, 0, 1 << 20, 131068, 262140, 262144, 5};
    size_t total = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(lens); i++) total += lens[i] + 4;
    uint8_t *bytes = calloc(1, total);
    assert_non_null(bytes);
    size_t at = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(lens); i++) {
        pdk_store_u32(bytes + at, (uint32_t)lens[i]);
        at += lens[i] + 4;
    }
    for (at = 0; at < total;) {
        size_t want = pdk_min_size(total - at, 1 + (size_t)pdk_prng_below(&prng, 300000));
        ssize_t n = send(f->client[c], bytes + at, want, MSG_NOSIGNAL);
        if (n > 0) at += (size_t)n;
        turn(f);
    }
    for (int i = 0; i < 10; i++) turn(f);
    assert_int_equal(f->frames, PDK_COUNT_OF(lens));
    assert_int_equal(f->frame_bytes, total - 4 * PDK_COUNT_OF(lens));
    free(bytes);
    destroy(f);
}

static void exactly_the_limit_passes_and_one_more_closes(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    char text[LIMIT + 2];
    memset(text, 'x', sizeof text);
    text[LIMIT] = '\0';
    put_frame(f, c, text);
    f->quiet = true;
    turn(f);
    assert_int_equal(f->frames, 1);
    f->quiet = false;
    uint8_t bytes[8];
    pdk_store_u32(bytes, LIMIT + 1);
    memcpy(bytes + 4, "head", 4);
    put(f, c, bytes, 8);
    turn(f);
    expect_heard(f, "too_long 0 len=1001 head=head drained=0|closed 0|");
    char byte;
    assert_int_equal(get(f, c, &byte, 1), 0);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    assert_int_equal(f->metrics.connection_drop_count, 1);
    destroy(f);
}

static void a_negative_length_closes_also_as_the_first_frame(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put(f, c, "\xff\xff\xff\xff", 4);
    turn(f);
    expect_heard(f, "too_long -1 len=-1 head= drained=0|");
    char byte;
    assert_int_equal(get(f, c, &byte, 1), 0);
    destroy(f);
}

static void an_oversized_frame_of_a_session_is_drained_and_answered_in_place(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.oversize_error = true;
    (void)create(&config, f);
    f->has_session = true;
    int c = connect_one(f);
    put_frame(f, c, "connect");
    uint8_t *bytes = calloc(1, 17 * LIMIT);
    assert_non_null(bytes);
    pdk_store_u32(bytes, 16 * LIMIT);
    memcpy(bytes + 4, "xid4op42", 8);
    for (size_t at = 0; at < 16 * LIMIT + 4; at += 1000) {
        put(f, c, bytes + at, pdk_min_size(1000, 16 * LIMIT + 4 - at));
        turn(f);
    }
    put_frame(f, c, "next");
    turn(f);
    assert_non_null(strstr(f->heard, "oversized 0 xid4op42|frame 0 next|"));
    assert_null(strstr(f->heard, "closed"));

    /* Beyond 16 times the limit even that ends. */
    pdk_store_u32(bytes, 16 * LIMIT + 1);
    put(f, c, bytes, 100);
    turn(f);
    assert_non_null(strstr(f->heard, "drained=0|closed 0|"));
    free(bytes);
    destroy(f);
}

static void a_drain_that_stalls_is_given_up(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.oversize_error = true;
    (void)create(&config, f);
    f->has_session = true;
    int c = connect_one(f);
    put_frame(f, c, "connect");
    uint8_t bytes[4];
    pdk_store_u32(bytes, 2 * LIMIT);
    put(f, c, bytes, 4);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 connect|too_long 0 len=2000 head= drained=1|");
    f->now_ms += 9999;
    turn(f);
    expect_heard(f, "");
    f->now_ms += 1;
    turn(f);
    expect_heard(f, "closed 0|");
    destroy(f);
}

/* ---- four letter words ---------------------------------------------------------------------------- */
static void a_word_is_answered_and_the_connection_closed(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put(f, c, "ruok\n", 5);
    turn(f);
    expect_heard(f, "word ruok 0|");
    char text[100] = "";
    assert_int_equal(get(f, c, text, sizeof text), 15);
    assert_memory_equal(text, "answer to ruok\n", 15);
    assert_int_equal(get(f, c, text, sizeof text), 0);
    assert_int_equal(close(f->client[c]), 0);
    f->client[c] = -1;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    destroy(f);
}

static void a_word_from_a_client_that_has_shut_its_side_is_answered(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put(f, c, "srvr", 4);
    assert_int_equal(shutdown(f->client[c], SHUT_WR), 0);
    turn(f);
    char text[100];
    assert_int_equal(get(f, c, text, sizeof text), 15);
    assert_int_equal(get(f, c, text, sizeof text), 0);
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    destroy(f);
}

static void stmk_waits_for_its_argument(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put(f, c, "stmk1234", 8);
    turn(f);
    expect_heard(f, "");
    put(f, c, "5678", 4);
    turn(f);
    expect_heard(f, "word stmk 8|");
    destroy(f);
}

static void a_word_behind_the_first_frame_is_a_length(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put_frame(f, c, "connect");
    put(f, c, "ruok", 4);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 connect|too_long 0 len=1920298859 head= "
                    "drained=0|closed 0|");
    destroy(f);
}

/* ---- flow ------------------------------------------------------------------------------------------ */
static void a_paused_connection_gets_nothing_more_until_resumed(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    f->pause_at = 2;
    uint8_t bytes[100];
    size_t n = frame(bytes, "a");
    n += frame(bytes + n, "b");
    n += frame(bytes + n, "c");
    put(f, c, bytes, n);
    turn(f);
    put_frame(f, c, "d");
    turn(f);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 a|frame 0 b|");
    assert_int_equal(pdk_conns_deadline(f->conns), INT64_MAX);
    pdk_conns_resume(f->conns, 0);
    /* No event will come for what was read before. */
    assert_true(pdk_conns_deadline(f->conns) <= f->now_ms);
    turn(f);
    expect_heard(f, "frame 0 c|frame 0 d|");
    destroy(f);
}

static void the_end_of_the_stream_is_told_behind_the_last_frame(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put_frame(f, c, "connect");
    turn(f);
    put_frame(f, c, "close session");
    assert_int_equal(close(f->client[c]), 0);
    f->client[c] = -1;
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 connect|frame 0 close session|closed 0|");
    assert_int_equal(pdk_conns_count(f->conns), 0);
    destroy(f);
}

static void a_peer_that_dies_while_paused_is_noticed(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    f->pause_at = 1;
    put_frame(f, c, "connect");
    turn(f);
    assert_int_equal(close(f->client[c]), 0);
    f->client[c] = -1;
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 connect|closed 0|");
    destroy(f);
}

static void numbers_are_used_again_after_the_turn(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    for (int i = 0; i < 5; i++) {
        int c = connect_one(f);
        put_frame(f, c, "x");
        turn(f);
        assert_int_equal(close(f->client[c]), 0);
        f->client[c] = -1;
        turn(f);
        expect_heard(f, "open 0 127.0.0.1|frame 0 x|closed 0|");
    }
    destroy(f);
}

static void close_sends_what_came_before_and_delivers_nothing_more(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    f->echo = true;
    f->close_at = 2;
    uint8_t bytes[100];
    size_t n = frame(bytes, "a");
    n += frame(bytes + n, "b");
    n += frame(bytes + n, "c");
    put(f, c, bytes, n);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 a|frame 0 b|");
    char text[100];
    assert_int_equal(get(f, c, text, sizeof text), 10);
    assert_int_equal(get(f, c, text, sizeof text), 0);
    /* The peer may send on for a while; it is thrown away, and its end ends it. */
    put_frame(f, c, "d");
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 1);
    assert_int_equal(shutdown(f->client[c], SHUT_WR), 0);
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    expect_heard(f, "");
    destroy(f);
}

static void a_closed_connection_whose_peer_stays_is_dropped_in_time(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    f->close_at = 1;
    put_frame(f, c, "a");
    turn(f);
    f->now_ms += 999;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 1);
    f->now_ms += 1;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    destroy(f);
}

static void a_connection_without_a_first_frame_is_closed_in_time(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int silent = connect_one(f);
    f->now_ms += 5000;
    turn(f);
    int partial = connect_one(f);
    put(f, partial, "\0\0", 2);
    int good = connect_one(f);
    put_frame(f, good, "connect");
    turn(f);
    assert_int_equal(pdk_conns_deadline(f->conns), 15000);
    f->now_ms = 14999;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 3);
    f->now_ms = 15000;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 2);
    char byte;
    assert_int_equal(get(f, silent, &byte, 1), 0);
    f->now_ms = 20000;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 1);
    assert_int_equal(f->metrics.sessionless_connections_expired, 2);
    expect_heard(f, "open 2 127.0.0.1|frame 2 connect|");
    destroy(f);
}

/* ---- sending --------------------------------------------------------------------------------------- */
static size_t read_all(struct fixture *f, int c, uint8_t *bytes, size_t cap)
{
    size_t got = 0;
    for (int idle = 0; idle < 3;) {
        ssize_t n = get(f, c, bytes + got, cap - got);
        if (n > 0) {
            got += (size_t)n;
            idle = 0;
        } else {
            idle++;
        }
        turn(f);
    }
    return got;
}

static void replies_larger_than_the_socket_arrive_whole_and_in_order(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.out_queue_bytes = 64 << 20;
    (void)create(&config, f);
    int c = connect_one(f);
    put_frame(f, c, "connect");
    turn(f);
    enum { TOTAL = 4 << 20 };
    uint8_t *sent = malloc(TOTAL), *got = malloc(TOTAL + 1);
    assert_non_null(sent);
    assert_non_null(got);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 11);
    for (size_t i = 0; i < TOTAL; i++) sent[i] = (uint8_t)pdk_prng_next(&prng);
    for (size_t at = 0; at < TOTAL;) {
        /* Several pieces per flush, some flushes while the queue is not empty. */
        for (int k = 0; k < 5 && at < TOTAL; k++) {
            size_t n = pdk_min_size(TOTAL - at, 1 + (size_t)pdk_prng_below(&prng, 90000));
            pdk_conns_send(f->conns, 0, pdk_slice_of(sent + at, n));
            at += n;
        }
        pdk_conns_flush(f->conns);
    }
    assert_true(pdk_conns_unsent(f->conns) > 0);
    assert_int_equal(read_all(f, c, got, TOTAL + 1), TOTAL);
    assert_memory_equal(sent, got, TOTAL);
    assert_int_equal(pdk_conns_unsent(f->conns), 0);
    free(sent);
    free(got);
    destroy(f);
}

static void a_client_that_does_not_read_is_not_read_and_in_the_end_closed(void **state)
{
    (void)state;
    struct fixture *f = create_default(); /* 1 MiB of queue, stops reading at a quarter */
    int c = connect_one(f);
    f->reply_bytes = 100000;
    f->reply = calloc(1, f->reply_bytes);
    assert_non_null(f->reply);
    f->quiet = true;
    for (int i = 0; i < 100; i++) put_frame(f, c, "get");
    for (int i = 0; i < 20; i++) turn(f);
    size_t before = f->frames;
    assert_true(before >= 3 && before < 20);
    /* It reads: everything is answered after all. */
    uint8_t *bytes = malloc(100 * 100000);
    assert_non_null(bytes);
    assert_int_equal(read_all(f, c, bytes, 100 * 100000), 100 * 100000);
    assert_int_equal(f->frames, 100);

    /* It stops again, and events keep coming. */
    f->quiet = false;
    for (int i = 0; i < 15; i++) {
        pdk_conns_send(f->conns, 0, pdk_slice_of(f->reply, f->reply_bytes));
        pdk_conns_flush(f->conns);
    }
    turn(f);
    expect_heard(f, "closed 0|");
    assert_int_equal(f->metrics.connection_drop_count, 1);
    assert_int_equal(pdk_conns_unsent(f->conns), 0);
    free(bytes);
    destroy(f);
}

static void one_reply_over_the_queue_limit_is_no_fault(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    f->reply_bytes = 5 << 20;
    f->reply = calloc(1, f->reply_bytes);
    assert_non_null(f->reply);
    put_frame(f, c, "list");
    turn(f);
    uint8_t *bytes = malloc(6 << 20);
    assert_non_null(bytes);
    assert_int_equal(read_all(f, c, bytes, 6 << 20), 5 << 20);
    expect_heard(f, "open 0 127.0.0.1|frame 0 list|");
    free(bytes);
    destroy(f);
}

static void sending_to_a_dead_peer_is_told_as_closed_once(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int a = connect_one(f), b = connect_one(f);
    put_frame(f, a, "a");
    put_frame(f, b, "b");
    turn(f);
    assert_int_equal(close(f->client[a]), 0);
    f->client[a] = -1;
    /* Before the loop has seen the end. */
    uint8_t bytes[8];
    size_t n = frame(bytes, "hi");
    pdk_conns_send(f->conns, 0, pdk_slice_of(bytes, n));
    pdk_conns_send(f->conns, 1, pdk_slice_of(bytes, n));
    pdk_conns_flush(f->conns);
    turn(f);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 a|open 1 127.0.0.1|frame 1 b|closed 0|");
    char text[10];
    assert_int_equal(get(f, b, text, sizeof text), 6);
    destroy(f);
}

/* ---- limits ---------------------------------------------------------------------------------------- */
static void connections_per_address_and_together_are_limited(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.max_per_address = 2;
    config.max_total = 3;
    (void)create(&config, f);
    int first = connect_from(f, "1", PDK_OK);
    (void)connect_from(f, "1", PDK_OK);
    (void)connect_from(f, "1", PDK_EBUSY);
    (void)connect_from(f, "2", PDK_OK);
    (void)connect_from(f, "3", PDK_EBUSY);
    assert_int_equal(close(f->client[first]), 0);
    f->client[first] = -1;
    turn(f);
    (void)connect_from(f, "2", PDK_OK);
    (void)connect_from(f, "2", PDK_EBUSY);
    destroy(f);
}

static void a_connection_that_is_not_admitted_is_closed_unheard(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put_frame(f, c, "stranger");
    put_frame(f, c, "more");
    turn(f);
    expect_heard(f, "refused|");
    char byte;
    assert_true(get(f, c, &byte, 1) <= 0);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    assert_int_equal(f->metrics.connection_rejected, 1);
    destroy(f);
}

static void large_requests_on_their_way_are_limited_together(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.large_threshold = 99;
    config.large_max_bytes = 250;
    (void)create(&config, f);
    uint8_t bytes[104] = {0, 0, 0, 100};
    int clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = connect_one(f);
        put_frame(f, clients[i], "c");
        turn(f);
    }
    f->quiet = true;
    f->frames = 0;
    put(f, clients[0], bytes, 50); /* begun: 100 bytes are counted */
    put(f, clients[1], bytes, 50);
    turn(f);
    put(f, clients[2], bytes, 104); /* whole at once: nothing waits */
    turn(f);
    assert_int_equal(f->frames, 1);
    put(f, clients[3], bytes, 50);
    turn(f);
    assert_int_equal(f->metrics.large_requests_rejected, 1);
    assert_int_equal(pdk_conns_count(f->conns), 3);
    /* One is complete, another gone: there is room again. */
    put(f, clients[0], bytes + 50, 54);
    assert_int_equal(close(f->client[clients[1]]), 0);
    f->client[clients[1]] = -1;
    turn(f);
    for (int i = 0; i < 2; i++) {
        int c = clients[i == 0 ? 0 : 2];
        put(f, c, bytes, 50);
    }
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 2);
    assert_int_equal(f->metrics.large_requests_rejected, 1);
    destroy(f);
}

/* Whatever comes, in whatever pieces: connections end or go on, the others do not notice. */
static void hostile_bytes_hurt_nobody_else(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.oversize_error = true;
    config.large_threshold = 500;
    config.large_max_bytes = 900;
    (void)create(&config, f);
    f->has_session = true;
    f->echo = true;
    int good = connect_one(f);
    f->quiet = true;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 23);
    for (int round = 0; round < 300; round++) {
        f->client_count = 1;
        int bad = connect_one(f);
        for (int i = 0; i < 20; i++) {
            uint8_t bytes[300];
            size_t len = 1 + (size_t)pdk_prng_below(&prng, sizeof bytes);
            for (size_t k = 0; k < len; k++) {
                bool zero = pdk_prng_below(&prng, 4) > 0;
                bytes[k] = zero ? 0 : (uint8_t)pdk_prng_below(&prng, 256);
            }
            (void)send(f->client[bad], bytes, len, MSG_NOSIGNAL);
            if (pdk_prng_below(&prng, 2) == 0) turn(f);
        }
        put_frame(f, good, "ping");
        turn(f);
        char text[64];
        assert_int_equal(get(f, good, text, sizeof text), 8);
        assert_int_equal(close(f->client[bad]), 0);
        turn(f);
        turn(f);
        assert_int_equal(pdk_conns_count(f->conns), 1);
    }
    f->client_count = 1;
    destroy(f);
}

static void nothing_is_delivered_once_the_server_stops(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put_frame(f, c, "a");
    turn(f);
    pdk_conns_stop_reading(f->conns);
    put_frame(f, c, "b");
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 a|");
    pdk_conns_close_all(f->conns);
    char byte;
    assert_int_equal(get(f, c, &byte, 1), 0);
    assert_int_equal(close(f->client[c]), 0);
    f->client[c] = -1;
    turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 0);
    expect_heard(f, "");
    destroy(f);
}

static void view(void *ctx, const struct pdk_conn_view *v)
{
    struct fixture *f = ctx;
    note(f, "%d %s r%d w%d n%d|", v->conn == PDK_CONN_NONE ? -1 : (int)v->conn, v->remote, v->reads,
         v->writes, (int)v->received);
}

static void every_connection_can_be_looked_at(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int a = connect_one(f);
    (void)connect_from(f, "2", PDK_OK);
    put_frame(f, a, "a");
    f->quiet = true;
    turn(f);
    f->quiet = false;
    pdk_conns_pause(f->conns, 0);
    pdk_conns_each(f->conns, view, f);
    expect_heard(f, "0 127.0.0.1:1000 r0 w0 n1|-1 127.0.0.2:1001 r1 w0 n0|");
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_one_read_arrive_one_by_one_in_order),
        cmocka_unit_test(a_frame_may_arrive_byte_by_byte),
        cmocka_unit_test(long_frames_survive_any_cut),
        cmocka_unit_test(exactly_the_limit_passes_and_one_more_closes),
        cmocka_unit_test(a_negative_length_closes_also_as_the_first_frame),
        cmocka_unit_test(an_oversized_frame_of_a_session_is_drained_and_answered_in_place),
        cmocka_unit_test(a_drain_that_stalls_is_given_up),
        cmocka_unit_test(a_word_is_answered_and_the_connection_closed),
        cmocka_unit_test(a_word_from_a_client_that_has_shut_its_side_is_answered),
        cmocka_unit_test(stmk_waits_for_its_argument),
        cmocka_unit_test(a_word_behind_the_first_frame_is_a_length),
        cmocka_unit_test(a_paused_connection_gets_nothing_more_until_resumed),
        cmocka_unit_test(the_end_of_the_stream_is_told_behind_the_last_frame),
        cmocka_unit_test(a_peer_that_dies_while_paused_is_noticed),
        cmocka_unit_test(numbers_are_used_again_after_the_turn),
        cmocka_unit_test(close_sends_what_came_before_and_delivers_nothing_more),
        cmocka_unit_test(a_closed_connection_whose_peer_stays_is_dropped_in_time),
        cmocka_unit_test(a_connection_without_a_first_frame_is_closed_in_time),
        cmocka_unit_test(replies_larger_than_the_socket_arrive_whole_and_in_order),
        cmocka_unit_test(a_client_that_does_not_read_is_not_read_and_in_the_end_closed),
        cmocka_unit_test(one_reply_over_the_queue_limit_is_no_fault),
        cmocka_unit_test(sending_to_a_dead_peer_is_told_as_closed_once),
        cmocka_unit_test(connections_per_address_and_together_are_limited),
        cmocka_unit_test(a_connection_that_is_not_admitted_is_closed_unheard),
        cmocka_unit_test(large_requests_on_their_way_are_limited_together),
        cmocka_unit_test(hostile_bytes_hurt_nobody_else),
        cmocka_unit_test(nothing_is_delivered_once_the_server_stops),
        cmocka_unit_test(every_connection_can_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
