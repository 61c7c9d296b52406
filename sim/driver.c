#include "sim/driver.h"

#include <string.h>

#include "proto/frame.h"

struct pdk_node_config pdk_sim_config(uint64_t seed)
{
    return (struct pdk_node_config){
        .mem = pdk_mem_heap(),
        .seed = {.k0 = seed, .k1 = ~seed},
        .prng_seed = seed,
        .server_id = 1,
        .tick_ms = 2000,
        .session_min_ms = 4000,
        .session_max_ms = 40000,
        .frame_limit_bytes = PDK_FRAME_LIMIT_DEFAULT,
        .extended_types = true,
        .digest_enabled = true,
        .close_session_txn = true,
        .acl = {.digest_enabled = true, .digest_algorithm = pdk_slice_str("SHA1")},
        .outstanding_limit = 1000,
        .in_flight_bytes = (size_t)8 << 20,
        .conn_queue_bytes = (size_t)8 << 20,
        .watch_limit = 1000000,
        .session_limit = 1000000,
        .snap_count = 100000,
        .container_check_ms = 60000,
        .container_per_minute = 10000,
        .container_never_used_ms = 0,
    };
}

static void deliver(struct pdk_sim_driver *d, uint32_t conn, struct pdk_slice bytes)
{
    PDK_ASSERT(conn < PDK_SIM_CONNS);
    pdk_put_raw(&d->conns[conn].in, bytes.bytes, bytes.len);
}

static void carry_out(struct pdk_sim_driver *d, const struct pdk_effect *e)
{
    switch (e->kind) {
    case PDK_OUT_SEND: deliver(d, e->conn, e->bytes); return;
    case PDK_OUT_SEND_MANY:
        for (uint32_t i = 0; i < e->conn_count; i++) deliver(d, e->conns[i], e->bytes);
        return;
    case PDK_OUT_CLOSE:
        d->conns[e->conn].open = false;
        d->conns[e->conn].closed_by_node = true;
        return;
    case PDK_OUT_PAUSE: d->conns[e->conn].paused = true; return;
    case PDK_OUT_RESUME: d->conns[e->conn].paused = false; return;
    case PDK_OUT_APPEND:
        PDK_ASSERT(e->piece.first == d->appended + 1);
        d->appended = e->piece.last;
        pdk_put_raw(&d->log, e->piece.bytes, e->piece.len);
        return;
    case PDK_OUT_ROLL: d->rolls++; return;
    case PDK_OUT_SNAPSHOT:
        PDK_ASSERT(d->job == NULL);
        d->job = e->job;
        d->snapshots++;
        return;
    case PDK_OUT_LOG:
        pdk_put_raw(&d->lines, e->bytes.bytes, e->bytes.len);
        pdk_put_u8(&d->lines, '\n');
        return;
    default: PDK_UNREACHABLE(); /* an ensemble's: sim/ensemble.h */
    }
}

static void take_effects(struct pdk_sim_driver *d)
{
    size_t count = 0;
    const struct pdk_effect *effects = pdk_node_effects(d->node, &count);
    for (size_t i = 0; i < count; i++) carry_out(d, &effects[i]);
    pdk_node_effects_clear(d->node);
}

static void step(struct pdk_sim_driver *d, const struct pdk_input *input)
{
    pdk_node_step(d->node, &d->now, input);
    take_effects(d);
}

/* Frames that waited for a resume go in; each may pause the connection again. */
static void release_held(struct pdk_sim_driver *d)
{
    for (uint32_t i = 0; i < PDK_SIM_CONNS; i++) {
        struct pdk_sim_conn *c = &d->conns[i];
        while (c->open && !c->paused && c->held.len > 0) {
            struct pdk_slice body;
            size_t used = 0;
            enum pdk_frame_result whole =
                pdk_frame_split(c->held.bytes, c->held.len, INT32_MAX, &body, &used);
            PDK_ASSERT(whole == PDK_FRAME_WHOLE);
            step(d, &(struct pdk_input){.kind = PDK_IN_FRAME, .conn = i, .bytes = body});
            memmove(c->held.bytes, c->held.bytes + used, c->held.len - used);
            c->held.len -= used;
        }
    }
}

static void settle(struct pdk_sim_driver *d)
{
    release_held(d);
    while (d->auto_durable && d->durable < d->appended) {
        pdk_sim_durable_to(d, d->appended);
        release_held(d);
    }
}

void pdk_sim_start(struct pdk_sim_driver *d, const struct pdk_node_config *config)
{
    *d = (struct pdk_sim_driver){.now = {.mono_ms = 1000, .wall_ms = INT64_C(1795176704190)}};
    for (uint32_t i = 0; i < PDK_SIM_CONNS; i++) {
        pdk_buf_init(&d->conns[i].in, pdk_mem_heap(), SIZE_MAX);
        pdk_buf_init(&d->conns[i].held, pdk_mem_heap(), SIZE_MAX);
    }
    pdk_buf_init(&d->log, pdk_mem_heap(), SIZE_MAX);
    pdk_buf_init(&d->lines, pdk_mem_heap(), SIZE_MAX);
    d->node = pdk_node_create(config);
    PDK_ASSERT(d->node != NULL);
    struct pdk_diag diag;
    enum pdk_err err =
        pdk_node_start(d->node, &(struct pdk_recovery){.fresh = true}, &d->now, &diag);
    PDK_ASSERT(err == PDK_OK);
    take_effects(d);
    pdk_sim_snapshot_written(d, PDK_OK);
}

