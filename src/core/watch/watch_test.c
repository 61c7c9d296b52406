#include "core/watch/watch.h"

#include "base/mem_fail.h"
#include "base/prng.h"
#include "proto/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct pdk_hash_seed seed = {.k0 = 21, .k1 = 22};

enum { CREATED = PDK_EVENT_NODE_CREATED, DELETED = PDK_EVENT_NODE_DELETED };
enum { SET = PDK_EVENT_NODE_DATA_CHANGED };
#define DATA PDK_WATCH_DATA
#define CHILD PDK_WATCH_CHILD
#define PERSISTENT PDK_WATCH_PERSISTENT
#define RECURSIVE PDK_WATCH_RECURSIVE

/* What was emitted, as text: "2 /n [0 3]; 4* /p [1]; "; the star: the parent's ACL counts. */
struct stream {
    char text[4096];
    size_t len;
    size_t calls;
};

static void put(struct stream *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->text + s->len, sizeof s->text - s->len, format, args);
    va_end(args);
    assert_true(n >= 0 && s->len + (size_t)n < sizeof s->text);
    s->len += (size_t)n;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void note(void *ctx, int event_type, struct pdk_slice path, bool acl_of_parent,
                 const uint32_t *watchers, size_t count)
{
    struct stream *s = ctx;
    uint32_t sorted[64];
    assert_true(count > 0 && count <= 64);
    memcpy(sorted, watchers, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    put(s, "%d%s %.*s [", event_type, acl_of_parent ? "*" : "", (int)path.len,
        (const char *)path.bytes);
    for (size_t i = 0; i < count; i++) put(s, i == 0 ? "%u" : " %u", sorted[i]);
    put(s, "]; ");
    s->calls++;
}

static struct pdk_watch *make(void)
{
    struct pdk_watch *w = pdk_watch_create(pdk_mem_heap(), seed);
    assert_non_null(w);
    return w;
}

static void watch(struct pdk_watch *w, uint32_t watcher, enum pdk_watch_kind kind, const char *path)
{
    assert_int_equal(pdk_watch_add(w, watcher, kind, pdk_slice_str(path)), PDK_OK);
    assert_true(pdk_watch_has(w, watcher, kind, pdk_slice_str(path)));
}

static void assert_events(struct pdk_watch *w, int event_type, const char *path, const char *want)
{
    struct stream s = {.len = 0};
    pdk_watch_change(w, event_type, pdk_slice_str(path), note, &s);
    pdk_watch_validate(w);
    if (strcmp(s.text, want) != 0)
        fail_msg("%d %s: got \"%s\", want \"%s\"", event_type, path, s.text, want);
}

static void assert_counts(const struct pdk_watch *w, uint64_t watchers, uint64_t paths,
                          uint64_t watches, uint64_t total)
{
    struct pdk_watch_counts c;
    pdk_watch_counts(w, &c);
    assert_int_equal(c.watchers, watchers);
    assert_int_equal(c.paths, paths);
    assert_int_equal(c.watches, watches);
    assert_int_equal(c.total, total);
}

/* ---- the trigger matrix (data-model.md 9.2) -------------------------------------------------- */

static void without_watches_nothing_is_told(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    assert_events(w, CREATED, "/n", "");
    assert_events(w, DELETED, "/n", "");
    assert_events(w, SET, "/", "");
    assert_counts(w, 0, 0, 0, 0);
    pdk_watch_remove_watcher(w, 7);
    pdk_watch_destroy(w);
}

static void each_kind_hears_what_the_matrix_says(void **state)
{
    (void)state;
    static const struct {
        enum pdk_watch_kind kind;
        const char *watched;
        int event_type;
        const char *path, *want;
        bool stays;
    } rows[] = {
        {DATA, "/p/n", CREATED, "/p/n", "1 /p/n [5]; ", false},
        {DATA, "/p/n", SET, "/p/n", "3 /p/n [5]; ", false},
        {DATA, "/p/n", DELETED, "/p/n", "2 /p/n [5]; ", false},
        {DATA, "/p", CREATED, "/p/n", "", true},
        {DATA, "/p", SET, "/p/n", "", true},
        {DATA, "/p", DELETED, "/p/n", "", true},
        {CHILD, "/p/n", CREATED, "/p/n", "", true},
        {CHILD, "/p/n", SET, "/p/n", "", true},
        {CHILD, "/p/n", DELETED, "/p/n", "2 /p/n [5]; ", false},
        {CHILD, "/p", CREATED, "/p/n", "4* /p [5]; ", false},
        {CHILD, "/p", SET, "/p/n", "", true},
        {CHILD, "/p", DELETED, "/p/n", "4* /p [5]; ", false},
        {PERSISTENT, "/p/n", CREATED, "/p/n", "1 /p/n [5]; ", true},
        {PERSISTENT, "/p/n", SET, "/p/n", "3 /p/n [5]; ", true},
        {PERSISTENT, "/p/n", DELETED, "/p/n", "2 /p/n [5]; ", true},
        {PERSISTENT, "/p", CREATED, "/p/n", "4* /p [5]; ", true},
        {PERSISTENT, "/p", SET, "/p/n", "", true},
        {PERSISTENT, "/p", DELETED, "/p/n", "4* /p [5]; ", true},
        {RECURSIVE, "/p/n", CREATED, "/p/n", "1 /p/n [5]; ", true},
        {RECURSIVE, "/p/n", SET, "/p/n", "3 /p/n [5]; ", true},
        {RECURSIVE, "/p/n", DELETED, "/p/n", "2 /p/n [5]; ", true},
        {RECURSIVE, "/p", CREATED, "/p/n", "1 /p/n [5]; ", true},
        {RECURSIVE, "/p", SET, "/p/n", "3 /p/n [5]; ", true},
        {RECURSIVE, "/p", DELETED, "/p/n", "2 /p/n [5]; ", true},
        {RECURSIVE, "/", SET, "/p/n/m/k", "3 /p/n/m/k [5]; ", true},
        {RECURSIVE, "/p", SET, "/p", "3 /p [5]; ", true},
        {RECURSIVE, "/p/n", SET, "/p", "", true},
        {RECURSIVE, "/p/n", SET, "/p/nn", "", true},
        {RECURSIVE, "/p/", SET, "/p/n", "", true},
        {RECURSIVE, "", SET, "/p", "", true},
        {CHILD, "/", CREATED, "/n", "4* / [5]; ", false},
        {PERSISTENT, "/", DELETED, "/n", "4* / [5]; ", true},
        {CHILD, "", CREATED, "/n", "", true},
        {DATA, "/", SET, "/", "3 / [5]; ", false},
        {RECURSIVE, "/", SET, "/", "3 / [5]; ", true},
        {DATA, "/n", SET, "/m", "", true},
        {DATA, "", SET, "", "", true},
        {RECURSIVE, "/", SET, "", "", true},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(rows); i++) {
        struct pdk_watch *w = make();
        watch(w, 5, rows[i].kind, rows[i].watched);
        assert_events(w, rows[i].event_type, rows[i].path, rows[i].want);
        if (pdk_watch_has(w, 5, rows[i].kind, pdk_slice_str(rows[i].watched)) != rows[i].stays)
            fail_msg("row %zu: stays %d", i, rows[i].stays);
        assert_int_equal(pdk_watch_count_of(w, 5), rows[i].stays ? 1 : 0);
        assert_events(w, rows[i].event_type, rows[i].path, rows[i].stays ? rows[i].want : "");
        pdk_watch_destroy(w);
    }
}

/* ---- the streams captured from Apache (data-model.md 9.3) ------------------------------------ */

static void data_and_child_watch_hear_one_delete_once(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, DATA, "/n");
    watch(w, 1, CHILD, "/n");
    watch(w, 2, CHILD, "/n");
    assert_events(w, DELETED, "/n", "2 /n [1]; 2 /n [2]; ");
    /* The child watch of 1 was silent and is gone all the same. */
    assert_false(pdk_watch_has(w, 1, CHILD, pdk_slice_str("/n")));
    assert_events(w, DELETED, "/n", "");
    pdk_watch_destroy(w);
}

