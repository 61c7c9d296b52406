/* One seed, from the first start to the last comparison (ensemble.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/disk.h"
#include "sim/ensemble.h"

/* Bounds of the later phases: so many ticks, and so much in any case. */
#define LIVENESS_TICKS 120
#define LIVENESS_FLOOR_MS 15000

static int64_t bound_ms(const struct pdk_ensemble *e)
{
    return (int64_t)e->swarm.tick_ms * LIVENESS_TICKS + LIVENESS_FLOOR_MS +
           4 * (int64_t)e->swarm.session_ms;
}

static uint64_t below(struct pdk_ensemble *e, uint64_t bound)
{
    return pdk_world_below(&e->world, bound);
}

/* ---- healing --------------------------------------------------------------------------------- */

/* Network and disks as they are on good days: fast against ticks and limits. */
static void calm_down(struct pdk_ensemble *e)
{
    e->calm = true;
    pdk_net_heal(e->net);
    struct pdk_net_config *n = &e->swarm.net;
    int64_t most_us = e->swarm.tick_ms * PDK_SIM_MS / 20;
    n->slow_one_in = 0;
    if (n->latency_max_us > most_us) n->latency_max_us = most_us;
    if (n->latency_min_us > n->latency_max_us) n->latency_min_us = n->latency_max_us;
    pdk_net_configure(e->net, n);
    struct pdk_disk_pace *p = &e->swarm.pace;
    p->slow_one_in = 0;
    if (p->sync_max_us > most_us) p->sync_max_us = most_us;
    if (p->sync_min_us > p->sync_max_us) p->sync_min_us = p->sync_max_us;
    if (p->call_max_us > 50) p->call_max_us = 50;
    for (uint32_t i = 1; i <= e->server_count; i++) {
        pdk_simserver_pause(e->servers[i], false);
        pdk_simserver_slow_disk(e->servers[i], 0, 0);
        pdk_disk_heal(pdk_simserver_disk(e->servers[i]));
    }
}

/* The healed ones: a majority of the voters, drawn. */
static uint64_t draw_majority(struct pdk_ensemble *e)
{
    uint32_t voters = e->swarm.voters, need = voters / 2 + 1;
    uint64_t chosen = 0;
    uint32_t count = need + (uint32_t)below(e, voters - need + 1);
    while (count > 0) {
        uint32_t sid = 1 + (uint32_t)below(e, voters);
        if ((chosen >> sid & 1) != 0) continue;
        chosen |= UINT64_C(1) << sid;
        count--;
    }
    return chosen;
}

/* The others: down, cut off, or healed as well. */
static void treat_other(struct pdk_ensemble *e, uint32_t sid)
{
    uint64_t kind = below(e, 3);
    pdk_world_trace(&e->world, "s%u: %s", sid,
                    kind == 0   ? "stays down"
                    : kind == 1 ? "is cut off"
                                : "is healed, too");
    if (kind == 0) {
        e->stay_down[sid] = true;
        pdk_simserver_die(e->servers[sid], PDK_NET_POWER_OFF);
    } else if (kind == 1) {
        pdk_ensemble_cut_off(e, sid);
    }
}

static bool start_missing(struct pdk_ensemble *e)
{
    for (uint32_t i = 1; i <= e->server_count && !e->world.failed; i++) {
        if (!e->stay_down[i] && pdk_simserver_state(e->servers[i]) == PDK_SIMSERVER_OFF)
            pdk_simserver_start(e->servers[i]);
    }
    return !e->world.failed;
}

/* ---- liveness -------------------------------------------------------------------------------- */

static bool all_answered(struct pdk_ensemble *e)
{
    bool all = true;
    for (uint32_t i = 0; i < e->swarm.clients; i++) {
        if (pdk_simclient_probed(e->clients[i])) continue;
        pdk_simclient_probe_again(e->clients[i]);
        all = false;
    }
    return all;
}

static void describe(struct pdk_ensemble *e, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint32_t i = 1; i <= e->server_count && at + 1 < cap; i++) {
        const struct pdk_judged *s = &e->judge.servers[i];
        struct pdk_member_summary m = {.role = PDK_ROLE_STANDALONE};
        const struct pdk_node *node = pdk_simserver_node(e->servers[i]);
        if (node != NULL && e->members != NULL) pdk_node_member(node, &m);
        int n =
            snprintf(out + at, cap - at,
                     " s%u %s%s epoch %" PRId64 " logged 0x%" PRIx64 " applied 0x%" PRIx64 ";", i,
                     node == NULL ? "off" : pdk_role_name(m.role), s->serves ? " serves" : "",
                     m.epoch, s->logged != NULL ? (uint64_t)s->logged->zxid : 0,
                     s->applied != NULL ? (uint64_t)s->applied->zxid : 0);
        at += n > 0 ? (size_t)n : 0;
    }
}

