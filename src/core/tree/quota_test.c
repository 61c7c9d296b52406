#include "core/tree/testing.h"

#define Q "/zookeeper/quota"

/* Makes all missing ancestors, too. */
static void make(struct pdk_tree *tree, const char *path, const char *data)
{
    char part[200];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (test_find(tree, part) == PDK_ZNODE_NONE)
            assert_int_equal(test_create(tree, part, "", 1), PDK_CODE_OK);
    }
    assert_int_equal(test_create(tree, path, data, 1), PDK_CODE_OK);
}

static void make_quota(struct pdk_tree *tree, const char *covered, const char *limits)
{
    char path[200];
    (void)snprintf(path, sizeof path, Q "%s/zookeeper_limits", covered);
    make(tree, path, limits);
    (void)snprintf(path, sizeof path, Q "%s/zookeeper_stats", covered);
    make(tree, path, "count=0,bytes=0");
}

static struct pdk_quota_limits limits_of(const struct pdk_tree *tree, const char *path)
{
    struct pdk_slice prefix;
    struct pdk_quota_limits limits;
    struct pdk_quota_usage usage;
    assert_true(pdk_tree_quota(tree, pdk_slice_str(path), &prefix, &limits, &usage));
    return limits;
}

static void usage_counts_the_top_and_follows_every_change(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    make(tree, "/q/a", "1234");
    make_quota(tree, "/q", "count=5,bytes=-1");
    const char *stats = Q "/q/zookeeper_stats";
    test_data_is(tree, stats, "count=2,bytes=4");
    make(tree, "/q/b/c", "123456");
    test_data_is(tree, stats, "count=4,bytes=10");
    assert_int_equal(test_set(tree, "/q/a", "1", 1, 5), PDK_CODE_OK);
    test_data_is(tree, stats, "count=4,bytes=7");
    assert_int_equal(test_set(tree, "/q", "xyz", 1, 6), PDK_CODE_OK);
    test_data_is(tree, stats, "count=4,bytes=10");
    assert_int_equal(test_delete(tree, "/q/b/c", 7), PDK_CODE_OK);
    test_data_is(tree, stats, "count=3,bytes=4");
    make(tree, "/qq", "not covered");
    assert_int_equal(test_set(tree, "/q/a", NULL, 2, 8), PDK_CODE_OK);
    test_data_is(tree, stats, "count=3,bytes=3");
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void usage_changes_without_a_trace_in_the_stat(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    make(tree, "/q", "");
    make_quota(tree, "/q", "count=5,bytes=-1");
    struct pdk_stat before = test_stat(tree, Q "/q/zookeeper_stats");
    make(tree, "/q/a", "12345678901");
    struct pdk_stat after = test_stat(tree, Q "/q/zookeeper_stats");
    test_data_is(tree, Q "/q/zookeeper_stats", "count=2,bytes=11");
    before.data_length = 16;
    test_same_stat(&before, &after);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void both_forms_of_the_text_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t count, bytes, count_hard, bytes_hard;
    } cases[] = {
        {"count=3,bytes=20", 3, 20, -1, -1},
        {"count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=4", -1, -1, 4, 10},
        {"count=1,bytes=2;byteHardLimit=3;countHardLimit=4", 1, 2, 4, 3},
        {"bytes=7", -1, 7, -1, -1},
        {"bytes=20=;byteHardLimit=30=31=", -1, 20, -1, 30},
        {",,;count=7;;,", 7, -1, -1, -1},
        {"count=,bytes=+5", -1, 5, -1, -1},
        {"count=9223372036854775807,bytes=9223372036854775808", INT64_MAX, -1, -1, -1},
        {"count=12x,bytes=0x1", -1, -1, -1, -1},
        {"count", -1, -1, -1, -1},
        {"=5,counts=5,coun=5, count=5", -1, -1, -1, -1},
        {"count=1,count=2", 2, -1, -1, -1},
        {"count=--1,bytes=-", -1, -1, -1, -1},
        {"count=-5", -5, -1, -1, -1},
        {"", -1, -1, -1, -1},
        {NULL, -1, -1, -1, -1},
    };
    struct pdk_tree *tree = test_tree();
    make(tree, "/q", "");
    make_quota(tree, "/q", "");
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        assert_int_equal(test_set(tree, Q "/q/zookeeper_limits", cases[i].text, 1, 9), PDK_CODE_OK);
        struct pdk_quota_limits l = limits_of(tree, "/q/x");
        if (l.count != cases[i].count || l.bytes != cases[i].bytes ||
            l.count_hard != cases[i].count_hard || l.bytes_hard != cases[i].bytes_hard)
            fail_msg("\"%s\" read wrongly", cases[i].text);
    }
    pdk_tree_destroy(tree);
}

