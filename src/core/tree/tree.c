/* Life, lookups, sets. */
#include "core/tree/tree_parts.h"

#include "base/buf.h"

/* ---- life --------------------------------------------------------------------------------- */

struct pdk_tree *pdk_tree_create(const struct pdk_tree_config *config, bool empty)
{
    const struct pdk_mem *mem = config->mem;
    struct pdk_tree *tree = pdk_mem_try_zero(mem, 1, sizeof *tree);
    if (tree == NULL) return NULL;
    tree->config = *config;
    tree->loading = empty;
    pdk_map_init(&tree->disk_acls, mem, config->seed);
    tree->parents = pdk_mem_try_zero(mem, 1, sizeof *tree->parents);
    if (tree->parents == NULL) goto fail;
    if (!pdk_pages_init(&tree->pages, mem)) goto fail;
    if (!pdk_index_init(&tree->index, mem)) goto fail;
    if (!pdk_aclmap_init(&tree->acls, mem, config->seed)) goto fail;
    if (!pdk_ephemerals_init(&tree->ephemerals, mem, config->seed)) goto fail;
    if (!pdk_idlist_init(&tree->timed, mem)) goto fail;
    if (!empty && !pdk_tree_add_built_ins(tree)) goto fail;
    return tree;

fail:
    pdk_tree_destroy(tree);
    return NULL;
}

void pdk_tree_destroy(struct pdk_tree *tree)
{
    if (tree == NULL) return;
    pdk_map_deinit(&tree->disk_acls);
    pdk_idlist_deinit(&tree->timed);
    pdk_ephemerals_deinit(&tree->ephemerals);
    pdk_aclmap_deinit(&tree->acls);
    pdk_index_deinit(&tree->index);
    pdk_pages_deinit(&tree->pages);
    pdk_mem_free(tree->config.mem, tree->parents);
    pdk_mem_free(tree->config.mem, tree);
}

/* Built-in znodes are born with a Stat of zeros; ACLs and Stats: data-model.md section 2. */
static bool add_built_in(struct pdk_tree *tree, const char *path_text, struct pdk_slice acl)
{
    struct pdk_slice path = pdk_slice_str(path_text);
    struct pdk_slice name = path; /* the root's is "" */
    if (pdk_tree_find(tree, path) != PDK_ZNODE_NONE) return true;
    pdk_znode parent = PDK_ZNODE_NONE;
    if (path.len > 0) parent = pdk_tree_find_parent(tree, path, &name);

    struct pdk_insert in = {.parent = parent, .acl = PDK_ACL_OPEN, .path = path};
    struct pdk_stat_persisted stat = {0};
    if (!acl.is_null) {
        in.acl = pdk_aclmap_intern(&tree->acls, acl);
        if (in.acl == 0) return false;
        stat.aversion = -1;
    }
    in.blob = pdk_blob_try(tree->config.mem, name, pdk_slice_of("", 0));
    if (in.blob == NULL) {
        if (!acl.is_null) pdk_aclmap_release_now(&tree->acls, in.acl);
        return false;
    }
    in.stat = &stat;
    in.hash = pdk_child_hash(tree, parent, name);
    if (tree->config.digest_enabled) in.digest = pdk_digest_of(path, pdk_slice_null(), &stat);
    (void)pdk_tree_insert(tree, &in);
    return true;
}

bool pdk_tree_add_built_ins(struct pdk_tree *tree)
{
    static const char world_may_read[] = "\0\0\0\1\0\0\0\1\0\0\0\5world\0\0\0\6anyone";
    return add_built_in(tree, "", pdk_slice_null()) &&
           add_built_in(tree, "/zookeeper", pdk_slice_null()) &&
           add_built_in(tree, "/zookeeper/quota", pdk_slice_null()) &&
           add_built_in(tree, "/zookeeper/config",
                        pdk_slice_of(world_may_read, sizeof world_may_read - 1));
}

/* ---- lookups ------------------------------------------------------------------------------ */

/* Equal bytes; most names have 8 to 16 of them, which two words cover. */
static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len < 8 || len > 16) return memcmp(a, b, len) == 0;
    uint64_t a_head, b_head, a_tail, b_tail;
    memcpy(&a_head, a, 8);
    memcpy(&b_head, b, 8);
    memcpy(&a_tail, a + len - 8, 8);
    memcpy(&b_tail, b + len - 8, 8);
    return ((a_head ^ b_head) | (a_tail ^ b_tail)) == 0;
}

