#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shell/logsink.h"

static void read_lines(int fd, char *text, size_t cap)
{
    ssize_t n = read(fd, text, cap - 1);
    assert_true(n >= 0);
    text[n] = '\0';
}

static void expect_match(const char *text, const char *pattern)
{
    regex_t re;
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&re, text, 0, NULL, 0) != 0) fail_msg("\"%s\" does not match %s", text, pattern);
    regfree(&re);
}

static void a_line_has_time_level_and_text(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pdk_logsink sink;
    pdk_logsink_init(&sink, fds[1], PDK_LOG_INFO);
    pdk_log_write(&sink.log, PDK_LOG_INFO, "server.started port=%d", 2181);
    char text[4096];
    read_lines(fds[0], text, sizeof text);
    expect_match(text, "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\."
                       "[0-9]{3}Z info server\\.started port=2181\n$");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pdk_logsink sink;
    pdk_logsink_init(&sink, fds[1], PDK_LOG_WARN);
    pdk_log_write(&sink.log, PDK_LOG_INFO, "quiet");
    pdk_log_write(&sink.log, PDK_LOG_ERROR, "loud");
    char text[4096];
    read_lines(fds[0], text, sizeof text);
    expect_match(text, "^[^\n]*Z error loud\n$");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_long_line_is_cut_and_still_one_line(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pdk_logsink sink;
    pdk_logsink_init(&sink, fds[1], PDK_LOG_INFO);
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    pdk_log_write(&sink.log, PDK_LOG_INFO, "%s", big);
    char text[4096];
    read_lines(fds[0], text, sizeof text);
    expect_match(text, "^[^\n]*Z info x+\\.\\.\\.\n$");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_text),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(a_long_line_is_cut_and_still_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
