#include "sim/swarm.h"

#include <inttypes.h>
#include <stdio.h>

static bool half(struct pdk_world *w) { return pdk_world_one_in(w, 2); }

/* One of the two, by chance. */
static int64_t either(struct pdk_world *w, int64_t a, int64_t b) { return half(w) ? a : b; }

static int64_t sometimes(struct pdk_world *w, uint64_t one_in, int64_t low, int64_t high)
{
    return pdk_world_one_in(w, one_in) ? pdk_world_about(w, low, high) : 0;
}

void pdk_swarm_calm(struct pdk_swarm *s, uint32_t voters, uint32_t observers)
{
    *s = (struct pdk_swarm){
        .standalone = voters == 0,
        .voters = voters == 0 ? 1 : voters,
        .observers = observers,
        .tick_ms = 200,
        .init_limit = 10,
        .sync_limit = 5,
        .session_ms = 2000,
        .snap_count = 100000,
        .commit_log_count = 500,
        .commit_log_bytes = (size_t)1 << 20,
        .snapshot_size_factor = 0.33,
        .outstanding_limit = 1000,
        .in_flight_bytes = (size_t)32 << 10,
        .conn_queue_bytes = (size_t)1 << 20,
        .leader_serves = true,
        .finalize_wait_ms = 20,
        .roll_over_at = 0,
        .batch_max = 1,
        .prealloc_kb = 16,
        .write_last_zxid = true,
        .link_queue_bytes = (size_t)4 << 20,
        .stream_piece_bytes = 1024,
        .spool_bytes = (size_t)64 << 10,
        .connect_timeout_ms = 1000,
        .net = {.latency_min_us = 50,
                .latency_max_us = 500,
                .fragment_max = 4096,
                .window_bytes = (size_t)64 << 10},
        .pace = {.call_max_us = 20, .sync_min_us = 100, .sync_max_us = 1000},
        .clients = 3,
        .depth = 2,
        .think_max_us = 20000,
        .safety_ms = 10000,
    };
}

static void draw_faults(struct pdk_fault_rates *f, struct pdk_world *w)
{
    *f = (struct pdk_fault_rates){
        .crash_ms = sometimes(w, 2, 500, 8000),
        .crash_leader_ms = sometimes(w, 2, 800, 8000),
        .power_of_4 = pdk_world_below(w, 5),
        .restart_max_ms = pdk_world_about(w, 50, 6000),
        .stop_in_disk_ms = sometimes(w, 2, 400, 6000),
        .partition_ms = sometimes(w, 2, 400, 6000),
        .partition_max_ms = pdk_world_about(w, 50, 5000),
        .one_way_of_4 = pdk_world_below(w, 4),
        .clog_ms = sometimes(w, 3, 200, 4000),
        .clog_max_ms = pdk_world_about(w, 20, 2500),
        .reset_ms = sometimes(w, 2, 100, 5000),
        .pause_ms = sometimes(w, 3, 500, 5000),
        .pause_max_ms = pdk_world_about(w, 20, 4000),
        .clock_ms = sometimes(w, 3, 500, 5000),
        .slow_disk_ms = sometimes(w, 3, 500, 6000),
        .slow_disk_max_ms = pdk_world_about(w, 100, 4000),
        .purge_ms = sometimes(w, 3, 500, 5000),
        .hand_over_ms = sometimes(w, 4, 500, 5000),
        .client_silence_ms = sometimes(w, 2, 500, 5000),
    };
}

static void draw_network(struct pdk_net_config *n, struct pdk_world *w)
{
    int64_t latency = pdk_world_about(w, 50, 10000);
    *n = (struct pdk_net_config){
        .latency_min_us = latency / 2,
        .latency_max_us = latency * 2,
        .slow_one_in = half(w) ? (uint64_t)pdk_world_about(w, 10, 500) : 0,
        .slow_max_us = latency * 2 + pdk_world_about(w, 1000, 300000),
        .fragment_max = half(w) ? (size_t)pdk_world_about(w, 1, 8192) : 0,
        .window_bytes = (size_t)pdk_world_about(w, 2048, 262144),
    };
    /* Single bytes would only be slow. */
    if (n->fragment_max > 0 && n->fragment_max < 16) n->fragment_max = 16;
}

