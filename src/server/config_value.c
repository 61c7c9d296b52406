#include "server/config_keys.h"

#include "base/hash.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pdk_config_string {
    struct pdk_config_string *next;
    char text[];
};

const char *pdk_config_own(struct pdk_config *config, struct pdk_slice text)
{
    struct pdk_config_string *s = pdk_mem_must(config->mem, sizeof *s + text.len + 1);
    if (text.len > 0) memcpy(s->text, text.bytes, text.len);
    s->text[text.len] = '\0';
    s->next = config->strings;
    config->strings = s;
    return s->text;
}

void pdk_config_deinit(struct pdk_config *config)
{
    pdk_members_drop(config->node.ensemble.members);
    pdk_members_drop(config->node.ensemble.last_seen);
    config->node.ensemble.members = config->node.ensemble.last_seen = NULL;
    while (config->strings != NULL) {
        struct pdk_config_string *next = config->strings->next;
        pdk_mem_free(config->mem, config->strings);
        config->strings = next;
    }
}

static bool same_word(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a;
        int y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
        if (x != y) return false;
    }
    return *a == *b;
}

/* Decimal with a sign, or hexadecimal with 0x as Java's properties allow; nothing around it. */
static bool parse_whole(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    const char *first = hex ? digits + 2 : digits;
    bool is_digit = (*first >= '0' && *first <= '9') ||
                    (hex && ((*first | 0x20) >= 'a' && (*first | 0x20) <= 'f'));
    if (!is_digit) return false;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, hex ? 16 : 10);
    if (errno != 0 || *end != '\0') return false;
    *out = value;
    return true;
}

static bool parse_real(const char *text, double *out)
{
    for (const char *p = text; *p != '\0'; p++) { /* no "inf", no "nan", no hexadecimal */
        if (strchr("0123456789.+-eE", *p) == NULL) return false;
    }
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out);
}

static bool parse_hex(const char *text, int64_t *out)
{
    size_t len = strlen(text);
    if (len == 0 || len > 16 || strspn(text, "0123456789abcdefABCDEF") != len) return false;
    uint64_t value = strtoull(text, NULL, 16);
    *out = (int64_t)(value & INT64_MAX);
    return value <= INT64_MAX;
}

/* Index of the word in "a|b|c". */
static bool parse_choice(const char *text, const char *choices, int *out)
{
    size_t len = strlen(text);
    *out = 0;
    for (const char *at = choices;; (*out)++) {
        size_t n = strcspn(at, "|");
        char word[32];
        PDK_ASSERT(n < sizeof word);
        memcpy(word, at, n);
        word[n] = '\0';
        if (n == len && same_word(word, text)) return true;
        if (at[n] == '\0') return false;
        at += n + 1;
    }
}

#define HOUR_MS INT64_C(3600000)
#define INTERVAL_MS_MAX (INT64_C(1000000) * HOUR_MS)

/* A number of hours, or with a unit. */
static bool parse_interval(const char *text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", HOUR_MS}, {"d", 24 * HOUR_MS}};
    char number[32];
    size_t digits = strspn(text, "+-0123456789");
    if (digits >= sizeof number) return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    int64_t factor = text[digits] == '\0' ? HOUR_MS : 0;
    for (size_t i = 0; i < PDK_COUNT_OF(units); i++) {
        if (same_word(text + digits, units[i].unit)) factor = units[i].ms;
    }
    int64_t value;
    if (factor == 0 || !parse_whole(number, &value)) return false;
    if (value > INTERVAL_MS_MAX / factor) return false;
    *out = value < 0 ? 0 : value * factor;
    return true;
}

static bool is_digest(const char *name)
{
    uint8_t digest[PDK_DIGEST_MAX];
    size_t len;
    return pdk_message_digest(name, pdk_slice_str(""), digest, &len) == PDK_OK;
}

static void say_allowed(const struct pdk_config_key *key, char *out, size_t cap)
{
    if (key->kind != PDK_CONFIG_CHOICE && key->choices != NULL) {
        (void)snprintf(out, cap, "%s", key->choices);
        return;
    }
    switch (key->kind) {
    case PDK_CONFIG_BOOL: (void)snprintf(out, cap, "true or false"); return;
    case PDK_CONFIG_YES_NO: (void)snprintf(out, cap, "yes or no"); return;
    case PDK_CONFIG_INT:
    case PDK_CONFIG_UINT:
    case PDK_CONFIG_LONG:
        if (key->min <= INT32_MIN) {
            (void)snprintf(out, cap, "a whole number up to %lld", (long long)key->max);
        } else {
            (void)snprintf(out, cap, "a whole number from %lld to %lld", (long long)key->min,
                           (long long)key->max);
        }
        return;
    case PDK_CONFIG_HEX: (void)snprintf(out, cap, "a hexadecimal number"); return;
    case PDK_CONFIG_REAL: (void)snprintf(out, cap, "a number from 0 to 1"); return;
    case PDK_CONFIG_FACTOR: (void)snprintf(out, cap, "a number like 0.33"); return;
    case PDK_CONFIG_TEXT: (void)snprintf(out, cap, "a text that is not empty"); return;
    case PDK_CONFIG_CHOICE: {
        const char *rest = key->choices;
        size_t at = 0;
        for (bool first = true;; first = false) {
            int n = (int)strcspn(rest, "|");
            int put = snprintf(out + at, cap - at, "%s%.*s", first ? "" : " or ", n > 0 ? n : 7,
                               n > 0 ? rest : "nothing");
            at += (size_t)put < cap - at ? (size_t)put : cap - at - 1;
            if (rest[n] == '\0') return;
            rest += n + 1;
        }
    }
    case PDK_CONFIG_DIGEST:
        (void)snprintf(out, cap, "a digest of OpenSSL like SHA1, SHA-256 or SHA3-256");
        return;
    case PDK_CONFIG_INTERVAL:
        (void)snprintf(out, cap, "a number of hours up to 1000000, or one with ms, s, m, h or d");
        return;
    case PDK_CONFIG_FREE:
    case PDK_CONFIG_SLICE:
    case PDK_CONFIG_WORDS:
    case PDK_CONFIG_SERVER: (void)snprintf(out, cap, "any text"); return;
    }
    PDK_UNREACHABLE();
}

