/* core/store/snapwrite.c - writes snapshots (disk-formats.md 3, 3.3).
 *
 * view -> buffer -> [codec] -> file under a private name -> fsync -> rename -> fsync of the
 * folder. */
#include "core/store/internal.h"
#include "core/store/snapout.h"
#include "core/store/snapread.h"

#include <string.h>

struct writer {
    struct pdk_store *store;
    struct pdk_snapout stream;
    struct pdk_snapfile to;
    const struct pdk_codec *codec; /* NULL: plain */
    void *packer;
    uint8_t *packed; /* PDK_SNAPOUT_BYTES; only with a codec */
    bool (*cancelled)(void *ctx);
    void *ctx;
    struct pdk_diag *diag;
};

static enum pdk_err pack(struct writer *w, struct pdk_slice in, bool last)
{
    bool done = false;
    enum pdk_err err = PDK_OK;
    while (err == PDK_OK && (last ? !done : in.len > 0)) {
        size_t made = 0;
        err = w->codec->step(w->packer, &in, last, w->packed, PDK_SNAPOUT_BYTES, &made, &done);
        if (err != PDK_OK)
            pdk_diag_set(w->diag, "cannot compress the snapshot");
        else
            err = pdk_snapfile_add(&w->to, pdk_slice_of(w->packed, made), w->diag);
    }
    return err;
}

static enum pdk_err write_out(void *ctx, struct pdk_slice bytes, bool last)
{
    struct writer *w = ctx;
    enum pdk_err err =
        w->codec != NULL ? pack(w, bytes, last) : pdk_snapfile_add(&w->to, bytes, w->diag);
    if (err != PDK_OK || w->cancelled == NULL || !w->cancelled(w->ctx)) return err;
    pdk_diag_set(w->diag, "stopped");
    return PDK_EBUSY;
}

static void put_all(struct writer *w, const struct pdk_snapshot_job *job)
{
    struct pdk_snapout *o = &w->stream;
    pdk_snapout_head(o);
    pdk_snapout_body(o, w->store->config.mem, job);
    pdk_snapout_seal(o);
    if (w->store->config.digest_enabled) {
        pdk_snapout_u64(o, (uint64_t)job->zxid);
        pdk_snapout_u32(o, PDK_SNAPSHOT_DIGEST_VERSION);
        /* A fresh database has no digest yet: zeros, as in Apache's own snapshot.0. */
        pdk_snapout_u64(o, job->zxid == 0 ? 0 : job->digest);
        pdk_snapout_seal(o);
    }
    if (w->store->config.write_last_zxid) {
        pdk_snapout_u64(o, (uint64_t)job->zxid);
        pdk_snapout_seal(o);
    }
    pdk_snapout_finish(o);
}

static enum pdk_err start(struct writer *w, const char *path)
{
    const struct pdk_mem *mem = w->store->config.mem;
    pdk_snapout_init(&w->stream, mem, PDK_SNAPOUT_BYTES, write_out, w, w->diag);
    if (w->codec != NULL) {
        w->packed = pdk_mem_try(mem, PDK_SNAPOUT_BYTES);
        w->packer = w->codec->open(mem, true);
        if (w->packed == NULL || w->packer == NULL) {
            pdk_diag_set(w->diag, "no memory to compress a snapshot");
            return PDK_ENOMEM;
        }
    }
    if (w->stream.err != PDK_OK) return w->stream.err;
    return pdk_file_open(&w->to.file, w->store->vfs, path, PDK_VFS_CREATE, w->diag);
}

static void end(struct writer *w)
{
    const struct pdk_mem *mem = w->store->config.mem;
    if (w->packer != NULL) w->codec->close(w->packer);
    pdk_mem_free(mem, w->packed);
    pdk_snapout_deinit(&w->stream, mem);
    pdk_file_close(&w->to.file);
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
    enum pdk_err err = pdk_file_sync(&w->to.file, w->diag);
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
                       .to = {.file = {.number = -1}},
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
    enum pdk_err err = pdk_path_join(&temp, store->data_path.text, temp_name, &result->diag);
    if (err == PDK_OK) err = pdk_path_join(&final, store->data_path.text, name, &result->diag);
    if (err == PDK_OK && (err = start(&w, temp.text)) == PDK_OK) {
        put_all(&w, job);
        err = w.stream.err;
        if (err == PDK_OK) err = install(&w, temp.text, final.text);
        /* Best effort: start-up sweeps what stays. */
        if (err != PDK_OK) pdk_fs_discard(store->vfs, temp.text);
    }
    end(&w);
    result->err = err;
    result->size_bytes = w.to.at;
}
