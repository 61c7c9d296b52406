#include "server/config_dynamic.h"
#include "server/config_testing.h"

#include "sim/disk.h"

#define LIMITS "initLimit=10\nsyncLimit=5\n"
#define V0 "server.1=h1:1:2\nserver.2=h2:1:2\n"
#define V5 "server.1=h1:1:2:participant;0.0.0.0:2181\nserver.10=h3:1:2:observer\n"

static struct pdk_members *members_of(const char *text, int64_t version)
{
    struct pdk_members *m = NULL;
    struct pdk_diag diag = {0};
    if (pdk_members_parse(pdk_mem_heap(), pdk_slice_str(text), version, &m, &diag) != PDK_OK)
        fail_msg("%s", diag.text);
    return m;
}

/* Stores the members that `text` tells, and must get `want`. */
static void store(const struct pdk_config *config, const char *text, int64_t version, bool active,
                  enum pdk_err want)
{
    struct pdk_members *m = members_of(text, version);
    struct pdk_diag diag = {0};
    enum pdk_err err = pdk_config_store_members(config, m, active, &diag);
    if (err != want) fail_msg("%s: %s", pdk_err_name(err), diag.text);
    if (want != PDK_OK) assert_true(diag.text[0] != '\0');
    pdk_members_drop(m);
}

/* A member's zoo.cfg: dataDir, then `text`; loaded into `l`. */
static struct folder make_member(struct loaded *l, const char *text)
{
    struct folder f = make_folder();
    char whole[1024];
    (void)snprintf(whole, sizeof whole, "dataDir=%s\n%s", f.path, text);
    write_file(&f, "zoo.cfg", whole);
    write_file(&f, "myid", "1\n");
    load_file(l, &f);
    expect_ok(l);
    return f;
}

/* zoo.cfg is `text` between its dataDir and a pointer to `dynamic`. */
static void expect_config(const struct folder *f, const char *text, const char *dynamic)
{
    char want[1024];
    (void)snprintf(want, sizeof want, "dataDir=%s\n%sdynamicConfigFile=%s/%s\n", f->path, text,
                   f->path, dynamic);
    expect_file(f, "zoo.cfg", want);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void the_version_is_behind_the_last_dot(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int64_t version;
    } cases[] = {{"zoo.cfg.dynamic.100000004", 0x100000004},
                 {"/a.b/zoo.cfg.dynamic.F", 15},
                 {"zoo.cfg.dynamic", 0},
                 {"zoo.cfg.dynamic.next", 0},
                 {"zoo.cfg.dynamic.", 0},
                 {"zoo", 0},
                 {"x.7fffffffffffffff", INT64_MAX},
                 {"x.8000000000000000", 0},
                 {"x.00000000000000001", 0},
                 {"x.-1", 0}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        if (pdk_config_dynamic_version(cases[i].path) != cases[i].version)
            fail_msg("%s", cases[i].path);
    }
}

/* ---- what becomes of the files --------------------------------------------------------------- */

static void proposed_members_wait_in_the_next_file(void **state)
{
    (void)state;
    struct loaded l;
    struct folder f = make_member(&l, V0 LIMITS "clientPort=2181\n");
    char *before = read_file(&f, "zoo.cfg");
    store(&l.config, V5, 0x100000005, false, PDK_OK);
    expect_file(&f, "zoo.cfg.dynamic.next",
                "server.10=h3:1:2:observer\nserver.1=h1:1:2:participant;0.0.0.0:2181\n"
                "version=100000005\n");
    store(&l.config, V5, 0x100000006, false, PDK_OK);
    char *next = read_file(&f, "zoo.cfg.dynamic.next");
    expect_text(next, "version=100000006\n");
    free(next);
    expect_file(&f, "zoo.cfg", before);

    struct pdk_diag diag = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pdk_config_store_members(&l.config, NULL, false, &diag), PDK_OK);
        expect_no_file(&f, "zoo.cfg.dynamic.next");
    }
    expect_file(&f, "zoo.cfg", before);
    expect_no_file(&f, "zoo.cfg.bak");
    free(before);
    unload(&l);
    remove_folder(&f);
}

static void members_in_force_move_to_a_file_of_their_own(void **state)
{
    (void)state;
    struct loaded l;
    struct folder f = make_member(&l, "# the ensemble\n" V0 "\n# its limits\n" LIMITS
                                      "zookeeper.peerType=participant\nclientPort=2181\n"
                                      "clientPortListenBacklog=5\nweight.1=1\nweight.2=1\n"
                                      "group.1=1:2\nreconfigEnabled=true");
    char *before = read_file(&f, "zoo.cfg");
    store(&l.config, V5, 0x5, false, PDK_OK);
    store(&l.config, V5, 0x5, true, PDK_OK);
    expect_file(&f, "zoo.cfg.dynamic.5",
                "server.10=h3:1:2:observer\nserver.1=h1:1:2:participant;0.0.0.0:2181\n");
    expect_config(&f,
                  "# the ensemble\n\n# its limits\n" LIMITS
                  "clientPortListenBacklog=5\nreconfigEnabled=true\n",
                  "zoo.cfg.dynamic.5");
    expect_file(&f, "zoo.cfg.bak", before);
    expect_no_file(&f, "zoo.cfg.dynamic.next");
    unload(&l);
    free(before);

    load_file(&l, &f);
    assert_int_equal(l.err, PDK_EINVAL); /* a single voter, and an observer */
    remove_folder(&f);
}

