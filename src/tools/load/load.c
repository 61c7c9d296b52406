#include "tools/load/load.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t pdk_load_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * PDK_LOAD_NS_PER_S + t.tv_nsec;
}

double pdk_load_cpu_of(int pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) return -1;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    /* The name may hold anything, parentheses too: the fields count from the last one. */
    const char *at = strrchr(text, ')');
    unsigned long long user = 0, system = 0;
    if (at == NULL || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                             &user, &system) != 2) {
        return -1;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

double pdk_load_cpu_of_self(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/* `count` digits of `value`; small values are cheap. */
static char *put_digits(char *at, uint64_t value, size_t count)
{
    memset(at, '0', count);
    for (char *digit = at + count; value > 0 && digit > at; value /= 10) {
        *--digit = (char)('0' + value % 10);
    }
    return at + count;
}

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

/* The prefix was checked to leave room for both names. */
static char *put_dir(const struct pdk_load_settings *s, uint64_t dir, char *out)
{
    char *at = put_text(out, s->prefix, s->prefix_len);
    if (s->dirs > 0) at = put_digits(put_text(at, "/d", 2), dir, 6);
    return at;
}

size_t pdk_load_dir_path(const struct pdk_load_settings *s, uint64_t dir,
                         char out[PDK_LOAD_PATH_MAX])
{
    return (size_t)(put_dir(s, dir, out) - out);
}

size_t pdk_load_key_path(const struct pdk_load_settings *s, uint64_t key,
                         char out[PDK_LOAD_PATH_MAX])
{
    char *at = put_dir(s, s->dirs > 0 ? key % s->dirs : 0, out);
    return (size_t)(put_digits(put_text(at, "/key-", 5), key, PDK_LOAD_NAME_LEN - 4) - out);
}
