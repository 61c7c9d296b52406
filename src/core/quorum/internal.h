/* core/quorum/internal.h - what the files of this folder share; nobody else includes it. */
#ifndef PDK_CORE_QUORUM_INTERNAL_H
#define PDK_CORE_QUORUM_INTERNAL_H

#include "core/quorum/quorum.h"

/* Members while a config is being made: one place per sid, NULL where there is none. */
struct pdk_roster {
    const struct pdk_member *at[PDK_SID_MAX + 1];
};
/* Copies what the roster points to; members carry their group and weight.  NULL: no memory. */
struct pdk_members *pdk_members_make(const struct pdk_mem *mem, const struct pdk_roster *roster,
                                     bool hierarchical, int64_t version);
/* The members of `m`, which must outlive the roster. */
void pdk_roster_fill(struct pdk_roster *roster, const struct pdk_members *m);

/* The value of a server.N line, in a block of its own (pdk_mem_free).  PDK_EINVAL: *why. */
PDK_WARN_UNUSED enum pdk_err pdk_member_parse(const struct pdk_mem *mem, pdk_sid sid,
                                              struct pdk_slice value, struct pdk_member **out,
                                              const char **why);
#define PDK_MEMBER_SYNTAX \
    "host:port:port[:participant|observer][|host:port:port...]" \
    "[;[host:]port[;[host:]port]]"

/* Says what is wrong with a line; `allowed` may be NULL.  Gives PDK_EINVAL. */
enum pdk_err pdk_line_refuse(struct pdk_diag *diag, struct pdk_slice key, struct pdk_slice value,
                             const char *why, const char *allowed);

/* Decimal digits only, from 0 to `max`. */
bool pdk_number_parse(struct pdk_slice text, int64_t max, int64_t *out);
/* `key` is `prefix` and a number from 0 to `max`. */
bool pdk_key_number(struct pdk_slice key, const char *prefix, int64_t max, int64_t *out);

/* The same host: names without regard to case, IPv6 addresses by value, "" as "0.0.0.0". */
bool pdk_host_same(const char *a, const char *b);
/* All interfaces, or this machine: says nothing about who else has it. */
bool pdk_host_special(const char *host);

#endif
