#include "shell/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct request {
    struct request *next;
    struct pdk_resolved resolved;
};

struct requests {
    struct request *first, *last;
};

/* What both threads hold; the last of them frees it. */
struct shared {
    const struct pdk_mem *mem;
    pdk_lookup lookup;
    void *ctx;
    int event_fd;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    struct requests asked, answered;
    bool stopping;
    bool both; /* held by both threads */
};

/* Core thread's own. */
struct name {
    struct name *next; /* oldest first */
    char host[PDK_HOST_BYTES];
    bool waiting; /* an answer is on its way */
    size_t count;
    struct pdk_sockaddr last[PDK_RESOLVED_MAX];
};

struct pdk_resolver {
    const struct pdk_mem *mem;
    struct shared *shared;
    struct name *names;
    size_t name_count, waiting_count;
};

/* ---- requests ------------------------------------------------------------------------------ */
static void add(struct requests *list, struct request *q)
{
    q->next = NULL;
    if (list->last != NULL)
        list->last->next = q;
    else
        list->first = q;
    list->last = q;
}

static struct request *remove_first(struct requests *list)
{
    struct request *q = list->first;
    if (q == NULL) return NULL;
    list->first = q->next;
    if (list->first == NULL) list->last = NULL;
    return q;
}

/* ---- helper thread ------------------------------------------------------------------------- */
static void ask_system(void *ctx, struct pdk_resolved *out)
{
    (void)ctx;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(out->host, NULL, &hints, &found);
    if (failed != 0) {
        (void)snprintf(out->why, sizeof out->why, "%s", gai_strerror(failed));
        return;
    }
    for (const struct addrinfo *a = found; a != NULL && out->count < PDK_RESOLVED_MAX;
         a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
        struct pdk_sockaddr *address = &out->addresses[out->count++];
        address->len = a->ai_addrlen;
        memcpy(&address->any, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(found);
    if (out->count == 0) (void)snprintf(out->why, sizeof out->why, "no internet address");
}

static void release(struct shared *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool last = !s->both;
    s->both = false;
    (void)pthread_mutex_unlock(&s->lock);
    if (!last) return;
    struct request *q;
    while ((q = remove_first(&s->asked)) != NULL) pdk_mem_free(s->mem, q);
    while ((q = remove_first(&s->answered)) != NULL) pdk_mem_free(s->mem, q);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    (void)close(s->event_fd);
    pdk_mem_free(s->mem, s);
}

static void *run(void *arg)
{
    struct shared *s = arg;
    (void)pthread_setname_np(pthread_self(), "paddock-names");
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        struct request *q = remove_first(&s->asked);
        if (q == NULL) {
            (void)pthread_cond_wait(&s->wake, &s->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&s->lock);
        s->lookup(s->ctx, &q->resolved);
        (void)pthread_mutex_lock(&s->lock);
        add(&s->answered, q);
        const uint64_t one = 1;
        ssize_t n = write(s->event_fd, &one, sizeof one);
        PDK_ASSERT(n == (ssize_t)sizeof one);
    }
    (void)pthread_mutex_unlock(&s->lock);
    release(s);
    return NULL;
}

/* ---- names --------------------------------------------------------------------------------- */
static struct name *find(const struct pdk_resolver *r, const char *host)
{
    for (struct name *n = r->names; n != NULL; n = n->next) {
        if (strcmp(n->host, host) == 0) return n;
    }
    return NULL;
}

static void forget_oldest(struct pdk_resolver *r)
{
    for (struct name **at = &r->names; *at != NULL; at = &(*at)->next) {
        struct name *n = *at;
        if (n->waiting) continue;
        *at = n->next;
        pdk_mem_free(r->mem, n);
        r->name_count--;
        return;
    }
}

static struct name *remember(struct pdk_resolver *r, const char *host)
{
    if (r->name_count >= PDK_RESOLVER_NAMES) forget_oldest(r);
    struct name *n = pdk_mem_try_zero(r->mem, 1, sizeof *n);
    if (n == NULL) return NULL;
    (void)snprintf(n->host, sizeof n->host, "%s", host);
    struct name **end = &r->names;
    while (*end != NULL) end = &(*end)->next;
    *end = n;
    r->name_count++;
    return n;
}

/* ---- core thread --------------------------------------------------------------------------- */
enum pdk_err pdk_resolver_ask(struct pdk_resolver *r, const char *host)
{
    if (strlen(host) >= PDK_HOST_BYTES) return PDK_EINVAL;
    struct name *n = find(r, host);
    if (n != NULL && n->waiting) return PDK_OK;
    if (r->waiting_count >= PDK_RESOLVER_QUEUE) return PDK_EBUSY;
    if (n == NULL) n = remember(r, host);
    struct request *q = pdk_mem_try_zero(r->mem, 1, sizeof *q);
    if (n == NULL || q == NULL) {
        pdk_mem_free(r->mem, q);
        return PDK_ENOMEM;
    }
    memcpy(q->resolved.host, n->host, sizeof q->resolved.host);
    n->waiting = true;
    r->waiting_count++;
    (void)pthread_mutex_lock(&r->shared->lock);
    add(&r->shared->asked, q);
    (void)pthread_cond_signal(&r->shared->wake);
    (void)pthread_mutex_unlock(&r->shared->lock);
    return PDK_OK;
}

bool pdk_resolver_take(struct pdk_resolver *r, struct pdk_resolved *out)
{
    (void)pthread_mutex_lock(&r->shared->lock);
    struct request *q = remove_first(&r->shared->answered);
    (void)pthread_mutex_unlock(&r->shared->lock);
    if (q == NULL) return false;
    *out = q->resolved;
    pdk_mem_free(r->mem, q);
    struct name *n = find(r, out->host);
    PDK_ASSERT(n != NULL && n->waiting && out->count <= PDK_RESOLVED_MAX);
    n->waiting = false;
    r->waiting_count--;
    if (out->count > 0) {
        n->count = out->count;
        memcpy(n->last, out->addresses, sizeof n->last);
    }
    return true;
}

size_t pdk_resolver_last(const struct pdk_resolver *r, const char *host,
                         struct pdk_sockaddr out[PDK_RESOLVED_MAX])
{
    const struct name *n = find(r, host);
    if (n == NULL) return 0;
    memcpy(out, n->last, sizeof n->last);
    return n->count;
}

int pdk_resolver_fd(const struct pdk_resolver *r) { return r->shared->event_fd; }

/* ---- life ---------------------------------------------------------------------------------- */
static bool start_thread(struct shared *s)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr) != 0) return false;
    bool good = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
                pthread_create(&thread, &attr, run, s) == 0;
    (void)pthread_attr_destroy(&attr);
    return good;
}