static void draw_node(struct pdk_swarm *s, struct pdk_world *w)
{
    s->snap_count = (int32_t)either(w, pdk_world_about(w, 4, 300), 100000);
    s->commit_log_count = (int32_t)pdk_world_about(w, 1, 500);
    s->commit_log_bytes = half(w) ? (size_t)pdk_world_about(w, 64, 65536) : (size_t)1 << 20;
    s->snapshot_size_factor = half(w) ? 0.33 : pdk_world_one_in(w, 3) ? -1.0 : 100.0;
    s->force_snapshot = pdk_world_one_in(w, 16);
    s->outstanding_limit = (uint32_t)pdk_world_about(w, 1, 1000);
    s->in_flight_bytes = (size_t)pdk_world_about(w, 2048, 65536);
    s->conn_queue_bytes = (size_t)pdk_world_about(w, 512, 1 << 20);
    s->leader_serves = !pdk_world_one_in(w, 6);
    s->observer_master = half(w);
    s->roll_over_at = (uint32_t)sometimes(w, 3, 20, 400);
    s->slow_sync_hand_over_ms = sometimes(w, 3, 50, 1000);
    s->finalize_wait_ms = pdk_world_about(w, 1, 200);
    s->batch_max = half(w) ? 1 : (uint32_t)pdk_world_about(w, 1, 64);
    s->prealloc_kb = either(w, 0, pdk_world_about(w, 1, 64));
    s->log_size_limit_kb = sometimes(w, 3, 1, 64);
    s->write_last_zxid = !pdk_world_one_in(w, 4);
    s->link_queue_bytes = (size_t)pdk_world_about(w, 2 << 20, 16 << 20);
    s->stream_piece_bytes = (size_t)pdk_world_about(w, 64, 65536);
    s->spool_bytes = (size_t)pdk_world_about(w, 1024, 262144);
}

void pdk_swarm_draw(struct pdk_swarm *s, struct pdk_world *w, uint32_t voters)
{
    static const uint32_t sizes[] = {3, 3, 3, 3, 5, 5, 2, 4, 1};
    uint32_t size = sizes[pdk_world_below(w, PDK_COUNT_OF(sizes))];
    uint32_t observers = half(w) ? 0 : 1 + (uint32_t)pdk_world_below(w, 2);
    pdk_swarm_calm(s, voters > 0 ? voters : size, observers);
    s->tick_ms = (int32_t)pdk_world_about(w, 50, 400);
    s->init_limit = (int32_t)pdk_world_between(w, 5, 20);
    s->sync_limit = (int32_t)pdk_world_between(w, 2, 8);
    s->connect_limit = (int32_t)either(w, 0, 2);
    s->session_ms = s->tick_ms * (int32_t)pdk_world_between(w, 2, 20);
    /* A client gives each server a share of it to answer in. */
    int32_t least_ms = 60 * (int32_t)(s->voters + s->observers);
    if (s->session_ms < least_ms) s->session_ms = least_ms;
    draw_node(s, w);
    if (s->voters == 1) s->leader_serves = true; /* else nobody might */
    s->connect_timeout_ms = pdk_world_about(w, 100, 2000);
    draw_network(&s->net, w);
    int64_t sync = pdk_world_about(w, 50, 20000);
    s->pace = (struct pdk_disk_pace){
        .call_max_us = pdk_world_about(w, 1, 200),
        .sync_min_us = sync / 2,
        .sync_max_us = sync * 2,
        .slow_one_in = half(w) ? (uint64_t)pdk_world_about(w, 5, 200) : 0,
        .slow_max_us = sync * 2 + pdk_world_about(w, 1000, 500000),
    };
    /* A client gives an attempt some sixth of its timeout: a session must be opened in less. */
    int64_t open_ms = (8 * s->net.latency_max_us + 6 * s->pace.sync_max_us) / 1000;
    if (s->session_ms < 8 * open_ms) s->session_ms = (int32_t)(8 * open_ms);
    s->drift_ppm = either(w, 0, pdk_world_about(w, 10, 20000));
    s->clients = (uint32_t)pdk_world_between(w, 1, 6);
    s->depth = (uint32_t)pdk_world_between(w, 1, 6);
    s->think_max_us = pdk_world_about(w, 2000, 200000);
    s->safety_ms = pdk_world_between(w, 4000, 20000);
    draw_faults(&s->faults, w);
}

