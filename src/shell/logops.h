/* shell/logops.h - the log thread's operations on a store: epochs, truncation, spooled snapshots.
 *
 * While one history takes the place of another the background thread rests: a snapshot of the old
 * one must not appear beside the new (ZOOKEEPER-4837), and a purge must not remove what it needs.
 *
 * Ownership: everything is borrowed.  Threads: filled before the log thread starts; then the log
 * thread's. */
#ifndef PDK_SHELL_LOGOPS_H
#define PDK_SHELL_LOGOPS_H

#include "shell/background.h"
#include "shell/logthread.h"

struct pdk_log_store {
    struct pdk_store *store;
    struct pdk_background *background;
    int64_t current_epoch, accepted_epoch; /* as stored; >= 0 */
    /* STORE_CONFIG's.  What fails there is told and changes nothing else. */
    enum pdk_err (*store_config)(void *ctx, const struct pdk_members *members, bool in_force,
                                 struct pdk_diag *diag);
    void *config_ctx;
    /* own */
    enum pdk_err spool_err; /* of the snapshot that is coming in: it will not be installed */
    struct pdk_diag spool_diag;
};

/* With the operations of `ls`, which must outlive the log thread. */
struct pdk_log_ops pdk_log_ops_with(struct pdk_log_store *ls);

#endif
