#include "server/config.h"
#include "server/config_keys.h"
#include "server/config_servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a loaded text with what it said ------------------------------------------------------ */

struct loaded {
    struct pdk_config config;
    enum pdk_err err;
    struct pdk_diag diag;
    struct pdk_log log;
    char lines[16384]; /* "warn config.unknown ...\n" */
};

static void collect(void *ctx, enum pdk_log_level level, const char *text)
{
    struct loaded *l = ctx;
    size_t len = strlen(l->lines);
    (void)snprintf(l->lines + len, sizeof l->lines - len, "%s %s\n", pdk_log_level_name(level),
                   text);
}

/* `text` behind a dataDir and a clientPort; NULL: no file. */
static void load_with(struct loaded *l, const char *text, const struct pdk_config_source *source)
{
    memset(l, 0, sizeof *l);
    l->log = (struct pdk_log){.ctx = l, .level = PDK_LOG_INFO, .line = collect};
    struct pdk_config_text file = {.text = pdk_slice_str(text != NULL ? text : ""),
                                   .name = "zoo.cfg"};
    l->err = pdk_config_parse(&l->config, text != NULL ? &file : NULL, source, pdk_mem_heap(),
                              &l->log, &l->diag);
}

static void load(struct loaded *l, const char *text)
{
    char whole[8192];
    (void)snprintf(whole, sizeof whole, "dataDir=/d\nclientPort=2181\n%s", text);
    load_with(l, whole, &(struct pdk_config_source){0});
}

static void unload(struct loaded *l)
{
    if (l->err == PDK_OK) pdk_config_deinit(&l->config);
}

static void expect_ok(const struct loaded *l)
{
    if (l->err != PDK_OK) fail_msg("refused: %s", l->diag.text);
}

static void expect_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("<%s> lacks <%s>", text, part);
}

static void expect_no_text(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) fail_msg("<%s> should not have <%s>", text, part);
}

/* The config `text` must be refused, with every part (up to a NULL) in the sentence. */
static void expect_refused(const char *text, const char *const *parts)
{
    struct loaded l;
    load(&l, text);
    if (l.err == PDK_OK) {
        unload(&l);
        fail_msg("not refused: %s", text);
    }
    for (; *parts != NULL; parts++) expect_text(l.diag.text, *parts);
}

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
        {"electionAlg=0", "allowed: 3"},
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

static void keys_of_the_jvm_and_of_ensembles_are_passed_over(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "initLimit=10\nleaderServes=no\njvm.pause.monitor=true\nserverCnxnFactory=org.apache."
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

/* ---- members --------------------------------------------------------------------------------- */

static void an_ensemble_is_refused_and_a_lone_server_line_ignored(void **state)
{
    (void)state;
    expect_refused("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2:participant",
                   (const char *[]){"zoo.cfg:5: server.3=", "(3 voting servers)", NULL});
    expect_refused("standaloneEnabled=false\nserver.1=a:1:2",
                   (const char *[]){"zoo.cfg:3: standaloneEnabled=false", NULL});
    expect_refused("server.1=a:1:2:observer",
                   (const char *[]){"zoo.cfg:3: server.1 is an observer", NULL});
    expect_refused("server.1=a:1:2\nserver.2=a:1:2:observer",
                   (const char *[]){"zoo.cfg:4: server.2 is an observer", NULL});
    struct loaded l;
    load(&l, "server.1=a:2888:3888\n");
    expect_ok(&l);
    assert_string_equal(l.lines, "warn config.server_ignored at=zoo.cfg:3 key=server.1 "
                                 "why=only_one_server\n");
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

static void server_lines_are_parsed_as_apache_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        int64_t id;
        bool observer;
        int32_t port; /* -1: none */
        const char *host;
    } good[] = {
        {"server.1", "h:2888:3888", 1, false, -1, NULL},
        {"server.0255", "h:2888:3888:Observer", 255, true, -1, NULL},
        {"server.2", "[fe80::1]:1:2:participant;2181", 2, false, 2181, ""},
        {"server.3", "a:1:2|b:1:2;0.0.0.0:99", 3, false, 99, "0.0.0.0"},
        {"server.3", "a:1:2;", 3, false, -1, NULL},
    };
    const char *why;
    struct pdk_server_line line;
    for (size_t i = 0; i < PDK_COUNT_OF(good); i++) {
        enum pdk_err err = pdk_server_line_parse(pdk_slice_str(good[i].name),
                                                 pdk_slice_str(good[i].value), &line, &why);
        if (err != PDK_OK) fail_msg("%s: %s", good[i].value, why);
        assert_int_equal(line.id, good[i].id);
        assert_int_equal(line.observer, good[i].observer);
        assert_int_equal(line.has_client, good[i].port >= 0);
        if (good[i].port < 0) continue;
        assert_int_equal(line.client_port, good[i].port);
        assert_true(pdk_slice_eq_str(line.client_host, good[i].host));
    }
    static const char *const bad[] = {"",        "h",           "h:1",
                                      "h:x:2",   "h:1:65536",   ":1:2",
                                      "h:1:1",   "h:1:2:w",     "h:1:2:observer:x",
                                      "h:1:2;x", "h:1:2;1:2:3", "h:1:2;1;2;3",
                                      "h:1:2|",  "h:1:-2",      "h:1:2;[::1]"};
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        if (pdk_server_line_parse(pdk_slice_str("server.1"), pdk_slice_str(bad[i]), &line, &why) ==
            PDK_OK)
            fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(
        pdk_server_line_parse(pdk_slice_str("server.x"), pdk_slice_str("h:1:2"), &line, &why),
        PDK_EINVAL);
    expect_refused("server.1=h:1", (const char *[]){"zoo.cfg:3: server.1=h:1:", "allowed:", NULL});
}

