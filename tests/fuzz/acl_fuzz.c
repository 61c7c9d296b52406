/* ACL lists of any bytes: fixed, checked and masked.
 *
 * Input: a byte of switches; identities (kind, length, text) up to a kind of 0; a list. */
#include "base/reader.h"
#include "base/utf8.h"
#include "core/acl/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What pdk_acl_fix made is whole, not empty, valid text, and opens no more than its bits say. */
static void check_fixed(const struct pdk_acl_config *config, const struct pdk_identities *ids,
                        struct pdk_slice list)
{
    struct pdk_reader r = pdk_reader_of(list);
    struct pdk_vec v = pdk_read_acl_vec(&r);
    PDK_ASSERT(pdk_reader_finish(&r) == PDK_OK);
    PDK_ASSERT(v.count > 0);
    struct pdk_reader it = pdk_reader_of(v.body);
    int32_t bits = 0;
    for (int32_t i = 0; i < v.count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&it, &acl);
        PDK_ASSERT(!acl.id.scheme.is_null);
        PDK_ASSERT(!acl.id.id.is_null);
        PDK_ASSERT(pdk_utf8_valid(acl.id.id));
        bits |= acl.perms;
    }
    if (!config->skip && !ids->is_super)
        PDK_ASSERT(!pdk_acl_allows(config, list, ~bits, ids, ids->count));

    /* It stands a second fixing, which leaves nothing more to remove. */
    struct pdk_buf second, third;
    pdk_buf_init(&second, pdk_mem_heap(), 1 << 22);
    pdk_buf_init(&third, pdk_mem_heap(), 1 << 22);
    PDK_ASSERT(pdk_acl_fix(config, &v, ids, ids->count, &second) == PDK_CODE_OK);
    PDK_ASSERT(second.len <= list.len);
    r = pdk_reader_of(pdk_buf_slice(&second));
    v = pdk_read_acl_vec(&r);
    PDK_ASSERT(pdk_acl_fix(config, &v, ids, ids->count, &third) == PDK_CODE_OK);
    PDK_ASSERT(pdk_slice_eq(pdk_buf_slice(&second), pdk_buf_slice(&third)));
    pdk_buf_deinit(&second);
    pdk_buf_deinit(&third);
}

static void add_identity(const struct pdk_acl_config *config, struct pdk_identities *ids,
                         uint8_t kind, struct pdk_slice text)
{
    static const char *const schemes[] = {"ip", "x509", "super", "sasl"};
    if (kind == 1) {
        (void)pdk_acl_authenticate(config, ids, pdk_slice_str("digest"), text);
    } else if (pdk_utf8_valid(text)) {
        const char *scheme = schemes[kind % PDK_COUNT_OF(schemes)];
        enum pdk_err err = pdk_identities_add(ids, pdk_slice_str(scheme), text);
        PDK_ASSERT(err == PDK_OK || err == PDK_ENOMEM);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(data, size));
    uint8_t switches = pdk_read_u8(&r);
    struct pdk_acl_config config = {.skip = (switches & 1) != 0,
                                    .digest_enabled = (switches & 2) == 0,
                                    .super_digest =
                                        pdk_slice_str("super:lK75jTNcA+U9vtVEw5vB51mj/w4=")};
    struct pdk_identities ids;
    pdk_identities_init(&ids, pdk_mem_heap());
    for (uint8_t kind = 0; (kind = pdk_read_u8(&r)) != 0;) {
        size_t len = pdk_min_size(pdk_read_u8(&r), pdk_reader_left(&r));
        const uint8_t *text = pdk_reader_take(&r, len);
        if (text != NULL) add_identity(&config, &ids, kind, pdk_slice_of(text, len));
    }
    for (size_t i = 0; i < ids.count; i++)
        PDK_ASSERT(pdk_identity_user(&ids.items[i]).len <= ids.items[i].id_len);

    struct pdk_slice list = pdk_slice_of(r.at, pdk_reader_left(&r));
    struct pdk_buf out;
    pdk_buf_init(&out, pdk_mem_heap(), 1 << 22);
    (void)pdk_acl_allows(&config, list, 31, &ids, ids.count);
    pdk_acl_put_masked(list, &out);
    if (!out.failed) {
        struct pdk_reader masked = pdk_reader_of(pdk_buf_slice(&out));
        (void)pdk_read_acl_vec(&masked);
        PDK_ASSERT(pdk_reader_finish(&masked) == PDK_OK);
    }
    pdk_buf_clear(&out);
    struct pdk_vec v = pdk_read_acl_vec(&r);
    if (!r.failed) {
        enum pdk_code code = pdk_acl_fix(&config, &v, &ids, ids.count, &out);
        PDK_ASSERT(code == PDK_CODE_OK || out.len == 0);
        if (code == PDK_CODE_OK) check_fixed(&config, &ids, pdk_buf_slice(&out));
    }
    pdk_buf_deinit(&out);
    pdk_identities_deinit(&ids);
    return 0;
}
