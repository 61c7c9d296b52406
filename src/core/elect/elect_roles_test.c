/* Transcripts: what goes in, and what must come out: servers with roles, and those that meet them.
 * Sections are those of election.md. */
#include "core/elect/elect.h"

#include "core/elect/testing.h"

/* Server 1 of 3 follows 3, elected in round 1 with zxid 5 of epoch 1. */
static void follow(struct fixture *f)
{
    open_as(f, 1, 3, 0);
    start(f, 5, 1);
    expect(f, "2,3<LOOKING 1 z5 r1 e1");
    receive(f, 2, LOOKING, 3, 5, 1, 1);
    receive(f, 3, LOOKING, 3, 5, 1, 1);
    expect(f, "2,3<LOOKING 3 z5 r1 e1; decided 3 z5 r1 e1");
    pdk_elect_settle(f->e, FOLLOWING);
    expect(f, "2,3<FOLLOWING 3 z5 r1 e1");
}

/* ---- section 5.3: FOLLOWING and LEADING ------------------------------------------------------ */

static void a_claim_to_lead_without_a_quorum_is_not_followed(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 3, LEADING, 3, 9, 1, 2);
    receive(&f, 3, LEADING, 3, 9, 1, 2);
    expect(&f, "");
    close_fixture(&f);
}

static void a_quorum_without_the_leaders_own_claim_is_not_followed(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 5, 0);
    start(&f, 5, 1);
    expect(&f, "2,3,4,5<LOOKING 1 z5 r1 e1");
    receive(&f, 2, FOLLOWING, 5, 9, 3, 2);
    receive(&f, 3, FOLLOWING, 5, 9, 3, 2);
    receive(&f, 4, FOLLOWING, 5, 9, 3, 2);
    expect(&f, "dial 5; dial 5; dial 5"); /* it may have died */
    receive(&f, 5, FOLLOWING, 5, 9, 3, 2);
    expect(&f, "");
    receive(&f, 5, LEADING, 5, 9, 3, 2);
    expect(&f, "decided 5 z9 r3 e2");
    close_fixture(&f);
}

/* ZOOKEEPER-1732: rounds and zxids of the established differ, leader and epoch do not. */
static void a_late_joiner_does_not_mind_differing_rounds_and_zxids(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 3, LEADING, 3, 9, 4, 2);
    receive(&f, 2, FOLLOWING, 3, 7, 1, 2);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; decided 3 z7 r1 e2");
    close_fixture(&f);

    open_as(&f, 1, 3, 0); /* but another epoch is another vote */
    start(&f, 5, 1);
    receive(&f, 3, LEADING, 3, 9, 4, 1);
    receive(&f, 2, FOLLOWING, 3, 9, 4, 2);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    close_fixture(&f);
}

/* 5.3, leaderOK: a claim that I lead is believed in my own round only. */
static void is_made_leader_by_others_only_in_its_own_round(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive(&f, 2, FOLLOWING, 1, 5, 4, 2);
    receive(&f, 3, FOLLOWING, 1, 5, 4, 2);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 2, FOLLOWING, 1, 5, 1, 2);
    receive(&f, 3, FOLLOWING, 1, 5, 1, 2);
    expect(&f, "decided 1 z5 r1 e2");
    assert_false(pdk_elect_is_looking(f.e));
    close_fixture(&f);
}

/* A claim holds until its sender says something else or is gone. */
static void outdated_claims_do_not_count(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 5, 0);
    start(&f, 5, 1);
    expect(&f, "2,3,4,5<LOOKING 1 z5 r1 e1");
    receive(&f, 2, FOLLOWING, 5, 9, 3, 2);
    receive(&f, 5, LEADING, 5, 9, 3, 2);
    peer(&f, 5, false);
    receive(&f, 3, FOLLOWING, 5, 9, 3, 2);
    expect(&f, "dial 5; dial 5");
    receive(&f, 5, LEADING, 5, 9, 3, 2);
    expect(&f, "decided 5 z9 r3 e2");
    close_fixture(&f);

    open_as(&f, 1, 5, 0);
    start(&f, 5, 1);
    receive(&f, 2, FOLLOWING, 5, 9, 3, 2);
    receive(&f, 5, LEADING, 5, 9, 3, 2);
    receive(&f, 2, LOOKING, 2, 4, 1, 1);
    receive(&f, 3, FOLLOWING, 5, 9, 3, 2);
    assert_true(pdk_elect_is_looking(f.e));
    close_fixture(&f);
}

