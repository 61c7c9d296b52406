#include "core/elect/mesh.h"

#include "base/buf.h"
#include "base/reader.h"
#include "core/elect/keep.h"
#include "proto/vote.h"

#include <string.h>

/* A stream that breaks after this time does so because its peer is gone.  A younger one may have
 * lost a race against another stream: only a new dial can tell. */
#define STEADY_MS 1000
/* A peer whose server cannot be reached by a dial back may knock again after this part of
 * redial_ms; earlier knocks are dropped. */
#define KNOCK_GAP_DIVISOR 8
#define ADDRESSES_MAX (3 * PDK_ADDRESSES_MAX)

enum phase {
    SILENT,   /* accepted; the hello has not come */
    DIALLING, /* asked for, not connected */
    UP,       /* both know the other */
};
struct stream {
    struct stream *next;
    uint32_t link;
    enum phase phase;
    struct peer *peer; /* NULL: SILENT */
    int64_t since_ms;  /* in this phase */
};

enum told { TOLD_NOTHING, TOLD_UP, TOLD_DOWN };
struct peer {
    struct peer *next;
    pdk_sid sid;
    struct stream *up, *dialling;
    bool wants_dial;           /* redial_ms after in_vain_ms */
    bool was_in_vain, knocked; /* the next two are set */
    int64_t in_vain_ms;        /* a dial of mine that gave no stream: refused, or closed by me */
    int64_t knocked_ms;        /* a hello since the last stream made me dial */
    uint8_t *said;             /* addresses of a hello that met a dial under way; NULL: none */
    size_t said_len;
    bool probed; /* dialled again after a broken stream that was not steady */
    enum told told;
    uint8_t *message; /* the last one for it; NULL: none */
    size_t message_len;
};

struct pdk_mesh {
    struct pdk_mesh_config config;
    struct pdk_members *committed, *last_seen;
    uint32_t (*next_link)(void *ctx);
    void *ctx;
    struct pdk_buf hello;
    struct stream *streams; /* oldest first */
    struct peer *peers;     /* oldest first */
    size_t silent_count;
    pdk_sid anonymous; /* the last one given out */

    struct pdk_keep keep;
    struct pdk_mesh_effect *effects;
    size_t effect_count, effect_cap;
};

/* ---- effects --------------------------------------------------------------------------------- */

static struct pdk_mesh_effect *add_effect(struct pdk_mesh *m, enum pdk_mesh_kind kind)
{
    if (m->effect_count == m->effect_cap) {
        m->effect_cap = m->effect_cap > 0 ? m->effect_cap * 2 : 16;
        m->effects =
            pdk_mem_must_resize(m->config.mem, m->effects, m->effect_cap * sizeof *m->effects);
    }
    struct pdk_mesh_effect *effect = &m->effects[m->effect_count++];
    *effect = (struct pdk_mesh_effect){.kind = kind, .sid = PDK_SID_NONE};
    return effect;
}

const struct pdk_mesh_effect *pdk_mesh_effects(struct pdk_mesh *m, size_t *count)
{
    *count = m->effect_count;
    return m->effects;
}

void pdk_mesh_effects_clear(struct pdk_mesh *m)
{
    m->effect_count = 0;
    pdk_keep_clear(&m->keep);
}

static void write_bytes(struct pdk_mesh *m, const struct stream *s, struct pdk_slice bytes)
{
    struct pdk_mesh_effect *effect = add_effect(m, PDK_MESH_WRITE);
    effect->link = s->link;
    effect->bytes = pdk_keep_bytes(&m->keep, bytes);
}

static void tell(struct pdk_mesh *m, struct peer *p, bool up)
{
    enum told told = up ? TOLD_UP : TOLD_DOWN;
    if (p->told == told) return;
    p->told = told;
    struct pdk_mesh_effect *effect = add_effect(m, PDK_MESH_PEER);
    effect->sid = p->sid;
    effect->up = up;
}

