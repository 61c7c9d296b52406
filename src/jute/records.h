/* jute/records.h - the records of the protocol and of the files.
 *
 * Made by tools/gen/jute.py from paddock.schema; change that, not this.
 *
 * pdk_read_X: slices and vectors point into the reader's input.  When the reader fails, or had
 * failed before, `out` is zeroed.  Bytes after the record are left to the caller.
 * pdk_put_X: appends the record; failures show in the buffer.
 * PDK_X_LEN: encoded bytes of a record whose size never changes. */
#ifndef PDK_JUTE_RECORDS_H
#define PDK_JUTE_RECORDS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/reader.h"
#include "jute/vec.h"

struct pdk_id {
    struct pdk_slice scheme;
    struct pdk_slice id;
};
void pdk_read_id(struct pdk_reader *r, struct pdk_id *out);
void pdk_put_id(struct pdk_buf *b, const struct pdk_id *in);

struct pdk_acl {
    int32_t perms;
    struct pdk_id id;
};
void pdk_read_acl(struct pdk_reader *r, struct pdk_acl *out);
void pdk_put_acl(struct pdk_buf *b, const struct pdk_acl *in);
struct pdk_vec pdk_read_acl_vec(struct pdk_reader *r);

/* What a client sees of a znode; cversion and ephemeralOwner are computed. */
struct pdk_stat {
    int64_t czxid;
    int64_t mzxid;
    int64_t ctime;
    int64_t mtime;
    int32_t version;
    int32_t cversion;
    int32_t aversion;
    int64_t ephemeral_owner;
    int32_t data_length;
    int32_t num_children;
    int64_t pzxid;
};
#define PDK_STAT_LEN 68
static inline void pdk_read_stat(struct pdk_reader *r, struct pdk_stat *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_STAT_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_stat){0};
        return;
    }
    out->czxid = (int64_t)pdk_load_u64(p);
    out->mzxid = (int64_t)pdk_load_u64(p + 8);
    out->ctime = (int64_t)pdk_load_u64(p + 16);
    out->mtime = (int64_t)pdk_load_u64(p + 24);
    out->version = (int32_t)pdk_load_u32(p + 32);
    out->cversion = (int32_t)pdk_load_u32(p + 36);
    out->aversion = (int32_t)pdk_load_u32(p + 40);
    out->ephemeral_owner = (int64_t)pdk_load_u64(p + 44);
    out->data_length = (int32_t)pdk_load_u32(p + 52);
    out->num_children = (int32_t)pdk_load_u32(p + 56);
    out->pzxid = (int64_t)pdk_load_u64(p + 60);
}
static inline void pdk_put_stat(struct pdk_buf *b, const struct pdk_stat *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_STAT_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u64(p, (uint64_t)in->czxid);
    pdk_store_u64(p + 8, (uint64_t)in->mzxid);
    pdk_store_u64(p + 16, (uint64_t)in->ctime);
    pdk_store_u64(p + 24, (uint64_t)in->mtime);
    pdk_store_u32(p + 32, (uint32_t)in->version);
    pdk_store_u32(p + 36, (uint32_t)in->cversion);
    pdk_store_u32(p + 40, (uint32_t)in->aversion);
    pdk_store_u64(p + 44, (uint64_t)in->ephemeral_owner);
    pdk_store_u32(p + 52, (uint32_t)in->data_length);
    pdk_store_u32(p + 56, (uint32_t)in->num_children);
    pdk_store_u64(p + 60, (uint64_t)in->pzxid);
}

/* What a snapshot stores of a znode. */
struct pdk_stat_persisted {
    int64_t czxid;
    int64_t mzxid;
    int64_t ctime;
    int64_t mtime;
    int32_t version;
    int32_t cversion;
    int32_t aversion;
    int64_t ephemeral_owner;
    int64_t pzxid;
};
#define PDK_STAT_PERSISTED_LEN 60
static inline void pdk_read_stat_persisted(struct pdk_reader *r, struct pdk_stat_persisted *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_STAT_PERSISTED_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_stat_persisted){0};
        return;
    }
    out->czxid = (int64_t)pdk_load_u64(p);
    out->mzxid = (int64_t)pdk_load_u64(p + 8);
    out->ctime = (int64_t)pdk_load_u64(p + 16);
    out->mtime = (int64_t)pdk_load_u64(p + 24);
    out->version = (int32_t)pdk_load_u32(p + 32);
    out->cversion = (int32_t)pdk_load_u32(p + 36);
    out->aversion = (int32_t)pdk_load_u32(p + 40);
    out->ephemeral_owner = (int64_t)pdk_load_u64(p + 44);
    out->pzxid = (int64_t)pdk_load_u64(p + 52);
}
static inline void pdk_put_stat_persisted(struct pdk_buf *b, const struct pdk_stat_persisted *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_STAT_PERSISTED_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u64(p, (uint64_t)in->czxid);
    pdk_store_u64(p + 8, (uint64_t)in->mzxid);
    pdk_store_u64(p + 16, (uint64_t)in->ctime);
    pdk_store_u64(p + 24, (uint64_t)in->mtime);
    pdk_store_u32(p + 32, (uint32_t)in->version);
    pdk_store_u32(p + 36, (uint32_t)in->cversion);
    pdk_store_u32(p + 40, (uint32_t)in->aversion);
    pdk_store_u64(p + 44, (uint64_t)in->ephemeral_owner);
    pdk_store_u64(p + 52, (uint64_t)in->pzxid);
}

