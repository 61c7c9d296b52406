#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void siphash_gives_the_values_of_other_implementations(void **state)
{
    (void)state;
    /* Key 00 01 .. 0f, message 00 01 .. ; from a second implementation that was itself compared
     * with CPython's hash of bytes (which is SipHash-1-3 with a zero key: the last two). */
    static const struct pdk_hash_seed seed = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    static const struct pdk_hash_seed zero = {0, 0};
    static const struct {
        size_t len;
        uint64_t hash;
    } want[] = {
        {0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},
        {8, 0x369095118d299a8e},  {9, 0x25a48eb36c063de4},  {15, 0xd320d86d2a519956},
        {16, 0xcc4fdd1a7d908b66}, {63, 0x9d199062b7bbb3a8},
    };
    uint8_t message[64];
    for (size_t i = 0; i < sizeof message; i++) message[i] = (uint8_t)i;
    for (size_t i = 0; i < PDK_COUNT_OF(want); i++)
        assert_true(pdk_siphash(&seed, message, want[i].len) == want[i].hash);
    assert_true(pdk_siphash(&zero, message, 3) == 0x4d4c9a4a8ef6e0ad);
    assert_true(pdk_siphash(&zero, message, 16) == 0x8972188433a5c5b7);
}

static void siphash_of_nothing_needs_no_memory(void **state)
{
    (void)state;
    static const struct pdk_hash_seed seed = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    assert_true(pdk_siphash(&seed, NULL, 0) == 0xabac0158050fc4dc);
}

static void checksums_give_the_published_values(void **state)
{
    (void)state;
    assert_int_equal(pdk_adler32(PDK_ADLER32_INIT, "Wikipedia", 9), 0x11e60398);
    assert_int_equal(pdk_crc32(PDK_CRC32_INIT, "123456789", 9), 0xcbf43926);
    assert_int_equal(pdk_adler32(PDK_ADLER32_INIT, "", 0), 1);
    assert_int_equal(pdk_crc32(PDK_CRC32_INIT, "", 0), 0);
}

static void checksums_run_on_over_pieces_and_over_empty_ones(void **state)
{
    (void)state;
    uint32_t adler = pdk_adler32(PDK_ADLER32_INIT, "Wiki", 4);
    adler = pdk_adler32(adler, NULL, 0);
    assert_int_equal(pdk_adler32(adler, "pedia", 5), 0x11e60398);
    uint32_t crc = pdk_crc32(PDK_CRC32_INIT, "1234", 4);
    crc = pdk_crc32(crc, NULL, 0);
    assert_int_equal(pdk_crc32(crc, "56789", 5), 0xcbf43926);
}

/* data-model: /zookeeper with a stat of zeros adds this to the tree's digest. */
static void the_digest_of_a_fresh_tree_adds_up(void **state)
{
    (void)state;
    static const uint8_t stat[60] = {0};
    uint32_t root = pdk_crc32(PDK_CRC32_INIT, stat, sizeof stat);
    uint32_t zookeeper = pdk_crc32(PDK_CRC32_INIT, "/zookeeper", 10);
    zookeeper = pdk_crc32(zookeeper, stat, sizeof stat);
    assert_int_equal(root, 0x04128908);
    assert_int_equal(zookeeper, 0x4db44d58);
}

static void message_digests_give_the_published_values(void **state)
{
    (void)state;
    static const uint8_t sha1[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                     0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    static const uint8_t sha256_start[4] = {0xba, 0x78, 0x16, 0xbf};
    static const uint8_t sha1_empty_start[4] = {0xda, 0x39, 0xa3, 0xee};
    uint8_t out[PDK_DIGEST_MAX];
    size_t len = 0;
    assert_int_equal(pdk_message_digest("SHA1", pdk_slice_str("abc"), out, &len), PDK_OK);
    assert_int_equal(len, 20);
    assert_memory_equal(out, sha1, 20);
    assert_int_equal(pdk_message_digest("SHA-256", pdk_slice_str("abc"), out, &len), PDK_OK);
    assert_int_equal(len, 32);
    assert_memory_equal(out, sha256_start, 4);
    assert_int_equal(pdk_message_digest("SHA1", pdk_slice_null(), out, &len), PDK_OK);
    assert_memory_equal(out, sha1_empty_start, 4);
    assert_int_equal(pdk_message_digest("SHA-512", pdk_slice_str("abc"), out, &len), PDK_OK);
    assert_int_equal(len, 64);
    assert_int_equal(pdk_message_digest("no such", pdk_slice_str("abc"), out, &len), PDK_EINVAL);
}

static void base64_pads_as_the_standard_says(void **state)
{
    (void)state;
    static const char *const want[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t len = 0; len < PDK_COUNT_OF(want); len++) {
        char out[PDK_BASE64_LEN(6) + 1];
        pdk_base64((const uint8_t *)"foobar", len, out);
        assert_string_equal(out, want[len]);
        assert_int_equal(strlen(out), PDK_BASE64_LEN(len));
    }
    char out[5];
    pdk_base64((const uint8_t *)"\xfb\xff\xbf", 3, out);
    assert_string_equal(out, "+/+/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_values_of_other_implementations),
        cmocka_unit_test(siphash_of_nothing_needs_no_memory),
        cmocka_unit_test(checksums_give_the_published_values),
        cmocka_unit_test(checksums_run_on_over_pieces_and_over_empty_ones),
        cmocka_unit_test(the_digest_of_a_fresh_tree_adds_up),
        cmocka_unit_test(message_digests_give_the_published_values),
        cmocka_unit_test(base64_pads_as_the_standard_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
