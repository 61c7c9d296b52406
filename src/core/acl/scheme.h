/* core/acl/scheme.h - what a scheme of ACL ids has to say.  (inside core/acl)
 *
 * One row per scheme that may stand in an ACL; Apache calls them authentication providers.  A new
 * scheme is a new row.  `auth` and `super` are words of the rules in acl.c and have none. */
#ifndef PDK_CORE_ACL_SCHEME_H
#define PDK_CORE_ACL_SCHEME_H

#include "core/acl/acl.h"

struct pdk_acl_scheme {
    const char *name;
    /* Its identities prove who somebody is: they take the place of `auth` in a list. */
    bool authenticates;
    /* NULL: always. */
    bool (*enabled)(const struct pdk_acl_config *config);
    /* May this id stand in an ACL?  Not null. */
    bool (*valid)(struct pdk_slice id);
    /* Does a connection with identity `own` of this scheme match the ACL's id?  Neither is null.
     * NULL: a valid id matches everybody. */
    bool (*matches)(struct pdk_slice own, struct pdk_slice acl_id);
    /* Handles an auth packet; NULL: none is taken. */
    enum pdk_code (*authenticate)(const struct pdk_acl_config *config, struct pdk_identities *ids,
                                  struct pdk_slice auth);
    /* The part of an identity that is shown as the user; NULL: none. */
    struct pdk_slice (*user)(struct pdk_slice own);
};

/* identities.c: takes back the newest one; there is one. */
void pdk_identities_drop_last(struct pdk_identities *ids);

/* scheme_digest.c */
bool pdk_acl_digest_enabled(const struct pdk_acl_config *config);
bool pdk_acl_digest_valid(struct pdk_slice id);
bool pdk_acl_digest_matches(struct pdk_slice own, struct pdk_slice acl_id);
enum pdk_code pdk_acl_digest_authenticate(const struct pdk_acl_config *config,
                                          struct pdk_identities *ids, struct pdk_slice auth);
struct pdk_slice pdk_acl_digest_user(struct pdk_slice own);
/* Appends the id, as a ustring, with everything from the first colon of each line on as ":x". */
void pdk_acl_digest_put_masked(struct pdk_buf *out, struct pdk_slice id);

/* scheme_ip.c */
bool pdk_acl_ip_valid(struct pdk_slice id);
bool pdk_acl_ip_matches(struct pdk_slice own, struct pdk_slice acl_id);

#endif
