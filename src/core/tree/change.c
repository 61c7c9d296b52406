/* Changes: create, delete, set data, set ACL.  Rules: data-model.md section 4. */
#include "core/tree/tree_parts.h"

struct pdk_blob *pdk_blob_must(const struct pdk_mem *mem, struct pdk_slice name,
                               struct pdk_slice data)
{
    struct pdk_blob *blob = pdk_blob_try(mem, name, data);
    PDK_ASSERT(blob != NULL); /* else out of memory in a change */
    return blob;
}

uint64_t pdk_path_chars(struct pdk_slice path)
{
    uint64_t chars = 0;
    if (path.len == 0) return 1; /* the root counts as "/" */
    for (size_t i = 0; i < path.len; i++) chars += (path.bytes[i] & 0xc0) != 0x80;
    return chars;
}

static inline uint32_t data_len_of(const struct pdk_blob *blob)
{
    return blob->data_len != PDK_BLOB_NULL ? blob->data_len : 0;
}

static void put_kind(struct pdk_tree *tree, pdk_znode id, int64_t owner)
{
    switch (pdk_owner_kind(tree, owner)) {
    case PDK_KIND_PERSISTENT: return;
    case PDK_KIND_EPHEMERAL: pdk_ephemerals_add(&tree->ephemerals, owner, id); return;
    case PDK_KIND_CONTAINER: tree->containers++; break;
    case PDK_KIND_TTL: tree->ttls++; break;
    }
    pdk_idlist_add(&tree->timed, id);
}

static void take_kind(struct pdk_tree *tree, pdk_znode id, int64_t owner)
{
    switch (pdk_owner_kind(tree, owner)) {
    case PDK_KIND_PERSISTENT: return;
    case PDK_KIND_EPHEMERAL: pdk_ephemerals_remove(&tree->ephemerals, id); return;
    case PDK_KIND_CONTAINER: tree->containers--; break;
    case PDK_KIND_TTL: tree->ttls--; break;
    }
    pdk_idlist_remove(&tree->timed, id);
}

static void link_child(struct pdk_tree *tree, pdk_znode parent_id, pdk_znode id)
{
    struct pdk_slot *parent = pdk_pages_edit(&tree->pages, parent_id);
    struct pdk_slot *slot = pdk_pages_edit(&tree->pages, id);
    slot->parent = parent_id;
    slot->next = parent->first_child;
    if (slot->next != PDK_ZNODE_NONE) pdk_pages_edit(&tree->pages, slot->next)->prev = id;
    parent->first_child = id;
    parent->child_count++;
}

static void unlink_child(struct pdk_tree *tree, pdk_znode id)
{
    const struct pdk_slot *slot = pdk_slot(tree, id);
    pdk_znode next = slot->next, prev = slot->prev;
    struct pdk_slot *parent = pdk_pages_edit(&tree->pages, slot->parent);
    parent->child_count--;
    if (prev == PDK_ZNODE_NONE)
        parent->first_child = next;
    else
        pdk_pages_edit(&tree->pages, prev)->next = next;
    if (next != PDK_ZNODE_NONE) pdk_pages_edit(&tree->pages, next)->prev = prev;
}

pdk_znode pdk_tree_insert(struct pdk_tree *tree, const struct pdk_insert *in)
{
    const struct pdk_stat_persisted *stat = in->stat;
    pdk_znode id = PDK_ZNODE_NONE;
    struct pdk_slot *slot = pdk_pages_take(&tree->pages, &id);
    slot->acl = in->acl;
    slot->digest = in->digest;
    slot->version = stat->version;
    slot->cversion = stat->cversion;
    slot->aversion = stat->aversion;
    slot->czxid = stat->czxid;
    slot->mzxid = stat->mzxid;
    slot->pzxid = stat->pzxid;
    slot->ctime = stat->ctime;
    slot->mtime = stat->mtime;
    slot->owner = stat->ephemeral_owner;
    pdk_pages_set_blob(&tree->pages, id, in->blob);
    if (in->parent != PDK_ZNODE_NONE) {
        link_child(tree, in->parent, id);
        if (stat->ephemeral_owner != 0) put_kind(tree, id, stat->ephemeral_owner);
    }
    pdk_index_insert(&tree->index, in->hash, id);
    tree->digest += in->digest;
    tree->data_bytes += data_len_of(in->blob);
    tree->path_chars += pdk_path_chars(in->path);
    return id;
}

