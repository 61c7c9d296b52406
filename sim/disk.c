#include "sim/disk.h"

#include "base/prng.h"

#include <stdio.h>
#include <string.h>

#define SECTOR_BYTES 512
#define BLOCK_BYTES 4096
#define PATH_BYTES 512

/* Instead of an inode's index: */
#define NO_INODE (-1)
#define A_FOLDER (-2)

struct bytes {
    uint8_t *at;
    size_t len, cap;
};

/* A change to a file's contents since its last sync. */
struct change {
    bool is_size; /* truncate or reserve: the size becomes `offset`; else a write */
    size_t offset;
    struct bytes data;
};

struct inode {
    struct bytes now, durable;
    struct change *changes;
    size_t change_count, change_cap;
    bool *blocks; /* taken from the disk */
    size_t block_count;
    bool locked;
};

struct name {
    char path[PATH_BYTES];
    int now, durable;
    int *since; /* every value since the folder's last sync */
    size_t since_count, since_cap;
    size_t kept; /* in a crash: how many of these values came to pass; 0: none */
};

/* What a crash may not tear apart: when the file has lost its old name it has the new one. */
struct renamed {
    size_t from, to;           /* names */
    size_t from_kept, to_kept; /* with this rename, so many of their values had come to pass */
};

struct handle {
    int inode; /* NO_INODE: free */
    bool writable, holds_lock;
};

struct pdk_disk {
    const struct pdk_mem *mem;
    struct pdk_vfs vfs;
    struct pdk_prng prng;
    struct inode *inodes;
    size_t inode_count, inode_cap;
    struct name *names;
    size_t name_count, name_cap;
    struct renamed *renames; /* not yet synced */
    size_t rename_count, rename_cap;
    struct handle *handles;
    size_t handle_count, handle_cap;
    uint64_t calls, fail_call, stop_at;
    enum pdk_err fail_err;
    bool stopped, short_reads, no_reserve;
    int64_t capacity;
};

/* ---- small things ---------------------------------------------------------------------------- */

static void *grow(struct pdk_disk *d, void *items, size_t *cap, size_t count, size_t item_bytes)
{
    if (count < *cap) return items;
    *cap = *cap == 0 ? 8 : *cap * 2;
    return pdk_mem_must_resize(d->mem, items, *cap * item_bytes);
}

static void bytes_resize(struct pdk_disk *d, struct bytes *b, size_t len)
{
    if (len > b->cap) {
        b->cap = pdk_max_size(len, b->cap * 2);
        b->at = pdk_mem_must_resize(d->mem, b->at, b->cap);
    }
    if (len > b->len) memset(b->at + b->len, 0, len - b->len);
    b->len = len;
}

static void bytes_write(struct pdk_disk *d, struct bytes *b, size_t offset, const uint8_t *from,
                        size_t len)
{
    if (len == 0) return;
    if (offset + len > b->len) bytes_resize(d, b, offset + len);
    memcpy(b->at + offset, from, len);
}

static bool chance(struct pdk_disk *d, uint64_t in) { return pdk_prng_below(&d->prng, in) == 0; }

/* "a//b/./c/" and "a/b/c" are one. */
static void normal(const char *path, char out[PATH_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; path[i] != '\0' && len + 1 < PATH_BYTES;) {
        if (path[i] == '/' && (path[i + 1] == '/' || path[i + 1] == '\0')) {
            if (path[i + 1] == '\0' && len == 0) out[len++] = '/';
            i++;
        } else if (path[i] == '/' && path[i + 1] == '.' &&
                   (path[i + 2] == '/' || path[i + 2] == '\0')) {
            i += 2;
        } else {
            out[len++] = path[i++];
        }
    }
    if (len == 0) out[len++] = '/';
    out[len] = '\0';
}

static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
}

static bool is_child(const char *path, const char *folder)
{
    size_t len = parent_len(path);
    return strcmp(path, folder) != 0 && len == strlen(folder) && strncmp(path, folder, len) == 0;
}

