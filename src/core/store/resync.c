#include "core/store/resync.h"

#include "base/hash.h"
#include "core/store/install.h"
#include "core/store/internal.h"
#include "core/store/logread.h"
#include "core/store/snapread.h"
#include "core/store/walk.h"

#include <string.h>

#define ULL(x) ((unsigned long long)(x))

/* Nothing of the log is open: the next append begins a new file. */
static void rest(struct pdk_store *store)
{
    pdk_log_writer_end(store, &store->log);
    pdk_log_writer_init(&store->log);
    if (store->next.file.number >= 0) {
        pdk_file_close(&store->next.file);
        pdk_fs_discard(store->vfs, store->next.path.text);
    }
    pdk_log_writer_init(&store->next);
}

/* ---- truncation ------------------------------------------------------------------------------ */

struct cut {
    struct pdk_store *store;
    pdk_zxid zxid;
    struct pdk_listing snapshots, logs;
    bool in_log; /* the log holds a record of `zxid` ... */
    size_t file; /* ... in this file ... */
    int64_t end; /* ... which ends here */
    struct pdk_diag *diag;
};

static enum pdk_err list(struct cut *c, struct pdk_listing *l, const char *folder,
                         enum pdk_file_kind kind)
{
    enum pdk_err err = pdk_listing_read(l, c->store->config.mem, c->store->vfs, folder, c->diag);
    size_t kept = 0;
    for (size_t i = 0; err == PDK_OK && i < l->count; i++) {
        if (l->items[i].parsed.kind == kind) l->items[kept++] = l->items[i];
    }
    l->count = kept;
    return err;
}

/* Where the record of `zxid` ends. */
static enum pdk_err find_end(struct cut *c, size_t index)
{
    struct pdk_store *store = c->store;
    struct pdk_path path;
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader reader;
    enum pdk_err err =
        pdk_path_join(&path, store->log_path.text, c->logs.items[index].name, c->diag);
    if (err == PDK_OK) err = pdk_file_open(&file, store->vfs, path.text, PDK_VFS_READ, c->diag);
    if (err != PDK_OK) return err;
    pdk_log_reader_init(&reader, store->config.mem, pdk_source_of_file(&source, &file),
                        store->config.max_record_bytes, c->diag);
    enum pdk_log_found found;
    while ((found = pdk_log_reader_next(&reader)) == PDK_LOG_RECORD && reader.zxid <= c->zxid) {
        if (reader.zxid != c->zxid) continue;
        c->in_log = true;
        c->file = index;
        c->end = reader.offset + (int64_t)reader.txn.len + PDK_LOG_FRAME_BYTES;
    }
    if (found == PDK_LOG_UNREADABLE) err = reader.err;
    pdk_log_reader_deinit(&reader);
    pdk_file_close(&file);
    return err;
}

static enum pdk_err pass(void *ctx, struct pdk_slice txn)
{
    (void)ctx;
    (void)txn;
    return PDK_OK;
}

/* The newest whole snapshot at or below `zxid`, from which the log leads there. */
static enum pdk_err find_start(struct cut *c)
{
    struct pdk_store *store = c->store;
    for (size_t i = c->snapshots.count; i-- > 0;) {
        const struct pdk_listed *item = &c->snapshots.items[i];
        bool whole = false;
        if (item->parsed.zxid > c->zxid) continue;
        if (pdk_snapshot_looks_whole(store->vfs, store->data_path.text, item, &whole, c->diag) !=
                PDK_OK ||
            !whole)
            continue;
        if (item->parsed.zxid == c->zxid) return PDK_OK;
        if (!c->in_log) break;
        return pdk_store_walk(&store->config, store->vfs, item->parsed.zxid, c->zxid, pass, NULL,
                              c->diag);
    }
    pdk_diag_set(c->diag, "neither snapshots nor logs in %s lead to zxid 0x%llx",
                 store->data_path.text, ULL(c->zxid));
    return PDK_ENOENT;
}

static enum pdk_err look(struct cut *c)
{
    struct pdk_store *store = c->store;
    enum pdk_err err = list(c, &c->snapshots, store->data_path.text, PDK_FILE_SNAPSHOT);
    if (err == PDK_OK) err = list(c, &c->logs, store->log_path.text, PDK_FILE_LOG);
    for (size_t i = c->logs.count; err == PDK_OK && i-- > 0 && !c->in_log;) {
        if (c->logs.items[i].parsed.zxid <= c->zxid) err = find_end(c, i);
        /* In an older file only if this one is empty or begins with damage. */
    }
    if (err == PDK_OK) err = find_start(c);
    return err == PDK_ECORRUPT ? PDK_ENOENT : err;
}

/* First the claim is lowered, then snapshots go, then logs from the end: whatever a crash leaves is
 * a history that ends at `zxid` or later. */
static enum pdk_err lower_mark(struct cut *c)
{
    struct pdk_mark mark = {.zxid = c->zxid};
    if (c->in_log) {
        mark.log = c->logs.items[c->file].parsed.zxid;
        mark.synced_bytes = c->end;
    }
    return pdk_marker_set_base(&c->store->marker, c->store->log_path.text, &mark, c->diag);
}

