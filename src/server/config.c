/* Loading: collect settings (built-in defaults, arguments or file, then -D), judge each by its row
 * of the table, then derive what depends on others. */
#include "server/config_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETAIN_MIN 3
#define SNAP_COUNT_MIN 2
#define SLACK_MIN 1024
#define BIND_RETRY_DEFAULT 3
#define SIZE_FACTOR_DEFAULT 0.33

static struct pdk_config_shown show_value(const struct pdk_config_setting *s)
{
    return pdk_config_key_secret(pdk_slice_str(s->name)) ? pdk_config_show("(hidden)")
                                                         : pdk_config_show(s->value);
}

static enum pdk_err refuse_value(struct pdk_config_loader *l, const struct pdk_config_setting *s,
                                 const char *allowed)
{
    pdk_diag_set(l->diag, "%s: %s=%s is not allowed here; allowed: %s",
                 pdk_config_place_of(&s->origin).text, pdk_config_show(s->name).text,
                 show_value(s).text, allowed);
    return PDK_EINVAL;
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
static bool is_moot(const struct pdk_config_loader *l, const struct pdk_config_setting *s)
{
    if (s->key->kind == PDK_CONFIG_BOOL && (s->value[0] | 0x20) == 'f') return true;
    if (is_built_in_class(s->value)) return true;
    if (starts_with(s->name, "admin.")) {
        const struct pdk_config_setting *enable = pdk_config_find(l, "admin.enableServer");
        return enable != NULL && (enable->value[0] | 0x20) == 'f';
    }
    if (starts_with(s->name, "metricsProvider.")) {
        const struct pdk_config_setting *class_name =
            pdk_config_find(l, "metricsProvider.className");
        return class_name == NULL || is_built_in_class(class_name->value);
    }
    return false;
}

static enum pdk_err judge(struct pdk_config_loader *l, const struct pdk_config_setting *s)
{
    char allowed[160];
    if (!pdk_config_key_set(l->config, s->key, s->value, allowed, sizeof allowed))
        return refuse_value(l, s, allowed);
    switch (s->key->effect) {
    case PDK_CONFIG_USED: return PDK_OK;
    case PDK_CONFIG_JVM:
    case PDK_CONFIG_MOOT:
        pdk_log_write(l->log, PDK_LOG_DEBUG, "config.ignored at=%s key=%s why=%s",
                      pdk_config_logged_place(&s->origin).text, pdk_config_show(s->name).text,
                      s->key->effect == PDK_CONFIG_JVM ? "no_jvm" : "not_needed");
        return PDK_OK;
    case PDK_CONFIG_OBSERVES:
    case PDK_CONFIG_LOST:
        if (is_moot(l, s)) return PDK_OK;
        pdk_log_write(l->log, PDK_LOG_WARN, "config.not_built at=%s key=%s feature=%s effect=%s",
                      pdk_config_logged_place(&s->origin).text, pdk_config_show(s->name).text,
                      pdk_config_show(s->key->doc).text,
                      s->key->effect == PDK_CONFIG_OBSERVES ? "nothing_listens" : "none");
        return PDK_OK;
    case PDK_CONFIG_UNSAFE:
        pdk_diag_set(l->diag, "%s: %s is refused: %s", pdk_config_place_of(&s->origin).text,
                     pdk_config_show(s->name).text, s->key->doc);
        return PDK_EINVAL;
    case PDK_CONFIG_PROTECTS:
        if (is_moot(l, s)) return PDK_OK;
        pdk_diag_set(
            l->diag,
            "%s: %s asks for protection that is not built yet (%s), and serving without it "
            "would leave open what was meant to be protected; remove the key only if that "
            "is what you want",
            pdk_config_place_of(&s->origin).text, pdk_config_show(s->name).text, s->key->doc);
        return PDK_EINVAL;
    }
    PDK_UNREACHABLE();
}

static enum pdk_err judge_all(struct pdk_config_loader *l)
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
    config->listen_host = config->dynamic_file = "";
    config->node.server_id = 1;
}

/* ---- what depends on other settings ------------------------------------------------------ */

static int32_t clamp_int32(int64_t value) { return value > INT32_MAX ? INT32_MAX : (int32_t)value; }

static enum pdk_err derive_timeouts(struct pdk_config_loader *l)
{
    struct pdk_node_config *node = &l->config->node;
    if (node->session_min_ms == -1) node->session_min_ms = clamp_int32(INT64_C(2) * node->tick_ms);
    if (node->session_max_ms == -1) node->session_max_ms = clamp_int32(INT64_C(20) * node->tick_ms);
    if (node->session_min_ms <= node->session_max_ms) return PDK_OK;
    const struct pdk_config_setting *min = pdk_config_find(l, "minSessionTimeout");
    const struct pdk_config_setting *max = pdk_config_find(l, "maxSessionTimeout");
    const struct pdk_config_setting *guilty = min != NULL ? min : max;
    PDK_ASSERT(guilty != NULL);
    pdk_diag_set(
        l->diag,
        "%s: %s=%s: minSessionTimeout (%d) must not be larger than maxSessionTimeout (%d); "
        "unset they are 2 and 20 * tickTime",
        pdk_config_place_of(&guilty->origin).text, guilty->name,
        pdk_config_show(guilty->value).text, (int)node->session_min_ms, (int)node->session_max_ms);
    return PDK_EINVAL;
}

