/* core/store/mark.h - how far the newest log was synced (decision 8).
 *
 * A small file beside the logs that Apache ignores.  It is rewritten after each sync of the log
 * without a sync of its own, so it costs one small write; whatever the kernel makes of that
 * write, a mark never claims more than was synced, because it is made only afterwards.
 *
 *   slots 0, 1   base marks, taken in turn: synced, written when a log file is begun and after
 *                recovery, so that a crash cannot leave us without a mark for the newest file
 *   slots 2, 3   live marks, taken in turn: written after each sync of the log
 *
 *   slot, at 4096 * n:   "PDKMARK1" | u64 turn | i64 log | i64 synced_bytes | i64 zxid | u32 crc
 *
 * Each slot has a block of its own, so that a torn or scrambled write hurts no other.  The valid
 * slot with the highest turn counts.  No slot valid = no mark.
 *
 * Threads: start-up, then the log thread. */
#ifndef PDK_CORE_STORE_MARK_H
#define PDK_CORE_STORE_MARK_H

#include "core/store/fs.h"

#define PDK_MARK_SLOTS 4
#define PDK_MARK_SLOT_BYTES 4096

struct pdk_mark {
    bool known;           /* false: no mark */
    pdk_zxid log;         /* the file's name; 0: no log file was there, only `zxid` is claimed */
    int64_t synced_bytes; /* of that file, the end of a record */
    pdk_zxid zxid;        /* of the last synced record: recovery must reach it */
};

struct pdk_marker {
    struct pdk_file file;
    struct pdk_mark now;
    uint64_t turn;
    uint32_t base_slot, live_slot; /* to be written next */
};

/* Reads the mark in `path` (borrowed for the marker's life); creates nothing. */
PDK_WARN_UNUSED enum pdk_err pdk_marker_open(struct pdk_marker *m, const struct pdk_vfs *vfs,
                                             const char *path, struct pdk_diag *diag);
void pdk_marker_close(struct pdk_marker *m);
/* A base mark, durable when it returns (creates the file when it is missing; `folder` is its). */
PDK_WARN_UNUSED enum pdk_err pdk_marker_set_base(struct pdk_marker *m, const char *folder,
                                                 const struct pdk_mark *mark,
                                                 struct pdk_diag *diag);
/* A live mark; not durable.  There must have been a base mark before. */
PDK_WARN_UNUSED enum pdk_err pdk_marker_set_live(struct pdk_marker *m, const struct pdk_mark *mark,
                                                 struct pdk_diag *diag);

/* One slot's bytes (for the reader's fuzzer and tools): false when they are not a valid slot. */
bool pdk_mark_decode(const uint8_t *bytes, size_t len, struct pdk_mark *out, uint64_t *turn);

#endif
