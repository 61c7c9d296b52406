#include "core/elect/votes.h"

void pdk_votes_clear(struct pdk_votes *v) { v->from = (struct pdk_sids){{0}}; }

void pdk_votes_put(struct pdk_votes *v, pdk_sid from, const struct pdk_statement *s)
{
    if (from < 0 || from > PDK_SID_MAX) return;
    pdk_sids_add(&v->from, from);
    v->by[from] = *s;
}

void pdk_votes_remove(struct pdk_votes *v, pdk_sid from) { pdk_sids_remove(&v->from, from); }

void pdk_votes_keep_only(struct pdk_votes *v, const struct pdk_sids *members)
{
    for (size_t i = 0; i < PDK_COUNT_OF(v->from.bits); i++) v->from.bits[i] &= members->bits[i];
}

const struct pdk_statement *pdk_votes_find(const struct pdk_votes *v, pdk_sid from)
{
    return pdk_sids_has(&v->from, from) ? &v->by[from] : NULL;
}

/* Election.md section 3: while one of them looks, everything must be equal.  Two that have a role
 * were elected perhaps in different rounds and with different ideas of the zxid (ZOOKEEPER-1732);
 * one of an old generation does not even know the epoch (ZOOKEEPER-1810). */
bool pdk_statements_agree(const struct pdk_statement *a, const struct pdk_statement *b)
{
    if (a->vote.leader != b->vote.leader) return false;
    if (a->state == PDK_LOOKING || b->state == PDK_LOOKING) {
        return a->vote.zxid == b->vote.zxid && a->vote.round == b->vote.round &&
               a->vote.epoch == b->vote.epoch;
    }
    if ((a->version > 0) != (b->version > 0)) return true;
    return a->vote.epoch == b->vote.epoch;
}

struct pdk_sids pdk_votes_agreeing(const struct pdk_votes *v, const struct pdk_statement *s)
{
    struct pdk_sids found = {{0}};
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (pdk_sids_has(&v->from, sid) && pdk_statements_agree(s, &v->by[sid])) {
            pdk_sids_add(&found, sid);
        }
    }
    return found;
}

bool pdk_vote_beats(const struct pdk_vote *a, const struct pdk_vote *b, int64_t weight)
{
    if (weight == 0) return false;
    if (a->epoch != b->epoch) return a->epoch > b->epoch;
    if (a->zxid != b->zxid) return a->zxid > b->zxid;
    return a->leader > b->leader;
}
