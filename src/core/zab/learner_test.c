/* The learner by scripts: connecting, discovery, DIFF, acks, broadcast, time.  TRUNC, SNAP are in
 * learner_sync_test.c, configs in learner_config_test.c, every order of disk and stream in
 * learner_order_test.c. */
#include "core/zab/testing_learner.h"

/* ---- connecting ------------------------------------------------------------------------------ */

static void a_refused_connection_is_tried_again_for_half_a_second(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    rig_start(r);
    rig_expect(r, "dial");
    int64_t begun_ms = r->now_ms, wait_ms = 2;
    while (r->why[0] == 0) {
        rig_dialled(r, false);
        if (r->why[0] != 0) break;
        rig_expect(r, "");
        assert_int_equal(pdk_learner_deadline(r->l), r->now_ms + wait_ms);
        rig_tick(r, wait_ms - 1);
        rig_expect(r, "");
        rig_tick(r, 1);
        rig_expect(r, "dial");
        wait_ms = wait_ms * 2 < 100 ? wait_ms * 2 : 100;
    }
    rig_expect(r, "lost");
    assert_in_range(r->now_ms - begun_ms, 500, 600);
    assert_int_equal(pdk_learner_deadline(r->l), INT64_MAX);
    rig_free(r);
}

static void a_dial_without_an_answer_ends_at_the_limit(void **state)
{
    (void)state;
    static const struct {
        int32_t connect_limit;
        int64_t ms;
    } cases[] = {{0, 1000}, {3, 300}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct rig *r = rig_new(1, 0x100000003);
        r->config.limits.connect_limit = cases[i].connect_limit;
        rig_start(r);
        assert_int_equal(pdk_learner_deadline(r->l), r->now_ms + cases[i].ms);
        rig_tick(r, cases[i].ms - 1);
        rig_expect(r, "dial");
        rig_tick(r, 1);
        rig_expect(r, "lost");
        rig_dialled(r, true); /* too late */
        rig_expect(r, "");
        rig_free(r);
    }
}

/* ---- discovery ------------------------------------------------------------------------------- */

static void the_greeting_tells_epoch_role_and_config(void **state)
{
    (void)state;
    for (int observer = 0; observer < 2; observer++) {
        struct rig *r = rig_new(3, 0x300000005);
        r->config.accepted_epoch = 4;
        r->config.is_observer = observer == 1;
        struct pdk_members *m = pdk_members_with_version(r->members, 0x200000007);
        r->config.committed = m;
        r->l = pdk_learner_create(&r->config, 0);
        pdk_learner_effects_clear(r->l);
        pdk_learner_dialled(r->l, 0, true, RIG_LINK);
        size_t n, used;
        const struct pdk_zab_effect *e = pdk_learner_effects(r->l, &n);
        assert_int_equal(n, 1);
        assert_int_equal(e->kind, PDK_ZAB_SEND);
        struct pdk_qpacket p;
        assert_int_equal(pdk_qpacket_read(e->bytes, 100, &p, &used), PDK_QFOUND_PACKET);
        assert_int_equal(p.type, observer == 1 ? PDK_Q_OBSERVERINFO : PDK_Q_FOLLOWERINFO);
        assert_int_equal(p.zxid, 0x400000000);
        struct pdk_learner_info info = pdk_learner_info_of(p.data);
        assert_int_equal(info.sid, 1);
        assert_int_equal(info.protocol, PDK_LEARNER_PROTOCOL);
        assert_int_equal(info.config_version, 0x200000007);
        assert_true(info.is_paddock);
        pdk_members_drop(m);
        rig_free(r);
    }
}

static void an_epoch_is_stored_before_it_is_acked(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    rig_start(r);
    rig_dialled(r, true);
    rig_expect(r, "dial >FOLLOWERINFO 100000000");
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_DISCOVERY);
    rig_put_leader_info(r, 5, false);
    rig_flush(r);
    rig_expect(r, "accept 5");
    rig_stored(r, 4, false); /* an answer to somebody else */
    rig_stored(r, 5, true);
    rig_expect(r, "");
    rig_stored(r, 5, false);
    rig_expect(r, ">ACKEPOCH 100000003 (1)");
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_SYNC);
    rig_free(r);
}

