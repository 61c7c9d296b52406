/* client/core/client.h - one client session as a pure machine: inputs in, effects out.
 *
 * Never opens a socket, never reads a clock, starts no thread.  Its driver (load generator, test,
 * simulator; later the adapters) carries bytes and time in and takes effects out:
 *
 *     pdk_client_start(c, now)
 *     for ever:
 *         carry out pdk_client_effects, then pdk_client_effects_clear
 *         send pdk_client_output, tell pdk_client_sent
 *         wait for the socket or until pdk_client_deadline
 *         pdk_client_opened | pdk_client_received | pdk_client_lost | pdk_client_tick
 *
 *   IDLE -start-> WAITING -time-> CONNECTING -opened-> HANDSHAKE -ConnectResponse-> CONNECTED
 *                    ^                |                    |                            |
 *                    +----------------+------ lost, timeout, malformed bytes -----------+
 *   CONNECTED -close-> CLOSING -reply, lost-> CLOSED          HANDSHAKE -timeOut 0-> EXPIRED
 *   any but the last three -auth refused-> AUTH_FAILED
 *
 * Requests may be made in every state from IDLE to CONNECTED: they queue until the session stands.
 * Each one that was taken (PDK_OK) is answered by exactly one REPLY effect with its tag, in the
 * order of the requests (auth excepted): by the server's reply, or with CONNECTION_LOSS when the
 * transport is lost or the attempt fails, SESSION_EXPIRED or AUTH_FAILED when the session ends.
 *
 * Watches are kept by path and kind, set again after a reconnect, and forgotten as their events
 * come.  A path is not checked here: the server's answer tells.  chroot is the adapters' work.
 *
 * Nothing is allocated per request or reply once buffers have grown, but for requests that set a
 * watch.  Out of memory never leaves half a state: a request is refused (PDK_ENOMEM), and where
 * input cannot be kept the transport is dropped as if it had been lost.
 *
 * Source: client-protocol.md sections 4, 5, 12, 13 and 18.
 * Ownership: arguments are borrowed for the call.  Threads: one at a time. */
#ifndef PDK_CLIENT_CORE_CLIENT_H
#define PDK_CLIENT_CORE_CLIENT_H

#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"
#include "jute/records.h"
#include "proto/opcode.h"
#include "proto/password.h"

enum pdk_client_state {
    PDK_CLIENT_IDLE,       /* not started */
    PDK_CLIENT_WAITING,    /* no transport; the next attempt has its time */
    PDK_CLIENT_CONNECTING, /* CONNECT was emitted, opened or lost has not come */
    PDK_CLIENT_HANDSHAKE,  /* ConnectRequest is on its way */
    PDK_CLIENT_CONNECTED,  /* the session stands */
    PDK_CLIENT_CLOSING,    /* closeSession is on its way */
    PDK_CLIENT_CLOSED,     /* the last three are final */
    PDK_CLIENT_EXPIRED,
    PDK_CLIENT_AUTH_FAILED,
};

struct pdk_client_config {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    uint64_t prng_seed;         /* order of the hosts, pauses */
    uint32_t host_count;        /* 1 or more */
    int32_t session_timeout_ms; /* asked for; the server decides */
    int32_t frame_limit_bytes;  /* longest frame that is taken (jute.maxbuffer) */
    uint32_t pending_limit;     /* requests without an answer; beyond: PDK_ENOMEM */
    size_t output_limit_bytes;  /* requests not yet sent; beyond: PDK_ENOMEM */
    bool allow_read_only;       /* take a server that has lost its quorum */
    int32_t retry_pause_ms;     /* 0..this, by chance, before every attempt but the first */
    int32_t round_pause_ms;     /* added once all hosts have been tried */
    /* A session to attach to; 0: a new one. */
    pdk_session session;
    uint8_t password[PDK_PASSWORD_LEN];
    pdk_zxid last_zxid;
};

/* What Java's client does: 30 s, 1048575 bytes, pauses of 1 s; hardly a limit on requests. */
struct pdk_client_config pdk_client_config_default(const struct pdk_mem *mem);

enum pdk_client_effect_kind {
    PDK_CLIENT_OUT_CONNECT,    /* host: open a transport to it, then call _opened or _lost */
    PDK_CLIENT_OUT_DISCONNECT, /* close the transport at once, or stop opening it; no _lost then */
    PDK_CLIENT_OUT_STATE,      /* state: has changed to this */
    PDK_CLIENT_OUT_REPLY,      /* tag, op, code, zxid, bytes: the response record, "" on errors */
    PDK_CLIENT_OUT_EVENT,      /* event, zxid, bytes: the path */
};
struct pdk_client_effect {
    enum pdk_client_effect_kind kind;
    union {
        uint32_t host; /* 0..host_count-1 */
        enum pdk_client_state state;
        int32_t op;    /* of the request; PDK_OP_AUTH for auth */
        int32_t event; /* enum pdk_event_type; hostile servers may send any number */
    };
    int32_t code; /* enum pdk_code; hostile servers may send any number */
    uint64_t tag;
    pdk_zxid zxid;
    struct pdk_slice bytes;
};

struct pdk_client;

/* NULL: out of memory. */
PDK_WARN_UNUSED struct pdk_client *pdk_client_create(const struct pdk_client_config *config);
void pdk_client_destroy(struct pdk_client *c);

