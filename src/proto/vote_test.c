#include "proto/vote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- hello ----------------------------------------------------------------------------------- */

/* As captured: the second is V1 but for its length and text. */
static const uint8_t hello_v1[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,   0,   0,   0,   0,   0,   0,   0,   0,   2,   0,  0,
    0,    0x0f, '1',  '2',  '7',  '.',  '0', '.', '0', '.', '1', ':', '2', '2', '2', '0', '2'};
static const uint8_t hello_v2[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,   1,   0,   0,   0,   0,   0,   0,   0,   1,   0,
    0,    0,    0x1f, '1',  '2',  '7',  '.', '0', '.', '0', '.', '2', ':', '2', '2', '5', '1',
    '1',  '|',  '1',  '2',  '7',  '.',  '0', '.', '0', '.', '1', ':', '2', '2', '5', '0', '1'};
static const uint8_t hello_old[] = {0, 0, 0, 0, 0, 0, 0, 7};

static void expect_hello(struct pdk_slice bytes, int64_t version, int64_t sid,
                         const char *addresses)
{
    struct pdk_hello h;
    size_t used;
    assert_int_equal(pdk_hello_read(bytes, &h, &used), PDK_HELLO_WHOLE);
    assert_int_equal(used, bytes.len);
    assert_int_equal(h.version, version);
    assert_int_equal(h.sid, sid);
    assert_true(pdk_slice_eq_str(h.addresses, addresses));
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_hello(&b, &h);
    assert_true(pdk_slice_eq(pdk_buf_slice(&b), bytes));
    pdk_buf_deinit(&b);
    /* Each shorter one is waited for, none is read beyond. */
    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *part = pdk_mem_must(pdk_mem_heap(), len + 1);
        memcpy(part, bytes.bytes, len);
        enum pdk_hello_found found = pdk_hello_read(pdk_slice_of(part, len), &h, &used);
        pdk_mem_free(pdk_mem_heap(), part);
        if (found != PDK_HELLO_MORE || used != 0) fail_msg("%zu bytes gave %d", len, (int)found);
    }
}

static void captured_hellos_are_read_and_written_the_same(void **state)
{
    (void)state;
    expect_hello(pdk_slice_of(hello_v1, sizeof hello_v1), PDK_HELLO_V1, 2, "127.0.0.1:22202");
    expect_hello(pdk_slice_of(hello_v2, sizeof hello_v2), PDK_HELLO_V2, 1,
                 "127.0.0.2:22511|127.0.0.1:22501");
    expect_hello(pdk_slice_of(hello_old, sizeof hello_old), 0, 7, "");
    expect_hello(pdk_slice_of("\0\0\0\0\0\0\0", 8), 0, 0, "");
}

static void addresses_have_1_to_2048_bytes(void **state)
{
    (void)state;
    uint8_t text[PDK_HELLO_ADDRESS_MAX];
    memset(text, 'a', sizeof text);
    for (size_t len = 1; len <= sizeof text; len += sizeof text - 1) {
        struct pdk_hello sent = {PDK_HELLO_V1, 5, pdk_slice_of(text, len)}, got;
        struct pdk_buf b;
        size_t used;
        pdk_buf_init(&b, pdk_mem_heap(), 5000);
        pdk_put_hello(&b, &sent);
        assert_int_equal(pdk_hello_read(pdk_buf_slice(&b), &got, &used), PDK_HELLO_WHOLE);
        assert_true(pdk_slice_eq(got.addresses, sent.addresses));
        pdk_buf_deinit(&b);
    }
}

static void bytes_behind_a_hello_are_left(void **state)
{
    (void)state;
    uint8_t longer[sizeof hello_v1 + 5] = {0};
    memcpy(longer, hello_v1, sizeof hello_v1);
    struct pdk_hello h;
    size_t used;
    assert_int_equal(pdk_hello_read(pdk_slice_of(longer, sizeof longer), &h, &used),
                     PDK_HELLO_WHOLE);
    assert_int_equal(used, sizeof hello_v1);
    assert_int_equal(pdk_hello_read(pdk_slice_of(hello_old, 8), &h, &used), PDK_HELLO_WHOLE);
    assert_int_equal(used, 8);
}

