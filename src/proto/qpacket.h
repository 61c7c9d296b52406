/* proto/qpacket.h - packets between leader and learners (zab.md section 2).
 *
 * A packet has no outer length: int32 type | int64 zxid | buffer data | vector<Id> authinfo.
 * Threads: any. */
#ifndef PDK_PROTO_QPACKET_H
#define PDK_PROTO_QPACKET_H

#include "base/base.h"
#include "base/buf.h"
#include "jute/vec.h"

enum pdk_qtype {
    PDK_Q_REQUEST = 1,
    PDK_Q_PROPOSAL = 2,
    PDK_Q_ACK = 3,
    PDK_Q_COMMIT = 4,
    PDK_Q_PING = 5,
    PDK_Q_REVALIDATE = 6,
    PDK_Q_SYNC = 7,
    PDK_Q_INFORM = 8,
    PDK_Q_COMMIT_AND_ACTIVATE = 9,
    PDK_Q_NEWLEADER = 10,
    PDK_Q_FOLLOWERINFO = 11,
    PDK_Q_UPTODATE = 12,
    PDK_Q_DIFF = 13,
    PDK_Q_TRUNC = 14,
    PDK_Q_SNAP = 15,
    PDK_Q_OBSERVERINFO = 16,
    PDK_Q_LEADERINFO = 17,
    PDK_Q_ACKEPOCH = 18,
    PDK_Q_INFORM_AND_ACTIVATE = 19,
};
/* "PROPOSAL", or "?" */
const char *pdk_qtype_name(int32_t type);

struct pdk_qpacket {
    int32_t type;
    pdk_zxid zxid;
    struct pdk_slice data;   /* may be null; points into the input */
    struct pdk_vec authinfo; /* of Id; null but for REQUEST */
};

/* What stands at the beginning of a stream's unread bytes. */
enum pdk_qfound {
    PDK_QFOUND_PACKET, /* *out is filled, *used bytes are its */
    PDK_QFOUND_MORE,   /* no whole packet yet */
    PDK_QFOUND_BROKEN, /* no packet can begin so: close */
};
/* `max_field_bytes`: longest data, and longest authinfo as a whole, that is believed (zab.md
 * section 1).  At most 1024 identities.  Never reads beyond `bytes`; PDK_QFOUND_MORE is told for
 * lengths within limits, so a packet has at most 20 bytes more than twice `max_field_bytes`. */
#define PDK_QPACKET_IDS_MAX 1024
enum pdk_qfound pdk_qpacket_read(struct pdk_slice bytes, size_t max_field_bytes,
                                 struct pdk_qpacket *out, size_t *used);

/* A packet without authinfo; `data` may be null. */
void pdk_put_qpacket(struct pdk_buf *b, enum pdk_qtype type, pdk_zxid zxid, struct pdk_slice data);
/* Any packet, its authinfo as it is: REQUEST. */
void pdk_put_qpacket_whole(struct pdk_buf *b, const struct pdk_qpacket *packet);

/* LearnerInfo: int64 sid | int32 protocol | int64 config version.  Shorter ones are older peers':
 * what is absent is said so.  Ours carries 4 more bytes that Apache passes over: "PDK1", which says
 * that the peer can follow a change of epoch without a new connection. */
#define PDK_LEARNER_PROTOCOL 0x10000
struct pdk_learner_info {
    bool has_sid, has_config_version, is_paddock;
    int64_t sid, config_version;
    int32_t protocol; /* 1 when absent */
};
/* As much as `info` says that it has; without a sid nothing. */
void pdk_put_learner_info(struct pdk_buf *b, const struct pdk_learner_info *info);
struct pdk_learner_info pdk_learner_info_of(struct pdk_slice data);

/* LEADERINFO's data: int32 protocol, and the same 4 bytes behind it from one of ours. */
struct pdk_leader_info {
    int32_t protocol; /* 1 when absent */
    bool is_paddock;
};
void pdk_put_leader_info(struct pdk_buf *b, const struct pdk_leader_info *info);
struct pdk_leader_info pdk_leader_info_of(struct pdk_slice data);

#endif
