/* Time: pings, confirmations, silence, lost quorums, retirement, a change of epoch.  zab.md
 * sections 6.1 and 6.2, known-bugs.md section 3. */
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

/* Leader 3 with followers 1 and 2 and observer 4. */
static void establish_all(unsigned how)
{
    lead_establish(&r, how);
    lead_join(&r, 1, 2, ZXID(1, 2), how);
    lead_join(&r, 4, 2, ZXID(1, 2), LEAD_OBSERVER | how);
    lead_skip(&r);
}

static void answer(uint32_t link)
{
    lead_packet(&r, link, PDK_Q_PING, ZXID(2, 0), pdk_slice_str(""));
}

/* Half a tick passes, everybody answers. */
static void half_a_tick(void)
{
    lead_tick(&r, 500);
    static const uint32_t links[] = {1, 2, 4};
    for (size_t i = 0; i < PDK_COUNT_OF(links); i++) {
        if (pdk_leader_knows(r.l, links[i])) answer(links[i]);
    }
    lead_skip(&r);
}

/* ---- pings ----------------------------------------------------------------------------------- */

static void pings_go_out_twice_a_tick(void **state)
{
    (void)state;
    establish_all(0);
    assert_int_equal(pdk_leader_deadline(r.l), r.now_ms + 500);
    lead_tick(&r, 499);
    lead_expect(&r, "");
    lead_tick(&r, 1);
    lead_expect(&r, "2,1,4:PING 200000000");
    lead_propose(&r, 3);
    lead_skip(&r);
    lead_tick(&r, 500);
    lead_expect(&r, "2,1,4:PING 200000003");
}

static void who_is_not_brought_up_is_not_pinged(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    lead_greet(&r, 1, 1, 1, 0); /* has to answer LEADERINFO */
    lead_greet(&r, 4, 4, 1, LEAD_OBSERVER);
    lead_ackepoch(&r, 4, 1, -1); /* is sent a snapshot */
    lead_greet(&r, 5, 5, 1, 0);
    lead_ackepoch(&r, 5, 1, ZXID(1, 2)); /* has to ack NEWLEADER */
    lead_skip(&r);
    lead_tick(&r, 500);
    lead_expect(&r, "2,5:PING 200000000");
    pdk_leader_streamed(r.l, r.now_ms, 4, true);
    lead_tick(&r, 500);
    lead_expect(&r, "2,4,5:PING 200000000");
}

/* ---- silence --------------------------------------------------------------------------------- */

static void a_silent_learner_goes_after_sync_limit(void **state)
{
    (void)state;
    establish_all(0);
    for (int i = 0; i < 10; i++) { /* 5 ticks */
        lead_tick(&r, 500);
        answer(2);
        answer(4);
        assert_true(pdk_leader_knows(r.l, 1));
    }
    lead_skip(&r);
    lead_tick(&r, 500);
    lead_expect(&r, "close 1 departed 1 2,4:PING 200000000");
}

/* Any byte that comes is a sign of life, bytes that we left lying are not. */
static void half_a_packet_is_a_sign_of_life(void **state)
{
    (void)state;
    establish_all(0);
    uint8_t half[8] = {0};
    for (int i = 0; i < 12; i++) {
        lead_tick(&r, 500);
        answer(2);
        answer(4);
        if (i < 6) lead_bytes(&r, 1, pdk_slice_of(&half[i], 1));
        if (i >= 6) (void)pdk_leader_bytes(r.l, r.now_ms, 1, pdk_buf_slice(&r.unread[1]));
    }
    assert_true(pdk_leader_knows(r.l, 1));
    for (int i = 0; i < 6; i++) {
        lead_tick(&r, 500);
        answer(2);
    }
    assert_false(pdk_leader_knows(r.l, 1));
}

/* A snapshot may take as long as it likes while it moves; so may a learner that says that it lives
 * while it installs one (known-bugs.md, "lost pong"). */
