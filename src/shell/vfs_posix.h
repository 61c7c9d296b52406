/* shell/vfs_posix.h - the real disk behind core/store/vfs.h.
 *
 * Files are descriptors (close-on-exec).  Threads: any, on different files. */
#ifndef PDK_SHELL_VFS_POSIX_H
#define PDK_SHELL_VFS_POSIX_H

#include "core/store/vfs.h"

const struct pdk_vfs *pdk_vfs_posix(void);

#endif
