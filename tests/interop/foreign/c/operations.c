/* operations.c - every synchronous operation: results, changes, errors. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char made[PATH_MAX_LEN];

static int create_as(const char *path, int mode)
{
    bool ttl = mode == ZOO_PERSISTENT_WITH_TTL || mode == ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL;
    return zoo_create_ttl(mine->zh, path, "x", 1, &ZOO_OPEN_ACL_UNSAFE, mode, ttl ? 60000 : -1,
                          made, sizeof made);
}

static void create_returns_path_and_stat(const char *root)
{
    struct Stat stat, again;
    OK(zoo_create2(mine->zh, under(root, "/a"), "hello", 5, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                   made, sizeof made, &stat));
    SAME_TEXT(under(root, "/a"), made);
    SAME(stat.czxid, stat.mzxid);
    SAME(stat.czxid, stat.pzxid);
    SAME(stat.ctime, stat.mtime);
    SAME(0, stat.version + stat.cversion + stat.aversion + stat.numChildren);
    SAME(0, stat.ephemeralOwner);
    SAME(5, stat.dataLength);
    again = stat_of(mine, under(root, "/a"));
    SAME(0, memcmp(&stat.czxid, &again.czxid, 4 * sizeof stat.czxid));
    SAME_TEXT("hello", get(mine, under(root, "/a")));
}

static void every_mode_makes_its_node(const char *root)
{
    int64_t id = zoo_client_id(mine->zh)->client_id;
    struct {
        int mode;
        const char *name;
        int64_t owner;
    } modes[] = {
        {ZOO_PERSISTENT, "", 0},
        {ZOO_EPHEMERAL, "", id},
        {ZOO_PERSISTENT_SEQUENTIAL, "0000000002", 0},
        {ZOO_EPHEMERAL_SEQUENTIAL, "0000000003", id},
        {ZOO_CONTAINER, "", 0},
        {ZOO_PERSISTENT_WITH_TTL, "", 0},
        {ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, "0000000006", 0},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char path[PATH_MAX_LEN], want[PATH_MAX_LEN + 16];
        snprintf(path, sizeof path, "%s/n%zu-", root, i);
        snprintf(want, sizeof want, "%s%s", path, modes[i].name);
        OK(create_as(path, modes[i].mode));
        SAME_TEXT(want, made);
        SAME(modes[i].owner, stat_of(mine, made).ephemeralOwner);
    }
    SAME(7, stat_of(mine, root).cversion);
}

static void create2_of_every_mode_returns_a_stat(const char *root)
{
    struct Stat stat;
    OK(zoo_create2(mine->zh, under(root, "/c"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, made,
                   sizeof made, &stat));
    SAME(stat_of(mine, made).czxid, stat.czxid);
    OK(zoo_create2_ttl(mine->zh, under(root, "/t"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE,
                       ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 60000, made, sizeof made, &stat));
    SAME_TEXT(under(root, "/t0000000001"), made);
    SAME(stat_of(mine, made).czxid, stat.czxid);
    OK(zoo_create2(mine->zh, under(root, "/e"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE,
                   ZOO_EPHEMERAL_SEQUENTIAL, made, sizeof made, &stat));
    SAME(zoo_client_id(mine->zh)->client_id, stat.ephemeralOwner);
}

static void containers_and_ttl_nodes_go(const char *root)
{
    struct events events;
    struct Stat stat;
    events_init(&events);
    OK(create_as(under(root, "/c"), ZOO_CONTAINER));
    make(mine, under(root, "/c/a"), "", ZOO_PERSISTENT);
    OK(zoo_wexists(mine->zh, under(root, "/c"), events_watch, &events, &stat));
    OK(zoo_delete(mine->zh, under(root, "/c/a"), -1));
    SAME_TEXT("deleted /c", events_await(&events, 1));
    OK(zoo_create_ttl(mine->zh, under(root, "/t"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE,
                      ZOO_PERSISTENT_WITH_TTL, 800, made, sizeof made));
    OK(zoo_wexists(mine->zh, under(root, "/t"), events_watch, &events, &stat));
    SAME_TEXT("deleted /t", events_await(&events, 1));
}

static void null_and_empty_data_stay_apart(const char *root)
{
    char buffer[8];
    int len = sizeof buffer;
    struct Stat stat;
    make(mine, under(root, "/null"), NULL, ZOO_PERSISTENT);
    make(mine, under(root, "/empty"), "", ZOO_PERSISTENT);
    OK(zoo_get(mine->zh, under(root, "/null"), 0, buffer, &len, &stat));
    SAME(-1, len);
    SAME(0, stat.dataLength);
    len = sizeof buffer;
    OK(zoo_get(mine->zh, under(root, "/empty"), 0, buffer, &len, &stat));
    SAME(0, len);
}

static void set_moves_the_version(const char *root)
{
    struct Stat before = stat_of(mine, root), after;
    OK(zoo_set2(mine->zh, root, "one", 3, 0, &after));
    SAME(1, after.version);
    SAME(3, after.dataLength);
    THAT(after.mzxid > before.mzxid);
    SAME(before.czxid, after.czxid);
    OK(zoo_set(mine->zh, root, "two", 3, 1));
    SAME_TEXT("two", get(mine, root));
    RC(ZBADVERSION, zoo_set(mine->zh, root, "x", 1, 1));
    RC(ZBADVERSION, zoo_set2(mine->zh, root, "x", 1, 7, &after));
    SAME_TEXT("two", get(mine, root));
    OK(zoo_set(mine->zh, root, NULL, -1, -1));
    SAME_TEXT("(null)", get(mine, root));
}

static void children_are_listed(const char *root)
{
    struct String_vector children;
    struct Stat stat;
    OK(zoo_get_children(mine->zh, root, 0, &children));
    SAME(0, children.count);
    deallocate_String_vector(&children);
    make(mine, under(root, "/b"), "", ZOO_PERSISTENT);
    make(mine, under(root, "/a"), "", ZOO_EPHEMERAL);
    make(mine, under(root, "/b/c"), "", ZOO_PERSISTENT);
    OK(zoo_get_children(mine->zh, root, 0, &children));
    SAME_TEXT("a b", names(&children));
    deallocate_String_vector(&children);
    OK(zoo_get_children2(mine->zh, root, 0, &children, &stat));
    SAME_TEXT("a b", names(&children));
    SAME(2, stat.numChildren);
    SAME(2, stat.cversion);
    deallocate_String_vector(&children);
}

static void delete_checks_version_and_children(const char *root)
{
    make(mine, under(root, "/a"), "", ZOO_PERSISTENT);
    make(mine, under(root, "/a/b"), "", ZOO_PERSISTENT);
    RC(ZBADVERSION, zoo_delete(mine->zh, under(root, "/a"), 3));
    RC(ZNOTEMPTY, zoo_delete(mine->zh, under(root, "/a"), 0));
    OK(zoo_delete(mine->zh, under(root, "/a/b"), 0));
    OK(zoo_delete(mine->zh, under(root, "/a"), -1));
    RC(ZNONODE, zoo_delete(mine->zh, under(root, "/a"), -1));
    RC(ZBADARGUMENTS, zoo_delete(mine->zh, "/zookeeper", -1));
    RC(ZBADARGUMENTS, zoo_delete(mine->zh, "/zookeeper/quota", -1));
}

static void create_fails_as_it_should(const char *root)
{
    static const char *const flat[] = {"/a", "/no/a", "/e/a"};
    int codes[] = {ZNODEEXISTS, ZNONODE, ZNOCHILDRENFOREPHEMERALS};
    int modes[] = {ZOO_PERSISTENT, ZOO_EPHEMERAL, ZOO_CONTAINER, ZOO_PERSISTENT_WITH_TTL};
    make(mine, under(root, "/a"), "", ZOO_PERSISTENT);
    make(mine, under(root, "/e"), "", ZOO_EPHEMERAL);
    for (size_t i = 0; i < 3; i++) {
        for (size_t mode = 0; mode < 4; mode++) {
            RC(codes[i], create_as(under(root, flat[i]), modes[mode]));
        }
    }
    RC(ZNODEEXISTS, create_as("/", ZOO_PERSISTENT));
    SAME(2, stat_of(mine, root).numChildren);
}

static void a_missing_node_gives_no_node(const char *root)
{
    const char *no = under(root, "/no");
    struct String_vector children;
    struct ACL_vector acl;
    struct Stat stat;
    char buffer[8];
    int len = sizeof buffer;
    RC(ZNONODE, zoo_exists(mine->zh, no, 0, &stat));
    RC(ZNONODE, zoo_get(mine->zh, no, 0, buffer, &len, &stat));
    RC(ZNONODE, zoo_set(mine->zh, no, "", 0, -1));
    RC(ZNONODE, zoo_set2(mine->zh, no, "", 0, -1, &stat));
    RC(ZNONODE, zoo_delete(mine->zh, no, -1));
    RC(ZNONODE, zoo_get_children(mine->zh, no, 0, &children));
    RC(ZNONODE, zoo_get_children2(mine->zh, no, 0, &children, &stat));
    RC(ZNONODE, zoo_get_acl(mine->zh, no, &acl, &stat));
    RC(ZNONODE, zoo_set_acl(mine->zh, no, -1, &ZOO_OPEN_ACL_UNSAFE));
}

static void the_configuration_is_empty_and_closed(const char *root)
{
    char buffer[64];
    int len = sizeof buffer;
    struct Stat stat;
    (void)root;
    OK(zoo_getconfig(mine->zh, 0, buffer, &len, &stat));
    THAT(len <= 0);
    SAME(-1, stat.aversion);
    RC(ZNOAUTH, zoo_set(mine->zh, ZOO_CONFIG_NODE, "", 0, -1));
}

static void reconfig_is_refused(const char *root)
{
    char buffer[64];
    int len = sizeof buffer;
    struct Stat stat;
    struct client *plain = client_open(place.plain, CALM_MS);
    RC(ZRECONFIGDISABLED, zoo_reconfig(mine->zh, NULL, "1", NULL, -1, buffer, &len, &stat));
    RC(ZUNIMPLEMENTED, zoo_reconfig(plain->zh, NULL, "1", NULL, -1, buffer, &len, &stat));
    /* Both sessions go on. */
    stat_of(mine, root);
    stat_of(plain, "/");
    client_close(plain);
}

