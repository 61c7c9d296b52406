/* core/zab/zab.h - what leader and learner want done: one list of effects for both.  (pure)
 *
 * Zab carries bytes with zxids; it knows no requests and no tree.  The node carries the effects out
 * in order, right after each call, before the next one.  Effects and what they point to are good
 * until the next call that is not `_effects`. */
#ifndef PDK_CORE_ZAB_ZAB_H
#define PDK_CORE_ZAB_ZAB_H

#include "base/base.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/quorum/quorum.h"
#include "core/zab/history.h"
#include "proto/qpacket.h"

enum pdk_zab_kind {
    /* ---- streams ---- */
    PDK_ZAB_SEND,  /* bytes to each of links[link_count]; merged where the links are the same */
    PDK_ZAB_CLOSE, /* link, behind what was sent; nobody speaks of it any more */
    PDK_ZAB_DIAL,  /* learner: connect to the leader; answered by _dialled */
    /* ---- bringing a learner up (leader) ---- */
    PDK_ZAB_FIND,        /* link, zxid: where is it in the log on the disk?  answered by _found */
    PDK_ZAB_STREAM_LOG,  /* link, zxid (after), until, is_observer: the node sends these from the
                          * disk, as PROPOSAL and COMMIT or as INFORM, before whatever is sent to
                          * the link from now on; answered by _streamed */
    PDK_ZAB_STREAM_VIEW, /* link: the same with the tree as it is now, behind a SNAP packet */
    /* ---- disk ---- */
    PDK_ZAB_STORE_ACCEPTED, /* epoch; answered by _stored */
    PDK_ZAB_STORE_CURRENT,  /* epoch, behind everything appended; answered by _stored */
    PDK_ZAB_APPEND,         /* learner: bytes (a transaction) of zxid, to history and log; answered
                             * by _durable */
    PDK_ZAB_TRUNCATE, /* learner: forget what is above zxid, load the tree; answered by _loaded */
    PDK_ZAB_SPOOL_BEGIN, /* learner: a snapshot of zxid comes: history is reset to it */
    PDK_ZAB_SPOOL_ADD,   /* bytes of its body */
    PDK_ZAB_SPOOL_END,   /* install it, load the tree; answered by _loaded */
    /* ---- the replicated state ---- */
    PDK_ZAB_COMMIT, /* everything in the history up to zxid is committed: apply */
    PDK_ZAB_SERVE,  /* broadcast has begun in `epoch`: serve clients */
    PDK_ZAB_LOST,   /* the role is over, why in bytes; destroy the machine and look again */
    /* ---- configs ---- */
    PDK_ZAB_CONFIG_SEEN,     /* members: proposed, not yet in force: becomes last-seen */
    PDK_ZAB_CONFIG_ACTIVATE, /* members: in force; sid: the leader that the reconfig names */
    /* ---- what Zab does not judge ---- */
    PDK_ZAB_PACKET,    /* packet from link (leader: of `sid`, is_observer): REQUEST, REVALIDATE,
                        * PING with touched sessions; learner: PING to be answered, REVALIDATE,
                        * SYNC */
    PDK_ZAB_CONFIRMED, /* leader: a quorum has answered round `round` of confirmations */
    PDK_ZAB_DEPARTED,  /* leader: this learner's link is gone (sessions that it owned) */
    PDK_ZAB_LOG,       /* level, bytes: a line for the operator */
};

struct pdk_zab_effect {
    enum pdk_zab_kind kind;
    uint32_t link;
    size_t link_count;
    const uint32_t *links;
    struct pdk_slice bytes;
    pdk_zxid zxid, until;
    int64_t epoch;
    pdk_sid sid;
    bool is_observer;
    uint64_t round;
    struct pdk_members *members; /* borrowed: hold it to keep it */
    struct pdk_qpacket packet;
    enum pdk_log_level level;
};

/* The list, as leader and learner keep it (effects.c). */
struct pdk_zab_out {
    const struct pdk_mem *mem;
    struct pdk_buf bytes;
    struct pdk_zab_effect *effects;
    size_t *offsets;
    size_t count, cap;
    size_t next; /* of those that pdk_zab_out_next has not given yet */
    uint32_t *links;
    size_t *link_offsets;
    size_t links_len, links_cap;
};
void pdk_zab_out_init(struct pdk_zab_out *o, const struct pdk_mem *mem);
void pdk_zab_out_deinit(struct pdk_zab_out *o);
void pdk_zab_out_clear(struct pdk_zab_out *o);
const struct pdk_zab_effect *pdk_zab_out_take(struct pdk_zab_out *o, size_t *count);
/* One after the other, while carrying one out may add others: the next effect, or false, and then
 * the list is empty.  What *e points to is good until something is added. */
bool pdk_zab_out_next(struct pdk_zab_out *o, struct pdk_zab_effect *e);
/* Where bytes begin: put them into o->bytes, then add the effect with the mark. */
static inline size_t pdk_zab_mark(const struct pdk_zab_out *o) { return o->bytes.len; }
/* Adds an effect without bytes, to be filled by the caller at once; its bytes may then be some that
 * the input brought. */
struct pdk_zab_effect *pdk_zab_add(struct pdk_zab_out *o, enum pdk_zab_kind kind);
/* The bytes since `mark` belong to it. */
struct pdk_zab_effect *pdk_zab_add_bytes(struct pdk_zab_out *o, enum pdk_zab_kind kind,
                                         size_t mark);
/* The bytes since `mark` go to these; joins the effect before it when the links are the same. */
void pdk_zab_send(struct pdk_zab_out *o, const uint32_t *links, size_t count, size_t mark);

/* What both sides are told about time and limits. */
struct pdk_zab_limits {
    int64_t tick_ms;
    int32_t init_limit, sync_limit; /* ticks */
    int32_t connect_limit;          /* connectToLearnerMasterLimit, ticks; 0: init_limit */
    size_t packet_field_bytes;      /* longest field of a packet that is believed */
    bool reconfig_enabled;
};

#endif
