#include "core/elect/elect.h"

#include "core/elect/keep.h"
#include "core/elect/votes.h"

#include <string.h>

/* A server outside of the voters does not get the same answer to the same question twice within
 * this part of the smallest interval: two that do not know each other would otherwise answer each
 * other's answers for ever. */
#define STRANGER_GAP_DIVISOR 2
/* One that looks tries to reach missing voters at least this often: Apache's interval, which grows
 * to a minute, is for repeating what was delivered. */
#define DIAL_INTERVAL_MS_MAX 2000

struct pdk_elect {
    struct pdk_elect_config config;
    struct pdk_members *committed, *last_seen;
    struct pdk_sids voters;     /* of either config: whose word counts */
    struct pdk_buf config_text; /* of the committed one, as it travels */

    bool started;              /* false until the first start: there is nothing to tell yet */
    enum pdk_peer_state state; /* what others are told */
    struct pdk_vote initial;   /* what I brought into this election */
    struct pdk_vote current;   /* looking: my proposal, of round `round`; else the decision */
    int64_t round;
    bool tentative;             /* decided, and the new epoch has not begun */
    struct pdk_sids supporters; /* tentative: those by whose votes or claims it was decided */

    struct pdk_votes heard;   /* looking: votes of this round, mine among them */
    struct pdk_votes claims;  /* looking: of those that have a role, of any round */
    struct pdk_votes early;   /* not looking: of those that are */
    struct pdk_sids up, down; /* what the transport knows */
    struct pdk_sids askers;   /* not voters; they asked and will want to hear the outcome */
    struct pdk_votes questions, answers; /* of strangers, and what they got */
    int64_t offered_version;             /* of the last CONFIG effect */

    /* INT64_MAX: not waiting */
    int64_t resend_at_ms, dial_at_ms, decide_at_ms;
    int64_t resend_interval_ms, dial_interval_ms;

    struct pdk_keep keep;
    struct pdk_elect_effect *effects;
    size_t effect_count, effect_cap;
};

/* ---- effects --------------------------------------------------------------------------------- */

static struct pdk_elect_effect *add_effect(struct pdk_elect *e, enum pdk_elect_kind kind)
{
    if (e->effect_count == e->effect_cap) {
        e->effect_cap = e->effect_cap > 0 ? e->effect_cap * 2 : 16;
        e->effects =
            pdk_mem_must_resize(e->config.mem, e->effects, e->effect_cap * sizeof *e->effects);
    }
    struct pdk_elect_effect *effect = &e->effects[e->effect_count++];
    *effect = (struct pdk_elect_effect){.kind = kind, .sid = PDK_SID_NONE};
    return effect;
}

const struct pdk_elect_effect *pdk_elect_effects(struct pdk_elect *e, size_t *count)
{
    *count = e->effect_count;
    return e->effects;
}

void pdk_elect_effects_clear(struct pdk_elect *e)
{
    e->effect_count = 0;
    pdk_keep_clear(&e->keep);
}

/* What I have to say now, as a frame. */
static struct pdk_slice put_frame(struct pdk_elect *e)
{
    struct pdk_notification n = {.state = e->state,
                                 .leader = e->current.leader,
                                 .zxid = e->current.zxid,
                                 .round = e->round,
                                 .epoch = e->current.epoch,
                                 .version = 2,
                                 .config = pdk_buf_slice(&e->config_text)};
    struct pdk_buf b;
    pdk_buf_init(&b, e->config.mem, SIZE_MAX);
    pdk_put_vote_notification(&b, &n);
    PDK_ASSERT(!b.failed);
    struct pdk_slice frame = pdk_keep_bytes(&e->keep, pdk_buf_slice(&b));
    pdk_buf_deinit(&b);
    return frame;
}

static void send_frame(struct pdk_elect *e, pdk_sid sid, struct pdk_slice frame)
{
    struct pdk_elect_effect *effect = add_effect(e, PDK_ELECT_SEND);
    effect->sid = sid;
    effect->bytes = frame;
}

static void send_to(struct pdk_elect *e, pdk_sid sid) { send_frame(e, sid, put_frame(e)); }

static void send_to_each(struct pdk_elect *e, const struct pdk_sids *sids)
{
    struct pdk_slice frame = put_frame(e);
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (sid != e->config.me && pdk_sids_has(sids, sid)) send_frame(e, sid, frame);
    }
}

