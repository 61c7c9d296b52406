#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/qpacket.h"
#include "sim/oracle.h"
#include "sim/server_internal.h"

/* How often a stream's progress is told, and how much of it may wait for the network. */
#define STREAMING_US (100 * PDK_SIM_MS)
#define STREAM_WAITING_BYTES ((size_t)32 << 10)
#define STREAM_POLL_US 300

/* ---- sockets --------------------------------------------------------------------------------- */

static struct pdk_sock *sock_of(const struct pdk_simserver *s, pdk_end end)
{
    for (size_t i = 0; i < s->sock_count; i++) {
        struct pdk_sock *k = s->socks[i];
        if (k->kind != PDK_SOCK_FREE && k->end == end) return k;
    }
    return NULL;
}

static struct pdk_sock *numbered(const struct pdk_simserver *s, enum pdk_sock_kind kind,
                                 uint32_t number)
{
    for (size_t i = 0; i < s->sock_count; i++) {
        struct pdk_sock *k = s->socks[i];
        if (k->kind == kind && k->number == number) return k;
    }
    return NULL;
}

/* The one that the node knows. */
struct pdk_sock *pdk_server_link(struct pdk_simserver *s, uint32_t link)
{
    struct pdk_sock *k = numbered(s, PDK_SOCK_LINK, link);
    return k != NULL && k->open ? k : NULL;
}

static struct pdk_sock *conn_of(const struct pdk_simserver *s, uint32_t conn)
{
    struct pdk_sock *k = numbered(s, PDK_SOCK_CONN, conn);
    return k != NULL && k->open ? k : NULL;
}

static struct pdk_sock *new_sock(struct pdk_simserver *s, enum pdk_sock_kind kind, uint32_t number)
{
    struct pdk_sock *k = NULL;
    for (size_t i = 0; i < s->sock_count && k == NULL; i++) {
        if (s->socks[i]->kind == PDK_SOCK_FREE) k = s->socks[i];
    }
    if (k == NULL) {
        if (s->sock_count == s->sock_cap) {
            s->sock_cap = s->sock_cap > 0 ? s->sock_cap * 2 : 16;
            s->socks =
                pdk_mem_must_resize(s->mem, s->socks, s->sock_cap * sizeof(struct pdk_sock *));
        }
        k = s->socks[s->sock_count++] = pdk_mem_must_zero(s->mem, 1, sizeof *k);
    }
    *k = (struct pdk_sock){.kind = kind, .number = number, .end = PDK_END_NONE};
    pdk_buf_init(&k->in, s->mem, SIZE_MAX);
    pdk_buf_init(&k->sniffed, s->mem, 1 << 20);
    pdk_buf_init(&k->heard, s->mem, SIZE_MAX);
    return k;
}

static uint32_t free_number(const struct pdk_simserver *s, enum pdk_sock_kind kind)
{
    uint32_t number = 0;
    while (numbered(s, kind, number) != NULL) number++;
    return number;
}

static void free_sock(struct pdk_simserver *s, struct pdk_sock *k)
{
    for (size_t i = 0; i < k->out_count; i++) pdk_buf_deinit(&k->out[i].bytes);
    pdk_mem_free(s->mem, k->out);
    pdk_buf_deinit(&k->in);
    pdk_buf_deinit(&k->sniffed);
    pdk_buf_deinit(&k->heard);
    *k = (struct pdk_sock){.kind = PDK_SOCK_FREE};
}

/* The stream is closed and the node speaks of it no more; its number may come again, unless workers
 * are still to answer for it. */
static void release(struct pdk_simserver *s, struct pdk_sock *k)
{
    k->open = false;
    k->end = PDK_END_NONE;
    if (k->users == 0) free_sock(s, k);
}

void pdk_server_socks_free(struct pdk_simserver *s)
{
    for (size_t i = 0; i < s->sock_count; i++) {
        if (s->socks[i]->kind != PDK_SOCK_FREE) free_sock(s, s->socks[i]);
        pdk_mem_free(s->mem, s->socks[i]);
    }
    pdk_mem_free(s->mem, s->socks);
}

