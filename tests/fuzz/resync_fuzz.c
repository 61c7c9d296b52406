/* Journals of any bytes beside a small history: what a start makes of them.
 *
 * Input: a byte of switches, then `paddock.resync`.  Switch 1: its checksum is set right first; 2:
 * a snapshot is spooled. */
#include <string.h>

#include "base/hash.h"
#include "core/store/journal.h"
#include "sim/disk.h"
#include "sim/storebox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FOLDER "/data/version-2/"
#define FILE_BYTES_MAX ((size_t)256)

/* Logs 1-3 and 4-6, snapshots 0 and 3. */
static void write_history(struct pdk_storebox *box)
{
    struct pdk_diag diag;
    PDK_ASSERT(pdk_storebox_open(box, &diag) == PDK_OK);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 3; k++) pdk_storebox_write(box, 20);
        PDK_ASSERT(pdk_storebox_append(box, &diag) == PDK_OK);
        PDK_ASSERT(pdk_store_sync(box->store, &diag) == PDK_OK);
        if (i > 0) break;
        pdk_store_roll(box->store);
        PDK_ASSERT(pdk_storebox_snapshot(box, &diag) == PDK_OK);
    }
    pdk_storebox_close(box);
}

static void put_spool(struct pdk_disk *disk)
{
    static uint8_t copy[64 * 1024];
    struct pdk_slice file = pdk_disk_contents(disk, FOLDER "snapshot.3");
    PDK_ASSERT(file.len <= sizeof copy);
    memcpy(copy, file.bytes, file.len);
    pdk_disk_put(disk, FOLDER PDK_SPOOL_NAME, pdk_slice_of(copy, file.len));
}

/* What stands in the folder, the lock and the mark left out. */
static uint32_t sum_of(struct pdk_disk *disk)
{
    uint32_t sum = 0;
    const char *name;
    for (size_t i = 0; (name = pdk_disk_name(disk, "/data/version-2", i)) != NULL; i++) {
        struct pdk_path path;
        if (strcmp(name, PDK_MARK_NAME) == 0) continue;
        PDK_ASSERT(pdk_path_join(&path, "/data/version-2", name, NULL) == PDK_OK);
        struct pdk_slice file = pdk_disk_contents(disk, path.text);
        sum += pdk_crc32(pdk_crc32(PDK_CRC32_INIT, (const uint8_t *)name, strlen(name)), file.bytes,
                         file.len);
    }
    return sum;
}

static void start(struct pdk_storebox *box, struct pdk_disk *disk, bool valid)
{
    struct pdk_diag diag = {{0}};
    uint32_t before = sum_of(disk);
    enum pdk_err err = pdk_store_open(&box->config, box->vfs, &box->store, &diag);
    PDK_ASSERT(err == PDK_OK || (err == PDK_ECORRUPT && diag.text[0] != '\0'));
    /* Damaged: nothing is touched before the operator has looked. */
    PDK_ASSERT(valid || (err != PDK_OK && sum_of(disk) == before));
    if (err != PDK_OK) return;
    PDK_ASSERT(pdk_disk_contents(disk, FOLDER PDK_JOURNAL_NAME).is_null);
    PDK_ASSERT(pdk_disk_contents(disk, FOLDER PDK_SPOOL_NAME).is_null);
    pdk_storebox_close(box);
    /* What is left is a history, or it is said what is wrong with it: once done, nothing more. */
    err = pdk_storebox_open(box, &diag);
    PDK_ASSERT(err == PDK_OK || diag.text[0] != '\0');
    if (err != PDK_OK) return;
    pdk_zxid last = box->recovery.last_zxid;
    uint64_t digest = pdk_storebox_digest(box);
    pdk_storebox_forget(box);
    pdk_disk_crash(disk);
    PDK_ASSERT(pdk_storebox_open(box, &diag) == PDK_OK);
    PDK_ASSERT(box->recovery.last_zxid == last && pdk_storebox_digest(box) == digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_BYTES_MAX];
    if (size < 1 || size - 1 > sizeof file) return 0;
    size_t len = size - 1;
    memcpy(file, data + 1, len);
    if ((data[0] & 1) && len == PDK_RESYNC_BYTES)
        pdk_store_u32(file + len - 4, pdk_crc32(PDK_CRC32_INIT, file, len - 4));
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    struct pdk_storebox box;
    struct pdk_resync what;
    pdk_storebox_init(&box, pdk_disk_vfs(disk), NULL);
    write_history(&box);
    if (data[0] & 2) put_spool(disk);
    pdk_disk_put(disk, FOLDER PDK_JOURNAL_NAME, pdk_slice_of(file, len));
    start(&box, disk, pdk_resync_decode(file, len, &what));
    pdk_storebox_deinit(&box);
    pdk_disk_destroy(disk);
    return 0;
}
