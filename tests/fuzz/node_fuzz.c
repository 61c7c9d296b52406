/* Sequences of inputs to a node: connections, requests whole and broken, a disk that lags or is
 * full, time.
 *
 * Input: a byte of switches, then operations: a byte each, with operands behind it.  At the end
 * all is made durable: then nobody may be left paused or unanswered, every structure is whole, and
 * a second node that replays the log has the same state. */
#include "base/reader.h"
#include "proto/opcode.h"
#include "proto/password.h"
#include "sim/frames.h"
#include "sim/replay.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNS 6u

static const char *const paths[] = {
    "/a",   "/b",         "/a/b",
    "/a/c", "/a/s-",      "/a/",
    "/b/x", "/",          "/a//b",
    "",     "/zookeeper", "/zookeeper/quota/a",
    "/q",   "/a/b/c",     "/zookeeper/quota/a/zookeeper_limits",
};
static const char *const texts[] = {"", "x", "count=2,bytes=9",
                                    "=;byteHardLimit=4;countHardLimit=3"};
static const int32_t ops[] = {1,  2,  3,  4,  5,  6,   7,   8,   9,   11,  12,  13,  14,  15, 16,
                              17, 18, 19, 21, 22, 101, 102, 103, 104, 105, 106, 107, -11, 99};

struct input {
    const uint8_t *at, *end;
};

static uint8_t take(struct input *in) { return in->at < in->end ? *in->at++ : 0; }

struct world {
    struct pdk_sim_driver d;
    struct pdk_buf b;
    struct input *in;
    int32_t xid;
};

static void put_path(struct world *w)
{
    pdk_put_bytes(&w->b, pdk_slice_str(paths[take(w->in) % PDK_COUNT_OF(paths)]));
}

static void put_acl(struct world *w, uint8_t how)
{
    static const char *const scheme[] = {"world", "auth", "ip", "digest"};
    static const char *const id[] = {"anyone", "", "127.0.0.1", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="};
    int32_t count = 1 + how / 64;
    pdk_put_i32(&w->b, count);
    for (int32_t i = 0; i < count; i++) {
        size_t k = (how + (size_t)i) % PDK_COUNT_OF(scheme);
        pdk_put_acl(&w->b, &(struct pdk_acl){.perms = i == 0 ? 31 : i,
                                             .id = {.scheme = pdk_slice_str(scheme[k]),
                                                    .id = pdk_slice_str(id[k])}});
    }
}

static void put_text(struct world *w)
{
    pdk_put_bytes(&w->b, pdk_slice_str(texts[take(w->in) % PDK_COUNT_OF(texts)]));
}

/* A record that its operation can read, mostly. */
static void put_record(struct world *w, int32_t op)
{
    uint8_t how = take(w->in);
    switch (op) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL:
        put_path(w);
        put_text(w);
        put_acl(w, how);
        pdk_put_i32(&w->b, how % 8);
        if (op == PDK_OP_CREATE_TTL) pdk_put_i64(&w->b, how * 40);
        return;
    case PDK_OP_SET_DATA:
        put_path(w);
        put_text(w);
        pdk_put_i32(&w->b, how % 4 - 1);
        return;
    case PDK_OP_SET_ACL:
        put_path(w);
        put_acl(w, how);
        pdk_put_i32(&w->b, how % 4 - 1);
        return;
    case PDK_OP_DELETE:
    case PDK_OP_CHECK:
    case PDK_OP_ADD_WATCH:
    case PDK_OP_CHECK_WATCHES:
    case PDK_OP_REMOVE_WATCHES:
        put_path(w);
        pdk_put_i32(&w->b, how % 6 - 1);
        return;
    case PDK_OP_SET_WATCHES:
    case PDK_OP_SET_WATCHES2:
        pdk_put_i64(&w->b, how);
        for (int list = 0; list < (op == PDK_OP_SET_WATCHES ? 3 : 5); list++) {
            pdk_put_i32(&w->b, how % 3);
            for (int i = 0; i < how % 3; i++) put_path(w);
        }
        return;
    default:
        put_path(w);
        pdk_put_bool(&w->b, how % 2 > 0);
        return;
    }
}

static void put_multi(struct world *w, bool reads)
{
    static const int32_t writes[] = {1, 2, 5, 13, 15, 19, 21, 7};
    uint8_t count = take(w->in) % 6;
    for (uint8_t i = 0; i < count; i++) {
        uint8_t which = take(w->in);
        int32_t op = reads ? (which % 2 > 0 ? 4 : 8) : writes[which % PDK_COUNT_OF(writes)];
        pdk_put_multi_header(&w->b, &(struct pdk_multi_header){.type = op, .err = -1});
        put_record(w, op);
    }
    pdk_put_multi_header(&w->b, &(struct pdk_multi_header){.type = -1, .done = true, .err = -1});
}

static void request(struct world *w, uint32_t conn)
{
    int32_t op = ops[take(w->in) % PDK_COUNT_OF(ops)];
    pdk_buf_clear(&w->b);
    pdk_put_request_header(&w->b, &(struct pdk_request_header){.xid = ++w->xid % 97, .type = op});
    if (op == PDK_OP_MULTI || op == PDK_OP_MULTI_READ)
        put_multi(w, op == PDK_OP_MULTI_READ);
    else
        put_record(w, op);
    pdk_sim_send(&w->d, conn, pdk_buf_slice(&w->b));
}