static void put_digest(struct pdk_tree *tree, struct pdk_slot *slot, uint32_t digest)
{
    tree->digest += (uint64_t)digest - slot->digest;
    slot->digest = digest;
}

static uint32_t restat(const struct pdk_slot *slot, const struct pdk_stat_persisted *before)
{
    struct pdk_stat_persisted after;
    pdk_slot_stat(slot, &after);
    return pdk_digest_restat(slot->digest, before, &after);
}

/* Nothing but the Stat has changed; `known`: the new digest if the caller has it. */
static void stat_changed(struct pdk_tree *tree, struct pdk_slot *slot,
                         const struct pdk_stat_persisted *before, const uint32_t *known)
{
    if (known == NULL) {
        put_digest(tree, slot, restat(slot, before));
        return;
    }
    PDK_VERIFY(*known == restat(slot, before));
    put_digest(tree, slot, *known);
}

static bool has_digest(const struct pdk_tree *tree, struct pdk_slice path)
{
    return tree->config.digest_enabled && !pdk_digest_excludes(path);
}

/* The part of `path` before "/name". */
static struct pdk_slice before_name(struct pdk_slice path, struct pdk_slice name)
{
    return pdk_slice_of(path.bytes, path.len - name.len - 1);
}

/* Raises the stored cversion (and pzxid with it), never lowers it. */
static void raise_cversion(struct pdk_tree *tree, pdk_znode id, struct pdk_slice path,
                           int32_t cversion, pdk_zxid zxid, const struct pdk_digest_hint *hint)
{
    int32_t has = pdk_slot(tree, id)->cversion;
    /* -1 (very old logs): one more than it has, wrapping as Java's int does. */
    if (cversion == -1) cversion = (int32_t)((uint32_t)has + 1);
    if (cversion <= has) return;
    struct pdk_slot *slot = pdk_pages_edit(&tree->pages, id);
    struct pdk_stat_persisted before;
    pdk_slot_stat(slot, &before);
    slot->cversion = cversion;
    slot->pzxid = zxid;
    if (has_digest(tree, path))
        stat_changed(tree, slot, &before, hint != NULL ? &hint->parent_digest : NULL);
}

static pdk_acl_id take_acl(struct pdk_tree *tree, struct pdk_slice list)
{
    if (pdk_acl_list_is_null(list)) return PDK_ACL_OPEN;
    pdk_acl_id acl = pdk_aclmap_intern(&tree->acls, list);
    PDK_ASSERT(acl != 0); /* else out of memory in a change */
    return acl;
}

void pdk_tree_drop_acl(struct pdk_tree *tree, pdk_acl_id acl)
{
    if (acl == PDK_ACL_OPEN) return;
    if (acl == PDK_ACL_UNKNOWN)
        tree->unknown_acls--;
    else
        pdk_aclmap_release(&tree->acls, acl);
}

static void set_acl(struct pdk_tree *tree, pdk_znode id, struct pdk_slice list)
{
    pdk_acl_id acl = take_acl(tree, list); /* first, as it may be the one that it has */
    struct pdk_slot *slot = pdk_pages_edit(&tree->pages, id);
    pdk_tree_drop_acl(tree, slot->acl);
    slot->acl = acl;
}

static uint32_t digest_of(const struct pdk_tree *tree, struct pdk_slice path, struct pdk_slice data,
                          const struct pdk_stat_persisted *stat, const struct pdk_digest_hint *hint)
{
    if (!tree->config.digest_enabled) return 0;
    if (hint == NULL) return pdk_digest_of(path, data, stat);
    PDK_VERIFY(hint->node_digest == pdk_digest_of(path, data, stat));
    return hint->node_digest;
}

