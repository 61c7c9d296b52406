#include <arpa/inet.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shell/loop.h"
#include "shell/resolver.h"

/* A name service that a test holds: "dead" means nothing, "slow" waits for `gate`, "many" has ten
 * addresses, anything else one more address each time it is asked. */
struct service {
    sem_t gate, entered, left;
    unsigned asked; /* the helper thread's until the test has seen the answer */
};

static void add(struct pdk_resolved *out, uint32_t last_byte)
{
    struct pdk_sockaddr *a = &out->addresses[out->count++];
    a->len = sizeof a->in;
    a->in = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(0x7f000000u + last_byte)};
}

static void lookup(void *ctx, struct pdk_resolved *out)
{
    struct service *s = ctx;
    if (strcmp(out->host, "dead") == 0) {
        (void)snprintf(out->why, sizeof out->why, "nobody knows it");
        return;
    }
    if (strcmp(out->host, "slow") == 0) {
        (void)sem_post(&s->entered);
        (void)sem_wait(&s->gate);
    }
    add(out, ++s->asked);
    (void)sem_post(&s->left);
}

struct fixture {
    struct service service;
    struct pdk_resolver *resolver;
    struct pdk_loop *loop;
    struct pdk_source source;
};

static void on_ready(struct pdk_source *self, uint32_t events)
{
    (void)self;
    (void)events;
}

static struct fixture *create(pdk_lookup with)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(sem_init(&f->service.gate, 0, 0), 0);
    assert_int_equal(sem_init(&f->service.entered, 0, 0), 0);
    assert_int_equal(sem_init(&f->service.left, 0, 0), 0);
    f->resolver = pdk_resolver_start(pdk_mem_heap(), with, &f->service);
    assert_non_null(f->resolver);
    f->loop = pdk_loop_create(pdk_mem_heap());
    assert_non_null(f->loop);
    f->source.ready = on_ready;
    assert_int_equal(
        pdk_loop_add(f->loop, pdk_resolver_fd(f->resolver), EPOLLIN | EPOLLET, &f->source), PDK_OK);
    return f;
}

static void destroy(struct fixture *f)
{
    pdk_resolver_stop(f->resolver);
    pdk_loop_destroy(f->loop);
    (void)sem_destroy(&f->service.gate);
    (void)sem_destroy(&f->service.entered);
    (void)sem_destroy(&f->service.left);
    free(f);
}

static struct pdk_resolved take(struct fixture *f)
{
    struct pdk_resolved out;
    while (!pdk_resolver_take(f->resolver, &out)) {
        assert_true(pdk_loop_wait(f->loop, 10000) > 0);
        pdk_loop_tell(f->loop);
    }
    return out;
}

static void expect(const struct pdk_resolved *got, const char *host, const char *address)
{
    char text[PDK_SOCKADDR_TEXT_BYTES];
    assert_string_equal(got->host, host);
    assert_int_equal(got->count, 1);
    assert_string_equal(pdk_sockaddr_text(&got->addresses[0], text), address);
}

static void each_question_is_asked_anew(void **state)
{
    (void)state;
    struct fixture *f = create(lookup);
    assert_int_equal(pdk_resolver_ask(f->resolver, "a"), PDK_OK);
    struct pdk_resolved got = take(f);
    expect(&got, "a", "127.0.0.1:0");
    assert_int_equal(pdk_resolver_ask(f->resolver, "a"), PDK_OK);
    got = take(f);
    expect(&got, "a", "127.0.0.2:0");
    destroy(f);
}

static void who_asks_meanwhile_shares_the_answer(void **state)
{
    (void)state;
    struct fixture *f = create(lookup);
    assert_int_equal(pdk_resolver_ask(f->resolver, "slow"), PDK_OK);
    assert_int_equal(pdk_resolver_ask(f->resolver, "slow"), PDK_OK);
    assert_int_equal(sem_post(&f->service.gate), 0);
    struct pdk_resolved got = take(f);
    expect(&got, "slow", "127.0.0.1:0");
    assert_int_equal(pdk_resolver_ask(f->resolver, "b"), PDK_OK);
    got = take(f);
    expect(&got, "b", "127.0.0.2:0"); /* "slow" was asked once */
    destroy(f);
}

static void the_last_good_answer_outlives_a_dead_service(void **state)
{
    (void)state;
    struct fixture *f = create(lookup);
    struct pdk_sockaddr last[PDK_RESOLVED_MAX];
    assert_int_equal(pdk_resolver_last(f->resolver, "slow", last), 0);
    assert_int_equal(sem_post(&f->service.gate), 0);
    assert_int_equal(pdk_resolver_ask(f->resolver, "slow"), PDK_OK);
    (void)take(f);
    assert_int_equal(pdk_resolver_ask(f->resolver, "slow"), PDK_OK); /* hangs */
    assert_int_equal(pdk_resolver_last(f->resolver, "slow", last), 1);
    char text[PDK_SOCKADDR_TEXT_BYTES];
    assert_string_equal(pdk_sockaddr_text(&last[0], text), "127.0.0.1:0");

    assert_int_equal(pdk_resolver_ask(f->resolver, "dead"), PDK_OK);
    assert_int_equal(sem_post(&f->service.gate), 0);
    (void)take(f);
    struct pdk_resolved got = take(f);
    assert_string_equal(got.host, "dead");
    assert_int_equal(got.count, 0);
    assert_string_equal(got.why, "nobody knows it");
    destroy(f);
}