/* ---- real files ------------------------------------------------------------------------------ */

struct folder {
    char path[64];
};

static struct folder make_folder(void)
{
    struct folder f = {.path = "/tmp/pdk-config-XXXXXX"};
    assert_non_null(mkdtemp(f.path));
    return f;
}

static void write_file(const struct folder *f, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_folder(const struct folder *f)
{
    static const char *const names[] = {"zoo.cfg", "myid", "zoo.cfg.dynamic"};
    char path[128];
    for (size_t i = 0; i < PDK_COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->path, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->path), 0);
}

static void load_file(struct loaded *l, const struct folder *f)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/zoo.cfg", f->path);
    const char *args[] = {path};
    memset(l, 0, sizeof *l);
    l->log = (struct pdk_log){.ctx = l, .level = PDK_LOG_INFO, .line = collect};
    l->err = pdk_config_load(&l->config, &(struct pdk_config_source){.args = args, .arg_count = 1},
                             pdk_mem_heap(), &l->log, &l->diag);
}

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

static void the_lone_line_counts_only_for_its_own_myid(void **state)
{
    (void)state;
    struct folder f = make_folder();
    char text[256];
    struct loaded l;
    (void)snprintf(text, sizeof text, "dataDir=%s\nclientPort=1111\nserver.3=h:1:2;2222\n", f.path);
    write_file(&f, "zoo.cfg", text);
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
    expect_text(l.diag.text, "clientPort=1111 differs from client port 2222");
    remove_folder(&f);
}

static void members_of_a_dynamic_file_count(void **state)
{
    (void)state;
    struct folder f = make_folder();
    char text[256];
    struct loaded l;
    (void)snprintf(text, sizeof text,
                   "dataDir=/d\nclientPort=1\ndynamicConfigFile=%s/zoo.cfg.dynamic\n", f.path);
    write_file(&f, "zoo.cfg", text);
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_ENOENT);
    write_file(&f, "zoo.cfg.dynamic", "server.1=a:1:2;1\n");
    load_file(&l, &f);
    expect_ok(&l);
    unload(&l);
    write_file(&f, "zoo.cfg.dynamic", "server.1=a:1:2;1\nserver.2=a:1:2;1\nversion=100\n");
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg.dynamic:2: server.2=");
    write_file(&f, "zoo.cfg.dynamic", "tickTime=3\n");
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "key tickTime has no place in a dynamicConfigFile");
    (void)snprintf(text + strlen(text), 32, "server.1=a:1:2\n");
    write_file(&f, "zoo.cfg", text);
    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL);
    expect_text(l.diag.text, "zoo.cfg:4: key server.1 must stand in the dynamicConfigFile");
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
        if (keys[i].effect == PDK_CONFIG_USED) assert_true(keys[i].offset < sizeof config);
        if (keys[i].effect != PDK_CONFIG_USED) assert_true(keys[i].offset == PDK_CONFIG_NO_FIELD);
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
        cmocka_unit_test(what_observes_and_is_not_built_warns),
        cmocka_unit_test(keys_of_the_jvm_and_of_ensembles_are_passed_over),
        cmocka_unit_test(an_unknown_key_warns_and_names_the_nearest),
        cmocka_unit_test(a_file_that_is_no_config_is_refused_early),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(secrets_are_never_shown),
        cmocka_unit_test(the_last_line_of_a_file_wins_and_defines_win_over_it),
        cmocka_unit_test(arguments_are_port_folder_tick_and_connections),
        cmocka_unit_test(an_ensemble_is_refused_and_a_lone_server_line_ignored),
        cmocka_unit_test(a_lone_server_line_may_bring_the_client_port),
        cmocka_unit_test(server_lines_are_parsed_as_apache_writes_them),
        cmocka_unit_test(a_config_is_read_from_its_file),
        cmocka_unit_test(a_folder_or_a_huge_file_is_refused),
        cmocka_unit_test(the_lone_line_counts_only_for_its_own_myid),
        cmocka_unit_test(members_of_a_dynamic_file_count),
        cmocka_unit_test(every_row_is_sound),
        cmocka_unit_test(the_help_shows_every_key_with_its_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
