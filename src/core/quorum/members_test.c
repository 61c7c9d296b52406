#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_fail.h"
#include "core/quorum/testing.h"

#define THREE \
    "server.1=a:1:2:participant;0.0.0.0:5\nserver.3=c:1:2:participant;5\n" \
    "server.7=d:1:2|b:3:4:observer;5\n"

static void sets_hold_ids_from_0_to_255(void **state)
{
    (void)state;
    struct pdk_sids s = {0};
    static const pdk_sid ids[] = {0, 63, 64, 127, 128, 255};
    for (size_t i = 0; i < PDK_COUNT_OF(ids); i++) {
        assert_false(pdk_sids_has(&s, ids[i]));
        pdk_sids_add(&s, ids[i]);
        pdk_sids_add(&s, ids[i]);
        assert_true(pdk_sids_has(&s, ids[i]));
        assert_int_equal(pdk_sids_count(&s), i + 1);
    }
    static const pdk_sid others[] = {-1, 256, PDK_SID_NONE, INT64_MAX, -255};
    for (size_t i = 0; i < PDK_COUNT_OF(others); i++) {
        pdk_sids_add(&s, others[i]);
        assert_false(pdk_sids_has(&s, others[i]));
        pdk_sids_remove(&s, others[i]);
    }
    assert_int_equal(pdk_sids_count(&s), PDK_COUNT_OF(ids));
    pdk_sids_remove(&s, 64);
    pdk_sids_remove(&s, 1);
    assert_false(pdk_sids_has(&s, 64));
    assert_int_equal(pdk_sids_count(&s), PDK_COUNT_OF(ids) - 1);
}

static void the_last_drop_frees(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_members *m;
    assert_int_equal(pdk_members_parse(&f.mem, pdk_slice_str(THREE), 0, &m, NULL), PDK_OK);
    assert_int_equal(f.live, 1);
    assert_ptr_equal(pdk_members_hold(m), m);
    pdk_members_drop(m);
    assert_int_equal(f.live, 1);
    pdk_members_drop(m);
    assert_int_equal(f.live, 0);
    assert_null(pdk_members_hold(NULL));
    pdk_members_drop(NULL);
}

static void members_are_found_by_id(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(THREE);
    for (pdk_sid sid = -1; sid < 10; sid++) {
        const struct pdk_member *got = pdk_members_find(m, sid);
        bool there = sid == 1 || sid == 3 || sid == 7;
        assert_int_equal(got != NULL, there);
        if (there) assert_int_equal(got->sid, sid);
        assert_int_equal(pdk_members_has_voter(m, sid), sid == 1 || sid == 3);
        assert_int_equal(pdk_members_weight(m, sid), 1);
    }
    assert_null(pdk_members_find(m, PDK_SID_NONE));
    assert_null(pdk_members_find(m, INT64_MAX));
    pdk_members_drop(m);
}

static void two_hundred_and_fifty_six_members_are_found(void **state)
{
    (void)state;
    struct pdk_buf text;
    pdk_buf_init(&text, pdk_mem_heap(), 1 << 20);
    for (int sid = PDK_SID_MAX; sid >= 0; sid--)
        pdk_put_text(&text, "server.%d=host-%d:1:2\n", sid, sid);
    struct pdk_members *m;
    assert_int_equal(pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&text), 0, &m, NULL), PDK_OK);
    assert_int_equal(m->count, PDK_MEMBERS_MAX);
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        assert_int_equal(m->items[sid].sid, sid);
        assert_ptr_equal(pdk_members_find(m, sid), &m->items[sid]);
    }
    pdk_members_drop(m);
    pdk_buf_deinit(&text);
}

static void another_version_has_the_same_members(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(THREE "group.1=1:3\nweight.1=2\nversion=5");
    struct pdk_members *copy = pdk_members_with_version(m, 0x100000000);
    assert_int_equal(m->version, 5);
    assert_int_equal(copy->version, 0x100000000);
    assert_true(copy->hierarchical);
    assert_int_equal(copy->groups[0].weight, 3);
    assert_true(pdk_members_equal(m, copy));
    pdk_members_drop(m); /* the copy stands alone */
    assert_string_equal(pdk_members_find(copy, 7)->addresses[0].host, "b");
    assert_string_equal(pdk_members_find(copy, 1)->client.host, "0.0.0.0");
    pdk_members_drop(copy);
}