static struct name *find(struct pdk_disk *d, const char *path)
{
    char n[PATH_BYTES];
    normal(path, n);
    for (size_t i = 0; i < d->name_count; i++) {
        if (strcmp(d->names[i].path, n) == 0) return &d->names[i];
    }
    return NULL;
}

static int lookup(struct pdk_disk *d, const char *path)
{
    const struct name *n = find(d, path);
    return n == NULL ? NO_INODE : n->now;
}

static bool parent_exists(struct pdk_disk *d, const char *path)
{
    char n[PATH_BYTES];
    normal(path, n);
    n[parent_len(n)] = '\0';
    return lookup(d, n) == A_FOLDER;
}

static void set_name(struct pdk_disk *d, const char *path, int inode)
{
    struct name *n = find(d, path);
    if (n == NULL) {
        d->names = grow(d, d->names, &d->name_cap, d->name_count, sizeof *d->names);
        n = &d->names[d->name_count++];
        *n = (struct name){.durable = NO_INODE};
        normal(path, n->path);
    }
    n->now = inode;
    n->since = grow(d, n->since, &n->since_cap, n->since_count, sizeof *n->since);
    n->since[n->since_count++] = inode;
}

static int new_inode(struct pdk_disk *d)
{
    d->inodes = grow(d, d->inodes, &d->inode_cap, d->inode_count, sizeof *d->inodes);
    d->inodes[d->inode_count] = (struct inode){0};
    return (int)d->inode_count++;
}

static void forget_changes(struct pdk_disk *d, struct inode *ino)
{
    for (size_t i = 0; i < ino->change_count; i++) pdk_mem_free(d->mem, ino->changes[i].data.at);
    ino->change_count = 0;
}

static void add_change(struct pdk_disk *d, struct inode *ino, bool is_size, size_t offset,
                       const uint8_t *from, size_t len)
{
    ino->changes = grow(d, ino->changes, &ino->change_cap, ino->change_count, sizeof *ino->changes);
    struct change *c = &ino->changes[ino->change_count++];
    *c = (struct change){.is_size = is_size, .offset = offset};
    bytes_write(d, &c->data, 0, from, len);
}

static void make_durable(struct pdk_disk *d, struct inode *ino)
{
    for (size_t i = 0; i < ino->change_count; i++) {
        const struct change *c = &ino->changes[i];
        if (c->is_size)
            bytes_resize(d, &ino->durable, c->offset);
        else
            bytes_write(d, &ino->durable, c->offset, c->data.at, c->data.len);
    }
    PDK_ASSERT(ino->durable.len == ino->now.len);
    forget_changes(d, ino);
}

/* ---- space ----------------------------------------------------------------------------------- */

static bool in_use(const struct pdk_disk *d, int inode)
{
    for (size_t i = 0; i < d->name_count; i++) {
        if (d->names[i].now == inode) return true;
    }
    for (size_t i = 0; i < d->handle_count; i++) {
        if (d->handles[i].inode == inode) return true;
    }
    return false;
}

static int64_t used_bytes(const struct pdk_disk *d)
{
    int64_t used = 0;
    for (size_t i = 0; i < d->inode_count; i++) {
        if (!in_use(d, (int)i)) continue;
        for (size_t b = 0; b < d->inodes[i].block_count; b++) used += d->inodes[i].blocks[b];
    }
    return used * BLOCK_BYTES;
}

/* Takes the blocks of [from, to), all or (on a full disk) none. */
static bool take_blocks(struct pdk_disk *d, struct inode *ino, size_t from, size_t to)
{
    if (from >= to) return true;
    size_t first = from / BLOCK_BYTES, last = (to - 1) / BLOCK_BYTES;
    if (last >= ino->block_count) {
        ino->blocks = pdk_mem_must_resize(d->mem, ino->blocks, last + 1);
        memset(ino->blocks + ino->block_count, 0, last + 1 - ino->block_count);
        ino->block_count = last + 1;
    }
    int64_t want = 0;
    for (size_t b = first; b <= last; b++) want += !ino->blocks[b];
    if (want > 0 && d->capacity > 0 && used_bytes(d) + want * BLOCK_BYTES > d->capacity)
        return false;
    memset(ino->blocks + first, true, last + 1 - first);
    return true;
}

