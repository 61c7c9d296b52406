#include "server/config_dynamic.h"

#include "base/props.h"
#include "core/store/fs.h"
#include "server/config_keys.h"
#include "shell/vfs_posix.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define PRIVATE_SUFFIX ".paddock.tmp"

/* A path and what may be put behind it. */
struct path {
    char text[PATH_MAX + 64];
};

struct place {
    const struct pdk_vfs *vfs;
    const struct pdk_config *config;
    struct pdk_diag *diag;
};

int64_t pdk_config_dynamic_version(const char *path)
{
    const char *dot = strrchr(path, '.');
    size_t len = dot != NULL ? strlen(dot + 1) : 0;
    if (len == 0 || len > 16) return 0;
    uint64_t version = 0;
    for (const char *p = dot + 1; *p != '\0'; p++) {
        unsigned digit = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') : 16;
        if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f') digit = (unsigned)((*p | 0x20) - 'a' + 10);
        if (digit == 16) return 0;
        version = version << 4 | digit;
    }
    return version <= INT64_MAX ? (int64_t)version : 0;
}

/* ---- whole files ----------------------------------------------------------------------------- */

static enum pdk_err join(struct path *out, const char *path, const char *suffix,
                         struct pdk_diag *diag)
{
    int n = snprintf(out->text, sizeof out->text, "%s%s", path, suffix);
    if (n >= 0 && (size_t)n < sizeof out->text) return PDK_OK;
    pdk_diag_set(diag, "%.200s...: the path is too long", path);
    return PDK_EINVAL;
}

static enum pdk_err sync_folder_of(const struct place *p, const char *path)
{
    struct path folder;
    enum pdk_err err = join(&folder, path, "", p->diag);
    if (err != PDK_OK) return err;
    char *slash = strrchr(folder.text, '/');
    if (slash == NULL) return pdk_fs_sync_dir(p->vfs, ".", p->diag);
    slash[slash == folder.text ? 1 : 0] = '\0';
    return pdk_fs_sync_dir(p->vfs, folder.text, p->diag);
}

/* ENOENT, without a diag, when there is none. */
static enum pdk_err read_whole(const struct place *p, const char *path, struct pdk_buf *out)
{
    struct pdk_file file;
    struct pdk_diag unused;
    enum pdk_err err = pdk_file_open(&file, p->vfs, path, PDK_VFS_READ, &unused);
    if (err == PDK_ENOENT) return err;
    if (err != PDK_OK) {
        *p->diag = unused;
        return err;
    }
    char piece[4096];
    size_t got = sizeof piece;
    for (int64_t at = 0; err == PDK_OK && got == sizeof piece && !out->failed; at += (int64_t)got) {
        err = pdk_file_read(&file, piece, sizeof piece, at, &got, p->diag);
        if (err == PDK_OK) pdk_put_raw(out, piece, got);
    }
    pdk_file_close(&file);
    if (err != PDK_OK || !out->failed) return err;
    pdk_diag_set(p->diag, "%.280s: larger than 1 MiB", path);
    return PDK_EINVAL;
}

/* The new file may be read by whom the old one could; best effort, and nothing when there is no
 * old one. */
static void copy_mode(const char *from, const char *to)
{
    struct stat old;
    if (stat(from, &old) == 0) (void)chmod(to, old.st_mode & 07777);
}

/* Makes `text` visible as `path` all at once, with the mode of `like`. */
static enum pdk_err write_whole(const struct place *p, const char *path, struct pdk_slice text,
                                const char *like)
{
    struct path temporary;
    struct pdk_file file;
    enum pdk_err err = join(&temporary, path, PRIVATE_SUFFIX, p->diag);
    if (err != PDK_OK) return err;
    err = pdk_file_open(&file, p->vfs, temporary.text, PDK_VFS_CREATE, p->diag);
    if (err != PDK_OK) return err;
    copy_mode(like, temporary.text);
    if ((err = pdk_file_write(&file, text.bytes, text.len, 0, p->diag)) != PDK_OK) goto discard;
    if ((err = pdk_file_sync(&file, p->diag)) != PDK_OK) goto discard;
    pdk_file_close(&file);
    err = pdk_fs_rename(p->vfs, temporary.text, path, p->diag);
    if (err == PDK_OK) return sync_folder_of(p, path);
discard:
    pdk_file_close(&file);
    pdk_fs_discard(p->vfs, temporary.text);
    return err;
}

