#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Keeps the last line. */
struct sink {
    int lines;
    enum pdk_log_level level;
    char text[2048];
};
static void keep(void *ctx, enum pdk_log_level level, const char *text)
{
    struct sink *s = ctx;
    s->lines++;
    s->level = level;
    assert_true(strlen(text) < sizeof s->text);
    memcpy(s->text, text, strlen(text) + 1);
}

static void lines_above_the_wanted_level_are_dropped(void **state)
{
    (void)state;
    struct sink s = {0};
    const struct pdk_log log = {.ctx = &s, .level = PDK_LOG_INFO, .line = keep};
    pdk_log_write(&log, PDK_LOG_DEBUG, "nothing");
    assert_int_equal(s.lines, 0);
    pdk_log_write(&log, PDK_LOG_INFO, "zxid=%d", 7);
    assert_string_equal(s.text, "zxid=7");
    pdk_log_write(&log, PDK_LOG_ERROR, "disk");
    assert_int_equal(s.lines, 2);
    assert_int_equal(s.level, PDK_LOG_ERROR);
    pdk_log_write(NULL, PDK_LOG_ERROR, "nowhere");
}

static void a_long_line_is_cut_with_dots(void **state)
{
    (void)state;
    struct sink s = {0};
    const struct pdk_log log = {.ctx = &s, .level = PDK_LOG_DEBUG, .line = keep};
    char text[2000];
    memset(text, 'x', sizeof text);
    text[1023] = '\0'; /* fits to the last byte */
    pdk_log_write(&log, PDK_LOG_DEBUG, "%s", text);
    assert_int_equal(strlen(s.text), 1023);
    assert_int_equal(s.text[1022], 'x');
    text[1023] = 'x';
    text[1999] = '\0';
    pdk_log_write(&log, PDK_LOG_DEBUG, "%s", text);
    assert_int_equal(strlen(s.text), 1023);
    assert_string_equal(s.text + 1019, "x...");
}

static void quote_keeps_a_value_on_its_line_and_in_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"plain", "plain"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"x\"", "\"say \\\"x\\\"\""},
        {"back\\slash", "back\\\\slash"},
        {"line\nend", "line\\x0aend"},
        {"\x1b[31m\x7f", "\\x1b[31m\\x7f"},
        {"\xc3\xa9", "\\xc3\\xa9"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        char out[64];
        assert_string_equal(pdk_log_quote(pdk_slice_str(cases[i].text), out, sizeof out),
                            cases[i].want);
    }
    char out[8];
    assert_string_equal(pdk_log_quote(pdk_slice_null(), out, sizeof out), "\"\"");
}

static void quote_cuts_to_fit_any_capacity(void **state)
{
    (void)state;
    static const char *const texts[] = {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                        "x xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "\n\n\n\n\n\n\n\n\n\n"};
    for (size_t t = 0; t < PDK_COUNT_OF(texts); t++) {
        for (size_t cap = 8; cap < 50; cap++) {
            char *out = malloc(cap);
            assert_non_null(out);
            (void)pdk_log_quote(pdk_slice_str(texts[t]), out, cap);
            assert_true(strlen(out) < cap);
            if (cap < strlen(texts[t])) assert_non_null(strstr(out, "..."));
            assert_null(strchr(out, '\n'));
            free(out);
        }
    }
}

static void a_storm_writes_its_first_line_then_one_per_interval(void **state)
{
    (void)state;
    struct pdk_log_limit limit = {0};
    uint64_t held = 99;
    assert_true(pdk_log_limit_pass(&limit, 1000, 500, &held));
    assert_int_equal(held, 0);
    for (int64_t t = 1000; t < 1500; t += 100)
        assert_false(pdk_log_limit_pass(&limit, t, 500, &held));
    assert_true(pdk_log_limit_pass(&limit, 1500, 500, &held));
    assert_int_equal(held, 5);
    assert_true(pdk_log_limit_pass(&limit, 9000, 500, &held));
    assert_int_equal(held, 0);
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(pdk_log_level_name(PDK_LOG_ERROR), "error");
    assert_string_equal(pdk_log_level_name(PDK_LOG_WARN), "warn");
    assert_string_equal(pdk_log_level_name(PDK_LOG_INFO), "info");
    assert_string_equal(pdk_log_level_name(PDK_LOG_DEBUG), "debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_above_the_wanted_level_are_dropped),
        cmocka_unit_test(a_long_line_is_cut_with_dots),
        cmocka_unit_test(quote_keeps_a_value_on_its_line_and_in_its_place),
        cmocka_unit_test(quote_cuts_to_fit_any_capacity),
        cmocka_unit_test(a_storm_writes_its_first_line_then_one_per_interval),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
