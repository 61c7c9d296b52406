#include "server/config_testing.h"

#include "server/config_keys.h"

/* ---- defaults -------------------------------------------------------------------------------- */

static void without_a_file_it_serves_localhost_with_two_second_ticks(void **state)
{
    (void)state;
    struct loaded l;
    load_with(&l, NULL, &(struct pdk_config_source){0});
    expect_ok(&l);
    assert_null(l.config.file);
    assert_string_equal(l.config.listen_host, "127.0.0.1");
    assert_int_equal(l.config.listen_port, 2181);
    assert_string_equal(l.config.store.data_dir, "./data");
    assert_string_equal(l.config.store.log_dir, "./data");
    assert_int_equal(l.config.node.tick_ms, 2000);
    assert_string_equal(l.lines, "");
    unload(&l);
}

static void with_a_file_the_defaults_are_those_of_apache(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "");
    expect_ok(&l);
    const struct pdk_config *c = &l.config;
    assert_string_equal(c->file, "zoo.cfg");
    assert_string_equal(c->listen_host, "");
    assert_int_equal(c->listen_backlog, -1);
    assert_int_equal(c->node.tick_ms, 3000);
    assert_int_equal(c->node.session_min_ms, 6000);
    assert_int_equal(c->node.session_max_ms, 60000);
    assert_int_equal(c->node.frame_limit_bytes, 1048575);
    assert_int_equal(c->store.max_record_bytes, 2097150);
    assert_int_equal(c->max_client_cnxns, 60);
    assert_int_equal(c->max_cnxns, 0);
    assert_int_equal(c->node.snap_count, 100000);
    assert_false(c->node.snap_count_set);
    assert_int_equal(c->node.snap_size_limit_kb, 4194304);
    assert_int_equal(c->store.prealloc_kb, 65536);
    assert_int_equal(c->store.log_size_limit_kb, -1);
    assert_int_equal(c->store.compression, PDK_COMPRESSION_NONE);
    assert_true(c->store.force_sync && c->store.autocreate_dirs && c->store.db_autocreate);
    assert_true(c->store.write_last_zxid && !c->store.trust_empty_snapshot);
    assert_true(c->node.digest_enabled && c->node.close_session_txn);
    assert_false(c->node.extended_types || c->node.reconfig_enabled || c->node.enforce_quota);
    assert_false(c->node.acl.skip);
    assert_true(c->node.acl.digest_enabled);
    assert_true(pdk_slice_eq_str(c->node.acl.digest_algorithm, "SHA1"));
    assert_int_equal(c->node.acl.super_digest.len, 0);
    assert_int_equal(c->node.outstanding_limit, 1000);
    assert_int_equal(c->purge_interval_ms, 0);
    assert_int_equal(c->purge_retain, 3);
    assert_int_equal(c->sessionless_timeout_ms, 10000);
    assert_true(pdk_word_set_has(c->words, PDK_WORD_SRVR));
    assert_false(pdk_word_set_has(c->words, PDK_WORD_RUOK));
    assert_int_equal(c->oversize, PDK_OVERSIZE_CLOSE);
    assert_int_equal(c->log_level, PDK_LOG_INFO);
    assert_true(c->throttle.drop_increase == 0.02);
    assert_string_equal(c->port_file, "");
    assert_null(c->node.ensemble.members);
    assert_null(c->path); /* from a text */
    unload(&l);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void a_file_as_operators_write_it_is_taken(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "# The number of milliseconds of each tick\ntickTime=2000\ninitLimit=10\nsyncLimit=5\n"
             "dataLogDir: /log\nclientPortAddress = ::1\nmaxClientCnxns 0\n"
             "autopurge.snapRetainCount=5\nautopurge.purgeInterval=1\n"
             "4lw.commands.whitelist=ruok, mntr ,stat\nsnapCount=50000\n"
             "minSessionTimeout=1000\nmaxSessionTimeout=120000\nadmin.enableServer=false\n"
             "extendedTypesEnabled=TRUE\nforceSync=no\nskipACL=YES\npreAllocSize=64\n"
             "snapshot.compression.method=GZ\nmetricsProvider.className=org.apache.zookeeper."
             "metrics.impl.DefaultMetricsProvider\n"
             "DigestAuthenticationProvider.superDigest=super:abc=\n"
             "DigestAuthenticationProvider.digestAlg=SHA-256\n");
    expect_ok(&l);
    const struct pdk_config *c = &l.config;
    assert_string_equal(l.lines, "");
    assert_int_equal(c->node.tick_ms, 2000);
    assert_string_equal(c->store.data_dir, "/d");
    assert_string_equal(c->store.log_dir, "/log");
    assert_string_equal(c->listen_host, "::1");
    assert_int_equal(c->max_client_cnxns, 0);
    assert_int_equal(c->purge_retain, 5);
    assert_int_equal(c->purge_interval_ms, 3600000);
    assert_true(pdk_word_set_has(c->words, PDK_WORD_MNTR));
    assert_true(pdk_word_set_has(c->words, PDK_WORD_SRVR));
    assert_false(pdk_word_set_has(c->words, PDK_WORD_CONF));
    assert_true(c->node.snap_count_set);
    assert_int_equal(c->node.session_min_ms, 1000);
    assert_int_equal(c->node.session_max_ms, 120000);
    assert_true(c->node.extended_types && c->node.acl.skip && !c->store.force_sync);
    assert_int_equal(c->store.prealloc_kb, 64);
    assert_int_equal(c->store.compression, PDK_COMPRESSION_GZ);
    assert_true(pdk_slice_eq_str(c->node.acl.super_digest, "super:abc="));
    assert_true(pdk_slice_eq_str(c->node.acl.digest_algorithm, "SHA-256"));
    unload(&l);
}

