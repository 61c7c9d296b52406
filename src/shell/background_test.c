#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shell/background.h"
#include "shell/loop.h"

struct fixture {
    struct pdk_background *b;
    struct pdk_background_ops ops;
    struct pdk_loop *loop;
    struct pdk_source source;
    struct pdk_log log;
    sem_t started, go, purged;
    atomic_bool wait_for_cancel, saw_cancel;
    atomic_int purges, told;
    enum pdk_err purge_err;
    char line[1024];
};

static void on_snapshot(void *ctx, const struct pdk_snapshot_job *job,
                        bool (*cancelled)(void *cancel_ctx), void *cancel_ctx,
                        struct pdk_snapshot_result *result)
{
    struct fixture *f = ctx;
    (void)sem_post(&f->started);
    if (atomic_load(&f->wait_for_cancel)) {
        while (!cancelled(cancel_ctx)) continue;
        atomic_store(&f->saw_cancel, true);
        result->err = PDK_EBUSY;
        return;
    }
    (void)sem_wait(&f->go);
    result->err = PDK_OK;
    result->zxid = job->zxid;
    result->size_bytes = 42;
}

static enum pdk_err on_purge(void *ctx, struct pdk_diag *diag)
{
    struct fixture *f = ctx;
    (void)sem_post(&f->started);
    (void)sem_wait(&f->go);
    (void)atomic_fetch_add(&f->purges, 1);
    if (f->purge_err != PDK_OK) pdk_diag_set(diag, "cannot list");
    (void)sem_post(&f->purged);
    return f->purge_err;
}

static void on_line(void *ctx, enum pdk_log_level level, const char *text)
{
    (void)level;
    struct fixture *f = ctx;
    (void)snprintf(f->line, sizeof f->line, "%s", text);
}

static void on_ready(struct pdk_source *self, uint32_t events)
{
    (void)events;
    (void)atomic_fetch_add(&PDK_CONTAINER_OF(self, struct fixture, source)->told, 1);
}

static struct fixture *create(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(sem_init(&f->started, 0, 0), 0);
    assert_int_equal(sem_init(&f->go, 0, 0), 0);
    assert_int_equal(sem_init(&f->purged, 0, 0), 0);
    f->log = (struct pdk_log){.ctx = f, .level = PDK_LOG_DEBUG, .line = on_line};
    f->ops = (struct pdk_background_ops){.ctx = f, .snapshot = on_snapshot, .purge = on_purge};
    f->b = pdk_background_start(pdk_mem_heap(), &f->log, &f->ops);
    assert_non_null(f->b);
    f->loop = pdk_loop_create(pdk_mem_heap());
    assert_non_null(f->loop);
    f->source.ready = on_ready;
    assert_int_equal(pdk_loop_add(f->loop, pdk_background_fd(f->b), EPOLLIN | EPOLLET, &f->source),
                     PDK_OK);
    return f;
}

static void destroy(struct fixture *f)
{
    pdk_background_stop(f->b);
    pdk_loop_destroy(f->loop);
    (void)sem_destroy(&f->started);
    (void)sem_destroy(&f->go);
    (void)sem_destroy(&f->purged);
    free(f);
}

static void wait_told(struct fixture *f)
{
    assert_true(pdk_loop_wait(f->loop, 10000) > 0);
    pdk_loop_tell(f->loop);
}

static void a_snapshot_comes_back_with_its_job_and_result(void **state)
{
    (void)state;
    struct fixture *f = create();
    struct pdk_snapshot_job jobs[2] = {{.zxid = 7}, {.zxid = 8}};
    for (int i = 0; i < 2; i++) {
        struct pdk_background_done done;
        assert_false(pdk_background_take(f->b, &done));
        pdk_background_snapshot(f->b, &jobs[i]);
        (void)sem_post(&f->go);
        wait_told(f);
        assert_true(pdk_background_take(f->b, &done));
        assert_ptr_equal(done.job, &jobs[i]);
        assert_int_equal(done.result.zxid, 7 + i);
        assert_int_equal(done.result.size_bytes, 42);
        assert_false(pdk_background_take(f->b, &done));
    }
    destroy(f);
}

