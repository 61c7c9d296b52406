/* One learner is brought up: zab.md section 5, known-bugs.md section 1. */
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

/* Learner `sid` on the link of its number has answered LEADERINFO of epoch 2. */
static void come(pdk_sid sid, int32_t current, pdk_zxid last, unsigned how)
{
    lead_greet(&r, (uint32_t)sid, sid, 1, how);
    lead_skip(&r);
    lead_ackepoch(&r, (uint32_t)sid, current, last);
}

/* History 1:1 ... 2:5, of which 2:3 are committed. */
static void establish_with_outstanding(unsigned how)
{
    lead_establish(&r, how);
    lead_propose(&r, 5);
    lead_durable(&r, ZXID(2, 5));
    lead_ack(&r, 2, ZXID(2, 3));
    lead_skip(&r);
}

static void found(uint32_t link, bool reaches, pdk_zxid at, int64_t bytes)
{
    struct pdk_sync_query disk = {
        .disk_reaches = reaches, .disk_at = at, .disk_bytes = bytes, .snapshot_bytes = 1000};
    pdk_leader_found(r.l, r.now_ms, link, &disk);
}

static void forget_memory(void)
{
    pdk_history_reset(r.history, ZXID(1, 7));
    test_add(r.history, ZXID(1, 8), 4);
    r.applied = ZXID(1, 8);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

/* Everything is queued at once, and from then on the learner gets what the others get: no gap, no
 * doubles (known-bugs.md, "2 leader queues").  Its acks count only behind that of NEWLEADER. */
static void bug_2_leader_queues_forwarding_begins_where_the_synchronisation_ends(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    come(1, 1, ZXID(1, 1), LEAD_PADDOCK);
    lead_expect(&r, "1:DIFF 200000003 1:PROPOSAL 100000002 1:COMMIT 100000002 "
                    "1:PROPOSAL 200000001 1:COMMIT 200000001 1:PROPOSAL 200000002 "
                    "1:COMMIT 200000002 1:PROPOSAL 200000003 1:COMMIT 200000003 "
                    "1:PROPOSAL 200000004 1:PROPOSAL 200000005 1:NEWLEADER 200000000");
    lead_propose(&r, 1);
    lead_expect(&r, "2,1:PROPOSAL 200000006");
    lead_ack(&r, 1, ZXID(2, 5));
    lead_expect(&r, "");
    lead_ack(&r, 2, ZXID(2, 4));
    lead_expect(&r, "2,1:COMMIT 200000004 commit 200000004");
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "1:UPTODATE ffffffffffffffff 2,1:COMMIT 200000005 commit 200000005");
}

/* Apache's followers get what is outstanding behind NEWLEADER: a COMMIT between its ack and
 * UPTODATE then always finds its proposal (ZOOKEEPER-4394 in 3.8.0), and no proposal's ack comes
 * before that of NEWLEADER (ZOOKEEPER-4685). */
static void bug_4394_no_proposal_stands_open_at_newleader(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    come(1, 1, ZXID(2, 2), 0);
    lead_expect(&r, "1:DIFF 200000003 1:PROPOSAL 200000003 1:COMMIT 200000003 "
                    "1:NEWLEADER 200000000 1:PROPOSAL 200000004 1:PROPOSAL 200000005");
    lead_ack(&r, 2, ZXID(2, 5));
    lead_expect(&r, "2,1:COMMIT 200000004 2,1:COMMIT 200000005 commit 200000005");
}

static void observers_are_sent_nothing_uncommitted(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    come(4, 1, ZXID(2, 2), LEAD_OBSERVER);
    lead_expect(&r, "4:DIFF 200000003 4:PROPOSAL 200000003 4:COMMIT 200000003 "
                    "4:NEWLEADER 200000000");
    lead_propose(&r, 1);
    lead_expect(&r, "2:PROPOSAL 200000006");
    lead_ack(&r, 2, ZXID(2, 4));
    lead_expect(&r, "2:COMMIT 200000004 4:INFORM 200000004 commit 200000004");
    lead_ack(&r, 4, ZXID(2, 0));
    lead_expect(&r, "4:UPTODATE ffffffffffffffff");
}

