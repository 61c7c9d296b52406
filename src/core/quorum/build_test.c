#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_fail.h"
#include "core/quorum/testing.h"

/* ---- one line -------------------------------------------------------------------------------- */

/* Reads one server line beside a voter that makes the config whole. */
static enum pdk_err read_line(const char *key, const char *value, struct pdk_members **out,
                              struct pdk_diag *diag)
{
    struct pdk_members_builder *b = pdk_members_build(pdk_mem_heap());
    enum pdk_err err = pdk_members_line(b, pdk_slice_str("server.9"), pdk_slice_str("v:1:2"), diag);
    assert_int_equal(err, PDK_OK);
    err = pdk_members_line(b, pdk_slice_str(key), pdk_slice_str(value), diag);
    *out = NULL;
    if (err == PDK_OK) return pdk_members_finish(b, 7, out, diag);
    pdk_members_abandon(b);
    return err;
}

static void server_lines_are_parsed_as_apache_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        pdk_sid sid;
        bool is_voter;
        const char *host;
        int32_t quorum, election, client, secure; /* -1: none */
        const char *client_host, *secure_host;
    } good[] = {
        {"server.1", "h:2888:3888", 1, true, "h", 2888, 3888, -1, -1, "", ""},
        {"server.0255", "h:2888:3888:Observer", 255, false, "h", 2888, 3888, -1, -1, "", ""},
        {"server.0", "zk-1.a_b9:0:65535:  PARTICIPANT  ", 0, true, "zk-1.a_b9", 0, 65535, -1, -1,
         "", ""},
        {"server.2", "[fe80::1%eth0]:1:2:participant;2181", 2, true, "fe80::1%eth0", 1, 2, 2181, -1,
         "", ""},
        {"server.3", "a:1:2;0.0.0.0:99", 3, true, "a", 1, 2, 99, -1, "0.0.0.0", ""},
        {"server.3", "a:1:2;", 3, true, "a", 1, 2, -1, -1, "", ""},
        {"server.3", "a:1:2;;", 3, true, "a", 1, 2, -1, -1, "", ""},
        {"server.3", "a:1:2:observer;[::1]:5;c:6", 3, false, "a", 1, 2, 5, 6, "::1", "c"},
        {"server.3", "a:1:2;;6", 3, true, "a", 1, 2, -1, 6, "", ""},
        {"server.3", "a:1:2;;[::]:6", 3, true, "a", 1, 2, -1, 6, "", "::"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(good); i++) {
        struct pdk_members *m;
        struct pdk_diag diag = {0};
        if (read_line(good[i].key, good[i].value, &m, &diag) != PDK_OK)
            fail_msg("%s: %s", good[i].value, diag.text);
        const struct pdk_member *got = pdk_members_find(m, good[i].sid);
        assert_non_null(got);
        assert_int_equal(got->is_voter, good[i].is_voter);
        assert_int_equal(got->address_count, 1);
        assert_string_equal(got->addresses[0].host, good[i].host);
        assert_int_equal(got->addresses[0].quorum_port, good[i].quorum);
        assert_int_equal(got->addresses[0].election_port, good[i].election);
        assert_int_equal(got->client.port, good[i].client);
        assert_string_equal(got->client.host, good[i].client_host);
        assert_int_equal(got->secure_client.port, good[i].secure);
        assert_string_equal(got->secure_client.host, good[i].secure_host);
        assert_int_equal(got->weight, 1);
        assert_int_equal(got->group, 0);
        assert_int_equal(m->version, 7);
        pdk_members_drop(m);
    }
}

