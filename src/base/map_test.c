#include "base/map.h"

#include "base/mem_fail.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct pdk_hash_seed seed = {.k0 = 11, .k1 = 12};

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct pdk_map m;
    pdk_map_init(&m, pdk_mem_heap(), seed);
    uint64_t value = 5, key = 0;
    size_t at = 0;
    assert_false(pdk_map_get(&m, 1, &value));
    assert_false(pdk_map_get(&m, 0, &value));
    assert_int_equal(value, 5);
    assert_false(pdk_map_remove(&m, 1));
    assert_false(pdk_map_remove(&m, 0));
    assert_null(pdk_map_get_ptr(&m, 1));
    assert_false(pdk_map_next(&m, &at, &key, &value));
    assert_false(pdk_map_next(&m, &at, &key, &value));
    pdk_map_deinit(&m);
}

static void every_key_and_value_can_be_kept(void **state)
{
    (void)state;
    struct pdk_map m;
    pdk_map_init(&m, pdk_mem_heap(), seed);
    static const uint64_t keys[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, 0x9e3779b97f4a7c15u};
    for (size_t i = 0; i < PDK_COUNT_OF(keys); i++) {
        assert_int_equal(pdk_map_put(&m, keys[i], i), PDK_OK);
        assert_int_equal(pdk_map_put(&m, keys[i], i), PDK_OK);
    }
    assert_int_equal(m.count, PDK_COUNT_OF(keys));
    uint64_t value = 99, key = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(keys); i++) {
        assert_true(pdk_map_get(&m, keys[i], &value));
        assert_int_equal(value, i);
    }
    size_t seen = 0;
    for (size_t at = 0; pdk_map_next(&m, &at, &key, &value);) seen |= (size_t)1 << value;
    assert_int_equal(seen, 31);
    int thing = 0;
    assert_int_equal(pdk_map_put_ptr(&m, 1, &thing), PDK_OK);
    assert_ptr_equal(pdk_map_get_ptr(&m, 1), &thing);
    pdk_map_validate(&m);
    pdk_map_deinit(&m);
}

static void reserved_room_needs_no_memory(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_map m;
    pdk_map_init(&m, &f.mem, seed);
    assert_int_equal(pdk_map_reserve(&m, 1000), PDK_OK);
    pdk_fail_mem_at(&f, 1);
    for (uint64_t key = 0; key < 1000; key++) assert_int_equal(pdk_map_put(&m, key, key), PDK_OK);
    assert_int_equal(f.calls, 0);
    pdk_map_deinit(&m);
    assert_int_equal(f.live, 0);
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_map m;
    pdk_map_init(&m, &f.mem, seed);
    size_t refused = 0;
    for (uint64_t key = 1; key <= 500; key++) {
        pdk_fail_mem_at(&f, 1);
        if (pdk_map_put(&m, key, key) == PDK_OK) continue;
        refused++;
        assert_int_equal(m.count, key - 1);
        pdk_map_validate(&m);
        assert_int_equal(pdk_map_put(&m, key, key), PDK_OK);
    }
    assert_true(refused > 3);
    assert_int_equal(pdk_map_reserve(&m, SIZE_MAX), PDK_ENOMEM);
    assert_int_equal(m.count, 500);
    pdk_map_deinit(&m);
    assert_int_equal(f.live, 0);
}

static void random_operations_agree_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 600 };
    for (uint64_t run = 1; run <= 5; run++) {
        print_message("seed %llu\n", (unsigned long long)run);
        struct pdk_prng g;
        pdk_prng_init(&g, run);
        struct pdk_map m;
        pdk_map_init(&m, pdk_mem_heap(), (struct pdk_hash_seed){pdk_prng_next(&g), run});
        uint64_t model[KEYS] = {0};
        size_t count = 0;
        for (size_t step = 0; step < 60000; step++) {
            /* Waves of filling and emptying, so that runs form and break up. */
            uint64_t key = pdk_prng_below(&g, KEYS), value = 0;
            bool fill = pdk_prng_below(&g, 10) < (step / 5000 % 2 == 0 ? 7u : 3u);
            assert_int_equal(pdk_map_get(&m, key, &value), model[key] != 0);
            assert_int_equal(value, model[key]);
            if (fill) {
                count += model[key] == 0 ? 1 : 0;
                model[key] = 1 + pdk_prng_below(&g, 1000);
                assert_int_equal(pdk_map_put(&m, key, model[key]), PDK_OK);
            } else {
                assert_int_equal(pdk_map_remove(&m, key), model[key] != 0);
                count -= model[key] != 0 ? 1 : 0;
                model[key] = 0;
            }
            assert_int_equal(m.count, count);
            if (step % 256 == 0) pdk_map_validate(&m);
        }
        uint64_t key = 0, value = 0;
        size_t seen = 0;
        for (size_t at = 0; pdk_map_next(&m, &at, &key, &value); seen++)
            assert_int_equal(value, model[key]);
        assert_int_equal(seen, count);
        pdk_map_deinit(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(every_key_and_value_can_be_kept),
        cmocka_unit_test(reserved_room_needs_no_memory),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