static enum pdk_hello_found read_head(int64_t version, int32_t address_len)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 5000);
    pdk_put_i64(&b, version);
    pdk_put_i64(&b, 3);
    pdk_put_i32(&b, address_len);
    struct pdk_hello h;
    size_t used;
    enum pdk_hello_found found = pdk_hello_read(pdk_buf_slice(&b), &h, &used);
    pdk_buf_deinit(&b);
    return found;
}

static void what_is_no_hello_is_refused_at_once(void **state)
{
    (void)state;
    assert_int_equal(read_head(PDK_HELLO_V1, 1), PDK_HELLO_MORE);
    assert_int_equal(read_head(PDK_HELLO_V1, PDK_HELLO_ADDRESS_MAX), PDK_HELLO_MORE);
    assert_int_equal(read_head(PDK_HELLO_V2, PDK_HELLO_ADDRESS_MAX + 1), PDK_HELLO_BROKEN);
    assert_int_equal(read_head(PDK_HELLO_V2, 0), PDK_HELLO_BROKEN);
    assert_int_equal(read_head(PDK_HELLO_V1, -1), PDK_HELLO_BROKEN);
    assert_int_equal(read_head(-1, 1), PDK_HELLO_BROKEN);
    assert_int_equal(read_head(-65534, 1), PDK_HELLO_BROKEN);
    assert_int_equal(read_head(-65537, 1), PDK_HELLO_BROKEN);
    assert_int_equal(read_head(INT64_MIN, 1), PDK_HELLO_BROKEN);
}

static void expect_addresses(const char *text, const char *const *want)
{
    struct pdk_slice rest = pdk_slice_str(text), host;
    int32_t port;
    struct pdk_buf got;
    pdk_buf_init(&got, pdk_mem_heap(), 1000);
    for (size_t i = 0; want[i] != NULL; i++) {
        if (!pdk_hello_address(&rest, &host, &port)) fail_msg("<%s>: %s is missing", text, want[i]);
        pdk_buf_clear(&got);
        pdk_put_text(&got, "%.*s %d", (int)host.len, (const char *)host.bytes, (int)port);
        if (!pdk_slice_eq_str(pdk_buf_slice(&got), want[i]))
            fail_msg("<%s>: got <%.*s>, want <%s>", text, (int)got.len, (const char *)got.bytes,
                     want[i]);
    }
    if (pdk_hello_address(&rest, &host, &port)) fail_msg("<%s>: one too many", text);
    pdk_buf_deinit(&got);
}

static void addresses_are_told_one_by_one(void **state)
{
    (void)state;
    expect_addresses("127.0.0.1:22059", (const char *[]){"127.0.0.1 22059", NULL});
    expect_addresses("h:1|[::1]:3888|zk-2.example:65535",
                     (const char *[]){"h 1", "::1 3888", "zk-2.example 65535", NULL});
    expect_addresses("", (const char *[]){NULL});
}

static void what_cannot_be_dialled_is_passed_over(void **state)
{
    (void)state;
    expect_addresses("0.0.0.0:1|a:2|[::]:3|[0:0:0:0:0:0:0:0]:4|b:5",
                     (const char *[]){"a 2", "b 5", NULL});
    static const char *const bad[] = {
        "h",    "h:",    "h:0",      "h:65536", "h:1:2",    "h:x",   ":1",
        "[]:1", "[::1]", "[::1]1",   "[::1",    "[::1]x:1", "::1:5", "h\x01:1",
        " h:1", "h:+1",  "h:000001", "|",       "h:-1",     "[h:1",  "h:1 "};
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        struct pdk_buf text;
        pdk_buf_init(&text, pdk_mem_heap(), 1000);
        pdk_put_text(&text, "%s|a:2", bad[i]);
        pdk_put_u8(&text, 0);
        expect_addresses((const char *)text.bytes, (const char *[]){"a 2", NULL});
        pdk_buf_deinit(&text);
    }
    char longest[300];
    memset(longest, 'h', 256);
    memcpy(longest + 255, ":1", 3);
    struct pdk_slice rest = pdk_slice_str(longest), host;
    int32_t port;
    assert_true(pdk_hello_address(&rest, &host, &port));
    memset(longest, 'h', 256);
    memcpy(longest + 256, ":1", 3);
    expect_addresses(longest, (const char *[]){NULL});
}

