/* core/store/resync.h - when a leader says that our history is not the ensemble's.
 *
 * TRUNC: forget the end of the log.  SNAP: forget everything, take the leader's tree.  Both are
 * durable before they return, survive a crash at any call (the folder then holds the old history
 * or the new one, never a mixture), and are followed by pdk_store_recover, which may be called
 * again on an open store.  Rules: zab.md section 5.5, known-bugs.md sections 1 and 5 (4837, 2872,
 * "old log survives SNAP", "TRUNC to absent zxid").
 *
 * Threads: the log thread, with nothing else of the log under way.  The caller sees to it that
 * neither a snapshot is being written nor a purge runs during _truncate and _spool_install: a
 * snapshot taken of the old history must not appear behind them. */
#ifndef PDK_CORE_STORE_RESYNC_H
#define PDK_CORE_STORE_RESYNC_H

#include "core/store/store.h"

/* Forgets every transaction above `zxid`, in logs and in snapshots newer than it.  The next append
 * opens a new file.  A `zxid` that the log skips is as good as the one before it (recovery tells).
 * PDK_ENOENT: impossible, because no whole snapshot at or below `zxid` is left, or the logs behind
 * it do not reach `zxid`; nothing has changed: only a SNAP can help.  Other errors are final: when
 * something has changed, nothing can be appended any more, and the next pdk_store_open finishes
 * it. */
PDK_WARN_UNUSED enum pdk_err pdk_store_truncate(struct pdk_store *store, pdk_zxid zxid,
                                                struct pdk_diag *diag);

/* A snapshot comes in pieces: begin, add ..., then install or abandon.  `zxid`: what the SNAP
 * packet said.  `body`: the stream from its first byte (sessions | ACLs | znodes | "/"), cut
 * anywhere, without "BenWasHere".  It is written to a private file, sealed as a snapshot and
 * synced; install renames it and then makes every older log and snapshot go (journalled: a crash
 * between is finished by the next pdk_store_open).
 * An error of _add or _install has abandoned it; the old history is untouched.  PDK_ECORRUPT: it is
 * not such a stream, or has no end.  Only when an error of _install came behind its decision is the
 * new history the one that counts: then nothing can be appended any more, and the next
 * pdk_store_open finishes it. */
PDK_WARN_UNUSED enum pdk_err pdk_store_spool_begin(struct pdk_store *store, pdk_zxid zxid,
                                                   struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_store_spool_add(struct pdk_store *store, struct pdk_slice body,
                                                 struct pdk_diag *diag);
PDK_WARN_UNUSED enum pdk_err pdk_store_spool_install(struct pdk_store *store,
                                                     struct pdk_diag *diag);
void pdk_store_spool_abandon(struct pdk_store *store);

#endif
