#include "base/utf8.h"

struct piece {
    size_t len; /* bytes it takes */
    bool valid;
};

static bool continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* Whether `second` may follow `first`, a first byte of three or four (F5 and up: of none). */
static bool second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return first <= 0xf4 && continues(second);
    }
}

/* The first character of a text that is not empty, or how much of it is malformed together: as many
 * bytes as could have begun a character, and at least one. */
static struct piece first_piece(const uint8_t *p, size_t left)
{
    size_t want = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (want <= 1) return (struct piece){.len = 1, .valid = want == 1};
    size_t have = 1;
    while (have < want && have < left &&
           (have == 1 && want > 2 ? second_fits(p[0], p[1]) : continues(p[have])))
        have++;
    if (have < want) return (struct piece){.len = have, .valid = false};
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    return (struct piece){.len = have, .valid = !surrogate};
}

bool pdk_utf8_valid(struct pdk_slice text)
{
    for (size_t at = 0; at < text.len;) {
        struct piece piece = first_piece(text.bytes + at, text.len - at);
        if (!piece.valid) return false;
        at += piece.len;
    }
    return true;
}

void pdk_put_utf8(struct pdk_buf *b, struct pdk_slice text)
{
    for (size_t at = 0; at < text.len && !b->failed;) {
        struct piece piece = first_piece(text.bytes + at, text.len - at);
        if (piece.valid)
            pdk_put_raw(b, text.bytes + at, piece.len);
        else
            pdk_put_raw(b, "\xef\xbf\xbd", 3);
        at += piece.len;
    }
}
