#include "shell/logthread_testing.h"

static void what_gathers_during_a_sync_is_the_next_batch(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.gated = true;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    (void)sem_wait(&f->disk.syncing);
    append(f, 2, false);
    pdk_logthread_commit(f->lt);
    append(f, 3, false);
    append(f, 4, false);
    pdk_logthread_commit(f->lt);
    (void)sem_post(&f->disk.go);
    (void)sem_wait(&f->disk.syncing);
    wait_durable(f, 1);
    assert_int_equal(f->report.zxid, 1);
    (void)sem_post(&f->disk.go);
    wait_durable(f, 4);
    expect_did(f, "A1-1 S A2-2 A3-3 A4-4 S ");
    assert_int_equal(f->report.batch_size.count, 2);
    assert_int_equal(f->report.batch_size.max, 3);
    assert_false(f->report.space_changed); /* room from the start is no news */
    destroy(f);
}

static void nothing_is_written_before_commit(void **state)
{
    (void)state;
    struct fixture *f = create();
    start(f);
    append(f, 1, false);
    append(f, 2, false);
    expect_did(f, "");
    pdk_logthread_commit(f->lt);
    wait_durable(f, 2);
    expect_did(f, "A1-1 A2-2 S ");
    destroy(f);
}

static void pieces_that_touch_become_one(void **state)
{
    (void)state;
    struct fixture *f = create();
    start(f);
    append(f, 1, false);
    append(f, 2, true);
    append(f, 3, true);
    append(f, 4, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 4);
    expect_did(f, "A1-3 A4-4 S ");
    destroy(f);
}

static void a_batch_ends_at_its_size(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->config.max_batch_size = 2;
    start(f);
    for (pdk_zxid z = 1; z <= 5; z++) append(f, z, z > 1);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 5);
    expect_did(f, "A1-2 S A3-4 S A5-5 S ");
    destroy(f);
}

static void the_old_file_is_synced_before_a_roll(void **state)
{
    (void)state;
    struct fixture *f = create();
    start(f);
    append(f, 1, false);
    append(f, 2, false);
    pdk_logthread_roll(f->lt);
    append(f, 3, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 3);
    expect_did(f, "A1-1 A2-2 S R A3-3 S ");
    destroy(f);
}

static void stopping_writes_what_is_queued(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.gated = true;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    (void)sem_wait(&f->disk.syncing);
    append(f, 2, false); /* not even committed */
    (void)sem_post(&f->disk.go);
    (void)sem_post(&f->disk.go);
    pdk_logthread_stop(f->lt);
    expect_did(f, "A1-1 S A2-2 S ");
    f->lt = NULL;
    destroy(f);
}

static void a_failed_sync_is_reported_once_and_ends_all_writing(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.sync_err = PDK_EIO;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    while (!f->report.failed) wait_once(f);
    assert_string_equal(f->report.diag.text, "sync is broken");
    assert_false(f->report.durable);
    append(f, 2, false);
    pdk_logthread_commit(f->lt);
    pdk_logthread_stop(f->lt);
    expect_did(f, "A1-1 S ");
    f->lt = NULL;
    destroy(f);
}

static void a_failed_append_is_never_synced(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.append_err = PDK_ENOSPC;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    while (!f->report.failed) wait_once(f);
    assert_string_equal(f->report.diag.text, "append is broken");
    pdk_logthread_stop(f->lt);
    expect_did(f, "A1-1 ");
    f->lt = NULL;
    destroy(f);
}

static void any_other_failure_to_reserve_is_final(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.reserve_err = PDK_EIO;
    start(f);
    while (!f->report.failed) wait_once(f);
    assert_string_equal(f->report.diag.text, "reserve says input/output error");
    destroy(f);
}

