#include "core/store/window.h"

#include <string.h>

#define FIRST_BLOCK_BYTES ((size_t)16 * 1024)

void pdk_window_init(struct pdk_window *w, const struct pdk_mem *mem, struct pdk_source source,
                     struct pdk_diag *diag)
{
    *w = (struct pdk_window){.mem = mem, .source = source, .diag = diag};
}

void pdk_window_deinit(struct pdk_window *w)
{
    pdk_mem_free(w->mem, w->buf);
    *w = (struct pdk_window){.mem = w->mem};
}

void pdk_window_report(struct pdk_window *w)
{
    if (w->passed != NULL && w->at > w->reported)
        w->passed(w->passed_ctx, w->buf + w->reported, w->at - w->reported);
    w->reported = w->at;
}

/* Moves what is not yet read to the front of a buffer of at least `want` bytes.  Small files do
 * with a small one: it grows as more is read. */
static bool make_room(struct pdk_window *w, size_t want)
{
    pdk_window_report(w);
    size_t left = w->len - w->at;
    size_t cap = pdk_min_size(pdk_max_size(w->cap * 4, FIRST_BLOCK_BYTES), PDK_WINDOW_BYTES);
    cap = pdk_max_size(cap, want);
    if (cap > w->cap) {
        uint8_t *buf = pdk_mem_try(w->mem, cap);
        if (buf == NULL) return false;
        if (left > 0) memcpy(buf, w->buf + w->at, left);
        pdk_mem_free(w->mem, w->buf);
        w->buf = buf;
        w->cap = cap;
    } else if (w->at > 0) {
        memmove(w->buf, w->buf + w->at, left);
    }
    w->offset += (int64_t)w->at;
    w->at = w->reported = 0;
    w->len = left;
    return true;
}

size_t pdk_window_fill_slow(struct pdk_window *w, size_t want)
{
    while (w->len - w->at < want && !w->ended && w->err == PDK_OK) {
        if ((w->cap - w->at < want || w->len == w->cap) && !make_room(w, want)) {
            pdk_diag_set(w->diag, "no memory for a record of %zu bytes", want);
            w->err = PDK_ENOMEM;
            break;
        }
        size_t got = 0;
        w->err = w->source.read(w->source.ctx, w->buf + w->len, w->cap - w->len, &got, w->diag);
        if (w->err != PDK_OK) break;
        PDK_ASSERT(got <= w->cap - w->len);
        w->len += got;
        w->ended = got == 0;
    }
    return w->len - w->at;
}

static enum pdk_err file_read(void *ctx, uint8_t *bytes, size_t cap, size_t *got,
                              struct pdk_diag *diag)
{
    struct pdk_file_source *s = ctx;
    enum pdk_err err = pdk_file_read(&s->file, bytes, cap, s->offset, got, diag);
    s->offset += (int64_t)*got;
    return err;
}

struct pdk_source pdk_source_of_file(struct pdk_file_source *s, const struct pdk_file *file)
{
    *s = (struct pdk_file_source){.file = *file};
    return (struct pdk_source){.ctx = s, .read = file_read};
}

static enum pdk_err slice_read(void *ctx, uint8_t *bytes, size_t cap, size_t *got,
                               struct pdk_diag *diag)
{
    (void)diag;
    struct pdk_slice *s = ctx;
    *got = pdk_min_size(cap, s->len);
    if (*got == 0) return PDK_OK;
    memcpy(bytes, s->bytes, *got);
    *s = pdk_slice_of(s->bytes + *got, s->len - *got);
    return PDK_OK;
}

struct pdk_source pdk_source_of_slice(struct pdk_slice *bytes)
{
    return (struct pdk_source){.ctx = bytes, .read = slice_read};
}

#define CODEC_BLOCK_BYTES ((size_t)64 * 1024)

static enum pdk_err codec_fill(struct pdk_codec_source *s, struct pdk_diag *diag)
{
    size_t got = 0;
    enum pdk_err err = s->from.read(s->from.ctx, s->buf, CODEC_BLOCK_BYTES, &got, diag);
    s->in = pdk_slice_of(s->buf, got);
    s->ended = err == PDK_OK && got == 0;
    return err;
}

static enum pdk_err codec_read(void *ctx, uint8_t *bytes, size_t cap, size_t *got,
                               struct pdk_diag *diag)
{
    struct pdk_codec_source *s = ctx;
    *got = 0;
    while (*got == 0 && !s->done) {
        if (s->in.len == 0 && !s->ended) {
            enum pdk_err err = codec_fill(s, diag);
            if (err != PDK_OK) return err;
        }
        size_t before = s->in.len;
        enum pdk_err err = s->codec->step(s->stream, &s->in, s->ended, bytes, cap, got, &s->done);
        /* Neither took nor made anything, though it had input or knew that none will come. */
        if (err == PDK_OK && *got == 0 && !s->done && s->in.len == before) err = PDK_EMALFORMED;
        if (err != PDK_OK) {
            pdk_diag_set(diag, "the compressed stream is %s", pdk_err_name(err));
            return err;
        }
    }
    return PDK_OK;
}

enum pdk_err pdk_codec_source_init(struct pdk_codec_source *s, const struct pdk_mem *mem,
                                   const struct pdk_codec *codec, struct pdk_source from,
                                   struct pdk_diag *diag)
{
    *s = (struct pdk_codec_source){.mem = mem, .codec = codec, .from = from};
    s->buf = pdk_mem_try(mem, CODEC_BLOCK_BYTES);
    s->stream = codec->open(mem, false);
    if (s->buf != NULL && s->stream != NULL) return PDK_OK;
    pdk_diag_set(diag, "no memory to read a compressed file");
    pdk_codec_source_deinit(s);
    return PDK_ENOMEM;
}

void pdk_codec_source_deinit(struct pdk_codec_source *s)
{
    if (s->stream != NULL) s->codec->close(s->stream);
    if (s->mem != NULL) pdk_mem_free(s->mem, s->buf);
    *s = (struct pdk_codec_source){0};
}

struct pdk_source pdk_source_of_codec(struct pdk_codec_source *s)
{
    return (struct pdk_source){.ctx = s, .read = codec_read};
}