/* ---- notifications --------------------------------------------------------------------------- */

static const char config[] = "server.1=a:1:2:participant\nversion=0";

static struct pdk_notification sample(void)
{
    return (struct pdk_notification){.state = PDK_FOLLOWING,
                                     .leader = 2,
                                     .zxid = 0x10000000c,
                                     .round = 3,
                                     .epoch = 4,
                                     .version = 2,
                                     .config = pdk_slice_str(config)};
}

static void expect_same(const struct pdk_notification *got, const struct pdk_notification *want)
{
    assert_int_equal(got->state, want->state);
    assert_int_equal(got->leader, want->leader);
    assert_int_equal(got->zxid, want->zxid);
    assert_int_equal(got->round, want->round);
    assert_int_equal(got->epoch, want->epoch);
    assert_int_equal(got->version, want->version);
    assert_true(pdk_slice_eq(got->config, want->config));
}

/* The sample's frame; `message` is what stands behind the length. */
static void make_sample(struct pdk_buf *b, struct pdk_slice *message)
{
    struct pdk_notification n = sample();
    pdk_buf_init(b, pdk_mem_heap(), 1000);
    pdk_put_vote_notification(b, &n);
    *message = pdk_slice_of(b->bytes + 4, b->len - 4);
}

static void fields_stand_at_their_offsets(void **state)
{
    (void)state;
    static const uint8_t want[] = {0, 0, 0, 44 + sizeof config - 1, /* length */
                                   0, 0, 0, 1,
                                   0, 0, 0, 0,
                                   0, 0, 0, 2,
                                   0, 0, 0, 1,
                                   0, 0, 0, 0x0c, /* state, leader, zxid */
                                   0, 0, 0, 0,
                                   0, 0, 0, 3,
                                   0, 0, 0, 0,
                                   0, 0, 0, 4, /* round, epoch */
                                   0, 0, 0, 2,
                                   0, 0, 0, sizeof config - 1}; /* version, length */
    struct pdk_buf b;
    struct pdk_slice message;
    make_sample(&b, &message);
    assert_int_equal(b.len, sizeof want + sizeof config - 1);
    assert_memory_equal(b.bytes, want, sizeof want);
    assert_memory_equal(b.bytes + sizeof want, config, sizeof config - 1);
    struct pdk_notification got, sent = sample();
    assert_int_equal(pdk_notification_read(message, &got), PDK_OK);
    expect_same(&got, &sent);
    pdk_buf_deinit(&b);
}

static void older_generations_are_told_by_their_length(void **state)
{
    (void)state;
    struct pdk_buf b;
    struct pdk_slice message;
    make_sample(&b, &message);
    for (size_t len = 0; len < message.len; len++) {
        struct pdk_notification got, want = sample();
        enum pdk_err err = pdk_notification_read(pdk_slice_of(message.bytes, len), &got);
        bool known = len == 28 || len == 36 || len == 40;
        if ((err == PDK_OK) != known) fail_msg("%zu bytes: %s", len, pdk_err_name(err));
        if (!known) continue;
        want.version = 0;
        want.config = pdk_slice_null();
        if (len == 28) want.epoch = 1; /* the zxid's */
        expect_same(&got, &want);
    }
    pdk_buf_deinit(&b);
}

