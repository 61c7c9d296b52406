#include "shell/streams.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKERS_MAX 16

enum stage { STAGE_WAITING, STAGE_RUNNING, STAGE_ENDED };

struct pdk_stream {
    struct pdk_streams *owner;
    struct pdk_stream *next;      /* waiting ones of its lane */
    struct pdk_stream *news_next; /* those that _next will give */
    struct pdk_stream *all_next, *all_prev;
    struct pdk_stream_job job;
    struct pdk_outblock *filling; /* its thread's own */
    /* guarded by the lock */
    enum stage stage;
    bool cancelled, has_news;
    struct pdk_outblock *blocks[PDK_STREAM_BLOCKS]; /* a ring */
    size_t first, count;
    struct pdk_stream_end end;
    pthread_cond_t room;
};

struct lane {
    struct pdk_stream *first, *last;
};

struct pdk_streams {
    const struct pdk_mem *mem;
    struct pdk_stream_ops ops;
    uint32_t streams_max;
    int event_fd;
    pthread_t workers[WORKERS_MAX];

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    struct lane finds, streams, news;
    struct pdk_stream *all;
    uint32_t worker_count, idle, waiting;
    uint32_t running; /* streams, without FINDs */
    bool stopping, signalled;
};

static void lock(struct pdk_streams *s) { (void)pthread_mutex_lock(&s->lock); }
static void unlock(struct pdk_streams *s) { (void)pthread_mutex_unlock(&s->lock); }

/* ---- lists, under the lock ------------------------------------------------------------------- */
static struct lane *lane_of(struct pdk_streams *s, const struct pdk_stream *stream)
{
    return stream->job.kind == PDK_STREAM_FIND ? &s->finds : &s->streams;
}

static void lane_add(struct lane *lane, struct pdk_stream *stream)
{
    stream->next = NULL;
    if (lane->last != NULL)
        lane->last->next = stream;
    else
        lane->first = stream;
    lane->last = stream;
}

static struct pdk_stream *lane_take(struct lane *lane)
{
    struct pdk_stream *stream = lane->first;
    if (stream == NULL) return NULL;
    lane->first = stream->next;
    if (lane->first == NULL) lane->last = NULL;
    return stream;
}

static void lane_remove(struct lane *lane, struct pdk_stream *stream)
{
    struct pdk_stream *before = NULL;
    for (struct pdk_stream *at = lane->first; at != stream; at = at->next) before = at;
    if (before != NULL)
        before->next = stream->next;
    else
        lane->first = stream->next;
    if (lane->last == stream) lane->last = before;
}

/* The core has something to look at. */
static void tell(struct pdk_streams *s, struct pdk_stream *stream)
{
    if (stream->has_news) return;
    stream->has_news = true;
    stream->news_next = NULL;
    if (s->news.last != NULL)
        s->news.last->news_next = stream;
    else
        s->news.first = stream;
    s->news.last = stream;
    if (s->signalled) return;
    s->signalled = true;
    const uint64_t one = 1;
    ssize_t n = write(s->event_fd, &one, sizeof one);
    PDK_ASSERT(n == (ssize_t)sizeof one);
}

static void end(struct pdk_streams *s, struct pdk_stream *stream, enum pdk_err err)
{
    stream->stage = STAGE_ENDED;
    stream->end.err = err;
    tell(s, stream);
}

static void drop_blocks(struct pdk_stream *stream)
{
    for (; stream->count > 0; stream->count--) {
        pdk_outblock_destroy(stream->blocks[stream->first], stream->owner->mem);
        stream->first = (stream->first + 1) % PDK_STREAM_BLOCKS;
    }
}

/* ---- helper threads -------------------------------------------------------------------------- */
/* Hands over the block that is being filled; waits for room. */
static enum pdk_err hand_over(struct pdk_stream *stream)
{
    struct pdk_streams *s = stream->owner;
    lock(s);
    while (stream->count == PDK_STREAM_BLOCKS && !stream->cancelled)
        (void)pthread_cond_wait(&stream->room, &s->lock);
    bool cancelled = stream->cancelled;
    if (!cancelled) {
        size_t last = (stream->first + stream->count) % PDK_STREAM_BLOCKS;
        stream->blocks[last] = stream->filling;
        stream->filling = NULL;
        stream->count++;
        tell(s, stream);
    }
    unlock(s);
    return cancelled ? PDK_EBUSY : PDK_OK;
}

