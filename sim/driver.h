/* sim/driver.h - a driver for a node without sockets, files or threads.
 *
 * Carries out a node's effects in memory: frames to connections are kept for the test to read,
 * pieces of the log wait until the test says that they are durable, snapshots until it says
 * written. Transcripts, the reference model and fuzzers drive the very objects that ship through
 * it.
 *
 * Threads: one. */
#ifndef PDK_SIM_DRIVER_H
#define PDK_SIM_DRIVER_H

#include "base/buf.h"
#include "core/node/node.h"
#include "core/node/query.h"

#define PDK_SIM_CONNS 64u

struct pdk_sim_conn {
    bool open; /* the node knows it */
    bool closed_by_node;
    bool paused;
    struct pdk_buf in; /* frames sent to it that have not been read, lengths included */
    size_t read_at;
    struct pdk_buf held; /* frames that wait because the node paused it */
};

struct pdk_sim_driver {
    struct pdk_node *node;
    struct pdk_now now;
    struct pdk_sim_conn conns[PDK_SIM_CONNS];
    pdk_zxid appended, durable;
    struct pdk_buf log;           /* every record appended, framed; checksums not sealed */
    struct pdk_snapshot_job *job; /* being written, or NULL */
    uint64_t snapshots, rolls;
    struct pdk_buf lines; /* log lines, one per line */
    bool auto_durable;    /* everything is durable at once */
};

/* Sensible values for tests: tick 2000, sessions 4000..40000, limits generous, digest on, TTL on.
 * */
struct pdk_node_config pdk_sim_config(uint64_t seed);
/* A fresh node that serves (its first snapshot is written at once). */
void pdk_sim_start(struct pdk_sim_driver *d, const struct pdk_node_config *config);
void pdk_sim_stop(struct pdk_sim_driver *d);

void pdk_sim_open(struct pdk_sim_driver *d, uint32_t conn, const char *address);
void pdk_sim_close(struct pdk_sim_driver *d, uint32_t conn);
/* One frame's body.  Kept back while the node has the connection paused; dropped when it is
 * closed. */
void pdk_sim_send(struct pdk_sim_driver *d, uint32_t conn, struct pdk_slice frame);
/* Everything appended so far is on the disk. */
void pdk_sim_durable(struct pdk_sim_driver *d);
/* Only up to zxid. */
void pdk_sim_durable_to(struct pdk_sim_driver *d, pdk_zxid zxid);
void pdk_sim_space(struct pdk_sim_driver *d, bool room);
/* Time passes; ticks as the node asks for them. */
void pdk_sim_advance(struct pdk_sim_driver *d, int64_t ms);
void pdk_sim_snapshot_written(struct pdk_sim_driver *d, enum pdk_err err);
/* Any other input, as it is. */
void pdk_sim_input(struct pdk_sim_driver *d, const struct pdk_input *input);
/* The next frame's body that the node sent to `conn`; false when there is none. */
bool pdk_sim_read(struct pdk_sim_driver *d, uint32_t conn, struct pdk_slice *frame);

#endif
