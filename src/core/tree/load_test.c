#include "base/mem_fail.h"
#include "core/tree/testing.h"

static struct pdk_tree *empty_tree(bool emulate_353)
{
    struct pdk_tree_config config = test_config(pdk_mem_heap());
    config.emulate_353_ttl = emulate_353;
    struct pdk_tree *tree = pdk_tree_create(&config, true);
    assert_non_null(tree);
    return tree;
}

static enum pdk_err load(struct pdk_tree *tree, const char *path, const char *data, int64_t acl,
                         int64_t owner)
{
    struct pdk_stat_persisted stat = {.czxid = 1,
                                      .mzxid = 2,
                                      .ctime = 3,
                                      .mtime = 4,
                                      .version = 5,
                                      .cversion = 6,
                                      .aversion = 7,
                                      .ephemeral_owner = owner,
                                      .pzxid = 9};
    return pdk_tree_load_znode(tree, pdk_slice_str(path),
                               data != NULL ? pdk_slice_str(data) : pdk_slice_null(), acl, &stat);
}

static enum pdk_err load_acl(struct pdk_tree *tree, int64_t disk_id, int32_t perms)
{
    struct test_acl acl = test_acl(perms);
    return pdk_tree_load_acl(tree, disk_id, test_acl_slice(&acl));
}

