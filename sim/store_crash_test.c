/* Stops, crashes and failures at every call that the store makes to the disk.
 *
 * One workload (appends, syncs, rolls, snapshots, purges, epochs) is run again and again; each time
 * the power fails, or one call fails, at another place.  Afterwards recovery must find: everything
 * that was synced, nothing half done, in order.  What "everything" is, a digest of the whole tree
 * after each zxid says.  PDK_CRASH_SEEDS=n runs more seeds; a failure names seed and call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "core/store/internal.h"
#include "sim/disk.h"
#include "sim/storebox.h"

#define ZXIDS 4096
#define LOG_FOLDER "/log/version-2"

struct run {
    uint64_t seed, call;
    const char *what;
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_prng prng;
    uint64_t digests[ZXIDS]; /* of the tree after each zxid */
    pdk_zxid acked;          /* synced */
    pdk_zxid written;        /* handed to the disk, perhaps */
    bool full;               /* reserve said so: nothing may be written */
    size_t in_flight;        /* bytes appended since reserve said that there is room */
    struct pdk_diag diag;
};

#define FAIL(r, ...) \
    do { \
        char text_[1200]; \
        (void)snprintf(text_, sizeof text_, __VA_ARGS__); \
        fail_msg("%s, seed %llu, call %llu: %s", (r)->what, (unsigned long long)(r)->seed, \
                 (unsigned long long)(r)->call, text_); \
    } while (0)

static uint64_t below(struct run *r, uint64_t bound) { return pdk_prng_below(&r->prng, bound); }

/* Settings drawn from the seed. */
static void run_init(struct run *r, const char *what, uint64_t seed)
{
    static const int64_t preallocs[] = {64, 64, 8, 0};
    *r = (struct run){.seed = seed, .what = what};
    pdk_prng_init(&r->prng, seed);
    r->disk = pdk_disk_create(pdk_mem_heap(), seed);
    struct pdk_store_config config = pdk_storebox_config();
    config.log_dir = "/log";
    config.data_dir = below(r, 2) == 0 ? "/data" : "/log";
    config.prealloc_kb = preallocs[below(r, PDK_COUNT_OF(preallocs))];
    config.log_size_limit_kb = below(r, 3) == 0 ? 12 : 0;
    config.compression = (enum pdk_compression)below(r, 3);
    pdk_disk_set_reserve(r->disk, below(r, 4) != 0);
    pdk_disk_set_short_reads(r->disk, below(r, 2) == 0);
    pdk_storebox_init(&r->box, pdk_disk_vfs(r->disk), &config);
}

static void run_deinit(struct run *r)
{
    pdk_storebox_deinit(&r->box);
    pdk_disk_destroy(r->disk);
}

static void check_state(struct run *r)
{
    pdk_zxid last = r->box.recovery.last_zxid;
    if (last < r->acked)
        FAIL(r, "zxid 0x%llx was synced, recovery ends at 0x%llx", (unsigned long long)r->acked,
             (unsigned long long)last);
    if (last > r->written)
        FAIL(r, "nothing after 0x%llx was written, recovery ends at 0x%llx",
             (unsigned long long)r->written, (unsigned long long)last);
    if (last > 0 && pdk_storebox_digest(&r->box) != r->digests[last])
        FAIL(r, "the state at 0x%llx is not what it was", (unsigned long long)last);
    /* Recovery has synced what it found. */
    r->acked = r->written = last;
}

static enum pdk_err open_box(struct run *r)
{
    enum pdk_err err = pdk_storebox_open(&r->box, &r->diag);
    if (err == PDK_OK) check_state(r);
    return err;
}

static void must_open(struct run *r)
{
    enum pdk_err err = open_box(r);
    if (err != PDK_OK) FAIL(r, "recovery: %s: %s", pdk_err_name(err), r->diag.text);
}

static enum pdk_err reserve(struct run *r)
{
    enum pdk_err err = pdk_store_reserve(r->box.store, &r->diag);
    r->full = err == PDK_ENOSPC;
    r->in_flight = 0;
    return r->full ? PDK_OK : err;
}

static enum pdk_err sync_all(struct run *r)
{
    enum pdk_err err = pdk_store_sync(r->box.store, &r->diag);
    if (err != PDK_OK) return err;
    r->acked = r->written;
    return reserve(r);
}

#define BATCH_BYTES_MAX (6 * 2200)

