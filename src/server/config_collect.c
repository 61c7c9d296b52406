/* Settings from a file, from arguments and from -D: names and values with the place they come
 * from, none twice. */
#include "server/config_internal.h"

#include "base/props.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SETTINGS_MAX 4096
#define UNKNOWN_MAX 100

/* ---- words for people ---------------------------------------------------------------------- */

/* "zoo.cfg:12" or "-D" */
struct pdk_config_place pdk_config_place_of(const struct pdk_config_origin *origin)
{
    struct pdk_config_place p;
    if (origin->file == NULL) {
        (void)snprintf(p.text, sizeof p.text, "%s", origin->what);
    } else {
        (void)snprintf(p.text, sizeof p.text, "%.280s:%u", origin->file, origin->line);
    }
    return p;
}

/* The same, fit for a log line. */
struct pdk_config_place pdk_config_logged_place(const struct pdk_config_origin *origin)
{
    struct pdk_config_place raw = pdk_config_place_of(origin), quoted;
    (void)pdk_log_quote(pdk_slice_str(raw.text), quoted.text, sizeof quoted.text);
    return quoted;
}

struct pdk_config_shown pdk_config_show(const char *text)
{
    struct pdk_config_shown s;
    (void)pdk_log_quote(pdk_slice_str(text), s.text, sizeof s.text);
    return s;
}

/* ---- collecting ------------------------------------------------------------------------------ */

struct pdk_config_setting *pdk_config_find(const struct pdk_config_loader *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->settings[i].name, name) == 0) return &l->settings[i];
    }
    return NULL;
}

static enum pdk_err take_unknown(struct pdk_config_loader *l, struct pdk_slice name,
                                 const struct pdk_config_origin *origin)
{
    char quoted[120];
    const struct pdk_config_key *near = pdk_config_key_nearest(name);
    pdk_log_write(l->log, PDK_LOG_WARN, "config.unknown at=%s key=%s%s%s",
                  pdk_config_logged_place(origin).text, pdk_log_quote(name, quoted, sizeof quoted),
                  near != NULL ? " nearest=" : "", near != NULL ? near->name : "");
    if (++l->unknown <= UNKNOWN_MAX) return PDK_OK;
    pdk_diag_set(l->diag, "%s: more than %d unknown keys: is this a zoo.cfg?",
                 pdk_config_place_of(origin).text, UNKNOWN_MAX);
    return PDK_EINVAL;
}

/* A setting said twice: the later one counts. */
static void replace(struct pdk_config_loader *l, struct pdk_config_setting *old,
                    const struct pdk_config_setting *now)
{
    bool overridden = old->origin.file != NULL && now->origin.file == NULL;
    if (strcmp(old->value, now->value) != 0) {
        pdk_log_write(l->log, overridden ? PDK_LOG_INFO : PDK_LOG_WARN,
                      "config.%s key=%s at=%s instead_of=%s",
                      overridden ? "overridden" : "repeated", pdk_config_show(now->name).text,
                      pdk_config_logged_place(&now->origin).text,
                      pdk_config_logged_place(&old->origin).text);
    }
    *old = *now;
}

static enum pdk_err refuse_in_dynamic(struct pdk_config_loader *l, struct pdk_slice name,
                                      const struct pdk_config_origin *origin)
{
    char quoted[120];
    if (pdk_slice_eq_str(name, "version")) {
        pdk_diag_set(l->diag,
                     "%s: dynamic file shouldn't have version inside: it is the hexadecimal number "
                     "at the end of the file's name",
                     pdk_config_place_of(origin).text);
    } else {
        pdk_diag_set(l->diag,
                     "%s: key %s has no place in a dynamicConfigFile; allowed: server.N, group.N, "
                     "weight.N",
                     pdk_config_place_of(origin).text, pdk_log_quote(name, quoted, sizeof quoted));
    }
    return PDK_EINVAL;
}

static enum pdk_err take(struct pdk_config_loader *l, struct pdk_slice name, struct pdk_slice value,
                         const struct pdk_config_origin *origin)
{
    struct pdk_slice bare = pdk_config_key_bare(name);
    const struct pdk_config_key *key = pdk_config_key_find(name);
    if (l->in_dynamic && (key == NULL || key->kind != PDK_CONFIG_SERVER))
        return refuse_in_dynamic(l, bare, origin);
    if (key == NULL) return take_unknown(l, name, origin);

    struct pdk_config_setting now = {.key = key,
                                     .name = pdk_config_own(l->config, bare),
                                     .value = pdk_config_own(l->config, value),
                                     .origin = *origin};
    struct pdk_config_setting *old = pdk_config_find(l, now.name);
    if (old != NULL) {
        replace(l, old, &now);
        return PDK_OK;
    }
    if (l->count == SETTINGS_MAX) {
        pdk_diag_set(l->diag, "%s: more than %d settings", pdk_config_place_of(origin).text,
                     SETTINGS_MAX);
        return PDK_EINVAL;
    }
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 64 : l->cap * 2;
        l->settings =
            pdk_mem_must_resize(l->config->mem, l->settings, l->cap * sizeof *l->settings);
    }
    l->settings[l->count++] = now;
    return PDK_OK;
}