static void stop_waiting(struct pdk_elect *e)
{
    e->resend_at_ms = e->dial_at_ms = e->decide_at_ms = INT64_MAX;
}

/* ---- making ---------------------------------------------------------------------------------- */

static void write_config_text(struct pdk_elect *e)
{
    pdk_buf_clear(&e->config_text);
    /* Without the secure client addresses, which 3.8 and 3.9 would refuse. */
    pdk_members_put_text(e->committed, false, &e->config_text);
    /* One that is too long for a notification does not travel this way; NEWLEADER carries it. */
    if (e->config_text.failed) pdk_buf_clear(&e->config_text);
}

struct pdk_elect *pdk_elect_create(const struct pdk_elect_config *config,
                                   struct pdk_members *committed, struct pdk_members *last_seen)
{
    struct pdk_elect *e = pdk_mem_must_zero(config->mem, 1, sizeof *e);
    e->config = *config;
    e->state = PDK_LOOKING;
    stop_waiting(e);
    e->keep = pdk_keep_of(config->mem);
    pdk_buf_init(&e->config_text, config->mem, PDK_NOTIFICATION_MAX / 2);
    pdk_elect_set_members(e, committed, last_seen);
    return e;
}

void pdk_elect_destroy(struct pdk_elect *e)
{
    if (e == NULL) return;
    const struct pdk_mem *mem = e->config.mem;
    pdk_keep_clear(&e->keep);
    pdk_mem_free(mem, e->effects);
    pdk_buf_deinit(&e->config_text);
    pdk_members_drop(e->committed);
    pdk_members_drop(e->last_seen);
    pdk_mem_free(mem, e);
}

void pdk_elect_set_members(struct pdk_elect *e, struct pdk_members *committed,
                           struct pdk_members *last_seen)
{
    pdk_members_hold(committed);
    pdk_members_hold(last_seen);
    pdk_members_drop(e->committed);
    pdk_members_drop(e->last_seen);
    e->committed = committed;
    e->last_seen = last_seen;
    e->voters = committed->voters;
    for (size_t i = 0; last_seen != NULL && i < PDK_COUNT_OF(e->voters.bits); i++) {
        e->voters.bits[i] |= last_seen->voters.bits[i];
    }
    pdk_votes_keep_only(&e->heard, &e->voters);
    pdk_votes_keep_only(&e->claims, &e->voters);
    pdk_votes_keep_only(&e->early, &e->voters);
    e->offered_version = committed->version;
    write_config_text(e);
}

/* ---- counting -------------------------------------------------------------------------------- */

static bool is_looking(const struct pdk_elect *e) { return e->state == PDK_LOOKING; }

static bool is_observer(const struct pdk_elect *e)
{
    const struct pdk_member *me = pdk_members_find(e->committed, e->config.me);
    return me != NULL && !me->is_voter;
}

/* Do those that said the same make a quorum? */
static bool has_quorum(const struct pdk_elect *e, const struct pdk_votes *votes,
                       const struct pdk_statement *s, struct pdk_sids *agreeing)
{
    *agreeing = pdk_votes_agreeing(votes, s);
    return pdk_quorum_of_both(e->committed, e->last_seen, agreeing);
}

static struct pdk_statement my_statement(const struct pdk_elect *e)
{
    return (struct pdk_statement){.vote = e->current, .state = PDK_LOOKING, .version = 2};
}

static bool proposal_has_quorum(const struct pdk_elect *e, struct pdk_sids *agreeing)
{
    struct pdk_statement mine = my_statement(e);
    return has_quorum(e, &e->heard, &mine, agreeing);
}

/* Nobody is left from whom a better vote could come. */
static bool nobody_missing(const struct pdk_elect *e)
{
    struct pdk_sids there = e->heard.from;
    pdk_sids_add(&there, e->config.me);
    for (size_t i = 0; i < PDK_COUNT_OF(there.bits); i++) {
        if ((e->voters.bits[i] & ~(there.bits[i] | e->down.bits[i])) != 0) return false;
    }
    return true;
}

static void decide(struct pdk_elect *e, const struct pdk_vote *vote, struct pdk_sids supporters)
{
    e->tentative = true;
    e->supporters = supporters;
    pdk_sids_add(&e->supporters, e->config.me);
    e->current = *vote;
    e->round = vote->round;
    e->state = vote->leader == e->config.me ? PDK_LEADING
               : is_observer(e)             ? PDK_OBSERVING
                                            : PDK_FOLLOWING;
    stop_waiting(e);
    add_effect(e, PDK_ELECT_DECIDED)->vote = *vote;
}

