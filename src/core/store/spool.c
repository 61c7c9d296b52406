/* core/store/spool.c - SNAP: a leader's snapshot on its way into the folder (resync.h). */
#include "core/store/journal.h"
#include "core/store/resync.h"
#include "core/store/snapout.h"
#include "core/store/snapstream.h"
#include "proto/snapscan.h"

struct pdk_spool {
    pdk_zxid zxid;
    struct pdk_path path;
    struct pdk_snapscan scan;
    struct pdk_snapout stream;
    struct pdk_snapfile to;
    struct pdk_diag why; /* the stream's errors */
};

static enum pdk_err write_out(void *ctx, struct pdk_slice bytes, bool last)
{
    struct pdk_spool *s = ctx;
    (void)last;
    return pdk_snapfile_add(&s->to, bytes, &s->why);
}

static void forget(struct pdk_store *store)
{
    struct pdk_spool *s = store->spool;
    store->spool = NULL;
    pdk_file_close(&s->to.file);
    pdk_snapout_deinit(&s->stream, store->config.mem);
    pdk_mem_free(store->config.mem, s);
}

void pdk_store_spool_abandon(struct pdk_store *store)
{
    struct pdk_spool *s = store->spool;
    if (s == NULL) return;
    pdk_fs_discard(store->vfs, s->path.text); /* else swept at the next start */
    forget(store);
}

enum pdk_err pdk_store_spool_begin(struct pdk_store *store, pdk_zxid zxid, struct pdk_diag *diag)
{
    const struct pdk_mem *mem = store->config.mem;
    pdk_store_spool_abandon(store);
    if (zxid < 0) {
        pdk_diag_set(diag, "a snapshot of zxid %lld cannot be", (long long)zxid);
        return PDK_EINVAL;
    }
    struct pdk_spool *s = store->spool = pdk_mem_try_zero(mem, 1, sizeof *s);
    if (s == NULL) {
        pdk_diag_set(diag, "no memory to take a snapshot in");
        return PDK_ENOMEM;
    }
    s->zxid = zxid;
    s->to.file.number = -1;
    pdk_snapscan_init(&s->scan, store->config.max_record_bytes);
    pdk_snapout_init(&s->stream, mem, PDK_SNAPOUT_BYTES, write_out, s, &s->why);
    pdk_snapout_head(&s->stream);
    enum pdk_err err = s->stream.err;
    if (err == PDK_OK)
        err = pdk_path_join(&s->path, store->data_path.text, PDK_SPOOL_NAME, &s->why);
    if (err == PDK_OK)
        err = pdk_file_open(&s->to.file, store->vfs, s->path.text, PDK_VFS_CREATE, &s->why);
    if (err == PDK_OK) return PDK_OK;
    if (diag != NULL) *diag = s->why;
    forget(store);
    return err;
}

static enum pdk_err none_is_coming(struct pdk_diag *diag)
{
    pdk_diag_set(diag, "no snapshot is coming in, or it was given up");
    return PDK_EINVAL;
}

static enum pdk_err give_up(struct pdk_store *store, enum pdk_err err, struct pdk_diag *diag)
{
    if (diag != NULL) *diag = store->spool->why;
    pdk_store_spool_abandon(store);
    return err;
}

enum pdk_err pdk_store_spool_add(struct pdk_store *store, struct pdk_slice body,
                                 struct pdk_diag *diag)
{
    struct pdk_spool *s = store->spool;
    if (s == NULL) return none_is_coming(diag);
    size_t in_body;
    (void)pdk_snapscan_feed(&s->scan, body, &in_body);
    if (in_body < body.len || s->scan.failed) {
        /* Nothing that recovery could not read may take the place of what there is. */
        pdk_diag_set(&s->why, "the leader's snapshot is malformed at offset %llu",
                     (unsigned long long)s->scan.body_bytes);
        return give_up(store, PDK_ECORRUPT, diag);
    }
    pdk_snapout_raw(&s->stream, body.bytes, body.len);
    return s->stream.err == PDK_OK ? PDK_OK : give_up(store, s->stream.err, diag);
}

/* The scanner finds the end where it is due. */
static bool is_whole(struct pdk_spool *s)
{
    static const uint8_t end[] = "\0\0\0\12BenWasHere";
    size_t in_body;
    (void)pdk_snapscan_feed(&s->scan, pdk_slice_of(end, sizeof end - 1), &in_body);
    return s->scan.done && in_body == 0;
}

/* Complete, sealed, durable under its private name. */
static enum pdk_err settle(struct pdk_store *store, struct pdk_spool *s)
{
    if (!is_whole(s)) {
        pdk_diag_set(&s->why, "the leader's snapshot has no end");
        return PDK_ECORRUPT;
    }
    pdk_snapout_seal(&s->stream);
    pdk_snapout_finish(&s->stream);
    enum pdk_err err = s->stream.err;
    if (err == PDK_OK) err = pdk_file_sync(&s->to.file, &s->why);
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, &s->why);
    return err;
}

enum pdk_err pdk_store_spool_install(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_spool *s = store->spool;
    if (s == NULL) return none_is_coming(diag);
    enum pdk_err err = PDK_OK;
    if (store->log_failed) {
        pdk_diag_set(&s->why, "the log in %s has failed before", store->log_path.text);
        err = PDK_EIO;
    }
    if (err == PDK_OK) err = settle(store, s);
    if (err != PDK_OK) return give_up(store, err, diag);
    const struct pdk_resync what = {
        .kind = PDK_RESYNC_INSTALL, .zxid = s->zxid, .snapshot = s->zxid, .log = -1};
    err = pdk_resync_run(store, &what, &s->why);
    /* Once it is decided the spooled file is not ours to remove. */
    if (err != PDK_OK && !store->log_failed) return give_up(store, err, diag);
    if (err != PDK_OK && diag != NULL) *diag = s->why;
    forget(store);
    return err;
}
