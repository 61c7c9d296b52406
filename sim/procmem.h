/* sim/procmem.h - the memory of one simulated process: gone at once when it dies.
 *
 * Every block is known, so that a process that is killed in the middle of anything leaves nothing
 * behind, and what it should have freed by itself shows when it ends in good order.
 * Threads: one. */
#ifndef PDK_SIM_PROCMEM_H
#define PDK_SIM_PROCMEM_H

#include "base/mem.h"

struct pdk_procmem_block;
struct pdk_procmem {
    struct pdk_mem mem; /* give this one away */
    struct pdk_procmem_block *first;
    size_t blocks, bytes, most_bytes;
};

void pdk_procmem_init(struct pdk_procmem *p);
/* Frees whatever is left; it may be used again. */
void pdk_procmem_kill(struct pdk_procmem *p);

#endif