/* ---- zoo.cfg --------------------------------------------------------------------------------- */

struct rewriting {
    bool drop_client; /* the member's line has the client address now */
    bool had_pointer; /* a dynamicConfigFile line was there */
    struct pdk_buf text;
};

static bool is_dropped(struct rewriting *r, struct pdk_slice name)
{
    struct pdk_slice bare = pdk_config_key_bare(name);
    if (pdk_slice_eq_str(bare, "dynamicConfigFile")) {
        r->had_pointer = true;
        return true;
    }
    if (pdk_slice_eq_str(bare, "peerType") || pdk_slice_eq_str(bare, "version")) return true;
    if (pdk_slice_eq_str(bare, "clientPort") || pdk_slice_eq_str(bare, "clientPortAddress"))
        return r->drop_client;
    const struct pdk_config_key *key = pdk_config_key_find(name);
    return key != NULL && key->kind == PDK_CONFIG_SERVER;
}

/* The line that names the dynamic file, as a line of its own whatever stands before it. */
static void put_pointer(struct pdk_buf *out, const char *dynamic)
{
    if (out->len > 0 && out->bytes[out->len - 1] != '\n') pdk_put_u8(out, '\n');
    if (out->len > 1 && out->bytes[out->len - 2] == '\\') pdk_put_u8(out, '\n');
    pdk_put_text(out, "dynamicConfigFile=");
    for (const char *c = dynamic; *c != '\0'; c++) {
        if (*c == '\\') pdk_put_u8(out, '\\');
        pdk_put_u8(out, (uint8_t)*c);
    }
    pdk_put_u8(out, '\n');
}

/* `old` without what speaks of members, and with the pointer. */
static enum pdk_err rewrite(const struct place *p, struct pdk_slice old, const char *dynamic,
                            struct rewriting *r)
{
    struct pdk_props props;
    struct pdk_prop prop;
    const char *why = NULL;
    const uint8_t *kept = old.bytes;
    enum pdk_props_got got;
    pdk_props_init(&props, p->config->mem, old);
    while ((got = pdk_props_next(&props, &prop, &why)) == PDK_PROPS_ENTRY) {
        if (!is_dropped(r, prop.key)) continue;
        pdk_put_raw(&r->text, kept, (size_t)(prop.raw.bytes - kept));
        kept = prop.raw.bytes + prop.raw.len;
    }
    pdk_props_deinit(&props);
    if (got == PDK_PROPS_BAD) {
        pdk_diag_set(p->diag, "%.280s:%u: %s", p->config->target, prop.line, why);
        return PDK_EINVAL;
    }
    if (old.len > 0) pdk_put_raw(&r->text, kept, (size_t)(old.bytes + old.len - kept));
    put_pointer(&r->text, dynamic);
    if (!r->text.failed) return PDK_OK;
    pdk_diag_set(p->diag, "%.280s: cannot be rewritten: it would be too large", p->config->target);
    return PDK_ENOMEM;
}

static enum pdk_err replace_config(const struct place *p, struct pdk_slice old,
                                   const struct rewriting *r)
{
    const char *target = p->config->target;
    if (pdk_slice_eq(old, pdk_buf_slice(&r->text))) return PDK_OK;
    if (!r->had_pointer) {
        struct path backup;
        enum pdk_err err = join(&backup, p->config->path, ".bak", p->diag);
        if (err == PDK_OK) err = write_whole(p, backup.text, old, target);
        if (err != PDK_OK) return err;
    }
    return write_whole(p, target, pdk_buf_slice(&r->text), target);
}