static void an_epoch_is_not_acked_twice(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    r->config.accepted_epoch = 5;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 5, false);
    rig_flush(r);
    rig_expect(r, "dial >FOLLOWERINFO 500000000 >ACKEPOCH 100000003 (-1)");
    rig_free(r);
}

static void an_epoch_below_the_accepted_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    r->config.accepted_epoch = 5;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 4, false);
    rig_flush(r);
    rig_expect(r, "dial >FOLLOWERINFO 500000000 close lost");
    rig_free(r);
}

static void an_old_protocol_is_refused(void **state)
{
    (void)state;
    static const uint8_t old[] = {0, 0, 0xff, 0xff};
    for (size_t len = 0; len <= 4; len += 4) {
        struct rig *r = rig_new(1, 0x100000003);
        rig_start(r);
        rig_dialled(r, true);
        rig_put(r, PDK_Q_LEADERINFO, 0x200000000, pdk_slice_of(old, len));
        rig_flush(r);
        rig_expect(r, "dial >FOLLOWERINFO 100000000 close lost");
        rig_free(r);
    }
}

static void who_trusts_nothing_says_so(void **state)
{
    (void)state;
    static const enum pdk_qtype refused[] = {PDK_Q_DIFF, PDK_Q_TRUNC};
    for (size_t i = 0; i < 2; i++) {
        struct rig *r = rig_new(1, -1);
        rig_start(r);
        assert_true(pdk_learner_untrusted(r->l));
        rig_dialled(r, true);
        rig_put_leader_info(r, 2, false);
        rig_flush(r);
        rig_stored(r, 2, false);
        rig_expect(r, "dial >FOLLOWERINFO 100000000 accept 2 >ACKEPOCH ffffffffffffffff (1)");
        rig_packet(r, refused[i], 0);
        rig_expect(r, "close lost");
        rig_free(r);
    }
}

/* ---- DIFF ------------------------------------------------------------------------------------ */

static void a_diff_is_durable_then_vouched_for_then_acked(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000004);
    rig_expect(r, "commit 100000003"); /* what we have is a part of the leader's history */
    rig_propose(r, 0x100000004);
    rig_commit(r, 0x100000004);
    rig_expect(r, "append 100000004 commit 100000004");
    rig_new_leader(r, 2, "");
    rig_expect(r, "");
    rig_durable(r);
    rig_expect(r, "vouch 2");
    rig_stored(r, 2, true);
    rig_expect(r, ">ACK 200000000");
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_WAIT);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 200000000 serve 2");
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_BROADCAST);
    rig_free(r);
}

static void a_log_that_is_not_yet_synced_is_waited_for(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    r->config.log_is_durable = false;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_stored(r, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_new_leader(r, 2, "");
    rig_forget(r);
    pdk_learner_durable(r->l, r->now_ms, 0x100000002);
    rig_drain(r);
    rig_expect(r, "");
    rig_durable(r);
    rig_expect(r, "vouch 2");
    rig_free(r);
}

static void an_epoch_that_we_hold_is_not_stored_again(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x200000003);
    rig_new_leader(r, 2, "");
    rig_expect(r, "commit 200000003 >ACK 200000000");
    rig_free(r);
}

static void a_diff_that_ends_before_us_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000002);
    rig_expect(r, "close lost");
    rig_free(r);
    /* A tree at the start of an epoch holds no transaction of it (zab.md section 5.2). */
    r = rig_greeted(1, 0x200000000, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000002);
    rig_expect(r, "commit 200000000");
    rig_free(r);
}

