/* Have enough spoken?  (election.md section 6.1) */
#include "core/quorum/quorum.h"

static size_t count_bits(uint64_t bits)
{
    size_t count = 0;
    for (; bits != 0; bits &= bits - 1) count++;
    return count;
}

size_t pdk_sids_count(const struct pdk_sids *s)
{
    size_t count = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(s->bits); i++) count += count_bits(s->bits[i]);
    return count;
}

static bool is_majority(const struct pdk_members *m, const struct pdk_sids *acks)
{
    size_t voters = 0, acked = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(acks->bits); i++) {
        voters += count_bits(m->voters.bits[i]);
        acked += count_bits(m->voters.bits[i] & acks->bits[i]);
    }
    return acked > voters / 2;
}

static int64_t acked_weight(const struct pdk_members *m, const struct pdk_sids *acks, int64_t group)
{
    int64_t weight = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct pdk_member *member = &m->items[i];
        if (member->is_voter && member->group == group && pdk_sids_has(acks, member->sid))
            weight += member->weight;
    }
    return weight;
}

/* Groups of weight 0 do not count; more than half of the others must be won. */
static bool wins_groups(const struct pdk_members *m, const struct pdk_sids *acks)
{
    size_t groups = 0, won = 0;
    for (size_t i = 0; i < m->group_count; i++) {
        const struct pdk_group *group = &m->groups[i];
        if (group->weight == 0) continue;
        groups++;
        if (acked_weight(m, acks, group->id) > group->weight / 2) won++;
    }
    return won > groups / 2;
}

bool pdk_members_quorum(const struct pdk_members *m, const struct pdk_sids *acks)
{
    return m->hierarchical ? wins_groups(m, acks) : is_majority(m, acks);
}

bool pdk_quorum_of_both(const struct pdk_members *m, const struct pdk_members *next,
                        const struct pdk_sids *acks)
{
    if (!pdk_members_quorum(m, acks)) return false;
    return next == NULL || next->version <= m->version || pdk_members_quorum(next, acks);
}
