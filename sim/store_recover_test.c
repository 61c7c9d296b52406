/* One test per rule of opening a folder and of the log (disk-formats.md 2.1, 5, 7; decisions 8, 9).
 * What no single rule shows, crashes at every call do: store_crash_test.c. */
#include "sim/store_fixture.h"

/* ---- a new folder ---------------------------------------------------------------------------- */

static void an_empty_folder_becomes_a_database(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    assert_true(f->box.recovery.fresh);
    assert_int_equal(f->box.recovery.last_zxid, 0);
    assert_false(pdk_disk_contents(f->disk, FOLDER "snapshot.0").is_null);
    stop(f);
    must_open(f);
    assert_false(f->box.recovery.fresh);
    assert_true(f->box.recovery.snapshot_loaded);
}

static void missing_folders_are_made_only_when_allowed(void **state)
{
    struct fixture *f = *state;
    f->box.config.autocreate_dirs = false;
    must_refuse(f, PDK_ENOENT, "zookeeper.datadir.autocreate");
    pdk_disk_put_dir(f->disk, "/data");
    pdk_disk_put_dir(f->disk, "/data/version-2");
    must_open(f);
}

static void a_wiped_folder_waits_for_the_operators_word(void **state)
{
    struct fixture *f = *state;
    f->box.config.db_autocreate = false;
    must_open(f);
    assert_false(f->box.recovery.fresh);
    assert_int_equal(f->box.recovery.last_zxid, -1);
    stop(f);

    pdk_disk_put(f->disk, "/data/initialize", pdk_slice_of("", 0));
    must_open(f);
    assert_true(f->box.recovery.fresh);
    /* Used up, now that the database exists. */
    assert_true(pdk_disk_contents(f->disk, "/data/initialize").is_null);
    stop(f);

    pdk_disk_put(f->disk, "/data/initialize", pdk_slice_of("", 0));
    must_open(f);
    assert_false(f->box.recovery.fresh);
    assert_true(pdk_disk_contents(f->disk, "/data/initialize").is_null);
}

static void one_folder_serves_one_process(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    struct pdk_storebox second;
    pdk_storebox_init(&second, pdk_disk_vfs(f->disk), NULL);
    assert_int_equal(pdk_storebox_open(&second, &f->diag), PDK_EBUSY);
    assert_non_null(strstr(f->diag.text, "another server is using /data/version-2"));
    pdk_storebox_close(&f->box);
    assert_int_equal(pdk_storebox_open(&second, &f->diag), PDK_OK);
    pdk_storebox_deinit(&second);
}

static void folders_mixed_up_are_refused(void **state)
{
    struct fixture *f = *state;
    f->box.config.log_dir = "/log";
    must_open(f);
    must_write(f, 3);
    stop(f);
    f->box.config.log_dir = "/data";
    f->box.config.data_dir = "/log";
    must_refuse(f, PDK_EINVAL, "mixed up");
    /* One folder under two spellings is one folder. */
    f->box.config.data_dir = f->box.config.log_dir = "/both";
    must_open(f);
    must_write(f, 3);
    stop(f);
    f->box.config.log_dir = "/both/./";
    must_open(f);
    assert_int_equal(f->box.recovery.last_zxid, 3);
}

static void leftovers_are_swept(void **state)
{
    static const char *const leftovers[] = {
        FOLDER "snapshot.5.tmp", FOLDER "paddock.tmp.snapshot.5", FOLDER "paddock.tmp.log"};
    struct fixture *f = *state;
    must_open(f);
    stop(f);
    for (size_t i = 0; i < PDK_COUNT_OF(leftovers); i++)
        pdk_disk_put(f->disk, leftovers[i], pdk_slice_str("half a file"));
    pdk_disk_put(f->disk, FOLDER "snapshot.notes", pdk_slice_str("not ours"));
    must_open(f);
    for (size_t i = 0; i < PDK_COUNT_OF(leftovers); i++)
        assert_true(pdk_disk_contents(f->disk, leftovers[i]).is_null);
    assert_false(pdk_disk_contents(f->disk, FOLDER "snapshot.notes").is_null);
}

/* ---- the log --------------------------------------------------------------------------------- */

