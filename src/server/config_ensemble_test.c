#include "server/config_testing.h"

#define THREE "server.1=h1:2888:3888\nserver.2=h2:2888:3888;2182\nserver.3=h3:2888:3888:observer\n"
#define LIMITS "initLimit=10\nsyncLimit=5\n"

/* zoo.cfg in `f`: its dataDir, then `text`. */
static void write_config(const struct folder *f, const char *text)
{
    char whole[4096];
    (void)snprintf(whole, sizeof whole, "dataDir=%s\n%s", f->path, text);
    write_file(f, "zoo.cfg", whole);
}

static void expect_file_refused(const struct folder *f, const char *text, const char *part)
{
    struct loaded l;
    write_config(f, text);
    load_file(&l, f);
    if (l.err == PDK_OK) {
        unload(&l);
        fail_msg("not refused: %s", text);
    }
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, part);
}

/* ---- defaults and values --------------------------------------------------------------------- */

static void a_member_has_the_defaults_of_apache(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n" LIMITS);
    expect_ok(&l);
    assert_string_equal(l.lines, "");
    const struct pdk_config *c = &l.config;
    const struct pdk_ensemble_config *e = &c->node.ensemble;
    assert_non_null(e->members);
    assert_int_equal(e->members->count, 3);
    assert_int_equal(e->members->version, 0);
    assert_null(e->last_seen);
    assert_int_equal(e->init_limit, 10);
    assert_int_equal(e->sync_limit, 5);
    assert_int_equal(e->connect_limit, 10);
    assert_int_equal(e->min_notification_ms, 200);
    assert_int_equal(e->max_notification_ms, 60000);
    assert_int_equal(e->finalize_wait_ms, 20);
    assert_int_equal(e->hello_timeout_ms, 15000); /* tickTime * syncLimit */
    assert_false(e->multi_address || e->local_sessions || e->local_sessions_upgrading);
    assert_false(e->read_only_mode || e->force_snapshot || e->observer_master_port > 0 ||
                 e->untrusted);
    assert_true(e->leader_serves);
    assert_int_equal(e->commit_log_count, 500);
    assert_int_equal(e->commit_log_bytes, 16777216);
    assert_true(e->snapshot_size_factor == 0.33);
    assert_int_equal(e->max_snap_syncs, 10);
    assert_int_equal(e->max_diff_syncs, 100);
    assert_int_equal(e->max_wait_for_epoch_ms, -1);
    assert_int_equal(e->observer_election_delay_ms, 200);
    assert_int_equal(e->observer_reconnect_delay_ms, 0);
    assert_int_equal(e->slow_sync_hand_over_ms, 0);
    assert_int_equal(e->packet_field_bytes, 2097150);
    assert_int_equal(e->roll_over_at, 0);
    assert_true(c->standalone_enabled);
    assert_string_equal(c->dynamic_file, "");
    assert_int_equal(c->election_alg, 3);
    assert_false(c->quorum_listen_on_all || c->peer_keepalive);
    assert_int_equal(c->observer_master_port, 0);
    assert_int_equal(c->election_bind_retry, 3);
    assert_int_equal(c->connect_timeout_ms, 5000);
    assert_int_equal(c->link_queue_bytes, 268435456);
    assert_int_equal(c->slow_sync_ms, 0);
    unload(&l);
}

