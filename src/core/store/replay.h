/* core/store/replay.h - which log records follow a snapshot, and what damage means.
 *
 * Judgement (disk-formats.md 2.1, decision 8).  The newest file is the newest that holds a record.
 *
 *   where                  the mark names this file   the mark is of an older file, or none
 *   newest file            before the mark: rot       a whole record follows: rot
 *                          beyond: a torn tail        else a torn tail
 *   newest, and the mark   last zxid below the mark's: rot
 *   names a later one      else a torn tail
 *   older file             before the mark: rot       the next file goes on with the next zxid:
 *                          beyond: as to the right    left behind by an earlier recovery; else rot
 *
 * Clean ends (end of file, or nothing but zeros) are no damage, but before the mark they are rot.
 * A record with a wrong checksum whose zxid the snapshot covers is reported and passed over: the
 * records around it prove which one it is. */
#ifndef PDK_CORE_STORE_REPLAY_H
#define PDK_CORE_STORE_REPLAY_H

#include "core/store/internal.h"

/* The end of the newest log, as replay found it. */
struct pdk_replay_end {
    bool there;    /* some log file holds a record */
    size_t newest; /* its index in `logs` */
    int64_t end;   /* behind its last good record */
    bool torn;     /* something other than zeros is behind that */
    size_t oldest; /* the first file that was read */
};

struct pdk_replay {
    struct pdk_store *store;
    const struct pdk_recover_sink *sink;
    struct pdk_listing logs; /* of log files only, ascending */
    pdk_zxid snapshot_zxid;
    pdk_zxid last; /* of the state: snapshot_zxid, then the last record applied */
    struct pdk_replay_end tail;
    uint64_t txns;
    int64_t bytes;
    struct pdk_diag *diag;
};

/* Finds the newest file that holds a record (r->tail.there, .newest).  Files behind it hold nothing
 * and may be removed.  PDK_ECORRUPT: one of those is rotten. */
PDK_WARN_UNUSED enum pdk_err pdk_replay_find_newest(struct pdk_replay *r);
/* Hands every record above r->last to the sink.  Changes nothing on the disk. */
PDK_WARN_UNUSED enum pdk_err pdk_replay_run(struct pdk_replay *r);

#endif
