/* base/prng.h - a small seeded generator (splitmix64 into xoshiro256**).
 *
 * For choices that must repeat from a seed: snapshot jitter, tests, the simulator.
 * Not for secrets. */
#ifndef PDK_BASE_PRNG_H
#define PDK_BASE_PRNG_H

#include "base/base.h"

struct pdk_prng {
    uint64_t s[4];
};

void pdk_prng_init(struct pdk_prng *g, uint64_t seed);
uint64_t pdk_prng_next(struct pdk_prng *g);
/* Even over 0..bound-1; bound >= 1. */
uint64_t pdk_prng_below(struct pdk_prng *g, uint64_t bound);

#endif
