/* core/store/install.h - a snapshot takes the place of a whole history, in one step.
 *
 * The journal `paddock.install` names the new snapshot and what it ends with.  While it is there
 * and the snapshot is there as it says, everything older goes: also at the next start, after a
 * crash in between.  Without the snapshot the journal says nothing, and the old history stands. */
#ifndef PDK_CORE_STORE_INSTALL_H
#define PDK_CORE_STORE_INSTALL_H

#include "core/store/store.h"

#define PDK_INSTALL_NAME "paddock.install"

struct pdk_install {
    pdk_zxid zxid;
    int64_t size_bytes;
    uint64_t adler; /* of the file's seal */
};

/* `temp`: the finished, synced file in the data folder. */
PDK_WARN_UNUSED enum pdk_err pdk_install_run(struct pdk_store *store,
                                             const struct pdk_install *install, const char *temp,
                                             struct pdk_diag *diag);
/* At the start: finishes what a crash has interrupted.  The marker must be open. */
PDK_WARN_UNUSED enum pdk_err pdk_install_finish(struct pdk_store *store, struct pdk_diag *diag);

#endif
