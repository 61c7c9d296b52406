/* Walks everything and asserts every invariant. */
#include "core/tree/tree_parts.h"

#include "base/buf.h"

struct totals {
    uint64_t znodes, ephemerals, containers, ttls, data_bytes, path_chars, digest, unknown_acls;
    uint64_t quotas;
    uint64_t *acl_refs; /* by id */
};

static void check_kind(const struct pdk_tree *tree, pdk_znode id, int64_t owner, struct totals *t)
{
    enum pdk_znode_kind kind = pdk_owner_kind(tree, owner);
    bool timed = kind == PDK_KIND_CONTAINER || kind == PDK_KIND_TTL;
    if (id == PDK_ZNODE_ROOT) kind = PDK_KIND_PERSISTENT, timed = false;
    t->ephemerals += kind == PDK_KIND_EPHEMERAL;
    t->containers += kind == PDK_KIND_CONTAINER;
    t->ttls += kind == PDK_KIND_TTL;
    PDK_ASSERT(pdk_idlist_has(&tree->timed, id) == timed);
    PDK_ASSERT(pdk_ephemerals_owner(&tree->ephemerals, id) ==
               (kind == PDK_KIND_EPHEMERAL ? owner : 0));
}

static void check_children(const struct pdk_tree *tree, pdk_znode id)
{
    uint32_t count = 0;
    pdk_znode prev = PDK_ZNODE_NONE;
    for (pdk_znode c = pdk_slot(tree, id)->first_child; c != PDK_ZNODE_NONE;
         c = pdk_slot(tree, c)->next) {
        PDK_ASSERT(pdk_slot(tree, c)->parent == id);
        PDK_ASSERT(pdk_slot(tree, c)->prev == prev);
        prev = c;
        count++;
    }
    PDK_ASSERT(count == pdk_slot(tree, id)->child_count);
}

static void check_znode(const struct pdk_tree *tree, pdk_znode id, struct pdk_slice path,
                        struct totals *t)
{
    const struct pdk_slot *slot = pdk_slot(tree, id);
    struct pdk_slice name = pdk_blob_name(slot->blob), data = pdk_blob_data(slot->blob);
    uint32_t hash = pdk_child_hash(tree, slot->parent, name);
    PDK_ASSERT(pdk_tree_find_hashed(tree, slot->parent, name, hash) == id);
    PDK_ASSERT(pdk_tree_find(tree, path) == id);

    struct pdk_stat_persisted stat;
    pdk_slot_stat(slot, &stat);
    uint32_t digest = tree->config.digest_enabled ? pdk_digest_of(path, data, &stat) : 0;
    PDK_ASSERT(digest == slot->digest);

    t->znodes++;
    t->digest += digest;
    t->data_bytes += data.len;
    t->path_chars += pdk_path_chars(id == PDK_ZNODE_ROOT ? pdk_slice_of("", 0) : path);
    t->quotas += pdk_quota_is_limits(path);
    if (slot->acl == PDK_ACL_UNKNOWN)
        t->unknown_acls++;
    else if (slot->acl != PDK_ACL_OPEN)
        t->acl_refs[slot->acl]++;
    check_kind(tree, id, slot->owner, t);
    check_children(tree, id);
}

static void check_parents(const struct pdk_tree *tree)
{
    for (size_t i = 0; i < PDK_COUNT_OF(tree->parents->entries); i++) {
        const struct pdk_parent *e = &tree->parents->entries[i];
        struct pdk_buf path;
        if (e->id == PDK_ZNODE_NONE) continue;
        pdk_buf_init(&path, tree->config.mem, SIZE_MAX);
        pdk_tree_put_path(tree, e->id, &path);
        PDK_ASSERT(pdk_slice_eq(pdk_buf_slice(&path), pdk_slice_of(e->path, e->len)));
        pdk_buf_deinit(&path);
    }
}

static void check_acl_refs(const struct pdk_tree *tree, struct totals *t)
{
    size_t at = 0;
    uint64_t disk_id = 0, acl = 0;
    while (pdk_map_next(&tree->disk_acls, &at, &disk_id, &acl)) t->acl_refs[acl]++;
    for (uint32_t id = 1; id < tree->acls.used_rows; id++)
        PDK_ASSERT(pdk_aclmap_refs(&tree->acls, id) == t->acl_refs[id]);
}

void pdk_tree_validate(const struct pdk_tree *tree)
{
    const struct pdk_mem *mem = tree->config.mem;
    struct totals t = {0};
    struct pdk_buf path;
    pdk_pages_validate(&tree->pages);
    pdk_index_validate(&tree->index);
    pdk_aclmap_validate(&tree->acls);
    pdk_ephemerals_validate(&tree->ephemerals);
    pdk_idlist_validate(&tree->timed);

    t.acl_refs = pdk_mem_must_zero(mem, tree->acls.used_rows, sizeof *t.acl_refs);
    pdk_buf_init(&path, mem, SIZE_MAX);
    pdk_znode at = pdk_tree_find(tree, pdk_slice_of("", 0));
    for (; at != PDK_ZNODE_NONE; at = pdk_tree_walk(tree, PDK_ZNODE_ROOT, at)) {
        pdk_buf_clear(&path);
        pdk_tree_put_path(tree, at, &path);
        check_znode(tree, at, pdk_buf_slice(&path), &t);
    }
    PDK_ASSERT(!path.failed);
    pdk_buf_deinit(&path);
    check_acl_refs(tree, &t);
    check_parents(tree);
    pdk_mem_free(mem, t.acl_refs);

    PDK_ASSERT(t.znodes == tree->pages.live);
    PDK_ASSERT(t.znodes == tree->index.count);
    PDK_ASSERT(t.digest == tree->digest);
    PDK_ASSERT(t.data_bytes == tree->data_bytes);
    PDK_ASSERT(t.path_chars == tree->path_chars);
    PDK_ASSERT(t.unknown_acls == tree->unknown_acls);
    PDK_ASSERT(t.quotas == tree->quotas);
    PDK_ASSERT(t.ephemerals == pdk_ephemerals_count(&tree->ephemerals));
    PDK_ASSERT(t.containers == tree->containers);
    PDK_ASSERT(t.ttls == tree->ttls);
    PDK_ASSERT(t.containers + t.ttls == tree->timed.count);
}
