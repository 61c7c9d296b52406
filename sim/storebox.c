#include "sim/storebox.h"

#include "core/store/snapstream.h"
#include "proto/opcode.h"
#include "shell/compress.h"

#include <string.h>

static void keep_line(void *ctx, enum pdk_log_level level, const char *text)
{
    struct pdk_storebox *b = ctx;
    (void)level;
    pdk_put_text(&b->lines, "%s\n", text);
}

struct pdk_store_config pdk_storebox_config(void)
{
    return (struct pdk_store_config){
        .mem = pdk_mem_heap(),
        .data_dir = "/data",
        .log_dir = "/data",
        .prealloc_kb = 64,
        .max_record_bytes = 1024 * 1024,
        .in_flight_bytes = 32 * 1024,
        .autocreate_dirs = true,
        .db_autocreate = true,
        .force_sync = true,
        .write_last_zxid = true,
        .digest_enabled = true,
        .codecs = pdk_codecs_standard(),
    };
}

static void init_state(struct pdk_storebox *b)
{
    struct pdk_tree_config tree = {
        .mem = pdk_mem_heap(), .seed = {1, 2}, .digest_enabled = true, .extended_types = true};
    pdk_state_init(&b->state, &tree, 2000, 100000);
}

void pdk_storebox_init(struct pdk_storebox *b, const struct pdk_vfs *vfs,
                       const struct pdk_store_config *config)
{
    *b = (struct pdk_storebox){.config = config != NULL ? *config : pdk_storebox_config(),
                               .vfs = vfs};
    b->log = (struct pdk_log){.ctx = b, .level = PDK_LOG_INFO, .line = keep_line};
    b->config.log = &b->log;
    pdk_buf_init(&b->lines, pdk_mem_heap(), 64 * 1024 * 1024);
    pdk_buf_init(&b->batch, pdk_mem_heap(), 64 * 1024 * 1024);
    init_state(b);
}

void pdk_storebox_deinit(struct pdk_storebox *b)
{
    pdk_storebox_close(b);
    pdk_state_deinit(&b->state);
    pdk_buf_deinit(&b->lines);
    pdk_buf_deinit(&b->batch);
}

static enum pdk_err on_reset(void *ctx)
{
    struct pdk_storebox *b = ctx;
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    return sink.reset(sink.ctx);
}
static enum pdk_err on_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    struct pdk_storebox *b = ctx;
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    return sink.session(sink.ctx, id, timeout_ms);
}
static enum pdk_err on_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    struct pdk_storebox *b = ctx;
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    return sink.acl(sink.ctx, disk_id, list);
}
static enum pdk_err on_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                             int64_t disk_acl_id, const struct pdk_stat_persisted *stat)
{
    struct pdk_storebox *b = ctx;
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    return sink.znode(sink.ctx, path, data, disk_acl_id, stat);
}
static enum pdk_err on_snapshot(void *ctx, const struct pdk_snapshot_info *info)
{
    struct pdk_storebox *b = ctx;
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    b->snapshot = *info;
    return sink.snapshot(sink.ctx, info);
}
static void note_digest(struct pdk_storebox *b, struct pdk_slice txn)
{
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header header;
    struct pdk_txn_digest digest;
    pdk_read_txn_header(&r, &header);
    if (header.type == PDK_OP_ERROR || pdk_reader_left(&r) < PDK_TXN_DIGEST_LEN) return;
    (void)pdk_reader_take(&r, pdk_reader_left(&r) - PDK_TXN_DIGEST_LEN);
    pdk_read_txn_digest(&r, &digest);
    if (r.failed || digest.version != 2) return;
    b->recorded_zxid = header.zxid;
    b->recorded_digest = (uint64_t)digest.tree_digest;
}

static enum pdk_err on_txn(void *ctx, struct pdk_slice txn)
{
    struct pdk_storebox *b = ctx;
    note_digest(b, txn);
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    return sink.txn(sink.ctx, txn);
}

