#include "shell/logsink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void write_line(void *ctx, enum pdk_log_level level, const char *text)
{
    const struct pdk_logsink *sink = ctx;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    if (gmtime_r(&now.tv_sec, &utc) == NULL) return;

    char line[1200];
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + n, sizeof line - n, ".%03dZ %s %s", (int)(now.tv_nsec / 1000000),
                        pdk_log_level_name(level), text);
    if (more < 0) return;
    n = pdk_min_size(n + (size_t)more, sizeof line - 2);
    line[n++] = '\n';

    const char *at = line;
    while (n > 0) {
        ssize_t done = write(sink->fd, at, n);
        if (done < 0) {
            if (errno == EINTR) continue;
            return; /* nowhere left to say so */
        }
        at += done;
        n -= (size_t)done;
    }
}

void pdk_logsink_init(struct pdk_logsink *sink, int fd, enum pdk_log_level level)
{
    sink->fd = fd;
    sink->log = (struct pdk_log){.ctx = sink, .level = level, .line = write_line};
}