static void keys_may_carry_the_prefix_of_java_properties(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "zookeeper.snapCount=7\nzookeeper.extendedTypesEnabled=true\njute.maxbuffer=0x200000\n"
             "zookeeper.fsync.warningthresholdms=20\nznode.container.checkIntervalMs=5\n");
    expect_ok(&l);
    assert_int_equal(l.config.node.snap_count, 7);
    assert_true(l.config.node.extended_types);
    assert_int_equal(l.config.node.frame_limit_bytes, 0x200000);
    assert_int_equal(l.config.fsync_warning_ms, 20);
    assert_int_equal(l.config.node.container_check_ms, 5);
    assert_string_equal(l.lines, "");
    unload(&l);
}

static void the_purge_interval_is_hours_or_has_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t ms;
    } cases[] = {{"2", 7200000}, {"0", 0},        {"-1", 0},        {"500ms", 500}, {"3s", 3000},
                 {"4M", 240000}, {"1h", 3600000}, {"1d", 86400000}, {"9MS", 9}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        char line[64];
        struct loaded l;
        (void)snprintf(line, sizeof line, "autopurge.purgeInterval=%s", cases[i].value);
        load(&l, line);
        expect_ok(&l);
        assert_int_equal(l.config.purge_interval_ms, cases[i].ms);
        unload(&l);
    }
}

static void values_that_apache_raises_are_raised_with_a_warning(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "autopurge.snapRetainCount=1\nsnapCount=0\nmaxClientCnxns=-5\n");
    expect_ok(&l);
    assert_int_equal(l.config.purge_retain, 3);
    assert_int_equal(l.config.node.snap_count, 2);
    assert_int_equal(l.config.max_client_cnxns, 0);
    expect_text(l.lines, "warn config.raised key=autopurge.snapRetainCount from=1 to=3\n");
    expect_text(l.lines, "warn config.raised key=snapCount from=0 to=2\n");
    unload(&l);
}

static void a_large_request_limit_takes_the_queues_along(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "jute.maxbuffer=50000000\njute.maxbuffer.extrasize=5\n");
    expect_ok(&l);
    assert_int_equal(l.config.node.in_flight_bytes, 100000000);
    assert_true(l.config.store.in_flight_bytes > 100000000); /* and the request on top */
    assert_int_equal(l.config.node.conn_queue_bytes, 100000000);
    assert_int_equal(l.config.store.max_record_bytes, 50001024);
    unload(&l);
}