static void log_files_have_apaches_names_and_sizes(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    assert_int_equal(pdk_store_reserve(f->box.store, &f->diag), PDK_OK);
    must_write(f, 2);
    struct pdk_slice log = pdk_disk_contents(f->disk, FOLDER "log.1");
    assert_int_equal(log.len, 16 + 64 * 1024);
    assert_memory_equal(log.bytes, "ZKLG\0\0\0\2\0\0\0\0\0\0\0\0", 16);
    /* 4096 bytes before the end the file grows by the step. */
    while (pdk_disk_contents(f->disk, FOLDER "log.1").len == log.len) must_write(f, 1);
    assert_int_equal(pdk_disk_contents(f->disk, FOLDER "log.1").len, 16 + 2 * 64 * 1024);
    int64_t end;
    (void)find_record(f, FOLDER "log.1", f->box.state.last_zxid, &end);
    assert_in_range(end, 64 * 1024 + 16 - 4096, 64 * 1024 + 16 - 4096 + 400);
    stop(f);

    /* The next process opens the next file, and what the first did not use is given back. */
    must_open(f);
    assert_int_equal(pdk_disk_contents(f->disk, FOLDER "log.1").len, end);
    char name[PDK_NAME_BYTES], path[300];
    pdk_log_file_name(f->box.state.last_zxid + 1, name);
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    must_write(f, 1);
    assert_false(pdk_disk_contents(f->disk, path).is_null);
}

static void a_size_limit_rolls_the_log(void **state)
{
    struct fixture *f = *state;
    f->box.config.log_size_limit_kb = 1;
    must_open(f);
    while (f->box.store->log.at < 1024) must_write(f, 1);
    must_write(f, 1);
    char name[PDK_NAME_BYTES], path[300];
    pdk_log_file_name(f->box.state.last_zxid, name);
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    assert_false(pdk_disk_contents(f->disk, path).is_null);
}

static void a_torn_tail_is_cut_and_told(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 10);
    stop(f);
    forget_mark(f);
    int64_t end, begin = find_record(f, FOLDER "log.1", 10, &end);
    resize(f, FOLDER "log.1", end - 3);
    must_open(f);
    expect_state(f, 9);
    assert_string_equal(f->box.recovery.torn_file, "log.1");
    assert_true(pdk_storebox_logged(&f->box, "store.log.torn file=log.1"));
    assert_int_equal(pdk_disk_contents(f->disk, FOLDER "log.1").len, begin);
    /* Zxid 10 is used anew, in a file of its own. */
    must_write(f, 1);
    stop(f);
    must_open(f);
    expect_state(f, 10);
    assert_string_equal(f->box.recovery.torn_file, "");
}

static void without_a_mark_a_whole_record_behind_damage_means_rot(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 10);
    stop(f);
    int64_t end, begin = find_record(f, FOLDER "log.1", 5, &end);
    for (int64_t offset = begin; offset < end; offset++) {
        forget_mark(f);
        pdk_disk_rot(f->disk, FOLDER "log.1", offset, 0x41);
        must_refuse(f, PDK_ECORRUPT, "/data/version-2/log.1");
        char command[64];
        (void)snprintf(command, sizeof command, "paddock-log --cut %lld ", (long long)begin);
        assert_non_null(strstr(f->diag.text, command));
        pdk_disk_rot(f->disk, FOLDER "log.1", offset, 0x41);
    }
    must_open(f);
    expect_state(f, 10);
}

/* A batch of which the first record's sector did not arrive. */
static void beyond_the_mark_whole_records_behind_damage_are_torn(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 5);
    for (int i = 0; i < 5; i++) pdk_storebox_write(&f->box, 50);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK); /* never synced */
    stop(f);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 7, NULL) + 40, 1);
    must_open(f);
    assert_int_equal(f->box.recovery.last_zxid, 6);
    assert_string_equal(f->box.recovery.torn_file, "log.1");
}

static void before_the_mark_nothing_is_torn(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 5);
    stop(f);
    int64_t end, begin = find_record(f, FOLDER "log.1", 5, &end);
    pdk_disk_rot(f->disk, FOLDER "log.1", end - 1, 0xff);
    must_refuse(f, PDK_ECORRUPT, "damaged at offset");
    pdk_disk_rot(f->disk, FOLDER "log.1", end - 1, 0xff);
    /* Neither may it be missing or zero. */
    resize(f, FOLDER "log.1", begin);
    must_refuse(f, PDK_ECORRUPT, "records that were synced are missing");
    resize(f, FOLDER "log.1", begin + 5000);
    must_refuse(f, PDK_ECORRUPT, "records that were synced are missing");
}

static void empty_newest_logs_are_removed(void **state)
{
    static const uint8_t header[] = "ZKLG\0\0\0\2\0\0\0\0\0\0\0";
    static const uint8_t zeros[300] = {0};
    const struct pdk_slice images[] = {pdk_slice_of("", 0), pdk_slice_of(header, 7),
                                       pdk_slice_of(header, 16), pdk_slice_of(zeros, 300)};
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 3);
    stop(f);
    for (size_t i = 0; i < PDK_COUNT_OF(images); i++) {
        forget_mark(f);
        pdk_disk_put(f->disk, FOLDER "log.4", images[i]);
        must_open(f);
        expect_state(f, 3);
        assert_true(pdk_disk_contents(f->disk, FOLDER "log.4").is_null);
        assert_true(pdk_storebox_logged(&f->box, "store.log.empty file=log.4"));
        stop(f);
    }
    pdk_disk_put(f->disk, FOLDER "log.4",
                 pdk_slice_str("somebody's notes, kept in the wrong place"));
    must_refuse(f, PDK_ECORRUPT, "does not begin as a transaction log");
}

