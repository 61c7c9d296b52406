#include "proto/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Judges a copy that ends where the path does, so that ASan sees every read beyond. */
static bool check_bytes(const void *bytes, size_t len, struct pdk_path_fault *fault,
                        bool sequential)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    struct pdk_slice path = pdk_slice_of(copy, len);
    bool ok = sequential ? pdk_path_check_sequential(path, fault) : pdk_path_check(path, fault);
    if (!sequential) assert_true(pdk_path_valid(path) == ok);
    free(copy);
    return ok;
}

static bool valid(const char *path)
{
    struct pdk_path_fault fault;
    return check_bytes(path, strlen(path), &fault, false);
}

static void ordinary_paths_are_valid(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/",          "/a",
        "/a/b/c",     "/.a",
        "/a.",        "/...",
        "/a..b/..c",  "/ a b ",
        "/~!@",       "/\"",
        "/\xc3\xa9",  "/\xe6\x97\xa5/x",
        "/a.b/.../c", "/zookeeper/quota",
    };
    for (size_t i = 0; i < PDK_COUNT_OF(good); i++) {
        if (!valid(good[i])) fail_msg("refused: %s", good[i]);
    }
}

static void bad_paths_are_refused_with_place_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t at;
        const char *text;
    } bad[] = {
        {"", 0, "empty"},
        {"a", 0, "does not start with /"},
        {"a/b", 0, "does not start with /"},
        {"/a/", 2, "ends with /"},
        {"//", 1, "empty component"},
        {"/a//b", 3, "empty component"},
        {"/.", 1, "relative component"},
        {"/..", 1, "relative component"},
        {"/a/./b", 3, "relative component"},
        {"/a/../b", 3, "relative component"},
        {"/a/..", 3, "relative component"},
        {"/a\x01", 2, "character that is not allowed"},
        {"/a\x1f/b", 2, "character that is not allowed"},
        {"/\x7f", 1, "character that is not allowed"},
        {"/a\xc2\x80", 2, "character that is not allowed"},
        {"/a\xff", 2, "bytes that are not UTF-8"},
        {"/a\xc3", 2, "bytes that are not UTF-8"},
        {"/a\xc3/", 2, "bytes that are not UTF-8"},
        {"/\xf0\x9f\x98\x80", 1, "character beyond U+FFFF"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(bad); i++) {
        struct pdk_path_fault fault = {99, "none"};
        if (check_bytes(bad[i].path, strlen(bad[i].path), &fault, false))
            fail_msg("accepted: %s", bad[i].path);
        assert_string_equal(fault.text, bad[i].text);
        assert_int_equal(fault.at, bad[i].at);
    }
    struct pdk_path_fault fault;
    assert_false(pdk_path_check(pdk_slice_null(), &fault));
    assert_string_equal(fault.text, "null");
    assert_false(pdk_path_valid(pdk_slice_null()));
}

/* The rule of the data model, by code unit. */
static bool allowed_char(uint32_t c)
{
    if (c > 0xffff) return false;
    return !(c <= 0x1f || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0);
}

/* Encodes as UTF-8 does, surrogates and all. */
static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(c | (0xf0u << (4 - len) & 0xffu));
    return len;
}

static void every_character_is_judged_by_the_rule(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint8_t path[8] = {'/', 'x'};
        size_t len = 2 + encode(c, path + 2);
        path[len++] = 'y';
        if (pdk_path_valid(pdk_slice_of(path, len)) != allowed_char(c))
            fail_msg("wrong about U+%04X", c);
    }
}

/* Every way to follow a byte beyond ASCII with two others: valid only if it is the canonical
 * encoding of allowed characters. */
