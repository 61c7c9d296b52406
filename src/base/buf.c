#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pdk_buf_init(struct pdk_buf *b, const struct pdk_mem *mem, size_t limit_bytes)
{
    *b = (struct pdk_buf){.mem = mem, .limit = limit_bytes};
}

void pdk_buf_deinit(struct pdk_buf *b)
{
    pdk_mem_free(b->mem, b->bytes);
    *b = (struct pdk_buf){.mem = b->mem, .limit = b->limit};
}

bool pdk_buf_grow(struct pdk_buf *b, size_t more_bytes)
{
    size_t need = 0;
    if (b->failed || !pdk_add_size(b->len, more_bytes, &need) || need > b->limit) {
        b->failed = true;
        return false;
    }
    if (need <= b->cap) return true;
    size_t cap = pdk_max_size(b->cap, 256);
    while (cap < need) {
        if (!pdk_mul_size(cap, 2, &cap)) cap = need;
    }
    cap = pdk_min_size(cap, b->limit);
    uint8_t *grown = pdk_mem_resize(b->mem, b->bytes, cap);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->bytes = grown;
    b->cap = cap;
    return true;
}

void pdk_put_raw(struct pdk_buf *b, const void *bytes, size_t len)
{
    if (len == 0) return;
    uint8_t *p = pdk_buf_add(b, len);
    if (p != NULL) memcpy(p, bytes, len);
}

void pdk_put_bytes(struct pdk_buf *b, struct pdk_slice s)
{
    if (s.is_null) {
        pdk_put_i32(b, -1);
        return;
    }
    PDK_ASSERT(s.len <= INT32_MAX);
    pdk_put_i32(b, (int32_t)s.len);
    pdk_put_raw(b, s.bytes, s.len);
}

void pdk_put_text(struct pdk_buf *b, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if ((size_t)n < sizeof small) {
        pdk_put_raw(b, small, (size_t)n);
        return;
    }
    /* vsnprintf wants room for its NUL: take one byte more and give it back. */
    uint8_t *p = pdk_buf_add(b, (size_t)n + 1);
    if (p == NULL) return;
    va_start(args, format);
    (void)vsnprintf((char *)p, (size_t)n + 1, format, args);
    va_end(args);
    b->len--;
}
