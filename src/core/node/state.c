#include "core/node/state.h"

#include <string.h>

#include "proto/opcode.h"

void pdk_state_init(struct pdk_state *s, const struct pdk_tree_config *tree_config, int64_t tick_ms,
                    size_t session_limit)
{
    *s = (struct pdk_state){.mem = tree_config->mem,
                            .tree_config = *tree_config,
                            .tick_ms = tick_ms,
                            .session_limit = session_limit};
    s->tree = pdk_tree_create(tree_config, true);
    s->sessions = pdk_sessions_create(s->mem, tree_config->seed, tick_ms, session_limit);
    PDK_ASSERT(s->tree != NULL);
    PDK_ASSERT(s->sessions != NULL);
}

void pdk_state_deinit(struct pdk_state *s)
{
    pdk_tree_destroy(s->tree);
    pdk_sessions_destroy(s->sessions);
    s->tree = NULL;
    s->sessions = NULL;
}

struct pdk_state *pdk_state_create_like(const struct pdk_state *like)
{
    struct pdk_state *s = pdk_mem_must_zero(like->mem, 1, sizeof *s);
    pdk_state_init(s, &like->tree_config, like->tick_ms, like->session_limit);
    return s;
}

void pdk_state_retire(struct pdk_state *s)
{
    s->retired = true;
    if (s->jobs > 0) return;
    pdk_state_deinit(s);
    pdk_mem_free(s->mem, s);
}

/* ---- one transaction --------------------------------------------------------------------- */

enum pdk_err pdk_txn_split(struct pdk_slice txn, struct pdk_txn_parts *out)
{
    struct pdk_reader r = pdk_reader_of(txn);
    pdk_read_txn_header(&r, &out->header);
    if (r.failed) return PDK_EMALFORMED;
    out->body = pdk_slice_of(r.at, pdk_reader_left(&r));
    return PDK_OK;
}

struct apply {
    struct pdk_state *s;
    const struct pdk_txn_header *header;
    const struct pdk_digest_hint *hint;
    pdk_on_change *on_change;
    void *ctx;
    struct pdk_applied *out;
};

static void tell(const struct apply *a, const struct pdk_change *change)
{
    if (a->on_change != NULL) a->on_change(a->ctx, change);
}

static void take_stat(const struct apply *a, pdk_znode id)
{
    a->out->has_stat = true;
    pdk_tree_stat(a->s->tree, id, &a->out->stat);
}

/* The encoded list from its count to its end, as the tree wants it. */
static struct pdk_slice list_between(const uint8_t *from, const struct pdk_reader *r)
{
    return pdk_slice_of(from, (size_t)(r->at - from));
}

/* Reads path, data, ACL; the list stays encoded. */
static void read_create_head(struct pdk_reader *r, struct pdk_tree_create *args)
{
    args->path = pdk_read_bytes(r);
    args->data = pdk_read_bytes(r);
    const uint8_t *list = r->at;
    struct pdk_vec acl = pdk_read_acl_vec(r);
    args->acl = acl.is_null ? pdk_slice_null() : list_between(list, r);
}

static bool read_create(int32_t type, pdk_session client, struct pdk_reader *r,
                        struct pdk_tree_create *args)
{
    read_create_head(r, args);
    if (type == PDK_OP_CREATE_CONTAINER) {
        args->parent_cversion = pdk_read_i32(r);
        args->owner = PDK_OWNER_CONTAINER;
    } else if (type == PDK_OP_CREATE_TTL) {
        args->parent_cversion = pdk_read_i32(r);
        args->owner = PDK_OWNER_TTL_MARK | (pdk_read_i64(r) & PDK_TTL_MS_MAX);
    } else {
        bool ephemeral = pdk_read_bool(r);
        args->owner = ephemeral ? client : 0;
        /* Old logs end here: no counter of the parent. */
        bool has_cversion = pdk_reader_left(r) >= 4;
        args->parent_cversion = has_cversion ? pdk_read_i32(r) : -1;
    }
    return !r->failed && !args->path.is_null;
}