static inline pdk_znode lookup(const struct pdk_tree *tree, pdk_znode parent, const uint8_t *name,
                               size_t len, uint32_t hash)
{
    struct pdk_index_probe probe = pdk_index_probe(&tree->index, hash);
    pdk_znode id = PDK_ZNODE_NONE;
    while ((id = pdk_index_next(&probe)) != PDK_ZNODE_NONE) {
        const struct pdk_slot *slot = pdk_slot(tree, id);
        PDK_PREFETCH((const char *)slot + 64); /* the Stat's line, while the blob is fetched */
        const struct pdk_blob *blob = slot->blob;
        if (slot->parent != parent || blob->name_len != len) continue;
        if (same_bytes(blob->bytes, name, len)) break;
    }
    return id;
}

pdk_znode pdk_tree_find_hashed(const struct pdk_tree *tree, pdk_znode parent, struct pdk_slice name,
                               uint32_t hash)
{
    return lookup(tree, parent, name.bytes, name.len, hash);
}

static inline pdk_znode child_of(const struct pdk_tree *tree, pdk_znode parent, const uint8_t *name,
                                 size_t len)
{
    if (len == 0) return PDK_ZNODE_NONE; /* the root stands in the index as (NONE, "") */
    uint32_t hash = (uint32_t)pdk_siphash_pair(&tree->config.seed, name, len, parent);
    return lookup(tree, parent, name, len, hash);
}

pdk_znode pdk_tree_find_child(const struct pdk_tree *tree, pdk_znode parent, struct pdk_slice name)
{
    return child_of(tree, parent, name.bytes, name.len);
}

static pdk_znode root_of(const struct pdk_tree *tree)
{
    return PDK_LIKELY(pdk_slot(tree, PDK_ZNODE_ROOT)->blob != NULL) ? PDK_ZNODE_ROOT
                                                                    : PDK_ZNODE_NONE;
}

/* Goes down from the root; `path` has a leading slash, no trailing one. */
static pdk_znode walk_down(const struct pdk_tree *tree, const uint8_t *path, size_t len)
{
    const uint8_t *at = path + 1, *end = path + len;
    pdk_znode id = root_of(tree);
    while (id != PDK_ZNODE_NONE) {
        const uint8_t *slash = at < end ? memchr(at, '/', (size_t)(end - at)) : NULL;
        if (slash == NULL) return child_of(tree, id, at, (size_t)(end - at));
        id = child_of(tree, id, at, (size_t)(slash - at));
        at = slash + 1;
    }
    return PDK_ZNODE_NONE;
}

pdk_znode pdk_tree_find_parent(const struct pdk_tree *tree, struct pdk_slice path,
                               struct pdk_slice *name)
{
    if (path.len == 0 || path.bytes[0] != '/') return PDK_ZNODE_NONE;
    const uint8_t *slash = memrchr(path.bytes, '/', path.len);
    size_t len = (size_t)(slash - path.bytes);
    *name = pdk_slice_of(slash + 1, path.len - len - 1);
    if (len == 0) return root_of(tree);
    pdk_znode id = pdk_parents_find(tree->parents, path.bytes, len);
    if (PDK_LIKELY(id != PDK_ZNODE_NONE)) return id;
    id = walk_down(tree, path.bytes, len);
    if (id != PDK_ZNODE_NONE) pdk_parents_remember(tree->parents, path.bytes, len, id);
    return id;
}

pdk_znode pdk_tree_find(const struct pdk_tree *tree, struct pdk_slice path)
{
    struct pdk_slice name;
    if (path.len == 0 || (path.len == 1 && path.bytes[0] == '/')) return root_of(tree);
    pdk_znode parent = pdk_tree_find_parent(tree, path, &name);
    return parent != PDK_ZNODE_NONE ? child_of(tree, parent, name.bytes, name.len) : PDK_ZNODE_NONE;
}

pdk_znode pdk_tree_parent(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_slot(tree, id)->parent;
}

pdk_znode pdk_tree_first_child(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_slot(tree, id)->first_child;
}

