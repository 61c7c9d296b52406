#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem_fail.h"
#include "base/prng.h"
#include "shell/outqueue.h"

static void open_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
}

static void what_goes_in_comes_out_in_order(void **state)
{
    (void)state;
    enum { TOTAL = 1 << 20 };
    uint8_t *in = malloc(TOTAL), *out = malloc(TOTAL + 1);
    assert_non_null(in);
    assert_non_null(out);
    struct pdk_prng prng;
    pdk_prng_init(&prng, 3);
    for (size_t i = 0; i < TOTAL; i++) in[i] = (uint8_t)pdk_prng_next(&prng);
    int pair[2];
    open_pair(pair);
    struct pdk_outqueue q = {0};
    size_t put = 0, got = 0;
    while (got < TOTAL) {
        size_t n = pdk_min_size(TOTAL - put, (size_t)pdk_prng_below(&prng, 60000));
        assert_int_equal(pdk_outqueue_add(&q, pdk_mem_heap(), pdk_slice_of(in + put, n)), PDK_OK);
        put += n;
        enum pdk_err err = pdk_outqueue_send(&q, pdk_mem_heap(), pair[0]);
        assert_true(err == PDK_OK || err == PDK_EBUSY);
        assert_int_equal(err == PDK_OK, q.bytes == 0);
        ssize_t r = recv(pair[1], out + got, 1 + (size_t)pdk_prng_below(&prng, 70000), 0);
        if (r > 0) got += (size_t)r;
        assert_true(got <= put);
    }
    assert_memory_equal(in, out, TOTAL);
    assert_null(q.first);
    (void)close(pair[0]);
    (void)close(pair[1]);
    free(in);
    free(out);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    struct pdk_fail_mem fail;
    pdk_fail_mem_init(&fail);
    struct pdk_outqueue q = {0};
    uint8_t bytes[40000] = {0};
    assert_int_equal(pdk_outqueue_add(&q, &fail.mem, pdk_slice_of(bytes, 10)), PDK_OK);
    pdk_fail_mem_at(&fail, 1);
    assert_int_equal(pdk_outqueue_add(&q, &fail.mem, pdk_slice_of(bytes, sizeof bytes)),
                     PDK_ENOMEM);
    assert_int_equal(q.bytes, 10);
    pdk_outqueue_clear(&q, &fail.mem);
    assert_int_equal(q.bytes, 0);
    assert_null(q.first);
}

static void a_broken_connection_is_told(void **state)
{
    (void)state;
    int pair[2];
    open_pair(pair);
    (void)close(pair[1]);
    struct pdk_outqueue q = {0};
    assert_int_equal(pdk_outqueue_add(&q, pdk_mem_heap(), pdk_slice_of("abc", 3)), PDK_OK);
    assert_int_equal(pdk_outqueue_send(&q, pdk_mem_heap(), pair[0]), PDK_EIO);
    pdk_outqueue_clear(&q, pdk_mem_heap());
    (void)close(pair[0]);
}

static void blocks_and_queues_join_in_order(void **state)
{
    (void)state;
    const struct pdk_mem *mem = pdk_mem_heap();
    struct pdk_outqueue q = {0}, behind = {0};
    pdk_outqueue_move(&q, &behind); /* nothing onto nothing */
    assert_int_equal(pdk_outqueue_add(&q, mem, pdk_slice_str("one ")), PDK_OK);
    struct pdk_outblock *block = pdk_outblock_create(mem, 6);
    assert_non_null(block);
    assert_int_equal(pdk_outblock_add(block, pdk_slice_str("two three")), 6);
    assert_int_equal(pdk_outblock_len(block), 6);
    pdk_outqueue_take(&q, block);
    assert_int_equal(pdk_outqueue_add(&behind, mem, pdk_slice_str("ree")), PDK_OK);
    pdk_outqueue_move(&q, &behind);
    assert_int_equal(behind.bytes, 0);
    assert_int_equal(q.bytes, 13);
    assert_int_equal(pdk_outqueue_add(&q, mem, pdk_slice_str(" four")), PDK_OK);
    int pair[2];
    char got[32] = {0};
    open_pair(pair);
    assert_int_equal(pdk_outqueue_send(&q, mem, pair[0]), PDK_OK);
    assert_int_equal(recv(pair[1], got, sizeof got, 0), 18);
    assert_string_equal(got, "one two three four");
    pdk_outqueue_move(&q, &behind);
    assert_null(q.first);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_in_order),
        cmocka_unit_test(without_memory_nothing_changes),
        cmocka_unit_test(a_broken_connection_is_told),
        cmocka_unit_test(blocks_and_queues_join_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
