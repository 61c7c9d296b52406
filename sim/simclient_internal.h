/* sim/simclient_internal.h - a simulated client's memory: simclient.c drives the client core,
 * workload.c decides what to ask for. */
#ifndef PDK_SIM_SIMCLIENT_INTERNAL_H
#define PDK_SIM_SIMCLIENT_INTERNAL_H

#include "sim/simclient.h"

struct pdk_simclient {
    struct pdk_simclient_config config;
    struct pdk_world *world;
    struct pdk_net *net;
    struct pdk_oracle *oracle;
    char name[8];
    bool hushed;
    uint32_t life; /* counts sessions */
    uint64_t events_before;

    struct pdk_client *client; /* NULL between two sessions */
    struct pdk_asker *asker;
    struct pdk_witness witness;
    pdk_end end;
    uint32_t server, connection;
    bool said_connect, was_connected, over, closing;
    int64_t tick_us;
    struct pdk_buf in;
    struct pdk_buf record; /* scratch */
    struct pdk_call *probe[3];
    uint32_t probe_life; /* the session that it was asked on */
};

/* Takes effects, sends what there is to send. */
void pdk_simclient_pump(struct pdk_simclient *c);
/* Asks for something, again and again (workload.c). */
void pdk_simclient_work(struct pdk_simclient *c);

#endif
