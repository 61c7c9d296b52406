#include "tools/load/pool.h"

#include "proto/code.h"
#include "proto/frame.h"
#include "proto/opcode.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a server that agrees to everything ------------------------------------------------------ */

#define PEER_CONNS 32

struct peer {
    int listener, stop[2];
    struct peer_conn *conns[PEER_CONNS];
    pthread_t thread;
    struct sockaddr_in at;
    uint64_t drop_after; /* requests of a connection, then it is cut; 0: never */
};

struct peer_conn {
    int fd;
    bool greeted;
    uint64_t answered;
    uint8_t in[65536];
    size_t len;
};

static bool send_all(int fd, const struct pdk_buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->bytes + at, b->len - at, MSG_NOSIGNAL);
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

static void answer(struct peer_conn *c, struct pdk_slice body, struct pdk_buf *out)
{
    static const uint8_t password[16];
    size_t frame = pdk_frame_begin(out);
    if (!c->greeted) {
        c->greeted = true;
        pdk_put_connect_response(
            out, &(struct pdk_connect_response){.time_out = 30000,
                                                .session_id = c->fd,
                                                .passwd = pdk_slice_of(password, 16),
                                                .has_read_only = true});
    } else {
        struct pdk_reader r = pdk_reader_of(body);
        struct pdk_request_header h;
        pdk_read_request_header(&r, &h);
        bool missing = h.type == PDK_OP_DELETE;
        pdk_put_reply_header(
            out, &(struct pdk_reply_header){
                     .xid = h.xid, .zxid = 1, .err = missing ? PDK_CODE_NO_NODE : PDK_CODE_OK});
        c->answered++;
    }
    pdk_frame_end(out, frame);
}

/* False: the connection is over. */
static bool serve_once(struct peer *p, struct peer_conn *c, struct pdk_buf *out)
{
    ssize_t n = recv(c->fd, c->in + c->len, sizeof c->in - c->len, 0);
    if (n <= 0) return false;
    c->len += (size_t)n;
    size_t at = 0, used = 0;
    struct pdk_slice body;
    pdk_buf_clear(out);
    while (pdk_frame_split(c->in + at, c->len - at, INT32_MAX, &body, &used) == PDK_FRAME_WHOLE) {
        answer(c, body, out);
        at += used;
    }
    memmove(c->in, c->in + at, c->len - at);
    c->len -= at;
    if (!send_all(c->fd, out)) return false;
    return p->drop_after == 0 || c->answered < p->drop_after;
}

