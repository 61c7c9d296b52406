/* Snapshots as they travel: written, scanned in pieces of any size, read back. */
#include "core/store/snapstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem_fail.h"
#include "base/prng.h"
#include "core/store/snapread.h"
#include "proto/snapscan.h"
#include "sim/disk.h"
#include "sim/storebox.h"

#define LIMIT ((size_t)64 * 1024)

static enum pdk_err collect(void *ctx, struct pdk_slice piece)
{
    pdk_put_raw(ctx, piece.bytes, piece.len);
    return PDK_OK;
}

/* The stream of a state with sessions, ACLs, and data of all sizes. */
static void make_stream(struct pdk_buf *out, struct pdk_storebox *box, size_t piece_bytes)
{
    pdk_buf_init(out, pdk_mem_heap(), SIZE_MAX);
    for (int i = 0; i < 3; i++)
        assert_non_null(pdk_sessions_add(box->state.sessions, 0x100 + i, 5000 + i));
    for (size_t i = 0; i < 20; i++) pdk_storebox_write(box, i * i * 40);
    assert_int_equal(pdk_storebox_stream(box, pdk_mem_heap(), piece_bytes, collect, out), PDK_OK);
    assert_false(out->failed);
}

static void box_init(struct pdk_storebox *box, struct pdk_disk **disk)
{
    struct pdk_diag diag;
    *disk = pdk_disk_create(pdk_mem_heap(), 1);
    pdk_storebox_init(box, pdk_disk_vfs(*disk), NULL);
    assert_int_equal(pdk_storebox_open(box, &diag), PDK_OK);
}

static void box_deinit(struct pdk_storebox *box, struct pdk_disk *disk)
{
    pdk_storebox_deinit(box);
    pdk_disk_destroy(disk);
}

/* In pieces of 1 .. most bytes; the bytes that the scanner took. */
static size_t scan(struct pdk_snapscan *s, struct pdk_slice bytes, size_t most, size_t limit)
{
    struct pdk_prng prng;
    pdk_prng_init(&prng, bytes.len + most);
    pdk_snapscan_init(s, limit);
    size_t at = 0, bodies = 0;
    while (at < bytes.len && !s->done && !s->failed) {
        size_t body, len = 1 + (size_t)pdk_prng_below(&prng, most);
        len = pdk_min_size(len, bytes.len - at);
        /* Of its own, so that reading over its end is noticed. */
        uint8_t *piece = malloc(len);
        memcpy(piece, bytes.bytes + at, len);
        size_t taken = pdk_snapscan_feed(s, pdk_slice_of(piece, len), &body);
        free(piece);
        assert_true(taken <= len && body <= taken);
        assert_true(taken == len || s->done || s->failed);
        at += taken;
        bodies += body;
    }
    assert_int_equal(bodies, s->body_bytes);
    return at;
}

/* As a file of the body would be read. */
static enum pdk_err read_body(struct pdk_slice body, size_t limit,
                              const struct pdk_recover_sink *sink)
{
    static const uint8_t slash[5] = {0, 0, 0, 1, '/'};
    struct pdk_buf file;
    struct pdk_snapshot_info info;
    struct pdk_diag diag;
    pdk_buf_init(&file, pdk_mem_heap(), SIZE_MAX);
    pdk_put_i32(&file, PDK_SNAPSHOT_MAGIC);
    pdk_put_i32(&file, PDK_SNAPSHOT_VERSION);
    pdk_put_i64(&file, PDK_SNAPSHOT_DBID);
    pdk_put_raw(&file, body.bytes, body.len);
    pdk_put_i64(&file, pdk_adler32(PDK_ADLER32_INIT, file.bytes, file.len));
    pdk_put_raw(&file, slash, sizeof slash);
    struct pdk_slice bytes = pdk_buf_slice(&file);
    enum pdk_err err =
        pdk_snapshot_read(pdk_mem_heap(), pdk_source_of_slice(&bytes), limit, sink, &info, &diag);
    pdk_buf_deinit(&file);
    return err;
}

static void what_was_streamed_is_found_and_read_back(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 64, 1000, 1 << 20};
    for (size_t i = 0; i < PDK_COUNT_OF(pieces); i++) {
        struct pdk_disk *disk, *disk2;
        struct pdk_storebox box, copy;
        struct pdk_buf stream;
        struct pdk_snapscan s;
        box_init(&box, &disk);
        make_stream(&stream, &box, pieces[i]);
        pdk_put_raw(&stream, "what follows", 12); /* a packet */
        for (size_t most = 1; most < stream.len * 4; most *= 3) {
            assert_int_equal(scan(&s, pdk_buf_slice(&stream), most, LIMIT), stream.len - 12);
            assert_true(s.done);
            assert_int_equal(s.body_bytes, stream.len - 12 - 14);
        }
        box_init(&copy, &disk2);
        struct pdk_recover_sink sink = pdk_state_recover_sink(&copy.state);
        assert_int_equal(sink.reset(sink.ctx), PDK_OK);
        struct pdk_slice body = pdk_slice_of(stream.bytes, (size_t)s.body_bytes);
        assert_int_equal(read_body(body, LIMIT, &sink), PDK_OK);
        assert_int_equal(pdk_storebox_digest(&copy), pdk_storebox_digest(&box));
        assert_int_equal(pdk_sessions_count(copy.state.sessions), 3);
        pdk_buf_deinit(&stream);
        box_deinit(&box, disk);
        box_deinit(&copy, disk2);
    }
}