static void too_late(struct pdk_ensemble *e, const char *what)
{
    char text[1024];
    describe(e, text, sizeof text);
    if (!e->world.failed)
        pdk_world_fail(&e->world, "%s within %" PRId64 " ms; committed 0x%" PRIx64 ";%s", what,
                       bound_ms(e), (uint64_t)e->judge.committed->zxid, text);
}

static void liveness(struct pdk_ensemble *e)
{
    pdk_world_trace(&e->world, "---- liveness");
    calm_down(e);
    uint64_t chosen = draw_majority(e);
    for (uint32_t i = 1; i <= e->server_count; i++) {
        if ((chosen >> i & 1) == 0) treat_other(e, i);
    }
    if (!start_missing(e)) return;
    e->healed_us = e->world.now_us;
    for (uint32_t i = 0; i < e->swarm.clients; i++) pdk_simclient_forget_probe(e->clients[i]);
    if (!pdk_ensemble_await(e, bound_ms(e), all_answered))
        too_late(e, "a healed majority has not answered every client");
    e->answered_us = e->world.now_us;
}

/* ---- agreement ------------------------------------------------------------------------------- */

static bool all_idle(struct pdk_ensemble *e)
{
    for (uint32_t i = 1; i <= e->server_count; i++) {
        if (!pdk_simserver_idle(e->servers[i])) return false;
    }
    return true;
}

static void agreement(struct pdk_ensemble *e)
{
    pdk_world_trace(&e->world, "---- agreement");
    memset(e->stay_down, 0, sizeof e->stay_down);
    pdk_net_heal(e->net);
    for (uint32_t i = 0; i < e->swarm.clients; i++) pdk_simclient_hush(e->clients[i]);
    if (!start_missing(e)) return;
    if (!pdk_ensemble_await(e, bound_ms(e), pdk_ensemble_agrees))
        too_late(e, "the members do not agree");
    for (uint32_t i = 1; i <= e->server_count && !e->world.failed; i++)
        pdk_tree_validate(pdk_node_tree(pdk_simserver_node(e->servers[i])));
    if (!pdk_ensemble_await(e, bound_ms(e), all_idle)) too_late(e, "the members do not rest");
    if (e->world.failed) return;
    for (uint32_t i = 1; i <= e->server_count; i++) pdk_simserver_stop(e->servers[i]);
    for (uint32_t i = 1; i <= e->server_count && !e->world.failed; i++)
        pdk_simserver_start(e->servers[i]);
}

static void fill(struct pdk_ensemble *e, struct pdk_run_result *r)
{
    r->failed = e->world.failed;
    memcpy(r->failure, e->world.failure, sizeof r->failure);
    r->hash = e->world.hash;
    r->happened = e->world.happened;
    r->took_ms = e->world.now_us / PDK_SIM_MS;
    r->healed_to_answer_ms = (e->answered_us - e->healed_us) / PDK_SIM_MS;
    r->voters = e->swarm.voters;
    r->observers = e->swarm.observers;
    r->judge = e->judge.counts;
    r->oracle = e->oracle.counts;
    r->faults = e->faults;
    for (uint32_t i = 0; i < e->swarm.clients; i++)
        r->events += pdk_simclient_events(e->clients[i]);
}

void pdk_ensemble_run(const struct pdk_run_options *options, struct pdk_run_result *result)
{
    static _Thread_local struct pdk_ensemble e;
    struct pdk_swarm swarm;
    struct pdk_world drawing;
    memset(result, 0, sizeof *result);
    pdk_world_init(&drawing, options->seed * 2 + 1, false);
    pdk_swarm_draw(&swarm, &drawing, options->voters);
    if (options->standalone) {
        swarm.standalone = true;
        swarm.voters = 1;
        swarm.observers = 0;
    }
    if (options->verbose) pdk_swarm_print(&swarm);
    pdk_ensemble_init(&e, options->seed, options->verbose, &swarm);
    pdk_ensemble_start_servers(&e);
    pdk_ensemble_start_clients(&e);
    pdk_faults_start(&e);
    pdk_ensemble_run_ms(&e, e.swarm.safety_ms);
    if (!e.world.failed) liveness(&e);
    if (!e.world.failed) agreement(&e);
    fill(&e, result);
    pdk_ensemble_deinit(&e);
}