/* A copy of its own in place of an older one. */
static uint8_t *set_copy(struct pdk_mesh *m, uint8_t *old, struct pdk_slice bytes)
{
    uint8_t *copy = pdk_mem_must_resize(m->config.mem, old, bytes.len + 1);
    if (bytes.len > 0) memcpy(copy, bytes.bytes, bytes.len);
    return copy;
}

/* ---- streams and peers ----------------------------------------------------------------------- */

static struct stream *find_stream(const struct pdk_mesh *m, uint32_t link)
{
    struct stream *s = m->streams;
    while (s != NULL && s->link != link) s = s->next;
    return s;
}

static struct stream *add_stream(struct pdk_mesh *m, uint32_t link, enum phase phase,
                                 struct peer *peer, int64_t now_ms)
{
    struct stream *s = pdk_mem_must(m->config.mem, sizeof *s);
    *s = (struct stream){.link = link, .phase = phase, .peer = peer, .since_ms = now_ms};
    struct stream **at = &m->streams;
    while (*at != NULL) at = &(*at)->next;
    *at = s;
    if (phase == SILENT) m->silent_count++;
    return s;
}

/* Its peer knows it no more. */
static void remove_stream(struct pdk_mesh *m, struct stream *s)
{
    struct stream **at = &m->streams;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    if (s->phase == SILENT) m->silent_count--;
    if (s->peer != NULL && s->peer->up == s) s->peer->up = NULL;
    if (s->peer != NULL && s->peer->dialling == s) s->peer->dialling = NULL;
    pdk_mem_free(m->config.mem, s);
}

/* NULL is fine. */
static void close_stream(struct pdk_mesh *m, struct stream *s)
{
    if (s == NULL) return;
    add_effect(m, PDK_MESH_CLOSE)->link = s->link;
    remove_stream(m, s);
}

static const struct pdk_member *member_in(const struct pdk_members *config, pdk_sid sid)
{
    return config != NULL ? pdk_members_find(config, sid) : NULL;
}

static bool is_member(const struct pdk_mesh *m, pdk_sid sid)
{
    return member_in(m->committed, sid) != NULL || member_in(m->last_seen, sid) != NULL;
}

static struct peer *find_peer(const struct pdk_mesh *m, pdk_sid sid)
{
    struct peer *p = m->peers;
    while (p != NULL && p->sid != sid) p = p->next;
    return p;
}

static void remove_peer(struct pdk_mesh *m, struct peer *p)
{
    close_stream(m, p->up);
    close_stream(m, p->dialling);
    struct peer **at = &m->peers;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    pdk_mem_free(m->config.mem, p->message);
    pdk_mem_free(m->config.mem, p->said);
    pdk_mem_free(m->config.mem, p);
}

/* One that no config names is remembered only while there is a stream. */
static void forget_if_idle(struct pdk_mesh *m, struct peer *p)
{
    if (p->up == NULL && p->dialling == NULL && !is_member(m, p->sid)) remove_peer(m, p);
}

/* The oldest gives way: whoever really has something to say comes again. */
static void limit_unknown(struct pdk_mesh *m)
{
    size_t count = 0;
    struct peer *oldest = NULL;
    for (struct peer *p = m->peers; p != NULL; p = p->next) {
        if (is_member(m, p->sid)) continue;
        if (oldest == NULL) oldest = p;
        count++;
    }
    if (oldest != NULL && count >= m->config.strangers_max) remove_peer(m, oldest);
}

static struct peer *peer_of(struct pdk_mesh *m, pdk_sid sid)
{
    struct peer *found = find_peer(m, sid);
    if (found != NULL) return found;
    if (!is_member(m, sid)) limit_unknown(m);
    struct peer *p = pdk_mem_must(m->config.mem, sizeof *p);
    *p = (struct peer){.sid = sid};
    struct peer **at = &m->peers;
    while (*at != NULL) at = &(*at)->next;
    *at = p;
    return p;
}

