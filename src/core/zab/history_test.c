#include "base/prng.h"
#include "core/zab/testing.h"

#define FAR ((size_t)1 << 40)

static void zxids_follow_within_an_epoch_or_begin_a_later_one(void **state)
{
    (void)state;
    static const struct {
        pdk_zxid last, next;
        bool want;
    } cases[] = {
        {0, 1, true},
        {0, 2, false},
        {ZXID(1, 5), ZXID(1, 6), true},
        {ZXID(1, 5), ZXID(1, 5), false},
        {ZXID(1, 5), ZXID(1, 7), false},
        {ZXID(1, 5), ZXID(1, 4), false},
        {ZXID(1, 5), ZXID(2, 1), true},
        {ZXID(1, 5), ZXID(7, 1), true},
        {ZXID(1, 5), ZXID(2, 0), false},
        {ZXID(1, 5), ZXID(2, 2), false},
        {ZXID(2, 5), ZXID(1, 1), false},
        {ZXID(2, 0), ZXID(2, 1), true},
        {ZXID(2, UINT32_MAX), ZXID(3, 0), false},
        {ZXID(2, UINT32_MAX), ZXID(3, 1), true},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        if (pdk_zxid_follows(cases[i].last, cases[i].next) != cases[i].want)
            fail_msg("case %zu: not %d", i, (int)cases[i].want);
    }
}

static void check_entry(const struct pdk_history *h, size_t index, pdk_zxid zxid, size_t body_len)
{
    uint8_t want[TEST_TXN_LEN(2000)];
    const struct pdk_history_entry *e = pdk_history_at(h, index);
    assert_int_equal(e->zxid, zxid);
    test_fill_txn(want, zxid, body_len);
    assert_true(pdk_slice_eq(pdk_history_txn(e), pdk_slice_of(want, TEST_TXN_LEN(body_len))));
}

static void entries_stand_in_order_and_are_found_by_zxid(void **state)
{
    (void)state;
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 500, FAR);
    pdk_history_reset(h, ZXID(3, 9));
    assert_int_equal(pdk_history_last(h), ZXID(3, 9));
    assert_int_equal(pdk_history_after(h, ZXID(3, 4)), 0);
    test_add(h, ZXID(3, 10), 4);
    test_add(h, ZXID(3, 11), 0);
    test_add(h, ZXID(5, 1), 7);
    assert_int_equal(pdk_history_base(h), ZXID(3, 9));
    assert_int_equal(pdk_history_last(h), ZXID(5, 1));
    assert_int_equal(pdk_history_count(h), 3);
    check_entry(h, 0, ZXID(3, 10), 4);
    check_entry(h, 1, ZXID(3, 11), 0);
    check_entry(h, 2, ZXID(5, 1), 7);
    static const struct {
        pdk_zxid zxid;
        size_t want;
    } after[] = {{0, 0},           {ZXID(3, 9), 0},  {ZXID(3, 10), 1},
                 {ZXID(3, 11), 2}, {ZXID(3, 12), 2}, {ZXID(4, 0), 2},
                 {ZXID(5, 0), 2},  {ZXID(5, 1), 3},  {ZXID(6, 1), 3}};
    for (size_t i = 0; i < PDK_COUNT_OF(after); i++) {
        if (pdk_history_after(h, after[i].zxid) != after[i].want)
            fail_msg("after case %zu: %zu", i, pdk_history_after(h, after[i].zxid));
    }
    pdk_history_destroy(h);
}

static void release_keeps_a_count_and_more_within_bytes(void **state)
{
    (void)state;
    size_t record = TEST_TXN_LEN(100) + PDK_LOG_FRAME_BYTES;
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 5, 8 * record);
    for (uint32_t i = 1; i <= 20; i++) test_add(h, ZXID(1, i), 100);

    pdk_history_release(h, ZXID(1, 4)); /* 4 are fewer than 5 */
    assert_int_equal(pdk_history_base(h), 0);
    pdk_history_release(h, ZXID(1, 12)); /* too many bytes: only 5 of these 12 stay */
    assert_int_equal(pdk_history_base(h), ZXID(1, 7));
    assert_int_equal(pdk_history_count(h), 13);
    pdk_history_release(h, ZXID(1, 20)); /* 7 take less than the limit */
    assert_int_equal(pdk_history_base(h), ZXID(1, 13));
    assert_int_equal(pdk_history_count(h), 7);
    assert_int_equal(pdk_history_bytes(h), 7 * record);
    check_entry(h, 0, ZXID(1, 14), 100);
    pdk_history_destroy(h);
}

