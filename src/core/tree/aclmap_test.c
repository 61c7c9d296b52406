#include "core/tree/aclmap.h"

#include "core/tree/testing.h"

static struct pdk_aclmap make(void)
{
    struct pdk_aclmap m;
    assert_true(pdk_aclmap_init(&m, pdk_mem_heap(), (struct pdk_hash_seed){1, 2}));
    return m;
}

static uint32_t intern(struct pdk_aclmap *m, int32_t perms)
{
    struct test_acl acl = test_acl(perms);
    uint32_t id = pdk_aclmap_intern(m, test_acl_slice(&acl));
    assert_int_not_equal(id, 0);
    return id;
}

static uint32_t find(const struct pdk_aclmap *m, int32_t perms)
{
    struct test_acl acl = test_acl(perms);
    return pdk_aclmap_find(m, test_acl_slice(&acl));
}

static void equal_lists_share_an_id_and_are_counted(void **state)
{
    (void)state;
    struct pdk_aclmap m = make();
    uint32_t a = intern(&m, 1), b = intern(&m, 2);
    assert_int_equal(intern(&m, 1), a);
    assert_int_not_equal(a, b);
    assert_int_equal(pdk_aclmap_refs(&m, a), 2);
    assert_int_equal(pdk_aclmap_refs(&m, b), 1);
    assert_int_equal(m.live, 2);
    struct test_acl acl = test_acl(2);
    assert_true(pdk_slice_eq(pdk_aclmap_list(&m, b), test_acl_slice(&acl)));
    pdk_aclmap_validate(&m);
    pdk_aclmap_deinit(&m);
}

static void a_dropped_list_is_readable_until_the_second_next_change(void **state)
{
    (void)state;
    struct pdk_aclmap m = make();
    uint32_t a = intern(&m, 1);
    pdk_aclmap_step(&m);
    pdk_aclmap_release(&m, a);
    assert_int_equal(m.live, 0);
    assert_int_equal(pdk_aclmap_next(&m, 0), 0);
    pdk_aclmap_step(&m);
    assert_int_equal(pdk_aclmap_list(&m, a).len, 27);
    pdk_aclmap_validate(&m);
    pdk_aclmap_step(&m);
    assert_int_equal(pdk_aclmap_list(&m, a).len, 0);
    assert_int_equal(find(&m, 1), 0);
    pdk_aclmap_validate(&m);
    pdk_aclmap_deinit(&m);
}

static void a_list_taken_up_again_before_it_is_freed_lives_on(void **state)
{
    (void)state;
    struct pdk_aclmap m = make();
    uint32_t a = intern(&m, 1);
    pdk_aclmap_step(&m);
    pdk_aclmap_release(&m, a);
    pdk_aclmap_step(&m);
    assert_int_equal(intern(&m, 1), a);
    for (int i = 0; i < 5; i++) pdk_aclmap_step(&m);
    assert_int_equal(pdk_aclmap_refs(&m, a), 1);
    assert_int_equal(find(&m, 1), a);
    pdk_aclmap_validate(&m);
    pdk_aclmap_deinit(&m);
}

static void a_list_that_dies_twice_in_a_row_gets_the_later_grace(void **state)
{
    (void)state;
    struct pdk_aclmap m = make();
    uint32_t a = intern(&m, 1);
    pdk_aclmap_step(&m);
    pdk_aclmap_release(&m, a);
    pdk_aclmap_step(&m);
    assert_int_equal(intern(&m, 1), a);
    pdk_aclmap_release(&m, a);
    pdk_aclmap_step(&m);
    assert_int_equal(pdk_aclmap_list(&m, a).len, 27);
    pdk_aclmap_step(&m);
    assert_int_equal(pdk_aclmap_list(&m, a).len, 0);
    pdk_aclmap_validate(&m);
    pdk_aclmap_deinit(&m);
}

static void ids_of_freed_lists_are_used_again(void **state)
{
    (void)state;
    struct pdk_aclmap m = make();
    uint32_t a = intern(&m, 1), b = intern(&m, 2);
    pdk_aclmap_release_now(&m, a);
    assert_int_equal(find(&m, 1), 0);
    assert_int_equal(intern(&m, 3), a);
    assert_int_equal(pdk_aclmap_next(&m, 0), a);
    assert_int_equal(pdk_aclmap_next(&m, a), b);
    assert_int_equal(pdk_aclmap_next(&m, b), 0);
    pdk_aclmap_validate(&m);
    pdk_aclmap_deinit(&m);
}

static void lists_that_differ_in_length_only_are_told_apart(void **state)
{
    (void)state;
    struct pdk_aclmap m = make();
    static uint8_t bytes[5000];
    uint32_t ids[5000];
    for (uint32_t len = 1; len <= 3000; len++)
        ids[len] = pdk_aclmap_intern(&m, pdk_slice_of(bytes, len));
    for (uint32_t len = 1; len <= 3000; len++) {
        assert_int_equal(pdk_aclmap_find(&m, pdk_slice_of(bytes, len)), ids[len]);
        assert_int_equal(pdk_aclmap_list(&m, ids[len]).len, len);
    }
    assert_int_equal(m.live, 3000);
    pdk_aclmap_validate(&m);
    pdk_aclmap_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_lists_share_an_id_and_are_counted),
        cmocka_unit_test(a_dropped_list_is_readable_until_the_second_next_change),
        cmocka_unit_test(a_list_taken_up_again_before_it_is_freed_lives_on),
        cmocka_unit_test(a_list_that_dies_twice_in_a_row_gets_the_later_grace),
        cmocka_unit_test(ids_of_freed_lists_are_used_again),
        cmocka_unit_test(lists_that_differ_in_length_only_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
