/* core/store/snapbody.h - the logical part of a snapshot: sessions | ACL table | znodes ... | "/".
 *
 * The same bytes stand in a file (snapwrite.c) and travel to a learner (snapstream.c). */
#ifndef PDK_CORE_STORE_SNAPBODY_H
#define PDK_CORE_STORE_SNAPBODY_H

#include "core/store/store.h"

struct pdk_snapbody_sink {
    void *ctx;
    void (*raw)(void *ctx, const uint8_t *bytes, size_t len);
    bool (*stopped)(void *ctx); /* asked for each znode: nothing more is wanted */
};
/* PDK_ENOMEM: a path did not fit into memory; the body is cut short, as it is when the sink has
 * stopped it. */
PDK_WARN_UNUSED enum pdk_err pdk_snapbody_put(const struct pdk_mem *mem,
                                              const struct pdk_snapshot_job *job,
                                              const struct pdk_snapbody_sink *sink);

#endif
