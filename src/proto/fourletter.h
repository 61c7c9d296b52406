/* proto/fourletter.h - the four letter words of operators, and which of them are allowed.
 *
 * Source: admin.md section 1.  A word stands where the length of a connection's first frame would.
 * Recognised only there; every one of them is larger than any frame limit in use, so an unknown
 * word ends as a frame that is too long. */
#ifndef PDK_PROTO_FOURLETTER_H
#define PDK_PROTO_FOURLETTER_H

#include "base/base.h"

enum pdk_word {
    PDK_WORD_NONE, /* not a word: a frame's length */
    PDK_WORD_RUOK,
    PDK_WORD_SRVR,
    PDK_WORD_STAT,
    PDK_WORD_CONF,
    PDK_WORD_CONS,
    PDK_WORD_CRST,
    PDK_WORD_SRST,
    PDK_WORD_DUMP,
    PDK_WORD_ENVI,
    PDK_WORD_MNTR,
    PDK_WORD_WCHS,
    PDK_WORD_WCHC,
    PDK_WORD_WCHP,
    PDK_WORD_DIRS,
    PDK_WORD_ISRO,
    PDK_WORD_HASH,
    PDK_WORD_GTMK,
    PDK_WORD_STMK,
    PDK_WORD_HAND,         /* ours: the leader hands over to a follower */
    PDK_WORD_TELNET_CLOSE, /* ff f4 ff fd: no output */
    PDK_WORD_COUNT,
};

enum pdk_word_flags {
    /* Answers also while the server is not serving (admin.md 1.3). */
    PDK_WORD_ANY_STATE = 1,
    /* Its answer has no newline at the end. */
    PDK_WORD_NO_NEWLINE = 2,
    /* 8 more bytes (the mask) belong to it. */
    PDK_WORD_ARGUMENT = 4,
    /* Changes more than counters: `*` does not allow it (decision 14). */
    PDK_WORD_BY_NAME_ONLY = 8,
};

/* `first4`: a connection's first four bytes as a big-endian number. */
enum pdk_word pdk_word_of(uint32_t first4);
/* "ruok"; "telnet close" for the sequence; "" for NONE.  Never NULL. */
const char *pdk_word_name(enum pdk_word word);
/* A sum of enum pdk_word_flags. */
unsigned pdk_word_flags_of(enum pdk_word word);

/* Which words are allowed. */
struct pdk_word_set {
    uint32_t bits; /* 1 << word */
};

/* From 4lw.commands.whitelist: names with commas between, blanks around them ignored, `*` for all
 * but those that must be named.  srvr is always in.  Names that are no word are skipped and counted
 * in *unknown_count (may be NULL). */
struct pdk_word_set pdk_word_set_parse(struct pdk_slice list, size_t *unknown_count);
static inline bool pdk_word_set_has(struct pdk_word_set set, enum pdk_word word)
{
    return (set.bits >> word & 1u) != 0;
}
static inline struct pdk_word_set pdk_word_set_with(struct pdk_word_set set, enum pdk_word word)
{
    return (struct pdk_word_set){set.bits | 1u << word};
}

#endif
