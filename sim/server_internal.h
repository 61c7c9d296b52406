/* sim/server_internal.h - a simulated server's memory, shared by its files only.
 *
 *   server.c         life, clocks, turns: what has happened goes into the node, effects come out
 *   server_net.c     connections of clients, links to servers, streams on them
 *   server_disk.c    the disk's pace, the log thread, the background threads */
#ifndef PDK_SIM_SERVER_INTERNAL_H
#define PDK_SIM_SERVER_INTERNAL_H

#include "core/store/resync.h"
#include "core/store/snapstream.h"
#include "sim/disk.h"
#include "sim/fiber.h"
#include "sim/procmem.h"
#include "sim/server.h"

/* Something that the process has not looked at yet. */
enum pdk_news_kind {
    PDK_NEWS_ACCEPTED, /* end, port, from */
    PDK_NEWS_DIALLED,  /* end, flag */
    PDK_NEWS_READABLE, /* end */
    PDK_NEWS_CLOSED,   /* end */
    PDK_NEWS_INPUT,    /* input, which points to recovery and place where it has one */
};
struct pdk_news {
    enum pdk_news_kind kind;
    pdk_end end;
    int port;
    uint32_t from;
    bool flag;
    struct pdk_input input;
    struct pdk_recovery recovery;
    struct pdk_log_place place;
};

/* ---- streams --------------------------------------------------------------------------------- */
struct pdk_worker;

/* What waits to go out on a link behind a stream that a worker writes. */
struct pdk_outgoing {
    struct pdk_worker *stream; /* NULL: bytes */
    bool streamed;             /* its worker is through */
    struct pdk_buf bytes;
};
enum pdk_sock_kind { PDK_SOCK_FREE, PDK_SOCK_CONN, PDK_SOCK_LINK };
struct pdk_sock {
    enum pdk_sock_kind kind;
    pdk_end end;
    uint32_t number; /* connection or link */
    bool open;       /* the node knows it */
    bool dialling;
    bool paused, greeted; /* connections */
    bool over;            /* the other side has gone */
    bool dropped;         /* by us, and the node has not heard of it */
    bool is_election, sync_seen, is_learner;
    uint32_t users; /* workers that will still answer for this link: its number stays taken */
    struct pdk_buf in;
    struct pdk_buf heard;   /* a learner's bytes to a leader, until they are whole packets */
    struct pdk_buf sniffed; /* a leader's bytes to a learner, until the kind of sync is known */
    struct pdk_outgoing *out;
    size_t out_count, out_cap;
    int64_t streaming_told_us;
};

/* ---- workers --------------------------------------------------------------------------------- */
/* One fiber: the log thread, or a piece of background work. */
struct pdk_worker {
    struct pdk_simserver *server;
    struct pdk_fiber *fiber;
    uint32_t number;
    bool parked; /* until somebody wakes it */
    void (*run)(struct pdk_worker *w);
    const char *name;
    struct pdk_snapshot_job *job;
    uint32_t link;
    pdk_zxid zxid, until;
    bool flag;
    enum pdk_err err;
    struct pdk_buf text;
};

/* The log thread's queue: the disk's effects in their order. */
struct pdk_log_work {
    enum pdk_effect_kind kind;
    struct pdk_log_piece piece;
    struct pdk_hist *history; /* APPEND: what there will be then */
    pdk_zxid zxid;
    int64_t epoch;
    bool flag;
    uint8_t *bytes;
    size_t len;
    struct pdk_recover_sink sink;
};

struct pdk_simserver {
    struct pdk_simserver_config config;
    struct pdk_world *world;
    struct pdk_net *net;
    struct pdk_judge *judge;
    const struct pdk_swarm *swarm;
    uint32_t sid;

    /* the machine */
    struct pdk_disk *disk;
    struct pdk_fiber_pool fibers;
    struct pdk_vfs vfs; /* the disk's, with time */
    int64_t mono_base_ms, wall_base_ms, drift_ppm;
    int64_t slow_sync_us, slow_until_us;
    enum pdk_net_death stop_death; /* when the disk stops */
    uint32_t life;

