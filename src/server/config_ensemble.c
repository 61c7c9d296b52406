/* Members of an ensemble: who they are, which of them this server is, and what follows.
 *
 * Source: admin.md section 4, election.md sections 6 and 8, zab.md section 9; the words of refusals
 * are those that operators know from Apache. */
#include "server/config_internal.h"

#include "server/config_dynamic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Ids above this cannot have TTL znodes: their sessions look like a TTL. */
#define EXTENDED_SID_MAX 254

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The file in which the members stand. */
static const char *members_file(const struct pdk_config_loader *l)
{
    if (l->config->dynamic_file[0] != '\0') return l->config->dynamic_file;
    return l->config->file != NULL ? l->config->file : "settings";
}

/* Where server.N is said, and "" when it is nowhere. */
static struct pdk_config_place place_of_member(const struct pdk_config_loader *l, pdk_sid sid)
{
    for (size_t i = 0; i < l->count; i++) {
        long long id;
        const struct pdk_config_setting *s = &l->settings[i];
        if (s->key->kind == PDK_CONFIG_SERVER && sscanf(s->name, "server.%18lld", &id) == 1 &&
            id == sid)
            return pdk_config_place_of(&s->origin);
    }
    struct pdk_config_place nowhere;
    (void)snprintf(nowhere.text, sizeof nowhere.text, "%.290s", members_file(l));
    return nowhere;
}

/* ---- members --------------------------------------------------------------------------------- */

/* From the collected lines; a line that is wrong names itself.  NULL members when there is no line
 * of a server. */
static enum pdk_err build_members(struct pdk_config_loader *l, struct pdk_members **out)
{
    struct pdk_config *config = l->config;
    struct pdk_diag why = {0};
    size_t servers = 0;
    *out = NULL;
    struct pdk_members_builder *builder = pdk_members_build(config->mem);
    for (size_t i = 0; i < l->count; i++) {
        const struct pdk_config_setting *s = &l->settings[i];
        if (s->key->kind != PDK_CONFIG_SERVER) continue;
        servers += starts_with(s->name, "server.");
        if (pdk_members_line(builder, pdk_slice_str(s->name), pdk_slice_str(s->value), &why) ==
            PDK_OK)
            continue;
        pdk_members_abandon(builder);
        pdk_diag_set(l->diag, "%s: %.200s", pdk_config_place_of(&s->origin).text, why.text);
        return PDK_EINVAL;
    }
    if (servers == 0) {
        pdk_members_abandon(builder);
        return PDK_OK;
    }
    int64_t version = config->dynamic_file[0] != '\0'
                          ? pdk_config_dynamic_version(config->dynamic_file)
                          : config->static_version;
    if (pdk_members_finish(builder, version, out, &why) == PDK_OK) return PDK_OK;
    pdk_diag_set(l->diag, "%.280s: %s", members_file(l), why.text);
    return PDK_EINVAL;
}

/* What a member has written down of a reconfig that was under way. */
static enum pdk_err read_last_seen(struct pdk_config_loader *l)
{
    struct pdk_config *config = l->config;
    char path[4096];
    if (!config->node.reconfig_enabled || config->dynamic_file[0] == '\0' || config->file == NULL)
        return PDK_OK;
    int n = snprintf(path, sizeof path, "%s" PDK_CONFIG_NEXT_SUFFIX, config->file);
    if (n < 0 || (size_t)n >= sizeof path) return PDK_OK;
    struct pdk_buf text;
    pdk_buf_init(&text, config->mem, PDK_CONFIG_FILE_BYTES_MAX);
    enum pdk_err err = pdk_config_read_file(path, &text, l->diag);
    struct pdk_members *next = NULL;
    struct pdk_diag why = {0};
    if (err == PDK_OK) {
        err = pdk_members_parse(config->mem, pdk_buf_slice(&text), 0, &next, &why);
        if (err != PDK_OK) pdk_diag_set(l->diag, "%.280s: %s", path, why.text);
    } else if (err == PDK_ENOENT) {
        err = PDK_OK;
    }
    pdk_buf_deinit(&text);
    if (next != NULL && next->version <= config->node.ensemble.members->version) {
        pdk_log_write(l->log, PDK_LOG_WARN, "config.next_ignored file=%s why=not_newer",
                      pdk_config_show(path).text);
        pdk_members_drop(next);
        next = NULL;
    }
    config->node.ensemble.last_seen = next;
    return err;
}

