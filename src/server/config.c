/* Loading: collect settings (built-in defaults, arguments or file, then -D), judge each by its row
 * of the table, then derive what depends on others. */
#include "server/config.h"

#include "base/props.h"
#include "server/config_keys.h"
#include "server/config_servers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define SETTINGS_MAX 4096
#define UNKNOWN_MAX 100
#define RETAIN_MIN 3
#define SNAP_COUNT_MIN 2
#define SLACK_MIN 1024

struct origin {
    const char *file; /* NULL: `what` */
    unsigned line;
    const char *what; /* "-D", "argument" */
};

struct setting {
    const struct pdk_config_key *key;
    const char *name; /* without "zookeeper." */
    const char *value;
    struct origin origin;
};

struct loader {
    struct pdk_config *config;
    const struct pdk_log *log;
    struct pdk_diag *diag;
    struct setting *settings; /* no name twice */
    size_t count, cap;
    size_t unknown;
    bool dynamic; /* reading dynamicConfigFile */
};

/* ---- words for people ---------------------------------------------------------------------- */

struct place {
    char text[300];
};

/* "zoo.cfg:12" or "-D" */
static struct place place_of(const struct origin *origin)
{
    struct place p;
    if (origin->file == NULL) {
        (void)snprintf(p.text, sizeof p.text, "%s", origin->what);
    } else {
        (void)snprintf(p.text, sizeof p.text, "%.280s:%u", origin->file, origin->line);
    }
    return p;
}

/* The same, fit for a log line. */
static struct place logged_place(const struct origin *origin)
{
    struct place raw = place_of(origin), quoted;
    (void)pdk_log_quote(pdk_slice_str(raw.text), quoted.text, sizeof quoted.text);
    return quoted;
}

struct shown {
    char text[120];
};

static struct shown show(const char *text)
{
    struct shown s;
    (void)pdk_log_quote(pdk_slice_str(text), s.text, sizeof s.text);
    return s;
}

static struct shown show_value(const struct setting *s)
{
    return pdk_config_key_secret(pdk_slice_str(s->name)) ? show("(hidden)") : show(s->value);
}

static enum pdk_err refuse_value(struct loader *l, const struct setting *s, const char *allowed)
{
    pdk_diag_set(l->diag, "%s: %s=%s is not allowed here; allowed: %s", place_of(&s->origin).text,
                 show(s->name).text, show_value(s).text, allowed);
    return PDK_EINVAL;
}

/* ---- collecting ------------------------------------------------------------------------------ */

static struct setting *find(const struct loader *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->settings[i].name, name) == 0) return &l->settings[i];
    }
    return NULL;
}

static enum pdk_err take_unknown(struct loader *l, struct pdk_slice name,
                                 const struct origin *origin)
{
    char quoted[120];
    const struct pdk_config_key *near = pdk_config_key_nearest(name);
    pdk_log_write(l->log, PDK_LOG_WARN, "config.unknown at=%s key=%s%s%s",
                  logged_place(origin).text, pdk_log_quote(name, quoted, sizeof quoted),
                  near != NULL ? " nearest=" : "", near != NULL ? near->name : "");
    if (++l->unknown <= UNKNOWN_MAX) return PDK_OK;
    pdk_diag_set(l->diag, "%s: more than %d unknown keys: is this a zoo.cfg?",
                 place_of(origin).text, UNKNOWN_MAX);
    return PDK_EINVAL;
}

/* A setting said twice: the later one counts. */
static void replace(struct loader *l, struct setting *old, const struct setting *now)
{
    bool overridden = old->origin.file != NULL && now->origin.file == NULL;
    if (strcmp(old->value, now->value) != 0) {
        pdk_log_write(l->log, overridden ? PDK_LOG_INFO : PDK_LOG_WARN,
                      "config.%s key=%s at=%s instead_of=%s",
                      overridden ? "overridden" : "repeated", show(now->name).text,
                      logged_place(&now->origin).text, logged_place(&old->origin).text);
    }
    *old = *now;
}

