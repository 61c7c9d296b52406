/* bench/tree - what a lookup and a change of the tree cost, and what a znode weighs.
 *
 *   build/bin/bench-tree [znodes [data_bytes]]      defaults 1000000 and 100
 *
 * With the C library's allocator; for that of the server: LD_PRELOAD=libjemalloc.so.2.
 *
 * Children of one directory with 24-byte names, in random order but for creating.  Every figure
 * includes formatting the path, whose cost stands in the first line.  With a view: as many sets as
 * a share of all znodes under one view, then a new one; the fewer, the more often a page must be
 * copied first.  Times are CPU times of the process, which a busy machine disturbs less. */
#include "base/prng.h"
#include "core/tree/tree.h"
#include "core/tree/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "/bench/"
#define NAME_LEN 24u

struct bench {
    struct pdk_tree *tree;
    struct pdk_prng prng;
    uint32_t znodes;
    size_t data_len;
    uint8_t *data;
    pdk_zxid zxid;
    char path[sizeof PREFIX + NAME_LEN];
};

static int64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t resident_bytes(void)
{
    long long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%lld %lld", &total, &resident) != 2) resident = 0;
    if (f != NULL) (void)fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

static struct pdk_slice path_of(struct bench *b, uint64_t number)
{
    for (size_t i = NAME_LEN; i-- > 3; number /= 10)
        b->path[sizeof PREFIX - 1 + i] = (char)('0' + number % 10);
    return pdk_slice_of(b->path, sizeof PREFIX - 1 + NAME_LEN);
}

static void start(struct bench *b, bool digest)
{
    struct pdk_tree_config config = {
        .mem = pdk_mem_heap(), .seed = {1, 2}, .digest_enabled = digest};
    b->tree = pdk_tree_create(&config, false);
    PDK_ASSERT(b->tree != NULL);
    b->zxid = 0;
    memcpy(b->path, PREFIX "key", sizeof PREFIX - 1 + 3);
    struct pdk_tree_create args = {.path = pdk_slice_str("/bench"),
                                   .data = pdk_slice_null(),
                                   .acl = pdk_slice_null(),
                                   .parent_cversion = -1};
    enum pdk_code code = pdk_tree_create_znode(b->tree, &args, NULL);
    PDK_ASSERT(code == PDK_CODE_OK);
}

static void create_one(struct bench *b, uint64_t i)
{
    pdk_zxid zxid = ++b->zxid;
    struct pdk_tree_create args = {.path = path_of(b, i),
                                   .data = pdk_slice_of(b->data, b->data_len),
                                   .acl = pdk_slice_null(),
                                   .parent_cversion = -1,
                                   .zxid = zxid,
                                   .time_ms = 1700000000000 + zxid};
    struct pdk_change change;
    enum pdk_code code = pdk_tree_create_znode(b->tree, &args, &change);
    PDK_ASSERT(code == PDK_CODE_OK);
}

static void set_one(struct bench *b, uint64_t i)
{
    struct pdk_change change;
    pdk_zxid zxid = ++b->zxid;
    enum pdk_code code =
        pdk_tree_set_data(b->tree, path_of(b, i), pdk_slice_of(b->data, b->data_len), 7, zxid,
                          1700000000000 + zxid, NULL, &change);
    PDK_ASSERT(code == PDK_CODE_OK);
}

static void delete_one(struct bench *b, uint64_t i)
{
    struct pdk_change change;
    enum pdk_code code = pdk_tree_delete_znode(b->tree, path_of(b, i), ++b->zxid, NULL, &change);
    PDK_ASSERT(code == PDK_CODE_OK);
}

static void find_one(struct bench *b, uint64_t i)
{
    struct pdk_stat stat;
    pdk_znode id = pdk_tree_find(b->tree, path_of(b, i));
    PDK_ASSERT(id != PDK_ZNODE_NONE);
    pdk_tree_stat(b->tree, id, &stat);
    PDK_ASSERT(stat.num_children == 0);
}

static void format_one(struct bench *b, uint64_t i)
{
    struct pdk_slice path = path_of(b, i);
    __asm__ volatile("" : : "r"(path.bytes) : "memory");
}

static void report(const char *what, int64_t ns, uint64_t count)
{
    (void)printf("%-44s %9.1f ns\n", what, (double)ns / (double)count);
}

/* `count` times on random ones of the first `among`. */
static void randomly(struct bench *b, const char *what, void (*one)(struct bench *, uint64_t),
                     uint64_t count, uint64_t among)
{
    int64_t begin = now_ns();
    for (uint64_t i = 0; i < count; i++) one(b, pdk_prng_next(&b->prng) % among);
    report(what, now_ns() - begin, count);
}

static void fill(struct bench *b, const char *what)
{
    int64_t begin = now_ns();
    for (uint64_t i = 0; i < b->znodes; i++) create_one(b, i);
    report(what, now_ns() - begin, b->znodes);
}

/* What a restart does for each znode of the snapshot. */
static void load(struct bench *b)
{
    struct pdk_stat_persisted stat = {.czxid = 1, .mzxid = 1, .pzxid = 1};
    struct pdk_tree_config config = {.mem = pdk_mem_heap(), .seed = {1, 2}, .digest_enabled = true};
    struct pdk_diag diag;
    b->tree = pdk_tree_create(&config, true);
    PDK_ASSERT(b->tree != NULL);
    static const char *const tops[] = {"", "/bench"};
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < PDK_COUNT_OF(tops); i++)
        err |= pdk_tree_load_znode(b->tree, pdk_slice_str(tops[i]), pdk_slice_null(), -1, &stat);
    int64_t begin = now_ns();
    for (uint64_t i = 0; i < b->znodes; i++)
        err |= pdk_tree_load_znode(b->tree, path_of(b, i), pdk_slice_of(b->data, b->data_len), -1,
                                   &stat);
    report("load from a snapshot", now_ns() - begin, b->znodes);
    err |= pdk_tree_load_done(b->tree, &diag);
    PDK_ASSERT(err == PDK_OK);
    pdk_tree_destroy(b->tree);
}

