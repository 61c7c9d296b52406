/* Proposals, acks, commits, configs: zab.md sections 6 and 9.2, known-bugs.md section 3. */
#include "base/prng.h"
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

/* Leader 3 with followers 1 and 2 and observer 4. */
static void establish_all(void)
{
    lead_establish(&r, 0);
    lead_join(&r, 1, 2, ZXID(1, 2), 0);
    lead_join(&r, 4, 2, ZXID(1, 2), LEAD_OBSERVER);
    lead_skip(&r);
}

/* ---- proposals and commits ------------------------------------------------------------------- */

static void a_quorum_of_disks_commits(void **state)
{
    (void)state;
    establish_all();
    lead_propose(&r, 1);
    lead_expect(&r, "2,1:PROPOSAL 200000001");
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "");
    lead_durable(&r, ZXID(2, 1));
    lead_expect(&r, "2,1:COMMIT 200000001 4:INFORM 200000001 commit 200000001");
    lead_ack(&r, 1, ZXID(2, 1));
    lead_expect(&r, "");
}

static void followers_may_commit_while_our_disk_is_slow(void **state)
{
    (void)state;
    establish_all();
    lead_propose(&r, 2);
    lead_ack(&r, 2, ZXID(2, 2));
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(2, 1));
    lead_expect(&r, "2,1:COMMIT 200000001 4:INFORM 200000001 commit 200000001");
}

static void an_ack_stands_for_everything_before_it(void **state)
{
    (void)state;
    establish_all();
    lead_propose(&r, 3);
    lead_durable(&r, ZXID(2, 3));
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(2, 3));
    lead_expect(&r, "2,1:COMMIT 200000001 2,1:COMMIT 200000002 2,1:COMMIT 200000003 "
                    "4:INFORM 200000001 4:INFORM 200000002 4:INFORM 200000003 commit 200000003");
}

static void consecutive_proposals_are_one_effect(void **state)
{
    (void)state;
    establish_all();
    lead_propose(&r, 1);
    lead_propose(&r, 2);
    size_t count = 0;
    const struct pdk_zab_effect *e = pdk_leader_effects(r.l, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e->kind, PDK_ZAB_SEND);
    assert_int_equal(e->link_count, 2);
    assert_int_equal(e->bytes.len, 3 * (20 + TEST_TXN_LEN(4)));
    pdk_leader_effects_clear(r.l);
}

static void what_travels_is_the_transaction_itself(void **state)
{
    (void)state;
    uint8_t txn[TEST_TXN_LEN(4)];
    char hex[2 * sizeof txn + 1];
    establish_all();
    lead_propose(&r, 1);
    lead_skip(&r);
    test_fill_txn(txn, ZXID(2, 1), 4);
    for (size_t i = 0; i < sizeof txn; i++) (void)snprintf(hex + 2 * i, 3, "%02x", txn[i]);
    assert_string_equal(r.sent, hex);
    r.sent[0] = 0;
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 2, ZXID(2, 1));
    lead_skip(&r);
    assert_string_equal(r.sent, hex); /* INFORM */
}

/* Nothing stands around a transaction in its field: what the log takes, learners with the same
 * limit take. */
static void bug_jute_limits_the_longest_transaction_fits_its_packets(void **state)
{
    (void)state;
    establish_all();
    test_add(r.history, ZXID(2, 1), r.config.limits.packet_field_bytes - PDK_TXN_HEADER_LEN);
    pdk_leader_propose(r.l, r.now_ms, ZXID(2, 1));
    lead_durable(&r, ZXID(2, 1));
    lead_ack(&r, 2, ZXID(2, 1));
    struct pdk_zab_effect e;
    size_t packets = 0;
    while (pdk_leader_next(r.l, &e)) {
        for (size_t at = 0, used; e.kind == PDK_ZAB_SEND && at < e.bytes.len; at += used) {
            struct pdk_qpacket p;
            assert_int_equal(pdk_qpacket_read(pdk_slice_of(e.bytes.bytes + at, e.bytes.len - at),
                                              r.config.limits.packet_field_bytes, &p, &used),
                             PDK_QFOUND_PACKET);
            packets++;
        }
    }
    assert_int_equal(packets, 3); /* PROPOSAL, COMMIT, INFORM */
}

