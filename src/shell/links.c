#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shell/links_internal.h"

/* ---- table ----------------------------------------------------------------------------------- */
struct link *pdk_links_find(const struct pdk_links *links, uint32_t id)
{
    if (id >= PDK_LINK_DIALLED) return pdk_map_get_ptr(&links->dialled, id);
    return id < links->slot_cap ? links->slots[id].link : NULL;
}

bool pdk_links_give_number(struct pdk_links *links, struct link *l)
{
    if (links->accepted_count >= links->config.accepted_max) return false;
    uint32_t id = 0;
    while (id < links->slot_cap && (links->slots[id].link != NULL || links->slots[id].jobs > 0))
        id++;
    if (id == links->slot_cap) {
        uint32_t cap = links->slot_cap > 0 ? links->slot_cap * 2 : 16;
        struct slot *slots = pdk_mem_resize(links->config.mem, links->slots, cap * sizeof *slots);
        if (slots == NULL) return false;
        memset(slots + links->slot_cap, 0, (cap - links->slot_cap) * sizeof *slots);
        links->slots = slots;
        links->slot_cap = cap;
    }
    links->slots[id].link = l;
    links->accepted_count++;
    l->id = id;
    l->has_id = true;
    return true;
}

void pdk_links_forget_number(struct pdk_links *links, struct link *l)
{
    if (!l->has_id) return;
    l->has_id = false;
    if (l->id >= PDK_LINK_DIALLED) {
        bool was = pdk_map_remove(&links->dialled, l->id);
        PDK_ASSERT(was);
        return;
    }
    links->slots[l->id].link = NULL;
    if (!l->evicted) links->accepted_count--;
}

/* ---- life ------------------------------------------------------------------------------------ */
static void on_ready(struct pdk_source *self, uint32_t events)
{
    struct link *l = (struct link *)(void *)self;
    struct pdk_links *links = l->links;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) l->readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) l->hung_up = true;
    if (l->state == LINK_DIALLING) {
        pdk_links_dial_ready(links, l);
        return;
    }
    if (l->state != LINK_DEAD && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        pdk_links_output(links, l);
    if (l->state != LINK_DEAD) pdk_links_input(links, l);
}

struct link *pdk_links_new(struct pdk_links *links)
{
    struct link *l = pdk_mem_try_zero(links->config.mem, 1, sizeof *l);
    if (l == NULL) return NULL;
    l->source.ready = on_ready;
    l->links = links;
    l->fd = -1;
    l->next = links->all;
    if (links->all != NULL) links->all->prev = l;
    links->all = l;
    links->count++;
    return l;
}

enum pdk_err pdk_links_watch(struct pdk_links *links, struct link *l)
{
    return pdk_loop_add(links->loop, l->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &l->source);
}

void pdk_links_lose(struct pdk_links *links, struct link *l)
{
    l->lost = true;
    links->more = true;
}

void pdk_links_bury(struct pdk_links *links, struct link *l)
{
    if (l->state == LINK_DEAD) return;
    pdk_links_forget_number(links, l);
    pdk_links_drop_output(links, l);
    if (l->fd >= 0) {
        pdk_loop_remove(links->loop, l->fd);
        (void)close(l->fd);
        l->fd = -1;
    }
    pdk_mem_free(links->config.mem, l->dial);
    pdk_mem_free(links->config.mem, l->in.bytes);
    l->dial = NULL;
    memset(&l->in, 0, sizeof l->in);
    l->state = LINK_DEAD;
    links->count--;
    links->more = true;
}

static void unlink_dead(struct pdk_links *links, struct link *l)
{
    if (l->prev != NULL)
        l->prev->next = l->next;
    else
        links->all = l->next;
    if (l->next != NULL) l->next->prev = l->prev;
    pdk_mem_free(links->config.mem, l);
}

void pdk_links_hold(struct pdk_links *links, uint32_t link, bool hold)
{
    struct link *l = pdk_links_find(links, link);
    if (l == NULL || l->held == hold) return;
    l->held = hold;
    links->more |= !hold;
}

void pdk_links_nudge(struct pdk_links *links) { links->nudged = true; }

void pdk_links_time(struct pdk_links *links, int64_t mono_ms) { links->now_ms = mono_ms; }

size_t pdk_links_count(const struct pdk_links *links) { return links->count; }

size_t pdk_links_unsent(const struct pdk_links *links)
{
    size_t bytes = 0;
    for (const struct link *l = links->all; l != NULL; l = l->next)
        bytes += l->out.bytes + l->behind_bytes;
    return bytes;
}

/* ---- spare descriptors ----------------------------------------------------------------------- */
bool pdk_links_spend_spare(struct pdk_links *links)
{
    if ((errno != EMFILE && errno != ENFILE) || links->spare_count == 0) return false;
    (void)close(links->spare_fds[--links->spare_count]);
    return true;
}

static void refill_spares(struct pdk_links *links)
{
    while (links->spare_count < SPARE_FDS) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        links->spare_fds[links->spare_count++] = fd;
    }
}

