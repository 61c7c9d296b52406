/* What an ensemble's member answers in each role, against texts captured from members of Apache
 * 3.8.0. */
#include "server/words_testing.h"

/* Three voters and an observer; this one is server `me`. */
static void make_member(struct world *w, enum pdk_role role, pdk_sid me)
{
    static const char text[] = "server.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181\n"
                               "server.2=127.0.0.1:2889:3889:participant;0.0.0.0:2182\n"
                               "server.3=h3:2890:3890|h4:2890:3891:participant\n"
                               "server.4=127.0.0.1:2891:3891:observer;127.0.0.1:2184\n";
    make_world(w, "*,hand");
    struct pdk_members *members;
    struct pdk_diag diag = {0};
    assert_int_equal(
        pdk_members_parse(pdk_mem_heap(), pdk_slice_str(text), 0x100000000, &members, &diag),
        PDK_OK);
    w->config.mem = pdk_mem_heap();
    w->config.node.server_id = (uint8_t)me;
    w->config.node.ensemble.members = members;
    w->config.node.ensemble.local_sessions = false;
    w->config.node.ensemble.init_limit = 10;
    w->config.node.ensemble.sync_limit = 5;
    w->config.election_alg = 3;
    w->config.store.data_dir = w->config.store.log_dir = "/nowhere";
    w->node->member =
        (struct pdk_member_summary){.role = role,
                                    .serves = role != PDK_ROLE_LOOKING,
                                    .me = me,
                                    .leader = role == PDK_ROLE_LOOKING   ? PDK_SID_NONE
                                              : role == PDK_ROLE_LEADING ? me
                                                                         : 2,
                                    .members = members,
                                    .last_seen = members,
                                    .serving_since_ms = role == PDK_ROLE_LOOKING ? -1 : 36689};
}

static void end_member(struct world *w)
{
    pdk_config_deinit(&w->config);
    end_world(w);
}

static void expect_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("<%s> lacks <%s>", text, part);
}

static void expect_no_part(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) fail_msg("<%s> has <%s>", text, part);
}

/* ---- roles ----------------------------------------------------------------------------------- */

static void srvr_and_stat_tell_the_role(void **state)
{
    (void)state;
    static const struct {
        enum pdk_role role;
        const char *end;
    } cases[] = {
        {PDK_ROLE_LEADING, "\nMode: leader\nNode count: 26\n"
                           "Proposal sizes last/min/max: 91/36/95\n"},
        {PDK_ROLE_FOLLOWING, "\nMode: follower\nNode count: 26\n"},
        {PDK_ROLE_OBSERVING, "\nMode: observer\nNode count: 26\n"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct world w;
        make_member(&w, cases[i].role, 1);
        w.node->proposals =
            (struct pdk_proposal_counts){.last_bytes = 91, .min_bytes = 36, .max_bytes = 95};
        static const enum pdk_word words[] = {PDK_WORD_SRVR, PDK_WORD_STAT};
        for (size_t k = 0; k < PDK_COUNT_OF(words); k++) {
            const char *text = ask(&w, words[k]);
            size_t len = strlen(text), end = strlen(cases[i].end);
            assert_true(len > end);
            assert_string_equal(text + len - end, cases[i].end);
            expect_no_part(text, "READ-ONLY");
        }
        end_member(&w);
    }
}

static void one_that_looks_for_a_leader_serves_nobody(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_LOOKING, 1);
    static const enum pdk_word words[] = {PDK_WORD_SRVR, PDK_WORD_STAT, PDK_WORD_CONF,
                                          PDK_WORD_CONS, PDK_WORD_DUMP, PDK_WORD_MNTR};
    for (size_t i = 0; i < PDK_COUNT_OF(words); i++)
        assert_string_equal(ask(&w, words[i]),
                            "This ZooKeeper instance is not currently serving requests\n");
    assert_string_equal(ask(&w, PDK_WORD_ISRO), "null");
    assert_string_equal(ask(&w, PDK_WORD_RUOK), "imok");
    end_member(&w);
    /* leaderServes=no */
    make_member(&w, PDK_ROLE_LEADING, 1);
    w.node->member.serves = false;
    assert_string_equal(ask(&w, PDK_WORD_SRVR),
                        "This ZooKeeper instance is not currently serving requests\n");
    end_member(&w);
}

