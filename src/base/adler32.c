/* Adler-32 as zlib's, 32 bytes at a time where the processor has AVX2: every byte of log and
 * snapshots passes through here, when written and when read. */
#include "base/hash.h"

#include <zlib.h>

#define MODULUS 65521u

#if defined(__x86_64__)
#include <immintrin.h>
#define PDK_AVX2 __attribute__((target("avx2")))

#define BLOCK 32u
/* The sums of so many blocks fit into 32 bits, as zlib's limit of 5552 bytes. */
#define BLOCKS_MAX 173u

static inline PDK_AVX2 uint64_t sum_of(__m256i lanes)
{
    uint32_t lane[8];
    uint64_t sum = 0;
    _mm256_storeu_si256((__m256i *)(void *)lane, lanes);
    for (size_t i = 0; i < 8; i++) sum += lane[i];
    return sum;
}

/* Per block: b grows by 32 times the a before it, and by its bytes weighted 32, 31, ... 1. */
static PDK_AVX2 uint32_t adler32_avx2(uint32_t adler, const uint8_t *p, size_t len)
{
    const __m256i weights =
        _mm256_setr_epi8(32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,
                         13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
    const __m256i ones = _mm256_set1_epi16(1), zero = _mm256_setzero_si256();
    uint64_t a = adler & 0xffff, b = adler >> 16;
    while (len >= BLOCK) {
        size_t blocks = pdk_min_size(len / BLOCK, BLOCKS_MAX);
        len -= blocks * BLOCK;
        b += a * BLOCK * blocks;
        __m256i bytes = zero, weighted = zero, before = zero;
        for (; blocks > 0; blocks--, p += BLOCK) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
            before = _mm256_add_epi32(before, bytes);
            bytes = _mm256_add_epi32(bytes, _mm256_sad_epu8(x, zero));
            __m256i pairs = _mm256_maddubs_epi16(x, weights);
            weighted = _mm256_add_epi32(weighted, _mm256_madd_epi16(pairs, ones));
        }
        a = (a + sum_of(bytes)) % MODULUS;
        b = (b + BLOCK * sum_of(before) + sum_of(weighted)) % MODULUS;
    }
    for (; len > 0; len--) {
        a += *p++;
        b += a;
    }
    return (uint32_t)(b % MODULUS << 16 | a % MODULUS);
}

static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
static bool has_avx2(void) { return false; }
static uint32_t adler32_avx2(uint32_t adler, const uint8_t *p, size_t len)
{
    return (uint32_t)adler32_z(adler, p, len);
}
#endif

uint32_t pdk_adler32(uint32_t adler, const void *bytes, size_t len)
{
    if (len >= 64 && has_avx2()) return adler32_avx2(adler, bytes, len);
    /* zlib takes NULL as a wish to start over; here it may be an empty slice. */
    return len == 0 ? adler : (uint32_t)adler32_z(adler, bytes, len);
}
