/* core/store/store.c - opening and closing a data folder, and its sizes. */
#include "core/store/store.h"

#include "core/store/journal.h"
#include "core/store/resync.h"

#include <string.h>

/* ---- folders --------------------------------------------------------------------------------- */

static enum pdk_err make_one(const struct pdk_vfs *vfs, const char *path, bool *made,
                             struct pdk_diag *diag)
{
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = vfs->mkdir(vfs->ctx, path, &why);
    *made = err == PDK_OK;
    if (err == PDK_OK || err == PDK_EEXIST) return PDK_OK;
    pdk_diag_set(diag, "cannot make the folder %s: %s", path, why.text);
    return err;
}

/* Makes `path` and what is missing above it, each durable in its parent. */
static enum pdk_err make_folders(const struct pdk_vfs *vfs, const char *path, struct pdk_diag *diag)
{
    struct pdk_path part;
    size_t len = strlen(path), parent = 0;
    for (size_t i = 1; i <= len; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/') continue;
        bool made;
        memcpy(part.text, path, i);
        part.text[i] = '\0';
        enum pdk_err err = make_one(vfs, part.text, &made, diag);
        if (err != PDK_OK) return err;
        if (made) {
            const char *above = parent > 0 ? part.text : path[0] == '/' ? "/" : ".";
            part.text[parent > 0 ? parent : i] = '\0';
            err = pdk_fs_sync_dir(vfs, above, diag);
            if (err != PDK_OK) return err;
        }
        parent = i;
    }
    return PDK_OK;
}

static enum pdk_err check_folder(const struct pdk_store *store, const char *path,
                                 struct pdk_diag *diag)
{
    if (store->config.autocreate_dirs) return make_folders(store->vfs, path, diag);
    struct pdk_listing l;
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, path, diag);
    if (err == PDK_ENOENT)
        pdk_diag_set(
            diag,
            "the folder %s is missing, and zookeeper.datadir.autocreate is false: make it, "
            "or mount what belongs there",
            path);
    if (err == PDK_OK) pdk_listing_deinit(&l);
    return err;
}

static enum pdk_err lock_folder(struct pdk_store *store, int which, const char *folder,
                                struct pdk_diag *diag)
{
    const struct pdk_vfs *vfs = store->vfs;
    struct pdk_path path;
    struct pdk_vfs_why why = {{0}};
    enum pdk_err err = pdk_path_join(&path, folder, PDK_LOCK_NAME, diag);
    if (err != PDK_OK) return err;
    err = vfs->lock(vfs->ctx, path.text, &store->locks[which], &why);
    if (err == PDK_OK) return PDK_OK;
    store->locks[which] = -1;
    if (err == PDK_EBUSY)
        pdk_diag_set(diag, "another server is using %s (it holds %s): stop that one first", folder,
                     path.text);
    else
        pdk_diag_set(diag, "cannot lock %s: %s", path.text, why.text);
    return err;
}

static enum pdk_err refuse_strangers(struct pdk_store *store, const char *folder,
                                     enum pdk_file_kind stranger, const char *other,
                                     struct pdk_diag *diag)
{
    struct pdk_listing l;
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, folder, diag);
    if (err != PDK_OK) return err;
    pdk_listing_keep(&l, stranger);
    if (l.count > 0) {
        pdk_diag_set(diag,
                     "%s holds %s, which belongs into %s: dataDir and dataLogDir seem to be mixed "
                     "up. Correct the configuration, or move the file",
                     folder, l.items[0].name, other);
        err = PDK_EINVAL;
    }
    pdk_listing_deinit(&l);
    return err;
}

/* Removes what runs before left unfinished. */
static enum pdk_err sweep(struct pdk_store *store, const char *folder, struct pdk_diag *diag)
{
    struct pdk_listing l;
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, folder, diag);
    if (err != PDK_OK) return err;
    pdk_listing_keep(&l, PDK_FILE_LEFTOVER);
    for (size_t i = 0; i < l.count && err == PDK_OK; i++) {
        struct pdk_path path;
        err = pdk_path_join(&path, folder, l.items[i].name, diag);
        if (err == PDK_OK) err = pdk_fs_unlink(store->vfs, path.text, diag);
    }
    pdk_listing_deinit(&l);
    return err;
}