static void bad_server_lines_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *value, *why;
    } bad[] = {
        {"", "host is missing"},
        {"h", "quorum port"},
        {"h:1", "election port"},
        {"h:x:2", "quorum port"},
        {"h:65536:2", "quorum port"},
        {"h:1:65536", "election port"},
        {"h:99999999999999999999:2", "quorum port"},
        {"h:1:-2", "election port"},
        {"h::2", "quorum port"},
        {":1:2", "host is missing"},
        {"[]:1:2", "no name and no address"},
        {"[::1:1:2", "no name and no address"},
        {"h h:1:2", "no name and no address"},
        {"h\\:1:2", "no name and no address"},
        {"h,g:1:2", "no name and no address"},
        {"h=g:1:2", "no name and no address"},
        {"[h;g]:1:2", "no name and no address"},
        {"[h\n]:1:2", "no name and no address"},
        {"h\xc3\xa4:1:2", "no name and no address"},
        {"h:1:1", "must differ"},
        {"h:1:01", "must differ"},
        {"h:1:2:w", "role must be"},
        {"h:1:2:observes", "role must be"},
        {"h:1:2:xbserver", "role must be"},
        {"h:1:2:observer participant", "role must be"},
        {"h:1:2: ", "role must be"},
        {"h:1:2:", "role must be"},
        {"h:1:2:observer:x", "more behind the role"},
        {"h:1:2:observer:", "more behind the role"},
        {"h:1:2;x", "client port must"},
        {"h:1:2;65536", "client port must"},
        {"h:1:2;1:2:3", "client port must"},
        {"h:1:2;h:", "client port must"},
        {"h:1:2;:5", "client host"},
        {"h:1:2;[::1]", "client port must"},
        {"h:1:2;5;x", "client port must"},
        {"h:1:2;1;2;3", "more behind the secure"},
        {"h:1:2;1;2;", "more behind the secure"},
        {"h:1:2|", "host is missing"},
        {"|h:1:2", "host is missing"},
        {"h:1:2:observer|g:1:2:participant", "same role"},
        {"a:1:2|b:1:2|c:1:2|d:1:2|e:1:2|f:1:2|g:1:2|h:1:2|i:1:2", "at most 8"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        struct pdk_members *m;
        struct pdk_diag diag = {0};
        if (read_line("server.1", bad[i].value, &m, &diag) != PDK_EINVAL)
            fail_msg("taken: %s", bad[i].value);
        if (strstr(diag.text, bad[i].why) == NULL ||
            strstr(diag.text, "; allowed: host:") == NULL ||
            strncmp(diag.text, "server.1=", 9) != 0)
            fail_msg("%s: %s", bad[i].value, diag.text);
    }
    char host[300];
    memset(host, 'h', sizeof host);
    memcpy(host + 255, ":1:2", 5);
    struct pdk_members *m;
    assert_int_equal(read_line("server.1", host, &m, NULL), PDK_OK);
    pdk_members_drop(m);
    memset(host, 'h', sizeof host);
    memcpy(host + 256, ":1:2", 5);
    assert_int_equal(read_line("server.1", host, &m, NULL), PDK_EINVAL);
}

static void a_server_may_have_several_addresses(void **state)
{
    (void)state;
    struct pdk_members *m;
    assert_int_equal(read_line("server.1", "c:1:2|[::1]:3:4:observer|a:5:6|B:7:8;9", &m, NULL),
                     PDK_OK);
    const struct pdk_member *got = pdk_members_find(m, 1);
    assert_false(got->is_voter);
    assert_int_equal(got->address_count, 4);
    /* In the order of their hosts. */
    static const char *const hosts[] = {"::1", "B", "a", "c"};
    static const int32_t ports[] = {3, 7, 5, 1};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(got->addresses[i].host, hosts[i]);
        assert_int_equal(got->addresses[i].quorum_port, ports[i]);
        assert_int_equal(got->addresses[i].election_port, ports[i] + 1);
    }
    assert_int_equal(got->client.port, 9);
    pdk_members_drop(m);
    assert_int_equal(
        read_line("server.1", "a:1:2|b:1:2|c:1:2|d:1:2|e:1:2|f:1:2|g:1:2|h:1:2", &m, NULL), PDK_OK);
    pdk_members_drop(m);
}

static void keys_name_a_member_a_group_or_a_weight(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "server.x",   "server.",   "server.256", "server.-1",
        "server",     "server.1 ", "serverx1",   "group",
        "group.x",    "group.-1",  "weight.256", "weight.",
        "clientPort", "",          "version",    "group.9223372036854775808"};
    struct pdk_members *m;
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        struct pdk_diag diag = {0};
        if (read_line(bad[i], "h:1:2", &m, &diag) != PDK_EINVAL) fail_msg("taken: %s", bad[i]);
        if (strstr(diag.text, "server.N, group.G and weight.N") == NULL)
            fail_msg("%s: %s", bad[i], diag.text);
    }
}