static void address_text(uint32_t host, char out[16])
{
    (void)snprintf(out, 16, "10.0.0.%u", host);
}

/* ---- news of the network --------------------------------------------------------------------- */

static void on_accepted(void *ctx, int port, uint32_t from, pdk_end end)
{
    struct pdk_news *n = pdk_server_news(ctx, PDK_NEWS_ACCEPTED);
    n->port = port;
    n->from = from;
    n->end = end;
}
static void on_dialled(void *ctx, pdk_end end, bool connected)
{
    struct pdk_news *n = pdk_server_news(ctx, PDK_NEWS_DIALLED);
    n->end = end;
    n->flag = connected;
}
static void on_readable(void *ctx, pdk_end end)
{
    pdk_server_news(ctx, PDK_NEWS_READABLE)->end = end;
}
static void on_closed(void *ctx, pdk_end end) { pdk_server_news(ctx, PDK_NEWS_CLOSED)->end = end; }

static void on_drained(void *ctx, pdk_end end)
{
    struct pdk_simserver *s = ctx;
    struct pdk_sock *k = sock_of(s, end);
    if (k == NULL || k->kind != PDK_SOCK_LINK || k->out_count == 0) return;
    if (s->world->now_us - k->streaming_told_us < STREAMING_US) return;
    k->streaming_told_us = s->world->now_us;
    pdk_server_news_input(s, &(struct pdk_input){.kind = PDK_IN_STREAMING, .link = k->number});
}

struct pdk_net_handler pdk_server_handler(struct pdk_simserver *s)
{
    return (struct pdk_net_handler){.ctx = s,
                                    .accepted = on_accepted,
                                    .dialled = on_dialled,
                                    .readable = on_readable,
                                    .drained = on_drained,
                                    .closed = on_closed};
}

/* ---- what comes in --------------------------------------------------------------------------- */

static void take_accepted(struct pdk_simserver *s, const struct pdk_news *n)
{
    bool is_client = n->port == PDK_SIM_CLIENT_PORT;
    enum pdk_sock_kind kind = is_client ? PDK_SOCK_CONN : PDK_SOCK_LINK;
    struct pdk_sock *k = new_sock(s, kind, free_number(s, kind));
    char address[16];
    address_text(n->from, address);
    k->end = n->end;
    k->open = true;
    k->is_election = n->port == PDK_SIM_ELECTION_PORT;
    k->is_learner = n->port == PDK_SIM_QUORUM_PORT;
    if (!is_client)
        pdk_world_trace(s->world, "    s%u link %u from s%u, port %d", s->sid, k->number, n->from,
                        n->port);
    struct pdk_input in = {.kind = PDK_IN_CONN_OPENED,
                           .conn = k->number,
                           .link = k->number,
                           .address = pdk_slice_str(address)};
    if (!is_client) {
        in.kind = PDK_IN_LINK_ACCEPTED;
        in.port = k->is_election  ? PDK_PORT_ELECTION
                  : k->is_learner ? PDK_PORT_QUORUM
                                  : PDK_PORT_OBSERVER_MASTER;
        in.conn = 0;
    }
    pdk_server_input(s, &in);
}

static void take_dialled(struct pdk_simserver *s, const struct pdk_news *n)
{
    struct pdk_sock *k = sock_of(s, n->end);
    if (k == NULL) {
        if (n->flag) pdk_net_close(s->net, n->end);
        return;
    }
    uint32_t link = k->number;
    pdk_world_trace(s->world, "    s%u link %x %s", s->sid, link,
                    n->flag ? "connects" : "does not connect");
    k->dialling = false;
    if (n->flag)
        k->open = true;
    else
        release(s, k);
    pdk_server_input(
        s, &(struct pdk_input){.kind = PDK_IN_LINK_DIALLED, .link = link, .flag = n->flag});
}

static void eat(struct pdk_sock *k, size_t len)
{
    PDK_ASSERT(len <= k->in.len);
    if (len > 0) memmove(k->in.bytes, k->in.bytes + len, k->in.len - len);
    k->in.len -= len;
}

