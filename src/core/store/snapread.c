#include "core/store/snapread.h"

#include "base/hash.h"

#include <string.h>

struct reader {
    struct pdk_window w;
    const struct pdk_recover_sink *sink;
    size_t max_entry_bytes;
    uint32_t adler; /* of everything that has left the window */
    struct pdk_diag *diag;
};

static void sum(void *ctx, const uint8_t *bytes, size_t len)
{
    struct reader *r = ctx;
    r->adler = pdk_adler32(r->adler, bytes, len);
}

static enum pdk_err corrupt(struct reader *r, const char *what)
{
    if (r->w.err != PDK_OK) return r->w.err;
    pdk_diag_set(r->diag, "%s at offset %lld", what, (long long)pdk_window_offset(&r->w));
    return PDK_ECORRUPT;
}

static enum pdk_err refused(struct reader *r, enum pdk_err err, const char *what)
{
    pdk_diag_set(r->diag, "%s at offset %lld cannot be loaded: %s", what,
                 (long long)pdk_window_offset(&r->w), pdk_err_name(err));
    return err;
}

static enum pdk_err read_start(struct reader *r)
{
    if (pdk_window_fill(&r->w, 16) < 16) return corrupt(r, "the file ends in its header");
    const uint8_t *p = pdk_window_bytes(&r->w);
    if (pdk_load_u32(p) != PDK_SNAPSHOT_MAGIC) return corrupt(r, "this is not a snapshot: magic");
    r->w.at += 16; /* version and database id are not checked, as in Apache */
    return PDK_OK;
}

static enum pdk_err read_count(struct reader *r, const char *what, int32_t *count)
{
    if (pdk_window_fill(&r->w, 4) < 4) return corrupt(r, what);
    *count = (int32_t)pdk_load_u32(pdk_window_bytes(&r->w));
    if (*count < 0) return corrupt(r, what);
    r->w.at += 4;
    return PDK_OK;
}

static enum pdk_err read_sessions(struct reader *r)
{
    int32_t count;
    enum pdk_err err = read_count(r, "the number of sessions is missing or negative", &count);
    for (int32_t i = 0; i < count && err == PDK_OK; i++) {
        if (pdk_window_fill(&r->w, 12) < 12) return corrupt(r, "the file ends among the sessions");
        const uint8_t *p = pdk_window_bytes(&r->w);
        err = r->sink->session(r->sink->ctx, (pdk_session)pdk_load_u64(p),
                               (int32_t)pdk_load_u32(p + 8));
        if (err != PDK_OK) return refused(r, err, "the session");
        r->w.at += 12;
    }
    return err;
}

/* Lengthens *len by one ustring that begins there; false: missing, too long or malformed. */
static bool measure_string(struct reader *r, size_t *len)
{
    if (pdk_window_fill(&r->w, *len + 4) < *len + 4) return false;
    int32_t n = (int32_t)pdk_load_u32(pdk_window_bytes(&r->w) + *len);
    if (n < -1 || (n > 0 && (size_t)n > r->max_entry_bytes)) return false;
    *len += 4 + (n > 0 ? (size_t)n : 0);
    return true;
}

/* The encoded length of the vector<ACL> that begins `at` bytes behind the cursor. */
static bool measure_acl_list(struct reader *r, size_t at, size_t *len)
{
    size_t end = at + 4;
    if (pdk_window_fill(&r->w, end) < end) return false;
    int32_t count = (int32_t)pdk_load_u32(pdk_window_bytes(&r->w) + at);
    if (count < -1) return false;
    for (int32_t i = 0; i < count; i++) {
        end += 4;
        if (!measure_string(r, &end) || !measure_string(r, &end)) return false;
        if (end - at > r->max_entry_bytes) return false;
    }
    *len = end - at;
    return *len <= r->max_entry_bytes && pdk_window_fill(&r->w, end) >= end;
}

