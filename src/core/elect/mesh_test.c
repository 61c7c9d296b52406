/* Transcripts of the election streams: election.md section 1, known-bugs.md section 2. */
#include "core/elect/mesh.h"

#include "base/prng.h"
#include "core/elect/testing.h"

enum { HELLO_TIMEOUT = 500, REDIAL = 250, STRANGERS = 3, STEADY = 1000 };

struct net {
    struct pdk_fail_mem mem;
    struct pdk_mesh *m;
    uint32_t links; /* handed out */
    int64_t now;
};

static uint32_t next_link(void *ctx)
{
    struct net *n = ctx;
    return ++n->links;
}

static void open_mesh_with(struct net *n, pdk_sid me, struct pdk_members *committed,
                           struct pdk_members *last_seen, bool multi_address)
{
    pdk_fail_mem_init(&n->mem);
    n->links = 0;
    n->now = 1000;
    struct pdk_mesh_config config = {.mem = &n->mem.mem,
                                     .me = me,
                                     .multi_address = multi_address,
                                     .hello_timeout_ms = HELLO_TIMEOUT,
                                     .redial_ms = REDIAL,
                                     .strangers_max = STRANGERS};
    n->m = pdk_mesh_create(&config, committed, last_seen, next_link, n);
    pdk_members_drop(committed);
    if (last_seen != committed) pdk_members_drop(last_seen);
}

static void open_mesh(struct net *n, pdk_sid me)
{
    struct pdk_members *members = elect_members(3, 2, 0, NULL);
    open_mesh_with(n, me, members, members, false);
}

static void close_mesh(struct net *n)
{
    pdk_mesh_destroy(n->m);
    assert_int_equal(n->mem.live, 0);
}

static void put_write(struct elect_text *t, struct pdk_slice bytes)
{
    struct pdk_hello hello;
    size_t used;
    if (bytes.len > 8 && bytes.bytes[0] == 0xff) {
        assert_int_equal(pdk_hello_read(bytes, &hello, &used), PDK_HELLO_WHOLE);
        assert_int_equal(used, bytes.len);
        elect_put(t, "hello%s %" PRId64 " %.*s; ", hello.version == PDK_HELLO_V2 ? "2" : "",
                  hello.sid, (int)hello.addresses.len, (const char *)hello.addresses.bytes);
    } else {
        elect_put(t, "\"%.*s\"; ", (int)bytes.len - 4, (const char *)bytes.bytes + 4);
    }
}

static void expect_mesh_at(struct net *n, int line, const char *want)
{
    struct elect_text t = {.len = 0};
    size_t count;
    const struct pdk_mesh_effect *effects = pdk_mesh_effects(n->m, &count);
    for (size_t i = 0; i < count; i++) {
        const struct pdk_mesh_effect *x = &effects[i];
        switch (x->kind) {
        case PDK_MESH_DIAL:
            elect_put(&t, "dial %u", x->link);
            for (size_t k = 0; k < x->address_count; k++) {
                elect_put(&t, " %s:%d", x->addresses[k].host, x->addresses[k].port);
            }
            elect_put(&t, "; ");
            break;
        case PDK_MESH_WRITE:
            elect_put(&t, "write %u ", x->link);
            put_write(&t, x->bytes);
            break;
        case PDK_MESH_CLOSE:
            elect_put(&t, "close %u; ", x->link);
            if (pdk_mesh_knows(n->m, x->link)) fail_msg("line %d: closed and known", line);
            break;
        case PDK_MESH_MESSAGE:
            elect_put(&t, "from %" PRId64 " \"%.*s\"; ", x->sid, (int)x->bytes.len,
                      (const char *)x->bytes.bytes);
            break;
        case PDK_MESH_PEER: elect_put(&t, "%s %" PRId64 "; ", x->up ? "up" : "down", x->sid); break;
        }
    }
    pdk_mesh_effects_clear(n->m);
    if (t.len >= 2) t.text[t.len - 2] = '\0';
    if (strcmp(t.text, want) != 0) {
        fail_msg("line %d\n  got  \"%s\"\n  want \"%s\"", line, t.text, want);
    }
}
#define expect_mesh(n, want) expect_mesh_at(n, __LINE__, want)

static void put_frame(struct pdk_buf *b, const char *text)
{
    pdk_put_bytes(b, pdk_slice_str(text));
}

