/* The digest of a znode: CRC-32 of path, data and stored Stat; data-model.md section 13. */
#include "base/buf.h"
#include "core/tree/tree.h"

#include <string.h>

#define STAT_BYTES 60u
#define TEXT_MAX 1024u

/* The order is the digest's own, not the snapshot's. */
static void put_stat(uint8_t out[STAT_BYTES], const struct pdk_stat_persisted *s)
{
    pdk_store_u64(out, (uint64_t)s->czxid);
    pdk_store_u64(out + 8, (uint64_t)s->mzxid);
    pdk_store_u64(out + 16, (uint64_t)s->pzxid);
    pdk_store_u64(out + 24, (uint64_t)s->ctime);
    pdk_store_u64(out + 32, (uint64_t)s->mtime);
    pdk_store_u32(out + 40, (uint32_t)s->version);
    pdk_store_u32(out + 44, (uint32_t)s->cversion);
    pdk_store_u32(out + 48, (uint32_t)s->aversion);
    pdk_store_u64(out + 52, (uint64_t)s->ephemeral_owner);
}

bool pdk_digest_excludes(struct pdk_slice path)
{
    return path.len >= 11 && memcmp(path.bytes, "/zookeeper/", 11) == 0;
}

uint32_t pdk_digest_of(struct pdk_slice path, struct pdk_slice data,
                       const struct pdk_stat_persisted *stat)
{
    if (pdk_digest_excludes(path)) return 0;
    size_t path_len = path.len > 1 ? path.len : 0; /* the root counts as "" */
    uint8_t text[TEXT_MAX];
    uint32_t crc = PDK_CRC32_INIT;
    size_t len = 0;
    /* One call over copied bytes beats three short calls. */
    if (path_len + data.len <= TEXT_MAX - STAT_BYTES) {
        if (path_len > 0) memcpy(text, path.bytes, path_len);
        if (data.len > 0) memcpy(text + path_len, data.bytes, data.len);
        len = path_len + data.len;
    } else {
        crc = pdk_crc32(crc, path.bytes, path_len);
        if (data.len > 0) crc = pdk_crc32(crc, data.bytes, data.len);
    }
    put_stat(text + len, stat);
    return pdk_crc32(crc, text, len + STAT_BYTES);
}

uint32_t pdk_digest_restat(uint32_t digest, const struct pdk_stat_persisted *before,
                           const struct pdk_stat_persisted *after)
{
    uint8_t was[STAT_BYTES], is[STAT_BYTES];
    put_stat(was, before);
    put_stat(is, after);
    for (size_t i = 0; i < STAT_BYTES; i++) is[i] ^= was[i];
    /* The CRCs of two texts of one length differ by the bare CRC (nothing inverted at either end)
     * of the bytes' difference. */
    return digest ^ ~pdk_crc32(UINT32_MAX, is, STAT_BYTES);
}