/* ---- section 2, ZOOKEEPER-1810: generations of notifications --------------------------------- */

/* A LEADING or FOLLOWING claim for 3 as an old peer writes it: `len` bytes, last field `last`. */
static void receive_old(struct fixture *f, pdk_sid from, enum pdk_peer_state state, size_t len,
                        pdk_zxid zxid, int64_t epoch)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    pdk_put_i32(&b, (int32_t)state);
    pdk_put_i64(&b, 3);
    pdk_put_i64(&b, zxid);
    pdk_put_i64(&b, 1);
    if (len >= 36) pdk_put_i64(&b, epoch);
    if (len >= 40) pdk_put_i32(&b, 1);
    assert_int_equal(b.len, len);
    pdk_elect_receive(f->e, f->now, from, pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
}

static void votes_of_old_generations_agree_with_new_ones(void **state)
{
    (void)state;
    static const size_t lens[] = {28, 36, 40};
    for (size_t i = 0; i < PDK_COUNT_OF(lens); i++) {
        struct fixture f = {0};
        open_as(&f, 1, 3, 0);
        start(&f, 5, 1);
        expect(&f, "2,3<LOOKING 1 z5 r1 e1");
        receive(&f, 3, LEADING, 3, 9, 4, 7);
        receive_old(&f, 2, FOLLOWING, lens[i], INT64_C(0x200000003), 2);
        if (pdk_elect_is_looking(f.e)) fail_msg("%zu bytes: only the leader counts", lens[i]);
        close_fixture(&f);

        open_as(&f, 1, 3, 0); /* among old ones the epoch counts, given or guessed from the zxid */
        start(&f, 5, 1);
        receive_old(&f, 3, LEADING, lens[i], INT64_C(0x200000003), 2);
        receive_old(&f, 2, FOLLOWING, lens[i], INT64_C(0x300000003), 3);
        if (!pdk_elect_is_looking(f.e)) fail_msg("%zu bytes: another epoch", lens[i]);
        receive_old(&f, 2, FOLLOWING, lens[i], INT64_C(0x200000001), 2);
        if (pdk_elect_is_looking(f.e)) fail_msg("%zu bytes: the same epoch", lens[i]);
        close_fixture(&f);

        open_as(&f, 1, 3, 0); /* a looking one's vote counts like any other */
        start(&f, 5, 1);
        receive_old(&f, 3, LOOKING, lens[i], INT64_C(0x200000003), 2);
        pass(&f, FINALIZE);
        expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 3 z200000003 r1 e2; "
                   "decided 3 z200000003 r1 e2");
        close_fixture(&f);
    }
}

/* 2: shorter than 28 bytes, a wrong length of the config, an unknown state: passed over. */
static void malformed_notifications_are_passed_over(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    uint8_t bytes[48];
    memset(bytes, 0, sizeof bytes);
    bytes[3] = 1;
    for (size_t len = 0; len < 28; len++) {
        pdk_elect_receive(f.e, f.now, 2, pdk_slice_of(bytes, len));
    }
    bytes[39] = 2;
    bytes[43] = 5; /* of 4 bytes */
    pdk_elect_receive(f.e, f.now, 2, pdk_slice_of(bytes, 48));
    memset(bytes + 40, 0xff, 4);
    pdk_elect_receive(f.e, f.now, 2, pdk_slice_of(bytes, 48));
    memset(bytes + 40, 0, 4);
    bytes[3] = 4;
    pdk_elect_receive(f.e, f.now, 2, pdk_slice_of(bytes, 48));
    expect(&f, "");
    assert_int_equal(pdk_elect_deadline(f.e), f.now + MIN_INTERVAL);
    close_fixture(&f);
}

/* ---- section 4: answers ---------------------------------------------------------------------- */