struct pdk_client_info {
    struct pdk_slice auth_scheme;
    struct pdk_slice user;
};
void pdk_read_client_info(struct pdk_reader *r, struct pdk_client_info *out);
void pdk_put_client_info(struct pdk_buf *b, const struct pdk_client_info *in);
struct pdk_vec pdk_read_client_info_vec(struct pdk_reader *r);

/* The first frame of a client; it has no RequestHeader. */
struct pdk_connect_request {
    int32_t protocol_version;
    int64_t last_zxid_seen;
    int32_t time_out;
    int64_t session_id;
    struct pdk_slice passwd;
    bool read_only;
    bool has_read_only; /* was there, or is to be written */
};
void pdk_read_connect_request(struct pdk_reader *r, struct pdk_connect_request *out);
void pdk_put_connect_request(struct pdk_buf *b, const struct pdk_connect_request *in);

/* timeOut 0: the session is gone.  readOnly is sent only to clients that sent it. */
struct pdk_connect_response {
    int32_t protocol_version;
    int32_t time_out;
    int64_t session_id;
    struct pdk_slice passwd;
    bool read_only;
    bool has_read_only; /* was there, or is to be written */
};
void pdk_read_connect_response(struct pdk_reader *r, struct pdk_connect_response *out);
void pdk_put_connect_response(struct pdk_buf *b, const struct pdk_connect_response *in);

struct pdk_request_header {
    int32_t xid;
    int32_t type;
};
#define PDK_REQUEST_HEADER_LEN 8
static inline void pdk_read_request_header(struct pdk_reader *r, struct pdk_request_header *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_REQUEST_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_request_header){0};
        return;
    }
    out->xid = (int32_t)pdk_load_u32(p);
    out->type = (int32_t)pdk_load_u32(p + 4);
}
static inline void pdk_put_request_header(struct pdk_buf *b, const struct pdk_request_header *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_REQUEST_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->xid);
    pdk_store_u32(p + 4, (uint32_t)in->type);
}

struct pdk_reply_header {
    int32_t xid;
    int64_t zxid;
    int32_t err;
};
#define PDK_REPLY_HEADER_LEN 16
static inline void pdk_read_reply_header(struct pdk_reader *r, struct pdk_reply_header *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_REPLY_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_reply_header){0};
        return;
    }
    out->xid = (int32_t)pdk_load_u32(p);
    out->zxid = (int64_t)pdk_load_u64(p + 4);
    out->err = (int32_t)pdk_load_u32(p + 12);
}
static inline void pdk_put_reply_header(struct pdk_buf *b, const struct pdk_reply_header *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_REPLY_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->xid);
    pdk_store_u64(p + 4, (uint64_t)in->zxid);
    pdk_store_u32(p + 12, (uint32_t)in->err);
}

/* Before every part of a multi, and with type -1, done, err -1 at its end. */
struct pdk_multi_header {
    int32_t type;
    bool done;
    int32_t err;
};
#define PDK_MULTI_HEADER_LEN 9
static inline void pdk_read_multi_header(struct pdk_reader *r, struct pdk_multi_header *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_MULTI_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_multi_header){0};
        return;
    }
    out->type = (int32_t)pdk_load_u32(p);
    out->done = p[4] != 0;
    out->err = (int32_t)pdk_load_u32(p + 5);
}
static inline void pdk_put_multi_header(struct pdk_buf *b, const struct pdk_multi_header *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_MULTI_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->type);
    p[4] = in->done ? 1 : 0;
    pdk_store_u32(p + 5, (uint32_t)in->err);
}

struct pdk_auth_packet {
    int32_t type;
    struct pdk_slice scheme;
    struct pdk_slice auth;
};
void pdk_read_auth_packet(struct pdk_reader *r, struct pdk_auth_packet *out);
void pdk_put_auth_packet(struct pdk_buf *b, const struct pdk_auth_packet *in);

struct pdk_get_data_request {
    struct pdk_slice path;
    bool watch;
};
void pdk_read_get_data_request(struct pdk_reader *r, struct pdk_get_data_request *out);
void pdk_put_get_data_request(struct pdk_buf *b, const struct pdk_get_data_request *in);

