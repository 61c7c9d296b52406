#include "core/tree/kinds.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pdk_ephemerals make(void)
{
    struct pdk_ephemerals e;
    assert_true(pdk_ephemerals_init(&e, pdk_mem_heap(), (struct pdk_hash_seed){3, 4}));
    return e;
}

static void an_owner_lists_its_znodes_in_the_order_they_came(void **state)
{
    (void)state;
    struct pdk_ephemerals e = make();
    pdk_ephemerals_add(&e, 5, 30);
    pdk_ephemerals_add(&e, -6, 31);
    pdk_ephemerals_add(&e, 5, 10);
    pdk_ephemerals_add(&e, 5, 20);
    assert_int_equal(pdk_ephemerals_first(&e, 5), 30);
    assert_int_equal(pdk_ephemerals_next(&e, 30), 10);
    assert_int_equal(pdk_ephemerals_next(&e, 10), 20);
    assert_int_equal(pdk_ephemerals_next(&e, 20), 0);
    assert_int_equal(pdk_ephemerals_first(&e, -6), 31);
    assert_int_equal(pdk_ephemerals_first(&e, 7), 0);
    assert_int_equal(pdk_ephemerals_next(&e, 99), 0);
    assert_int_equal(pdk_ephemerals_count(&e), 4);
    pdk_ephemerals_validate(&e);
    pdk_ephemerals_deinit(&e);
}

static void an_owner_is_forgotten_with_its_last_znode(void **state)
{
    (void)state;
    struct pdk_ephemerals e = make();
    for (uint32_t z = 1; z <= 3; z++) pdk_ephemerals_add(&e, 5, z);
    pdk_ephemerals_remove(&e, 2);
    assert_int_equal(pdk_ephemerals_next(&e, 1), 3);
    pdk_ephemerals_remove(&e, 1);
    assert_int_equal(pdk_ephemerals_first(&e, 5), 3);
    pdk_ephemerals_remove(&e, 3);
    assert_int_equal(pdk_ephemerals_first(&e, 5), 0);
    assert_int_equal(e.by_owner.count, 0);
    pdk_ephemerals_validate(&e);
    pdk_ephemerals_add(&e, 8, 3);
    assert_int_equal(pdk_ephemerals_owner(&e, 3), 8);
    assert_int_equal(e.used_owners, 2);
    assert_int_equal(e.used_members, 4);
    pdk_ephemerals_validate(&e);
    pdk_ephemerals_deinit(&e);
}

struct owners {
    pdk_session ids[8];
    size_t count;
};

static void note_owner(void *ctx, pdk_session owner)
{
    struct owners *o = ctx;
    assert_true(o->count < PDK_COUNT_OF(o->ids));
    o->ids[o->count++] = owner;
}

static void each_owner_is_called_once(void **state)
{
    (void)state;
    struct pdk_ephemerals e = make();
    struct owners seen = {.count = 0};
    for (uint32_t z = 1; z <= 40; z++) pdk_ephemerals_add(&e, z % 4 + 1, z);
    for (uint32_t z = 4; z <= 40; z += 4) pdk_ephemerals_remove(&e, z);
    pdk_ephemerals_each_owner(&e, note_owner, &seen);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0] + seen.ids[1] + seen.ids[2], 2 + 3 + 4);
    pdk_ephemerals_deinit(&e);
}

#define ROOM 3000u

static void random_lists_agree_with_a_plain_table(void **state)
{
    (void)state;
    struct pdk_ephemerals e = make();
    struct pdk_idlist l;
    struct pdk_prng g;
    static pdk_session owner_of[ROOM + 1];
    uint32_t count = 0;
    print_message("seed 11\n");
    pdk_prng_init(&g, 11);
    assert_true(pdk_idlist_init(&l, pdk_mem_heap()));
    for (int step = 0; step < 40000; step++) {
        uint32_t z = 1 + (uint32_t)pdk_prng_below(&g, ROOM);
        if (owner_of[z] == 0) {
            owner_of[z] = 1 + (pdk_session)pdk_prng_below(&g, 700);
            pdk_ephemerals_add(&e, owner_of[z], z);
            pdk_idlist_add(&l, z);
            count++;
        } else {
            owner_of[z] = 0;
            pdk_ephemerals_remove(&e, z);
            pdk_idlist_remove(&l, z);
            count--;
        }
        if (step % 5000 != 0) continue;
        pdk_ephemerals_validate(&e);
        pdk_idlist_validate(&l);
    }
    assert_int_equal(l.count, count);
    assert_int_equal(pdk_ephemerals_count(&e), count);
    for (uint32_t z = 1; z <= ROOM; z++) {
        assert_int_equal(pdk_ephemerals_owner(&e, z), owner_of[z]);
        assert_int_equal(pdk_idlist_has(&l, z), owner_of[z] != 0);
    }
    pdk_idlist_deinit(&l);
    pdk_ephemerals_deinit(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_lists_its_znodes_in_the_order_they_came),
        cmocka_unit_test(an_owner_is_forgotten_with_its_last_znode),
        cmocka_unit_test(each_owner_is_called_once),
        cmocka_unit_test(random_lists_agree_with_a_plain_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
