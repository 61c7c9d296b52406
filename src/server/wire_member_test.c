/* Members of ensembles in child processes. */
#include "server/wire_testing.h"

#define MEMBERS 3

struct members {
    struct fixture at[MEMBERS];
    char files[MEMBERS][96];
    uint16_t quorum[MEMBERS], election[MEMBERS];
    size_t count;
};

/* A port that nobody uses now. */
static uint16_t free_port(int *holder)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*holder, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(*holder, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin_port);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void configure(struct members *m, size_t i, const char *extra)
{
    struct fixture *f = &m->at[i];
    char text[2048], myid[8];
    int n = snprintf(text, sizeof text,
                     "tickTime=500\ninitLimit=20\nsyncLimit=10\ndataDir=%s\nclientPort=0\n"
                     "clientPortAddress=127.0.0.1\nstandaloneEnabled=false\n"
                     "4lw.commands.whitelist=*\n%s\n",
                     f->folder, extra);
    for (size_t k = 0; k < m->count; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "server.%zu=127.0.0.1:%u:%u\n", k + 1,
                      m->quorum[k], m->election[k]);
    write_file(f->folder, "zoo.cfg", text);
    (void)snprintf(myid, sizeof myid, "%zu\n", i + 1);
    write_file(f->folder, "myid", myid);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/zoo.cfg", f->folder);
    memcpy(m->files[i], path, sizeof path);
    f->config_file = m->files[i];
    f->define_count = 0;
    f->defines[f->define_count++] = "preAllocSize=64";
}

static void set_up_members(struct members *m, size_t count)
{
    int holders[2 * MEMBERS];
    *m = (struct members){.count = count};
    for (size_t i = 0; i < count; i++) {
        set_up(&m->at[i]);
        m->quorum[i] = free_port(&holders[2 * i]);
        m->election[i] = free_port(&holders[2 * i + 1]);
    }
    for (size_t i = 0; i < 2 * count; i++) assert_int_equal(close(holders[i]), 0);
    for (size_t i = 0; i < count; i++) configure(m, i, "");
}

static void tear_down_members(struct members *m)
{
    for (size_t i = 0; i < m->count; i++) tear_down(&m->at[i]);
}

/* "leader" or "follower": what it serves as, once it does. */
static const char *expect_role(struct fixture *f)
{
    const char *at = expect_line(f, "role.serving role=");
    return strstr(at, "role=leader") != NULL ? "leader" : "follower";
}

/* Returns the leader's place. */
static size_t start_all(struct members *m)
{
    size_t leader = m->count;
    for (size_t i = 0; i < m->count; i++) start_and_listen(&m->at[i]);
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(expect_role(&m->at[i]), "leader") == 0) leader = i;
    }
    assert_true(leader < m->count);
    return leader;
}

static void three_members_serve_and_a_leader_that_stops_hands_over(void **state)
{
    (void)state;
    struct members m;
    set_up_members(&m, 3);
    size_t leader = start_all(&m);
    int fd = open_session(&m.at[(leader + 1) % 3]);
    assert_int_equal(ask(fd, 1, PDK_OP_CREATE, "/through_a_follower"), PDK_CODE_OK);
    (void)close(fd);

    assert_int_equal(kill(m.at[leader].pid, SIGTERM), 0);
    expect_line(&m.at[leader], "role.hand_over");
    expect_line(&m.at[leader], "server.stopped exit=0");
    expect_exit(&m.at[leader], PDK_EXIT_OK);
    size_t leaders = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i != leader) leaders += strcmp(expect_role(&m.at[i]), "leader") == 0;
    }
    assert_int_equal(leaders, 1);
    struct fixture *other = &m.at[(leader + 2) % 3];
    fd = open_session(other);
    assert_int_equal(ask(fd, 1, PDK_OP_EXISTS, "/through_a_follower"), PDK_CODE_OK);
    assert_int_equal(ask(fd, 2, PDK_OP_CREATE, "/with_two"), PDK_CODE_OK);
    (void)close(fd);

    start_and_listen(&m.at[leader]);
    assert_string_equal(expect_role(&m.at[leader]), "follower");
    fd = open_session(&m.at[leader]);
    assert_int_equal(ask(fd, 1, PDK_OP_EXISTS, "/with_two"), PDK_CODE_OK);
    (void)close(fd);
    for (size_t i = 0; i < 3; i++) stop(&m.at[i]);
    tear_down_members(&m);
}

static void damage_log(const struct fixture *f)
{
    char command[256];
    (void)snprintf(command, sizeof command,
                   "for log in %s/version-2/log.*; do "
                   "printf X | dd of=$log bs=1 seek=60 conv=notrunc status=none; done",
                   f->folder);
    assert_int_equal(system(command), 0);
}