static void on_ahead(void *ctx, const struct pdk_slice *txns, size_t count)
{
    struct pdk_storebox *b = ctx;
    struct pdk_recover_sink sink = pdk_state_recover_sink(&b->state);
    for (size_t i = 0; i < count; i++) {
        struct pdk_reader r = pdk_reader_of(txns[i]);
        struct pdk_txn_header header;
        pdk_read_txn_header(&r, &header);
        b->hints++;
        /* One is just about to be applied; these follow it. */
        b->wrong_hints += header.zxid != b->state.last_zxid + 2 + (pdk_zxid)i;
    }
    if (sink.ahead != NULL) sink.ahead(sink.ctx, txns, count);
}

enum pdk_err pdk_storebox_recover(struct pdk_storebox *b, struct pdk_diag *diag)
{
    const struct pdk_recover_sink sink = {.ctx = b,
                                          .reset = on_reset,
                                          .session = on_session,
                                          .acl = on_acl,
                                          .znode = on_znode,
                                          .snapshot = on_snapshot,
                                          .txn = on_txn,
                                          .ahead = on_ahead};
    b->hints = b->wrong_hints = 0;
    pdk_buf_clear(&b->batch);
    b->snapshot = (struct pdk_snapshot_info){0};
    enum pdk_err err = pdk_store_recover(b->store, &sink, &b->recovery, diag);
    return err == PDK_OK ? pdk_tree_load_done(b->state.tree, diag) : err;
}

enum pdk_err pdk_storebox_open(struct pdk_storebox *b, struct pdk_diag *diag)
{
    PDK_ASSERT(b->store == NULL);
    pdk_buf_clear(&b->lines);
    enum pdk_err err = pdk_store_open(&b->config, b->vfs, &b->store, diag);
    if (err != PDK_OK) return err;
    err = pdk_storebox_recover(b, diag);
    if (err == PDK_OK && b->recovery.fresh) err = pdk_storebox_snapshot(b, diag);
    if (err != PDK_OK) pdk_storebox_close(b);
    return err;
}

void pdk_storebox_close(struct pdk_storebox *b)
{
    if (b->store != NULL) pdk_store_close(b->store);
    b->store = NULL;
}

void pdk_storebox_forget(struct pdk_storebox *b)
{
    if (b->store != NULL) pdk_mem_free(b->config.mem, b->store);
    b->store = NULL;
}

void pdk_storebox_write_txn(struct pdk_storebox *b, pdk_session session, int32_t type,
                            struct pdk_slice body)
{
    size_t at = b->batch.len;
    struct pdk_txn_header header = {.client_id = session,
                                    .cxid = 1,
                                    .zxid = b->state.last_zxid + 1,
                                    .time = 1700000000000 + b->state.last_zxid,
                                    .type = type};
    (void)pdk_buf_add(&b->batch, PDK_LOG_HEAD_BYTES);
    pdk_put_txn_header(&b->batch, &header);
    pdk_put_raw(&b->batch, body.bytes, body.len);
    size_t len = b->batch.len - at - PDK_LOG_HEAD_BYTES;
    (void)pdk_buf_add(&b->batch, 1);
    PDK_ASSERT(!b->batch.failed);
    pdk_log_frame(b->batch.bytes + at, len);
    struct pdk_slice txn = pdk_slice_of(b->batch.bytes + at + PDK_LOG_HEAD_BYTES, len);
    PDK_ASSERT(pdk_state_apply(&b->state, txn, NULL, NULL) == PDK_OK);
}