static void give_blocks_above(struct inode *ino, size_t size)
{
    for (size_t b = (size + BLOCK_BYTES - 1) / BLOCK_BYTES; b < ino->block_count; b++)
        ino->blocks[b] = false;
}

/* ---- the vfs --------------------------------------------------------------------------------- */

static enum pdk_err say(enum pdk_err err, struct pdk_vfs_why *why)
{
    if (why != NULL) (void)snprintf(why->text, sizeof why->text, "%s", pdk_err_name(err));
    return err;
}

/* Every counted call begins here; what it returns, the call returns unless it is PDK_OK. */
static enum pdk_err begin(struct pdk_disk *d, struct pdk_vfs_why *why)
{
    uint64_t call = d->calls++;
    if (call >= d->stop_at) d->stopped = true;
    if (d->stopped) return say(PDK_EIO, why);
    return call == d->fail_call ? say(d->fail_err, why) : PDK_OK;
}

static struct inode *inode_of(struct pdk_disk *d, int file)
{
    PDK_ASSERT(file >= 0 && (size_t)file < d->handle_count);
    PDK_ASSERT(d->handles[file].inode >= 0);
    return &d->inodes[d->handles[file].inode];
}

static int new_handle(struct pdk_disk *d, int inode, bool writable)
{
    size_t i = 0;
    while (i < d->handle_count && d->handles[i].inode != NO_INODE) i++;
    if (i == d->handle_count) {
        d->handles = grow(d, d->handles, &d->handle_cap, d->handle_count, sizeof *d->handles);
        d->handle_count++;
    }
    d->handles[i] = (struct handle){.inode = inode, .writable = writable};
    return (int)i;
}

static void cut(struct pdk_disk *d, struct inode *ino, size_t size)
{
    /* What was reserved beyond the end goes when a file is cut, and stays when it grows, as on
     * Linux. */
    if (size <= ino->now.len) give_blocks_above(ino, size);
    bytes_resize(d, &ino->now, size);
    add_change(d, ino, true, size, NULL, 0);
}

static enum pdk_err disk_open(void *ctx, const char *path, enum pdk_vfs_open how, int *file,
                              struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    int inode = lookup(d, path);
    if (inode == A_FOLDER) return say(PDK_EIO, why);
    if (inode == NO_INODE) {
        if (how != PDK_VFS_CREATE || !parent_exists(d, path)) return say(PDK_ENOENT, why);
        inode = new_inode(d);
        set_name(d, path, inode);
    } else if (how == PDK_VFS_CREATE && d->inodes[inode].now.len > 0) {
        cut(d, &d->inodes[inode], 0);
    }
    *file = new_handle(d, inode, how != PDK_VFS_READ);
    return PDK_OK;
}

static void disk_close(void *ctx, int file)
{
    struct pdk_disk *d = ctx;
    struct inode *ino = inode_of(d, file);
    if (d->handles[file].holds_lock) ino->locked = false;
    d->handles[file] = (struct handle){.inode = NO_INODE};
}

static enum pdk_err disk_pread(void *ctx, int file, void *bytes, size_t len, int64_t offset,
                               size_t *got, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    *got = 0;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    const struct inode *ino = inode_of(d, file);
    if (offset < 0 || (uint64_t)offset >= ino->now.len) return PDK_OK;
    *got = pdk_min_size(len, ino->now.len - (size_t)offset);
    if (d->short_reads && *got > 1) *got = 1 + (size_t)pdk_prng_below(&d->prng, *got);
    memcpy(bytes, ino->now.at + offset, *got);
    return PDK_OK;
}

static enum pdk_err write_some(struct pdk_disk *d, struct inode *ino, size_t offset,
                               const uint8_t *from, size_t len)
{
    if (len == 0) return PDK_OK;
    if (!take_blocks(d, ino, offset, offset + len)) return PDK_ENOSPC;
    bytes_write(d, &ino->now, offset, from, len);
    add_change(d, ino, false, offset, from, len);
    return PDK_OK;
}