static void a_refused_line_leaves_no_trace(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"server.1", "h:1"},   {"server.2", "g:1:1"}, {"server.1", "h:1:2"},
        {"server.1", "i:1:2"}, {"group.1", "1:x"},    {"group.1", "1:1"},
        {"weight.1", "-1"},    {"weight.1", "x"},     {"group.1", ""},
        {"group.1", "1:"},     {"group.1", "256"},    {"weight.1", "281474976710657"},
    };
    struct pdk_members_builder *b = pdk_members_build(pdk_mem_heap());
    for (size_t i = 0; i < PDK_COUNT_OF(lines); i++) {
        enum pdk_err err =
            pdk_members_line(b, pdk_slice_str(lines[i][0]), pdk_slice_str(lines[i][1]), NULL);
        if (err != (i == 2 ? PDK_OK : PDK_EINVAL)) fail_msg("line %zu", i);
    }
    struct pdk_members *m;
    assert_int_equal(pdk_members_finish(b, 0, &m, NULL), PDK_OK);
    assert_int_equal(m->count, 1);
    assert_string_equal(m->items[0].addresses[0].host, "h");
    assert_false(m->hierarchical);
    pdk_members_drop(m);
}

static void what_is_shown_is_plain_text(void **state)
{
    (void)state;
    struct pdk_members *m;
    struct pdk_diag diag;
    assert_int_equal(read_line("server.1", "a\nb\x01\xff", &m, &diag), PDK_EINVAL);
    for (const char *c = diag.text; *c != '\0'; c++) assert_in_range(*c, 0x20, 0x7e);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void a_config_is_read_in_properties_syntax(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text("# three\n server.2 : b:1:2:participant;0.0.0.0:5\n"
                                                "server.10=c:1:2:obs\\\n  erver\r\n"
                                                "server.1 a:1:2\n\nversion=1A0000000f");
    assert_int_equal(m->version, 0x1a0000000f);
    assert_int_equal(m->count, 3);
    assert_false(m->hierarchical);
    assert_int_equal(m->items[0].sid, 1);
    assert_int_equal(m->items[1].sid, 2);
    assert_int_equal(m->items[2].sid, 10);
    assert_int_equal(pdk_sids_count(&m->voters), 2);
    assert_true(pdk_members_has_voter(m, 1));
    assert_true(pdk_members_has_voter(m, 2));
    assert_false(pdk_members_has_voter(m, 10));
    pdk_members_drop(m);
}

static void a_text_without_version_gets_the_callers(void **state)
{
    (void)state;
    struct pdk_members *m;
    assert_int_equal(
        pdk_members_parse(pdk_mem_heap(), pdk_slice_str("server.1=a:1:2"), 77, &m, NULL), PDK_OK);
    assert_int_equal(m->version, 77);
    pdk_members_drop(m);
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid += PDK_SID_MAX) {
        m = pdk_members_of_text(sid == 0 ? "server.0=a:1:2" : "server.255=a:1:2");
        assert_true(pdk_members_has_voter(m, sid));
        pdk_members_drop(m);
    }
    m = pdk_members_of_text("server.1=a:1:2\nversion=7fffffffffffffff");
    assert_int_equal(m->version, INT64_MAX);
    pdk_members_drop(m);
}

static void expect_refused(const char *text, const char *why)
{
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    if (pdk_members_parse(pdk_mem_heap(), pdk_slice_str(text), 0, &m, &diag) != PDK_EINVAL)
        fail_msg("taken: %s", text);
    assert_null(m);
    if (strstr(diag.text, why) == NULL) fail_msg("<%s>: %s", text, diag.text);
}

