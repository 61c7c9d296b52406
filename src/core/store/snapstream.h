/* core/store/snapstream.h - a snapshot as it travels to a learner (zab.md section 5.4).
 *
 * sessions | ACL table | znodes ... | "/" | ustring "BenWasHere": raw, without length, header or
 * checksum. */
#ifndef PDK_CORE_STORE_SNAPSTREAM_H
#define PDK_CORE_STORE_SNAPSTREAM_H

#include "core/store/store.h"

/* Writes the stream of a frozen view in pieces of about `piece_bytes`.  `write` may wait, and may
 * stop it with an error.  Threads: any that may read the view. */
PDK_WARN_UNUSED enum pdk_err pdk_snapstream_write(
    const struct pdk_mem *mem, const struct pdk_snapshot_job *job, size_t piece_bytes,
    enum pdk_err (*write)(void *ctx, struct pdk_slice piece), void *ctx);

/* Finds the end of such a stream in bytes that come in pieces, checking shape and lengths as it
 * goes; memory is bounded by a few bytes. */
struct pdk_snapscan {
    size_t max_entry_bytes; /* longest path, data, ACL list or name that is believed */
    uint64_t body_bytes;    /* so far, up to and with the "/" */
    bool done;              /* "BenWasHere" has been seen */
    bool failed;
    /* own: what is being read, and how much of it is to come */
    uint8_t step, have;
    uint8_t partial[16];
    uint64_t skip;
    int64_t left, inner_left;
};
void pdk_snapscan_init(struct pdk_snapscan *s, size_t max_entry_bytes);
/* Takes bytes until they or the stream end; returns how many.  `*body` gets how many of these
 * belong to the body (the rest is the signature). */
size_t pdk_snapscan_feed(struct pdk_snapscan *s, struct pdk_slice bytes, size_t *body);

#endif