/* ---- making ---------------------------------------------------------------------------------- */

static void put_host_port(struct pdk_buf *b, const char *host, int32_t port)
{
    bool is_v6 = strchr(host, ':') != NULL;
    pdk_put_text(b, is_v6 ? "[%s]:%d" : "%s:%d", host, (int)port);
}

/* Stays as it was when no config names me (any more); a joiner's is there from its own lines. */
static void write_hello(struct pdk_mesh *m)
{
    const struct pdk_member *me = member_in(m->committed, m->config.me);
    if (me == NULL) me = member_in(m->last_seen, m->config.me);
    if (me == NULL && m->hello.len > 0) return;
    struct pdk_buf text;
    pdk_buf_init(&text, m->config.mem, PDK_HELLO_ADDRESS_MAX);
    for (size_t i = 0; me != NULL && i < me->address_count; i++) {
        if (i > 0 && !m->config.multi_address) break;
        size_t mark = text.len;
        if (i > 0) pdk_put_text(&text, "|");
        put_host_port(&text, me->addresses[i].host, me->addresses[i].election_port);
        if (text.failed) { /* no room for this one */
            text.len = mark;
            text.failed = false;
            break;
        }
    }
    /* A wildcard is passed over: it says nothing but keeps the form. */
    if (text.len == 0) put_host_port(&text, "0.0.0.0", 0);
    struct pdk_hello hello = {.version = m->config.multi_address ? PDK_HELLO_V2 : PDK_HELLO_V1,
                              .sid = m->config.me,
                              .addresses = pdk_buf_slice(&text)};
    pdk_buf_clear(&m->hello);
    pdk_put_hello(&m->hello, &hello);
    PDK_ASSERT(!m->hello.failed);
    pdk_buf_deinit(&text);
}

struct pdk_mesh *pdk_mesh_create(const struct pdk_mesh_config *config,
                                 struct pdk_members *committed, struct pdk_members *last_seen,
                                 uint32_t (*next_link)(void *ctx), void *ctx)
{
    struct pdk_mesh *m = pdk_mem_must_zero(config->mem, 1, sizeof *m);
    m->config = *config;
    m->next_link = next_link;
    m->ctx = ctx;
    m->keep = pdk_keep_of(config->mem);
    pdk_buf_init(&m->hello, config->mem, SIZE_MAX);
    pdk_mesh_set_members(m, committed, last_seen);
    return m;
}

void pdk_mesh_destroy(struct pdk_mesh *m)
{
    if (m == NULL) return;
    const struct pdk_mem *mem = m->config.mem;
    while (m->peers != NULL) remove_peer(m, m->peers);
    while (m->streams != NULL) remove_stream(m, m->streams);
    pdk_keep_clear(&m->keep);
    pdk_mem_free(mem, m->effects);
    pdk_buf_deinit(&m->hello);
    pdk_members_drop(m->committed);
    pdk_members_drop(m->last_seen);
    pdk_mem_free(mem, m);
}

void pdk_mesh_set_members(struct pdk_mesh *m, struct pdk_members *committed,
                          struct pdk_members *last_seen)
{
    pdk_members_hold(committed);
    pdk_members_hold(last_seen);
    pdk_members_drop(m->committed);
    pdk_members_drop(m->last_seen);
    m->committed = committed;
    m->last_seen = last_seen;
    write_hello(m);
    struct peer *next;
    for (struct peer *p = m->peers; p != NULL; p = next) {
        next = p->next;
        forget_if_idle(m, p);
    }
}

/* ---- dialling -------------------------------------------------------------------------------- */

struct addresses {
    size_t count;
    struct pdk_address items[ADDRESSES_MAX];
};

