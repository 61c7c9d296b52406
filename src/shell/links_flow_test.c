/* What is not taken, not read, not sent yet; closing; streams; peers that break. */
#include "shell/links_testing.h"

static int accepted(struct fixture *f)
{
    pdk_links_listen(f->links, PDK_PORT_QUORUM, true);
    int peer = peer_dials(f, PDK_PORT_QUORUM);
    settle(f);
    assert_non_null(strstr(f->heard, "accepted "));
    f->heard_len = 0;
    f->heard[0] = '\0';
    return peer;
}

/* ---- taking ---------------------------------------------------------------------------------- */
static void what_is_not_taken_comes_again_with_more_behind_it(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->whole_frames = true;
    int peer = accepted(f);
    peer_sends(peer, "\0\0\0\5he", 6);
    settle(f);
    expect_heard(f, "");
    peer_sends(peer, "llo\0\0\0\2yo\0", 10);
    settle(f);
    assert_int_equal(f->bytes, 15);
    peer_sends(peer, "\0\0\1x", 4);
    settle(f);
    assert_int_equal(f->bytes, 20);
    (void)close(peer);
    destroy(f);
}

static void what_was_refused_is_offered_again_after_a_nudge(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->take_max = 0;
    int peer = accepted(f);
    peer_sends(peer, "abc", 3);
    settle(f);
    f->take_max = 2;
    settle(f);
    expect_heard(f, "");
    pdk_links_nudge(f->links);
    assert_int_equal(pdk_links_deadline(f->links), f->now_ms);
    settle(f);
    expect_heard(f, "bytes 0 ab|bytes 0 c|");
    (void)close(peer);
    destroy(f);
}

static void a_link_that_is_not_taken_is_not_read_beyond_its_limit(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->take_max = 0;
    int peer = accepted(f);
    static uint8_t some[1 << 16];
    size_t sent = 0;
    for (int idle = 0; idle < 50;) {
        ssize_t n = send(peer, some, sizeof some, MSG_DONTWAIT | MSG_NOSIGNAL);
        idle = n > 0 ? 0 : idle + 1;
        if (n > 0) sent += (size_t)n;
        (void)turn_waiting(f, n > 0 ? 0 : 1);
    }
    assert_true(sent > UNREAD);
    assert_true(pdk_links_deadline(f->links) > f->now_ms); /* no busy loop meanwhile */
    f->quiet = true;
    f->take_max = SIZE_MAX;
    pdk_links_nudge(f->links);
    for (int i = 0; i < 10000 && f->bytes < sent; i++) (void)turn_waiting(f, 1);
    assert_int_equal(f->bytes, sent);
    (void)close(peer);
    destroy(f);
}

static void a_held_link_delivers_nothing_until_it_is_let_go(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->hold_on_bytes = true;
    f->take_max = 2;
    int peer = accepted(f);
    peer_sends(peer, "abcd", 4);
    settle(f);
    expect_heard(f, "bytes 0 ab|");
    peer_sends(peer, "ef", 2);
    assert_int_equal(close(peer), 0);
    pdk_links_nudge(f->links);
    settle(f);
    expect_heard(f, "");
    f->hold_on_bytes = false;
    f->take_max = SIZE_MAX;
    pdk_links_hold(f->links, 0, false);
    settle(f);
    expect_heard(f, "bytes 0 cdef|closed 0|");
    destroy(f);
}

static void the_last_bytes_of_a_peer_that_ends_are_delivered(void **state)
{
    (void)state;
    struct fixture *f = create();
    int peer = accepted(f);
    peer_sends(peer, "farewell", 8);
    assert_int_equal(close(peer), 0);
    await(f, "bytes 0 farewell|closed 0|");
    destroy(f);
}

/* ---- sending --------------------------------------------------------------------------------- */
static void one_batch_reaches_many_links_in_order(void **state)
{
    (void)state;
    struct fixture *f = create();
    int a = accepted(f), b = accepted(f);
    char want[4096] = "", got[4096] = "", all[100][16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(all[i], sizeof all[i], "%d ", i);
        strncat(want, all[i], sizeof want - strlen(want) - 1);
        pdk_links_send(f->links, 0, pdk_slice_str(all[i]));
        pdk_links_send(f->links, 1, pdk_slice_str(all[i]));
    }
    pdk_links_flush(f->links);
    assert_int_equal(peer_reads(f, a, got, strlen(want)), strlen(want));
    assert_string_equal(got, want);
    memset(got, 0, sizeof got);
    assert_int_equal(peer_reads(f, b, got, strlen(want)), strlen(want));
    assert_string_equal(got, want);
    pdk_links_send(f->links, 3, pdk_slice_str("nobody"));
    pdk_links_flush(f->links);
    (void)close(a);
    (void)close(b);
    destroy(f);
}

