/* Operations: their place between appends, what comes back, what waits. */
#include "core/node/node.h"
#include "shell/logthread_testing.h"

static void operate(struct fixture *f, enum pdk_log_op_kind kind, pdk_zxid zxid)
{
    pdk_logthread_do(f->lt, &(struct pdk_log_op){.kind = kind, .zxid = zxid});
}

static void spool(struct fixture *f, const char *text)
{
    pdk_logthread_do(
        f->lt, &(struct pdk_log_op){.kind = PDK_LOG_OP_SPOOL_ADD, .bytes = pdk_slice_str(text)});
}

static void wait_ops(struct fixture *f, const char *want)
{
    while (strlen(f->ops) < strlen(want)) wait_once(f);
    assert_string_equal(f->ops, want);
}

static void an_operation_waits_for_what_was_appended_before_it(void **state)
{
    (void)state;
    struct fixture *f = create();
    start(f);
    append(f, 1, false);
    append(f, 2, false);
    operate(f, PDK_LOG_OP_STORE_EPOCH, 70);
    append(f, 3, false);
    pdk_logthread_roll(f->lt);
    operate(f, PDK_LOG_OP_TRUNCATE, 71);
    operate(f, PDK_LOG_OP_SPOOL_BEGIN, 72);
    append(f, 4, false);
    assert_false(pdk_logthread_gathers(f->lt)); /* an operation is not to be kept waiting */
    pdk_logthread_commit(f->lt);
    wait_durable(f, 4);
    wait_ops(f, "0:70 1:71 2:72 ");
    expect_did(f, "A1-1 A2-2 S O0:70 A3-3 S R O1:71 O2:72 A4-4 S ");
    destroy(f);
}

static void what_was_durable_before_is_told_before(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.gated = true;
    start(f);
    append(f, 1, false);
    operate(f, PDK_LOG_OP_STORE_EPOCH, 70);
    append(f, 2, false);
    pdk_logthread_commit(f->lt);
    assert_true(pdk_logthread_busy(f->lt));
    for (int i = 0; i < 2; i++) { /* the sync, the operation */
        (void)sem_wait(&f->disk.syncing);
        (void)sem_post(&f->disk.go);
    }
    wait_ops(f, "0:70 ");
    assert_int_equal(f->durable_at_op, 1);
    (void)sem_wait(&f->disk.syncing);
    (void)sem_post(&f->disk.go);
    wait_durable(f, 2);
    assert_false(pdk_logthread_busy(f->lt));
    destroy(f);
}

static void spooled_bytes_are_copied_and_counted(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.gated = true;
    start(f);
    char text[] = "some bytes";
    spool(f, text);
    memset(text, 'x', sizeof text - 1);
    spool(f, "more");
    pdk_logthread_commit(f->lt);
    assert_int_equal(pdk_logthread_spooling(f->lt), 14);
    (void)sem_wait(&f->disk.syncing);
    (void)sem_post(&f->disk.go);
    while (pdk_logthread_spooling(f->lt) > 4) wait_once(f); /* each of them is an event */
    (void)sem_wait(&f->disk.syncing);
    (void)sem_post(&f->disk.go);
    while (pdk_logthread_spooling(f->lt) > 0) wait_once(f);
    expect_did(f, "O3:some bytes O3:more ");
    assert_string_equal(f->ops, "");
    destroy(f);
}

static void an_operation_that_fails_for_good_ends_all_writing(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.operate_err = PDK_EIO;
    start(f);
    operate(f, PDK_LOG_OP_STORE_EPOCH, 70);
    append(f, 1, false);
    operate(f, PDK_LOG_OP_STORE_CONFIG, 71); /* never carried out, and not lost */
    spool(f, "bytes");
    pdk_logthread_commit(f->lt);
    while (!f->report.failed) wait_once(f);
    assert_string_equal(f->report.diag.text, "the operation is broken");
    wait_ops(f, "0:70 ");
    operate(f, PDK_LOG_OP_STORE_CONFIG, 72);
    pdk_logthread_commit(f->lt);
    operate(f, PDK_LOG_OP_STORE_CONFIG, 73);
    expect_did(f, "O0:70 ");
    destroy(f);
}

static void any_other_error_is_the_operations_own(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.operate_err = PDK_ENOENT;
    start(f);
    operate(f, PDK_LOG_OP_TRUNCATE, 70);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 1);
    wait_ops(f, "1:70 ");
    assert_false(f->report.failed);
    destroy(f);
}

static void a_sync_that_takes_long_can_be_seen(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.gated = true;
    start(f);
    assert_int_equal(pdk_logthread_syncing_ms(f->lt), 0);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    (void)sem_wait(&f->disk.syncing);
    while (pdk_logthread_syncing_ms(f->lt) < 3) continue;
    (void)sem_post(&f->disk.go);
    wait_durable(f, 1);
    assert_int_equal(pdk_logthread_syncing_ms(f->lt), 0);
    assert_true(f->report.sync_ms.max >= 3);
    destroy(f);
}

static void stopping_carries_out_what_is_queued(void **state)
{
    (void)state;
    struct fixture *f = create();
    start(f);
    append(f, 1, false);
    operate(f, PDK_LOG_OP_STORE_EPOCH, 70);
    pdk_logthread_stop(f->lt);
    expect_did(f, "A1-1 S O0:70 ");
    f->lt = NULL;
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_waits_for_what_was_appended_before_it),
        cmocka_unit_test(what_was_durable_before_is_told_before),
        cmocka_unit_test(spooled_bytes_are_copied_and_counted),
        cmocka_unit_test(an_operation_that_fails_for_good_ends_all_writing),
        cmocka_unit_test(any_other_error_is_the_operations_own),
        cmocka_unit_test(a_sync_that_takes_long_can_be_seen),
        cmocka_unit_test(stopping_carries_out_what_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
