/* One test per rule of snapshots, purge and epoch files (disk-formats.md 3, 6, 8), and recovery
 * without memory. */
#include "sim/store_fixture.h"

#include "base/mem_fail.h"

/* ---- snapshots ------------------------------------------------------------------------------- */

static void a_damaged_snapshot_is_replaced_by_an_older_one_and_more_log(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    must_snapshot(f);
    must_write(f, 4);
    must_snapshot(f);
    must_write(f, 4);
    stop(f);
    size_t len = pdk_disk_contents(f->disk, FOLDER "snapshot.8").len;
    for (size_t offset = 0; offset < len; offset += 7) {
        pdk_disk_rot(f->disk, FOLDER "snapshot.8", (int64_t)offset, 0x20);
        must_open(f);
        expect_state(f, 12);
        if (f->box.recovery.snapshot_zxid == 4)
            assert_true(pdk_storebox_logged(&f->box, "store.snapshot.passed_over file=snapshot.8"));
        else
            assert_in_range(offset, 4, 15); /* version and database id, which nobody checks... */
        stop(f);
        pdk_disk_rot(f->disk, FOLDER "snapshot.8", (int64_t)offset, 0x20);
    }
}

static void a_cut_snapshot_is_passed_over(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    must_snapshot(f);
    stop(f);
    for (int64_t len = (int64_t)pdk_disk_contents(f->disk, FOLDER "snapshot.4").len - 1; len >= 0;
         len -= 3) {
        resize(f, FOLDER "snapshot.4", len);
        must_open(f);
        expect_state(f, 4);
        assert_int_equal(f->box.recovery.snapshot_zxid, 0);
        stop(f);
    }
}

static void snapshots_of_which_none_loads_are_refused(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    stop(f);
    pdk_disk_rot(f->disk, FOLDER "snapshot.0", 3, 0x20);
    must_refuse(f, PDK_ECORRUPT, "none of the 1 snapshots");
}

/* A snapshot proves that its transactions were there; a log that ends before it has lost some. */
static void falling_back_must_reach_what_the_lost_snapshot_held(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    must_snapshot(f);
    must_write(f, 4);
    must_snapshot(f);
    stop(f);
    forget_mark(f);
    pdk_disk_remove(f->disk, FOLDER "log.5");
    pdk_disk_rot(f->disk, FOLDER "snapshot.8", 30, 0x20);
    must_refuse(f, PDK_ECORRUPT, "the logs end at zxid 0x4 before its 0x8");
}

static void a_wiped_folder_may_keep_our_mark(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    stop(f);
    pdk_disk_remove(f->disk, FOLDER "log.1");
    pdk_disk_remove(f->disk, FOLDER "snapshot.0");
    must_open(f);
    assert_true(f->box.recovery.fresh);
    assert_true(pdk_storebox_logged(&f->box, "store.mark.stale"));
    must_write(f, 2);
    stop(f);
    must_open(f);
    assert_int_equal(f->box.recovery.last_zxid, 2);
}

static bool stop_now(void *ctx)
{
    (void)ctx;
    return true;
}

static void a_cancelled_snapshot_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    struct pdk_snapshot_result result;
    struct pdk_snapshot_job *job = pdk_state_freeze(&f->box.state);
    pdk_snapshot_write(f->box.store, job, stop_now, NULL, &result);
    pdk_state_unfreeze(job);
    assert_int_equal(result.err, PDK_EBUSY);
    const char *name;
    for (size_t i = 0; (name = pdk_disk_name(f->disk, "/data/version-2", i)) != NULL; i++) {
        assert_null(strstr(name, "snapshot.4"));
    }
}

