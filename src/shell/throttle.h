/* shell/throttle.h - how many new sessions may come in a while (connection_throttle_*).
 *
 * A bucket of tokens that fills with time; each ConnectRequest takes some.  With a freeze time set,
 * a bucket that was found empty also makes requests fail at random, more and more often while it
 * stays empty and less and less when it recovers, so that a herd of reconnecting clients is thinned
 * before it hits the wall.  Source: client-protocol.md section 13, admin.md section 5.
 *
 * Pure: time and the random source come in.  Threads: one. */
#ifndef PDK_SHELL_THROTTLE_H
#define PDK_SHELL_THROTTLE_H

#include "base/base.h"
#include "base/prng.h"

struct pdk_throttle_config {
    int64_t tokens;                   /* of a full bucket; <= 0: everything passes */
    int64_t fill_time_ms, fill_count; /* so many tokens each fill_time_ms (>= 1) */
    int64_t freeze_time_ms;           /* between two changes of the drop probability; < 0: none */
    double drop_increase, drop_decrease;
    double decrease_ratio; /* the bucket has recovered when at most this part of it is missing */
};

struct pdk_throttle {
    struct pdk_throttle_config config;
    int64_t tokens;
    int64_t filled_ms, frozen_ms; /* last time of each */
    double drop;                  /* 0..1 */
};

void pdk_throttle_init(struct pdk_throttle *t, const struct pdk_throttle_config *config,
                       int64_t now_ms);
/* May a request that costs `need` tokens pass?  Takes them when it may. */
bool pdk_throttle_pass(struct pdk_throttle *t, int64_t need, int64_t now_ms, struct pdk_prng *prng);
/* Tokens missing. */
int64_t pdk_throttle_deficit(const struct pdk_throttle *t);

#endif