struct pdk_get_data_response {
    struct pdk_slice data;
    struct pdk_stat stat;
};
void pdk_read_get_data_response(struct pdk_reader *r, struct pdk_get_data_response *out);
void pdk_put_get_data_response(struct pdk_buf *b, const struct pdk_get_data_response *in);

struct pdk_exists_request {
    struct pdk_slice path;
    bool watch;
};
void pdk_read_exists_request(struct pdk_reader *r, struct pdk_exists_request *out);
void pdk_put_exists_request(struct pdk_buf *b, const struct pdk_exists_request *in);

struct pdk_exists_response {
    struct pdk_stat stat;
};
#define PDK_EXISTS_RESPONSE_LEN 68
static inline void pdk_read_exists_response(struct pdk_reader *r, struct pdk_exists_response *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_EXISTS_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_exists_response){0};
        return;
    }
    out->stat.czxid = (int64_t)pdk_load_u64(p);
    out->stat.mzxid = (int64_t)pdk_load_u64(p + 8);
    out->stat.ctime = (int64_t)pdk_load_u64(p + 16);
    out->stat.mtime = (int64_t)pdk_load_u64(p + 24);
    out->stat.version = (int32_t)pdk_load_u32(p + 32);
    out->stat.cversion = (int32_t)pdk_load_u32(p + 36);
    out->stat.aversion = (int32_t)pdk_load_u32(p + 40);
    out->stat.ephemeral_owner = (int64_t)pdk_load_u64(p + 44);
    out->stat.data_length = (int32_t)pdk_load_u32(p + 52);
    out->stat.num_children = (int32_t)pdk_load_u32(p + 56);
    out->stat.pzxid = (int64_t)pdk_load_u64(p + 60);
}
static inline void pdk_put_exists_response(struct pdk_buf *b, const struct pdk_exists_response *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_EXISTS_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u64(p, (uint64_t)in->stat.czxid);
    pdk_store_u64(p + 8, (uint64_t)in->stat.mzxid);
    pdk_store_u64(p + 16, (uint64_t)in->stat.ctime);
    pdk_store_u64(p + 24, (uint64_t)in->stat.mtime);
    pdk_store_u32(p + 32, (uint32_t)in->stat.version);
    pdk_store_u32(p + 36, (uint32_t)in->stat.cversion);
    pdk_store_u32(p + 40, (uint32_t)in->stat.aversion);
    pdk_store_u64(p + 44, (uint64_t)in->stat.ephemeral_owner);
    pdk_store_u32(p + 52, (uint32_t)in->stat.data_length);
    pdk_store_u32(p + 56, (uint32_t)in->stat.num_children);
    pdk_store_u64(p + 60, (uint64_t)in->stat.pzxid);
}

struct pdk_set_data_request {
    struct pdk_slice path;
    struct pdk_slice data;
    int32_t version;
};
void pdk_read_set_data_request(struct pdk_reader *r, struct pdk_set_data_request *out);
void pdk_put_set_data_request(struct pdk_buf *b, const struct pdk_set_data_request *in);

struct pdk_set_data_response {
    struct pdk_stat stat;
};
#define PDK_SET_DATA_RESPONSE_LEN 68
static inline void pdk_read_set_data_response(struct pdk_reader *r,
                                              struct pdk_set_data_response *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_SET_DATA_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_set_data_response){0};
        return;
    }
    out->stat.czxid = (int64_t)pdk_load_u64(p);
    out->stat.mzxid = (int64_t)pdk_load_u64(p + 8);
    out->stat.ctime = (int64_t)pdk_load_u64(p + 16);
    out->stat.mtime = (int64_t)pdk_load_u64(p + 24);
    out->stat.version = (int32_t)pdk_load_u32(p + 32);
    out->stat.cversion = (int32_t)pdk_load_u32(p + 36);
    out->stat.aversion = (int32_t)pdk_load_u32(p + 40);
    out->stat.ephemeral_owner = (int64_t)pdk_load_u64(p + 44);
    out->stat.data_length = (int32_t)pdk_load_u32(p + 52);
    out->stat.num_children = (int32_t)pdk_load_u32(p + 56);
    out->stat.pzxid = (int64_t)pdk_load_u64(p + 60);
}
static inline void pdk_put_set_data_response(struct pdk_buf *b,
                                             const struct pdk_set_data_response *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_SET_DATA_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u64(p, (uint64_t)in->stat.czxid);
    pdk_store_u64(p + 8, (uint64_t)in->stat.mzxid);
    pdk_store_u64(p + 16, (uint64_t)in->stat.ctime);
    pdk_store_u64(p + 24, (uint64_t)in->stat.mtime);
    pdk_store_u32(p + 32, (uint32_t)in->stat.version);
    pdk_store_u32(p + 36, (uint32_t)in->stat.cversion);
    pdk_store_u32(p + 40, (uint32_t)in->stat.aversion);
    pdk_store_u64(p + 44, (uint64_t)in->stat.ephemeral_owner);
    pdk_store_u32(p + 52, (uint32_t)in->stat.data_length);
    pdk_store_u32(p + 56, (uint32_t)in->stat.num_children);
    pdk_store_u64(p + 60, (uint64_t)in->stat.pzxid);
}