static enum pdk_err take(struct loader *l, struct pdk_slice name, struct pdk_slice value,
                         const struct origin *origin)
{
    struct pdk_slice bare = pdk_config_key_bare(name);
    const struct pdk_config_key *key = pdk_config_key_find(name);
    if (l->dynamic && (key == NULL || key->kind != PDK_CONFIG_SERVER)) {
        if (pdk_slice_eq_str(bare, "version")) return PDK_OK;
        char quoted[120];
        pdk_diag_set(l->diag,
                     "%s: key %s has no place in a dynamicConfigFile; allowed: server.N, "
                     "group.N, weight.N",
                     place_of(origin).text, pdk_log_quote(name, quoted, sizeof quoted));
        return PDK_EINVAL;
    }
    if (key == NULL) return take_unknown(l, name, origin);

    struct setting now = {.key = key,
                          .name = pdk_config_own(l->config, bare),
                          .value = pdk_config_own(l->config, value),
                          .origin = *origin};
    struct setting *old = find(l, now.name);
    if (old != NULL) {
        replace(l, old, &now);
        return PDK_OK;
    }
    if (l->count == SETTINGS_MAX) {
        pdk_diag_set(l->diag, "%s: more than %d settings", place_of(origin).text, SETTINGS_MAX);
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

static enum pdk_err take_text(struct loader *l, struct pdk_slice text, const char *name)
{
    struct pdk_props props;
    pdk_props_init(&props, l->config->mem, text);
    enum pdk_err err = PDK_OK;
    for (bool more = true; more && err == PDK_OK;) {
        struct pdk_prop prop;
        const char *why = NULL;
        switch (pdk_props_next(&props, &prop, &why)) {
        case PDK_PROPS_ENTRY:
            err = take(l, prop.key, prop.value, &(struct origin){.file = name, .line = prop.line});
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

static enum pdk_err take_defines(struct loader *l, const struct pdk_config_source *source)
{
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < source->define_count && err == PDK_OK; i++) {
        const char *text = source->defines[i];
        size_t key_len = strcspn(text, "=");
        const char *value = text[key_len] == '=' ? text + key_len + 1 : text + key_len;
        err = take(l, pdk_slice_of(text, key_len), pdk_slice_str(value),
                   &(struct origin){.what = "-D"});
    }
    return err;
}

static enum pdk_err take_argument(struct loader *l, const char *name, const char *value,
                                  const char *what)
{
    return take(l, pdk_slice_str(name), pdk_slice_str(value), &(struct origin){.what = what});
}

/* Decision 4. */
static enum pdk_err take_built_in(struct loader *l)
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

static enum pdk_err take_arguments(struct loader *l, const struct pdk_config_source *source)
{
    static const char *const names[] = {"clientPort", "dataDir", "tickTime", "maxClientCnxns"};
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < source->arg_count && err == PDK_OK; i++)
        err = take_argument(l, names[i], source->args[i], "argument");
    return err;
}

/* ---- files ------------------------------------------------------------------------------- */

static enum pdk_err read_file(const char *path, struct pdk_buf *out, struct pdk_diag *diag)
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

static enum pdk_err take_dynamic_file(struct loader *l)
{
    const struct setting *s = find(l, "dynamicConfigFile");
    if (s == NULL) return PDK_OK;
    for (size_t i = 0; i < l->count; i++) {
        const struct setting *line = &l->settings[i];
        if (line->key->kind != PDK_CONFIG_SERVER) continue;
        pdk_diag_set(l->diag, "%s: key %s must stand in the dynamicConfigFile (%s)",
                     place_of(&line->origin).text, show(line->name).text, show(s->value).text);
        return PDK_EINVAL;
    }
    const char *path = s->value; /* `s` moves when settings are added */
    struct pdk_buf text;
    pdk_buf_init(&text, l->config->mem, FILE_BYTES_MAX);
    enum pdk_err err = read_file(path, &text, l->diag);
    l->dynamic = true;
    if (err == PDK_OK) err = take_text(l, pdk_buf_slice(&text), path);
    l->dynamic = false;
    pdk_buf_deinit(&text);
    return err;
}

/* The number in dataDir/myid; -1 when there is none. */
static int64_t read_myid(const struct pdk_config *config)
{
    char path[4096], line[32] = "";
    int n = snprintf(path, sizeof path, "%s/myid", config->store.data_dir);
    if (n < 0 || (size_t)n >= sizeof path) return -1;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    bool got = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    int64_t id = 0;
    if (!got || line[0] < '0' || line[0] > '9') return -1;
    for (const char *p = line; *p >= '0' && *p <= '9' && id < INT32_MAX; p++)
        id = id * 10 + (*p - '0');
    return id;
}

/* ---- judging each setting ---------------------------------------------------------------- */

/* Classes that are what is built in anyhow. */
static bool is_built_in_class(const char *value)
{
    static const char *const classes[] = {
        "org.apache.zookeeper.server.auth.DigestAuthenticationProvider",
        "org.apache.zookeeper.server.auth.IPAuthenticationProvider",
        "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
        "org.apache.zookeeper.metrics.impl.NullMetricsProvider",
    };
    for (size_t i = 0; i < PDK_COUNT_OF(classes); i++) {
        if (strcmp(value, classes[i]) == 0) return true;
    }
    return false;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Is the feature that this setting belongs to switched off or built in? */
static bool is_moot(const struct loader *l, const struct setting *s)
{
    if (s->key->kind == PDK_CONFIG_BOOL && (s->value[0] | 0x20) == 'f') return true;
    if (is_built_in_class(s->value)) return true;
    if (starts_with(s->name, "admin.")) {
        const struct setting *enable = find(l, "admin.enableServer");
        return enable != NULL && (enable->value[0] | 0x20) == 'f';
    }
    if (starts_with(s->name, "metricsProvider.")) {
        const struct setting *class_name = find(l, "metricsProvider.className");
        return class_name == NULL || is_built_in_class(class_name->value);
    }
    return false;
}

static enum pdk_err judge(struct loader *l, const struct setting *s)
{
    char allowed[160];
    if (!pdk_config_key_set(l->config, s->key, s->value, allowed, sizeof allowed))
        return refuse_value(l, s, allowed);
    switch (s->key->effect) {
    case PDK_CONFIG_USED: return PDK_OK;
    case PDK_CONFIG_JVM:
    case PDK_CONFIG_ENSEMBLE:
        pdk_log_write(l->log, PDK_LOG_DEBUG, "config.ignored at=%s key=%s why=%s",
                      logged_place(&s->origin).text, show(s->name).text,
                      s->key->effect == PDK_CONFIG_JVM ? "no_jvm" : "standalone");
        return PDK_OK;
    case PDK_CONFIG_OBSERVES:
    case PDK_CONFIG_LOST:
        if (is_moot(l, s)) return PDK_OK;
        pdk_log_write(l->log, PDK_LOG_WARN, "config.not_built at=%s key=%s feature=%s effect=%s",
                      logged_place(&s->origin).text, show(s->name).text, show(s->key->doc).text,
                      s->key->effect == PDK_CONFIG_OBSERVES ? "nothing_listens" : "none");
        return PDK_OK;
    case PDK_CONFIG_PROTECTS:
        if (is_moot(l, s)) return PDK_OK;
        pdk_diag_set(
            l->diag,
            "%s: %s asks for protection that is not built yet (%s), and serving without it "
            "would leave open what was meant to be protected; remove the key only if that "
            "is what you want",
            place_of(&s->origin).text, show(s->name).text, s->key->doc);
        return PDK_EINVAL;
    }
    PDK_UNREACHABLE();
}

static enum pdk_err judge_all(struct loader *l)
{
    enum pdk_err err = PDK_OK;
    for (size_t i = 0; i < l->count && err == PDK_OK; i++) err = judge(l, &l->settings[i]);
    return err;
}

/* Every field gets the default that its row tells. */
static void set_defaults(struct pdk_config *config)
{
    size_t count = 0;
    const struct pdk_config_key *keys = pdk_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        char allowed[160];
        if (keys[i].fallback == NULL || keys[i].offset == PDK_CONFIG_NO_FIELD) continue;
        bool ok = pdk_config_key_set(config, &keys[i], keys[i].fallback, allowed, sizeof allowed);
        PDK_ASSERT(ok);
    }
    config->listen_host = "";
    config->node.server_id = 1;
}

/* ---- members of an ensemble -------------------------------------------------------------- */

/* The client port of a lone server line, when this server is the one it speaks of. */
static enum pdk_err use_lone_line(struct loader *l, const struct setting *s,
                                  const struct pdk_server_line *line, bool other_files)
{
    struct pdk_config *config = l->config;
    pdk_log_write(l->log, PDK_LOG_WARN, "config.server_ignored at=%s key=%s why=only_one_server",
                  logged_place(&s->origin).text, s->name);
    int64_t myid = other_files && config->store.data_dir != NULL ? read_myid(config) : -1;
    if (!line->has_client || (myid >= 0 && myid != line->id)) return PDK_OK;
    const struct setting *port = find(l, "clientPort");
    if (port == NULL) {
        config->listen_host = pdk_config_own(config, line->client_host);
        config->listen_port = line->client_port;
        return PDK_OK;
    }
    if (myid < 0 || config->listen_port == line->client_port) return PDK_OK;
    pdk_diag_set(l->diag, "%s: clientPort=%d differs from client port %d at %s; say it once",
                 place_of(&port->origin).text, (int)config->listen_port, (int)line->client_port,
                 place_of(&s->origin).text);
    return PDK_EINVAL;
}

static enum pdk_err refuse_ensemble(struct loader *l, const struct setting *s, size_t voters)
{
    pdk_diag_set(l->diag,
                 "%s: %s=%s describes an ensemble (%zu voting servers), and this version serves "
                 "standalone only; ensembles come later",
                 place_of(&s->origin).text, show(s->name).text, show(s->value).text, voters);
    return PDK_EINVAL;
}

static enum pdk_err judge_servers(struct loader *l, bool other_files)
{
    size_t voters = 0;
    const struct setting *last_voter = NULL, *observer = NULL;
    struct pdk_server_line lone = {0};
    for (size_t i = 0; i < l->count; i++) {
        const struct setting *s = &l->settings[i];
        if (!starts_with(s->name, "server.") || s->key->kind != PDK_CONFIG_SERVER) continue;
        struct pdk_server_line line;
        const char *why;
        if (pdk_server_line_parse(pdk_slice_str(s->name), pdk_slice_str(s->value), &line, &why) !=
            PDK_OK) {
            pdk_diag_set(l->diag,
                         "%s: %s=%s: %s; allowed: host:port:port[:participant|observer]"
                         "[;[host:]port]",
                         place_of(&s->origin).text, show(s->name).text, show(s->value).text, why);
            return PDK_EINVAL;
        }
        if (line.has_secure) {
            pdk_diag_set(l->diag, "%s: %s names a TLS port, and TLS is not built yet",
                         place_of(&s->origin).text, show(s->name).text);
            return PDK_EINVAL;
        }
        if (line.observer) {
            observer = s;
        } else {
            voters++;
            last_voter = s;
            lone = line;
        }
    }
    if (voters > 1) return refuse_ensemble(l, last_voter, voters);
    const struct setting *standalone = find(l, "standaloneEnabled");
    if (standalone != NULL && (standalone->value[0] | 0x20) == 'f')
        return refuse_ensemble(l, standalone, voters);
    if (observer != NULL) {
        pdk_diag_set(l->diag, "%s: %s is an observer, and there is no quorum to observe",
                     place_of(&observer->origin).text, show(observer->name).text);
        return PDK_EINVAL;
    }
    return voters == 1 ? use_lone_line(l, last_voter, &lone, other_files) : PDK_OK;
}

/* ---- what depends on other settings ------------------------------------------------------ */

static int32_t clamp_int32(int64_t value) { return value > INT32_MAX ? INT32_MAX : (int32_t)value; }

static enum pdk_err derive_timeouts(struct loader *l)
{
    struct pdk_node_config *node = &l->config->node;
    if (node->session_min_ms == -1) node->session_min_ms = clamp_int32(INT64_C(2) * node->tick_ms);
    if (node->session_max_ms == -1) node->session_max_ms = clamp_int32(INT64_C(20) * node->tick_ms);
    if (node->session_min_ms <= node->session_max_ms) return PDK_OK;
    const struct setting *min = find(l, "minSessionTimeout");
    const struct setting *max = find(l, "maxSessionTimeout");
    const struct setting *guilty = min != NULL ? min : max;
    PDK_ASSERT(guilty != NULL);
    pdk_diag_set(
        l->diag,
        "%s: %s=%s: minSessionTimeout (%d) must not be larger than maxSessionTimeout (%d); "
        "unset they are 2 and 20 * tickTime",
        place_of(&guilty->origin).text, guilty->name, show(guilty->value).text,
        (int)node->session_min_ms, (int)node->session_max_ms);
    return PDK_EINVAL;
}

/* Values that Apache raises instead of refusing. */
static void raise_small_ones(struct loader *l)
{
    struct pdk_config *config = l->config;
    if (config->purge_retain < RETAIN_MIN) {
        pdk_log_write(l->log, PDK_LOG_WARN,
                      "config.raised key=autopurge.snapRetainCount from=%d to=%d",
                      (int)config->purge_retain, RETAIN_MIN);
        config->purge_retain = RETAIN_MIN;
    }
    if (config->node.snap_count < SNAP_COUNT_MIN) {
        pdk_log_write(l->log, PDK_LOG_WARN, "config.raised key=snapCount from=%d to=%d",
                      (int)config->node.snap_count, SNAP_COUNT_MIN);
        config->node.snap_count = SNAP_COUNT_MIN;
    }
    if (config->max_client_cnxns < 0) config->max_client_cnxns = 0;
    if (config->max_cnxns < 0) config->max_cnxns = 0;
}

/* Room for two of the longest requests, or one alone could never pass. */
static void derive_sizes(struct pdk_config *config)
{
    int64_t frame = config->node.frame_limit_bytes;
    if (config->record_slack_bytes < 0) config->record_slack_bytes = frame;
    if (config->record_slack_bytes < SLACK_MIN) config->record_slack_bytes = SLACK_MIN;
    config->store.max_record_bytes = (size_t)(frame + config->record_slack_bytes);
    config->node.txn_limit_bytes = config->store.max_record_bytes;
    config->node.in_flight_bytes = pdk_max_size(config->node.in_flight_bytes, 2 * (size_t)frame);
    config->node.conn_queue_bytes = pdk_max_size(config->node.conn_queue_bytes, 2 * (size_t)frame);
    /* The node stops when the limit is passed, so the request that passes it comes on top: twice
     * its bytes, since a transaction is a little longer than its request. */
    config->store.in_flight_bytes = config->node.in_flight_bytes + 2 * (size_t)frame;
    config->store.digest_enabled = config->node.digest_enabled;
}

static void derive_words(struct loader *l)
{
    const struct setting *s = find(l, "4lw.commands.whitelist");
    size_t unknown = 0;
    if (s != NULL) (void)pdk_word_set_parse(pdk_slice_str(s->value), &unknown);
    if (unknown > 0) {
        pdk_log_write(l->log, PDK_LOG_WARN, "config.unknown_words at=%s count=%zu value=%s",
                      logged_place(&s->origin).text, unknown, show(s->value).text);
    }
    if (l->config->read_only_mode)
        l->config->words = pdk_word_set_with(l->config->words, PDK_WORD_ISRO);
}

static enum pdk_err missing(struct loader *l, const char *name)
{
    const char *file = l->config->file;
    pdk_diag_set(l->diag, "%.280s: %s is not set, and has no default with a config file",
                 file != NULL ? file : "settings", name);
    return PDK_EINVAL;
}

static enum pdk_err derive(struct loader *l, bool other_files)
{
    struct pdk_config *config = l->config;
    if (config->store.data_dir == NULL) return missing(l, "dataDir");
    if (config->store.log_dir == NULL) config->store.log_dir = config->store.data_dir;
    enum pdk_err err = judge_servers(l, other_files);
    if (err != PDK_OK) return err;
    if (find(l, "clientPort") == NULL && config->listen_port < 0) return missing(l, "clientPort");
    if ((err = derive_timeouts(l)) != PDK_OK) return err;
    config->node.snap_count_set = find(l, "snapCount") != NULL;
    raise_small_ones(l);
    derive_sizes(config);
    derive_words(l);
    return PDK_OK;
}

/* ---- public ------------------------------------------------------------------------------ */

enum pdk_err pdk_config_parse(struct pdk_config *config, const struct pdk_config_text *text,
                              const struct pdk_config_source *source, const struct pdk_mem *mem,
                              const struct pdk_log *log, struct pdk_diag *diag)
{
    memset(config, 0, sizeof *config);
    config->mem = mem;
    config->listen_port = -1;
    set_defaults(config);
    struct loader l = {.config = config, .log = log, .diag = diag};
    bool other_files = text != NULL && text->other_files;

    enum pdk_err err;
    if (text != NULL) {
        config->file = pdk_config_own(config, pdk_slice_str(text->name));
        err = take_text(&l, text->text, config->file);
    } else {
        err = source->arg_count == 0 ? take_built_in(&l) : take_arguments(&l, source);
    }
    if (err == PDK_OK) err = take_defines(&l, source);
    if (err == PDK_OK && other_files) err = take_dynamic_file(&l);
    if (err == PDK_OK) err = judge_all(&l);
    if (err == PDK_OK) err = derive(&l, other_files);

    pdk_mem_free(mem, l.settings);
    if (err != PDK_OK) pdk_config_deinit(config);
    return err;
}

enum pdk_err pdk_config_load(struct pdk_config *config, const struct pdk_config_source *source,
                             const struct pdk_mem *mem, const struct pdk_log *log,
                             struct pdk_diag *diag)
{
    if (source->arg_count > 4) {
        pdk_diag_set(diag,
                     "%zu arguments are too many; allowed: one config file, or clientPort "
                     "dataDir [tickTime [maxClientCnxns]]",
                     source->arg_count);
        return PDK_EINVAL;
    }
    if (source->arg_count != 1) return pdk_config_parse(config, NULL, source, mem, log, diag);

    struct pdk_buf text;
    pdk_buf_init(&text, mem, FILE_BYTES_MAX);
    enum pdk_err err = read_file(source->args[0], &text, diag);
    if (err == PDK_OK) {
        struct pdk_config_text file = {
            .text = pdk_buf_slice(&text), .name = source->args[0], .other_files = true};
        err = pdk_config_parse(config, &file, source, mem, log, diag);
    }
    pdk_buf_deinit(&text);
    return err;
}

void pdk_config_put_help(struct pdk_buf *out)
{
    static const char *const effects[] = {
        [PDK_CONFIG_USED] = "",
        [PDK_CONFIG_JVM] = " [no effect: of the JVM]",
        [PDK_CONFIG_ENSEMBLE] = " [no effect yet: of an ensemble]",
        [PDK_CONFIG_OBSERVES] = " [not built yet: warns]",
        [PDK_CONFIG_LOST] = " [not built yet: warns]",
        [PDK_CONFIG_PROTECTS] = " [not built yet: refuses to start]",
    };
    size_t count = 0;
    const struct pdk_config_key *keys = pdk_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const char *fallback = keys[i].fallback;
        pdk_put_text(out, "%s%s%s\n    %s%s\n", keys[i].name,
                     fallback != NULL && *fallback != '\0' ? "=" : "",
                     fallback != NULL ? fallback : "", keys[i].doc, effects[keys[i].effect]);
    }
}
