#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_seed_gives_the_values_of_another_implementation(void **state)
{
    (void)state;
    /* splitmix64 into xoshiro256**, as their authors publish them; computed independently. */
    static const struct {
        uint64_t seed, value[3], hundredth;
    } want[] = {
        {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0}, 0x3cb72d021fba219c},
        {1, {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514}, 0x8ffcb3abe15e0bf9},
        {42, {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1}, 0x0e67446e763165cd},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(want); i++) {
        struct pdk_prng g;
        pdk_prng_init(&g, want[i].seed);
        for (size_t k = 0; k < 3; k++) assert_true(pdk_prng_next(&g) == want[i].value[k]);
        for (size_t k = 3; k < 99; k++) (void)pdk_prng_next(&g);
        assert_true(pdk_prng_next(&g) == want[i].hundredth);
    }
}

static void below_stays_below_and_reaches_every_value(void **state)
{
    (void)state;
    struct pdk_prng g;
    pdk_prng_init(&g, 7);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = pdk_prng_below(&g, 10);
        assert_true(x < 10);
        seen |= 1u << x;
    }
    assert_int_equal(seen, 0x3ff);
    assert_int_equal(pdk_prng_below(&g, 1), 0);
    for (int i = 0; i < 100; i++) (void)pdk_prng_below(&g, UINT64_MAX);
}

static void below_is_even_for_a_bound_that_does_not_divide(void **state)
{
    (void)state;
    /* With bound 3 * 2^62 a plain remainder would give the lowest third half of all values. */
    const uint64_t bound = UINT64_C(3) << 62;
    struct pdk_prng g;
    pdk_prng_init(&g, 11);
    int low = 0;
    for (int i = 0; i < 3000; i++) {
        if (pdk_prng_below(&g, bound) < UINT64_C(1) << 62) low++;
    }
    assert_in_range(low, 900, 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_values_of_another_implementation),
        cmocka_unit_test(below_stays_below_and_reaches_every_value),
        cmocka_unit_test(below_is_even_for_a_bound_that_does_not_divide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