static enum pdk_err write_bytes(void *ctx, struct pdk_slice bytes)
{
    struct pdk_stream *stream = ctx;
    size_t done = 0;
    while (done < bytes.len) {
        if (stream->filling == NULL)
            stream->filling = pdk_outblock_create(stream->owner->mem, PDK_STREAM_BLOCK_BYTES);
        if (stream->filling == NULL) return PDK_ENOMEM;
        done +=
            pdk_outblock_add(stream->filling, pdk_slice_of(bytes.bytes + done, bytes.len - done));
        if (done == bytes.len) break;
        enum pdk_err err = hand_over(stream);
        if (err != PDK_OK) return err;
    }
    return PDK_OK;
}

static void work(struct pdk_stream *stream)
{
    struct pdk_streams *s = stream->owner;
    const struct pdk_stream_ops *ops = &s->ops;
    struct pdk_stream_end result = {0};
    switch (stream->job.kind) {
    case PDK_STREAM_VIEW:
        result.err = ops->view(ops->ctx, stream->job.view, write_bytes, stream, &result.diag);
        break;
    case PDK_STREAM_LOG:
        result.err = ops->log(ops->ctx, &stream->job, write_bytes, stream, &result.diag);
        break;
    case PDK_STREAM_FIND:
        result.err = ops->find(ops->ctx, &stream->job, &result.place, &result.diag);
        break;
    default: PDK_UNREACHABLE();
    }
    if (result.err == PDK_OK && stream->filling != NULL) result.err = hand_over(stream);
    pdk_outblock_destroy(stream->filling, s->mem);
    stream->filling = NULL;

    lock(s);
    if (stream->job.kind != PDK_STREAM_FIND) s->running--;
    if (stream->cancelled) {
        result.err = PDK_EBUSY;
        drop_blocks(stream);
    }
    stream->end = result;
    end(s, stream, result.err);
    unlock(s);
}

static struct pdk_stream *take_work(struct pdk_streams *s)
{
    struct pdk_stream *stream = lane_take(&s->finds);
    if (stream == NULL && s->running < s->streams_max) {
        stream = lane_take(&s->streams);
        if (stream != NULL) s->running++;
    }
    if (stream == NULL) return NULL;
    stream->stage = STAGE_RUNNING;
    s->waiting--;
    return stream;
}

static void *run(void *arg)
{
    struct pdk_streams *s = arg;
    (void)pthread_setname_np(pthread_self(), "paddock-stream");
    lock(s);
    for (;;) {
        struct pdk_stream *stream = take_work(s);
        if (stream != NULL) {
            unlock(s);
            work(stream);
            lock(s);
            continue;
        }
        if (s->stopping) break;
        s->idle++;
        (void)pthread_cond_wait(&s->wake, &s->lock);
        s->idle--;
    }
    unlock(s);
    return NULL;
}

/* ---- core thread ----------------------------------------------------------------------------- */
struct pdk_stream *pdk_streams_begin(struct pdk_streams *s, const struct pdk_stream_job *job)
{
    struct pdk_stream *stream = pdk_mem_must_zero(s->mem, 1, sizeof *stream);
    stream->owner = s;
    stream->job = *job;
    int failed = pthread_cond_init(&stream->room, NULL);
    PDK_ASSERT(failed == 0); /* Linux's never fails */
    lock(s);
    stream->all_next = s->all;
    if (s->all != NULL) s->all->all_prev = stream;
    s->all = stream;
    s->waiting++;
    /* One more than streams may run: that one is there for FIND. */
    if (!s->stopping && s->idle < s->waiting && s->worker_count <= s->streams_max &&
        pthread_create(&s->workers[s->worker_count], NULL, run, s) == 0)
        s->worker_count++;
    if (s->worker_count > 0 && !s->stopping) {
        lane_add(lane_of(s, stream), stream);
        (void)pthread_cond_signal(&s->wake);
    } else {
        s->waiting--;
        pdk_diag_set(&stream->end.diag, s->stopping ? "stopping" : "no thread could be started");
        end(s, stream, s->stopping ? PDK_EBUSY : PDK_ENOMEM);
    }
    unlock(s);
    return stream;
}

static void cancel(struct pdk_streams *s, struct pdk_stream *stream)
{
    if (stream->stage == STAGE_WAITING && !stream->cancelled) {
        lane_remove(lane_of(s, stream), stream);
        s->waiting--;
        end(s, stream, PDK_EBUSY);
    }
    if (stream->stage == STAGE_ENDED) {
        drop_blocks(stream);
        stream->end.err = PDK_EBUSY;
        tell(s, stream);
    }
    stream->cancelled = true;
    (void)pthread_cond_signal(&stream->room);
}

