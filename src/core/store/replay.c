#include "core/store/replay.h"

#include "core/store/cursor.h"

#define ULL(x) ((unsigned long long)(x))

/* One file being read. */
struct scan {
    struct pdk_replay *r;
    const struct pdk_listed *item;
    size_t index;
    struct pdk_path path;
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader reader;
    pdk_zxid last; /* of the last good record in this file; 0: none yet */
    int64_t end;   /* behind it */
    int64_t doubt; /* offset of a record passed over, not yet known to be covered; -1: none */
    size_t shown;  /* records that the sink was told will come */
};

static enum pdk_err scan_open(struct scan *s, struct pdk_replay *r, size_t index)
{
    struct pdk_store *store = r->store;
    *s = (struct scan){.r = r, .item = &r->logs.items[index], .index = index, .doubt = -1};
    enum pdk_err err = pdk_path_join(&s->path, store->log_path.text, s->item->name, r->diag);
    if (err == PDK_OK)
        err = pdk_file_open(&s->file, store->vfs, s->path.text, PDK_VFS_READ, r->diag);
    if (err != PDK_OK) return err;
    pdk_log_reader_init(&s->reader, store->config.mem, pdk_source_of_file(&s->source, &s->file),
                        store->config.max_record_bytes, r->diag);
    return PDK_OK;
}

static void scan_close(struct scan *s)
{
    pdk_log_reader_deinit(&s->reader);
    pdk_file_close(&s->file);
}

static enum pdk_err rotten(struct scan *s, int64_t offset, const char *what)
{
    pdk_diag_set(
        s->r->diag,
        "%s is damaged at offset %lld: %s. Transactions after zxid 0x%llx would be lost. "
        "Put back a good copy of the file, or give up what follows: paddock-log --cut %lld "
        "%s",
        s->path.text, (long long)offset, what, ULL(s->last > 0 ? s->last : s->r->last),
        (long long)offset, s->path.text);
    return PDK_ECORRUPT;
}

/* Reading went wrong, and it is not the file's fault. */
static bool is_unjudged(const struct scan *s, enum pdk_log_found found)
{
    return found == PDK_LOG_UNREADABLE || s->reader.damage == PDK_DAMAGE_TOO_LONG;
}

static enum pdk_err unreadable(const struct scan *s)
{
    if (s->reader.damage == PDK_DAMAGE_TOO_LONG) {
        pdk_diag_set(
            s->r->diag,
            "%s: the record at offset %lld is longer than jute.maxbuffer and its extra size "
            "allow (%zu bytes): raise jute.maxbuffer to what it was",
            s->path.text, (long long)s->reader.offset, s->reader.max_record_bytes);
        return PDK_EINVAL;
    }
    return s->reader.err == PDK_EMALFORMED ? PDK_ECORRUPT : s->reader.err;
}

static const char *what_is_wrong(const struct scan *s)
{
    if (s->doubt >= 0) return pdk_log_damage_text(PDK_DAMAGE_CHECKSUM);
    return s->reader.damage == PDK_DAMAGE_NONE ? "records that were synced are missing"
                                               : pdk_log_damage_text(s->reader.damage);
}

/* Is what ends the newest file rot (see the table in replay.h)?  *torn: anything but zeros
 * follows. */
static enum pdk_err judge_newest(struct scan *s, int64_t offset, bool *torn)
{
    const struct pdk_mark *mark = &s->r->store->marker.now;
    *torn = s->reader.damage != PDK_DAMAGE_NONE;
    if (s->reader.damage == PDK_DAMAGE_HEADER) return rotten(s, offset, what_is_wrong(s));
    if (mark->known && mark->log == s->item->parsed.zxid)
        return offset < mark->synced_bytes ? rotten(s, offset, what_is_wrong(s)) : PDK_OK;
    pdk_zxid last = s->last > 0 ? s->last : s->r->last;
    /* Without damage it is whole files that are missing, which the caller sees from the zxid. */
    if (mark->known && mark->log > s->item->parsed.zxid)
        return *torn && last < mark->zxid ? rotten(s, offset, what_is_wrong(s)) : PDK_OK;
    bool zero = s->reader.damage == PDK_DAMAGE_NONE && pdk_log_rest_is_zero(&s->reader);
    bool follows = !zero && pdk_log_whole_record_follows(&s->reader, s->last);
    if (s->reader.err != PDK_OK) return unreadable(s);
    *torn = !zero;
    return follows ? rotten(s, offset, what_is_wrong(s)) : PDK_OK;
}

