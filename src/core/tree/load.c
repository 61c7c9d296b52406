/* Filling an empty tree from a snapshot. */
#include "core/tree/tree_parts.h"

#include "base/buf.h"

enum pdk_err pdk_tree_load_acl(struct pdk_tree *tree, int64_t disk_id, struct pdk_slice list)
{
    PDK_ASSERT(tree->loading);
    struct pdk_reader r = pdk_reader_of(list);
    struct pdk_vec acl = pdk_read_acl_vec(&r);
    if (list.is_null || pdk_reader_finish(&r) != PDK_OK || acl.is_null) return PDK_EMALFORMED;
    if (disk_id == -1) return PDK_OK; /* means "open" wherever it is used */

    pdk_acl_id id = pdk_aclmap_intern(&tree->acls, list);
    if (id == 0) return PDK_ENOMEM;
    uint64_t old = 0;
    bool had = pdk_map_get(&tree->disk_acls, (uint64_t)disk_id, &old);
    enum pdk_err err = pdk_map_put(&tree->disk_acls, (uint64_t)disk_id, id);
    if (err != PDK_OK)
        pdk_aclmap_release_now(&tree->acls, id);
    else if (had)
        pdk_aclmap_release_now(&tree->acls, (pdk_acl_id)old); /* the last one counts */
    return err;
}

/* With extended types on, bits 40 to 55 of a marked word name a feature; only 0, TTL, is known. */
static bool owner_is_known(const struct pdk_tree *tree, int64_t owner)
{
    const int64_t feature = INT64_C(0xffff) << 40;
    if (!tree->config.extended_types || tree->config.emulate_353_ttl) return true;
    return (owner & PDK_OWNER_TTL_MARK) != PDK_OWNER_TTL_MARK || (owner & feature) == 0;
}

static pdk_acl_id acl_of_disk_id(struct pdk_tree *tree, int64_t disk_id)
{
    uint64_t acl = 0;
    if (disk_id == -1) return PDK_ACL_OPEN;
    if (!pdk_map_get(&tree->disk_acls, (uint64_t)disk_id, &acl)) {
        tree->unknown_acls++;
        return PDK_ACL_UNKNOWN;
    }
    pdk_aclmap_retain(&tree->acls, (pdk_acl_id)acl);
    return (pdk_acl_id)acl;
}

enum pdk_err pdk_tree_load_znode(struct pdk_tree *tree, struct pdk_slice path,
                                 struct pdk_slice data, int64_t disk_acl_id,
                                 const struct pdk_stat_persisted *stat)
{
    PDK_ASSERT(tree->loading);
    struct pdk_slice name = pdk_slice_of("", 0);
    struct pdk_insert in = {.parent = PDK_ZNODE_NONE, .stat = stat, .path = path};
    if (!owner_is_known(tree, stat->ephemeral_owner)) return PDK_ECORRUPT;
    if (path.len > 0) {
        in.parent = pdk_tree_find_parent(tree, path, &name);
        if (in.parent == PDK_ZNODE_NONE || name.len == 0) return PDK_ECORRUPT;
    }
    in.hash = pdk_child_hash(tree, in.parent, name);
    if (pdk_tree_find_hashed(tree, in.parent, name, in.hash) != PDK_ZNODE_NONE) return PDK_ECORRUPT;
    in.blob = pdk_blob_try(tree->config.mem, name, data);
    if (in.blob == NULL) return PDK_ENOMEM;
    in.acl = acl_of_disk_id(tree, disk_acl_id);
    if (tree->config.digest_enabled) in.digest = pdk_digest_of(path, data, stat);
    (void)pdk_tree_insert(tree, &in);
    if (pdk_quota_is_limits(path)) tree->quotas++;
    return PDK_OK;
}

static enum pdk_err report_unknown_acl(const struct pdk_tree *tree, struct pdk_diag *diag)
{
    pdk_znode at = PDK_ZNODE_ROOT;
    while (pdk_slot(tree, at)->acl != PDK_ACL_UNKNOWN) at = pdk_tree_walk(tree, PDK_ZNODE_ROOT, at);
    struct pdk_buf path;
    pdk_buf_init(&path, tree->config.mem, SIZE_MAX);
    pdk_tree_put_path(tree, at, &path);
    int len = (int)pdk_min_size(path.len, 200);
    pdk_diag_set(diag,
                 "%llu znodes have an ACL that the snapshot's table does not hold and no later "
                 "transaction gave them one, the first is \"%.*s\": the snapshot is damaged, "
                 "start from an older one",
                 (unsigned long long)tree->unknown_acls, len, (const char *)path.bytes);
    pdk_buf_deinit(&path);
    return PDK_ECORRUPT;
}

enum pdk_err pdk_tree_load_done(struct pdk_tree *tree, struct pdk_diag *diag)
{
    if (tree->unknown_acls > 0) return report_unknown_acl(tree, diag);
    size_t at = 0;
    uint64_t disk_id = 0, acl = 0;
    while (pdk_map_next(&tree->disk_acls, &at, &disk_id, &acl))
        pdk_aclmap_release_now(&tree->acls, (pdk_acl_id)acl);
    pdk_map_deinit(&tree->disk_acls);
    pdk_map_init(&tree->disk_acls, tree->config.mem, tree->config.seed);
    tree->loading = false;
    if (!pdk_tree_add_built_ins(tree)) return PDK_ENOMEM;
    pdk_quota_recount(tree);
    return PDK_OK;
}
