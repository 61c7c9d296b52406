#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/node/node.h"
#include "shell/conn_internal.h"

#define SCRATCH_BYTES ((size_t)256 << 10)
#define WORD_TEXT_BYTES ((size_t)256 << 20) /* longest answer to a four letter word */

static const int64_t timer_ms[TIMER_COUNT] = {
    [TIMER_DRAIN] = 10000, [TIMER_CLOSING] = 10000, [TIMER_LINGER] = 1000};

/* ---- time limits --------------------------------------------------------------------------- */
void pdk_conns_set_timer(struct pdk_conns *conns, struct conn *c, enum conn_timer timer)
{
    if (c->timer != TIMER_NONE) {
        struct conn_list *list = &conns->timers[c->timer];
        if (c->timer_prev != NULL)
            c->timer_prev->timer_next = c->timer_next;
        else
            list->first = c->timer_next;
        if (c->timer_next != NULL)
            c->timer_next->timer_prev = c->timer_prev;
        else
            list->last = c->timer_prev;
    }
    c->timer = (uint8_t)timer;
    if (timer == TIMER_NONE) return;
    struct conn_list *list = &conns->timers[timer];
    int64_t limit_ms =
        timer == TIMER_SESSIONLESS ? conns->config.sessionless_timeout_ms : timer_ms[timer];
    c->timer_due_ms = conns->now_ms + limit_ms;
    c->timer_prev = list->last;
    c->timer_next = NULL;
    if (list->last != NULL)
        list->last->timer_next = c;
    else
        list->first = c;
    list->last = c;
}

static void run_timers(struct pdk_conns *conns)
{
    for (enum conn_timer t = TIMER_NONE + 1; t < TIMER_COUNT; t++) {
        for (struct conn *c = conns->timers[t].first; c != NULL && c->timer_due_ms <= conns->now_ms;
             c = conns->timers[t].first) {
            pdk_conns_set_timer(conns, c, TIMER_NONE);
            if (t == TIMER_SESSIONLESS) conns->config.metrics->sessionless_connections_expired++;
            if (t == TIMER_DRAIN) conns->config.metrics->connection_drop_count++;
            pdk_conns_lose(conns, c);
        }
    }
}

int64_t pdk_conns_deadline(const struct pdk_conns *conns)
{
    if (conns->again != NULL || conns->lost != NULL) return conns->now_ms;
    int64_t due = INT64_MAX;
    for (enum conn_timer t = TIMER_NONE + 1; t < TIMER_COUNT; t++) {
        const struct conn *c = conns->timers[t].first;
        if (c != NULL && c->timer_due_ms < due) due = c->timer_due_ms;
    }
    return due;
}

/* ---- birth --------------------------------------------------------------------------------- */
struct pdk_conns *pdk_conns_create(const struct pdk_conns_config *config, struct pdk_loop *loop,
                                   const struct pdk_conn_handler *handler)
{
    struct pdk_conns *conns = pdk_mem_try_zero(config->mem, 1, sizeof *conns);
    if (conns == NULL) return NULL;
    conns->config = *config;
    conns->loop = loop;
    conns->handler = handler;
    conns->scratch = pdk_mem_try(config->mem, SCRATCH_BYTES);
    if (conns->scratch == NULL) {
        pdk_mem_free(config->mem, conns);
        return NULL;
    }
    conns->scratch_bytes = SCRATCH_BYTES;
    pdk_map_init(&conns->per_address, config->mem, config->seed);
    pdk_buf_init(&conns->text, config->mem, WORD_TEXT_BYTES);
    return conns;
}

static bool grow_table(struct pdk_conns *conns)
{
    const struct pdk_mem *mem = conns->config.mem;
    uint32_t cap = conns->table_cap > 0 ? conns->table_cap * 2 : 64;
    if (cap > PDK_CONN_NONE / 2) return false;
    struct conn **table = pdk_mem_resize(mem, conns->table, cap * sizeof(*table));
    if (table == NULL) return false;
    conns->table = table;
    uint32_t *ids = pdk_mem_resize(mem, conns->free_ids, cap * sizeof *ids);
    if (ids == NULL) return false;
    conns->free_ids = ids;
    for (uint32_t id = conns->table_cap; id < cap; id++) table[id] = NULL;
    for (uint32_t id = cap; id-- > conns->table_cap;) ids[conns->free_count++] = id;
    conns->table_cap = cap;
    return true;
}

