/* CRC-32 as zlib's, for texts of 16 bytes and more by carry-less multiplication where the processor
 * has it: the tree's digest takes two short CRCs per change, for which zlib's tables are slow.
 *
 * Method: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction"
 * (Intel, 2009), for the bit-reflected polynomial.  A bare CRC (nothing inverted at either end)
 * does not see zeros in front, so the odd bytes are taken first, as a block that begins with
 * zeros. */
#include "base/hash.h"

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define PDK_CLMUL __attribute__((target("pclmul,sse4.1")))

/* Powers of x modulo the polynomial: to move 128 bits on by 512 and by 128 bits, then to reduce. */
#define FOLD_512 _mm_set_epi64x(0x01c6e41596, 0x0154442bd4)
#define FOLD_128 _mm_set_epi64x(0x00ccaa009e, 0x01751997d0)
#define FOLD_64 _mm_set_epi64x(0, 0x0163cd6124)
#define BARRETT _mm_set_epi64x(0x01f7011641, 0x01db710641) /* quotient, polynomial */

static inline PDK_CLMUL __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline PDK_CLMUL __m128i fold(__m128i x, __m128i by, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(x, by, 0x00);
    __m128i high = _mm_clmulepi64_si128(x, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

static inline PDK_CLMUL uint32_t reduce(__m128i x)
{
    const __m128i low_words = _mm_setr_epi32(-1, 0, -1, 0);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, FOLD_128, 0x10));
    __m128i high = _mm_srli_si128(x, 4);
    x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, low_words), FOLD_64, 0x00), high);
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(x, low_words), BARRETT, 0x10);
    __m128i product = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_words), BARRETT, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, product), 1);
}

/* len >= 16 */
static PDK_CLMUL uint32_t crc32_clmul(uint32_t crc, const uint8_t *p, size_t len)
{
    /* Picks 16 bytes from behind 16 - n zeros: n = 0..15 odd bytes go to the end of their block. */
    static const uint8_t shifts[32] = {128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
                                       128, 128, 128, 128, 128, 0,   1,   2,   3,   4,   5,
                                       6,   7,   8,   9,   10,  11,  12,  13,  14,  15};
    const uint8_t *end = p + len;
    size_t odd = len & 15;
    uint64_t init = ~crc;
    __m128i x = _mm_xor_si128(load(p), _mm_cvtsi64_si128((long long)init & UINT32_MAX));
    if (odd > 0) {
        x = _mm_shuffle_epi8(x, load(shifts + odd));
        /* Of the four bytes of the start value, those beyond the odd bytes. */
        uint64_t rest = odd < 4 ? (init & UINT32_MAX) >> (8 * odd) : 0;
        __m128i next = _mm_xor_si128(load(p + odd), _mm_cvtsi64_si128((long long)rest));
        x = fold(x, FOLD_128, next);
        p += odd;
    }
    p += 16;
    if (end - p >= 112) { /* four lanes hide the latency of the multiplication */
        __m128i a = x, b = load(p), c = load(p + 16), d = load(p + 32);
        for (p += 48; end - p >= 64; p += 64) {
            a = fold(a, FOLD_512, load(p));
            b = fold(b, FOLD_512, load(p + 16));
            c = fold(c, FOLD_512, load(p + 32));
            d = fold(d, FOLD_512, load(p + 48));
        }
        x = fold(fold(fold(a, FOLD_128, b), FOLD_128, c), FOLD_128, d);
    }
    for (; p < end; p += 16) x = fold(x, FOLD_128, load(p));
    return ~reduce(x);
}

static bool has_clmul(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#else
static bool has_clmul(void) { return false; }
static uint32_t crc32_clmul(uint32_t crc, const uint8_t *p, size_t len)
{
    return (uint32_t)crc32_z(crc, p, len);
}
#endif

uint32_t pdk_crc32(uint32_t crc, const void *bytes, size_t len)
{
    if (len >= 16 && has_clmul()) return crc32_clmul(crc, bytes, len);
    /* zlib takes NULL as a wish to start over; here it may be an empty slice. */
    return len == 0 ? crc : (uint32_t)crc32_z(crc, bytes, len);
}
