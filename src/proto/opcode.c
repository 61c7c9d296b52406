#include "proto/opcode.h"

struct op_names {
    int32_t op;
    const char *name;
    const char *code4;
};

/* admin.md 1.5 lists the short names; operations without one show "NA". */
static const struct op_names *find(int32_t op)
{
    static const struct op_names table[] = {
        {PDK_OP_NOTIFICATION, "notification", "NA"},
        {PDK_OP_CREATE, "create", "CREA"},
        {PDK_OP_DELETE, "delete", "DELE"},
        {PDK_OP_EXISTS, "exists", "EXIS"},
        {PDK_OP_GET_DATA, "getData", "GETD"},
        {PDK_OP_SET_DATA, "setData", "SETD"},
        {PDK_OP_GET_ACL, "getACL", "GETA"},
        {PDK_OP_SET_ACL, "setACL", "SETA"},
        {PDK_OP_GET_CHILDREN, "getChildren", "GETC"},
        {PDK_OP_SYNC, "sync", "SYNC"},
        {PDK_OP_PING, "ping", "PING"},
        {PDK_OP_GET_CHILDREN2, "getChildren2", "GETC"},
        {PDK_OP_CHECK, "check", "CHEC"},
        {PDK_OP_MULTI, "multi", "MULT"},
        {PDK_OP_CREATE2, "create2", "CREA"},
        {PDK_OP_RECONFIG, "reconfig", "RECO"},
        {PDK_OP_CHECK_WATCHES, "checkWatches", "CHKW"},
        {PDK_OP_REMOVE_WATCHES, "removeWatches", "REMW"},
        {PDK_OP_CREATE_CONTAINER, "createContainer", "CREA"},
        {PDK_OP_DELETE_CONTAINER, "deleteContainer", "DELE"},
        {PDK_OP_CREATE_TTL, "createTTL", "CREA"},
        {PDK_OP_MULTI_READ, "multiRead", "MLTR"},
        {PDK_OP_AUTH, "auth", "NA"},
        {PDK_OP_SET_WATCHES, "setWatches", "SETW"},
        {PDK_OP_SASL, "sasl", "NA"},
        {PDK_OP_GET_EPHEMERALS, "getEphemerals", "GETE"},
        {PDK_OP_GET_ALL_CHILDREN_NUMBER, "getAllChildrenNumber", "GETACN"},
        {PDK_OP_SET_WATCHES2, "setWatches2", "STW2"},
        {PDK_OP_ADD_WATCH, "addWatch", "ADDW"},
        {PDK_OP_WHO_AM_I, "whoAmI", "HOMI"},
        {PDK_OP_CREATE_SESSION, "createSession", "SESS"},
        {PDK_OP_CLOSE_SESSION, "closeSession", "CLOS"},
        {PDK_OP_ERROR, "error", "NA"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(table); i++) {
        if (table[i].op == op) return &table[i];
    }
    return NULL;
}

const char *pdk_op_name(int32_t op)
{
    const struct op_names *names = find(op);
    return names != NULL ? names->name : "unknown";
}

const char *pdk_op_code4(int32_t op)
{
    const struct op_names *names = find(op);
    return names != NULL ? names->code4 : "NA";
}
