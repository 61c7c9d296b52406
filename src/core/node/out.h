/* core/node/out.h - the list of effects that a node's steps leave.  (pure)
 *
 * Bytes and lists of connections live in two growing buffers; effects remember offsets until they
 * are taken, so that the buffers may move.  Consecutive frames to one connection become one
 * effect. */
#ifndef PDK_CORE_NODE_OUT_H
#define PDK_CORE_NODE_OUT_H

#include "core/node/node.h"

struct pdk_out {
    const struct pdk_mem *mem;
    struct pdk_buf bytes;
    struct pdk_effect *effects;
    size_t *offsets; /* of bytes, one per effect */
    size_t count, cap;
    uint32_t *conns; /* connections or links */
    size_t conn_count, conn_cap;
    struct pdk_address *addresses; /* of LINK_DIAL; hosts lie in `bytes` */
    size_t *hosts;                 /* their offsets */
    size_t address_count, address_cap;
};

void pdk_out_init(struct pdk_out *o, const struct pdk_mem *mem);
void pdk_out_deinit(struct pdk_out *o);
void pdk_out_clear(struct pdk_out *o);
/* Turns offsets into pointers: good until the next put. */
const struct pdk_effect *pdk_out_take(struct pdk_out *o, size_t *count);

/* Where the next frame's bytes go: put them into o->bytes, then call _sent with the mark. */
static inline size_t pdk_out_mark(const struct pdk_out *o) { return o->bytes.len; }
/* The bytes since `mark` are whole frames to `conn`. */
void pdk_out_sent(struct pdk_out *o, uint32_t conn, size_t mark);
/* The bytes since `mark` are whole frames to each of `conns`. */
void pdk_out_sent_many(struct pdk_out *o, const uint32_t *conns, size_t count, size_t mark);
/* CLOSE, PAUSE, RESUME (conn), ROLL. */
void pdk_out_signal(struct pdk_out *o, enum pdk_effect_kind kind, uint32_t conn);
/* Records framed back to back join the piece before them when they lie behind it in memory. */
void pdk_out_append(struct pdk_out *o, uint8_t *bytes, size_t len, pdk_zxid zxid);
void pdk_out_snapshot(struct pdk_out *o, struct pdk_snapshot_job *job);
/* The bytes since `mark` go to each of `links`; they join the effect before them when the links are
 * the same. */
void pdk_out_link_sent(struct pdk_out *o, const uint32_t *links, size_t count, size_t mark);
void pdk_out_dial(struct pdk_out *o, uint32_t link, const struct pdk_address *addresses,
                  size_t count);
/* Any other, to be filled by the caller at once; `bytes` are added with _add_bytes. */
struct pdk_effect *pdk_out_add(struct pdk_out *o, enum pdk_effect_kind kind);
struct pdk_effect *pdk_out_add_bytes(struct pdk_out *o, enum pdk_effect_kind kind, size_t mark);
/* The bytes since `mark` are a line for the operator (pdk_put_text writes them). */
void pdk_out_logged(struct pdk_out *o, enum pdk_log_level level, size_t mark);

#endif