enum pdk_code pdk_tree_create_znode(struct pdk_tree *tree, const struct pdk_tree_create *args,
                                    struct pdk_change *change)
{
    struct pdk_slice name;
    pdk_aclmap_step(&tree->acls);
    pdk_znode parent = pdk_tree_find_parent(tree, args->path, &name);
    if (parent == PDK_ZNODE_NONE || name.len == 0) return PDK_CODE_NO_NODE;
    struct pdk_slice parent_path = before_name(args->path, name);
    uint32_t hash = pdk_child_hash(tree, parent, name);
    pdk_znode there = pdk_tree_find_hashed(tree, parent, name, hash);
    if (there != PDK_ZNODE_NONE) {
        set_acl(tree, there, args->acl);
        raise_cversion(tree, parent, parent_path, args->parent_cversion, args->zxid, NULL);
        return PDK_CODE_NODE_EXISTS;
    }

    raise_cversion(tree, parent, parent_path, args->parent_cversion, args->zxid, args->hint);
    struct pdk_stat_persisted stat = {.czxid = args->zxid,
                                      .mzxid = args->zxid,
                                      .pzxid = args->zxid,
                                      .ctime = args->time_ms,
                                      .mtime = args->time_ms,
                                      .ephemeral_owner = args->owner};
    struct pdk_insert in = {
        .parent = parent,
        .hash = hash,
        .blob = pdk_blob_must(tree->config.mem, name, args->data),
        .acl = take_acl(tree, args->acl),
        .stat = &stat,
        .path = args->path,
        .digest = digest_of(tree, args->path, args->data, &stat, args->hint),
    };
    pdk_znode id = pdk_tree_insert(tree, &in);
    if (change != NULL) {
        *change = (struct pdk_change){.kind = PDK_CHANGE_CREATED,
                                      .path = args->path,
                                      .id = id,
                                      .acl = in.acl,
                                      .parent_acl = pdk_slot(tree, parent)->acl};
    }
    pdk_quota_created(tree, id, args->path);
    if (PDK_UNLIKELY(tree->quotas > 0)) pdk_quota_add(tree, args->path, (int64_t)args->data.len, 1);
    return PDK_CODE_OK;
}

/* The parent remembers the deletion, unless it knows a later one (replay). */
static void raise_pzxid(struct pdk_tree *tree, pdk_znode id, struct pdk_slice path, pdk_zxid zxid,
                        const struct pdk_digest_hint *hint)
{
    if (zxid <= pdk_slot(tree, id)->pzxid) return;
    struct pdk_slot *slot = pdk_pages_edit(&tree->pages, id);
    struct pdk_stat_persisted before;
    pdk_slot_stat(slot, &before);
    slot->pzxid = zxid;
    if (has_digest(tree, path))
        stat_changed(tree, slot, &before, hint != NULL ? &hint->parent_digest : NULL);
}

enum pdk_code pdk_tree_delete_znode(struct pdk_tree *tree, struct pdk_slice path, pdk_zxid zxid,
                                    const struct pdk_digest_hint *hint, struct pdk_change *change)
{
    struct pdk_slice name;
    pdk_aclmap_step(&tree->acls);
    if (path.len == 1 && path.bytes[0] == '/') return PDK_CODE_NOT_EMPTY;
    pdk_znode parent = pdk_tree_find_parent(tree, path, &name);
    if (parent == PDK_ZNODE_NONE || name.len == 0) return PDK_CODE_NO_NODE;
    uint32_t hash = pdk_child_hash(tree, parent, name);
    pdk_znode id = pdk_tree_find_hashed(tree, parent, name, hash);
    if (id != PDK_ZNODE_NONE && pdk_slot(tree, id)->child_count > 0) return PDK_CODE_NOT_EMPTY;
    raise_pzxid(tree, parent, before_name(path, name), zxid, id != PDK_ZNODE_NONE ? hint : NULL);
    if (id == PDK_ZNODE_NONE) return PDK_CODE_NO_NODE;

    const struct pdk_slot *slot = pdk_slot(tree, id);
    pdk_acl_id acl = slot->acl;
    int64_t owner = slot->owner;
    uint32_t data_len = data_len_of(slot->blob);
    if (change != NULL) {
        *change = (struct pdk_change){.kind = PDK_CHANGE_DELETED,
                                      .path = path,
                                      .id = PDK_ZNODE_NONE,
                                      .acl = acl,
                                      .parent_acl = pdk_slot(tree, parent)->acl};
    }
    tree->digest -= slot->digest;
    tree->data_bytes -= data_len;
    tree->path_chars -= pdk_path_chars(path);
    if (owner != 0) take_kind(tree, id, owner);
    unlink_child(tree, id);
    pdk_parents_forget(tree->parents, path.bytes, path.len);
    pdk_index_remove(&tree->index, hash, id);
    pdk_pages_give(&tree->pages, id);
    pdk_tree_drop_acl(tree, acl);
    pdk_quota_deleted(tree, path);
    if (PDK_UNLIKELY(tree->quotas > 0)) pdk_quota_add(tree, path, -(int64_t)data_len, -1);
    return PDK_CODE_OK;
}

