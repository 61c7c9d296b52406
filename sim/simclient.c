#include "sim/simclient.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/internal.h"
#include "proto/code.h"
#include "proto/frame.h"
#include "sim/server.h"
#include "sim/simclient_internal.h"

/* ---- the client core's needs ----------------------------------------------------------------- */

static int64_t now_ms(const struct pdk_simclient *c) { return c->world->now_us / 1000; }

static void tick(void *ctx, uint64_t life, uint64_t at_us);
static void pump(struct pdk_simclient *c);

static void plan_tick(struct pdk_simclient *c)
{
    int64_t deadline = pdk_client_deadline(c->client);
    if (deadline == INT64_MAX) return;
    int64_t at = deadline * 1000 + 500;
    if (at <= c->world->now_us) at = c->world->now_us + 500;
    if (c->tick_us <= at && c->tick_us > c->world->now_us) return;
    c->tick_us = at;
    pdk_world_at(c->world, at, tick, c, c->life, (uint64_t)at);
}

static void tick(void *ctx, uint64_t life, uint64_t at_us)
{
    struct pdk_simclient *c = ctx;
    if (c->life != life || c->client == NULL || c->tick_us != (int64_t)at_us) return;
    c->tick_us = INT64_MAX;
    pdk_client_tick(c->client, now_ms(c));
    pump(c);
}

/* Which requests leave now, on which connection. */
static void sniff_output(struct pdk_simclient *c, struct pdk_slice out)
{
    struct pdk_slice body;
    size_t used = 0;
    while (out.len > 0) {
        enum pdk_frame_result found = pdk_frame_split(out.bytes, out.len, INT32_MAX, &body, &used);
        PDK_ASSERT(found == PDK_FRAME_WHOLE);
        out.bytes += used;
        out.len -= used;
        if (!c->said_connect) {
            c->said_connect = true;
            continue;
        }
        struct pdk_request_header header;
        struct pdk_reader r = pdk_reader_of(body);
        pdk_read_request_header(&r, &header);
        struct pdk_call *call = pdk_asker_call(c->asker, header.xid);
        if (call != NULL) pdk_oracle_sent(c->oracle, call, c->connection);
    }
}

static void send_output(struct pdk_simclient *c)
{
    struct pdk_slice out = pdk_client_output(c->client);
    if (out.len == 0 || c->end == PDK_END_NONE) return;
    sniff_output(c, out);
    pdk_net_send(c->net, c->end, out);
    pdk_client_sent(c->client, now_ms(c), out.len);
}

static void close_end(struct pdk_simclient *c)
{
    if (c->end == PDK_END_NONE) return;
    pdk_net_close(c->net, c->end);
    c->end = PDK_END_NONE;
    pdk_buf_clear(&c->in);
}

