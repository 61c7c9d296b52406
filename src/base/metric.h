/* base/metric.h - numbers that operators watch: counters, summaries, percentiles.
 *
 * A counter is a plain uint64_t that its owner adds to.  A summary keeps count, sum, smallest and
 * largest; a percentile summary also a histogram that is linear below 64 and has 32 steps per power
 * of two above, so that a percentile is at most 1/32 too large, and exact below 64.  Adding is a
 * handful of instructions without memory or locks.
 *
 * Apache's percentiles come from a random sample of all values since the last reset; ours from all
 * of them.
 *
 * Threads: one writer, who is also the reader.  What other threads measure they hand over. */
#ifndef PDK_BASE_METRIC_H
#define PDK_BASE_METRIC_H

#include "base/base.h"

/* All zero is the empty state. */
struct pdk_summary {
    uint64_t count, sum;
    uint64_t min, max; /* 0 while count is 0 */
};

static inline void pdk_summary_add(struct pdk_summary *s, uint64_t value)
{
    if (s->count == 0 || value < s->min) s->min = value;
    if (value > s->max) s->max = value;
    s->count++;
    s->sum += value;
}
void pdk_summary_merge(struct pdk_summary *into, const struct pdk_summary *from);
/* sum / count rounded to 4 decimals, as Apache does; 0 while empty. */
double pdk_summary_average(const struct pdk_summary *s);

#define PDK_PERCENTILE_STEP_BITS 5
#define PDK_PERCENTILE_VALUE_BITS 40 /* larger values count as 2^40 - 1 in the histogram */
#define PDK_PERCENTILE_BUCKETS \
    ((size_t)(PDK_PERCENTILE_VALUE_BITS - PDK_PERCENTILE_STEP_BITS + 1) << PDK_PERCENTILE_STEP_BITS)

/* All zero is the empty state.  About 9 KiB. */
struct pdk_percentiles {
    struct pdk_summary summary;
    uint64_t buckets[PDK_PERCENTILE_BUCKETS];
};

static inline size_t pdk_percentiles_bucket(uint64_t value)
{
    const uint64_t largest = (UINT64_C(1) << PDK_PERCENTILE_VALUE_BITS) - 1;
    if (value > largest) value = largest;
    /* How far the value must be shifted until STEP_BITS + 1 bits are left. */
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    unsigned shift = bits > PDK_PERCENTILE_STEP_BITS + 1 ? bits - PDK_PERCENTILE_STEP_BITS - 1 : 0;
    return ((size_t)shift << PDK_PERCENTILE_STEP_BITS) + (size_t)(value >> shift);
}
static inline void pdk_percentiles_add(struct pdk_percentiles *p, uint64_t value)
{
    pdk_summary_add(&p->summary, value);
    p->buckets[pdk_percentiles_bucket(value)]++;
}
void pdk_percentiles_merge(struct pdk_percentiles *into, const struct pdk_percentiles *from);
/* The smallest value v such that at least `per_mille` of a thousand values are <= v, rounded up to
 * its bucket's largest value but never above the largest value seen; 0 while empty.
 * per_mille: 1..1000 (p99 is 990). */
uint64_t pdk_percentiles_at(const struct pdk_percentiles *p, unsigned per_mille);

#endif
