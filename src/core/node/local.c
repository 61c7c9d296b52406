/* Requests that need no transaction: answered from the local tree in the order of their connection.
 *
 * Rules: client-protocol.md sections 7 to 9, data-model.md section 10. */
#include <string.h>

#include "core/node/internal.h"
#include "core/node/watches.h"
#include "core/tree/ahead.h"
#include "proto/path.h"

/* A read at work. */
struct read {
    struct pdk_node *n;
    struct pdk_conn *c;
    const struct pdk_pipe_item *item;
    struct pdk_reader body;
};

static bool allowed(const struct read *r, pdk_znode id, int32_t perms)
{
    pdk_acl_id acl = pdk_tree_acl(r->n->state->tree, id);
    if (acl == PDK_ACL_OPEN) return true;
    return pdk_acl_allows(&r->n->config.acl, pdk_tree_acl_list(r->n->state->tree, acl), perms,
                          &r->c->identities, r->item->identity_count);
}

/* The znode of `path` if it may be read. */
static enum pdk_code find_readable(const struct read *r, struct pdk_slice path, int32_t perms,
                                   pdk_znode *id)
{
    if (path.is_null) return PDK_CODE_MARSHALLING_ERROR;
    *id = pdk_tree_find(r->n->state->tree, path);
    if (*id == PDK_ZNODE_NONE) return PDK_CODE_NO_NODE;
    return allowed(r, *id, perms) ? PDK_CODE_OK : PDK_CODE_NO_AUTH;
}

/* What Apache adds for the Stat of a znode that was read. */
#define STAT_BYTES 68u

static void note_read(const struct read *r, struct pdk_slice path, size_t bytes)
{
    pdk_namespaces_add(&r->n->metrics.read_per_namespace, path, path.len + bytes + STAT_BYTES);
}

static struct pdk_answer begin(const struct read *r)
{
    return pdk_answer_begin(r->n, r->item->xid, r->n->state->last_zxid, PDK_CODE_OK);
}

static enum pdk_code end(const struct read *r, struct pdk_answer a)
{
    pdk_answer_end(r->n, r->c, a);
    return PDK_CODE_OK;
}

static void put_stat(const struct read *r, pdk_znode id)
{
    struct pdk_stat stat;
    pdk_tree_stat(r->n->state->tree, id, &stat);
    pdk_put_stat(&r->n->out.bytes, &stat);
}

static void put_children(const struct read *r, struct pdk_slice path, pdk_znode id)
{
    size_t start = r->n->out.bytes.len;
    const struct pdk_tree *tree = r->n->state->tree;
    pdk_put_i32(&r->n->out.bytes, (int32_t)pdk_tree_child_count(tree, id));
    for (pdk_znode child = pdk_tree_first_child(tree, id); child != PDK_ZNODE_NONE;
         child = pdk_tree_next_sibling(tree, child))
        pdk_put_bytes(&r->n->out.bytes, pdk_tree_name(tree, child));
    size_t lengths = 4 + 4 * (size_t)pdk_tree_child_count(tree, id);
    size_t put = r->n->out.bytes.len - start;
    note_read(r, path, put > lengths ? put - lengths : 0);
}

/* Each of these answers and returns OK, or returns the code to be answered. */

static enum pdk_code run_exists(struct read *r)
{
    struct pdk_exists_request req;
    pdk_read_exists_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    if (!req.path.is_null && pdk_path_has_nul(req.path)) return PDK_CODE_BAD_ARGUMENTS;
    pdk_znode id = PDK_ZNODE_NONE;
    enum pdk_code code = find_readable(r, req.path, PDK_PERM_READ, &id);
    if (req.watch && (code == PDK_CODE_OK || code == PDK_CODE_NO_NODE)) {
        enum pdk_code watched = pdk_watches_add(r->n, r->c, PDK_WATCH_DATA, req.path);
        if (watched != PDK_CODE_OK) return watched;
    }
    if (code != PDK_CODE_OK) return code;
    note_read(r, req.path, 0);
    struct pdk_answer a = begin(r);
    put_stat(r, id);
    return end(r, a);
}