void pdk_stream_cancel(struct pdk_stream *stream)
{
    lock(stream->owner);
    cancel(stream->owner, stream);
    unlock(stream->owner);
}

struct pdk_stream *pdk_streams_next(struct pdk_streams *s)
{
    lock(s);
    struct pdk_stream *stream = s->news.first;
    if (stream != NULL) {
        s->news.first = stream->news_next;
        if (s->news.first == NULL) s->news.last = NULL;
        stream->has_news = false;
    } else {
        s->signalled = false;
    }
    unlock(s);
    return stream;
}

struct pdk_outblock *pdk_stream_block(struct pdk_stream *stream)
{
    struct pdk_streams *s = stream->owner;
    struct pdk_outblock *block = NULL;
    lock(s);
    if (stream->count > 0 && !stream->cancelled) {
        block = stream->blocks[stream->first];
        stream->first = (stream->first + 1) % PDK_STREAM_BLOCKS;
        stream->count--;
        (void)pthread_cond_signal(&stream->room);
    }
    unlock(s);
    return block;
}

bool pdk_stream_ended(struct pdk_stream *stream, struct pdk_stream_end *out)
{
    struct pdk_streams *s = stream->owner;
    lock(s);
    bool ended = stream->stage == STAGE_ENDED && stream->count == 0;
    if (ended) *out = stream->end;
    unlock(s);
    return ended;
}

struct pdk_stream_job *pdk_stream_job(struct pdk_stream *stream) { return &stream->job; }

/* Under the lock. */
static void forget(struct pdk_streams *s, struct pdk_stream *stream)
{
    PDK_ASSERT(stream->stage == STAGE_ENDED);
    if (stream->has_news) {
        struct pdk_stream **at = &s->news.first, *before = NULL;
        for (; *at != stream; at = &(*at)->news_next) before = *at;
        *at = stream->news_next;
        if (s->news.last == stream) s->news.last = before;
    }
    if (stream->all_prev != NULL)
        stream->all_prev->all_next = stream->all_next;
    else
        s->all = stream->all_next;
    if (stream->all_next != NULL) stream->all_next->all_prev = stream->all_prev;
    drop_blocks(stream);
}

void pdk_stream_free(struct pdk_stream *stream)
{
    struct pdk_streams *s = stream->owner;
    lock(s);
    forget(s, stream);
    unlock(s);
    (void)pthread_cond_destroy(&stream->room);
    pdk_mem_free(s->mem, stream);
}

int pdk_streams_fd(const struct pdk_streams *s) { return s->event_fd; }

/* ---- life ------------------------------------------------------------------------------------ */
struct pdk_streams *pdk_streams_start(const struct pdk_mem *mem, const struct pdk_stream_ops *ops,
                                      uint32_t streams_max)
{
    PDK_ASSERT(streams_max > 0 && streams_max < WORKERS_MAX);
    struct pdk_streams *s = pdk_mem_try_zero(mem, 1, sizeof *s);
    if (s == NULL) return NULL;
    s->mem = mem;
    s->ops = *ops;
    s->streams_max = streams_max;
    s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->event_fd < 0) goto free_it;
    if (pthread_mutex_init(&s->lock, NULL) != 0) goto close_fd;
    if (pthread_cond_init(&s->wake, NULL) == 0) return s;

    (void)pthread_mutex_destroy(&s->lock);
close_fd:
    (void)close(s->event_fd);
free_it:
    pdk_mem_free(mem, s);
    return NULL;
}

void pdk_streams_cancel_all(struct pdk_streams *s)
{
    lock(s);
    s->stopping = true;
    for (struct pdk_stream *at = s->all; at != NULL; at = at->all_next) cancel(s, at);
    (void)pthread_cond_broadcast(&s->wake);
    unlock(s);
    for (uint32_t i = 0; i < s->worker_count; i++) (void)pthread_join(s->workers[i], NULL);
    s->worker_count = 0;
}

void pdk_streams_stop(struct pdk_streams *s)
{
    if (s == NULL) return;
    pdk_streams_cancel_all(s);
    while (s->all != NULL) pdk_stream_free(s->all);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    (void)close(s->event_fd);
    pdk_mem_free(s->mem, s);
}
