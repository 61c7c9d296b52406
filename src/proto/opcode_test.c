#include "proto/opcode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void operations_have_the_names_of_the_protocol(void **state)
{
    (void)state;
    assert_string_equal(pdk_op_name(PDK_OP_CREATE), "create");
    assert_string_equal(pdk_op_name(PDK_OP_GET_CHILDREN2), "getChildren2");
    assert_string_equal(pdk_op_name(PDK_OP_CLOSE_SESSION), "closeSession");
    assert_string_equal(pdk_op_name(PDK_OP_WHO_AM_I), "whoAmI");
    assert_string_equal(pdk_op_name(10), "unknown");
    assert_string_equal(pdk_op_name(108), "unknown");
    assert_string_equal(pdk_op_name(INT32_MIN), "unknown");
}

static void operations_have_the_numbers_of_the_protocol(void **state)
{
    (void)state;
    static const struct {
        int32_t op;
        const char *name;
    } want[] = {
        {9, "sync"},
        {11, "ping"},
        {13, "check"},
        {14, "multi"},
        {15, "create2"},
        {16, "reconfig"},
        {17, "checkWatches"},
        {18, "removeWatches"},
        {20, "deleteContainer"},
        {21, "createTTL"},
        {22, "multiRead"},
        {100, "auth"},
        {101, "setWatches"},
        {102, "sasl"},
        {103, "getEphemerals"},
        {104, "getAllChildrenNumber"},
        {105, "setWatches2"},
        {106, "addWatch"},
        {-10, "createSession"},
        {-11, "closeSession"},
        {-1, "error"},
        {0, "notification"},
        {6, "getACL"},
        {7, "setACL"},
        {8, "getChildren"},
        {19, "createContainer"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(want); i++)
        assert_string_equal(pdk_op_name(want[i].op), want[i].name);
}

static void short_names_are_shared_by_kin_and_na_for_the_rest(void **state)
{
    (void)state;
    assert_string_equal(pdk_op_code4(PDK_OP_CREATE_TTL), "CREA");
    assert_string_equal(pdk_op_code4(PDK_OP_GET_CHILDREN), "GETC");
    assert_string_equal(pdk_op_code4(PDK_OP_GET_CHILDREN2), "GETC");
    assert_string_equal(pdk_op_code4(PDK_OP_GET_ALL_CHILDREN_NUMBER), "GETACN");
    assert_string_equal(pdk_op_code4(PDK_OP_CREATE_SESSION), "SESS");
    assert_string_equal(pdk_op_code4(PDK_OP_AUTH), "NA");
    assert_string_equal(pdk_op_code4(77), "NA");
}

static void create_flags_fall_into_their_kinds(void **state)
{
    (void)state;
    /* flags 0 to 6 as bits */
    unsigned known = 0, sequential = 0, ephemeral = 0, ttl = 0;
    for (int32_t f = -1; f <= 7; f++) {
        unsigned bit = 1u << (f + 1);
        if (pdk_create_flags_known(f)) known |= bit;
        if (pdk_create_is_sequential(f)) sequential |= bit;
        if (pdk_create_is_ephemeral(f)) ephemeral |= bit;
        if (pdk_create_is_ttl(f)) ttl |= bit;
    }
    assert_int_equal(known, 0x7f << 1);
    assert_int_equal(sequential, (1 << 2 | 1 << 3 | 1 << 6) << 1);
    assert_int_equal(ephemeral, (1 << 1 | 1 << 3) << 1);
    assert_int_equal(ttl, (1 << 5 | 1 << 6) << 1);
}

static void all_permissions_are_the_sum_of_the_single_ones(void **state)
{
    (void)state;
    assert_int_equal(PDK_PERM_READ | PDK_PERM_WRITE | PDK_PERM_CREATE | PDK_PERM_DELETE |
                         PDK_PERM_ADMIN,
                     PDK_PERM_ALL);
    assert_int_equal(PDK_PERM_ALL, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_have_the_names_of_the_protocol),
        cmocka_unit_test(operations_have_the_numbers_of_the_protocol),
        cmocka_unit_test(short_names_are_shared_by_kin_and_na_for_the_rest),
        cmocka_unit_test(create_flags_fall_into_their_kinds),
        cmocka_unit_test(all_permissions_are_the_sum_of_the_single_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
