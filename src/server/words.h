/* server/words.h - answers to the four-letter words (admin.md section 1).
 *
 * Apache's bytes, from what the node, the shell and the config know; `hand` is ours.  Who reads the
 * connection finds the word (proto/fourletter.h), asks here for the answer, sends it and closes.
 *
 * Threads: core thread.  `dirs` and `conf` read the sizes of the two data folders (one readdir). */
#ifndef PDK_SERVER_WORDS_H
#define PDK_SERVER_WORDS_H

#include "base/buf.h"
#include "core/node/metrics.h"
#include "core/node/query.h"
#include "core/store/vfs.h"
#include "proto/fourletter.h"
#include "server/config.h"

/* What the shell knows about one open client connection. */
struct pdk_words_conn {
    /* The node's number for it; PDK_CONN_NONE while the node has not heard of it (nothing received
     * yet, or a four-letter word). */
    uint32_t conn;
    /* As Java spells it: "127.0.0.1:42812" (also for an IPv4 peer of an IPv6 socket),
     * "[0:0:0:0:0:0:0:1]:42812". */
    const char *remote;
    bool reads, writes;        /* waits for bytes; has bytes to send that the socket did not take */
    uint64_t received;         /* frames, a word counts as one; used while `conn` is NONE */
    int64_t last_read_mono_ms; /* or when it was accepted */
};

struct pdk_words_shell {
    void *ctx;
    /* Calls `each` for every open client connection, the asking one included; no order. */
    void (*each_conn)(void *ctx, void (*each)(void *each_ctx, const struct pdk_words_conn *conn),
                      void *each_ctx);
    /* srst: forget the shell's own statistics (metrics merged below). */
    void (*reset_stats)(void *ctx);
};

struct pdk_words {
    const struct pdk_config *config;
    struct pdk_node *node; /* NULL: not serving (yet, or any more), as a member that looks */
    const struct pdk_vfs *vfs;
    const struct pdk_words_shell *shell;
    const struct pdk_metrics *metrics; /* the shell's own; added to the node's */
    const struct pdk_mem *mem;         /* for scratch */
    struct pdk_now now;
    int64_t started_mono_ms;    /* uptime counts from here */
    int64_t *trace_mask;        /* state of gtmk and stmk; PDK_TRACE_MASK_DEFAULT at start */
    const char *listening_host; /* text of the address in use, for `conf`; "" = all */
    int32_t listening_port;
};
#define PDK_TRACE_MASK_DEFAULT 306

/* What an answer promises: the caller does it when the answer is on its way. */
enum pdk_words_wish {
    PDK_WORDS_NOTHING,
    PDK_WORDS_HAND_OVER, /* PDK_IN_HAND_OVER, to whoever is best */
};
/* Appends the whole answer to `out` (nothing for TELNET_CLOSE), or the sentence that the word is
 * not in the whitelist or that the server is not serving.  `argument`: the 8 bytes behind stmk,
 * else empty. A failed `out` (limit, memory) is the caller's to notice. */
enum pdk_words_wish pdk_words_answer(const struct pdk_words *words, enum pdk_word word,
                                     struct pdk_slice argument, struct pdk_buf *out);

/* "3.9.5-paddock-0.1.0, built on 11/20/2026 12:00 UTC" (decision 2). */
const char *pdk_version_text(void);
/* "3.9.5-paddock-0.1.0" */
const char *pdk_version_number(void);

#endif