static enum pdk_err apply_create(const struct apply *a, int32_t type, struct pdk_reader *r)
{
    struct pdk_tree_create args = {
        .zxid = a->header->zxid, .time_ms = a->header->time, .hint = a->hint};
    if (!read_create(type, a->header->client_id, r, &args)) return PDK_EMALFORMED;
    struct pdk_change change;
    a->out->path = args.path;
    a->out->code = pdk_tree_create_znode(a->s->tree, &args, &change);
    if (a->out->code != PDK_CODE_OK) return PDK_OK;
    take_stat(a, change.id);
    tell(a, &change);
    return PDK_OK;
}

static enum pdk_err apply_delete(const struct apply *a, struct pdk_reader *r)
{
    struct pdk_slice path = pdk_read_bytes(r);
    if (r->failed || path.is_null) return PDK_EMALFORMED;
    struct pdk_change change;
    a->out->path = path;
    a->out->code = pdk_tree_delete_znode(a->s->tree, path, a->header->zxid, a->hint, &change);
    if (a->out->code == PDK_CODE_OK) tell(a, &change);
    return PDK_OK;
}

static enum pdk_err apply_set_data(const struct apply *a, struct pdk_reader *r)
{
    struct pdk_set_data_txn txn;
    pdk_read_set_data_txn(r, &txn);
    if (r->failed || txn.path.is_null) return PDK_EMALFORMED;
    struct pdk_change change;
    a->out->path = txn.path;
    a->out->code = pdk_tree_set_data(a->s->tree, txn.path, txn.data, txn.version, a->header->zxid,
                                     a->header->time, a->hint, &change);
    if (a->out->code != PDK_CODE_OK) return PDK_OK;
    take_stat(a, change.id);
    tell(a, &change);
    return PDK_OK;
}

static enum pdk_err apply_set_acl(const struct apply *a, struct pdk_reader *r)
{
    struct pdk_slice path = pdk_read_bytes(r);
    const uint8_t *list = r->at;
    struct pdk_vec acl = pdk_read_acl_vec(r);
    struct pdk_slice encoded = acl.is_null ? pdk_slice_null() : list_between(list, r);
    int32_t aversion = pdk_read_i32(r);
    if (r->failed || path.is_null) return PDK_EMALFORMED;
    a->out->path = path;
    a->out->code = pdk_tree_set_acl(a->s->tree, path, encoded, aversion);
    if (a->out->code == PDK_CODE_OK) take_stat(a, pdk_tree_find(a->s->tree, path));
    return PDK_OK;
}

static enum pdk_err apply_create_session(const struct apply *a, struct pdk_reader *r)
{
    struct pdk_create_session_txn txn;
    pdk_read_create_session_txn(r, &txn);
    if (r->failed) return PDK_EMALFORMED;
    if (pdk_sessions_add(a->s->sessions, a->header->client_id, txn.time_out) == NULL)
        return PDK_ENOMEM;
    return PDK_OK;
}

static void delete_quietly(const struct apply *a, struct pdk_slice path)
{
    struct pdk_change change;
    if (pdk_tree_delete_znode(a->s->tree, path, a->header->zxid, NULL, &change) == PDK_CODE_OK)
        tell(a, &change);
}

