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

/* Open client connections, the asking one included. */
uint64_t pdk_words_conn_count(const struct pdk_words *words);

/* One function per group of words; each appends its whole answer.  `words->node` is there, but for
 * envi. */
void pdk_words_monitor(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_environment(struct pdk_buf *out);
void pdk_words_dump(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_watch_summary(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_watches_by_session(const struct pdk_words *words, struct pdk_buf *out);
void pdk_words_watches_by_path(const struct pdk_words *words, struct pdk_buf *out);

#endif
