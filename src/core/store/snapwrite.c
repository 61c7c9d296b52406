/* core/store/snapwrite.c - writes snapshots (disk-formats.md 3, 3.3).
 *
 * view -> buffer -> [codec] -> file under a private name -> fsync -> rename -> fsync of the
 * folder. */
#include "base/hash.h"
#include "core/store/internal.h"
#include "core/store/snapbody.h"
#include "core/store/snapread.h"

#include <string.h>

#define BUFFER_BYTES ((size_t)256 * 1024)
/* So much is handed to the disk at a time, and waited for: the log's syncs then never find more
 * than this of ours in front of them. */
#define PACE_BYTES ((int64_t)2 * 1024 * 1024)

struct writer {
    struct pdk_store *store;
    struct pdk_file file;
    const struct pdk_codec *codec; /* NULL: plain */
    void *stream;
    uint8_t *buf, *packed; /* BUFFER_BYTES each; packed only with a codec */
    size_t len;
    uint32_t adler; /* of everything before buf */
    int64_t at, paced;
    bool (*cancelled)(void *ctx);
    void *ctx;
    enum pdk_err err; /* sticky */
    struct pdk_diag *diag;
};

static void fail(struct writer *w, enum pdk_err err, const char *why)
{
    if (w->err != PDK_OK) return;
    w->err = err;
    pdk_diag_set(w->diag, "%s", why);
}

static void write_file(struct writer *w, const uint8_t *bytes, size_t len)
{
    if (w->err != PDK_OK || len == 0) return;
    w->err = pdk_file_write(&w->file, bytes, len, w->at, w->diag);
    w->at += (int64_t)len;
    if (w->err == PDK_OK && w->at - w->paced >= PACE_BYTES) {
        const struct pdk_vfs *vfs = w->store->vfs;
        vfs->writeback(vfs->ctx, w->file.number, w->paced, w->at - w->paced);
        w->paced = w->at;
    }
}

static void pack(struct writer *w, struct pdk_slice in, bool last)
{
    bool done = false;
    while (w->err == PDK_OK && (last ? !done : in.len > 0)) {
        size_t made = 0;
        enum pdk_err err =
            w->codec->step(w->stream, &in, last, w->packed, BUFFER_BYTES, &made, &done);
        if (err != PDK_OK) fail(w, err, "cannot compress the snapshot");
        write_file(w, w->packed, made);
    }
}

static void flush(struct writer *w, bool last)
{
    w->adler = pdk_adler32(w->adler, w->buf, w->len);
    if (w->codec != NULL)
        pack(w, pdk_slice_of(w->buf, w->len), last);
    else
        write_file(w, w->buf, w->len);
    w->len = 0;
    if (w->cancelled != NULL && w->cancelled(w->ctx)) fail(w, PDK_EBUSY, "stopped");
}

static void put_raw(void *ctx, const uint8_t *bytes, size_t len)
{
    struct writer *w = ctx;
    while (len > 0 && w->err == PDK_OK) {
        if (w->len == BUFFER_BYTES) flush(w, false);
        size_t now = pdk_min_size(len, BUFFER_BYTES - w->len);
        memcpy(w->buf + w->len, bytes, now);
        w->len += now;
        bytes += now;
        len -= now;
    }
}

static void put_u32(struct writer *w, uint32_t v)
{
    uint8_t bytes[4];
    pdk_store_u32(bytes, v);
    put_raw(w, bytes, sizeof bytes);
}

static void put_u64(struct writer *w, uint64_t v)
{
    uint8_t bytes[8];
    pdk_store_u64(bytes, v);
    put_raw(w, bytes, sizeof bytes);
}

static void put_seal(struct writer *w)
{
    static const uint8_t slash[5] = {0, 0, 0, 1, '/'};
    uint32_t adler = pdk_adler32(w->adler, w->buf, w->len);
    put_u64(w, adler);
    put_raw(w, slash, sizeof slash);
}

static bool is_stopped(void *ctx)
{
    const struct writer *w = ctx;
    return w->err != PDK_OK;
}

static void put_body(struct writer *w, const struct pdk_snapshot_job *job)
{
    const struct pdk_snapbody_sink sink = {.ctx = w, .raw = put_raw, .stopped = is_stopped};
    if (pdk_snapbody_put(w->store->config.mem, job, &sink) != PDK_OK)
        fail(w, PDK_ENOMEM, "no memory for a path");
}