static void print_faults(const struct pdk_fault_rates *f)
{
    printf("  faults, mean ms between: crash %" PRId64 " of-leader %" PRId64 " in-disk %" PRId64
           " (power %" PRIu64 " of 4, down %" PRId64 ") partition %" PRId64 " (one-way %" PRIu64
           " of 4, %" PRId64 ") clog %" PRId64 "\n",
           f->crash_ms, f->crash_leader_ms, f->stop_in_disk_ms, f->power_of_4, f->restart_max_ms,
           f->partition_ms, f->one_way_of_4, f->partition_max_ms, f->clog_ms);
    printf("  reset %" PRId64 " pause %" PRId64 " clock %" PRId64 " slow-disk %" PRId64
           " purge %" PRId64 " hand-over %" PRId64 " silent-client %" PRId64 "\n",
           f->reset_ms, f->pause_ms, f->clock_ms, f->slow_disk_ms, f->purge_ms, f->hand_over_ms,
           f->client_silence_ms);
}

void pdk_swarm_print(const struct pdk_swarm *s)
{
    printf("  voters %u observers %u%s tick %d init %d sync %d connect %d session %d ms\n",
           s->voters, s->observers, s->standalone ? " (standalone)" : "", s->tick_ms, s->init_limit,
           s->sync_limit, s->connect_limit, s->session_ms);
    printf("  snapCount %d commitLog %d, %zu bytes factor %.2f%s outstanding %u in-flight %zu "
           "conn-queue %zu%s batch %u\n",
           s->snap_count, s->commit_log_count, s->commit_log_bytes, s->snapshot_size_factor,
           s->force_snapshot ? " force-snap" : "", s->outstanding_limit, s->in_flight_bytes,
           s->conn_queue_bytes, s->leader_serves ? "" : " leader-serves-not", s->batch_max);
    printf("  roll-over at %u%s\n", s->roll_over_at,
           s->observer_master ? ", observers fed by followers" : "");
    printf("  prealloc %" PRId64 " KiB log-limit %" PRId64 " KiB link-queue %zu piece %zu spool %zu"
           " slow-sync %" PRId64 " finalize %" PRId64 "\n",
           s->prealloc_kb, s->log_size_limit_kb, s->link_queue_bytes, s->stream_piece_bytes,
           s->spool_bytes, s->slow_sync_hand_over_ms, s->finalize_wait_ms);
    printf("  latency %" PRId64 "..%" PRId64 " us (1 in %" PRIu64 " to %" PRId64
           ") fragments %zu window %zu; sync %" PRId64 "..%" PRId64 " us (1 in %" PRIu64
           " to %" PRId64 ")\n",
           s->net.latency_min_us, s->net.latency_max_us, s->net.slow_one_in, s->net.slow_max_us,
           s->net.fragment_max, s->net.window_bytes, s->pace.sync_min_us, s->pace.sync_max_us,
           s->pace.slow_one_in, s->pace.slow_max_us);
    printf("  clients %u depth %u think %" PRId64 " us; safety %" PRId64 " ms\n", s->clients,
           s->depth, s->think_max_us, s->safety_ms);
    print_faults(&s->faults);
}
