/* A multi: all of its operations or none.
 *
 * The whole list is decoded before anything is done; then each operation sees the effects of the
 * earlier ones.  When one fails, all that was noted in the overlay is undone and the transaction
 * that is logged says so (client-protocol.md section 8, zab.md section 8.3). */
#include "core/prep/internal.h"

/* The transaction's type of one operation: from the flags first, else from the header.
 * PDK_OP_ERROR: not allowed. */
static int32_t kind_of(int32_t type, int32_t flags)
{
    switch (type) {
    case PDK_OP_DELETE:
    case PDK_OP_SET_DATA:
    case PDK_OP_CHECK: return type;
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
        if (!pdk_create_flags_known(flags)) return PDK_OP_ERROR;
        return flags == PDK_CREATE_CONTAINER ? PDK_OP_CREATE_CONTAINER : type;
    case PDK_OP_CREATE_TTL: return type;
    default: return PDK_OP_ERROR;
    }
}

/* Reads one operation's record just to step over it; its flags for creates. */
static void skip_operation(struct pdk_reader *r, int32_t type, int32_t *flags)
{
    *flags = 0;
    switch (type) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER: {
        struct pdk_create_request req;
        pdk_read_create_request(r, &req);
        *flags = req.flags;
        return;
    }
    case PDK_OP_CREATE_TTL: {
        struct pdk_create_ttl_request req;
        pdk_read_create_ttl_request(r, &req);
        *flags = req.flags;
        return;
    }
    case PDK_OP_DELETE: {
        struct pdk_delete_request req;
        pdk_read_delete_request(r, &req);
        return;
    }
    case PDK_OP_SET_DATA: {
        struct pdk_set_data_request req;
        pdk_read_set_data_request(r, &req);
        return;
    }
    case PDK_OP_CHECK: {
        struct pdk_check_version_request req;
        pdk_read_check_version_request(r, &req);
        return;
    }
    default: r->failed = true; return;
    }
}

/* The next header: false at the end mark or when the list is broken (r->failed). */
static bool next_header(struct pdk_reader *r, struct pdk_multi_header *header)
{
    pdk_read_multi_header(r, header);
    return !r->failed && !header->done;
}

/* How many operations there are; -1: the list is broken, or something in it is not allowed. */
static int32_t count_operations(struct pdk_slice body)
{
    struct pdk_reader r = pdk_reader_of(body);
    struct pdk_multi_header header;
    int32_t count = 0;
    while (next_header(&r, &header)) {
        int32_t flags = 0;
        skip_operation(&r, header.type, &flags);
        if (r.failed || kind_of(header.type, flags) == PDK_OP_ERROR) return -1;
        count++;
    }
    return r.failed ? -1 : count;
}

static void put_part(struct pdk_buf *txn, int32_t type, int32_t err)
{
    pdk_put_i32(txn, type);
    pdk_put_i32(txn, PDK_ERROR_TXN_LEN);
    pdk_put_i32(txn, err);
}

/* One operation of a multi that has not failed yet. */
static enum pdk_code run_part(struct pdk_prep_work *w, struct pdk_reader *r, int32_t type)
{
    struct pdk_reader ahead = *r;
    int32_t flags = 0;
    skip_operation(&ahead, type, &flags);
    int32_t kind = kind_of(type, flags);
    size_t start = w->txn->len;
    pdk_put_i32(w->txn, kind);
    pdk_put_i32(w->txn, 0);
    bool undecodable = false;
    enum pdk_code code = pdk_prep_operation(w, kind, r, &undecodable);
    PDK_ASSERT(!undecodable); /* count_operations has read them all */
    *r = ahead;
    if (code == PDK_CODE_OK) {
        pdk_buf_patch_i32(w->txn, start + 4, (int32_t)(w->txn->len - start - 8));
    } else {
        w->txn->len = start;
        put_part(w->txn, PDK_OP_ERROR, code);
    }
    return code;
}

enum pdk_code pdk_prep_multi(struct pdk_prep_work *w, struct pdk_slice body)
{
    int32_t count = count_operations(body);
    if (count < 0) return PDK_CODE_MARSHALLING_ERROR;
    struct pdk_reader r = pdk_reader_of(body);
    struct pdk_multi_header header;
    enum pdk_code failed = PDK_CODE_OK;
    pdk_overlay_begin(w->p->overlay);
    pdk_put_i32(w->txn, count);
    while (next_header(&r, &header)) {
        if (failed == PDK_CODE_OK) {
            failed = run_part(w, &r, header.type);
        } else {
            int32_t flags = 0;
            skip_operation(&r, header.type, &flags);
            put_part(w->txn, PDK_OP_ERROR, PDK_CODE_RUNTIME_INCONSISTENCY);
        }
    }
    pdk_overlay_end(w->p->overlay, failed != PDK_CODE_OK);
    w->result->has_digests = false; /* of single operations only */
    /* A null path is a broken request as a whole, as it is outside a multi. */
    return failed == PDK_CODE_MARSHALLING_ERROR ? failed : PDK_CODE_OK;
}

bool pdk_prep_creates_ephemeral(int32_t op, struct pdk_slice body)
{
    struct pdk_reader r = pdk_reader_of(body);
    struct pdk_multi_header header = {.type = op};
    int32_t flags = 0;
    if (op != PDK_OP_MULTI) {
        if (op != PDK_OP_CREATE && op != PDK_OP_CREATE2) return false;
        skip_operation(&r, op, &flags);
        return !r.failed && pdk_create_is_ephemeral(flags);
    }
    while (next_header(&r, &header)) {
        skip_operation(&r, header.type, &flags);
        if (!r.failed && pdk_create_is_ephemeral(flags)) return true;
    }
    return false;
}
