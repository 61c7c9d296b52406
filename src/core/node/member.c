/* Roles: how they begin, what they hear, how they end. */
#include "core/node/member.h"

#define READ_ONLY_AFTER_MS 2000
#define HELLO_STRANGERS_MAX 64
#define REDIAL_MS 250
#define STAY_OUT_MS 1000
#define FRUITLESS_FREE 4 /* roles that end before they serve, and cost no pause */

static struct pdk_mesh *make_mesh(struct pdk_node *n, struct pdk_membership *m)
{
    const struct pdk_ensemble_config *c = &n->config.ensemble;
    const struct pdk_mesh_config mesh = {.mem = n->mem,
                                         .me = m->me,
                                         .multi_address = c->multi_address,
                                         .hello_timeout_ms = c->hello_timeout_ms,
                                         .redial_ms = REDIAL_MS,
                                         .strangers_max = HELLO_STRANGERS_MAX};
    return pdk_mesh_create(&mesh, m->committed, m->last_seen, pdk_links_next, n);
}

void pdk_member_create(struct pdk_node *n)
{
    const struct pdk_ensemble_config *c = &n->config.ensemble;
    struct pdk_membership *m = pdk_mem_must_zero(n->mem, 1, sizeof *m);
    n->member = m;
    m->me = n->config.server_id;
    m->committed = pdk_members_hold(c->members);
    m->last_seen = pdk_members_hold(c->last_seen != NULL ? c->last_seen : c->members);
    m->accepted_epoch = c->accepted_epoch;
    m->current_epoch = c->current_epoch;
    m->untrusted = c->untrusted;
    m->role = PDK_ROLE_LOOKING;
    m->leader_link = PDK_LINK_NONE;
    m->leader_sid = m->next_leader = m->favour = PDK_SID_NONE;
    m->look_at_ms = INT64_MAX;
    m->last_election_ms = -1;
    pdk_buf_init(&m->scratch, n->mem, SIZE_MAX);
    pdk_buf_init(&m->authinfo, n->mem, SIZE_MAX);
    const struct pdk_elect_config elect = {.mem = n->mem,
                                           .me = m->me,
                                           .min_interval_ms = c->min_notification_ms,
                                           .max_interval_ms = c->max_notification_ms,
                                           .finalize_wait_ms = c->finalize_wait_ms,
                                           .takes_configs = n->config.reconfig_enabled};
    m->elect = pdk_elect_create(&elect, m->committed, m->last_seen);
    m->mesh = make_mesh(n, m);
}

void pdk_member_destroy(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m == NULL) return;
    pdk_leader_destroy(m->leader);
    pdk_leader_destroy(m->feeder);
    pdk_learner_destroy(m->learner);
    pdk_elect_destroy(m->elect);
    pdk_mesh_destroy(m->mesh);
    pdk_members_drop(m->committed);
    pdk_members_drop(m->last_seen);
    if (m->loading != NULL) pdk_state_retire(m->loading);
    pdk_buf_deinit(&m->scratch);
    pdk_buf_deinit(&m->authinfo);
    pdk_hold_forget(n);
    pdk_mem_free(n->mem, m->held);
    pdk_mem_free(n->mem, m->accepted);
    pdk_mem_free(n->mem, m->revalidations);
    pdk_mem_free(n->mem, m->syncs);
    pdk_mem_free(n->mem, m->touched);
    pdk_mem_free(n->mem, m);
    n->member = NULL;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void look(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    m->look_at_ms = INT64_MAX;
    struct pdk_candidate candidate = {
        .zxid = m->untrusted ? -1 : pdk_history_last(n->history),
        .epoch = m->current_epoch,
        .favour = m->favour,
    };
    m->favour = PDK_SID_NONE;
    PDK_SAY(n, PDK_LOG_INFO, "election.looking id=%lld zxid=0x%llx epoch=%lld%s", (long long)m->me,
            (unsigned long long)candidate.zxid, (long long)candidate.epoch,
            m->untrusted ? " untrusted=true" : "");
    n->metrics.looking_count++;
    pdk_elect_start(m->elect, n->now.mono_ms, &candidate);
}

