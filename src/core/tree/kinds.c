#include "core/tree/kinds.h"

struct member_row {
    uint32_t znode; /* 0: free */
    uint32_t owner_row;
    uint32_t next, prev; /* rows; next also chains free ones */
};

struct owner_row {
    pdk_session owner;
    uint32_t first, last; /* member rows; first is 0 in a free row */
    uint32_t next_free;
};

static struct member_row *member_at(const struct pdk_ephemerals *e, uint32_t row)
{
    return pdk_rows_at(&e->members, row);
}

static struct owner_row *owner_at(const struct pdk_ephemerals *e, uint32_t row)
{
    return pdk_rows_at(&e->owners, row);
}

bool pdk_ephemerals_init(struct pdk_ephemerals *e, const struct pdk_mem *mem,
                         struct pdk_hash_seed seed)
{
    *e = (struct pdk_ephemerals){.seed = seed, .used_members = 1, .used_owners = 1};
    pdk_rows_init(&e->members, mem, sizeof(struct member_row));
    pdk_rows_init(&e->owners, mem, sizeof(struct owner_row));
    return pdk_index_init(&e->by_znode, mem) && pdk_index_init(&e->by_owner, mem);
}

void pdk_ephemerals_deinit(struct pdk_ephemerals *e)
{
    pdk_rows_deinit(&e->members);
    pdk_rows_deinit(&e->owners);
    pdk_index_deinit(&e->by_znode);
    pdk_index_deinit(&e->by_owner);
}

static uint32_t owner_hash(const struct pdk_ephemerals *e, pdk_session owner)
{
    return (uint32_t)pdk_siphash(&e->seed, &owner, sizeof owner);
}

static uint32_t find_owner(const struct pdk_ephemerals *e, pdk_session owner)
{
    struct pdk_index_probe probe = pdk_index_probe(&e->by_owner, owner_hash(e, owner));
    uint32_t row = 0;
    while ((row = pdk_index_next(&probe)) != 0)
        if (owner_at(e, row)->owner == owner) break;
    return row;
}

/* Hashes of znode ids never collide (pdk_index_mix), so the first hit is the one. */
static uint32_t find_member(const struct pdk_ephemerals *e, uint32_t znode)
{
    struct pdk_index_probe probe = pdk_index_probe(&e->by_znode, pdk_index_mix(znode));
    return pdk_index_next(&probe);
}

static uint32_t take_owner(struct pdk_ephemerals *e, pdk_session owner)
{
    uint32_t row = e->free_owner;
    if (row != 0) {
        e->free_owner = owner_at(e, row)->next_free;
    } else {
        row = e->used_owners;
        bool has_row = pdk_rows_reach(&e->owners, row);
        PDK_ASSERT(has_row); /* else out of memory in a change */
        e->used_owners++;
    }
    *owner_at(e, row) = (struct owner_row){.owner = owner};
    pdk_index_insert(&e->by_owner, owner_hash(e, owner), row);
    return row;
}

static uint32_t take_member(struct pdk_ephemerals *e)
{
    uint32_t row = e->free_member;
    if (row != 0) {
        e->free_member = member_at(e, row)->next;
        return row;
    }
    row = e->used_members;
    bool has_row = pdk_rows_reach(&e->members, row);
    PDK_ASSERT(has_row); /* else out of memory in a change */
    e->used_members++;
    return row;
}

void pdk_ephemerals_add(struct pdk_ephemerals *e, pdk_session owner, uint32_t znode)
{
    uint32_t owner_row = find_owner(e, owner);
    if (owner_row == 0) owner_row = take_owner(e, owner);
    uint32_t row = take_member(e);
    struct owner_row *o = owner_at(e, owner_row);
    *member_at(e, row) =
        (struct member_row){.znode = znode, .owner_row = owner_row, .prev = o->last};
    if (o->last != 0)
        member_at(e, o->last)->next = row;
    else
        o->first = row;
    o->last = row;
    pdk_index_insert(&e->by_znode, pdk_index_mix(znode), row);
}

void pdk_ephemerals_remove(struct pdk_ephemerals *e, uint32_t znode)
{
    uint32_t row = find_member(e, znode);
    PDK_ASSERT(row != 0);
    struct member_row *m = member_at(e, row);
    uint32_t owner_row = m->owner_row;
    struct owner_row *o = owner_at(e, owner_row);
    if (m->prev != 0)
        member_at(e, m->prev)->next = m->next;
    else
        o->first = m->next;
    if (m->next != 0)
        member_at(e, m->next)->prev = m->prev;
    else
        o->last = m->prev;
    *m = (struct member_row){.next = e->free_member};
    e->free_member = row;
    pdk_index_remove(&e->by_znode, pdk_index_mix(znode), row);
    if (o->first != 0) return;
    pdk_index_remove(&e->by_owner, owner_hash(e, o->owner), owner_row);
    *o = (struct owner_row){.next_free = e->free_owner};
    e->free_owner = owner_row;
}

