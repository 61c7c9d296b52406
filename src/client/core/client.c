#include "client/core/client.h"

#include "base/reader.h"
#include "client/core/internal.h"
#include "proto/code.h"
#include "proto/event.h"
#include "proto/frame.h"

#include <string.h>

/* Java's client pings at least this often while it sends nothing. */
#define PING_IDLE_MS_MAX 10000
#define BUFFER_LIMIT (SIZE_MAX / 4)
/* Sent bytes at the front of a buffer that never empties are given back beyond this. */
#define COMPACT_BYTES (64u << 10)

/* ---- life -------------------------------------------------------------------------------- */

struct pdk_client_config pdk_client_config_default(const struct pdk_mem *mem)
{
    return (struct pdk_client_config){
        .mem = mem,
        .host_count = 1,
        .session_timeout_ms = 30000,
        .frame_limit_bytes = PDK_FRAME_LIMIT_DEFAULT,
        .pending_limit = 1u << 20,
        .output_limit_bytes = INT32_MAX,
        .retry_pause_ms = 999,
        .round_pause_ms = 1000,
    };
}

static void shuffle_hosts(struct pdk_client *c)
{
    for (uint32_t i = 0; i < c->config.host_count; i++) {
        uint32_t j = (uint32_t)pdk_prng_below(&c->prng, i + 1);
        c->hosts[i] = c->hosts[j];
        c->hosts[j] = i;
    }
}

struct pdk_client *pdk_client_create(const struct pdk_client_config *config)
{
    PDK_ASSERT(config->host_count >= 1 && config->session_timeout_ms > 0);
    PDK_ASSERT(config->frame_limit_bytes > 0 && config->output_limit_bytes <= INT32_MAX);
    PDK_ASSERT(config->retry_pause_ms >= 0 && config->round_pause_ms >= 0);
    PDK_ASSERT(config->pending_limit > 0 && config->pending_limit <= 1u << 30);
    struct pdk_client *c = pdk_mem_try_zero(config->mem, 1, sizeof *c);
    if (c == NULL) return NULL;
    c->config = *config;
    c->session = config->session;
    memcpy(c->password, config->password, sizeof c->password);
    c->last_zxid = config->last_zxid;
    c->next_xid = 1;
    pdk_prng_init(&c->prng, config->prng_seed);
    pdk_client_watches_init(&c->watches, config->mem, config->seed);
    pdk_buf_init(&c->out, config->mem, BUFFER_LIMIT);
    pdk_buf_init(&c->waiting, config->mem, BUFFER_LIMIT);
    for (int i = 0; i < 2; i++) {
        pdk_buf_init(&c->partial[i], config->mem,
                     (size_t)config->frame_limit_bytes + PDK_FRAME_HEAD_LEN);
    }
    c->hosts = pdk_mem_try_zero(config->mem, config->host_count, sizeof *c->hosts);
    if (c->hosts == NULL || !pdk_client_reserve_effects(c, 0)) {
        pdk_client_destroy(c);
        return NULL;
    }
    shuffle_hosts(c);
    return c;
}

void pdk_client_destroy(struct pdk_client *c)
{
    if (c == NULL) return;
    const struct pdk_mem *mem = c->config.mem;
    for (uint32_t i = 0; i < c->ring_count; i++) {
        struct pdk_client_pending *p = &c->ring[(c->ring_head + i) & (c->ring_cap - 1)];
        if (p->watch != NULL) pdk_client_watches_discard(&c->watches, p->watch);
    }
    pdk_client_watches_deinit(&c->watches);
    for (size_t i = 0; i < c->auth_count; i++) pdk_mem_free(mem, c->auths[i].bytes);
    pdk_mem_free(mem, c->auths);
    pdk_buf_deinit(&c->out);
    pdk_buf_deinit(&c->waiting);
    pdk_buf_deinit(&c->partial[0]);
    pdk_buf_deinit(&c->partial[1]);
    pdk_mem_free(mem, c->ring);
    pdk_mem_free(mem, c->effects);
    pdk_mem_free(mem, c->hosts);
    pdk_mem_free(mem, c);
}