static void a_slow_reader_gets_everything_in_order(void **state)
{
    (void)state;
    struct fixture *f = create();
    int peer = accepted(f);
    enum { TOTAL = 3 << 20 };
    uint8_t *bytes = malloc(TOTAL), *got = malloc(TOTAL);
    assert_non_null(bytes);
    assert_non_null(got);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 7);
    for (size_t i = 0; i < TOTAL; i++) bytes[i] = (uint8_t)pdk_prng_next(&prng);
    size_t sent = 0, read = 0;
    while (read < TOTAL) {
        size_t n = pdk_min_size(TOTAL - sent, (size_t)pdk_prng_below(&prng, 90000));
        pdk_links_send(f->links, 0, pdk_slice_of(bytes + sent, n));
        sent += n;
        if (pdk_prng_below(&prng, 3) == 0) pdk_links_flush(f->links);
        if (pdk_prng_below(&prng, 3) == 0 || sent == TOTAL) (void)turn_waiting(f, 0);
        ssize_t r = recv(peer, got + read, (size_t)pdk_prng_below(&prng, 30000), MSG_DONTWAIT);
        if (r > 0) read += (size_t)r;
    }
    assert_memory_equal(bytes, got, TOTAL);
    assert_int_equal(pdk_links_unsent(f->links), 0);
    free(bytes);
    free(got);
    (void)close(peer);
    destroy(f);
}

static void a_peer_that_does_not_read_is_closed_at_the_limit(void **state)
{
    (void)state;
    struct fixture *f = create();
    int peer = accepted(f);
    static uint8_t some[1 << 20];
    for (int i = 0; i < 30 && f->heard_len == 0; i++) {
        pdk_links_send(f->links, 0, pdk_slice_of(some, sizeof some));
        pdk_links_flush(f->links);
        assert_true(pdk_links_unsent(f->links) <= QUEUE + sizeof some);
        settle(f);
    }
    expect_heard(f, "closed 0|");
    assert_non_null(strstr(f->lines, "reason=slow_reader"));
    assert_non_null(strstr(f->lines, f->address)); /* whose */
    (void)close(peer);
    destroy(f);
}

/* ---- closing --------------------------------------------------------------------------------- */
static void what_was_sent_before_a_close_arrives(void **state)
{
    (void)state;
    struct fixture *f = create();
    int peer = accepted(f);
    enum { TOTAL = 2 << 20 };
    uint8_t *bytes = calloc(1, TOTAL + 1);
    assert_non_null(bytes);
    pdk_links_send(f->links, 0, pdk_slice_of(bytes, TOTAL));
    pdk_links_close(f->links, 0);
    pdk_links_flush(f->links);
    peer_sends(peer, "not heard any more", 18); /* and no RST because of it */
    assert_int_equal(peer_reads(f, peer, bytes, TOTAL + 1), TOTAL);
    expect_heard(f, "");
    (void)close(peer);
    settle(f);
    assert_int_equal(pdk_links_count(f->links), 0);
    free(bytes);
    destroy(f);
}

static void a_close_waits_only_so_long(void **state)
{
    (void)state;
    struct fixture *f = create();
    int silent = accepted(f), stuck = accepted(f);
    static uint8_t some[3 << 20];
    send_text(f, 0, "x");
    pdk_links_close(f->links, 0);
    for (int i = 0; i < 2; i++) {
        pdk_links_send(f->links, 1, pdk_slice_of(some, sizeof some));
        pdk_links_flush(f->links);
    }
    assert_true(pdk_links_unsent(f->links) > 0);
    pdk_links_close(f->links, 1);
    pdk_links_flush(f->links);
    settle(f);
    assert_int_equal(pdk_links_count(f->links), 2);
    assert_int_equal(pdk_links_deadline(f->links), f->now_ms + 500);
    f->now_ms += 500;
    settle(f);
    assert_int_equal(pdk_links_count(f->links), 1);
    f->now_ms += 500;
    settle(f);
    assert_int_equal(pdk_links_count(f->links), 0);
    expect_heard(f, "");
    (void)close(silent);
    (void)close(stuck);
    destroy(f);
}