static enum pdk_err point_to(const struct place *p, const struct pdk_members *members,
                             const char *dynamic)
{
    const struct pdk_member *me = pdk_members_find(members, p->config->node.server_id);
    struct rewriting r = {.drop_client = me != NULL && me->client.port >= 0};
    struct pdk_buf old;
    pdk_buf_init(&old, p->config->mem, FILE_BYTES_MAX);
    pdk_buf_init(&r.text, p->config->mem, FILE_BYTES_MAX + 2 * sizeof(struct path));
    enum pdk_err err = read_whole(p, p->config->target, &old);
    if (err == PDK_ENOENT)
        pdk_diag_set(p->diag, "%.280s: the config file is gone", p->config->target);
    if (err == PDK_OK) err = rewrite(p, pdk_buf_slice(&old), dynamic, &r);
    if (err == PDK_OK) err = replace_config(p, pdk_buf_slice(&old), &r);
    pdk_buf_deinit(&old);
    pdk_buf_deinit(&r.text);
    return err;
}

/* ---- members --------------------------------------------------------------------------------- */

static enum pdk_err write_members(const struct place *p, const char *path,
                                  const struct pdk_members *members, bool with_version)
{
    struct pdk_buf text;
    pdk_buf_init(&text, p->config->mem, FILE_BYTES_MAX);
    pdk_members_put_file(members, with_version, &text);
    enum pdk_err err = PDK_ENOMEM;
    if (text.failed) {
        pdk_diag_set(p->diag, "%.280s: no memory to write it", path);
    } else {
        err = write_whole(p, path, pdk_buf_slice(&text), p->config->target);
    }
    pdk_buf_deinit(&text);
    return err;
}

static enum pdk_err remove_next(const struct place *p, const char *next)
{
    enum pdk_err err = pdk_fs_unlink(p->vfs, next, p->diag);
    return err == PDK_OK ? sync_folder_of(p, next) : err;
}

/* The .next file has served its purpose, unless something newer was proposed since. */
static enum pdk_err settle_next(const struct place *p, const char *next, int64_t version)
{
    struct pdk_buf text;
    struct pdk_members *members = NULL;
    struct pdk_diag unused;
    pdk_buf_init(&text, p->config->mem, FILE_BYTES_MAX);
    enum pdk_err err = read_whole(p, next, &text);
    bool readable = err == PDK_OK && pdk_members_parse(p->config->mem, pdk_buf_slice(&text), 0,
                                                       &members, &unused) == PDK_OK;
    bool newer = readable && members->version > version;
    pdk_members_drop(members);
    pdk_buf_deinit(&text);
    if (err == PDK_ENOENT || newer) return PDK_OK;
    return err == PDK_OK ? remove_next(p, next) : err;
}

static enum pdk_err put_in_force(const struct place *p, const struct pdk_members *members,
                                 const char *next)
{
    char suffix[40];
    struct path dynamic;
    (void)snprintf(suffix, sizeof suffix, ".dynamic.%" PRIx64, (uint64_t)members->version);
    enum pdk_err err = join(&dynamic, p->config->path, suffix, p->diag);
    if (err == PDK_OK) err = write_members(p, dynamic.text, members, false);
    if (err == PDK_OK) err = point_to(p, members, dynamic.text);
    if (err == PDK_OK) err = settle_next(p, next, members->version);
    return err;
}

enum pdk_err pdk_config_store_members_on(const struct pdk_vfs *vfs, const struct pdk_config *config,
                                         const struct pdk_members *members, bool active,
                                         struct pdk_diag *diag)
{
    PDK_ASSERT(members != NULL || !active);
    if (config->path == NULL) return PDK_OK;
    const struct place p = {.vfs = vfs, .config = config, .diag = diag};
    struct path next;
    enum pdk_err err = join(&next, config->path, PDK_CONFIG_NEXT_SUFFIX, diag);
    if (err != PDK_OK) return err;
    if (members == NULL) return remove_next(&p, next.text);
    return active ? put_in_force(&p, members, next.text)
                  : write_members(&p, next.text, members, true);
}

enum pdk_err pdk_config_store_members(const struct pdk_config *config,
                                      const struct pdk_members *members, bool active,
                                      struct pdk_diag *diag)
{
    return pdk_config_store_members_on(pdk_vfs_posix(), config, members, active, diag);
}
