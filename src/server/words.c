#include "server/words.h"

#include "base/metric.h"
#include "base/reader.h"
#include "core/session/session.h"
#include "proto/opcode.h"
#include "server/words_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- numbers and dates as Java prints them --------------------------------------------------- */

/* `digits` without the point ("28333"), the point behind the first: d.ddd times 10^exponent. */
static void put_plain(struct pdk_buf *out, const char *digits, int exponent)
{
    int len = (int)strlen(digits);
    if (exponent < 0) {
        pdk_put_text(out, "0.%.*s%s", -exponent - 1, "000000000", digits);
        return;
    }
    for (int i = 0; i <= exponent; i++) pdk_put_u8(out, (uint8_t)(i < len ? digits[i] : '0'));
    pdk_put_text(out, ".%s", len > exponent + 1 ? digits + exponent + 1 : "0");
}

void pdk_words_put_double(struct pdk_buf *out, double value)
{
    if (value == 0 || !isfinite(value)) {
        pdk_put_text(out, "0.0");
        return;
    }
    char text[40];
    for (int precision = 0; precision <= 17; precision++) { /* the fewest digits that say it */
        (void)snprintf(text, sizeof text, "%.*e", precision, fabs(value));
        if (strtod(text, NULL) == fabs(value)) break;
    }
    char *e = strchr(text, 'e');
    PDK_ASSERT(e != NULL);
    int exponent = (int)strtol(e + 1, NULL, 10);
    *e = '\0';
    char digits[40];
    size_t len = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '.') digits[len++] = *p;
    }
    while (len > 1 && digits[len - 1] == '0') len--;
    digits[len] = '\0';
    if (value < 0) pdk_put_u8(out, '-');
    if (exponent >= -3 && exponent < 7) {
        put_plain(out, digits, exponent);
    } else {
        pdk_put_text(out, "%c.%sE%d", digits[0], len > 1 ? digits + 1 : "0", exponent);
    }
}

void pdk_words_put_date(struct pdk_buf *out, int64_t wall_ms)
{
    int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
    time_t t = (time_t)seconds;
    struct tm tm;
    char zone[16] = "";
    if (localtime_r(&t, &tm) == NULL || strftime(zone, sizeof zone, "%Z", &tm) == 0) {
        pdk_put_text(out, "%" PRId64, seconds);
        return;
    }
    /* No strftime for the names: they must not follow the locale. */
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    pdk_put_text(out, "%.3s %.3s %02d %02d:%02d:%02d %s %04d", days + (tm.tm_wday * 3),
                 months + (tm.tm_mon * 3), tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, zone,
                 tm.tm_year + 1900);
}

uint64_t pdk_words_node_count(const struct pdk_node_summary *summary)
{
    return summary->tree.znodes + 1;
}

double pdk_words_average(const struct pdk_node_summary *summary)
{
    return pdk_summary_average(
        &(struct pdk_summary){.count = summary->latency_count, .sum = summary->latency_sum_ms});
}

/* ---- stat, srvr, cons ------------------------------------------------------------------------ */

struct list_ctx {
    const struct pdk_words *words;
    struct pdk_buf *out;
    bool brief;
};

static void put_session(struct pdk_buf *out, const struct pdk_conn_info *info)
{
    pdk_put_text(out, ",sid=0x%" PRIx64 ",lop=%s,est=%" PRId64 ",to=%" PRId32,
                 (uint64_t)info->session, info->has_last_op ? pdk_op_code4(info->last_op) : "NA",
                 info->established_wall_ms, info->timeout_ms);
    if (info->last_cxid >= 0) pdk_put_text(out, ",lcxid=0x%" PRIx32, (uint32_t)info->last_cxid);
    int64_t count = (int64_t)info->latency_count;
    pdk_put_text(out,
                 ",lzxid=0x%" PRIx64 ",lresp=%" PRId64 ",llat=%" PRId64 ",minlat=%" PRId64
                 ",avglat=%" PRId64 ",maxlat=%" PRId64,
                 (uint64_t)info->last_zxid, info->last_response_mono_ms, info->last_latency_ms,
                 count > 0 ? info->latency_min_ms : 0, count > 0 ? info->latency_sum_ms / count : 0,
                 info->latency_max_ms);
}

static void put_conn(void *ctx, const struct pdk_words_conn *conn)
{
    const struct list_ctx *list = ctx;
    struct pdk_conn_info info = {.known = false};
    if (conn->conn != PDK_CONN_NONE) pdk_node_conn(list->words->node, conn->conn, &info);
    if (!info.known) info = (struct pdk_conn_info){.received = conn->received};
    pdk_put_text(list->out, " /%s[%x](queued=%" PRIu32 ",recved=%" PRIu64 ",sent=%" PRIu64,
                 conn->remote, (conn->reads ? 1u : 0u) | (conn->writes ? 4u : 0u), info.outstanding,
                 info.received, info.sent);
    if (!list->brief && info.session != 0) put_session(list->out, &info);
    pdk_put_text(list->out, ")\n");
}

