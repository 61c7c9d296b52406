#include "core/store/cursor.h"

#define ULL(x) ((unsigned long long)(x))

bool pdk_log_may_follow(pdk_zxid before, pdk_zxid zxid)
{
    if (zxid == before + 1) return true;
    return zxid >> 32 > before >> 32 && (zxid & 0xffffffff) == 1;
}

enum pdk_err pdk_logs_list(struct pdk_listing *out, struct pdk_path *folder,
                           const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                           struct pdk_diag *diag)
{
    *out = (struct pdk_listing){.mem = config->mem};
    enum pdk_err err = pdk_path_join(folder, config->log_dir, PDK_VERSION_DIR, diag);
    if (err == PDK_OK) err = pdk_listing_read(out, config->mem, vfs, folder->text, diag);
    if (err == PDK_OK) pdk_listing_keep(out, PDK_FILE_LOG);
    return err;
}

bool pdk_logs_holding(const struct pdk_listing *logs, pdk_zxid zxid, size_t *index)
{
    size_t i = logs->count;
    while (i > 0 && logs->items[i - 1].parsed.zxid > zxid) i--;
    if (i == 0) return false;
    *index = i - 1;
    return true;
}

enum pdk_err pdk_log_cursor_init(struct pdk_log_cursor *c, const struct pdk_store_config *config,
                                 const struct pdk_vfs *vfs, pdk_zxid after, struct pdk_diag *diag)
{
    *c = (struct pdk_log_cursor){
        .config = config, .vfs = vfs, .diag = diag, .after = after, .last = after};
    enum pdk_err err = pdk_logs_list(&c->logs, &c->folder, config, vfs, diag);
    /* Without one the first file may begin a later epoch. */
    if (err == PDK_OK && !pdk_logs_holding(&c->logs, after + 1, &c->index)) c->index = 0;
    return err;
}

static void close_file(struct pdk_log_cursor *c)
{
    if (!c->open) return;
    pdk_log_reader_deinit(&c->reader);
    pdk_file_close(&c->file);
    c->open = false;
}

void pdk_log_cursor_deinit(struct pdk_log_cursor *c)
{
    close_file(c);
    pdk_listing_deinit(&c->logs);
}

static enum pdk_err open_file(struct pdk_log_cursor *c)
{
    const char *name = c->logs.items[c->index].name;
    enum pdk_err err = pdk_path_join(&c->path, c->folder.text, name, c->diag);
    if (err == PDK_OK) err = pdk_file_open(&c->file, c->vfs, c->path.text, PDK_VFS_READ, c->diag);
    /* It was there when the folder was listed. */
    if (err != PDK_OK) return err == PDK_ENOENT ? PDK_ECORRUPT : err;
    pdk_log_reader_init(&c->reader, c->config->mem, pdk_source_of_file(&c->source, &c->file),
                        c->config->max_record_bytes, c->diag);
    c->open = true;
    c->file_last = 0;
    c->file_end = PDK_LOG_FILE_HEADER_BYTES;
    return PDK_OK;
}

static enum pdk_err damaged(struct pdk_log_cursor *c, const char *what)
{
    pdk_diag_set(c->diag, "%s at offset %lld: %s", c->path.text, (long long)c->reader.offset, what);
    return PDK_ECORRUPT;
}

/* PDK_OK: the history goes on in the next file. */
static enum pdk_err end_of_file(struct pdk_log_cursor *c)
{
    bool clean = c->reader.damage == PDK_DAMAGE_NONE && !c->doubt;
    const char *what = clean      ? "a record is missing before others"
                       : c->doubt ? pdk_log_damage_text(PDK_DAMAGE_CHECKSUM)
                                  : pdk_log_damage_text(c->reader.damage);
    if (c->index + 1 == c->logs.count) return clean ? PDK_ENOENT : damaged(c, what);
    pdk_zxid next = c->logs.items[c->index + 1].parsed.zxid;
    /* The tail of a file that is gone on with was left behind by an earlier recovery. */
    if (c->file_last == 0 || next != c->file_last + 1) {
        bool ended = clean && pdk_log_rest_is_zero(&c->reader);
        if (c->reader.err != PDK_OK) return c->reader.err;
        if (!ended) return damaged(c, what);
    }
    close_file(c);
    c->index++;
    c->doubt = false;
    return PDK_OK;
}

static enum pdk_err take(struct pdk_log_cursor *c)
{
    pdk_zxid zxid = c->reader.zxid;
    if (c->doubt && zxid > c->after + 1)
        return damaged(c, "the checksum of the record before it is wrong");
    c->doubt = false;
    if (zxid > c->after && !pdk_log_may_follow(c->last, zxid)) {
        pdk_diag_set(c->diag, "%s at offset %lld: zxid 0x%llx follows 0x%llx", c->path.text,
                     (long long)c->reader.offset, ULL(zxid), ULL(c->last));
        return PDK_ECORRUPT;
    }
    c->file_last = zxid;
    c->file_end = pdk_window_offset(&c->reader.window);
    if (zxid > c->after) c->last = zxid;
    return PDK_OK;
}

enum pdk_err pdk_log_cursor_next(struct pdk_log_cursor *c)
{
    for (;;) {
        if (c->index >= c->logs.count) return PDK_ENOENT;
        enum pdk_err err = c->open ? PDK_OK : open_file(c);
        if (err != PDK_OK) return err;
        enum pdk_log_found found = pdk_log_reader_next(&c->reader);
        bool covered = c->reader.damage == PDK_DAMAGE_CHECKSUM && c->file_last < c->after;
        if (found == PDK_LOG_RECORD) {
            err = take(c);
            if (err != PDK_OK || c->reader.zxid > c->after) return err;
        } else if (found == PDK_LOG_UNREADABLE) {
            return c->reader.err;
        } else if (c->reader.damage == PDK_DAMAGE_TOO_LONG) {
            (void)damaged(c, pdk_log_damage_text(c->reader.damage));
            return PDK_EINVAL;
        } else if (covered) {
            c->doubt = true;
            pdk_log_reader_skip(&c->reader);
        } else {
            err = end_of_file(c);
            if (err != PDK_OK) return err;
        }
    }
}
