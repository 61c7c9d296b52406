/* Hosts as text: when are two the same?  Names are not resolved here. */
#include "core/quorum/internal.h"

#include <string.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 to 4 hexadecimal digits. */
static bool take_group(const char **at, uint16_t *out)
{
    unsigned value = 0, digits = 0;
    for (; digits < 4 && hex_digit(**at) >= 0; digits++, (*at)++)
        value = value << 4 | (unsigned)hex_digit(**at);
    *out = (uint16_t)value;
    return digits > 0;
}

/* An IPv6 address of colons and hexadecimal groups only: neither zones nor IPv4 at the end. */
static bool parse_ipv6(const char *text, uint16_t groups[8])
{
    size_t count = 0, gap = 8;
    if (text[0] == ':' && text[1] == ':') {
        gap = 0;
        text += 2;
    }
    while (*text != '\0') {
        if (count == 8 || !take_group(&text, &groups[count])) return false;
        count++;
        if (*text == '\0') break;
        if (*text++ != ':') return false;
        if (*text == ':') {
            if (gap != 8) return false;
            gap = count;
            text++;
        } else if (*text == '\0') {
            return false;
        }
    }
    if (gap == 8) return count == 8;
    if (count == 8) return false;
    memmove(groups + gap + 8 - count, groups + gap, (count - gap) * sizeof *groups);
    memset(groups + gap, 0, (8 - count) * sizeof *groups);
    return true;
}

bool pdk_host_same(const char *a, const char *b)
{
    uint16_t left[8], right[8];
    if (*a == '\0') a = "0.0.0.0";
    if (*b == '\0') b = "0.0.0.0";
    if (same_text(a, b)) return true;
    return parse_ipv6(a, left) && parse_ipv6(b, right) && memcmp(left, right, sizeof left) == 0;
}

bool pdk_host_special(const char *host)
{
    return pdk_host_same(host, "0.0.0.0") || pdk_host_same(host, "::") ||
           pdk_host_same(host, "::1") || pdk_host_same(host, "localhost") ||
           strncmp(host, "127.", 4) == 0;
}
