/* sessions.c - sessions that begin, re-attach, expire, end. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct events *log_of(void)
{
    struct events *events = malloc(sizeof *events);
    if (events == NULL) {
        abort();
    }
    events_init(events);
    return events;
}

static void timeouts_are_negotiated(const char *root)
{
    static const int pairs[][2] = {{300, 500}, {6000, 6000}, {1000000, 30000}};
    (void)root;
    for (int i = 0; i < 3; i++) {
        struct client *client = client_open(place.direct, pairs[i][0]);
        SAME(pairs[i][1], zoo_recv_timeout(client->zh));
        client_close(client);
    }
}

static void a_read_only_client_gets_a_full_server(const char *root)
{
    struct client *client = client_begin(place.direct, CALM_MS, NULL, ZOO_READONLY);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    make(client, under(root, "/a"), "", ZOO_PERSISTENT);
    client_close(client);
}

static void a_dropped_connection_is_taken_up(const char *root)
{
    const char *e = under(root, "/e");
    struct client *client = client_open(place.wire, CALM_MS);
    int64_t id = zoo_client_id(client->zh)->client_id;
    make(client, e, "", ZOO_EPHEMERAL);
    command("drop");
    events_await_state(&client->events, ZOO_CONNECTING_STATE);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    SAME(id, zoo_client_id(client->zh)->client_id);
    SAME(id, stat_of(client, e).ephemeralOwner);
    client_close_with(client, e);
}

static void a_session_is_taken_over_by_its_id(const char *root)
{
    const char *e = under(root, "/e");
    struct client *first = client_open(place.wire, CALM_MS);
    clientid_t id = *zoo_client_id(first->zh);
    struct Stat stat;
    make(first, e, "", ZOO_EPHEMERAL);
    command("cut");
    events_await_state(&first->events, ZOO_CONNECTING_STATE);
    struct client *second = client_begin(place.direct, CALM_MS, &id, 0);
    events_await_state(&second->events, ZOO_CONNECTED_STATE);
    SAME(id.client_id, zoo_client_id(second->zh)->client_id);
    SAME(id.client_id, stat_of(second, e).ephemeralOwner);
    client_close_with(second, e);
    SAME(0, stat_of(other, root).numChildren);
    command("heal");
    events_await_state(&first->events, ZOO_EXPIRED_SESSION_STATE);
    THAT(is_unrecoverable(first->zh));
    RC(ZINVALIDSTATE, zoo_exists(first->zh, e, 0, &stat));
    client_close(first);
}

static void wrong_ids_and_passwords_are_refused(const char *root)
{
    const char *e = under(root, "/e");
    struct client *owner = client_open(place.direct, CALM_MS);
    clientid_t id = *zoo_client_id(owner->zh);
    make(owner, e, "", ZOO_EPHEMERAL);
    id.passwd[3] ^= 1;
    struct client *wrong = client_begin(place.direct, CALM_MS, &id, 0);
    events_await_state(&wrong->events, ZOO_EXPIRED_SESSION_STATE);
    SAME(ZOO_EXPIRED_SESSION_STATE, zoo_state(wrong->zh));
    client_close(wrong);
    SAME(id.client_id, stat_of(mine, e).ephemeralOwner);
    id.client_id = 0x0123456789abcdef;
    wrong = client_begin(place.direct, CALM_MS, &id, 0);
    events_await_state(&wrong->events, ZOO_EXPIRED_SESSION_STATE);
    client_close(wrong);
    client_close(owner);
}

static void a_silent_session_expires(const char *root)
{
    const char *e = under(root, "/e");
    struct client *client = client_open(place.wire, SHORT_MS);
    struct events *gone = log_of();
    struct Stat stat;
    int64_t id = zoo_client_id(client->zh)->client_id;
    make(client, e, "mine", ZOO_EPHEMERAL);
    OK(zoo_wexists(mine->zh, e, events_watch, gone, &stat));
    stat_of(client, e);
    long long start = now_ms();
    command("freeze");
    SAME_TEXT("deleted /e", events_await(gone, 1));
    long long took = now_ms() - start;
    command("thaw");
    /* A tick of rounding, and room for a busy machine. */
    if (took < SHORT_MS - 50 || took > 5 * SHORT_MS) {
        FAIL("expired after %lld ms", took);
    }
    events_await_state(&client->events, ZOO_EXPIRED_SESSION_STATE);
    client_close(client);
    client = client_open(place.wire, SHORT_MS);
    THAT(zoo_client_id(client->zh)->client_id != id);
    RC(ZNONODE, zoo_exists(client->zh, e, 0, &stat));
    make(client, e, "again", ZOO_EPHEMERAL);
    client_close(client);
}

static void too_big_a_request_costs_the_connection(const char *root)
{
    enum { BIG = 1100000 };
    struct client *client = client_open(place.direct, CALM_MS);
    char *big = calloc(BIG, 1);
    THAT(big != NULL);
    make(client, under(root, "/e"), "", ZOO_EPHEMERAL);
    RC(ZCONNECTIONLOSS, zoo_set(client->zh, root, big, BIG, -1));
    free(big);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    SAME(0, stat_of(client, root).version);
    stat_of(client, under(root, "/e"));
    client_close(client);
}

static void a_killed_server_comes_back_with_all(const char *root)
{
    const char *a = under(root, "/a"), *e = under(root, "/e");
    struct client *client = client_open(place.direct, CALM_MS);
    struct events *events = log_of();
    struct Stat stat;
    make(client, a, "kept", ZOO_PERSISTENT);
    make(client, e, "", ZOO_EPHEMERAL);
    OK(zoo_wexists(client->zh, a, events_watch, events, &stat));
    command("bounce");
    events_await_state(&client->events, ZOO_CONNECTING_STATE);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    events_await_state(&other->events, ZOO_CONNECTED_STATE);
    SAME_TEXT("kept", get(client, a));
    SAME(stat.mzxid, stat_of(client, a).mzxid);
    SAME(zoo_client_id(client->zh)->client_id, stat_of(client, e).ephemeralOwner);
    SAME_TEXT("", client_events(client, events));
    set(other, a, "new");
    SAME_TEXT("changed /a", client_events(client, events));
    client_close(client);
}

void session_checks(void)
{
    group("sessions");
    check("timeouts are negotiated", timeouts_are_negotiated);
    check("a read-only client gets a full server", a_read_only_client_gets_a_full_server);
    check("a dropped connection is taken up", a_dropped_connection_is_taken_up);
    check("a session is taken over by its id", a_session_is_taken_over_by_its_id);
    check("wrong ids and passwords are refused", wrong_ids_and_passwords_are_refused);
    check("a silent session expires", a_silent_session_expires);
    check("too big a request costs the connection", too_big_a_request_costs_the_connection);
    check("a killed server comes back with all", a_killed_server_comes_back_with_all);
    group_end("sessions");
}
