/* proto/password.h - a session's password, a pure function of its id.
 *
 * Source: client-protocol.md section 4.3.  Not a secret among servers: sessions must move between
 * Apache's servers and ours, so the bytes are theirs. */
#ifndef PDK_PROTO_PASSWORD_H
#define PDK_PROTO_PASSWORD_H

#include "base/base.h"

#define PDK_PASSWORD_LEN 16

void pdk_password_of(pdk_session session, uint8_t out[PDK_PASSWORD_LEN]);

/* Does `password` belong to `session`?  Time does not depend on which byte differs; any other
 * length, null, and session 0 never pass. */
bool pdk_password_matches(pdk_session session, struct pdk_slice password);

#endif
