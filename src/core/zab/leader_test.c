/* From the first link to UPTODATE, as zab.md sections 4 to 5.6 have it. */
#include "core/zab/testing_leader.h"

static struct lead r;

static int set_up(void **state)
{
    (void)state;
    lead_init(&r);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    lead_end(&r);
    return 0;
}

static void set_config(const char *text)
{
    pdk_members_drop(r.config.committed);
    r.config.committed = pdk_members_of_text(text);
}

/* ---- the whole way --------------------------------------------------------------------------- */

static void a_quorum_is_brought_up_step_by_step(void **state)
{
    (void)state;
    lead_start(&r);
    lead_expect(&r, "");
    lead_greet(&r, 1, 1, 1, 0);
    lead_expect(&r, "accept 2");
    lead_greet(&r, 2, 2, 1, 0);
    lead_expect(&r, "");
    lead_stored(&r, 2, false);
    lead_expect(&r, "1:LEADERINFO 200000000 2:LEADERINFO 200000000");
    assert_string_equal(r.sent, "00010000");
    lead_ackepoch(&r, 1, 1, ZXID(1, 1));
    lead_expect(&r, "vouch 2");
    lead_ackepoch(&r, 2, 1, ZXID(1, 2));
    lead_expect(&r, "");
    lead_stored(&r, 2, true);
    lead_expect(&r, "1:DIFF 100000002 1:PROPOSAL 100000002 1:COMMIT 100000002 "
                    "1:NEWLEADER 200000000 2:DIFF 100000002 2:NEWLEADER 200000000");
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_SYNC);
    lead_ack(&r, 2, ZXID(2, 0));
    lead_expect(&r, "commit 100000002 serve 2 2:UPTODATE ffffffffffffffff");
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "1:UPTODATE ffffffffffffffff");
    assert_int_equal(pdk_leader_epoch(r.l), 2);
}

static void one_voter_leads_alone(void **state)
{
    (void)state;
    set_config("server.3=c:1:2:participant;9\nserver.4=d:1:2:observer;9\nversion=0");
    lead_start(&r);
    lead_expect(&r, "accept 2");
    lead_stored(&r, 2, false);
    lead_expect(&r, "vouch 2");
    lead_stored(&r, 2, true);
    lead_expect(&r, "commit 100000002 serve 2");
    lead_propose(&r, 2);
    lead_expect(&r, "");
    lead_durable(&r, ZXID(2, 2));
    lead_expect(&r, "commit 200000002");
}

/* ---- discovery ------------------------------------------------------------------------------- */

static void the_epoch_is_above_all_that_were_promised(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 4, 4, 8, LEAD_OBSERVER); /* is heard, does not count */
    lead_greet(&r, 5, 77, 6, 0);            /* nor does a stranger */
    lead_expect(&r, "");
    lead_greet(&r, 1, 1, 3, 0);
    lead_expect(&r, "accept 9");
    lead_greet(&r, 2, 2, 20, 0); /* too late to be asked */
    lead_stored(&r, 9, false);
    lead_expect(&r, "4:LEADERINFO 900000000 5:LEADERINFO 900000000 1:LEADERINFO 900000000 "
                    "2:LEADERINFO 900000000");
    lead_greet(&r, 6, 78, 20, 0);
    lead_expect(&r, "close 6");
}

static void links_that_have_gone_do_not_count(void **state)
{
    (void)state;
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\n");
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    pdk_leader_closed(r.l, r.now_ms, 1);
    lead_greet(&r, 2, 2, 1, 0);
    lead_expect(&r, "");
    lead_greet(&r, 7, 1, 1, 0);
    lead_expect(&r, "accept 2");
}

static void only_the_new_link_of_a_server_counts(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 4, 4, 1, LEAD_OBSERVER);
    lead_greet(&r, 5, 4, 1, LEAD_OBSERVER);
    lead_expect(&r, "close 4");
    assert_false(pdk_leader_knows(r.l, 4));
    assert_int_equal(pdk_leader_learner_count(r.l), 1);
}

static void a_server_that_does_not_vote_cannot_lead(void **state)
{
    (void)state;
    r.config.me = 4;
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_greet(&r, 2, 2, 1, 0);
    lead_expect(&r, "");
    lead_tick(&r, 10001);
    lead_expect(&r, "close 1 close 2 lost");
}

