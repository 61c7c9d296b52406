/* server/config_dynamic.h - the files of an ensemble's members, which change while it runs.
 *
 *     zoo.cfg                     all other settings; dynamicConfigFile points to ...
 *     zoo.cfg.dynamic.<version>   ... the members in force: sorted lines; the version (hexadecimal)
 *                                 stands in the name only.  Older ones stay
 *     zoo.cfg.dynamic.next        members that were proposed and are not in force yet, with version
 *     zoo.cfg.bak                 zoo.cfg as it was before the members moved to their own file
 *
 * Apache's files (election.md section 6.3, zab.md section 9.1), but for zoo.cfg's comments and the
 * order of its lines, which stay.  Each file appears under its name whole and durable, the one that
 * is pointed to before the one that points: a crash leaves the old members or the new.
 *
 * Threads: any, one at a time; the config is only read. */
#ifndef PDK_SERVER_CONFIG_DYNAMIC_H
#define PDK_SERVER_CONFIG_DYNAMIC_H

#include "core/store/vfs.h"
#include "server/config.h"

#define PDK_CONFIG_NEXT_SUFFIX ".dynamic.next"

/* The version in the name of a dynamic file: the hexadecimal number behind its last dot; 0 when
 * there is none. */
int64_t pdk_config_dynamic_version(const char *path);

/* Writes `members` down: `active` as those in force, else as proposed ones; NULL and not active:
 * the proposed ones are void.  What is in force takes the .next file along unless that holds newer
 * members.
 * Nothing, and PDK_OK, when the config came from no file.  An error (the folder may belong to
 * somebody else) fills diag; the server may go on, and learns the members again after a restart. */
PDK_WARN_UNUSED enum pdk_err pdk_config_store_members(const struct pdk_config *config,
                                                      const struct pdk_members *members,
                                                      bool active, struct pdk_diag *diag);
/* The same on another disk. */
PDK_WARN_UNUSED enum pdk_err pdk_config_store_members_on(const struct pdk_vfs *vfs,
                                                         const struct pdk_config *config,
                                                         const struct pdk_members *members,
                                                         bool active, struct pdk_diag *diag);

#endif
