/* Configs: the one in force, the one proposed, and what a reconfig asks for (zab.md section 9,
 * election.md section 6.3). */
#include "core/node/member.h"

static struct pdk_slice config_path(void) { return pdk_slice_str("/zookeeper/config"); }

static void tell_machines(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    pdk_elect_set_members(m->elect, m->committed, m->last_seen);
    pdk_mesh_set_members(m->mesh, m->committed, m->last_seen);
}

static void store(struct pdk_node *n, struct pdk_members *members, bool in_force)
{
    struct pdk_effect *e = pdk_out_add(&n->out, PDK_OUT_STORE_CONFIG);
    e->members = pdk_members_hold(members);
    e->flag = in_force;
}

static void replace(struct pdk_members **slot, struct pdk_members *with)
{
    struct pdk_members *old = *slot;
    *slot = pdk_members_hold(with);
    pdk_members_drop(old);
}

/* ---- judging --------------------------------------------------------------------------------- */

static enum pdk_code build(struct pdk_node *n, const struct pdk_reconfig_request *req,
                           struct pdk_members **next)
{
    struct pdk_membership *m = n->member;
    const struct pdk_reconfig change = {.joining = req->joining_servers,
                                        .leaving = req->leaving_servers,
                                        .new_members = req->new_members};
    struct pdk_members *made = NULL;
    struct pdk_diag diag = {""};
    size_t min_voters = n->config.ensemble.standalone_enabled ? 2 : 1;
    enum pdk_err err = pdk_members_reconfig(m->last_seen, &change, min_voters, &made, &diag);
    if (err != PDK_OK) {
        PDK_SAY(n, PDK_LOG_WARN, "reconfig.refused why=\"%s\"", diag.text);
        return err == PDK_EMALFORMED ? PDK_CODE_MARSHALLING_ERROR : PDK_CODE_BAD_ARGUMENTS;
    }
    *next = pdk_members_with_version(made, n->proposed + 1);
    pdk_members_drop(made);
    if (pdk_leader_has_quorum_of(m->leader, *next)) return PDK_CODE_OK;
    pdk_members_drop(*next);
    *next = NULL;
    return PDK_CODE_NEW_CONFIG_NO_QUORUM;
}

enum pdk_code pdk_reconfig_judge(struct pdk_node *n, struct pdk_slice body,
                                 struct pdk_members **next)
{
    struct pdk_membership *m = n->member;
    struct pdk_reconfig_request req;
    struct pdk_reader r = pdk_reader_of(body);
    pdk_read_reconfig_request(&r, &req);
    if (r.failed) return PDK_CODE_OK; /* prep says what an undecodable record gets */
    if (!n->config.reconfig_enabled) return PDK_CODE_RECONFIG_DISABLED;
    if (m->last_seen->version > m->committed->version) return PDK_CODE_RECONFIG_IN_PROGRESS;
    if (req.cur_config_id != -1 && req.cur_config_id != m->committed->version)
        return PDK_CODE_BAD_VERSION;
    return build(n, &req, next);
}

/* ---- proposed, in force ---------------------------------------------------------------------- */

void pdk_reconfig_seen(struct pdk_node *n, struct pdk_members *next)
{
    struct pdk_membership *m = n->member;
    if (next->version <= m->last_seen->version) return;
    replace(&m->last_seen, next);
    store(n, next, false);
    tell_machines(n);
}

void pdk_reconfig_proposed(struct pdk_node *n, pdk_zxid zxid, struct pdk_members *next)
{
    struct pdk_membership *m = n->member;
    pdk_reconfig_seen(n, next);
    m->announced = zxid;
    pdk_leader_propose_config(m->leader, n->now.mono_ms, zxid, next);
}

void pdk_reconfig_activate(struct pdk_node *n, struct pdk_members *next, pdk_sid leader)
{
    struct pdk_membership *m = n->member;
    if (next->version > m->committed->version) {
        replace(&m->committed, next);
        if (next->version >= m->last_seen->version) replace(&m->last_seen, next);
        store(n, next, true);
        tell_machines(n);
        pdk_feed_config(n, next, leader);
        PDK_SAY(n, PDK_LOG_INFO, "reconfig.active version=0x%llx members=%zu voters=%zu",
                (unsigned long long)next->version, next->count, pdk_sids_count(&next->voters));
    }
    if (leader != PDK_SID_NONE && leader != m->leader_sid) m->next_leader = leader;
}

void pdk_reconfig_adopt(struct pdk_node *n, struct pdk_slice text)
{
    struct pdk_membership *m = n->member;
    struct pdk_members *next = NULL;
    struct pdk_diag diag = {""};
    if (pdk_members_parse(n->mem, text, 0, &next, &diag) != PDK_OK) {
        PDK_SAY(n, PDK_LOG_WARN, "config.ignored why=\"%s\"", diag.text);
        return;
    }
    bool differs = !pdk_members_equal(next, m->committed);
    if (next->version > m->committed->version) {
        PDK_SAY(n, PDK_LOG_WARN, "config.adopted version=0x%llx from=peer",
                (unsigned long long)next->version);
        pdk_reconfig_activate(n, next, PDK_SID_NONE);
        if (differs && m->role == PDK_ROLE_LOOKING) m->look_at_ms = n->now.mono_ms;
    }
    pdk_members_drop(next);
}

void pdk_reconfig_show(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    struct pdk_buf text;
    struct pdk_change change;
    pdk_buf_init(&text, n->mem, SIZE_MAX);
    pdk_members_put_text(m->committed, false, &text);
    PDK_ASSERT(!text.failed);
    pdk_znode id = pdk_tree_find(n->state->tree, config_path());
    if (id != PDK_ZNODE_NONE &&
        !pdk_slice_eq(pdk_tree_data(n->state->tree, id), pdk_buf_slice(&text)))
        (void)pdk_tree_set_data(n->state->tree, config_path(), pdk_buf_slice(&text), -1,
                                m->committed->version, n->now.wall_ms, NULL, &change);
    pdk_buf_deinit(&text);
}