static void send(struct net *n, pdk_sid sid, const char *text)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    put_frame(&b, text);
    pdk_mesh_send(n->m, n->now, sid, pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
}

static void dialled(struct net *n, uint32_t link, bool connected)
{
    pdk_mesh_dialled(n->m, n->now, link, connected);
}

/* Bytes of a stream, `step` at a time, what is not taken again with more behind. */
static void feed(struct net *n, uint32_t link, struct pdk_slice bytes, size_t step)
{
    size_t taken = 0;
    for (size_t end = 0; end < bytes.len;) {
        end = pdk_min_size(end + step, bytes.len);
        size_t used =
            pdk_mesh_bytes(n->m, n->now, link, pdk_slice_of(bytes.bytes + taken, end - taken));
        assert_true(used <= end - taken);
        taken += used;
    }
}

static void say_hello(struct net *n, uint32_t link, int64_t version, pdk_sid sid,
                      const char *addresses)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
    struct pdk_hello hello = {
        .version = version, .sid = sid, .addresses = pdk_slice_str(addresses)};
    pdk_put_hello(&b, &hello);
    feed(n, link, pdk_buf_slice(&b), SIZE_MAX / 2);
    pdk_buf_deinit(&b);
}

static void accept_from(struct net *n, uint32_t link, pdk_sid sid, const char *address)
{
    pdk_mesh_accepted(n->m, n->now, link);
    say_hello(n, link, PDK_HELLO_V1, sid, address);
}

static void elapse(struct net *n, int64_t ms)
{
    n->now += ms;
    pdk_mesh_tick(n->m, n->now);
}

/* ---- 1.1: who dials, which stream lives ------------------------------------------------------ */

static void the_larger_one_keeps_the_stream_that_it_dialled(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "vote");
    expect_mesh(&n, "dial 1 127.0.0.1:3888");
    dialled(&n, 1, true);
    expect_mesh(&n, "write 1 hello 3 127.0.0.3:3888; up 1; write 1 \"vote\"");
    assert_true(pdk_mesh_knows(n.m, 1));
    close_mesh(&n);
}

static void the_smaller_one_says_hello_and_closes(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    send(&n, 3, "vote");
    expect_mesh(&n, "dial 1 127.0.0.3:3888");
    dialled(&n, 1, true);
    expect_mesh(&n, "write 1 hello 1 127.0.0.1:3888; close 1; up 3");
    accept_from(&n, 70, 3, "127.0.0.3:3888"); /* and is dialled back */
    expect_mesh(&n, "write 70 \"vote\"");
    close_mesh(&n);
}

static void a_larger_diallers_stream_replaces_an_older_one(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    accept_from(&n, 70, 3, "127.0.0.3:3888");
    expect_mesh(&n, "up 3");
    accept_from(&n, 71, 3, "127.0.0.3:3888");
    expect_mesh(&n, "close 70");
    pdk_mesh_closed(n.m, n.now, 70);
    expect_mesh(&n, "");
    send(&n, 3, "vote");
    expect_mesh(&n, "write 71 \"vote\"");
    close_mesh(&n);
}

static void a_smaller_dialler_is_closed_and_dialled_back_where_it_says(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    accept_from(&n, 70, 1, "[::1]:4000");
    expect_mesh(&n, "dial 1 ::1:4000 127.0.0.1:3888; close 70");
    dialled(&n, 1, true);
    expect_mesh(&n, "write 1 hello 3 127.0.0.3:3888; up 1");
    close_mesh(&n);
}

/* The old stream gives way when the new one is there, not before. */
static void a_knock_replaces_a_stream_that_the_peer_has_lost(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    pdk_mesh_dial(n.m, n.now, 1);
    dialled(&n, 1, true);
    send(&n, 1, "vote");
    expect_mesh(&n,
                "dial 1 127.0.0.1:3888; write 1 hello 3 127.0.0.3:3888; up 1; write 1 \"vote\"");
    n.now += REDIAL;
    accept_from(&n, 70, 1, "127.0.0.1:3888");
    expect_mesh(&n, "dial 2 127.0.0.1:3888; close 70");
    dialled(&n, 2, true);
    expect_mesh(&n, "write 2 hello 3 127.0.0.3:3888; close 1; write 2 \"vote\"");
    n.now += REDIAL;
    accept_from(&n, 71, 1, "127.0.0.9:1"); /* nobody there: what works stays */
    dialled(&n, 3, false);
    expect_mesh(&n, "dial 3 127.0.0.9:1 127.0.0.1:3888; close 71");
    assert_true(pdk_mesh_knows(n.m, 2));
    close_mesh(&n);
}