static enum pdk_err disk_pwrite(void *ctx, int file, const struct pdk_vfs_piece *pieces,
                                size_t count, int64_t offset, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    bool was_stopped = d->stopped;
    enum pdk_err fault = begin(d, why);
    struct inode *ino = inode_of(d, file);
    PDK_ASSERT(d->handles[file].writable && offset >= 0);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += pieces[i].len;
    size_t allowed = total;
    if (fault != PDK_OK) allowed = was_stopped ? 0 : (size_t)pdk_prng_below(&d->prng, total + 1);
    for (size_t i = 0, at = (size_t)offset; i < count && allowed > 0; i++) {
        size_t now = pdk_min_size(allowed, pieces[i].len);
        enum pdk_err err = write_some(d, ino, at, pieces[i].bytes, now);
        if (err != PDK_OK) return say(fault != PDK_OK ? fault : err, why);
        at += now;
        allowed -= now;
    }
    return fault;
}

static enum pdk_err disk_size(void *ctx, int file, int64_t *size_bytes, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    *size_bytes = (int64_t)inode_of(d, file)->now.len;
    return err;
}

static enum pdk_err disk_truncate(void *ctx, int file, int64_t size_bytes, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err == PDK_OK) cut(d, inode_of(d, file), (size_t)size_bytes);
    return err;
}

static enum pdk_err disk_reserve(void *ctx, int file, int64_t offset, int64_t len, bool keep_size,
                                 struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    if (d->no_reserve) return say(PDK_EINVAL, why);
    struct inode *ino = inode_of(d, file);
    size_t end = (size_t)(offset + len);
    if (!take_blocks(d, ino, (size_t)offset, end)) return say(PDK_ENOSPC, why);
    if (!keep_size && end > ino->now.len) {
        bytes_resize(d, &ino->now, end);
        add_change(d, ino, true, end, NULL, 0);
    }
    return PDK_OK;
}

static enum pdk_err disk_sync(void *ctx, int file, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err == PDK_OK) make_durable(d, inode_of(d, file));
    return err;
}

/* Hints promise nothing, so this one does nothing. */
static void disk_writeback(void *ctx, int file, int64_t offset, int64_t len)
{
    (void)ctx, (void)file, (void)offset, (void)len;
}

static enum pdk_err disk_lock(void *ctx, const char *path, int *file, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    int inode = lookup(d, path);
    if (inode == NO_INODE) {
        if (!parent_exists(d, path)) return say(PDK_ENOENT, why);
        inode = new_inode(d);
        set_name(d, path, inode);
    }
    if (d->inodes[inode].locked) return say(PDK_EBUSY, why);
    d->inodes[inode].locked = true;
    *file = new_handle(d, inode, true);
    d->handles[*file].holds_lock = true;
    return PDK_OK;
}

static enum pdk_err disk_rename(void *ctx, const char *from, const char *to,
                                struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    int inode = lookup(d, from);
    if (inode == NO_INODE || !parent_exists(d, to)) return say(PDK_ENOENT, why);
    PDK_ASSERT(inode != A_FOLDER);
    if (lookup(d, to) == inode) return PDK_OK; /* two names of one file: nothing happens */
    set_name(d, to, inode);
    set_name(d, from, NO_INODE);
    const struct name *f = find(d, from), *t = find(d, to);
    d->renames = grow(d, d->renames, &d->rename_cap, d->rename_count, sizeof *d->renames);
    d->renames[d->rename_count++] = (struct renamed){.from = (size_t)(f - d->names),
                                                     .to = (size_t)(t - d->names),
                                                     .from_kept = f->since_count,
                                                     .to_kept = t->since_count};
    return PDK_OK;
}

static enum pdk_err disk_unlink(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    int inode = lookup(d, path);
    if (inode < 0) return say(inode == NO_INODE ? PDK_ENOENT : PDK_EIO, why);
    set_name(d, path, NO_INODE);
    return PDK_OK;
}

