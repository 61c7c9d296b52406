/* What a simulated client asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/internal.h"
#include "sim/simclient_internal.h"

/* So many znodes at most, with what may still come (PDK_MODEL_NODES is more by what multis and the
 * fixed names can add meanwhile). */
#define ZNODES_MAX 80u

static const char *const paths[] = {"/a",   "/b",   "/c",     "/d",     "/a/x", "/a/y",
                                    "/b/x", "/b/y", "/a/x/p", "/a/x/q", "/c/x", "/c/y"};

static uint64_t below(struct pdk_simclient *c, uint64_t bound)
{
    return pdk_world_below(c->world, bound);
}

static void copy_path(char to[PDK_MODEL_PATH], const char *from)
{
    PDK_ASSERT(strlen(from) < PDK_MODEL_PATH);
    memcpy(to, from, strlen(from) + 1);
}

/* A fixed name, or one that is there now. */
static const char *some_path(struct pdk_simclient *c)
{
    const struct pdk_model_state *s = c->oracle->now;
    if (below(c, 2) == 0 || s->count <= 2) return paths[below(c, PDK_COUNT_OF(paths))];
    return s->nodes[2 + below(c, s->count - 2)].path;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool can_ask(const struct pdk_simclient *c)
{
    return c->client != NULL && !c->closing && pdk_client_state(c->client) <= PDK_CLIENT_CONNECTED;
}

static struct pdk_call *begin(struct pdk_simclient *c, int32_t op)
{
    PDK_ASSERT(c->client->next_xid == (int32_t)c->asker->call_count + 1);
    struct pdk_call *call = pdk_oracle_call(c->oracle, c->asker);
    call->op = op;
    return call;
}

static struct pdk_call *end(struct pdk_simclient *c, struct pdk_call *call, enum pdk_err err)
{
    PDK_ASSERT(err == PDK_OK);
    PDK_ASSERT(c->client->next_xid == (int32_t)c->asker->call_count + 1);
    c->oracle->sequential += call->sequential;
    pdk_simclient_pump(c);
    return call;
}

static uint64_t tag_of(const struct pdk_call *call) { return (uint64_t)(uintptr_t)call; }

static struct pdk_call *ask_read(struct pdk_simclient *c, int32_t op, const char *path, bool watch)
{
    struct pdk_call *call = begin(c, op);
    copy_path(call->path, path);
    call->watch = watch;
    enum pdk_client_watch w = watch ? PDK_CLIENT_WATCH : PDK_CLIENT_NO_WATCH;
    struct pdk_slice p = pdk_slice_str(call->path);
    enum pdk_err err = op == PDK_OP_GET_DATA ? pdk_client_get_data(c->client, p, w, tag_of(call))
                       : op == PDK_OP_EXISTS
                           ? pdk_client_exists(c->client, p, w, tag_of(call))
                           : pdk_client_get_children2(c->client, p, w, tag_of(call));
    return end(c, call, err);
}

static struct pdk_call *ask_sync(struct pdk_simclient *c)
{
    struct pdk_call *call = begin(c, PDK_OP_SYNC);
    pdk_buf_clear(&c->record);
    pdk_put_bytes(&c->record, pdk_slice_str("/"));
    return end(c, call,
               pdk_client_raw(c->client, PDK_OP_SYNC, pdk_buf_slice(&c->record), tag_of(call)));
}

static enum pdk_err ask_single(struct pdk_simclient *c, struct pdk_call *call)
{
    const struct pdk_model_op *op = &call->ops[0];
    struct pdk_slice path = pdk_slice_str(op->path), data = pdk_slice_of(op->data, op->data_len);
    copy_path(call->path, op->path);
    switch (call->op) {
    case PDK_OP_DELETE: return pdk_client_delete(c->client, path, op->version, tag_of(call));
    case PDK_OP_SET_DATA:
        return pdk_client_set_data(c->client, path, data, op->version, tag_of(call));
    default: {
        bool container = call->op == PDK_OP_CREATE_CONTAINER;
        struct pdk_client_znode z = {.path = path,
                                     .data = data,
                                     .flags = container ? PDK_CREATE_CONTAINER : op->flags,
                                     .want_stat = call->op == PDK_OP_CREATE2};
        return pdk_client_create_znode(c->client, &z, tag_of(call));
    }
    }
}

static void put_op(struct pdk_buf *b, const struct pdk_model_op *op)
{
    pdk_put_multi_header(b, &(struct pdk_multi_header){.type = op->op, .err = -1});
    pdk_put_bytes(b, pdk_slice_str(op->path));
    if (op->op == PDK_OP_CREATE || op->op == PDK_OP_SET_DATA)
        pdk_put_bytes(b, pdk_slice_of(op->data, op->data_len));
    if (op->op == PDK_OP_CREATE) {
        pdk_put_i32(b, 1);
        pdk_put_acl(b, &(struct pdk_acl){.perms = 31,
                                         .id = {pdk_slice_str("world"), pdk_slice_str("anyone")}});
    }
    pdk_put_i32(b, op->op == PDK_OP_CREATE ? op->flags : op->version);
}

static struct pdk_call *ask_write(struct pdk_simclient *c, struct pdk_call *call)
{
    if (call->op != PDK_OP_MULTI) return end(c, call, ask_single(c, call));
    pdk_buf_clear(&c->record);
    for (size_t i = 0; i < call->op_count; i++) put_op(&c->record, &call->ops[i]);
    pdk_put_multi_header(&c->record,
                         &(struct pdk_multi_header){.type = -1, .done = true, .err = -1});
    return end(c, call,
               pdk_client_raw(c->client, PDK_OP_MULTI, pdk_buf_slice(&c->record), tag_of(call)));
}

/* ---- draws ----------------------------------------------------------------------------------- */

static void draw_op(struct pdk_simclient *c, struct pdk_model_op *op, bool in_multi)
{
    static const int32_t kinds[] = {PDK_OP_CREATE,   PDK_OP_CREATE,   PDK_OP_DELETE,
                                    PDK_OP_SET_DATA, PDK_OP_SET_DATA, PDK_OP_CHECK};
    *op = (struct pdk_model_op){.op = kinds[below(c, in_multi ? 6 : 5)],
                                .version = below(c, 3) > 0 ? -1 : (int32_t)below(c, 4),
                                .data_len = below(c, PDK_MODEL_DATA),
                                .flags = (int32_t)below(c, 4)};
    bool full = c->oracle->now->count + c->oracle->sequential > ZNODES_MAX;
    if (op->op == PDK_OP_CREATE && op->flags >= 2 && full) op->op = PDK_OP_DELETE;
    copy_path(op->path,
              op->op == PDK_OP_CREATE ? paths[below(c, PDK_COUNT_OF(paths))] : some_path(c));
    for (size_t i = 0; i < op->data_len; i++) op->data[i] = (uint8_t)below(c, 256);
}

static void draw_write(struct pdk_simclient *c)
{
    bool multi = below(c, 5) == 0;
    struct pdk_call *call = begin(c, PDK_OP_MULTI);
    call->op_count = multi ? below(c, PDK_CALL_OPS + 1) : 1;
    for (size_t i = 0; i < call->op_count; i++) {
        draw_op(c, &call->ops[i], multi);
        call->sequential += call->ops[i].op == PDK_OP_CREATE && call->ops[i].flags >= 2;
    }
    if (!multi) {
        struct pdk_model_op *op = &call->ops[0];
        call->op = op->op;
        uint64_t kind = below(c, 6);
        if (op->op == PDK_OP_CREATE && kind == 0) call->op = PDK_OP_CREATE2;
        if (op->op == PDK_OP_CREATE && kind == 1 && op->flags < 2) {
            op->flags = 0;
            call->op = op->op = PDK_OP_CREATE_CONTAINER;
        }
    }
    (void)ask_write(c, call);
}

static void draw_read(struct pdk_simclient *c)
{
    static const int32_t ops[] = {PDK_OP_GET_DATA, PDK_OP_EXISTS, PDK_OP_GET_CHILDREN2};
    bool watch =
        below(c, 2) == 0 && pdk_witness_room(&c->witness) > 2 * pdk_client_pending(c->client) + 2;
    (void)ask_read(c, ops[below(c, PDK_COUNT_OF(ops))], some_path(c), watch);
}

static void draw(struct pdk_simclient *c)
{
    uint64_t kind = below(c, 40);
    if (kind < 20) {
        draw_write(c);
    } else if (kind < 33) {
        draw_read(c);
    } else if (kind < 39 || pdk_client_state(c->client) != PDK_CLIENT_CONNECTED) {
        (void)ask_sync(c);
        if (can_ask(c)) draw_read(c);
    } else if (below(c, 3) == 0) {
        (void)pdk_simclient_close(c);
    }
}

static void work(void *ctx, uint64_t unused_a, uint64_t unused_b)
{
    (void)unused_a, (void)unused_b;
    struct pdk_simclient *c = ctx;
    if (c->hushed) return;
    if (can_ask(c) && pdk_client_pending(c->client) < c->config.swarm->depth) draw(c);
    pdk_simclient_work(c);
}

void pdk_simclient_work(struct pdk_simclient *c)
{
    int64_t pause = pdk_world_between(c->world, 1, c->config.swarm->think_max_us);
    pdk_world_in(c->world, pause, work, c, 0, 0);
}

/* ---- scripted use ---------------------------------------------------------------------------- */

struct pdk_call *pdk_simclient_close(struct pdk_simclient *c)
{
    if (!can_ask(c) || pdk_client_state(c->client) != PDK_CLIENT_CONNECTED) return NULL;
    struct pdk_call *call = begin(c, PDK_OP_CLOSE_SESSION);
    c->closing = true;
    return end(c, call, pdk_client_close(c->client, tag_of(call)));
}

static void set_data(struct pdk_model_op *op, const char *data)
{
    op->data_len = strlen(data);
    PDK_ASSERT(op->data_len <= PDK_MODEL_DATA);
    memcpy(op->data, data, op->data_len);
}

struct pdk_call *pdk_simclient_create_node(struct pdk_simclient *c, const char *path,
                                           const char *data, int32_t flags)
{
    if (!can_ask(c)) return NULL;
    struct pdk_call *call = begin(c, PDK_OP_CREATE);
    call->op_count = 1;
    call->ops[0] = (struct pdk_model_op){.op = PDK_OP_CREATE, .flags = flags};
    call->sequential = flags >= 2;
    copy_path(call->ops[0].path, path);
    set_data(&call->ops[0], data);
    return ask_write(c, call);
}

struct pdk_call *pdk_simclient_set(struct pdk_simclient *c, const char *path, const char *data)
{
    if (!can_ask(c)) return NULL;
    struct pdk_call *call = begin(c, PDK_OP_SET_DATA);
    call->op_count = 1;
    call->ops[0] = (struct pdk_model_op){.op = PDK_OP_SET_DATA, .version = -1};
    copy_path(call->ops[0].path, path);
    set_data(&call->ops[0], data);
    return ask_write(c, call);
}

struct pdk_call *pdk_simclient_get(struct pdk_simclient *c, const char *path, bool watch)
{
    return can_ask(c) ? ask_read(c, PDK_OP_GET_DATA, path, watch) : NULL;
}

struct pdk_call *pdk_simclient_sync(struct pdk_simclient *c)
{
    return can_ask(c) ? ask_sync(c) : NULL;
}

/* ---- is anybody there? ----------------------------------------------------------------------- */

void pdk_simclient_forget_probe(struct pdk_simclient *c) { memset(c->probe, 0, sizeof c->probe); }

/* Under way: asked, and neither answered nor lost. */
static bool is_open(const struct pdk_call *call)
{
    return call != NULL && !call->answered && !call->lost;
}

void pdk_simclient_probe_again(struct pdk_simclient *c)
{
    if (!can_ask(c) || pdk_client_state(c->client) != PDK_CLIENT_CONNECTED) return;
    bool same = c->probe_life == c->life;
    if (same && (is_open(c->probe[0]) || is_open(c->probe[1]) || is_open(c->probe[2]))) return;
    c->probe_life = c->life;
    c->probe[0] = pdk_simclient_set(c, "/probe", "x");
    c->probe[1] = pdk_simclient_sync(c);
    c->probe[2] = can_ask(c) ? ask_read(c, PDK_OP_GET_CHILDREN2, "/", false) : NULL;
}

bool pdk_simclient_probed(const struct pdk_simclient *c)
{
    for (int i = 0; i < 3; i++) {
        if (c->probe[i] == NULL || !c->probe[i]->answered || c->probe[i]->local) return false;
    }
    return true;
}