static void what_a_member_may_say_is_taken(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "server.1=a:1:2|b:3:4\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2\n"
             "group.1=1:2\ngroup.2=3\ngroup.3=4\nweight.2=0\nversion=1f\n" LIMITS
             "connectToLearnerMasterLimit=7\nleaderServes=no\nquorumListenOnAllIPs=true\n"
             "observerMasterPort=2191\nlocalSessionsEnabled=true\nelectionAlg=3\n"
             "localSessionsUpgradingEnabled=true\nreadonlymode.enabled=true\n"
             "fastleader.minNotificationInterval=50\nfastleader.maxNotificationInterval=900\n"
             "paddock.finalizeWaitMs=0\ncnxTimeout=800\nquorumCnxnTimeoutMs=1200\n"
             "electionPortBindRetry=0\ntcpKeepAlive=true\nmultiAddress.enabled=true\n"
             "multiAddress.reachabilityCheckEnabled=false\ncommitLogCount=9\n"
             "snapshotSizeFactor=-1\nforceSnapshotSync=true\nleader.maxConcurrentSnapSyncs=1\n"
             "leader.maxConcurrentDiffSyncs=2\nleader.maxTimeToWaitForEpoch=3000\n"
             "leaderConnectDelayDuringRetryMs=5\nobserver.election.DelayMs=11\n"
             "observer.reconnectDelayMs=12\npaddock.rollOverAt=4294967290\n"
             "paddock.commitLogBytes=1000\npaddock.linkQueueBytes=5000000\n"
             "paddock.slowSyncHandOverMs=400\n");
    expect_ok(&l);
    const struct pdk_config *c = &l.config;
    const struct pdk_ensemble_config *e = &c->node.ensemble;
    expect_text(l.lines, "warn config.even_voters voters=4: Non-optimal configuration");
    assert_true(e->members->hierarchical);
    assert_int_equal(e->members->version, 0x1f);
    assert_int_equal(pdk_members_weight(e->members, 2), 0);
    assert_int_equal(e->connect_limit, 7);
    assert_false(e->leader_serves);
    assert_true(e->multi_address && e->local_sessions && e->local_sessions_upgrading);
    assert_true(e->read_only_mode && c->read_only_mode && e->force_snapshot);
    assert_true(e->observer_master_port == 2191 && c->quorum_listen_on_all && c->peer_keepalive);
    assert_int_equal(c->observer_master_port, 2191);
    assert_int_equal(e->min_notification_ms, 50);
    assert_int_equal(e->max_notification_ms, 900);
    assert_int_equal(e->finalize_wait_ms, 0);
    assert_int_equal(c->connect_timeout_ms, 800);
    assert_int_equal(e->hello_timeout_ms, 1200);
    assert_int_equal(c->election_bind_retry, 0);
    assert_int_equal(e->commit_log_count, 9);
    assert_int_equal(e->commit_log_bytes, 1000);
    assert_true(e->snapshot_size_factor == -1);
    assert_int_equal(e->max_snap_syncs, 1);
    assert_int_equal(e->max_diff_syncs, 2);
    assert_int_equal(e->max_wait_for_epoch_ms, 3000);
    assert_int_equal(e->observer_election_delay_ms, 11);
    assert_int_equal(e->observer_reconnect_delay_ms, 12);
    assert_int_equal(e->roll_over_at, UINT32_C(4294967290));
    assert_int_equal(c->link_queue_bytes, 5000000);
    assert_int_equal(e->slow_sync_hand_over_ms, 400);
    assert_int_equal(c->slow_sync_ms, 400);
    unload(&l);
}

static void values_that_cannot_be_are_corrected_with_a_warning(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, THREE LIMITS "server.4=d:1:2\nelectionPortBindRetry=-1\nsnapshotSizeFactor=1.5\n"
                          "fastleader.minNotificationInterval=70000\nobserverMasterPort=-5\n"
                          "paddock.linkQueueBytes=65536\njute.maxbuffer=100000\n");
    expect_ok(&l);
    const struct pdk_config *c = &l.config;
    assert_int_equal(c->election_bind_retry, 3);
    assert_true(c->node.ensemble.snapshot_size_factor == 0.33);
    assert_int_equal(c->node.ensemble.max_notification_ms, 70000);
    assert_int_equal(c->observer_master_port, 0);
    assert_int_equal(c->link_queue_bytes, 400000); /* two of the longest transactions */
    expect_text(l.lines, "warn config.raised key=electionPortBindRetry from=-1 to=3\n");
    expect_text(l.lines, "warn config.lowered key=snapshotSizeFactor to=0.33\n");
    expect_text(l.lines, "warn config.raised key=fastleader.maxNotificationInterval from=60000 "
                         "to=70000\n");
    unload(&l);
}

