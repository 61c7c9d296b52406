/* The epoch files: numbers, crashes at every call, what Apache leaves behind. */
#include "sim/store_fixture.h"

static void read_epochs(struct fixture *f, int64_t *current, int64_t *accepted)
{
    if (pdk_store_read_epochs(f->box.store, current, accepted, &f->diag) != PDK_OK)
        fail_msg("%s", f->diag.text);
}

static void expect_epochs(struct fixture *f, int64_t current, int64_t accepted)
{
    int64_t c, a;
    read_epochs(f, &c, &a);
    assert_int_equal(c, current);
    assert_int_equal(a, accepted);
}

static void put(struct fixture *f, const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    pdk_disk_put(f->disk, path, pdk_slice_str(text));
}

static void each_epoch_is_stored_alone(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    expect_epochs(f, -1, -1);
    assert_int_equal(pdk_store_write_epoch(f->box.store, 1, false, &f->diag), PDK_OK);
    expect_epochs(f, -1, 1);
    assert_int_equal(pdk_store_write_epoch(f->box.store, 1, true, &f->diag), PDK_OK);
    expect_epochs(f, 1, 1);
    assert_int_equal(pdk_store_write_epoch(f->box.store, INT32_MAX, false, &f->diag), PDK_OK);
    assert_int_equal(pdk_store_write_epoch(f->box.store, INT64_C(1) << 31, false, &f->diag),
                     PDK_EINVAL);
    assert_int_equal(pdk_store_write_epoch(f->box.store, -1, true, &f->diag), PDK_EINVAL);
    expect_epochs(f, 1, INT32_MAX);
    pdk_storebox_forget(&f->box);
    pdk_disk_crash(f->disk);
    must_open(f);
    expect_epochs(f, 1, INT32_MAX);
}

static void an_accepted_epoch_below_the_current_is_repaired(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    put(f, "currentEpoch", "7");
    put(f, "acceptedEpoch", "6");
    expect_epochs(f, 7, 7);
    assert_true(pdk_slice_eq_str(pdk_disk_contents(f->disk, FOLDER "acceptedEpoch"), "7"));
    assert_true(pdk_storebox_logged(&f->box, "store.epochs.repaired accepted=7 was=6"));
    pdk_disk_remove(f->disk, FOLDER "acceptedEpoch");
    expect_epochs(f, 7, 7);
    /* Durably: nobody may be promised it again. */
    pdk_storebox_forget(&f->box);
    pdk_disk_crash(f->disk);
    must_open(f);
    assert_true(pdk_slice_eq_str(pdk_disk_contents(f->disk, FOLDER "acceptedEpoch"), "7"));
    pdk_disk_fail_call(f->disk, pdk_disk_calls(f->disk) + 6, PDK_EIO);
    put(f, "currentEpoch", "9");
    int64_t current, accepted;
    assert_int_equal(pdk_store_read_epochs(f->box.store, &current, &accepted, &f->diag), PDK_EIO);
}

static void what_is_known_is_not_written_again(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    assert_int_equal(pdk_store_write_epochs(f->box.store, 4, 5, &f->diag), PDK_OK);
    uint64_t calls = pdk_disk_calls(f->disk);
    assert_int_equal(pdk_store_write_epochs(f->box.store, 4, 5, &f->diag), PDK_OK);
    assert_int_equal(pdk_disk_calls(f->disk), calls);
    assert_int_equal(pdk_store_write_epochs(f->box.store, 5, 5, &f->diag), PDK_OK);
    expect_epochs(f, 5, 5);
    calls = pdk_disk_calls(f->disk);
    assert_int_equal(pdk_store_write_epoch(f->box.store, 5, false, &f->diag), PDK_OK);
    assert_int_equal(pdk_disk_calls(f->disk), calls);
    /* After a failure nothing is known. */
    pdk_disk_fail_call(f->disk, calls + 4, PDK_EIO);
    assert_int_equal(pdk_store_write_epoch(f->box.store, 6, true, &f->diag), PDK_EIO);
    calls = pdk_disk_calls(f->disk);
    assert_int_equal(pdk_store_write_epoch(f->box.store, 6, true, &f->diag), PDK_OK);
    assert_true(pdk_disk_calls(f->disk) > calls);
    expect_epochs(f, 6, 6);
}

