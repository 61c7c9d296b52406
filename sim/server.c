#include "sim/server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/server_internal.h"

#define WALL_START_MS INT64_C(1795176704190)
/* Between something that happens and the process's looking at it. */
#define TURN_MAX_US 100

struct pdk_now pdk_server_now(const struct pdk_simserver *s)
{
    int64_t passed_us = s->world->now_us + s->world->now_us / 1000000 * s->drift_ppm;
    return (struct pdk_now){.mono_ms = s->mono_base_ms + passed_us / 1000,
                            .wall_ms = s->wall_base_ms + passed_us / 1000};
}

/* ---- news ------------------------------------------------------------------------------------ */

static void turn(void *ctx, uint64_t life, uint64_t unused);

static void plan_turn(struct pdk_simserver *s)
{
    if (s->turn_planned || s->paused) return;
    s->turn_planned = true;
    pdk_world_in(s->world, (int64_t)pdk_world_below(s->world, TURN_MAX_US), turn, s, s->life, 0);
}

struct pdk_news *pdk_server_news(struct pdk_simserver *s, enum pdk_news_kind kind)
{
    if (s->news_first + s->news_count == s->news_cap) {
        if (s->news_count > 0)
            memmove(s->news, s->news + s->news_first, s->news_count * sizeof *s->news);
        s->news_first = 0;
        if (s->news_count == s->news_cap) {
            s->news_cap = s->news_cap > 0 ? s->news_cap * 2 : 64;
            s->news = pdk_mem_must_resize(s->mem, s->news, s->news_cap * sizeof *s->news);
        }
    }
    struct pdk_news *n = &s->news[s->news_first + s->news_count++];
    *n = (struct pdk_news){.kind = kind, .end = PDK_END_NONE};
    plan_turn(s);
    return n;
}

void pdk_server_news_input(struct pdk_simserver *s, const struct pdk_input *input)
{
    struct pdk_news *n = pdk_server_news(s, PDK_NEWS_INPUT);
    n->input = *input;
    if (input->recovery != NULL) n->recovery = *input->recovery;
    if (input->place != NULL) n->place = *input->place;
}

static void take_input(struct pdk_simserver *s, struct pdk_news *n)
{
    if (n->input.recovery != NULL) n->input.recovery = &n->recovery;
    if (n->input.place != NULL) n->input.place = &n->place;
    if (n->input.kind == PDK_IN_LOADED) s->loading = false;
    if (n->input.kind == PDK_IN_LINK_CLOSED && !pdk_server_link_dropped(s, n->input.link)) return;
    pdk_server_input(s, &n->input);
}

/* ---- effects --------------------------------------------------------------------------------- */

static void log_line(const struct pdk_simserver *s, enum pdk_log_level level, const char *text,
                     size_t len)
{
    pdk_world_trace(s->world, "s%u %s %.*s", s->sid, pdk_log_level_name(level), (int)len, text);
}

static void carry_out(struct pdk_simserver *s, const struct pdk_effect *e)
{
    if (s->seen != NULL) s->seen(s->seen_ctx, s, e);
    pdk_world_note(s->world, (uint64_t)e->kind * 31 + s->sid + e->bytes.len);
    switch (e->kind) {
    case PDK_OUT_SEND:
    case PDK_OUT_SEND_MANY:
    case PDK_OUT_CLOSE:
    case PDK_OUT_PAUSE:
    case PDK_OUT_RESUME:
    case PDK_OUT_LISTEN:
    case PDK_OUT_LINK_DIAL:
    case PDK_OUT_LINK_SEND:
    case PDK_OUT_LINK_CLOSE:
    case PDK_OUT_STREAM_VIEW:
    case PDK_OUT_STREAM_LOG:
    case PDK_OUT_FIND: pdk_server_net_effect(s, e); break;
    case PDK_OUT_LOG: log_line(s, e->level, (const char *)e->bytes.bytes, e->bytes.len); break;
    case PDK_OUT_STORE_CONFIG: pdk_members_drop(e->members); break;
    default: pdk_server_disk_effect(s, e); break;
    }
}

void pdk_server_carry_out(struct pdk_simserver *s)
{
    size_t count = 0;
    s->steps = 0;
    const struct pdk_effect *effects = pdk_node_effects(s->node, &count);
    for (size_t i = 0; i < count; i++) carry_out(s, &effects[i]);
    pdk_node_effects_clear(s->node);
    if (!s->loading) pdk_judge_step(s->judge, s->sid, s->life, s->node);
}

