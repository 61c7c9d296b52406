#include "shell/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec t = {0};
    /* Both clocks exist on every Linux; the call cannot fail. */
    (void)clock_gettime(id, &t);
    return t;
}

static int64_t ms_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000 + (int64_t)t.tv_nsec / 1000000;
}

struct pdk_now pdk_clock_now(void)
{
    return (struct pdk_now){.mono_ms = ms_of(read_clock(CLOCK_MONOTONIC)),
                            .wall_ms = ms_of(read_clock(CLOCK_REALTIME))};
}

int64_t pdk_clock_us(void)
{
    struct timespec t = read_clock(CLOCK_MONOTONIC);
    return (int64_t)t.tv_sec * 1000000 + (int64_t)t.tv_nsec / 1000;
}

void pdk_entropy(void *bytes, size_t len)
{
    uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0) {
            if (errno == EINTR) continue;
            perror("paddock: no random numbers from the system");
            abort();
        }
        at += n;
        len -= (size_t)n;
    }
}
