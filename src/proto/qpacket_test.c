#include "proto/qpacket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "jute/records.h"

#define LIMIT 64

/* createSession, and a create with an identity, as captured between Apache's servers. */
static const uint8_t create_session[] = {0,    0,    0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0, 0, 0,    0x14, 1,    0,    0,    0x0d,
                                         0xcf, 0x49, 0, 0, 0,    0,    0,    0,    0xff, 0xff,
                                         0xff, 0xf6, 0, 0, 0x17, 0x70, 0xff, 0xff, 0xff, 0xff};
static const uint8_t check_with_id[] = {
    0, 0, 0,   1,   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,   0,
    0, 2, 'a', 'b', 0,    0,    0,    1,    0,    0,    0,    2,    'i', 'p',
    0, 0, 0,   9,   '1',  '2',  '7',  '.',  '0',  '.',  '0',  '.',  '1'};

static enum pdk_qfound read_all(struct pdk_slice bytes, struct pdk_qpacket *out)
{
    size_t used = 99;
    enum pdk_qfound found = pdk_qpacket_read(bytes, LIMIT, out, &used);
    assert_int_equal(used, found == PDK_QFOUND_PACKET ? bytes.len : 0);
    return found;
}

static void captured_packets_are_read_and_written_the_same(void **state)
{
    (void)state;
    struct pdk_qpacket p;
    assert_int_equal(read_all(pdk_slice_of(create_session, sizeof create_session), &p),
                     PDK_QFOUND_PACKET);
    assert_int_equal(p.type, PDK_Q_REQUEST);
    assert_int_equal(p.zxid, -1);
    assert_int_equal(p.data.len, 20);
    assert_true(p.authinfo.is_null);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_qpacket(&b, PDK_Q_REQUEST, -1, p.data);
    assert_true(
        pdk_slice_eq(pdk_buf_slice(&b), pdk_slice_of(create_session, sizeof create_session)));

    assert_int_equal(read_all(pdk_slice_of(check_with_id, sizeof check_with_id), &p),
                     PDK_QFOUND_PACKET);
    assert_true(pdk_slice_eq_str(p.data, "ab"));
    assert_int_equal(p.authinfo.count, 1);
    struct pdk_reader it = pdk_reader_of(p.authinfo.body);
    struct pdk_id id;
    pdk_read_id(&it, &id);
    assert_true(pdk_slice_eq_str(id.scheme, "ip"));
    assert_true(pdk_slice_eq_str(id.id, "127.0.0.1"));
    pdk_buf_clear(&b);
    pdk_put_qpacket_whole(&b, &p);
    assert_true(pdk_slice_eq(pdk_buf_slice(&b), pdk_slice_of(check_with_id, sizeof check_with_id)));
    pdk_buf_deinit(&b);
}

static void null_and_empty_data_are_different(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_qpacket(&b, PDK_Q_PING, 0x10000000b, pdk_slice_of("", 0));
    pdk_put_qpacket(&b, PDK_Q_PING, 0x10000000b, pdk_slice_null());
    struct pdk_qpacket p;
    size_t used;
    assert_int_equal(pdk_qpacket_read(pdk_buf_slice(&b), 0, &p, &used), PDK_QFOUND_PACKET);
    assert_int_equal(used, 20);
    assert_false(p.data.is_null);
    assert_int_equal(p.data.len, 0);
    struct pdk_slice second = pdk_slice_of(b.bytes + used, b.len - used);
    assert_int_equal(pdk_qpacket_read(second, 0, &p, &used), PDK_QFOUND_PACKET);
    assert_int_equal(used, 20);
    assert_true(p.data.is_null);
    assert_int_equal(p.zxid, 0x10000000b);
    pdk_buf_clear(&b);
    pdk_put_qpacket(&b, PDK_Q_PING, 0, pdk_slice_of("x", 1));
    assert_int_equal(pdk_qpacket_read(pdk_buf_slice(&b), 0, &p, &used), PDK_QFOUND_BROKEN);
    assert_int_equal(pdk_qpacket_read(pdk_buf_slice(&b), 1, &p, &used), PDK_QFOUND_PACKET);
    pdk_buf_deinit(&b);
}

