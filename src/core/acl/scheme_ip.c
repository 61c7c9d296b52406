/* Scheme ip: addr or addr/bits, IPv4 and IPv6, as Apache 3.9.5 reads them (data-model.md 10.4).
 * Numbers are Java's Integer.parseInt: one sign may lead. */
#include "core/acl/scheme.h"

#include <limits.h>
#include <string.h>

struct address {
    uint8_t bytes[16];
    size_t len; /* 4 or 16 */
};

static struct pdk_slice part(struct pdk_slice text, size_t from, size_t to)
{
    return pdk_slice_of(text.bytes + from, to - from);
}

/* Offset of the first `byte` at or behind `from`; the length when there is none. */
static size_t find_byte(struct pdk_slice text, size_t from, char byte)
{
    while (from < text.len && text.bytes[from] != (uint8_t)byte) from++;
    return from;
}

static int digit_of(uint8_t byte, int radix)
{
    int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                             : radix;
    return digit < radix ? digit : -1;
}

static bool parse_int(struct pdk_slice text, int radix, int32_t *out)
{
    bool minus = text.len > 0 && text.bytes[0] == '-';
    size_t at = minus || (text.len > 0 && text.bytes[0] == '+') ? 1 : 0;
    if (at == text.len) return false;
    int64_t value = 0;
    for (; at < text.len; at++) {
        int digit = digit_of(text.bytes[at], radix);
        if (digit < 0 || (value = value * radix + digit) > INT32_MAX) return false;
    }
    *out = (int32_t)(minus ? -value : value);
    return true;
}

static bool parse_v4(struct pdk_slice text, struct address *out)
{
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t end = find_byte(text, at, '.');
        int32_t value = 0;
        if ((end == text.len) != (i == 3)) return false;
        if (!parse_int(part(text, at, end), 10, &value) || value < 0 || value > 255) return false;
        out->bytes[i] = (uint8_t)value;
        at = end + 1;
    }
    out->len = 4;
    return true;
}

/* Groups of up to four hexadecimal digits between single colons; none in an empty text. */
static bool parse_groups(struct pdk_slice text, uint8_t out[16], size_t *count)
{
    *count = 0;
    for (size_t at = 0; text.len > 0 && at <= text.len;) {
        size_t end = find_byte(text, at, ':');
        int32_t value = 0;
        if (*count == 8 || end - at > 4 || !parse_int(part(text, at, end), 16, &value))
            return false;
        out[*count * 2] = (uint8_t)((uint32_t)value >> 8);
        out[*count * 2 + 1] = (uint8_t)value;
        (*count)++;
        at = end + 1;
    }
    return true;
}

/* Where the first "::" begins; the length when there is none. */
static size_t find_gap(struct pdk_slice text)
{
    for (size_t at = 0; at + 1 < text.len; at++) {
        if (text.bytes[at] == ':' && text.bytes[at + 1] == ':') return at;
    }
    return text.len;
}

static bool parse_v6(struct pdk_slice text, struct address *out)
{
    uint8_t tail[16];
    size_t before = 0, behind = 0, gap = find_gap(text);
    *out = (struct address){.len = 16};
    if (!parse_groups(part(text, 0, gap), out->bytes, &before)) return false;
    if (gap == text.len) return before == 8;
    /* A second "::" shows as an empty group. */
    if (!parse_groups(part(text, gap + 2, text.len), tail, &behind)) return false;
    if (before + behind >= 8) return false;
    memcpy(out->bytes + 16 - behind * 2, tail, behind * 2);
    return true;
}

static bool parse_address(struct pdk_slice text, struct address *out)
{
    if (find_byte(text, 0, ':') < text.len) return parse_v6(text, out);
    return parse_v4(text, out);
}

static bool parse_expression(struct pdk_slice text, struct address *out, size_t *bits)
{
    size_t slash = find_byte(text, 0, '/');
    if (!parse_address(part(text, 0, slash), out)) return false;
    *bits = out->len * CHAR_BIT;
    if (slash == text.len) return true;
    int32_t given = 0;
    if (!parse_int(part(text, slash + 1, text.len), 10, &given)) return false;
    if (given < 0 || (size_t)given > *bits) return false;
    *bits = (size_t)given;
    return true;
}

bool pdk_acl_ip_valid(struct pdk_slice id)
{
    struct address address;
    size_t bits = 0;
    return parse_expression(id, &address, &bits);
}

bool pdk_acl_ip_matches(struct pdk_slice own, struct pdk_slice acl_id)
{
    struct address want, have;
    size_t bits = 0;
    if (!parse_expression(acl_id, &want, &bits) || !parse_address(own, &have)) return false;
    if (want.len != have.len || memcmp(want.bytes, have.bytes, bits / 8) != 0) return false;
    if (bits % 8 == 0) return true;
    return (want.bytes[bits / 8] ^ have.bytes[bits / 8]) >> (8 - bits % 8) == 0;
}
