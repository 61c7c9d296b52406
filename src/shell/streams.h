/* shell/streams.h - helper threads that read what a learner lacks: a snapshot, or part of the log.
 *
 * A stream's thread fills blocks of some 256 KiB and waits when PDK_STREAM_BLOCKS of them lie there
 * unread: a slow learner costs a megabyte, not the tree.  Questions about the log (FIND) run here,
 * too, ahead of streams and with a thread that no stream can take.
 *
 *     core thread                          helper threads
 *     _begin             --queue-->        ops.view, ops.log, ops.find
 *     _next, _block      <-blocks, end--   (through an eventfd in the loop)
 *     _cancel: the end comes soon, no more blocks
 *
 * Limits: `streams_max` run at once, the others wait for their turn.
 * Ownership: a stream is the core's from _begin until it has ended and _free is called.
 * Threads: everything here is the core thread's. */
#ifndef PDK_SHELL_STREAMS_H
#define PDK_SHELL_STREAMS_H

#include "base/base.h"
#include "base/mem.h"
#include "core/store/walk.h"
#include "shell/outqueue.h"

#define PDK_STREAM_BLOCK_BYTES ((size_t)256 << 10)
#define PDK_STREAM_BLOCKS 4

enum pdk_stream_kind { PDK_STREAM_VIEW, PDK_STREAM_LOG, PDK_STREAM_FIND };

struct pdk_stream_job {
    enum pdk_stream_kind kind;
    struct pdk_snapshot_job *view; /* VIEW */
    pdk_zxid zxid;                 /* LOG: everything behind it; FIND: what is looked for */
    pdk_zxid until;                /* LOG, FIND */
    bool is_observer;              /* LOG */
    void *owner;                   /* the core's, not looked at */
    uint32_t link;
};

/* Takes bytes; an error means: stop now. */
typedef enum pdk_err (*pdk_stream_write)(void *ctx, struct pdk_slice bytes);

/* What is done, called on helper threads, several at a time. */
struct pdk_stream_ops {
    void *ctx;
    enum pdk_err (*view)(void *ctx, const struct pdk_snapshot_job *view, pdk_stream_write write,
                         void *write_ctx, struct pdk_diag *diag);
    enum pdk_err (*log)(void *ctx, const struct pdk_stream_job *job, pdk_stream_write write,
                        void *write_ctx, struct pdk_diag *diag);
    enum pdk_err (*find)(void *ctx, const struct pdk_stream_job *job, struct pdk_log_place *out,
                         struct pdk_diag *diag);
};

struct pdk_streams;
struct pdk_stream;

/* NULL: no memory, or the system refused.  Threads are started when they are needed. */
struct pdk_streams *pdk_streams_start(const struct pdk_mem *mem, const struct pdk_stream_ops *ops,
                                      uint32_t streams_max);
/* Cancels all, now and from now on, and waits for the threads; ends are there to be taken. */
void pdk_streams_cancel_all(struct pdk_streams *s);
/* After _cancel_all; frees what nobody took. */
void pdk_streams_stop(struct pdk_streams *s);

/* Never fails: what cannot be done ends with an error. */
struct pdk_stream *pdk_streams_begin(struct pdk_streams *s, const struct pdk_stream_job *job);
/* No more blocks are handed out; the end comes soon.  May be called twice. */
void pdk_stream_cancel(struct pdk_stream *stream);

/* A stream that has new blocks, or an end, since it was given here last; NULL: none. */
struct pdk_stream *pdk_streams_next(struct pdk_streams *s);
/* Its next block, which is the caller's now; NULL: none at the moment. */
struct pdk_outblock *pdk_stream_block(struct pdk_stream *stream);
struct pdk_stream_end {
    enum pdk_err err; /* PDK_EBUSY: cancelled */
    struct pdk_diag diag;
    struct pdk_log_place place; /* FIND */
};
/* True: it has ended, and all its blocks have been taken.  (It may be told once more after that,
 * unless it is freed now.) */
bool pdk_stream_ended(struct pdk_stream *stream, struct pdk_stream_end *end);
struct pdk_stream_job *pdk_stream_job(struct pdk_stream *stream);
/* Only once it has ended. */
void pdk_stream_free(struct pdk_stream *stream);

/* For a loop, edge triggered (nobody reads it): an event comes when _next has something. */
int pdk_streams_fd(const struct pdk_streams *s);

#endif