static void node_and_parent_are_told_in_this_order(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, DATA, "/p/n");
    watch(w, 1, CHILD, "/p");
    assert_events(w, DELETED, "/p/n", "2 /p/n [1]; 4* /p [1]; ");
    watch(w, 1, CHILD, "/n");
    assert_events(w, SET, "/n/a", "");
    pdk_watch_destroy(w);
}

static void a_persistent_watch_hears_its_captured_stream(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, PERSISTENT, "/n");
    assert_events(w, SET, "/n", "3 /n [1]; ");
    assert_events(w, CREATED, "/n/a", "4* /n [1]; ");
    assert_events(w, SET, "/n/a", "");
    assert_events(w, DELETED, "/n/a", "4* /n [1]; ");
    assert_events(w, DELETED, "/n", "2 /n [1]; ");
    assert_events(w, CREATED, "/n", "1 /n [1]; ");
    pdk_watch_destroy(w);
}

static void a_recursive_watch_hears_its_captured_stream(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, RECURSIVE, "/n");
    assert_events(w, SET, "/n", "3 /n [1]; ");
    assert_events(w, CREATED, "/n/a", "1 /n/a [1]; ");
    assert_events(w, CREATED, "/n/a/b", "1 /n/a/b [1]; ");
    assert_events(w, SET, "/n/a", "3 /n/a [1]; ");
    assert_events(w, DELETED, "/n/a/b", "2 /n/a/b [1]; ");
    assert_events(w, DELETED, "/n/a", "2 /n/a [1]; ");
    assert_events(w, DELETED, "/n", "2 /n [1]; ");
    assert_events(w, CREATED, "/n", "1 /n [1]; ");
    pdk_watch_destroy(w);
}

