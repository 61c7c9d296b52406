#include "core/quorum/internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void names_differ_in_more_than_case(void **state)
{
    (void)state;
    assert_true(pdk_host_same("zk1.Example", "ZK1.example"));
    assert_false(pdk_host_same("zk1", "zk2"));
    assert_false(pdk_host_same("zk1", "zk11"));
    assert_false(pdk_host_same("zk11", "zk1"));
    assert_false(pdk_host_same("a@", "a`")); /* no letters */
    assert_true(pdk_host_same("", "0.0.0.0"));
    assert_true(pdk_host_same("0.0.0.0", ""));
    assert_false(pdk_host_same("", "::"));
}

static void an_ipv6_address_has_many_spellings(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"::9", "::09"},
        {"::aF", "::0Af"},
        {"A1", "a1"},
        {"::1", "0:0:0:0:0:0:0:1"},
        {"::", "0:0:0:0:0:0:0:0"},
        {"fe80::", "fe80:0:0:0::"},
        {"FE80::1:2", "fe80:0000::0:1:2"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(same); i++) {
        if (!pdk_host_same(same[i][0], same[i][1]) || !pdk_host_same(same[i][1], same[i][0]))
            fail_msg("%s and %s differ", same[i][0], same[i][1]);
    }
    static const char *const other[][2] = {
        {"1::2", "1::3"},      {"1::2:", "1::2"},
        {"1::2::3", "1:2::3"}, {"1::2::3", "1:2::"},
        {"12345::", "2345::"}, {":::2", "::2"},
        {"::_", "::8"},        {"::g", "::10"},
        {"::9", "::a"},        {"1:::2", "1::2"},
        {"::1", "::2"},        {"1::", "::1"},
        {"1::2", "1:2::"},     {"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:0"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(other); i++) {
        if (pdk_host_same(other[i][0], other[i][1]))
            fail_msg("%s and %s are the same", other[i][0], other[i][1]);
    }
}

static void what_is_no_ipv6_address_is_compared_as_text(void **state)
{
    (void)state;
    static const char *const odd[] = {"1::2::3",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8::",
                                      ":1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:",
                                      "12345::",
                                      "g::",
                                      "1:2:3:4::5:6:7:8",
                                      ":::",
                                      "fe80::1%eth0",
                                      "1:",
                                      ":"};
    for (size_t i = 0; i < PDK_COUNT_OF(odd); i++) {
        for (size_t k = 0; k < PDK_COUNT_OF(odd); k++) {
            if (pdk_host_same(odd[i], odd[k]) != (i == k)) fail_msg("%s, %s", odd[i], odd[k]);
        }
    }
}

static void loopback_and_wildcards_are_special(void **state)
{
    (void)state;
    static const char *const special[] = {
        "", "0.0.0.0", "::", "0::0", "127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"};
    static const char *const plain[] = {"127", "10.127.0.1", "zk", "localhost.example", "::2"};
    for (size_t i = 0; i < PDK_COUNT_OF(special); i++)
        if (!pdk_host_special(special[i])) fail_msg("%s", special[i]);
    for (size_t i = 0; i < PDK_COUNT_OF(plain); i++)
        if (pdk_host_special(plain[i])) fail_msg("%s", plain[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_differ_in_more_than_case),
        cmocka_unit_test(an_ipv6_address_has_many_spellings),
        cmocka_unit_test(what_is_no_ipv6_address_is_compared_as_text),
        cmocka_unit_test(loopback_and_wildcards_are_special),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
