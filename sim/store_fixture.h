/* sim/store_fixture.h - short hands for the tests of the store's rules. */
#ifndef PDK_SIM_STORE_FIXTURE_H
#define PDK_SIM_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/internal.h"
#include "core/store/logread.h"
#include "sim/disk.h"
#include "sim/storebox.h"

#define FOLDER "/data/version-2/"

struct fixture {
    struct pdk_disk *disk;
    struct pdk_storebox box;
    struct pdk_diag diag;
    uint64_t digests[4096]; /* see digest_at */
};

/* Of the state at `zxid`, as the history went that was written last; for small epochs. */
static inline uint64_t *digest_at(struct fixture *f, pdk_zxid zxid)
{
    size_t slot = (size_t)(zxid >> 32) * 512 + (size_t)(zxid & 511);
    assert_true(slot < PDK_COUNT_OF(f->digests));
    return &f->digests[slot];
}

static inline int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.disk = pdk_disk_create(pdk_mem_heap(), 7)};
    pdk_storebox_init(&f.box, pdk_disk_vfs(f.disk), NULL);
    *state = &f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    pdk_storebox_deinit(&f->box);
    pdk_disk_destroy(f->disk);
    return 0;
}

static inline void must_open(struct fixture *f)
{
    if (pdk_storebox_open(&f->box, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
}

static inline void must_refuse(struct fixture *f, enum pdk_err want, const char *word)
{
    enum pdk_err err = pdk_storebox_open(&f->box, &f->diag);
    if (err != want) fail_msg("%s: %s", pdk_err_name(err), err != PDK_OK ? f->diag.text : "");
    if (strstr(f->diag.text, word) == NULL) fail_msg("no \"%s\" in: %s", word, f->diag.text);
}

/* Writes and syncs `count` transactions. */
static inline void must_write(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        pdk_storebox_write(&f->box, 50);
        *digest_at(f, f->box.state.last_zxid) = pdk_storebox_digest(&f->box);
    }
    assert_int_equal(pdk_storebox_append(&f->box, &f->diag), PDK_OK);
    assert_int_equal(pdk_store_sync(f->box.store, &f->diag), PDK_OK);
}

static inline void must_snapshot(struct fixture *f)
{
    pdk_store_roll(f->box.store);
    assert_int_equal(pdk_storebox_snapshot(&f->box, &f->diag), PDK_OK);
}

static inline void stop(struct fixture *f)
{
    pdk_storebox_forget(&f->box);
    pdk_disk_kill(f->disk);
}

static inline void expect_state(struct fixture *f, pdk_zxid last)
{
    assert_int_equal(f->box.recovery.last_zxid, last);
    assert_int_equal(pdk_storebox_digest(&f->box), *digest_at(f, last));
}

/* Where the record of `zxid` begins in a log file, and where it ends. */
static inline int64_t find_record(struct fixture *f, const char *path, pdk_zxid zxid, int64_t *end)
{
    struct pdk_slice file = pdk_disk_contents(f->disk, path);
    struct pdk_log_reader r;
    struct pdk_diag diag;
    int64_t offset = -1;
    assert_false(file.is_null);
    pdk_log_reader_init(&r, pdk_mem_heap(), pdk_source_of_slice(&file), 1 << 20, &diag);
    while (offset < 0 && pdk_log_reader_next(&r) == PDK_LOG_RECORD) {
        if (r.zxid == zxid) offset = r.offset;
    }
    if (end != NULL) *end = pdk_window_offset(&r.window);
    pdk_log_reader_deinit(&r);
    assert_true(offset > 0);
    return offset;
}

/* As Apache left it: no mark of ours. */
static inline void forget_mark(struct fixture *f)
{
    pdk_disk_remove(f->disk, FOLDER PDK_MARK_NAME);
}

/* A file's contents without its last `cut` bytes, or with zeros behind. */
static inline void resize(struct fixture *f, const char *path, int64_t len)
{
    static uint8_t bytes[1 << 20];
    struct pdk_slice file = pdk_disk_contents(f->disk, path);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, file.bytes, pdk_min_size(file.len, (size_t)len));
    pdk_disk_put(f->disk, path, pdk_slice_of(bytes, (size_t)len));
}

/* With the fixture, from a setup of its own. */
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
