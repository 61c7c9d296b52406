/* sim/swarm.h - the options of one run, drawn from its seed.
 *
 * Each run has its own mixture of sizes, speeds and faults (swarm testing): what one mixture hides
 * another shows.  Threads: one. */
#ifndef PDK_SIM_SWARM_H
#define PDK_SIM_SWARM_H

#include "sim/net.h"
#include "sim/world.h"

/* How a disk behaves. */
struct pdk_disk_pace {
    int64_t call_max_us; /* of any call but syncs */
    int64_t sync_min_us, sync_max_us;
    uint64_t slow_one_in; /* such a sync takes up to slow_max_us; 0: none does */
    int64_t slow_max_us;
};

/* How often things go wrong: mean time between two, 0: never. */
struct pdk_fault_rates {
    int64_t crash_ms, crash_leader_ms;
    uint64_t power_of_4;     /* how many of four crashes are power failures */
    int64_t restart_max_ms;  /* time down */
    int64_t stop_in_disk_ms; /* a crash in the middle of the disk's work */
    int64_t partition_ms, partition_max_ms;
    uint64_t one_way_of_4;
    int64_t clog_ms, clog_max_ms;
    int64_t reset_ms;
    int64_t pause_ms, pause_max_ms;
    int64_t clock_ms; /* wall clocks jump */
    int64_t slow_disk_ms, slow_disk_max_ms;
    int64_t purge_ms;
    int64_t hand_over_ms;
    int64_t client_silence_ms;
};

struct pdk_swarm {
    bool standalone;
    uint32_t voters, observers;
    int32_t tick_ms, init_limit, sync_limit, connect_limit;
    int32_t session_ms;
    /* node */
    int32_t snap_count, commit_log_count;
    size_t commit_log_bytes;
    double snapshot_size_factor;
    bool force_snapshot;
    uint32_t outstanding_limit;
    size_t in_flight_bytes, conn_queue_bytes;
    bool leader_serves, observer_master, local_sessions;
    int64_t slow_sync_hand_over_ms, finalize_wait_ms;
    uint32_t roll_over_at;
    uint32_t batch_max; /* steps whose effects are carried out together */
    /* store */
    int64_t prealloc_kb, log_size_limit_kb;
    bool write_last_zxid;
    /* driver */
    size_t link_queue_bytes, stream_piece_bytes, spool_bytes;
    int64_t connect_timeout_ms;
    struct pdk_net_config net;
    struct pdk_disk_pace pace;
    int64_t drift_ppm; /* most */
    /* clients */
    uint32_t clients, depth;
    int64_t think_max_us;
    /* time */
    int64_t safety_ms;
    struct pdk_fault_rates faults;
};

/* `voters` 0: drawn, too. */
void pdk_swarm_draw(struct pdk_swarm *s, struct pdk_world *w, uint32_t voters);
/* Everything calm and generous: for scripted scenarios, which set what they need. */
void pdk_swarm_calm(struct pdk_swarm *s, uint32_t voters, uint32_t observers);
void pdk_swarm_print(const struct pdk_swarm *s);

#endif