static void set_address(struct conn *c, const struct sockaddr_storage *peer)
{
    static const uint8_t v4_in_v6[12] = {[10] = 0xff, [11] = 0xff};
    if (peer->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)peer;
        memcpy(c->address, &in->sin_addr, 4);
        c->port = ntohs(in->sin_port);
    } else if (peer->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)peer;
        c->port = ntohs(in6->sin6_port);
        c->is_v6 = memcmp(&in6->sin6_addr, v4_in_v6, sizeof v4_in_v6) != 0;
        if (c->is_v6)
            memcpy(c->address, &in6->sin6_addr, 16);
        else
            memcpy(c->address, in6->sin6_addr.s6_addr + 12, 4);
    }
}

static uint64_t address_key(const struct pdk_conns *conns, const struct conn *c)
{
    return pdk_siphash(&conns->config.seed, c->address, c->is_v6 ? 16 : 4);
}

static void release_address(struct pdk_conns *conns, const struct conn *c)
{
    uint64_t key = address_key(conns, c), here = 0;
    bool known = pdk_map_get(&conns->per_address, key, &here);
    PDK_ASSERT(known && here > 0);
    if (here == 1) {
        (void)pdk_map_remove(&conns->per_address, key);
        return;
    }
    enum pdk_err err = pdk_map_put(&conns->per_address, key, here - 1);
    PDK_ASSERT(err == PDK_OK); /* replacing needs no memory */
}

static enum pdk_err take_address(struct pdk_conns *conns, const struct conn *c)
{
    const struct pdk_conns_config *config = &conns->config;
    if (config->max_total > 0 && conns->count >= (uint32_t)config->max_total) return PDK_EBUSY;
    uint64_t key = address_key(conns, c), here = 0;
    (void)pdk_map_get(&conns->per_address, key, &here);
    if (config->max_per_address > 0 && here >= (uint64_t)config->max_per_address) return PDK_EBUSY;
    return pdk_map_put(&conns->per_address, key, here + 1);
}

static void on_ready(struct pdk_source *self, uint32_t events);

enum pdk_err pdk_conns_adopt(struct pdk_conns *conns, int fd, const struct sockaddr_storage *peer)
{
    if (conns->free_count == 0 && !grow_table(conns)) return PDK_ENOMEM;
    struct conn *c = pdk_mem_try(conns->config.mem, sizeof *c);
    if (c == NULL) return PDK_ENOMEM;
    *c = (struct conn){.source.ready = on_ready,
                       .conns = conns,
                       .fd = fd,
                       .state = CONN_NEW,
                       .ref_first = REF_NONE,
                       .ref_last = REF_NONE,
                       .last_read_mono_ms = conns->now_ms};
    if (conns->stopped_reading) c->blocked = BLOCK_STOPPED;
    set_address(c, peer);
    enum pdk_err err = take_address(conns, c);
    if (err == PDK_OK) {
        err = pdk_loop_add(conns->loop, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &c->source);
        if (err != PDK_OK) release_address(conns, c);
    }
    if (err != PDK_OK) {
        pdk_mem_free(conns->config.mem, c);
        return err;
    }
    c->id = conns->free_ids[--conns->free_count];
    conns->table[c->id] = c;
    conns->count++;
    pdk_conns_set_timer(conns, c, TIMER_SESSIONLESS);
    return PDK_OK;
}

/* ---- life ---------------------------------------------------------------------------------- */
static void on_ready(struct pdk_source *self, uint32_t events)
{
    struct conn *c = (struct conn *)(void *)self;
    struct pdk_conns *conns = c->conns;
    if (c->state == CONN_DEAD || c->lost) return;
    if ((events & ~(uint32_t)EPOLLOUT) == EPOLLIN) {
        c->readable = true;
        if (pdk_conns_group_read(conns, c)) return;
    }
    pdk_conns_deliver(conns); /* it shares the scratch buffer */
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) c->hung_up = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) c->readable = true;
    if ((events & EPOLLOUT) != 0 && c->out.bytes > 0) pdk_conns_output(conns, c);
    if (c->readable && !c->lost) pdk_conns_input(conns, c);
    /* Neither direction lives, and nobody may find out by reading. */
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && c->blocked != 0) pdk_conns_lose(conns, c);
}