static void a_part_of_a_packet_is_waited_for(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof check_with_id; len++) {
        /* A copy of its own, so that a read behind the end is seen. */
        uint8_t *part = pdk_mem_must(pdk_mem_heap(), len + 1);
        memcpy(part, check_with_id, len);
        struct pdk_qpacket p;
        enum pdk_qfound found = read_all(pdk_slice_of(part, len), &p);
        pdk_mem_free(pdk_mem_heap(), part);
        if (found != PDK_QFOUND_MORE) fail_msg("%zu bytes gave %d", len, (int)found);
    }
}

static void bytes_behind_a_packet_are_left(void **state)
{
    (void)state;
    uint8_t two[2 * sizeof create_session];
    memcpy(two, create_session, sizeof create_session);
    memcpy(two + sizeof create_session, create_session, sizeof create_session);
    struct pdk_qpacket p;
    size_t used;
    assert_int_equal(pdk_qpacket_read(pdk_slice_of(two, sizeof two - 1), LIMIT, &p, &used),
                     PDK_QFOUND_PACKET);
    assert_int_equal(used, sizeof create_session);
}

/* A packet whose data and authinfo begin with these lengths; text fills the rest. */
static enum pdk_qfound read_lengths(int32_t data, int32_t ids, int32_t scheme)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_i32(&b, PDK_Q_REQUEST);
    pdk_put_i64(&b, -1);
    pdk_put_i32(&b, data);
    for (int32_t i = 0; i < data; i++) pdk_put_u8(&b, 'd');
    pdk_put_i32(&b, ids);
    pdk_put_i32(&b, scheme);
    struct pdk_qpacket p;
    size_t used;
    enum pdk_qfound found = pdk_qpacket_read(pdk_buf_slice(&b), LIMIT, &p, &used);
    pdk_buf_deinit(&b);
    return found;
}

static void lengths_beyond_belief_break_the_stream(void **state)
{
    (void)state;
    assert_int_equal(read_lengths(LIMIT, -1, -1), PDK_QFOUND_PACKET);
    assert_int_equal(read_lengths(LIMIT + 1, -1, -1), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(-2, -1, -1), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(INT32_MIN, -1, -1), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(0, -2, -1), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(0, PDK_QPACKET_IDS_MAX, -1), PDK_QFOUND_MORE);
    assert_int_equal(read_lengths(0, PDK_QPACKET_IDS_MAX + 1, -1), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(0, 1, -1), PDK_QFOUND_MORE);
    assert_int_equal(read_lengths(0, 1, LIMIT - 4), PDK_QFOUND_MORE);
    assert_int_equal(read_lengths(0, 1, LIMIT - 3), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(0, 1, -2), PDK_QFOUND_BROKEN);
    assert_int_equal(read_lengths(0, 0, 0), PDK_QFOUND_PACKET);
}

static void identities_are_limited_as_a_whole(void **state)
{
    (void)state;
    static const uint8_t nulls[] = {0,    0,    0,    1,    0,    0,    0,    0,   0, 0,
                                    0,    0,    0xff, 0xff, 0xff, 0xff, 0,    0,   0, 1,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct pdk_qpacket p;
    size_t used;
    for (size_t limit = 0; limit <= 9; limit++) {
        assert_int_equal(pdk_qpacket_read(pdk_slice_of(nulls, sizeof nulls), limit, &p, &used),
                         limit >= 8 ? PDK_QFOUND_PACKET : PDK_QFOUND_BROKEN);
    }
    for (int32_t count = 1; count <= 4; count++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), 1000);
        pdk_put_i32(&b, PDK_Q_REQUEST);
        pdk_put_i64(&b, -1);
        pdk_put_i32(&b, -1);
        pdk_put_i32(&b, count);
        for (int32_t i = 0; i < count; i++) /* 20 bytes each */
            pdk_put_id(&b, &(struct pdk_id){pdk_slice_str("ip"), pdk_slice_str("127.0.0.12")});
        assert_int_equal(pdk_qpacket_read(pdk_buf_slice(&b), 60, &p, &used),
                         count <= 3 ? PDK_QFOUND_PACKET : PDK_QFOUND_BROKEN);
        pdk_buf_deinit(&b);
    }
}

static void types_have_the_names_of_the_protocol(void **state)
{
    (void)state;
    static const char *const names[] = {
        "?",         "REQUEST",      "PROPOSAL",   "ACK",      "COMMIT",
        "PING",      "REVALIDATE",   "SYNC",       "INFORM",   "COMMITANDACTIVATE",
        "NEWLEADER", "FOLLOWERINFO", "UPTODATE",   "DIFF",     "TRUNC",
        "SNAP",      "OBSERVERINFO", "LEADERINFO", "ACKEPOCH", "INFORMANDACTIVATE",
        "?"};
    for (int32_t i = 0; i < (int32_t)PDK_COUNT_OF(names); i++)
        assert_string_equal(pdk_qtype_name(i), names[i]);
    assert_string_equal(pdk_qtype_name(-1), "?");
}