static void epochs_do_not_wrap(void **state)
{
    (void)state;
    r.config.accepted_epoch = INT32_MAX;
    lead_start(&r);
    lead_expect(&r, "lost");
    lead_accept(&r, 1);
    lead_expect(&r, "close 1");
}

static void those_that_cannot_be_led_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        int32_t type;
        pdk_zxid zxid;
        size_t len;
        int64_t sid, version;
        int32_t protocol;
    } cases[] = {
        {"neither FOLLOWERINFO", PDK_Q_ACK, 0, 20, 1, 0, 0x10000},
        {"older than", PDK_Q_FOLLOWERINFO, 0, 0, 1, 0, 0x10000},
        {"older than", PDK_Q_FOLLOWERINFO, 0, 8, 1, 0, 0x10000},
        {"older than", PDK_Q_FOLLOWERINFO, 0, 20, 1, 0, 0xffff},
        {"0 to 255", PDK_Q_FOLLOWERINFO, 0, 20, -1, 0, 0x10000},
        {"0 to 255", PDK_Q_OBSERVERINFO, 0, 20, 256, 0, 0x10000},
        {"our server id", PDK_Q_FOLLOWERINFO, 0, 20, 3, 0, 0x10000},
        {"newer than ours", PDK_Q_FOLLOWERINFO, 0, 20, 1, 1, 0x10000},
        {"accepted epoch", PDK_Q_FOLLOWERINFO, -1, 20, 1, 0, 0x10000},
        {"accepted epoch", PDK_Q_FOLLOWERINFO, ZXID(INT32_MAX, 0), 20, 1, 0, 0x10000},
    };
    lead_start(&r);
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        uint8_t data[20];
        pdk_store_u64(data, (uint64_t)cases[i].sid);
        pdk_store_u32(data + 8, (uint32_t)cases[i].protocol);
        pdk_store_u64(data + 12, (uint64_t)cases[i].version);
        lead_accept(&r, 1);
        lead_packet(&r, 1, (enum pdk_qtype)cases[i].type, cases[i].zxid,
                    pdk_slice_of(data, cases[i].len));
        lead_expect(&r, "close 1");
        if (strstr(r.log, cases[i].why) == NULL) fail_msg("case %zu: %s", i, r.log);
    }
    /* Without a config's version there is nothing to compare. */
    uint8_t data[12] = {[7] = 1, [9] = 1};
    lead_accept(&r, 1);
    lead_packet(&r, 1, PDK_Q_FOLLOWERINFO, 0, pdk_slice_of(data, 12));
    lead_expect(&r, "accept 2");
}

static void broken_bytes_close_a_link(void **state)
{
    (void)state;
    static const uint8_t broken[16] = {[3] = 11, [12] = 0x80};
    lead_start(&r);
    lead_accept(&r, 1);
    lead_bytes(&r, 1, pdk_slice_of(broken, 16));
    lead_expect(&r, "close 1");
}

static void strangers_are_limited(void **state)
{
    (void)state;
    lead_start(&r);
    for (uint32_t i = 0; i < 256; i++)
        pdk_leader_accepted(r.l, r.now_ms, 100 + i, pdk_slice_str("10.0.0.9"));
    lead_expect(&r, "");
    lead_accept(&r, 1);
    lead_expect(&r, "close 100"); /* the one that has been silent longest */
    pdk_leader_closed(r.l, r.now_ms, 101);
    lead_greet(&r, 2, 2, 1, 0);
    lead_expect(&r, "accept 2");
}

/* ---- the promise ----------------------------------------------------------------------------- */

static void start_epoch_2(void)
{
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_stored(&r, 2, false);
    lead_skip(&r);
}

static void who_knows_more_ends_the_link_not_the_term(void **state)
{
    (void)state;
    static const struct {
        int32_t current;
        pdk_zxid last;
        bool more;
    } cases[] = {
        {1, ZXID(1, 2), false}, {1, ZXID(1, 3), true},  {2, ZXID(1, 1), true},
        {0, ZXID(1, 9), false}, {1, ZXID(1, 0), false}, {1, ZXID(2, 0), true},
        {9, -1, false}, /* it trusts nothing that it has */
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        start_epoch_2();
        lead_greet(&r, 4, 4, 1, LEAD_OBSERVER); /* so that no quorum comes of it */
        lead_skip(&r);
        lead_ackepoch(&r, 4, cases[i].current, cases[i].last);
        if (pdk_leader_knows(r.l, 4) == cases[i].more) fail_msg("case %zu", i);
        pdk_leader_destroy(r.l);
    }
    lead_start(&r);
}

