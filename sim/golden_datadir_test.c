/* Every data folder that Apache wrote is recovered to exactly what its expectation file says, and
 * can be written back so that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/snapread.h"
#include "sim/disk.h"
#include "sim/golden.h"
#include "sim/storebox.h"

#define ROOT "tests/golden/datadir/"

struct golden {
    char label[64];
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_buf expect;
    struct pdk_slice lines, head; /* head: the first line; lines: what follows */
};

static void golden_open(struct golden *g, const char *version, const char *name)
{
    char path[256];
    (void)snprintf(g->label, sizeof g->label, "%s/%s", version, name);
    (void)snprintf(path, sizeof path, ROOT "%s/%s.tar.gz", version, name);
    g->disk = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_golden_unpack(g->disk, path, "/data");
    (void)snprintf(path, sizeof path, ROOT "%s/%s.expect.jsonl", version, name);
    pdk_golden_read(&g->expect, path);
    g->lines = pdk_buf_slice(&g->expect);
    assert_true(pdk_golden_line(&g->lines, &g->head));
    pdk_storebox_init(&g->box, pdk_disk_vfs(g->disk), NULL);
    g->box.config.trust_empty_snapshot = strcmp(name, "logonly") == 0;
    struct pdk_diag diag;
    enum pdk_err err = pdk_storebox_open(&g->box, &diag);
    if (err != PDK_OK) fail_msg("%s: %s: %s", g->label, pdk_err_name(err), diag.text);
}

static void golden_close(struct golden *g)
{
    pdk_storebox_deinit(&g->box);
    pdk_disk_destroy(g->disk);
    pdk_buf_deinit(&g->expect);
}

static int64_t head_int(const struct golden *g, const char *key)
{
    struct pdk_slice value;
    if (!pdk_json_get(g->head, key, &value)) fail_msg("%s: no %s", g->label, key);
    return pdk_json_int(value);
}

#define SAME(g, what, got, want) \
    do { \
        long long got_ = (long long)(got), want_ = (long long)(want); \
        if (got_ != want_) \
            fail_msg("%s: %s is 0x%llx, not 0x%llx", (g)->label, what, got_, want_); \
    } while (0)

static void check_sessions(const struct golden *g)
{
    struct pdk_slice list, item;
    size_t count = 0;
    assert_true(pdk_json_get(g->head, "sessions", &list));
    while (pdk_json_next(&list, &item)) {
        struct pdk_slice id, timeout;
        assert_true(pdk_json_get(item, "id", &id));
        assert_true(pdk_json_get(item, "timeoutMs", &timeout));
        const struct pdk_session_entry *e =
            pdk_sessions_find(g->box.state.sessions, pdk_json_int(id));
        if (e == NULL) fail_msg("%s: session %.*s is missing", g->label, (int)id.len, id.bytes);
        SAME(g, "session timeout", e->timeout_ms, pdk_json_int(timeout));
        count++;
    }
    SAME(g, "number of sessions", pdk_sessions_count(g->box.state.sessions), count);
}

static void check_digests(const struct golden *g)
{
    SAME(g, "tree digest", pdk_storebox_digest(&g->box), head_int(g, "treeDigest"));
    struct pdk_slice recorded, zxid, digest, snapshot;
    assert_true(pdk_json_get(g->head, "lastRecordedDigest", &recorded));
    if (!pdk_json_is_null(recorded)) {
        assert_true(pdk_json_get(recorded, "zxid", &zxid));
        assert_true(pdk_json_get(recorded, "digest", &digest));
        SAME(g, "zxid of the last recorded digest", g->box.recorded_zxid, pdk_json_int(zxid));
        SAME(g, "last recorded digest", g->box.recorded_digest, pdk_json_int(digest));
    }
    assert_true(pdk_json_get(g->head, "snapshotDigest", &snapshot));
    SAME(g, "snapshot loaded", g->box.recovery.snapshot_loaded, !pdk_json_is_null(snapshot));
    if (pdk_json_is_null(snapshot)) return;
    assert_true(pdk_json_get(snapshot, "zxid", &zxid));
    assert_true(pdk_json_get(snapshot, "digest", &digest));
    SAME(g, "snapshot digest there", g->box.snapshot.has_digest, pdk_json_int(zxid) > 0);
    SAME(g, "zxid of the snapshot's digest", g->box.snapshot.digest_zxid, pdk_json_int(zxid));
    SAME(g, "digest of the snapshot", g->box.snapshot.digest, pdk_json_int(digest));
    SAME(g, "last zxid section", g->box.snapshot.has_last_zxid,
         head_int(g, "snapshotSections") == 3);
}