static void bug_lost_pong_streams_live_while_they_move(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    lead_greet(&r, 1, 1, 1, LEAD_PADDOCK);
    lead_ackepoch(&r, 1, 1, -1);
    for (int i = 0; i < 60; i++) {
        half_a_tick();
        pdk_leader_progress(r.l, r.now_ms, 1);
    }
    pdk_leader_streamed(r.l, r.now_ms, 1, true);
    for (int i = 0; i < 60; i++) half_a_tick();
    assert_true(pdk_leader_knows(r.l, 1));
    lead_skip(&r);
    for (int i = 0; i < 21; i++) { /* more than initLimit without a sign */
        lead_tick(&r, 500);
        answer(2);
    }
    assert_false(pdk_leader_knows(r.l, 1));
}

static void the_first_quorum_may_take_long_while_it_moves(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_greet(&r, 2, 2, 1, 0);
    lead_ackepoch(&r, 2, 1, -1);
    for (int i = 0; i < 60; i++) {
        lead_tick(&r, 500);
        pdk_leader_progress(r.l, r.now_ms, 2);
    }
    assert_false(pdk_leader_knows(r.l, 1)); /* it has not acked NEWLEADER */
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_SYNC);
    pdk_leader_streamed(r.l, r.now_ms, 2, true);
    lead_ack(&r, 2, ZXID(2, 0));
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_BROADCAST);
}

static void a_stranger_goes_after_init_limit(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    lead_accept(&r, 1);
    for (int i = 0; i < 21; i++) {
        assert_true(pdk_leader_knows(r.l, 1));
        lead_tick(&r, 500);
        answer(2);
        if (i < 5) lead_bytes(&r, 1, pdk_slice_of("", 1)); /* dripping does not help */
    }
    assert_false(pdk_leader_knows(r.l, 1));
}

/* Zab.md section 6: it reads and answers pings, but its disk does not get on. */
static void bug_outstanding_who_owes_an_ack_for_sync_limit_goes(void **state)
{
    (void)state;
    establish_all(0);
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 2, ZXID(2, 1));
    lead_propose(&r, 1);
    lead_ack(&r, 2, ZXID(2, 2));
    lead_ack(&r, 1, ZXID(2, 1));
    for (int i = 0; i < 10; i++) half_a_tick();
    assert_true(pdk_leader_knows(r.l, 1));
    half_a_tick();
    assert_false(pdk_leader_knows(r.l, 1));
    for (int i = 0; i < 30; i++) half_a_tick();
    assert_true(pdk_leader_knows(r.l, 2)); /* owes nothing */
}

static void it_goes_though_more_is_proposed_meanwhile(void **state)
{
    (void)state;
    establish_all(0);
    for (uint32_t i = 1; i <= 11; i++) {
        assert_true(pdk_leader_knows(r.l, 1));
        lead_propose(&r, 1);
        lead_ack(&r, 2, ZXID(2, i));
        half_a_tick();
    }
    assert_false(pdk_leader_knows(r.l, 1));
}

/* What counts is the oldest of those that were sent together. */
static void it_goes_though_it_acks_some(void **state)
{
    (void)state;
    establish_all(0);
    lead_propose(&r, 30);
    lead_ack(&r, 2, ZXID(2, 30));
    for (uint32_t i = 1; i <= 8; i++) half_a_tick();
    lead_ack(&r, 1, ZXID(2, 1)); /* the oldest, in time: now the newest is watched */
    for (uint32_t i = 1; i <= 11; i++) {
        assert_true(pdk_leader_knows(r.l, 1));
        lead_ack(&r, 1, ZXID(2, 1 + i));
        half_a_tick();
    }
    assert_false(pdk_leader_knows(r.l, 1));
}

static void a_follower_that_gets_on_is_kept(void **state)
{
    (void)state;
    establish_all(0);
    for (uint32_t i = 1; i < 40; i++) {
        lead_propose(&r, 1);
        lead_durable(&r, ZXID(2, i));
        lead_ack(&r, 2, ZXID(2, i));
        if (i > 6) lead_ack(&r, 1, ZXID(2, i - 6)); /* always behind */
        half_a_tick();
    }
    assert_true(pdk_leader_knows(r.l, 1));
}

/* ---- lost quorums ---------------------------------------------------------------------------- */