/* ---- ensemble or not ------------------------------------------------------------------------- */

static void a_single_voter_is_standalone_unless_that_is_off(void **state)
{
    (void)state;
    struct loaded l;
    for (int reconfig = 0; reconfig < 2; reconfig++) {
        load(&l,
             reconfig ? "server.1=a:2888:3888\nreconfigEnabled=true\n" : "server.1=a:2888:3888\n");
        expect_ok(&l);
        assert_null(l.config.node.ensemble.members);
        assert_int_equal(l.config.node.server_id, 1);
        assert_string_equal(l.lines, "warn config.server_ignored at=zoo.cfg:3 key=server.1 "
                                     "why=only_one_server\n");
        unload(&l);
    }
    load(&l, "server.1=a:2888:3888\nstandaloneEnabled=false\n" LIMITS);
    expect_ok(&l);
    assert_non_null(l.config.node.ensemble.members);
    expect_text(l.lines, "warn config.no_failure_tolerated voters=1: No server failure will be");
    unload(&l);
    load(&l, "server.1=a:2888:3888\nserver.4=b:2888:3888:observer\nstandaloneEnabled=false\n"
             "initLimit=1\nsyncLimit=1\n");
    expect_ok(&l);
    unload(&l);
}

static void what_is_no_ensemble_is_refused(void **state)
{
    (void)state;
    expect_refused("standaloneEnabled=false",
                   (const char *[]){"zoo.cfg:3: standaloneEnabled=false", "no server.N", NULL});
    expect_refused("server.1=a:1:2:observer",
                   (const char *[]){"zoo.cfg: no server is a participant", NULL});
    expect_refused("server.1=a:1:2\nserver.2=a:1:2:observer",
                   (const char *[]){"zoo.cfg:4: server.2 is an observer", NULL});
    expect_refused("server.1=a:1:2\nserver.2=a:1",
                   (const char *[]){"zoo.cfg:4: server.2=a:1", "host:", NULL});
    expect_refused("server.1=a:1:2\nserver.01=b:1:2",
                   (const char *[]){"zoo.cfg:4: server.01=b:1:2", "twice", NULL});
    expect_refused("server.x=a:1:2", (const char *[]){"zoo.cfg:3: server.x=", NULL});
    expect_refused("server.256=a:1:2", (const char *[]){"zoo.cfg:3: server.256=", NULL});
    expect_refused(THREE "group.1=1", (const char *[]){"zoo.cfg: server.2 votes, and is in no "
                                                       "group",
                                                       NULL});
    expect_refused(THREE, (const char *[]){"zoo.cfg: initLimit is not set", NULL});
    expect_refused(THREE "initLimit=1\nsyncLimit=0",
                   (const char *[]){"zoo.cfg: syncLimit is not set", NULL});
    expect_refused(THREE LIMITS "server.4=a:1:2|b:3:4",
                   (const char *[]){"zoo.cfg:8: server.4 has several addresses",
                                    "multiAddress.enabled=true", NULL});
}

static void few_or_even_numbers_of_voters_are_warned_of(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, THREE LIMITS);
    expect_ok(&l);
    assert_string_equal(l.lines, "warn config.no_failure_tolerated voters=2: No server failure "
                                 "will be tolerated. You need at least 3 servers.\n");
    unload(&l);
    load(&l, THREE "server.4=d:1:2\nserver.5=e:1:2\n" LIMITS);
    expect_ok(&l);
    expect_text(l.lines, "warn config.even_voters voters=4: Non-optimal configuration, consider "
                         "an odd number of servers.\n");
    unload(&l);
}

static void a_lone_server_line_may_bring_the_client_port(void **state)
{
    (void)state;
    struct loaded l;
    load_with(&l, "dataDir=/nowhere\nserver.5=h:1:2;[::1]:2222\n", &(struct pdk_config_source){0});
    expect_ok(&l);
    assert_int_equal(l.config.listen_port, 2222);
    assert_string_equal(l.config.listen_host, "::1");
    unload(&l);
}

