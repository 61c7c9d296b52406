/* server/words_testing.h - for tests: words on a node whose numbers the test makes up.
 *
 * The functions of core/node/query.h in here stand in for the real ones: once per program. */
#ifndef PDK_SERVER_WORDS_TESTING_H
#define PDK_SERVER_WORDS_TESTING_H

#include "server/words.h"
#include "server/words_internal.h"

#include "proto/opcode.h"
#include "shell/vfs_posix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the stand-in ---------------------------------------------------------------------------- */

struct pdk_node {
    struct pdk_node_summary summary;
    struct pdk_conn_info conns[3];
    struct pdk_tree *tree;
    struct pdk_watch *watch;
    struct pdk_sessions *sessions;
    struct pdk_metrics metrics;
    struct pdk_digest_entry digests[3];
    int resets, conn_resets;
    struct pdk_member_summary member;
    struct pdk_proposal_counts proposals;
    struct pdk_learner_info_row learners[8];
    size_t learner_count;
    struct pdk_sessions *local;
};

void pdk_node_summary(const struct pdk_node *node, struct pdk_node_summary *out)
{
    *out = node->summary;
}
void pdk_node_conn(const struct pdk_node *node, uint32_t conn, struct pdk_conn_info *out)
{
    *out = node->conns[conn];
}
void pdk_node_reset_stats(struct pdk_node *node) { node->resets++; }
void pdk_node_reset_conn_stats(struct pdk_node *node) { node->conn_resets++; }
const struct pdk_tree *pdk_node_tree(const struct pdk_node *node) { return node->tree; }
const struct pdk_watch *pdk_node_watch(const struct pdk_node *node) { return node->watch; }
const struct pdk_sessions *pdk_node_sessions(const struct pdk_node *node) { return node->sessions; }
const struct pdk_metrics *pdk_node_metrics(const struct pdk_node *node) { return &node->metrics; }
pdk_session pdk_node_session_of(const struct pdk_node *node, uint32_t conn)
{
    return node->conns[conn].session;
}
size_t pdk_node_digest_log(const struct pdk_node *node, const struct pdk_digest_entry **first_part,
                           size_t *first_count, const struct pdk_digest_entry **second_part)
{
    *first_part = node->digests;
    *first_count = 2;
    *second_part = node->digests + 2;
    return 3;
}

const struct pdk_sessions *pdk_node_local_sessions(const struct pdk_node *node)
{
    return node->local;
}
void pdk_node_member(const struct pdk_node *node, struct pdk_member_summary *out)
{
    *out = node->member;
}
bool pdk_node_learner(const struct pdk_node *node, size_t index, struct pdk_learner_info_row *out)
{
    if (index >= node->learner_count) return false;
    *out = node->learners[index];
    return true;
}
void pdk_node_proposal_counts(const struct pdk_node *node, struct pdk_proposal_counts *out)
{
    *out = node->proposals;
}
const char *pdk_role_name(enum pdk_role role)
{
    static const char *const names[] = {"standalone", "looking", "leader", "follower", "observer"};
    return names[role];
}

/* ---- a server to ask ------------------------------------------------------------------------- */

#define NOW_WALL_MS INT64_C(1795176735000) /* Fri Nov 20 12:12:15 UTC 2026 */
#define SESSION_1 INT64_C(0x100001436e2001e)
#define SESSION_2 INT64_C(0x100001436e2001d)

struct world {
    struct pdk_node *node;
    struct pdk_config config;
    struct pdk_metrics *metrics;
    struct pdk_words_shell shell;
    struct pdk_words words;
    struct pdk_buf out;
    int64_t trace_mask;
    int shell_resets;
};

static inline void each_conn(void *ctx, void (*each)(void *, const struct pdk_words_conn *),
                             void *each_ctx)
{
    (void)ctx;
    static const struct pdk_words_conn conns[] = {
        {.conn = 1, .remote = "127.0.0.1:42812", .reads = true, .last_read_mono_ms = 30001},
        {.conn = 2,
         .remote = "[0:0:0:0:0:0:0:1]:42890",
         .reads = true,
         .writes = true,
         .last_read_mono_ms = 29999},
        {.conn = PDK_CONN_NONE,
         .remote = "127.0.0.1:42834",
         .received = 1,
         .last_read_mono_ms = 49998},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(conns); i++) each(each_ctx, &conns[i]);
}

static inline void reset_shell(void *ctx) { ((struct world *)ctx)->shell_resets++; }

