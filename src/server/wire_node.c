#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/wire_internal.h"
#include "shell/oversize.h"

/* Replies that gather before the socket gets them: more would only fill memory and caches. */
#define BATCH_BYTES ((size_t)128 << 10)
#define BATCH_EFFECTS 64
#define OVERSIZE_LINES 50

/* ---- effects ------------------------------------------------------------------------------- */
static void log_line(const struct server *s, const struct pdk_effect *e)
{
    pdk_log_write(s->log, e->level, "%.*s", (int)pdk_min_size(e->bytes.len, 1024),
                  (const char *)e->bytes.bytes);
}

static void carry_out(struct server *s, const struct pdk_effect *e)
{
    switch (e->kind) {
    case PDK_OUT_SEND:
        s->metrics.response_bytes += e->bytes.len;
        pdk_conns_send(s->conns, e->conn, e->bytes);
        break;
    case PDK_OUT_SEND_MANY:
        for (uint32_t k = 0; k < e->conn_count; k++)
            pdk_conns_send(s->conns, e->conns[k], e->bytes);
        break;
    case PDK_OUT_CLOSE: pdk_conns_close(s->conns, e->conn); break;
    case PDK_OUT_PAUSE: pdk_conns_pause(s->conns, e->conn); break;
    case PDK_OUT_RESUME: pdk_conns_resume(s->conns, e->conn); break;
    case PDK_OUT_APPEND: pdk_logthread_append(s->logthread, &e->piece); break;
    case PDK_OUT_ROLL: pdk_logthread_roll(s->logthread); break;
    case PDK_OUT_SNAPSHOT: pdk_background_snapshot(s->background, e->job); break;
    case PDK_OUT_LOG: log_line(s, e); break;
    case PDK_OUT_LISTEN:
    case PDK_OUT_LINK_DIAL:
    case PDK_OUT_LINK_SEND:
    case PDK_OUT_LINK_CLOSE:
    case PDK_OUT_FIND:
    case PDK_OUT_STREAM_VIEW:
    case PDK_OUT_STREAM_LOG: pdk_server_link_effect(s, e); break;
    default: pdk_server_disk_effect(s, e); break;
    }
}

/* The end: nothing is done any more, but what the node has lent is given back. */
static void give_back(struct server *s)
{
    size_t count = 0;
    const struct pdk_effect *effects = pdk_node_effects(s->node, &count);
    s->effects_seen = 0;
    if (count == 0) return;
    struct pdk_input *inputs = pdk_mem_must(s->mem, count * sizeof *inputs);
    size_t input_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pdk_effect *e = &effects[i];
        bool is_snapshot = e->kind == PDK_OUT_SNAPSHOT;
        if (e->kind == PDK_OUT_STORE_CONFIG) pdk_members_drop(e->members);
        if (!is_snapshot && e->kind != PDK_OUT_STREAM_VIEW) continue;
        inputs[input_count++] = (struct pdk_input){
            .kind = is_snapshot ? PDK_IN_SNAPSHOT_DONE : PDK_IN_STREAMED,
            .link = e->link,
            .job = e->job,
            .err = PDK_EBUSY,
        };
    }
    pdk_node_effects_clear(s->node);
    for (size_t i = 0; i < input_count; i++) pdk_node_step(s->node, &s->now, &inputs[i]);
    pdk_mem_free(s->mem, inputs);
}

void pdk_server_carry_out(struct server *s)
{
    if (s->stopped) {
        give_back(s);
        return;
    }
    size_t count = 0;
    const struct pdk_effect *effects = pdk_node_effects(s->node, &count);
    s->effects_seen = 0;
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) carry_out(s, &effects[i]);
    pdk_conns_flush(s->conns);
    if (s->links != NULL) pdk_links_flush(s->links);
    pdk_node_effects_clear(s->node);
}

void pdk_server_settle(struct server *s)
{
    s->stopped = true;
    for (size_t count = 1; s->node != NULL && count > 0;) {
        give_back(s);
        (void)pdk_node_effects(s->node, &count);
    }
}

/* Some effects cannot wait for the end of a read's frames: a paused connection gets no more of
 * them, a closed one is unknown to the node. */
static void carry_out_if_urgent(struct server *s)
{
    size_t count = 0;
    const struct pdk_effect *effects = pdk_node_effects(s->node, &count);
    if (count == 0) return;
    bool urgent = count > BATCH_EFFECTS || effects[count - 1].bytes.len > BATCH_BYTES;
    for (size_t i = s->effects_seen; i < count; i++)
        urgent |= effects[i].kind == PDK_OUT_PAUSE || effects[i].kind == PDK_OUT_CLOSE;
    s->effects_seen = count;
    if (urgent) pdk_server_carry_out(s);
}

void pdk_server_input(struct server *s, const struct pdk_input *input)
{
    if (s->links != NULL) pdk_links_nudge(s->links);
    pdk_node_step(s->node, &s->now, input);
    pdk_server_carry_out(s);
}

