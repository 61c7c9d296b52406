#include "shell/vfs_posix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/storebox.h"

struct fixture {
    char folder[64];
    const struct pdk_vfs *vfs;
    struct pdk_vfs_why why;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.folder = "/tmp/paddock-vfs-XXXXXX", .vfs = pdk_vfs_posix()};
    if (mkdtemp(f.folder) == NULL) return -1;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static const char *path(const struct fixture *f, const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *out = paths[turn++ % 4];
    (void)snprintf(out, 128, "%s/%s", f->folder, name);
    return out;
}

static int must_open(struct fixture *f, const char *name, enum pdk_vfs_open how)
{
    int file = -1;
    enum pdk_err err = f->vfs->open(NULL, path(f, name), how, &file, &f->why);
    if (err != PDK_OK) fail_msg("%s: %s", name, f->why.text);
    return file;
}

static void must_write(struct fixture *f, int file, const char *text, int64_t offset)
{
    struct pdk_vfs_piece piece = {text, strlen(text)};
    assert_int_equal(f->vfs->pwrite(NULL, file, &piece, 1, offset, &f->why), PDK_OK);
}

static int64_t size_of(struct fixture *f, int file)
{
    int64_t size = -1;
    assert_int_equal(f->vfs->size(NULL, file, &size, &f->why), PDK_OK);
    return size;
}

static void files_are_opened_as_asked(void **state)
{
    struct fixture *f = *state;
    int file;
    assert_int_equal(f->vfs->open(NULL, path(f, "a"), PDK_VFS_READ, &file, &f->why), PDK_ENOENT);
    assert_string_equal(f->why.text, "No such file or directory");
    assert_int_equal(f->vfs->open(NULL, path(f, "a"), PDK_VFS_WRITE, &file, NULL), PDK_ENOENT);
    assert_int_equal(f->vfs->open(NULL, path(f, "x/a"), PDK_VFS_CREATE, &file, NULL), PDK_ENOENT);
    file = must_open(f, "a", PDK_VFS_CREATE);
    must_write(f, file, "hello", 0);
    f->vfs->close(NULL, file);
    file = must_open(f, "a", PDK_VFS_WRITE);
    assert_int_equal(size_of(f, file), 5);
    f->vfs->close(NULL, file);
    file = must_open(f, "a", PDK_VFS_CREATE);
    assert_int_equal(size_of(f, file), 0);
    f->vfs->close(NULL, file);
}

static void many_pieces_are_written_as_one(void **state)
{
    struct fixture *f = *state;
    enum { PIECES = 500 };
    static struct pdk_vfs_piece pieces[PIECES];
    static char texts[PIECES][16], want[PIECES * 16], got[PIECES * 16];
    size_t len = 0, n = 0;
    for (int i = 0; i < PIECES; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%d,", i);
        pieces[i] = (struct pdk_vfs_piece){texts[i], i % 7 == 0 ? 0 : strlen(texts[i])};
        memcpy(want + len, texts[i], pieces[i].len);
        len += pieces[i].len;
    }
    int file = must_open(f, "a", PDK_VFS_CREATE);
    assert_int_equal(f->vfs->pwrite(NULL, file, pieces, PIECES, 10, &f->why), PDK_OK);
    assert_int_equal(size_of(f, file), 10 + (int64_t)len);
    assert_int_equal(f->vfs->pread(NULL, file, got, sizeof got, 10, &n, &f->why), PDK_OK);
    assert_int_equal(n, len);
    assert_memory_equal(got, want, len);
    assert_int_equal(f->vfs->pread(NULL, file, got, sizeof got, 100000, &n, &f->why), PDK_OK);
    assert_int_equal(n, 0);
    f->vfs->close(NULL, file);
    file = must_open(f, "a", PDK_VFS_READ);
    assert_int_equal(f->vfs->pwrite(NULL, file, pieces, PIECES, 0, &f->why), PDK_EIO);
    assert_string_equal(f->why.text, "Bad file descriptor");
    f->vfs->close(NULL, file);
}

static void space_is_reserved_with_or_without_size(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    int file = must_open(f, "a", PDK_VFS_CREATE);
    enum pdk_err err = f->vfs->reserve(NULL, file, 0, 1 << 20, true, &f->why);
    if (err == PDK_EINVAL) { /* a filesystem without fallocate: said so, and nothing changed */
        assert_int_equal(size_of(f, file), 0);
        f->vfs->close(NULL, file);
        skip();
    }
    assert_int_equal(err, PDK_OK);
    assert_int_equal(size_of(f, file), 0);
    assert_int_equal(fstat(file, &st), 0);
    assert_true(st.st_blocks * 512 >= 1 << 20);
    assert_int_equal(f->vfs->reserve(NULL, file, 0, 4096, false, &f->why), PDK_OK);
    assert_int_equal(size_of(f, file), 4096);
    /* Growing keeps what is reserved behind the end. */
    assert_int_equal(f->vfs->truncate(NULL, file, 8192, &f->why), PDK_OK);
    assert_int_equal(fstat(file, &st), 0);
    assert_true(st.st_blocks * 512 >= 1 << 20);
    assert_int_equal(f->vfs->truncate(NULL, file, 100, &f->why), PDK_OK);
    assert_int_equal(fstat(file, &st), 0);
    assert_true(st.st_blocks * 512 < 1 << 20);
    /* More than any disk has. */
    assert_int_equal(f->vfs->reserve(NULL, file, 0, INT64_C(1) << 60, true, &f->why), PDK_ENOSPC);
    assert_string_equal(f->why.text, "No space left on device");
    f->vfs->writeback(NULL, file, 0, 100);
    assert_int_equal(f->vfs->datasync(NULL, file, &f->why), PDK_OK);
    assert_int_equal(f->vfs->sync(NULL, file, &f->why), PDK_OK);
    f->vfs->close(NULL, file);
}

