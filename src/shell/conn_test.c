#include "shell/conn_testing.h"

/* ---- frames -------------------------------------------------------------------------------- */
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

/* ---- four letter words --------------------------------------------------------------------- */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