static void add_address(struct pdk_mesh *m, struct addresses *to, struct pdk_slice host,
                        int32_t port)
{
    for (size_t i = 0; i < to->count; i++) {
        if (to->items[i].port == port && pdk_slice_eq_str(host, to->items[i].host)) return;
    }
    if (to->count == ADDRESSES_MAX) return;
    to->items[to->count].host = pdk_keep_text(&m->keep, host);
    to->items[to->count++].port = port;
}

static void add_member_addresses(struct pdk_mesh *m, struct addresses *to,
                                 const struct pdk_member *member)
{
    for (size_t i = 0; member != NULL && i < member->address_count; i++) {
        add_address(m, to, pdk_slice_str(member->addresses[i].host),
                    member->addresses[i].election_port);
    }
}

/* `said`: where the peer says that it listens. */
static void dial(struct pdk_mesh *m, int64_t now_ms, struct peer *p, struct pdk_slice said)
{
    struct addresses all = {.count = 0};
    struct pdk_slice host;
    int32_t port;
    while (all.count < PDK_ADDRESSES_MAX && pdk_hello_address(&said, &host, &port)) {
        add_address(m, &all, host, port);
    }
    add_member_addresses(m, &all, member_in(m->committed, p->sid));
    add_member_addresses(m, &all, member_in(m->last_seen, p->sid));
    p->wants_dial = false;
    if (all.count == 0) return;
    p->dialling = add_stream(m, m->next_link(m->ctx), DIALLING, p, now_ms);
    pdk_mem_free(m->config.mem, p->said);
    p->said = NULL;
    struct pdk_address *items = pdk_keep_take(&m->keep, all.count * sizeof *items);
    memcpy(items, all.items, all.count * sizeof *items);
    struct pdk_mesh_effect *effect = add_effect(m, PDK_MESH_DIAL);
    effect->link = p->dialling->link;
    effect->sid = p->sid;
    effect->address_count = all.count;
    effect->addresses = items;
}

static bool may_dial(const struct pdk_mesh *m, const struct peer *p, int64_t now_ms)
{
    return !p->was_in_vain || now_ms - p->in_vain_ms >= m->config.redial_ms;
}

static void want_dial(struct pdk_mesh *m, int64_t now_ms, struct peer *p)
{
    if (p->up != NULL || p->dialling != NULL || !is_member(m, p->sid)) return;
    if (may_dial(m, p, now_ms)) {
        dial(m, now_ms, p, pdk_slice_null());
    } else {
        p->wants_dial = true;
    }
}

void pdk_mesh_dial(struct pdk_mesh *m, int64_t now_ms, pdk_sid sid)
{
    if (sid == m->config.me || !is_member(m, sid)) return;
    want_dial(m, now_ms, peer_of(m, sid));
}

void pdk_mesh_send(struct pdk_mesh *m, int64_t now_ms, pdk_sid sid, struct pdk_slice frame)
{
    if (sid == m->config.me || (find_peer(m, sid) == NULL && !is_member(m, sid))) return;
    struct peer *p = peer_of(m, sid);
    p->message = set_copy(m, p->message, frame);
    p->message_len = frame.len;
    if (p->up != NULL) {
        write_bytes(m, p->up, frame);
    } else {
        want_dial(m, now_ms, p);
    }
}

/* ---- streams come and go --------------------------------------------------------------------- */

/* The newest stream wins.  What was said last is said again: the older one may have lost it. */
static void come_up(struct pdk_mesh *m, int64_t now_ms, struct peer *p, struct stream *s)
{
    close_stream(m, p->up);
    if (p->dialling != s) close_stream(m, p->dialling);
    if (s->phase == SILENT) m->silent_count--;
    p->dialling = NULL;
    p->up = s;
    p->wants_dial = p->knocked = false;
    *s = (struct stream){
        .next = s->next, .link = s->link, .phase = UP, .peer = p, .since_ms = now_ms};
    tell(m, p, true);
    if (p->message != NULL) write_bytes(m, s, pdk_slice_of(p->message, p->message_len));
}

