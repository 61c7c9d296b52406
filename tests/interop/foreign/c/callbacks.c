/* callbacks.c - every asynchronous operation, and the order of replies. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One reply, filled by a completion on the library's thread. */
struct reply {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int done;
    int rc;
    bool has_stat;
    struct Stat stat;
    char text[1024];
};

/* One at a time; static, so that a reply after a failed check still finds memory. */
static struct reply reply = {.lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER};

static void fill(int rc, const char *text, const struct Stat *stat, const void *data)
{
    pthread_mutex_lock(&reply.lock);
    reply.rc = data == &reply ? rc : ZINVALIDCALLBACK;
    reply.has_stat = stat != NULL;
    if (stat != NULL) {
        reply.stat = *stat;
    }
    snprintf(reply.text, sizeof reply.text, "%s", text != NULL ? text : "");
    reply.done++;
    pthread_cond_broadcast(&reply.changed);
    pthread_mutex_unlock(&reply.lock);
}

static void on_void(int rc, const void *data) { fill(rc, NULL, NULL, data); }

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    fill(rc, NULL, stat, data);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *data)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", len > 0 ? len : 0, value != NULL ? value : "");
    fill(rc, text, stat, data);
}

static void on_string(int rc, const char *value, const void *data) { fill(rc, value, NULL, data); }

static void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data)
{
    fill(rc, value, stat, data);
}

static void on_strings(int rc, const struct String_vector *strings, const void *data)
{
    fill(rc, strings != NULL ? names(strings) : NULL, NULL, data);
}

static void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat,
                            const void *data)
{
    fill(rc, strings != NULL ? names(strings) : NULL, stat, data);
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data)
{
    char text[64] = "";
    if (acl != NULL && acl->count == 1) {
        snprintf(text, sizeof text, "%d %s %s", acl->data[0].perms, acl->data[0].id.scheme,
                 acl->data[0].id.id);
    }
    fill(rc, text, stat, data);
}

/* Waits for the reply of a call that was accepted with `called`. */
static void await_code(int line, int called, int want)
{
    struct timespec deadline;
    bool late = false;
    int rc;

    same_rc_at(__FILE__, line, "the call", ZOK, called);
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 20;
    pthread_mutex_lock(&reply.lock);
    while (reply.done == 0 && !late) {
        late = pthread_cond_timedwait(&reply.changed, &reply.lock, &deadline) != 0;
    }
    reply.done = 0;
    rc = reply.rc;
    pthread_mutex_unlock(&reply.lock);
    if (late) {
        fail_at(__FILE__, line, "no reply");
    }
    same_rc_at(__FILE__, line, "the reply", want, rc);
}

#define REPLY(want, call) await_code(__LINE__, call, want)

static void create_calls_back(const char *root)
{
    const struct ACL_vector *open = &ZOO_OPEN_ACL_UNSAFE;
    REPLY(ZOK, zoo_acreate(mine->zh, under(root, "/a"), "x", 1, open, ZOO_PERSISTENT_SEQUENTIAL,
                           on_string, &reply));
    SAME_TEXT(under(root, "/a0000000000"), reply.text);
    REPLY(ZOK, zoo_acreate2(mine->zh, under(root, "/e"), "x", 1, open, ZOO_EPHEMERAL,
                            on_string_stat, &reply));
    SAME_TEXT(under(root, "/e"), reply.text);
    SAME(zoo_client_id(mine->zh)->client_id, reply.stat.ephemeralOwner);
    REPLY(ZOK, zoo_acreate_ttl(mine->zh, under(root, "/t"), "x", 1, open, ZOO_PERSISTENT_WITH_TTL,
                               60000, on_string, &reply));
    SAME_TEXT(under(root, "/t"), reply.text);
    REPLY(ZOK, zoo_acreate2_ttl(mine->zh, under(root, "/ts"), "x", 1, open,
                                ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 60000, on_string_stat, &reply));
    SAME_TEXT(under(root, "/ts0000000003"), reply.text);
    SAME(1, reply.stat.dataLength);
    REPLY(ZOK, zoo_acreate2(mine->zh, under(root, "/c"), NULL, -1, open, ZOO_CONTAINER,
                            on_string_stat, &reply));
    SAME(stat_of(mine, under(root, "/c")).czxid, reply.stat.czxid);
}

static void reads_and_writes_call_back(const char *root)
{
    const char *a = under(root, "/a");
    make(mine, a, "one", ZOO_PERSISTENT);
    REPLY(ZOK, zoo_aexists(mine->zh, a, 0, on_stat, &reply));
    SAME(3, reply.stat.dataLength);
    REPLY(ZOK, zoo_aget(mine->zh, a, 0, on_data, &reply));
    SAME_TEXT("one", reply.text);
    SAME(0, reply.stat.version);
    REPLY(ZOK, zoo_aset(mine->zh, a, "three", 5, 0, on_stat, &reply));
    SAME(1, reply.stat.version);
    REPLY(ZOK, zoo_aget_children(mine->zh, root, 0, on_strings, &reply));
    SAME_TEXT("a", reply.text);
    REPLY(ZOK, zoo_aget_children2(mine->zh, root, 0, on_strings_stat, &reply));
    SAME_TEXT("a", reply.text);
    SAME(1, reply.stat.numChildren);
    REPLY(ZOK, zoo_aget_acl(mine->zh, a, on_acl, &reply));
    SAME_TEXT("31 world anyone", reply.text);
    REPLY(ZOK, zoo_aset_acl(mine->zh, a, 0, &ZOO_READ_ACL_UNSAFE, on_void, &reply));
    REPLY(ZOK, zoo_aget_acl(mine->zh, a, on_acl, &reply));
    SAME_TEXT("1 world anyone", reply.text);
    SAME(1, reply.stat.aversion);
    REPLY(ZOK, zoo_async(mine->zh, under(root, "/missing"), on_string, &reply));
    SAME_TEXT(under(root, "/missing"), reply.text);
    REPLY(ZOK, zoo_agetconfig(mine->zh, 0, on_data, &reply));
    SAME(-1, reply.stat.aversion);
    REPLY(ZOK, zoo_adelete(mine->zh, a, 1, on_void, &reply));
}

