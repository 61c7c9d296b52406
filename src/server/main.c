/* paddockd: reads its command line and config, then serves (server/wire.h). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/config.h"
#include "server/wire.h"
#include "server/words.h"
#include "shell/logsink.h"

#define MAX_DEFINES 256
#define MAX_ARGS 4

static const char usage[] =
    "usage: paddockd [-D key=value]... [CONFIG]\n"
    "       paddockd [-D key=value]... PORT DATADIR [TICKTIME [MAXCLIENTCNXNS]]\n"
    "\n"
    "Serves ZooKeeper's protocol in the foreground; CONFIG is a zoo.cfg.  Without arguments:\n"
    "127.0.0.1:2181, data in ./data, tickTime 2000.\n"
    "\n"
    "  -D key=value    a setting, as from the config file; wins over it\n"
    "  --help-config   every setting, its default and what it does\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 stopped by a signal; 1 unexpected (port taken, ...); 2 bad arguments or "
    "config;\n"
    "3 data directory not accessible or in use; 10 snapshot or log damaged, or the disk failed;\n"
    "14 the port for elections or for learners is taken.\n";

struct command_line {
    const char *args[MAX_ARGS];
    size_t arg_count;
    const char *defines[MAX_DEFINES];
    size_t define_count;
    bool help, help_config, version;
};

/* False: `why` names the argument that is wrong. */
static bool parse(int argc, char **argv, struct command_line *line, const char **why)
{
    bool options = true;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        *why = arg;
        if (!options || arg[0] != '-' || arg[1] == '\0') {
            if (line->arg_count == MAX_ARGS) return false;
            line->args[line->arg_count++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            options = false;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            line->help = true;
        } else if (strcmp(arg, "--help-config") == 0) {
            line->help_config = true;
        } else if (strcmp(arg, "--version") == 0) {
            line->version = true;
        } else if (strncmp(arg, "-D", 2) == 0) {
            const char *define = arg[2] != '\0' ? arg + 2 : i + 1 < argc ? argv[++i] : NULL;
            if (define == NULL || line->define_count == MAX_DEFINES) return false;
            line->defines[line->define_count++] = define;
        } else {
            return false;
        }
    }
    return true;
}

static int print_config_help(void)
{
    struct pdk_buf text;
    pdk_buf_init(&text, pdk_mem_heap(), SIZE_MAX);
    pdk_config_put_help(&text);
    bool good = !text.failed && fwrite(text.bytes, 1, text.len, stdout) == text.len;
    pdk_buf_deinit(&text);
    return good && fflush(stdout) == 0 ? PDK_EXIT_OK : PDK_EXIT_UNEXPECTED;
}

int main(int argc, char **argv)
{
    struct command_line line = {0};
    const char *wrong = "";
    if (!parse(argc, argv, &line, &wrong)) {
        (void)fprintf(stderr, "paddockd: cannot make sense of %s\n%s", wrong, usage);
        return PDK_EXIT_CONFIG;
    }
    if (line.help) return fputs(usage, stdout) >= 0 ? PDK_EXIT_OK : PDK_EXIT_UNEXPECTED;
    if (line.version)
        return printf("paddockd %s\n", pdk_version_text()) > 0 ? PDK_EXIT_OK : PDK_EXIT_UNEXPECTED;
    if (line.help_config) return print_config_help();

    struct pdk_logsink sink;
    pdk_logsink_init(&sink, STDERR_FILENO, PDK_LOG_INFO);
    const struct pdk_config_source source = {.args = line.args,
                                             .arg_count = line.arg_count,
                                             .defines = line.defines,
                                             .define_count = line.define_count};
    struct pdk_config config;
    struct pdk_diag diag = {0};
    if (pdk_config_load(&config, &source, pdk_mem_heap(), &sink.log, &diag) != PDK_OK) {
        pdk_log_write(&sink.log, PDK_LOG_ERROR, "config.refused why=\"%s\" exit=%d", diag.text,
                      PDK_EXIT_CONFIG);
        return PDK_EXIT_CONFIG;
    }
    sink.log.level = config.log_level;
    int code = pdk_server_run(&config, &sink.log);
    pdk_config_deinit(&config);
    return code;
}
