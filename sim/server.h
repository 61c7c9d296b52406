/* sim/server.h - one simulated server: a disk, a clock, a network address, and, while it runs, a
 * process with the very node, store and recovery that ship.
 *
 * The driver is the simulator's twin of the shell: it carries effects out through a log "thread"
 * and background "threads" (fibers that give way at every call of the disk), reads and writes
 * streams, keeps time.  A process may be killed, lose its power, be stopped for a while, or die in
 * the middle of the disk's work; it restarts with recovery from what is left.
 *
 * Threads: one. */
#ifndef PDK_SIM_SERVER_H
#define PDK_SIM_SERVER_H

#include "core/node/node.h"
#include "sim/judge.h"
#include "sim/net.h"
#include "sim/swarm.h"

#define PDK_SIM_CLIENT_PORT 2181
#define PDK_SIM_QUORUM_PORT 2888
#define PDK_SIM_ELECTION_PORT 3888
#define PDK_SIM_OBSERVER_PORT 2191

enum pdk_simserver_state {
    PDK_SIMSERVER_OFF, /* no process */
    PDK_SIMSERVER_UP,
};

struct pdk_simserver;

struct pdk_simserver_config {
    struct pdk_world *world;
    struct pdk_net *net;
    struct pdk_judge *judge;
    const struct pdk_swarm *swarm; /* may change while it runs */
    uint32_t sid;                  /* 1.., also its host; judge's number, too */
    struct pdk_members *members;   /* NULL: standalone.  Held */
};

struct pdk_simserver *pdk_simserver_create(const struct pdk_simserver_config *config);
void pdk_simserver_destroy(struct pdk_simserver *s);

/* ---- life ------------------------------------------------------------------------------------ */
/* Recovers and serves; a disk that stops meanwhile makes it die again. */
void pdk_simserver_start(struct pdk_simserver *s);
/* Fine when it is off. */
void pdk_simserver_die(struct pdk_simserver *s, enum pdk_net_death death);
/* Stops in good order, as on SIGTERM, and looks whether anything was left in memory.  Only when
 * nothing is under way (pdk_simserver_idle). */
void pdk_simserver_stop(struct pdk_simserver *s);
bool pdk_simserver_idle(const struct pdk_simserver *s);
/* SIGSTOP and SIGCONT: the system takes bytes for it, as many as fit. */
void pdk_simserver_pause(struct pdk_simserver *s, bool on);
/* The disk stops in the middle of the call that is so many ahead; then the process dies. */
void pdk_simserver_stop_in_disk(struct pdk_simserver *s, uint64_t calls, enum pdk_net_death death);

/* ---- circumstances --------------------------------------------------------------------------- */
void pdk_simserver_jump_clock(struct pdk_simserver *s, int64_t ms);
/* Syncs take that much longer until then. */
void pdk_simserver_slow_disk(struct pdk_simserver *s, int64_t sync_us, int64_t until_us);
void pdk_simserver_purge(struct pdk_simserver *s);
void pdk_simserver_hand_over(struct pdk_simserver *s, pdk_sid to);

/* ---- questions ------------------------------------------------------------------------------- */
enum pdk_simserver_state pdk_simserver_state(const struct pdk_simserver *s);
bool pdk_simserver_is_paused(const struct pdk_simserver *s);
/* NULL: no process, or its tree is being loaded. */
const struct pdk_node *pdk_simserver_node(const struct pdk_simserver *s);
struct pdk_disk *pdk_simserver_disk(struct pdk_simserver *s);
uint32_t pdk_simserver_sid(const struct pdk_simserver *s);
/* How often its process was started. */
uint32_t pdk_simserver_life(const struct pdk_simserver *s);
/* Told of each effect before it is carried out (scripted scenarios). */
void pdk_simserver_watch(struct pdk_simserver *s,
                         void (*seen)(void *ctx, struct pdk_simserver *s,
                                      const struct pdk_effect *effect),
                         void *ctx);

#endif
