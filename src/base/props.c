#include "base/props.h"

#include <limits.h>

#define ENTRY_BYTES_MAX ((size_t)1 << 20)

void pdk_props_init(struct pdk_props *p, const struct pdk_mem *mem, struct pdk_slice text)
{
    *p = (struct pdk_props){.at = text.bytes, .end = text.bytes, .line = 1};
    if (text.len > 0) p->end = text.bytes + text.len;
    pdk_buf_init(&p->text, mem, ENTRY_BYTES_MAX);
}

void pdk_props_deinit(struct pdk_props *p) { pdk_buf_deinit(&p->text); }

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\f'; }
static bool is_end_of_line(uint8_t c) { return c == '\n' || c == '\r'; }

/* Steps over \n, \r or \r\n. */
static void skip_end_of_line(struct pdk_props *p)
{
    bool cr = *p->at++ == '\r';
    if (cr && p->at < p->end && *p->at == '\n') p->at++;
    p->line++;
}

static void skip_blanks(struct pdk_props *p)
{
    while (p->at < p->end && is_blank(*p->at)) p->at++;
}

/* To the first byte of an entry, over empty lines and comments; false at the end. */
static bool skip_to_entry(struct pdk_props *p)
{
    for (;;) {
        skip_blanks(p);
        if (p->at == p->end) return false;
        if (*p->at == '#' || *p->at == '!') {
            while (p->at < p->end && !is_end_of_line(*p->at)) p->at++;
        } else if (*p->at == '\\' && p->end - p->at >= 2 && is_end_of_line(p->at[1])) {
            p->at++; /* joins the next line to nothing */
        } else if (!is_end_of_line(*p->at)) {
            return true;
        }
        if (p->at < p->end) skip_end_of_line(p);
    }
}

static void put_utf8(struct pdk_buf *out, uint32_t c)
{
    if (c < 0x80) {
        pdk_put_u8(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        pdk_put_u8(out, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            pdk_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        } else {
            pdk_put_u8(out, (uint8_t)(0xf0 | c >> 18));
            pdk_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        pdk_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    pdk_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* Four hex digits at `at`; false when they are not there. */
static bool hex4(const uint8_t *at, const uint8_t *end, uint32_t *out)
{
    if (end - at < 4) return false;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = at[i];
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            return false;
        }
        *out = *out << 4 | digit;
    }
    return true;
}

/* Behind "\u"; a pair of surrogates makes one character, a lone one the replacement character. */
static bool read_unicode(struct pdk_props *p, const char **why)
{
    uint32_t c, low;
    if (!hex4(p->at, p->end, &c)) {
        *why = "\\u must be followed by four hexadecimal digits";
        return false;
    }
    p->at += 4;
    if (c >= 0xd800 && c < 0xe000) {
        if (c < 0xdc00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u' &&
            hex4(p->at + 2, p->end, &low) && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p->at += 6;
        } else {
            c = 0xfffd;
        }
    }
    if (c == 0) {
        *why = "a character NUL is not allowed";
        return false;
    }
    put_utf8(&p->text, c);
    return true;
}

/* Behind a backslash.  A joined line adds nothing: true with *joined. */
static bool read_escape(struct pdk_props *p, bool *joined, const char **why)
{
    *joined = false;
    if (p->at == p->end) { /* Java drops a backslash at the very end */
        *joined = true;
        return true;
    }
    uint8_t c = *p->at;
    if (is_end_of_line(c)) {
        skip_end_of_line(p);
        skip_blanks(p);
        *joined = true;
        return true;
    }
    p->at++;
    switch (c) {
    case 't': pdk_put_u8(&p->text, '\t'); return true;
    case 'n': pdk_put_u8(&p->text, '\n'); return true;
    case 'r': pdk_put_u8(&p->text, '\r'); return true;
    case 'f': pdk_put_u8(&p->text, '\f'); return true;
    case 'u': return read_unicode(p, why);
    default: break;
    }
    if (c == 0) {
        *why = "a character NUL is not allowed";
        return false;
    }
    pdk_put_u8(&p->text, c);
    return true;
}

/* Copies to the end of the logical line, for the key only to its separator. */
static bool read_part(struct pdk_props *p, bool key, const char **why)
{
    while (p->at < p->end && !is_end_of_line(*p->at)) {
        uint8_t c = *p->at;
        if (key && (c == '=' || c == ':' || is_blank(c))) break;
        p->at++;
        bool joined;
        if (c == '\\') {
            if (!read_escape(p, &joined, why)) return false;
        } else if (c == 0) {
            *why = "a character NUL is not allowed";
            return false;
        } else {
            pdk_put_u8(&p->text, c);
        }
    }
    if (p->text.failed) *why = "the entry is too long";
    return !p->text.failed;
}

/* Blanks within the logical line, joined lines included. */
static void skip_inner_blanks(struct pdk_props *p)
{
    for (;;) {
        skip_blanks(p);
        if (p->end - p->at < 2 || *p->at != '\\' || !is_end_of_line(p->at[1])) return;
        p->at++;
        skip_end_of_line(p);
    }
}

static struct pdk_slice trim(const uint8_t *bytes, size_t len)
{
    while (len > 0 && bytes[0] <= ' ') {
        bytes++;
        len--;
    }
    while (len > 0 && bytes[len - 1] <= ' ') len--;
    return pdk_slice_of(bytes, len);
}

enum pdk_props_got pdk_props_next(struct pdk_props *p, struct pdk_prop *out, const char **why)
{
    if (!skip_to_entry(p)) return PDK_PROPS_END;
    out->line = p->line;
    const uint8_t *start = p->at;
    pdk_buf_clear(&p->text);
    if (!read_part(p, true, why)) return PDK_PROPS_BAD;
    size_t key_len = p->text.len;
    skip_inner_blanks(p);
    if (p->at < p->end && (*p->at == '=' || *p->at == ':')) {
        p->at++;
        skip_inner_blanks(p);
    }
    if (!read_part(p, false, why)) return PDK_PROPS_BAD;
    if (p->at < p->end) skip_end_of_line(p);
    out->raw = pdk_slice_of(start, (size_t)(p->at - start));
    /* An empty buffer has no bytes to point into. */
    const uint8_t *bytes = p->text.len > 0 ? p->text.bytes : (const uint8_t *)"";
    out->key = trim(bytes, key_len);
    out->value = trim(bytes + key_len, p->text.len - key_len);
    return PDK_PROPS_ENTRY;
}