static void read_only_mode_allows_isro(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "readonlymode.enabled=true\n4lw.commands.whitelist=ruok\n");
    expect_ok(&l);
    assert_true(pdk_word_set_has(l.config.words, PDK_WORD_ISRO));
    unload(&l);
}

static void session_timeouts_do_not_overflow(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "tickTime=2147483647\n");
    expect_ok(&l);
    assert_int_equal(l.config.node.session_min_ms, INT32_MAX);
    assert_int_equal(l.config.node.session_max_ms, INT32_MAX);
    unload(&l);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void a_bad_value_names_file_line_key_value_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *line, *allowed;
    } cases[] = {
        {"tickTime=abc", "a whole number from 1 to 2147483647"},
        {"tickTime=0", "a whole number from 1 to"},
        {"tickTime=", "a whole number"},
        {"tickTime=2000 # ms", "a whole number"},
        {"tickTime=2147483648", "a whole number"},
        {"tickTime=99999999999999999999", "a whole number"},
        {"tickTime=20.5", "a whole number"},
        {"maxClientCnxns=many", "a whole number up to 2147483647"},
        {"clientPort=65536", "a whole number from 0 to 65535"},
        {"extendedTypesEnabled=yes", "true or false"},
        {"forceSync=false", "yes or no"},
        {"skipACL=true", "yes or no"},
        {"snapshot.compression.method=zip", "nothing or gz or snappy"},
        {"paddock.oversize=drop", "close or error"},
        {"connection_throttle_drop_increase=1.5", "a number from 0 to 1"},
        {"connection_throttle_drop_increase=nan", "a number from 0 to 1"},
        {"autopurge.purgeInterval=2w", "a number of hours"},
        {"autopurge.purgeInterval=99999999999", "a number of hours"},
        {"DigestAuthenticationProvider.digestAlg=SHA0815", "a digest of OpenSSL"},
        {"electionAlg=0", "allowed: 3, fast leader election; 0 to 2, elections over UDP"},
        {"electionAlg=2", "left ZooKeeper with 3.6"},
        {"version=1x", "a hexadecimal number"},
        {"version=8000000000000000", "a hexadecimal number"},
        {"snapshotSizeFactor=much", "a number like 0.33"},
        {"paddock.rollOverAt=4294967296", "a whole number from 0 to 4294967295"},
        {"leaderServes=false", "yes or no"},
        {"syncEnabled=1", "true or false"},
        {"peerType=voter", "participant or observer"},
        {"dataLogDir=", "a text that is not empty"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        char key[80];
        (void)snprintf(key, sizeof key, " %.*s", (int)strcspn(cases[i].line, "="), cases[i].line);
        expect_refused(cases[i].line, (const char *[]){"zoo.cfg:3:", key, cases[i].allowed, NULL});
    }
    expect_refused("tickTime=abc", (const char *[]){"tickTime=abc is not allowed", NULL});
}

static void what_protects_and_is_not_built_refuses_the_start(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "secureClientPort=2281",
        "zookeeper.ssl.keyStore.location=/k",
        "ssl.quorum.keyStore.location=/k",
        "client.portUnification=true",
        "sslQuorum=true",
        "portUnification=TRUE",
        "quorum.auth.enableSasl=true",
        "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
        "enforce.auth.enabled=true",
        "sessionRequireClientSASLAuth=true",
        "audit.enable=true",
    };
    for (size_t i = 0; i < PDK_COUNT_OF(lines); i++)
        expect_refused(lines[i], (const char *[]){"zoo.cfg:3:", "protection", NULL});

    struct loaded l;
    load(&l, "sslQuorum=false\nquorum.auth.enableSasl=false\nenforce.auth.enabled=false\n"
             "audit.enable=false\nsessionRequireClientSASLAuth=False\n"
             "authProvider.x=org.apache.zookeeper.server.auth.DigestAuthenticationProvider\n");
    expect_ok(&l);
    assert_string_equal(l.lines, "");
    unload(&l);
}

