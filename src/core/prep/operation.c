/* One operation: decode, check in Apache's order, write the transaction's body, note the change in
 * the overlay.  The order of checks is that of client-protocol.md section 9.2. */
#include "core/prep/internal.h"

#include <string.h>

/* ---- common checks ----------------------------------------------------------------------- */

static bool allows(const struct pdk_prep_work *w, struct pdk_slice acl, int32_t perms)
{
    if (w->req->identities == NULL) return true; /* the server itself */
    return pdk_acl_allows(&w->p->config.acl, acl, perms, w->req->identities,
                          w->req->identity_count);
}

static enum pdk_code fix_acl(struct pdk_prep_work *w, const struct pdk_vec *acl)
{
    pdk_buf_clear(&w->p->acl);
    return pdk_acl_fix(&w->p->config.acl, acl, w->req->identities, w->req->identity_count,
                       &w->p->acl);
}

/* -1 matches anything.  An increment that would give -1 gives 0, so that the version can still be
 * asked for (data-model.md section 4, master's rule). */
static enum pdk_code check_version(int32_t current, int32_t expected, int32_t *next)
{
    if (expected != -1 && expected != current) return PDK_CODE_BAD_VERSION;
    int32_t raised = (int32_t)((uint32_t)current + 1u);
    *next = raised == -1 ? 0 : raised;
    return PDK_CODE_OK;
}

/* Room for a record that holds so many bytes beside its fixed fields. */
static bool fits(const struct pdk_prep_work *w, size_t bytes)
{
    return bytes <= INT32_MAX && pdk_prep_fits(w, bytes + 64);
}

static bool is_special(struct pdk_slice path)
{
    return pdk_path_is_root(path) || pdk_slice_eq_str(path, "/zookeeper") ||
           pdk_slice_eq_str(path, "/zookeeper/quota") ||
           pdk_slice_eq_str(path, "/zookeeper/config");
}

/* Hard limits only, by committed usage (data-model.md section 11). */
static enum pdk_code check_quota(struct pdk_prep_work *w, struct pdk_slice path, int64_t bytes,
                                 int64_t count)
{
    struct pdk_slice prefix;
    struct pdk_quota_limits limits;
    struct pdk_quota_usage usage;
    if (!w->p->config.enforce_quota) return PDK_CODE_OK;
    if (!pdk_tree_quota(w->p->tree, path, &prefix, &limits, &usage)) return PDK_CODE_OK;
    bool over = (limits.count_hard > -1 && count > 0 && usage.count + count > limits.count_hard) ||
                (limits.bytes_hard > -1 && bytes != 0 && usage.bytes + bytes > limits.bytes_hard);
    if (!over) return PDK_CODE_OK;
    w->result->quota_refused = true;
    return PDK_CODE_QUOTA_EXCEEDED;
}

static int32_t next_cversion(const struct pdk_record *parent)
{
    return (int32_t)((uint32_t)parent->stat.cversion + 1u);
}

/* The parent after a child came or went. */
static void change_parent(struct pdk_prep_work *w, struct pdk_slice parent_path,
                          struct pdk_record *parent, bool created)
{
    /* Replicas never lower the counter: behind the largest int it stands still, and pzxid with
     * it. */
    int32_t next = next_cversion(parent);
    if (!created || next > parent->stat.cversion) parent->stat.pzxid = w->zxid;
    if (created && next > parent->stat.cversion) parent->stat.cversion = next;
    uint32_t children = created ? parent->child_count + 1 : parent->child_count - 1;
    w->result->parent_digest =
        pdk_overlay_put_stat(w->p->overlay, parent_path, parent, w->zxid, &parent->stat, children);
}

/* ---- create ------------------------------------------------------------------------------ */

struct create {
    struct pdk_slice path, data;
    struct pdk_vec acl;
    int32_t flags;
    int64_t ttl;
};

static bool read_create(int32_t kind, struct pdk_reader *r, struct create *out)
{
    if (kind == PDK_OP_CREATE_TTL) {
        struct pdk_create_ttl_request req;
        pdk_read_create_ttl_request(r, &req);
        *out = (struct create){req.path, req.data, req.acl, req.flags, req.ttl};
    } else {
        struct pdk_create_request req;
        pdk_read_create_request(r, &req);
        *out = (struct create){req.path, req.data, req.acl, req.flags, -1};
    }
    return !r->failed;
}

