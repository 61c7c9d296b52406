#include "base/prng.h"

void pdk_prng_init(struct pdk_prng *g, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        g->s[i] = z ^ z >> 31;
    }
}

static inline uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }

uint64_t pdk_prng_next(struct pdk_prng *g)
{
    uint64_t result = rotl(g->s[1] * 5, 7) * 9;
    uint64_t t = g->s[1] << 17;
    g->s[2] ^= g->s[0];
    g->s[3] ^= g->s[1];
    g->s[1] ^= g->s[2];
    g->s[0] ^= g->s[3];
    g->s[2] ^= t;
    g->s[3] = rotl(g->s[3], 45);
    return result;
}

uint64_t pdk_prng_below(struct pdk_prng *g, uint64_t bound)
{
    PDK_ASSERT(bound > 0);
    /* Refuse the uneven rest, so that no value is favoured. */
    uint64_t rest = (UINT64_MAX - bound + 1) % bound;
    uint64_t x = 0;
    do {
        x = pdk_prng_next(g);
    } while (x < rest);
    return x % bound;
}
