/* client/core/watches.h - which watches a session has set, by path and kind.
 *
 * Rules: client-protocol.md section 18 (firing) and 11 (setting them again).
 * A watch counts from the server's answer on, and the answer must not fail for want of memory: what
 * it takes is set aside with the request.
 *
 * Ownership: the table owns copies of the paths.  Threads: one at a time. */
#ifndef PDK_CLIENT_CORE_WATCHES_H
#define PDK_CLIENT_CORE_WATCHES_H

#include "base/base.h"
#include "base/buf.h"
#include "base/map.h"

enum pdk_client_watch_kind {
    PDK_CLIENT_WATCH_DATA = 1,
    PDK_CLIENT_WATCH_EXIST = 2,
    PDK_CLIENT_WATCH_CHILD = 4,
    PDK_CLIENT_WATCH_PERSISTENT = 8,
    PDK_CLIENT_WATCH_RECURSIVE = 16,
};

struct pdk_client_watched {
    struct pdk_client_watched *prev, *next; /* all, in the order of their first watch */
    struct pdk_client_watched *chain;       /* same hash */
    uint64_t hash;
    unsigned kinds;
    size_t len;
    uint8_t path[];
};

struct pdk_client_watches {
    const struct pdk_mem *mem;
    struct pdk_hash_seed seed;
    struct pdk_map by_hash;
    size_t prepared; /* neither committed nor discarded */
    struct pdk_client_watched *first, *last;
    struct pdk_buf scratch;
};

void pdk_client_watches_init(struct pdk_client_watches *w, const struct pdk_mem *mem,
                             struct pdk_hash_seed seed);
void pdk_client_watches_deinit(struct pdk_client_watches *w);

/* A watch that has been asked for and not yet answered: takes all memory that _commit will need.
 * NULL: no memory, nothing has changed. */
PDK_WARN_UNUSED struct pdk_client_watched *pdk_client_watches_prepare(struct pdk_client_watches *w,
                                                                      struct pdk_slice path);
/* The server has set it.  Either call ends the use of `asked`. */
void pdk_client_watches_commit(struct pdk_client_watches *w, struct pdk_client_watched *asked,
                               enum pdk_client_watch_kind kind);
void pdk_client_watches_discard(struct pdk_client_watches *w, struct pdk_client_watched *asked);
/* Kinds that are set; 0: none. */
unsigned pdk_client_watches_kinds(const struct pdk_client_watches *w, struct pdk_slice path);
/* An event has come (enum pdk_event_type, any number): forgets the one-shot watches it used up. */
void pdk_client_watches_fired(struct pdk_client_watches *w, int32_t type, struct pdk_slice path);

/* Appends frames that set all watches again, in batches; *frames_count of them.  Failures show in
 * the buffer. */
void pdk_client_watches_put_all(struct pdk_client_watches *w, struct pdk_buf *out,
                                pdk_zxid relative_zxid, uint32_t *frames_count);

#endif
