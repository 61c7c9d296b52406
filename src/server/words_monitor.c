/* mntr: every metric of Apache's, those that nobody measures as 0. */
#include "server/words_internal.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void put_int(struct pdk_buf *out, const char *name, int64_t value)
{
    pdk_put_text(out, "zk_%s\t%" PRId64 "\n", name, value);
}
static void put_uint(struct pdk_buf *out, const char *name, uint64_t value)
{
    pdk_put_text(out, "zk_%s\t%" PRIu64 "\n", name, value);
}
static void put_double(struct pdk_buf *out, const char *name, double value)
{
    pdk_put_text(out, "zk_%s\t", name);
    pdk_words_put_double(out, value);
    pdk_put_text(out, "\n");
}

static int64_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) return -1;
    int64_t count = -1; /* the one that reads the folder does not count */
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        count += e->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static int64_t max_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

/* Values that are looked up now; what is not in here is 0. */
struct gauges {
    const struct pdk_words *words;
    struct pdk_node_summary sum;
    struct pdk_member_summary member;
    struct pdk_proposal_counts proposals;
    int64_t learners, synced_followers, synced_strangers, synced_observers;
};

/* A follower that is not in the config (yet) counts among the followers, and once more. */
static void count_learners(struct gauges *g)
{
    struct pdk_learner_info_row row;
    for (size_t i = 0; pdk_node_learner(g->words->node, i, &row); i++) {
        g->learners++;
        if (!row.is_synced) continue;
        g->synced_observers += row.is_observer;
        g->synced_followers += !row.is_observer;
        g->synced_strangers += !row.is_observer && !row.is_voter;
    }
}

static int64_t gauge(const struct gauges *g, const char *name)
{
    const struct pdk_node_summary *s = &g->sum;
    const struct {
        const char *name;
        int64_t value;
    } values[] = {
        {"min_latency", s->latency_min_ms},
        {"max_latency", s->latency_max_ms},
        {"packets_received", (int64_t)s->packets_received},
        {"packets_sent", (int64_t)s->packets_sent},
        {"outstanding_requests", (int64_t)s->outstanding},
        {"uptime", g->words->now.mono_ms - g->words->started_mono_ms},
        {"znode_count", (int64_t)pdk_words_node_count(s)},
        {"watch_count", (int64_t)s->watches.total},
        {"ephemerals_count", (int64_t)s->tree.ephemerals},
        {"approximate_data_size", (int64_t)s->tree.approximate_bytes},
        {"global_sessions", (int64_t)s->sessions},
        {"last_client_response_size", s->response_last},
        {"max_client_response_size", s->response_max},
        {"min_client_response_size", s->response_min},
        {"auth_failed_count", (int64_t)s->auth_failed},
        {"local_sessions", (int64_t)g->member.local_sessions},
        {"learners", g->learners},
        {"synced_followers", g->synced_followers},
        {"synced_non_voting_followers", g->synced_strangers},
        {"synced_observers", g->synced_observers},
        {"pending_syncs", (int64_t)g->member.pending_syncs},
        {"last_proposal_size", g->proposals.last_bytes},
        {"max_proposal_size", g->proposals.max_bytes},
        {"min_proposal_size", g->proposals.min_bytes},
        {"leader_uptime", g->words->now.mono_ms - g->member.serving_since_ms},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(values); i++) {
        if (strcmp(values[i].name, name) == 0) return values[i].value;
    }
    if (strcmp(name, "num_alive_connections") == 0) return (int64_t)pdk_words_conn_count(g->words);
    if (strcmp(name, "open_file_descriptor_count") == 0) return open_files();
    if (strcmp(name, "max_file_descriptor_count") == 0) return max_files();
    if (strcmp(name, "quorum_size") == 0)
        return (int64_t)pdk_sids_count(&g->member.members->voters);
    return 0;
}

static void put_gauge(const struct gauges *g, const char *name, struct pdk_buf *out)
{
    if (strcmp(name, "avg_latency") == 0) {
        put_double(out, name, pdk_words_average(&g->sum));
    } else if (strcmp(name, "connection_drop_probability") == 0) {
        put_double(out, name, 0);
    } else {
        put_int(out, name, gauge(g, name));
    }
}

static void put_part(struct pdk_buf *out, const char *part, const char *name, uint64_t value)
{
    pdk_put_text(out, "zk_%s_%s\t%" PRIu64 "\n", part, name, value);
}

static void put_summary(struct pdk_buf *out, const char *name, const struct pdk_summary *s)
{
    static const struct pdk_summary none = {0};
    if (s == NULL) s = &none;
    pdk_put_text(out, "zk_avg_%s\t", name);
    pdk_words_put_double(out, pdk_summary_average(s));
    pdk_put_text(out, "\n");
    put_part(out, "min", name, s->min);
    put_part(out, "max", name, s->max);
    put_part(out, "cnt", name, s->count);
    put_part(out, "sum", name, s->sum);
}