static void put_acl(struct pdk_slice list, struct pdk_buf *out)
{
    struct pdk_slice item, part;
    int32_t count = 0;
    pdk_put_i32(out, 0);
    while (pdk_json_next(&list, &item)) {
        assert_true(pdk_json_next(&item, &part));
        pdk_put_i32(out, (int32_t)pdk_json_int(part));
        for (int i = 0; i < 2; i++) {
            assert_true(pdk_json_next(&item, &part));
            size_t at = out->len;
            pdk_put_i32(out, 0);
            pdk_json_text(part, out);
            pdk_buf_patch_i32(out, at, (int32_t)(out->len - at - 4));
        }
        count++;
    }
    pdk_buf_patch_i32(out, 0, count);
}

static bool ends_with(const struct pdk_buf *path, const char *end)
{
    size_t len = strlen(end);
    return path->len >= len && memcmp(path->bytes + path->len - len, end, len) == 0;
}

static void check_znode(const struct golden *g, struct pdk_slice line)
{
    struct pdk_buf path, data, acl;
    pdk_buf_init(&path, pdk_mem_heap(), 1 << 20);
    pdk_buf_init(&data, pdk_mem_heap(), 1 << 24);
    pdk_buf_init(&acl, pdk_mem_heap(), 1 << 20);
    struct pdk_slice value;
    assert_true(pdk_json_get(line, "path", &value));
    pdk_json_text(value, &path);
    const struct pdk_tree *tree = g->box.state.tree;
    pdk_znode id = pdk_tree_find(tree, pdk_buf_slice(&path));
    if (id == PDK_ZNODE_NONE) fail_msg("%s: %.*s is missing", g->label, (int)path.len, path.bytes);

    struct pdk_stat stat;
    pdk_tree_stat(tree, id, &stat);
    /* Usage of quotas is computed anew at load. */
    bool stats = ends_with(&path, "/zookeeper_stats");
    const struct {
        const char *key;
        int64_t got;
    } fields[] = {
        {"czxid", stat.czxid},
        {"mzxid", stat.mzxid},
        {"pzxid", stat.pzxid},
        {"ctime", stat.ctime},
        {"mtime", stat.mtime},
        {"version", stat.version},
        {"cversion", stat.cversion},
        {"aversion", stat.aversion},
        {"ephemeralOwner", stat.ephemeral_owner},
        {"numChildren", stat.num_children},
        {stats ? "version" : "dataLength", stats ? stat.version : stat.data_length},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(fields); i++) {
        assert_true(pdk_json_get(line, fields[i].key, &value));
        if (pdk_json_int(value) != fields[i].got)
            fail_msg("%s: %.*s: %s is %lld, not %.*s", g->label, (int)path.len, path.bytes,
                     fields[i].key, (long long)fields[i].got, (int)value.len, value.bytes);
    }
    assert_true(pdk_json_get(line, "data", &value));
    struct pdk_slice want = pdk_slice_null();
    if (!pdk_json_is_null(value)) {
        pdk_json_base64(value, &data);
        want = pdk_buf_slice(&data);
    }
    if (!stats && !pdk_slice_eq(pdk_tree_data(tree, id), want))
        fail_msg("%s: %.*s: other data", g->label, (int)path.len, path.bytes);
    assert_true(pdk_json_get(line, "acl", &value));
    put_acl(value, &acl);
    if (!pdk_slice_eq(pdk_tree_acl_list(tree, pdk_tree_acl(tree, id)), pdk_buf_slice(&acl)))
        fail_msg("%s: %.*s: another ACL", g->label, (int)path.len, path.bytes);
    pdk_buf_deinit(&path);
    pdk_buf_deinit(&data);
    pdk_buf_deinit(&acl);
}

static void check_state(const struct golden *g)
{
    SAME(g, "last zxid", g->box.recovery.last_zxid, head_int(g, "lastZxid"));
    check_sessions(g);
    struct pdk_slice rest = g->lines, line;
    uint64_t count = 0;
    while (pdk_golden_line(&rest, &line)) {
        check_znode(g, line);
        count++;
    }
    struct pdk_tree_counts counts;
    pdk_tree_counts(g->box.state.tree, &counts);
    SAME(g, "number of znodes", counts.znodes, count);
    SAME(g, "number expected", count, head_int(g, "nodeCount"));
    SAME(g, "tree digest", pdk_storebox_digest(&g->box), head_int(g, "treeDigest"));
}

static const char *const versions[] = {"3.8.0", "3.9", "master"};
static const char *const names[] = {"types",    "multi",   "fuzzy",   "logonly",  "gz",
                                    "snappy",   "tornlog", "zeros",   "tornzero", "oddkinds",
                                    "ensemble", "epochs",  "fuzzyacl"};

static bool exists(const char *version, const char *name)
{
    return strcmp(name, "fuzzyacl") != 0 || strcmp(version, "master") == 0;
}

