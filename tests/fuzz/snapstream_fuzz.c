/* A leader's snapshot of any bytes: spooled, installed, recovered from, streamed again.
 *
 * Input: a byte for the size of the pieces, then the body.  Scanner and reader must agree on what a
 * body is; what is refused leaves the old history, what is installed takes its place, and what was
 * recovered from it can be streamed and gives the same back. */
#include <string.h>

#include "base/hash.h"
#include "core/store/resync.h"
#include "core/store/snapread.h"
#include "proto/snapscan.h"
#include "sim/disk.h"
#include "sim/storebox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)64 * 1024)

static enum pdk_err session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    (void)ctx, (void)id, (void)timeout_ms;
    return PDK_OK;
}
static enum pdk_err acl(void *ctx, int64_t id, struct pdk_slice list)
{
    (void)ctx, (void)id, (void)list;
    return PDK_OK;
}
static enum pdk_err znode(void *ctx, struct pdk_slice path, struct pdk_slice bytes, int64_t id,
                          const struct pdk_stat_persisted *stat)
{
    (void)ctx, (void)path, (void)bytes, (void)id, (void)stat;
    return PDK_OK;
}

static bool reads(struct pdk_slice body)
{
    static const struct pdk_recover_sink nobody = {.session = session, .acl = acl, .znode = znode};
    struct pdk_buf file;
    struct pdk_snapshot_info info;
    struct pdk_diag diag;
    pdk_buf_init(&file, pdk_mem_heap(), SIZE_MAX);
    pdk_put_i32(&file, PDK_SNAPSHOT_MAGIC);
    pdk_put_i32(&file, PDK_SNAPSHOT_VERSION);
    pdk_put_i64(&file, PDK_SNAPSHOT_DBID);
    pdk_put_raw(&file, body.bytes, body.len);
    pdk_put_i64(&file, pdk_adler32(PDK_ADLER32_INIT, file.bytes, file.len));
    pdk_put_raw(&file, "\0\0\0\1/", 5);
    struct pdk_slice bytes = pdk_buf_slice(&file);
    enum pdk_err err = pdk_snapshot_read(pdk_mem_heap(), pdk_source_of_slice(&bytes), LIMIT,
                                         &nobody, &info, &diag);
    pdk_buf_deinit(&file);
    return err == PDK_OK;
}

/* PDK_OK: installed. */
static enum pdk_err install(struct pdk_storebox *box, pdk_zxid zxid, struct pdk_slice body,
                            size_t piece)
{
    struct pdk_diag diag = {{0}};
    enum pdk_err err = pdk_store_spool_begin(box->store, zxid, &diag);
    for (size_t at = 0; at < body.len && err == PDK_OK; at += piece) {
        size_t len = pdk_min_size(piece, body.len - at);
        err = pdk_store_spool_add(box->store, pdk_slice_of(body.bytes + at, len), &diag);
    }
    if (err == PDK_OK) err = pdk_store_spool_install(box->store, &diag);
    PDK_ASSERT(err == PDK_OK || (err == PDK_ECORRUPT && diag.text[0] != '\0'));
    return err;
}

/* What was recovered travels to the next one. */
static void pass_on(struct pdk_storebox *box)
{
    struct pdk_buf stream;
    struct pdk_diag diag;
    uint64_t digest = pdk_storebox_digest(box);
    size_t sessions = pdk_sessions_count(box->state.sessions);
    pdk_buf_init(&stream, pdk_mem_heap(), SIZE_MAX);
    pdk_storebox_stream_whole(box, &stream);
    struct pdk_slice body = pdk_slice_of(stream.bytes, stream.len - 14);
    PDK_ASSERT(install(box, 9, body, 1000) == PDK_OK);
    PDK_ASSERT(pdk_storebox_recover(box, &diag) == PDK_OK);
    PDK_ASSERT(pdk_storebox_digest(box) == digest);
    PDK_ASSERT(pdk_sessions_count(box->state.sessions) == sessions);
    pdk_buf_deinit(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 256 * 1024) return 0;
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    struct pdk_store_config config = pdk_storebox_config();
    struct pdk_storebox box;
    struct pdk_diag diag = {{0}};
    config.max_record_bytes = LIMIT;
    pdk_storebox_init(&box, pdk_disk_vfs(disk), &config);
    PDK_ASSERT(pdk_storebox_open(&box, &diag) == PDK_OK);
    pdk_storebox_write(&box, 10);
    PDK_ASSERT(pdk_storebox_append(&box, &diag) == PDK_OK);
    PDK_ASSERT(pdk_store_sync(box.store, &diag) == PDK_OK);
    uint64_t old = pdk_storebox_digest(&box);

    struct pdk_slice body = pdk_slice_of(data + 1, size - 1);
    bool installed = install(&box, 5, body, 1 + (size_t)data[0] * 7) == PDK_OK;
    PDK_ASSERT(installed == reads(body));
    enum pdk_err err = pdk_storebox_recover(&box, &diag);
    if (!installed) {
        PDK_ASSERT(err == PDK_OK && box.recovery.last_zxid == 1);
        PDK_ASSERT(pdk_storebox_digest(&box) == old);
    } else if (err == PDK_OK) { /* a tree, too */
        PDK_ASSERT(box.recovery.last_zxid == 5);
        pass_on(&box);
    }
    pdk_storebox_deinit(&box);
    pdk_disk_destroy(disk);
    return 0;
}
