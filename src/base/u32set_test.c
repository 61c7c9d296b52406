#include "base/u32set.h"

#include "base/mem_fail.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The naive set: a sorted array. */
struct model {
    uint32_t *values;
    size_t count;
};

static size_t model_index(const struct model *m, uint32_t value)
{
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (m->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool model_has(const struct model *m, uint32_t value)
{
    size_t i = model_index(m, value);
    return i < m->count && m->values[i] == value;
}

static void model_set(struct model *m, uint32_t value, bool in)
{
    size_t i = model_index(m, value);
    if (model_has(m, value) == in) return;
    if (in) {
        for (size_t j = m->count++; j > i; j--) m->values[j] = m->values[j - 1];
        m->values[i] = value;
    } else {
        m->count--;
        for (size_t j = i; j < m->count; j++) m->values[j] = m->values[j + 1];
    }
}

static void assert_same(const struct pdk_u32set *s, const struct model *m)
{
    pdk_u32set_validate(s);
    assert_int_equal(pdk_u32set_count(s), m->count);
    size_t i = 0;
    for (uint32_t v = 0; pdk_u32set_at_least(s, v, &v); v++) {
        assert_true(i < m->count);
        assert_int_equal(v, m->values[i]);
        i++;
    }
    assert_int_equal(i, m->count);
}

static void the_empty_set_has_nothing(void **state)
{
    (void)state;
    struct pdk_u32set s = {0};
    uint32_t v = 5;
    assert_true(pdk_u32set_is_empty(&s));
    assert_int_equal(pdk_u32set_count(&s), 0);
    assert_false(pdk_u32set_has(&s, 0));
    assert_false(pdk_u32set_at_least(&s, 0, &v));
    assert_false(pdk_u32set_remove(&s, pdk_mem_heap(), 0));
    pdk_u32set_clear(&s, pdk_mem_heap());
    assert_int_equal(v, 5);
}

static void two_values_need_no_memory(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 2, 65535, 65536, PDK_U32SET_MAX - 1, PDK_U32SET_MAX};
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    for (size_t a = 0; a < PDK_COUNT_OF(values); a++) {
        for (size_t b = 0; b < PDK_COUNT_OF(values); b++) {
            struct pdk_u32set s = {0};
            assert_int_equal(pdk_u32set_add(&s, &f.mem, values[a]), PDK_OK);
            assert_int_equal(pdk_u32set_add(&s, &f.mem, values[b]), PDK_OK);
            pdk_u32set_validate(&s);
            for (size_t c = 0; c < PDK_COUNT_OF(values); c++)
                assert_int_equal(pdk_u32set_has(&s, values[c]), c == a || c == b);
            assert_int_equal(pdk_u32set_count(&s), a == b ? 1 : 2);
            assert_true(pdk_u32set_remove(&s, &f.mem, values[a]));
            assert_int_equal(pdk_u32set_has(&s, values[b]), a != b);
            assert_false(pdk_u32set_remove(&s, &f.mem, values[a]));
            assert_int_equal(pdk_u32set_remove(&s, &f.mem, values[b]), a != b);
            assert_true(pdk_u32set_is_empty(&s));
        }
    }
    assert_int_equal(f.calls, 0);
}

/* All sizes up to well past every change of form, up and down, ascending and descending. */
static void every_size_is_reached_in_both_directions(void **state)
{
    (void)state;
    static const uint32_t steps[] = {1, 3, 1000, 70000};
    for (size_t k = 0; k < PDK_COUNT_OF(steps) * 2; k++) {
        uint32_t step = steps[k / 2], most = step == 1 ? 5000 : 300;
        bool up = k % 2 == 0;
        struct pdk_u32set s = {0};
        for (uint32_t i = 0; i < most; i++) {
            uint32_t value = (up ? i : most - 1 - i) * step;
            assert_false(pdk_u32set_has(&s, value));
            assert_int_equal(pdk_u32set_add(&s, pdk_mem_heap(), value), PDK_OK);
            assert_true(pdk_u32set_has(&s, value));
            assert_int_equal(pdk_u32set_count(&s), i + 1);
            if (i < 200 || i % 512 == 0) pdk_u32set_validate(&s);
        }
        for (uint32_t i = 0; i < most; i++) {
            uint32_t value = (up ? i : most - 1 - i) * step, least = 0;
            assert_true(pdk_u32set_at_least(&s, 0, &least));
            assert_int_equal(least, up ? value : 0);
            assert_true(pdk_u32set_remove(&s, pdk_mem_heap(), value));
            assert_false(pdk_u32set_has(&s, value));
            assert_int_equal(pdk_u32set_count(&s), most - i - 1);
            if (most - i < 200 || i % 512 == 0) pdk_u32set_validate(&s);
        }
        assert_true(pdk_u32set_is_empty(&s));
    }
}

static void a_search_finds_the_next_value_in_every_form(void **state)
{
    (void)state;
    static const struct {
        uint32_t start, step, count;
    } rows[] = {{0, 30, 1},        {0, 30, 2},         {0, 30, 3},      {0, 30, 64},
                {0, 30, 65},       {0, 30, 500},       {0, 15, 4370},   {5, 2, 40000},
                {60000, 1, 11000}, {7, 65536, 100},    {9, 65535, 90},  {70, 65537, 80},
                {0, 99, 1000},     {123, 200003, 100}, {65535, 1, 4500}};
    for (size_t k = 0; k < PDK_COUNT_OF(rows); k++) {
        struct pdk_u32set s = {0};
        for (uint32_t i = 0; i < rows[k].count; i++)
            assert_int_equal(pdk_u32set_add(&s, pdk_mem_heap(), rows[k].start + i * rows[k].step),
                             PDK_OK);
        uint32_t v = 0, last = rows[k].start + (rows[k].count - 1) * rows[k].step;
        for (uint32_t from = 0; from <= last; from += 1 + rows[k].step / 50) {
            uint32_t above = from > rows[k].start ? from - rows[k].start : 0;
            uint32_t want =
                rows[k].start + (above + rows[k].step - 1) / rows[k].step * rows[k].step;
            if (!pdk_u32set_at_least(&s, from, &v) || v != want)
                fail_msg("row %zu: from %u got %u, want %u", k, from, v, want);
        }
        v = 77;
        assert_false(pdk_u32set_at_least(&s, last + 1, &v));
        assert_false(pdk_u32set_at_least(&s, PDK_U32SET_MAX, &v));
        assert_false(pdk_u32set_at_least(&s, UINT32_MAX, &v));
        assert_int_equal(v, 77);
        pdk_u32set_clear(&s, pdk_mem_heap());
        assert_true(pdk_u32set_is_empty(&s));
    }
}

static void random_operations_agree_with_an_array(void **state)
{
    (void)state;
    static const uint64_t ranges[] = {8, 100, 3000, 9000, 200000, (uint64_t)PDK_U32SET_MAX + 1};
    for (uint64_t run = 1; run <= 2 * PDK_COUNT_OF(ranges); run++) {
        uint64_t range = ranges[run % PDK_COUNT_OF(ranges)];
        print_message("seed %llu range %llu\n", (unsigned long long)run, (unsigned long long)range);
        struct pdk_prng g;
        pdk_prng_init(&g, run);
        struct pdk_u32set s = {0};
        struct model m = {.values = calloc(30000, sizeof(uint32_t))};
        assert_non_null(m.values);
        for (size_t step = 0; step < 21000; step++) {
            /* Waves of filling and emptying; often a value that is there. */
            uint32_t value = m.count > 0 && pdk_prng_below(&g, 3) == 0
                                 ? m.values[pdk_prng_below(&g, m.count)]
                                 : (uint32_t)pdk_prng_below(&g, range);
            bool add = pdk_prng_below(&g, 10) < (step / 7000 % 2 == 0 ? 9u : 1u);
            assert_int_equal(pdk_u32set_has(&s, value), model_has(&m, value));
            if (add)
                assert_int_equal(pdk_u32set_add(&s, pdk_mem_heap(), value), PDK_OK);
            else
                assert_int_equal(pdk_u32set_remove(&s, pdk_mem_heap(), value),
                                 model_has(&m, value));
            model_set(&m, value, add);
            if (step % 1000 == 0) assert_same(&s, &m);
        }
        assert_same(&s, &m);
        pdk_u32set_clear(&s, pdk_mem_heap());
        free(m.values);
    }
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    static uint32_t values[6000];
    static const uint32_t steps[] = {1, 50000};
    for (size_t k = 0; k < PDK_COUNT_OF(steps); k++) {
        struct pdk_u32set s = {0};
        struct model m = {.values = values};
        size_t refused = 0, most = steps[k] == 1 ? 5000 : 300;
        while (m.count < most) {
            uint32_t value = (uint32_t)m.count * steps[k];
            for (size_t nth = 1;; nth++) {
                pdk_fail_mem_at(&f, nth);
                if (pdk_u32set_add(&s, &f.mem, value) == PDK_OK) break;
                refused++;
                assert_same(&s, &m);
            }
            model_set(&m, value, true);
        }
        assert_true(refused > 10);
        /* Taking away works without memory and leaves nothing behind. */
        f.mem.resize = pdk_fail_mem_never;
        while (m.count > 0) {
            uint32_t value = m.values[m.count / 2];
            assert_true(pdk_u32set_remove(&s, &f.mem, value));
            model_set(&m, value, false);
            if (m.count < 100 || m.count % 100 == 0) assert_same(&s, &m);
        }
        assert_true(pdk_u32set_is_empty(&s));
        assert_int_equal(f.live, 0);
        f.mem.resize = pdk_fail_mem_resize;
    }
}

static void a_set_that_shrank_is_small_again(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_u32set s = {0};
    for (uint32_t v = 0; v < 20000; v++) assert_int_equal(pdk_u32set_add(&s, &f.mem, v), PDK_OK);
    for (uint32_t v = 2; v < 20000; v++) assert_true(pdk_u32set_remove(&s, &f.mem, v));
    assert_int_equal(f.live, 0);
    assert_true(pdk_u32set_has(&s, 0));
    assert_true(pdk_u32set_has(&s, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_set_has_nothing),
        cmocka_unit_test(two_values_need_no_memory),
        cmocka_unit_test(every_size_is_reached_in_both_directions),
        cmocka_unit_test(a_search_finds_the_next_value_in_every_form),
        cmocka_unit_test(random_operations_agree_with_an_array),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(a_set_that_shrank_is_small_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