/* Copies a parsed value into the field of `key`, when it has one. */
static bool store(struct pdk_config *config, const struct pdk_config_key *key, const void *value,
                  size_t size)
{
    if (key->offset != PDK_CONFIG_NO_FIELD) memcpy((char *)config + key->offset, value, size);
    return true;
}

static bool set_number(struct pdk_config *config, const struct pdk_config_key *key,
                       const char *value)
{
    int64_t number;
    if (!parse_whole(value, &number) || number < key->min || number > key->max) return false;
    if (key->kind == PDK_CONFIG_LONG) return store(config, key, &number, sizeof number);
    if (key->kind == PDK_CONFIG_UINT) {
        uint32_t positive = (uint32_t)number;
        return store(config, key, &positive, sizeof positive);
    }
    PDK_ASSERT(key->min >= INT32_MIN && key->max <= INT32_MAX);
    int32_t small = (int32_t)number;
    return store(config, key, &small, sizeof small);
}

static bool set_text(struct pdk_config *config, const struct pdk_config_key *key, const char *value)
{
    if (key->offset == PDK_CONFIG_NO_FIELD) return true;
    const char *text = pdk_config_own(config, pdk_slice_str(value));
    if (key->kind == PDK_CONFIG_TEXT || key->kind == PDK_CONFIG_FREE)
        return store(config, key, &text, sizeof text);
    struct pdk_slice slice = pdk_slice_str(text);
    return store(config, key, &slice, sizeof slice);
}

static bool set_value(struct pdk_config *config, const struct pdk_config_key *key,
                      const char *value)
{
    switch (key->kind) {
    case PDK_CONFIG_BOOL:
    case PDK_CONFIG_YES_NO: {
        bool words = key->kind == PDK_CONFIG_BOOL;
        bool flag = same_word(value, words ? "true" : "yes");
        if (!flag && !same_word(value, words ? "false" : "no")) return false;
        return store(config, key, &flag, sizeof flag);
    }
    case PDK_CONFIG_INT:
    case PDK_CONFIG_UINT:
    case PDK_CONFIG_LONG: return set_number(config, key, value);
    case PDK_CONFIG_HEX: {
        int64_t number;
        return parse_hex(value, &number) && store(config, key, &number, sizeof number);
    }
    case PDK_CONFIG_REAL:
    case PDK_CONFIG_FACTOR: {
        double number;
        if (!parse_real(value, &number)) return false;
        if (key->kind == PDK_CONFIG_REAL && (number < 0 || number > 1)) return false;
        return store(config, key, &number, sizeof number);
    }
    case PDK_CONFIG_CHOICE: {
        int choice;
        return parse_choice(value, key->choices, &choice) &&
               store(config, key, &choice, sizeof choice);
    }
    case PDK_CONFIG_INTERVAL: {
        int64_t ms;
        return parse_interval(value, &ms) && store(config, key, &ms, sizeof ms);
    }
    case PDK_CONFIG_WORDS: {
        struct pdk_word_set words = pdk_word_set_parse(pdk_slice_str(value), NULL);
        return store(config, key, &words, sizeof words);
    }
    case PDK_CONFIG_TEXT: return *value != '\0' && set_text(config, key, value);
    case PDK_CONFIG_DIGEST: return is_digest(value) && set_text(config, key, value);
    case PDK_CONFIG_FREE:
    case PDK_CONFIG_SLICE: return set_text(config, key, value);
    case PDK_CONFIG_SERVER: return true;
    }
    PDK_UNREACHABLE();
}

_Static_assert(sizeof(enum pdk_oversize) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum pdk_peer_type) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(size_t) == sizeof(int64_t), "sizes are stored as int64_t");

bool pdk_config_key_set(struct pdk_config *config, const struct pdk_config_key *key,
                        const char *value, char *allowed, size_t allowed_cap)
{
    if (set_value(config, key, value)) return true;
    say_allowed(key, allowed, allowed_cap);
    return false;
}
