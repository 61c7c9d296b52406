/* sim/ensemble.h - a whole ensemble with its clients and its troubles, from one seed.
 *
 *   safety     anything may go wrong, any number of servers may be down; nothing may be violated
 *   liveness   a majority of the voters is healed for good; the others stay down, stay cut off, or
 *              come back.  Within a bounded time it must have a leader and answer every client
 *   agreement  everything is healed; all members must come to the same history and digest; then
 *              they stop in good order, start once more, and find it again
 *
 * Threads: one. */
#ifndef PDK_SIM_ENSEMBLE_H
#define PDK_SIM_ENSEMBLE_H

#include "sim/judge.h"
#include "sim/oracle.h"
#include "sim/server.h"
#include "sim/simclient.h"
#include "sim/swarm.h"

#define PDK_SIM_SERVERS_MAX 8u
#define PDK_SIM_CLIENTS_MAX 8u
#define PDK_SIM_CLIENT_HOST 16u

struct pdk_fault_counts {
    uint64_t kills, power_offs, disk_stops, partitions, one_ways, clogs, resets, pauses,
        clock_jumps;
    uint64_t slow_disks, purges, hand_overs, vanished;
};

struct pdk_ensemble {
    struct pdk_world world;
    struct pdk_swarm swarm;
    struct pdk_net *net;
    struct pdk_judge judge;
    struct pdk_oracle oracle;
    struct pdk_members *members; /* NULL: standalone */
    uint32_t server_count;
    struct pdk_simserver *servers[PDK_SIM_SERVERS_MAX + 1]; /* by sid, from 1 */
    struct pdk_simclient *clients[PDK_SIM_CLIENTS_MAX];
    struct pdk_fault_counts faults;
    bool calm;                               /* no more faults are planned */
    bool stay_down[PDK_SIM_SERVERS_MAX + 1]; /* not to be restarted now */
    int64_t healed_us, answered_us; /* liveness: when it began, when all had been answered */
};

/* The parts, nothing started.  `swarm`: copied. */
void pdk_ensemble_init(struct pdk_ensemble *e, uint64_t seed, bool verbose,
                       const struct pdk_swarm *swarm);
void pdk_ensemble_deinit(struct pdk_ensemble *e);

void pdk_ensemble_start_servers(struct pdk_ensemble *e);
void pdk_ensemble_start_clients(struct pdk_ensemble *e);
void pdk_ensemble_run_ms(struct pdk_ensemble *e, int64_t ms);
/* Until it holds, at most so long; then the time is up, and whether that is wrong is the caller's
 * to say. */
bool pdk_ensemble_await(struct pdk_ensemble *e, int64_t ms, bool (*holds)(struct pdk_ensemble *e));
/* The sid of the serving leader; 0: there is none. */
uint32_t pdk_ensemble_leader(const struct pdk_ensemble *e);
bool pdk_ensemble_has_leader(struct pdk_ensemble *e);
/* All members that run have applied everything committed, and serve. */
bool pdk_ensemble_agrees(struct pdk_ensemble *e);
void pdk_ensemble_cut_off(struct pdk_ensemble *e, uint32_t sid); /* from servers and clients */

/* ---- faults.c -------------------------------------------------------------------------------- */
/* Things begin to go wrong, as the swarm has it. */
void pdk_faults_start(struct pdk_ensemble *e);
/* A crash now, then a restart after a while unless it is to stay down. */
void pdk_faults_crash(struct pdk_ensemble *e, uint32_t sid, enum pdk_net_death death,
                      int64_t restart_ms);

/* ---- a whole run ----------------------------------------------------------------------------- */
struct pdk_run_result {
    bool failed;
    char failure[2048];
    uint64_t hash, happened;
    int64_t took_ms, healed_to_answer_ms; /* virtual */
    uint32_t voters, observers;
    struct pdk_judge_counts judge;
    struct pdk_oracle_counts oracle;
    struct pdk_fault_counts faults;
    uint64_t events;
};
struct pdk_run_options {
    uint64_t seed;
    uint32_t voters; /* 0: drawn */
    bool standalone, verbose;
};
void pdk_ensemble_run(const struct pdk_run_options *options, struct pdk_run_result *result);

#endif
