/* SNAP: one test per rule of core/store/resync.h, on the crash disk. */
#include "proto/opcode.h"
#include "proto/qpacket.h"
#include "sim/recording.h"
#include "sim/store_resync_fixture.h"

static void a_snapshot_replaces_everything(void **state)
{
    (void)state;
    /* Behind, at, and before what the learner has; one of its own names, too. */
    static const pdk_zxid zxids[] = {0, 5, 6, 9, 0x200000000, 0x200000007};
    static const size_t pieces[] = {1, 1000, 1 << 20};
    for (size_t i = 0; i < PDK_COUNT_OF(zxids); i++) {
        for (size_t k = 0; k < PDK_COUNT_OF(pieces); k++) {
            void *fixture;
            (void)setup(&fixture);
            struct fixture *f = fixture;
            struct leader *l = leader_with(40, 300);
            write_nine(f);
            must_install(f, zxids[i], l, pieces[k]);
            assert_false(is_there(f, "log.1") || is_there(f, "log.4") || is_there(f, "log.7"));
            assert_int_equal(is_there(f, "snapshot.0"), zxids[i] == 0);
            assert_int_equal(is_there(f, "snapshot.3"), zxids[i] == 3);
            assert_int_equal(is_there(f, "snapshot.6"), zxids[i] == 6);
            goes_on_from(f, zxids[i]);
            leader_done(l);
            (void)teardown(&fixture);
        }
    }
}

/* Of several buffers, on its way in and out again. */
static void a_big_snapshot_is_as_good_as_a_small_one(void **state)
{
    (void)state;
    static const enum pdk_compression kinds[] = {PDK_COMPRESSION_NONE, PDK_COMPRESSION_GZ,
                                                 PDK_COMPRESSION_SNAPPY};
    for (size_t i = 0; i < PDK_COUNT_OF(kinds); i++) {
        void *fixture;
        (void)setup(&fixture);
        struct fixture *f = fixture;
        f->box.config.compression = kinds[i];
        struct leader *l = leader_with(100, 9000);
        must_open(f);
        must_install(f, 100, l, 77777);
        must_write(f, 1);
        must_snapshot(f);
        pdk_disk_remove(f->disk, FOLDER "snapshot.64");
        must_recover(f);
        goes_on_from(f, 101);
        leader_done(l);
        (void)teardown(&fixture);
    }
}

static void compressed_snapshots_of_the_same_zxid_go(void **state)
{
    struct fixture *f = *state;
    f->box.config.compression = PDK_COMPRESSION_GZ;
    write_nine(f);
    assert_true(is_there(f, "snapshot.6.gz"));
    struct leader *l = leader_with(5, 10);
    must_install(f, 6, l, 100);
    assert_false(is_there(f, "snapshot.6.gz"));
    assert_true(is_there(f, "snapshot.6"));
    leader_done(l);
}

static void an_empty_server_gets_its_first_snapshot(void **state)
{
    struct fixture *f = *state;
    f->box.config.db_autocreate = false;
    must_open(f);
    assert_int_equal(f->box.recovery.last_zxid, -1);
    struct leader *l = leader_with(5, 10);
    must_install(f, 0x100000029, l, 100);
    goes_on_from(f, 0x100000029);
    leader_done(l);
}

static void the_leaders_history_goes_on_behind_it(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    struct leader *l = leader_with(20, 100);
    must_install(f, 0x100000005, l, 500);
    must_write(f, 3);
    begin_epoch(f, 2);
    must_write(f, 3);
    must_snapshot(f);
    must_write(f, 2);
    stop(f);
    must_open(f);
    expect_state(f, 0x200000005);
    assert_int_equal(pdk_store_truncate(f->box.store, 0x200000004, &f->diag), PDK_OK);
    must_recover(f);
    expect_state(f, 0x200000004);
    /* Not into what was before the snapshot. */
    assert_int_equal(pdk_store_truncate(f->box.store, 0x100000004, &f->diag), PDK_ENOENT);
    leader_done(l);
}

