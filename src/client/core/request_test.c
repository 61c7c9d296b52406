#include "client/core/testing.h"

#include "base/mem_fail.h"
#include "base/reader.h"
#include "proto/code.h"
#include "proto/event.h"
#include "proto/frame.h"

/* ---- requests and replies ------------------------------------------------------------------- */

static void replies_are_matched_first_in_first_out(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    assert_int_equal(pdk_client_get_data(c, str("/a"), PDK_CLIENT_NO_WATCH, 11), PDK_OK);
    assert_int_equal(pdk_client_set_data(c, str("/a"), str("x"), 3, 22), PDK_OK);
    assert_int_equal(pdk_client_delete(c, str("/a"), -1, 33), PDK_OK);
    assert_int_equal(pdk_client_pending(c), 3);
    put_reply(&b, 1, 7, 0, "DATA");
    put_reply(&b, 2, 8, PDK_CODE_BAD_VERSION, "");
    const struct pdk_client_effect *e = play(c, 1001, &b, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_REPLY);
    assert_int_equal(e[0].tag, 11);
    assert_int_equal(e[0].op, PDK_OP_GET_DATA);
    assert_int_equal(e[0].code, 0);
    assert_int_equal(e[0].zxid, 7);
    assert_true(pdk_slice_eq_str(e[0].bytes, "DATA"));
    assert_int_equal(e[1].tag, 22);
    assert_int_equal(e[1].code, PDK_CODE_BAD_VERSION);
    assert_int_equal(pdk_client_pending(c), 1);
    assert_int_equal(pdk_client_last_zxid(c), 8);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void requests_are_the_records_of_the_protocol(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_request_header h;
    assert_int_equal(pdk_client_set_data(c, str("/a"), str("xyz"), 3, 0), PDK_OK);
    struct pdk_reader r = next_frame(c, &h);
    struct pdk_set_data_request set;
    pdk_read_set_data_request(&r, &set);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_int_equal(h.type, PDK_OP_SET_DATA);
    assert_true(pdk_slice_eq_str(set.path, "/a"));
    assert_true(pdk_slice_eq_str(set.data, "xyz"));
    assert_int_equal(set.version, 3);

    assert_int_equal(pdk_client_get_children2(c, str("/b"), PDK_CLIENT_WATCH, 0), PDK_OK);
    r = next_frame(c, &h);
    struct pdk_get_children2_request list;
    pdk_read_get_children2_request(&r, &list);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_int_equal(h.type, PDK_OP_GET_CHILDREN2);
    assert_true(list.watch);
    pdk_client_destroy(c);
}

static void the_kind_of_a_create_decides_its_opcode(void **state)
{
    (void)state;
    static const struct {
        int32_t flags;
        bool want_stat;
        int32_t op;
    } cases[] = {
        {PDK_CREATE_PERSISTENT, false, PDK_OP_CREATE},
        {PDK_CREATE_EPHEMERAL_SEQUENTIAL, true, PDK_OP_CREATE2},
        {PDK_CREATE_CONTAINER, false, PDK_OP_CREATE_CONTAINER},
        {PDK_CREATE_TTL, false, PDK_OP_CREATE_TTL},
        {PDK_CREATE_TTL_SEQUENTIAL, true, PDK_OP_CREATE_TTL},
    };
    struct pdk_client *c = connected();
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_client_znode z = {.path = str("/n"),
                                     .data = pdk_slice_null(),
                                     .flags = cases[i].flags,
                                     .ttl_ms = 5000,
                                     .want_stat = cases[i].want_stat};
        struct pdk_request_header h;
        assert_int_equal(pdk_client_create_znode(c, &z, 0), PDK_OK);
        struct pdk_reader r = next_frame(c, &h);
        assert_int_equal(h.type, cases[i].op);
        struct pdk_create_ttl_request request = {0};
        if (h.type == PDK_OP_CREATE_TTL) {
            pdk_read_create_ttl_request(&r, &request);
            assert_int_equal(request.ttl, 5000);
        } else {
            struct pdk_create_request plain;
            pdk_read_create_request(&r, &plain);
            request.acl = plain.acl;
            request.flags = plain.flags;
        }
        assert_int_equal(pdk_reader_finish(&r), PDK_OK);
        assert_int_equal(request.flags, cases[i].flags);
        assert_int_equal(request.acl.count, 1);
        struct pdk_reader it = pdk_reader_of(request.acl.body);
        struct pdk_acl acl;
        pdk_read_acl(&it, &acl);
        assert_int_equal(acl.perms, PDK_PERM_ALL);
        assert_true(pdk_slice_eq_str(acl.id.scheme, "world"));
        assert_true(pdk_slice_eq_str(acl.id.id, "anyone"));
    }
    pdk_client_destroy(c);
}

