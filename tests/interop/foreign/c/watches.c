/* watches.c - every watch, what fires it, how it goes, how it survives an outage. */
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

static void watch_data(struct client *client, const char *path, struct events *events)
{
    char buffer[64];
    int len = sizeof buffer;
    struct Stat stat;
    OK(zoo_wget(client->zh, path, events_watch, events, buffer, &len, &stat));
}

static void watch_children(struct client *client, const char *path, struct events *events)
{
    struct String_vector children;
    OK(zoo_wget_children(client->zh, path, events_watch, events, &children));
    deallocate_String_vector(&children);
}

static void watch_missing(struct client *client, const char *path, struct events *events)
{
    struct Stat stat;
    RC(ZNONODE, zoo_wexists(client->zh, path, events_watch, events, &stat));
}

static void remove_node(struct client *client, const char *path)
{
    OK(zoo_delete(client->zh, path, -1));
}

static void data_watches_fire_once(const char *root)
{
    struct events *events = log_of();
    const char *a = under(root, "/a");
    make(other, a, "", ZOO_PERSISTENT);
    watch_data(mine, a, events);
    set(other, a, "1");
    set(other, a, "2");
    SAME_TEXT("changed /a", client_events(mine, events));
    watch_data(mine, a, events);
    remove_node(other, a);
    SAME_TEXT("deleted /a", client_events(mine, events));
    watch_missing(mine, a, events);
    make(other, a, "", ZOO_PERSISTENT);
    set(other, a, "1");
    SAME_TEXT("created /a", client_events(mine, events));
}

static void exists_watches_what_is_there(const char *root)
{
    struct events *events = log_of();
    struct Stat stat;
    OK(zoo_wexists(mine->zh, root, events_watch, events, &stat));
    make(other, under(root, "/a"), "", ZOO_PERSISTENT);
    OK(zoo_set_acl(other->zh, root, -1, &ZOO_OPEN_ACL_UNSAFE));
    SAME_TEXT("", client_events(mine, events));
    set(other, root, "1");
    SAME_TEXT("changed ", client_events(mine, events));
}

static void child_watches_fire_once(const char *root)
{
    struct events *events = log_of();
    struct String_vector children;
    struct Stat stat;
    watch_children(mine, root, events);
    set(other, root, "1");
    make(other, under(root, "/a"), "", ZOO_PERSISTENT);
    make(other, under(root, "/b"), "", ZOO_PERSISTENT);
    SAME_TEXT("child ", client_events(mine, events));
    OK(zoo_wget_children2(mine->zh, root, events_watch, events, &children, &stat));
    deallocate_String_vector(&children);
    set(other, under(root, "/a"), "1");
    make(other, under(root, "/a/deep"), "", ZOO_PERSISTENT);
    SAME_TEXT("", client_events(mine, events));
    remove_node(other, under(root, "/b"));
    SAME_TEXT("child ", client_events(mine, events));
    watch_children(mine, under(root, "/a/deep"), events);
    remove_node(other, under(root, "/a/deep"));
    SAME_TEXT("deleted /a/deep", client_events(mine, events));
}

static void events_of_one_change_are_ordered(const char *root)
{
    struct events *events = log_of();
    const char *a = under(root, "/a");
    watch_missing(mine, a, events);
    watch_children(mine, root, events);
    make(other, a, "", ZOO_PERSISTENT);
    SAME_TEXT("created /a, child ", client_events(mine, events));
    watch_data(mine, a, events);
    watch_children(mine, a, events);
    watch_children(mine, root, events);
    remove_node(other, a);
    SAME_TEXT("deleted /a, child ", client_events(mine, events));
}

static void the_global_watcher_serves_flags(const char *root)
{
    struct String_vector children;
    struct Stat stat;
    char buffer[8];
    int len = sizeof buffer;
    events_await(&mine->events, 0);
    RC(ZNONODE, zoo_exists(mine->zh, under(root, "/a"), 1, &stat));
    OK(zoo_get(mine->zh, root, 1, buffer, &len, &stat));
    OK(zoo_get_children(mine->zh, root, 1, &children));
    deallocate_String_vector(&children);
    set(other, root, "1");
    make(other, under(root, "/a"), "", ZOO_PERSISTENT);
    SAME_TEXT("changed , created /a, child ", client_events(mine, &mine->events));
}

static void failed_reads_set_no_watch(const char *root)
{
    struct events *events = log_of();
    struct String_vector children;
    char buffer[8];
    int len = sizeof buffer;
    const char *a = under(root, "/a");
    RC(ZNONODE, zoo_wget(mine->zh, a, events_watch, events, buffer, &len, NULL));
    RC(ZNONODE, zoo_wget_children(mine->zh, a, events_watch, events, &children));
    make(other, a, "", ZOO_PERSISTENT);
    set(other, a, "1");
    make(other, under(root, "/a/b"), "", ZOO_PERSISTENT);
    SAME_TEXT("", client_events(mine, events));
}

static void the_end_of_a_session_fires(const char *root)
{
    struct events *events = log_of();
    struct client *brief = client_open(place.direct, CALM_MS);
    make(brief, under(root, "/e"), "", ZOO_EPHEMERAL);
    watch_data(mine, under(root, "/e"), events);
    watch_children(mine, root, events);
    client_close(brief);
    SAME_TEXT("deleted /e, child ", events_await(events, 2));
}

