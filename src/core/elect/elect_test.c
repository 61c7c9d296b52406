/* Transcripts: what goes in, and what must come out.  Sections are those of election.md. */
#include "core/elect/elect.h"

#include "core/elect/testing.h"
#include "core/elect/votes.h"

/* ---- section 3: votes ------------------------------------------------------------------------ */

/* 3: epoch, then zxid, then id; nobody of weight 0. */
static void orders_votes_by_epoch_zxid_and_id(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct pdk_vote a, b;
        int64_t weight;
        bool beats;
    } cases[] = {
        {"a higher epoch", {1, 0, 1, 3}, {2, 9, 1, 2}, 1, true},
        {"a lower epoch", {2, 9, 1, 2}, {1, 0, 1, 3}, 1, false},
        {"a higher zxid", {1, 9, 1, 2}, {2, 8, 1, 2}, 1, true},
        {"a lower zxid", {2, 8, 1, 2}, {1, 9, 1, 2}, 1, false},
        {"a higher id", {2, 8, 1, 2}, {1, 8, 1, 2}, 1, true},
        {"the same", {2, 8, 1, 2}, {2, 8, 1, 2}, 1, false},
        {"the round does not count", {2, 8, 9, 2}, {2, 8, 1, 2}, 1, false},
        {"compared as signed", {1, 0, 1, 0}, {2, INT64_MIN, 1, INT64_MIN}, 1, true},
        {"a candidate of weight 0", {3, 9, 1, 3}, {1, 1, 1, 1}, 0, false},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        if (pdk_vote_beats(&cases[i].a, &cases[i].b, cases[i].weight) != cases[i].beats) {
            fail_msg("%s", cases[i].why);
        }
    }
}

/* 3: "same vote", while one of them looks and when both have a role. */
static void counts_votes_as_the_same_by_what_is_known_of_them(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct pdk_statement a, b;
        bool looking, settled;
    } cases[] = {
        {"equal", {.vote = {3, 5, 1, 2}}, {.vote = {3, 5, 1, 2}}, true, true},
        {"another leader", {.vote = {3, 5, 1, 2}}, {.vote = {2, 5, 1, 2}}, false, false},
        {"another zxid", {.vote = {3, 5, 1, 2}}, {.vote = {3, 6, 1, 2}}, false, true},
        {"another round", {.vote = {3, 5, 1, 2}}, {.vote = {3, 5, 2, 2}}, false, true},
        {"another epoch", {.vote = {3, 5, 1, 2}}, {.vote = {3, 5, 1, 3}}, false, false},
        {"an old one", {.vote = {3, 5, 1, 2}, .version = 2}, {.vote = {3, 5, 1, 0}}, false, true},
        {"two new ones",
         {.vote = {3, 5, 1, 2}, .version = 2},
         {.vote = {3, 5, 1, 3}, .version = 1},
         false,
         false},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_statement a = cases[i].a, b = cases[i].b;
        b.state = FOLLOWING;
        for (int looking = 0; looking < 2; looking++) {
            a.state = looking ? LOOKING : LEADING;
            bool want = looking ? cases[i].looking : cases[i].settled;
            if (pdk_statements_agree(&a, &b) != want || pdk_statements_agree(&b, &a) != want) {
                fail_msg("%s, %s", cases[i].why, looking ? "looking" : "settled");
            }
        }
    }
}

/* 3: an observer's vote is for nobody; 5.4: it finds the leader all the same. */
static void an_observer_votes_for_nobody_and_finds_the_leader(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 4, 3, 1);
    start(&f, 7, 1);
    expect(&f, "1,2,3<LOOKING MIN zMIN r1 eMIN");
    receive(&f, 2, LEADING, 2, 5, 3, 2);
    expect(&f, "");
    receive(&f, 1, FOLLOWING, 2, 5, 3, 2);
    expect(&f, "decided 2 z5 r3 e2");
    pdk_elect_settle(f.e, OBSERVING);
    expect(&f, "1,2,3<OBSERVING 2 z5 r3 e2");
    receive(&f, 3, LOOKING, 3, 5, 3, 1);
    expect(&f, "3<OBSERVING 2 z5 r3 e2");
    close_fixture(&f);
}

