#include "core/acl/acl.h"

#include "base/mem_fail.h"
#include "base/prng.h"
#include "proto/opcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BOB "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=" /* of bob:pw, as Apache makes it */
#define U1 "u1:fpT/y03U+EjItKZOSLGvjnJlyng="   /* of u1:p1 */
#define ALL PDK_PERM_ALL

/* An entry of a list; NULL texts are null. */
struct row {
    int32_t perms;
    const char *scheme, *id;
};

struct fixture {
    struct pdk_acl_config config;
    struct pdk_fail_mem memory;
    struct pdk_identities ids;
    struct pdk_buf in, out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->config.digest_enabled = true;
    pdk_fail_mem_init(&f->memory);
    pdk_identities_init(&f->ids, &f->memory.mem);
    pdk_buf_init(&f->in, &f->memory.mem, 1 << 24);
    pdk_buf_init(&f->out, &f->memory.mem, 1 << 24);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pdk_identities_deinit(&f->ids);
    pdk_buf_deinit(&f->in);
    pdk_buf_deinit(&f->out);
    int leaked = f->memory.live > 0 ? -1 : 0;
    free(f);
    return leaked;
}

static struct pdk_slice text_of(const char *text)
{
    return text != NULL ? pdk_slice_str(text) : pdk_slice_null();
}

static void put_rows(struct pdk_buf *b, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pdk_acl acl = {.perms = rows[i].perms,
                              .id = {.scheme = text_of(rows[i].scheme), .id = text_of(rows[i].id)}};
        pdk_put_acl(b, &acl);
    }
    assert_false(b->failed);
}

/* The list with its count, good until the next use. */
static struct pdk_slice list_of(struct fixture *f, const struct row *rows, size_t count)
{
    pdk_buf_clear(&f->in);
    pdk_put_i32(&f->in, (int32_t)count);
    put_rows(&f->in, rows, count);
    return pdk_buf_slice(&f->in);
}

static struct pdk_vec vec_of(struct fixture *f, const struct row *rows, size_t count)
{
    pdk_buf_clear(&f->in);
    put_rows(&f->in, rows, count);
    return pdk_vec_of((int32_t)count, pdk_buf_slice(&f->in));
}

static enum pdk_code fix(struct fixture *f, const struct pdk_vec *list)
{
    pdk_buf_clear(&f->out);
    return pdk_acl_fix(&f->config, list, &f->ids, f->ids.count, &f->out);
}

static void assert_list(struct pdk_slice got, const struct row *want, size_t count)
{
    struct pdk_reader r = pdk_reader_of(got);
    struct pdk_vec v = pdk_read_acl_vec(&r);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    assert_int_equal(v.count, count);
    struct pdk_reader it = pdk_reader_of(v.body);
    for (size_t i = 0; i < count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&it, &acl);
        assert_int_equal(acl.perms, want[i].perms);
        assert_true(pdk_slice_eq(acl.id.scheme, text_of(want[i].scheme)));
        if (!pdk_slice_eq(acl.id.id, text_of(want[i].id)))
            fail_msg("entry %zu: id \"%.*s\", want \"%s\"", i, (int)acl.id.id.len,
                     (const char *)acl.id.id.bytes, want[i].id);
    }
}

static void identify(struct fixture *f, const char *scheme, const char *id)
{
    assert_int_equal(pdk_identities_add(&f->ids, text_of(scheme), text_of(id)), PDK_OK);
}

static bool allows(struct fixture *f, const struct row *rows, size_t count, int32_t perms)
{
    return pdk_acl_allows(&f->config, list_of(f, rows, count), perms, &f->ids, f->ids.count);
}

/* ---- the check ------------------------------------------------------------------------------- */

static void each_bit_opens_its_own_gate_only(void **state)
{
    struct fixture *f = *state;
    identify(f, "ip", "127.0.0.1");
    identify(f, "digest", BOB);
    const struct row forms[] = {{0, "world", "anyone"},
                                {0, "ip", "127.0.0.1"},
                                {0, "ip", "127.0.0.0/8"},
                                {0, "digest", BOB}};
    for (size_t i = 0; i < PDK_COUNT_OF(forms); i++) {
        for (int32_t have = 0; have < 64; have++) {
            struct row row = {have, forms[i].scheme, forms[i].id};
            for (int32_t need = 1; need <= ALL; need++) {
                if (allows(f, &row, 1, need) != ((have & need) != 0))
                    fail_msg("%s with %d asked for %d", row.scheme, have, need);
            }
        }
    }
}

