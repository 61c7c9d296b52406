/* Life of a node, and which input goes where. */
#include "core/node/member.h"

struct pdk_node *pdk_node_create(const struct pdk_node_config *config)
{
    struct pdk_node *n = pdk_mem_try_zero(config->mem, 1, sizeof *n);
    if (n == NULL) return NULL;
    n->config = *config;
    n->mem = config->mem;
    if (n->config.txn_limit_bytes == 0)
        n->config.txn_limit_bytes = (size_t)config->frame_limit_bytes + 1024;
    pdk_prng_init(&n->prng, config->prng_seed);
    pdk_out_init(&n->out, n->mem);
    pdk_buf_init(&n->txn, n->mem, SIZE_MAX);
    pdk_buf_init(&n->reply, n->mem, SIZE_MAX);
    pdk_metrics_init(&n->metrics);
    struct pdk_tree_config tree = {.mem = n->mem,
                                   .seed = config->seed,
                                   .digest_enabled = config->digest_enabled,
                                   .extended_types = config->extended_types,
                                   .emulate_353_ttl = config->emulate_353_ttl};
    /* The limit is kept where sessions are asked for: what is committed must always fit. */
    n->state = pdk_mem_must_zero(n->mem, 1, sizeof *n->state);
    pdk_state_init(n->state, &tree, config->tick_ms, SIZE_MAX);
    bool in_ensemble = config->ensemble.members != NULL;
    n->history =
        pdk_history_create(n->mem, in_ensemble ? (size_t)config->ensemble.commit_log_count : 0,
                           in_ensemble ? config->ensemble.commit_log_bytes : 0);
    pdk_map_init(&n->opening, n->mem, config->seed);
    n->local = pdk_sessions_create(n->mem, config->seed, config->tick_ms, config->session_limit);
    PDK_ASSERT(n->local != NULL);
    n->watch = pdk_watch_create(n->mem, config->seed);
    PDK_ASSERT(n->watch != NULL);
    n->totals.response_last = n->totals.response_min = n->totals.response_max = -1;
    if (in_ensemble) pdk_member_create(n);
    return n;
}

void pdk_node_destroy(struct pdk_node *n)
{
    if (n == NULL) return;
    for (uint32_t i = 0; i < n->conn_cap; i++) {
        if (n->conns[i] != NULL) pdk_conn_closed(n, i);
    }
    pdk_mem_free(n->mem, n->conns);
    pdk_mem_free(n->mem, n->proposals);
    pdk_mem_free(n->mem, n->barriers);
    pdk_mem_free(n->mem, n->readers);
    pdk_member_destroy(n);
    pdk_history_destroy(n->history);
    pdk_map_deinit(&n->opening);
    pdk_prep_destroy(n->prep);
    pdk_watch_destroy(n->watch);
    pdk_sessions_destroy(n->local);
    pdk_state_deinit(n->state); /* whatever views are out: nobody uses them any more */
    pdk_mem_free(n->mem, n->state);
    pdk_buf_deinit(&n->txn);
    pdk_buf_deinit(&n->reply);
    pdk_out_deinit(&n->out);
    pdk_mem_free(n->mem, n);
}

struct pdk_recover_sink pdk_node_recover_sink(struct pdk_node *n)
{
    return pdk_state_recover_sink(n->state);
}

static void log_recovered(struct pdk_node *n, const struct pdk_recovery *recovery)
{
    struct pdk_buf *text = &n->out.bytes;
    struct pdk_tree_counts counts;
    pdk_tree_counts(n->state->tree, &counts);
    size_t mark = pdk_out_mark(&n->out);
    pdk_put_text(text, "node.recovered zxid=0x%llx znodes=%llu sessions=%zu snapshot=",
                 (unsigned long long)n->state->last_zxid, (unsigned long long)counts.znodes,
                 pdk_sessions_count(n->state->sessions));
    if (recovery->snapshot_loaded)
        pdk_put_text(text, "0x%llx", (unsigned long long)recovery->snapshot_zxid);
    else
        pdk_put_text(text, "none");
    pdk_put_text(text, " replayed=%llu", (unsigned long long)recovery->txns);
    pdk_out_logged(&n->out, PDK_LOG_INFO, mark);
}

/* The log's last digest speaks for the state it led to.  A difference is never fatal, as in Apache,
 * whose own files hold wrong ones (data-model.md section 13). */
static void compare_digest(struct pdk_node *n)
{
    struct pdk_state *s = n->state;
    uint64_t digest = pdk_tree_digest(s->tree);
    if (!n->config.digest_enabled || s->digest_zxid == 0 || s->digest_zxid != s->last_zxid ||
        s->digest == digest)
        return;
    n->metrics.digest_mismatches_count++;
    size_t mark = pdk_out_mark(&n->out);
    pdk_put_text(&n->out.bytes, "node.digest.mismatch zxid=0x%llx recorded=%llu computed=%llu",
                 (unsigned long long)s->digest_zxid, (unsigned long long)s->digest,
                 (unsigned long long)digest);
    pdk_out_logged(&n->out, PDK_LOG_WARN, mark);
}