static enum pdk_err write_some(struct run *r)
{
    uint64_t count = 1 + below(r, 6);
    for (uint64_t i = 0; i < count; i++) {
        pdk_storebox_write(&r->box, below(r, 8) == 0 ? below(r, 2000) : below(r, 200));
        r->digests[r->box.state.last_zxid] = pdk_storebox_digest(&r->box);
    }
    PDK_ASSERT(r->box.state.last_zxid < ZXIDS);
    r->written = r->box.state.last_zxid;
    r->in_flight += r->box.batch.len;
    return pdk_storebox_append(&r->box, &r->diag);
}

/* Snapshots hold only what is durable, as in the server, where applying follows the sync.  A failed
 * one stops nothing. */
static enum pdk_err snapshot(struct run *r)
{
    enum pdk_err err = sync_all(r);
    if (err != PDK_OK) return err;
    pdk_store_roll(r->box.store);
    return pdk_storebox_snapshot(&r->box, &r->diag) == PDK_ENOMEM ? PDK_ENOMEM : PDK_OK;
}

/* One step; an error means that the server stops. */
static enum pdk_err step(struct run *r)
{
    uint64_t choice = below(r, 20);
    if (r->full) return reserve(r);
    if (choice < 13) {
        enum pdk_err err = write_some(r);
        bool more = r->in_flight + BATCH_BYTES_MAX <= r->box.config.in_flight_bytes;
        return err != PDK_OK || (more && below(r, 4) == 0) ? err : sync_all(r);
    }
    switch (choice) {
    case 13: return sync_all(r);
    case 14: pdk_store_roll(r->box.store); return PDK_OK;
    case 15:
    case 16:
    case 17: return snapshot(r);
    case 18:
        /* Its failure costs nothing but space. */
        if (pdk_store_purge(&r->box.config, r->box.vfs, 3, NULL, NULL, &r->diag) == PDK_ENOMEM)
            return PDK_ENOMEM;
        return PDK_OK;
    default:
        if (pdk_store_write_epochs(r->box.store, 1, 2, &r->diag) == PDK_ENOMEM) return PDK_ENOMEM;
        return PDK_OK;
    }
}

#define STEPS 40

static enum pdk_err work(struct run *r, int steps)
{
    enum pdk_err err = open_box(r);
    if (err == PDK_OK) err = reserve(r);
    for (int i = 0; i < steps && err == PDK_OK && !pdk_disk_stopped(r->disk); i++) err = step(r);
    return err;
}

static int seeds(int otherwise)
{
    const char *text = getenv("PDK_CRASH_SEEDS");
    return text != NULL ? atoi(text) : otherwise;
}

/* How many calls the whole workload makes. */
static uint64_t count_calls(uint64_t seed)
{
    struct run r;
    run_init(&r, "no fault", seed);
    enum pdk_err err = work(&r, STEPS);
    if (err != PDK_OK) FAIL(&r, "%s", r.diag.text);
    uint64_t calls = pdk_disk_calls(r.disk);
    run_deinit(&r);
    return calls;
}

static void power_fails(struct run *r)
{
    pdk_storebox_forget(&r->box);
    pdk_disk_crash(r->disk);
}

/* The power fails during recovery, too, now and then. */
static void recover_with_crashes(struct run *r)
{
    for (int i = 0; i < 2 && below(r, 2) == 0; i++) {
        pdk_disk_stop_at(r->disk, pdk_disk_calls(r->disk) + below(r, 60));
        enum pdk_err err = open_box(r);
        if (err != PDK_OK && !pdk_disk_stopped(r->disk)) FAIL(r, "recovery: %s", r->diag.text);
        power_fails(r);
    }
    must_open(r);
}

static void a_crash_at_any_call_loses_nothing_that_was_synced(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (uint64_t)seeds(4); seed++) {
        uint64_t calls = count_calls(seed);
        for (uint64_t call = 0; call < calls; call++) {
            struct run r;
            run_init(&r, "crash", seed);
            r.call = call;
            pdk_disk_stop_at(r.disk, call);
            (void)work(&r, STEPS);
            power_fails(&r);
            recover_with_crashes(&r);
            /* Life goes on, and what was cut does not come back. */
            enum pdk_err err = reserve(&r);
            for (int i = 0; i < 4 && err == PDK_OK; i++) err = step(&r);
            if (err == PDK_OK) err = sync_all(&r);
            if (err != PDK_OK) FAIL(&r, "after recovery: %s", r.diag.text);
            power_fails(&r);
            must_open(&r);
            run_deinit(&r);
        }
    }
}

