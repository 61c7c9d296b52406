#include "client/core/testing.h"

#include "base/mem_fail.h"
#include "base/reader.h"
#include "proto/code.h"
#include "proto/event.h"
#include "proto/frame.h"

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
        cmocka_unit_test(identities_are_told_once_and_sent_on_every_connection),
        cmocka_unit_test(a_refused_identity_ends_the_session),
        cmocka_unit_test(closing_is_answered_behind_all_requests),
        cmocka_unit_test(closing_without_a_session_is_done_at_once),
        cmocka_unit_test(a_transport_that_breaks_while_closing_leaves_it_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
