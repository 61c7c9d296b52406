/* What a reconfig request makes of a config (zab.md section 9.2, steps 3 and 4). */
#include "core/quorum/internal.h"

#define LIST_BYTES_MAX ((size_t)1 << 20)

/* ---- addresses ------------------------------------------------------------------------------- */

/* The n-th address that a member listens on; false when it has fewer. */
static bool address_of(const struct pdk_member *m, size_t n, struct pdk_address *out)
{
    if (n < 2 * m->address_count) {
        *out = (struct pdk_address){.host = m->addresses[n / 2].host,
                                    .port = n % 2 == 0 ? m->addresses[n / 2].quorum_port
                                                       : m->addresses[n / 2].election_port};
        return true;
    }
    n -= 2 * m->address_count;
    *out = n == 0 ? m->client : m->secure_client;
    return n < 2;
}

/* Machines that all call themselves localhost may well be different ones. */
static bool share_address(const struct pdk_member *a, const struct pdk_member *b,
                          struct pdk_address *which)
{
    struct pdk_address other;
    for (size_t i = 0; address_of(a, i, which); i++) {
        if (which->port == -1 || pdk_host_special(which->host)) continue;
        for (size_t k = 0; address_of(b, k, &other); k++) {
            if (which->port == other.port && pdk_host_same(which->host, other.host)) return true;
        }
    }
    return false;
}

static enum pdk_err check_addresses(const struct pdk_roster *roster, const struct pdk_member *m,
                                    struct pdk_diag *diag)
{
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        struct pdk_address which;
        if (sid == m->sid || roster->at[sid] == NULL) continue;
        if (!share_address(m, roster->at[sid], &which)) continue;
        pdk_diag_set(diag, "server.%lld and server.%lld both have %s:%d", (long long)m->sid,
                     (long long)sid, which.host, (int)which.port);
        return PDK_EINVAL;
    }
    return PDK_OK;
}

static enum pdk_err check_voters(const struct pdk_roster *roster, size_t min_voters,
                                 struct pdk_diag *diag)
{
    size_t voters = 0;
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (roster->at[sid] != NULL && roster->at[sid]->is_voter) voters++;
    }
    if (voters >= pdk_max_size(min_voters, 1)) return PDK_OK;
    pdk_diag_set(diag, "the new config would have %zu participants, and needs %zu", voters,
                 pdk_max_size(min_voters, 1));
    return PDK_EINVAL;
}

/* ---- some come, some go ---------------------------------------------------------------------- */

struct change {
    const struct pdk_mem *mem;
    struct pdk_roster roster;
    struct pdk_member *joiners[PDK_SID_MAX + 1]; /* by sid: ours to free */
    struct pdk_diag *diag;
};

/* The next item of a list, without blanks around it; empty ones are passed over. */
static bool next_item(struct pdk_slice *rest, struct pdk_slice *item)
{
    while (rest->len > 0) {
        size_t len = 0;
        while (len < rest->len && rest->bytes[len] != ',' && rest->bytes[len] != '\n') len++;
        *item = pdk_slice_of(rest->bytes, len);
        size_t used = len < rest->len ? len + 1 : len;
        *rest = pdk_slice_of(rest->bytes + used, rest->len - used);
        while (item->len > 0 && item->bytes[0] <= ' ')
            *item = pdk_slice_of(item->bytes + 1, item->len - 1);
        while (item->len > 0 && item->bytes[item->len - 1] <= ' ') item->len--;
        if (item->len > 0) return true;
    }
    return false;
}

static enum pdk_err leave(struct change *c, struct pdk_slice leaving)
{
    struct pdk_slice item;
    while (next_item(&leaving, &item)) {
        int64_t sid;
        if (!pdk_number_parse(item, INT64_MAX, &sid)) {
            (void)pdk_line_refuse(c->diag, pdk_slice_str("leaving"), item, "ids are numbers", NULL);
            return PDK_EMALFORMED;
        }
        if (sid <= PDK_SID_MAX) c->roster.at[sid] = NULL;
    }
    return PDK_OK;
}