static void a_learner_that_has_more_forgets_it(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    come(1, 2, ZXID(2, 5), 0);
    lead_expect(&r, "1:TRUNC 200000003 1:NEWLEADER 200000000 1:PROPOSAL 200000004 "
                    "1:PROPOSAL 200000005");
    assert_int_equal(pdk_leader_counts(r.l).trunc_syncs, 1);
}

static void a_learner_of_ours_gets_it_again_before_newleader(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    come(1, 2, ZXID(2, 4), LEAD_PADDOCK);
    lead_expect(&r, "1:TRUNC 200000003 1:PROPOSAL 200000004 1:PROPOSAL 200000005 "
                    "1:NEWLEADER 200000000");
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/* The view stands at what is applied, which may be behind what is committed. */
static void behind_a_snapshot_comes_what_it_lacks(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    r.applied = ZXID(2, 2);
    come(1, 1, -1, 0);
    lead_expect(&r, "1:SNAP 200000002 view 1 1:PROPOSAL 200000003 1:COMMIT 200000003 "
                    "1:NEWLEADER 200000000 1:PROPOSAL 200000004 1:PROPOSAL 200000005");
    assert_int_equal(pdk_leader_counts(r.l).snap_syncs, 1);
}

/* NEWLEADER leaves behind the stream, and its ack cannot come before the stream has left. */
static void bug_3104_nobody_acks_a_snapshot_that_has_not_left(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    come(1, 1, -1, 0);
    lead_expect(&r, "1:SNAP 100000002 view 1 1:NEWLEADER 200000000");
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "close 1");

    come(1, 1, -1, 0);
    pdk_leader_streamed(r.l, r.now_ms, 1, true);
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "1:UPTODATE ffffffffffffffff");
}

/* Before anything is served the whole history counts as committed, and is applied: a tree that ends
 * before it would take from a learner what that may have acked. */
static void in_the_phase_of_synchronisation_the_whole_history_is_committed(void **state)
{
    (void)state;
    r.applied = ZXID(1, 1);
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 1, 1, ZXID(1, 1));
    lead_stored(&r, 2, true);
    lead_expect(&r, "accept 2 1:LEADERINFO 200000000 vouch 2 commit 100000002 1:DIFF 100000002 "
                    "1:PROPOSAL 100000002 1:COMMIT 100000002 1:NEWLEADER 200000000");
    lead_greet(&r, 2, 2, 1, 0);
    lead_ackepoch(&r, 2, 0, -1);
    lead_expect(&r, "2:LEADERINFO 200000000 2:SNAP 100000002 view 2 2:NEWLEADER 200000000");
}

static void a_forced_snapshot_goes_to_everybody(void **state)
{
    (void)state;
    r.config.force_snapshot = true;
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    lead_expect(&r, "1:SNAP 100000002 view 1 1:NEWLEADER 200000000");
}

/* A commit that the node has not carried out yet would move the tree under the SNAP's zxid. */
static void a_snapshot_waits_for_commits_on_their_way(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    lead_greet(&r, 1, 1, 1, 0);
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 2, ZXID(2, 1));
    lead_ackepoch(&r, 1, 1, -1); /* before the effects of all that are taken */
    lead_expect(&r, "1:LEADERINFO 200000000 2:PROPOSAL 200000001 2:COMMIT 200000001 "
                    "commit 200000001");
    lead_tick(&r, 500);
    lead_expect(&r, "1:SNAP 200000001 view 1 1:NEWLEADER 200000000 2:PING 200000001");
}

static void a_snapshot_that_the_disk_called_for_waits_too(void **state)
{
    (void)state;
    forget_memory();
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    lead_expect(&r, "find 1 100000002");
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 2, ZXID(2, 1));
    found(1, false, 0, 0);
    lead_expect(&r, "2:PROPOSAL 200000001 2:COMMIT 200000001 commit 200000001");
    lead_tick(&r, 500);
    lead_expect(&r, "find 1 100000002 2:PING 200000001");
    found(1, false, 0, 0);
    lead_expect(&r, "1:SNAP 200000001 view 1 1:NEWLEADER 200000000");
}

