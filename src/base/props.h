/* base/props.h - the syntax of Java's properties files, one entry after the other.
 *
 * `key=value`, `key:value` or `key value`; blanks around the separator and before the key do not
 * count; lines that begin with '#' or '!' are comments; a backslash before the end of a line joins
 * the next one (without its leading blanks); \t \n \r \f \uXXXX, any other character behind a
 * backslash stands for itself.  Afterwards both ends of key and value are trimmed, as Apache does.
 * Source: the class documentation of java.util.Properties; Apache reads zoo.cfg with it.
 *
 * Differs in one thing: bytes above 127 stay as they are (UTF-8 file names work), where Java takes
 * each for a Latin-1 character. */
#ifndef PDK_BASE_PROPS_H
#define PDK_BASE_PROPS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"

struct pdk_props {
    const uint8_t *at, *end;
    unsigned line;       /* of the byte at `at`, from 1 */
    struct pdk_buf text; /* of the current entry */
};

struct pdk_prop {
    struct pdk_slice key, value; /* good until the next call */
    unsigned line;               /* where the entry begins */
    struct pdk_slice raw; /* all of it as it stands in the text, the end of its last line, too */
};

void pdk_props_init(struct pdk_props *p, const struct pdk_mem *mem, struct pdk_slice text);
void pdk_props_deinit(struct pdk_props *p);

enum pdk_props_got {
    PDK_PROPS_ENTRY,
    PDK_PROPS_END,
    PDK_PROPS_BAD, /* *why says what is wrong, out->line where; reading cannot go on */
};
enum pdk_props_got pdk_props_next(struct pdk_props *p, struct pdk_prop *out, const char **why);

#endif