/* ZOOKEEPER-2164, 4220. */
static void a_knock_that_crossed_my_own_dial_changes_nothing(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "vote");
    accept_from(&n, 70, 1, "127.0.0.1:3888");
    expect_mesh(&n, "dial 1 127.0.0.1:3888; close 70");
    dialled(&n, 1, true);
    n.now += REDIAL - 1;
    accept_from(&n, 71, 1, "127.0.0.1:3888");
    expect_mesh(&n, "write 1 hello 3 127.0.0.3:3888; up 1; write 1 \"vote\"; close 71");
    close_mesh(&n);
}

/* The knock says that it is there now; the dial was sent before. */
static void a_knock_repeats_a_dial_that_came_too_early(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "vote");
    accept_from(&n, 70, 1, "10.0.0.7:3888");
    dialled(&n, 1, false);
    expect_mesh(&n, "dial 1 127.0.0.1:3888; close 70; dial 2 10.0.0.7:3888 127.0.0.1:3888");
    dialled(&n, 2, false); /* once */
    expect_mesh(&n, "down 1");
    close_mesh(&n);
}

/* Its host may have got another address since. */
static void a_knock_ends_a_dial_that_hangs(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "vote");
    n.now += REDIAL;
    accept_from(&n, 70, 1, "10.0.0.7:3888");
    expect_mesh(&n,
                "dial 1 127.0.0.1:3888; close 1; dial 2 10.0.0.7:3888 127.0.0.1:3888; close 70");
    dialled(&n, 1, true); /* crossed the close */
    expect_mesh(&n, "");
    close_mesh(&n);
}

static void a_refused_dial_back_needs_a_new_knock_and_those_are_limited(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    accept_from(&n, 70, 1, "127.0.0.1:3888");
    dialled(&n, 1, false);
    expect_mesh(&n, "dial 1 127.0.0.1:3888; close 70; down 1");
    accept_from(&n, 71, 1, "127.0.0.1:3888");
    expect_mesh(&n, "close 71");
    n.now += REDIAL / 8 + 1; /* but redial_ms does not hold it back */
    accept_from(&n, 72, 1, "127.0.0.1:3888");
    expect_mesh(&n, "dial 2 127.0.0.1:3888; close 72");
    close_mesh(&n);
}

static void a_dialler_with_my_own_id_is_closed(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 2);
    accept_from(&n, 70, 2, "127.0.0.2:3888");
    expect_mesh(&n, "close 70");
    accept_from(&n, 71, -5, "127.0.0.2:3888");
    expect_mesh(&n, "close 71"); /* nor can anybody have this one */
    close_mesh(&n);
}

static void at_most_one_dial_a_peer_is_under_way(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    send(&n, 3, "a");
    send(&n, 3, "b");
    pdk_mesh_dial(n.m, n.now, 3);
    expect_mesh(&n, "dial 1 127.0.0.3:3888");
    accept_from(&n, 70, 3, "127.0.0.3:3888"); /* the larger one was faster */
    expect_mesh(&n, "close 1; up 3; write 70 \"b\"");
    close_mesh(&n);
}

/* ---- 1.1: unknown servers -------------------------------------------------------------------- */

static void nobody_dials_a_server_that_no_config_names(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 9, "vote");
    pdk_mesh_dial(n.m, n.now, 9);
    send(&n, 3, "vote");
    pdk_mesh_dial(n.m, n.now, 3);
    expect_mesh(&n, "");
    close_mesh(&n);
}

/* "That is what lets a joiner or removed node talk to the ensemble." */
static void an_unknown_knocker_is_dialled_back_by_its_hello(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 8);
    size_t live = n.mem.live;
    accept_from(&n, 70, 7, "10.0.0.7:3888");
    expect_mesh(&n, "dial 1 10.0.0.7:3888; close 70");
    dialled(&n, 1, true);
    send(&n, 7, "answer");
    expect_mesh(&n, "write 1 hello 8 0.0.0.0:0; up 7; write 1 \"answer\"");
    pdk_mesh_closed(n.m, n.now, 1);
    send(&n, 7, "more");
    expect_mesh(&n, ""); /* forgotten */
    accept_from(&n, 71, 6, "0.0.0.0:3888");
    expect_mesh(&n, "close 71");            /* says nothing of where it is */
    assert_int_equal(n.mem.live, live + 1); /* the list of effects */
    close_mesh(&n);
}