static void recursive_and_child_watch_of_one_connection_both_speak(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, RECURSIVE, "/n");
    watch(w, 1, CHILD, "/n");
    assert_events(w, CREATED, "/n/a", "1 /n/a [1]; 4* /n [1]; ");
    assert_events(w, CREATED, "/n/b", "1 /n/b [1]; ");
    pdk_watch_destroy(w);
}

/* ---- several modes and connections ----------------------------------------------------------- */

static void one_change_tells_a_connection_once_whatever_it_holds(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, DATA, "/a/b");
    watch(w, 1, PERSISTENT, "/a/b");
    watch(w, 1, RECURSIVE, "/a/b");
    watch(w, 1, RECURSIVE, "/a");
    watch(w, 1, RECURSIVE, "/");
    watch(w, 2, RECURSIVE, "/");
    watch(w, 3, DATA, "/a/b");
    assert_events(w, SET, "/a/b", "3 /a/b [1 2 3]; ");
    assert_false(pdk_watch_has(w, 1, DATA, pdk_slice_str("/a/b")));
    assert_true(pdk_watch_has(w, 1, PERSISTENT, pdk_slice_str("/a/b")));
    assert_true(pdk_watch_has(w, 1, RECURSIVE, pdk_slice_str("/a/b")));
    assert_events(w, SET, "/a/b", "3 /a/b [1 2]; ");
    pdk_watch_destroy(w);
}

static void a_recursive_watch_above_keeps_the_child_table_silent_at_a_delete(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, RECURSIVE, "/");
    watch(w, 1, CHILD, "/a/b");
    watch(w, 2, PERSISTENT, "/a/b");
    watch(w, 3, CHILD, "/a/b");
    watch(w, 1, PERSISTENT, "/a");
    assert_events(w, DELETED, "/a/b", "2 /a/b [1 2]; 2 /a/b [3]; 4* /a [1]; ");
    pdk_watch_destroy(w);
}

static void other_paths_and_connections_are_left_alone(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, DATA, "/a");
    watch(w, 2, DATA, "/ab");
    watch(w, 3, CHILD, "/a");
    watch(w, 4, DATA, "/a/b");
    assert_events(w, SET, "/a", "3 /a [1]; ");
    assert_int_equal(pdk_watch_count_of(w, 1), 0);
    assert_int_equal(pdk_watch_count_of(w, 2), 1);
    assert_int_equal(pdk_watch_count_of(w, 3), 1);
    assert_int_equal(pdk_watch_count_of(w, 4), 1);
    pdk_watch_destroy(w);
}

static void taking_back_needs_the_exact_kind_and_path(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    struct pdk_slice n = pdk_slice_str("/n");
    watch(w, 1, DATA, "/n");
    watch(w, 1, PERSISTENT, "/n");
    assert_false(pdk_watch_remove(w, 1, CHILD, n));
    assert_false(pdk_watch_remove(w, 1, RECURSIVE, n));
    assert_false(pdk_watch_remove(w, 2, DATA, n));
    assert_false(pdk_watch_remove(w, 1, DATA, pdk_slice_str("/m")));
    assert_false(pdk_watch_remove(w, 100000, DATA, n));
    assert_true(pdk_watch_remove(w, 1, DATA, n));
    assert_false(pdk_watch_remove(w, 1, DATA, n));
    assert_events(w, SET, "/n", "3 /n [1]; ");
    assert_true(pdk_watch_remove(w, 1, PERSISTENT, n));
    assert_events(w, SET, "/n", "");
    assert_counts(w, 0, 0, 0, 0);
    pdk_watch_destroy(w);
}

