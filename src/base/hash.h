/* base/hash.h - seeded hashing, checksums and digests.
 *
 * SipHash-1-3 keeps hostile names from piling up in one bucket; the seed comes from the shell's
 * entropy at start (from the run's seed in the simulator).  Adler-32 and CRC-32 are zlib's
 * (the disk formats' and the tree digest's); SHA-1 is OpenSSL's (digest authentication). */
#ifndef PDK_BASE_HASH_H
#define PDK_BASE_HASH_H

#include "base/base.h"

struct pdk_hash_seed {
    uint64_t k0, k1;
};

uint64_t pdk_siphash(const struct pdk_hash_seed *seed, const void *bytes, size_t len);
/* The hash of a key of two parts, the bytes and then `last`.  In a chain of lookups where `last`
 * comes out of the one before, the bytes' part does not wait for it. */
uint64_t pdk_siphash_pair(const struct pdk_hash_seed *seed, const void *bytes, size_t len,
                          uint64_t last);

/* Running checksums: start with PDK_ADLER32_INIT or PDK_CRC32_INIT. */
#define PDK_ADLER32_INIT 1u
#define PDK_CRC32_INIT 0u
uint32_t pdk_adler32(uint32_t adler, const void *bytes, size_t len);
uint32_t pdk_crc32(uint32_t crc, const void *bytes, size_t len);

/* Message digests by OpenSSL's name ("SHA1", "SHA-256", ...): writes at most 64 bytes to `out` and
 * their number to *out_len; PDK_EINVAL when the name is unknown. */
#define PDK_DIGEST_MAX 64
PDK_WARN_UNUSED enum pdk_err pdk_message_digest(const char *algorithm, struct pdk_slice text,
                                                uint8_t out[PDK_DIGEST_MAX], size_t *out_len);

/* Standard base64 with padding; `out` must hold PDK_BASE64_LEN(len) + 1 (a NUL is added). */
#define PDK_BASE64_LEN(len) (((len) + 2) / 3 * 4)
void pdk_base64(const uint8_t *bytes, size_t len, char *out);

#endif