static void put_percentiles(struct pdk_buf *out, const char *name, const struct pdk_percentiles *p)
{
    static const struct {
        const char *part;
        unsigned per_mille;
    } parts[] = {{"p50", 500}, {"p95", 950}, {"p99", 990}, {"p999", 999}};
    put_summary(out, name, p != NULL ? &p->summary : NULL);
    for (size_t i = 0; i < PDK_COUNT_OF(parts); i++)
        put_part(out, parts[i].part, name,
                 p != NULL ? pdk_percentiles_at(p, parts[i].per_mille) : 0);
}

static void put_namespaces(struct pdk_buf *out, const char *name, const struct pdk_namespaces *s)
{
    for (size_t i = 0; s != NULL && i < PDK_NAMESPACE_SLOTS; i++) {
        const struct pdk_namespace *slot = &s->slots[i];
        if (slot->len == 0) continue;
        char key[PDK_NAMESPACE_NAME_MAX + 64];
        (void)snprintf(key, sizeof key, "%.*s_%s", (int)slot->len, slot->name, name);
        put_summary(out, key, &slot->bytes);
    }
}

/* What a leader counts in its own time of leading is in its figures only. */
static uint64_t counter(const struct gauges *g, const struct pdk_metrics *metrics,
                        const struct pdk_metric_info *info)
{
    const struct {
        const char *name;
        uint64_t value;
    } leaders[] = {{"proposal_count", g->proposals.proposals},
                   {"snap_count", g->proposals.snap_syncs},
                   {"diff_count", g->proposals.diff_syncs}};
    for (size_t i = 0; i < PDK_COUNT_OF(leaders); i++) {
        if (strcmp(info->name, leaders[i].name) == 0) return leaders[i].value;
    }
    const uint64_t *value = pdk_metric_counter(metrics, info);
    return value != NULL ? *value : 0;
}

static void put_metric(const struct gauges *g, const struct pdk_metrics *metrics,
                       const struct pdk_metric_info *info, struct pdk_buf *out)
{
    switch (info->kind) {
    case PDK_METRIC_GAUGE: put_gauge(g, info->name, out); return;
    case PDK_METRIC_COUNTER: put_uint(out, info->name, counter(g, metrics, info)); return;
    case PDK_METRIC_SUMMARY:
        put_summary(out, info->name, pdk_metric_summary(metrics, info));
        return;
    case PDK_METRIC_PERCENTILES:
        put_percentiles(out, info->name, pdk_metric_percentiles(metrics, info));
        return;
    case PDK_METRIC_SUMMARY_SET:
        put_namespaces(out, info->name, pdk_metric_namespaces(metrics, info));
        return;
    case PDK_METRIC_COUNTER_SET:
    case PDK_METRIC_GAUGE_SET:
    case PDK_METRIC_PERCENTILES_SET: return; /* no keys: nothing to print, as there */
    }
}

/* What mntr says of a role before the metrics. */
static void put_role(const struct gauges *g, struct pdk_buf *out)
{
    static const char *const states[] = {
        [PDK_ROLE_LEADING] = "leading",
        [PDK_ROLE_FOLLOWING] = "following",
        [PDK_ROLE_OBSERVING] = "observing",
    };
    pdk_put_text(out, "zk_version\t%s\nzk_server_state\t%s\n", pdk_version_text(),
                 pdk_words_mode(&g->member));
    /* Whoever answers takes part in broadcast. */
    if (!pdk_words_in_ensemble(&g->member)) return;
    pdk_put_text(out, "zk_peer_state\t%s - broadcast\n", states[g->member.role]);
    if (g->member.role == PDK_ROLE_OBSERVING)
        pdk_put_text(out, "zk_observer_master_id\t%" PRId64 "\n", g->member.leader);
}

static bool is_shown(const struct gauges *g, const struct pdk_metric_info *info)
{
    if (info->scope == PDK_METRIC_EVERYWHERE) return true;
    if (!pdk_words_in_ensemble(&g->member)) return false;
    if (info->scope == PDK_METRIC_MEMBER || g->member.role == PDK_ROLE_LEADING) return true;
    /* A follower that feeds observers counts them. */
    return g->member.role == PDK_ROLE_FOLLOWING && g->words->config->observer_master_port > 0 &&
           strcmp(info->name, "synced_observers") == 0;
}

void pdk_words_monitor(const struct pdk_words *words, struct pdk_buf *out)
{
    /* About 150 KiB: neither for the stack nor for a step's arena. */
    struct pdk_metrics *all = pdk_mem_try(words->mem, sizeof *all);
    if (all == NULL) {
        out->failed = true;
        return;
    }
    pdk_metrics_init(all);
    pdk_metrics_merge(all, pdk_node_metrics(words->node));
    pdk_metrics_merge(all, words->metrics);
    struct gauges g = {.words = words};
    pdk_node_summary(words->node, &g.sum);
    pdk_node_proposal_counts(words->node, &g.proposals);
    g.member = pdk_words_member(words);
    count_learners(&g);

    put_role(&g, out);
    size_t count = 0;
    const struct pdk_metric_info *table = pdk_metric_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_shown(&g, &table[i])) put_metric(&g, all, &table[i], out);
    }
    pdk_mem_free(words->mem, all);
}
