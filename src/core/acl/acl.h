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
    size_t bytes; /* of all schemes and ids */
    const struct pdk_mem *mem;
    bool is_super; /* some identity is of scheme super */
};
void pdk_identities_init(struct pdk_identities *ids, const struct pdk_mem *mem);
void pdk_identities_deinit(struct pdk_identities *ids);
/* PDK_ENOMEM also when more than PDK_IDENTITIES_MAX, or more text than PDK_IDENTITIES_BYTES_MAX,
 * would be held: anybody may send auth packets.  PDK_EINVAL: a null scheme or id. */
#define PDK_IDENTITIES_MAX 256
#define PDK_IDENTITIES_BYTES_MAX 65536
PDK_WARN_UNUSED enum pdk_err pdk_identities_add(struct pdk_identities *ids, struct pdk_slice scheme,
                                                struct pdk_slice id);

struct pdk_acl_config {
    bool skip;                         /* skipACL=yes */
    struct pdk_slice super_digest;     /* "super:<base64>", empty = none */
    struct pdk_slice digest_algorithm; /* OpenSSL's name; default SHA1 */
    bool digest_enabled;               /* DigestAuthenticationProvider.enabled */
};

/* Handles an auth packet of scheme digest or ip, adding identities; `super` is added before the
 * digest identity when the configured super user authenticates.  0, or AUTH_FAILED (also without
 * memory, or with too many identities): nothing is added then, and the connection gets that answer
 * and is closed. */
enum pdk_code pdk_acl_authenticate(const struct pdk_acl_config *config, struct pdk_identities *ids,
                                   struct pdk_slice scheme, struct pdk_slice auth);

/* Does any of `perms` stand open to the first `identity_count` identities?  `list` as in the tree;
 * null or empty list: yes; bytes that are no list: no. */
bool pdk_acl_allows(const struct pdk_acl_config *config, struct pdk_slice list, int32_t perms,
                    const struct pdk_identities *ids, size_t identity_count);

/* The list as create and setACL store it (data-model.md 10.3): duplicates removed, `auth` expanded,
 * every id checked, malformed UTF-8 replaced as Apache does; appended to `out` as an encoded vector
 * with its count.  INVALID_ACL when it must be refused, SYSTEM_ERROR when memory or the limit of
 * `out` does not suffice; `out` is as before then. */
enum pdk_code pdk_acl_fix(const struct pdk_acl_config *config, const struct pdk_vec *acl,
                          const struct pdk_identities *ids, size_t identity_count,
                          struct pdk_buf *out);

/* As getACL answers without ADMIN: ids of scheme digest become "user:x".  Appends the encoded list;
 * an empty one for bytes that are no list. */
void pdk_acl_put_masked(struct pdk_slice list, struct pdk_buf *out);

/* The user part as whoAmI shows it (digest: text before the colon; super: empty; ip: the address).
 * Borrowed from the identity. */
struct pdk_slice pdk_identity_user(const struct pdk_identity *identity);

#endif