static void empty(struct bench *b, const char *what)
{
    /* An odd step that has no factor in common with the count visits everyone once. */
    uint64_t step = 7919, at = 0;
    while (b->znodes % step == 0) step += 2;
    int64_t begin = now_ns();
    for (uint64_t i = 0; i < b->znodes; i++, at = (at + step) % b->znodes) delete_one(b, at);
    report(what, now_ns() - begin, b->znodes);
}

static void walk(struct bench *b, const struct pdk_view *view)
{
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    uint64_t count = 0;
    pdk_view_cursor_init(&cursor, view, pdk_mem_heap());
    int64_t begin = now_ns();
    while (pdk_view_next(&cursor, &node)) count++;
    report("walk a view, per znode", now_ns() - begin, count);
    PDK_ASSERT(count == b->znodes + 5);
    pdk_view_cursor_deinit(&cursor);
}

/* `rounds` views in turn, `each` sets under each of them. */
static void set_under_views(struct bench *b, const char *what, int rounds, uint64_t each)
{
    int64_t spent = 0, taking = 0;
    for (int round = 0; round < rounds; round++) {
        int64_t begin = now_ns();
        struct pdk_view *view = pdk_view_take(b->tree);
        int64_t taken = now_ns();
        PDK_ASSERT(view != NULL);
        for (uint64_t i = 0; i < each; i++) set_one(b, pdk_prng_next(&b->prng) % b->znodes);
        spent += now_ns() - taken;
        taking += taken - begin;
        if (round == 3) walk(b, view);
        pdk_view_release(b->tree, view);
        while (pdk_tree_tidy(b->tree)) {
        }
    }
    report(what, spent, (uint64_t)rounds * each);
    report("  taking such a view", taking, (uint64_t)rounds);
}

int main(int argc, char **argv)
{
    struct bench b = {.znodes = 1000000, .data_len = 100};
    if (argc > 1) b.znodes = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2) b.data_len = strtoul(argv[2], NULL, 10);
    if (b.znodes < 1000 || b.znodes > 1000000000) return 2;
    b.data = pdk_mem_must_zero(pdk_mem_heap(), b.data_len + 1, 1);
    pdk_prng_init(&b.prng, 1);
    (void)printf("%u znodes, names of %u bytes, data of %zu bytes\n", b.znodes, NAME_LEN,
                 b.data_len);

    start(&b, true);
    randomly(&b, "format a path (in every figure below)", format_one, 2000000, b.znodes);
    int64_t before = resident_bytes();
    fill(&b, "create");
    double each = (double)(resident_bytes() - before) / b.znodes - (double)b.data_len;
    (void)printf("%-44s %9.1f bytes\n", "resident per znode beyond its data", each);
    randomly(&b, "find and stat, hot (1,000 znodes)", find_one, 4000000, 1000);
    randomly(&b, "find and stat, random", find_one, 2000000, b.znodes);
    randomly(&b, "set, hot (1,000 znodes)", set_one, 2000000, 1000);
    randomly(&b, "set, random", set_one, b.znodes, b.znodes);
    set_under_views(&b, "set, random, a live view, 1/100 of all", 25, b.znodes / 100);
    set_under_views(&b, "set, random, a live view, 1/2 of all", 4, b.znodes / 2);
    each = (double)(resident_bytes() - before) / b.znodes - (double)b.data_len;
    (void)printf("%-44s %9.1f bytes\n", "resident per znode after views", each);
    empty(&b, "delete, random");
    fill(&b, "create in freed slots");
    pdk_tree_destroy(b.tree);

    start(&b, false);
    fill(&b, "create, no digest");
    randomly(&b, "set, random, no digest", set_one, b.znodes, b.znodes);
    pdk_tree_destroy(b.tree);
    load(&b);
    pdk_mem_free(pdk_mem_heap(), b.data);
    return 0;
}
