#include "core/tree/view.h"

#include "base/mem_fail.h"
#include "base/prng.h"
#include "core/tree/testing.h"

#include <pthread.h>

#define ZNODES 12000u /* several leaves of pages */

static void path_of(char out[32], uint32_t i) { (void)snprintf(out, 32, "/d%u/n%u", i % 7, i); }

static struct pdk_tree *big_tree(const struct pdk_mem *mem)
{
    char path[32];
    struct pdk_tree_config config = test_config(mem);
    struct pdk_tree *tree = pdk_tree_create(&config, false);
    assert_non_null(tree);
    for (uint32_t i = 0; i < 7; i++) {
        (void)snprintf(path, sizeof path, "/d%u", i);
        assert_int_equal(test_create(tree, path, "", 1), PDK_CODE_OK);
    }
    for (uint32_t i = 0; i < ZNODES; i++) {
        path_of(path, i);
        assert_int_equal(test_create(tree, path, path, 2 + i), PDK_CODE_OK);
    }
    return tree;
}

/* What a view holds, summed from its znodes: equal sums mean equal views.  Stops at once when the
 * walk is broken. */
static uint64_t sum_of(const struct pdk_view *view, uint64_t *count)
{
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    uint64_t sum = 0;
    *count = 0;
    pdk_view_cursor_init(&cursor, view, pdk_mem_heap());
    while (pdk_view_next(&cursor, &node)) {
        sum += pdk_digest_of(node.path, node.data, &node.stat);
        ++*count;
    }
    PDK_ASSERT(!cursor.path.failed);
    pdk_view_cursor_deinit(&cursor);
    return sum;
}

static void assert_exact(const struct pdk_view *view)
{
    uint64_t count = 0;
    assert_true(sum_of(view, &count) == pdk_view_digest(view));
    assert_true(count == pdk_view_znode_count(view));
}

static uint64_t retired(const struct pdk_tree *tree)
{
    struct pdk_tree_counts counts;
    pdk_tree_counts(tree, &counts);
    return counts.retired;
}

static void churn(struct pdk_tree *tree, struct pdk_prng *g, int changes, pdk_zxid *zxid)
{
    char path[32];
    for (int k = 0; k < changes; k++) {
        path_of(path, (uint32_t)pdk_prng_below(g, 2 * ZNODES));
        ++*zxid;
        switch (pdk_prng_below(g, 4)) {
        case 0: (void)test_create(tree, path, "new", *zxid); break;
        case 1: (void)test_delete(tree, path, *zxid); break;
        default: (void)test_set(tree, path, k % 2 ? "short" : "something longer", k, *zxid); break;
        }
    }
}

static void a_view_of_a_fresh_tree_shows_the_builtin_znodes(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct pdk_view *view = pdk_view_take(tree);
    assert_int_equal(pdk_view_znode_count(view), 4);
    assert_int_equal(pdk_view_digest(view), 0x51c6d660);
    assert_int_equal(pdk_view_acl_count(view), 1);
    assert_exact(view);
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    pdk_view_cursor_init(&cursor, view, pdk_mem_heap());
    assert_true(pdk_view_next(&cursor, &node));
    assert_int_equal(node.path.len, 0);
    assert_int_equal(node.disk_acl_id, -1);
    assert_true(pdk_view_next(&cursor, &node));
    assert_true(pdk_slice_eq_str(node.path, "/zookeeper"));
    pdk_view_cursor_deinit(&cursor);
    pdk_view_release(tree, view);
    pdk_tree_destroy(tree);
}

static void a_view_stays_as_it_was_while_everything_changes(void **state)
{
    (void)state;
    struct pdk_prng g;
    struct pdk_tree *tree = big_tree(pdk_mem_heap());
    struct pdk_view *views[4];
    pdk_zxid zxid = 100000;
    print_message("seed 5\n");
    pdk_prng_init(&g, 5);
    for (size_t v = 0; v < PDK_COUNT_OF(views); v++) {
        views[v] = pdk_view_take(tree);
        churn(tree, &g, 9000, &zxid);
        pdk_tree_validate(tree);
    }
    for (size_t v = 0; v < PDK_COUNT_OF(views); v++) assert_exact(views[v]);
    static const size_t order[] = {1, 3, 0, 2}; /* neither first in first out nor the reverse */
    for (size_t k = 0; k < PDK_COUNT_OF(order); k++) {
        pdk_view_release(tree, views[order[k]]);
        while (pdk_tree_tidy(tree)) {
        }
        churn(tree, &g, 2000, &zxid);
        for (size_t left = k + 1; left < PDK_COUNT_OF(order); left++)
            assert_exact(views[order[left]]);
        pdk_tree_validate(tree);
    }
    while (pdk_tree_tidy(tree)) {
    }
    assert_int_equal(retired(tree), 0);
    pdk_tree_destroy(tree);
}

