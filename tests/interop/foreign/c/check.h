/* check.h - the frame of the C test program: checks, sessions, what watchers saw.
 *
 * Output: see stage.py.  A check is a function that gets an open znode of its own as its root.
 * The first expectation that fails leaves the check at once (longjmp), so what the check had
 * open stays open; that is fine in a program that lives for seconds.
 *
 * Threads: everything here is called from main's thread; only the callbacks of the client
 * library run on its own threads, and they touch nothing but a struct events or a struct reply,
 * under its lock.
 */
#ifndef FOREIGN_C_CHECK_H
#define FOREIGN_C_CHECK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <zookeeper/zookeeper.h>

enum { CALM_MS = 15000, SHORT_MS = 1200, PATH_MAX_LEN = 512, EVENTS_MAX = 4096 };

/* The program's arguments, in their order; see stage.py. */
struct place {
    const char *direct, *wire, *control, *plain;
    bool is_38;
};
extern struct place place;

typedef void check_fn(const char *root);

void group(const char *name);
void group_end(const char *name);
void check(const char *name, check_fn *fn);
int failures(void);

/* Ends the check as failed. */
void fail_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));
void same_int_at(const char *file, int line, const char *what, long long want, long long got);
void same_text_at(const char *file, int line, const char *what, const char *want, const char *got);

#define FAIL(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define THAT(holds) ((holds) ? (void)0 : FAIL("not so: %s", #holds))
#define SAME(want, got) same_int_at(__FILE__, __LINE__, #got, (long long)(want), (long long)(got))
#define SAME_TEXT(want, got) same_text_at(__FILE__, __LINE__, #got, want, got)
/* The code of a call, by name in the message. */
#define RC(want, call) same_rc_at(__FILE__, __LINE__, #call, want, call)
#define OK(call) RC(ZOK, call)
void same_rc_at(const char *file, int line, const char *what, int want, int got);

/* What a watcher was told.  Node events as "TYPE PATH" lines without the check's root. */
struct events {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *lines[EVENTS_MAX];
    int count;
    int states[64];
    int state_count;
};
void events_init(struct events *events);
/* A watcher_fn; its context is a struct events. */
void events_watch(zhandle_t *zh, int type, int state, const char *path, void *context);
/* Waits for the state, forgets it and the states before it. */
void events_await_state(struct events *events, int state);
/* All node events since the last call, joined by ", "; first waits until there are `count`. */
const char *events_await(struct events *events, int count);

/* A session and what its global watcher saw. */
struct client {
    zhandle_t *zh;
    struct events events;
};
struct client *client_begin(const char *hosts, int timeout_ms, const clientid_t *id, int flags);
/* As client_begin for a new session, and waits until it is connected. */
struct client *client_open(const char *hosts, int timeout_ms);
void client_close(struct client *client);
/* Closes and waits until the session's ephemeral `path` is gone: the library's close does not
 * wait for the server. */
void client_close_with(struct client *client, const char *path);
/* Returns when all events that the server has sent reached their watchers. */
void client_barrier(struct client *client);
/* The events that `events` has after a barrier. */
const char *client_events(struct client *client, struct events *events);

/* A session that no check disturbs. */
extern struct client *other;
/* The session that the group's checks use. */
extern struct client *mine;

/* cut, heal, drop, freeze, thaw, hold, bounce: see flaky_wire.py. */
void command(const char *word);

/* root followed by name, in one of a few static buffers. */
const char *under(const char *root, const char *name);

/* Short forms that must succeed. */
void make(struct client *client, const char *path, const char *data, int mode);
void set(struct client *client, const char *path, const char *data);
struct Stat stat_of(struct client *client, const char *path);
/* The data as text; "(null)" when there is none. */
const char *get(struct client *client, const char *path);
/* The names of the children, sorted and joined by blanks. */
const char *names(const struct String_vector *children);
long long now_ms(void);

void operation_checks(void);
void callback_checks(void);
void multi_checks(void);
void watch_checks(void);
void access_checks(void);
void session_checks(void);

#endif
