#include "sim/fiber.h"

#include <stdlib.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#elif __has_feature(thread_sanitizer)
#define WITH_TSAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN
#elif defined(__SANITIZE_THREAD__)
#define WITH_TSAN
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* The store's calls are shallow, but sanitizers make frames large. */
#define STACK_BYTES ((size_t)512 * 1024)

struct pdk_fiber {
    ucontext_t own, resumer;
    pdk_fiber_main *main;
    void *ctx;
    struct pdk_fiber_pool *pool;
    void *stack;
    bool ended;
#ifdef WITH_ASAN
    const void *resumer_stack;
    size_t resumer_bytes;
#endif
#ifdef WITH_TSAN
    void *tsan_own, *tsan_resumer;
#endif
};

static void switch_to_resumer(struct pdk_fiber *f)
{
#ifdef WITH_ASAN
    void *fake = NULL;
    __sanitizer_start_switch_fiber(f->ended ? NULL : &fake, f->resumer_stack, f->resumer_bytes);
#endif
#ifdef WITH_TSAN
    __tsan_switch_to_fiber(f->tsan_resumer, 0);
#endif
    PDK_ASSERT(swapcontext(&f->own, &f->resumer) == 0);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake, &f->resumer_stack, &f->resumer_bytes);
#endif
}

/* makecontext hands over ints only: the pointer comes in two halves. */
static void enter(unsigned high, unsigned low)
{
    uintptr_t bits = ((uintptr_t)high << 32) | low;
    struct pdk_fiber *f = (struct pdk_fiber *)bits; // NOLINT
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &f->resumer_stack, &f->resumer_bytes);
#endif
    f->main(f->ctx);
    f->ended = true;
    switch_to_resumer(f);
    PDK_UNREACHABLE();
}

void pdk_fiber_pool_free(struct pdk_fiber_pool *pool)
{
    while (pool->count > 0) free(pool->stacks[--pool->count]);
}

struct pdk_fiber *pdk_fiber_create(struct pdk_fiber_pool *pool, pdk_fiber_main *main, void *ctx)
{
    struct pdk_fiber *f = calloc(1, sizeof *f);
    PDK_ASSERT(f != NULL);
    f->main = main;
    f->ctx = ctx;
    f->pool = pool;
    f->stack = pool->count > 0 ? pool->stacks[--pool->count] : malloc(STACK_BYTES);
    PDK_ASSERT(f->stack != NULL);
    PDK_ASSERT(getcontext(&f->own) == 0);
    f->own.uc_stack.ss_sp = f->stack;
    f->own.uc_stack.ss_size = STACK_BYTES;
    f->own.uc_link = NULL;
    uintptr_t bits = (uintptr_t)f;
    makecontext(&f->own, (void (*)(void))enter, 2, (unsigned)(bits >> 32), (unsigned)bits);
#ifdef WITH_TSAN
    f->tsan_own = __tsan_create_fiber(0);
#endif
    return f;
}

bool pdk_fiber_resume(struct pdk_fiber *f)
{
    PDK_ASSERT(!f->ended);
#ifdef WITH_ASAN
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, f->stack, STACK_BYTES);
#endif
#ifdef WITH_TSAN
    f->tsan_resumer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->tsan_own, 0);
#endif
    PDK_ASSERT(swapcontext(&f->resumer, &f->own) == 0);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    return !f->ended;
}

void pdk_fiber_yield(struct pdk_fiber *f) { switch_to_resumer(f); }

void pdk_fiber_destroy(struct pdk_fiber *f)
{
    if (f == NULL) return;
#ifdef WITH_TSAN
    __tsan_destroy_fiber(f->tsan_own);
#endif
#ifdef WITH_ASAN
    /* Frames that were never left. */
    __asan_unpoison_memory_region(f->stack, STACK_BYTES);
#endif
    if (f->pool->count < PDK_COUNT_OF(f->pool->stacks))
        f->pool->stacks[f->pool->count++] = f->stack;
    else
        free(f->stack);
    free(f);
}