static enum pdk_err read_acls(struct reader *r)
{
    int32_t count;
    enum pdk_err err = read_count(r, "the number of ACLs is missing or negative", &count);
    for (int32_t i = 0; i < count && err == PDK_OK; i++) {
        size_t len;
        if (pdk_window_fill(&r->w, 8) < 8 || !measure_acl_list(r, 8, &len))
            return corrupt(r,
                           "a list of ACLs is malformed, cut or longer than jute.maxbuffer allows");
        const uint8_t *p = pdk_window_bytes(&r->w);
        err = r->sink->acl(r->sink->ctx, (int64_t)pdk_load_u64(p), pdk_slice_of(p + 8, len));
        if (err != PDK_OK) return refused(r, err, "the list of ACLs");
        r->w.at += 8 + len;
    }
    return err;
}

#define NODE_TAIL_BYTES (8 + PDK_STAT_PERSISTED_LEN) /* ACL id and stat */

/* One znode, or *end at the "/" behind the last. */
static enum pdk_err read_znode(struct reader *r, bool *end)
{
    static const char malformed[] =
        "a znode is malformed, cut or longer than jute.maxbuffer allows";
    struct pdk_window *w = &r->w;
    if (pdk_window_fill(w, 4) < 4) return corrupt(r, malformed);
    int32_t path_len = (int32_t)pdk_load_u32(pdk_window_bytes(w));
    if (path_len < 0 || (size_t)path_len > r->max_entry_bytes) return corrupt(r, malformed);
    size_t at = 4 + (size_t)path_len;
    if (path_len == 1 && pdk_window_fill(w, 5) >= 5 && pdk_window_bytes(w)[4] == '/') {
        *end = true;
        w->at += at;
        return PDK_OK;
    }
    if (pdk_window_fill(w, at + 4) < at + 4) return corrupt(r, malformed);
    int32_t data_len = (int32_t)pdk_load_u32(pdk_window_bytes(w) + at);
    if (data_len < -1 || (data_len > 0 && (size_t)data_len > r->max_entry_bytes))
        return corrupt(r, malformed);
    size_t data_at = at + 4;
    size_t tail_at = data_at + (data_len > 0 ? (size_t)data_len : 0);
    size_t total = tail_at + NODE_TAIL_BYTES;
    if (pdk_window_fill(w, total) < total) return corrupt(r, malformed);

    const uint8_t *p = pdk_window_bytes(w);
    struct pdk_slice data =
        data_len < 0 ? pdk_slice_null() : pdk_slice_of(p + data_at, (size_t)data_len);
    struct pdk_reader tail = pdk_reader_of(pdk_slice_of(p + tail_at, NODE_TAIL_BYTES));
    int64_t acl_id = pdk_read_i64(&tail);
    struct pdk_stat_persisted stat;
    pdk_read_stat_persisted(&tail, &stat);
    enum pdk_err err =
        r->sink->znode(r->sink->ctx, pdk_slice_of(p + 4, (size_t)path_len), data, acl_id, &stat);
    if (err != PDK_OK) return refused(r, err, "the znode");
    w->at += total;
    return PDK_OK;
}

/* Adler-32 of all bytes before, then "/". */
static enum pdk_err read_seal(struct reader *r)
{
    if (pdk_window_fill(&r->w, PDK_SNAPSHOT_SEAL_BYTES) < PDK_SNAPSHOT_SEAL_BYTES)
        return corrupt(r, "a seal is cut");
    pdk_window_report(&r->w);
    const uint8_t *p = pdk_window_bytes(&r->w);
    if (pdk_load_u64(p) != r->adler) return corrupt(r, "the checksum is wrong");
    if (pdk_load_u32(p + 8) != 1 || p[12] != '/') return corrupt(r, "a seal is malformed");
    r->w.at += PDK_SNAPSHOT_SEAL_BYTES;
    return PDK_OK;
}