struct pdk_resolver *pdk_resolver_start(const struct pdk_mem *mem, pdk_lookup lookup, void *ctx)
{
    struct pdk_resolver *r = pdk_mem_try_zero(mem, 1, sizeof *r);
    struct shared *s = pdk_mem_try_zero(mem, 1, sizeof *s);
    if (r == NULL || s == NULL) goto free_them;
    *r = (struct pdk_resolver){.mem = mem, .shared = s};
    s->mem = mem;
    s->lookup = lookup != NULL ? lookup : ask_system;
    s->ctx = ctx;
    s->both = true;
    s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->event_fd < 0) goto free_them;
    if (pthread_mutex_init(&s->lock, NULL) != 0) goto close_fd;
    if (pthread_cond_init(&s->wake, NULL) != 0) goto destroy_lock;
    if (start_thread(s)) return r;

    (void)pthread_cond_destroy(&s->wake);
destroy_lock:
    (void)pthread_mutex_destroy(&s->lock);
close_fd:
    (void)close(s->event_fd);
free_them:
    pdk_mem_free(mem, s);
    pdk_mem_free(mem, r);
    return NULL;
}

void pdk_resolver_stop(struct pdk_resolver *r)
{
    if (r == NULL) return;
    struct shared *s = r->shared;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    release(s);
    while (r->names != NULL) {
        struct name *n = r->names;
        r->names = n->next;
        pdk_mem_free(r->mem, n);
    }
    pdk_mem_free(r->mem, r);
}
