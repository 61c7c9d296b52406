/* core/tree/view.h - a tree frozen at one moment, readable by another thread.  (pure)
 *
 * Taking a view is O(1) plus a copy of the ACL table.  The holder reads it with a cursor, on any
 * one thread, while the core goes on changing the tree; release happens on the core thread. Any
 * number of views may live; each costs copies of the pages changed since.
 *
 * Order of the walk: depth first, parents before children (Apache's loader demands it). */
#ifndef PDK_CORE_TREE_VIEW_H
#define PDK_CORE_TREE_VIEW_H

#include "core/tree/tree.h"

struct pdk_view;

/* Core thread.  NULL: no memory. */
struct pdk_view *pdk_view_take(struct pdk_tree *tree);
/* Core thread, after the last cursor is done. */
void pdk_view_release(struct pdk_tree *tree, struct pdk_view *view);

uint64_t pdk_view_digest(const struct pdk_view *view);
uint64_t pdk_view_znode_count(const struct pdk_view *view);

/* The ACL lists in use: index 0..count-1; ids as pdk_view_node.disk_acl_id names them (> 0). */
size_t pdk_view_acl_count(const struct pdk_view *view);
void pdk_view_acl(const struct pdk_view *view, size_t index, int64_t *disk_id,
                  struct pdk_slice *list);

struct pdk_view_node {
    struct pdk_slice path; /* "" for the root; good until the next call */
    struct pdk_slice data;
    int64_t disk_acl_id; /* -1 = open */
    struct pdk_stat_persisted stat;
};

struct pdk_view_cursor {
    const struct pdk_view *view;
    pdk_znode at;
    struct pdk_buf path; /* grows to the longest path */
    bool started;
};
void pdk_view_cursor_init(struct pdk_view_cursor *c, const struct pdk_view *view,
                          const struct pdk_mem *mem);
void pdk_view_cursor_deinit(struct pdk_view_cursor *c);
/* The next znode; false at the end, or when a path finds no memory (c->path.failed is set then). */
bool pdk_view_next(struct pdk_view_cursor *c, struct pdk_view_node *out);

#endif
