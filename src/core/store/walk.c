#include "core/store/walk.h"

#include "core/store/cursor.h"

#define ULL(x) ((unsigned long long)(x))

enum pdk_err pdk_store_walk(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                            pdk_zxid after, pdk_zxid until,
                            enum pdk_err (*each)(void *ctx, struct pdk_slice txn), void *ctx,
                            struct pdk_diag *diag)
{
    struct pdk_log_cursor c;
    enum pdk_err err = pdk_log_cursor_init(&c, config, vfs, after, diag);
    while (err == PDK_OK && c.last < until) {
        err = pdk_log_cursor_next(&c);
        if (err == PDK_OK && c.last <= until) err = each(ctx, c.reader.txn);
        /* That the one behind it follows proves that nothing is missing.  At an epoch's beginning
         * there may be nothing behind it yet. */
        if (err != PDK_ENOENT) continue;
        if ((until & 0xffffffff) == 0) {
            err = PDK_OK;
            break;
        }
        pdk_diag_set(diag, "the log in %s ends at zxid 0x%llx, before 0x%llx", c.folder.text,
                     ULL(c.last), ULL(until));
        err = PDK_ECORRUPT;
    }
    pdk_log_cursor_deinit(&c);
    return err;
}

/* ---- where something stands ------------------------------------------------------------------ */

struct place {
    pdk_zxid at; /* the largest zxid up to the one asked for; -1: none */
    int64_t end; /* of that record */
};

static enum pdk_err look(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                         const struct pdk_path *folder, const char *name, pdk_zxid zxid,
                         struct place *out, struct pdk_diag *diag)
{
    struct pdk_path path;
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader r;
    *out = (struct place){.at = -1};
    enum pdk_err err = pdk_path_join(&path, folder->text, name, diag);
    if (err == PDK_OK) err = pdk_file_open(&file, vfs, path.text, PDK_VFS_READ, diag);
    if (err != PDK_OK) return err == PDK_ENOENT ? PDK_ECORRUPT : err;
    pdk_log_reader_init(&r, config->mem, pdk_source_of_file(&source, &file),
                        config->max_record_bytes, diag);
    enum pdk_log_found found = PDK_LOG_RECORD;
    while (found == PDK_LOG_RECORD && out->at < zxid) {
        found = pdk_log_reader_next(&r);
        if (found != PDK_LOG_RECORD || r.zxid > zxid) break;
        *out = (struct place){.at = r.zxid, .end = pdk_window_offset(&r.window)};
    }
    if (found == PDK_LOG_UNREADABLE) err = r.err;
    if (found == PDK_LOG_DAMAGED) {
        pdk_diag_set(diag, "%s at offset %lld: %s", path.text, (long long)r.offset,
                     pdk_log_damage_text(r.damage));
        err = PDK_ECORRUPT;
    }
    pdk_log_reader_deinit(&r);
    pdk_file_close(&file);
    return err;
}

/* The newest file that holds something up to `zxid`. */
static enum pdk_err look_back(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                              const struct pdk_path *folder, const struct pdk_listing *logs,
                              pdk_zxid zxid, size_t *index, struct place *out,
                              struct pdk_diag *diag)
{
    enum pdk_err err = PDK_OK;
    *out = (struct place){.at = -1};
    if (!pdk_logs_holding(logs, zxid, index)) return PDK_OK;
    for (;;) {
        err = look(config, vfs, folder, logs->items[*index].name, zxid, out, diag);
        if (err != PDK_OK || out->at >= 0 || *index == 0) return err;
        --*index;
    }
}

static enum pdk_err newest_snapshot(const struct pdk_store_config *config,
                                    const struct pdk_vfs *vfs, int64_t *bytes,
                                    struct pdk_diag *diag)
{
    struct pdk_path folder;
    struct pdk_listing l;
    enum pdk_err err = pdk_path_join(&folder, config->data_dir, PDK_VERSION_DIR, diag);
    if (err == PDK_OK) err = pdk_listing_read(&l, config->mem, vfs, folder.text, diag);
    if (err != PDK_OK) return err;
    pdk_listing_keep(&l, PDK_FILE_SNAPSHOT);
    *bytes = l.count > 0 ? l.items[l.count - 1].size_bytes : 0;
    pdk_listing_deinit(&l);
    return PDK_OK;
}

enum pdk_err pdk_store_find(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                            pdk_zxid zxid, pdk_zxid until, struct pdk_log_place *out,
                            struct pdk_diag *diag)
{
    struct pdk_path folder;
    struct pdk_listing logs;
    struct place from = {.at = -1}, to = {.at = -1};
    size_t first = 0, last = 0;
    *out = (struct pdk_log_place){0};
    enum pdk_err err = newest_snapshot(config, vfs, &out->snapshot_bytes, diag);
    if (err != PDK_OK) return err;
    err = pdk_logs_list(&logs, &folder, config, vfs, diag);
    if (err == PDK_OK) err = look_back(config, vfs, &folder, &logs, zxid, &first, &from, diag);
    if (err == PDK_OK && from.at >= 0)
        err = look_back(config, vfs, &folder, &logs, until, &last, &to, diag);
    if (err == PDK_OK && from.at >= 0) {
        out->reaches = true;
        out->at = from.at;
        out->bytes = to.end - from.end;
        for (size_t i = first; i < last; i++) out->bytes += logs.items[i].size_bytes;
    }
    pdk_listing_deinit(&logs);
    return err;
}