static void every_byte_triple_is_valid_only_in_its_canonical_form(void **state)
{
    (void)state;
    for (uint32_t n = 0x800000; n <= 0xffffff; n++) {
        const uint8_t path[4] = {'/', (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        uint8_t want[4];
        bool ok = false;
        uint32_t two = (path[1] & 0x1fu) << 6 | (path[2] & 0x3fu);
        uint32_t three = (path[1] & 0xfu) << 12 | (path[2] & 0x3fu) << 6 | (path[3] & 0x3fu);
        if (encode(two, want) == 2 && memcmp(want, path + 1, 2) == 0)
            ok = allowed_char(two) && path[3] < 0x80 && path[3] != '/' && allowed_char(path[3]);
        else if (encode(three, want) == 3 && memcmp(want, path + 1, 3) == 0)
            ok = allowed_char(three);
        if (pdk_path_valid(pdk_slice_of(path, 4)) != ok) fail_msg("wrong about bytes %06x", n);
    }
}

static void a_cut_or_flipped_path_never_reads_beyond_its_end(void **state)
{
    (void)state;
    static const uint8_t path[] = "/a/\xc3\xa9t\xc3\xa9/\xe6\x97\xa5.x/...";
    struct pdk_path_fault fault;
    uint8_t copy[sizeof path - 1];
    for (size_t len = 0; len < sizeof path; len++) {
        (void)check_bytes(path, len, &fault, false);
        (void)check_bytes(path, len, &fault, true);
    }
    memcpy(copy, path, sizeof copy);
    for (size_t bit = 0; bit < 8 * sizeof copy; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!check_bytes(copy, sizeof copy, &fault, false)) assert_true(fault.at < sizeof copy);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_sequential_path_is_judged_as_if_a_digit_followed(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",     "a",      "/",     "//",        "/a",           "/a/",  "/a//",
        "/.",   "/..",    "/a/.",  "/a/..",     "/./a",         "/../", "/a/./",
        "/...", "/a\x01", "/\xc3", "/\xc3\xa9", "/a/\xc3\xa9/",
    };
    for (size_t i = 0; i < PDK_COUNT_OF(paths); i++) {
        char with_digit[16];
        struct pdk_path_fault fault;
        size_t len = strlen(paths[i]);
        memcpy(with_digit, paths[i], len);
        memcpy(with_digit + len, "1", 2);
        if (check_bytes(paths[i], len, &fault, true) != valid(with_digit))
            fail_msg("wrong about '%s'", paths[i]);
    }
}

static void parent_and_last_are_cut_at_the_last_slash(void **state)
{
    (void)state;
    static const struct {
        const char *path, *parent, *last;
    } want[] = {
        {"/a", "", "a"}, {"/a/b", "/a", "b"}, {"/a/b/c", "/a/b", "c"},
        {"/", "", ""},   {"/a/", "/a", ""},   {"a", "", "a"},
        {"", "", ""},    {"a/b", "a", "b"},   {"/a//b", "/a/", "b"},
    };
    for (size_t i = 0; i < PDK_COUNT_OF(want); i++) {
        struct pdk_slice path = pdk_slice_str(want[i].path);
        assert_true(pdk_slice_eq_str(pdk_path_parent(path), want[i].parent));
        assert_true(pdk_slice_eq_str(pdk_path_last(path), want[i].last));
    }
    assert_int_equal(pdk_path_parent(pdk_slice_null()).len, 0);
    assert_int_equal(pdk_path_last(pdk_slice_null()).len, 0);
}

static void early_questions_look_for_slash_and_nul_only(void **state)
{
    (void)state;
    assert_true(pdk_path_has_parent(pdk_slice_str("/a//b/")));
    assert_true(pdk_path_has_parent(pdk_slice_str("a/")));
    assert_false(pdk_path_has_parent(pdk_slice_str("abc")));
    assert_false(pdk_path_has_parent(pdk_slice_str("")));
    assert_false(pdk_path_has_parent(pdk_slice_null()));
    assert_false(pdk_path_has_parent(pdk_slice_of("/a\0b", 4)));
    assert_true(pdk_path_has_nul(pdk_slice_of("\0", 1)));
    assert_true(pdk_path_has_nul(pdk_slice_of("/a\0", 3)));
    assert_false(pdk_path_has_nul(pdk_slice_str("/a")));
    assert_false(pdk_path_has_nul(pdk_slice_null()));
    assert_true(pdk_path_is_root(pdk_slice_str("")));
    assert_true(pdk_path_is_root(pdk_slice_str("/")));
    assert_false(pdk_path_is_root(pdk_slice_str("a")));
    assert_false(pdk_path_is_root(pdk_slice_str("//")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_paths_are_valid),
        cmocka_unit_test(bad_paths_are_refused_with_place_and_reason),
        cmocka_unit_test(every_character_is_judged_by_the_rule),
        cmocka_unit_test(every_byte_triple_is_valid_only_in_its_canonical_form),
        cmocka_unit_test(a_cut_or_flipped_path_never_reads_beyond_its_end),
        cmocka_unit_test(a_sequential_path_is_judged_as_if_a_digit_followed),
        cmocka_unit_test(parent_and_last_are_cut_at_the_last_slash),
        cmocka_unit_test(early_questions_look_for_slash_and_nul_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
