/* Random operations on the tree and on a plain array of paths, which must agree; views against deep
 * copies of the array.  The array follows data-model.md as literally as can be. */
#include "base/prng.h"
#include "core/tree/testing.h"
#include "core/tree/view.h"

#define ZNODES_MAX 600u
#define PATH_MAX_LEN 160u
#define DATA_MAX 40u
#define VIEWS_MAX 3u

struct mnode {
    char path[PATH_MAX_LEN]; /* "" is the root */
    uint8_t data[DATA_MAX + 60];
    size_t len;
    bool null_data;
    int32_t perms; /* of the ACL's one entry; -1: open */
    struct pdk_stat_persisted stat;
};

struct model {
    struct mnode nodes[ZNODES_MAX];
    size_t count;
};

struct pair {
    struct pdk_tree *tree;
    struct pdk_tree_config config;
    struct model *model;
    struct pdk_prng prng;
    uint64_t seed;
    int step;
    pdk_zxid zxid;
    struct {
        struct pdk_view *view;
        struct model *copy;
        uint64_t digest;
    } views[VIEWS_MAX];
};

#define CHECK(p, condition) \
    do { \
        if (!(condition)) \
            fail_msg("seed %llu step %d: %s", (unsigned long long)(p)->seed, (p)->step, \
                     #condition); \
    } while (0)

/* ---- the array ---------------------------------------------------------------------------- */

static struct mnode *m_find(struct model *m, const char *path)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->nodes[i].path, path) == 0) return &m->nodes[i];
    return NULL;
}

static void m_parent_path(const char *path, char out[PATH_MAX_LEN])
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    memcpy(out, path, len);
    out[len] = '\0';
}

static bool m_is_child(const struct mnode *n, const char *parent)
{
    char up[PATH_MAX_LEN];
    if (n->path[0] == '\0') return false;
    m_parent_path(n->path, up);
    return strcmp(up, parent) == 0;
}

static uint32_t m_children(const struct model *m, const char *path)
{
    uint32_t count = 0;
    for (size_t i = 0; i < m->count; i++) count += m_is_child(&m->nodes[i], path);
    return count;
}