static enum pdk_code check_create_flags(const struct pdk_prep_work *w, int32_t kind,
                                        const struct create *c)
{
    if (!pdk_create_flags_known(c->flags)) return PDK_CODE_BAD_ARGUMENTS;
    if (pdk_create_is_ttl(c->flags)) {
        if (!w->p->config.extended_types) return PDK_CODE_UNIMPLEMENTED;
        if (c->ttl < 1 || c->ttl > PDK_TTL_MS_MAX) return PDK_CODE_BAD_ARGUMENTS;
    } else if (kind == PDK_OP_CREATE_TTL) {
        /* Apache lets opcode 21 with ttl -1 pass and dies of it while applying. */
        return PDK_CODE_BAD_ARGUMENTS;
    }
    if (pdk_create_is_ephemeral(c->flags) && !w->req->global_session)
        return PDK_CODE_EPHEMERAL_ON_LOCAL_SESSION;
    return PDK_CODE_OK;
}

/* The name asked for, with the parent's counter behind it when sequential. */
static struct pdk_slice final_path(struct pdk_prep_work *w, const struct create *c, int32_t counter)
{
    if (!pdk_create_is_sequential(c->flags)) return c->path;
    struct pdk_buf *b = &w->p->path;
    pdk_buf_clear(b);
    pdk_put_raw(b, c->path.bytes, c->path.len);
    char digits[16];
    size_t len = 0;
    uint32_t value = counter < 0 ? 0u - (uint32_t)counter : (uint32_t)counter;
    while (len < 10 || value > 0) { /* %010d: the sign takes one of the ten places */
        if (counter < 0 && len >= 9 && value == 0) break;
        digits[len++] = (char)('0' + value % 10);
        value /= 10;
    }
    if (counter < 0) digits[len++] = '-';
    while (len > 0) pdk_put_u8(b, (uint8_t)digits[--len]);
    return pdk_buf_slice(b);
}

static int64_t owner_word(const struct pdk_prep_work *w, int32_t kind, const struct create *c)
{
    /* The transaction's type decides what replicas make of it, not the flags. */
    if (kind == PDK_OP_CREATE_CONTAINER) return PDK_OWNER_CONTAINER;
    if (kind == PDK_OP_CREATE_TTL) return PDK_OWNER_TTL_MARK | c->ttl;
    return pdk_create_is_ephemeral(c->flags) ? w->req->session : 0;
}

static void put_create_body(struct pdk_prep_work *w, int32_t kind, const struct create *c,
                            struct pdk_slice path, int32_t parent_cversion)
{
    struct pdk_buf *txn = w->txn;
    pdk_put_bytes(txn, path);
    pdk_put_bytes(txn, c->data);
    pdk_put_raw(txn, w->p->acl.bytes, w->p->acl.len);
    if (kind == PDK_OP_CREATE || kind == PDK_OP_CREATE2)
        pdk_put_bool(txn, pdk_create_is_ephemeral(c->flags));
    pdk_put_i32(txn, parent_cversion);
    if (kind == PDK_OP_CREATE_TTL) pdk_put_i64(txn, c->ttl);
}

static enum pdk_code run_create(struct pdk_prep_work *w, int32_t kind, const struct create *c)
{
    if (c->path.is_null) return PDK_CODE_MARSHALLING_ERROR;
    enum pdk_code code = check_create_flags(w, kind, c);
    if (code != PDK_CODE_OK) return code;
    if (!pdk_path_has_parent(c->path)) return PDK_CODE_BAD_ARGUMENTS;
    if ((code = fix_acl(w, &c->acl)) != PDK_CODE_OK) return code;

    struct pdk_slice parent_path = pdk_path_parent(c->path);
    struct pdk_record parent, node;
    if (!pdk_overlay_find(w->p->overlay, parent_path, &parent)) return PDK_CODE_NO_NODE;
    if (!allows(w, parent.acl, PDK_PERM_CREATE)) return PDK_CODE_NO_AUTH;
    struct pdk_slice path = final_path(w, c, parent.stat.cversion);
    if (!pdk_path_valid(path)) return PDK_CODE_BAD_ARGUMENTS;
    if (pdk_overlay_find(w->p->overlay, path, &node)) return PDK_CODE_NODE_EXISTS;
    if (pdk_owner_kind(w->p->tree, parent.stat.ephemeral_owner) == PDK_KIND_EPHEMERAL)
        return PDK_CODE_NO_CHILDREN_FOR_EPHEMERALS;
    if ((code = check_quota(w, path, (int64_t)c->data.len, 1)) != PDK_CODE_OK) return code;
    if (!fits(w, path.len + c->data.len + w->p->acl.len)) return PDK_CODE_MARSHALLING_ERROR;

