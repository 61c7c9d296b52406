#include "sim/ensemble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICE_MS 20

/* ---- parts ----------------------------------------------------------------------------------- */

static struct pdk_members *make_members(const struct pdk_swarm *s)
{
    struct pdk_buf text;
    struct pdk_members *members = NULL;
    struct pdk_diag diag = {0};
    pdk_buf_init(&text, pdk_mem_heap(), 1 << 16);
    for (uint32_t i = 1; i <= s->voters + s->observers; i++)
        pdk_put_text(&text, "server.%u=s%u:%d:%d:%s;%d\n", i, i, PDK_SIM_QUORUM_PORT,
                     PDK_SIM_ELECTION_PORT, i <= s->voters ? "participant" : "observer",
                     PDK_SIM_CLIENT_PORT);
    enum pdk_err err = pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&text), 0, &members, &diag);
    PDK_ASSERT(err == PDK_OK);
    pdk_buf_deinit(&text);
    return members;
}

static int64_t led_since_us(void *ctx, int64_t epoch)
{
    const struct pdk_judge *j = ctx;
    if (epoch < 0 || epoch >= (int64_t)PDK_JUDGE_EPOCHS || j->epochs[epoch].leader == 0) return -1;
    return j->epochs[epoch].since_us;
}

void pdk_ensemble_init(struct pdk_ensemble *e, uint64_t seed, bool verbose,
                       const struct pdk_swarm *swarm)
{
    memset(e, 0, sizeof *e);
    pdk_world_init(&e->world, seed, verbose);
    e->swarm = *swarm;
    e->net = pdk_net_create(&e->world, &e->swarm.net);
    e->members = swarm->standalone ? NULL : make_members(swarm);
    pdk_judge_init(&e->judge, &e->world, &e->oracle, e->members);
    pdk_oracle_init(&e->oracle, &e->world, e->judge.histories.root);
    e->oracle.ensemble = e->members != NULL;
    e->oracle.tick_ms = swarm->tick_ms;
    if (e->members != NULL) {
        e->oracle.led_since_us = led_since_us;
        e->oracle.led_ctx = &e->judge;
    }
    e->server_count = swarm->voters + swarm->observers;
    PDK_ASSERT(e->server_count <= PDK_SIM_SERVERS_MAX && swarm->clients <= PDK_SIM_CLIENTS_MAX);
    for (uint32_t i = 1; i <= e->server_count; i++) {
        const struct pdk_simserver_config config = {.world = &e->world,
                                                    .net = e->net,
                                                    .judge = &e->judge,
                                                    .swarm = &e->swarm,
                                                    .sid = i,
                                                    .members = e->members};
        e->servers[i] = pdk_simserver_create(&config);
    }
    for (uint32_t i = 0; i < swarm->clients; i++) {
        const struct pdk_simclient_config config = {.world = &e->world,
                                                    .net = e->net,
                                                    .judge = &e->judge,
                                                    .oracle = &e->oracle,
                                                    .swarm = &e->swarm,
                                                    .host = PDK_SIM_CLIENT_HOST + i,
                                                    .servers = e->server_count};
        e->clients[i] = pdk_simclient_create(&config);
    }
}

void pdk_ensemble_deinit(struct pdk_ensemble *e)
{
    for (uint32_t i = 0; i < e->swarm.clients; i++) pdk_simclient_destroy(e->clients[i]);
    for (uint32_t i = 1; i <= e->server_count; i++) pdk_simserver_destroy(e->servers[i]);
    pdk_oracle_deinit(&e->oracle);
    pdk_judge_deinit(&e->judge);
    pdk_members_drop(e->members);
    pdk_net_destroy(e->net);
    pdk_world_deinit(&e->world);
}

void pdk_ensemble_start_servers(struct pdk_ensemble *e)
{
    for (uint32_t i = 1; i <= e->server_count && !e->world.failed; i++) {
        if (pdk_simserver_state(e->servers[i]) == PDK_SIMSERVER_OFF)
            pdk_simserver_start(e->servers[i]);
    }
}

void pdk_ensemble_start_clients(struct pdk_ensemble *e)
{
    for (uint32_t i = 0; i < e->swarm.clients; i++) pdk_simclient_start(e->clients[i]);
}

void pdk_ensemble_run_ms(struct pdk_ensemble *e, int64_t ms)
{
    pdk_world_run_until(&e->world, e->world.now_us + ms * PDK_SIM_MS);
}

bool pdk_ensemble_await(struct pdk_ensemble *e, int64_t ms, bool (*holds)(struct pdk_ensemble *e))
{
    int64_t until = e->world.now_us + ms * PDK_SIM_MS;
    while (!e->world.failed) {
        if (holds(e)) return true;
        if (e->world.now_us >= until) return false;
        pdk_ensemble_run_ms(e, SLICE_MS);
    }
    return false;
}

/* ---- questions ------------------------------------------------------------------------------- */

uint32_t pdk_ensemble_leader(const struct pdk_ensemble *e)
{
    if (e->members == NULL) return 1;
    for (uint32_t i = 1; i <= e->server_count; i++) {
        if (e->judge.servers[i].up && e->judge.servers[i].leads) return i;
    }
    return 0;
}

bool pdk_ensemble_has_leader(struct pdk_ensemble *e) { return pdk_ensemble_leader(e) != 0; }

bool pdk_ensemble_agrees(struct pdk_ensemble *e)
{
    for (uint32_t i = 1; i <= e->server_count; i++) {
        const struct pdk_judged *s = &e->judge.servers[i];
        if (e->stay_down[i]) continue;
        if (!s->up || s->applied != e->judge.committed || s->logged != e->judge.committed)
            return false;
        if (!s->serves) return false;
    }
    return true;
}

void pdk_ensemble_cut_off(struct pdk_ensemble *e, uint32_t sid)
{
    for (uint32_t host = 1; host < PDK_NET_HOSTS; host++) {
        if (host == sid) continue;
        pdk_net_block(e->net, sid, host, true);
        pdk_net_block(e->net, host, sid, true);
    }
}
