#include "shell/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem_fail.h"
#include "base/prng.h"
#include "base/reader.h"

/* Pushes `in` through a stream in pieces of `in_step` bytes, taking at most `out_step` at a
 * time. */
static enum pdk_err push(const struct pdk_codec *codec, const struct pdk_mem *mem, bool compress,
                         struct pdk_slice in, size_t in_step, size_t out_step, struct pdk_buf *out)
{
    void *stream = codec->open(mem, compress);
    if (stream == NULL) return PDK_ENOMEM;
    enum pdk_err err = PDK_OK;
    bool done = false;
    struct pdk_slice piece = pdk_slice_of(in.bytes, 0);
    while (err == PDK_OK && !done) {
        if (piece.len == 0) {
            size_t len = pdk_min_size(in_step, in.len);
            piece = pdk_slice_of(in.bytes, len);
            in = pdk_slice_of(in.bytes + len, in.len - len);
        }
        uint8_t some[70000];
        size_t made = 0, before = piece.len;
        bool last = in.len == 0;
        err = codec->step(stream, &piece, last, some, out_step, &made, &done);
        pdk_put_raw(out, some, made);
        /* The contract of core/store/codec.h: never stuck. */
        if (err == PDK_OK && !done) assert_true(made > 0 || piece.len < before);
    }
    codec->close(stream);
    return err;
}

static const struct pdk_codec *codec(int i)
{
    return i == 0 ? &pdk_codecs_standard()->gz : &pdk_codecs_standard()->snappy;
}

static void fill(uint8_t *bytes, size_t len)
{
    struct pdk_prng g;
    pdk_prng_init(&g, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = i % 1000 < 700 ? (uint8_t)(i / 1000) : (uint8_t)pdk_prng_next(&g);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 32767, 32768, 32769, 65536, 200000};
    static const size_t steps[] = {1, 7, 4096, 65536};
    static uint8_t bytes[200000];
    for (int c = 0; c < 2; c++) {
        for (size_t s = 0; s < PDK_COUNT_OF(sizes); s++) {
            for (size_t k = 0; k < PDK_COUNT_OF(steps); k++) {
                if (steps[k] == 1 && sizes[s] > 40000) continue;
                struct pdk_buf packed, out;
                pdk_buf_init(&packed, pdk_mem_heap(), 1 << 24);
                pdk_buf_init(&out, pdk_mem_heap(), 1 << 24);
                fill(bytes, sizes[s]);
                struct pdk_slice in = pdk_slice_of(bytes, sizes[s]);
                size_t other = steps[PDK_COUNT_OF(steps) - 1 - k];
                assert_int_equal(push(codec(c), pdk_mem_heap(), true, in, steps[k], other, &packed),
                                 PDK_OK);
                assert_int_equal(push(codec(c), pdk_mem_heap(), false, pdk_buf_slice(&packed),
                                      other, steps[k], &out),
                                 PDK_OK);
                assert_int_equal(out.len, in.len);
                if (in.len > 0) assert_memory_equal(out.bytes, in.bytes, in.len);
                pdk_buf_deinit(&packed);
                pdk_buf_deinit(&out);
            }
        }
    }
}

