/* base/utf8.h - text that may not be UTF-8, as Java sees it.
 *
 * Apache decodes every string, and an authentication's bytes, into UTF-16 and encodes it again
 * before it hashes, compares or stores it; on the way each malformed piece becomes U+FFFD.  Which
 * bytes make one piece is Java's own rule (it differs from the Unicode recommendation in encoded
 * surrogates: ED A0 80 is one piece).  Digests of such passwords depend on it. */
#ifndef PDK_BASE_UTF8_H
#define PDK_BASE_UTF8_H

#include "base/base.h"
#include "base/buf.h"

/* No piece of `text` is malformed.  A null slice is valid. */
bool pdk_utf8_valid(struct pdk_slice text);
/* Appends `text` with each malformed piece replaced by U+FFFD; no length. */
void pdk_put_utf8(struct pdk_buf *b, struct pdk_slice text);

#endif