static void a_version_below_2_has_no_config(void **state)
{
    (void)state;
    for (int32_t version = -1; version <= 3; version++) {
        struct pdk_buf b;
        struct pdk_slice message;
        make_sample(&b, &message);
        pdk_buf_patch_i32(&b, 4 + 36, version);
        struct pdk_notification got;
        assert_int_equal(pdk_notification_read(message, &got), PDK_OK);
        assert_int_equal(got.version, version);
        assert_int_equal(got.config.is_null, version <= 1);
        pdk_buf_deinit(&b);
    }
}

static void bad_lengths_and_states_are_malformed(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        int32_t value;
        enum pdk_err want;
    } cases[] = {{0, 0, PDK_OK},
                 {0, 3, PDK_OK},
                 {0, 4, PDK_EMALFORMED},
                 {0, -1, PDK_EMALFORMED},
                 {40, sizeof config - 2, PDK_OK}, /* bytes behind do not count */
                 {40, sizeof config, PDK_EMALFORMED},
                 {40, -1, PDK_EMALFORMED},
                 {40, INT32_MIN, PDK_EMALFORMED},
                 {40, INT32_MAX, PDK_EMALFORMED},
                 {40, 0, PDK_OK}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct pdk_buf b;
        struct pdk_slice message;
        make_sample(&b, &message);
        pdk_buf_patch_i32(&b, 4 + cases[i].at, cases[i].value);
        struct pdk_notification got;
        if (pdk_notification_read(message, &got) != cases[i].want) fail_msg("case %zu", i);
        pdk_buf_deinit(&b);
    }
}

static void a_config_that_no_peer_would_take_fails_the_buffer(void **state)
{
    (void)state;
    uint8_t *text = pdk_mem_must_zero(pdk_mem_heap(), 1, PDK_NOTIFICATION_MAX);
    struct pdk_notification n = sample();
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), (size_t)2 * PDK_NOTIFICATION_MAX);
    n.config = pdk_slice_of(text, PDK_NOTIFICATION_MAX - 44);
    pdk_put_vote_notification(&b, &n);
    assert_false(b.failed);
    assert_int_equal(b.len, 4 + PDK_NOTIFICATION_MAX);
    n.config.len++;
    pdk_put_vote_notification(&b, &n);
    assert_true(b.failed);
    pdk_buf_deinit(&b);
    pdk_mem_free(pdk_mem_heap(), text);
}

static void no_config_is_written_as_an_empty_one(void **state)
{
    (void)state;
    struct pdk_notification n = sample();
    n.config = pdk_slice_null();
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    pdk_put_vote_notification(&b, &n);
    assert_int_equal(b.len, 48);
    assert_int_equal(b.bytes[3], 44);
    assert_int_equal(b.bytes[47], 0);
    pdk_buf_deinit(&b);
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(pdk_peer_state_name(PDK_LOOKING), "LOOKING");
    assert_string_equal(pdk_peer_state_name(PDK_FOLLOWING), "FOLLOWING");
    assert_string_equal(pdk_peer_state_name(PDK_LEADING), "LEADING");
    assert_string_equal(pdk_peer_state_name(PDK_OBSERVING), "OBSERVING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_hellos_are_read_and_written_the_same),
        cmocka_unit_test(addresses_have_1_to_2048_bytes),
        cmocka_unit_test(bytes_behind_a_hello_are_left),
        cmocka_unit_test(what_is_no_hello_is_refused_at_once),
        cmocka_unit_test(addresses_are_told_one_by_one),
        cmocka_unit_test(what_cannot_be_dialled_is_passed_over),
        cmocka_unit_test(fields_stand_at_their_offsets),
        cmocka_unit_test(older_generations_are_told_by_their_length),
        cmocka_unit_test(a_version_below_2_has_no_config),
        cmocka_unit_test(bad_lengths_and_states_are_malformed),
        cmocka_unit_test(a_config_that_no_peer_would_take_fails_the_buffer),
        cmocka_unit_test(no_config_is_written_as_an_empty_one),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
