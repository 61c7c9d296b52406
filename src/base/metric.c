#include "base/metric.h"

void pdk_summary_merge(struct pdk_summary *into, const struct pdk_summary *from)
{
    if (from->count == 0) return;
    if (into->count == 0 || from->min < into->min) into->min = from->min;
    if (from->max > into->max) into->max = from->max;
    into->count += from->count;
    into->sum += from->sum;
}

double pdk_summary_average(const struct pdk_summary *s)
{
    if (s->count == 0) return 0;
    double average = (double)s->sum / (double)s->count;
    /* Sums of years of microseconds still leave room for four decimals in 63 bits; what does not is
     * not worth rounding. */
    if (average >= 1e14) return average;
    return (double)(uint64_t)(average * 1e4 + 0.5) / 1e4;
}

void pdk_percentiles_merge(struct pdk_percentiles *into, const struct pdk_percentiles *from)
{
    if (from->summary.count == 0) return;
    pdk_summary_merge(&into->summary, &from->summary);
    for (size_t i = 0; i < PDK_PERCENTILE_BUCKETS; i++) into->buckets[i] += from->buckets[i];
}

/* Largest value of a bucket: the inverse of pdk_percentiles_bucket. */
static uint64_t largest_of(size_t bucket)
{
    const size_t steps = (size_t)1 << PDK_PERCENTILE_STEP_BITS;
    if (bucket < 2 * steps) return bucket;
    size_t shift = bucket / steps - 1;
    uint64_t step = (uint64_t)(bucket - shift * steps);
    return ((step + 1) << shift) - 1;
}

uint64_t pdk_percentiles_at(const struct pdk_percentiles *p, unsigned per_mille)
{
    PDK_ASSERT(per_mille >= 1 && per_mille <= 1000);
    uint64_t count = p->summary.count;
    if (count == 0) return 0;
    /* ceil(count * per_mille / 1000) without overflow */
    uint64_t rank = count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i < PDK_PERCENTILE_BUCKETS; i++) {
        seen += p->buckets[i];
        if (seen >= rank) {
            uint64_t value = largest_of(i);
            return value < p->summary.max ? value : p->summary.max;
        }
    }
    return p->summary.max;
}