/* ---- questions --------------------------------------------------------------------------- */

enum pdk_client_state pdk_client_state(const struct pdk_client *c) { return c->state; }
pdk_session pdk_client_session(const struct pdk_client *c) { return c->session; }
const uint8_t *pdk_client_password(const struct pdk_client *c) { return c->password; }
int32_t pdk_client_timeout_ms(const struct pdk_client *c) { return c->timeout_ms; }
pdk_zxid pdk_client_last_zxid(const struct pdk_client *c) { return c->last_zxid; }
bool pdk_client_is_read_only(const struct pdk_client *c) { return c->read_only; }
uint32_t pdk_client_pending(const struct pdk_client *c) { return c->ring_count; }
const char *pdk_client_fault(const struct pdk_client *c) { return c->fault; }

/* ---- effects ----------------------------------------------------------------------------- */

const struct pdk_client_effect *pdk_client_effects(const struct pdk_client *c, size_t *count)
{
    *count = c->effect_count;
    return c->effects;
}

void pdk_client_effects_clear(struct pdk_client *c) { c->effect_count = 0; }

bool pdk_client_reserve_effects(struct pdk_client *c, size_t more)
{
    size_t need =
        c->effect_count + c->ring_count + c->auth_untold + PDK_CLIENT_EFFECTS_SPARE + more;
    if (PDK_LIKELY(need <= c->effect_cap)) return true;
    size_t cap = pdk_max_size(c->effect_cap * 2, need), bytes = 0;
    if (!pdk_mul_size(cap, sizeof *c->effects, &bytes)) return false;
    struct pdk_client_effect *grown = pdk_mem_resize(c->config.mem, c->effects, bytes);
    if (grown == NULL) return false;
    c->effects = grown;
    c->effect_cap = cap;
    return true;
}

static struct pdk_client_effect *push(struct pdk_client *c, enum pdk_client_effect_kind kind)
{
    PDK_ASSERT(c->effect_count < c->effect_cap);
    struct pdk_client_effect *e = &c->effects[c->effect_count++];
    *e = (struct pdk_client_effect){.kind = kind};
    return e;
}

void pdk_client_push_reply(struct pdk_client *c, uint64_t tag, int32_t op, int32_t code)
{
    struct pdk_client_effect *e = push(c, PDK_CLIENT_OUT_REPLY);
    e->tag = tag;
    e->op = op;
    e->code = code;
}

void pdk_client_enter(struct pdk_client *c, enum pdk_client_state state)
{
    c->state = state;
    push(c, PDK_CLIENT_OUT_STATE)->state = state;
}

/* ---- ends and beginnings of connections ---------------------------------------------------- */

static bool has_transport(const struct pdk_client *c)
{
    return c->state == PDK_CLIENT_HANDSHAKE || c->state == PDK_CLIENT_CONNECTED ||
           c->state == PDK_CLIENT_CLOSING;
}

static void fail_pending(struct pdk_client *c, enum pdk_code code)
{
    for (; c->ring_count > 0; c->ring_count--) {
        struct pdk_client_pending *p = &c->ring[c->ring_head];
        if (p->watch != NULL) pdk_client_watches_discard(&c->watches, p->watch);
        pdk_client_push_reply(c, p->tag, p->op, code);
        c->ring_head = (c->ring_head + 1) & (c->ring_cap - 1);
    }
}

static void forget_connection(struct pdk_client *c)
{
    pdk_buf_clear(&c->out);
    c->out_sent = 0;
    pdk_buf_clear(&c->waiting);
    pdk_buf_clear(&c->partial[c->partial_at]);
    c->auth_answered = 0;
    c->read_only = false;
}

