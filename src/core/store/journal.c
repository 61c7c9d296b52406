#include "core/store/journal.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/reader.h"
#include "core/store/logread.h"

#include <string.h>

#define ULL(x) ((unsigned long long)(x))
#define CRC_OFFSET 44
_Static_assert(CRC_OFFSET + 4 == PDK_RESYNC_BYTES, "the checksum is the end");

static const char magic[8] = {'P', 'D', 'K', 'R', 'S', 'Y', 'N', '1'};
static const char temp_name[] = PDK_TEMP_PREFIX "resync";

/* ---- the file -------------------------------------------------------------------------------- */

static void encode(const struct pdk_resync *what, uint8_t out[PDK_RESYNC_BYTES])
{
    memcpy(out, magic, sizeof magic);
    pdk_store_u32(out + 8, (uint32_t)what->kind);
    pdk_store_u64(out + 12, (uint64_t)what->zxid);
    pdk_store_u64(out + 20, (uint64_t)what->snapshot);
    pdk_store_u64(out + 28, (uint64_t)what->log);
    pdk_store_u64(out + 36, (uint64_t)what->log_bytes);
    pdk_store_u32(out + CRC_OFFSET, pdk_crc32(PDK_CRC32_INIT, out, CRC_OFFSET));
}

bool pdk_resync_decode(const uint8_t *bytes, size_t len, struct pdk_resync *out)
{
    if (len != PDK_RESYNC_BYTES || memcmp(bytes, magic, sizeof magic) != 0) return false;
    if (pdk_load_u32(bytes + CRC_OFFSET) != pdk_crc32(PDK_CRC32_INIT, bytes, CRC_OFFSET))
        return false;
    uint32_t kind = pdk_load_u32(bytes + 8);
    if (kind != PDK_RESYNC_TRUNCATE && kind != PDK_RESYNC_INSTALL) return false;
    *out = (struct pdk_resync){.kind = (enum pdk_resync_kind)kind,
                               .zxid = (pdk_zxid)pdk_load_u64(bytes + 12),
                               .snapshot = (pdk_zxid)pdk_load_u64(bytes + 20),
                               .log = (pdk_zxid)pdk_load_u64(bytes + 28),
                               .log_bytes = (int64_t)pdk_load_u64(bytes + 36)};
    return out->zxid >= 0 && out->snapshot >= 0 && out->log >= -1 && out->log_bytes >= -1;
}

static enum pdk_err write_temp(struct pdk_store *store, const struct pdk_resync *what,
                               const struct pdk_path *temp, struct pdk_diag *diag)
{
    struct pdk_file file;
    uint8_t bytes[PDK_RESYNC_BYTES];
    encode(what, bytes);
    enum pdk_err err = pdk_file_open(&file, store->vfs, temp->text, PDK_VFS_CREATE, diag);
    if (err == PDK_OK) err = pdk_file_write(&file, bytes, sizeof bytes, 0, diag);
    if (err == PDK_OK) err = pdk_file_sync(&file, diag);
    pdk_file_close(&file);
    return err;
}

/* ---- doing it -------------------------------------------------------------------------------- */

static enum pdk_err remove_above(struct pdk_store *store, const struct pdk_path *folder,
                                 enum pdk_file_kind kind, pdk_zxid zxid, const char *but,
                                 struct pdk_diag *diag)
{
    struct pdk_listing l;
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, folder->text, diag);
    if (err != PDK_OK) return err;
    pdk_listing_keep(&l, kind);
    /* The newest first: what would be read last is gone first, whoever looks in between. */
    for (size_t i = l.count; i-- > 0 && l.items[i].parsed.zxid > zxid && err == PDK_OK;) {
        struct pdk_path path;
        if (but != NULL && strcmp(l.items[i].name, but) == 0) continue;
        pdk_log_write(store->config.log, PDK_LOG_INFO, "store.resync.remove file=%s",
                      l.items[i].name);
        err = pdk_path_join(&path, folder->text, l.items[i].name, diag);
        if (err == PDK_OK) err = pdk_fs_unlink(store->vfs, path.text, diag);
    }
    pdk_listing_deinit(&l);
    return err == PDK_OK ? pdk_fs_sync_dir(store->vfs, folder->text, diag) : err;
}

