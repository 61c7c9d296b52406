#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What `new String(bytes, UTF_8).getBytes(UTF_8)` gives in Java 17 and 25; R is U+FFFD. */
#define R "\xef\xbf\xbd"
static const struct {
    const char *in, *want;
} rows[] = {
    {"", ""},
    {"plain", "plain"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
     "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"p\xe9ss", "p" R "ss"},
    {"\x80", R},
    {"\xc0\x80", R R},
    {"\xc1\xbf", R R},
    {"\xc2", R},
    {"\xc2\x41", R "A"},
    {"\xe0\x80\x80", R R R},
    {"\xe1\x80", R},
    {"\xe1\x80\x41", R "A"},
    {"\xe1\x41", R "A"},
    {"\xed\xa0\x80", R},
    {"\xed\xa0", R},
    {"\xed\xa0\x80\xed\xb0\x80", R R},
    {"\xf0\x80\x80\x80", R R R R},
    {"\xf0\x90\x80", R},
    {"\xf0\x90\x80\x41", R "A"},
    {"\xf0\x90\x41\x80", R "A" R},
    {"\xf4\x90\x80\x80", R R R R},
    {"\xf5\x80\x80\x80", R R R R},
    {"\xff\xfe", R R},
};

static void malformed_pieces_are_replaced_as_java_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
        pdk_put_utf8(&b, pdk_slice_str(rows[i].in));
        if (b.failed || !pdk_slice_eq_str(pdk_buf_slice(&b), rows[i].want))
            fail_msg("row %zu is wrong: %zu bytes", i, b.len);
        bool same = strcmp(rows[i].in, rows[i].want) == 0;
        if (pdk_utf8_valid(pdk_slice_str(rows[i].in)) != same) fail_msg("row %zu: validity", i);
        pdk_buf_deinit(&b);
    }
}

static void what_was_replaced_is_valid_and_a_zero_byte_is_text(void **state)
{
    (void)state;
    assert_true(pdk_utf8_valid(pdk_slice_of("a\0b", 3)));
    assert_true(pdk_utf8_valid(pdk_slice_null()));
    /* Every pair of bytes. */
    for (unsigned int pair = 0; pair <= 0xffff; pair++) {
        uint8_t in[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
        pdk_put_utf8(&b, pdk_slice_of(in, 2));
        assert_true(pdk_utf8_valid(pdk_buf_slice(&b)));
        pdk_buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_pieces_are_replaced_as_java_does),
        cmocka_unit_test(what_was_replaced_is_valid_and_a_zero_byte_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