void pdk_client_finish(struct pdk_client *c, enum pdk_client_state state, enum pdk_code code)
{
    if (has_transport(c) || c->state == PDK_CLIENT_CONNECTING) {
        (void)push(c, PDK_CLIENT_OUT_DISCONNECT);
    }
    fail_pending(c, code);
    for (size_t i = 0; i < c->auth_count; i++) {
        if (!c->auths[i].told) pdk_client_push_reply(c, c->auths[i].tag, PDK_OP_AUTH, code);
        c->auths[i].told = true;
    }
    c->auth_untold = 0;
    forget_connection(c);
    pdk_client_enter(c, state);
}

/* The transport has failed, for `fault` or (NULL) without us.  The next attempt gets its time. */
static void drop(struct pdk_client *c, int64_t now_ms, const char *fault)
{
    if (c->state == PDK_CLIENT_CLOSING) {
        if (fault == NULL) c->state = PDK_CLIENT_WAITING; /* there is nothing to disconnect */
        pdk_client_finish(c, PDK_CLIENT_CLOSED, PDK_CODE_SESSION_EXPIRED);
        return;
    }
    if (fault != NULL) {
        c->fault = fault;
        (void)push(c, PDK_CLIENT_OUT_DISCONNECT);
    }
    fail_pending(c, PDK_CODE_CONNECTION_LOSS);
    forget_connection(c);
    int64_t pause_ms = (int64_t)pdk_prng_below(&c->prng, (uint64_t)c->config.retry_pause_ms + 1);
    if (c->round_tries >= c->config.host_count) {
        c->round_tries = 0;
        pause_ms += c->config.round_pause_ms;
    }
    c->attempt_ms = now_ms + pause_ms;
    pdk_client_enter(c, PDK_CLIENT_WAITING);
}

static void attempt(struct pdk_client *c, int64_t now_ms)
{
    uint32_t host = c->hosts[c->host_next];
    c->host_next = (c->host_next + 1) % c->config.host_count;
    c->round_tries++;
    c->attempt_ms = now_ms;
    pdk_client_enter(c, PDK_CLIENT_CONNECTING);
    push(c, PDK_CLIENT_OUT_CONNECT)->host = host;
}

void pdk_client_start(struct pdk_client *c, int64_t now_ms)
{
    PDK_ASSERT(c->state == PDK_CLIENT_IDLE);
    attempt(c, now_ms);
}

void pdk_client_opened(struct pdk_client *c, int64_t now_ms)
{
    PDK_ASSERT(c->effect_count == 0);
    if (c->state != PDK_CLIENT_CONNECTING) return;
    struct pdk_connect_request request = {
        .last_zxid_seen = c->last_zxid,
        .time_out = c->config.session_timeout_ms,
        .session_id = c->session,
        .passwd = pdk_slice_of(c->password, sizeof c->password),
        .read_only = c->config.allow_read_only,
        .has_read_only = true,
    };
    pdk_client_enter(c, PDK_CLIENT_HANDSHAKE);
    c->heard_ms = c->sent_ms = now_ms;
    size_t frame = pdk_frame_begin(&c->out);
    pdk_put_connect_request(&c->out, &request);
    pdk_frame_end(&c->out, frame);
    if (c->out.failed) drop(c, now_ms, "out of memory");
}

void pdk_client_lost(struct pdk_client *c, int64_t now_ms)
{
    PDK_ASSERT(c->effect_count == 0);
    if (has_transport(c) || c->state == PDK_CLIENT_CONNECTING) drop(c, now_ms, NULL);
}

/* ---- time -------------------------------------------------------------------------------- */

static int32_t connect_timeout_ms(const struct pdk_client *c)
{
    int32_t session_ms = c->timeout_ms > 0 ? c->timeout_ms : c->config.session_timeout_ms;
    int32_t share_ms = (int32_t)((uint32_t)session_ms / c->config.host_count);
    return share_ms > 0 ? share_ms : 1;
}

static int64_t read_timeout_ms(const struct pdk_client *c)
{
    return (int64_t)c->timeout_ms * 2 / 3;
}

/* Silence of ours after which a ping is due: half the read timeout, a second earlier once that
 * silence is longer than a second itself. */