static void a_raw_request_carries_its_record_and_keeps_off_what_is_accounted(void **state)
{
    (void)state;
    static const enum pdk_op refused[] = {
        PDK_OP_GET_DATA,     PDK_OP_EXISTS,    PDK_OP_GET_CHILDREN,   PDK_OP_GET_CHILDREN2,
        PDK_OP_AUTH,         PDK_OP_PING,      PDK_OP_CLOSE_SESSION,  PDK_OP_SET_WATCHES,
        PDK_OP_SET_WATCHES2, PDK_OP_ADD_WATCH, PDK_OP_REMOVE_WATCHES, PDK_OP_CREATE_SESSION,
        PDK_OP_NOTIFICATION, PDK_OP_ERROR};
    struct pdk_client *c = connected();
    for (size_t i = 0; i < PDK_COUNT_OF(refused); i++) {
        assert_int_equal(pdk_client_raw(c, refused[i], str(""), 0), PDK_EINVAL);
    }
    struct pdk_request_header h;
    assert_int_equal(pdk_client_raw(c, PDK_OP_MULTI, str("record"), 0), PDK_OK);
    struct pdk_reader r = next_frame(c, &h);
    assert_int_equal(h.type, PDK_OP_MULTI);
    assert_true(pdk_slice_eq_str(pdk_slice_of(r.at, pdk_reader_left(&r)), "record"));
    pdk_client_destroy(c);
}

static void requests_made_early_go_out_behind_the_handshake(void **state)
{
    (void)state;
    struct pdk_client *c = make();
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
    pdk_client_start(c, 0);
    assert_int_equal(pdk_client_exists(c, str("/b"), PDK_CLIENT_NO_WATCH, 2), PDK_OK);
    pdk_client_effects_clear(c);
    expect_no_output(c);
    pdk_client_opened(c, 0);
    pdk_client_effects_clear(c);
    (void)next_frame(c, NULL);
    assert_int_equal(pdk_client_exists(c, str("/c"), PDK_CLIENT_NO_WATCH, 3), PDK_OK);
    expect_no_output(c);
    answer_handshake(c, 0, 30000);
    for (int32_t xid = 1; xid <= 3; xid++) expect_request(c, xid, PDK_OP_EXISTS);
    expect_no_output(c);
    pdk_client_destroy(c);
}

static void all_that_is_pending_fails_with_the_connection(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    size_t count = 0;
    for (uint64_t i = 0; i < 100; i++) {
        enum pdk_client_watch watch = i % 2 ? PDK_CLIENT_WATCH : PDK_CLIENT_NO_WATCH;
        assert_int_equal(pdk_client_get_data(c, str("/a"), watch, i), PDK_OK);
    }
    pdk_client_lost(c, 2000);
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(count, 101);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(e[i].kind, PDK_CLIENT_OUT_REPLY);
        assert_int_equal(e[i].tag, i);
        assert_int_equal(e[i].code, PDK_CODE_CONNECTION_LOSS);
    }
    assert_int_equal(e[100].state, PDK_CLIENT_WAITING);
    expect_no_output(c);
    pdk_client_effects_clear(c);
    /* Nothing of it is sent again, and no watch was set by it. */
    connect_at(c, pdk_client_deadline(c));
    expect_no_output(c);
    pdk_client_destroy(c);
}

