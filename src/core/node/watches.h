/* core/node/watches.h - watches of connections: setting, asking, catching up, telling.
 *
 * Between the watch tables, which know numbers, and the connections, which have identities: here
 * the READ filter of events is applied (data-model.md section 9.4). */
#ifndef PDK_CORE_NODE_WATCHES_H
#define PDK_CORE_NODE_WATCHES_H

#include "core/node/internal.h"

/* OK, or SYSTEM_ERROR when the connection holds its limit already or no memory is left. */
enum pdk_code pdk_watches_add(struct pdk_node *n, struct pdk_conn *c, enum pdk_watch_kind kind,
                              struct pdk_slice path);
/* `type` as checkWatches and removeWatches give it: 1 children, 2 data, 3 any, 4 persistent,
 * 5 recursive.  OK, NO_WATCHER, or MARSHALLING_ERROR for another type. */
enum pdk_code pdk_watches_check(struct pdk_node *n, struct pdk_conn *c, int32_t type,
                                struct pdk_slice path);
enum pdk_code pdk_watches_remove(struct pdk_node *n, struct pdk_conn *c, int32_t type,
                                 struct pdk_slice path);
/* setWatches and setWatches2 (`persistent`): registers, and sends the events that were missed. */
enum pdk_code pdk_watches_catch_up(struct pdk_node *n, struct pdk_conn *c, struct pdk_reader *body,
                                   bool persistent);
/* Tells whoever watches of a change, in the same step. */
void pdk_watches_changed(struct pdk_node *n, const struct pdk_change *change, pdk_zxid zxid);

#endif