/* Deletes the listed znodes, whoever owns them now, then what the tree still lists. */
static enum pdk_err apply_close_session(const struct apply *a, struct pdk_reader *r)
{
    struct pdk_state *s = a->s;
    struct pdk_close_session_txn txn = {.paths2_delete = pdk_vec_null()};
    /* Transactions before 3.6 have no list: there only a digest, or nothing, is left. */
    struct pdk_reader attempt = *r;
    pdk_read_close_session_txn(&attempt, &txn);
    if (attempt.failed) txn.paths2_delete = pdk_vec_null();
    struct pdk_reader it = pdk_reader_of(txn.paths2_delete.body);
    for (int32_t i = 0; i < txn.paths2_delete.count; i++) {
        struct pdk_slice path = pdk_read_bytes(&it);
        if (!path.is_null) delete_quietly(a, path);
    }
    struct pdk_buf path;
    pdk_buf_init(&path, s->mem, SIZE_MAX);
    pdk_znode id = PDK_ZNODE_NONE;
    while ((id = pdk_tree_ephemeral_first(s->tree, a->header->client_id)) != PDK_ZNODE_NONE) {
        pdk_buf_clear(&path);
        pdk_tree_put_path(s->tree, id, &path);
        PDK_ASSERT(!path.failed);
        delete_quietly(a, pdk_buf_slice(&path));
    }
    pdk_buf_deinit(&path);
    pdk_sessions_remove(s->sessions, a->header->client_id);
    return PDK_OK;
}

static enum pdk_err apply_error(const struct apply *a, struct pdk_reader *r)
{
    struct pdk_error_txn txn;
    pdk_read_error_txn(r, &txn);
    if (r->failed) return PDK_EMALFORMED;
    a->out->code = (enum pdk_code)txn.err;
    return PDK_OK;
}

enum pdk_err pdk_state_apply_part(struct pdk_state *s, const struct pdk_txn_header *header,
                                  int32_t type, struct pdk_reader *body,
                                  const struct pdk_digest_hint *hint, pdk_on_change *on_change,
                                  void *ctx, struct pdk_applied *out)
{
    struct apply a = {
        .s = s, .header = header, .hint = hint, .on_change = on_change, .ctx = ctx, .out = out};
    out->type = type;
    out->code = PDK_CODE_OK;
    out->path = pdk_slice_null();
    out->has_stat = false;
    switch (type) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL: return apply_create(&a, type, body);
    case PDK_OP_DELETE:
    case PDK_OP_DELETE_CONTAINER: return apply_delete(&a, body);
    case PDK_OP_SET_DATA:
    case PDK_OP_RECONFIG: return apply_set_data(&a, body);
    case PDK_OP_SET_ACL: return apply_set_acl(&a, body);
    case PDK_OP_CHECK: return PDK_OK;
    case PDK_OP_CREATE_SESSION: return apply_create_session(&a, body);
    case PDK_OP_CLOSE_SESSION: return apply_close_session(&a, body);
    case PDK_OP_ERROR: return apply_error(&a, body);
    default: return PDK_EMALFORMED;
    }
}

bool pdk_multi_failed(const struct pdk_multi_txn *multi)
{
    struct pdk_reader it = pdk_reader_of(multi->txns.body);
    for (int32_t i = 0; i < multi->txns.count; i++) {
        struct pdk_txn part;
        pdk_read_txn(&it, &part);
        if (part.type == PDK_OP_ERROR) return true;
    }
    return false;
}

static enum pdk_err apply_multi(struct pdk_state *s, const struct pdk_txn_header *header,
                                struct pdk_reader *r, pdk_on_change *on_change, void *ctx)
{
    struct pdk_multi_txn multi;
    pdk_read_multi_txn(r, &multi);
    if (r->failed) return PDK_EMALFORMED;
    if (pdk_multi_failed(&multi)) return PDK_OK;
    struct pdk_reader it = pdk_reader_of(multi.txns.body);
    for (int32_t i = 0; i < multi.txns.count; i++) {
        struct pdk_txn part;
        struct pdk_applied applied;
        pdk_read_txn(&it, &part);
        struct pdk_reader body = pdk_reader_of(part.data);
        enum pdk_err err =
            pdk_state_apply_part(s, header, part.type, &body, NULL, on_change, ctx, &applied);
        if (err != PDK_OK) return err;
    }
    return PDK_OK;
}

/* ---- a leader's transactions ----------------------------------------------------------------- */

