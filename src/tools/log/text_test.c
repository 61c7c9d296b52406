#include "tools/log/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/logread.h"
#include "jute/records.h"
#include "proto/opcode.h"
#include "sim/golden.h"

/* The whole log as text, from a data folder that Apache wrote. */
static void read_log(const char *archive, const char *log, struct pdk_buf *out)
{
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    struct pdk_diag diag;
    struct pdk_log_reader r;
    pdk_golden_unpack(disk, archive, "/data");
    struct pdk_slice file = pdk_disk_contents(disk, log);
    assert_false(file.is_null);
    pdk_buf_init(out, pdk_mem_heap(), 1 << 24);
    pdk_log_reader_init(&r, pdk_mem_heap(), pdk_source_of_slice(&file), 1 << 20, &diag);
    while (pdk_log_reader_next(&r) == PDK_LOG_RECORD) {
        pdk_txn_text(out, r.txn);
        pdk_put_u8(out, '\n');
    }
    pdk_put_u8(out, 0);
    pdk_log_reader_deinit(&r);
    pdk_disk_destroy(disk);
}

static void expect_lines(const struct pdk_buf *text, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strstr((const char *)text->bytes, lines[i]) == NULL) fail_msg("missing: %s", lines[i]);
    }
}

static void every_kind_of_transaction_is_told_in_one_line(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "2026-11-20T13:26:21.",
        "session 0x1000059d4ed0000 cxid 0x0 zxid 0x1 createSession 40000\n",
        " zxid 0x4 create /p,persistent,[31,'world,'anyone],false,1\n",
        " zxid 0x9 setData /p/sub,v1,1\n",
        " zxid 0xd setData /p/sub,\\x00\\x01\\xff binary,5\n",
        " zxid 0x13 delete /seq/plain\n",
        " zxid 0x16 createTTL /seq/ts-0000000006,t,[31,'world,'anyone],7,86400000\n",
        " zxid 0x18 create2 /seq/bs-0000000008,of b,[31,'world,'anyone],true,9\n",
        " zxid 0x1c closeSession /eph-of-closed\n",
        " zxid 0x1d createContainer /cont,container,[31,'world,'anyone],7\n",
    };
    struct pdk_buf text;
    read_log("tests/golden/datadir/3.8.0/types.tar.gz", "/data/version-2/log.1", &text);
    expect_lines(&text, lines, PDK_COUNT_OF(lines));
    pdk_buf_deinit(&text);
}

static void multis_and_errors_are_told_part_by_part(void **state)
{
    (void)state;
    static const char *const lines[] = {
        " zxid 0xc multi check /m/x,1\n",
        " zxid 0xd multi \n",
        " zxid 0xe multi create /m/f1,first,[31,'world,'anyone],false,14;error -110;error -2\n",
        " zxid 0x1c error -110\n",
    };
    struct pdk_buf text;
    read_log("tests/golden/datadir/3.8.0/multi.tar.gz", "/data/version-2/log.1", &text);
    expect_lines(&text, lines, PDK_COUNT_OF(lines));
    pdk_buf_deinit(&text);
}

static void what_cannot_be_read_is_said_and_breaks_nothing(void **state)
{
    (void)state;
    static const int32_t types[] = {-11, -10, -1, 1, 2, 5, 7, 13, 14, 15, 16, 19, 20, 21, 99};
    for (size_t i = 0; i < PDK_COUNT_OF(types); i++) {
        struct pdk_buf txn, text;
        struct pdk_txn_header header = {.zxid = 5, .type = types[i], .time = INT64_MAX};
        pdk_buf_init(&txn, pdk_mem_heap(), 1 << 16);
        pdk_buf_init(&text, pdk_mem_heap(), 1 << 16);
        pdk_put_txn_header(&txn, &header);
        pdk_put_raw(&txn, "\0\0\1", 3);
        pdk_txn_text(&text, pdk_buf_slice(&txn));
        pdk_put_u8(&text, 0);
        const char *want = types[i] == 99    ? "(type 99)"
                           : types[i] == -11 ? "closeSession " /* the old form has no body */
                                             : "(unreadable)";
        if (strstr((const char *)text.bytes, want) == NULL) fail_msg("%s", (char *)text.bytes);
        assert_null(strchr((const char *)text.bytes, '\n'));
        pdk_buf_deinit(&txn);
        pdk_buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_transaction_is_told_in_one_line),
        cmocka_unit_test(multis_and_errors_are_told_part_by_part),
        cmocka_unit_test(what_cannot_be_read_is_said_and_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
