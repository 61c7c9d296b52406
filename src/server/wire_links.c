/* Streams to other servers: the shell's news become inputs of the node, its effects calls of the
 * shell.  Only for a member of an ensemble. */
#include <inttypes.h>
#include <string.h>

#include "core/store/snapstream.h"
#include "core/store/walk.h"
#include "server/wire_internal.h"

#define STREAMS_MAX 4
#define PIECE_BYTES ((size_t)64 << 10)
/* Beyond what every member of the largest ensemble may have open at once. */
#define ACCEPTED_MAX (PDK_MEMBERS_MAX * 2)
/* Of a packet: what comes around its longest field. */
#define PACKET_SLACK_BYTES ((size_t)64 << 10)
/* A snapshot that comes faster than the disk takes it waits in the sockets. */
#define SPOOL_HIGH_BYTES ((size_t)32 << 20)
#define SPOOL_LOW_BYTES ((size_t)16 << 20)

/* ---- what helper threads read ---------------------------------------------------------------- */
static enum pdk_err stream_view(void *ctx, const struct pdk_snapshot_job *view,
                                pdk_stream_write write, void *write_ctx, struct pdk_diag *diag)
{
    const struct server *s = ctx;
    enum pdk_err err = pdk_snapstream_write(s->mem, view, PIECE_BYTES, write, write_ctx);
    if (err != PDK_OK) pdk_diag_set(diag, "the tree could not be streamed: %s", pdk_err_name(err));
    return err;
}

struct log_stream {
    struct pdk_buf packets;
    bool is_observer;
    pdk_stream_write write;
    void *write_ctx;
};

static enum pdk_err stream_txn(void *ctx, struct pdk_slice txn)
{
    struct log_stream *l = ctx;
    pdk_buf_clear(&l->packets);
    pdk_put_streamed_txn(&l->packets, txn, l->is_observer);
    if (l->packets.failed) return PDK_ENOMEM;
    return l->write(l->write_ctx, pdk_buf_slice(&l->packets));
}

static enum pdk_err stream_log(void *ctx, const struct pdk_stream_job *job, pdk_stream_write write,
                               void *write_ctx, struct pdk_diag *diag)
{
    const struct server *s = ctx;
    struct log_stream l = {.is_observer = job->is_observer, .write = write, .write_ctx = write_ctx};
    pdk_buf_init(&l.packets, s->mem, SIZE_MAX);
    enum pdk_err err =
        pdk_store_walk(&s->store_config, s->vfs, job->zxid, job->until, stream_txn, &l, diag);
    pdk_buf_deinit(&l.packets);
    return err;
}

static enum pdk_err find_place(void *ctx, const struct pdk_stream_job *job,
                               struct pdk_log_place *out, struct pdk_diag *diag)
{
    const struct server *s = ctx;
    return pdk_store_find(&s->store_config, s->vfs, job->zxid, job->until, out, diag);
}

/* ---- news ------------------------------------------------------------------------------------ */
static void on_accepted(void *ctx, uint32_t link, enum pdk_port port, struct pdk_slice address)
{
    pdk_server_input(
        ctx, &(struct pdk_input){
                 .kind = PDK_IN_LINK_ACCEPTED, .link = link, .port = port, .address = address});
}

static void on_dialled(void *ctx, uint32_t link, bool connected)
{
    pdk_server_input(
        ctx, &(struct pdk_input){.kind = PDK_IN_LINK_DIALLED, .link = link, .flag = connected});
}

static size_t on_bytes(void *ctx, uint32_t link, struct pdk_slice bytes)
{
    struct server *s = ctx;
    s->feeding = link;
    size_t taken = pdk_node_link_bytes(s->node, &s->now, link, bytes);
    pdk_server_carry_out(s);
    return taken;
}

static void on_closed(void *ctx, uint32_t link)
{
    pdk_server_input(ctx, &(struct pdk_input){.kind = PDK_IN_LINK_CLOSED, .link = link});
}

