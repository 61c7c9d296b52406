/* A whole server in a child process, spoken to over a socket. */
#include "server/wire_testing.h"

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
