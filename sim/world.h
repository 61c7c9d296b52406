/* sim/world.h - virtual time, every choice, the trace, and what was found wrong.
 *
 * One thread.  Things happen in the order of their time, those of the same time in the order in
 * which they were planned.  Every choice is drawn from one generator that the seed starts, so a run
 * repeats exactly.
 *
 * Threads: one. */
#ifndef PDK_SIM_WORLD_H
#define PDK_SIM_WORLD_H

#include "base/base.h"
#include "base/prng.h"

#define PDK_SIM_MS INT64_C(1000)
#define PDK_SIM_SECOND INT64_C(1000000)

/* What happens at a time: `a` and `b` are the planner's own. */
typedef void pdk_world_fn(void *ctx, uint64_t a, uint64_t b);

struct pdk_world_event;
struct pdk_world {
    uint64_t seed;
    struct pdk_prng prng;
    int64_t now_us;
    bool verbose;
    /* Of all that has happened, so that two runs can be compared. */
    uint64_t hash;
    uint64_t happened;
    /* The first thing that was wrong; then nothing more happens. */
    bool failed;
    char failure[2048];

    struct pdk_world_event *heap;
    size_t count, cap;
    uint64_t planned;
    int64_t same_time_us;
    uint64_t same_time_count;
};

void pdk_world_init(struct pdk_world *w, uint64_t seed, bool verbose);
void pdk_world_deinit(struct pdk_world *w);

void pdk_world_at(struct pdk_world *w, int64_t at_us, pdk_world_fn *run, void *ctx, uint64_t a,
                  uint64_t b);
/* The same, so long from now. */
void pdk_world_in(struct pdk_world *w, int64_t in_us, pdk_world_fn *run, void *ctx, uint64_t a,
                  uint64_t b);
/* Lets everything happen up to that time, or until something is wrong. */
void pdk_world_run_until(struct pdk_world *w, int64_t until_us);

/* ---- choices --------------------------------------------------------------------------------- */
uint64_t pdk_world_below(struct pdk_world *w, uint64_t bound);             /* 0..bound-1 */
int64_t pdk_world_between(struct pdk_world *w, int64_t low, int64_t high); /* both included */
bool pdk_world_one_in(struct pdk_world *w, uint64_t bound);
/* As between, but each order of magnitude is as likely as another; low > 0. */
int64_t pdk_world_about(struct pdk_world *w, int64_t low, int64_t high);

/* ---- what is seen ---------------------------------------------------------------------------- */
/* A line of the trace, printed when verbose; without a newline. */
void pdk_world_trace(struct pdk_world *w, const char *format, ...) PDK_PRINTF(2, 3);
/* Goes into the hash. */
void pdk_world_note(struct pdk_world *w, uint64_t what);
/* An invariant does not hold. */
void pdk_world_fail(struct pdk_world *w, const char *format, ...) PDK_PRINTF(2, 3);

#endif