static void one_with_a_role_answers_those_that_look(void **state)
{
    (void)state;
    struct fixture f = {0};
    follow(&f);
    assert_false(pdk_elect_saw_looking(f.e, 2));
    receive(&f, 2, LOOKING, 2, 5, 7, 1);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1");
    assert_true(pdk_elect_saw_looking(f.e, 2)); /* 5.5 */
    assert_false(pdk_elect_saw_looking(f.e, 3));
    receive(&f, 2, FOLLOWING, 3, 5, 1, 1);
    receive(&f, 3, LEADING, 3, 5, 1, 1);
    expect(&f, "");
    assert_false(pdk_elect_saw_looking(f.e, 2));
    close_fixture(&f);
}

static void strangers_are_answered_and_not_counted(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 1);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    receive(&f, 4, LOOKING, 3, 9, 1, 1); /* an observer's opinion */
    expect(&f, "4<LOOKING 1 z5 r1 e1");
    receive(&f, 9, LOOKING, 3, 9, 5, 1);
    expect(&f, "9<LOOKING 1 z5 r1 e1"); /* a joiner's; its round is not taken over either */
    receive(&f, -1, LOOKING, 3, 9, 5, 1);
    expect(&f, "-1<LOOKING 1 z5 r1 e1"); /* one without an id */
    receive(&f, 4, OBSERVING, 3, 9, 5, 1);
    expect(&f, "");
    close_fixture(&f);
}

/* Two that do not know each other would answer each other's answers for ever. */
static void strangers_are_not_answered_in_a_circle(void **state)
{
    (void)state;
    struct fixture a = {0}, b = {0};
    open_as(&a, 8, 3, 0);
    open_as(&b, 9, 3, 0);
    start(&a, 5, 1);
    start(&b, 5, 1);
    expect(&a, "1,2,3<LOOKING MIN z5 r1 e1");
    expect(&b, "1,2,3<LOOKING MIN z5 r1 e1");
    receive(&a, 9, LOOKING, INT64_MIN, 5, 1, 1);
    expect(&a, "9<LOOKING MIN z5 r1 e1");
    receive(&b, 8, LOOKING, INT64_MIN, 5, 1, 1);
    expect(&b, "8<LOOKING MIN z5 r1 e1");
    receive(&a, 9, LOOKING, INT64_MIN, 5, 1, 1);
    expect(&a, "");
    a.now += MIN_INTERVAL;
    receive(&a, 9, LOOKING, INT64_MIN, 5, 1, 1);
    expect(&a, "9<LOOKING MIN z5 r1 e1");
    close_fixture(&a);
    close_fixture(&b);
}

/* Not Apache's: those that asked while I looked, and those that look now, need not ask again. */
static void everybody_hears_the_outcome_at_once(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 3, 1);
    start(&f, 5, 1);
    receive(&f, 4, LOOKING, INT64_MIN, INT64_MIN, 1, INT64_MIN);
    receive(&f, 1, LOOKING, 3, 5, 1, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    expect(&f, "1,2<LOOKING 3 z5 r1 e1; 4<LOOKING 3 z5 r1 e1; decided 3 z5 r1 e1");
    pdk_elect_settle(f.e, LEADING);
    expect(&f, "1,2,4<LEADING 3 z5 r1 e1");
    pdk_elect_raise_epoch(f.e, 2);
    expect(&f, "1,2,4<LEADING 3 z5 r1 e2");
    pdk_elect_raise_epoch(f.e, 3);
    expect(&f, "1,2<LEADING 3 z5 r1 e3"); /* 4 knows its leader by now */
    close_fixture(&f);
}

/* ---- section 2: the raised epoch (ZOOKEEPER-1732) -------------------------------------------- */

static void the_established_tell_the_new_epoch_and_the_old_zxid(void **state)
{
    (void)state;
    struct fixture f = {0};
    follow(&f);
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1");
    pdk_elect_raise_epoch(f.e, 2);
    expect(&f, "2,3<FOLLOWING 3 z5 r1 e2"); /* 2 need not ask again to see that 1 and 3 agree */
    receive(&f, 2, LOOKING, 2, 5, 1, 1);
    expect(&f, "2<FOLLOWING 3 z5 r1 e2");
    assert_int_equal(pdk_elect_vote(f.e).epoch, 2);
    start(&f, 5, 2);
    expect(&f, "2,3<LOOKING 1 z5 r2 e2"); /* what 2 said a moment ago was of round 1 */
    close_fixture(&f);
}