static void entries_match_only_their_own_identities(void **state)
{
    struct fixture *f = *state;
    identify(f, "ip", "10.1.2.3");
    identify(f, "digest", BOB);
    identify(f, "other", U1);
    identify(f, "world", "somebody");
    static const struct {
        struct row row;
        bool want;
    } rows[] = {
        {{ALL, "world", "anyone"}, true},   {{ALL, "world", "Anyone"}, false},
        {{ALL, "world", ""}, false},        {{ALL, "World", "anyone"}, false},
        {{ALL, "digest", BOB}, true},       {{ALL, "digest", U1}, false},
        {{ALL, "digest", "bob:x"}, false},  {{ALL, "digest", ""}, false},
        {{ALL, "ip", "10.1.2.3"}, true},    {{ALL, "ip", "10.1.2.4"}, false},
        {{ALL, "ip", "10.1.0.0/16"}, true}, {{ALL, "ip", BOB}, false},
        {{ALL, "ip", "::/0"}, false},       {{ALL, "auth", ""}, false},
        {{ALL, "auth", BOB}, false},        {{ALL, "super", ""}, false},
        {{ALL, "sasl", "bob"}, false},      {{ALL, "x509", "CN=bob"}, false},
        {{ALL, "digest", NULL}, false},     {{ALL, NULL, "anyone"}, false},
        {{ALL, NULL, NULL}, false},         {{ALL, "world", NULL}, false},
        {{ALL & ~1, "digest", BOB}, false}, {{-1, "digest", BOB}, true},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        if (allows(f, &rows[i].row, 1, PDK_PERM_READ) != rows[i].want)
            fail_msg("row %zu: want %d", i, rows[i].want);
    }
}

static void any_entry_that_matches_suffices(void **state)
{
    struct fixture *f = *state;
    identify(f, "digest", U1);
    const struct row list[] = {{PDK_PERM_READ, "digest", BOB},
                               {PDK_PERM_WRITE, "digest", U1},
                               {PDK_PERM_READ, "digest", U1}};
    assert_true(allows(f, list, 3, PDK_PERM_READ));
    assert_false(allows(f, list, 2, PDK_PERM_READ));
    assert_true(allows(f, list, 2, PDK_PERM_READ | PDK_PERM_WRITE));
    assert_false(allows(f, list, 3, PDK_PERM_ADMIN));
}

static void an_empty_list_and_skip_and_super_open_everything(void **state)
{
    struct fixture *f = *state;
    const struct row closed = {0, "world", "anyone"};
    assert_false(allows(f, &closed, 1, ALL));
    assert_true(allows(f, &closed, 0, ALL));
    assert_true(pdk_acl_allows(&f->config, pdk_slice_null(), ALL, &f->ids, 0));
    assert_true(pdk_acl_allows(&f->config, pdk_slice_of("\xff\xff\xff\xff", 4), ALL, &f->ids, 0));
    identify(f, "ip", "1.1.1.1");
    identify(f, "super", "");
    assert_true(allows(f, &closed, 1, ALL));
    /* A request received before the super user came is judged without him. */
    assert_false(pdk_acl_allows(&f->config, list_of(f, &closed, 1), ALL, &f->ids, 1));
    f->config.skip = true;
    assert_true(pdk_acl_allows(&f->config, list_of(f, &closed, 1), ALL, &f->ids, 0));
}

static void only_the_identities_of_the_request_count(void **state)
{
    struct fixture *f = *state;
    identify(f, "ip", "1.1.1.1");
    identify(f, "digest", BOB);
    const struct row list = {ALL, "digest", BOB};
    struct pdk_slice encoded = list_of(f, &list, 1);
    assert_false(pdk_acl_allows(&f->config, encoded, 1, &f->ids, 1));
    assert_true(pdk_acl_allows(&f->config, encoded, 1, &f->ids, 2));
}