static void larger_unknown_ones_are_kept_up_to_a_limit(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    for (uint32_t i = 0; i < STRANGERS; i++) accept_from(&n, 70 + i, 10 + i, "10.0.0.7:3888");
    expect_mesh(&n, "up 10; up 11; up 12");
    accept_from(&n, 80, 20, "10.0.0.7:3888");
    expect_mesh(&n, "close 70; up 20"); /* the oldest gives way */
    send(&n, 12, "answer");
    expect_mesh(&n, "write 72 \"answer\"");
    close_mesh(&n);
}

static void a_stream_outlives_the_config_that_named_its_peer(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    pdk_mesh_dial(n.m, n.now, 2);
    dialled(&n, 1, true);
    expect_mesh(&n, "dial 1 127.0.0.2:3888; write 1 hello 3 127.0.0.3:3888; up 2");
    struct pdk_members *without = elect_members(1, 0, 7, NULL);
    pdk_mesh_set_members(n.m, without, without);
    send(&n, 2, "bye");
    expect_mesh(&n, "write 1 \"bye\"");
    n.now += STEADY;
    pdk_mesh_closed(n.m, n.now, 1);
    send(&n, 2, "bye");
    expect_mesh(&n, "down 2");
    assert_int_equal(pdk_mesh_deadline(n.m), INT64_MAX);
    pdk_members_drop(without);
    close_mesh(&n);
}

/* 1.2: an observer without an id; a peer from before 3.5 tells its id only. */
static void anonymous_and_ancient_diallers_are_served(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 2);
    accept_from(&n, 70, PDK_HELLO_ANONYMOUS, "10.0.0.7:3888");
    accept_from(&n, 71, PDK_HELLO_ANONYMOUS, "10.0.0.8:3888");
    send(&n, -2, "answer");
    expect_mesh(&n, "up -1; up -2; write 71 \"answer\"");
    pdk_mesh_accepted(n.m, n.now, 72);
    say_hello(&n, 72, 0, 3, "");
    expect_mesh(&n, "up 3");
    pdk_mesh_accepted(n.m, n.now, 73);
    say_hello(&n, 73, 0, 1, "");
    expect_mesh(&n, "dial 1 127.0.0.1:3888; close 73");
    close_mesh(&n);
}

/* ---- 1.1, 1.5: addresses --------------------------------------------------------------------- */

static void all_addresses_are_tried_the_committed_ones_first(void **state)
{
    (void)state;
    struct net n;
    static const char old_text[] = "server.1=a:2888:3888|b:2888:3889\n"
                                   "server.2=[::2]:2888:3888|x:2888:3888\nversion=1";
    static const char new_text[] = "server.1=c:2888:3888|a:2888:3888\nserver.2=x:2888:3888\n"
                                   "version=2";
    struct pdk_members *committed, *last_seen;
    struct pdk_diag diag;
    assert_int_equal(
        pdk_members_parse(pdk_mem_heap(), pdk_slice_str(old_text), 0, &committed, &diag), PDK_OK);
    assert_int_equal(
        pdk_members_parse(pdk_mem_heap(), pdk_slice_str(new_text), 0, &last_seen, &diag), PDK_OK);
    open_mesh_with(&n, 2, pdk_members_hold(committed), pdk_members_hold(last_seen), true);
    pdk_mesh_dial(n.m, n.now, 1);
    expect_mesh(&n, "dial 1 a:3888 b:3889 c:3888");
    dialled(&n, 1, true);
    expect_mesh(&n, "write 1 hello2 2 [::2]:3888|x:3888; up 1");
    close_mesh(&n);
    open_mesh_with(&n, 2, committed, last_seen, false); /* ZOOKEEPER-3720: V1 unless told */
    pdk_mesh_dial(n.m, n.now, 1);
    dialled(&n, 1, true);
    expect_mesh(&n, "dial 1 a:3888 b:3889 c:3888; write 1 hello 2 [::2]:3888; up 1");
    close_mesh(&n);
}

/* ---- 1.4: queues ----------------------------------------------------------------------------- */

