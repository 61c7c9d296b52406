#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pdk_err_name(enum pdk_err err)
{
    switch (err) {
    case PDK_OK: return "ok";
    case PDK_ENOMEM: return "out of memory";
    case PDK_EMALFORMED: return "malformed";
    case PDK_EIO: return "input/output error";
    case PDK_ENOSPC: return "no space left";
    case PDK_ENOENT: return "not found";
    case PDK_EEXIST: return "exists";
    case PDK_ECORRUPT: return "corrupt";
    case PDK_EINVAL: return "not allowed";
    case PDK_EBUSY: return "busy";
    }
    return "unknown error";
}

void pdk_diag_set(struct pdk_diag *diag, const char *format, ...)
{
    if (diag == NULL) return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(diag->text, sizeof diag->text, format, args);
    va_end(args);
}

void pdk_assert_failed(const char *expr, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
    abort();
}

struct pdk_slice pdk_slice_str(const char *text) { return pdk_slice_of(text, strlen(text)); }

bool pdk_slice_eq(struct pdk_slice a, struct pdk_slice b)
{
    if (a.is_null || b.is_null) return a.is_null && b.is_null;
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

bool pdk_slice_eq_str(struct pdk_slice a, const char *text)
{
    return pdk_slice_eq(a, pdk_slice_str(text));
}

bool pdk_slice_starts_with(struct pdk_slice text, struct pdk_slice prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.bytes, prefix.bytes, prefix.len) == 0);
}