static int64_t ping_after_ms(const struct pdk_client *c)
{
    int64_t half_ms = read_timeout_ms(c) / 2;
    if (half_ms > 1000) half_ms = half_ms - 1000 > 1001 ? half_ms - 1000 : 1001;
    return half_ms < PING_IDLE_MS_MAX ? half_ms : PING_IDLE_MS_MAX;
}

int64_t pdk_client_deadline(const struct pdk_client *c)
{
    int64_t silence_ms = c->heard_ms + read_timeout_ms(c);
    int64_t ping_ms = c->sent_ms + ping_after_ms(c);
    switch (c->state) {
    case PDK_CLIENT_WAITING: return c->attempt_ms;
    case PDK_CLIENT_CONNECTING:
    case PDK_CLIENT_HANDSHAKE: return c->attempt_ms + connect_timeout_ms(c);
    case PDK_CLIENT_CONNECTED: return ping_ms < silence_ms ? ping_ms : silence_ms;
    case PDK_CLIENT_CLOSING: return silence_ms;
    case PDK_CLIENT_IDLE:
    case PDK_CLIENT_CLOSED:
    case PDK_CLIENT_EXPIRED:
    case PDK_CLIENT_AUTH_FAILED: break;
    }
    return INT64_MAX;
}

static void ping(struct pdk_client *c, int64_t now_ms)
{
    size_t frame = pdk_frame_begin(&c->out);
    pdk_put_request_header(&c->out,
                           &(struct pdk_request_header){.xid = PDK_XID_PING, .type = PDK_OP_PING});
    pdk_frame_end(&c->out, frame);
    c->sent_ms = now_ms;
    if (c->out.failed) drop(c, now_ms, "out of memory");
}

void pdk_client_tick(struct pdk_client *c, int64_t now_ms)
{
    PDK_ASSERT(c->effect_count == 0);
    if (now_ms < pdk_client_deadline(c)) return;
    switch (c->state) {
    case PDK_CLIENT_WAITING: attempt(c, now_ms); break;
    case PDK_CLIENT_CONNECTING:
    case PDK_CLIENT_HANDSHAKE: drop(c, now_ms, "the server did not answer in time"); break;
    case PDK_CLIENT_CONNECTED:
    case PDK_CLIENT_CLOSING:
        if (now_ms >= c->heard_ms + read_timeout_ms(c)) {
            drop(c, now_ms, "the server has been silent for too long");
        } else {
            ping(c, now_ms);
        }
        break;
    case PDK_CLIENT_IDLE:
    case PDK_CLIENT_CLOSED:
    case PDK_CLIENT_EXPIRED:
    case PDK_CLIENT_AUTH_FAILED: break;
    }
}

/* ---- output ------------------------------------------------------------------------------ */

struct pdk_slice pdk_client_output(const struct pdk_client *c)
{
    if (c->out.len == c->out_sent) return pdk_slice_of(c->out.bytes, 0);
    return pdk_slice_of(c->out.bytes + c->out_sent, c->out.len - c->out_sent);
}

void pdk_client_sent(struct pdk_client *c, int64_t now_ms, size_t len)
{
    PDK_ASSERT(len <= c->out.len - c->out_sent);
    c->sent_ms = now_ms;
    c->out_sent += len;
    if (c->out_sent == c->out.len) {
        c->out_sent = c->out.len = 0;
    } else if (c->out_sent > COMPACT_BYTES && c->out_sent > c->out.len / 2) {
        c->out.len -= c->out_sent;
        memmove(c->out.bytes, c->out.bytes + c->out_sent, c->out.len);
        c->out_sent = 0;
    }
}

/* ---- frames from the server: each returns why the connection must go, or NULL --------------- */

void pdk_client_put_auth(struct pdk_client *c, const struct pdk_client_auth *auth)
{
    size_t frame = pdk_frame_begin(&c->out);
    pdk_put_request_header(&c->out,
                           &(struct pdk_request_header){.xid = PDK_XID_AUTH, .type = PDK_OP_AUTH});
    struct pdk_auth_packet packet = {
        .scheme = pdk_slice_of(auth->bytes, auth->scheme_len),
        .auth = pdk_slice_of(auth->bytes + auth->scheme_len, auth->auth_len),
    };
    pdk_put_auth_packet(&c->out, &packet);
    pdk_frame_end(&c->out, frame);
}

