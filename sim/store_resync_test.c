/* TRUNC: one test per rule of core/store/resync.h, on the crash disk. */
#include "sim/store_resync_fixture.h"

static void must_truncate(struct fixture *f, pdk_zxid zxid)
{
    if (pdk_store_truncate(f->box.store, zxid, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
    must_recover(f);
}

static void what_is_above_is_forgotten(void **state)
{
    (void)state;
    for (pdk_zxid zxid = 0; zxid <= 9; zxid++) {
        for (int restarted = 0; restarted < 2; restarted++) {
            void *fixture;
            (void)setup(&fixture);
            struct fixture *f = fixture;
            write_nine(f);
            if (restarted) {
                stop(f);
                must_open(f);
            }
            must_truncate(f, zxid);
            expect_state(f, zxid);
            assert_int_equal(is_there(f, "snapshot.6"), zxid >= 6);
            assert_int_equal(is_there(f, "snapshot.3"), zxid >= 3);
            assert_int_equal(is_there(f, "log.7"), zxid >= 7);
            assert_int_equal(is_there(f, "log.4"), zxid >= 4);
            /* Apache takes a log without a record for a fault. */
            assert_int_equal(is_there(f, "log.1"), zxid >= 1);
            must_write(f, 2);
            must_recover(f);
            goes_on_from(f, zxid + 2);
            (void)teardown(&fixture);
        }
    }
}

static void the_next_append_opens_a_file(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    assert_int_equal(pdk_store_reserve(f->box.store, &f->diag), PDK_OK);
    pdk_store_roll(f->box.store);
    must_truncate(f, 8);
    must_write(f, 1);
    assert_true(is_there(f, "log.7"));
    assert_true(is_there(f, "log.9"));
    int64_t end;
    (void)find_record(f, FOLDER "log.7", 8, &end);
    assert_int_equal(pdk_disk_contents(f->disk, FOLDER "log.7").len, end);
}

static void a_snapshot_newer_than_the_cut_does_not_bring_it_back(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    must_snapshot(f);
    assert_true(is_there(f, "snapshot.9"));
    must_truncate(f, 8);
    assert_false(is_there(f, "snapshot.9"));
    goes_on_from(f, 8);
}

static void without_an_old_snapshot_it_is_impossible(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    pdk_disk_remove(f->disk, FOLDER "snapshot.0");
    pdk_disk_remove(f->disk, FOLDER "snapshot.3");
    uint32_t before = folder_sum(f);
    assert_int_equal(pdk_store_truncate(f->box.store, 5, &f->diag), PDK_ENOENT);
    assert_int_equal(folder_sum(f), before);
    must_write(f, 2);
    must_recover(f);
    goes_on_from(f, 11);
}

static void a_broken_snapshot_is_no_foundation(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    pdk_disk_rot(f->disk, FOLDER "snapshot.6", 40, 1);
    must_truncate(f, 8);
    assert_int_equal(f->box.recovery.snapshot_zxid, 3);
    assert_false(is_there(f, "snapshot.6"));
    goes_on_from(f, 8);
}

/* Apache's snapshots may hold effects of what came while they were written. */
static void a_snapshot_that_reaches_beyond_the_cut_is_no_foundation(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[1 << 16];
    write_nine(f);
    struct pdk_slice file = pdk_disk_contents(f->disk, FOLDER "snapshot.6");
    memcpy(bytes, file.bytes, file.len);
    size_t at = file.len - 13 - 8;
    pdk_store_u64(bytes + at, 8);
    pdk_store_u64(bytes + at + 8, pdk_adler32(PDK_ADLER32_INIT, bytes, at + 8));
    pdk_disk_put(f->disk, FOLDER "snapshot.6", pdk_slice_of(bytes, file.len));
    must_truncate(f, 8);
    assert_int_equal(f->box.recovery.snapshot_zxid, 6);
    must_truncate(f, 7);
    assert_int_equal(f->box.recovery.snapshot_zxid, 3);
    goes_on_from(f, 7);
}

static void a_log_that_does_not_reach_there_is_refused(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    uint32_t before = folder_sum(f);
    assert_int_equal(pdk_store_truncate(f->box.store, 10, &f->diag), PDK_ENOENT);
    assert_int_equal(folder_sum(f), before);
    pdk_disk_rot(f->disk, FOLDER "log.7", 60, 1);
    before = folder_sum(f);
    assert_int_equal(pdk_store_truncate(f->box.store, 8, &f->diag), PDK_ENOENT);
    assert_non_null(strstr(f->diag.text, "checksum"));
    assert_int_equal(folder_sum(f), before);
    /* What a snapshot covers need not be good. */
    must_truncate(f, 6);
    expect_state(f, 6);
}

static void rot_that_a_snapshot_covers_is_passed_over(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 4);
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK); /* without a new log */
    must_write(f, 4);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 3, NULL) + 20, 1);
    must_truncate(f, 6);
    goes_on_from(f, 6);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 2, NULL) + 20, 1);
    must_truncate(f, 4);
    expect_state(f, 4);
}

static void epochs_are_cut_between(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    begin_epoch(f, 1);
    must_write(f, 3);
    begin_epoch(f, 2);
    must_write(f, 3);
    pdk_store_roll(f->box.store);
    begin_epoch(f, 4);
    must_write(f, 2);
    assert_true(is_there(f, "log.100000001"));
    assert_true(is_there(f, "log.400000001"));
    stop(f);
    must_open(f);
    expect_state(f, 0x400000002);
    /* Nothing has this zxid, and nothing is missing before what comes behind it. */
    must_truncate(f, 0x300000007);
    expect_state(f, 0x200000003);
    must_truncate(f, 0x100000009);
    expect_state(f, 0x100000003);
    must_truncate(f, 0x100000002);
    goes_on_from(f, 0x100000002);
}

