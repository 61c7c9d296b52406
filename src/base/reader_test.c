#include "base/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void integers_are_big_endian_and_signed(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x80, 0xff, 0xff, 0xff, 0xfe, 0x01, 0x02, 0x03,
                                    0x04, 0x05, 0x06, 0x07, 0x08, 0x07, 0x00, 0x01};
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, sizeof bytes));
    assert_int_equal(pdk_read_u8(&r), 0x80);
    assert_int_equal(pdk_read_i32(&r), -2);
    assert_int_equal(pdk_read_i64(&r), 0x0102030405060708);
    assert_true(pdk_read_bool(&r)); /* any byte but zero */
    assert_false(pdk_read_bool(&r));
    assert_int_equal(pdk_reader_left(&r), 1);
    assert_int_equal(pdk_reader_finish(&r), PDK_EMALFORMED); /* one left over */
    assert_true(pdk_read_bool(&r));
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

static void after_a_failure_every_read_yields_nothing_and_does_not_move(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3};
    bool is_null = true;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, sizeof bytes));
    assert_int_equal(pdk_read_i32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(pdk_read_u8(&r), 0); /* though three bytes are left */
    assert_int_equal(pdk_read_i64(&r), 0);
    assert_false(pdk_read_bool(&r));
    assert_null(pdk_reader_take(&r, 1));
    struct pdk_slice s = pdk_read_bytes(&r);
    assert_false(s.is_null);
    assert_int_equal(s.len, 0);
    assert_int_equal(pdk_read_count(&r, 1, &is_null), 0);
    assert_false(is_null);
    assert_ptr_equal(r.at, bytes);
    assert_int_equal(pdk_reader_finish(&r), PDK_EMALFORMED);
}

static void byte_strings_may_be_null_empty_or_filled(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'};
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, sizeof bytes));
    assert_true(pdk_slice_eq(pdk_read_bytes(&r), pdk_slice_null()));
    assert_true(pdk_slice_eq(pdk_read_bytes(&r), pdk_slice_str("")));
    struct pdk_slice hi = pdk_read_bytes(&r);
    assert_true(pdk_slice_eq_str(hi, "hi"));
    assert_ptr_equal(hi.bytes, bytes + 12); /* borrowed, not copied */
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

static void a_length_below_null_or_beyond_the_end_fails(void **state)
{
    (void)state;
    static const uint8_t bad[][6] = {
        {0xff, 0xff, 0xff, 0xfe, 'a', 'b'}, /* -2 */
        {0x80, 0, 0, 0, 'a', 'b'},          /* smallest int */
        {0x7f, 0xff, 0xff, 0xff, 'a', 'b'}, /* largest */
        {0, 0, 0, 3, 'a', 'b'},             /* one more than there is */
    };
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        struct pdk_reader r = pdk_reader_of(pdk_slice_of(bad[i], sizeof bad[i]));
        struct pdk_slice s = pdk_read_bytes(&r);
        assert_true(r.failed);
        assert_false(s.is_null);
        assert_int_equal(s.len, 0);
    }
}

static int32_t count_of(uint32_t count, size_t left, size_t element, bool *is_null, bool *failed)
{
    uint8_t bytes[4 + 32] = {0};
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(count >> (24 - 8 * i));
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, 4 + left));
    int32_t n = pdk_read_count(&r, element, is_null);
    *failed = r.failed;
    return n;
}

static void a_count_is_bounded_by_the_bytes_that_are_left(void **state)
{
    (void)state;
    bool is_null = true, failed = true;
    assert_int_equal(count_of(2, 24, 12, &is_null, &failed), 2);
    assert_false(failed || is_null);
    assert_int_equal(count_of(2, 23, 12, &is_null, &failed), 0);
    assert_true(failed);
    assert_int_equal(count_of(INT32_MAX, 32, 1, &is_null, &failed), 0);
    assert_true(failed);
    assert_int_equal(count_of(32, 32, 1, &is_null, &failed), 32);
    assert_false(failed);
}

static void a_negative_count_is_null_or_nothing(void **state)
{
    (void)state;
    bool is_null = false, failed = true;
    assert_int_equal(count_of(UINT32_MAX, 0, 4, &is_null, &failed), 0);
    assert_true(is_null && !failed);
    assert_int_equal(count_of(UINT32_MAX - 1, 0, 4, &is_null, &failed), 0);
    assert_true(!is_null && !failed);
    assert_int_equal(count_of(0x80000000u, 0, 4, &is_null, &failed), 0);
    assert_true(!is_null && !failed);
}

static void a_reader_of_null_is_at_its_end(void **state)
{
    (void)state;
    struct pdk_reader r = pdk_reader_of(pdk_slice_null());
    assert_int_equal(pdk_reader_left(&r), 0);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_int_equal(pdk_read_u8(&r), 0);
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian_and_signed),
        cmocka_unit_test(after_a_failure_every_read_yields_nothing_and_does_not_move),
        cmocka_unit_test(byte_strings_may_be_null_empty_or_filled),
        cmocka_unit_test(a_length_below_null_or_beyond_the_end_fails),
        cmocka_unit_test(a_count_is_bounded_by_the_bytes_that_are_left),
        cmocka_unit_test(a_negative_count_is_null_or_nothing),
        cmocka_unit_test(a_reader_of_null_is_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
