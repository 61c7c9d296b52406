/* Where clients come in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/wire_internal.h"
#include "shell/portholder.h"

static void explain_taken_port(const struct server *s, int32_t port, const struct pdk_diag *diag)
{
    struct pdk_port_holder holder = pdk_port_holder_find(port);
    char who[256] = "another process";
    if (holder.pid > 0)
        (void)snprintf(who, sizeof who, "process %" PRId64 " (%s)", holder.pid, holder.command);
    else if (holder.listening)
        (void)snprintf(who, sizeof who, "a process of user id %" PRId64, holder.uid);
    pdk_log_write(s->log, PDK_LOG_ERROR,
                  "server.port_taken port=%" PRId32
                  " holder=\"%s\" why=\"%s\" exit=%d: stop it, or "
                  "choose another port: clientPort=N in the config file, or paddockd -D "
                  "clientPort=N ...",
                  port, who, diag->text, PDK_EXIT_UNEXPECTED);
}

static bool write_port_file(const struct server *s, int32_t port)
{
    const char *path = s->config->port_file;
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *f = fopen(temporary, "we");
    if (f == NULL) return false;
    bool good = fprintf(f, "%" PRId32 "\n", port) > 0;
    good = fclose(f) == 0 && good;
    return good && rename(temporary, path) == 0;
}

static enum pdk_err open_on(struct server *s, const struct pdk_address *where,
                            struct pdk_listener **out, struct pdk_diag *diag)
{
    const struct pdk_listener_config config = {
        .mem = s->mem,
        .log = s->log,
        .host = where->host,
        .port = where->port,
        .backlog = s->config->listen_backlog,
        .tcp_keepalive = s->config->tcp_keepalive,
        .metrics = &s->metrics,
    };
    return pdk_listener_open(&config, s->loop, s->conns, out, diag);
}

/* It listens: the operator and whoever waits for the port file are told. */
static bool tell_where(const struct server *s, struct pdk_diag *diag)
{
    int32_t port = pdk_listener_port(s->listener);
    if (s->config->port_file[0] != '\0' && !write_port_file(s, port)) {
        pdk_diag_set(diag, "cannot write paddock.portFile %s: %s", s->config->port_file,
                     strerror(errno));
        return false;
    }
    const char *host = pdk_listener_host(s->listener);
    const char *reach = strcmp(host, "*") == 0 ? "127.0.0.1" : host;
    pdk_log_write(s->log, PDK_LOG_INFO,
                  "server.listening address=%s:%" PRId32 " pid=%ld data=%s: try `echo srvr | nc %s "
                  "%" PRId32 "` or `zkCli.sh -server %s:%" PRId32 "`",
                  host, port, (long)getpid(), s->config->store.data_dir, reach, port, reach, port);
    return true;
}

static void remember(struct server *s, const struct pdk_address *where)
{
    (void)snprintf(s->client_host, sizeof s->client_host, "%s", where->host);
    s->client_port = where->port;
}

static int fail(const struct server *s, const char *event, const struct pdk_diag *diag)
{
    pdk_log_write(s->log, PDK_LOG_ERROR, "%s why=\"%s\" exit=%d", event, diag->text,
                  PDK_EXIT_UNEXPECTED);
    return PDK_EXIT_UNEXPECTED;
}

int pdk_server_open_listener(struct server *s)
{
    struct pdk_diag diag = {0};
    const struct pdk_address where = {s->config->listen_host, s->config->listen_port};
    enum pdk_err err = open_on(s, &where, &s->listener, &diag);
    if (err == PDK_EBUSY) {
        explain_taken_port(s, where.port, &diag);
        return PDK_EXIT_UNEXPECTED;
    }
    if (err != PDK_OK) return fail(s, "server.listen_failed", &diag);
    remember(s, &where);
    return tell_where(s, &diag) ? PDK_EXIT_OK : fail(s, "server.port_file", &diag);
}

void pdk_server_retire_listener(struct server *s)
{
    if (s->listener == NULL) return;
    PDK_ASSERT(s->retired_count < PDK_COUNT_OF(s->retired));
    s->retired[s->retired_count++] = s->listener;
    s->listener = NULL;
}

void pdk_server_close_retired(struct server *s)
{
    while (s->retired_count > 0) pdk_listener_close(s->retired[--s->retired_count]);
}

void pdk_server_move_listener(struct server *s, const struct pdk_address *where)
{
    bool same = where->port == s->client_port && strcmp(where->host, s->client_host) == 0;
    if (same || where->port <= 0 || s->listener == NULL || s->retired_count > 0) return;
    struct pdk_diag diag = {0};
    struct pdk_listener *moved = NULL;
    if (open_on(s, where, &moved, &diag) != PDK_OK) {
        pdk_log_write(s->log, PDK_LOG_ERROR,
                      "server.not_moved why=\"%s\": clients still come in at the old address; a "
                      "restart tries the new one",
                      diag.text);
        return;
    }
    pdk_server_retire_listener(s);
    s->listener = moved;
    remember(s, where);
    if (!tell_where(s, &diag))
        pdk_log_write(s->log, PDK_LOG_WARN, "server.port_file why=\"%s\"", diag.text);
}