static void a_bad_text_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_refused("", "no server is a participant");
    expect_refused("server.1=a:1:2:observer\nversion=1", "no server is a participant");
    expect_refused("server.1=a:1:2\n\nserver.2=b:1\n", "line 3: server.2=b:1: the election port");
    expect_refused("server.1=a:1:2\nserver.1=a:1:2\n", "line 2: server.1=a:1:2: the server stands");
    expect_refused("server.1=a:1:2\nserver.01=a:1:2\n", "line 2: server.01=");
    expect_refused("server.1=a:1:2\ntickTime=3\n", "line 2: tickTime=3: no such key");
    expect_refused("server.1=a:1:2\nversion=0x1\n", "line 2: version=0x1: the version");
    expect_refused("server.1=a:1:2\nversion=-1\n", "line 2: version=-1");
    expect_refused("server.1=a:1:2\nversion=\n", "line 2: version=\"\": the version");
    expect_refused("server.1=a:1:2\nversion=8000000000000000\n", "line 2: version=8");
    expect_refused("server.1=a:1:2\nversion=1\nversion=1\n", "line 3: version=1: stands twice");
    expect_refused("server.1=a:1:2\nx=\\u12\n", "line 2: \\u must");
}

/* ---- groups and weights ---------------------------------------------------------------------- */

#define FIVE \
    "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2\n" \
    "server.5=e:1:2:observer\n"

static void groups_and_weights_make_a_hierarchy(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(
        FIVE "group.7=1:3\ngroup.2=4:2:5\nweight.4=0\nweight.5=1\nweight.2=2\nweight.1=3\n");
    assert_true(m->hierarchical);
    static const int64_t weights[] = {3, 2, 1, 0, 1}, groups[] = {7, 2, 7, 2, 2};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(m->items[i].weight, weights[i]);
        assert_int_equal(m->items[i].group, groups[i]);
        assert_int_equal(pdk_members_weight(m, (pdk_sid)i + 1), weights[i]);
    }
    assert_int_equal(m->group_count, 2);
    assert_int_equal(m->groups[0].id, 2);
    assert_int_equal(m->groups[0].weight, 3);
    assert_int_equal(m->groups[1].id, 7);
    assert_int_equal(m->groups[1].weight, 4);
    pdk_members_drop(m);

    m = pdk_members_of_text(FIVE "group.0=1:2:3:4\n");
    assert_int_equal(m->items[4].group, -1);
    assert_int_equal(m->items[4].weight, -1);
    assert_int_equal(pdk_members_weight(m, 5), 1);
    assert_int_equal(m->groups[0].weight, 4);
    pdk_members_drop(m);
}

static void groups_stand_in_the_order_of_their_ids(void **state)
{
    (void)state;
    struct pdk_members *m =
        pdk_members_of_text("server.0=a:1:2\nserver.1=b:1:2\nserver.2=c:1:2\nserver.3=d:1:2\n"
                            "server.254=e:1:2\nserver.255=f:1:2\n"
                            "group.0=255:3\ngroup.9=1\ngroup.5=0:254\ngroup.7=2\n"
                            "weight.0=0\nweight.255=7\nversion=99\n");
    static const struct pdk_group want[] = {{0, 8}, {5, 1}, {7, 1}, {9, 1}};
    assert_int_equal(m->group_count, PDK_COUNT_OF(want));
    for (size_t i = 0; i < PDK_COUNT_OF(want); i++) {
        assert_int_equal(m->groups[i].id, want[i].id);
        assert_int_equal(m->groups[i].weight, want[i].weight);
    }
    assert_int_equal(pdk_members_weight(m, 0), 0);
    assert_int_equal(pdk_members_weight(m, 255), 7);
    assert_int_equal(m->version, 0x99);
    pdk_members_drop(m);
}