void pdk_sim_stop(struct pdk_sim_driver *d)
{
    if (d->job != NULL) pdk_sim_snapshot_written(d, PDK_EIO);
    pdk_node_destroy(d->node);
    for (uint32_t i = 0; i < PDK_SIM_CONNS; i++) {
        pdk_buf_deinit(&d->conns[i].in);
        pdk_buf_deinit(&d->conns[i].held);
    }
    pdk_buf_deinit(&d->log);
    pdk_buf_deinit(&d->lines);
}

void pdk_sim_open(struct pdk_sim_driver *d, uint32_t conn, const char *address)
{
    struct pdk_sim_conn *c = &d->conns[conn];
    PDK_ASSERT(!c->open);
    pdk_buf_clear(&c->in);
    pdk_buf_clear(&c->held);
    c->read_at = 0;
    c->open = true;
    c->closed_by_node = c->paused = false;
    step(d, &(struct pdk_input){
                .kind = PDK_IN_CONN_OPENED, .conn = conn, .address = pdk_slice_str(address)});
}

void pdk_sim_close(struct pdk_sim_driver *d, uint32_t conn)
{
    if (!d->conns[conn].open) return;
    d->conns[conn].open = false;
    step(d, &(struct pdk_input){.kind = PDK_IN_CONN_CLOSED, .conn = conn});
}

void pdk_sim_send(struct pdk_sim_driver *d, uint32_t conn, struct pdk_slice frame)
{
    struct pdk_sim_conn *c = &d->conns[conn];
    if (!c->open) return;
    if (c->paused || c->held.len > 0) {
        pdk_put_bytes(&c->held, frame);
        return;
    }
    /* A copy of exactly this size: reading past a frame's end must show. */
    uint8_t *copy = pdk_mem_must(pdk_mem_heap(), frame.len > 0 ? frame.len : 1);
    if (frame.len > 0) memcpy(copy, frame.bytes, frame.len);
    step(d, &(struct pdk_input){
                .kind = PDK_IN_FRAME, .conn = conn, .bytes = pdk_slice_of(copy, frame.len)});
    pdk_mem_free(pdk_mem_heap(), copy);
    settle(d);
}

void pdk_sim_durable_to(struct pdk_sim_driver *d, pdk_zxid zxid)
{
    PDK_ASSERT(zxid <= d->appended);
    d->durable = zxid;
    step(d, &(struct pdk_input){.kind = PDK_IN_LOG_DURABLE, .zxid = zxid});
    release_held(d);
}

void pdk_sim_durable(struct pdk_sim_driver *d)
{
    pdk_sim_durable_to(d, d->appended);
    settle(d);
}

void pdk_sim_space(struct pdk_sim_driver *d, bool room)
{
    step(d, &(struct pdk_input){.kind = PDK_IN_LOG_SPACE, .flag = room});
}

void pdk_sim_advance(struct pdk_sim_driver *d, int64_t ms)
{
    int64_t end = d->now.mono_ms + ms;
    for (;;) {
        int64_t due = pdk_node_deadline(d->node);
        if (due > end) break;
        int64_t wait = due > d->now.mono_ms ? due - d->now.mono_ms : 0;
        d->now.mono_ms += wait;
        d->now.wall_ms += wait;
        step(d, &(struct pdk_input){.kind = PDK_IN_TICK});
        settle(d);
        /* A deadline that waits for the disk would come again and again. */
        if (pdk_node_deadline(d->node) <= d->now.mono_ms && d->durable < d->appended) break;
    }
    d->now.wall_ms += end - d->now.mono_ms;
    d->now.mono_ms = end;
}

void pdk_sim_snapshot_written(struct pdk_sim_driver *d, enum pdk_err err)
{
    struct pdk_snapshot_job *job = d->job;
    if (job == NULL) return;
    d->job = NULL;
    step(d, &(struct pdk_input){
                .kind = PDK_IN_SNAPSHOT_DONE, .job = job, .err = err, .size_bytes = 1000});
}

void pdk_sim_input(struct pdk_sim_driver *d, const struct pdk_input *input)
{
    step(d, input);
    settle(d);
}

bool pdk_sim_read(struct pdk_sim_driver *d, uint32_t conn, struct pdk_slice *frame)
{
    struct pdk_sim_conn *c = &d->conns[conn];
    size_t used = 0;
    enum pdk_frame_result result =
        pdk_frame_split(c->in.bytes + c->read_at, c->in.len - c->read_at, INT32_MAX, frame, &used);
    if (result != PDK_FRAME_WHOLE) return false;
    c->read_at += used;
    return true;
}