struct pdk_create_request {
    struct pdk_slice path;
    struct pdk_slice data;
    struct pdk_vec acl; /* of ACL */
    int32_t flags;
};
void pdk_read_create_request(struct pdk_reader *r, struct pdk_create_request *out);
void pdk_put_create_request(struct pdk_buf *b, const struct pdk_create_request *in);

/* ttl in milliseconds. */
struct pdk_create_ttl_request {
    struct pdk_slice path;
    struct pdk_slice data;
    struct pdk_vec acl; /* of ACL */
    int32_t flags;
    int64_t ttl;
};
void pdk_read_create_ttl_request(struct pdk_reader *r, struct pdk_create_ttl_request *out);
void pdk_put_create_ttl_request(struct pdk_buf *b, const struct pdk_create_ttl_request *in);

struct pdk_create_response {
    struct pdk_slice path;
};
void pdk_read_create_response(struct pdk_reader *r, struct pdk_create_response *out);
void pdk_put_create_response(struct pdk_buf *b, const struct pdk_create_response *in);

struct pdk_create2_response {
    struct pdk_slice path;
    struct pdk_stat stat;
};
void pdk_read_create2_response(struct pdk_reader *r, struct pdk_create2_response *out);
void pdk_put_create2_response(struct pdk_buf *b, const struct pdk_create2_response *in);

struct pdk_delete_request {
    struct pdk_slice path;
    int32_t version;
};
void pdk_read_delete_request(struct pdk_reader *r, struct pdk_delete_request *out);
void pdk_put_delete_request(struct pdk_buf *b, const struct pdk_delete_request *in);

struct pdk_check_version_request {
    struct pdk_slice path;
    int32_t version;
};
void pdk_read_check_version_request(struct pdk_reader *r, struct pdk_check_version_request *out);
void pdk_put_check_version_request(struct pdk_buf *b, const struct pdk_check_version_request *in);

struct pdk_get_children_request {
    struct pdk_slice path;
    bool watch;
};
void pdk_read_get_children_request(struct pdk_reader *r, struct pdk_get_children_request *out);
void pdk_put_get_children_request(struct pdk_buf *b, const struct pdk_get_children_request *in);

struct pdk_get_children_response {
    struct pdk_vec children; /* of ustring */
};
void pdk_read_get_children_response(struct pdk_reader *r, struct pdk_get_children_response *out);
void pdk_put_get_children_response(struct pdk_buf *b, const struct pdk_get_children_response *in);

struct pdk_get_children2_request {
    struct pdk_slice path;
    bool watch;
};
void pdk_read_get_children2_request(struct pdk_reader *r, struct pdk_get_children2_request *out);
void pdk_put_get_children2_request(struct pdk_buf *b, const struct pdk_get_children2_request *in);

struct pdk_get_children2_response {
    struct pdk_vec children; /* of ustring */
    struct pdk_stat stat;
};
void pdk_read_get_children2_response(struct pdk_reader *r, struct pdk_get_children2_response *out);
void pdk_put_get_children2_response(struct pdk_buf *b, const struct pdk_get_children2_response *in);

struct pdk_get_all_children_number_request {
    struct pdk_slice path;
};
void pdk_read_get_all_children_number_request(struct pdk_reader *r,
                                              struct pdk_get_all_children_number_request *out);
void pdk_put_get_all_children_number_request(struct pdk_buf *b,
                                             const struct pdk_get_all_children_number_request *in);

struct pdk_get_all_children_number_response {
    int32_t total_number;
};
#define PDK_GET_ALL_CHILDREN_NUMBER_RESPONSE_LEN 4
static inline void pdk_read_get_all_children_number_response(
    struct pdk_reader *r, struct pdk_get_all_children_number_response *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_GET_ALL_CHILDREN_NUMBER_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_get_all_children_number_response){0};
        return;
    }
    out->total_number = (int32_t)pdk_load_u32(p);
}
static inline void pdk_put_get_all_children_number_response(
    struct pdk_buf *b, const struct pdk_get_all_children_number_response *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_GET_ALL_CHILDREN_NUMBER_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->total_number);
}

struct pdk_get_acl_request {
    struct pdk_slice path;
};
void pdk_read_get_acl_request(struct pdk_reader *r, struct pdk_get_acl_request *out);
void pdk_put_get_acl_request(struct pdk_buf *b, const struct pdk_get_acl_request *in);