static bool is_readable(int32_t type, struct pdk_reader *r)
{
    struct pdk_tree_create create = {0};
    switch (type) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL: return read_create(type, 0, r, &create);
    case PDK_OP_DELETE:
    case PDK_OP_DELETE_CONTAINER: return !pdk_read_bytes(r).is_null && !r->failed;
    case PDK_OP_SET_DATA:
    case PDK_OP_RECONFIG: {
        struct pdk_set_data_txn txn;
        pdk_read_set_data_txn(r, &txn);
        return !r->failed && !txn.path.is_null;
    }
    case PDK_OP_SET_ACL: {
        struct pdk_set_acl_txn txn;
        pdk_read_set_acl_txn(r, &txn);
        return !r->failed && !txn.path.is_null;
    }
    case PDK_OP_CHECK:
    case PDK_OP_CLOSE_SESSION: return true; /* whatever it holds is passed over */
    case PDK_OP_CREATE_SESSION:
    case PDK_OP_ERROR: (void)pdk_read_i32(r); return !r->failed;
    default: return false;
    }
}

static bool multi_is_readable(struct pdk_reader *r)
{
    struct pdk_multi_txn multi;
    pdk_read_multi_txn(r, &multi);
    if (r->failed) return false;
    struct pdk_reader it = pdk_reader_of(multi.txns.body);
    for (int32_t i = 0; i < multi.txns.count; i++) {
        struct pdk_txn part;
        pdk_read_txn(&it, &part);
        struct pdk_reader body = pdk_reader_of(part.data);
        if (it.failed || !is_readable(part.type, &body)) return false;
    }
    return true;
}

bool pdk_txn_check(struct pdk_slice txn, pdk_zxid zxid)
{
    struct pdk_txn_parts parts;
    if (pdk_txn_split(txn, &parts) != PDK_OK || parts.header.zxid != zxid) return false;
    struct pdk_reader r = pdk_reader_of(parts.body);
    /* A lone check cannot be replayed by anybody (ZOOKEEPER-2623). */
    if (parts.header.type == PDK_OP_CHECK) return false;
    if (parts.header.type == PDK_OP_MULTI) return multi_is_readable(&r);
    return is_readable(parts.header.type, &r);
}

bool pdk_state_read_digest(struct pdk_reader *r, uint64_t *digest)
{
    if (pdk_reader_left(r) != PDK_TXN_DIGEST_LEN) return false;
    struct pdk_txn_digest d;
    pdk_read_txn_digest(r, &d);
    *digest = (uint64_t)d.tree_digest;
    return d.version == 2;
}

enum pdk_err pdk_state_apply(struct pdk_state *s, struct pdk_slice txn, pdk_on_change *on_change,
                             void *ctx)
{
    struct pdk_txn_parts parts;
    enum pdk_err err = pdk_txn_split(txn, &parts);
    if (err != PDK_OK) return err;
    struct pdk_reader r = pdk_reader_of(parts.body);
    struct pdk_applied applied;
    if (parts.header.type == PDK_OP_MULTI)
        err = apply_multi(s, &parts.header, &r, on_change, ctx);
    else
        err = pdk_state_apply_part(s, &parts.header, parts.header.type, &r, NULL, on_change, ctx,
                                   &applied);
    if (err != PDK_OK) return err;
    s->last_zxid = parts.header.zxid;
    uint64_t digest = 0;
    if (s->tree_config.digest_enabled && pdk_state_read_digest(&r, &digest)) {
        s->digest_zxid = s->last_zxid;
        s->digest = digest;
    }
    return PDK_OK;
}

/* ---- recovery ---------------------------------------------------------------------------- */

static enum pdk_err sink_reset(void *ctx)
{
    struct pdk_state *s = ctx;
    struct pdk_tree_config config = s->tree_config;
    int64_t tick_ms = s->tick_ms;
    size_t session_limit = s->session_limit;
    pdk_state_deinit(s);
    pdk_state_init(s, &config, tick_ms, session_limit);
    return PDK_OK;
}