static void a_closed_connection_hears_nothing_and_its_number_starts_anew(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    static const char *const paths[] = {"/", "/a", "/a/b", "/c"};
    for (uint32_t who = 1; who <= 2; who++) {
        for (size_t i = 0; i < PDK_COUNT_OF(paths); i++) {
            for (unsigned kind = 0; kind < PDK_WATCH_KINDS; kind++)
                watch(w, who, (enum pdk_watch_kind)kind, paths[i]);
        }
    }
    assert_int_equal(pdk_watch_count_of(w, 1), 16);
    pdk_watch_remove_watcher(w, 1);
    pdk_watch_validate(w);
    assert_int_equal(pdk_watch_count_of(w, 1), 0);
    assert_counts(w, 1, 4, 4, 8);
    assert_events(w, SET, "/a/b", "3 /a/b [2]; ");
    watch(w, 1, DATA, "/c");
    assert_events(w, DELETED, "/c", "2 /c [1 2]; 4* / [2]; ");
    pdk_watch_destroy(w);
}

/* ---- counts and lists ------------------------------------------------------------------------ */

static void counts_are_those_of_apache(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 1, DATA, "/a");
    watch(w, 1, DATA, "/a");
    assert_counts(w, 1, 1, 1, 1);
    watch(w, 1, PERSISTENT, "/a"); /* one more in the child table only */
    assert_counts(w, 1, 1, 1, 2);
    watch(w, 1, RECURSIVE, "/a");
    watch(w, 1, CHILD, "/a");
    assert_counts(w, 1, 1, 1, 2);
    assert_int_equal(pdk_watch_count_of(w, 1), 4);
    watch(w, 2, CHILD, "/b"); /* not a connection of the data table */
    assert_counts(w, 1, 1, 1, 3);
    watch(w, 2, DATA, "/b");
    watch(w, 2, DATA, "/a");
    assert_counts(w, 2, 2, 3, 5);
    pdk_watch_destroy(w);
}

static void note_watcher(void *ctx, uint32_t watcher) { put(ctx, "%u ", watcher); }

static void note_path(void *ctx, struct pdk_slice path)
{
    put(ctx, "%.*s ", (int)path.len, (const char *)path.bytes);
}

static void note_path_of(void *ctx, struct pdk_slice path, const uint32_t *watchers, size_t count)
{
    note(ctx, 0, path, false, watchers, count);
}

static void lists_show_the_data_table(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 3, DATA, "/a");
    watch(w, 9, PERSISTENT, "/a");
    watch(w, 1, RECURSIVE, "/a");
    watch(w, 11, RECURSIVE, "/a");
    watch(w, 3, PERSISTENT, "/a");
    watch(w, 4, CHILD, "/a");
    watch(w, 4, CHILD, "/b");
    struct stream s = {.len = 0};
    pdk_watch_each_path(w, note_path_of, &s);
    assert_string_equal(s.text, "0 /a [1 3 9 11]; ");
    s = (struct stream){.len = 0};
    pdk_watch_each_watcher(w, note_watcher, &s);
    assert_string_equal(s.text, "1 3 9 11 ");
    s = (struct stream){.len = 0};
    pdk_watch_each_path_of(w, 3, note_path, &s);
    pdk_watch_each_path_of(w, 4, note_path, &s);
    pdk_watch_each_path_of(w, 77777, note_path, &s);
    assert_string_equal(s.text, "/a ");
    pdk_watch_destroy(w);
}

