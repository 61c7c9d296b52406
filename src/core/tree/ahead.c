#include "core/tree/ahead.h"

#include "core/tree/tree_parts.h"

/* Bytes of a blob that are worth having: two lines hold the name and a small znode's data. */
#define BLOB_BYTES 192

void pdk_tree_ahead(const struct pdk_tree *tree, const struct pdk_slice *paths, size_t count)
{
    struct pdk_index_probe probes[PDK_AHEAD_MAX];
    const struct pdk_slot *slots[PDK_AHEAD_MAX];
    size_t found = 0, live = 0;
    PDK_ASSERT(count <= PDK_AHEAD_MAX);
    for (size_t i = 0; i < count; i++) {
        struct pdk_slice name;
        pdk_znode parent = pdk_tree_find_parent(tree, paths[i], &name);
        if (parent == PDK_ZNODE_NONE || name.len == 0) continue;
        struct pdk_index_probe p =
            pdk_index_probe(&tree->index, pdk_child_hash(tree, parent, name));
        PDK_PREFETCH(&p.cells[p.at]);
        probes[found++] = p;
    }
    /* The first znode with the hash is nearly always the one; the lookup itself makes sure. */
    for (size_t i = 0; i < found; i++) {
        pdk_znode id = pdk_index_next(&probes[i]);
        if (id == PDK_ZNODE_NONE) continue;
        slots[live] = pdk_slot(tree, id);
        PDK_PREFETCH(slots[live]);
        PDK_PREFETCH((const char *)slots[live] + sizeof *slots[live] - 1);
        live++;
    }
    for (size_t i = 0; i < live; i++) {
        const char *blob = (const char *)slots[i]->blob;
        for (size_t at = 0; at < BLOB_BYTES; at += 64) PDK_PREFETCH(blob + at);
    }
}

void pdk_tree_ahead_slot(const struct pdk_tree *tree, pdk_znode id)
{
    if (id == PDK_ZNODE_NONE) return;
    const struct pdk_slot *slot = pdk_slot(tree, id);
    PDK_PREFETCH(slot);
    PDK_PREFETCH((const char *)slot + sizeof *slot - 1);
}

void pdk_tree_ahead_blob(const struct pdk_tree *tree, pdk_znode id)
{
    if (id == PDK_ZNODE_NONE) return;
    PDK_PREFETCH(pdk_slot(tree, id)->blob);
}
