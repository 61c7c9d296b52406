/* Configs that a learner is told of (zab.md section 9). */
#include "core/zab/testing_learner.h"

#define THREE "server.1=a:1:2:participant;9\nserver.2=b:1:2:participant;9\n"
#define WITH_4 THREE "server.4=d:1:2:participant;9\n"
#define SHORT(role) "server.1=a:1:2:" role ";9\nserver.2=b:1:2:participant;9\n"
#define BOTH_MORE "server.2=b:1:2:participant;9\nserver.3=c:1:2:participant;9\n"
#define MOVED "server.1=a:1:2:participant;9\nserver.2=b:11:2:participant;9\n"

/* A reconfig to `members`, in the envelope of a transaction. */
static void put_reconfig(struct pdk_buf *txn, pdk_zxid zxid, const char *members)
{
    pdk_put_txn_header(txn, &(struct pdk_txn_header){.client_id = 0x11,
                                                     .cxid = 1,
                                                     .zxid = zxid,
                                                     .time = 1700000000000,
                                                     .type = PDK_OP_RECONFIG});
    struct pdk_buf text;
    pdk_buf_init(&text, pdk_mem_heap(), 10000);
    pdk_put_text(&text, "%sversion=%llx", members, (unsigned long long)zxid);
    pdk_put_set_data_txn(txn, &(struct pdk_set_data_txn){.path = pdk_slice_str("/zookeeper/config"),
                                                         .data = pdk_buf_slice(&text),
                                                         .version = -1});
    pdk_buf_deinit(&text);
}

static void put_proposal(struct rig *r, pdk_zxid zxid, const char *members)
{
    struct pdk_buf txn;
    pdk_buf_init(&txn, pdk_mem_heap(), 10000);
    put_reconfig(&txn, zxid, members);
    rig_put(r, PDK_Q_PROPOSAL, zxid, pdk_buf_slice(&txn));
    pdk_buf_deinit(&txn);
}

static void put_activation(struct rig *r, pdk_zxid zxid, pdk_sid leader)
{
    uint8_t data[8];
    pdk_store_u64(data, (uint64_t)leader);
    rig_put(r, PDK_Q_COMMIT_AND_ACTIVATE, zxid, pdk_slice_of(data, 8));
}

static void put_inform(struct rig *r, pdk_zxid zxid, pdk_sid leader, const char *members)
{
    struct pdk_buf data;
    pdk_buf_init(&data, pdk_mem_heap(), 10000);
    pdk_put_i64(&data, leader);
    put_reconfig(&data, zxid, members);
    rig_put(r, PDK_Q_INFORM_AND_ACTIVATE, zxid, pdk_buf_slice(&data));
    pdk_buf_deinit(&data);
}

static struct rig *observing(void)
{
    struct rig *r = rig_new(1, 0x100000003);
    r->config.me = 4;
    r->config.is_observer = true;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_stored(r, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_finish_sync(r, 2);
    return r;
}

static void a_reconfig_is_seen_then_comes_into_force_then_applies(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    rig_propose(r, 0x200000001);
    put_proposal(r, 0x200000002, BOTH_MORE SHORT("participant"));
    rig_flush(r);
    rig_expect(r, "append 200000001 close lost"); /* server 2 twice */
    rig_free(r);

    r = rig_serving(1, 0x100000003, 2, false);
    rig_propose(r, 0x200000001);
    put_proposal(r, 0x200000002, WITH_4);
    rig_flush(r);
    rig_expect(r, "append 200000001 seen 200000002 append 200000002");
    rig_put(r, PDK_Q_COMMIT, 0x200000001, pdk_slice_null());
    put_activation(r, 0x200000002, 2);
    rig_flush(r);
    rig_expect(r, "commit 200000001 active 200000002 by 2 commit 200000002");
    rig_durable(r);
    rig_expect(r, ">ACK 200000001 >ACK 200000002");
    rig_free(r);
}

static void who_gets_another_role_or_leader_applies_and_leaves(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        pdk_sid leader;
        bool stays;
    } cases[] = {
        {SHORT("participant"), 2, true},  {SHORT("observer"), 2, false},    {BOTH_MORE, 2, true},
        {SHORT("participant"), 1, false}, {SHORT("participant"), 3, false}, {MOVED, 2, true},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct rig *r = rig_serving(1, 0x100000003, 2, false);
        put_proposal(r, 0x200000001, cases[i].members);
        put_activation(r, 0x200000001, cases[i].leader);
        rig_flush(r);
        char want[200];
        snprintf(want, sizeof want,
                 "seen 200000001 append 200000001 active 200000001 by %d commit 200000001%s",
                 (int)cases[i].leader, cases[i].stays ? "" : " close lost");
        rig_expect(r, want);
        rig_free(r);
    }
}

