#include "base/metric.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_empty_summary_is_all_zero(void **state)
{
    (void)state;
    struct pdk_summary s = {0};
    assert_true(pdk_summary_average(&s) == 0);
    struct pdk_summary other = {0};
    pdk_summary_merge(&s, &other);
    assert_int_equal(s.count, 0);
    assert_int_equal(s.min, 0);
}

static void a_summary_keeps_count_sum_smallest_and_largest(void **state)
{
    (void)state;
    struct pdk_summary s = {0};
    pdk_summary_add(&s, 7);
    assert_int_equal(s.min, 7);
    assert_int_equal(s.max, 7);
    pdk_summary_add(&s, 3);
    pdk_summary_add(&s, 12);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.sum, 22);
    assert_int_equal(s.min, 3);
    assert_int_equal(s.max, 12);
    assert_true(pdk_summary_average(&s) == 7.3333);
}

static void averages_are_rounded_to_four_decimals(void **state)
{
    (void)state;
    static const struct {
        uint64_t sum, count;
        double want;
    } cases[] = {
        {1, 3, 0.3333}, {2, 3, 0.6667}, {1, 20000, 0.0001}, {1, 20001, 0.0}, {17, 2, 8.5},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_summary s = {.count = cases[i].count, .sum = cases[i].sum};
        double got = pdk_summary_average(&s);
        if (got != cases[i].want) fail_msg("case %zu: got %.6f, want %.6f", i, got, cases[i].want);
    }
}

static void merging_is_as_if_all_had_been_added_to_one(void **state)
{
    (void)state;
    struct pdk_percentiles *one = calloc(3, sizeof *one);
    assert_non_null(one);
    struct pdk_percentiles *a = one + 1, *b = one + 2;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 7);
    for (int i = 0; i < 1000; i++) {
        uint64_t value = pdk_prng_next(&prng) >> (pdk_prng_next(&prng) % 64);
        pdk_percentiles_add(one, value);
        pdk_percentiles_add(i % 3 == 0 ? a : b, value);
    }
    pdk_percentiles_merge(a, b);
    assert_memory_equal(one, a, sizeof *one);
    free(one);
}

static void buckets_rise_with_the_value_and_never_leave_the_table(void **state)
{
    (void)state;
    assert_int_equal(pdk_percentiles_bucket(0), 0);
    assert_int_equal(pdk_percentiles_bucket(63), 63);
    assert_int_equal(pdk_percentiles_bucket(UINT64_MAX), PDK_PERCENTILE_BUCKETS - 1);
    size_t last = 0;
    for (uint64_t value = 0; value < (UINT64_C(1) << 41); value += value / 97 + 1) {
        size_t bucket = pdk_percentiles_bucket(value);
        assert_true(bucket >= last && bucket < PDK_PERCENTILE_BUCKETS);
        last = bucket;
    }
}

static void percentiles_are_exact_below_64(void **state)
{
    (void)state;
    struct pdk_percentiles *p = calloc(1, sizeof *p);
    assert_non_null(p);
    assert_int_equal(pdk_percentiles_at(p, 500), 0);
    for (uint64_t value = 1; value <= 10; value++) pdk_percentiles_add(p, value);
    assert_int_equal(pdk_percentiles_at(p, 1), 1);
    assert_int_equal(pdk_percentiles_at(p, 500), 5);
    assert_int_equal(pdk_percentiles_at(p, 501), 6);
    assert_int_equal(pdk_percentiles_at(p, 950), 10);
    assert_int_equal(pdk_percentiles_at(p, 1000), 10);
    free(p);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_at_most_a_thirty_second_too_large(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    uint64_t *values = calloc(COUNT, sizeof *values);
    struct pdk_percentiles *p = calloc(1, sizeof *p);
    assert_true(values != NULL && p != NULL);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 11);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = (pdk_prng_next(&prng) & 0xffffffffff) >> (pdk_prng_next(&prng) % 40);
        pdk_percentiles_add(p, values[i]);
    }
    qsort(values, COUNT, sizeof *values, compare);
    for (unsigned per_mille = 1; per_mille <= 1000; per_mille++) {
        uint64_t exact = values[(COUNT * per_mille + 999) / 1000 - 1];
        uint64_t got = pdk_percentiles_at(p, per_mille);
        if (got < exact || got > exact + exact / 32)
            fail_msg("%u per mille: got %llu, exact %llu", per_mille, (unsigned long long)got,
                     (unsigned long long)exact);
    }
    free(values);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_summary_is_all_zero),
        cmocka_unit_test(a_summary_keeps_count_sum_smallest_and_largest),
        cmocka_unit_test(averages_are_rounded_to_four_decimals),
        cmocka_unit_test(merging_is_as_if_all_had_been_added_to_one),
        cmocka_unit_test(buckets_rise_with_the_value_and_never_leave_the_table),
        cmocka_unit_test(percentiles_are_exact_below_64),
        cmocka_unit_test(percentiles_are_at_most_a_thirty_second_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
