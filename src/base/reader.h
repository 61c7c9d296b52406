/* base/reader.h - a cursor over untrusted bytes (big-endian, jute's primitive types).
 *
 * After the first failure every read yields zero or an empty slice, so a caller reads a whole
 * record and asks once.  Slices point into the input and live as long as it does. */
#ifndef PDK_BASE_READER_H
#define PDK_BASE_READER_H

#include "base/base.h"

struct pdk_reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct pdk_reader pdk_reader_of(struct pdk_slice s)
{
    return (struct pdk_reader){.at = s.bytes, .end = s.len > 0 ? s.bytes + s.len : s.bytes};
}
static inline size_t pdk_reader_left(const struct pdk_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* Takes `len` bytes; NULL and failed when fewer are left. */
static inline const uint8_t *pdk_reader_take(struct pdk_reader *r, size_t len)
{
    if (PDK_UNLIKELY(r->failed || pdk_reader_left(r) < len)) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

static inline uint32_t pdk_load_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}
static inline uint64_t pdk_load_u64(const uint8_t *p)
{
    return (uint64_t)pdk_load_u32(p) << 32 | pdk_load_u32(p + 4);
}

static inline uint8_t pdk_read_u8(struct pdk_reader *r)
{
    const uint8_t *p = pdk_reader_take(r, 1);
    return p != NULL ? *p : 0;
}
static inline int32_t pdk_read_i32(struct pdk_reader *r)
{
    const uint8_t *p = pdk_reader_take(r, 4);
    return p != NULL ? (int32_t)pdk_load_u32(p) : 0;
}
static inline int64_t pdk_read_i64(struct pdk_reader *r)
{
    const uint8_t *p = pdk_reader_take(r, 8);
    return p != NULL ? (int64_t)pdk_load_u64(p) : 0;
}
/* jute boolean: any byte but zero is true, as Apache reads it. */
static inline bool pdk_read_bool(struct pdk_reader *r) { return pdk_read_u8(r) != 0; }

/* jute `buffer` and `ustring`: int32 length, then the bytes; -1 is null, below is malformed. */
struct pdk_slice pdk_read_bytes(struct pdk_reader *r);

/* jute `vector` count.  -1 is null (*is_null); any other negative count reads as 0, as Java's
 * loop does.  A count that cannot fit in what is left (`element_min_bytes` each, >= 1) fails. */
int32_t pdk_read_count(struct pdk_reader *r, size_t element_min_bytes, bool *is_null);

/* PDK_EMALFORMED when a read failed or bytes are left over. */
PDK_WARN_UNUSED enum pdk_err pdk_reader_finish(const struct pdk_reader *r);

#endif
