#include "jute/vec.h"

struct pdk_vec pdk_read_ustring_vec(struct pdk_reader *r)
{
    struct pdk_vec v = {0};
    v.count = pdk_read_count(r, 4, &v.is_null);
    const uint8_t *start = r->at;
    for (int32_t i = 0; i < v.count && !r->failed; i++) (void)pdk_read_bytes(r);
    if (r->failed) return (struct pdk_vec){0};
    v.body = pdk_slice_of(start, (size_t)(r->at - start));
    return v;
}
