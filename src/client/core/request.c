/* Requests: encoded at once, behind the ones before; answered through the ring. */
#include "client/core/internal.h"
#include "proto/frame.h"

#include <string.h>

/* What a request takes beside its path and data. */
#define REQUEST_OVERHEAD_BYTES 128

static struct pdk_buf *target(struct pdk_client *c)
{
    return c->state == PDK_CLIENT_CONNECTED ? &c->out : &c->waiting;
}

static bool ring_reserve(struct pdk_client *c)
{
    if (PDK_LIKELY(c->ring_count < c->ring_cap)) return true;
    uint32_t cap = c->ring_cap > 0 ? c->ring_cap * 2 : 8;
    struct pdk_client_pending *grown =
        pdk_mem_resize(c->config.mem, c->ring, cap * sizeof *c->ring);
    if (grown == NULL) return false;
    /* The part that had wrapped around now follows the old end. */
    if (c->ring_head > 0) memcpy(grown + c->ring_cap, grown, c->ring_head * sizeof *grown);
    c->ring = grown;
    c->ring_cap = cap;
    return true;
}

struct request {
    struct pdk_buf *to;
    size_t frame;
    struct pdk_client_watched *watch;
    enum pdk_client_watch_kind watch_kind;
    int32_t op;
};

/* Takes all memory that the request and its answer need but for its bytes.
 *   size_bytes   of path, data and lists */
static enum pdk_err begin(struct pdk_client *c, int32_t op, size_t size_bytes, struct request *out)
{
    if (c->state > PDK_CLIENT_CONNECTED) return PDK_EINVAL;
    struct pdk_buf *to = target(c);
    size_t limit = c->config.output_limit_bytes, used = to->len - (to == &c->out ? c->out_sent : 0);
    if (c->ring_count >= c->config.pending_limit || used >= limit || size_bytes >= limit - used ||
        limit - used - size_bytes < REQUEST_OVERHEAD_BYTES) {
        return PDK_ENOMEM;
    }
    if (!ring_reserve(c) || !pdk_client_reserve_effects(c, 1)) return PDK_ENOMEM;
    *out = (struct request){.to = to, .op = op, .frame = pdk_frame_begin(to)};
    pdk_put_request_header(to, &(struct pdk_request_header){.xid = c->next_xid, .type = op});
    return PDK_OK;
}

static enum pdk_err end(struct pdk_client *c, const struct request *r, uint64_t tag)
{
    pdk_frame_end(r->to, r->frame);
    if (PDK_UNLIKELY(r->to->failed)) {
        r->to->failed = false;
        r->to->len = r->frame;
        if (r->watch != NULL) pdk_client_watches_discard(&c->watches, r->watch);
        return PDK_ENOMEM;
    }
    c->ring[(c->ring_head + c->ring_count) & (c->ring_cap - 1)] =
        (struct pdk_client_pending){.tag = tag,
                                    .xid = c->next_xid,
                                    .op = r->op,
                                    .watch = r->watch,
                                    .watch_kind = r->watch_kind};
    c->ring_count++;
    c->next_xid = c->next_xid == INT32_MAX ? 1 : c->next_xid + 1;
    return PDK_OK;
}

/* As begin, for a request that may set a watch. */
static enum pdk_err begin_watching(struct pdk_client *c, int32_t op, struct pdk_slice path,
                                   enum pdk_client_watch watch, enum pdk_client_watch_kind kind,
                                   struct request *out)
{
    enum pdk_err err = begin(c, op, path.len, out);
    if (err != PDK_OK || watch == PDK_CLIENT_NO_WATCH) return err;
    out->watch = pdk_client_watches_prepare(&c->watches, path);
    out->watch_kind = kind;
    if (out->watch == NULL) out->to->failed = true;
    return PDK_OK;
}

enum pdk_err pdk_client_get_data(struct pdk_client *c, struct pdk_slice path,
                                 enum pdk_client_watch watch, uint64_t tag)
{
    struct request r;
    enum pdk_err err = begin_watching(c, PDK_OP_GET_DATA, path, watch, PDK_CLIENT_WATCH_DATA, &r);
    if (err != PDK_OK) return err;
    pdk_put_get_data_request(
        r.to, &(struct pdk_get_data_request){.path = path, .watch = watch == PDK_CLIENT_WATCH});
    return end(c, &r, tag);
}

