/* core/node/member.h - a member of an ensemble: its role, and what the rest of the node asks of
 * it.
 *
 *      LOOKING --decided--> LEADING | FOLLOWING | OBSERVING --lost--> LOOKING
 *
 * A role is one machine of core/zab; elect and mesh live as long as the node.  While no role
 * serves, client connections are closed (or, in read-only mode, may read).  What is logged and
 * not known to be committed when a role ends stays proposed: the next election speaks for it,
 * and the next leader commits it or has it forgotten.
 *
 * Every function may be called in a standalone node (member NULL) unless it says otherwise. */
#ifndef PDK_CORE_NODE_MEMBER_H
#define PDK_CORE_NODE_MEMBER_H

#include "core/elect/elect.h"
#include "core/elect/mesh.h"
#include "core/node/internal.h"
#include "core/zab/leader.h"
#include "core/zab/learner.h"

/* Links that came in are numbered from 0, those that go out from PDK_LINK_DIALLED. */
#define PDK_LINK_NONE UINT32_MAX

/* A connection whose session the leader is asked about. */
struct pdk_revalidation {
    pdk_session session;
    uint32_t conn;     /* PDK_CONN_NONE: of an observer that this follower feeds ... */
    uint32_t observer; /* ... through this link */
    uint64_t conn_serial;
};
/* A stream that came in on the quorum port or the observer master's. */
struct pdk_accepted_link {
    uint32_t link;
    enum pdk_port port;
};
/* A connection whose sync the leader is asked to answer; answers come in order. */
struct pdk_asked_sync {
    uint32_t conn, observer; /* as above */
    uint64_t conn_serial;
};

struct pdk_membership {
    pdk_sid me;
    struct pdk_members *committed; /* in force */
    struct pdk_members *last_seen; /* proposed; the same as committed when none is */
    struct pdk_elect *elect;
    struct pdk_mesh *mesh;
    struct pdk_leader *leader;   /* LEADING */
    struct pdk_learner *learner; /* FOLLOWING, OBSERVING */
    struct pdk_leader *feeder;   /* FOLLOWING: feeds observers in the leader's place */
    enum pdk_role role;
    bool serves, read_only;
    bool untrusted;
    bool needs_tree; /* asks the next leader for its tree, whatever the log says */
    bool running;    /* effects are being carried out */
    int64_t accepted_epoch, current_epoch;
    int64_t serve_epoch; /* served once the tree holds nothing that is not committed; 0: none */
    pdk_sid leader_sid;  /* PDK_SID_NONE: none */
    pdk_sid next_leader; /* named by a reconfig */
    pdk_sid favour;      /* to be voted for next, because we hand over to it */

    uint32_t links_dialled;
    uint32_t leader_link; /* of a learner; PDK_LINK_NONE: none */
    pdk_zxid announced;   /* leader: proposed to learners up to here */
    bool retiring;        /* leader: nothing more is proposed, another takes over */
    bool rolling;         /* leader: nothing is proposed until the epoch is a new one */
    bool renewing;        /* ... and the learners are asked for it */
    int64_t rolling_since_ms;
    struct pdk_held_request *held; /* ring: what waits for that, or for room */
    size_t held_head, held_count, held_cap;
    struct pdk_accepted_link *accepted; /* streams of learners */
    size_t accepted_count, accepted_cap;

    /* A tree that is being loaded instead of ours: nothing may be decided before it is there. */
    struct pdk_state *loading;
    struct pdk_recover_sink loading_sink;
    bool spooling, installing; /* a snapshot of the leader's */
    int32_t fruitless;         /* roles in a row that have ended before they served */
    pdk_zxid before_spool;     /* the end of our history, should the snapshot not come through */

    int64_t looking_since_ms, look_at_ms; /* INT64_MAX: an election is on, or a role is held */
    int64_t last_election_ms;
    uint64_t elections;
    int64_t serving_since_ms; /* while `serves` */

    /* learner */
    struct pdk_revalidation *revalidations; /* in the order asked */
    size_t revalidation_count, revalidation_cap;
    struct pdk_asked_sync *syncs; /* ring */
    size_t sync_head, sync_count, sync_cap;
    pdk_session *touched; /* since the leader was last told */
    size_t touched_count, touched_cap;
    struct pdk_buf scratch, authinfo;
};