static void a_second_change_only_turns_the_pointer(void **state)
{
    (void)state;
    struct loaded l;
    struct folder f = make_member(&l, V0 LIMITS "clientPort=2181\nreconfigEnabled=true\n");
    store(&l.config, V0, 0x10, true, PDK_OK);
    expect_config(&f, LIMITS "clientPort=2181\nreconfigEnabled=true\n", "zoo.cfg.dynamic.10");
    unload(&l);
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.node.ensemble.members->version, 0x10);
    assert_int_equal(l.config.listen_port, 2181);
    char *backup = read_file(&f, "zoo.cfg.bak");
    store(&l.config, V0 "server.3=h3:1:2\n", 0x11, true, PDK_OK);
    expect_config(&f, LIMITS "clientPort=2181\nreconfigEnabled=true\n", "zoo.cfg.dynamic.11");
    store(&l.config, V0 "server.3=h3:1:2\n", 0x11, true, PDK_OK);
    expect_config(&f, LIMITS "clientPort=2181\nreconfigEnabled=true\n", "zoo.cfg.dynamic.11");
    expect_file(&f, "zoo.cfg.bak", backup);
    expect_file(&f, "zoo.cfg.dynamic.10",
                "server.1=h1:1:2:participant\nserver.2=h2:1:2:participant\n");
    unload(&l);
    load_file(&l, &f);
    expect_ok(&l);
    assert_int_equal(l.config.node.ensemble.members->count, 3);
    unload(&l);
    free(backup);
    remove_folder(&f);
}

static void the_next_file_goes_unless_it_is_newer(void **state)
{
    (void)state;
    struct loaded l;
    struct folder f = make_member(&l, V0 LIMITS "clientPort=2181\n");
    static const struct {
        const char *text;
        bool stays;
    } cases[] = {{V0 "version=5\n", false},
                 {V0 "version=4\n", false},
                 {V0 "version=6\n", true},
                 {"half a li", false},
                 {"", false}};
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        write_file(&f, "zoo.cfg.dynamic.next", cases[i].text);
        store(&l.config, V0, 5, true, PDK_OK);
        if (cases[i].stays) {
            expect_file(&f, "zoo.cfg.dynamic.next", cases[i].text);
        } else {
            expect_no_file(&f, "zoo.cfg.dynamic.next");
        }
    }
    unload(&l);
    remove_folder(&f);
}

