/* Random operations of several clients against the node, every reply and every event compared with
 * the naive model.
 *
 * A reply carries the zxid of the state that it shows, so no search is needed: each one must equal
 * the model at its zxid; a client's zxids never go back; the events of everything up to that zxid
 * have arrived before it, in order, none missing and none too many.
 *
 * PDK_SEED=n runs one seed and PDK_SEEDS=n that many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "proto/code.h"
#include "proto/event.h"
#include "proto/opcode.h"
#include "sim/driver.h"
#include "sim/frames.h"
#include "sim/model.h"
#include "sim/replay.h"

#define CLIENTS 5
#define MAX_ZXID 700
#define MAX_SENT 256
#define MAX_EVENTS 512
#define MULTI_OPS 4
#define STEPS 900

struct sent {
    int32_t xid, op;
    enum pdk_code code; /* of a write, predicted */
    pdk_zxid zxid;      /* of a write */
    char path[PDK_MODEL_PATH];
    bool watch;
    int32_t mode; /* addWatch; type of removeWatches */
    size_t multi_count, multi_failed;
    struct {
        int32_t op;
        enum pdk_code code;
        char path[PDK_MODEL_PATH];
        struct pdk_stat stat;
    } multi[MULTI_OPS];
};

struct event {
    pdk_zxid zxid;
    int32_t type;
    char path[PDK_MODEL_PATH];
};

struct client {
    bool live;
    bool expired; /* the end of its session has been proposed */
    int32_t timeout_ms;
    int64_t heard_ms; /* last request */
    pdk_session session;
    bool is_bob;
    int32_t xid;
    pdk_zxid seen;
    struct sent sent[MAX_SENT];
    size_t head, tail;
    struct event got[MAX_EVENTS];
    size_t got_count;
    struct pdk_model_watches watches;
};

struct world {
    struct pdk_sim_driver d;
    struct pdk_prng g;
    struct pdk_buf b;
    struct pdk_model_state *states; /* by zxid */
    bool closes[MAX_ZXID + 1];      /* deletions of this one come in any order */
    pdk_zxid last;
    size_t log_at; /* records of the log that the model has */
    struct client clients[CLIENTS];
    uint64_t replies, events, expired, removed;
};

static uint64_t below(struct world *w, uint64_t bound) { return pdk_prng_below(&w->g, bound); }

/* ---- predictions ----------------------------------------------------------------------------- */

static struct pdk_model_state *next_state(struct world *w)
{
    struct pdk_model_state *s = &w->states[w->last + 1];
    memcpy(s, &w->states[w->last], sizeof *s);
    s->zxid = ++w->last;
    s->change_count = 0;
    return s;
}

static void copy_path(char to[PDK_MODEL_PATH], const char *from)
{
    assert_true(strlen(from) < PDK_MODEL_PATH);
    memcpy(to, from, strlen(from) + 1);
}

static void expect(const struct client *c, struct event *want, size_t *count, pdk_zxid zxid,
                   int32_t type, const char *path, enum pdk_model_acl acl)
{
    if (!pdk_model_allows(acl, PDK_PERM_READ, c->is_bob)) return;
    assert_true(*count < MAX_EVENTS);
    want[*count].zxid = zxid;
    want[*count].type = type;
    copy_path(want[(*count)++].path, path);
}

/* The events that one change means to one client, whose one-shot watches go. */
static void expect_change(struct client *c, const struct pdk_model_change *change, pdk_zxid zxid,
                          struct event *want, size_t *count)
{
    const char *path = change->path;
    bool deleted = change->type == 2;
    bool hit = pdk_model_watching(&c->watches, PDK_WATCH_DATA, path) ||
               pdk_model_watching(&c->watches, PDK_WATCH_PERSISTENT, path) ||
               pdk_model_watching_above(&c->watches, path) ||
               (deleted && pdk_model_watching(&c->watches, PDK_WATCH_CHILD, path));
    if (hit) expect(c, want, count, zxid, change->type, path, change->acl);
    pdk_model_unwatch(&c->watches, PDK_WATCH_DATA, path);
    if (deleted) pdk_model_unwatch(&c->watches, PDK_WATCH_CHILD, path);
    if (change->type == 3) return;
    char parent[PDK_MODEL_PATH];
    pdk_model_parent(path, parent);
    if (pdk_model_watching(&c->watches, PDK_WATCH_CHILD, parent) ||
        pdk_model_watching(&c->watches, PDK_WATCH_PERSISTENT, parent))
        expect(c, want, count, zxid, 4, parent, change->parent_acl);
    pdk_model_unwatch(&c->watches, PDK_WATCH_CHILD, parent);
}

