#include "base/hash.h"

#include <openssl/evp.h>
#include <string.h>

static inline uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline struct sip sip_start(const struct pdk_hash_seed *seed)
{
    return (struct sip){.v0 = seed->k0 ^ 0x736f6d6570736575u,
                        .v1 = seed->k1 ^ 0x646f72616e646f6du,
                        .v2 = seed->k0 ^ 0x6c7967656e657261u,
                        .v3 = seed->k1 ^ 0x7465646279746573u};
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* The last 0 to 7 bytes of a text of `len` bytes as one number; host order will do, as values never
 * leave this process. */
static inline uint64_t sip_tail(const uint8_t *bytes, size_t len)
{
    size_t left = len & 7;
    uint64_t word = 0;
    uint32_t low = 0, high = 0;
    if (left == 0) return 0;
    const uint8_t *p = bytes + (len - left);
    if (len > 8) { /* reads back into what was hashed already, then drops it */
        memcpy(&word, p + left - 8, 8);
        return word >> (64 - 8 * left);
    }
    if (left < 4) /* 1, 2 or 3 bytes: first, middle, last */
        return (uint64_t)p[0] | (uint64_t)p[left / 2] << 8 * (left / 2) |
               (uint64_t)p[left - 1] << 8 * (left - 1);
    memcpy(&low, p, 4); /* the two halves may overlap, with the same bytes */
    memcpy(&high, p + left - 4, 4);
    return (uint64_t)low | (uint64_t)high << 8 * (left - 4);
}

/* All words of the text, the last of them with its length. */
static inline void sip_text(struct sip *s, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, 8);
        sip_word(s, word);
    }
    sip_word(s, (uint64_t)len << 56 | sip_tail(bytes, len));
}

static inline uint64_t sip_finish(struct sip *s)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t pdk_siphash(const struct pdk_hash_seed *seed, const void *bytes, size_t len)
{
    struct sip s = sip_start(seed);
    sip_text(&s, bytes, len);
    return sip_finish(&s);
}

uint64_t pdk_siphash_pair(const struct pdk_hash_seed *seed, const void *bytes, size_t len,
                          uint64_t last)
{
    struct sip s = sip_start(seed);
    sip_text(&s, bytes, len);
    sip_word(&s, last);
    return sip_finish(&s);
}

enum pdk_err pdk_message_digest(const char *algorithm, struct pdk_slice text,
                                uint8_t out[PDK_DIGEST_MAX], size_t *out_len)
{
    const EVP_MD *md = EVP_get_digestbyname(algorithm);
    unsigned int n = 0;
    if (md == NULL || EVP_MD_get_size(md) > PDK_DIGEST_MAX) return PDK_EINVAL;
    if (EVP_Digest(text.bytes, text.len, out, &n, md, NULL) != 1) return PDK_EINVAL;
    *out_len = n;
    return PDK_OK;
}

void pdk_base64(const uint8_t *bytes, size_t len, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (i + 1 < len) group |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < len) group |= bytes[i + 2];
        *out++ = letters[group >> 18 & 63];
        *out++ = letters[group >> 12 & 63];
        *out++ = i + 1 < len ? letters[group >> 6 & 63] : '=';
        *out++ = i + 2 < len ? letters[group & 63] : '=';
    }
    *out = '\0';
}
