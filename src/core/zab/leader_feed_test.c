/* A follower that feeds observers: zab.md section 7.5. */
#include "core/zab/testing_leader.h"

static struct lead r;

static int set_up(void **state)
{
    (void)state;
    lead_init(&r);
    r.config.me = 1;
    r.config.feeds = true;
    r.config.fed = ZXID(1, 2);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    lead_end(&r);
    return 0;
}

static void come(uint32_t link, pdk_sid sid, pdk_zxid last)
{
    lead_greet(&r, link, sid, 1, LEAD_OBSERVER);
    lead_ackepoch(&r, link, 1, last);
}

static void an_observer_is_answered_at_once_in_our_epoch(void **state)
{
    (void)state;
    lead_start(&r);
    lead_expect(&r, "");
    come(4, 4, ZXID(1, 1));
    lead_expect(&r, "4:LEADERINFO 100000000 4:DIFF 100000002 4:PROPOSAL 100000002 "
                    "4:COMMIT 100000002 4:NEWLEADER 100000000");
    lead_ack(&r, 4, ZXID(1, 0));
    lead_expect(&r, "4:UPTODATE ffffffffffffffff");
}

static void only_observers_are_fed(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 2, 2, 1, 0);
    lead_expect(&r, "close 2");
}

/* Our own history may be ahead of what our leader has said is committed. */
static void what_is_committed_is_passed_on(void **state)
{
    (void)state;
    test_add(r.history, ZXID(1, 3), 4);
    test_add(r.history, ZXID(1, 4), 4);
    lead_start(&r);
    come(4, 4, ZXID(1, 2));
    lead_ack(&r, 4, ZXID(1, 0));
    lead_ack(&r, 4, ZXID(1, 0));
    lead_expect(&r, "4:LEADERINFO 100000000 4:DIFF 100000002 4:NEWLEADER 100000000 "
                    "4:UPTODATE ffffffffffffffff");
    pdk_leader_feed(r.l, r.now_ms, ZXID(1, 3));
    lead_expect(&r, "4:INFORM 100000003");
    pdk_leader_feed(r.l, r.now_ms, ZXID(1, 3));
    lead_expect(&r, "");
    lead_tick(&r, 500);
    lead_expect(&r, "4:PING 100000003");
    lead_packet(&r, 4, PDK_Q_REQUEST, -1, pdk_slice_str("up"));
    lead_expect(&r, "node 4 REQUEST");
}

static void a_config_that_comes_into_force_is_passed_on(void **state)
{
    (void)state;
    test_add(r.history, ZXID(1, 3), 4);
    test_add(r.history, ZXID(1, 4), 4);
    lead_start(&r);
    come(4, 4, ZXID(1, 2));
    lead_ack(&r, 4, ZXID(1, 0));
    lead_skip(&r);
    struct pdk_members *m = pdk_members_of_text("server.1=a:1:2\nversion=100000004\n");
    pdk_leader_feed_config(r.l, r.now_ms, ZXID(1, 4), m, 3);
    pdk_members_drop(m);
    lead_expect(&r, "4:INFORM 100000003 4:INFORMANDACTIVATE 100000004");
    assert_memory_equal(r.sent, "0000000000000003", 16);
    come(5, 5, ZXID(1, 4));
    lead_expect(&r, "5:LEADERINFO 100000000 5:DIFF 100000004 5:NEWLEADER 100000000");
    assert_non_null(strstr(r.sent, "76657273696f6e3d313030303030303034")); /* version=100000004 */
}

static void who_is_alone_goes_on(void **state)
{
    (void)state;
    lead_start(&r);
    come(4, 4, ZXID(1, 2));
    pdk_leader_closed(r.l, r.now_ms, 4);
    lead_skip(&r);
    for (int i = 0; i < 100; i++) lead_tick(&r, 500);
    lead_expect(&r, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_observer_is_answered_at_once_in_our_epoch),
        TEST(only_observers_are_fed),
        TEST(what_is_committed_is_passed_on),
        TEST(a_config_that_comes_into_force_is_passed_on),
        TEST(who_is_alone_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