static inline struct pdk_node *make_node(void)
{
    struct pdk_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    const struct pdk_mem *mem = pdk_mem_heap();
    struct pdk_hash_seed seed = {1, 2};
    node->tree = pdk_tree_create(
        &(struct pdk_tree_config){.mem = mem, .seed = seed, .digest_enabled = true}, false);
    node->watch = pdk_watch_create(mem, seed);
    node->sessions = pdk_sessions_create(mem, seed, 2000, 100);
    node->local = pdk_sessions_create(mem, seed, 2000, 100);
    node->member = (struct pdk_member_summary){
        .serves = true, .me = 1, .leader = PDK_SID_NONE, .serving_since_ms = -1};
    node->summary =
        (struct pdk_node_summary){.zxid = 0xb5,
                                  .packets_received = 1234,
                                  .packets_sent = 1200,
                                  .latency_min_ms = 0,
                                  .latency_max_ms = 20,
                                  .latency_count = 3,
                                  .latency_sum_ms = 25,
                                  .outstanding = 4,
                                  .sessions = 2,
                                  .response_last = 25,
                                  .response_min = 16,
                                  .response_max = 88,
                                  .tree = {.znodes = 25, .ephemerals = 1, .approximate_bytes = 53},
                                  .watches = {.total = 3}};
    node->conns[1] = (struct pdk_conn_info){.known = true,
                                            .session = SESSION_1,
                                            .timeout_ms = 30000,
                                            .received = 2,
                                            .sent = 2,
                                            .last_op = PDK_OP_EXISTS,
                                            .has_last_op = true,
                                            .last_cxid = 1,
                                            .last_zxid = 0xb5,
                                            .established_wall_ms = 1795176704190,
                                            .last_response_mono_ms = 1410215,
                                            .last_latency_ms = 1,
                                            .latency_max_ms = 2,
                                            .latency_sum_ms = 3,
                                            .latency_count = 2};
    node->conns[2] = (struct pdk_conn_info){.known = true,
                                            .session = SESSION_2,
                                            .timeout_ms = 10000,
                                            .last_cxid = -1,
                                            .last_zxid = -1,
                                            .established_wall_ms = 5};
    node->digests[0] = (struct pdk_digest_entry){.zxid = 0x80, .digest = 41634875941};
    node->digests[1] = (struct pdk_digest_entry){.zxid = 0x100, .digest = UINT64_MAX};
    node->digests[2] = (struct pdk_digest_entry){.zxid = 0x180, .digest = 7};
    return node;
}

static inline void make_world(struct world *w, const char *whitelist)
{
    memset(w, 0, sizeof *w);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    w->node = make_node();
    w->metrics = calloc(1, sizeof *w->metrics);
    assert_non_null(w->metrics);
    w->config.words = pdk_word_set_parse(pdk_slice_str(whitelist), NULL);
    w->config.sessionless_timeout_ms = 10000;
    w->config.node.server_id = 1;
    w->config.node.ensemble.local_sessions = true; /* of no effect on a standalone server */
    w->shell =
        (struct pdk_words_shell){.ctx = w, .each_conn = each_conn, .reset_stats = reset_shell};
    w->trace_mask = PDK_TRACE_MASK_DEFAULT;
    w->words = (struct pdk_words){.config = &w->config,
                                  .node = w->node,
                                  .vfs = pdk_vfs_posix(),
                                  .shell = &w->shell,
                                  .metrics = w->metrics,
                                  .mem = pdk_mem_heap(),
                                  .now = {.mono_ms = 50000, .wall_ms = NOW_WALL_MS},
                                  .started_mono_ms = 26253,
                                  .trace_mask = &w->trace_mask,
                                  .listening_host = "",
                                  .listening_port = 21810};
    pdk_buf_init(&w->out, pdk_mem_heap(), 1 << 20);
}

static inline void end_world(struct world *w)
{
    pdk_buf_deinit(&w->out);
    pdk_watch_destroy(w->node->watch);
    pdk_sessions_destroy(w->node->sessions);
    pdk_sessions_destroy(w->node->local);
    pdk_tree_destroy(w->node->tree);
    free(w->node);
    free(w->metrics);
}

static const char *ask_with(struct world *w, enum pdk_word word, struct pdk_slice argument)
{
    pdk_buf_clear(&w->out);
    pdk_words_answer(&w->words, word, argument, &w->out);
    pdk_put_u8(&w->out, 0);
    assert_false(w->out.failed);
    return (const char *)w->out.bytes;
}

static const char *ask(struct world *w, enum pdk_word word)
{
    return ask_with(w, word, pdk_slice_of(NULL, 0));
}

static inline void expect_line(const char *text, const char *line)
{
    char whole[200];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(text, whole) == NULL) fail_msg("mntr has no line <%s>", line);
}

#endif
