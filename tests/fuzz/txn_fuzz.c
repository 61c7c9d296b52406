/* Reads every input as a log record's bytes: TxnHeader, the body of its type, perhaps a TxnDigest;
 * a multi's parts by their own types. */
#include "jute/records.h"
#include "proto/opcode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads both ends, so that ASan judges the slice. */
static void touch(struct pdk_slice s)
{
    if (s.len == 0) return;
    volatile uint8_t seen = s.bytes[0];
    seen = s.bytes[s.len - 1];
    (void)seen;
}

static void touch_acl(const struct pdk_vec *v)
{
    struct pdk_reader it = pdk_reader_of(v->body);
    for (int32_t i = 0; i < v->count; i++) {
        struct pdk_acl acl;
        pdk_read_acl(&it, &acl);
        touch(acl.id.scheme);
        touch(acl.id.id);
    }
    PDK_ASSERT(pdk_reader_finish(&it) == PDK_OK);
}

static void read_create(struct pdk_reader *r)
{
    struct pdk_create_txn t;
    struct pdk_reader start = *r;
    pdk_read_create_txn(r, &t);
    if (r->failed) { /* perhaps an old one, without the last field */
        struct pdk_create_txn_v0 old;
        *r = start;
        pdk_read_create_txn_v0(r, &old);
        touch_acl(&old.acl);
    }
    touch(t.path);
    touch(t.data);
    touch_acl(&t.acl);
}

/* A body of any type but multi. */
static void read_single(int32_t type, struct pdk_reader *r)
{
    struct pdk_create_container_txn container;
    struct pdk_create_ttl_txn ttl;
    struct pdk_delete_txn deleted;
    struct pdk_set_data_txn data;
    struct pdk_set_acl_txn acl;
    struct pdk_check_version_txn check;
    struct pdk_create_session_txn session;
    struct pdk_close_session_txn close;
    struct pdk_error_txn error;
    switch (type) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2: read_create(r); break;
    case PDK_OP_CREATE_CONTAINER:
        pdk_read_create_container_txn(r, &container);
        touch_acl(&container.acl);
        break;
    case PDK_OP_CREATE_TTL:
        pdk_read_create_ttl_txn(r, &ttl);
        touch_acl(&ttl.acl);
        break;
    case PDK_OP_DELETE:
    case PDK_OP_DELETE_CONTAINER:
        pdk_read_delete_txn(r, &deleted);
        touch(deleted.path);
        break;
    case PDK_OP_SET_DATA:
    case PDK_OP_RECONFIG:
        pdk_read_set_data_txn(r, &data);
        touch(data.path);
        touch(data.data);
        break;
    case PDK_OP_SET_ACL:
        pdk_read_set_acl_txn(r, &acl);
        touch_acl(&acl.acl);
        break;
    case PDK_OP_CHECK: pdk_read_check_version_txn(r, &check); break;
    case PDK_OP_CREATE_SESSION: pdk_read_create_session_txn(r, &session); break;
    case PDK_OP_CLOSE_SESSION: pdk_read_close_session_txn(r, &close); break;
    default: pdk_read_error_txn(r, &error); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_txn_header header;
    struct pdk_txn_digest digest;
    struct pdk_multi_txn multi;
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(data, size));
    pdk_read_txn_header(&r, &header);
    if (header.type != PDK_OP_MULTI) {
        read_single(header.type, &r);
    } else {
        pdk_read_multi_txn(&r, &multi);
        struct pdk_reader it = pdk_reader_of(multi.txns.body);
        for (int32_t i = 0; i < multi.txns.count; i++) {
            struct pdk_txn part;
            pdk_read_txn(&it, &part);
            struct pdk_reader body = pdk_reader_of(part.data);
            read_single(part.type, &body);
        }
        PDK_ASSERT(pdk_reader_finish(&it) == PDK_OK);
    }
    if (!r.failed && pdk_reader_left(&r) > 0) pdk_read_txn_digest(&r, &digest);
    return 0;
}
