/* Transaction logs of any bytes: read record by record, and recovered from.
 *
 * Input: a byte of switches, two bytes for the mark's offset, then the log file.  Switch 1:
 * checksums are set right first, so that bodies are reached; 2: there is a mark; 4: a second log
 * follows. */
#include <string.h>

#include "base/hash.h"
#include "core/store/internal.h"
#include "core/store/logread.h"
#include "sim/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FOLDER "/data/version-2/"
#define RECORD_MAX ((size_t)64 * 1024)

/* Wherever a length makes sense, the checksum becomes right. */
static void seal(uint8_t *file, size_t len)
{
    for (size_t at = PDK_LOG_FILE_HEADER_BYTES; at + PDK_LOG_FRAME_BYTES <= len;) {
        size_t txn_len = pdk_load_u32(file + at + 8);
        if (txn_len == 0 || txn_len > len - at - PDK_LOG_FRAME_BYTES) break;
        pdk_store_u64(file + at,
                      pdk_adler32(PDK_ADLER32_INIT, file + at + PDK_LOG_HEAD_BYTES, txn_len));
        at += txn_len + PDK_LOG_FRAME_BYTES;
    }
}

/* Offsets rise, slices lie inside, and the end is found. */
static void walk(struct pdk_slice file)
{
    struct pdk_diag diag;
    struct pdk_log_reader r;
    struct pdk_slice rest = file;
    int64_t before = 0;
    size_t sum = 0;
    pdk_log_reader_init(&r, pdk_mem_heap(), pdk_source_of_slice(&rest), RECORD_MAX, &diag);
    enum pdk_log_found found;
    while ((found = pdk_log_reader_next(&r)) == PDK_LOG_RECORD) {
        PDK_ASSERT(r.offset > before);
        PDK_ASSERT(r.txn.len >= PDK_TXN_HEADER_LEN && r.txn.len <= RECORD_MAX);
        for (size_t i = 0; i < r.txn.len; i++) sum += r.txn.bytes[i];
        before = r.offset;
    }
    PDK_ASSERT(sum < SIZE_MAX);
    PDK_ASSERT(found == PDK_LOG_END || found == PDK_LOG_DAMAGED);
    PDK_ASSERT((found == PDK_LOG_DAMAGED) == (r.damage != PDK_DAMAGE_NONE));
    PDK_ASSERT((size_t)r.offset <= file.len);
    if (found == PDK_LOG_DAMAGED)
        (void)pdk_log_whole_record_follows(&r, r.zxid);
    else
        (void)pdk_log_rest_is_zero(&r);
    PDK_ASSERT(r.err == PDK_OK);
    pdk_log_reader_deinit(&r);
}

static void put_mark(struct pdk_disk *disk, int64_t offset)
{
    struct pdk_marker m;
    struct pdk_diag diag;
    struct pdk_mark mark = {.log = 1, .synced_bytes = offset, .zxid = 1};
    PDK_ASSERT(pdk_marker_open(&m, pdk_disk_vfs(disk), FOLDER PDK_MARK_NAME, &diag) == PDK_OK);
    PDK_ASSERT(pdk_marker_set_base(&m, FOLDER, &mark, &diag) == PDK_OK);
    pdk_marker_close(&m);
}

/* A state that is nothing but what was handed over, in order. */
struct state {
    uint32_t sum;
    uint64_t txns;
};

static enum pdk_err on_reset(void *ctx)
{
    *(struct state *)ctx = (struct state){0};
    return PDK_OK;
}
static enum pdk_err on_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    (void)ctx, (void)disk_id, (void)list;
    return PDK_OK;
}
static enum pdk_err on_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                             int64_t disk_acl_id, const struct pdk_stat_persisted *stat)
{
    (void)ctx, (void)path, (void)data, (void)disk_acl_id, (void)stat;
    return PDK_OK;
}
static enum pdk_err on_txn(void *ctx, struct pdk_slice txn)
{
    struct state *s = ctx;
    s->sum = pdk_crc32(s->sum, txn.bytes, txn.len);
    s->txns++;
    return PDK_OK;
}

static void on_ahead(void *ctx, const struct pdk_slice *txns, size_t count)
{
    const struct state *s = ctx;
    uint32_t sum = s->sum;
    PDK_ASSERT(count <= PDK_RECOVER_AHEAD);
    for (size_t i = 0; i < count; i++) {
        PDK_ASSERT(txns[i].len >= PDK_TXN_HEADER_LEN);
        sum = pdk_crc32(sum, txns[i].bytes, txns[i].len); /* readable to the end */
    }
    PDK_ASSERT(sum <= UINT32_MAX);
}

static enum pdk_err recover_once(struct pdk_disk *disk, struct state *s, struct pdk_recovery *out,
                                 struct pdk_diag *diag)
{
    const struct pdk_recover_sink sink = {.ctx = s,
                                          .reset = on_reset,
                                          .acl = on_acl,
                                          .znode = on_znode,
                                          .txn = on_txn,
                                          .ahead = on_ahead};
    struct pdk_store_config config = {.mem = pdk_mem_heap(),
                                      .data_dir = "/data",
                                      .log_dir = "/data",
                                      .max_record_bytes = RECORD_MAX,
                                      .db_autocreate = true,
                                      .trust_empty_snapshot = true,
                                      .force_sync = true};
    struct pdk_store *store;
    *s = (struct state){0};
    PDK_ASSERT(pdk_store_open(&config, pdk_disk_vfs(disk), &store, diag) == PDK_OK);
    enum pdk_err err = pdk_store_recover(store, &sink, out, diag);
    pdk_store_close(store);
    return err;
}

/* What recovery accepts it has settled: after a crash the next one finds the same, nothing torn. */
static void recover(struct pdk_slice file, uint8_t switches, int64_t offset)
{
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    struct pdk_diag diag = {{0}};
    struct pdk_recovery first, second;
    struct state before, after;
    pdk_disk_put_dir(disk, "/data");
    pdk_disk_put_dir(disk, "/data/version-2");
    if (switches & 2) put_mark(disk, offset);
    pdk_disk_put(disk, FOLDER "log.1", file);
    if (switches & 4) pdk_disk_put(disk, FOLDER "log.3", file);
    enum pdk_err err = recover_once(disk, &before, &first, &diag);
    if (err == PDK_OK) {
        pdk_disk_crash(disk);
        PDK_ASSERT(recover_once(disk, &after, &second, &diag) == PDK_OK);
        PDK_ASSERT(second.last_zxid == first.last_zxid);
        PDK_ASSERT(second.txns == first.txns && after.txns == before.txns);
        PDK_ASSERT(before.txns == first.txns);
        PDK_ASSERT(after.sum == before.sum);
        PDK_ASSERT(second.torn_file[0] == '\0');
    } else {
        PDK_ASSERT(err == PDK_ECORRUPT);
        PDK_ASSERT(diag.text[0] != '\0');
        PDK_ASSERT(pdk_slice_eq(pdk_disk_contents(disk, FOLDER "log.1"), file)); /* untouched */
    }
    pdk_disk_destroy(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[64 * 1024];
    if (size < 3 || size - 3 > sizeof file) return 0;
    int64_t offset = (int64_t)data[1] << 8 | data[2];
    memcpy(file, data + 3, size - 3);
    if (data[0] & 1) seal(file, size - 3);
    walk(pdk_slice_of(file, size - 3));
    recover(pdk_slice_of(file, size - 3), data[0], offset);
    return 0;
}
