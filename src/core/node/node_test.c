/* The node's promises about order, durability and limits, one input at a time. */
#include "core/node/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/code.h"
#include "proto/event.h"
#include "proto/opcode.h"
#include "proto/password.h"
#include "sim/driver.h"
#include "sim/frames.h"
#include "sim/replay.h"

struct fixture {
    struct pdk_sim_driver d;
    struct pdk_buf b;
};

static struct fixture *start(const struct pdk_node_config *config)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    pdk_buf_init(&f->b, pdk_mem_heap(), SIZE_MAX);
    pdk_sim_start(&f->d, config);
    return f;
}

static int setup(void **state)
{
    struct pdk_node_config config = pdk_sim_config(1);
    *state = start(&config);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pdk_sim_stop(&f->d);
    pdk_buf_deinit(&f->b);
    free(f);
    return 0;
}

static pdk_session connect_session(struct fixture *f, uint32_t conn, int32_t timeout_ms)
{
    struct pdk_slice frame;
    pdk_sim_open(&f->d, conn, "127.0.0.1");
    pdk_sim_send(&f->d, conn, pdk_frame_connect(&f->b, 0, timeout_ms, 0));
    pdk_sim_durable(&f->d);
    assert_true(pdk_sim_read(&f->d, conn, &frame));
    struct pdk_connect_response response;
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_connect_response(&r, &response);
    assert_false(r.failed);
    assert_true(response.time_out > 0);
    return response.session_id;
}

static void expect_silence(struct fixture *f, uint32_t conn)
{
    struct pdk_slice frame;
    if (pdk_sim_read(&f->d, conn, &frame)) fail_msg("connection %u was answered", conn);
}

static struct pdk_frame_answer expect_answer(struct fixture *f, uint32_t conn, int32_t xid,
                                             int32_t code)
{
    struct pdk_slice frame;
    if (!pdk_sim_read(&f->d, conn, &frame)) fail_msg("no answer to xid %d", xid);
    struct pdk_frame_answer answer = pdk_frame_answer_of(frame);
    if (answer.header.xid != xid || answer.header.err != code)
        fail_msg("got xid %d code %d, want xid %d code %d", answer.header.xid, answer.header.err,
                 xid, code);
    return answer;
}

static void expect_event(struct fixture *f, uint32_t conn, int32_t type, const char *path)
{
    struct pdk_slice frame;
    if (!pdk_sim_read(&f->d, conn, &frame)) fail_msg("no event %d on %s", type, path);
    struct pdk_frame_answer answer = pdk_frame_answer_of(frame);
    assert_int_equal(answer.header.xid, PDK_XID_NOTIFICATION);
    struct pdk_watcher_event event;
    struct pdk_reader r = pdk_reader_of(answer.body);
    pdk_read_watcher_event(&r, &event);
    assert_int_equal(event.type, type);
    assert_true(pdk_slice_eq_str(event.path, path));
}

static void create(struct fixture *f, uint32_t conn, int32_t xid, const char *path, int32_t flags)
{
    pdk_sim_send(&f->d, conn, pdk_frame_create(&f->b, xid, PDK_OP_CREATE, path, "x", flags));
}

static void get(struct fixture *f, uint32_t conn, int32_t xid, const char *path, bool watch)
{
    pdk_sim_send(&f->d, conn, pdk_frame_read(&f->b, xid, PDK_OP_GET_DATA, path, watch));
}

/* ---- durability and order ------------------------------------------------------------------ */

static void a_write_is_answered_only_when_durable(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    expect_silence(f, 0);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
}

static void a_session_is_granted_only_when_durable(void **state)
{
    struct fixture *f = *state;
    pdk_sim_open(&f->d, 0, "127.0.0.1");
    pdk_sim_send(&f->d, 0, pdk_frame_connect(&f->b, 0, 10000, 0));
    expect_silence(f, 0);
    assert_true(f->d.conns[0].paused);
    pdk_sim_durable(&f->d);
    assert_false(f->d.conns[0].paused);
    struct pdk_slice frame;
    assert_true(pdk_sim_read(&f->d, 0, &frame));
}

