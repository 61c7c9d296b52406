/* core/store/purge.c - removes what recovery no longer needs (disk-formats.md 8).
 *
 * Only snapshots that were read to their last seal just now count as kept: N broken files must not
 * push out the last good one.  Nothing is read while there is nothing to remove. */
#include "core/store/fs.h"
#include "core/store/snapread.h"

#define RETAIN_MIN 3

struct purge {
    const struct pdk_store_config *config;
    const struct pdk_vfs *vfs;
    struct pdk_path data_path, log_path;
    struct pdk_listing data, logs;
    void (*removed)(void *ctx, const char *path);
    void *ctx;
    struct pdk_diag *diag;
};

static bool is_whole(struct purge *p, const struct pdk_listed *item)
{
    bool whole = false;
    struct pdk_snapshot_info info;
    if (pdk_snapshot_looks_whole(p->vfs, p->data_path.text, item, &whole, NULL) != PDK_OK)
        return false;
    return whole && pdk_snapshot_read_file(p->config, p->vfs, p->data_path.text, item, NULL, &info,
                                           p->diag) == PDK_OK;
}

/* The zxid of the oldest snapshot to keep; -1: everything stays. */
static pdk_zxid oldest_kept(struct purge *p, int retain)
{
    size_t snapshots = 0;
    for (size_t i = 0; i < p->data.count; i++)
        snapshots += p->data.items[i].parsed.kind == PDK_FILE_SNAPSHOT;
    if (snapshots <= (size_t)retain) return -1;
    int whole = 0;
    for (size_t i = p->data.count; i-- > 0;) {
        const struct pdk_listed *item = &p->data.items[i];
        if (item->parsed.kind != PDK_FILE_SNAPSHOT || !is_whole(p, item)) continue;
        if (++whole == retain) return item->parsed.zxid;
    }
    return -1;
}

static enum pdk_err remove_below(struct purge *p, const struct pdk_listing *l, const char *folder,
                                 enum pdk_file_kind kind, pdk_zxid below)
{
    bool any = false;
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < l->count && err == PDK_OK; i++) {
        const struct pdk_listed *item = &l->items[i];
        struct pdk_path path;
        if (item->parsed.kind != kind || item->parsed.zxid >= below) continue;
        err = pdk_path_join(&path, folder, item->name, p->diag);
        if (err != PDK_OK) break;
        if (p->removed != NULL) p->removed(p->ctx, path.text);
        err = pdk_fs_unlink(p->vfs, path.text, p->diag);
        any = true;
    }
    /* Oldest first and durable before the logs follow: never a snapshot whose logs are gone. */
    return err == PDK_OK && any ? pdk_fs_sync_dir(p->vfs, folder, p->diag) : err;
}

/* The newest log that begins at or before `oldest` may hold what follows it. */
static pdk_zxid oldest_log_needed(const struct purge *p, pdk_zxid oldest)
{
    pdk_zxid needed = 0;
    for (size_t i = 0; i < p->logs.count; i++) {
        const struct pdk_file_name *log = &p->logs.items[i].parsed;
        if (log->kind == PDK_FILE_LOG && log->zxid <= oldest) needed = log->zxid;
    }
    return needed;
}

static enum pdk_err run(struct purge *p, int retain)
{
    const struct pdk_mem *mem = p->config->mem;
    enum pdk_err err = pdk_path_join(&p->data_path, p->config->data_dir, PDK_VERSION_DIR, p->diag);
    if (err == PDK_OK)
        err = pdk_path_join(&p->log_path, p->config->log_dir, PDK_VERSION_DIR, p->diag);
    if (err == PDK_OK) err = pdk_listing_read(&p->data, mem, p->vfs, p->data_path.text, p->diag);
    if (err == PDK_OK) err = pdk_listing_read(&p->logs, mem, p->vfs, p->log_path.text, p->diag);
    if (err != PDK_OK) return err;
    pdk_zxid oldest = oldest_kept(p, retain);
    if (oldest < 0) return PDK_OK;
    err = remove_below(p, &p->data, p->data_path.text, PDK_FILE_SNAPSHOT, oldest);
    if (err != PDK_OK) return err;
    return remove_below(p, &p->logs, p->log_path.text, PDK_FILE_LOG, oldest_log_needed(p, oldest));
}

enum pdk_err pdk_store_purge(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                             int retain, void (*removed)(void *ctx, const char *path), void *ctx,
                             struct pdk_diag *diag)
{
    struct purge p = {.config = config,
                      .vfs = vfs,
                      .data = {.mem = config->mem},
                      .logs = {.mem = config->mem},
                      .removed = removed,
                      .ctx = ctx,
                      .diag = diag};
    if (retain < RETAIN_MIN) {
        pdk_diag_set(diag, "at least %d snapshots must be kept, not %d", RETAIN_MIN, retain);
        return PDK_EINVAL;
    }
    enum pdk_err err = run(&p, retain);
    pdk_listing_deinit(&p.data);
    pdk_listing_deinit(&p.logs);
    return err;
}