/* ---- myid ------------------------------------------------------------------------------------ */

enum myid { MYID_GOOD, MYID_MISSING, MYID_BAD };

/* The first line of dataDir/myid, and the number that it is. */
static enum myid read_myid(const struct pdk_config *config, char *line, size_t cap, pdk_sid *out)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/myid", config->store.data_dir);
    if (n < 0 || (size_t)n >= sizeof path) return MYID_MISSING;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) return MYID_MISSING;
    line[0] = '\0';
    bool got = fgets(line, (int)cap, file) != NULL;
    bool is_folder = !got && ferror(file) != 0;
    (void)fclose(file);
    if (is_folder) return MYID_MISSING;
    line[strcspn(line, "\r\n")] = '\0';
    const char *digits = line + (line[0] == '+');
    size_t len = strlen(digits);
    if (len == 0 || len > 9 || strspn(digits, "0123456789") != len) return MYID_BAD;
    *out = 0;
    for (const char *p = digits; *p != '\0'; p++) *out = *out * 10 + (*p - '0');
    return MYID_GOOD;
}

static enum pdk_err find_myself(struct pdk_config_loader *l, const struct pdk_member **me)
{
    struct pdk_config *config = l->config;
    char line[64];
    pdk_sid sid = 0;
    const char *folder = config->store.data_dir;
    switch (read_myid(config, line, sizeof line, &sid)) {
    case MYID_GOOD: break;
    case MYID_MISSING:
        pdk_diag_set(l->diag,
                     "%.280s/myid: myid file is missing; it holds the N of this server's "
                     "server.N line",
                     folder);
        return PDK_EINVAL;
    case MYID_BAD:
        pdk_diag_set(l->diag, "%.280s/myid: serverid %s is not a number", folder,
                     pdk_config_show(line).text);
        return PDK_EINVAL;
    }
    *me = pdk_members_find(config->node.ensemble.members, sid);
    if (*me == NULL) {
        pdk_diag_set(l->diag, "%.280s/myid: My id %lld not in the peer list (%.150s)", folder,
                     (long long)sid, members_file(l));
        return PDK_EINVAL;
    }
    if (config->node.extended_types && sid > EXTENDED_SID_MAX) {
        pdk_diag_set(l->diag, "%.280s/myid: with extendedTypesEnabled myid is at most %d", folder,
                     EXTENDED_SID_MAX);
        return PDK_EINVAL;
    }
    config->node.server_id = (uint8_t)sid;
    return PDK_OK;
}

/* ---- where clients connect ------------------------------------------------------------------- */

static bool is_everywhere(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ||
           strcmp(host, "0:0:0:0:0:0:0:0") == 0;
}

/* False only when both are numbers that differ: a name may stand for anything. */
static bool may_be_same_host(const char *a, const char *b)
{
    unsigned char x[sizeof(struct in6_addr)] = {0}, y[sizeof(struct in6_addr)] = {0};
    if (inet_pton(AF_INET, a, x) == 1 && inet_pton(AF_INET, b, y) == 1)
        return memcmp(x, y, sizeof(struct in_addr)) == 0;
    if (inet_pton(AF_INET6, a, x) == 1 && inet_pton(AF_INET6, b, y) == 1)
        return memcmp(x, y, sizeof x) == 0;
    bool numbers = strspn(a, "0123456789.") == strlen(a) || strchr(a, ':') != NULL;
    numbers = numbers && (strspn(b, "0123456789.") == strlen(b) || strchr(b, ':') != NULL);
    return !numbers;
}

