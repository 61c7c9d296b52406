#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_fail.h"
#include "core/quorum/testing.h"

/* Every kind of line, out of order. */
static const char sample[] = "server.10=c:1:2:OBSERVER;;[::1]:6\n"
                             "server.2=z:1:2|[fe80::1]:3:4|a:5:6;[::1]:5;7\n"
                             "server.1=a:1:2;2181\n"
                             "server.3=b:1:2:participant\n"
                             "group.10=3\ngroup.2=2:1:10\nweight.10=0\nweight.2=2\n"
                             "version=1000000AB";

static void expect_text(const struct pdk_members *m, bool with_secure, const char *want)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    pdk_members_put_text(m, with_secure, &b);
    if (!pdk_slice_eq_str(pdk_buf_slice(&b), want))
        fail_msg("got\n%.*s\nwant\n%s", (int)b.len, (const char *)b.bytes, want);
    pdk_buf_deinit(&b);
}

static void expect_file(const struct pdk_members *m, bool with_version, const char *want)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    pdk_members_put_file(m, with_version, &b);
    if (!pdk_slice_eq_str(pdk_buf_slice(&b), want))
        fail_msg("got\n%.*s\nwant\n%s", (int)b.len, (const char *)b.bytes, want);
    pdk_buf_deinit(&b);
}

static void what_travels_is_ascending_and_says_every_role(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(sample);
    expect_text(m, false,
                "server.1=a:1:2:participant;0.0.0.0:2181\n"
                "server.2=a:5:6|[fe80::1]:3:4|z:1:2:participant;[::1]:5\n"
                "server.3=b:1:2:participant\n"
                "server.10=c:1:2:observer\n"
                "group.2=1:2:10\ngroup.10=3\n"
                "weight.1=1\nweight.2=2\nweight.3=1\nweight.10=0\n"
                "version=1000000ab");
    pdk_members_drop(m);
    m = pdk_members_of_text("server.1=a:1:2\nserver.2=b:1:2:observer");
    expect_text(m, false, "server.1=a:1:2:participant\nserver.2=b:1:2:observer\nversion=0");
    pdk_members_drop(m);
}

static void secure_parts_are_written_where_wanted(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(
        "server.1=a:1:2;3;4\nserver.2=a:1:2;;c:4\nserver.3=a:1:2;3\nserver.4=a:1:2:observer\n");
    expect_text(m, true,
                "server.1=a:1:2:participant;0.0.0.0:3;0.0.0.0:4\n"
                "server.2=a:1:2:participant;;c:4\n"
                "server.3=a:1:2:participant;0.0.0.0:3\n"
                "server.4=a:1:2:observer\nversion=0");
    pdk_members_drop(m);
}

static void an_observer_in_no_group_has_no_weight_line(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(
        "server.0=a:1:2\nserver.1=b:1:2:observer\nserver.2=c:1:2:observer\ngroup.0=0\nweight.2=3");
    expect_text(m, false,
                "server.0=a:1:2:participant\nserver.1=b:1:2:observer\nserver.2=c:1:2:observer\n"
                "group.0=0\nweight.0=1\nweight.2=3\nversion=0");
    pdk_members_drop(m);
}

static void a_file_is_sorted_as_text(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(sample);
    /* '=' comes behind the digits */
    static const char want[] = "group.10=3\ngroup.2=1:2:10\n"
                               "server.10=c:1:2:observer;;[::1]:6\n"
                               "server.1=a:1:2:participant;0.0.0.0:2181\n"
                               "server.2=a:5:6|[fe80::1]:3:4|z:1:2:participant;[::1]:5;0.0.0.0:7\n"
                               "server.3=b:1:2:participant\n"
                               "weight.10=0\nweight.1=1\nweight.2=2\nweight.3=1\n";
    expect_file(m, false, want);
    char versioned[1000] = "";
    const char *weights = strstr(want, "weight");
    (void)strncat(versioned, want, (size_t)(weights - want));
    (void)strcat(versioned, "version=1000000ab\n");
    (void)strcat(versioned, weights);
    expect_file(m, true, versioned);
    pdk_members_drop(m);
}

/* What was written is read as the same, and written the same again. */
static void text_and_file_are_read_back(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(sample), *again;
    struct pdk_buf first, second;
    pdk_buf_init(&first, pdk_mem_heap(), 10000);
    pdk_buf_init(&second, pdk_mem_heap(), 10000);
    for (int file = 0; file <= 1; file++) {
        pdk_buf_clear(&first);
        pdk_buf_clear(&second);
        if (file != 0) {
            pdk_members_put_file(m, false, &first);
        } else {
            pdk_members_put_text(m, true, &first);
        }
        assert_int_equal(pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&first), m->version + file,
                                           &again, NULL),
                         PDK_OK);
        assert_int_equal(again->version, m->version + file);
        assert_true(pdk_members_equal(m, again));
        if (file != 0) {
            pdk_members_put_file(again, false, &second);
        } else {
            pdk_members_put_text(again, true, &second);
        }
        assert_true(pdk_slice_eq(pdk_buf_slice(&first), pdk_buf_slice(&second)));
        pdk_members_drop(again);
    }
    pdk_members_drop(m);
    pdk_buf_deinit(&first);
    pdk_buf_deinit(&second);
}

static void without_room_the_buffer_fails(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(sample);
    struct pdk_buf b;
    for (int file = 0; file <= 1; file++) {
        for (size_t limit = 0;; limit++) {
            pdk_buf_init(&b, pdk_mem_heap(), limit);
            if (file != 0) {
                pdk_members_put_file(m, true, &b);
            } else {
                pdk_members_put_text(m, true, &b);
            }
            bool failed = b.failed;
            size_t len = b.len;
            pdk_buf_deinit(&b);
            if (!failed) {
                assert_int_equal(len, limit);
                break;
            }
        }
    }
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    pdk_fail_mem_at(&f, 1);
    pdk_buf_init(&b, &f.mem, 10000);
    pdk_members_put_file(m, true, &b);
    assert_true(b.failed);
    pdk_buf_deinit(&b);
    assert_int_equal(f.live, 0);
    pdk_members_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_travels_is_ascending_and_says_every_role),
        cmocka_unit_test(secure_parts_are_written_where_wanted),
        cmocka_unit_test(an_observer_in_no_group_has_no_weight_line),
        cmocka_unit_test(a_file_is_sorted_as_text),
        cmocka_unit_test(text_and_file_are_read_back),
        cmocka_unit_test(without_room_the_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
