/* The crash disk itself: a model that forgave too much would prove nothing. */
#include "sim/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct pdk_disk *disk;
    const struct pdk_vfs *vfs;
};

static struct fixture start(uint64_t seed)
{
    struct fixture f = {.disk = pdk_disk_create(pdk_mem_heap(), seed)};
    f.vfs = pdk_disk_vfs(f.disk);
    pdk_disk_put_dir(f.disk, "/d");
    return f;
}

static int create(const struct fixture *f, const char *path)
{
    int file;
    assert_int_equal(f->vfs->open(f->vfs->ctx, path, PDK_VFS_CREATE, &file, NULL), PDK_OK);
    return file;
}

static enum pdk_err put(const struct fixture *f, int file, const char *text, int64_t offset)
{
    struct pdk_vfs_piece piece = {text, strlen(text)};
    return f->vfs->pwrite(f->vfs->ctx, file, &piece, 1, offset, NULL);
}

#define RUNS 400

/* What a file may be after a crash: counts over many seeds. */
struct outcome {
    int missing, empty, old, whole, other;
};

static void count(struct outcome *o, const struct fixture *f, const char *path, const char *old,
                  const char *whole)
{
    struct pdk_slice got = pdk_disk_contents(f->disk, path);
    if (got.is_null)
        o->missing++;
    else if (got.len == 0)
        o->empty++;
    else if (pdk_slice_eq_str(got, old))
        o->old++;
    else if (pdk_slice_eq_str(got, whole))
        o->whole++;
    else
        o->other++;
}

static void unsynced_writes_meet_every_fate(void **state)
{
    (void)state;
    static char text[2000];
    struct outcome o = {0};
    memset(text, 'x', sizeof text - 1);
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        struct fixture f = start(seed);
        int file = create(&f, "/d/a");
        assert_int_equal(f.vfs->sync_dir(f.vfs->ctx, "/d", NULL), PDK_OK);
        assert_int_equal(put(&f, file, text, 0), PDK_OK);
        pdk_disk_crash(f.disk);
        count(&o, &f, "/d/a", "", text);
        pdk_disk_destroy(f.disk);
    }
    assert_int_equal(o.missing, 0); /* its name was synced */
    assert_in_range(o.empty, RUNS / 10, RUNS);
    assert_in_range(o.whole, RUNS / 10, RUNS);
    assert_in_range(o.other, RUNS / 10, RUNS); /* torn, scrambled */
}

static void synced_bytes_stay_whatever_is_written_later(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        struct fixture f = start(seed);
        int file = create(&f, "/d/a");
        assert_int_equal(put(&f, file, "synced", 0), PDK_OK);
        assert_int_equal(f.vfs->datasync(f.vfs->ctx, file, NULL), PDK_OK);
        assert_int_equal(f.vfs->sync_dir(f.vfs->ctx, "/d", NULL), PDK_OK);
        assert_int_equal(put(&f, file, "more, never synced", 6), PDK_OK);
        assert_int_equal(f.vfs->unlink(f.vfs->ctx, "/d/none", NULL), PDK_ENOENT);
        pdk_disk_crash(f.disk);
        struct pdk_slice got = pdk_disk_contents(f.disk, "/d/a");
        assert_true(got.len >= 6);
        assert_memory_equal(got.bytes, "synced", 6);
        pdk_disk_destroy(f.disk);
    }
}

static void names_stay_only_when_the_folder_was_synced(void **state)
{
    (void)state;
    struct outcome fresh = {0}, moved = {0};
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        struct fixture f = start(seed);
        pdk_disk_put(f.disk, "/d/b", pdk_slice_str("old"));
        int file = create(&f, "/d/a");
        assert_int_equal(put(&f, file, "new", 0), PDK_OK);
        assert_int_equal(f.vfs->sync(f.vfs->ctx, file, NULL), PDK_OK);
        if (seed % 2 == 0)
            assert_int_equal(f.vfs->rename(f.vfs->ctx, "/d/a", "/d/b", NULL), PDK_OK);
        pdk_disk_crash(f.disk);
        count(&fresh, &f, "/d/a", "old", "new");
        if (seed % 2 == 0) count(&moved, &f, "/d/b", "old", "new");
        pdk_disk_destroy(f.disk);
    }
    assert_in_range(fresh.missing, RUNS / 10, RUNS);
    assert_in_range(fresh.whole, RUNS / 20, RUNS);
    /* A rename leaves the old file or the new one, nothing else. */
    assert_in_range(moved.old, RUNS / 20, RUNS);
    assert_in_range(moved.whole, RUNS / 20, RUNS);
    assert_int_equal(moved.missing + moved.empty + moved.other, 0);
}