static int by_content(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->zxid != y->zxid) return x->zxid < y->zxid ? -1 : 1;
    if (x->type != y->type) return x->type < y->type ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* Everything up to `zxid` must have been told by now. */
static void check_events(struct world *w, struct client *c, pdk_zxid zxid)
{
    static struct event want[MAX_EVENTS];
    size_t count = 0;
    bool any_order = false;
    for (pdk_zxid z = c->seen + 1; z <= zxid; z++) {
        const struct pdk_model_state *s = &w->states[z];
        any_order |= w->closes[z];
        for (size_t i = 0; i < s->change_count; i++)
            expect_change(c, &s->changes[i], z, want, &count);
    }
    if (any_order) {
        qsort(want, count, sizeof *want, by_content);
        qsort(c->got, c->got_count, sizeof *want, by_content);
    }
    if (count != c->got_count)
        fail_msg("zxid %lld: %zu events, want %zu", (long long)zxid, c->got_count, count);
    for (size_t i = 0; i < count; i++) {
        if (by_content(&want[i], &c->got[i]) != 0)
            fail_msg("event %zu: got %d %s at %lld, want %d %s at %lld", i, c->got[i].type,
                     c->got[i].path, (long long)c->got[i].zxid, want[i].type, want[i].path,
                     (long long)want[i].zxid);
    }
    w->events += count;
    c->got_count = 0;
    c->seen = zxid;
}

/* ---- checking replies --------------------------------------------------------------------------
 * */

static void check_stat(struct pdk_reader *r, const struct pdk_stat *want)
{
    struct pdk_stat got;
    pdk_read_stat(r, &got);
    assert_false(r->failed);
    bool same = got.czxid == want->czxid && got.mzxid == want->mzxid && got.ctime == want->ctime &&
                got.mtime == want->mtime && got.version == want->version &&
                got.cversion == want->cversion && got.aversion == want->aversion &&
                got.ephemeral_owner == want->ephemeral_owner &&
                got.data_length == want->data_length && got.num_children == want->num_children &&
                got.pzxid == want->pzxid;
    if (!same)
        fail_msg("stat differs: czxid %lld/%lld mzxid %lld/%lld version %d/%d cversion %d/%d "
                 "aversion %d/%d owner %llx/%llx len %d/%d children %d/%d pzxid %lld/%lld",
                 (long long)got.czxid, (long long)want->czxid, (long long)got.mzxid,
                 (long long)want->mzxid, got.version, want->version, got.cversion, want->cversion,
                 got.aversion, want->aversion, (unsigned long long)got.ephemeral_owner,
                 (unsigned long long)want->ephemeral_owner, got.data_length, want->data_length,
                 got.num_children, want->num_children, (long long)got.pzxid,
                 (long long)want->pzxid);
}

static void check_node_stat(struct pdk_reader *r, const struct pdk_model_state *s, const char *path)
{
    const struct pdk_model_node *n = pdk_model_find(s, path);
    assert_non_null(n);
    struct pdk_stat want;
    memset(&want, 0, sizeof want);
    pdk_model_stat(s, n, &want);
    check_stat(r, &want);
}

static void check_children(struct pdk_reader *r, const struct pdk_model_state *s, const char *path)
{
    int32_t count = pdk_read_i32(r);
    assert_int_equal(count, pdk_model_children(s, path));
    for (int32_t i = 0; i < count; i++) {
        struct pdk_slice name = pdk_read_bytes(r);
        char child[PDK_MODEL_PATH];
        (void)snprintf(child, sizeof child, "%s/%.*s", strcmp(path, "/") == 0 ? "" : path,
                       (int)name.len, (const char *)name.bytes);
        /* What stands below /zookeeper the model leaves out. */
        if (strcmp(path, "/zookeeper") != 0) assert_non_null(pdk_model_find(s, child));
    }
}

