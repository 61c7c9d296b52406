/* The stream's life and the order of stored, durable and told.  What packets say is in
 * learner_packet.c, what configs do in learner_config.c. */
#include "core/zab/learner_internal.h"

#define FIRST_BACKOFF_MS 2
#define MAX_BACKOFF_MS 100
/* A leader that has been elected opens its port at once. */
#define REFUSED_MS 500

/* ---- effects --------------------------------------------------------------------------------- */

struct pdk_zab_effect *pdk_learner_add(struct pdk_learner *l, enum pdk_zab_kind kind)
{
    pdk_learner_tell_commits(l);
    return pdk_zab_add(&l->out, kind);
}

struct pdk_buf *pdk_learner_text(struct pdk_learner *l)
{
    l->text = pdk_zab_mark(&l->out);
    return &l->out.bytes;
}

void pdk_learner_log(struct pdk_learner *l, enum pdk_log_level level)
{
    pdk_learner_tell_commits(l);
    pdk_zab_add_bytes(&l->out, PDK_ZAB_LOG, l->text)->level = level;
}

static void hang_up(struct pdk_learner *l)
{
    if (l->linked) pdk_learner_add(l, PDK_ZAB_CLOSE)->link = l->link;
    l->linked = false;
}

void pdk_learner_lose(struct pdk_learner *l)
{
    PDK_ASSERT(!l->lost);
    hang_up(l);
    pdk_learner_tell_commits(l);
    pdk_zab_add_bytes(&l->out, PDK_ZAB_LOST, l->text);
    l->lost = true;
}

void pdk_learner_put(struct pdk_learner *l, enum pdk_qtype type, pdk_zxid zxid,
                     struct pdk_slice data)
{
    size_t mark = pdk_zab_mark(&l->out);
    pdk_put_qpacket(&l->out.bytes, type, zxid, data);
    pdk_zab_send(&l->out, &l->link, 1, mark);
}

