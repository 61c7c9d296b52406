/* Configs of any text, and what any request makes of them.
 *
 * Input: config text, then behind bytes 0x01 what joins, what leaves, a whole new list. */
#include "core/quorum/quorum.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX ((size_t)1 << 20)

static void check_diag(enum pdk_err err, const struct pdk_diag *diag)
{
    PDK_ASSERT(err == PDK_OK || err == PDK_EINVAL);
    PDK_ASSERT(err == PDK_OK || diag->text[0] != '\0');
    for (const char *c = diag->text; *c != '\0'; c++) PDK_ASSERT(*c >= ' ' && *c <= '~');
}

/* Ids ascend, what is found is what is there, and the voters are those that vote. */
static void check_members(const struct pdk_members *m)
{
    size_t voters = 0;
    PDK_ASSERT(m->count >= 1 && m->count <= PDK_MEMBERS_MAX);
    for (size_t i = 0; i < m->count; i++) {
        const struct pdk_member *member = &m->items[i];
        PDK_ASSERT(i == 0 || m->items[i - 1].sid < member->sid);
        PDK_ASSERT(pdk_members_find(m, member->sid) == member);
        PDK_ASSERT(pdk_members_has_voter(m, member->sid) == member->is_voter);
        PDK_ASSERT(member->address_count >= 1 && member->address_count <= PDK_ADDRESSES_MAX);
        PDK_ASSERT(pdk_members_weight(m, member->sid) >= 0);
        voters += member->is_voter ? 1 : 0;
    }
    PDK_ASSERT(voters == pdk_sids_count(&m->voters));
}

/* All are enough, none is not, and of two halves at most one. */
static void check_quorums(const struct pdk_members *m, uint8_t seed)
{
    struct pdk_sids none = {0}, some = {0}, others = {0};
    PDK_ASSERT(pdk_members_quorum(m, &m->voters) && !pdk_members_quorum(m, &none));
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        seed = (uint8_t)(seed * 5 + 77);
        pdk_sids_add((seed & 0x10) != 0 ? &some : &others, sid);
    }
    PDK_ASSERT(!pdk_members_quorum(m, &some) || !pdk_members_quorum(m, &others));
}

static void put(const struct pdk_members *m, bool file, struct pdk_buf *b)
{
    pdk_buf_clear(b);
    if (file) {
        pdk_members_put_file(m, true, b);
    } else {
        pdk_members_put_text(m, true, b);
    }
    PDK_ASSERT(!b->failed);
}

static void check_written(const struct pdk_members *m, bool file)
{
    struct pdk_buf first, second;
    pdk_buf_init(&first, pdk_mem_heap(), TEXT_MAX);
    pdk_buf_init(&second, pdk_mem_heap(), TEXT_MAX);
    put(m, file, &first);
    struct pdk_members *again, *other;
    PDK_ASSERT(pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&first), 0, &again, NULL) == PDK_OK);
    PDK_ASSERT(again->version == m->version && again->count == m->count);
    put(again, file, &second);
    PDK_ASSERT(pdk_slice_eq(pdk_buf_slice(&first), pdk_buf_slice(&second)));
    other = pdk_members_with_version(again, m->version ^ 1);
    PDK_ASSERT(pdk_members_equal(m, other));
    pdk_members_drop(other);
    pdk_members_drop(again);
    pdk_buf_deinit(&first);
    pdk_buf_deinit(&second);
}

static void check(const struct pdk_members *m, uint8_t seed)
{
    check_members(m);
    check_quorums(m, seed);
    check_written(m, false);
    check_written(m, true);
}

/* The next part; null when there is none. */
static struct pdk_slice next_part(struct pdk_slice *rest)
{
    struct pdk_slice part = *rest;
    const uint8_t *end = rest->len > 0 ? memchr(rest->bytes, 1, rest->len) : NULL;
    if (rest->is_null || end == NULL) {
        *rest = pdk_slice_null();
        return part;
    }
    part.len = (size_t)(end - rest->bytes);
    *rest = pdk_slice_of(end + 1, rest->len - part.len - 1);
    return part;
}

static void check_reconfig(const struct pdk_members *m, struct pdk_slice rest, uint8_t seed)
{
    struct pdk_reconfig change = {.joining = next_part(&rest)};
    change.leaving = next_part(&rest);
    change.new_members = next_part(&rest);
    struct pdk_members *after;
    struct pdk_diag diag = {0};
    enum pdk_err err = pdk_members_reconfig(m, &change, 2, &after, &diag);
    /* A leaving id that is no number. */
    check_diag(err == PDK_EMALFORMED ? PDK_EINVAL : err, &diag);
    PDK_ASSERT((err == PDK_OK) == (after != NULL));
    if (after == NULL) return;
    PDK_ASSERT(after->version == 0 && pdk_sids_count(&after->voters) >= 2);
    check(after, seed);
    pdk_members_drop(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_slice rest = pdk_slice_of(data, size), text = next_part(&rest);
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    enum pdk_err err = pdk_members_parse(pdk_mem_heap(), text, 5, &m, &diag);
    check_diag(err, &diag);
    PDK_ASSERT((err == PDK_OK) == (m != NULL));
    if (m == NULL) return 0;
    check(m, (uint8_t)size);
    check_reconfig(m, rest, (uint8_t)size);
    pdk_members_drop(m);
    return 0;
}
