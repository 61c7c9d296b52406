#include "proto/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The first was captured from a server; all were computed with java.util.Random. */
static const struct {
    uint64_t session;
    uint8_t password[PDK_PASSWORD_LEN];
} vectors[] = {
    {0x0100001072b00000,
     {0xa2, 0x57, 0x26, 0x1e, 0x87, 0x0d, 0xfc, 0x5a, 0x50, 0xd8, 0xed, 0x63, 0xa8, 0x42, 0xff,
      0x9b}},
    {1,
     {0x05, 0x4c, 0xc7, 0x4a, 0x37, 0x32, 0x7d, 0xb2, 0x15, 0xe7, 0x02, 0xe2, 0x0c, 0x73, 0xf0,
      0x05}},
    {UINT64_MAX,
     {0x20, 0xf6, 0x2c, 0xb5, 0x64, 0x8d, 0xc2, 0xd7, 0x71, 0x47, 0x1c, 0x8a, 0x24, 0x86, 0xa9,
      0xee}},
    {0xfe00019e00aa0001,
     {0x57, 0xe1, 0x07, 0x2e, 0x21, 0x72, 0xbc, 0x3e, 0xb7, 0x59, 0x15, 0x44, 0x06, 0xce, 0x20,
      0x84}},
};

static void passwords_are_those_of_apache(void **state)
{
    (void)state;
    for (size_t i = 0; i < PDK_COUNT_OF(vectors); i++) {
        uint8_t got[PDK_PASSWORD_LEN];
        pdk_password_of((pdk_session)vectors[i].session, got);
        assert_memory_equal(got, vectors[i].password, PDK_PASSWORD_LEN);
    }
}

static void the_right_password_matches_and_one_flipped_bit_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < PDK_COUNT_OF(vectors); i++) {
        pdk_session session = (pdk_session)vectors[i].session;
        uint8_t p[PDK_PASSWORD_LEN];
        memcpy(p, vectors[i].password, sizeof p);
        assert_true(pdk_password_matches(session, pdk_slice_of(p, sizeof p)));
        for (size_t bit = 0; bit < 8 * sizeof p; bit++) {
            p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(pdk_password_matches(session, pdk_slice_of(p, sizeof p)));
            p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void another_length_null_and_session_zero_never_match(void **state)
{
    (void)state;
    uint8_t p[PDK_PASSWORD_LEN + 1] = {0};
    pdk_password_of(1, p);
    for (size_t len = 0; len <= sizeof p; len++)
        assert_true(pdk_password_matches(1, pdk_slice_of(p, len)) == (len == PDK_PASSWORD_LEN));
    assert_false(pdk_password_matches(1, pdk_slice_null()));
    pdk_password_of(0, p);
    assert_false(pdk_password_matches(0, pdk_slice_of(p, PDK_PASSWORD_LEN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_those_of_apache),
        cmocka_unit_test(the_right_password_matches_and_one_flipped_bit_does_not),
        cmocka_unit_test(another_length_null_and_session_zero_never_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
