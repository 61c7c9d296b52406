#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Splits a copy that ends where `len` says, so that ASan sees every read beyond. */
static enum pdk_frame_result split(const uint8_t *bytes, size_t len, int32_t limit,
                                   size_t *body_len, size_t *used)
{
    struct pdk_slice body = pdk_slice_null();
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum pdk_frame_result result = pdk_frame_split(copy, len, limit, &body, used);
    if (result == PDK_FRAME_WHOLE && body.len > 0)
        assert_memory_equal(body.bytes, bytes + PDK_FRAME_HEAD_LEN, body.len);
    *body_len = body.len;
    free(copy);
    return result;
}

static void a_frame_is_whole_only_with_its_last_byte(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0};
    size_t body_len = 0, used = 0;
    for (size_t len = 0; len < 7; len++) {
        assert_int_equal(split(bytes, len, 100, &body_len, &used), PDK_FRAME_MORE);
        assert_int_equal(used, len < 4 ? 4 : 7);
        assert_true(used > len);
    }
    for (size_t len = 7; len <= sizeof bytes; len++) {
        assert_int_equal(split(bytes, len, 100, &body_len, &used), PDK_FRAME_WHOLE);
        assert_int_equal(used, 7);
        assert_int_equal(body_len, 3);
    }
}

static void an_empty_frame_is_whole(void **state)
{
    (void)state;
    static const uint8_t bytes[4] = {0};
    size_t body_len = 9, used = 0;
    assert_int_equal(split(bytes, 4, 0, &body_len, &used), PDK_FRAME_WHOLE);
    assert_int_equal(used, 4);
    assert_int_equal(body_len, 0);
}

static void the_limit_itself_is_allowed_and_one_more_is_not(void **state)
{
    (void)state;
    uint8_t bytes[4];
    size_t body_len = 0, used = 0;
    pdk_store_u32(bytes, PDK_FRAME_LIMIT_DEFAULT);
    assert_int_equal(split(bytes, 4, PDK_FRAME_LIMIT_DEFAULT, &body_len, &used), PDK_FRAME_MORE);
    assert_int_equal(used, PDK_FRAME_LIMIT_DEFAULT + 4);
    pdk_store_u32(bytes, PDK_FRAME_LIMIT_DEFAULT + 1);
    assert_int_equal(split(bytes, 4, PDK_FRAME_LIMIT_DEFAULT, &body_len, &used), PDK_FRAME_BAD);
    assert_int_equal(used, 0);
    pdk_store_u32(bytes, INT32_MAX);
    assert_int_equal(split(bytes, 4, INT32_MAX, &body_len, &used), PDK_FRAME_MORE);
    assert_int_equal(used, (size_t)INT32_MAX + 4);
}

static void every_negative_length_is_bad_as_soon_as_it_is_seen(void **state)
{
    (void)state;
    uint8_t bytes[4];
    size_t body_len = 0, used = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        pdk_store_u32(bytes, 0x80000000u | 1u << bit);
        assert_int_equal(split(bytes, 4, INT32_MAX, &body_len, &used), PDK_FRAME_BAD);
    }
    assert_int_equal(split(bytes, 3, INT32_MAX, &body_len, &used), PDK_FRAME_MORE);
}

static void a_begun_frame_gets_its_length_at_the_end(void **state)
{
    (void)state;
    static const uint8_t want[] = {0, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'};
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 100);
    pdk_frame_end(&b, pdk_frame_begin(&b));
    size_t at = pdk_frame_begin(&b);
    pdk_put_raw(&b, "hi", 2);
    pdk_frame_end(&b, at);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.bytes, want, sizeof want);
    pdk_buf_deinit(&b);
}

static void ending_a_frame_in_a_failed_buffer_does_nothing(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 3);
    size_t at = pdk_frame_begin(&b);
    assert_true(b.failed);
    pdk_frame_end(&b, at);
    assert_true(b.failed);
    assert_int_equal(b.len, 0);
    pdk_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_whole_only_with_its_last_byte),
        cmocka_unit_test(an_empty_frame_is_whole),
        cmocka_unit_test(the_limit_itself_is_allowed_and_one_more_is_not),
        cmocka_unit_test(every_negative_length_is_bad_as_soon_as_it_is_seen),
        cmocka_unit_test(a_begun_frame_gets_its_length_at_the_end),
        cmocka_unit_test(ending_a_frame_in_a_failed_buffer_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