/* What a learner tells of its clients' sessions. */
static void hear_packet(struct pdk_simserver *s, const struct pdk_qpacket *p)
{
    struct pdk_reader r = pdk_reader_of(p->data);
    if (p->type != PDK_Q_PING && p->type != PDK_Q_REVALIDATE) return;
    while (pdk_reader_left(&r) >= 12) {
        pdk_oracle_heard(s->judge->oracle, s->sid, pdk_read_i64(&r));
        (void)pdk_read_i32(&r);
    }
}

static void hear(struct pdk_simserver *s, struct pdk_sock *k, struct pdk_slice bytes)
{
    if (!k->is_learner) return;
    pdk_put_raw(&k->heard, bytes.bytes, bytes.len);
    struct pdk_qpacket packet;
    size_t used = 0, at = 0;
    while (k->heard.len > at &&
           pdk_qpacket_read(pdk_slice_of(k->heard.bytes + at, k->heard.len - at), (size_t)1 << 20,
                            &packet, &used) == PDK_QFOUND_PACKET) {
        hear_packet(s, &packet);
        at += used;
    }
    if (at > 0) memmove(k->heard.bytes, k->heard.bytes + at, k->heard.len - at);
    k->heard.len -= at;
}

static void move_in(struct pdk_simserver *s, struct pdk_sock *k)
{
    struct pdk_slice unread = pdk_net_unread(s->net, k->end);
    if (unread.len == 0) return;
    pdk_put_raw(&k->in, unread.bytes, unread.len);
    hear(s, k, unread);
    pdk_net_take(s->net, k->end, unread.len);
}

/* Bytes of exactly their length: reading past them must show. */
static uint8_t *exact(const struct pdk_simserver *s, struct pdk_slice bytes)
{
    uint8_t *copy = pdk_mem_must(s->mem, bytes.len > 0 ? bytes.len : 1);
    if (bytes.len > 0) memcpy(copy, bytes.bytes, bytes.len);
    return copy;
}

static void deliver_frames(struct pdk_simserver *s, struct pdk_sock *k)
{
    pdk_end end = k->end;
    while (!s->dying && k->kind == PDK_SOCK_CONN && k->end == end && k->open && !k->paused) {
        struct pdk_slice body;
        size_t used = 0;
        move_in(s, k);
        enum pdk_frame_result found =
            pdk_frame_split(k->in.bytes, k->in.len, 1 << 18, &body, &used);
        if (found == PDK_FRAME_MORE) return;
        PDK_ASSERT(found == PDK_FRAME_WHOLE); /* clients here send nothing else */
        uint8_t *copy = exact(s, body);
        body.bytes = copy;
        eat(k, used);
        pdk_oracle_heard(s->judge->oracle, s->sid, pdk_node_session_of(s->node, k->number));
        pdk_server_input(
            s, &(struct pdk_input){.kind = PDK_IN_FRAME, .conn = k->number, .bytes = body});
        pdk_mem_free(s->mem, copy);
    }
}

/* While much of a snapshot waits for the disk, no more is read. */
static bool holds_back(const struct pdk_simserver *s, const struct pdk_sock *k)
{
    return !k->is_election && s->spool_waiting > s->swarm->spool_bytes;
}

static void feed_link(struct pdk_simserver *s, struct pdk_sock *k)
{
    pdk_end end = k->end;
    while (!s->dying && k->kind == PDK_SOCK_LINK && k->end == end && k->open && !holds_back(s, k)) {
        move_in(s, k);
        if (k->in.len == 0) return;
        uint8_t *copy = exact(s, pdk_buf_slice(&k->in));
        struct pdk_now now = pdk_server_now(s);
        size_t len = k->in.len;
        s->feeding = pdk_net_peer_host(s->net, end);
        size_t taken = pdk_node_link_bytes(s->node, &now, k->number, pdk_slice_of(copy, len));
        pdk_mem_free(s->mem, copy);
        PDK_ASSERT(taken <= len);
        eat(k, taken);
        pdk_server_carry_out(s);
        if (taken == 0) return;
    }
}

