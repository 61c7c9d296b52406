/* Stops, crashes and failures at every call of a truncation, an installation, an epoch's storing.
 *
 * Whatever happens, what is found afterwards is the history before or the one after, whole; after a
 * call that has returned it is the one after.  PDK_CRASH_SEEDS=n runs more seeds. */
#include <stdlib.h>

#include "base/prng.h"
#include "sim/store_resync_fixture.h"

#define SEEDS 12

struct run {
    struct fixture f;
    uint64_t seed, call;
    const char *what;
    pdk_zxid before, after; /* where the history ends */
    uint64_t before_digest, after_digest;
    bool done; /* it has returned, and well */
};

#define FAIL(r, ...) \
    do { \
        char text_[900]; \
        (void)snprintf(text_, sizeof text_, __VA_ARGS__); \
        fail_msg("%s, seed %llu, call %llu: %s", (r)->what, (unsigned long long)(r)->seed, \
                 (unsigned long long)(r)->call, text_); \
    } while (0)

static uint64_t seeds(void)
{
    const char *text = getenv("PDK_CRASH_SEEDS");
    return text != NULL ? (uint64_t)atoi(text) : SEEDS;
}

/* What the leader sends, and its digest. */
static struct leader *leader;

/* Every file that the next one goes on from has something behind its end. */
static void tear_older_files(struct fixture *f)
{
    const char *folder = f->box.store->log_path.text, *name;
    pdk_zxid named[64];
    size_t count = 0;
    for (size_t i = 0; (name = pdk_disk_name(f->disk, folder, i)) != NULL; i++) {
        struct pdk_file_name parsed = pdk_file_name_parse(name);
        if (parsed.kind == PDK_FILE_LOG) named[count++] = parsed.zxid;
        assert_true(count < PDK_COUNT_OF(named));
    }
    for (size_t i = 0; i < count; i++) {
        char text[PDK_NAME_BYTES];
        struct pdk_path path;
        pdk_log_file_name(named[i], text);
        assert_int_equal(pdk_path_join(&path, folder, text, &f->diag), PDK_OK);
        pdk_zxid last = last_record(f, path.text);
        for (size_t k = 0; k < count; k++) {
            if (named[k] == last + 1) tear(f, path.text);
        }
    }
}

/* A history over two epochs, some files and snapshots; the settings come from the seed. */
static void begin(struct run *r, const char *what, uint64_t seed, uint64_t call)
{
    *r = (struct run){.seed = seed, .call = call, .what = what};
    struct fixture *f = &r->f;
    struct pdk_prng prng;
    pdk_prng_init(&prng, seed);
    f->disk = pdk_disk_create(pdk_mem_heap(), seed + call * 1000);
    struct pdk_store_config config = pdk_storebox_config();
    if (seed % 3 == 0) config.log_dir = "/log";
    if (seed % 4 == 1) config.prealloc_kb = 0;
    if (seed % 5 < 2) config.compression = (enum pdk_compression)(1 + seed % 5);
    pdk_disk_set_reserve(f->disk, seed % 7 != 0);
    pdk_disk_set_short_reads(f->disk, seed % 3 == 1);
    pdk_storebox_init(&f->box, pdk_disk_vfs(f->disk), &config);
    must_open(f);
    begin_epoch(f, 1);
    for (uint64_t left = 3 + pdk_prng_below(&prng, 4); left > 0; left--) {
        must_write(f, 1 + (int)pdk_prng_below(&prng, 3));
        if (pdk_prng_below(&prng, 3) == 0) must_snapshot(f);
        if (pdk_prng_below(&prng, 3) == 0) pdk_store_roll(f->box.store);
    }
    begin_epoch(f, 2);
    must_write(f, 2);
    if (pdk_prng_below(&prng, 2) == 0) must_snapshot(f);
    if (pdk_prng_below(&prng, 2) == 0) must_write(f, 2);
    if (seed % 2 == 0) {
        stop(f);
        must_open(f);
    }
    if (seed % 3 != 2) tear_older_files(f);
    r->before = f->box.state.last_zxid;
    r->before_digest = pdk_storebox_digest(&f->box);
}

static void end(struct run *r)
{
    pdk_storebox_deinit(&r->f.box);
    pdk_disk_destroy(r->f.disk);
}

