#include "core/tree/index.h"

#include "base/mem_fail.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool has(const struct pdk_index *ix, uint32_t hash, uint32_t value)
{
    struct pdk_index_probe p = pdk_index_probe(ix, hash);
    for (uint32_t v = 0; (v = pdk_index_next(&p)) != 0;)
        if (v == value) return true;
    return false;
}

static void an_empty_index_finds_nothing(void **state)
{
    (void)state;
    struct pdk_index ix;
    assert_true(pdk_index_init(&ix, pdk_mem_heap()));
    struct pdk_index_probe p = pdk_index_probe(&ix, 0);
    assert_int_equal(pdk_index_next(&p), 0);
    p = pdk_index_probe(&ix, UINT32_MAX);
    assert_int_equal(pdk_index_next(&p), 0);
    pdk_index_validate(&ix);
    pdk_index_deinit(&ix);
}

static void values_of_one_hash_are_all_found(void **state)
{
    (void)state;
    struct pdk_index ix;
    assert_true(pdk_index_init(&ix, pdk_mem_heap()));
    /* At the very end of a segment, so that they wrap to its beginning. */
    for (uint32_t v = 1; v <= 20; v++) pdk_index_insert(&ix, 0xabcd01feu, v);
    uint64_t seen = 0;
    struct pdk_index_probe p = pdk_index_probe(&ix, 0xabcd01feu);
    for (uint32_t v = 0; (v = pdk_index_next(&p)) != 0;) seen |= UINT64_C(1) << v;
    assert_int_equal(seen, 0x1ffffe);
    pdk_index_validate(&ix);
    for (uint32_t v = 20; v > 0; v -= 2) pdk_index_remove(&ix, 0xabcd01feu, v);
    for (uint32_t v = 1; v <= 20; v++) assert_int_equal(has(&ix, 0xabcd01feu, v), v % 2 == 1);
    pdk_index_validate(&ix);
    pdk_index_deinit(&ix);
}

static void a_replaced_value_keeps_its_hash(void **state)
{
    (void)state;
    struct pdk_index ix;
    assert_true(pdk_index_init(&ix, pdk_mem_heap()));
    pdk_index_insert(&ix, 7, 1);
    pdk_index_insert(&ix, 7, 2);
    pdk_index_replace(&ix, 7, 1, 3);
    assert_false(has(&ix, 7, 1));
    assert_true(has(&ix, 7, 2));
    assert_true(has(&ix, 7, 3));
    assert_int_equal(ix.count, 2);
    pdk_index_deinit(&ix);
}

static void mixed_numbers_stay_distinct(void **state)
{
    (void)state;
    uint32_t xors = 0, ids = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_not_equal(pdk_index_mix(i), pdk_index_mix(i + 1));
        xors ^= pdk_index_mix(i << 20);
        ids ^= i << 20;
    }
    assert_int_not_equal(xors, ids);
    assert_int_equal(pdk_index_mix(0), 0);
}

/* Hashes of few bits come often, so that segments fill unevenly and clusters are long. */
static uint32_t draw_hash(struct pdk_prng *g, uint32_t mask)
{
    return pdk_index_mix((uint32_t)pdk_prng_next(g) & mask);
}

static void agrees_with_a_plain_list(uint64_t seed, uint32_t mask, size_t room)
{
    struct pdk_index ix;
    struct pdk_prng g;
    uint32_t *hashes = calloc(room, sizeof *hashes); /* value v stands at v - 1 */
    bool *in = calloc(room, sizeof *in);
    pdk_prng_init(&g, seed);
    assert_true(pdk_index_init(&ix, pdk_mem_heap()));
    for (size_t step = 0; step < 4 * room; step++) {
        size_t i = pdk_prng_below(&g, room);
        bool growing = step < room || step > 3 * room;
        if (!in[i]) {
            if (!growing && pdk_prng_below(&g, 4) != 0) continue;
            hashes[i] = draw_hash(&g, mask);
            pdk_index_insert(&ix, hashes[i], (uint32_t)i + 1);
        } else {
            if (growing && pdk_prng_below(&g, 4) != 0) continue;
            pdk_index_remove(&ix, hashes[i], (uint32_t)i + 1);
        }
        in[i] = !in[i];
        if (step % room == 0) pdk_index_validate(&ix);
    }
    for (size_t i = 0; i < room; i++)
        if (has(&ix, hashes[i], (uint32_t)i + 1) != in[i])
            fail_msg("seed %llu: value %zu", (unsigned long long)seed, i + 1);
    pdk_index_validate(&ix);
    pdk_index_deinit(&ix);
    free(hashes);
    free(in);
}

static void random_operations_agree_with_a_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        agrees_with_a_plain_list(seed, UINT32_MAX, 20000);
        agrees_with_a_plain_list(seed, 0xfff, 3000);
    }
}

static void refuses_to_start_without_memory_and_leaks_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    for (size_t n = 1; n <= 2; n++) {
        struct pdk_index ix;
        pdk_fail_mem_at(&f, n);
        assert_false(pdk_index_init(&ix, &f.mem));
        assert_int_equal(f.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_finds_nothing),
        cmocka_unit_test(values_of_one_hash_are_all_found),
        cmocka_unit_test(a_replaced_value_keeps_its_hash),
        cmocka_unit_test(mixed_numbers_stay_distinct),
        cmocka_unit_test(random_operations_agree_with_a_plain_list),
        cmocka_unit_test(refuses_to_start_without_memory_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