static void links_that_break_have_a_tick_to_come_back(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    pdk_leader_closed(r.l, r.now_ms, 2);
    lead_expect(&r, "departed 2");
    lead_tick(&r, 900);
    lead_skip(&r);
    lead_greet(&r, 2, 2, 1, 0);
    lead_skip(&r);
    lead_tick(&r, 200);
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_BROADCAST);
    lead_skip(&r);
    pdk_leader_closed(r.l, r.now_ms, 2);
    int64_t gone_ms = r.now_ms;
    while (pdk_leader_deadline(r.l) < gone_ms + 1000) {
        lead_tick(&r, pdk_leader_deadline(r.l) - r.now_ms);
        lead_expect(&r, "");
    }
    assert_int_equal(pdk_leader_deadline(r.l), gone_ms + 1000);
    lead_tick(&r, gone_ms + 1000 - r.now_ms);
    lead_expect(&r, "lost");
    assert_string_equal(r.why, "too few followers for a quorum");
}

static void a_quorum_that_falls_silent_ends_the_term_at_once(void **state)
{
    (void)state;
    establish_all(0);
    for (int i = 0; i < 10; i++) {
        lead_tick(&r, 500);
        answer(4);
    }
    lead_skip(&r);
    lead_tick(&r, 500);
    lead_expect(&r, "close 2 departed 2 close 1 departed 1 4:PING 200000000 close 4 departed 4 "
                    "lost");
}

static void a_config_under_way_needs_its_quorum_of_links_too(void **state)
{
    (void)state;
    establish_all(0);
    lead_join(&r, 5, 2, ZXID(1, 2), 0);
    struct pdk_members *next = pdk_members_of_text("server.3=c:1:2\nserver.5=e:1:2\nversion=9\n");
    test_add(r.history, ZXID(2, 1), 4);
    pdk_leader_propose_config(r.l, r.now_ms, ZXID(2, 1), next);
    pdk_members_drop(next);
    lead_skip(&r);
    pdk_leader_closed(r.l, r.now_ms, 5);
    lead_skip(&r);
    lead_tick(&r, 1000);
    lead_expect(&r, "2,1,4:PING 200000001 close 2 departed 2 close 1 departed 1 close 4 departed 4 "
                    "lost");
}

/* Election.md section 5.5: voters that look for another leader will not come. */
static void bug_disloyal_voters_end_the_discovery(void **state)
{
    (void)state;
    lead_start(&r);
    pdk_leader_saw_looking(r.l, r.now_ms, 1);
    lead_tick(&r, 3000);
    lead_expect(&r, ""); /* 2 may come */
    pdk_leader_saw_looking(r.l, r.now_ms, 2);
    lead_tick(&r, 999);
    lead_expect(&r, "");
    lead_tick(&r, 1);
    lead_expect(&r, "lost");

    pdk_leader_destroy(r.l);
    lead_start(&r);
    pdk_leader_saw_looking(r.l, r.now_ms, 1);
    pdk_leader_saw_looking(r.l, r.now_ms, 2);
    lead_greet(&r, 1, 1, 1, 0); /* it had not heard yet */
    lead_expect(&r, "accept 2");
    lead_tick(&r, 5000);
    lead_expect(&r, "");
}

static void a_voter_that_has_come_once_may_come_again(void **state)
{
    (void)state;
    pdk_members_drop(r.config.committed);
    r.config.committed = pdk_members_of_text(
        "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\n");
    lead_start(&r);
    pdk_leader_saw_looking(r.l, r.now_ms, 1);
    pdk_leader_saw_looking(r.l, r.now_ms, 2);
    pdk_leader_saw_looking(r.l, r.now_ms, 5);
    lead_greet(&r, 1, 1, 1, 0);
    pdk_leader_closed(r.l, r.now_ms, 1);
    lead_tick(&r, 1000);
    lead_expect(&r, "");
    pdk_leader_saw_looking(r.l, r.now_ms, 1);
    lead_tick(&r, 1000);
    lead_expect(&r, "lost");
}

static void a_setting_ends_the_discovery_when_any_voter_looks(void **state)
{
    (void)state;
    r.config.max_wait_for_epoch_ms = 200;
    lead_start(&r);
    lead_tick(&r, 200);
    pdk_leader_saw_looking(r.l, r.now_ms, 1);
    lead_expect(&r, "");
    lead_tick(&r, 1);
    pdk_leader_saw_looking(r.l, r.now_ms, 1);
    lead_expect(&r, "lost");
}

/* ---- confirmations --------------------------------------------------------------------------- */

