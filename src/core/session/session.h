/* core/session/session.h - sessions: who lives, until when.  (pure: no clock)
 *
 * Sessions sit in buckets of `tick_ms`.  A deadline is rounded UP to the next bucket edge:
 * ((now + timeout) / tick + 1) * tick, so a session may outlive its timeout by at most one tick
 * and never dies early (client-protocol.md 15.3).  The per-touch timeout is the connection's.
 *
 * Ownership: the table owns its entries; pointers are good until that session is removed.
 * Threads: core thread.  `now_ms` is monotonic, >= 0, never smaller than in an earlier call. */
#ifndef PDK_CORE_SESSION_SESSION_H
#define PDK_CORE_SESSION_SESSION_H

#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"

#define PDK_CONN_NONE UINT32_MAX
/* Owners that are no link. */
#define PDK_OWNER_NOBODY UINT32_MAX
#define PDK_OWNER_SELF (UINT32_MAX - 1)

struct pdk_session_entry {
    pdk_session id;
    int32_t timeout_ms;  /* as negotiated at creation; what the snapshot stores */
    bool closing;        /* expired or close requested: no longer touched, no new requests */
    uint32_t conn;       /* the node's connection index, or PDK_CONN_NONE */
    int64_t deadline_ms; /* bucket edge; 0 = not armed */
    /* An ensemble's: */
    uint32_t owner; /* leader: the learner's link through which it last came, PDK_OWNER_*  */
    bool touched;   /* learner: heard since the leader was last told */
    /* table's own: */
    struct pdk_session_entry *bucket_next, *bucket_prev;
};

struct pdk_sessions;
/* tick_ms >= 1; limit: most live sessions (refuses with NULL beyond). */
struct pdk_sessions *pdk_sessions_create(const struct pdk_mem *mem, struct pdk_hash_seed seed,
                                         int64_t tick_ms, size_t limit);
void pdk_sessions_destroy(struct pdk_sessions *s);

/* NULL: unknown. */
struct pdk_session_entry *pdk_sessions_find(const struct pdk_sessions *s, pdk_session id);
/* Adds a session that is not armed yet; the existing one when known (its timeout is updated).
 * NULL: no memory or limit reached. */
struct pdk_session_entry *pdk_sessions_add(struct pdk_sessions *s, pdk_session id,
                                           int32_t timeout_ms);
void pdk_sessions_remove(struct pdk_sessions *s, pdk_session id);
/* Moves the session to the bucket of now_ms + timeout_ms; nothing when it is closing.  A comparison
 * while the bucket stays the same, else a search among the buckets.  Below 0 counts as 0. */
void pdk_sessions_touch(struct pdk_sessions *s, struct pdk_session_entry *e, int64_t now_ms,
                        int32_t timeout_ms);
/* Arms every session with its own timeout, takes back `closing` and forgets owners: a new leader
 * gives all a full timeout, and what an earlier one began to close but did not commit lives on. */
void pdk_sessions_arm_all(struct pdk_sessions *s, int64_t now_ms);
/* One session whose bucket time has passed (deadline_ms <= now_ms), disarmed and marked closing;
 * NULL when none.  Those that were closing already are disarmed and passed over.
 * Call until NULL or until the step's budget is used up. */
struct pdk_session_entry *pdk_sessions_expire_one(struct pdk_sessions *s, int64_t now_ms);
/* Earliest bucket edge, or INT64_MAX. */
int64_t pdk_sessions_next_deadline(const struct pdk_sessions *s);
size_t pdk_sessions_count(const struct pdk_sessions *s);
/* Every session, in no order. */
void pdk_sessions_each(const struct pdk_sessions *s,
                       void (*each)(void *ctx, const struct pdk_session_entry *e), void *ctx);
/* Armed buckets in time order, each with its sessions (4lw dump). */
void pdk_sessions_each_bucket(const struct pdk_sessions *s,
                              void (*each)(void *ctx, int64_t edge_ms,
                                           const struct pdk_session_entry *first, size_t count),
                              void *ctx);

/* ---- ids (client-protocol.md 15.1, decision 15) ---------------------------------------------- */
/* First id of a run: server_id in the top byte, then the low 40 bits of wall_ms, then 16 zeroes.
 * Wall time instead of Apache's time since boot, so that ids do not repeat after a reboot. */
pdk_session pdk_session_first_id(uint8_t server_id, int64_t wall_ms);
/* The next id after `id` that is not live and is neither 0 nor INT64_MIN. */
pdk_session pdk_session_next_id(const struct pdk_sessions *s, pdk_session id);

/* clamp(requested, min, max) */
int32_t pdk_session_negotiate(int32_t requested_ms, int32_t min_ms, int32_t max_ms);

void pdk_sessions_validate(const struct pdk_sessions *s);

#endif
