/* Splits every input into frames as a connection would, and reads its start as a word of operators
 * and the whole as a whitelist. */
#include "proto/fourletter.h"
#include "proto/frame.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 4096

/* One byte less must not be enough, and a frame made of the body must be the bytes taken. */
static void check_frame(const uint8_t *bytes, struct pdk_slice body, size_t used)
{
    struct pdk_slice ignored;
    size_t wanted = 0;
    PDK_ASSERT(used == body.len + PDK_FRAME_HEAD_LEN && body.len <= LIMIT);
    PDK_ASSERT(pdk_frame_split(bytes, used - 1, LIMIT, &ignored, &wanted) == PDK_FRAME_MORE);
    PDK_ASSERT(wanted > used - 1 && wanted <= used);

    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), LIMIT + PDK_FRAME_HEAD_LEN);
    size_t at = pdk_frame_begin(&b);
    pdk_put_raw(&b, body.bytes, body.len);
    pdk_frame_end(&b, at);
    PDK_ASSERT(!b.failed && b.len == used);
    PDK_ASSERT(memcmp(b.bytes, bytes, used) == 0);
    pdk_buf_deinit(&b);
}

static void split_all(const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (;;) {
        struct pdk_slice body;
        size_t used = 0;
        enum pdk_frame_result result = pdk_frame_split(data + at, size - at, LIMIT, &body, &used);
        if (result == PDK_FRAME_MORE) PDK_ASSERT(used > size - at);
        if (result != PDK_FRAME_WHOLE) return;
        check_frame(data + at, body, used);
        at += used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    split_all(data, size);
    if (size >= 4) {
        enum pdk_word word = pdk_word_of(pdk_load_u32(data));
        if (word != PDK_WORD_NONE && word != PDK_WORD_TELNET_CLOSE)
            PDK_ASSERT(memcmp(pdk_word_name(word), data, 4) == 0);
    }
    size_t unknown_count = 0;
    struct pdk_word_set set = pdk_word_set_parse(pdk_slice_of(data, size), &unknown_count);
    PDK_ASSERT(pdk_word_set_has(set, PDK_WORD_SRVR) && !pdk_word_set_has(set, PDK_WORD_NONE));
    PDK_ASSERT(unknown_count <= size);
    return 0;
}