/* 3: a participant that its own config does not name has a history, but is no candidate. */
static void a_joiner_is_no_candidate(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 7, 3, 0);
    start(&f, 7, 1);
    expect(&f, "1,2,3<LOOKING MIN z7 r1 e1");
    receive(&f, 3, LEADING, 3, 9, 1, 2);
    receive(&f, 2, FOLLOWING, 3, 9, 1, 2);
    expect(&f, "decided 3 z9 r1 e2");
    receive(&f, 1, LOOKING, 1, 1, 2, 2);
    expect(&f, "1<FOLLOWING 3 z9 r1 e2");
    close_fixture(&f);
}

/* ---- section 5.1: start ---------------------------------------------------------------------- */

static void a_start_sends_the_own_vote_to_all_at_once(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 2, 3, 1);
    assert_int_equal(pdk_elect_deadline(f.e), INT64_MAX);
    start(&f, 5, 1);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1");
    assert_true(pdk_elect_is_looking(f.e));
    assert_int_equal(pdk_elect_deadline(f.e), f.now + MIN_INTERVAL);
    start(&f, 6, 1);
    expect(&f, "1,3<LOOKING 2 z6 r2 e1"); /* each election is a round of its own */
    close_fixture(&f);
}

static void a_single_voter_elects_itself_without_waiting(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 1, 0);
    start(&f, 5, 1);
    expect(&f, "decided 1 z5 r1 e1");
    assert_int_equal(pdk_elect_deadline(f.e), INT64_MAX);
    close_fixture(&f);
}

/* A frame is the codec's, with the committed config: section 2. */
static void notifications_carry_the_committed_config(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    size_t count;
    const struct pdk_elect_effect *effects = pdk_elect_effects(f.e, &count);
    assert_int_equal(count, 2);
    struct pdk_notification n;
    struct pdk_slice body = pdk_slice_of(effects[0].bytes.bytes + 4, effects[0].bytes.len - 4);
    assert_int_equal(pdk_notification_read(body, &n), PDK_OK);
    struct pdk_buf text;
    pdk_buf_init(&text, pdk_mem_heap(), SIZE_MAX);
    pdk_members_put_text(f.members, false, &text);
    assert_true(pdk_slice_eq(n.config, pdk_buf_slice(&text)));
    pdk_buf_deinit(&text);
    close_fixture(&f);
}

/* ---- section 5.3: LOOKING -------------------------------------------------------------------- */

static void a_better_vote_is_adopted_and_passed_on(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2,3<LOOKING 2 z5 r1 e1"); /* quorum, but 3 may have a better one */
    receive(&f, 3, LOOKING, 3, 4, 1, 1);
    expect(&f, "3<LOOKING 2 z5 r1 e1; decided 2 z5 r1 e1");
    close_fixture(&f);
}

static void a_worse_vote_is_not_adopted(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 5, 0);
    start(&f, 5, 1);
    expect(&f, "1,2,4,5<LOOKING 3 z5 r1 e1");
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2<LOOKING 3 z5 r1 e1"); /* it may have dropped mine while it had a role */
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, ""); /* told once */
    close_fixture(&f);
}

static void a_larger_round_starts_the_count_again_from_the_own_vote(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 2, 5, 0);
    start(&f, 5, 1);
    receive(&f, 5, LOOKING, 5, 9, 1, 1);
    receive(&f, 4, LOOKING, 5, 9, 1, 1);
    expect(&f, "1,3,4,5<LOOKING 2 z5 r1 e1; 1,3,4,5<LOOKING 5 z9 r1 e1");
    assert_int_equal(pdk_elect_deadline(f.e), f.now + FINALIZE); /* 2, 4 and 5 are a quorum */
    receive(&f, 1, LOOKING, 1, 5, 4, 1);
    expect(&f, "1,3,4,5<LOOKING 2 z5 r4 e1"); /* not 5, which belongs to round 1 */
    assert_int_equal(pdk_elect_deadline(f.e), f.now + MIN_INTERVAL);
    receive(&f, 3, LOOKING, 3, 5, 4, 1);
    expect(&f, "1,3,4,5<LOOKING 3 z5 r4 e1");
    close_fixture(&f);
}

/* What was heard in another round says nothing about who is still missing in this one. */
static void a_larger_round_forgets_who_was_heard(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 3, LOOKING, 1, 5, 1, 1);
    receive(&f, 2, LOOKING, 2, 5, 4, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 2 z5 r4 e1");
    assert_int_equal(pdk_elect_deadline(f.e), f.now + FINALIZE);
    close_fixture(&f);
}