/* ---- inputs; now_ms is monotonic and never smaller than before -------------------------- */
void pdk_client_start(struct pdk_client *c, int64_t now_ms);
/* The transport asked for by CONNECT is up. */
void pdk_client_opened(struct pdk_client *c, int64_t now_ms);
/* The transport could not be opened, or is gone. */
void pdk_client_lost(struct pdk_client *c, int64_t now_ms);
/* Bytes from the server, cut anywhere.  Effects must have been cleared before, and theirs point
 * into `bytes` until they are. */
void pdk_client_received(struct pdk_client *c, int64_t now_ms, struct pdk_slice bytes);
void pdk_client_tick(struct pdk_client *c, int64_t now_ms);
/* When a tick is due at the latest; INT64_MAX: never. */
int64_t pdk_client_deadline(const struct pdk_client *c);

/* ---- output ------------------------------------------------------------------------------ */
/* Bytes to send; good until the next call that is not a question. */
struct pdk_slice pdk_client_output(const struct pdk_client *c);
/* The first `len` of them have been sent (0..its length). */
void pdk_client_sent(struct pdk_client *c, int64_t now_ms, size_t len);
/* Effects since the last clear, in order; good until the next input, request or clear. */
const struct pdk_client_effect *pdk_client_effects(const struct pdk_client *c, size_t *count);
void pdk_client_effects_clear(struct pdk_client *c);

/* ---- questions --------------------------------------------------------------------------- */
enum pdk_client_state pdk_client_state(const struct pdk_client *c);
pdk_session pdk_client_session(const struct pdk_client *c); /* 0: none yet */
const uint8_t *pdk_client_password(const struct pdk_client *c);
int32_t pdk_client_timeout_ms(const struct pdk_client *c); /* negotiated; 0: none yet */
pdk_zxid pdk_client_last_zxid(const struct pdk_client *c);
bool pdk_client_is_read_only(const struct pdk_client *c);
uint32_t pdk_client_pending(const struct pdk_client *c); /* requests without an answer */
/* Why the transport was last given up: constant English, NULL when it never was. */
const char *pdk_client_fault(const struct pdk_client *c);

/* ---- requests -----------------------------------------------------------------------------
 * PDK_OK: a REPLY with `tag` will come.  PDK_ENOMEM: no memory or a limit; nothing has changed.
 * PDK_EINVAL: the session is closing or has ended (or what the function says). */
enum pdk_client_watch { PDK_CLIENT_NO_WATCH, PDK_CLIENT_WATCH };

PDK_WARN_UNUSED enum pdk_err pdk_client_get_data(struct pdk_client *c, struct pdk_slice path,
                                                 enum pdk_client_watch watch, uint64_t tag);
PDK_WARN_UNUSED enum pdk_err pdk_client_exists(struct pdk_client *c, struct pdk_slice path,
                                               enum pdk_client_watch watch, uint64_t tag);
PDK_WARN_UNUSED enum pdk_err pdk_client_get_children2(struct pdk_client *c, struct pdk_slice path,
                                                      enum pdk_client_watch watch, uint64_t tag);
/* version -1: any. */
PDK_WARN_UNUSED enum pdk_err pdk_client_set_data(struct pdk_client *c, struct pdk_slice path,
                                                 struct pdk_slice data, int32_t version,
                                                 uint64_t tag);
PDK_WARN_UNUSED enum pdk_err pdk_client_delete(struct pdk_client *c, struct pdk_slice path,
                                               int32_t version, uint64_t tag);
struct pdk_client_znode {
    struct pdk_slice path, data;
    struct pdk_vec acl; /* count 0: anyone may do anything */
    int32_t flags;      /* enum pdk_create_flags */
    int64_t ttl_ms;     /* of TTL flags only */
    bool want_stat;     /* create2; container and TTL nodes always answer with a stat */
};
PDK_WARN_UNUSED enum pdk_err pdk_client_create_znode(struct pdk_client *c,
                                                     const struct pdk_client_znode *znode,
                                                     uint64_t tag);
/* mode: enum pdk_add_watch_mode, else PDK_EINVAL. */
PDK_WARN_UNUSED enum pdk_err pdk_client_add_watch(struct pdk_client *c, struct pdk_slice path,
                                                  int32_t mode, uint64_t tag);
/* Any other operation with its encoded record: multi, multiRead, sync, getACL, ...  PDK_EINVAL for
 * the ones that the machine keeps account of (watches, auth, ping, session). */
PDK_WARN_UNUSED enum pdk_err pdk_client_raw(struct pdk_client *c, enum pdk_op op,
                                            struct pdk_slice record, uint64_t tag);
/* Remembered, and sent again on every connection.  Its REPLY comes once, after the first answer. */
PDK_WARN_UNUSED enum pdk_err pdk_client_add_auth(struct pdk_client *c, struct pdk_slice scheme,
                                                 struct pdk_slice auth, uint64_t tag);
/* Ends the session behind what was asked before.  Without a standing session, or when the transport
 * is lost meanwhile, it is CLOSED at once and the server lets it expire. */
PDK_WARN_UNUSED enum pdk_err pdk_client_close(struct pdk_client *c, uint64_t tag);

#endif
