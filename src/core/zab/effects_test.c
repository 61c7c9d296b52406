#include "core/zab/testing.h"

static struct pdk_zab_out out;

static int set_up(void **state)
{
    (void)state;
    pdk_zab_out_init(&out, pdk_mem_heap());
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    pdk_zab_out_deinit(&out);
    return 0;
}

static void put(const char *text) { pdk_put_raw(&out.bytes, text, strlen(text)); }

static void send_text(const char *text, size_t count, const uint32_t *links)
{
    size_t mark = pdk_zab_mark(&out);
    put(text);
    pdk_zab_send(&out, links, count, mark);
}

static void check_send(size_t index, const char *text, size_t count, const uint32_t *links)
{
    size_t n = 0;
    const struct pdk_zab_effect *e = pdk_zab_out_take(&out, &n);
    assert_true(index < n);
    assert_int_equal(e[index].kind, PDK_ZAB_SEND);
    assert_true(pdk_slice_eq_str(e[index].bytes, text));
    assert_int_equal(e[index].link_count, count);
    assert_memory_equal(e[index].links, links, count * sizeof *links);
}

static void sends_to_the_same_links_become_one(void **state)
{
    (void)state;
    static const uint32_t both[] = {1, 2}, second[] = {2};
    send_text("a", 2, both);
    send_text("b", 2, both);
    send_text("c", 1, second);
    send_text("d", 2, both);
    assert_int_equal(out.count, 3);
    check_send(0, "ab", 2, both);
    check_send(1, "c", 1, second);
    check_send(2, "d", 2, both);
}

static void an_effect_between_keeps_sends_apart(void **state)
{
    (void)state;
    static const uint32_t one[] = {7};
    send_text("a", 1, one);
    pdk_zab_add(&out, PDK_ZAB_STREAM_VIEW)->link = 7;
    send_text("b", 1, one);
    assert_int_equal(out.count, 3);
    check_send(0, "a", 1, one);
    check_send(2, "b", 1, one);
}

static void bytes_of_another_effect_do_not_join_a_send(void **state)
{
    (void)state;
    static const uint32_t one[] = {7};
    send_text("a", 1, one);
    size_t mark = pdk_zab_mark(&out);
    put("why");
    struct pdk_zab_effect *e = pdk_zab_add_bytes(&out, PDK_ZAB_LOG, mark);
    e->level = PDK_LOG_WARN;
    send_text("b", 1, one);
    size_t n = 0;
    const struct pdk_zab_effect *all = pdk_zab_out_take(&out, &n);
    assert_int_equal(n, 3);
    assert_true(pdk_slice_eq_str(all[1].bytes, "why"));
    check_send(2, "b", 1, one);
}

static void nothing_is_sent_to_nobody(void **state)
{
    (void)state;
    static const uint32_t one[] = {7};
    send_text("lost", 0, one);
    send_text("", 1, one);
    assert_int_equal(out.count, 0);
    assert_int_equal(out.bytes.len, 0);
}

static void pointers_hold_however_long_the_list_grows(void **state)
{
    (void)state;
    char text[16];
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t links[] = {i, i + 1};
        (void)snprintf(text, sizeof text, "text %u", i);
        send_text(text, 2, links);
        pdk_zab_add(&out, PDK_ZAB_COMMIT)->zxid = i;
    }
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t links[] = {i, i + 1};
        (void)snprintf(text, sizeof text, "text %u", i);
        check_send(2 * (size_t)i, text, 2, links);
    }
}

static void bytes_from_elsewhere_stay_where_they_are(void **state)
{
    (void)state;
    pdk_zab_add(&out, PDK_ZAB_SPOOL_ADD)->bytes = pdk_slice_str("outside");
    size_t n = 0;
    assert_true(pdk_slice_eq_str(pdk_zab_out_take(&out, &n)->bytes, "outside"));
}

static void a_cleared_list_is_empty_and_gives_back_what_was_large(void **state)
{
    (void)state;
    static const uint32_t one[] = {7};
    size_t mark = pdk_zab_mark(&out);
    memset(pdk_buf_add(&out.bytes, (size_t)5 << 20), 'x', (size_t)5 << 20);
    pdk_zab_send(&out, one, 1, mark);
    pdk_zab_out_clear(&out);
    size_t n = 1;
    (void)pdk_zab_out_take(&out, &n);
    assert_int_equal(n, 0);
    assert_int_equal(out.bytes.cap, 0);
    send_text("a", 1, one);
    check_send(0, "a", 1, one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_to_the_same_links_become_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_effect_between_keeps_sends_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_of_another_effect_do_not_join_a_send, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_sent_to_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pointers_hold_however_long_the_list_grows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bytes_from_elsewhere_stay_where_they_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cleared_list_is_empty_and_gives_back_what_was_large,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