static enum pdk_code read_code(const struct pdk_model_node *n, const struct client *c)
{
    if (n == NULL) return PDK_CODE_NO_NODE;
    return pdk_model_allows(n->acl, PDK_PERM_READ, c->is_bob) ? PDK_CODE_OK : PDK_CODE_NO_AUTH;
}

static void check_read(struct world *w, struct client *c, const struct sent *q,
                       const struct pdk_frame_answer *a)
{
    const struct pdk_model_state *s = &w->states[a->header.zxid];
    const struct pdk_model_node *n = pdk_model_find(s, q->path);
    enum pdk_code code = read_code(n, c);
    assert_int_equal(a->header.err, code);
    if (q->watch && (code == PDK_CODE_OK || (code == PDK_CODE_NO_NODE && q->op == PDK_OP_EXISTS)))
        pdk_model_watch(&c->watches,
                        q->op == PDK_OP_GET_CHILDREN2 ? PDK_WATCH_CHILD : PDK_WATCH_DATA, q->path);
    if (code != PDK_CODE_OK) return;
    struct pdk_reader r = pdk_reader_of(a->body);
    if (q->op == PDK_OP_GET_DATA) {
        struct pdk_slice data = pdk_read_bytes(&r);
        assert_int_equal(data.len, n->data_len);
        if (data.len > 0) assert_memory_equal(data.bytes, n->data, data.len);
    } else if (q->op == PDK_OP_GET_CHILDREN2) {
        check_children(&r, s, q->path);
    }
    check_node_stat(&r, s, q->path);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

static void check_multi(const struct sent *q, struct pdk_slice body)
{
    struct pdk_reader r = pdk_reader_of(body);
    bool failed = q->multi_failed < q->multi_count;
    for (size_t i = 0; i < q->multi_count; i++) {
        struct pdk_multi_header h;
        pdk_read_multi_header(&r, &h);
        assert_false(h.done);
        if (failed) {
            int32_t want = i < q->multi_failed   ? 0
                           : i > q->multi_failed ? PDK_CODE_RUNTIME_INCONSISTENCY
                                                 : (int32_t)q->multi[i].code;
            assert_int_equal(h.type, -1);
            assert_int_equal(h.err, want);
            assert_int_equal(pdk_read_i32(&r), want);
            continue;
        }
        assert_int_equal(h.type, q->multi[i].op);
        if (q->multi[i].op == PDK_OP_CREATE)
            assert_true(pdk_slice_eq_str(pdk_read_bytes(&r), q->multi[i].path));
        else if (q->multi[i].op == PDK_OP_SET_DATA)
            check_stat(&r, &q->multi[i].stat);
    }
    struct pdk_multi_header end;
    pdk_read_multi_header(&r, &end);
    assert_true(end.done);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

static bool is_create(int32_t op)
{
    return op == PDK_OP_CREATE || op == PDK_OP_CREATE_CONTAINER || op == PDK_OP_CREATE_TTL;
}

static void check_write(struct world *w, const struct sent *q, const struct pdk_frame_answer *a)
{
    assert_int_equal(a->header.err, q->code);
    assert_true(a->header.zxid == q->zxid);
    struct pdk_reader r = pdk_reader_of(a->body);
    if (q->code != PDK_CODE_OK) {
        assert_int_equal(a->body.len, 0);
    } else if (is_create(q->op)) {
        assert_true(pdk_slice_eq_str(pdk_read_bytes(&r), q->path));
        if (q->op != PDK_OP_CREATE) check_node_stat(&r, &w->states[q->zxid], q->path);
    } else if (q->op == PDK_OP_SET_DATA || q->op == PDK_OP_SET_ACL) {
        check_node_stat(&r, &w->states[q->zxid], q->path);
    } else if (q->op == PDK_OP_MULTI) {
        check_multi(q, a->body);
    }
}

static void check_add_watch(struct client *c, const struct sent *q)
{
    pdk_model_watch(&c->watches, q->mode == 0 ? PDK_WATCH_PERSISTENT : PDK_WATCH_RECURSIVE,
                    q->path);
}

static void check_remove_watch(struct client *c, const struct sent *q, int32_t err)
{
    static const enum pdk_watch_kind kinds[] = {PDK_WATCH_CHILD, PDK_WATCH_DATA,
                                                PDK_WATCH_PERSISTENT, PDK_WATCH_RECURSIVE};
    static const int32_t types[] = {1, 2, 4, 5};
    bool found = false;
    for (size_t i = 0; i < PDK_COUNT_OF(kinds); i++) {
        if (q->mode != 3 && q->mode != types[i]) continue;
        found |= pdk_model_watching(&c->watches, kinds[i], q->path);
        pdk_model_unwatch(&c->watches, kinds[i], q->path);
    }
    assert_int_equal(err, found ? PDK_CODE_OK : PDK_CODE_NO_WATCHER);
}

static void take_reply(struct world *w, struct client *c, const struct pdk_frame_answer *a)
{
    assert_true(c->head < c->tail);
    const struct sent *q = &c->sent[c->head++ % MAX_SENT];
    assert_int_equal(a->header.xid, q->xid);
    assert_true(a->header.zxid >= c->seen);
    assert_true(a->header.zxid <= w->d.durable);
    check_events(w, c, a->header.zxid);
    w->replies++;
    switch (q->op) {
    case PDK_OP_GET_DATA:
    case PDK_OP_EXISTS:
    case PDK_OP_GET_CHILDREN2: check_read(w, c, q, a); break;
    case PDK_OP_ADD_WATCH:
        assert_int_equal(a->header.err, PDK_CODE_OK);
        check_add_watch(c, q);
        break;
    case PDK_OP_REMOVE_WATCHES: check_remove_watch(c, q, a->header.err); break;
    case PDK_OP_SYNC:
        assert_int_equal(a->header.err, PDK_CODE_OK);
        assert_true(a->header.zxid >= q->zxid); /* all that was proposed before it */
        break;
    default: check_write(w, q, a); break;
    }
    if (q->op == PDK_OP_CLOSE_SESSION) c->live = false;
}

static void take_event(struct client *c, const struct pdk_frame_answer *a)
{
    struct pdk_watcher_event e;
    struct pdk_reader r = pdk_reader_of(a->body);
    pdk_read_watcher_event(&r, &e);
    assert_false(r.failed);
    assert_true(c->got_count < MAX_EVENTS);
    assert_true(e.path.len < PDK_MODEL_PATH);
    struct event *got = &c->got[c->got_count++];
    got->zxid = a->header.zxid;
    got->type = e.type;
    memcpy(got->path, e.path.bytes, e.path.len);
    got->path[e.path.len] = '\0';
}

static void take_all(struct world *w, uint32_t i)
{
    struct client *c = &w->clients[i];
    struct pdk_slice frame;
    while (c->live && pdk_sim_read(&w->d, i, &frame)) {
        struct pdk_frame_answer a = pdk_frame_answer_of(frame);
        if (a.header.xid == PDK_XID_NOTIFICATION)
            take_event(c, &a);
        else if (a.header.xid == PDK_XID_AUTH)
            assert_int_equal(a.header.err, PDK_CODE_OK);
        else
            take_reply(w, c, &a);
    }
    if (!c->live || w->d.conns[i].open) return;
    assert_true(c->expired);
    assert_int_equal(c->head, c->tail); /* what it had asked before was answered */
    c->live = false;
}

/* ---- actions
 * --------------------------------------------------------------------------------------- */

static const char *const paths[] = {"/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/k", "/a/s-", "/b/s-"};

static const char *some_path(struct world *w, bool real)
{
    const struct pdk_model_state *s = &w->states[w->last];
    if (real && below(w, 4) > 0) return s->nodes[below(w, s->count)].path;
    return paths[below(w, PDK_COUNT_OF(paths))];
}

static void put_acl(struct pdk_buf *b, enum pdk_model_acl acl)
{
    static const char *const scheme[] = {"world", "world", "digest"};
    static const char *const id[] = {"anyone", "anyone", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="};
    pdk_put_i32(b, 1);
    pdk_put_acl(b, &(struct pdk_acl){
                       .perms = acl == PDK_MODEL_NO_READ ? 30 : 31,
                       .id = {.scheme = pdk_slice_str(scheme[acl]), .id = pdk_slice_str(id[acl])}});
}

static void draw_write(struct world *w, struct client *c, struct pdk_model_op *op, bool in_multi)
{
    static const int32_t kinds[] = {PDK_OP_CREATE,   PDK_OP_CREATE,  PDK_OP_DELETE, PDK_OP_SET_DATA,
                                    PDK_OP_SET_DATA, PDK_OP_SET_ACL, PDK_OP_CHECK};
    *op = (struct pdk_model_op){.op = kinds[below(w, in_multi ? 5 : 6)],
                                .version = below(w, 3) > 0 ? -1 : (int32_t)below(w, 4),
                                .data_len = below(w, PDK_MODEL_DATA),
                                .flags = (int32_t)below(w, 4),
                                .acl = below(w, 4) > 0 ? PDK_MODEL_OPEN
                                                       : (enum pdk_model_acl)below(w, 3),
                                .session = c->session,
                                .is_bob = c->is_bob,
                                .time_ms = w->d.now.wall_ms};
    if (in_multi && below(w, 5) == 0) op->op = PDK_OP_CHECK;
    if (op->op == PDK_OP_CREATE && w->states[w->last].count > PDK_MODEL_NODES - MULTI_OPS - 2)
        op->op = PDK_OP_DELETE;
    copy_path(op->path,
              op->op == PDK_OP_CREATE ? paths[below(w, PDK_COUNT_OF(paths))] : some_path(w, true));
    /* Some creates make containers and znodes with a time to live; both take no flags here. */
    uint64_t kind = below(w, 8);
    if (op->op == PDK_OP_CREATE && !in_multi && kind < 3) {
        op->op = kind == 0 ? PDK_OP_CREATE_TTL : PDK_OP_CREATE_CONTAINER;
        op->flags = 0;
        op->ttl_ms = 1 + (int64_t)below(w, 4000);
    }
    /* The model leaves the built-in znodes alone. */
    if (strcmp(op->path, "/") == 0 || strcmp(op->path, "/zookeeper") == 0)
        copy_path(op->path, "/a");
    for (size_t i = 0; i < op->data_len; i++) op->data[i] = (uint8_t)below(w, 256);
}

static void put_op(struct pdk_buf *b, const struct pdk_model_op *op)
{
    pdk_put_bytes(b, pdk_slice_str(op->path));
    if (is_create(op->op) || op->op == PDK_OP_SET_DATA)
        pdk_put_bytes(b, pdk_slice_of(op->data, op->data_len));
    if (is_create(op->op) || op->op == PDK_OP_SET_ACL) put_acl(b, op->acl);
    int32_t flags = op->op == PDK_OP_CREATE_TTL         ? PDK_CREATE_TTL
                    : op->op == PDK_OP_CREATE_CONTAINER ? PDK_CREATE_CONTAINER
                                                        : op->flags;
    pdk_put_i32(b, is_create(op->op) ? flags : op->version);
    if (op->op == PDK_OP_CREATE_TTL) pdk_put_i64(b, op->ttl_ms);
}

static struct sent *new_sent(struct world *w, struct client *c, int32_t op)
{
    assert_true(c->tail - c->head < MAX_SENT);
    struct sent *q = &c->sent[c->tail++ % MAX_SENT];
    memset(q, 0, sizeof *q);
    q->xid = ++c->xid;
    c->heard_ms = w->d.now.mono_ms;
    q->op = op;
    q->zxid = w->last;
    pdk_buf_clear(&w->b);
    pdk_put_request_header(&w->b, &(struct pdk_request_header){.xid = q->xid, .type = op});
    return q;
}

static void send_write(struct world *w, uint32_t i)
{
    struct client *c = &w->clients[i];
    struct pdk_model_op op;
    draw_write(w, c, &op, false);
    struct sent *q = new_sent(w, c, op.op);
    put_op(&w->b, &op);
    copy_path(q->path, op.path);
    struct pdk_model_state *s = next_state(w);
    q->zxid = w->last;
    q->code = pdk_model_apply(s, &op, w->last, q->path);
    pdk_sim_send(&w->d, i, pdk_buf_slice(&w->b));
}

static void send_multi(struct world *w, uint32_t i)
{
    static struct pdk_model_state before;
    struct client *c = &w->clients[i];
    struct sent *q = new_sent(w, c, PDK_OP_MULTI);
    struct pdk_model_state *s = next_state(w);
    memcpy(&before, s, sizeof before);
    q->zxid = w->last;
    q->multi_count = below(w, MULTI_OPS + 1);
    q->multi_failed = q->multi_count;
    for (size_t k = 0; k < q->multi_count; k++) {
        struct pdk_model_op op;
        draw_write(w, c, &op, true);
        pdk_put_multi_header(&w->b, &(struct pdk_multi_header){.type = op.op, .err = -1});
        put_op(&w->b, &op);
        q->multi[k].op = op.op;
        copy_path(q->multi[k].path, op.path);
        if (q->multi_failed < q->multi_count) continue;
        q->multi[k].code = pdk_model_apply(s, &op, w->last, q->multi[k].path);
        if (q->multi[k].code != PDK_CODE_OK) q->multi_failed = k;
        const struct pdk_model_node *n = pdk_model_find(s, op.path);
        if (n != NULL) pdk_model_stat(s, n, &q->multi[k].stat);
    }
    pdk_put_multi_header(&w->b, &(struct pdk_multi_header){.type = -1, .done = true, .err = -1});
    if (q->multi_failed < q->multi_count) {
        before.change_count = 0;
        memcpy(s, &before, sizeof before);
    }
    pdk_sim_send(&w->d, i, pdk_buf_slice(&w->b));
}

static void send_read(struct world *w, uint32_t i)
{
    static const int32_t ops[] = {PDK_OP_GET_DATA, PDK_OP_EXISTS, PDK_OP_GET_CHILDREN2};
    struct sent *q = new_sent(w, &w->clients[i], ops[below(w, PDK_COUNT_OF(ops))]);
    copy_path(q->path, some_path(w, true));
    q->watch = below(w, 2) > 0;
    pdk_put_bytes(&w->b, pdk_slice_str(q->path));
    pdk_put_bool(&w->b, q->watch);
    pdk_sim_send(&w->d, i, pdk_buf_slice(&w->b));
}

static void send_watch_op(struct world *w, uint32_t i)
{
    static const int32_t ops[] = {PDK_OP_ADD_WATCH, PDK_OP_REMOVE_WATCHES, PDK_OP_SYNC};
    struct sent *q = new_sent(w, &w->clients[i], ops[below(w, PDK_COUNT_OF(ops))]);
    copy_path(q->path, some_path(w, true));
    q->mode = (int32_t)(q->op == PDK_OP_ADD_WATCH ? below(w, 2) : 1 + below(w, 5));
    pdk_put_bytes(&w->b, pdk_slice_str(q->path));
    if (q->op != PDK_OP_SYNC) pdk_put_i32(&w->b, q->mode);
    pdk_sim_send(&w->d, i, pdk_buf_slice(&w->b));
}

static void everything_durable(struct world *w)
{
    while (w->d.durable < w->d.appended) pdk_sim_durable(&w->d);
}

static void open_client(struct world *w, uint32_t i)
{
    struct client *c = &w->clients[i];
    struct pdk_slice frame;
    struct pdk_connect_response response;
    memset(c, 0, sizeof *c);
    (void)next_state(w);
    pdk_sim_open(&w->d, i, "127.0.0.1");
    c->timeout_ms = 4000 + 8000 * (int32_t)below(w, 4);
    c->heard_ms = w->d.now.mono_ms;
    pdk_sim_send(&w->d, i, pdk_frame_connect(&w->b, 0, c->timeout_ms, 0));
    everything_durable(w);
    assert_true(pdk_sim_read(&w->d, i, &frame));
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_connect_response(&r, &response);
    c->session = response.session_id;
    c->live = true;
    c->seen = w->last;
    c->is_bob = below(w, 2) > 0;
    if (c->is_bob) pdk_sim_send(&w->d, i, pdk_frame_auth(&w->b, "digest", "bob:pw"));
}

static void close_client(struct world *w, uint32_t i)
{
    struct client *c = &w->clients[i];
    struct sent *q = new_sent(w, c, PDK_OP_CLOSE_SESSION);
    struct pdk_model_state *s = next_state(w);
    struct pdk_model_op op = {.op = PDK_OP_CLOSE_SESSION, .session = c->session};
    q->zxid = w->last;
    w->closes[w->last] = true;
    (void)pdk_model_apply(s, &op, w->last, q->path);
    pdk_sim_send(&w->d, i, pdk_buf_slice(&w->b));
    everything_durable(w);
    take_all(w, i);
    assert_false(c->live);
    assert_true(w->d.conns[i].closed_by_node);
}

/* ---- what the server does by itself
 * ------------------------------------------------------------------ */

static void predict_expiry(struct world *w, pdk_session session, struct pdk_model_state *s)
{
    struct pdk_model_op op = {.op = PDK_OP_CLOSE_SESSION, .session = session};
    char none[PDK_MODEL_PATH];
    bool known = false;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];
        if (!c->live || c->session != session) continue;
        assert_false(c->expired);
        assert_true(w->d.now.mono_ms - c->heard_ms >= c->timeout_ms);
        known = c->expired = true;
    }
    assert_true(known);
    (void)pdk_model_apply(s, &op, w->last, none);
    w->closes[w->last] = true;
    w->expired++;
}

/* `exact`: nothing else was on its way when the server looked. */
static void predict_removal(struct world *w, struct pdk_slice path, struct pdk_model_state *s,
                            int32_t type, bool exact)
{
    struct pdk_model_op op = {.op = PDK_OP_DELETE_CONTAINER};
    char none[PDK_MODEL_PATH];
    if (type == PDK_OP_ERROR) { /* found due before it changed */
        assert_false(exact);
        return;
    }
    assert_true(path.len < PDK_MODEL_PATH);
    memcpy(op.path, path.bytes, path.len);
    const struct pdk_model_node *n = pdk_model_find(s, op.path);
    assert_non_null(n);
    if (exact) assert_true(pdk_model_is_due(s, n, w->d.now.wall_ms));
    assert_int_equal(pdk_model_apply(s, &op, w->last, none), PDK_CODE_OK);
    w->removed++;
}

/* Transactions that no client asked for: expiries, containers. */
static void take_own_txns(struct world *w, bool exact)
{
    struct pdk_slice txn;
    while (pdk_sim_log_next(&w->d, &w->log_at, &txn)) {
        struct pdk_txn_header h;
        struct pdk_reader r = pdk_reader_of(txn);
        pdk_read_txn_header(&r, &h);
        if (h.zxid <= w->last) continue;
        struct pdk_model_state *s = next_state(w);
        assert_true(h.zxid == w->last);
        if (h.type == PDK_OP_CLOSE_SESSION)
            predict_expiry(w, h.client_id, s);
        else
            predict_removal(w, pdk_read_bytes(&r), s, h.type, exact);
    }
}

static void let_time_pass(struct world *w)
{
    if (below(w, 2) > 0) everything_durable(w);
    bool exact = w->d.durable == w->d.appended;
    int64_t left = 1 + (int64_t)below(w, below(w, 4) > 0 ? 3000 : 20000);
    while (left > 0) { /* in steps, so that the model looks at about the server's time */
        int64_t some = left < 500 ? left : 500;
        pdk_sim_advance(&w->d, some);
        left -= some;
        exact = exact && w->d.durable == w->d.appended;
        take_own_txns(w, exact);
        if (exact) everything_durable(w);
        exact = w->d.durable == w->d.appended;
    }
    everything_durable(w);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];
        take_all(w, i);
        /* It ends at the latest a tick behind its timeout, and is seen within our step. */
        if (c->live) assert_true(w->d.now.mono_ms - c->heard_ms <= c->timeout_ms + 2000 + 500);
    }
}