static void bytes_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct pdk_buf b = server_bytes();
    put_connect_response(&b, 30000, 0x100);
    put_reply(&b, 1, 7, 0, "first body");
    put_reply(&b, PDK_XID_PING, 7, 0, "");
    put_reply(&b, 2, 8, 0, "second");
    for (size_t step = 1; step <= b.len; step++) {
        struct pdk_client *c = make();
        uint64_t answered = 0;
        assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
        assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 2), PDK_OK);
        pdk_client_start(c, 0);
        pdk_client_effects_clear(c);
        pdk_client_opened(c, 0);
        pdk_client_effects_clear(c);
        for (size_t at = 0; at < b.len; at += step) {
            /* A copy that ends with the piece: reading beyond it shows. */
            size_t len = pdk_min_size(step, b.len - at), count = 0;
            uint8_t *piece = malloc(len);
            assert_non_null(piece);
            memcpy(piece, b.bytes + at, len);
            pdk_client_received(c, 0, pdk_slice_of(piece, len));
            const struct pdk_client_effect *e = pdk_client_effects(c, &count);
            for (size_t i = 0; i < count; i++) {
                if (e[i].kind != PDK_CLIENT_OUT_REPLY) continue;
                answered++;
                assert_int_equal(e[i].tag, answered);
                assert_true(pdk_slice_eq_str(e[i].bytes, answered == 1 ? "first body" : "second"));
            }
            pdk_client_effects_clear(c);
            free(piece);
        }
        assert_int_equal(answered, 2);
        assert_int_equal(pdk_client_state(c), PDK_CLIENT_CONNECTED);
        pdk_client_destroy(c);
    }
    pdk_buf_deinit(&b);
}

static void what_breaks_the_protocol_ends_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *why, *bytes;
        size_t len;
    } cases[] = {
        {"negative length", "\xff\xff\xff\xff", 4},
        {"length over the limit", "\x00\x10\x00\x00", 4},
        {"no header", "\0\0\0\3abc", 7},
        {"xid that was not asked", "\0\0\0\x10\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0", 20},
        {"auth that was not sent", "\0\0\0\x10\xff\xff\xff\xfc\0\0\0\0\0\0\0\0\0\0\0\0", 20},
        {"setWatches that was not sent", "\0\0\0\x10\xff\xff\xff\xf8\0\0\0\0\0\0\0\0\0\0\0\0", 20},
        {"event without a body", "\0\0\0\x10\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 20},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_client *c = connected();
        size_t count = 0;
        assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 5), PDK_OK);
        pdk_client_received(c, 1001, pdk_slice_of(cases[i].bytes, cases[i].len));
        const struct pdk_client_effect *e = pdk_client_effects(c, &count);
        if (count != 3 || e[0].kind != PDK_CLIENT_OUT_DISCONNECT ||
            e[1].code != PDK_CODE_CONNECTION_LOSS || e[2].state != PDK_CLIENT_WAITING ||
            pdk_client_fault(c) == NULL) {
            fail_msg("%s: %zu effects", cases[i].why, count);
        }
        pdk_client_destroy(c);
    }
}

static void a_reply_before_any_request_ends_the_connection(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    put_reply(&b, 0, 1, 0, "");
    (void)play(c, 1001, &b, &count);
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_WAITING);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void a_malformed_connect_response_is_no_session(void **state)
{
    (void)state;
    struct pdk_buf b = server_bytes();
    struct pdk_client *c = make();
    size_t count = 0;
    pdk_client_start(c, 0);
    pdk_client_effects_clear(c);
    pdk_client_opened(c, 0);
    /* What a server in read-only mode sends to a session that it cannot take. */
    put_reply(&b, 0, 0, PDK_CODE_NOT_READ_ONLY, "");
    (void)play(c, 0, &b, &count);
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_WAITING);
    assert_int_equal(pdk_client_session(c), 0);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

/* ---- limits and memory ---------------------------------------------------------------------- */

static void requests_beyond_a_limit_are_refused_and_change_nothing(void **state)
{
    (void)state;
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.pending_limit = 2;
    config.output_limit_bytes = 1000;
    struct pdk_client *c = make_with(&config);
    connect_at(c, 0);
    static const uint8_t big[900];
    assert_int_equal(pdk_client_set_data(c, str("/a"), pdk_slice_of(big, sizeof big), -1, 1),
                     PDK_ENOMEM);
    expect_no_output(c);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 2), PDK_OK);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 3), PDK_ENOMEM);
    expect_request(c, 1, PDK_OP_EXISTS);
    expect_request(c, 2, PDK_OP_EXISTS);
    expect_no_output(c);
    pdk_client_destroy(c);
}

