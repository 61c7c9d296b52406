/* server/config_keys.h - the table of settings: one row per key of Apache, and ours.
 *
 * Adding a setting is adding a row (and, when the server uses it, a field of struct pdk_config).
 * Source: admin.md sections 2 to 5; the lookups of system properties in Apache's server. */
#ifndef PDK_SERVER_CONFIG_KEYS_H
#define PDK_SERVER_CONFIG_KEYS_H

#include "server/config.h"

enum pdk_config_kind {
    PDK_CONFIG_BOOL,     /* true or false, in any case; the field is a bool */
    PDK_CONFIG_YES_NO,   /* yes or no; the field is a bool */
    PDK_CONFIG_INT,      /* 32 bits (int32_t, uint32_t) */
    PDK_CONFIG_LONG,     /* 64 bits (int64_t, uint64_t, size_t) */
    PDK_CONFIG_UINT,     /* 32 bits without a sign (uint32_t) */
    PDK_CONFIG_HEX,      /* int64_t >= 0, hexadecimal digits only */
    PDK_CONFIG_REAL,     /* double from 0 to 1 */
    PDK_CONFIG_FACTOR,   /* double, any that is finite */
    PDK_CONFIG_TEXT,     /* const char *, never empty */
    PDK_CONFIG_FREE,     /* const char *, may be empty */
    PDK_CONFIG_SLICE,    /* struct pdk_slice */
    PDK_CONFIG_CHOICE,   /* one of `choices`; the field is an enum, 0 the first choice */
    PDK_CONFIG_DIGEST,   /* struct pdk_slice: name of a message digest */
    PDK_CONFIG_WORDS,    /* struct pdk_word_set */
    PDK_CONFIG_INTERVAL, /* int64_t milliseconds: hours, or a number with ms, s, m, h or d */
    PDK_CONFIG_SERVER,   /* a line about members: collected, see config_ensemble.c */
};

enum pdk_config_effect {
    PDK_CONFIG_USED,
    /* Known and checked, but of no effect ... */
    PDK_CONFIG_JVM,      /* ... since there is no JVM and no Netty, or no such cache or thread */
    PDK_CONFIG_MOOT,     /* ... since Paddock has one way only, which serves every choice */
    PDK_CONFIG_OBSERVES, /* ... yet: warns, nothing listens */
    PDK_CONFIG_LOST,     /* ... yet: warns that its feature is missing; nothing is less safe */
    PDK_CONFIG_UNSAFE,   /* refuses the start: the doc is the reason */
    PDK_CONFIG_PROTECTS, /* refuses the start; a bool only when true */
};

#define PDK_CONFIG_NO_FIELD SIZE_MAX

struct pdk_config_key {
    const char *name; /* without "zookeeper."; a '*' at the end stands for anything */
    enum pdk_config_kind kind;
    enum pdk_config_effect effect;
    size_t offset;        /* in struct pdk_config, or NO_FIELD */
    int64_t min, max;     /* INT, UINT, LONG */
    const char *choices;  /* CHOICE: "close|error"; an empty first choice is allowed.  Others: what
                           * is said to be allowed, NULL: what kind and range tell */
    const char *fallback; /* the default as a value; NULL: the doc tells it */
    const char *doc;      /* one line for operators, unit first */
};

const struct pdk_config_key *pdk_config_keys(size_t *count);

/* The row of a name, "zookeeper." or not; NULL when unknown. */
const struct pdk_config_key *pdk_config_key_find(struct pdk_slice name);
/* The known name that looks most like an unknown one, or NULL when none is near: at most a third of
 * its letters differ. */
const struct pdk_config_key *pdk_config_key_nearest(struct pdk_slice name);
/* "zookeeper." taken off. */
struct pdk_slice pdk_config_key_bare(struct pdk_slice name);
/* Must the value never be shown?  Unknown keys too: by the words in the name. */
bool pdk_config_key_secret(struct pdk_slice name);

/* Puts `value` (NUL terminated, no NUL inside) into its field, or only checks it without one.
 * False: not allowed, and `allowed` says what is ("a whole number from 1 to 2147483647"). */
bool pdk_config_key_set(struct pdk_config *config, const struct pdk_config_key *key,
                        const char *value, char *allowed, size_t allowed_cap);

/* A copy owned by the config. */
const char *pdk_config_own(struct pdk_config *config, struct pdk_slice text);

#endif
