#include "proto/event.h"

#include "jute/records.h"
#include "proto/frame.h"
#include "proto/opcode.h"

const char *pdk_event_type_name(int32_t type)
{
    switch (type) {
    case PDK_EVENT_NONE: return "None";
    case PDK_EVENT_NODE_CREATED: return "NodeCreated";
    case PDK_EVENT_NODE_DELETED: return "NodeDeleted";
    case PDK_EVENT_NODE_DATA_CHANGED: return "NodeDataChanged";
    case PDK_EVENT_NODE_CHILDREN_CHANGED: return "NodeChildrenChanged";
    case PDK_EVENT_DATA_WATCH_REMOVED: return "DataWatchRemoved";
    case PDK_EVENT_CHILD_WATCH_REMOVED: return "ChildWatchRemoved";
    case PDK_EVENT_PERSISTENT_WATCH_REMOVED: return "PersistentWatchRemoved";
    default: return "Unknown";
    }
}

const char *pdk_event_state_name(int32_t state)
{
    switch (state) {
    case PDK_STATE_EXPIRED: return "Expired";
    case PDK_STATE_DISCONNECTED: return "Disconnected";
    case PDK_STATE_NO_SYNC_CONNECTED: return "NoSyncConnected";
    case PDK_STATE_SYNC_CONNECTED: return "SyncConnected";
    case PDK_STATE_AUTH_FAILED: return "AuthFailed";
    case PDK_STATE_CONNECTED_READ_ONLY: return "ConnectedReadOnly";
    case PDK_STATE_SASL_AUTHENTICATED: return "SaslAuthenticated";
    case PDK_STATE_CLOSED: return "Closed";
    default: return "Unknown";
    }
}

void pdk_put_notification(struct pdk_buf *b, pdk_zxid zxid, enum pdk_event_type type,
                          enum pdk_event_state state, struct pdk_slice path)
{
    const struct pdk_reply_header header = {.xid = PDK_XID_NOTIFICATION, .zxid = zxid};
    const struct pdk_watcher_event event = {.type = type, .state = state, .path = path};
    size_t at = pdk_frame_begin(b);
    pdk_put_reply_header(b, &header);
    pdk_put_watcher_event(b, &event);
    pdk_frame_end(b, at);
}
