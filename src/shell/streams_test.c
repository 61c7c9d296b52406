#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shell/loop.h"
#include "shell/streams.h"

#define STREAMS_MAX 2

/* What the helper threads do: streams write `bytes` of their zxid, in pieces; `gate` holds them. */
struct fixture {
    struct pdk_streams *streams;
    struct pdk_loop *loop;
    struct pdk_source source;
    size_t bytes;      /* of each stream */
    enum pdk_err fail; /* at the end */
    bool gated;
    sem_t gate, entered;
    struct pdk_stream *ended[16]; /* in the order in which their ends were seen */
    struct pdk_stream_end ends[16];
    size_t ended_count;
    size_t got;       /* bytes taken */
    bool take, wrong; /* take blocks when told; a byte was not what it should be */
    uint8_t scratch[PDK_STREAM_BLOCK_BYTES];
};

static uint8_t byte_at(pdk_zxid zxid, size_t at) { return (uint8_t)((size_t)zxid + at / 1000); }

static enum pdk_err on_log(void *ctx, const struct pdk_stream_job *job, pdk_stream_write write,
                           void *write_ctx, struct pdk_diag *diag)
{
    struct fixture *f = ctx;
    if (f->gated) {
        (void)sem_post(&f->entered);
        (void)sem_wait(&f->gate);
    }
    uint8_t piece[7000];
    for (size_t at = 0; at < f->bytes;) {
        size_t n = pdk_min_size(sizeof piece, f->bytes - at);
        for (size_t i = 0; i < n; i++) piece[i] = byte_at(job->zxid, at + i);
        enum pdk_err err = write(write_ctx, pdk_slice_of(piece, n));
        if (err != PDK_OK) return err;
        at += n;
    }
    if (f->fail != PDK_OK) pdk_diag_set(diag, "the log is gone");
    return f->fail;
}

static enum pdk_err on_view(void *ctx, const struct pdk_snapshot_job *view, pdk_stream_write write,
                            void *write_ctx, struct pdk_diag *diag)
{
    const struct pdk_stream_job job = {.zxid = view->zxid};
    return on_log(ctx, &job, write, write_ctx, diag);
}

static enum pdk_err on_find(void *ctx, const struct pdk_stream_job *job, struct pdk_log_place *out,
                            struct pdk_diag *diag)
{
    (void)ctx;
    (void)diag;
    *out = (struct pdk_log_place){.reaches = true, .at = job->zxid - 1, .bytes = job->until};
    return PDK_OK;
}

static bool seen_end(const struct fixture *f, const struct pdk_stream *stream)
{
    for (size_t i = 0; i < f->ended_count; i++) {
        if (f->ended[i] == stream) return true;
    }
    return false;
}

