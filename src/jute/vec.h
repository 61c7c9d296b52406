/* jute/vec.h - a jute vector that stays encoded.
 *
 * Reading a vector checks every element and keeps the bytes; nothing is allocated.  Because of
 * that check, going over the elements of a vector that was read cannot fail:
 *
 *     struct pdk_reader it = pdk_reader_of(v.body);
 *     for (int32_t i = 0; i < v.count; i++) {
 *         struct pdk_acl acl;
 *         pdk_read_acl(&it, &acl);
 *     }
 *
 * (`struct pdk_slice s = pdk_read_bytes(&it)` for strings.)  Whoever builds one for writing answers
 * for `body` holding `count` whole elements.  The bytes are borrowed, as a slice's. */
#ifndef PDK_JUTE_VEC_H
#define PDK_JUTE_VEC_H

#include "base/base.h"
#include "base/buf.h"
#include "base/reader.h"

struct pdk_vec {
    int32_t count; /* 0 when null; never negative */
    bool is_null;  /* length -1 on the wire */
    struct pdk_slice body;
};

static inline struct pdk_vec pdk_vec_null(void) { return (struct pdk_vec){.is_null = true}; }
/* `body`: `count` encoded elements, without the count. */
static inline struct pdk_vec pdk_vec_of(int32_t count, struct pdk_slice body)
{
    return (struct pdk_vec){.count = count, .body = body};
}

/* The count (or -1), then the body as it is. */
static inline void pdk_put_vec(struct pdk_buf *b, const struct pdk_vec *v)
{
    pdk_put_i32(b, v->is_null ? -1 : v->count);
    if (!v->is_null) pdk_put_raw(b, v->body.bytes, v->body.len);
}

/* vector<ustring>; vectors of records have their readers in records.h.  Zeroed on failure. */
struct pdk_vec pdk_read_ustring_vec(struct pdk_reader *r);

#endif