static void on_streaming(void *ctx, uint32_t link)
{
    pdk_server_input(ctx, &(struct pdk_input){.kind = PDK_IN_STREAMING, .link = link});
}

static void on_streamed(void *ctx, const struct pdk_stream_job *job,
                        const struct pdk_stream_end *end)
{
    bool find = job->kind == PDK_STREAM_FIND;
    const struct pdk_input input = {.kind = find ? PDK_IN_FOUND : PDK_IN_STREAMED,
                                    .link = job->link,
                                    .err = end->err,
                                    .job = job->view,
                                    .place = &end->place};
    struct server *s = ctx;
    if (find && end->err != PDK_OK && end->err != PDK_EBUSY)
        pdk_log_write(s->log, PDK_LOG_WARN, "sync.find_failed zxid=0x%" PRIx64 " why=\"%s\"",
                      (uint64_t)job->zxid, end->diag.text);
    pdk_server_input(s, &input);
}

static void on_deaf(void *ctx, enum pdk_port port, const struct pdk_diag *diag)
{
    struct server *s = ctx;
    pdk_log_write(s->log, PDK_LOG_ERROR,
                  "server.port_taken port=%s why=\"%s\" exit=%d: stop whoever holds it, or choose "
                  "another port in this server's line (server.%d=host:quorum:election)",
                  port == PDK_PORT_ELECTION ? "election" : "quorum", diag->text, PDK_EXIT_PEER_PORT,
                  (int)s->config->node.server_id);
    s->phase = PHASE_ENDED;
    s->exit_code = PDK_EXIT_PEER_PORT;
}

/* ---- effects --------------------------------------------------------------------------------- */
static void stream(struct server *s, const struct pdk_effect *e)
{
    const struct pdk_stream_job job = {
        .kind = e->kind == PDK_OUT_FIND          ? PDK_STREAM_FIND
                : e->kind == PDK_OUT_STREAM_VIEW ? PDK_STREAM_VIEW
                                                 : PDK_STREAM_LOG,
        .link = e->link,
        .view = e->job,
        .zxid = e->zxid,
        .until = e->until,
        .is_observer = e->flag,
    };
    pdk_links_stream(s->links, &job);
}

void pdk_server_link_effect(struct server *s, const struct pdk_effect *e)
{
    switch (e->kind) {
    case PDK_OUT_LISTEN: pdk_links_listen(s->links, e->port, e->flag); break;
    case PDK_OUT_LINK_DIAL:
        pdk_links_dial(s->links, e->link, e->addresses, e->address_count);
        break;
    case PDK_OUT_LINK_SEND:
        for (uint32_t i = 0; i < e->conn_count; i++)
            pdk_links_send(s->links, e->conns[i], e->bytes);
        break;
    case PDK_OUT_LINK_CLOSE: pdk_links_close(s->links, e->link); break;
    case PDK_OUT_FIND:
    case PDK_OUT_STREAM_VIEW:
    case PDK_OUT_STREAM_LOG: stream(s, e); break;
    default: PDK_UNREACHABLE();
    }
}

/* A config has come into force: is this server elsewhere now? */
static void move(struct server *s, const struct pdk_members *members)
{
    pdk_server_listen_where(s, members);
    const struct pdk_member *me = pdk_members_find(members, s->config->node.server_id);
    if (me != NULL) pdk_server_move_listener(s, &me->client);
}

