#include "sim/model.h"

#include <stdio.h>
#include <string.h>

#include "proto/opcode.h"

void pdk_model_init(struct pdk_model_state *s)
{
    memset(s, 0, sizeof *s);
    /* Built-in znodes that the tests look at: the root, and one child of it. */
    s->count = 2;
    memcpy(s->nodes[0].path, "/", 2);
    memcpy(s->nodes[1].path, "/zookeeper", 11);
    /* A fresh root counts no creation for /zookeeper: its cversion starts at -1. */
    s->nodes[0].deletions = -1;
    s->nodes[1].deletions = -2;
}

static struct pdk_model_node *find(struct pdk_model_state *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->nodes[i].path, path) == 0) return &s->nodes[i];
    }
    return NULL;
}

const struct pdk_model_node *pdk_model_find(const struct pdk_model_state *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->nodes[i].path, path) == 0) return &s->nodes[i];
    }
    return NULL;
}

void pdk_model_parent(const char *path, char out[PDK_MODEL_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t len = (size_t)(slash - path);
    memcpy(out, path, len);
    out[len] = '\0';
    if (len == 0) memcpy(out, "/", 2);
}

int32_t pdk_model_children(const struct pdk_model_state *s, const char *path)
{
    if (strcmp(path, "/zookeeper") == 0)
        return 2; /* quota and config, which the model leaves out */
    int32_t count = 0;
    for (size_t i = 1; i < s->count; i++) {
        char parent[PDK_MODEL_PATH];
        pdk_model_parent(s->nodes[i].path, parent);
        if (strcmp(parent, path) == 0) count++;
    }
    return count;
}

void pdk_model_stat(const struct pdk_model_state *s, const struct pdk_model_node *n,
                    struct pdk_stat *out)
{
    *out = (struct pdk_stat){
        .czxid = n->stat.czxid,
        .mzxid = n->stat.mzxid,
        .ctime = n->stat.ctime,
        .mtime = n->stat.mtime,
        .version = n->stat.version,
        .cversion = n->creations + n->deletions,
        .aversion = n->stat.aversion,
        .ephemeral_owner = n->stat.ephemeral_owner,
        .data_length = (int32_t)n->data_len,
        .num_children = pdk_model_children(s, n->path),
        .pzxid = n->stat.pzxid,
    };
}

bool pdk_model_allows(enum pdk_model_acl acl, int32_t perm, bool is_bob)
{
    switch (acl) {
    case PDK_MODEL_OPEN: return true;
    case PDK_MODEL_NO_READ: return perm != PDK_PERM_READ;
    case PDK_MODEL_BOB: return is_bob;
    default: return false;
    }
}

static void note(struct pdk_model_state *s, int type, const char *path, enum pdk_model_acl acl,
                 enum pdk_model_acl parent_acl)
{
    PDK_ASSERT(s->change_count < PDK_MODEL_CHANGES);
    struct pdk_model_change *c = &s->changes[s->change_count++];
    c->type = type;
    memcpy(c->path, path, strlen(path) + 1);
    c->acl = acl;
    c->parent_acl = parent_acl;
}

static enum pdk_code create(struct pdk_model_state *s, const struct pdk_model_op *op, pdk_zxid zxid,
                            char created[PDK_MODEL_PATH])
{
    char parent_path[PDK_MODEL_PATH], path[PDK_MODEL_PATH];
    pdk_model_parent(op->path, parent_path);
    struct pdk_model_node *parent = find(s, parent_path);
    if (parent == NULL) return PDK_CODE_NO_NODE;
    if (!pdk_model_allows(parent->acl, PDK_PERM_CREATE, op->is_bob)) return PDK_CODE_NO_AUTH;
    int n =
        snprintf(path, sizeof path, op->flags >= 2 ? "%s%010d" : "%s", op->path, parent->creations);
    PDK_ASSERT(n > 0 && (size_t)n < sizeof path);
    if (find(s, path) != NULL) return PDK_CODE_NODE_EXISTS;
    if (parent->stat.ephemeral_owner != 0) return PDK_CODE_NO_CHILDREN_FOR_EPHEMERALS;
    PDK_ASSERT(s->count < PDK_MODEL_NODES);
    parent->creations++;
    parent->stat.pzxid = zxid;
    struct pdk_model_node *node = &s->nodes[s->count++];
    memset(node, 0, sizeof *node);
    memcpy(node->path, path, sizeof path);
    memcpy(created, path, sizeof path);
    memcpy(node->data, op->data, op->data_len);
    node->data_len = op->data_len;
    node->acl = op->acl;
    node->stat.czxid = node->stat.mzxid = node->stat.pzxid = zxid;
    node->stat.ctime = node->stat.mtime = op->time_ms;
    node->container = op->op == PDK_OP_CREATE_CONTAINER;
    node->ttl_ms = op->op == PDK_OP_CREATE_TTL ? op->ttl_ms : 0;
    node->stat.ephemeral_owner = op->flags % 2 == 1 ? op->session : 0;
    note(s, 1, path, node->acl, parent->acl);
    return PDK_CODE_OK;
}

static void remove_node(struct pdk_model_state *s, const char *path, pdk_zxid zxid)
{
    char parent_path[PDK_MODEL_PATH], gone[PDK_MODEL_PATH];
    memcpy(gone, path, strlen(path) + 1);
    pdk_model_parent(gone, parent_path);
    struct pdk_model_node *parent = find(s, parent_path);
    parent->deletions++;
    parent->stat.pzxid = zxid;
    struct pdk_model_node *node = find(s, gone);
    note(s, 2, gone, node->acl, parent->acl);
    size_t at = (size_t)(node - s->nodes);
    memmove(node, node + 1, (s->count - at - 1) * sizeof *node);
    s->count--;
}

static enum pdk_code delete (struct pdk_model_state *s, const struct pdk_model_op *op,
                             pdk_zxid zxid) {
    char parent_path[PDK_MODEL_PATH]; pdk_model_parent(op->path, parent_path);
    const struct pdk_model_node *parent = find(s, parent_path), *node = find(s, op->path);
    if (parent == NULL) return PDK_CODE_NO_NODE;
    if (!pdk_model_allows(parent->acl, PDK_PERM_DELETE, op->is_bob)) return PDK_CODE_NO_AUTH;
    if (node == NULL) return PDK_CODE_NO_NODE;
    if (op->version != -1 && op->version != node->stat.version) return PDK_CODE_BAD_VERSION;
    if (pdk_model_children(s, op->path) > 0) return PDK_CODE_NOT_EMPTY;
    remove_node(s, op->path, zxid);
    return PDK_CODE_OK;
}

bool pdk_model_is_due(const struct pdk_model_state *s, const struct pdk_model_node *n,
                      int64_t time_ms)
{
    if (pdk_model_children(s, n->path) > 0) return false;
    return n->container ? n->creations > 0 : n->ttl_ms > 0 && time_ms - n->stat.mtime > n->ttl_ms;
}

/* Only what may have changed since it was found due is looked at again. */
static enum pdk_code delete_container(struct pdk_model_state *s, const struct pdk_model_op *op,
                                      pdk_zxid zxid)
{
    const struct pdk_model_node *node = find(s, op->path);
    if (node == NULL) return PDK_CODE_NO_NODE;
    if (pdk_model_children(s, op->path) > 0) return PDK_CODE_NOT_EMPTY;
    if (!node->container && node->ttl_ms == 0) return PDK_CODE_BAD_VERSION;
    remove_node(s, op->path, zxid);
    return PDK_CODE_OK;
}

static enum pdk_code set_data(struct pdk_model_state *s, const struct pdk_model_op *op,
                              pdk_zxid zxid)
{
    struct pdk_model_node *node = find(s, op->path);
    if (node == NULL) return PDK_CODE_NO_NODE;
    if (!pdk_model_allows(node->acl, PDK_PERM_WRITE, op->is_bob)) return PDK_CODE_NO_AUTH;
    if (op->version != -1 && op->version != node->stat.version) return PDK_CODE_BAD_VERSION;
    memcpy(node->data, op->data, op->data_len);
    node->data_len = op->data_len;
    node->stat.version++;
    node->stat.mzxid = zxid;
    node->stat.mtime = op->time_ms;
    note(s, 3, node->path, node->acl, node->acl);
    return PDK_CODE_OK;
}

static enum pdk_code set_acl(struct pdk_model_state *s, const struct pdk_model_op *op)
{
    struct pdk_model_node *node = find(s, op->path);
    if (node == NULL) return PDK_CODE_NO_NODE;
    if (!pdk_model_allows(node->acl, PDK_PERM_ADMIN, op->is_bob)) return PDK_CODE_NO_AUTH;
    if (op->version != -1 && op->version != node->stat.aversion) return PDK_CODE_BAD_VERSION;
    node->acl = op->acl;
    node->stat.aversion++;
    return PDK_CODE_OK;
}

static enum pdk_code check(const struct pdk_model_state *s, const struct pdk_model_op *op)
{
    const struct pdk_model_node *node = pdk_model_find(s, op->path);
    if (node == NULL) return PDK_CODE_NO_NODE;
    if (!pdk_model_allows(node->acl, PDK_PERM_READ, op->is_bob)) return PDK_CODE_NO_AUTH;
    return op->version != -1 && op->version != node->stat.version ? PDK_CODE_BAD_VERSION
                                                                  : PDK_CODE_OK;
}

static void close_session(struct pdk_model_state *s, pdk_session session, pdk_zxid zxid)
{
    for (size_t i = 0; i < s->count;) {
        if (s->nodes[i].stat.ephemeral_owner == session)
            remove_node(s, s->nodes[i].path, zxid);
        else
            i++;
    }
}

enum pdk_code pdk_model_apply(struct pdk_model_state *s, const struct pdk_model_op *op,
                              pdk_zxid zxid, char created[PDK_MODEL_PATH])
{
    s->zxid = zxid;
    switch (op->op) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL: return create(s, op, zxid, created);
    case PDK_OP_DELETE_CONTAINER: return delete_container(s, op, zxid);
    case PDK_OP_DELETE: return delete (s, op, zxid);
    case PDK_OP_SET_DATA: return set_data(s, op, zxid);
    case PDK_OP_SET_ACL: return set_acl(s, op);
    case PDK_OP_CHECK: return check(s, op);
    case PDK_OP_CLOSE_SESSION: close_session(s, op->session, zxid); return PDK_CODE_OK;
    default: PDK_UNREACHABLE();
    }
}