static void the_lone_line_counts_only_for_its_own_myid(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_config(&f, "clientPort=1111\nserver.3=h:1:2;2222\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.listen_port, 1111);
    unload(&l);
    write_file(&f, "myid", "4\n");
    load_file(&l, &f);
    expect_ok(&l);
    unload(&l);
    write_file(&f, "myid", "3\n");
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg:2: clientPort=1111 at every address differs from");
    expect_text(l.diag.text, ":2222, the client address of server.3 at ");
    remove_folder(&f);
}

/* ---- who am I -------------------------------------------------------------------------------- */

static void myid_says_which_member_this_is(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_config(&f, THREE LIMITS "clientPort=2181\nclientPortAddress=127.0.0.1\n");
    write_file(&f, "myid", "1");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.node.server_id, 1);
    assert_int_equal(l.config.listen_port, 2181);
    assert_string_equal(l.config.listen_host, "127.0.0.1");
    unload(&l);

    write_config(&f, THREE LIMITS);
    write_file(&f, "myid", "2\r\nmore\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.node.server_id, 2);
    assert_int_equal(l.config.listen_port, 2182);
    assert_string_equal(l.config.listen_host, "");
    unload(&l);
    write_file(&f, "myid", "3\n");
    expect_file_refused(&f, THREE LIMITS, "clientPort is not set");
    remove_folder(&f);
}

static void a_myid_that_is_none_is_refused_in_apaches_words(void **state)
{
    (void)state;
    struct folder f = make_folder();
    char path[128];
    static const struct {
        const char *text, *why;
    } cases[] = {{"", "myid: serverid \"\" is not a number"},
                 {"one\n", "myid: serverid one is not a number"},
                 {"1 \n", "myid: serverid \"1 \" is not a number"},
                 {"-1\n", "myid: serverid -1 is not a number"},
                 {"99999999999999999999\n", "is not a number"},
                 {"0x1\n", "myid: serverid 0x1 is not a number"},
                 {"7\n", "myid: My id 7 not in the peer list ("},
                 {"257\n", "myid: My id 257 not in the peer list ("}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        write_file(&f, "myid", cases[i].text);
        expect_file_refused(&f, THREE LIMITS "clientPort=1\n", cases[i].why);
    }
    (void)snprintf(path, sizeof path, "%s/myid", f.path);
    assert_int_equal(unlink(path), 0);
    expect_file_refused(&f, THREE LIMITS "clientPort=1\n", "/myid: myid file is missing");
    assert_int_equal(mkdir(path, 0700), 0);
    expect_file_refused(&f, THREE LIMITS "clientPort=1\n", "/myid: myid file is missing");
    assert_int_equal(rmdir(path), 0);

    write_file(&f, "myid", "255\n");
    expect_file_refused(&f, THREE LIMITS "server.255=x:1:2;1\nextendedTypesEnabled=true\n",
                        "myid is at most 254");
    remove_folder(&f);
}

static void the_client_address_is_said_once(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_file(&f, "myid", "1\n");
    static const struct {
        const char *client, *file;
        const char *host; /* NULL: refused */
    } cases[] = {
        {"2181", "clientPort=2181\n", ""},
        {"2181", "", ""},
        {"0.0.0.0:2181", "clientPort=2181\n", ""},
        {"10.0.0.1:2181", "clientPort=2181\n", "10.0.0.1"},
        {"10.0.0.1:2181", "clientPort=2181\nclientPortAddress=10.0.0.1\n", "10.0.0.1"},
        {"10.0.0.1:2181", "clientPort=2181\nclientPortAddress=0.0.0.0\n", "10.0.0.1"},
        {"10.0.0.1:2181", "clientPort=2181\nclientPortAddress=a.name\n", "10.0.0.1"},
        {"a.name:2181", "clientPort=2181\nclientPortAddress=10.0.0.2\n", "a.name"},
        {"[::1]:2181", "clientPort=2181\nclientPortAddress=0:0:0:0:0:0:0:1\n", "::1"},
        {"10.0.0.1:2181", "clientPort=2181\nclientPortAddress=10.0.0.2\n", NULL},
        {"[::1]:2181", "clientPort=2181\nclientPortAddress=10.0.0.2\n", NULL},
        {"[::1]:2181", "clientPort=2181\nclientPortAddress=::2\n", NULL},
        {"2181", "clientPort=2182\n", NULL},
        {"10.0.0.1:2181", "clientPort=2182\nclientPortAddress=10.0.0.1\n", NULL},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "server.1=a:1:2;%s\nserver.2=b:1:2\n" LIMITS "%s",
                       cases[i].client, cases[i].file);
        if (cases[i].host == NULL) {
            expect_file_refused(&f, text, "the client address of server.1 at ");
            continue;
        }
        write_config(&f, text);
        load_file(&l, &f);
        if (l.err != PDK_OK) fail_msg("%s: %s", text, l.diag.text);
        assert_string_equal(l.config.listen_host, cases[i].host);
        assert_int_equal(l.config.listen_port, 2181);
        unload(&l);
    }
    remove_folder(&f);
}