static void acks_that_mean_nothing_do_nothing(void **state)
{
    (void)state;
    establish_all();
    lead_join(&r, 9, 2, ZXID(1, 2), 0); /* does not vote */
    lead_propose(&r, 2);
    lead_durable(&r, ZXID(2, 2));
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(1, 2));
    lead_ack(&r, 1, 0);
    lead_ack(&r, 1, -5);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_ack(&r, 4, ZXID(2, 2)); /* an observer */
    lead_ack(&r, 9, ZXID(2, 2));
    lead_expect(&r, "");
    lead_ack(&r, 1, ZXID(2, 3)); /* was never proposed */
    lead_expect(&r, "close 1 departed 1");
    lead_ack(&r, 2, ZXID(2, 2));
    lead_expect(&r, "2,9:COMMIT 200000001 2,9:COMMIT 200000002 4:INFORM 200000001 "
                    "4:INFORM 200000002 commit 200000002");
}

/* What a link had acked counts no more: the learner may have been told to forget it. */
static void acks_end_with_their_link(void **state)
{
    (void)state;
    establish_all();
    lead_propose(&r, 1);
    lead_ack(&r, 1, ZXID(2, 1));
    pdk_leader_closed(r.l, r.now_ms, 1);
    lead_skip(&r);
    lead_durable(&r, ZXID(2, 1));
    lead_expect(&r, "");
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "2:COMMIT 200000001 4:INFORM 200000001 commit 200000001");
}

static void weights_and_groups_decide(void **state)
{
    (void)state;
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\n"
               "server.7=g:1:2\ngroup.1=1:2:3\ngroup.2=5\ngroup.3=6:7\n"
               "weight.1=0\nweight.2=1\nweight.3=1\nweight.5=1\nweight.6=1\nweight.7=3\n");
    lead_start(&r);
    lead_greet(&r, 2, 2, 1, 0);
    lead_expect(&r, ""); /* one group of three */
    lead_greet(&r, 5, 5, 1, 0);
    lead_expect(&r, "accept 2");
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 2, 1, ZXID(1, 2));
    lead_ackepoch(&r, 5, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 2, ZXID(2, 0));
    lead_ack(&r, 5, ZXID(2, 0));
    lead_join(&r, 1, 2, ZXID(1, 2), 0);
    lead_join(&r, 6, 2, ZXID(1, 2), 0);
    lead_join(&r, 7, 2, ZXID(1, 2), 0);
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(2, 1));
    lead_skip(&r);
    lead_ack(&r, 1, ZXID(2, 1)); /* weighs nothing */
    lead_ack(&r, 6, ZXID(2, 1)); /* too light for its group */
    lead_ack(&r, 5, ZXID(2, 1));
    lead_expect(&r, "");
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "2,5,1,6,7:COMMIT 200000001 commit 200000001");
}

static void figures_of_proposals(void **state)
{
    (void)state;
    establish_all();
    test_add(r.history, ZXID(2, 1), 100);
    test_add(r.history, ZXID(2, 2), 10);
    test_add(r.history, ZXID(2, 3), 50);
    pdk_leader_propose(r.l, r.now_ms, ZXID(2, 3));
    lead_durable(&r, ZXID(2, 3));
    lead_ack(&r, 2, ZXID(2, 2));
    struct pdk_leader_counts c = pdk_leader_counts(r.l);
    assert_int_equal(c.proposals, 3);
    assert_int_equal(c.commits, 2);
    assert_int_equal(c.acks, 1);
    assert_int_equal(c.max_proposal_bytes, TEST_TXN_LEN(100));
    assert_int_equal(c.min_proposal_bytes, TEST_TXN_LEN(10));
    assert_int_equal(c.last_proposal_bytes, TEST_TXN_LEN(50));
    assert_int_equal(c.diff_syncs, 3);
    struct pdk_learner_status s;
    assert_int_equal(pdk_leader_learner_count(r.l), 3);
    pdk_leader_learner(r.l, 0, &s);
    assert_int_equal(s.sid, 2);
    assert_int_equal(s.acked, ZXID(2, 2));
    assert_true(s.is_voter && s.is_synced && !s.is_observer && !s.is_paddock);
    assert_string_equal(s.address, "10.0.0.1");
}