static void a_scheme_that_is_off_matches_nobody(void **state)
{
    struct fixture *f = *state;
    identify(f, "digest", BOB);
    const struct row list = {ALL, "digest", BOB};
    f->config.digest_enabled = false;
    assert_false(allows(f, &list, 1, 1));
    struct pdk_vec v = vec_of(f, &list, 1);
    assert_int_equal(fix(f, &v), PDK_CODE_INVALID_ACL);
    const struct row as_me = {ALL, "auth", ""};
    v = vec_of(f, &as_me, 1);
    assert_int_equal(fix(f, &v), PDK_CODE_INVALID_ACL);
    assert_int_equal(
        pdk_acl_authenticate(&f->config, &f->ids, pdk_slice_str("digest"), pdk_slice_str("u1:p1")),
        PDK_CODE_AUTH_FAILED);
}

static void bytes_that_are_no_list_open_nothing(void **state)
{
    struct fixture *f = *state;
    const struct row list[] = {{0, "world", "anyone"}, {ALL, "world", "anyone"}};
    struct pdk_slice whole = list_of(f, list, 2);
    for (size_t len = 1; len < whole.len; len++) {
        if (pdk_acl_allows(&f->config, pdk_slice_of(whole.bytes, len), 1, &f->ids, 0))
            fail_msg("cut to %zu bytes the list opens", len);
    }
    assert_true(pdk_acl_allows(&f->config, whole, 1, &f->ids, 0));
}

/* ---- fixing ---------------------------------------------------------------------------------- */

