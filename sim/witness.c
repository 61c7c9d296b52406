#include "sim/witness.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/event.h"

void pdk_witness_init(struct pdk_witness *w, struct pdk_judge *judge, struct pdk_oracle *oracle,
                      const struct pdk_asker *asker, const char *name)
{
    memset(w, 0, sizeof *w);
    w->world = judge->world;
    w->judge = judge;
    w->oracle = oracle;
    w->asker = asker;
    w->name = name;
}

static void wrong_event(struct pdk_witness *w, const char *what, const struct pdk_witness_event *e,
                        pdk_zxid zxid)
{
    pdk_world_fail(
        w->world, "%s, session 0x%" PRIx64 ": %s: %s %s of 0x%" PRIx64 ", at a reply of 0x%" PRIx64,
        w->name, (uint64_t)w->asker->session, what, pdk_event_type_name(e->type), e->path,
        (uint64_t)e->zxid, (uint64_t)zxid);
}

/* ---- watches --------------------------------------------------------------------------------- */

static bool has_watch(const struct pdk_witness *w, enum pdk_witness_kind kind, const char *path)
{
    for (size_t i = 0; i < w->watch_count; i++) {
        if (w->watches[i].kind == kind && strcmp(w->watches[i].path, path) == 0) return true;
    }
    return false;
}

static void drop_watch(struct pdk_witness *w, enum pdk_witness_kind kind, const char *path)
{
    for (size_t i = 0; i < w->watch_count; i++) {
        if (w->watches[i].kind != kind || strcmp(w->watches[i].path, path) != 0) continue;
        w->watches[i] = w->watches[--w->watch_count];
        return;
    }
}

/* What an event uses up (proto/event.h). */
static void use_up(struct pdk_witness *w, int32_t type, const char *path)
{
    if (type != PDK_EVENT_NODE_CHILDREN_CHANGED) {
        drop_watch(w, PDK_WITNESS_DATA, path);
        drop_watch(w, PDK_WITNESS_EXIST, path);
    }
    if (type == PDK_EVENT_NODE_CHILDREN_CHANGED || type == PDK_EVENT_NODE_DELETED)
        drop_watch(w, PDK_WITNESS_CHILD, path);
}

void pdk_witness_watch(struct pdk_witness *w, enum pdk_witness_kind kind, const char *path)
{
    if (has_watch(w, kind, path)) return;
    PDK_ASSERT(w->watch_count < PDK_WITNESS_WATCHES);
    struct pdk_witness_watch *watch = &w->watches[w->watch_count++];
    watch->kind = kind;
    memcpy(watch->path, path, strlen(path) + 1);
}

size_t pdk_witness_room(const struct pdk_witness *w)
{
    return PDK_WITNESS_WATCHES - w->watch_count;
}

/* ---- what must come -------------------------------------------------------------------------- */

struct expected {
    struct pdk_witness_event events[PDK_WITNESS_EVENTS];
    size_t count;
};

static void expect(struct expected *x, pdk_zxid zxid, int32_t type, const char *path)
{
    PDK_ASSERT(x->count < PDK_WITNESS_EVENTS);
    struct pdk_witness_event *e = &x->events[x->count++];
    e->zxid = zxid;
    e->type = type;
    memcpy(e->path, path, strlen(path) + 1);
}

/* The events that one change means to this client; they use its watches up. */
static void expect_change(struct pdk_witness *w, const struct pdk_model_change *c, pdk_zxid zxid,
                          struct expected *x)
{
    bool deleted = c->type == PDK_EVENT_NODE_DELETED;
    bool hit = has_watch(w, PDK_WITNESS_DATA, c->path) ||
               has_watch(w, PDK_WITNESS_EXIST, c->path) ||
               (deleted && has_watch(w, PDK_WITNESS_CHILD, c->path));
    if (hit) expect(x, zxid, c->type, c->path);
    use_up(w, c->type, c->path);
    if (c->type == PDK_EVENT_NODE_DATA_CHANGED) return;
    char parent[PDK_MODEL_PATH];
    pdk_model_parent(c->path, parent);
    if (has_watch(w, PDK_WITNESS_CHILD, parent))
        expect(x, zxid, PDK_EVENT_NODE_CHILDREN_CHANGED, parent);
    drop_watch(w, PDK_WITNESS_CHILD, parent);
}

