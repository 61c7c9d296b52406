/* proto/event.h - watch events as they go over the wire.
 *
 * Source: client-protocol.md section 10.  Servers send types 1 to 4 with state SYNC_CONNECTED; the
 * others are made by clients. */
#ifndef PDK_PROTO_EVENT_H
#define PDK_PROTO_EVENT_H

#include "base/base.h"
#include "base/buf.h"

enum pdk_event_type {
    PDK_EVENT_NONE = -1, /* about the session, not a znode */
    PDK_EVENT_NODE_CREATED = 1,
    PDK_EVENT_NODE_DELETED = 2,
    PDK_EVENT_NODE_DATA_CHANGED = 3,
    PDK_EVENT_NODE_CHILDREN_CHANGED = 4,
    PDK_EVENT_DATA_WATCH_REMOVED = 5,
    PDK_EVENT_CHILD_WATCH_REMOVED = 6,
    PDK_EVENT_PERSISTENT_WATCH_REMOVED = 7,
};

enum pdk_event_state {
    PDK_STATE_EXPIRED = -112,
    PDK_STATE_DISCONNECTED = 0,
    PDK_STATE_NO_SYNC_CONNECTED = 1, /* old name without use */
    PDK_STATE_SYNC_CONNECTED = 3,
    PDK_STATE_AUTH_FAILED = 4,
    PDK_STATE_CONNECTED_READ_ONLY = 5,
    PDK_STATE_SASL_AUTHENTICATED = 6,
    PDK_STATE_CLOSED = 7,
};

/* The protocol's names ("NodeDataChanged", "SyncConnected"); "Unknown" else.  Never NULL. */
const char *pdk_event_type_name(int32_t type);
const char *pdk_event_state_name(int32_t state);

/* A whole frame, length included: ReplyHeader (xid -1, `zxid`, err 0) and WatcherEvent.
 *
 *   zxid   of the change, or -1 (as 3.8 sends always, and later versions from setWatches)
 *
 * Failures show in the buffer. */
void pdk_put_notification(struct pdk_buf *b, pdk_zxid zxid, enum pdk_event_type type,
                          enum pdk_event_state state, struct pdk_slice path);

#endif