static enum pdk_err open_folders(struct pdk_store *store, struct pdk_diag *diag)
{
    const struct pdk_vfs *vfs = store->vfs;
    const struct pdk_store_config *config = &store->config;
    enum pdk_err err = pdk_path_join(&store->data_path, config->data_dir, PDK_VERSION_DIR, diag);
    if (err == PDK_OK)
        err = pdk_path_join(&store->log_path, config->log_dir, PDK_VERSION_DIR, diag);
    if (err == PDK_OK)
        err = pdk_path_join(&store->mark_path, store->log_path.text, PDK_MARK_NAME, diag);
    if (err == PDK_OK) err = check_folder(store, store->data_path.text, diag);
    if (err == PDK_OK) err = check_folder(store, store->log_path.text, diag);
    if (err != PDK_OK) return err;

    struct pdk_vfs_why why = {{0}};
    err = vfs->same(vfs->ctx, store->data_path.text, store->log_path.text, &store->one_dir, &why);
    if (err != PDK_OK) {
        pdk_diag_set(diag, "cannot look at %s: %s", store->log_path.text, why.text);
        return err;
    }
    const char *data = store->data_path.text, *log = store->log_path.text;
    err = lock_folder(store, 0, data, diag);
    if (err == PDK_OK && !store->one_dir) err = lock_folder(store, 1, log, diag);
    if (err != PDK_OK || store->one_dir) return err;
    err = refuse_strangers(store, data, PDK_FILE_LOG, log, diag);
    return err == PDK_OK ? refuse_strangers(store, log, PDK_FILE_SNAPSHOT, data, diag) : err;
}

/* What runs before have begun is finished, or forgotten. */
static enum pdk_err tidy_folders(struct pdk_store *store, struct pdk_diag *diag)
{
    enum pdk_err err = pdk_resync_finish(store, diag);
    if (err == PDK_OK) err = sweep(store, store->data_path.text, diag);
    if (err == PDK_OK && !store->one_dir) err = sweep(store, store->log_path.text, diag);
    return err;
}

enum pdk_err pdk_store_open(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                            struct pdk_store **out, struct pdk_diag *diag)
{
    *out = NULL;
    struct pdk_store *store = pdk_mem_try_zero(config->mem, 1, sizeof *store);
    if (store == NULL) {
        pdk_diag_set(diag, "no memory to open %s", config->data_dir);
        return PDK_ENOMEM;
    }
    store->config = *config;
    store->vfs = vfs;
    store->locks[0] = store->locks[1] = -1;
    store->current_epoch = store->accepted_epoch = -1;
    pdk_log_writer_init(&store->log);
    pdk_log_writer_init(&store->next);
    store->marker.file.number = -1;
    enum pdk_err err = open_folders(store, diag);
    if (err == PDK_OK) err = pdk_marker_open(&store->marker, vfs, store->mark_path.text, diag);
    if (err == PDK_OK) err = tidy_folders(store, diag);
    if (err != PDK_OK) {
        pdk_store_close(store);
        return err;
    }
    *out = store;
    return PDK_OK;
}

void pdk_store_close(struct pdk_store *store)
{
    const struct pdk_vfs *vfs = store->vfs;
    pdk_store_spool_abandon(store);
    pdk_log_writer_end(store, &store->log);
    if (store->next.file.number >= 0) {
        pdk_file_close(&store->next.file);
        pdk_fs_discard(vfs, store->next.path.text); /* else swept at the next start */
    }
    pdk_marker_close(&store->marker);
    for (int i = 0; i < 2; i++) {
        if (store->locks[i] >= 0) vfs->close(vfs->ctx, store->locks[i]);
    }
    pdk_mem_free(store->config.mem, store);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static enum pdk_err folder_size(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                                const char *folder, int64_t *bytes)
{
    struct pdk_path path;
    struct pdk_listing l;
    enum pdk_err err = pdk_path_join(&path, folder, PDK_VERSION_DIR, NULL);
    if (err == PDK_OK) err = pdk_listing_read(&l, config->mem, vfs, path.text, NULL);
    if (err != PDK_OK) return err;
    *bytes = l.total_bytes;
    pdk_listing_deinit(&l);
    return PDK_OK;
}

enum pdk_err pdk_store_sizes(const struct pdk_store_config *config, const struct pdk_vfs *vfs,
                             int64_t *data_bytes, int64_t *log_bytes)
{
    enum pdk_err err = folder_size(config, vfs, config->data_dir, data_bytes);
    return err == PDK_OK ? folder_size(config, vfs, config->log_dir, log_bytes) : err;
}
