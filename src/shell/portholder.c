#include "shell/portholder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a

/* Looks for a listening socket of `port` in one of the kernel's tables. */
static bool find_socket(const char *table, int32_t port, unsigned long *inode, int64_t *uid)
{
    FILE *f = fopen(table, "re");
    if (f == NULL) return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        unsigned local_port = 0, state = 0, owner = 0;
        /* sl: local:port remote:port state queues timer retransmits uid timeout inode */
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %u %*s %lu",
                   &local_port, &state, &owner, inode) != 4)
            continue;
        found = state == STATE_LISTEN && local_port == (unsigned)port;
        if (found) *uid = owner;
    }
    (void)fclose(f);
    return found;
}

/* Has the process a descriptor whose link reads `wanted`? */
static bool holds(const char *pid, const char *wanted)
{
    char folder[64];
    (void)snprintf(folder, sizeof folder, "/proc/%.20s/fd", pid);
    DIR *fds = opendir(folder);
    if (fds == NULL) return false;
    bool found = false;
    for (struct dirent *e = readdir(fds); e != NULL && !found; e = readdir(fds)) {
        char target[64];
        ssize_t n = readlinkat(dirfd(fds), e->d_name, target, sizeof target - 1);
        if (n <= 0) continue;
        target[n] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    (void)closedir(fds);
    return found;
}

static void read_command(const char *pid, char *out, size_t cap)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL) return;
    size_t n = fread(out, 1, cap - 1, f);
    (void)fclose(f);
    while (n > 0 && out[n - 1] == '\0') n--;
    out[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (!isprint((unsigned char)out[i])) out[i] = ' ';
    }
}

struct pdk_port_holder pdk_port_holder_find(int32_t port)
{
    struct pdk_port_holder holder = {0};
    unsigned long inode = 0;
    holder.listening = find_socket("/proc/net/tcp", port, &inode, &holder.uid) ||
                       find_socket("/proc/net/tcp6", port, &inode, &holder.uid);
    if (!holder.listening) return holder;

    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *processes = opendir("/proc");
    if (processes == NULL) return holder;
    for (struct dirent *e = readdir(processes); e != NULL; e = readdir(processes)) {
        if (!isdigit((unsigned char)e->d_name[0]) || !holds(e->d_name, wanted)) continue;
        holder.pid = strtol(e->d_name, NULL, 10);
        read_command(e->d_name, holder.command, sizeof holder.command);
        break;
    }
    (void)closedir(processes);
    return holder;
}