/* ---- what Zab does not judge ----------------------------------------------------------------- */

static void requests_are_handed_over_in_order(void **state)
{
    (void)state;
    establish_all();
    lead_packet(&r, 1, PDK_Q_REQUEST, -1, pdk_slice_str("one"));
    lead_packet(&r, 4, PDK_Q_REVALIDATE, -1, pdk_slice_str("two"));
    lead_packet(&r, 2, PDK_Q_PING, ZXID(1, 2), pdk_slice_str("touched"));
    lead_packet(&r, 2, PDK_Q_PING, ZXID(1, 2), pdk_slice_str(""));
    lead_packet(&r, 2, PDK_Q_UPTODATE, -1, pdk_slice_null()); /* makes no sense */
    lead_packet(&r, 2, (enum pdk_qtype)99, -1, pdk_slice_null());
    lead_expect(&r, "node 1 REQUEST node 4 REVALIDATE node 2 PING");
}

static void packets_of_the_node_go_to_those_that_follow(void **state)
{
    (void)state;
    establish_all();
    pdk_leader_send(r.l, 1, PDK_Q_SYNC, 0, pdk_slice_null());
    pdk_leader_send(r.l, 4, PDK_Q_REVALIDATE, -1, pdk_slice_str("yes"));
    pdk_leader_send(r.l, 9, PDK_Q_SYNC, 0, pdk_slice_null());
    lead_accept(&r, 9);
    pdk_leader_send(r.l, 9, PDK_Q_SYNC, 0, pdk_slice_null());
    lead_expect(&r, "1:SYNC 0 4:REVALIDATE ffffffffffffffff");
}

/* ---- reconfig -------------------------------------------------------------------------------- */

/* Proposes the config of `text` at the next zxid. */
static void propose_config(const char *text)
{
    struct pdk_members *m = pdk_members_of_text(text);
    pdk_zxid last = pdk_history_last(r.history);
    pdk_zxid zxid = PDK_ZXID_EPOCH(last) == 2 ? last + 1 : ZXID(2, 1);
    test_add(r.history, zxid, 4);
    pdk_leader_propose_config(r.l, r.now_ms, zxid, m);
    pdk_members_drop(m);
}

static void establish_five(void)
{
    r.config.limits.reconfig_enabled = true;
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=100000001\n");
    establish_all();
    lead_join(&r, 5, 2, ZXID(1, 2), 0);
    lead_join(&r, 6, 2, ZXID(1, 2), 0);
    lead_skip(&r);
}

#define FIVE \
    "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\n" \
    "version=200000002\n"