static void a_pipeline_of_any_depth_comes_back_in_order(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    uint64_t asked = 0, answered = 0;
    /* Ever more at a time, so that the ring grows while it is wrapped around. */
    for (uint64_t round = 1; round <= 40; round++) {
        for (uint64_t i = 0; i < round; i++) {
            asked++;
            assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, asked), PDK_OK);
        }
        pdk_buf_clear(&b);
        for (uint64_t i = 0; i < round * 2 / 3; i++) {
            put_reply(&b, (int32_t)(answered + i + 1), 1, 0, "");
        }
        const struct pdk_client_effect *e = play(c, 1000, &b, &count);
        for (size_t i = 0; i < count; i++) assert_int_equal(e[i].tag, ++answered);
        pdk_client_effects_clear(c);
    }
    assert_int_equal(pdk_client_pending(c), asked - answered);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void requests_that_waited_for_a_failed_attempt_are_not_sent_by_the_next(void **state)
{
    (void)state;
    struct pdk_client *c = make();
    pdk_client_start(c, 0);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
    pdk_client_effects_clear(c);
    pdk_client_lost(c, 0);
    size_t count = 0;
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].tag, 1);
    assert_int_equal(e[0].code, PDK_CODE_CONNECTION_LOSS);
    pdk_client_effects_clear(c);
    connect_at(c, pdk_client_deadline(c));
    expect_no_output(c);
    pdk_client_destroy(c);
}

static void a_request_without_memory_leaves_no_bytes_behind(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_client_config config = pdk_client_config_default(&f.mem);
    struct pdk_client *c = make_with(&config);
    connect_at(c, 0);
    static const uint8_t big[100000];
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
    pdk_fail_mem_at(&f, 1);
    assert_int_equal(pdk_client_set_data(c, str("/a"), pdk_slice_of(big, sizeof big), -1, 2),
                     PDK_ENOMEM);
    assert_int_equal(pdk_client_delete(c, str("/a"), -1, 3), PDK_OK);
    expect_request(c, 1, PDK_OP_EXISTS);
    expect_request(c, 2, PDK_OP_DELETE);
    expect_no_output(c);
    pdk_client_destroy(c);
}

/* A life with everything in it; false as soon as memory is refused. */
static bool live(struct pdk_fail_mem *f)
{
    struct pdk_client_config config = pdk_client_config_default(&f->mem);
    struct pdk_buf b = server_bytes();
    struct pdk_client *c = pdk_client_create(&config);
    bool fine = c != NULL;
    size_t count = 0, asked = 0, answered = 0;
    if (fine) {
        pdk_client_start(c, 0);
        fine = pdk_client_add_auth(c, str("digest"), str("a:b"), 1) == PDK_OK;
        asked += fine;
        for (int i = 0; fine && i < 20; i++) {
            fine = pdk_client_get_data(c, str("/a"), PDK_CLIENT_WATCH, 2) == PDK_OK;
            asked += fine;
        }
        pdk_client_effects_clear(c);
        pdk_client_opened(c, 0);
        pdk_client_effects_clear(c);
        put_connect_response(&b, 30000, 1);
        put_reply(&b, PDK_XID_AUTH, 0, 0, "");
        for (int32_t xid = 1; xid <= 20; xid++) put_reply(&b, xid, 1, 0, "");
        for (int i = 0; i < 30; i++) {
            pdk_put_notification(&b, 3, PDK_EVENT_NODE_DATA_CHANGED, PDK_STATE_SYNC_CONNECTED,
                                 str("/a"));
        }
        for (size_t at = 0; at < b.len; at += 100) {
            struct pdk_slice piece = pdk_slice_of(b.bytes + at, pdk_min_size(100, b.len - at));
            pdk_client_received(c, 0, piece);
            const struct pdk_client_effect *e = pdk_client_effects(c, &count);
            for (size_t i = 0; i < count; i++) answered += e[i].kind == PDK_CLIENT_OUT_REPLY;
            pdk_client_effects_clear(c);
        }
        fine = fine && pdk_client_state(c) == PDK_CLIENT_CONNECTED;
        enum pdk_err err = pdk_client_close(c, 3);
        asked += err == PDK_OK;
        fine = fine && err == PDK_OK;
        pdk_client_effects_clear(c);
        pdk_client_lost(c, 1);
        const struct pdk_client_effect *e = pdk_client_effects(c, &count);
        for (size_t i = 0; i < count; i++) answered += e[i].kind == PDK_CLIENT_OUT_REPLY;
        if (pdk_client_state(c) == PDK_CLIENT_CLOSED && asked != answered && err == PDK_OK &&
            fine) {
            fail_msg("%zu requests were taken, %zu answered", asked, answered);
        }
    }
    pdk_client_destroy(c);
    pdk_buf_deinit(&b);
    return fine;
}

