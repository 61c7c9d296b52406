#include "core/store/install.h"

#include "core/store/internal.h"
#include "core/store/snapread.h"

#include <string.h>

/* "PDKINST1" | zxid | size | adler | crc32 of all before */
#define JOURNAL_BYTES 36
static const char magic[] = "PDKINST1";

static enum pdk_err journal_path(const struct pdk_store *store, struct pdk_path *out,
                                 struct pdk_diag *diag)
{
    return pdk_path_join(out, store->data_path.text, PDK_INSTALL_NAME, diag);
}

static enum pdk_err write_journal(struct pdk_store *store, const struct pdk_install *install,
                                  struct pdk_diag *diag)
{
    uint8_t bytes[JOURNAL_BYTES];
    struct pdk_path path, temp;
    struct pdk_file file;
    memcpy(bytes, magic, 8);
    pdk_store_u64(bytes + 8, (uint64_t)install->zxid);
    pdk_store_u64(bytes + 16, (uint64_t)install->size_bytes);
    pdk_store_u64(bytes + 24, install->adler);
    pdk_store_u32(bytes + 32, pdk_crc32(0, bytes, 32));
    enum pdk_err err = journal_path(store, &path, diag);
    if (err == PDK_OK)
        err = pdk_path_join(&temp, store->data_path.text, PDK_TEMP_PREFIX "install", diag);
    if (err == PDK_OK) err = pdk_file_open(&file, store->vfs, temp.text, PDK_VFS_CREATE, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_write(&file, bytes, sizeof bytes, 0, diag);
    if (err == PDK_OK) err = pdk_file_sync(&file, diag);
    pdk_file_close(&file);
    if (err == PDK_OK) err = pdk_fs_rename(store->vfs, temp.text, path.text, diag);
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);
    return err;
}

/* *there false: no journal, or none that was finished. */
static enum pdk_err read_journal(const struct pdk_store *store, struct pdk_install *out,
                                 bool *there, struct pdk_diag *diag)
{
    uint8_t bytes[JOURNAL_BYTES];
    struct pdk_path path;
    struct pdk_file file;
    size_t got = 0;
    *there = false;
    enum pdk_err err = journal_path(store, &path, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_open(&file, store->vfs, path.text, PDK_VFS_READ, diag);
    if (err == PDK_ENOENT) return PDK_OK;
    if (err == PDK_OK) err = pdk_file_read(&file, bytes, sizeof bytes, 0, &got, diag);
    pdk_file_close(&file);
    if (err != PDK_OK) return err;
    *there = got == sizeof bytes && memcmp(bytes, magic, 8) == 0 &&
             pdk_load_u32(bytes + 32) == pdk_crc32(0, bytes, 32);
    if (!*there) return PDK_OK;
    *out = (struct pdk_install){.zxid = (pdk_zxid)pdk_load_u64(bytes + 8),
                                .size_bytes = (int64_t)pdk_load_u64(bytes + 16),
                                .adler = pdk_load_u64(bytes + 24)};
    return PDK_OK;
}

/* Is the snapshot of the journal there?  One of the same name may be older. */
static enum pdk_err is_there(const struct pdk_store *store, const struct pdk_install *install,
                             bool *there, struct pdk_diag *diag)
{
    char name[PDK_NAME_BYTES];
    struct pdk_path path;
    struct pdk_file file;
    int64_t size = 0;
    uint8_t seal[PDK_SNAPSHOT_SEAL_BYTES];
    size_t got = 0;
    *there = false;
    pdk_snapshot_file_name(install->zxid, PDK_COMPRESSION_NONE, name);
    enum pdk_err err = pdk_path_join(&path, store->data_path.text, name, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_open(&file, store->vfs, path.text, PDK_VFS_READ, diag);
    if (err == PDK_ENOENT) return PDK_OK;
    if (err == PDK_OK) err = pdk_file_size(&file, &size, diag);
    if (err == PDK_OK && size == install->size_bytes && size >= (int64_t)sizeof seal)
        err = pdk_file_read(&file, seal, sizeof seal, size - (int64_t)sizeof seal, &got, diag);
    pdk_file_close(&file);
    *there = err == PDK_OK && got == sizeof seal && pdk_load_u64(seal) == install->adler;
    return err;
}

/* Everything of the kind goes but the snapshot of this zxid. */
static enum pdk_err remove_others(struct pdk_store *store, const char *folder,
                                  enum pdk_file_kind kind, pdk_zxid keep, struct pdk_diag *diag)
{
    struct pdk_listing l;
    char name[PDK_NAME_BYTES];
    pdk_snapshot_file_name(keep, PDK_COMPRESSION_NONE, name);
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, folder, diag);
    for (size_t i = 0; err == PDK_OK && i < l.count; i++) {
        struct pdk_path path;
        if (l.items[i].parsed.kind != kind || strcmp(l.items[i].name, name) == 0) continue;
        err = pdk_path_join(&path, folder, l.items[i].name, diag);
        if (err == PDK_OK) err = pdk_fs_unlink(store->vfs, path.text, diag);
    }
    pdk_listing_deinit(&l);
    return err == PDK_OK ? pdk_fs_sync_dir(store->vfs, folder, diag) : err;
}

static enum pdk_err drop_journal(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_path path;
    enum pdk_err err = journal_path(store, &path, diag);
    if (err == PDK_OK) err = pdk_fs_unlink(store->vfs, path.text, diag);
    return err == PDK_OK ? pdk_fs_sync_dir(store->vfs, store->data_path.text, diag) : err;
}

/* The claim of what was synced is the snapshot's from now on. */
static enum pdk_err clear_out(struct pdk_store *store, const struct pdk_install *install,
                              struct pdk_diag *diag)
{
    const struct pdk_mark mark = {.zxid = install->zxid};
    enum pdk_err err = pdk_marker_set_base(&store->marker, store->log_path.text, &mark, diag);
    if (err == PDK_OK)
        err = remove_others(store, store->log_path.text, PDK_FILE_LOG, install->zxid, diag);
    if (err == PDK_OK)
        err = remove_others(store, store->data_path.text, PDK_FILE_SNAPSHOT, install->zxid, diag);
    return err == PDK_OK ? drop_journal(store, diag) : err;
}

enum pdk_err pdk_install_run(struct pdk_store *store, const struct pdk_install *install,
                             const char *temp, struct pdk_diag *diag)
{
    char name[PDK_NAME_BYTES];
    struct pdk_path final;
    pdk_snapshot_file_name(install->zxid, PDK_COMPRESSION_NONE, name);
    enum pdk_err err = pdk_path_join(&final, store->data_path.text, name, diag);
    if (err == PDK_OK) err = write_journal(store, install, diag);
    if (err == PDK_OK) err = pdk_fs_rename(store->vfs, temp, final.text, diag);
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);
    return err == PDK_OK ? clear_out(store, install, diag) : err;
}

enum pdk_err pdk_install_finish(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_install install;
    struct pdk_path path;
    bool journal = false, there = false, any = false;
    enum pdk_err err = read_journal(store, &install, &journal, diag);
    if (err == PDK_OK && journal) err = is_there(store, &install, &there, diag);
    if (err == PDK_OK) err = journal_path(store, &path, diag);
    if (err == PDK_OK) err = pdk_fs_exists(store->vfs, path.text, &any, diag);
    if (err != PDK_OK || !any) return err;
    return there ? clear_out(store, &install, diag) : drop_journal(store, diag);
}
