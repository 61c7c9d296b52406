#include "sim/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A run that takes longer than this hangs. */
#define RUN_SECONDS_MAX 300

/* ---- sums ------------------------------------------------------------------------------------ */

/* Both are nothing but counters. */
static void add_counts(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; i < bytes / sizeof *t; i++) t[i] += f[i];
}

static void add(struct pdk_campaign_sums *s, const struct pdk_run_result *r)
{
    add_counts(&s->judge, &r->judge, sizeof r->judge);
    add_counts(&s->oracle, &r->oracle, sizeof r->oracle);
    add_counts(&s->faults, &r->faults, sizeof r->faults);
    s->events += r->events;
    s->happened += r->happened;
    if (r->healed_to_answer_ms > s->slowest_answer_ms)
        s->slowest_answer_ms = r->healed_to_answer_ms;
}

static void print_sums(const struct pdk_campaign_sums *s)
{
    const struct pdk_judge_counts *j = &s->judge;
    const struct pdk_oracle_counts *o = &s->oracle;
    const struct pdk_fault_counts *f = &s->faults;
    printf("runs %" PRIu64 " failures %" PRIu64 " events %" PRIu64 " steps %" PRIu64
           " slowest answer after healing %" PRId64 " ms\n",
           s->runs, s->failures, s->happened, j->steps, s->slowest_answer_ms);
    printf("  commits %" PRIu64 " terms %" PRIu64 " (roll-overs %" PRIu64 ") recoveries %" PRIu64
           " (more than sure %" PRIu64 ") digests compared %" PRIu64 "\n",
           j->commits, j->elections, j->roll_overs, j->recoveries, j->recovered_more,
           j->digests_compared);
    printf("  syncs: DIFF %" PRIu64 " TRUNC %" PRIu64 " (done %" PRIu64 ", impossible %" PRIu64
           ") SNAP %" PRIu64 " (installed %" PRIu64 ") from the log %" PRIu64 "\n",
           j->diffs, j->truncs_sent, j->truncs, j->impossible_truncs, j->snaps, j->installs,
           j->log_streams);
    printf("  replies %" PRIu64 " writes %" PRIu64 " failed %" PRIu64 " refused %" PRIu64
           " lost %" PRIu64 " (committed after all %" PRIu64 ") reads %" PRIu64 " syncs %" PRIu64
           " events %" PRIu64 "\n",
           o->replies, o->writes, o->failed_writes, o->refused, o->lost, o->committed_after_loss,
           o->reads, o->syncs, s->events);
    printf("  sessions opened %" PRIu64 " closed %" PRIu64 " expired %" PRIu64
           " containers removed %" PRIu64 "\n",
           o->opens, o->closes, o->expiries, o->removals);
    printf("  kills %" PRIu64 " power %" PRIu64 " in-disk %" PRIu64 " partitions %" PRIu64
           " (one-way %" PRIu64 ") clogs %" PRIu64 " resets %" PRIu64 " pauses %" PRIu64
           " clocks %" PRIu64 " slow disks %" PRIu64 " purges %" PRIu64 " hand-overs %" PRIu64
           " vanished %" PRIu64 "\n",
           f->kills, f->power_offs, f->disk_stops, f->partitions, f->one_ways, f->clogs, f->resets,
           f->pauses, f->clock_jumps, f->slow_disks, f->purges, f->hand_overs, f->vanished);
}