static void a_reconfig_needs_both_quorums_and_nothing_passes_it(void **state)
{
    (void)state;
    establish_five();
    lead_propose(&r, 1);
    propose_config(FIVE);
    lead_propose(&r, 2);
    lead_expect(&r, "2,1,5,6:PROPOSAL 200000001 seen 200000002 2,1,5,6:PROPOSAL 200000002 "
                    "2,1,5,6:PROPOSAL 200000003 2,1,5,6:PROPOSAL 200000004");
    lead_durable(&r, ZXID(2, 4));
    lead_ack(&r, 5, ZXID(2, 4));
    lead_expect(&r, ""); /* 3 and 5: of the old config only one */
    lead_ack(&r, 2, ZXID(2, 3));
    lead_expect(&r, "2,1,5,6:COMMIT 200000001 4:INFORM 200000001 commit 200000001 "
                    "2,1,5,6:COMMITANDACTIVATE 200000002 4:INFORMANDACTIVATE 200000002 "
                    "active 200000002 by 3 commit 200000002 "
                    "2,1,5,6:COMMIT 200000003 4:INFORM 200000003 commit 200000003");
    /* 2:4 was proposed under the old config, too: 3, 5 and 6 are a quorum of the new one only. */
    lead_ack(&r, 6, ZXID(2, 4));
    lead_expect(&r, "");
    lead_ack(&r, 1, ZXID(2, 4));
    lead_expect(&r, "2,1,5,6:COMMIT 200000004 4:INFORM 200000004 commit 200000004");
    lead_propose(&r, 1);
    lead_durable(&r, ZXID(2, 5));
    lead_ack(&r, 5, ZXID(2, 5));
    lead_skip(&r);
    lead_ack(&r, 6, ZXID(2, 5));
    lead_expect(&r, "2,1,5,6:COMMIT 200000005 4:INFORM 200000005 commit 200000005");
}

static void what_stands_before_a_reconfig_needs_the_old_quorum_only(void **state)
{
    (void)state;
    establish_five();
    lead_propose(&r, 1);
    propose_config(FIVE);
    lead_skip(&r);
    lead_durable(&r, ZXID(2, 2));
    lead_ack(&r, 1, ZXID(2, 2));
    lead_expect(&r, "2,1,5,6:COMMIT 200000001 4:INFORM 200000001 commit 200000001");
    lead_ack(&r, 5, ZXID(2, 2));
    lead_expect(&r, "2,1,5,6:COMMITANDACTIVATE 200000002 4:INFORMANDACTIVATE 200000002 "
                    "active 200000002 by 3 commit 200000002");
    assert_string_equal(r.sent + 16, "0000000000000011000000000000000200000002"
                                     "0000018bcfe56800fffffff602020202");
    assert_memory_equal(r.sent, "0000000000000003", 16);
}

/* A leader that the new config does not know commits nothing behind it; the best of the others is
 * named. */
static void a_leader_that_is_left_out_hands_over(void **state)
{
    (void)state;
    establish_five();
    propose_config("server.1=a:1:2\nserver.2=b:1:2\nserver.5=e:1:2\nversion=200000001\n");
    lead_propose(&r, 1);
    lead_skip(&r);
    lead_durable(&r, ZXID(2, 2));
    lead_ack(&r, 6, ZXID(2, 2)); /* does not vote in it */
    lead_ack(&r, 1, ZXID(2, 2));
    lead_expect(&r, "");
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "2,1,5,6:COMMITANDACTIVATE 200000001 4:INFORMANDACTIVATE 200000001 "
                    "active 200000001 by 1 commit 200000001 close 2 departed 2 close 1 departed 1 "
                    "close 4 departed 4 close 5 departed 5 close 6 departed 6 lost");
}

static void a_leader_with_another_address_hands_over(void **state)
{
    (void)state;
    establish_five();
    propose_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:7:2\nversion=200000001\n");
    lead_durable(&r, ZXID(2, 1));
    lead_skip(&r);
    lead_ack(&r, 2, ZXID(2, 1));
    lead_expect(&r, "2,1,5,6:COMMITANDACTIVATE 200000001 4:INFORMANDACTIVATE 200000001 "
                    "active 200000001 by 2 commit 200000001 close 2 departed 2 close 1 departed 1 "
                    "close 4 departed 4 close 5 departed 5 close 6 departed 6 lost");
}