static void what_is_not_durable_is_not_seen(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    connect_session(f, 1, 10000);
    create(f, 0, 1, "/a", 0);
    get(f, 1, 1, "/a", false);
    expect_answer(f, 1, 1, PDK_CODE_NO_NODE);
    pdk_sim_durable(&f->d);
    get(f, 1, 2, "/a", false);
    expect_answer(f, 1, 2, PDK_CODE_OK);
}

static void a_read_waits_for_the_writes_of_its_own_connection_only(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    connect_session(f, 1, 10000);
    create(f, 0, 1, "/a", 0);
    get(f, 0, 2, "/a", false);
    get(f, 1, 1, "/zookeeper", false);
    expect_silence(f, 0);
    expect_answer(f, 1, 1, PDK_CODE_OK);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_OK);
}

static void sync_waits_for_everything_proposed_before_it(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    connect_session(f, 1, 10000);
    create(f, 0, 1, "/a", 0);
    pdk_sim_send(&f->d, 1, pdk_frame_path(&f->b, 1, PDK_OP_SYNC, "/a"));
    get(f, 1, 2, "/a", false);
    expect_silence(f, 1);
    pdk_sim_durable(&f->d);
    /* The commit answers the writer; whoever waits for a barrier goes on in the same step. */
    expect_answer(f, 1, 1, PDK_CODE_OK);
    expect_answer(f, 1, 2, PDK_CODE_OK);
}

static void each_write_sees_the_ones_proposed_before_it(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    create(f, 0, 2, "/a/b", 0);
    pdk_sim_send(&f->d, 0, pdk_frame_set(&f->b, 3, "/a/b", "y", 0));
    pdk_sim_send(&f->d, 0, pdk_frame_set(&f->b, 4, "/a/b", "z", 0));
    pdk_sim_send(&f->d, 0, pdk_frame_delete(&f->b, 5, "/a", -1));
    pdk_sim_send(&f->d, 0, pdk_frame_delete(&f->b, 6, "/a/b", 1));
    pdk_sim_send(&f->d, 0, pdk_frame_delete(&f->b, 7, "/a", -1));
    create(f, 0, 8, "/a/b", 0);
    pdk_sim_durable(&f->d);
    static const int32_t codes[] = {PDK_CODE_OK,          PDK_CODE_OK,        PDK_CODE_OK,
                                    PDK_CODE_BAD_VERSION, PDK_CODE_NOT_EMPTY, PDK_CODE_OK,
                                    PDK_CODE_OK,          PDK_CODE_NO_NODE};
    for (int32_t i = 0; i < (int32_t)PDK_COUNT_OF(codes); i++) expect_answer(f, 0, i + 1, codes[i]);
}

static void commits_in_pieces_answer_in_zxid_order(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    pdk_zxid before = f->d.appended;
    for (int32_t i = 1; i <= 6; i++) {
        char path[8] = {'/', (char)('a' + i), 0};
        create(f, 0, i, path, 0);
    }
    for (int32_t i = 1; i <= 6; i++) {
        pdk_sim_durable_to(&f->d, before + i);
        assert_true(expect_answer(f, 0, i, PDK_CODE_OK).header.zxid == before + i);
        expect_silence(f, 0);
    }
}

static void an_event_comes_before_the_answer_that_shows_the_change(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    get(f, 0, 2, "/a", true);
    expect_answer(f, 0, 2, PDK_CODE_OK);
    pdk_sim_send(&f->d, 0, pdk_frame_set(&f->b, 3, "/a", "y", -1));
    get(f, 0, 4, "/a", false);
    pdk_sim_durable(&f->d);
    expect_event(f, 0, PDK_EVENT_NODE_DATA_CHANGED, "/a");
    expect_answer(f, 0, 3, PDK_CODE_OK);
    expect_answer(f, 0, 4, PDK_CODE_OK);
}