static void a_tls_port_in_its_own_line_is_refused(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_file(&f, "myid", "2\n");
    expect_file_refused(&f, "server.1=a:1:2;1\nserver.2=b:1:2;1;2\n" LIMITS,
                        "zoo.cfg:3: server.2 names a TLS port");
    write_config(&f, "server.1=a:1:2;1;3\nserver.2=b:1:2;1\n" LIMITS);
    load_file(&l, &f);
    expect_ok(&l);
    unload(&l);
    remove_folder(&f);
}

static void the_line_decides_the_role(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_file(&f, "myid", "3\n");
    write_config(&f, THREE "server.4=d:1:2\nserver.5=e:1:2\nserver.6=f:1:2:observer\n" LIMITS
                           "clientPort=1\npeerType=participant\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.peer_type, PDK_PEER_OBSERVER);
    expect_text(l.lines, "zoo.cfg:11: Peer type from servers list (OBSERVER) doesn't match "
                         "peerType (PARTICIPANT). Defaulting to servers list.\n");
    unload(&l);
    write_file(&f, "myid", "1\n");
    write_config(&f, THREE LIMITS "clientPort=1\npeerType=observer\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.peer_type, PDK_PEER_PARTICIPANT);
    expect_text(l.lines, "(PARTICIPANT) doesn't match peerType (OBSERVER).");
    unload(&l);
    write_file(&f, "myid", "3\n");
    write_config(&f, THREE LIMITS "clientPort=1\npeerType=Observer\n");
    load_file(&l, &f);
    expect_ok(&l);
    expect_no_text(l.lines, "peer_type");
    unload(&l);
    remove_folder(&f);
}

/* ---- the dynamic file ------------------------------------------------------------------------ */

/* zoo.cfg that points to `name` in the same folder, with `more` lines. */
static void write_pointing(const struct folder *f, const char *name, const char *more)
{
    char text[512];
    (void)snprintf(text, sizeof text, LIMITS "dynamicConfigFile=%s/%s\n%s", f->path, name, more);
    write_config(f, text);
}

static void members_may_stand_in_a_file_of_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t version;
    } cases[] = {{"zoo.cfg.dynamic", 0},
                 {"zoo.cfg.dynamic.0", 0},
                 {"zoo.cfg.dynamic.1000000F3", 0x1000000f3},
                 {"zoo.cfg.dynamic.ffffffffffffffff", 0},
                 {"members", 0}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct folder f = make_folder();
        struct loaded l;
        write_file(&f, "myid", "2\n");
        write_file(&f, cases[i].name, THREE);
        write_pointing(&f, cases[i].name, "reconfigEnabled=true\n");
        load_file(&l, &f);
        expect_ok(&l);
        assert_int_equal(l.config.node.ensemble.members->version, cases[i].version);
        assert_int_equal(l.config.node.ensemble.members->count, 3);
        assert_int_equal(l.config.listen_port, 2182);
        expect_text(l.config.dynamic_file, cases[i].name);
        unload(&l);
        remove_folder(&f);
    }
}

