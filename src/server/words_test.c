/* Every word against Apache's text (captured from 3.8.0, admin.md 1.5), on a standalone server. */
#include "server/words_testing.h"

/* ---- whitelist and state --------------------------------------------------------------------- */

static void a_word_that_is_not_allowed_says_so(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "mntr");
    assert_string_equal(ask(&w, PDK_WORD_RUOK),
                        "ruok is not executed because it is not in the whitelist.\n");
    assert_string_equal(ask(&w, PDK_WORD_STMK),
                        "stmk is not executed because it is not in the whitelist.\n");
    assert_int_equal(w.trace_mask, PDK_TRACE_MASK_DEFAULT);
    assert_non_null(strstr(ask(&w, PDK_WORD_SRVR), "Mode: standalone\n"));
    end_world(&w);
}

static void while_not_serving_most_words_say_so(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*,hand");
    w.words.node = NULL;
    for (enum pdk_word word = PDK_WORD_RUOK; word < PDK_WORD_COUNT; word++) {
        const char *text = ask(&w, word);
        bool any_state = (pdk_word_flags_of(word) & PDK_WORD_ANY_STATE) != 0;
        bool refused =
            strcmp(text, "This ZooKeeper instance is not currently serving requests\n") == 0;
        if (refused == any_state) fail_msg("%s: %s", pdk_word_name(word), text);
    }
    assert_string_equal(ask(&w, PDK_WORD_RUOK), "imok");
    assert_string_equal(ask(&w, PDK_WORD_ISRO), "null");
    end_world(&w);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void ruok_isro_and_telnet_close(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    assert_string_equal(ask(&w, PDK_WORD_RUOK), "imok");
    assert_string_equal(ask(&w, PDK_WORD_ISRO), "rw");
    assert_string_equal(ask(&w, PDK_WORD_TELNET_CLOSE), "");
    end_world(&w);
}

static void srvr_sums_the_server_up(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    char want[512];
    (void)snprintf(want, sizeof want,
                   "Zookeeper version: %s\nLatency min/avg/max: 0/8.3333/20\nReceived: 1234\n"
                   "Sent: 1200\nConnections: 3\nOutstanding: 4\nZxid: 0xb5\nMode: standalone\n"
                   "Node count: 26\n",
                   pdk_version_text());
    assert_string_equal(ask(&w, PDK_WORD_SRVR), want);
    w.node->summary.latency_count = 0;
    assert_non_null(strstr(ask(&w, PDK_WORD_SRVR), "\nLatency min/avg/max: 0/0.0/20\n"));
    end_world(&w);
}

static void stat_adds_the_clients(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    char want[1024];
    (void)snprintf(want, sizeof want,
                   "Zookeeper version: %s\nClients:\n"
                   " /127.0.0.1:42812[1](queued=0,recved=2,sent=2)\n"
                   " /[0:0:0:0:0:0:0:1]:42890[5](queued=0,recved=0,sent=0)\n"
                   " /127.0.0.1:42834[0](queued=0,recved=1,sent=0)\n"
                   "\nLatency min/avg/max: 0/8.3333/20\nReceived: 1234\n",
                   pdk_version_text());
    const char *text = ask(&w, PDK_WORD_STAT);
    assert_memory_equal(text, want, strlen(want));
    end_world(&w);
}

static void cons_shows_each_connection_in_full(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    assert_string_equal(
        ask(&w, PDK_WORD_CONS),
        " /127.0.0.1:42812[1](queued=0,recved=2,sent=2,sid=0x100001436e2001e,lop=EXIS,"
        "est=1795176704190,to=30000,lcxid=0x1,lzxid=0xb5,lresp=1410215,llat=1,minlat=0,avglat=1,"
        "maxlat=2)\n"
        " /[0:0:0:0:0:0:0:1]:42890[5](queued=0,recved=0,sent=0,sid=0x100001436e2001d,lop=NA,est=5,"
        "to=10000,lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n"
        " /127.0.0.1:42834[0](queued=0,recved=1,sent=0)\n"
        "\n");
    end_world(&w);
}

static void resets_reach_node_and_shell(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    assert_string_equal(ask(&w, PDK_WORD_CRST), "Connection stats reset.\n");
    assert_int_equal(w.node->conn_resets, 1);
    assert_int_equal(w.node->resets, 0);
    assert_string_equal(ask(&w, PDK_WORD_SRST), "Server stats reset.\n");
    assert_int_equal(w.node->resets, 1);
    assert_int_equal(w.shell_resets, 1);
    end_world(&w);
}

static void conf_and_dirs_tell_folders_and_their_sizes(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    char data[] = "/tmp/pdk-words-XXXXXX", path[64];
    assert_non_null(mkdtemp(data));
    (void)snprintf(path, sizeof path, "%s/version-2", data);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/version-2/snapshot.0", data);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs("0123456789", file) >= 0);
    assert_int_equal(fclose(file), 0);

    w.config.store.mem = pdk_mem_heap();
    w.config.store.data_dir = w.config.store.log_dir = data;
    w.config.node.tick_ms = 2000;
    w.config.max_client_cnxns = 60;
    w.config.node.session_min_ms = 4000;
    w.config.node.session_max_ms = 40000;
    w.config.listen_backlog = -1;
    char want[1024];
    (void)snprintf(want, sizeof want,
                   "clientPort=21810\nsecureClientPort=-1\ndataDir=%s/version-2\ndataDirSize=10\n"
                   "dataLogDir=%s/version-2\ndataLogSize=10\ntickTime=2000\nmaxClientCnxns=60\n"
                   "minSessionTimeout=4000\nmaxSessionTimeout=40000\nclientPortListenBacklog=-1\n"
                   "serverId=0\n",
                   data, data);
    assert_string_equal(ask(&w, PDK_WORD_CONF), want);
    assert_string_equal(ask(&w, PDK_WORD_DIRS), "datadir_size: 10\nlogdir_size: 10\n");

    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/version-2", data);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(data), 0);
    w.config.store.data_dir = "rel";
    char here[512];
    assert_non_null(getcwd(here, sizeof here));
    (void)snprintf(want, sizeof want, "\ndataDir=%s/rel/version-2\ndataDirSize=0\n", here);
    assert_non_null(strstr(ask(&w, PDK_WORD_CONF), want));
    end_world(&w);
}

static void gtmk_and_stmk_keep_a_mask(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    assert_string_equal(ask(&w, PDK_WORD_GTMK), "306");
    static const uint8_t mask[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    assert_string_equal(ask_with(&w, PDK_WORD_STMK, pdk_slice_of(mask, 8)), "-2");
    assert_string_equal(ask(&w, PDK_WORD_GTMK), "-2");
    assert_string_equal(ask_with(&w, PDK_WORD_STMK, pdk_slice_of(mask, 7)), "");
    assert_string_equal(ask(&w, PDK_WORD_GTMK), "-2");
    end_world(&w);
}

static void hash_lists_the_digest_log_with_signed_digests(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    assert_string_equal(ask(&w, PDK_WORD_HASH), "80: 41634875941\n100: -1\n180: 7\n");
    end_world(&w);
}

static void envi_has_the_keys_of_apache_in_order(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    static const char *const keys[] = {
        "zookeeper.version", "host.name",         "java.version",   "java.vendor",   "java.home",
        "java.class.path",   "java.library.path", "java.io.tmpdir", "java.compiler", "os.name",
        "os.arch",           "os.version",        "user.name",      "user.home",     "user.dir",
        "os.memory.free",    "os.memory.max",     "os.memory.total"};
    const char *at = ask(&w, PDK_WORD_ENVI);
    assert_memory_equal(at, "Environment:\n", 13);
    at += 13;
    for (size_t i = 0; i < PDK_COUNT_OF(keys); i++) {
        size_t len = strlen(keys[i]);
        if (strncmp(at, keys[i], len) != 0 || at[len] != '=') fail_msg("no %s at %s", keys[i], at);
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        assert_true(end > at + len + 1);
        at = end + 1;
    }
    assert_string_equal(at, "");
    const char *text = ask(&w, PDK_WORD_ENVI);
    assert_non_null(strstr(text, "\njava.version=<NA>\n"));
    assert_non_null(strstr(text, "\nos.name=Linux\n"));
    end_world(&w);
}

/* ---- dump ------------------------------------------------------------------------------------ */

static void add_session(struct world *w, pdk_session id, int32_t timeout_ms)
{
    struct pdk_session_entry *e = pdk_sessions_add(w->node->sessions, id, timeout_ms);
    assert_non_null(e);
    pdk_sessions_touch(w->node->sessions, e, 50000, timeout_ms);
}

static void add_ephemeral(struct world *w, const char *path, pdk_session owner)
{
    struct pdk_change change;
    assert_int_equal(pdk_tree_create_znode(w->node->tree,
                                           &(struct pdk_tree_create){.path = pdk_slice_str(path),
                                                                     .data = pdk_slice_null(),
                                                                     .acl = pdk_slice_null(),
                                                                     .owner = owner,
                                                                     .parent_cversion = -1,
                                                                     .zxid = 1},
                                           &change),
                     PDK_CODE_OK);
}

static void dump_shows_sessions_ephemerals_and_connections(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    add_session(&w, SESSION_1, 30000);
    add_session(&w, SESSION_2, 4000);
    add_ephemeral(&w, "/e1", SESSION_2);
    /* Monotonic 50 s is 12:12:15; buckets of sessions are 2 s wide, of connections 10 s. */
    assert_string_equal(ask(&w, PDK_WORD_DUMP),
                        "SessionTracker dump:\n"
                        "Session Sets (2)/(2):\n"
                        "1 expire at Fri Nov 20 12:12:21 UTC 2026:\n"
                        "\t0x100001436e2001d\n"
                        "1 expire at Fri Nov 20 12:12:47 UTC 2026:\n"
                        "\t0x100001436e2001e\n"
                        "ephemeral nodes dump:\n"
                        "Sessions with Ephemerals (1):\n"
                        "0x100001436e2001d:\n"
                        "\t/e1\n"
                        "Connections dump:\n"
                        "Connections Sets (3)/(3):\n"
                        "1 expire at Fri Nov 20 12:12:05 UTC 2026:\n"
                        "\tip: /[0:0:0:0:0:0:0:1]:42890 sessionId: 0x100001436e2001d\n"
                        "1 expire at Fri Nov 20 12:12:25 UTC 2026:\n"
                        "\tip: /127.0.0.1:42834 sessionId: 0x0\n"
                        "1 expire at Fri Nov 20 12:12:35 UTC 2026:\n"
                        "\tip: /127.0.0.1:42812 sessionId: 0x100001436e2001e\n");
    end_world(&w);
}

static void dump_without_anything_has_its_headings(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    const char *text = ask(&w, PDK_WORD_DUMP);
    static const char want[] =
        "SessionTracker dump:\nSession Sets (0)/(0):\nephemeral nodes dump:\n"
        "Sessions with Ephemerals (0):\nConnections dump:\n";
    assert_memory_equal(text, want, sizeof want - 1);
    end_world(&w);
}

/* ---- watches --------------------------------------------------------------------------------- */

static void add_watch(struct world *w, uint32_t conn, enum pdk_watch_kind kind, const char *path)
{
    assert_int_equal(pdk_watch_add(w->node->watch, conn, kind, pdk_slice_str(path)), PDK_OK);
}

static void watch_words_tell_the_data_table_only(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    assert_string_equal(ask(&w, PDK_WORD_WCHS),
                        "0 connections watching 0 paths\nTotal watches:0\n");
    assert_string_equal(ask(&w, PDK_WORD_WCHC), "\n");
    assert_string_equal(ask(&w, PDK_WORD_WCHP), "\n");
    add_watch(&w, 1, PDK_WATCH_DATA, "/zzz");
    add_watch(&w, 1, PDK_WATCH_CHILD, "/zzz");
    add_watch(&w, 2, PDK_WATCH_CHILD, "/c");
    assert_string_equal(ask(&w, PDK_WORD_WCHS),
                        "1 connections watching 1 paths\nTotal watches:1\n");
    assert_string_equal(ask(&w, PDK_WORD_WCHC), "0x100001436e2001e\n\t/zzz\n\n");
    assert_string_equal(ask(&w, PDK_WORD_WCHP), "/zzz\n\t0x100001436e2001e\n\n");
    end_world(&w);
}

static void watches_of_several_sessions_are_grouped(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    add_watch(&w, 2, PDK_WATCH_PERSISTENT, "/a");
    add_watch(&w, 1, PDK_WATCH_DATA, "/a");
    add_watch(&w, 1, PDK_WATCH_RECURSIVE, "/b");
    assert_string_equal(ask(&w, PDK_WORD_WCHS),
                        "2 connections watching 2 paths\nTotal watches:3\n");
    const char *text = ask(&w, PDK_WORD_WCHC);
    /* The order of paths and of watchers of a path is free. */
    bool ab = strcmp(text, "0x100001436e2001e\n\t/a\n\t/b\n0x100001436e2001d\n\t/a\n\n") == 0;
    bool ba = strcmp(text, "0x100001436e2001e\n\t/b\n\t/a\n0x100001436e2001d\n\t/a\n\n") == 0;
    if (!ab && !ba) fail_msg("wchc: %s", text);
    text = ask(&w, PDK_WORD_WCHP);
    assert_non_null(strstr(text, "/b\n\t0x100001436e2001e\n"));
    assert_non_null(strstr(text, "/a\n\t0x100001436e200"));
    end_world(&w);
}

/* ---- mntr ------------------------------------------------------------------------------------ */

static void mntr_prints_every_metric_and_adds_node_and_shell(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    w.node->metrics.commit_count = 5;
    w.metrics->bytes_received_count = 359;
    pdk_summary_add(&w.metrics->fsynctime, 1);
    pdk_summary_add(&w.metrics->fsynctime, 4);
    pdk_percentiles_add(&w.node->metrics.readlatency, 7);
    const char *text = ask(&w, PDK_WORD_MNTR);
    static const char *const lines[] = {"zk_server_state\tstandalone",
                                        "zk_avg_latency\t8.3333",
                                        "zk_min_latency\t0",
                                        "zk_max_latency\t20",
                                        "zk_packets_received\t1234",
                                        "zk_packets_sent\t1200",
                                        "zk_num_alive_connections\t3",
                                        "zk_outstanding_requests\t4",
                                        "zk_uptime\t23747",
                                        "zk_znode_count\t26",
                                        "zk_watch_count\t3",
                                        "zk_ephemerals_count\t1",
                                        "zk_approximate_data_size\t53",
                                        "zk_global_sessions\t2",
                                        "zk_local_sessions\t0",
                                        "zk_connection_drop_probability\t0.0",
                                        "zk_last_client_response_size\t25",
                                        "zk_max_client_response_size\t88",
                                        "zk_min_client_response_size\t16",
                                        "zk_commit_count\t5",
                                        "zk_bytes_received_count\t359",
                                        "zk_looking_count\t0",
                                        "zk_avg_fsynctime\t2.5",
                                        "zk_min_fsynctime\t1",
                                        "zk_max_fsynctime\t4",
                                        "zk_cnt_fsynctime\t2",
                                        "zk_sum_fsynctime\t5",
                                        "zk_avg_election_time\t0.0",
                                        "zk_p50_readlatency\t7",
                                        "zk_p999_readlatency\t7",
                                        "zk_cnt_readlatency\t1",
                                        "zk_p99_jvm_pause_time_ms\t0"};
    for (size_t i = 0; i < PDK_COUNT_OF(lines); i++) expect_line(text, lines[i]);
    char first[200];
    (void)snprintf(first, sizeof first, "zk_version\t%s\n", pdk_version_text());
    assert_memory_equal(text, first, strlen(first));
    assert_null(strstr(text, "quorum_size"));
    assert_null(strstr(text, "synced_followers"));
    assert_null(strstr(text, "per_namespace"));
    end_world(&w);
}

static void mntr_has_every_name_that_apache_has(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*");
    const char *text = ask(&w, PDK_WORD_MNTR);
    size_t count = 0;
    const struct pdk_metric_info *table = pdk_metric_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].scope != PDK_METRIC_EVERYWHERE) continue;
        static const char *const first[] = {[PDK_METRIC_COUNTER] = "",
                                            [PDK_METRIC_GAUGE] = "",
                                            [PDK_METRIC_SUMMARY] = "sum_",
                                            [PDK_METRIC_PERCENTILES] = "p999_"};
        if (table[i].kind > PDK_METRIC_PERCENTILES) continue;
        char line[128];
        (void)snprintf(line, sizeof line, "\nzk_%s%s\t", first[table[i].kind], table[i].name);
        if (strstr(text, line) == NULL) fail_msg("no %s", line + 1);
    }
    end_world(&w);
}