static void no_room_is_reported_and_room_again_when_it_comes(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.reserve_err = PDK_ENOSPC;
    start(f);
    while (!f->report.space_changed) wait_once(f);
    assert_false(f->report.has_space);
    /* What was promised room before is still written. */
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 1);
    /* At start, behind the sync, and once for no other reason than that time has passed. */
    for (int i = 0; i < 3; i++) (void)sem_wait(&f->disk.refused);
    set_err(&f->disk, &f->disk.reserve_err, PDK_OK);
    while (!f->report.has_space) wait_once(f);
    assert_false(f->report.failed);
    append(f, 2, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 2);
    assert_non_null(strstr(f->lines, "log.reserve.failed why=\"reserve says no space left\""));
    destroy(f);
}

static void a_flush_delay_waits_for_more(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->config.flush_delay_ms = 3000000; /* its third is far longer than the test */
    f->config.max_batch_size = 3;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    append(f, 2, false);
    pdk_logthread_commit(f->lt);
    append(f, 3, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 3); /* the size ends the wait */
    append(f, 4, false);
    pdk_logthread_stop(f->lt); /* and so does a stop */
    char *end = f->disk.did + strlen(f->disk.did) - strlen("A4-4 S ");
    assert_string_equal(end, "A4-4 S ");
    assert_int_equal(f->report.batch_size.max, 3);
    f->lt = NULL;
    destroy(f);
}

static void a_short_flush_delay_ends_by_itself(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->config.flush_delay_ms = 6;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    wait_durable(f, 1);
    destroy(f);
}

static void a_slow_sync_leaves_a_warning(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->disk.gated = true;
    f->config.sync_warning_ms = 1;
    start(f);
    append(f, 1, false);
    pdk_logthread_commit(f->lt);
    (void)sem_wait(&f->disk.syncing);
    int64_t start_us = pdk_clock_us();
    while (pdk_clock_us() - start_us < 3000) continue;
    (void)sem_post(&f->disk.go);
    pdk_logthread_stop(f->lt);
    assert_non_null(strstr(f->lines, "log.slow_sync ms="));
    f->lt = NULL;
    destroy(f);
}

/* Hand-overs of all sizes against a thread that takes them as they come. */
static void many_small_handovers_arrive_in_order(void **state)
{
    (void)state;
    struct fixture *f = create();
    start(f);
    pdk_zxid zxid = 0;
    for (int i = 0; i < 400; i++) {
        if (f->used + 20 > sizeof f->bytes) {
            wait_durable(f, zxid);
            f->used = 0;
        }
        for (int k = 0; k <= i % 7; k++) append(f, ++zxid, k > 0);
        pdk_logthread_commit(f->lt);
        if (i % 50 == 0) wait_durable(f, zxid);
    }
    wait_durable(f, zxid);
    assert_int_equal(f->report.zxid, zxid);
    pdk_logthread_stop(f->lt);
    assert_null(strstr(f->disk.did, "GAP"));
    assert_true(f->disk.did_len < sizeof f->disk.did - 1);
    f->lt = NULL;
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_gathers_during_a_sync_is_the_next_batch),
        cmocka_unit_test(nothing_is_written_before_commit),
        cmocka_unit_test(pieces_that_touch_become_one),
        cmocka_unit_test(a_batch_ends_at_its_size),
        cmocka_unit_test(the_old_file_is_synced_before_a_roll),
        cmocka_unit_test(stopping_writes_what_is_queued),
        cmocka_unit_test(a_failed_sync_is_reported_once_and_ends_all_writing),
        cmocka_unit_test(a_failed_append_is_never_synced),
        cmocka_unit_test(any_other_failure_to_reserve_is_final),
        cmocka_unit_test(no_room_is_reported_and_room_again_when_it_comes),
        cmocka_unit_test(a_flush_delay_waits_for_more),
        cmocka_unit_test(a_short_flush_delay_ends_by_itself),
        cmocka_unit_test(a_slow_sync_leaves_a_warning),
        cmocka_unit_test(many_small_handovers_arrive_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
