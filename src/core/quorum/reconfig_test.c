#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_fail.h"
#include "core/quorum/testing.h"

#define THREE \
    "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n" \
    "server.3=c:1:2:participant;0.0.0.0:5\n"

static struct pdk_slice said(const char *text)
{
    return text != NULL ? pdk_slice_str(text) : pdk_slice_null();
}

struct ask {
    const char *joining, *leaving, *all; /* NULL: not said */
    size_t min_voters;                   /* 0: 2 */
};

static enum pdk_err run(const char *before, const struct ask *ask, struct pdk_members **out,
                        struct pdk_diag *diag)
{
    struct pdk_members *m = pdk_members_of_text(before);
    m->version = 0x100000005;
    const struct pdk_reconfig change = {.joining = said(ask->joining),
                                        .leaving = said(ask->leaving),
                                        .new_members = said(ask->all)};
    enum pdk_err err =
        pdk_members_reconfig(m, &change, ask->min_voters > 0 ? ask->min_voters : 2, out, diag);
    pdk_members_drop(m);
    return err;
}

static void expect(const char *before, struct ask ask, const char *want)
{
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    if (run(before, &ask, &m, &diag) != PDK_OK) fail_msg("%s", diag.text);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    pdk_members_put_text(m, true, &b);
    char text[1000] = "";
    (void)strcat(text, want);
    (void)strcat(text, "version=0");
    if (!pdk_slice_eq_str(pdk_buf_slice(&b), text))
        fail_msg("got\n%.*s\nwant\n%s", (int)b.len, (const char *)b.bytes, text);
    assert_int_equal(m->holders, 1);
    pdk_buf_deinit(&b);
    pdk_members_drop(m);
}

static void expect_error(enum pdk_err want, const char *before, struct ask ask, const char *why)
{
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    if (run(before, &ask, &m, &diag) != want)
        fail_msg("taken, or refused otherwise than <%s>", why);
    assert_null(m);
    if (strstr(diag.text, why) == NULL) fail_msg("got <%s>, want <%s>", diag.text, why);
}

static void expect_refused(const char *before, struct ask ask, const char *why)
{
    expect_error(PDK_EINVAL, before, ask, why);
}

static void nothing_said_changes_nothing(void **state)
{
    (void)state;
    expect(THREE, (struct ask){0}, THREE);
    expect(THREE, (struct ask){.joining = "", .leaving = " , ,\n"}, THREE);
}