/* Is my proposal elected?  At once when nobody is left to be heard, else after a silence. */
static void weigh(struct pdk_elect *e, int64_t now_ms)
{
    struct pdk_sids agreeing;
    if (!proposal_has_quorum(e, &agreeing)) {
        e->decide_at_ms = INT64_MAX;
    } else if (e->config.finalize_wait_ms <= 0 || nobody_missing(e)) {
        decide(e, &e->current, agreeing);
    } else if (e->decide_at_ms == INT64_MAX) {
        e->decide_at_ms = now_ms + e->config.finalize_wait_ms;
    }
}

/* ---- proposing ------------------------------------------------------------------------------- */

static bool beats(const struct pdk_elect *e, const struct pdk_vote *a, const struct pdk_vote *b)
{
    return pdk_vote_beats(a, b, pdk_members_weight(e->committed, a->leader));
}

static void propose(struct pdk_elect *e, const struct pdk_vote *vote)
{
    e->current = *vote;
    e->current.round = e->round;
    e->decide_at_ms = INT64_MAX;
    /* A server that must not vote (section 8), or that has nobody to vote for, does not count. */
    if (e->initial.zxid == -1 || !pdk_sids_has(&e->voters, e->current.leader)) return;
    struct pdk_statement mine = my_statement(e);
    pdk_votes_put(&e->heard, e->config.me, &mine);
}

/* A looking server's vote.  True: my proposal or its round has changed. */
static bool count_vote(struct pdk_elect *e, pdk_sid from, const struct pdk_statement *s)
{
    bool changed = false;
    if (e->initial.zxid == -1 || s->vote.zxid == -1 || s->vote.round < e->round) return false;
    if (s->vote.round > e->round) {
        e->round = s->vote.round;
        pdk_votes_clear(&e->heard);
        propose(e, beats(e, &s->vote, &e->initial) ? &s->vote : &e->initial);
        changed = true;
    } else if (beats(e, &s->vote, &e->current)) {
        propose(e, &s->vote);
        changed = true;
    }
    pdk_votes_put(&e->heard, from, s);
    return changed;
}

/* Servers that noticed before me that the leader is gone have told me their votes already. */
static void count_early(struct pdk_elect *e, int64_t now_ms)
{
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        const struct pdk_statement *s = pdk_votes_find(&e->early, sid);
        if (s != NULL && now_ms - s->at_ms <= e->config.min_interval_ms) {
            (void)count_vote(e, sid, s);
        }
    }
    pdk_votes_clear(&e->early);
}

static struct pdk_vote initial_vote(const struct pdk_elect *e, const struct pdk_candidate *c)
{
    struct pdk_vote vote = {.leader = PDK_SID_NONE, .zxid = c->zxid, .epoch = c->epoch};
    if (pdk_members_has_voter(e->committed, e->config.me)) {
        bool hands_over = pdk_members_has_voter(e->committed, c->favour) &&
                          pdk_members_weight(e->committed, c->favour) != 0;
        vote.leader = hands_over ? c->favour : e->config.me;
    } else if (is_observer(e)) {
        vote.zxid = vote.epoch = INT64_MIN;
    }
    return vote;
}

void pdk_elect_start(struct pdk_elect *e, int64_t now_ms, const struct pdk_candidate *candidate)
{
    e->started = true;
    e->state = PDK_LOOKING;
    /* A peer can bring any round into the world: the largest is followed by the smallest. */
    e->round = (int64_t)((uint64_t)e->round + 1);
    e->initial = initial_vote(e, candidate);
    pdk_votes_clear(&e->heard);
    pdk_votes_clear(&e->claims);
    e->offered_version = e->committed->version;
    e->resend_interval_ms = e->dial_interval_ms = e->config.min_interval_ms;
    e->resend_at_ms = e->dial_at_ms = now_ms + e->config.min_interval_ms;
    propose(e, &e->initial);
    count_early(e, now_ms);
    send_to_each(e, &e->voters);
    weigh(e, now_ms);
}

/* Told as a vote without a database, which counts nowhere, of a round that ends decisions for me;
 * the transport repeats it on new streams. */