static void a_missing_log_is_noticed(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    for (int i = 0; i < 3; i++) {
        pdk_store_roll(f->box.store);
        must_write(f, 4);
    }
    stop(f);
    pdk_disk_remove(f->disk, FOLDER "log.5");
    must_refuse(f, PDK_ECORRUPT, "zxid 0x9 follows 0x4");
    assert_non_null(strstr(f->diag.text, "/data/version-2/log.9"));
}

static void missing_newest_logs_are_noticed_by_the_mark(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    pdk_store_roll(f->box.store);
    must_write(f, 4);
    stop(f);
    pdk_disk_remove(f->disk, FOLDER "log.5");
    must_refuse(f, PDK_ECORRUPT, "remove /data/version-2/paddock.synced");
    forget_mark(f); /* as told, by somebody who restored an older copy */
    must_open(f);
    expect_state(f, 4);
}

/* What Apache leaves when it drops a torn tail: it never cuts, and goes on in a new file. */
static void damage_that_an_earlier_recovery_passed_is_passed_again(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    pdk_store_roll(f->box.store);
    must_write(f, 4);
    stop(f);
    forget_mark(f);
    int64_t end;
    (void)find_record(f, FOLDER "log.1", 4, &end);
    resize(f, FOLDER "log.1", end + 1000);
    for (int i = 0; i < 100; i++) pdk_disk_rot(f->disk, FOLDER "log.1", end + i, 0x55);
    must_open(f);
    expect_state(f, 8);
    assert_true(pdk_storebox_logged(&f->box, "store.log.leftover file=log.1"));
    stop(f);

    /* But if the next file does not go on where this one ends, something is lost. */
    forget_mark(f);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 4, NULL) + 30, 1);
    must_refuse(f, PDK_ECORRUPT, "/data/version-2/log.1 is damaged at offset");
}

/* In a new epoch the zxid cannot tell whether the old one's end is complete: only the file can. */
static void damage_before_a_new_epoch_is_rot(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    f->box.state.last_zxid = (pdk_zxid)1 << 32;
    pdk_store_roll(f->box.store);
    pdk_storebox_write(&f->box, 10);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    assert_int_equal(pdk_store_sync(f->box.store, &f->diag), PDK_OK);
    stop(f);
    must_open(f); /* a new epoch begins with counter 1 */
    assert_int_equal(f->box.recovery.last_zxid, ((pdk_zxid)1 << 32) + 1);
    stop(f);
    forget_mark(f);
    int64_t end;
    (void)find_record(f, FOLDER "log.1", 4, &end);
    resize(f, FOLDER "log.1", end + 1000);
    must_open(f); /* zeros are padding */
    stop(f);
    forget_mark(f);
    resize(f, FOLDER "log.1", end + 1000);
    pdk_disk_rot(f->disk, FOLDER "log.1", end + 500, 1);
    must_refuse(f, PDK_ECORRUPT, "a record is missing before others");
}

static void rot_that_the_snapshot_covers_is_told_and_passed(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 6);
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK); /* without a roll */
    must_write(f, 6);
    stop(f);
    int64_t covered = find_record(f, FOLDER "log.1", 4, NULL) + 60;
    pdk_disk_rot(f->disk, FOLDER "log.1", covered, 1);
    must_open(f);
    expect_state(f, 12);
    assert_true(pdk_storebox_logged(&f->box, "store.log.rot_covered file=log.1"));
    stop(f);
    /* The first record behind the snapshot is needed. */
    pdk_disk_rot(f->disk, FOLDER "log.1", covered, 1);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 6, NULL) + 60, 1);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 5, NULL) + 60, 1);
    must_open(f);
    stop(f);
    struct pdk_slice log = pdk_disk_contents(f->disk, FOLDER "log.1");
    /* Zxid 7 cannot be found by its zxid any more once 5 is damaged: look for its bytes. */
    const uint8_t *seven = memmem(log.bytes, log.len, "\0\0\0\2/7", 6);
    assert_non_null(seven);
    pdk_disk_rot(f->disk, FOLDER "log.1", seven - log.bytes + 10, 1);
    must_refuse(f, PDK_ECORRUPT, "checksum is wrong");
}

static void a_lowered_limit_is_blamed_on_the_limit(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 3);
    pdk_storebox_write(&f->box, 5000);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    must_write(f, 3);
    stop(f);
    f->box.config.max_record_bytes = 4000;
    must_refuse(f, PDK_EINVAL, "raise jute.maxbuffer");
    f->box.config.max_record_bytes = 6000;
    must_open(f);
    expect_state(f, 7);
}

