#include "core/acl/scheme.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool valid(const char *id) { return pdk_acl_ip_valid(pdk_slice_str(id)); }
static bool matches(const char *own, const char *acl_id)
{
    return pdk_acl_ip_matches(pdk_slice_str(own), pdk_slice_str(acl_id));
}

static void ids_that_apache_takes(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "1.2.3.4",
        "0.0.0.0",
        "255.255.255.255",
        "1.2.3.4/0",
        "1.2.3.4/32",
        "1.2.3.4/+8",
        "1.2.3.4/008",
        "001.+2.-0.04",
        "::",
        "::/0",
        "::/128",
        "::1",
        "1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "FE80::aBcD",
        "2001:db8::ff00:42:8329/64",
        "+f::-1",
    };
    for (size_t i = 0; i < PDK_COUNT_OF(ids); i++) {
        if (!valid(ids[i])) fail_msg("%s must be valid", ids[i]);
    }
}

static void ids_that_apache_refuses(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "",
        "/",
        "/8",
        "1",
        "1.2.3",
        "1.2.3.4.",
        ".1.2.3.4",
        "1.2.3.4.5",
        "1..3.4",
        "1.2.3.256",
        "1.2.3.-1",
        "1.2.3.4294967297",
        "1.2.3.99999999999999999999",
        "1.2.3.+",
        "1.2.3.a",
        "1.2.3. 4",
        "1.2.3.4/",
        "1.2.3.4/33",
        "1.2.3.4/-1",
        "1.2.3.4/x",
        "1.2.3.4/8/8",
        "1.2.3.4/4294967304",
        ":",
        ":::",
        "::::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "::1:2:3:4:5:6:7:8:9:a:b",
        "1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0:1:2:3:4:5::",
        "12345::",
        "g::",
        ":1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:",
        "::/129",
        "::/-1",
        "::ffff:1.2.3.4",
        "fe80::1%eth0",
    };
    for (size_t i = 0; i < PDK_COUNT_OF(ids); i++) {
        if (valid(ids[i])) fail_msg("%s must be refused", ids[i]);
        if (matches("1.2.3.4", ids[i])) fail_msg("%s must match nobody", ids[i]);
    }
    assert_false(pdk_acl_ip_valid(pdk_slice_of("1.2.3.4\0", 8)));
}

static uint32_t mask_of(uint32_t bits) { return bits == 0 ? 0 : UINT32_MAX << (32 - bits); }

static void put_v4(char out[32], uint32_t address)
{
    (void)snprintf(out, 32, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                   address & 255);
}

/* All masks, and for each all addresses that differ in one bit, against plain arithmetic. */
static void every_mask_of_v4_compares_exactly_its_bits(void **state)
{
    (void)state;
    static const uint32_t addresses[] = {0, UINT32_MAX, 0x0a010203, 0x7f000001, 0xc0a8ff80};
    for (size_t a = 0; a < PDK_COUNT_OF(addresses); a++) {
        for (uint32_t bits = 0; bits <= 32; bits++) {
            char text[32], expression[48];
            put_v4(text, addresses[a]);
            (void)snprintf(expression, sizeof expression, "%s/%u", text, bits);
            assert_true(matches(text, expression));
            for (uint32_t flip = 0; flip < 32; flip++) {
                uint32_t other = addresses[a] ^ UINT32_C(1) << flip;
                bool want = ((other ^ addresses[a]) & mask_of(bits)) == 0;
                put_v4(text, other);
                if (matches(text, expression) != want)
                    fail_msg("%s against %s: want %d", text, expression, want);
            }
        }
    }
}

static void put_v6(char out[64], const uint8_t a[16])
{
    int at = 0;
    for (size_t i = 0; i < 16; i += 2)
        at += snprintf(out + at, 64 - (size_t)at, i == 0 ? "%x" : ":%x",
                       (unsigned)a[i] << 8 | (unsigned)a[i + 1]);
}

static void every_mask_of_v6_compares_exactly_its_bits(void **state)
{
    (void)state;
    struct pdk_prng g;
    pdk_prng_init(&g, 1);
    uint8_t address[16];
    for (size_t i = 0; i < 16; i++) address[i] = (uint8_t)pdk_prng_next(&g);
    for (unsigned bits = 0; bits <= 128; bits++) {
        char text[64], expression[80];
        put_v6(text, address);
        (void)snprintf(expression, sizeof expression, "%s/%u", text, bits);
        assert_true(matches(text, expression));
        for (unsigned flip = 0; flip < 128; flip++) {
            uint8_t other[16];
            for (size_t i = 0; i < 16; i++) other[i] = address[i];
            other[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
            put_v6(text, other);
            if (matches(text, expression) != (flip >= bits))
                fail_msg("%s against %s: want %d", text, expression, flip >= bits);
        }
    }
}

static void the_two_families_never_match(void **state)
{
    (void)state;
    assert_false(matches("0.0.0.0", "::/0"));
    assert_false(matches("0:0:0:0:0:0:0:0", "0.0.0.0/0"));
    assert_false(matches("0:0:0:0:0:0:7f00:1", "127.0.0.1"));
}

static void spelling_does_not_matter(void **state)
{
    (void)state;
    assert_true(matches("0:0:0:0:0:0:0:1", "::1"));
    assert_true(matches("2001:DB8:0:0:0:0:0:8", "2001:db8::0008"));
    assert_true(matches("127.0.0.1", "127.00.0.001"));
    assert_false(matches("127.0.0.1/8", "127.0.0.1"));
    assert_false(matches("", "127.0.0.1"));
    assert_false(matches("fe80:0:0:0:0:0:0:1%eth0", "fe80::1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_apache_takes),
        cmocka_unit_test(ids_that_apache_refuses),
        cmocka_unit_test(every_mask_of_v4_compares_exactly_its_bits),
        cmocka_unit_test(every_mask_of_v6_compares_exactly_its_bits),
        cmocka_unit_test(the_two_families_never_match),
        cmocka_unit_test(spelling_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
