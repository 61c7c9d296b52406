#include "server/wire_internal.h"
#include "server/words.h"

struct each {
    void (*tell)(void *ctx, const struct pdk_words_conn *conn);
    void *ctx;
};

static void tell_one(void *ctx, const struct pdk_conn_view *view)
{
    const struct each *each = ctx;
    struct pdk_words_conn conn = {
        .conn = view->conn,
        .remote = view->remote,
        .reads = view->reads,
        .writes = view->writes,
        .received = view->received,
        .last_read_mono_ms = view->last_read_mono_ms,
    };
    each->tell(each->ctx, &conn);
}

static void each_conn(void *ctx, void (*tell)(void *, const struct pdk_words_conn *),
                      void *tell_ctx)
{
    const struct server *s = ctx;
    struct each each = {.tell = tell, .ctx = tell_ctx};
    pdk_conns_each(s->conns, tell_one, &each);
}

static void reset_stats(void *ctx)
{
    struct server *s = ctx;
    pdk_metrics_reset(&s->metrics);
}

void pdk_server_answer_word(struct server *s, enum pdk_word word, struct pdk_slice argument,
                            struct pdk_buf *text)
{
    const struct pdk_words_shell shell = {
        .ctx = s, .each_conn = each_conn, .reset_stats = reset_stats};
    const struct pdk_words words = {
        .config = s->config,
        .node = s->node,
        .vfs = s->vfs,
        .shell = &shell,
        .metrics = &s->metrics,
        .mem = s->mem,
        .now = s->now,
        .started_mono_ms = s->started_ms,
        .trace_mask = &s->trace_mask,
        .listening_host = s->client_host,
        .listening_port = s->listener != NULL ? pdk_listener_port(s->listener) : 0,
    };
    if (pdk_words_answer(&words, word, argument, text) == PDK_WORDS_HAND_OVER) s->hand_over = true;
}
