/* core/quorum/quorum.h - who belongs to the ensemble, and when enough of them have spoken.  (pure)
 *
 * A config names members with roles and addresses, has a version, and decides what a quorum is:
 * a majority of its voters, or a hierarchy of groups with weights (election.md section 6).  It is
 * a value: made once, never changed, shared by counting references.
 *
 * Ownership: pdk_members_hold and _drop count; the last drop frees.  Everything a config points to
 * is its own.  Threads: a config may be read by any thread; hold and drop on the core thread. */
#ifndef PDK_CORE_QUORUM_QUORUM_H
#define PDK_CORE_QUORUM_QUORUM_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"

/* A server's id (myid).  Members have 0 to 255, because a session id carries it in its top byte;
 * learners that came without one get -1, -2, ... from their leader (zab.md section 2). */
typedef int64_t pdk_sid;
#define PDK_SID_MAX 255
#define PDK_SID_NONE INT64_MIN
#define PDK_MEMBERS_MAX 256

/* A set of members' ids; others cannot be in it. */
struct pdk_sids {
    uint64_t bits[4];
};
static inline bool pdk_sids_has(const struct pdk_sids *s, pdk_sid sid)
{
    return sid >= 0 && sid <= PDK_SID_MAX && (s->bits[sid >> 6] >> (sid & 63) & 1) != 0;
}
/* Ids out of range are passed over. */
static inline void pdk_sids_add(struct pdk_sids *s, pdk_sid sid)
{
    if (sid >= 0 && sid <= PDK_SID_MAX) s->bits[sid >> 6] |= UINT64_C(1) << (sid & 63);
}
static inline void pdk_sids_remove(struct pdk_sids *s, pdk_sid sid)
{
    if (sid >= 0 && sid <= PDK_SID_MAX) s->bits[sid >> 6] &= ~(UINT64_C(1) << (sid & 63));
}
size_t pdk_sids_count(const struct pdk_sids *s);

struct pdk_address {
    const char *host; /* name or address as written, without brackets; "" = all interfaces */
    int32_t port;     /* -1: none */
};

#define PDK_ADDRESSES_MAX 8
struct pdk_member {
    pdk_sid sid;
    bool is_voter;        /* participant; else observer */
    size_t address_count; /* >= 1; several: multi-address */
    struct {
        const char *host; /* as written, without brackets */
        int32_t quorum_port, election_port;
    } addresses[PDK_ADDRESSES_MAX];
    struct pdk_address client, secure_client; /* port -1: not said */
    int64_t weight; /* hierarchical (an observer's that was not said: -1); else 1 */
    int64_t group;  /* hierarchical (an observer's that is in none: -1); else 0 */
};

/* Of a hierarchical config. */
struct pdk_group {
    int64_t id;
    int64_t weight; /* sum over its members, as Apache has it: also over observers */
};

struct pdk_members {
    const struct pdk_mem *mem;
    uint32_t holders;
    int64_t version; /* 0: static so far; else the zxid of its reconfig */
    bool hierarchical;
    size_t count;
    struct pdk_member *items; /* ascending by sid */
    struct pdk_sids voters;
    size_t group_count;
    struct pdk_group *groups; /* ascending by id */
    char *strings;            /* what the hosts point into */
};

/* Reads config text (election.md 6.2): server.N, group.N, weight.N, version lines, Java properties
 * syntax (comments, escapes, `=` `:` or blank separators).  `version` when the text has none.
 * PDK_EINVAL: diag says which line is wrong and what is allowed: unknown keys, ids out of range,
 * a member twice, no voter, roles, ports (the two must differ), a member in two groups or in none,
 * group weights, a group or weight of no member.  An address used by two members is allowed here
 * (a reconfig checks it).  The diag is plain text whatever came in. */
PDK_WARN_UNUSED enum pdk_err pdk_members_parse(const struct pdk_mem *mem, struct pdk_slice text,
                                               int64_t version, struct pdk_members **out,
                                               struct pdk_diag *diag);
/* One line at a time, for readers of zoo.cfg: feed every server.N, group.N and weight.N pair, then
 * finish.  `key` is the whole key.  A line that is refused leaves no trace.
 * Without memory _build gives NULL, which the others take for PDK_ENOMEM. */
struct pdk_members_builder;
struct pdk_members_builder *pdk_members_build(const struct pdk_mem *mem);
PDK_WARN_UNUSED enum pdk_err pdk_members_line(struct pdk_members_builder *b, struct pdk_slice key,
                                              struct pdk_slice value, struct pdk_diag *diag);
/* Frees the builder in any case. */
PDK_WARN_UNUSED enum pdk_err pdk_members_finish(struct pdk_members_builder *b, int64_t version,
                                                struct pdk_members **out, struct pdk_diag *diag);
void pdk_members_abandon(struct pdk_members_builder *b); /* NULL is fine */

struct pdk_members *pdk_members_hold(struct pdk_members *m); /* NULL is fine */
void pdk_members_drop(struct pdk_members *m);                /* NULL is fine */
/* The same members with another version; stops the process without memory. */
struct pdk_members *pdk_members_with_version(const struct pdk_members *m, int64_t version);

/* The text that travels and that /zookeeper/config shows: ascending by sid, last line
 * version=<hex> without a newline.  The role is always there, the client part only where said;
 * the secure part only `with_secure` (3.8 and 3.9 refuse it). */
void pdk_members_put_text(const struct pdk_members *m, bool with_secure, struct pdk_buf *out);
/* The text of a dynamic file: every such line with its newline, sorted as text. */
void pdk_members_put_file(const struct pdk_members *m, bool with_version, struct pdk_buf *out);

const struct pdk_member *pdk_members_find(const struct pdk_members *m, pdk_sid sid);
static inline bool pdk_members_has_voter(const struct pdk_members *m, pdk_sid sid)
{
    return pdk_sids_has(&m->voters, sid);
}
/* Same version, or the same members with the same roles, addresses, groups and weights (election.md
 * 6.2).  A secure address counts only where both have one: the text of most peers leaves it out. */
bool pdk_members_equal(const struct pdk_members *a, const struct pdk_members *b);
/* Does a weight of 0 keep this one from leading?  1 for those that have none. */
int64_t pdk_members_weight(const struct pdk_members *m, pdk_sid sid);

/* Are these voters enough?  Ids that do not vote in `m` are passed over. */
bool pdk_members_quorum(const struct pdk_members *m, const struct pdk_sids *acks);
/* In both: `next` NULL or not newer than `m`: only in `m` (election.md 6.1). */
bool pdk_quorum_of_both(const struct pdk_members *m, const struct pdk_members *next,
                        const struct pdk_sids *acks);

/* ---- reconfig (zab.md section 9.2) ----------------------------------------------------------- */
struct pdk_reconfig {
    struct pdk_slice joining, leaving, new_members; /* null: not said; lines or commas separate */
};
/* The config that the request asks for, version not yet set (0).  PDK_EINVAL: BADARGUMENTS, diag
 * says why (a joiner without a client address, address taken twice (but for loopback and
 * wildcards), fewer than `min_voters` voters, incremental change of a hierarchical config).
 * PDK_EMALFORMED: MARSHALLINGERROR, one leaving that is no number.  An unknown id leaving is passed
 * over as Apache does. */
PDK_WARN_UNUSED enum pdk_err pdk_members_reconfig(const struct pdk_members *m,
                                                  const struct pdk_reconfig *change,
                                                  size_t min_voters, struct pdk_members **out,
                                                  struct pdk_diag *diag);
#endif
