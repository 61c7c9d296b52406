#include "proto/qpacket.h"

#include "base/reader.h"

const char *pdk_qtype_name(int32_t type)
{
    switch (type) {
    case PDK_Q_REQUEST: return "REQUEST";
    case PDK_Q_PROPOSAL: return "PROPOSAL";
    case PDK_Q_ACK: return "ACK";
    case PDK_Q_COMMIT: return "COMMIT";
    case PDK_Q_PING: return "PING";
    case PDK_Q_REVALIDATE: return "REVALIDATE";
    case PDK_Q_SYNC: return "SYNC";
    case PDK_Q_INFORM: return "INFORM";
    case PDK_Q_COMMIT_AND_ACTIVATE: return "COMMITANDACTIVATE";
    case PDK_Q_NEWLEADER: return "NEWLEADER";
    case PDK_Q_FOLLOWERINFO: return "FOLLOWERINFO";
    case PDK_Q_UPTODATE: return "UPTODATE";
    case PDK_Q_DIFF: return "DIFF";
    case PDK_Q_TRUNC: return "TRUNC";
    case PDK_Q_SNAP: return "SNAP";
    case PDK_Q_OBSERVERINFO: return "OBSERVERINFO";
    case PDK_Q_LEADERINFO: return "LEADERINFO";
    case PDK_Q_ACKEPOCH: return "ACKEPOCH";
    case PDK_Q_INFORM_AND_ACTIVATE: return "INFORMANDACTIVATE";
    default: return "?";
    }
}

/* Reading stops at the first thing that is not as it should be; then `found` says why, and what
 * was read since is worth nothing. */
struct cursor {
    struct pdk_reader r;
    enum pdk_qfound found;
};

static bool stop(struct cursor *c, enum pdk_qfound why)
{
    c->found = why;
    return false;
}

static bool want(struct cursor *c, size_t len)
{
    return pdk_reader_left(&c->r) >= len || stop(c, PDK_QFOUND_MORE);
}

/* jute buffer or ustring of at most `max_bytes`. */
static bool take_bytes(struct cursor *c, size_t max_bytes, struct pdk_slice *out)
{
    if (!want(c, 4)) return false;
    int32_t len = (int32_t)pdk_load_u32(c->r.at);
    if (len < -1 || (len > 0 && (size_t)len > max_bytes)) return stop(c, PDK_QFOUND_BROKEN);
    if (len > 0 && !want(c, 4 + (size_t)len)) return false;
    *out = pdk_read_bytes(&c->r);
    return true;
}

static bool take_authinfo(struct cursor *c, size_t max_bytes, struct pdk_vec *out)
{
    if (!want(c, 4)) return false;
    int32_t count = pdk_read_i32(&c->r);
    if (count < -1 || count > PDK_QPACKET_IDS_MAX) return stop(c, PDK_QFOUND_BROKEN);
    if (count == -1) {
        *out = pdk_vec_null();
        return true;
    }
    const uint8_t *start = c->r.at;
    for (int32_t i = 0; i < 2 * count; i++) { /* scheme and id of each */
        struct pdk_slice text;
        size_t left = max_bytes - (size_t)(c->r.at - start);
        if (left < 4) return stop(c, PDK_QFOUND_BROKEN);
        if (!take_bytes(c, left - 4, &text)) return false;
    }
    *out = pdk_vec_of(count, pdk_slice_of(start, (size_t)(c->r.at - start)));
    return true;
}

enum pdk_qfound pdk_qpacket_read(struct pdk_slice bytes, size_t max_field_bytes,
                                 struct pdk_qpacket *out, size_t *used)
{
    struct cursor c = {.r = pdk_reader_of(bytes), .found = PDK_QFOUND_PACKET};
    *out = (struct pdk_qpacket){.data = pdk_slice_null(), .authinfo = pdk_vec_null()};
    *used = 0;
    if (!want(&c, 12)) return c.found;
    struct pdk_qpacket packet = {.type = pdk_read_i32(&c.r)};
    packet.zxid = pdk_read_i64(&c.r);
    if (!take_bytes(&c, max_field_bytes, &packet.data)) return c.found;
    if (!take_authinfo(&c, max_field_bytes, &packet.authinfo)) return c.found;
    *out = packet;
    *used = bytes.len - pdk_reader_left(&c.r);
    return PDK_QFOUND_PACKET;
}

void pdk_put_qpacket_whole(struct pdk_buf *b, const struct pdk_qpacket *packet)
{
    pdk_put_i32(b, packet->type);
    pdk_put_i64(b, packet->zxid);
    pdk_put_bytes(b, packet->data);
    pdk_put_vec(b, &packet->authinfo);
}

void pdk_put_qpacket(struct pdk_buf *b, enum pdk_qtype type, pdk_zxid zxid, struct pdk_slice data)
{
    pdk_put_qpacket_whole(
        b, &(struct pdk_qpacket){
               .type = (int32_t)type, .zxid = zxid, .data = data, .authinfo = pdk_vec_null()});
}

/* ---- LearnerInfo, LEADERINFO ----------------------------------------------------------------- */

#define PADDOCK_MARK 0x50444b31 /* "PDK1" */

void pdk_put_learner_info(struct pdk_buf *b, const struct pdk_learner_info *info)
{
    if (!info->has_sid) return;
    pdk_put_i64(b, info->sid);
    pdk_put_i32(b, info->protocol);
    if (!info->has_config_version) return;
    pdk_put_i64(b, info->config_version);
    if (info->is_paddock) pdk_put_i32(b, PADDOCK_MARK);
}

struct pdk_learner_info pdk_learner_info_of(struct pdk_slice data)
{
    struct pdk_learner_info info = {.protocol = 1};
    struct pdk_reader r = pdk_reader_of(data);
    if (pdk_reader_left(&r) < 8) return info;
    info.has_sid = true;
    info.sid = pdk_read_i64(&r);
    if (pdk_reader_left(&r) < 4) return info;
    info.protocol = pdk_read_i32(&r);
    if (pdk_reader_left(&r) < 8) return info;
    info.has_config_version = true;
    info.config_version = pdk_read_i64(&r);
    info.is_paddock = pdk_read_i32(&r) == PADDOCK_MARK;
    return info;
}

void pdk_put_leader_info(struct pdk_buf *b, const struct pdk_leader_info *info)
{
    pdk_put_i32(b, info->protocol);
    if (info->is_paddock) pdk_put_i32(b, PADDOCK_MARK);
}

struct pdk_leader_info pdk_leader_info_of(struct pdk_slice data)
{
    struct pdk_leader_info info = {.protocol = 1};
    struct pdk_reader r = pdk_reader_of(data);
    if (pdk_reader_left(&r) < 4) return info;
    info.protocol = pdk_read_i32(&r);
    info.is_paddock = pdk_read_i32(&r) == PADDOCK_MARK;
    return info;
}