static void a_link_may_be_closed_while_its_bytes_are_taken(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->close_on_bytes = true;
    f->take_max = 1;
    int peer = accepted(f);
    peer_sends(peer, "abc", 3);
    settle(f);
    expect_heard(f, "bytes 0 a|");
    assert_true(peer_sees_end(f, peer));
    (void)close(peer);
    destroy(f);
}

/* ---- streams --------------------------------------------------------------------------------- */
static void begin(struct fixture *f, enum pdk_stream_kind kind, uint32_t link, pdk_zxid zxid,
                  struct pdk_snapshot_job *view)
{
    const struct pdk_stream_job job = {.kind = kind, .link = link, .zxid = zxid, .view = view};
    pdk_links_stream(f->links, &job);
}

/* `count` bytes, all `value`. */
static void expect_run(struct fixture *f, int peer, uint8_t value, size_t count)
{
    uint8_t got[4096];
    while (count > 0) {
        size_t n = pdk_min_size(count, sizeof got);
        assert_int_equal(peer_reads(f, peer, got, n), n);
        for (size_t i = 0; i < n; i++) assert_int_equal(got[i], value);
        count -= n;
    }
}

static void a_stream_stands_between_what_was_sent_before_and_after(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->stream_bytes = 5000001;
    int peer = accepted(f);
    struct pdk_snapshot_job view = {.zxid = 'v'};
    pdk_links_send(f->links, 0, pdk_slice_str("before"));
    begin(f, PDK_STREAM_VIEW, 0, 0, &view);
    pdk_links_send(f->links, 0, pdk_slice_str("between"));
    begin(f, PDK_STREAM_LOG, 0, 'l', NULL);
    pdk_links_send(f->links, 0, pdk_slice_str("after"));
    pdk_links_flush(f->links);
    char got[16] = {0};
    assert_int_equal(peer_reads(f, peer, got, 6), 6);
    assert_string_equal(got, "before");
    expect_run(f, peer, 'v', f->stream_bytes);
    assert_int_equal(peer_reads(f, peer, got, 7), 7);
    assert_string_equal(got, "between");
    expect_run(f, peer, 'l', f->stream_bytes);
    memset(got, 0, sizeof got);
    assert_int_equal(peer_reads(f, peer, got, 5), 5);
    assert_string_equal(got, "after");
    expect_heard(f, "streamed 0 0 ok|streamed 0 1 ok|");
    send_text(f, 0, "x"); /* straight to the socket again */
    assert_int_equal(pdk_links_unsent(f->links), 0);
    (void)close(peer);
    destroy(f);
}

static void movement_is_told_every_100_ms_until_all_has_left(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->stream_bytes = 30 << 20;
    int peer = accepted(f);
    begin(f, PDK_STREAM_LOG, 0, 'l', NULL);
    uint8_t *tail = malloc(QUEUE);
    assert_non_null(tail);
    memset(tail, 't', QUEUE);
    pdk_links_send(f->links, 0, pdk_slice_of(tail, QUEUE));
    pdk_links_flush(f->links);
    for (int i = 0; i < 200; i++) (void)turn_waiting(f, 1); /* nobody reads: it stands still */
    f->now_ms += 100;
    settle(f);
    assert_int_equal(f->streaming, 1); /* what went into the socket's buffer */
    f->now_ms += 1000;
    settle(f);
    assert_int_equal(f->streaming, 1);
    expect_run(f, peer, 'l', 10 << 20); /* much moves, within one moment */
    assert_true(f->streaming <= 2);
    f->now_ms += 100;
    expect_run(f, peer, 'l', 10 << 20);
    size_t before = f->streaming;
    assert_true(before >= 2);
    while (f->heard_len == 0) {
        f->now_ms += 100;
        expect_run(f, peer, 'l', 1 << 20);
    }
    expect_heard(f, "streamed 0 1 ok|");
    (void)close(peer);
    settle(f);
    free(tail);
    destroy(f);
}