static void for_each_golden(void (*check)(struct golden *g, const char *name))
{
    for (size_t v = 0; v < PDK_COUNT_OF(versions); v++) {
        for (size_t n = 0; n < PDK_COUNT_OF(names); n++) {
            if (!exists(versions[v], names[n])) continue;
            struct golden g;
            golden_open(&g, versions[v], names[n]);
            check(&g, names[n]);
            golden_close(&g);
        }
    }
}

static void check_recovery(struct golden *g, const char *name)
{
    check_state(g);
    check_digests(g);
    bool torn = strncmp(name, "torn", 4) == 0;
    SAME(g, "torn", g->box.recovery.torn_file[0] != '\0', torn);
    SAME(g, "fresh", g->box.recovery.fresh, false);
    SAME(g, "must snapshot", g->box.recovery.must_snapshot, strcmp(name, "logonly") == 0);
    if (torn) assert_true(pdk_storebox_logged(&g->box, "store.log.torn file="));
}

static void every_folder_of_apache_is_recovered_to_what_it_held(void **state)
{
    (void)state;
    for_each_golden(check_recovery);
}

static void reopen(struct golden *g, const char *when)
{
    struct pdk_diag diag;
    pdk_storebox_close(&g->box);
    enum pdk_err err = pdk_storebox_open(&g->box, &diag);
    if (err != PDK_OK) fail_msg("%s %s: %s", g->label, when, diag.text);
    check_state(g);
    SAME(g, "torn", g->box.recovery.torn_file[0] != '\0', false);
}

static void check_second_start(struct golden *g, const char *name)
{
    reopen(g, "second start");
    struct pdk_diag diag;
    assert_int_equal(pdk_storebox_snapshot(&g->box, &diag), PDK_OK);
    g->box.config.trust_empty_snapshot = false;
    reopen(g, "from our snapshot");
    SAME(g, "replayed", g->box.recovery.txns, 0);
    (void)name;
}

static void a_second_start_and_our_own_snapshot_give_the_same(void **state)
{
    (void)state;
    for_each_golden(check_second_start);
}

static void logs_without_a_snapshot_are_refused_unless_trusted(void **state)
{
    (void)state;
    struct golden g;
    golden_open(&g, "3.9", "logonly");
    pdk_storebox_close(&g.box);
    g.box.config.trust_empty_snapshot = false;
    struct pdk_diag diag;
    assert_int_equal(pdk_storebox_open(&g.box, &diag), PDK_ECORRUPT);
    assert_non_null(strstr(diag.text, "zookeeper.snapshot.trust.empty"));
    golden_close(&g);
}

/* ---- our snapshots beside Apache's ----------------------------------------------------------- */

struct entry {
    struct pdk_slice path, data, stat; /* the ACL's number is each writer's own */
};

/* Takes a plain snapshot apart, just far enough to compare two. */
struct taken {
    struct pdk_slice sessions; /* with their count */
    struct entry *entries;
    size_t count;
    struct pdk_slice tail; /* behind the first seal's checksum */
};

static int by_path(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    size_t len = pdk_min_size(x->path.len, y->path.len);
    int order = len == 0 ? 0 : memcmp(x->path.bytes, y->path.bytes, len);
    return order != 0 ? order : (x->path.len > y->path.len) - (x->path.len < y->path.len);
}

static struct pdk_slice between(const uint8_t *from, const struct pdk_reader *r)
{
    return pdk_slice_of(from, (size_t)(r->at - from));
}

static void take_apart(struct pdk_slice file, struct taken *t)
{
    struct pdk_reader r = pdk_reader_of(file);
    assert_int_equal(pdk_read_i32(&r), PDK_SNAPSHOT_MAGIC);
    assert_int_equal(pdk_read_i32(&r), 2);
    assert_int_equal(pdk_read_i64(&r), -1);
    const uint8_t *from = r.at;
    int32_t count = pdk_read_i32(&r);
    for (int32_t i = 0; i < count; i++) (void)pdk_reader_take(&r, 12);
    t->sessions = between(from, &r);
    count = pdk_read_i32(&r);
    for (int32_t i = 0; i < count; i++) {
        (void)pdk_read_i64(&r);
        (void)pdk_read_acl_vec(&r);
    }
    t->entries = calloc(100000, sizeof *t->entries);
    assert_non_null(t->entries);
    for (t->count = 0;; t->count++) {
        struct pdk_slice path = pdk_read_bytes(&r);
        if (pdk_slice_eq_str(path, "/")) break;
        struct entry *e = &t->entries[t->count];
        e->path = path;
        e->data = pdk_read_bytes(&r);
        (void)pdk_read_i64(&r);
        from = r.at;
        (void)pdk_reader_take(&r, PDK_STAT_PERSISTED_LEN);
        e->stat = between(from, &r);
        assert_false(r.failed);
    }
    (void)pdk_read_i64(&r);
    t->tail = pdk_slice_of(r.at, pdk_reader_left(&r));
    qsort(t->entries, t->count, sizeof *t->entries, by_path);
}