static enum pdk_err remove_above(const struct cut *c, const struct pdk_listing *l,
                                 const char *folder)
{
    enum pdk_err err = PDK_OK;
    for (size_t i = l->count; err == PDK_OK && i-- > 0;) {
        struct pdk_path path;
        if (l->items[i].parsed.zxid <= c->zxid) break;
        err = pdk_path_join(&path, folder, l->items[i].name, c->diag);
        if (err == PDK_OK) err = pdk_fs_unlink(c->store->vfs, path.text, c->diag);
        /* Each is gone for good before the next one goes. */
        if (err == PDK_OK) err = pdk_fs_sync_dir(c->store->vfs, folder, c->diag);
    }
    return err;
}

static enum pdk_err cut_file(const struct cut *c, size_t index, int64_t end)
{
    struct pdk_path path;
    struct pdk_file file;
    enum pdk_err err =
        pdk_path_join(&path, c->store->log_path.text, c->logs.items[index].name, c->diag);
    if (err == PDK_OK) err = pdk_file_open(&file, c->store->vfs, path.text, PDK_VFS_WRITE, c->diag);
    if (err != PDK_OK) return err;
    err = pdk_file_truncate(&file, end, c->diag);
    if (err == PDK_OK) err = pdk_file_sync(&file, c->diag);
    pdk_file_close(&file);
    return err;
}

static enum pdk_err carry_out(struct cut *c)
{
    struct pdk_store *store = c->store;
    enum pdk_err err = lower_mark(c);
    if (err == PDK_OK) err = remove_above(c, &c->snapshots, store->data_path.text);
    if (err == PDK_OK) err = remove_above(c, &c->logs, store->log_path.text);
    if (err == PDK_OK && c->in_log) err = cut_file(c, c->file, c->end);
    return err;
}

enum pdk_err pdk_store_truncate(struct pdk_store *store, pdk_zxid zxid, struct pdk_diag *diag)
{
    struct cut c = {.store = store,
                    .zxid = zxid,
                    .snapshots = {.mem = store->config.mem},
                    .logs = {.mem = store->config.mem},
                    .diag = diag};
    rest(store);
    enum pdk_err err = look(&c);
    if (err == PDK_OK) err = carry_out(&c);
    pdk_listing_deinit(&c.snapshots);
    pdk_listing_deinit(&c.logs);
    return err;
}

/* ---- a snapshot in pieces -------------------------------------------------------------------- */

/* A snapshot file begins with this. */
static void put_file_header(uint8_t out[16])
{
    pdk_store_u32(out, PDK_SNAPSHOT_MAGIC);
    pdk_store_u32(out + 4, PDK_SNAPSHOT_VERSION);
    pdk_store_u64(out + 8, (uint64_t)PDK_SNAPSHOT_DBID);
}

static enum pdk_err put(struct pdk_store *store, const uint8_t *bytes, size_t len,
                        struct pdk_diag *diag)
{
    struct pdk_spool *s = &store->spool;
    enum pdk_err err = pdk_file_write(&s->file, bytes, len, s->at, diag);
    if (err != PDK_OK) {
        pdk_store_spool_abandon(store);
        return err;
    }
    s->adler = pdk_adler32(s->adler, bytes, len);
    s->at += (int64_t)len;
    return PDK_OK;
}

enum pdk_err pdk_store_spool_begin(struct pdk_store *store, pdk_zxid zxid, struct pdk_diag *diag)
{
    struct pdk_spool *s = &store->spool;
    static const char name[] = PDK_TEMP_PREFIX "spool";
    uint8_t header[16];
    PDK_ASSERT(s->file.number < 0);
    enum pdk_err err = pdk_path_join(&s->path, store->data_path.text, name, diag);
    if (err == PDK_OK)
        err = pdk_file_open(&s->file, store->vfs, s->path.text, PDK_VFS_CREATE, diag);
    if (err != PDK_OK) return err;
    s->zxid = zxid;
    s->at = 0;
    s->adler = PDK_ADLER32_INIT;
    put_file_header(header);
    return put(store, header, sizeof header, diag);
}

enum pdk_err pdk_store_spool_add(struct pdk_store *store, struct pdk_slice body,
                                 struct pdk_diag *diag)
{
    PDK_ASSERT(store->spool.file.number >= 0);
    return put(store, body.bytes, body.len, diag);
}

void pdk_store_spool_abandon(struct pdk_store *store)
{
    struct pdk_spool *s = &store->spool;
    if (s->file.number < 0) return;
    pdk_file_close(&s->file);
    pdk_fs_discard(store->vfs, s->path.text);
}

enum pdk_err pdk_store_spool_install(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_spool *s = &store->spool;
    uint8_t seal[PDK_SNAPSHOT_SEAL_BYTES];
    PDK_ASSERT(s->file.number >= 0);
    pdk_store_u64(seal, s->adler);
    memcpy(seal + 8, "\0\0\0\1/", 5);
    const struct pdk_install install = {
        .zxid = s->zxid, .size_bytes = s->at + (int64_t)sizeof seal, .adler = s->adler};
    enum pdk_err err = put(store, seal, sizeof seal, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_sync(&s->file, diag);
    if (err != PDK_OK) {
        pdk_store_spool_abandon(store);
        return err;
    }
    pdk_file_close(&s->file);
    rest(store);
    err = pdk_install_run(store, &install, s->path.text, diag);
    if (err != PDK_OK) pdk_fs_discard(store->vfs, s->path.text);
    return err;
}
