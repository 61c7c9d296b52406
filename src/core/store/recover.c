/* core/store/recover.c - from the files to the state (disk-formats.md 2.1, 3.2, 5, 7).
 *
 * Everything is read and judged first; the folder is changed only when the state is complete. */
#include "core/store/replay.h"
#include "core/store/snapread.h"

#include <string.h>

#define ULL(x) ((unsigned long long)(x))
#define SNAPSHOTS_TRIED_MAX 100

struct recovery {
    struct pdk_store *store;
    const struct pdk_recover_sink *sink;
    struct pdk_recovery *out;
    struct pdk_listing snapshots;
    struct pdk_replay replay;
    pdk_zxid snapshot_seen; /* the highest zxid of any snapshot file, whole or not; -1: no file */
    struct pdk_diag *diag;
};

static enum pdk_err list_kind(struct recovery *v, struct pdk_listing *l, const char *folder,
                              enum pdk_file_kind kind)
{
    enum pdk_err err = pdk_listing_read(l, v->store->config.mem, v->store->vfs, folder, v->diag);
    if (err == PDK_OK) pdk_listing_keep(l, kind);
    return err;
}

static void passed_over(struct recovery *v, const struct pdk_listed *item, const char *why)
{
    pdk_log_write(v->store->config.log, PDK_LOG_WARN,
                  "store.snapshot.passed_over file=%s why=\"%s\"", item->name, why);
}

/* PDK_OK: loaded.  PDK_ECORRUPT: not this one.  Anything else ends recovery. */
static enum pdk_err try_snapshot(struct recovery *v, const struct pdk_listed *item)
{
    struct pdk_store *store = v->store;
    struct pdk_snapshot_info info;
    enum pdk_err err = v->sink->reset(v->sink->ctx);
    if (err != PDK_OK) {
        pdk_diag_set(v->diag, "the state cannot be emptied: %s", pdk_err_name(err));
        return err;
    }
    struct pdk_diag why = {"the state does not take it"};
    err = pdk_snapshot_read_file(&store->config, store->vfs, store->data_path.text, item, v->sink,
                                 &info, &why);
    if (err == PDK_OK) err = v->sink->snapshot(v->sink->ctx, &info);
    if (err == PDK_OK) {
        v->out->snapshot_loaded = true;
        v->out->snapshot_zxid = info.zxid;
        v->out->snapshot_bytes = info.size_bytes;
        v->replay.last = info.zxid;
        return PDK_OK;
    }
    if (err == PDK_ENOMEM || err == PDK_EINVAL) {
        pdk_diag_set(v->diag, "%s cannot be loaded: %s", item->name, why.text);
        return err;
    }
    /* An older one may do, with a longer log; the gap checks will tell. */
    passed_over(v, item, why.text);
    return PDK_ECORRUPT;
}

static enum pdk_err load_snapshot(struct recovery *v)
{
    const struct pdk_store *store = v->store;
    size_t tried = 0;
    v->snapshot_seen =
        v->snapshots.count > 0 ? v->snapshots.items[v->snapshots.count - 1].parsed.zxid : -1;
    for (size_t i = v->snapshots.count; i-- > 0 && tried < SNAPSHOTS_TRIED_MAX;) {
        const struct pdk_listed *item = &v->snapshots.items[i];
        struct pdk_diag why;
        bool whole = false;
        enum pdk_err err =
            pdk_snapshot_looks_whole(store->vfs, store->data_path.text, item, &whole, &why);
        if (err != PDK_OK || !whole) {
            passed_over(v, item, err != PDK_OK ? why.text : "the file is not complete");
            continue;
        }
        tried++;
        err = try_snapshot(v, item);
        if (err != PDK_ECORRUPT) return err;
    }
    if (v->snapshots.count > 0) {
        pdk_diag_set(v->diag,
                     "none of the %zu snapshots in %s can be loaded (the log says why). Put back a "
                     "good copy of one, with the logs that follow it",
                     v->snapshots.count, store->data_path.text);
        return PDK_ECORRUPT;
    }
    return PDK_OK;
}

