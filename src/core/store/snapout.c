#include "core/store/snapout.h"

#include "base/hash.h"
#include "core/store/snapread.h"

#include <string.h>

/* So much is handed to the disk at a time, and waited for: the log's syncs then never find more
 * than this of ours in front of them. */
#define PACE_BYTES ((int64_t)2 * 1024 * 1024)

static const uint8_t slash[5] = {0, 0, 0, 1, '/'};

static void fail(struct pdk_snapout *o, enum pdk_err err, const char *why)
{
    if (o->err != PDK_OK) return;
    o->err = err;
    pdk_diag_set(o->diag, "%s", why);
}

void pdk_snapout_init(struct pdk_snapout *o, const struct pdk_mem *mem, size_t cap,
                      enum pdk_err (*out)(void *ctx, struct pdk_slice bytes, bool last), void *ctx,
                      struct pdk_diag *diag)
{
    *o = (struct pdk_snapout){
        .cap = cap, .adler = PDK_ADLER32_INIT, .out = out, .ctx = ctx, .diag = diag};
    o->buf = pdk_mem_try(mem, cap);
    if (o->buf == NULL) fail(o, PDK_ENOMEM, "no memory to write a snapshot");
}

void pdk_snapout_deinit(struct pdk_snapout *o, const struct pdk_mem *mem)
{
    pdk_mem_free(mem, o->buf);
    o->buf = NULL;
}

static void give_out(struct pdk_snapout *o, bool last)
{
    if (o->err != PDK_OK) return;
    o->adler = pdk_adler32(o->adler, o->buf, o->len);
    o->err = o->out(o->ctx, pdk_slice_of(o->buf, o->len), last);
    o->len = 0;
}

void pdk_snapout_raw(struct pdk_snapout *o, const uint8_t *bytes, size_t len)
{
    while (len > 0 && o->err == PDK_OK) {
        if (o->len == o->cap) give_out(o, false);
        size_t now = pdk_min_size(len, o->cap - o->len);
        if (o->err != PDK_OK) return;
        memcpy(o->buf + o->len, bytes, now);
        o->len += now;
        bytes += now;
        len -= now;
    }
}

void pdk_snapout_u32(struct pdk_snapout *o, uint32_t v)
{
    uint8_t bytes[4];
    pdk_store_u32(bytes, v);
    pdk_snapout_raw(o, bytes, sizeof bytes);
}

void pdk_snapout_u64(struct pdk_snapout *o, uint64_t v)
{
    uint8_t bytes[8];
    pdk_store_u64(bytes, v);
    pdk_snapout_raw(o, bytes, sizeof bytes);
}

static void put_bytes(struct pdk_snapout *o, struct pdk_slice s)
{
    pdk_snapout_u32(o, s.is_null ? UINT32_MAX : (uint32_t)s.len);
    if (!s.is_null) pdk_snapout_raw(o, s.bytes, s.len);
}

void pdk_snapout_seal(struct pdk_snapout *o)
{
    if (o->err != PDK_OK) return;
    pdk_snapout_u64(o, pdk_adler32(o->adler, o->buf, o->len));
    pdk_snapout_raw(o, slash, sizeof slash);
}

void pdk_snapout_head(struct pdk_snapout *o)
{
    pdk_snapout_u32(o, PDK_SNAPSHOT_MAGIC);
    pdk_snapout_u32(o, PDK_SNAPSHOT_VERSION);
    pdk_snapout_u64(o, (uint64_t)PDK_SNAPSHOT_DBID);
}

static void put_tables(struct pdk_snapout *o, const struct pdk_snapshot_job *job)
{
    pdk_snapout_u32(o, (uint32_t)job->session_count);
    for (size_t i = 0; i < job->session_count; i++) {
        pdk_snapout_u64(o, (uint64_t)job->sessions[i].id);
        pdk_snapout_u32(o, (uint32_t)job->sessions[i].timeout_ms);
    }
    size_t acls = pdk_view_acl_count(job->view);
    pdk_snapout_u32(o, (uint32_t)acls);
    for (size_t i = 0; i < acls; i++) {
        int64_t id;
        struct pdk_slice list;
        pdk_view_acl(job->view, i, &id, &list);
        pdk_snapout_u64(o, (uint64_t)id);
        pdk_snapout_raw(o, list.bytes, list.len);
    }
}

static void put_znode(struct pdk_snapout *o, const struct pdk_view_node *node)
{
    uint8_t tail[8 + PDK_STAT_PERSISTED_LEN];
    struct pdk_buf b = {.bytes = tail, .cap = sizeof tail, .limit = sizeof tail};
    pdk_put_i64(&b, node->disk_acl_id);
    pdk_put_stat_persisted(&b, &node->stat);
    PDK_ASSERT(!b.failed && b.len == sizeof tail);
    put_bytes(o, node->path);
    put_bytes(o, node->data);
    pdk_snapout_raw(o, tail, sizeof tail);
}

void pdk_snapout_body(struct pdk_snapout *o, const struct pdk_mem *mem,
                      const struct pdk_snapshot_job *job)
{
    put_tables(o, job);
    struct pdk_view_cursor cursor;
    pdk_view_cursor_init(&cursor, job->view, mem);
    struct pdk_view_node node;
    uint64_t count = 0;
    while (o->err == PDK_OK && pdk_view_next(&cursor, &node)) {
        put_znode(o, &node);
        count++;
    }
    if (cursor.path.failed) fail(o, PDK_ENOMEM, "no memory for a path");
    PDK_ASSERT(o->err != PDK_OK || count == pdk_view_znode_count(job->view));
    pdk_view_cursor_deinit(&cursor);
    pdk_snapout_raw(o, slash, sizeof slash);
}

void pdk_snapout_finish(struct pdk_snapout *o) { give_out(o, true); }

enum pdk_err pdk_snapfile_add(struct pdk_snapfile *f, struct pdk_slice bytes, struct pdk_diag *diag)
{
    if (bytes.len == 0) return PDK_OK;
    enum pdk_err err = pdk_file_write(&f->file, bytes.bytes, bytes.len, f->at, diag);
    f->at += (int64_t)bytes.len;
    if (err == PDK_OK && f->at - f->paced >= PACE_BYTES) {
        const struct pdk_vfs *vfs = f->file.vfs;
        vfs->writeback(vfs->ctx, f->file.number, f->paced, f->at - f->paced);
        f->paced = f->at;
    }
    return err;
}
