/* core/elect/votes.h - what each server said last, and how votes are compared and counted
 * (election.md section 3).  (internal) */
#ifndef PDK_CORE_ELECT_VOTES_H
#define PDK_CORE_ELECT_VOTES_H

#include "core/elect/elect.h"

/* A vote as its sender stated it. */
struct pdk_statement {
    struct pdk_vote vote;
    enum pdk_peer_state state;
    int32_t version; /* 0: a peer of an old generation, whose epoch is a guess */
    int64_t at_ms;
};

/* One statement a server, of servers with ids that a member may have. */
struct pdk_votes {
    struct pdk_sids from;
    struct pdk_statement by[PDK_SID_MAX + 1];
};

void pdk_votes_clear(struct pdk_votes *v);
/* Ids that no member can have are passed over. */
void pdk_votes_put(struct pdk_votes *v, pdk_sid from, const struct pdk_statement *s);
void pdk_votes_remove(struct pdk_votes *v, pdk_sid from);
void pdk_votes_keep_only(struct pdk_votes *v, const struct pdk_sids *members);
/* NULL: nothing was said. */
const struct pdk_statement *pdk_votes_find(const struct pdk_votes *v, pdk_sid from);

/* Are the two the same vote, when votes are counted? */
bool pdk_statements_agree(const struct pdk_statement *a, const struct pdk_statement *b);
/* Those that stated the same as `s`. */
struct pdk_sids pdk_votes_agreeing(const struct pdk_votes *v, const struct pdk_statement *s);

#endif
