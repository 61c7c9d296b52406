#include "core/store/name.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Reads hex digits up to the end or a dot; NULL unless it is a number from 0 to 2^63 - 1.  Apache
 * writes lower case without leading zeros and reads both ways, so we read both ways. */
static const char *parse_hex(const char *at, pdk_zxid *out)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (int d; (d = hex_digit(*at)) >= 0; at++, digits++) {
        if (value >> 59 != 0) return NULL;
        value = value << 4 | (uint64_t)d;
    }
    if (digits == 0 || (*at != '\0' && *at != '.')) return NULL;
    *out = (pdk_zxid)value;
    return at;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

struct pdk_file_name pdk_file_name_parse(const char *name)
{
    static const char log[] = "log.", snapshot[] = "snapshot.";
    struct pdk_file_name out = {.kind = PDK_FILE_OTHER};
    if (starts_with(name, PDK_TEMP_PREFIX) || strcmp(name, PDK_CURRENT_EPOCH_TEMP) == 0 ||
        strcmp(name, PDK_ACCEPTED_EPOCH_TEMP) == 0) {
        out.kind = PDK_FILE_LEFTOVER;
        return out;
    }
    const char *rest;
    if (starts_with(name, log)) {
        rest = parse_hex(name + sizeof log - 1, &out.zxid);
        if (rest != NULL && *rest == '\0') out.kind = PDK_FILE_LOG;
        return out;
    }
    if (!starts_with(name, snapshot)) return out;
    rest = parse_hex(name + sizeof snapshot - 1, &out.zxid);
    if (rest == NULL) return out;
    if (strcmp(rest, ".tmp") == 0) {
        out.kind = PDK_FILE_LEFTOVER;
        return out;
    }
    if (strcmp(rest, ".gz") == 0)
        out.compression = PDK_COMPRESSION_GZ;
    else if (strcmp(rest, ".snappy") == 0)
        out.compression = PDK_COMPRESSION_SNAPPY;
    else if (*rest != '\0')
        return out;
    out.kind = PDK_FILE_SNAPSHOT;
    return out;
}

static char *put(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len + 1);
    return at + len;
}

static char *put_hex(char *at, uint64_t value)
{
    int shift = 60;
    while (shift > 0 && value >> shift == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[value >> shift & 15];
    *at = '\0';
    return at;
}

void pdk_log_file_name(pdk_zxid zxid, char *out)
{
    (void)put_hex(put(out, "log."), (uint64_t)zxid);
}

void pdk_snapshot_file_name(pdk_zxid zxid, enum pdk_compression compression, char *out)
{
    char *at = put_hex(put(out, "snapshot."), (uint64_t)zxid);
    if (compression == PDK_COMPRESSION_GZ) (void)put(at, ".gz");
    if (compression == PDK_COMPRESSION_SNAPPY) (void)put(at, ".snappy");
}

enum pdk_err pdk_path_join(struct pdk_path *out, const char *folder, const char *name,
                           struct pdk_diag *diag)
{
    size_t folder_len = strlen(folder), name_len = strlen(name);
    while (folder_len > 1 && folder[folder_len - 1] == '/') folder_len--;
    if (folder_len == 0 || folder_len + 1 + name_len >= sizeof out->text) {
        pdk_diag_set(diag, "the path %.200s/%s is empty or longer than %zu bytes", folder, name,
                     sizeof out->text - 1);
        return PDK_EINVAL;
    }
    memcpy(out->text, folder, folder_len);
    out->text[folder_len] = '/';
    memcpy(out->text + folder_len + 1, name, name_len + 1);
    return PDK_OK;
}

enum pdk_err pdk_path_join2(struct pdk_path *out, const char *folder, const char *name,
                            const char *name2, struct pdk_diag *diag)
{
    struct pdk_path first;
    enum pdk_err err = pdk_path_join(&first, folder, name, diag);
    return err != PDK_OK ? err : pdk_path_join(out, first.text, name2, diag);
}