static void removed_watches_are_silent(const char *root)
{
    struct events *events = log_of();
    ZooWatcherType types[] = {ZWATCHTYPE_DATA, ZWATCHTYPE_CHILD};
    watch_data(mine, root, events);
    watch_children(mine, root, events);
    OK(zoo_remove_watches(mine->zh, root, ZWATCHTYPE_DATA, events_watch, events, 0));
    set(other, root, "1");
    SAME_TEXT("", client_events(mine, events));
    make(other, under(root, "/a"), "", ZOO_PERSISTENT);
    SAME_TEXT("child ", client_events(mine, events));
    watch_data(mine, root, events);
    watch_children(mine, root, events);
    OK(zoo_remove_watches(mine->zh, root, ZWATCHTYPE_CHILD, events_watch, events, 0));
    make(other, under(root, "/b"), "", ZOO_PERSISTENT);
    SAME_TEXT("", client_events(mine, events));
    set(other, root, "2");
    SAME_TEXT("changed ", client_events(mine, events));
    for (int i = 0; i < 2; i++) {
        RC(ZNOWATCHER, zoo_remove_watches(mine->zh, root, types[i], events_watch, events, 0));
        RC(ZNOWATCHER, zoo_remove_all_watches(mine->zh, root, types[i], 0));
    }
}

static void all_watches_of_a_path_can_be_removed(const char *root)
{
    struct events *events = log_of(), *second = log_of();
    watch_data(mine, root, events);
    watch_data(mine, root, second);
    watch_children(mine, root, second);
    OK(zoo_remove_all_watches(mine->zh, root, ZWATCHTYPE_DATA, 0));
    set(other, root, "1");
    SAME_TEXT("", client_events(mine, events));
    make(other, under(root, "/a"), "", ZOO_PERSISTENT);
    SAME_TEXT("child ", client_events(mine, second));
}

static void watches_catch_up_after_an_outage(const char *root)
{
    static const char *const nodes[] = {"/set", "/gone", "/kids", "/calm"};
    struct client *client = client_open(place.wire, CALM_MS);
    struct events *events = log_of(), *calm = log_of();
    int64_t id = zoo_client_id(client->zh)->client_id;
    for (int i = 0; i < 4; i++) {
        make(other, under(root, nodes[i]), "", ZOO_PERSISTENT);
    }
    watch_data(client, under(root, "/set"), events);
    watch_data(client, under(root, "/gone"), events);
    watch_missing(client, under(root, "/new"), events);
    watch_children(client, under(root, "/kids"), events);
    watch_data(client, under(root, "/calm"), calm);
    watch_children(client, under(root, "/calm"), calm);
    watch_missing(client, under(root, "/never"), calm);
    command("cut");
    events_await_state(&client->events, ZOO_CONNECTING_STATE);
    set(other, under(root, "/set"), "1");
    remove_node(other, under(root, "/gone"));
    make(other, under(root, "/new"), "", ZOO_PERSISTENT);
    make(other, under(root, "/kids/a"), "", ZOO_PERSISTENT);
    command("heal");
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    SAME(id, zoo_client_id(client->zh)->client_id);
    const char *seen = client_events(client, events);
    THAT(strstr(seen, "changed /set") != NULL);
    THAT(strstr(seen, "deleted /gone") != NULL);
    THAT(strstr(seen, "created /new") != NULL);
    THAT(strstr(seen, "child /kids") != NULL);
    SAME_TEXT("", client_events(client, calm));
    make(other, under(root, "/calm/a"), "", ZOO_PERSISTENT);
    set(other, under(root, "/calm"), "1");
    make(other, under(root, "/never"), "", ZOO_PERSISTENT);
    SAME_TEXT("child /calm, changed /calm, created /never", client_events(client, calm));
    client_close(client);
}

static void many_watches_survive_a_reconnection(const char *root)
{
    enum { MANY = 1500 };
    struct client *client = client_open(place.wire, CALM_MS);
    struct events *events = log_of();
    char path[PATH_MAX_LEN];
    char padding[120];
    memset(padding, 'x', sizeof padding - 1);
    padding[sizeof padding - 1] = '\0';
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "%s/%s%d", root, padding, i);
        watch_missing(client, path, events);
    }
    command("drop");
    events_await_state(&client->events, ZOO_CONNECTING_STATE);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    client_barrier(client);
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "%s/%s%d", root, padding, i);
        make(other, path, "", ZOO_PERSISTENT);
    }
    client_barrier(client);
    SAME(MANY, events->count);
    client_close(client);
}

void watch_checks(void)
{
    group("watches");
    check("data watches fire once", data_watches_fire_once);
    check("exists watches what is there", exists_watches_what_is_there);
    check("child watches fire once", child_watches_fire_once);
    check("events of one change are ordered", events_of_one_change_are_ordered);
    check("the global watcher serves flags", the_global_watcher_serves_flags);
    check("failed reads set no watch", failed_reads_set_no_watch);
    check("the end of a session fires", the_end_of_a_session_fires);
    check("removed watches are silent", removed_watches_are_silent);
    check("all watches of a path can be removed", all_watches_of_a_path_can_be_removed);
    check("watches catch up after an outage", watches_catch_up_after_an_outage);
    check("many watches survive a reconnection", many_watches_survive_a_reconnection);
    group_end("watches");
}
