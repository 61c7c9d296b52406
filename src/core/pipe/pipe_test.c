/* The order in which a connection's requests may leave. */
#include "core/pipe/pipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_fail.h"

static void push(struct pdk_pipe *p, enum pdk_pipe_kind kind, int32_t xid, pdk_zxid zxid)
{
    struct pdk_pipe_item item = {.kind = kind, .xid = xid, .zxid = zxid};
    assert_int_equal(pdk_pipe_push(p, &item, pdk_slice_str("body")), PDK_OK);
}

static void a_read_behind_a_write_waits_until_the_write_leaves(void **state)
{
    (void)state;
    struct pdk_pipe p;
    pdk_pipe_init(&p, pdk_mem_heap());
    push(&p, PDK_PIPE_WRITE, 1, 10);
    push(&p, PDK_PIPE_LOCAL, 2, 0);
    assert_false(pdk_pipe_ready(&p, 9));
    assert_false(pdk_pipe_ready(&p, 10)); /* a write leaves by its commit, not by asking */
    pdk_pipe_pop(&p);
    assert_true(pdk_pipe_ready(&p, 9));
    pdk_pipe_deinit(&p);
}

static void a_sync_waits_for_its_zxid_and_holds_back_what_follows(void **state)
{
    (void)state;
    struct pdk_pipe p;
    pdk_pipe_init(&p, pdk_mem_heap());
    push(&p, PDK_PIPE_LOCAL, 1, 10);
    push(&p, PDK_PIPE_ANSWER, 2, 0);
    assert_false(pdk_pipe_ready(&p, 9));
    assert_true(pdk_pipe_ready(&p, 10));
    pdk_pipe_pop(&p);
    assert_true(pdk_pipe_ready(&p, 0));
    pdk_pipe_deinit(&p);
}

static void items_leave_in_order_through_growth_and_wrap(void **state)
{
    (void)state;
    struct pdk_pipe p;
    pdk_pipe_init(&p, pdk_mem_heap());
    int32_t in = 0, out = 0;
    for (int round = 1; round <= 300; round++) {
        for (int i = 0; i < round % 17; i++) push(&p, PDK_PIPE_LOCAL, ++in, 0);
        for (int i = 0; i < round % 13 && p.count > 0; i++) {
            assert_int_equal(pdk_pipe_head(&p)->xid, ++out);
            pdk_pipe_pop(&p);
        }
        assert_int_equal(p.count, in - out);
        assert_int_equal(p.bytes, (4 + sizeof(struct pdk_pipe_item)) * (size_t)(in - out));
    }
    while (p.count > 0) {
        assert_int_equal(pdk_pipe_head(&p)->xid, ++out);
        pdk_pipe_pop(&p);
    }
    assert_int_equal(in, out);
    assert_int_equal(p.bytes, 0);
    pdk_pipe_deinit(&p);
}

static void waiting_bytes_are_a_copy(void **state)
{
    (void)state;
    struct pdk_pipe p;
    pdk_pipe_init(&p, pdk_mem_heap());
    char text[] = "abcd";
    struct pdk_pipe_item item = {.kind = PDK_PIPE_LOCAL};
    assert_int_equal(pdk_pipe_push(&p, &item, pdk_slice_str(text)), PDK_OK);
    memset(text, 'x', 4);
    assert_memory_equal(pdk_pipe_head(&p)->bytes, "abcd", 4);
    pdk_pipe_deinit(&p);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at <= 2; fail_at++) {
        struct pdk_fail_mem failing;
        pdk_fail_mem_init(&failing);
        struct pdk_pipe p;
        pdk_pipe_init(&p, &failing.mem);
        pdk_fail_mem_at(&failing, fail_at);
        struct pdk_pipe_item item = {.kind = PDK_PIPE_LOCAL};
        assert_int_equal(pdk_pipe_push(&p, &item, pdk_slice_str("body")), PDK_ENOMEM);
        assert_int_equal(p.count, 0);
        assert_int_equal(p.bytes, 0);
        pdk_pipe_deinit(&p);
        assert_int_equal(failing.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_behind_a_write_waits_until_the_write_leaves),
        cmocka_unit_test(a_sync_waits_for_its_zxid_and_holds_back_what_follows),
        cmocka_unit_test(items_leave_in_order_through_growth_and_wrap),
        cmocka_unit_test(waiting_bytes_are_a_copy),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