static pdk_zxid snapshot_in(const struct golden *g) { return g->box.recovery.snapshot_zxid; }

/* Apache's order of siblings and its ACL numbers are its own; everything else must be equal, and a
 * file without ACLs that is in our order must be equal byte for byte. */
static void our_snapshot_holds_what_apaches_held(void **state)
{
    (void)state;
    for (size_t v = 1; v < PDK_COUNT_OF(versions); v++) {
        struct golden g;
        golden_open(&g, versions[v], "types");
        char name[PDK_NAME_BYTES], path[300];
        pdk_snapshot_file_name(snapshot_in(&g), PDK_COMPRESSION_NONE, name);
        (void)snprintf(path, sizeof path, "/data/version-2/%s", name);
        struct pdk_buf apache;
        pdk_buf_init(&apache, pdk_mem_heap(), 1 << 24);
        struct pdk_slice file = pdk_disk_contents(g.disk, path);
        pdk_put_raw(&apache, file.bytes, file.len);

        /* Only the snapshot: a state exactly as the file has it. */
        pdk_storebox_close(&g.box);
        for (const char *log; (log = pdk_disk_name(g.disk, "/data/version-2", 0)) != NULL;) {
            char log_path[300];
            (void)snprintf(log_path, sizeof log_path, "/data/version-2/%s", log);
            pdk_disk_remove(g.disk, log_path);
        }
        pdk_disk_put(g.disk, path, pdk_buf_slice(&apache));
        struct pdk_diag diag;
        assert_int_equal(pdk_storebox_open(&g.box, &diag), PDK_OK);
        assert_int_equal(pdk_storebox_snapshot(&g.box, &diag), PDK_OK);

        struct taken theirs, ours;
        take_apart(pdk_buf_slice(&apache), &theirs);
        take_apart(pdk_disk_contents(g.disk, path), &ours);
        SAME(&g, "number of znodes", ours.count, theirs.count);
        SAME(&g, "length of sessions", ours.sessions.len, theirs.sessions.len);
        for (size_t i = 0; i < ours.count; i++) {
            const struct entry *a = &ours.entries[i], *b = &theirs.entries[i];
            assert_true(pdk_slice_eq(a->path, b->path));
            if (!pdk_slice_eq(a->data, b->data) || !pdk_slice_eq(a->stat, b->stat))
                fail_msg("%s: %.*s differs", g.label, (int)a->path.len, a->path.bytes);
        }
        /* Sections: same lengths; the digest section names the file's zxid. */
        SAME(&g, "length of the sections", ours.tail.len, theirs.tail.len);
        free(theirs.entries);
        free(ours.entries);
        pdk_buf_deinit(&apache);
        golden_close(&g);
    }
}

/* snapshot.0 of a new database is the same in every start, but for the order of siblings. */
static void the_first_snapshot_is_apaches(void **state)
{
    (void)state;
    struct pdk_disk *apache = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_golden_unpack(apache, ROOT "3.9/types.tar.gz", "/data");
    struct pdk_slice theirs = pdk_disk_contents(apache, "/data/version-2/snapshot.0");
    assert_false(theirs.is_null);

    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_disk_put_dir(disk, "/data");
    struct pdk_storebox box;
    struct pdk_diag diag;
    pdk_storebox_init(&box, pdk_disk_vfs(disk), NULL);
    assert_int_equal(pdk_storebox_open(&box, &diag), PDK_OK);
    struct pdk_slice ours = pdk_disk_contents(disk, "/data/version-2/snapshot.0");
    /* Apache's set of children has no order: /zookeeper's two may stand the other way round. */
    assert_int_equal(ours.len, theirs.len);
    struct taken a, b;
    take_apart(ours, &a);
    take_apart(theirs, &b);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        assert_true(pdk_slice_eq(a.entries[i].path, b.entries[i].path));
        assert_true(pdk_slice_eq(a.entries[i].data, b.entries[i].data));
        assert_true(pdk_slice_eq(a.entries[i].stat, b.entries[i].stat));
    }
    assert_memory_equal(ours.bytes, theirs.bytes, 28); /* header, counts, the root's path */
    free(a.entries);
    free(b.entries);
    pdk_storebox_deinit(&box);
    pdk_disk_destroy(disk);
    pdk_disk_destroy(apache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_folder_of_apache_is_recovered_to_what_it_held),
        cmocka_unit_test(a_second_start_and_our_own_snapshot_give_the_same),
        cmocka_unit_test(logs_without_a_snapshot_are_refused_unless_trusted),
        cmocka_unit_test(our_snapshot_holds_what_apaches_held),
        cmocka_unit_test(the_first_snapshot_is_apaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
