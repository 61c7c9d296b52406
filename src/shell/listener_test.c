#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "shell/listener.h"
#include "shell/portholder.h"

struct fixture {
    struct pdk_loop *loop;
    struct pdk_conns *conns;
    struct pdk_conn_handler handler;
    struct pdk_metrics metrics;
    struct pdk_listener *listener;
    char address[64]; /* of the last connection */
    int opened;
};

static bool on_admit(void *ctx, struct pdk_slice first)
{
    (void)ctx;
    return first.len > 0;
}
static void on_opened(void *ctx, uint32_t conn, struct pdk_slice address)
{
    (void)conn;
    struct fixture *f = ctx;
    f->opened++;
    size_t n = pdk_min_size(address.len, sizeof f->address - 1);
    memcpy(f->address, address.bytes, n);
    f->address[n] = '\0';
}
static void on_frame(void *ctx, uint32_t conn, struct pdk_slice body)
{
    (void)ctx;
    (void)conn;
    (void)body;
}
static void on_ahead(void *ctx, const struct pdk_slice *frames, size_t count)
{
    (void)ctx;
    assert_true(count >= 2 && count <= PDK_CONN_AHEAD_MAX);
    assert_non_null(frames[count - 1].bytes);
}

static void on_batch_end(void *ctx) { (void)ctx; }
static void on_closed(void *ctx, uint32_t conn)
{
    (void)ctx;
    (void)conn;
}

static struct fixture *create(const char *host, int32_t max_per_address)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->loop = pdk_loop_create(pdk_mem_heap());
    assert_non_null(f->loop);
    const struct pdk_conns_config conns = {.mem = pdk_mem_heap(),
                                           .frame_limit_bytes = 1000,
                                           .max_per_address = max_per_address,
                                           .sessionless_timeout_ms = 10000,
                                           .out_queue_bytes = 1 << 20,
                                           .large_threshold = -1,
                                           .metrics = &f->metrics};
    f->handler = (struct pdk_conn_handler){.ctx = f,
                                           .admit = on_admit,
                                           .opened = on_opened,
                                           .frame = on_frame,
                                           .ahead = on_ahead,
                                           .batch_end = on_batch_end,
                                           .closed = on_closed};
    f->conns = pdk_conns_create(&conns, f->loop, &f->handler);
    assert_non_null(f->conns);
    const struct pdk_listener_config config = {
        .mem = pdk_mem_heap(), .host = host, .backlog = -1, .metrics = &f->metrics};
    struct pdk_diag diag;
    assert_int_equal(pdk_listener_open(&config, f->loop, f->conns, &f->listener, &diag), PDK_OK);
    assert_true(pdk_listener_port(f->listener) > 0);
    return f;
}

static void destroy(struct fixture *f)
{
    pdk_listener_close(f->listener);
    pdk_conns_destroy(f->conns);
    pdk_loop_destroy(f->loop);
    free(f);
}

static void turn(struct fixture *f)
{
    assert_true(pdk_loop_wait(f->loop, 10000) > 0);
    pdk_loop_tell(f->loop);
    pdk_conns_turn(f->conns);
    pdk_listener_turn(f->listener, 1000);
}

/* Connects and sends a frame; the kernel completes both without us. */
static int connect_to(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)pdk_listener_port(f->listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, "\0\0\0\1x", 5, MSG_NOSIGNAL), 5);
    return fd;
}

static void a_client_is_accepted_with_its_address(void **state)
{
    (void)state;
    struct fixture *f = create("127.0.0.1", 0);
    assert_string_equal(pdk_listener_host(f->listener), "127.0.0.1");
    int fd = connect_to(f);
    while (f->opened == 0) turn(f);
    assert_string_equal(f->address, "127.0.0.1");
    (void)close(fd);
    destroy(f);
}

static void all_addresses_take_ipv4_and_name_it_plainly(void **state)
{
    (void)state;
    struct fixture *f = create("", 0);
    assert_string_equal(pdk_listener_host(f->listener), "*");
    int fd = connect_to(f);
    while (f->opened == 0) turn(f);
    assert_string_equal(f->address, "127.0.0.1");
    (void)close(fd);
    destroy(f);
}

