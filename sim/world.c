#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* More than this at one moment is a circle. */
#define SAME_TIME_MAX 2000000u

struct pdk_world_event {
    int64_t at_us;
    uint64_t order;
    pdk_world_fn *run;
    void *ctx;
    uint64_t a, b;
};

void pdk_world_init(struct pdk_world *w, uint64_t seed, bool verbose)
{
    *w = (struct pdk_world){.seed = seed, .verbose = verbose, .now_us = PDK_SIM_SECOND};
    pdk_prng_init(&w->prng, seed);
}

void pdk_world_deinit(struct pdk_world *w)
{
    free(w->heap);
    w->heap = NULL;
}

/* ---- the heap -------------------------------------------------------------------------------- */

static bool before(const struct pdk_world_event *a, const struct pdk_world_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct pdk_world_event *a, struct pdk_world_event *b)
{
    struct pdk_world_event was = *a;
    *a = *b;
    *b = was;
}

void pdk_world_at(struct pdk_world *w, int64_t at_us, pdk_world_fn *run, void *ctx, uint64_t a,
                  uint64_t b)
{
    if (w->count == w->cap) {
        w->cap = w->cap > 0 ? w->cap * 2 : 256;
        w->heap = realloc(w->heap, w->cap * sizeof *w->heap);
        PDK_ASSERT(w->heap != NULL);
    }
    size_t i = w->count++;
    w->heap[i] = (struct pdk_world_event){.at_us = at_us > w->now_us ? at_us : w->now_us,
                                          .order = w->planned++,
                                          .run = run,
                                          .ctx = ctx,
                                          .a = a,
                                          .b = b};
    while (i > 0 && before(&w->heap[i], &w->heap[(i - 1) / 2])) {
        swap(&w->heap[i], &w->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

void pdk_world_in(struct pdk_world *w, int64_t in_us, pdk_world_fn *run, void *ctx, uint64_t a,
                  uint64_t b)
{
    pdk_world_at(w, w->now_us + in_us, run, ctx, a, b);
}

static struct pdk_world_event take_first(struct pdk_world *w)
{
    struct pdk_world_event first = w->heap[0];
    w->heap[0] = w->heap[--w->count];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < w->count && before(&w->heap[left], &w->heap[least])) least = left;
        if (right < w->count && before(&w->heap[right], &w->heap[least])) least = right;
        if (least == i) return first;
        swap(&w->heap[i], &w->heap[least]);
        i = least;
    }
}

void pdk_world_run_until(struct pdk_world *w, int64_t until_us)
{
    while (!w->failed && w->count > 0 && w->heap[0].at_us <= until_us) {
        struct pdk_world_event e = take_first(w);
        if (e.at_us != w->same_time_us) w->same_time_count = 0;
        w->same_time_us = w->now_us = e.at_us;
        if (++w->same_time_count > SAME_TIME_MAX) {
            pdk_world_fail(w, "time stands still: something happens again and again at once");
            return;
        }
        w->happened++;
        e.run(e.ctx, e.a, e.b);
    }
    if (!w->failed && w->now_us < until_us) w->now_us = until_us;
}

/* ---- choices --------------------------------------------------------------------------------- */

uint64_t pdk_world_below(struct pdk_world *w, uint64_t bound)
{
    return pdk_prng_below(&w->prng, bound);
}

int64_t pdk_world_between(struct pdk_world *w, int64_t low, int64_t high)
{
    PDK_ASSERT(low <= high);
    return low + (int64_t)pdk_world_below(w, (uint64_t)(high - low) + 1);
}

bool pdk_world_one_in(struct pdk_world *w, uint64_t bound)
{
    return pdk_world_below(w, bound) == 0;
}

int64_t pdk_world_about(struct pdk_world *w, int64_t low, int64_t high)
{
    PDK_ASSERT(low > 0 && low <= high);
    int steps = 0;
    while (low << steps < high && steps < 40) steps++;
    int64_t floor = low << pdk_world_below(w, (uint64_t)steps + 1);
    int64_t top = floor * 2 < high ? floor * 2 : high;
    return floor < top ? pdk_world_between(w, floor, top) : top;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

void pdk_world_trace(struct pdk_world *w, const char *format, ...)
{
    if (!w->verbose) return;
    (void)printf("%10.3f ", (double)w->now_us / 1000.0);
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

void pdk_world_note(struct pdk_world *w, uint64_t what)
{
    uint64_t h = w->hash ^ (what + 0x9e3779b97f4a7c15u + (w->hash << 6) + (w->hash >> 2));
    h = (h ^ (h >> 31)) * 0xbf58476d1ce4e5b9u;
    w->hash = h ^ (uint64_t)w->now_us;
}

void pdk_world_fail(struct pdk_world *w, const char *format, ...)
{
    if (w->failed) return;
    w->failed = true;
    int at = snprintf(w->failure, sizeof w->failure, "at %.3f ms: ", (double)w->now_us / 1000.0);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(w->failure + at, sizeof w->failure - (size_t)at, format, args);
    va_end(args);
    pdk_world_trace(w, "WRONG %s", w->failure);
}
