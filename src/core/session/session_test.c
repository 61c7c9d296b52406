#include "core/session/session.h"

#include "base/mem_fail.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct pdk_hash_seed seed = {.k0 = 1, .k1 = 2};

static struct pdk_sessions *make(int64_t tick_ms)
{
    struct pdk_sessions *s = pdk_sessions_create(pdk_mem_heap(), seed, tick_ms, SIZE_MAX);
    assert_non_null(s);
    return s;
}

static struct pdk_session_entry *add(struct pdk_sessions *s, pdk_session id, int32_t timeout_ms)
{
    struct pdk_session_entry *e = pdk_sessions_add(s, id, timeout_ms);
    assert_non_null(e);
    return e;
}

static void a_new_session_is_known_and_not_armed(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(2000);
    assert_null(pdk_sessions_find(s, 7));
    struct pdk_session_entry *e = add(s, 7, 4000);
    assert_ptr_equal(pdk_sessions_find(s, 7), e);
    assert_int_equal(e->id, 7);
    assert_int_equal(e->timeout_ms, 4000);
    assert_int_equal(e->deadline_ms, 0);
    assert_int_equal(e->conn, PDK_CONN_NONE);
    assert_false(e->closing);
    assert_true(pdk_sessions_next_deadline(s) == INT64_MAX);
    assert_null(pdk_sessions_expire_one(s, INT64_MAX - 1));
    pdk_sessions_validate(s);
    pdk_sessions_destroy(s);
}

static void adding_a_known_session_updates_its_timeout_only(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(2000);
    struct pdk_session_entry *e = add(s, 7, 4000);
    e->conn = 3;
    pdk_sessions_touch(s, e, 100, 4000);
    assert_ptr_equal(add(s, 7, 9000), e);
    assert_int_equal(e->timeout_ms, 9000);
    assert_int_equal(e->conn, 3);
    assert_int_equal(e->deadline_ms, 6000);
    assert_int_equal(pdk_sessions_count(s), 1);
    pdk_sessions_destroy(s);
}

static void deadlines_are_rounded_up_to_the_next_edge(void **state)
{
    (void)state;
    static const struct {
        int64_t now_ms, tick_ms, want_ms;
        int32_t timeout_ms;
    } rows[] = {
        {.now_ms = 0, .timeout_ms = 4000, .tick_ms = 2000, .want_ms = 6000},
        {.now_ms = 1, .timeout_ms = 4000, .tick_ms = 2000, .want_ms = 6000},
        {.now_ms = 1999, .timeout_ms = 4000, .tick_ms = 2000, .want_ms = 6000},
        {.now_ms = 2000, .timeout_ms = 4000, .tick_ms = 2000, .want_ms = 8000},
        {.now_ms = 0, .timeout_ms = 1, .tick_ms = 2000, .want_ms = 2000},
        {.now_ms = 0, .timeout_ms = 0, .tick_ms = 1, .want_ms = 1},
        {.now_ms = 5, .timeout_ms = -9, .tick_ms = 3, .want_ms = 6},
        {.now_ms = INT64_C(1) << 50,
         .timeout_ms = INT32_MAX,
         .tick_ms = 1,
         .want_ms = (INT64_C(1) << 50) + INT32_MAX + 1},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        struct pdk_sessions *s = make(rows[i].tick_ms);
        struct pdk_session_entry *e = add(s, 1, 1);
        pdk_sessions_touch(s, e, rows[i].now_ms, rows[i].timeout_ms);
        if (e->deadline_ms != rows[i].want_ms)
            fail_msg("row %zu: deadline %lld, want %lld", i, (long long)e->deadline_ms,
                     (long long)rows[i].want_ms);
        assert_true(pdk_sessions_next_deadline(s) == rows[i].want_ms);
        pdk_sessions_validate(s);
        pdk_sessions_destroy(s);
    }
}

/* Every time and timeout of a small range: the fast path of touch must agree with the formula. */
static void a_touch_agrees_with_the_formula_wherever_it_comes_from(void **state)
{
    (void)state;
    enum { TICK = 5, RANGE = 40 };
    struct pdk_sessions *s = make(TICK);
    struct pdk_session_entry *e = add(s, 1, 1);
    for (int64_t first = 0; first < RANGE; first++) {
        for (int64_t second = 0; second < RANGE; second++) {
            pdk_sessions_touch(s, e, first, 0);
            assert_true(e->deadline_ms == (first / TICK + 1) * TICK);
            pdk_sessions_touch(s, e, 0, (int32_t)second);
            assert_true(e->deadline_ms == (second / TICK + 1) * TICK);
        }
    }
    pdk_sessions_validate(s);
    pdk_sessions_destroy(s);
}

