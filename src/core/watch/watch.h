/* core/watch/watch.h - who wants to hear about which path?  (pure)
 *
 * Two tables, data and child (data-model.md section 9), over one path table that holds only watched
 * paths, existing or not.  A watcher is a small dense u32 (a connection's index, reused).
 * Per path and kind one u32 set of watchers; per watcher the set of its paths, so that closing
 * costs what it watched.  One connection, path and table may hold several modes at once (3.9).
 * Recursive watches are found by walking the event's ancestors, skipped while none exist.
 *
 * Threads: core thread.  Memory: pdk_watch_add may refuse; nothing else allocates without having
 * reserved before, so an event is never lost. */
#ifndef PDK_CORE_WATCH_WATCH_H
#define PDK_CORE_WATCH_WATCH_H

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

enum pdk_watch_kind {
    PDK_WATCH_DATA,       /* one shot: getData, exists */
    PDK_WATCH_CHILD,      /* one shot: getChildren */
    PDK_WATCH_PERSISTENT, /* data and child tables, stays */
    PDK_WATCH_RECURSIVE,  /* the path and all below it, stays; never NodeChildrenChanged */
    PDK_WATCH_KINDS,
};

/* Event numbers of the wire (proto/event.h): 1 created, 2 deleted, 3 data, 4 children. */

struct pdk_watch;
/* NULL: no memory. */
struct pdk_watch *pdk_watch_create(const struct pdk_mem *mem, struct pdk_hash_seed seed);
void pdk_watch_destroy(struct pdk_watch *w);

/* Adds; a repeated one collapses.  `watcher` is below 2^31.  Any bytes are a path, none too (but no
 * change ever has that path).  PDK_ENOMEM: nothing has changed. */
PDK_WARN_UNUSED enum pdk_err pdk_watch_add(struct pdk_watch *w, uint32_t watcher,
                                           enum pdk_watch_kind kind, struct pdk_slice path);
bool pdk_watch_has(const struct pdk_watch *w, uint32_t watcher, enum pdk_watch_kind kind,
                   struct pdk_slice path);
/* False: was not there. */
bool pdk_watch_remove(struct pdk_watch *w, uint32_t watcher, enum pdk_watch_kind kind,
                      struct pdk_slice path);
/* The connection closed: all of its watches go. */
void pdk_watch_remove_watcher(struct pdk_watch *w, uint32_t watcher);

/* Called once for each group of watchers that get the same event, in the order of data-model.md
 * section 9.2.  `watchers` has no repetition and is good during the call; the callee must not touch
 * the tables.  `acl_of_parent`: the READ filter looks at the parent's ACL (NodeChildrenChanged). */
typedef void pdk_watch_emit(void *ctx, int event_type, struct pdk_slice path, bool acl_of_parent,
                            const uint32_t *watchers, size_t count);

/* A znode was created (1), deleted (2) or its data set (3): fires the data table at the node with
 * its recursive ancestors, for a delete the child table at the node (but not to connections that
 * just got NodeDeleted), then the child table at the parent (create, delete).  One-shot watches
 * that fire are removed.  A connection gets one notification per (change, table). */
void pdk_watch_change(struct pdk_watch *w, int event_type, struct pdk_slice path,
                      pdk_watch_emit *emit, void *ctx);

/* As Apache counts: several kinds of one watcher on one path are one watch of a table. */
struct pdk_watch_counts {
    uint64_t watchers; /* wchs: connections in the data table (see pdk_watch_each_watcher) */
    uint64_t paths;    /* wchs: distinct paths in the data table */
    uint64_t watches;  /* wchs: watches in the data table */
    uint64_t total;    /* mntr's watch_count: watches in the data and in the child table */
};
void pdk_watch_counts(const struct pdk_watch *w, struct pdk_watch_counts *out);
/* How many (path, kind) this watcher holds (limits). */
uint64_t pdk_watch_count_of(const struct pdk_watch *w, uint32_t watcher);

/* For wchp (data table: DATA, PERSISTENT and RECURSIVE): calls `each` for every path, with its
 * watchers, ascending; paths in no order. */
void pdk_watch_each_path(const struct pdk_watch *w,
                         void (*each)(void *ctx, struct pdk_slice path, const uint32_t *watchers,
                                      size_t count),
                         void *ctx);
/* For wchc: every watcher of the data table, ascending.  As in Apache one stays listed, without
 * paths, when its last watch has fired; it goes when it is removed or takes its last watch back. */
void pdk_watch_each_watcher(const struct pdk_watch *w, void (*each)(void *ctx, uint32_t watcher),
                            void *ctx);
/* The data table's paths of one watcher; no order. */
void pdk_watch_each_path_of(const struct pdk_watch *w, uint32_t watcher,
                            void (*each)(void *ctx, struct pdk_slice path), void *ctx);
void pdk_watch_validate(const struct pdk_watch *w);

#endif