pdk_znode pdk_tree_next_sibling(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_slot(tree, id)->next;
}

struct pdk_slice pdk_tree_name(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_blob_name(pdk_slot(tree, id)->blob);
}

struct pdk_slice pdk_tree_data(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_blob_data(pdk_slot(tree, id)->blob);
}

void pdk_tree_stat(const struct pdk_tree *tree, pdk_znode id, struct pdk_stat *out)
{
    const struct pdk_slot *s = pdk_slot(tree, id);
    uint32_t data_len = s->blob->data_len;
    bool ephemeral = s->owner != 0 && pdk_owner_kind(tree, s->owner) == PDK_KIND_EPHEMERAL;
    *out = (struct pdk_stat){
        .czxid = s->czxid,
        .mzxid = s->mzxid,
        .ctime = s->ctime,
        .mtime = s->mtime,
        .version = s->version,
        .cversion = (int32_t)(2 * (uint32_t)s->cversion - s->child_count), /* wraps as Java's */
        .aversion = s->aversion,
        .ephemeral_owner = ephemeral ? s->owner : 0,
        .data_length = data_len != PDK_BLOB_NULL ? (int32_t)data_len : 0,
        .num_children = (int32_t)s->child_count,
        .pzxid = s->pzxid,
    };
}

void pdk_tree_stat_persisted(const struct pdk_tree *tree, pdk_znode id,
                             struct pdk_stat_persisted *out)
{
    pdk_slot_stat(pdk_slot(tree, id), out);
}

uint32_t pdk_tree_child_count(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_slot(tree, id)->child_count;
}

uint32_t pdk_tree_node_digest(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_slot(tree, id)->digest;
}

pdk_acl_id pdk_tree_acl(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_slot(tree, id)->acl;
}

enum pdk_znode_kind pdk_owner_kind(const struct pdk_tree *tree, int64_t owner_word)
{
    if (owner_word == 0) return PDK_KIND_PERSISTENT;
    if (owner_word == PDK_OWNER_CONTAINER) return PDK_KIND_CONTAINER;
    if (tree->config.extended_types) {
        if (tree->config.emulate_353_ttl && owner_word < 0) return PDK_KIND_TTL;
        if ((owner_word & PDK_OWNER_TTL_MARK) == PDK_OWNER_TTL_MARK) return PDK_KIND_TTL;
    }
    return PDK_KIND_EPHEMERAL;
}

enum pdk_znode_kind pdk_tree_kind(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_owner_kind(tree, pdk_slot(tree, id)->owner);
}

void pdk_tree_put_path(const struct pdk_tree *tree, pdk_znode id, struct pdk_buf *out)
{
    size_t len = 0;
    if (id == PDK_ZNODE_ROOT) {
        pdk_put_u8(out, '/');
        return;
    }
    for (pdk_znode at = id; at != PDK_ZNODE_ROOT; at = pdk_slot(tree, at)->parent)
        len += 1 + pdk_slot(tree, at)->blob->name_len;
    uint8_t *end = pdk_buf_add(out, len);
    if (end == NULL) return;
    end += len;
    for (pdk_znode at = id; at != PDK_ZNODE_ROOT; at = pdk_slot(tree, at)->parent) {
        struct pdk_slice name = pdk_blob_name(pdk_slot(tree, at)->blob);
        end -= name.len;
        memcpy(end, name.bytes, name.len);
        *--end = '/';
    }
}

pdk_znode pdk_tree_walk(const struct pdk_tree *tree, pdk_znode top, pdk_znode at)
{
    const struct pdk_slot *slot = pdk_slot(tree, at);
    if (slot->first_child != PDK_ZNODE_NONE) return slot->first_child;
    for (; at != top; at = slot->parent, slot = pdk_slot(tree, at))
        if (slot->next != PDK_ZNODE_NONE) return slot->next;
    return PDK_ZNODE_NONE;
}

uint64_t pdk_tree_count_below(const struct pdk_tree *tree, pdk_znode id)
{
    uint64_t count = 0;
    if (id == PDK_ZNODE_ROOT) return tree->pages.live - 1;
    for (pdk_znode at = pdk_tree_walk(tree, id, id); at != PDK_ZNODE_NONE;
         at = pdk_tree_walk(tree, id, at))
        count++;
    return count;
}