void pdk_server_disk_effect(struct server *s, const struct pdk_effect *e)
{
    struct pdk_log_op op = {.zxid = e->zxid, .epoch = e->epoch, .flag = e->flag};
    switch (e->kind) {
    case PDK_OUT_STORE_EPOCH: op.kind = PDK_LOG_OP_STORE_EPOCH; break;
    case PDK_OUT_TRUNCATE: op.kind = PDK_LOG_OP_TRUNCATE; break;
    case PDK_OUT_SPOOL_BEGIN: op.kind = PDK_LOG_OP_SPOOL_BEGIN; break;
    case PDK_OUT_SPOOL_ADD: op.kind = PDK_LOG_OP_SPOOL_ADD; break;
    case PDK_OUT_SPOOL_INSTALL: op.kind = PDK_LOG_OP_SPOOL_INSTALL; break;
    case PDK_OUT_SPOOL_ABANDON: op.kind = PDK_LOG_OP_SPOOL_ABANDON; break;
    case PDK_OUT_STORE_CONFIG: op.kind = PDK_LOG_OP_STORE_CONFIG; break;
    default: PDK_UNREACHABLE();
    }
    if (op.kind == PDK_LOG_OP_STORE_CONFIG) {
        op.members = e->members;
        if (e->flag) move(s, e->members);
    }
    if (e->sink != NULL) op.sink = *e->sink;
    if (op.kind == PDK_LOG_OP_SPOOL_ADD) op.bytes = e->bytes;
    pdk_logthread_do(s->logthread, &op);
    if (op.kind == PDK_LOG_OP_SPOOL_ADD &&
        pdk_logthread_spooling(s->logthread) > SPOOL_HIGH_BYTES) {
        s->spool_source = s->feeding;
        s->spool_held = true;
        pdk_links_hold(s->links, s->spool_source, true);
    }
}

void pdk_server_spooled(struct server *s)
{
    if (!s->spool_held || pdk_logthread_spooling(s->logthread) > SPOOL_LOW_BYTES) return;
    s->spool_held = false;
    pdk_links_hold(s->links, s->spool_source, false);
}

/* ---- operations that the log thread has carried out ------------------------------------------ */
static void told_loaded(struct server *s, const struct pdk_log_op *op)
{
    const char *what = op->kind == PDK_LOG_OP_TRUNCATE ? "truncate" : "install";
    if (op->err == PDK_OK)
        pdk_log_write(s->log, PDK_LOG_INFO,
                      "sync.loaded by=%s zxid=0x%" PRIx64 " snapshot=0x%" PRIx64 " txns=%" PRIu64
                      " ms=%" PRId64,
                      what, (uint64_t)op->recovery.last_zxid, (uint64_t)op->recovery.snapshot_zxid,
                      op->recovery.txns, op->took_ms);
    else
        pdk_log_write(s->log, op->err == PDK_ENOENT ? PDK_LOG_INFO : PDK_LOG_ERROR,
                      "sync.load_failed by=%s err=\"%s\" why=\"%s\"", what, pdk_err_name(op->err),
                      op->diag.text);
    pdk_server_input(
        s, &(struct pdk_input){.kind = PDK_IN_LOADED, .err = op->err, .recovery = &op->recovery});
}

void pdk_server_operated(struct server *s, const struct pdk_log_op *op)
{
    switch (op->kind) {
    case PDK_LOG_OP_STORE_EPOCH:
        if (op->err == PDK_OK)
            pdk_server_input(s, &(struct pdk_input){
                                    .kind = PDK_IN_STORED, .epoch = op->epoch, .flag = op->flag});
        return; /* else the log thread has said why it ends */
    case PDK_LOG_OP_TRUNCATE:
    case PDK_LOG_OP_SPOOL_INSTALL: told_loaded(s, op); return;
    case PDK_LOG_OP_STORE_CONFIG:
        if (op->err != PDK_OK)
            pdk_log_write(s->log, PDK_LOG_ERROR,
                          "config.not_stored why=\"%s\": the members in force are kept in memory; "
                          "after a restart this server learns them from the others",
                          op->diag.text);
        return;
    case PDK_LOG_OP_SPOOL_BEGIN:
    case PDK_LOG_OP_SPOOL_ADD:
    case PDK_LOG_OP_SPOOL_ABANDON: return;
    }
    PDK_UNREACHABLE();
}

/* ---- a disk that is slow --------------------------------------------------------------------- */
void pdk_server_sync_took(struct server *s, int64_t ms)
{
    int64_t limit = s->config->slow_sync_ms;
    if (s->links == NULL || limit <= 0 || ms < limit) return;
    pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_SYNC_SLOW, .size_bytes = ms});
}