static void an_observer_is_told_all_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        pdk_sid leader;
        bool stays;
    } cases[] = {
        {WITH_4, 2, false},               /* it votes now */
        {SHORT("participant"), 2, false}, /* removed: goes on as a follower without a vote */
        {THREE "server.4=d:1:2:observer;9\n", 3, false}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct rig *r = observing();
        put_inform(r, 0x200000001, cases[i].leader, cases[i].members);
        rig_flush(r);
        char want[200];
        snprintf(want, sizeof want,
                 "seen 200000001 append 200000001 active 200000001 by %d commit 200000001%s",
                 (int)cases[i].leader, cases[i].stays ? "" : " close lost");
        rig_expect(r, want);
        rig_free(r);
    }
}

static void bug_1784_an_observer_may_be_told_while_it_synchronises(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    r->config.me = 4;
    r->config.is_observer = true;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_stored(r, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_new_leader(r, 2, "");
    rig_forget(r);
    put_inform(r, 0x200000001, 2, THREE "server.4=d:1:2:observer;9\n");
    rig_flush(r);
    rig_expect(r, "seen 200000001 append 200000001 active 200000001 by 2 commit 200000001");
    rig_stored(r, 2, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 200000000 >ACK 200000000 serve 2");
    rig_free(r);
}

static void the_same_members_under_a_new_version_change_nothing(void **state)
{
    (void)state;
    struct rig *r = observing();
    put_inform(r, 0x200000001, 3,
               "server.1=a:1:2:participant;9\nserver.2=b:1:2:participant;9\n"
               "server.3=c:1:2:participant;9\nserver.4=d:1:2:observer;9\n");
    rig_flush(r);
    rig_expect(r, "seen 200000001 append 200000001 active 200000001 by 3 commit 200000001");
    rig_free(r);
}

static void an_activation_needs_its_proposal(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    rig_propose(r, 0x200000001);
    put_activation(r, 0x200000001, 2);
    rig_flush(r);
    rig_expect(r, "append 200000001 close lost");
    rig_free(r);
    r = rig_serving(1, 0x100000003, 2, false);
    put_proposal(r, 0x200000001, WITH_4);
    rig_put(r, PDK_Q_COMMIT_AND_ACTIVATE, 0x200000001, pdk_slice_of("1234567", 7));
    rig_flush(r);
    rig_expect(r, "seen 200000001 append 200000001 close lost");
    rig_free(r);
}

/* Both effects must still speak of living configs. */
static void two_reconfigs_may_come_at_once(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    put_proposal(r, 0x200000001, WITH_4);
    put_activation(r, 0x200000001, 2);
    put_proposal(r, 0x200000002, SHORT("participant"));
    put_activation(r, 0x200000002, 2);
    rig_flush(r);
    rig_expect(r, "seen 200000001 append 200000001 active 200000001 by 2 commit 200000001 "
                  "seen 200000002 append 200000002 active 200000002 by 2 commit 200000002");
    rig_free(r);
}

/* What a DIFF brings is committed like anything else; NEWLEADER's config says what holds now. */
static void a_reconfig_in_a_diff_is_activated_by_new_leader(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000004);
    put_proposal(r, 0x100000004, WITH_4);
    rig_commit(r, 0x100000004);
    rig_expect(r, "commit 100000003 seen 100000004 append 100000004 commit 100000004");
    rig_new_leader(r, 2, WITH_4 "version=100000004");
    rig_durable(r);
    rig_stored(r, 2, true);
    rig_expect(r, "vouch 2 >ACK 200000000");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "active 100000004 by -1 >ACK 200000000 serve 2");
    rig_free(r);
}