static void power_fails(struct run *r)
{
    struct pdk_store *store = r->f.box.store;
    /* What a process has in memory goes with it. */
    if (store != NULL && store->spool != NULL) pdk_store_spool_abandon(store);
    pdk_storebox_forget(&r->f.box);
    pdk_disk_crash(r->f.disk);
}

/* Nothing is lost, and nothing is made durable by that. */
static void process_dies(struct run *r)
{
    struct pdk_store *store = r->f.box.store;
    if (store != NULL && store->spool != NULL) pdk_store_spool_abandon(store);
    stop(&r->f);
}

/* ---- what is done ---------------------------------------------------------------------------- */

static enum pdk_err cut_back(struct run *r)
{
    struct fixture *f = &r->f;
    /* In the second epoch, or in the first. */
    r->after = r->seed % 2 == 0 ? 0x200000001 : 0x100000002;
    r->after_digest = *digest_at(f, r->after);
    enum pdk_err err = pdk_store_truncate(f->box.store, r->after, &f->diag);
    r->done = err == PDK_OK;
    return err == PDK_OK ? pdk_storebox_recover(&f->box, &f->diag) : err;
}

static enum pdk_err replace(struct run *r)
{
    struct fixture *f = &r->f;
    static const pdk_zxid zxids[] = {0x200000001, 0x300000000, 0x100000001};
    r->after = r->seed % 4 == 0 ? r->before : zxids[r->seed % 3];
    r->after_digest = pdk_storebox_digest(&leader->f.box);
    struct pdk_slice body = pdk_slice_of(leader->stream.bytes, leader->body);
    enum pdk_err err = spool(f, r->after, body, 3000);
    if (err == PDK_OK) err = pdk_store_spool_install(f->box.store, &f->diag);
    r->done = err == PDK_OK;
    return err == PDK_OK ? pdk_storebox_recover(&f->box, &f->diag) : err;
}

static uint64_t count_calls(const char *what, uint64_t seed, enum pdk_err (*act)(struct run *r))
{
    struct run r;
    begin(&r, what, seed, 0);
    uint64_t calls = pdk_disk_calls(r.f.disk);
    if (act(&r) != PDK_OK) FAIL(&r, "%s", r.f.diag.text);
    calls = pdk_disk_calls(r.f.disk) - calls;
    end(&r);
    assert_true(calls > 10);
    return calls;
}

/* ---- what must be found ---------------------------------------------------------------------- */

static void must_be_one_of_two(struct run *r)
{
    struct fixture *f = &r->f;
    pdk_zxid last = f->box.recovery.last_zxid;
    uint64_t digest = pdk_storebox_digest(&f->box);
    bool is_after = last == r->after && digest == r->after_digest;
    bool is_before = last == r->before && digest == r->before_digest;
    if (!is_after && !is_before)
        FAIL(r, "neither before nor after: 0x%llx", (unsigned long long)last);
    if (!is_after && r->done) FAIL(r, "it was done, and has not happened");
    if (is_there(f, PDK_JOURNAL_NAME) || is_there(f, PDK_SPOOL_NAME)) FAIL(r, "leftovers");
    /* Nobody ever sees the other one again. */
    r->done = true;
    if (is_after) return;
    r->after = r->before;
    r->after_digest = r->before_digest;
}

static void check(struct run *r)
{
    struct fixture *f = &r->f;
    /* The next start may be cut short, too. */
    for (uint64_t i = 0; i < 2; i++) {
        pdk_disk_stop_at(f->disk, pdk_disk_calls(f->disk) + (r->call * 7 + i * 5 + r->seed) % 40);
        enum pdk_err err = pdk_storebox_open(&f->box, &f->diag);
        if (err == PDK_OK)
            must_be_one_of_two(r);
        else if (!pdk_disk_stopped(f->disk))
            FAIL(r, "%s", f->diag.text);
        power_fails(r);
    }
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) FAIL(r, "%s", f->diag.text);
    must_be_one_of_two(r);
    /* It goes on. */
    must_write(f, 2);
    pdk_zxid last = f->box.state.last_zxid;
    power_fails(r);
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) FAIL(r, "later: %s", f->diag.text);
    expect_state(f, last);
}

