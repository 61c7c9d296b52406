/* core/store/snapout.h - a snapshot's stream on its way out.  Internal to core/store.
 *
 * One buffer with a running checksum; where full buffers go is the caller's: a file
 * (snapwrite.c, spool.c) or a learner (snapstream.c). */
#ifndef PDK_CORE_STORE_SNAPOUT_H
#define PDK_CORE_STORE_SNAPOUT_H

#include "core/store/fs.h"
#include "core/store/store.h"

#define PDK_SNAPOUT_BYTES ((size_t)256 * 1024)

struct pdk_snapout {
    uint8_t *buf;
    size_t cap, len;
    uint32_t adler; /* of everything before buf */
    /* Takes a full buffer, or what there is at the end (`last`). */
    enum pdk_err (*out)(void *ctx, struct pdk_slice bytes, bool last);
    void *ctx;
    enum pdk_err err; /* sticky: nothing is put or given out any more */
    struct pdk_diag *diag;
};

/* Empty, with a buffer of `cap` bytes (> 0); without memory `err` says so. */
void pdk_snapout_init(struct pdk_snapout *o, const struct pdk_mem *mem, size_t cap,
                      enum pdk_err (*out)(void *ctx, struct pdk_slice bytes, bool last), void *ctx,
                      struct pdk_diag *diag);
void pdk_snapout_deinit(struct pdk_snapout *o, const struct pdk_mem *mem);

void pdk_snapout_raw(struct pdk_snapout *o, const uint8_t *bytes, size_t len);
void pdk_snapout_u32(struct pdk_snapout *o, uint32_t v);
void pdk_snapout_u64(struct pdk_snapout *o, uint64_t v);
/* What a file begins with. */
void pdk_snapout_head(struct pdk_snapout *o);
/* Sessions, ACLs, znodes, "/": what files and learners get alike. */
void pdk_snapout_body(struct pdk_snapout *o, const struct pdk_mem *mem,
                      const struct pdk_snapshot_job *job);
/* The checksum of everything before it. */
void pdk_snapout_seal(struct pdk_snapout *o);
/* Everything is out. */
void pdk_snapout_finish(struct pdk_snapout *o);

/* A file that grows at its end, handed to the disk a piece at a time. */
struct pdk_snapfile {
    struct pdk_file file;
    int64_t at, paced;
};
PDK_WARN_UNUSED enum pdk_err pdk_snapfile_add(struct pdk_snapfile *f, struct pdk_slice bytes,
                                              struct pdk_diag *diag);

#endif
