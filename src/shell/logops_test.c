/* The log thread's operations on a real store over the crash disk, called one by one. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/node/node.h"
#include "core/store/resync.h"
#include "shell/logops.h"
#include "sim/disk.h"
#include "sim/storebox.h"

#define SIGNATURE_BYTES 14

struct fixture {
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_state loading; /* what TRUNCATE and INSTALL load into */
    struct pdk_background *background;
    struct pdk_background_ops background_ops;
    atomic_int cancelled;
    sem_t started;
    struct pdk_log_store ls;
    struct pdk_log_ops ops;
    struct pdk_diag diag;
    enum pdk_err config_err;
    const struct pdk_members *config;
    bool in_force;
};

/* Writes until it is cancelled. */
static void on_snapshot(void *ctx, const struct pdk_snapshot_job *job,
                        bool (*cancelled)(void *cancel_ctx), void *cancel_ctx,
                        struct pdk_snapshot_result *result)
{
    struct fixture *f = ctx;
    (void)job;
    (void)sem_post(&f->started);
    while (!cancelled(cancel_ctx)) continue;
    (void)atomic_fetch_add(&f->cancelled, 1);
    result->err = PDK_EBUSY;
}

static enum pdk_err on_purge(void *ctx, struct pdk_diag *diag)
{
    (void)ctx;
    (void)diag;
    return PDK_OK;
}

static enum pdk_err on_config(void *ctx, const struct pdk_members *members, bool in_force,
                              struct pdk_diag *diag)
{
    struct fixture *f = ctx;
    f->config = members;
    f->in_force = in_force;
    if (f->config_err != PDK_OK) pdk_diag_set(diag, "the folder is somebody else's");
    return f->config_err;
}

static void write_some(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) pdk_storebox_write(&f->box, 50);
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    assert_int_equal(pdk_store_sync(f->box.store, &f->diag), PDK_OK);
}

static struct fixture *create(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->disk = pdk_disk_create(pdk_mem_heap(), 7);
    pdk_storebox_init(&f->box, pdk_disk_vfs(f->disk), NULL);
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
    struct pdk_tree_config tree = {
        .mem = pdk_mem_heap(), .seed = {3, 4}, .digest_enabled = true, .extended_types = true};
    pdk_state_init(&f->loading, &tree, 2000, 1000);
    assert_int_equal(sem_init(&f->started, 0, 0), 0);
    f->background_ops =
        (struct pdk_background_ops){.ctx = f, .snapshot = on_snapshot, .purge = on_purge};
    f->background = pdk_background_start(pdk_mem_heap(), NULL, &f->background_ops);
    assert_non_null(f->background);
    f->ls = (struct pdk_log_store){.store = f->box.store,
                                   .background = f->background,
                                   .store_config = on_config,
                                   .config_ctx = f};
    f->ops = pdk_log_ops_with(&f->ls);
    return f;
}

static void destroy(struct fixture *f)
{
    pdk_background_cancel(f->background);
    pdk_background_stop(f->background);
    (void)sem_destroy(&f->started);
    pdk_state_deinit(&f->loading);
    pdk_storebox_deinit(&f->box);
    pdk_disk_destroy(f->disk);
    free(f);
}

static struct pdk_log_op operate(struct fixture *f, struct pdk_log_op op)
{
    op.sink = pdk_state_recover_sink(&f->loading);
    enum pdk_err err = f->ops.operate(f->ops.operate_ctx, &op, &f->diag);
    assert_int_equal(err, PDK_OK);
    return op;
}

static void store_epoch(struct fixture *f, int64_t epoch, bool current)
{
    struct pdk_log_op op = operate(
        f, (struct pdk_log_op){.kind = PDK_LOG_OP_STORE_EPOCH, .epoch = epoch, .flag = current});
    assert_int_equal(op.err, PDK_OK);
}

static void expect_epochs(struct fixture *f, int64_t current, int64_t accepted)
{
    int64_t got_current, got_accepted;
    assert_int_equal(pdk_store_read_epochs(f->box.store, &got_current, &got_accepted, &f->diag),
                     PDK_OK);
    assert_int_equal(got_current, current);
    assert_int_equal(got_accepted, accepted);
}

static void epochs_are_stored_and_the_accepted_one_is_never_behind(void **state)
{
    (void)state;
    struct fixture *f = create();
    store_epoch(f, 3, false);
    expect_epochs(f, 0, 3);
    store_epoch(f, 3, true);
    expect_epochs(f, 3, 3);
    store_epoch(f, 5, true);
    expect_epochs(f, 5, 5);
    destroy(f);
}