static void a_quorum_of_a_config_is_here_when_its_followers_are(void **state)
{
    (void)state;
    establish_five();
    struct pdk_members *five = pdk_members_of_text(FIVE);
    struct pdk_members *others = pdk_members_of_text("server.7=a:1:2\nserver.4=b:1:2\n");
    assert_true(pdk_leader_has_quorum_of(r.l, five));
    pdk_leader_closed(r.l, r.now_ms, 1);
    pdk_leader_closed(r.l, r.now_ms, 5);
    assert_true(pdk_leader_has_quorum_of(r.l, five)); /* 2, 3, 6 */
    pdk_leader_closed(r.l, r.now_ms, 6);
    assert_false(pdk_leader_has_quorum_of(r.l, five));
    assert_false(pdk_leader_has_quorum_of(r.l, others)); /* 4 is an observer yet */
    pdk_members_drop(five);
    pdk_members_drop(others);
}

/* ---- against the plain rule ------------------------------------------------------------------ */

#define VOTERS 5
static bool plainly_committed(const uint32_t acked[VOTERS], uint32_t n)
{
    int count = 0;
    for (int i = 0; i < VOTERS; i++) count += acked[i] >= n;
    return count > VOTERS / 2;
}

/* Acks and proposals in any order, for many times: exactly what most disks have is committed. */
static void commits_are_what_most_disks_have(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 11);
    set_config("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.5=e:1:2\nserver.6=f:1:2\n");
    lead_start(&r);
    lead_greet(&r, 1, 1, 1, 0);
    lead_greet(&r, 2, 2, 1, 0);
    lead_stored(&r, 2, false);
    lead_ackepoch(&r, 1, 1, ZXID(1, 2));
    lead_ackepoch(&r, 2, 1, ZXID(1, 2));
    lead_stored(&r, 2, true);
    lead_ack(&r, 1, ZXID(2, 0));
    lead_ack(&r, 2, ZXID(2, 0));
    lead_join(&r, 5, 2, ZXID(1, 2), 0);
    lead_join(&r, 6, 2, ZXID(1, 2), 0);
    lead_skip(&r);
    static const uint32_t links[VOTERS] = {1, 2, 3, 5, 6};
    uint32_t acked[VOTERS] = {0}, proposed = 0, committed = 0;
    for (int step = 0; step < 4000; step++) {
        size_t who = pdk_prng_below(&prng, VOTERS + 1);
        if (who == VOTERS || acked[who] == proposed) {
            uint32_t n = 1 + (uint32_t)pdk_prng_below(&prng, 3);
            lead_propose(&r, n);
            proposed += n;
        } else {
            acked[who] += 1 + (uint32_t)pdk_prng_below(&prng, proposed - acked[who]);
            if (links[who] == 3)
                lead_durable(&r, ZXID(2, acked[who]));
            else
                lead_ack(&r, links[who], ZXID(2, acked[who]));
        }
        lead_skip(&r);
        while (committed < proposed && plainly_committed(acked, committed + 1)) committed++;
        if (committed > 0) assert_int_equal(r.applied, ZXID(2, committed));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quorum_of_disks_commits),
        TEST(followers_may_commit_while_our_disk_is_slow),
        TEST(an_ack_stands_for_everything_before_it),
        TEST(consecutive_proposals_are_one_effect),
        TEST(what_travels_is_the_transaction_itself),
        TEST(bug_jute_limits_the_longest_transaction_fits_its_packets),
        TEST(acks_that_mean_nothing_do_nothing),
        TEST(acks_end_with_their_link),
        TEST(weights_and_groups_decide),
        TEST(figures_of_proposals),
        TEST(requests_are_handed_over_in_order),
        TEST(packets_of_the_node_go_to_those_that_follow),
        TEST(a_reconfig_needs_both_quorums_and_nothing_passes_it),
        TEST(what_stands_before_a_reconfig_needs_the_old_quorum_only),
        TEST(a_leader_that_is_left_out_hands_over),
        TEST(a_leader_with_another_address_hands_over),
        TEST(a_quorum_of_a_config_is_here_when_its_followers_are),
        TEST(commits_are_what_most_disks_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
