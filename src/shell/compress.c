#include "shell/compress.h"

#include "base/buf.h"
#include "base/reader.h"

#include <limits.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>

/* ---- gzip ------------------------------------------------------------------------------------ */

struct gz {
    const struct pdk_mem *mem;
    bool compress;
    bool ended; /* a member has ended; another may follow */
    z_stream z;
};

static voidpf gz_alloc(voidpf ctx, uInt count, uInt size)
{
    return pdk_mem_try(((struct gz *)ctx)->mem, (size_t)count * size);
}

static void gz_free(voidpf ctx, voidpf ptr) { pdk_mem_free(((struct gz *)ctx)->mem, ptr); }

#define GZ_WINDOW_BITS (15 + 16) /* the largest window, gzip's header and trailer */

static void *gz_open(const struct pdk_mem *mem, bool compress)
{
    struct gz *g = pdk_mem_try_zero(mem, 1, sizeof *g);
    if (g == NULL) return NULL;
    g->mem = mem;
    g->compress = compress;
    g->z.zalloc = gz_alloc;
    g->z.zfree = gz_free;
    g->z.opaque = g;
    int rc = compress ? deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZ_WINDOW_BITS, 8,
                                     Z_DEFAULT_STRATEGY)
                      : inflateInit2(&g->z, GZ_WINDOW_BITS);
    if (rc == Z_OK) return g;
    pdk_mem_free(mem, g);
    return NULL;
}

static void gz_close(void *stream)
{
    struct gz *g = stream;
    if (g->compress)
        (void)deflateEnd(&g->z);
    else
        (void)inflateEnd(&g->z);
    pdk_mem_free(g->mem, g);
}

static enum pdk_err gz_step(void *stream, struct pdk_slice *in, bool last, uint8_t *out, size_t cap,
                            size_t *made, bool *done)
{
    struct gz *g = stream;
    *made = 0;
    *done = false;
    if (g->ended) { /* members may follow one another, as in any gzip file */
        if (in->len == 0) {
            *done = last;
            return PDK_OK;
        }
        if (inflateReset(&g->z) != Z_OK) return PDK_EMALFORMED;
        g->ended = false;
    }
    size_t take = pdk_min_size(in->len, UINT_MAX), room = pdk_min_size(cap, UINT_MAX);
    g->z.next_in = (Bytef *)(uintptr_t)in->bytes;
    g->z.avail_in = (uInt)take;
    g->z.next_out = out;
    g->z.avail_out = (uInt)room;
    int rc = g->compress ? deflate(&g->z, last && take == in->len ? Z_FINISH : Z_NO_FLUSH)
                         : inflate(&g->z, Z_NO_FLUSH);
    size_t taken = take - g->z.avail_in;
    *made = room - g->z.avail_out;
    *in = pdk_slice_of(in->bytes + taken, in->len - taken);
    if (rc == Z_MEM_ERROR) return PDK_ENOMEM;
    if (rc == Z_STREAM_END) {
        g->ended = !g->compress;
        *done = g->compress || (last && in->len == 0);
        return PDK_OK;
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) return PDK_EMALFORMED;
    bool stuck = taken == 0 && *made == 0 && (last || take > 0);
    return stuck ? PDK_EMALFORMED : PDK_OK;
}

/* ---- snappy, xerial's framing ---------------------------------------------------------------- */

static const uint8_t xerial_header[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                          0,    0,   0,   1,   0,   0,   0,   1};
#define XERIAL_BLOCK_BYTES ((size_t)32 * 1024)
/* Writers may choose larger blocks; this much is believed. */
#define XERIAL_BLOCK_MAX ((size_t)16 * 1024 * 1024)

/* Bytes are gathered until a header or block is complete, then turned into output that is handed
 * out as room permits. */
struct snappy {
    const struct pdk_mem *mem;
    bool compress;
    bool header_done;
    struct pdk_buf in, out;
    size_t out_at;
};

static void *snappy_open(const struct pdk_mem *mem, bool compress)
{
    struct snappy *s = pdk_mem_try_zero(mem, 1, sizeof *s);
    if (s == NULL) return NULL;
    s->mem = mem;
    s->compress = compress;
    pdk_buf_init(&s->in, mem, XERIAL_BLOCK_MAX + 4);
    pdk_buf_init(&s->out, mem, 2 * XERIAL_BLOCK_MAX);
    return s;
}

static void snappy_close(void *stream)
{
    struct snappy *s = stream;
    pdk_buf_deinit(&s->in);
    pdk_buf_deinit(&s->out);
    pdk_mem_free(s->mem, s);
}

