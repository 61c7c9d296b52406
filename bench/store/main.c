/* bench/store - how fast are log, snapshots and recovery on this disk?
 *
 *     bench-store [FOLDER]     works in a new folder below FOLDER (default: .) and removes it
 *
 * 1. Appends of 200 bytes, each synced, through the store and through bare loops of pwrite and
 *    fdatasync (a growing file, a reserved one, one that was written with zeros before).
 * 2. The same through the store while a snapshot is being written.
 * 3. A snapshot of a million znodes (24-byte names, 100 bytes of data) and a log of half a million
 *    transactions behind it: writing the snapshot, recovering without a tree (files only) and with
 *    one.  Files are in the page cache, as after kill -9. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/node/state.h"
#include "core/store/store.h"
#include "core/tree/ahead.h"
#include "proto/opcode.h"
#include "shell/compress.h"
#include "shell/vfs_posix.h"

#define ZNODES 1000000
#define TXNS 500000
#define RECORD_BYTES 200
#define SYNCED_APPENDS 8000

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What a busy machine does not disturb. */
static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void stop(const char *what)
{
    (void)fprintf(stderr, "bench-store: %s\n", what);
    exit(1);
}

static void must(enum pdk_err err, const struct pdk_diag *diag)
{
    if (err != PDK_OK) stop(diag->text);
}

/* ---- latencies ------------------------------------------------------------------------------- */

struct times {
    double at[SYNCED_APPENDS];
    size_t count;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, struct times *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->count; i++) sum += t->at[i];
    qsort(t->at, t->count, sizeof t->at[0], by_value);
    (void)printf("%-44s %8.0f/s   p50 %4.0f us   p99 %4.0f us   max %6.2f ms\n", what,
                 (double)t->count / sum, t->at[t->count / 2] * 1e6,
                 t->at[t->count * 99 / 100] * 1e6, t->at[t->count - 1] * 1e3);
    t->count = 0;
}

enum space { GROWING, RESERVED, ZEROED };

static void bare_loop(const char *what, const char *folder, enum space space, struct times *t)
{
    static char block[1 << 20];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/bare", folder);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) stop("cannot make a file");
    const off_t size = 64 << 20;
    if (space != GROWING && fallocate(file, 0, 0, size) != 0) stop("cannot reserve space");
    for (off_t at = 0; space == ZEROED && at < size; at += (off_t)sizeof block) {
        if (pwrite(file, block, sizeof block, at) < 0) stop("cannot write zeros");
    }
    if (fsync(file) != 0) stop("cannot sync");
    char record[RECORD_BYTES];
    memset(record, 'x', sizeof record);
    for (int i = 0; i < SYNCED_APPENDS; i++) {
        double from = now_s();
        if (pwrite(file, record, sizeof record, (off_t)i * RECORD_BYTES) < 0) stop("cannot write");
        if (fdatasync(file) != 0) stop("cannot sync");
        t->at[t->count++] = now_s() - from;
    }
    (void)close(file);
    (void)unlink(path);
    print_times(what, t);
}

/* ---- a store --------------------------------------------------------------------------------- */

static struct pdk_store_config store_config(const char *folder)
{
    return (struct pdk_store_config){
        .mem = pdk_mem_heap(),
        .data_dir = folder,
        .log_dir = folder,
        .prealloc_kb = 65536,
        .max_record_bytes = 2 * 1024 * 1024,
        .in_flight_bytes = 16 * 1024 * 1024,
        .autocreate_dirs = true,
        .db_autocreate = true,
        .force_sync = true,
        .write_last_zxid = true,
        .digest_enabled = true,
        .codecs = pdk_codecs_standard(),
    };
}

static void init_state(struct pdk_state *s)
{
    struct pdk_tree_config tree = {.mem = pdk_mem_heap(), .seed = {1, 2}, .digest_enabled = true};
    pdk_state_init(s, &tree, 2000, 1000);
}