static void a_member_with_a_rotten_log_comes_back_by_a_copy(void **state)
{
    (void)state;
    struct members m;
    set_up_members(&m, 3);
    size_t leader = start_all(&m), rotten = (leader + 1) % 3;
    int fd = open_session(&m.at[leader]);
    assert_int_equal(ask(fd, 1, PDK_OP_CREATE, "/kept"), PDK_CODE_OK);
    (void)close(fd);
    stop(&m.at[rotten]);
    damage_log(&m.at[rotten]);
    start(&m.at[rotten], "");
    const char *why = expect_line(&m.at[rotten], "recover.untrusted why=");
    assert_non_null(strstr(why, "/version-2/log."));
    assert_non_null(strstr(why, "offset "));
    const char *at = expect_line(&m.at[rotten], "server.listening address=127.0.0.1:");
    m.at[rotten].port = (uint16_t)strtoul(strchr(at, ':') + 1, NULL, 10);
    assert_string_equal(expect_role(&m.at[rotten]), "follower");
    fd = open_session(&m.at[rotten]);
    assert_int_equal(ask(fd, 1, PDK_OP_EXISTS, "/kept"), PDK_CODE_OK);
    (void)close(fd);
    for (size_t i = 0; i < 3; i++) stop(&m.at[i]);
    tear_down_members(&m);
}

static void a_single_voter_with_a_rotten_log_does_not_start(void **state)
{
    (void)state;
    struct members m;
    set_up_members(&m, 1);
    (void)start_all(&m);
    int fd = open_session(&m.at[0]);
    assert_int_equal(ask(fd, 1, PDK_OP_CREATE, "/lost"), PDK_CODE_OK);
    (void)close(fd);
    stop(&m.at[0]);
    damage_log(&m.at[0]);
    start(&m.at[0], "");
    expect_line(&m.at[0], "error recover.failed");
    expect_exit(&m.at[0], PDK_EXIT_DISK);
    tear_down_members(&m);
}

static void epochs_that_nobody_wrote_down_follow_from_the_log(void **state)
{
    (void)state;
    struct members m;
    set_up_members(&m, 1);
    (void)start_all(&m);
    int fd = open_session(&m.at[0]);
    assert_int_equal(ask(fd, 1, PDK_OP_CREATE, "/kept"), PDK_CODE_OK);
    (void)close(fd);
    stop(&m.at[0]);
    char command[128];
    (void)snprintf(command, sizeof command, "rm %s/version-2/*Epoch", m.at[0].folder);
    assert_int_equal(system(command), 0);
    start(&m.at[0], "");
    expect_line(&m.at[0], "recover.epochs_derived zxid=0x10000000");
    expect_line(&m.at[0], "role.serving role=leader leader=1 epoch=2");
    stop(&m.at[0]);
    tear_down_members(&m);
}

static void a_taken_peer_port_ends_the_process_and_names_its_holder(void **state)
{
    (void)state;
    const char *const names[] = {"port=election", "port=quorum"};
    for (size_t k = 0; k < 2; k++) {
        struct members m;
        set_up_members(&m, 1);
        int holder = -1;
        uint16_t port = free_port(&holder);
        assert_int_equal(listen(holder, 1), 0);
        *(k == 0 ? &m.election[0] : &m.quorum[0]) = port;
        configure(&m, 0, "zookeeper.electionPortBindRetry=1");
        start(&m.at[0], "");
        const char *line = expect_line(&m.at[0], "error server.port_taken port=");
        char want[64];
        (void)snprintf(want, sizeof want, "process %ld (", (long)getpid());
        assert_non_null(strstr(line, names[k]));
        assert_non_null(strstr(line, want));
        expect_exit(&m.at[0], PDK_EXIT_PEER_PORT);
        assert_int_equal(close(holder), 0);
        tear_down_members(&m);
    }
}

static void a_wiped_member_without_leave_does_not_vote(void **state)
{
    (void)state;
    struct members m;
    set_up_members(&m, 3);
    for (size_t i = 0; i < 3; i++) configure(&m, i, i == 0 ? "zookeeper.db.autocreate=false" : "");
    start(&m.at[0], "");
    expect_line(&m.at[0], "recover.untrusted why=");
    const char *at = expect_line(&m.at[0], "server.listening address=127.0.0.1:");
    m.at[0].port = (uint16_t)strtoul(strchr(at, ':') + 1, NULL, 10);
    for (size_t i = 1; i < 3; i++) start_and_listen(&m.at[i]);
    for (size_t i = 1; i < 3; i++) (void)expect_role(&m.at[i]);
    assert_string_equal(expect_role(&m.at[0]), "follower");
    for (size_t i = 0; i < 3; i++) stop(&m.at[i]);
    tear_down_members(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_members_serve_and_a_leader_that_stops_hands_over),
        cmocka_unit_test(a_member_with_a_rotten_log_comes_back_by_a_copy),
        cmocka_unit_test(a_single_voter_with_a_rotten_log_does_not_start),
        cmocka_unit_test(epochs_that_nobody_wrote_down_follow_from_the_log),
        cmocka_unit_test(a_taken_peer_port_ends_the_process_and_names_its_holder),
        cmocka_unit_test(a_wiped_member_without_leave_does_not_vote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