static void lists_that_are_refused(void **state)
{
    struct fixture *f = *state;
    identify(f, "ip", "127.0.0.1");
    identify(f, "super", "");
    static const struct row bad[] = {
        {ALL, "world", "x"},
        {ALL, "world", ""},
        {ALL, "world", NULL},
        {ALL, "World", "anyone"},
        {ALL, NULL, "x"},
        {ALL, NULL, NULL},
        {ALL, "", ""},
        {ALL, "nosuch", "x"},
        {ALL, "nosuch", NULL},
        {ALL, "super", ""},
        {ALL, "super", BOB},
        {ALL, "sasl", "bob"},
        {ALL, "x509", "CN=bob"},
        {ALL, "auth", ""}, /* neither ip nor super proves who somebody is */
        {ALL, "digest", NULL},
        {ALL, "digest", ""},
        {ALL, "digest", "nocolon"},
        {ALL, "digest", "a:"},
        {ALL, "digest", ":"},
        {ALL, "digest", "a:b:c"},
        {ALL, "digest", "::b"},
        {ALL, "ip", NULL},
        {ALL, "ip", "1.2.3"},
        {ALL, "ip", "1.2.3.4/33"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        const struct row list[] = {{ALL, "world", "anyone"}, bad[i], {1, "world", "anyone"}};
        struct pdk_vec v = vec_of(f, list, 3);
        pdk_buf_clear(&f->out);
        pdk_put_u8(&f->out, 7);
        enum pdk_code code = pdk_acl_fix(&f->config, &v, &f->ids, f->ids.count, &f->out);
        if (code != PDK_CODE_INVALID_ACL) fail_msg("row %zu gives %d", i, (int)code);
        assert_int_equal(f->out.len, 1);
        assert_false(f->out.failed);
    }
    struct pdk_vec none = pdk_vec_null();
    assert_int_equal(fix(f, &none), PDK_CODE_INVALID_ACL);
    none = pdk_vec_of(0, pdk_slice_str(""));
    assert_int_equal(fix(f, &none), PDK_CODE_INVALID_ACL);
}

static void lists_that_are_kept_as_they_are(void **state)
{
    struct fixture *f = *state;
    static const struct row good[] = {
        {ALL, "world", "anyone"}, {0, "world", "anyone"},   {0xff, "world", "anyone"},
        {-1, "world", "anyone"},  {1, "digest", BOB},       {1, "digest", "a:b:"},
        {1, "digest", ":b"},      {2, "ip", "127.0.0.0/8"}, {3, "ip", "2001:db8::/32"},
    };
    struct pdk_vec v = vec_of(f, good, PDK_COUNT_OF(good));
    assert_int_equal(fix(f, &v), PDK_CODE_OK);
    assert_list(pdk_buf_slice(&f->out), good, PDK_COUNT_OF(good));
}

static void the_first_of_equal_entries_is_kept(void **state)
{
    struct fixture *f = *state;
    const struct row list[] = {{1, "world", "anyone"}, {2, "world", "anyone"}, {1, "digest", "a:b"},
                               {1, "world", "anyone"}, {1, "digest", "a:b"},   {1, "digest", "a:c"},
                               {2, "world", "anyone"}};
    const struct row want[] = {
        {1, "world", "anyone"}, {2, "world", "anyone"}, {1, "digest", "a:b"}, {1, "digest", "a:c"}};
    struct pdk_vec v = vec_of(f, list, PDK_COUNT_OF(list));
    assert_int_equal(fix(f, &v), PDK_CODE_OK);
    assert_list(pdk_buf_slice(&f->out), want, PDK_COUNT_OF(want));
}

static void auth_becomes_every_identity_that_proves_somebody(void **state)
{
    struct fixture *f = *state;
    identify(f, "ip", "127.0.0.1");
    identify(f, "digest", BOB);
    identify(f, "super", "");
    identify(f, "digest", U1);
    const struct row list[] = {
        {4, "world", "anyone"}, {3, "auth", "whatever"}, {1, "auth", NULL}, {3, "auth", "other"}};
    /* Apache removes duplicates before it expands, not behind. */
    const struct row want[] = {{4, "world", "anyone"}, {3, "digest", BOB}, {3, "digest", U1},
                               {1, "digest", BOB},     {1, "digest", U1},  {3, "digest", BOB},
                               {3, "digest", U1}};
    struct pdk_vec v = vec_of(f, list, PDK_COUNT_OF(list));
    assert_int_equal(fix(f, &v), PDK_CODE_OK);
    assert_list(pdk_buf_slice(&f->out), want, PDK_COUNT_OF(want));

    pdk_buf_clear(&f->out);
    assert_int_equal(pdk_acl_fix(&f->config, &v, &f->ids, 1, &f->out), PDK_CODE_INVALID_ACL);
    assert_int_equal(pdk_acl_fix(&f->config, &v, &f->ids, 2, &f->out), PDK_CODE_OK);
    const struct row early[] = {
        {4, "world", "anyone"}, {3, "digest", BOB}, {1, "digest", BOB}, {3, "digest", BOB}};
    assert_list(pdk_buf_slice(&f->out), early, PDK_COUNT_OF(early));
}

static void malformed_text_is_stored_as_apache_decodes_it(void **state)
{
    struct fixture *f = *state;
    const struct row list[] = {
        {1, "digest", "J\xf6rg:a"}, {1, "digest", "J\xefrg:a"}, {1, "digest", "b:c"}};
    const struct row want[] = {{1, "digest", "J\xef\xbf\xbdrg:a"}, {1, "digest", "b:c"}};
    struct pdk_vec v = vec_of(f, list, PDK_COUNT_OF(list));
    assert_int_equal(fix(f, &v), PDK_CODE_OK);
    assert_list(pdk_buf_slice(&f->out), want, PDK_COUNT_OF(want));
    identify(f, "digest", BOB);
    const struct row null_id[] = {{1, "digest", "J\xf6:a"}, {2, "auth", NULL}, {2, "auth", ""}};
    const struct row twice[] = {
        {1, "digest", "J\xef\xbf\xbd:a"}, {2, "digest", BOB}, {2, "digest", BOB}};
    v = vec_of(f, null_id, 3);
    assert_int_equal(fix(f, &v), PDK_CODE_OK);
    assert_list(pdk_buf_slice(&f->out), twice, 3);
    const struct row bad_scheme[] = {{1, "dig\xff", "a:b"}, {1, NULL, NULL}};
    v = vec_of(f, bad_scheme, 2);
    assert_int_equal(fix(f, &v), PDK_CODE_INVALID_ACL);
}

/* Lists around the length at which the way of finding duplicates changes, and long ones. */
static void duplicates_go_from_lists_of_any_length(void **state)
{
    struct fixture *f = *state;
    enum { MOST = 300 };
    static char ids[MOST][16];
    for (uint64_t run = 1; run <= 60; run++) {
        struct pdk_prng g;
        pdk_prng_init(&g, run);
        size_t count = 1 + (size_t)pdk_prng_below(&g, run % 2 == 0 ? 40 : MOST), kept = 0;
        struct row list[MOST], want[MOST];
        uint64_t spread = 1 + pdk_prng_below(&g, count);
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(ids[i], sizeof ids[i], "u:%llu",
                           (unsigned long long)(pdk_prng_below(&g, spread) * 37));
            list[i] = (struct row){1 + (int32_t)pdk_prng_below(&g, 2), "digest", ids[i]};
            size_t same = 0;
            while (same < kept &&
                   (want[same].perms != list[i].perms || strcmp(want[same].id, list[i].id) != 0))
                same++;
            if (same == kept) want[kept++] = list[i];
        }
        print_message("seed %llu: %zu of %zu\n", (unsigned long long)run, kept, count);
        struct pdk_vec v = vec_of(f, list, count);
        assert_int_equal(fix(f, &v), PDK_CODE_OK);
        assert_list(pdk_buf_slice(&f->out), want, kept);
    }
}

