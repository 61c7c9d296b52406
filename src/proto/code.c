#include "proto/code.h"

const char *pdk_code_name(int32_t code)
{
    switch (code) {
    case PDK_CODE_OK: return "Ok";
    case PDK_CODE_SYSTEM_ERROR: return "SystemError";
    case PDK_CODE_RUNTIME_INCONSISTENCY: return "RuntimeInconsistency";
    case PDK_CODE_DATA_INCONSISTENCY: return "DataInconsistency";
    case PDK_CODE_CONNECTION_LOSS: return "ConnectionLoss";
    case PDK_CODE_MARSHALLING_ERROR: return "MarshallingError";
    case PDK_CODE_UNIMPLEMENTED: return "Unimplemented";
    case PDK_CODE_OPERATION_TIMEOUT: return "OperationTimeout";
    case PDK_CODE_BAD_ARGUMENTS: return "BadArguments";
    case PDK_CODE_UNKNOWN_SESSION: return "UnknownSession";
    case PDK_CODE_NEW_CONFIG_NO_QUORUM: return "NewConfigNoQuorum";
    case PDK_CODE_RECONFIG_IN_PROGRESS: return "ReconfigInProgress";
    case PDK_CODE_API_ERROR: return "APIError";
    case PDK_CODE_NO_NODE: return "NoNode";
    case PDK_CODE_NO_AUTH: return "NoAuth";
    case PDK_CODE_BAD_VERSION: return "BadVersion";
    case PDK_CODE_NO_CHILDREN_FOR_EPHEMERALS: return "NoChildrenForEphemerals";
    case PDK_CODE_NODE_EXISTS: return "NodeExists";
    case PDK_CODE_NOT_EMPTY: return "NotEmpty";
    case PDK_CODE_SESSION_EXPIRED: return "SessionExpired";
    case PDK_CODE_INVALID_CALLBACK: return "InvalidCallback";
    case PDK_CODE_INVALID_ACL: return "InvalidACL";
    case PDK_CODE_AUTH_FAILED: return "AuthFailed";
    case PDK_CODE_SESSION_MOVED: return "SessionMoved";
    case PDK_CODE_NOT_READ_ONLY: return "NotReadOnly";
    case PDK_CODE_EPHEMERAL_ON_LOCAL_SESSION: return "EphemeralOnLocalSession";
    case PDK_CODE_NO_WATCHER: return "NoWatcher";
    case PDK_CODE_REQUEST_TIMEOUT: return "RequestTimeout";
    case PDK_CODE_RECONFIG_DISABLED: return "ReconfigDisabled";
    case PDK_CODE_SESSION_CLOSED_REQUIRE_SASL_AUTH: return "SessionClosedRequireSaslAuth";
    case PDK_CODE_QUOTA_EXCEEDED: return "QuotaExceeded";
    case PDK_CODE_THROTTLED_OP: return "ThrottledOp";
    default: return "Unknown";
    }
}
