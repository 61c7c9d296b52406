/* core/store/internal.h - the insides of struct pdk_store, for this folder's files only. */
#ifndef PDK_CORE_STORE_INTERNAL_H
#define PDK_CORE_STORE_INTERNAL_H

#include "core/store/fs.h"
#include "core/store/mark.h"
#include "core/store/store.h"

/* One log file being written.  Invariant: at <= reserved as long as the disk can reserve at all. */
struct pdk_log_writer {
    struct pdk_file file; /* number -1: none */
    struct pdk_path path;
    pdk_zxid name;
    int64_t at;       /* the end of what was appended */
    int64_t size;     /* as Apache would have padded the file */
    int64_t reserved; /* space is taken up to here */
    int64_t zeroed;   /* zeros were written up to here, not only promised */
    int64_t unsynced; /* bytes appended since the last sync */
    int64_t batch;    /* bytes that the last sync covered */
};

struct pdk_store {
    struct pdk_store_config config; /* its strings belong to the caller */
    const struct pdk_vfs *vfs;
    struct pdk_path data_path, log_path; /* the version-2 folders */
    bool one_dir;
    int locks[2]; /* -1: none */

    /* log thread, after start-up */
    struct pdk_path mark_path;
    struct pdk_marker marker;
    struct pdk_log_writer log;
    struct pdk_log_writer next; /* made ahead under a private name, until the first append */
    pdk_zxid last_appended, last_synced;
    bool roll_wanted;
    bool log_failed;
    bool mark_failed;                      /* reported; until a write succeeds again */
    struct pdk_spool *spool;               /* a snapshot that is coming in; NULL: none */
    int64_t current_epoch, accepted_epoch; /* known to be durable; -1: not known */

    /* background thread, after start-up */
    bool forget_initialize; /* the marker file goes once the first snapshot is there */
};

void pdk_log_writer_init(struct pdk_log_writer *w);
/* Gives unused space back and closes. */
void pdk_log_writer_end(struct pdk_store *store, struct pdk_log_writer *w);

#endif
