/* Sequences of watch operations against a naive model: the modes of each watcher on each path.
 *
 * Input: three bytes an operation (what and kind, watcher, path). */
#include "base/reader.h"
#include "core/watch/watch.h"
#include "proto/event.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each but the root has its parent in the list; the last two are no paths of znodes. */
static const struct {
    const char *text;
    int parent;
} paths[] = {
    {"/", -1}, {"/a", 0},   {"/a/b", 1},   {"/a/b/c", 2}, {"/a/bb", 1},  {"/b", 0}, {"/b/a", 5},
    {"/c", 0}, {"/c/c", 7}, {"/c/c/c", 8}, {"/a/b/d", 2}, {"/a/b/e", 2}, {"", -1},  {"/a/", -1},
};
enum { PATHS = PDK_COUNT_OF(paths), ZNODES = PATHS - 2, WATCHERS = 96 };

struct model {
    bool has[PDK_WATCH_KINDS][PATHS][WATCHERS];
};
/* What the current change must tell, trigger after trigger. */
struct expected {
    int type[3], path[3];
    bool watchers[3][WATCHERS];
    int count, seen;
};

static bool is_told(const bool *watchers)
{
    bool any = false;
    for (int i = 0; i < WATCHERS; i++) any = any || watchers[i];
    return any;
}

static void expect(struct expected *e, int type, int path, const bool *watchers)
{
    if (!is_told(watchers)) return;
    e->type[e->count] = type;
    e->path[e->count] = path;
    memcpy(e->watchers[e->count], watchers, WATCHERS * sizeof *watchers);
    e->count++;
}

static void predict_child(struct model *m, int type, int path, const bool *silent,
                          struct expected *e)
{
    bool told[WATCHERS] = {false};
    for (int i = 0; i < WATCHERS; i++) {
        told[i] = m->has[PDK_WATCH_CHILD][path][i] || m->has[PDK_WATCH_PERSISTENT][path][i];
        told[i] = told[i] && !silent[i];
        m->has[PDK_WATCH_CHILD][path][i] = false;
    }
    expect(e, type, path, told);
}

static void predict(struct model *m, int type, int path, struct expected *e)
{
    static const bool nobody[WATCHERS];
    bool told[WATCHERS] = {false};
    for (int i = 0; i < WATCHERS; i++) {
        told[i] = m->has[PDK_WATCH_DATA][path][i] || m->has[PDK_WATCH_PERSISTENT][path][i];
        for (int above = path; above >= 0; above = paths[above].parent)
            told[i] = told[i] || m->has[PDK_WATCH_RECURSIVE][above][i];
        m->has[PDK_WATCH_DATA][path][i] = false;
    }
    expect(e, type, path, told);
    if (type == PDK_EVENT_NODE_DELETED) predict_child(m, type, path, told, e);
    if (type != PDK_EVENT_NODE_DATA_CHANGED)
        predict_child(m, PDK_EVENT_NODE_CHILDREN_CHANGED, paths[path].parent, nobody, e);
}

static void check_event(void *ctx, int event_type, struct pdk_slice path, bool acl_of_parent,
                        const uint32_t *watchers, size_t count)
{
    struct expected *e = ctx;
    bool told[WATCHERS] = {false};
    PDK_ASSERT(e->seen < e->count);
    PDK_ASSERT(event_type == e->type[e->seen]);
    PDK_ASSERT(acl_of_parent == (event_type == PDK_EVENT_NODE_CHILDREN_CHANGED));
    PDK_ASSERT(pdk_slice_eq_str(path, paths[e->path[e->seen]].text));
    for (size_t i = 0; i < count; i++) {
        PDK_ASSERT(watchers[i] < WATCHERS);
        PDK_ASSERT(!told[watchers[i]]);
        told[watchers[i]] = true;
    }
    PDK_ASSERT(memcmp(told, e->watchers[e->seen], sizeof told) == 0);
    e->seen++;
}

static void change(struct pdk_watch *w, struct model *m, uint32_t which, int path)
{
    struct expected e = {.count = 0};
    path %= ZNODES;
    int type = path == 0 ? PDK_EVENT_NODE_DATA_CHANGED : PDK_EVENT_NODE_CREATED + (int)which % 3;
    predict(m, type, path, &e);
    pdk_watch_change(w, type, pdk_slice_str(paths[path].text), check_event, &e);
    PDK_ASSERT(e.seen == e.count);
}

static void step(struct pdk_watch *w, struct model *m, uint8_t what, uint32_t who, int path)
{
    enum pdk_watch_kind kind = (enum pdk_watch_kind)(what % PDK_WATCH_KINDS);
    bool *has = &m->has[kind][path][who];
    struct pdk_slice text = pdk_slice_str(paths[path].text);
    PDK_ASSERT(pdk_watch_has(w, who, kind, text) == *has);
    switch (what / PDK_WATCH_KINDS % 8) {
    case 0:
        PDK_ASSERT(pdk_watch_remove(w, who, kind, text) == *has);
        *has = false;
        break;
    case 1:
        pdk_watch_remove_watcher(w, who);
        for (int k = 0; k < PDK_WATCH_KINDS; k++) {
            for (int i = 0; i < PATHS; i++) m->has[k][i][who] = false;
        }
        break;
    case 2:
    case 3: change(w, m, who, path); break;
    default:
        PDK_ASSERT(pdk_watch_add(w, who, kind, text) == PDK_OK);
        *has = true;
        break;
    }
}

static void check_sums(const struct pdk_watch *w, const struct model *m)
{
    uint64_t held = 0, sum = 0;
    for (uint32_t who = 0; who < WATCHERS; who++) {
        sum += pdk_watch_count_of(w, who);
        for (int k = 0; k < PDK_WATCH_KINDS; k++) {
            for (int i = 0; i < PATHS; i++) held += m->has[k][i][who] ? 1 : 0;
        }
    }
    PDK_ASSERT(held == sum);
    pdk_watch_validate(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_hash_seed seed = {.k0 = 5, .k1 = 6};
    struct pdk_watch *w = pdk_watch_create(pdk_mem_heap(), seed);
    PDK_ASSERT(w != NULL);
    struct model m;
    memset(&m, 0, sizeof m);
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(data, size));
    while (pdk_reader_left(&r) >= 3) {
        uint8_t what = pdk_read_u8(&r);
        uint32_t who = pdk_read_u8(&r) % WATCHERS;
        step(w, &m, what, who, pdk_read_u8(&r) % PATHS);
    }
    check_sums(w, &m);
    pdk_watch_destroy(w);
    return 0;
}