/* A paused or closed connection gets no more, so these cannot wait. */
static bool is_urgent(const struct pdk_simserver *s)
{
    size_t count = 0;
    const struct pdk_effect *effects = pdk_node_effects(s->node, &count);
    for (size_t i = 0; i < count; i++) {
        enum pdk_effect_kind kind = effects[i].kind;
        if (kind == PDK_OUT_PAUSE || kind == PDK_OUT_CLOSE || kind == PDK_OUT_LINK_CLOSE ||
            kind == PDK_OUT_TRUNCATE || kind == PDK_OUT_SPOOL_INSTALL)
            return true;
    }
    return false;
}

/* After a step, or bytes of a link. */
static void after_step(struct pdk_simserver *s)
{
    if (++s->steps >= s->swarm->batch_max || is_urgent(s)) pdk_server_carry_out(s);
}

void pdk_server_input(struct pdk_simserver *s, const struct pdk_input *input)
{
    struct pdk_now now = pdk_server_now(s);
    pdk_node_step(s->node, &now, input);
    after_step(s);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void tick(void *ctx, uint64_t life, uint64_t at_us)
{
    struct pdk_simserver *s = ctx;
    if (s->life != life || s->state != PDK_SIMSERVER_UP || s->tick_us != (int64_t)at_us) return;
    s->tick_us = INT64_MAX;
    plan_turn(s);
}

static int64_t ms_until_deadline(const struct pdk_simserver *s)
{
    int64_t deadline = pdk_node_deadline(s->node);
    if (deadline == INT64_MAX) return INT64_MAX;
    return deadline - pdk_server_now(s).mono_ms;
}

static void plan_tick(struct pdk_simserver *s)
{
    int64_t left_ms = ms_until_deadline(s);
    if (left_ms == INT64_MAX) return;
    /* The real loop wakes late, and no earlier than in a moment. */
    int64_t wait_us = left_ms > 0 ? left_ms * PDK_SIM_MS : 0;
    int64_t at = s->world->now_us + wait_us + 1 + (int64_t)pdk_world_below(s->world, PDK_SIM_MS);
    if (s->tick_us <= at && s->tick_us > s->world->now_us) return;
    s->tick_us = at;
    pdk_world_at(s->world, at, tick, s, s->life, (uint64_t)at);
}

static void turn(void *ctx, uint64_t life, uint64_t unused)
{
    (void)unused;
    struct pdk_simserver *s = ctx;
    if (s->life != life || s->state != PDK_SIMSERVER_UP) return;
    s->turn_planned = false;
    if (s->paused) return;
    for (size_t left = s->news_count; left > 0 && !s->dying && !s->world->failed; left--) {
        struct pdk_news n = s->news[s->news_first];
        s->news_first = --s->news_count == 0 ? 0 : s->news_first + 1;
        if (n.kind == PDK_NEWS_INPUT)
            take_input(s, &n);
        else
            pdk_server_take_news(s, &n);
        if (!s->dying) pdk_server_feed_links(s);
    }
    if (!s->dying && ms_until_deadline(s) <= 0)
        pdk_server_input(s, &(struct pdk_input){.kind = PDK_IN_TICK});
    if (!s->dying) pdk_server_feed_links(s);
    if (s->dying) {
        pdk_simserver_die(s, s->stop_death);
        return;
    }
    pdk_server_carry_out(s);
    if (s->news_count > 0) plan_turn(s);
    plan_tick(s);
}

static void die_now(void *ctx, uint64_t life, uint64_t unused)
{
    (void)unused;
    struct pdk_simserver *s = ctx;
    if (s->life == life) pdk_simserver_die(s, s->stop_death);
}

void pdk_server_fatal(struct pdk_simserver *s, const char *why)
{
    if (s->dying) return;
    s->dying = true;
    if (!pdk_disk_stopped(s->disk)) {
        s->stop_death = PDK_NET_KILLED;
        pdk_world_trace(s->world, "s%u gives up: %s", s->sid, why);
    }
    pdk_world_in(s->world, 0, die_now, s, s->life, 0);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct pdk_simserver *pdk_simserver_create(const struct pdk_simserver_config *config)
{
    struct pdk_simserver *s = calloc(1, sizeof *s);
    PDK_ASSERT(s != NULL);
    s->config = *config;
    s->world = config->world;
    s->net = config->net;
    s->judge = config->judge;
    s->swarm = config->swarm;
    s->sid = config->sid;
    s->config.members = pdk_members_hold(config->members);
    s->disk = pdk_disk_create(pdk_mem_heap(), pdk_world_below(s->world, UINT64_MAX));
    pdk_disk_set_short_reads(s->disk, pdk_world_one_in(s->world, 2));
    pdk_procmem_init(&s->memory);
    s->mem = &s->memory.mem;
    s->mono_base_ms = pdk_world_between(s->world, 0, 1000000);
    s->wall_base_ms = WALL_START_MS + pdk_world_between(s->world, -50000, 50000);
    if (s->swarm->drift_ppm > 0)
        s->drift_ppm = pdk_world_between(s->world, -s->swarm->drift_ppm, s->swarm->drift_ppm);
    pdk_server_disk_init(s);
    return s;
}

void pdk_simserver_destroy(struct pdk_simserver *s)
{
    if (s == NULL) return;
    pdk_simserver_die(s, PDK_NET_KILLED);
    pdk_disk_destroy(s->disk);
    pdk_fiber_pool_free(&s->fibers);
    pdk_members_drop(s->config.members);
    free(s);
}

static void keep_line(void *ctx, enum pdk_log_level level, const char *text)
{
    log_line(ctx, level, text, strlen(text));
}

static struct pdk_store_config store_config(struct pdk_simserver *s)
{
    const struct pdk_swarm *w = s->swarm;
    s->log = (struct pdk_log){.ctx = s, .level = PDK_LOG_INFO, .line = keep_line};
    return (struct pdk_store_config){
        .mem = s->mem,
        .data_dir = "/data",
        .log_dir = s->sid % 2 == 0 ? "/data" : "/log",
        .prealloc_kb = w->prealloc_kb,
        .log_size_limit_kb = w->log_size_limit_kb,
        .max_record_bytes = (size_t)1 << 20,
        .in_flight_bytes = w->in_flight_bytes + 4096,
        .autocreate_dirs = true,
        .db_autocreate = true,
        .force_sync = true,
        .write_last_zxid = w->write_last_zxid,
        .digest_enabled = true,
        .log = &s->log,
    };
}

static struct pdk_ensemble_config ensemble_config(const struct pdk_simserver *s)
{
    const struct pdk_swarm *w = s->swarm;
    if (s->config.members == NULL) return (struct pdk_ensemble_config){.members = NULL};
    return (struct pdk_ensemble_config){
        .members = s->config.members,
        .accepted_epoch = s->accepted_epoch,
        .current_epoch = s->current_epoch,
        .init_limit = w->init_limit,
        .sync_limit = w->sync_limit,
        .connect_limit = w->connect_limit,
        .min_notification_ms = 50,
        .max_notification_ms = 5000,
        .finalize_wait_ms = w->finalize_wait_ms,
        .hello_timeout_ms = 1000,
        .leader_serves = w->leader_serves,
        .local_sessions = w->local_sessions,
        .local_sessions_upgrading = w->local_sessions,
        .commit_log_count = w->commit_log_count,
        .commit_log_bytes = w->commit_log_bytes,
        .force_snapshot = w->force_snapshot,
        .snapshot_size_factor = w->snapshot_size_factor,
        .max_snap_syncs = 10,
        .max_diff_syncs = 100,
        .max_wait_for_epoch_ms = -1,
        .observer_master_port = w->observer_master ? PDK_SIM_OBSERVER_PORT : 0,
        .slow_sync_hand_over_ms = w->slow_sync_hand_over_ms,
        .packet_field_bytes = (size_t)1 << 20,
        .roll_over_at = w->roll_over_at,
    };
}

static struct pdk_node_config node_config(struct pdk_simserver *s)
{
    const struct pdk_swarm *w = s->swarm;
    return (struct pdk_node_config){
        .mem = s->mem,
        .seed = {.k0 = pdk_world_below(s->world, UINT64_MAX), .k1 = s->sid},
        .prng_seed = pdk_world_below(s->world, UINT64_MAX),
        .server_id = (uint8_t)s->sid,
        .tick_ms = w->tick_ms,
        .session_min_ms = w->tick_ms * 2,
        .session_max_ms = w->tick_ms * 20,
        .frame_limit_bytes = 1 << 18,
        .extended_types = true,
        .digest_enabled = true,
        .close_session_txn = true,
        .acl = {.digest_enabled = true, .digest_algorithm = pdk_slice_str("SHA1")},
        .outstanding_limit = w->outstanding_limit,
        .in_flight_bytes = w->in_flight_bytes,
        .conn_queue_bytes = w->conn_queue_bytes,
        .watch_limit = 100000,
        .session_limit = 100000,
        .snap_count = w->snap_count,
        .snap_count_set = true,
        .container_check_ms = 10 * (int64_t)w->tick_ms,
        .container_per_minute = 10000,
        .ensemble = ensemble_config(s),
    };
}

static bool start_failed(struct pdk_simserver *s, const char *what, const struct pdk_diag *diag)
{
    if (!pdk_disk_stopped(s->disk)) {
        pdk_world_fail(s->world, "server %u does not start: %s: %s", s->sid, what, diag->text);
        return true;
    }
    pdk_world_trace(s->world, "s%u dies while it starts", s->sid);
    s->state = PDK_SIMSERVER_UP;
    pdk_simserver_die(s, s->stop_death);
    return true;
}

static bool open_store(struct pdk_simserver *s, struct pdk_recovery *recovery)
{
    struct pdk_diag diag = {0};
    s->store_config = store_config(s);
    if (pdk_store_open(&s->store_config, &s->vfs, &s->store, &diag) != PDK_OK)
        return !start_failed(s, "open", &diag);
    struct pdk_node_config config = node_config(s);
    /* Epochs come before the node, the tree behind it. */
    if (pdk_store_read_epochs(s->store, &s->current_epoch, &s->accepted_epoch, &diag) != PDK_OK)
        return !start_failed(s, "epochs", &diag);
    if (s->current_epoch < 0) s->current_epoch = 0;
    if (s->accepted_epoch < s->current_epoch) s->accepted_epoch = s->current_epoch;
    config.ensemble = ensemble_config(s);
    s->node = pdk_node_create(&config);
    PDK_ASSERT(s->node != NULL);
    struct pdk_recover_sink inner = pdk_node_recover_sink(s->node);
    struct pdk_recover_sink sink = pdk_judge_sink(s->judge, s->sid, &inner);
    if (pdk_store_recover(s->store, &sink, recovery, &diag) != PDK_OK)
        return !start_failed(s, "recovery", &diag);
    pdk_judge_started(s->judge, s->sid, s->current_epoch, s->accepted_epoch);
    struct pdk_now now = pdk_server_now(s);
    if (pdk_node_start(s->node, recovery, &now, &diag) != PDK_OK)
        return !start_failed(s, "node", &diag);
    enum pdk_err err = pdk_store_reserve(s->store, &diag);
    return err == PDK_OK || !start_failed(s, "reserve", &diag);
}

void pdk_simserver_start(struct pdk_simserver *s)
{
    PDK_ASSERT(s->state == PDK_SIMSERVER_OFF);
    s->life++;
    s->tick_us = INT64_MAX;
    s->has_space = true;
    s->spool_err = PDK_OK;
    struct pdk_recovery recovery = {0};
    if (s->world->failed || !open_store(s, &recovery)) return;
    s->state = PDK_SIMSERVER_UP;
    pdk_world_trace(s->world,
                    "s%u starts (life %u): zxid 0x%" PRIx64 " snapshot 0x%" PRIx64
                    " epochs %" PRId64 " accepted %" PRId64,
                    s->sid, s->life, (uint64_t)recovery.last_zxid, (uint64_t)recovery.snapshot_zxid,
                    s->current_epoch, s->accepted_epoch);
    /* Nothing may be acknowledged before the snapshot that it builds on is on the disk. */
    s->snapshot_first = !recovery.snapshot_loaded;
    struct pdk_net_handler handler = pdk_server_handler(s);
    pdk_net_host_up(s->net, s->sid, &handler);
    pdk_server_log_start(s);
    pdk_server_carry_out(s);
    if (s->dying) {
        pdk_simserver_die(s, s->stop_death);
        return;
    }
    pdk_net_listen(s->net, s->sid, PDK_SIM_CLIENT_PORT, true);
    if (s->config.members != NULL) pdk_net_listen(s->net, s->sid, PDK_SIM_ELECTION_PORT, true);
    plan_tick(s);
}

/* What ends with the process, however it ends. */
static void forget_process(struct pdk_simserver *s)
{
    pdk_server_workers_free(s);
    s->node = NULL;
    s->store = NULL;
    s->news = NULL;
    s->news_first = s->news_count = s->news_cap = 0;
    s->socks = NULL;
    s->sock_count = s->sock_cap = 0;
    s->queue = NULL;
    s->queue_first = s->queue_count = s->queue_cap = 0;
    s->spool_waiting = 0;
    s->turn_planned = s->paused = s->loading = s->dying = false;
    s->background = 0;
    s->steps = 0;
    s->state = PDK_SIMSERVER_OFF;
    pdk_judge_died(s->judge, s->sid);
}

void pdk_simserver_die(struct pdk_simserver *s, enum pdk_net_death death)
{
    if (s->state == PDK_SIMSERVER_OFF) return;
    PDK_ASSERT(s->running == NULL);
    pdk_world_trace(s->world, "s%u %s", s->sid,
                    death == PDK_NET_POWER_OFF ? "loses its power" : "is killed");
    pdk_net_host_down(s->net, s->sid, death);
    forget_process(s);
    pdk_procmem_kill(&s->memory);
    if (death == PDK_NET_POWER_OFF)
        pdk_disk_crash(s->disk);
    else
        pdk_disk_kill(s->disk);
    s->life++; /* events of the old one find nobody */
}

bool pdk_simserver_idle(const struct pdk_simserver *s)
{
    return s->state == PDK_SIMSERVER_UP && !s->loading && s->queue_count == 0 &&
           s->log_worker->parked && s->background == 0 && pdk_node_idle(s->node);
}

void pdk_simserver_stop(struct pdk_simserver *s)
{
    PDK_ASSERT(pdk_simserver_idle(s));
    pdk_net_host_down(s->net, s->sid, PDK_NET_KILLED);
    pdk_store_close(s->store);
    pdk_node_destroy(s->node);
    pdk_server_socks_free(s);
    pdk_mem_free(s->mem, s->news);
    pdk_mem_free(s->mem, s->queue);
    forget_process(s);
    if (s->memory.blocks > 0)
        pdk_world_fail(s->world, "server %u has left %zu blocks of memory, %zu bytes", s->sid,
                       s->memory.blocks, s->memory.bytes);
    pdk_procmem_kill(&s->memory);
    pdk_disk_kill(s->disk);
    s->life++;
}

void pdk_simserver_pause(struct pdk_simserver *s, bool on)
{
    if (s->state != PDK_SIMSERVER_UP || s->paused == on) return;
    pdk_world_trace(s->world, "s%u %s", s->sid, on ? "is stopped" : "goes on");
    s->paused = on;
    if (!on) plan_turn(s);
}

void pdk_simserver_stop_in_disk(struct pdk_simserver *s, uint64_t calls, enum pdk_net_death death)
{
    s->stop_death = death;
    pdk_disk_stop_at(s->disk, pdk_disk_calls(s->disk) + calls);
}

/* ---- circumstances and questions ------------------------------------------------------------- */

void pdk_simserver_jump_clock(struct pdk_simserver *s, int64_t ms) { s->wall_base_ms += ms; }

void pdk_simserver_slow_disk(struct pdk_simserver *s, int64_t sync_us, int64_t until_us)
{
    s->slow_sync_us = sync_us;
    s->slow_until_us = until_us;
}

void pdk_simserver_purge(struct pdk_simserver *s)
{
    if (s->state == PDK_SIMSERVER_UP && !s->paused) pdk_server_purge(s);
}

void pdk_simserver_hand_over(struct pdk_simserver *s, pdk_sid to)
{
    if (s->state != PDK_SIMSERVER_UP || s->config.members == NULL) return;
    pdk_server_news_input(s, &(struct pdk_input){.kind = PDK_IN_HAND_OVER, .sid = to});
}

enum pdk_simserver_state pdk_simserver_state(const struct pdk_simserver *s) { return s->state; }
bool pdk_simserver_is_paused(const struct pdk_simserver *s) { return s->paused; }
const struct pdk_node *pdk_simserver_node(const struct pdk_simserver *s)
{
    return s->state == PDK_SIMSERVER_UP && !s->loading ? s->node : NULL;
}
struct pdk_disk *pdk_simserver_disk(struct pdk_simserver *s) { return s->disk; }
uint32_t pdk_simserver_sid(const struct pdk_simserver *s) { return s->sid; }
uint32_t pdk_simserver_life(const struct pdk_simserver *s) { return s->life; }

void pdk_simserver_watch(struct pdk_simserver *s,
                         void (*seen)(void *ctx, struct pdk_simserver *s,
                                      const struct pdk_effect *effect),
                         void *ctx)
{
    s->seen = seen;
    s->seen_ctx = ctx;
}
