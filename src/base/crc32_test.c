#include "base/hash.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bit by bit, from the definition. */
static uint32_t slow(uint32_t crc, const uint8_t *p, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void known_texts_have_their_known_sums(void **state)
{
    (void)state;
    static const char digits[] = "123456789";
    static const char many[] = "1234567890123456789012345678901234567890"
                               "1234567890123456789012345678901234567890";
    assert_int_equal(pdk_crc32(PDK_CRC32_INIT, digits, 9), 0xcbf43926);
    assert_int_equal(pdk_crc32(PDK_CRC32_INIT, many, 80), 0x7ca94a72);
    assert_int_equal(pdk_crc32(PDK_CRC32_INIT, NULL, 0), 0);
}

static void every_length_alignment_and_start_value_agrees_with_the_definition(void **state)
{
    (void)state;
    struct pdk_prng g;
    print_message("seed 3\n");
    pdk_prng_init(&g, 3);
    for (size_t len = 0; len < 700; len++) {
        uint8_t *text = malloc(len + 16); /* ends where the sanitizer sees it */
        for (size_t shift = 0; shift < 16; shift += 1 + len % 5) {
            uint8_t *p = text + shift;
            size_t n = len + 16 - shift;
            for (size_t i = 0; i < n; i++) p[i] = (uint8_t)pdk_prng_next(&g);
            uint32_t start = shift % 3 == 0 ? PDK_CRC32_INIT : (uint32_t)pdk_prng_next(&g);
            assert_int_equal(pdk_crc32(start, p, n), slow(start, p, n));
        }
        free(text);
    }
}

static void a_text_may_come_in_pieces(void **state)
{
    (void)state;
    static uint8_t text[2000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * i >> 3);
    uint32_t whole = pdk_crc32(PDK_CRC32_INIT, text, sizeof text);
    assert_int_equal(whole, slow(PDK_CRC32_INIT, text, sizeof text));
    for (size_t cut = 0; cut <= sizeof text; cut += 13) {
        uint32_t crc = pdk_crc32(PDK_CRC32_INIT, text, cut);
        assert_int_equal(pdk_crc32(crc, text + cut, sizeof text - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_known_sums),
        cmocka_unit_test(every_length_alignment_and_start_value_agrees_with_the_definition),
        cmocka_unit_test(a_text_may_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
