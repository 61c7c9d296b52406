#include "core/tree/tree.h"

#include "base/mem_fail.h"
#include "core/tree/ahead.h"
#include "core/tree/testing.h"

static void a_fresh_tree_is_what_a_fresh_server_shows(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_stat root = test_stat(tree, "/"), zookeeper = test_stat(tree, "/zookeeper");
    assert_int_equal(root.cversion, -1);
    assert_int_equal(root.num_children, 1);
    assert_int_equal(zookeeper.cversion, -2);
    assert_int_equal(zookeeper.num_children, 2);
    static const char *const paths[] = {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"};
    for (size_t i = 0; i < PDK_COUNT_OF(paths); i++) {
        struct pdk_stat s = test_stat(tree, paths[i]);
        assert_true(s.czxid == 0 && s.mzxid == 0 && s.pzxid == 0 && s.ctime == 0 && s.mtime == 0);
        assert_true(s.version == 0 && s.ephemeral_owner == 0 && s.data_length == 0);
        test_data_is(tree, paths[i], "");
        bool is_config = i == 3;
        assert_int_equal(s.aversion, is_config ? -1 : 0);
        struct test_acl want = test_acl(is_config ? 1 : 31);
        pdk_acl_id acl = pdk_tree_acl(tree, test_find(tree, paths[i]));
        assert_int_equal(acl == PDK_ACL_OPEN, !is_config);
        assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, acl), test_acl_slice(&want)));
    }
    struct pdk_tree_counts counts;
    pdk_tree_counts(tree, &counts);
    assert_int_equal(counts.znodes, 4);
    assert_int_equal(counts.approximate_bytes, 44); /* as Apache's mntr */
    assert_int_equal(counts.data_bytes, 0);
    assert_int_equal(counts.acls, 1);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void only_paths_of_znodes_are_found(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    assert_int_equal(test_create(tree, "/a", "", 1), PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/a/bb", "", 2), PDK_CODE_OK);
    static const char *const impossible[] = {
        "a",      "/a/", "//",     "//a",     "/a//bb",
        "/a/b",   "/b",  "/a/bb/", "/a/bbb",  "a/bb",
        "/bb",    "/A",  " ",      "/a/bb/c", "/a/bb/c/d/e/f/g/h",
        "/a/./bb"};
    for (size_t i = 0; i < PDK_COUNT_OF(impossible); i++)
        if (test_find(tree, impossible[i]) != PDK_ZNODE_NONE) fail_msg("found %s", impossible[i]);
    assert_int_equal(test_find(tree, ""), PDK_ZNODE_ROOT);
    assert_int_equal(test_find(tree, "/"), PDK_ZNODE_ROOT);
    assert_int_equal(pdk_tree_find(tree, pdk_slice_of("/a\0b", 4)), PDK_ZNODE_NONE);

    pdk_znode a = test_find(tree, "/a"), bb = test_find(tree, "/a/bb");
    assert_int_equal(pdk_tree_find_child(tree, a, pdk_slice_str("bb")), bb);
    assert_int_equal(pdk_tree_find_child(tree, PDK_ZNODE_ROOT, pdk_slice_str("bb")),
                     PDK_ZNODE_NONE);
    assert_int_equal(pdk_tree_find_child(tree, PDK_ZNODE_ROOT, pdk_slice_str("")), PDK_ZNODE_NONE);
    assert_int_equal(pdk_tree_parent(tree, bb), a);
    assert_int_equal(pdk_tree_parent(tree, a), PDK_ZNODE_ROOT);
    assert_int_equal(pdk_tree_parent(tree, PDK_ZNODE_ROOT), PDK_ZNODE_NONE);
    assert_true(pdk_slice_eq_str(pdk_tree_name(tree, bb), "bb"));
    assert_true(pdk_slice_eq_str(pdk_tree_name(tree, PDK_ZNODE_ROOT), ""));
    pdk_tree_destroy(tree);
}

static void the_path_of_a_znode_is_the_chain_of_its_parents(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_buf path;
    pdk_buf_init(&path, pdk_mem_heap(), 1000);
    static const char *const paths[] = {"/a", "/a/\xe4\xb8\xad\xe6\x96\x87", "/a/b", "/a/b/c d"};
    for (size_t i = 0; i < PDK_COUNT_OF(paths); i++) {
        assert_int_equal(test_create(tree, paths[i], "", (pdk_zxid)i + 1), PDK_CODE_OK);
        pdk_buf_clear(&path);
        pdk_put_text(&path, "x");
        pdk_tree_put_path(tree, test_find(tree, paths[i]), &path);
        assert_int_equal(path.bytes[0], 'x');
        assert_true(pdk_slice_eq_str(pdk_slice_of(path.bytes + 1, path.len - 1), paths[i]));
    }
    pdk_buf_clear(&path);
    pdk_tree_put_path(tree, PDK_ZNODE_ROOT, &path);
    assert_true(pdk_slice_eq_str(pdk_buf_slice(&path), "/"));
    pdk_buf_deinit(&path);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_create_fills_the_stat_and_raises_the_parents(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    assert_int_equal(test_create(tree, "/m", "12345", 7), PDK_CODE_OK);
    struct pdk_stat m = test_stat(tree, "/m"), root = test_stat(tree, "/");
    assert_true(m.czxid == 7 && m.mzxid == 7 && m.pzxid == 7);
    assert_true(m.ctime == 1007 && m.mtime == 1007);
    assert_true(m.version == 0 && m.cversion == 0 && m.aversion == 0);
    assert_true(m.data_length == 5 && m.num_children == 0 && m.ephemeral_owner == 0);
    assert_int_equal(root.pzxid, 7);
    assert_int_equal(root.cversion, 0); /* 2 * 1 - 2 children */
    assert_int_equal(root.mzxid, 0);
    pdk_tree_destroy(tree);
}

static void visible_cversion_counts_creations_and_deletions(void **state)
{
    (void)state; /* the sequence verified in data-model.md section 4 */
    struct pdk_tree *tree = test_tree();
    assert_int_equal(test_create(tree, "/m", "", 1), PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/m/a", "", 2), PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/m/b", "", 3), PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/m/c", "", 4), PDK_CODE_OK);
    assert_int_equal(test_stat(tree, "/m").cversion, 3);
    assert_int_equal(test_delete(tree, "/m/b", 5), PDK_CODE_OK);
    assert_int_equal(test_stat(tree, "/m").cversion, 4);
    assert_int_equal(test_stat(tree, "/m").num_children, 2);
    assert_int_equal(test_stat(tree, "/m").pzxid, 5);
    assert_int_equal(test_create(tree, "/m/d", "", 6), PDK_CODE_OK);
    assert_int_equal(test_stat(tree, "/m").cversion, 5);

    struct test_acl acl = test_acl(1);
    struct pdk_stat before = test_stat(tree, "/m");
    assert_int_equal(test_set(tree, "/m/d", "x", 1, 7), PDK_CODE_OK);
    assert_int_equal(pdk_tree_set_acl(tree, pdk_slice_str("/m/d"), test_acl_slice(&acl), 1),
                     PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/m/d/e", "", 8), PDK_CODE_OK);
    struct pdk_stat after = test_stat(tree, "/m");
    test_same_stat(&before, &after);
    assert_int_equal(test_stat(tree, "/m/d").pzxid, 8);
    assert_int_equal(test_stat(tree, "/m/d").cversion, 1);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void the_sequence_counter_is_the_stored_cversion(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_stat_persisted stored;
    assert_int_equal(test_create(tree, "/m", "", 1), PDK_CODE_OK);
    for (int i = 0; i < 5; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/m/%d", i);
        assert_int_equal(test_create(tree, path, "", 2 + i), PDK_CODE_OK);
    }
    assert_int_equal(test_delete(tree, "/m/0", 9), PDK_CODE_OK);
    assert_int_equal(test_delete(tree, "/m/1", 10), PDK_CODE_OK);
    pdk_tree_stat_persisted(tree, test_find(tree, "/m"), &stored);
    assert_int_equal(stored.cversion, 5);
    pdk_tree_destroy(tree);
}

static void a_set_changes_data_version_mzxid_and_mtime_only(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_change change;
    assert_int_equal(test_create(tree, "/m", "12345", 7), PDK_CODE_OK);
    struct pdk_stat before = test_stat(tree, "/m");
    assert_int_equal(
        pdk_tree_set_data(tree, pdk_slice_str("/m"), pdk_slice_null(), -1, 9, 77, NULL, &change),
        PDK_CODE_OK);
    assert_int_equal(change.kind, PDK_CHANGE_DATA);
    assert_int_equal(change.id, test_find(tree, "/m"));
    assert_true(pdk_slice_eq_str(change.path, "/m"));
    assert_int_equal(change.acl, PDK_ACL_OPEN);
    struct pdk_stat after = test_stat(tree, "/m");
    before.mzxid = 9;
    before.mtime = 77;
    before.version = -1;
    before.data_length = 0;
    test_same_stat(&before, &after);
    test_data_is(tree, "/m", NULL);
    assert_int_equal(test_set(tree, "/m", "", 1, 10), PDK_CODE_OK);
    test_data_is(tree, "/m", "");
    assert_int_equal(test_set(tree, "/no", "", 1, 11), PDK_CODE_NO_NODE);
    assert_int_equal(test_set(tree, "/", "root data", 1, 12), PDK_CODE_OK);
    assert_int_equal(test_set(tree, "", "root too", 2, 13), PDK_CODE_OK);
    test_data_is(tree, "/", "root too");
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void data_may_come_from_the_tree_itself(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    assert_int_equal(test_create(tree, "/m", "0123456789", 1), PDK_CODE_OK);
    struct pdk_slice tail = pdk_tree_data(tree, test_find(tree, "/m"));
    tail.bytes += 4;
    tail.len -= 4;
    assert_int_equal(pdk_tree_set_data(tree, pdk_slice_str("/m"), tail, 1, 2, 3, NULL, NULL),
                     PDK_CODE_OK);
    test_data_is(tree, "/m", "456789");
    pdk_tree_destroy(tree);
}

static void a_set_acl_stores_list_and_aversion_only(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct test_acl one = test_acl(1);
    assert_int_equal(test_create(tree, "/m", "", 7), PDK_CODE_OK);
    struct pdk_stat before = test_stat(tree, "/m");
    assert_int_equal(pdk_tree_set_acl(tree, pdk_slice_str("/m"), test_acl_slice(&one), 3),
                     PDK_CODE_OK);
    struct pdk_stat after = test_stat(tree, "/m");
    before.aversion = 3;
    test_same_stat(&before, &after);
    pdk_acl_id acl = pdk_tree_acl(tree, test_find(tree, "/m"));
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, acl), test_acl_slice(&one)));
    assert_int_equal(pdk_tree_find_acl(tree, test_acl_slice(&one)), acl);
    assert_int_equal(pdk_tree_find_acl(tree, pdk_slice_null()), PDK_ACL_OPEN);
    struct test_acl two = test_acl(2);
    assert_int_equal(pdk_tree_find_acl(tree, test_acl_slice(&two)), PDK_ACL_NOT_INTERNED);
    assert_int_equal(pdk_tree_set_acl(tree, pdk_slice_str("/no"), test_acl_slice(&one), 3),
                     PDK_CODE_NO_NODE);
    assert_int_equal(pdk_tree_set_acl(tree, pdk_slice_str("/m"), pdk_slice_null(), 4), PDK_CODE_OK);
    assert_int_equal(pdk_tree_acl(tree, test_find(tree, "/m")), PDK_ACL_OPEN);
    /* A null vector as it stands on the wire is no list either. */
    assert_int_equal(
        pdk_tree_set_acl(tree, pdk_slice_str("/m"), pdk_slice_of("\xff\xff\xff\xff", 4), 5),
        PDK_CODE_OK);
    assert_int_equal(pdk_tree_acl(tree, test_find(tree, "/m")), PDK_ACL_OPEN);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void changes_tell_what_they_did_and_whose_acls_count(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct test_acl one = test_acl(1), two = test_acl(2);
    struct pdk_change c;
    struct pdk_tree_create args = {.path = pdk_slice_str("/p"),
                                   .data = pdk_slice_null(),
                                   .acl = test_acl_slice(&one),
                                   .parent_cversion = 1,
                                   .zxid = 1};
    assert_int_equal(pdk_tree_create_znode(tree, &args, &c), PDK_CODE_OK);
    assert_int_equal(c.kind, PDK_CHANGE_CREATED);
    assert_int_equal(c.id, test_find(tree, "/p"));
    assert_int_equal(c.parent_acl, PDK_ACL_OPEN);
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, c.acl), test_acl_slice(&one)));

    args.path = pdk_slice_str("/p/c");
    args.acl = test_acl_slice(&two);
    args.zxid = 2;
    assert_int_equal(pdk_tree_create_znode(tree, &args, &c), PDK_CODE_OK);
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, c.parent_acl), test_acl_slice(&one)));

    /* The last use of a list goes with its znode; the id stays readable for one more change. */
    assert_int_equal(pdk_tree_delete_znode(tree, pdk_slice_str("/p/c"), 3, NULL, &c), PDK_CODE_OK);
    assert_int_equal(c.kind, PDK_CHANGE_DELETED);
    assert_int_equal(c.id, PDK_ZNODE_NONE);
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, c.acl), test_acl_slice(&two)));
    assert_int_equal(test_create(tree, "/x", "", 4), PDK_CODE_OK);
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, c.acl), test_acl_slice(&two)));
    assert_int_equal(test_create(tree, "/y", "", 5), PDK_CODE_OK);
    assert_int_equal(pdk_tree_find_acl(tree, test_acl_slice(&two)), PDK_ACL_NOT_INTERNED);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_create_without_its_parent_changes_nothing(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    uint64_t digest = pdk_tree_digest(tree);
    static const char *const paths[] = {"/no/a", "no", "/zookeeper/", "//a", ""};
    for (size_t i = 0; i < PDK_COUNT_OF(paths); i++)
        assert_int_equal(test_create(tree, paths[i], "", 1), PDK_CODE_NO_NODE);
    assert_int_equal(pdk_tree_digest(tree), digest);
    assert_int_equal(pdk_tree_count_below(tree, PDK_ZNODE_ROOT), 3);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void replaying_a_create_renews_the_acl_and_never_lowers_the_parent(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct test_acl one = test_acl(1);
    for (pdk_zxid z = 1; z <= 3; z++) {
        char path[8];
        (void)snprintf(path, sizeof path, "/%d", (int)z);
        assert_int_equal(test_create(tree, path, "old", z), PDK_CODE_OK);
    }
    struct pdk_tree_create args = {.path = pdk_slice_str("/1"),
                                   .data = pdk_slice_str("new"),
                                   .acl = test_acl_slice(&one),
                                   .parent_cversion = 1,
                                   .zxid = 1};
    struct pdk_stat before = test_stat(tree, "/"), znode = test_stat(tree, "/1");
    assert_int_equal(pdk_tree_create_znode(tree, &args, NULL), PDK_CODE_NODE_EXISTS);
    struct pdk_stat after = test_stat(tree, "/"), znode_after = test_stat(tree, "/1");
    test_same_stat(&before, &after);
    test_same_stat(&znode, &znode_after);
    test_data_is(tree, "/1", "old");
    pdk_acl_id acl = pdk_tree_acl(tree, test_find(tree, "/1"));
    assert_true(pdk_slice_eq(pdk_tree_acl_list(tree, acl), test_acl_slice(&one)));

    args.parent_cversion = 9; /* larger: both are raised */
    args.zxid = 8;
    assert_int_equal(pdk_tree_create_znode(tree, &args, NULL), PDK_CODE_NODE_EXISTS);
    assert_int_equal(test_stat(tree, "/").pzxid, 8);
    assert_int_equal(test_stat(tree, "/").cversion, 2 * 9 - 4);
    args.parent_cversion = -1; /* very old logs: one more */
    args.zxid = 9;
    assert_int_equal(pdk_tree_create_znode(tree, &args, NULL), PDK_CODE_NODE_EXISTS);
    assert_int_equal(test_stat(tree, "/").cversion, 2 * 10 - 4);

    /* Also for a znode that is new: a lower parent version is an old one. */
    args = (struct pdk_tree_create){.path = pdk_slice_str("/late"),
                                    .data = pdk_slice_null(),
                                    .acl = pdk_slice_null(),
                                    .parent_cversion = 4,
                                    .zxid = 5};
    assert_int_equal(pdk_tree_create_znode(tree, &args, NULL), PDK_CODE_OK);
    assert_int_equal(test_stat(tree, "/").pzxid, 9);
    assert_int_equal(test_stat(tree, "/").cversion, 2 * 10 - 5);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_delete_raises_the_parents_pzxid_even_of_a_missing_znode(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_stat_persisted stored;
    assert_int_equal(test_create(tree, "/m", "", 5), PDK_CODE_OK);
    assert_int_equal(test_delete(tree, "/no", 9), PDK_CODE_NO_NODE);
    assert_int_equal(test_stat(tree, "/").pzxid, 9);
    assert_int_equal(test_delete(tree, "/no", 4), PDK_CODE_NO_NODE);
    assert_int_equal(test_stat(tree, "/").pzxid, 9);
    assert_int_equal(test_delete(tree, "/m", 6), PDK_CODE_OK);
    assert_int_equal(test_stat(tree, "/").pzxid, 9);
    pdk_tree_stat_persisted(tree, PDK_ZNODE_ROOT, &stored);
    assert_int_equal(stored.cversion, 1);
    assert_int_equal(test_delete(tree, "/no/no", 10), PDK_CODE_NO_NODE);
    assert_int_equal(test_stat(tree, "/").pzxid, 9);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void inner_znodes_and_the_root_are_not_deleted(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    assert_int_equal(test_create(tree, "/m", "", 1), PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/m/n", "", 2), PDK_CODE_OK);
    uint64_t digest = pdk_tree_digest(tree);
    assert_int_equal(test_delete(tree, "/m", 9), PDK_CODE_NOT_EMPTY);
    assert_int_equal(test_delete(tree, "/", 9), PDK_CODE_NOT_EMPTY);
    assert_int_equal(test_delete(tree, "", 9), PDK_CODE_NO_NODE);
    assert_int_equal(test_delete(tree, "/m/", 9), PDK_CODE_NO_NODE);
    assert_int_equal(pdk_tree_digest(tree), digest);
    assert_int_equal(test_delete(tree, "/m/n", 9), PDK_CODE_OK);
    assert_int_equal(test_delete(tree, "/m", 9), PDK_CODE_OK);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void children_are_linked_and_counted(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    bool seen[50] = {false};
    assert_int_equal(test_create(tree, "/m", "", 1), PDK_CODE_OK);
    for (int i = 0; i < 50; i++) {
        char path[16];
        (void)snprintf(path, sizeof path, "/m/%d", i);
        assert_int_equal(test_create(tree, path, "", 2 + i), PDK_CODE_OK);
    }
    for (int i = 0; i < 50; i += 3) {
        char path[16];
        (void)snprintf(path, sizeof path, "/m/%d", i);
        assert_int_equal(test_delete(tree, path, 60), PDK_CODE_OK);
        seen[i] = true;
    }
    pdk_znode m = test_find(tree, "/m");
    assert_int_equal(pdk_tree_child_count(tree, m), 33);
    for (pdk_znode c = pdk_tree_first_child(tree, m); c != PDK_ZNODE_NONE;
         c = pdk_tree_next_sibling(tree, c)) {
        char name[8] = {0};
        memcpy(name, pdk_tree_name(tree, c).bytes, pdk_tree_name(tree, c).len);
        assert_false(seen[atoi(name)]);
        seen[atoi(name)] = true;
    }
    for (int i = 0; i < 50; i++) assert_true(seen[i]);
    pdk_tree_destroy(tree);
}

static void a_deep_tree_needs_no_stack(void **state)
{
    (void)state;
    enum { DEPTH = 3000 };
    struct pdk_tree_config config = test_config(pdk_mem_heap());
    config.digest_enabled = false; /* of long paths in every change */
    struct pdk_tree *tree = pdk_tree_create(&config, false);
    char *path = calloc(2 * DEPTH + 1, 1);
    for (size_t i = 0; i < DEPTH; i++) {
        memcpy(path + 2 * i, "/d", 2);
        assert_int_equal(test_create(tree, path, "", 1), PDK_CODE_OK);
    }
    assert_int_equal(pdk_tree_count_below(tree, test_find(tree, "/d")), DEPTH - 1);
    pdk_znode deepest = test_find(tree, path);
    assert_int_not_equal(deepest, PDK_ZNODE_NONE);
    struct pdk_buf out;
    pdk_buf_init(&out, pdk_mem_heap(), SIZE_MAX);
    pdk_tree_put_path(tree, deepest, &out);
    assert_true(pdk_slice_eq_str(pdk_buf_slice(&out), path));
    pdk_buf_deinit(&out);
    free(path);
    pdk_tree_destroy(tree);
}

static void descendants_are_counted_without_the_znode_itself(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    static const char *const paths[] = {"/a", "/a/b", "/a/b/c", "/a/d", "/ab"};
    for (size_t i = 0; i < PDK_COUNT_OF(paths); i++)
        assert_int_equal(test_create(tree, paths[i], "", 1), PDK_CODE_OK);
    assert_int_equal(pdk_tree_count_below(tree, test_find(tree, "/a")), 3);
    assert_int_equal(pdk_tree_count_below(tree, test_find(tree, "/a/b")), 1);
    assert_int_equal(pdk_tree_count_below(tree, test_find(tree, "/ab")), 0);
    assert_int_equal(pdk_tree_count_below(tree, PDK_ZNODE_ROOT), 8);
    pdk_tree_destroy(tree);
}

static void owner_words_tell_the_kind(void **state)
{
    (void)state;
    static const int64_t ttl = PDK_OWNER_TTL_MARK | 5, odd = INT64_MIN | 5;
    static const struct {
        int64_t word;
        bool extended, emulate;
        enum pdk_znode_kind want;
    } cases[] = {
        {0, true, true, PDK_KIND_PERSISTENT},
        {1, true, true, PDK_KIND_EPHEMERAL},
        {INT64_MAX, true, true, PDK_KIND_EPHEMERAL},
        {PDK_OWNER_CONTAINER, true, true, PDK_KIND_CONTAINER},
        {PDK_OWNER_CONTAINER, false, false, PDK_KIND_CONTAINER},
        {ttl, true, false, PDK_KIND_TTL},
        {ttl, true, true, PDK_KIND_TTL},
        {ttl, false, false, PDK_KIND_EPHEMERAL},
        {ttl, false, true, PDK_KIND_EPHEMERAL},
        {odd, true, false, PDK_KIND_EPHEMERAL},
        {odd, true, true, PDK_KIND_TTL},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_tree_config config = test_config(pdk_mem_heap());
        config.extended_types = cases[i].extended;
        config.emulate_353_ttl = cases[i].emulate;
        struct pdk_tree *tree = pdk_tree_create(&config, false);
        if (pdk_owner_kind(tree, cases[i].word) != cases[i].want) fail_msg("case %zu", i);
        assert_int_equal(test_create_as(tree, "/x", "", cases[i].word, 1), PDK_CODE_OK);
        pdk_znode x = test_find(tree, "/x");
        assert_int_equal(pdk_tree_kind(tree, x), cases[i].want);
        /* Clients see owners of ephemerals only; on disk all words stand. */
        bool shown = cases[i].want == PDK_KIND_EPHEMERAL;
        assert_int_equal(test_stat(tree, "/x").ephemeral_owner, shown ? cases[i].word : 0);
        struct pdk_stat_persisted stored;
        pdk_tree_stat_persisted(tree, x, &stored);
        assert_int_equal(stored.ephemeral_owner, cases[i].word);
        assert_int_equal(pdk_tree_ephemeral_first(tree, cases[i].word), shown ? x : 0);
        pdk_tree_validate(tree);
        assert_int_equal(test_delete(tree, "/x", 2), PDK_CODE_OK);
        pdk_tree_validate(tree);
        pdk_tree_destroy(tree);
    }
}

static void due_lists_containers_and_ttl_znodes_by_their_rules(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int64_t owner;
        const char *child; /* made and deleted */
        const char *staying_child;
        bool due_at_2000, due_if_never_used_1000;
    } cases[] = {
        {"/plain", 0, NULL, NULL, false, false},
        {"/eph", 5, NULL, NULL, false, false},
        {"/never-used", PDK_OWNER_CONTAINER, NULL, NULL, false, true},
        {"/used", PDK_OWNER_CONTAINER, "/used/c", NULL, true, true},
        {"/in-use", PDK_OWNER_CONTAINER, NULL, "/in-use/c", false, false},
        {"/ttl-short", PDK_OWNER_TTL_MARK | 999, NULL, NULL, true, true},
        {"/ttl-exact", PDK_OWNER_TTL_MARK | 1000, NULL, NULL, false, false},
        {"/ttl-long", PDK_OWNER_TTL_MARK | PDK_TTL_MS_MAX, NULL, NULL, false, false},
        {"/ttl-zero", PDK_OWNER_TTL_MARK, NULL, NULL, false, false},
        {"/ttl-child", PDK_OWNER_TTL_MARK | 1, NULL, "/ttl-child/c", false, false},
    };
    struct pdk_tree *tree = test_tree();
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) { /* mtime 1000 for all */
        assert_int_equal(test_create_as(tree, cases[i].path, "", cases[i].owner, 0), PDK_CODE_OK);
        if (cases[i].staying_child != NULL)
            assert_int_equal(test_create(tree, cases[i].staying_child, "", 0), PDK_CODE_OK);
        if (cases[i].child == NULL) continue;
        assert_int_equal(test_create(tree, cases[i].child, "", 0), PDK_CODE_OK);
        assert_int_equal(test_delete(tree, cases[i].child, 0), PDK_CODE_OK);
    }
    for (int never_used = 0; never_used < 2; never_used++) {
        pdk_znode ids[20];
        uint32_t cursor = 0;
        size_t n = pdk_tree_due(tree, never_used ? 2001 : 2000, never_used ? 1000 : 0, &cursor, ids,
                                PDK_COUNT_OF(ids));
        assert_int_equal(cursor, 0);
        for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
            bool found = false;
            for (size_t k = 0; k < n; k++) found |= ids[k] == test_find(tree, cases[i].path);
            bool want = never_used ? cases[i].due_if_never_used_1000 : cases[i].due_at_2000;
            if (never_used && strcmp(cases[i].path, "/ttl-exact") == 0) want = true;
            if (found != want) fail_msg("%s: %d", cases[i].path, found);
        }
    }
    struct pdk_tree_counts counts;
    pdk_tree_counts(tree, &counts);
    assert_int_equal(counts.containers, 3);
    assert_int_equal(counts.ttls, 5);
    assert_int_equal(counts.ephemerals, 1);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_set_renews_a_ttl_and_a_childs_coming_does_not(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    pdk_znode ids[4];
    uint32_t cursor = 0;
    assert_int_equal(test_create_as(tree, "/t", "", PDK_OWNER_TTL_MARK | 10, 0), PDK_CODE_OK);
    assert_int_equal(test_create(tree, "/t/c", "", 50), PDK_CODE_OK);
    assert_int_equal(test_delete(tree, "/t/c", 51), PDK_CODE_OK);
    assert_int_equal(pdk_tree_due(tree, 1011, 0, &cursor, ids, 4), 1);
    assert_int_equal(test_set(tree, "/t", "", 1, 5), PDK_CODE_OK);
    assert_int_equal(pdk_tree_due(tree, 1011, 0, &cursor, ids, 4), 0);
    assert_int_equal(pdk_tree_due(tree, 1016, 0, &cursor, ids, 4), 1);
    /* A clock that went back, or one that nobody ever had, makes nothing due. */
    assert_int_equal(pdk_tree_due(tree, INT64_MIN, 0, &cursor, ids, 4), 0);
    assert_int_equal(pdk_tree_due(tree, INT64_MAX, 0, &cursor, ids, 4), 1);
    pdk_tree_destroy(tree);
}

static void due_does_bounded_work_and_skips_nothing_while_some_are_deleted(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct pdk_tree *tree = test_tree();
    char path[16];
    for (int i = 0; i < COUNT; i++) { /* every tenth is due */
        int64_t ttl = i % 10 == 0 ? 1 : PDK_TTL_MS_MAX;
        (void)snprintf(path, sizeof path, "/t%d", i);
        assert_int_equal(test_create_as(tree, path, "", PDK_OWNER_TTL_MARK | ttl, 0), PDK_CODE_OK);
    }
    uint32_t cursor = 0;
    size_t found = 0, calls = 0;
    do {
        pdk_znode ids[2];
        size_t n = pdk_tree_due(tree, 5000, 0, &cursor, ids, 2);
        for (size_t k = 0; k < n; k++) {
            struct pdk_slice name = pdk_tree_name(tree, ids[k]);
            (void)snprintf(path, sizeof path, "/%.*s", (int)name.len, (const char *)name.bytes);
            assert_int_equal(test_delete(tree, path, 9), PDK_CODE_OK);
        }
        found += n;
        calls++;
    } while (cursor != 0);
    assert_int_equal(found, COUNT / 10);
    assert_true(calls >= COUNT / 32);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void due_looks_at_a_bounded_number_even_when_none_is_due(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    char path[16];
    pdk_znode ids[1];
    uint32_t cursor = 0;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof path, "/t%d", i);
        assert_int_equal(test_create_as(tree, path, "", PDK_OWNER_TTL_MARK | 100, 0), PDK_CODE_OK);
    }
    assert_int_equal(pdk_tree_due(tree, 1000, 0, &cursor, ids, 1), 0);
    assert_int_equal(cursor, 100 - 16);
    /* Meanwhile nearly all of them go: the rest is seen, and nothing else. */
    for (int i = 2; i < 100; i++) {
        (void)snprintf(path, sizeof path, "/t%d", i);
        assert_int_equal(test_delete(tree, path, 5), PDK_CODE_OK);
    }
    assert_int_equal(test_set(tree, "/t0", "", 1, 1000), PDK_CODE_OK); /* not due any more */
    assert_int_equal(pdk_tree_due(tree, 2000, 0, &cursor, ids, 1), 1);
    assert_int_equal(ids[0], test_find(tree, "/t1"));
    assert_int_equal(cursor, 1);
    assert_int_equal(pdk_tree_due(tree, 2000, 0, &cursor, ids, 1), 0);
    assert_int_equal(cursor, 0);
    pdk_tree_destroy(tree);
}

static void looking_ahead_takes_any_path_and_changes_nothing(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    assert_int_equal(test_create(tree, "/a", "", 1), PDK_CODE_OK);
    struct pdk_slice paths[] = {pdk_slice_str("/a"),  pdk_slice_str("/"), pdk_slice_str(""),
                                pdk_slice_str("/no"), pdk_slice_str("a"), pdk_slice_str("/a/"),
                                pdk_slice_str("//"),  pdk_slice_null()};
    pdk_tree_ahead(tree, paths, PDK_COUNT_OF(paths));
    pdk_tree_ahead(tree, paths, 0);
    assert_int_equal(pdk_tree_count_below(tree, PDK_ZNODE_ROOT), 4);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void sizes_are_counted_as_apache_counts_them(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_tree_counts c;
    assert_int_equal(test_create(tree, "/\xe4\xb8\xad", "12345", 1),
                     PDK_CODE_OK); /* 2 characters */
    pdk_tree_counts(tree, &c);
    assert_int_equal(c.approximate_bytes, 44 + 2 + 5);
    assert_int_equal(c.data_bytes, 5);
    assert_int_equal(test_set(tree, "/\xe4\xb8\xad", "1", 1, 2), PDK_CODE_OK);
    pdk_tree_counts(tree, &c);
    assert_int_equal(c.approximate_bytes, 44 + 2 + 1);
    assert_int_equal(test_delete(tree, "/\xe4\xb8\xad", 3), PDK_CODE_OK);
    pdk_tree_counts(tree, &c);
    assert_int_equal(c.approximate_bytes, 44);
    assert_int_equal(c.znodes, 4);
    pdk_tree_destroy(tree);
}

static void a_tree_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_tree_config config = test_config(&f.mem);
    size_t n = 1;
    for (;; n++) {
        pdk_fail_mem_at(&f, n);
        struct pdk_tree *tree = pdk_tree_create(&config, false);
        if (tree != NULL) {
            pdk_fail_mem_at(&f, 0);
            pdk_tree_validate(tree);
            pdk_tree_destroy(tree);
            break;
        }
        assert_int_equal(f.live, 0);
    }
    assert_true(n > 10);
    assert_int_equal(f.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_tree_is_what_a_fresh_server_shows),
        cmocka_unit_test(only_paths_of_znodes_are_found),
        cmocka_unit_test(the_path_of_a_znode_is_the_chain_of_its_parents),
        cmocka_unit_test(a_create_fills_the_stat_and_raises_the_parents),
        cmocka_unit_test(visible_cversion_counts_creations_and_deletions),
        cmocka_unit_test(the_sequence_counter_is_the_stored_cversion),
        cmocka_unit_test(a_set_changes_data_version_mzxid_and_mtime_only),
        cmocka_unit_test(data_may_come_from_the_tree_itself),
        cmocka_unit_test(a_set_acl_stores_list_and_aversion_only),
        cmocka_unit_test(changes_tell_what_they_did_and_whose_acls_count),
        cmocka_unit_test(a_create_without_its_parent_changes_nothing),
        cmocka_unit_test(replaying_a_create_renews_the_acl_and_never_lowers_the_parent),
        cmocka_unit_test(a_delete_raises_the_parents_pzxid_even_of_a_missing_znode),
        cmocka_unit_test(inner_znodes_and_the_root_are_not_deleted),
        cmocka_unit_test(children_are_linked_and_counted),
        cmocka_unit_test(a_deep_tree_needs_no_stack),
        cmocka_unit_test(descendants_are_counted_without_the_znode_itself),
        cmocka_unit_test(owner_words_tell_the_kind),
        cmocka_unit_test(due_lists_containers_and_ttl_znodes_by_their_rules),
        cmocka_unit_test(a_set_renews_a_ttl_and_a_childs_coming_does_not),
        cmocka_unit_test(due_does_bounded_work_and_skips_nothing_while_some_are_deleted),
        cmocka_unit_test(due_looks_at_a_bounded_number_even_when_none_is_due),
        cmocka_unit_test(looking_ahead_takes_any_path_and_changes_nothing),
        cmocka_unit_test(sizes_are_counted_as_apache_counts_them),
        cmocka_unit_test(a_tree_is_made_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