/* The name as it stands in the folder: Apache reads more than it writes. */
static enum pdk_err find_log(struct pdk_store *store, pdk_zxid zxid, struct pdk_path *out,
                             struct pdk_diag *diag)
{
    struct pdk_listing l;
    const char *folder = store->log_path.text;
    enum pdk_err err = pdk_listing_read(&l, store->config.mem, store->vfs, folder, diag);
    if (err != PDK_OK) return err;
    pdk_listing_keep(&l, PDK_FILE_LOG);
    size_t i = l.count;
    while (i > 0 && l.items[i - 1].parsed.zxid != zxid) i--;
    if (i > 0) {
        err = pdk_path_join(out, folder, l.items[i - 1].name, diag);
    } else {
        pdk_diag_set(diag,
                     "the log of zxid 0x%llx is missing in %s: it was to be cut, and to stay. Put "
                     "it back, or empty both data folders, so that this server gets a new copy "
                     "from the leader",
                     ULL(zxid), folder);
        err = PDK_ECORRUPT;
    }
    pdk_listing_deinit(&l);
    return err;
}

static enum pdk_err cut_log(struct pdk_store *store, const struct pdk_resync *what,
                            struct pdk_diag *diag)
{
    struct pdk_path path;
    struct pdk_file file;
    int64_t size = 0;
    enum pdk_err err = find_log(store, what->log, &path, diag);
    if (err == PDK_OK) err = pdk_file_open(&file, store->vfs, path.text, PDK_VFS_WRITE, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_size(&file, &size, diag);
    if (err == PDK_OK && size > what->log_bytes)
        err = pdk_file_truncate(&file, what->log_bytes, diag);
    if (err == PDK_OK) err = pdk_file_sync(&file, diag);
    pdk_file_close(&file);
    return err;
}

static enum pdk_err truncate(struct pdk_store *store, const struct pdk_resync *what,
                             struct pdk_diag *diag)
{
    enum pdk_err err =
        remove_above(store, &store->data_path, PDK_FILE_SNAPSHOT, what->snapshot, NULL, diag);
    if (err == PDK_OK)
        err = remove_above(store, &store->log_path, PDK_FILE_LOG, what->log, NULL, diag);
    return err == PDK_OK && what->log_bytes >= 0 ? cut_log(store, what, diag) : err;
}

/* The spooled snapshot stands under its own name. */
static enum pdk_err name_snapshot(struct pdk_store *store, const char *name, struct pdk_diag *diag)
{
    struct pdk_path spool, final;
    bool spooled = false, named = false;
    enum pdk_err err = pdk_path_join(&spool, store->data_path.text, PDK_SPOOL_NAME, diag);
    if (err == PDK_OK) err = pdk_path_join(&final, store->data_path.text, name, diag);
    if (err == PDK_OK) err = pdk_fs_exists(store->vfs, spool.text, &spooled, diag);
    if (err == PDK_OK) err = pdk_fs_exists(store->vfs, final.text, &named, diag);
    if (err != PDK_OK) return err;
    if (!spooled && !named) {
        pdk_diag_set(diag,
                     "%s is missing: it was to replace everything else in this folder. Empty both "
                     "data folders, so that this server gets a new copy from the leader",
                     final.text);
        return PDK_ECORRUPT;
    }
    /* Should both be the same file since a crash, this does nothing, and the old name is swept. */
    return spooled ? pdk_fs_rename(store->vfs, spool.text, final.text, diag) : PDK_OK;
}

static enum pdk_err install(struct pdk_store *store, const struct pdk_resync *what,
                            struct pdk_diag *diag)
{
    char name[PDK_NAME_BYTES];
    pdk_snapshot_file_name(what->zxid, PDK_COMPRESSION_NONE, name);
    enum pdk_err err = name_snapshot(store, name, diag);
    if (err == PDK_OK) err = remove_above(store, &store->log_path, PDK_FILE_LOG, -1, NULL, diag);
    if (err == PDK_OK)
        err = remove_above(store, &store->data_path, PDK_FILE_SNAPSHOT, -1, name, diag);
    return err;
}

static enum pdk_err do_it(struct pdk_store *store, const struct pdk_resync *what,
                          const struct pdk_path *journal, struct pdk_diag *diag)
{
    enum pdk_err err =
        what->kind == PDK_RESYNC_INSTALL ? install(store, what, diag) : truncate(store, what, diag);
    /* Recovery must not miss what is gone now.  What an Apache left behind the end of a log that
     * it went on from is no rot now that this is the newest. */
    struct pdk_mark mark = {.zxid = what->zxid};
    if (what->log >= 0) {
        mark.log = what->log;
        mark.synced_bytes = PDK_LOG_FILE_HEADER_BYTES;
    }
    if (err == PDK_OK) err = pdk_marker_set_base(&store->marker, store->log_path.text, &mark, diag);
    if (err == PDK_OK) err = pdk_fs_unlink(store->vfs, journal->text, diag);
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);
    if (err == PDK_OK)
        pdk_log_write(store->config.log, PDK_LOG_INFO, "store.resync.done kind=%s zxid=0x%llx",
                      what->kind == PDK_RESYNC_INSTALL ? "snapshot" : "truncate", ULL(what->zxid));
    return err;
}

