/* proto/code.h - protocol results: the `err` of replies.
 *
 * Source: client-protocol.md section 9.1.  Operating errors are `enum pdk_err` and never mixed
 * with these. */
#ifndef PDK_PROTO_CODE_H
#define PDK_PROTO_CODE_H

#include "base/base.h"

enum pdk_code {
    PDK_CODE_OK = 0,
    PDK_CODE_SYSTEM_ERROR = -1,          /* marks a class; never sent */
    PDK_CODE_RUNTIME_INCONSISTENCY = -2, /* parts of a multi behind the one that failed */
    PDK_CODE_DATA_INCONSISTENCY = -3,    /* not sent */
    PDK_CODE_CONNECTION_LOSS = -4,       /* made by clients */
    PDK_CODE_MARSHALLING_ERROR = -5,
    PDK_CODE_UNIMPLEMENTED = -6,
    PDK_CODE_OPERATION_TIMEOUT = -7, /* not sent */
    PDK_CODE_BAD_ARGUMENTS = -8,
    PDK_CODE_UNKNOWN_SESSION = -12,
    PDK_CODE_NEW_CONFIG_NO_QUORUM = -13,
    PDK_CODE_RECONFIG_IN_PROGRESS = -14,
    PDK_CODE_API_ERROR = -100, /* marks a class: the user's errors are below */
    PDK_CODE_NO_NODE = -101,
    PDK_CODE_NO_AUTH = -102,
    PDK_CODE_BAD_VERSION = -103,
    PDK_CODE_NO_CHILDREN_FOR_EPHEMERALS = -108,
    PDK_CODE_NODE_EXISTS = -110,
    PDK_CODE_NOT_EMPTY = -111,
    PDK_CODE_SESSION_EXPIRED = -112,
    PDK_CODE_INVALID_CALLBACK = -113, /* made by clients */
    PDK_CODE_INVALID_ACL = -114,
    PDK_CODE_AUTH_FAILED = -115,
    PDK_CODE_SESSION_MOVED = -118,
    PDK_CODE_NOT_READ_ONLY = -119,
    PDK_CODE_EPHEMERAL_ON_LOCAL_SESSION = -120,
    PDK_CODE_NO_WATCHER = -121,
    PDK_CODE_REQUEST_TIMEOUT = -122, /* made by clients */
    PDK_CODE_RECONFIG_DISABLED = -123,
    PDK_CODE_SESSION_CLOSED_REQUIRE_SASL_AUTH = -124,
    PDK_CODE_QUOTA_EXCEEDED = -125,
    PDK_CODE_THROTTLED_OP = -127,
};

/* The protocol's name ("NoNode"); "Unknown" for any other number.  Never NULL. */
const char *pdk_code_name(int32_t code);

#endif
