/* core/tree/testing.h - short hands for the tests of this folder. */
#ifndef PDK_CORE_TREE_TESTING_H
#define PDK_CORE_TREE_TESTING_H

#include "base/buf.h"
#include "core/tree/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An encoded list of one world:anyone entry with these perms (0 to 99). */
struct test_acl {
    uint8_t bytes[64];
    size_t len;
};
static inline struct test_acl test_acl(int32_t perms)
{
    static const uint8_t model[] = "\0\0\0\1\0\0\0\0\0\0\0\5world\0\0\0\6anyone";
    struct test_acl acl = {.len = sizeof model - 1};
    memcpy(acl.bytes, model, sizeof model - 1);
    acl.bytes[7] = (uint8_t)perms;
    return acl;
}
static inline struct pdk_slice test_acl_slice(const struct test_acl *acl)
{
    return pdk_slice_of(acl->bytes, acl->len);
}

static inline struct pdk_tree_config test_config(const struct pdk_mem *mem)
{
    return (struct pdk_tree_config){
        .mem = mem, .seed = {1, 2}, .digest_enabled = true, .extended_types = true};
}

static inline struct pdk_tree *test_tree(void)
{
    struct pdk_tree_config config = test_config(pdk_mem_heap());
    struct pdk_tree *tree = pdk_tree_create(&config, false);
    assert_non_null(tree);
    return tree;
}

static inline enum pdk_code test_create_as(struct pdk_tree *tree, const char *path,
                                           const char *data, int64_t owner, pdk_zxid zxid)
{
    struct pdk_tree_create args = {
        .path = pdk_slice_str(path),
        .data = data != NULL ? pdk_slice_str(data) : pdk_slice_null(),
        .acl = pdk_slice_null(),
        .owner = owner,
        .parent_cversion = -1,
        .zxid = zxid,
        .time_ms = 1000 + zxid,
    };
    return pdk_tree_create_znode(tree, &args, NULL);
}
static inline enum pdk_code test_create(struct pdk_tree *tree, const char *path, const char *data,
                                        pdk_zxid zxid)
{
    return test_create_as(tree, path, data, 0, zxid);
}
static inline enum pdk_code test_delete(struct pdk_tree *tree, const char *path, pdk_zxid zxid)
{
    return pdk_tree_delete_znode(tree, pdk_slice_str(path), zxid, NULL, NULL);
}
static inline enum pdk_code test_set(struct pdk_tree *tree, const char *path, const char *data,
                                     int32_t version, pdk_zxid zxid)
{
    return pdk_tree_set_data(tree, pdk_slice_str(path),
                             data != NULL ? pdk_slice_str(data) : pdk_slice_null(), version, zxid,
                             1000 + zxid, NULL, NULL);
}
static inline pdk_znode test_find(const struct pdk_tree *tree, const char *path)
{
    return pdk_tree_find(tree, pdk_slice_str(path));
}
/* The znode must be there. */
static inline struct pdk_stat test_stat(const struct pdk_tree *tree, const char *path)
{
    struct pdk_stat stat;
    pdk_znode id = test_find(tree, path);
    assert_int_not_equal(id, PDK_ZNODE_NONE);
    pdk_tree_stat(tree, id, &stat);
    return stat;
}
/* Field by field: structs have padding. */
static inline void test_same_stat(const struct pdk_stat *a, const struct pdk_stat *b)
{
    struct pdk_buf both;
    pdk_buf_init(&both, pdk_mem_heap(), 1000);
    pdk_put_stat(&both, a);
    pdk_put_stat(&both, b);
    assert_memory_equal(both.bytes, both.bytes + PDK_STAT_LEN, PDK_STAT_LEN);
    pdk_buf_deinit(&both);
}
static inline void test_data_is(const struct pdk_tree *tree, const char *path, const char *want)
{
    pdk_znode id = test_find(tree, path);
    assert_int_not_equal(id, PDK_ZNODE_NONE);
    struct pdk_slice data = pdk_tree_data(tree, id);
    if (!pdk_slice_eq(data, want != NULL ? pdk_slice_str(want) : pdk_slice_null()))
        fail_msg("%s holds \"%.*s\", want \"%s\"", path, (int)data.len, (const char *)data.bytes,
                 want != NULL ? want : "(null)");
}

#endif
