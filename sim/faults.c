/* What goes wrong, and when. */
#include "sim/ensemble.h"

#define HALF 2u

typedef void fault_fn(struct pdk_ensemble *e);

static uint64_t below(struct pdk_ensemble *e, uint64_t bound)
{
    return pdk_world_below(&e->world, bound);
}

static uint32_t some_server(struct pdk_ensemble *e)
{
    return 1 + (uint32_t)below(e, e->server_count);
}

/* Mostly around the mean, sometimes at once or late. */
static int64_t draw_gap_us(struct pdk_ensemble *e, int64_t mean_ms)
{
    return pdk_world_between(&e->world, 0, mean_ms * 2 * PDK_SIM_MS);
}

/* ---- crashes --------------------------------------------------------------------------------- */

static void restart(void *ctx, uint64_t sid, uint64_t unused)
{
    (void)unused;
    struct pdk_ensemble *e = ctx;
    struct pdk_simserver *s = e->servers[sid];
    if (e->stay_down[sid] || pdk_simserver_state(s) != PDK_SIMSERVER_OFF) return;
    pdk_simserver_start(s);
    if (pdk_simserver_state(s) == PDK_SIMSERVER_OFF && !e->world.failed)
        pdk_world_in(&e->world, 50 * PDK_SIM_MS, restart, e, sid, 0);
}

static int64_t draw_downtime_ms(struct pdk_ensemble *e)
{
    return pdk_world_about(&e->world, 10, e->swarm.faults.restart_max_ms);
}

void pdk_faults_crash(struct pdk_ensemble *e, uint32_t sid, enum pdk_net_death death,
                      int64_t restart_ms)
{
    struct pdk_simserver *s = e->servers[sid];
    if (pdk_simserver_state(s) == PDK_SIMSERVER_OFF) return;
    pdk_simserver_die(s, death);
    if (restart_ms >= 0) pdk_world_in(&e->world, restart_ms * PDK_SIM_MS, restart, e, sid, 0);
}

static enum pdk_net_death draw_death(struct pdk_ensemble *e)
{
    bool power = below(e, 4) < e->swarm.faults.power_of_4;
    e->faults.power_offs += power;
    e->faults.kills += !power;
    return power ? PDK_NET_POWER_OFF : PDK_NET_KILLED;
}

static void crash_some(struct pdk_ensemble *e)
{
    uint32_t first = some_server(e);
    /* Sometimes several at once. */
    uint32_t count = below(e, 6) == 0 ? 1 + (uint32_t)below(e, e->server_count) : 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t sid = 1 + (first - 1 + i) % e->server_count;
        pdk_faults_crash(e, sid, draw_death(e), draw_downtime_ms(e));
    }
}

static void crash_leader(struct pdk_ensemble *e)
{
    uint32_t leader = pdk_ensemble_leader(e);
    if (leader != 0) pdk_faults_crash(e, leader, draw_death(e), draw_downtime_ms(e));
}

/* Whoever has died in the disk's work comes back. */
static void look_for_dead(void *ctx, uint64_t sid, uint64_t tries)
{
    struct pdk_ensemble *e = ctx;
    if (pdk_simserver_state(e->servers[sid]) == PDK_SIMSERVER_OFF)
        pdk_world_in(&e->world, draw_downtime_ms(e) * PDK_SIM_MS, restart, e, sid, 0);
    else if (tries > 0)
        pdk_world_in(&e->world, 100 * PDK_SIM_MS, look_for_dead, e, sid, tries - 1);
}

static void stop_in_disk(struct pdk_ensemble *e)
{
    uint32_t sid = some_server(e);
    if (pdk_simserver_state(e->servers[sid]) == PDK_SIMSERVER_OFF) return;
    e->faults.disk_stops++;
    uint64_t calls = (uint64_t)pdk_world_about(&e->world, 1, 200) - 1;
    pdk_simserver_stop_in_disk(e->servers[sid], calls, draw_death(e));
    pdk_world_in(&e->world, 100 * PDK_SIM_MS, look_for_dead, e, sid, 600);
}

/* ---- the network ----------------------------------------------------------------------------- */

static void unblock(void *ctx, uint64_t from, uint64_t to)
{
    struct pdk_ensemble *e = ctx;
    if (!e->calm) pdk_net_block(e->net, (uint32_t)from, (uint32_t)to, false);
}

static void block(struct pdk_ensemble *e, uint32_t from, uint32_t to, int64_t for_us)
{
    pdk_net_block(e->net, from, to, true);
    pdk_world_in(&e->world, for_us, unblock, e, from, to);
}

/* Servers fall into two parts; clients of each part keep their servers. */
static void partition(struct pdk_ensemble *e)
{
    int64_t for_us = pdk_world_about(&e->world, 10, e->swarm.faults.partition_max_ms) * PDK_SIM_MS;
    bool one_way = below(e, 4) < e->swarm.faults.one_way_of_4;
    bool alone = below(e, HALF) == 0;
    uint32_t lonely = below(e, HALF) == 0 ? pdk_ensemble_leader(e) : some_server(e);
    uint64_t part = alone ? 1u << lonely : below(e, 1u << (e->server_count + 1));
    e->faults.partitions++;
    e->faults.one_ways += one_way;
    for (uint32_t a = 1; a <= e->server_count; a++) {
        for (uint32_t b = 1; b <= e->server_count; b++) {
            bool apart = (part >> a & 1) != (part >> b & 1);
            if (apart && (!one_way || (part >> a & 1) != 0)) block(e, a, b, for_us);
        }
    }
    pdk_world_trace(&e->world, "partition 0x%x%s for %lld ms", (unsigned)part,
                    one_way ? " one-way" : "", (long long)(for_us / PDK_SIM_MS));
}

