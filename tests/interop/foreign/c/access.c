/* access.c - ACLs and identities. */
#include "check.h"

#include <stdio.h>
#include <string.h>

static char made[PATH_MAX_LEN];
static char digest[] = "digest", bob[] = "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="; /* bob:pw */
static char world[] = "world", anyone[] = "anyone", ip[] = "ip";

static struct client *client_as(const char *user)
{
    struct client *client = client_open(place.direct, CALM_MS);
    OK(zoo_add_auth(client->zh, "digest", user, (int)strlen(user), NULL, NULL));
    return client;
}

/* A node that bob owns and on which everybody has the bits. */
static void make_for_all(const char *path, int32_t bits)
{
    struct ACL entries[] = {{31, {digest, bob}}, {bits, {world, anyone}}};
    struct ACL_vector acl = {2, entries};
    OK(zoo_create(mine->zh, path, "x", 1, &acl, ZOO_PERSISTENT, made, sizeof made));
}

static void each_permission_opens_its_operations(const char *root)
{
    struct ACL entries[] = {{31, {digest, bob}}, {0, {world, anyone}}};
    struct ACL_vector acl = {2, entries}, got;
    struct String_vector children;
    struct Stat stat;
    char buffer[8];
    for (int bit = 0; bit <= 16; bit = bit == 0 ? 1 : bit * 2) {
        char p[PATH_MAX_LEN], n[PATH_MAX_LEN + 8], c[PATH_MAX_LEN + 8];
        int len = sizeof buffer;
        snprintf(p, sizeof p, "%s/p%d", root, bit);
        snprintf(n, sizeof n, "%s/n", p);
        snprintf(c, sizeof c, "%s/c", p);
        entries[1].perms = bit;
        struct client *owner = client_as("bob:pw");
        OK(zoo_create(owner->zh, p, "", 0, &acl, 0, made, sizeof made));
        OK(zoo_create(owner->zh, n, "", 0, &acl, 0, made, sizeof made));
        client_close(owner);
        bool r = bit == 1, w = bit == 2, c_ = bit == 4, d = bit == 8, a = bit == 16;
        RC(r ? ZOK : ZNOAUTH, zoo_get(mine->zh, n, 0, buffer, &len, &stat));
        RC(r ? ZOK : ZNOAUTH, zoo_get_children(mine->zh, p, 0, &children));
        RC(r ? ZOK : ZNOAUTH, zoo_get_children2(mine->zh, p, 0, &children, &stat));
        RC(r || place.is_38 ? ZOK : ZNOAUTH, zoo_exists(mine->zh, n, 0, &stat));
        RC(r || a ? ZOK : ZNOAUTH, zoo_get_acl(mine->zh, n, &got, &stat));
        RC(w ? ZOK : ZNOAUTH, zoo_set(mine->zh, n, "", 0, -1));
        RC(a ? ZOK : ZNOAUTH, zoo_set_acl(mine->zh, n, -1, &acl));
        RC(c_ ? ZOK : ZNOAUTH,
           zoo_create(mine->zh, c, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, made, sizeof made));
        RC(d ? ZOK : ZNOAUTH, zoo_delete(mine->zh, n, -1));
        client_barrier(mine);
    }
}

static void acls_come_back(const char *root)
{
    struct ACL entries[] = {{1, {world, anyone}}, {31, {digest, bob}}, {5, {ip, world}}};
    struct ACL_vector acl = {2, entries}, got;
    struct Stat stat;
    OK(zoo_set_acl(mine->zh, root, 0, &acl));
    OK(zoo_get_acl(mine->zh, root, &got, &stat));
    SAME(2, got.count);
    SAME(1, stat.aversion);
    SAME(1, got.data[0].perms);
    SAME_TEXT("world", got.data[0].id.scheme);
    SAME_TEXT("anyone", got.data[0].id.id);
    /* Without ADMIN the hash is hidden. */
    SAME_TEXT("bob:x", got.data[1].id.id);
    deallocate_ACL_vector(&got);
    RC(ZNOAUTH, zoo_set_acl(mine->zh, root, -1, &ZOO_OPEN_ACL_UNSAFE));
    struct client *owner = client_as("bob:pw");
    OK(zoo_get_acl(owner->zh, root, &got, &stat));
    SAME_TEXT(bob, got.data[1].id.id);
    RC(ZBADVERSION, zoo_set_acl(owner->zh, root, 0, &acl));
    acl.count = 3;
    RC(ZINVALIDACL, zoo_set_acl(owner->zh, root, -1, &acl));
    OK(zoo_set_acl(owner->zh, root, 1, &ZOO_OPEN_ACL_UNSAFE));
    client_close(owner);
}

static void the_creator_owns_with_auth(const char *root)
{
    const char *a = under(root, "/a");
    char buffer[8];
    int len = sizeof buffer;
    RC(ZINVALIDACL, zoo_create(mine->zh, a, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, made, sizeof made));
    struct client *owner = client_as("bob:pw"), *wrong = client_as("bob:guess");
    OK(zoo_create(owner->zh, a, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, made, sizeof made));
    SAME_TEXT("x", get(owner, a));
    RC(ZNOAUTH, zoo_get(wrong->zh, a, 0, buffer, &len, NULL));
    OK(zoo_add_auth(wrong->zh, "digest", "bob:pw", 6, NULL, NULL));
    SAME_TEXT("x", get(wrong, a));
    client_close(owner);
    client_close(wrong);
}

static void the_super_user_may_do_everything(const char *root)
{
    const char *a = under(root, "/a");
    make_for_all(a, 0);
    struct client *super_user = client_as("super:secret");
    set(super_user, a, "y");
    SAME_TEXT("y", get(super_user, a));
    OK(zoo_delete(super_user->zh, a, -1));
    client_close(super_user);
}

static void identities_survive_a_reconnection(const char *root)
{
    const char *a = under(root, "/a");
    struct client *client = client_open(place.wire, CALM_MS);
    make_for_all(a, 0);
    OK(zoo_add_auth(client->zh, "digest", "bob:pw", 6, NULL, NULL));
    SAME_TEXT("x", get(client, a));
    command("drop");
    events_await_state(&client->events, ZOO_CONNECTING_STATE);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    SAME_TEXT("x", get(client, a));
    client_close(client);
}

static void an_unknown_scheme_fails_the_client(const char *root)
{
    struct client *client = client_open(place.direct, CALM_MS);
    struct Stat stat;
    OK(zoo_add_auth(client->zh, "nosuch", "x", 1, NULL, NULL));
    events_await_state(&client->events, ZOO_AUTH_FAILED_STATE);
    SAME(ZOO_AUTH_FAILED_STATE, zoo_state(client->zh));
    RC(ZINVALIDSTATE, zoo_exists(client->zh, root, 0, &stat));
    client_close(client);
}

void access_checks(void)
{
    group("access");
    check("each permission opens its operations", each_permission_opens_its_operations);
    check("ACLs come back", acls_come_back);
    check("the creator owns with auth", the_creator_owns_with_auth);
    check("the super user may do everything", the_super_user_may_do_everything);
    check("identities survive a reconnection", identities_survive_a_reconnection);
    check("an unknown scheme fails the client", an_unknown_scheme_fails_the_client);
    group_end("access");
}
