/* proto/vote.h - messages on the election port (election.md sections 1.2, 1.3 and 2).
 *
 * Threads: any. */
#ifndef PDK_PROTO_VOTE_H
#define PDK_PROTO_VOTE_H

#include "base/base.h"
#include "base/buf.h"

/* ---- what a dialler says first --------------------------------------------------------------- */
#define PDK_HELLO_V1 INT64_C(-65536)
#define PDK_HELLO_V2 INT64_C(-65535)
#define PDK_HELLO_ADDRESS_MAX 2048
/* A dialler that is an observer without an id. */
#define PDK_HELLO_ANONYMOUS INT64_MAX
struct pdk_hello {
    int64_t version; /* V1, V2, or 0: a peer from before 3.5, which says only its id */
    int64_t sid;
    struct pdk_slice addresses; /* "host:port", V2: several, `|` between; empty for version 0 */
};
enum pdk_hello_found { PDK_HELLO_WHOLE, PDK_HELLO_MORE, PDK_HELLO_BROKEN };
/* The beginning of a stream's bytes.  BROKEN is told as early as it is known: close. */
enum pdk_hello_found pdk_hello_read(struct pdk_slice bytes, struct pdk_hello *out, size_t *used);
void pdk_put_hello(struct pdk_buf *b, const struct pdk_hello *hello);
/* The next "host:port" of `rest`, which is shortened; brackets of IPv6 are taken off.  False at the
 * end; items that are no address to dial (no port from 1 to 65535, a wildcard, control characters,
 * a host over 255 bytes) are passed over. */
bool pdk_hello_address(struct pdk_slice *rest, struct pdk_slice *host, int32_t *port);

/* ---- notifications ------------------------------------------------------------------------ */
/* Frame: int32 length, 1 to 524288, then the notification. */
#define PDK_NOTIFICATION_MAX 524288

enum pdk_peer_state { PDK_LOOKING = 0, PDK_FOLLOWING = 1, PDK_LEADING = 2, PDK_OBSERVING = 3 };
const char *pdk_peer_state_name(enum pdk_peer_state state);

struct pdk_notification {
    enum pdk_peer_state state;
    int64_t leader;
    pdk_zxid zxid;
    int64_t round; /* electionEpoch */
    int64_t epoch; /* peerEpoch */
    int32_t version;
    struct pdk_slice config; /* null: none */
};
/* The message behind its length.  EMALFORMED: to be passed over, the stream stays. */
PDK_WARN_UNUSED enum pdk_err pdk_notification_read(struct pdk_slice message,
                                                   struct pdk_notification *out);
/* With its length in front; version 2, whatever `n` says.  A config that is too long fails the
 * buffer. */
void pdk_put_vote_notification(struct pdk_buf *b, const struct pdk_notification *n);

#endif
