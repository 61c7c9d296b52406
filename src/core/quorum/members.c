/* The life of a config, and questions about its members. */
#include "core/quorum/internal.h"

#include <string.h>

/* ---- made ------------------------------------------------------------------------------------ */

static size_t host_bytes(const struct pdk_member *m)
{
    size_t bytes = strlen(m->client.host) + 1 + strlen(m->secure_client.host) + 1;
    for (size_t i = 0; i < m->address_count; i++) bytes += strlen(m->addresses[i].host) + 1;
    return bytes;
}

static const char *copy_host(char **strings, const char *host)
{
    size_t len = strlen(host) + 1;
    char *copy = *strings;
    memcpy(copy, host, len);
    *strings += len;
    return copy;
}

static void copy_member(struct pdk_member *to, const struct pdk_member *from, char **strings)
{
    *to = *from;
    for (size_t i = 0; i < from->address_count; i++)
        to->addresses[i].host = copy_host(strings, from->addresses[i].host);
    to->client.host = copy_host(strings, from->client.host);
    to->secure_client.host = copy_host(strings, from->secure_client.host);
}

static void add_weight(struct pdk_members *m, int64_t group, int64_t weight)
{
    size_t at = m->group_count;
    while (at > 0 && m->groups[at - 1].id > group) at--;
    if (at == 0 || m->groups[at - 1].id != group) {
        memmove(m->groups + at + 1, m->groups + at, (m->group_count - at) * sizeof *m->groups);
        m->groups[at++] = (struct pdk_group){.id = group};
        m->group_count++;
    }
    m->groups[at - 1].weight += weight;
}

static void add_member(struct pdk_members *m, const struct pdk_member *from, char **strings)
{
    copy_member(&m->items[m->count++], from, strings);
    if (from->is_voter) pdk_sids_add(&m->voters, from->sid);
    if (m->hierarchical && from->group >= 0) add_weight(m, from->group, from->weight);
}

struct pdk_members *pdk_members_make(const struct pdk_mem *mem, const struct pdk_roster *roster,
                                     bool hierarchical, int64_t version)
{
    size_t count = 0, string_bytes = 0;
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (roster->at[sid] == NULL) continue;
        count++;
        string_bytes += host_bytes(roster->at[sid]);
    }
    /* One block: the config, its members, its groups (no more than members), their strings. */
    size_t bytes = sizeof(struct pdk_members) +
                   count * (sizeof(struct pdk_member) + sizeof(struct pdk_group)) + string_bytes;
    struct pdk_members *m = pdk_mem_try(mem, bytes);
    if (m == NULL) return NULL;
    struct pdk_member *items = (struct pdk_member *)(m + 1);
    struct pdk_group *groups = (struct pdk_group *)(items + count);
    *m = (struct pdk_members){.mem = mem,
                              .holders = 1,
                              .version = version,
                              .hierarchical = hierarchical,
                              .items = items,
                              .groups = groups,
                              .strings = (char *)(groups + count)};
    char *strings = m->strings;
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (roster->at[sid] != NULL) add_member(m, roster->at[sid], &strings);
    }
    PDK_ASSERT(strings == m->strings + string_bytes);
    return m;
}

void pdk_roster_fill(struct pdk_roster *roster, const struct pdk_members *m)
{
    *roster = (struct pdk_roster){0};
    for (size_t i = 0; i < m->count; i++) roster->at[m->items[i].sid] = &m->items[i];
}

struct pdk_members *pdk_members_with_version(const struct pdk_members *m, int64_t version)
{
    struct pdk_roster roster;
    pdk_roster_fill(&roster, m);
    struct pdk_members *copy = pdk_members_make(m->mem, &roster, m->hierarchical, version);
    PDK_ASSERT(copy != NULL);
    return copy;
}

/* ---- shared ---------------------------------------------------------------------------------- */

struct pdk_members *pdk_members_hold(struct pdk_members *m)
{
    if (m == NULL) return NULL;
    PDK_ASSERT(m->holders > 0 && m->holders < UINT32_MAX);
    m->holders++;
    return m;
}

void pdk_members_drop(struct pdk_members *m)
{
    if (m == NULL) return;
    PDK_ASSERT(m->holders > 0);
    if (--m->holders == 0) pdk_mem_free(m->mem, m);
}

/* ---- asked ----------------------------------------------------------------------------------- */

const struct pdk_member *pdk_members_find(const struct pdk_members *m, pdk_sid sid)
{
    size_t from = 0, to = m->count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (m->items[middle].sid < sid) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < m->count && m->items[from].sid == sid ? &m->items[from] : NULL;
}

int64_t pdk_members_weight(const struct pdk_members *m, pdk_sid sid)
{
    const struct pdk_member *member = pdk_members_find(m, sid);
    return member != NULL && member->weight >= 0 ? member->weight : 1;
}

static bool same_client(const struct pdk_address *a, const struct pdk_address *b)
{
    return a->port == b->port && (a->port == -1 || pdk_host_same(a->host, b->host));
}

static bool has_address(const struct pdk_member *m, const struct pdk_member *other, size_t at)
{
    for (size_t i = 0; i < m->address_count; i++) {
        if (m->addresses[i].quorum_port == other->addresses[at].quorum_port &&
            m->addresses[i].election_port == other->addresses[at].election_port &&
            pdk_host_same(m->addresses[i].host, other->addresses[at].host))
            return true;
    }
    return false;
}

/* The order of addresses carries no meaning, and a host may be spelled in two ways. */
static bool same_addresses(const struct pdk_member *a, const struct pdk_member *b)
{
    for (size_t i = 0; i < a->address_count; i++) {
        if (!has_address(b, a, i)) return false;
    }
    for (size_t i = 0; i < b->address_count; i++) {
        if (!has_address(a, b, i)) return false;
    }
    return true;
}

static bool same_member(const struct pdk_member *a, const struct pdk_member *b)
{
    return a->sid == b->sid && a->is_voter == b->is_voter && a->weight == b->weight &&
           a->group == b->group && same_addresses(a, b) && same_client(&a->client, &b->client) &&
           (a->secure_client.port == -1 || b->secure_client.port == -1 ||
            same_client(&a->secure_client, &b->secure_client));
}

bool pdk_members_equal(const struct pdk_members *a, const struct pdk_members *b)
{
    if (a->version == b->version) return true;
    if (a->hierarchical != b->hierarchical || a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_member(&a->items[i], &b->items[i])) return false;
    }
    return true;
}
