#include "proto/snapscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/prng.h"

#define LIMIT 64

/* ---- streams to read ------------------------------------------------------------------------- */

static void put_str(struct pdk_buf *b, const char *text) { pdk_put_bytes(b, pdk_slice_str(text)); }

static void put_fill(struct pdk_buf *b, size_t len)
{
    for (size_t i = 0; i < len; i++) pdk_put_u8(b, '/'); /* looks like the end, and is not */
}

static void put_znode(struct pdk_buf *b, const char *path, int32_t data_len)
{
    put_str(b, path);
    pdk_put_i32(b, data_len);
    if (data_len > 0) put_fill(b, (size_t)data_len);
    put_fill(b, 68);
}

static void put_entry(struct pdk_buf *b, const char *scheme, const char *id)
{
    pdk_put_i32(b, 31);
    put_str(b, scheme);
    put_str(b, id);
}

static void put_head(struct pdk_buf *b, int32_t sessions)
{
    pdk_put_i32(b, sessions);
    for (int32_t i = 0; i < sessions; i++) put_fill(b, 12);
}

/* Everything that can occur: returns the length of the body. */
static size_t put_stream(struct pdk_buf *b)
{
    put_head(b, 3);
    pdk_put_i32(b, 4);
    pdk_put_i64(b, 1);
    pdk_put_i32(b, 2);
    put_entry(b, "world", "anyone");
    put_entry(b, "", "ip/10.0.0.0/8");
    pdk_put_i64(b, 2);
    pdk_put_i32(b, -1); /* a list that is null */
    pdk_put_i64(b, 7);
    pdk_put_i32(b, 0);
    pdk_put_i64(b, 9);
    pdk_put_i32(b, 1);
    pdk_put_i32(b, 1);
    pdk_put_i32(b, -1); /* null for scheme and id */
    pdk_put_i32(b, -1);
    put_znode(b, "", 0);
    put_znode(b, "/a", -1);
    put_znode(b, "x", 3); /* one byte that is not the end */
    put_znode(b, "//", LIMIT);
    put_znode(b, "/BenWasHere", 14);
    put_str(b, "/");
    size_t body = b->len;
    put_str(b, "BenWasHere");
    return body;
}

/* Feeds pieces of the sizes that `g` draws (NULL: all at once). */
static struct pdk_snapscan scan(struct pdk_slice all, struct pdk_prng *g, size_t *used,
                                size_t *body)
{
    struct pdk_snapscan s;
    pdk_snapscan_init(&s, LIMIT);
    size_t at = 0;
    *body = 0;
    while (at < all.len && !s.done && !s.failed) {
        size_t len = g != NULL ? (size_t)pdk_prng_below(g, 9) : all.len - at;
        struct pdk_slice piece = pdk_slice_of(all.bytes + at, pdk_min_size(len, all.len - at));
        size_t in_body;
        size_t n = pdk_snapscan_feed(&s, piece, &in_body);
        assert_true(n == piece.len || s.done || s.failed);
        assert_true(in_body <= n);
        at += n;
        *body += in_body;
        assert_int_equal(s.body_bytes, *body);
    }
    *used = at;
    return s;
}

static void the_end_is_found_wherever_the_stream_is_cut(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    size_t want = put_stream(&b);
    size_t whole = b.len;
    put_fill(&b, 20); /* the packets behind it are not taken */
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct pdk_prng g;
        pdk_prng_init(&g, seed);
        size_t used, body;
        struct pdk_snapscan s = scan(pdk_buf_slice(&b), seed > 0 ? &g : NULL, &used, &body);
        if (!s.done || s.failed || used != whole || body != want)
            fail_msg("seed %d: used %zu of %zu, body %zu of %zu", (int)seed, used, whole, body,
                     want);
    }
    size_t body;
    for (size_t len = 0; len < whole; len++) {
        struct pdk_snapscan s;
        pdk_snapscan_init(&s, LIMIT);
        assert_int_equal(pdk_snapscan_feed(&s, pdk_slice_of(b.bytes, len), &body), len);
        assert_false(s.done || s.failed);
        assert_int_equal(body, pdk_min_size(len, want));
    }
    pdk_buf_deinit(&b);
}