static void clog_some(struct pdk_ensemble *e)
{
    int64_t for_us = pdk_world_about(&e->world, 5, e->swarm.faults.clog_max_ms) * PDK_SIM_MS;
    e->faults.clogs++;
    pdk_net_clog(e->net, some_server(e), some_server(e), e->world.now_us + for_us);
}

static void reset_one(struct pdk_ensemble *e)
{
    e->faults.resets += pdk_net_reset_one(e->net, PDK_NET_HOSTS, PDK_NET_HOSTS);
}

/* ---- servers' circumstances ------------------------------------------------------------------ */

static void go_on(void *ctx, uint64_t sid, uint64_t unused)
{
    (void)unused;
    pdk_simserver_pause(((struct pdk_ensemble *)ctx)->servers[sid], false);
}

static void pause_some(struct pdk_ensemble *e)
{
    uint32_t leader = pdk_ensemble_leader(e);
    uint32_t sid = leader != 0 && below(e, HALF) == 0 ? leader : some_server(e);
    int64_t for_us = pdk_world_about(&e->world, 5, e->swarm.faults.pause_max_ms) * PDK_SIM_MS;
    e->faults.pauses++;
    pdk_simserver_pause(e->servers[sid], true);
    pdk_world_in(&e->world, for_us, go_on, e, sid, 0);
}

static void jump_clock(struct pdk_ensemble *e)
{
    e->faults.clock_jumps++;
    pdk_simserver_jump_clock(e->servers[some_server(e)],
                             pdk_world_between(&e->world, -100000, 100000));
}

static void slow_disk(struct pdk_ensemble *e)
{
    int64_t for_us = pdk_world_about(&e->world, 10, e->swarm.faults.slow_disk_max_ms) * PDK_SIM_MS;
    e->faults.slow_disks++;
    pdk_simserver_slow_disk(e->servers[some_server(e)],
                            pdk_world_about(&e->world, 1, 1000) * PDK_SIM_MS,
                            e->world.now_us + for_us);
}

static void purge(struct pdk_ensemble *e)
{
    e->faults.purges++;
    pdk_simserver_purge(e->servers[some_server(e)]);
}

static void hand_over(struct pdk_ensemble *e)
{
    uint32_t leader = pdk_ensemble_leader(e);
    uint32_t sid = leader != 0 ? leader : some_server(e);
    e->faults.hand_overs++;
    pdk_simserver_hand_over(e->servers[sid],
                            below(e, HALF) == 0 ? PDK_SID_NONE : (pdk_sid)some_server(e));
}

static void vanish(struct pdk_ensemble *e)
{
    e->faults.vanished++;
    pdk_simclient_vanish(e->clients[below(e, e->swarm.clients)]);
}

/* ---- when ------------------------------------------------------------------------------------ */

struct kind {
    fault_fn *run;
    size_t rate; /* where its mean time stands in the rates */
};

static const struct kind kinds[] = {
    {crash_some, offsetof(struct pdk_fault_rates, crash_ms)},
    {crash_leader, offsetof(struct pdk_fault_rates, crash_leader_ms)},
    {stop_in_disk, offsetof(struct pdk_fault_rates, stop_in_disk_ms)},
    {partition, offsetof(struct pdk_fault_rates, partition_ms)},
    {clog_some, offsetof(struct pdk_fault_rates, clog_ms)},
    {reset_one, offsetof(struct pdk_fault_rates, reset_ms)},
    {pause_some, offsetof(struct pdk_fault_rates, pause_ms)},
    {jump_clock, offsetof(struct pdk_fault_rates, clock_ms)},
    {slow_disk, offsetof(struct pdk_fault_rates, slow_disk_ms)},
    {purge, offsetof(struct pdk_fault_rates, purge_ms)},
    {hand_over, offsetof(struct pdk_fault_rates, hand_over_ms)},
    {vanish, offsetof(struct pdk_fault_rates, client_silence_ms)},
};

static int64_t mean_ms(const struct pdk_ensemble *e, size_t kind)
{
    const char *rates = (const char *)&e->swarm.faults;
    return *(const int64_t *)(const void *)(rates + kinds[kind].rate);
}

static void strike(void *ctx, uint64_t kind, uint64_t unused)
{
    (void)unused;
    struct pdk_ensemble *e = ctx;
    if (e->calm) return;
    kinds[kind].run(e);
    pdk_world_in(&e->world, draw_gap_us(e, mean_ms(e, kind)), strike, e, kind, 0);
}

void pdk_faults_start(struct pdk_ensemble *e)
{
    for (size_t i = 0; i < PDK_COUNT_OF(kinds); i++) {
        int64_t mean = mean_ms(e, i);
        if (mean > 0) pdk_world_in(&e->world, draw_gap_us(e, mean), strike, e, i, 0);
    }
}