static void a_connection_stays_listed_when_its_last_watch_fired(void **state)
{
    (void)state;
    struct pdk_watch *w = make();
    watch(w, 3, DATA, "/a");
    assert_events(w, SET, "/a", "3 /a [3]; ");
    assert_counts(w, 1, 0, 0, 0);
    struct stream s = {.len = 0};
    pdk_watch_each_watcher(w, note_watcher, &s);
    assert_string_equal(s.text, "3 ");
    watch(w, 3, DATA, "/b");
    assert_true(pdk_watch_remove(w, 3, DATA, pdk_slice_str("/b")));
    assert_counts(w, 0, 0, 0, 0);
    watch(w, 3, DATA, "/a");
    assert_events(w, SET, "/a", "3 /a [3]; ");
    pdk_watch_remove_watcher(w, 3);
    assert_counts(w, 0, 0, 0, 0);
    pdk_watch_destroy(w);
}

/* ---- size ------------------------------------------------------------------------------------ */

struct fan_out {
    size_t calls, count;
    uint64_t sum;
};

static void count_told(void *ctx, int event_type, struct pdk_slice path, bool acl_of_parent,
                       const uint32_t *watchers, size_t count)
{
    (void)path;
    assert_int_equal(event_type, SET);
    assert_false(acl_of_parent);
    struct fan_out *f = ctx;
    f->calls++;
    f->count += count;
    for (size_t i = 0; i < count; i++) f->sum += watchers[i];
}

static void ten_thousand_watchers_are_told_in_one_call(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    struct pdk_watch *w = pdk_watch_create(&f.mem, seed);
    for (uint32_t i = 0; i < MANY; i++) {
        enum pdk_watch_kind kind = i % 3 == 0 ? DATA : i % 3 == 1 ? PERSISTENT : RECURSIVE;
        assert_int_equal(pdk_watch_add(w, i, kind, pdk_slice_str("/hot/node")), PDK_OK);
        assert_int_equal(pdk_watch_add(w, i, RECURSIVE, pdk_slice_str("/hot")), PDK_OK);
    }
    /* No event may be lost for want of memory. */
    f.mem.resize = pdk_fail_mem_never;
    struct fan_out all = {0}, rest = {0};
    pdk_watch_change(w, SET, pdk_slice_str("/hot/node"), count_told, &all);
    assert_int_equal(all.calls, 1);
    assert_int_equal(all.count, MANY);
    assert_int_equal(all.sum, (uint64_t)MANY * (MANY - 1) / 2);
    pdk_watch_validate(w);
    pdk_watch_change(w, SET, pdk_slice_str("/hot/node"), count_told, &rest);
    assert_int_equal(rest.count, MANY);
    for (uint32_t i = 0; i < MANY; i++) pdk_watch_remove_watcher(w, i);
    pdk_watch_validate(w);
    pdk_watch_destroy(w);
    assert_int_equal(f.live, 0);
}

static void many_paths_are_found_while_the_table_grows(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct pdk_watch *w = make();
    char path[32];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof path, "/dir/node-%d", i);
        watch(w, (uint32_t)i % 7, DATA, path);
        (void)snprintf(path, sizeof path, "/dir/node-%d", i / 2);
        assert_true(pdk_watch_has(w, (uint32_t)i / 2 % 7, DATA, pdk_slice_str(path)));
        if (i < 100) pdk_watch_validate(w);
    }
    pdk_watch_validate(w);
    assert_counts(w, 7, MANY, MANY, MANY);
    for (int i = 0; i < MANY; i++) {
        char want[64];
        (void)snprintf(path, sizeof path, "/dir/node-%d", i);
        (void)snprintf(want, sizeof want, "3 %s [%d]; ", path, i % 7);
        struct stream s = {.len = 0};
        pdk_watch_change(w, SET, pdk_slice_str(path), note, &s);
        assert_string_equal(s.text, want);
    }
    pdk_watch_validate(w);
    assert_counts(w, 7, 0, 0, 0);
    pdk_watch_destroy(w);
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    struct pdk_fail_mem f;
    pdk_fail_mem_init(&f);
    for (size_t nth = 1; nth <= 2; nth++) {
        pdk_fail_mem_at(&f, nth);
        assert_null(pdk_watch_create(&f.mem, seed));
    }
    assert_int_equal(f.live, 0);
    struct pdk_watch *w = pdk_watch_create(&f.mem, seed);
    size_t refused = 0;
    for (uint32_t i = 0; i < 700; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/n%u", i % 90);
        struct pdk_slice p = pdk_slice_str(path);
        uint32_t who = i % 2 == 0 ? i : 1;
        enum pdk_watch_kind kind = (enum pdk_watch_kind)(i / 90 % 4);
        struct pdk_watch_counts before, now;
        pdk_watch_counts(w, &before);
        uint64_t held = pdk_watch_count_of(w, who);
        for (size_t nth = 1;; nth++) {
            pdk_fail_mem_at(&f, nth);
            if (pdk_watch_add(w, who, kind, p) == PDK_OK) break;
            refused++;
            pdk_watch_validate(w);
            pdk_watch_counts(w, &now);
            assert_memory_equal(&now, &before, sizeof now);
            assert_int_equal(pdk_watch_count_of(w, who), held);
            assert_false(pdk_watch_has(w, who, kind, p));
        }
        assert_true(pdk_watch_has(w, who, kind, p));
    }
    assert_true(refused > 100);
    pdk_watch_destroy(w);
    assert_int_equal(f.live, 0);
}