/* ---- identities ------------------------------------------------------------------------------ */

static void a_request_is_judged_by_the_identities_it_came_with(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    pdk_sim_send(&f->d, 0,
                 pdk_frame_create_acl(&f->b, 1, "/s", "x", 0, PDK_PERM_ALL, "digest",
                                      "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="));
    get(f, 0, 2, "/s", false); /* waits behind the create, came before the auth packet */
    pdk_sim_send(&f->d, 0, pdk_frame_auth(&f->b, "digest", "bob:pw"));
    get(f, 0, 3, "/s", false);
    expect_answer(f, 0, PDK_XID_AUTH, PDK_CODE_OK); /* overtakes what is queued */
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_NO_AUTH);
    expect_answer(f, 0, 3, PDK_CODE_OK);
}

/* ---- sessions ----------------------------------------------------------------------------------
 * */

static void expiry_deletes_ephemerals_and_closes_the_connection(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 4000);
    connect_session(f, 1, 40000);
    create(f, 0, 1, "/e", PDK_CREATE_EPHEMERAL);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    get(f, 1, 1, "/e", true);
    expect_answer(f, 1, 1, PDK_CODE_OK);
    pdk_sim_advance(&f->d, 3999);
    pdk_sim_durable(&f->d);
    assert_true(f->d.conns[0].open);
    pdk_sim_advance(&f->d, 4001);
    assert_true(f->d.conns[0].open); /* the end of the session is not durable yet */
    pdk_sim_durable(&f->d);
    assert_true(f->d.conns[0].closed_by_node);
    expect_event(f, 1, PDK_EVENT_NODE_DELETED, "/e");
}

static void closing_takes_ephemerals_that_are_not_durable_yet_with_it(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    connect_session(f, 1, 10000);
    create(f, 0, 1, "/kept", 0);
    create(f, 0, 2, "/e", PDK_CREATE_EPHEMERAL);
    pdk_sim_send(&f->d, 0, pdk_frame_bare(&f->b, 3, PDK_OP_CLOSE_SESSION));
    create(f, 0, 4, "/late", PDK_CREATE_EPHEMERAL);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_OK);
    expect_answer(f, 0, 3, PDK_CODE_OK);
    expect_silence(f, 0);
    assert_true(f->d.conns[0].closed_by_node);
    get(f, 1, 1, "/e", false);
    expect_answer(f, 1, 1, PDK_CODE_NO_NODE);
    get(f, 1, 2, "/late", false);
    expect_answer(f, 1, 2, PDK_CODE_NO_NODE);
    get(f, 1, 3, "/kept", false);
    expect_answer(f, 1, 3, PDK_CODE_OK);
}

static void reattach(struct fixture *f, uint32_t conn, pdk_session session, bool right)
{
    uint8_t password[PDK_PASSWORD_LEN];
    pdk_password_of(session, password);
    if (!right) password[3] ^= 1;
    pdk_buf_clear(&f->b);
    pdk_put_connect_request(
        &f->b, &(struct pdk_connect_request){.time_out = 10000,
                                             .session_id = session,
                                             .passwd = pdk_slice_of(password, sizeof password)});
    pdk_sim_open(&f->d, conn, "127.0.0.1");
    pdk_sim_send(&f->d, conn, pdk_buf_slice(&f->b));
}

static int32_t granted_timeout(struct fixture *f, uint32_t conn)
{
    struct pdk_slice frame;
    assert_true(pdk_sim_read(&f->d, conn, &frame));
    struct pdk_connect_response response;
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_connect_response(&r, &response);
    return response.time_out;
}