struct pdk_get_acl_response {
    struct pdk_vec acl; /* of ACL */
    struct pdk_stat stat;
};
void pdk_read_get_acl_response(struct pdk_reader *r, struct pdk_get_acl_response *out);
void pdk_put_get_acl_response(struct pdk_buf *b, const struct pdk_get_acl_response *in);

/* version is compared with the znode's aversion. */
struct pdk_set_acl_request {
    struct pdk_slice path;
    struct pdk_vec acl; /* of ACL */
    int32_t version;
};
void pdk_read_set_acl_request(struct pdk_reader *r, struct pdk_set_acl_request *out);
void pdk_put_set_acl_request(struct pdk_buf *b, const struct pdk_set_acl_request *in);

struct pdk_set_acl_response {
    struct pdk_stat stat;
};
#define PDK_SET_ACL_RESPONSE_LEN 68
static inline void pdk_read_set_acl_response(struct pdk_reader *r, struct pdk_set_acl_response *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_SET_ACL_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_set_acl_response){0};
        return;
    }
    out->stat.czxid = (int64_t)pdk_load_u64(p);
    out->stat.mzxid = (int64_t)pdk_load_u64(p + 8);
    out->stat.ctime = (int64_t)pdk_load_u64(p + 16);
    out->stat.mtime = (int64_t)pdk_load_u64(p + 24);
    out->stat.version = (int32_t)pdk_load_u32(p + 32);
    out->stat.cversion = (int32_t)pdk_load_u32(p + 36);
    out->stat.aversion = (int32_t)pdk_load_u32(p + 40);
    out->stat.ephemeral_owner = (int64_t)pdk_load_u64(p + 44);
    out->stat.data_length = (int32_t)pdk_load_u32(p + 52);
    out->stat.num_children = (int32_t)pdk_load_u32(p + 56);
    out->stat.pzxid = (int64_t)pdk_load_u64(p + 60);
}
static inline void pdk_put_set_acl_response(struct pdk_buf *b,
                                            const struct pdk_set_acl_response *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_SET_ACL_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u64(p, (uint64_t)in->stat.czxid);
    pdk_store_u64(p + 8, (uint64_t)in->stat.mzxid);
    pdk_store_u64(p + 16, (uint64_t)in->stat.ctime);
    pdk_store_u64(p + 24, (uint64_t)in->stat.mtime);
    pdk_store_u32(p + 32, (uint32_t)in->stat.version);
    pdk_store_u32(p + 36, (uint32_t)in->stat.cversion);
    pdk_store_u32(p + 40, (uint32_t)in->stat.aversion);
    pdk_store_u64(p + 44, (uint64_t)in->stat.ephemeral_owner);
    pdk_store_u32(p + 52, (uint32_t)in->stat.data_length);
    pdk_store_u32(p + 56, (uint32_t)in->stat.num_children);
    pdk_store_u64(p + 60, (uint64_t)in->stat.pzxid);
}

struct pdk_sync_request {
    struct pdk_slice path;
};
void pdk_read_sync_request(struct pdk_reader *r, struct pdk_sync_request *out);
void pdk_put_sync_request(struct pdk_buf *b, const struct pdk_sync_request *in);

struct pdk_sync_response {
    struct pdk_slice path;
};
void pdk_read_sync_response(struct pdk_reader *r, struct pdk_sync_response *out);
void pdk_put_sync_response(struct pdk_buf *b, const struct pdk_sync_response *in);

struct pdk_get_ephemerals_request {
    struct pdk_slice prefix_path;
};
void pdk_read_get_ephemerals_request(struct pdk_reader *r, struct pdk_get_ephemerals_request *out);
void pdk_put_get_ephemerals_request(struct pdk_buf *b, const struct pdk_get_ephemerals_request *in);

struct pdk_get_ephemerals_response {
    struct pdk_vec ephemerals; /* of ustring */
};
void pdk_read_get_ephemerals_response(struct pdk_reader *r,
                                      struct pdk_get_ephemerals_response *out);
void pdk_put_get_ephemerals_response(struct pdk_buf *b,
                                     const struct pdk_get_ephemerals_response *in);

struct pdk_check_watches_request {
    struct pdk_slice path;
    int32_t type;
};
void pdk_read_check_watches_request(struct pdk_reader *r, struct pdk_check_watches_request *out);
void pdk_put_check_watches_request(struct pdk_buf *b, const struct pdk_check_watches_request *in);

struct pdk_remove_watches_request {
    struct pdk_slice path;
    int32_t type;
};
void pdk_read_remove_watches_request(struct pdk_reader *r, struct pdk_remove_watches_request *out);
void pdk_put_remove_watches_request(struct pdk_buf *b, const struct pdk_remove_watches_request *in);

