#include <inttypes.h>

#include "server/wire_internal.h"
#include "shell/clock.h"

/* How long recovery may be silent, and how often it looks at the clock. */
#define PROGRESS_MS 2000
#define RECORDS_PER_LOOK 4096

/* Passes everything on to the node's sink and tells the operator how far it is. */
struct progress {
    const struct pdk_log *log;
    struct pdk_recover_sink sink;
    int64_t start_ms, next_line_ms;
    int64_t snapshot_ms; /* when the snapshot was there; 0: not yet */
    uint64_t znodes, sessions, txns;
    uint32_t until_look;
};

static void look(struct progress *p)
{
    if (p->until_look-- > 0) return;
    p->until_look = RECORDS_PER_LOOK;
    int64_t now_ms = pdk_clock_now().mono_ms;
    if (now_ms < p->next_line_ms) return;
    p->next_line_ms = now_ms + PROGRESS_MS;
    pdk_log_write(p->log, PDK_LOG_INFO,
                  "recover.progress phase=%s znodes=%" PRIu64 " sessions=%" PRIu64 " txns=%" PRIu64
                  " seconds=%" PRId64,
                  p->txns > 0 ? "log" : "snapshot", p->znodes, p->sessions, p->txns,
                  (now_ms - p->start_ms) / 1000);
}

static enum pdk_err on_reset(void *ctx)
{
    struct progress *p = ctx;
    p->znodes = p->sessions = p->txns = 0;
    return p->sink.reset(p->sink.ctx);
}
static enum pdk_err on_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    struct progress *p = ctx;
    p->sessions++;
    look(p);
    return p->sink.session(p->sink.ctx, id, timeout_ms);
}
static enum pdk_err on_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    struct progress *p = ctx;
    return p->sink.acl(p->sink.ctx, disk_id, list);
}
static enum pdk_err on_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                             int64_t disk_acl_id, const struct pdk_stat_persisted *stat)
{
    struct progress *p = ctx;
    p->znodes++;
    look(p);
    return p->sink.znode(p->sink.ctx, path, data, disk_acl_id, stat);
}
static enum pdk_err on_snapshot(void *ctx, const struct pdk_snapshot_info *info)
{
    struct progress *p = ctx;
    p->snapshot_ms = pdk_clock_now().mono_ms;
    return p->sink.snapshot(p->sink.ctx, info);
}
static enum pdk_err on_txn(void *ctx, struct pdk_slice txn)
{
    struct progress *p = ctx;
    p->txns++;
    look(p);
    return p->sink.txn(p->sink.ctx, txn);
}

enum pdk_err pdk_server_recover(struct server *s, struct pdk_recovery *recovery,
                                struct pdk_diag *diag)
{
    int64_t start_ms = pdk_clock_now().mono_ms;
    struct progress p = {.log = s->log,
                         .sink = pdk_node_recover_sink(s->node),
                         .start_ms = start_ms,
                         .next_line_ms = start_ms + PROGRESS_MS};
    const struct pdk_recover_sink sink = {
        .ctx = &p,
        .reset = on_reset,
        .session = on_session,
        .acl = on_acl,
        .znode = on_znode,
        .snapshot = on_snapshot,
        .txn = on_txn,
    };
    enum pdk_err err = pdk_store_recover(s->store, &sink, recovery, diag);
    if (err != PDK_OK) return err;

    int64_t end_ms = pdk_clock_now().mono_ms;
    if (p.snapshot_ms == 0) p.snapshot_ms = start_ms;
    recovery->snapshot_ms = p.snapshot_ms - start_ms;
    recovery->replay_ms = end_ms - p.snapshot_ms;
    pdk_summary_add(&s->metrics.dbinittime, (uint64_t)(end_ms - start_ms));
    pdk_summary_add(&s->metrics.startup_snap_load_time, (uint64_t)recovery->snapshot_ms);
    pdk_summary_add(&s->metrics.startup_txns_load_time, (uint64_t)recovery->replay_ms);
    pdk_summary_add(&s->metrics.startup_txns_loaded, recovery->txns);
    if (recovery->torn_file[0] != '\0')
        pdk_log_write(s->log, PDK_LOG_WARN,
                      "recover.torn_tail file=%s: its last record was incomplete, never "
                      "acknowledged, and has been cut",
                      recovery->torn_file);
    return PDK_OK;
}