static void the_newest_unsent_message_replaces_older_ones(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "old");
    send(&n, 1, "newer message");
    send(&n, 1, "newest");
    dialled(&n, 1, true);
    expect_mesh(&n, "dial 1 127.0.0.1:3888; write 1 hello 3 127.0.0.3:3888; up 1; "
                    "write 1 \"newest\"");
    send(&n, 1, "next");
    expect_mesh(&n, "write 1 \"next\"");
    close_mesh(&n);
}

static void the_last_message_is_resent_on_a_new_stream(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    accept_from(&n, 70, 3, "127.0.0.3:3888");
    send(&n, 3, "one");
    send(&n, 3, "two");
    expect_mesh(&n, "up 3; write 70 \"one\"; write 70 \"two\"");
    accept_from(&n, 71, 3, "127.0.0.3:3888");
    expect_mesh(&n, "close 70; write 71 \"two\"");
    close_mesh(&n);
}

/* ---- 1.3: framing ---------------------------------------------------------------------------- */

static void frames_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t step = 1; step < 64; step++) {
        struct net n;
        open_mesh(&n, 1);
        struct pdk_buf b;
        pdk_buf_init(&b, pdk_mem_heap(), SIZE_MAX);
        struct pdk_hello hello = {
            .version = PDK_HELLO_V1, .sid = 3, .addresses = pdk_slice_str("127.0.0.3:3888")};
        pdk_put_hello(&b, &hello);
        put_frame(&b, "first");
        put_frame(&b, "x");
        put_frame(&b, "the third one");
        pdk_mesh_accepted(n.m, n.now, 70);
        feed(&n, 70, pdk_buf_slice(&b), step);
        expect_mesh(&n, "up 3; from 3 \"first\"; from 3 \"x\"; from 3 \"the third one\"");
        pdk_buf_deinit(&b);
        close_mesh(&n);
    }
}

static void impossible_lengths_and_hellos_close_the_stream(void **state)
{
    (void)state;
    static const int32_t lens[] = {0, -1, INT32_MIN, 524289, INT32_MAX};
    for (size_t i = 0; i < PDK_COUNT_OF(lens); i++) {
        struct net n;
        open_mesh(&n, 1);
        accept_from(&n, 70, 3, "127.0.0.3:3888");
        uint8_t bytes[8] = {0};
        pdk_store_u32(bytes, (uint32_t)lens[i]);
        assert_int_equal(pdk_mesh_bytes(n.m, n.now, 70, pdk_slice_of(bytes, 8)), 8);
        expect_mesh(&n, "up 3; close 70");
        assert_int_equal(pdk_mesh_bytes(n.m, n.now, 70, pdk_slice_of(bytes, 8)), 8);
        expect_mesh(&n, "");
        close_mesh(&n);
    }
    struct net n;
    open_mesh(&n, 1);
    accept_from(&n, 70, 3, "127.0.0.3:3888"); /* 524288 is allowed: it waits for the rest */
    uint8_t bytes[8] = {0};
    pdk_store_u32(bytes, 524288);
    assert_int_equal(pdk_mesh_bytes(n.m, n.now, 70, pdk_slice_of(bytes, 8)), 0);
    memset(bytes, 0xfe, sizeof bytes);
    pdk_mesh_accepted(n.m, n.now, 71);
    assert_int_equal(pdk_mesh_bytes(n.m, n.now, 71, pdk_slice_of(bytes, 8)), 8);
    expect_mesh(&n, "up 3; close 71");
    close_mesh(&n);
}

/* ---- silent diallers ------------------------------------------------------------------------- */

static void a_silent_dialler_blocks_nobody_and_is_closed(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    pdk_mesh_accepted(n.m, n.now, 70);
    accept_from(&n, 71, 3, "127.0.0.3:3888");
    expect_mesh(&n, "up 3");
    assert_int_equal(pdk_mesh_deadline(n.m), n.now + HELLO_TIMEOUT);
    elapse(&n, HELLO_TIMEOUT - 1);
    expect_mesh(&n, "");
    elapse(&n, 1);
    expect_mesh(&n, "close 70");
    assert_int_equal(pdk_mesh_deadline(n.m), INT64_MAX);
    close_mesh(&n);
}

static void many_silent_diallers_push_each_other_out(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    for (uint32_t i = 0; i < STRANGERS; i++) pdk_mesh_accepted(n.m, n.now, 70 + i);
    expect_mesh(&n, "");
    accept_from(&n, 80, 3, "127.0.0.3:3888");
    expect_mesh(&n, "close 70; up 3");
    pdk_mesh_closed(n.m, n.now, 71);
    pdk_mesh_accepted(n.m, n.now, 81);
    pdk_mesh_accepted(n.m, n.now, 82);
    expect_mesh(&n, "");
    pdk_mesh_accepted(n.m, n.now, 83);
    expect_mesh(&n, "close 72");
    close_mesh(&n);
}