static enum pdk_err join_one(struct change *c, struct pdk_slice item)
{
    size_t at = 0;
    while (at < item.len && item.bytes[at] != '=') at++;
    struct pdk_slice key = pdk_slice_of(item.bytes, at), value = pdk_slice_of(item.bytes + at, 0);
    if (at < item.len) value = pdk_slice_of(item.bytes + at + 1, item.len - at - 1);
    int64_t sid;
    if (!pdk_key_number(key, "server.", PDK_SID_MAX, &sid))
        return pdk_line_refuse(c->diag, key, value, "who joins is server.N, N from 0 to 255", NULL);

    const char *why;
    struct pdk_member *joiner;
    enum pdk_err err = pdk_member_parse(c->mem, sid, value, &joiner, &why);
    if (err == PDK_EINVAL) return pdk_line_refuse(c->diag, key, value, why, PDK_MEMBER_SYNTAX);
    if (err != PDK_OK) return err;
    pdk_mem_free(c->mem, c->joiners[sid]);
    c->joiners[sid] = joiner;
    c->roster.at[sid] = joiner;
    if (joiner->client.port == -1 && joiner->secure_client.port == -1)
        return pdk_line_refuse(c->diag, key, value, "who joins needs a client port",
                               PDK_MEMBER_SYNTAX);
    return check_addresses(&c->roster, joiner, c->diag);
}

static enum pdk_err change_some(struct change *c, const struct pdk_reconfig *change)
{
    enum pdk_err err = leave(c, change->leaving);
    struct pdk_slice joining = change->joining, item;
    while (err == PDK_OK && next_item(&joining, &item)) err = join_one(c, item);
    return err;
}

static enum pdk_err incremental(const struct pdk_members *m, const struct pdk_reconfig *change,
                                size_t min_voters, struct pdk_members **out, struct pdk_diag *diag)
{
    if (m->hierarchical) {
        pdk_diag_set(diag, "a config with groups or weights can only be changed as a whole");
        return PDK_EINVAL;
    }
    struct change c = {.mem = m->mem, .diag = diag};
    pdk_roster_fill(&c.roster, m);
    enum pdk_err err = change_some(&c, change);
    if (err == PDK_OK) err = check_voters(&c.roster, min_voters, diag);
    if (err == PDK_OK) {
        *out = pdk_members_make(m->mem, &c.roster, false, 0);
        if (*out == NULL) err = PDK_ENOMEM;
    }
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) pdk_mem_free(m->mem, c.joiners[sid]);
    return err;
}

/* ---- all anew -------------------------------------------------------------------------------- */

static enum pdk_err check_all(const struct pdk_members *m, size_t min_voters, struct pdk_diag *diag)
{
    struct pdk_roster roster;
    pdk_roster_fill(&roster, m);
    enum pdk_err err = check_voters(&roster, min_voters, diag);
    for (size_t i = 0; i < m->count && err == PDK_OK; i++)
        err = check_addresses(&roster, &m->items[i], diag);
    return err;
}

static enum pdk_err bulk(const struct pdk_mem *mem, struct pdk_slice list, size_t min_voters,
                         struct pdk_members **out, struct pdk_diag *diag)
{
    struct pdk_buf text;
    pdk_buf_init(&text, mem, LIST_BYTES_MAX);
    for (size_t i = 0; i < list.len; i++)
        pdk_put_u8(&text, list.bytes[i] == ',' ? '\n' : list.bytes[i]);
    enum pdk_err err =
        text.failed ? PDK_ENOMEM : pdk_members_parse(mem, pdk_buf_slice(&text), 0, out, diag);
    pdk_buf_deinit(&text);
    if (err != PDK_OK) return err;
    (*out)->version = 0; /* a version that the text names counts for nothing */
    err = check_all(*out, min_voters, diag);
    if (err == PDK_OK) return PDK_OK;
    pdk_members_drop(*out);
    *out = NULL;
    return err;
}

enum pdk_err pdk_members_reconfig(const struct pdk_members *m, const struct pdk_reconfig *change,
                                  size_t min_voters, struct pdk_members **out,
                                  struct pdk_diag *diag)
{
    *out = NULL;
    return change->new_members.is_null ? incremental(m, change, min_voters, out, diag)
                                       : bulk(m->mem, change->new_members, min_voters, out, diag);
}