void pdk_storebox_write(struct pdk_storebox *b, size_t data_len)
{
    struct pdk_buf path, body;
    pdk_buf_init(&path, pdk_mem_heap(), 64);
    pdk_buf_init(&body, pdk_mem_heap(), data_len + 1024);
    pdk_zxid zxid = b->state.last_zxid + 1;
    pdk_put_text(&path, "/%llx", (unsigned long long)zxid);
    pdk_put_bytes(&body, pdk_buf_slice(&path));
    pdk_put_i32(&body, (int32_t)data_len);
    for (size_t i = 0; i < data_len; i++) pdk_put_u8(&body, (uint8_t)((uint64_t)zxid * 7 + i));
    pdk_put_i32(&body, 1);
    struct pdk_acl acl = {31, {pdk_slice_str("world"), pdk_slice_str("anyone")}};
    pdk_put_acl(&body, &acl);
    pdk_put_bool(&body, false);
    pdk_put_i32(&body, (int32_t)zxid);
    pdk_storebox_write_txn(b, 0x100, PDK_OP_CREATE, pdk_buf_slice(&body));
    pdk_buf_deinit(&path);
    pdk_buf_deinit(&body);
}

void pdk_storebox_begin_epoch(struct pdk_storebox *b, int64_t epoch)
{
    pdk_zxid zero = (pdk_zxid)((uint64_t)epoch << 32);
    PDK_ASSERT(zero > b->state.last_zxid);
    b->state.last_zxid = zero;
}

static pdk_zxid zxid_of(const uint8_t *record)
{
    return (pdk_zxid)pdk_load_u64(record + PDK_LOG_HEAD_BYTES + 12);
}

enum pdk_err pdk_storebox_append(struct pdk_storebox *b, struct pdk_diag *diag)
{
    struct pdk_log_piece pieces[128];
    size_t count = 0;
    for (size_t at = 0; at < b->batch.len;) {
        PDK_ASSERT(count < PDK_COUNT_OF(pieces));
        struct pdk_log_piece piece = {.bytes = b->batch.bytes + at,
                                      .first = zxid_of(b->batch.bytes + at)};
        while (piece.records < 3 && at + piece.len < b->batch.len) {
            const uint8_t *record = piece.bytes + piece.len;
            piece.last = zxid_of(record);
            piece.len += pdk_load_u32(record + 8) + PDK_LOG_FRAME_BYTES;
            piece.records++;
        }
        at += piece.len;
        pieces[count++] = piece;
    }
    enum pdk_err err = pdk_store_append(b->store, pieces, count, diag);
    pdk_buf_clear(&b->batch);
    return err;
}

enum pdk_err pdk_storebox_snapshot(struct pdk_storebox *b, struct pdk_diag *diag)
{
    struct pdk_snapshot_result result;
    struct pdk_snapshot_job *job = pdk_state_freeze(&b->state);
    PDK_ASSERT(job != NULL);
    pdk_snapshot_write(b->store, job, NULL, NULL, &result);
    pdk_state_unfreeze(job);
    if (result.err != PDK_OK && diag != NULL) *diag = result.diag;
    return result.err;
}

enum pdk_err pdk_storebox_stream(struct pdk_storebox *b, const struct pdk_mem *mem,
                                 size_t piece_bytes,
                                 enum pdk_err (*write)(void *ctx, struct pdk_slice piece),
                                 void *ctx)
{
    struct pdk_snapshot_job *job = pdk_state_freeze(&b->state);
    PDK_ASSERT(job != NULL);
    enum pdk_err err = pdk_snapstream_write(mem, job, piece_bytes, write, ctx);
    pdk_state_unfreeze(job);
    return err;
}

static enum pdk_err collect(void *ctx, struct pdk_slice piece)
{
    pdk_put_raw(ctx, piece.bytes, piece.len);
    return PDK_OK;
}

void pdk_storebox_stream_whole(struct pdk_storebox *b, struct pdk_buf *out)
{
    PDK_ASSERT(pdk_storebox_stream(b, pdk_mem_heap(), 64 * 1024, collect, out) == PDK_OK);
    PDK_ASSERT(!out->failed);
}

uint64_t pdk_storebox_digest(const struct pdk_storebox *b)
{
    return pdk_tree_digest(b->state.tree);
}

bool pdk_storebox_logged(const struct pdk_storebox *b, const char *text)
{
    return b->lines.len > 0 && memmem(b->lines.bytes, b->lines.len, text, strlen(text)) != NULL;
}
