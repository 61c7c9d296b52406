/* check.c - see check.h. */
#include "check.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 30 };

struct place place;
struct client *other, *mine;

static const char *current_group;
static int failed;
static int root_count;
static jmp_buf leave;
static char reason[8192];
/* Static: the root must outlive the longjmp out of a failed check. */
static char current_root[PATH_MAX_LEN];

void group(const char *name)
{
    current_group = name;
    printf("group %s\n", name);
}

void group_end(const char *name) { printf("end %s\n", name); }

/* After a check that failed half way.  A failure in here ends the program: its output then
 * lacks the end of the group. */
static void repair(void)
{
    if (setjmp(leave) != 0) {
        abort();
    }
    command("heal");
    command("thaw");
}

void check(const char *name, check_fn *fn)
{
    snprintf(current_root, sizeof current_root, "/%s-%d", current_group, ++root_count);
    if (setjmp(leave) == 0) {
        make(other, current_root, "", ZOO_PERSISTENT);
        fn(current_root);
        printf("ok %s: %s\n", current_group, name);
    } else {
        failed++;
        printf("not ok %s: %s: %s\n", current_group, name, reason);
        repair();
    }
    fflush(stdout);
}

int failures(void) { return failed; }

void fail_at(const char *file, int line, const char *format, ...)
{
    va_list args;
    const char *slash = strrchr(file, '/');
    int used = snprintf(reason, sizeof reason, "%s:%d: ", slash ? slash + 1 : file, line);
    va_start(args, format);
    vsnprintf(reason + used, sizeof reason - (size_t)used, format, args);
    va_end(args);
    longjmp(leave, 1);
}

void same_int_at(const char *file, int line, const char *what, long long want, long long got)
{
    if (want != got) {
        fail_at(file, line, "%s: want %lld, got %lld", what, want, got);
    }
}

void same_text_at(const char *file, int line, const char *what, const char *want, const char *got)
{
    if (strcmp(want, got) != 0) {
        fail_at(file, line, "%s: want <%s>, got <%s>", what, want, got);
    }
}

void same_rc_at(const char *file, int line, const char *what, int want, int got)
{
    if (want != got) {
        fail_at(file, line, "%s: want %d (%s), got %d (%s)", what, want, zerror(want), got,
                zerror(got));
    }
}

/* -- what watchers saw */

static const char *type_name(int type)
{
    if (type == ZOO_CREATED_EVENT) {
        return "created";
    }
    if (type == ZOO_DELETED_EVENT) {
        return "deleted";
    }
    if (type == ZOO_CHANGED_EVENT) {
        return "changed";
    }
    if (type == ZOO_CHILD_EVENT) {
        return "child";
    }
    return "unexpected";
}

void events_init(struct events *events)
{
    memset(events, 0, sizeof *events);
    pthread_mutex_init(&events->lock, NULL);
    pthread_cond_init(&events->changed, NULL);
}

void events_watch(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct events *events = context;
    char line[PATH_MAX_LEN + 32];

    (void)zh;
    pthread_mutex_lock(&events->lock);
    if (type == ZOO_SESSION_EVENT) {
        if (events->state_count < (int)(sizeof events->states / sizeof *events->states)) {
            events->states[events->state_count++] = state;
        }
    } else if (events->count < EVENTS_MAX) {
        size_t len = strlen(current_root);
        bool below = strncmp(path, current_root, len) == 0;
        snprintf(line, sizeof line, "%s %s", type_name(type), below ? path + len : path);
        events->lines[events->count++] = strdup(line);
    }
    pthread_cond_broadcast(&events->changed);
    pthread_mutex_unlock(&events->lock);
}

/* Waits on the condition; false when patience is at its end. */
static bool pause_until(struct events *events, const struct timespec *deadline)
{
    return pthread_cond_timedwait(&events->changed, &events->lock, deadline) == 0;
}

static struct timespec patience(void)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    return deadline;
}

void events_await_state(struct events *events, int state)
{
    struct timespec deadline = patience();
    pthread_mutex_lock(&events->lock);
    for (;;) {
        for (int i = 0; i < events->state_count; i++) {
            if (events->states[i] == state) {
                events->state_count -= i + 1;
                memmove(events->states, events->states + i + 1,
                        (size_t)events->state_count * sizeof *events->states);
                pthread_mutex_unlock(&events->lock);
                return;
            }
        }
        if (!pause_until(events, &deadline)) {
            pthread_mutex_unlock(&events->lock);
            FAIL("waited in vain for state %d", state);
        }
    }
}

const char *events_await(struct events *events, int count)
{
    static char joined[EVENTS_MAX * 8];
    struct timespec deadline = patience();
    size_t used = 0;

    pthread_mutex_lock(&events->lock);
    while (events->count < count) {
        if (!pause_until(events, &deadline)) {
            int seen = events->count;
            pthread_mutex_unlock(&events->lock);
            FAIL("waited in vain for %d events, saw %d", count, seen);
        }
    }
    joined[0] = '\0';
    for (int i = 0; i < events->count; i++) {
        if (used < sizeof joined - PATH_MAX_LEN) {
            used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i > 0 ? ", " : "",
                                     events->lines[i]);
        }
        free(events->lines[i]);
    }
    events->count = 0;
    pthread_mutex_unlock(&events->lock);
    return joined;
}