static void an_empty_tree_finds_nothing_not_even_the_root(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(false);
    assert_int_equal(test_find(tree, "/"), PDK_ZNODE_NONE);
    assert_int_equal(test_find(tree, "/a"), PDK_ZNODE_NONE);
    assert_int_equal(test_find(tree, "/a/b"), PDK_ZNODE_NONE);
    assert_int_equal(test_create(tree, "/a", "", 1), PDK_CODE_NO_NODE);
    assert_int_equal(test_delete(tree, "/a", 1), PDK_CODE_NO_NODE);
    assert_int_equal(pdk_tree_digest(tree), 0);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void what_was_loaded_is_there_with_its_stat(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(false);
    struct pdk_stat_persisted stat;
    struct pdk_diag diag;
    assert_int_equal(load_acl(tree, 77, 3), PDK_OK);
    assert_int_equal(load(tree, "", "root", -1, 0), PDK_OK);
    assert_int_equal(load(tree, "/a", NULL, 77, 0), PDK_OK);
    assert_int_equal(load(tree, "/a/b", "12345", -1, 55), PDK_OK);
    assert_int_equal(load(tree, "/a/c", "", -1, PDK_OWNER_CONTAINER), PDK_OK);
    assert_int_equal(load(tree, "/t", "", -1, PDK_OWNER_TTL_MARK | 9), PDK_OK);
    assert_int_equal(pdk_tree_load_done(tree, &diag), PDK_OK);
    test_data_is(tree, "/", "root");
    test_data_is(tree, "/a", NULL);
    test_data_is(tree, "/a/b", "12345");
    pdk_tree_stat_persisted(tree, test_find(tree, "/a"), &stat);
    assert_true(stat.czxid == 1 && stat.mzxid == 2 && stat.ctime == 3 && stat.mtime == 4);
    assert_true(stat.version == 5 && stat.cversion == 6 && stat.aversion == 7 && stat.pzxid == 9);
    assert_int_equal(test_stat(tree, "/a").cversion, 2 * 6 - 2);
    assert_int_equal(test_stat(tree, "/a/b").ephemeral_owner, 55);
    assert_int_equal(pdk_tree_ephemeral_first(tree, 55), test_find(tree, "/a/b"));
    struct test_acl want = test_acl(3);
    pdk_acl_id acl = pdk_tree_acl(tree, test_find(tree, "/a"));
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, acl), test_acl_slice(&want)));
    struct pdk_tree_counts counts;
    pdk_tree_counts(tree, &counts);
    assert_int_equal(counts.znodes, 5 + 3);
    assert_true(counts.ephemerals == 1 && counts.containers == 1 && counts.ttls == 1);
    assert_int_equal(counts.acls, 2); /* that one and /zookeeper/config's */
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void times_of_any_size_survive(void **state)
{
    (void)state;
    static const int64_t extremes[] = {INT64_MIN, -1, INT64_MAX};
    struct pdk_tree *tree = empty_tree(false);
    for (size_t i = 0; i < PDK_COUNT_OF(extremes); i++) {
        int64_t x = extremes[i];
        struct pdk_stat_persisted in = {.czxid = x,
                                        .mzxid = x,
                                        .ctime = x,
                                        .mtime = x,
                                        .version = (int32_t)x,
                                        .cversion = (int32_t)x,
                                        .aversion = (int32_t)x,
                                        .ephemeral_owner = 0,
                                        .pzxid = x};
        struct pdk_stat_persisted out;
        const char *const paths[] = {"", "/a", "/b"};
        assert_int_equal(
            pdk_tree_load_znode(tree, pdk_slice_str(paths[i]), pdk_slice_null(), -1, &in), PDK_OK);
        pdk_tree_stat_persisted(tree, test_find(tree, paths[i]), &out);
        assert_true(in.czxid == out.czxid && in.mzxid == out.mzxid && in.ctime == out.ctime &&
                    in.mtime == out.mtime && in.version == out.version &&
                    in.cversion == out.cversion && in.aversion == out.aversion &&
                    in.pzxid == out.pzxid);
        (void)test_stat(tree, paths[i]);
    }
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void damaged_orders_and_names_are_refused(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(false);
    assert_int_equal(load(tree, "/a", "", -1, 0), PDK_ECORRUPT);
    assert_int_equal(load(tree, "", "", -1, 0), PDK_OK);
    static const char *const bad[] = {"", "/", "//", "a", "/no/b", "/a/", "/x//y"};
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++)
        assert_int_equal(load(tree, bad[i], "", -1, 0), PDK_ECORRUPT);
    assert_int_equal(load(tree, "/a", "", -1, 0), PDK_OK);
    assert_int_equal(load(tree, "/a", "", -1, 0), PDK_ECORRUPT);
    assert_int_equal(load(tree, "/a/", "", -1, 0), PDK_ECORRUPT);
    assert_int_equal(load(tree, "/b", "", -1, PDK_OWNER_TTL_MARK | INT64_C(1) << 40), PDK_ECORRUPT);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void emulated_owner_words_of_353_are_ttl_whatever_their_bits(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(true);
    struct pdk_diag diag;
    assert_int_equal(load(tree, "", "", -1, 0), PDK_OK);
    assert_int_equal(load(tree, "/t", "", -1, PDK_OWNER_TTL_MARK | INT64_C(1) << 40), PDK_OK);
    assert_int_equal(pdk_tree_load_done(tree, &diag), PDK_OK);
    assert_int_equal(pdk_tree_kind(tree, test_find(tree, "/t")), PDK_KIND_TTL);
    pdk_tree_destroy(tree);
}

static void malformed_acl_lists_are_refused(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(false);
    struct test_acl acl = test_acl(1);
    struct pdk_slice whole = test_acl_slice(&acl);
    for (size_t cut = 0; cut < whole.len; cut++)
        assert_int_equal(pdk_tree_load_acl(tree, 1, pdk_slice_of(whole.bytes, cut)),
                         PDK_EMALFORMED);
    acl.len++; /* a byte too many */
    assert_int_equal(pdk_tree_load_acl(tree, 1, test_acl_slice(&acl)), PDK_EMALFORMED);
    assert_int_equal(pdk_tree_load_acl(tree, 1, pdk_slice_of("\xff\xff\xff\xff", 4)),
                     PDK_EMALFORMED);
    assert_int_equal(pdk_tree_load_acl(tree, 1, pdk_slice_null()), PDK_EMALFORMED);
    assert_int_equal(pdk_tree_load_acl(tree, 1, pdk_slice_of("\0\0\0\0", 4)), PDK_OK);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void lists_that_no_znode_uses_are_dropped_and_equal_ones_joined(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(false);
    struct pdk_diag diag;
    struct pdk_tree_counts counts;
    assert_int_equal(load_acl(tree, 5, 5), PDK_OK);
    assert_int_equal(load_acl(tree, 6, 5), PDK_OK);
    assert_int_equal(load_acl(tree, 7, 7), PDK_OK);
    assert_int_equal(load_acl(tree, 8, 8), PDK_OK);
    assert_int_equal(load_acl(tree, 8, 9), PDK_OK);  /* the last one counts */
    assert_int_equal(load_acl(tree, -1, 2), PDK_OK); /* -1 means open all the same */
    pdk_tree_validate(tree);
    assert_int_equal(load(tree, "", "", 5, 0), PDK_OK);
    assert_int_equal(load(tree, "/a", "", 6, 0), PDK_OK);
    assert_int_equal(load(tree, "/b", "", 8, 0), PDK_OK);
    assert_int_equal(load(tree, "/c", "", -1, 0), PDK_OK);
    assert_int_equal(pdk_tree_load_done(tree, &diag), PDK_OK);
    assert_int_equal(pdk_tree_acl(tree, test_find(tree, "/")),
                     pdk_tree_acl(tree, test_find(tree, "/a")));
    struct test_acl nine = test_acl(9);
    pdk_acl_id b = pdk_tree_acl(tree, test_find(tree, "/b"));
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, b), test_acl_slice(&nine)));
    assert_int_equal(pdk_tree_acl(tree, test_find(tree, "/c")), PDK_ACL_OPEN);
    pdk_tree_counts(tree, &counts);
    assert_int_equal(counts.acls, 3); /* 5, 9, and config's */
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void an_unknown_acl_is_tolerated_until_replay_has_repaired_it(void **state)
{
    (void)state;
    struct test_acl one = test_acl(1), nobody = test_acl(0);
    for (int repair = 0; repair < 4; repair++) {
        struct pdk_tree *tree = empty_tree(false);
        struct pdk_diag diag = {.text = ""};
        assert_int_equal(load(tree, "", "", -1, 0), PDK_OK);
        assert_int_equal(load(tree, "/dir", "", -1, 0), PDK_OK);
        assert_int_equal(load(tree, "/dir/a", "", 99, 0), PDK_OK);
        pdk_acl_id acl = pdk_tree_acl(tree, test_find(tree, "/dir/a"));
        assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, acl), test_acl_slice(&nobody)));
        struct pdk_tree_create again = {.path = pdk_slice_str("/dir/a"),
                                        .data = pdk_slice_null(),
                                        .acl = test_acl_slice(&one),
                                        .parent_cversion = 1,
                                        .zxid = 10};
        if (repair == 1)
            assert_int_equal(pdk_tree_create_znode(tree, &again, NULL), PDK_CODE_NODE_EXISTS);
        if (repair == 2)
            assert_int_equal(
                pdk_tree_set_acl(tree, pdk_slice_str("/dir/a"), test_acl_slice(&one), 1),
                PDK_CODE_OK);
        if (repair == 3) assert_int_equal(test_delete(tree, "/dir/a", 10), PDK_CODE_OK);
        assert_int_equal(pdk_tree_load_done(tree, &diag), repair > 0 ? PDK_OK : PDK_ECORRUPT);
        if (repair == 0) assert_non_null(strstr(diag.text, "/dir/a"));
        pdk_tree_validate(tree);
        pdk_tree_destroy(tree);
    }
}

