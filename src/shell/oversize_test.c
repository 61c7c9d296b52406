#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/prng.h"
#include "proto/opcode.h"
#include "shell/oversize.h"

static void expect(const struct pdk_buf *b, size_t len, const char *op, const char *path)
{
    struct pdk_oversize_text text;
    pdk_oversize_describe(pdk_slice_of(b->bytes, len), &text);
    assert_string_equal(text.op, op);
    assert_string_equal(text.path, path);
}

static void put_set_data(struct pdk_buf *b, const char *path)
{
    pdk_buf_init(b, pdk_mem_heap(), 4096);
    pdk_put_i32(b, 7);
    pdk_put_i32(b, PDK_OP_SET_DATA);
    pdk_put_bytes(b, pdk_slice_str(path));
}

static void operation_and_path_are_shown_as_far_as_they_are_there(void **state)
{
    (void)state;
    struct pdk_buf b;
    put_set_data(&b, "/a/b");
    expect(&b, b.len, "setData", "/a/b");
    expect(&b, b.len - 2, "setData", "/a");
    expect(&b, 12, "setData", "");
    expect(&b, 11, "setData", "");
    expect(&b, 8, "setData", "");
    expect(&b, 7, "", "");
    expect(&b, 0, "", "");
    pdk_buf_deinit(&b);
}

static void a_multi_shows_its_first_operation_s_path(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 4096);
    pdk_put_i32(&b, 7);
    pdk_put_i32(&b, PDK_OP_MULTI);
    pdk_put_i32(&b, PDK_OP_CREATE);
    pdk_put_bool(&b, false);
    pdk_put_i32(&b, -1);
    pdk_put_bytes(&b, pdk_slice_str("/first"));
    expect(&b, b.len, "multi", "/first");
    pdk_buf_deinit(&b);
}

static void hostile_bytes_are_shown_harmlessly(void **state)
{
    (void)state;
    struct pdk_buf b;
    put_set_data(&b, "/a\nerror fake\x01");
    expect(&b, b.len, "setData", "\"/a\\x0aerror fake\\x01\"");
    pdk_buf_patch_i32(&b, 8, -5);
    expect(&b, b.len, "setData", "");
    pdk_buf_patch_i32(&b, 8, INT32_MAX);
    expect(&b, b.len, "setData", "\"/a\\x0aerror fake\\x01\"");
    pdk_buf_patch_i32(&b, 4, 4711);
    expect(&b, b.len, "unknown", "");
    pdk_buf_deinit(&b);
}

static void a_long_path_is_cut(void **state)
{
    (void)state;
    char path[1000];
    memset(path, 'p', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    struct pdk_buf b;
    put_set_data(&b, path);
    struct pdk_oversize_text text;
    pdk_oversize_describe(pdk_buf_slice(&b), &text);
    size_t len = strlen(text.path);
    assert_true(len < sizeof text.path);
    assert_string_equal(text.path + len - 3, "...");
    pdk_buf_deinit(&b);
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 5);
    for (int i = 0; i < 20000; i++) {
        /* A block of its own, so that a sanitizer sees a step beyond it. */
        size_t len = (size_t)pdk_prng_below(&prng, 64);
        uint8_t *bytes = malloc(len + 1);
        assert_non_null(bytes);
        for (size_t k = 0; k < len; k++) {
            bool zero = pdk_prng_below(&prng, 3) > 0; /* small numbers get far */
            bytes[k] = zero ? 0 : (uint8_t)pdk_prng_below(&prng, 256);
        }
        uint8_t *exact = realloc(bytes, len > 0 ? len : 1);
        assert_non_null(exact);
        struct pdk_oversize_text text;
        pdk_oversize_describe(pdk_slice_of(exact, len), &text);
        assert_true(strlen(text.path) < sizeof text.path);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operation_and_path_are_shown_as_far_as_they_are_there),
        cmocka_unit_test(a_multi_shows_its_first_operation_s_path),
        cmocka_unit_test(hostile_bytes_are_shown_harmlessly),
        cmocka_unit_test(a_long_path_is_cut),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