static enum pdk_err read_digest(struct reader *r, struct pdk_snapshot_info *info)
{
    if (pdk_window_fill(&r->w, 16) < 16) return corrupt(r, "the digest is cut");
    const uint8_t *p = pdk_window_bytes(&r->w);
    pdk_zxid zxid = (pdk_zxid)pdk_load_u64(p);
    int32_t version = (int32_t)pdk_load_u32(p + 8);
    if (version < PDK_SNAPSHOT_DIGEST_VERSION) { /* a text in hex, which nobody compares any more */
        size_t len = 12;
        if (!measure_string(r, &len) || pdk_window_fill(&r->w, len) < len)
            return corrupt(r, "the digest is malformed");
        r->w.at += len;
        return read_seal(r);
    }
    if (pdk_window_fill(&r->w, 20) < 20) return corrupt(r, "the digest is cut");
    if (version == PDK_SNAPSHOT_DIGEST_VERSION && zxid > 0) {
        info->has_digest = true;
        info->digest_zxid = zxid;
        info->digest = pdk_load_u64(pdk_window_bytes(&r->w) + 12);
    }
    r->w.at += 20;
    return read_seal(r);
}

static enum pdk_err read_last_zxid(struct reader *r, struct pdk_snapshot_info *info)
{
    if (pdk_window_fill(&r->w, 8) < 8) return corrupt(r, "the last zxid is cut");
    info->has_last_zxid = true;
    info->last_zxid = (pdk_zxid)pdk_load_u64(pdk_window_bytes(&r->w));
    r->w.at += 8;
    return read_seal(r);
}

/* Behind the first seal: digest and last zxid, each of which may be missing.  What comes behind
 * them in files of later versions is left unread, as Apache's own readers leave it. */
static enum pdk_err read_sections(struct reader *r, struct pdk_snapshot_info *info)
{
    size_t last_zxid_bytes = 8 + PDK_SNAPSHOT_SEAL_BYTES;
    size_t there = pdk_window_fill(&r->w, last_zxid_bytes + 1);
    if (there == 0) return r->w.err;
    /* Exactly one last zxid: written by a server with digests switched off. */
    if (there == last_zxid_bytes) return read_last_zxid(r, info);
    enum pdk_err err = read_digest(r, info);
    if (err != PDK_OK || pdk_window_fill(&r->w, 1) == 0) return err != PDK_OK ? err : r->w.err;
    return read_last_zxid(r, info);
}

/* A compressed stream carries a checksum of its own at its end: reading on checks it. */
static enum pdk_err read_to_end(struct reader *r)
{
    for (size_t there; (there = pdk_window_fill(&r->w, 1)) > 0;) r->w.at += there;
    return r->w.err;
}

enum pdk_err pdk_snapshot_read(const struct pdk_mem *mem, struct pdk_source source,
                               size_t max_entry_bytes, const struct pdk_recover_sink *sink,
                               struct pdk_snapshot_info *info, struct pdk_diag *diag)
{
    struct reader r = {
        .sink = sink, .max_entry_bytes = max_entry_bytes, .adler = PDK_ADLER32_INIT, .diag = diag};
    *info = (struct pdk_snapshot_info){0};
    pdk_window_init(&r.w, mem, source, diag);
    r.w.passed = sum;
    r.w.passed_ctx = &r;
    enum pdk_err err = read_start(&r);
    if (err == PDK_OK) err = read_sessions(&r);
    if (err == PDK_OK) err = read_acls(&r);
    for (bool end = false; err == PDK_OK && !end;) err = read_znode(&r, &end);
    if (err == PDK_OK) err = read_seal(&r);
    if (err == PDK_OK) err = read_sections(&r, info);
    if (err == PDK_OK) err = read_to_end(&r);
    pdk_window_deinit(&r.w);
    return err == PDK_EMALFORMED ? PDK_ECORRUPT : err; /* a compressed stream's word for it */
}

