#include "shell/oversize.h"

#include "base/log.h"
#include "base/reader.h"
#include "proto/opcode.h"

/* Which requests begin with a path. */
static bool begins_with_path(int32_t op)
{
    switch (op) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL:
    case PDK_OP_DELETE:
    case PDK_OP_EXISTS:
    case PDK_OP_GET_DATA:
    case PDK_OP_SET_DATA:
    case PDK_OP_GET_ACL:
    case PDK_OP_SET_ACL:
    case PDK_OP_GET_CHILDREN:
    case PDK_OP_GET_CHILDREN2:
    case PDK_OP_SYNC:
    case PDK_OP_CHECK:
    case PDK_OP_CHECK_WATCHES:
    case PDK_OP_REMOVE_WATCHES:
    case PDK_OP_GET_EPHEMERALS:
    case PDK_OP_GET_ALL_CHILDREN_NUMBER:
    case PDK_OP_ADD_WATCH: return true;
    default: return false;
    }
}

void pdk_oversize_describe(struct pdk_slice head, struct pdk_oversize_text *out)
{
    struct pdk_reader r = pdk_reader_of(head);
    *out = (struct pdk_oversize_text){.op = ""};
    (void)pdk_read_i32(&r); /* xid */
    int32_t op = pdk_read_i32(&r);
    if (r.failed) return;
    out->op = pdk_op_name(op);
    if (op == PDK_OP_MULTI || op == PDK_OP_MULTI_READ) {
        /* The first operation stands for all: type, done, err, its record. */
        op = pdk_read_i32(&r);
        (void)pdk_read_bool(&r);
        (void)pdk_read_i32(&r);
    }
    if (r.failed || !begins_with_path(op)) return;
    int32_t len = pdk_read_i32(&r);
    if (r.failed || len <= 0) return;
    size_t here = pdk_min_size((size_t)len, pdk_reader_left(&r));
    if (here > 0) (void)pdk_log_quote(pdk_slice_of(r.at, here), out->path, sizeof out->path);
}
