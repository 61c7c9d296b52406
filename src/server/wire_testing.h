/* server/wire_testing.h - for tests: whole servers in child processes, spoken to over sockets. */
#ifndef PDK_SERVER_WIRE_TESTING_H
#define PDK_SERVER_WIRE_TESTING_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/reader.h"
#include "proto/code.h"
#include "proto/opcode.h"
#include "server/wire.h"
#include "shell/logsink.h"

#define MAX_DEFINES 8

struct fixture {
    char folder[64];
    const char *config_file; /* NULL: port and folder as arguments */
    const char *defines[MAX_DEFINES];
    size_t define_count;
    pid_t pid;
    FILE *lines; /* the server's log */
    char line[2048];
    uint16_t port;
};

static inline void run_child(const struct fixture *f, int log_fd, const char *port)
{
    struct pdk_logsink sink;
    pdk_logsink_init(&sink, log_fd, PDK_LOG_INFO);
    const char *args[] = {port, f->folder, "2000"};
    const bool by_file = f->config_file != NULL;
    const struct pdk_config_source source = {.args = by_file ? &f->config_file : args,
                                             .arg_count = by_file ? 1 : 3,
                                             .defines = f->defines,
                                             .define_count = f->define_count};
    struct pdk_config config;
    struct pdk_diag diag = {0};
    int code = PDK_EXIT_CONFIG;
    if (pdk_config_load(&config, &source, pdk_mem_heap(), &sink.log, &diag) == PDK_OK) {
        code = pdk_server_run(&config, &sink.log);
        pdk_config_deinit(&config);
    }
    exit(code); /* with the leak check of a sanitizer */
}

/* Starts a server; what it says can be read with expect_line. */
static inline void start(struct fixture *f, const char *port)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    (void)fflush(NULL);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        (void)close(fds[0]);
        run_child(f, fds[1], port);
    }
    (void)close(fds[1]);
    f->lines = fdopen(fds[0], "r");
    assert_non_null(f->lines);
}

/* Reads on until a line has `text`. */
static inline const char *expect_line(struct fixture *f, const char *text)
{
    while (fgets(f->line, sizeof f->line, f->lines) != NULL) {
        const char *found = strstr(f->line, text);
        if (found != NULL) return found;
    }
    fail_msg("the server never said \"%s\"", text);
    return NULL;
}

static inline void start_and_listen(struct fixture *f)
{
    start(f, "0");
    const char *at = expect_line(f, "server.listening address=127.0.0.1:");
    f->port = (uint16_t)strtoul(strchr(at, ':') + 1, NULL, 10);
    assert_true(f->port > 0);
}

static inline void expect_exit(struct fixture *f, int want)
{
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), want);
    (void)fclose(f->lines);
}

static inline void stop(struct fixture *f)
{
    assert_int_equal(kill(f->pid, SIGTERM), 0);
    expect_line(f, "server.stopped exit=0");
    expect_exit(f, PDK_EXIT_OK);
}

static inline void set_up(struct fixture *f)
{
    *f = (struct fixture){.folder = "/tmp/paddock-wire-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    f->defines[f->define_count++] = "clientPortAddress=127.0.0.1";
    f->defines[f->define_count++] = "preAllocSize=64";
}

static inline void tear_down(struct fixture *f)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
}

/* ---- a small client ------------------------------------------------------------------------ */
static inline int dial(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void send_all(int fd, const struct pdk_buf *b)
{
    assert_int_equal(send(fd, b->bytes, b->len, MSG_NOSIGNAL), (ssize_t)b->len);
}

/* False: the end. */
static inline bool receive(int fd, void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(fd, (uint8_t *)bytes + at, len - at, 0);
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

/* One frame; its body's length, or -1 at the end. */
static inline int32_t receive_frame(int fd, uint8_t *body, size_t cap)
{
    uint8_t head[4];
    if (!receive(fd, head, 4)) return -1;
    int32_t len = (int32_t)pdk_load_u32(head);
    assert_true(len >= 0 && (size_t)len <= cap);
    return receive(fd, body, (size_t)len) ? len : -1;
}

static inline int open_session(const struct fixture *f)
{
    int fd = dial(f);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1024);
    pdk_put_i32(&b, 44);
    pdk_put_i32(&b, 0);
    pdk_put_i64(&b, 0);
    pdk_put_i32(&b, 10000);
    pdk_put_i64(&b, 0);
    pdk_put_bytes(&b, pdk_slice_of("0123456789abcdef", 16));
    send_all(fd, &b);
    pdk_buf_deinit(&b);
    uint8_t body[64];
    assert_int_equal(receive_frame(fd, body, sizeof body), 36);
    assert_int_equal(pdk_load_u32(body + 4), 10000);
    return fd;
}

static inline void put_create(struct pdk_buf *b, int32_t xid, const char *path)
{
    size_t at = b->len;
    pdk_put_i32(b, 0);
    pdk_put_i32(b, xid);
    pdk_put_i32(b, PDK_OP_CREATE);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bytes(b, pdk_slice_str("data"));
    pdk_put_i32(b, 1);
    pdk_put_i32(b, PDK_PERM_ALL);
    pdk_put_bytes(b, pdk_slice_str("world"));
    pdk_put_bytes(b, pdk_slice_str("anyone"));
    pdk_put_i32(b, 0);
    pdk_buf_patch_i32(b, at, (int32_t)(b->len - at - 4));
}

static inline void put_path_request(struct pdk_buf *b, int32_t xid, int32_t op, const char *path)
{
    size_t at = b->len;
    pdk_put_i32(b, 0);
    pdk_put_i32(b, xid);
    pdk_put_i32(b, op);
    pdk_put_bytes(b, pdk_slice_str(path));
    pdk_put_bool(b, false);
    pdk_buf_patch_i32(b, at, (int32_t)(b->len - at - 4));
}

struct reply {
    int32_t xid, err;
};
static inline bool receive_reply(int fd, struct reply *reply)
{
    static uint8_t body[1 << 16];
    int32_t len = receive_frame(fd, body, sizeof body);
    if (len < 0) return false;
    assert_true(len >= 16);
    reply->xid = (int32_t)pdk_load_u32(body);
    reply->err = (int32_t)pdk_load_u32(body + 12);
    return true;
}

static inline int32_t ask(int fd, int32_t xid, int32_t op, const char *path)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 4096);
    if (op == PDK_OP_CREATE)
        put_create(&b, xid, path);
    else
        put_path_request(&b, xid, op, path);
    send_all(fd, &b);
    pdk_buf_deinit(&b);
    struct reply reply;
    assert_true(receive_reply(fd, &reply));
    assert_int_equal(reply.xid, xid);
    return reply.err;
}

#endif
