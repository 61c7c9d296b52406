/* What time brings: sessions expire, containers and TTL znodes are removed, snapshots are taken.
 *
 * Each is done in slices, so that a storm of expiries does not stop the service. */
#include "core/node/member.h"

#define EXPIRE_PER_TICK 500
#define CONTAINERS_PER_TICK 64
/* Replayed in about half a second. */
#define SNAPSHOT_FLOOR_BYTES (INT64_C(128) << 20)

/* ---- sessions ---------------------------------------------------------------------------- */

/* We have stopped listening to its connection: that is no silence of the client's.  It gets another
 * timeout; every pause ends. */
static bool is_held_up(struct pdk_node *n, struct pdk_sessions *of, struct pdk_session_entry *e)
{
    const struct pdk_conn *c = e->conn != PDK_CONN_NONE ? n->conns[e->conn] : NULL;
    if (c == NULL || !c->paused) return false;
    e->closing = false;
    pdk_sessions_touch(of, e, n->now.mono_ms, c->timeout_ms);
    return true;
}

/* True when more is due. */
static bool expire_sessions(struct pdk_node *n)
{
    /* A session that cannot be logged as closed lives until there is space again. */
    if (n->no_space || !pdk_member_proposes(n)) return false;
    for (int i = 0; i < EXPIRE_PER_TICK; i++) {
        if (!pdk_propose_room(n))
            return false; /* the next commit makes room, the next tick goes on */
        struct pdk_session_entry *e = pdk_sessions_expire_one(n->state->sessions, n->now.mono_ms);
        if (e == NULL) return false;
        if (is_held_up(n, n->state->sessions, e)) continue;
        size_t mark = pdk_out_mark(&n->out);
        pdk_put_text(&n->out.bytes, "session.expired session=0x%llx timeout_ms=%d",
                     (unsigned long long)e->id, (int)e->timeout_ms);
        pdk_out_logged(&n->out, PDK_LOG_INFO, mark);
        n->metrics.stale_sessions_expired++;
        enum pdk_code code = PDK_CODE_OK;
        bool proposed = pdk_propose(
            n, &(struct pdk_propose){.op = PDK_OP_CLOSE_SESSION, .session = e->id}, &code);
        PDK_ASSERT(proposed);
    }
    return true;
}

/* ---- containers and TTL znodes ----------------------------------------------------------- */

static void propose_removal(struct pdk_node *n, pdk_znode id)
{
    struct pdk_buf body;
    pdk_buf_init(&body, n->mem, SIZE_MAX);
    pdk_put_i32(&body, 0);
    pdk_tree_put_path(n->state->tree, id, &body);
    PDK_ASSERT(!body.failed);
    pdk_buf_patch_i32(&body, 0, (int32_t)(body.len - 4));
    if (pdk_tree_kind(n->state->tree, id) == PDK_KIND_TTL) n->metrics.ttl_node_deleted_count++;
    enum pdk_code code = PDK_CODE_OK;
    (void)pdk_propose(
        n, &(struct pdk_propose){.op = PDK_OP_DELETE_CONTAINER, .body = pdk_buf_slice(&body)},
        &code);
    pdk_buf_deinit(&body);
}

/* Looks at a bounded number of candidates; a scan spans as many ticks as it needs.  Paced to
 * container_per_minute. */
static void remove_containers(struct pdk_node *n)
{
    int64_t now = n->now.mono_ms;
    if (!n->container_scanning && now < n->next_container_check_ms) return;
    if (n->container_scanning && now < n->container_credit_ms) return;
    if (n->no_space || !pdk_propose_room(n) || !pdk_member_proposes(n)) return;
    if (!n->container_scanning) {
        n->container_scanning = true;
        n->container_cursor = 0;
    }
    pdk_znode ids[CONTAINERS_PER_TICK];
    int64_t step_ms = 60000 / n->config.container_per_minute;
    size_t max = step_ms > 0 ? 1 : CONTAINERS_PER_TICK;
    size_t count = pdk_tree_due(n->state->tree, n->now.wall_ms, n->config.container_never_used_ms,
                                &n->container_cursor, ids, max);
    for (size_t i = 0; i < count; i++) propose_removal(n, ids[i]);
    n->container_credit_ms = now + (count > 0 ? step_ms : 0);
    if (n->container_cursor == 0) {
        n->container_scanning = false;
        n->next_container_check_ms = now + n->config.container_check_ms;
    }
}

/* ---- snapshots (disk-formats.md section 4, decision 10) ---------------------------------- */

