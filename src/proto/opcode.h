/* proto/opcode.h - operation numbers, special xids, create flags and permission bits.
 *
 * Source: client-protocol.md sections 5 to 7.  The same numbers are the types of transactions. */
#ifndef PDK_PROTO_OPCODE_H
#define PDK_PROTO_OPCODE_H

#include "base/base.h"

enum pdk_op {
    PDK_OP_CLOSE_SESSION = -11,
    PDK_OP_CREATE_SESSION = -10,
    PDK_OP_ERROR = -1,       /* transactions only */
    PDK_OP_NOTIFICATION = 0, /* never a request */
    PDK_OP_CREATE = 1,
    PDK_OP_DELETE = 2,
    PDK_OP_EXISTS = 3,
    PDK_OP_GET_DATA = 4,
    PDK_OP_SET_DATA = 5,
    PDK_OP_GET_ACL = 6,
    PDK_OP_SET_ACL = 7,
    PDK_OP_GET_CHILDREN = 8,
    PDK_OP_SYNC = 9,
    PDK_OP_PING = 11,
    PDK_OP_GET_CHILDREN2 = 12,
    PDK_OP_CHECK = 13,
    PDK_OP_MULTI = 14,
    PDK_OP_CREATE2 = 15,
    PDK_OP_RECONFIG = 16,
    PDK_OP_CHECK_WATCHES = 17,
    PDK_OP_REMOVE_WATCHES = 18,
    PDK_OP_CREATE_CONTAINER = 19,
    PDK_OP_DELETE_CONTAINER = 20,
    PDK_OP_CREATE_TTL = 21,
    PDK_OP_MULTI_READ = 22,
    PDK_OP_AUTH = 100,
    PDK_OP_SET_WATCHES = 101,
    PDK_OP_SASL = 102,
    PDK_OP_GET_EPHEMERALS = 103,
    PDK_OP_GET_ALL_CHILDREN_NUMBER = 104,
    PDK_OP_SET_WATCHES2 = 105,
    PDK_OP_ADD_WATCH = 106,
    PDK_OP_WHO_AM_I = 107,
};

/* The protocol's name ("getChildren2"); "unknown" for any other number.  Never NULL. */
const char *pdk_op_name(int32_t op);
/* The short name that `cons` shows as lop ("GETC"; admin.md 1.5); "NA" when there is none. */
const char *pdk_op_code4(int32_t op);

/* xids that are not a client's own count. */
enum pdk_xid {
    PDK_XID_SET_WATCHES = -8, /* C client only: recognise the request by its op */
    PDK_XID_AUTH = -4,
    PDK_XID_PING = -2, /* in every answer to a ping, whatever xid it had */
    PDK_XID_NOTIFICATION = -1,
};

/* `flags` of the create requests. */
enum pdk_create_flags {
    PDK_CREATE_PERSISTENT = 0,
    PDK_CREATE_EPHEMERAL = 1,
    PDK_CREATE_PERSISTENT_SEQUENTIAL = 2,
    PDK_CREATE_EPHEMERAL_SEQUENTIAL = 3,
    PDK_CREATE_CONTAINER = 4,
    PDK_CREATE_TTL = 5,
    PDK_CREATE_TTL_SEQUENTIAL = 6,
};
static inline bool pdk_create_flags_known(int32_t flags)
{
    return flags >= PDK_CREATE_PERSISTENT && flags <= PDK_CREATE_TTL_SEQUENTIAL;
}
static inline bool pdk_create_is_sequential(int32_t flags)
{
    return flags == PDK_CREATE_PERSISTENT_SEQUENTIAL || flags == PDK_CREATE_EPHEMERAL_SEQUENTIAL ||
           flags == PDK_CREATE_TTL_SEQUENTIAL;
}
static inline bool pdk_create_is_ephemeral(int32_t flags)
{
    return flags == PDK_CREATE_EPHEMERAL || flags == PDK_CREATE_EPHEMERAL_SEQUENTIAL;
}
static inline bool pdk_create_is_ttl(int32_t flags)
{
    return flags == PDK_CREATE_TTL || flags == PDK_CREATE_TTL_SEQUENTIAL;
}

/* Bits of ACL.perms. */
enum pdk_perm {
    PDK_PERM_READ = 1,
    PDK_PERM_WRITE = 2,
    PDK_PERM_CREATE = 4,
    PDK_PERM_DELETE = 8,
    PDK_PERM_ADMIN = 16,
    PDK_PERM_ALL = 31,
};

/* `mode` of addWatch, `type` of checkWatches and removeWatches. */
enum pdk_add_watch_mode {
    PDK_ADD_WATCH_PERSISTENT = 0,
    PDK_ADD_WATCH_PERSISTENT_RECURSIVE = 1,
};
enum pdk_watcher_type {
    PDK_WATCHER_CHILDREN = 1,
    PDK_WATCHER_DATA = 2,
    PDK_WATCHER_ANY = 3,
    PDK_WATCHER_PERSISTENT = 4,
    PDK_WATCHER_PERSISTENT_RECURSIVE = 5,
};

#endif
