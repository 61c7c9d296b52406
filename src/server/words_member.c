/* What an ensemble's member tells of itself and of the others: roles, conf's end, hand. */
#include "server/words_internal.h"

#include <inttypes.h>
#include <string.h>

struct pdk_member_summary pdk_words_member(const struct pdk_words *words)
{
    struct pdk_member_summary member = {.role = PDK_ROLE_STANDALONE, .leader = PDK_SID_NONE};
    if (words->node != NULL) pdk_node_member(words->node, &member);
    return member;
}

const char *pdk_words_mode(const struct pdk_member_summary *member)
{
    return member->read_only ? "read-only" : pdk_role_name(member->role);
}

/* ---- conf ------------------------------------------------------------------------------------ */

/* Each port once, in the order of the addresses, as there. */
static void put_ports(struct pdk_buf *out, const char *name, const struct pdk_member *me,
                      bool quorum)
{
    pdk_put_text(out, "%s=", name);
    for (size_t i = 0; me != NULL && i < me->address_count; i++) {
        int32_t port = quorum ? me->addresses[i].quorum_port : me->addresses[i].election_port;
        bool told = false;
        for (size_t k = 0; k < i; k++) {
            told |=
                port == (quorum ? me->addresses[k].quorum_port : me->addresses[k].election_port);
        }
        if (!told) pdk_put_text(out, "%s%d", i > 0 ? "|" : "", (int)port);
    }
    pdk_put_text(out, "\n");
}

void pdk_words_membership(const struct pdk_words *words, struct pdk_buf *out)
{
    const struct pdk_config *c = words->config;
    struct pdk_member_summary member = pdk_words_member(words);
    const struct pdk_member *me = pdk_members_find(member.members, member.me);
    /* One that was removed by a reconfig goes on in the role that it had. */
    bool is_observer = me != NULL ? !me->is_voter : c->peer_type == PDK_PEER_OBSERVER;
    pdk_put_text(out, "initLimit=%d\nsyncLimit=%d\nelectionAlg=%d\n",
                 (int)c->node.ensemble.init_limit, (int)c->node.ensemble.sync_limit,
                 (int)c->election_alg);
    put_ports(out, "electionPort", me, false);
    put_ports(out, "quorumPort", me, true);
    pdk_put_text(out, "peerType=%d\n", is_observer ? 1 : 0);
    if (member.read_only) return;
    pdk_put_text(out, "membership: \n");
    pdk_members_put_text(member.members, false, out);
}

/* ---- hand ------------------------------------------------------------------------------------ */

/* Who leads, and where to ask it. */
static void put_leader(const struct pdk_member_summary *member, struct pdk_buf *out)
{
    const struct pdk_member *leader = pdk_members_find(member->members, member->leader);
    pdk_put_text(out, "Server %" PRId64 " leads", member->leader);
    if (leader != NULL && leader->client.port >= 0) {
        const char *host = leader->client.host;
        bool everywhere = host[0] == '\0' || strcmp(host, "0.0.0.0") == 0;
        pdk_put_text(out, ", with clients at %s:%d", everywhere ? leader->addresses[0].host : host,
                     (int)leader->client.port);
    }
    pdk_put_text(out, ": only a leader can hand over.\n");
}

static enum pdk_words_wish hand_over(const struct pdk_words *words, struct pdk_buf *out)
{
    struct pdk_learner_info_row row;
    size_t ready = 0;
    for (size_t i = 0; pdk_node_learner(words->node, i, &row); i++) {
        if (!row.is_voter || !row.is_synced) continue;
        pdk_put_text(out, "%s%" PRId64, ready++ == 0 ? "Handing over to one of the servers " : ", ",
                     row.sid);
    }
    if (ready == 0) {
        pdk_put_text(out, "No voter follows in step: this server goes on leading.\n");
        return PDK_WORDS_NOTHING;
    }
    pdk_put_text(out, ": srvr tells who leads then.\n");
    return PDK_WORDS_HAND_OVER;
}

enum pdk_words_wish pdk_words_hand_over(const struct pdk_words *words, struct pdk_buf *out)
{
    struct pdk_member_summary member = pdk_words_member(words);
    if (words->node != NULL && member.role == PDK_ROLE_STANDALONE) {
        pdk_put_text(out, "This server is standalone: there is nobody to hand over to.\n");
    } else if (member.role == PDK_ROLE_LEADING && member.serving_since_ms >= 0) {
        return hand_over(words, out);
    } else if (member.leader != PDK_SID_NONE && member.leader != member.me) {
        put_leader(&member, out);
    } else {
        pdk_put_text(out, "Nobody leads now: there is nothing to hand over.\n");
    }
    return PDK_WORDS_NOTHING;
}