/* What a stream repeats when it begins anew may be older than what its sender says next. */
static void a_vote_ends_when_its_sender_claims_a_role(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 5, 0);
    start(&f, 5, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    receive(&f, 2, FOLLOWING, 4, 9, 7, 2);
    receive(&f, 3, LOOKING, 3, 5, 1, 1);
    pass(&f, FINALIZE);
    expect(&f, "2,3,4,5<LOOKING 1 z5 r1 e1; 2,3,4,5<LOOKING 3 z5 r1 e1; dial 4");
    close_fixture(&f);
}

/* ---- decided, but in vain -------------------------------------------------------------------- */

/* Server 3 of 3 leads by the votes of 1 and itself; the finalizeWait was too short for 2. */
static void lead_by_one_vote(struct fixture *f)
{
    open_as(f, 3, 3, 0);
    start(f, 5, 1);
    receive(f, 1, LOOKING, 3, 5, 1, 1);
    pass(f, FINALIZE);
    expect(f, "1,2<LOOKING 3 z5 r1 e1; decided 3 z5 r1 e1");
    pdk_elect_settle(f->e, LEADING);
    expect(f, "1,2<LEADING 3 z5 r1 e1");
}

/* known-bugs.md, "disloyal voter": a leader would wait initLimit for those that have moved on. */
static void a_leader_is_told_that_its_quorum_has_moved_on(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum pdk_peer_state state;
        struct pdk_vote vote;
        const char *want;
    } cases[] = {
        {"repeats its vote", LOOKING, {3, 5, 1, 1}, "1<LEADING 3 z5 r1 e1"},
        {"an older one comes late", LOOKING, {1, 5, 1, 1}, "1<LEADING 3 z5 r1 e1"},
        {"follows", FOLLOWING, {3, 5, 1, 1}, ""},
        {"saw a better vote", LOOKING, {2, 6, 1, 1}, "deserted; 1<LEADING 3 z5 r1 e1"},
        {"looks again", LOOKING, {1, 5, 2, 1}, "deserted; 1<LEADING 3 z5 r1 e1"},
        {"follows another", FOLLOWING, {2, 6, 1, 1}, "deserted"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct fixture f = {0};
        lead_by_one_vote(&f);
        receive_with(&f, 1, cases[i].state, cases[i].vote, pdk_slice_null());
        expect(&f, cases[i].want);
        receive(&f, 2, LOOKING, 2, 6, 2, 1); /* was no supporter */
        expect(&f, "2<LEADING 3 z5 r1 e1");
        close_fixture(&f);
    }
    struct fixture f = {0};
    lead_by_one_vote(&f);
    peer(&f, 2, false);
    expect(&f, "");
    peer(&f, 1, false); /* died */
    peer(&f, 1, false);
    expect(&f, "deserted"); /* once */
    close_fixture(&f);

    lead_by_one_vote(&f);
    pdk_elect_raise_epoch(f.e, 2); /* from here on its learners' streams tell */
    peer(&f, 1, false);
    receive(&f, 1, LOOKING, 1, 5, 2, 1);
    expect(&f, "1,2<LEADING 3 z5 r1 e2; 1<LEADING 3 z5 r1 e2");
    close_fixture(&f);
}

static void a_follower_is_told_that_its_leader_does_not_lead(void **state)
{
    (void)state;
    struct fixture f = {0};
    follow(&f);
    receive(&f, 2, LOOKING, 2, 6, 1, 1); /* somebody else's change of mind is no matter */
    peer(&f, 2, false);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1");
    receive(&f, 3, LOOKING, 2, 6, 1, 1);
    expect(&f, "deserted; 3<FOLLOWING 3 z5 r1 e1");
    close_fixture(&f);

    follow(&f);
    receive(&f, 3, LEADING, 3, 5, 1, 1);
    expect(&f, "");
    receive(&f, 3, FOLLOWING, 2, 6, 1, 1);
    expect(&f, "deserted");
    close_fixture(&f);

    follow(&f);
    peer(&f, 3, false);
    expect(&f, "deserted");
    start(&f, 5, 1);
    receive(&f, 3, LOOKING, 3, 5, 2, 1);
    receive(&f, 2, LOOKING, 3, 5, 2, 1);
    expect(&f, "2,3<LOOKING 1 z5 r2 e1; 2,3<LOOKING 3 z5 r2 e1; decided 3 z5 r2 e1");
    peer(&f, 3, false);
    expect(&f, "deserted"); /* once in each election */
    close_fixture(&f);
}