enum pdk_err pdk_client_exists(struct pdk_client *c, struct pdk_slice path,
                               enum pdk_client_watch watch, uint64_t tag)
{
    struct request r;
    enum pdk_err err = begin_watching(c, PDK_OP_EXISTS, path, watch, PDK_CLIENT_WATCH_DATA, &r);
    if (err != PDK_OK) return err;
    pdk_put_exists_request(
        r.to, &(struct pdk_exists_request){.path = path, .watch = watch == PDK_CLIENT_WATCH});
    return end(c, &r, tag);
}

enum pdk_err pdk_client_get_children2(struct pdk_client *c, struct pdk_slice path,
                                      enum pdk_client_watch watch, uint64_t tag)
{
    struct request r;
    enum pdk_err err =
        begin_watching(c, PDK_OP_GET_CHILDREN2, path, watch, PDK_CLIENT_WATCH_CHILD, &r);
    if (err != PDK_OK) return err;
    pdk_put_get_children2_request(r.to, &(struct pdk_get_children2_request){
                                            .path = path, .watch = watch == PDK_CLIENT_WATCH});
    return end(c, &r, tag);
}

enum pdk_err pdk_client_set_data(struct pdk_client *c, struct pdk_slice path, struct pdk_slice data,
                                 int32_t version, uint64_t tag)
{
    struct request r;
    enum pdk_err err = begin(c, PDK_OP_SET_DATA, path.len + data.len, &r);
    if (err != PDK_OK) return err;
    pdk_put_set_data_request(
        r.to, &(struct pdk_set_data_request){.path = path, .data = data, .version = version});
    return end(c, &r, tag);
}

enum pdk_err pdk_client_delete(struct pdk_client *c, struct pdk_slice path, int32_t version,
                               uint64_t tag)
{
    struct request r;
    enum pdk_err err = begin(c, PDK_OP_DELETE, path.len, &r);
    if (err != PDK_OK) return err;
    pdk_put_delete_request(r.to, &(struct pdk_delete_request){.path = path, .version = version});
    return end(c, &r, tag);
}

/* One encoded ACL: all permissions to world:anyone. */
static const uint8_t acl_open[] = {0,   0,   0,   PDK_PERM_ALL, 0,   0,   0,  5,
                                   'w', 'o', 'r', 'l',          'd', 0,   0,  0,
                                   6,   'a', 'n', 'y',          'o', 'n', 'e'};

enum pdk_err pdk_client_create_znode(struct pdk_client *c, const struct pdk_client_znode *znode,
                                     uint64_t tag)
{
    bool ttl = pdk_create_is_ttl(znode->flags);
    enum pdk_op op = ttl                                    ? PDK_OP_CREATE_TTL
                     : znode->flags == PDK_CREATE_CONTAINER ? PDK_OP_CREATE_CONTAINER
                     : znode->want_stat                     ? PDK_OP_CREATE2
                                                            : PDK_OP_CREATE;
    struct pdk_vec acl = znode->acl;
    if (acl.count == 0) acl = pdk_vec_of(1, pdk_slice_of(acl_open, sizeof acl_open));
    struct request r;
    enum pdk_err err = begin(c, op, znode->path.len + znode->data.len + acl.body.len, &r);
    if (err != PDK_OK) return err;
    if (ttl) {
        pdk_put_create_ttl_request(r.to, &(struct pdk_create_ttl_request){.path = znode->path,
                                                                          .data = znode->data,
                                                                          .acl = acl,
                                                                          .flags = znode->flags,
                                                                          .ttl = znode->ttl_ms});
    } else {
        pdk_put_create_request(
            r.to, &(struct pdk_create_request){
                      .path = znode->path, .data = znode->data, .acl = acl, .flags = znode->flags});
    }
    return end(c, &r, tag);
}

