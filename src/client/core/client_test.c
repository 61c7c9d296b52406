#include "client/core/client.h"

#include "base/buf.h"
#include "base/mem_fail.h"
#include "base/reader.h"
#include "proto/code.h"
#include "proto/event.h"
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a scripted server ---------------------------------------------------------------------- */

static struct pdk_slice str(const char *text) { return pdk_slice_str(text); }

/* Holds what a server sends. */
static struct pdk_buf server_bytes(void)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1u << 24);
    return b;
}

static void put_connect_response(struct pdk_buf *b, int32_t timeout_ms, pdk_session session)
{
    static const uint8_t password[PDK_PASSWORD_LEN] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                       9, 10, 11, 12, 13, 14, 15, 16};
    size_t frame = pdk_frame_begin(b);
    pdk_put_connect_response(
        b, &(struct pdk_connect_response){.time_out = timeout_ms,
                                          .session_id = session,
                                          .passwd = pdk_slice_of(password, sizeof password),
                                          .has_read_only = true});
    pdk_frame_end(b, frame);
}

static void put_reply(struct pdk_buf *b, int32_t xid, pdk_zxid zxid, int32_t err, const char *body)
{
    size_t frame = pdk_frame_begin(b);
    pdk_put_reply_header(b, &(struct pdk_reply_header){.xid = xid, .zxid = zxid, .err = err});
    pdk_put_raw(b, body, strlen(body));
    pdk_frame_end(b, frame);
}

/* Gives the bytes to the client and forgets them: its effects are looked at before. */
static const struct pdk_client_effect *play(struct pdk_client *c, int64_t now_ms,
                                            const struct pdk_buf *b, size_t *count)
{
    pdk_client_effects_clear(c);
    pdk_client_received(c, now_ms, pdk_buf_slice(b));
    return pdk_client_effects(c, count);
}

/* ---- what the client sent ------------------------------------------------------------------- */

/* Takes the next frame off the output; its header unless it is the ConnectRequest. */
static struct pdk_reader next_frame(struct pdk_client *c, struct pdk_request_header *header)
{
    struct pdk_slice out = pdk_client_output(c), body = {0};
    size_t used = 0;
    assert_int_equal(pdk_frame_split(out.bytes, out.len, INT32_MAX, &body, &used), PDK_FRAME_WHOLE);
    /* The bytes stay where they are until the buffer is used again. */
    pdk_client_sent(c, 0, used);
    struct pdk_reader r = pdk_reader_of(body);
    if (header != NULL) pdk_read_request_header(&r, header);
    assert_false(r.failed);
    return r;
}

static void expect_request(struct pdk_client *c, int32_t xid, int32_t op)
{
    struct pdk_request_header header;
    (void)next_frame(c, &header);
    assert_int_equal(header.xid, xid);
    assert_int_equal(header.type, op);
}

static void expect_no_output(struct pdk_client *c)
{
    assert_int_equal(pdk_client_output(c).len, 0);
}

/* ---- clients -------------------------------------------------------------------------------- */

static struct pdk_client *make_with(const struct pdk_client_config *config)
{
    struct pdk_client *c = pdk_client_create(config);
    assert_non_null(c);
    return c;
}

static struct pdk_client *make(void)
{
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    return make_with(&config);
}

static void answer_handshake(struct pdk_client *c, int64_t now_ms, int32_t timeout_ms)
{
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    put_connect_response(&b, timeout_ms, 0x100);
    const struct pdk_client_effect *e = play(c, now_ms, &b, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_STATE);
    assert_int_equal(e[0].state, PDK_CLIENT_CONNECTED);
    pdk_client_effects_clear(c);
    pdk_buf_deinit(&b);
}

/* From WAITING or IDLE to CONNECTED at `now_ms`; the ConnectRequest is taken off. */
static void connect_at(struct pdk_client *c, int64_t now_ms)
{
    if (pdk_client_state(c) == PDK_CLIENT_IDLE) {
        pdk_client_start(c, now_ms);
    } else {
        pdk_client_tick(c, now_ms);
    }
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_CONNECTING);
    pdk_client_effects_clear(c);
    pdk_client_opened(c, now_ms);
    pdk_client_effects_clear(c);
    (void)next_frame(c, NULL);
    pdk_client_sent(c, now_ms, 0);
    answer_handshake(c, now_ms, 30000);
}

