/* shell/clock.h - real clocks and real randomness, which core may not touch.
 *
 * Threads: any. */
#ifndef PDK_SHELL_CLOCK_H
#define PDK_SHELL_CLOCK_H

#include "base/base.h"
#include "core/node/node.h"

/* CLOCK_MONOTONIC and CLOCK_REALTIME in milliseconds. */
struct pdk_now pdk_clock_now(void);
/* CLOCK_MONOTONIC in microseconds, for measuring. */
int64_t pdk_clock_us(void);

/* Fills `bytes` from the kernel's generator; waits for it early in a machine's start.  Stops the
 * process when the system has none: nothing can be served safely then. */
void pdk_entropy(void *bytes, size_t len);

#endif