void pdk_member_start(struct pdk_node *n)
{
    n->member->looking_since_ms = n->now.mono_ms;
    look(n);
    pdk_member_run(n);
}

/* An observer does not storm the voters that have just lost their leader. */
static int64_t pause_before_looking(struct pdk_node *n)
{
    /* One role that comes to nothing after the other: somebody must be given time to mend. */
    int32_t idle = n->member->fruitless - FRUITLESS_FREE;
    if (idle > 0) return idle < 7 ? INT64_C(10) << idle : 1000;
    const struct pdk_member *me = pdk_members_find(n->member->committed, n->member->me);
    int64_t most = n->config.ensemble.observer_election_delay_ms;
    if (me == NULL || me->is_voter || most <= 0) return 0;
    return (int64_t)pdk_prng_below(&n->prng, (uint64_t)most + 1);
}

/* ---- roles ----------------------------------------------------------------------------------- */

struct pdk_zab_limits pdk_member_limits(const struct pdk_node *n)
{
    const struct pdk_ensemble_config *c = &n->config.ensemble;
    return (struct pdk_zab_limits){.tick_ms = n->config.tick_ms,
                                   .init_limit = c->init_limit,
                                   .sync_limit = c->sync_limit,
                                   .connect_limit = c->connect_limit,
                                   .packet_field_bytes = c->packet_field_bytes,
                                   .reconfig_enabled = n->config.reconfig_enabled};
}

static void listen(struct pdk_node *n, enum pdk_port port, bool on)
{
    struct pdk_effect *e = pdk_out_add(&n->out, PDK_OUT_LISTEN);
    e->port = port;
    e->flag = on;
}

static void lead(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    const struct pdk_ensemble_config *c = &n->config.ensemble;
    const struct pdk_leader_config leader = {
        .mem = n->mem,
        .me = m->me,
        .limits = pdk_member_limits(n),
        .committed = m->committed,
        .last_seen = m->last_seen,
        .accepted_epoch = m->accepted_epoch,
        .current_epoch = m->current_epoch,
        .force_snapshot = c->force_snapshot,
        .snapshot_size_factor = c->snapshot_size_factor,
        .max_snap_syncs = c->max_snap_syncs,
        .max_diff_syncs = c->max_diff_syncs,
        .max_wait_for_epoch_ms = c->max_wait_for_epoch_ms,
        .history = n->history,
        .applied = &n->state->last_zxid,
        .log_is_durable = n->durable >= pdk_history_last(n->history),
    };
    m->role = PDK_ROLE_LEADING;
    m->needs_tree = false;
    m->announced = pdk_history_last(n->history);
    m->leader = pdk_leader_create(&leader, n->now.mono_ms);
    listen(n, PDK_PORT_QUORUM, true);
    pdk_elect_settle(m->elect, PDK_LEADING);
}

static void follow(struct pdk_node *n, pdk_sid sid)
{
    struct pdk_membership *m = n->member;
    /* One that a reconfig has removed goes on as a follower without a vote (zab.md 9.2). */
    bool is_observer = pdk_members_find(m->committed, m->me) != NULL &&
                       !pdk_members_has_voter(m->committed, m->me);
    const struct pdk_learner_config learner = {
        .mem = n->mem,
        .me = m->me,
        .leader = sid,
        .is_observer = is_observer,
        .limits = pdk_member_limits(n),
        .committed = m->committed,
        .last_seen = m->last_seen,
        .accepted_epoch = m->accepted_epoch,
        .current_epoch = m->current_epoch,
        .last = m->untrusted || m->needs_tree ? -1 : pdk_history_last(n->history),
        .log_is_durable = n->durable >= pdk_history_last(n->history),
        .history = n->history,
        .snapshot_entry_bytes = n->config.ensemble.packet_field_bytes,
    };
    m->role = is_observer ? PDK_ROLE_OBSERVING : PDK_ROLE_FOLLOWING;
    m->learner = pdk_learner_create(&learner, n->now.mono_ms);
    pdk_elect_settle(m->elect, is_observer ? PDK_OBSERVING : PDK_FOLLOWING);
}