static void the_snapshot_in_memory_is_the_snapshot_on_disk(void **state)
{
    struct fixture *f = *state;
    static const enum pdk_compression kinds[] = {PDK_COMPRESSION_NONE, PDK_COMPRESSION_GZ,
                                                 PDK_COMPRESSION_SNAPPY};
    must_open(f);
    for (size_t i = 0; i < PDK_COUNT_OF(kinds); i++) {
        f->box.store->config.compression = kinds[i];
        must_write(f, 30);
        struct pdk_snapshot_result result;
        struct pdk_snapshot_job *job = pdk_state_freeze(&f->box.state);
        pdk_snapshot_write(f->box.store, job, NULL, NULL, &result);
        pdk_state_unfreeze(job);
        assert_int_equal(result.err, PDK_OK);
        char name[PDK_NAME_BYTES], path[300];
        pdk_snapshot_file_name(result.zxid, kinds[i], name);
        (void)snprintf(path, sizeof path, FOLDER "%s", name);
        assert_int_equal(pdk_disk_contents(f->disk, path).len, result.size_bytes);
    }
    for (size_t i = PDK_COUNT_OF(kinds); i-- > 0;) {
        stop(f);
        must_open(f);
        assert_int_equal(f->box.recovery.snapshot_zxid, 30 * (i + 1));
        expect_state(f, 90);
        char name[PDK_NAME_BYTES], path[300];
        pdk_snapshot_file_name((pdk_zxid)(30 * (i + 1)), kinds[i], name);
        (void)snprintf(path, sizeof path, FOLDER "%s", name);
        pdk_disk_rot(f->disk, path, (int64_t)pdk_disk_contents(f->disk, path).len / 2, 4);
    }
}

static void without_memory_nothing_is_lost_or_leaked(void **state)
{
    struct fixture *f = *state;
    f->box.config.compression = PDK_COMPRESSION_GZ;
    must_open(f);
    must_write(f, 20);
    must_snapshot(f);
    must_write(f, 20);
    stop(f);
    const struct pdk_mem *heap = f->box.config.mem;
    int refused = 0;
    for (size_t nth = 1;; nth++) {
        struct pdk_fail_mem m;
        pdk_fail_mem_init(&m);
        pdk_fail_mem_at(&m, nth);
        f->box.config.mem = &m.mem;
        enum pdk_err err = pdk_storebox_open(&f->box, &f->diag);
        if (err == PDK_OK) expect_state(f, 40);
        if (err == PDK_OK && nth % 3 == 0) err = pdk_storebox_snapshot(&f->box, &f->diag);
        if (err != PDK_OK && err != PDK_ENOMEM) fail_msg("%s: %s", pdk_err_name(err), f->diag.text);
        refused += err == PDK_ENOMEM;
        pdk_storebox_close(&f->box);
        f->box.config.mem = heap;
        assert_int_equal(m.live, 0);
        if (m.calls < nth) break;
    }
    assert_true(refused > 5);
    must_open(f);
    expect_state(f, 40);
}

/* ---- purge, sizes, epochs -------------------------------------------------------------------- */

static void count_removed(void *ctx, const char *path)
{
    (void)path;
    ++*(int *)ctx;
}

static int purge(struct fixture *f, int retain)
{
    int removed = 0;
    assert_int_equal(
        pdk_store_purge(&f->box.config, f->box.vfs, retain, count_removed, &removed, &f->diag),
        PDK_OK);
    return removed;
}

static bool exists(struct fixture *f, const char *path)
{
    return !pdk_disk_contents(f->disk, path).is_null;
}

/* snapshots 0 4 8 c 10; logs 1 5 9 d 11 */
static void make_history(struct fixture *f)
{
    must_open(f);
    for (int i = 0; i < 4; i++) {
        must_write(f, 4);
        must_snapshot(f);
    }
    must_write(f, 4);
}