static int by_content(const void *a, const void *b)
{
    const struct pdk_witness_event *x = a, *y = b;
    if (x->zxid != y->zxid) return x->zxid < y->zxid ? -1 : 1;
    if (x->type != y->type) return x->type < y->type ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* The events of everything behind w->seen up to `zxid`.  Those of one transaction in which the
 * order is free are sorted, in both lists. */
static void expect_up_to(struct pdk_witness *w, pdk_zxid zxid, struct expected *x)
{
    const struct pdk_hist *at = pdk_judge_committed_at(w->judge, w->seen);
    const struct pdk_hist *last = pdk_judge_committed_at(w->judge, zxid);
    for (uint32_t depth = at->depth + 1; depth <= last->depth; depth++) {
        const struct pdk_hist *h = w->judge->line[depth];
        size_t count = 0, from = x->count;
        bool unordered = false;
        const struct pdk_model_change *changes = pdk_oracle_changes(h, &count, &unordered);
        for (size_t i = 0; i < count; i++) expect_change(w, &changes[i], h->zxid, x);
        if (!unordered) continue;
        qsort(x->events + from, x->count - from, sizeof *x->events, by_content);
        size_t first = 0;
        while (first < w->got_count && w->got[first].zxid < h->zxid) first++;
        size_t end = first;
        while (end < w->got_count && w->got[end].zxid == h->zxid) end++;
        qsort(w->got + first, end - first, sizeof *w->got, by_content);
    }
}

static bool is_among(const struct pdk_witness_event *e, const struct expected *x)
{
    for (size_t i = 0; i < x->count; i++) {
        if (by_content(e, &x->events[i]) == 0) return true;
    }
    return false;
}

/* The events that have come are the expected ones; of the last transaction perhaps not all, in any
 * order, when `cut` (the connection is gone). */
static void compare(struct pdk_witness *w, const struct expected *x, pdk_zxid zxid, bool cut)
{
    pdk_zxid last = w->got_count > 0 ? w->got[w->got_count - 1].zxid : 0;
    for (size_t i = 0; i < w->got_count; i++) {
        if (cut && w->got[i].zxid == last && is_among(&w->got[i], x)) continue;
        if (i >= x->count) {
            wrong_event(w, "an event that nobody asked for, or twice", &w->got[i], zxid);
            return;
        }
        if (by_content(&w->got[i], &x->events[i]) != 0) {
            wrong_event(w, "the wrong event", &w->got[i], zxid);
            wrong_event(w, "instead of", &x->events[i], zxid);
            return;
        }
    }
    if (!cut && x->count > w->got_count)
        wrong_event(w, "a missing event", &x->events[w->got_count], zxid);
    w->events += w->got_count;
}

/* ---- what happens ---------------------------------------------------------------------------- */

void pdk_witness_connected(struct pdk_witness *w, bool sets_watches, pdk_zxid relative)
{
    w->catching_up = sets_watches;
    /* Pings have shown more, perhaps, but a client brings only what its requests have seen. */
    w->seen = w->relative = relative;
    w->got_count = 0;
    if (!sets_watches && w->watch_count > 0)
        pdk_world_fail(w->world, "%s: the client has forgotten %zu watches", w->name,
                       w->watch_count);
}

void pdk_witness_event(struct pdk_witness *w, pdk_zxid zxid, int32_t type, struct pdk_slice path)
{
    if (w->got_count == PDK_WITNESS_EVENTS || path.len >= PDK_MODEL_PATH) {
        pdk_world_fail(w->world, "%s: too many events, or a long path", w->name);
        return;
    }
    struct pdk_witness_event *e = &w->got[w->got_count++];
    memset(e, 0, sizeof *e);
    e->zxid = zxid;
    e->type = type;
    memcpy(e->path, path.bytes, path.len);
}

static void check_zxid(struct pdk_witness *w, pdk_zxid zxid)
{
    if (zxid < w->seen)
        pdk_world_fail(w->world,
                       "%s, session 0x%" PRIx64 ": time goes back from 0x%" PRIx64 " to 0x%" PRIx64,
                       w->name, (uint64_t)w->asker->session, (uint64_t)w->seen, (uint64_t)zxid);
    const struct pdk_hist *newest = w->judge->committed;
    if (zxid > newest->zxid && (uint32_t)zxid != 0)
        pdk_world_fail(w->world, "%s: a reply of 0x%" PRIx64 ", which is not committed", w->name,
                       (uint64_t)zxid);
}

void pdk_witness_reply(struct pdk_witness *w, pdk_zxid zxid)
{
    static _Thread_local struct expected x;
    check_zxid(w, zxid);
    if (w->world->failed || w->catching_up) return;
    x.count = 0;
    expect_up_to(w, zxid, &x);
    compare(w, &x, zxid, false);
    w->got_count = 0;
    w->seen = zxid;
}

void pdk_witness_lost(struct pdk_witness *w)
{
    static _Thread_local struct expected x;
    if (w->world->failed) return;
    if (w->catching_up) {
        /* Which of them came, and why, the next catching up will show. */
        for (size_t i = 0; i < w->got_count; i++) use_up(w, w->got[i].type, w->got[i].path);
    } else if (w->got_count > 0) {
        struct pdk_witness_watch kept[PDK_WITNESS_WATCHES];
        size_t kept_count = w->watch_count;
        memcpy(kept, w->watches, sizeof kept);
        x.count = 0;
        expect_up_to(w, w->got[w->got_count - 1].zxid, &x);
        compare(w, &x, w->seen, true);
        /* Only what has come is used up. */
        memcpy(w->watches, kept, sizeof kept);
        w->watch_count = kept_count;
        for (size_t i = 0; i < w->got_count; i++) use_up(w, w->got[i].type, w->got[i].path);
    }
    w->got_count = 0;
    w->catching_up = false;
}

/* What setWatches finds for one watch; 0: nothing, it is set. */
static int32_t missed(const struct pdk_witness *w, const struct pdk_model_state *s,
                      const struct pdk_witness_watch *watch)
{
    const struct pdk_model_node *n = pdk_model_find(s, watch->path);
    switch (watch->kind) {
    case PDK_WITNESS_EXIST: return n != NULL ? PDK_EVENT_NODE_CREATED : 0;
    case PDK_WITNESS_DATA:
        if (n == NULL) return PDK_EVENT_NODE_DELETED;
        return n->stat.mzxid > w->relative ? PDK_EVENT_NODE_DATA_CHANGED : 0;
    default:
        if (n == NULL) return PDK_EVENT_NODE_DELETED;
        return n->stat.pzxid > w->relative ? PDK_EVENT_NODE_CHILDREN_CHANGED : 0;
    }
}

void pdk_witness_caught_up(struct pdk_witness *w, pdk_zxid zxid)
{
    static _Thread_local struct expected x;
    check_zxid(w, zxid);
    if (w->world->failed) return;
    const struct pdk_model_state *s =
        pdk_oracle_state(w->oracle, pdk_judge_committed_at(w->judge, zxid));
    x.count = 0;
    struct pdk_witness_watch kept[PDK_WITNESS_WATCHES];
    size_t kept_count = 0;
    for (size_t i = 0; i < w->watch_count; i++) {
        int32_t type = missed(w, s, &w->watches[i]);
        if (type != 0)
            expect(&x, -1, type, w->watches[i].path);
        else
            kept[kept_count++] = w->watches[i];
    }
    qsort(x.events, x.count, sizeof *x.events, by_content);
    qsort(w->got, w->got_count, sizeof *w->got, by_content);
    compare(w, &x, zxid, false);
    /* The client forgets a path's other watches with the event, though the server has set them. */
    memcpy(w->watches, kept, kept_count * sizeof *kept);
    w->watch_count = kept_count;
    w->got_count = 0;
    w->catching_up = false;
    w->seen = zxid;
}