/* ---- when a peer is gone --------------------------------------------------------------------- */

static void a_refused_dial_is_told_at_once_and_repeated_after_redial_ms(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "a");
    dialled(&n, 1, false);
    expect_mesh(&n, "dial 1 127.0.0.1:3888; down 1");
    assert_int_equal(pdk_mesh_deadline(n.m), INT64_MAX); /* nothing new to say */
    send(&n, 1, "b");
    expect_mesh(&n, "");
    assert_int_equal(pdk_mesh_deadline(n.m), n.now + REDIAL);
    elapse(&n, REDIAL - 1);
    expect_mesh(&n, "");
    elapse(&n, 1);
    expect_mesh(&n, "dial 2 127.0.0.1:3888");
    dialled(&n, 2, false); /* down as before */
    n.now += REDIAL;
    send(&n, 1, "c"); /* the refusal is old enough */
    expect_mesh(&n, "dial 3 127.0.0.1:3888");
    dialled(&n, 3, true);
    expect_mesh(&n, "write 3 hello 3 127.0.0.3:3888; up 1; write 3 \"c\"");
    close_mesh(&n);
}

static void a_knock_is_answered_at_once_in_spite_of_an_earlier_refusal(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    send(&n, 1, "vote");
    dialled(&n, 1, false);
    expect_mesh(&n, "dial 1 127.0.0.1:3888; down 1");
    n.now += 10; /* its process has come up meanwhile */
    accept_from(&n, 70, 1, "127.0.0.1:3888");
    expect_mesh(&n, "dial 2 127.0.0.1:3888; close 70");
    close_mesh(&n);
}

static void a_steady_stream_that_breaks_means_that_its_peer_is_gone(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    accept_from(&n, 70, 3, "127.0.0.3:3888");
    n.now += STEADY;
    pdk_mesh_closed(n.m, n.now, 70);
    expect_mesh(&n, "up 3; down 3; dial 1 127.0.0.3:3888"); /* perhaps it was the network */
    dialled(&n, 1, false);
    expect_mesh(&n, "");
    assert_int_equal(pdk_mesh_deadline(n.m), INT64_MAX);
    close_mesh(&n);
}

/* One that has just begun may have lost against another stream of the same pair. */
static void a_young_stream_that_breaks_is_told_when_the_dial_is_refused(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 1);
    accept_from(&n, 70, 3, "127.0.0.3:3888");
    n.now += STEADY - 1;
    pdk_mesh_closed(n.m, n.now, 70);
    expect_mesh(&n, "up 3; dial 1 127.0.0.3:3888");
    dialled(&n, 1, false);
    expect_mesh(&n, "down 3");
    close_mesh(&n);
}

static void a_peer_that_closes_each_stream_is_not_dialled_for_ever(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    pdk_mesh_dial(n.m, n.now, 1);
    uint32_t link = 0;
    for (int i = 0; i < 20; i++) {
        if (n.links > link) {
            link = n.links;
            dialled(&n, link, true);
            pdk_mesh_closed(n.m, n.now, link);
        }
        elapse(&n, REDIAL);
    }
    assert_int_equal(n.links, 2);
    close_mesh(&n);
}

/* redial_ms is for those that could not be reached. */
static void a_new_message_dials_at_once_after_a_stream_that_broke(void **state)
{
    (void)state;
    struct net n;
    open_mesh(&n, 3);
    pdk_mesh_dial(n.m, n.now, 1);
    for (uint32_t link = 1; link <= 2; link++) {
        dialled(&n, link, true);
        pdk_mesh_closed(n.m, n.now, link);
    }
    expect_mesh(&n, "dial 1 127.0.0.1:3888; write 1 hello 3 127.0.0.3:3888; up 1; "
                    "dial 2 127.0.0.1:3888; write 2 hello 3 127.0.0.3:3888");
    send(&n, 1, "vote");
    expect_mesh(&n, "dial 3 127.0.0.1:3888");
    close_mesh(&n);
}

/* ---- randomness: no input breaks the bookkeeping --------------------------------------------- */

