/* Scheme digest: user:base64(hash(user:password)) (data-model.md 10.4). */
#include "base/hash.h"
#include "base/utf8.h"
#include "core/acl/scheme.h"

#include <string.h>

static size_t find_colon(struct pdk_slice text)
{
    size_t at = 0;
    while (at < text.len && text.bytes[at] != ':') at++;
    return at;
}

bool pdk_acl_digest_enabled(const struct pdk_acl_config *config) { return config->digest_enabled; }

/* Two parts, as Java splits: empty parts at the end do not count. */
bool pdk_acl_digest_valid(struct pdk_slice id)
{
    size_t len = id.len;
    while (len > 0 && id.bytes[len - 1] == ':') len--;
    size_t colons = 0;
    for (size_t i = 0; i < len; i++) colons += id.bytes[i] == ':' ? 1 : 0;
    return colons == 1;
}

bool pdk_acl_digest_matches(struct pdk_slice own, struct pdk_slice acl_id)
{
    return pdk_slice_eq(own, acl_id);
}

struct pdk_slice pdk_acl_digest_user(struct pdk_slice own)
{
    return pdk_slice_of(own.bytes, find_colon(own));
}

/* Appends the id that belongs to "user:password"; false when the algorithm is not known. */
static bool put_digest(const struct pdk_acl_config *config, struct pdk_slice text,
                       struct pdk_buf *out)
{
    char algorithm[32] = "SHA1";
    struct pdk_slice given = config->digest_algorithm;
    if (given.len >= sizeof algorithm) return false;
    if (given.len > 0) {
        memcpy(algorithm, given.bytes, given.len);
        algorithm[given.len] = '\0';
    }
    uint8_t hash[PDK_DIGEST_MAX];
    size_t len = 0;
    if (pdk_message_digest(algorithm, text, hash, &len) != PDK_OK) return false;
    char encoded[PDK_BASE64_LEN(PDK_DIGEST_MAX) + 1];
    pdk_base64(hash, len, encoded);
    pdk_put_raw(out, text.bytes, find_colon(text));
    pdk_put_u8(out, ':');
    pdk_put_raw(out, encoded, PDK_BASE64_LEN(len));
    return true;
}

/* Adds `id`, with super before it when it is the super user's; all or nothing. */
static enum pdk_code add(const struct pdk_acl_config *config, struct pdk_identities *ids,
                         struct pdk_slice id)
{
    size_t before = ids->count;
    bool is_super = pdk_slice_eq(id, config->super_digest);
    if (is_super && pdk_identities_add(ids, pdk_slice_str("super"), pdk_slice_str("")) != PDK_OK)
        return PDK_CODE_AUTH_FAILED;
    if (pdk_identities_add(ids, pdk_slice_str("digest"), id) == PDK_OK) return PDK_CODE_OK;
    if (ids->count > before) pdk_identities_drop_last(ids);
    return PDK_CODE_AUTH_FAILED;
}

enum pdk_code pdk_acl_digest_authenticate(const struct pdk_acl_config *config,
                                          struct pdk_identities *ids, struct pdk_slice auth)
{
    if (auth.is_null) return PDK_CODE_AUTH_FAILED;
    struct pdk_buf text, id;
    pdk_buf_init(&text, ids->mem, SIZE_MAX);
    pdk_buf_init(&id, ids->mem, SIZE_MAX);
    pdk_put_utf8(&text, auth);
    bool made = !text.failed && put_digest(config, pdk_buf_slice(&text), &id) && !id.failed;
    enum pdk_code code = made ? add(config, ids, pdk_buf_slice(&id)) : PDK_CODE_AUTH_FAILED;
    pdk_buf_deinit(&text);
    pdk_buf_deinit(&id);
    return code;
}

/* Length of the line end that begins at `at`, 0 when none does: the ones at which the `.` of Java's
 * regular expressions stops (LF, CR, U+0085, U+2028, U+2029). */
static size_t line_end(struct pdk_slice text, size_t at)
{
    const uint8_t *p = text.bytes + at;
    size_t left = text.len - at;
    if (p[0] == '\n' || p[0] == '\r') return 1;
    if (left >= 2 && p[0] == 0xc2 && p[1] == 0x85) return 2;
    if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) return 3;
    return 0;
}

void pdk_acl_digest_put_masked(struct pdk_buf *out, struct pdk_slice id)
{
    size_t start = out->len;
    pdk_put_i32(out, 0);
    for (size_t at = 0; at < id.len; at++) {
        pdk_put_u8(out, id.bytes[at]);
        if (id.bytes[at] != ':') continue;
        pdk_put_u8(out, 'x');
        while (at + 1 < id.len && line_end(id, at + 1) == 0) at++;
    }
    if (!out->failed) pdk_buf_patch_i32(out, start, (int32_t)(out->len - start - 4));
}