static void put_conns(const struct pdk_words *words, struct pdk_buf *out, bool brief)
{
    struct list_ctx list = {.words = words, .out = out, .brief = brief};
    words->shell->each_conn(words->shell->ctx, put_conn, &list);
    pdk_put_text(out, "\n");
}

static void count_conn(void *ctx, const struct pdk_words_conn *conn)
{
    (void)conn;
    (*(uint64_t *)ctx)++;
}

uint64_t pdk_words_conn_count(const struct pdk_words *words)
{
    uint64_t count = 0;
    words->shell->each_conn(words->shell->ctx, count_conn, &count);
    return count;
}

static void put_server(const struct pdk_words *words, struct pdk_buf *out, bool clients)
{
    struct pdk_node_summary sum;
    pdk_node_summary(words->node, &sum);
    struct pdk_member_summary member = pdk_words_member(words);
    pdk_put_text(out, "Zookeeper version: %s\n", pdk_version_text());
    if (member.read_only) pdk_put_text(out, "READ-ONLY mode; serving only read-only clients\n");
    if (clients) {
        pdk_put_text(out, "Clients:\n");
        put_conns(words, out, true);
    }
    pdk_put_text(out, "Latency min/avg/max: %" PRId64 "/", sum.latency_min_ms);
    pdk_words_put_double(out, pdk_words_average(&sum));
    pdk_put_text(out, "/%" PRId64 "\nReceived: %" PRIu64 "\nSent: %" PRIu64 "\n",
                 sum.latency_max_ms, sum.packets_received, sum.packets_sent);
    pdk_put_text(out,
                 "Connections: %" PRIu64 "\nOutstanding: %" PRIu64 "\nZxid: 0x%" PRIx64
                 "\nMode: %s\nNode count: %" PRIu64 "\n",
                 pdk_words_conn_count(words), sum.outstanding, (uint64_t)sum.zxid,
                 pdk_words_mode(&member), pdk_words_node_count(&sum));
    if (member.role != PDK_ROLE_LEADING) return;
    struct pdk_proposal_counts counts;
    pdk_node_proposal_counts(words->node, &counts);
    pdk_put_text(out, "Proposal sizes last/min/max: %" PRId64 "/%" PRId64 "/%" PRId64 "\n",
                 counts.last_bytes, counts.min_bytes, counts.max_bytes);
}

/* ---- conf, dirs ------------------------------------------------------------------------------ */

/* "data" and "data/version-2" mean the same folder wherever the server was started. */
static void put_folder(struct pdk_buf *out, const char *key, const char *folder)
{
    char here[4096];
    bool absolute = folder[0] == '/' || getcwd(here, sizeof here) == NULL;
    pdk_put_text(out, "%s=%s%s%s/version-2\n", key, absolute ? "" : here, absolute ? "" : "/",
                 folder);
}

static void find_sizes(const struct pdk_words *words, int64_t *data_bytes, int64_t *log_bytes)
{
    struct pdk_store_config folders = words->config->store;
    folders.mem = words->mem;
    if (pdk_store_sizes(&folders, words->vfs, data_bytes, log_bytes) == PDK_OK) return;
    *data_bytes = *log_bytes = 0; /* as Java's listing of a folder that is gone */
}

static void put_conf(const struct pdk_words *words, struct pdk_buf *out)
{
    const struct pdk_config *c = words->config;
    int64_t data_bytes, log_bytes;
    find_sizes(words, &data_bytes, &log_bytes);
    pdk_put_text(out, "clientPort=%d\nsecureClientPort=-1\n", (int)words->listening_port);
    put_folder(out, "dataDir", c->store.data_dir);
    pdk_put_text(out, "dataDirSize=%" PRId64 "\n", data_bytes);
    put_folder(out, "dataLogDir", c->store.log_dir);
    pdk_put_text(out, "dataLogSize=%" PRId64 "\n", log_bytes);
    pdk_put_text(out, "tickTime=%d\nmaxClientCnxns=%d\n", (int)c->node.tick_ms,
                 (int)c->max_client_cnxns);
    pdk_put_text(out, "minSessionTimeout=%d\nmaxSessionTimeout=%d\n", (int)c->node.session_min_ms,
                 (int)c->node.session_max_ms);
    bool standalone = pdk_words_member(words).role == PDK_ROLE_STANDALONE;
    /* A standalone server of Apache calls itself 0 here, whatever its session ids begin with. */
    pdk_put_text(out, "clientPortListenBacklog=%d\nserverId=%d\n", (int)c->listen_backlog,
                 standalone ? 0 : c->node.server_id);
    if (!standalone) pdk_words_membership(words, out);
}

static void put_dirs(const struct pdk_words *words, struct pdk_buf *out)
{
    int64_t data_bytes, log_bytes;
    find_sizes(words, &data_bytes, &log_bytes);
    pdk_put_text(out, "datadir_size: %" PRId64 "\nlogdir_size: %" PRId64 "\n", data_bytes,
                 log_bytes);
}