/* And "unmatched commit". */
static void bug_4925_a_gap_ends_the_attempt(void **state)
{
    (void)state;
    static const struct {
        enum pdk_qtype type;
        pdk_zxid zxid;
    } wrong[] = {
        {PDK_Q_PROPOSAL, 0x100000006}, {PDK_Q_PROPOSAL, 0x100000004}, {PDK_Q_PROPOSAL, 0x200000002},
        {PDK_Q_PROPOSAL, 0x200000000}, {PDK_Q_INFORM, 0x100000006},   {PDK_Q_INFORM, 0x100000005},
        {PDK_Q_COMMIT, 0x100000005},   {PDK_Q_COMMIT, 0x100000003},   {PDK_Q_COMMIT, 0x200000001},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(wrong); i++) {
        struct rig *r = rig_greeted(1, 0x100000003, 2, false);
        rig_packet(r, PDK_Q_DIFF, 0x100000003);
        rig_propose(r, 0x100000004);
        rig_forget(r);
        rig_put_txn(r, wrong[i].type, wrong[i].zxid);
        rig_flush(r);
        assert_non_null(strstr(r->text, "close lost"));
        rig_free(r);
    }
}

static void a_commit_is_that_of_the_next_proposal_across_epochs(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 4, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_propose(r, 0x100000004);
    rig_propose(r, 0x200000001);
    rig_propose(r, 0x400000001);
    rig_propose(r, 0x400000002);
    rig_commit(r, 0x100000004);
    rig_commit(r, 0x200000001);
    rig_commit(r, 0x400000001);
    rig_commit(r, 0x400000002);
    rig_expect(r, "commit 100000003 append 100000004 append 200000001 append 400000001 "
                  "append 400000002 commit 100000004 commit 200000001 commit 400000001 "
                  "commit 400000002");
    rig_free(r);
}

static void too_many_uncommitted_epochs_are_refused(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 100, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    for (int64_t epoch = 2; epoch < 18; epoch++) rig_propose(r, pdk_zxid_of(epoch, 1));
    assert_null(strstr(r->text, "lost"));
    rig_propose(r, pdk_zxid_of(18, 1));
    assert_non_null(strstr(r->text, "close lost"));
    rig_free(r);
}

static void a_proposal_that_holds_something_else_is_refused(void **state)
{
    (void)state;
    uint8_t txn[TEST_TXN_LEN(0)];
    test_fill_txn(txn, 0x100000005, 0);
    for (size_t len = 0; len <= sizeof txn; len += sizeof txn) {
        struct rig *r = rig_greeted(1, 0x100000003, 2, false);
        rig_packet(r, PDK_Q_DIFF, 0x100000003);
        rig_forget(r);
        rig_put(r, PDK_Q_PROPOSAL, 0x100000004, pdk_slice_of(txn, len));
        rig_flush(r);
        rig_expect(r, "close lost");
        rig_free(r);
    }
}

/* The order A, B, C, with a slow disk at each place (4785); all of it is in the log, though it was
 * committed before NEWLEADER (3911), before anybody is served (3023). */
static void bug_4643_4646_the_history_is_durable_before_it_is_vouched_for(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000005);
    for (pdk_zxid z = 0x100000004; z <= 0x100000005; z++) {
        rig_propose(r, z);
        rig_commit(r, z);
    }
    rig_new_leader(r, 2, "");
    rig_expect(r, "commit 100000003 append 100000004 commit 100000004 append 100000005 "
                  "commit 100000005");
    pdk_learner_durable(r->l, r->now_ms, 0x100000004);
    rig_drain(r);
    rig_expect(r, "");
    rig_durable(r);
    rig_expect(r, "vouch 2");
    rig_tick(r, 500);
    rig_expect(r, "");
    rig_stored(r, 2, true);
    rig_expect(r, ">ACK 200000000");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 200000000 serve 2");
    rig_free(r);
}