void pdk_server_feed_links(struct pdk_simserver *s)
{
    for (size_t i = 0; i < s->sock_count && !s->dying; i++) {
        struct pdk_sock *k = s->socks[i];
        if (k->kind == PDK_SOCK_LINK && k->open && k->in.len > 0) feed_link(s, k);
    }
}

static void take_closed(struct pdk_simserver *s, struct pdk_sock *k)
{
    pdk_end end = k->end;
    k->over = true;
    if (k->kind == PDK_SOCK_CONN)
        deliver_frames(s, k);
    else
        feed_link(s, k);
    if (s->dying || k->end != end || !k->open) return;
    /* What was to be sent is meant for this connection, not for the next of its number. */
    pdk_server_carry_out(s);
    if (k->end != end || !k->open) return;
    /* The end is behind what is not read yet: seen when reading goes on. */
    if (k->kind == PDK_SOCK_CONN && k->paused && k->in.len > 0) return;
    pdk_net_close(s->net, end);
    if (k->kind == PDK_SOCK_LINK)
        pdk_world_trace(s->world, "    s%u link %x is gone", s->sid, k->number);
    struct pdk_input in = {.kind = PDK_IN_CONN_CLOSED, .conn = k->number};
    if (k->kind == PDK_SOCK_LINK)
        in = (struct pdk_input){.kind = PDK_IN_LINK_CLOSED, .link = k->number};
    release(s, k);
    pdk_server_input(s, &in);
}

void pdk_server_take_news(struct pdk_simserver *s, const struct pdk_news *n)
{
    if (n->kind == PDK_NEWS_ACCEPTED) {
        take_accepted(s, n);
        return;
    }
    if (n->kind == PDK_NEWS_DIALLED) {
        take_dialled(s, n);
        return;
    }
    struct pdk_sock *k = sock_of(s, n->end);
    if (k == NULL || !k->open) return;
    if (n->kind == PDK_NEWS_CLOSED)
        take_closed(s, k);
    else if (k->kind == PDK_SOCK_CONN)
        deliver_frames(s, k);
    else
        feed_link(s, k);
}

/* ---- what goes out --------------------------------------------------------------------------- */

/* How the leader brings this learner up: the first of these packets that it sends. */
static void sniff(struct pdk_simserver *s, struct pdk_sock *k, struct pdk_slice bytes)
{
    if (!k->is_learner || k->sync_seen) return;
    pdk_put_raw(&k->sniffed, bytes.bytes, bytes.len);
    struct pdk_qpacket packet;
    size_t used = 0, at = 0;
    while (!k->sync_seen && k->sniffed.len > at &&
           pdk_qpacket_read(pdk_slice_of(k->sniffed.bytes + at, k->sniffed.len - at),
                            (size_t)1 << 20, &packet, &used) == PDK_QFOUND_PACKET) {
        at += used;
        k->sync_seen =
            packet.type == PDK_Q_DIFF || packet.type == PDK_Q_TRUNC || packet.type == PDK_Q_SNAP;
        s->judge->counts.diffs += packet.type == PDK_Q_DIFF;
        s->judge->counts.truncs_sent += packet.type == PDK_Q_TRUNC;
        s->judge->counts.snaps += packet.type == PDK_Q_SNAP;
        if (k->sync_seen)
            pdk_world_trace(s->world, "    s%u sends %s 0x%" PRIx64 " to s%u", s->sid,
                            pdk_qtype_name(packet.type), (uint64_t)packet.zxid,
                            pdk_net_peer_host(s->net, k->end));
    }
    if (at > 0) memmove(k->sniffed.bytes, k->sniffed.bytes + at, k->sniffed.len - at);
    k->sniffed.len -= at;
}

static struct pdk_outgoing *add_outgoing(struct pdk_simserver *s, struct pdk_sock *k)
{
    if (k->out_count == k->out_cap) {
        k->out_cap = k->out_cap > 0 ? k->out_cap * 2 : 4;
        k->out = pdk_mem_must_resize(s->mem, k->out, k->out_cap * sizeof *k->out);
    }
    struct pdk_outgoing *o = &k->out[k->out_count++];
    *o = (struct pdk_outgoing){.stream = NULL};
    pdk_buf_init(&o->bytes, s->mem, SIZE_MAX);
    return o;
}

