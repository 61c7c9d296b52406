/* Every record against its samples (testdata/samples.txt), whole, cut and with every bit flipped;
 * then the fields of captured ones, and the corners of vectors and of the optional field. */
#include "jute/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES "src/jute/testdata/samples.txt"

/* ---- all records behind one pair of functions ----------------------------------------------- */

struct record {
    const char *name;
    void (*read)(struct pdk_reader *r, void *out);
    void (*put)(struct pdk_buf *b, const void *in);
};

#define WRAP(n) \
    static void read_##n(struct pdk_reader *r, void *out) { pdk_read_##n(r, out); } \
    static void put_##n(struct pdk_buf *b, const void *in) { pdk_put_##n(b, in); }
PDK_EACH_RECORD(WRAP)
#define ROW(n) {#n, read_##n, put_##n},
static const struct record records[] = {PDK_EACH_RECORD(ROW)};

/* Has room for every record. */
#define MEMBER(n) struct pdk_##n n;
union any {
    PDK_EACH_RECORD(MEMBER)
};

static const struct record *find(const char *name, size_t len)
{
    for (size_t i = 0; i < PDK_COUNT_OF(records); i++) {
        if (strlen(records[i].name) == len && memcmp(records[i].name, name, len) == 0)
            return &records[i];
    }
    fail_msg("no record %.*s", (int)len, name);
    return NULL;
}

/* The bytes that "0a0b "text"" stands for, in a block of their own so that ASan sees every read
 * beyond them.  The caller frees. */
static uint8_t *bytes_of(const char *text, size_t *len)
{
    uint8_t *out = malloc(strlen(text) + 1);
    size_t n = 0;
    assert_non_null(out);
    for (const char *p = text; *p != '\0' && *p != '\n';) {
        unsigned byte = 0;
        if (*p == ' ') {
            p++;
        } else if (*p == '"') {
            for (p++; *p != '"'; p++) out[n++] = (uint8_t)*p;
            p++;
        } else {
            assert_int_equal(sscanf(p, "%2x", &byte), 1);
            out[n++] = (uint8_t)byte;
            p += 2;
        }
    }
    uint8_t *exact = realloc(out, n > 0 ? n : 1);
    *len = n;
    return exact != NULL ? exact : out;
}

/* Calls `each` for every sample. */
static void each_sample(void (*each)(const struct record *rec, const uint8_t *bytes, size_t len))
{
    char line[2048];
    size_t count = 0;
    FILE *f = fopen(SAMPLES, "r");
    if (f == NULL) fail_msg("run from the top of the tree: no " SAMPLES);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '#' || line[0] == '\n') continue;
        const char *colon = strchr(line, ':');
        assert_non_null(colon);
        assert_non_null(strchr(line, '\n'));
        size_t len = 0;
        uint8_t *bytes = bytes_of(colon + 1, &len);
        each(find(line, (size_t)(colon - line)), bytes, len);
        free(bytes);
        count++;
    }
    (void)fclose(f);
    assert_true(count >= PDK_COUNT_OF(records));
}

/* Is it the record of zeros and empty slices?  (Padding may hold anything, so what is written is
 * compared.) */
static bool is_zeroed(const struct record *rec, const union any *value)
{
    union any zero;
    struct pdk_buf b, want;
    memset(&zero, 0, sizeof zero);
    pdk_buf_init(&b, pdk_mem_heap(), 4096);
    pdk_buf_init(&want, pdk_mem_heap(), 4096);
    rec->put(&b, value);
    rec->put(&want, &zero);
    bool same = !b.failed && pdk_slice_eq(pdk_buf_slice(&b), pdk_buf_slice(&want));
    pdk_buf_deinit(&b);
    pdk_buf_deinit(&want);
    return same;
}

/* ---- over all records ----------------------------------------------------------------------- */

static bool seen[PDK_COUNT_OF(records)];

static void mark_seen(const struct record *rec, const uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    seen[rec - records] = true;
}

static void every_record_has_a_sample(void **state)
{
    (void)state;
    each_sample(mark_seen);
    for (size_t i = 0; i < PDK_COUNT_OF(records); i++) {
        if (!seen[i]) fail_msg("no sample of %s", records[i].name);
    }
}

static void check_whole(const struct record *rec, const uint8_t *bytes, size_t len)
{
    union any value;
    memset(&value, 0xa5, sizeof value);
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    rec->read(&r, &value);
    if (pdk_reader_finish(&r) != PDK_OK) fail_msg("%s: does not fit its sample", rec->name);

    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 4096);
    rec->put(&b, &value);
    assert_false(b.failed);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.bytes, bytes, len);
    pdk_buf_deinit(&b);
}

static void every_sample_is_read_whole_and_written_back_the_same(void **state)
{
    (void)state;
    each_sample(check_whole);
}