static void the_pointer_is_a_line_of_its_own_whatever_stands_before(void **state)
{
    (void)state;
    static const struct {
        const char *text, *left;
    } cases[] = {
        {V0 LIMITS "clientPort=1\nzookeeper.x=1\\", LIMITS "clientPort=1\nzookeeper.x=1\\\n\n"},
        {V0 LIMITS "clientPort=1\nzookeeper.x=1\\\n", LIMITS "clientPort=1\nzookeeper.x=1\\\n\n"},
        {LIMITS "server.1=h1:\\\n  1:2\nclientPort=1\nserver.2=h2:1:2\n# end",
         LIMITS "clientPort=1\n# end\n"},
        {LIMITS "clientPort=1\nserver.1: h1:1:2\r\n server.2 h2:1:2", LIMITS "clientPort=1\n \n"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        struct loaded l;
        struct folder f = make_member(&l, cases[i].text);
        store(&l.config, V0, 7, true, PDK_OK);
        expect_config(&f, cases[i].left, "zoo.cfg.dynamic.7");
        unload(&l);
        load_file(&l, &f);
        expect_ok(&l);
        assert_int_equal(l.config.node.ensemble.members->version, 7);
        unload(&l);
        remove_folder(&f);
    }
}

static void links_and_modes_stay(void **state)
{
    (void)state;
    struct folder real = make_folder(), f = make_folder();
    char target[128], link[128], text[256];
    struct stat st;
    (void)snprintf(text, sizeof text, "dataDir=%s\n" V0 LIMITS "clientPort=1\n", f.path);
    write_file(&real, "real.cfg", text);
    write_file(&f, "myid", "1\n");
    (void)snprintf(target, sizeof target, "%s/real.cfg", real.path);
    (void)snprintf(link, sizeof link, "%s/zoo.cfg", f.path);
    assert_int_equal(chmod(target, 0640), 0);
    assert_int_equal(symlink(target, link), 0);
    struct loaded l;
    load_file(&l, &f);
    expect_ok(&l);
    assert_string_equal(l.config.path, link);
    assert_string_equal(l.config.target, target);
    store(&l.config, V0, 7, true, PDK_OK);
    expect_config(&f, LIMITS "clientPort=1\n", "zoo.cfg.dynamic.7");
    expect_file(&f, "zoo.cfg.bak", text);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    unload(&l);
    remove_folder(&f);
    remove_folder(&real);
}

static void without_a_file_there_is_nothing_to_do(void **state)
{
    (void)state;
    struct pdk_config config = {.mem = pdk_mem_heap()};
    store(&config, V0, 7, true, PDK_OK);
    store(&config, V0, 7, false, PDK_OK);
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct loaded l;
    struct folder f = make_member(&l, V0 LIMITS "clientPort=1\n");
    struct pdk_config config = l.config;
    config.path = "/nowhere/zoo.cfg";
    store(&config, V0, 7, true, PDK_ENOENT);
    store(&config, V0, 7, false, PDK_ENOENT);
    config.path = l.config.path;
    config.target = "/nowhere/zoo.cfg";
    store(&config, V0, 7, true, PDK_ENOENT);
    write_file(&f, "zoo.cfg", "a=\\u00zz\n");
    store(&l.config, V0, 7, true, PDK_EINVAL);
    expect_file(&f, "zoo.cfg", "a=\\u00zz\n");
    unload(&l);
    remove_folder(&f);
}

/* ---- crashes --------------------------------------------------------------------------------- */

#define OLD_CONFIG "dataDir=/d\n" V0 LIMITS "clientPort=1\n"
#define NEW_CONFIG "dataDir=/d\n" LIMITS "clientPort=1\ndynamicConfigFile=/c/zoo.cfg.dynamic.7\n"
#define NEW_FILE "server.1=h1:1:2:participant\nserver.2=h2:1:2:participant\n"

/* One run up to `call`, then the power fails.  True: it ran to its end. */
static bool crash_at(uint64_t call, uint64_t seed)
{
    struct pdk_disk *disk = pdk_disk_create(pdk_mem_heap(), seed);
    const struct pdk_config config = {
        .mem = pdk_mem_heap(), .path = "/c/zoo.cfg", .target = "/c/zoo.cfg", .node.server_id = 1};
    struct pdk_members *m = members_of(V0, 7);
    struct pdk_diag diag = {0};
    pdk_disk_put_dir(disk, "/c");
    pdk_disk_put(disk, "/c/zoo.cfg", pdk_slice_str(OLD_CONFIG));
    pdk_disk_put(disk, "/c/zoo.cfg.dynamic.next", pdk_slice_str(NEW_FILE "version=7\n"));
    pdk_disk_stop_at(disk, pdk_disk_calls(disk) + call);
    enum pdk_err err = pdk_config_store_members_on(pdk_disk_vfs(disk), &config, m, true, &diag);
    bool ended = !pdk_disk_stopped(disk);
    assert_int_equal(ended, err == PDK_OK);
    pdk_disk_crash(disk);

    struct pdk_slice now = pdk_disk_contents(disk, "/c/zoo.cfg");
    bool is_new = pdk_slice_eq_str(now, NEW_CONFIG);
    if (!is_new && (ended || !pdk_slice_eq_str(now, OLD_CONFIG)))
        fail_msg("call %d seed %d: zoo.cfg is <%.*s>", (int)call, (int)seed, (int)now.len,
                 (const char *)now.bytes);
    if (is_new) {
        assert_true(pdk_slice_eq_str(pdk_disk_contents(disk, "/c/zoo.cfg.dynamic.7"), NEW_FILE));
        assert_true(pdk_slice_eq_str(pdk_disk_contents(disk, "/c/zoo.cfg.bak"), OLD_CONFIG));
    } else {
        assert_false(pdk_disk_contents(disk, "/c/zoo.cfg.dynamic.next").is_null);
    }
    if (ended) assert_true(pdk_disk_contents(disk, "/c/zoo.cfg.dynamic.next").is_null);
    pdk_members_drop(m);
    pdk_disk_destroy(disk);
    return ended;
}

static void a_crash_leaves_the_old_members_or_the_new(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t call = 0;
        while (!crash_at(call, seed)) call++;
        assert_true(call > 15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_behind_the_last_dot),
        cmocka_unit_test(proposed_members_wait_in_the_next_file),
        cmocka_unit_test(members_in_force_move_to_a_file_of_their_own),
        cmocka_unit_test(a_second_change_only_turns_the_pointer),
        cmocka_unit_test(the_next_file_goes_unless_it_is_newer),
        cmocka_unit_test(the_pointer_is_a_line_of_its_own_whatever_stands_before),
        cmocka_unit_test(links_and_modes_stay),
        cmocka_unit_test(without_a_file_there_is_nothing_to_do),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(a_crash_leaves_the_old_members_or_the_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
