/* paddock-load: puts a ZooKeeper server under load and measures.  See `paddock-load --help`. */
#include "tools/load/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: paddock-load MODE [options]\n"
    "\n"
    "Puts a ZooKeeper server under load and measures what comes back.\n"
    "\n"
    "Modes\n"
    "  fill      create --keys znodes below --prefix (what is there already stays)\n"
    "  run       make requests on the keys that fill made, for --seconds or --count requests\n"
    "  fanout    --conns sessions watch one znode (--prefix); each of --count rounds takes the "
    "time\n"
    "            from a write until the last of them has heard of it\n"
    "  wait      wait until the server answers its first request; tells when that was\n"
    "\n"
    "Where\n"
    "  --server HOST:PORT   IPv4 address and port               (127.0.0.1:2181)\n"
    "  --server-pid PID     also measure the CPU time of this process\n"
    "\n"
    "What\n"
    "  --conns N            connections, each a session         (1)\n"
    "  --depth N            requests under way per connection   (1)\n"
    "  --mix MIX            get, set, create, or parts in percent as in get=90,set=10  (get)\n"
    "  --size BYTES         data of each znode                  (100)\n"
    "  --keys N             keys, chosen by chance              (1)\n"
    "  --dirs N             parents that they are spread over   (0: the prefix itself)\n"
    "  --prefix PATH        where the keys are                  (/load)\n"
    "  --rate N             requests per second in all; latency then counts from the time at "
    "which\n"
    "                       a request was due, so that a pause shows in full  (0: no limit)\n"
    "\n"
    "How long\n"
    "  --seconds S          what is measured                    (5)\n"
    "  --warmup S           before it                           (1)\n"
    "  --count N            run: so many requests, no time, no warm-up; fanout: rounds (10)\n"
    "\n"
    "Else\n"
    "  --threads N          threads of this program             (1)\n"
    "  --timeout MS         session timeout to ask for          (30000)\n"
    "  --patience S         for sessions and last answers       (60)\n"
    "  --seed N             of all chance; new znodes carry it in their names  (1)\n"
    "  --json               one line of JSON instead of text\n"
    "  --help               this text\n"
    "\n"
    "Exit status: 0; 1 when a request failed or a connection broke; 2 for wrong usage.\n";

enum option_id {
    OPT_SERVER = 1,
    OPT_SERVER_PID,
    OPT_CONNS,
    OPT_DEPTH,
    OPT_MIX,
    OPT_SIZE,
    OPT_KEYS,
    OPT_DIRS,
    OPT_PREFIX,
    OPT_RATE,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_COUNT,
    OPT_THREADS,
    OPT_TIMEOUT,
    OPT_PATIENCE,
    OPT_SEED,
    OPT_JSON,
    OPT_HELP,
};

static const struct option options[] = {
    {"server", required_argument, NULL, OPT_SERVER},
    {"server-pid", required_argument, NULL, OPT_SERVER_PID},
    {"conns", required_argument, NULL, OPT_CONNS},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"mix", required_argument, NULL, OPT_MIX},
    {"size", required_argument, NULL, OPT_SIZE},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"dirs", required_argument, NULL, OPT_DIRS},
    {"prefix", required_argument, NULL, OPT_PREFIX},
    {"rate", required_argument, NULL, OPT_RATE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"count", required_argument, NULL, OPT_COUNT},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void wrong(const char *option, const char *value, const char *allowed)
{
    fprintf(stderr, "paddock-load: --%s %s: must be %s\n", option, value, allowed);
    exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < least ||
        value > most) {
        char allowed[64];
        snprintf(allowed, sizeof allowed, "a whole number, %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        wrong(option, text, allowed);
    }
    return value;
}

static int64_t seconds(const char *option, const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 86400)) {
        wrong(option, text, "seconds, 0 to 86400");
    }
    return (int64_t)(value * (double)PDK_LOAD_NS_PER_S);
}

static void parse_server(struct pdk_load_settings *s, const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    s->server.sin_family = AF_INET;
    if (len > 0 && len < sizeof host) {
        memcpy(host, text, len);
        host[len] = '\0';
        s->server.sin_port = htons((uint16_t)number("server", colon + 1, 1, UINT16_MAX));
        if (inet_pton(AF_INET, host, &s->server.sin_addr) == 1) return;
    }
    wrong("server", text, "an IPv4 address and a port, as in 127.0.0.1:2181");
}

