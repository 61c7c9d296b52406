#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shell/throttle.h"

static const struct pdk_throttle_config plain = {
    .tokens = 3, .fill_time_ms = 10, .fill_count = 2, .freeze_time_ms = -1};

static void a_full_bucket_passes_so_many_and_then_fills_with_time(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 1);
    struct pdk_throttle t;
    pdk_throttle_init(&t, &plain, 1000);
    static const struct {
        int64_t at, need;
        bool want;
    } steps[] = {
        {1000, 1, true},    {1000, 1, true}, {1005, 1, true},    {1009, 1, false},
        {1010, 1, true},    {1010, 1, true}, {1010, 1, false},   {1020, 3, false},
        {1029, 3, false},   {1030, 3, true}, {999999, 4, false}, {999999, 3, true},
        {999999, 1, false},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(steps); i++) {
        bool got = pdk_throttle_pass(&t, steps[i].need, steps[i].at, &prng);
        if (got != steps[i].want) fail_msg("step %zu: got %d", i, got);
    }
}

static void a_part_of_a_fill_time_is_not_lost(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 1);
    struct pdk_throttle t;
    pdk_throttle_init(&t, &plain, 1000);
    assert_true(pdk_throttle_pass(&t, 3, 1000, &prng));
    assert_true(pdk_throttle_pass(&t, 2, 1019, &prng));
    assert_true(pdk_throttle_pass(&t, 2, 1020, &prng));
}

static void off_passes_everything(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 1);
    struct pdk_throttle t;
    pdk_throttle_init(&t, &(struct pdk_throttle_config){.tokens = 0, .fill_time_ms = 1}, 0);
    for (int i = 0; i < 1000; i++) assert_true(pdk_throttle_pass(&t, 1000000, 0, &prng));
    assert_int_equal(pdk_throttle_deficit(&t), 0);
}

static void a_long_sleep_fills_the_bucket_and_no_more(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 1);
    const struct pdk_throttle_config big = {
        .tokens = 5, .fill_time_ms = 1, .fill_count = INT32_MAX, .freeze_time_ms = -1};
    struct pdk_throttle t;
    pdk_throttle_init(&t, &big, 0);
    assert_true(pdk_throttle_pass(&t, 5, 0, &prng));
    assert_true(pdk_throttle_pass(&t, 1, INT64_MAX / 2, &prng));
    assert_int_equal(pdk_throttle_deficit(&t), 1);
}

static void an_empty_bucket_drops_more_and_more_and_recovers(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 1);
    const struct pdk_throttle_config config = {.tokens = 1,
                                               .fill_time_ms = 1000000,
                                               .fill_count = 1,
                                               .freeze_time_ms = 9,
                                               .drop_increase = 0.25,
                                               .drop_decrease = 0.5,
                                               .decrease_ratio = 0.5};
    struct pdk_throttle t;
    pdk_throttle_init(&t, &config, 0);
    assert_true(pdk_throttle_pass(&t, 1, 0, &prng));
    for (int64_t i = 1; i <= 6; i++) (void)pdk_throttle_pass(&t, 1, i * 10, &prng);
    assert_true(t.drop == 1);
    /* Filled again, but everything is dropped until the probability has come down. */
    assert_false(pdk_throttle_pass(&t, 1, 1000000, &prng));
    assert_true(t.drop == 0.5);
    (void)pdk_throttle_pass(&t, 1, 1000010, &prng);
    assert_true(t.drop == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_passes_so_many_and_then_fills_with_time),
        cmocka_unit_test(a_part_of_a_fill_time_is_not_lost),
        cmocka_unit_test(off_passes_everything),
        cmocka_unit_test(a_long_sleep_fills_the_bucket_and_no_more),
        cmocka_unit_test(an_empty_bucket_drops_more_and_more_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