static void cancelling_gives_the_job_back(void **state)
{
    (void)state;
    struct fixture *f = create();
    atomic_store(&f->wait_for_cancel, true);
    struct pdk_snapshot_job job = {.zxid = 7};
    pdk_background_snapshot(f->b, &job);
    (void)sem_wait(&f->started);
    pdk_background_cancel(f->b);
    struct pdk_background_done done;
    assert_true(pdk_background_take(f->b, &done));
    assert_ptr_equal(done.job, &job);
    assert_int_not_equal(done.result.err, PDK_OK);
    assert_true(atomic_load(&f->saw_cancel));
    destroy(f);
}

static void cancelling_gives_back_a_job_that_has_not_begun(void **state)
{
    (void)state;
    struct fixture *f = create();
    pdk_background_purge(f->b);
    (void)sem_wait(&f->started);
    atomic_store(&f->wait_for_cancel, true);
    struct pdk_snapshot_job job = {.zxid = 7};
    pdk_background_snapshot(f->b, &job);
    (void)sem_post(&f->go); /* the purge ends while we cancel */
    pdk_background_cancel(f->b);
    struct pdk_background_done done;
    assert_true(pdk_background_take(f->b, &done));
    assert_ptr_equal(done.job, &job);
    destroy(f);
}

static void cancelling_at_once_gives_the_job_back(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct fixture *f = create();
        atomic_store(&f->wait_for_cancel, true);
        struct pdk_snapshot_job job = {.zxid = 7};
        pdk_background_snapshot(f->b, &job);
        pdk_background_cancel(f->b);
        struct pdk_background_done done;
        assert_true(pdk_background_take(f->b, &done));
        assert_ptr_equal(done.job, &job);
        destroy(f);
    }
}

static void nothing_runs_while_it_pauses(void **state)
{
    (void)state;
    struct fixture *f = create();
    atomic_store(&f->wait_for_cancel, true);
    struct pdk_snapshot_job jobs[3] = {{.zxid = 7}, {.zxid = 8}, {.zxid = 9}};
    struct pdk_background_done done;
    pdk_background_snapshot(f->b, &jobs[0]);
    (void)sem_wait(&f->started);
    pdk_background_pause(f->b);
    assert_true(pdk_background_take(f->b, &done));
    assert_ptr_equal(done.job, &jobs[0]);
    assert_int_equal(done.result.err, PDK_EBUSY);
    wait_told(f);

    pdk_background_purge(f->b);
    pdk_background_snapshot(f->b, &jobs[1]);
    wait_told(f);
    assert_true(pdk_background_take(f->b, &done));
    assert_ptr_equal(done.job, &jobs[1]);
    assert_int_equal(done.result.err, PDK_EBUSY);
    assert_int_equal(done.result.zxid, 8);
    assert_int_equal(sem_trywait(&f->started), -1); /* neither has begun */

    atomic_store(&f->wait_for_cancel, false);
    pdk_background_resume(f->b);
    (void)sem_wait(&f->started); /* the purge that had to wait */
    (void)sem_post(&f->go);
    (void)sem_wait(&f->purged);
    pdk_background_snapshot(f->b, &jobs[2]);
    (void)sem_post(&f->go);
    wait_told(f);
    assert_true(pdk_background_take(f->b, &done));
    assert_int_equal(done.result.err, PDK_OK);
    assert_int_equal(done.result.zxid, 9);
    destroy(f);
}

static void purges_asked_for_while_one_runs_become_one(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->purge_err = PDK_EIO;
    pdk_background_purge(f->b);
    (void)sem_wait(&f->started);
    for (int i = 0; i < 5; i++) pdk_background_purge(f->b);
    (void)sem_post(&f->go);
    (void)sem_post(&f->go);
    (void)sem_wait(&f->purged);
    (void)sem_wait(&f->purged);
    pdk_background_cancel(f->b);
    assert_int_equal(atomic_load(&f->purges), 2);
    assert_string_equal(f->line,
                        "purge.failed why=\"cannot list\": tried again at the next interval");
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_comes_back_with_its_job_and_result),
        cmocka_unit_test(cancelling_gives_the_job_back),
        cmocka_unit_test(cancelling_gives_back_a_job_that_has_not_begun),
        cmocka_unit_test(cancelling_at_once_gives_the_job_back),
        cmocka_unit_test(nothing_runs_while_it_pauses),
        cmocka_unit_test(purges_asked_for_while_one_runs_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