static void a_stream_that_fails_ends_the_link(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    come(1, 1, -1, 0);
    lead_skip(&r);
    pdk_leader_streamed(r.l, r.now_ms, 1, false);
    lead_expect(&r, "close 1");
    pdk_leader_streamed(r.l, r.now_ms, 1, true); /* of a link that is no more */
    lead_expect(&r, "");
}

/* ---- the log on the disk --------------------------------------------------------------------- */

static void what_memory_lacks_comes_from_the_disk(void **state)
{
    (void)state;
    forget_memory();
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    lead_expect(&r, "find 1 100000002");
    lead_propose(&r, 1); /* meanwhile */
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "2:PROPOSAL 200000001 2:COMMIT 200000001 commit 200000001");
    found(1, true, ZXID(1, 2), 10);
    lead_expect(&r, "1:DIFF 200000001 log 1 100000002..100000007 1:PROPOSAL 100000008 "
                    "1:COMMIT 100000008 1:PROPOSAL 200000001 1:COMMIT 200000001 "
                    "1:NEWLEADER 200000000");
    pdk_leader_streamed(r.l, r.now_ms, 1, true);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "1:UPTODATE ffffffffffffffff");
}

static void a_log_that_does_not_reach_back_is_not_used(void **state)
{
    (void)state;
    forget_memory();
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    found(1, false, 0, 0);
    lead_expect(&r, "find 1 100000002 1:SNAP 100000008 view 1 1:NEWLEADER 200000000");
    found(1, true, ZXID(1, 2), 10); /* not asked */
    lead_expect(&r, "");
    come(4, 1, ZXID(1, 2), LEAD_OBSERVER);
    found(4, true, ZXID(1, 2), 331);
    lead_expect(&r, "find 4 100000002 4:SNAP 100000008 view 4 4:NEWLEADER 200000000");
}

/* A log that has let us down is not asked again in this term. */
static void a_bad_record_on_the_disk_means_snapshots_from_now_on(void **state)
{
    (void)state;
    forget_memory();
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    found(1, true, ZXID(1, 2), 10);
    lead_skip(&r);
    pdk_leader_streamed(r.l, r.now_ms, 1, false);
    lead_expect(&r, "close 1");
    come(1, 1, ZXID(1, 2), 0);
    lead_expect(&r, "1:SNAP 100000008 view 1 1:NEWLEADER 200000000");
}

static void without_a_factor_the_log_is_not_asked(void **state)
{
    (void)state;
    r.config.snapshot_size_factor = -1;
    forget_memory();
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    lead_expect(&r, "1:SNAP 100000008 view 1 1:NEWLEADER 200000000");
}

/* ---- at a time ------------------------------------------------------------------------------- */

static void only_so_many_observers_are_brought_up_at_a_time(void **state)
{
    (void)state;
    r.config.max_snap_syncs = 1;
    r.config.max_diff_syncs = 1;
    lead_establish(&r, 0);
    come(4, 1, -1, LEAD_OBSERVER);
    come(5, 1, ZXID(1, 2), LEAD_OBSERVER);
    lead_skip(&r);
    come(6, 1, -1, LEAD_OBSERVER);
    lead_expect(&r, "close 6");
    come(6, 1, ZXID(1, 2), LEAD_OBSERVER);
    lead_expect(&r, "close 6");
    come(1, 1, -1, 0); /* a voter */
    lead_expect(&r, "1:SNAP 100000002 view 1 1:NEWLEADER 200000000");

    pdk_leader_closed(r.l, r.now_ms, 1); /* gives its place back */
    lead_ack(&r, 5, ZXID(2, 0));         /* so does an ack of NEWLEADER */
    lead_skip(&r);
    come(6, 1, ZXID(1, 2), LEAD_OBSERVER);
    lead_expect(&r, "6:DIFF 100000002 6:NEWLEADER 200000000");
    come(7, 1, -1, LEAD_OBSERVER);
    lead_expect(&r, "close 7");
    pdk_leader_streamed(r.l, r.now_ms, 4, true);
    come(7, 1, -1, LEAD_OBSERVER);
    lead_expect(&r, "close 7"); /* a stream that has left is not enough */
    lead_ack(&r, 4, ZXID(2, 0));
    lead_skip(&r);
    come(7, 1, -1, LEAD_OBSERVER);
    lead_expect(&r, "7:SNAP 100000002 view 7 7:NEWLEADER 200000000");
}

