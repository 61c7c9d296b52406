/* core/store/logwrite.c - writes transaction logs (disk-formats.md 2, decisions 8 and 9).
 *
 * A new file is made under a private name: header, space, zeros, sync.  With the first record it
 * gets its name.  So a file named log.* always has a header, and it exists only when the file
 * before it is complete and synced; of damage in any but the newest file no crash of ours can be
 * the reason.
 *
 * Space: behind the end of the log `in_flight_bytes` are always reserved, beyond the file's size if
 * need be, so that what was proposed can be written though the disk is full.  When there is no
 * space for a new file the old one is continued.
 *
 * Zeros: a write into reserved but never written space makes the filesystem change its metadata,
 * and the sync waits for that.  So a window ahead of the end is written with zeros between syncs.
 * Batches of half a window and more pay that price anyway and are not written twice. */
#include "base/hash.h"
#include "core/store/internal.h"
#include "core/store/logread.h"

#include <string.h>

#define ZERO_WINDOW_BYTES ((int64_t)256 * 1024)
#define PAD_MARGIN_BYTES 4096 /* Apache pads when no more than this is left */
#define WRITE_PIECES 64
#define TEMP_LOG_NAME PDK_TEMP_PREFIX "log"

void pdk_log_frame(uint8_t *record, size_t txn_len)
{
    PDK_ASSERT(txn_len >= PDK_TXN_HEADER_LEN && txn_len <= INT32_MAX);
    pdk_store_u64(record, 0);
    pdk_store_u32(record + 8, (uint32_t)txn_len);
    record[PDK_LOG_HEAD_BYTES + txn_len] = PDK_LOG_END_BYTE;
}

/* The checksums, on this thread, to spare the core. */
static void seal(const struct pdk_log_piece *piece)
{
    uint32_t count = 0;
    for (size_t at = 0; at < piece->len; count++) {
        uint8_t *record = piece->bytes + at;
        PDK_ASSERT(piece->len - at > PDK_LOG_FRAME_BYTES);
        size_t len = pdk_load_u32(record + 8);
        PDK_ASSERT(len <= piece->len - at - PDK_LOG_FRAME_BYTES);
        PDK_ASSERT(record[PDK_LOG_HEAD_BYTES + len] == PDK_LOG_END_BYTE);
        pdk_store_u64(record, pdk_adler32(PDK_ADLER32_INIT, record + PDK_LOG_HEAD_BYTES, len));
        at += len + PDK_LOG_FRAME_BYTES;
    }
    PDK_ASSERT(count == piece->records);
}

void pdk_log_writer_init(struct pdk_log_writer *w)
{
    *w = (struct pdk_log_writer){.file = {.number = -1}};
}

void pdk_log_writer_end(struct pdk_store *store, struct pdk_log_writer *w)
{
    if (w->file.number < 0) return;
    /* Best effort: zeros behind the end are as good as no bytes, they only take space. */
    (void)store->vfs->truncate(store->vfs->ctx, w->file.number, w->at, NULL);
    pdk_file_close(&w->file);
}

static enum pdk_err write_zeros(struct pdk_log_writer *w, int64_t from, int64_t to,
                                struct pdk_diag *diag)
{
    static const uint8_t zeros[64 * 1024] = {0};
    while (from < to) {
        size_t len = pdk_min_size(sizeof zeros, (size_t)(to - from));
        enum pdk_err err = pdk_file_write(&w->file, zeros, len, from, diag);
        if (err != PDK_OK) return err;
        from += (int64_t)len;
    }
    return PDK_OK;
}

/* Space up to `to` is ours.  On a filesystem that cannot promise space, real zeros are the
 * promise. */
static enum pdk_err take_space(struct pdk_log_writer *w, int64_t to, bool keep_size,
                               struct pdk_diag *diag)
{
    const struct pdk_vfs *vfs = w->file.vfs;
    struct pdk_vfs_why why = {{0}};
    int64_t from = w->reserved < w->at ? w->at : w->reserved;
    if (to <= from) return PDK_OK;
    enum pdk_err err = vfs->reserve(vfs->ctx, w->file.number, from, to - from, keep_size, &why);
    if (err == PDK_EINVAL)
        err = write_zeros(w, from, to, diag);
    else if (err != PDK_OK)
        pdk_diag_set(diag, "cannot reserve space in %s: %s", w->path.text, why.text);
    if (err == PDK_OK) w->reserved = to;
    return err;
}

/* Apache's rule for the size of a log file. */
static int64_t padded_size(const struct pdk_store *store, const struct pdk_log_writer *w)
{
    int64_t prealloc = store->config.prealloc_kb * 1024;
    if (prealloc <= 0) return w->size; /* no padding */
    if (w->at > w->size) return (w->at + prealloc) / prealloc * prealloc;
    return w->at + PAD_MARGIN_BYTES >= w->size ? w->size + prealloc : w->size;
}