/* A proposal that is cut in its middle is none. */
static void bug_2355_half_a_proposal_leaves_no_trace(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    rig_put_txn(r, PDK_Q_PROPOSAL, 0x200000001);
    r->in.len -= 5;
    rig_flush(r);
    rig_closed(r);
    rig_expect(r, "lost");
    rig_free(r);
}

/* ---- acks ------------------------------------------------------------------------------------ */

/* The leader takes the first ack for NEWLEADER's. */
static void bug_4685_no_proposal_is_acked_before_new_leader_is(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000003, 3, false);
    rig_packet(r, PDK_Q_DIFF, 0x200000003);
    rig_propose(r, 0x300000001);
    rig_durable(r);
    rig_expect(r, "commit 200000003 append 300000001");
    rig_new_leader(r, 3, "");
    rig_expect(r, "vouch 3");
    rig_propose(r, 0x300000002);
    rig_durable(r);
    rig_expect(r, "append 300000002");
    rig_stored(r, 3, true);
    rig_expect(r, ">ACK 300000000");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 300000000 serve 3 >ACK 300000001 >ACK 300000002");
    rig_free(r);
}

/* Epoch 0 is that of a server that stood alone. */
static void what_came_before_all_epochs_is_not_acked_either(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(0, 5, 1, false);
    rig_packet(r, PDK_Q_DIFF, 6);
    rig_propose(r, 6);
    rig_durable(r);
    rig_expect(r, "commit 5 append 6");
    rig_free(r);
}

static void bug_4394_a_commit_may_come_before_up_to_date(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_propose(r, 0x200000001);
    rig_new_leader(r, 2, "");
    rig_durable(r);
    rig_stored(r, 2, true);
    rig_forget(r);
    rig_commit(r, 0x200000001);
    rig_expect(r, "commit 200000001");
    rig_propose(r, 0x200000002);
    rig_commit(r, 0x200000002);
    rig_expect(r, "append 200000002 commit 200000002");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 200000000 serve 2");
    rig_durable(r);
    rig_expect(r, ""); /* committed without us */
    rig_propose(r, 0x200000003);
    rig_durable(r);
    rig_expect(r, "append 200000003 >ACK 200000003");
    rig_free(r);
}

static void apaches_leader_gets_an_ack_for_each_proposal(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    for (pdk_zxid z = 0x200000001; z <= 0x200000004; z++) rig_put_txn(r, PDK_Q_PROPOSAL, z);
    rig_flush(r);
    rig_expect(r, "append 200000001 append 200000002 append 200000003 append 200000004");
    pdk_learner_durable(r->l, r->now_ms, 0x200000001);
    rig_drain(r);
    rig_expect(r, ">ACK 200000001");
    pdk_learner_durable(r->l, r->now_ms, 0x200000004);
    size_t n;
    const struct pdk_zab_effect *e = pdk_learner_effects(r->l, &n);
    assert_int_equal(n, 1); /* in one piece */
    assert_int_equal(e->bytes.len, 3 * 20);
    rig_drain(r);
    rig_expect(r, ">ACK 200000002 >ACK 200000003 >ACK 200000004");
    pdk_learner_durable(r->l, r->now_ms, 0x200000002); /* an old story */
    rig_drain(r);
    rig_expect(r, "");
    rig_free(r);
}

static void our_leader_gets_one_ack_for_all(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, true);
    for (pdk_zxid z = 0x200000001; z <= 0x200000004; z++) rig_put_txn(r, PDK_Q_PROPOSAL, z);
    rig_flush(r);
    rig_forget(r);
    rig_durable(r);
    rig_expect(r, ">ACK 200000004");
    rig_free(r);
}

static void commits_do_not_wait_for_our_disk(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    for (pdk_zxid z = 0x200000001; z <= 0x200000003; z++) {
        rig_put_txn(r, PDK_Q_PROPOSAL, z);
        rig_put(r, PDK_Q_COMMIT, z, pdk_slice_null());
    }
    rig_flush(r);
    rig_expect(r, "append 200000001 append 200000002 append 200000003 commit 200000003");
    rig_durable(r);
    rig_expect(r, ">ACK 200000001 >ACK 200000002 >ACK 200000003");
    rig_free(r);
}