static void look_at(struct fixture *f, struct pdk_stream *stream)
{
    if (seen_end(f, stream)) return; /* told for its last block and for its end */
    size_t *at = pdk_stream_job(stream)->owner;
    struct pdk_outblock *block;
    while (f->take && (block = pdk_stream_block(stream)) != NULL) {
        /* Its bytes come out of a socket, as they will in earnest. */
        int pair[2];
        struct pdk_outqueue q = {0};
        pdk_outqueue_take(&q, block);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        while (q.bytes > 0) {
            assert_true(pdk_outqueue_send(&q, pdk_mem_heap(), pair[0]) != PDK_EIO);
            ssize_t n = recv(pair[1], f->scratch, sizeof f->scratch, 0);
            for (ssize_t i = 0; i < n; i++, (*at)++)
                f->wrong |= f->scratch[i] != byte_at(pdk_stream_job(stream)->zxid, *at);
            f->got += n > 0 ? (size_t)n : 0;
        }
        ssize_t n;
        while ((n = recv(pair[1], f->scratch, sizeof f->scratch, 0)) > 0) {
            for (ssize_t i = 0; i < n; i++, (*at)++)
                f->wrong |= f->scratch[i] != byte_at(pdk_stream_job(stream)->zxid, *at);
            f->got += (size_t)n;
        }
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
    if (pdk_stream_ended(stream, &f->ends[f->ended_count])) f->ended[f->ended_count++] = stream;
}

static void look(struct fixture *f)
{
    struct pdk_stream *stream;
    while ((stream = pdk_streams_next(f->streams)) != NULL) look_at(f, stream);
}

static void on_ready(struct pdk_source *self, uint32_t events)
{
    (void)events;
    look(PDK_CONTAINER_OF(self, struct fixture, source));
}

static struct fixture *create(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->take = true;
    assert_int_equal(sem_init(&f->gate, 0, 0), 0);
    assert_int_equal(sem_init(&f->entered, 0, 0), 0);
    const struct pdk_stream_ops ops = {.ctx = f, .view = on_view, .log = on_log, .find = on_find};
    f->streams = pdk_streams_start(pdk_mem_heap(), &ops, STREAMS_MAX);
    assert_non_null(f->streams);
    f->loop = pdk_loop_create(pdk_mem_heap());
    assert_non_null(f->loop);
    f->source.ready = on_ready;
    assert_int_equal(
        pdk_loop_add(f->loop, pdk_streams_fd(f->streams), EPOLLIN | EPOLLET, &f->source), PDK_OK);
    return f;
}

static void destroy(struct fixture *f)
{
    assert_false(f->wrong);
    pdk_streams_stop(f->streams);
    pdk_loop_destroy(f->loop);
    (void)sem_destroy(&f->gate);
    (void)sem_destroy(&f->entered);
    free(f);
}

static void wait_once(struct fixture *f)
{
    /* Ten seconds are for ever: only a lost wake-up lets them pass. */
    assert_true(pdk_loop_wait(f->loop, 10000) > 0);
    pdk_loop_tell(f->loop);
}

static void wait_ended(struct fixture *f, size_t count)
{
    while (f->ended_count < count) wait_once(f);
}

/* Its memory may come again as another stream. */
static void let_go(struct fixture *f, struct pdk_stream *stream)
{
    for (size_t i = 0; i < f->ended_count; i++) {
        if (f->ended[i] == stream) f->ended[i] = NULL;
    }
    pdk_stream_free(stream);
}

static struct pdk_stream *begin(struct fixture *f, enum pdk_stream_kind kind, pdk_zxid zxid,
                                size_t *at)
{
    const struct pdk_stream_job job = {.kind = kind, .zxid = zxid, .until = 77, .owner = at};
    return pdk_streams_begin(f->streams, &job);
}

static void a_stream_comes_whole_and_in_order(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->bytes = 5 * PDK_STREAM_BLOCK_BYTES * PDK_STREAM_BLOCKS + 12345;
    size_t at = 0;
    struct pdk_stream *stream = begin(f, PDK_STREAM_LOG, 5, &at);
    wait_ended(f, 1);
    assert_ptr_equal(f->ended[0], stream);
    assert_int_equal(f->ends[0].err, PDK_OK);
    assert_int_equal(at, f->bytes);
    let_go(f, stream);

    struct pdk_snapshot_job view = {.zxid = 9};
    const struct pdk_stream_job job = {
        .kind = PDK_STREAM_VIEW, .view = &view, .zxid = 9, .owner = &at};
    at = 0;
    stream = pdk_streams_begin(f->streams, &job);
    wait_ended(f, 2);
    assert_int_equal(at, f->bytes);
    assert_ptr_equal(pdk_stream_job(stream)->view, &view);
    let_go(f, stream);
    destroy(f);
}

static void an_empty_stream_just_ends(void **state)
{
    (void)state;
    struct fixture *f = create();
    size_t at = 0;
    struct pdk_stream *stream = begin(f, PDK_STREAM_LOG, 5, &at);
    wait_ended(f, 1);
    assert_int_equal(f->ends[0].err, PDK_OK);
    assert_int_equal(f->got, 0);
    let_go(f, stream);
    destroy(f);
}

static void what_nobody_takes_is_not_produced(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->take = false;
    f->bytes = 100 * PDK_STREAM_BLOCK_BYTES;
    size_t at = 0;
    struct pdk_stream *stream = begin(f, PDK_STREAM_LOG, 1, &at);
    wait_once(f);
    assert_int_equal(f->ended_count, 0);
    /* Not one more than the ring holds is there, however long one waits. */
    size_t count = 0;
    struct pdk_outblock *blocks[PDK_STREAM_BLOCKS];
    while (count < PDK_STREAM_BLOCKS) {
        blocks[count] = pdk_stream_block(stream);
        if (blocks[count] != NULL)
            count++;
        else
            wait_once(f);
    }
    for (size_t i = 0; i < count; i++) pdk_outblock_destroy(blocks[i], pdk_mem_heap());
    pdk_stream_cancel(stream);
    pdk_stream_cancel(stream);
    assert_null(pdk_stream_block(stream));
    wait_ended(f, 1);
    assert_int_equal(f->ends[0].err, PDK_EBUSY);
    let_go(f, stream);
    destroy(f);
}

static void an_error_is_told_behind_the_bytes(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->bytes = PDK_STREAM_BLOCK_BYTES * 2 + 1;
    f->fail = PDK_ECORRUPT;
    size_t at = 0;
    struct pdk_stream *stream = begin(f, PDK_STREAM_LOG, 1, &at);
    wait_ended(f, 1);
    assert_int_equal(f->ends[0].err, PDK_ECORRUPT);
    assert_string_equal(f->ends[0].diag.text, "the log is gone");
    let_go(f, stream);
    destroy(f);
}

static void so_many_run_and_a_question_never_waits_for_them(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->gated = true;
    f->bytes = 10;
    size_t at[STREAMS_MAX + 1] = {0};
    struct pdk_stream *streams[STREAMS_MAX + 1];
    for (size_t i = 0; i <= STREAMS_MAX; i++)
        streams[i] = begin(f, PDK_STREAM_LOG, (pdk_zxid)i, &at[i]);
    for (size_t i = 0; i < STREAMS_MAX; i++) assert_int_equal(sem_wait(&f->entered), 0);

    struct pdk_stream *find = begin(f, PDK_STREAM_FIND, 50, NULL);
    wait_ended(f, 1);
    assert_ptr_equal(f->ended[0], find);
    assert_true(f->ends[0].place.reaches);
    assert_int_equal(f->ends[0].place.at, 49);
    assert_int_equal(f->ends[0].place.bytes, 77);
    let_go(f, find);
    assert_int_equal(sem_trywait(&f->entered), -1); /* the third waits for its turn */

    for (size_t i = 0; i <= STREAMS_MAX; i++) (void)sem_post(&f->gate);
    wait_ended(f, STREAMS_MAX + 2);
    for (size_t i = 0; i <= STREAMS_MAX; i++) {
        assert_int_equal(at[i], 10);
        let_go(f, streams[i]);
    }
    destroy(f);
}

static void a_waiting_one_is_cancelled_at_once(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->gated = true;
    size_t at = 0;
    struct pdk_stream *streams[STREAMS_MAX + 2];
    for (size_t i = 0; i < STREAMS_MAX + 2; i++) streams[i] = begin(f, PDK_STREAM_LOG, 1, &at);
    pdk_stream_cancel(streams[STREAMS_MAX]);
    wait_ended(f, 1);
    assert_ptr_equal(f->ended[0], streams[STREAMS_MAX]);
    assert_int_equal(f->ends[0].err, PDK_EBUSY);
    for (size_t i = 0; i < STREAMS_MAX + 1; i++) (void)sem_post(&f->gate);
    wait_ended(f, STREAMS_MAX + 2);
    for (size_t i = 0; i < STREAMS_MAX + 2; i++) let_go(f, streams[i]);
    destroy(f);
}

static void stopping_ends_all_and_each_end_can_be_taken(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->take = false;
    f->bytes = 100 * PDK_STREAM_BLOCK_BYTES;
    size_t at = 0;
    struct pdk_stream *streams[4];
    for (size_t i = 0; i < 4; i++) streams[i] = begin(f, PDK_STREAM_LOG, 1, &at);
    wait_once(f);
    pdk_streams_cancel_all(f->streams);
    look(f);
    assert_int_equal(f->ended_count, 4);
    struct pdk_stream *late = begin(f, PDK_STREAM_LOG, 1, &at);
    look(f);
    assert_int_equal(f->ended_count, 5);
    assert_int_equal(f->ends[4].err, PDK_EBUSY);
    for (size_t i = 0; i < 2; i++) let_go(f, streams[i]);
    (void)late; /* freed by the stop, as are the two others */
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_comes_whole_and_in_order),
        cmocka_unit_test(an_empty_stream_just_ends),
        cmocka_unit_test(what_nobody_takes_is_not_produced),
        cmocka_unit_test(an_error_is_told_behind_the_bytes),
        cmocka_unit_test(so_many_run_and_a_question_never_waits_for_them),
        cmocka_unit_test(a_waiting_one_is_cancelled_at_once),
        cmocka_unit_test(stopping_ends_all_and_each_end_can_be_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
