/* sim: ensembles in one thread from a seed (ensemble.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign.h"

static const char usage[] =
    "usage: sim [options] [SEED]\n"
    "  SEED             one run, its options printed; without it many\n"
    "  -v               with its trace\n"
    "  --from=N         first seed of many (1)\n"
    "  --seeds=N        how many (100); 0: until stopped\n"
    "  --seconds=N      no new run begins after so long\n"
    "  --voters=N       instead of a number that the seed draws\n"
    "  --standalone     a server of its own, no ensemble\n"
    "  --keep-going     go on after a failure\n"
    "  --quiet          only failures and the sum\n"
    "  --everything     fail when a kind of synchronisation or fault never happened\n";

static bool number(const char *text, const char *name, uint64_t *out)
{
    size_t len = strlen(name);
    if (strncmp(text, name, len) != 0) return false;
    char *end = NULL;
    *out = strtoull(text + len, &end, 10);
    return end != text + len && *end == '\0';
}

static int run_single(const struct pdk_campaign_options *o, bool verbose)
{
    static struct pdk_run_result r;
    struct pdk_run_options run = {
        .seed = o->first, .voters = o->voters, .standalone = o->standalone, .verbose = verbose};
    /* What was said before an assertion must be seen. */
    if (verbose) (void)setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seed %" PRIu64 "\n", o->first);
    pdk_ensemble_run(&run, &r);
    printf("%s seed %" PRIu64 ": %" PRIu64 " events in %" PRId64 " ms, %" PRIu64
           " commits, %" PRIu64 " terms, answer after %" PRId64 " ms, hash %016" PRIx64 "\n",
           r.failed ? "FAILED" : "ok", o->first, r.happened, r.took_ms, r.judge.commits,
           r.judge.elections, r.healed_to_answer_ms, r.hash);
    if (r.failed) printf("  %s\n", r.failure);
    return r.failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct pdk_campaign_options o = {.first = 1, .seeds = 100, .program = argv[0]};
    bool single = false, verbose = false;
    for (int i = 1; i < argc; i++) {
        uint64_t n = 0;
        if (strcmp(argv[i], "-v") == 0) {
            verbose = true;
        } else if (number(argv[i], "--from=", &n)) {
            o.first = n;
        } else if (number(argv[i], "--seeds=", &n)) {
            o.seeds = n;
        } else if (number(argv[i], "--seconds=", &n)) {
            o.time_limit_s = (int64_t)n;
        } else if (number(argv[i], "--voters=", &n) && n >= 1 && n <= 5) {
            o.voters = (uint32_t)n;
        } else if (strcmp(argv[i], "--standalone") == 0) {
            o.standalone = true;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            o.keep_going = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            o.quiet = true;
        } else if (strcmp(argv[i], "--everything") == 0) {
            o.need_everything = true;
        } else if (number(argv[i], "", &n)) {
            single = true;
            o.first = n;
        } else {
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    if (single) return run_single(&o, verbose);
    struct pdk_campaign_sums sums;
    return pdk_campaign_run(&o, &sums) > 0 ? 1 : 0;
}