static void groups_and_weights_must_fit_the_members(void **state)
{
    (void)state;
    expect_refused(FIVE "group.1=1:2:3", "server.4 votes, and is in no group");
    expect_refused(FIVE "weight.1=2", "server.1 votes, and is in no group");
    expect_refused(FIVE "group.1=1:2:3:4\ngroup.2=4", "line 7: group.2=4: a server stands in one");
    expect_refused(FIVE "group.0=1:2:3:4\ngroup.2=4", "line 7: group.2=4: a server stands in one");
    expect_refused(FIVE "group.1=1:2:3:4\nweight.0=1", "server.0 has a weight, and is no member");
    expect_refused(FIVE "group.1=1:2:3:4\nweight.255=0", "server.255 has a weight, and is no");
    expect_refused(FIVE "group.1=1:2:3:4:255", "server.255 is in a group, and is no member");
    expect_refused(FIVE "server.0=f:1:2\ngroup.0=0\ngroup.00=1:2:3:4", "the group stands twice");
    expect_refused(FIVE "server.255=f:1:2\ngroup.0=255\ngroup.00=1:2:3:4",
                   "the group stands twice");
    expect_refused(FIVE "group.1=1:2:3:4\nweight.1=0\nweight.01=1", "line 8: weight.01=1: the");
    expect_refused(FIVE "group.1=1:2\ngroup.01=3:4",
                   "line 7: group.01=3:4: the group stands twice");
    expect_refused(FIVE "group.1=1:2:3:4:6", "server.6 is in a group, and is no member");
    expect_refused(FIVE "group.1=1:2:3:4\nweight.6=1", "server.6 has a weight, and is no member");
    expect_refused(FIVE "group.1=1:2:3:4:5", "server.5 observes, and is in a group without");
    expect_refused(FIVE "group.1=1:2:3:4\nweight.1=1\nweight.01=1",
                   "line 8: weight.01=1: the weight");
    expect_refused(FIVE "group.1=1:2:3:4\nweight.1=0\nweight.2=0\nweight.3=0\nweight.4=0",
                   "would be no quorum");
    /* An observer counts into its group, and never speaks. */
    expect_refused(FIVE "group.1=1:2:3:4:5\nweight.5=4", "would be no quorum");
    expect_refused(FIVE "group.1=1:2:3:4:5\nweight.5=", "line 7: weight.5=\"\": a weight is");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void without_memory_nothing_is_made_and_nothing_leaks(void **state)
{
    (void)state;
    const struct pdk_slice text = pdk_slice_str(FIVE "group.1=1:2:3:4\nversion=5");
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    for (size_t nth = 1;; nth++) {
        pdk_fail_mem_at(&f, nth);
        struct pdk_members *m;
        enum pdk_err err = pdk_members_parse(&f.mem, text, 0, &m, NULL);
        if (err == PDK_OK) {
            assert_true(nth > 7);
            assert_int_equal(f.live, 1);
            pdk_members_drop(m);
            break;
        }
        assert_null(m);
        assert_int_equal(f.live, 0);
    }
    assert_int_equal(f.live, 0);
}

static void a_builder_that_could_not_be_made_says_so(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    pdk_fail_mem_at(&f, 1);
    struct pdk_members_builder *b = pdk_members_build(&f.mem);
    assert_null(b);
    struct pdk_members *m = (void *)&f;
    assert_int_equal(pdk_members_line(b, pdk_slice_str("server.1"), pdk_slice_str("h:1:2"), NULL),
                     PDK_ENOMEM);
    assert_int_equal(pdk_members_finish(b, 0, &m, NULL), PDK_ENOMEM);
    assert_null(m);
    pdk_members_abandon(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_lines_are_parsed_as_apache_writes_them),
        cmocka_unit_test(bad_server_lines_are_refused_with_a_reason),
        cmocka_unit_test(a_server_may_have_several_addresses),
        cmocka_unit_test(keys_name_a_member_a_group_or_a_weight),
        cmocka_unit_test(a_refused_line_leaves_no_trace),
        cmocka_unit_test(what_is_shown_is_plain_text),
        cmocka_unit_test(a_config_is_read_in_properties_syntax),
        cmocka_unit_test(a_text_without_version_gets_the_callers),
        cmocka_unit_test(a_bad_text_is_refused_with_its_line),
        cmocka_unit_test(groups_and_weights_make_a_hierarchy),
        cmocka_unit_test(groups_stand_in_the_order_of_their_ids),
        cmocka_unit_test(groups_and_weights_must_fit_the_members),
        cmocka_unit_test(without_memory_nothing_is_made_and_nothing_leaks),
        cmocka_unit_test(a_builder_that_could_not_be_made_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
