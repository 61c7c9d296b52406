/* tools/snapshot/print.h - a snapshot for people, in the manner of Apache's SnapshotFormatter. */
#ifndef PDK_TOOLS_SNAPSHOT_PRINT_H
#define PDK_TOOLS_SNAPSHOT_PRINT_H

#include <stdio.h>

#include "core/store/vfs.h"

enum pdk_print_what {
    PDK_PRINT_ZNODES, /* every znode with its Stat, then sessions and summary */
    PDK_PRINT_DATA,   /* with data, in base64 */
    PDK_PRINT_SUMMARY /* counts, sizes, digest only */
};

/* Reads the whole file, checks its seals and prints to `out`.  Znodes are printed as they are read,
 * so of a damaged file everything before the damage is seen.  `path` must be named as a snapshot
 * is. */
PDK_WARN_UNUSED enum pdk_err pdk_snapshot_print(const struct pdk_vfs *vfs, const char *path,
                                                enum pdk_print_what what, FILE *out,
                                                struct pdk_diag *diag);

#endif