/* ---- the small ones -------------------------------------------------------------------------- */

static void put_digests(const struct pdk_node *node, struct pdk_buf *out)
{
    const struct pdk_digest_entry *parts[2] = {NULL, NULL};
    size_t first_count = 0;
    size_t count = pdk_node_digest_log(node, &parts[0], &first_count, &parts[1]);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_digest_entry *e =
            i < first_count ? &parts[0][i] : &parts[1][i - first_count];
        pdk_put_text(out, "%" PRIx64 ": %" PRId64 "\n", (uint64_t)e->zxid, (int64_t)e->digest);
    }
}

static void set_trace_mask(const struct pdk_words *words, struct pdk_slice argument,
                           struct pdk_buf *out)
{
    struct pdk_reader r = pdk_reader_of(argument);
    int64_t mask = pdk_read_i64(&r);
    if (r.failed) return; /* the connection ended before the mask was there */
    *words->trace_mask = mask;
    pdk_put_text(out, "%" PRId64, mask);
}

/* A member without a leader serves nobody, unless it may do so read-only. */
static bool is_serving(const struct pdk_words *words)
{
    struct pdk_member_summary member = pdk_words_member(words);
    return member.serves || member.read_only;
}

/* A client that was given a read-only session asks here when it is worth trying again. */
static void put_isro(const struct pdk_words *words, struct pdk_buf *out)
{
    struct pdk_node_summary summary = {.refusing_writes = false};
    bool serving = is_serving(words);
    if (serving) pdk_node_summary(words->node, &summary);
    bool read_only = summary.refusing_writes || pdk_words_member(words).read_only;
    pdk_put_text(out, "%s", !serving ? "null" : read_only ? "ro" : "rw");
}

static void reset_server(const struct pdk_words *words, struct pdk_buf *out)
{
    pdk_node_reset_stats(words->node);
    words->shell->reset_stats(words->shell->ctx);
    pdk_put_text(out, "Server stats reset.\n");
}

static void reset_conns(const struct pdk_words *words, struct pdk_buf *out)
{
    pdk_node_reset_conn_stats(words->node);
    pdk_put_text(out, "Connection stats reset.\n");
}

/* ---- which one ------------------------------------------------------------------------------- */

/* The words that answer whether or not the server serves. */
static bool answer_any_state(const struct pdk_words *words, enum pdk_word word,
                             struct pdk_slice argument, struct pdk_buf *out)
{
    switch (word) {
    case PDK_WORD_RUOK: pdk_put_text(out, "imok"); return true;
    case PDK_WORD_ENVI: pdk_words_environment(out); return true;
    case PDK_WORD_ISRO: put_isro(words, out); return true;
    case PDK_WORD_GTMK: pdk_put_text(out, "%" PRId64, *words->trace_mask); return true;
    case PDK_WORD_STMK: set_trace_mask(words, argument, out); return true;
    case PDK_WORD_TELNET_CLOSE: return true;
    default: return false;
    }
}

static void answer(const struct pdk_words *words, enum pdk_word word, struct pdk_buf *out)
{
    switch (word) {
    case PDK_WORD_SRVR: put_server(words, out, false); return;
    case PDK_WORD_STAT: put_server(words, out, true); return;
    case PDK_WORD_CONF: put_conf(words, out); return;
    case PDK_WORD_CONS: put_conns(words, out, false); return;
    case PDK_WORD_CRST: reset_conns(words, out); return;
    case PDK_WORD_SRST: reset_server(words, out); return;
    case PDK_WORD_DUMP: pdk_words_dump(words, out); return;
    case PDK_WORD_MNTR: pdk_words_monitor(words, out); return;
    case PDK_WORD_WCHS: pdk_words_watch_summary(words, out); return;
    case PDK_WORD_WCHC: pdk_words_watches_by_session(words, out); return;
    case PDK_WORD_WCHP: pdk_words_watches_by_path(words, out); return;
    case PDK_WORD_DIRS: put_dirs(words, out); return;
    case PDK_WORD_HASH: put_digests(words->node, out); return;
    default: PDK_UNREACHABLE();
    }
}

enum pdk_words_wish pdk_words_answer(const struct pdk_words *words, enum pdk_word word,
                                     struct pdk_slice argument, struct pdk_buf *out)
{
    if (!pdk_word_set_has(words->config->words, word)) {
        pdk_put_text(out, "%s is not executed because it is not in the whitelist.\n",
                     pdk_word_name(word));
        return PDK_WORDS_NOTHING;
    }
    if (word == PDK_WORD_HAND) return pdk_words_hand_over(words, out);
    if (answer_any_state(words, word, argument, out)) return PDK_WORDS_NOTHING;
    if (is_serving(words)) {
        answer(words, word, out);
    } else {
        pdk_put_text(out, "This ZooKeeper instance is not currently serving requests\n");
    }
    return PDK_WORDS_NOTHING;
}