static void a_lock_has_one_holder(void **state)
{
    struct fixture *f = *state;
    int first, second;
    assert_int_equal(f->vfs->lock(NULL, path(f, "lock"), &first, &f->why), PDK_OK);
    assert_int_equal(f->vfs->lock(NULL, path(f, "lock"), &second, &f->why), PDK_EBUSY);
    f->vfs->close(NULL, first);
    assert_int_equal(f->vfs->lock(NULL, path(f, "lock"), &second, &f->why), PDK_OK);
    f->vfs->close(NULL, second);
}

struct seen {
    int files, folders;
    int64_t bytes;
};

static void see(void *ctx, const struct pdk_vfs_entry *e)
{
    struct seen *s = ctx;
    if (e->is_dir)
        s->folders++;
    else
        s->files++;
    if (!e->is_dir) s->bytes += e->size_bytes;
}

static void names_can_be_made_moved_listed_and_removed(void **state)
{
    struct fixture *f = *state;
    bool same;
    struct seen seen = {0};
    assert_int_equal(f->vfs->mkdir(NULL, path(f, "d"), &f->why), PDK_OK);
    assert_int_equal(f->vfs->mkdir(NULL, path(f, "d"), &f->why), PDK_EEXIST);
    assert_int_equal(f->vfs->mkdir(NULL, path(f, "e/f"), &f->why), PDK_ENOENT);
    int file = must_open(f, "a", PDK_VFS_CREATE);
    must_write(f, file, "hello", 0);
    f->vfs->close(NULL, file);
    assert_int_equal(f->vfs->rename(NULL, path(f, "a"), path(f, "b"), &f->why), PDK_OK);
    assert_int_equal(f->vfs->rename(NULL, path(f, "a"), path(f, "b"), &f->why), PDK_ENOENT);
    assert_int_equal(f->vfs->list(NULL, f->folder, see, &seen, &f->why), PDK_OK);
    assert_int_equal(seen.files, 1);
    assert_int_equal(seen.folders, 1);
    assert_int_equal(seen.bytes, 5);
    assert_int_equal(f->vfs->list(NULL, path(f, "none"), see, &seen, &f->why), PDK_ENOENT);
    assert_int_equal(f->vfs->sync_dir(NULL, f->folder, &f->why), PDK_OK);
    assert_int_equal(f->vfs->same(NULL, path(f, "d"), path(f, "./d/"), &same, &f->why), PDK_OK);
    assert_true(same);
    assert_int_equal(f->vfs->same(NULL, path(f, "d"), f->folder, &same, &f->why), PDK_OK);
    assert_false(same);
    assert_int_equal(f->vfs->unlink(NULL, path(f, "b"), &f->why), PDK_OK);
    assert_int_equal(f->vfs->unlink(NULL, path(f, "b"), &f->why), PDK_ENOENT);
}

/* The whole store on a real disk: what the crash disk cannot know is whether its model fits. */
static void a_store_lives_on_it(void **state)
{
    struct fixture *f = *state;
    struct pdk_store_config config = pdk_storebox_config();
    struct pdk_storebox box;
    struct pdk_diag diag;
    config.data_dir = path(f, "data/deep");
    config.log_dir = path(f, "logs");
    config.prealloc_kb = 1024;
    pdk_storebox_init(&box, f->vfs, &config);
    uint64_t digest = 0;
    for (int life = 0; life < 4; life++) {
        if (pdk_storebox_open(&box, &diag) != PDK_OK) fail_msg("%s", diag.text);
        assert_int_equal(box.recovery.last_zxid, life * 300);
        if (life > 0) assert_int_equal(pdk_storebox_digest(&box), digest);
        assert_int_equal(pdk_store_reserve(box.store, &diag), PDK_OK);
        for (int i = 0; i < 100; i++) {
            for (int k = 0; k < 3; k++) pdk_storebox_write(&box, 500);
            assert_int_equal(pdk_storebox_append(&box, &diag), PDK_OK);
            assert_int_equal(pdk_store_sync(box.store, &diag), PDK_OK);
            assert_int_equal(pdk_store_reserve(box.store, &diag), PDK_OK);
        }
        digest = pdk_storebox_digest(&box);
        if (life == 2) {
            pdk_store_roll(box.store);
            if (pdk_storebox_snapshot(&box, &diag) != PDK_OK) fail_msg("%s", diag.text);
        }
        pdk_storebox_close(&box);
    }
    pdk_storebox_deinit(&box);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_are_opened_as_asked),
        TEST(many_pieces_are_written_as_one),
        TEST(space_is_reserved_with_or_without_size),
        TEST(a_lock_has_one_holder),
        TEST(names_can_be_made_moved_listed_and_removed),
        TEST(a_store_lives_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