static void a_session_expires_once_and_at_its_edge(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(2000);
    struct pdk_session_entry *e = add(s, 1, 4000);
    pdk_sessions_touch(s, e, 0, 4000);
    assert_null(pdk_sessions_expire_one(s, 5999));
    assert_ptr_equal(pdk_sessions_expire_one(s, 6000), e);
    assert_true(e->closing);
    assert_int_equal(e->deadline_ms, 0);
    assert_null(pdk_sessions_expire_one(s, 100000));
    assert_ptr_equal(pdk_sessions_find(s, 1), e);
    pdk_sessions_validate(s);
    pdk_sessions_destroy(s);
}

static void a_closing_session_is_neither_touched_nor_expired_again(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(10);
    struct pdk_session_entry *e = add(s, 1, 20), *other = add(s, 2, 20);
    pdk_sessions_touch(s, e, 0, 20);
    pdk_sessions_touch(s, other, 0, 20);
    e->closing = true;
    pdk_sessions_touch(s, e, 500, 20);
    assert_int_equal(e->deadline_ms, 30);
    assert_ptr_equal(pdk_sessions_expire_one(s, 30), other);
    assert_null(pdk_sessions_expire_one(s, 30));
    assert_int_equal(e->deadline_ms, 0);
    pdk_sessions_validate(s);
    pdk_sessions_destroy(s);
}

static void arming_all_gives_everybody_a_full_timeout(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(10);
    struct pdk_session_entry *a = add(s, 1, 25), *b = add(s, 2, 100), *c = add(s, 3, -5);
    pdk_sessions_touch(s, a, 0, 25);
    assert_ptr_equal(pdk_sessions_expire_one(s, 30), a);
    pdk_sessions_arm_all(s, 1000);
    assert_int_equal(a->deadline_ms, 1030);
    assert_int_equal(b->deadline_ms, 1110);
    assert_int_equal(c->deadline_ms, 1010);
    assert_false(a->closing);
    pdk_sessions_validate(s);
    pdk_sessions_destroy(s);
}

static void a_removed_session_leaves_nothing_behind(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(10);
    pdk_sessions_touch(s, add(s, 1, 20), 0, 20);
    pdk_sessions_remove(s, 1);
    pdk_sessions_remove(s, 1);
    assert_null(pdk_sessions_find(s, 1));
    assert_int_equal(pdk_sessions_count(s), 0);
    assert_true(pdk_sessions_next_deadline(s) == INT64_MAX);
    pdk_sessions_validate(s);
    struct pdk_session_entry *e = add(s, 2, 20);
    assert_int_equal(e->deadline_ms, 0);
    assert_null(e->bucket_next);
    pdk_sessions_destroy(s);
}

static void the_limit_refuses_new_sessions_only(void **state)
{
    (void)state;
    struct pdk_sessions *s = pdk_sessions_create(pdk_mem_heap(), seed, 10, 2);
    assert_non_null(pdk_sessions_add(s, 1, 20));
    assert_non_null(pdk_sessions_add(s, 2, 20));
    assert_null(pdk_sessions_add(s, 3, 20));
    assert_non_null(pdk_sessions_add(s, 2, 20));
    pdk_sessions_remove(s, 1);
    assert_non_null(pdk_sessions_add(s, 3, 20));
    pdk_sessions_destroy(s);
}

struct bucket_log {
    int64_t edges[8];
    size_t counts[8], used;
};

static void note_bucket(void *ctx, int64_t edge_ms, const struct pdk_session_entry *first,
                        size_t count)
{
    struct bucket_log *log = ctx;
    size_t walked = 0;
    for (; first != NULL; first = first->bucket_next) walked++;
    assert_int_equal(walked, count);
    assert_true(log->used < PDK_COUNT_OF(log->edges));
    log->edges[log->used] = edge_ms;
    log->counts[log->used++] = count;
}

static void note_id(void *ctx, const struct pdk_session_entry *e)
{
    *(uint64_t *)ctx |= UINT64_C(1) << e->id;
}