/* 4: and stays uncounted. */
static void a_smaller_round_is_answered_with_the_proposal(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 1 z5 r2 e1");
    receive(&f, 2, LOOKING, 2, 9, 1, 1);
    expect(&f, "2<LOOKING 1 z5 r2 e1");
    assert_int_equal(pdk_elect_vote(f.e).leader, 1);
    close_fixture(&f);
}

static void votes_from_or_for_non_voters_do_not_count(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 1);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 2, LOOKING, 4, 9, 1, 1); /* an observer as the candidate */
    receive(&f, 2, LEADING, 4, 9, 1, 1);
    receive(&f, 3, FOLLOWING, 4, 9, 1, 1);
    receive(&f, 3, LOOKING, INT64_MIN, 9, 1, 1);
    receive(&f, 1, LOOKING, 3, 9, 1, 1); /* nobody else speaks for me */
    expect(&f, "");
    close_fixture(&f);
}

/* 5.3: OBSERVING is ignored. */
static void an_observing_voter_is_ignored(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 2, OBSERVING, 3, 9, 1, 1);
    receive(&f, 3, OBSERVING, 3, 9, 1, 1);
    expect(&f, "");
    close_fixture(&f);
}

/* Any round can come from outside; the next one after the largest is the smallest. */
static void the_largest_round_does_no_harm(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 2, 5, INT64_MAX, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 2 z5 r9223372036854775807 e1");
    start(&f, 5, 1);
    receive(&f, 3, LOOKING, 3, 5, 7, 1);
    expect(&f, "2,3<LOOKING 1 z5 rMIN e1; 2,3<LOOKING 3 z5 r7 e1");
    close_fixture(&f);
}

/* ---- section 8: an empty, untrusted database must not vote ----------------------------------- */

static void a_zxid_of_minus_1_neither_votes_nor_counts(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 3, 0);
    start(&f, -1, 0);
    expect(&f, "1,2<LOOKING 3 zffffffffffffffff r1 e0");
    receive(&f, 1, LOOKING, 1, 5, 1, 1);
    receive(&f, 2, LOOKING, 1, 5, 1, 1);
    expect(&f, ""); /* but it follows a leader that others have elected */
    receive(&f, 1, LEADING, 1, 5, 1, 2);
    receive(&f, 2, FOLLOWING, 1, 5, 1, 2);
    expect(&f, "decided 1 z5 r1 e2");
    close_fixture(&f);

    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 2, -1, 1, 2);
    receive(&f, 3, LOOKING, 3, -1, 7, 2);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    close_fixture(&f);

    open_as(&f, 1, 1, 0);
    start(&f, -1, 0);
    expect(&f, "");
    close_fixture(&f);
}

/* ---- section 5.2: timers --------------------------------------------------------------------- */

static void silence_sends_again_in_doubling_intervals_up_to_the_cap(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    peer(&f, 2, true);
    peer(&f, 3, true);
    pass(&f, MIN_INTERVAL - 1);
    expect(&f, "");
    static const int64_t waits[] = {1, 400, 800, 1000, 1000};
    for (size_t i = 0; i < PDK_COUNT_OF(waits); i++) {
        pass(&f, waits[i] - 1);
        expect(&f, "");
        pass(&f, 1);
        expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    }
    start(&f, 5, 1);
    assert_int_equal(pdk_elect_deadline(f.e), f.now + MIN_INTERVAL);
    close_fixture(&f);
}

static void silence_begins_anew_with_each_message(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 5, 0);
    start(&f, 5, 1);
    pass(&f, 150);
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    pdk_elect_tick(f.e, f.now);
    for (pdk_sid sid = 1; sid <= 5; sid++) peer(&f, sid, true);
    expect(&f, "1,2,4,5<LOOKING 3 z5 r1 e1; 2<LOOKING 3 z5 r1 e1");
    pass(&f, MIN_INTERVAL - 1);
    expect(&f, "");
    pass(&f, 1);
    expect(&f, "1,2,4,5<LOOKING 3 z5 r1 e1");
    close_fixture(&f);
}

/* 5.2: "if at least one per-peer send queue is empty ... else try to connect". */
static void dials_when_nobody_is_reachable(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 2, 3, 1);
    start(&f, 5, 1);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1");
    peer(&f, 1, false);
    peer(&f, 3, false);
    peer(&f, 4, true); /* an observer does not help */
    pass(&f, MIN_INTERVAL);
    expect(&f, "dial 1; dial 3");
    close_fixture(&f);
}

