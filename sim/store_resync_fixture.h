/* sim/store_resync_fixture.h - short hands for tests of a history that a leader changes. */
#ifndef PDK_SIM_STORE_RESYNC_FIXTURE_H
#define PDK_SIM_STORE_RESYNC_FIXTURE_H

#include "base/hash.h"
#include "core/store/journal.h"
#include "core/store/resync.h"
#include "sim/store_fixture.h"

static inline void begin_epoch(struct fixture *f, int64_t epoch)
{
    pdk_storebox_begin_epoch(&f->box, epoch);
    *digest_at(f, f->box.state.last_zxid) = pdk_storebox_digest(&f->box);
}

static inline void must_recover(struct fixture *f)
{
    if (pdk_storebox_recover(&f->box, &f->diag) != PDK_OK) fail_msg("%s", f->diag.text);
}

static inline bool is_there(struct fixture *f, const char *name)
{
    char path[300];
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    return !pdk_disk_contents(f->disk, path).is_null;
}

/* Names and bytes of everything in the folder but the mark. */
static inline uint32_t folder_sum(struct fixture *f)
{
    uint32_t sum = 0;
    const char *name;
    for (size_t i = 0; (name = pdk_disk_name(f->disk, "/data/version-2", i)) != NULL; i++) {
        char path[300];
        if (strcmp(name, PDK_MARK_NAME) == 0) continue;
        (void)snprintf(path, sizeof path, FOLDER "%s", name);
        struct pdk_slice file = pdk_disk_contents(f->disk, path);
        sum += pdk_crc32(pdk_crc32(PDK_CRC32_INIT, (const uint8_t *)name, strlen(name)), file.bytes,
                         file.len);
    }
    return sum;
}

/* ... and it is the same history after a restart, and goes on. */
static inline void goes_on_from(struct fixture *f, pdk_zxid zxid)
{
    expect_state(f, zxid);
    stop(f);
    must_open(f);
    expect_state(f, zxid);
    must_write(f, 3);
    char name[PDK_NAME_BYTES];
    pdk_log_file_name(zxid + 1, name);
    assert_true(is_there(f, name));
    stop(f);
    must_open(f);
    expect_state(f, zxid + 3);
    assert_false(is_there(f, PDK_JOURNAL_NAME));
    assert_false(is_there(f, PDK_SPOOL_NAME));
}

static inline pdk_zxid last_record(struct fixture *f, const char *path)
{
    struct pdk_slice file = pdk_disk_contents(f->disk, path);
    struct pdk_log_reader r;
    struct pdk_diag diag;
    pdk_zxid last = 0;
    pdk_log_reader_init(&r, pdk_mem_heap(), pdk_source_of_slice(&file), 1 << 20, &diag);
    while (pdk_log_reader_next(&r) == PDK_LOG_RECORD) last = r.zxid;
    pdk_log_reader_deinit(&r);
    return last;
}

/* Leaves behind a log file's end what a crash of Apache may leave, who goes on in the next file: a
 * record that did not arrive, and behind it one that did. */
static inline void tear(struct fixture *f, const char *path)
{
    static uint8_t bytes[1 << 18];
    struct pdk_slice file = pdk_disk_contents(f->disk, path);
    int64_t last_end;
    size_t at = (size_t)find_record(f, path, last_record(f, path), &last_end);
    size_t end = (size_t)last_end;
    size_t len = end - at;
    assert_true(end + 2 * len <= sizeof bytes);
    memcpy(bytes, file.bytes, end);
    memcpy(bytes + end, bytes + at, len);
    bytes[end + len - 2] ^= 1;
    uint8_t *whole = bytes + end + len;
    memcpy(whole, bytes + at, len);
    uint8_t *zxid = whole + PDK_LOG_HEAD_BYTES + 12;
    pdk_store_u64(zxid, pdk_load_u64(zxid) + 2);
    pdk_store_u64(whole, pdk_adler32(PDK_ADLER32_INIT, whole + PDK_LOG_HEAD_BYTES,
                                     len - PDK_LOG_FRAME_BYTES));
    pdk_disk_put(f->disk, path, pdk_slice_of(bytes, end + 2 * len));
}

/* Logs 1-3, 4-6, 7-9 and snapshots 0, 3, 6. */
static inline void write_nine(struct fixture *f)
{
    must_open(f);
    *digest_at(f, 0) = pdk_storebox_digest(&f->box);
    for (int i = 0; i < 2; i++) {
        must_write(f, 3);
        must_snapshot(f);
    }
    must_write(f, 3);
}

/* Another server with a history of its own. */
struct leader {
    struct fixture f;
    struct pdk_buf stream;
    size_t body; /* bytes of it before the signature */
};

static inline struct leader *leader_with(int txns, size_t data_len)
{
    static struct leader l;
    l = (struct leader){.f = {.disk = pdk_disk_create(pdk_mem_heap(), 8)}};
    pdk_storebox_init(&l.f.box, pdk_disk_vfs(l.f.disk), NULL);
    must_open(&l.f);
    assert_non_null(pdk_sessions_add(l.f.box.state.sessions, 0x700, 9000));
    for (int i = 0; i < txns; i++) pdk_storebox_write(&l.f.box, data_len);
    pdk_buf_clear(&l.f.box.batch);
    pdk_buf_init(&l.stream, pdk_mem_heap(), SIZE_MAX);
    pdk_storebox_stream_whole(&l.f.box, &l.stream);
    l.body = l.stream.len - 14;
    return &l;
}

static inline void leader_done(struct leader *l)
{
    pdk_buf_deinit(&l->stream);
    pdk_storebox_deinit(&l->f.box);
    pdk_disk_destroy(l->f.disk);
}

static inline enum pdk_err spool(struct fixture *f, pdk_zxid zxid, struct pdk_slice body,
                                 size_t piece)
{
    enum pdk_err err = pdk_store_spool_begin(f->box.store, zxid, &f->diag);
    for (size_t at = 0; at < body.len && err == PDK_OK; at += piece) {
        size_t len = pdk_min_size(piece, body.len - at);
        err = pdk_store_spool_add(f->box.store, pdk_slice_of(body.bytes + at, len), &f->diag);
    }
    return err;
}

static inline void must_install(struct fixture *f, pdk_zxid zxid, struct leader *l, size_t piece)
{
    if (spool(f, zxid, pdk_slice_of(l->stream.bytes, l->body), piece) != PDK_OK ||
        pdk_store_spool_install(f->box.store, &f->diag) != PDK_OK)
        fail_msg("%s", f->diag.text);
    must_recover(f);
    assert_int_equal(pdk_storebox_digest(&f->box), pdk_storebox_digest(&l->f.box));
    assert_non_null(pdk_sessions_find(f->box.state.sessions, 0x700));
    *digest_at(f, zxid) = pdk_storebox_digest(&f->box);
}

#endif