static void close_clients(struct pdk_node *n)
{
    for (uint32_t i = 0; i < n->conn_cap && n->conn_count > 0; i++) {
        if (n->conns[i] != NULL && n->conns[i]->state != PDK_CONN_FRESH)
            pdk_conn_close(n, n->conns[i]);
    }
}

static void take_role(struct pdk_node *n, pdk_sid sid)
{
    struct pdk_membership *m = n->member;
    if (m->read_only) close_clients(n);
    m->read_only = false;
    m->leader_sid = sid;
    n->committed = 0; /* the new leader says what is */
    m->last_election_ms = n->now.mono_ms - m->looking_since_ms;
    m->elections++;
    pdk_summary_add(&n->metrics.election_time, (uint64_t)m->last_election_ms);
    PDK_SAY(n, PDK_LOG_INFO, "election.decided leader=%lld ms=%lld role=%s", (long long)sid,
            (long long)m->last_election_ms, sid == m->me ? "leading" : "learning");
    if (sid == m->me)
        lead(n);
    else
        follow(n, sid);
}

void pdk_member_decided(struct pdk_node *n, const struct pdk_vote *vote)
{
    take_role(n, vote->leader);
}

/* ---- the end of a role ----------------------------------------------------------------------- */

static void close_learners(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    for (size_t i = 0; i < m->accepted_count; i++)
        pdk_out_add(&n->out, PDK_OUT_LINK_CLOSE)->link = m->accepted[i].link;
    m->accepted_count = 0;
}

static void end_machines(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->leader != NULL) {
        m->favour = m->retiring ? pdk_leader_heir(m->leader) : PDK_SID_NONE;
        pdk_leader_destroy(m->leader);
        m->leader = NULL;
        listen(n, PDK_PORT_QUORUM, false);
    }
    if (m->learner != NULL) {
        bool untrusted = pdk_learner_untrusted(m->learner);
        if (m->needs_tree)
            m->needs_tree = untrusted;
        else
            m->untrusted = untrusted;
        pdk_learner_destroy(m->learner);
        m->learner = NULL;
        pdk_feed_end(n);
    }
    if (m->leader_link != PDK_LINK_NONE)
        pdk_out_add(&n->out, PDK_OUT_LINK_CLOSE)->link = m->leader_link;
    m->leader_link = PDK_LINK_NONE;
    close_learners(n);
}

static void abandon_spool(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (!m->spooling) return;
    m->spooling = false;
    pdk_out_add(&n->out, PDK_OUT_SPOOL_ABANDON);
    pdk_history_reset(n->history, m->before_spool);
}

void pdk_member_step_down(struct pdk_node *n, struct pdk_slice why)
{
    struct pdk_membership *m = n->member;
    PDK_SAY(n, PDK_LOG_WARN, "role.lost role=%s leader=%lld why=\"%.*s\"", pdk_role_name(m->role),
            (long long)m->leader_sid, (int)pdk_min_size(why.len, 300), (const char *)why.bytes);
    end_machines(n);
    m->fruitless = m->serves ? 0 : m->fruitless + 1;
    m->role = PDK_ROLE_LOOKING;
    m->leader_sid = PDK_SID_NONE;
    m->serves = m->retiring = false;
    m->serve_epoch = 0;
    m->looking_since_ms = n->now.mono_ms;
    close_clients(n);
    n->barrier_count = 0;
    n->confirmed_round = 0;
    pdk_follow_forget(n);
    pdk_hold_forget(n);
    m->rolling = m->renewing = false;
    abandon_spool(n);
    pdk_commit_more(n);
    pdk_prep_reset(n->prep);
    n->proposed = pdk_history_last(n->history);
    /* A tree that is being loaded decides what we can say of ourselves. */
    m->look_at_ms = m->loading != NULL ? INT64_MAX : n->now.mono_ms + pause_before_looking(n);
}

/* ---- serving --------------------------------------------------------------------------------- */

/* A restart has replayed a log whose end is not committed yet, as the leader says. */
static bool is_ahead(const struct pdk_node *n)
{
    size_t after = pdk_history_after(n->history, n->committed);
    pdk_zxid base = pdk_history_base(n->history);
    if (base > n->committed && PDK_ZXID_COUNTER(base) != 0) return true;
    return after < pdk_history_count(n->history) - n->proposal_count;
}