/* ---- the leader is lost ---------------------------------------------------------------------- */

/* The others noticed earlier: their votes came while I followed, and Apache would wait until they
 * repeat them. */
static void votes_that_came_too_early_are_counted_at_the_start(void **state)
{
    (void)state;
    struct fixture f = {0};
    follow(&f);
    receive(&f, 2, LOOKING, 2, 5, 2, 2);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1");
    peer(&f, 3, false);
    start(&f, 5, 2);
    expect(&f, "deserted; 2,3<LOOKING 2 z5 r2 e2; decided 2 z5 r2 e2");
    close_fixture(&f);

    follow(&f); /* a larger round */
    receive(&f, 2, LOOKING, 2, 5, 9, 2);
    start(&f, 6, 2);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1; 2,3<LOOKING 1 z6 r9 e2");
    close_fixture(&f);

    follow(&f); /* one that is old is not believed any more */
    receive(&f, 2, LOOKING, 2, 5, 2, 2);
    f.now += MIN_INTERVAL + 1;
    start(&f, 5, 2);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1; 2,3<LOOKING 1 z5 r2 e2");
    close_fixture(&f);

    follow(&f); /* nor one whose sender has died */
    receive(&f, 2, LOOKING, 2, 5, 2, 2);
    peer(&f, 2, false);
    start(&f, 5, 2);
    expect(&f, "2<FOLLOWING 3 z5 r1 e1; 2,3<LOOKING 1 z5 r2 e2");
    close_fixture(&f);
}

static void votes_before_the_first_start_are_kept(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 1, 3, 0);
    receive(&f, 3, LOOKING, 3, 5, 1, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    expect(&f, "");
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 3 z5 r1 e1; decided 3 z5 r1 e1");
    close_fixture(&f);
}

/* ---- withdrawing ----------------------------------------------------------------------------- */

static void one_that_withdraws_is_silent_until_it_starts_again(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 3, 0);
    pdk_elect_withdraw(f.e); /* there is nothing to take back */
    expect(&f, "");
    start(&f, 5, 1);
    receive(&f, 1, LOOKING, 3, 5, 1, 1);
    receive(&f, 2, LOOKING, 3, 5, 1, 1);
    pdk_elect_settle(f.e, LEADING);
    expect(&f, "1,2<LOOKING 3 z5 r1 e1; decided 3 z5 r1 e1; 1,2<LEADING 3 z5 r1 e1");
    pdk_elect_withdraw(f.e);
    expect(&f, "1,2<LOOKING 3 zffffffffffffffff r2 e1");
    pdk_elect_withdraw(f.e);
    receive(&f, 1, LOOKING, 3, 5, 1, 1);
    receive(&f, 2, FOLLOWING, 3, 5, 1, 1);
    receive(&f, 1, LOOKING, 2, 5, 2, 1);
    peer(&f, 2, false);
    assert_int_equal(pdk_elect_deadline(f.e), INT64_MAX);
    expect(&f, "");
    start(&f, 5, 1); /* the vote that came meanwhile counts */
    expect(&f, "1,2<LOOKING 3 z5 r3 e1");
    close_fixture(&f);
}

/* A member whose disk is full does not lead: without this the others elect it for ever. */
static void one_that_has_withdrawn_is_elected_by_nobody(void **state)
{
    (void)state;
    struct fixture f = {0};
    follow(&f);
    receive(&f, 3, LOOKING, 3, -1, 2, 1); /* they leave at once */
    expect(&f, "deserted; 3<FOLLOWING 3 z5 r1 e1");
    start(&f, 5, 1);
    receive(&f, 2, FOLLOWING, 3, 5, 1, 1); /* one that has not noticed yet */
    expect(&f, "2,3<LOOKING 1 z5 r2 e1");
    receive(&f, 2, LOOKING, 2, 5, 2, 1);
    expect(&f, "2,3<LOOKING 2 z5 r2 e1");
    f.now += FINALIZE;
    pdk_elect_tick(f.e, f.now);
    expect(&f, "decided 2 z5 r2 e1");
    close_fixture(&f);

    open_as(&f, 1, 3, 0); /* a vote is taken back */
    start(&f, 5, 1);
    receive(&f, 3, LOOKING, 3, 9, 1, 1);
    receive(&f, 3, LOOKING, 3, -1, 2, 1);
    f.now += 10 * FINALIZE;
    pdk_elect_tick(f.e, f.now);
    assert_true(pdk_elect_is_looking(f.e));
    close_fixture(&f);
}