/* What Apache's snapshot.0 holds, and so what every history begins with. */
static enum pdk_err hand_over_new_database(const struct pdk_recover_sink *sink)
{
    static const uint8_t readable[] = "\0\0\0\1" /* one entry: READ for world:anyone */
                                      "\0\0\0\1"
                                      "\0\0\0\5world"
                                      "\0\0\0\6anyone";
    static const struct {
        const char *path;
        int64_t acl_id;
        int32_t aversion;
    } znodes[] = {
        {"", -1, 0},
        {"/zookeeper", -1, 0},
        {"/zookeeper/config", 1, -1},
        {"/zookeeper/quota", -1, 0},
    };
    enum pdk_err err = sink->reset(sink->ctx);
    if (err == PDK_OK) err = sink->acl(sink->ctx, 1, pdk_slice_of(readable, sizeof readable - 1));
    for (size_t i = 0; i < PDK_COUNT_OF(znodes) && err == PDK_OK; i++) {
        struct pdk_stat_persisted stat = {.aversion = znodes[i].aversion};
        err = sink->znode(sink->ctx, pdk_slice_str(znodes[i].path), pdk_slice_of("", 0),
                          znodes[i].acl_id, &stat);
    }
    return err;
}

/* No snapshot: is that a new database, a wiped one, or a damaged one (disk-formats.md 7.1)? */
static enum pdk_err start_empty(struct recovery *v)
{
    struct pdk_store *store = v->store;
    enum pdk_err err = hand_over_new_database(v->sink);
    if (err != PDK_OK) {
        pdk_diag_set(v->diag, "a new database cannot be made: %s", pdk_err_name(err));
        return err;
    }
    if (v->replay.tail.there) {
        if (!store->config.trust_empty_snapshot) {
            pdk_diag_set(
                v->diag,
                "%s has transaction logs, but there is no snapshot in %s. Put the snapshots "
                "back, or, if the logs are known to be complete from the first "
                "transaction on, set zookeeper.snapshot.trust.empty=true once",
                store->log_path.text, store->data_path.text);
            return PDK_ECORRUPT;
        }
        v->out->must_snapshot = true;
        return PDK_OK;
    }
    struct pdk_path path;
    bool initialize = false;
    err = pdk_path_join(&path, store->config.log_dir, PDK_INITIALIZE_NAME, v->diag);
    if (err == PDK_OK) err = pdk_fs_exists(store->vfs, path.text, &initialize, v->diag);
    v->out->fresh = initialize || store->config.db_autocreate;
    store->forget_initialize = initialize;
    if (!v->out->fresh) v->replay.last = -1;
    return err;
}

/* Has history that this folder once held gone missing without a trace in the files themselves? */
static enum pdk_err check_complete(struct recovery *v)
{
    const struct pdk_mark *mark = &v->store->marker.now;
    pdk_zxid last = v->replay.last;
    if (v->snapshot_seen > last) {
        pdk_diag_set(v->diag,
                     "the newest snapshot in %s is damaged, and the logs end at zxid 0x%llx before "
                     "its 0x%llx. Put back good copies; or remove the damaged snapshot to give up "
                     "what follows 0x%llx",
                     v->store->data_path.text, ULL(last), ULL(v->snapshot_seen), ULL(last));
        return PDK_ECORRUPT;
    }
    if (!mark->known || mark->zxid <= last) return PDK_OK;
    if (!v->out->snapshot_loaded && !v->replay.tail.there) {
        pdk_log_write(v->store->config.log, PDK_LOG_WARN,
                      "store.mark.stale zxid=0x%llx why=\"neither snapshots nor logs are left\"",
                      ULL(mark->zxid));
        return PDK_OK;
    }
    pdk_diag_set(
        v->diag,
        "the files end at zxid 0x%llx, but transactions up to 0x%llx had been written: log "
        "files are missing. Put them back; or, if an older copy was restored on purpose, "
        "remove %s",
        ULL(last), ULL(mark->zxid), v->store->mark_path.text);
    return PDK_ECORRUPT;
}

/* What a crash left in memory only becomes durable before anybody is told about it. */
static enum pdk_err settle_file(struct recovery *v, size_t index)
{
    const struct pdk_replay *r = &v->replay;
    struct pdk_store *store = v->store;
    const struct pdk_listed *item = &r->logs.items[index];
    struct pdk_path path;
    struct pdk_file file;
    enum pdk_err err = pdk_path_join(&path, store->log_path.text, item->name, v->diag);
    if (err == PDK_OK) err = pdk_file_open(&file, store->vfs, path.text, PDK_VFS_WRITE, v->diag);
    if (err != PDK_OK) return err;
    if (index == r->tail.newest && item->size_bytes > r->tail.end) {
        if (r->tail.torn) {
            pdk_log_write(store->config.log, PDK_LOG_WARN,
                          "store.log.torn file=%s offset=%lld size=%lld last=0x%llx hint=\"the "
                          "unfinished end of the log was cut; nothing acknowledged was in it\"",
                          item->name, (long long)r->tail.end, (long long)item->size_bytes,
                          ULL(r->last));
            memcpy(v->out->torn_file, item->name, strlen(item->name) + 1);
        }
        err = pdk_file_truncate(&file, r->tail.end, v->diag);
    }
    if (err == PDK_OK) err = pdk_file_sync(&file, v->diag);
    pdk_file_close(&file);
    return err;
}

