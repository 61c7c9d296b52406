#include "core/store/snapstream.h"

#include "core/store/snapbody.h"

#include <string.h>

struct stream {
    enum pdk_err (*write)(void *ctx, struct pdk_slice piece);
    void *ctx;
    uint8_t *piece;
    size_t len, cap;
    enum pdk_err err; /* sticky */
};

static void flush(struct stream *s)
{
    if (s->err == PDK_OK && s->len > 0) s->err = s->write(s->ctx, pdk_slice_of(s->piece, s->len));
    s->len = 0;
}

static void put_raw(void *ctx, const uint8_t *bytes, size_t len)
{
    struct stream *s = ctx;
    while (len > 0 && s->err == PDK_OK) {
        size_t now = pdk_min_size(len, s->cap - s->len);
        memcpy(s->piece + s->len, bytes, now);
        s->len += now;
        bytes += now;
        len -= now;
        if (s->len == s->cap) flush(s);
    }
}

static bool has_failed(void *ctx)
{
    const struct stream *s = ctx;
    return s->err != PDK_OK;
}

enum pdk_err pdk_snapstream_write(const struct pdk_mem *mem, const struct pdk_snapshot_job *job,
                                  size_t piece_bytes,
                                  enum pdk_err (*write)(void *ctx, struct pdk_slice piece),
                                  void *ctx)
{
    static const uint8_t signature[14] = {0,   0,   0,   10,  'B', 'e', 'n',
                                          'W', 'a', 's', 'H', 'e', 'r', 'e'};
    struct stream s = {.write = write, .ctx = ctx, .cap = piece_bytes};
    PDK_ASSERT(piece_bytes > 0);
    s.piece = pdk_mem_try(mem, piece_bytes);
    if (s.piece == NULL) return PDK_ENOMEM;
    const struct pdk_snapbody_sink sink = {.ctx = &s, .raw = put_raw, .stopped = has_failed};
    enum pdk_err err = pdk_snapbody_put(mem, job, &sink);
    if (err == PDK_OK) {
        put_raw(&s, signature, sizeof signature);
        flush(&s);
        err = s.err;
    }
    pdk_mem_free(mem, s.piece);
    return err;
}