static enum pdk_err disk_mkdir(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    if (lookup(d, path) != NO_INODE) return say(PDK_EEXIST, why);
    if (!parent_exists(d, path)) return say(PDK_ENOENT, why);
    set_name(d, path, A_FOLDER);
    return PDK_OK;
}

static void settle_name(struct pdk_disk *d, struct name *n, int value)
{
    size_t index = (size_t)(n - d->names), left = 0;
    n->now = n->durable = value;
    n->since_count = 0;
    for (size_t i = 0; i < d->rename_count; i++) {
        const struct renamed *r = &d->renames[i];
        if (r->from != index && r->to != index) d->renames[left++] = *r;
    }
    d->rename_count = left;
}

static enum pdk_err disk_sync_dir(void *ctx, const char *path, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    char folder[PATH_BYTES];
    normal(path, folder);
    if (lookup(d, folder) != A_FOLDER) return say(PDK_ENOENT, why);
    for (size_t i = 0; i < d->name_count; i++) {
        if (is_child(d->names[i].path, folder)) settle_name(d, &d->names[i], d->names[i].now);
    }
    return PDK_OK;
}

static enum pdk_err disk_list(void *ctx, const char *path,
                              void (*each)(void *each_ctx, const struct pdk_vfs_entry *entry),
                              void *each_ctx, struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    char folder[PATH_BYTES];
    normal(path, folder);
    if (lookup(d, folder) != A_FOLDER) return say(PDK_ENOENT, why);
    /* From anywhere around: nobody may rely on an order. */
    size_t start = d->name_count == 0 ? 0 : (size_t)pdk_prng_below(&d->prng, d->name_count);
    for (size_t k = 0; k < d->name_count; k++) {
        const struct name *n = &d->names[(start + k) % d->name_count];
        if (n->now == NO_INODE || !is_child(n->path, folder)) continue;
        int64_t size = n->now >= 0 ? (int64_t)d->inodes[n->now].now.len : 0;
        each(each_ctx, &(struct pdk_vfs_entry){.name = strrchr(n->path, '/') + 1,
                                               .size_bytes = size,
                                               .is_dir = n->now == A_FOLDER});
    }
    return PDK_OK;
}

static enum pdk_err disk_same(void *ctx, const char *a, const char *b, bool *same,
                              struct pdk_vfs_why *why)
{
    struct pdk_disk *d = ctx;
    enum pdk_err err = begin(d, why);
    if (err != PDK_OK) return err;
    const struct name *na = find(d, a), *nb = find(d, b);
    if (na == NULL || nb == NULL) return say(PDK_ENOENT, why);
    *same = na == nb;
    return PDK_OK;
}

struct pdk_disk *pdk_disk_create(const struct pdk_mem *mem, uint64_t seed)
{
    struct pdk_disk *d = pdk_mem_must_zero(mem, 1, sizeof *d);
    d->mem = mem;
    d->fail_call = d->stop_at = UINT64_MAX;
    pdk_prng_init(&d->prng, seed);
    d->vfs = (struct pdk_vfs){
        .ctx = d,
        .open = disk_open,
        .close = disk_close,
        .pread = disk_pread,
        .pwrite = disk_pwrite,
        .size = disk_size,
        .truncate = disk_truncate,
        .reserve = disk_reserve,
        .datasync = disk_sync,
        .sync = disk_sync,
        .writeback = disk_writeback,
        .lock = disk_lock,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .mkdir = disk_mkdir,
        .sync_dir = disk_sync_dir,
        .list = disk_list,
        .same = disk_same,
    };
    pdk_disk_put_dir(d, "/");
    return d;
}

void pdk_disk_destroy(struct pdk_disk *d)
{
    const struct pdk_mem *mem = d->mem;
    for (size_t i = 0; i < d->inode_count; i++) {
        struct inode *ino = &d->inodes[i];
        forget_changes(d, ino);
        pdk_mem_free(mem, ino->changes);
        pdk_mem_free(mem, ino->now.at);
        pdk_mem_free(mem, ino->durable.at);
        pdk_mem_free(mem, ino->blocks);
    }
    for (size_t i = 0; i < d->name_count; i++) pdk_mem_free(mem, d->names[i].since);
    pdk_mem_free(mem, d->inodes);
    pdk_mem_free(mem, d->names);
    pdk_mem_free(mem, d->renames);
    pdk_mem_free(mem, d->handles);
    pdk_mem_free(mem, d);
}

