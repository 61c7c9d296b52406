#include "tools/snapshot/print.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "core/store/snapread.h"
#include "core/tree/tree.h"
#include "shell/compress.h"

#define ULL(x) ((unsigned long long)(x))

struct session_line {
    pdk_session id;
    int32_t timeout_ms;
    uint64_t ephemerals;
};

struct print {
    FILE *out;
    enum pdk_print_what what;
    struct session_line *sessions;
    size_t session_count, session_cap;
    uint64_t znodes, ephemerals, containers, ttls, data_bytes, path_bytes, acls;
    uint64_t digest;
    size_t longest_data;
};

static enum pdk_err on_session(void *ctx, pdk_session id, int32_t timeout_ms)
{
    struct print *p = ctx;
    if (p->session_count == p->session_cap) {
        size_t cap = p->session_cap == 0 ? 64 : p->session_cap * 2;
        struct session_line *grown =
            pdk_mem_resize(pdk_mem_heap(), p->sessions, cap * sizeof *grown);
        if (grown == NULL) return PDK_ENOMEM;
        p->sessions = grown;
        p->session_cap = cap;
    }
    p->sessions[p->session_count++] = (struct session_line){.id = id, .timeout_ms = timeout_ms};
    return PDK_OK;
}

static enum pdk_err on_acl(void *ctx, int64_t disk_id, struct pdk_slice list)
{
    struct print *p = ctx;
    (void)disk_id, (void)list;
    p->acls++;
    return PDK_OK;
}

static void print_time(struct print *p, const char *name, int64_t ms)
{
    struct tm tm;
    char text[64];
    time_t seconds = (time_t)(ms / 1000);
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof text, "%a %b %d %H:%M:%S UTC %Y", &tm) == 0)
        (void)snprintf(text, sizeof text, "%lld ms", (long long)ms);
    (void)fprintf(p->out, "  %s = %s\n", name, text);
}

static void print_data(struct print *p, struct pdk_slice data)
{
    static const size_t step = 3 * 1024; /* whole groups of base64 */
    char text[PDK_BASE64_LEN(3 * 1024) + 1];
    (void)fprintf(p->out, "  data = ");
    for (size_t at = 0; at < data.len; at += step) {
        pdk_base64(data.bytes + at, pdk_min_size(step, data.len - at), text);
        (void)fputs(text, p->out);
    }
    (void)fputc('\n', p->out);
}

/* Terminals must not obey a path. */
static void print_path(struct print *p, struct pdk_slice path)
{
    (void)fputs("----\n", p->out);
    if (path.len == 0) (void)fputc('/', p->out);
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.bytes[i];
        if (c < 0x20 || c == 0x7f)
            (void)fprintf(p->out, "\\x%02x", c);
        else
            (void)fputc(c, p->out);
    }
    (void)fputc('\n', p->out);
}

static void print_znode(struct print *p, struct pdk_slice path, struct pdk_slice data,
                        const struct pdk_stat_persisted *stat)
{
    print_path(p, path);
    (void)fprintf(p->out, "  cZxid = 0x%014llx\n", ULL(stat->czxid));
    print_time(p, "ctime", stat->ctime);
    (void)fprintf(p->out, "  mZxid = 0x%014llx\n", ULL(stat->mzxid));
    print_time(p, "mtime", stat->mtime);
    (void)fprintf(p->out,
                  "  pZxid = 0x%014llx\n  cversion = %d\n  dataVersion = %d\n  aclVersion = %d\n"
                  "  ephemeralOwner = 0x%014llx\n",
                  ULL(stat->pzxid), stat->cversion, stat->version, stat->aversion,
                  ULL(stat->ephemeral_owner));
    if (data.is_null)
        (void)fprintf(p->out, "  no data\n");
    else if (p->what == PDK_PRINT_DATA)
        print_data(p, data);
    else
        (void)fprintf(p->out, "  dataLength = %zu\n", data.len);
}