static enum pdk_err judge_older(struct scan *s, int64_t offset)
{
    struct pdk_replay *r = s->r;
    const struct pdk_mark *mark = &r->store->marker.now;
    if (mark->known && mark->log == s->item->parsed.zxid && offset < mark->synced_bytes)
        return rotten(s, offset, what_is_wrong(s));
    bool damaged = s->reader.damage != PDK_DAMAGE_NONE || s->doubt >= 0;
    if (s->last > 0 && r->logs.items[s->index + 1].parsed.zxid == s->last + 1) {
        if (damaged)
            pdk_log_write(r->store->config.log, PDK_LOG_WARN,
                          "store.log.leftover file=%s offset=%lld why=\"%s\" next=0x%llx",
                          s->item->name, (long long)offset, what_is_wrong(s), ULL(s->last + 1));
        return PDK_OK;
    }
    if (!damaged && pdk_log_rest_is_zero(&s->reader)) {
        return s->reader.err == PDK_OK ? PDK_OK : unreadable(s);
    }
    return rotten(s, offset, damaged ? what_is_wrong(s) : "a record is missing before others");
}

/* Tells the sink what stands in the window already. */
static void look_ahead(struct scan *s)
{
    const struct pdk_recover_sink *sink = s->r->sink;
    const struct pdk_window *w = &s->reader.window;
    struct pdk_slice txns[PDK_RECOVER_AHEAD];
    size_t count = 0;
    for (size_t at = w->at; count < PDK_RECOVER_AHEAD && w->len - at > PDK_LOG_FRAME_BYTES;) {
        size_t len = pdk_load_u32(w->buf + at + 8);
        if (len < PDK_TXN_HEADER_LEN || len > w->len - at - PDK_LOG_FRAME_BYTES) break;
        txns[count++] = pdk_slice_of(w->buf + at + PDK_LOG_HEAD_BYTES, len);
        at += len + PDK_LOG_FRAME_BYTES;
    }
    s->shown = count;
    if (count > 0) sink->ahead(sink->ctx, txns, count);
}

static enum pdk_err take_record(struct scan *s)
{
    struct pdk_replay *r = s->r;
    const struct pdk_log_reader *reader = &s->reader;
    if (s->doubt >= 0) {
        if (reader->zxid > r->snapshot_zxid + 1)
            return rotten(s, s->doubt, pdk_log_damage_text(PDK_DAMAGE_CHECKSUM));
        pdk_log_write(r->store->config.log, PDK_LOG_WARN,
                      "store.log.rot_covered file=%s offset=%lld snapshot=0x%llx hint=\"the disk "
                      "loses data: this record was not needed\"",
                      s->item->name, (long long)s->doubt, ULL(r->snapshot_zxid));
        s->doubt = -1;
    }
    s->last = reader->zxid;
    s->end = pdk_window_offset(&reader->window);
    if (reader->zxid <= r->snapshot_zxid) return PDK_OK;
    if (!pdk_log_may_follow(r->last, reader->zxid)) {
        pdk_diag_set(r->diag,
                     "%s: at offset %lld zxid 0x%llx follows 0x%llx: transactions between them are "
                     "missing or out of order. Put back the missing log file, or give up what "
                     "follows: paddock-log --cut %lld %s",
                     s->path.text, (long long)reader->offset, ULL(reader->zxid), ULL(r->last),
                     (long long)reader->offset, s->path.text);
        return PDK_ECORRUPT;
    }
    if (s->shown > 0)
        s->shown--;
    else if (r->sink->ahead != NULL)
        look_ahead(s);
    enum pdk_err err = r->sink->txn(r->sink->ctx, reader->txn);
    if (err != PDK_OK) {
        pdk_diag_set(r->diag, "%s: the transaction 0x%llx at offset %lld cannot be applied: %s",
                     s->path.text, ULL(reader->zxid), (long long)reader->offset, pdk_err_name(err));
        return err == PDK_EMALFORMED ? PDK_ECORRUPT : err;
    }
    r->last = reader->zxid;
    r->txns++;
    r->bytes += (int64_t)reader->txn.len + PDK_LOG_FRAME_BYTES;
    return PDK_OK;
}