static void any_order_of_inputs_is_survived(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct pdk_prng g;
        pdk_prng_init(&g, seed);
        struct net n;
        open_mesh(&n, 1 + (pdk_sid)pdk_prng_below(&g, 3));
        for (int i = 0; i < 300; i++) {
            uint32_t link = 1 + (uint32_t)pdk_prng_below(&g, n.links + 1);
            pdk_sid sid = (pdk_sid)pdk_prng_below(&g, 8);
            uint8_t bytes[16];
            switch (pdk_prng_below(&g, 8)) {
            case 0: send(&n, sid, "vote"); break;
            case 1: dialled(&n, link, pdk_prng_below(&g, 2) == 0); break;
            case 2: pdk_mesh_closed(n.m, n.now, link); break;
            case 3: accept_from(&n, ++n.links, sid, "127.0.0.5:3888"); break;
            case 4: pdk_mesh_accepted(n.m, n.now, ++n.links); break;
            case 5:
                for (size_t k = 0; k < sizeof bytes; k++) bytes[k] = (uint8_t)pdk_prng_next(&g);
                memset(bytes, 0, pdk_prng_below(&g, sizeof bytes));
                (void)pdk_mesh_bytes(n.m, n.now, link, pdk_slice_of(bytes, sizeof bytes));
                break;
            case 6: elapse(&n, (int64_t)pdk_prng_below(&g, 400)); break;
            default: pdk_mesh_dial(n.m, n.now, sid); break;
            }
            if (pdk_prng_below(&g, 2) == 0) pdk_mesh_effects_clear(n.m);
            if (pdk_mesh_deadline(n.m) <= n.now) elapse(&n, 0);
            assert_true(pdk_mesh_deadline(n.m) > n.now);
        }
        close_mesh(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_larger_one_keeps_the_stream_that_it_dialled),
        cmocka_unit_test(the_smaller_one_says_hello_and_closes),
        cmocka_unit_test(a_larger_diallers_stream_replaces_an_older_one),
        cmocka_unit_test(a_smaller_dialler_is_closed_and_dialled_back_where_it_says),
        cmocka_unit_test(a_knock_replaces_a_stream_that_the_peer_has_lost),
        cmocka_unit_test(a_knock_that_crossed_my_own_dial_changes_nothing),
        cmocka_unit_test(a_knock_repeats_a_dial_that_came_too_early),
        cmocka_unit_test(a_knock_ends_a_dial_that_hangs),
        cmocka_unit_test(a_refused_dial_back_needs_a_new_knock_and_those_are_limited),
        cmocka_unit_test(a_dialler_with_my_own_id_is_closed),
        cmocka_unit_test(at_most_one_dial_a_peer_is_under_way),
        cmocka_unit_test(nobody_dials_a_server_that_no_config_names),
        cmocka_unit_test(an_unknown_knocker_is_dialled_back_by_its_hello),
        cmocka_unit_test(larger_unknown_ones_are_kept_up_to_a_limit),
        cmocka_unit_test(a_stream_outlives_the_config_that_named_its_peer),
        cmocka_unit_test(anonymous_and_ancient_diallers_are_served),
        cmocka_unit_test(all_addresses_are_tried_the_committed_ones_first),
        cmocka_unit_test(the_newest_unsent_message_replaces_older_ones),
        cmocka_unit_test(the_last_message_is_resent_on_a_new_stream),
        cmocka_unit_test(frames_may_come_in_any_pieces),
        cmocka_unit_test(impossible_lengths_and_hellos_close_the_stream),
        cmocka_unit_test(a_silent_dialler_blocks_nobody_and_is_closed),
        cmocka_unit_test(many_silent_diallers_push_each_other_out),
        cmocka_unit_test(a_refused_dial_is_told_at_once_and_repeated_after_redial_ms),
        cmocka_unit_test(a_knock_is_answered_at_once_in_spite_of_an_earlier_refusal),
        cmocka_unit_test(a_steady_stream_that_breaks_means_that_its_peer_is_gone),
        cmocka_unit_test(a_young_stream_that_breaks_is_told_when_the_dial_is_refused),
        cmocka_unit_test(a_peer_that_closes_each_stream_is_not_dialled_for_ever),
        cmocka_unit_test(a_new_message_dials_at_once_after_a_stream_that_broke),
        cmocka_unit_test(any_order_of_inputs_is_survived),
    };
    return cmocka_run_group_tests_name("mesh", tests, NULL, NULL);
}