struct pdk_slice pdk_tree_acl_list(const struct pdk_tree *tree, pdk_acl_id acl)
{
    static const char open[] = "\0\0\0\1\0\0\0\37\0\0\0\5world\0\0\0\6anyone";
    static const char nobody[] = "\0\0\0\1\0\0\0\0\0\0\0\5world\0\0\0\6anyone";
    if (acl == PDK_ACL_OPEN) return pdk_slice_of(open, sizeof open - 1);
    if (acl == PDK_ACL_UNKNOWN) return pdk_slice_of(nobody, sizeof nobody - 1);
    return pdk_aclmap_list(&tree->acls, acl);
}

pdk_acl_id pdk_tree_find_acl(const struct pdk_tree *tree, struct pdk_slice list)
{
    if (pdk_acl_list_is_null(list)) return PDK_ACL_OPEN;
    pdk_acl_id acl = pdk_aclmap_find(&tree->acls, list);
    return acl != 0 ? acl : PDK_ACL_NOT_INTERNED;
}

/* ---- sets --------------------------------------------------------------------------------- */

uint64_t pdk_tree_digest(const struct pdk_tree *tree) { return tree->digest; }

pdk_znode pdk_tree_ephemeral_first(const struct pdk_tree *tree, pdk_session owner)
{
    return pdk_ephemerals_first(&tree->ephemerals, owner);
}

pdk_znode pdk_tree_ephemeral_next(const struct pdk_tree *tree, pdk_znode id)
{
    return pdk_ephemerals_next(&tree->ephemerals, id);
}

void pdk_tree_each_owner(const struct pdk_tree *tree, void (*each)(void *ctx, pdk_session owner),
                         void *ctx)
{
    pdk_ephemerals_each_owner(&tree->ephemerals, each, ctx);
}

/* Differences of times are taken without sign trouble: files may bring any. */
static bool longer_than(int64_t since_ms, int64_t now_ms, int64_t limit_ms)
{
    return now_ms > since_ms && (uint64_t)now_ms - (uint64_t)since_ms > (uint64_t)limit_ms;
}

static bool is_due(const struct pdk_tree *tree, const struct pdk_slot *slot, int64_t now_wall_ms,
                   int64_t never_used_ms)
{
    if (slot->child_count > 0) return false;
    if (pdk_owner_kind(tree, slot->owner) == PDK_KIND_TTL) {
        int64_t ttl_ms = slot->owner & PDK_TTL_MS_MAX;
        return ttl_ms != 0 && longer_than(slot->mtime, now_wall_ms, ttl_ms);
    }
    if (slot->cversion > 0) return true;
    return never_used_ms > 0 && longer_than(slot->mtime, now_wall_ms, never_used_ms);
}

size_t pdk_tree_due(const struct pdk_tree *tree, int64_t now_wall_ms, int64_t never_used_ms,
                    uint32_t *cursor, pdk_znode *ids, size_t max)
{
    /* The cursor is how many of the list are still to be seen; the walk goes down. */
    uint32_t left = *cursor == 0 ? tree->timed.count : *cursor;
    if (left > tree->timed.count) left = tree->timed.count;
    size_t found = 0;
    for (size_t looked = 0; left > 0 && found < max && looked < 16 * max; looked++) {
        pdk_znode id = pdk_idlist_at(&tree->timed, --left);
        if (is_due(tree, pdk_slot(tree, id), now_wall_ms, never_used_ms)) ids[found++] = id;
    }
    *cursor = left;
    return found;
}

void pdk_tree_counts(const struct pdk_tree *tree, struct pdk_tree_counts *out)
{
    *out = (struct pdk_tree_counts){
        .znodes = tree->pages.live,
        .ephemerals = pdk_ephemerals_count(&tree->ephemerals),
        .containers = tree->containers,
        .ttls = tree->ttls,
        .data_bytes = tree->data_bytes,
        .approximate_bytes = tree->path_chars + tree->data_bytes,
        .acls = tree->acls.live,
        .retired = tree->pages.retired,
    };
}

bool pdk_tree_tidy(struct pdk_tree *tree) { return pdk_pages_tidy(&tree->pages); }