static void no_snapshot_is_half_done(struct run *r)
{
    const char *name;
    for (size_t i = 0; (name = pdk_disk_name(r->disk, r->box.store->data_path.text, i)) != NULL;
         i++) {
        struct pdk_file_name parsed = pdk_file_name_parse(name);
        if (parsed.kind != PDK_FILE_SNAPSHOT) continue;
        if (parsed.zxid > r->acked) FAIL(r, "%s holds what was not synced", name);
    }
}

static void fail_at_every_call(enum pdk_err injected, int seed_count)
{
    for (uint64_t seed = 1; seed <= (uint64_t)seed_count; seed++) {
        uint64_t calls = count_calls(seed);
        for (uint64_t call = 0; call < calls; call++) {
            struct run r;
            run_init(&r, pdk_err_name(injected), seed);
            r.call = call;
            pdk_disk_fail_call(r.disk, call, injected);
            enum pdk_err err = work(&r, STEPS);
            if (err != PDK_OK && r.diag.text[0] == '\0') FAIL(&r, "an error without a sentence");
            bool crash = below(&r, 2) == 0;
            if (crash) {
                power_fails(&r);
            } else {
                pdk_storebox_close(&r.box);
                pdk_disk_kill(r.disk);
            }
            must_open(&r);
            enum pdk_err more = reserve(&r);
            if (more == PDK_OK && !r.full) more = write_some(&r);
            if (more == PDK_OK) more = sync_all(&r);
            if (more != PDK_OK) FAIL(&r, "after recovery: %s", r.diag.text);
            no_snapshot_is_half_done(&r);
            run_deinit(&r);
        }
    }
}

static void any_call_may_fail_with_eio(void **state)
{
    (void)state;
    fail_at_every_call(PDK_EIO, seeds(2));
}

static void any_call_may_fail_for_want_of_space(void **state)
{
    (void)state;
    fail_at_every_call(PDK_ENOSPC, seeds(2));
}

static void a_killed_process_leaves_everything(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 100 + (uint64_t)seeds(20); seed++) {
        struct run r;
        run_init(&r, "kill", seed);
        for (int life = 0; life < 6; life++) {
            if (work(&r, 10) != PDK_OK) FAIL(&r, "%s", r.diag.text);
            pdk_storebox_forget(&r.box);
            pdk_disk_kill(r.disk);
            /* The page cache has it all, synced or not. */
            r.acked = r.written;
            if (below(&r, 2) != 0) continue;
            /* What recovery has shown to anybody is durable by then. */
            must_open(&r);
            power_fails(&r);
        }
        must_open(&r);
        run_deinit(&r);
    }
}

/* ---- a full disk ----------------------------------------------------------------------------- */

static void a_full_disk_refuses_before_it_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (uint64_t)seeds(40); seed++) {
        struct run r;
        run_init(&r, "full disk", seed);
        pdk_disk_set_reserve(r.disk, true);
        pdk_disk_set_capacity(r.disk, (int64_t)(100 + below(&r, 200)) * 1024);
        enum pdk_err err = open_box(&r);
        if (err == PDK_OK) err = reserve(&r);
        /* Where not even a start is possible nothing is claimed. */
        if (err != PDK_OK && err != PDK_ENOSPC) FAIL(&r, "%s", r.diag.text);
        int refused = 0;
        for (int i = 0; err == PDK_OK && i < 400 && refused < 3; i++) {
            err = step(&r);
            if (!r.full) continue;
            refused++;
            /* Space comes back: whoever was refused may write again. */
            pdk_disk_set_capacity(r.disk, 0);
            err = reserve(&r);
            if (r.full) FAIL(&r, "still refused when there is room");
            if (err == PDK_OK) err = write_some(&r);
            if (err == PDK_OK) err = sync_all(&r);
            pdk_disk_set_capacity(r.disk, (int64_t)(300 + refused * 100) * 1024);
        }
        if (err != PDK_OK) FAIL(&r, "%s: %s", pdk_err_name(err), r.diag.text);
        power_fails(&r);
        pdk_disk_set_capacity(r.disk, 0);
        must_open(&r);
        run_deinit(&r);
    }
}