static struct pdk_client *connected(void)
{
    struct pdk_client *c = make();
    connect_at(c, 1000);
    return c;
}

static void lose(struct pdk_client *c, int64_t now_ms)
{
    pdk_client_effects_clear(c);
    pdk_client_lost(c, now_ms);
    pdk_client_effects_clear(c);
}

/* ---- session -------------------------------------------------------------------------------- */

static void the_first_frame_asks_for_a_new_session(void **state)
{
    (void)state;
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.session_timeout_ms = 12345;
    struct pdk_client *c = make_with(&config);
    size_t count = 0;
    pdk_client_start(c, 1000);
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].state, PDK_CLIENT_CONNECTING);
    assert_int_equal(e[1].kind, PDK_CLIENT_OUT_CONNECT);
    assert_int_equal(e[1].host, 0);
    pdk_client_effects_clear(c);
    expect_no_output(c);
    pdk_client_opened(c, 1001);
    struct pdk_reader r = next_frame(c, NULL);
    struct pdk_connect_request request;
    pdk_read_connect_request(&r, &request);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_int_equal(request.protocol_version, 0);
    assert_int_equal(request.last_zxid_seen, 0);
    assert_int_equal(request.time_out, 12345);
    assert_int_equal(request.session_id, 0);
    assert_int_equal(request.passwd.len, 16);
    assert_true(request.has_read_only);
    assert_false(request.read_only);
    pdk_client_destroy(c);
}

static void a_connect_response_makes_the_session_stand(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_CONNECTED);
    assert_int_equal(pdk_client_session(c), 0x100);
    assert_int_equal(pdk_client_timeout_ms(c), 30000);
    assert_int_equal(pdk_client_password(c)[15], 16);
    expect_no_output(c);
    pdk_client_destroy(c);
}

static void a_timeout_of_zero_means_that_the_session_has_expired(void **state)
{
    (void)state;
    struct pdk_client *c = make();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    pdk_client_start(c, 0);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 9), PDK_OK);
    pdk_client_effects_clear(c);
    pdk_client_opened(c, 0);
    put_connect_response(&b, 0, 0);
    const struct pdk_client_effect *e = play(c, 1, &b, &count);
    assert_int_equal(count, 3);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_DISCONNECT);
    assert_int_equal(e[1].kind, PDK_CLIENT_OUT_REPLY);
    assert_int_equal(e[1].tag, 9);
    assert_int_equal(e[1].code, PDK_CODE_SESSION_EXPIRED);
    assert_int_equal(e[2].state, PDK_CLIENT_EXPIRED);
    assert_true(pdk_client_deadline(c) == INT64_MAX);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 9), PDK_EINVAL);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void a_lost_connection_attaches_again_with_id_password_and_zxid(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
    put_reply(&b, 1, 77, 0, "");
    (void)play(c, 1001, &b, &count);
    lose(c, 2000);
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_WAITING);
    int64_t due_ms = pdk_client_deadline(c);
    /* One host: a round is over, so a second's pause and up to another one by chance. */
    assert_in_range(due_ms, 3000, 3999);
    pdk_client_tick(c, due_ms - 1);
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_WAITING);
    pdk_client_tick(c, due_ms);
    pdk_client_effects_clear(c);
    pdk_client_opened(c, due_ms);
    struct pdk_reader r = next_frame(c, NULL);
    struct pdk_connect_request request;
    pdk_read_connect_request(&r, &request);
    assert_int_equal(request.session_id, 0x100);
    assert_int_equal(request.last_zxid_seen, 77);
    assert_int_equal(request.passwd.bytes[0], 1);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void all_hosts_are_tried_before_a_pause(void **state)
{
    (void)state;
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.host_count = 3;
    config.retry_pause_ms = 0;
    struct pdk_client *c = make_with(&config);
    unsigned seen = 0;
    int64_t now_ms = 0;
    pdk_client_start(c, now_ms);
    for (int i = 0; i < 3; i++) {
        size_t count = 0;
        const struct pdk_client_effect *e = pdk_client_effects(c, &count);
        assert_int_equal(e[1].kind, PDK_CLIENT_OUT_CONNECT);
        assert_in_range(e[1].host, 0, 2);
        seen |= 1u << e[1].host;
        lose(c, now_ms);
        assert_int_equal(pdk_client_deadline(c), i < 2 ? now_ms : now_ms + 1000);
        now_ms = pdk_client_deadline(c);
        pdk_client_tick(c, now_ms);
    }
    assert_int_equal(seen, 7);
    pdk_client_destroy(c);
}

