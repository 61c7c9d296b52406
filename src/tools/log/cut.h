/* tools/log/cut.h - gives up the end of a log, after keeping a copy of it. */
#ifndef PDK_TOOLS_LOG_CUT_H
#define PDK_TOOLS_LOG_CUT_H

#include "base/base.h"
#include "base/mem.h"
#include "core/store/vfs.h"

struct pdk_cut_options {
    const struct pdk_mem *mem;
    const struct pdk_vfs *vfs;
    const char *folder; /* a version-2 folder */
    const char *name;   /* log.<hex> in it */
    int64_t offset;     /* of the first record to go, or of the damage */
    size_t max_record_bytes;
    /* Told of each thing done, one line without newline. */
    void (*say)(void *ctx, const char *line);
    void *ctx;
};

/* Refuses unless everything before `offset` is whole records and no server uses the folder.  Then:
 * copies the file to saved.<name>, moves every later log to saved.<its name>, cuts the file (or
 * removes it, when no record is left), removes the mark of what was synced; all durable.
 * PDK_EINVAL: no record begins there; PDK_EBUSY: a server is running; PDK_EEXIST: a saved file of
 * that name is there already; else the disk's.  Up to the cut itself nothing is lost by an
 * error. */
PDK_WARN_UNUSED enum pdk_err pdk_log_cut(const struct pdk_cut_options *o, struct pdk_diag *diag);

#endif
