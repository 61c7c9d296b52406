#include "base/reader.h"

struct pdk_slice pdk_read_bytes(struct pdk_reader *r)
{
    int32_t len = pdk_read_i32(r);
    if (len < -1) r->failed = true;
    if (r->failed || len == -1) return (struct pdk_slice){.is_null = !r->failed};
    const uint8_t *p = pdk_reader_take(r, (size_t)len);
    return (struct pdk_slice){.bytes = p, .len = p != NULL ? (size_t)len : 0};
}

int32_t pdk_read_count(struct pdk_reader *r, size_t element_min_bytes, bool *is_null)
{
    PDK_ASSERT(element_min_bytes > 0);
    int32_t count = pdk_read_i32(r);
    *is_null = !r->failed && count == -1;
    if (r->failed || count < 0) return 0;
    if ((size_t)count > pdk_reader_left(r) / element_min_bytes) {
        r->failed = true;
        return 0;
    }
    return count;
}

enum pdk_err pdk_reader_finish(const struct pdk_reader *r)
{
    return r->failed || r->at != r->end ? PDK_EMALFORMED : PDK_OK;
}