static enum pdk_err remove_empty(struct recovery *v, size_t index)
{
    struct pdk_store *store = v->store;
    const struct pdk_listed *item = &v->replay.logs.items[index];
    struct pdk_path path;
    pdk_log_write(store->config.log, PDK_LOG_WARN,
                  "store.log.empty file=%s size=%lld hint=\"it holds no record and was removed\"",
                  item->name, (long long)item->size_bytes);
    enum pdk_err err = pdk_path_join(&path, store->log_path.text, item->name, v->diag);
    return err == PDK_OK ? pdk_fs_unlink(store->vfs, path.text, v->diag) : err;
}

/* Changes the folder at last: cuts, removes, syncs, marks. */
static enum pdk_err settle(struct recovery *v)
{
    struct pdk_replay *r = &v->replay;
    struct pdk_store *store = v->store;
    enum pdk_err err = PDK_OK;
    if (r->last < 0) return PDK_OK; /* a folder that may not be used: leave it as it is */
    for (size_t i = r->tail.there ? r->tail.newest + 1 : 0; i < r->logs.count && err == PDK_OK; i++)
        err = remove_empty(v, i);
    for (size_t i = r->tail.oldest; r->tail.there && i <= r->tail.newest && err == PDK_OK; i++)
        err = settle_file(v, i);
    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->log_path.text, v->diag);

    struct pdk_mark mark = {.zxid = r->last};
    if (r->tail.there) {
        mark.log = r->logs.items[r->tail.newest].parsed.zxid;
        mark.synced_bytes = r->tail.end;
    }
    if (err == PDK_OK)
        err = pdk_marker_set_base(&store->marker, store->log_path.text, &mark, v->diag);
    if (err == PDK_OK && v->out->snapshot_loaded) {
        struct pdk_path path;
        err = pdk_path_join(&path, store->config.log_dir, PDK_INITIALIZE_NAME, v->diag);
        if (err == PDK_OK) err = pdk_fs_unlink(store->vfs, path.text, v->diag);
    }
    return err;
}

static enum pdk_err run(struct recovery *v)
{
    struct pdk_store *store = v->store;
    struct pdk_replay *r = &v->replay;
    enum pdk_err err = list_kind(v, &v->snapshots, store->data_path.text, PDK_FILE_SNAPSHOT);
    if (err == PDK_OK) err = list_kind(v, &r->logs, store->log_path.text, PDK_FILE_LOG);
    if (err == PDK_OK) err = load_snapshot(v);
    if (err == PDK_OK) err = pdk_replay_find_newest(r);
    if (err == PDK_OK && !v->out->snapshot_loaded) err = start_empty(v);
    if (err == PDK_OK) err = pdk_replay_run(r);
    if (err == PDK_OK) err = check_complete(v);
    if (err == PDK_OK) err = settle(v);
    return err;
}

enum pdk_err pdk_store_recover(struct pdk_store *store, const struct pdk_recover_sink *sink,
                               struct pdk_recovery *out, struct pdk_diag *diag)
{
    /* Again, on an open store: what is appended next begins a file. */
    pdk_log_writer_end(store, &store->log);
    pdk_log_writer_init(&store->log);
    *out = (struct pdk_recovery){0};
    struct recovery v = {
        .store = store,
        .sink = sink,
        .out = out,
        .snapshots = {.mem = store->config.mem},
        .replay = {.store = store, .sink = sink, .logs = {.mem = store->config.mem}, .diag = diag},
        .diag = diag,
    };
    enum pdk_err err = run(&v);
    out->last_zxid = v.replay.last;
    out->txns = v.replay.txns;
    out->log_bytes = v.replay.bytes;
    store->last_appended = store->last_synced = v.replay.last > 0 ? v.replay.last : 0;
    pdk_listing_deinit(&v.snapshots);
    pdk_listing_deinit(&v.replay.logs);
    return err;
}