/* ---- handing over ---------------------------------------------------------------------------- */

static void a_leader_hands_over_by_voting_for_another(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_as(&f, 3, 3, 1);
    struct pdk_candidate c = {.zxid = 9, .epoch = 2, .favour = 2};
    pdk_elect_start(f.e, f.now, &c);
    expect(&f, "1,2<LOOKING 2 z9 r1 e2");
    receive(&f, 2, LOOKING, 2, 9, 1, 2);
    receive(&f, 1, LOOKING, 2, 9, 1, 2);
    expect(&f, "decided 2 z9 r1 e2");
    assert_int_equal(pdk_elect_vote(f.e).leader, 2);
    start(&f, 9, 2);
    expect(&f, "1,2<LOOKING 3 z9 r2 e2"); /* once only */
    receive(&f, 1, LOOKING, 1, 9, 5, 2);
    close_fixture(&f);

    open_as(&f, 3, 3, 1); /* it holds when a larger round begins */
    pdk_elect_start(f.e, f.now, &c);
    receive(&f, 1, LOOKING, 1, 9, 5, 2);
    expect(&f, "1,2<LOOKING 2 z9 r1 e2; 1,2<LOOKING 2 z9 r5 e2");
    close_fixture(&f);

    open_as(&f, 3, 3, 1); /* an observer cannot take over */
    c.favour = 4;
    pdk_elect_start(f.e, f.now, &c);
    expect(&f, "1,2<LOOKING 3 z9 r1 e2");
    close_fixture(&f);
}

/* A reconfig names the leader of the next config: no election. */
static void a_reconfig_retargets_the_vote(void **state)
{
    (void)state;
    struct fixture f = {0};
    follow(&f);
    pdk_elect_retarget(f.e, 2, 8);
    receive(&f, 3, LOOKING, 3, 5, 7, 1);
    expect(&f, "3<FOLLOWING 2 z8 r1 e1");
    pdk_elect_retarget(f.e, 2, 99); /* the same leader: nothing changes */
    assert_int_equal(pdk_elect_vote(f.e).zxid, 8);
    close_fixture(&f);
}

/* ---- section 4: configs of peers ------------------------------------------------------------- */

static void receive_config(struct fixture *f, pdk_sid from, const struct pdk_members *m,
                           struct pdk_vote v)
{
    struct pdk_buf text;
    pdk_buf_init(&text, pdk_mem_heap(), SIZE_MAX);
    pdk_members_put_text(m, false, &text);
    receive_with(f, from, LOOKING, v, pdk_buf_slice(&text));
    pdk_buf_deinit(&text);
}

static void a_newer_config_is_offered_and_its_message_dropped(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct pdk_members *old = elect_members(3, 0, 0x100, NULL);
    struct pdk_members *newer = elect_members(5, 0, 0x200, NULL);
    open_with(&f, 1, old, old);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    struct pdk_vote v = {.leader = 3, .zxid = 9, .round = 1, .epoch = 1};
    receive_config(&f, 5, newer, v); /* the sender need not be a voter */
    size_t count;
    const struct pdk_elect_effect *effect = pdk_elect_effects(f.e, &count);
    assert_int_equal(count, 1);
    assert_int_equal(effect->kind, PDK_ELECT_CONFIG);
    struct pdk_members *parsed;
    struct pdk_diag diag;
    assert_int_equal(pdk_members_parse(pdk_mem_heap(), effect->bytes, 0, &parsed, &diag), PDK_OK);
    assert_int_equal(parsed->version, 0x200);
    pdk_members_drop(parsed);
    expect(&f, "config");
    receive_config(&f, 3, newer, v); /* once; whoever is not taken must not stop the election */
    expect(&f, "2,3<LOOKING 3 z9 r1 e1");
    pdk_elect_set_members(f.e, newer, newer);
    start(&f, 5, 1);
    receive_config(&f, 5, newer, v);
    expect(&f, "2,3,4,5<LOOKING 1 z5 r2 e1; 5<LOOKING 1 z5 r2 e1"); /* 5 is a voter now */
    close_fixture(&f);
    pdk_members_drop(newer);
}

