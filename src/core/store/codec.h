/* core/store/codec.h - compressed streams, brought by the shell (shell/compress.h).
 *
 * Bytes in, bytes out; a stream is one direction, one thread, used once from start to end. */
#ifndef PDK_CORE_STORE_CODEC_H
#define PDK_CORE_STORE_CODEC_H

#include "base/base.h"
#include "base/mem.h"

struct pdk_codec {
    /* NULL: no memory. */
    void *(*open)(const struct pdk_mem *mem, bool compress);
    void (*close)(void *stream);
    /* Takes from the front of *in (which is moved on) and writes to out[0..cap), cap >= 1; *made is
     * the number of bytes written.  `last`: nothing will follow *in.  With bytes in *in or `last`
     * set, every call takes or makes something until *done: everything is out; what a decoder finds
     * behind its stream's end it leaves.
     * PDK_EMALFORMED: not such a stream, or it ends too early.  PDK_ENOMEM. */
    enum pdk_err (*step)(void *stream, struct pdk_slice *in, bool last, uint8_t *out, size_t cap,
                         size_t *made, bool *done);
};

/* What snapshot files may be wrapped in (disk-formats.md 3.1). */
struct pdk_codecs {
    struct pdk_codec gz;     /* an ordinary gzip file */
    struct pdk_codec snappy; /* xerial framing: header, then blocks with their length in front */
};

#endif
