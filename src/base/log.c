#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pdk_log_write(const struct pdk_log *log, enum pdk_log_level level, const char *format, ...)
{
    if (log == NULL || level > log->level) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0) return;
    if ((size_t)n >= sizeof text) memcpy(text + sizeof text - 4, "...", 4);
    log->line(log->ctx, level, text);
}

const char *pdk_log_level_name(enum pdk_log_level level)
{
    switch (level) {
    case PDK_LOG_ERROR: return "error";
    case PDK_LOG_WARN: return "warn";
    case PDK_LOG_INFO: return "info";
    case PDK_LOG_DEBUG: return "debug";
    }
    return "?";
}

/* Writes one byte of a value to `to`, escaped when needed; returns how many characters. */
static size_t escape(uint8_t c, char to[4])
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        to[0] = '\\';
        to[1] = (char)c;
        return 2;
    }
    if (c < 0x20 || c > 0x7e) {
        to[0] = '\\';
        to[1] = 'x';
        to[2] = hex[c >> 4];
        to[3] = hex[c & 15];
        return 4;
    }
    to[0] = (char)c;
    return 1;
}

const char *pdk_log_quote(struct pdk_slice text, char *out, size_t cap)
{
    PDK_ASSERT(cap >= 8);
    bool quoted = text.len == 0 || memchr(text.bytes, ' ', text.len) != NULL ||
                  memchr(text.bytes, '=', text.len) != NULL;
    size_t at = 0;
    if (quoted) out[at++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        char piece[4];
        size_t n = escape(text.bytes[i], piece);
        if (at + n + 5 > cap) { /* "...", a quote and the NUL */
            memcpy(out + at, "...", 3);
            at += 3;
            break;
        }
        memcpy(out + at, piece, n);
        at += n;
    }
    if (quoted) out[at++] = '"';
    out[at] = '\0';
    return out;
}

bool pdk_log_limit_pass(struct pdk_log_limit *limit, int64_t now_ms, int64_t every_ms,
                        uint64_t *held_back)
{
    if (now_ms < limit->next_ms) {
        limit->held_back++;
        return false;
    }
    *held_back = limit->held_back;
    limit->held_back = 0;
    limit->next_ms = now_ms + every_ms;
    return true;
}