void pdk_node_new_prep(struct pdk_node *n)
{
    struct pdk_prep_config prep = {.mem = n->mem,
                                   .seed = n->config.seed,
                                   .extended_types = n->config.extended_types,
                                   .enforce_quota = n->config.enforce_quota,
                                   .reconfig_enabled = n->config.reconfig_enabled,
                                   .digest_enabled = n->config.digest_enabled,
                                   .close_session_txn = n->config.close_session_txn,
                                   .txn_limit_bytes = n->config.txn_limit_bytes,
                                   .acl = n->config.acl};
    pdk_prep_destroy(n->prep);
    n->prep = pdk_prep_create(&prep, n->state->tree);
    pdk_prep_reset(n->prep);
}

enum pdk_err pdk_node_start(struct pdk_node *n, const struct pdk_recovery *recovery,
                            const struct pdk_now *now, struct pdk_diag *diag)
{
    n->now = *now;
    enum pdk_err err = pdk_tree_load_done(n->state->tree, diag);
    if (err != PDK_OK) return err;
    pdk_node_new_prep(n);
    n->proposed = n->durable = n->committed = n->state->last_zxid;
    pdk_history_reset(n->history, n->state->last_zxid);
    n->last_session = pdk_session_first_id(n->config.server_id, now->wall_ms) - 1;
    pdk_sessions_arm_all(n->state->sessions, now->mono_ms);
    n->next_container_check_ms = now->mono_ms + n->config.container_check_ms;
    n->last_snapshot_bytes = recovery->snapshot_bytes;
    n->txns_since_snapshot = recovery->txns;
    n->bytes_since_snapshot = (uint64_t)recovery->log_bytes;
    pdk_timer_draw_snapshot(n);
    log_recovered(n, recovery);
    compare_digest(n);
    n->snapshot_wanted = recovery->fresh || recovery->must_snapshot;
    pdk_timer_maybe_snapshot(n);
    if (n->member != NULL) pdk_member_start(n);
    return PDK_OK;
}

static void log_space(struct pdk_node *n, bool room)
{
    bool changed = n->no_space == room;
    n->no_space = !room;
    if (!changed) return;
    size_t mark = pdk_out_mark(&n->out);
    pdk_put_text(&n->out.bytes, "%s",
                 room ? "log.space.back writes are accepted again"
                      : "log.space.none the log's disk is full: writes are refused, reads go on; "
                        "free space on dataLogDir and service resumes by itself");
    pdk_out_logged(&n->out, room ? PDK_LOG_INFO : PDK_LOG_ERROR, mark);
    if (n->member != NULL) pdk_member_space(n);
}

static void log_durable(struct pdk_node *n, pdk_zxid zxid)
{
    pdk_history_written(n->history, zxid);
    /* Of a history that has been given up meanwhile. */
    if (zxid > pdk_history_last(n->history)) return;
    if (zxid > n->durable) n->durable = zxid;
    if (n->member != NULL)
        pdk_member_durable(n);
    else
        pdk_commit_up_to(n, zxid);
}

void pdk_node_step(struct pdk_node *n, const struct pdk_now *now, const struct pdk_input *input)
{
    n->now = *now;
    switch (input->kind) {
    case PDK_IN_CONN_OPENED: pdk_conn_opened(n, input->conn, input->address); break;
    case PDK_IN_FRAME: pdk_conn_frame(n, input->conn, input->bytes); break;
    case PDK_IN_OVERSIZE: pdk_conn_oversize(n, input->conn, input->bytes); break;
    case PDK_IN_CONN_CLOSED: pdk_conn_closed(n, input->conn); break;
    case PDK_IN_LOG_DURABLE: log_durable(n, input->zxid); break;
    case PDK_IN_LOG_SPACE: log_space(n, input->flag); break;
    case PDK_IN_SNAPSHOT_DONE: pdk_timer_snapshot_done(n, input); break;
    case PDK_IN_SNAPSHOT_NOW:
        n->snapshot_wanted = true;
        pdk_timer_maybe_snapshot(n);
        break;
    case PDK_IN_TICK: pdk_timer_tick(n); break;
    default: {
        bool taken = n->member != NULL && pdk_member_input(n, input);
        PDK_ASSERT(taken);
        break;
    }
    }
    if (n->member != NULL) pdk_member_run(n);
}

size_t pdk_node_link_bytes(struct pdk_node *n, const struct pdk_now *now, uint32_t link,
                           struct pdk_slice bytes)
{
    PDK_ASSERT(n->member != NULL);
    n->now = *now;
    size_t used = pdk_links_bytes(n, link, bytes);
    pdk_member_run(n);
    return used;
}

const struct pdk_effect *pdk_node_effects(struct pdk_node *n, size_t *count)
{
    return pdk_out_take(&n->out, count);
}

void pdk_node_effects_clear(struct pdk_node *n) { pdk_out_clear(&n->out); }

int64_t pdk_node_deadline(const struct pdk_node *n)
{
    int64_t at = pdk_timer_deadline(n);
    if (n->member == NULL) return at;
    int64_t member = pdk_member_deadline(n);
    return member < at ? member : at;
}

bool pdk_node_idle(const struct pdk_node *n)
{
    if (n->member != NULL && !n->member->serves) return true;
    return n->proposal_count == 0 && n->unfinished_count == 0;
}
