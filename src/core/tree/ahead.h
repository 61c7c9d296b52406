/* core/tree/ahead.h - brings znodes that are about to be asked for closer to the processor.  (pure)
 *
 * In a large tree a lookup waits for memory three times: index cell, slot, blob.  When a client
 * sends many requests at once their paths are known before the first is answered, so the waits of
 * several lookups can overlap.  Changes nothing; wrong or missing paths cost a little time.
 *
 * Threads: the core thread. */
#ifndef PDK_CORE_TREE_AHEAD_H
#define PDK_CORE_TREE_AHEAD_H

#include "core/tree/tree.h"

/* More paths than this overlap no better. */
#define PDK_AHEAD_MAX 16u

/* count: at most PDK_AHEAD_MAX.  Any bytes will do as paths. */
void pdk_tree_ahead(const struct pdk_tree *tree, const struct pdk_slice *paths, size_t count);
/* The same for a znode whose id is known, in two steps with some work in between.  An id that is no
 * longer in use does no harm; NONE does nothing. */
void pdk_tree_ahead_slot(const struct pdk_tree *tree, pdk_znode id);
void pdk_tree_ahead_blob(const struct pdk_tree *tree, pdk_znode id);

#endif