enum pdk_err pdk_config_take_text(struct pdk_config_loader *l, struct pdk_slice text,
                                  const char *name)
{
    struct pdk_props props;
    pdk_props_init(&props, l->config->mem, text);
    enum pdk_err err = PDK_OK;
    for (bool more = true; more && err == PDK_OK;) {
        struct pdk_prop prop;
        const char *why = NULL;
        switch (pdk_props_next(&props, &prop, &why)) {
        case PDK_PROPS_ENTRY:
            err = take(l, prop.key, prop.value,
                       &(struct pdk_config_origin){.file = name, .line = prop.line});
            break;
        case PDK_PROPS_BAD:
            pdk_diag_set(l->diag, "%.280s:%u: %s", name, prop.line, why);
            err = PDK_EINVAL;
            break;
        case PDK_PROPS_END: more = false; break;
        }
    }
    pdk_props_deinit(&props);
    return err;
}

enum pdk_err pdk_config_take_defines(struct pdk_config_loader *l,
                                     const struct pdk_config_source *source)
{
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < source->define_count && err == PDK_OK; i++) {
        const char *text = source->defines[i];
        size_t key_len = strcspn(text, "=");
        const char *value = text[key_len] == '=' ? text + key_len + 1 : text + key_len;
        err = take(l, pdk_slice_of(text, key_len), pdk_slice_str(value),
                   &(struct pdk_config_origin){.what = "-D"});
    }
    return err;
}

static enum pdk_err take_argument(struct pdk_config_loader *l, const char *name, const char *value,
                                  const char *what)
{
    return take(l, pdk_slice_str(name), pdk_slice_str(value),
                &(struct pdk_config_origin){.what = what});
}

/* Decision 4. */
enum pdk_err pdk_config_take_built_in(struct pdk_config_loader *l)
{
    static const char *const pairs[][2] = {{"clientPort", "2181"},
                                           {"clientPortAddress", "127.0.0.1"},
                                           {"dataDir", "./data"},
                                           {"tickTime", "2000"}};
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < PDK_COUNT_OF(pairs) && err == PDK_OK; i++)
        err = take_argument(l, pairs[i][0], pairs[i][1], "built-in");
    return err;
}

enum pdk_err pdk_config_take_arguments(struct pdk_config_loader *l,
                                       const struct pdk_config_source *source)
{
    static const char *const names[] = {"clientPort", "dataDir", "tickTime", "maxClientCnxns"};
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < source->arg_count && err == PDK_OK; i++)
        err = take_argument(l, names[i], source->args[i], "argument");
    return err;
}

/* ---- files ------------------------------------------------------------------------------- */

enum pdk_err pdk_config_read_file(const char *path, struct pdk_buf *out, struct pdk_diag *diag)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        int error = errno;
        pdk_diag_set(diag, "%.300s: cannot be read: %s", path, strerror(error));
        return error == ENOENT ? PDK_ENOENT : PDK_EIO;
    }
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && !out->failed)
        pdk_put_raw(out, piece, got);
    int error = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (error != 0) {
        pdk_diag_set(diag, "%.300s: cannot be read: %s", path, strerror(error));
        return PDK_EIO;
    }
    if (out->failed) {
        pdk_diag_set(diag, "%.300s: larger than 1 MiB: is this a zoo.cfg?", path);
        return PDK_EINVAL;
    }
    return PDK_OK;
}

enum pdk_err pdk_config_take_dynamic_file(struct pdk_config_loader *l)
{
    const struct pdk_config_setting *s = pdk_config_find(l, "dynamicConfigFile");
    if (s == NULL) return PDK_OK;
    for (size_t i = 0; i < l->count; i++) {
        const struct pdk_config_setting *line = &l->settings[i];
        if (line->key->kind != PDK_CONFIG_SERVER) continue;
        pdk_diag_set(l->diag, "%s: key %s must stand in the dynamicConfigFile (%s)",
                     pdk_config_place_of(&line->origin).text, pdk_config_show(line->name).text,
                     pdk_config_show(s->value).text);
        return PDK_EINVAL;
    }
    const char *path = s->value; /* `s` moves when settings are added */
    struct pdk_buf text;
    pdk_buf_init(&text, l->config->mem, PDK_CONFIG_FILE_BYTES_MAX);
    enum pdk_err err = pdk_config_read_file(path, &text, l->diag);
    l->in_dynamic = true;
    if (err == PDK_OK) err = pdk_config_take_text(l, pdk_buf_slice(&text), path);
    l->in_dynamic = false;
    pdk_buf_deinit(&text);
    return err;
}