static void dial_failed(struct pdk_mesh *m, int64_t now_ms, struct stream *s)
{
    struct peer *p = s->peer;
    remove_stream(m, s);
    if (p->said != NULL) {
        /* It came up after my dial was sent: this one will do better. */
        struct pdk_slice said = pdk_keep_bytes(&m->keep, pdk_slice_of(p->said, p->said_len));
        dial(m, now_ms, p, said);
    } else if (p->up == NULL) {
        tell(m, p, false);
    }
    forget_if_idle(m, p);
}

void pdk_mesh_dialled(struct pdk_mesh *m, int64_t now_ms, uint32_t link, bool connected)
{
    struct stream *s = find_stream(m, link);
    if (s == NULL || s->phase != DIALLING) return;
    struct peer *p = s->peer;
    p->was_in_vain = !connected || p->sid > m->config.me;
    p->in_vain_ms = now_ms;
    if (!connected) {
        dial_failed(m, now_ms, s);
        return;
    }
    write_bytes(m, s, pdk_buf_slice(&m->hello));
    if (p->sid < m->config.me) {
        come_up(m, now_ms, p, s);
        return;
    }
    /* Knowing my hello is enough for the larger one: it dials back. */
    close_stream(m, s);
    tell(m, p, true);
    forget_if_idle(m, p);
}

static void probe(struct pdk_mesh *m, int64_t now_ms, struct peer *p, bool was_steady)
{
    if (was_steady) {
        p->probed = false;
        tell(m, p, false);
    }
    /* Once: a peer that closes each stream at once would be dialled for ever. */
    if (p->probed || p->dialling != NULL || !is_member(m, p->sid)) return;
    p->probed = true;
    dial(m, now_ms, p, pdk_slice_null());
}

void pdk_mesh_closed(struct pdk_mesh *m, int64_t now_ms, uint32_t link)
{
    struct stream *s = find_stream(m, link);
    if (s == NULL) return;
    struct peer *p = s->peer;
    switch (s->phase) {
    case SILENT: remove_stream(m, s); break;
    case DIALLING: pdk_mesh_dialled(m, now_ms, link, false); break;
    case UP: {
        bool was_steady = now_ms - s->since_ms >= STEADY_MS;
        remove_stream(m, s);
        probe(m, now_ms, p, was_steady);
        forget_if_idle(m, p);
        break;
    }
    }
}

