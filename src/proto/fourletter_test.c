#include "proto/fourletter.h"

#include "base/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum pdk_word word_of(const char *four)
{
    return pdk_word_of(pdk_load_u32((const uint8_t *)four));
}

static void every_word_is_found_by_its_four_bytes(void **state)
{
    (void)state;
    for (enum pdk_word w = PDK_WORD_RUOK; w < PDK_WORD_TELNET_CLOSE; w++) {
        assert_int_equal(strlen(pdk_word_name(w)), 4);
        assert_int_equal(word_of(pdk_word_name(w)), w);
    }
    assert_int_equal(word_of("\xff\xf4\xff\xfd"), PDK_WORD_TELNET_CLOSE);
    assert_string_equal(pdk_word_name(PDK_WORD_TELNET_CLOSE), "telnet close");
    assert_string_equal(pdk_word_name(PDK_WORD_NONE), "");
    assert_int_equal(word_of("mntr"), PDK_WORD_MNTR);
    assert_int_equal(word_of("isro"), PDK_WORD_ISRO);
}

static void other_bytes_are_a_length(void **state)
{
    (void)state;
    assert_int_equal(word_of("RUOK"), PDK_WORD_NONE);
    assert_int_equal(word_of("lead"), PDK_WORD_NONE);
    assert_int_equal(pdk_word_of(0), PDK_WORD_NONE);
    assert_int_equal(pdk_word_of(45), PDK_WORD_NONE);
    assert_int_equal(pdk_word_of(UINT32_MAX), PDK_WORD_NONE);
    /* one bit off any word is no word */
    for (enum pdk_word w = PDK_WORD_RUOK; w < PDK_WORD_TELNET_CLOSE; w++) {
        uint32_t code = pdk_load_u32((const uint8_t *)pdk_word_name(w));
        for (unsigned bit = 0; bit < 32; bit++)
            assert_int_not_equal(pdk_word_of(code ^ 1u << bit), w);
    }
}

static void flags_tell_what_the_shell_must_know(void **state)
{
    (void)state;
    unsigned any_state = 0, no_newline = 0, argument = 0, by_name = 0;
    for (enum pdk_word w = PDK_WORD_NONE; w < PDK_WORD_COUNT; w++) {
        if ((pdk_word_flags_of(w) & PDK_WORD_ANY_STATE) != 0) any_state |= 1u << w;
        if ((pdk_word_flags_of(w) & PDK_WORD_NO_NEWLINE) != 0) no_newline |= 1u << w;
        if ((pdk_word_flags_of(w) & PDK_WORD_ARGUMENT) != 0) argument |= 1u << w;
        if ((pdk_word_flags_of(w) & PDK_WORD_BY_NAME_ONLY) != 0) by_name |= 1u << w;
    }
    unsigned masks = 1u << PDK_WORD_GTMK | 1u << PDK_WORD_STMK;
    unsigned quiet =
        1u << PDK_WORD_RUOK | 1u << PDK_WORD_ISRO | 1u << PDK_WORD_TELNET_CLOSE | masks;
    assert_int_equal(any_state, quiet | 1u << PDK_WORD_ENVI | 1u << PDK_WORD_HAND);
    assert_int_equal(no_newline, quiet);
    assert_int_equal(argument, 1u << PDK_WORD_STMK);
    assert_int_equal(by_name, 1u << PDK_WORD_HAND);
}

static struct pdk_word_set parse(const char *list, size_t unknown_want)
{
    size_t unknown = 99;
    struct pdk_word_set set = pdk_word_set_parse(pdk_slice_str(list), &unknown);
    assert_int_equal(unknown, unknown_want);
    return set;
}

static void only_named_words_and_srvr_are_allowed(void **state)
{
    (void)state;
    assert_int_equal(parse("", 0).bits, 1u << PDK_WORD_SRVR);
    assert_int_equal(parse("stat", 0).bits, 1u << PDK_WORD_SRVR | 1u << PDK_WORD_STAT);
    struct pdk_word_set set = parse(" ruok ,\tmntr,,srvr,", 0);
    assert_true(pdk_word_set_has(set, PDK_WORD_RUOK));
    assert_true(pdk_word_set_has(set, PDK_WORD_MNTR));
    assert_true(pdk_word_set_has(set, PDK_WORD_SRVR));
    assert_false(pdk_word_set_has(set, PDK_WORD_STAT));
    assert_false(pdk_word_set_has(set, PDK_WORD_TELNET_CLOSE));
    set = pdk_word_set_with(set, PDK_WORD_ISRO);
    assert_true(pdk_word_set_has(set, PDK_WORD_ISRO));
}

static void a_star_allows_every_word_but_those_that_must_be_named(void **state)
{
    (void)state;
    struct pdk_word_set set = parse("*", 0);
    for (enum pdk_word w = PDK_WORD_RUOK; w < PDK_WORD_COUNT; w++)
        assert_int_equal(pdk_word_set_has(set, w), w != PDK_WORD_HAND);
    assert_false(pdk_word_set_has(set, PDK_WORD_NONE));
    assert_int_equal(parse("stat, *", 0).bits, set.bits);
    assert_int_equal(parse("hand", 0).bits, 1u << PDK_WORD_SRVR | 1u << PDK_WORD_HAND);
    assert_int_equal(parse("*,hand", 0).bits, set.bits | 1u << PDK_WORD_HAND);
}

static void unknown_names_are_counted_and_allow_nothing(void **state)
{
    (void)state;
    assert_int_equal(parse("foo,ruokx,ruo, st at,RUOK", 5).bits, 1u << PDK_WORD_SRVR);
    assert_int_equal(pdk_word_set_parse(pdk_slice_null(), NULL).bits, 1u << PDK_WORD_SRVR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_found_by_its_four_bytes),
        cmocka_unit_test(other_bytes_are_a_length),
        cmocka_unit_test(flags_tell_what_the_shell_must_know),
        cmocka_unit_test(only_named_words_and_srvr_are_allowed),
        cmocka_unit_test(a_star_allows_every_word_but_those_that_must_be_named),
        cmocka_unit_test(unknown_names_are_counted_and_allow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