/* ---- what comes back ------------------------------------------------------------------------- */

/* Followers of 3.8.0 may ack proposals before NEWLEADER: these acks are no more than that, and the
 * one that is waited for still comes. */
static void bug_4685_acks_before_that_of_newleader_are_ordinary_ones(void **state)
{
    (void)state;
    establish_with_outstanding(0);
    come(1, 1, ZXID(2, 3), 0);
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(2, 4));
    lead_ack(&r, 1, ZXID(2, 5));
    lead_expect(&r, "");
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "1:UPTODATE ffffffffffffffff 2,1:COMMIT 200000004 2,1:COMMIT 200000005 "
                    "commit 200000005");
}

static void bug_4685_in_the_first_quorum(void **state)
{
    (void)state;
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 1, 1, ZXID(1, 1));
    lead_stored(&r, 2, true);
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(1, 2));
    lead_expect(&r, "");
    lead_ack(&r, 1, ZXID(2, 0));
    lead_expect(&r, "commit 100000002 serve 2 1:UPTODATE ffffffffffffffff");
}

static void before_uptodate_only_acks_and_pings_may_come(void **state)
{
    (void)state;
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    lead_skip(&r);
    lead_packet(&r, 1, PDK_Q_PING, 0, pdk_slice_str(""));
    lead_expect(&r, "");
    lead_packet(&r, 1, PDK_Q_REQUEST, -1, pdk_slice_str("x"));
    lead_expect(&r, "close 1");
}

/* A link that ends while the disk is asked, or in mid stream, leaves nothing behind. */
static void links_may_end_at_any_time(void **state)
{
    (void)state;
    forget_memory();
    lead_establish(&r, 0);
    come(1, 1, ZXID(1, 2), 0);
    pdk_leader_closed(r.l, r.now_ms, 1);
    found(1, true, ZXID(1, 2), 10);
    lead_expect(&r, "find 1 100000002");
    come(1, 1, -1, 0);
    pdk_leader_closed(r.l, r.now_ms, 1);
    lead_skip(&r);
    pdk_leader_progress(r.l, r.now_ms, 1);
    pdk_leader_streamed(r.l, r.now_ms, 1, true);
    lead_expect(&r, "");
    lead_propose(&r, 1);
    lead_expect(&r, "2:PROPOSAL 200000001");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bug_2_leader_queues_forwarding_begins_where_the_synchronisation_ends),
        TEST(bug_4394_no_proposal_stands_open_at_newleader),
        TEST(observers_are_sent_nothing_uncommitted),
        TEST(a_learner_that_has_more_forgets_it),
        TEST(a_learner_of_ours_gets_it_again_before_newleader),
        TEST(behind_a_snapshot_comes_what_it_lacks),
        TEST(bug_3104_nobody_acks_a_snapshot_that_has_not_left),
        TEST(in_the_phase_of_synchronisation_the_whole_history_is_committed),
        TEST(a_forced_snapshot_goes_to_everybody),
        TEST(a_snapshot_waits_for_commits_on_their_way),
        TEST(a_snapshot_that_the_disk_called_for_waits_too),
        TEST(a_stream_that_fails_ends_the_link),
        TEST(what_memory_lacks_comes_from_the_disk),
        TEST(a_log_that_does_not_reach_back_is_not_used),
        TEST(a_bad_record_on_the_disk_means_snapshots_from_now_on),
        TEST(without_a_factor_the_log_is_not_asked),
        TEST(only_so_many_observers_are_brought_up_at_a_time),
        TEST(bug_4685_acks_before_that_of_newleader_are_ordinary_ones),
        TEST(bug_4685_in_the_first_quorum),
        TEST(before_uptodate_only_acks_and_pings_may_come),
        TEST(links_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