/* ---- member.c -------------------------------------------------------------------------------- */
void pdk_member_create(struct pdk_node *n);
void pdk_member_destroy(struct pdk_node *n);
/* Recovery is complete: looks for a leader. */
void pdk_member_start(struct pdk_node *n);
/* Inputs that concern only members; false: not one of them. */
bool pdk_member_input(struct pdk_node *n, const struct pdk_input *input);
/* n->no_space has changed. */
void pdk_member_space(struct pdk_node *n);
/* The log is durable up to n->durable. */
void pdk_member_durable(struct pdk_node *n);
void pdk_member_tick(struct pdk_node *n);
int64_t pdk_member_deadline(const struct pdk_node *n);
/* Tells learners of what was proposed, and carries out what the machines want.  The end of every
 * step. */
void pdk_member_run(struct pdk_node *n);
/* The role is over. */
void pdk_member_step_down(struct pdk_node *n, struct pdk_slice why);
/* Broadcast has begun. */
void pdk_member_serve(struct pdk_node *n, int64_t epoch);
/* Everything up to zxid is committed, as the leader (or we, leading) say. */
void pdk_member_committed(struct pdk_node *n, pdk_zxid zxid);
/* The election has decided. */
void pdk_member_decided(struct pdk_node *n, const struct pdk_vote *vote);

static inline bool pdk_member_is_leading(const struct pdk_node *n)
{
    return n->member != NULL && n->member->leader != NULL;
}
static inline bool pdk_member_serves(const struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    if (m == NULL || m->read_only) return true;
    return m->serves && (m->leader == NULL || n->config.ensemble.leader_serves);
}
static inline bool pdk_member_is_read_only(const struct pdk_node *n)
{
    return n->member != NULL && n->member->read_only;
}
/* Who makes transactions, lets sessions expire and removes containers. */
static inline bool pdk_member_decides(const struct pdk_node *n)
{
    return n->member == NULL || (n->member->leader != NULL && n->member->serves);
}
/* ... and may make one now. */
static inline bool pdk_member_proposes(const struct pdk_node *n)
{
    const struct pdk_membership *m = n->member;
    return m == NULL || (pdk_member_decides(n) && !m->retiring && !m->rolling);
}
/* Signs of life go to a leader. */
static inline bool pdk_member_reports_touches(const struct pdk_node *n)
{
    return n->member != NULL && n->member->learner != NULL;
}
static inline bool pdk_member_local_sessions(const struct pdk_node *n)
{
    return n->member != NULL && n->config.ensemble.local_sessions;
}

struct pdk_zab_limits pdk_member_limits(const struct pdk_node *n);
/* Who serves the learner behind this link: we as leader, or as feeder of observers; NULL:
 * nobody. */
static inline struct pdk_leader *pdk_member_server_of(const struct pdk_node *n, uint32_t link)
{
    const struct pdk_membership *m = n->member;
    if (m->leader != NULL && pdk_leader_knows(m->leader, link)) return m->leader;
    return m->feeder != NULL && pdk_leader_knows(m->feeder, link) ? m->feeder : NULL;
}

/* ---- links.c (members only) ------------------------------------------------------------------ */
/* Carries out what election, mesh, leader and learner want, until they want nothing. */
void pdk_links_run(struct pdk_node *n);
void pdk_links_accepted(struct pdk_node *n, const struct pdk_input *input);
void pdk_links_dialled(struct pdk_node *n, uint32_t link, bool connected);
void pdk_links_closed(struct pdk_node *n, uint32_t link);
size_t pdk_links_bytes(struct pdk_node *n, uint32_t link, struct pdk_slice bytes);
uint32_t pdk_links_next(void *node);
/* Carries out one effect of a machine of Zab. */
void pdk_links_carry(struct pdk_node *n, const struct pdk_zab_effect *e);

/* ---- feed.c (members only) ------------------------------------------------------------------- */
/* A follower serves: observers may come, if it is to feed them; and go. */
void pdk_feed_begin(struct pdk_node *n);
void pdk_feed_end(struct pdk_node *n);
/* n->committed has grown; a reconfig is in force. */
void pdk_feed_committed(struct pdk_node *n);
void pdk_feed_config(struct pdk_node *n, struct pdk_members *members, pdk_sid leader);
/* The session lives and is the observer's behind this link from now on. */
void pdk_feed_revalidated(struct pdk_node *n, pdk_session session, uint32_t link);
void pdk_feed_carry(struct pdk_node *n, const struct pdk_zab_effect *e);
/* The leader's answer to what an observer had asked. */
void pdk_feed_answer(struct pdk_node *n, uint32_t link, enum pdk_qtype type, pdk_zxid zxid,
                     struct pdk_slice data);

