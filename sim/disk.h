/* sim/disk.h - a disk in memory that can lose power at every call (core/store/vfs.h).
 *
 * Two images: what a process sees, and what is durable.  Between them, per file, the writes since
 * its last sync, and per name, the inodes it has named since its folder's last sync.  A crash
 * decides for each unsynced write whether it is kept, lost, torn at sector borders or scrambled, in
 * no order, and for each name which of its values since the sync stays (but a renamed file keeps
 * its old name, its new one or both).  All choices come from the seed.
 *
 * What must be survived (and so is done): everything above, short reads, EIO and ENOSPC at any
 * call, a full disk.  What is not asked: a sync that lies, bytes synced before that a later write
 * to the same sector destroys.  Bit rot is the test's own doing (pdk_disk_rot).
 *
 * Threads: one. */
#ifndef PDK_SIM_DISK_H
#define PDK_SIM_DISK_H

#include "base/mem.h"
#include "core/store/vfs.h"

struct pdk_disk;

struct pdk_disk *pdk_disk_create(const struct pdk_mem *mem, uint64_t seed);
void pdk_disk_destroy(struct pdk_disk *disk);
/* The folder "/" exists.  Good as long as the disk. */
const struct pdk_vfs *pdk_disk_vfs(struct pdk_disk *disk);

/* ---- faults ---------------------------------------------------------------------------------- */
/* Calls made so far (close and writeback are not counted). */
uint64_t pdk_disk_calls(const struct pdk_disk *disk);
/* That call, counted as above from 0, fails with `err`; a write may have written a part. */
void pdk_disk_fail_call(struct pdk_disk *disk, uint64_t call, enum pdk_err err);
/* From that call on, nothing works any more; a write may still have got a part through.  Then
 * pdk_disk_crash. */
void pdk_disk_stop_at(struct pdk_disk *disk, uint64_t call);
bool pdk_disk_stopped(const struct pdk_disk *disk);
/* What was to fail or stop later will not. */
void pdk_disk_heal(struct pdk_disk *disk);
/* 0: no limit.  Counted in blocks of 4 KiB taken by files. */
void pdk_disk_set_capacity(struct pdk_disk *disk, int64_t bytes);
/* A filesystem without fallocate. */
void pdk_disk_set_reserve(struct pdk_disk *disk, bool possible);
void pdk_disk_set_short_reads(struct pdk_disk *disk, bool on);

/* The power fails: all files are closed, locks are gone, unsynced things as described above. */
void pdk_disk_crash(struct pdk_disk *disk);
/* The process dies: all files are closed, locks are gone, nothing is lost. */
void pdk_disk_kill(struct pdk_disk *disk);

/* ---- for tests: uncounted, unfailing --------------------------------------------------------- */
/* A file's contents, good until it next changes; a null slice when it is missing. */
struct pdk_slice pdk_disk_contents(struct pdk_disk *disk, const char *path);
/* Makes or replaces a file, durably. */
void pdk_disk_put(struct pdk_disk *disk, const char *path, struct pdk_slice bytes);
void pdk_disk_remove(struct pdk_disk *disk, const char *path);
/* Makes a folder durably. */
void pdk_disk_put_dir(struct pdk_disk *disk, const char *path);
/* Flips bits of one byte, in both images. */
void pdk_disk_rot(struct pdk_disk *disk, const char *path, int64_t offset, uint8_t mask);
/* The name of the index-th file below `folder`; NULL behind the last. */
const char *pdk_disk_name(struct pdk_disk *disk, const char *folder, size_t index);

#endif
