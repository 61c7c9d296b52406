/* core/store/epochs.c - the files of the two epochs (disk-formats.md 6). */
#include "core/store/internal.h"

#define CURRENT_EPOCH "currentEpoch"
#define ACCEPTED_EPOCH "acceptedEpoch"
#define EPOCH_TEXT_BYTES 24
#define EPOCH_MAX INT32_MAX /* an epoch is the upper half of a zxid */

/* Decimal, perhaps with blanks or a newline behind it; -1 when it is anything else. */
static int64_t parse_epoch(const char *text, size_t len)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        value = value * 10 + (text[i] - '0');
        if (value > EPOCH_MAX) return -1;
    }
    if (i == 0) return -1;
    for (; i < len && text[i] != '\n'; i++) {
        if (text[i] != ' ' && text[i] != '\r') return -1;
    }
    return value;
}

static enum pdk_err read_epoch(struct pdk_store *store, const char *name, int64_t *epoch,
                               struct pdk_diag *diag)
{
    struct pdk_path path;
    struct pdk_file file;
    char text[EPOCH_TEXT_BYTES];
    size_t len = 0;
    *epoch = -1;
    enum pdk_err err = pdk_path_join(&path, store->data_path.text, name, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_open(&file, store->vfs, path.text, PDK_VFS_READ, diag);
    if (err == PDK_ENOENT) return PDK_OK;
    if (err == PDK_OK) err = pdk_file_read(&file, text, sizeof text, 0, &len, diag);
    pdk_file_close(&file);
    if (err != PDK_OK) return err;
    *epoch = parse_epoch(text, len);
    if (*epoch >= 0) return PDK_OK;
    pdk_diag_set(diag, "%s does not hold an epoch number: put back the right one", path.text);
    return PDK_ECORRUPT;
}

static size_t format_epoch(int64_t epoch, char out[EPOCH_TEXT_BYTES])
{
    char reversed[EPOCH_TEXT_BYTES];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + epoch % 10);
        epoch /= 10;
    } while (epoch > 0);
    for (size_t i = 0; i < len; i++) out[i] = reversed[len - 1 - i];
    return len;
}

/* Under Apache's temporary name, so that a server of either kind finds its way after a crash. */
static enum pdk_err write_file(struct pdk_store *store, const char *name, const char *temp_name,
                               int64_t epoch, struct pdk_diag *diag)
{
    struct pdk_path path, temp;
    struct pdk_file file;
    char text[EPOCH_TEXT_BYTES];
    if (epoch < 0 || epoch > EPOCH_MAX) {
        pdk_diag_set(diag, "%lld is no epoch", (long long)epoch);
        return PDK_EINVAL;
    }
    size_t len = format_epoch(epoch, text);
    const char *folder = store->data_path.text;
    enum pdk_err err = pdk_path_join(&path, folder, name, diag);
    if (err == PDK_OK) err = pdk_path_join(&temp, folder, temp_name, diag);
    if (err == PDK_OK) err = pdk_file_open(&file, store->vfs, temp.text, PDK_VFS_CREATE, diag);
    if (err != PDK_OK) return err;
    err = pdk_file_write(&file, text, len, 0, diag);
    if (err == PDK_OK) err = pdk_file_sync(&file, diag);
    pdk_file_close(&file);
    if (err == PDK_OK) err = pdk_fs_rename(store->vfs, temp.text, path.text, diag);
    if (err != PDK_OK) {
        pdk_fs_discard(store->vfs, temp.text);
        return err;
    }
    /* Else the old promise could come back with the power, and be given to another leader. */
    return pdk_fs_sync_dir(store->vfs, folder, diag);
}

enum pdk_err pdk_store_write_epoch(struct pdk_store *store, int64_t epoch, bool is_current,
                                   struct pdk_diag *diag)
{
    int64_t *known = is_current ? &store->current_epoch : &store->accepted_epoch;
    if (epoch >= 0 && epoch == *known) return PDK_OK;
    enum pdk_err err =
        is_current ? write_file(store, CURRENT_EPOCH, PDK_CURRENT_EPOCH_TEMP, epoch, diag)
                   : write_file(store, ACCEPTED_EPOCH, PDK_ACCEPTED_EPOCH_TEMP, epoch, diag);
    *known = err == PDK_OK ? epoch : -1;
    return err;
}

enum pdk_err pdk_store_write_epochs(struct pdk_store *store, int64_t current, int64_t accepted,
                                    struct pdk_diag *diag)
{
    PDK_ASSERT(current >= 0 && accepted >= current);
    /* The accepted one first: at no moment is it smaller than the current. */
    enum pdk_err err = pdk_store_write_epoch(store, accepted, false, diag);
    return err == PDK_OK ? pdk_store_write_epoch(store, current, true, diag) : err;
}

enum pdk_err pdk_store_read_epochs(struct pdk_store *store, int64_t *current, int64_t *accepted,
                                   struct pdk_diag *diag)
{
    store->current_epoch = store->accepted_epoch = -1;
    enum pdk_err err = read_epoch(store, CURRENT_EPOCH, current, diag);
    if (err == PDK_OK) err = read_epoch(store, ACCEPTED_EPOCH, accepted, diag);
    /* Perhaps only the process had died, behind the rename: what is shown must not be lost. */
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);
    if (err != PDK_OK) return err;
    store->current_epoch = *current;
    store->accepted_epoch = *accepted;
    if (*accepted >= *current) return PDK_OK;
    /* An Apache of old lost power between the two, or the file is missing: whoever was in an epoch
     * had accepted it. */
    pdk_log_write(store->config.log, PDK_LOG_WARN, "store.epochs.repaired accepted=%lld was=%lld",
                  (long long)*current, (long long)*accepted);
    *accepted = *current;
    return pdk_store_write_epoch(store, *accepted, false, diag);
}
