#include "core/store/snapstream.h"

#include "core/store/snapout.h"

#define PIECE_BYTES_MIN ((size_t)64)

static const char signature[] = "BenWasHere";
#define SIGNATURE_BYTES (sizeof signature - 1)

struct stream {
    enum pdk_err (*write)(void *ctx, struct pdk_slice piece);
    void *ctx;
};

static enum pdk_err write_piece(void *ctx, struct pdk_slice bytes, bool last)
{
    const struct stream *s = ctx;
    (void)last;
    return s->write(s->ctx, bytes);
}

enum pdk_err pdk_snapstream_write(const struct pdk_mem *mem, const struct pdk_snapshot_job *job,
                                  size_t piece_bytes,
                                  enum pdk_err (*write)(void *ctx, struct pdk_slice piece),
                                  void *ctx)
{
    struct stream s = {.write = write, .ctx = ctx};
    struct pdk_snapout o;
    pdk_snapout_init(&o, mem, pdk_max_size(piece_bytes, PIECE_BYTES_MIN), write_piece, &s, NULL);
    pdk_snapout_body(&o, mem, job);
    pdk_snapout_u32(&o, SIGNATURE_BYTES);
    pdk_snapout_raw(&o, (const uint8_t *)signature, SIGNATURE_BYTES);
    pdk_snapout_finish(&o);
    pdk_snapout_deinit(&o, mem);
    return o.err;
}
