/* Reads every input as what a learner or leader sends, packet after packet. */
#include "jute/records.h"
#include "proto/qpacket.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIXES 200

static enum pdk_qfound read_prefix(struct pdk_slice bytes, size_t len, size_t limit, size_t *used)
{
    struct pdk_qpacket ignored;
    return pdk_qpacket_read(pdk_slice_of(bytes.bytes, len), limit, &ignored, used);
}

/* Shorter ones are waited for; what was once told stays true whatever comes behind. */
static void check_prefixes(struct pdk_slice bytes, size_t limit, enum pdk_qfound told, size_t used)
{
    size_t most = pdk_min_size(bytes.len, PREFIXES), seen = 0;
    for (size_t len = 0; len <= most; len++) {
        enum pdk_qfound found = read_prefix(bytes, len, limit, &seen);
        PDK_ASSERT(found == PDK_QFOUND_MORE || found == told);
        PDK_ASSERT(told != PDK_QFOUND_PACKET || (found == told) == (len >= used));
        if (found != PDK_QFOUND_MORE) break;
    }
    PDK_ASSERT(told == PDK_QFOUND_MORE || read_prefix(bytes, bytes.len, limit, &seen) == told);
}

static void check_infos(const struct pdk_qpacket *p, struct pdk_buf *b)
{
    struct pdk_learner_info learner = pdk_learner_info_of(p->data);
    pdk_buf_clear(b);
    pdk_put_learner_info(b, &learner);
    if (p->data.len >= 12 || !learner.has_sid)
        PDK_ASSERT(pdk_slice_starts_with(p->data, pdk_buf_slice(b)));
    struct pdk_leader_info leader = pdk_leader_info_of(p->data);
    pdk_buf_clear(b);
    pdk_put_leader_info(b, &leader);
    if (p->data.len >= 4) PDK_ASSERT(pdk_slice_starts_with(p->data, pdk_buf_slice(b)));
}

static void check_packet(const struct pdk_qpacket *p, struct pdk_slice bytes, size_t limit)
{
    PDK_ASSERT(p->data.len <= limit && p->authinfo.body.len <= limit);
    PDK_ASSERT(bytes.len <= 20 + 2 * limit);
    PDK_ASSERT(pdk_qtype_name(p->type)[0] != '\0');
    PDK_ASSERT(p->authinfo.count <= PDK_QPACKET_IDS_MAX);
    struct pdk_reader it = pdk_reader_of(p->authinfo.body);
    for (int32_t i = 0; i < p->authinfo.count; i++) {
        struct pdk_id id;
        pdk_read_id(&it, &id);
    }
    PDK_ASSERT(pdk_reader_finish(&it) == PDK_OK);

    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), bytes.len + 100);
    pdk_put_qpacket_whole(&b, p);
    PDK_ASSERT(pdk_slice_eq(pdk_buf_slice(&b), bytes));
    check_infos(p, &b);
    pdk_buf_deinit(&b);
}

static void read_stream(struct pdk_slice rest, size_t limit)
{
    for (;;) {
        struct pdk_qpacket p;
        size_t used;
        enum pdk_qfound found = pdk_qpacket_read(rest, limit, &p, &used);
        check_prefixes(rest, limit, found, used);
        if (found != PDK_QFOUND_PACKET) {
            PDK_ASSERT(used == 0);
            return;
        }
        check_packet(&p, pdk_slice_of(rest.bytes, used), limit);
        rest = pdk_slice_of(rest.bytes + used, rest.len - used);
    }
}

/* Once with room for every seed, once with limits that are soon reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_stream(pdk_slice_of(data, size), 1024);
    read_stream(pdk_slice_of(data, size), 24);
    return 0;
}
