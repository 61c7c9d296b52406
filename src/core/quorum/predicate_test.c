/* Quorum arithmetic against brute force: every subset of every small ensemble. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "core/quorum/testing.h"

#define MOST 7
#define GROUPS 3

/* An ensemble as the naive model sees it; member i has the id ids[i]. */
struct model {
    size_t count;
    bool hierarchical;
    bool voter[MOST];
    int weight[MOST], group[MOST];
};
/* Ids in every word of a set, and beside each other. */
static const pdk_sid ids[MOST] = {0, 1, 63, 64, 130, 254, 255};

static struct pdk_sids sids_of(unsigned subset)
{
    struct pdk_sids s = {0};
    for (size_t i = 0; i < MOST; i++) {
        if ((subset >> i & 1) != 0) pdk_sids_add(&s, ids[i]);
    }
    return s;
}

/* Twice the acked ones must be more than all. */
static bool naive_majority(const struct model *e, unsigned subset)
{
    int all = 0, acked = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (!e->voter[i]) continue;
        all++;
        if ((subset >> i & 1) != 0) acked++;
    }
    return 2 * acked > all;
}

static bool naive_hierarchy(const struct model *e, unsigned subset)
{
    int groups = 0, won = 0;
    for (int g = 0; g < GROUPS; g++) {
        int all = 0, acked = 0;
        for (size_t i = 0; i < e->count; i++) {
            if (e->group[i] != g) continue;
            all += e->weight[i];
            if (e->voter[i] && (subset >> i & 1) != 0) acked += e->weight[i];
        }
        if (all > 0) groups++;
        if (2 * acked > all) won++;
    }
    return 2 * won > groups;
}

static bool naive(const struct model *e, unsigned subset)
{
    return e->hierarchical ? naive_hierarchy(e, subset) : naive_majority(e, subset);
}

static void put_model(const struct model *e, struct pdk_buf *b)
{
    for (size_t i = 0; i < e->count; i++) {
        pdk_put_text(b, "server.%d=h:1:2%s\n", (int)ids[i], e->voter[i] ? "" : ":observer");
        if (e->hierarchical) pdk_put_text(b, "weight.%d=%d\n", (int)ids[i], e->weight[i]);
    }
    for (int g = 0; g < GROUPS && e->hierarchical; g++) {
        const char *separator = "";
        for (size_t i = 0; i < e->count; i++) {
            if (e->group[i] != g) continue;
            if (*separator == '\0') pdk_put_text(b, "group.%d=", g);
            pdk_put_text(b, "%s%d", separator, (int)ids[i]);
            separator = ":";
        }
        pdk_put_u8(b, '\n');
    }
}

/* The config of a model; NULL when it is one of those in which no quorum can form. */
static struct pdk_members *build(const struct model *e)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 10000);
    put_model(e, &b);
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    enum pdk_err err = pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&b), 1, &m, &diag);
    bool possible = naive(e, (1u << e->count) - 1);
    if ((err == PDK_OK) != possible)
        fail_msg("%.*s\n%s", (int)b.len, (const char *)b.bytes, diag.text);
    pdk_buf_deinit(&b);
    return m;
}

/* Every subset is judged right, and any two quorums have a member in common. */
static void check(const struct model *e)
{
    struct pdk_members *m = build(e);
    if (m == NULL) return;
    bool quorum[1u << MOST];
    unsigned subsets = 1u << e->count;
    for (unsigned s = 0; s < subsets; s++) {
        struct pdk_sids acks = sids_of(s);
        quorum[s] = pdk_members_quorum(m, &acks);
        if (quorum[s] != naive(e, s))
            fail_msg("%zu members, subset %x: got %d", e->count, s, (int)quorum[s]);
        /* Who is no member makes no difference. */
        pdk_sids_add(&acks, 77);
        pdk_sids_add(&acks, 200);
        assert_int_equal(pdk_members_quorum(m, &acks), quorum[s]);
    }
    for (unsigned s = 0; s < subsets; s++) {
        /* The others together must not be one beside it. */
        if (quorum[s] && quorum[~s & (subsets - 1)]) fail_msg("two quorums apart: %x", s);
    }
    pdk_members_drop(m);
}

