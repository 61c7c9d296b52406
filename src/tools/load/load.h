/* tools/load/load.h - what the modes of the load generator share: settings and keys.
 *
 * Times are CLOCK_MONOTONIC in nanoseconds.  Threads: settings are read only once parsed. */
#ifndef PDK_TOOLS_LOAD_LOAD_H
#define PDK_TOOLS_LOAD_LOAD_H

#include "base/base.h"

#include <netinet/in.h>
#include <stdio.h>

#define PDK_LOAD_PATH_MAX 512
#define PDK_LOAD_PREFIX_MAX 400
/* Name of a key: "key-" and 20 digits. */
#define PDK_LOAD_NAME_LEN 24
#define PDK_LOAD_NS_PER_S INT64_C(1000000000)
#define PDK_LOAD_NS_PER_MS INT64_C(1000000)

enum pdk_load_op { PDK_LOAD_GET, PDK_LOAD_SET, PDK_LOAD_CREATE, PDK_LOAD_OP_COUNT };

struct pdk_load_settings {
    struct sockaddr_in server;
    uint32_t conns;
    uint32_t depth; /* requests of one connection without an answer */
    uint32_t threads;
    unsigned percent[PDK_LOAD_OP_COUNT]; /* of each operation; 100 in sum */
    uint32_t size_bytes;                 /* of data */
    uint64_t keys;
    uint32_t dirs; /* keys are spread over so many parents; 0: prefix itself */
    const char *prefix;
    size_t prefix_len; /* at most PDK_LOAD_PREFIX_MAX */
    int64_t warmup_ns, duration_ns;
    uint64_t count; /* run: stop after so many requests; 0: by time.  fanout: rounds */
    uint64_t rate;  /* requests per second; 0: as many as will go */
    int32_t session_timeout_ms;
    int64_t
        patience_ns; /* wait: for the first answer; else: for connections and the last answers */
    int server_pid;  /* whose CPU time is measured; 0: none */
    uint64_t seed;
    bool json;
};

int64_t pdk_load_now_ns(void);
/* CPU time that a process has used, in seconds; -1 when it cannot be told. */
double pdk_load_cpu_of(int pid);
double pdk_load_cpu_of_self(void);

/* Writes the path of key 0..keys-1 to `out` and returns its length. */
size_t pdk_load_key_path(const struct pdk_load_settings *s, uint64_t key,
                         char out[PDK_LOAD_PATH_MAX]);
/* The key's parent when it is one of `dirs`. */
size_t pdk_load_dir_path(const struct pdk_load_settings *s, uint64_t dir,
                         char out[PDK_LOAD_PATH_MAX]);

/* The modes: exit status. */
int pdk_load_run(const struct pdk_load_settings *s);
int pdk_load_fill(const struct pdk_load_settings *s);
int pdk_load_fanout(const struct pdk_load_settings *s);
int pdk_load_wait(const struct pdk_load_settings *s);

#endif