void pdk_conns_look_again(struct pdk_conns *conns, struct conn *c)
{
    if (c->awaiting) return;
    c->awaiting = true;
    c->again_next = conns->again;
    conns->again = c;
}

void pdk_conns_lose(struct pdk_conns *conns, struct conn *c)
{
    if (c->lost || c->state == CONN_DEAD) return;
    c->lost = true;
    c->blocked |= BLOCK_ENDED;
    c->lost_next = conns->lost;
    conns->lost = c;
}

void pdk_conns_begin_linger(struct pdk_conns *conns, struct conn *c)
{
    c->state = CONN_LINGER;
    pdk_conns_set_timer(conns, c, TIMER_LINGER);
    if (shutdown(c->fd, SHUT_WR) != 0)
        pdk_conns_lose(conns, c);
    else if (c->readable)
        pdk_conns_input(conns, c);
}

void pdk_conns_begin_closing(struct pdk_conns *conns, struct conn *c)
{
    c->blocked |= BLOCK_ENDED;
    c->state = CONN_CLOSING;
    pdk_conns_set_timer(conns, c, TIMER_CLOSING);
    pdk_mem_free(conns->config.mem, c->in.bytes);
    c->in.bytes = NULL;
    c->in.len = c->in.cap = 0;
    if (c->out.bytes == 0) pdk_conns_begin_linger(conns, c);
}

void pdk_conns_pause(struct pdk_conns *conns, uint32_t conn)
{
    PDK_ASSERT(conn < conns->table_cap);
    struct conn *c = conns->table[conn];
    if (c != NULL) c->blocked |= BLOCK_PAUSED;
}

void pdk_conns_resume(struct pdk_conns *conns, uint32_t conn)
{
    PDK_ASSERT(conn < conns->table_cap);
    struct conn *c = conns->table[conn];
    if (c == NULL || (c->blocked & BLOCK_PAUSED) == 0) return;
    c->blocked &= (uint8_t)~BLOCK_PAUSED;
    if (c->in.len > 0 || c->readable) pdk_conns_look_again(conns, c);
}

/* ---- death --------------------------------------------------------------------------------- */
static void release(struct pdk_conns *conns, struct conn *c)
{
    const struct pdk_mem *mem = conns->config.mem;
    (void)close(c->fd); /* epoll forgets it, too: nobody has a copy of the descriptor */
    conns->large_bytes -= c->large;
    c->large = 0;
    conns->unsent -= c->out.bytes;
    pdk_outqueue_clear(&c->out, mem);
    pdk_mem_free(mem, c->in.bytes);
    c->in.bytes = NULL;
    c->in.len = 0;
}

static void die(struct pdk_conns *conns, struct conn *c)
{
    pdk_conns_set_timer(conns, c, TIMER_NONE);
    release_address(conns, c);
    release(conns, c);
    c->state = CONN_DEAD;
    conns->count--;
    c->lost_next = conns->dead;
    conns->dead = c;
}

static void settle_lost(struct pdk_conns *conns)
{
    while (conns->lost != NULL) {
        struct conn *c = conns->lost;
        conns->lost = c->lost_next;
        if (c->state == CONN_OPEN && !c->close_asked) {
            conns->handler->closed(conns->handler->ctx, c->id);
            conns->handler->batch_end(conns->handler->ctx);
        }
        die(conns, c);
    }
}

static void reap(struct pdk_conns *conns)
{
    if (conns->dead == NULL) return;
    struct conn **link = &conns->again;
    while (*link != NULL) {
        if ((*link)->state == CONN_DEAD)
            *link = (*link)->again_next;
        else
            link = &(*link)->again_next;
    }
    while (conns->dead != NULL) {
        struct conn *c = conns->dead;
        conns->dead = c->lost_next;
        conns->table[c->id] = NULL;
        conns->free_ids[conns->free_count++] = c->id;
        pdk_mem_free(conns->config.mem, c);
    }
}

