/* proto/frame.h - int32 length, then that many bytes.
 *
 * Source: client-protocol.md sections 1 and 13. */
#ifndef PDK_PROTO_FRAME_H
#define PDK_PROTO_FRAME_H

#include "base/base.h"
#include "base/buf.h"
#include "base/reader.h"

/* Bytes of the length itself. */
#define PDK_FRAME_HEAD_LEN 4
/* Default of jute.maxbuffer: the longest frame that a server or client takes. */
#define PDK_FRAME_LIMIT_DEFAULT 1048575

enum pdk_frame_result {
    PDK_FRAME_WHOLE, /* one frame is there */
    PDK_FRAME_MORE,  /* its beginning, or nothing */
    PDK_FRAME_BAD,   /* negative or longer than the limit: close the connection */
};

/* Looks for one frame at the start of `bytes`.
 *
 *   limit   longest body, 0..INT32_MAX; exactly `limit` is fine
 *   body    WHOLE: the bytes behind the length, pointing into `bytes`; else untouched
 *   used    WHOLE: bytes taken, length included.  MORE: bytes that must be there before asking
 *           again is of use (> len).  BAD: 0
 *
 * A bad length shows as soon as its four bytes are there. */
static inline enum pdk_frame_result pdk_frame_split(const uint8_t *bytes, size_t len, int32_t limit,
                                                    struct pdk_slice *body, size_t *used)
{
    if (len < PDK_FRAME_HEAD_LEN) {
        *used = PDK_FRAME_HEAD_LEN;
        return PDK_FRAME_MORE;
    }
    int32_t body_len = (int32_t)pdk_load_u32(bytes);
    if (PDK_UNLIKELY(body_len < 0 || body_len > limit)) {
        *used = 0;
        return PDK_FRAME_BAD;
    }
    *used = PDK_FRAME_HEAD_LEN + (size_t)body_len;
    if (len < *used) return PDK_FRAME_MORE;
    *body = pdk_slice_of(bytes + PDK_FRAME_HEAD_LEN, (size_t)body_len);
    return PDK_FRAME_WHOLE;
}

/* Leaves room for a length; returns where it stands, for pdk_frame_end. */
static inline size_t pdk_frame_begin(struct pdk_buf *b)
{
    size_t at = b->len;
    (void)pdk_buf_add(b, PDK_FRAME_HEAD_LEN);
    return at;
}
/* Writes the length of all that was put since pdk_frame_begin returned `at`.  Nothing when the
 * buffer has failed.  More than INT32_MAX bytes fail the buffer. */
static inline void pdk_frame_end(struct pdk_buf *b, size_t at)
{
    if (b->failed) return;
    size_t body_len = b->len - at - PDK_FRAME_HEAD_LEN;
    if (PDK_UNLIKELY(body_len > INT32_MAX)) {
        b->failed = true;
        return;
    }
    pdk_buf_patch_i32(b, at, (int32_t)body_len);
}

#endif