static void a_server_that_does_not_answer_the_handshake_is_given_up(void **state)
{
    (void)state;
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.host_count = 3;
    struct pdk_client *c = make_with(&config);
    size_t count = 0;
    pdk_client_start(c, 500);
    pdk_client_effects_clear(c);
    pdk_client_opened(c, 600);
    pdk_client_effects_clear(c);
    assert_int_equal(pdk_client_deadline(c), 500 + 30000 / 3);
    pdk_client_tick(c, 10499);
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_HANDSHAKE);
    pdk_client_tick(c, 10500);
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_DISCONNECT);
    assert_int_equal(e[1].state, PDK_CLIENT_WAITING);
    expect_no_output(c);
    pdk_client_destroy(c);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void a_silent_client_pings_and_a_silent_server_is_left(void **state)
{
    (void)state;
    struct pdk_client *c = connected(); /* at 1000, 30 s: read timeout 20 s, ping after 9 s */
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    assert_int_equal(pdk_client_deadline(c), 10000);
    pdk_client_tick(c, 9999);
    expect_no_output(c);
    pdk_client_tick(c, 10000);
    expect_request(c, PDK_XID_PING, PDK_OP_PING);
    pdk_client_sent(c, 10000, 0);
    put_reply(&b, PDK_XID_PING, 5, 0, "");
    (void)play(c, 10001, &b, &count);
    assert_int_equal(count, 0);
    assert_int_equal(pdk_client_last_zxid(c), 0); /* a ping's zxid is not taken */
    pdk_client_tick(c, 19000);
    pdk_client_tick(c, 28000);
    assert_int_equal(pdk_client_deadline(c), 30001);
    pdk_client_tick(c, 30001);
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_DISCONNECT);
    assert_int_equal(e[1].state, PDK_CLIENT_WAITING);
    assert_non_null(strstr(pdk_client_fault(c), "silent"));
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void the_time_of_a_ping_follows_the_session_timeout(void **state)
{
    (void)state;
    static const struct {
        int32_t timeout_ms;
        int64_t ping_ms;
    } cases[] = {
        {2000, 666},    /* half of the read timeout */
        {4000, 1001},   /* a second earlier, but only once a second has passed */
        {30000, 9000},  /* 10000 - 1000 */
        {60000, 10000}, /* never later than this */
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_client *c = make();
        pdk_client_start(c, 0);
        pdk_client_effects_clear(c);
        pdk_client_opened(c, 0);
        (void)next_frame(c, NULL);
        answer_handshake(c, 0, cases[i].timeout_ms);
        if (pdk_client_deadline(c) != cases[i].ping_ms) {
            fail_msg("timeout %d: ping at %lld", cases[i].timeout_ms,
                     (long long)pdk_client_deadline(c));
        }
        pdk_client_destroy(c);
    }
}

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

/* ---- identities and the end ----------------------------------------------------------------- */

