/* core/elect/keep.h - bytes that effects point to, until the effects are cleared.  (internal)
 *
 * Blocks never move, so an effect's pointers stay good while the list of effects grows.
 * Out of memory stops the process: a step that is half told cannot be taken back. */
#ifndef PDK_CORE_ELECT_KEEP_H
#define PDK_CORE_ELECT_KEEP_H

#include "base/base.h"
#include "base/mem.h"

struct pdk_keep {
    const struct pdk_mem *mem;
    struct pdk_keep_block *first;
};

static inline struct pdk_keep pdk_keep_of(const struct pdk_mem *mem)
{
    return (struct pdk_keep){.mem = mem, .first = NULL};
}
/* Room for `size_bytes`, aligned for anything. */
void *pdk_keep_take(struct pdk_keep *k, size_t size_bytes);
/* A copy. */
struct pdk_slice pdk_keep_bytes(struct pdk_keep *k, struct pdk_slice bytes);
/* A copy with a NUL behind it. */
const char *pdk_keep_text(struct pdk_keep *k, struct pdk_slice text);
void pdk_keep_clear(struct pdk_keep *k);

#endif
