#include "tools/snapshot/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/golden.h"

static char *print(struct pdk_disk *disk, const char *path, enum pdk_print_what what,
                   enum pdk_err *err, struct pdk_diag *diag)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    *err = pdk_snapshot_print(pdk_disk_vfs(disk), path, what, out, diag);
    (void)fclose(out);
    return text;
}

static void expect(struct pdk_disk *disk, const char *path, enum pdk_print_what what,
                   const char *wanted)
{
    struct pdk_diag diag;
    enum pdk_err err;
    char *text = print(disk, path, what, &err, &diag);
    if (err != PDK_OK) fail_msg("%s: %s", path, diag.text);
    if (strstr(text, wanted) == NULL) fail_msg("no \"%s\" in:\n%s", wanted, text);
    free(text);
}

static void apaches_snapshots_are_shown(void **state)
{
    (void)state;
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_golden_unpack(disk, "tests/golden/datadir/3.8.0/types.tar.gz", "/data");
    static const char early[] = "/data/version-2/snapshot.1f",
                      path[] = "/data/version-2/snapshot.57";
    expect(disk, early, PDK_PRINT_ZNODES,
           "----\n/p\n  cZxid = 0x00000000000004\n  ctime = Fri Nov 20 13:26:21 UTC 2026\n"
           "  mZxid = 0x00000000000004\n  mtime = Fri Nov 20 13:26:21 UTC 2026\n"
           "  pZxid = 0x00000000000008\n  cversion = 2\n  dataVersion = 0\n  aclVersion = 0\n"
           "  ephemeralOwner = 0x00000000000000\n  dataLength = 10\n");
    expect(disk, early, PDK_PRINT_DATA, "  data = cGVyc2lzdGVudA==\n");
    expect(disk, path, PDK_PRINT_SUMMARY,
           "Session Details (sid, timeout, ephemeralCount):\n0x1000059d4ed0000, 40000, 3\n"
           "0x1000059d4ed0001, 10000, 1\n----\nLast zxid: 0x57\n");
    expect(disk, path, PDK_PRINT_SUMMARY,
           "Znodes: 71 (4 ephemeral, 2 container, 4 TTL)\nSessions: 2\nACL lists: 12\n");
    expect(disk, path, PDK_PRINT_SUMMARY,
           "Digest: 141426293540 (as stored, at zxid 0x57)\nChecksums: good\n");
    pdk_disk_destroy(disk);
}

static void fuzzy_and_compressed_ones_too(void **state)
{
    (void)state;
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_golden_unpack(disk, "tests/golden/datadir/3.8.0/snappy.tar.gz", "/data");
    pdk_golden_unpack(disk, "tests/golden/datadir/3.9/gz.tar.gz", "/gz");
    expect(disk, "/data/version-2/snapshot.40.snappy", PDK_PRINT_SUMMARY, "Checksums: good");
    expect(disk, "/gz/version-2/snapshot.2b.gz", PDK_PRINT_SUMMARY,
           "Fuzzy: it may hold effects of transactions up to 0x2d\n");
    pdk_disk_destroy(disk);
}

static void damage_is_told_with_its_place(void **state)
{
    (void)state;
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_golden_unpack(disk, "tests/golden/datadir/3.8.0/types.tar.gz", "/data");
    static const char path[] = "/data/version-2/snapshot.1f";
    struct pdk_diag diag;
    enum pdk_err err;
    pdk_disk_rot(disk, path, 200, 1);
    free(print(disk, path, PDK_PRINT_SUMMARY, &err, &diag));
    assert_int_equal(err, PDK_ECORRUPT);
    assert_non_null(strstr(diag.text, "at offset"));
    free(print(disk, "/data/version-2/log.1", PDK_PRINT_SUMMARY, &err, &diag));
    assert_int_equal(err, PDK_EINVAL);
    free(print(disk, "/data/version-2/snapshot.99", PDK_PRINT_SUMMARY, &err, &diag));
    assert_int_equal(err, PDK_ENOENT);
    pdk_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apaches_snapshots_are_shown),
        cmocka_unit_test(fuzzy_and_compressed_ones_too),
        cmocka_unit_test(damage_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
