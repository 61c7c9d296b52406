#include "core/store/walk.h"

#include "core/store/fs.h"
#include "core/store/logread.h"

#define ULL(x) ((unsigned long long)(x))

/* ---- files ----------------------------------------------------------------------------------- */

struct folder {
    const struct pdk_store_config *config;
    const struct pdk_vfs *vfs;
    struct pdk_path path;
    struct pdk_listing files;
    struct pdk_diag *diag;
};

static enum pdk_err folder_open(struct folder *f, const char *dir, enum pdk_file_kind kind)
{
    enum pdk_err err = pdk_path_join(&f->path, dir, PDK_VERSION_DIR, f->diag);
    if (err == PDK_OK)
        err = pdk_listing_read(&f->files, f->config->mem, f->vfs, f->path.text, f->diag);
    size_t kept = 0;
    for (size_t i = 0; err == PDK_OK && i < f->files.count; i++) {
        if (f->files.items[i].parsed.kind == kind) f->files.items[kept++] = f->files.items[i];
    }
    f->files.count = kept;
    return err;
}

struct log_file {
    struct pdk_path path;
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader reader;
};

static enum pdk_err log_open(struct log_file *l, const struct folder *f, size_t index)
{
    enum pdk_err err = pdk_path_join(&l->path, f->path.text, f->files.items[index].name, f->diag);
    if (err == PDK_OK) err = pdk_file_open(&l->file, f->vfs, l->path.text, PDK_VFS_READ, f->diag);
    if (err != PDK_OK) return err;
    pdk_log_reader_init(&l->reader, f->config->mem, pdk_source_of_file(&l->source, &l->file),
                        f->config->max_record_bytes, f->diag);
    return PDK_OK;
}

static void log_close(struct log_file *l)
{
    pdk_log_reader_deinit(&l->reader);
    pdk_file_close(&l->file);
}

/* The newest file whose name is at most `zxid`; false: there is none. */
static bool find_file(const struct folder *f, pdk_zxid zxid, size_t *index)
{
    size_t i = f->files.count;
    while (i > 0 && f->files.items[i - 1].parsed.zxid > zxid) i--;
    *index = i > 0 ? i - 1 : 0;
    return i > 0;
}

/* ---- walking --------------------------------------------------------------------------------- */

struct walk {
    struct folder logs;
    pdk_zxid last, until;
    enum pdk_err (*each)(void *ctx, struct pdk_slice txn);
    void *ctx;
};

/* The next of its epoch, or the first of a later one. */
static bool follows(pdk_zxid last, pdk_zxid next)
{
    return next == last + 1 || (next >> 32 > last >> 32 && (next & 0xffffffff) == 1);
}

static enum pdk_err take(struct walk *w, const struct log_file *l)
{
    pdk_zxid zxid = l->reader.zxid;
    if (zxid <= w->last || zxid > w->until) return PDK_OK;
    if (!follows(w->last, zxid)) {
        pdk_diag_set(w->logs.diag, "%s: behind zxid 0x%llx comes 0x%llx", l->path.text,
                     ULL(w->last), ULL(zxid));
        return PDK_ECORRUPT;
    }
    w->last = zxid;
    return w->each(w->ctx, l->reader.txn);
}

/* Damage ends a file: what an earlier recovery has passed over is followed by the next zxid in the
 * next file, anything else by a gap. */
static enum pdk_err walk_file(struct walk *w, size_t index)
{
    struct log_file l;
    enum pdk_err err = log_open(&l, &w->logs, index);
    if (err != PDK_OK) return err;
    enum pdk_log_found found = PDK_LOG_RECORD;
    while (err == PDK_OK && w->last < w->until &&
           (found = pdk_log_reader_next(&l.reader)) == PDK_LOG_RECORD)
        err = take(w, &l);
    if (err == PDK_OK && found == PDK_LOG_UNREADABLE) err = l.reader.err;
    log_close(&l);
    return err;
}

enum pdk_err pdk_store_walk(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                            pdk_zxid after, pdk_zxid until,
                            enum pdk_err (*each)(void *ctx, struct pdk_slice txn), void *ctx,
                            struct pdk_diag *diag)
{
    struct walk w = {
        .logs = {.config = config, .vfs = vfs, .files = {.mem = config->mem}, .diag = diag},
        .last = after,
        .until = until,
        .each = each,
        .ctx = ctx};
    size_t index = 0;
    enum pdk_err err = folder_open(&w.logs, config->log_dir, PDK_FILE_LOG);
    (void)find_file(&w.logs, after, &index);
    for (; err == PDK_OK && w.last < until && index < w.logs.files.count; index++)
        err = walk_file(&w, index);
    if (err == PDK_OK && w.last < until) {
        pdk_diag_set(diag, "the logs in %s end at zxid 0x%llx, before 0x%llx", w.logs.path.text,
                     ULL(w.last), ULL(until));
        err = PDK_ECORRUPT;
    }
    pdk_listing_deinit(&w.logs.files);
    return err;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The largest zxid <= `zxid` in the file, and how many bytes of records up to `until` follow it. */
static enum pdk_err look_into(const struct folder *f, size_t index, pdk_zxid zxid, pdk_zxid until,
                              struct pdk_log_place *out)
{
    struct log_file l;
    enum pdk_err err = log_open(&l, f, index);
    if (err != PDK_OK) return err;
    enum pdk_log_found found;
    while ((found = pdk_log_reader_next(&l.reader)) == PDK_LOG_RECORD) {
        if (l.reader.zxid <= zxid) {
            out->reaches = true;
            out->at = l.reader.zxid;
        } else if (l.reader.zxid <= until) {
            out->bytes += (int64_t)l.reader.txn.len + PDK_LOG_FRAME_BYTES;
        } else {
            break;
        }
    }
    if (found == PDK_LOG_UNREADABLE) err = l.reader.err;
    log_close(&l);
    return err;
}

static enum pdk_err newest_snapshot(struct folder *f, const char *data_dir, int64_t *bytes)
{
    enum pdk_err err = folder_open(f, data_dir, PDK_FILE_SNAPSHOT);
    *bytes =
        err == PDK_OK && f->files.count > 0 ? f->files.items[f->files.count - 1].size_bytes : 0;
    pdk_listing_deinit(&f->files);
    return err;
}

enum pdk_err pdk_store_find(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                            pdk_zxid zxid, pdk_zxid until, struct pdk_log_place *out,
                            struct pdk_diag *diag)
{
    struct folder logs = {
        .config = config, .vfs = vfs, .files = {.mem = config->mem}, .diag = diag};
    struct folder data = logs;
    size_t index = 0;
    *out = (struct pdk_log_place){0};
    enum pdk_err err = newest_snapshot(&data, config->data_dir, &out->snapshot_bytes);
    if (err == PDK_OK) err = folder_open(&logs, config->log_dir, PDK_FILE_LOG);
    if (err == PDK_OK && find_file(&logs, zxid, &index)) {
        err = look_into(&logs, index, zxid, until, out);
        /* The files between are full; the newest is longer than what is written in it. */
        for (size_t i = index + 1; err == PDK_OK && i + 1 < logs.files.count; i++)
            out->bytes += logs.files.items[i].size_bytes;
        if (err == PDK_OK && index + 1 < logs.files.count)
            err = look_into(&logs, logs.files.count - 1, 0, until, out);
    }
    pdk_listing_deinit(&logs.files);
    return err;
}