static void a_session_moves_to_the_connection_that_knows_its_password(void **state)
{
    struct fixture *f = *state;
    pdk_session session = connect_session(f, 0, 10000);
    reattach(f, 1, session, true);
    assert_true(f->d.conns[0].closed_by_node);
    assert_int_equal(granted_timeout(f, 1), 10000);
    create(f, 1, 1, "/e", PDK_CREATE_EPHEMERAL);
    pdk_sim_durable(&f->d);
    expect_answer(f, 1, 1, PDK_CODE_OK);
}

static void a_wrong_password_is_refused_and_the_session_lives(void **state)
{
    struct fixture *f = *state;
    pdk_session session = connect_session(f, 0, 10000);
    reattach(f, 1, session, false);
    assert_int_equal(granted_timeout(f, 1), 0);
    assert_true(f->d.conns[1].closed_by_node);
    reattach(f, 2, session, true);
    assert_int_equal(granted_timeout(f, 2), 10000);
}

static void a_client_that_left_before_its_session_was_made_leaves_it_to_expire(void **state)
{
    struct fixture *f = *state;
    pdk_sim_open(&f->d, 0, "127.0.0.1");
    pdk_sim_send(&f->d, 0, pdk_frame_connect(&f->b, 0, 4000, 0));
    pdk_sim_close(&f->d, 0);
    pdk_sim_durable(&f->d);
    assert_int_equal(pdk_sessions_count(pdk_node_sessions(f->d.node)), 1);
    pdk_sim_advance(&f->d, 8000);
    pdk_sim_durable(&f->d);
    assert_int_equal(pdk_sessions_count(pdk_node_sessions(f->d.node)), 0);
}

/* ---- limits and bad days
 * ------------------------------------------------------------------------ */

static void without_log_space_writes_are_refused_and_reads_go_on(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/before", 0);
    pdk_sim_space(&f->d, false);
    create(f, 0, 2, "/a", 0);
    get(f, 0, 3, "/before", false);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_SYSTEM_ERROR);
    expect_answer(f, 0, 3, PDK_CODE_OK);
    pdk_zxid appended = f->d.appended;
    pdk_sim_advance(&f->d, 60000); /* no session expires while that cannot be logged */
    assert_true(f->d.appended == appended);
    pdk_sim_space(&f->d, true);
    pdk_sim_advance(&f->d, 1000);
    pdk_sim_durable(&f->d);
    assert_true(f->d.conns[0].closed_by_node);
}

static void a_client_that_only_reads_gets_a_session_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    pdk_sim_space(&f->d, false);
    pdk_sim_open(&f->d, 1, "127.0.0.1");
    pdk_sim_send(&f->d, 1, pdk_frame_connect(&f->b, 0, 4000, 0));
    assert_true(f->d.conns[1].closed_by_node); /* it did not say that reading will do */

    struct pdk_connect_request req = {.time_out = 4000,
                                      .passwd = pdk_slice_of("0123456789abcdef", 16),
                                      .read_only = true,
                                      .has_read_only = true};
    struct pdk_connect_response response;
    struct pdk_slice frame;
    pdk_buf_clear(&f->b);
    pdk_put_connect_request(&f->b, &req);
    pdk_sim_open(&f->d, 2, "127.0.0.1");
    pdk_sim_send(&f->d, 2, pdk_buf_slice(&f->b));
    assert_true(pdk_sim_read(&f->d, 2, &frame));
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_connect_response(&r, &response);
    assert_true(response.read_only);
    assert_int_equal(response.time_out, 4000);
    assert_int_equal(pdk_sessions_count(pdk_node_sessions(f->d.node)), 1); /* not of the log's */

    get(f, 2, 1, "/a", true);
    expect_answer(f, 2, 1, PDK_CODE_OK);
    create(f, 2, 2, "/b", 0);
    expect_answer(f, 2, 2, PDK_CODE_NOT_READ_ONLY);
    pdk_sim_space(&f->d, true);
    create(f, 2, 3, "/b", 0); /* it stays what it is */
    expect_answer(f, 2, 3, PDK_CODE_NOT_READ_ONLY);
    pdk_sim_advance(&f->d, 3999);
    assert_true(f->d.conns[2].open);
    pdk_sim_advance(&f->d, 2002);
    assert_true(f->d.conns[2].closed_by_node);
}