uint32_t pdk_ephemerals_first(const struct pdk_ephemerals *e, pdk_session owner)
{
    uint32_t row = find_owner(e, owner);
    return row != 0 ? member_at(e, owner_at(e, row)->first)->znode : 0;
}

uint32_t pdk_ephemerals_next(const struct pdk_ephemerals *e, uint32_t znode)
{
    uint32_t row = find_member(e, znode);
    uint32_t next = row != 0 ? member_at(e, row)->next : 0;
    return next != 0 ? member_at(e, next)->znode : 0;
}

void pdk_ephemerals_each_owner(const struct pdk_ephemerals *e,
                               void (*each)(void *ctx, pdk_session owner), void *ctx)
{
    for (uint32_t row = 1; row < e->used_owners; row++)
        if (owner_at(e, row)->first != 0) each(ctx, owner_at(e, row)->owner);
}

pdk_session pdk_ephemerals_owner(const struct pdk_ephemerals *e, uint32_t znode)
{
    uint32_t row = find_member(e, znode);
    return row != 0 ? owner_at(e, member_at(e, row)->owner_row)->owner : 0;
}

void pdk_ephemerals_validate(const struct pdk_ephemerals *e)
{
    uint64_t members = 0, owners = 0;
    pdk_index_validate(&e->by_znode);
    pdk_index_validate(&e->by_owner);
    for (uint32_t row = 1; row < e->used_owners; row++) {
        const struct owner_row *o = owner_at(e, row);
        uint32_t prev = 0;
        if (o->first == 0) continue;
        owners++;
        PDK_ASSERT(find_owner(e, o->owner) == row);
        for (uint32_t m = o->first; m != 0; m = member_at(e, m)->next) {
            PDK_ASSERT(member_at(e, m)->prev == prev);
            PDK_ASSERT(member_at(e, m)->owner_row == row);
            PDK_ASSERT(find_member(e, member_at(e, m)->znode) == m);
            members++;
            prev = m;
        }
        PDK_ASSERT(o->last == prev);
    }
    PDK_ASSERT(members == e->by_znode.count);
    PDK_ASSERT(owners == e->by_owner.count);
}

/* ---- a list of ids ------------------------------------------------------------------------ */

bool pdk_idlist_init(struct pdk_idlist *l, const struct pdk_mem *mem)
{
    *l = (struct pdk_idlist){0};
    pdk_rows_init(&l->ids, mem, sizeof(uint32_t));
    return pdk_index_init(&l->positions, mem);
}

void pdk_idlist_deinit(struct pdk_idlist *l)
{
    pdk_rows_deinit(&l->ids);
    pdk_index_deinit(&l->positions);
}

static uint32_t position_of(const struct pdk_idlist *l, uint32_t id)
{
    struct pdk_index_probe probe = pdk_index_probe(&l->positions, pdk_index_mix(id));
    return pdk_index_next(&probe);
}

bool pdk_idlist_has(const struct pdk_idlist *l, uint32_t id) { return position_of(l, id) != 0; }

void pdk_idlist_add(struct pdk_idlist *l, uint32_t id)
{
    bool has_row = pdk_rows_reach(&l->ids, l->count);
    PDK_ASSERT(has_row); /* else out of memory in a change */
    *(uint32_t *)pdk_rows_at(&l->ids, l->count) = id;
    pdk_index_insert(&l->positions, pdk_index_mix(id), ++l->count);
}

void pdk_idlist_remove(struct pdk_idlist *l, uint32_t id)
{
    uint32_t position = position_of(l, id);
    PDK_ASSERT(position != 0);
    pdk_index_remove(&l->positions, pdk_index_mix(id), position);
    if (position != l->count) {
        uint32_t last = pdk_idlist_at(l, l->count - 1);
        *(uint32_t *)pdk_rows_at(&l->ids, position - 1) = last;
        pdk_index_replace(&l->positions, pdk_index_mix(last), l->count, position);
    }
    l->count--;
}

void pdk_idlist_validate(const struct pdk_idlist *l)
{
    pdk_index_validate(&l->positions);
    PDK_ASSERT(l->positions.count == l->count);
    for (uint32_t i = 0; i < l->count; i++)
        PDK_ASSERT(position_of(l, pdk_idlist_at(l, i)) == i + 1);
}