static void raw(struct world *w, uint32_t conn)
{
    size_t len = pdk_min_size(take(w->in), (size_t)(w->in->end - w->in->at));
    struct pdk_slice frame = pdk_slice_of(w->in->at, len);
    w->in->at += len;
    pdk_sim_send(&w->d, conn, frame);
}

/* A new session, or the one of another connection. */
static void connect(struct world *w, uint32_t conn)
{
    uint8_t how = take(w->in);
    pdk_session session = how % 3 > 0 ? 0 : pdk_node_session_of(w->d.node, how / 3 % CONNS);
    uint8_t password[PDK_PASSWORD_LEN] = {0};
    if (session != 0) pdk_password_of(session, password);
    if (how > 240) password[5] ^= 1;
    pdk_buf_clear(&w->b);
    pdk_put_connect_request(
        &w->b, &(struct pdk_connect_request){.time_out = how * 64,
                                             .session_id = session,
                                             .passwd = pdk_slice_of(password, sizeof password)});
    if (!w->d.conns[conn].open) pdk_sim_open(&w->d, conn, "127.0.0.1");
    pdk_sim_send(&w->d, conn, pdk_buf_slice(&w->b));
}

static void snapshot(struct world *w)
{
    if (w->d.job != NULL)
        pdk_sim_snapshot_written(&w->d, take(w->in) % 2 > 0 ? PDK_EIO : PDK_OK);
    else
        pdk_sim_input(&w->d, &(struct pdk_input){.kind = PDK_IN_SNAPSHOT_NOW});
}

static void oversize(struct world *w, uint32_t conn)
{
    const struct pdk_sim_conn *c = &w->d.conns[conn];
    if (!c->open || c->paused || c->held.len > 0) return;
    uint8_t header[8] = {0, 0, 0, 9, 0, 0, 0, take(w->in)};
    struct pdk_slice bytes = pdk_slice_of(header, take(w->in) % 9);
    pdk_sim_input(&w->d,
                  &(struct pdk_input){.kind = PDK_IN_OVERSIZE, .conn = conn, .bytes = bytes});
}

static void some_durable(struct world *w)
{
    pdk_zxid open = w->d.appended - w->d.durable;
    if (open > 0) pdk_sim_durable_to(&w->d, w->d.durable + 1 + take(w->in) % open);
}

static void act(struct world *w)
{
    uint8_t byte = take(w->in);
    uint32_t conn = byte / 16 % CONNS;
    switch (byte % 16) {
    case 0:
        if (!w->d.conns[conn].open) pdk_sim_open(&w->d, conn, "127.0.0.1");
        return;
    case 1: pdk_sim_close(&w->d, conn); return;
    case 2:
    case 3: connect(w, conn); return;
    case 4: raw(w, conn); return;
    case 5: pdk_sim_durable(&w->d); return;
    case 6: some_durable(w); return;
    case 7: pdk_sim_advance(&w->d, take(w->in) * 37); return;
    case 8: pdk_sim_space(&w->d, take(w->in) % 4 > 0); return;
    case 9: snapshot(w); return;
    case 10: oversize(w, conn); return;
    case 11:
        pdk_sim_send(&w->d, conn,
                     pdk_frame_auth(&w->b, "digest", take(w->in) % 2 > 0 ? "bob:pw" : "eve:pw"));
        return;
    default: request(w, conn); return;
    }
}

static struct pdk_node_config config_of(uint8_t switches)
{
    struct pdk_node_config config = pdk_sim_config(switches);
    config.container_check_ms = 1000;
    if ((switches & 1) != 0) config.outstanding_limit = 3;
    if ((switches & 2) != 0) config.in_flight_bytes = 200;
    if ((switches & 4) != 0) config.conn_queue_bytes = 300;
    if ((switches & 8) != 0) config.enforce_quota = true;
    if ((switches & 16) != 0) config.throttled_op_wait_ms = 500;
    if ((switches & 32) != 0) config.txn_limit_bytes = 160;
    if ((switches & 64) != 0) config.close_session_txn = false;
    if ((switches & 128) != 0) config.watch_limit = 2;
    return config;
}

static void check_end(struct world *w, const struct pdk_node_config *config)
{
    while (w->d.durable < w->d.appended) pdk_sim_durable(&w->d);
    if (!pdk_node_idle(w->d.node)) abort();
    struct pdk_node_summary sum;
    pdk_node_summary(w->d.node, &sum);
    if (sum.outstanding != 0) abort();
    for (uint32_t i = 0; i < CONNS; i++) {
        if (w->d.conns[i].open && w->d.conns[i].paused) abort();
    }
    pdk_tree_validate(pdk_node_tree(w->d.node));
    pdk_watch_validate(pdk_node_watch(w->d.node));
    pdk_sessions_validate(pdk_node_sessions(w->d.node));
    pdk_sim_check_replay(&w->d, config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .end = data + size};
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL) abort();
    w->in = &in;
    pdk_buf_init(&w->b, pdk_mem_heap(), SIZE_MAX);
    struct pdk_node_config config = config_of(take(&in));
    pdk_sim_start(&w->d, &config);
    while (in.at < in.end) act(w);
    check_end(w, &config);
    pdk_sim_stop(&w->d);
    pdk_buf_deinit(&w->b);
    free(w);
    return 0;
}
