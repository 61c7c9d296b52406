/* server/wire.h - a server made of its parts: store, node, sockets, threads, signals.  Standalone,
 * or a member of an ensemble when its config names members.
 *
 * Order of a start: data folders and lock, recovery, node, log and background threads, listening.
 * Nobody is accepted before everything is recovered.
 *
 * Order of a stop (SIGTERM, SIGINT, SIGHUP): a leader hands over to the member that is best
 * prepared (two seconds at most); nobody is accepted and nothing read any more; what is proposed
 * is written and answered; queued replies go out; connections are closed.  All that within
 * shutdown_timeout_ms; a second signal ends the process at once. */
#ifndef PDK_SERVER_WIRE_H
#define PDK_SERVER_WIRE_H

#include "base/log.h"
#include "server/config.h"

/* Apache's exit codes (admin.md section 9). */
enum pdk_exit {
    PDK_EXIT_OK = 0,
    PDK_EXIT_UNEXPECTED = 1, /* the port is taken, no memory, ... */
    PDK_EXIT_CONFIG = 2,     /* bad arguments or config */
    PDK_EXIT_DATA_DIR = 3,   /* cannot be made, opened or locked */
    PDK_EXIT_DISK = 10,      /* snapshot or log: damaged, or it failed while serving */
    PDK_EXIT_PEER_PORT = 14, /* the port for elections or for learners is taken */
};

/* Serves until a signal or a failure; returns the exit code, after an error line when it is not 0.
 * `config` is borrowed; `log` must take lines from any thread.  Blocks the signals named above in
 * the calling thread, which becomes the core thread. */
int pdk_server_run(const struct pdk_config *config, const struct pdk_log *log);

#endif