/* Known only from later epochs, e:0 is less than any transaction of ours. */
static void a_tree_from_the_start_of_our_epoch_is_not_more(void **state)
{
    (void)state;
    r.config.current_epoch = 4;
    r.config.accepted_epoch = 4;
    lead_start(&r);
    lead_greet(&r, 1, 1, 4, 0);
    lead_stored(&r, 5, false);
    lead_skip(&r);
    lead_ackepoch(&r, 1, 4, ZXID(4, 0));
    lead_stored(&r, 5, true);
    lead_expect(&r, "vouch 5 1:DIFF 400000000 1:NEWLEADER 500000000");
}

static void a_promise_counts_once_and_outlives_its_link(void **state)
{
    (void)state;
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\n");
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_greet(&r, 2, 2, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    pdk_leader_closed(r.l, r.now_ms, 1);
    lead_greet(&r, 7, 1, 2, 0);
    lead_ackepoch(&r, 7, -1, ZXID(1, 2));
    lead_skip(&r);
    lead_ackepoch(&r, 2, -1, ZXID(1, 2)); /* has promised it to another, or to us before */
    lead_expect(&r, "");
    lead_greet(&r, 5, 5, 1, 0);
    lead_ackepoch(&r, 5, 1, -1); /* has nothing to vouch for */
    lead_expect(&r, "5:LEADERINFO 200000000");
    lead_greet(&r, 6, 6, 1, 0);
    lead_ackepoch(&r, 6, 1, ZXID(1, 2));
    lead_expect(&r, "6:LEADERINFO 200000000 vouch 2");
}

static void after_the_quorum_nobody_knows_too_much(void **state)
{
    (void)state;
    start_epoch_2();
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_skip(&r);
    lead_greet(&r, 2, 2, 1, 0);
    lead_ackepoch(&r, 2, 1, ZXID(1, 9)); /* an uncommitted tail */
    lead_expect(&r, "2:LEADERINFO 200000000 2:TRUNC 100000002 2:NEWLEADER 200000000");
}

static void answers_to_leaderinfo_are_checked(void **state)
{
    (void)state;
    static const uint8_t current[4] = {0, 0, 0, 1};
    static const uint8_t negative[4] = {0xff, 0xff, 0xff, 0xfe};
    static const struct {
        enum pdk_qtype type;
        pdk_zxid zxid;
        struct pdk_slice data;
    } cases[] = {
        {PDK_Q_ACK, ZXID(2, 0), {.is_null = true}},
        {PDK_Q_ACKEPOCH, ZXID(1, 2), {.is_null = true}},
        {PDK_Q_ACKEPOCH, ZXID(1, 2), {.bytes = current, .len = 3}},
        {PDK_Q_ACKEPOCH, ZXID(1, 2), {.bytes = negative, .len = 4}},
        {PDK_Q_ACKEPOCH, -2, {.bytes = current, .len = 4}},
    };
    start_epoch_2();
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        lead_greet(&r, 2, 2, 1, 0);
        lead_packet(&r, 2, cases[i].type, cases[i].zxid, cases[i].data);
        lead_expect(&r, "2:LEADERINFO 200000000 close 2");
    }
}

static void nobody_speaks_before_it_is_asked(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 4, 4, 1, LEAD_OBSERVER);
    lead_ackepoch(&r, 4, 1, ZXID(1, 2));
    lead_expect(&r, "close 4");
    lead_greet(&r, 4, 4, 1, LEAD_OBSERVER);
    lead_packet(&r, 4, PDK_Q_REQUEST, -1, pdk_slice_str("x"));
    lead_expect(&r, "close 4");
    lead_greet(&r, 4, 4, 1, LEAD_OBSERVER);
    lead_packet(&r, 4, PDK_Q_PING, 0, pdk_slice_str(""));
    lead_expect(&r, "");
}

/* ---- a quorum that has everything ------------------------------------------------------------ */