const struct pdk_vfs *pdk_disk_vfs(struct pdk_disk *d) { return &d->vfs; }

/* ---- faults ---------------------------------------------------------------------------------- */

uint64_t pdk_disk_calls(const struct pdk_disk *d) { return d->calls; }

void pdk_disk_fail_call(struct pdk_disk *d, uint64_t call, enum pdk_err err)
{
    d->fail_call = call;
    d->fail_err = err;
}

void pdk_disk_stop_at(struct pdk_disk *d, uint64_t call) { d->stop_at = call; }
bool pdk_disk_stopped(const struct pdk_disk *d) { return d->stopped; }
void pdk_disk_heal(struct pdk_disk *d) { d->stop_at = d->fail_call = UINT64_MAX; }
void pdk_disk_set_capacity(struct pdk_disk *d, int64_t bytes) { d->capacity = bytes; }
void pdk_disk_set_reserve(struct pdk_disk *d, bool possible) { d->no_reserve = !possible; }
void pdk_disk_set_short_reads(struct pdk_disk *d, bool on) { d->short_reads = on; }

void pdk_disk_kill(struct pdk_disk *d)
{
    for (size_t i = 0; i < d->handle_count; i++) d->handles[i].inode = NO_INODE;
    for (size_t i = 0; i < d->inode_count; i++) d->inodes[i].locked = false;
    d->stopped = false;
    d->stop_at = d->fail_call = UINT64_MAX;
}

/* How this crash treats unsynced things: some crashes are all of one kind, most are mixed. */
struct fate {
    uint64_t keep, lose, tear, scramble; /* weights */
};

static struct fate draw_fate(struct pdk_disk *d)
{
    static const struct fate fates[] = {
        {1, 0, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 1, 1},
        {1, 0, 3, 0}, {0, 0, 1, 1}, {3, 1, 1, 0},
    };
    return fates[pdk_prng_below(&d->prng, PDK_COUNT_OF(fates))];
}

static void scramble(struct pdk_disk *d, struct bytes *b, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) b->at[i] = (uint8_t)pdk_prng_next(&d->prng);
}

/* Sector by sector: each arrives, does not, or (if `garbage`) arrives as anything. */
static void apply_torn(struct pdk_disk *d, struct bytes *to, const struct change *c, bool garbage)
{
    size_t end = c->offset + c->data.len;
    for (size_t at = c->offset; at < end;) {
        size_t sector_end = pdk_min_size(end, (at / SECTOR_BYTES + 1) * SECTOR_BYTES);
        uint64_t draw = pdk_prng_below(&d->prng, garbage ? 3 : 2);
        if (draw > 0) bytes_write(d, to, at, c->data.at + (at - c->offset), sector_end - at);
        if (draw == 2) scramble(d, to, at, sector_end);
        at = sector_end;
    }
}

static void crash_file(struct pdk_disk *d, struct inode *ino, const struct fate *fate)
{
    uint64_t sum = fate->keep + fate->lose + fate->tear + fate->scramble;
    for (size_t i = 0; i < ino->change_count; i++) {
        const struct change *c = &ino->changes[i];
        uint64_t draw = pdk_prng_below(&d->prng, sum);
        if (c->is_size) {
            if (draw < fate->keep || (draw >= fate->keep + fate->lose && chance(d, 2)))
                bytes_resize(d, &ino->durable, c->offset);
        } else if (draw < fate->keep) {
            bytes_write(d, &ino->durable, c->offset, c->data.at, c->data.len);
        } else if (draw >= fate->keep + fate->lose) {
            apply_torn(d, &ino->durable, c, draw >= fate->keep + fate->lose + fate->tear);
        }
    }
    forget_changes(d, ino);
    bytes_resize(d, &ino->now, 0);
    bytes_write(d, &ino->now, 0, ino->durable.at, ino->durable.len);
}

