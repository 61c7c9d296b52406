/* The learner by scripts: TRUNC and SNAP. */
#include "core/zab/testing_learner.h"

/* ---- TRUNC ----------------------------------------------------------------------------------- */

static void trunc_waits_for_the_tree(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 3, false);
    rig_put(r, PDK_Q_TRUNC, 0x200000002, pdk_slice_null());
    rig_put_txn(r, PDK_Q_PROPOSAL, 0x300000001);
    rig_flush(r);
    rig_expect(r, "truncate 200000002");
    rig_tick(r, 100000); /* however long it takes */
    rig_expect(r, "");
    rig_loaded(r, true, 0x200000002);
    rig_expect(r, "");
    rig_flush(r);
    rig_expect(r, "append 300000001");
    rig_new_leader(r, 3, "");
    rig_expect(r, "");
    rig_durable(r);
    rig_stored(r, 3, true);
    rig_expect(r, "vouch 3 >ACK 300000000");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 300000000 serve 3 >ACK 300000001");
    rig_free(r);
}

static void a_trunc_that_cannot_be_done_asks_for_a_snapshot_next_time(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 3, false);
    rig_packet(r, PDK_Q_TRUNC, 0x200000002);
    assert_false(pdk_learner_untrusted(r->l));
    rig_loaded(r, false, 0);
    rig_expect(r, "truncate 200000002 close lost");
    assert_true(pdk_learner_untrusted(r->l));
    rig_free(r);
}

static void bug_trunc_to_absent_zxid_starts_anew(void **state)
{
    (void)state;
    static const struct {
        pdk_zxid target, last;
        bool fine;
    } cases[] = {{0x200000002, 0x200000002, true},
                 {0x200000002, 0x200000001, false},
                 {0x200000002, 0x200000003, false},
                 {0x200000000, 0x100000009, true}}; /* no transaction stands there */
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct rig *r = rig_greeted(2, 0x200000005, 3, false);
        rig_packet(r, PDK_Q_TRUNC, cases[i].target);
        rig_forget(r);
        rig_loaded(r, true, cases[i].last);
        rig_expect(r, cases[i].fine ? "" : "close lost");
        assert_false(pdk_learner_untrusted(r->l));
        rig_free(r);
    }
}

static void a_trunc_ahead_of_us_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 3, false);
    rig_packet(r, PDK_Q_TRUNC, 0x200000006);
    rig_expect(r, "close lost");
    rig_free(r);
}

/* Its commits lag behind the acks that it has counted. */
static void a_trunc_by_the_same_leader_forgets_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 2, false);
    rig_packet(r, PDK_Q_TRUNC, 0x200000003);
    rig_expect(r, "commit 200000003");
    rig_propose(r, 0x200000004);
    rig_commit(r, 0x200000004);
    rig_expect(r, "commit 200000004");
    rig_propose(r, 0x200000005);
    rig_propose(r, 0x200000006);
    rig_expect(r, "append 200000006");
    rig_new_leader(r, 2, "");
    rig_expect(r, "");
    rig_durable(r);
    rig_expect(r, ">ACK 200000000");
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, ">ACK 200000000 >ACK 200000005 >ACK 200000006");
    /* It may be in our tree already, and must not be seen before it is committed. */
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_WAIT);
    rig_packet(r, PDK_Q_PING, 0x200000006);
    rig_expect(r, ">PING 200000006");
    rig_commit(r, 0x200000005);
    rig_expect(r, "commit 200000005 serve 2");
    assert_int_equal(pdk_learner_phase(r->l), PDK_LEARNER_BROADCAST);
    rig_packet(r, PDK_Q_PING, 0x200000006);
    rig_expect(r, "node PING 200000006");
    rig_free(r);
}

static void what_comes_again_may_come_behind_new_leader(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 2, false);
    rig_packet(r, PDK_Q_TRUNC, 0x200000003);
    rig_propose(r, 0x200000004);
    rig_new_leader(r, 2, "");
    rig_propose(r, 0x200000005);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "commit 200000003 >ACK 200000000 >ACK 200000000 >ACK 200000004 >ACK 200000005");
    rig_commit(r, 0x200000004);
    rig_commit(r, 0x200000005);
    rig_expect(r, "commit 200000004 commit 200000005 serve 2");
    rig_free(r);
}

