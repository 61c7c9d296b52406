/* Gives every input to every record of jute/records.h.
 *
 * What a reader accepts must survive writing: the written bytes read completely, and writing that
 * again gives the same bytes.  What it refuses must leave a record that is safe to write.  Vectors
 * are walked, which must not fail either. */
#include "jute/records.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Far more than the inputs that a run makes. */
#define OUTPUT_LIMIT (16u << 20)

struct record {
    void (*read)(struct pdk_reader *r, void *out);
    void (*put)(struct pdk_buf *b, const void *in);
};

#define WRAP(n) \
    static void read_##n(struct pdk_reader *r, void *out) { pdk_read_##n(r, out); } \
    static void put_##n(struct pdk_buf *b, const void *in) { pdk_put_##n(b, in); }
PDK_EACH_RECORD(WRAP)
#define ROW(n) {read_##n, put_##n},
static const struct record records[] = {PDK_EACH_RECORD(ROW)};

#define MEMBER(n) struct pdk_##n n;
union any {
    PDK_EACH_RECORD(MEMBER)
};

static void check_record(const struct record *rec, struct pdk_slice input)
{
    union any value, again;
    struct pdk_buf first, second;
    memset(&value, 0xa5, sizeof value);
    pdk_buf_init(&first, pdk_mem_heap(), OUTPUT_LIMIT);
    pdk_buf_init(&second, pdk_mem_heap(), OUTPUT_LIMIT);

    struct pdk_reader r = pdk_reader_of(input);
    rec->read(&r, &value);
    rec->put(&first, &value);
    PDK_ASSERT(!first.failed);
    if (!r.failed) {
        PDK_ASSERT(first.len <= input.len);
        r = pdk_reader_of(pdk_buf_slice(&first));
        rec->read(&r, &again);
        PDK_ASSERT(pdk_reader_finish(&r) == PDK_OK);
        rec->put(&second, &again);
        PDK_ASSERT(pdk_slice_eq(pdk_buf_slice(&first), pdk_buf_slice(&second)));
    }
    pdk_buf_deinit(&first);
    pdk_buf_deinit(&second);
}

static void walk_vectors(struct pdk_slice input)
{
    struct pdk_reader r = pdk_reader_of(input);
    struct pdk_vec v = pdk_read_acl_vec(&r);
    struct pdk_reader it = pdk_reader_of(v.body);
    for (int32_t i = 0; i < v.count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&it, &acl);
    }
    PDK_ASSERT(pdk_reader_finish(&it) == PDK_OK);

    r = pdk_reader_of(input);
    v = pdk_read_ustring_vec(&r);
    it = pdk_reader_of(v.body);
    for (int32_t i = 0; i < v.count; i++) (void)pdk_read_bytes(&it);
    PDK_ASSERT(pdk_reader_finish(&it) == PDK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_slice input = pdk_slice_of(data, size);
    for (size_t i = 0; i < PDK_COUNT_OF(records); i++) check_record(&records[i], input);
    walk_vectors(input);
    return 0;
}