static void expect_equal(const char *a, const char *b, bool want)
{
    struct pdk_members *left = pdk_members_of_text(a), *right = pdk_members_of_text(b);
    if (pdk_members_equal(left, right) != want || pdk_members_equal(right, left) != want)
        fail_msg("<%s> and <%s>: want %d", a, b, (int)want);
    assert_true(pdk_members_equal(left, left));
    pdk_members_drop(left);
    pdk_members_drop(right);
}

static void configs_are_equal_by_version_or_by_members(void **state)
{
    (void)state;
    static const char base[] = "server.1=a:1:2;5\nserver.2=b:1:2\n";
    static const char *const same[] = {"server.2=B:1:2:participant\nserver.1=a:1:2;0.0.0.0:5\n",
                                       "server.1=a:1:2;5;6\nserver.2=b:1:2\n"};
    static const char *const other[] = {"server.1=a:1:2;5\n",
                                        "server.1=a:1:2;5\nserver.2=b:1:2\nserver.3=c:1:2\n",
                                        "server.1=a:1:2;5\nserver.3=b:1:2\n",
                                        "server.1=a:1:2;5\nserver.2=b:1:2:observer\n",
                                        "server.1=a:1:2;5\nserver.2=c:1:2\n",
                                        "server.1=a:1:2;5\nserver.2=b:3:2\n",
                                        "server.1=a:1:2;5\nserver.2=b:1:3\n",
                                        "server.1=a:1:2;6\nserver.2=b:1:2\n",
                                        "server.1=a:1:2;[::]:5\nserver.2=b:1:2\n",
                                        "server.1=a:1:2\nserver.2=b:1:2\n",
                                        "server.1=a:1:2;5\nserver.2=b:1:2|c:1:2\n",
                                        "server.1=a:1:2;5\nserver.2=b:1:2\ngroup.0=1:2\n"};
    char text[300], versioned[300];
    for (size_t i = 0; i < PDK_COUNT_OF(same) + PDK_COUNT_OF(other); i++) {
        bool want = i < PDK_COUNT_OF(same);
        const char *candidate = want ? same[i] : other[i - PDK_COUNT_OF(same)];
        (void)strcpy(text, candidate);
        (void)strcat(text, "version=2");
        expect_equal(base, text, want);
        (void)strcpy(versioned, base);
        (void)strcat(versioned, "version=2");
        expect_equal(versioned, text, true);
    }
}

static void equal_members_may_be_spelled_differently(void **state)
{
    (void)state;
    expect_equal("server.1=[::1]:1:2|b:3:4", "server.1=b:3:4|[0:0:0:0:0:0:0:1]:1:2\nversion=1",
                 true);
    expect_equal("server.1=a:1:2|b:3:4", "server.1=a:3:4|b:1:2\nversion=1", false);
    expect_equal("server.1=a:1:2;;6", "server.1=a:1:2;;7\nversion=1", false);
}

static void groups_and_weights_belong_to_what_is_compared(void **state)
{
    (void)state;
    static const char base[] = "server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1:2\n";
    expect_equal(base, "server.1=a:1:2\nserver.2=b:1:2\ngroup.1=2:1\nweight.1=1\nversion=1", true);
    expect_equal(base, "server.1=a:1:2\nserver.2=b:1:2\ngroup.1=2:1\nweight.1=2\nversion=1", false);
    expect_equal(base, "server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1\ngroup.2=2\nversion=1", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_hold_ids_from_0_to_255),
        cmocka_unit_test(the_last_drop_frees),
        cmocka_unit_test(members_are_found_by_id),
        cmocka_unit_test(two_hundred_and_fifty_six_members_are_found),
        cmocka_unit_test(another_version_has_the_same_members),
        cmocka_unit_test(configs_are_equal_by_version_or_by_members),
        cmocka_unit_test(equal_members_may_be_spelled_differently),
        cmocka_unit_test(groups_and_weights_belong_to_what_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