/* Only the records with an optional last byte may be one byte shorter. */
static bool may_be_cut(const struct record *rec, size_t len, size_t cut)
{
    return strncmp(rec->name, "connect_", 8) == 0 && len % 2 == 1 && cut == len - 1;
}

static void check_cuts(const struct record *rec, const uint8_t *bytes, size_t len)
{
    for (size_t cut = 0; cut < len; cut++) {
        if (may_be_cut(rec, len, cut)) continue;
        uint8_t *part = malloc(cut > 0 ? cut : 1);
        assert_non_null(part);
        memcpy(part, bytes, cut);
        union any value;
        memset(&value, 0xa5, sizeof value);
        struct pdk_reader r = pdk_reader_of(pdk_slice_of(part, cut));
        rec->read(&r, &value);
        if (!r.failed) fail_msg("%s: accepted %zu of %zu bytes", rec->name, cut, len);
        if (!is_zeroed(rec, &value)) fail_msg("%s: not zeroed at %zu", rec->name, cut);
        free(part);
    }
}

static void every_cut_fails_and_zeroes_the_record(void **state)
{
    (void)state;
    each_sample(check_cuts);
}

/* Reads `bytes`; when that works, what is written must read as the same record again. */
static void check_hostile(const struct record *rec, const uint8_t *bytes, size_t len)
{
    union any first, second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    rec->read(&r, &first);
    if (r.failed) {
        assert_true(is_zeroed(rec, &first));
        return;
    }
    struct pdk_buf b, again;
    pdk_buf_init(&b, pdk_mem_heap(), 4096);
    pdk_buf_init(&again, pdk_mem_heap(), 4096);
    rec->put(&b, &first);
    assert_false(b.failed);
    r = pdk_reader_of(pdk_buf_slice(&b));
    rec->read(&r, &second);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    rec->put(&again, &second);
    assert_int_equal(b.len, again.len);
    assert_memory_equal(b.bytes, again.bytes, b.len);
    pdk_buf_deinit(&b);
    pdk_buf_deinit(&again);
}

static void check_flips(const struct record *rec, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_hostile(rec, copy, len);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(copy);
}

static void every_flipped_bit_is_refused_or_reads_as_some_valid_record(void **state)
{
    (void)state;
    each_sample(check_flips);
}

static void check_small_limits(const struct record *rec, const uint8_t *bytes, size_t len)
{
    union any value;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    rec->read(&r, &value);
    for (size_t limit = 0; limit < len; limit++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), limit);
        rec->put(&b, &value);
        assert_true(b.failed);
        assert_true(b.len <= limit);
        pdk_buf_deinit(&b);
    }
}

static void writing_into_too_small_a_buffer_fails_and_stays_inside(void **state)
{
    (void)state;
    each_sample(check_small_limits);
}

static void check_after_failure(const struct record *rec, const uint8_t *bytes, size_t len)
{
    union any value;
    memset(&value, 0xa5, sizeof value);
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    r.failed = true;
    rec->read(&r, &value);
    assert_true(r.failed);
    assert_true(is_zeroed(rec, &value));
    assert_ptr_equal(r.at, bytes);
}

static void a_failed_reader_yields_zeroed_records_and_does_not_move(void **state)
{
    (void)state;
    each_sample(check_after_failure);
}

static void an_empty_slice_without_memory_fails_cleanly(void **state)
{
    (void)state;
    for (size_t i = 0; i < PDK_COUNT_OF(records); i++) {
        union any value;
        struct pdk_reader r = pdk_reader_of(pdk_slice_null());
        records[i].read(&r, &value);
        assert_true(r.failed);
        assert_true(is_zeroed(&records[i], &value));
    }
}

/* ---- fields of captured records ------------------------------------------------------------- */

static void the_fixed_sizes_are_those_of_the_protocol(void **state)
{
    (void)state;
    assert_int_equal(PDK_STAT_LEN, 68);
    assert_int_equal(PDK_STAT_PERSISTED_LEN, 60);
    assert_int_equal(PDK_REQUEST_HEADER_LEN, 8);
    assert_int_equal(PDK_REPLY_HEADER_LEN, 16);
    assert_int_equal(PDK_MULTI_HEADER_LEN, 9);
    assert_int_equal(PDK_TXN_HEADER_LEN, 32);
    assert_int_equal(PDK_TXN_DIGEST_LEN, 12);
    assert_int_equal(PDK_FILE_HEADER_LEN, 16);
}