/* -- sessions */

struct client *client_begin(const char *hosts, int timeout_ms, const clientid_t *id, int flags)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        abort();
    }
    events_init(&client->events);
    client->zh = zookeeper_init(hosts, events_watch, timeout_ms, id, &client->events, flags);
    THAT(client->zh != NULL);
    return client;
}

struct client *client_open(const char *hosts, int timeout_ms)
{
    struct client *client = client_begin(hosts, timeout_ms, NULL, 0);
    events_await_state(&client->events, ZOO_CONNECTED_STATE);
    return client;
}

void client_close(struct client *client)
{
    zookeeper_close(client->zh);
    free(client);
}

void client_close_with(struct client *client, const char *path)
{
    /* Not on the stack: see client_barrier. */
    struct events *gone = calloc(1, sizeof *gone);
    struct Stat stat;
    if (gone == NULL) {
        abort();
    }
    events_init(gone);
    OK(zoo_wexists(other->zh, path, events_watch, gone, &stat));
    client_close(client);
    events_await(gone, 1);
    free(gone);
}

static void wake(int rc, const char *value, const void *context)
{
    /* The pointer went through the library as const. */
    struct events *events = (struct events *)(uintptr_t)context;
    (void)value;
    pthread_mutex_lock(&events->lock);
    events->states[0] = rc;
    events->count++;
    pthread_cond_broadcast(&events->changed);
    pthread_mutex_unlock(&events->lock);
}

void client_barrier(struct client *client)
{
    /* Not on the stack: the reply may come after a failed check has been left. */
    struct events *done = calloc(1, sizeof *done);
    struct timespec deadline = patience();
    if (done == NULL) {
        abort();
    }
    events_init(done);
    OK(zoo_async(client->zh, "/", wake, done));
    pthread_mutex_lock(&done->lock);
    while (done->count == 0) {
        if (!pause_until(done, &deadline)) {
            FAIL("the barrier does not come back");
        }
    }
    int rc = done->states[0];
    pthread_mutex_unlock(&done->lock);
    free(done);
    OK(rc);
}

const char *client_events(struct client *client, struct events *events)
{
    client_barrier(client);
    return events_await(events, 0);
}

/* -- the wire */

void command(const char *word)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    char answer[256];
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_port = htons((uint16_t)atoi(strchr(place.control, ':') + 1));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    THAT(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    THAT(dprintf(fd, "%s\n", word) > 0);
    got = read(fd, answer, sizeof answer - 1);
    close(fd);
    THAT(got > 0);
    answer[got] = '\0';
    SAME_TEXT("ok\n", answer);
}

/* -- short forms */

const char *under(const char *root, const char *name)
{
    static char buffers[16][PATH_MAX_LEN];
    static unsigned next;
    char *buffer = buffers[next++ % 16];
    snprintf(buffer, PATH_MAX_LEN, "%s%s", root, name);
    return buffer;
}

void make(struct client *client, const char *path, const char *data, int mode)
{
    char made[PATH_MAX_LEN];
    int rc = zoo_create(client->zh, path, data, data != NULL ? (int)strlen(data) : -1,
                        &ZOO_OPEN_ACL_UNSAFE, mode, made, sizeof made);
    if (rc != ZOK) {
        FAIL("create %s: %s", path, zerror(rc));
    }
}

void set(struct client *client, const char *path, const char *data)
{
    int rc = zoo_set(client->zh, path, data, (int)strlen(data), -1);
    if (rc != ZOK) {
        FAIL("set %s: %s", path, zerror(rc));
    }
}

struct Stat stat_of(struct client *client, const char *path)
{
    struct Stat stat = {0};
    int rc = zoo_exists(client->zh, path, 0, &stat);
    if (rc != ZOK) {
        FAIL("exists %s: %s", path, zerror(rc));
    }
    return stat;
}

const char *get(struct client *client, const char *path)
{
    static char data[4096];
    int len = sizeof data - 1;
    int rc = zoo_get(client->zh, path, 0, data, &len, NULL);
    if (rc != ZOK) {
        FAIL("get %s: %s", path, zerror(rc));
    }
    if (len < 0) {
        return "(null)";
    }
    data[len] = '\0';
    return data;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *names(const struct String_vector *children)
{
    static char joined[4096];
    size_t used = 0;
    qsort(children->data, (size_t)children->count, sizeof *children->data, by_name);
    joined[0] = '\0';
    for (int i = 0; i < children->count; i++) {
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i > 0 ? " " : "",
                                 children->data[i]);
    }
    return joined;
}

long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
