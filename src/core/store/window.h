/* core/store/window.h - a sliding window over a file's bytes, read in big blocks.
 *
 * Readers look at w->buf[w->at .. w->len) in place and ask for more when that is not enough, so no
 * record is copied and memory is bounded by the longest record.  Where the bytes come from is a
 * `source`: a plain file, a decompressor over one, or memory in tests and fuzzers.
 * Threads: one. */
#ifndef PDK_CORE_STORE_WINDOW_H
#define PDK_CORE_STORE_WINDOW_H

#include "base/mem.h"
#include "core/store/codec.h"
#include "core/store/fs.h"

struct pdk_source {
    void *ctx;
    /* The next bytes, at most `cap`; *got 0: that was all.  PDK_EIO, PDK_ENOMEM, PDK_EMALFORMED (a
     * broken compressed stream); diag is filled. */
    enum pdk_err (*read)(void *ctx, uint8_t *bytes, size_t cap, size_t *got, struct pdk_diag *diag);
};

#define PDK_WINDOW_BYTES ((size_t)256 * 1024) /* a block that fits the second-level cache */

struct pdk_window {
    const struct pdk_mem *mem;
    struct pdk_source source;
    struct pdk_diag *diag;
    uint8_t *buf;
    size_t cap, len, at;
    int64_t offset; /* in the stream, of buf[0] */
    bool ended;
    enum pdk_err err; /* of the source, or PDK_ENOMEM; sticky */
    /* Called with bytes that leave the window, in order, exactly once each (NULL: nobody). */
    void (*passed)(void *ctx, const uint8_t *bytes, size_t len);
    void *passed_ctx;
    size_t reported; /* buf[0..reported) have been passed */
};

/* `diag` gets the source's sentences and must live as long as the window.  Allocates with the first
 * fill. */
void pdk_window_init(struct pdk_window *w, const struct pdk_mem *mem, struct pdk_source source,
                     struct pdk_diag *diag);
void pdk_window_deinit(struct pdk_window *w);

/* How many bytes are there from the cursor on, after trying to have at least `want`: fewer only at
 * the end of the stream or after an error (w->err).  May move the buffer. */
size_t pdk_window_fill_slow(struct pdk_window *w, size_t want);
static inline size_t pdk_window_fill(struct pdk_window *w, size_t want)
{
    size_t there = w->len - w->at;
    return PDK_LIKELY(there >= want) ? there : pdk_window_fill_slow(w, want);
}
static inline const uint8_t *pdk_window_bytes(const struct pdk_window *w) { return w->buf + w->at; }
static inline int64_t pdk_window_offset(const struct pdk_window *w)
{
    return w->offset + (int64_t)w->at;
}
/* Everything before the cursor goes to `passed` now. */
void pdk_window_report(struct pdk_window *w);

/* ---- sources --------------------------------------------------------------------------------- */
/* A file from its start. */
struct pdk_file_source {
    struct pdk_file file; /* borrowed */
    int64_t offset;
};
struct pdk_source pdk_source_of_file(struct pdk_file_source *s, const struct pdk_file *file);

/* Bytes in memory. */
struct pdk_source pdk_source_of_slice(struct pdk_slice *bytes);

/* What `codec` makes of another source. */
struct pdk_codec_source {
    const struct pdk_mem *mem;
    const struct pdk_codec *codec;
    struct pdk_source from;
    void *stream;
    uint8_t *buf;
    struct pdk_slice in;
    bool ended, done;
};
PDK_WARN_UNUSED enum pdk_err pdk_codec_source_init(struct pdk_codec_source *s,
                                                   const struct pdk_mem *mem,
                                                   const struct pdk_codec *codec,
                                                   struct pdk_source from, struct pdk_diag *diag);
void pdk_codec_source_deinit(struct pdk_codec_source *s);
struct pdk_source pdk_source_of_codec(struct pdk_codec_source *s);

#endif