struct pdk_add_watch_request {
    struct pdk_slice path;
    int32_t mode;
};
void pdk_read_add_watch_request(struct pdk_reader *r, struct pdk_add_watch_request *out);
void pdk_put_add_watch_request(struct pdk_buf *b, const struct pdk_add_watch_request *in);

struct pdk_set_watches {
    int64_t relative_zxid;
    struct pdk_vec data_watches;  /* of ustring */
    struct pdk_vec exist_watches; /* of ustring */
    struct pdk_vec child_watches; /* of ustring */
};
void pdk_read_set_watches(struct pdk_reader *r, struct pdk_set_watches *out);
void pdk_put_set_watches(struct pdk_buf *b, const struct pdk_set_watches *in);

struct pdk_set_watches2 {
    int64_t relative_zxid;
    struct pdk_vec data_watches;                 /* of ustring */
    struct pdk_vec exist_watches;                /* of ustring */
    struct pdk_vec child_watches;                /* of ustring */
    struct pdk_vec persistent_watches;           /* of ustring */
    struct pdk_vec persistent_recursive_watches; /* of ustring */
};
void pdk_read_set_watches2(struct pdk_reader *r, struct pdk_set_watches2 *out);
void pdk_put_set_watches2(struct pdk_buf *b, const struct pdk_set_watches2 *in);

struct pdk_watcher_event {
    int32_t type;
    int32_t state;
    struct pdk_slice path;
};
void pdk_read_watcher_event(struct pdk_reader *r, struct pdk_watcher_event *out);
void pdk_put_watcher_event(struct pdk_buf *b, const struct pdk_watcher_event *in);

struct pdk_error_response {
    int32_t err;
};
#define PDK_ERROR_RESPONSE_LEN 4
static inline void pdk_read_error_response(struct pdk_reader *r, struct pdk_error_response *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_ERROR_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_error_response){0};
        return;
    }
    out->err = (int32_t)pdk_load_u32(p);
}
static inline void pdk_put_error_response(struct pdk_buf *b, const struct pdk_error_response *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_ERROR_RESPONSE_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->err);
}

struct pdk_get_sasl_request {
    struct pdk_slice token;
};
void pdk_read_get_sasl_request(struct pdk_reader *r, struct pdk_get_sasl_request *out);
void pdk_put_get_sasl_request(struct pdk_buf *b, const struct pdk_get_sasl_request *in);

struct pdk_set_sasl_request {
    struct pdk_slice token;
};
void pdk_read_set_sasl_request(struct pdk_reader *r, struct pdk_set_sasl_request *out);
void pdk_put_set_sasl_request(struct pdk_buf *b, const struct pdk_set_sasl_request *in);

struct pdk_set_sasl_response {
    struct pdk_slice token;
};
void pdk_read_set_sasl_response(struct pdk_reader *r, struct pdk_set_sasl_response *out);
void pdk_put_set_sasl_response(struct pdk_buf *b, const struct pdk_set_sasl_response *in);

struct pdk_reconfig_request {
    struct pdk_slice joining_servers;
    struct pdk_slice leaving_servers;
    struct pdk_slice new_members;
    int64_t cur_config_id;
};
void pdk_read_reconfig_request(struct pdk_reader *r, struct pdk_reconfig_request *out);
void pdk_put_reconfig_request(struct pdk_buf *b, const struct pdk_reconfig_request *in);

struct pdk_who_am_i_response {
    struct pdk_vec client_info; /* of ClientInfo */
};
void pdk_read_who_am_i_response(struct pdk_reader *r, struct pdk_who_am_i_response *out);
void pdk_put_who_am_i_response(struct pdk_buf *b, const struct pdk_who_am_i_response *in);

/* The path is a buffer here: what Apache 3.9 sends to itself. */
struct pdk_delete_container_request {
    struct pdk_slice path;
};
void pdk_read_delete_container_request(struct pdk_reader *r,
                                       struct pdk_delete_container_request *out);
void pdk_put_delete_container_request(struct pdk_buf *b,
                                      const struct pdk_delete_container_request *in);

/* Before every transaction, in proposals and in the log.  time: the leader's wall clock, ms. */
struct pdk_txn_header {
    int64_t client_id;
    int32_t cxid;
    int64_t zxid;
    int64_t time;
    int32_t type;
};
#define PDK_TXN_HEADER_LEN 32
static inline void pdk_read_txn_header(struct pdk_reader *r, struct pdk_txn_header *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_TXN_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_txn_header){0};
        return;
    }
    out->client_id = (int64_t)pdk_load_u64(p);
    out->cxid = (int32_t)pdk_load_u32(p + 8);
    out->zxid = (int64_t)pdk_load_u64(p + 12);
    out->time = (int64_t)pdk_load_u64(p + 20);
    out->type = (int32_t)pdk_load_u32(p + 28);
}
static inline void pdk_put_txn_header(struct pdk_buf *b, const struct pdk_txn_header *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_TXN_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u64(p, (uint64_t)in->client_id);
    pdk_store_u32(p + 8, (uint32_t)in->cxid);
    pdk_store_u64(p + 12, (uint64_t)in->zxid);
    pdk_store_u64(p + 20, (uint64_t)in->time);
    pdk_store_u32(p + 28, (uint32_t)in->type);
}