void pdk_member_committed(struct pdk_node *n, pdk_zxid zxid)
{
    struct pdk_membership *m = n->member;
    pdk_commit_up_to(n, zxid);
    pdk_feed_committed(n);
    if (m->serve_epoch != 0 && !is_ahead(n)) pdk_member_serve(n, m->serve_epoch);
}

static void begin_deciding(struct pdk_node *n, int64_t epoch)
{
    n->proposed = pdk_zxid_of(epoch, 0);
    pdk_prep_reset(n->prep);
    pdk_sessions_arm_all(n->state->sessions, n->now.mono_ms);
    n->next_container_check_ms = n->now.mono_ms + n->config.container_check_ms;
}

void pdk_member_serve(struct pdk_node *n, int64_t epoch)
{
    struct pdk_membership *m = n->member;
    pdk_zxid first = pdk_zxid_of(epoch, 0);
    if (n->state->last_zxid < first) n->state->last_zxid = first;
    pdk_elect_raise_epoch(m->elect, epoch);
    if (m->serves) { /* the same role in a new epoch */
        if (m->leader == NULL) return;
        n->proposed = first;
        pdk_rollover_done(n);
        return;
    }
    m->serve_epoch = epoch;
    if (m->learner != NULL && is_ahead(n)) return; /* nobody may see that */
    m->serve_epoch = 0;
    m->serves = true;
    m->serving_since_ms = n->now.mono_ms;
    if (m->leader != NULL) begin_deciding(n, epoch);
    pdk_reconfig_show(n);
    pdk_feed_begin(n);
    PDK_SAY(n, PDK_LOG_INFO, "role.serving role=%s leader=%lld epoch=%lld zxid=0x%llx ms=%lld",
            pdk_role_name(m->role), (long long)m->leader_sid, (long long)epoch,
            (unsigned long long)n->state->last_zxid,
            (long long)(n->now.mono_ms - m->looking_since_ms));
    pdk_timer_maybe_snapshot(n);
}

/* ---- proposals, to learners ------------------------------------------------------------------ */

static bool announce(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    pdk_zxid last = pdk_history_last(n->history);
    if (m->leader == NULL || !m->serves || m->retiring || last <= m->announced) return false;
    m->announced = last;
    pdk_leader_propose(m->leader, n->now.mono_ms, last);
    return true;
}

/* ---- handing over ---------------------------------------------------------------------------- */

static void hand_over(struct pdk_node *n, pdk_sid wanted, const char *why)
{
    struct pdk_membership *m = n->member;
    if (m->leader == NULL || !m->serves || m->retiring) return;
    PDK_SAY(n, PDK_LOG_WARN, "role.hand_over why=\"%s\"", why);
    (void)announce(n); /* it is the last that this leader proposes */
    m->retiring = true;
    pdk_leader_retire(m->leader, n->now.mono_ms, wanted);
}

/* ---- room on the disk ------------------------------------------------------------------------ */

/* Without room for the log we hold nobody up: others go on without us until it comes back. */
static bool must_stay_out(const struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    struct pdk_sids others = m->committed->voters;
    pdk_sids_remove(&others, m->me);
    return n->no_space && pdk_sids_count(&others) > 0;
}