void pdk_tree_replace_data(struct pdk_tree *tree, pdk_znode id, struct pdk_slice data)
{
    const struct pdk_blob *old = pdk_slot(tree, id)->blob;
    tree->data_bytes += (uint64_t)data.len - data_len_of(old);
    pdk_pages_set_blob(&tree->pages, id, pdk_blob_must(tree->config.mem, pdk_blob_name(old), data));
}

enum pdk_code pdk_tree_set_data(struct pdk_tree *tree, struct pdk_slice path, struct pdk_slice data,
                                int32_t version, pdk_zxid zxid, int64_t time_ms,
                                const struct pdk_digest_hint *hint, struct pdk_change *change)
{
    pdk_aclmap_step(&tree->acls);
    pdk_znode id = hint != NULL ? hint->id : PDK_ZNODE_NONE;
    PDK_VERIFY(id == PDK_ZNODE_NONE || id == pdk_tree_find(tree, path));
    if (id == PDK_ZNODE_NONE) id = pdk_tree_find(tree, path);
    if (id == PDK_ZNODE_NONE) return PDK_CODE_NO_NODE;
    uint32_t old_len = data_len_of(pdk_slot(tree, id)->blob);
    pdk_tree_replace_data(tree, id, data);
    struct pdk_slot *slot = pdk_pages_edit(&tree->pages, id);
    slot->version = version;
    slot->mzxid = zxid;
    slot->mtime = time_ms;
    if (tree->config.digest_enabled) {
        struct pdk_stat_persisted stat;
        pdk_slot_stat(slot, &stat);
        /* The stored copy: `data` may have been a slice of what was just freed. */
        struct pdk_slice stored = pdk_blob_data(slot->blob);
        put_digest(tree, slot, digest_of(tree, path, stored, &stat, hint));
    }
    if (change != NULL) {
        *change = (struct pdk_change){.kind = PDK_CHANGE_DATA,
                                      .path = path,
                                      .id = id,
                                      .acl = slot->acl,
                                      .parent_acl = PDK_ACL_OPEN};
    }
    if (PDK_UNLIKELY(tree->quotas > 0))
        pdk_quota_add(tree, path, (int64_t)data.len - (int64_t)old_len, 0);
    return PDK_CODE_OK;
}

enum pdk_code pdk_tree_set_acl(struct pdk_tree *tree, struct pdk_slice path, struct pdk_slice acl,
                               int32_t aversion)
{
    pdk_aclmap_step(&tree->acls);
    pdk_znode id = pdk_tree_find(tree, path);
    if (id == PDK_ZNODE_NONE) return PDK_CODE_NO_NODE;
    set_acl(tree, id, acl);
    struct pdk_slot *slot = pdk_pages_edit(&tree->pages, id);
    struct pdk_stat_persisted before;
    pdk_slot_stat(slot, &before);
    slot->aversion = aversion;
    if (has_digest(tree, path)) stat_changed(tree, slot, &before, NULL);
    return PDK_CODE_OK;
}