/* The member's line wins; what the file says beside it must be the same. */
static enum pdk_err use_client_address(struct pdk_config_loader *l, const struct pdk_member *me)
{
    struct pdk_config *config = l->config;
    if (me->secure_client.port >= 0) {
        pdk_diag_set(l->diag, "%s: server.%lld names a TLS port, and TLS is not built yet",
                     place_of_member(l, me->sid).text, (long long)me->sid);
        return PDK_EINVAL;
    }
    if (me->client.port < 0) return PDK_OK;
    const struct pdk_config_setting *port = pdk_config_find(l, "clientPort");
    const char *said = config->listen_host;
    bool differs = port != NULL && config->listen_port != me->client.port;
    differs |= port != NULL && !is_everywhere(said) && !may_be_same_host(said, me->client.host);
    if (differs) {
        pdk_diag_set(l->diag,
                     "%s: clientPort=%d at %.100s differs from %.100s:%d, the client address of "
                     "server.%lld at %.150s; say it once",
                     pdk_config_place_of(&port->origin).text, (int)config->listen_port,
                     is_everywhere(said) ? "every address" : said, me->client.host,
                     (int)me->client.port, (long long)me->sid, place_of_member(l, me->sid).text);
        return PDK_EINVAL;
    }
    config->listen_port = me->client.port;
    config->listen_host = is_everywhere(me->client.host)
                              ? ""
                              : pdk_config_own(config, pdk_slice_str(me->client.host));
    return PDK_OK;
}

/* ---- a single voter -------------------------------------------------------------------------- */

static enum pdk_err make_standalone(struct pdk_config_loader *l, const struct pdk_members *members)
{
    const struct pdk_member *voter = NULL, *observer = NULL;
    for (size_t i = 0; i < members->count; i++) {
        const struct pdk_member *m = &members->items[i];
        if (m->is_voter) {
            voter = m;
        } else {
            observer = m;
        }
    }
    PDK_ASSERT(voter != NULL);
    if (observer != NULL) {
        pdk_diag_set(l->diag,
                     "%s: server.%lld is an observer, and a single voting server has no quorum to "
                     "observe; standaloneEnabled=false makes an ensemble of it",
                     place_of_member(l, observer->sid).text, (long long)observer->sid);
        return PDK_EINVAL;
    }
    pdk_log_write(l->log, PDK_LOG_WARN,
                  "config.server_ignored at=%s key=server.%lld why=only_one_server",
                  pdk_config_show(place_of_member(l, voter->sid).text).text, (long long)voter->sid);
    char line[64];
    pdk_sid sid = 0;
    bool known = l->other_files && read_myid(l->config, line, sizeof line, &sid) == MYID_GOOD;
    if (known && sid != voter->sid) return PDK_OK;
    if (!known && pdk_config_find(l, "clientPort") != NULL) return PDK_OK;
    return use_client_address(l, voter);
}

/* ---- an ensemble ----------------------------------------------------------------------------- */

static enum pdk_err check_limits(struct pdk_config_loader *l)
{
    const struct pdk_ensemble_config *e = &l->config->node.ensemble;
    const char *missing = e->init_limit == 0   ? "initLimit"
                          : e->sync_limit == 0 ? "syncLimit"
                                               : NULL;
    if (missing == NULL) return PDK_OK;
    pdk_diag_set(l->diag, "%.280s: %s is not set, and an ensemble needs it",
                 l->config->file != NULL ? l->config->file : "settings", missing);
    return PDK_EINVAL;
}

static enum pdk_err check_addresses(struct pdk_config_loader *l)
{
    const struct pdk_ensemble_config *e = &l->config->node.ensemble;
    for (size_t i = 0; i < e->members->count && !e->multi_address; i++) {
        const struct pdk_member *m = &e->members->items[i];
        if (m->address_count == 1) continue;
        pdk_diag_set(l->diag,
                     "%s: server.%lld has several addresses, and the multiple address feature is "
                     "disabled: multiAddress.enabled=true allows them",
                     place_of_member(l, m->sid).text, (long long)m->sid);
        return PDK_EINVAL;
    }
    return PDK_OK;
}