static void a_broken_stream_closes_its_link_and_nothing_follows(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->stream_bytes = 1000;
    f->stream_err = PDK_ECORRUPT;
    int peer = accepted(f);
    begin(f, PDK_STREAM_LOG, 0, 'l', NULL);
    send_text(f, 0, "after");
    await(f, "streamed 0 1 corrupt|closed 0|");
    assert_string_equal(f->end.diag.text, "the log is gone");
    char got[2000];
    size_t n = peer_reads(f, peer, got, sizeof got);
    assert_true(n <= 1000);
    for (size_t i = 0; i < n; i++) assert_int_equal(got[i], 'l');
    (void)close(peer);
    destroy(f);
}

static void a_stream_of_a_link_that_goes_is_answered_once_and_holds_its_number(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->stream_bytes = 50 << 20;
    int peer = accepted(f);
    begin(f, PDK_STREAM_LOG, 0, 'l', NULL);
    begin(f, PDK_STREAM_LOG, 0, 'm', NULL);
    for (int i = 0; i < 20; i++) (void)turn_waiting(f, 1);
    peer_resets(peer);
    /* The ends may come in any order, but not before the loss. */
    for (int i = 0; i < 10000 && f->heard_len < 40; i++) (void)turn_waiting(f, 1);
    expect_heard(f, "closed 0|streamed 0 1 busy|streamed 0 1 busy|");

    f->stream_gated = true;
    peer = accepted(f);
    begin(f, PDK_STREAM_LOG, 0, 'l', NULL);
    assert_int_equal(sem_wait(&f->entered), 0);
    pdk_links_close(f->links, 0);
    pdk_links_flush(f->links);
    int next = peer_dials(f, PDK_PORT_QUORUM);
    await(f, "accepted 1 quorum|");
    assert_int_equal(sem_post(&f->gate), 0);
    await(f, "streamed 0 1 busy|");
    int last = peer_dials(f, PDK_PORT_QUORUM);
    await(f, "accepted 0 quorum|");
    (void)close(peer);
    (void)close(next);
    (void)close(last);
    destroy(f);
}

static void a_question_is_answered(void **state)
{
    (void)state;
    struct fixture *f = create();
    int peer = accepted(f);
    begin(f, PDK_STREAM_FIND, 0, 42, NULL);
    await(f, "streamed 0 2 ok|");
    assert_int_equal(f->end.place.at, 42);
    pdk_links_close(f->links, 0);
    begin(f, PDK_STREAM_FIND, 0, 42, NULL);
    pdk_links_flush(f->links);
    await(f, "streamed 0 2 busy|");
    (void)close(peer);
    destroy(f);
}

static void a_link_may_be_closed_when_its_stream_ends(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->stream_bytes = 100;
    f->close_on_streamed = true;
    int peer = accepted(f);
    begin(f, PDK_STREAM_LOG, 0, 'l', NULL);
    send_text(f, 0, "after");
    expect_run(f, peer, 'l', 100);
    char got[8] = {0};
    assert_int_equal(peer_reads(f, peer, got, sizeof got), 5);
    assert_string_equal(got, "after");
    (void)close(peer);
    destroy(f);
}

static void all_streams_are_answered_at_the_end(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->stream_bytes = 50 << 20;
    int peer = accepted(f);
    for (int i = 0; i < 4; i++) begin(f, PDK_STREAM_LOG, 0, i, NULL);
    settle(f);
    pdk_streams_cancel_all(f->streams);
    pdk_links_destroy(f->links);
    expect_heard(f, "streamed 0 1 busy|streamed 0 1 busy|streamed 0 1 busy|streamed 0 1 busy|");
    (void)close(peer);
    open_links(f);
    destroy(f);
}

/* ---- peers that break ------------------------------------------------------------------------ */
static void a_peer_that_resets_at_any_byte_is_told_once(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->whole_frames = f->echo = true;
    static const char frames[] = "\0\0\0\3one\0\0\0\3two\0\0\0\5three";
    for (size_t at = 0; at < sizeof frames; at++) {
        int peer = accepted(f);
        if (at > 0) peer_sends(peer, frames, at);
        if (at % 3 == 0) settle(f);
        peer_resets(peer);
        for (int i = 0; i < 10000 && strstr(f->heard, "closed 0|") == NULL; i++)
            (void)turn_waiting(f, 1);
        settle(f);
        const char *first = strstr(f->heard, "closed 0|");
        assert_non_null(first);
        assert_string_equal(first, "closed 0|");
        f->heard_len = 0;
        f->heard[0] = '\0';
        assert_int_equal(pdk_links_count(f->links), 0);
    }
    destroy(f);
}