static void majorities_are_those_of_brute_force(void **state)
{
    (void)state;
    for (size_t count = 1; count <= MOST; count++) {
        for (unsigned voters = 0; voters < 1u << count; voters++) {
            struct model e = {.count = count};
            for (size_t i = 0; i < count; i++) e.voter[i] = (voters >> i & 1) != 0;
            check(&e);
        }
    }
}

/* Every way to give up to 4 members a role, one of 3 groups and a weight of 0, 1 or 3. */
static void small_hierarchies_are_those_of_brute_force(void **state)
{
    (void)state;
    static const int weights[] = {0, 1, 3};
    for (size_t count = 1; count <= 4; count++) {
        unsigned kinds = GROUPS * 3 + 1, total = 1;
        for (size_t i = 0; i < count; i++) total *= kinds;
        for (unsigned n = 0; n < total; n++) {
            struct model e = {.count = count, .hierarchical = true};
            unsigned rest = n;
            for (size_t i = 0; i < count; i++, rest /= kinds) {
                unsigned kind = rest % kinds;
                /* The last kind is an observer that counts into a group. */
                e.voter[i] = kind < GROUPS * 3;
                e.group[i] = (int)(kind % GROUPS);
                e.weight[i] = e.voter[i] ? weights[kind / GROUPS] : 1;
            }
            check(&e);
        }
    }
}

static void larger_hierarchies_are_those_of_brute_force(void **state)
{
    (void)state;
    struct pdk_prng prng;
    pdk_prng_init(&prng, 20);
    for (int round = 0; round < 3000; round++) {
        struct model e = {.count = 5 + (size_t)pdk_prng_below(&prng, 3), .hierarchical = true};
        for (size_t i = 0; i < e.count; i++) {
            e.voter[i] = pdk_prng_below(&prng, 6) != 0;
            e.group[i] = (int)pdk_prng_below(&prng, GROUPS);
            e.weight[i] = (int)pdk_prng_below(&prng, 5);
        }
        check(&e);
    }
}

/* ---- the example of Apache's guide, two configs at a time ------------------------------------ */

static void nine_in_three_groups_need_two_of_two_groups(void **state)
{
    (void)state;
    struct pdk_members *m = pdk_members_of_text(
        "server.1=h:1:2\nserver.2=h:1:2\nserver.3=h:1:2\nserver.4=h:1:2\nserver.5=h:1:2\n"
        "server.6=h:1:2\nserver.7=h:1:2\nserver.8=h:1:2\nserver.9=h:1:2\n"
        "group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9\n");
    struct pdk_sids acks = {0};
    static const pdk_sid order[] = {1, 2, 3, 4, 7, 5};
    for (size_t i = 0; i < PDK_COUNT_OF(order); i++) {
        assert_false(pdk_members_quorum(m, &acks));
        pdk_sids_add(&acks, order[i]);
    }
    assert_true(pdk_members_quorum(m, &acks));
    pdk_members_drop(m);
}

static void during_a_reconfig_both_must_agree(void **state)
{
    (void)state;
    static const char old_text[] = "server.0=h:1:2\nserver.1=h:1:2\nserver.63=h:1:2\nversion=";
    static const char new_text[] = "server.63=h:1:2\nserver.64=h:1:2\nserver.130=h:1:2\nversion=";
    for (int newer = -1; newer <= 1; newer++) {
        char text[200];
        (void)strcpy(text, old_text);
        (void)strcat(text, "5");
        struct pdk_members *old = pdk_members_of_text(text);
        (void)strcpy(text, new_text);
        (void)strcat(text, newer < 0 ? "4" : newer == 0 ? "5" : "6");
        struct pdk_members *next = pdk_members_of_text(text);
        for (unsigned s = 0; s < 1u << MOST; s++) {
            struct pdk_sids acks = sids_of(s);
            bool in_old = pdk_members_quorum(old, &acks), in_new = pdk_members_quorum(next, &acks);
            assert_int_equal(pdk_quorum_of_both(old, next, &acks),
                             in_old && (newer <= 0 || in_new));
            assert_int_equal(pdk_quorum_of_both(old, NULL, &acks), in_old);
        }
        pdk_members_drop(old);
        pdk_members_drop(next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(majorities_are_those_of_brute_force),
        cmocka_unit_test(small_hierarchies_are_those_of_brute_force),
        cmocka_unit_test(larger_hierarchies_are_those_of_brute_force),
        cmocka_unit_test(nine_in_three_groups_need_two_of_two_groups),
        cmocka_unit_test(during_a_reconfig_both_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
