/* paddock-log: shows, checks and cuts transaction logs (Apache's or Paddock's). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/fs.h"
#include "core/store/logread.h"
#include "shell/vfs_posix.h"
#include "tools/log/cut.h"
#include "tools/log/text.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30) /* whatever jute.maxbuffer was */

static const char help[] =
    "usage: paddock-log [--check] FILE...\n"
    "       paddock-log --cut OFFSET FILE\n"
    "\n"
    "Shows each transaction of the log files on a line of its own, and how each file ends.\n"
    "\n"
    "  --check       only how many there are, from which zxid to which, and how the file ends\n"
    "  --cut OFFSET  gives up the record that begins at OFFSET and all that follow it, those in\n"
    "                later files of the folder too: the file is copied to saved.NAME, later files\n"
    "                are moved to saved.NAME, then the file is cut.  The server must be stopped.\n"
    "                A server that refuses to start names FILE and OFFSET.\n"
    "\n"
    "Exit codes: 0 done, 1 damage was found or something failed, 2 wrong arguments.\n";

struct summary {
    uint64_t count;
    pdk_zxid first, last;
};

static void print_txn(struct pdk_buf *line, const struct pdk_log_reader *r)
{
    pdk_buf_clear(line);
    pdk_txn_text(line, r->txn);
    (void)printf("%.*s\n", (int)line->len, (const char *)line->bytes);
}

/* False when the file is damaged. */
static bool print_end(const char *path, const struct summary *s, struct pdk_log_reader *r,
                      enum pdk_log_found found)
{
    if (s->count > 0)
        (void)printf("%s: %llu transactions, zxid 0x%llx to 0x%llx; ", path,
                     (unsigned long long)s->count, (unsigned long long)s->first,
                     (unsigned long long)s->last);
    else
        (void)printf("%s: no transaction; ", path);
    if (found == PDK_LOG_DAMAGED) {
        (void)printf("damaged at offset %lld: %s%s\n", (long long)r->offset,
                     pdk_log_damage_text(r->damage),
                     pdk_log_whole_record_follows(r, s->last) ? "; whole records follow"
                                                              : "; no whole record follows");
        return false;
    }
    bool zero = pdk_log_rest_is_zero(r);
    (void)printf("ends at offset %lld%s\n", (long long)r->offset,
                 zero ? "" : ", but something other than zeros follows");
    return zero;
}

static bool show(const char *path, bool only_check)
{
    struct pdk_diag diag;
    struct pdk_file file;
    struct pdk_file_source source;
    struct pdk_log_reader r;
    if (pdk_file_open(&file, pdk_vfs_posix(), path, PDK_VFS_READ, &diag) != PDK_OK) {
        (void)fprintf(stderr, "paddock-log: %s\n", diag.text);
        return false;
    }
    struct pdk_buf line;
    struct summary s = {0};
    enum pdk_log_found found;
    bool good = false;
    pdk_buf_init(&line, pdk_mem_heap(), SIZE_MAX);
    pdk_log_reader_init(&r, pdk_mem_heap(), pdk_source_of_file(&source, &file), RECORD_BYTES_MAX,
                        &diag);
    while ((found = pdk_log_reader_next(&r)) == PDK_LOG_RECORD) {
        if (s.count++ == 0) s.first = r.zxid;
        s.last = r.zxid;
        if (!only_check) print_txn(&line, &r);
    }
    if (found == PDK_LOG_UNREADABLE)
        (void)fprintf(stderr, "paddock-log: %s\n", diag.text);
    else
        good = print_end(path, &s, &r, found);
    pdk_log_reader_deinit(&r);
    pdk_buf_deinit(&line);
    pdk_file_close(&file);
    return good;
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    (void)puts(line);
}

static bool cut(const char *path, int64_t offset)
{
    struct pdk_path folder;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof folder.text) len = sizeof folder.text - 1;
    (void)snprintf(folder.text, sizeof folder.text, "%.*s", slash != NULL ? (int)len : 1,
                   slash != NULL ? path : ".");
    struct pdk_diag diag;
    struct pdk_cut_options options = {.mem = pdk_mem_heap(),
                                      .vfs = pdk_vfs_posix(),
                                      .folder = folder.text,
                                      .name = name,
                                      .offset = offset,
                                      .max_record_bytes = RECORD_BYTES_MAX,
                                      .say = say};
    if (pdk_log_cut(&options, &diag) == PDK_OK) return true;
    (void)fprintf(stderr, "paddock-log: %s\n", diag.text);
    return false;
}

static int wrong(const char *why)
{
    (void)fprintf(stderr, "paddock-log: %s (see paddock-log --help)\n", why);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs(help, stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        (void)fputs(help, stdout);
        return 0;
    }
    if (strcmp(argv[1], "--cut") == 0) {
        if (argc != 4) return wrong("--cut takes an offset and one file");
        char *end;
        errno = 0;
        long long offset = strtoll(argv[2], &end, 0);
        if (errno != 0 || *end != '\0' || end == argv[2] || offset < 0)
            return wrong("the offset is not a number");
        return cut(argv[3], offset) ? 0 : 1;
    }
    bool only_check = strcmp(argv[1], "--check") == 0;
    if (argv[1][0] == '-' && !only_check) return wrong("an unknown option");
    int first = only_check ? 2 : 1;
    if (first == argc) return wrong("which file?");
    bool good = true;
    for (int i = first; i < argc; i++) good = show(argv[i], only_check) && good;
    return good ? 0 : 1;
}