static void a_connection_over_the_outstanding_limit_is_paused_until_answers_leave(void **state)
{
    struct fixture *f = *state;
    pdk_sim_stop(&f->d);
    struct pdk_node_config config = pdk_sim_config(1);
    config.outstanding_limit = 3;
    pdk_sim_start(&f->d, &config);
    connect_session(f, 0, 10000);
    char path[8] = "/a";
    for (int32_t i = 1; i <= 10; i++) {
        path[1] = (char)('a' + i);
        create(f, 0, i, path, 0);
    }
    assert_true(f->d.conns[0].paused);
    pdk_zxid appended = f->d.appended;
    pdk_sim_durable(&f->d);
    assert_true(f->d.appended > appended);
    while (f->d.durable < f->d.appended) pdk_sim_durable(&f->d);
    for (int32_t i = 1; i <= 10; i++) expect_answer(f, 0, i, PDK_CODE_OK);
    assert_false(f->d.conns[0].paused);
}

static struct pdk_node_config restart(struct fixture *f, size_t txn_limit_bytes)
{
    pdk_sim_stop(&f->d);
    struct pdk_node_config config = pdk_sim_config(1);
    config.txn_limit_bytes = txn_limit_bytes;
    pdk_sim_start(&f->d, &config);
    return config;
}

static void a_transaction_that_no_reader_of_the_log_takes_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pdk_node_config config = restart(f, 150);
    connect_session(f, 0, 10000);
    pdk_sim_send(&f->d, 0, pdk_frame_auth(&f->b, "digest", "bob:pw"));
    expect_answer(f, 0, PDK_XID_AUTH, PDK_CODE_OK);
    /* "auth" stands for an identity that is longer than itself. */
    pdk_sim_send(&f->d, 0, pdk_frame_create_acl(&f->b, 1, "/a", "x", 0, PDK_PERM_ALL, "auth", ""));
    create(f, 0, 2, "/a", 0);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_MARSHALLING_ERROR);
    expect_answer(f, 0, 2, PDK_CODE_OK);
    pdk_sim_check_replay(&f->d, &config);
}

static void a_close_session_with_too_long_a_list_goes_without(void **state)
{
    struct fixture *f = *state;
    struct pdk_node_config config = restart(f, 150);
    connect_session(f, 0, 10000);
    for (int32_t i = 1; i <= 20; i++) create(f, 0, i, "/e", PDK_CREATE_EPHEMERAL_SEQUENTIAL);
    pdk_sim_durable_to(&f->d, f->d.appended - 5);
    pdk_sim_send(&f->d, 0, pdk_frame_bare(&f->b, 21, PDK_OP_CLOSE_SESSION));
    size_t at = 0;
    struct pdk_slice txn;
    while (pdk_sim_log_next(&f->d, &at, &txn)) PDK_ASSERT(txn.len <= 150);
    assert_int_equal(txn.len, PDK_TXN_HEADER_LEN);
    pdk_sim_durable(&f->d);
    struct pdk_tree_counts counts;
    pdk_tree_counts(pdk_node_tree(f->d.node), &counts);
    assert_int_equal(counts.ephemerals, 0);
    pdk_sim_check_replay(&f->d, &config);
}

/* "/big" holds a megabyte. */
static void create_big(struct fixture *f)
{
    enum { BYTES = 1000000 };
    char *text = malloc(BYTES + 1);
    assert_non_null(text);
    memset(text, 'b', BYTES);
    text[BYTES] = 0;
    pdk_sim_send(&f->d, 0, pdk_frame_create(&f->b, 1, PDK_OP_CREATE, "/big", text, 0));
    free(text);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
}

