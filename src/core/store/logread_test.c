#include "core/store/logread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

#define TXN_BYTES 40 /* of each record, unless said otherwise */
#define RECORD_BYTES (TXN_BYTES + PDK_LOG_FRAME_BYTES)
#define LIMIT 1000

static void put_header(struct pdk_buf *b)
{
    pdk_buf_init(b, pdk_mem_heap(), 1 << 24);
    pdk_put_i32(b, (int32_t)PDK_LOG_MAGIC);
    pdk_put_i32(b, PDK_LOG_VERSION);
    pdk_put_i64(b, 0);
}

static void put_record(struct pdk_buf *b, pdk_zxid zxid, size_t txn_bytes)
{
    size_t at = b->len;
    uint8_t *p = pdk_buf_add(b, txn_bytes + PDK_LOG_FRAME_BYTES);
    assert_non_null(p);
    memset(p, 7, txn_bytes + PDK_LOG_FRAME_BYTES);
    pdk_store_u64(b->bytes + at + PDK_LOG_HEAD_BYTES + 12, (uint64_t)zxid);
    pdk_log_frame(b->bytes + at, txn_bytes);
    pdk_store_u64(b->bytes + at,
                  pdk_adler32(PDK_ADLER32_INIT, b->bytes + at + PDK_LOG_HEAD_BYTES, txn_bytes));
}

/* A log of `count` records, zxids from 1. */
static void put_log(struct pdk_buf *b, int count)
{
    put_header(b);
    for (int i = 1; i <= count; i++) put_record(b, i, TXN_BYTES);
}

struct reading {
    struct pdk_slice bytes;
    struct pdk_log_reader r;
    struct pdk_diag diag;
    int records;
    enum pdk_log_found found;
};

/* Reads to the end of the records. */
static void read_all(struct reading *x, const uint8_t *bytes, size_t len)
{
    *x = (struct reading){.bytes = pdk_slice_of(bytes, len)};
    pdk_log_reader_init(&x->r, pdk_mem_heap(), pdk_source_of_slice(&x->bytes), LIMIT, &x->diag);
    while ((x->found = pdk_log_reader_next(&x->r)) == PDK_LOG_RECORD) {
        x->records++;
        assert_int_equal(x->r.zxid, x->records);
        assert_int_equal(x->r.txn.len, TXN_BYTES);
        assert_int_equal(x->r.offset, 16 + (x->records - 1) * RECORD_BYTES);
    }
}

enum { FIELD_CHECKSUM = 0, FIELD_LEN = 8, FIELD_END = RECORD_BYTES - 1 };

/* disk-formats.md section 2.1, case by case, on a log of three records. */
static void each_kind_of_damage_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        size_t len; /* the file's; 0: all of it */
        size_t at;  /* bytes changed there */
        const char *bytes;
        size_t count;
        int records; /* good ones before */
        enum pdk_log_damage damage;
    } cases[] = {
        {"whole", 0, 0, "", 0, 3, PDK_DAMAGE_NONE},
        {"ends behind the second", 16 + 2 * RECORD_BYTES, 0, "", 0, 2, PDK_DAMAGE_NONE},
        {"ends in a checksum", 16 + 2 * RECORD_BYTES + 5, 0, "", 0, 2, PDK_DAMAGE_CUT},
        {"ends in a length", 16 + 2 * RECORD_BYTES + 11, 0, "", 0, 2, PDK_DAMAGE_CUT},
        {"ends in a body", 16 + 2 * RECORD_BYTES + 30, 0, "", 0, 2, PDK_DAMAGE_CUT},
        {"ends before the end byte", 16 + 3 * RECORD_BYTES - 1, 0, "", 0, 2, PDK_DAMAGE_CUT},
        {"zeros begin", 0, 16 + RECORD_BYTES, "\0\0\0\0\0\0\0\0\0\0\0", 12, 1, PDK_DAMAGE_NONE},
        {"length zero, checksum not", 0, 16 + RECORD_BYTES + FIELD_LEN, "\0\0\0", 4, 1,
         PDK_DAMAGE_LENGTH},
        {"length negative", 0, 16 + FIELD_LEN, "\xff\xff\xff\xff", 4, 0, PDK_DAMAGE_LENGTH},
        {"length huge", 0, 16 + FIELD_LEN, "\x7f\xff\xff\xff", 4, 0, PDK_DAMAGE_LENGTH},
        {"length over the limit", 0, 16 + FIELD_LEN, "\0\0\x03\xe9", 4, 0, PDK_DAMAGE_LENGTH},
        {"length below a header", 0, 16 + FIELD_LEN, "\0\0\0\x1f", 4, 0, PDK_DAMAGE_LENGTH},
        {"length one less", 0, 16 + FIELD_LEN, "\0\0\0\x27", 4, 0, PDK_DAMAGE_END_BYTE},
        {"no end byte", 0, 16 + RECORD_BYTES + FIELD_END, "C", 1, 1, PDK_DAMAGE_END_BYTE},
        {"end byte zero", 0, 16 + RECORD_BYTES + FIELD_END, "\0", 1, 1, PDK_DAMAGE_END_BYTE},
        {"a bit in a body", 0, 16 + RECORD_BYTES + 30, "\x06", 1, 1, PDK_DAMAGE_CHECKSUM},
        {"upper half of a checksum", 0, 16, "\0\0\0\1", 4, 0, PDK_DAMAGE_CHECKSUM},
        {"wrong magic", 0, 0, "ZKSN", 4, 0, PDK_DAMAGE_HEADER},
        {"header of zeros", 0, 0, "\0\0\0\0\0\0\0", 8, 0, PDK_DAMAGE_HEADER_SHORT},
        {"half a header", 9, 0, "", 0, 0, PDK_DAMAGE_HEADER_SHORT},
        {"one byte", 1, 0, "", 0, 0, PDK_DAMAGE_HEADER_SHORT},
        {"another version", 0, 4, "\0\0\0\x09", 4, 3, PDK_DAMAGE_NONE},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_buf b;
        struct reading x;
        put_log(&b, 3);
        memcpy(b.bytes + cases[i].at, cases[i].bytes, cases[i].count);
        size_t len = cases[i].len > 0 ? cases[i].len : b.len;
        uint8_t *exact = malloc(len); /* so that the sanitizer sees a read behind the end */
        assert_non_null(exact);
        memcpy(exact, b.bytes, len);
        read_all(&x, exact, len);
        enum pdk_log_found want =
            cases[i].damage == PDK_DAMAGE_NONE ? PDK_LOG_END : PDK_LOG_DAMAGED;
        if (x.found != want || x.r.damage != cases[i].damage || x.records != cases[i].records)
            fail_msg("%s: found %d, %s, after %d", cases[i].why, (int)x.found,
                     pdk_log_damage_text(x.r.damage), x.records);
        pdk_log_reader_deinit(&x.r);
        free(exact);
        pdk_buf_deinit(&b);
    }
    struct reading x;
    read_all(&x, NULL, 0);
    assert_int_equal(x.r.damage, PDK_DAMAGE_HEADER_SHORT);
    pdk_log_reader_deinit(&x.r);
}