static enum pdk_err none_reset(void *ctx)
{
    (void)ctx;
    return PDK_OK;
}
static enum pdk_err none_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    (void)ctx, (void)id, (void)timeout_ms;
    return PDK_OK;
}
static enum pdk_err none_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    (void)ctx, (void)disk_id, (void)list;
    return PDK_OK;
}
static enum pdk_err none_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                               int64_t acl_id, const struct pdk_stat_persisted *stat)
{
    (void)ctx, (void)path, (void)data, (void)acl_id, (void)stat;
    return PDK_OK;
}
static double snapshot_cpu_s; /* when the snapshot had been read */
static enum pdk_err none_snapshot(void *ctx, const struct pdk_snapshot_info *info)
{
    (void)ctx, (void)info;
    snapshot_cpu_s = cpu_s();
    return PDK_OK;
}
static enum pdk_err state_snapshot(void *ctx, const struct pdk_snapshot_info *info)
{
    snapshot_cpu_s = cpu_s();
    return pdk_state_recover_sink(ctx).snapshot(ctx, info);
}
static void state_ahead(void *ctx, const struct pdk_slice *txns, size_t count)
{
    const struct pdk_state *s = ctx;
    struct pdk_slice paths[PDK_RECOVER_AHEAD];
    for (size_t i = 0; i < count; i++) {
        struct pdk_reader r = pdk_reader_of(txns[i]);
        (void)pdk_reader_take(&r, PDK_TXN_HEADER_LEN);
        paths[i] = pdk_read_bytes(&r);
    }
    pdk_tree_ahead(s->tree, paths, count);
}
static enum pdk_err none_txn(void *ctx, struct pdk_slice txn)
{
    (void)ctx, (void)txn;
    return PDK_OK;
}

static void put_create(struct pdk_buf *b, pdk_zxid zxid, const char *path, size_t data_len,
                       int32_t parent_cversion)
{
    static const uint8_t data[4096] = {0};
    size_t at = b->len;
    struct pdk_txn_header header = {
        .client_id = 1, .zxid = zxid, .time = 1700000000000, .type = PDK_OP_CREATE};
    struct pdk_acl acl = {31, {pdk_slice_str("world"), pdk_slice_str("anyone")}};
    (void)pdk_buf_add(b, PDK_LOG_HEAD_BYTES);
    pdk_put_txn_header(b, &header);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bytes(b, pdk_slice_of(data, data_len));
    pdk_put_i32(b, 1);
    pdk_put_acl(b, &acl);
    pdk_put_bool(b, false);
    pdk_put_i32(b, parent_cversion);
    size_t len = b->len - at - PDK_LOG_HEAD_BYTES;
    (void)pdk_buf_add(b, 1);
    if (b->failed) stop("no memory");
    pdk_log_frame(b->bytes + at, len);
}

static void put_set_data(struct pdk_buf *b, pdk_zxid zxid, const char *path)
{
    static const uint8_t data[100] = {1};
    size_t at = b->len;
    struct pdk_txn_header header = {
        .client_id = 1, .zxid = zxid, .time = 1700000000000, .type = PDK_OP_SET_DATA};
    (void)pdk_buf_add(b, PDK_LOG_HEAD_BYTES);
    pdk_put_txn_header(b, &header);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bytes(b, pdk_slice_of(data, sizeof data));
    pdk_put_i32(b, 1);
    size_t len = b->len - at - PDK_LOG_HEAD_BYTES;
    (void)pdk_buf_add(b, 1);
    if (b->failed) stop("no memory");
    pdk_log_frame(b->bytes + at, len);
}

static void append(struct pdk_store *store, struct pdk_buf *b, pdk_zxid first, uint32_t records)
{
    struct pdk_diag diag;
    struct pdk_log_piece piece = {.bytes = b->bytes,
                                  .len = b->len,
                                  .first = first,
                                  .last = first + records - 1,
                                  .records = records};
    must(pdk_store_append(store, &piece, 1, &diag), &diag);
    must(pdk_store_sync(store, &diag), &diag);
    pdk_buf_clear(b);
}