static void errors_call_back(const char *root)
{
    const struct ACL_vector *open = &ZOO_OPEN_ACL_UNSAFE;
    const char *no = under(root, "/no"), *below = under(root, "/no/a");
    zhandle_t *zh = mine->zh;
    REPLY(ZNONODE, zoo_acreate(zh, below, "", 0, open, 0, on_string, &reply));
    REPLY(ZNONODE, zoo_acreate2(zh, below, "", 0, open, 0, on_string_stat, &reply));
    REPLY(ZNONODE,
          zoo_acreate_ttl(zh, below, "", 0, open, ZOO_PERSISTENT_WITH_TTL, 9, on_string, &reply));
    REPLY(ZNONODE, zoo_aexists(zh, no, 0, on_stat, &reply));
    REPLY(ZNONODE, zoo_aget(zh, no, 0, on_data, &reply));
    REPLY(ZNONODE, zoo_aset(zh, no, "", 0, -1, on_stat, &reply));
    REPLY(ZNONODE, zoo_aget_children(zh, no, 0, on_strings, &reply));
    REPLY(ZNONODE, zoo_aget_children2(zh, no, 0, on_strings_stat, &reply));
    REPLY(ZNONODE, zoo_aget_acl(zh, no, on_acl, &reply));
    REPLY(ZNONODE, zoo_aset_acl(zh, no, -1, &ZOO_OPEN_ACL_UNSAFE, on_void, &reply));
    REPLY(ZNONODE, zoo_adelete(zh, no, -1, on_void, &reply));
    REPLY(ZNODEEXISTS, zoo_acreate(zh, root, "", 0, open, 0, on_string, &reply));
    REPLY(ZBADVERSION, zoo_aset(zh, root, "", 0, 5, on_stat, &reply));
    REPLY(ZBADVERSION, zoo_adelete(zh, root, 5, on_void, &reply));
    REPLY(ZNOAUTH, zoo_aset(zh, ZOO_CONFIG_NODE, "", 0, -1, on_stat, &reply));
    REPLY(ZRECONFIGDISABLED, zoo_areconfig(zh, NULL, "1", NULL, -1, on_data, &reply));
}

static void multi_and_auth_call_back(const char *root)
{
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    char name[PATH_MAX_LEN];
    zoo_create_op_init(&ops[0], under(root, "/a"), "", 0, &ZOO_OPEN_ACL_UNSAFE,
                       ZOO_PERSISTENT_SEQUENTIAL, name, sizeof name);
    zoo_check_op_init(&ops[1], under(root, "/no"), -1);
    REPLY(ZOK, zoo_amulti(mine->zh, 1, ops, results, on_void, &reply));
    SAME_TEXT(under(root, "/a0000000000"), name);
    REPLY(ZNONODE, zoo_amulti(mine->zh, 2, ops, results, on_void, &reply));
    SAME(ZNONODE, results[1].err);
    struct client *client = client_open(place.direct, CALM_MS);
    REPLY(ZOK, zoo_add_auth(client->zh, "digest", "bob:pw", 6, on_void, &reply));
    client_close(client);
}

/* -- order */

enum { PIPELINE = 1500 };

static int next_expected;
static int out_of_order;

static void on_numbered(int rc, const char *value, const void *data)
{
    int number = (int)(intptr_t)data;
    char want[16];
    snprintf(want, sizeof want, "%010d", number);
    if (rc != ZOK || number != next_expected || strcmp(value + strlen(value) - 10, want) != 0) {
        out_of_order++;
    }
    next_expected++;
}

static void a_pipeline_is_answered_in_order(const char *root)
{
    char path[PATH_MAX_LEN];
    snprintf(path, sizeof path, "%s/n-", root);
    next_expected = out_of_order = 0;
    for (int i = 0; i < PIPELINE; i++) {
        OK(zoo_acreate(mine->zh, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                       on_numbered, (void *)(intptr_t)i));
    }
    client_barrier(mine);
    SAME(PIPELINE, next_expected);
    SAME(0, out_of_order);
    SAME(PIPELINE, stat_of(mine, root).numChildren);
}

void callback_checks(void)
{
    group("callbacks");
    check("create calls back", create_calls_back);
    check("reads and writes call back", reads_and_writes_call_back);
    check("errors call back", errors_call_back);
    check("multi and auth call back", multi_and_auth_call_back);
    check("a pipeline is answered in order", a_pipeline_is_answered_in_order);
    group_end("callbacks");
}