static void one_step_does_not_answer_without_end(void **state)
{
    struct fixture *f = *state;
    enum { READS = 80 };
    connect_session(f, 0, 10000);
    connect_session(f, 1, 10000);
    create_big(f);
    create(f, 0, 2, "/a", 0);
    for (int32_t i = 0; i < READS; i++) get(f, 0, 3 + i, "/big", false);
    create(f, 0, 3 + READS, "/b", 0);
    pdk_sim_send(&f->d, 1, pdk_frame_path(&f->b, 1, PDK_OP_SYNC, "/"));
    pdk_sim_durable(&f->d);
    assert_true(f->d.conns[0].in.len < (size_t)40 << 20);
    assert_false(pdk_node_idle(f->d.node));
    expect_silence(f, 1);
    assert_true(pdk_node_deadline(f->d.node) <= f->d.now.mono_ms);
    pdk_sim_advance(&f->d, 0);
    for (int32_t i = 2; i <= 3 + READS; i++) expect_answer(f, 0, i, PDK_CODE_OK);
    expect_answer(f, 1, 1, PDK_CODE_OK);
    assert_true(pdk_node_idle(f->d.node));
}

static void a_multi_read_has_an_end(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create_big(f);
    pdk_buf_clear(&f->b);
    pdk_put_request_header(&f->b,
                           &(struct pdk_request_header){.xid = 2, .type = PDK_OP_MULTI_READ});
    for (int i = 0; i < 100; i++) {
        pdk_put_multi_header(&f->b, &(struct pdk_multi_header){.type = PDK_OP_GET_DATA, .err = -1});
        pdk_put_bytes(&f->b, pdk_slice_str("/big"));
        pdk_put_bool(&f->b, false);
    }
    pdk_put_multi_header(&f->b, &(struct pdk_multi_header){.type = -1, .done = true, .err = -1});
    pdk_sim_send(&f->d, 0, pdk_buf_slice(&f->b));
    assert_int_equal(expect_answer(f, 0, 2, PDK_CODE_MARSHALLING_ERROR).body.len, 0);
}

static void a_session_does_not_expire_while_its_connection_is_not_read(void **state)
{
    struct fixture *f = *state;
    pdk_sim_stop(&f->d);
    struct pdk_node_config config = pdk_sim_config(1);
    config.outstanding_limit = 1;
    pdk_sim_start(&f->d, &config);
    connect_session(f, 0, 4000);
    connect_session(f, 1, 4000);
    create(f, 0, 1, "/a", 0);
    create(f, 0, 2, "/b", 0);
    assert_true(f->d.conns[0].paused);
    pdk_zxid before = f->d.appended;
    for (int i = 0; i < 20; i++) pdk_sim_advance(&f->d, 1000);
    assert_true(f->d.appended == before + 1); /* the other one, which was silent, ends */
    pdk_sim_durable(&f->d);
    assert_true(f->d.conns[1].closed_by_node);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_OK);
    assert_false(f->d.conns[0].paused);
    for (int i = 0; i < 8; i++) pdk_sim_advance(&f->d, 1000);
    pdk_sim_durable(&f->d);
    assert_true(f->d.conns[0].closed_by_node);
}

static void what_waited_longer_than_allowed_is_throttled(void **state)
{
    struct fixture *f = *state;
    pdk_sim_stop(&f->d);
    struct pdk_node_config config = pdk_sim_config(1);
    config.throttled_op_wait_ms = 1000;
    pdk_sim_start(&f->d, &config);
    connect_session(f, 0, 40000);
    create(f, 0, 1, "/a", 0);
    get(f, 0, 2, "/a", true);
    pdk_sim_send(&f->d, 0, pdk_frame_bare(&f->b, PDK_XID_PING, PDK_OP_PING));
    pdk_sim_advance(&f->d, 900);
    get(f, 0, 3, "/a", false);
    pdk_sim_advance(&f->d, 200);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_THROTTLED_OP);
    expect_answer(f, 0, PDK_XID_PING, PDK_CODE_OK);
    expect_answer(f, 0, 3, PDK_CODE_OK);
    assert_int_equal(pdk_node_metrics(f->d.node)->throttled_ops, 1);
    pdk_sim_send(&f->d, 0, pdk_frame_set(&f->b, 4, "/a", "y", -1));
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 4, PDK_CODE_OK); /* what was not executed has set no watch */
}

