#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_are_written_big_endian(void **state)
{
    (void)state;
    static const uint8_t want[] = {0xab, 1,    0,    0xff, 0xff, 0xff, 0xfe, 1, 2, 3,
                                   4,    5,    6,    7,    8,    0,    0,    0, 2, 'h',
                                   'i',  0xff, 0xff, 0xff, 0xff, 0,    0,    0, 0};
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_u8(&b, 0xab);
    pdk_put_bool(&b, true);
    pdk_put_bool(&b, false);
    pdk_put_i32(&b, -2);
    pdk_put_i64(&b, 0x0102030405060708);
    pdk_put_bytes(&b, pdk_slice_str("hi"));
    pdk_put_bytes(&b, pdk_slice_null());
    pdk_put_bytes(&b, pdk_slice_of(NULL, 0));
    assert_false(b.failed);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.bytes, want, sizeof want);
    pdk_buf_deinit(&b);
}

static void a_buffer_grows_to_its_limit_and_not_beyond(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    for (int i = 0; i < 1000; i++) pdk_put_u8(&b, (uint8_t)i);
    assert_false(b.failed);
    assert_int_equal(b.len, 1000);
    assert_true(b.cap <= 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(b.bytes[i], (uint8_t)i);
    pdk_put_u8(&b, 1);
    assert_true(b.failed);
    assert_int_equal(b.len, 1000);
    pdk_buf_deinit(&b);
}

static void a_failed_buffer_takes_nothing_until_it_is_cleared(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 4);
    pdk_put_i64(&b, 1);
    assert_true(b.failed);
    pdk_put_u8(&b, 1); /* would fit */
    pdk_put_raw(&b, "ab", 2);
    pdk_put_text(&b, "%d", 7);
    pdk_buf_patch_i32(&b, 0, 9);
    assert_int_equal(b.len, 0);
    pdk_buf_clear(&b);
    pdk_put_i32(&b, 5);
    assert_false(b.failed);
    assert_int_equal(b.len, 4);
    pdk_buf_deinit(&b);
}

static void a_size_that_overflows_fails(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    pdk_put_u8(&b, 1);
    assert_null(pdk_buf_add(&b, SIZE_MAX));
    assert_true(b.failed);
    assert_int_equal(b.len, 1);
    pdk_buf_deinit(&b);
}

/* An allocator that refuses when its budget of calls is used up. */
static void *few_resize(void *ctx, void *ptr, size_t size_bytes)
{
    int *left = ctx;
    if (*left == 0) return NULL;
    (*left)--;
    return realloc(ptr, size_bytes);
}
static void few_release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static void without_memory_a_put_fails_and_keeps_what_is_there(void **state)
{
    (void)state;
    int calls = 1;
    const struct pdk_mem few = {.ctx = &calls, .resize = few_resize, .release = few_release};
    struct pdk_buf b;
    pdk_buf_init(&b, &few, 100000);
    for (int i = 0; i < 256; i++) pdk_put_u8(&b, 7);
    assert_false(b.failed);
    pdk_put_u8(&b, 8);
    assert_true(b.failed);
    assert_int_equal(b.len, 256);
    assert_int_equal(b.bytes[255], 7);
    pdk_buf_deinit(&b);
}

static void text_is_formatted_short_and_long(void **state)
{
    (void)state;
    struct pdk_buf b;
    char longer[600];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t len = 250; len <= 260; len++) { /* around the size of the inner buffer */
        pdk_buf_init(&b, pdk_mem_heap(), 10000);
        pdk_put_text(&b, "%.*s", (int)len, longer);
        assert_int_equal(b.len, len);
        assert_memory_equal(b.bytes, longer, len);
        pdk_buf_deinit(&b);
    }
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    pdk_put_text(&b, "%s=%d;", "a", 7);
    pdk_put_text(&b, "%s", longer);
    pdk_put_text(&b, "%s", "");
    assert_int_equal(b.len, 4 + 599);
    assert_memory_equal(b.bytes, "a=7;xxx", 7);
    pdk_buf_deinit(&b);
}

static void a_length_is_patched_in_place(void **state)
{
    (void)state;
    static const uint8_t want[] = {9, 0, 0, 1, 2, 8};
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 100);
    pdk_put_u8(&b, 9);
    pdk_put_i32(&b, 0);
    pdk_put_u8(&b, 8);
    pdk_buf_patch_i32(&b, 1, 0x102);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.bytes, want, sizeof want);
    pdk_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_big_endian),
        cmocka_unit_test(a_buffer_grows_to_its_limit_and_not_beyond),
        cmocka_unit_test(a_failed_buffer_takes_nothing_until_it_is_cleared),
        cmocka_unit_test(a_size_that_overflows_fails),
        cmocka_unit_test(without_memory_a_put_fails_and_keeps_what_is_there),
        cmocka_unit_test(text_is_formatted_short_and_long),
        cmocka_unit_test(a_length_is_patched_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