static void an_open_store_can_be_recovered_again(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 3);
    assert_int_equal(pdk_store_reserve(f->box.store, &f->diag), PDK_OK);
    assert_int_equal(pdk_storebox_recover(&f->box, &f->diag), PDK_OK);
    expect_state(f, 3);
    must_write(f, 2);
    assert_false(pdk_disk_contents(f->disk, FOLDER "log.4").is_null);
    assert_int_equal(pdk_storebox_recover(&f->box, &f->diag), PDK_OK);
    expect_state(f, 5);
    stop(f);
    must_open(f);
    expect_state(f, 5);
}

static void epochs_may_be_skipped(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    static const int64_t epochs[] = {1, 2, 6};
    for (size_t i = 0; i < PDK_COUNT_OF(epochs); i++) {
        pdk_storebox_begin_epoch(&f->box, epochs[i]);
        must_write(f, 2);
        if (i == 1) must_snapshot(f);
    }
    assert_false(pdk_disk_contents(f->disk, FOLDER "log.100000001").is_null);
    assert_true(pdk_disk_contents(f->disk, FOLDER "log.200000001").is_null);
    assert_false(pdk_disk_contents(f->disk, FOLDER "log.600000001").is_null);
    stop(f);
    must_open(f);
    expect_state(f, 0x600000002);
    assert_int_equal(f->box.recovery.txns, 2);
    /* From the oldest snapshot on, over all of them. */
    pdk_disk_remove(f->disk, FOLDER "snapshot.200000002");
    stop(f);
    must_open(f);
    expect_state(f, 0x600000002);
    assert_int_equal(f->box.recovery.txns, 6);
    /* But an epoch begins with 1. */
    stop(f);
    pdk_disk_remove(f->disk, FOLDER "log.600000001");
    pdk_storebox_deinit(&f->box);
    pdk_storebox_init(&f->box, pdk_disk_vfs(f->disk), NULL);
    forget_mark(f);
    must_open(f);
    expect_state(f, 0x200000002);
    pdk_storebox_begin_epoch(&f->box, 3);
    f->box.state.last_zxid++;
    must_write(f, 2);
    stop(f);
    must_refuse(f, PDK_ECORRUPT, "missing");
}

static void an_unreadable_disk_is_no_end_of_file(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 20);
    stop(f);
    uint64_t before = pdk_disk_calls(f->disk);
    must_open(f);
    uint64_t calls = pdk_disk_calls(f->disk) - before;
    stop(f);
    for (uint64_t i = 0; i < calls; i++) {
        pdk_disk_fail_call(f->disk, pdk_disk_calls(f->disk) + i, PDK_EIO);
        if (pdk_storebox_open(&f->box, &f->diag) == PDK_OK) expect_state(f, 20);
        stop(f);
    }
}

static void replay_announces_what_comes_next(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 10);
    must_snapshot(f);
    must_write(f, 300);
    stop(f);
    must_open(f);
    assert_int_equal(f->box.recovery.txns, 300);
    assert_in_range(f->box.hints, 300 - 300 / PDK_RECOVER_AHEAD - 1, 300);
    assert_int_equal(f->box.wrong_hints, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_empty_folder_becomes_a_database),
        STORE_TEST(missing_folders_are_made_only_when_allowed),
        STORE_TEST(a_wiped_folder_waits_for_the_operators_word),
        STORE_TEST(one_folder_serves_one_process),
        STORE_TEST(folders_mixed_up_are_refused),
        STORE_TEST(leftovers_are_swept),
        STORE_TEST(log_files_have_apaches_names_and_sizes),
        STORE_TEST(a_size_limit_rolls_the_log),
        STORE_TEST(a_torn_tail_is_cut_and_told),
        STORE_TEST(without_a_mark_a_whole_record_behind_damage_means_rot),
        STORE_TEST(beyond_the_mark_whole_records_behind_damage_are_torn),
        STORE_TEST(before_the_mark_nothing_is_torn),
        STORE_TEST(empty_newest_logs_are_removed),
        STORE_TEST(a_missing_log_is_noticed),
        STORE_TEST(missing_newest_logs_are_noticed_by_the_mark),
        STORE_TEST(damage_that_an_earlier_recovery_passed_is_passed_again),
        STORE_TEST(damage_before_a_new_epoch_is_rot),
        STORE_TEST(rot_that_the_snapshot_covers_is_told_and_passed),
        STORE_TEST(a_lowered_limit_is_blamed_on_the_limit),
        STORE_TEST(an_open_store_can_be_recovered_again),
        STORE_TEST(epochs_may_be_skipped),
        STORE_TEST(an_unreadable_disk_is_no_end_of_file),
        STORE_TEST(replay_announces_what_comes_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
