#include "core/acl/acl.h"

#include "base/utf8.h"
#include "core/acl/scheme.h"
#include "proto/opcode.h"

#include <string.h>

/* Smallest encoding of an ACL: perms and the lengths of two strings. */
#define ACL_BYTES_MIN 12

/* ---- schemes --------------------------------------------------------------------------------- */

static bool is_anyone(struct pdk_slice id) { return pdk_slice_eq_str(id, "anyone"); }

static struct pdk_slice whole(struct pdk_slice own) { return own; }

/* The address became an identity when the connection was accepted. */
static enum pdk_code ip_authenticate(const struct pdk_acl_config *config,
                                     struct pdk_identities *ids, struct pdk_slice auth)
{
    (void)config;
    (void)ids;
    (void)auth;
    return PDK_CODE_OK;
}

static const struct pdk_acl_scheme schemes[] = {
    {.name = "world", .valid = is_anyone},
    {.name = "ip",
     .valid = pdk_acl_ip_valid,
     .matches = pdk_acl_ip_matches,
     .authenticate = ip_authenticate,
     .user = whole},
    {.name = "digest",
     .authenticates = true,
     .enabled = pdk_acl_digest_enabled,
     .valid = pdk_acl_digest_valid,
     .matches = pdk_acl_digest_matches,
     .authenticate = pdk_acl_digest_authenticate,
     .user = pdk_acl_digest_user},
};

/* NULL: none of that name, switched off or not. */
static const struct pdk_acl_scheme *find_any_scheme(struct pdk_slice name)
{
    for (size_t i = 0; i < PDK_COUNT_OF(schemes); i++) {
        if (pdk_slice_eq_str(name, schemes[i].name)) return &schemes[i];
    }
    return NULL;
}

/* NULL: no such scheme, or it is switched off. */
static const struct pdk_acl_scheme *find_scheme(const struct pdk_acl_config *config,
                                                struct pdk_slice name)
{
    const struct pdk_acl_scheme *scheme = find_any_scheme(name);
    bool off = scheme != NULL && scheme->enabled != NULL && !scheme->enabled(config);
    return off ? NULL : scheme;
}

enum pdk_code pdk_acl_authenticate(const struct pdk_acl_config *config, struct pdk_identities *ids,
                                   struct pdk_slice scheme, struct pdk_slice auth)
{
    const struct pdk_acl_scheme *found = find_scheme(config, scheme);
    if (found == NULL || found->authenticate == NULL) return PDK_CODE_AUTH_FAILED;
    return found->authenticate(config, ids, auth);
}

static struct pdk_slice scheme_of(const struct pdk_identity *identity)
{
    return pdk_slice_of(identity->scheme, identity->scheme_len);
}

static struct pdk_slice id_of(const struct pdk_identity *identity)
{
    return pdk_slice_of(identity->id, identity->id_len);
}

struct pdk_slice pdk_identity_user(const struct pdk_identity *identity)
{
    const struct pdk_acl_scheme *scheme = find_any_scheme(scheme_of(identity));
    if (scheme == NULL || scheme->user == NULL) return pdk_slice_str("");
    return scheme->user(id_of(identity));
}

/* ---- the check ------------------------------------------------------------------------------- */

static bool entry_matches(const struct pdk_acl_config *config, const struct pdk_id *id,
                          const struct pdk_identities *ids, size_t identity_count)
{
    if (id->scheme.is_null || id->id.is_null) return false;
    const struct pdk_acl_scheme *scheme = find_scheme(config, id->scheme);
    if (scheme == NULL) return false;
    if (scheme->matches == NULL) return scheme->valid(id->id);
    for (size_t i = 0; i < identity_count; i++) {
        if (pdk_slice_eq(scheme_of(&ids->items[i]), id->scheme) &&
            scheme->matches(id_of(&ids->items[i]), id->id))
            return true;
    }
    return false;
}

static bool is_super(const struct pdk_identities *ids, size_t identity_count)
{
    for (size_t i = 0; ids->is_super && i < identity_count; i++) {
        if (pdk_slice_eq_str(scheme_of(&ids->items[i]), "super")) return true;
    }
    return false;
}

/* Nearly every list is this one: everybody may do everything. */
static bool is_open(struct pdk_slice list)
{
    static const char open[] = "\0\0\0\1\0\0\0\x1f\0\0\0\5world\0\0\0\6anyone";
    return list.len == sizeof open - 1 && memcmp(list.bytes, open, sizeof open - 1) == 0;
}