    int32_t parent_cversion = next_cversion(&parent);
    change_parent(w, parent_path, &parent, true);
    struct pdk_stat_persisted stat = {.czxid = w->zxid,
                                      .mzxid = w->zxid,
                                      .pzxid = w->zxid,
                                      .ctime = w->req->time_ms,
                                      .mtime = w->req->time_ms,
                                      .ephemeral_owner = owner_word(w, kind, c)};
    w->result->node_digest = pdk_overlay_put_created(w->p->overlay, path, w->zxid, &stat, c->data,
                                                     pdk_buf_slice(&w->p->acl));
    put_create_body(w, kind, c, path, parent_cversion);
    return PDK_CODE_OK;
}

/* ---- delete, setData, setACL, check ------------------------------------------------------ */

static void remove_znode(struct pdk_prep_work *w, struct pdk_slice path,
                         const struct pdk_record *node)
{
    struct pdk_slice parent_path = pdk_path_parent(path);
    struct pdk_record parent;
    pdk_overlay_put_deleted(w->p->overlay, path, node, w->zxid);
    w->result->node_digest = 0;
    bool found = pdk_overlay_find(w->p->overlay, parent_path, &parent);
    PDK_ASSERT(found);
    change_parent(w, parent_path, &parent, false);
}

static enum pdk_code run_delete(struct pdk_prep_work *w, const struct pdk_delete_request *req)
{
    if (req->path.is_null) return PDK_CODE_MARSHALLING_ERROR;
    if (!pdk_path_has_parent(req->path) || is_special(req->path)) return PDK_CODE_BAD_ARGUMENTS;
    struct pdk_record parent, node;
    if (!pdk_overlay_find(w->p->overlay, pdk_path_parent(req->path), &parent))
        return PDK_CODE_NO_NODE;
    if (!allows(w, parent.acl, PDK_PERM_DELETE)) return PDK_CODE_NO_AUTH;
    if (!pdk_overlay_find(w->p->overlay, req->path, &node)) return PDK_CODE_NO_NODE;
    int32_t next = 0;
    enum pdk_code code = check_version(node.stat.version, req->version, &next);
    if (code != PDK_CODE_OK) return code;
    if (node.child_count > 0) return PDK_CODE_NOT_EMPTY;
    remove_znode(w, req->path, &node);
    pdk_put_bytes(w->txn, req->path);
    return PDK_CODE_OK;
}

/* A container or TTL znode that was found due: asked by the server itself, checked again. */
static enum pdk_code run_delete_container(struct pdk_prep_work *w, struct pdk_slice path)
{
    struct pdk_record node;
    if (!pdk_path_has_parent(path) || is_special(path)) return PDK_CODE_BAD_ARGUMENTS;
    if (!pdk_overlay_find(w->p->overlay, path, &node)) return PDK_CODE_NO_NODE;
    if (node.child_count > 0) return PDK_CODE_NOT_EMPTY;
    enum pdk_znode_kind kind = pdk_owner_kind(w->p->tree, node.stat.ephemeral_owner);
    if (kind == PDK_KIND_EPHEMERAL || kind == PDK_KIND_PERSISTENT) return PDK_CODE_BAD_VERSION;
    remove_znode(w, path, &node);
    pdk_put_bytes(w->txn, path);
    return PDK_CODE_OK;
}

static enum pdk_code run_set_data(struct pdk_prep_work *w, const struct pdk_set_data_request *req)
{
    if (!pdk_path_valid(req->path)) return PDK_CODE_BAD_ARGUMENTS;
    struct pdk_record node;
    if (!pdk_overlay_find(w->p->overlay, req->path, &node)) return PDK_CODE_NO_NODE;
    if (!allows(w, node.acl, PDK_PERM_WRITE)) return PDK_CODE_NO_AUTH;
    enum pdk_code code =
        check_quota(w, req->path, (int64_t)req->data.len - (int64_t)node.data_len, 0);
    if (code != PDK_CODE_OK) return code;
    int32_t version = 0;
    if ((code = check_version(node.stat.version, req->version, &version)) != PDK_CODE_OK)
        return code;
    struct pdk_stat_persisted stat = node.stat;
    stat.version = version;
    stat.mzxid = w->zxid;
    stat.mtime = w->req->time_ms;
    w->result->node_digest =
        pdk_overlay_put_data(w->p->overlay, req->path, &node, w->zxid, &stat, req->data);
    w->result->id = node.id;
    pdk_put_set_data_txn(w->txn, &(struct pdk_set_data_txn){
                                     .path = req->path, .data = req->data, .version = version});
    return PDK_CODE_OK;
}