/* A deposed leader must not answer a sync: known-bugs.md, "sync not linearizable". */
static void bug_sync_a_quorum_confirms_that_it_follows(void **state)
{
    (void)state;
    establish_all(0);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    lead_expect(&r, "2,1:PING 200000000");
    answer(4); /* does not vote */
    lead_expect(&r, "");
    answer(1);
    lead_expect(&r, "confirmed 1");
    answer(2);
    lead_expect(&r, "");
}

static void answers_to_older_pings_confirm_nothing(void **state)
{
    (void)state;
    establish_all(0);
    lead_tick(&r, 500);
    lead_skip(&r);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    answer(1);
    answer(2);
    lead_expect(&r, "2,1:PING 200000000");
    answer(1);
    lead_expect(&r, "confirmed 1");
}

static void later_pings_do_not_put_a_round_off(void **state)
{
    (void)state;
    establish_all(0);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    lead_tick(&r, 500);
    answer(1);
    lead_expect(&r, "2,1:PING 200000000 2,1,4:PING 200000000 confirmed 1");
}

static void those_who_ask_meanwhile_share_the_next_round(void **state)
{
    (void)state;
    establish_all(0);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 2);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 2);
    lead_expect(&r, "2,1:PING 200000000");
    answer(1);
    lead_expect(&r, "confirmed 1 2,1:PING 200000000");
    answer(2); /* of the first round */
    lead_expect(&r, "");
    answer(2);
    lead_expect(&r, "confirmed 2");
    answer(1);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 3);
    lead_expect(&r, "2,1:PING 200000000");
}

/* Apache's learners do not answer what comes before UPTODATE; the ack of that tells from when on
 * answers are counted. */
static void pings_before_uptodate_are_not_counted(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    lead_greet(&r, 1, 1, 1, 0);
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_tick(&r, 500); /* pings 1, which may answer or not */
    lead_ack(&r, 1, ZXID(2, 0));
    lead_skip(&r);
    pdk_leader_closed(r.l, r.now_ms, 2);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    answer(1); /* of the first ping */
    lead_expect(&r, "departed 2 1:PING 200000000");
    lead_ack(&r, 1, ZXID(2, 0)); /* of UPTODATE */
    answer(1);
    lead_expect(&r, "confirmed 1");
}

static void a_round_outlives_links(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    pdk_leader_closed(r.l, r.now_ms, 2);
    lead_join(&r, 1, 2, ZXID(1, 2), 0);
    lead_skip(&r);
    answer(1); /* nothing was asked of it */
    lead_expect(&r, "");
    lead_tick(&r, 500);
    answer(1);
    lead_expect(&r, "1:PING 200000000 confirmed 1");
}

static void before_broadcast_a_round_waits(void **state)
{
    (void)state;
    lead_start(&r);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    lead_greet(&r, 2, 2, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 2, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_skip(&r);
    lead_ack(&r, 2, ZXID(2, 0));
    lead_expect(&r, "commit 100000002 serve 2 2:UPTODATE ffffffffffffffff 2:PING 200000000");
    lead_ack(&r, 2, ZXID(2, 0));
    answer(2);
    lead_expect(&r, "confirmed 1");
}

static void one_voter_confirms_itself(void **state)
{
    (void)state;
    pdk_members_drop(r.config.committed);
    r.config.committed = pdk_members_of_text("server.3=c:1:2");
    lead_start(&r);
    lead_stored(&r, 2, false);
    lead_stored(&r, 2, true);
    lead_skip(&r);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 2);
    lead_expect(&r, "confirmed 1 confirmed 2");
}

/* ---- retirement ------------------------------------------------------------------------------ */

static void who_retires_leaves_an_heir_that_has_everything(void **state)
{
    (void)state;
    establish_all(0);
    lead_propose(&r, 2);
    lead_durable(&r, ZXID(2, 2));
    lead_ack(&r, 1, ZXID(2, 1));
    lead_skip(&r);
    pdk_leader_retire(r.l, r.now_ms, PDK_SID_NONE);
    lead_expect(&r, "");
    lead_ack(&r, 1, ZXID(2, 2));
    lead_expect(&r, "2,1:COMMIT 200000002 4:INFORM 200000002 commit 200000002 close 2 departed 2 "
                    "close 1 departed 1 close 4 departed 4 lost");
    assert_int_equal(pdk_leader_heir(r.l), 1);
}