static size_t waiting_bytes(const struct pdk_simserver *s, const struct pdk_sock *k)
{
    size_t sum = pdk_net_unsent(s->net, k->end);
    for (size_t i = 0; i < k->out_count; i++) sum += k->out[i].bytes.len;
    return sum;
}

static void link_send(struct pdk_simserver *s, uint32_t link, struct pdk_slice bytes)
{
    struct pdk_sock *k = pdk_server_link(s, link);
    if (k == NULL) return;
    sniff(s, k, bytes);
    if (k->out_count == 0) {
        pdk_net_send(s->net, k->end, bytes);
    } else {
        struct pdk_outgoing *last = &k->out[k->out_count - 1];
        if (last->stream != NULL) last = add_outgoing(s, k);
        pdk_put_raw(&last->bytes, bytes.bytes, bytes.len);
    }
    if (waiting_bytes(s, k) <= s->swarm->link_queue_bytes) return;
    pdk_world_trace(s->world, "s%u drops link %u, which does not read", s->sid, link);
    pdk_net_abort(s->net, k->end);
    /* The number stays taken until the node has heard of it. */
    k->dropped = true;
    k->users++;
    release(s, k);
    pdk_server_news_input(s, &(struct pdk_input){.kind = PDK_IN_LINK_CLOSED, .link = link});
}

bool pdk_server_link_dropped(struct pdk_simserver *s, uint32_t link)
{
    struct pdk_sock *k = numbered(s, PDK_SOCK_LINK, link);
    PDK_ASSERT(k != NULL && !k->open && k->users > 0);
    bool tell = k->dropped;
    k->dropped = false;
    if (--k->users == 0) free_sock(s, k);
    return tell;
}

/* Bytes that waited behind streams that are complete. */
static void flush_outgoing(struct pdk_simserver *s, struct pdk_sock *k)
{
    size_t done = 0;
    while (done < k->out_count) {
        struct pdk_outgoing *o = &k->out[done];
        if (o->stream != NULL && !o->streamed) break;
        if (o->stream == NULL) pdk_net_send(s->net, k->end, pdk_buf_slice(&o->bytes));
        pdk_buf_deinit(&o->bytes);
        done++;
    }
    if (done > 0) memmove(k->out, k->out + done, (k->out_count - done) * sizeof *k->out);
    k->out_count -= done;
}

enum pdk_err pdk_server_stream(struct pdk_worker *w, struct pdk_slice bytes)
{
    struct pdk_simserver *s = w->server;
    for (;;) {
        struct pdk_sock *k = pdk_server_link(s, w->link);
        if (k == NULL) return PDK_EIO;
        bool its_turn = k->out_count > 0 && k->out[0].stream == w;
        if (its_turn && pdk_net_unsent(s->net, k->end) < STREAM_WAITING_BYTES) {
            pdk_net_send(s->net, k->end, bytes);
            pdk_server_sleep(w, (int64_t)pdk_world_below(s->world, 50));
            return PDK_OK;
        }
        pdk_server_sleep(w, STREAM_POLL_US);
    }
}

void pdk_server_stream_end(struct pdk_simserver *s, const struct pdk_worker *w)
{
    struct pdk_sock *k = numbered(s, PDK_SOCK_LINK, w->link);
    PDK_ASSERT(k != NULL && k->users > 0);
    k->users--;
    if (!k->open) {
        if (k->users == 0) free_sock(s, k);
        return;
    }
    for (size_t i = 0; i < k->out_count; i++) {
        if (k->out[i].stream == w) k->out[i].streamed = true;
    }
    flush_outgoing(s, k);
}

/* ---- effects --------------------------------------------------------------------------------- */

static bool is_host(const struct pdk_simserver *s, const struct pdk_address *a, uint32_t *host)
{
    (void)s;
    unsigned number = 0;
    if (sscanf(a->host, "s%u", &number) != 1 || number >= PDK_NET_HOSTS) return false;
    *host = number;
    return true;
}

