/* Dialling, listening, bytes in and out. */
#include <sys/resource.h>

#include "shell/links_testing.h"

/* ---- accepting ------------------------------------------------------------------------------- */
static void bytes_go_both_ways_on_an_accepted_link(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->echo = true;
    pdk_links_listen(f->links, PDK_PORT_QUORUM, true);
    int peer = peer_dials(f, PDK_PORT_QUORUM);
    peer_sends(peer, "hello", 5);
    await(f, "accepted 0 quorum|bytes 0 hello|");
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(peer, (struct sockaddr *)&own, &len), 0);
    char want[64], got[6] = {0};
    (void)snprintf(want, sizeof want, "127.0.0.1:%d", ntohs(own.sin_port));
    assert_string_equal(f->address, want);
    assert_int_equal(peer_reads(f, peer, got, 5), 5);
    assert_string_equal(got, "hello");
    assert_int_equal(close(peer), 0);
    await(f, "closed 0|");
    assert_int_equal(pdk_links_count(f->links), 0);
    destroy(f);
}

static void ports_open_and_close_as_asked(void **state)
{
    (void)state;
    struct fixture *f = create();
    pdk_links_listen(f->links, PDK_PORT_ELECTION, true);
    pdk_links_listen(f->links, PDK_PORT_QUORUM, true);
    int32_t quorum = pdk_links_port(f->links, PDK_PORT_QUORUM);
    assert_true(quorum > 0);
    assert_int_equal(pdk_links_port(f->links, PDK_PORT_OBSERVER_MASTER), 0);
    int a = peer_dials(f, PDK_PORT_ELECTION), b = peer_dials(f, PDK_PORT_QUORUM);
    settle(f);
    pdk_links_listen(f->links, PDK_PORT_QUORUM, false);
    int refused = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = loopback(quorum);
    assert_int_equal(connect(refused, (const struct sockaddr *)&to, sizeof to), -1);
    /* The link that came in before stays. */
    peer_sends(b, "x", 1);
    settle(f);
    assert_non_null(strstr(f->heard, "bytes "));
    assert_null(strstr(f->heard, "closed"));
    (void)close(a);
    (void)close(b);
    (void)close(refused);
    destroy(f);
}

static void a_new_address_is_taken_while_listening(void **state)
{
    (void)state;
    struct fixture *f = create();
    pdk_links_listen(f->links, PDK_PORT_ELECTION, true);
    int32_t before = pdk_links_port(f->links, PDK_PORT_ELECTION);
    const struct pdk_address same = {.host = "127.0.0.1", .port = 0};
    pdk_links_set_addresses(f->links, PDK_PORT_ELECTION, &same, 1);
    assert_int_equal(pdk_links_port(f->links, PDK_PORT_ELECTION), before);

    const struct pdk_address two[] = {{.host = "127.0.0.2", .port = 0}, {.host = "", .port = 0}};
    pdk_links_set_addresses(f->links, PDK_PORT_ELECTION, two, 2);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = loopback(pdk_links_port(f->links, PDK_PORT_ELECTION));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    await(f, "accepted 0 election|");
    (void)close(fd);
    destroy(f);
}

static void a_host_name_can_be_listened_on(void **state)
{
    (void)state;
    struct fixture *f = create();
    const struct pdk_address named = {.host = "here", .port = 0};
    pdk_links_set_addresses(f->links, PDK_PORT_ELECTION, &named, 1);
    pdk_links_listen(f->links, PDK_PORT_ELECTION, true);
    for (int i = 0; i < 10000 && pdk_links_port(f->links, PDK_PORT_ELECTION) == 0; i++)
        (void)turn_waiting(f, 1);
    int peer = peer_dials(f, PDK_PORT_ELECTION);
    await(f, "accepted 0 election|");
    (void)close(peer);
    destroy(f);
}