/* ---- connections --------------------------------------------------------------------------- */
/* A ConnectRequest costs tokens: protocol version, zxid, timeout, then the session id. */
static bool on_admit(void *ctx, struct pdk_slice first)
{
    struct server *s = ctx;
    const struct pdk_connection_throttle *config = &s->config->throttle;
    struct pdk_reader r = pdk_reader_of(first);
    (void)pdk_reader_take(&r, 16);
    int64_t session = pdk_read_i64(&r);
    int64_t need = 1;
    if (config->weight_enabled) need = session == 0 ? config->global_weight : config->renew_weight;
    bool good = pdk_throttle_pass(&s->throttle, need, s->now.mono_ms, &s->prng);
    if (config->tokens > 0)
        pdk_summary_add(&s->metrics.connection_token_deficit,
                        (uint64_t)pdk_throttle_deficit(&s->throttle));
    uint64_t held_back = 0;
    if (!good && pdk_log_limit_pass(&s->throttle_limit, s->now.mono_ms, 1000, &held_back))
        pdk_log_write(s->log, PDK_LOG_WARN,
                      "conn.throttled held_back=%" PRIu64 ": more new sessions than "
                      "connection_throttle_tokens allow; clients try again",
                      held_back);
    return good;
}

static void on_opened(void *ctx, uint32_t conn, struct pdk_slice address)
{
    struct server *s = ctx;
    pdk_server_input(
        s, &(struct pdk_input){.kind = PDK_IN_CONN_OPENED, .conn = conn, .address = address});
}

static void on_frame(void *ctx, uint32_t conn, struct pdk_slice body)
{
    struct server *s = ctx;
    s->frame_input.conn = conn;
    s->frame_input.bytes = body;
    pdk_node_step(s->node, &s->now, &s->frame_input);
    carry_out_if_urgent(s);
}

static void on_ahead(void *ctx, const struct pdk_slice *frames, size_t count)
{
    _Static_assert(PDK_CONN_AHEAD_MAX <= PDK_NODE_AHEAD_MAX, "the node takes them all at once");
    pdk_node_ahead(((struct server *)ctx)->node, frames, count);
}

static void on_batch_end(void *ctx) { pdk_server_carry_out(ctx); }

static void on_closed(void *ctx, uint32_t conn)
{
    pdk_server_input(ctx, &(struct pdk_input){.kind = PDK_IN_CONN_CLOSED, .conn = conn});
}

static bool has_session(void *ctx, uint32_t conn)
{
    const struct server *s = ctx;
    return pdk_node_session_of(s->node, conn) != 0;
}

/* Each of these lines is what an operator looks for, but a client in a loop must not fill the disk:
 * so many lines a second, then a number. */
static bool may_log_oversize(struct server *s, uint64_t *held_back)
{
    struct pdk_log_limit *window = &s->oversize_limit;
    if (s->now.mono_ms >= window->next_ms) {
        window->next_ms = s->now.mono_ms + 1000;
        s->oversize_lines = 0;
    }
    if (s->oversize_lines++ >= OVERSIZE_LINES) {
        window->held_back++;
        return false;
    }
    *held_back = window->held_back;
    window->held_back = 0;
    return true;
}

static void on_too_long(void *ctx, const struct pdk_conn_oversize *what)
{
    struct server *s = ctx;
    if (!what->drained) s->metrics.large_requests_rejected++; /* the node counts what it answers */
    uint64_t held_back = 0;
    if (!may_log_oversize(s, &held_back)) return;
    if (what->conn == PDK_CONN_NONE) {
        pdk_log_write(s->log, PDK_LOG_WARN,
                      "conn.not_a_client remote=%s first_bytes_as_len=%" PRId32 " limit=%" PRId32
                      " held_back=%" PRIu64
                      ": closed; not a ZooKeeper client, or TLS on the plain port",
                      what->remote, what->len, s->config->node.frame_limit_bytes, held_back);
        return;
    }
    struct pdk_oversize_text text;
    pdk_oversize_describe(what->head, &text);
    pdk_log_write(s->log, PDK_LOG_WARN,
                  "request.too_long session=0x%" PRIx64 " remote=%s op=%s path=%s bytes=%" PRId32
                  " limit=%" PRId32 " action=%s held_back=%" PRIu64
                  ": jute.maxbuffer limits a request's bytes",
                  (uint64_t)pdk_node_session_of(s->node, what->conn), what->remote,
                  text.op[0] != '\0' ? text.op : "?", text.path[0] != '\0' ? text.path : "?",
                  what->len, s->config->node.frame_limit_bytes, what->drained ? "answer" : "close",
                  held_back);
}

static void on_oversized(void *ctx, uint32_t conn, struct pdk_slice head)
{
    struct server *s = ctx;
    pdk_node_step(s->node, &s->now,
                  &(struct pdk_input){.kind = PDK_IN_OVERSIZE, .conn = conn, .bytes = head});
    carry_out_if_urgent(s);
}

static void on_word(void *ctx, enum pdk_word word, struct pdk_slice argument, struct pdk_buf *text)
{
    pdk_server_answer_word(ctx, word, argument, text);
}

struct pdk_conn_handler pdk_server_handler(struct server *s)
{
    s->frame_input = (struct pdk_input){.kind = PDK_IN_FRAME};
    return (struct pdk_conn_handler){
        .ctx = s,
        .admit = on_admit,
        .opened = on_opened,
        .frame = on_frame,
        .ahead = on_ahead,
        .batch_end = on_batch_end,
        .closed = on_closed,
        .has_session = has_session,
        .too_long = on_too_long,
        .oversized = on_oversized,
        .word = on_word,
    };
}
