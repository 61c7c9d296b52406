/* paddock-purge DATALOGDIR [DATADIR] -n COUNT: removes old snapshots and logs.
 *
 * Behaves as Apache's PurgeTxnLog (admin.md section 6): the same arguments, texts and exit codes: 0
 * done, 1 bad arguments or failed.  The server may be running: what it uses is newer. */
#include "core/store/store.h"
#include "shell/vfs_posix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MIN 3

static int usage(void)
{
    (void)puts("Usage:\n"
               "PurgeTxnLog dataLogDir [snapDir] -n count\n"
               "\tdataLogDir -- path to the txn log directory\n"
               "\tsnapDir -- path to the snapshot directory\n"
               "\tcount -- the number of old snaps/logs you want to keep, value should be greater "
               "than or equal to 3");
    return EXIT_FAILURE;
}

static bool exists(const char *path)
{
    struct stat s;
    if (stat(path, &s) == 0) return true;
    (void)fprintf(stderr, "Path '%s' does not exist. \n", path);
    return false;
}

/* False after a sentence. */
static bool parse_count(const char *text, int *count)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value > 1000000000) {
        (void)fprintf(stderr, "'%s' can not be parsed to integer.\n", text);
        return false;
    }
    if (value < COUNT_MIN) {
        (void)fprintf(stderr, "count should be greater than or equal to 3\n");
        return false;
    }
    *count = (int)value;
    return true;
}

/* "Removing file: Nov 20, 2026, 12:10:22 PM<TAB>path", as Java's en_US locale has it. */
static void tell(void *ctx, const char *path)
{
    (void)ctx;
    struct stat s;
    struct tm tm;
    char month[16], half[8];
    if (stat(path, &s) != 0 || localtime_r(&s.st_mtime, &tm) == NULL) {
        (void)printf("Removing file: ?\t%s\n", path);
        return;
    }
    (void)strftime(month, sizeof month, "%b", &tm);
    (void)strftime(half, sizeof half, "%p", &tm);
    (void)printf("Removing file: %s %d, %d, %d:%02d:%02d %s\t%s\n", month, tm.tm_mday,
                 tm.tm_year + 1900, tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12, tm.tm_min,
                 tm.tm_sec, half, path);
}

static void print_line(void *ctx, enum pdk_log_level level, const char *text)
{
    (void)ctx;
    (void)fprintf(stderr, "%s %s\n", pdk_log_level_name(level), text);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) return usage();
    const char *log_dir = argv[1], *data_dir = argv[argc - 3];
    int count = 0;
    if (!exists(log_dir) || (argc == 5 && !exists(data_dir))) return usage();
    if (!parse_count(argv[argc - 1], &count)) return usage();
    if (strcmp(argv[argc - 2], "-n") != 0) return usage();

    const struct pdk_log log = {.level = PDK_LOG_WARN, .line = print_line};
    const struct pdk_store_config config = {.mem = pdk_mem_heap(),
                                            .data_dir = data_dir,
                                            .log_dir = log_dir,
                                            .max_record_bytes = (size_t)1 << 30,
                                            .digest_enabled = true,
                                            .log = &log};
    struct pdk_diag diag = {.text = ""};
    if (pdk_store_purge(&config, pdk_vfs_posix(), count, tell, NULL, &diag) == PDK_OK)
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    (void)fprintf(stderr, "paddock-purge: %s\n", diag.text);
    return EXIT_FAILURE;
}
