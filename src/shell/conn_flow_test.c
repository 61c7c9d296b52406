#include "shell/conn_testing.h"

/* ---- flow ---------------------------------------------------------------------------------- */
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

static void two_looks_in_one_turn_keep_a_stream_in_order(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int c = connect_one(f);
    put_frame(f, c, "connect");
    turn(f);
    uint8_t bytes[100];
    size_t n = frame(bytes, "first");
    n += frame(bytes + n, "second");
    put(f, c, bytes, n - 3); /* the second frame in two pieces */
    (void)pdk_loop_wait(f->loop, 0);
    pdk_loop_tell(f->loop);
    put(f, c, bytes + n - 3, 3);
    turn(f);
    expect_heard(f, "open 0 127.0.0.1|frame 0 connect|frame 0 first|frame 0 second|");
    destroy(f);
}

static void requests_of_one_turn_are_delivered_together_and_each_to_its_own(void **state)
{
    (void)state;
    struct fixture *f = create_default();
    int a = connect_one(f), b = connect_one(f);
    put_frame(f, a, "connect");
    put_frame(f, b, "connect");
    turn(f);
    f->heard_len = 0;
    f->heard[0] = '\0';
    put_frame(f, a, "from a");
    put_frame(f, b, "from b");
    (void)pdk_loop_wait(f->loop, 0);
    pdk_loop_tell(f->loop);
    expect_heard(f, ""); /* gathered */
    pdk_conns_deliver(f->conns);
    expect_heard(f, "frame 0 from a|frame 1 from b|");
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

/* ---- sending ------------------------------------------------------------------------------- */
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

/* ---- limits -------------------------------------------------------------------------------- */
static void connections_per_address_and_together_are_limited(void **state)
{
    (void)state;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct pdk_conns_config config = default_config(f);
    config.max_per_address = 2;
    config.max_total = 3;
    (void)create(&config, f);
    int first = connect_from(f, 1, PDK_OK);
    (void)connect_from(f, 1, PDK_OK);
    (void)connect_from(f, 1, PDK_EBUSY);
    (void)connect_from(f, 2, PDK_OK);
    (void)connect_from(f, 3, PDK_EBUSY);
    assert_int_equal(close(f->client[first]), 0);
    f->client[first] = -1;
    turn(f);
    (void)connect_from(f, 2, PDK_OK);
    (void)connect_from(f, 2, PDK_EBUSY);
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
    (void)connect_from(f, 2, PDK_OK);
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
        cmocka_unit_test(a_paused_connection_gets_nothing_more_until_resumed),
        cmocka_unit_test(two_looks_in_one_turn_keep_a_stream_in_order),
        cmocka_unit_test(requests_of_one_turn_are_delivered_together_and_each_to_its_own),
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
