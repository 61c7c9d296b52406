/* client/core/internal.h - what client.c and request.c share. */
#ifndef PDK_CLIENT_CORE_INTERNAL_H
#define PDK_CLIENT_CORE_INTERNAL_H

#include "base/buf.h"
#include "base/prng.h"
#include "client/core/client.h"
#include "client/core/watches.h"
#include "proto/code.h"

/* A request that has no answer yet. */
struct pdk_client_pending {
    uint64_t tag;
    struct pdk_client_watched *watch; /* what it asks for; NULL: nothing */
    int32_t xid, op;
    enum pdk_client_watch_kind watch_kind; /* when watch is set */
};

struct pdk_client_auth {
    uint64_t tag;
    bool told;      /* its REPLY has been emitted */
    uint8_t *bytes; /* scheme, then auth */
    size_t scheme_len, auth_len;
};

/* Effects beside replies that one input can leave, events not counted. */
#define PDK_CLIENT_EFFECTS_SPARE 8

struct pdk_client {
    struct pdk_client_config config;
    enum pdk_client_state state;
    const char *fault;
    struct pdk_prng prng;

    pdk_session session;
    uint8_t password[PDK_PASSWORD_LEN];
    int32_t timeout_ms; /* negotiated */
    bool read_only;
    pdk_zxid last_zxid;

    int64_t heard_ms, sent_ms; /* last bytes */
    int64_t attempt_ms;        /* WAITING: when to try; CONNECTING, HANDSHAKE: when it began */
    uint32_t *hosts;           /* in the order of trying */
    uint32_t host_next, round_tries;

    int32_t next_xid;
    struct pdk_client_pending *ring; /* of ring_cap, a power of two */
    uint32_t ring_cap, ring_head, ring_count;

    struct pdk_client_auth *auths;
    size_t auth_count, auth_untold;
    size_t auth_answered;         /* of those sent on this connection */
    uint32_t set_watches_pending; /* frames on this connection without an answer */
    struct pdk_client_watches watches;

    struct pdk_buf out; /* bytes of this connection; the first out_sent are gone */
    size_t out_sent;
    struct pdk_buf waiting; /* requests made before the session stood */
    /* The beginning of a frame.  Two in turn: effects point into the one that was completed. */
    struct pdk_buf partial[2];
    unsigned partial_at;

    struct pdk_client_effect *effects;
    size_t effect_count, effect_cap;
};

/* Room for every reply that may still come, and PDK_CLIENT_EFFECTS_SPARE + `more` besides. */
PDK_WARN_UNUSED bool pdk_client_reserve_effects(struct pdk_client *c, size_t more);
/* The session ends: all that is pending gets `code`. */
void pdk_client_finish(struct pdk_client *c, enum pdk_client_state state, enum pdk_code code);
void pdk_client_enter(struct pdk_client *c, enum pdk_client_state state);
void pdk_client_push_reply(struct pdk_client *c, uint64_t tag, int32_t op, int32_t code);
void pdk_client_put_auth(struct pdk_client *c, const struct pdk_client_auth *auth);

#endif
