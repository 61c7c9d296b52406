#include "base/props.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct want {
    const char *key, *value;
    unsigned line;
};

/* Reads `text` and compares with `want`, which ends with a NULL key. */
static void expect(const char *text, const struct want *want)
{
    struct pdk_props p;
    pdk_props_init(&p, pdk_mem_heap(), pdk_slice_str(text));
    struct pdk_prop got;
    const char *why = NULL;
    size_t i = 0;
    for (; want[i].key != NULL; i++) {
        enum pdk_props_got how = pdk_props_next(&p, &got, &why);
        if (how != PDK_PROPS_ENTRY) fail_msg("<%s> entry %zu: got %d", text, i, (int)how);
        if (!pdk_slice_eq_str(got.key, want[i].key) ||
            !pdk_slice_eq_str(got.value, want[i].value) || got.line != want[i].line)
            fail_msg("<%s> entry %zu: got <%.*s>=<%.*s> line %u, want <%s>=<%s> line %u", text, i,
                     (int)got.key.len, (const char *)got.key.bytes, (int)got.value.len,
                     (const char *)got.value.bytes, got.line, want[i].key, want[i].value,
                     want[i].line);
    }
    if (pdk_props_next(&p, &got, &why) != PDK_PROPS_END) fail_msg("<%s>: more entries", text);
    pdk_props_deinit(&p);
}

static void separators_are_equals_colon_and_blank(void **state)
{
    (void)state;
    expect("a=1\nb:2\nc 3\n  d \t = \f 4  \ne:=5\nf==6\ng\nh=\n", (struct want[]){{"a", "1", 1},
                                                                                  {"b", "2", 2},
                                                                                  {"c", "3", 3},
                                                                                  {"d", "4", 4},
                                                                                  {"e", "=5", 5},
                                                                                  {"f", "=6", 6},
                                                                                  {"g", "", 7},
                                                                                  {"h", "", 8},
                                                                                  {0}});
}

static void comments_and_empty_lines_are_passed_over(void **state)
{
    (void)state;
    expect("# one\n\n   ! two = x\n\t\na=1 # no comment\n#b=2\\\nc=3",
           (struct want[]){{"a", "1 # no comment", 5}, {"c", "3", 7}, {0}});
    expect("", (struct want[]){{0}});
    expect("\n\r\n  ", (struct want[]){{0}});
}

static void a_backslash_joins_lines(void **state)
{
    (void)state;
    expect("server.1=h:1:\\\n     2\nb=x\\\n\nc=3\n",
           (struct want[]){{"server.1", "h:1:2", 1}, {"b", "x", 3}, {"c", "3", 5}, {0}});
    expect("ke\\\r\n  y\\\n = \\\n v", (struct want[]){{"key", "v", 1}, {0}});
    expect("a=1\\\n# 2", (struct want[]){{"a", "1# 2", 1}, {0}});
    expect("\\\n#a=1\nb=2", (struct want[]){{"b", "2", 3}, {0}});
    expect("a=two\\\\\nb=1\\", (struct want[]){{"a", "two\\", 1}, {"b", "1", 2}, {0}});
}

static void every_kind_of_line_end_counts_once(void **state)
{
    (void)state;
    expect("a=1\rb=2\r\nc=3\n\rd=4",
           (struct want[]){{"a", "1", 1}, {"b", "2", 2}, {"c", "3", 3}, {"d", "4", 5}, {0}});
}

static void escapes_stand_for_characters(void **state)
{
    (void)state;
    expect("a\\=b\\:c\\ d=x\\ty\nq=\\q\\#\\\\",
           (struct want[]){{"a=b:c d", "x\ty", 1}, {"q", "q#\\", 2}, {0}});
    expect("u=\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\ud83dx",
           (struct want[]){{"u", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdx", 1}, {0}});
}

static void both_ends_are_trimmed_even_of_escaped_blanks(void **state)
{
    (void)state;
    expect("a = \\tx\\t \nb=y\x01 \n", (struct want[]){{"a", "x", 1}, {"b", "y", 2}, {0}});
}

static void bytes_above_127_stay(void **state)
{
    (void)state;
    expect("dataDir=/d\xc3\xa4ta\n", (struct want[]){{"dataDir", "/d\xc3\xa4ta", 1}, {0}});
}

static void what_java_refuses_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {{"a=1\nb=\\u12g4\n", 13},
                 {"a=1\nb=\\u12", 10},
                 {"a=1\nb=\0c", 8},
                 {"a=1\nb=\\u0000", 12},
                 {"a=1\nb=\\\0", 8}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_props p;
        pdk_props_init(&p, pdk_mem_heap(), pdk_slice_of(cases[i].text, cases[i].len));
        struct pdk_prop got;
        const char *why = NULL;
        assert_int_equal(pdk_props_next(&p, &got, &why), PDK_PROPS_ENTRY);
        if (pdk_props_next(&p, &got, &why) != PDK_PROPS_BAD) fail_msg("case %zu was read", i);
        assert_non_null(why);
        assert_int_equal(got.line, 2);
        pdk_props_deinit(&p);
    }
}

static void an_entry_knows_the_lines_that_it_takes(void **state)
{
    (void)state;
    static const char text[] = "# note\n  a=1\r\n\nb=2 \\\n   3\n#\nc";
    static const char *const raw[] = {"a=1\r\n", "b=2 \\\n   3\n", "c"};
    struct pdk_props p;
    pdk_props_init(&p, pdk_mem_heap(), pdk_slice_str(text));
    for (size_t i = 0; i < PDK_COUNT_OF(raw); i++) {
        struct pdk_prop got;
        const char *why = NULL;
        assert_int_equal(pdk_props_next(&p, &got, &why), PDK_PROPS_ENTRY);
        if (!pdk_slice_eq_str(got.raw, raw[i]))
            fail_msg("<%.*s>", (int)got.raw.len, (const char *)got.raw.bytes);
    }
    pdk_props_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_are_equals_colon_and_blank),
        cmocka_unit_test(comments_and_empty_lines_are_passed_over),
        cmocka_unit_test(a_backslash_joins_lines),
        cmocka_unit_test(every_kind_of_line_end_counts_once),
        cmocka_unit_test(escapes_stand_for_characters),
        cmocka_unit_test(both_ends_are_trimmed_even_of_escaped_blanks),
        cmocka_unit_test(bytes_above_127_stay),
        cmocka_unit_test(what_java_refuses_is_refused_with_its_line),
        cmocka_unit_test(an_entry_knows_the_lines_that_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