static void waiting_requests_without_a_record_count_too(void **state)
{
    struct fixture *f = *state;
    pdk_sim_stop(&f->d);
    struct pdk_node_config config = pdk_sim_config(1);
    config.conn_queue_bytes = 4096;
    pdk_sim_start(&f->d, &config);
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    for (int i = 0; i < 200; i++)
        pdk_sim_send(&f->d, 0, pdk_frame_bare(&f->b, PDK_XID_PING, PDK_OP_PING));
    assert_true(f->d.conns[0].paused);
    pdk_sim_durable(&f->d);
    assert_false(f->d.conns[0].paused);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    for (int i = 0; i < 200; i++) expect_answer(f, 0, PDK_XID_PING, PDK_CODE_OK);
}

static void requests_are_counted_as_apache_counts_them(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    struct pdk_node_summary sum;
    pdk_node_summary(f->d.node, &sum);
    const struct pdk_metrics *m = pdk_node_metrics(f->d.node);
    assert_int_equal(sum.packets_received, 1);
    assert_int_equal(m->updatelatency.summary.count, 1);
    assert_int_equal(m->op_count_create_session, 1);
    pdk_sim_send(&f->d, 0,
                 pdk_frame_create_acl(&f->b, 1, "/s", "abc", 0, PDK_PERM_ALL, "digest",
                                      "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="));
    create(f, 0, 2, "/a/b/c", 0);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    expect_answer(f, 0, 2, PDK_CODE_NO_NODE);
    pdk_sim_send(&f->d, 0, pdk_frame_read(&f->b, 3, PDK_OP_EXISTS, "/zookeeper", false));
    struct pdk_frame_answer answer = expect_answer(f, 0, 3, PDK_CODE_OK);
    pdk_node_summary(f->d.node, &sum);
    assert_int_equal(sum.packets_received, 4);
    assert_int_equal(sum.response_last, 16 + answer.body.len);
    assert_int_equal(m->op_count_create, 1); /* the one that failed is an error's */
    assert_int_equal(m->op_count_exists, 1);
    assert_int_equal(m->readlatency.summary.count, 1);
    assert_int_equal(m->updatelatency.summary.count, 3);
    assert_int_equal(m->outstanding_changes_queued, 2);
    assert_int_equal(m->outstanding_changes_removed, 2);
    assert_int_equal(m->propagation_latency.summary.count, 3);
    assert_int_equal(m->write_per_namespace.count, 1);
    assert_int_equal(m->read_per_namespace.count, 1);
}

static void watchers_that_may_not_read_are_counted_but_not_told(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    pdk_sim_send(&f->d, 0, pdk_frame_read(&f->b, 1, PDK_OP_EXISTS, "/s", true));
    expect_answer(f, 0, 1, PDK_CODE_NO_NODE);
    pdk_sim_send(&f->d, 0,
                 pdk_frame_create_acl(&f->b, 2, "/s", "abc", 0, PDK_PERM_ALL, "digest",
                                      "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="));
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 2, PDK_CODE_OK);
    assert_int_equal(pdk_node_metrics(f->d.node)->node_created_watch_count.sum, 1);
}

static void an_unknown_opcode_is_answered_in_its_turn_then_the_connection_closes(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    pdk_sim_send(&f->d, 0, pdk_frame_bare(&f->b, 2, 99));
    expect_silence(f, 0);
    pdk_sim_durable(&f->d);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    assert_true(expect_answer(f, 0, 2, PDK_CODE_UNIMPLEMENTED).header.zxid == -1);
    assert_true(f->d.conns[0].closed_by_node);
}