static void what_recovery_could_not_read_is_not_installed(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    uint32_t before = folder_sum(f);
    struct leader *l = leader_with(20, 100);
    const uint8_t *bytes = l->stream.bytes;
    /* Without its end. */
    for (size_t len = 0; len < l->body; len += len < 200 ? 1 : 97) {
        assert_int_equal(spool(f, 20, pdk_slice_of(bytes, len), 1000), PDK_OK);
        assert_int_equal(pdk_store_spool_install(f->box.store, &f->diag), PDK_ECORRUPT);
        assert_int_equal(folder_sum(f), before);
    }
    /* With something behind it. */
    assert_int_equal(spool(f, 20, pdk_slice_of(bytes, l->body + 1), 1000), PDK_ECORRUPT);
    /* A number of sessions below 0; an entry above the limit. */
    l->stream.bytes[0] = 0x80;
    assert_int_equal(spool(f, 20, pdk_slice_of(bytes, l->body), 1000), PDK_ECORRUPT);
    l->stream.bytes[0] = 0;
    f->box.store->config.max_record_bytes = 50;
    assert_int_equal(spool(f, 20, pdk_slice_of(bytes, l->body), 1000), PDK_ECORRUPT);
    /* It was given up then. */
    assert_int_equal(pdk_store_spool_add(f->box.store, pdk_slice_of("x", 1), &f->diag), PDK_EINVAL);
    assert_int_equal(pdk_store_spool_install(f->box.store, &f->diag), PDK_EINVAL);
    assert_int_equal(pdk_store_spool_begin(f->box.store, -1, &f->diag), PDK_EINVAL);
    f->box.store->config.max_record_bytes = f->box.config.max_record_bytes;
    assert_int_equal(folder_sum(f), before);
    must_write(f, 1);
    must_recover(f);
    goes_on_from(f, 10);
    leader_done(l);
}

static void what_is_abandoned_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    uint32_t before = folder_sum(f);
    struct leader *l = leader_with(20, 100);
    struct pdk_slice body = pdk_slice_of(l->stream.bytes, l->body);
    assert_int_equal(spool(f, 20, body, 1000), PDK_OK);
    pdk_store_spool_abandon(f->box.store);
    pdk_store_spool_abandon(f->box.store);
    assert_int_equal(folder_sum(f), before);
    /* Begun anew, closed in the middle, killed in the middle. */
    assert_int_equal(spool(f, 20, body, 1000), PDK_OK);
    must_install(f, 21, l, 1000);
    assert_int_equal(spool(f, 30, body, 1000), PDK_OK);
    pdk_storebox_close(&f->box);
    assert_false(is_there(f, PDK_SPOOL_NAME));
    must_open(f);
    expect_state(f, 21);
    assert_int_equal(spool(f, 30, body, 1000), PDK_OK);
    pdk_store_spool_abandon(f->box.store);
    pdk_disk_put(f->disk, FOLDER PDK_SPOOL_NAME, body);
    stop(f);
    must_open(f);
    goes_on_from(f, 21);
    leader_done(l);
}

static void a_full_disk_keeps_the_old_history(void **state)
{
    struct fixture *f = *state;
    write_nine(f);
    struct leader *l = leader_with(100, 1000);
    assert_int_equal(pdk_store_reserve(f->box.store, &f->diag), PDK_OK);
    pdk_disk_set_capacity(f->disk, 1);
    uint32_t before = folder_sum(f);
    struct pdk_slice body = pdk_slice_of(l->stream.bytes, l->body);
    enum pdk_err err = spool(f, 20, body, 1000);
    if (err == PDK_OK) err = pdk_store_spool_install(f->box.store, &f->diag);
    assert_int_equal(err, PDK_ENOSPC);
    assert_int_equal(folder_sum(f), before);
    must_write(f, 2); /* there is a reserve for what is in flight */
    pdk_disk_set_capacity(f->disk, 0);
    must_install(f, 30, l, 1000);
    goes_on_from(f, 30);
    leader_done(l);
}

/* ---- interrupted ----------------------------------------------------------------------------- */

static void after_a_failure_behind_the_decision_nothing_is_appended(void **state)
{
    struct fixture *f = *state;
    struct leader *l = leader_with(20, 100);
    write_nine(f);
    assert_int_equal(spool(f, 20, pdk_slice_of(l->stream.bytes, l->body), 1000), PDK_OK);
    uint64_t call = pdk_disk_calls(f->disk);
    while (!is_there(f, PDK_JOURNAL_NAME)) {
        pdk_disk_fail_call(f->disk, call++, PDK_EIO);
        enum pdk_err err = pdk_store_spool_install(f->box.store, &f->diag);
        assert_int_equal(err, PDK_EIO);
        if (is_there(f, PDK_JOURNAL_NAME)) break;
        assert_int_equal(spool(f, 20, pdk_slice_of(l->stream.bytes, l->body), 1000), PDK_OK);
        call = pdk_disk_calls(f->disk) + (call % 8);
    }
    pdk_storebox_write(&f->box, 10);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_EIO);
    assert_int_equal(pdk_store_truncate(f->box.store, 8, &f->diag), PDK_EIO);
    pdk_storebox_close(&f->box);
    must_open(f);
    assert_int_equal(pdk_storebox_digest(&f->box), pdk_storebox_digest(&l->f.box));
    *digest_at(f, 20) = pdk_storebox_digest(&f->box);
    assert_true(pdk_storebox_logged(&f->box, "store.resync.finish"));
    goes_on_from(f, 20);
    leader_done(l);
}

/* ---- Apache's own --------------------------------------------------------------------------- */