static void memory_that_is_refused_at_any_point_is_survived(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    size_t nth = 1;
    for (;; nth++) {
        pdk_fail_mem_at(&f, nth);
        bool fine = live(&f);
        assert_int_equal(f.live, 0);
        if (f.calls < nth) {
            assert_true(fine);
            break;
        }
    }
    assert_true(nth > 15); /* so many allocations at least were refused in turn */
}

static void the_hot_path_allocates_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_client_config config = pdk_client_config_default(&f.mem);
    struct pdk_client *c = make_with(&config);
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    int32_t xid = 0;
    connect_at(c, 0);
    for (int round = 0; round < 10; round++) {
        /* The first round makes the buffers grow. */
        if (round == 1) pdk_fail_mem_at(&f, 0);
        pdk_buf_clear(&b);
        for (int i = 0; i < 64; i++) {
            assert_int_equal(pdk_client_get_data(c, str("/a"), PDK_CLIENT_NO_WATCH, 0), PDK_OK);
            put_reply(&b, ++xid, 1, 0, "body");
        }
        pdk_client_sent(c, 0, pdk_client_output(c).len);
        (void)play(c, 0, &b, &count);
        assert_int_equal(count, 64);
        pdk_client_effects_clear(c);
    }
    assert_int_equal(f.calls, 0);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

/* ---- output --------------------------------------------------------------------------------- */

static void output_that_is_sent_in_pieces_stays_whole(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf all = server_bytes();
    char data[1000];
    memset(data, 'x', sizeof data);
    uint64_t requests = 0;
    for (int round = 0; round < 400; round++) {
        memcpy(data, &round, sizeof round);
        assert_int_equal(pdk_client_set_data(c, str("/a"), pdk_slice_of(data, sizeof data), -1, 0),
                         PDK_OK);
        requests++;
        struct pdk_slice out = pdk_client_output(c);
        size_t len = pdk_min_size(out.len, 900);
        pdk_put_raw(&all, out.bytes, len);
        pdk_client_sent(c, 0, len);
    }
    struct pdk_slice rest = pdk_client_output(c);
    pdk_put_raw(&all, rest.bytes, rest.len);
    struct pdk_slice left = pdk_buf_slice(&all), body;
    for (uint64_t i = 0; i < requests; i++) {
        size_t used = 0;
        assert_int_equal(pdk_frame_split(left.bytes, left.len, INT32_MAX, &body, &used),
                         PDK_FRAME_WHOLE);
        struct pdk_reader r = pdk_reader_of(body);
        struct pdk_request_header h;
        struct pdk_set_data_request set;
        pdk_read_request_header(&r, &h);
        pdk_read_set_data_request(&r, &set);
        assert_int_equal(pdk_reader_finish(&r), PDK_OK);
        assert_int_equal(h.xid, i + 1);
        int round = 0;
        memcpy(&round, set.data.bytes, sizeof round);
        assert_int_equal(round, i);
        left = pdk_slice_of(left.bytes + used, left.len - used);
    }
    assert_int_equal(left.len, 0);
    pdk_buf_deinit(&all);
    pdk_client_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_matched_first_in_first_out),
        cmocka_unit_test(requests_are_the_records_of_the_protocol),
        cmocka_unit_test(the_kind_of_a_create_decides_its_opcode),
        cmocka_unit_test(a_raw_request_carries_its_record_and_keeps_off_what_is_accounted),
        cmocka_unit_test(requests_made_early_go_out_behind_the_handshake),
        cmocka_unit_test(all_that_is_pending_fails_with_the_connection),
        cmocka_unit_test(bytes_may_be_cut_anywhere),
        cmocka_unit_test(what_breaks_the_protocol_ends_the_connection),
        cmocka_unit_test(a_reply_before_any_request_ends_the_connection),
        cmocka_unit_test(a_malformed_connect_response_is_no_session),
        cmocka_unit_test(requests_beyond_a_limit_are_refused_and_change_nothing),
        cmocka_unit_test(a_pipeline_of_any_depth_comes_back_in_order),
        cmocka_unit_test(requests_that_waited_for_a_failed_attempt_are_not_sent_by_the_next),
        cmocka_unit_test(a_request_without_memory_leaves_no_bytes_behind),
        cmocka_unit_test(memory_that_is_refused_at_any_point_is_survived),
        cmocka_unit_test(the_hot_path_allocates_nothing),
        cmocka_unit_test(output_that_is_sent_in_pieces_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
