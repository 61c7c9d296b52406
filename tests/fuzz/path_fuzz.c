/* Judges every input as a path and compares with what must follow from the rules. */
#include "proto/path.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A valid path has parts that are valid, and nothing that Java would not let through. */
static void check_valid(struct pdk_slice path)
{
    struct pdk_slice parent = pdk_path_parent(path), last = pdk_path_last(path);
    PDK_ASSERT(pdk_path_has_parent(path) && !pdk_path_has_nul(path));
    PDK_ASSERT(parent.len + 1 + last.len == path.len);
    PDK_ASSERT(path.bytes[parent.len] == '/');
    PDK_ASSERT(parent.len == 0 || pdk_path_valid(parent));
    PDK_ASSERT(pdk_path_is_root(path) == (last.len == 0));
    for (size_t i = 0; i < path.len; i++) {
        PDK_ASSERT(path.bytes[i] >= 0x20 && path.bytes[i] != 0x7f && path.bytes[i] < 0xf0);
        PDK_ASSERT(i + 1 == path.len || path.bytes[i] != '/' || path.bytes[i + 1] != '/');
    }
}

/* The rule for sequential creates is the plain rule with a digit behind. */
static void check_sequential(struct pdk_slice path)
{
    struct pdk_path_fault fault = {0};
    uint8_t *longer = malloc(path.len + 1);
    PDK_ASSERT(longer != NULL);
    if (path.len > 0) memcpy(longer, path.bytes, path.len);
    longer[path.len] = '1';
    PDK_ASSERT(pdk_path_check_sequential(path, &fault) ==
               pdk_path_valid(pdk_slice_of(longer, path.len + 1)));
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_path_fault fault = {0};
    struct pdk_slice path = pdk_slice_of(data, size);
    bool valid = pdk_path_check(path, &fault);
    PDK_ASSERT(valid == pdk_path_valid(path));
    if (valid) {
        check_valid(path);
    } else {
        PDK_ASSERT(fault.text != NULL && (fault.at < size || size == 0));
    }
    check_sequential(path);
    return 0;
}
