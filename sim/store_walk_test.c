/* Reading the log while it is being written: core/store/walk.h, on the crash disk. */
#include "core/store/walk.h"

#include "sim/store_fixture.h"

/* What a walk has seen. */
struct seen {
    pdk_zxid zxids[256];
    size_t count, stop_at;
};

static enum pdk_err see(void *ctx, struct pdk_slice txn)
{
    struct seen *s = ctx;
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header header;
    pdk_read_txn_header(&r, &header);
    assert_false(r.failed);
    assert_true(s->count < PDK_COUNT_OF(s->zxids));
    s->zxids[s->count++] = header.zxid;
    return s->count == s->stop_at ? PDK_EBUSY : PDK_OK;
}

static enum pdk_err walk(struct fixture *f, pdk_zxid after, pdk_zxid until, struct seen *s)
{
    *s = (struct seen){0};
    return pdk_store_walk(&f->box.config, f->box.vfs, after, until, see, s, &f->diag);
}

static struct pdk_log_place find(struct fixture *f, pdk_zxid zxid, pdk_zxid until)
{
    struct pdk_log_place place;
    if (pdk_store_find(&f->box.config, f->box.vfs, zxid, until, &place, &f->diag) != PDK_OK)
        fail_msg("%s", f->diag.text);
    return place;
}

/* Epochs 1, 2 and 4, three transactions each, in files of four; gives their zxids. */
static size_t write_epochs(struct fixture *f, pdk_zxid *zxids)
{
    size_t count = 0;
    must_open(f);
    for (int64_t epoch = 1; epoch <= 4; epoch++) {
        if (epoch == 3) continue;
        pdk_storebox_begin_epoch(&f->box, epoch);
        for (int i = 0; i < 3; i++) {
            if (count % 4 == 0) pdk_store_roll(f->box.store);
            must_write(f, 1);
            zxids[count++] = f->box.state.last_zxid;
        }
    }
    return count;
}

static void a_walk_gives_what_lies_between(void **state)
{
    struct fixture *f = *state;
    pdk_zxid zxids[9];
    size_t count = write_epochs(f, zxids);
    assert_int_equal(count, 9);
    for (size_t from = 0; from <= count; from++) {
        for (size_t to = from; to < count; to++) {
            struct seen s;
            pdk_zxid after = from > 0 ? zxids[from - 1] : 0;
            assert_int_equal(walk(f, after, zxids[to], &s), PDK_OK);
            assert_int_equal(s.count, to + 1 - from);
            for (size_t i = 0; i < s.count; i++) assert_int_equal(s.zxids[i], zxids[from + i]);
        }
    }
}

static void the_beginning_of_an_epoch_is_a_place(void **state)
{
    struct fixture *f = *state;
    pdk_zxid zxids[9];
    struct seen s;
    (void)write_epochs(f, zxids);
    assert_int_equal(walk(f, 0x200000000, 0x400000000, &s), PDK_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.zxids[0], 0x200000001);
    assert_int_equal(walk(f, 0x300000000, 0x400000002, &s), PDK_OK);
    assert_int_equal(s.count, 2);
    /* Nothing is logged behind it yet. */
    assert_int_equal(walk(f, 0x400000002, 0x500000000, &s), PDK_OK);
    assert_int_equal(s.count, 1);
    assert_int_equal(walk(f, 0x400000003, 0x500000000, &s), PDK_OK);
    assert_int_equal(s.count, 0);
    assert_int_equal(walk(f, 7, 7, &s), PDK_OK);
    assert_int_equal(s.count, 0);
}

static void what_is_missing_is_not_passed_over(void **state)
{
    struct fixture *f = *state;
    pdk_zxid zxids[9];
    struct seen s;
    (void)write_epochs(f, zxids);
    assert_int_equal(walk(f, 0, 0x400000004, &s), PDK_ECORRUPT);
    assert_int_equal(walk(f, 0x100000000 - 5, 0x400000003, &s), PDK_OK);
    assert_int_equal(walk(f, 0x200000004, 0x400000003, &s), PDK_OK); /* epoch 2 may have had more */
    assert_int_equal(walk(f, 0x400000000 + 7, 0x400000009, &s), PDK_ECORRUPT);
    /* The file in the middle: zxids 3 (2:2) .. */
    char name[PDK_NAME_BYTES], path[300];
    pdk_log_file_name(zxids[4], name);
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    pdk_disk_remove(f->disk, path);
    assert_int_equal(walk(f, 0, zxids[8], &s), PDK_ECORRUPT);
    assert_int_equal(s.count, 4);
    assert_int_equal(walk(f, zxids[8] - 1, zxids[8], &s), PDK_OK);
}

