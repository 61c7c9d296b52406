#include "tools/load/load.h"
#include "tools/load/report.h"

#include "proto/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct pdk_load_settings below(const char *prefix, uint32_t dirs)
{
    return (struct pdk_load_settings){.prefix = prefix, .prefix_len = strlen(prefix), .dirs = dirs};
}

static void expect_key(const struct pdk_load_settings *s, uint64_t key, const char *want)
{
    char path[PDK_LOAD_PATH_MAX] = {0};
    assert_int_equal(pdk_load_key_path(s, key, path), strlen(want));
    assert_memory_equal(path, want, strlen(want));
}

static void keys_have_names_of_24_bytes_below_the_prefix(void **state)
{
    (void)state;
    struct pdk_load_settings s = below("/a/b", 0);
    expect_key(&s, 0, "/a/b/key-00000000000000000000");
    expect_key(&s, 90, "/a/b/key-00000000000000000090");
    expect_key(&s, UINT64_MAX, "/a/b/key-18446744073709551615");
}

static void keys_are_spread_over_the_parents(void **state)
{
    (void)state;
    struct pdk_load_settings s = below("/p", 100);
    char path[PDK_LOAD_PATH_MAX];
    expect_key(&s, 1234, "/p/d000034/key-00000000000000001234");
    assert_int_equal(pdk_load_dir_path(&s, 34, path), strlen("/p/d000034"));
    assert_memory_equal(path, "/p/d000034", strlen("/p/d000034"));
}

static void the_longest_prefix_leaves_room_for_both_names(void **state)
{
    (void)state;
    char prefix[PDK_LOAD_PREFIX_MAX + 1];
    memset(prefix, 'p', sizeof prefix);
    prefix[0] = '/';
    prefix[PDK_LOAD_PREFIX_MAX] = '\0';
    struct pdk_load_settings s = below(prefix, 1000000);
    char path[PDK_LOAD_PATH_MAX];
    assert_in_range(pdk_load_key_path(&s, UINT64_MAX, path), PDK_LOAD_PREFIX_MAX,
                    PDK_LOAD_PATH_MAX);
}

static void cpu_time_of_a_process_is_found_and_of_none_is_not(void **state)
{
    (void)state;
    double self_s = pdk_load_cpu_of(getpid());
    assert_true(self_s >= 0);
    assert_true(pdk_load_cpu_of(INT32_MAX) < 0);
    /* Both count the same; the file in hundredths of a second. */
    while (pdk_load_cpu_of_self() < self_s + 0.1) {
    }
    assert_true(pdk_load_cpu_of(getpid()) > self_s);
}

static void errors_are_counted_by_code(void **state)
{
    (void)state;
    struct pdk_load_report *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    pdk_load_report_error(a, PDK_CODE_NO_NODE);
    pdk_load_report_error(a, PDK_CODE_BAD_VERSION);
    pdk_load_report_error(b, PDK_CODE_BAD_VERSION);
    for (int32_t code = -1000; code < -900; code++) pdk_load_report_error(b, code);
    a->seconds = 2;
    b->seconds = 3;
    pdk_load_report_merge(a, b);
    assert_int_equal(a->errors[0].code, PDK_CODE_NO_NODE);
    assert_int_equal(a->errors[0].count, 1);
    assert_int_equal(a->errors[1].code, PDK_CODE_BAD_VERSION);
    assert_int_equal(a->errors[1].count, 2);
    assert_int_equal(pdk_load_report_errors(a), 103); /* however many kinds there are */
    assert_true(a->seconds > 2.9 && a->seconds < 3.1);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_names_of_24_bytes_below_the_prefix),
        cmocka_unit_test(keys_are_spread_over_the_parents),
        cmocka_unit_test(the_longest_prefix_leaves_room_for_both_names),
        cmocka_unit_test(cpu_time_of_a_process_is_found_and_of_none_is_not),
        cmocka_unit_test(errors_are_counted_by_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
