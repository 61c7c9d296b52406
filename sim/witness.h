/* sim/witness.h - what one client may see: zxids that never go back, events that are never late,
 * never missing and never doubled.
 *
 * A reply carries the zxid of the state that it shows.  Before it come the events of everything up
 * to that zxid which this client's watches ask for, in order; later ones have not come yet.  After
 * a reconnect setWatches makes up for what was missed, judged by the state at its answer.
 *
 * Threads: one. */
#ifndef PDK_SIM_WITNESS_H
#define PDK_SIM_WITNESS_H

#include "sim/judge.h"
#include "sim/oracle.h"

#define PDK_WITNESS_WATCHES 96u
#define PDK_WITNESS_EVENTS 512u

enum pdk_witness_kind { PDK_WITNESS_DATA, PDK_WITNESS_EXIST, PDK_WITNESS_CHILD };

struct pdk_witness_watch {
    enum pdk_witness_kind kind;
    char path[PDK_MODEL_PATH];
};
struct pdk_witness_event {
    pdk_zxid zxid; /* -1: of setWatches */
    int32_t type;
    char path[PDK_MODEL_PATH];
};

struct pdk_witness {
    struct pdk_world *world;
    struct pdk_judge *judge;
    struct pdk_oracle *oracle;
    const struct pdk_asker *asker;
    const char *name;
    pdk_zxid seen;     /* everything up to here has been accounted for */
    pdk_zxid synced;   /* reads must show at least this: a sync has returned */
    bool catching_up;  /* setWatches is on its way */
    pdk_zxid relative; /* what it says */
    struct pdk_witness_watch watches[PDK_WITNESS_WATCHES];
    size_t watch_count;
    struct pdk_witness_event got[PDK_WITNESS_EVENTS];
    size_t got_count;
    uint64_t events; /* that were right */
};

void pdk_witness_init(struct pdk_witness *w, struct pdk_judge *judge, struct pdk_oracle *oracle,
                      const struct pdk_asker *asker, const char *name);

/* A connection stands.  `sets_watches`: setWatches leaves on it, with this zxid. */
void pdk_witness_connected(struct pdk_witness *w, bool sets_watches, pdk_zxid relative);
/* It is gone. */
void pdk_witness_lost(struct pdk_witness *w);
void pdk_witness_event(struct pdk_witness *w, pdk_zxid zxid, int32_t type, struct pdk_slice path);
/* The answer to setWatches. */
void pdk_witness_caught_up(struct pdk_witness *w, pdk_zxid zxid);
/* Any other answer with a zxid. */
void pdk_witness_reply(struct pdk_witness *w, pdk_zxid zxid);
/* A read that was answered now has set a watch. */
void pdk_witness_watch(struct pdk_witness *w, enum pdk_witness_kind kind, const char *path);
size_t pdk_witness_room(const struct pdk_witness *w);

#endif