static void no_room_for_the_list_leaves_the_buffer_as_it_was(void **state)
{
    struct fixture *f = *state;
    identify(f, "digest", BOB);
    struct row list[20];
    for (size_t i = 0; i < 20; i++) list[i] = (struct row){(int32_t)i, "auth", "J\xf6rg"};
    struct pdk_vec v = vec_of(f, list, 20);
    struct pdk_buf small;
    for (size_t limit = 1; limit < 1000; limit += 37) {
        pdk_buf_init(&small, &f->memory.mem, limit);
        pdk_put_u8(&small, 7);
        assert_int_equal(pdk_acl_fix(&f->config, &v, &f->ids, 1, &small), PDK_CODE_SYSTEM_ERROR);
        assert_int_equal(small.len, 1);
        assert_false(small.failed);
        pdk_buf_deinit(&small);
    }
    size_t refused = 0;
    for (size_t nth = 1;; nth++) {
        struct pdk_buf out;
        pdk_buf_init(&out, &f->memory.mem, SIZE_MAX);
        pdk_fail_mem_at(&f->memory, nth);
        enum pdk_code code = pdk_acl_fix(&f->config, &v, &f->ids, 1, &out);
        size_t len = out.len;
        bool failed = out.failed;
        pdk_buf_deinit(&out);
        if (code == PDK_CODE_OK) break;
        assert_int_equal(code, PDK_CODE_SYSTEM_ERROR);
        assert_int_equal(len, 0);
        assert_false(failed);
        refused++;
    }
    assert_true(refused >= 4);
}

/* ---- authentication -------------------------------------------------------------------------- */

static enum pdk_code authenticate(struct fixture *f, const char *scheme, const char *auth)
{
    return pdk_acl_authenticate(&f->config, &f->ids, text_of(scheme), text_of(auth));
}

static void digests_are_those_of_apache(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *algorithm, *auth, *id;
    } rows[] = {
        {"", "bob:pw", BOB},
        {"", "u1:p1", U1},
        {"", "nocolon", "nocolon:Ra+cHr2ZoHvBjtNArFGNGlVie4g="},
        {"", "", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
        {"SHA1", "a:b:c", "a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0="},
        /* Latin-1: Java hashes what it has decoded. */
        {"", "p:\xe9", "p:dZsovimxvkJMEHrFD+OpdnUv6hk="},
        {"", "\xe9:x", "\xef\xbf\xbd:MRJvuUNgOr/X35TrsstivNIZKtg="},
        {"SHA-256", "bob:pw", "bob:lXdkgIa9O1CDDWAryQ0pe9wUYi2LkG6M7Uocn/Vyn2g="},
        {"SHA3-512", "bob:pw",
         "bob:9JiU1QoRHYjkQxinb/Pky+SyJQD3SLv3LWNYy7TX/"
         "W5j+QuI+VpFa9SjJxvJcHoP9V3Nqf0j+v3SigN2Lchj6Q"
         "=="},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        f->config.digest_algorithm = pdk_slice_str(rows[i].algorithm);
        assert_int_equal(authenticate(f, "digest", rows[i].auth), PDK_CODE_OK);
        assert_int_equal(f->ids.count, i + 1);
        assert_string_equal(f->ids.items[i].scheme, "digest");
        assert_string_equal(f->ids.items[i].id, rows[i].id);
    }
    f->config.digest_algorithm = pdk_slice_null();
    assert_int_equal(authenticate(f, "digest", "bob:pw"), PDK_CODE_OK);
    assert_int_equal(f->ids.count, PDK_COUNT_OF(rows));
    assert_false(f->ids.is_super);
}