static void dial(struct pdk_simserver *s, const struct pdk_effect *e)
{
    uint32_t host = 0;
    PDK_ASSERT(e->link >= PDK_LINK_DIALLED && e->address_count > 0);
    PDK_ASSERT(numbered(s, PDK_SOCK_LINK, e->link) == NULL);
    PDK_ASSERT(is_host(s, &e->addresses[0], &host));
    struct pdk_sock *k = new_sock(s, PDK_SOCK_LINK, e->link);
    k->dialling = true;
    k->is_election = e->addresses[0].port == PDK_SIM_ELECTION_PORT;
    k->end = pdk_net_dial(s->net, s->sid, host, e->addresses[0].port,
                          s->swarm->connect_timeout_ms * PDK_SIM_MS);
}

static void link_close(struct pdk_simserver *s, uint32_t link)
{
    struct pdk_sock *k = numbered(s, PDK_SOCK_LINK, link);
    if (k == NULL) return;
    k->dropped = false; /* the node has been quicker */
    if (!k->open && !k->dialling) return;
    pdk_world_trace(s->world, "    s%u closes link %x", s->sid, link);
    if (k->open) {
        flush_outgoing(s, k);
        pdk_net_take(s->net, k->end, pdk_net_unread(s->net, k->end).len);
    }
    pdk_net_close(s->net, k->end);
    release(s, k);
}

static void run_view(struct pdk_worker *w);
static void run_log(struct pdk_worker *w);
static void run_find(struct pdk_worker *w);

static void start_link_worker(struct pdk_simserver *s, const struct pdk_effect *e)
{
    struct pdk_sock *k = numbered(s, PDK_SOCK_LINK, e->link);
    PDK_ASSERT(k != NULL);
    bool view = e->kind == PDK_OUT_STREAM_VIEW, find = e->kind == PDK_OUT_FIND;
    struct pdk_worker *w = pdk_server_worker(s,
                                             view   ? "view"
                                             : find ? "find"
                                                    : "log stream",
                                             view   ? run_view
                                             : find ? run_find
                                                    : run_log);
    w->link = e->link;
    w->job = e->job;
    w->zxid = e->zxid;
    w->until = e->until;
    w->flag = e->flag;
    k->users++;
    if (!find && k->open) add_outgoing(s, k)->stream = w;
    if (view) pdk_judge_view(s->judge, s->sid, e->job->zxid, true);
    s->judge->counts.log_streams += e->kind == PDK_OUT_STREAM_LOG;
    pdk_server_worker_start(w);
}

static void conn_close(struct pdk_simserver *s, uint32_t conn)
{
    struct pdk_sock *k = conn_of(s, conn);
    PDK_ASSERT(k != NULL);
    pdk_net_take(s->net, k->end, pdk_net_unread(s->net, k->end).len);
    pdk_net_close(s->net, k->end);
    release(s, k);
}

/* Which states these frames speak of; the first of a connection has no zxid. */
static void report_told(struct pdk_simserver *s, struct pdk_sock *k, struct pdk_slice bytes)
{
    struct pdk_slice body;
    size_t used = 0;
    while (pdk_frame_split(bytes.bytes, bytes.len, INT32_MAX, &body, &used) == PDK_FRAME_WHOLE) {
        bytes.bytes += used;
        bytes.len -= used;
        struct pdk_reply_header header;
        struct pdk_connect_response greeting;
        struct pdk_reader r = pdk_reader_of(body);
        if (k->greeted) {
            pdk_read_reply_header(&r, &header);
            pdk_judge_told(s->judge, s->sid, header.zxid);
        } else {
            pdk_read_connect_response(&r, &greeting);
            pdk_judge_greeted(s->judge, s->sid, greeting.session_id);
        }
        k->greeted = true;
    }
}

static void conn_send(struct pdk_simserver *s, uint32_t conn, struct pdk_slice bytes)
{
    struct pdk_sock *k = conn_of(s, conn);
    if (k == NULL) return;
    report_told(s, k, bytes);
    pdk_net_send(s->net, k->end, bytes);
}

