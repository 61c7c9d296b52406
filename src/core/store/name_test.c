#include "core/store/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void names_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum pdk_file_kind kind;
        pdk_zxid zxid;
        enum pdk_compression compression;
    } cases[] = {
        {"log.1", PDK_FILE_LOG, 1, PDK_COMPRESSION_NONE},
        {"log.100000001", PDK_FILE_LOG, 0x100000001, PDK_COMPRESSION_NONE},
        {"log.7fffffffffffffff", PDK_FILE_LOG, INT64_MAX, PDK_COMPRESSION_NONE},
        {"log.00A", PDK_FILE_LOG, 10, PDK_COMPRESSION_NONE},
        {"log.8000000000000000", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"log.10000000000000001", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"log.", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"log.-1", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"log.5.gz", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"log.txt", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"logs.5", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"saved.log.5", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"snapshot.0", PDK_FILE_SNAPSHOT, 0, PDK_COMPRESSION_NONE},
        {"snapshot.2f.gz", PDK_FILE_SNAPSHOT, 0x2f, PDK_COMPRESSION_GZ},
        {"snapshot.40.snappy", PDK_FILE_SNAPSHOT, 0x40, PDK_COMPRESSION_SNAPPY},
        {"snapshot.40.zst", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"snapshot.40.", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"snapshot.5.tmp", PDK_FILE_LEFTOVER, 0, PDK_COMPRESSION_NONE},
        {"snapshot.notes", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"paddock.tmp.snapshot.5", PDK_FILE_LEFTOVER, 0, PDK_COMPRESSION_NONE},
        {"paddock.synced", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
        {"currentEpoch.tmp", PDK_FILE_LEFTOVER, 0, PDK_COMPRESSION_NONE},
        {"", PDK_FILE_OTHER, 0, PDK_COMPRESSION_NONE},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_file_name got = pdk_file_name_parse(cases[i].name);
        if (got.kind != cases[i].kind) fail_msg("%s: kind %d", cases[i].name, (int)got.kind);
        if (got.kind != PDK_FILE_LOG && got.kind != PDK_FILE_SNAPSHOT) continue;
        if (got.zxid != cases[i].zxid || got.compression != cases[i].compression)
            fail_msg("%s: zxid 0x%llx", cases[i].name, (unsigned long long)got.zxid);
    }
}

static void names_are_written_as_apache_writes_them(void **state)
{
    (void)state;
    char name[PDK_NAME_BYTES];
    pdk_log_file_name(0x1f, name);
    assert_string_equal(name, "log.1f");
    pdk_log_file_name(INT64_MAX, name);
    assert_string_equal(name, "log.7fffffffffffffff");
    pdk_snapshot_file_name(0, PDK_COMPRESSION_NONE, name);
    assert_string_equal(name, "snapshot.0");
    pdk_snapshot_file_name(0x400000005, PDK_COMPRESSION_GZ, name);
    assert_string_equal(name, "snapshot.400000005.gz");
    pdk_snapshot_file_name(0xabc, PDK_COMPRESSION_SNAPPY, name);
    assert_string_equal(name, "snapshot.abc.snappy");
}

static void paths_are_joined_or_refused(void **state)
{
    (void)state;
    static char longest[PDK_PATH_BYTES];
    struct pdk_path path;
    struct pdk_diag diag;
    assert_int_equal(pdk_path_join(&path, "/var/lib//", "x", &diag), PDK_OK);
    assert_string_equal(path.text, "/var/lib/x");
    assert_int_equal(pdk_path_join2(&path, "data", "version-2", "log.1", &diag), PDK_OK);
    assert_string_equal(path.text, "data/version-2/log.1");
    assert_int_equal(pdk_path_join(&path, "", "x", &diag), PDK_EINVAL);
    memset(longest, 'a', sizeof longest - 1);
    assert_int_equal(pdk_path_join(&path, longest, "x", &diag), PDK_EINVAL);
    longest[sizeof longest - 3] = '\0'; /* a slash, one letter and the NUL just fit */
    assert_int_equal(pdk_path_join(&path, longest, "x", &diag), PDK_OK);
    assert_int_equal(pdk_path_join(&path, longest, "xy", &diag), PDK_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(names_are_written_as_apache_writes_them),
        cmocka_unit_test(paths_are_joined_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
