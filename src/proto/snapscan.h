/* proto/snapscan.h - where does a snapshot end that comes over a stream?  (zab.md section 5.4)
 *
 * sessions | ACL table | znodes ... | "/" | ustring "BenWasHere": raw, without length, header or
 * checksum, so only reading its shape finds the end.  Bytes come in pieces cut anywhere; shape and
 * lengths are checked, nothing is kept but a few bytes.
 *
 * Threads: any. */
#ifndef PDK_PROTO_SNAPSCAN_H
#define PDK_PROTO_SNAPSCAN_H

#include "base/base.h"

struct pdk_snapscan {
    size_t max_entry_bytes; /* longest path, data or ACL list that is believed */
    uint64_t body_bytes;    /* so far; in the end up to and with the "/" */
    bool done;              /* "BenWasHere" has been seen */
    bool failed;            /* no snapshot goes on like this */
    /* own: what is being read, and how much of it is to come */
    uint8_t step, have;
    uint8_t partial[16];
    uint64_t skip;
    int32_t acls_left, entries_left;
    size_t list_bytes;
};

void pdk_snapscan_init(struct pdk_snapscan *s, size_t max_entry_bytes);

/* Takes bytes until they or the stream end, or it has failed; returns how many.  `*body` gets how
 * many of these, from the first on, belong to the body (the rest is the signature). */
size_t pdk_snapscan_feed(struct pdk_snapscan *s, struct pdk_slice bytes, size_t *body);

#endif