/* ---- small ones ------------------------------------------------------------------------------ */

static void doubles_are_printed_as_java_prints_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } cases[] = {{0, "0.0"},          {1, "1.0"},
                 {8.5, "8.5"},        {2.8333, "2.8333"},
                 {0.75, "0.75"},      {123456.7891, "123456.7891"},
                 {0.001, "0.001"},    {0.0123, "0.0123"},
                 {0.0001, "1.0E-4"},  {9999999, "9999999.0"},
                 {10000000, "1.0E7"}, {123456789.5, "1.234567895E8"},
                 {100, "100.0"},      {-2.5, "-2.5"}};
    struct pdk_buf out;
    pdk_buf_init(&out, pdk_mem_heap(), 1000);
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        pdk_buf_clear(&out);
        pdk_words_put_double(&out, cases[i].value);
        if (!pdk_slice_eq_str(pdk_buf_slice(&out), cases[i].want))
            fail_msg("got %.*s, want %s", (int)out.len, (const char *)out.bytes, cases[i].want);
    }
    pdk_buf_deinit(&out);
}

static void the_version_is_one_that_clients_can_parse(void **state)
{
    (void)state;
    const char *text = pdk_version_text(), *number = pdk_version_number();
    assert_memory_equal(text, number, strlen(number));
    assert_memory_equal(number, "3.9.5-paddock-", 14);
    assert_int_equal(strspn(number, "0123456789.-abcdefghijklmnopqrstuvwxyz"), strlen(number));
    const char *date = text + strlen(number);
    assert_memory_equal(date, ", built on ", 11);
    int month, day, year, hour, minute;
    char zone[8] = "";
    assert_int_equal(
        sscanf(date + 11, "%2d/%2d/%4d %2d:%2d %7s", &month, &day, &year, &hour, &minute, zone), 6);
    assert_string_equal(zone, "UTC");
}

