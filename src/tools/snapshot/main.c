/* paddock-snapshot: shows and checks a snapshot file (Apache's or Paddock's). */
#include <stdio.h>
#include <string.h>

#include "shell/vfs_posix.h"
#include "tools/snapshot/print.h"

static const char help[] =
    "usage: paddock-snapshot [-d | --summary] FILE\n"
    "\n"
    "Shows every znode of a snapshot with its Stat, the sessions and a summary, and checks the\n"
    "file's checksums.  FILE is named snapshot.<zxid in hex>, with .gz or .snappy if compressed.\n"
    "\n"
    "  -d         with data, in base64\n"
    "  --summary  counts, sizes, digest and checksums only\n"
    "\n"
    "Exit codes: 0 good, 1 damaged or unreadable, 2 wrong arguments.\n";

int main(int argc, char **argv)
{
    enum pdk_print_what what = PDK_PRINT_ZNODES;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "-d") == 0) {
            what = PDK_PRINT_DATA;
        } else if (strcmp(argv[i], "--summary") == 0) {
            what = PDK_PRINT_SUMMARY;
        } else if (argv[i][0] == '-' || path != NULL) {
            (void)fprintf(stderr, "paddock-snapshot: %s? (see paddock-snapshot --help)\n", argv[i]);
            return 2;
        } else {
            path = argv[i];
        }
    }
    if (path == NULL) {
        (void)fputs(help, stderr);
        return 2;
    }
    struct pdk_diag diag;
    if (pdk_snapshot_print(pdk_vfs_posix(), path, what, stdout, &diag) == PDK_OK) return 0;
    (void)fflush(stdout);
    (void)fprintf(stderr, "paddock-snapshot: %s: %s\n", path, diag.text);
    return 1;
}