/* After a transaction; the digest of the tree with it applied. */
struct pdk_txn_digest {
    int32_t version;
    int64_t tree_digest;
};
#define PDK_TXN_DIGEST_LEN 12
static inline void pdk_read_txn_digest(struct pdk_reader *r, struct pdk_txn_digest *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_TXN_DIGEST_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_txn_digest){0};
        return;
    }
    out->version = (int32_t)pdk_load_u32(p);
    out->tree_digest = (int64_t)pdk_load_u64(p + 4);
}
static inline void pdk_put_txn_digest(struct pdk_buf *b, const struct pdk_txn_digest *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_TXN_DIGEST_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->version);
    pdk_store_u64(p + 4, (uint64_t)in->tree_digest);
}

/* Types create and create2. */
struct pdk_create_txn {
    struct pdk_slice path;
    struct pdk_slice data;
    struct pdk_vec acl; /* of ACL */
    bool ephemeral;
    int32_t parent_cversion;
};
void pdk_read_create_txn(struct pdk_reader *r, struct pdk_create_txn *out);
void pdk_put_create_txn(struct pdk_buf *b, const struct pdk_create_txn *in);

/* Type create as old servers wrote it. */
struct pdk_create_txn_v0 {
    struct pdk_slice path;
    struct pdk_slice data;
    struct pdk_vec acl; /* of ACL */
    bool ephemeral;
};
void pdk_read_create_txn_v0(struct pdk_reader *r, struct pdk_create_txn_v0 *out);
void pdk_put_create_txn_v0(struct pdk_buf *b, const struct pdk_create_txn_v0 *in);

struct pdk_create_container_txn {
    struct pdk_slice path;
    struct pdk_slice data;
    struct pdk_vec acl; /* of ACL */
    int32_t parent_cversion;
};
void pdk_read_create_container_txn(struct pdk_reader *r, struct pdk_create_container_txn *out);
void pdk_put_create_container_txn(struct pdk_buf *b, const struct pdk_create_container_txn *in);

struct pdk_create_ttl_txn {
    struct pdk_slice path;
    struct pdk_slice data;
    struct pdk_vec acl; /* of ACL */
    int32_t parent_cversion;
    int64_t ttl;
};
void pdk_read_create_ttl_txn(struct pdk_reader *r, struct pdk_create_ttl_txn *out);
void pdk_put_create_ttl_txn(struct pdk_buf *b, const struct pdk_create_ttl_txn *in);

/* Types delete and deleteContainer. */
struct pdk_delete_txn {
    struct pdk_slice path;
};
void pdk_read_delete_txn(struct pdk_reader *r, struct pdk_delete_txn *out);
void pdk_put_delete_txn(struct pdk_buf *b, const struct pdk_delete_txn *in);

/* version is the new one.  Type reconfig too, with version -1. */
struct pdk_set_data_txn {
    struct pdk_slice path;
    struct pdk_slice data;
    int32_t version;
};
void pdk_read_set_data_txn(struct pdk_reader *r, struct pdk_set_data_txn *out);
void pdk_put_set_data_txn(struct pdk_buf *b, const struct pdk_set_data_txn *in);

/* version is the new aversion. */
struct pdk_set_acl_txn {
    struct pdk_slice path;
    struct pdk_vec acl; /* of ACL */
    int32_t version;
};
void pdk_read_set_acl_txn(struct pdk_reader *r, struct pdk_set_acl_txn *out);
void pdk_put_set_acl_txn(struct pdk_buf *b, const struct pdk_set_acl_txn *in);

/* Only inside a multi. */
struct pdk_check_version_txn {
    struct pdk_slice path;
    int32_t version;
};
void pdk_read_check_version_txn(struct pdk_reader *r, struct pdk_check_version_txn *out);
void pdk_put_check_version_txn(struct pdk_buf *b, const struct pdk_check_version_txn *in);

struct pdk_create_session_txn {
    int32_t time_out;
};
#define PDK_CREATE_SESSION_TXN_LEN 4
static inline void pdk_read_create_session_txn(struct pdk_reader *r,
                                               struct pdk_create_session_txn *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_CREATE_SESSION_TXN_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_create_session_txn){0};
        return;
    }
    out->time_out = (int32_t)pdk_load_u32(p);
}
static inline void pdk_put_create_session_txn(struct pdk_buf *b,
                                              const struct pdk_create_session_txn *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_CREATE_SESSION_TXN_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->time_out);
}