/* Order on a fresh connection: identities, watches, then the requests that have waited. */
static const char *session_stands(struct pdk_client *c)
{
    for (size_t i = 0; i < c->auth_count; i++) pdk_client_put_auth(c, &c->auths[i]);
    pdk_client_watches_put_all(&c->watches, &c->out, c->last_zxid, &c->set_watches_pending);
    pdk_put_raw(&c->out, c->waiting.bytes, c->waiting.len);
    if (c->out.failed) return "out of memory";
    pdk_buf_clear(&c->waiting);
    c->round_tries = 1;
    pdk_client_enter(c, PDK_CLIENT_CONNECTED);
    return NULL;
}

static const char *take_connect_response(struct pdk_client *c, struct pdk_slice body)
{
    struct pdk_reader r = pdk_reader_of(body);
    struct pdk_connect_response response;
    pdk_read_connect_response(&r, &response);
    /* Servers in read-only mode may answer with a bare ReplyHeader: too short for this. */
    if (r.failed) return "malformed ConnectResponse";
    if (response.time_out <= 0) {
        pdk_client_finish(c, PDK_CLIENT_EXPIRED, PDK_CODE_SESSION_EXPIRED);
        return NULL;
    }
    if (response.passwd.len != PDK_PASSWORD_LEN) return "malformed password in ConnectResponse";
    memcpy(c->password, response.passwd.bytes, PDK_PASSWORD_LEN);
    c->session = response.session_id;
    c->timeout_ms = response.time_out;
    c->read_only = response.read_only;
    return session_stands(c);
}

static const char *take_event(struct pdk_client *c, struct pdk_reader *r, pdk_zxid zxid)
{
    struct pdk_watcher_event event;
    pdk_read_watcher_event(r, &event);
    if (r->failed) return "malformed WatcherEvent";
    if (!pdk_client_reserve_effects(c, 1)) return "out of memory";
    pdk_client_watches_fired(&c->watches, event.type, event.path);
    struct pdk_client_effect *e = push(c, PDK_CLIENT_OUT_EVENT);
    e->event = event.type;
    e->zxid = zxid;
    e->bytes = event.path;
    return NULL;
}

static const char *take_auth_reply(struct pdk_client *c, int32_t code)
{
    if (c->auth_answered == c->auth_count) return "reply to an auth that was not sent";
    struct pdk_client_auth *auth = &c->auths[c->auth_answered++];
    if (!auth->told) {
        auth->told = true;
        c->auth_untold--;
        pdk_client_push_reply(c, auth->tag, PDK_OP_AUTH, code);
    }
    if (code != PDK_CODE_OK) {
        pdk_client_finish(c, PDK_CLIENT_AUTH_FAILED, PDK_CODE_AUTH_FAILED);
    }
    return NULL;
}

static void settle_watch(struct pdk_client *c, const struct pdk_client_pending *p, int32_t code)
{
    if (code == PDK_CODE_OK) {
        pdk_client_watches_commit(&c->watches, p->watch, p->watch_kind);
    } else if (p->op == PDK_OP_EXISTS && code == PDK_CODE_NO_NODE) {
        pdk_client_watches_commit(&c->watches, p->watch, PDK_CLIENT_WATCH_EXIST);
    } else {
        pdk_client_watches_discard(&c->watches, p->watch);
    }
}