/* Grows the file when it is nearly full.  No space for that is no error: what is in flight has its
 * reserve, and the write itself makes the file as long as it must be. */
static enum pdk_err pad(struct pdk_store *store, struct pdk_log_writer *w, struct pdk_diag *diag)
{
    int64_t size = padded_size(store, w);
    if (size <= w->size) return PDK_OK;
    enum pdk_err err =
        PDK_EINVAL; /* the space is there already, or cannot be taken: only the size */
    int64_t from = w->reserved > w->size ? w->reserved : w->size;
    if (from < size) {
        const struct pdk_vfs *vfs = store->vfs;
        struct pdk_vfs_why why = {{0}};
        err = vfs->reserve(vfs->ctx, w->file.number, from, size - from, false, &why);
        if (err == PDK_OK) w->reserved = size;
        if (err == PDK_ENOSPC) return PDK_OK;
        pdk_diag_set(diag, "cannot grow %s: %s", w->path.text, why.text);
    }
    if (err == PDK_EINVAL) err = pdk_file_truncate(&w->file, size, diag);
    if (err == PDK_OK) w->size = size;
    return err;
}

static enum pdk_err zero_ahead(struct pdk_log_writer *w, struct pdk_diag *diag)
{
    if (w->zeroed < w->at) w->zeroed = w->at;
    if (w->zeroed - w->at >= ZERO_WINDOW_BYTES / 2 || w->batch >= ZERO_WINDOW_BYTES / 2)
        return PDK_OK;
    int64_t to = w->zeroed + ZERO_WINDOW_BYTES;
    if (to > w->size) to = w->size;
    enum pdk_err err = write_zeros(w, w->zeroed, to, diag);
    if (err == PDK_OK && w->zeroed < to) w->zeroed = to;
    return err;
}

static enum pdk_err top_up(struct pdk_store *store, struct pdk_log_writer *w, struct pdk_diag *diag)
{
    enum pdk_err err = pad(store, w, diag);
    if (err != PDK_OK) return err;
    int64_t in_flight = (int64_t)store->config.in_flight_bytes, need = w->at + in_flight;
    if (need > w->reserved) {
        err = take_space(w, need + in_flight / 4, true, diag); /* not anew for each record */
        if (err == PDK_ENOSPC) err = take_space(w, need, true, diag);
        if (err != PDK_OK) return err;
    }
    return zero_ahead(w, diag);
}