static void the_framing_is_xerials(void **state)
{
    (void)state;
    static const uint8_t start[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
    static uint8_t bytes[40000];
    struct pdk_buf packed;
    pdk_buf_init(&packed, pdk_mem_heap(), 1 << 20);
    assert_int_equal(push(codec(1), pdk_mem_heap(), true, pdk_slice_of(bytes, sizeof bytes), 5000,
                          5000, &packed),
                     PDK_OK);
    assert_memory_equal(packed.bytes, start, sizeof start);
    size_t at = sizeof start, blocks = 0;
    for (; at < packed.len; blocks++) at += 4 + pdk_load_u32(packed.bytes + at);
    assert_int_equal(at, packed.len);
    assert_int_equal(blocks, 2); /* of 32 KiB and the rest */
    pdk_buf_deinit(&packed);
}

/* Streams that were joined are one, as gzip and xerial's reader have it. */
static void joined_streams_are_one(void **state)
{
    (void)state;
    for (int c = 0; c < 2; c++) {
        struct pdk_buf packed, out;
        pdk_buf_init(&packed, pdk_mem_heap(), 1 << 20);
        pdk_buf_init(&out, pdk_mem_heap(), 1 << 20);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                push(codec(c), pdk_mem_heap(), true, pdk_slice_str("hello "), 10, 100, &packed),
                PDK_OK);
        assert_int_equal(
            push(codec(c), pdk_mem_heap(), false, pdk_buf_slice(&packed), 3, 100, &out), PDK_OK);
        assert_true(pdk_slice_eq_str(pdk_buf_slice(&out), "hello hello "));
        pdk_buf_deinit(&packed);
        pdk_buf_deinit(&out);
    }
}

static void a_cut_or_broken_stream_is_malformed(void **state)
{
    (void)state;
    static uint8_t bytes[3000];
    fill(bytes, sizeof bytes);
    for (int c = 0; c < 2; c++) {
        struct pdk_buf packed, out;
        pdk_buf_init(&packed, pdk_mem_heap(), 1 << 20);
        pdk_buf_init(&out, pdk_mem_heap(), 1 << 24);
        assert_int_equal(push(codec(c), pdk_mem_heap(), true, pdk_slice_of(bytes, sizeof bytes),
                              sizeof bytes, 4096, &packed),
                         PDK_OK);
        for (size_t len = 0; len < packed.len; len++) {
            pdk_buf_clear(&out);
            enum pdk_err err = push(codec(c), pdk_mem_heap(), false,
                                    pdk_slice_of(packed.bytes, len), 64, 64, &out);
            /* Xerial has no end: behind its header every border of blocks could be one. */
            if (c == 1 && len == 16)
                assert_int_equal(err, PDK_OK);
            else
                assert_int_equal(err, PDK_EMALFORMED);
        }
        int noticed = 0;
        for (size_t at = 0; at < packed.len; at++) {
            pdk_buf_clear(&out);
            packed.bytes[at] ^= 0x15;
            enum pdk_err err =
                push(codec(c), pdk_mem_heap(), false, pdk_buf_slice(&packed), 4096, 4096, &out);
            noticed += err != PDK_OK;
            packed.bytes[at] ^= 0x15;
        }
        if (c == 0) assert_true(noticed > (int)packed.len - 20); /* a CRC; not times and names */
        pdk_buf_deinit(&packed);
        pdk_buf_deinit(&out);
    }
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    static uint8_t bytes[100000];
    for (int c = 0; c < 2; c++) {
        for (int compress = 0; compress < 2; compress++) {
            struct pdk_buf in, out;
            pdk_buf_init(&in, pdk_mem_heap(), 1 << 20);
            pdk_buf_init(&out, pdk_mem_heap(), 1 << 20);
            assert_int_equal(push(codec(c), pdk_mem_heap(), true, pdk_slice_of(bytes, sizeof bytes),
                                  1000, 1000, &in),
                             PDK_OK);
            enum pdk_err err = PDK_ENOMEM;
            for (size_t nth = 1; err == PDK_ENOMEM; nth++) {
                struct pdk_fail_mem f;
                pdk_fail_mem_init(&f);
                pdk_fail_mem_at(&f, nth);
                pdk_buf_clear(&out);
                err = push(codec(c), &f.mem, compress == 1, pdk_buf_slice(&in), 1000, 1000, &out);
                assert_int_equal(f.live, 0);
                assert_true(nth < 100);
            }
            assert_int_equal(err, PDK_OK);
            pdk_buf_deinit(&in);
            pdk_buf_deinit(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(the_framing_is_xerials),
        cmocka_unit_test(joined_streams_are_one),
        cmocka_unit_test(a_cut_or_broken_stream_is_malformed),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