static void bench_log(const char *folder, struct times *t)
{
    bare_loop("pwrite + fdatasync, growing file", folder, GROWING, t);
    bare_loop("pwrite + fdatasync, reserved file", folder, RESERVED, t);
    bare_loop("pwrite + fdatasync, zero-written file", folder, ZEROED, t);

    struct pdk_store_config config = store_config(folder);
    struct pdk_store *store;
    struct pdk_recovery recovery;
    struct pdk_diag diag;
    struct pdk_state state;
    struct pdk_buf b;
    init_state(&state);
    pdk_buf_init(&b, config.mem, 1 << 20);
    must(pdk_store_open(&config, pdk_vfs_posix(), &store, &diag), &diag);
    struct pdk_recover_sink sink = pdk_state_recover_sink(&state);
    must(pdk_store_recover(store, &sink, &recovery, &diag), &diag);
    must(pdk_store_reserve(store, &diag), &diag);
    double reserve_s = 0;
    put_create(&b, 1, "/bench", 0, 1);
    append(store, &b, 1, 1);
    for (int i = 0; i < SYNCED_APPENDS; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/bench/%010d", i);
        put_create(&b, i + 2, path, RECORD_BYTES - 112, 1);
        if (i == 0) (void)printf("(records of %zu bytes)\n", b.len);
        double from = now_s();
        append(store, &b, i + 2, 1);
        double to = now_s();
        t->at[t->count++] = to - from;
        must(pdk_store_reserve(store, &diag), &diag);
        reserve_s += now_s() - to;
    }
    print_times("store: append + sync", t);
    (void)printf("%-44s %8.2f us per append\n", "store: reserve, between syncs",
                 reserve_s * 1e6 / SYNCED_APPENDS);
    pdk_store_close(store);
    pdk_state_deinit(&state);
    pdk_buf_deinit(&b);
}

/* ---- recovery -------------------------------------------------------------------------------- */

static void znode_path(char *out, size_t cap, int i)
{
    (void)snprintf(out, cap, "/d%03d/znode-%018d", i % 1000, i);
}

static void fill(struct pdk_state *s)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1 << 20);
    for (int i = 0; i < ZNODES + 1000; i++) {
        char path[64];
        if (i < 1000)
            (void)snprintf(path, sizeof path, "/d%03d", i);
        else
            znode_path(path, sizeof path, i - 1000);
        put_create(&b, s->last_zxid + 1, path, 100, -1);
        struct pdk_slice txn =
            pdk_slice_of(b.bytes + PDK_LOG_HEAD_BYTES, b.len - PDK_LOG_FRAME_BYTES);
        if (pdk_state_apply(s, txn, NULL, NULL) != PDK_OK) stop("cannot apply");
        pdk_buf_clear(&b);
    }
    pdk_buf_deinit(&b);
}

/* A snapshot on a thread of its own, as the server has it. */
struct beside {
    struct pdk_store *store;
    const struct pdk_snapshot_job *job;
    struct pdk_snapshot_result result;
    atomic_bool done;
};

static void *write_beside(void *arg)
{
    struct beside *b = arg;
    pdk_snapshot_write(b->store, b->job, NULL, NULL, &b->result);
    atomic_store(&b->done, true);
    return NULL;
}

/* One synced append after another, while the snapshot is written once more.  Returns the last
 * zxid. */
static pdk_zxid append_beside_snapshot(struct pdk_store *store, const struct pdk_snapshot_job *job,
                                       struct pdk_buf *b, struct times *t)
{
    struct beside beside = {.store = store, .job = job};
    struct pdk_diag diag;
    pthread_t thread;
    pdk_zxid zxid = job->zxid;
    if (pthread_create(&thread, NULL, write_beside, &beside) != 0) stop("cannot start a thread");
    while (!atomic_load(&beside.done) && t->count < SYNCED_APPENDS) {
        put_set_data(b, ++zxid, "/d000/znode-000000000000000000");
        double from = now_s();
        append(store, b, zxid, 1);
        t->at[t->count++] = now_s() - from;
        must(pdk_store_reserve(store, &diag), &diag);
    }
    (void)pthread_join(thread, NULL);
    must(beside.result.err, &beside.result.diag);
    print_times("store: append + sync, beside a snapshot", t);
    return zxid;
}