/* Records of all sizes, one larger than any block, released in between: what stays is untouched,
 * where it lay. */
static void records_keep_bytes_and_addresses_until_release(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 10, 500, 2000};
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 300, 1000);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 7);
    static uint8_t *address[3001];
    static size_t body[3001];
    for (uint32_t i = 1; i <= 3000; i++) {
        body[i] = sizes[pdk_prng_next(&prng) % PDK_COUNT_OF(sizes)];
        test_add(h, ZXID(1, i), body[i]);
        address[i] = pdk_history_at(h, pdk_history_count(h) - 1)->record;
        if (i % 97 == 0) pdk_history_release(h, ZXID(1, i - i % 50));
        if (i % 211 != 0) continue;
        for (size_t k = 0; k < pdk_history_count(h); k++) {
            uint32_t n = PDK_ZXID_COUNTER(pdk_history_at(h, k)->zxid);
            check_entry(h, k, ZXID(1, n), body[n]);
            assert_ptr_equal(pdk_history_at(h, k)->record, address[n]);
        }
    }
    assert_true(pdk_history_count(h) < 500);
    pdk_history_destroy(h);
}

static void a_record_larger_than_any_block_has_its_own(void **state)
{
    (void)state;
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 0, 0);
    size_t large = (size_t)3 << 20;
    test_add(h, 1, 1);
    uint8_t *record = pdk_history_add(h, 2, large);
    memset(record, 0xaa, large + PDK_LOG_FRAME_BYTES);
    test_add(h, 3, 1);
    check_entry(h, 0, 1, 1);
    check_entry(h, 2, 3, 1);
    pdk_history_release(h, 3);
    assert_int_equal(pdk_history_count(h), 0);
    assert_int_equal(pdk_history_bytes(h), 0);
    pdk_history_destroy(h);
}

static void reset_forgets_and_goes_on_from_its_base(void **state)
{
    (void)state;
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 10, FAR);
    for (uint32_t i = 1; i <= 1000; i++) test_add(h, ZXID(1, i), 1000);
    pdk_history_reset(h, ZXID(4, 0));
    assert_int_equal(pdk_history_count(h), 0);
    assert_int_equal(pdk_history_bytes(h), 0);
    assert_int_equal(pdk_history_last(h), ZXID(4, 0));
    test_add(h, ZXID(4, 1), 3);
    check_entry(h, 0, ZXID(4, 1), 3);
    pdk_history_destroy(h);
}

/* The sanitizer sees whether the bytes are still there. */
static void what_is_retired_stays_until_it_is_written(void **state)
{
    (void)state;
    struct pdk_history *h = pdk_history_create(pdk_mem_heap(), 5, 1000);
    const uint8_t *records[3];
    for (uint32_t i = 1; i <= 2; i++) {
        uint8_t *record = pdk_history_add(h, ZXID(1, i), 300000);
        memset(record, (int)i, 300000);
        records[i - 1] = record;
    }
    pdk_history_retire(h, ZXID(3, 9));
    assert_int_equal(pdk_history_count(h), 0);
    assert_int_equal(pdk_history_last(h), ZXID(3, 9));
    uint8_t *other = pdk_history_add(h, ZXID(4, 1), 300000);
    memset(other, 7, 300000);
    pdk_history_reset(h, ZXID(1, 2)); /* given up: as it was, but for what memory holds */
    pdk_history_written(h, ZXID(1, 1));
    assert_int_equal(records[0][299999], 1);
    assert_int_equal(records[1][299999], 2);

    uint8_t *third = pdk_history_add(h, ZXID(1, 3), 100);
    memset(third, 3, 100);
    records[2] = third;
    pdk_history_retire(h, ZXID(5, 1)); /* once more, before anything was written */
    pdk_history_written(h, ZXID(1, 2));
    assert_int_equal(records[0][0], 1);
    assert_int_equal(records[2][99], 3);
    pdk_history_written(h, ZXID(1, 3));
    pdk_history_retire(h, ZXID(5, 1)); /* nothing is there */
    pdk_history_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zxids_follow_within_an_epoch_or_begin_a_later_one),
        cmocka_unit_test(entries_stand_in_order_and_are_found_by_zxid),
        cmocka_unit_test(release_keeps_a_count_and_more_within_bytes),
        cmocka_unit_test(records_keep_bytes_and_addresses_until_release),
        cmocka_unit_test(a_record_larger_than_any_block_has_its_own),
        cmocka_unit_test(reset_forgets_and_goes_on_from_its_base),
        cmocka_unit_test(what_is_retired_stays_until_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
