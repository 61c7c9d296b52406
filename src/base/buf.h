/* base/buf.h - a growing buffer to encode into (big-endian, jute's primitive types).
 *
 * Ownership: the buffer owns its bytes; `pdk_buf_deinit` frees them.  Pointers into it are good
 * until the next put.  After the first failure (no memory, or `limit` would be passed) puts do
 * nothing and `failed` stays set until `pdk_buf_clear`; ask once at the end.
 * Threads: one at a time. */
#ifndef PDK_BASE_BUF_H
#define PDK_BASE_BUF_H

#include "base/base.h"
#include "base/mem.h"

struct pdk_buf {
    const struct pdk_mem *mem;
    uint8_t *bytes;
    size_t len, cap;
    size_t limit; /* most bytes it may hold */
    bool failed;
};

void pdk_buf_init(struct pdk_buf *b, const struct pdk_mem *mem, size_t limit_bytes);
void pdk_buf_deinit(struct pdk_buf *b);
/* Empty and unfailed again; keeps its memory. */
static inline void pdk_buf_clear(struct pdk_buf *b)
{
    b->len = 0;
    b->failed = false;
}
static inline struct pdk_slice pdk_buf_slice(const struct pdk_buf *b)
{
    return pdk_slice_of(b->bytes, b->len);
}

/* Slow path of pdk_buf_add; false sets failed. */
bool pdk_buf_grow(struct pdk_buf *b, size_t more_bytes);

/* Room for `len` bytes at the end, to be filled by the caller; NULL when failed. */
static inline uint8_t *pdk_buf_add(struct pdk_buf *b, size_t len)
{
    if (PDK_UNLIKELY(b->failed || b->cap - b->len < len) && !pdk_buf_grow(b, len)) return NULL;
    uint8_t *p = b->bytes + b->len;
    b->len += len;
    return p;
}

static inline void pdk_store_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
static inline void pdk_store_u64(uint8_t *p, uint64_t v)
{
    pdk_store_u32(p, (uint32_t)(v >> 32));
    pdk_store_u32(p + 4, (uint32_t)v);
}

static inline void pdk_put_u8(struct pdk_buf *b, uint8_t v)
{
    uint8_t *p = pdk_buf_add(b, 1);
    if (p != NULL) *p = v;
}
static inline void pdk_put_bool(struct pdk_buf *b, bool v) { pdk_put_u8(b, v ? 1 : 0); }
static inline void pdk_put_i32(struct pdk_buf *b, int32_t v)
{
    uint8_t *p = pdk_buf_add(b, 4);
    if (p != NULL) pdk_store_u32(p, (uint32_t)v);
}
static inline void pdk_put_i64(struct pdk_buf *b, int64_t v)
{
    uint8_t *p = pdk_buf_add(b, 8);
    if (p != NULL) pdk_store_u64(p, (uint64_t)v);
}
/* Plain bytes, no length. */
void pdk_put_raw(struct pdk_buf *b, const void *bytes, size_t len);
/* jute buffer/ustring: length (or -1 for null), bytes. */
void pdk_put_bytes(struct pdk_buf *b, struct pdk_slice s);
/* Text as printf makes it, without a NUL. */
void pdk_put_text(struct pdk_buf *b, const char *format, ...) PDK_PRINTF(2, 3);
/* Overwrites 4 bytes at `offset` (a length known only later); no-op when failed. */
static inline void pdk_buf_patch_i32(struct pdk_buf *b, size_t offset, int32_t v)
{
    if (!b->failed) pdk_store_u32(b->bytes + offset, (uint32_t)v);
}

#endif