static enum pdk_code run_get_data(struct read *r)
{
    struct pdk_get_data_request req;
    pdk_read_get_data_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    pdk_znode id = PDK_ZNODE_NONE;
    enum pdk_code code = find_readable(r, req.path, PDK_PERM_READ, &id);
    if (code == PDK_CODE_OK && req.watch)
        code = pdk_watches_add(r->n, r->c, PDK_WATCH_DATA, req.path);
    if (code != PDK_CODE_OK) return code;
    struct pdk_slice data = pdk_tree_data(r->n->state->tree, id);
    note_read(r, req.path, data.len);
    struct pdk_answer a = begin(r);
    pdk_put_bytes(&r->n->out.bytes, data);
    put_stat(r, id);
    return end(r, a);
}

static enum pdk_code run_get_children(struct read *r)
{
    struct pdk_get_children_request req;
    pdk_read_get_children_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    pdk_znode id = PDK_ZNODE_NONE;
    enum pdk_code code = find_readable(r, req.path, PDK_PERM_READ, &id);
    if (code == PDK_CODE_OK && req.watch)
        code = pdk_watches_add(r->n, r->c, PDK_WATCH_CHILD, req.path);
    if (code != PDK_CODE_OK) return code;
    struct pdk_answer a = begin(r);
    put_children(r, req.path, id);
    if (r->item->op == PDK_OP_GET_CHILDREN2) put_stat(r, id);
    return end(r, a);
}

static enum pdk_code run_get_acl(struct read *r)
{
    struct pdk_get_acl_request req;
    pdk_read_get_acl_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    pdk_znode id = PDK_ZNODE_NONE;
    enum pdk_code code = find_readable(r, req.path, PDK_PERM_READ | PDK_PERM_ADMIN, &id);
    if (code != PDK_CODE_OK) return code;
    struct pdk_slice list =
        pdk_tree_acl_list(r->n->state->tree, pdk_tree_acl(r->n->state->tree, id));
    struct pdk_answer a = begin(r);
    if (allowed(r, id, PDK_PERM_ADMIN))
        pdk_put_raw(&r->n->out.bytes, list.bytes, list.len);
    else
        pdk_acl_put_masked(list, &r->n->out.bytes);
    put_stat(r, id);
    return end(r, a);
}

static enum pdk_code run_count(struct read *r)
{
    struct pdk_get_all_children_number_request req;
    pdk_read_get_all_children_number_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    pdk_znode id = PDK_ZNODE_NONE;
    enum pdk_code code = find_readable(r, req.path, PDK_PERM_READ, &id);
    if (code != PDK_CODE_OK) return code;
    struct pdk_answer a = begin(r);
    uint64_t count = pdk_tree_count_below(r->n->state->tree, id);
    pdk_put_i32(&r->n->out.bytes, count > INT32_MAX ? INT32_MAX : (int32_t)count);
    return end(r, a);
}

static bool is_blank(struct pdk_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] > ' ') return false;
    }
    return true;
}

/* The caller's own ephemerals below a plain string prefix. */
static enum pdk_code run_get_ephemerals(struct read *r)
{
    struct pdk_get_ephemerals_request req;
    pdk_read_get_ephemerals_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    const struct pdk_tree *tree = r->n->state->tree;
    struct pdk_buf *out = &r->n->out.bytes;
    bool all = req.prefix_path.is_null || is_blank(req.prefix_path) ||
               pdk_slice_eq_str(req.prefix_path, "/");
    struct pdk_answer a = begin(r);
    size_t count_at = out->len;
    int32_t count = 0;
    pdk_put_i32(out, 0);
    for (pdk_znode id = pdk_tree_ephemeral_first(tree, r->c->session); id != PDK_ZNODE_NONE;
         id = pdk_tree_ephemeral_next(tree, id)) {
        size_t at = out->len;
        pdk_put_i32(out, 0);
        pdk_tree_put_path(tree, id, out);
        struct pdk_slice path = pdk_slice_of(out->bytes + at + 4, out->len - at - 4);
        if (!all && !pdk_slice_starts_with(path, req.prefix_path)) {
            out->len = at;
            continue;
        }
        pdk_buf_patch_i32(out, at, (int32_t)path.len);
        count++;
    }
    pdk_buf_patch_i32(out, count_at, count);
    return end(r, a);
}

