#include "core/store/mark.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/reader.h"

#include <string.h>

static const char magic[8] = {'P', 'D', 'K', 'M', 'A', 'R', 'K', '1'};
#define CRC_OFFSET 40
#define SLOT_USED_BYTES 44
_Static_assert(SLOT_USED_BYTES <= 512, "a slot fits one sector, so that it cannot be torn");

static void encode(const struct pdk_mark *mark, uint64_t turn, uint8_t out[SLOT_USED_BYTES])
{
    memcpy(out, magic, sizeof magic);
    pdk_store_u64(out + 8, turn);
    pdk_store_u64(out + 16, (uint64_t)mark->log);
    pdk_store_u64(out + 24, (uint64_t)mark->synced_bytes);
    pdk_store_u64(out + 32, (uint64_t)mark->zxid);
    pdk_store_u32(out + CRC_OFFSET, pdk_crc32(PDK_CRC32_INIT, out, CRC_OFFSET));
}

bool pdk_mark_decode(const uint8_t *bytes, size_t len, struct pdk_mark *out, uint64_t *turn)
{
    if (len < SLOT_USED_BYTES || memcmp(bytes, magic, sizeof magic) != 0) return false;
    if (pdk_load_u32(bytes + CRC_OFFSET) != pdk_crc32(PDK_CRC32_INIT, bytes, CRC_OFFSET))
        return false;
    *turn = pdk_load_u64(bytes + 8);
    *out = (struct pdk_mark){.known = true,
                             .log = (pdk_zxid)pdk_load_u64(bytes + 16),
                             .synced_bytes = (int64_t)pdk_load_u64(bytes + 24),
                             .zxid = (pdk_zxid)pdk_load_u64(bytes + 32)};
    return out->log >= 0 && out->synced_bytes >= 0 && out->zxid >= 0;
}

static enum pdk_err read_slots(struct pdk_marker *m, struct pdk_diag *diag)
{
    uint64_t turns[PDK_MARK_SLOTS] = {0};
    for (uint32_t i = 0; i < PDK_MARK_SLOTS; i++) {
        uint8_t bytes[SLOT_USED_BYTES];
        size_t got = 0;
        enum pdk_err err = pdk_file_read(&m->file, bytes, sizeof bytes,
                                         (int64_t)i * PDK_MARK_SLOT_BYTES, &got, diag);
        if (err != PDK_OK) return err;
        struct pdk_mark mark;
        if (!pdk_mark_decode(bytes, got, &mark, &turns[i])) continue;
        if (turns[i] >= m->turn) {
            m->turn = turns[i];
            m->now = mark;
        }
    }
    m->base_slot = turns[0] <= turns[1] ? 0 : 1;
    m->live_slot = turns[2] <= turns[3] ? 2 : 3;
    return PDK_OK;
}

enum pdk_err pdk_marker_open(struct pdk_marker *m, const struct pdk_vfs *vfs, const char *path,
                             struct pdk_diag *diag)
{
    *m = (struct pdk_marker){.live_slot = 2};
    enum pdk_err err = pdk_file_open(&m->file, vfs, path, PDK_VFS_WRITE, diag);
    if (err == PDK_ENOENT) return PDK_OK;
    return err != PDK_OK ? err : read_slots(m, diag);
}

void pdk_marker_close(struct pdk_marker *m) { pdk_file_close(&m->file); }

static enum pdk_err write_slot(struct pdk_marker *m, uint32_t slot, const struct pdk_mark *mark,
                               struct pdk_diag *diag)
{
    uint8_t bytes[SLOT_USED_BYTES];
    encode(mark, ++m->turn, bytes);
    m->now = *mark;
    m->now.known = true;
    return pdk_file_write(&m->file, bytes, sizeof bytes, (int64_t)slot * PDK_MARK_SLOT_BYTES, diag);
}

/* Full size at once, so that later writes change no metadata. */
static enum pdk_err create(struct pdk_marker *m, struct pdk_diag *diag)
{
    static const uint8_t zeros[PDK_MARK_SLOT_BYTES] = {0};
    enum pdk_err err = pdk_file_open(&m->file, m->file.vfs, m->file.path, PDK_VFS_CREATE, diag);
    for (int64_t i = 0; i < PDK_MARK_SLOTS && err == PDK_OK; i++)
        err = pdk_file_write(&m->file, zeros, sizeof zeros, i * PDK_MARK_SLOT_BYTES, diag);
    return err;
}

enum pdk_err pdk_marker_set_base(struct pdk_marker *m, const char *folder,
                                 const struct pdk_mark *mark, struct pdk_diag *diag)
{
    bool is_new = m->file.number < 0;
    enum pdk_err err = is_new ? create(m, diag) : PDK_OK;
    if (err == PDK_OK) err = write_slot(m, m->base_slot, mark, diag);
    if (err == PDK_OK) err = pdk_file_datasync(&m->file, diag);
    if (err == PDK_OK && is_new) err = pdk_fs_sync_dir(m->file.vfs, folder, diag);
    if (err == PDK_OK) m->base_slot ^= 1u;
    return err;
}

enum pdk_err pdk_marker_set_live(struct pdk_marker *m, const struct pdk_mark *mark,
                                 struct pdk_diag *diag)
{
    PDK_ASSERT(m->file.number >= 0);
    enum pdk_err err = write_slot(m, m->live_slot, mark, diag);
    if (err == PDK_OK) m->live_slot ^= 1u; /* 2 and 3 in turn */
    return err;
}
