/* envi: Apache's keys with what there is of them without a JVM.
 *
 * Nothing here may wait for a name server: who we are comes from uname and /etc/passwd. */
#include "server/words_internal.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MIB ((int64_t)1 << 20)

static void put(struct pdk_buf *out, const char *key, const char *value)
{
    pdk_put_text(out, "%s=%s\n", key, value != NULL && *value != '\0' ? value : "<NA>");
}

/* Java's names of processors. */
static const char *arch_of(const char *machine)
{
    return strcmp(machine, "x86_64") == 0 ? "amd64" : machine;
}

static void put_user(struct pdk_buf *out)
{
    struct passwd entry, *found = NULL;
    char text[1024];
    FILE *file = fopen("/etc/passwd", "r");
    while (file != NULL && fgetpwent_r(file, &entry, text, sizeof text, &found) == 0) {
        if (entry.pw_uid == geteuid()) break;
        found = NULL;
    }
    put(out, "user.name", found != NULL ? entry.pw_name : NULL);
    put(out, "user.home", found != NULL ? entry.pw_dir : NULL);
    if (file != NULL) (void)fclose(file);
}

/* Pages of this process in memory; 0 when unknown. */
static int64_t resident_pages(void)
{
    int64_t size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &size, &resident) != 2) resident = 0;
    (void)fclose(file);
    return resident;
}

void pdk_words_environment(struct pdk_buf *out)
{
    static const char *const java[] = {"java.version",    "java.vendor",       "java.home",
                                       "java.class.path", "java.library.path", "java.io.tmpdir",
                                       "java.compiler"};
    struct utsname system;
    bool known = uname(&system) == 0;
    char here[4096];

    pdk_put_text(out, "Environment:\n");
    put(out, "zookeeper.version", pdk_version_text());
    put(out, "host.name", known ? system.nodename : NULL);
    for (size_t i = 0; i < PDK_COUNT_OF(java); i++) put(out, java[i], NULL);
    put(out, "os.name", known ? system.sysname : NULL);
    put(out, "os.arch", known ? arch_of(system.machine) : NULL);
    put(out, "os.version", known ? system.release : NULL);
    put_user(out);
    put(out, "user.dir", getcwd(here, sizeof here));
    /* Java speaks of its heap; here: what the machine has free, what it has, what we hold. */
    int64_t page = sysconf(_SC_PAGESIZE);
    pdk_put_text(out, "os.memory.free=%" PRId64 "MB\n", sysconf(_SC_AVPHYS_PAGES) * page / MIB);
    pdk_put_text(out, "os.memory.max=%" PRId64 "MB\n", sysconf(_SC_PHYS_PAGES) * page / MIB);
    pdk_put_text(out, "os.memory.total=%" PRId64 "MB\n", resident_pages() * page / MIB);
}