/* What the conversations of one ensemble tell: the tree's digest behind a transaction. */
struct told {
    pdk_zxid zxid;
    uint64_t digest;
    bool same_before; /* it changed no znode */
};

static void take_told(struct told *all, size_t *count, const struct pdk_recorded *frame)
{
    struct pdk_reader r = pdk_reader_of(frame->bytes);
    int32_t type = pdk_read_i32(&r);
    (void)pdk_read_i64(&r);
    struct pdk_slice txn = pdk_read_bytes(&r);
    if (r.failed || (type != PDK_Q_PROPOSAL && type != PDK_Q_INFORM) ||
        txn.len < PDK_TXN_HEADER_LEN + PDK_TXN_DIGEST_LEN)
        return;
    struct pdk_reader t = pdk_reader_of(txn);
    struct pdk_txn_header header;
    struct pdk_txn_digest digest;
    pdk_read_txn_header(&t, &header);
    (void)pdk_reader_take(&t, pdk_reader_left(&t) - PDK_TXN_DIGEST_LEN);
    pdk_read_txn_digest(&t, &digest);
    if (digest.version != 2 || header.type == PDK_OP_ERROR || *count == 512) return;
    all[(*count)++] = (struct told){header.zxid, (uint64_t)digest.tree_digest,
                                    header.type == PDK_OP_CREATE_SESSION};
}

struct conversation {
    struct told told[512];
    size_t told_count;
    int bodies, compared;
};

static void install_recorded(struct conversation *c, const struct pdk_recorded *frame,
                             pdk_zxid zxid)
{
    void *fixture;
    (void)setup(&fixture);
    struct fixture *f = fixture;
    write_nine(f);
    struct pdk_slice body = pdk_slice_of(frame->bytes.bytes, frame->bytes.len - 14);
    assert_int_equal(spool(f, zxid, body, 700), PDK_OK);
    assert_int_equal(pdk_store_spool_install(f->box.store, &f->diag), PDK_OK);
    must_recover(f);
    *digest_at(f, zxid) = pdk_storebox_digest(&f->box);
    bool is_told = false;
    for (size_t i = 0; i < c->told_count; i++) {
        const struct told *t = &c->told[i];
        if (t->zxid != zxid && (t->zxid != zxid + 1 || !t->same_before)) continue;
        assert_int_equal(t->digest, pdk_storebox_digest(&f->box));
        is_told = true;
    }
    c->compared += is_told;
    c->bodies++;
    goes_on_from(f, zxid);
    (void)teardown(&fixture);
}

static void listen_to(struct conversation *c, const char *folder, const char *step, bool install)
{
    char path[300];
    struct pdk_recording r;
    struct pdk_recorded frame;
    pdk_zxid snap = -1; /* of the packet before: a body follows */
    (void)snprintf(path, sizeof path, "tests/golden/quorum/%s/%s.txt", folder, step);
    pdk_recording_open(&r, path);
    while (pdk_recording_next(&r, &frame)) {
        if (frame.closed || frame.is_election) continue;
        struct pdk_reader p = pdk_reader_of(frame.bytes);
        if (!install) {
            take_told(c->told, &c->told_count, &frame);
        } else if (snap >= 0) {
            install_recorded(c, &frame, snap);
            snap = -1;
        } else if (pdk_read_i32(&p) == PDK_Q_SNAP) {
            snap = pdk_read_i64(&p);
        }
    }
    pdk_recording_close(&r);
}

static void snapshots_of_apaches_leaders_are_installed(void **state)
{
    (void)state;
    static const char *const folders[] = {"3.8.0", "3.9", "master", "mixed-leader-3.8.0",
                                          "mixed-leader-master"};
    static const char *const steps[] = {"02-observer-joins", "06-reconfig", "07-snap",
                                        "10-snap-epoch"};
    static struct conversation c;
    for (size_t i = 0; i < PDK_COUNT_OF(folders); i++) {
        c.told_count = 0;
        for (int install = 0; install < 2; install++) {
            for (size_t k = 0; k < PDK_COUNT_OF(steps); k++)
                listen_to(&c, folders[i], steps[k], install);
        }
    }
    assert_int_equal(c.bodies, 15);
    assert_int_equal(c.compared, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_replaces_everything),
        cmocka_unit_test(a_big_snapshot_is_as_good_as_a_small_one),
        STORE_TEST(compressed_snapshots_of_the_same_zxid_go),
        STORE_TEST(an_empty_server_gets_its_first_snapshot),
        STORE_TEST(the_leaders_history_goes_on_behind_it),
        STORE_TEST(what_recovery_could_not_read_is_not_installed),
        STORE_TEST(what_is_abandoned_leaves_nothing),
        STORE_TEST(a_full_disk_keeps_the_old_history),
        STORE_TEST(after_a_failure_behind_the_decision_nothing_is_appended),
        cmocka_unit_test(snapshots_of_apaches_leaders_are_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