static void a_whole_record_over_the_limit_is_no_damage(void **state)
{
    (void)state;
    struct pdk_buf b;
    struct reading x;
    put_log(&b, 2);
    put_record(&b, 3, LIMIT + 1);
    put_record(&b, 4, TXN_BYTES);
    read_all(&x, b.bytes, b.len);
    assert_int_equal(x.records, 2);
    assert_int_equal(x.r.damage, PDK_DAMAGE_TOO_LONG);
    pdk_log_reader_deinit(&x.r);
    b.bytes[x.r.offset + 100] ^= 1; /* now it is */
    read_all(&x, b.bytes, b.len);
    assert_int_equal(x.r.damage, PDK_DAMAGE_LENGTH);
    pdk_log_reader_deinit(&x.r);
    pdk_buf_deinit(&b);
}

static void whole_records_behind_damage_are_found_wherever_they_begin(void **state)
{
    (void)state;
    for (size_t garbage = 0; garbage < 40; garbage++) {
        struct pdk_buf b;
        struct reading x;
        put_log(&b, 2);
        b.bytes[b.len - 1] = 0; /* the second lost its end byte */
        for (size_t i = 0; i < garbage; i++) pdk_put_u8(&b, (uint8_t)(i * 37));
        size_t before = b.len;
        put_record(&b, 9, 50);
        read_all(&x, b.bytes, b.len);
        assert_int_equal(x.r.damage, PDK_DAMAGE_END_BYTE);
        assert_true(pdk_log_whole_record_follows(&x.r, 1));
        pdk_log_reader_deinit(&x.r);
        read_all(&x, b.bytes, b.len); /* an old record proves nothing */
        assert_false(pdk_log_whole_record_follows(&x.r, 9));
        pdk_log_reader_deinit(&x.r);
        read_all(&x, b.bytes, b.len - 1);
        assert_false(pdk_log_whole_record_follows(&x.r, 1));
        pdk_log_reader_deinit(&x.r);
        read_all(&x, b.bytes, before);
        assert_false(pdk_log_whole_record_follows(&x.r, 1));
        pdk_log_reader_deinit(&x.r);
        pdk_buf_deinit(&b);
    }
}

static void zeros_to_the_end_are_told_from_a_hole(void **state)
{
    (void)state;
    for (size_t padding = 12; padding < 100000; padding = padding * 3 + 1) {
        struct pdk_buf b;
        struct reading x;
        put_log(&b, 2);
        size_t end = b.len;
        memset(pdk_buf_add(&b, padding), 0, padding);
        read_all(&x, b.bytes, b.len);
        assert_int_equal(x.found, PDK_LOG_END);
        assert_int_equal(x.r.offset, end);
        assert_true(pdk_log_rest_is_zero(&x.r));
        pdk_log_reader_deinit(&x.r);
        /* One bit anywhere behind the twelve bytes that end the records. */
        for (size_t at = end + 12; at < b.len; at += 1 + (b.len - end) / 7) {
            b.bytes[at] = 1;
            read_all(&x, b.bytes, b.len);
            assert_int_equal(x.found, PDK_LOG_END);
            assert_false(pdk_log_rest_is_zero(&x.r));
            pdk_log_reader_deinit(&x.r);
            b.bytes[at] = 0;
        }
        pdk_buf_deinit(&b);
    }
}