static void a_client_over_the_limit_sees_the_end_at_once(void **state)
{
    (void)state;
    struct fixture *f = create("127.0.0.1", 2);
    int fds[3];
    for (int i = 0; i < 3; i++) fds[i] = connect_to(f);
    while (f->metrics.connection_rejected == 0 || f->opened < 2) turn(f);
    assert_int_equal(pdk_conns_count(f->conns), 2);
    char byte;
    assert_true(recv(fds[2], &byte, 1, 0) <= 0);
    for (int i = 0; i < 3; i++) (void)close(fds[i]);
    destroy(f);
}

static void a_client_that_closes_one_and_opens_another_stays_within_its_limit(void **state)
{
    (void)state;
    struct fixture *f = create("127.0.0.1", 1);
    for (int i = 0; i < 20; i++) {
        int fd = connect_to(f);
        while (f->opened == i) turn(f);
        (void)close(fd);
        /* The end and the next beginning may be told in one turn, in any order. */
    }
    assert_int_equal(f->metrics.connection_rejected, 0);
    destroy(f);
}

static void a_taken_port_is_told_and_its_holder_can_be_named(void **state)
{
    (void)state;
    struct fixture *f = create("127.0.0.1", 0);
    int32_t port = pdk_listener_port(f->listener);
    const struct pdk_listener_config config = {
        .mem = pdk_mem_heap(), .host = "127.0.0.1", .port = port, .metrics = &f->metrics};
    struct pdk_listener *second = NULL;
    struct pdk_diag diag = {0};
    assert_int_equal(pdk_listener_open(&config, f->loop, f->conns, &second, &diag), PDK_EBUSY);
    assert_non_null(strstr(diag.text, "Address already in use"));
    struct pdk_port_holder holder = pdk_port_holder_find(port);
    assert_true(holder.listening);
    assert_int_equal(holder.pid, getpid());
    assert_int_equal(holder.uid, getuid());
    assert_non_null(strstr(holder.command, "listener_test"));
    destroy(f);
    assert_false(pdk_port_holder_find(port).listening);
}

static void a_name_that_means_nothing_is_refused(void **state)
{
    (void)state;
    struct fixture *f = create("127.0.0.1", 0);
    const struct pdk_listener_config config = {
        .mem = pdk_mem_heap(), .host = "300.1.1.1.invalid", .metrics = &f->metrics};
    struct pdk_listener *second = NULL;
    struct pdk_diag diag = {0};
    assert_int_equal(pdk_listener_open(&config, f->loop, f->conns, &second, &diag), PDK_EINVAL);
    assert_non_null(strstr(diag.text, "clientPortAddress 300.1.1.1.invalid"));
    destroy(f);
}

static void without_descriptors_callers_are_turned_away_and_service_goes_on(void **state)
{
    (void)state;
    struct fixture *f = create("127.0.0.1", 0);
    int first = connect_to(f), second = connect_to(f);
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    /* Nothing above the highest descriptor in use can be opened. */
    struct rlimit now = {.rlim_cur = (rlim_t)second + 1, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    while (f->metrics.connection_rejected < 2) turn(f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    char byte;
    assert_true(recv(first, &byte, 1, 0) <= 0);
    assert_true(recv(second, &byte, 1, 0) <= 0);
    int third = connect_to(f);
    while (f->opened == 0) turn(f);
    (void)close(first);
    (void)close(second);
    (void)close(third);
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_accepted_with_its_address),
        cmocka_unit_test(all_addresses_take_ipv4_and_name_it_plainly),
        cmocka_unit_test(a_client_over_the_limit_sees_the_end_at_once),
        cmocka_unit_test(a_client_that_closes_one_and_opens_another_stays_within_its_limit),
        cmocka_unit_test(a_taken_port_is_told_and_its_holder_can_be_named),
        cmocka_unit_test(a_name_that_means_nothing_is_refused),
        cmocka_unit_test(without_descriptors_callers_are_turned_away_and_service_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