/* ---- observers ------------------------------------------------------------------------------- */

static void an_observer_appends_and_applies_and_acks_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_new(1, 0x100000003);
    r->config.is_observer = true;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_stored(r, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000004);
    rig_propose(r, 0x100000004);
    rig_commit(r, 0x100000004);
    rig_put_txn(r, PDK_Q_INFORM, 0x100000005);
    rig_flush(r);
    rig_forget(r);
    rig_new_leader(r, 2, "");
    rig_durable(r);
    rig_stored(r, 2, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "vouch 2 >ACK 200000000 >ACK 200000000 serve 2");
    rig_put_txn(r, PDK_Q_INFORM, 0x200000001);
    rig_put_txn(r, PDK_Q_INFORM, 0x200000002);
    rig_flush(r);
    rig_expect(r, "append 200000001 append 200000002 commit 200000002");
    rig_durable(r);
    rig_expect(r, "");
    rig_free(r);
}

/* ---- packets for the node -------------------------------------------------------------------- */

static void pings_are_the_nodes_once_it_serves(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_packet(r, PDK_Q_PING, 0x100000003);
    rig_expect(r, "");
    rig_finish_sync(r, 2);
    rig_propose(r, 0x200000001);
    rig_commit(r, 0x200000001);
    rig_forget(r);
    rig_put(r, PDK_Q_PING, 0x200000001, pdk_slice_null());
    rig_put_txn(r, PDK_Q_PROPOSAL, 0x200000002);
    rig_put(r, PDK_Q_COMMIT, 0x200000002, pdk_slice_null());
    rig_put(r, PDK_Q_SYNC, 0, pdk_slice_null());
    rig_put(r, PDK_Q_REVALIDATE, -1, pdk_slice_str("x"));
    rig_flush(r);
    /* A sync comes behind the commits that were before it. */
    rig_expect(r, "node PING 200000001 append 200000002 commit 200000002 node SYNC 0 "
                  "node REVALIDATE ffffffffffffffff");
    rig_free(r);
}

static void the_node_sends_in_order(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    static const uint8_t ids[] = {0, 0, 0, 1, 0, 0, 0, 2, 'i', 'p', 0, 0, 0, 1, 'x'};
    pdk_learner_send(r->l, PDK_Q_REQUEST, -1, pdk_slice_str("abc"), pdk_slice_of(ids, sizeof ids));
    pdk_learner_send(r->l, PDK_Q_PING, 5, pdk_slice_of("", 0), pdk_slice_null());
    size_t n, used;
    const struct pdk_zab_effect *e = pdk_learner_effects(r->l, &n);
    assert_int_equal(n, 1);
    struct pdk_qpacket p;
    assert_int_equal(pdk_qpacket_read(e->bytes, 100, &p, &used), PDK_QFOUND_PACKET);
    assert_true(pdk_slice_eq_str(p.data, "abc"));
    assert_int_equal(p.authinfo.count, 1);
    rig_drain(r);
    rig_expect(r, ">REQUEST ffffffffffffffff >PING 5");
    rig_free(r);
}

static void unknown_packets_are_passed_over(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    for (int32_t type = 20; type < 25; type++) rig_packet(r, (enum pdk_qtype)type, 0);
    rig_packet(r, PDK_Q_ACK, 0);
    assert_int_equal(strncmp(r->log, "learner.packet.unknown type=20 ", 31), 0); /* once */
    rig_propose(r, 0x200000001);
    rig_expect(r, "append 200000001");
    rig_free(r);
}

