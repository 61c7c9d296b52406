/* core/store/resync.c - TRUNC: what must stay, what must go. */
#include "core/store/resync.h"

#include "core/store/cursor.h"
#include "core/store/journal.h"
#include "core/store/snapread.h"

#define ULL(x) ((unsigned long long)(x))

/* A snapshot of Apache's may hold effects of transactions behind its name, whose undoing no log
 * could replay. */
static bool reaches_beyond(const struct pdk_snapshot_info *info, pdk_zxid zxid)
{
    return (info->has_last_zxid && info->last_zxid > zxid) ||
           (info->has_digest && info->digest_zxid > zxid);
}

/* The newest snapshot that is whole and holds nothing above `zxid`; -1: none. */
static enum pdk_err find_snapshot(struct pdk_store *store, pdk_zxid zxid, pdk_zxid *out,
                                  struct pdk_diag *diag)
{
    const char *folder = store->data_path.text;
    struct pdk_listing l;
    *out = -1;
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, folder, diag);
    if (err != PDK_OK) return err;
    pdk_listing_keep(&l, PDK_FILE_SNAPSHOT);
    for (size_t i = l.count; i-- > 0 && *out < 0 && err == PDK_OK;) {
        const struct pdk_listed *item = &l.items[i];
        struct pdk_snapshot_info info;
        bool whole = false;
        if (item->parsed.zxid > zxid) continue;
        err = pdk_snapshot_looks_whole(store->vfs, folder, item, &whole, diag);
        if (err != PDK_OK || !whole) continue;
        err = pdk_snapshot_read_file(&store->config, store->vfs, folder, item, NULL, &info, diag);
        if (err == PDK_OK && !reaches_beyond(&info, zxid)) *out = item->parsed.zxid;
        if (err == PDK_ECORRUPT) err = PDK_OK; /* an older one may do, with more log */
    }
    pdk_listing_deinit(&l);
    return err;
}

/* Where the log is to end: behind the last record up to `zxid`. */
static void place_cut(const struct pdk_log_cursor *c, pdk_zxid zxid, struct pdk_resync *what)
{
    int64_t end = c->open && c->last > zxid ? c->reader.offset : c->file_end;
    what->log = -1;
    what->log_bytes = -1;
    if (c->index >= c->logs.count) {
        if (c->logs.count > 0) what->log = c->logs.items[c->logs.count - 1].parsed.zxid;
    } else if (c->open && end > PDK_LOG_FILE_HEADER_BYTES) {
        what->log = c->logs.items[c->index].parsed.zxid;
        what->log_bytes = end;
    } else if (c->index > 0) {
        /* Apache takes a log without a record for a fault. */
        what->log = c->logs.items[c->index - 1].parsed.zxid;
    }
}

/* Reads from the snapshot on.  PDK_ENOENT: the log does not reach `zxid`. */
static enum pdk_err find_cut(struct pdk_store *store, pdk_zxid zxid, struct pdk_resync *what,
                             struct pdk_diag *diag)
{
    struct pdk_log_cursor c;
    struct pdk_diag why = {"its records end"};
    enum pdk_err err = pdk_log_cursor_init(&c, &store->config, store->vfs, what->snapshot, &why);
    what->zxid = what->snapshot;
    while (err == PDK_OK) {
        err = pdk_log_cursor_next(&c);
        if (err != PDK_OK || c.last > zxid) break;
        what->zxid = c.last;
    }
    /* Behind `zxid` anything may be, and a record behind it proves that nothing before is missing:
     * then the log skips it. */
    bool ended = err == PDK_ENOENT || err == PDK_ECORRUPT;
    if (ended && what->zxid == zxid) err = PDK_OK;
    if (err == PDK_OK) {
        place_cut(&c, zxid, what);
    } else if (ended) {
        pdk_diag_set(diag, "the log in %s cannot be truncated to 0x%llx: behind 0x%llx %.300s",
                     store->log_path.text, ULL(zxid), ULL(what->zxid), why.text);
        err = PDK_ENOENT;
    } else if (diag != NULL) {
        *diag = why;
    }
    pdk_log_cursor_deinit(&c);
    return err;
}

enum pdk_err pdk_store_truncate(struct pdk_store *store, pdk_zxid zxid, struct pdk_diag *diag)
{
    struct pdk_resync what = {.kind = PDK_RESYNC_TRUNCATE};
    /* What stays must be durable before anything goes. */
    enum pdk_err err = pdk_store_sync(store, diag);
    if (err == PDK_OK) err = find_snapshot(store, zxid, &what.snapshot, diag);
    if (err != PDK_OK) return err;
    if (what.snapshot < 0) {
        pdk_diag_set(diag, "no whole snapshot in %s is as old as 0x%llx", store->data_path.text,
                     ULL(zxid));
        return PDK_ENOENT;
    }
    err = find_cut(store, zxid, &what, diag);
    return err == PDK_OK ? pdk_resync_run(store, &what, diag) : err;
}