static void what_comes_again_must_be_the_same(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 2, false);
    rig_packet(r, PDK_Q_TRUNC, 0x200000003);
    rig_forget(r);
    uint8_t txn[TEST_TXN_LEN(RIG_BODY)];
    test_fill_txn(txn, 0x200000004, RIG_BODY);
    txn[sizeof txn - 1] ^= 1;
    rig_put(r, PDK_Q_PROPOSAL, 0x200000004, pdk_slice_of(txn, sizeof txn));
    rig_flush(r);
    rig_expect(r, "close lost");
    assert_true(pdk_learner_untrusted(r->l));
    rig_free(r);
}

/* An observer master may be behind the one before. */
static void an_observer_may_be_ahead_of_who_feeds_it(void **state)
{
    (void)state;
    struct rig *r = rig_new(2, 0x200000005);
    r->config.is_observer = true;
    rig_start(r);
    rig_dialled(r, true);
    rig_put_leader_info(r, 2, false);
    rig_flush(r);
    rig_packet(r, PDK_Q_TRUNC, 0x200000003);
    rig_finish_sync(r, 2);
    for (pdk_zxid z = 0x200000004; z <= 0x200000006; z++) {
        rig_put_txn(r, PDK_Q_INFORM, z);
        rig_flush(r);
    }
    rig_expect(r, "commit 200000004 commit 200000005 append 200000006 commit 200000006");
    rig_free(r);
}

/* ---- SNAP ------------------------------------------------------------------------------------ */

static void a_snapshot_is_spooled_installed_and_waited_for(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, -1, 3, false);
    rig_put_snap(r, 0x300000007);
    rig_put_txn(r, PDK_Q_PROPOSAL, 0x300000008);
    rig_flush(r);
    rig_expect(r, "spool 300000007 add 13 install");
    assert_int_equal(pdk_learner_snapshot_bytes(r->l), 13);
    rig_tick(r, 100000);
    rig_expect(r, "");
    assert_true(pdk_learner_untrusted(r->l));
    rig_loaded(r, true, 0x300000007);
    assert_false(pdk_learner_untrusted(r->l));
    rig_flush(r);
    rig_expect(r, "append 300000008");
    rig_new_leader(r, 3, "");
    rig_durable(r);
    rig_stored(r, 3, true);
    rig_packet(r, PDK_Q_UPTODATE, -1);
    rig_expect(r, "vouch 3 >ACK 300000000 >ACK 300000000 serve 3 >ACK 300000008");
    rig_free(r);
}

static void a_snapshot_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t step = 1; step < 30; step++) {
        struct rig *r = rig_greeted(1, 0x100000003, 3, false);
        rig_put_snap(r, 0x300000007);
        rig_flush_by(r, step);
        assert_int_equal(r->in.len, 0);
        assert_int_equal(pdk_learner_snapshot_bytes(r->l), 13);
        assert_int_equal(r->spooled, 13);
        assert_non_null(strstr(r->text, "install"));
        rig_free(r);
    }
}

/* And 3642. */
static void bug_2872_a_snapshot_cut_anywhere_is_not_installed(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof rig_tree; len++) {
        struct rig *r = rig_greeted(1, 0x100000003, 3, false);
        rig_put(r, PDK_Q_SNAP, 0x300000007, pdk_slice_null());
        pdk_put_raw(&r->in, rig_tree, len);
        rig_flush(r);
        rig_closed(r);
        assert_null(strstr(r->text, "install"));
        assert_non_null(strstr(r->text, "lost"));
        assert_null(strstr(r->text, "close")); /* it is */
        assert_false(pdk_learner_untrusted(r->l));
        rig_free(r);
    }
}

static void a_malformed_snapshot_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 3, false);
    rig_put_snap(r, 0x300000007);
    r->in.bytes[r->in.len - 1] ^= 1;
    rig_flush(r);
    rig_expect(r, "spool 300000007 add 13 close lost");
    rig_free(r);
}

static void a_snapshot_that_cannot_be_loaded_leaves_nothing_to_trust(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 3, false);
    rig_put_snap(r, 0x300000007);
    rig_flush(r);
    rig_loaded(r, false, 0);
    rig_expect(r, "spool 300000007 add 13 install close lost");
    assert_true(pdk_learner_untrusted(r->l));
    rig_free(r);
}