enum pdk_err pdk_client_add_watch(struct pdk_client *c, struct pdk_slice path, int32_t mode,
                                  uint64_t tag)
{
    if (mode != PDK_ADD_WATCH_PERSISTENT && mode != PDK_ADD_WATCH_PERSISTENT_RECURSIVE) {
        return PDK_EINVAL;
    }
    struct request r;
    enum pdk_err err = begin_watching(c, PDK_OP_ADD_WATCH, path, PDK_CLIENT_WATCH,
                                      mode == PDK_ADD_WATCH_PERSISTENT ? PDK_CLIENT_WATCH_PERSISTENT
                                                                       : PDK_CLIENT_WATCH_RECURSIVE,
                                      &r);
    if (err != PDK_OK) return err;
    pdk_put_add_watch_request(r.to, &(struct pdk_add_watch_request){.path = path, .mode = mode});
    return end(c, &r, tag);
}

enum pdk_err pdk_client_raw(struct pdk_client *c, enum pdk_op op, struct pdk_slice record,
                            uint64_t tag)
{
    switch (op) {
    case PDK_OP_CLOSE_SESSION:
    case PDK_OP_CREATE_SESSION:
    case PDK_OP_ERROR:
    case PDK_OP_NOTIFICATION:
    case PDK_OP_PING:
    case PDK_OP_AUTH:
    case PDK_OP_SET_WATCHES:
    case PDK_OP_SET_WATCHES2:
    case PDK_OP_ADD_WATCH:
    case PDK_OP_REMOVE_WATCHES:
    case PDK_OP_GET_DATA:
    case PDK_OP_EXISTS:
    case PDK_OP_GET_CHILDREN:
    case PDK_OP_GET_CHILDREN2: return PDK_EINVAL;
    default: break;
    }
    struct request r;
    enum pdk_err err = begin(c, op, record.len, &r);
    if (err != PDK_OK) return err;
    pdk_put_raw(r.to, record.bytes, record.len);
    return end(c, &r, tag);
}

enum pdk_err pdk_client_add_auth(struct pdk_client *c, struct pdk_slice scheme,
                                 struct pdk_slice auth, uint64_t tag)
{
    if (c->state > PDK_CLIENT_CONNECTED) return PDK_EINVAL;
    size_t limit = c->config.output_limit_bytes;
    if (scheme.len > limit || auth.len > limit - scheme.len) return PDK_ENOMEM;
    const struct pdk_mem *mem = c->config.mem;
    if (!pdk_client_reserve_effects(c, 1)) return PDK_ENOMEM;
    struct pdk_client_auth *grown =
        pdk_mem_resize(mem, c->auths, (c->auth_count + 1) * sizeof *c->auths);
    if (grown == NULL) return PDK_ENOMEM;
    c->auths = grown;
    struct pdk_client_auth *a = &c->auths[c->auth_count];
    *a = (struct pdk_client_auth){.tag = tag, .scheme_len = scheme.len, .auth_len = auth.len};
    a->bytes = pdk_mem_try(mem, scheme.len + auth.len + 1);
    if (a->bytes == NULL) return PDK_ENOMEM;
    if (scheme.len > 0) memcpy(a->bytes, scheme.bytes, scheme.len);
    if (auth.len > 0) memcpy(a->bytes + scheme.len, auth.bytes, auth.len);
    if (c->state == PDK_CLIENT_CONNECTED) {
        size_t mark = c->out.len;
        pdk_client_put_auth(c, a);
        if (c->out.failed) {
            c->out.failed = false;
            c->out.len = mark;
            pdk_mem_free(mem, a->bytes);
            return PDK_ENOMEM;
        }
    }
    c->auth_count++;
    c->auth_untold++;
    return PDK_OK;
}

enum pdk_err pdk_client_close(struct pdk_client *c, uint64_t tag)
{
    if (c->state > PDK_CLIENT_CONNECTED) return PDK_EINVAL;
    if (c->state != PDK_CLIENT_CONNECTED) {
        if (!pdk_client_reserve_effects(c, 1)) return PDK_ENOMEM;
        pdk_client_finish(c, PDK_CLIENT_CLOSED, PDK_CODE_SESSION_EXPIRED);
        pdk_client_push_reply(c, tag, PDK_OP_CLOSE_SESSION, PDK_CODE_OK);
        return PDK_OK;
    }
    struct request r;
    enum pdk_err err = begin(c, PDK_OP_CLOSE_SESSION, 0, &r);
    if (err != PDK_OK) return err;
    err = end(c, &r, tag);
    if (err == PDK_OK) pdk_client_enter(c, PDK_CLIENT_CLOSING);
    return err;
}