static void our_own_log_must_be_durable_to_count(void **state)
{
    (void)state;
    r.config.log_is_durable = false;
    start_epoch_2();
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_skip(&r);
    lead_durable(&r, ZXID(1, 1));
    lead_expect(&r, "");
    lead_durable(&r, ZXID(1, 2));
    lead_expect(&r, "commit 100000002 serve 2 1:UPTODATE ffffffffffffffff");
}

static void observers_do_not_make_a_quorum(void **state)
{
    (void)state;
    start_epoch_2();
    lead_greet(&r, 4, 4, 1, LEAD_OBSERVER);
    lead_greet(&r, 5, 2, 1, LEAD_OBSERVER); /* a voter that only looks on */
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_ackepoch(&r, 4, 1, ZXID(1, 2));
    lead_ackepoch(&r, 5, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 4, ZXID(2, 0));
    lead_ack(&r, 5, ZXID(2, 0));
    lead_skip(&r);
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_SYNC);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "commit 100000002 serve 2 1:UPTODATE ffffffffffffffff "
                    "4:UPTODATE ffffffffffffffff 5:UPTODATE ffffffffffffffff");
}

static void whoever_is_ours_is_told_that_we_are(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 2, 2, 1, LEAD_PADDOCK);
    lead_stored(&r, 2, false);
    lead_expect(&r, "accept 2 2:LEADERINFO 200000000");
    assert_string_equal(r.sent, "0001000050444b31");
}

/* ---- configs --------------------------------------------------------------------------------- */

static void a_config_without_version_gets_one(void **state)
{
    (void)state;
    r.config.limits.reconfig_enabled = true;
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_stored(&r, 2, false);
    lead_expect(&r, "accept 2 seen 200000000 1:LEADERINFO 200000000");
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_expect(&r, "vouch 2 1:DIFF 100000002 1:NEWLEADER 200000000");
    assert_non_null(strstr(r.sent, "76657273696f6e3d323030303030303030")); /* version=200000000 */
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "active 200000000 by 3 commit 100000002 serve 2 1:UPTODATE ffffffffffffffff");
}

static void without_reconfig_configs_stay_as_they_are(void **state)
{
    (void)state;
    r.config.last_seen = pdk_members_of_text("server.1=a:1:2\nserver.3=c:1:2\nversion=100000001");
    start_epoch_2();
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_expect(&r, "vouch 2 1:DIFF 100000002 1:NEWLEADER 200000000");
    assert_non_null(strstr(r.sent, "76657273696f6e3d30")); /* version=0 */
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "commit 100000002 serve 2 1:UPTODATE ffffffffffffffff");
}

/* A reconfig that was under way is finished: its config needs a quorum, too. */
static void a_config_under_way_comes_into_force_with_both_quorums(void **state)
{
    (void)state;
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=100000001");
    r.config.limits.reconfig_enabled = true;
    r.config.last_seen =
        pdk_members_of_text("server.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\nversion=100000002");
    start_epoch_2();
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_skip(&r);
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_SYNC);
    lead_greet(&r, 5, 5, 1, 0);
    lead_ackepoch(&r, 5, 1, ZXID(1, 2));
    lead_skip(&r);
    lead_ack(&r, 5, ZXID(2, 0));
    lead_expect(&r, "active 100000002 by 3 commit 100000002 serve 2 1:UPTODATE ffffffffffffffff "
                    "5:UPTODATE ffffffffffffffff");
}

/* Who is given a vote by the config under way does not know of it, and comes as an observer. */
static void an_observer_that_is_to_vote_helps_to_bring_its_config_into_force(void **state)
{
    (void)state;
    set_config("server.1=a:1:2\nserver.3=c:1:2\nserver.5=e:1:2:observer\nversion=100000001");
    r.config.limits.reconfig_enabled = true;
    r.config.last_seen = pdk_members_of_text(
        "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nversion=100000002");
    start_epoch_2();
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_greet(&r, 5, 5, 1, LEAD_OBSERVER);
    lead_ackepoch(&r, 5, 1, ZXID(1, 2));
    lead_skip(&r);
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_SYNC);
    lead_ack(&r, 5, ZXID(2, 0));
    lead_expect(&r, "active 100000002 by 3 commit 100000002 serve 2 1:UPTODATE ffffffffffffffff "
                    "5:UPTODATE ffffffffffffffff");
}

