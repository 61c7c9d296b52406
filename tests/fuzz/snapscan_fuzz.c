/* The stream of a snapshot of any bytes: where it ends, or that it cannot be one, is the same
 * however it was cut.  The first byte draws the cuts. */
#include "base/prng.h"
#include "proto/snapscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRY_MAX 4096

static size_t feed_pieces(struct pdk_snapscan *s, const uint8_t *bytes, size_t len, uint8_t seed)
{
    struct pdk_prng g;
    pdk_prng_init(&g, seed);
    size_t at = 0;
    while (at < len && !s->done && !s->failed) {
        size_t n = pdk_min_size((size_t)pdk_prng_below(&g, 1 + (seed & 31u)) + 1, len - at);
        size_t body;
        size_t used = pdk_snapscan_feed(s, pdk_slice_of(bytes + at, n), &body);
        PDK_ASSERT(body <= used && used <= n);
        PDK_ASSERT(used == n || s->done || s->failed);
        at += used;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct pdk_snapscan whole, cut;
    size_t body;
    pdk_snapscan_init(&whole, ENTRY_MAX);
    pdk_snapscan_init(&cut, ENTRY_MAX);
    size_t used = pdk_snapscan_feed(&whole, pdk_slice_of(data + 1, size - 1), &body);
    PDK_ASSERT(body == whole.body_bytes && body <= used);
    PDK_ASSERT(!whole.done || used == body + 14);
    PDK_ASSERT(!(whole.done && whole.failed));
    PDK_ASSERT(feed_pieces(&cut, data + 1, size - 1, data[0]) == used);
    PDK_ASSERT(cut.done == whole.done && cut.failed == whole.failed);
    PDK_ASSERT(cut.body_bytes == whole.body_bytes);
    return 0;
}