static void the_super_user_gets_both_identities(void **state)
{
    struct fixture *f = *state;
    f->config.super_digest = pdk_slice_str("super:lK75jTNcA+U9vtVEw5vB51mj/w4=");
    assert_int_equal(authenticate(f, "digest", "super:wrong"), PDK_CODE_OK);
    assert_int_equal(f->ids.count, 1);
    assert_false(f->ids.is_super);
    assert_int_equal(authenticate(f, "digest", "super:secret"), PDK_CODE_OK);
    assert_int_equal(f->ids.count, 3);
    assert_true(f->ids.is_super);
    assert_string_equal(f->ids.items[1].scheme, "super");
    assert_string_equal(f->ids.items[1].id, "");
    assert_string_equal(f->ids.items[2].id, "super:lK75jTNcA+U9vtVEw5vB51mj/w4=");
}

static void an_auth_packet_adds_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    f->config.super_digest = pdk_slice_str("super:lK75jTNcA+U9vtVEw5vB51mj/w4=");
    size_t refused = 0;
    for (size_t nth = 1;; nth++) {
        pdk_fail_mem_at(&f->memory, nth);
        if (authenticate(f, "digest", "super:secret") == PDK_CODE_OK) break;
        assert_int_equal(f->ids.count, 0);
        assert_false(f->ids.is_super);
        refused++;
    }
    assert_true(refused >= 4); /* two texts, the array (kept), two identities */
    assert_int_equal(f->ids.count, 2);
    pdk_fail_mem_at(&f->memory, 0);
    /* The last free place is not enough for two. */
    pdk_identities_deinit(&f->ids);
    for (int i = 0; i + 1 < PDK_IDENTITIES_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        identify(f, "digest", id);
    }
    assert_int_equal(authenticate(f, "digest", "super:secret"), PDK_CODE_AUTH_FAILED);
    assert_int_equal(f->ids.count, PDK_IDENTITIES_MAX - 1);
    assert_false(f->ids.is_super);
}

static void packets_that_fail(void **state)
{
    struct fixture *f = *state;
    static const char *const schemes[] = {"super", "world", "auth", "sasl",   "x509", "nosuch",
                                          "",      "IP",    NULL,   "Digest", "key",  "ensemble"};
    for (size_t i = 0; i < PDK_COUNT_OF(schemes); i++)
        assert_int_equal(authenticate(f, schemes[i], "x"), PDK_CODE_AUTH_FAILED);
    assert_int_equal(authenticate(f, "digest", NULL), PDK_CODE_AUTH_FAILED);
    static char big[PDK_IDENTITIES_BYTES_MAX + 1];
    memset(big, 'b', sizeof big);
    struct pdk_slice digest = pdk_slice_str("digest");
    assert_int_equal(
        pdk_acl_authenticate(&f->config, &f->ids, digest, pdk_slice_of(big, sizeof big)),
        PDK_CODE_AUTH_FAILED);
    f->config.digest_algorithm = pdk_slice_str("nosuch");
    assert_int_equal(authenticate(f, "digest", "bob:pw"), PDK_CODE_AUTH_FAILED);
    f->config.digest_algorithm = pdk_slice_of(big, 100);
    assert_int_equal(authenticate(f, "digest", "bob:pw"), PDK_CODE_AUTH_FAILED);
    assert_int_equal(f->ids.count, 0);
}