static void a_taken_port_is_tried_again_and_then_told_with_its_holder(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0;
    int holder = peer_listens(&port);
    const struct pdk_address taken = {.host = "127.0.0.1", .port = port};
    pdk_links_set_addresses(f->links, PDK_PORT_ELECTION, &taken, 1);
    pdk_links_listen(f->links, PDK_PORT_ELECTION, true);
    settle(f);
    assert_non_null(strstr(f->lines, "link.listen_failed"));
    assert_int_equal(pdk_links_deadline(f->links), f->now_ms + 1000);
    f->now_ms += 1000;
    settle(f);
    expect_heard(f, "");
    f->now_ms += 1000;
    settle(f);
    expect_heard(f, "deaf 0|");
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld (", (long)getpid());
    assert_non_null(strstr(f->lines, pid));

    /* The other one has gone meanwhile. */
    assert_int_equal(close(holder), 0);
    f->now_ms += 1000;
    settle(f);
    assert_int_equal(pdk_links_port(f->links, PDK_PORT_ELECTION), port);
    destroy(f);
}

static void an_observer_masters_port_is_tried_for_ever(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0;
    int holder = peer_listens(&port);
    const struct pdk_address taken = {.host = "", .port = port};
    pdk_links_set_addresses(f->links, PDK_PORT_OBSERVER_MASTER, &taken, 1);
    pdk_links_listen(f->links, PDK_PORT_OBSERVER_MASTER, true);
    for (int i = 0; i < 10; i++) {
        settle(f);
        f->now_ms += 1000;
    }
    expect_heard(f, "");
    assert_int_equal(close(holder), 0);
    settle(f);
    assert_int_equal(pdk_links_port(f->links, PDK_PORT_OBSERVER_MASTER), port);
    destroy(f);
}

static void strangers_are_limited(void **state)
{
    (void)state;
    struct fixture *f = create();
    pdk_links_listen(f->links, PDK_PORT_ELECTION, true);
    int peers[6];
    for (int i = 0; i < 4; i++) {
        peers[i] = peer_dials(f, PDK_PORT_ELECTION);
        if (i != 1) peer_sends(peers[i], "hello", 5);
        settle(f);
    }
    f->heard_len = 0;
    /* The one that has said nothing makes way, whoever comes. */
    peers[4] = peer_dials(f, PDK_PORT_ELECTION);
    await(f, "accepted 4 election|closed 1|");
    peer_sends(peers[4], "hello", 5);
    await(f, "bytes 4 hello|");
    assert_true(peer_sees_end(f, peers[1]));
    /* All have spoken: no place is left. */
    peers[5] = peer_dials(f, PDK_PORT_ELECTION);
    assert_true(peer_sees_end(f, peers[5]));
    assert_non_null(strstr(f->lines, "too many links"));
    assert_int_equal(close(peers[2]), 0);
    await(f, "closed 2|");
    (void)close(peers[1]);
    peers[1] = peer_dials(f, PDK_PORT_ELECTION);
    await(f, "accepted 1 election|");
    for (int i = 0; i < 6; i++) (void)(i != 2 && close(peers[i]));
    destroy(f);
}

static void clients_that_take_all_descriptors_do_not_lock_peers_out(void **state)
{
    (void)state;
    struct fixture *f = create();
    f->config.accepted_max = 100;
    pdk_links_destroy(f->links);
    open_links(f);
    pdk_links_listen(f->links, PDK_PORT_ELECTION, true);
    int32_t port = 0;
    int listening = peer_listens(&port);
    settle(f);
    int peers[2] = {peer_dials(f, PDK_PORT_ELECTION), peer_dials(f, PDK_PORT_ELECTION)};
    int taken[4096], count = 0;
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    small = was;
    small.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    while ((taken[count] = dup(0)) >= 0) count++;
    dial(f, D(1), "127.0.0.1", port);
    settle(f);
    expect_heard(f, "accepted 0 election|accepted 1 election|dialled 1001 yes|");
    while (count > 0) (void)close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    (void)close(peers[0]);
    (void)close(peers[1]);
    (void)close(listening);
    destroy(f);
}

/* ---- dialling -------------------------------------------------------------------------------- */
static void a_dialled_link_works_by_literal_and_by_name(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0;
    int listening = peer_listens(&port);
    const char *const hosts[] = {"127.0.0.1", "here", "two"}; /* nobody listens on [::1] */
    for (uint32_t i = 0; i < 3; i++) {
        dial(f, D(i), hosts[i], port);
        char want[64], got[4] = {0};
        (void)snprintf(want, sizeof want, "dialled %u yes|", 1000 + i);
        await(f, want);
        int peer = accept(listening, NULL, NULL);
        assert_true(peer >= 0);
        send_text(f, D(i), "abc");
        assert_int_equal(peer_reads(f, peer, got, 3), 3);
        assert_string_equal(got, "abc");
        peer_sends(peer, "de", 2);
        (void)snprintf(want, sizeof want, "bytes %u de|", 1000 + i);
        await(f, want);
        pdk_links_close(f->links, D(i));
        pdk_links_flush(f->links);
        assert_true(peer_sees_end(f, peer));
        (void)close(peer);
    }
    (void)close(listening);
    destroy(f);
}

static void a_refused_dial_is_told_without_any_timer(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0;
    int fd = peer_listens(&port);
    assert_int_equal(close(fd), 0); /* nobody listens there any more */
    dial(f, D(7), "127.0.0.1", port);
    int turns = 0;
    while (f->heard_len == 0 && turns++ < 3) (void)turn_waiting(f, 1000);
    expect_heard(f, "dialled 1007 no|");
    assert_true(turns <= 2);
    assert_int_equal(pdk_links_count(f->links), 0);
    dial(f, D(7), "127.0.0.1", port); /* the number is free again */
    await(f, "dialled 1007 no|");
    destroy(f);
}

static void addresses_are_tried_in_turn(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0, gone = 0;
    int listening = peer_listens(&port);
    (void)close(peer_listens(&gone));
    const struct pdk_address addresses[] = {{.host = "127.0.0.1", .port = gone},
                                            {.host = "dead", .port = port},
                                            {.host = "here", .port = port}};
    pdk_links_dial(f->links, D(1), addresses, 3);
    await(f, "dialled 1001 yes|");
    pdk_links_dial(f->links, D(2), addresses, 2);
    await(f, "dialled 1002 no|");
    pdk_links_dial(f->links, D(3), addresses, 0);
    await(f, "dialled 1003 no|");
    (void)close(listening);
    destroy(f);
}

static void a_name_that_is_not_answered_holds_nothing_up(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0;
    int listening = peer_listens(&port);
    /* Known once. */
    assert_int_equal(sem_post(&f->gate), 0);
    dial(f, D(1), "slow", port);
    await(f, "dialled 1001 yes|");
    /* Now its service hangs: what it meant last time is used, and the next address. */
    dial(f, D(2), "slow", port);
    settle(f);
    expect_heard(f, "");
    assert_int_equal(pdk_links_deadline(f->links), f->now_ms + 250);
    f->now_ms += 250;
    await(f, "dialled 1002 yes|");
    const struct pdk_address addresses[] = {{.host = "here", .port = port},
                                            {.host = "127.0.0.1", .port = port}};
    pdk_links_dial(f->links, D(3), addresses, 2); /* "here" waits behind "slow", never known */
    settle(f);
    f->now_ms += 250;
    await(f, "dialled 1003 yes|");
    /* The only address there is: its answer is waited for. */
    dial(f, D(4), "here", port);
    settle(f);
    f->now_ms += 250;
    settle(f);
    expect_heard(f, "");
    assert_int_equal(sem_post(&f->gate), 0);
    await(f, "dialled 1004 yes|");
    (void)close(listening);
    destroy(f);
}

static void a_connect_that_is_not_answered_times_out(void **state)
{
    (void)state;
    struct fixture *f = create();
    /* A full backlog on loopback: the next SYN is dropped. */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    int fill[4];
    for (int i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (const struct sockaddr *)&at, sizeof at);
    }
    dial(f, D(1), "127.0.0.1", ntohs(at.sin_port));
    settle(f);
    expect_heard(f, "");
    assert_int_equal(pdk_links_deadline(f->links), f->now_ms + 5000);
    f->now_ms += 4999;
    settle(f);
    expect_heard(f, "");
    f->now_ms += 1;
    settle(f);
    expect_heard(f, "dialled 1001 no|");
    assert_non_null(strstr(f->lines, "connect timed out"));
    for (int i = 0; i < 4; i++) (void)close(fill[i]);
    (void)close(fd);
    destroy(f);
}

