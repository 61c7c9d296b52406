/* sim/campaign.h - many seeds one after the other, each in a process of its own.
 *
 * A run that fails, crashes or hangs is told with the command that repeats it.  What happened is
 * added up: a campaign in which some kind of thing never happens has not tested it, and fails.
 *
 * Threads: one. */
#ifndef PDK_SIM_CAMPAIGN_H
#define PDK_SIM_CAMPAIGN_H

#include "sim/ensemble.h"

struct pdk_campaign_options {
    uint64_t first, seeds; /* seeds 0: until stopped */
    uint32_t voters;
    bool standalone;
    bool keep_going;      /* after a failure */
    bool need_everything; /* fail when a kind of thing never happened */
    bool quiet;           /* failures and the sum only */
    int64_t time_limit_s; /* 0: none */
    const char *program;  /* for the command that repeats */
};
struct pdk_campaign_sums {
    uint64_t runs, failures;
    uint64_t first_failure; /* seed */
    int64_t slowest_answer_ms;
    struct pdk_judge_counts judge;
    struct pdk_oracle_counts oracle;
    struct pdk_fault_counts faults;
    uint64_t events, happened;
};
/* The number of failures. */
uint64_t pdk_campaign_run(const struct pdk_campaign_options *options,
                          struct pdk_campaign_sums *sums);

#endif