void pdk_mesh_accepted(struct pdk_mesh *m, int64_t now_ms, uint32_t link)
{
    if (m->silent_count > 0 && m->silent_count >= m->config.strangers_max) {
        struct stream *oldest = m->streams;
        while (oldest->phase != SILENT) oldest = oldest->next;
        close_stream(m, oldest);
    }
    add_stream(m, link, SILENT, NULL, now_ms);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* A smaller one has dialled: only a stream that I dial lives.  Its knock may have crossed my own
 * dial, so a dial or a stream of a moment ago is left alone: otherwise two that start at once tear
 * down each other's streams again and again (ZOOKEEPER-2164, 4220).  An older stream, which the
 * peer has lost by now, is replaced when the new one is there. */
static void knock(struct pdk_mesh *m, int64_t now_ms, struct stream *from,
                  const struct pdk_hello *hello)
{
    struct peer *p = peer_of(m, hello->sid);
    int64_t redial_ms = m->config.redial_ms;
    bool is_up = p->up != NULL && now_ms - p->up->since_ms < redial_ms;
    bool under_way = p->dialling != NULL && now_ms - p->dialling->since_ms < redial_ms;
    bool too_often = p->knocked && now_ms - p->knocked_ms < redial_ms / KNOCK_GAP_DIVISOR;
    if (!is_up && !too_often) {
        p->knocked = true;
        p->knocked_ms = now_ms;
        if (under_way) {
            p->said = set_copy(m, p->said, hello->addresses);
            p->said_len = hello->addresses.len;
        } else {
            close_stream(m, p->dialling);
            dial(m, now_ms, p, hello->addresses);
        }
    }
    close_stream(m, from);
    forget_if_idle(m, p);
}

static void greet(struct pdk_mesh *m, int64_t now_ms, struct stream *s, struct pdk_hello *hello)
{
    if (hello->sid == PDK_HELLO_ANONYMOUS) {
        struct peer *p = peer_of(m, --m->anonymous);
        come_up(m, now_ms, p, s);
    } else if (hello->sid < 0 || hello->sid == m->config.me) {
        close_stream(m, s);
    } else if (hello->sid < m->config.me) {
        knock(m, now_ms, s, hello);
    } else {
        struct peer *p = peer_of(m, hello->sid);
        come_up(m, now_ms, p, s);
    }
}

/* Whole frames.  Closed on a length that cannot be; the peer is not gone for that. */
static size_t read_frames(struct pdk_mesh *m, struct stream *s, struct pdk_slice bytes)
{
    struct pdk_reader r = pdk_reader_of(bytes);
    while (pdk_reader_left(&r) >= 4) {
        struct pdk_reader at = r;
        int32_t len = pdk_read_i32(&at);
        if (len < 1 || len > PDK_NOTIFICATION_MAX) {
            struct peer *p = s->peer;
            close_stream(m, s);
            forget_if_idle(m, p);
            return bytes.len;
        }
        const uint8_t *body = pdk_reader_take(&at, (size_t)len);
        if (body == NULL) break;
        struct pdk_mesh_effect *effect = add_effect(m, PDK_MESH_MESSAGE);
        effect->sid = s->peer->sid;
        effect->bytes = pdk_keep_bytes(&m->keep, pdk_slice_of(body, (size_t)len));
        r = at;
    }
    return bytes.len - pdk_reader_left(&r);
}

size_t pdk_mesh_bytes(struct pdk_mesh *m, int64_t now_ms, uint32_t link, struct pdk_slice bytes)
{
    struct stream *s = find_stream(m, link);
    if (s == NULL || s->phase == DIALLING) return bytes.len;
    size_t used = 0;
    if (s->phase == SILENT) {
        struct pdk_hello hello;
        switch (pdk_hello_read(bytes, &hello, &used)) {
        case PDK_HELLO_MORE: return 0;
        case PDK_HELLO_BROKEN: close_stream(m, s); return bytes.len;
        case PDK_HELLO_WHOLE: greet(m, now_ms, s, &hello); break;
        }
        s = find_stream(m, link);
        if (s == NULL) return bytes.len;
    }
    return used + read_frames(m, s, pdk_slice_of(bytes.bytes + used, bytes.len - used));
}

bool pdk_mesh_knows(const struct pdk_mesh *m, uint32_t link)
{
    return find_stream(m, link) != NULL;
}

/* ---- time ------------------------------------------------------------------------------------ */

void pdk_mesh_tick(struct pdk_mesh *m, int64_t now_ms)
{
    struct stream *next;
    for (struct stream *s = m->streams; s != NULL; s = next) {
        next = s->next;
        if (s->phase == SILENT && now_ms - s->since_ms >= m->config.hello_timeout_ms) {
            close_stream(m, s);
        }
    }
    for (struct peer *p = m->peers; p != NULL; p = p->next) {
        if (p->wants_dial && may_dial(m, p, now_ms)) want_dial(m, now_ms, p);
    }
}

int64_t pdk_mesh_deadline(const struct pdk_mesh *m)
{
    int64_t first = INT64_MAX;
    for (const struct stream *s = m->streams; s != NULL; s = s->next) {
        int64_t at = s->since_ms + m->config.hello_timeout_ms;
        if (s->phase == SILENT && at < first) first = at;
    }
    for (const struct peer *p = m->peers; p != NULL; p = p->next) {
        int64_t at = p->in_vain_ms + m->config.redial_ms;
        if (p->wants_dial && at < first) first = at;
    }
    return first;
}