static void identities_are_told_once_and_sent_on_every_connection(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    struct pdk_request_header h;
    size_t count = 0;
    assert_int_equal(pdk_client_add_auth(c, str("digest"), str("me:secret"), 5), PDK_OK);
    struct pdk_reader r = next_frame(c, &h);
    struct pdk_auth_packet packet;
    pdk_read_auth_packet(&r, &packet);
    assert_int_equal(h.xid, PDK_XID_AUTH);
    assert_true(pdk_slice_eq_str(packet.scheme, "digest"));
    assert_true(pdk_slice_eq_str(packet.auth, "me:secret"));
    put_reply(&b, PDK_XID_AUTH, 0, 0, "");
    const struct pdk_client_effect *e = play(c, 1000, &b, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e[0].tag, 5);
    assert_int_equal(e[0].op, PDK_OP_AUTH);

    lose(c, 2000);
    connect_at(c, pdk_client_deadline(c));
    expect_request(c, PDK_XID_AUTH, PDK_OP_AUTH);
    (void)play(c, 9000, &b, &count);
    assert_int_equal(count, 0);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void a_refused_identity_ends_the_session(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    assert_int_equal(pdk_client_add_auth(c, str("digest"), str("x"), 5), PDK_OK);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 6), PDK_OK);
    put_reply(&b, PDK_XID_AUTH, 0, PDK_CODE_AUTH_FAILED, "");
    const struct pdk_client_effect *e = play(c, 1000, &b, &count);
    assert_int_equal(count, 4);
    assert_int_equal(e[0].tag, 5);
    assert_int_equal(e[0].code, PDK_CODE_AUTH_FAILED);
    assert_int_equal(e[1].kind, PDK_CLIENT_OUT_DISCONNECT);
    assert_int_equal(e[2].tag, 6);
    assert_int_equal(e[2].code, PDK_CODE_AUTH_FAILED);
    assert_int_equal(e[3].state, PDK_CLIENT_AUTH_FAILED);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void closing_is_answered_behind_all_requests(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 1), PDK_OK);
    assert_int_equal(pdk_client_close(c, 2), PDK_OK);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_NO_WATCH, 3), PDK_EINVAL);
    assert_int_equal(pdk_client_close(c, 3), PDK_EINVAL);
    expect_request(c, 1, PDK_OP_EXISTS);
    expect_request(c, 2, PDK_OP_CLOSE_SESSION);
    put_reply(&b, 1, 1, 0, "");
    put_reply(&b, 2, 2, 0, "");
    const struct pdk_client_effect *e = play(c, 1000, &b, &count);
    assert_int_equal(count, 4);
    assert_int_equal(e[0].tag, 1);
    assert_int_equal(e[1].tag, 2);
    assert_int_equal(e[1].code, 0);
    assert_int_equal(e[2].kind, PDK_CLIENT_OUT_DISCONNECT);
    assert_int_equal(e[3].state, PDK_CLIENT_CLOSED);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

static void closing_without_a_session_is_done_at_once(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    size_t count = 0;
    lose(c, 2000);
    assert_int_equal(pdk_client_close(c, 2), PDK_OK);
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].state, PDK_CLIENT_CLOSED);
    assert_int_equal(e[1].tag, 2);
    assert_int_equal(e[1].code, 0);
    pdk_client_destroy(c);
}

static void a_transport_that_breaks_while_closing_leaves_it_closed(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    assert_int_equal(pdk_client_close(c, 2), PDK_OK);
    pdk_client_effects_clear(c);
    pdk_client_lost(c, 2000);
    size_t count = 0;
    const struct pdk_client_effect *e = pdk_client_effects(c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_REPLY);
    assert_int_equal(e[0].tag, 2);
    assert_int_equal(e[0].code, PDK_CODE_SESSION_EXPIRED);
    assert_int_equal(e[1].state, PDK_CLIENT_CLOSED);
    pdk_client_destroy(c);
}

/* ---- watches -------------------------------------------------------------------------------- */

