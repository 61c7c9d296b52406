#include "core/store/logread.h"

#include "base/hash.h"
#include "core/store/store.h"

#include <string.h>

#define ZXID_OFFSET 12 /* in a TxnHeader */

const char *pdk_log_damage_text(enum pdk_log_damage damage)
{
    switch (damage) {
    case PDK_DAMAGE_NONE: return "none";
    case PDK_DAMAGE_HEADER_SHORT: return "the file's header is missing";
    case PDK_DAMAGE_HEADER: return "the file does not begin as a transaction log";
    case PDK_DAMAGE_LENGTH: return "the record's length is impossible";
    case PDK_DAMAGE_TOO_LONG: return "the record is longer than jute.maxbuffer allows";
    case PDK_DAMAGE_CUT: return "the file ends inside the record";
    case PDK_DAMAGE_END_BYTE: return "the record's end byte is missing";
    case PDK_DAMAGE_CHECKSUM: return "the record's checksum is wrong";
    }
    return "unknown";
}

void pdk_log_reader_init(struct pdk_log_reader *r, const struct pdk_mem *mem,
                         struct pdk_source source, size_t max_record_bytes, struct pdk_diag *diag)
{
    *r = (struct pdk_log_reader){.max_record_bytes = max_record_bytes};
    pdk_window_init(&r->window, mem, source, diag);
}

void pdk_log_reader_deinit(struct pdk_log_reader *r) { pdk_window_deinit(&r->window); }

static enum pdk_log_found damaged(struct pdk_log_reader *r, enum pdk_log_damage damage)
{
    r->damage = damage;
    return PDK_LOG_DAMAGED;
}

/* A read error must not pass for the end of the file. */
static bool is_unreadable(struct pdk_log_reader *r)
{
    r->err = r->window.err;
    return r->err != PDK_OK;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t seen = 0;
    size_t i = 0;
    for (; i < len && i < 16; i++) seen |= bytes[i];
    /* Every byte equals the one before, and the first is zero: memcmp compares at memory speed. */
    return seen == 0 && (len <= 16 || memcmp(bytes, bytes + 16, len - 16) == 0);
}

static enum pdk_log_found read_file_header(struct pdk_log_reader *r)
{
    size_t there = pdk_window_fill(&r->window, PDK_LOG_FILE_HEADER_BYTES);
    if (there < PDK_LOG_FILE_HEADER_BYTES && is_unreadable(r)) return PDK_LOG_UNREADABLE;
    const uint8_t *p = pdk_window_bytes(&r->window);
    if (there < PDK_LOG_FILE_HEADER_BYTES || all_zero(p, PDK_LOG_FILE_HEADER_BYTES))
        return damaged(r, PDK_DAMAGE_HEADER_SHORT);
    /* Version and database id are not checked, as in Apache. */
    if (pdk_load_u32(p) != PDK_LOG_MAGIC) return damaged(r, PDK_DAMAGE_HEADER);
    r->window.at += PDK_LOG_FILE_HEADER_BYTES;
    return PDK_LOG_RECORD;
}

/* Lengths that jute.maxbuffer may have had when the log was written. */
#define SENSIBLE_RECORD_BYTES ((size_t)64 * 1024 * 1024)

/* Whole records above the limit are no damage: the limit was lowered. */
static enum pdk_log_found too_long(struct pdk_log_reader *r, uint64_t checksum, size_t len)
{
    struct pdk_window *w = &r->window;
    size_t total = len + PDK_LOG_FRAME_BYTES;
    if (len > SENSIBLE_RECORD_BYTES) return damaged(r, PDK_DAMAGE_LENGTH);
    if (pdk_window_fill(w, total) < total)
        return is_unreadable(r) ? PDK_LOG_UNREADABLE : damaged(r, PDK_DAMAGE_LENGTH);
    const uint8_t *p = pdk_window_bytes(w);
    bool whole = p[total - 1] == PDK_LOG_END_BYTE &&
                 pdk_adler32(PDK_ADLER32_INIT, p + PDK_LOG_HEAD_BYTES, len) == checksum;
    return damaged(r, whole ? PDK_DAMAGE_TOO_LONG : PDK_DAMAGE_LENGTH);
}