static void warn_of_few(const struct pdk_config_loader *l, size_t voters)
{
    if (voters <= 2) {
        pdk_log_write(l->log, PDK_LOG_WARN,
                      "config.no_failure_tolerated voters=%zu: No server failure will be "
                      "tolerated. You need at least 3 servers.",
                      voters);
    } else if (voters % 2 == 0) {
        pdk_log_write(l->log, PDK_LOG_WARN,
                      "config.even_voters voters=%zu: Non-optimal configuration, consider an odd "
                      "number of servers.",
                      voters);
    }
}

static void use_role(struct pdk_config_loader *l, const struct pdk_member *me)
{
    enum pdk_peer_type role = me->is_voter ? PDK_PEER_PARTICIPANT : PDK_PEER_OBSERVER;
    const struct pdk_config_setting *said = pdk_config_find(l, "peerType");
    if (said != NULL && l->config->peer_type != role) {
        static const char *const names[] = {"PARTICIPANT", "OBSERVER"};
        pdk_log_write(l->log, PDK_LOG_WARN,
                      "config.peer_type at=%s: Peer type from servers list (%s) doesn't match "
                      "peerType (%s). Defaulting to servers list.",
                      pdk_config_logged_place(&said->origin).text, names[role],
                      names[l->config->peer_type]);
    }
    l->config->peer_type = role;
}

static enum pdk_err make_member(struct pdk_config_loader *l)
{
    struct pdk_ensemble_config *e = &l->config->node.ensemble;
    warn_of_few(l, pdk_sids_count(&e->members->voters));
    enum pdk_err err = check_addresses(l);
    if (err == PDK_OK) err = check_limits(l);
    if (err != PDK_OK || !l->other_files) return err;
    const struct pdk_member *me = NULL;
    if ((err = find_myself(l, &me)) != PDK_OK) return err;
    if ((err = use_client_address(l, me)) != PDK_OK) return err;
    use_role(l, me);
    return read_last_seen(l);
}

enum pdk_err pdk_config_derive_members(struct pdk_config_loader *l)
{
    struct pdk_config *config = l->config;
    struct pdk_members *members;
    enum pdk_err err = build_members(l, &members);
    if (err != PDK_OK) return err;
    if (members == NULL) {
        const struct pdk_config_setting *s = pdk_config_find(l, "standaloneEnabled");
        if (config->standalone_enabled) return PDK_OK;
        PDK_ASSERT(s != NULL);
        pdk_diag_set(l->diag, "%s: standaloneEnabled=false, and there is no server.N line",
                     pdk_config_place_of(&s->origin).text);
        return PDK_EINVAL;
    }
    if (config->standalone_enabled && pdk_sids_count(&members->voters) == 1) {
        err = make_standalone(l, members);
        pdk_members_drop(members);
        return err;
    }
    config->node.ensemble.members = members;
    return make_member(l);
}

void pdk_config_derive_ensemble(struct pdk_config_loader *l)
{
    struct pdk_config *config = l->config;
    struct pdk_ensemble_config *e = &config->node.ensemble;
    if (config->observer_master_port < 0) config->observer_master_port = 0;
    e->observer_master_port = config->observer_master_port;
    e->read_only_mode = config->read_only_mode;
    config->slow_sync_ms = e->slow_sync_hand_over_ms;
    if (e->connect_limit == 0) e->connect_limit = e->init_limit;
    if (e->hello_timeout_ms <= 0)
        e->hello_timeout_ms = (int64_t)config->node.tick_ms * e->sync_limit;
    if (e->max_notification_ms >= e->min_notification_ms) return;
    pdk_log_write(l->log, PDK_LOG_WARN,
                  "config.raised key=fastleader.maxNotificationInterval from=%lld to=%lld",
                  (long long)e->max_notification_ms, (long long)e->min_notification_ms);
    e->max_notification_ms = e->min_notification_ms;
}