/* Every input begins and ends with these. */
static bool begin(struct pdk_learner *l)
{
    if (l->out.count == 0) pdk_learner_forget_kept(l);
    return !l->lost;
}
static void end(struct pdk_learner *l)
{
    if (!l->lost) pdk_learner_ack(l);
    pdk_learner_tell_commits(l);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct pdk_learner *pdk_learner_create(const struct pdk_learner_config *config, int64_t now_ms)
{
    struct pdk_learner *l = pdk_mem_must_zero(config->mem, 1, sizeof *l);
    l->config = *config;
    pdk_zab_out_init(&l->out, config->mem);
    l->begun_ms = l->heard_ms = l->sign_ms = now_ms;
    l->retry_ms = -1;
    l->backoff_ms = FIRST_BACKOFF_MS;
    l->accepted = config->accepted_epoch;
    l->current = config->current_epoch;
    l->untrusted = config->last < 0;
    l->last = l->seen = config->last;
    l->durable = config->log_is_durable ? config->last : -1;
    l->in_force = pdk_members_hold(config->committed);
    l->last_seen =
        pdk_members_hold(config->last_seen != NULL ? config->last_seen : config->committed);
    pdk_learner_add(l, PDK_ZAB_DIAL)->sid = config->leader;
    return l;
}

void pdk_learner_destroy(struct pdk_learner *l)
{
    if (l == NULL) return;
    pdk_learner_forget_kept(l);
    pdk_learner_drop_configs(l);
    pdk_mem_free(l->config.mem, l->kept);
    pdk_zab_out_deinit(&l->out);
    pdk_mem_free(l->config.mem, l);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static int64_t connect_limit_ms(const struct pdk_learner *l)
{
    const struct pdk_zab_limits *limits = &l->config.limits;
    int32_t ticks = limits->connect_limit > 0 ? limits->connect_limit : limits->init_limit;
    return ticks * limits->tick_ms;
}

static int64_t silence_limit_ms(const struct pdk_learner *l)
{
    const struct pdk_zab_limits *limits = &l->config.limits;
    bool acked = l->served || l->state == WAITING;
    return (acked ? limits->sync_limit : limits->init_limit) * limits->tick_ms;
}

static void greet(struct pdk_learner *l)
{
    const struct pdk_learner_info info = {.has_sid = true,
                                          .sid = l->config.me,
                                          .protocol = PDK_LEARNER_PROTOCOL,
                                          .has_config_version = true,
                                          .config_version = l->in_force->version,
                                          .is_paddock = true};
    uint8_t bytes[32];
    struct pdk_buf data = {.bytes = bytes, .cap = sizeof bytes, .limit = sizeof bytes};
    pdk_put_learner_info(&data, &info);
    pdk_learner_put(l, l->config.is_observer ? PDK_Q_OBSERVERINFO : PDK_Q_FOLLOWERINFO,
                    pdk_zxid_of(l->accepted, 0), pdk_buf_slice(&data));
}

void pdk_learner_dialled(struct pdk_learner *l, int64_t now_ms, bool connected, uint32_t link)
{
    if (!begin(l) || l->state != CONNECTING) return;
    if (connected) {
        l->linked = true;
        l->link = link;
        l->heard_ms = now_ms;
        l->state = GREETING;
        greet(l);
    } else if (now_ms - l->begun_ms >= REFUSED_MS) {
        pdk_put_text(pdk_learner_text(l), "leader %lld cannot be reached",
                     (long long)l->config.leader);
        pdk_learner_lose(l);
    } else {
        l->retry_ms = now_ms + l->backoff_ms;
        l->backoff_ms = l->backoff_ms * 2 < MAX_BACKOFF_MS ? l->backoff_ms * 2 : MAX_BACKOFF_MS;
    }
    end(l);
}

static size_t take_packet(struct pdk_learner *l, struct pdk_slice bytes)
{
    struct pdk_qpacket packet;
    size_t used;
    switch (pdk_qpacket_read(bytes, l->config.limits.packet_field_bytes, &packet, &used)) {
    case PDK_QFOUND_PACKET: pdk_learner_packet(l, &packet); return used;
    case PDK_QFOUND_MORE: return 0;
    case PDK_QFOUND_BROKEN:
        pdk_put_text(pdk_learner_text(l), "the leader sends what is no packet");
        pdk_learner_lose(l);
        return 0;
    }
    PDK_UNREACHABLE();
}

static size_t take_body(struct pdk_learner *l, struct pdk_slice bytes)
{
    size_t body;
    size_t used = pdk_snapscan_feed(&l->scan, bytes, &body);
    if (body > 0) pdk_learner_add(l, PDK_ZAB_SPOOL_ADD)->bytes = pdk_slice_of(bytes.bytes, body);
    if (l->scan.failed) {
        pdk_put_text(pdk_learner_text(l), "the snapshot is malformed behind byte %llu",
                     (unsigned long long)l->scan.body_bytes);
        pdk_learner_lose(l);
    } else if (l->scan.done) {
        pdk_learner_add(l, PDK_ZAB_SPOOL_END)->zxid = l->target;
        l->state = LOADING;
    }
    return used;
}

size_t pdk_learner_bytes(struct pdk_learner *l, int64_t now_ms, struct pdk_slice bytes)
{
    if (!begin(l) || !l->linked) return bytes.len;
    if (bytes.len > l->unread) l->heard_ms = now_ms;
    size_t used = 0;
    while (!l->lost && l->state != LOADING && used < bytes.len) {
        struct pdk_slice rest = pdk_slice_of(bytes.bytes + used, bytes.len - used);
        size_t n = l->state == SPOOLING ? take_body(l, rest) : take_packet(l, rest);
        if (n == 0) break;
        used += n;
    }
    l->unread = bytes.len - used;
    end(l);
    return l->lost ? bytes.len : used;
}

static void lose_link(struct pdk_learner *l)
{
    pdk_put_text(pdk_learner_text(l), "leader %lld has closed the connection",
                 (long long)l->config.leader);
    pdk_learner_lose(l);
}

void pdk_learner_closed(struct pdk_learner *l, int64_t now_ms)
{
    (void)now_ms;
    if (!begin(l) || !l->linked) return;
    l->linked = false;
    if (l->state == LOADING)
        l->link_gone = true;
    else
        lose_link(l);
    end(l);
}

/* ---- the disk -------------------------------------------------------------------------------- */

static void ack_epoch(struct pdk_learner *l, bool first_time)
{
    /* -1: an ack of the same epoch must not count twice (zab.md section 4). */
    uint8_t data[4];
    pdk_store_u32(data, first_time ? (uint32_t)l->current : UINT32_MAX);
    pdk_learner_put(l, PDK_Q_ACKEPOCH, l->last, pdk_slice_of(data, 4));
    l->state = l->served ? FILLING : CHOOSING;
}

void pdk_learner_accept(struct pdk_learner *l, int64_t epoch)
{
    l->epoch = epoch;
    if (epoch == l->accepted) {
        ack_epoch(l, false);
        return;
    }
    pdk_learner_add(l, PDK_ZAB_STORE_ACCEPTED)->epoch = epoch;
    l->state = ACCEPTING;
}

/* C: everything that NEWLEADER covers is on the disk, and so is the claim to hold it. */
static void vouch(struct pdk_learner *l)
{
    pdk_learner_put(l, PDK_Q_ACK, pdk_zxid_of(l->epoch, 0), pdk_slice_null());
    l->state = WAITING;
}

void pdk_learner_secure(struct pdk_learner *l)
{
    if (l->state != SECURING || l->durable < l->covered) return;
    if (l->current == l->epoch) {
        vouch(l);
        return;
    }
    pdk_learner_add(l, PDK_ZAB_STORE_CURRENT)->epoch = l->epoch;
    l->state = VOUCHING;
}

void pdk_learner_stored(struct pdk_learner *l, int64_t now_ms, int64_t epoch, bool is_current)
{
    (void)now_ms;
    if (!begin(l) || epoch != l->epoch) return;
    if (!is_current && l->state == ACCEPTING) {
        l->accepted = epoch;
        ack_epoch(l, true);
    } else if (is_current && l->state == VOUCHING) {
        l->current = epoch;
        vouch(l);
    }
    end(l);
}

void pdk_learner_durable(struct pdk_learner *l, int64_t now_ms, pdk_zxid zxid)
{
    (void)now_ms;
    if (!begin(l)) return;
    if (zxid > l->durable) l->durable = zxid;
    pdk_learner_secure(l);
    end(l);
}

/* A TRUNC below `target` is fine where no transaction can stand at it. */
static bool loaded_where_wanted(const struct pdk_learner *l, pdk_zxid last)
{
    return last == l->target ||
           (!l->is_snap && last < l->target && PDK_ZXID_COUNTER(l->target) == 0);
}

void pdk_learner_loaded(struct pdk_learner *l, int64_t now_ms, bool ok, pdk_zxid last)
{
    if (!begin(l) || l->state != LOADING) return;
    l->heard_ms = now_ms;
    l->untrusted = !ok;
    if (!ok) {
        pdk_put_text(pdk_learner_text(l), "the tree cannot be brought to 0x%llx",
                     (unsigned long long)l->target);
        pdk_learner_lose(l);
        return;
    }
    l->last = last;
    l->durable = last;
    if (l->link_gone) {
        lose_link(l);
    } else if (!loaded_where_wanted(l, last)) {
        /* The next attempt tells the leader where we are. */
        pdk_put_text(pdk_learner_text(l), "the tree stands at 0x%llx, the leader wants 0x%llx",
                     (unsigned long long)last, (unsigned long long)l->target);
        pdk_learner_lose(l);
    } else {
        pdk_learner_settle_at(l, last);
        l->state = FILLING;
    }
    end(l);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Apache's leader takes nothing but acks before it has said UPTODATE; ours knows from these that we
 * live while its snapshot is being installed. */
static bool gives_signs(const struct pdk_learner *l)
{
    return l->is_paddock && l->linked && !l->served && l->state >= CHOOSING && l->state < WAITING;
}

static void give_sign(struct pdk_learner *l, int64_t now_ms)
{
    if (now_ms < l->sign_ms) return;
    pdk_learner_put(l, PDK_Q_PING, l->last, pdk_slice_of("", 0));
    l->sign_ms = now_ms + l->config.limits.tick_ms / 2;
}

static void tick_connecting(struct pdk_learner *l, int64_t now_ms)
{
    if (now_ms - l->begun_ms >= connect_limit_ms(l)) {
        pdk_put_text(pdk_learner_text(l), "leader %lld has not been reached in %lld ms",
                     (long long)l->config.leader, (long long)connect_limit_ms(l));
        pdk_learner_lose(l);
    } else if (l->retry_ms >= 0 && now_ms >= l->retry_ms) {
        pdk_learner_add(l, PDK_ZAB_DIAL)->sid = l->config.leader;
        l->retry_ms = -1;
    }
}

void pdk_learner_tick(struct pdk_learner *l, int64_t now_ms)
{
    if (!begin(l)) return;
    if (gives_signs(l)) give_sign(l, now_ms);
    if (l->state == CONNECTING) {
        tick_connecting(l, now_ms);
    } else if (l->state != LOADING && now_ms - l->heard_ms >= silence_limit_ms(l)) {
        pdk_put_text(pdk_learner_text(l), "leader %lld has been silent for %lld ms",
                     (long long)l->config.leader, (long long)(now_ms - l->heard_ms));
        pdk_learner_lose(l);
    }
    end(l);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t pdk_learner_deadline(const struct pdk_learner *l)
{
    if (l->lost) return INT64_MAX;
    int64_t at = gives_signs(l) ? l->sign_ms : INT64_MAX;
    if (l->state == CONNECTING) {
        int64_t retry_ms = l->retry_ms >= 0 ? l->retry_ms : INT64_MAX;
        return earlier(retry_ms, l->begun_ms + connect_limit_ms(l));
    }
    return l->state == LOADING ? at : earlier(at, l->heard_ms + silence_limit_ms(l));
}

/* ---- the node's ------------------------------------------------------------------------------ */

void pdk_learner_send(struct pdk_learner *l, enum pdk_qtype type, pdk_zxid zxid,
                      struct pdk_slice data, struct pdk_slice authinfo_encoded)
{
    if (!begin(l)) return;
    PDK_ASSERT(l->served && !l->holds);
    size_t mark = pdk_zab_mark(&l->out);
    pdk_put_i32(&l->out.bytes, (int32_t)type);
    pdk_put_i64(&l->out.bytes, zxid);
    pdk_put_bytes(&l->out.bytes, data);
    if (authinfo_encoded.is_null)
        pdk_put_i32(&l->out.bytes, -1);
    else
        pdk_put_raw(&l->out.bytes, authinfo_encoded.bytes, authinfo_encoded.len);
    pdk_zab_send(&l->out, &l->link, 1, mark);
}

const struct pdk_zab_effect *pdk_learner_effects(struct pdk_learner *l, size_t *count)
{
    return pdk_zab_out_take(&l->out, count);
}

void pdk_learner_effects_clear(struct pdk_learner *l)
{
    pdk_zab_out_clear(&l->out);
    pdk_learner_forget_kept(l);
}

bool pdk_learner_next(struct pdk_learner *l, struct pdk_zab_effect *effect)
{
    return pdk_zab_out_next(&l->out, effect);
}

enum pdk_learner_phase pdk_learner_phase(const struct pdk_learner *l)
{
    if (l->served) return l->holds ? PDK_LEARNER_WAIT : PDK_LEARNER_BROADCAST;
    switch (l->state) {
    case CONNECTING: return PDK_LEARNER_CONNECT;
    case GREETING:
    case ACCEPTING: return PDK_LEARNER_DISCOVERY;
    case CHOOSING:
    case SPOOLING:
    case LOADING:
    case FILLING:
    case SECURING:
    case VOUCHING: return PDK_LEARNER_SYNC;
    case WAITING: return PDK_LEARNER_WAIT;
    case SERVING: return PDK_LEARNER_BROADCAST;
    }
    PDK_UNREACHABLE();
}

uint64_t pdk_learner_snapshot_bytes(const struct pdk_learner *l) { return l->scan.body_bytes; }
bool pdk_learner_untrusted(const struct pdk_learner *l) { return l->untrusted; }
