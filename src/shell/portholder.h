/* shell/portholder.h - who listens on a TCP port?  For the message that it is taken.
 *
 * Reads /proc/net/tcp, /proc/net/tcp6 and /proc/<pid>/fd: finds processes of other users only when
 * it runs as root.  Slow (walks all processes): for start-up only.  Threads: any. */
#ifndef PDK_SHELL_PORTHOLDER_H
#define PDK_SHELL_PORTHOLDER_H

#include "base/base.h"

struct pdk_port_holder {
    bool listening; /* somebody does; the rest is only good then */
    int64_t uid;
    int64_t pid;       /* 0: not to be found */
    char command[128]; /* its command line, cut; "" when not to be found */
};
struct pdk_port_holder pdk_port_holder_find(int32_t port);

#endif