static void buckets_are_shown_in_the_order_of_time(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(10);
    pdk_sessions_touch(s, add(s, 1, 0), 0, 55);
    pdk_sessions_touch(s, add(s, 2, 0), 0, 15);
    pdk_sessions_touch(s, add(s, 3, 0), 0, 51);
    (void)add(s, 4, 0);
    struct bucket_log log = {0};
    pdk_sessions_each_bucket(s, note_bucket, &log);
    assert_int_equal(log.used, 2);
    assert_int_equal(log.edges[0], 20);
    assert_int_equal(log.counts[0], 1);
    assert_int_equal(log.edges[1], 60);
    assert_int_equal(log.counts[1], 2);
    uint64_t seen = 0;
    pdk_sessions_each(s, note_id, &seen);
    assert_int_equal(seen, 2 | 4 | 8 | 16);
    pdk_sessions_destroy(s);
}

static void first_ids_follow_the_formula(void **state)
{
    (void)state;
    static const struct {
        uint8_t server_id;
        int64_t wall_ms;
        uint64_t want;
    } rows[] = {
        {1, 0x1072b0, 0x0100001072b00000u},      /* as captured from Apache */
        {1, 0x19b92e51234, 0x019b92e512340000u}, /* the low 40 bits of the time */
        {0x80, 0, 0x8000000000000001u},          /* not the mark of containers */
        {0, 0, 1},                               /* not "no session" */
        {0xfe, -1, 0xfeffffffffff0000u},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        uint64_t got = (uint64_t)pdk_session_first_id(rows[i].server_id, rows[i].wall_ms);
        if (got != rows[i].want)
            fail_msg("row %zu: 0x%llx, want 0x%llx", i, (unsigned long long)got,
                     (unsigned long long)rows[i].want);
    }
}

static void next_ids_skip_the_living_and_the_forbidden(void **state)
{
    (void)state;
    struct pdk_sessions *s = make(10);
    (void)add(s, 6, 1);
    (void)add(s, 7, 1);
    (void)add(s, 1, 1);
    assert_int_equal(pdk_session_next_id(s, 4), 5);
    assert_int_equal(pdk_session_next_id(s, 5), 8);
    assert_true(pdk_session_next_id(s, INT64_MAX) == INT64_MIN + 1);
    assert_int_equal(pdk_session_next_id(s, -1), 2);
    pdk_sessions_destroy(s);
}

static void timeouts_are_clamped(void **state)
{
    (void)state;
    assert_int_equal(pdk_session_negotiate(1, 4000, 40000), 4000);
    assert_int_equal(pdk_session_negotiate(-1, 4000, 40000), 4000);
    assert_int_equal(pdk_session_negotiate(4000, 4000, 40000), 4000);
    assert_int_equal(pdk_session_negotiate(12345, 4000, 40000), 12345);
    assert_int_equal(pdk_session_negotiate(100000000, 4000, 40000), 40000);
    assert_int_equal(pdk_session_negotiate(INT32_MAX, 4000, 40000), 40000);
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    pdk_fail_mem_at(&f, 1);
    assert_null(pdk_sessions_create(&f.mem, seed, 10, SIZE_MAX));
    struct pdk_sessions *s = pdk_sessions_create(&f.mem, seed, 10, SIZE_MAX);
    size_t refused = 0;
    for (pdk_session id = 1; id <= 1000;) {
        bool all_failed = false;
        for (size_t nth = 1; !all_failed; nth++) {
            pdk_fail_mem_at(&f, nth);
            size_t before = pdk_sessions_count(s);
            struct pdk_session_entry *e = pdk_sessions_add(s, id, 20);
            pdk_sessions_validate(s);
            if (e != NULL) {
                /* With memory for the entry there is memory for a bucket of its own. */
                pdk_sessions_touch(s, e, id * 10, 5);
                all_failed = true;
                id++;
                continue;
            }
            refused++;
            assert_int_equal(pdk_sessions_count(s), before);
            assert_null(pdk_sessions_find(s, id));
        }
    }
    assert_true(refused > 10);
    pdk_sessions_validate(s);
    pdk_sessions_destroy(s);
    assert_int_equal(f.live, 0);
}

/* Random lives of sessions against two plain arrays. */
enum { MODEL_IDS = 200, MODEL_STEPS = 40000 };

