/* Invariants:
 *   - a record is in the table from its first change until its latest zxid has committed
 *   - `touches` holds (zxid, record) in zxid order, one per record and zxid; the last touch of a
 *     record carries record->zxid, so a record is freed exactly when that touch is popped
 *   - digest == the tree's digest with all outstanding changes applied */
#include "core/prep/overlay.h"

#include <string.h>

#define INLINE_PATH 72
#define INLINE_ACL 40
#define FIRST_BUCKETS 1024u

struct pdk_pending {
    struct pdk_pending *next; /* in its bucket, or in the free list */
    uint64_t hash;
    pdk_zxid zxid;      /* touched last by */
    uint64_t savepoint; /* the last one that journalled it */
    bool exists;
    bool counted; /* in the digest: not below /zookeeper/ */
    bool acl_own; /* `acl` was set by an outstanding transaction; else it is the tree's */
    bool acl_null;
    pdk_znode id; /* in the tree when the record was made; NONE for created ones */
    uint32_t child_count;
    uint32_t data_len;
    uint32_t crc;    /* state behind path and data */
    uint32_t digest; /* 0 when gone or not counted */
    struct pdk_stat_persisted stat;
    size_t path_len, acl_len;
    uint8_t *path, *acl;
    uint8_t path_inline[INLINE_PATH];
    uint8_t acl_inline[INLINE_ACL];
};

struct touch {
    pdk_zxid zxid;
    struct pdk_pending *record;
};

/* How a record looked before the savepoint's first change to it.  Later changes are not noted: a
 * multi that changes one znode over and over must not copy its ACL each time. */
struct undo {
    struct pdk_pending *record;
    bool created; /* it was not there */
    struct pdk_pending before;
    uint8_t *acl_copy; /* of a list that did not fit inline, else NULL */
};

struct pdk_overlay {
    const struct pdk_mem *mem;
    const struct pdk_tree *tree;
    struct pdk_hash_seed seed;
    bool digest_enabled;
    uint64_t digest;

    struct pdk_pending **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct pdk_pending *free;

    struct touch *touches; /* ring */
    size_t touch_head, touch_count, touch_cap;

    bool journalling;
    uint64_t savepoint;
    uint64_t digest_before;
    size_t touches_before;
    struct undo *undos;
    size_t undo_count, undo_cap;
};

struct pdk_overlay *pdk_overlay_create(const struct pdk_mem *mem, struct pdk_hash_seed seed,
                                       const struct pdk_tree *tree, bool digest_enabled)
{
    struct pdk_overlay *o = pdk_mem_must_zero(mem, 1, sizeof *o);
    o->mem = mem;
    o->tree = tree;
    o->seed = seed;
    o->digest_enabled = digest_enabled;
    o->bucket_count = FIRST_BUCKETS;
    o->buckets = pdk_mem_must_zero(mem, o->bucket_count, sizeof *o->buckets);
    o->touch_cap = FIRST_BUCKETS;
    o->touches = pdk_mem_must(mem, o->touch_cap * sizeof *o->touches);
    return o;
}

static void drop_acl(struct pdk_overlay *o, struct pdk_pending *p)
{
    if (p->acl != p->acl_inline) pdk_mem_free(o->mem, p->acl);
    p->acl = p->acl_inline;
    p->acl_len = 0;
}

static void release_record(struct pdk_overlay *o, struct pdk_pending *p)
{
    drop_acl(o, p);
    if (p->path != p->path_inline) pdk_mem_free(o->mem, p->path);
    p->next = o->free;
    o->free = p;
}

void pdk_overlay_destroy(struct pdk_overlay *o)
{
    if (o == NULL) return;
    for (size_t i = 0; i < o->bucket_count; i++) {
        while (o->buckets[i] != NULL) {
            struct pdk_pending *p = o->buckets[i];
            o->buckets[i] = p->next;
            release_record(o, p);
        }
    }
    while (o->free != NULL) {
        struct pdk_pending *p = o->free;
        o->free = p->next;
        pdk_mem_free(o->mem, p);
    }
    pdk_mem_free(o->mem, o->buckets);
    pdk_mem_free(o->mem, o->touches);
    pdk_mem_free(o->mem, o->undos);
    pdk_mem_free(o->mem, o);
}

