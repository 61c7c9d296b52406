#include "core/acl/acl.h"

#include "base/mem_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum pdk_err add(struct pdk_identities *ids, const char *scheme, const char *id)
{
    return pdk_identities_add(ids, pdk_slice_str(scheme), pdk_slice_str(id));
}

static void identities_keep_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct pdk_identities ids;
    pdk_identities_init(&ids, pdk_mem_heap());
    assert_int_equal(add(&ids, "ip", "127.0.0.1"), PDK_OK);
    assert_int_equal(add(&ids, "digest", "bob:x"), PDK_OK);
    assert_int_equal(add(&ids, "digest", ""), PDK_OK);
    assert_int_equal(ids.count, 3);
    assert_string_equal(ids.items[0].scheme, "ip");
    assert_string_equal(ids.items[0].id, "127.0.0.1");
    assert_string_equal(ids.items[1].scheme, "digest");
    assert_string_equal(ids.items[1].id, "bob:x");
    assert_int_equal(ids.items[2].id_len, 0);
    assert_false(ids.is_super);
    assert_int_equal(add(&ids, "super", ""), PDK_OK);
    assert_true(ids.is_super);
    pdk_identities_deinit(&ids);
    assert_int_equal(ids.count, 0);
    assert_false(ids.is_super);
}

static void a_repeated_identity_is_kept_once(void **state)
{
    (void)state;
    struct pdk_identities ids;
    pdk_identities_init(&ids, pdk_mem_heap());
    assert_int_equal(add(&ids, "digest", "a"), PDK_OK);
    assert_int_equal(add(&ids, "digest", "a"), PDK_OK);
    assert_int_equal(ids.count, 1);
    assert_int_equal(add(&ids, "ip", "a"), PDK_OK);
    assert_int_equal(add(&ids, "digest", "b"), PDK_OK);
    assert_int_equal(ids.count, 3);
    assert_int_equal(pdk_identities_add(&ids, pdk_slice_null(), pdk_slice_str("a")), PDK_EINVAL);
    assert_int_equal(pdk_identities_add(&ids, pdk_slice_str("ip"), pdk_slice_null()), PDK_EINVAL);
    assert_int_equal(ids.count, 3);
    pdk_identities_deinit(&ids);
}

static void number_and_text_are_limited(void **state)
{
    (void)state;
    struct pdk_identities ids;
    pdk_identities_init(&ids, pdk_mem_heap());
    char id[16];
    for (int i = 0; i < PDK_IDENTITIES_MAX; i++) {
        (void)snprintf(id, sizeof id, "%d", i);
        assert_int_equal(add(&ids, "digest", id), PDK_OK);
    }
    assert_int_equal(add(&ids, "digest", "one more"), PDK_ENOMEM);
    assert_int_equal(add(&ids, "digest", "0"), PDK_OK);
    assert_int_equal(ids.count, PDK_IDENTITIES_MAX);
    pdk_identities_deinit(&ids);

    static char big[PDK_IDENTITIES_BYTES_MAX];
    memset(big, 'b', sizeof big);
    struct pdk_slice most = pdk_slice_of(big, sizeof big - 2);
    struct pdk_slice too_much = pdk_slice_of(big, sizeof big - 1);
    assert_int_equal(pdk_identities_add(&ids, pdk_slice_str("ip"), too_much), PDK_ENOMEM);
    assert_int_equal(ids.count, 0);
    assert_int_equal(pdk_identities_add(&ids, pdk_slice_str("ip"), most), PDK_OK);
    assert_int_equal(add(&ids, "", "x"), PDK_ENOMEM);
    assert_int_equal(ids.count, 1);
    pdk_identities_deinit(&ids);
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_identities ids;
    pdk_identities_init(&ids, &f.mem);
    size_t refused = 0;
    for (int i = 0; i < 20; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        size_t count = ids.count, bytes = ids.bytes;
        for (size_t nth = 1;; nth++) {
            pdk_fail_mem_at(&f, nth);
            if (add(&ids, "super", id) == PDK_OK) break;
            refused++;
            assert_int_equal(ids.count, count);
            assert_int_equal(ids.bytes, bytes);
            assert_int_equal(ids.is_super, i > 0);
        }
    }
    assert_true(refused >= 20);
    pdk_identities_deinit(&ids);
    assert_int_equal(f.live, 0);
}

static void the_user_is_what_who_am_i_shows(void **state)
{
    (void)state;
    static const struct {
        const char *scheme, *id, *user;
    } rows[] = {
        {"digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=", "bob"},
        {"digest", ":hash", ""},
        {"digest", "nocolon", "nocolon"},
        {"ip", "127.0.0.1", "127.0.0.1"},
        {"ip", "0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1"},
        {"super", "", ""},
        {"other", "x", ""},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        struct pdk_identities ids;
        pdk_identities_init(&ids, pdk_mem_heap());
        assert_int_equal(add(&ids, rows[i].scheme, rows[i].id), PDK_OK);
        assert_true(pdk_slice_eq_str(pdk_identity_user(&ids.items[0]), rows[i].user));
        pdk_identities_deinit(&ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities_keep_the_order_in_which_they_came),
        cmocka_unit_test(a_repeated_identity_is_kept_once),
        cmocka_unit_test(number_and_text_are_limited),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(the_user_is_what_who_am_i_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