bool pdk_acl_allows(const struct pdk_acl_config *config, struct pdk_slice list, int32_t perms,
                    const struct pdk_identities *ids, size_t identity_count)
{
    PDK_ASSERT(identity_count <= ids->count);
    if (config->skip || list.len == 0) return true;
    if (is_open(list)) return (perms & PDK_PERM_ALL) != 0;
    struct pdk_reader r = pdk_reader_of(list);
    bool is_null = false;
    int32_t count = pdk_read_count(&r, ACL_BYTES_MIN, &is_null);
    if (count == 0 && !r.failed) return true;
    if (is_super(ids, identity_count)) return true;
    for (int32_t i = 0; i < count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&r, &acl);
        if (r.failed) return false;
        if ((acl.perms & perms) != 0 && entry_matches(config, &acl.id, ids, identity_count))
            return true;
    }
    return false;
}

/* ---- fixing a list --------------------------------------------------------------------------- */

/* Up to here duplicates are looked for by comparing with all earlier entries; a longer list is
 * sorted, so that nobody can make a request cost the square of its length. */
#define SHORT_LIST 16

/* One encoded entry; equal entries have equal bytes. */
struct entry {
    struct pdk_slice bytes;
    size_t index;
};

static struct entry read_entry(struct pdk_reader *r, size_t index)
{
    struct pdk_acl acl;
    const uint8_t *start = r->at;
    pdk_read_acl(r, &acl);
    return (struct entry){.bytes = pdk_slice_of(start, (size_t)(r->at - start)), .index = index};
}

static int compare(const struct entry *a, const struct entry *b)
{
    if (a->bytes.len != b->bytes.len) return a->bytes.len < b->bytes.len ? -1 : 1;
    return memcmp(a->bytes.bytes, b->bytes.bytes, a->bytes.len);
}

static bool comes_before(const struct entry *a, const struct entry *b)
{
    int order = compare(a, b);
    return order != 0 ? order < 0 : a->index < b->index;
}

static void sift_down(struct entry *heap, size_t at, size_t count)
{
    for (size_t child = 0; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_before(&heap[child], &heap[child + 1])) child++;
        if (!comes_before(&heap[at], &heap[child])) return;
        struct entry swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

static void sort(struct entry *entries, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) sift_down(entries, i, count);
    for (size_t left = count; left-- > 1;) {
        struct entry swap = entries[0];
        entries[0] = entries[left];
        entries[left] = swap;
        sift_down(entries, 0, left);
    }
}

/* For a long list: which entries repeat an earlier one, a byte each; NULL: no memory. */
static bool *find_repeated(const struct pdk_mem *mem, const struct pdk_vec *list)
{
    size_t count = (size_t)list->count;
    bool *repeated = pdk_mem_try_zero(mem, count, sizeof *repeated);
    struct entry *entries = pdk_mem_try_zero(mem, count, sizeof *entries);
    if (repeated == NULL || entries == NULL) {
        pdk_mem_free(mem, repeated);
        pdk_mem_free(mem, entries);
        return NULL;
    }
    struct pdk_reader r = pdk_reader_of(list->body);
    for (size_t i = 0; i < count; i++) entries[i] = read_entry(&r, i);
    sort(entries, count);
    for (size_t i = 1; i < count; i++)
        repeated[entries[i].index] = compare(&entries[i - 1], &entries[i]) == 0;
    pdk_mem_free(mem, entries);
    return repeated;
}

static bool repeats_earlier(const struct pdk_vec *list, const struct entry *entry)
{
    struct pdk_reader r = pdk_reader_of(list->body);
    for (size_t i = 0; i < entry->index; i++) {
        struct entry earlier = read_entry(&r, i);
        if (compare(&earlier, entry) == 0) return true;
    }
    return false;
}

/* One entry per identity that proves somebody; false when there is none. */
static bool put_identities(const struct pdk_acl_config *config, int32_t perms,
                           const struct pdk_identities *ids, size_t identity_count,
                           struct pdk_buf *out, int32_t *put)
{
    bool any = false;
    for (size_t i = 0; i < identity_count; i++) {
        const struct pdk_acl_scheme *scheme = find_scheme(config, scheme_of(&ids->items[i]));
        if (scheme == NULL || !scheme->authenticates) continue;
        struct pdk_acl acl = {
            .perms = perms,
            .id = {.scheme = scheme_of(&ids->items[i]), .id = id_of(&ids->items[i])}};
        pdk_put_acl(out, &acl);
        (*put)++;
        any = true;
    }
    return any;
}

