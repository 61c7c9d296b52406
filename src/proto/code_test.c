#include "proto/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void codes_have_the_names_and_numbers_of_the_protocol(void **state)
{
    (void)state;
    static const struct {
        int32_t code;
        const char *name;
    } want[] = {
        {0, "Ok"},
        {-1, "SystemError"},
        {-2, "RuntimeInconsistency"},
        {-3, "DataInconsistency"},
        {-4, "ConnectionLoss"},
        {-5, "MarshallingError"},
        {-6, "Unimplemented"},
        {-7, "OperationTimeout"},
        {-8, "BadArguments"},
        {-12, "UnknownSession"},
        {-13, "NewConfigNoQuorum"},
        {-14, "ReconfigInProgress"},
        {-100, "APIError"},
        {-101, "NoNode"},
        {-102, "NoAuth"},
        {-103, "BadVersion"},
        {-108, "NoChildrenForEphemerals"},
        {-110, "NodeExists"},
        {-111, "NotEmpty"},
        {-112, "SessionExpired"},
        {-113, "InvalidCallback"},
        {-114, "InvalidACL"},
        {-115, "AuthFailed"},
        {-118, "SessionMoved"},
        {-119, "NotReadOnly"},
        {-120, "EphemeralOnLocalSession"},
        {-121, "NoWatcher"},
        {-122, "RequestTimeout"},
        {-123, "ReconfigDisabled"},
        {-124, "SessionClosedRequireSaslAuth"},
        {-125, "QuotaExceeded"},
        {-127, "ThrottledOp"},
    };
    size_t named = 0;
    for (int32_t code = 10; code >= -200; code--) {
        if (strcmp(pdk_code_name(code), "Unknown") != 0) named++;
    }
    assert_int_equal(named, PDK_COUNT_OF(want));
    for (size_t i = 0; i < PDK_COUNT_OF(want); i++)
        assert_string_equal(pdk_code_name(want[i].code), want[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_the_names_and_numbers_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