void pdk_member_space(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (!n->no_space) {
        if (m->look_at_ms != INT64_MAX) m->look_at_ms = n->now.mono_ms;
    } else if (must_stay_out(n)) {
        if (m->leader != NULL && m->serves)
            hand_over(n, PDK_SID_NONE, "the log's disk is full");
        else if (m->leader != NULL || m->learner != NULL)
            pdk_member_step_down(n, pdk_slice_str("the log's disk is full"));
        else if (m->loading == NULL)
            m->look_at_ms = n->now.mono_ms; /* what an election is worth is asked again */
    }
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static void stored(struct pdk_node *n, int64_t epoch, bool is_current)
{
    struct pdk_membership *m = n->member;
    int64_t *known = is_current ? &m->current_epoch : &m->accepted_epoch;
    if (epoch > *known) *known = epoch;
    if (m->leader != NULL) pdk_leader_stored(m->leader, n->now.mono_ms, epoch, is_current);
    if (m->learner != NULL) pdk_learner_stored(m->learner, n->now.mono_ms, epoch, is_current);
}

/* Another state takes the place of ours. */
static bool take_loaded(struct pdk_node *n, const struct pdk_input *input)
{
    struct pdk_membership *m = n->member;
    struct pdk_state *loaded = m->loading;
    struct pdk_diag diag = {"it could not be read"};
    m->loading = NULL;
    bool ok = input->err == PDK_OK && pdk_tree_load_done(loaded->tree, &diag) == PDK_OK;
    if (!ok) {
        PDK_SAY(n, PDK_LOG_ERROR, "sync.load_failed err=%s why=\"%s\"", pdk_err_name(input->err),
                diag.text);
        pdk_state_retire(loaded);
        return false;
    }
    pdk_state_retire(n->state);
    n->state = loaded;
    pdk_node_new_prep(n);
    pdk_propose_forget(n);
    pdk_history_reset(n->history, input->recovery->last_zxid);
    pdk_history_written(n->history, INT64_MAX); /* the log has come to its end */
    n->proposed = n->durable = n->committed = input->recovery->last_zxid;
    n->last_snapshot_bytes = input->recovery->snapshot_bytes;
    n->txns_since_snapshot = input->recovery->txns;
    n->bytes_since_snapshot = (uint64_t)input->recovery->log_bytes;
    return true;
}

/* The leader's snapshot found no room: what we had is as it was (core/store/resync.h). */
static void keep_old_history(struct pdk_node *n)
{
    pdk_history_reset(n->history, n->member->before_spool);
    n->proposed = n->member->before_spool;
    if (n->member->learner != NULL)
        pdk_member_step_down(n, pdk_slice_str("there is no room for the leader's snapshot"));
    else
        n->member->look_at_ms = n->now.mono_ms;
}

static void loaded(struct pdk_node *n, const struct pdk_input *input)
{
    struct pdk_membership *m = n->member;
    PDK_ASSERT(m->loading != NULL);
    bool installs = m->installing;
    m->installing = false;
    bool ok = take_loaded(n, input);
    /* A truncation that is impossible has changed nothing: what we have is sound, and votes, but
     * only the leader's tree can bring us to its history. */
    if (input->err == PDK_ENOENT) m->needs_tree = true;
    if (installs && input->err == PDK_ENOSPC) {
        keep_old_history(n);
        return;
    }
    if (m->learner != NULL) {
        pdk_learner_loaded(m->learner, n->now.mono_ms, ok, pdk_history_last(n->history));
        return;
    }
    /* Its role ended meanwhile. */
    m->untrusted = !ok && !m->needs_tree;
    if (m->look_at_ms == INT64_MAX) m->look_at_ms = n->now.mono_ms;
}

static void found(struct pdk_node *n, const struct pdk_input *input)
{
    struct pdk_sync_query disk = {.disk_known = true};
    if (input->err == PDK_OK) {
        disk.disk_reaches = input->place->reaches;
        disk.disk_at = input->place->at;
        disk.disk_bytes = input->place->bytes;
        disk.snapshot_bytes = input->place->snapshot_bytes;
    }
    struct pdk_leader *l = pdk_member_server_of(n, input->link);
    if (l != NULL) pdk_leader_found(l, n->now.mono_ms, input->link, &disk);
}

static void streamed(struct pdk_node *n, const struct pdk_input *input)
{
    if (input->job != NULL) pdk_state_unfreeze(input->job);
    struct pdk_leader *l = pdk_member_server_of(n, input->link);
    if (l != NULL) pdk_leader_streamed(l, n->now.mono_ms, input->link, input->err == PDK_OK);
}

static void streaming(struct pdk_node *n, uint32_t link)
{
    struct pdk_leader *l = pdk_member_server_of(n, link);
    if (l != NULL) pdk_leader_progress(l, n->now.mono_ms, link);
}

static void sync_slow(struct pdk_node *n, int64_t ms)
{
    int64_t limit = n->config.ensemble.slow_sync_hand_over_ms;
    if (limit > 0 && ms >= limit) hand_over(n, PDK_SID_NONE, "the log's disk is slow");
}

bool pdk_member_input(struct pdk_node *n, const struct pdk_input *input)
{
    switch (input->kind) {
    case PDK_IN_LINK_ACCEPTED: pdk_links_accepted(n, input); return true;
    case PDK_IN_LINK_DIALLED: pdk_links_dialled(n, input->link, input->flag); return true;
    case PDK_IN_LINK_CLOSED: pdk_links_closed(n, input->link); return true;
    case PDK_IN_STORED: stored(n, input->epoch, input->flag); return true;
    case PDK_IN_LOADED: loaded(n, input); return true;
    case PDK_IN_FOUND: found(n, input); return true;
    case PDK_IN_STREAMED: streamed(n, input); return true;
    case PDK_IN_STREAMING: streaming(n, input->link); return true;
    case PDK_IN_SYNC_SLOW: sync_slow(n, input->size_bytes); return true;
    case PDK_IN_HAND_OVER: hand_over(n, input->sid, "an operator asked for it"); return true;
    default: return false;
    }
}

void pdk_member_durable(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->leader != NULL) pdk_leader_durable(m->leader, n->now.mono_ms, n->durable);
    if (m->learner != NULL) pdk_learner_durable(m->learner, n->now.mono_ms, n->durable);
    pdk_commit_more(n);
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t read_only_at(const struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    bool waits = n->config.ensemble.read_only_mode && m->role == PDK_ROLE_LOOKING &&
                 !m->read_only && !m->untrusted && m->loading == NULL;
    int64_t patience =
        n->config.tick_ms > READ_ONLY_AFTER_MS ? n->config.tick_ms : READ_ONLY_AFTER_MS;
    return waits ? m->looking_since_ms + patience : INT64_MAX;
}

/* A reconfig may have named the leader already: then no election is held. */
static void begin_looking(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    pdk_sid next = m->next_leader;
    m->next_leader = PDK_SID_NONE;
    m->look_at_ms = INT64_MAX;
    if (must_stay_out(n)) {
        pdk_elect_withdraw(m->elect);
        m->look_at_ms = n->now.mono_ms + STAY_OUT_MS;
        return;
    }
    if (next == PDK_SID_NONE || next == m->me) {
        look(n);
        return;
    }
    pdk_elect_retarget(m->elect, next, pdk_history_last(n->history));
    take_role(n, next);
}

void pdk_member_tick(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    int64_t now = n->now.mono_ms;
    if (now >= m->look_at_ms) begin_looking(n);
    if (now >= read_only_at(n)) {
        m->read_only = true;
        PDK_SAY(n, PDK_LOG_WARN,
                "role.read_only looking_ms=%lld: no leader is found; "
                "clients that ask for no more may read",
                (long long)(now - m->looking_since_ms));
    }
    pdk_elect_tick(m->elect, now);
    pdk_mesh_tick(m->mesh, now);
    if (m->leader != NULL) pdk_leader_tick(m->leader, now);
    if (m->learner != NULL) pdk_learner_tick(m->learner, now);
    if (m->feeder != NULL) pdk_leader_tick(m->feeder, now);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t pdk_member_deadline(const struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    int64_t at = earlier(m->look_at_ms, read_only_at(n));
    at = earlier(at, pdk_elect_deadline(m->elect));
    at = earlier(at, pdk_mesh_deadline(m->mesh));
    if (m->leader != NULL) at = earlier(at, pdk_leader_deadline(m->leader));
    if (m->learner != NULL) at = earlier(at, pdk_learner_deadline(m->learner));
    if (m->feeder != NULL) at = earlier(at, pdk_leader_deadline(m->feeder));
    return at;
}

/* ---- the end of a step ----------------------------------------------------------------------- */

void pdk_member_run(struct pdk_node *n)
{
    struct pdk_membership *m = n->member;
    if (m->running) return;
    m->running = true;
    for (bool more = true; more;) {
        pdk_links_run(n);
        more = announce(n);
        more |= pdk_hold_release(n);
        more |= pdk_rollover_run(n);
        if (n->now.mono_ms >= m->look_at_ms) {
            begin_looking(n);
            more = true;
        }
    }
    m->running = false;
}