static void put_all(struct writer *w, const struct pdk_snapshot_job *job)
{
    put_u32(w, PDK_SNAPSHOT_MAGIC);
    put_u32(w, PDK_SNAPSHOT_VERSION);
    put_u64(w, (uint64_t)PDK_SNAPSHOT_DBID);
    put_body(w, job);
    put_seal(w);
    if (w->store->config.digest_enabled) {
        put_u64(w, (uint64_t)job->zxid);
        put_u32(w, PDK_SNAPSHOT_DIGEST_VERSION);
        /* A fresh database has no digest yet: zeros, as in Apache's own snapshot.0. */
        put_u64(w, job->zxid == 0 ? 0 : job->digest);
        put_seal(w);
    }
    if (w->store->config.write_last_zxid) {
        put_u64(w, (uint64_t)job->zxid);
        put_seal(w);
    }
    flush(w, true);
}

static bool start(struct writer *w, const char *path)
{
    const struct pdk_mem *mem = w->store->config.mem;
    w->buf = pdk_mem_try(mem, BUFFER_BYTES);
    if (w->codec != NULL) {
        w->packed = pdk_mem_try(mem, BUFFER_BYTES);
        w->stream = w->codec->open(mem, true);
    }
    if (w->buf == NULL || (w->codec != NULL && (w->packed == NULL || w->stream == NULL))) {
        fail(w, PDK_ENOMEM, "no memory to write a snapshot");
        return false;
    }
    w->err = pdk_file_open(&w->file, w->store->vfs, path, PDK_VFS_CREATE, w->diag);
    return w->err == PDK_OK;
}

static void end(struct writer *w)
{
    const struct pdk_mem *mem = w->store->config.mem;
    if (w->stream != NULL) w->codec->close(w->stream);
    pdk_mem_free(mem, w->packed);
    pdk_mem_free(mem, w->buf);
    pdk_file_close(&w->file);
}

/* The database exists from now on, so the operator's permission to make one is used up
 * (disk-formats.md 7.2).  Best effort: the next recovery tries again. */
static void forget_initialize(struct pdk_store *store)
{
    struct pdk_path path;
    if (!store->forget_initialize) return;
    store->forget_initialize = false;
    if (pdk_path_join(&path, store->config.log_dir, PDK_INITIALIZE_NAME, NULL) == PDK_OK)
        pdk_fs_discard(store->vfs, path.text);
}

/* Visible all at once: a crash leaves no file or a whole one under the name. */
static enum pdk_err install(struct writer *w, const char *temp, const char *final)
{
    struct pdk_store *store = w->store;
    enum pdk_err err = pdk_file_sync(&w->file, w->diag);
    if (err == PDK_OK) err = pdk_fs_rename(store->vfs, temp, final, w->diag);
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, w->diag);
    if (err == PDK_OK) forget_initialize(store);
    return err;
}

void pdk_snapshot_write(struct pdk_store *store, const struct pdk_snapshot_job *job,
                        bool (*cancelled)(void *ctx), void *ctx, struct pdk_snapshot_result *result)
{
    const struct pdk_store_config *config = &store->config;
    struct writer w = {.store = store,
                       .file = {.number = -1},
                       .adler = PDK_ADLER32_INIT,
                       .cancelled = cancelled,
                       .ctx = ctx,
                       .diag = &result->diag};
    *result = (struct pdk_snapshot_result){.zxid = job->zxid};
    enum pdk_compression compression =
        config->codecs != NULL ? config->compression : PDK_COMPRESSION_NONE;
    if (compression == PDK_COMPRESSION_GZ) w.codec = &config->codecs->gz;
    if (compression == PDK_COMPRESSION_SNAPPY) w.codec = &config->codecs->snappy;

    char name[PDK_NAME_BYTES];
    static const char prefix[] = PDK_TEMP_PREFIX;
    char temp_name[PDK_NAME_BYTES + sizeof prefix];
    pdk_snapshot_file_name(job->zxid, compression, name);
    memcpy(temp_name, prefix, sizeof prefix - 1);
    memcpy(temp_name + sizeof prefix - 1, name, strlen(name) + 1);
    struct pdk_path temp, final;
    w.err = pdk_path_join(&temp, store->data_path.text, temp_name, &result->diag);
    if (w.err == PDK_OK) w.err = pdk_path_join(&final, store->data_path.text, name, &result->diag);
    if (w.err == PDK_OK && start(&w, temp.text)) {
        put_all(&w, job);
        if (w.err == PDK_OK) w.err = install(&w, temp.text, final.text);
        /* Best effort: start-up sweeps what stays. */
        if (w.err != PDK_OK) pdk_fs_discard(store->vfs, temp.text);
    }
    end(&w);
    result->err = w.err;
    result->size_bytes = w.at;
}
