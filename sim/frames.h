/* sim/frames.h - request frames for tests, and a look into answers.
 *
 * Each `pdk_frame_*` appends one frame's body (no length) to an emptied buffer and returns it. */
#ifndef PDK_SIM_FRAMES_H
#define PDK_SIM_FRAMES_H

#include "base/buf.h"
#include "jute/records.h"

struct pdk_slice pdk_frame_connect(struct pdk_buf *b, pdk_session session, int32_t timeout_ms,
                                   pdk_zxid last_zxid);
/* Header and nothing else: ping, closeSession, whoAmI. */
struct pdk_slice pdk_frame_bare(struct pdk_buf *b, int32_t xid, int32_t op);
/* A path and a watch flag: exists, getData, getChildren, getChildren2. */
struct pdk_slice pdk_frame_read(struct pdk_buf *b, int32_t xid, int32_t op, const char *path,
                                bool watch);
/* A path and nothing else: sync, getACL. */
struct pdk_slice pdk_frame_path(struct pdk_buf *b, int32_t xid, int32_t op, const char *path);
/* With the open ACL {31, world, anyone}. */
struct pdk_slice pdk_frame_create(struct pdk_buf *b, int32_t xid, int32_t op, const char *path,
                                  const char *data, int32_t flags);
struct pdk_slice pdk_frame_create_acl(struct pdk_buf *b, int32_t xid, const char *path,
                                      const char *data, int32_t flags, int32_t perms,
                                      const char *scheme, const char *id);
struct pdk_slice pdk_frame_delete(struct pdk_buf *b, int32_t xid, const char *path,
                                  int32_t version);
struct pdk_slice pdk_frame_set(struct pdk_buf *b, int32_t xid, const char *path, const char *data,
                               int32_t version);
struct pdk_slice pdk_frame_auth(struct pdk_buf *b, const char *scheme, const char *auth);

/* An answer taken apart: header, and the body behind it. */
struct pdk_frame_answer {
    struct pdk_reply_header header;
    struct pdk_slice body;
};
/* Stops the test when the frame has no whole header. */
struct pdk_frame_answer pdk_frame_answer_of(struct pdk_slice frame);

#endif
