#include "tools/log/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/name.h"
#include "sim/disk.h"
#include "sim/storebox.h"

#define FOLDER "/data/version-2"

struct fixture {
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_diag diag;
    struct pdk_buf said;
};

static void note(void *ctx, const char *line) { pdk_put_text(ctx, "%s\n", line); }

/* Three logs of four transactions: log.1, log.5, log.9; the server has stopped. */
static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.disk = pdk_disk_create(pdk_mem_heap(), 3)};
    pdk_storebox_init(&f.box, pdk_disk_vfs(f.disk), NULL);
    pdk_buf_init(&f.said, pdk_mem_heap(), 1 << 16);
    assert_int_equal(pdk_storebox_open(&f.box, &f.diag), PDK_OK);
    for (int file = 0; file < 3; file++) {
        for (int i = 0; i < 4; i++) pdk_storebox_write(&f.box, 20);
        assert_int_equal(pdk_storebox_append(&f.box, &f.diag), PDK_OK);
        assert_int_equal(pdk_store_sync(f.box.store, &f.diag), PDK_OK);
        pdk_store_roll(f.box.store);
    }
    pdk_storebox_close(&f.box);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pdk_storebox_deinit(&f->box);
    pdk_buf_deinit(&f->said);
    pdk_disk_destroy(f->disk);
    return 0;
}

static enum pdk_err cut(struct fixture *f, const char *name, int64_t offset)
{
    struct pdk_cut_options o = {.mem = pdk_mem_heap(),
                                .vfs = pdk_disk_vfs(f->disk),
                                .folder = FOLDER,
                                .name = name,
                                .offset = offset,
                                .max_record_bytes = 1 << 20,
                                .say = note,
                                .ctx = &f->said};
    return pdk_log_cut(&o, &f->diag);
}

static bool exists(struct fixture *f, const char *path)
{
    return !pdk_disk_contents(f->disk, path).is_null;
}

/* The offset that a refusing server names. */
static int64_t refused_at(struct fixture *f)
{
    assert_int_equal(pdk_storebox_open(&f->box, &f->diag), PDK_ECORRUPT);
    const char *command = strstr(f->diag.text, "paddock-log --cut ");
    assert_non_null(command);
    return strtoll(command + strlen("paddock-log --cut "), NULL, 10);
}

static void what_the_server_names_can_be_cut_and_then_it_starts(void **state)
{
    struct fixture *f = *state;
    struct pdk_slice log = pdk_disk_contents(f->disk, FOLDER "/log.5");
    const uint8_t *seven = memmem(log.bytes, log.len, "\0\0\0\2/7", 6);
    assert_non_null(seven);
    pdk_disk_rot(f->disk, FOLDER "/log.5", seven - log.bytes + 1, 0x10);
    struct pdk_buf before;
    pdk_buf_init(&before, pdk_mem_heap(), 1 << 20);
    log = pdk_disk_contents(f->disk, FOLDER "/log.5");
    pdk_put_raw(&before, log.bytes, log.len);

    int64_t offset = refused_at(f);
    assert_int_equal(cut(f, "log.5", offset), PDK_OK);
    assert_true(
        pdk_slice_eq(pdk_disk_contents(f->disk, FOLDER "/saved.log.5"), pdk_buf_slice(&before)));
    assert_true(exists(f, FOLDER "/saved.log.9"));
    assert_false(exists(f, FOLDER "/log.9"));
    assert_int_equal(pdk_disk_contents(f->disk, FOLDER "/log.5").len, offset);
    pdk_disk_crash(f->disk); /* all of it is durable */
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
    assert_int_equal(f->box.recovery.last_zxid, 6);
    pdk_buf_deinit(&before);
}

static void a_file_without_records_goes(void **state)
{
    struct fixture *f = *state;
    pdk_disk_remove(f->disk, FOLDER "/log.5");
    assert_int_equal(refused_at(f), 16);
    assert_int_equal(cut(f, "log.9", 16), PDK_OK);
    assert_false(exists(f, FOLDER "/log.9"));
    assert_true(exists(f, FOLDER "/saved.log.9"));
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
    assert_int_equal(f->box.recovery.last_zxid, 4);
}

static void only_where_a_record_begins(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cut(f, "log.5", 17), PDK_EINVAL);
    assert_non_null(strstr(f->diag.text, "the next place to cut is "));
    int64_t next = strtoll(strstr(f->diag.text, "cut is ") + 7, NULL, 10);
    assert_int_equal(cut(f, "snapshot.0", 16), PDK_EINVAL);
    assert_int_equal(cut(f, "log.77", 16), PDK_ENOENT);
    assert_false(exists(f, FOLDER "/saved.log.5"));
    assert_int_equal(cut(f, "log.5", next), PDK_OK);
}

static void never_under_a_running_server(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(pdk_storebox_open(&f->box, &f->diag), PDK_OK);
    assert_int_equal(cut(f, "log.5", 16), PDK_EBUSY);
    assert_non_null(strstr(f->diag.text, "stop it first"));
}

static void never_over_an_older_copy(void **state)
{
    struct fixture *f = *state;
    pdk_disk_put(f->disk, FOLDER "/saved.log.5", pdk_slice_str("kept"));
    assert_int_equal(cut(f, "log.5", 16), PDK_EEXIST);
    assert_true(exists(f, FOLDER "/log.5"));
    assert_true(exists(f, FOLDER "/log.9"));
}

static void a_failure_at_any_call_loses_no_record(void **state)
{
    (void)state;
    for (uint64_t call = 0;; call++) {
        void *mine;
        (void)setup(&mine);
        struct fixture *f = mine;
        uint64_t from = pdk_disk_calls(f->disk);
        pdk_disk_fail_call(f->disk, from + call, PDK_EIO);
        enum pdk_err err = cut(f, "log.5", 16);
        bool reached = pdk_disk_calls(f->disk) > from + call;
        pdk_disk_kill(f->disk);
        if (err != PDK_OK) {
            assert_true(exists(f, FOLDER "/log.5") || exists(f, FOLDER "/saved.log.5"));
            assert_true(exists(f, FOLDER "/log.9") || exists(f, FOLDER "/saved.log.9"));
        }
        (void)teardown(&mine);
        if (!reached) break;
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_the_server_names_can_be_cut_and_then_it_starts),
        TEST(a_file_without_records_goes),
        TEST(only_where_a_record_begins),
        TEST(never_under_a_running_server),
        TEST(never_over_an_older_copy),
        cmocka_unit_test(a_failure_at_any_call_loses_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
