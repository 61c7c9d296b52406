#include "core/tree/view.h"

#include "core/tree/tree_parts.h"

struct pdk_view {
    struct pdk_freeze freeze;
    uint64_t digest, znodes;
    size_t acl_count;
    struct view_acl {
        int64_t disk_id;
        size_t offset, len;
    } * acls;
    uint8_t *acl_bytes;
};

/* The lists are copied, as counts go up and down while the view lives. */
static bool copy_acls(const struct pdk_tree *tree, struct pdk_view *v)
{
    size_t count = 0, len = 0;
    for (uint32_t id = 0; (id = pdk_aclmap_next(&tree->acls, id)) != 0; count++)
        len += pdk_aclmap_list(&tree->acls, id).len;
    if (count == 0) return true;
    v->acls = pdk_mem_try(tree->config.mem, count * sizeof *v->acls);
    v->acl_bytes = pdk_mem_try(tree->config.mem, len);
    if (v->acls == NULL || v->acl_bytes == NULL) return false;
    size_t offset = 0;
    for (uint32_t id = 0; (id = pdk_aclmap_next(&tree->acls, id)) != 0;) {
        struct pdk_slice list = pdk_aclmap_list(&tree->acls, id);
        memcpy(v->acl_bytes + offset, list.bytes, list.len);
        v->acls[v->acl_count++] =
            (struct view_acl){.disk_id = id, .offset = offset, .len = list.len};
        offset += list.len;
    }
    return true;
}

static void free_view(struct pdk_tree *tree, struct pdk_view *view)
{
    pdk_mem_free(tree->config.mem, view->acls);
    pdk_mem_free(tree->config.mem, view->acl_bytes);
    pdk_mem_free(tree->config.mem, view);
}

struct pdk_view *pdk_view_take(struct pdk_tree *tree)
{
    PDK_ASSERT(!tree->loading); /* an ACL may be unknown until then */
    struct pdk_view *view = pdk_mem_try_zero(tree->config.mem, 1, sizeof *view);
    if (view == NULL) return NULL;
    if (!copy_acls(tree, view) || !pdk_pages_freeze(&tree->pages, &view->freeze)) {
        free_view(tree, view);
        return NULL;
    }
    view->digest = tree->digest;
    view->znodes = tree->pages.live;
    return view;
}

void pdk_view_release(struct pdk_tree *tree, struct pdk_view *view)
{
    if (view == NULL) return;
    pdk_pages_thaw(&tree->pages, &view->freeze);
    free_view(tree, view);
}

uint64_t pdk_view_digest(const struct pdk_view *view) { return view->digest; }

uint64_t pdk_view_znode_count(const struct pdk_view *view) { return view->znodes; }

size_t pdk_view_acl_count(const struct pdk_view *view) { return view->acl_count; }

void pdk_view_acl(const struct pdk_view *view, size_t index, int64_t *disk_id,
                  struct pdk_slice *list)
{
    PDK_ASSERT(index < view->acl_count);
    *disk_id = view->acls[index].disk_id;
    *list = pdk_slice_of(view->acl_bytes + view->acls[index].offset, view->acls[index].len);
}

void pdk_view_cursor_init(struct pdk_view_cursor *c, const struct pdk_view *view,
                          const struct pdk_mem *mem)
{
    *c = (struct pdk_view_cursor){.view = view};
    pdk_buf_init(&c->path, mem, SIZE_MAX);
}

void pdk_view_cursor_deinit(struct pdk_view_cursor *c) { pdk_buf_deinit(&c->path); }

static const struct pdk_slot *slot_of(const struct pdk_view_cursor *c, pdk_znode id)
{
    return pdk_frozen_slot(&c->view->freeze, id);
}

static void enter(struct pdk_view_cursor *c, pdk_znode id)
{
    struct pdk_slice name = pdk_blob_name(slot_of(c, id)->blob);
    c->at = id;
    pdk_put_u8(&c->path, '/');
    pdk_put_raw(&c->path, name.bytes, name.len);
}

static void leave(struct pdk_view_cursor *c, const struct pdk_slot *slot)
{
    c->path.len -= (size_t)slot->blob->name_len + 1;
}

static void advance(struct pdk_view_cursor *c)
{
    const struct pdk_slot *slot = slot_of(c, c->at);
    if (slot->first_child != PDK_ZNODE_NONE) {
        enter(c, slot->first_child);
        return;
    }
    while (c->at != PDK_ZNODE_ROOT) {
        leave(c, slot);
        if (slot->next != PDK_ZNODE_NONE) {
            enter(c, slot->next);
            return;
        }
        c->at = slot->parent;
        slot = slot_of(c, c->at);
    }
    c->at = PDK_ZNODE_NONE;
}

bool pdk_view_next(struct pdk_view_cursor *c, struct pdk_view_node *out)
{
    if (!c->started)
        c->at = PDK_ZNODE_ROOT;
    else if (c->at != PDK_ZNODE_NONE)
        advance(c);
    c->started = true;
    if (c->path.failed) c->at = PDK_ZNODE_NONE;
    if (c->at == PDK_ZNODE_NONE) return false;
    const struct pdk_slot *slot = slot_of(c, c->at);
    out->path = pdk_buf_slice(&c->path);
    out->data = pdk_blob_data(slot->blob);
    out->disk_acl_id = slot->acl != PDK_ACL_OPEN ? (int64_t)slot->acl : -1;
    pdk_slot_stat(slot, &out->stat);
    return true;
}