/* "" and "/" are the same znode. */
static struct pdk_slice normal(struct pdk_slice path)
{
    return path.len == 1 && path.bytes[0] == '/' ? pdk_slice_of(path.bytes, 0) : path;
}

static struct pdk_pending *table_find(const struct pdk_overlay *o, struct pdk_slice path,
                                      uint64_t hash)
{
    struct pdk_pending *p = o->buckets[hash & (o->bucket_count - 1)];
    for (; p != NULL; p = p->next) {
        if (p->hash == hash && p->path_len == path.len &&
            memcmp(p->path, path.bytes, path.len) == 0)
            return p;
    }
    return NULL;
}

static uint64_t hash_of(const struct pdk_overlay *o, struct pdk_slice path)
{
    return pdk_siphash(&o->seed, path.bytes, path.len);
}

bool pdk_overlay_find(const struct pdk_overlay *o, struct pdk_slice path, struct pdk_record *out)
{
    path = normal(path);
    struct pdk_pending *p = o->count > 0 ? table_find(o, path, hash_of(o, path)) : NULL;
    out->pending = p;
    if (p == NULL) {
        out->id = pdk_tree_find(o->tree, path);
        if (out->id == PDK_ZNODE_NONE) return false;
        pdk_tree_stat_persisted(o->tree, out->id, &out->stat);
        out->child_count = pdk_tree_child_count(o->tree, out->id);
        out->data_len = (uint32_t)pdk_tree_data(o->tree, out->id).len;
    } else {
        if (!p->exists) return false;
        out->id = p->id;
        out->stat = p->stat;
        out->child_count = p->child_count;
        out->data_len = p->data_len;
        if (p->acl_own) {
            out->acl = p->acl_null ? pdk_slice_null() : pdk_slice_of(p->acl, p->acl_len);
            return true;
        }
    }
    pdk_acl_id acl = pdk_tree_acl(o->tree, out->id);
    out->acl = acl == PDK_ACL_OPEN ? pdk_slice_null() : pdk_tree_acl_list(o->tree, acl);
    return true;
}

static void grow_table(struct pdk_overlay *o)
{
    size_t wider = o->bucket_count * 2;
    struct pdk_pending **buckets = pdk_mem_must_zero(o->mem, wider, sizeof *buckets);
    for (size_t i = 0; i < o->bucket_count; i++) {
        while (o->buckets[i] != NULL) {
            struct pdk_pending *p = o->buckets[i];
            o->buckets[i] = p->next;
            p->next = buckets[p->hash & (wider - 1)];
            buckets[p->hash & (wider - 1)] = p;
        }
    }
    pdk_mem_free(o->mem, o->buckets);
    o->buckets = buckets;
    o->bucket_count = wider;
}

static bool is_counted(struct pdk_slice path)
{
    static const char prefix[] = "/zookeeper/";
    return !pdk_slice_starts_with(path, pdk_slice_of(prefix, sizeof prefix - 1));
}

static struct pdk_pending *insert_record(struct pdk_overlay *o, struct pdk_slice path,
                                         uint64_t hash)
{
    if (o->count >= o->bucket_count) grow_table(o);
    struct pdk_pending *p = o->free;
    if (p != NULL)
        o->free = p->next;
    else
        p = pdk_mem_must(o->mem, sizeof *p);
    p->hash = hash;
    p->zxid = 0;
    p->savepoint = 0;
    p->exists = false;
    p->counted = is_counted(path);
    p->acl_own = p->acl_null = false;
    p->id = PDK_ZNODE_NONE;
    p->child_count = p->data_len = 0;
    p->crc = p->digest = 0;
    p->path_len = path.len;
    p->acl_len = 0;
    p->path = path.len <= INLINE_PATH ? p->path_inline : pdk_mem_must(o->mem, path.len);
    p->acl = p->acl_inline;
    if (path.len > 0) memcpy(p->path, path.bytes, path.len);
    struct pdk_pending **bucket = &o->buckets[hash & (o->bucket_count - 1)];
    p->next = *bucket;
    *bucket = p;
    o->count++;
    return p;
}