static void new_leaders_config_is_seen_before_it_is_acked(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_new_leader(r, 2, WITH_4 "version=200000000");
    rig_stored(r, 2, true);
    rig_expect(r, "seen 200000000 vouch 2 >ACK 200000000");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "active 200000000 by -1 >ACK 200000000 serve 2");
    rig_free(r);
}

static void new_leaders_config_may_send_us_away(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        bool stays;
    } cases[] = {{SHORT("participant"), true},
                 {SHORT("observer"), false},
                 {MOVED, false},
                 {"server.1=a:1:2:participant;9\nserver.3=c:1:2:participant;9\n", false},
                 {"server.1=a:1:2:participant;9\nserver.2=b:1:2:observer;9\n", false}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct rig *r = rig_greeted(1, 0x100000003, 2, false);
        rig_packet(r, PDK_Q_DIFF, 0x100000003);
        char text[300];
        snprintf(text, sizeof text, "%sversion=200000000", cases[i].members);
        rig_new_leader(r, 2, text);
        rig_stored(r, 2, true);
        rig_forget(r);
        rig_packet(r, PDK_Q_UPTODATE, -1);
        rig_expect(r, cases[i].stays ? "active 200000000 by -1 >ACK 200000000 serve 2"
                                     : "active 200000000 by -1 close lost");
        rig_free(r);
    }
}

static void a_config_that_we_have_is_no_news(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_new_leader(r, 2, SHORT("observer") "version=0");
    rig_stored(r, 2, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "commit 100000003 vouch 2 >ACK 200000000 >ACK 200000000 serve 2");
    rig_free(r);
}

static void a_config_seen_before_comes_into_force_all_the_same(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    struct pdk_members *seen = pdk_members_of_text(WITH_4 "version=100000003");
    r->config.last_seen = seen;
    rig_start(r);
    pdk_members_drop(seen);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_stored(r, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_new_leader(r, 2, WITH_4 "version=100000003");
    rig_stored(r, 2, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "vouch 2 >ACK 200000000 active 100000003 by -1 >ACK 200000000 serve 2");
    rig_free(r);
}

static void a_config_that_cannot_be_read_ends_the_attempt(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_new_leader(r, 2, "server.1=what");
    rig_expect(r, "close lost");
    rig_free(r);
}

/* With reconfig off the own config holds. */
static void bug_3829_without_reconfig_every_config_is_ignored(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    r->config.limits.reconfig_enabled = false;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_stored(r, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_new_leader(r, 2, "server.1=what");
    rig_stored(r, 2, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "vouch 2 >ACK 200000000 >ACK 200000000 serve 2");
    put_proposal(r, 0x200000001, SHORT("observer"));
    put_activation(r, 0x200000001, 3);
    rig_flush(r);
    rig_expect(r, "append 200000001 commit 200000001");
    put_inform(r, 0x200000002, 3, SHORT("observer"));
    rig_flush(r);
    rig_expect(r, "append 200000002 commit 200000002");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reconfig_is_seen_then_comes_into_force_then_applies),
        cmocka_unit_test(who_gets_another_role_or_leader_applies_and_leaves),
        cmocka_unit_test(an_observer_is_told_all_at_once),
        cmocka_unit_test(bug_1784_an_observer_may_be_told_while_it_synchronises),
        cmocka_unit_test(the_same_members_under_a_new_version_change_nothing),
        cmocka_unit_test(an_activation_needs_its_proposal),
        cmocka_unit_test(two_reconfigs_may_come_at_once),
        cmocka_unit_test(a_reconfig_in_a_diff_is_activated_by_new_leader),
        cmocka_unit_test(new_leaders_config_is_seen_before_it_is_acked),
        cmocka_unit_test(new_leaders_config_may_send_us_away),
        cmocka_unit_test(a_config_that_we_have_is_no_news),
        cmocka_unit_test(a_config_seen_before_comes_into_force_all_the_same),
        cmocka_unit_test(a_config_that_cannot_be_read_ends_the_attempt),
        cmocka_unit_test(bug_3829_without_reconfig_every_config_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
