/* server/words_internal.h - what the files of the four-letter words share. */
#ifndef PDK_SERVER_WORDS_INTERNAL_H
#define PDK_SERVER_WORDS_INTERNAL_H

#include "server/words.h"

/* As Double.toString: "0.0", "2.8333", "1.0E7". */
void pdk_words_put_double(struct pdk_buf *out, double value);
/* As Date.toString, in the server's time zone: "Fri Nov 20 12:12:15 UTC 2026". */
void pdk_words_put_date(struct pdk_buf *out, int64_t wall_ms);
/* Apache keeps the root under two names and counts both. */
uint64_t pdk_words_node_count(const struct pdk_node_summary *summary);
/* Average latency of all requests, rounded as Apache rounds. */
double pdk_words_average(const struct pdk_node_summary *summary);

/* The server's role and figures; all zero, that is standalone and not serving, without a node. */
struct pdk_member_summary pdk_words_member(const struct pdk_words *words);
/* "leader", "read-only", ...: Mode of srvr and zk_server_state. */
const char *pdk_words_mode(const struct pdk_member_summary *member);
/* A member of an ensemble that has a leader, or leads. */
static inline bool pdk_words_in_ensemble(const struct pdk_member_summary *m)
{
    return m->role != PDK_ROLE_STANDALONE && !m->read_only;
}

/* Open client connections, the asking one included. */
uint64_t pdk_words_conn_count(const struct pdk_words *words);

/* One function per group of words; each appends its whole answer.  `words->node` is there, but for
 * envi and hand. */
void pdk_words_monitor(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_environment(struct pdk_buf *out);
void pdk_words_dump(const struct pdk_words *words, struct pdk_buf *out);
/* conf: what an ensemble's member adds. */
void pdk_words_membership(const struct pdk_words *words, struct pdk_buf *out);
/* hand: one line that says what will happen. */
enum pdk_words_wish pdk_words_hand_over(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_watch_summary(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_watches_by_session(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_watches_by_path(const struct pdk_words *words, struct pdk_buf *out);

#endif