static void write_history(struct pdk_store *store, struct pdk_state *s, struct times *times)
{
    struct pdk_diag diag;
    struct pdk_snapshot_result result;
    fill(s);
    struct pdk_snapshot_job *job = pdk_state_freeze(s);
    double from = now_s();
    pdk_snapshot_write(store, job, NULL, NULL, &result);
    must(result.err, &result.diag);
    (void)printf("%-44s %8.2f s    %.0f MB, %.0f MB/s\n", "writing the snapshot", now_s() - from,
                 (double)result.size_bytes / 1e6,
                 (double)result.size_bytes / 1e6 / (now_s() - from));

    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1 << 20);
    pdk_zxid zxid = append_beside_snapshot(store, job, &b, times);
    pdk_state_unfreeze(job);
    from = now_s();
    for (int i = 0; i < TXNS; i += 500) {
        for (int k = 0; k < 500; k++) {
            char path[64];
            znode_path(path, sizeof path, (int)((unsigned)(i + k) * 2654435761u % ZNODES));
            put_set_data(&b, zxid + 1 + k, path);
        }
        append(store, &b, zxid + 1, 500);
        must(pdk_store_reserve(store, &diag), &diag);
        zxid += 500;
    }
    (void)printf("%-44s %8.2f s    in batches of 500\n", "writing the log", now_s() - from);
    pdk_buf_deinit(&b);
}

static void recover(const char *what, const char *folder, const struct pdk_recover_sink *sink)
{
    struct pdk_store_config config = store_config(folder);
    struct pdk_store *store;
    struct pdk_recovery recovery;
    struct pdk_diag diag;
    double from = now_s(), cpu_from = cpu_s();
    must(pdk_store_open(&config, pdk_vfs_posix(), &store, &diag), &diag);
    must(pdk_store_recover(store, sink, &recovery, &diag), &diag);
    double to = now_s(), cpu_to = cpu_s();
    pdk_store_close(store);
    (void)printf(
        "%-44s %8.3f s    cpu: snapshot (%.0f MB) %.3f s, log (%llu txns, %.0f MB) %.3f s\n", what,
        to - from, (double)recovery.snapshot_bytes / 1e6, snapshot_cpu_s - cpu_from,
        (unsigned long long)recovery.txns, (double)recovery.log_bytes / 1e6,
        cpu_to - snapshot_cpu_s);
}

static void bench_recovery(const char *folder, struct times *times)
{
    struct pdk_store_config config = store_config(folder);
    struct pdk_store *store;
    struct pdk_recovery recovery;
    struct pdk_diag diag;
    struct pdk_state state;
    init_state(&state);
    must(pdk_store_open(&config, pdk_vfs_posix(), &store, &diag), &diag);
    struct pdk_recover_sink sink = pdk_state_recover_sink(&state);
    must(pdk_store_recover(store, &sink, &recovery, &diag), &diag);
    must(pdk_tree_load_done(state.tree, &diag), &diag);
    write_history(store, &state, times);
    pdk_store_close(store);

    const struct pdk_recover_sink none = {.reset = none_reset,
                                          .session = none_session,
                                          .acl = none_acl,
                                          .znode = none_znode,
                                          .snapshot = none_snapshot,
                                          .txn = none_txn};
    for (int i = 0; i < 3; i++) recover("recovery, files only", folder, &none);
    for (int i = 0; i < 3; i++) {
        pdk_state_deinit(&state);
        init_state(&state);
        sink.snapshot = state_snapshot;
        recover("recovery, with the tree", folder, &sink);
    }
    for (int i = 0; i < 3; i++) {
        pdk_state_deinit(&state);
        init_state(&state);
        sink.ahead = state_ahead;
        recover("recovery, with the tree, looking ahead", folder, &sink);
    }
    pdk_state_deinit(&state);
}

static void remove_all(const char *folder)
{
    char command[600];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) (void)fprintf(stderr, "cannot remove %s\n", folder);
}

int main(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        (void)fprintf(stderr, "usage: bench-store [FOLDER]\n");
        return 2;
    }
    static struct times times;
    char folder[256], part[300];
    (void)snprintf(folder, sizeof folder, "%.200s/bench-store-XXXXXX", argc == 2 ? argv[1] : ".");
    if (mkdtemp(folder) == NULL) stop("cannot make a folder");
    (void)snprintf(part, sizeof part, "%s/log", folder);
    if (mkdir(part, 0755) != 0) stop("cannot make a folder");
    bench_log(part, &times);
    (void)snprintf(part, sizeof part, "%s/recovery", folder);
    if (mkdir(part, 0755) != 0) stop("cannot make a folder");
    bench_recovery(part, &times);
    remove_all(folder);
    return 0;
}
