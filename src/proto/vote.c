#include "proto/vote.h"

#include "base/reader.h"

#include <string.h>

/* ---- the dialler's first words --------------------------------------------------------------- */

#define HOST_MAX 255

static enum pdk_hello_found read_addresses(struct pdk_reader *r, struct pdk_hello *out)
{
    if (pdk_reader_left(r) < 12) return PDK_HELLO_MORE;
    out->sid = pdk_read_i64(r);
    int32_t len = pdk_read_i32(r);
    if (len < 1 || len > PDK_HELLO_ADDRESS_MAX) return PDK_HELLO_BROKEN;
    if (pdk_reader_left(r) < (size_t)len) return PDK_HELLO_MORE;
    out->addresses = pdk_slice_of(pdk_reader_take(r, (size_t)len), (size_t)len);
    return PDK_HELLO_WHOLE;
}

enum pdk_hello_found pdk_hello_read(struct pdk_slice bytes, struct pdk_hello *out, size_t *used)
{
    struct pdk_reader r = pdk_reader_of(bytes);
    *out = (struct pdk_hello){.addresses = pdk_slice_of(bytes.bytes, 0)};
    *used = 0;
    if (pdk_reader_left(&r) < 8) return PDK_HELLO_MORE;
    int64_t first = pdk_read_i64(&r);
    if (first >= 0) {
        out->sid = first;
    } else if (first == PDK_HELLO_V1 || first == PDK_HELLO_V2) {
        out->version = first;
        enum pdk_hello_found found = read_addresses(&r, out);
        if (found != PDK_HELLO_WHOLE) return found;
    } else {
        return PDK_HELLO_BROKEN;
    }
    *used = bytes.len - pdk_reader_left(&r);
    return PDK_HELLO_WHOLE;
}

void pdk_put_hello(struct pdk_buf *b, const struct pdk_hello *hello)
{
    PDK_ASSERT(hello->version == 0 ||
               (hello->addresses.len >= 1 && hello->addresses.len <= PDK_HELLO_ADDRESS_MAX));
    if (hello->version != 0) pdk_put_i64(b, hello->version);
    pdk_put_i64(b, hello->sid);
    if (hello->version != 0) pdk_put_bytes(b, hello->addresses);
}

static const uint8_t *find(struct pdk_slice s, uint8_t c)
{
    return s.len > 0 ? memchr(s.bytes, c, s.len) : NULL;
}

/* What stands behind the byte at `at`. */
static struct pdk_slice behind(struct pdk_slice s, const uint8_t *at)
{
    return pdk_slice_of(at + 1, s.len - (size_t)(at + 1 - s.bytes));
}

static bool read_port(struct pdk_slice text, int32_t *port)
{
    int32_t value = 0;
    if (text.len < 1 || text.len > 5) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') return false;
        value = value * 10 + (text.bytes[i] - '0');
    }
    *port = value;
    return value >= 1 && value <= 65535;
}

/* A name or address that can be dialled: "0.0.0.0", "::" and their other spellings cannot. */
static bool is_host(struct pdk_slice host)
{
    bool wildcard = true;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.bytes[i];
        if (c <= ' ' || c == 0x7f) return false;
        if (c != '0' && c != '.' && c != ':') wildcard = false;
    }
    return host.len >= 1 && host.len <= HOST_MAX && !wildcard;
}

static bool read_address(struct pdk_slice item, struct pdk_slice *host, int32_t *port)
{
    const uint8_t *colon;
    if (item.len > 0 && item.bytes[0] == '[') {
        const uint8_t *close = find(item, ']');
        if (close == NULL) return false;
        *host = pdk_slice_of(item.bytes + 1, (size_t)(close - item.bytes) - 1);
        item = behind(item, close);
        colon = find(item, ':');
        if (colon == NULL || colon != item.bytes) return false;
    } else {
        colon = find(item, ':');
        if (colon == NULL) return false;
        *host = pdk_slice_of(item.bytes, (size_t)(colon - item.bytes));
    }
    return is_host(*host) && read_port(behind(item, colon), port);
}

bool pdk_hello_address(struct pdk_slice *rest, struct pdk_slice *host, int32_t *port)
{
    while (rest->len > 0) {
        const uint8_t *bar = find(*rest, '|');
        struct pdk_slice item = *rest;
        if (bar != NULL) item.len = (size_t)(bar - rest->bytes);
        *rest = bar != NULL ? behind(*rest, bar) : pdk_slice_of(rest->bytes + rest->len, 0);
        if (read_address(item, host, port)) return true;
    }
    return false;
}

/* ---- notifications --------------------------------------------------------------------------- */

/* Lengths that tell generations apart (election.md section 2). */
#define NO_EPOCH_LEN 28
#define NO_VERSION_LEN 36
#define VERSION_1_LEN 40
#define FIXED_LEN 44

const char *pdk_peer_state_name(enum pdk_peer_state state)
{
    switch (state) {
    case PDK_LOOKING: return "LOOKING";
    case PDK_FOLLOWING: return "FOLLOWING";
    case PDK_LEADING: return "LEADING";
    case PDK_OBSERVING: return "OBSERVING";
    }
    return "?";
}

/* What stands behind the epoch depends on the generation; bytes behind the config do not count. */
static void read_version(struct pdk_reader *r, size_t len, struct pdk_notification *out)
{
    /* Apache takes a version 1 for none, and counts votes of version 0 by other rules. */
    if (len == NO_VERSION_LEN || len == VERSION_1_LEN) return;
    out->version = pdk_read_i32(r);
    if (out->version <= 1) return;
    int32_t config_len = pdk_read_i32(r);
    if (config_len < 0) {
        r->failed = true;
        return;
    }
    const uint8_t *config = pdk_reader_take(r, (size_t)config_len);
    if (config != NULL) out->config = pdk_slice_of(config, (size_t)config_len);
}

enum pdk_err pdk_notification_read(struct pdk_slice message, struct pdk_notification *out)
{
    struct pdk_reader r = pdk_reader_of(message);
    *out = (struct pdk_notification){.config = pdk_slice_null()};
    struct pdk_notification n = *out;
    int32_t state = pdk_read_i32(&r);
    n.leader = pdk_read_i64(&r);
    n.zxid = pdk_read_i64(&r);
    n.round = pdk_read_i64(&r);
    if (message.len == NO_EPOCH_LEN) {
        n.epoch = n.zxid >> 32;
    } else {
        n.epoch = pdk_read_i64(&r);
        read_version(&r, message.len, &n);
    }
    if (r.failed || state < PDK_LOOKING || state > PDK_OBSERVING) return PDK_EMALFORMED;
    *out = n;
    out->state = (enum pdk_peer_state)state;
    return PDK_OK;
}

void pdk_put_vote_notification(struct pdk_buf *b, const struct pdk_notification *n)
{
    if (n->config.len > PDK_NOTIFICATION_MAX - FIXED_LEN) {
        b->failed = true;
        return;
    }
    pdk_put_i32(b, (int32_t)(FIXED_LEN + n->config.len));
    pdk_put_i32(b, (int32_t)n->state);
    pdk_put_i64(b, n->leader);
    pdk_put_i64(b, n->zxid);
    pdk_put_i64(b, n->round);
    pdk_put_i64(b, n->epoch);
    pdk_put_i32(b, 2);
    pdk_put_i32(b, (int32_t)n->config.len);
    pdk_put_raw(b, n->config.bytes, n->config.len);
}