static void a_buffer_that_is_full_is_no_disaster(void **state)
{
    (void)state;
    struct world w;
    make_world(&w, "*,hand");
    add_watch(&w, 1, PDK_WATCH_DATA, "/zzz");
    for (enum pdk_word word = PDK_WORD_RUOK; word < PDK_WORD_COUNT; word++) {
        for (size_t limit = 0; limit < 300; limit += 7) {
            struct pdk_buf out;
            pdk_buf_init(&out, pdk_mem_heap(), limit);
            w.config.store.mem = pdk_mem_heap();
            w.config.store.data_dir = w.config.store.log_dir = "/nowhere";
            pdk_words_answer(&w.words, word, pdk_slice_of(NULL, 0), &out);
            assert_true(out.len <= limit);
            pdk_buf_deinit(&out);
        }
    }
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_that_is_not_allowed_says_so),
        cmocka_unit_test(while_not_serving_most_words_say_so),
        cmocka_unit_test(ruok_isro_and_telnet_close),
        cmocka_unit_test(srvr_sums_the_server_up),
        cmocka_unit_test(stat_adds_the_clients),
        cmocka_unit_test(cons_shows_each_connection_in_full),
        cmocka_unit_test(resets_reach_node_and_shell),
        cmocka_unit_test(conf_and_dirs_tell_folders_and_their_sizes),
        cmocka_unit_test(gtmk_and_stmk_keep_a_mask),
        cmocka_unit_test(hash_lists_the_digest_log_with_signed_digests),
        cmocka_unit_test(envi_has_the_keys_of_apache_in_order),
        cmocka_unit_test(dump_shows_sessions_ephemerals_and_connections),
        cmocka_unit_test(dump_without_anything_has_its_headings),
        cmocka_unit_test(watch_words_tell_the_data_table_only),
        cmocka_unit_test(watches_of_several_sessions_are_grouped),
        cmocka_unit_test(mntr_prints_every_metric_and_adds_node_and_shell),
        cmocka_unit_test(mntr_has_every_name_that_apache_has),
        cmocka_unit_test(doubles_are_printed_as_java_prints_them),
        cmocka_unit_test(the_version_is_one_that_clients_can_parse),
        cmocka_unit_test(a_buffer_that_is_full_is_no_disaster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