static void a_read_only_server_says_so(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_LOOKING, 1);
    w.node->member.read_only = true;
    char want[256];
    (void)snprintf(want, sizeof want,
                   "Zookeeper version: %s\nREAD-ONLY mode; serving only read-only clients\n"
                   "Latency min/avg/max: ",
                   pdk_version_text());
    const char *text = ask(&w, PDK_WORD_SRVR);
    assert_memory_equal(text, want, strlen(want));
    expect_part(text, "\nMode: read-only\nNode count: 26\n");
    expect_no_part(text, "Proposal");
    expect_part(ask(&w, PDK_WORD_STAT), "read-only clients\nClients:\n /127.0.0.1:42812[1]");
    assert_string_equal(ask(&w, PDK_WORD_ISRO), "ro");
    text = ask(&w, PDK_WORD_MNTR);
    expect_line(text, "zk_server_state\tread-only");
    expect_no_part(text, "zk_peer_state");
    expect_no_part(text, "zk_quorum_size");
    text = ask(&w, PDK_WORD_CONF);
    static const char end[] = "\nserverId=1\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\n"
                              "electionPort=3888\nquorumPort=2888\npeerType=0\n";
    assert_string_equal(text + strlen(text) - strlen(end), end);
    end_member(&w);
}

static void isro_of_a_member_that_serves_is_rw(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_FOLLOWING, 1);
    assert_string_equal(ask(&w, PDK_WORD_ISRO), "rw");
    w.node->summary.refusing_writes = true;
    assert_string_equal(ask(&w, PDK_WORD_ISRO), "ro");
    end_member(&w);
}

/* ---- conf ------------------------------------------------------------------------------------ */

#define MEMBERSHIP \
    "membership: \nserver.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181\n" \
    "server.2=127.0.0.1:2889:3889:participant;0.0.0.0:2182\n" \
    "server.3=h3:2890:3890|h4:2890:3891:participant\n" \
    "server.4=127.0.0.1:2891:3891:observer;127.0.0.1:2184\nversion=100000000"

static void conf_ends_with_the_members(void **state)
{
    (void)state;
    static const struct {
        pdk_sid me;
        const char *end;
    } cases[] = {
        {1, "\nserverId=1\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3888\n"
            "quorumPort=2888\npeerType=0\n" MEMBERSHIP},
        {3, "\nserverId=3\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3890|3891\n"
            "quorumPort=2890\npeerType=0\n" MEMBERSHIP},
        {4, "\nserverId=4\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3891\n"
            "quorumPort=2891\npeerType=1\n" MEMBERSHIP},
        /* removed by a reconfig, and still there */
        {7, "\nserverId=7\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=\n"
            "quorumPort=\npeerType=1\n" MEMBERSHIP},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct world w;
        make_member(&w, PDK_ROLE_FOLLOWING, cases[i].me);
        w.config.peer_type = PDK_PEER_OBSERVER;
        const char *text = ask(&w, PDK_WORD_CONF);
        size_t len = strlen(text), end = strlen(cases[i].end);
        assert_true(len > end);
        assert_string_equal(text + len - end, cases[i].end);
        end_member(&w);
    }
}

/* ---- dump ------------------------------------------------------------------------------------ */

static void arm(struct pdk_sessions *sessions, pdk_session id, int32_t timeout_ms)
{
    struct pdk_session_entry *e = pdk_sessions_add(sessions, id, timeout_ms);
    assert_non_null(e);
    pdk_sessions_touch(sessions, e, 50000, timeout_ms);
}

