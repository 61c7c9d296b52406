/* A config from its lines. */
#include "core/quorum/internal.h"

#include "base/props.h"

/* Sums of weights stay far from overflow. */
#define WEIGHT_MAX (INT64_C(1) << 48)

struct pdk_members_builder {
    const struct pdk_mem *mem;
    bool hierarchical;                           /* a group or weight line was there */
    struct pdk_member *members[PDK_SID_MAX + 1]; /* by sid; NULL: none */
    int64_t groups[PDK_SID_MAX + 1];             /* by sid; -1: in none */
    int64_t weights[PDK_SID_MAX + 1];            /* by sid; -1: not said */
};

struct pdk_members_builder *pdk_members_build(const struct pdk_mem *mem)
{
    struct pdk_members_builder *b = pdk_mem_try_zero(mem, 1, sizeof *b);
    if (b == NULL) return NULL;
    b->mem = mem;
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) b->groups[sid] = b->weights[sid] = -1;
    return b;
}

void pdk_members_abandon(struct pdk_members_builder *b)
{
    if (b == NULL) return;
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) pdk_mem_free(b->mem, b->members[sid]);
    pdk_mem_free(b->mem, b);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Why the line is wrong; NULL: it is not, and has been taken. */
static const char *take_group(struct pdk_members_builder *b, int64_t group, struct pdk_slice value)
{
    struct pdk_sids sids = {0};
    for (size_t from = 0; from <= value.len;) {
        size_t to = from;
        while (to < value.len && value.bytes[to] != ':') to++;
        int64_t sid;
        if (!pdk_number_parse(pdk_slice_of(value.bytes + from, to - from), PDK_SID_MAX, &sid))
            return "ids are numbers from 0 to 255";
        if (b->groups[sid] >= 0 || pdk_sids_has(&sids, sid))
            return "a server stands in one group, once";
        pdk_sids_add(&sids, sid);
        from = to + 1;
    }
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (b->groups[sid] == group) return "the group stands twice";
    }
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (pdk_sids_has(&sids, sid)) b->groups[sid] = group;
    }
    b->hierarchical = true;
    return NULL;
}

static const char *take_weight(struct pdk_members_builder *b, pdk_sid sid, struct pdk_slice value)
{
    int64_t weight;
    if (!pdk_number_parse(value, WEIGHT_MAX, &weight)) return "a weight is a number from 0 to 2^48";
    if (b->weights[sid] >= 0) return "the weight stands twice";
    b->weights[sid] = weight;
    b->hierarchical = true;
    return NULL;
}

static enum pdk_err take_server(struct pdk_members_builder *b, pdk_sid sid, struct pdk_slice key,
                                struct pdk_slice value, struct pdk_diag *diag)
{
    if (b->members[sid] != NULL)
        return pdk_line_refuse(diag, key, value, "the server stands twice", NULL);
    const char *why;
    enum pdk_err err = pdk_member_parse(b->mem, sid, value, &b->members[sid], &why);
    return err == PDK_EINVAL ? pdk_line_refuse(diag, key, value, why, PDK_MEMBER_SYNTAX) : err;
}

enum pdk_err pdk_members_line(struct pdk_members_builder *b, struct pdk_slice key,
                              struct pdk_slice value, struct pdk_diag *diag)
{
    int64_t number;
    const char *why, *allowed;
    if (b == NULL) return PDK_ENOMEM;
    if (pdk_key_number(key, "server.", PDK_SID_MAX, &number))
        return take_server(b, number, key, value, diag);
    if (pdk_key_number(key, "group.", INT64_MAX, &number)) {
        why = take_group(b, number, value);
        allowed = "id:id:id...";
    } else if (pdk_key_number(key, "weight.", PDK_SID_MAX, &number)) {
        why = take_weight(b, number, value);
        allowed = NULL;
    } else {
        why = "no such key";
        allowed = "server.N, group.G and weight.N, N from 0 to 255";
    }
    return why == NULL ? PDK_OK : pdk_line_refuse(diag, key, value, why, allowed);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum pdk_err refuse(struct pdk_diag *diag, pdk_sid sid, const char *why)
{
    pdk_diag_set(diag, "server.%lld %s", (long long)sid, why);
    return PDK_EINVAL;
}

static enum pdk_err judge_groups(const struct pdk_members_builder *b, struct pdk_diag *diag)
{
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        const struct pdk_member *m = b->members[sid];
        bool grouped = b->groups[sid] >= 0, weighed = b->weights[sid] >= 0;
        if (m == NULL && grouped) return refuse(diag, sid, "is in a group, and is no member");
        if (m == NULL && weighed) return refuse(diag, sid, "has a weight, and is no member");
        if (m == NULL) continue;
        if (m->is_voter && !grouped) return refuse(diag, sid, "votes, and is in no group");
        if (!m->is_voter && grouped && !weighed)
            return refuse(diag, sid, "observes, and is in a group without a weight");
    }
    return PDK_OK;
}

