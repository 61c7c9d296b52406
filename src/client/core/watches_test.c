#include "client/core/testing.h"

#include "base/mem_fail.h"
#include "base/reader.h"
#include "proto/code.h"
#include "proto/event.h"
#include "proto/frame.h"

/* ---- watches -------------------------------------------------------------------------------- */

static void events_come_with_type_path_and_zxid(void **state)
{
    (void)state;
    struct pdk_client *c = connected();
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    pdk_put_notification(&b, 42, PDK_EVENT_NODE_DELETED, PDK_STATE_SYNC_CONNECTED, str("/gone"));
    const struct pdk_client_effect *e = play(c, 1000, &b, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_EVENT);
    assert_int_equal(e[0].event, PDK_EVENT_NODE_DELETED);
    assert_int_equal(e[0].zxid, 42);
    assert_true(pdk_slice_eq_str(e[0].bytes, "/gone"));
    assert_int_equal(pdk_client_last_zxid(c), 0); /* an event's zxid is not taken */
    for (int i = 1; i < 1000; i++) {
        pdk_put_notification(&b, i, PDK_EVENT_NODE_CREATED, PDK_STATE_SYNC_CONNECTED, str("/b"));
    }
    (void)play(c, 1000, &b, &count);
    assert_int_equal(count, 1000);
    pdk_buf_deinit(&b);
    pdk_client_destroy(c);
}

/* The watches a reconnect sets again, as text: "op data;exist;child[;persistent;recursive]". */
static void expect_set_watches(struct pdk_client *c, const char *want)
{
    char got[512] = "";
    struct pdk_request_header h;
    lose(c, 50000);
    connect_at(c, pdk_client_deadline(c));
    if (pdk_client_output(c).len > 0) {
        struct pdk_reader r = next_frame(c, &h);
        assert_int_equal(h.xid, PDK_XID_SET_WATCHES);
        size_t at = (size_t)snprintf(got, sizeof got, "%d", h.type);
        assert_int_equal(pdk_read_i64(&r), pdk_client_last_zxid(c));
        int lists = h.type == PDK_OP_SET_WATCHES2 ? 5 : 3;
        for (int i = 0; i < lists; i++) {
            struct pdk_vec v = pdk_read_ustring_vec(&r);
            struct pdk_reader it = pdk_reader_of(v.body);
            at += (size_t)snprintf(got + at, sizeof got - at, "%s", i > 0 ? ";" : " ");
            for (int32_t k = 0; k < v.count; k++) {
                struct pdk_slice path = pdk_read_bytes(&it);
                at += (size_t)snprintf(got + at, sizeof got - at, "%.*s", (int)path.len,
                                       (const char *)path.bytes);
            }
        }
        assert_int_equal(pdk_reader_finish(&r), PDK_OK);
        struct pdk_buf b = server_bytes();
        size_t count = 0;
        put_reply(&b, PDK_XID_SET_WATCHES, 1, 0, "");
        (void)play(c, 60000, &b, &count);
        assert_int_equal(count, 0);
        assert_int_equal(pdk_client_state(c), PDK_CLIENT_CONNECTED);
        pdk_buf_deinit(&b);
    }
    assert_string_equal(got, want);
    expect_no_output(c);
}

struct watching {
    struct pdk_client *c;
    int32_t xid;
};

static void settle(struct watching *w, int32_t code)
{
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    put_reply(&b, ++w->xid, 9, code, "");
    pdk_client_sent(w->c, 1000, pdk_client_output(w->c).len);
    (void)play(w->c, 1000, &b, &count);
    assert_int_equal(count, 1);
    pdk_buf_deinit(&b);
}

static void fire(struct watching *w, enum pdk_event_type type, const char *path)
{
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    pdk_put_notification(&b, 1, type, PDK_STATE_SYNC_CONNECTED, str(path));
    (void)play(w->c, 1000, &b, &count);
    assert_int_equal(count, 1);
    pdk_buf_deinit(&b);
}