static void only_a_leader_dumps_when_sessions_expire(void **state)
{
    (void)state;
    static const struct {
        enum pdk_role role;
        bool local, read_only;
        const char *start;
    } cases[] = {
        {PDK_ROLE_LEADING, false, false,
         "Session Sets (1)/(2):\n2 expire at Fri Nov 20 12:12:27 UTC 2026:\n"},
        {PDK_ROLE_LEADING, true, false,
         "Local Session Sets (1)/(1):\n1 expire at Fri Nov 20 12:12:21 UTC 2026:\n"
         "\t0x300000000000007\nGlobal Session Sets (1)/(2):\n2 expire at "},
        {PDK_ROLE_FOLLOWING, false, false,
         "Global Sessions(2):\n0x100001436e2001d\t10000ms\n0x100001436e2001e\t10000ms\n"
         "ephemeral nodes dump:\n"},
        {PDK_ROLE_OBSERVING, true, false,
         "Local Session Sets (1)/(1):\n1 expire at Fri Nov 20 12:12:21 UTC 2026:\n"
         "\t0x300000000000007\nGlobal Sessions(2):\n0x100001436e2001d\t"},
        {PDK_ROLE_LOOKING, false, true,
         "Local Session Sets (1)/(1):\n1 expire at Fri Nov 20 12:12:21 UTC 2026:\n"
         "\t0x300000000000007\nGlobal Sessions(2):\n0x100001436e2001d\t"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct world w;
        make_member(&w, cases[i].role, 1);
        w.config.node.ensemble.local_sessions = cases[i].local;
        w.node->member.read_only = cases[i].read_only;
        arm(w.node->sessions, SESSION_1, 10000);
        arm(w.node->sessions, SESSION_2, 10000);
        arm(w.node->local, INT64_C(0x300000000000007), 4000);
        char want[512];
        (void)snprintf(want, sizeof want, "SessionTracker dump:\n%s", cases[i].start);
        const char *text = ask(&w, PDK_WORD_DUMP);
        if (strncmp(text, want, strlen(want)) != 0) fail_msg("<%s> is not <%s>", text, want);
        end_member(&w);
    }
}

/* ---- mntr ------------------------------------------------------------------------------------ */

static void set_learners(struct world *w)
{
    static const struct pdk_learner_info_row rows[] = {
        {.sid = 3, .is_voter = true, .is_synced = true},
        {.sid = 1, .is_voter = true, .is_synced = true},
        {.sid = 2, .is_voter = true},
        {.sid = 9, .is_synced = true},
        {.sid = 4, .is_observer = true, .is_synced = true},
        {.sid = 5, .is_observer = true},
    };
    memcpy(w->node->learners, rows, sizeof rows);
    w->node->learner_count = PDK_COUNT_OF(rows);
}

static void mntr_of_a_leader_counts_its_learners(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_LEADING, 2);
    set_learners(&w);
    w.node->member.pending_syncs = 5;
    w.node->member.local_sessions = 6;
    w.node->proposals = (struct pdk_proposal_counts){.last_bytes = 87,
                                                     .min_bytes = 48,
                                                     .max_bytes = 88,
                                                     .proposals = 7,
                                                     .snap_syncs = 2,
                                                     .diff_syncs = 3};
    w.node->metrics.looking_count = 4;
    pdk_summary_add(&w.node->metrics.election_time, 90);
    const char *text = ask(&w, PDK_WORD_MNTR);
    static const char *const lines[] = {
        "zk_server_state\tleader",  "zk_peer_state\tleading - broadcast",
        "zk_quorum_size\t3",        "zk_learners\t6",
        "zk_synced_followers\t3",   "zk_synced_non_voting_followers\t1",
        "zk_synced_observers\t1",   "zk_pending_syncs\t5",
        "zk_leader_uptime\t13311",  "zk_last_proposal_size\t87",
        "zk_max_proposal_size\t88", "zk_min_proposal_size\t48",
        "zk_local_sessions\t6",     "zk_proposal_count\t7",
        "zk_snap_count\t2",         "zk_diff_count\t3",
        "zk_looking_count\t4",      "zk_max_election_time\t90"};
    for (size_t i = 0; i < PDK_COUNT_OF(lines); i++) expect_line(text, lines[i]);
    expect_no_part(text, "observer_master_id");
    end_member(&w);
}

static void mntr_of_a_learner_has_no_figures_of_a_leader(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_FOLLOWING, 1);
    const char *text = ask(&w, PDK_WORD_MNTR);
    expect_line(text, "zk_server_state\tfollower");
    expect_line(text, "zk_peer_state\tfollowing - broadcast");
    expect_line(text, "zk_quorum_size\t3");
    static const char *const absent[] = {"zk_learners",   "zk_synced",        "zk_leader_uptime",
                                         "proposal_size", "zk_pending_syncs", "observer_master_id"};
    for (size_t i = 0; i < PDK_COUNT_OF(absent); i++) expect_no_part(text, absent[i]);
    w.config.observer_master_port = 2191;
    set_learners(&w);
    text = ask(&w, PDK_WORD_MNTR);
    expect_line(text, "zk_synced_observers\t1");
    expect_no_part(text, "zk_synced_followers");
    end_member(&w);

    make_member(&w, PDK_ROLE_OBSERVING, 4);
    text = ask(&w, PDK_WORD_MNTR);
    expect_line(text, "zk_server_state\tobserver");
    expect_line(text, "zk_peer_state\tobserving - broadcast");
    expect_line(text, "zk_observer_master_id\t2");
    expect_no_part(text, "zk_synced");
    end_member(&w);
}