static enum pdk_err judge(const struct pdk_members_builder *b, struct pdk_diag *diag)
{
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (b->members[sid] != NULL && b->members[sid]->is_voter)
            return b->hierarchical ? judge_groups(b, diag) : PDK_OK;
    }
    pdk_diag_set(diag, "no server is a participant: there would be no quorum");
    return PDK_EINVAL;
}

static enum pdk_err make(const struct pdk_members_builder *b, int64_t version,
                         struct pdk_members **out, struct pdk_diag *diag)
{
    struct pdk_roster roster;
    for (size_t sid = 0; sid <= PDK_SID_MAX; sid++) {
        struct pdk_member *m = b->members[sid];
        roster.at[sid] = m;
        if (m == NULL || !b->hierarchical) continue;
        m->group = b->groups[sid];
        m->weight = m->is_voter && b->weights[sid] < 0 ? 1 : b->weights[sid];
    }
    struct pdk_members *m = pdk_members_make(b->mem, &roster, b->hierarchical, version);
    if (m == NULL) return PDK_ENOMEM;
    if (!pdk_members_quorum(m, &m->voters)) {
        pdk_members_drop(m);
        pdk_diag_set(diag, "with these weights all participants together would be no quorum");
        return PDK_EINVAL;
    }
    *out = m;
    return PDK_OK;
}

enum pdk_err pdk_members_finish(struct pdk_members_builder *b, int64_t version,
                                struct pdk_members **out, struct pdk_diag *diag)
{
    *out = NULL;
    if (b == NULL) return PDK_ENOMEM;
    enum pdk_err err = judge(b, diag);
    if (err == PDK_OK) err = make(b, version, out, diag);
    pdk_members_abandon(b);
    return err;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Hexadecimal digits only. */
static bool parse_version(struct pdk_slice text, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        int64_t digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - 'a' + 10;
        } else {
            return false;
        }
        if (*out > (INT64_MAX >> 4)) return false;
        *out = *out << 4 | digit;
    }
    return text.len > 0;
}

struct text_reader {
    struct pdk_members_builder *builder;
    int64_t version;
    bool version_said;
};

static enum pdk_err take_entry(struct text_reader *t, const struct pdk_prop *p,
                               struct pdk_diag *diag)
{
    if (!pdk_slice_eq_str(p->key, "version"))
        return pdk_members_line(t->builder, p->key, p->value, diag);
    if (t->version_said) return pdk_line_refuse(diag, p->key, p->value, "stands twice", NULL);
    if (!parse_version(p->value, &t->version))
        return pdk_line_refuse(diag, p->key, p->value, "the version is a hexadecimal number", NULL);
    t->version_said = true;
    return PDK_OK;
}

/* The next line, if there is one. */
static enum pdk_err take_next(struct text_reader *t, struct pdk_props *props, bool *more,
                              struct pdk_diag *diag)
{
    struct pdk_prop prop;
    struct pdk_diag what = {0};
    const char *why = "";
    enum pdk_err err;
    switch (pdk_props_next(props, &prop, &why)) {
    case PDK_PROPS_END: *more = false; return PDK_OK;
    case PDK_PROPS_BAD:
        pdk_diag_set(&what, "%s", why);
        err = PDK_EINVAL;
        break;
    default: err = take_entry(t, &prop, &what); break;
    }
    if (err == PDK_EINVAL) pdk_diag_set(diag, "line %u: %.490s", prop.line, what.text);
    return err;
}

enum pdk_err pdk_members_parse(const struct pdk_mem *mem, struct pdk_slice text, int64_t version,
                               struct pdk_members **out, struct pdk_diag *diag)
{
    *out = NULL;
    struct text_reader t = {.builder = pdk_members_build(mem), .version = version};
    struct pdk_props props;
    pdk_props_init(&props, mem, text);
    enum pdk_err err = t.builder != NULL ? PDK_OK : PDK_ENOMEM;
    for (bool more = true; more && err == PDK_OK;) err = take_next(&t, &props, &more, diag);
    pdk_props_deinit(&props);
    if (err == PDK_OK) return pdk_members_finish(t.builder, t.version, out, diag);
    pdk_members_abandon(t.builder);
    return err;
}