    /* the process: everything below ends with it */
    enum pdk_simserver_state state;
    bool paused, loading, dying;
    struct pdk_procmem memory;
    const struct pdk_mem *mem;
    struct pdk_node *node;
    struct pdk_store *store;
    struct pdk_store_config store_config;
    struct pdk_log log;
    int64_t current_epoch, accepted_epoch;
    int64_t tick_us; /* a tick is planned for; INT64_MAX: none */

    struct pdk_news *news;
    size_t news_first, news_count, news_cap;
    bool turn_planned;
    uint32_t steps; /* since effects were carried out */

    struct pdk_sock **socks;
    size_t sock_count, sock_cap;
    uint32_t feeding; /* host whose bytes the node is taking */

    struct pdk_worker **workers;
    size_t worker_count, worker_cap;
    struct pdk_worker *running, *log_worker;
    struct pdk_log_work *queue;
    size_t queue_first, queue_count, queue_cap;
    size_t spool_waiting; /* bytes of snapshot in the queue */
    enum pdk_err spool_err;
    bool has_space;
    bool snapshot_first; /* the next one is written at once */
    int background;      /* workers at work but the log's */

    void (*seen)(void *ctx, struct pdk_simserver *s, const struct pdk_effect *effect);
    void *seen_ctx;
};

/* ---- server.c -------------------------------------------------------------------------------- */
struct pdk_news *pdk_server_news(struct pdk_simserver *s, enum pdk_news_kind kind);
void pdk_server_news_input(struct pdk_simserver *s, const struct pdk_input *input);
/* One step of the node, now. */
void pdk_server_input(struct pdk_simserver *s, const struct pdk_input *input);
struct pdk_now pdk_server_now(const struct pdk_simserver *s);
/* Dies at the end of what it is doing. */
void pdk_server_fatal(struct pdk_simserver *s, const char *why);
void pdk_server_carry_out(struct pdk_simserver *s);

/* ---- server_net.c ---------------------------------------------------------------------------- */
struct pdk_net_handler pdk_server_handler(struct pdk_simserver *s);
void pdk_server_take_news(struct pdk_simserver *s, const struct pdk_news *n);
void pdk_server_net_effect(struct pdk_simserver *s, const struct pdk_effect *e);
/* Bytes that the node had left, or that were held back, go in now if they can. */
void pdk_server_feed_links(struct pdk_simserver *s);
struct pdk_sock *pdk_server_link(struct pdk_simserver *s, uint32_t link);
/* LINK_CLOSED of a link that we dropped is about to be told; false: the node knows already. */
bool pdk_server_link_dropped(struct pdk_simserver *s, uint32_t link);
/* A worker writes to its link; PDK_EIO: the link has gone. */
enum pdk_err pdk_server_stream(struct pdk_worker *w, struct pdk_slice bytes);
/* A worker is through with its link. */
void pdk_server_stream_end(struct pdk_simserver *s, const struct pdk_worker *w);
void pdk_server_socks_free(struct pdk_simserver *s);

/* ---- server_disk.c --------------------------------------------------------------------------- */
void pdk_server_disk_init(struct pdk_simserver *s);
/* The log thread begins. */
void pdk_server_log_start(struct pdk_simserver *s);
void pdk_server_disk_effect(struct pdk_simserver *s, const struct pdk_effect *e);
struct pdk_worker *pdk_server_worker(struct pdk_simserver *s, const char *name,
                                     void (*run)(struct pdk_worker *w));
/* Begins after a moment. */
void pdk_server_worker_start(struct pdk_worker *w);
void pdk_server_purge(struct pdk_simserver *s);
/* On a worker: time passes. */
void pdk_server_sleep(struct pdk_worker *w, int64_t us);
void pdk_server_workers_free(struct pdk_simserver *s);

#endif
