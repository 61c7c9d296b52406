#include "base/base.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void slices_compare_by_bytes_and_null_equals_only_null(void **state)
{
    (void)state;
    assert_true(pdk_slice_eq(pdk_slice_str("ab"), pdk_slice_of("abc", 2)));
    assert_false(pdk_slice_eq(pdk_slice_str("ab"), pdk_slice_str("abc")));
    assert_false(pdk_slice_eq(pdk_slice_str("ab"), pdk_slice_str("ac")));
    assert_true(pdk_slice_eq(pdk_slice_null(), pdk_slice_null()));
    assert_false(pdk_slice_eq(pdk_slice_null(), pdk_slice_str("")));
    assert_true(pdk_slice_eq(pdk_slice_of(NULL, 0), pdk_slice_str("")));
    assert_true(pdk_slice_eq_str(pdk_slice_str("x"), "x"));
    assert_false(pdk_slice_eq_str(pdk_slice_null(), ""));
}

static void a_prefix_may_be_empty_or_the_whole(void **state)
{
    (void)state;
    assert_true(pdk_slice_starts_with(pdk_slice_str("/a/b"), pdk_slice_str("/a")));
    assert_true(pdk_slice_starts_with(pdk_slice_str("/a"), pdk_slice_str("/a")));
    assert_true(pdk_slice_starts_with(pdk_slice_str("/a"), pdk_slice_str("")));
    assert_false(pdk_slice_starts_with(pdk_slice_str("/a"), pdk_slice_str("/a/b")));
    assert_false(pdk_slice_starts_with(pdk_slice_str("/b"), pdk_slice_str("/a")));
}

static void sizes_that_overflow_are_reported(void **state)
{
    (void)state;
    size_t out = 0;
    assert_true(pdk_add_size(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_false(pdk_add_size(SIZE_MAX, 1, &out));
    assert_true(pdk_mul_size(SIZE_MAX / 2, 2, &out));
    assert_false(pdk_mul_size(SIZE_MAX / 2 + 1, 2, &out));
}

static void a_diag_is_cut_and_always_terminated(void **state)
{
    (void)state;
    struct pdk_diag diag;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    pdk_diag_set(&diag, "%s", text);
    assert_int_equal(strlen(diag.text), sizeof diag.text - 1);
    pdk_diag_set(&diag, "%s: %d", "file", 3);
    assert_string_equal(diag.text, "file: 3");
    pdk_diag_set(NULL, "nobody asks");
}

static void zeroed_memory_is_zero_and_an_overflowing_count_is_refused(void **state)
{
    (void)state;
    const struct pdk_mem *mem = pdk_mem_heap();
    uint8_t *p = pdk_mem_must_zero(mem, 100, 3);
    for (size_t i = 0; i < 300; i++) assert_int_equal(p[i], 0);
    p = pdk_mem_must_resize(mem, p, 1000);
    assert_int_equal(p[299], 0);
    pdk_mem_free(mem, p);
    assert_null(pdk_mem_try_zero(mem, SIZE_MAX / 2, 3));
    pdk_mem_free(mem, NULL);
}

static void every_error_has_a_name(void **state)
{
    (void)state;
    for (enum pdk_err e = PDK_OK; e <= PDK_EBUSY; e++)
        assert_string_not_equal(pdk_err_name(e), "unknown error");
    assert_string_equal(pdk_err_name(PDK_ENOSPC), "no space left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_by_bytes_and_null_equals_only_null),
        cmocka_unit_test(a_prefix_may_be_empty_or_the_whole),
        cmocka_unit_test(sizes_that_overflow_are_reported),
        cmocka_unit_test(a_diag_is_cut_and_always_terminated),
        cmocka_unit_test(zeroed_memory_is_zero_and_an_overflowing_count_is_refused),
        cmocka_unit_test(every_error_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
