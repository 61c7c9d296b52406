/* One transaction from one request: header, body, digest. */
#include "core/prep/prep.h"

#include "core/prep/internal.h"

#define SCRATCH_LIMIT ((size_t)1 << 30)

struct pdk_prep *pdk_prep_create(const struct pdk_prep_config *config, const struct pdk_tree *tree)
{
    struct pdk_prep *p = pdk_mem_must_zero(config->mem, 1, sizeof *p);
    p->config = *config;
    p->tree = tree;
    p->overlay = pdk_overlay_create(config->mem, config->seed, tree, config->digest_enabled);
    pdk_buf_init(&p->acl, config->mem, config->txn_limit_bytes);
    pdk_buf_init(&p->path, config->mem, SCRATCH_LIMIT);
    pdk_buf_init(&p->created, config->mem, SCRATCH_LIMIT);
    return p;
}

void pdk_prep_destroy(struct pdk_prep *p)
{
    if (p == NULL) return;
    pdk_overlay_destroy(p->overlay);
    pdk_buf_deinit(&p->acl);
    pdk_buf_deinit(&p->path);
    pdk_buf_deinit(&p->created);
    pdk_mem_free(p->config.mem, p);
}

void pdk_prep_reset(struct pdk_prep *p) { pdk_overlay_reset(p->overlay); }

bool pdk_prep_is_write(int32_t op)
{
    switch (op) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_CREATE_TTL:
    case PDK_OP_DELETE:
    case PDK_OP_SET_DATA:
    case PDK_OP_SET_ACL:
    case PDK_OP_MULTI:
    case PDK_OP_RECONFIG:
    case PDK_OP_CLOSE_SESSION: return true;
    default: return false;
    }
}

static void put_header(struct pdk_buf *txn, const struct pdk_prep_request *req, pdk_zxid zxid,
                       int32_t type)
{
    pdk_put_txn_header(txn, &(struct pdk_txn_header){.client_id = req->session,
                                                     .cxid = req->cxid,
                                                     .zxid = zxid,
                                                     .time = req->time_ms,
                                                     .type = type});
}

static enum pdk_code run_body(struct pdk_prep_work *w, bool *undecodable)
{
    const struct pdk_prep_request *req = w->req;
    if (req->verdict != PDK_CODE_OK) return req->verdict;
    if (req->op == PDK_OP_MULTI) return pdk_prep_multi(w, req->body);
    struct pdk_reader body = pdk_reader_of(req->body);
    return pdk_prep_operation(w, req->op, &body, undecodable);
}

bool pdk_prep_fits(const struct pdk_prep_work *w, size_t more)
{
    size_t limit = w->p->config.txn_limit_bytes;
    size_t used = w->txn->len - w->start + PDK_TXN_DIGEST_LEN;
    return used <= limit && more <= limit - used;
}

void pdk_prep_run(struct pdk_prep *p, const struct pdk_prep_request *req, pdk_zxid zxid,
                  struct pdk_buf *txn, struct pdk_prep_result *result)
{
    *result = (struct pdk_prep_result){.txn_type = req->op};
    size_t start = txn->len;
    struct pdk_prep_work w = {
        .p = p, .req = req, .result = result, .txn = txn, .start = start, .zxid = zxid};
    size_t touched = pdk_overlay_touches(p->overlay);
    put_header(txn, req, zxid, req->op);
    bool undecodable = false;
    result->code = run_body(&w, &undecodable);
    if (undecodable && !req->must) {
        txn->len = start;
        result->no_txn = true;
        return;
    }
    if (result->code != PDK_CODE_OK) {
        txn->len = start;
        result->txn_type = PDK_OP_ERROR;
        result->has_digests = false;
        put_header(txn, req, zxid, PDK_OP_ERROR);
        pdk_put_error_txn(txn, &(struct pdk_error_txn){.err = result->code});
        return;
    }
    result->touched = (uint32_t)(pdk_overlay_touches(p->overlay) - touched);
    if (req->op == PDK_OP_CLOSE_SESSION && !pdk_prep_fits(&w, 0)) {
        /* As before 3.6; without a digest either, which Apache would take for the list. */
        txn->len = start;
        put_header(txn, req, zxid, req->op);
        return;
    }
    if (p->config.digest_enabled) {
        pdk_put_txn_digest(
            txn, &(struct pdk_txn_digest){.version = 2,
                                          .tree_digest = (int64_t)pdk_overlay_digest(p->overlay)});
    }
}

size_t pdk_prep_commit(struct pdk_prep *p, pdk_zxid zxid)
{
    return pdk_overlay_commit(p->overlay, zxid);
}

bool pdk_prep_idle(const struct pdk_prep *p) { return pdk_overlay_count(p->overlay) == 0; }
