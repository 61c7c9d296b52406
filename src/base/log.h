/* base/log.h - lines for the operator: `time level event key=value ...`.
 *
 * Event names are constant and greppable; zxids and session ids in hex; never secrets or znode
 * data.  Text in values that would break the line is escaped.  Error: an operator must act, and
 * the line says how.  Warn: unusual, handled.  Info: state changes.  Debug: per message.
 *
 * The sink is passed in (no globals); the shell's sink writes stderr or a file, a test's collects.
 * Threads: a sink must accept calls from any thread. */
#ifndef PDK_BASE_LOG_H
#define PDK_BASE_LOG_H

#include "base/base.h"

enum pdk_log_level {
    PDK_LOG_ERROR,
    PDK_LOG_WARN,
    PDK_LOG_INFO,
    PDK_LOG_DEBUG,
};

struct pdk_log {
    void *ctx;
    enum pdk_log_level level; /* lines above it are dropped before they are formatted */
    /* One line without time, level or newline: "event key=value ...". */
    void (*line)(void *ctx, enum pdk_log_level level, const char *text);
};

/* Formats and hands to the sink when `level` is wanted.  NULL log: nothing. Lines longer than
 * 1 KiB are cut with "...". */
void pdk_log_write(const struct pdk_log *log, enum pdk_log_level level, const char *format, ...)
    PDK_PRINTF(3, 4);

const char *pdk_log_level_name(enum pdk_log_level level);

/* `text` made safe for one value of a line: control characters and non-ASCII as \xNN, quotes and
 * backslashes escaped, in double quotes when it has blanks; cut with "..." when `cap` is short.
 * Returns `out`, always terminated; cap >= 8. */
const char *pdk_log_quote(struct pdk_slice text, char *out, size_t cap);

/* The first of a storm, then at most one line per `every_ms`, with the number held back. */
struct pdk_log_limit {
    int64_t next_ms;
    uint64_t held_back;
};
/* True: write it now, *held_back tells how many lines were not written since. */
bool pdk_log_limit_pass(struct pdk_log_limit *limit, int64_t now_ms, int64_t every_ms,
                        uint64_t *held_back);

#endif