static void missing_builtin_znodes_are_added(void **state)
{
    (void)state;
    struct pdk_diag diag;
    for (int n = 0; n < 3;
         n++) { /* an empty file, one from before /zookeeper/config, a whole one */
        struct pdk_tree *tree = empty_tree(false);
        if (n > 0) {
            assert_int_equal(load(tree, "", "", -1, 0), PDK_OK);
            assert_int_equal(load(tree, "/zookeeper", "kept", -1, 0), PDK_OK);
            assert_int_equal(load(tree, "/zookeeper/quota", "", -1, 0), PDK_OK);
        }
        if (n > 1) assert_int_equal(load(tree, "/zookeeper/config", "text", -1, 0), PDK_OK);
        assert_int_equal(pdk_tree_load_done(tree, &diag), PDK_OK);
        assert_int_equal(pdk_tree_count_below(tree, PDK_ZNODE_ROOT), 3);
        test_data_is(tree, "/zookeeper", n > 0 ? "kept" : "");
        test_data_is(tree, "/zookeeper/config", n > 1 ? "text" : "");
        assert_int_equal(test_stat(tree, "/zookeeper/config").aversion, n > 1 ? 7 : -1);
        if (n == 0) assert_int_equal(pdk_tree_digest(tree), 0x51c6d660);
        pdk_tree_validate(tree);
        pdk_tree_destroy(tree);
    }
}