/* Checks one entry and appends what is stored for it; false when it is not allowed. */
static bool fix_entry(const struct pdk_acl_config *config, const struct pdk_acl *acl,
                      const struct pdk_identities *ids, size_t identity_count, struct pdk_buf *out,
                      int32_t *put)
{
    if (pdk_slice_eq_str(acl->id.scheme, "auth"))
        return put_identities(config, acl->perms, ids, identity_count, out, put);
    const struct pdk_acl_scheme *scheme = find_scheme(config, acl->id.scheme);
    if (scheme == NULL || acl->id.id.is_null || !scheme->valid(acl->id.id)) return false;
    pdk_put_acl(out, acl);
    (*put)++;
    return true;
}

static enum pdk_code fix_list(const struct pdk_acl_config *config, const struct pdk_vec *list,
                              const struct pdk_identities *ids, size_t identity_count,
                              struct pdk_buf *out)
{
    size_t start = out->len;
    int32_t put = 0;
    bool *repeated = NULL;
    if (list->count > SHORT_LIST) {
        repeated = find_repeated(ids->mem, list);
        if (repeated == NULL) return PDK_CODE_SYSTEM_ERROR;
    }
    enum pdk_code code = PDK_CODE_OK;
    struct pdk_reader r = pdk_reader_of(list->body);
    pdk_put_i32(out, 0);
    for (int32_t i = 0; i < list->count && code == PDK_CODE_OK; i++) {
        struct pdk_reader one = r;
        struct entry entry = read_entry(&r, (size_t)i);
        if (repeated != NULL ? repeated[i] : repeats_earlier(list, &entry)) continue;
        struct pdk_acl acl;
        pdk_read_acl(&one, &acl);
        if (!fix_entry(config, &acl, ids, identity_count, out, &put)) code = PDK_CODE_INVALID_ACL;
        if (out->failed) code = PDK_CODE_SYSTEM_ERROR;
    }
    pdk_mem_free(ids->mem, repeated);
    if (code == PDK_CODE_OK) {
        pdk_buf_patch_i32(out, start, put);
    } else {
        out->len = start;
        out->failed = false;
    }
    return code;
}

/* Schemes need no look: one that is malformed is none of ours. */
static bool is_utf8(const struct pdk_vec *list)
{
    struct pdk_reader r = pdk_reader_of(list->body);
    for (int32_t i = 0; i < list->count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&r, &acl);
        if (!pdk_utf8_valid(acl.id.id)) return false;
    }
    return true;
}

static void put_text(struct pdk_buf *out, struct pdk_slice text)
{
    size_t start = out->len;
    pdk_put_i32(out, text.is_null ? -1 : 0);
    pdk_put_utf8(out, text);
    if (!text.is_null) pdk_buf_patch_i32(out, start, (int32_t)(out->len - start - 4));
}

enum pdk_code pdk_acl_fix(const struct pdk_acl_config *config, const struct pdk_vec *acl,
                          const struct pdk_identities *ids, size_t identity_count,
                          struct pdk_buf *out)
{
    PDK_ASSERT(identity_count <= ids->count);
    PDK_ASSERT(!out->failed);
    if (acl->count == 0) return PDK_CODE_INVALID_ACL;
    if (is_utf8(acl)) return fix_list(config, acl, ids, identity_count, out);

    struct pdk_buf body;
    pdk_buf_init(&body, ids->mem, INT32_MAX);
    struct pdk_reader r = pdk_reader_of(acl->body);
    for (int32_t i = 0; i < acl->count; i++) {
        struct pdk_acl entry;
        pdk_read_acl(&r, &entry);
        pdk_put_i32(&body, entry.perms);
        pdk_put_bytes(&body, entry.id.scheme);
        put_text(&body, entry.id.id);
    }
    struct pdk_vec clean = pdk_vec_of(acl->count, pdk_buf_slice(&body));
    enum pdk_code code =
        body.failed ? PDK_CODE_SYSTEM_ERROR : fix_list(config, &clean, ids, identity_count, out);
    pdk_buf_deinit(&body);
    return code;
}

void pdk_acl_put_masked(struct pdk_slice list, struct pdk_buf *out)
{
    struct pdk_reader whole_list = pdk_reader_of(list);
    struct pdk_vec v = pdk_read_acl_vec(&whole_list);
    struct pdk_reader r = pdk_reader_of(v.body);
    pdk_put_i32(out, v.is_null ? -1 : v.count);
    for (int32_t i = 0; i < v.count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&r, &acl);
        if (acl.id.id.is_null || !pdk_slice_eq_str(acl.id.scheme, "digest")) {
            pdk_put_acl(out, &acl);
            continue;
        }
        pdk_put_i32(out, acl.perms);
        pdk_put_bytes(out, acl.id.scheme);
        pdk_acl_digest_put_masked(out, acl.id.id);
    }
}