static void *serve(void *ctx)
{
    struct peer *p = ctx;
    struct peer_conn **conns = p->conns;
    struct pollfd polled[PEER_CONNS + 2] = {{.fd = p->stop[0], .events = POLLIN},
                                            {.fd = p->listener, .events = POLLIN}};
    struct pdk_buf out;
    pdk_buf_init(&out, pdk_mem_heap(), 1u << 24);
    for (;;) {
        nfds_t count = 2;
        for (int i = 0; i < PEER_CONNS; i++) {
            int fd = conns[i] != NULL ? conns[i]->fd : -1;
            polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        if (poll(polled, count, -1) < 0 || polled[0].revents != 0) break;
        for (int i = 0; i < PEER_CONNS; i++) {
            if (conns[i] == NULL) {
                if (polled[1].revents == 0) continue;
                polled[1].revents = 0;
                conns[i] = calloc(1, sizeof *conns[i]);
                if (conns[i] != NULL) conns[i]->fd = accept(p->listener, NULL, NULL);
            } else if (polled[i + 2].revents != 0 && !serve_once(p, conns[i], &out)) {
                close(conns[i]->fd);
                free(conns[i]);
                conns[i] = NULL;
            }
        }
    }
    for (int i = 0; i < PEER_CONNS; i++) {
        if (conns[i] != NULL) close(conns[i]->fd);
        free(conns[i]);
        conns[i] = NULL;
    }
    pdk_buf_deinit(&out);
    return NULL;
}

static void peer_start(struct peer *p, uint64_t drop_after)
{
    *p = (struct peer){.drop_after = drop_after, .at = {.sin_family = AF_INET}};
    p->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof p->at;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&p->at, len), 0);
    assert_int_equal(listen(p->listener, 64), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&p->at, &len), 0);
    assert_int_equal(pipe(p->stop), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void peer_stop(struct peer *p)
{
    assert_int_equal(write(p->stop[1], "", 1), 1);
    pthread_join(p->thread, NULL);
    close(p->listener);
    close(p->stop[0]);
    close(p->stop[1]);
}

/* ---- what the pool's user counts ------------------------------------------------------------- */

struct counts {
    uint64_t to_ask, good, bad, lost;
    uint32_t depth, deepest;
};

static void answers(void *ctx, struct pdk_load_conn *c, const struct pdk_client_effect *effects,
                    size_t count, int64_t now_ns)
{
    struct counts *n = ctx;
    (void)c;
    for (size_t i = 0; i < count; i++) {
        if (effects[i].kind != PDK_CLIENT_OUT_REPLY) continue;
        if (effects[i].op == PDK_OP_CLOSE_SESSION) continue;
        assert_true((int64_t)effects[i].tag <= now_ns);
        if (effects[i].code == PDK_CODE_OK)
            n->good++;
        else if (effects[i].code == PDK_CODE_CONNECTION_LOSS)
            n->lost++;
        else
            n->bad++;
    }
}

static void ready(void *ctx, struct pdk_load_conn *c, int64_t now_ns)
{
    struct counts *n = ctx;
    while (n->to_ask > 0 && pdk_client_pending(c->client) < n->depth) {
        struct pdk_slice path = pdk_slice_str("/a");
        enum pdk_err err =
            n->to_ask-- % 10 == 0
                ? pdk_client_delete(c->client, path, -1, (uint64_t)now_ns)
                : pdk_client_get_data(c->client, path, PDK_CLIENT_NO_WATCH, (uint64_t)now_ns);
        assert_int_equal(err, PDK_OK);
    }
    if (pdk_client_pending(c->client) > n->deepest) n->deepest = pdk_client_pending(c->client);
}

static struct pdk_load_settings settings_for(const struct peer *p)
{
    return (struct pdk_load_settings){
        .server = p->at, .session_timeout_ms = 30000, .patience_ns = 30 * PDK_LOAD_NS_PER_S};
}

static void every_request_of_all_connections_is_answered(void **state)
{
    (void)state;
    struct peer peer;
    struct pdk_load_pool pool;
    struct counts n = {.to_ask = 20000, .depth = 64};
    struct pdk_load_handler handler = {.ctx = &n, .answers = answers, .ready = ready};
    peer_start(&peer, 0);
    struct pdk_load_settings s = settings_for(&peer);
    assert_true(pdk_load_pool_init(&pool, &s, 10, handler));
    assert_true(pdk_load_pool_connect(&pool));
    assert_int_equal(pool.standing, 10);
    while (n.to_ask > 0) pdk_load_pool_turn(&pool, pdk_load_now_ns() + PDK_LOAD_NS_PER_S);
    assert_true(pdk_load_pool_drain(&pool));
    assert_int_equal(n.good, 18000);
    assert_int_equal(n.bad, 2000);
    assert_int_equal(n.lost, 0);
    assert_int_equal(n.deepest, 64);
    pdk_load_pool_close(&pool);
    assert_int_equal(pool.ended, 10);
    assert_int_equal(pool.lost, 0);
    pdk_load_pool_deinit(&pool);
    peer_stop(&peer);
}

static void broken_connections_are_counted_and_opened_again(void **state)
{
    (void)state;
    struct peer peer;
    struct pdk_load_pool pool;
    struct counts n = {.to_ask = 1000, .depth = 4};
    struct pdk_load_handler handler = {.ctx = &n, .answers = answers, .ready = ready};
    peer_start(&peer, 100);
    struct pdk_load_settings s = settings_for(&peer);
    assert_true(pdk_load_pool_init(&pool, &s, 2, handler));
    assert_true(pdk_load_pool_connect(&pool));
    int64_t give_up_ns = pdk_load_now_ns() + s.patience_ns;
    while (n.to_ask > 0 && pdk_load_now_ns() < give_up_ns) {
        pdk_load_pool_turn(&pool, give_up_ns);
    }
    assert_true(pdk_load_pool_drain(&pool));
    assert_int_equal(n.good + n.bad + n.lost, 1000);
    assert_in_range(pool.lost, 8, 20);
    pdk_load_pool_deinit(&pool);
    peer_stop(&peer);
}

static void nobody_at_home_is_said_within_patience(void **state)
{
    (void)state;
    struct peer peer;
    struct pdk_load_pool pool;
    struct counts n = {0};
    struct pdk_load_handler handler = {.ctx = &n, .answers = answers, .ready = ready};
    peer_start(&peer, 0);
    peer_stop(&peer);
    struct pdk_load_settings s = settings_for(&peer);
    s.patience_ns = 20 * PDK_LOAD_NS_PER_MS;
    assert_true(pdk_load_pool_init(&pool, &s, 1, handler));
    assert_false(pdk_load_pool_connect(&pool));
    assert_int_equal(pool.standing, 0);
    pdk_load_pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_of_all_connections_is_answered),
        cmocka_unit_test(broken_connections_are_counted_and_opened_again),
        cmocka_unit_test(nobody_at_home_is_said_within_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