/* The process dies between the rename and the sync of the folder. */
static void what_was_shown_is_not_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        void *fixture;
        (void)setup(&fixture);
        struct fixture *f = fixture;
        pdk_storebox_deinit(&f->box);
        pdk_disk_destroy(f->disk);
        f->disk = pdk_disk_create(pdk_mem_heap(), seed);
        pdk_storebox_init(&f->box, pdk_disk_vfs(f->disk), NULL);
        f->box.config.log_dir = "/log"; /* whose folder recovery syncs */
        must_open(f);
        assert_int_equal(pdk_store_write_epochs(f->box.store, 4, 4, &f->diag), PDK_OK);
        pdk_disk_stop_at(f->disk, pdk_disk_calls(f->disk) + 4);
        assert_int_equal(pdk_store_write_epoch(f->box.store, 5, false, &f->diag), PDK_EIO);
        stop(f);
        must_open(f);
        expect_epochs(f, 4, 5);
        pdk_storebox_forget(&f->box);
        pdk_disk_crash(f->disk);
        must_open(f);
        expect_epochs(f, 4, 5);
        (void)teardown(&fixture);
    }
}

static void unfinished_files_are_swept(void **state)
{
    struct fixture *f = *state;
    must_open(f);
    assert_int_equal(pdk_store_write_epochs(f->box.store, 4, 5, &f->diag), PDK_OK);
    put(f, "currentEpoch.tmp", "77777");
    put(f, "acceptedEpoch.tmp", "");
    assert_int_equal(pdk_store_write_epoch(f->box.store, 6, false, &f->diag), PDK_OK);
    expect_epochs(f, 4, 6);
    assert_true(pdk_disk_contents(f->disk, FOLDER "acceptedEpoch.tmp").is_null);
    put(f, "acceptedEpoch.tmp", "x");
    stop(f);
    must_open(f);
    expect_epochs(f, 4, 6);
    assert_true(pdk_disk_contents(f->disk, FOLDER "acceptedEpoch.tmp").is_null);
    assert_true(pdk_disk_contents(f->disk, FOLDER "currentEpoch.tmp").is_null);
}

/* One number after another; -1: this one was not written. */
struct promises {
    int64_t current, accepted;             /* written, and said to be */
    int64_t maybe_current, maybe_accepted; /* tried last */
};

static enum pdk_err promise(struct fixture *f, struct promises *p, int64_t epoch)
{
    p->maybe_accepted = epoch;
    enum pdk_err err = pdk_store_write_epoch(f->box.store, epoch, false, &f->diag);
    if (err != PDK_OK) return err;
    p->accepted = p->maybe_current = epoch;
    err = pdk_store_write_epoch(f->box.store, epoch, true, &f->diag);
    if (err == PDK_OK) p->current = epoch;
    return err;
}

static void what_was_promised_is_kept(struct fixture *f, const struct promises *p, uint64_t call)
{
    int64_t current, accepted;
    must_open(f);
    read_epochs(f, &current, &accepted);
    if (current != p->current && current != p->maybe_current)
        fail_msg("call %d: currentEpoch is %d", (int)call, (int)current);
    if (accepted < p->accepted || accepted > p->maybe_accepted || accepted < current)
        fail_msg("call %d: acceptedEpoch is %d", (int)call, (int)accepted);
}

/* A crash, or a failure and then a crash, at every call. */
static void survive(enum pdk_err injected)
{
    bool reached = true;
    for (uint64_t call = 0; reached; call++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            void *fixture;
            (void)setup(&fixture);
            struct fixture *f = fixture;
            struct promises p = {-1, -1, -1, -1};
            pdk_storebox_deinit(&f->box);
            pdk_disk_destroy(f->disk);
            f->disk = pdk_disk_create(pdk_mem_heap(), seed * 1000 + call);
            pdk_storebox_init(&f->box, pdk_disk_vfs(f->disk), NULL);
            must_open(f);
            uint64_t at = pdk_disk_calls(f->disk) + call;
            if (injected == PDK_OK)
                pdk_disk_stop_at(f->disk, at);
            else
                pdk_disk_fail_call(f->disk, at, injected);
            enum pdk_err err = PDK_OK;
            for (int64_t epoch = 1; epoch <= 4 && err == PDK_OK; epoch++)
                err = promise(f, &p, epoch);
            reached = err != PDK_OK;
            pdk_storebox_forget(&f->box);
            pdk_disk_crash(f->disk);
            what_was_promised_is_kept(f, &p, call);
            (void)teardown(&fixture);
        }
    }
}

static void a_crash_at_any_call_keeps_promises(void **state)
{
    (void)state;
    survive(PDK_OK);
}
static void a_failure_at_any_call_keeps_promises(void **state)
{
    (void)state;
    survive(PDK_EIO);
    survive(PDK_ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(each_epoch_is_stored_alone),
        STORE_TEST(an_accepted_epoch_below_the_current_is_repaired),
        STORE_TEST(what_is_known_is_not_written_again),
        cmocka_unit_test(what_was_shown_is_not_lost),
        STORE_TEST(unfinished_files_are_swept),
        cmocka_unit_test(a_crash_at_any_call_keeps_promises),
        cmocka_unit_test(a_failure_at_any_call_keeps_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