/* What every campaign must have seen. */
static bool saw_everything(const struct pdk_campaign_sums *s, bool standalone)
{
    const struct {
        const char *what;
        uint64_t count;
        bool ensemble;
    } needs[] = {
        {"commits", s->judge.commits, false},
        {"recoveries that found more than was sure", s->judge.recovered_more, false},
        {"lost requests that were committed after all", s->oracle.committed_after_loss, false},
        {"expired sessions", s->oracle.expiries, false},
        {"closed sessions", s->oracle.closes, false},
        {"removed containers", s->oracle.removals, false},
        {"events", s->events, false},
        {"syncs", s->oracle.syncs, false},
        {"power failures", s->faults.power_offs, false},
        {"kills", s->faults.kills, false},
        {"stops in the disk's work", s->faults.disk_stops, false},
        {"purges", s->faults.purges, false},
        {"terms", s->judge.elections, true},
        {"roll-overs", s->judge.roll_overs, true},
        {"DIFF", s->judge.diffs, true},
        {"TRUNC", s->judge.truncs_sent, true},
        {"truncations", s->judge.truncs, true},
        {"SNAP", s->judge.snaps, true},
        {"installed snapshots", s->judge.installs, true},
        {"streams from the log", s->judge.log_streams, true},
        {"compared digests", s->judge.digests_compared, true},
        {"one-way partitions", s->faults.one_ways, true},
        {"hand-overs", s->faults.hand_overs, true},
    };
    bool all = true;
    for (size_t i = 0; i < PDK_COUNT_OF(needs); i++) {
        if (needs[i].count > 0 || (standalone && needs[i].ensemble)) continue;
        printf("nothing tested: no %s in %" PRIu64 " runs\n", needs[i].what, s->runs);
        all = false;
    }
    return all;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void tell_failure(const struct pdk_campaign_options *o, uint64_t seed, const char *what)
{
    printf("FAILED seed %" PRIu64 ": %s\n  again, with a trace: %s -v", seed, what, o->program);
    if (o->standalone) printf(" --standalone");
    if (o->voters > 0) printf(" --voters=%u", o->voters);
    printf(" %" PRIu64 "\n", seed);
    (void)fflush(stdout);
}

/* True: the run was good. */
static bool run_one(const struct pdk_campaign_options *o, uint64_t seed, struct pdk_run_result *r)
{
    memset(r, 0, sizeof *r);
    (void)fflush(stdout);
    pid_t child = fork();
    PDK_ASSERT(child >= 0);
    if (child == 0) {
        (void)alarm(RUN_SECONDS_MAX);
        struct pdk_run_options run = {
            .seed = seed, .voters = o->voters, .standalone = o->standalone};
        pdk_ensemble_run(&run, r);
        _exit(r->failed ? 1 : 0);
    }
    int status = 0;
    PDK_ASSERT(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    char text[96];
    const char *what = r->failure;
    if (!r->failed) {
        (void)snprintf(text, sizeof text, "%s %d",
                       WIFSIGNALED(status) ? "the run died of signal" : "the run exited with",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        what = text;
    }
    tell_failure(o, seed, what);
    return false;
}

uint64_t pdk_campaign_run(const struct pdk_campaign_options *o, struct pdk_campaign_sums *sums)
{
    memset(sums, 0, sizeof *sums);
    struct pdk_run_result *r =
        mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    PDK_ASSERT(r != MAP_FAILED);
    time_t start = time(NULL);
    for (uint64_t i = 0; o->seeds == 0 || i < o->seeds; i++) {
        if (o->time_limit_s > 0 && time(NULL) - start >= o->time_limit_s) break;
        uint64_t seed = o->first + i;
        bool good = run_one(o, seed, r);
        add(sums, r);
        sums->runs++;
        if (!good && sums->failures++ == 0) sums->first_failure = seed;
        if (!o->quiet && good)
            printf("ok seed %" PRIu64 ": %u voters %u observers, %" PRIu64 " commits, %" PRIu64
                   " terms, answer after %" PRId64 " ms, hash %016" PRIx64 "\n",
                   seed, r->voters, r->observers, r->judge.commits, r->judge.elections,
                   r->healed_to_answer_ms, r->hash);
        if (!good && !o->keep_going) break;
    }
    (void)munmap(r, sizeof *r);
    print_sums(sums);
    if (o->need_everything && sums->failures == 0 && !saw_everything(sums, o->standalone))
        sums->failures++;
    return sums->failures;
}