static void draw_name(struct pdk_disk *d, struct name *n, const struct fate *fate)
{
    n->kept = n->since_count;
    if (n->since_count == 0) return;
    bool lost = fate->keep == 0 || (fate->lose > 0 && chance(d, 2));
    bool partly = !lost && n->since_count > 1 && fate->lose > 0;
    if (lost) n->kept = 0;
    if (partly) n->kept = 1 + (size_t)pdk_prng_below(&d->prng, n->since_count);
}

static void crash_names(struct pdk_disk *d, const struct fate *fate)
{
    for (size_t i = 0; i < d->name_count; i++) draw_name(d, &d->names[i], fate);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < d->rename_count; i++) {
            const struct renamed *r = &d->renames[i];
            if (d->names[r->from].kept < r->from_kept || d->names[r->to].kept >= r->to_kept)
                continue;
            d->names[r->to].kept = r->to_kept;
            changed = true;
        }
    }
    for (size_t i = 0; i < d->name_count; i++) {
        struct name *n = &d->names[i];
        settle_name(d, n, n->kept == 0 ? n->durable : n->since[n->kept - 1]);
    }
}

void pdk_disk_crash(struct pdk_disk *d)
{
    pdk_disk_kill(d);
    struct fate fate = draw_fate(d);
    for (size_t i = 0; i < d->inode_count; i++) crash_file(d, &d->inodes[i], &fate);
    crash_names(d, &fate);
    /* What is below a folder that is gone is gone; parents have shorter names. */
    for (size_t pass = 0; pass < d->name_count; pass++) {
        bool changed = false;
        for (size_t i = 0; i < d->name_count; i++) {
            struct name *n = &d->names[i];
            if (n->now == NO_INODE || strcmp(n->path, "/") == 0 || parent_exists(d, n->path))
                continue;
            settle_name(d, n, NO_INODE);
            changed = true;
        }
        if (!changed) break;
    }
}

/* ---- for tests ------------------------------------------------------------------------------- */

struct pdk_slice pdk_disk_contents(struct pdk_disk *d, const char *path)
{
    int inode = lookup(d, path);
    if (inode < 0) return pdk_slice_null();
    return pdk_slice_of(d->inodes[inode].now.at, d->inodes[inode].now.len);
}

void pdk_disk_put(struct pdk_disk *d, const char *path, struct pdk_slice bytes)
{
    int inode = new_inode(d);
    struct inode *ino = &d->inodes[inode];
    PDK_ASSERT(write_some(d, ino, 0, bytes.bytes, bytes.len) == PDK_OK);
    make_durable(d, ino);
    set_name(d, path, inode);
    settle_name(d, find(d, path), inode);
}

void pdk_disk_remove(struct pdk_disk *d, const char *path)
{
    struct name *n = find(d, path);
    if (n != NULL) settle_name(d, n, NO_INODE);
}

void pdk_disk_put_dir(struct pdk_disk *d, const char *path)
{
    set_name(d, path, A_FOLDER);
    settle_name(d, find(d, path), A_FOLDER);
}

void pdk_disk_rot(struct pdk_disk *d, const char *path, int64_t offset, uint8_t mask)
{
    int inode = lookup(d, path);
    PDK_ASSERT(inode >= 0);
    struct inode *ino = &d->inodes[inode];
    if ((size_t)offset < ino->now.len) ino->now.at[offset] ^= mask;
    if ((size_t)offset < ino->durable.len) ino->durable.at[offset] ^= mask;
}

const char *pdk_disk_name(struct pdk_disk *d, const char *folder, size_t index)
{
    char f[PATH_BYTES];
    normal(folder, f);
    for (size_t i = 0; i < d->name_count; i++) {
        const struct name *n = &d->names[i];
        if (n->now >= 0 && is_child(n->path, f) && index-- == 0) return strrchr(n->path, '/') + 1;
    }
    return NULL;
}
