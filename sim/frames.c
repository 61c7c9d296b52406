#include "sim/frames.h"

#include "proto/opcode.h"

static void begin(struct pdk_buf *b, int32_t xid, int32_t op)
{
    pdk_buf_clear(b);
    pdk_put_request_header(b, &(struct pdk_request_header){.xid = xid, .type = op});
}

static void put_acl(struct pdk_buf *b, int32_t perms, const char *scheme, const char *id)
{
    pdk_put_i32(b, 1);
    pdk_put_acl(
        b, &(struct pdk_acl){.perms = perms,
                             .id = {.scheme = pdk_slice_str(scheme), .id = pdk_slice_str(id)}});
}

struct pdk_slice pdk_frame_connect(struct pdk_buf *b, pdk_session session, int32_t timeout_ms,
                                   pdk_zxid last_zxid)
{
    static const uint8_t zeros[16];
    pdk_buf_clear(b);
    pdk_put_connect_request(b, &(struct pdk_connect_request){.last_zxid_seen = last_zxid,
                                                             .time_out = timeout_ms,
                                                             .session_id = session,
                                                             .passwd = pdk_slice_of(zeros, 16),
                                                             .has_read_only = true});
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_bare(struct pdk_buf *b, int32_t xid, int32_t op)
{
    begin(b, xid, op);
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_read(struct pdk_buf *b, int32_t xid, int32_t op, const char *path,
                                bool watch)
{
    begin(b, xid, op);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bool(b, watch);
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_path(struct pdk_buf *b, int32_t xid, int32_t op, const char *path)
{
    begin(b, xid, op);
    pdk_put_bytes(b, pdk_slice_str(path));
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_create(struct pdk_buf *b, int32_t xid, int32_t op, const char *path,
                                  const char *data, int32_t flags)
{
    begin(b, xid, op);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bytes(b, pdk_slice_str(data));
    put_acl(b, PDK_PERM_ALL, "world", "anyone");
    pdk_put_i32(b, flags);
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_create_acl(struct pdk_buf *b, int32_t xid, const char *path,
                                      const char *data, int32_t flags, int32_t perms,
                                      const char *scheme, const char *id)
{
    begin(b, xid, PDK_OP_CREATE);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bytes(b, pdk_slice_str(data));
    put_acl(b, perms, scheme, id);
    pdk_put_i32(b, flags);
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_delete(struct pdk_buf *b, int32_t xid, const char *path, int32_t version)
{
    begin(b, xid, PDK_OP_DELETE);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_i32(b, version);
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_set(struct pdk_buf *b, int32_t xid, const char *path, const char *data,
                               int32_t version)
{
    begin(b, xid, PDK_OP_SET_DATA);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bytes(b, pdk_slice_str(data));
    pdk_put_i32(b, version);
    return pdk_buf_slice(b);
}

struct pdk_slice pdk_frame_auth(struct pdk_buf *b, const char *scheme, const char *auth)
{
    begin(b, PDK_XID_AUTH, PDK_OP_AUTH);
    pdk_put_auth_packet(
        b, &(struct pdk_auth_packet){.scheme = pdk_slice_str(scheme), .auth = pdk_slice_str(auth)});
    return pdk_buf_slice(b);
}

struct pdk_frame_answer pdk_frame_answer_of(struct pdk_slice frame)
{
    struct pdk_frame_answer answer;
    struct pdk_reader r = pdk_reader_of(frame);
    pdk_read_reply_header(&r, &answer.header);
    PDK_ASSERT(!r.failed);
    answer.body = pdk_slice_of(r.at, pdk_reader_left(&r));
    return answer;
}