/* ---- random operations against the tables of Apache, written naively ------------------------- */

enum { MODEL_ROWS = 4000, STANDARD = 1, STAYS = 2, BELOW = 4 };
static const char *const model_paths[] = {"/",  "/a",   "/a/b",   "/a/b/c", "/a/b/c/d", "/a/bb",
                                          "/b", "/b/a", "/b/a/x", "/c",     "/c/c",     "/c/c/c"};
enum { MODEL_PATHS = PDK_COUNT_OF(model_paths), MODEL_WATCHERS = 40 };

/* One of Apache's two watch managers: the modes of each watcher on each path. */
struct manager {
    unsigned char modes[MODEL_PATHS][MODEL_WATCHERS];
};
struct model {
    struct manager data, child;
};

static void model_modes(enum pdk_watch_kind kind, unsigned char *data, unsigned char *child)
{
    *data = kind == DATA ? STANDARD : kind == PERSISTENT ? STAYS : kind == RECURSIVE ? BELOW : 0;
    *child = kind == CHILD ? STANDARD : kind == PERSISTENT ? STAYS : 0;
}

static bool is_above(const char *ancestor, const char *path)
{
    size_t len = strlen(ancestor);
    if (strcmp(ancestor, "/") == 0) return strcmp(path, "/") != 0;
    return strncmp(ancestor, path, len) == 0 && path[len] == '/';
}

static void model_trigger(struct manager *m, int type, const char *path, bool parent,
                          const bool *suppress, bool told[MODEL_WATCHERS], struct stream *s)
{
    bool any = false;
    memset(told, 0, MODEL_WATCHERS * sizeof *told);
    for (size_t i = 0; i < MODEL_PATHS; i++) {
        for (size_t j = 0; j < MODEL_WATCHERS; j++) {
            unsigned char *modes = &m->modes[i][j];
            if (strcmp(model_paths[i], path) == 0 && *modes != 0) {
                told[j] = true;
                *modes &= (unsigned char)~STANDARD;
            } else if (is_above(model_paths[i], path) && (*modes & BELOW) != 0) {
                told[j] = true;
            }
        }
    }
    for (size_t j = 0; j < MODEL_WATCHERS; j++) {
        if (!told[j] || (suppress != NULL && suppress[j])) continue;
        if (!any) put(s, "%d%s %s [%zu", type, parent ? "*" : "", path, j);
        if (any) put(s, " %zu", j);
        any = true;
    }
    if (any) put(s, "]; ");
}

static void model_change(struct model *m, int type, const char *path, struct stream *s)
{
    bool told[MODEL_WATCHERS], ignored[MODEL_WATCHERS];
    char parent[32];
    (void)snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    model_trigger(&m->data, type, path, false, NULL, told, s);
    if (type == DELETED) model_trigger(&m->child, type, path, false, told, ignored, s);
    if (type != SET)
        model_trigger(&m->child, PDK_EVENT_NODE_CHILDREN_CHANGED, parent[0] == '\0' ? "/" : parent,
                      true, NULL, ignored, s);
}

static void model_counts(const struct model *m, struct pdk_watch_counts *c)
{
    *c = (struct pdk_watch_counts){0};
    for (size_t i = 0; i < MODEL_PATHS; i++) {
        bool any = false;
        for (size_t j = 0; j < MODEL_WATCHERS; j++) {
            any = any || m->data.modes[i][j] != 0;
            c->watches += m->data.modes[i][j] != 0 ? 1 : 0;
            c->total +=
                (m->data.modes[i][j] != 0 ? 1u : 0u) + (m->child.modes[i][j] != 0 ? 1u : 0u);
        }
        c->paths += any ? 1 : 0;
    }
}