struct pdk_close_session_txn {
    struct pdk_vec paths2_delete; /* of ustring */
};
void pdk_read_close_session_txn(struct pdk_reader *r, struct pdk_close_session_txn *out);
void pdk_put_close_session_txn(struct pdk_buf *b, const struct pdk_close_session_txn *in);

struct pdk_error_txn {
    int32_t err;
};
#define PDK_ERROR_TXN_LEN 4
static inline void pdk_read_error_txn(struct pdk_reader *r, struct pdk_error_txn *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_ERROR_TXN_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_error_txn){0};
        return;
    }
    out->err = (int32_t)pdk_load_u32(p);
}
static inline void pdk_put_error_txn(struct pdk_buf *b, const struct pdk_error_txn *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_ERROR_TXN_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->err);
}

/* One part of a multi: data is the encoded body of that type. */
struct pdk_txn {
    int32_t type;
    struct pdk_slice data;
};
void pdk_read_txn(struct pdk_reader *r, struct pdk_txn *out);
void pdk_put_txn(struct pdk_buf *b, const struct pdk_txn *in);
struct pdk_vec pdk_read_txn_vec(struct pdk_reader *r);

struct pdk_multi_txn {
    struct pdk_vec txns; /* of Txn */
};
void pdk_read_multi_txn(struct pdk_reader *r, struct pdk_multi_txn *out);
void pdk_put_multi_txn(struct pdk_buf *b, const struct pdk_multi_txn *in);

/* At the start of every log and snapshot. */
struct pdk_file_header {
    int32_t magic;
    int32_t version;
    int64_t dbid;
};
#define PDK_FILE_HEADER_LEN 16
static inline void pdk_read_file_header(struct pdk_reader *r, struct pdk_file_header *out)
{
    const uint8_t *p = pdk_reader_take(r, PDK_FILE_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) {
        *out = (struct pdk_file_header){0};
        return;
    }
    out->magic = (int32_t)pdk_load_u32(p);
    out->version = (int32_t)pdk_load_u32(p + 4);
    out->dbid = (int64_t)pdk_load_u64(p + 8);
}
static inline void pdk_put_file_header(struct pdk_buf *b, const struct pdk_file_header *in)
{
    uint8_t *p = pdk_buf_add(b, PDK_FILE_HEADER_LEN);
    if (PDK_UNLIKELY(p == NULL)) return;
    pdk_store_u32(p, (uint32_t)in->magic);
    pdk_store_u32(p + 4, (uint32_t)in->version);
    pdk_store_u64(p + 8, (uint64_t)in->dbid);
}

/* X(name) for every record: tests and fuzzers leave none out. */
#define PDK_EACH_RECORD(X) \
    X(id) \
    X(acl) \
    X(stat) \
    X(stat_persisted) \
    X(client_info) \
    X(connect_request) \
    X(connect_response) \
    X(request_header) \
    X(reply_header) \
    X(multi_header) \
    X(auth_packet) \
    X(get_data_request) \
    X(get_data_response) \
    X(exists_request) \
    X(exists_response) \
    X(set_data_request) \
    X(set_data_response) \
    X(create_request) \
    X(create_ttl_request) \
    X(create_response) \
    X(create2_response) \
    X(delete_request) \
    X(check_version_request) \
    X(get_children_request) \
    X(get_children_response) \
    X(get_children2_request) \
    X(get_children2_response) \
    X(get_all_children_number_request) \
    X(get_all_children_number_response) \
    X(get_acl_request) \
    X(get_acl_response) \
    X(set_acl_request) \
    X(set_acl_response) \
    X(sync_request) \
    X(sync_response) \
    X(get_ephemerals_request) \
    X(get_ephemerals_response) \
    X(check_watches_request) \
    X(remove_watches_request) \
    X(add_watch_request) \
    X(set_watches) \
    X(set_watches2) \
    X(watcher_event) \
    X(error_response) \
    X(get_sasl_request) \
    X(set_sasl_request) \
    X(set_sasl_response) \
    X(reconfig_request) \
    X(who_am_i_response) \
    X(delete_container_request) \
    X(txn_header) \
    X(txn_digest) \
    X(create_txn) \
    X(create_txn_v0) \
    X(create_container_txn) \
    X(create_ttl_txn) \
    X(delete_txn) \
    X(set_data_txn) \
    X(set_acl_txn) \
    X(check_version_txn) \
    X(create_session_txn) \
    X(close_session_txn) \
    X(error_txn) \
    X(txn) \
    X(multi_txn) \
    X(file_header)

#endif