static void writing_one_znode_often_keeps_one_old_copy(void **state)
{
    (void)state;
    struct pdk_tree *tree = big_tree(pdk_mem_heap());
    struct pdk_view *view = pdk_view_take(tree);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(test_set(tree, "/d0/n0", "again", i, 20000 + i), PDK_CODE_OK);
    for (int i = 0; i < 5000; i++) { /* a znode that the view does not know */
        assert_int_equal(test_create(tree, "/d0/new", "x", 30000 + i), PDK_CODE_OK);
        assert_int_equal(test_delete(tree, "/d0/new", 30000 + i), PDK_CODE_OK);
    }
    assert_true(retired(tree) < 20);
    assert_exact(view);
    pdk_view_release(tree, view);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void freeing_after_a_view_is_cut_into_slices(void **state)
{
    (void)state;
    struct pdk_tree *tree = big_tree(pdk_mem_heap());
    struct pdk_view *view = pdk_view_take(tree);
    char path[32];
    for (uint32_t i = 0; i < ZNODES; i++) {
        path_of(path, i);
        assert_int_equal(test_set(tree, path, "other", 1, 50000), PDK_CODE_OK);
    }
    uint64_t before = retired(tree);
    assert_true(before > ZNODES);
    assert_false(pdk_tree_tidy(tree)); /* nothing may go while the view lives */
    assert_int_equal(retired(tree), before);
    pdk_view_release(tree, view);
    assert_int_equal(retired(tree), before);
    uint64_t calls = 1;
    for (uint64_t had = before; pdk_tree_tidy(tree); calls++) {
        assert_true(had - retired(tree) <= 1000);
        had = retired(tree);
    }
    assert_true(calls >= before / 1000);
    assert_int_equal(retired(tree), 0);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

static void the_acl_table_of_a_view_stays(void **state)
{
    (void)state;
    struct pdk_tree *tree = test_tree();
    struct test_acl one = test_acl(9), two = test_acl(10);
    assert_int_equal(test_create(tree, "/a", "", 1), PDK_CODE_OK);
    assert_int_equal(pdk_tree_set_acl(tree, pdk_slice_str("/a"), test_acl_slice(&one), 1),
                     PDK_CODE_OK);
    struct pdk_view *view = pdk_view_take(tree);
    for (int i = 2; i < 6; i++) /* the old list is freed, its id taken by the new one */
        assert_int_equal(pdk_tree_set_acl(tree, pdk_slice_str("/a"), test_acl_slice(&two), i),
                         PDK_CODE_OK);
    assert_int_equal(pdk_tree_find_acl(tree, test_acl_slice(&one)), PDK_ACL_NOT_INTERNED);
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    pdk_view_cursor_init(&cursor, view, pdk_mem_heap());
    do assert_true(pdk_view_next(&cursor, &node));
    while (!pdk_slice_eq_str(node.path, "/a"));
    bool found = false;
    for (size_t i = 0; i < pdk_view_acl_count(view); i++) {
        int64_t id = 0;
        struct pdk_slice list;
        pdk_view_acl(view, i, &id, &list);
        assert_true(id > 0);
        if (id == node.disk_acl_id) found = pdk_slice_eq(list, test_acl_slice(&one));
    }
    assert_true(found);
    pdk_view_cursor_deinit(&cursor);
    pdk_view_release(tree, view);
    pdk_tree_destroy(tree);
}

static void a_deep_view_is_walked_without_a_stack(void **state)
{
    (void)state;
    enum { DEPTH = 3000 };
    struct pdk_tree_config config = test_config(pdk_mem_heap());
    config.digest_enabled = false;
    struct pdk_tree *tree = pdk_tree_create(&config, false);
    char *path = calloc(2 * DEPTH + 1, 1);
    for (size_t i = 0; i < DEPTH; i++) {
        memcpy(path + 2 * i, "/d", 2);
        assert_int_equal(test_create(tree, path, "", 1), PDK_CODE_OK);
    }
    struct pdk_view *view = pdk_view_take(tree);
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    size_t longest = 0, count = 0;
    pdk_view_cursor_init(&cursor, view, pdk_mem_heap());
    for (; pdk_view_next(&cursor, &node); count++) longest = pdk_max_size(longest, node.path.len);
    assert_int_equal(count, DEPTH + 4);
    assert_int_equal(longest, 2 * DEPTH);
    pdk_view_cursor_deinit(&cursor);
    pdk_view_release(tree, view);
    free(path);
    pdk_tree_destroy(tree);
}

static void without_memory_there_is_no_view_and_nothing_has_changed(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_tree *tree = big_tree(&f.mem);
    size_t live = f.live, n = 1;
    for (;; n++) {
        pdk_fail_mem_at(&f, n);
        struct pdk_view *view = pdk_view_take(tree);
        pdk_fail_mem_at(&f, 0);
        if (view != NULL) {
            pdk_view_release(tree, view);
            break;
        }
        assert_int_equal(f.live, live);
        assert_int_equal(test_set(tree, "/d0/n0", "in place", 1, 1), PDK_CODE_OK);
        assert_int_equal(retired(tree), 0);
    }
    assert_true(n > 3);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
    assert_int_equal(f.live, 0);
}

static void a_cursor_without_memory_ends_the_walk_and_says_so(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_tree *tree = test_tree();
    struct pdk_view *view = pdk_view_take(tree);
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    pdk_view_cursor_init(&cursor, view, &f.mem);
    assert_true(pdk_view_next(&cursor, &node));
    pdk_fail_mem_at(&f, 1);
    assert_false(pdk_view_next(&cursor, &node));
    assert_true(cursor.path.failed);
    assert_false(pdk_view_next(&cursor, &node));
    pdk_view_cursor_deinit(&cursor);
    pdk_view_release(tree, view);
    pdk_tree_destroy(tree);
}

/* A reader thread that walks the view it is handed, again and again, until the next is put there.
 * */
struct hand_over {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct pdk_view *view; /* NULL: the reader has nothing */
    bool reading, stop;
    uint64_t walks;
    bool wrong;
};

static void *read_views(void *ctx)
{
    struct hand_over *h = ctx;
    (void)pthread_mutex_lock(&h->lock);
    while (!h->stop) {
        if (h->view == NULL) {
            (void)pthread_cond_wait(&h->changed, &h->lock);
            continue;
        }
        const struct pdk_view *view = h->view;
        h->reading = true;
        (void)pthread_mutex_unlock(&h->lock);
        uint64_t count = 0;
        uint64_t sum = sum_of(view, &count);
        (void)pthread_mutex_lock(&h->lock);
        h->wrong |= sum != pdk_view_digest(view) || count != pdk_view_znode_count(view);
        h->walks++;
        h->reading = false;
        (void)pthread_cond_broadcast(&h->changed);
    }
    (void)pthread_mutex_unlock(&h->lock);
    return NULL;
}

static void give(struct hand_over *h, const struct pdk_view *view)
{
    (void)pthread_mutex_lock(&h->lock);
    h->view = view;
    (void)pthread_cond_broadcast(&h->changed);
    (void)pthread_mutex_unlock(&h->lock);
}

/* Returns when the reader has walked it `walks` times in all and has let go. */
static void take_back(struct hand_over *h, uint64_t walks)
{
    (void)pthread_mutex_lock(&h->lock);
    while (h->walks < walks) (void)pthread_cond_wait(&h->changed, &h->lock);
    h->view = NULL;
    while (h->reading) (void)pthread_cond_wait(&h->changed, &h->lock);
    (void)pthread_mutex_unlock(&h->lock);
}

static void another_thread_reads_a_view_while_the_tree_changes(void **state)
{
    (void)state;
    static struct hand_over h = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .changed = PTHREAD_COND_INITIALIZER};
    struct pdk_tree *tree = big_tree(pdk_mem_heap());
    struct pdk_prng g;
    pthread_t reader;
    pdk_zxid zxid = 100000;
    print_message("seed 6\n");
    pdk_prng_init(&g, 6);
    assert_int_equal(pthread_create(&reader, NULL, read_views, &h), 0);
    for (int round = 0; round < 6; round++) {
        struct pdk_view *view = pdk_view_take(tree);
        assert_non_null(view);
        give(&h, view);
        for (int k = 0; k < 20; k++) {
            churn(tree, &g, 500, &zxid);
            (void)pdk_tree_tidy(tree);
        }
        take_back(&h, (uint64_t)round + 1);
        pdk_view_release(tree, view);
    }
    (void)pthread_mutex_lock(&h.lock);
    h.stop = true;
    (void)pthread_cond_broadcast(&h.changed);
    (void)pthread_mutex_unlock(&h.lock);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_false(h.wrong);
    assert_true(h.walks >= 6);
    pdk_tree_validate(tree);
    pdk_tree_destroy(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_of_a_fresh_tree_shows_the_builtin_znodes),
        cmocka_unit_test(a_view_stays_as_it_was_while_everything_changes),
        cmocka_unit_test(writing_one_znode_often_keeps_one_old_copy),
        cmocka_unit_test(freeing_after_a_view_is_cut_into_slices),
        cmocka_unit_test(the_acl_table_of_a_view_stays),
        cmocka_unit_test(a_deep_view_is_walked_without_a_stack),
        cmocka_unit_test(without_memory_there_is_no_view_and_nothing_has_changed),
        cmocka_unit_test(a_cursor_without_memory_ends_the_walk_and_says_so),
        cmocka_unit_test(another_thread_reads_a_view_while_the_tree_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
