/* sim/simclient.h - a client program: the real client core, a workload drawn at random, and a
 * witness of everything that it is told.
 *
 * It connects to the servers in turn, asks for something now and then, several things at once, and
 * begins a new session when its own has ended.  Now and then it falls silent for good, so that its
 * session expires.
 *
 * Threads: one. */
#ifndef PDK_SIM_SIMCLIENT_H
#define PDK_SIM_SIMCLIENT_H

#include "client/core/client.h"
#include "sim/net.h"
#include "sim/swarm.h"
#include "sim/witness.h"

struct pdk_simclient_config {
    struct pdk_world *world;
    struct pdk_net *net;
    struct pdk_judge *judge;
    struct pdk_oracle *oracle;
    const struct pdk_swarm *swarm;
    uint32_t host;    /* its own */
    uint32_t servers; /* hosts 1..servers */
};

struct pdk_simclient;
struct pdk_simclient *pdk_simclient_create(const struct pdk_simclient_config *config);
void pdk_simclient_destroy(struct pdk_simclient *c);

void pdk_simclient_start(struct pdk_simclient *c);
/* Asks for nothing more by itself. */
void pdk_simclient_hush(struct pdk_simclient *c);
/* Closes nothing, says nothing: its session will expire.  A new one begins later. */
void pdk_simclient_vanish(struct pdk_simclient *c);

/* ---- scripted use ---------------------------------------------------------------------------- */
/* A write, a sync and a read behind each other, when there is a session and no probe under way. */
void pdk_simclient_probe_again(struct pdk_simclient *c);
void pdk_simclient_forget_probe(struct pdk_simclient *c);
/* Have all three been answered since? */
bool pdk_simclient_probed(const struct pdk_simclient *c);
/* Each returns the call, whose fate can be followed; NULL: there is no session to ask on. */
struct pdk_call *pdk_simclient_create_node(struct pdk_simclient *c, const char *path,
                                           const char *data, int32_t flags);
struct pdk_call *pdk_simclient_set(struct pdk_simclient *c, const char *path, const char *data);
struct pdk_call *pdk_simclient_get(struct pdk_simclient *c, const char *path, bool watch);
struct pdk_call *pdk_simclient_sync(struct pdk_simclient *c);
struct pdk_call *pdk_simclient_close(struct pdk_simclient *c);

enum pdk_client_state pdk_simclient_state(const struct pdk_simclient *c);
uint64_t pdk_simclient_events(const struct pdk_simclient *c);
uint32_t pdk_simclient_server(const struct pdk_simclient *c); /* 0: none */

#endif
