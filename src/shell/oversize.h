/* shell/oversize.h - what a frame over the limit wanted, as its beginning tells.  For log lines.
 *
 * Hostile bytes; nothing is believed but shown.  Threads: any. */
#ifndef PDK_SHELL_OVERSIZE_H
#define PDK_SHELL_OVERSIZE_H

#include "base/base.h"

struct pdk_oversize_text {
    const char *op; /* "setData", "unknown"; "" when the header is not there */
    char path[256]; /* quoted for a log line; "" when there is none to be read */
};
/* `head`: the first bytes of a frame's body behind a session's ConnectRequest. */
void pdk_oversize_describe(struct pdk_slice head, struct pdk_oversize_text *out);

#endif