static void a_record_behind_a_hole_is_found_at_once(void **state)
{
    (void)state;
    struct pdk_buf b;
    struct reading x;
    put_log(&b, 2);
    memset(pdk_buf_add(&b, 12), 0, 12);
    put_record(&b, 3, TXN_BYTES);
    read_all(&x, b.bytes, b.len);
    assert_int_equal(x.found, PDK_LOG_END);
    assert_true(pdk_log_whole_record_follows(&x.r, 2));
    pdk_log_reader_deinit(&x.r);
    pdk_buf_deinit(&b);
}

static void a_wrong_checksum_can_be_passed_over(void **state)
{
    (void)state;
    struct pdk_buf b;
    struct reading x;
    put_log(&b, 4);
    b.bytes[16 + RECORD_BYTES + 20] ^= 1;
    read_all(&x, b.bytes, b.len);
    assert_int_equal(x.r.damage, PDK_DAMAGE_CHECKSUM);
    pdk_log_reader_skip(&x.r);
    assert_int_equal(pdk_log_reader_next(&x.r), PDK_LOG_RECORD);
    assert_int_equal(x.r.zxid, 3);
    assert_int_equal(x.r.offset, 16 + 2 * RECORD_BYTES);
    pdk_log_reader_deinit(&x.r);
    pdk_buf_deinit(&b);
}

/* Records of all sizes over many windows; hands out as few bytes as it likes. */
struct trickle {
    struct pdk_slice rest;
    size_t step;
};

static enum pdk_err trickle_read(void *ctx, uint8_t *bytes, size_t cap, size_t *got,
                                 struct pdk_diag *diag)
{
    (void)diag;
    struct trickle *t = ctx;
    t->step = (t->step * 7 + 3) % 5000;
    *got = pdk_min_size(pdk_min_size(cap, t->rest.len), t->step + 1);
    if (*got > 0) memcpy(bytes, t->rest.bytes, *got);
    t->rest = pdk_slice_of(t->rest.bytes + *got, t->rest.len - *got);
    return PDK_OK;
}

static void records_may_lie_across_any_border(void **state)
{
    (void)state;
    struct pdk_buf b;
    struct pdk_diag diag;
    put_header(&b);
    for (int i = 1; i <= 3000; i++) put_record(&b, i, 32 + (size_t)i * 7 % 900);
    struct trickle t = {.rest = pdk_buf_slice(&b)};
    struct pdk_log_reader r;
    pdk_log_reader_init(&r, pdk_mem_heap(), (struct pdk_source){.ctx = &t, .read = trickle_read},
                        LIMIT, &diag);
    for (int i = 1; i <= 3000; i++) {
        assert_int_equal(pdk_log_reader_next(&r), PDK_LOG_RECORD);
        assert_int_equal(r.zxid, i);
        assert_int_equal(r.txn.len, 32 + i * 7 % 900);
    }
    assert_int_equal(pdk_log_reader_next(&r), PDK_LOG_END);
    assert_int_equal(r.offset, b.len);
    pdk_log_reader_deinit(&r);
    pdk_buf_deinit(&b);
}

static enum pdk_err broken_read(void *ctx, uint8_t *bytes, size_t cap, size_t *got,
                                struct pdk_diag *diag)
{
    struct trickle *t = ctx;
    if (t->rest.len == 0) {
        pdk_diag_set(diag, "the disk is broken");
        *got = 0;
        return PDK_EIO;
    }
    return trickle_read(ctx, bytes, cap, got, diag);
}

static void a_read_error_is_never_an_end(void **state)
{
    (void)state;
    struct pdk_buf b;
    put_log(&b, 3);
    for (size_t len = 0; len <= b.len; len++) {
        struct pdk_diag diag;
        struct trickle t = {.rest = pdk_slice_of(b.bytes, len)};
        struct pdk_log_reader r;
        pdk_log_reader_init(&r, pdk_mem_heap(), (struct pdk_source){.ctx = &t, .read = broken_read},
                            LIMIT, &diag);
        enum pdk_log_found found;
        while ((found = pdk_log_reader_next(&r)) == PDK_LOG_RECORD) continue;
        assert_int_equal(found, PDK_LOG_UNREADABLE);
        assert_int_equal(r.err, PDK_EIO);
        assert_string_equal(diag.text, "the disk is broken");
        pdk_log_reader_deinit(&r);
    }
    pdk_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_damage_is_told_apart),
        cmocka_unit_test(a_whole_record_over_the_limit_is_no_damage),
        cmocka_unit_test(whole_records_behind_damage_are_found_wherever_they_begin),
        cmocka_unit_test(zeros_to_the_end_are_told_from_a_hole),
        cmocka_unit_test(a_record_behind_a_hole_is_found_at_once),
        cmocka_unit_test(a_wrong_checksum_can_be_passed_over),
        cmocka_unit_test(records_may_lie_across_any_border),
        cmocka_unit_test(a_read_error_is_never_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