static void a_stat_has_its_fields_in_wire_order(void **state)
{
    (void)state;
    uint8_t bytes[PDK_STAT_LEN];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
    struct pdk_stat s;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, sizeof bytes));
    pdk_read_stat(&r, &s);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_int_equal(s.czxid, 0x0001020304050607);
    assert_int_equal(s.mzxid, 0x08090a0b0c0d0e0f);
    assert_int_equal(s.ctime, 0x1011121314151617);
    assert_int_equal(s.mtime, 0x18191a1b1c1d1e1f);
    assert_int_equal(s.version, 0x20212223);
    assert_int_equal(s.cversion, 0x24252627);
    assert_int_equal(s.aversion, 0x28292a2b);
    assert_int_equal(s.ephemeral_owner, 0x2c2d2e2f30313233);
    assert_int_equal(s.data_length, 0x34353637);
    assert_int_equal(s.num_children, 0x38393a3b);
    assert_int_equal(s.pzxid, 0x3c3d3e3f40414243);
}

static void a_captured_connect_response_has_the_negotiated_values(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = bytes_of("00000000 00007530 0100001072b00000 00000010 "
                              "a257261e870dfc5a50d8ed63a842ff9b 00",
                              &len);
    struct pdk_connect_response c;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    pdk_read_connect_response(&r, &c);
    assert_int_equal(c.protocol_version, 0);
    assert_int_equal(c.time_out, 30000);
    assert_int_equal(c.session_id, 0x0100001072b00000);
    assert_int_equal(c.passwd.len, 16);
    assert_true(c.has_read_only);
    assert_false(c.read_only);
    free(bytes);
}

static void the_read_only_byte_of_a_connect_request_may_be_missing(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes =
        bytes_of("00000000 000000000000000b 00007530 0100001072b00000 00000002 0102 07", &len);
    struct pdk_connect_request c;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    pdk_read_connect_request(&r, &c);
    assert_false(r.failed);
    assert_true(c.has_read_only);
    assert_true(c.read_only);
    assert_int_equal(c.last_zxid_seen, 0xb);

    r = pdk_reader_of(pdk_slice_of(bytes, len - 1));
    pdk_read_connect_request(&r, &c);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_false(c.has_read_only);
    assert_false(c.read_only);
    assert_int_equal(c.passwd.len, 2);
    free(bytes);
}

static void a_captured_create_transaction_has_its_fields(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = bytes_of("00000002 2f61 00000005 68656c6c6f 00000001 0000001f "
                              "00000005 776f726c64 00000006 616e796f6e65 00 00000001 "
                              "00000002 0000000178154df9",
                              &len);
    struct pdk_create_txn t;
    struct pdk_txn_digest d;
    struct pdk_acl acl;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    pdk_read_create_txn(&r, &t);
    pdk_read_txn_digest(&r, &d);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_true(pdk_slice_eq_str(t.path, "/a"));
    assert_true(pdk_slice_eq_str(t.data, "hello"));
    assert_false(t.ephemeral);
    assert_int_equal(t.parent_cversion, 1);
    assert_int_equal(d.version, 2);
    assert_int_equal(d.tree_digest, 0x178154df9);

    assert_int_equal(t.acl.count, 1);
    struct pdk_reader it = pdk_reader_of(t.acl.body);
    pdk_read_acl(&it, &acl);
    assert_int_equal(pdk_reader_finish(&it), PDK_OK);
    assert_int_equal(acl.perms, 31);
    assert_true(pdk_slice_eq_str(acl.id.scheme, "world"));
    assert_true(pdk_slice_eq_str(acl.id.id, "anyone"));
    free(bytes);
}

static void the_parts_of_a_captured_multi_are_read_one_by_one(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = bytes_of("00000002 00000002 00000007 00000003 2f6d31 "
                              "ffffffff 00000004 ffffff9b",
                              &len);
    struct pdk_multi_txn m;
    struct pdk_txn part;
    struct pdk_error_txn error;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    pdk_read_multi_txn(&r, &m);
    assert_int_equal(m.txns.count, 2);
    struct pdk_reader it = pdk_reader_of(m.txns.body);
    pdk_read_txn(&it, &part);
    assert_int_equal(part.type, 2);
    assert_int_equal(part.data.len, 7);
    pdk_read_txn(&it, &part);
    assert_int_equal(part.type, -1);
    struct pdk_reader body = pdk_reader_of(part.data);
    pdk_read_error_txn(&body, &error);
    assert_int_equal(error.err, -101);
    assert_int_equal(pdk_reader_finish(&it), PDK_OK);
    free(bytes);
}

/* ---- vectors -------------------------------------------------------------------------------- */

static struct pdk_vec read_strings(const char *text, bool *failed)
{
    size_t len = 0;
    uint8_t *bytes = bytes_of(text, &len);
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    struct pdk_vec v = pdk_read_ustring_vec(&r);
    *failed = r.failed;
    free(bytes); /* only the counts are looked at */
    return v;
}