static void connect_to(struct pdk_simclient *c, uint32_t host)
{
    close_end(c);
    c->server = host + 1;
    c->connection++;
    c->said_connect = false;
    c->end =
        pdk_net_dial(c->net, c->config.host, c->server, PDK_SIM_CLIENT_PORT, 60 * PDK_SIM_SECOND);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void begin_session(void *ctx, uint64_t life, uint64_t unused)
{
    (void)unused;
    struct pdk_simclient *c = ctx;
    if (c->life != life || c->client != NULL) return;
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.seed = (struct pdk_hash_seed){.k0 = c->config.host, .k1 = c->life};
    config.prng_seed = pdk_world_below(c->world, UINT64_MAX);
    config.host_count = c->config.servers;
    config.session_timeout_ms = c->config.swarm->session_ms;
    config.retry_pause_ms = 50;
    config.round_pause_ms = 50;
    c->client = pdk_client_create(&config);
    PDK_ASSERT(c->client != NULL);
    c->asker = pdk_oracle_asker(c->oracle);
    pdk_witness_init(&c->witness, c->config.judge, c->oracle, c->asker, c->name);
    c->tick_us = INT64_MAX;
    pdk_client_start(c->client, now_ms(c));
    pump(c);
}

static void end_session(struct pdk_simclient *c)
{
    close_end(c);
    c->events_before += c->witness.events;
    c->witness.events = 0;
    pdk_client_destroy(c->client);
    c->client = NULL;
    c->life++;
    c->closing = c->over = c->was_connected = false;
    int64_t pause = pdk_world_between(c->world, 0, 200 * PDK_SIM_MS);
    pdk_world_in(c->world, pause, begin_session, c, c->life, 0);
}

void pdk_simclient_vanish(struct pdk_simclient *c)
{
    if (c->client == NULL) return;
    pdk_world_trace(c->world, "%s vanishes, session 0x%" PRIx64, c->name,
                    (uint64_t)c->asker->session);
    end_session(c);
}

/* ---- what the core tells --------------------------------------------------------------------- */

static void on_state(struct pdk_simclient *c, enum pdk_client_state state)
{
    if (state == PDK_CLIENT_CONNECTED) {
        c->asker->session = pdk_client_session(c->client);
        const struct pdk_session_fate *fate = pdk_oracle_fate(c->oracle, c->asker->session);
        if (fate == NULL)
            pdk_world_fail(c->world, "%s: session 0x%" PRIx64 " stands, but is not committed",
                           c->name, (uint64_t)c->asker->session);
        bool sets_watches = c->client->set_watches_pending > 0;
        pdk_witness_connected(&c->witness, sets_watches, pdk_client_last_zxid(c->client));
        c->was_connected = true;
    } else if (c->was_connected) {
        pdk_witness_lost(&c->witness);
        c->was_connected = false;
    }
    c->over |= state == PDK_CLIENT_CLOSED || state == PDK_CLIENT_EXPIRED ||
               state == PDK_CLIENT_AUTH_FAILED;
    pdk_world_trace(c->world, "%s state %d, session 0x%" PRIx64 " server %u", c->name, (int)state,
                    (uint64_t)pdk_client_session(c->client), c->server);
}

static void on_event(struct pdk_simclient *c, const struct pdk_client_effect *e)
{
    pdk_witness_event(&c->witness, e->zxid, e->event, e->bytes);
}

static bool made_up(int32_t code)
{
    return code == PDK_CODE_CONNECTION_LOSS || code == PDK_CODE_SESSION_EXPIRED ||
           code == PDK_CODE_AUTH_FAILED;
}

static void note_watch(struct pdk_simclient *c, const struct pdk_call *call, int32_t code)
{
    if (!call->watch) return;
    if (code == PDK_CODE_OK)
        pdk_witness_watch(&c->witness,
                          call->op == PDK_OP_GET_CHILDREN2 ? PDK_WITNESS_CHILD : PDK_WITNESS_DATA,
                          call->path);
    else if (code == PDK_CODE_NO_NODE && call->op == PDK_OP_EXISTS)
        pdk_witness_watch(&c->witness, PDK_WITNESS_EXIST, call->path);
}

static void check_synced(struct pdk_simclient *c, const struct pdk_call *call, pdk_zxid zxid)
{
    if (call->op == PDK_OP_SYNC) {
        c->oracle->counts.syncs++;
        if (call->floor > c->witness.synced) c->witness.synced = call->floor;
    }
    if (zxid < c->witness.synced)
        pdk_world_fail(c->world,
                       "%s: %s shows 0x%" PRIx64 " behind a sync, before which 0x%" PRIx64
                       " had been answered",
                       c->name, pdk_op_name(call->op), (uint64_t)zxid, (uint64_t)c->witness.synced);
}

static void on_reply(struct pdk_simclient *c, const struct pdk_client_effect *e)
{
    struct pdk_call *call = (struct pdk_call *)(uintptr_t)e->tag;
    pdk_world_trace(c->world, "%s %s %s: %s 0x%" PRIx64, c->name, pdk_op_name(e->op), call->path,
                    pdk_code_name(e->code), (uint64_t)e->zxid);
    if (e->zxid == 0 && made_up(e->code)) {
        pdk_oracle_lost(c->oracle, call);
        return;
    }
    if (pdk_op_is_write(call->op)) {
        if (call->op == PDK_OP_CLOSE_SESSION) {
            call->answered = true;
            if (call->committed == NULL && e->code == PDK_CODE_OK)
                pdk_world_fail(c->world, "%s: its session has ended, uncommitted", c->name);
            return;
        }
        pdk_oracle_write_reply(c->oracle, c->asker, call, e->code, e->zxid, e->bytes);
        return;
    }
    call->answered = true;
    check_synced(c, call, e->zxid);
    if (call->op == PDK_OP_SYNC) return;
    const struct pdk_hist *at = pdk_judge_committed_at(c->config.judge, e->zxid);
    pdk_oracle_read_reply(c->oracle, c->asker, call, e->code, at, e->bytes);
    note_watch(c, call, e->code);
}

static void take_effects(struct pdk_simclient *c)
{
    size_t count = 0;
    const struct pdk_client_effect *effects = pdk_client_effects(c->client, &count);
    for (size_t i = 0; i < count && !c->world->failed; i++) {
        const struct pdk_client_effect *e = &effects[i];
        switch (e->kind) {
        case PDK_CLIENT_OUT_CONNECT: connect_to(c, e->host); break;
        case PDK_CLIENT_OUT_DISCONNECT: close_end(c); break;
        case PDK_CLIENT_OUT_STATE: on_state(c, e->state); break;
        case PDK_CLIENT_OUT_REPLY: on_reply(c, e); break;
        case PDK_CLIENT_OUT_EVENT: on_event(c, e); break;
        }
    }
    pdk_client_effects_clear(c->client);
}

static void pump(struct pdk_simclient *c)
{
    take_effects(c);
    if (c->world->failed) return;
    send_output(c);
    if (c->over)
        end_session(c);
    else
        plan_tick(c);
}

void pdk_simclient_pump(struct pdk_simclient *c) { pump(c); }

/* ---- the network ----------------------------------------------------------------------------- */

/* What the witness must know before the core hands over what is in the frame. */
static void look_at_frame(struct pdk_simclient *c, struct pdk_slice body)
{
    if (pdk_client_state(c->client) != PDK_CLIENT_CONNECTED &&
        pdk_client_state(c->client) != PDK_CLIENT_CLOSING)
        return;
    struct pdk_reply_header header;
    struct pdk_reader r = pdk_reader_of(body);
    pdk_read_reply_header(&r, &header);
    if (header.xid == PDK_XID_NOTIFICATION || header.xid == PDK_XID_AUTH || header.zxid <= 0)
        return;
    if (header.xid == PDK_XID_SET_WATCHES)
        pdk_witness_caught_up(&c->witness, header.zxid);
    else
        pdk_witness_reply(&c->witness, header.zxid);
}

/* One frame after the other, so that the witness is not overtaken; cut somewhere. */
static void feed(struct pdk_simclient *c)
{
    while (c->client != NULL && !c->world->failed) {
        struct pdk_slice body;
        size_t used = 0;
        enum pdk_frame_result found =
            pdk_frame_split(c->in.bytes, c->in.len, INT32_MAX, &body, &used);
        if (found == PDK_FRAME_MORE) return;
        PDK_ASSERT(found == PDK_FRAME_WHOLE);
        look_at_frame(c, body);
        if (c->world->failed) return;
        uint8_t *copy = malloc(used);
        PDK_ASSERT(copy != NULL);
        memcpy(copy, c->in.bytes, used);
        memmove(c->in.bytes, c->in.bytes + used, c->in.len - used);
        c->in.len -= used;
        size_t cut = (size_t)pdk_world_below(c->world, used + 1);
        pdk_client_received(c->client, now_ms(c), pdk_slice_of(copy, cut));
        take_effects(c);
        pdk_client_received(c->client, now_ms(c), pdk_slice_of(copy + cut, used - cut));
        pump(c);
        free(copy);
    }
}

static void on_accepted(void *ctx, int port, uint32_t from, pdk_end end)
{
    (void)ctx, (void)port, (void)from, (void)end;
    PDK_UNREACHABLE();
}

static void on_dialled(void *ctx, pdk_end end, bool connected)
{
    struct pdk_simclient *c = ctx;
    if (c->end != end || c->client == NULL) return;
    if (!connected) c->end = PDK_END_NONE;
    if (connected)
        pdk_client_opened(c->client, now_ms(c));
    else
        pdk_client_lost(c->client, now_ms(c));
    pump(c);
}

static void on_readable(void *ctx, pdk_end end)
{
    struct pdk_simclient *c = ctx;
    if (c->end != end || c->client == NULL) return;
    struct pdk_slice unread = pdk_net_unread(c->net, end);
    pdk_put_raw(&c->in, unread.bytes, unread.len);
    pdk_net_take(c->net, end, unread.len);
    feed(c);
}

static void on_drained(void *ctx, pdk_end end) { (void)ctx, (void)end; }

static void on_closed(void *ctx, pdk_end end)
{
    struct pdk_simclient *c = ctx;
    if (c->end != end || c->client == NULL) return;
    close_end(c);
    pdk_client_lost(c->client, now_ms(c));
    pump(c);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct pdk_simclient *pdk_simclient_create(const struct pdk_simclient_config *config)
{
    struct pdk_simclient *c = calloc(1, sizeof *c);
    PDK_ASSERT(c != NULL);
    c->config = *config;
    c->world = config->world;
    c->net = config->net;
    c->oracle = config->oracle;
    c->end = PDK_END_NONE;
    (void)snprintf(c->name, sizeof c->name, "c%u", config->host);
    pdk_buf_init(&c->in, pdk_mem_heap(), SIZE_MAX);
    pdk_buf_init(&c->record, pdk_mem_heap(), SIZE_MAX);
    struct pdk_net_handler handler = {.ctx = c,
                                      .accepted = on_accepted,
                                      .dialled = on_dialled,
                                      .readable = on_readable,
                                      .drained = on_drained,
                                      .closed = on_closed};
    pdk_net_host_up(c->net, config->host, &handler);
    return c;
}

void pdk_simclient_destroy(struct pdk_simclient *c)
{
    if (c == NULL) return;
    pdk_client_destroy(c->client);
    pdk_buf_deinit(&c->in);
    pdk_buf_deinit(&c->record);
    free(c);
}

void pdk_simclient_start(struct pdk_simclient *c)
{
    begin_session(c, c->life, 0);
    pdk_simclient_work(c);
}

void pdk_simclient_hush(struct pdk_simclient *c) { c->hushed = true; }

enum pdk_client_state pdk_simclient_state(const struct pdk_simclient *c)
{
    return c->client != NULL ? pdk_client_state(c->client) : PDK_CLIENT_CLOSED;
}

uint64_t pdk_simclient_events(const struct pdk_simclient *c)
{
    return c->events_before + c->witness.events;
}

uint32_t pdk_simclient_server(const struct pdk_simclient *c)
{
    return c->client != NULL && pdk_client_state(c->client) == PDK_CLIENT_CONNECTED ? c->server : 0;
}