static void model_step(struct pdk_watch *w, struct model *m, struct pdk_prng *g, uint64_t run)
{
    size_t i = (size_t)pdk_prng_below(g, MODEL_PATHS);
    uint32_t who = (uint32_t)pdk_prng_below(g, MODEL_WATCHERS);
    enum pdk_watch_kind kind = (enum pdk_watch_kind)pdk_prng_below(g, PDK_WATCH_KINDS);
    struct pdk_slice path = pdk_slice_str(model_paths[i]);
    unsigned char data = 0, child = 0;
    model_modes(kind, &data, &child);
    bool has = ((m->data.modes[i][who] & data) | (m->child.modes[i][who] & child)) != 0;
    if (pdk_watch_has(w, who, kind, path) != has)
        fail_msg("seed %llu: %u on %s", (unsigned long long)run, who, model_paths[i]);
    uint64_t what = pdk_prng_below(g, 100);
    if (what < 60) {
        assert_int_equal(pdk_watch_add(w, who, kind, path), PDK_OK);
        m->data.modes[i][who] |= data;
        m->child.modes[i][who] |= child;
    } else if (what < 75) {
        assert_int_equal(pdk_watch_remove(w, who, kind, path), has);
        m->data.modes[i][who] &= (unsigned char)~data;
        m->child.modes[i][who] &= (unsigned char)~child;
    } else if (what < 80) {
        pdk_watch_remove_watcher(w, who);
        for (size_t k = 0; k < MODEL_PATHS; k++) m->data.modes[k][who] = m->child.modes[k][who] = 0;
    } else {
        int type = i == 0 ? SET : CREATED + (int)pdk_prng_below(g, 3);
        struct stream got = {.len = 0}, want = {.len = 0};
        pdk_watch_change(w, type, path, note, &got);
        model_change(m, type, model_paths[i], &want);
        if (strcmp(got.text, want.text) != 0)
            fail_msg("seed %llu: %d %s: got \"%s\", want \"%s\"", (unsigned long long)run, type,
                     model_paths[i], got.text, want.text);
    }
}

static void random_operations_agree_with_apaches_tables(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 20; run++) {
        print_message("seed %llu\n", (unsigned long long)run);
        struct pdk_prng g;
        pdk_prng_init(&g, run);
        struct pdk_watch *w = pdk_watch_create(pdk_mem_heap(), (struct pdk_hash_seed){run, run});
        struct model m = {0};
        for (size_t step = 0; step < MODEL_ROWS; step++) {
            model_step(w, &m, &g, run);
            if (step % 16 == 0) pdk_watch_validate(w);
        }
        struct pdk_watch_counts got, want;
        pdk_watch_counts(w, &got);
        model_counts(&m, &want);
        assert_int_equal(got.paths, want.paths);
        assert_int_equal(got.watches, want.watches);
        assert_int_equal(got.total, want.total);
        pdk_watch_validate(w);
        pdk_watch_destroy(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_watches_nothing_is_told),
        cmocka_unit_test(each_kind_hears_what_the_matrix_says),
        cmocka_unit_test(data_and_child_watch_hear_one_delete_once),
        cmocka_unit_test(node_and_parent_are_told_in_this_order),
        cmocka_unit_test(a_persistent_watch_hears_its_captured_stream),
        cmocka_unit_test(a_recursive_watch_hears_its_captured_stream),
        cmocka_unit_test(recursive_and_child_watch_of_one_connection_both_speak),
        cmocka_unit_test(one_change_tells_a_connection_once_whatever_it_holds),
        cmocka_unit_test(a_recursive_watch_above_keeps_the_child_table_silent_at_a_delete),
        cmocka_unit_test(other_paths_and_connections_are_left_alone),
        cmocka_unit_test(taking_back_needs_the_exact_kind_and_path),
        cmocka_unit_test(a_closed_connection_hears_nothing_and_its_number_starts_anew),
        cmocka_unit_test(counts_are_those_of_apache),
        cmocka_unit_test(lists_show_the_data_table),
        cmocka_unit_test(a_connection_stays_listed_when_its_last_watch_fired),
        cmocka_unit_test(ten_thousand_watchers_are_told_in_one_call),
        cmocka_unit_test(many_paths_are_found_while_the_table_grows),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(random_operations_agree_with_apaches_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