static void packets_at_the_wrong_time_end_the_attempt(void **state)
{
    (void)state;
    static const enum pdk_qtype at_greeting[] = {PDK_Q_DIFF,   PDK_Q_SNAP,      PDK_Q_TRUNC,
                                                 PDK_Q_COMMIT, PDK_Q_NEWLEADER, PDK_Q_UPTODATE,
                                                 PDK_Q_INFORM, PDK_Q_PROPOSAL};
    for (size_t i = 0; i < PDK_COUNT_OF(at_greeting); i++) {
        struct rig *r = rig_new(1, 0x100000003);
        rig_start(r);
        rig_dialled(r, true);
        rig_forget(r);
        rig_packet(r, at_greeting[i], 0x100000004);
        rig_expect(r, "close lost");
        rig_free(r);
    }
    static const enum pdk_qtype at_serving[] = {PDK_Q_DIFF,      PDK_Q_SNAP,     PDK_Q_TRUNC,
                                                PDK_Q_NEWLEADER, PDK_Q_UPTODATE, PDK_Q_LEADERINFO};
    for (size_t i = 0; i < PDK_COUNT_OF(at_serving); i++) {
        struct rig *r = rig_serving(1, 0x100000003, 2, false);
        rig_packet(r, at_serving[i], at_serving[i] == PDK_Q_LEADERINFO ? 0x300000000 : 0x200000000);
        rig_expect(r, "close lost");
        rig_free(r);
    }
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_new_leader(r, 3, ""); /* of another epoch */
    rig_expect(r, "close lost");
    rig_free(r);
}

static void what_is_no_packet_ends_the_attempt(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, false);
    for (int i = 0; i < 30; i++) pdk_put_u8(&r->in, 0x80);
    rig_flush(r);
    rig_expect(r, "close lost");
    assert_int_equal(pdk_learner_bytes(r->l, 0, pdk_slice_str("more")), 4); /* nobody reads */
    rig_drain(r);
    rig_expect(r, "");
    rig_free(r);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void a_silent_leader_is_left(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 2, false);
    rig_tick(r, 999);
    pdk_put_u8(&r->in, 0); /* any byte is a sign of life */
    rig_flush(r);
    rig_tick(r, 999);
    assert_int_equal(pdk_learner_bytes(r->l, r->now_ms, pdk_buf_slice(&r->in)), 0); /* none new */
    rig_expect(r, "");
    rig_tick(r, 1);
    rig_expect(r, "close lost");
    rig_free(r);

    r = rig_serving(1, 0x100000003, 2, false);
    assert_int_equal(pdk_learner_deadline(r->l), r->now_ms + 500);
    rig_tick(r, 499);
    rig_expect(r, "");
    rig_tick(r, 1);
    rig_expect(r, "close lost");
    rig_free(r);
}

static void our_leader_sees_that_we_live_while_a_snapshot_is_installed(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 3, true);
    rig_put_snap(r, 0x300000007);
    rig_flush(r);
    rig_forget(r);
    rig_tick(r, 0);
    rig_expect(r, ">PING 100000003");
    assert_int_equal(pdk_learner_deadline(r->l), r->now_ms + 50);
    rig_tick(r, 49);
    rig_expect(r, "");
    rig_tick(r, 1);
    rig_expect(r, ">PING 100000003");
    rig_loaded(r, true, 0x300000007);
    rig_finish_sync(r, 3);
    rig_tick(r, 50);
    rig_expect(r, ""); /* the node answers PINGs now */
    rig_free(r);
    r = rig_greeted(1, 0x100000003, 3, false); /* Apache's would take it for a fault */
    rig_packet(r, PDK_Q_DIFF, 0x100000003);
    rig_forget(r);
    rig_tick(r, 500);
    rig_expect(r, "");
    rig_free(r);
}

/* ---- a change of epoch in place -------------------------------------------------------------- */