static void quota_usage_is_recomputed_after_loading(void **state)
{
    (void)state;
    struct pdk_tree *tree = empty_tree(false);
    struct pdk_diag diag;
    static const struct {
        const char *path, *data;
    } znodes[] = {
        {"", ""},
        {"/zookeeper", ""},
        {"/zookeeper/quota", ""},
        {"/zookeeper/quota/q", ""},
        {"/zookeeper/quota/q/zookeeper_limits", "count=1"},
        {"/zookeeper/quota/q/zookeeper_stats", "count=1,bytes=-7"},
        {"/zookeeper/quota/r", ""},
        {"/zookeeper/quota/r/zookeeper_stats", "count=8,bytes=9"},
        {"/q", "12"},
        {"/q/a", "345"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(znodes); i++)
        assert_int_equal(load(tree, znodes[i].path, znodes[i].data, -1, 0), PDK_OK);
    assert_int_equal(test_create(tree, "/q/replayed", "6", 20), PDK_CODE_OK);
    assert_int_equal(pdk_tree_load_done(tree, &diag), PDK_OK);
    test_data_is(tree, "/zookeeper/quota/q/zookeeper_stats", "count=3,bytes=6");
    test_data_is(tree, "/zookeeper/quota/r/zookeeper_stats", "count=8,bytes=9");
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_load_without_memory_reports_it(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_tree_config config = test_config(&f.mem);
    struct pdk_tree *tree = pdk_tree_create(&config, true);
    pdk_fail_mem_at(&f, 1);
    assert_int_equal(load_acl(tree, 5, 5), PDK_ENOMEM);
    pdk_fail_mem_at(&f, 2);
    assert_int_equal(load_acl(tree, 5, 5), PDK_ENOMEM);
    pdk_fail_mem_at(&f, 1);
    assert_int_equal(load(tree, "", "", -1, 0), PDK_ENOMEM);
    pdk_fail_mem_at(&f, 0);
    assert_int_equal(load(tree, "", "", -1, 0), PDK_OK);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
    assert_int_equal(f.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_finds_nothing_not_even_the_root),
        cmocka_unit_test(what_was_loaded_is_there_with_its_stat),
        cmocka_unit_test(times_of_any_size_survive),
        cmocka_unit_test(damaged_orders_and_names_are_refused),
        cmocka_unit_test(emulated_owner_words_of_353_are_ttl_whatever_their_bits),
        cmocka_unit_test(malformed_acl_lists_are_refused),
        cmocka_unit_test(lists_that_no_znode_uses_are_dropped_and_equal_ones_joined),
        cmocka_unit_test(an_unknown_acl_is_tolerated_until_replay_has_repaired_it),
        cmocka_unit_test(missing_builtin_znodes_are_added),
        cmocka_unit_test(quota_usage_is_recomputed_after_loading),
        cmocka_unit_test(a_load_without_memory_reports_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
