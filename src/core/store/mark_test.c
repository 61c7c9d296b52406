#include "core/store/mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/disk.h"

#define PATH "/d/" PDK_MARK_NAME

struct fixture {
    struct pdk_disk *disk;
    struct pdk_marker m;
    struct pdk_diag diag;
};

static void must_read(struct fixture *f)
{
    pdk_marker_close(&f->m);
    assert_int_equal(pdk_marker_open(&f->m, pdk_disk_vfs(f->disk), PATH, &f->diag), PDK_OK);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.disk = pdk_disk_create(pdk_mem_heap(), 5), .m = {.file = {.number = -1}}};
    pdk_disk_put_dir(f.disk, "/d");
    must_read(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pdk_marker_close(&f->m);
    pdk_disk_destroy(f->disk);
    return 0;
}

static void base(struct fixture *f, pdk_zxid log, int64_t bytes, pdk_zxid zxid)
{
    struct pdk_mark mark = {.log = log, .synced_bytes = bytes, .zxid = zxid};
    assert_int_equal(pdk_marker_set_base(&f->m, "/d", &mark, &f->diag), PDK_OK);
}

static void live(struct fixture *f, pdk_zxid log, int64_t bytes, pdk_zxid zxid)
{
    struct pdk_mark mark = {.log = log, .synced_bytes = bytes, .zxid = zxid};
    assert_int_equal(pdk_marker_set_live(&f->m, &mark, &f->diag), PDK_OK);
}

static void expect(struct fixture *f, pdk_zxid log, int64_t bytes, pdk_zxid zxid)
{
    must_read(f);
    assert_true(f->m.now.known);
    assert_int_equal(f->m.now.log, log);
    assert_int_equal(f->m.now.synced_bytes, bytes);
    assert_int_equal(f->m.now.zxid, zxid);
}

static void the_last_mark_counts(void **state)
{
    struct fixture *f = *state;
    assert_false(f->m.now.known);
    base(f, 1, 16, 0);
    expect(f, 1, 16, 0);
    for (int i = 1; i <= 5; i++) {
        live(f, 1, 16 + i * 100, i);
        expect(f, 1, 16 + i * 100, i);
    }
    base(f, 6, 16, 5);
    expect(f, 6, 16, 5);
    live(f, 6, 200, 7);
    expect(f, 6, 200, 7);
}

static void a_destroyed_slot_falls_back_to_the_one_before(void **state)
{
    struct fixture *f = *state;
    base(f, 1, 16, 0);
    live(f, 1, 100, 1);
    live(f, 1, 200, 2);
    pdk_disk_rot(f->disk, PATH, 3 * PDK_MARK_SLOT_BYTES + 20, 1);
    expect(f, 1, 100, 1);
    pdk_disk_rot(f->disk, PATH, 2 * PDK_MARK_SLOT_BYTES, 1);
    expect(f, 1, 16, 0);
    pdk_disk_rot(f->disk, PATH, 43, 1);
    must_read(f);
    assert_false(f->m.now.known);
}

static void a_base_mark_survives_any_crash(void **state)
{
    struct fixture *f = *state;
    base(f, 1, 16, 0);
    for (int round = 0; round < 200; round++) {
        live(f, 1, 100, 1);
        live(f, 1, 200, 2);
        live(f, 1, 300, 3);
        pdk_disk_crash(f->disk);
        f->m.file.number = -1;
        must_read(f);
        assert_true(f->m.now.known);
        assert_in_range(f->m.now.synced_bytes, 16, 300);
    }
    base(f, 4, 16, 3);
    pdk_disk_crash(f->disk);
    f->m.file.number = -1;
    expect(f, 4, 16, 3);
}

static void nonsense_is_no_mark(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[4 * PDK_MARK_SLOT_BYTES];
    struct pdk_mark mark;
    uint64_t turn;
    pdk_marker_close(&f->m);
    pdk_disk_put(f->disk, PATH, pdk_slice_of(bytes, 30));
    must_read(f);
    assert_false(f->m.now.known);
    memset(bytes, 'P', sizeof bytes);
    pdk_disk_put(f->disk, PATH, pdk_slice_of(bytes, sizeof bytes));
    must_read(f);
    assert_false(f->m.now.known);
    for (size_t len = 0; len < 50; len++) assert_false(pdk_mark_decode(bytes, len, &mark, &turn));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_last_mark_counts),
        TEST(a_destroyed_slot_falls_back_to_the_one_before),
        TEST(a_base_mark_survives_any_crash),
        TEST(nonsense_is_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