static void the_epoch_changes_without_a_new_connection(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, true);
    rig_propose(r, 0x200000001);
    rig_propose(r, 0x200000002);
    rig_commit(r, 0x200000001);
    rig_put_leader_info(r, 3, true);
    rig_flush(r);
    rig_expect(r, "append 200000001 append 200000002 commit 200000001 accept 3");
    rig_stored(r, 3, false);
    rig_expect(r, ">ACKEPOCH 200000002 (2)");
    pdk_learner_durable(r->l, r->now_ms, 0x200000001);
    rig_drain(r);
    rig_expect(r, ">ACK 200000001"); /* the old epoch's go on */
    rig_packet(r, PDK_Q_PING, 0x200000002);
    rig_expect(r, "node PING 200000002"); /* clients are served */
    rig_tick(r, 50);
    rig_expect(r, "");
    rig_new_leader(r, 3, "");
    rig_expect(r, "");
    rig_durable(r);
    rig_expect(r, "vouch 3 >ACK 200000002");
    rig_commit(r, 0x200000002);
    rig_propose(r, 0x300000001);
    rig_durable(r);
    rig_expect(r, "commit 200000002 append 300000001");
    rig_stored(r, 3, true);
    rig_expect(r, ">ACK 300000000");
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_BROADCAST);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 300000000 serve 3 >ACK 300000001");
    rig_free(r);
}

static void an_epoch_in_place_must_be_higher(void **state)
{
    (void)state;
    struct rig *r = rig_serving(1, 0x100000003, 2, true);
    rig_put_leader_info(r, 2, true);
    rig_flush(r);
    rig_expect(r, "close lost");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_is_tried_again_for_half_a_second),
        cmocka_unit_test(a_dial_without_an_answer_ends_at_the_limit),
        cmocka_unit_test(the_greeting_tells_epoch_role_and_config),
        cmocka_unit_test(an_epoch_is_stored_before_it_is_acked),
        cmocka_unit_test(an_epoch_is_not_acked_twice),
        cmocka_unit_test(an_epoch_below_the_accepted_is_refused),
        cmocka_unit_test(an_old_protocol_is_refused),
        cmocka_unit_test(who_trusts_nothing_says_so),
        cmocka_unit_test(a_diff_is_durable_then_vouched_for_then_acked),
        cmocka_unit_test(a_log_that_is_not_yet_synced_is_waited_for),
        cmocka_unit_test(an_epoch_that_we_hold_is_not_stored_again),
        cmocka_unit_test(a_diff_that_ends_before_us_is_refused),
        cmocka_unit_test(bug_4925_a_gap_ends_the_attempt),
        cmocka_unit_test(a_commit_is_that_of_the_next_proposal_across_epochs),
        cmocka_unit_test(too_many_uncommitted_epochs_are_refused),
        cmocka_unit_test(a_proposal_that_holds_something_else_is_refused),
        cmocka_unit_test(bug_4643_4646_the_history_is_durable_before_it_is_vouched_for),
        cmocka_unit_test(bug_2355_half_a_proposal_leaves_no_trace),
        cmocka_unit_test(bug_4685_no_proposal_is_acked_before_new_leader_is),
        cmocka_unit_test(what_came_before_all_epochs_is_not_acked_either),
        cmocka_unit_test(bug_4394_a_commit_may_come_before_up_to_date),
        cmocka_unit_test(apaches_leader_gets_an_ack_for_each_proposal),
        cmocka_unit_test(our_leader_gets_one_ack_for_all),
        cmocka_unit_test(commits_do_not_wait_for_our_disk),
        cmocka_unit_test(an_observer_appends_and_applies_and_acks_nothing),
        cmocka_unit_test(pings_are_the_nodes_once_it_serves),
        cmocka_unit_test(the_node_sends_in_order),
        cmocka_unit_test(unknown_packets_are_passed_over),
        cmocka_unit_test(packets_at_the_wrong_time_end_the_attempt),
        cmocka_unit_test(what_is_no_packet_ends_the_attempt),
        cmocka_unit_test(a_silent_leader_is_left),
        cmocka_unit_test(our_leader_sees_that_we_live_while_a_snapshot_is_installed),
        cmocka_unit_test(the_epoch_changes_without_a_new_connection),
        cmocka_unit_test(an_epoch_in_place_must_be_higher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