static void purge_keeps_three_snapshots_and_their_logs(void **state)
{
    struct fixture *f = *state;
    make_history(f);
    /* Kept: c, 8 and 10; the newest log with a name of at most 8 is log.5 (it ends at 8). */
    assert_int_equal(purge(f, 3), 3);
    assert_false(exists(f, FOLDER "snapshot.0"));
    assert_false(exists(f, FOLDER "snapshot.4"));
    assert_true(exists(f, FOLDER "snapshot.8"));
    assert_false(exists(f, FOLDER "log.1"));
    assert_true(exists(f, FOLDER "log.5"));
    assert_int_equal(purge(f, 3), 0);
    assert_int_equal(pdk_store_purge(&f->box.config, f->box.vfs, 2, NULL, NULL, &f->diag),
                     PDK_EINVAL);
    stop(f);
    must_open(f);
    expect_state(f, 20);
}

static void purge_counts_only_snapshots_that_are_whole(void **state)
{
    struct fixture *f = *state;
    make_history(f);
    resize(f, FOLDER "snapshot.10", 40);                  /* fails the quick check */
    pdk_disk_rot(f->disk, FOLDER "snapshot.c", 60, 0x01); /* only reading it tells */
    assert_int_equal(purge(f, 3), 0);
    assert_true(exists(f, FOLDER "snapshot.0"));
    stop(f);
    must_open(f);
    expect_state(f, 20);
    assert_int_equal(f->box.recovery.snapshot_zxid, 8);
}

static void sizes_count_files_that_an_operator_sees(void **state)
{
    struct fixture *f = *state;
    make_history(f);
    int64_t data, log, want = 0;
    assert_int_equal(pdk_store_sizes(&f->box.config, f->box.vfs, &data, &log), PDK_OK);
    const char *name;
    for (size_t i = 0; (name = pdk_disk_name(f->disk, "/data/version-2", i)) != NULL; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, FOLDER "%s", name);
        if (strncmp(name, "paddock.", 8) != 0)
            want += (int64_t)pdk_disk_contents(f->disk, path).len;
    }
    assert_int_equal(data, want);
    assert_int_equal(log, want);
}

static void epochs_are_stored_as_apache_stores_them(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    int64_t current, accepted;
    assert_int_equal(pdk_store_read_epochs(f->box.store, &current, &accepted, &f->diag), PDK_OK);
    assert_int_equal(current, -1);
    assert_int_equal(accepted, -1);
    assert_int_equal(pdk_store_write_epochs(f->box.store, 41, 305, &f->diag), PDK_OK);
    struct pdk_slice file = pdk_disk_contents(f->disk, FOLDER "acceptedEpoch");
    assert_true(pdk_slice_eq_str(file, "305"));
    pdk_disk_put(f->disk, FOLDER "currentEpoch", pdk_slice_str("7\n"));
    assert_int_equal(pdk_store_read_epochs(f->box.store, &current, &accepted, &f->diag), PDK_OK);
    assert_int_equal(current, 7);
    assert_int_equal(accepted, 305);
    static const char *const bad[] = {"", "x", "-1", "7x", "99999999999999999999"};
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        pdk_disk_put(f->disk, FOLDER "currentEpoch", pdk_slice_str(bad[i]));
        assert_int_equal(pdk_store_read_epochs(f->box.store, &current, &accepted, &f->diag),
                         PDK_ECORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_damaged_snapshot_is_replaced_by_an_older_one_and_more_log),
        STORE_TEST(a_cut_snapshot_is_passed_over),
        STORE_TEST(snapshots_of_which_none_loads_are_refused),
        STORE_TEST(falling_back_must_reach_what_the_lost_snapshot_held),
        STORE_TEST(a_wiped_folder_may_keep_our_mark),
        STORE_TEST(a_cancelled_snapshot_leaves_nothing),
        STORE_TEST(the_snapshot_in_memory_is_the_snapshot_on_disk),
        STORE_TEST(without_memory_nothing_is_lost_or_leaked),
        STORE_TEST(purge_keeps_three_snapshots_and_their_logs),
        STORE_TEST(purge_counts_only_snapshots_that_are_whole),
        STORE_TEST(sizes_count_files_that_an_operator_sees),
        STORE_TEST(epochs_are_stored_as_apache_stores_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
