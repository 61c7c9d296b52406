/* proto/path.h - which strings are paths of znodes.
 *
 * Source: data-model.md section 1.  Apache judges UTF-16 code units of the decoded string, so
 * malformed UTF-8 (which Java decodes to U+FFFD) and everything beyond U+FFFF (surrogates) is
 * forbidden; so is any code unit of 0000-001F, 007F-009F, D800-F8FF, FFF0-FFFF.
 * Which operation checks what: the table of data-model.md section 1. */
#ifndef PDK_PROTO_PATH_H
#define PDK_PROTO_PATH_H

#include "base/base.h"

/* Why a path is refused, for people: `text` is constant English ("empty component"). */
struct pdk_path_fault {
    size_t at; /* byte offset of what is wrong */
    const char *text;
};

/* The full rules.  "/" is valid; null, "" and anything not starting with '/' are not. */
bool pdk_path_valid(struct pdk_slice path);
/* The same; says why in *fault when false. */
bool pdk_path_check(struct pdk_slice path, struct pdk_path_fault *fault);
/* As clients check before a sequential create: the rules for path + "1". */
bool pdk_path_check_sequential(struct pdk_slice path, struct pdk_path_fault *fault);

/* A byte 00; UTF-8 has no other valid form of U+0000. */
bool pdk_path_has_nul(struct pdk_slice path);
/* What create and delete ask first: a '/' somewhere and no NUL. */
bool pdk_path_has_parent(struct pdk_slice path);

/* Text before the last '/': "" for children of the root, and for what has no '/' at all. */
struct pdk_slice pdk_path_parent(struct pdk_slice path);
/* Text behind the last '/'; all of it when there is none. */
struct pdk_slice pdk_path_last(struct pdk_slice path);
/* "" and "/" both name the root. */
static inline bool pdk_path_is_root(struct pdk_slice path)
{
    return path.len == 0 || (path.len == 1 && path.bytes[0] == '/');
}

#endif