static void parse_mix(struct pdk_load_settings *s, const char *text)
{
    static const char *const names[] = {"get", "set", "create"};
    static const char allowed[] = "get, set, create, or parts of 100 as in get=90,set=10";
    unsigned sum = 0;
    memset(s->percent, 0, sizeof s->percent);
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "=,"), op = 0;
        while (op < PDK_LOAD_OP_COUNT &&
               (strlen(names[op]) != len || memcmp(names[op], at, len) != 0)) {
            op++;
        }
        if (op == PDK_LOAD_OP_COUNT) wrong("mix", text, allowed);
        at += len;
        unsigned long part = 100;
        if (*at == '=') {
            char *end = NULL;
            part = strtoul(at + 1, &end, 10);
            at = end;
        }
        if (part > 100 || (*at != ',' && *at != '\0')) wrong("mix", text, allowed);
        if (*at == ',') at++;
        s->percent[op] += (unsigned)part;
        sum += (unsigned)part;
    }
    if (sum != 100) wrong("mix", text, allowed);
}

static void parse_prefix(struct pdk_load_settings *s, const char *text)
{
    size_t len = strlen(text);
    if (len < 2 || len > PDK_LOAD_PREFIX_MAX || text[0] != '/' || text[len - 1] == '/') {
        wrong("prefix", text, "a path below / of at most 400 bytes");
    }
    s->prefix = text;
    s->prefix_len = len;
}

static void take_option(struct pdk_load_settings *s, enum option_id id, const char *value)
{
    switch (id) {
    case OPT_SERVER: parse_server(s, value); break;
    case OPT_SERVER_PID: s->server_pid = (int)number("server-pid", value, 1, INT32_MAX); break;
    case OPT_CONNS: s->conns = (uint32_t)number("conns", value, 1, 100000); break;
    case OPT_DEPTH: s->depth = (uint32_t)number("depth", value, 1, 100000); break;
    case OPT_MIX: parse_mix(s, value); break;
    case OPT_SIZE: s->size_bytes = (uint32_t)number("size", value, 0, 1u << 24); break;
    case OPT_KEYS: s->keys = number("keys", value, 1, UINT64_C(1000000000)); break;
    case OPT_DIRS: s->dirs = (uint32_t)number("dirs", value, 0, 1000000); break;
    case OPT_PREFIX: parse_prefix(s, value); break;
    case OPT_RATE: s->rate = number("rate", value, 0, UINT64_C(100000000)); break;
    case OPT_SECONDS: s->duration_ns = seconds("seconds", value); break;
    case OPT_WARMUP: s->warmup_ns = seconds("warmup", value); break;
    case OPT_COUNT: s->count = number("count", value, 1, UINT64_MAX); break;
    case OPT_THREADS: s->threads = (uint32_t)number("threads", value, 1, 64); break;
    case OPT_TIMEOUT:
        s->session_timeout_ms = (int32_t)number("timeout", value, 1, INT32_MAX);
        break;
    case OPT_PATIENCE: s->patience_ns = seconds("patience", value); break;
    case OPT_SEED: s->seed = number("seed", value, 0, UINT64_MAX); break;
    case OPT_JSON: s->json = true; break;
    case OPT_HELP: fputs(usage, stdout); exit(0);
    }
}

static void parse(struct pdk_load_settings *s, int argc, char **argv)
{
    *s = (struct pdk_load_settings){
        .conns = 1,
        .depth = 1,
        .threads = 1,
        .percent = {[PDK_LOAD_GET] = 100},
        .size_bytes = 100,
        .keys = 1,
        .warmup_ns = PDK_LOAD_NS_PER_S,
        .duration_ns = 5 * PDK_LOAD_NS_PER_S,
        .session_timeout_ms = 30000,
        .patience_ns = 60 * PDK_LOAD_NS_PER_S,
        .seed = 1,
    };
    parse_server(s, "127.0.0.1:2181");
    parse_prefix(s, "/load");
    for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (id == '?') {
            fputs("Try paddock-load --help.\n", stderr);
            exit(2);
        }
        take_option(s, (enum option_id)id, optarg);
    }
    if (s->count > 0) s->warmup_ns = 0;
    if (s->threads > s->conns) s->threads = s->conns;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct pdk_load_settings *s);
    } modes[] = {{"run", pdk_load_run},
                 {"fill", pdk_load_fill},
                 {"fanout", pdk_load_fanout},
                 {"wait", pdk_load_wait}};
    struct pdk_load_settings s;
    parse(&s, argc, argv);
    for (size_t i = 0; optind == argc - 1 && i < PDK_COUNT_OF(modes); i++) {
        if (strcmp(argv[optind], modes[i].name) == 0) return modes[i].run(&s);
    }
    fputs(usage, stderr);
    return 2;
}
