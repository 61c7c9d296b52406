/* core/store/snapread.h - reads one snapshot's logical stream (disk-formats.md 3).
 *
 * Streaming: memory is bounded by the longest entry.  Every seal is checked; entries are handed
 * over before the seal behind them is reached, so the sink must be able to forget them (reset). */
#ifndef PDK_CORE_STORE_SNAPREAD_H
#define PDK_CORE_STORE_SNAPREAD_H

#include "core/store/window.h"
#include "core/tree/tree.h"

#define PDK_SNAPSHOT_MAGIC 0x5a4b534eu /* "ZKSN" */
#define PDK_SNAPSHOT_VERSION 2
#define PDK_SNAPSHOT_DBID INT64_C(-1)
#define PDK_SNAPSHOT_DIGEST_VERSION 2
#define PDK_SNAPSHOT_SEAL_BYTES 13

/* `max_entry_bytes`: longest path, data or ACL list that is believed.  Calls the sink's session,
 * acl and znode; not reset, not snapshot.  `info`: all but zxid and size_bytes are filled.
 * PDK_ECORRUPT: wrong, incomplete, or the sink said so; PDK_EIO, PDK_ENOMEM; other errors are the
 * sink's.  `diag` says what and at which offset of the (uncompressed) stream. */
PDK_WARN_UNUSED enum pdk_err pdk_snapshot_read(const struct pdk_mem *mem, struct pdk_source source,
                                               size_t max_entry_bytes,
                                               const struct pdk_recover_sink *sink,
                                               struct pdk_snapshot_info *info,
                                               struct pdk_diag *diag);

/* As above for a file of the folder: opens, decompresses by `name`, reads. PDK_EINVAL: compressed,
 * and there is no codec.  `sink` NULL: only checks. */
PDK_WARN_UNUSED enum pdk_err pdk_snapshot_read_file(const struct pdk_store_config *config,
                                                    const struct pdk_vfs *vfs, const char *folder,
                                                    const struct pdk_listed *item,
                                                    const struct pdk_recover_sink *sink,
                                                    struct pdk_snapshot_info *info,
                                                    struct pdk_diag *diag);

/* The cheap test of disk-formats.md 3.2: the end of a plain file, the magic of a compressed one. */
PDK_WARN_UNUSED enum pdk_err pdk_snapshot_looks_whole(const struct pdk_vfs *vfs, const char *folder,
                                                      const struct pdk_listed *item, bool *whole,
                                                      struct pdk_diag *diag);

#endif