/* A log file without records or name. */
static enum pdk_err prepare_next(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_log_writer *w = &store->next;
    uint8_t header[PDK_LOG_FILE_HEADER_BYTES] = {0};
    pdk_store_u32(header, PDK_LOG_MAGIC);
    pdk_store_u32(header + 4, PDK_LOG_VERSION);

    pdk_log_writer_init(w);
    enum pdk_err err = pdk_path_join(&w->path, store->log_path.text, TEMP_LOG_NAME, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_open(&w->file, store->vfs, w->path.text, PDK_VFS_CREATE, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_write(&w->file, header, sizeof header, 0, diag);
    w->at = w->size = w->reserved = w->zeroed = PDK_LOG_FILE_HEADER_BYTES;
    if (err == PDK_OK) err = top_up(store, w, diag);
    if (err == PDK_OK) err = pdk_file_datasync(&w->file, diag);
    if (err == PDK_OK) return PDK_OK;
    pdk_file_close(&w->file);
    pdk_fs_discard(store->vfs, w->path.text);
    return err;
}

static enum pdk_err sync_log(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_log_writer *w = &store->log;
    if (w->file.number < 0 || w->unsynced == 0) return PDK_OK;
    if (store->config.force_sync) {
        enum pdk_err err = pdk_file_datasync(&w->file, diag);
        if (err != PDK_OK) return err == PDK_ENOSPC ? PDK_EIO : err;
    }
    w->batch = w->unsynced;
    w->unsynced = 0;
    store->last_synced = store->last_appended;
    return PDK_OK;
}

/* Everything up to the moment when the new name appears: it may fail for want of space, and the old
 * file goes on. */
static enum pdk_err ready_next(struct pdk_store *store, pdk_zxid first, struct pdk_diag *diag)
{
    enum pdk_err err = store->next.file.number >= 0 ? PDK_OK : prepare_next(store, diag);
    if (err != PDK_OK || !store->config.force_sync) return err;
    /* Durable before the file has its name: whoever recovers finds that this file is ours, where an
     * unfinished batch is no reason for alarm. */
    struct pdk_mark mark = {
        .log = first, .synced_bytes = PDK_LOG_FILE_HEADER_BYTES, .zxid = store->last_synced};
    return pdk_marker_set_base(&store->marker, store->log_path.text, &mark, diag);
}

static enum pdk_err begin_file(struct pdk_store *store, pdk_zxid first, struct pdk_diag *diag)
{
    char name[PDK_NAME_BYTES];
    struct pdk_path path;
    pdk_log_file_name(first, name);
    enum pdk_err err = pdk_path_join(&path, store->log_path.text, name, diag);
    if (err == PDK_OK) err = sync_log(store, diag);
    if (err != PDK_OK) return err;

    err = ready_next(store, first, diag);
    if (err == PDK_OK) err = pdk_fs_rename(store->vfs, store->next.path.text, path.text, diag);
    if (err == PDK_ENOSPC && store->log.file.number >= 0) {
        /* One long file serves as well as two, and this one has its reserve. */
        store->roll_wanted = false;
        pdk_log_write(store->config.log, PDK_LOG_WARN, "store.log.goes_on why=\"%s\"",
                      diag != NULL ? diag->text : "");
        return PDK_OK;
    }
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->log_path.text, diag);
    if (err != PDK_OK) return err;

    pdk_log_writer_end(store, &store->log);
    store->log = store->next;
    store->log.path = path;
    store->log.name = first;
    store->log.file.path = store->log.path.text;
    pdk_log_writer_init(&store->next);
    store->roll_wanted = false;
    pdk_log_write(store->config.log, PDK_LOG_INFO, "store.log.begin file=%s", name);
    return PDK_OK;
}

static enum pdk_err write_pieces(struct pdk_log_writer *w, const struct pdk_log_piece *pieces,
                                 size_t count, struct pdk_diag *diag)
{
    for (size_t done = 0; done < count;) {
        struct pdk_vfs_piece out[WRITE_PIECES];
        size_t n = pdk_min_size(WRITE_PIECES, count - done);
        int64_t len = 0;
        for (size_t i = 0; i < n; i++) {
            seal(&pieces[done + i]);
            out[i] = (struct pdk_vfs_piece){pieces[done + i].bytes, pieces[done + i].len};
            len += (int64_t)pieces[done + i].len;
        }
        enum pdk_err err = pdk_file_write_pieces(&w->file, out, n, w->at, diag);
        if (err != PDK_OK) return err;
        w->at += len;
        w->unsynced += len;
        done += n;
    }
    return PDK_OK;
}

enum pdk_err pdk_store_append(struct pdk_store *store, const struct pdk_log_piece *pieces,
                              size_t count, struct pdk_diag *diag)
{
    if (store->log_failed) {
        pdk_diag_set(diag, "the log in %s has failed before", store->log_path.text);
        return PDK_EIO;
    }
    if (count == 0) return PDK_OK;
    enum pdk_err err = PDK_OK;
    if (store->log.file.number < 0 || store->roll_wanted)
        err = begin_file(store, pieces[0].first, diag);
    if (err == PDK_OK) err = pad(store, &store->log, diag);
    if (err == PDK_OK) err = write_pieces(&store->log, pieces, count, diag);
    if (err == PDK_OK)
        store->last_appended = pieces[count - 1].last;
    else
        store->log_failed = true;
    return err;
}

/* Without it an older mark stays, which claims less: recovery is then less sure, not wrong. */
static void set_live_mark(struct pdk_store *store)
{
    struct pdk_diag diag;
    struct pdk_mark mark = {
        .log = store->log.name, .synced_bytes = store->log.at, .zxid = store->last_synced};
    bool failed = pdk_marker_set_live(&store->marker, &mark, &diag) != PDK_OK;
    if (failed && !store->mark_failed)
        pdk_log_write(
            store->config.log, PDK_LOG_WARN,
            "store.mark.failed why=\"%s\" hint=\"after a crash, rot in the log may pass for a "
            "torn tail\"",
            diag.text);
    store->mark_failed = failed;
}

enum pdk_err pdk_store_sync(struct pdk_store *store, struct pdk_diag *diag)
{
    if (store->log_failed) {
        pdk_diag_set(diag, "the log in %s has failed before", store->log_path.text);
        return PDK_EIO;
    }
    if (store->log.unsynced == 0) return PDK_OK;
    enum pdk_err err = sync_log(store, diag);
    if (err != PDK_OK) {
        store->log_failed = true;
        return err;
    }
    if (store->config.force_sync) set_live_mark(store);
    int64_t limit_kb = store->config.log_size_limit_kb;
    if (limit_kb > 0 && store->log.at / 1024 >= limit_kb) store->roll_wanted = true;
    return PDK_OK;
}

void pdk_store_roll(struct pdk_store *store) { store->roll_wanted = true; }

enum pdk_err pdk_store_reserve(struct pdk_store *store, struct pdk_diag *diag)
{
    if (store->log.file.number >= 0) return top_up(store, &store->log, diag);
    return store->next.file.number >= 0 ? PDK_OK : prepare_next(store, diag);
}
