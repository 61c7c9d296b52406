/* shell/resolver.h - what a host name means now, asked for off the core thread.
 *
 * A name service may take half a minute to say nothing.  So one helper thread asks, one name after
 * the other; who asks for a name that is already being asked for shares the answer.  The last good
 * answer of each name is remembered: who cannot wait (a dead name in front of the queue, a name
 * service that is down) takes that.
 *
 *     core thread                     helper thread
 *     _ask            --queue-->      getaddrinfo
 *     _take           <-answers--     (through an eventfd in the loop)
 *
 * Limits: PDK_RESOLVER_QUEUE names waiting (then PDK_EBUSY), PDK_RESOLVER_NAMES remembered (then
 * the oldest is forgotten), PDK_RESOLVED_MAX addresses of a name (the rest is passed over).
 * Threads: everything here is the core thread's. */
#ifndef PDK_SHELL_RESOLVER_H
#define PDK_SHELL_RESOLVER_H

#include "base/base.h"
#include "base/mem.h"
#include "shell/address.h"

#define PDK_RESOLVER_QUEUE 256
#define PDK_RESOLVER_NAMES 512
#define PDK_RESOLVED_MAX 8
#define PDK_HOST_BYTES 256

struct pdk_resolved {
    char host[PDK_HOST_BYTES];
    size_t count; /* 0: it means nothing now, `why` says what the system said */
    char why[96];
    struct pdk_sockaddr addresses[PDK_RESOLVED_MAX]; /* without port, in the system's order */
};

/* Asks the system for `out->host`; fills the rest.  On the helper thread. */
typedef void (*pdk_lookup)(void *ctx, struct pdk_resolved *out);

struct pdk_resolver;

/* `lookup` NULL: the system's getaddrinfo.  NULL: no memory or no thread. */
struct pdk_resolver *pdk_resolver_start(const struct pdk_mem *mem, pdk_lookup lookup, void *ctx);
/* Does not wait for a name service that is silent: the thread goes when it has its answer.  (So
 * `mem` and `ctx` must outlive it; the heap does.) */
void pdk_resolver_stop(struct pdk_resolver *r);

/* An answer for `host` will come.  PDK_EBUSY: too many names wait; PDK_EINVAL: too long a name;
 * PDK_ENOMEM. */
PDK_WARN_UNUSED enum pdk_err pdk_resolver_ask(struct pdk_resolver *r, const char *host);
/* False: no answer is there. */
bool pdk_resolver_take(struct pdk_resolver *r, struct pdk_resolved *out);
/* What the name meant when it was last known; 0: never. */
size_t pdk_resolver_last(const struct pdk_resolver *r, const char *host,
                         struct pdk_sockaddr out[PDK_RESOLVED_MAX]);
/* For a loop, edge triggered (nobody reads it): an event comes when there is something to take. */
int pdk_resolver_fd(const struct pdk_resolver *r);

#endif
