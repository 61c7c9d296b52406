/* Reads every input as what comes in on the election port: once as a dialler's first words, once as
 * a notification. */
#include "base/reader.h"
#include "proto/vote.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELLO_MOST (20 + PDK_HELLO_ADDRESS_MAX)

static void check_addresses(struct pdk_slice rest)
{
    struct pdk_slice host;
    int32_t port;
    for (size_t before = rest.len; pdk_hello_address(&rest, &host, &port); before = rest.len) {
        PDK_ASSERT(rest.len < before);
        PDK_ASSERT(host.len >= 1 && host.len <= 255);
        PDK_ASSERT(port >= 1 && port <= 65535);
        PDK_ASSERT(memchr(host.bytes, '|', host.len) == NULL);
        PDK_ASSERT(memchr(host.bytes, ' ', host.len) == NULL);
    }
    PDK_ASSERT(rest.len == 0);
}

static void check_hello(struct pdk_slice bytes)
{
    struct pdk_hello hello, ignored;
    size_t used, seen;
    enum pdk_hello_found told = pdk_hello_read(bytes, &hello, &used);
    for (size_t len = 0; len <= pdk_min_size(bytes.len, HELLO_MOST); len++) {
        enum pdk_hello_found found =
            pdk_hello_read(pdk_slice_of(bytes.bytes, len), &ignored, &seen);
        PDK_ASSERT(found == PDK_HELLO_MORE || found == told);
        PDK_ASSERT(told != PDK_HELLO_WHOLE || (found == told) == (len >= used));
    }
    if (told != PDK_HELLO_WHOLE) {
        PDK_ASSERT(used == 0);
        return;
    }
    PDK_ASSERT(used <= HELLO_MOST);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), HELLO_MOST);
    pdk_put_hello(&b, &hello);
    PDK_ASSERT(pdk_slice_eq(pdk_buf_slice(&b), pdk_slice_of(bytes.bytes, used)));
    pdk_buf_deinit(&b);
    check_addresses(hello.addresses);
}

/* What is understood can be sent on, and says the same. */
static void check_notification(struct pdk_slice message)
{
    struct pdk_notification n, again;
    if (pdk_notification_read(message, &n) != PDK_OK) return;
    PDK_ASSERT(n.state >= PDK_LOOKING && n.state <= PDK_OBSERVING);
    PDK_ASSERT(pdk_peer_state_name(n.state)[0] != '?');
    PDK_ASSERT(n.config.is_null == (n.version <= 1));
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 4 + PDK_NOTIFICATION_MAX);
    pdk_put_vote_notification(&b, &n);
    if (!b.failed) {
        struct pdk_slice body = pdk_slice_of(b.bytes + 4, b.len - 4);
        PDK_ASSERT(pdk_load_u32(b.bytes) == body.len);
        PDK_ASSERT(pdk_notification_read(body, &again) == PDK_OK);
        PDK_ASSERT(again.state == n.state && again.leader == n.leader && again.zxid == n.zxid);
        PDK_ASSERT(again.round == n.round && again.epoch == n.epoch && again.version == 2);
        PDK_ASSERT(again.config.len == n.config.len);
        PDK_ASSERT(n.config.is_null || pdk_slice_eq(again.config, n.config));
    }
    pdk_buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_slice bytes = pdk_slice_of(data, size);
    check_hello(bytes);
    check_addresses(bytes);
    check_notification(bytes);
    return 0;
}