/* What stands at the cursor; the cursor moves behind it when it is a record. */
static enum pdk_log_found read_record(struct pdk_log_reader *r)
{
    struct pdk_window *w = &r->window;
    size_t there = pdk_window_fill(w, PDK_LOG_HEAD_BYTES);
    if (there < PDK_LOG_HEAD_BYTES) {
        if (is_unreadable(r)) return PDK_LOG_UNREADABLE;
        bool zero = there == 0 || all_zero(pdk_window_bytes(w), there);
        return zero ? PDK_LOG_END : damaged(r, PDK_DAMAGE_CUT);
    }
    const uint8_t *p = pdk_window_bytes(w);
    uint64_t checksum = pdk_load_u64(p);
    int32_t len = (int32_t)pdk_load_u32(p + 8);
    if (checksum == 0 && len == 0) return PDK_LOG_END;
    if (len < PDK_TXN_HEADER_LEN) return damaged(r, PDK_DAMAGE_LENGTH);
    if ((size_t)len > r->max_record_bytes) return too_long(r, checksum, (size_t)len);
    size_t total = (size_t)len + PDK_LOG_FRAME_BYTES;
    there = pdk_window_fill(w, total);
    if (there < total) return is_unreadable(r) ? PDK_LOG_UNREADABLE : damaged(r, PDK_DAMAGE_CUT);
    p = pdk_window_bytes(w); /* the fill may have moved it */
    if (p[total - 1] != PDK_LOG_END_BYTE) return damaged(r, PDK_DAMAGE_END_BYTE);
    const uint8_t *txn = p + PDK_LOG_HEAD_BYTES;
    if (pdk_adler32(PDK_ADLER32_INIT, txn, (size_t)len) != checksum)
        return damaged(r, PDK_DAMAGE_CHECKSUM);
    r->txn = pdk_slice_of(txn, (size_t)len);
    r->zxid = (pdk_zxid)pdk_load_u64(txn + ZXID_OFFSET);
    w->at += total;
    return PDK_LOG_RECORD;
}

enum pdk_log_found pdk_log_reader_next(struct pdk_log_reader *r)
{
    r->damage = PDK_DAMAGE_NONE;
    r->offset = pdk_window_offset(&r->window);
    if (r->offset == 0) {
        enum pdk_log_found found = read_file_header(r);
        if (found != PDK_LOG_RECORD) return found;
        r->offset = pdk_window_offset(&r->window);
    }
    return read_record(r);
}

void pdk_log_reader_skip(struct pdk_log_reader *r)
{
    PDK_ASSERT(r->damage == PDK_DAMAGE_CHECKSUM);
    const uint8_t *p = pdk_window_bytes(&r->window);
    r->window.at += (size_t)pdk_load_u32(p + 8) + PDK_LOG_FRAME_BYTES;
    PDK_ASSERT(r->window.at <= r->window.len);
}

bool pdk_log_rest_is_zero(struct pdk_log_reader *r)
{
    struct pdk_window *w = &r->window;
    for (size_t there; (there = pdk_window_fill(w, 1)) > 0;) {
        if (!all_zero(pdk_window_bytes(w), there)) return false;
        w->at += there;
    }
    (void)is_unreadable(r);
    return true;
}

/* Checksummed bytes after which a search gives up: some tenths of a second. */
#define SEARCH_BUDGET_BYTES ((uint64_t)1 << 30)

/* Cheap tests first: of random bytes, one in billions comes as far as the checksum. */
static bool could_be_record(const struct pdk_log_reader *r, const uint8_t *p, pdk_zxid zxid)
{
    uint32_t len = pdk_load_u32(p + 8);
    if (len < PDK_TXN_HEADER_LEN || len > r->max_record_bytes) return false;
    if (pdk_load_u32(p) != 0) return false; /* an Adler-32 has 32 bits */
    return (pdk_zxid)pdk_load_u64(p + PDK_LOG_HEAD_BYTES + ZXID_OFFSET) > zxid;
}

bool pdk_log_whole_record_follows(struct pdk_log_reader *r, pdk_zxid zxid)
{
    struct pdk_window *w = &r->window;
    const size_t least = PDK_LOG_FRAME_BYTES + PDK_TXN_HEADER_LEN;
    uint64_t summed = 0;
    if (r->damage != PDK_DAMAGE_NONE && pdk_window_fill(w, 1) > 0) w->at++;
    while (pdk_window_fill(w, least) >= least) {
        const uint8_t *p = pdk_window_bytes(w);
        if (could_be_record(r, p, zxid)) {
            enum pdk_log_found found = read_record(r);
            if (found == PDK_LOG_RECORD) return true;
            if (found == PDK_LOG_UNREADABLE) return true;
            if (r->damage == PDK_DAMAGE_CHECKSUM) summed += pdk_load_u32(pdk_window_bytes(w) + 8);
            if (summed > SEARCH_BUDGET_BYTES) return true;
        }
        w->at++;
    }
    return is_unreadable(r);
}