static void remove_record(struct pdk_overlay *o, struct pdk_pending *p)
{
    struct pdk_pending **at = &o->buckets[p->hash & (o->bucket_count - 1)];
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    o->count--;
    release_record(o, p);
}

static void journal(struct pdk_overlay *o, struct pdk_pending *p, bool created)
{
    if (!o->journalling || p->savepoint == o->savepoint) return;
    if (o->undo_count == o->undo_cap) {
        o->undo_cap = o->undo_cap > 0 ? o->undo_cap * 2 : 16;
        o->undos = pdk_mem_must_resize(o->mem, o->undos, o->undo_cap * sizeof *o->undos);
    }
    struct undo *u = &o->undos[o->undo_count++];
    *u = (struct undo){.record = p, .created = created};
    if (created) {
        p->savepoint = o->savepoint;
        return;
    }
    u->before = *p;
    p->savepoint = o->savepoint;
    if (p->acl != p->acl_inline) {
        u->acl_copy = pdk_mem_must(o->mem, p->acl_len);
        memcpy(u->acl_copy, p->acl, p->acl_len);
    }
}

static void add_touch(struct pdk_overlay *o, struct pdk_pending *p, pdk_zxid zxid)
{
    if (p->zxid == zxid) return;
    if (o->touch_count == o->touch_cap) {
        struct touch *wider = pdk_mem_must(o->mem, 2 * o->touch_cap * sizeof *wider);
        for (size_t i = 0; i < o->touch_count; i++)
            wider[i] = o->touches[(o->touch_head + i) & (o->touch_cap - 1)];
        pdk_mem_free(o->mem, o->touches);
        o->touches = wider;
        o->touch_head = 0;
        o->touch_cap *= 2;
    }
    o->touches[(o->touch_head + o->touch_count++) & (o->touch_cap - 1)] =
        (struct touch){.zxid = zxid, .record = p};
    p->zxid = zxid;
}

static uint32_t crc_behind_data(struct pdk_slice path, struct pdk_slice data)
{
    uint32_t crc = pdk_crc32(PDK_CRC32_INIT, path.bytes, path.len);
    return data.len > 0 ? pdk_crc32(crc, data.bytes, data.len) : crc;
}

/* The record to change: the one there, or a new one that copies what the tree says. */
static struct pdk_pending *open_record(struct pdk_overlay *o, struct pdk_slice path,
                                       const struct pdk_record *seen, pdk_zxid zxid)
{
    struct pdk_pending *p = seen->pending;
    if (p != NULL) {
        journal(o, p, false);
        add_touch(o, p, zxid);
        return p;
    }
    path = normal(path);
    p = insert_record(o, path, hash_of(o, path));
    journal(o, p, true);
    add_touch(o, p, zxid);
    p->exists = true;
    p->id = seen->id;
    p->stat = seen->stat;
    p->child_count = seen->child_count;
    p->data_len = seen->data_len;
    if (o->digest_enabled && p->counted) {
        p->crc = crc_behind_data(path, pdk_tree_data(o->tree, seen->id));
        p->digest = pdk_tree_node_digest(o->tree, seen->id);
    }
    return p;
}

/* The Stat's 60 bytes as the digest covers them (data-model.md section 13). */
static uint32_t crc_stat(uint32_t crc, const struct pdk_stat_persisted *s)
{
    uint8_t b[60];
    pdk_store_u64(b, (uint64_t)s->czxid);
    pdk_store_u64(b + 8, (uint64_t)s->mzxid);
    pdk_store_u64(b + 16, (uint64_t)s->pzxid);
    pdk_store_u64(b + 24, (uint64_t)s->ctime);
    pdk_store_u64(b + 32, (uint64_t)s->mtime);
    pdk_store_u32(b + 40, (uint32_t)s->version);
    pdk_store_u32(b + 44, (uint32_t)s->cversion);
    pdk_store_u32(b + 48, (uint32_t)s->aversion);
    pdk_store_u64(b + 52, (uint64_t)s->ephemeral_owner);
    return pdk_crc32(crc, b, sizeof b);
}