static enum pdk_err ignore_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    (void)ctx, (void)id, (void)timeout_ms;
    return PDK_OK;
}
static enum pdk_err ignore_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    (void)ctx, (void)disk_id, (void)list;
    return PDK_OK;
}
static enum pdk_err ignore_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                                 int64_t acl_id, const struct pdk_stat_persisted *stat)
{
    (void)ctx, (void)path, (void)data, (void)acl_id, (void)stat;
    return PDK_OK;
}

static const struct pdk_codec *codec_of(const struct pdk_store_config *config,
                                        enum pdk_compression compression)
{
    if (config->codecs == NULL) return NULL;
    return compression == PDK_COMPRESSION_GZ ? &config->codecs->gz : &config->codecs->snappy;
}

enum pdk_err pdk_snapshot_read_file(const struct pdk_store_config *config,
                                    const struct pdk_vfs *vfs, const char *folder,
                                    const struct pdk_listed *item,
                                    const struct pdk_recover_sink *sink,
                                    struct pdk_snapshot_info *info, struct pdk_diag *diag)
{
    static const struct pdk_recover_sink nobody = {
        .session = ignore_session, .acl = ignore_acl, .znode = ignore_znode};
    enum pdk_compression compression = item->parsed.compression;
    const struct pdk_codec *codec =
        compression == PDK_COMPRESSION_NONE ? NULL : codec_of(config, compression);
    if (compression != PDK_COMPRESSION_NONE && codec == NULL) {
        pdk_diag_set(diag, "this program cannot read compressed snapshots");
        return PDK_EINVAL;
    }
    struct pdk_path path;
    struct pdk_file file;
    enum pdk_err err = pdk_path_join(&path, folder, item->name, diag);
    if (err == PDK_OK) err = pdk_file_open(&file, vfs, path.text, PDK_VFS_READ, diag);
    if (err != PDK_OK) return err;
    struct pdk_file_source plain;
    struct pdk_codec_source unpacked = {0};
    struct pdk_source source = pdk_source_of_file(&plain, &file);
    if (codec != NULL) {
        err = pdk_codec_source_init(&unpacked, config->mem, codec, source, diag);
        source = pdk_source_of_codec(&unpacked);
    }
    if (err == PDK_OK)
        err = pdk_snapshot_read(config->mem, source, config->max_record_bytes,
                                sink != NULL ? sink : &nobody, info, diag);
    pdk_codec_source_deinit(&unpacked);
    pdk_file_close(&file);
    info->zxid = item->parsed.zxid;
    info->size_bytes = item->size_bytes;
    return err;
}

enum pdk_err pdk_snapshot_looks_whole(const struct pdk_vfs *vfs, const char *folder,
                                      const struct pdk_listed *item, bool *whole,
                                      struct pdk_diag *diag)
{
    static const uint8_t plain_end[5] = {0, 0, 0, 1, '/'}, gz_start[2] = {0x1f, 0x8b};
    static const uint8_t snappy_start[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
    struct pdk_slice want = pdk_slice_of(plain_end, sizeof plain_end);
    int64_t offset = 0;
    switch (item->parsed.compression) {
    case PDK_COMPRESSION_NONE: offset = item->size_bytes - (int64_t)sizeof plain_end; break;
    case PDK_COMPRESSION_GZ: want = pdk_slice_of(gz_start, sizeof gz_start); break;
    case PDK_COMPRESSION_SNAPPY: want = pdk_slice_of(snappy_start, sizeof snappy_start); break;
    }
    *whole = false;
    if (item->size_bytes < 10) return PDK_OK;
    struct pdk_path path;
    struct pdk_file file;
    enum pdk_err err = pdk_path_join(&path, folder, item->name, diag);
    if (err == PDK_OK) err = pdk_file_open(&file, vfs, path.text, PDK_VFS_READ, diag);
    if (err != PDK_OK) return err;
    uint8_t bytes[8];
    size_t got = 0;
    err = pdk_file_read(&file, bytes, want.len, offset, &got, diag);
    *whole = err == PDK_OK && got == want.len && memcmp(bytes, want.bytes, want.len) == 0;
    pdk_file_close(&file);
    return err;
}