static const char *take_reply(struct pdk_client *c, const struct pdk_reply_header *header,
                              const struct pdk_reader *r)
{
    if (PDK_UNLIKELY(c->ring_count == 0)) return "reply to nothing";
    const struct pdk_client_pending *p = &c->ring[c->ring_head];
    if (PDK_UNLIKELY(p->xid != header->xid)) return "reply out of order";
    if (header->zxid > 0) c->last_zxid = header->zxid;
    if (p->watch != NULL) settle_watch(c, p, header->err);
    struct pdk_client_effect *e = push(c, PDK_CLIENT_OUT_REPLY);
    e->op = p->op;
    e->code = header->err;
    e->tag = p->tag;
    e->zxid = header->zxid;
    e->bytes = pdk_slice_of(r->at, header->err == PDK_CODE_OK ? pdk_reader_left(r) : 0);
    c->ring_head = (c->ring_head + 1) & (c->ring_cap - 1);
    c->ring_count--;
    if (PDK_UNLIKELY(e->op == PDK_OP_CLOSE_SESSION)) {
        pdk_client_finish(c, PDK_CLIENT_CLOSED, PDK_CODE_SESSION_EXPIRED);
    }
    return NULL;
}

static const char *take_frame(struct pdk_client *c, struct pdk_slice body)
{
    if (PDK_UNLIKELY(c->state == PDK_CLIENT_HANDSHAKE)) return take_connect_response(c, body);
    struct pdk_reader r = pdk_reader_of(body);
    struct pdk_reply_header header;
    pdk_read_reply_header(&r, &header);
    if (PDK_UNLIKELY(r.failed)) return "reply without a header";
    switch (header.xid) {
    case PDK_XID_NOTIFICATION: return take_event(c, &r, header.zxid);
    case PDK_XID_PING: return NULL;
    case PDK_XID_AUTH: return take_auth_reply(c, header.err);
    case PDK_XID_SET_WATCHES:
        if (c->set_watches_pending == 0) return "reply to a setWatches that was not sent";
        c->set_watches_pending--;
        return NULL;
    default: return take_reply(c, &header, &r);
    }
}

static const char bad_length[] = "frame with a negative length or over the limit";

/* Puts the frame together that earlier bytes began.  False: it is not whole yet. */
static bool complete_partial(struct pdk_client *c, struct pdk_slice *in, struct pdk_slice *body,
                             const char **fault)
{
    struct pdk_buf *b = &c->partial[c->partial_at];
    for (;;) {
        size_t need = 0;
        enum pdk_frame_result found =
            pdk_frame_split(b->bytes, b->len, c->config.frame_limit_bytes, body, &need);
        if (found == PDK_FRAME_WHOLE) break;
        if (found == PDK_FRAME_BAD) {
            *fault = bad_length;
            return false;
        }
        if (in->len == 0) return false;
        size_t more = pdk_min_size(need - b->len, in->len);
        pdk_put_raw(b, in->bytes, more);
        if (b->failed) {
            *fault = "out of memory";
            return false;
        }
        in->bytes += more;
        in->len -= more;
    }
    c->partial_at ^= 1u;
    pdk_buf_clear(&c->partial[c->partial_at]);
    return true;
}

void pdk_client_received(struct pdk_client *c, int64_t now_ms, struct pdk_slice in)
{
    PDK_ASSERT(c->effect_count == 0);
    if (!has_transport(c)) return;
    c->heard_ms = now_ms;
    const char *fault = NULL;
    struct pdk_slice body;
    if (c->partial[c->partial_at].len > 0 && complete_partial(c, &in, &body, &fault)) {
        fault = take_frame(c, body);
    }
    while (fault == NULL && in.len > 0 && has_transport(c)) {
        size_t used = 0;
        enum pdk_frame_result found =
            pdk_frame_split(in.bytes, in.len, c->config.frame_limit_bytes, &body, &used);
        if (found == PDK_FRAME_MORE) {
            pdk_put_raw(&c->partial[c->partial_at], in.bytes, in.len);
            if (c->partial[c->partial_at].failed) fault = "out of memory";
            break;
        }
        if (found == PDK_FRAME_BAD) {
            fault = bad_length;
            break;
        }
        in.bytes += used;
        in.len -= used;
        fault = take_frame(c, body);
    }
    if (fault != NULL) drop(c, now_ms, fault);
}
