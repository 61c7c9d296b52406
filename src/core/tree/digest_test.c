#include "base/prng.h"
#include "core/tree/testing.h"

static struct pdk_slice text_or_null(const char *text, size_t len)
{
    return text != NULL ? pdk_slice_of(text, len) : pdk_slice_null();
}

static void builtin_znodes_have_the_known_digests(void **state)
{
    (void)state;
    struct pdk_stat_persisted zeros = {0};
    struct pdk_tree *tree = test_tree();
    assert_int_equal(pdk_digest_of(pdk_slice_str(""), pdk_slice_str(""), &zeros), 0x04128908);
    assert_int_equal(pdk_digest_of(pdk_slice_str("/"), pdk_slice_null(), &zeros), 0x04128908);
    assert_int_equal(pdk_digest_of(pdk_slice_str("/zookeeper"), pdk_slice_str(""), &zeros),
                     0x4db44d58);
    assert_int_equal(pdk_digest_of(pdk_slice_str("/zookeeper/x"), pdk_slice_str(""), &zeros), 0);
    assert_int_not_equal(pdk_digest_of(pdk_slice_str("/zookeeperx"), pdk_slice_str(""), &zeros), 0);
    assert_int_equal(pdk_tree_digest(tree), 0x51c6d660);
    assert_int_equal(pdk_tree_node_digest(tree, PDK_ZNODE_ROOT), 0x04128908);
    assert_int_equal(pdk_tree_node_digest(tree, test_find(tree, "/zookeeper/config")), 0);
    pdk_tree_destroy(tree);
}

/* The first changes of golden data "types" of Apache 3.8.0, with the digest that it logged after
 * each; zxids go up by one from 4. */
#define SID INT64_C(0x1000059d4ed0000)
#define TTL_DAY (PDK_OWNER_TTL_MARK | 86400000)
static const struct {
    enum { CREATE, SET, DELETE } op;
    int32_t time; /* ms after 1795181181000 */
    const char *path, *data;
    size_t len;
    int64_t owner;
    int32_t version; /* of the parent when creating */
    uint64_t digest;
} golden[] = {
    {CREATE, 352, "/p", "persistent", 10, 0, 1, 0x1577762cb},
    {CREATE, 360, "/p/c2", "create2", 7, 0, 1, 0x1bf86e92d},
    {CREATE, 361, "/empty", "", 0, 0, 2, 0x21d2bf987},
    {CREATE, 362, "/null", NULL, 0, 0, 3, 0x24db9770b},
    {CREATE, 364, "/p/sub", "v0", 2, 0, 2, 0x3af37ee33},
    {SET, 366, "/p/sub", "v1", 2, 0, 1, 0x31c6e4f70},
    {SET, 367, "/p/sub", "v2", 2, 0, 2, 0x2e69a20b6},
    {SET, 368, "/p/sub", "v3", 2, 0, 3, 0x2fc41ffa0},
    {SET, 370, "/p/sub", NULL, 0, 0, 4, 0x320ba85b7},
    {SET, 371, "/p/sub", "\0\1\xff binary", 10, 0, 5, 0x2fd651b14},
    {CREATE, 372, "/seq", "", 0, 0, 4, 0x334fe9744},
    {CREATE, 374, "/seq/ps-0000000000", "0", 1, 0, 1, 0x408e74261},
    {CREATE, 375, "/seq/ps-0000000001", "1", 1, 0, 2, 0x4b716aefc},
    {CREATE, 377, "/seq/ps-0000000002", "2", 1, 0, 3, 0x52dfe0c4e},
    {CREATE, 378, "/seq/plain", "", 0, 0, 4, 0x560ec83cd},
    {DELETE, 380, "/seq/plain", NULL, 0, 0, 0, 0x5865be22f},
    {CREATE, 381, "/seq/es-0000000004", "e0", 2, SID, 5, 0x6520b275c},
    {CREATE, 383, "/seq/es-0000000005", "e1", 2, SID, 6, 0x6ed7ecc74},
    {CREATE, 385, "/seq/ts-0000000006", "t", 1, TTL_DAY, 7, 0x80f01537f},
    {CREATE, 388, "/seq/ts-0000000007", "t", 1, TTL_DAY, 8, 0x8a0c18467},
    {CREATE, 389, "/seq/bs-0000000008", "of b", 4, SID + 1, 9, 0x8b5d17f01},
    {CREATE, 391, "/seq/0000000009", "bare number", 11, 0, 10, 0x9cfaaeb5b},
    {CREATE, 393, "/eph", "live", 4, SID, 5, 0xa87a297ef},
    {CREATE, 398, "/eph-of-closed", "", 0, SID + 2, 6, 0xb1e24aded},
    {DELETE, 399, "/eph-of-closed", NULL, 0, 0, 0, 0xa7eaaa5f1},
    {CREATE, 401, "/cont", "container", 9, PDK_OWNER_CONTAINER, 7, 0xa439f4508},
    {CREATE, 402, "/cont/kid", "k", 1, 0, 1, 0xbb64f417d},
    {CREATE, 403, "/cont-empty", NULL, 0, PDK_OWNER_CONTAINER, 8, 0xcc73e16c0},
    {CREATE, 404, "/ttl-1day", "x", 1, TTL_DAY, 9, 0xcaa4a1b1d},
};