static void crash_at_every_call(const char *what, enum pdk_err (*act)(struct run *r))
{
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        uint64_t calls = count_calls(what, seed, act);
        for (uint64_t call = 0; call <= calls; call++) {
            struct run r;
            begin(&r, what, seed, call);
            pdk_disk_stop_at(r.f.disk, pdk_disk_calls(r.f.disk) + call);
            (void)act(&r);
            if (call % 3 == 0)
                process_dies(&r);
            else
                power_fails(&r);
            check(&r);
            end(&r);
        }
    }
}

/* The process dies while the journal is there; the power fails at each call of the next start. */
static void crash_while_it_is_finished(const char *what, uint64_t seed, uint64_t call,
                                       enum pdk_err (*act)(struct run *r))
{
    bool stopped = true;
    for (uint64_t later = 0; stopped; later++) {
        struct run r;
        begin(&r, what, seed, call);
        struct fixture *f = &r.f;
        pdk_disk_stop_at(f->disk, pdk_disk_calls(f->disk) + call);
        (void)act(&r);
        process_dies(&r);
        stopped = is_there(f, PDK_JOURNAL_NAME);
        if (stopped) {
            pdk_disk_stop_at(f->disk, pdk_disk_calls(f->disk) + later);
            enum pdk_err err = pdk_storebox_open(&f->box, &f->diag);
            stopped = pdk_disk_stopped(f->disk);
            if (err != PDK_OK && !stopped) FAIL(&r, "%s", f->diag.text);
            power_fails(&r);
            if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) FAIL(&r, "%s", f->diag.text);
            must_be_one_of_two(&r);
        }
        end(&r);
    }
}

static void a_crash_at_the_start_after_a_crash(void **state)
{
    (void)state;
    /* One of three has a folder for its logs: a sync of the one says nothing of the other. */
    for (uint64_t seed = 2; seed <= (seeds() + 1) / 2; seed += 2) {
        uint64_t calls = count_calls("truncate", seed, cut_back);
        for (uint64_t call = 0; call < calls; call++)
            crash_while_it_is_finished("truncate", seed, call, cut_back);
        calls = count_calls("install", seed, replace);
        for (uint64_t call = 0; call < calls; call++)
            crash_while_it_is_finished("install", seed, call, replace);
    }
}

/* The process goes on as long as it may. */
static void fail_at_every_call(const char *what, enum pdk_err injected,
                               enum pdk_err (*act)(struct run *r))
{
    for (uint64_t seed = 1; seed <= (seeds() + 1) / 2; seed++) {
        uint64_t calls = count_calls(what, seed, act);
        for (uint64_t call = 0; call < calls; call++) {
            struct run r;
            begin(&r, what, seed, call);
            struct fixture *f = &r.f;
            pdk_disk_fail_call(f->disk, pdk_disk_calls(f->disk) + call, injected);
            enum pdk_err err = act(&r);
            if (err != PDK_OK && f->diag.text[0] == '\0') FAIL(&r, "an error without a sentence");
            if (!r.done && act == replace && !f->box.store->log_failed) {
                /* The old history is untouched, and goes on. */
                must_write(f, 1);
                r.before = r.after = f->box.state.last_zxid;
                r.before_digest = r.after_digest = pdk_storebox_digest(&f->box);
            }
            power_fails(&r);
            check(&r);
            end(&r);
        }
    }
}

static void a_crash_in_a_truncation(void **state)
{
    (void)state;
    crash_at_every_call("truncate", cut_back);
}
static void a_crash_in_an_installation(void **state)
{
    (void)state;
    crash_at_every_call("install", replace);
}
static void a_failure_in_a_truncation(void **state)
{
    (void)state;
    fail_at_every_call("truncate", PDK_EIO, cut_back);
    fail_at_every_call("truncate", PDK_ENOSPC, cut_back);
}
static void a_failure_in_an_installation(void **state)
{
    (void)state;
    fail_at_every_call("install", PDK_EIO, replace);
    fail_at_every_call("install", PDK_ENOSPC, replace);
}

static int make_leader(void **state)
{
    (void)state;
    leader = leader_with(12, 700);
    return 0;
}

static int end_leader(void **state)
{
    (void)state;
    leader_done(leader);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_in_a_truncation),
        cmocka_unit_test(a_crash_in_an_installation),
        cmocka_unit_test(a_crash_at_the_start_after_a_crash),
        cmocka_unit_test(a_failure_in_a_truncation),
        cmocka_unit_test(a_failure_in_an_installation),
    };
    return cmocka_run_group_tests(tests, make_leader, end_leader);
}
