/* core/prep/internal.h - shared by the files of this folder only. */
#ifndef PDK_CORE_PREP_INTERNAL_H
#define PDK_CORE_PREP_INTERNAL_H

#include "core/prep/prep.h"
#include "jute/records.h"
#include "proto/opcode.h"
#include "proto/path.h"

struct pdk_prep {
    struct pdk_prep_config config;
    const struct pdk_tree *tree;
    struct pdk_overlay *overlay;
    struct pdk_buf acl;     /* the fixed list of the operation at hand */
    struct pdk_buf path;    /* the final path of a sequential create */
    struct pdk_buf created; /* paths that a closing session has not committed yet */
};

/* One (sub-)operation at work. */
struct pdk_prep_work {
    struct pdk_prep *p;
    const struct pdk_prep_request *req;
    struct pdk_prep_result *result;
    struct pdk_buf *txn; /* the body goes to its end */
    size_t start;        /* of the transaction in it */
    pdk_zxid zxid;
};

/* Decodes and runs one operation whose record is in `body`, appending the transaction's body.
 *   kind   the operation as the transaction's type names it
 * MARSHALLING_ERROR with *undecodable set when the record cannot be read. */
enum pdk_code pdk_prep_operation(struct pdk_prep_work *w, int32_t kind, struct pdk_reader *body,
                                 bool *undecodable);

/* May the transaction grow by so much?  Lists of ACLs grow when "auth" stands for many identities,
 * and what is logged must be readable again. */
bool pdk_prep_fits(const struct pdk_prep_work *w, size_t more);

/* A whole multi: MARSHALLING_ERROR when the list is broken or an operation is not allowed in it
 * (then nothing was appended), else OK with the MultiTxn's body appended, failed or not. */
enum pdk_code pdk_prep_multi(struct pdk_prep_work *w, struct pdk_slice body);

#endif
