#include "proto/event.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_notification_is_the_captured_frame(void **state)
{
    (void)state;
    static const uint8_t want[] = {
        0,    0,    0,    0x1e,                         /* length */
        0xff, 0xff, 0xff, 0xff,                         /* xid -1 */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* zxid -1 */
        0,    0,    0,    0,                            /* err */
        0,    0,    0,    3,                            /* NodeDataChanged */
        0,    0,    0,    3,                            /* SyncConnected */
        0,    0,    0,    2,    '/',  'w',
    };
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_u8(&b, 7); /* frames may follow others */
    pdk_put_notification(&b, -1, PDK_EVENT_NODE_DATA_CHANGED, PDK_STATE_SYNC_CONNECTED,
                         pdk_slice_str("/w"));
    assert_false(b.failed);
    assert_int_equal(b.len, 1 + sizeof want);
    assert_memory_equal(b.bytes + 1, want, sizeof want);
    pdk_buf_deinit(&b);
}

static void zxid_type_and_state_stand_in_their_own_places(void **state)
{
    (void)state;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_notification(&b, 0x0102030405060708, PDK_EVENT_NODE_DELETED,
                         PDK_STATE_CONNECTED_READ_ONLY, pdk_slice_str("/"));
    static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 5};
    assert_int_equal(b.len, 33);
    assert_memory_equal(b.bytes + 8, want, sizeof want);
    pdk_buf_deinit(&b);
}

static void a_notification_that_does_not_fit_fails_the_buffer(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 34; limit++) {
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), limit);
        pdk_put_notification(&b, 1, PDK_EVENT_NODE_CREATED, PDK_STATE_SYNC_CONNECTED,
                             pdk_slice_str("/w"));
        assert_true(b.failed);
        pdk_buf_deinit(&b);
    }
}

static void types_and_states_have_the_names_of_the_protocol(void **state)
{
    (void)state;
    static const char *const types[] = {
        "None",
        "Unknown",
        "NodeCreated",
        "NodeDeleted",
        "NodeDataChanged",
        "NodeChildrenChanged",
        "DataWatchRemoved",
        "ChildWatchRemoved",
        "PersistentWatchRemoved",
        "Unknown",
    };
    static const char *const states[] = {
        "Unknown",    "Disconnected",      "NoSyncConnected",   "Unknown", "SyncConnected",
        "AuthFailed", "ConnectedReadOnly", "SaslAuthenticated", "Closed",  "Unknown",
    };
    for (int32_t i = -1; i <= 8; i++) {
        assert_string_equal(pdk_event_type_name(i), types[i + 1]);
        assert_string_equal(pdk_event_state_name(i), states[i + 1]);
    }
    assert_string_equal(pdk_event_state_name(-112), "Expired");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notification_is_the_captured_frame),
        cmocka_unit_test(zxid_type_and_state_stand_in_their_own_places),
        cmocka_unit_test(a_notification_that_does_not_fit_fails_the_buffer),
        cmocka_unit_test(types_and_states_have_the_names_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