static void set_all_kinds(struct watching *w)
{
    struct pdk_client *c = w->c;
    assert_int_equal(pdk_client_get_data(c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(w, 0);
    assert_int_equal(pdk_client_get_children2(c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(w, 0);
    assert_int_equal(pdk_client_exists(c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(w, PDK_CODE_NO_NODE);
}

static void a_watch_counts_from_a_good_reply_on(void **state)
{
    (void)state;
    struct watching w = {.c = connected()};
    assert_int_equal(pdk_client_get_data(w.c, str("/a"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, PDK_CODE_NO_NODE);
    assert_int_equal(pdk_client_get_children2(w.c, str("/b"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, PDK_CODE_NO_AUTH);
    expect_set_watches(w.c, "");
    assert_int_equal(pdk_client_exists(w.c, str("/c"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, PDK_CODE_NO_NODE);
    expect_set_watches(w.c, "101 ;/c;");
    assert_int_equal(pdk_client_exists(w.c, str("/d"), PDK_CLIENT_WATCH, 0), PDK_OK);
    settle(&w, 0);
    expect_set_watches(w.c, "101 /d;/c;");
    pdk_client_destroy(w.c);
}

static void an_event_uses_up_the_watches_of_its_kind(void **state)
{
    (void)state;
    static const struct {
        enum pdk_event_type type;
        const char *left;
    } cases[] = {
        {PDK_EVENT_NODE_CREATED, "101 ;;/a"},
        {PDK_EVENT_NODE_DATA_CHANGED, "101 ;;/a"},
        {PDK_EVENT_NODE_CHILDREN_CHANGED, "101 /a;/a;"},
        {PDK_EVENT_NODE_DELETED, ""},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct watching w = {.c = connected()};
        set_all_kinds(&w);
        fire(&w, cases[i].type, "/other");
        fire(&w, cases[i].type, "/a");
        expect_set_watches(w.c, cases[i].left);
        pdk_client_destroy(w.c);
    }
}

static void persistent_watches_are_never_used_up(void **state)
{
    (void)state;
    struct watching w = {.c = connected()};
    assert_int_equal(pdk_client_add_watch(w.c, str("/p"), 2, 0), PDK_EINVAL);
    assert_int_equal(pdk_client_add_watch(w.c, str("/p"), PDK_ADD_WATCH_PERSISTENT, 0), PDK_OK);
    settle(&w, 0);
    assert_int_equal(pdk_client_add_watch(w.c, str("/r"), PDK_ADD_WATCH_PERSISTENT_RECURSIVE, 0),
                     PDK_OK);
    settle(&w, 0);
    fire(&w, PDK_EVENT_NODE_DELETED, "/p");
    fire(&w, PDK_EVENT_NODE_DELETED, "/r");
    expect_set_watches(w.c, "105 ;;;/p;/r");
    pdk_client_destroy(w.c);
}

static void many_watches_are_set_again_in_batches(void **state)
{
    (void)state;
    struct watching w = {.c = connected()};
    char path[1001];
    memset(path, 'p', sizeof path);
    for (int i = 0; i < 300; i++) { /* 300 kB: three batches of 128 KiB or less */
        (void)snprintf(path, sizeof path, "/%04d", i);
        path[5] = 'p';
        struct pdk_slice at = pdk_slice_of(path, 1000);
        assert_int_equal(pdk_client_get_data(w.c, at, PDK_CLIENT_WATCH, 0), PDK_OK);
        settle(&w, 0);
    }
    lose(w.c, 50000);
    connect_at(w.c, pdk_client_deadline(w.c));
    int frames = 0;
    int32_t paths = 0;
    while (pdk_client_output(w.c).len > 0) {
        struct pdk_request_header h;
        struct pdk_set_watches set;
        struct pdk_reader r = next_frame(w.c, &h);
        pdk_read_set_watches(&r, &set);
        assert_int_equal(pdk_reader_finish(&r), PDK_OK);
        assert_in_range(set.data_watches.body.len, 1, (128 << 10) + 2000);
        paths += set.data_watches.count;
        frames++;
    }
    assert_int_equal(paths, 300);
    assert_int_equal(frames, 3);
    pdk_client_destroy(w.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_with_type_path_and_zxid),
        cmocka_unit_test(a_watch_counts_from_a_good_reply_on),
        cmocka_unit_test(an_event_uses_up_the_watches_of_its_kind),
        cmocka_unit_test(persistent_watches_are_never_used_up),
        cmocka_unit_test(many_watches_are_set_again_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
