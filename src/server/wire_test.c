/* A whole server in a child process, spoken to over a socket. */
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
    const char *defines[MAX_DEFINES];
    size_t define_count;
    pid_t pid;
    FILE *lines; /* the server's log */
    char line[2048];
    uint16_t port;
};

static void run_child(const struct fixture *f, int log_fd, const char *port)
{
    struct pdk_logsink sink;
    pdk_logsink_init(&sink, log_fd, PDK_LOG_INFO);
    const char *args[] = {port, f->folder, "2000"};
    const struct pdk_config_source source = {
        .args = args, .arg_count = 3, .defines = f->defines, .define_count = f->define_count};
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
static void start(struct fixture *f, const char *port)
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
static const char *expect_line(struct fixture *f, const char *text)
{
    while (fgets(f->line, sizeof f->line, f->lines) != NULL) {
        const char *found = strstr(f->line, text);
        if (found != NULL) return found;
    }
    fail_msg("the server never said \"%s\"", text);
    return NULL;
}

static void start_and_listen(struct fixture *f)
{
    start(f, "0");
    const char *at = expect_line(f, "server.listening address=127.0.0.1:");
    f->port = (uint16_t)atoi(strchr(at, ':') + 1);
    assert_true(f->port > 0);
}

static void expect_exit(struct fixture *f, int want)
{
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), want);
    (void)fclose(f->lines);
}

static void stop(struct fixture *f)
{
    assert_int_equal(kill(f->pid, SIGTERM), 0);
    expect_line(f, "server.stopped exit=0");
    expect_exit(f, PDK_EXIT_OK);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.folder = "/tmp/paddock-wire-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    f->defines[f->define_count++] = "clientPortAddress=127.0.0.1";
    f->defines[f->define_count++] = "preAllocSize=64";
}

static void tear_down(struct fixture *f)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
}

/* ---- a small client ------------------------------------------------------------------------ */
static int dial(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void send_all(int fd, const struct pdk_buf *b)
{
    assert_int_equal(send(fd, b->bytes, b->len, MSG_NOSIGNAL), (ssize_t)b->len);
}

/* False: the end. */
static bool receive(int fd, void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(fd, (uint8_t *)bytes + at, len - at, 0);
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

/* One frame; its body's length, or -1 at the end. */
static int32_t receive_frame(int fd, uint8_t *body, size_t cap)
{
    uint8_t head[4];
    if (!receive(fd, head, 4)) return -1;
    int32_t len = (int32_t)pdk_load_u32(head);
    assert_true(len >= 0 && (size_t)len <= cap);
    return receive(fd, body, (size_t)len) ? len : -1;
}

static int open_session(const struct fixture *f)
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

static void put_create(struct pdk_buf *b, int32_t xid, const char *path)
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

static void put_path_request(struct pdk_buf *b, int32_t xid, int32_t op, const char *path)
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
static bool receive_reply(int fd, struct reply *reply)
{
    static uint8_t body[1 << 16];
    int32_t len = receive_frame(fd, body, sizeof body);
    if (len < 0) return false;
    assert_true(len >= 16);
    reply->xid = (int32_t)pdk_load_u32(body);
    reply->err = (int32_t)pdk_load_u32(body + 12);
    return true;
}

static int32_t ask(int fd, int32_t xid, int32_t op, const char *path)
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

/* ---- tests --------------------------------------------------------------------------------- */
static void what_was_acknowledged_is_there_after_a_restart(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    start_and_listen(&f);
    int fd = open_session(&f);
    assert_int_equal(ask(fd, 1, PDK_OP_CREATE, "/kept"), PDK_CODE_OK);
    (void)close(fd);
    stop(&f);

    start_and_listen(&f);
    fd = open_session(&f);
    assert_int_equal(ask(fd, 1, PDK_OP_EXISTS, "/kept"), PDK_CODE_OK);
    assert_int_equal(ask(fd, 2, PDK_OP_EXISTS, "/never"), PDK_CODE_NO_NODE);
    (void)close(fd);
    stop(&f);
    tear_down(&f);
}

static void a_stop_answers_what_it_has_taken_and_keeps_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    start_and_listen(&f);
    int fd = open_session(&f);
    enum { COUNT = 500 };
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1 << 20);
    for (int32_t i = 1; i <= COUNT; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/n%d", i);
        put_create(&b, i, path);
    }
    send_all(fd, &b);
    pdk_buf_deinit(&b);
    struct reply reply;
    int32_t answered = 0;
    assert_true(receive_reply(fd, &reply));
    answered = reply.xid;
    assert_int_equal(answered, 1);
    assert_int_equal(kill(f.pid, SIGTERM), 0);
    while (receive_reply(fd, &reply)) {
        assert_int_equal(reply.xid, ++answered);
        assert_int_equal(reply.err, PDK_CODE_OK);
    }
    (void)close(fd);
    expect_line(&f, "server.stopped exit=0");
    expect_exit(&f, PDK_EXIT_OK);

    start_and_listen(&f);
    fd = open_session(&f);
    for (int32_t i = 1; i <= COUNT; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/n%d", i);
        int32_t err = ask(fd, i, PDK_OP_EXISTS, path);
        /* A clean stop leaves no request half way: answered or never taken. */
        assert_int_equal(err, i <= answered ? PDK_CODE_OK : PDK_CODE_NO_NODE);
    }
    (void)close(fd);
    stop(&f);
    tear_down(&f);
}