static void a_truncation_stops_the_snapshot_and_loads_what_is_left(void **state)
{
    (void)state;
    struct fixture *f = create();
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK);
    write_some(f, 10);
    struct pdk_snapshot_job job = {.zxid = 10};
    pdk_background_snapshot(f->background, &job);
    (void)sem_wait(&f->started);
    struct pdk_log_op op = operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_TRUNCATE, .zxid = 6});
    assert_int_equal(op.err, PDK_OK);
    assert_int_equal(op.recovery.last_zxid, 6);
    assert_int_equal(f->loading.last_zxid, 6);
    assert_int_equal(atomic_load(&f->cancelled), 1);
    /* Snapshots may be written again. */
    struct pdk_background_done done;
    assert_true(pdk_background_take(f->background, &done));
    pdk_background_snapshot(f->background, &job);
    (void)sem_wait(&f->started);
    destroy(f);
}

static void an_impossible_truncation_loads_nothing(void **state)
{
    (void)state;
    struct fixture *f = create();
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK);
    write_some(f, 10);
    struct pdk_log_op op = operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_TRUNCATE, .zxid = 20});
    assert_int_equal(op.err, PDK_ENOENT);
    assert_true(op.diag.text[0] != '\0');
    assert_int_equal(f->loading.last_zxid, 0);
    destroy(f);
}

static struct pdk_log_op spool(struct fixture *f, struct pdk_slice body, pdk_zxid zxid)
{
    (void)operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_BEGIN, .zxid = zxid});
    size_t half = body.len / 2;
    (void)operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_ADD,
                                         .bytes = pdk_slice_of(body.bytes, half)});
    (void)operate(f,
                  (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_ADD,
                                      .bytes = pdk_slice_of(body.bytes + half, body.len - half)});
    return operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_INSTALL});
}

static void a_spooled_snapshot_takes_the_place_of_the_history(void **state)
{
    (void)state;
    struct fixture *f = create();
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK);
    write_some(f, 10);
    struct pdk_buf stream;
    pdk_buf_init(&stream, pdk_mem_heap(), SIZE_MAX);
    pdk_storebox_stream_whole(&f->box, &stream);
    write_some(f, 10);
    struct pdk_slice body = pdk_slice_of(stream.bytes, stream.len - SIGNATURE_BYTES);

    /* One that breaks off is forgotten; the next one is not the worse for it. */
    (void)operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_BEGIN, .zxid = 10});
    (void)operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_ADD, .bytes = body});
    (void)operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_ABANDON});
    struct pdk_log_op op = spool(f, pdk_slice_of(body.bytes, body.len / 2), 10);
    assert_int_not_equal(op.err, PDK_OK);
    (void)operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_ABANDON});
    op = operate(f, (struct pdk_log_op){.kind = PDK_LOG_OP_TRUNCATE, .zxid = 15});
    assert_int_equal(op.recovery.last_zxid, 15); /* the old history is untouched */

    op = spool(f, body, 10);
    assert_int_equal(op.err, PDK_OK);
    assert_true(op.recovery.snapshot_loaded);
    assert_int_equal(op.recovery.last_zxid, 10);
    assert_int_equal(f->loading.last_zxid, 10);
    pdk_buf_deinit(&stream);
    destroy(f);
}

static void a_config_that_cannot_be_stored_is_told(void **state)
{
    (void)state;
    struct fixture *f = create();
    struct pdk_members *members = (struct pdk_members *)(void *)f; /* not looked at */
    f->config_err = PDK_EIO;
    struct pdk_log_op op = operate(
        f, (struct pdk_log_op){.kind = PDK_LOG_OP_STORE_CONFIG, .members = members, .flag = true});
    assert_int_equal(op.err, PDK_EIO);
    assert_string_equal(op.diag.text, "the folder is somebody else's");
    assert_ptr_equal(f->config, members);
    assert_true(f->in_force);
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_are_stored_and_the_accepted_one_is_never_behind),
        cmocka_unit_test(a_truncation_stops_the_snapshot_and_loads_what_is_left),
        cmocka_unit_test(an_impossible_truncation_loads_nothing),
        cmocka_unit_test(a_spooled_snapshot_takes_the_place_of_the_history),
        cmocka_unit_test(a_config_that_cannot_be_stored_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