static void members_leave_and_join(void **state)
{
    (void)state;
    expect(THREE, (struct ask){.leaving = "3"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n");
    expect(THREE, (struct ask){.leaving = ",,3,"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n");
    expect("server.0=a:1:2\nserver.255=b:1:2\n", (struct ask){.joining = "server.7=c:1:2;5"},
           "server.0=a:1:2:participant\nserver.7=c:1:2:participant;0.0.0.0:5\n"
           "server.255=b:1:2:participant\n");
    expect(THREE, (struct ask){.joining = "server.0=d:1:2;5,server.255=e:1:2;5", .leaving = "255"},
           "server.0=d:1:2:participant;0.0.0.0:5\n" THREE
           "server.255=e:1:2:participant;0.0.0.0:5\n");
    expect(THREE "server.255=e:1:2;5\n", (struct ask){.leaving = "255"}, THREE);
    expect("server.0=a:1:2\nserver.255=b:1:2\nserver.7=c:1:2", (struct ask){.leaving = "7"},
           "server.0=a:1:2:participant\nserver.255=b:1:2:participant\n");
    expect(THREE, (struct ask){.leaving = " 1 ,\n2", .min_voters = 1},
           "server.3=c:1:2:participant;0.0.0.0:5\n");
    expect(THREE, (struct ask){.leaving = "9,77777,3"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n");
    expect(THREE, (struct ask){.joining = " server.5=e:1:2;7 , server.4=d:1:2:observer;d:8\n"},
           THREE "server.4=d:1:2:observer;d:8\nserver.5=e:1:2:participant;0.0.0.0:7\n");
    expect(THREE, (struct ask){.joining = "server.4=d:1:2;;8"},
           THREE "server.4=d:1:2:participant;;0.0.0.0:8\n");
}

static void who_joins_again_changes_its_role_or_address(void **state)
{
    (void)state;
    expect(THREE, (struct ask){.joining = "server.3=c:1:2:observer;5"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n"
           "server.3=c:1:2:observer;0.0.0.0:5\n");
    expect(THREE, (struct ask){.joining = "server.3=x:3:4;5,server.3=y:3:4;5"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n"
           "server.3=y:3:4:participant;0.0.0.0:5\n");
    /* Leaving comes first. */
    expect(THREE, (struct ask){.joining = "server.4=c:1:2;5,server.3=x:1:2;5", .leaving = "3"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n"
           "server.3=x:1:2:participant;0.0.0.0:5\nserver.4=c:1:2:participant;0.0.0.0:5\n");
}

static void bad_changes_are_refused(void **state)
{
    (void)state;
    expect_error(PDK_EMALFORMED, THREE, (struct ask){.leaving = "x"}, "leaving=x: ids are numbers");
    expect_error(PDK_EMALFORMED, THREE, (struct ask){.leaving = "-1"}, "ids are numbers");
    expect_error(PDK_EMALFORMED, THREE, (struct ask){.leaving = "2 3"}, "ids are numbers");
    expect_refused(THREE, (struct ask){.leaving = "2,3"}, "1 participants, and needs 2");
    expect_refused(THREE, (struct ask){.leaving = "1,2,3", .min_voters = 1}, "0 participants");
    expect_refused(THREE, (struct ask){.joining = "server.3=c:1:2:observer;5", .min_voters = 3},
                   "2 participants, and needs 3");
    expect_refused(THREE, (struct ask){.joining = "server.4=d:1:2"}, "needs a client port");
    expect_refused(THREE, (struct ask){.joining = "server.4=d:1:1;5"},
                   "must differ; allowed: host:");
    expect_refused(THREE, (struct ask){.joining = "server.256=d:1:2;5"}, "N from 0 to 255");
    expect_refused(THREE, (struct ask){.joining = "group.1=1:2:3"}, "who joins is server.N");
    expect_refused(THREE, (struct ask){.joining = "server.4"}, "server.4=");
    expect_refused(THREE, (struct ask){.joining = "4=d:1:2;5"}, "who joins is server.N");
}

static void an_address_has_one_owner(void **state)
{
    (void)state;
    static const char *const taken[] = {"server.4=c:1:9;7",
                                        "server.4=c:9:2;7",
                                        "server.4=C:2:9;7",
                                        "server.4=d:1:2;c:1",
                                        "server.4=d:1:2;7;c:2",
                                        "server.4=d:1:2|c:1:7;7",
                                        "server.4=x:1:2;7,server.5=x:3:1;7"};
    for (size_t i = 0; i < PDK_COUNT_OF(taken); i++)
        expect_refused(THREE, (struct ask){.joining = taken[i]}, " both have ");
    expect_refused("server.0=a:1:2\nserver.255=b:1:2\n",
                   (struct ask){.joining = "server.7=a:1:3;5"}, "server.7 and server.0 both");
    expect_refused("server.0=a:1:2\nserver.255=b:1:2\n",
                   (struct ask){.joining = "server.7=b:1:3;5"}, "server.7 and server.255 both");
    expect_refused(THREE "server.6=[::2]:1:2;f:6;g:7",
                   (struct ask){.joining = "server.4=[0:0::0:2]:2:3;7"}, "server.4 and server.6");
    expect_refused(THREE "server.6=f:1:2;f:6;g:7", (struct ask){.joining = "server.4=g:7:8;7"},
                   "server.4 and server.6 both have g:7");
    /* Its own, and those that mean another machine for everybody. */
    expect(THREE, (struct ask){.joining = "server.3=c:1:2;c:5"},
           "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;0.0.0.0:5\n"
           "server.3=c:1:2:participant;c:5\n");
    expect("server.1=127.0.0.1:1:2;5\nserver.2=localhost:1:2;5\n",
           (struct ask){.joining = "server.3=127.0.0.1:1:2;5,server.4=localhost:1:2;[::]:5"},
           "server.1=127.0.0.1:1:2:participant;0.0.0.0:5\n"
           "server.2=localhost:1:2:participant;0.0.0.0:5\n"
           "server.3=127.0.0.1:1:2:participant;0.0.0.0:5\n"
           "server.4=localhost:1:2:participant;[::]:5\n");
    expect_refused(THREE, (struct ask){.all = "server.1=a:1:2;5,server.2=b:1:2;5,server.3=a:3:1;5"},
                   " both have a:1");
    expect_refused(THREE, (struct ask){.all = "server.1=a:1:2;5,server.2=b:1:2;5,server.3=b:3:1;5"},
                   " both have b:1");
}

static void a_whole_new_list_replaces_all(void **state)
{
    (void)state;
    expect(THREE, (struct ask){.all = "server.2=b:1:2,server.7=g:1:2:participant;6\nversion=77"},
           "server.2=b:1:2:participant\nserver.7=g:1:2:participant;0.0.0.0:6\n");
    expect(THREE, (struct ask){.all = "server.2=b:1:2,server.7=g:1:2,group.1=2:7,weight.2=3"},
           "server.2=b:1:2:participant\nserver.7=g:1:2:participant\ngroup.1=2:7\n"
           "weight.2=3\nweight.7=1\n");
    /* Joining and leaving do not count beside it. */
    expect(THREE,
           (struct ask){.all = "server.2=b:1:2,server.7=g:1:2", .joining = "x", .leaving = "y"},
           "server.2=b:1:2:participant\nserver.7=g:1:2:participant\n");
    expect_refused(THREE, (struct ask){.all = ""}, "no server is a participant");
    expect_refused(THREE, (struct ask){.all = "server.2=b:1:2,server.3=c:1:2:observer"},
                   "1 participants, and needs 2");
    expect_refused(THREE, (struct ask){.all = "server.2=b:1:2,server.3=c:1"}, "line 2: server.3");
    expect_refused(THREE, (struct ask){.all = "server.2=b:1:2,tickTime=5"}, "no such key");
}

static void groups_are_changed_as_a_whole_only(void **state)
{
    (void)state;
    static const char grouped[] = THREE "group.1=1:2:3\n";
    expect_refused(grouped, (struct ask){.leaving = "3"}, "only be changed as a whole");
    expect_refused(grouped, (struct ask){0}, "only be changed as a whole");
    expect(grouped, (struct ask){.all = THREE}, THREE);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    static const struct ask asks[] = {
        {.joining = "server.3=x:1:2;5,server.3=y:1:2;5,server.4=d:1:2;7", .leaving = "2"},
        {.all = "server.1=b:1:2,server.7=g:1:2"},
        {.all = "server.1=b:1:2,server.7=b:1:2"},
        {.joining = "server.4=d:1:2;7,server.5=d:1:2;7"}};
    for (size_t i = 0; i < PDK_COUNT_OF(asks); i++) {
        struct pdk_fail_mem f;
        pdk_fail_mem_init(&f);
        struct pdk_members *m, *out;
        assert_int_equal(pdk_members_parse(&f.mem, pdk_slice_str(THREE), 0, &m, NULL), PDK_OK);
        const struct pdk_reconfig change = {.joining = said(asks[i].joining),
                                            .leaving = said(asks[i].leaving),
                                            .new_members = said(asks[i].all)};
        size_t failures = 0;
        for (size_t nth = 1;; nth++, failures++) {
            pdk_fail_mem_at(&f, nth);
            enum pdk_err err = pdk_members_reconfig(m, &change, 2, &out, NULL);
            if (f.calls < nth) { /* nothing failed */
                assert_int_equal(err, i < 2 ? PDK_OK : PDK_EINVAL);
                assert_int_equal(out != NULL, i < 2);
                break;
            }
            assert_int_not_equal(err, PDK_OK);
            assert_null(out);
            assert_int_equal(f.live, 1);
        }
        assert_true(failures > 1);
        pdk_members_drop(out);
        pdk_members_drop(m);
        assert_int_equal(f.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_changes_nothing),
        cmocka_unit_test(members_leave_and_join),
        cmocka_unit_test(who_joins_again_changes_its_role_or_address),
        cmocka_unit_test(bad_changes_are_refused),
        cmocka_unit_test(an_address_has_one_owner),
        cmocka_unit_test(a_whole_new_list_replaces_all),
        cmocka_unit_test(groups_are_changed_as_a_whole_only),
        cmocka_unit_test(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