static void ttl_needs_extended_types(const char *root)
{
    struct client *plain = client_open(place.plain, CALM_MS);
    struct Stat stat;
    (void)root;
    RC(ZUNIMPLEMENTED, zoo_create_ttl(plain->zh, "/c-ttl", NULL, -1, &ZOO_OPEN_ACL_UNSAFE,
                                      ZOO_PERSISTENT_WITH_TTL, 1000, made, sizeof made));
    RC(ZNONODE, zoo_exists(plain->zh, "/c-ttl", 0, &stat));
    client_close(plain);
}

static void big_data_goes_in_and_out(const char *root)
{
    enum { BIG = 1000000 };
    char *out = malloc(BIG), *in = malloc(BIG);
    int len = BIG;
    THAT(out != NULL && in != NULL);
    for (int i = 0; i < BIG; i++) {
        out[i] = (char)(i * 7 + i / 251);
    }
    OK(zoo_set(mine->zh, root, out, BIG, -1));
    OK(zoo_get(mine->zh, root, 0, in, &len, NULL));
    SAME(BIG, len);
    SAME(0, memcmp(in, out, BIG));
    free(in);
    free(out);
}

void operation_checks(void)
{
    group("operations");
    check("create returns path and stat", create_returns_path_and_stat);
    check("every mode makes its node", every_mode_makes_its_node);
    check("create2 of every mode returns a stat", create2_of_every_mode_returns_a_stat);
    check("containers and TTL nodes go", containers_and_ttl_nodes_go);
    check("null and empty data stay apart", null_and_empty_data_stay_apart);
    check("set moves the version", set_moves_the_version);
    check("children are listed", children_are_listed);
    check("delete checks version and children", delete_checks_version_and_children);
    check("create fails as it should", create_fails_as_it_should);
    check("a missing node gives NoNode", a_missing_node_gives_no_node);
    check("the configuration is empty and closed", the_configuration_is_empty_and_closed);
    check("reconfig is refused", reconfig_is_refused);
    check("TTL needs extended types", ttl_needs_extended_types);
    check("big data goes in and out", big_data_goes_in_and_out);
    group_end("operations");
}