static void what_is_in_flight_fits_though_the_disk_is_full(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct run r;
        run_init(&r, "in flight", seed);
        pdk_disk_set_reserve(r.disk, true);
        must_open(&r);
        assert_int_equal(reserve(&r), PDK_OK);
        assert_false(r.full);
        /* Not a byte more from now on. */
        pdk_disk_set_capacity(r.disk, 1);
        while (!r.full) {
            if (below(&r, 2) == 0) pdk_store_roll(r.box.store);
            while (r.in_flight + BATCH_BYTES_MAX <= r.box.config.in_flight_bytes) {
                if (write_some(&r) != PDK_OK) FAIL(&r, "%s", r.diag.text);
            }
            if (sync_all(&r) != PDK_OK) FAIL(&r, "%s", r.diag.text);
        }
        power_fails(&r);
        must_open(&r);
        run_deinit(&r);
    }
}

/* ---- rot ------------------------------------------------------------------------------------- */

/* Recovers a copy; either it says so, or nothing is missing. */
static void rot_is_noticed(struct run *r, const char *folder, const char *name, int64_t offset)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    pdk_disk_rot(r->disk, path, offset, (uint8_t)(1u << below(r, 8)));
    enum pdk_err err = pdk_storebox_open(&r->box, &r->diag);
    if (err == PDK_OK) {
        if (r->box.recovery.last_zxid != r->acked)
            FAIL(r, "%s offset %lld: recovery ends at 0x%llx without a word", path,
                 (long long)offset, (unsigned long long)r->box.recovery.last_zxid);
        if (pdk_storebox_digest(&r->box) != r->digests[r->acked])
            FAIL(r, "%s offset %lld: another state", path, (long long)offset);
    } else if (err != PDK_ECORRUPT || strstr(r->diag.text, "Put back") == NULL) {
        FAIL(r, "%s offset %lld: %s: %s", path, (long long)offset, pdk_err_name(err), r->diag.text);
    }
}

/* A disk with some logs and snapshots, everything synced, and its copy for each try. */
static void rot_somewhere(uint64_t seed, enum pdk_file_kind kind)
{
    for (int attempt = 0; attempt < 60; attempt++) {
        struct run r;
        run_init(&r, "rot", seed);
        if (work(&r, STEPS) != PDK_OK || sync_all(&r) != PDK_OK) FAIL(&r, "%s", r.diag.text);
        pdk_storebox_close(&r.box);
        pdk_prng_init(&r.prng, seed * 1000 + (uint64_t)attempt);
        const char *folder = kind == PDK_FILE_LOG || strcmp(r.box.config.data_dir, "/log") == 0
                                 ? LOG_FOLDER
                                 : "/data/version-2";
        const char *names[64];
        size_t count = 0;
        for (size_t i = 0; count < 64; i++) {
            names[count] = pdk_disk_name(r.disk, folder, i);
            if (names[count] == NULL) break;
            if (pdk_file_name_parse(names[count]).kind == kind) count++;
        }
        assert_true(count > 0);
        const char *name = names[below(&r, count)];
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        size_t len = pdk_disk_contents(r.disk, path).len;
        rot_is_noticed(&r, folder, name, (int64_t)below(&r, len));
        run_deinit(&r);
    }
}

static void rot_in_a_synced_log_is_never_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (uint64_t)seeds(8); seed++) rot_somewhere(seed, PDK_FILE_LOG);
}

static void rot_in_a_snapshot_is_reported_or_made_good(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (uint64_t)seeds(8); seed++)
        rot_somewhere(seed, PDK_FILE_SNAPSHOT);
}

static void a_rotten_mark_hurts_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct run r;
        run_init(&r, "mark", seed);
        if (work(&r, STEPS) != PDK_OK || sync_all(&r) != PDK_OK) FAIL(&r, "%s", r.diag.text);
        pdk_storebox_forget(&r.box);
        pdk_disk_kill(r.disk);
        for (int i = 0; i < 3; i++)
            pdk_disk_rot(r.disk, LOG_FOLDER "/" PDK_MARK_NAME,
                         (int64_t)(below(&r, 4) * 4096 + below(&r, 44)), 0x10);
        must_open(&r);
        run_deinit(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_call_loses_nothing_that_was_synced),
        cmocka_unit_test(any_call_may_fail_with_eio),
        cmocka_unit_test(any_call_may_fail_for_want_of_space),
        cmocka_unit_test(a_killed_process_leaves_everything),
        cmocka_unit_test(a_full_disk_refuses_before_it_fails),
        cmocka_unit_test(what_is_in_flight_fits_though_the_disk_is_full),
        cmocka_unit_test(rot_in_a_synced_log_is_never_cut),
        cmocka_unit_test(rot_in_a_snapshot_is_reported_or_made_good),
        cmocka_unit_test(a_rotten_mark_hurts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