static void a_lowered_limit_is_not_blamed_on_the_log(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 1);
    pdk_storebox_write(&f->box, 5000);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    must_write(f, 2);
    pdk_storebox_close(&f->box);
    must_open(f);
    f->box.store->config.max_record_bytes = 4000;
    assert_int_equal(pdk_store_truncate(f->box.store, 3, &f->diag), PDK_EINVAL);
}

static void records_not_yet_synced_stay_when_they_are_below(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    for (int i = 0; i < 5; i++) {
        pdk_storebox_write(&f->box, 100);
        *digest_at(f, f->box.state.last_zxid) = pdk_storebox_digest(&f->box);
    }
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    assert_int_equal(pdk_store_truncate(f->box.store, 3, &f->diag), PDK_OK);
    pdk_storebox_forget(&f->box);
    pdk_disk_crash(f->disk);
    must_open(f);
    goes_on_from(f, 3);
}

/* Behind the end of a file that Apache went on from. */
static void what_was_torn_before_does_not_become_rot(void **state)
{
    (void)state;
    for (pdk_zxid zxid = 0; zxid <= 9; zxid++) {
        for (int how = 0; how < 4; how++) {
            void *fixture;
            (void)setup(&fixture);
            struct fixture *f = fixture;
            write_nine(f);
            stop(f);
            if (how & 1) pdk_disk_remove(f->disk, FOLDER "snapshot.3");
            if (how & 1) pdk_disk_remove(f->disk, FOLDER "snapshot.6");
            tear(f, FOLDER "log.1");
            tear(f, FOLDER "log.4");
            must_open(f);
            expect_state(f, 9);
            if (pdk_store_truncate(f->box.store, zxid, &f->diag) != PDK_OK)
                fail_msg("%s", f->diag.text);
            if (how & 2) {
                stop(f);
                must_open(f);
            } else {
                must_recover(f);
            }
            goes_on_from(f, zxid);
            (void)teardown(&fixture);
        }
    }
}

static void names_are_taken_as_apache_reads_them(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    stop(f);
    struct pdk_slice file = pdk_disk_contents(f->disk, FOLDER "log.7");
    static uint8_t bytes[1 << 18];
    memcpy(bytes, file.bytes, file.len);
    pdk_disk_put(f->disk, FOLDER "log.0007", pdk_slice_of(bytes, file.len));
    pdk_disk_remove(f->disk, FOLDER "log.7");
    must_open(f);
    expect_state(f, 9);
    must_truncate(f, 8);
    goes_on_from(f, 8);
}

static void two_folders_are_one_history(void **state)
{
    struct fixture *f = *state;
    f->box.config.log_dir = "/log";
    write_nine(f);
    must_truncate(f, 5);
    expect_state(f, 5);
    assert_true(pdk_disk_contents(f->disk, FOLDER "snapshot.6").is_null);
    assert_true(pdk_disk_contents(f->disk, "/log/version-2/log.7").is_null);
    stop(f);
    must_open(f);
    expect_state(f, 5);
}

static void a_damaged_journal_stops_the_start(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    stop(f);
    uint32_t before = folder_sum(f);
    static const char *const bad[] = {"", "PDKRSYN1", "nonsense"};
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        pdk_disk_put(f->disk, FOLDER PDK_JOURNAL_NAME, pdk_slice_str(bad[i]));
        must_refuse(f, PDK_ECORRUPT, "Put back");
    }
    /* One that installs what is not there. */
    static const uint8_t install[] = "PDKRSYN1\0\0\0\2\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\x20"
                                     "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
    uint8_t bytes[PDK_RESYNC_BYTES];
    struct pdk_resync what;
    memcpy(bytes, install, 44);
    pdk_store_u32(bytes + 44, pdk_crc32(PDK_CRC32_INIT, bytes, 44));
    assert_true(pdk_resync_decode(bytes, sizeof bytes, &what));
    assert_int_equal(what.zxid, 0x20);
    pdk_disk_put(f->disk, FOLDER PDK_JOURNAL_NAME, pdk_slice_of(bytes, sizeof bytes));
    must_refuse(f, PDK_ECORRUPT, "snapshot.20 is missing");
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 4;
        assert_false(pdk_resync_decode(bytes, sizeof bytes, &what));
        bytes[i] ^= 4;
    }
    pdk_disk_remove(f->disk, FOLDER PDK_JOURNAL_NAME);
    assert_int_equal(folder_sum(f), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_above_is_forgotten),
        STORE_TEST(the_next_append_opens_a_file),
        STORE_TEST(a_snapshot_newer_than_the_cut_does_not_bring_it_back),
        STORE_TEST(without_an_old_snapshot_it_is_impossible),
        STORE_TEST(a_broken_snapshot_is_no_foundation),
        STORE_TEST(a_snapshot_that_reaches_beyond_the_cut_is_no_foundation),
        STORE_TEST(a_log_that_does_not_reach_there_is_refused),
        STORE_TEST(rot_that_a_snapshot_covers_is_passed_over),
        STORE_TEST(epochs_are_cut_between),
        STORE_TEST(a_lowered_limit_is_not_blamed_on_the_log),
        STORE_TEST(records_not_yet_synced_stay_when_they_are_below),
        cmocka_unit_test(what_was_torn_before_does_not_become_rot),
        STORE_TEST(names_are_taken_as_apache_reads_them),
        STORE_TEST(two_folders_are_one_history),
        STORE_TEST(a_damaged_journal_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