static uint32_t settle(struct pdk_overlay *o, struct pdk_pending *p)
{
    if (!o->digest_enabled || !p->counted) return 0;
    uint32_t digest = p->exists ? crc_stat(p->crc, &p->stat) : 0;
    o->digest += (uint64_t)digest - (uint64_t)p->digest;
    p->digest = digest;
    return digest;
}

static void set_acl(struct pdk_overlay *o, struct pdk_pending *p, struct pdk_slice acl)
{
    drop_acl(o, p);
    p->acl_own = true;
    p->acl_null = acl.is_null;
    p->acl_len = acl.len;
    if (acl.len > INLINE_ACL) p->acl = pdk_mem_must(o->mem, acl.len);
    if (acl.len > 0) memcpy(p->acl, acl.bytes, acl.len);
}

static void set_data(struct pdk_overlay *o, struct pdk_pending *p, struct pdk_slice data)
{
    p->data_len = (uint32_t)data.len;
    if (o->digest_enabled && p->counted)
        p->crc = crc_behind_data(pdk_slice_of(p->path, p->path_len), data);
}

uint32_t pdk_overlay_put_stat(struct pdk_overlay *o, struct pdk_slice path,
                              const struct pdk_record *record, pdk_zxid zxid,
                              const struct pdk_stat_persisted *stat, uint32_t child_count)
{
    struct pdk_pending *p = open_record(o, path, record, zxid);
    p->stat = *stat;
    p->child_count = child_count;
    return settle(o, p);
}

uint32_t pdk_overlay_put_data(struct pdk_overlay *o, struct pdk_slice path,
                              const struct pdk_record *record, pdk_zxid zxid,
                              const struct pdk_stat_persisted *stat, struct pdk_slice data)
{
    struct pdk_pending *p = open_record(o, path, record, zxid);
    p->stat = *stat;
    set_data(o, p, data);
    return settle(o, p);
}

uint32_t pdk_overlay_put_acl(struct pdk_overlay *o, struct pdk_slice path,
                             const struct pdk_record *record, pdk_zxid zxid,
                             const struct pdk_stat_persisted *stat, struct pdk_slice acl)
{
    struct pdk_pending *p = open_record(o, path, record, zxid);
    p->stat = *stat;
    set_acl(o, p, acl);
    return settle(o, p);
}

uint32_t pdk_overlay_put_created(struct pdk_overlay *o, struct pdk_slice path, pdk_zxid zxid,
                                 const struct pdk_stat_persisted *stat, struct pdk_slice data,
                                 struct pdk_slice acl)
{
    path = normal(path);
    uint64_t hash = hash_of(o, path);
    struct pdk_pending *p = table_find(o, path, hash);
    bool created = p == NULL;
    if (created) p = insert_record(o, path, hash);
    PDK_ASSERT(!p->exists);
    journal(o, p, created);
    add_touch(o, p, zxid);
    p->exists = true;
    p->id = PDK_ZNODE_NONE;
    p->stat = *stat;
    p->child_count = 0;
    set_acl(o, p, acl);
    set_data(o, p, data);
    return settle(o, p);
}

void pdk_overlay_put_deleted(struct pdk_overlay *o, struct pdk_slice path,
                             const struct pdk_record *record, pdk_zxid zxid)
{
    struct pdk_pending *p = open_record(o, path, record, zxid);
    p->exists = false;
    p->id = PDK_ZNODE_NONE;
    (void)settle(o, p);
}

void pdk_overlay_begin(struct pdk_overlay *o)
{
    PDK_ASSERT(!o->journalling);
    o->journalling = true;
    o->savepoint++;
    o->digest_before = pdk_overlay_digest(o);
    o->touches_before = o->touch_count;
    o->undo_count = 0;
}