static void a_storm_of_random_peers_leaves_nothing_behind(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->quiet = true;
    f->echo = true;
    f->stream_bytes = 700000;
    f->config.accepted_max = 20;
    pdk_links_destroy(f->links);
    open_links(f);
    pdk_links_listen(f->links, PDK_PORT_QUORUM, true);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 11);
    int peers[12];
    static uint8_t some[300000];
    for (size_t i = 0; i < 12; i++) peers[i] = peer_dials(f, PDK_PORT_QUORUM);
    for (int round = 0; round < 3000; round++) {
        size_t i = (size_t)pdk_prng_below(&prng, 12);
        uint32_t link = (uint32_t)pdk_prng_below(&prng, 12);
        size_t n = 1 + (size_t)pdk_prng_below(&prng, sizeof some);
        f->take_max = pdk_prng_below(&prng, 4) == 0 ? 1000 : SIZE_MAX;
        switch (pdk_prng_below(&prng, 9)) {
        case 0: (void)send(peers[i], some, n, MSG_DONTWAIT | MSG_NOSIGNAL); break;
        case 1: (void)recv(peers[i], some, n, MSG_DONTWAIT); break;
        case 2:
            peer_resets(peers[i]);
            peers[i] = peer_dials(f, PDK_PORT_QUORUM);
            break;
        case 3:
            (void)close(peers[i]);
            peers[i] = peer_dials(f, PDK_PORT_QUORUM);
            break;
        case 4:
            pdk_links_send(f->links, link, pdk_slice_of(some, n));
            pdk_links_flush(f->links);
            break;
        case 5:
            if (f->links != NULL && pdk_links_count(f->links) > link) {
                const struct pdk_stream_job job = {.kind = PDK_STREAM_LOG, .link = link};
                pdk_links_stream(f->links, &job);
            }
            break;
        case 6: pdk_links_close(f->links, link); break;
        case 7: pdk_links_hold(f->links, link, pdk_prng_below(&prng, 2) == 0); break;
        default: f->now_ms += 50; break;
        }
        pdk_links_flush(f->links);
        (void)turn_waiting(f, 0);
    }
    for (size_t i = 0; i < 12; i++) (void)close(peers[i]);
    for (uint32_t link = 0; link < 20; link++) pdk_links_hold(f->links, link, false);
    f->take_max = SIZE_MAX;
    pdk_links_nudge(f->links);
    for (int i = 0; i < 10000 && pdk_links_count(f->links) > 0; i++) {
        f->now_ms += 100;
        (void)turn_waiting(f, 1);
    }
    assert_int_equal(pdk_links_count(f->links), 0);
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_taken_comes_again_with_more_behind_it),
        cmocka_unit_test(what_was_refused_is_offered_again_after_a_nudge),
        cmocka_unit_test(a_link_that_is_not_taken_is_not_read_beyond_its_limit),
        cmocka_unit_test(a_held_link_delivers_nothing_until_it_is_let_go),
        cmocka_unit_test(the_last_bytes_of_a_peer_that_ends_are_delivered),
        cmocka_unit_test(one_batch_reaches_many_links_in_order),
        cmocka_unit_test(a_slow_reader_gets_everything_in_order),
        cmocka_unit_test(a_peer_that_does_not_read_is_closed_at_the_limit),
        cmocka_unit_test(what_was_sent_before_a_close_arrives),
        cmocka_unit_test(a_close_waits_only_so_long),
        cmocka_unit_test(a_link_may_be_closed_while_its_bytes_are_taken),
        cmocka_unit_test(a_stream_stands_between_what_was_sent_before_and_after),
        cmocka_unit_test(movement_is_told_every_100_ms_until_all_has_left),
        cmocka_unit_test(a_broken_stream_closes_its_link_and_nothing_follows),
        cmocka_unit_test(a_stream_of_a_link_that_goes_is_answered_once_and_holds_its_number),
        cmocka_unit_test(a_question_is_answered),
        cmocka_unit_test(a_link_may_be_closed_when_its_stream_ends),
        cmocka_unit_test(all_streams_are_answered_at_the_end),
        cmocka_unit_test(a_peer_that_resets_at_any_byte_is_told_once),
        cmocka_unit_test(a_storm_of_random_peers_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