static void only_voters_inherit(void **state)
{
    (void)state;
    establish_all(0);
    lead_join(&r, 9, 2, ZXID(1, 2), 0);
    lead_skip(&r);
    pdk_leader_retire(r.l, r.now_ms, 9);
    lead_skip(&r);
    assert_int_equal(pdk_leader_heir(r.l), 2);
}

static void with_nothing_proposed_every_follower_has_everything(void **state)
{
    (void)state;
    establish_all(0);
    pdk_leader_retire(r.l, r.now_ms, PDK_SID_NONE);
    lead_expect(&r, "close 2 departed 2 close 1 departed 1 close 4 departed 4 lost");
    assert_int_equal(pdk_leader_heir(r.l), 2);
}

static void retire_while_2_lags(void)
{
    establish_all(0);
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 1, ZXID(2, 1));
    lead_skip(&r);
    pdk_leader_retire(r.l, r.now_ms, 2);
    lead_expect(&r, "");
    assert_true(pdk_leader_deadline(r.l) <= r.now_ms + 1000);
}

static void the_wanted_heir_has_a_tick_to_catch_up(void **state)
{
    (void)state;
    retire_while_2_lags();
    lead_tick(&r, 900);
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "2,1,4:PING 200000001 close 2 departed 2 close 1 departed 1 close 4 departed 4 "
                    "lost");
    assert_int_equal(pdk_leader_heir(r.l), 2);
}

static void after_that_tick_another_inherits(void **state)
{
    (void)state;
    retire_while_2_lags();
    lead_tick(&r, 1000);
    lead_expect(&r, "2,1,4:PING 200000001 close 2 departed 2 close 1 departed 1 close 4 departed 4 "
                    "lost");
    assert_int_equal(pdk_leader_heir(r.l), 1);
}

static void a_wanted_heir_that_is_not_there_is_not_waited_for(void **state)
{
    (void)state;
    establish_all(0);
    pdk_leader_retire(r.l, r.now_ms, 4); /* an observer */
    lead_skip(&r);
    assert_int_equal(pdk_leader_heir(r.l), 2);
}

static void what_cannot_be_committed_does_not_keep_a_leader(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    lead_propose(&r, 1);
    lead_ack(&r, 2, ZXID(2, 1));
    pdk_leader_retire(r.l, r.now_ms, PDK_SID_NONE);
    for (int i = 0; i < 11; i++) half_a_tick();
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_BROADCAST);
    assert_int_not_equal(pdk_leader_deadline(r.l), INT64_MAX);
    half_a_tick();
    assert_int_equal(pdk_leader_deadline(r.l), INT64_MAX);
    assert_int_equal(pdk_leader_heir(r.l), PDK_SID_NONE);
}

/* ---- a change of epoch ----------------------------------------------------------------------- */

static void learners_of_ours_change_epoch_on_their_links(void **state)
{
    (void)state;
    establish_all(LEAD_PADDOCK);
    lead_join(&r, 5, 2, ZXID(1, 2), 0); /* Apache's */
    lead_propose(&r, 2);
    lead_durable(&r, ZXID(2, 2));
    lead_ack(&r, 1, ZXID(2, 2));
    lead_skip(&r);
    pdk_leader_renew(r.l, r.now_ms);
    lead_expect(&r, "close 5 departed 5 accept 3");
    lead_ack(&r, 2, ZXID(2, 2)); /* a late one */
    lead_stored(&r, 3, false);
    lead_expect(&r, "2:LEADERINFO 300000000 1:LEADERINFO 300000000 4:LEADERINFO 300000000");
    lead_packet(&r, 1, PDK_Q_REQUEST, -1, pdk_slice_str("meanwhile"));
    pdk_leader_send(r.l, 1, PDK_Q_SYNC, 0, pdk_slice_null());
    lead_expect(&r, "node 1 REQUEST 1:SYNC 0");
    lead_ackepoch(&r, 1, 2, ZXID(2, 2));
    lead_expect(&r, "vouch 3");
    lead_ackepoch(&r, 4, 2, ZXID(2, 2));
    lead_stored(&r, 3, true);
    lead_expect(&r, "1:NEWLEADER 300000000 4:NEWLEADER 300000000");
    lead_ack(&r, 1, ZXID(3, 0));
    lead_expect(&r, "commit 200000002 serve 3 1:UPTODATE ffffffffffffffff");
    lead_ackepoch(&r, 2, 2, ZXID(2, 2));
    lead_ack(&r, 2, ZXID(3, 0));
    lead_ack(&r, 4, ZXID(3, 0));
    lead_expect(&r, "2:NEWLEADER 300000000 2:UPTODATE ffffffffffffffff "
                    "4:UPTODATE ffffffffffffffff");
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(3, 1));
    lead_ack(&r, 1, ZXID(3, 1));
    lead_expect(&r, "2,1:PROPOSAL 300000001 2,1:COMMIT 300000001 4:INFORM 300000001 "
                    "commit 300000001");
}