static void undo_one(struct pdk_overlay *o, struct undo *u)
{
    struct pdk_pending *p = u->record;
    if (u->created) {
        remove_record(o, p);
        return;
    }
    drop_acl(o, p);
    struct pdk_pending *next = p->next; /* the bucket may have changed since */
    uint8_t *path = p->path;
    *p = u->before;
    p->next = next;
    p->path = path;
    p->acl = p->acl_len > INLINE_ACL ? u->acl_copy : p->acl_inline;
    u->acl_copy = NULL;
}

void pdk_overlay_end(struct pdk_overlay *o, bool rollback)
{
    PDK_ASSERT(o->journalling);
    o->journalling = false;
    while (o->undo_count > 0) {
        struct undo *u = &o->undos[--o->undo_count];
        if (rollback) undo_one(o, u);
        pdk_mem_free(o->mem, u->acl_copy);
    }
    if (!rollback) return;
    o->touch_count = o->touches_before;
    o->digest = o->digest_before;
}

/* The record goes with the last change that touched it. */
static void pop_touch(struct pdk_overlay *o)
{
    struct touch t = o->touches[o->touch_head];
    o->touch_head = (o->touch_head + 1) & (o->touch_cap - 1);
    o->touch_count--;
    if (t.record->zxid == t.zxid) remove_record(o, t.record);
}

void pdk_overlay_reset(struct pdk_overlay *o)
{
    while (o->touch_count > 0) pop_touch(o);
    PDK_ASSERT(o->count == 0);
    o->digest = pdk_tree_digest(o->tree);
}

uint64_t pdk_overlay_digest(const struct pdk_overlay *o)
{
    return o->digest_enabled ? o->digest : 0;
}

size_t pdk_overlay_touches(const struct pdk_overlay *o) { return o->touch_count; }

size_t pdk_overlay_commit(struct pdk_overlay *o, pdk_zxid zxid)
{
    size_t before = o->touch_count;
    while (o->touch_count > 0 && o->touches[o->touch_head].zxid <= zxid) pop_touch(o);
    PDK_VERIFY(!o->digest_enabled || o->count > 0 || o->digest == pdk_tree_digest(o->tree));
    return before - o->touch_count;
}

void pdk_overlay_each_created(const struct pdk_overlay *o, pdk_session owner,
                              void (*each)(void *ctx, struct pdk_slice path), void *ctx)
{
    /* In the order of their creation, so that every replica and every run agrees. */
    for (size_t i = 0; i < o->touch_count; i++) {
        struct touch t = o->touches[(o->touch_head + i) & (o->touch_cap - 1)];
        struct pdk_pending *p = t.record;
        bool first_or_only = p->stat.czxid == t.zxid;
        if (p->exists && p->id == PDK_ZNODE_NONE && p->stat.ephemeral_owner == owner &&
            first_or_only)
            each(ctx, pdk_slice_of(p->path, p->path_len));
    }
}

size_t pdk_overlay_count(const struct pdk_overlay *o) { return o->count; }

void pdk_overlay_validate(const struct pdk_overlay *o)
{
    size_t seen = 0;
    for (size_t i = 0; i < o->bucket_count; i++) {
        for (const struct pdk_pending *p = o->buckets[i]; p != NULL; p = p->next) {
            PDK_ASSERT((p->hash & (o->bucket_count - 1)) == i);
            PDK_ASSERT(p->zxid > 0);
            PDK_ASSERT(p->exists || p->digest == 0);
            seen++;
        }
    }
    PDK_ASSERT(seen == o->count);
    pdk_zxid last = 0;
    for (size_t i = 0; i < o->touch_count; i++) {
        struct touch t = o->touches[(o->touch_head + i) & (o->touch_cap - 1)];
        PDK_ASSERT(t.zxid >= last);
        PDK_ASSERT(t.record->zxid >= t.zxid);
        last = t.zxid;
    }
}
