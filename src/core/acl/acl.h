/* core/acl/acl.h - may this connection do that?  (pure)
 *
 * Lists are encoded jute vector<ACL> with their count, as the tree interns them (data-model.md
 * section 10).  Schemes live in a table, so that x509 and sasl find their place ready: each scheme
 * says whether it authenticates, whether an id is valid, and whether an identity matches an id. */
#ifndef PDK_CORE_ACL_ACL_H
#define PDK_CORE_ACL_ACL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "jute/records.h"
#include "proto/code.h"

/* The identities of one connection, append only: a request remembers how many there were when it
 * was received, and is judged by those (client-protocol.md 12.2). Duplicates are not added. */
struct pdk_identities {
    struct pdk_identity {
        char *scheme, *id; /* owned, NUL terminated */
        size_t scheme_len, id_len;
    } * items;
    size_t count, cap;
    const struct pdk_mem *mem;
    bool is_super; /* some identity is of scheme super */
};
void pdk_identities_init(struct pdk_identities *ids, const struct pdk_mem *mem);
void pdk_identities_deinit(struct pdk_identities *ids);
/* PDK_ENOMEM also when more than PDK_IDENTITIES_MAX would be held. */
#define PDK_IDENTITIES_MAX 256
PDK_WARN_UNUSED enum pdk_err pdk_identities_add(struct pdk_identities *ids, struct pdk_slice scheme,
                                                struct pdk_slice id);

struct pdk_acl_config {
    bool skip;                      /* skipACL=yes */
    struct pdk_slice super_digest;  /* "super:<base64>", empty = none */
    struct pdk_slice digest_algorithm; /* OpenSSL's name; default SHA1 */
    bool digest_enabled;            /* DigestAuthenticationProvider.enabled */
};

/* 0, or the code of Java's AuthFailed: handles an auth packet (schemes digest and ip; others are
 * unknown: AUTH_FAILED), adding identities.  `super` is added with the digest identity when the
 * configured super user authenticates. */
enum pdk_code pdk_acl_authenticate(const struct pdk_acl_config *config, struct pdk_identities *ids,
                                   struct pdk_slice scheme, struct pdk_slice auth);

/* Does any of `perms` stand open to the first `identity_count` identities?  `list` as in the tree;
 * null or empty list: yes. */
bool pdk_acl_allows(const struct pdk_acl_config *config, struct pdk_slice list, int32_t perms,
                    const struct pdk_identities *ids, size_t identity_count);

/* The list as create and setACL store it (data-model.md 10.3): duplicates removed, `auth` expanded,
 * every id checked; appended to `out` as an encoded vector with its count.
 * INVALID_ACL when it must be refused (out is unchanged then). */
enum pdk_code pdk_acl_fix(const struct pdk_acl_config *config, const struct pdk_vec *acl,
                          const struct pdk_identities *ids, size_t identity_count,
                          struct pdk_buf *out);

/* As getACL answers without ADMIN: ids of scheme digest become "user:x". Appends the encoded list. */
void pdk_acl_put_masked(struct pdk_slice list, struct pdk_buf *out);

/* The user part as whoAmI shows it (digest: text before the colon). */
struct pdk_slice pdk_identity_user(const struct pdk_identity *identity);

#endif