static void too_many_and_too_long_names_are_refused(void **state)
{
    (void)state;
    struct fixture *f = create(lookup);
    assert_int_equal(pdk_resolver_ask(f->resolver, "slow"), PDK_OK);
    assert_int_equal(sem_wait(&f->service.entered), 0);
    char name[PDK_HOST_BYTES + 1];
    for (int i = 1; i < PDK_RESOLVER_QUEUE; i++) {
        (void)snprintf(name, sizeof name, "name%d", i);
        assert_int_equal(pdk_resolver_ask(f->resolver, name), PDK_OK);
    }
    assert_int_equal(pdk_resolver_ask(f->resolver, "one_more"), PDK_EBUSY);
    assert_int_equal(pdk_resolver_ask(f->resolver, "name7"), PDK_OK); /* is asked for already */
    memset(name, 'x', PDK_HOST_BYTES);
    name[PDK_HOST_BYTES] = '\0';
    assert_int_equal(pdk_resolver_ask(f->resolver, name), PDK_EINVAL);
    assert_int_equal(sem_post(&f->service.gate), 0);
    for (int i = 0; i < PDK_RESOLVER_QUEUE; i++) (void)take(f);
    destroy(f);
}

static void old_names_are_forgotten(void **state)
{
    (void)state;
    struct fixture *f = create(lookup);
    char name[32];
    for (int i = 0; i <= PDK_RESOLVER_NAMES; i++) {
        (void)snprintf(name, sizeof name, "name%d", i);
        assert_int_equal(pdk_resolver_ask(f->resolver, name), PDK_OK);
        (void)take(f);
    }
    struct pdk_sockaddr last[PDK_RESOLVED_MAX];
    assert_int_equal(pdk_resolver_last(f->resolver, "name0", last), 0);
    assert_int_equal(pdk_resolver_last(f->resolver, "name1", last), 1);
    destroy(f);
}

static void stopping_waits_for_no_answer(void **state)
{
    (void)state;
    struct fixture *f = create(lookup);
    assert_int_equal(pdk_resolver_ask(f->resolver, "slow"), PDK_OK);
    assert_int_equal(sem_wait(&f->service.entered), 0);
    pdk_resolver_stop(f->resolver); /* would wait for ever */
    f->resolver = NULL;
    assert_int_equal(sem_post(&f->service.gate), 0);
    assert_int_equal(sem_wait(&f->service.left), 0); /* the thread is about to go */
    destroy(f);
}

static void the_system_knows_this_machine(void **state)
{
    (void)state;
    struct fixture *f = create(NULL);
    assert_int_equal(pdk_resolver_ask(f->resolver, "localhost"), PDK_OK);
    struct pdk_resolved got = take(f);
    assert_true(got.count > 0);
    assert_int_equal(pdk_resolver_ask(f->resolver, "no such name!"), PDK_OK);
    got = take(f);
    assert_int_equal(got.count, 0);
    assert_true(got.why[0] != '\0');
    destroy(f);
}

static void literals_need_no_service(void **state)
{
    (void)state;
    struct pdk_sockaddr a;
    char text[PDK_SOCKADDR_TEXT_BYTES];
    assert_true(pdk_sockaddr_literal("10.1.2.3", 65535, &a));
    assert_string_equal(pdk_sockaddr_text(&a, text), "10.1.2.3:65535");
    assert_true(pdk_sockaddr_literal("::1", 2888, &a));
    assert_string_equal(pdk_sockaddr_text(&a, text), "[::1]:2888");
    assert_int_equal(pdk_sockaddr_port(&a), 2888);
    assert_false(pdk_sockaddr_literal("", 1, &a));
    assert_false(pdk_sockaddr_literal("localhost", 1, &a));
    assert_false(pdk_sockaddr_literal("[::1]", 1, &a));
    a.len = 0;
    assert_string_equal(pdk_sockaddr_text(&a, text), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_question_is_asked_anew),
        cmocka_unit_test(who_asks_meanwhile_shares_the_answer),
        cmocka_unit_test(the_last_good_answer_outlives_a_dead_service),
        cmocka_unit_test(too_many_and_too_long_names_are_refused),
        cmocka_unit_test(old_names_are_forgotten),
        cmocka_unit_test(stopping_waits_for_no_answer),
        cmocka_unit_test(the_system_knows_this_machine),
        cmocka_unit_test(literals_need_no_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