static void the_address_needs_no_packet_but_may_send_one(void **state)
{
    struct fixture *f = *state;
    identify(f, "ip", "127.0.0.1");
    assert_int_equal(authenticate(f, "ip", "whatever"), PDK_CODE_OK);
    assert_int_equal(authenticate(f, "ip", NULL), PDK_CODE_OK);
    assert_int_equal(f->ids.count, 1);
}

/* ---- masking --------------------------------------------------------------------------------- */

static void hashes_are_hidden_from_those_without_admin(void **state)
{
    struct fixture *f = *state;
    const struct row list[] = {{1, "world", "anyone"},
                               {31, "digest", BOB},
                               {2, "ip", "::1"},
                               {3, "digest", ":x"},
                               {4, "digest", "a:"},
                               {5, "digest", "nocolon"},
                               {6, "digest", NULL},
                               {7, "sasl", "a:b"},
                               {8, "digest", "a:b\nc:d:e\r\nf:"},
                               {9, "digest", "a:b\xe2\x80\xa8:c\xe2\x80\xa7:d"},
                               {10, "digest", "a:b\xc2\x85z"},
                               {11, NULL, "a:b"}};
    const struct row want[] = {{1, "world", "anyone"},
                               {31, "digest", "bob:x"},
                               {2, "ip", "::1"},
                               {3, "digest", ":x"},
                               {4, "digest", "a:x"},
                               {5, "digest", "nocolon"},
                               {6, "digest", NULL},
                               {7, "sasl", "a:b"},
                               {8, "digest", "a:x\nc:x\r\nf:x"},
                               {9, "digest", "a:x\xe2\x80\xa8:x"},
                               {10, "digest", "a:x\xc2\x85z"},
                               {11, NULL, "a:b"}};
    pdk_acl_put_masked(list_of(f, list, PDK_COUNT_OF(list)), &f->out);
    assert_list(pdk_buf_slice(&f->out), want, PDK_COUNT_OF(want));
}

static void masking_anything_gives_a_list(void **state)
{
    struct fixture *f = *state;
    const struct row list[] = {{1, "digest", BOB}, {1, "world", "anyone"}};
    struct pdk_slice whole = list_of(f, list, 2);
    for (size_t len = 0; len < whole.len; len++) {
        pdk_buf_clear(&f->out);
        pdk_acl_put_masked(pdk_slice_of(whole.bytes, len), &f->out);
        assert_list(pdk_buf_slice(&f->out), NULL, 0);
    }
    pdk_buf_clear(&f->out);
    pdk_acl_put_masked(pdk_slice_of("\xff\xff\xff\xff", 4), &f->out);
    assert_true(pdk_slice_eq(pdk_buf_slice(&f->out), pdk_slice_of("\xff\xff\xff\xff", 4)));
    /* A buffer without room fails, nothing else. */
    struct pdk_buf small;
    pdk_buf_init(&small, &f->memory.mem, 30);
    pdk_acl_put_masked(whole, &small);
    assert_true(small.failed);
    pdk_buf_deinit(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_bit_opens_its_own_gate_only),
        TEST(entries_match_only_their_own_identities),
        TEST(any_entry_that_matches_suffices),
        TEST(an_empty_list_and_skip_and_super_open_everything),
        TEST(only_the_identities_of_the_request_count),
        TEST(a_scheme_that_is_off_matches_nobody),
        TEST(bytes_that_are_no_list_open_nothing),
        TEST(lists_that_are_refused),
        TEST(lists_that_are_kept_as_they_are),
        TEST(the_first_of_equal_entries_is_kept),
        TEST(auth_becomes_every_identity_that_proves_somebody),
        TEST(malformed_text_is_stored_as_apache_decodes_it),
        TEST(duplicates_go_from_lists_of_any_length),
        TEST(no_room_for_the_list_leaves_the_buffer_as_it_was),
        TEST(digests_are_those_of_apache),
        TEST(the_super_user_gets_both_identities),
        TEST(an_auth_packet_adds_all_or_nothing),
        TEST(packets_that_fail),
        TEST(the_address_needs_no_packet_but_may_send_one),
        TEST(hashes_are_hidden_from_those_without_admin),
        TEST(masking_anything_gives_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