/* Values that Apache corrects instead of refusing. */
static void correct(struct pdk_config_loader *l)
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
    if (config->election_bind_retry < 0) {
        pdk_log_write(l->log, PDK_LOG_WARN, "config.raised key=electionPortBindRetry from=%d to=%d",
                      (int)config->election_bind_retry, BIND_RETRY_DEFAULT);
        config->election_bind_retry = BIND_RETRY_DEFAULT;
    }
    struct pdk_ensemble_config *ensemble = &config->node.ensemble;
    if (ensemble->snapshot_size_factor > 1) {
        pdk_log_write(l->log, PDK_LOG_WARN, "config.lowered key=snapshotSizeFactor to=%g",
                      SIZE_FACTOR_DEFAULT);
        ensemble->snapshot_size_factor = SIZE_FACTOR_DEFAULT;
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
    config->node.ensemble.packet_field_bytes = config->store.max_record_bytes;
    config->link_queue_bytes =
        pdk_max_size(config->link_queue_bytes, 2 * config->store.max_record_bytes);
}

static void derive_words(struct pdk_config_loader *l)
{
    const struct pdk_config_setting *s = pdk_config_find(l, "4lw.commands.whitelist");
    size_t unknown = 0;
    if (s != NULL) (void)pdk_word_set_parse(pdk_slice_str(s->value), &unknown);
    if (unknown > 0) {
        pdk_log_write(l->log, PDK_LOG_WARN, "config.unknown_words at=%s count=%zu value=%s",
                      pdk_config_logged_place(&s->origin).text, unknown,
                      pdk_config_show(s->value).text);
    }
    if (l->config->read_only_mode)
        l->config->words = pdk_word_set_with(l->config->words, PDK_WORD_ISRO);
}

static enum pdk_err missing(struct pdk_config_loader *l, const char *name)
{
    const char *file = l->config->file;
    pdk_diag_set(l->diag, "%.280s: %s is not set, and has no default with a config file",
                 file != NULL ? file : "settings", name);
    return PDK_EINVAL;
}

static enum pdk_err derive(struct pdk_config_loader *l)
{
    struct pdk_config *config = l->config;
    if (config->store.data_dir == NULL) return missing(l, "dataDir");
    if (config->store.log_dir == NULL) config->store.log_dir = config->store.data_dir;
    enum pdk_err err = pdk_config_derive_members(l);
    if (err != PDK_OK) return err;
    if (pdk_config_find(l, "clientPort") == NULL && config->listen_port < 0)
        return missing(l, "clientPort");
    if ((err = derive_timeouts(l)) != PDK_OK) return err;
    config->node.snap_count_set = pdk_config_find(l, "snapCount") != NULL;
    correct(l);
    derive_sizes(config);
    pdk_config_derive_ensemble(l);
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
    struct pdk_config_loader l = {.config = config,
                                  .log = log,
                                  .diag = diag,
                                  .other_files = text != NULL && text->other_files};

    enum pdk_err err;
    if (text != NULL) {
        config->file = pdk_config_own(config, pdk_slice_str(text->name));
        err = pdk_config_take_text(&l, text->text, config->file);
    } else {
        err = source->arg_count == 0 ? pdk_config_take_built_in(&l)
                                     : pdk_config_take_arguments(&l, source);
    }
    if (err == PDK_OK) err = pdk_config_take_defines(&l, source);
    if (err == PDK_OK && l.other_files) err = pdk_config_take_dynamic_file(&l);
    if (err == PDK_OK) err = judge_all(&l);
    if (err == PDK_OK) err = derive(&l);

    pdk_mem_free(mem, l.settings);
    if (err != PDK_OK) pdk_config_deinit(config);
    return err;
}

/* Where the config file is, for those who write it later and from another thread.  Without an
 * answer nobody will. */
static void note_paths(struct pdk_config *config)
{
    char folder[PATH_MAX], real[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
    const char *name = strrchr(config->file, '/');
    size_t len = name != NULL ? (size_t)(name - config->file) : 0;
    if (len >= sizeof folder) return;
    memcpy(folder, config->file, len);
    folder[len] = '\0';
    const char *in = name == NULL ? "." : len == 0 ? "/" : folder;
    if (realpath(in, path) == NULL || realpath(config->file, real) == NULL) return;
    size_t at = strlen(path);
    (void)snprintf(path + at, sizeof path - at, "%s%s", at > 1 ? "/" : "",
                   name != NULL ? name + 1 : config->file);
    config->path = pdk_config_own(config, pdk_slice_str(path));
    config->target = pdk_config_own(config, pdk_slice_str(real));
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
    pdk_buf_init(&text, mem, PDK_CONFIG_FILE_BYTES_MAX);
    enum pdk_err err = pdk_config_read_file(source->args[0], &text, diag);
    if (err == PDK_OK) {
        struct pdk_config_text file = {
            .text = pdk_buf_slice(&text), .name = source->args[0], .other_files = true};
        err = pdk_config_parse(config, &file, source, mem, log, diag);
    }
    pdk_buf_deinit(&text);
    if (err == PDK_OK) note_paths(config);
    return err;
}

void pdk_config_put_help(struct pdk_buf *out)
{
    static const char *const effects[] = {
        [PDK_CONFIG_USED] = "",
        [PDK_CONFIG_JVM] = " [no effect: of the JVM]",
        [PDK_CONFIG_MOOT] = " [no effect here]",
        [PDK_CONFIG_OBSERVES] = " [not built yet: warns]",
        [PDK_CONFIG_LOST] = " [not built yet: warns]",
        [PDK_CONFIG_UNSAFE] = " [refused]",
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
