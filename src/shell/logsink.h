/* shell/logsink.h - log lines on a file descriptor.
 *
 *     2026-11-20T23:14:05.123Z info event key=value
 *
 * One write(2) per line, so lines of several threads never mix and a pipe's reader sees whole ones.
 * A descriptor that blocks (a stopped pager behind a pipe) blocks the writer: log to a file or to
 * something that reads.
 *
 * Threads: any; the level may be changed while nobody else logs yet. */
#ifndef PDK_SHELL_LOGSINK_H
#define PDK_SHELL_LOGSINK_H

#include "base/log.h"

struct pdk_logsink {
    struct pdk_log log; /* hand this on; its address must stay */
    int fd;             /* borrowed */
};

void pdk_logsink_init(struct pdk_logsink *sink, int fd, enum pdk_log_level level);

#endif