/* ---- hand ------------------------------------------------------------------------------------ */

/* Asks for another leader and must get this answer, and this wish. */
static void expect_hand(struct world *w, const char *want, enum pdk_words_wish wish)
{
    pdk_buf_clear(&w->out);
    enum pdk_words_wish got =
        pdk_words_answer(&w->words, PDK_WORD_HAND, pdk_slice_of(NULL, 0), &w->out);
    if (!pdk_slice_eq_str(pdk_buf_slice(&w->out), want))
        fail_msg("<%.*s> is not <%s>", (int)w->out.len, (const char *)w->out.bytes, want);
    assert_int_equal(got, wish);
}

static void hand_must_be_allowed_by_name(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_LEADING, 2);
    set_learners(&w);
    w.config.words = pdk_word_set_parse(pdk_slice_str("*"), NULL);
    expect_hand(&w, "hand is not executed because it is not in the whitelist.\n",
                PDK_WORDS_NOTHING);
    end_member(&w);
}

static void a_leader_says_to_whom_it_may_hand_over(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_LEADING, 2);
    set_learners(&w);
    expect_hand(&w, "Handing over to one of the servers 3, 1: srvr tells who leads then.\n",
                PDK_WORDS_HAND_OVER);
    w.node->member.serves = false; /* leaderServes=no: its clients are none, its word is */
    expect_hand(&w, "Handing over to one of the servers 3, 1: srvr tells who leads then.\n",
                PDK_WORDS_HAND_OVER);
    w.node->learners[0].is_synced = w.node->learners[1].is_synced = false;
    expect_hand(&w, "No voter follows in step: this server goes on leading.\n", PDK_WORDS_NOTHING);
    w.node->member.serving_since_ms = -1;
    expect_hand(&w, "Nobody leads now: there is nothing to hand over.\n", PDK_WORDS_NOTHING);
    end_member(&w);
}

static void whoever_does_not_lead_says_who_does(void **state)
{
    (void)state;
    struct world w;
    make_member(&w, PDK_ROLE_FOLLOWING, 1);
    expect_hand(&w,
                "Server 2 leads, with clients at 127.0.0.1:2182: only a leader can hand over.\n",
                PDK_WORDS_NOTHING);
    w.node->member.leader = 4;
    expect_hand(&w,
                "Server 4 leads, with clients at 127.0.0.1:2184: only a leader can hand over.\n",
                PDK_WORDS_NOTHING);
    w.node->member.leader = 3;
    expect_hand(&w, "Server 3 leads: only a leader can hand over.\n", PDK_WORDS_NOTHING);
    w.node->member.leader = 8;
    expect_hand(&w, "Server 8 leads: only a leader can hand over.\n", PDK_WORDS_NOTHING);
    end_member(&w);

    make_member(&w, PDK_ROLE_LOOKING, 1);
    expect_hand(&w, "Nobody leads now: there is nothing to hand over.\n", PDK_WORDS_NOTHING);
    w.words.node = NULL;
    expect_hand(&w, "Nobody leads now: there is nothing to hand over.\n", PDK_WORDS_NOTHING);
    end_member(&w);

    make_world(&w, "hand");
    expect_hand(&w, "This server is standalone: there is nobody to hand over to.\n",
                PDK_WORDS_NOTHING);
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srvr_and_stat_tell_the_role),
        cmocka_unit_test(one_that_looks_for_a_leader_serves_nobody),
        cmocka_unit_test(a_read_only_server_says_so),
        cmocka_unit_test(isro_of_a_member_that_serves_is_rw),
        cmocka_unit_test(conf_ends_with_the_members),
        cmocka_unit_test(only_a_leader_dumps_when_sessions_expire),
        cmocka_unit_test(mntr_of_a_leader_counts_its_learners),
        cmocka_unit_test(mntr_of_a_learner_has_no_figures_of_a_leader),
        cmocka_unit_test(hand_must_be_allowed_by_name),
        cmocka_unit_test(a_leader_says_to_whom_it_may_hand_over),
        cmocka_unit_test(whoever_does_not_lead_says_who_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