int64_t pdk_server_sync_deadline(const struct server *s)
{
    if (s->links == NULL || s->config->slow_sync_ms <= 0 || !pdk_logthread_busy(s->logthread))
        return INT64_MAX;
    return s->sync_looked_ms + s->config->slow_sync_ms / 2 + 1;
}

void pdk_server_watch_sync(struct server *s)
{
    if (s->now.mono_ms < pdk_server_sync_deadline(s)) return;
    s->sync_looked_ms = s->now.mono_ms;
    pdk_server_sync_took(s, pdk_logthread_syncing_ms(s->logthread));
}

/* ---- life ------------------------------------------------------------------------------------ */
void pdk_server_listen_where(struct server *s, const struct pdk_members *members)
{
    const struct pdk_member *me = pdk_members_find(members, s->config->node.server_id);
    if (me == NULL) return; /* removed: it stays where it was, as a learner without a vote */
    struct pdk_address election[PDK_ADDRESSES_MAX], quorum[PDK_ADDRESSES_MAX];
    struct pdk_address master[PDK_ADDRESSES_MAX];
    for (size_t i = 0; i < me->address_count; i++) {
        const char *host = s->config->quorum_listen_on_all ? "" : me->addresses[i].host;
        election[i] = (struct pdk_address){host, me->addresses[i].election_port};
        quorum[i] = (struct pdk_address){host, me->addresses[i].quorum_port};
        master[i] = (struct pdk_address){host, s->config->observer_master_port};
    }
    pdk_links_set_addresses(s->links, PDK_PORT_ELECTION, election, me->address_count);
    pdk_links_set_addresses(s->links, PDK_PORT_QUORUM, quorum, me->address_count);
    /* One port for all: on all addresses once, or on each host. */
    size_t count = s->config->quorum_listen_on_all ? 1 : me->address_count;
    if (s->config->observer_master_port == 0) count = 0;
    pdk_links_set_addresses(s->links, PDK_PORT_OBSERVER_MASTER, master, count);
}

bool pdk_server_open_links(struct server *s)
{
    const struct pdk_config *config = s->config;
    if (config->node.ensemble.members == NULL) return true;
    const struct pdk_stream_ops ops = {
        .ctx = s, .view = stream_view, .log = stream_log, .find = find_place};
    s->resolver = pdk_resolver_start(s->mem, NULL, NULL);
    s->streams = pdk_streams_start(s->mem, &ops, STREAMS_MAX);
    if (s->resolver == NULL || s->streams == NULL) return false;
    const struct pdk_links_config links = {
        .mem = s->mem,
        .log = s->log,
        .seed = {.k0 = pdk_prng_next(&s->prng), .k1 = pdk_prng_next(&s->prng)},
        .connect_timeout_ms = config->connect_timeout_ms,
        .keepalive = config->peer_keepalive,
        .unread_bytes = 2 * config->node.ensemble.packet_field_bytes + PACKET_SLACK_BYTES,
        .queue_bytes = config->link_queue_bytes,
        .bind_tries = config->election_bind_retry,
        .accepted_max = ACCEPTED_MAX,
    };
    s->link_handler = (struct pdk_link_handler){.ctx = s,
                                                .accepted = on_accepted,
                                                .dialled = on_dialled,
                                                .bytes = on_bytes,
                                                .closed = on_closed,
                                                .streaming = on_streaming,
                                                .streamed = on_streamed,
                                                .deaf = on_deaf};
    s->links = pdk_links_create(&links, s->loop, s->resolver, s->streams, &s->link_handler);
    if (s->links == NULL) return false;
    pdk_links_time(s->links, s->now.mono_ms);
    pdk_server_listen_where(s, config->node.ensemble.members);
    pdk_links_listen(s->links, PDK_PORT_ELECTION, true);
    return true;
}

void pdk_server_close_links(struct server *s)
{
    if (s->streams != NULL) pdk_streams_cancel_all(s->streams);
    pdk_links_destroy(s->links);
    s->links = NULL;
    pdk_streams_stop(s->streams);
    pdk_resolver_stop(s->resolver);
}