/* ---- lead.c ---------------------------------------------------------------------------------- */
/* A packet from a learner that Zab does not judge. */
void pdk_lead_packet(struct pdk_node *n, const struct pdk_zab_effect *e);
void pdk_lead_request(struct pdk_node *n, const struct pdk_zab_effect *e);
/* A write, or a new session, of a connection of the leader's own. */
bool pdk_lead_write(struct pdk_node *n, struct pdk_propose *p, enum pdk_code *code);
PDK_WARN_UNUSED enum pdk_err pdk_lead_sync(struct pdk_node *n, const struct pdk_conn *c);
/* The sync of a learner is answered. */
void pdk_member_synced(struct pdk_node *n, uint32_t link);

/* ---- follow.c -------------------------------------------------------------------------------- */
void pdk_follow_packet(struct pdk_node *n, const struct pdk_zab_effect *e);
bool pdk_follow_write(struct pdk_node *n, const struct pdk_propose *p);
/* Remembers who is to hear of the leader's next answer to a sync: a connection, or an observer. */
PDK_WARN_UNUSED enum pdk_err pdk_follow_ask_sync(struct pdk_node *n, uint32_t conn,
                                                 uint64_t conn_serial, uint32_t observer);
void pdk_follow_ask_session(struct pdk_node *n, const struct pdk_revalidation *asked);
PDK_WARN_UNUSED enum pdk_err pdk_follow_sync(struct pdk_node *n, const struct pdk_conn *c);
/* Forgets what was asked of a leader that is no more. */
void pdk_follow_forget(struct pdk_node *n);
/* The connection asks for a session that it had: the leader knows whether it lives. */
void pdk_member_revalidate(struct pdk_node *n, struct pdk_conn *c);
void pdk_member_touched(struct pdk_node *n, struct pdk_session_entry *entry);
/* The connection whose session this is, local or global; NULL: it is elsewhere. */
struct pdk_conn *pdk_member_conn_of(const struct pdk_node *n, pdk_session session);

/* ---- rollover.c (members only) --------------------------------------------------------------- */
/* Begins when the counter nears its end, asks for an epoch when nothing is outstanding.  True: the
 * leader has been asked. */
bool pdk_rollover_run(struct pdk_node *n);
/* The new epoch is there: what was held goes on. */
void pdk_rollover_done(struct pdk_node *n);

/* ---- hold.c (members only) ------------------------------------------------------------------- */
/* A learner's REQUEST; a connection of ours that wants a session. */
void pdk_hold_packet(struct pdk_node *n, const struct pdk_zab_effect *e);
void pdk_hold_session(struct pdk_node *n, const struct pdk_conn *c);
/* Lets go on what may; true when anything did. */
bool pdk_hold_release(struct pdk_node *n);
/* The role is over. */
void pdk_hold_forget(struct pdk_node *n);

/* ---- ask.c ----------------------------------------------------------------------------------- */
/* Takes the write, to be answered when it commits; false: `*code` is the answer. */
bool pdk_member_write(struct pdk_node *n, struct pdk_propose *p, enum pdk_code *code);
PDK_WARN_UNUSED enum pdk_err pdk_member_sync(struct pdk_node *n, struct pdk_conn *c);
/* A local session wants what only a global one may have: true when its request waits for that. */
bool pdk_member_upgrades(struct pdk_node *n, struct pdk_conn *c,
                         const struct pdk_request_header *header, struct pdk_slice body);
/* Its session is global now: the request that waited goes on. */
void pdk_member_upgraded(struct pdk_node *n, struct pdk_conn *c, struct pdk_session_entry *entry);

/* ---- reconfig.c (members only) --------------------------------------------------------------- */
/* Judges a reconfig (zab.md 9.2, steps 1 to 5): OK with the new config, to be dropped. */
enum pdk_code pdk_reconfig_judge(struct pdk_node *n, struct pdk_slice body,
                                 struct pdk_members **next);
/* `next` has been proposed at `zxid`. */
void pdk_reconfig_proposed(struct pdk_node *n, pdk_zxid zxid, struct pdk_members *next);
void pdk_reconfig_seen(struct pdk_node *n, struct pdk_members *next);
void pdk_reconfig_activate(struct pdk_node *n, struct pdk_members *next, pdk_sid leader);
/* A peer's notification carries a newer config. */
void pdk_reconfig_adopt(struct pdk_node *n, struct pdk_slice text);
/* /zookeeper/config shows the config in force. */
void pdk_reconfig_show(struct pdk_node *n);

#endif