/* Only its checksum is wrong, and it may be one that the snapshot covers: the next record tells. */
static bool may_pass_over(const struct scan *s, enum pdk_log_found found)
{
    return found == PDK_LOG_DAMAGED && s->reader.damage == PDK_DAMAGE_CHECKSUM &&
           s->last < s->r->snapshot_zxid;
}

/* To the end of the records; `found` tells what is there. */
static enum pdk_err scan_records(struct scan *s, enum pdk_log_found *found)
{
    for (;;) {
        *found = pdk_log_reader_next(&s->reader);
        if (*found == PDK_LOG_RECORD) {
            enum pdk_err err = take_record(s);
            if (err != PDK_OK) return err;
        } else if (may_pass_over(s, *found)) {
            if (s->doubt < 0) s->doubt = s->reader.offset;
            pdk_log_reader_skip(&s->reader);
        } else {
            return is_unjudged(s, *found) ? unreadable(s) : PDK_OK;
        }
    }
}

static enum pdk_err replay_file(struct pdk_replay *r, size_t index)
{
    struct scan s;
    enum pdk_err err = scan_open(&s, r, index);
    if (err != PDK_OK) return err;
    enum pdk_log_found found;
    err = scan_records(&s, &found);
    int64_t offset = s.doubt >= 0 ? s.doubt : s.reader.offset;
    if (err == PDK_OK && index < r->tail.newest) {
        err = judge_older(&s, offset);
    } else if (err == PDK_OK) {
        err = judge_newest(&s, offset, &r->tail.torn);
        r->tail.torn = r->tail.torn || s.doubt >= 0;
        r->tail.end = s.end;
    }
    scan_close(&s);
    return err;
}

enum pdk_err pdk_replay_run(struct pdk_replay *r)
{
    r->snapshot_zxid = r->last;
    if (!r->tail.there) return PDK_OK;
    /* Zxid snapshot + 1 is in the newest file whose name is not larger. */
    size_t first = 0;
    while (first < r->tail.newest && r->logs.items[first + 1].parsed.zxid <= r->snapshot_zxid + 1)
        first++;
    r->tail.oldest = first;
    for (size_t i = first; i <= r->tail.newest; i++) {
        enum pdk_err err = replay_file(r, i);
        if (err != PDK_OK) return err;
    }
    return PDK_OK;
}

enum pdk_err pdk_replay_find_newest(struct pdk_replay *r)
{
    r->tail = (struct pdk_replay_end){0};
    for (size_t i = r->logs.count; i-- > 0;) {
        struct scan s;
        bool torn;
        enum pdk_err err = scan_open(&s, r, i);
        if (err != PDK_OK) return err;
        enum pdk_log_found found = pdk_log_reader_next(&s.reader);
        if (found == PDK_LOG_RECORD) {
            r->tail.there = true;
            r->tail.newest = i;
        } else {
            err =
                is_unjudged(&s, found) ? unreadable(&s) : judge_newest(&s, s.reader.offset, &torn);
        }
        scan_close(&s);
        if (err != PDK_OK || r->tail.there) return err;
    }
    return PDK_OK;
}