void pdk_elect_withdraw(struct pdk_elect *e)
{
    if (!e->started) return;
    e->state = PDK_LOOKING;
    e->round = (int64_t)((uint64_t)e->round + 1);
    e->current = (struct pdk_vote){.leader = e->config.me, .zxid = -1, .epoch = e->current.epoch};
    e->tentative = false;
    stop_waiting(e);
    send_to_each(e, &e->voters);
    e->started = false;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* A newer config than mine.  True: the message must not be looked at further, since the election
 * begins anew among other members. */
static bool adopts(struct pdk_elect *e, const struct pdk_notification *n)
{
    if (!e->config.takes_configs || !e->started || !is_looking(e) || n->config.len == 0) {
        return false;
    }
    if (pdk_slice_eq(n->config, pdk_buf_slice(&e->config_text))) return false;
    struct pdk_members *theirs;
    struct pdk_diag diag;
    if (pdk_members_parse(e->config.mem, n->config, 0, &theirs, &diag) != PDK_OK) return false;
    bool differs = false;
    /* One that was offered and not taken is not offered again in this election. */
    if (theirs->version > e->offered_version) {
        e->offered_version = theirs->version;
        differs = !pdk_members_equal(theirs, e->committed);
        add_effect(e, PDK_ELECT_CONFIG)->bytes = pdk_keep_bytes(&e->keep, n->config);
    }
    pdk_members_drop(theirs);
    return differs;
}

static bool is_same(const struct pdk_statement *a, const struct pdk_statement *b)
{
    return a->state == b->state && a->vote.leader == b->vote.leader &&
           a->vote.zxid == b->vote.zxid && a->vote.round == b->vote.round &&
           a->vote.epoch == b->vote.epoch;
}

/* The transport repeats an answer that got lost with its stream, so nobody needs it twice. */
static bool is_answered(const struct pdk_elect *e, pdk_sid from, const struct pdk_statement *asked,
                        const struct pdk_statement *answer)
{
    const struct pdk_statement *last_asked = pdk_votes_find(&e->questions, from);
    const struct pdk_statement *last_answer = pdk_votes_find(&e->answers, from);
    return last_asked != NULL && is_same(last_asked, asked) && is_same(last_answer, answer) &&
           asked->at_ms - last_asked->at_ms < e->config.min_interval_ms / STRANGER_GAP_DIVISOR;
}

static void answer_stranger(struct pdk_elect *e, pdk_sid from, const struct pdk_statement *asked)
{
    if (asked->state != PDK_LOOKING) {
        pdk_sids_remove(&e->askers, from);
        return;
    }
    pdk_sids_add(&e->askers, from);
    struct pdk_statement answer = {.vote = e->current, .state = e->state};
    if (!e->started || is_answered(e, from, asked, &answer)) return;
    pdk_votes_put(&e->questions, from, asked);
    pdk_votes_put(&e->answers, from, &answer);
    send_to(e, from);
}

static void receive_vote(struct pdk_elect *e, int64_t now_ms, pdk_sid from,
                         const struct pdk_statement *s)
{
    pdk_votes_remove(&e->claims, from);                        /* it has its role no more */
    if (s->vote.zxid == -1) pdk_votes_remove(&e->heard, from); /* nor the vote of before */
    if (s->vote.round < e->round) {
        send_to(e, from);
        return;
    }
    if (!pdk_sids_has(&e->voters, s->vote.leader)) return;
    bool was_heard = pdk_sids_has(&e->heard.from, from);
    if (count_vote(e, from, s)) {
        send_to_each(e, &e->voters);
    } else if (!was_heard && pdk_sids_has(&e->heard.from, from) &&
               beats(e, &e->current, &s->vote)) {
        /* One that came later than my proposal had a role when that arrived, and dropped it. */
        send_to(e, from);
    }
    weigh(e, now_ms);
}

/* Section 5.3: nobody is followed who does not claim himself to lead. */
static bool leader_agrees(const struct pdk_elect *e, const struct pdk_votes *votes,
                          const struct pdk_vote *vote)
{
    if (vote->leader == e->config.me) return vote->round == e->round;
    const struct pdk_statement *s = pdk_votes_find(votes, vote->leader);
    return s != NULL && s->state == PDK_LEADING;
}

static bool claim_decides(struct pdk_elect *e, const struct pdk_votes *votes,
                          const struct pdk_statement *s)
{
    struct pdk_sids agreeing;
    if (!has_quorum(e, votes, s, &agreeing) || !leader_agrees(e, votes, &s->vote)) return false;
    decide(e, &s->vote, agreeing);
    return true;
}

static void receive_claim(struct pdk_elect *e, int64_t now_ms, pdk_sid from,
                          const struct pdk_statement *s)
{
    if (!pdk_sids_has(&e->voters, s->vote.leader)) return;
    if (s->vote.round == e->round) {
        pdk_votes_put(&e->heard, from, s);
        if (claim_decides(e, &e->heard, s)) return;
    } else {
        pdk_votes_remove(&e->heard, from); /* it votes no more */
    }
    pdk_votes_put(&e->claims, from, s);
    if (claim_decides(e, &e->claims, s)) return;
    /* Without the leader's own word nothing is decided; my question waits in the transport. */
    pdk_sid leader = s->vote.leader;
    if (leader != e->config.me && !pdk_sids_has(&e->up, leader)) {
        add_effect(e, PDK_ELECT_DIAL)->sid = leader;
    }
    if (e->decide_at_ms != INT64_MAX) weigh(e, now_ms);
}

/* `sid` does not stand by the decision any more.  Without this a leader whose voters saw a better
 * vote in the last moment, or died, would wait for them as long as its limit allows. */
static void desert(struct pdk_elect *e, pdk_sid sid)
{
    if (!e->tentative || sid == e->config.me) return;
    pdk_sids_remove(&e->supporters, sid);
    bool lost = e->current.leader == e->config.me
                    ? !pdk_quorum_of_both(e->committed, e->last_seen, &e->supporters)
                    : e->current.leader == sid;
    if (!lost) return;
    e->tentative = false;
    add_effect(e, PDK_ELECT_DESERTED);
}

/* A vote of before the decision may come late; it is of a smaller round or a worse one. */
static bool contradicts(const struct pdk_elect *e, pdk_sid from, const struct pdk_statement *s)
{
    if (s->state != PDK_LOOKING) {
        return s->vote.leader != e->current.leader ||
               (from == e->current.leader && s->state != PDK_LEADING);
    }
    if (s->vote.round != e->current.round) return s->vote.round > e->current.round;
    return beats(e, &s->vote, &e->current);
}

static void receive_settled(struct pdk_elect *e, pdk_sid from, const struct pdk_statement *s)
{
    if (e->started && contradicts(e, from, s)) desert(e, from);
    if (s->state != PDK_LOOKING) {
        pdk_votes_remove(&e->early, from);
        return;
    }
    pdk_votes_put(&e->early, from, s);
    if (e->started) send_to(e, from);
}

static void note_reachable(struct pdk_elect *e, pdk_sid sid)
{
    pdk_sids_add(&e->up, sid);
    pdk_sids_remove(&e->down, sid);
}

void pdk_elect_receive(struct pdk_elect *e, int64_t now_ms, pdk_sid from, struct pdk_slice message)
{
    struct pdk_notification n;
    if (from == e->config.me || pdk_notification_read(message, &n) != PDK_OK) return;
    note_reachable(e, from);
    if (adopts(e, &n)) return;
    struct pdk_statement s = {
        .vote = {.leader = n.leader, .zxid = n.zxid, .round = n.round, .epoch = n.epoch},
        .state = n.state,
        .version = n.version,
        .at_ms = now_ms};
    if (!pdk_sids_has(&e->voters, from)) {
        answer_stranger(e, from, &s);
        return;
    }
    if (!e->started || !is_looking(e)) {
        receive_settled(e, from, &s);
        return;
    }
    e->resend_at_ms = now_ms + e->resend_interval_ms;
    switch (n.state) {
    case PDK_LOOKING: receive_vote(e, now_ms, from, &s); break;
    case PDK_FOLLOWING:
    case PDK_LEADING: receive_claim(e, now_ms, from, &s); break;
    case PDK_OBSERVING: break;
    }
}

void pdk_elect_peer(struct pdk_elect *e, int64_t now_ms, pdk_sid sid, bool reachable)
{
    if (reachable) {
        note_reachable(e, sid);
        return;
    }
    pdk_sids_add(&e->down, sid);
    pdk_sids_remove(&e->up, sid);
    /* A vote is its sender's; a dead server neither elects nor leads. */
    pdk_votes_remove(&e->early, sid);
    pdk_votes_remove(&e->claims, sid);
    if (!e->started || sid == e->config.me) return;
    if (!is_looking(e)) {
        desert(e, sid);
        return;
    }
    pdk_votes_remove(&e->heard, sid);
    weigh(e, now_ms);
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t doubled(int64_t interval_ms, int64_t max_ms)
{
    return interval_ms > max_ms / 2 ? max_ms : interval_ms * 2;
}

/* Section 5.2: when nothing can be delivered, only dialling helps. */
static void send_again(struct pdk_elect *e, int64_t now_ms)
{
    bool delivered = false;
    for (size_t i = 0; i < PDK_COUNT_OF(e->up.bits); i++) {
        delivered = delivered || (e->voters.bits[i] & e->up.bits[i]) != 0;
    }
    if (delivered) send_to_each(e, &e->voters);
    e->resend_interval_ms = doubled(e->resend_interval_ms, e->config.max_interval_ms);
    e->resend_at_ms = now_ms + e->resend_interval_ms;
}

static void dial_missing(struct pdk_elect *e, int64_t now_ms)
{
    for (pdk_sid sid = 0; sid <= PDK_SID_MAX; sid++) {
        if (sid == e->config.me || !pdk_sids_has(&e->voters, sid)) continue;
        if (!pdk_sids_has(&e->up, sid)) add_effect(e, PDK_ELECT_DIAL)->sid = sid;
    }
    int64_t max_ms = e->config.max_interval_ms;
    if (max_ms > DIAL_INTERVAL_MS_MAX) max_ms = DIAL_INTERVAL_MS_MAX;
    e->dial_interval_ms = doubled(e->dial_interval_ms, max_ms);
    e->dial_at_ms = now_ms + e->dial_interval_ms;
}

void pdk_elect_tick(struct pdk_elect *e, int64_t now_ms)
{
    if (e->decide_at_ms <= now_ms) {
        /* The config may have changed since the count. */
        struct pdk_sids agreeing;
        e->decide_at_ms = INT64_MAX;
        if (proposal_has_quorum(e, &agreeing)) {
            decide(e, &e->current, agreeing);
            return;
        }
    }
    if (e->dial_at_ms <= now_ms) dial_missing(e, now_ms);
    if (e->resend_at_ms <= now_ms) send_again(e, now_ms);
}

int64_t pdk_elect_deadline(const struct pdk_elect *e)
{
    int64_t first = e->decide_at_ms < e->resend_at_ms ? e->decide_at_ms : e->resend_at_ms;
    return first < e->dial_at_ms ? first : e->dial_at_ms;
}

/* ---- with a role ----------------------------------------------------------------------------- */

/* Unasked: the transport repeats what was said last when a stream begins anew, and that must not
 * be a vote any more; and those that look need not ask again. */
static void tell_role(struct pdk_elect *e)
{
    struct pdk_sids all = e->askers;
    for (size_t i = 0; i < PDK_COUNT_OF(all.bits); i++) all.bits[i] |= e->voters.bits[i];
    if (e->started) send_to_each(e, &all);
}

void pdk_elect_settle(struct pdk_elect *e, enum pdk_peer_state state)
{
    PDK_ASSERT(state != PDK_LOOKING);
    e->state = state;
    stop_waiting(e);
    tell_role(e);
}

void pdk_elect_raise_epoch(struct pdk_elect *e, int64_t epoch)
{
    if (is_looking(e)) return;
    bool is_new = e->tentative || e->current.epoch != epoch;
    e->tentative = false;
    e->current.epoch = epoch;
    /* Claims with the epoch from before count for nothing beside those with the new one. */
    if (is_new) tell_role(e);
    e->askers = (struct pdk_sids){{0}};
}

void pdk_elect_retarget(struct pdk_elect *e, pdk_sid leader, pdk_zxid zxid)
{
    if (is_looking(e) || e->current.leader == leader) return;
    e->current.leader = leader;
    e->current.zxid = zxid;
}

struct pdk_vote pdk_elect_vote(const struct pdk_elect *e) { return e->current; }

bool pdk_elect_is_looking(const struct pdk_elect *e) { return is_looking(e); }

bool pdk_elect_saw_looking(const struct pdk_elect *e, pdk_sid sid)
{
    return !is_looking(e) && pdk_votes_find(&e->early, sid) != NULL;
}