void pdk_conns_time(struct pdk_conns *conns, int64_t mono_ms) { conns->now_ms = mono_ms; }

void pdk_conns_turn(struct pdk_conns *conns)
{
    pdk_conns_deliver(conns);
    struct conn *again = conns->again;
    conns->again = NULL;
    while (again != NULL) {
        struct conn *c = again;
        again = c->again_next;
        c->awaiting = false;
        if (!c->lost && c->state != CONN_DEAD) pdk_conns_input(conns, c);
    }
    run_timers(conns);
    settle_lost(conns);
    reap(conns);
}

void pdk_conns_stop_reading(struct pdk_conns *conns)
{
    conns->stopped_reading = true;
    for (uint32_t id = 0; id < conns->table_cap; id++) {
        if (conns->table[id] != NULL) conns->table[id]->blocked |= BLOCK_STOPPED;
    }
}

void pdk_conns_close_all(struct pdk_conns *conns)
{
    for (uint32_t id = 0; id < conns->table_cap; id++) {
        if (conns->table[id] != NULL) pdk_conns_close(conns, id);
    }
    pdk_conns_flush(conns);
}

void pdk_conns_destroy(struct pdk_conns *conns)
{
    if (conns == NULL) return;
    const struct pdk_mem *mem = conns->config.mem;
    for (uint32_t id = 0; id < conns->table_cap; id++) {
        struct conn *c = conns->table[id];
        if (c == NULL) continue;
        if (c->state != CONN_DEAD) release(conns, c);
        pdk_mem_free(mem, c);
    }
    pdk_mem_free(mem, conns->table);
    pdk_mem_free(mem, conns->free_ids);
    pdk_mem_free(mem, conns->refs);
    pdk_map_deinit(&conns->per_address);
    pdk_buf_deinit(&conns->text);
    pdk_mem_free(mem, conns->scratch);
    pdk_mem_free(mem, conns);
}

/* ---- looking ------------------------------------------------------------------------------- */
size_t pdk_conns_unsent(const struct pdk_conns *conns) { return conns->unsent; }
size_t pdk_conns_count(const struct pdk_conns *conns) { return conns->count; }

const char *pdk_conns_address_text(const struct conn *c, bool with_port,
                                   char out[CONN_REMOTE_BYTES])
{
    const uint8_t *a = c->address;
    size_t n = 0;
    if (!c->is_v6) {
        n = (size_t)snprintf(out, CONN_REMOTE_BYTES, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    } else {
        if (with_port) out[n++] = '[';
        for (size_t i = 0; i < 16; i += 2) {
            unsigned group = (unsigned)a[i] << 8 | a[i + 1];
            n += (size_t)snprintf(out + n, CONN_REMOTE_BYTES - n, i > 0 ? ":%x" : "%x", group);
        }
        if (with_port) out[n++] = ']';
    }
    if (with_port) n += (size_t)snprintf(out + n, CONN_REMOTE_BYTES - n, ":%u", c->port);
    PDK_ASSERT(n < CONN_REMOTE_BYTES);
    out[n] = '\0';
    return out;
}

void pdk_conns_each(const struct pdk_conns *conns,
                    void (*each)(void *ctx, const struct pdk_conn_view *view), void *ctx)
{
    for (uint32_t id = 0; id < conns->table_cap; id++) {
        const struct conn *c = conns->table[id];
        if (c == NULL || c->state == CONN_DEAD) continue;
        char remote[CONN_REMOTE_BYTES];
        struct pdk_conn_view view = {
            .conn = c->state == CONN_OPEN ? c->id : PDK_CONN_NONE,
            .remote = pdk_conns_address_text(c, true, remote),
            .reads = c->blocked == 0 && c != conns->asking,
            .writes = c->out.bytes > 0,
            .received = c->received,
            .last_read_mono_ms = c->last_read_mono_ms,
        };
        each(ctx, &view);
    }
}