static enum pdk_code run_sync(struct read *r)
{
    struct pdk_sync_request req;
    pdk_read_sync_request(&r->body, &req);
    if (r->body.failed) return PDK_CODE_MARSHALLING_ERROR;
    struct pdk_answer a = begin(r);
    pdk_put_bytes(&r->n->out.bytes, req.path);
    return end(r, a);
}

static enum pdk_code run_ping(struct read *r)
{
    pdk_answer_code(r->n, r->c, PDK_XID_PING, r->n->state->last_zxid, PDK_CODE_OK);
    return PDK_CODE_OK;
}

static enum pdk_code run_who_am_i(struct read *r)
{
    struct pdk_answer a = begin(r);
    pdk_put_i32(&r->n->out.bytes, (int32_t)r->item->identity_count);
    for (size_t i = 0; i < r->item->identity_count; i++) {
        const struct pdk_identity *identity = &r->c->identities.items[i];
        pdk_put_bytes(&r->n->out.bytes, pdk_slice_of(identity->scheme, identity->scheme_len));
        pdk_put_bytes(&r->n->out.bytes, pdk_identity_user(identity));
    }
    return end(r, a);
}

/* A megabyte of operations could ask for a megabyte each: far beyond what any client takes. */
#define PDK_MULTI_READ_BYTES ((size_t)64 << 20)

/* ---- multiRead --------------------------------------------------------------------------- */

static bool is_multi_read(int32_t type)
{
    return type == PDK_OP_GET_CHILDREN || type == PDK_OP_GET_DATA;
}

static bool is_multi_write(int32_t type)
{
    return type == PDK_OP_CREATE || type == PDK_OP_CREATE2 || type == PDK_OP_CREATE_CONTAINER ||
           type == PDK_OP_CREATE_TTL || type == PDK_OP_DELETE || type == PDK_OP_SET_DATA ||
           type == PDK_OP_CHECK;
}

static void put_multi_header(struct pdk_buf *b, int32_t type, bool done, int32_t err)
{
    pdk_put_multi_header(b, &(struct pdk_multi_header){.type = type, .done = done, .err = err});
}

/* One operation of a multiRead; the watch flag is read and dropped. */
static void put_multi_part(struct read *r, int32_t type)
{
    struct pdk_buf *out = &r->n->out.bytes;
    struct pdk_slice path = pdk_read_bytes(&r->body);
    (void)pdk_read_bool(&r->body);
    if (r->body.failed) return;
    pdk_znode id = PDK_ZNODE_NONE;
    enum pdk_code code = find_readable(r, path, PDK_PERM_READ, &id);
    if (code != PDK_CODE_OK) {
        put_multi_header(out, PDK_OP_ERROR, false, code);
        pdk_put_i32(out, code);
        return;
    }
    put_multi_header(out, type, false, 0);
    if (type == PDK_OP_GET_DATA) {
        struct pdk_slice data = pdk_tree_data(r->n->state->tree, id);
        note_read(r, path, data.len);
        pdk_put_bytes(out, data);
        put_stat(r, id);
    } else {
        put_children(r, path, id);
    }
}

/* A list that starts with writes is answered MarshallingError with an empty list behind the
 * header, as Apache does; anything else that is broken without one. */
static enum pdk_code refuse_multi_read(struct read *r, struct pdk_answer a, bool writes)
{
    struct pdk_buf *out = &r->n->out.bytes;
    out->len = a.mark;
    if (!writes) return PDK_CODE_MARSHALLING_ERROR;
    a = pdk_answer_begin(r->n, r->item->xid, r->n->state->last_zxid, PDK_CODE_MARSHALLING_ERROR);
    put_multi_header(out, -1, true, -1);
    return end(r, a);
}