static enum pdk_code run_set_acl(struct pdk_prep_work *w, const struct pdk_set_acl_request *req)
{
    if (!pdk_path_valid(req->path)) return PDK_CODE_BAD_ARGUMENTS;
    enum pdk_code code = fix_acl(w, &req->acl);
    if (code != PDK_CODE_OK) return code;
    struct pdk_record node;
    if (!pdk_overlay_find(w->p->overlay, req->path, &node)) return PDK_CODE_NO_NODE;
    if (!allows(w, node.acl, PDK_PERM_ADMIN)) return PDK_CODE_NO_AUTH;
    int32_t aversion = 0;
    if ((code = check_version(node.stat.aversion, req->version, &aversion)) != PDK_CODE_OK)
        return code;
    if (!fits(w, req->path.len + w->p->acl.len)) return PDK_CODE_MARSHALLING_ERROR;
    struct pdk_stat_persisted stat = node.stat;
    stat.aversion = aversion;
    w->result->node_digest = pdk_overlay_put_acl(w->p->overlay, req->path, &node, w->zxid, &stat,
                                                 pdk_buf_slice(&w->p->acl));
    pdk_put_bytes(w->txn, req->path);
    pdk_put_raw(w->txn, w->p->acl.bytes, w->p->acl.len);
    pdk_put_i32(w->txn, aversion);
    return PDK_CODE_OK;
}

static enum pdk_code run_check(struct pdk_prep_work *w, const struct pdk_check_version_request *req)
{
    if (!pdk_path_valid(req->path)) return PDK_CODE_BAD_ARGUMENTS;
    struct pdk_record node;
    if (!pdk_overlay_find(w->p->overlay, req->path, &node)) return PDK_CODE_NO_NODE;
    if (!allows(w, node.acl, PDK_PERM_READ)) return PDK_CODE_NO_AUTH;
    int32_t next = 0;
    enum pdk_code code = check_version(node.stat.version, req->version, &next);
    if (code != PDK_CODE_OK) return code;
    pdk_put_check_version_txn(w->txn,
                              &(struct pdk_check_version_txn){.path = req->path, .version = next});
    return PDK_CODE_OK;
}

/* ---- sessions ---------------------------------------------------------------------------- */

struct closing {
    struct pdk_prep_work *w;
    int32_t count;
};

static void remove_ephemeral(struct closing *c, struct pdk_slice path,
                             const struct pdk_record *node)
{
    if (c->w->p->config.close_session_txn) pdk_put_bytes(c->w->txn, path);
    c->count++;
    remove_znode(c->w, path, node);
}

struct path_list {
    struct pdk_buf *out;
    int32_t count;
};

static void collect_path(void *ctx, struct pdk_slice path)
{
    struct path_list *list = ctx;
    pdk_put_bytes(list->out, path);
    list->count++;
}

/* Deletes what the session owns, pending creates included; the paths stand in the transaction so
 * that every replica deletes the same set. */
static enum pdk_code run_close_session(struct pdk_prep_work *w)
{
    struct pdk_prep *p = w->p;
    struct closing c = {.w = w};
    size_t count_at = w->txn->len;
    if (p->config.close_session_txn) pdk_put_i32(w->txn, 0);
    struct pdk_record node;
    /* Pending creates first into a list of their own: removing one changes the overlay. */
    struct path_list created = {.out = &p->created};
    pdk_buf_clear(&p->created);
    pdk_overlay_each_created(p->overlay, w->req->session, collect_path, &created);
    for (pdk_znode id = pdk_tree_ephemeral_first(p->tree, w->req->session); id != PDK_ZNODE_NONE;
         id = pdk_tree_ephemeral_next(p->tree, id)) {
        pdk_buf_clear(&p->path);
        pdk_tree_put_path(p->tree, id, &p->path);
        struct pdk_slice path = pdk_buf_slice(&p->path);
        struct pdk_stat_persisted committed;
        pdk_tree_stat_persisted(p->tree, id, &committed);
        /* Another czxid: it will be deleted and created again, and stands in `created`. */
        if (pdk_overlay_find(p->overlay, path, &node) && node.stat.czxid == committed.czxid)
            remove_ephemeral(&c, path, &node);
    }
    PDK_ASSERT(!p->created.failed);
    struct pdk_reader paths = pdk_reader_of(pdk_buf_slice(&p->created));
    for (int32_t i = 0; i < created.count; i++) {
        struct pdk_slice path = pdk_read_bytes(&paths);
        if (pdk_overlay_find(p->overlay, path, &node)) remove_ephemeral(&c, path, &node);
    }
    if (p->config.close_session_txn) pdk_buf_patch_i32(w->txn, count_at, c.count);
    return PDK_CODE_OK;
}