/* ---- turns ----------------------------------------------------------------------------------- */
/* What the handler has to be told of a link, and what is left to do for it. */
static void turn_one(struct pdk_links *links, struct link *l)
{
    if (l->state == LINK_DIALLING && !l->answer_due) pdk_links_dial_turn(links, l);
    if (l->answer_due && l->has_id) {
        l->answer_due = false;
        bool connected = l->state == LINK_OPEN;
        uint32_t id = l->id;
        if (!connected) pdk_links_bury(links, l);
        links->nudged = true;
        links->handler->dialled(links->handler->ctx, id, connected);
    }
    if (l->pump_again && l->state != LINK_DEAD) pdk_links_output(links, l);
    if (l->state != LINK_DEAD) pdk_links_input(links, l);
    if (l->state == LINK_OPEN) pdk_links_tell_streaming(links, l);
    if (l->lost && l->state != LINK_DEAD && !l->answer_due) {
        uint32_t id = l->id;
        bool known = l->has_id;
        pdk_links_bury(links, l);
        links->nudged |= known;
        if (known) links->handler->closed(links->handler->ctx, id);
    }
    bool late = (l->state == LINK_CLOSING || l->state == LINK_LINGER) && links->now_ms >= l->due_ms;
    if (late) pdk_links_bury(links, l);
}

/* Bytes that were left are offered until nothing moves any more. */
static void offer_all(struct pdk_links *links)
{
    while (links->nudged) {
        links->nudged = false;
        for (struct link *l = links->all; l != NULL; l = l->next) {
            if (pdk_link_unread(l) > 0 && pdk_link_is_read(l))
                links->nudged |= pdk_links_offer(links, l);
        }
    }
}

void pdk_links_turn(struct pdk_links *links)
{
    PDK_ASSERT(links->touched == NULL);
    links->more = false;
    pdk_links_listen_turn(links);
    /* Links that come meanwhile stand in front of the list: the next turn's. */
    for (struct link *l = links->all; l != NULL; l = l->next) turn_one(links, l);
    offer_all(links);
    if (links->spare_count < SPARE_FDS) refill_spares(links);
    for (struct link *l = links->all, *next; l != NULL; l = next) {
        next = l->next;
        if (l->state == LINK_DEAD) unlink_dead(links, l);
    }
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t deadline_of(const struct link *l)
{
    switch ((enum link_state)l->state) {
    case LINK_DIALLING: return l->dial != NULL ? l->dial->due_ms : INT64_MAX;
    case LINK_OPEN: return l->moved && l->catching_up ? l->told_ms + STREAMING_MS : INT64_MAX;
    case LINK_CLOSING:
    case LINK_LINGER: return l->due_ms;
    case LINK_DEAD: return INT64_MAX;
    }
    PDK_UNREACHABLE();
}

int64_t pdk_links_deadline(const struct pdk_links *links)
{
    if (links->more || links->nudged) return links->now_ms;
    int64_t due = pdk_links_listen_deadline(links);
    for (const struct link *l = links->all; l != NULL; l = l->next) {
        if (l->lost || l->answer_due || l->pump_again) return links->now_ms;
        if (l->readable && pdk_link_is_read(l) && pdk_link_unread(l) < links->config.unread_bytes)
            return links->now_ms;
        due = earlier(due, deadline_of(l));
    }
    return due;
}

/* ---- names and streams ----------------------------------------------------------------------- */
static void on_resolver(struct pdk_source *self, uint32_t events)
{
    (void)events;
    struct pdk_links *links = PDK_CONTAINER_OF(self, struct pdk_links, resolver_source);
    struct pdk_resolved answer;
    while (pdk_resolver_take(links->resolver, &answer)) {
        pdk_links_dial_resolved(links, &answer);
        pdk_links_listen_resolved(links, &answer);
    }
}

static void on_streams(struct pdk_source *self, uint32_t events)
{
    (void)events;
    pdk_links_streams_ready(PDK_CONTAINER_OF(self, struct pdk_links, streams_source));
}

struct pdk_links *pdk_links_create(const struct pdk_links_config *config, struct pdk_loop *loop,
                                   struct pdk_resolver *resolver, struct pdk_streams *streams,
                                   const struct pdk_link_handler *handler)
{
    struct pdk_links *links = pdk_mem_try_zero(config->mem, 1, sizeof *links);
    if (links == NULL) return NULL;
    links->config = *config;
    links->loop = loop;
    links->resolver = resolver;
    links->streams = streams;
    links->handler = handler;
    links->resolver_source.ready = on_resolver;
    links->streams_source.ready = on_streams;
    pdk_map_init(&links->dialled, config->mem, config->seed);
    pdk_links_listen_init(links);
    links->scratch = pdk_mem_try(config->mem, SCRATCH_BYTES);
    if (links->scratch == NULL) goto free_it;
    int resolver_fd = pdk_resolver_fd(resolver), streams_fd = pdk_streams_fd(streams);
    if (pdk_loop_add(loop, resolver_fd, EPOLLIN | EPOLLET, &links->resolver_source) != PDK_OK)
        goto free_scratch;
    if (pdk_loop_add(loop, streams_fd, EPOLLIN | EPOLLET, &links->streams_source) == PDK_OK)
        return links;

    pdk_loop_remove(loop, resolver_fd);
free_scratch:
    pdk_mem_free(config->mem, links->scratch);
free_it:
    pdk_mem_free(config->mem, links);
    return NULL;
}

void pdk_links_destroy(struct pdk_links *links)
{
    if (links == NULL) return;
    for (struct link *l = links->all; l != NULL; l = l->next) pdk_links_bury(links, l);
    while (links->all != NULL) unlink_dead(links, links->all);
    pdk_links_streams_ready(links);
    pdk_links_listen_deinit(links);
    while (links->spare_count > 0) (void)close(links->spare_fds[--links->spare_count]);
    pdk_loop_remove(links->loop, pdk_resolver_fd(links->resolver));
    pdk_loop_remove(links->loop, pdk_streams_fd(links->streams));
    pdk_map_deinit(&links->dialled);
    pdk_mem_free(links->config.mem, links->slots);
    pdk_mem_free(links->config.mem, links->scratch);
    pdk_mem_free(links->config.mem, links);
}