static void a_renamed_file_is_never_lost(void **state)
{
    (void)state;
    int old_only = 0, new_only = 0, both = 0;
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        struct fixture f = start(seed);
        pdk_disk_put(f.disk, "/d/a", pdk_slice_str("file"));
        pdk_disk_put(f.disk, "/d/b", pdk_slice_str("other"));
        /* Twice, so that a name's earlier values play a part, too. */
        assert_int_equal(f.vfs->rename(f.vfs->ctx, "/d/a", "/d/b", NULL), PDK_OK);
        assert_int_equal(f.vfs->rename(f.vfs->ctx, "/d/b", "/d/a", NULL), PDK_OK);
        assert_int_equal(f.vfs->rename(f.vfs->ctx, "/d/a", "/d/b", NULL), PDK_OK);
        pdk_disk_crash(f.disk);
        bool a = pdk_slice_eq_str(pdk_disk_contents(f.disk, "/d/a"), "file");
        bool b = pdk_slice_eq_str(pdk_disk_contents(f.disk, "/d/b"), "file");
        assert_true(a || b);
        old_only += a && !b;
        new_only += b && !a;
        both += a && b;
        pdk_disk_destroy(f.disk);
    }
    assert_in_range(old_only, RUNS / 20, RUNS);
    assert_in_range(new_only, RUNS / 20, RUNS);
    assert_in_range(both, RUNS / 40, RUNS);
}

static void a_killed_process_loses_nothing(void **state)
{
    (void)state;
    struct fixture f = start(1);
    int lock, file = create(&f, "/d/a");
    assert_int_equal(put(&f, file, "text", 0), PDK_OK);
    assert_int_equal(f.vfs->lock(f.vfs->ctx, "/d/lock", &lock, NULL), PDK_OK);
    pdk_disk_kill(f.disk);
    assert_true(pdk_slice_eq_str(pdk_disk_contents(f.disk, "/d/a"), "text"));
    assert_int_equal(f.vfs->lock(f.vfs->ctx, "/d/lock", &lock, NULL), PDK_OK);
    int second;
    assert_int_equal(f.vfs->lock(f.vfs->ctx, "/d/lock", &second, NULL), PDK_EBUSY);
    pdk_disk_destroy(f.disk);
}

static void the_chosen_call_fails_and_only_that(void **state)
{
    (void)state;
    struct fixture f = start(1);
    int file = create(&f, "/d/a");
    pdk_disk_fail_call(f.disk, pdk_disk_calls(f.disk) + 1, PDK_EIO);
    assert_int_equal(put(&f, file, "one", 0), PDK_OK);
    assert_int_equal(put(&f, file, "two", 3), PDK_EIO);
    assert_int_equal(put(&f, file, "two", 3), PDK_OK);
    pdk_disk_stop_at(f.disk, pdk_disk_calls(f.disk) + 1);
    assert_int_equal(put(&f, file, "three", 6), PDK_OK);
    assert_false(pdk_disk_stopped(f.disk));
    for (int i = 0; i < 3; i++) assert_int_equal(f.vfs->sync(f.vfs->ctx, file, NULL), PDK_EIO);
    assert_true(pdk_disk_stopped(f.disk));
    pdk_disk_destroy(f.disk);
}

static void a_full_disk_refuses_what_was_not_reserved(void **state)
{
    (void)state;
    static char block[4097];
    struct fixture f = start(1);
    memset(block, 'x', 4096);
    pdk_disk_set_capacity(f.disk, 4 * 4096);
    int file = create(&f, "/d/a"), other = create(&f, "/d/b");
    assert_int_equal(f.vfs->reserve(f.vfs->ctx, file, 0, 3 * 4096, true, NULL), PDK_OK);
    assert_int_equal(put(&f, other, block, 0), PDK_OK);
    assert_int_equal(put(&f, other, block, 4096), PDK_ENOSPC);
    assert_int_equal(f.vfs->reserve(f.vfs->ctx, other, 0, 2 * 4096, true, NULL), PDK_ENOSPC);
    for (int i = 0; i < 3; i++) assert_int_equal(put(&f, file, block, i * 4096), PDK_OK);
    assert_int_equal(put(&f, file, block, 3 * 4096), PDK_ENOSPC);
    f.vfs->close(f.vfs->ctx, other);
    assert_int_equal(f.vfs->unlink(f.vfs->ctx, "/d/b", NULL), PDK_OK);
    assert_int_equal(put(&f, file, block, 3 * 4096), PDK_OK);
    assert_int_equal(f.vfs->truncate(f.vfs->ctx, file, 4096, NULL), PDK_OK);
    other = create(&f, "/d/b");
    assert_int_equal(put(&f, other, block, 0), PDK_OK);
    pdk_disk_destroy(f.disk);
}

static void rot_stays(void **state)
{
    (void)state;
    struct fixture f = start(1);
    pdk_disk_put(f.disk, "/d/a", pdk_slice_str("text"));
    pdk_disk_rot(f.disk, "/d/a", 1, 0x01);
    assert_true(pdk_slice_eq_str(pdk_disk_contents(f.disk, "/d/a"), "tdxt"));
    pdk_disk_crash(f.disk);
    assert_true(pdk_slice_eq_str(pdk_disk_contents(f.disk, "/d/a"), "tdxt"));
    pdk_disk_destroy(f.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsynced_writes_meet_every_fate),
        cmocka_unit_test(synced_bytes_stay_whatever_is_written_later),
        cmocka_unit_test(names_stay_only_when_the_folder_was_synced),
        cmocka_unit_test(a_renamed_file_is_never_lost),
        cmocka_unit_test(a_killed_process_loses_nothing),
        cmocka_unit_test(the_chosen_call_fails_and_only_that),
        cmocka_unit_test(a_full_disk_refuses_what_was_not_reserved),
        cmocka_unit_test(rot_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