static void a_second_server_on_the_same_folder_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    start_and_listen(&f);
    struct fixture second = f;
    start(&second, "0");
    expect_line(&second, "error store.open_failed why=\"another server");
    expect_exit(&second, PDK_EXIT_DATA_DIR);
    stop(&f);
    tear_down(&f);
}

static void a_taken_port_names_its_holder_and_the_way_out(void **state)
{
    (void)state;
    struct fixture f, second;
    set_up(&f);
    set_up(&second);
    start_and_listen(&f);
    char port[16];
    (void)snprintf(port, sizeof port, "%u", f.port);
    start(&second, port);
    const char *line = expect_line(&second, "error server.port_taken port=");
    char holder[64];
    (void)snprintf(holder, sizeof holder, "holder=\"process %ld (", (long)f.pid);
    assert_non_null(strstr(line, holder));
    assert_non_null(strstr(line, "clientPort=N"));
    expect_exit(&second, PDK_EXIT_UNEXPECTED);
    stop(&f);
    tear_down(&f);
    tear_down(&second);
}

static void the_port_in_use_can_be_read_from_a_file(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    char define[128], path[96], text[32] = "";
    (void)snprintf(path, sizeof path, "%s/port", f.folder);
    (void)snprintf(define, sizeof define, "paddock.portFile=%s", path);
    f.defines[f.define_count++] = define;
    start_and_listen(&f);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_int_equal(atoi(text), f.port);
    stop(&f);
    tear_down(&f);
}

static void read_text(int fd, char *text, size_t cap)
{
    size_t got = 0;
    for (ssize_t n = 1; n > 0 && got < cap - 1; got += (size_t)n) {
        n = recv(fd, text + got, cap - 1 - got, 0);
        assert_true(n >= 0);
    }
    text[got] = '\0';
}

static void words_are_answered_as_the_whitelist_allows(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.defines[f.define_count++] = "4lw.commands.whitelist=ruok";
    start_and_listen(&f);
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"ruok", "imok"},
        {"mntr", "mntr is not executed because it is not in the whitelist.\n"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(cases); i++) {
        int fd = dial(&f);
        assert_int_equal(send(fd, cases[i].word, 4, MSG_NOSIGNAL), 4);
        char text[256];
        read_text(fd, text, sizeof text);
        assert_string_equal(text, cases[i].want);
        (void)close(fd);
    }
    stop(&f);
    tear_down(&f);
}

static void an_oversized_request_is_answered_in_order_when_that_is_wanted(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.defines[f.define_count++] = "jute.maxbuffer=2000";
    f.defines[f.define_count++] = "paddock.oversize=error";
    start_and_listen(&f);
    int fd = open_session(&f);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1 << 20);
    put_create(&b, 1, "/small");
    size_t at = b.len;
    put_create(&b, 2, "/large");
    uint8_t *padding = pdk_buf_add(&b, 10000);
    assert_non_null(padding);
    memset(padding, 0, 10000);
    pdk_buf_patch_i32(&b, at, (int32_t)(b.len - at - 4));
    put_path_request(&b, 3, PDK_OP_EXISTS, "/large");
    send_all(fd, &b);
    pdk_buf_deinit(&b);
    static const int32_t want[] = {PDK_CODE_OK, PDK_CODE_MARSHALLING_ERROR, PDK_CODE_NO_NODE};
    for (int32_t i = 0; i < 3; i++) {
        struct reply reply;
        assert_true(receive_reply(fd, &reply));
        assert_int_equal(reply.xid, i + 1);
        assert_int_equal(reply.err, want[i]);
    }
    const char *line = expect_line(&f, "warn request.too_long session=0x1");
    assert_non_null(strstr(line, "op=create path=/large bytes=10"));
    assert_non_null(strstr(line, "limit=2000 action=answer"));
    (void)close(fd);
    stop(&f);
    tear_down(&f);
}

static void a_second_signal_ends_a_stop_that_waits_for_a_client(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.defines[f.define_count++] = "nio.shutdownTimeout=100000000";
    start_and_listen(&f);
    int fd = open_session(&f);
    assert_int_equal(ask(fd, 1, PDK_OP_CREATE, "/a"), PDK_CODE_OK);
    /* More answers than sockets hold, and nobody reads them. */
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 64 << 20);
    for (int32_t i = 0; i < 300000; i++) put_path_request(&b, i, PDK_OP_GET_DATA, "/a");
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(fd, b.bytes + at, b.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) break; /* the server has stopped reading */
        at += (size_t)n;
    }
    pdk_buf_deinit(&b);
    uint8_t byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_PEEK), 1);
    assert_int_equal(kill(f.pid, SIGTERM), 0);
    expect_line(&f, "server.stopping signal=TERM");
    assert_int_equal(kill(f.pid, SIGINT), 0);
    int status = 0;
    assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
    (void)fclose(f.lines);
    (void)close(fd);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_is_there_after_a_restart),
        cmocka_unit_test(a_stop_answers_what_it_has_taken_and_keeps_it),
        cmocka_unit_test(a_second_server_on_the_same_folder_is_refused),
        cmocka_unit_test(a_taken_port_names_its_holder_and_the_way_out),
        cmocka_unit_test(the_port_in_use_can_be_read_from_a_file),
        cmocka_unit_test(words_are_answered_as_the_whitelist_allows),
        cmocka_unit_test(an_oversized_request_is_answered_in_order_when_that_is_wanted),
        cmocka_unit_test(a_second_signal_ends_a_stop_that_waits_for_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