static void events_come_with_type_path_and_zxid(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    pdk_put_notification(&b, 42, PDK_EVENT_NODE_DELETED, PDK_STATE_SYNC_CONNECTED, str("/gone"));
    const struct pdk_client_effect *e = play(c, 1000, &b, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_EVENT);
    assert_int_equal(e[0].event, PDK_EVENT_NODE_DELETED);
    assert_int_equal(e[0].zxid, 42);
    assert_true(pdk_slice_eq_str(e[0].bytes, "/gone"));
    assert_int_equal(pdk_client_last_zxid(c), 0); /* an event's zxid is not taken */
    for (int i = 1; i < 1000; i++) {
        pdk_put_notification(&b, i, PDK_EVENT_NODE_CREATED, PDK_STATE_SYNC_CONNECTED, str("/b"));
    }
    (void)play(c, 1000, &b, &count);
    assert_int_equal(count, 1000);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

/* The watches that a reconnect sets again, as text: "op data;exist;child[;persistent;recursive]". */
static void expect_set_watches(struct pdk_client *c, const char *want)
{
    char got[512] = "";
    struct pdk_request_header h;
    lose(c, 50000);
    connect_at(c, pdk_client_deadline(c));
    if (pdk_client_output(c).len > 0) {
        struct pdk_reader r = next_frame(c, &h);
        assert_int_equal(h.xid, PDK_XID_SET_WATCHES);
        size_t at = (size_t)snprintf(got, sizeof got, "%d", h.type);
        assert_int_equal(pdk_read_i64(&r), pdk_client_last_zxid(c));
        int lists = h.type == PDK_OP_SET_WATCHES2 ? 5 : 3;
        for (int i = 0; i < lists; i++) {
            struct pdk_vec v = pdk_read_ustring_vec(&r);
            struct pdk_reader it = pdk_reader_of(v.body);
            at += (size_t)snprintf(got + at, sizeof got - at, "%s", i > 0 ? ";" : " ");
            for (int32_t k = 0; k < v.count; k++) {
                struct pdk_slice path = pdk_read_bytes(&it);
                at += (size_t)snprintf(got + at, sizeof got - at, "%.*s", (int)path.len,
                                       (const char *)path.bytes);
            }
        }
        assert_int_equal(pdk_reader_finish(&r), PDK_OK);
        struct pdk_buf b = server_bytes();
        size_t count = 0;
        put_reply(&b, PDK_XID_SET_WATCHES, 1, 0, "");
        (void)play(c, 60000, &b, &count);
        assert_int_equal(count, 0);
        assert_int_equal(pdk_client_state(c), PDK_CLIENT_CONNECTED);
        pdk_buf_deinit(&b);
    }
    assert_string_equal(got, want);
    expect_no_output(c);
}

struct watching {
    struct pdk_client *c;
    int32_t xid;
};

static void settle(struct watching *w, int32_t code)
{
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    put_reply(&b, ++w->xid, 9, code, "");
    pdk_client_sent(w->c, 1000, pdk_client_output(w->c).len);
    (void)play(w->c, 1000, &b, &count);
    assert_int_equal(count, 1);
    pdk_buf_deinit(&b);
}

static void fire(struct watching *w, enum pdk_event_type type, const char *path)
{
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    pdk_put_notification(&b, 1, type, PDK_STATE_SYNC_CONNECTED, str(path));
    (void)play(w->c, 1000, &b, &count);
    assert_int_equal(count, 1);
    pdk_buf_deinit(&b);
}

static void set_all_kinds(struct watching *w)
{
    struct pdk_client *c = w->c;
    assert_int_equal(pdk_client_get_data(c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(w, 0);
    assert_int_equal(pdk_client_get_children2(c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(w, 0);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(w, PDK_CODE_NO_NODE);
}

static void a_watch_counts_from_a_good_reply_on(void **state)
{
    (void)state;
    struct watching w = {.c = connected()};
    assert_int_equal(pdk_client_get_data(w.c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, PDK_CODE_NO_NODE);
    assert_int_equal(pdk_client_get_children2(w.c, str("/b"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, PDK_CODE_NO_AUTH);
    expect_set_watches(w.c, "");
    assert_int_equal(pdk_client_exists(w.c, str("/c"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, PDK_CODE_NO_NODE);
    expect_set_watches(w.c, "101 ;/c;");
    assert_int_equal(pdk_client_exists(w.c, str("/d"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, 0);
    expect_set_watches(w.c, "101 /d;/c;");
    pdk_client_destroy(w.c);
}

static void an_event_uses_up_the_watches_of_its_kind(void **state)
{
    (void)state;
    static const struct {
        enum pdk_event_type type;
        const char *left;
    } cases[] = {
        {PDK_EVENT_NODE_CREATED, "101 ;;/a"},
        {PDK_EVENT_NODE_DATA_CHANGED, "101 ;;/a"},
        {PDK_EVENT_NODE_CHILDREN_CHANGED, "101 /a;/a;"},
        {PDK_EVENT_NODE_DELETED, ""},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct watching w = {.c = connected()};
        set_all_kinds(&w);
        fire(&w, cases[i].type, "/other");
        fire(&w, cases[i].type, "/a");
        expect_set_watches(w.c, cases[i].left);
        pdk_client_destroy(w.c);
    }
}

static void persistent_watches_are_never_used_up(void **state)
{
    (void)state;
    struct watching w = {.c = connected()};
    assert_int_equal(pdk_client_add_watch(w.c, str("/p"), 2, 0), PDK_EINVAL);
    assert_int_equal(pdk_client_add_watch(w.c, str("/p"), PDK_ADD_WATCH_PERSISTENT, 0), PDK_OK);
    settle(&w, 0);
    assert_int_equal(pdk_client_add_watch(w.c, str("/r"), PDK_ADD_WATCH_PERSISTENT_RECURSIVE, 0),
                     PDK_OK);
    settle(&w, 0);
    fire(&w, PDK_EVENT_NODE_DELETED, "/p");
    fire(&w, PDK_EVENT_NODE_DELETED, "/r");
    expect_set_watches(w.c, "105 ;;;/p;/r");
    pdk_client_destroy(w.c);
}

static void many_watches_are_set_again_in_batches(void **state)
{
    (void)state;
    struct watching w = {.c = connected()};
    char path[1001];
    memset(path, 'p', sizeof path);
    for (int i = 0; i < 300; i++) { /* 300 kB: three batches of 128 KiB or less */
        (void)snprintf(path, sizeof path, "/%04d", i);
        path[5] = 'p';
        struct pdk_slice at = pdk_slice_of(path, 1000);
        assert_int_equal(pdk_client_get_data(w.c, at, PDK_CLIENT_WATCH, 0), PDK_OK);
        settle(&w, 0);
    }
    lose(w.c, 50000);
    connect_at(w.c, pdk_client_deadline(w.c));
    int frames = 0;
    int32_t paths = 0;
    while (pdk_client_output(w.c).len > 0) {
        struct pdk_request_header h;
        struct pdk_set_watches set;
        struct pdk_reader r = next_frame(w.c, &h);
        pdk_read_set_watches(&r, &set);
        assert_int_equal(pdk_reader_finish(&r), PDK_OK);
        assert_in_range(set.data_watches.body.len, 1, (128 << 10) + 2000);
        paths += set.data_watches.count;
        frames++;
    }
    assert_int_equal(paths, 300);
    assert_int_equal(frames, 3);
    pdk_client_destroy(w.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_frame_asks_for_a_new_session),
        cmocka_unit_test(a_connect_response_makes_the_session_stand),
        cmocka_unit_test(a_timeout_of_zero_means_that_the_session_has_expired),
        cmocka_unit_test(a_lost_connection_attaches_again_with_id_password_and_zxid),
        cmocka_unit_test(all_hosts_are_tried_before_a_pause),
        cmocka_unit_test(a_server_that_does_not_answer_the_handshake_is_given_up),
        cmocka_unit_test(a_silent_client_pings_and_a_silent_server_is_left),
        cmocka_unit_test(the_time_of_a_ping_follows_the_session_timeout),
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
        cmocka_unit_test(identities_are_told_once_and_sent_on_every_connection),
        cmocka_unit_test(a_refused_identity_ends_the_session),
        cmocka_unit_test(closing_is_answered_behind_all_requests),
        cmocka_unit_test(closing_without_a_session_is_done_at_once),
        cmocka_unit_test(a_transport_that_breaks_while_closing_leaves_it_closed),
        cmocka_unit_test(events_come_with_type_path_and_zxid),
        cmocka_unit_test(a_watch_counts_from_a_good_reply_on),
        cmocka_unit_test(an_event_uses_up_the_watches_of_its_kind),
        cmocka_unit_test(persistent_watches_are_never_used_up),
        cmocka_unit_test(many_watches_are_set_again_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