static void in_a_change_of_epoch_everybody_may_come_and_go(void **state)
{
    (void)state;
    establish_all(LEAD_PADDOCK);
    pdk_leader_renew(r.l, r.now_ms);
    lead_stored(&r, 3, false);
    pdk_leader_closed(r.l, r.now_ms, 4);
    lead_skip(&r);
    lead_tick(&r, 500);
    lead_expect(&r, "2,1:PING 300000000");
    lead_greet(&r, 4, 4, 2, LEAD_OBSERVER);
    lead_ackepoch(&r, 4, 2, ZXID(1, 2));
    lead_ackepoch(&r, 1, 2, ZXID(1, 2));
    lead_stored(&r, 3, true);
    lead_expect(&r, "4:LEADERINFO 300000000 vouch 3 1:NEWLEADER 300000000 4:DIFF 100000002 "
                    "4:NEWLEADER 300000000");
    lead_ackepoch(&r, 2, 2, ZXID(1, 1)); /* cannot be */
    lead_expect(&r, "close 2 departed 2");
    lead_ack(&r, 1, ZXID(3, 0));
    lead_expect(&r, "commit 100000002 serve 3 1:UPTODATE ffffffffffffffff");
    assert_int_equal(pdk_leader_confirm(r.l, r.now_ms), 1);
    answer(1); /* of the ping before */
    lead_expect(&r, "1:PING 300000000");
    lead_ack(&r, 1, ZXID(3, 0));
    answer(1);
    lead_expect(&r, "confirmed 1");
}

static void a_member_that_promised_a_later_epoch_is_a_reason(void **state)
{
    (void)state;
    establish_all(LEAD_PADDOCK);
    pdk_leader_closed(r.l, r.now_ms, 1);
    lead_greet(&r, 5, 9, 7, 0); /* nobody of ours */
    lead_greet(&r, 5, 1, 2000, 0);
    assert_false(pdk_leader_wants_renewal(r.l));
    lead_greet(&r, 5, 1, 7, 0);
    lead_expect(&r, "departed 1 close 5 close 5 close 5");
    assert_true(pdk_leader_wants_renewal(r.l));
    lead_greet(&r, 5, 1, 6, 0);
    lead_expect(&r, "close 5");
    pdk_leader_renew(r.l, r.now_ms);
    lead_expect(&r, "accept 8");
    assert_false(pdk_leader_wants_renewal(r.l));
    lead_stored(&r, 8, false);
    lead_greet(&r, 1, 1, 7, 0);
    lead_expect(&r, "2:LEADERINFO 800000000 4:LEADERINFO 800000000 1:LEADERINFO 800000000");
    lead_ackepoch(&r, 2, 2, ZXID(1, 2));
    lead_stored(&r, 8, true);
    lead_ack(&r, 2, ZXID(8, 0));
    lead_skip(&r);
    assert_int_equal(pdk_leader_phase(r.l), PDK_LEADER_BROADCAST);
    assert_false(pdk_leader_wants_renewal(r.l));
}