/* ---- which one --------------------------------------------------------------------------- */

static enum pdk_code undecoded(bool *undecodable)
{
    *undecodable = true;
    return PDK_CODE_MARSHALLING_ERROR;
}

/* The new config is the caller's finding; here it becomes the data of its znode. */
static enum pdk_code put_config(struct pdk_prep_work *w)
{
    struct pdk_slice path = pdk_slice_str("/zookeeper/config");
    struct pdk_record node;
    if (!pdk_overlay_find(w->p->overlay, path, &node)) return PDK_CODE_NO_NODE;
    if (!allows(w, node.acl, PDK_PERM_WRITE)) return PDK_CODE_NO_AUTH;
    if (!fits(w, path.len + w->req->config.len)) return PDK_CODE_MARSHALLING_ERROR;
    struct pdk_stat_persisted stat = node.stat;
    stat.version = -1;
    stat.mzxid = w->zxid;
    stat.mtime = w->req->time_ms;
    (void)pdk_overlay_put_data(w->p->overlay, path, &node, w->zxid, &stat, w->req->config);
    pdk_put_set_data_txn(
        w->txn, &(struct pdk_set_data_txn){.path = path, .data = w->req->config, .version = -1});
    return PDK_CODE_OK;
}

static enum pdk_code run_reconfig(struct pdk_prep_work *w, struct pdk_reader *body,
                                  bool *undecodable)
{
    struct pdk_reconfig_request req;
    pdk_read_reconfig_request(body, &req);
    if (body->failed) return undecoded(undecodable);
    if (!w->p->config.reconfig_enabled) return PDK_CODE_RECONFIG_DISABLED;
    /* A standalone server has no members to change. */
    return w->req->config.len > 0 ? put_config(w) : PDK_CODE_UNIMPLEMENTED;
}

enum pdk_code pdk_prep_operation(struct pdk_prep_work *w, int32_t kind, struct pdk_reader *body,
                                 bool *undecodable)
{
    switch (kind) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL: {
        struct create c;
        if (!read_create(kind, body, &c)) return undecoded(undecodable);
        w->result->has_digests = true;
        return run_create(w, kind, &c);
    }
    case PDK_OP_DELETE: {
        struct pdk_delete_request req;
        pdk_read_delete_request(body, &req);
        if (body->failed) return undecoded(undecodable);
        w->result->has_digests = true;
        return run_delete(w, &req);
    }
    case PDK_OP_SET_DATA: {
        struct pdk_set_data_request req;
        pdk_read_set_data_request(body, &req);
        if (body->failed) return undecoded(undecodable);
        w->result->has_digests = true;
        return run_set_data(w, &req);
    }
    case PDK_OP_SET_ACL: {
        struct pdk_set_acl_request req;
        pdk_read_set_acl_request(body, &req);
        if (body->failed) return undecoded(undecodable);
        return run_set_acl(w, &req);
    }
    case PDK_OP_CHECK: {
        struct pdk_check_version_request req;
        pdk_read_check_version_request(body, &req);
        if (body->failed) return undecoded(undecodable);
        return run_check(w, &req);
    }
    case PDK_OP_DELETE_CONTAINER: return run_delete_container(w, pdk_read_bytes(body));
    case PDK_OP_RECONFIG: return run_reconfig(w, body, undecodable);
    case PDK_OP_CREATE_SESSION: pdk_put_i32(w->txn, pdk_read_i32(body)); return PDK_CODE_OK;
    case PDK_OP_CLOSE_SESSION: return run_close_session(w);
    default: return PDK_CODE_UNIMPLEMENTED;
    }
}