static void every_cut_and_flipped_frame_is_survived(void **state)
{
    struct fixture *f = *state;
    f->d.auto_durable = true;
    connect_session(f, 0, 40000);
    struct pdk_slice whole = pdk_frame_create(&f->b, 7, PDK_OP_CREATE2, "/zz/s-", "data", 3);
    uint8_t frame[256];
    size_t len = whole.len;
    assert_true(len < sizeof frame);
    memcpy(frame, whole.bytes, len);
    for (size_t i = 0; i < len * 9; i++) {
        if (!f->d.conns[1].open) connect_session(f, 1, 40000);
        uint8_t mangled[256];
        memcpy(mangled, frame, len);
        size_t send = len;
        if (i < len)
            send = i;
        else
            mangled[(i - len) / 8] ^= (uint8_t)(1u << (i - len) % 8);
        pdk_sim_send(&f->d, 1, pdk_slice_of(mangled, send));
    }
    get(f, 0, 1, "/zookeeper", false);
    expect_answer(f, 0, 1, PDK_CODE_OK);
    pdk_tree_validate(pdk_node_tree(f->d.node));
}

static void a_snapshot_is_exact_at_its_zxid(void **state)
{
    struct fixture *f = *state;
    connect_session(f, 0, 10000);
    create(f, 0, 1, "/a", 0);
    pdk_sim_durable(&f->d);
    uint64_t digest = pdk_tree_digest(pdk_node_tree(f->d.node));
    create(f, 0, 2, "/b", 0); /* proposed, not applied */
    pdk_node_step(f->d.node, &f->d.now, &(struct pdk_input){.kind = PDK_IN_SNAPSHOT_NOW});
    pdk_sim_durable(&f->d);
    assert_non_null(f->d.job);
    assert_true(f->d.job->zxid == f->d.appended - 1);
    assert_true(f->d.job->digest == digest);
    assert_true(pdk_view_digest(f->d.job->view) == digest);
    assert_int_equal(f->d.job->session_count, 1);
    assert_int_equal(f->d.rolls, 1);
    pdk_sim_snapshot_written(&f->d, PDK_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_write_is_answered_only_when_durable),
        T(a_session_is_granted_only_when_durable),
        T(what_is_not_durable_is_not_seen),
        T(a_read_waits_for_the_writes_of_its_own_connection_only),
        T(sync_waits_for_everything_proposed_before_it),
        T(each_write_sees_the_ones_proposed_before_it),
        T(commits_in_pieces_answer_in_zxid_order),
        T(an_event_comes_before_the_answer_that_shows_the_change),
        T(a_request_is_judged_by_the_identities_it_came_with),
        T(expiry_deletes_ephemerals_and_closes_the_connection),
        T(closing_takes_ephemerals_that_are_not_durable_yet_with_it),
        T(a_session_moves_to_the_connection_that_knows_its_password),
        T(a_wrong_password_is_refused_and_the_session_lives),
        T(a_client_that_left_before_its_session_was_made_leaves_it_to_expire),
        T(without_log_space_writes_are_refused_and_reads_go_on),
        T(a_client_that_only_reads_gets_a_session_on_a_full_disk),
        T(a_connection_over_the_outstanding_limit_is_paused_until_answers_leave),
        T(a_transaction_that_no_reader_of_the_log_takes_is_refused),
        T(a_close_session_with_too_long_a_list_goes_without),
        T(one_step_does_not_answer_without_end),
        T(a_multi_read_has_an_end),
        T(a_session_does_not_expire_while_its_connection_is_not_read),
        T(what_waited_longer_than_allowed_is_throttled),
        T(waiting_requests_without_a_record_count_too),
        T(requests_are_counted_as_apache_counts_them),
        T(watchers_that_may_not_read_are_counted_but_not_told),
        T(an_unknown_opcode_is_answered_in_its_turn_then_the_connection_closes),
        T(every_cut_and_flipped_frame_is_survived),
        T(a_snapshot_is_exact_at_its_zxid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