static void null_empty_and_other_negative_counts_are_told_apart(void **state)
{
    (void)state;
    bool failed = true;
    struct pdk_vec v = read_strings("ffffffff", &failed);
    assert_false(failed);
    assert_true(v.is_null);
    assert_int_equal(v.count, 0);
    v = read_strings("00000000", &failed);
    assert_false(failed);
    assert_false(v.is_null);
    /* Java's loop does not run for these: an empty vector. */
    v = read_strings("fffffffe", &failed);
    assert_false(failed);
    assert_false(v.is_null);
    assert_int_equal(v.count, 0);
    v = read_strings("80000000", &failed);
    assert_false(failed);
    assert_int_equal(v.count, 0);
}

static void a_count_beyond_the_bytes_left_fails_at_once(void **state)
{
    (void)state;
    bool failed = false;
    (void)read_strings("7fffffff 00000000", &failed);
    assert_true(failed);
    (void)read_strings("00000002 00000000", &failed);
    assert_true(failed);
    (void)read_strings("00000001 00000000", &failed);
    assert_false(failed);
}

static void vectors_of_the_smallest_elements_are_accepted(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t *bytes = bytes_of("00000002 00000000 ffffffff 00000000 00000001 00000000 ffffffff"
                              "00000001 00000000 ffffffff"
                              "00000002 00000001 00000000 00000002 ffffffff"
                              "00000002 ffffffff 00000000",
                              &len);
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(bytes, len));
    assert_int_equal(pdk_read_acl_vec(&r).count, 2);
    assert_int_equal(pdk_read_client_info_vec(&r).count, 1);
    assert_int_equal(pdk_read_txn_vec(&r).count, 2);
    assert_int_equal(pdk_read_ustring_vec(&r).count, 2);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    /* Alone, so that nothing behind makes room for a wrong bound. */
    struct pdk_reader alone = pdk_reader_of(pdk_slice_of(bytes, 4 + 2 * 12));
    assert_int_equal(pdk_read_acl_vec(&alone).count, 2);
    alone = pdk_reader_of(pdk_slice_of(bytes + 28, 4 + 8));
    assert_int_equal(pdk_read_client_info_vec(&alone).count, 1);
    alone = pdk_reader_of(pdk_slice_of(bytes + 40, 4 + 2 * 8));
    assert_int_equal(pdk_read_txn_vec(&alone).count, 2);
    free(bytes);
}

static void a_bad_element_fails_the_vector_while_it_is_read(void **state)
{
    (void)state;
    bool failed = false;
    struct pdk_vec v = read_strings("00000002 00000001 61 fffffffe", &failed);
    assert_true(failed);
    assert_int_equal(v.count, 0);
    assert_null(v.body.bytes);
}

static void null_and_built_vectors_are_written_with_their_count(void **state)
{
    (void)state;
    static const uint8_t want[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 'x', 0, 0, 0, 0};
    struct pdk_buf b, body;
    pdk_buf_init(&b, pdk_mem_heap(), 100);
    pdk_buf_init(&body, pdk_mem_heap(), 100);
    pdk_put_bytes(&body, pdk_slice_str("x"));
    struct pdk_vec null = pdk_vec_null(), one = pdk_vec_of(1, pdk_buf_slice(&body)), none = {0};
    pdk_put_vec(&b, &null);
    pdk_put_vec(&b, &one);
    pdk_put_vec(&b, &none);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.bytes, want, sizeof want);
    pdk_buf_deinit(&b);
    pdk_buf_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_has_a_sample),
        cmocka_unit_test(every_sample_is_read_whole_and_written_back_the_same),
        cmocka_unit_test(every_cut_fails_and_zeroes_the_record),
        cmocka_unit_test(every_flipped_bit_is_refused_or_reads_as_some_valid_record),
        cmocka_unit_test(writing_into_too_small_a_buffer_fails_and_stays_inside),
        cmocka_unit_test(a_failed_reader_yields_zeroed_records_and_does_not_move),
        cmocka_unit_test(an_empty_slice_without_memory_fails_cleanly),
        cmocka_unit_test(the_fixed_sizes_are_those_of_the_protocol),
        cmocka_unit_test(a_stat_has_its_fields_in_wire_order),
        cmocka_unit_test(a_captured_connect_response_has_the_negotiated_values),
        cmocka_unit_test(the_read_only_byte_of_a_connect_request_may_be_missing),
        cmocka_unit_test(a_captured_create_transaction_has_its_fields),
        cmocka_unit_test(the_parts_of_a_captured_multi_are_read_one_by_one),
        cmocka_unit_test(null_empty_and_other_negative_counts_are_told_apart),
        cmocka_unit_test(a_count_beyond_the_bytes_left_fails_at_once),
        cmocka_unit_test(vectors_of_the_smallest_elements_are_accepted),
        cmocka_unit_test(a_bad_element_fails_the_vector_while_it_is_read),
        cmocka_unit_test(null_and_built_vectors_are_written_with_their_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