static void a_newer_config_of_the_same_members_does_not_cost_the_vote(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct pdk_members *newer = elect_members(3, 0, 0x200, NULL);
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1");
    struct pdk_vote v = {.leader = 3, .zxid = 9, .round = 1, .epoch = 1};
    receive_config(&f, 3, newer, v);
    expect(&f, "config; 2,3<LOOKING 3 z9 r1 e1");
    close_fixture(&f);
    pdk_members_drop(newer);
}

static void configs_are_ignored_when_old_broken_or_not_wanted(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct pdk_members *old = elect_members(5, 0, 0x100, NULL);
    struct pdk_members *newer = elect_members(5, 0, 0x300, NULL);
    struct pdk_vote v = {.leader = 3, .zxid = 9, .round = 1, .epoch = 1};
    open_with(&f, 1, elect_members(3, 0, 0x200, NULL), NULL);
    start(&f, 5, 1);
    receive_config(&f, 3, old, v);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 3 z9 r1 e1");
    v.zxid = 10;
    receive_with(&f, 3, LOOKING, v, pdk_slice_str("server.1=what\nversion=900"));
    pass(&f, FINALIZE);
    expect(&f, "2,3<LOOKING 3 za r1 e1; decided 3 za r1 e1");
    receive_config(&f, 3, newer, v); /* with a role, too */
    expect(&f, "3<FOLLOWING 3 za r1 e1");
    close_fixture(&f);

    f.takes_no_configs = true; /* reconfigEnabled=false */
    open_as(&f, 1, 3, 0);
    start(&f, 5, 1);
    receive_config(&f, 3, newer, v);
    expect(&f, "2,3<LOOKING 1 z5 r1 e1; 2,3<LOOKING 3 za r1 e1");
    close_fixture(&f);
    pdk_members_drop(old);
    pdk_members_drop(newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_to_lead_without_a_quorum_is_not_followed),
        cmocka_unit_test(a_quorum_without_the_leaders_own_claim_is_not_followed),
        cmocka_unit_test(a_late_joiner_does_not_mind_differing_rounds_and_zxids),
        cmocka_unit_test(is_made_leader_by_others_only_in_its_own_round),
        cmocka_unit_test(outdated_claims_do_not_count),
        cmocka_unit_test(votes_of_old_generations_agree_with_new_ones),
        cmocka_unit_test(malformed_notifications_are_passed_over),
        cmocka_unit_test(one_with_a_role_answers_those_that_look),
        cmocka_unit_test(strangers_are_answered_and_not_counted),
        cmocka_unit_test(strangers_are_not_answered_in_a_circle),
        cmocka_unit_test(everybody_hears_the_outcome_at_once),
        cmocka_unit_test(the_established_tell_the_new_epoch_and_the_old_zxid),
        cmocka_unit_test(a_vote_ends_when_its_sender_claims_a_role),
        cmocka_unit_test(a_leader_is_told_that_its_quorum_has_moved_on),
        cmocka_unit_test(a_follower_is_told_that_its_leader_does_not_lead),
        cmocka_unit_test(votes_that_came_too_early_are_counted_at_the_start),
        cmocka_unit_test(votes_before_the_first_start_are_kept),
        cmocka_unit_test(one_that_withdraws_is_silent_until_it_starts_again),
        cmocka_unit_test(one_that_has_withdrawn_is_elected_by_nobody),
        cmocka_unit_test(a_leader_hands_over_by_voting_for_another),
        cmocka_unit_test(a_reconfig_retargets_the_vote),
        cmocka_unit_test(a_newer_config_is_offered_and_its_message_dropped),
        cmocka_unit_test(a_newer_config_of_the_same_members_does_not_cost_the_vote),
        cmocka_unit_test(configs_are_ignored_when_old_broken_or_not_wanted),
    };
    return cmocka_run_group_tests_name("elect_roles", tests, NULL, NULL);
}