static enum pdk_code run_multi_read(struct read *r)
{
    struct pdk_answer a = begin(r);
    for (int32_t i = 0;; i++) {
        struct pdk_multi_header header;
        pdk_read_multi_header(&r->body, &header);
        if (r->body.failed) return refuse_multi_read(r, a, false);
        if (header.done) break;
        if (!is_multi_read(header.type))
            return refuse_multi_read(r, a, i == 0 && is_multi_write(header.type));
        put_multi_part(r, header.type);
        if (r->n->out.bytes.len - a.mark > PDK_MULTI_READ_BYTES) r->body.failed = true;
        if (r->body.failed) return refuse_multi_read(r, a, false);
    }
    put_multi_header(&r->n->out.bytes, -1, true, -1);
    return end(r, a);
}

/* ---- watches ----------------------------------------------------------------------------- */

static enum pdk_code run_add_watch(struct read *r)
{
    struct pdk_add_watch_request req;
    pdk_read_add_watch_request(&r->body, &req);
    if (r->body.failed || req.path.is_null || req.mode < 0 || req.mode > 1)
        return PDK_CODE_MARSHALLING_ERROR;
    enum pdk_watch_kind kind = req.mode == 0 ? PDK_WATCH_PERSISTENT : PDK_WATCH_RECURSIVE;
    enum pdk_code code = pdk_watches_add(r->n, r->c, kind, req.path);
    if (code != PDK_CODE_OK) return code;
    struct pdk_answer a = begin(r);
    pdk_put_i32(&r->n->out.bytes, 0);
    return end(r, a);
}

static enum pdk_code run_check_watches(struct read *r)
{
    struct pdk_check_watches_request req; /* removeWatches has the same record */
    pdk_read_check_watches_request(&r->body, &req);
    if (r->body.failed || req.path.is_null) return PDK_CODE_MARSHALLING_ERROR;
    enum pdk_code code = r->item->op == PDK_OP_CHECK_WATCHES
                             ? pdk_watches_check(r->n, r->c, req.type, req.path)
                             : pdk_watches_remove(r->n, r->c, req.type, req.path);
    if (code != PDK_CODE_OK) return code;
    return end(r, begin(r));
}

static enum pdk_code run_set_watches(struct read *r)
{
    enum pdk_code code =
        pdk_watches_catch_up(r->n, r->c, &r->body, r->item->op == PDK_OP_SET_WATCHES2);
    if (code != PDK_CODE_OK) return code;
    return end(r, begin(r));
}

/* ---- which one --------------------------------------------------------------------------- */

bool pdk_local_knows(int32_t op)
{
    switch (op) {
    case PDK_OP_EXISTS:
    case PDK_OP_GET_DATA:
    case PDK_OP_GET_ACL:
    case PDK_OP_GET_CHILDREN:
    case PDK_OP_GET_CHILDREN2:
    case PDK_OP_SYNC:
    case PDK_OP_PING:
    case PDK_OP_CHECK_WATCHES:
    case PDK_OP_REMOVE_WATCHES:
    case PDK_OP_MULTI_READ:
    case PDK_OP_SET_WATCHES:
    case PDK_OP_SET_WATCHES2:
    case PDK_OP_GET_EPHEMERALS:
    case PDK_OP_GET_ALL_CHILDREN_NUMBER:
    case PDK_OP_ADD_WATCH:
    case PDK_OP_WHO_AM_I: return true;
    default: return false;
    }
}

static enum pdk_code run(struct read *r)
{
    switch (r->item->op) {
    case PDK_OP_EXISTS: return run_exists(r);
    case PDK_OP_GET_DATA: return run_get_data(r);
    case PDK_OP_GET_ACL: return run_get_acl(r);
    case PDK_OP_GET_CHILDREN:
    case PDK_OP_GET_CHILDREN2: return run_get_children(r);
    case PDK_OP_SYNC: return run_sync(r);
    case PDK_OP_PING: return run_ping(r);
    case PDK_OP_CHECK_WATCHES:
    case PDK_OP_REMOVE_WATCHES: return run_check_watches(r);
    case PDK_OP_MULTI_READ: return run_multi_read(r);
    case PDK_OP_SET_WATCHES:
    case PDK_OP_SET_WATCHES2: return run_set_watches(r);
    case PDK_OP_GET_EPHEMERALS: return run_get_ephemerals(r);
    case PDK_OP_GET_ALL_CHILDREN_NUMBER: return run_count(r);
    case PDK_OP_ADD_WATCH: return run_add_watch(r);
    case PDK_OP_WHO_AM_I: return run_who_am_i(r);
    default: PDK_UNREACHABLE();
    }
}