static enum pdk_err sink_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    struct pdk_state *s = ctx;
    return pdk_sessions_add(s->sessions, id, timeout_ms) != NULL ? PDK_OK : PDK_ENOMEM;
}

static enum pdk_err sink_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    struct pdk_state *s = ctx;
    return pdk_tree_load_acl(s->tree, disk_id, list);
}

static enum pdk_err sink_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                               int64_t disk_acl_id, const struct pdk_stat_persisted *stat)
{
    struct pdk_state *s = ctx;
    return pdk_tree_load_znode(s->tree, path, data, disk_acl_id, stat);
}

static enum pdk_err sink_snapshot(void *ctx, const struct pdk_snapshot_info *info)
{
    struct pdk_state *s = ctx;
    s->last_zxid = info->zxid;
    /* Of a fuzzy snapshot the digest belongs to a later moment: replay will pass better ones. */
    if (info->has_digest && info->digest_zxid == info->zxid) {
        s->digest_zxid = info->zxid;
        s->digest = info->digest;
    }
    return PDK_OK;
}

/* A log without a snapshot starts from what a fresh server has. */
static void ensure_root(struct pdk_state *s)
{
    if (pdk_tree_find(s->tree, pdk_slice_str("")) != PDK_ZNODE_NONE) return;
    pdk_tree_destroy(s->tree);
    s->tree = pdk_tree_create(&s->tree_config, false);
    PDK_ASSERT(s->tree != NULL);
}

static enum pdk_err sink_txn(void *ctx, struct pdk_slice txn)
{
    struct pdk_state *s = ctx;
    ensure_root(s);
    return pdk_state_apply(s, txn, NULL, NULL);
}

struct pdk_recover_sink pdk_state_recover_sink(struct pdk_state *s)
{
    return (struct pdk_recover_sink){.ctx = s,
                                     .reset = sink_reset,
                                     .session = sink_session,
                                     .acl = sink_acl,
                                     .znode = sink_znode,
                                     .snapshot = sink_snapshot,
                                     .txn = sink_txn};
}

/* ---- snapshots --------------------------------------------------------------------------- */

struct session_copy {
    struct pdk_snapshot_job *job;
    size_t cap;
};

static void copy_session(void *ctx, const struct pdk_session_entry *e)
{
    struct session_copy *copy = ctx;
    PDK_ASSERT(copy->job->session_count < copy->cap);
    copy->job->sessions[copy->job->session_count++] =
        (struct pdk_snapshot_session){.id = e->id, .timeout_ms = e->timeout_ms};
}

struct pdk_snapshot_job *pdk_state_freeze(struct pdk_state *s)
{
    struct pdk_snapshot_job *job = pdk_mem_try_zero(s->mem, 1, sizeof *job);
    if (job == NULL) return NULL;
    struct session_copy copy = {.job = job, .cap = pdk_sessions_count(s->sessions)};
    job->sessions = pdk_mem_try_zero(s->mem, copy.cap + 1, sizeof *job->sessions);
    if (job->sessions == NULL) goto free_job;
    job->view = pdk_view_take(s->tree);
    if (job->view == NULL) goto free_sessions;
    pdk_sessions_each(s->sessions, copy_session, &copy);
    job->zxid = s->last_zxid;
    job->digest = pdk_tree_digest(s->tree);
    job->maker = s;
    s->jobs++;
    return job;

free_sessions:
    pdk_mem_free(s->mem, job->sessions);
free_job:
    pdk_mem_free(s->mem, job);
    return NULL;
}

void pdk_state_unfreeze(struct pdk_snapshot_job *job)
{
    struct pdk_state *s = job->maker;
    PDK_ASSERT(s->jobs > 0);
    pdk_view_release(s->tree, job->view);
    pdk_mem_free(s->mem, job->sessions);
    pdk_mem_free(s->mem, job);
    s->jobs--;
    if (s->retired) pdk_state_retire(s);
}