static void an_oracle_is_refused_with_the_reason(void **state)
{
    (void)state;
    expect_refused("oraclePath=/o", (const char *[]){"zoo.cfg:3: oraclePath is refused: ",
                                                     "no majority", "three servers", NULL});
}

static void what_observes_and_is_not_built_warns(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "admin.serverPort=8080\nmetricsProvider.className=org.apache.zookeeper.metrics."
             "prometheus.PrometheusMetricsProvider\nmetricsProvider.httpPort=7000\n");
    expect_ok(&l);
    expect_text(l.lines, "warn config.not_built at=zoo.cfg:3 key=admin.serverPort");
    expect_text(l.lines, "warn config.not_built at=zoo.cfg:4 key=metricsProvider.className");
    expect_text(l.lines, "warn config.not_built at=zoo.cfg:5 key=metricsProvider.httpPort");
    expect_text(l.lines, "effect=nothing_listens");
    unload(&l);

    load(&l, "admin.serverPort=8080\nadmin.enableServer=false\nmetricsProvider.httpPort=7000\n");
    expect_ok(&l);
    assert_string_equal(l.lines, "");
    unload(&l);
}

static void keys_of_the_jvm_and_those_without_a_choice_are_passed_over(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "syncEnabled=false\nlearner.asyncSending=true\njvm.pause.monitor="
             "true\nserverCnxnFactory=org.apache."
             "zookeeper.server.NettyServerCnxnFactory\nnio.numWorkerThreads=8\nlog4j.debug=x\n"
             "commitProcessor.numWorkerThreads=4\nmaxResponseCacheSize=0\n");
    expect_ok(&l);
    assert_string_equal(l.lines, "");
    unload(&l);
}

static void an_unknown_key_warns_and_names_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *line, *warning;
    } cases[] = {
        {"tikTime=1", "warn config.unknown at=zoo.cfg:3 key=tikTime nearest=tickTime\n"},
        {"clientport=1", "key=clientport nearest=clientPort\n"},
        {"zookeeper.snapCounts=1", "key=zookeeper.snapCounts nearest=snapCount\n"},
        {"autopurge.purgInterval=1", "nearest=autopurge.purgeInterval\n"},
        {"4lw.commands.whitlist=*", "nearest=4lw.commands.whitelist\n"},
        {"somethingElse=1", "warn config.unknown at=zoo.cfg:3 key=somethingElse\n"},
        {"=1", "key=\"\"\n"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct loaded l;
        load(&l, cases[i].line);
        expect_ok(&l);
        expect_text(l.lines, cases[i].warning);
        unload(&l);
    }
}

static void a_file_that_is_no_config_is_refused_early(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 200; i++) (void)snprintf(text + strlen(text), 24, "qqq%d=1\n", i);
    expect_refused(text, (const char *[]){"more than 100 unknown keys", NULL});
    expect_refused("a=\\u00zz", (const char *[]){"zoo.cfg:3:", "hexadecimal", NULL});
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    struct loaded l;
    load_with(&l, "clientPort=1\n", &(struct pdk_config_source){0});
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg: dataDir is not set");
    load_with(&l, "dataDir=/d\nclientPortAddress=localhost\n", &(struct pdk_config_source){0});
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg: clientPort is not set");
    expect_refused("minSessionTimeout=9000\nmaxSessionTimeout=8000",
                   (const char *[]){"zoo.cfg:3: minSessionTimeout=9000", "(8000)", NULL});
    expect_refused("maxSessionTimeout=100",
                   (const char *[]){"zoo.cfg:3: maxSessionTimeout=100", "(6000)", NULL});
}

static void secrets_are_never_shown(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "DigestAuthenticationProvider.superDigest=super:hush\n"
             "DigestAuthenticationProvider.superDigest=super:quiet\n"
             "my.password=hush\nSASLAuthenticationProvider.superPassword=hush\n");
    expect_ok(&l);
    expect_text(l.lines, "config.repeated key=DigestAuthenticationProvider.superDigest");
    expect_no_text(l.lines, "hush");
    expect_no_text(l.lines, "quiet");
    unload(&l);
    load(&l, "ssl.keyStore.password=hush\n");
    assert_int_equal(l.err, PDK_EINVAL);
    expect_no_text(l.diag.text, "hush");
    assert_true(pdk_config_key_secret(pdk_slice_str("ssl.trustStore.passwordPath")));
    assert_true(pdk_config_key_secret(pdk_slice_str("x.SECRET")));
    assert_false(pdk_config_key_secret(pdk_slice_str("tickTime")));
}

