/* One test per rule of recovery, purge and opening (disk-formats.md 2.1, 3.2, 5, 7, 8; decisions 8,
 * 9). What no single rule shows, crashes at every call do: store_crash_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_fail.h"
#include "core/store/internal.h"
#include "core/store/logread.h"
#include "sim/disk.h"
#include "sim/storebox.h"

#define FOLDER "/data/version-2/"

struct fixture {
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_diag diag;
    uint64_t digests[2048];
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.disk = pdk_disk_create(pdk_mem_heap(), 7)};
    pdk_storebox_init(&f.box, pdk_disk_vfs(f.disk), NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pdk_storebox_deinit(&f->box);
    pdk_disk_destroy(f->disk);
    return 0;
}

static void must_open(struct fixture *f)
{
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
}

static void must_refuse(struct fixture *f, enum pdk_err want, const char *word)
{
    enum pdk_err err = pdk_storebox_open(&f->box, &f->diag);
    if (err != want) fail_msg("%s: %s", pdk_err_name(err), err != PDK_OK ? f->diag.text : "");
    if (strstr(f->diag.text, word) == NULL) fail_msg("no \"%s\" in: %s", word, f->diag.text);
}

/* Writes and syncs `count` transactions. */
static void must_write(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        pdk_storebox_write(&f->box, 50);
        f->digests[f->box.state.last_zxid] = pdk_storebox_digest(&f->box);
    }
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    assert_int_equal(pdk_store_sync(f->box.store, &f->diag), PDK_OK);
}

static void must_snapshot(struct fixture *f)
{
    pdk_store_roll(f->box.store);
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK);
}

static void stop(struct fixture *f)
{
    pdk_storebox_forget(&f->box);
    pdk_disk_kill(f->disk);
}

static void expect_state(struct fixture *f, pdk_zxid last)
{
    assert_int_equal(f->box.recovery.last_zxid, last);
    assert_int_equal(pdk_storebox_digest(&f->box), f->digests[last]);
}

/* Where the record of `zxid` begins in a log file, and where it ends. */
static int64_t find_record(struct fixture *f, const char *path, pdk_zxid zxid, int64_t *end)
{
    struct pdk_slice file = pdk_disk_contents(f->disk, path);
    struct pdk_log_reader r;
    struct pdk_diag diag;
    int64_t offset = -1;
    assert_false(file.is_null);
    pdk_log_reader_init(&r, pdk_mem_heap(), pdk_source_of_slice(&file), 1 << 20, &diag);
    while (offset < 0 && pdk_log_reader_next(&r) == PDK_LOG_RECORD) {
        if (r.zxid == zxid) offset = r.offset;
    }
    if (end != NULL) *end = pdk_window_offset(&r.window);
    pdk_log_reader_deinit(&r);
    assert_true(offset > 0);
    return offset;
}

/* As Apache left it: no mark of ours. */
static void forget_mark(struct fixture *f) { pdk_disk_remove(f->disk, FOLDER PDK_MARK_NAME); }

/* A file's contents without its last `cut` bytes, or with zeros behind. */
static void resize(struct fixture *f, const char *path, int64_t len)
{
    static uint8_t bytes[1 << 20];
    struct pdk_slice file = pdk_disk_contents(f->disk, path);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, file.bytes, pdk_min_size(file.len, (size_t)len));
    pdk_disk_put(f->disk, path, pdk_slice_of(bytes, (size_t)len));
}

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
    pdk_state_unfreeze(&f->box.state, job);
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
        pdk_state_unfreeze(&f->box.state, job);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_folder_becomes_a_database),
        TEST(missing_folders_are_made_only_when_allowed),
        TEST(a_wiped_folder_waits_for_the_operators_word),
        TEST(one_folder_serves_one_process),
        TEST(folders_mixed_up_are_refused),
        TEST(leftovers_are_swept),
        TEST(log_files_have_apaches_names_and_sizes),
        TEST(a_size_limit_rolls_the_log),
        TEST(a_torn_tail_is_cut_and_told),
        TEST(without_a_mark_a_whole_record_behind_damage_means_rot),
        TEST(beyond_the_mark_whole_records_behind_damage_are_torn),
        TEST(before_the_mark_nothing_is_torn),
        TEST(empty_newest_logs_are_removed),
        TEST(a_missing_log_is_noticed),
        TEST(missing_newest_logs_are_noticed_by_the_mark),
        TEST(damage_that_an_earlier_recovery_passed_is_passed_again),
        TEST(damage_before_a_new_epoch_is_rot),
        TEST(rot_that_the_snapshot_covers_is_told_and_passed),
        TEST(an_unreadable_disk_is_no_end_of_file),
        TEST(replay_announces_what_comes_next),
        TEST(a_damaged_snapshot_is_replaced_by_an_older_one_and_more_log),
        TEST(a_cut_snapshot_is_passed_over),
        TEST(snapshots_of_which_none_loads_are_refused),
        TEST(falling_back_must_reach_what_the_lost_snapshot_held),
        TEST(a_wiped_folder_may_keep_our_mark),
        TEST(a_cancelled_snapshot_leaves_nothing),
        TEST(the_snapshot_in_memory_is_the_snapshot_on_disk),
        TEST(without_memory_nothing_is_lost_or_leaked),
        TEST(purge_keeps_three_snapshots_and_their_logs),
        TEST(purge_counts_only_snapshots_that_are_whole),
        TEST(sizes_count_files_that_an_operator_sees),
        TEST(epochs_are_stored_as_apache_stores_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
