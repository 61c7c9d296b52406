#include "core/store/fs.h"

#include <string.h>

static enum pdk_err failed(struct pdk_diag *diag, enum pdk_err err, const char *what,
                           const char *path, const struct pdk_vfs_why *why)
{
    if (err != PDK_OK) pdk_diag_set(diag, "cannot %s %s: %s", what, path, why->text);
    return err;
}

enum pdk_err pdk_file_open(struct pdk_file *f, const struct pdk_vfs *vfs, const char *path,
                           enum pdk_vfs_open how, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    *f = (struct pdk_file){.vfs = vfs, .path = path, .number = -1};
    enum pdk_err err = vfs->open(vfs->ctx, path, how, &f->number, &why);
    if (err != PDK_OK) f->number = -1;
    return failed(diag, err, how == PDK_VFS_CREATE ? "create" : "open", path, &why);
}

void pdk_file_close(struct pdk_file *f)
{
    if (f->number >= 0) f->vfs->close(f->vfs->ctx, f->number);
    f->number = -1;
}

enum pdk_err pdk_file_write_pieces(const struct pdk_file *f, const struct pdk_vfs_piece *pieces,
                                   size_t count, int64_t offset, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = f->vfs->pwrite(f->vfs->ctx, f->number, pieces, count, offset, &why);
    return failed(diag, err, "write", f->path, &why);
}

enum pdk_err pdk_file_write(const struct pdk_file *f, const void *bytes, size_t len, int64_t offset,
                            struct pdk_diag *diag)
{
    return pdk_file_write_pieces(f, &(struct pdk_vfs_piece){.bytes = bytes, .len = len}, 1, offset,
                                 diag);
}

enum pdk_err pdk_file_read(const struct pdk_file *f, void *bytes, size_t len, int64_t offset,
                           size_t *got, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    *got = 0;
    while (*got < len) {
        size_t now = 0;
        enum pdk_err err = f->vfs->pread(f->vfs->ctx, f->number, (uint8_t *)bytes + *got,
                                         len - *got, offset + (int64_t)*got, &now, &why);
        if (err != PDK_OK) return failed(diag, err, "read", f->path, &why);
        if (now == 0) break;
        *got += now;
    }
    return PDK_OK;
}

enum pdk_err pdk_file_size(const struct pdk_file *f, int64_t *size_bytes, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = f->vfs->size(f->vfs->ctx, f->number, size_bytes, &why);
    return failed(diag, err, "ask for the size of", f->path, &why);
}

enum pdk_err pdk_file_truncate(const struct pdk_file *f, int64_t size_bytes, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = f->vfs->truncate(f->vfs->ctx, f->number, size_bytes, &why);
    return failed(diag, err, "truncate", f->path, &why);
}

enum pdk_err pdk_file_datasync(const struct pdk_file *f, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    return failed(diag, f->vfs->datasync(f->vfs->ctx, f->number, &why), "sync", f->path, &why);
}

enum pdk_err pdk_file_sync(const struct pdk_file *f, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    return failed(diag, f->vfs->sync(f->vfs->ctx, f->number, &why), "sync", f->path, &why);
}

enum pdk_err pdk_fs_rename(const struct pdk_vfs *vfs, const char *from, const char *to,
                           struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = vfs->rename(vfs->ctx, from, to, &why);
    if (err != PDK_OK) pdk_diag_set(diag, "cannot rename %s to %s: %s", from, to, why.text);
    return err;
}

enum pdk_err pdk_fs_unlink(const struct pdk_vfs *vfs, const char *path, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = vfs->unlink(vfs->ctx, path, &why);
    return err == PDK_ENOENT ? PDK_OK : failed(diag, err, "remove", path, &why);
}

void pdk_fs_discard(const struct pdk_vfs *vfs, const char *path)
{
    (void)vfs->unlink(vfs->ctx, path, NULL);
}

enum pdk_err pdk_fs_sync_dir(const struct pdk_vfs *vfs, const char *path, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    return failed(diag, vfs->sync_dir(vfs->ctx, path, &why), "sync the folder", path, &why);
}

enum pdk_err pdk_fs_exists(const struct pdk_vfs *vfs, const char *path, bool *exists,
                           struct pdk_diag *diag)
{
    struct pdk_file f;
    enum pdk_err err = pdk_file_open(&f, vfs, path, PDK_VFS_READ, diag);
    *exists = err == PDK_OK;
    pdk_file_close(&f);
    return err == PDK_ENOENT ? PDK_OK : err;
}

static bool is_private(const char *name)
{
    static const char prefix[] = "paddock.";
    return strncmp(name, prefix, sizeof prefix - 1) == 0;
}

static void list_entry(void *ctx, const struct pdk_vfs_entry *entry)
{
    struct pdk_listing *l = ctx;
    size_t name_len = strlen(entry->name);
    if (l->failed || entry->is_dir) return;
    if (!is_private(entry->name)) l->total_bytes += entry->size_bytes;
    struct pdk_file_name parsed = pdk_file_name_parse(entry->name);
    if (parsed.kind == PDK_FILE_OTHER || name_len >= PDK_NAME_BYTES) return;
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 16 : l->cap * 2;
        struct pdk_listed *items = pdk_mem_resize(l->mem, l->items, cap * sizeof *items);
        if (items == NULL) {
            l->failed = true;
            return;
        }
        l->items = items;
        l->cap = cap;
    }
    struct pdk_listed *item = &l->items[l->count++];
    *item = (struct pdk_listed){.parsed = parsed, .size_bytes = entry->size_bytes};
    memcpy(item->name, entry->name, name_len + 1);
}

/* By zxid, then name, so that the order never depends on the filesystem. */
static bool comes_before(const struct pdk_listed *a, const struct pdk_listed *b)
{
    if (a->parsed.zxid != b->parsed.zxid) return a->parsed.zxid < b->parsed.zxid;
    return strcmp(a->name, b->name) < 0;
}

/* Heap sort: no recursion, no qsort in the core, and folders may hold many thousand files. */
static void sift_down(struct pdk_listed *items, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_before(&items[child], &items[child + 1])) child++;
        if (!comes_before(&items[at], &items[child])) return;
        struct pdk_listed swapped = items[at];
        items[at] = items[child];
        items[child] = swapped;
    }
}

static void sort(struct pdk_listed *items, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) sift_down(items, i, count);
    for (size_t left = count; left-- > 1;) {
        struct pdk_listed swapped = items[0];
        items[0] = items[left];
        items[left] = swapped;
        sift_down(items, 0, left);
    }
}

enum pdk_err pdk_listing_read(struct pdk_listing *l, const struct pdk_mem *mem,
                              const struct pdk_vfs *vfs, const char *folder, struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    *l = (struct pdk_listing){.mem = mem};
    enum pdk_err err = vfs->list(vfs->ctx, folder, list_entry, l, &why);
    if (err == PDK_OK && l->failed) {
        pdk_diag_set(diag, "no memory to list %s", folder);
        err = PDK_ENOMEM;
    } else {
        (void)failed(diag, err, "list", folder, &why);
    }
    if (err != PDK_OK) {
        pdk_listing_deinit(l);
        return err;
    }
    sort(l->items, l->count);
    return PDK_OK;
}

void pdk_listing_keep(struct pdk_listing *l, enum pdk_file_kind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].parsed.kind == kind) l->items[kept++] = l->items[i];
    }
    l->count = kept;
}

void pdk_listing_deinit(struct pdk_listing *l)
{
    pdk_mem_free(l->mem, l->items);
    *l = (struct pdk_listing){.mem = l->mem};
}
