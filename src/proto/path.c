#include "proto/path.h"

#include <string.h>

static bool fail(struct pdk_path_fault *fault, size_t at, const char *text)
{
    *fault = (struct pdk_path_fault){.at = at, .text = text};
    return false;
}

static bool is_tail(const uint8_t *p) { return (*p & 0xc0u) == 0x80; }

/* How many bytes the allowed character beyond ASCII at p[0..left-1] takes; 0 and *why when it is
 * not allowed.  Four-byte forms are never: they are surrogates to Java. */
static size_t wide_char(const uint8_t *p, size_t left, const char **why)
{
    *why = "bytes that are not UTF-8";
    uint32_t c = 0;
    size_t len = 0;
    if (p[0] >= 0xc2 && p[0] <= 0xdf && left >= 2 && is_tail(p + 1)) {
        c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef && left >= 3 && is_tail(p + 1) && is_tail(p + 2)) {
        c = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        len = 3;
        if (c < 0x800) return 0; /* overlong */
    } else {
        if (p[0] >= 0xf0 && p[0] <= 0xf4) *why = "character beyond U+FFFF";
        return 0;
    }
    *why = "character that is not allowed";
    if (c <= 0x9f || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0) return 0;
    return len;
}

/* The component bytes[from..to-1]. */
static bool component(struct pdk_slice path, size_t from, size_t to, struct pdk_path_fault *fault)
{
    const uint8_t *p = path.bytes + from;
    if (PDK_UNLIKELY(to == from)) return fail(fault, from, "empty component");
    if (PDK_LIKELY(p[0] != '.')) return true;
    if (to - from == 1 || (to - from == 2 && p[1] == '.'))
        return fail(fault, from, "relative component");
    return true;
}

/* `open_end`: something will be appended, so the last component is not judged as a whole. */
static bool check(struct pdk_slice path, bool open_end, struct pdk_path_fault *fault)
{
    if (path.is_null) return fail(fault, 0, "null");
    if (path.len == 0) return fail(fault, 0, "empty");
    if (path.bytes[0] != '/') return fail(fault, 0, "does not start with /");
    if (path.len == 1) return true;

    size_t from = 1;
    for (size_t i = 1; i < path.len;) {
        uint8_t c = path.bytes[i];
        if (c == '/') {
            if (!component(path, from, i, fault)) return false;
            from = i + 1;
        } else if (PDK_UNLIKELY(c >= 0x80)) {
            const char *why = NULL;
            size_t len = wide_char(path.bytes + i, path.len - i, &why);
            if (len == 0) return fail(fault, i, why);
            i += len;
            continue;
        } else if (PDK_UNLIKELY(c < 0x20 || c == 0x7f)) {
            return fail(fault, i, "character that is not allowed");
        }
        i++;
    }
    if (open_end) return true;
    if (from == path.len) return fail(fault, from - 1, "ends with /");
    return component(path, from, path.len, fault);
}

bool pdk_path_valid(struct pdk_slice path)
{
    struct pdk_path_fault ignored;
    return check(path, false, &ignored);
}

bool pdk_path_check(struct pdk_slice path, struct pdk_path_fault *fault)
{
    return check(path, false, fault);
}

bool pdk_path_check_sequential(struct pdk_slice path, struct pdk_path_fault *fault)
{
    return check(path, true, fault);
}

bool pdk_path_has_nul(struct pdk_slice path)
{
    return path.len > 0 && memchr(path.bytes, 0, path.len) != NULL;
}

bool pdk_path_has_parent(struct pdk_slice path)
{
    return path.len > 0 && memchr(path.bytes, '/', path.len) != NULL && !pdk_path_has_nul(path);
}

/* One more than the offset of the last '/'; 0 when there is none. */
static size_t behind_slash(struct pdk_slice path)
{
    size_t n = path.len;
    while (n > 0 && path.bytes[n - 1] != '/') n--;
    return n;
}

struct pdk_slice pdk_path_parent(struct pdk_slice path)
{
    size_t n = behind_slash(path);
    return pdk_slice_of(path.bytes, n > 0 ? n - 1 : 0);
}

struct pdk_slice pdk_path_last(struct pdk_slice path)
{
    size_t n = behind_slash(path);
    return n > 0 ? pdk_slice_of(path.bytes + n, path.len - n) : path;
}
