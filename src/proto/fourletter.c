#include "proto/fourletter.h"

#include "base/reader.h"

#define TELNET_CLOSE 0xfff4fffdu

_Static_assert(PDK_WORD_COUNT <= 32, "a word set has 32 bits");

struct word {
    const char *name;
    unsigned flags;
};

static const struct word words[PDK_WORD_COUNT] = {
    [PDK_WORD_NONE] = {"", 0},
    [PDK_WORD_RUOK] = {"ruok", PDK_WORD_ANY_STATE | PDK_WORD_NO_NEWLINE},
    [PDK_WORD_SRVR] = {"srvr", 0},
    [PDK_WORD_STAT] = {"stat", 0},
    [PDK_WORD_CONF] = {"conf", 0},
    [PDK_WORD_CONS] = {"cons", 0},
    [PDK_WORD_CRST] = {"crst", 0},
    [PDK_WORD_SRST] = {"srst", 0},
    [PDK_WORD_DUMP] = {"dump", 0},
    [PDK_WORD_ENVI] = {"envi", PDK_WORD_ANY_STATE},
    [PDK_WORD_MNTR] = {"mntr", 0},
    [PDK_WORD_WCHS] = {"wchs", 0},
    [PDK_WORD_WCHC] = {"wchc", 0},
    [PDK_WORD_WCHP] = {"wchp", 0},
    [PDK_WORD_DIRS] = {"dirs", 0},
    [PDK_WORD_ISRO] = {"isro", PDK_WORD_ANY_STATE | PDK_WORD_NO_NEWLINE},
    [PDK_WORD_HASH] = {"hash", 0},
    [PDK_WORD_GTMK] = {"gtmk", PDK_WORD_ANY_STATE | PDK_WORD_NO_NEWLINE},
    [PDK_WORD_STMK] = {"stmk", PDK_WORD_ANY_STATE | PDK_WORD_NO_NEWLINE | PDK_WORD_ARGUMENT},
    [PDK_WORD_HAND] = {"hand", PDK_WORD_ANY_STATE | PDK_WORD_BY_NAME_ONLY},
    [PDK_WORD_TELNET_CLOSE] = {"telnet close", PDK_WORD_ANY_STATE | PDK_WORD_NO_NEWLINE},
};

enum pdk_word pdk_word_of(uint32_t first4)
{
    if (first4 == TELNET_CLOSE) return PDK_WORD_TELNET_CLOSE;
    for (enum pdk_word w = PDK_WORD_NONE + 1; w < PDK_WORD_TELNET_CLOSE; w++) {
        if (first4 == pdk_load_u32((const uint8_t *)words[w].name)) return w;
    }
    return PDK_WORD_NONE;
}

const char *pdk_word_name(enum pdk_word word)
{
    PDK_ASSERT(word < PDK_WORD_COUNT);
    return words[word].name;
}

unsigned pdk_word_flags_of(enum pdk_word word)
{
    PDK_ASSERT(word < PDK_WORD_COUNT);
    return words[word].flags;
}

/* Blanks and control characters at both ends do not count, as Java's trim has it. */
static struct pdk_slice trim(struct pdk_slice s)
{
    while (s.len > 0 && s.bytes[0] <= ' ') s = pdk_slice_of(s.bytes + 1, s.len - 1);
    while (s.len > 0 && s.bytes[s.len - 1] <= ' ') s.len--;
    return s;
}

/* The bits that one entry of the list stands for; 0 when it is no word. */
static uint32_t bits_of(struct pdk_slice entry)
{
    bool all = pdk_slice_eq_str(entry, "*");
    uint32_t bits = 0;
    for (enum pdk_word w = PDK_WORD_NONE + 1; w < PDK_WORD_COUNT; w++) {
        bool meant = all ? (words[w].flags & PDK_WORD_BY_NAME_ONLY) == 0
                         : pdk_slice_eq_str(entry, words[w].name);
        if (meant) bits |= 1u << w;
    }
    return bits;
}

struct pdk_word_set pdk_word_set_parse(struct pdk_slice list, size_t *unknown_count)
{
    struct pdk_word_set set = pdk_word_set_with((struct pdk_word_set){0}, PDK_WORD_SRVR);
    size_t unknown = 0;
    for (size_t from = 0; from < list.len;) {
        size_t to = from;
        while (to < list.len && list.bytes[to] != ',') to++;
        struct pdk_slice entry = trim(pdk_slice_of(list.bytes + from, to - from));
        uint32_t bits = bits_of(entry);
        if (bits == 0 && entry.len > 0) unknown++;
        set.bits |= bits;
        from = to + 1;
    }
    if (unknown_count != NULL) *unknown_count = unknown;
    return set;
}
