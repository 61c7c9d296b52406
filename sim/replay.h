/* sim/replay.h - recovery equals live: what a node logged, replayed, must give the node's state.
 *
 * For tests and fuzzers; a difference stops the process. */
#ifndef PDK_SIM_REPLAY_H
#define PDK_SIM_REPLAY_H

#include "sim/driver.h"

/* The next transaction of the driver's log from *at on; false at its end. */
bool pdk_sim_log_next(const struct pdk_sim_driver *d, size_t *at, struct pdk_slice *txn);
/* A second node of this configuration recovers from the driver's whole log.  Trees (each znode
 * with data, Stat, ACL, kind), sessions and zxid are compared; everything appended must have been
 * made durable. */
void pdk_sim_check_replay(const struct pdk_sim_driver *d, const struct pdk_node_config *config);

#endif