/* ---- who wins -------------------------------------------------------------------------------- */

static void the_last_line_of_a_file_wins_and_defines_win_over_it(void **state)
{
    (void)state;
    static const char *const defines[] = {"zookeeper.snapCount=9", "readonlymode.enabled=true",
                                          "zookeeper.snapCount=8", "java.net.preferIPv4Stack",
                                          "dataDir=/elsewhere"};
    struct loaded l;
    load_with(
        &l, "dataDir=/d\nclientPort=1\ntickTime=1000\ntickTime=4000\nsnapCount=100\n",
        &(struct pdk_config_source){.defines = defines, .define_count = PDK_COUNT_OF(defines)});
    expect_ok(&l);
    assert_int_equal(l.config.node.tick_ms, 4000);
    assert_int_equal(l.config.node.snap_count, 8);
    assert_true(l.config.read_only_mode);
    assert_string_equal(l.config.store.data_dir, "/elsewhere");
    expect_text(l.lines, "warn config.repeated key=tickTime at=zoo.cfg:4 instead_of=zoo.cfg:3\n");
    expect_text(l.lines, "info config.overridden key=snapCount at=-D instead_of=zoo.cfg:5\n");
    unload(&l);

    static const char *const bad[] = {"tickTime"};
    load_with(&l, "dataDir=/d\nclientPort=1\n",
              &(struct pdk_config_source){.defines = bad, .define_count = 1});
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "-D: tickTime=\"\" is not allowed");
}

static void arguments_are_port_folder_tick_and_connections(void **state)
{
    (void)state;
    static const char *const args[] = {"2199", "/x", "500", "7"};
    for (size_t count = 2; count <= 4; count++) {
        struct loaded l;
        load_with(&l, NULL, &(struct pdk_config_source){.args = args, .arg_count = count});
        expect_ok(&l);
        assert_int_equal(l.config.listen_port, 2199);
        assert_string_equal(l.config.listen_host, "");
        assert_string_equal(l.config.store.data_dir, "/x");
        assert_int_equal(l.config.node.tick_ms, count >= 3 ? 500 : 3000);
        assert_int_equal(l.config.max_client_cnxns, count >= 4 ? 7 : 60);
        unload(&l);
    }
    struct loaded l;
    static const char *const words[] = {"port", "/x"};
    load_with(&l, NULL, &(struct pdk_config_source){.args = words, .arg_count = 2});
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "argument: clientPort=port is not allowed");
}

/* ---- real files ------------------------------------------------------------------------------ */

static void a_config_is_read_from_its_file(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_ENOENT);
    expect_text(l.diag.text, "zoo.cfg: cannot be read: No such file");
    write_file(&f, "zoo.cfg", "dataDir=/d\nclientPort=0\ntickTime=10\n");
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.node.tick_ms, 10);
    assert_int_equal(l.config.listen_port, 0);
    expect_text(l.config.file, "/zoo.cfg");
    assert_string_equal(l.config.path, l.config.file);
    assert_string_equal(l.config.target, l.config.file);
    unload(&l);
    remove_folder(&f);
}