static void a_dynamic_file_holds_members_only_and_zoo_cfg_none(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_file(&f, "myid", "1\n");
    write_pointing(&f, "zoo.cfg.dynamic", "clientPort=1\n");
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_ENOENT);
    static const struct {
        const char *text, *why;
    } cases[] = {
        {THREE "tickTime=3\n", "zoo.cfg.dynamic:4: key tickTime has no place in a dynamic"},
        {THREE "version=1\n", "zoo.cfg.dynamic:4: dynamic file shouldn't have version inside"},
        {"server.1=a:1:2:observer\n", "zoo.cfg.dynamic: no server is a participant"},
        {"server.1=a\n", "zoo.cfg.dynamic:1: server.1=a"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        write_file(&f, "zoo.cfg.dynamic", cases[i].text);
        load_file(&l, &f);
        assert_int_equal(l.err, PDK_EINVAL);
        expect_text(l.diag.text, cases[i].why);
    }
    write_file(&f, "zoo.cfg.dynamic", THREE);
    write_pointing(&f, "zoo.cfg.dynamic", "clientPort=1\nweight.1=2\n");
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg:6: key weight.1 must stand in the dynamicConfigFile");
    remove_folder(&f);
}

static void a_reconfig_that_was_under_way_is_remembered(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    write_file(&f, "myid", "2\n");
    write_file(&f, "zoo.cfg.dynamic.100000000", THREE);
    write_file(&f, "zoo.cfg.dynamic.next", "server.2=h2:2888:3888;2182\nversion=100000004\n");
    write_pointing(&f, "zoo.cfg.dynamic.100000000", "reconfigEnabled=true\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.node.ensemble.members->version, 0x100000000);
    assert_non_null(l.config.node.ensemble.last_seen);
    assert_int_equal(l.config.node.ensemble.last_seen->version, 0x100000004);
    assert_int_equal(l.config.node.ensemble.last_seen->count, 1);
    unload(&l);

    write_file(&f, "zoo.cfg.dynamic.next", THREE "version=100000000\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_null(l.config.node.ensemble.last_seen);
    expect_text(l.lines, "warn config.next_ignored file=");
    unload(&l);

    write_file(&f, "zoo.cfg.dynamic.next", "what is this\n");
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg.dynamic.next: line 1");

    write_pointing(&f, "zoo.cfg.dynamic.100000000", "reconfigEnabled=false\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_null(l.config.node.ensemble.last_seen);
    unload(&l);
    remove_folder(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_has_the_defaults_of_apache),
        cmocka_unit_test(what_a_member_may_say_is_taken),
        cmocka_unit_test(values_that_cannot_be_are_corrected_with_a_warning),
        cmocka_unit_test(a_single_voter_is_standalone_unless_that_is_off),
        cmocka_unit_test(what_is_no_ensemble_is_refused),
        cmocka_unit_test(few_or_even_numbers_of_voters_are_warned_of),
        cmocka_unit_test(a_lone_server_line_may_bring_the_client_port),
        cmocka_unit_test(the_lone_line_counts_only_for_its_own_myid),
        cmocka_unit_test(myid_says_which_member_this_is),
        cmocka_unit_test(a_myid_that_is_none_is_refused_in_apaches_words),
        cmocka_unit_test(the_client_address_is_said_once),
        cmocka_unit_test(a_tls_port_in_its_own_line_is_refused),
        cmocka_unit_test(the_line_decides_the_role),
        cmocka_unit_test(members_may_stand_in_a_file_of_their_own),
        cmocka_unit_test(a_dynamic_file_holds_members_only_and_zoo_cfg_none),
        cmocka_unit_test(a_reconfig_that_was_under_way_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