static void rot_ends_a_walk(void **state)
{
    struct fixture *f = *state;
    struct seen s;
    must_open(f);
    must_write(f, 9);
    pdk_disk_rot(f->disk, FOLDER "log.1", find_record(f, FOLDER "log.1", 4, NULL) + 20, 1);
    assert_int_equal(walk(f, 0, 3, &s), PDK_OK);
    assert_int_equal(walk(f, 0, 9, &s), PDK_ECORRUPT);
    assert_int_equal(s.count, 3);
    assert_int_equal(walk(f, 3, 9, &s), PDK_ECORRUPT);
    assert_int_equal(s.count, 0);
    /* Before the place it does not matter. */
    assert_int_equal(walk(f, 4, 9, &s), PDK_OK);
    assert_int_equal(s.count, 5);
    struct pdk_log_place place;
    assert_int_equal(pdk_store_find(&f->box.config, f->box.vfs, 6, 9, &place, &f->diag),
                     PDK_ECORRUPT);
    assert_int_equal(find(f, 3, 3).at, 3);
}

static void what_is_being_written_is_not_looked_at(void **state)
{
    struct fixture *f = *state;
    struct seen s;
    must_open(f);
    must_write(f, 3);
    pdk_storebox_write(&f->box, 300);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    int64_t at = find_record(f, FOLDER "log.1", 4, NULL);
    /* Half of it has arrived. */
    pdk_disk_rot(f->disk, FOLDER "log.1", at + 40, 0xff);
    assert_int_equal(walk(f, 1, 3, &s), PDK_OK);
    assert_int_equal(s.count, 2);
    struct pdk_log_place place = find(f, 1, 3);
    assert_true(place.reaches);
    assert_int_equal(place.bytes, at - find_record(f, FOLDER "log.1", 2, NULL));
    assert_int_equal(walk(f, 1, 4, &s), PDK_ECORRUPT);
}

static void a_walk_may_be_stopped(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 5);
    struct seen s = {.stop_at = 2};
    assert_int_equal(pdk_store_walk(&f->box.config, f->box.vfs, 0, 5, see, &s, &f->diag),
                     PDK_EBUSY);
    assert_int_equal(s.count, 2);
}

/* A purge in the middle of it. */
struct purging {
    struct fixture *f;
    size_t count;
};
static enum pdk_err purge_now(void *ctx, struct pdk_slice txn)
{
    struct purging *p = ctx;
    (void)txn;
    if (p->count++ == 0) pdk_disk_remove(p->f->disk, FOLDER "log.4");
    return PDK_OK;
}

static void a_purge_meanwhile_ends_the_walk(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    for (int i = 0; i < 3; i++) {
        must_write(f, 3);
        pdk_store_roll(f->box.store);
    }
    struct purging p = {.f = f};
    assert_int_equal(pdk_store_walk(&f->box.config, f->box.vfs, 0, 9, purge_now, &p, &f->diag),
                     PDK_ECORRUPT);
    assert_int_equal(p.count, 3);
}

static void a_place_is_told_with_what_follows_it(void **state)
{
    struct fixture *f = *state;
    pdk_zxid zxids[9];
    (void)write_epochs(f, zxids);
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK);
    int64_t record = find_record(f, FOLDER "log.100000001", zxids[1], NULL) - 16;
    assert_false(find(f, 0, zxids[8]).reaches);
    assert_false(find(f, 0x100000000, zxids[8]).reaches);
    for (size_t i = 0; i < 8; i++) {
        struct pdk_log_place p = find(f, zxids[i], zxids[8]);
        assert_true(p.reaches);
        assert_int_equal(p.at, zxids[i]);
        /* Headers of the files between are counted, too. */
        assert_in_range(p.bytes, record * (int64_t)(8 - i), record * (int64_t)(8 - i) + 32);
        struct pdk_slice snapshot = pdk_disk_contents(f->disk, FOLDER "snapshot.400000003");
        assert_int_equal(p.snapshot_bytes, snapshot.len);
    }
    /* What has no record of its own stands behind the last one before it. */
    assert_int_equal(find(f, 0x200000000, zxids[8]).at, 0x100000003);
    assert_int_equal(find(f, 0x300000000, zxids[8]).at, 0x200000003);
    assert_int_equal(find(f, 0x200000009, zxids[8]).at, 0x200000003);
    assert_int_equal(find(f, zxids[3], 0x400000000).bytes, find(f, zxids[3], zxids[5]).bytes);
    assert_int_equal(find(f, zxids[8], 0x500000000).bytes, 0);
    pdk_disk_remove(f->disk, FOLDER "log.100000001");
    assert_false(find(f, zxids[2], zxids[8]).reaches);
    assert_true(find(f, zxids[4], zxids[8]).reaches);
}

