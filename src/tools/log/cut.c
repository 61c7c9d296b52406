#include "tools/log/cut.h"

#include <stdio.h>

#include "core/store/fs.h"
#include "core/store/logread.h"

#define SAVED_PREFIX "saved."

struct cut {
    const struct pdk_cut_options *o;
    struct pdk_path path, saved;
    pdk_zxid name_zxid, last; /* last: of the records that stay; 0: none */
    struct pdk_diag *diag;
};

static void say(const struct cut *c, const char *format, const char *a, const char *b)
{
    char line[2 * PDK_PATH_BYTES + 100];
    (void)snprintf(line, sizeof line, "%s%s%s%s", format, a, b != NULL ? " to " : "",
                   b != NULL ? b : "");
    c->o->say(c->o->ctx, line);
}

static enum pdk_err saved_path(const struct cut *c, const char *name, struct pdk_path *out)
{
    char saved[PDK_NAME_BYTES + sizeof SAVED_PREFIX];
    (void)snprintf(saved, sizeof saved, SAVED_PREFIX "%s", name);
    enum pdk_err err = pdk_path_join(out, c->o->folder, saved, c->diag);
    bool exists = false;
    if (err == PDK_OK) err = pdk_fs_exists(c->o->vfs, out->text, &exists, c->diag);
    if (err != PDK_OK || !exists) return err;
    pdk_diag_set(c->diag, "%s is there already: move it away first", out->text);
    return PDK_EEXIST;
}

/* Whole records up to the offset, and one (good or damaged) begins exactly there. */
static enum pdk_err check_offset(struct cut *c)
{
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader r;
    enum pdk_err err = pdk_file_open(&file, c->o->vfs, c->path.text, PDK_VFS_READ, c->diag);
    if (err != PDK_OK) return err;
    pdk_log_reader_init(&r, c->o->mem, pdk_source_of_file(&source, &file), c->o->max_record_bytes,
                        c->diag);
    enum pdk_log_found found;
    while ((found = pdk_log_reader_next(&r)) == PDK_LOG_RECORD && r.offset < c->o->offset)
        c->last = r.zxid;
    if (found == PDK_LOG_UNREADABLE) {
        err = r.err;
    } else if (r.offset != c->o->offset) {
        pdk_diag_set(c->diag,
                     "no record begins at offset %lld of %s; the next place to cut is %lld",
                     (long long)c->o->offset, c->path.text, (long long)r.offset);
        err = PDK_EINVAL;
    }
    pdk_log_reader_deinit(&r);
    pdk_file_close(&file);
    return err;
}

static enum pdk_err copy(const struct cut *c)
{
    static const size_t block_bytes = 256 * 1024;
    struct pdk_file from, to = {.number = -1};
    uint8_t *block = pdk_mem_try(c->o->mem, block_bytes);
    if (block == NULL) return PDK_ENOMEM;
    enum pdk_err err = pdk_file_open(&from, c->o->vfs, c->path.text, PDK_VFS_READ, c->diag);
    if (err == PDK_OK) err = pdk_file_open(&to, c->o->vfs, c->saved.text, PDK_VFS_CREATE, c->diag);
    int64_t at = 0;
    for (size_t got = 1; err == PDK_OK && got > 0; at += (int64_t)got) {
        err = pdk_file_read(&from, block, block_bytes, at, &got, c->diag);
        if (err == PDK_OK && got > 0) err = pdk_file_write(&to, block, got, at, c->diag);
    }
    if (err == PDK_OK) err = pdk_file_sync(&to, c->diag);
    pdk_file_close(&from);
    pdk_file_close(&to);
    pdk_mem_free(c->o->mem, block);
    if (err == PDK_OK) say(c, "copied ", c->path.text, c->saved.text);
    return err;
}

/* What comes later cannot follow any more. */
static enum pdk_err move_later_logs(const struct cut *c)
{
    struct pdk_listing l;
    enum pdk_err err = pdk_listing_read(&l, c->o->mem, c->o->vfs, c->o->folder, c->diag);
    for (size_t i = 0; err == PDK_OK && i < l.count; i++) {
        struct pdk_path from, to;
        if (l.items[i].parsed.kind != PDK_FILE_LOG || l.items[i].parsed.zxid <= c->name_zxid)
            continue;
        err = pdk_path_join(&from, c->o->folder, l.items[i].name, c->diag);
        if (err == PDK_OK) err = saved_path(c, l.items[i].name, &to);
        if (err == PDK_OK) err = pdk_fs_rename(c->o->vfs, from.text, to.text, c->diag);
        if (err == PDK_OK) say(c, "moved ", from.text, to.text);
    }
    pdk_listing_deinit(&l);
    return err;
}

static enum pdk_err cut_file(const struct cut *c)
{
    if (c->last == 0) {
        enum pdk_err err = pdk_fs_unlink(c->o->vfs, c->path.text, c->diag);
        if (err == PDK_OK) say(c, "removed (no record is left) ", c->path.text, NULL);
        return err;
    }
    struct pdk_file file;
    enum pdk_err err = pdk_file_open(&file, c->o->vfs, c->path.text, PDK_VFS_WRITE, c->diag);
    if (err != PDK_OK) return err;
    err = pdk_file_truncate(&file, c->o->offset, c->diag);
    if (err == PDK_OK) err = pdk_file_sync(&file, c->diag);
    pdk_file_close(&file);
    if (err == PDK_OK) say(c, "cut ", c->path.text, NULL);
    return err;
}

static enum pdk_err run(struct cut *c)
{
    const struct pdk_cut_options *o = c->o;
    struct pdk_path mark;
    enum pdk_err err = check_offset(c);
    if (err == PDK_OK) err = saved_path(c, o->name, &c->saved);
    if (err == PDK_OK) err = copy(c);
    if (err == PDK_OK) err = move_later_logs(c);
    if (err == PDK_OK) err = pdk_fs_sync_dir(o->vfs, o->folder, c->diag);
    /* The mark claims what is given up now. */
    if (err == PDK_OK) err = pdk_path_join(&mark, o->folder, PDK_MARK_NAME, c->diag);
    if (err == PDK_OK) err = pdk_fs_unlink(o->vfs, mark.text, c->diag);
    if (err == PDK_OK) err = cut_file(c);
    if (err == PDK_OK) err = pdk_fs_sync_dir(o->vfs, o->folder, c->diag);
    return err;
}

enum pdk_err pdk_log_cut(const struct pdk_cut_options *o, struct pdk_diag *diag)
{
    struct cut c = {.o = o, .diag = diag};
    struct pdk_file_name parsed = pdk_file_name_parse(o->name);
    if (parsed.kind != PDK_FILE_LOG) {
        pdk_diag_set(diag, "%s is not named as a transaction log is (log.<hex>)", o->name);
        return PDK_EINVAL;
    }
    c.name_zxid = parsed.zxid;
    struct pdk_path lock_path;
    struct pdk_vfs_why why = {{0}};
    int lock = -1;
    enum pdk_err err = pdk_path_join(&c.path, o->folder, o->name, diag);
    if (err == PDK_OK) err = pdk_path_join(&lock_path, o->folder, PDK_LOCK_NAME, diag);
    if (err != PDK_OK) return err;
    err = o->vfs->lock(o->vfs->ctx, lock_path.text, &lock, &why);
    if (err != PDK_OK) {
        pdk_diag_set(diag,
                     err == PDK_EBUSY ? "a server is using %s: stop it first (%s)"
                                      : "cannot lock %s: %s",
                     o->folder, why.text);
        return err;
    }
    err = run(&c);
    o->vfs->close(o->vfs->ctx, lock);
    return err;
}