/* ---- LearnerInfo ----------------------------------------------------------------------------- */

static const uint8_t learner_info[] = {0, 0, 0, 0, 0, 0, 0, 1, 0,   1,   0,   0,
                                       0, 0, 0, 1, 0, 0, 0, 7, 'P', 'D', 'K', '1'};

static void learner_info_tells_what_was_there(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof learner_info; len++) {
        struct pdk_learner_info info = pdk_learner_info_of(pdk_slice_of(learner_info, len));
        assert_int_equal(info.has_sid, len >= 8);
        assert_int_equal(info.sid, len >= 8 ? 1 : 0);
        assert_int_equal(info.protocol, len >= 12 ? PDK_LEARNER_PROTOCOL : 1);
        assert_int_equal(info.has_config_version, len >= 20);
        assert_int_equal(info.config_version, len >= 20 ? 0x100000007 : 0);
        assert_int_equal(info.is_paddock, len == 24);
    }
    assert_false(pdk_learner_info_of(pdk_slice_null()).has_sid);
}

static void another_tail_is_no_paddock(void **state)
{
    (void)state;
    uint8_t other[sizeof learner_info + 1];
    memcpy(other, learner_info, sizeof learner_info);
    other[sizeof learner_info] = 9; /* a later peer may say more */
    assert_true(pdk_learner_info_of(pdk_slice_of(other, sizeof other)).is_paddock);
    other[sizeof learner_info - 1] = '2';
    assert_false(pdk_learner_info_of(pdk_slice_of(other, sizeof other)).is_paddock);
}

static void learner_info_is_written_as_far_as_it_is_known(void **state)
{
    (void)state;
    static const struct {
        bool sid, version, paddock;
        size_t len;
    } cases[] = {{true, true, true, 24},
                 {true, true, false, 20},
                 {true, false, true, 12},
                 {false, true, true, 0}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), 100);
        pdk_put_learner_info(&b, &(struct pdk_learner_info){.has_sid = cases[i].sid,
                                                            .sid = 1,
                                                            .protocol = PDK_LEARNER_PROTOCOL,
                                                            .has_config_version = cases[i].version,
                                                            .config_version = 0x100000007,
                                                            .is_paddock = cases[i].paddock});
        assert_int_equal(b.len, cases[i].len);
        if (b.len > 0) assert_memory_equal(b.bytes, learner_info, b.len);
        pdk_buf_deinit(&b);
    }
}

static void leader_info_tells_who_leads(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0, 0, 'P', 'D', 'K', '1'};
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct pdk_leader_info info = pdk_leader_info_of(pdk_slice_of(bytes, len));
        assert_int_equal(info.protocol, len >= 4 ? PDK_LEARNER_PROTOCOL : 1);
        assert_int_equal(info.is_paddock, len == 8);
    }
    assert_int_equal(pdk_leader_info_of(pdk_slice_null()).protocol, 1);
    for (size_t paddock = 0; paddock < 2; paddock++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), 100);
        pdk_put_leader_info(&b, &(struct pdk_leader_info){.protocol = PDK_LEARNER_PROTOCOL,
                                                          .is_paddock = paddock == 1});
        assert_int_equal(b.len, paddock == 1 ? 8 : 4);
        assert_memory_equal(b.bytes, bytes, b.len);
        pdk_buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_packets_are_read_and_written_the_same),
        cmocka_unit_test(null_and_empty_data_are_different),
        cmocka_unit_test(a_part_of_a_packet_is_waited_for),
        cmocka_unit_test(bytes_behind_a_packet_are_left),
        cmocka_unit_test(lengths_beyond_belief_break_the_stream),
        cmocka_unit_test(identities_are_limited_as_a_whole),
        cmocka_unit_test(types_have_the_names_of_the_protocol),
        cmocka_unit_test(learner_info_tells_what_was_there),
        cmocka_unit_test(another_tail_is_no_paddock),
        cmocka_unit_test(learner_info_is_written_as_far_as_it_is_known),
        cmocka_unit_test(leader_info_tells_who_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