/* ---- watches -------------------------------------------------------------------------------- */

bool pdk_model_watching(const struct pdk_model_watches *w, enum pdk_watch_kind kind,
                        const char *path)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].kind == kind && strcmp(w->items[i].path, path) == 0) return true;
    }
    return false;
}

bool pdk_model_watching_above(const struct pdk_model_watches *w, const char *path)
{
    char at[PDK_MODEL_PATH], parent[PDK_MODEL_PATH];
    memcpy(at, path, strlen(path) + 1);
    while (!pdk_model_watching(w, PDK_WATCH_RECURSIVE, at)) {
        if (strcmp(at, "/") == 0) return false;
        pdk_model_parent(at, parent);
        memcpy(at, parent, sizeof at);
    }
    return true;
}

void pdk_model_watch(struct pdk_model_watches *w, enum pdk_watch_kind kind, const char *path)
{
    if (pdk_model_watching(w, kind, path)) return;
    PDK_ASSERT(w->count < PDK_MODEL_WATCHES);
    w->items[w->count].kind = kind;
    memcpy(w->items[w->count++].path, path, strlen(path) + 1);
}

void pdk_model_unwatch(struct pdk_model_watches *w, enum pdk_watch_kind kind, const char *path)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].kind == kind && strcmp(w->items[i].path, path) == 0) {
            w->items[i] = w->items[--w->count];
            return;
        }
    }
}