struct model {
    struct {
        bool live, closing;
        int64_t last_touch_ms; /* -1: not armed */
        int32_t timeout_ms;
    } of[MODEL_IDS];
    int64_t now_ms, tick_ms;
};

static void expire_all(struct pdk_sessions *s, struct model *m, uint64_t run)
{
    struct pdk_session_entry *e = NULL;
    while ((e = pdk_sessions_expire_one(s, m->now_ms)) != NULL) {
        size_t i = (size_t)e->id - 1;
        if (!m->of[i].live || m->of[i].closing || m->of[i].last_touch_ms < 0)
            fail_msg("seed %llu: session %zu must not expire", (unsigned long long)run, i);
        if (m->now_ms < m->of[i].last_touch_ms + m->of[i].timeout_ms)
            fail_msg("seed %llu: session %zu expired early", (unsigned long long)run, i);
        m->of[i].closing = true;
    }
    for (size_t i = 0; i < MODEL_IDS; i++) {
        if (!m->of[i].live || m->of[i].closing || m->of[i].last_touch_ms < 0) continue;
        if (m->now_ms >= m->of[i].last_touch_ms + m->of[i].timeout_ms + m->tick_ms)
            fail_msg("seed %llu: session %zu is more than a tick late", (unsigned long long)run, i);
    }
}

static void model_step(struct pdk_sessions *s, struct model *m, struct pdk_prng *g)
{
    size_t i = (size_t)pdk_prng_below(g, MODEL_IDS);
    pdk_session id = (pdk_session)i + 1;
    struct pdk_session_entry *e = pdk_sessions_find(s, id);
    assert_int_equal(e != NULL, m->of[i].live);
    if (e != NULL) assert_int_equal(e->closing, m->of[i].closing);
    switch (pdk_prng_below(g, 8)) {
    case 0:
        pdk_sessions_remove(s, id);
        m->of[i].live = false;
        return;
    case 1:
        if (e == NULL) return;
        e->closing = m->of[i].closing = true;
        return;
    default:
        if (e == NULL) {
            e = add(s, id, 1);
            m->of[i].live = true;
            m->of[i].closing = false;
            m->of[i].last_touch_ms = -1;
        }
        int32_t timeout_ms = (int32_t)pdk_prng_below(g, 3000);
        pdk_sessions_touch(s, e, m->now_ms, timeout_ms);
        if (e->closing) return;
        m->of[i].last_touch_ms = m->now_ms;
        m->of[i].timeout_ms = timeout_ms;
    }
}

static void no_session_dies_early_or_more_than_a_tick_late(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 6; run++) {
        struct pdk_prng g;
        pdk_prng_init(&g, run);
        struct model m = {.tick_ms = 1 + (int64_t)pdk_prng_below(&g, 500)};
        struct pdk_sessions *s = make(m.tick_ms);
        for (size_t step = 0; step < MODEL_STEPS; step++) {
            model_step(s, &m, &g);
            if (pdk_prng_below(&g, 4) == 0) m.now_ms += (int64_t)pdk_prng_below(&g, 40);
            if (pdk_prng_below(&g, 4) == 0) expire_all(s, &m, run);
            if (step % 64 == 0) pdk_sessions_validate(s);
        }
        pdk_sessions_validate(s);
        pdk_sessions_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_session_is_known_and_not_armed),
        cmocka_unit_test(adding_a_known_session_updates_its_timeout_only),
        cmocka_unit_test(deadlines_are_rounded_up_to_the_next_edge),
        cmocka_unit_test(a_touch_agrees_with_the_formula_wherever_it_comes_from),
        cmocka_unit_test(a_session_expires_once_and_at_its_edge),
        cmocka_unit_test(a_closing_session_is_neither_touched_nor_expired_again),
        cmocka_unit_test(arming_all_gives_everybody_a_full_timeout),
        cmocka_unit_test(a_removed_session_leaves_nothing_behind),
        cmocka_unit_test(the_limit_refuses_new_sessions_only),
        cmocka_unit_test(buckets_are_shown_in_the_order_of_time),
        cmocka_unit_test(first_ids_follow_the_formula),
        cmocka_unit_test(next_ids_skip_the_living_and_the_forbidden),
        cmocka_unit_test(timeouts_are_clamped),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(no_session_dies_early_or_more_than_a_tick_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