static void without_logs_nothing_is_reached(void **state)
{
    struct fixture *f = *state;
    struct seen s;
    must_open(f);
    pdk_disk_remove(f->disk, FOLDER "snapshot.0");
    struct pdk_log_place p = find(f, 0, 5);
    assert_false(p.reaches);
    assert_int_equal(p.snapshot_bytes, 0);
    assert_int_equal(walk(f, 0, 5, &s), PDK_ECORRUPT);
}

/* Files that Apache left: zeros behind the records, a torn tail that it went on from. */
static void apaches_files_are_walked(void **state)
{
    struct fixture *f = *state;
    struct seen s;
    must_open(f);
    for (int i = 0; i < 2; i++) {
        must_write(f, 3);
        pdk_store_roll(f->box.store);
    }
    resize(f, FOLDER "log.1", 70000);
    assert_int_equal(walk(f, 0, 6, &s), PDK_OK);
    assert_int_equal(s.count, 6);
    int64_t end;
    (void)find_record(f, FOLDER "log.1", 3, &end);
    pdk_disk_rot(f->disk, FOLDER "log.1", end + 3, 1);
    assert_int_equal(walk(f, 0, 6, &s), PDK_OK);
    assert_int_equal(walk(f, 1, 6, &s), PDK_OK);
    assert_int_equal(s.count, 5);
    /* Before another epoch it proves nothing. */
    pdk_storebox_begin_epoch(&f->box, 1);
    must_write(f, 1);
    (void)find_record(f, FOLDER "log.4", 6, &end);
    assert_int_equal(walk(f, 0, 0x100000001, &s), PDK_OK);
    resize(f, FOLDER "log.4", end + 100);
    assert_int_equal(walk(f, 0, 0x100000001, &s), PDK_OK);
    pdk_disk_rot(f->disk, FOLDER "log.4", end + 50, 1);
    assert_int_equal(walk(f, 0, 0x100000001, &s), PDK_ECORRUPT);
}

static void a_failing_disk_is_no_end_of_the_log(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    must_write(f, 3);
    pdk_store_roll(f->box.store);
    must_write(f, 3);
    bool failed = true;
    for (uint64_t call = 0; failed; call++) {
        struct seen s;
        struct pdk_log_place place;
        pdk_disk_fail_call(f->disk, pdk_disk_calls(f->disk) + call, PDK_EIO);
        enum pdk_err err = walk(f, 1, 6, &s);
        failed = err != PDK_OK;
        assert_true(err == PDK_OK || err == PDK_EIO);
        pdk_disk_fail_call(f->disk, pdk_disk_calls(f->disk) + call, PDK_EIO);
        err = pdk_store_find(&f->box.config, f->box.vfs, 1, 6, &place, &f->diag);
        failed = failed || err != PDK_OK;
        assert_true(err == PDK_OK || err == PDK_EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_walk_gives_what_lies_between),
        STORE_TEST(the_beginning_of_an_epoch_is_a_place),
        STORE_TEST(what_is_missing_is_not_passed_over),
        STORE_TEST(rot_ends_a_walk),
        STORE_TEST(what_is_being_written_is_not_looked_at),
        STORE_TEST(a_walk_may_be_stopped),
        STORE_TEST(a_purge_meanwhile_ends_the_walk),
        STORE_TEST(a_place_is_told_with_what_follows_it),
        STORE_TEST(without_logs_nothing_is_reached),
        STORE_TEST(apaches_files_are_walked),
        STORE_TEST(a_failing_disk_is_no_end_of_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