/* It names servers without us: they are told, and we are done. */
static void a_config_under_way_may_end_the_term(void **state)
{
    (void)state;
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=100000001");
    r.config.limits.reconfig_enabled = true;
    r.config.last_seen = pdk_members_of_text("server.1=a:1:2\nserver.2=b:1:2\nversion=100000002");
    start_epoch_2();
    lead_greet(&r, 2, 2, 1, 0);
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_ackepoch(&r, 2, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_skip(&r);
    lead_ack(&r, 2, ZXID(2, 0));
    lead_expect(&r, "active 100000002 by 2 commit 100000002 1:UPTODATE ffffffffffffffff "
                    "2:UPTODATE ffffffffffffffff close 1 departed 1 close 2 departed 2 lost");
}

/* ---- the end --------------------------------------------------------------------------------- */

static void phases_that_take_too_long_end_the_term(void **state)
{
    (void)state;
    for (int phase = PDK_LEADER_DISCOVERY; phase <= PDK_LEADER_SYNC; phase++) {
        lead_start(&r);
        if (phase >= PDK_LEADER_EPOCH) {
            lead_greet(&r, 1, 1, 1, 0);
            lead_stored(&r, 2, false);
        }
        if (phase >= PDK_LEADER_SYNC) {
            lead_ackepoch(&r, 1, 1, ZXID(1, 2));
            lead_stored(&r, 2, true);
        }
        assert_int_equal(pdk_leader_phase(r.l), phase);
        lead_skip(&r);
        lead_tick(&r, 10000);
        assert_null(strstr(r.text, "lost"));
        lead_skip(&r);
        lead_tick(&r, 501);
        struct pdk_zab_effect e, last = {0};
        while (pdk_leader_next(r.l, &e)) last = e;
        assert_int_equal(last.kind, PDK_ZAB_LOST);
        assert_int_equal(pdk_leader_deadline(r.l), INT64_MAX);
        pdk_leader_destroy(r.l);
    }
    lead_start(&r);
}

static void nothing_happens_after_the_end(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    pdk_leader_retire(r.l, r.now_ms, PDK_SID_NONE);
    lead_expect(&r, "close 2 departed 2 lost");
    lead_propose(&r, 1);
    lead_ack(&r, 2, ZXID(2, 1));
    lead_durable(&r, ZXID(2, 1));
    lead_stored(&r, 2, true);
    pdk_leader_closed(r.l, r.now_ms, 2);
    pdk_leader_streamed(r.l, r.now_ms, 2, false);
    pdk_leader_retire(r.l, r.now_ms, 2);
    lead_tick(&r, 100000);
    (void)pdk_leader_confirm(r.l, r.now_ms);
    pdk_leader_send(r.l, 2, PDK_Q_SYNC, 0, pdk_slice_null());
    lead_expect(&r, "");
    lead_accept(&r, 5);
    lead_expect(&r, "close 5");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quorum_is_brought_up_step_by_step),
        TEST(one_voter_leads_alone),
        TEST(the_epoch_is_above_all_that_were_promised),
        TEST(links_that_have_gone_do_not_count),
        TEST(only_the_new_link_of_a_server_counts),
        TEST(a_server_that_does_not_vote_cannot_lead),
        TEST(epochs_do_not_wrap),
        TEST(those_that_cannot_be_led_are_refused),
        TEST(broken_bytes_close_a_link),
        TEST(strangers_are_limited),
        TEST(who_knows_more_ends_the_link_not_the_term),
        TEST(a_tree_from_the_start_of_our_epoch_is_not_more),
        TEST(a_promise_counts_once_and_outlives_its_link),
        TEST(after_the_quorum_nobody_knows_too_much),
        TEST(answers_to_leaderinfo_are_checked),
        TEST(nobody_speaks_before_it_is_asked),
        TEST(our_own_log_must_be_durable_to_count),
        TEST(observers_do_not_make_a_quorum),
        TEST(whoever_is_ours_is_told_that_we_are),
        TEST(a_config_without_version_gets_one),
        TEST(without_reconfig_configs_stay_as_they_are),
        TEST(a_config_under_way_comes_into_force_with_both_quorums),
        TEST(an_observer_that_is_to_vote_helps_to_bring_its_config_into_force),
        TEST(a_config_under_way_may_end_the_term),
        TEST(phases_that_take_too_long_end_the_term),
        TEST(nothing_happens_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
