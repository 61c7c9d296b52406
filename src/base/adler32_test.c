/* The fast Adler-32 against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/prng.h"

static uint32_t slow(uint32_t adler, const uint8_t *p, size_t len)
{
    uint32_t a = adler & 0xffff, b = adler >> 16;
    for (size_t i = 0; i < len; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void every_length_and_start_equals_the_definition(void **state)
{
    (void)state;
    struct pdk_prng g;
    pdk_prng_init(&g, 1);
    uint8_t bytes[600];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)pdk_prng_next(&g);
    for (size_t len = 0; len < 500; len++) {
        uint32_t start = len % 3 == 0 ? PDK_ADLER32_INIT : 0xfff0fff0u;
        size_t at = len % 37;
        assert_int_equal(pdk_adler32(start, bytes + at, len), slow(start, bytes + at, len));
    }
}

static void the_largest_sums_do_not_overflow(void **state)
{
    (void)state;
    size_t len = 3 * 5536 + 77;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 255, len);
    assert_int_equal(pdk_adler32(0xfff0fff0u, bytes, len), slow(0xfff0fff0u, bytes, len));
    for (size_t cut = len - 100; cut < len; cut++) {
        uint32_t adler = pdk_adler32(PDK_ADLER32_INIT, bytes, cut);
        adler = pdk_adler32(adler, bytes + cut, len - cut);
        assert_int_equal(adler, slow(PDK_ADLER32_INIT, bytes, len));
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_and_start_equals_the_definition),
        cmocka_unit_test(the_largest_sums_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