static void a_folder_or_a_huge_file_is_refused(void **state)
{
    (void)state;
    struct folder f = make_folder();
    struct loaded l;
    const char *args[] = {f.path};
    memset(&l, 0, sizeof l);
    l.err = pdk_config_load(&l.config, &(struct pdk_config_source){.args = args, .arg_count = 1},
                            pdk_mem_heap(), NULL, &l.diag);
    assert_int_equal(l.err, PDK_EIO);
    expect_text(l.diag.text, "cannot be read");

    size_t size = ((size_t)1 << 20) + 1;
    char *big = malloc(size + 1);
    assert_non_null(big);
    memset(big, '\n', size);
    big[size] = '\0';
    write_file(&f, "zoo.cfg", big);
    free(big);
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "larger than 1 MiB");
    remove_folder(&f);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void every_row_is_sound(void **state)
{
    (void)state;
    size_t count = 0;
    const struct pdk_config_key *keys = pdk_config_keys(&count);
    struct pdk_config config = {.mem = pdk_mem_heap()};
    for (size_t i = 0; i < count; i++) {
        char allowed[160] = "";
        const char *fallback = keys[i].fallback;
        if (fallback != NULL &&
            !pdk_config_key_set(&config, &keys[i], fallback, allowed, sizeof allowed))
            fail_msg("%s: its own default is not allowed: %s", keys[i].name, allowed);
        bool used = keys[i].effect == PDK_CONFIG_USED && keys[i].kind != PDK_CONFIG_SERVER;
        if (used) assert_true(keys[i].offset < sizeof config);
        if (!used) assert_true(keys[i].offset == PDK_CONFIG_NO_FIELD);
        if (keys[i].kind == PDK_CONFIG_CHOICE) assert_non_null(keys[i].choices);
        assert_non_null(keys[i].doc);
        const struct pdk_config_key *found = pdk_config_key_find(pdk_slice_str(keys[i].name));
        if (found != &keys[i]) fail_msg("%s is found as %s", keys[i].name, found->name);
        for (size_t k = 0; k < i; k++) {
            if (keys[k].offset == keys[i].offset && keys[i].offset != PDK_CONFIG_NO_FIELD)
                fail_msg("%s and %s share a field", keys[k].name, keys[i].name);
        }
    }
    pdk_config_deinit(&config);
}

static void the_help_shows_every_key_with_its_default(void **state)
{
    (void)state;
    struct pdk_buf out;
    pdk_buf_init(&out, pdk_mem_heap(), 1 << 20);
    pdk_config_put_help(&out);
    pdk_put_u8(&out, 0);
    assert_false(out.failed);
    const char *text = (const char *)out.bytes;
    expect_text(text, "\ntickTime=3000\n    ms; base of session timeouts");
    expect_text(text, "\nsecureClientPort\n    TLS port of clients [not built yet: refuses");
    size_t count = 0;
    const struct pdk_config_key *keys = pdk_config_keys(&count);
    for (size_t i = 0; i < count; i++) expect_text(text, keys[i].name);
    pdk_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_it_serves_localhost_with_two_second_ticks),
        cmocka_unit_test(with_a_file_the_defaults_are_those_of_apache),
        cmocka_unit_test(a_file_as_operators_write_it_is_taken),
        cmocka_unit_test(keys_may_carry_the_prefix_of_java_properties),
        cmocka_unit_test(the_purge_interval_is_hours_or_has_a_unit),
        cmocka_unit_test(values_that_apache_raises_are_raised_with_a_warning),
        cmocka_unit_test(a_large_request_limit_takes_the_queues_along),
        cmocka_unit_test(read_only_mode_allows_isro),
        cmocka_unit_test(session_timeouts_do_not_overflow),
        cmocka_unit_test(a_bad_value_names_file_line_key_value_and_what_is_allowed),
        cmocka_unit_test(what_protects_and_is_not_built_refuses_the_start),
        cmocka_unit_test(an_oracle_is_refused_with_the_reason),
        cmocka_unit_test(what_observes_and_is_not_built_warns),
        cmocka_unit_test(keys_of_the_jvm_and_those_without_a_choice_are_passed_over),
        cmocka_unit_test(an_unknown_key_warns_and_names_the_nearest),
        cmocka_unit_test(a_file_that_is_no_config_is_refused_early),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(secrets_are_never_shown),
        cmocka_unit_test(the_last_line_of_a_file_wins_and_defines_win_over_it),
        cmocka_unit_test(arguments_are_port_folder_tick_and_connections),
        cmocka_unit_test(a_config_is_read_from_its_file),
        cmocka_unit_test(a_folder_or_a_huge_file_is_refused),
        cmocka_unit_test(every_row_is_sound),
        cmocka_unit_test(the_help_shows_every_key_with_its_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