/* *decided: the file is durable, or may be; else nothing has happened. */
static enum pdk_err decide(struct pdk_store *store, const struct pdk_resync *what,
                           const struct pdk_path *journal, bool *decided, struct pdk_diag *diag)
{
    struct pdk_path temp;
    enum pdk_err err = pdk_path_join(&temp, store->data_path.text, temp_name, diag);
    if (err != PDK_OK) return err;
    err = write_temp(store, what, &temp, diag);
    if (err == PDK_OK) err = pdk_fs_rename(store->vfs, temp.text, journal->text, diag);
    *decided = err == PDK_OK;
    if (*decided) return pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);
    pdk_fs_discard(store->vfs, temp.text);
    return err;
}

enum pdk_err pdk_resync_run(struct pdk_store *store, const struct pdk_resync *what,
                            struct pdk_diag *diag)
{
    struct pdk_path journal;
    bool decided = false;
    enum pdk_err err = pdk_path_join(&journal, store->data_path.text, PDK_JOURNAL_NAME, diag);
    if (err == PDK_OK) err = decide(store, what, &journal, &decided, diag);
    if (!decided) return err;
    pdk_log_writer_end(store, &store->log);
    pdk_log_writer_init(&store->log);
    if (err == PDK_OK) err = do_it(store, what, &journal, diag);
    store->log_failed = err != PDK_OK;
    store->last_appended = store->last_synced = what->zxid;
    return err;
}

enum pdk_err pdk_resync_finish(struct pdk_store *store, struct pdk_diag *diag)
{
    struct pdk_path journal;
    struct pdk_file file;
    struct pdk_resync what;
    uint8_t bytes[PDK_RESYNC_BYTES + 1];
    size_t len = 0;
    enum pdk_err err = pdk_path_join(&journal, store->data_path.text, PDK_JOURNAL_NAME, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_open(&file, store->vfs, journal.text, PDK_VFS_READ, diag);
    if (err == PDK_ENOENT) return PDK_OK;
    if (err == PDK_OK) err = pdk_file_read(&file, bytes, sizeof bytes, 0, &len, diag);
    pdk_file_close(&file);
    if (err != PDK_OK) return err;
    if (!pdk_resync_decode(bytes, len, &what)) {
        pdk_diag_set(diag,
                     "%s is damaged: it tells how to finish what the leader made this server do to "
                     "its data. Put back a good copy of both data folders, or empty them, so that "
                     "this server gets a new copy from the leader",
                     journal.text);
        return PDK_ECORRUPT;
    }
    pdk_log_write(store->config.log, PDK_LOG_WARN,
                  "store.resync.finish kind=%s zxid=0x%llx hint=\"it had been interrupted\"",
                  what.kind == PDK_RESYNC_INSTALL ? "snapshot" : "truncate", ULL(what.zxid));
    /* Perhaps only the process had died, and the name is not durable yet. */
    err = pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);
    return err == PDK_OK ? do_it(store, &what, &journal, diag) : err;
}