static int by_id(const void *a, const void *b)
{
    const struct session_line *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void count_owner(struct print *p, int64_t owner)
{
    if (owner == 0) return;
    if (owner == PDK_OWNER_CONTAINER) {
        p->containers++;
        return;
    }
    /* Sessions first: their ids may look like anything. */
    struct session_line *s = NULL, key = {.id = owner};
    if (p->session_count > 0) s = bsearch(&key, p->sessions, p->session_count, sizeof *s, by_id);
    if (s != NULL) {
        s->ephemerals++;
        p->ephemerals++;
        return;
    }
    bool ttl = (owner & PDK_OWNER_TTL_MARK) == PDK_OWNER_TTL_MARK;
    p->ttls += ttl;
    p->ephemerals += !ttl;
}

static enum pdk_err on_znode(void *ctx, struct pdk_slice path, struct pdk_slice data,
                             int64_t disk_acl_id, const struct pdk_stat_persisted *stat)
{
    struct print *p = ctx;
    (void)disk_acl_id;
    if (p->znodes == 0 && p->session_count > 0) /* all of them are there by now */
        qsort(p->sessions, p->session_count, sizeof *p->sessions, by_id);
    p->znodes++;
    p->path_bytes += path.len;
    p->data_bytes += data.len;
    p->longest_data = pdk_max_size(p->longest_data, data.len);
    p->digest += pdk_digest_of(path, data, stat);
    count_owner(p, stat->ephemeral_owner);
    if (p->what != PDK_PRINT_SUMMARY) print_znode(p, path, data, stat);
    return PDK_OK;
}

static void print_end(struct print *p, const struct pdk_snapshot_info *info)
{
    (void)fprintf(p->out, "----\nSession Details (sid, timeout, ephemeralCount):\n");
    for (size_t i = 0; i < p->session_count; i++)
        (void)fprintf(p->out, "0x%llx, %d, %llu\n", ULL(p->sessions[i].id),
                      p->sessions[i].timeout_ms, ULL(p->sessions[i].ephemerals));
    (void)fprintf(p->out, "----\nLast zxid: 0x%llx\n", ULL(info->zxid));
    if (info->has_last_zxid && info->last_zxid != info->zxid)
        (void)fprintf(p->out, "Fuzzy: it may hold effects of transactions up to 0x%llx\n",
                      ULL(info->last_zxid));
    (void)fprintf(p->out,
                  "Znodes: %llu (%llu ephemeral, %llu container, %llu TTL)\nSessions: %zu\n"
                  "ACL lists: %llu\nBytes: %lld in the file, %llu of data, %llu of paths, longest "
                  "data %zu\nDigest: %llu",
                  ULL(p->znodes), ULL(p->ephemerals), ULL(p->containers), ULL(p->ttls),
                  p->session_count, ULL(p->acls), (long long)info->size_bytes, ULL(p->data_bytes),
                  ULL(p->path_bytes), p->longest_data, ULL(p->digest));
    if (!info->has_digest)
        (void)fprintf(p->out, " (none stored)\n");
    else if (info->digest == p->digest)
        (void)fprintf(p->out, " (as stored, at zxid 0x%llx)\n", ULL(info->digest_zxid));
    else
        (void)fprintf(p->out, " (stored, at zxid 0x%llx: %llu)\n", ULL(info->digest_zxid),
                      ULL(info->digest));
    (void)fprintf(p->out, "Checksums: good\n");
}

/* Splits the path; a plain name is in ".". */
static enum pdk_err find(const struct pdk_vfs *vfs, const char *path, char folder[PDK_PATH_BYTES],
                         struct pdk_listed *item, struct pdk_diag *diag)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    (void)snprintf(folder, PDK_PATH_BYTES, "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
                   slash != NULL ? path : ".");
    *item = (struct pdk_listed){.parsed = pdk_file_name_parse(name)};
    if (item->parsed.kind != PDK_FILE_SNAPSHOT || strlen(name) >= sizeof item->name) {
        pdk_diag_set(diag, "%s is not named as a snapshot is (snapshot.<hex>[.gz|.snappy])", name);
        return PDK_EINVAL;
    }
    memcpy(item->name, name, strlen(name) + 1);
    struct pdk_file file;
    enum pdk_err err = pdk_file_open(&file, vfs, path, PDK_VFS_READ, diag);
    if (err == PDK_OK) err = pdk_file_size(&file, &item->size_bytes, diag);
    pdk_file_close(&file);
    return err;
}

enum pdk_err pdk_snapshot_print(const struct pdk_vfs *vfs, const char *path,
                                enum pdk_print_what what, FILE *out, struct pdk_diag *diag)
{
    struct print p = {.out = out, .what = what};
    struct pdk_store_config config = {.mem = pdk_mem_heap(),
                                      .max_record_bytes = (size_t)1 << 30,
                                      .codecs = pdk_codecs_standard()};
    const struct pdk_recover_sink sink = {
        .ctx = &p, .session = on_session, .acl = on_acl, .znode = on_znode};
    char folder[PDK_PATH_BYTES];
    struct pdk_listed item;
    struct pdk_snapshot_info info;
    enum pdk_err err = find(vfs, path, folder, &item, diag);
    if (err != PDK_OK) return err;
    if (what != PDK_PRINT_SUMMARY) (void)fprintf(out, "ZNode Details:\n");
    err = pdk_snapshot_read_file(&config, vfs, folder, &item, &sink, &info, diag);
    if (err == PDK_OK) print_end(&p, &info);
    pdk_mem_free(pdk_mem_heap(), p.sessions);
    return err;
}
