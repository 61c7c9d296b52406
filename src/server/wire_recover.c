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

static enum pdk_err recover(struct server *s, struct pdk_recovery *recovery, struct pdk_diag *diag)
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

/* ---- members ------------------------------------------------------------------------------- */
static bool has_other_voters(const struct server *s)
{
    const struct pdk_members *members = s->config->node.ensemble.members;
    if (members == NULL) return false;
    struct pdk_sids others = members->voters;
    pdk_sids_remove(&others, s->config->node.server_id);
    return pdk_sids_count(&others) > 0;
}

static int fail(const struct server *s, const struct pdk_diag *diag)
{
    pdk_log_write(s->log, PDK_LOG_ERROR, "recover.failed why=\"%s\" exit=%d", diag->text,
                  PDK_EXIT_DISK);
    return PDK_EXIT_DISK;
}

/* An empty node in the place of what recovery made. */
static bool create_node(struct server *s, bool untrusted)
{
    struct pdk_node_config config = s->config->node;
    config.mem = s->mem;
    pdk_entropy(&config.seed, sizeof config.seed);
    pdk_entropy(&config.prng_seed, sizeof config.prng_seed);
    config.ensemble.current_epoch = s->log_store.current_epoch;
    config.ensemble.accepted_epoch = s->log_store.accepted_epoch;
    config.ensemble.untrusted = untrusted;
    pdk_node_destroy(s->node);
    s->node = pdk_node_create(&config);
    if (s->node == NULL) pdk_log_write(s->log, PDK_LOG_ERROR, "server.start_failed what=node");
    return s->node != NULL;
}

static enum pdk_err read_epochs(struct server *s, struct pdk_diag *diag)
{
    struct pdk_log_store *ls = &s->log_store;
    int64_t current = -1, accepted = -1;
    enum pdk_err err = pdk_store_read_epochs(s->store, &current, &accepted, diag);
    ls->current_epoch = current >= 0 ? current : 0;
    /* Who holds an epoch's history has promised it (a crash of Apache's may leave it so). */
    ls->accepted_epoch = accepted > ls->current_epoch ? accepted : ls->current_epoch;
    return err;
}

/* A standalone server's history, one whose epoch files got lost, or one that was logged before its
 * epoch was stored: its last transaction says which epoch it is of (disk-formats.md section 6).
 * Whoever holds a transaction of an epoch holds all that came before it. */
static enum pdk_err derive_epochs(struct server *s, pdk_zxid last, struct pdk_diag *diag)
{
    struct pdk_log_store *ls = &s->log_store;
    ls->current_epoch = last >> 32;
    if (ls->accepted_epoch < ls->current_epoch) ls->accepted_epoch = ls->current_epoch;
    pdk_log_write(s->log, PDK_LOG_INFO, "recover.epochs_derived zxid=0x%" PRIx64 " epoch=%" PRId64,
                  (uint64_t)last, ls->current_epoch);
    return pdk_store_write_epochs(s->store, ls->current_epoch, ls->accepted_epoch, diag);
}

/* Decision 8: the leader's tree will take the place of what cannot be believed; until then this
 * member does not vote. */
static enum pdk_err go_on_untrusted(struct server *s, const char *why,
                                    struct pdk_recovery *recovery, struct pdk_diag *diag)
{
    pdk_log_write(s->log, PDK_LOG_WARN,
                  "recover.untrusted why=\"%s\": this member takes no part in elections until a "
                  "leader has given it a new copy",
                  why);
    *recovery = (struct pdk_recovery){0};
    if (!create_node(s, true)) {
        pdk_diag_set(diag, "out of memory");
        return PDK_ENOMEM;
    }
    struct pdk_recover_sink sink = pdk_node_recover_sink(s->node);
    return sink.reset(sink.ctx);
}

int pdk_server_build_node(struct server *s, struct pdk_recovery *recovery)
{
    bool is_member = s->config->node.ensemble.members != NULL;
    struct pdk_diag diag = {0};
    enum pdk_err err = is_member ? read_epochs(s, &diag) : PDK_OK;
    if (err != PDK_OK) return fail(s, &diag);
    if (!create_node(s, false)) return PDK_EXIT_UNEXPECTED;
    err = recover(s, recovery, &diag);
    if (err == PDK_OK && is_member && recovery->last_zxid >> 32 > s->log_store.current_epoch) {
        /* The node is told its epochs when it is made: once more, this once. */
        err = derive_epochs(s, recovery->last_zxid, &diag);
        if (err == PDK_OK && !create_node(s, false)) return PDK_EXIT_UNEXPECTED;
        if (err == PDK_OK) err = recover(s, recovery, &diag);
    }
    if (err == PDK_ECORRUPT && has_other_voters(s)) {
        const struct pdk_diag why = diag;
        err = go_on_untrusted(s, why.text, recovery, &diag);
    } else if (err == PDK_OK && is_member && recovery->last_zxid < 0) {
        err = go_on_untrusted(s,
                              "there is no database, and zookeeper.db.autocreate is false: for a "
                              "new ensemble create the file initialize in dataDir",
                              recovery, &diag);
    }
    if (err != PDK_OK) return fail(s, &diag);
    s->now = pdk_clock_now();
    return pdk_node_start(s->node, recovery, &s->now, &diag) == PDK_OK ? PDK_EXIT_OK
                                                                       : fail(s, &diag);
}
