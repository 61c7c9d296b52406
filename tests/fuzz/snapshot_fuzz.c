/* Snapshots of any bytes: loaded into a state, written again, loaded again.
 *
 * Input: a byte of switches, then the file.  Its lowest two bits choose plain, gz or snappy; 4:
 * seals are set right first (plain only), so that what is behind them is reached. */
#include <string.h>

#include "base/hash.h"
#include "core/store/snapread.h"
#include "shell/compress.h"
#include "sim/disk.h"
#include "sim/storebox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRY_MAX ((size_t)64 * 1024)

static void set_seal(uint8_t *file, struct pdk_reader *r)
{
    size_t at = (size_t)(r->at - file);
    if (pdk_reader_take(r, PDK_SNAPSHOT_SEAL_BYTES) == NULL) return;
    pdk_store_u64(file + at, pdk_adler32(PDK_ADLER32_INIT, file, at));
    memcpy(file + at + 8, "\0\0\0\1/", 5);
}

static void set_seals(uint8_t *file, size_t len)
{
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(file, len));
    (void)pdk_reader_take(&r, 16);
    for (int32_t n = pdk_read_i32(&r); n > 0 && !r.failed; n--) (void)pdk_reader_take(&r, 12);
    for (int32_t n = pdk_read_i32(&r); n > 0 && !r.failed; n--) {
        (void)pdk_reader_take(&r, 8);
        (void)pdk_read_acl_vec(&r);
    }
    while (!r.failed && !pdk_slice_eq_str(pdk_read_bytes(&r), "/")) {
        (void)pdk_read_bytes(&r);
        (void)pdk_reader_take(&r, 8 + PDK_STAT_PERSISTED_LEN);
    }
    set_seal(file, &r);
    (void)pdk_reader_take(&r, 20);
    set_seal(file, &r);
    (void)pdk_reader_take(&r, 8);
    set_seal(file, &r);
}

static enum pdk_err load(struct pdk_storebox *box, struct pdk_slice file, unsigned kind,
                         struct pdk_snapshot_info *info)
{
    const struct pdk_codecs *codecs = pdk_codecs_standard();
    struct pdk_recover_sink sink = pdk_state_recover_sink(&box->state);
    struct pdk_codec_source unpacked = {0};
    struct pdk_diag diag = {{0}};
    struct pdk_source source = pdk_source_of_slice(&file);
    if (kind == 1 || kind == 2) {
        PDK_ASSERT(pdk_codec_source_init(&unpacked, pdk_mem_heap(),
                                         kind == 1 ? &codecs->gz : &codecs->snappy, source,
                                         &diag) == PDK_OK);
        source = pdk_source_of_codec(&unpacked);
    }
    PDK_ASSERT(sink.reset(sink.ctx) == PDK_OK);
    enum pdk_err err = pdk_snapshot_read(pdk_mem_heap(), source, ENTRY_MAX, &sink, info, &diag);
    PDK_ASSERT(err == PDK_OK || diag.text[0] != '\0');
    pdk_codec_source_deinit(&unpacked);
    return err;
}

/* What was loaded can be written, and what was written gives the same back. */
static void write_and_load(struct pdk_storebox *box, struct pdk_disk *disk)
{
    struct pdk_diag diag;
    uint64_t digest = pdk_storebox_digest(box);
    size_t sessions = pdk_sessions_count(box->state.sessions);
    PDK_ASSERT(pdk_store_open(&box->config, box->vfs, &box->store, &diag) == PDK_OK);
    box->state.last_zxid = 5;
    PDK_ASSERT(pdk_storebox_snapshot(box, &diag) == PDK_OK);
    struct pdk_snapshot_info info;
    struct pdk_slice file = pdk_disk_contents(disk, "/data/version-2/snapshot.5");
    PDK_ASSERT(load(box, file, 0, &info) == PDK_OK);
    PDK_ASSERT(pdk_tree_load_done(box->state.tree, &diag) == PDK_OK);
    PDK_ASSERT(pdk_storebox_digest(box) == digest);
    PDK_ASSERT(info.has_digest && info.digest == digest);
    PDK_ASSERT(pdk_sessions_count(box->state.sessions) == sessions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[256 * 1024];
    if (size < 1 || size - 1 > sizeof file) return 0;
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), 1);
    struct pdk_storebox box;
    struct pdk_snapshot_info info;
    struct pdk_diag diag;
    pdk_storebox_init(&box, pdk_disk_vfs(disk), NULL);
    memcpy(file, data + 1, size - 1);
    unsigned kind = data[0] & 3;
    if ((data[0] & 4) && kind == 0) set_seals(file, size - 1);
    enum pdk_err err = load(&box, pdk_slice_of(file, size - 1), kind, &info);
    PDK_ASSERT(err == PDK_OK || err == PDK_ECORRUPT || err == PDK_ENOMEM);
    if (err == PDK_OK && pdk_tree_load_done(box.state.tree, &diag) == PDK_OK)
        write_and_load(&box, disk);
    pdk_storebox_deinit(&box);
    pdk_disk_destroy(disk);
    return 0;
}