static enum pdk_err pack_block(struct snappy *s)
{
    if (!s->header_done) pdk_put_raw(&s->out, xerial_header, sizeof xerial_header);
    s->header_done = true;
    if (s->in.len == 0) return s->out.failed ? PDK_ENOMEM : PDK_OK;
    size_t len = snappy_max_compressed_length(s->in.len);
    size_t length_at = s->out.len;
    pdk_put_i32(&s->out, 0);
    uint8_t *to = pdk_buf_add(&s->out, len);
    if (to == NULL) return PDK_ENOMEM;
    if (snappy_compress((const char *)s->in.bytes, s->in.len, (char *)to, &len) != SNAPPY_OK)
        return PDK_EMALFORMED;
    pdk_buf_patch_i32(&s->out, length_at, (int32_t)len);
    s->out.len = length_at + 4 + len;
    pdk_buf_clear(&s->in);
    return PDK_OK;
}

static enum pdk_err unpack_block(struct snappy *s)
{
    const char *from = (const char *)s->in.bytes + 4;
    size_t len = 0, packed = s->in.len - 4;
    if (snappy_uncompressed_length(from, packed, &len) != SNAPPY_OK || len > XERIAL_BLOCK_MAX)
        return PDK_EMALFORMED;
    if (len == 0 && snappy_validate_compressed_buffer(from, packed) != SNAPPY_OK)
        return PDK_EMALFORMED;
    if (len > 0) {
        uint8_t *to = pdk_buf_add(&s->out, len);
        if (to == NULL) return PDK_ENOMEM;
        if (snappy_uncompress(from, packed, (char *)to, &len) != SNAPPY_OK) return PDK_EMALFORMED;
    }
    pdk_buf_clear(&s->in);
    return PDK_OK;
}

/* How many bytes the header or block at hand has in all; 0: impossible. */
static size_t unit_bytes(const struct snappy *s)
{
    if (s->in.len < 4) return 4;
    /* The header may stand again where streams were joined. */
    if (memcmp(s->in.bytes, xerial_header, 4) == 0) return sizeof xerial_header;
    if (!s->header_done) return 0;
    int32_t len = (int32_t)pdk_load_u32(s->in.bytes);
    return len > 0 && (size_t)len <= XERIAL_BLOCK_MAX ? 4 + (size_t)len : 0;
}

static bool gather(struct snappy *s, struct pdk_slice *in, size_t want)
{
    size_t take = pdk_min_size(in->len, want - s->in.len);
    pdk_put_raw(&s->in, in->bytes, take);
    *in = pdk_slice_of(in->bytes + take, in->len - take);
    return !s->in.failed;
}

static enum pdk_err compress_more(struct snappy *s, struct pdk_slice *in, bool last)
{
    if (!gather(s, in, XERIAL_BLOCK_BYTES)) return PDK_ENOMEM;
    bool full = s->in.len == XERIAL_BLOCK_BYTES;
    bool ends = last && in->len == 0 && (s->in.len > 0 || !s->header_done);
    return full || ends ? pack_block(s) : PDK_OK;
}

static enum pdk_err decompress_more(struct snappy *s, struct pdk_slice *in)
{
    while (in->len > 0) {
        size_t unit = unit_bytes(s);
        if (unit == 0) return PDK_EMALFORMED;
        if (!gather(s, in, unit)) return PDK_ENOMEM;
        if (s->in.len < 4 || s->in.len < unit_bytes(s)) continue;
        if (memcmp(s->in.bytes, xerial_header, 4) != 0) return unpack_block(s);
        if (unit_bytes(s) == s->in.len) {
            if (memcmp(s->in.bytes, xerial_header, 8) != 0) return PDK_EMALFORMED;
            s->header_done = true;
            pdk_buf_clear(&s->in);
        }
    }
    return PDK_OK;
}

static enum pdk_err snappy_step(void *stream, struct pdk_slice *in, bool last, uint8_t *out,
                                size_t cap, size_t *made, bool *done)
{
    struct snappy *s = stream;
    *made = 0;
    *done = false;
    if (s->out_at == s->out.len) {
        pdk_buf_clear(&s->out);
        s->out_at = 0;
        enum pdk_err err = s->compress ? compress_more(s, in, last) : decompress_more(s, in);
        if (err != PDK_OK) return err;
    }
    *made = pdk_min_size(cap, s->out.len - s->out_at);
    if (*made > 0) memcpy(out, s->out.bytes + s->out_at, *made);
    s->out_at += *made;
    if (!last || in->len > 0 || s->out_at < s->out.len) return PDK_OK;
    /* All is taken and out: a decoder must not stand inside a block now. */
    if (!s->compress && (s->in.len > 0 || !s->header_done)) return PDK_EMALFORMED;
    *done = s->in.len == 0;
    return PDK_OK;
}

const struct pdk_codecs *pdk_codecs_standard(void)
{
    static const struct pdk_codecs codecs = {
        .gz = {.open = gz_open, .close = gz_close, .step = gz_step},
        .snappy = {.open = snappy_open, .close = snappy_close, .step = snappy_step},
    };
    return &codecs;
}