static void a_dial_that_is_closed_is_not_told(void **state)
{
    (void)state;
    struct fixture *f = create();
    int32_t port = 0;
    int listening = peer_listens(&port);
    dial(f, D(1), "127.0.0.1", port);
    pdk_links_close(f->links, D(1));
    dial(f, D(1), "127.0.0.1", port); /* at once with the same number */
    pdk_links_flush(f->links);
    await(f, "dialled 1001 yes|");
    assert_int_equal(pdk_links_count(f->links), 1);
    dial(f, D(2), "slow", port);
    pdk_links_close(f->links, D(2));
    pdk_links_flush(f->links);
    assert_int_equal(sem_post(&f->gate), 0);
    settle(f);
    expect_heard(f, "");
    (void)close(listening);
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways_on_an_accepted_link),
        cmocka_unit_test(ports_open_and_close_as_asked),
        cmocka_unit_test(a_new_address_is_taken_while_listening),
        cmocka_unit_test(a_host_name_can_be_listened_on),
        cmocka_unit_test(a_taken_port_is_tried_again_and_then_told_with_its_holder),
        cmocka_unit_test(an_observer_masters_port_is_tried_for_ever),
        cmocka_unit_test(strangers_are_limited),
        cmocka_unit_test(clients_that_take_all_descriptors_do_not_lock_peers_out),
        cmocka_unit_test(a_dialled_link_works_by_literal_and_by_name),
        cmocka_unit_test(a_refused_dial_is_told_without_any_timer),
        cmocka_unit_test(addresses_are_tried_in_turn),
        cmocka_unit_test(a_name_that_is_not_answered_holds_nothing_up),
        cmocka_unit_test(a_connect_that_is_not_answered_times_out),
        cmocka_unit_test(a_dial_that_is_closed_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
