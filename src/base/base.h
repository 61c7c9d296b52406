/* base/base.h - the few words that every file of Paddock uses.
 *
 * Pure: integers and memory; nothing of the system. */
#ifndef PDK_BASE_BASE_H
#define PDK_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GNU extensions of gcc 12 and clang 14, only ever used through these names. */
#define PDK_WARN_UNUSED __attribute__((warn_unused_result))
#define PDK_NORETURN __attribute__((noreturn))
#define PDK_PRINTF(format_index, first_arg) __attribute__((format(printf, format_index, first_arg)))
#define PDK_LIKELY(x) __builtin_expect(!!(x), 1)
#define PDK_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* The cache line at `ptr` will be wanted soon; any address is fine. */
#define PDK_PREFETCH(ptr) __builtin_prefetch(ptr)
/* Number of the lowest bit that is set in a uint64_t that is not 0. */
#define PDK_LOWEST_BIT(x) ((unsigned)__builtin_ctzll(x))

#define PDK_COUNT_OF(array) (sizeof(array) / sizeof *(array))
/* The struct of type `type` whose member `member` is at `ptr` (intrusive lists). */
#define PDK_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

typedef int64_t pdk_zxid;    /* epoch << 32 | counter; 0 = nothing yet */
typedef int64_t pdk_session; /* session id; 0 = none */

/* An operating error (disk, network, memory, malformed bytes): handled or passed up.
 * Protocol results (NoNode, ...) are `enum pdk_code` in proto/code.h and never mixed with these. */
enum pdk_err {
    PDK_OK = 0,
    PDK_ENOMEM,     /* no memory, or a stated limit reached; nothing has changed */
    PDK_EMALFORMED, /* bytes that do not follow their format */
    PDK_EIO,        /* the system refused: see the diag or errno-like detail */
    PDK_ENOSPC,     /* the disk is full */
    PDK_ENOENT,     /* no such file */
    PDK_EEXIST,     /* exists already */
    PDK_ECORRUPT,   /* a file's checksum, order or completeness is wrong */
    PDK_EINVAL,     /* a setting or argument from outside is not allowed */
    PDK_EBUSY,      /* somebody else holds it */
};

/* Short English word for an error ("out of memory"); never NULL. */
const char *pdk_err_name(enum pdk_err err);

/* One sentence for the operator: what failed, on which file or peer, what to do.
 * Start-up and tools fill it next to the error; truncated, always terminated. */
struct pdk_diag {
    char text[512];
};
void pdk_diag_set(struct pdk_diag *diag, const char *format, ...) PDK_PRINTF(2, 3);

/* ---- assertions ------------------------------------------------------------------------
 * PDK_ASSERT is always on: O(1) pre-, postconditions and invariants.  A failure is a
 * programmer's error: the process stops.  PDK_VERIFY walks whole structures and exists only in
 * test builds.  PDK_NEVER(x) marks a branch that only defends. */
PDK_NORETURN void pdk_assert_failed(const char *expr, const char *file, int line);
#define PDK_ASSERT(expr) (PDK_LIKELY(expr) ? (void)0 : pdk_assert_failed(#expr, __FILE__, __LINE__))
#define PDK_UNREACHABLE() pdk_assert_failed("unreachable", __FILE__, __LINE__)
#ifdef PDK_VERIFY_ON
#define PDK_VERIFY(expr) PDK_ASSERT(expr)
#else
#define PDK_VERIFY(expr) ((void)0)
#endif
#define PDK_NEVER(expr) PDK_UNLIKELY(expr)

/* Checked arithmetic on sizes: false on overflow, *out is unspecified then. */
static inline bool pdk_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool pdk_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline size_t pdk_min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t pdk_max_size(size_t a, size_t b) { return a > b ? a : b; }

/* ---- slices: borrowed bytes ---------------------------------------------------------------
 * A slice owns nothing; who makes it says how long it lives.  A jute null (length -1) is
 * distinct from empty. */
struct pdk_slice {
    const uint8_t *bytes;
    size_t len;
    bool is_null;
};

/* The slice of a NUL terminated string, without the NUL. */
struct pdk_slice pdk_slice_str(const char *text);
static inline struct pdk_slice pdk_slice_of(const void *bytes, size_t len)
{
    return (struct pdk_slice){.bytes = bytes, .len = len, .is_null = false};
}
static inline struct pdk_slice pdk_slice_null(void)
{
    return (struct pdk_slice){.bytes = NULL, .len = 0, .is_null = true};
}
/* Equal bytes; null equals only null. */
bool pdk_slice_eq(struct pdk_slice a, struct pdk_slice b);
bool pdk_slice_eq_str(struct pdk_slice a, const char *text);
bool pdk_slice_starts_with(struct pdk_slice text, struct pdk_slice prefix);

#endif