static void usage_keeps_hard_limits_as_apache_writes_them(void **state)
{
    (void)state; /* a client may have put them there */
    struct pdk_tree *tree = test_tree();
    const char *stats = Q "/q/zookeeper_stats";
    make(tree, "/q", "");
    make_quota(tree, "/q", "");
    assert_int_equal(
        test_set(tree, stats, "count=5,bytes=6;countHardLimit=4;byteHardLimit=10", 1, 2),
        PDK_CODE_OK);
    make(tree, "/q/a", "1");
    test_data_is(tree, stats, "count=6,bytes=7=;byteHardLimit=10;countHardLimit=4");
    assert_int_equal(test_set(tree, stats, "rubbish", 1, 2), PDK_CODE_OK);
    make(tree, "/q/b", "1");
    test_data_is(tree, stats, "count=0,bytes=0");
    assert_int_equal(
        test_set(tree, stats, "count=-9223372036854775807,bytes=9223372036854775807", 1, 2),
        PDK_CODE_OK);
    make(tree, "/q/c", "1");
    test_data_is(tree, stats, "count=-9223372036854775806,bytes=-9223372036854775808");
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void the_longest_prefix_with_limits_covers_a_path(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    make(tree, "/q/in/deep", "");
    make_quota(tree, "/q", "count=1");
    make_quota(tree, "/q/in", "count=2");
    static const struct {
        const char *path, *covering;
        int64_t count;
    } cases[] = {
        {"/q", "/q", 1},
        {"/q/x", "/q", 1},
        {"/q/in", "/q/in", 2},
        {"/q/inx", "/q", 1},
        {"/q/in/deep", "/q/in", 2},
        {"/qx", NULL, 0},
        {"/", NULL, 0},
        {"", NULL, 0},
        {"/zookeeper", NULL, 0},
        {Q "/q/x", NULL, 0},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_slice prefix;
        struct pdk_quota_limits limits;
        struct pdk_quota_usage usage;
        bool found = pdk_tree_quota(tree, pdk_slice_str(cases[i].path), &prefix, &limits, &usage);
        if (found != (cases[i].covering != NULL)) fail_msg("%s: %d", cases[i].path, found);
        if (!found) continue;
        assert_true(pdk_slice_eq_str(prefix, cases[i].covering));
        assert_int_equal(limits.count, cases[i].count);
    }
    /* Only the nearest quota is charged. */
    test_data_is(tree, Q "/q/zookeeper_stats", "count=3,bytes=0");
    make(tree, "/q/in/more", "12");
    test_data_is(tree, Q "/q/zookeeper_stats", "count=3,bytes=0");
    test_data_is(tree, Q "/q/in/zookeeper_stats", "count=3,bytes=2");
    pdk_tree_destroy(tree);
}

static void deleting_the_limits_switches_the_quota_off(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_slice prefix;
    struct pdk_quota_limits limits;
    struct pdk_quota_usage usage;
    make(tree, "/q", "");
    make_quota(tree, "/q", "count=1");
    assert_int_equal(test_delete(tree, Q "/q/zookeeper_limits", 3), PDK_CODE_OK);
    assert_false(pdk_tree_quota(tree, pdk_slice_str("/q"), &prefix, &limits, &usage));
    make(tree, "/q/a", "");
    test_data_is(tree, Q "/q/zookeeper_stats", "count=1,bytes=0");
    make(tree, Q "/q/zookeeper_limits", "count=2"); /* on again, and usage goes on from there */
    make(tree, "/q/b", "");
    test_data_is(tree, Q "/q/zookeeper_stats", "count=2,bytes=0");
    assert_int_equal(test_delete(tree, Q "/q/zookeeper_stats", 4), PDK_CODE_OK);
    assert_false(pdk_tree_quota(tree, pdk_slice_str("/q"), &prefix, &limits, &usage));
    make(tree, "/q/c", "");
    make(tree, Q "/q/zookeeper_stats", NULL); /* counted anew */
    test_data_is(tree, Q "/q/zookeeper_stats", "count=4,bytes=0");
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void the_roots_own_limits_are_no_quota(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_slice prefix;
    struct pdk_quota_limits limits;
    struct pdk_quota_usage usage;
    make(tree, Q "/zookeeper_limits", "count=1");
    assert_false(pdk_tree_quota(tree, pdk_slice_str("/q"), &prefix, &limits, &usage));
    make_quota(tree, "/other", "count=1");
    assert_false(pdk_tree_quota(tree, pdk_slice_str("/q"), &prefix, &limits, &usage));
    assert_true(pdk_tree_quota(tree, pdk_slice_str("/other/x"), &prefix, &limits, &usage));
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_quota_may_be_set_before_its_path_exists(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    make_quota(tree, "/later/on", "count=1");
    test_data_is(tree, Q "/later/on/zookeeper_stats", "count=0,bytes=0");
    make(tree, "/later/on/x", "123");
    test_data_is(tree, Q "/later/on/zookeeper_stats", "count=2,bytes=3");
    assert_int_equal(limits_of(tree, "/later/on").count, 1);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void the_conversation_recorded_from_apache_gives_its_texts(void **state)
{
    (void)state; /* golden client/3.9/12-quota */
    struct pdk_tree *tree = test_tree();
    make(tree, "/q", "12");
    make(tree, "/q/a", "1234");
    make(tree, Q "/q/zookeeper_limits", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=4");
    make(tree, Q "/q/zookeeper_stats", "count=0,bytes=0");
    test_data_is(tree, Q "/q/zookeeper_stats", "count=2,bytes=6");
    make(tree, "/q/b", "1234");
    make(tree, "/q/c", "");
    assert_int_equal(test_set(tree, "/q/a", "1", 1, 12), PDK_CODE_OK);
    test_data_is(tree, Q "/q/zookeeper_stats", "count=4,bytes=7");
    struct pdk_quota_limits l = limits_of(tree, "/q/c");
    assert_true(l.count == -1 && l.bytes == -1 && l.count_hard == 4 && l.bytes_hard == 10);
    pdk_tree_destroy(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_counts_the_top_and_follows_every_change),
        cmocka_unit_test(usage_changes_without_a_trace_in_the_stat),
        cmocka_unit_test(both_forms_of_the_text_are_read),
        cmocka_unit_test(usage_keeps_hard_limits_as_apache_writes_them),
        cmocka_unit_test(the_longest_prefix_with_limits_covers_a_path),
        cmocka_unit_test(deleting_the_limits_switches_the_quota_off),
        cmocka_unit_test(the_roots_own_limits_are_no_quota),
        cmocka_unit_test(a_quota_may_be_set_before_its_path_exists),
        cmocka_unit_test(the_conversation_recorded_from_apache_gives_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
