/* multi.c - zoo_multi: all or nothing. */
#include "check.h"

#include <string.h>

static char made[4][PATH_MAX_LEN];

static void create_op(zoo_op_t *op, const char *path, int mode, char *buffer)
{
    zoo_create_op_init(op, path, "x", 1, &ZOO_OPEN_ACL_UNSAFE, mode, buffer, PATH_MAX_LEN);
}

static void every_kind_of_part_succeeds(const char *root)
{
    zoo_op_t ops[7];
    zoo_op_result_t results[7];
    struct Stat stat;
    make(mine, under(root, "/old"), "", ZOO_PERSISTENT);
    create_op(&ops[0], under(root, "/p"), ZOO_PERSISTENT, made[0]);
    create_op(&ops[1], under(root, "/e"), ZOO_EPHEMERAL, made[1]);
    create_op(&ops[2], under(root, "/s"), ZOO_PERSISTENT_SEQUENTIAL, made[2]);
    create_op(&ops[3], under(root, "/es"), ZOO_EPHEMERAL_SEQUENTIAL, made[3]);
    zoo_set_op_init(&ops[4], under(root, "/p"), "new", 3, 0, &stat);
    zoo_check_op_init(&ops[5], under(root, "/p"), 1);
    zoo_delete_op_init(&ops[6], under(root, "/old"), 0);
    OK(zoo_multi(mine->zh, 7, ops, results));
    for (int i = 0; i < 7; i++) {
        SAME(ZOK, results[i].err);
    }
    SAME_TEXT(under(root, "/p"), made[0]);
    SAME_TEXT(under(root, "/s0000000003"), made[2]);
    SAME_TEXT(under(root, "/es0000000004"), made[3]);
    SAME(1, stat.version);
    SAME_TEXT("new", get(mine, made[0]));
    SAME(stat_of(mine, made[0]).czxid, stat_of(mine, made[3]).czxid);
    SAME(zoo_client_id(mine->zh)->client_id, stat_of(mine, made[1]).ephemeralOwner);
    SAME(4, stat_of(mine, root).numChildren);
}

static void a_failed_multi_changes_nothing(const char *root)
{
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    struct Stat stat;
    create_op(&ops[0], under(root, "/a"), ZOO_PERSISTENT, made[0]);
    zoo_set_op_init(&ops[1], root, "new", 3, -1, &stat);
    zoo_check_op_init(&ops[2], root, 7);
    zoo_delete_op_init(&ops[3], root, -1);
    RC(ZBADVERSION, zoo_multi(mine->zh, 4, ops, results));
    SAME(ZOK, results[0].err);
    SAME(ZOK, results[1].err);
    SAME(ZBADVERSION, results[2].err);
    SAME(ZRUNTIMEINCONSISTENCY, results[3].err);
    SAME(0, stat_of(mine, root).version);
    SAME(0, stat_of(mine, root).numChildren);
}

static void each_error_is_told(const char *root)
{
    zoo_op_t ops[1];
    zoo_op_result_t results[1];
    make(mine, under(root, "/a"), "", ZOO_PERSISTENT);
    make(mine, under(root, "/a/b"), "", ZOO_PERSISTENT);
    make(mine, under(root, "/e"), "", ZOO_EPHEMERAL);
    create_op(&ops[0], under(root, "/a"), ZOO_PERSISTENT, made[0]);
    RC(ZNODEEXISTS, zoo_multi(mine->zh, 1, ops, results));
    create_op(&ops[0], under(root, "/no/a"), ZOO_PERSISTENT, made[0]);
    RC(ZNONODE, zoo_multi(mine->zh, 1, ops, results));
    create_op(&ops[0], under(root, "/e/a"), ZOO_PERSISTENT, made[0]);
    RC(ZNOCHILDRENFOREPHEMERALS, zoo_multi(mine->zh, 1, ops, results));
    zoo_delete_op_init(&ops[0], under(root, "/a"), -1);
    RC(ZNOTEMPTY, zoo_multi(mine->zh, 1, ops, results));
    zoo_delete_op_init(&ops[0], under(root, "/no"), -1);
    RC(ZNONODE, zoo_multi(mine->zh, 1, ops, results));
    zoo_set_op_init(&ops[0], under(root, "/a"), "", 0, 4, NULL);
    RC(ZBADVERSION, zoo_multi(mine->zh, 1, ops, results));
    zoo_set_op_init(&ops[0], ZOO_CONFIG_NODE, "", 0, -1, NULL);
    RC(ZNOAUTH, zoo_multi(mine->zh, 1, ops, results));
    zoo_check_op_init(&ops[0], under(root, "/no"), -1);
    RC(ZNONODE, zoo_multi(mine->zh, 1, ops, results));
    SAME(ZNONODE, results[0].err);
}

static void parts_see_the_earlier_ones(const char *root)
{
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    create_op(&ops[0], under(root, "/a"), ZOO_PERSISTENT, made[0]);
    create_op(&ops[1], under(root, "/a/b"), ZOO_PERSISTENT, made[1]);
    zoo_delete_op_init(&ops[2], under(root, "/a/b"), 0);
    zoo_delete_op_init(&ops[3], under(root, "/a"), 0);
    OK(zoo_multi(mine->zh, 4, ops, results));
    SAME(0, stat_of(mine, root).numChildren);
    SAME(2, stat_of(mine, root).cversion);
}

void multi_checks(void)
{
    group("multi");
    check("every kind of part succeeds", every_kind_of_part_succeeds);
    check("a failed multi changes nothing", a_failed_multi_changes_nothing);
    check("each error is told", each_error_is_told);
    check("parts see the earlier ones", parts_see_the_earlier_ones);
    group_end("multi");
}
