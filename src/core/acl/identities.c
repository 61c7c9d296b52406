#include "core/acl/acl.h"

#include "core/acl/scheme.h"

#include <string.h>

void pdk_identities_init(struct pdk_identities *ids, const struct pdk_mem *mem)
{
    *ids = (struct pdk_identities){.mem = mem};
}

void pdk_identities_deinit(struct pdk_identities *ids)
{
    while (ids->count > 0) pdk_identities_drop_last(ids);
    pdk_mem_free(ids->mem, ids->items);
    pdk_identities_init(ids, ids->mem);
}

static bool is_same(const struct pdk_identity *identity, struct pdk_slice scheme,
                    struct pdk_slice id)
{
    return pdk_slice_eq(pdk_slice_of(identity->scheme, identity->scheme_len), scheme) &&
           pdk_slice_eq(pdk_slice_of(identity->id, identity->id_len), id);
}

static bool grow(struct pdk_identities *ids)
{
    if (ids->count < ids->cap) return true;
    size_t cap = ids->cap == 0 ? 2 : ids->cap * 2;
    struct pdk_identity *items = pdk_mem_resize(ids->mem, ids->items, cap * sizeof *items);
    if (items == NULL) return false;
    ids->items = items;
    ids->cap = cap;
    return true;
}

static void copy(char *to, struct pdk_slice from)
{
    if (from.len > 0) memcpy(to, from.bytes, from.len);
    to[from.len] = '\0';
}

enum pdk_err pdk_identities_add(struct pdk_identities *ids, struct pdk_slice scheme,
                                struct pdk_slice id)
{
    if (scheme.is_null || id.is_null) return PDK_EINVAL;
    for (size_t i = 0; i < ids->count; i++) {
        if (is_same(&ids->items[i], scheme, id)) return PDK_OK;
    }
    size_t left = PDK_IDENTITIES_BYTES_MAX - ids->bytes;
    if (ids->count == PDK_IDENTITIES_MAX || scheme.len > left || id.len > left - scheme.len)
        return PDK_ENOMEM;
    if (!grow(ids)) return PDK_ENOMEM;
    /* One block holds both texts. */
    char *text = pdk_mem_try(ids->mem, scheme.len + id.len + 2);
    if (text == NULL) return PDK_ENOMEM;
    copy(text, scheme);
    copy(text + scheme.len + 1, id);
    ids->items[ids->count++] = (struct pdk_identity){
        .scheme = text, .id = text + scheme.len + 1, .scheme_len = scheme.len, .id_len = id.len};
    ids->bytes += scheme.len + id.len;
    if (pdk_slice_eq_str(scheme, "super")) ids->is_super = true;
    return PDK_OK;
}

void pdk_identities_drop_last(struct pdk_identities *ids)
{
    PDK_ASSERT(ids->count > 0);
    struct pdk_identity *last = &ids->items[--ids->count];
    ids->bytes -= last->scheme_len + last->id_len;
    pdk_mem_free(ids->mem, last->scheme);
    ids->is_super = false;
    for (size_t i = 0; i < ids->count; i++)
        ids->is_super = ids->is_super || strcmp(ids->items[i].scheme, "super") == 0;
}