static enum pdk_err take_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    (void)ctx, (void)id, (void)timeout_ms;
    return PDK_OK;
}
static enum pdk_err take_acl(void *ctx, int64_t id, struct pdk_slice list)
{
    (void)ctx, (void)id, (void)list;
    return PDK_OK;
}
static enum pdk_err take_znode(void *ctx, struct pdk_slice path, struct pdk_slice data, int64_t id,
                               const struct pdk_stat_persisted *stat)
{
    (void)ctx, (void)path, (void)data, (void)id, (void)stat;
    return PDK_OK;
}
static const struct pdk_recover_sink nobody = {
    .session = take_session, .acl = take_acl, .znode = take_znode};

static bool is_whole(struct pdk_snapscan *s)
{
    size_t body;
    (void)pdk_snapscan_feed(s, pdk_slice_of("\0\0\0\12BenWasHere", 14), &body);
    return s->done && body == 0;
}

/* Hostile bytes: what the scanner believes, the reader believes, and the other way round. */
static void scanner_and_reader_agree(void **state)
{
    (void)state;
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_buf stream;
    struct pdk_prng prng;
    box_init(&box, &disk);
    make_stream(&stream, &box, 4096);
    pdk_prng_init(&prng, 5);
    int whole = 0, broken = 0;
    for (int i = 0; i < 20000; i++) {
        size_t len = stream.len - 14, at = (size_t)pdk_prng_below(&prng, len);
        if (pdk_prng_below(&prng, 4) != 0) at = (size_t)pdk_prng_below(&prng, 300);
        uint8_t was = stream.bytes[at];
        static const uint8_t favourites[] = {0, 1, 0xff, 0x7f, 0x80, '/'};
        stream.bytes[at] = favourites[pdk_prng_below(&prng, PDK_COUNT_OF(favourites))];
        size_t limit = pdk_prng_below(&prng, 2) == 0 ? LIMIT : 20 + pdk_prng_below(&prng, 100);
        struct pdk_snapscan s;
        struct pdk_slice body = pdk_slice_of(stream.bytes, len);
        (void)scan(&s, body, 4096, limit);
        bool good = is_whole(&s);
        /* Seals follow a body; bytes behind its "/" are no part of it. */
        bool readable = read_body(body, limit, &nobody) == PDK_OK;
        if (good != readable)
            fail_msg("byte %zu = %02x, limit %zu: the scanner says %d, the reader %d", at,
                     stream.bytes[at], limit, good, readable);
        whole += good;
        broken += !good;
        stream.bytes[at] = was;
    }
    assert_in_range(whole, 1000, 19000);
    assert_in_range(broken, 1000, 19000);
    pdk_buf_deinit(&stream);
    box_deinit(&box, disk);
}

struct limited {
    size_t left, calls;
};
static enum pdk_err refuse_later(void *ctx, struct pdk_slice piece)
{
    struct limited *l = ctx;
    (void)piece;
    l->calls++;
    return l->left-- == 0 ? PDK_EBUSY : PDK_OK;
}

static void a_writer_that_has_had_enough_stops_it(void **state)
{
    (void)state;
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_buf stream;
    box_init(&box, &disk);
    make_stream(&stream, &box, 4096);
    size_t pieces = (stream.len + 999) / 1000;
    const struct pdk_mem *heap = pdk_mem_heap();
    for (size_t i = 0; i < pieces; i++) {
        struct limited l = {.left = i};
        assert_int_equal(pdk_storebox_stream(&box, heap, 1000, refuse_later, &l), PDK_EBUSY);
        assert_int_equal(l.calls, i + 1);
    }
    struct limited l = {.left = pieces};
    assert_int_equal(pdk_storebox_stream(&box, heap, 1000, refuse_later, &l), PDK_OK);
    struct pdk_fail_mem fail;
    pdk_fail_mem_init(&fail);
    size_t nth = 1;
    for (;; nth++) {
        pdk_fail_mem_at(&fail, nth);
        l = (struct limited){.left = 1000};
        enum pdk_err err = pdk_storebox_stream(&box, &fail.mem, 1000, refuse_later, &l);
        assert_int_equal(fail.live, 0);
        if (err == PDK_OK) break;
        assert_int_equal(err, PDK_ENOMEM);
    }
    assert_in_range(nth, 3, 20);
    pdk_buf_deinit(&stream);
    box_deinit(&box, disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_streamed_is_found_and_read_back),
        cmocka_unit_test(scanner_and_reader_agree),
        cmocka_unit_test(a_writer_that_has_had_enough_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
