/* Configs that come with proposals, activations and NEWLEADER (zab.md section 9). */
#include "core/zab/learner_internal.h"

#include "jute/records.h"
#include "proto/opcode.h"

/* ---- references ------------------------------------------------------------------------------ */

static void replace(struct pdk_members **slot, struct pdk_members *m)
{
    pdk_members_hold(m);
    pdk_members_drop(*slot);
    *slot = m;
}

void pdk_learner_forget_kept(struct pdk_learner *l)
{
    for (size_t i = 0; i < l->kept_count; i++) pdk_members_drop(l->kept[i]);
    l->kept_count = 0;
}

void pdk_learner_drop_configs(struct pdk_learner *l)
{
    replace(&l->in_force, NULL);
    replace(&l->last_seen, NULL);
    replace(&l->offered, NULL);
    replace(&l->proposed, NULL);
}

static struct pdk_zab_effect *speak_of(struct pdk_learner *l, enum pdk_zab_kind kind,
                                       struct pdk_members *m)
{
    if (l->kept_count == l->kept_cap) {
        l->kept_cap = l->kept_cap > 0 ? l->kept_cap * 2 : 4;
        l->kept =
            pdk_mem_must_resize(l->config.mem, l->kept, l->kept_cap * sizeof(struct pdk_members *));
    }
    l->kept[l->kept_count++] = pdk_members_hold(m);
    struct pdk_zab_effect *e = pdk_learner_add(l, kind);
    e->members = m;
    e->sid = PDK_SID_NONE;
    return e;
}

/* ---- seen ------------------------------------------------------------------------------------ */

/* NULL: lost. */
static struct pdk_members *parse(struct pdk_learner *l, struct pdk_slice text, pdk_zxid zxid)
{
    struct pdk_members *m;
    struct pdk_diag diag;
    if (pdk_members_parse(l->config.mem, text, zxid, &m, &diag) == PDK_OK) return m;
    pdk_put_text(pdk_learner_text(l), "the leader's config at 0x%llx cannot be read: %s",
                 (unsigned long long)zxid, diag.text);
    pdk_learner_lose(l);
    return NULL;
}

static void see(struct pdk_learner *l, struct pdk_members *m)
{
    if (m->version <= l->last_seen->version) return;
    replace(&l->last_seen, m);
    speak_of(l, PDK_ZAB_CONFIG_SEEN, m);
}

bool pdk_learner_offer_config(struct pdk_learner *l, struct pdk_slice text)
{
    replace(&l->offered, NULL);
    if (!l->config.limits.reconfig_enabled || text.len <= 1) return true;
    struct pdk_members *m = parse(l, text, 0);
    if (m == NULL) return false;
    see(l, m);
    l->offered = m;
    return true;
}

bool pdk_learner_see_config(struct pdk_learner *l, pdk_zxid zxid, struct pdk_slice txn)
{
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header header;
    pdk_read_txn_header(&r, &header);
    if (header.type != PDK_OP_RECONFIG || !l->config.limits.reconfig_enabled) return true;
    struct pdk_set_data_txn set;
    pdk_read_set_data_txn(&r, &set);
    struct pdk_members *m = parse(l, set.data, zxid);
    if (m == NULL) return false;
    see(l, m);
    replace(&l->proposed, NULL);
    l->proposed = m;
    l->proposed_zxid = zxid;
    return true;
}

/* ---- in force -------------------------------------------------------------------------------- */

/* Followers that a config does not name go on without a vote. */
static bool role_changes(const struct pdk_learner *l, const struct pdk_members *next)
{
    const struct pdk_member *me = pdk_members_find(next, l->config.me);
    bool observes = me != NULL && !me->is_voter;
    return observes != l->config.is_observer;
}

static bool same_quorum_address(const struct pdk_member *a, const struct pdk_member *b)
{
    return a->addresses[0].quorum_port == b->addresses[0].quorum_port &&
           pdk_slice_eq(pdk_slice_str(a->addresses[0].host), pdk_slice_str(b->addresses[0].host));
}

/* Nobody is designated: our leader stays if it votes in both, at the same address. */
static bool leader_changes(const struct pdk_learner *l, const struct pdk_members *before,
                           const struct pdk_members *next)
{
    const struct pdk_member *was = pdk_members_find(before, l->config.leader);
    const struct pdk_member *is = pdk_members_find(next, l->config.leader);
    return was == NULL || is == NULL || !was->is_voter || !is->is_voter ||
           !same_quorum_address(was, is);
}

static bool activate(struct pdk_learner *l, struct pdk_members *next, pdk_sid leader)
{
    if (next->version <= l->in_force->version) return false;
    speak_of(l, PDK_ZAB_CONFIG_ACTIVATE, next)->sid = leader;
    bool leave =
        !pdk_members_equal(l->in_force, next) &&
        (role_changes(l, next) || (leader != PDK_SID_NONE ? leader != l->config.leader
                                                          : leader_changes(l, l->in_force, next)));
    replace(&l->in_force, next);
    return leave;
}

bool pdk_learner_activate_offered(struct pdk_learner *l)
{
    return l->offered != NULL && activate(l, l->offered, PDK_SID_NONE);
}

bool pdk_learner_activate_proposed(struct pdk_learner *l, pdk_sid leader)
{
    return activate(l, l->proposed, leader);
}