static void act(struct world *w)
{
    uint32_t i = (uint32_t)below(w, CLIENTS);
    struct client *c = &w->clients[i];
    w->d.now.wall_ms += (int64_t)below(w, 3);
    if (!c->live) {
        open_client(w, i);
        return;
    }
    if (c->tail - c->head > MAX_SENT - 2) everything_durable(w);
    switch (below(w, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: send_write(w, i); break;
    case 4: send_multi(w, i); break;
    case 5:
    case 6:
    case 7: send_read(w, i); break;
    case 8: send_watch_op(w, i); break;
    case 9:
        if (w->d.durable < w->d.appended)
            pdk_sim_durable_to(&w->d,
                               w->d.durable + 1 +
                                   (pdk_zxid)below(w, (uint64_t)(w->d.appended - w->d.durable)));
        break;
    case 10: take_all(w, i); break;
    default:
        if (below(w, 12) == 0) close_client(w, i);
        if (below(w, 4) == 0) let_time_pass(w);
        break;
    }
}

/* The real tree, walked, is the model. */
static void compare_trees(struct world *w)
{
    const struct pdk_tree *tree = pdk_node_tree(w->d.node);
    const struct pdk_model_state *s = &w->states[w->last];
    struct pdk_tree_counts counts;
    pdk_tree_counts(tree, &counts);
    assert_int_equal(counts.znodes,
                     s->count + 2); /* quota and config, which the model leaves out */
    for (size_t i = 0; i < s->count; i++) {
        const struct pdk_model_node *n = &s->nodes[i];
        pdk_znode id = pdk_tree_find(tree, pdk_slice_str(n->path));
        if (id == PDK_ZNODE_NONE) fail_msg("%s is missing", n->path);
        struct pdk_slice data = pdk_tree_data(tree, id);
        assert_int_equal(data.len, n->data_len);
    }
    pdk_tree_validate(tree);
    pdk_watch_validate(pdk_node_watch(w->d.node));
}

struct totals {
    uint64_t replies, events, expired, removed;
};

static void run_seed(uint64_t seed, struct totals *t)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->states = calloc(MAX_ZXID + 2, sizeof *w->states);
    assert_non_null(w->states);
    pdk_model_init(&w->states[0]);
    pdk_buf_init(&w->b, pdk_mem_heap(), SIZE_MAX);
    pdk_prng_init(&w->g, seed);
    struct pdk_node_config config = pdk_sim_config(seed);
    config.container_check_ms = 2000;
    pdk_sim_start(&w->d, &config);
    for (int i = 0; i < STEPS && w->last < MAX_ZXID - 8; i++) act(w);
    everything_durable(w);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (!w->clients[i].live) continue;
        send_read(w, i); /* brings the last events to light */
        take_all(w, i);
        assert_int_equal(w->clients[i].head, w->clients[i].tail);
        assert_true(w->clients[i].seen == w->last);
    }
    compare_trees(w);
    pdk_sim_check_replay(&w->d, &config);
    assert_true(w->replies > 100);
    t->replies += w->replies;
    t->events += w->events;
    t->expired += w->expired;
    t->removed += w->removed;
    pdk_sim_stop(&w->d);
    pdk_buf_deinit(&w->b);
    free(w->states);
    free(w);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void every_reply_and_event_equals_the_model(void **state)
{
    (void)state;
    uint64_t seeds = number_of("PDK_SEEDS", 60), first = number_of("PDK_SEED", 0);
    if (first != 0) seeds = 1;
    struct totals t = {.replies = 0};
    for (uint64_t i = 0; i < seeds; i++) {
        uint64_t seed = first != 0 ? first : i + 1;
        print_message("seed %llu (repeat: PDK_SEED=%llu build/asan/test/sim/model_test)\n",
                      (unsigned long long)seed, (unsigned long long)seed);
        run_seed(seed, &t);
    }
    print_message("%llu replies, %llu events, %llu sessions expired, %llu znodes removed\n",
                  (unsigned long long)t.replies, (unsigned long long)t.events,
                  (unsigned long long)t.expired, (unsigned long long)t.removed);
    /* A run that meets none of these checks nothing. */
    if (seeds >= 20) assert_true(t.events > 100 && t.expired > 20 && t.removed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_reply_and_event_equals_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