void pdk_local_run(struct pdk_node *n, struct pdk_conn *c, const struct pdk_pipe_item *item,
                   struct pdk_slice body)
{
    struct read r = {.n = n, .c = c, .item = item, .body = pdk_reader_of(body)};
    enum pdk_code code = run(&r);
    if (code != PDK_CODE_OK) pdk_answer_code(n, c, item->xid, n->state->last_zxid, code);
    pdk_answer_count(n, c, item->xid, item->op, item->received_ms, false);
    n->metrics.prep_processor_request_queued++;
    pdk_metrics_count_op(&n->metrics, item->op);
}

/* ---- looking ahead ---------------------------------------------------------------------- */

/* Requests whose record begins with the path of a znode that may exist. */
static bool begins_with_path(int32_t op)
{
    switch (op) {
    case PDK_OP_DELETE:
    case PDK_OP_EXISTS:
    case PDK_OP_GET_DATA:
    case PDK_OP_SET_DATA:
    case PDK_OP_GET_ACL:
    case PDK_OP_SET_ACL:
    case PDK_OP_GET_CHILDREN:
    case PDK_OP_GET_CHILDREN2: return true;
    default: return false;
    }
}

void pdk_node_ahead(const struct pdk_node *n, const struct pdk_slice *frames, size_t count)
{
    _Static_assert(PDK_NODE_AHEAD_MAX <= PDK_AHEAD_MAX, "the tree takes them all at once");
    struct pdk_slice paths[PDK_NODE_AHEAD_MAX];
    size_t found = 0;
    PDK_ASSERT(count <= PDK_NODE_AHEAD_MAX);
    for (size_t i = 0; i < count; i++) {
        struct pdk_reader r = pdk_reader_of(frames[i]);
        struct pdk_request_header header;
        pdk_read_request_header(&r, &header);
        if (r.failed || !begins_with_path(header.type)) continue;
        struct pdk_slice path = pdk_read_bytes(&r);
        if (!r.failed && path.len > 0) paths[found++] = path;
    }
    if (found > 1) pdk_tree_ahead(n->state->tree, paths, found);
}

/* ---- identities -------------------------------------------------------------------------- */

bool pdk_local_auth(struct pdk_node *n, struct pdk_conn *c, int32_t xid, struct pdk_slice body)
{
    struct pdk_auth_packet packet;
    struct pdk_reader r = pdk_reader_of(body);
    pdk_read_auth_packet(&r, &packet);
    if (r.failed) return false;
    enum pdk_code code =
        pdk_acl_authenticate(&n->config.acl, &c->identities, packet.scheme, packet.auth);
    pdk_answer_code(n, c, xid, 0, code);
    if (code == PDK_CODE_OK) return true;
    n->totals.auth_failed++;
    size_t mark = pdk_out_mark(&n->out);
    char scheme[64];
    pdk_put_text(&n->out.bytes, "session.auth.failed session=0x%llx scheme=%s",
                 (unsigned long long)c->session,
                 pdk_log_quote(packet.scheme, scheme, sizeof scheme));
    pdk_out_logged(&n->out, PDK_LOG_WARN, mark);
    return false;
}

void pdk_local_sasl(struct pdk_node *n, struct pdk_conn *c, int32_t xid)
{
    struct pdk_answer a = pdk_answer_begin(n, xid, 0, PDK_CODE_OK);
    pdk_put_bytes(&n->out.bytes, pdk_slice_null());
    pdk_answer_end(n, c, a);
}