/* Not Apache's: nobody waits for a minute until a voter that has come back is found. */
static void goes_on_dialling_those_that_are_missing(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 2, 3, 0);
    start(&f, 5, 1);
    peer(&f, 1, true);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1");
    f.now += MIN_INTERVAL;
    int dials = 0;
    for (int i = 0; i < 60 * 1000; i += 100) {
        pass(&f, 100);
        struct elect_text t = {.len = 0};
        elect_put_effects(&t, f.e);
        assert_null(strstr(t.text, "dial 1"));
        if (strstr(t.text, "dial 3") != NULL) dials++;
    }
    assert_in_range(dials, 60 / 2, 60 + 5); /* the fixture's cap is a second */
    close_fixture(&f);
}

/* ---- finalizeWait: decision 13 --------------------------------------------------------------- */

static void waits_for_silence_while_a_voter_is_missing(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 2 z5 r1 e1");
    assert_int_equal(pdk_elect_deadline(f.e), f.now + FINALIZE);
    pass(&f, FINALIZE - 1);
    receive(&f, 2, LOOKING, 2, 5, 1, 1); /* a repetition does not prolong it */
    expect(&f, "");
    pass(&f, 1);
    expect(&f, "decided 2 z5 r1 e1");
    close_fixture(&f);
}

static void a_better_vote_in_the_silence_wins(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 5, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    receive(&f, 3, LOOKING, 3, 5, 1, 1);
    expect(&f, "2,3,4,5<LOOKING 1 z5 r1 e1; 2,3,4,5<LOOKING 3 z5 r1 e1");
    pass(&f, 10);
    receive(&f, 5, LOOKING, 5, 5, 1, 1);
    expect(&f, "2,3,4,5<LOOKING 5 z5 r1 e1");
    pass(&f, FINALIZE);
    expect(&f, ""); /* the quorum was for another */
    receive(&f, 3, LOOKING, 5, 5, 1, 1);
    pass(&f, FINALIZE);
    expect(&f, "decided 5 z5 r1 e1");
    close_fixture(&f);
}

/* Each proposal gets its own silence. */
static void a_new_proposal_begins_the_silence_anew(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 2 z5 r1 e1");
    pass(&f, FINALIZE / 2);
    receive(&f, 2, LOOKING, 3, 5, 1, 1); /* it has heard 3, which we have not */
    pass(&f, FINALIZE / 2);
    expect(&f, "2,3<LOOKING 3 z5 r1 e1");
    pass(&f, FINALIZE / 2);
    expect(&f, "decided 3 z5 r1 e1");
    close_fixture(&f);
}

/* A claim of this round is as good as a vote. */
static void the_last_missing_voter_may_have_a_role_already(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 3 z5 r1 e1");
    receive(&f, 3, LEADING, 3, 5, 1, 2);
    expect(&f, "decided 3 z5 r1 e1");
    close_fixture(&f);
}

static void does_not_wait_when_all_voters_are_heard(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 3, 0);
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 1, 5, 1, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    expect(&f, "1,2<LOOKING 3 z5 r1 e1; 1<LOOKING 3 z5 r1 e1; decided 3 z5 r1 e1");
    close_fixture(&f);
}

static void does_not_wait_for_those_known_to_be_down(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 2, 3, 0);
    peer(&f, 3, false);
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 2, 5, 1, 1);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1; decided 2 z5 r1 e1");
    close_fixture(&f);

    open_as(&f, 2, 3, 0); /* the same, told while it waits */
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 2, 5, 1, 1);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1");
    peer(&f, 3, false);
    expect(&f, "decided 2 z5 r1 e1");
    close_fixture(&f);

    open_as(&f, 2, 3, 0); /* one that came back is waited for */
    peer(&f, 3, false);
    peer(&f, 3, true);
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 2, 5, 1, 1);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1");
    close_fixture(&f);
}

/* Its vote was its own: one that has died since does not make a quorum. */
static void a_dead_servers_vote_is_taken_back(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 2, 3, 0);
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 2, 5, 1, 1);
    expect(&f, "1,3<LOOKING 2 z5 r1 e1");
    peer(&f, 1, false);
    assert_int_equal(pdk_elect_deadline(f.e), f.now + MIN_INTERVAL);
    pass(&f, FINALIZE);
    expect(&f, "");
    receive(&f, 1, LOOKING, 2, 5, 1, 1);
    pass(&f, FINALIZE);
    expect(&f, "decided 2 z5 r1 e1");
    close_fixture(&f);
}