/* A learner may be late: what is proposed in the new epoch is on its link before NEWLEADER. */
static void latecomers_to_a_change_of_epoch_keep_their_links(void **state)
{
    (void)state;
    establish_all(LEAD_PADDOCK);
    pdk_leader_renew(r.l, r.now_ms);
    lead_stored(&r, 3, false);
    lead_ackepoch(&r, 1, 2, ZXID(1, 2));
    lead_stored(&r, 3, true);
    lead_ack(&r, 1, ZXID(3, 0));
    lead_skip(&r);
    lead_propose(&r, 1);
    lead_expect(&r, "2,1:PROPOSAL 300000001");
    lead_ackepoch(&r, 2, 2, ZXID(1, 2));
    lead_durable(&r, ZXID(3, 1));
    lead_expect(&r, "2:NEWLEADER 300000000");
    lead_ack(&r, 2, ZXID(3, 0));
    lead_expect(&r, "2:UPTODATE ffffffffffffffff");
    lead_ack(&r, 2, ZXID(3, 1));
    lead_expect(&r, "2,1:COMMIT 300000001 4:INFORM 300000001 commit 300000001");
    lead_ackepoch(&r, 4, 2, ZXID(3, 1));
    lead_expect(&r, "4:NEWLEADER 300000000");
}

static void a_change_of_epoch_without_a_quorum_of_ours_waits_for_the_others(void **state)
{
    (void)state;
    lead_start(&r);
    pdk_leader_saw_looking(r.l, r.now_ms, 1); /* long ago */
    lead_greet(&r, 2, 2, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 2, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 2, ZXID(2, 0));
    lead_skip(&r);
    pdk_leader_renew(r.l, r.now_ms);
    lead_expect(&r, "close 2 departed 2");
    pdk_leader_saw_looking(r.l, r.now_ms, 2); /* its link has broken */
    lead_tick(&r, 1000);
    lead_expect(&r, "");
    lead_greet(&r, 2, 2, 2, 0);
    lead_expect(&r, "accept 3");
    lead_stored(&r, 3, false);
    lead_ackepoch(&r, 2, 2, ZXID(1, 2));
    lead_stored(&r, 3, true);
    lead_ack(&r, 2, ZXID(3, 0));
    lead_expect(&r, "2:LEADERINFO 300000000 vouch 3 2:DIFF 100000002 2:NEWLEADER 300000000 "
                    "commit 100000002 serve 3 2:UPTODATE ffffffffffffffff");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pings_go_out_twice_a_tick),
        TEST(who_is_not_brought_up_is_not_pinged),
        TEST(a_silent_learner_goes_after_sync_limit),
        TEST(half_a_packet_is_a_sign_of_life),
        TEST(bug_lost_pong_streams_live_while_they_move),
        TEST(a_stranger_goes_after_init_limit),
        TEST(bug_outstanding_who_owes_an_ack_for_sync_limit_goes),
        TEST(it_goes_though_more_is_proposed_meanwhile),
        TEST(it_goes_though_it_acks_some),
        TEST(a_follower_that_gets_on_is_kept),
        TEST(the_first_quorum_may_take_long_while_it_moves),
        TEST(links_that_break_have_a_tick_to_come_back),
        TEST(a_quorum_that_falls_silent_ends_the_term_at_once),
        TEST(a_config_under_way_needs_its_quorum_of_links_too),
        TEST(bug_disloyal_voters_end_the_discovery),
        TEST(a_voter_that_has_come_once_may_come_again),
        TEST(a_setting_ends_the_discovery_when_any_voter_looks),
        TEST(bug_sync_a_quorum_confirms_that_it_follows),
        TEST(answers_to_older_pings_confirm_nothing),
        TEST(later_pings_do_not_put_a_round_off),
        TEST(those_who_ask_meanwhile_share_the_next_round),
        TEST(pings_before_uptodate_are_not_counted),
        TEST(a_round_outlives_links),
        TEST(before_broadcast_a_round_waits),
        TEST(one_voter_confirms_itself),
        TEST(who_retires_leaves_an_heir_that_has_everything),
        TEST(only_voters_inherit),
        TEST(with_nothing_proposed_every_follower_has_everything),
        TEST(the_wanted_heir_has_a_tick_to_catch_up),
        TEST(after_that_tick_another_inherits),
        TEST(a_wanted_heir_that_is_not_there_is_not_waited_for),
        TEST(what_cannot_be_committed_does_not_keep_a_leader),
        TEST(learners_of_ours_change_epoch_on_their_links),
        TEST(in_a_change_of_epoch_everybody_may_come_and_go),
        TEST(latecomers_to_a_change_of_epoch_keep_their_links),
        TEST(a_member_that_promised_a_later_epoch_is_a_reason),
        TEST(a_change_of_epoch_without_a_quorum_of_ours_waits_for_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