static void nothing_is_taken_behind_the_end(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    put_stream(&b);
    size_t used, body;
    struct pdk_snapscan s = scan(pdk_buf_slice(&b), NULL, &used, &body);
    assert_true(s.done);
    assert_int_equal(pdk_snapscan_feed(&s, pdk_buf_slice(&b), &body), 0);
    assert_int_equal(body, 0);
    pdk_buf_deinit(&b);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void put_lists(struct pdk_buf *b, int32_t lists)
{
    put_head(b, 0);
    pdk_put_i32(b, lists);
    pdk_put_i64(b, 1);
}

enum shape {
    SESSIONS,
    ACLS,
    LIST,
    SCHEME,
    ID,
    PATH,
    DATA,
};

/* A stream that ends behind one length of the given kind. */
static bool is_believed(enum shape shape, int32_t number)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    switch (shape) {
    case SESSIONS: break;
    case ACLS: put_head(&b, 0); break;
    case LIST: put_lists(&b, 1); break;
    case SCHEME:
        put_lists(&b, 1);
        pdk_put_i32(&b, 1);
        pdk_put_i32(&b, 31);
        break;
    case ID:
        put_lists(&b, 1);
        pdk_put_i32(&b, 1);
        pdk_put_i32(&b, 31);
        put_str(&b, "ip");
        break;
    case PATH:
        put_head(&b, 0);
        pdk_put_i32(&b, 0);
        break;
    case DATA:
        put_head(&b, 0);
        pdk_put_i32(&b, 0);
        put_str(&b, "/a");
        break;
    }
    pdk_put_i32(&b, number);
    size_t used, body;
    struct pdk_snapscan s = scan(pdk_buf_slice(&b), NULL, &used, &body);
    assert_false(s.done);
    pdk_buf_deinit(&b);
    return !s.failed;
}

static void counts_and_lengths_have_limits(void **state)
{
    (void)state;
    static const struct {
        enum shape shape;
        int32_t least, most;
    } cases[] = {{SESSIONS, 0, INT32_MAX},        {ACLS, 0, INT32_MAX}, {LIST, -1, INT32_MAX},
                 {SCHEME, -1, LIMIT - 12}, /* behind count, permissions and its own length */
                 {ID, -1, LIMIT - 4 - 4 - 6 - 4}, {PATH, 0, LIMIT},     {DATA, -1, LIMIT}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        enum shape shape = cases[i].shape;
        if (!is_believed(shape, cases[i].least) || is_believed(shape, cases[i].least - 1) ||
            is_believed(shape, INT32_MIN) || !is_believed(shape, cases[i].most))
            fail_msg("case %zu", i);
        if (cases[i].most < INT32_MAX &&
            (is_believed(shape, cases[i].most + 1) || is_believed(shape, INT32_MAX)))
            fail_msg("case %zu: too long and believed", i);
    }
}

static void a_list_is_limited_as_a_whole(void **state)
{
    (void)state;
    for (int32_t count = 1; count <= 6; count++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), 10000);
        put_lists(&b, 1);
        pdk_put_i32(&b, count);
        for (int32_t i = 0; i < count; i++) put_entry(&b, "ip", "::1"); /* 17 bytes each */
        size_t used, body;
        struct pdk_snapscan s = scan(pdk_buf_slice(&b), NULL, &used, &body);
        assert_int_equal(s.failed, 4 + 17 * count > LIMIT);
        pdk_buf_deinit(&b);
    }
}

static void another_signature_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 14; i++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), 10000);
        size_t at = put_stream(&b);
        b.bytes[at + i] ^= 1;
        size_t used, body;
        struct pdk_snapscan s = scan(pdk_buf_slice(&b), NULL, &used, &body);
        assert_true(s.failed);
        assert_false(s.done);
        assert_int_equal(body, at);
        pdk_buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_is_found_wherever_the_stream_is_cut),
        cmocka_unit_test(nothing_is_taken_behind_the_end),
        cmocka_unit_test(counts_and_lengths_have_limits),
        cmocka_unit_test(a_list_is_limited_as_a_whole),
        cmocka_unit_test(another_signature_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