/* ---- section 6.1: quorums -------------------------------------------------------------------- */

/* Groups {1,2,3} {4,5,6}: both must be won. */
static void a_hierarchy_of_groups_decides(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct pdk_members *m = elect_members(6, 0, 0, "group.1=1:2:3\ngroup.2=4:5:6\n");
    open_with(&f, 6, m, m);
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 6, 5, 1, 1);
    receive(&f, 2, LOOKING, 6, 5, 1, 1);
    receive(&f, 3, LOOKING, 6, 5, 1, 1);
    expect(&f, "1,2,3,4,5<LOOKING 6 z5 r1 e1");
    pass(&f, FINALIZE);
    expect(&f, ""); /* four of six, but only one of two groups */
    receive(&f, 4, LOOKING, 6, 5, 1, 1);
    pass(&f, FINALIZE);
    expect(&f, "decided 6 z5 r1 e1");
    close_fixture(&f);
}

/* 3: a server of weight 0 votes and never leads. */
static void a_server_of_weight_0_is_not_elected(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct pdk_members *m = elect_members(3, 0, 0, "group.1=1:2:3\nweight.3=0\n");
    open_with(&f, 1, m, m);
    start(&f, 5, 1);
    receive(&f, 3, LOOKING, 3, 9, 1, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2,3<LOOKING 2 z5 r1 e1; decided 2 z5 r1 e1");
    close_fixture(&f);
}

/* While a newer config is proposed, both must agree; either's voters are heard. */
static void a_proposed_config_must_agree_too(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_with(&f, 3, elect_members(3, 0, 0x100, NULL), elect_members(5, 0, 0x200, NULL));
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 3, 5, 1, 1);
    expect(&f, "1,2,4,5<LOOKING 3 z5 r1 e1");
    pass(&f, FINALIZE);
    expect(&f, ""); /* two of three, and two of five */
    receive(&f, 5, LOOKING, 3, 5, 1, 1);
    pass(&f, FINALIZE);
    expect(&f, "decided 3 z5 r1 e1");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_votes_by_epoch_zxid_and_id),
        cmocka_unit_test(counts_votes_as_the_same_by_what_is_known_of_them),
        cmocka_unit_test(an_observer_votes_for_nobody_and_finds_the_leader),
        cmocka_unit_test(a_joiner_is_no_candidate),
        cmocka_unit_test(a_start_sends_the_own_vote_to_all_at_once),
        cmocka_unit_test(a_single_voter_elects_itself_without_waiting),
        cmocka_unit_test(notifications_carry_the_committed_config),
        cmocka_unit_test(a_better_vote_is_adopted_and_passed_on),
        cmocka_unit_test(a_worse_vote_is_not_adopted),
        cmocka_unit_test(a_larger_round_starts_the_count_again_from_the_own_vote),
        cmocka_unit_test(a_larger_round_forgets_who_was_heard),
        cmocka_unit_test(a_smaller_round_is_answered_with_the_proposal),
        cmocka_unit_test(votes_from_or_for_non_voters_do_not_count),
        cmocka_unit_test(an_observing_voter_is_ignored),
        cmocka_unit_test(the_largest_round_does_no_harm),
        cmocka_unit_test(a_zxid_of_minus_1_neither_votes_nor_counts),
        cmocka_unit_test(silence_sends_again_in_doubling_intervals_up_to_the_cap),
        cmocka_unit_test(silence_begins_anew_with_each_message),
        cmocka_unit_test(dials_when_nobody_is_reachable),
        cmocka_unit_test(goes_on_dialling_those_that_are_missing),
        cmocka_unit_test(waits_for_silence_while_a_voter_is_missing),
        cmocka_unit_test(a_better_vote_in_the_silence_wins),
        cmocka_unit_test(a_new_proposal_begins_the_silence_anew),
        cmocka_unit_test(the_last_missing_voter_may_have_a_role_already),
        cmocka_unit_test(does_not_wait_when_all_voters_are_heard),
        cmocka_unit_test(does_not_wait_for_those_known_to_be_down),
        cmocka_unit_test(a_dead_servers_vote_is_taken_back),
        cmocka_unit_test(a_hierarchy_of_groups_decides),
        cmocka_unit_test(a_server_of_weight_0_is_not_elected),
        cmocka_unit_test(a_proposed_config_must_agree_too),
    };
    return cmocka_run_group_tests_name("elect", tests, NULL, NULL);
}