static bool m_covers(const char *prefix, const char *path)
{
    size_t len = strlen(prefix);
    return strncmp(prefix, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static void m_put(struct mnode *n, const void *data, size_t len, bool null_data)
{
    n->len = len;
    n->null_data = null_data;
    if (len > 0) memcpy(n->data, data, len);
}

static void m_write_usage(struct mnode *stats, long long count, long long bytes)
{
    char text[60];
    int len = snprintf(text, sizeof text, "count=%lld,bytes=%lld", count, bytes);
    m_put(stats, text, (size_t)len, false);
}

/* The stats znode of the longest prefix that has limits. */
static struct mnode *m_stats_for(struct model *m, const char *path)
{
    static const char root[] = "/zookeeper/quota";
    char best[PATH_MAX_LEN] = "", up[PATH_MAX_LEN], stats[PATH_MAX_LEN + 40];
    for (size_t i = 0; i < m->count; i++) {
        const char *p = m->nodes[i].path;
        if (!m_covers(root, p) || strcmp(p, root) == 0) continue;
        if (strcmp(strrchr(p, '/'), "/zookeeper_limits") != 0) continue;
        m_parent_path(p, up);
        const char *covered = up + strlen(root);
        if (m_covers(covered, path) && strlen(covered) > strlen(best)) strcpy(best, covered);
    }
    if (best[0] == '\0') return NULL;
    (void)snprintf(stats, sizeof stats, "%s%s/zookeeper_stats", root, best);
    return m_find(m, stats);
}

static void m_charge(struct model *m, const char *path, long long bytes, long long count)
{
    struct mnode *stats = m_stats_for(m, path);
    long long had_count = -1, had_bytes = -1;
    char text[DATA_MAX + 61] = "";
    if (stats == NULL) return;
    if (stats->len > 0) memcpy(text, stats->data, stats->len);
    const char *at = strstr(text, "count=");
    if (at != NULL) (void)sscanf(at, "count=%lld", &had_count);
    at = strstr(text, "bytes=");
    if (at != NULL) (void)sscanf(at, "bytes=%lld", &had_bytes);
    m_write_usage(stats, had_count + count, had_bytes + bytes);
}

static void m_recount(struct model *m, struct mnode *stats)
{
    char covered[PATH_MAX_LEN];
    long long count = 0, bytes = 0;
    m_parent_path(stats->path, covered);
    for (size_t i = 0; i < m->count; i++) {
        if (!m_covers(covered + strlen("/zookeeper/quota"), m->nodes[i].path)) continue;
        count++;
        bytes += (long long)m->nodes[i].len;
    }
    m_write_usage(stats, count, bytes);
}

static void m_raise(struct mnode *parent, int32_t cversion, pdk_zxid zxid)
{
    if (cversion == -1) cversion = parent->stat.cversion + 1;
    if (cversion <= parent->stat.cversion) return;
    parent->stat.cversion = cversion;
    parent->stat.pzxid = zxid;
}

static enum pdk_code m_create(struct model *m, const char *path, const struct pdk_tree_create *a,
                              int32_t perms)
{
    char up[PATH_MAX_LEN];
    m_parent_path(path, up);
    struct mnode *parent = m_find(m, up), *there = m_find(m, path);
    if (parent == NULL) return PDK_CODE_NO_NODE;
    m_raise(parent, a->parent_cversion, a->zxid);
    if (there != NULL) {
        there->perms = perms;
        return PDK_CODE_NODE_EXISTS;
    }
    struct mnode *n = &m->nodes[m->count++];
    *n = (struct mnode){.perms = perms,
                        .stat = {.czxid = a->zxid,
                                 .mzxid = a->zxid,
                                 .pzxid = a->zxid,
                                 .ctime = a->time_ms,
                                 .mtime = a->time_ms,
                                 .ephemeral_owner = a->owner}};
    strcpy(n->path, path);
    m_put(n, a->data.bytes, a->data.len, a->data.is_null);
    if (m_covers("/zookeeper/quota", path) && strcmp(strrchr(path, '/'), "/zookeeper_stats") == 0)
        m_recount(m, n);
    m_charge(m, path, (long long)a->data.len, 1);
    return PDK_CODE_OK;
}

static enum pdk_code m_delete(struct model *m, const char *path, pdk_zxid zxid)
{
    char up[PATH_MAX_LEN], copy[PATH_MAX_LEN];
    m_parent_path(path, up);
    strcpy(copy, path);
    struct mnode *parent = m_find(m, up), *n = m_find(m, path);
    if (parent == NULL) return PDK_CODE_NO_NODE;
    if (n != NULL && m_children(m, path) > 0) return PDK_CODE_NOT_EMPTY;
    if (zxid > parent->stat.pzxid) parent->stat.pzxid = zxid;
    if (n == NULL) return PDK_CODE_NO_NODE;
    long long len = (long long)n->len;
    *n = m->nodes[--m->count];
    m_charge(m, copy, -len, -1);
    return PDK_CODE_OK;
}

/* Its own serialisation and sum, to be independent of digest.c. */
static uint64_t m_digest(const struct model *m)
{
    uint64_t sum = 0;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    for (size_t i = 0; i < m->count; i++) {
        const struct mnode *n = &m->nodes[i];
        if (strncmp(n->path, "/zookeeper/", 11) == 0) continue;
        pdk_buf_clear(&b);
        pdk_put_raw(&b, n->path, strlen(n->path));
        pdk_put_raw(&b, n->data, n->len);
        pdk_put_i64(&b, n->stat.czxid);
        pdk_put_i64(&b, n->stat.mzxid);
        pdk_put_i64(&b, n->stat.pzxid);
        pdk_put_i64(&b, n->stat.ctime);
        pdk_put_i64(&b, n->stat.mtime);
        pdk_put_i32(&b, n->stat.version);
        pdk_put_i32(&b, n->stat.cversion);
        pdk_put_i32(&b, n->stat.aversion);
        pdk_put_i64(&b, n->stat.ephemeral_owner);
        sum += pdk_crc32(PDK_CRC32_INIT, b.bytes, b.len);
    }
    pdk_buf_deinit(&b);
    return sum;
}

/* ---- comparing ---------------------------------------------------------------------------- */

static bool same_persisted(const struct pdk_stat_persisted *a, const struct pdk_stat_persisted *b)
{
    return a->czxid == b->czxid && a->mzxid == b->mzxid && a->pzxid == b->pzxid &&
           a->ctime == b->ctime && a->mtime == b->mtime && a->version == b->version &&
           a->cversion == b->cversion && a->aversion == b->aversion &&
           a->ephemeral_owner == b->ephemeral_owner;
}

static bool same_data(const struct mnode *n, struct pdk_slice data)
{
    return n->null_data == data.is_null && n->len == data.len &&
           (n->len == 0 || memcmp(n->data, data.bytes, n->len) == 0);
}

static bool same_list(int32_t perms, struct pdk_slice list)
{
    struct test_acl want = test_acl(perms);
    return pdk_slice_eq(list, test_acl_slice(&want));
}

static enum pdk_znode_kind m_kind(const struct pair *p, const struct mnode *n)
{
    int64_t w = n->stat.ephemeral_owner;
    if (w == 0) return PDK_KIND_PERSISTENT;
    if (w == INT64_MIN) return PDK_KIND_CONTAINER;
    if (w >= 0 || !p->config.extended_types) return PDK_KIND_EPHEMERAL;
    return p->config.emulate_353_ttl || (uint64_t)w >> 56 == 0xff ? PDK_KIND_TTL
                                                                  : PDK_KIND_EPHEMERAL;
}

static void compare_stat(struct pair *p, struct mnode *n, pdk_znode id)
{
    struct pdk_stat_persisted stored;
    struct pdk_stat s;
    uint32_t children = m_children(p->model, n->path);
    pdk_tree_stat_persisted(p->tree, id, &stored);
    CHECK(p, same_persisted(&stored, &n->stat));
    pdk_tree_stat(p->tree, id, &s);
    CHECK(p, s.cversion == 2 * n->stat.cversion - (int32_t)children);
    CHECK(p, s.num_children == (int32_t)children && s.data_length == (int32_t)n->len);
    CHECK(p, s.czxid == stored.czxid && s.mzxid == stored.mzxid && s.pzxid == stored.pzxid);
    CHECK(p, s.ctime == stored.ctime && s.mtime == stored.mtime);
    CHECK(p, s.version == stored.version && s.aversion == stored.aversion);
    bool ephemeral = m_kind(p, n) == PDK_KIND_EPHEMERAL;
    CHECK(p, s.ephemeral_owner == (ephemeral ? stored.ephemeral_owner : 0));
    CHECK(p, pdk_tree_kind(p->tree, id) == m_kind(p, n));
}

static void compare_znode(struct pair *p, struct mnode *n, struct pdk_buf *path)
{
    pdk_znode id = test_find(p->tree, n->path);
    CHECK(p, id != PDK_ZNODE_NONE);
    compare_stat(p, n, id);
    CHECK(p, same_data(n, pdk_tree_data(p->tree, id)));
    pdk_acl_id acl = pdk_tree_acl(p->tree, id);
    CHECK(p, (acl == PDK_ACL_OPEN) == (n->perms == -1));
    CHECK(p, same_list(n->perms == -1 ? 31 : n->perms, pdk_tree_acl_list(p->tree, acl)));
    uint32_t children = 0;
    for (pdk_znode c = pdk_tree_first_child(p->tree, id); c != PDK_ZNODE_NONE;
         c = pdk_tree_next_sibling(p->tree, c), children++) {
        pdk_buf_clear(path);
        pdk_tree_put_path(p->tree, c, path);
        pdk_put_u8(path, 0);
        struct mnode *child = m_find(p->model, (const char *)path->bytes);
        CHECK(p, child != NULL && m_is_child(child, n->path));
    }
    CHECK(p, children == m_children(p->model, n->path));
    uint64_t below = 0;
    for (size_t i = 0; i < p->model->count; i++)
        below += m_covers(n->path, p->model->nodes[i].path);
    CHECK(p, pdk_tree_count_below(p->tree, id) == below - 1);
}

struct owner_count {
    struct pair *pair;
    uint64_t ephemerals;
};

static void count_owner(void *ctx, pdk_session owner)
{
    struct owner_count *c = ctx;
    pdk_znode id = pdk_tree_ephemeral_first(c->pair->tree, owner);
    CHECK(c->pair, id != PDK_ZNODE_NONE);
    for (; id != PDK_ZNODE_NONE; id = pdk_tree_ephemeral_next(c->pair->tree, id)) {
        struct pdk_stat s;
        pdk_tree_stat(c->pair->tree, id, &s);
        CHECK(c->pair, s.ephemeral_owner == owner);
        c->ephemerals++;
    }
}

static void compare_sets(struct pair *p)
{
    struct pdk_tree_counts counts;
    uint64_t ephemerals = 0, containers = 0, ttls = 0, data = 0, due_want = 0, due_got = 0;
    int64_t now = 3000 + p->zxid;
    for (size_t i = 0; i < p->model->count; i++) {
        const struct mnode *n = &p->model->nodes[i];
        enum pdk_znode_kind kind = m_kind(p, n);
        ephemerals += kind == PDK_KIND_EPHEMERAL;
        containers += kind == PDK_KIND_CONTAINER;
        ttls += kind == PDK_KIND_TTL;
        data += n->len;
        if (m_children(p->model, n->path) > 0) continue;
        int64_t age = now - n->stat.mtime, ttl = n->stat.ephemeral_owner & 0xffffffffff;
        if (kind == PDK_KIND_TTL) due_want += ttl != 0 && age > ttl;
        if (kind == PDK_KIND_CONTAINER) due_want += n->stat.cversion > 0 || age > 2500;
    }
    pdk_tree_counts(p->tree, &counts);
    CHECK(p, counts.znodes == p->model->count && counts.data_bytes == data);
    CHECK(p, counts.ephemerals == ephemerals);
    CHECK(p, counts.containers == containers && counts.ttls == ttls);
    struct owner_count listed = {.pair = p};
    pdk_tree_each_owner(p->tree, count_owner, &listed);
    CHECK(p, listed.ephemerals == ephemerals);
    uint32_t cursor = 0;
    pdk_znode ids[5];
    do due_got += pdk_tree_due(p->tree, now, 2500, &cursor, ids, 5);
    while (cursor != 0);
    CHECK(p, due_got == due_want);
}

static void compare_all(struct pair *p)
{
    struct pdk_buf path;
    pdk_tree_validate(p->tree);
    pdk_buf_init(&path, pdk_mem_heap(), 10000);
    for (size_t i = 0; i < p->model->count; i++) compare_znode(p, &p->model->nodes[i], &path);
    pdk_buf_deinit(&path);
    compare_sets(p);
    CHECK(p, pdk_tree_digest(p->tree) == (p->config.digest_enabled ? m_digest(p->model) : 0));
}

static int32_t view_perms(struct pair *p, const struct pdk_view *view, int64_t disk_id)
{
    if (disk_id == -1) return -1;
    for (size_t i = 0; i < pdk_view_acl_count(view); i++) {
        int64_t id = 0;
        struct pdk_slice list;
        pdk_view_acl(view, i, &id, &list);
        if (id != disk_id) continue;
        CHECK(p, list.len == test_acl(0).len && same_list(list.bytes[7], list));
        return list.bytes[7];
    }
    fail_msg("seed %llu: a view lacks ACL %lld", (unsigned long long)p->seed, (long long)disk_id);
    return 0;
}

static void compare_view(struct pair *p, size_t v)
{
    const struct pdk_view *view = p->views[v].view;
    struct model *copy = p->views[v].copy;
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    static bool seen[ZNODES_MAX];
    size_t count = 0;
    memset(seen, 0, sizeof seen);
    CHECK(p, pdk_view_digest(view) == p->views[v].digest);
    CHECK(p, pdk_view_znode_count(view) == copy->count);
    pdk_view_cursor_init(&cursor, view, pdk_mem_heap());
    for (; pdk_view_next(&cursor, &node); count++) {
        char path[PATH_MAX_LEN] = "", up[PATH_MAX_LEN];
        CHECK(p, node.path.len < sizeof path);
        if (node.path.len > 0) memcpy(path, node.path.bytes, node.path.len);
        struct mnode *n = m_find(copy, path);
        CHECK(p, n != NULL && !seen[n - copy->nodes]);
        seen[n - copy->nodes] = true;
        CHECK(p, same_data(n, node.data));
        CHECK(p, same_persisted(&n->stat, &node.stat));
        CHECK(p, view_perms(p, view, node.disk_acl_id) == n->perms);
        if (path[0] == '\0') continue;
        m_parent_path(path, up);
        CHECK(p, seen[m_find(copy, up) - copy->nodes]); /* parents come first */
    }
    CHECK(p, count == copy->count);
    CHECK(p, !pdk_view_next(&cursor, &node));
    pdk_view_cursor_deinit(&cursor);
}

/* ---- random operations -------------------------------------------------------------------- */

static uint64_t below(struct pair *p, uint64_t bound) { return pdk_prng_below(&p->prng, bound); }

static void random_path(struct pair *p, char out[PATH_MAX_LEN])
{
    static const char *const names[] = {"a",
                                        "b",
                                        "12345678",
                                        "a-name-beyond-sixteen-bytes",
                                        "\xe4\xb8\xad",
                                        "c",
                                        "exactly-16-bytes"};
    static const char *const quota[] = {"/zookeeper/quota/a", "/zookeeper/quota/a/b",
                                        "/zookeeper/quota/b"};
    static const char *const ends[] = {"", "/zookeeper_limits", "/zookeeper_stats", "/b"};
    if (below(p, 6) == 0) {
        (void)snprintf(out, PATH_MAX_LEN, "%s%s", quota[below(p, 3)], ends[below(p, 4)]);
        return;
    }
    /* Mostly a child of what is there. */
    out[0] = '\0';
    if (below(p, 8) != 0) strcpy(out, p->model->nodes[below(p, p->model->count)].path);
    if (strlen(out) > PATH_MAX_LEN / 2) out[0] = '\0';
    size_t len = strlen(out);
    if (below(p, 2) == 0)
        (void)snprintf(out + len, PATH_MAX_LEN - len, "/%s", names[below(p, PDK_COUNT_OF(names))]);
    else
        (void)snprintf(out + len, PATH_MAX_LEN - len, "/n%d", (int)below(p, 30));
}

static struct pdk_slice random_data(struct pair *p, uint8_t out[DATA_MAX])
{
    if (below(p, 8) == 0) return pdk_slice_null();
    size_t len = (size_t)below(p, DATA_MAX + 1);
    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)('a' + below(p, 26));
    return pdk_slice_of(out, len);
}

static int64_t random_owner(struct pair *p)
{
    switch (below(p, 10)) {
    case 0: return PDK_OWNER_CONTAINER;
    case 1: return PDK_OWNER_TTL_MARK | (int64_t)(1 + below(p, 4000));
    case 2: return (int64_t)(1 + below(p, 5));
    case 3: return INT64_MIN | (int64_t)(1 + below(p, 100));
    default: return 0;
    }
}

static void one_create(struct pair *p, const char *path)
{
    uint8_t data[DATA_MAX];
    int32_t perms = (int32_t)below(p, 6) - 1;
    struct test_acl acl = test_acl(perms);
    struct pdk_change change = {.id = PDK_ZNODE_NONE};
    struct pdk_tree_create args = {
        .path = pdk_slice_str(path),
        .data = random_data(p, data),
        .acl = perms == -1 ? pdk_slice_null() : test_acl_slice(&acl),
        .owner = random_owner(p),
        .parent_cversion = below(p, 4) == 0 ? (int32_t)below(p, 50) : -1,
        .zxid = p->zxid,
        .time_ms = 1000 + p->zxid,
    };
    /* With emulation off, marked words of other features cannot come from a checked request. */
    if (args.owner < 0 && args.owner > PDK_OWNER_CONTAINER && args.owner < PDK_OWNER_TTL_MARK &&
        !p->config.emulate_353_ttl)
        args.owner = 0;
    enum pdk_code want = m_create(p->model, path, &args, perms);
    CHECK(p, pdk_tree_create_znode(p->tree, &args, &change) == want);
    if (want != PDK_CODE_OK) return;
    CHECK(p, change.kind == PDK_CHANGE_CREATED && change.id == test_find(p->tree, path));
    CHECK(p, same_list(perms == -1 ? 31 : perms, pdk_tree_acl_list(p->tree, change.acl)));
}

static void one_delete(struct pair *p, const char *path)
{
    struct pdk_change change;
    struct mnode *n = m_find(p->model, path);
    int32_t perms = n != NULL ? n->perms : 0;
    enum pdk_code want = m_delete(p->model, path, p->zxid);
    struct pdk_slice slice = pdk_slice_str(path);
    CHECK(p, pdk_tree_delete_znode(p->tree, slice, p->zxid, NULL, &change) == want);
    if (want != PDK_CODE_OK) return;
    CHECK(p, change.kind == PDK_CHANGE_DELETED && test_find(p->tree, path) == PDK_ZNODE_NONE);
    CHECK(p, same_list(perms == -1 ? 31 : perms, pdk_tree_acl_list(p->tree, change.acl)));
}

static void one_set(struct pair *p, const char *path)
{
    uint8_t bytes[DATA_MAX];
    struct pdk_slice data = random_data(p, bytes);
    int32_t version = (int32_t)pdk_prng_next(&p->prng);
    struct mnode *n = m_find(p->model, path);
    enum pdk_code got = pdk_tree_set_data(p->tree, pdk_slice_str(path), data, version, p->zxid,
                                          1000 + p->zxid, NULL, NULL);
    CHECK(p, got == (n != NULL ? PDK_CODE_OK : PDK_CODE_NO_NODE));
    if (n == NULL) return;
    long long change = (long long)data.len - (long long)n->len;
    m_put(n, data.bytes, data.len, data.is_null);
    n->stat.version = version;
    n->stat.mzxid = p->zxid;
    n->stat.mtime = 1000 + p->zxid;
    m_charge(p->model, path, change, 0);
}

static void one_set_acl(struct pair *p, const char *path)
{
    int32_t perms = (int32_t)below(p, 40) - 1, aversion = (int32_t)below(p, 1000);
    struct test_acl acl = test_acl(perms);
    struct mnode *n = m_find(p->model, path);
    struct pdk_slice list = perms == -1 ? pdk_slice_null() : test_acl_slice(&acl);
    enum pdk_code got = pdk_tree_set_acl(p->tree, pdk_slice_str(path), list, aversion);
    CHECK(p, got == (n != NULL ? PDK_CODE_OK : PDK_CODE_NO_NODE));
    if (n == NULL) return;
    n->perms = perms;
    n->stat.aversion = aversion;
}

static void one_view(struct pair *p)
{
    size_t v = (size_t)below(p, VIEWS_MAX);
    if (p->views[v].view == NULL) {
        p->views[v].view = pdk_view_take(p->tree);
        assert_non_null(p->views[v].view);
        memcpy(p->views[v].copy, p->model, sizeof *p->model);
        p->views[v].digest = pdk_tree_digest(p->tree);
    } else if (below(p, 3) == 0) {
        compare_view(p, v);
    } else {
        compare_view(p, v);
        pdk_view_release(p->tree, p->views[v].view);
        p->views[v].view = NULL;
    }
}

static void one_step(struct pair *p)
{
    char path[PATH_MAX_LEN];
    uint64_t roll = below(p, 100);
    bool growing = p->step / 500 % 2 == 0;
    p->zxid += (pdk_zxid)below(p, 3); /* several changes may share one, as in a multi */
    if (p->model->count > 0 && below(p, 2) == 0)
        strcpy(path, p->model->nodes[below(p, p->model->count)].path);
    else
        random_path(p, path);
    bool built_in = strcmp(path, "") == 0 || strcmp(path, "/zookeeper") == 0 ||
                    strcmp(path, "/zookeeper/quota") == 0 || strcmp(path, "/zookeeper/config") == 0;
    if (roll < 2)
        one_view(p);
    else if (roll < 3)
        (void)pdk_tree_tidy(p->tree);
    else if (roll < 30)
        one_set(p, path);
    else if (roll < 37)
        one_set_acl(p, path);
    else if (built_in)
        return;
    else if (roll < (growing ? 95 : 55) && p->model->count < ZNODES_MAX)
        one_create(p, path);
    else
        one_delete(p, path);
}

static void start_model(struct pair *p)
{
    static const char *const built_in[] = {"", "/zookeeper", "/zookeeper/quota",
                                           "/zookeeper/config"};
    for (size_t i = 0; i < PDK_COUNT_OF(built_in); i++) {
        struct mnode *n = &p->model->nodes[p->model->count++];
        strcpy(n->path, built_in[i]);
        n->perms = i == 3 ? 1 : -1;
        n->stat.aversion = i == 3 ? -1 : 0;
    }
}

static void run(uint64_t seed, int steps)
{
    struct pair *p = calloc(1, sizeof *p);
    p->seed = seed;
    p->config = test_config(pdk_mem_heap());
    p->config.digest_enabled = seed % 5 != 0;
    p->config.extended_types = seed % 4 != 0;
    p->config.emulate_353_ttl = seed % 3 == 0;
    p->config.seed = (struct pdk_hash_seed){seed, ~seed};
    p->tree = pdk_tree_create(&p->config, false);
    p->model = calloc(1, sizeof *p->model);
    for (size_t v = 0; v < VIEWS_MAX; v++) p->views[v].copy = calloc(1, sizeof *p->model);
    pdk_prng_init(&p->prng, seed);
    start_model(p);
    compare_all(p);
    for (p->step = 0; p->step < steps; p->step++) {
        one_step(p);
        if (p->step % 250 == 0) compare_all(p);
    }
    compare_all(p);
    for (size_t v = 0; v < VIEWS_MAX; v++) {
        if (p->views[v].view != NULL) {
            compare_view(p, v);
            pdk_view_release(p->tree, p->views[v].view);
        }
        free(p->views[v].copy);
    }
    while (pdk_tree_tidy(p->tree)) {
    }
    struct pdk_tree_counts counts;
    pdk_tree_counts(p->tree, &counts);
    CHECK(p, counts.retired == 0);
    pdk_tree_validate(p->tree);
    pdk_tree_destroy(p->tree);
    free(p->model);
    free(p);
}

static void random_operations_agree_with_a_plain_array_of_paths(void **state)
{
    (void)state;
    print_message("seeds 1 to 24\n");
    for (uint64_t seed = 1; seed <= 24; seed++) run(seed, 3000);
}

int main(int argc, char **argv)
{
    /* model_test SEED [STEPS] repeats one run. */
    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), argc > 2 ? atoi(argv[2]) : 3000);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_plain_array_of_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