static void conn_pause(struct pdk_simserver *s, uint32_t conn, bool on)
{
    struct pdk_sock *k = conn_of(s, conn);
    PDK_ASSERT(k != NULL);
    k->paused = on;
    if (on) return;
    pdk_server_news(s, PDK_NEWS_READABLE)->end = k->end;
    if (k->over) pdk_server_news(s, PDK_NEWS_CLOSED)->end = k->end;
}

static void listen_on(struct pdk_simserver *s, const struct pdk_effect *e)
{
    int port = e->port == PDK_PORT_QUORUM     ? PDK_SIM_QUORUM_PORT
               : e->port == PDK_PORT_ELECTION ? PDK_SIM_ELECTION_PORT
                                              : PDK_SIM_OBSERVER_PORT;
    pdk_net_listen(s->net, s->sid, port, e->flag);
}

void pdk_server_net_effect(struct pdk_simserver *s, const struct pdk_effect *e)
{
    switch (e->kind) {
    case PDK_OUT_SEND: conn_send(s, e->conn, e->bytes); break;
    case PDK_OUT_SEND_MANY:
        for (uint32_t i = 0; i < e->conn_count; i++) conn_send(s, e->conns[i], e->bytes);
        break;
    case PDK_OUT_CLOSE: conn_close(s, e->conn); break;
    case PDK_OUT_PAUSE: conn_pause(s, e->conn, true); break;
    case PDK_OUT_RESUME: conn_pause(s, e->conn, false); break;
    case PDK_OUT_LISTEN: listen_on(s, e); break;
    case PDK_OUT_LINK_DIAL: dial(s, e); break;
    case PDK_OUT_LINK_SEND:
        for (uint32_t i = 0; i < e->conn_count; i++) link_send(s, e->conns[i], e->bytes);
        break;
    case PDK_OUT_LINK_CLOSE: link_close(s, e->link); break;
    case PDK_OUT_STREAM_VIEW:
    case PDK_OUT_STREAM_LOG:
    case PDK_OUT_FIND: start_link_worker(s, e); break;
    default: PDK_UNREACHABLE();
    }
}

/* ---- workers on links ------------------------------------------------------------------------ */

static enum pdk_err write_piece(void *ctx, struct pdk_slice piece)
{
    return pdk_server_stream(ctx, piece);
}

static void run_view(struct pdk_worker *w)
{
    struct pdk_simserver *s = w->server;
    enum pdk_err err =
        pdk_snapstream_write(s->mem, w->job, s->swarm->stream_piece_bytes, write_piece, w);
    pdk_server_stream_end(s, w);
    pdk_server_news_input(
        s,
        &(struct pdk_input){.kind = PDK_IN_STREAMED, .link = w->link, .err = err, .job = w->job});
}

static enum pdk_err stream_txn(void *ctx, struct pdk_slice txn)
{
    struct pdk_worker *w = ctx;
    pdk_buf_clear(&w->text);
    pdk_put_streamed_txn(&w->text, txn, w->flag);
    return pdk_server_stream(w, pdk_buf_slice(&w->text));
}

static void run_log(struct pdk_worker *w)
{
    struct pdk_simserver *s = w->server;
    struct pdk_diag diag = {0};
    enum pdk_err err =
        pdk_store_walk(&s->store_config, &s->vfs, w->zxid, w->until, stream_txn, w, &diag);
    if (err != PDK_OK) pdk_world_trace(s->world, "s%u log stream ends: %s", s->sid, diag.text);
    pdk_server_stream_end(s, w);
    pdk_server_news_input(
        s, &(struct pdk_input){.kind = PDK_IN_STREAMED, .link = w->link, .err = err});
}

static void run_find(struct pdk_worker *w)
{
    struct pdk_simserver *s = w->server;
    struct pdk_diag diag = {0};
    struct pdk_log_place place = {0};
    enum pdk_err err = pdk_store_find(&s->store_config, &s->vfs, w->zxid, w->until, &place, &diag);
    pdk_server_stream_end(s, w);
    pdk_server_news_input(
        s, &(struct pdk_input){.kind = PDK_IN_FOUND, .link = w->link, .err = err, .place = &place});
}