void pdk_timer_draw_snapshot(struct pdk_node *n)
{
    uint64_t half = (uint64_t)n->config.snap_count / 2;
    n->snap_after_txns = half + pdk_prng_below(&n->prng, half + 1);
    n->snap_after_bytes = UINT64_MAX;
    if (n->config.snap_size_limit_kb > 0) {
        uint64_t half_bytes = (uint64_t)n->config.snap_size_limit_kb * 1024 / 2;
        n->snap_after_bytes = half_bytes + pdk_prng_below(&n->prng, half_bytes + 1);
    }
}

void pdk_timer_applied(struct pdk_node *n, size_t len)
{
    n->txns_since_snapshot++;
    n->bytes_since_snapshot += len;
    /* At our speed a hundred thousand transactions are a blink: unless the operator has said so,
     * the log must also outweigh the last snapshot and a floor (docs/decisions/0005). */
    uint64_t weight = n->last_snapshot_bytes > SNAPSHOT_FLOOR_BYTES
                          ? (uint64_t)n->last_snapshot_bytes
                          : (uint64_t)SNAPSHOT_FLOOR_BYTES;
    bool outweighs = n->config.snap_count_set || n->bytes_since_snapshot >= weight;
    if ((n->txns_since_snapshot > n->snap_after_txns && outweighs) ||
        n->bytes_since_snapshot > n->snap_after_bytes)
        n->snapshot_wanted = true;
}

void pdk_timer_maybe_snapshot(struct pdk_node *n)
{
    if (!n->snapshot_wanted || n->snapshot_running) return;
    /* Without a role the tree may hold what nobody has committed, and a snapshot would keep it
     * (ZOOKEEPER-1549, 4837). */
    if (n->member != NULL && !n->member->serves && n->state->last_zxid > 0) return;
    struct pdk_snapshot_job *job = pdk_state_freeze(n->state);
    if (job == NULL) return; /* no memory now: the next commit asks again */
    n->snapshot_wanted = false;
    n->snapshot_running = true;
    n->txns_since_snapshot = n->bytes_since_snapshot = 0;
    pdk_timer_draw_snapshot(n);
    if (n->proposed > 0) pdk_out_signal(&n->out, PDK_OUT_ROLL, PDK_CONN_NONE);
    pdk_out_snapshot(&n->out, job);
}

void pdk_timer_snapshot_done(struct pdk_node *n, const struct pdk_input *input)
{
    PDK_ASSERT(n->snapshot_running);
    n->snapshot_running = false;
    if (input->err == PDK_OK) n->last_snapshot_bytes = input->size_bytes;
    pdk_state_unfreeze(input->job);
    pdk_timer_maybe_snapshot(n);
}

static void expire_local_sessions(struct pdk_node *n)
{
    struct pdk_session_entry *e = NULL;
    while ((e = pdk_sessions_expire_one(n->local, n->now.mono_ms)) != NULL) {
        if (is_held_up(n, n->local, e)) continue;
        if (e->conn == PDK_CONN_NONE)
            pdk_sessions_remove(n->local, e->id);
        else
            pdk_conn_close(n, n->conns[e->conn]);
    }
}

/* ---- the tick ---------------------------------------------------------------------------- */

void pdk_timer_tick(struct pdk_node *n)
{
    if (n->member != NULL) pdk_member_tick(n);
    expire_local_sessions(n);
    n->more_due = expire_sessions(n);
    remove_containers(n);
    bool untidy = pdk_tree_tidy(n->state->tree);
    n->more_due |= untidy;
    if (pdk_commit_pending(n))
        pdk_commit_more(n);
    else
        pdk_conn_resume_all(n);
}

int64_t pdk_timer_deadline(const struct pdk_node *n)
{
    int64_t now = n->now.mono_ms;
    if (n->more_due || pdk_commit_pending(n)) return now;
    int64_t sessions = INT64_MAX, containers = INT64_MAX;
    if (pdk_member_proposes(n)) {
        sessions = pdk_sessions_next_deadline(n->state->sessions);
        containers = n->container_scanning ? n->container_credit_ms : n->next_container_check_ms;
    }
    int64_t at = containers < sessions ? containers : sessions;
    /* What is due may have to wait for the disk: then look again later, not at once. */
    int64_t patience = n->no_space ? 1000 : pdk_propose_room(n) ? 0 : 10;
    if (at < now + patience) at = now + patience;
    int64_t local = pdk_sessions_next_deadline(n->local);
    return local < at ? local : at;
}
