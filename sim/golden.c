#include "sim/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void stop(const char *what, const char *which)
{
    (void)fprintf(stderr, "golden data: %s: %s (run tests from the project's top folder)\n", which,
                  what);
    abort();
}

#define TAR_BLOCK 512

/* The whole archive, uncompressed. */
static void inflate_all(const char *path, struct pdk_buf *out)
{
    gzFile f = gzopen(path, "rb");
    if (f == NULL) stop("cannot be opened", path);
    char block[16384];
    for (int n; (n = gzread(f, block, sizeof block)) != 0;) {
        if (n < 0) stop("is not a gzip file", path);
        pdk_put_raw(out, block, (size_t)n);
    }
    (void)gzclose(f);
}

void pdk_golden_unpack(struct pdk_disk *disk, const char *tar_gz, const char *folder)
{
    struct pdk_buf tar;
    pdk_buf_init(&tar, pdk_mem_heap(), (size_t)1 << 30);
    inflate_all(tar_gz, &tar);
    for (size_t at = 0; at + TAR_BLOCK <= tar.len && tar.bytes[at] != 0;) {
        const char *head = (const char *)tar.bytes + at;
        char name[101], path[512], size_text[13];
        (void)snprintf(name, sizeof name, "%.100s", head);
        (void)snprintf(size_text, sizeof size_text, "%.12s", head + 124);
        size_t size = strtoul(size_text, NULL, 8);
        const char *below = strchr(name, '/');
        if (below == NULL || at + TAR_BLOCK + size > tar.len)
            stop("is not such an archive", tar_gz);
        (void)snprintf(path, sizeof path, "%s%s", folder, below);
        /* Parents of files are not always listed. */
        for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
            *slash = '\0';
            pdk_disk_put_dir(disk, path);
            *slash = '/';
        }
        if (head[156] != '5') pdk_disk_put(disk, path, pdk_slice_of(head + TAR_BLOCK, size));
        at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    pdk_buf_deinit(&tar);
}

void pdk_golden_read(struct pdk_buf *out, const char *path)
{
    pdk_buf_init(out, pdk_mem_heap(), (size_t)1 << 30);
    FILE *f = fopen(path, "rb");
    if (f == NULL) stop("cannot be opened", path);
    char block[16384];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) pdk_put_raw(out, block, n);
    (void)fclose(f);
}

bool pdk_golden_line(struct pdk_slice *rest, struct pdk_slice *line)
{
    if (rest->len == 0) return false;
    const uint8_t *newline = memchr(rest->bytes, '\n', rest->len);
    size_t len = newline != NULL ? (size_t)(newline - rest->bytes) : rest->len;
    *line = pdk_slice_of(rest->bytes, len);
    size_t used = newline != NULL ? len + 1 : len;
    *rest = pdk_slice_of(rest->bytes + used, rest->len - used);
    return true;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static size_t skip_blanks(struct pdk_slice s, size_t at)
{
    while (at < s.len && (s.bytes[at] == ' ' || s.bytes[at] == ',' || s.bytes[at] == ':')) at++;
    return at;
}

/* The end of the value that begins at `at`. */
static size_t value_end(struct pdk_slice s, size_t at)
{
    int depth = 0;
    bool quoted = false;
    for (; at < s.len; at++) {
        uint8_t c = s.bytes[at];
        if (quoted) {
            if (c == '\\') at++;
            if (c != '"') continue;
            quoted = false;
            if (depth == 0) return at + 1;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return at;
            if (--depth == 0) return at + 1;
        } else if (depth == 0 && (c == ',' || c == ' ')) {
            return at;
        }
    }
    return at;
}

static bool take_value(struct pdk_slice s, size_t *at, struct pdk_slice *value)
{
    *at = skip_blanks(s, *at);
    if (*at >= s.len || s.bytes[*at] == '}' || s.bytes[*at] == ']') return false;
    size_t end = value_end(s, *at);
    *value = pdk_slice_of(s.bytes + *at, end - *at);
    *at = end;
    return true;
}

bool pdk_json_get(struct pdk_slice object, const char *key, struct pdk_slice *value)
{
    struct pdk_slice name;
    size_t at = 1, key_len = strlen(key);
    while (take_value(object, &at, &name) && take_value(object, &at, value)) {
        if (name.len == key_len + 2 && memcmp(name.bytes + 1, key, key_len) == 0) return true;
    }
    return false;
}

bool pdk_json_next(struct pdk_slice *rest, struct pdk_slice *value)
{
    size_t at = 0;
    if (rest->len > 0 && rest->bytes[0] == '[') at = 1;
    bool there = take_value(*rest, &at, value);
    /* What is left must not look like an array of its own. */
    while (there && at < rest->len && (rest->bytes[at] == ',' || rest->bytes[at] == ' ')) at++;
    if (there && at < rest->len && rest->bytes[at] == '[') at--;
    *rest = pdk_slice_of(rest->bytes + at, rest->len - at);
    return there;
}

bool pdk_json_is_null(struct pdk_slice value) { return pdk_slice_eq_str(value, "null"); }

int64_t pdk_json_int(struct pdk_slice value)
{
    char text[64];
    size_t skip = value.len > 0 && value.bytes[0] == '"' ? 1 : 0;
    (void)snprintf(text, sizeof text, "%.*s", (int)(value.len - skip),
                   (const char *)value.bytes + skip);
    if (text[0] == '-') return strtoll(text, NULL, 0);
    return (int64_t)strtoull(text, NULL, 0);
}

static void put_utf8(struct pdk_buf *out, unsigned long c)
{
    if (c < 0x80) {
        pdk_put_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        pdk_put_u8(out, (uint8_t)(0xc0 | c >> 6));
        pdk_put_u8(out, (uint8_t)(0x80 | (c & 63)));
    } else {
        pdk_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        pdk_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 63)));
        pdk_put_u8(out, (uint8_t)(0x80 | (c & 63)));
    }
}

void pdk_json_text(struct pdk_slice value, struct pdk_buf *out)
{
    for (size_t i = 1; i + 1 < value.len; i++) {
        if (value.bytes[i] != '\\') {
            pdk_put_u8(out, value.bytes[i]);
            continue;
        }
        char c = (char)value.bytes[++i];
        if (c == 'u') {
            char hex[5];
            (void)snprintf(hex, sizeof hex, "%.4s", (const char *)value.bytes + i + 1);
            put_utf8(out, strtoul(hex, NULL, 16));
            i += 4;
        } else {
            const char *at = strchr("n\nt\tr\rb\bf\f", c);
            pdk_put_u8(out, (uint8_t)(at != NULL ? at[1] : c));
        }
    }
}

void pdk_json_base64(struct pdk_slice value, struct pdk_buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 1; i + 1 < value.len && value.bytes[i] != '='; i++) {
        const char *at = strchr(alphabet, value.bytes[i]);
        if (at == NULL) stop("base64 expected", "JSON");
        bits = bits << 6 | (uint32_t)(at - alphabet);
        count += 6;
        if (count >= 8) {
            count -= 8;
            pdk_put_u8(out, (uint8_t)(bits >> count));
        }
    }
}