static void a_link_that_closes_while_loading_is_lost_behind_it(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 3, true);
    rig_put_snap(r, 0x300000007);
    rig_flush(r);
    rig_forget(r);
    rig_closed(r);
    rig_tick(r, 1);
    rig_expect(r, "");
    rig_loaded(r, true, 0x300000007);
    rig_expect(r, "lost");
    assert_false(pdk_learner_untrusted(r->l));
    rig_free(r);
}

/* A leader of Apache's queues while it writes a tree that goes on changing. */
static void what_the_snapshot_holds_may_come_again(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(1, 0x100000003, 3, false);
    rig_put_snap(r, 0x300000007);
    rig_flush(r);
    rig_loaded(r, true, 0x300000007);
    rig_forget(r);
    for (pdk_zxid z = 0x300000006; z <= 0x300000008; z++) {
        rig_put_txn(r, PDK_Q_PROPOSAL, z);
        rig_put(r, PDK_Q_COMMIT, z, pdk_slice_null());
    }
    rig_flush(r);
    rig_expect(r, "append 300000008 commit 300000008");
    rig_free(r);
}

/* An old tail, which the leader's tree need not have passed yet. */
static void a_snapshot_may_end_before_our_log(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000009, 3, false);
    rig_put_snap(r, 0x200000005);
    rig_flush(r);
    rig_loaded(r, true, 0x200000005);
    rig_forget(r);
    rig_propose(r, 0x200000006);
    rig_commit(r, 0x200000006);
    rig_new_leader(r, 3, "");
    rig_expect(r, "append 200000006 commit 200000006");
    rig_durable(r);
    rig_expect(r, "vouch 3");
    rig_free(r);
}

static void a_snapshot_does_not_take_back_what_we_vouched_for(void **state)
{
    (void)state;
    struct rig *r = rig_greeted(2, 0x200000005, 2, false);
    rig_packet(r, PDK_Q_SNAP, 0x200000004);
    rig_expect(r, "close lost");
    rig_free(r);
    r = rig_greeted(2, 0x200000005, 2, false);
    rig_packet(r, PDK_Q_SNAP, 0x200000005);
    rig_expect(r, "spool 200000005");
    rig_free(r);
    r = rig_greeted(1, 0x200000005, 2, false); /* nothing of this epoch was acked yet */
    rig_packet(r, PDK_Q_SNAP, 0x200000004);
    rig_expect(r, "spool 200000004");
    rig_free(r);
    r = rig_greeted(2, 0x200000005, 3, false); /* of another leader: it knows better */
    rig_packet(r, PDK_Q_SNAP, 0x200000004);
    rig_expect(r, "spool 200000004");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trunc_waits_for_the_tree),
        cmocka_unit_test(a_trunc_that_cannot_be_done_asks_for_a_snapshot_next_time),
        cmocka_unit_test(bug_trunc_to_absent_zxid_starts_anew),
        cmocka_unit_test(a_trunc_ahead_of_us_is_refused),
        cmocka_unit_test(a_trunc_by_the_same_leader_forgets_nothing),
        cmocka_unit_test(what_comes_again_may_come_behind_new_leader),
        cmocka_unit_test(what_comes_again_must_be_the_same),
        cmocka_unit_test(an_observer_may_be_ahead_of_who_feeds_it),
        cmocka_unit_test(a_snapshot_is_spooled_installed_and_waited_for),
        cmocka_unit_test(a_snapshot_may_come_in_any_pieces),
        cmocka_unit_test(bug_2872_a_snapshot_cut_anywhere_is_not_installed),
        cmocka_unit_test(a_malformed_snapshot_is_refused),
        cmocka_unit_test(a_snapshot_that_cannot_be_loaded_leaves_nothing_to_trust),
        cmocka_unit_test(a_link_that_closes_while_loading_is_lost_behind_it),
        cmocka_unit_test(what_the_snapshot_holds_may_come_again),
        cmocka_unit_test(a_snapshot_may_end_before_our_log),
        cmocka_unit_test(a_snapshot_does_not_take_back_what_we_vouched_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