static enum pdk_code apply_golden(struct pdk_tree *tree, size_t i)
{
    struct pdk_slice path = pdk_slice_str(golden[i].path);
    struct pdk_slice data = text_or_null(golden[i].data, golden[i].len);
    pdk_zxid zxid = (pdk_zxid)i + 4;
    int64_t time_ms = INT64_C(1795181181000) + golden[i].time;
    if (golden[i].op == SET)
        return pdk_tree_set_data(tree, path, data, golden[i].version, zxid, time_ms, NULL, NULL);
    if (golden[i].op == DELETE) return pdk_tree_delete_znode(tree, path, zxid, NULL, NULL);
    struct pdk_tree_create args = {.path = path,
                                   .data = data,
                                   .acl = pdk_slice_null(),
                                   .owner = golden[i].owner,
                                   .parent_cversion = golden[i].version,
                                   .zxid = zxid,
                                   .time_ms = time_ms};
    return pdk_tree_create_znode(tree, &args, NULL);
}

static void changes_give_the_digests_that_apache_logged(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    for (size_t i = 0; i < PDK_COUNT_OF(golden); i++) {
        assert_int_equal(apply_golden(tree, i), PDK_CODE_OK);
        if (pdk_tree_digest(tree) != golden[i].digest)
            fail_msg("after change %zu (%s): %llx, want %llx", i, golden[i].path,
                     (unsigned long long)pdk_tree_digest(tree),
                     (unsigned long long)golden[i].digest);
    }
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void a_tree_without_digests_keeps_none(void **state)
{
    (void)state;
    struct pdk_tree_config config = test_config(pdk_mem_heap());
    config.digest_enabled = false;
    struct pdk_tree *tree = pdk_tree_create(&config, false);
    for (size_t i = 0; i < PDK_COUNT_OF(golden); i++)
        assert_int_equal(apply_golden(tree, i), PDK_CODE_OK);
    assert_int_equal(pdk_tree_digest(tree), 0);
    assert_int_equal(pdk_tree_node_digest(tree, test_find(tree, "/p/sub")), 0);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void random_stat(struct pdk_prng *g, struct pdk_stat_persisted *s)
{
    *s = (struct pdk_stat_persisted){.czxid = (int64_t)pdk_prng_next(g),
                                     .mzxid = (int64_t)pdk_prng_next(g),
                                     .ctime = (int64_t)pdk_prng_next(g),
                                     .mtime = (int64_t)pdk_prng_next(g),
                                     .version = (int32_t)pdk_prng_next(g),
                                     .cversion = (int32_t)pdk_prng_next(g),
                                     .aversion = (int32_t)pdk_prng_next(g),
                                     .ephemeral_owner = (int64_t)pdk_prng_next(g),
                                     .pzxid = (int64_t)pdk_prng_next(g)};
}

static void a_digest_follows_a_change_of_the_stat_without_path_and_data(void **state)
{
    (void)state;
    struct pdk_prng g;
    static uint8_t data[3000];
    print_message("seed 21\n");
    pdk_prng_init(&g, 21);
    for (int i = 0; i < 2000; i++) {
        struct pdk_stat_persisted a, b, c;
        random_stat(&g, &a);
        random_stat(&g, &c);
        b = a;
        uint64_t what = pdk_prng_next(&g); /* mostly few fields differ, as in life */
        if (what & 1) b.pzxid = c.pzxid;
        if (what & 2) b.cversion = c.cversion;
        if (what & 4) b.aversion = c.aversion;
        if (what & 8) b.ephemeral_owner = c.ephemeral_owner;
        if ((what & 0xf0) == 0) b = c;
        struct pdk_slice path = pdk_slice_str(what & 0x100 ? "/some/path" : "");
        struct pdk_slice text = pdk_slice_of(data, pdk_prng_below(&g, sizeof data));
        uint32_t before = pdk_digest_of(path, text, &a), after = pdk_digest_of(path, text, &b);
        assert_int_equal(pdk_digest_restat(before, &a, &b), after);
        assert_int_equal(pdk_digest_restat(after, &b, &a), before);
    }
}

static void long_data_and_paths_are_digested_like_short_ones(void **state)
{
    (void)state;
    static uint8_t text[4000];
    uint8_t stat_bytes[60] = {0};
    struct pdk_stat_persisted zeros = {0};
    text[0] = '/';
    for (size_t i = 1; i < sizeof text; i++) text[i] = (uint8_t)('a' + i % 23);
    for (size_t path_len = 2; path_len < 2000; path_len += 97) {
        for (size_t data_len = 0; data_len < 2000; data_len += 89) {
            uint32_t want = pdk_crc32(PDK_CRC32_INIT, text, path_len);
            want = pdk_crc32(want, text + 1, data_len);
            want = pdk_crc32(want, stat_bytes, sizeof stat_bytes);
            assert_int_equal(pdk_digest_of(pdk_slice_of(text, path_len),
                                           pdk_slice_of(text + 1, data_len), &zeros),
                             want);
        }
    }
}

static void digests_that_the_caller_knows_are_taken_over(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree(), *twin = test_tree();
    struct pdk_tree_create args = {.path = pdk_slice_str("/a"),
                                   .data = pdk_slice_str("hello"),
                                   .acl = pdk_slice_null(),
                                   .parent_cversion = 1,
                                   .zxid = 2,
                                   .time_ms = 3};
    struct pdk_digest_hint hint = {0};
    pdk_zxid zxid = 2;
    for (int step = 0; step < 3; step++, zxid++) { /* the twin computes, the tree is told */
        for (int told = 0; told < 2; told++) {
            struct pdk_tree *t = told ? tree : twin;
            const struct pdk_digest_hint *h = told ? &hint : NULL;
            enum pdk_code code = PDK_CODE_OK;
            args.hint = h;
            if (step == 0) code = pdk_tree_create_znode(t, &args, NULL);
            if (step == 1)
                code = pdk_tree_set_data(t, args.path, pdk_slice_str("new"), 1, zxid, 9, h, NULL);
            if (step == 2) code = pdk_tree_delete_znode(t, args.path, zxid, h, NULL);
            assert_int_equal(code, PDK_CODE_OK);
            hint.parent_digest = pdk_tree_node_digest(twin, PDK_ZNODE_ROOT);
            if (step < 2) hint.node_digest = pdk_tree_node_digest(twin, test_find(twin, "/a"));
        }
        assert_int_equal(pdk_tree_digest(tree), pdk_tree_digest(twin));
        pdk_tree_validate(tree);
    }
    pdk_tree_destroy(tree);
    pdk_tree_destroy(twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_znodes_have_the_known_digests),
        cmocka_unit_test(changes_give_the_digests_that_apache_logged),
        cmocka_unit_test(a_tree_without_digests_keeps_none),
        cmocka_unit_test(a_digest_follows_a_change_of_the_stat_without_path_and_data),
        cmocka_unit_test(long_data_and_paths_are_digested_like_short_ones),
        cmocka_unit_test(digests_that_the_caller_knows_are_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
