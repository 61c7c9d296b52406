/* core/store/snapstream.h - a snapshot as it travels to a learner (zab.md section 5.4).
 *
 * sessions | ACL table | znodes ... | "/" | ustring "BenWasHere": raw, without length, header or
 * checksum.  How its end is found where it arrives: proto/snapscan.h. */
#ifndef PDK_CORE_STORE_SNAPSTREAM_H
#define PDK_CORE_STORE_SNAPSTREAM_H

#include "core/store/store.h"

/* Writes the stream of a frozen view in pieces of about `piece_bytes`.  `write` may wait, and may
 * stop it with an error.  Threads: any that may read the view. */
PDK_WARN_UNUSED enum pdk_err pdk_snapstream_write(
    const struct pdk_mem *mem, const struct pdk_snapshot_job *job, size_t piece_bytes,
    enum pdk_err (*write)(void *ctx, struct pdk_slice piece), void *ctx);

#endif
