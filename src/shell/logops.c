#include "shell/logops.h"

#include "core/store/resync.h"

static enum pdk_err store_epoch(struct pdk_log_store *ls, struct pdk_log_op *op)
{
    if (op->flag)
        ls->current_epoch = op->epoch;
    else
        ls->accepted_epoch = op->epoch;
    if (ls->accepted_epoch < ls->current_epoch) ls->accepted_epoch = ls->current_epoch;
    return pdk_store_write_epochs(ls->store, ls->current_epoch, ls->accepted_epoch, &op->diag);
}

/* The disk holds another history: the tree is built anew. */
static void load(struct pdk_log_store *ls, struct pdk_log_op *op)
{
    op->err = pdk_store_recover(ls->store, &op->sink, &op->recovery, &op->diag);
}

static void truncate_log(struct pdk_log_store *ls, struct pdk_log_op *op)
{
    pdk_background_pause(ls->background);
    op->err = pdk_store_truncate(ls->store, op->zxid, &op->diag);
    if (op->err == PDK_OK) load(ls, op);
    pdk_background_resume(ls->background);
}

static void install(struct pdk_log_store *ls, struct pdk_log_op *op)
{
    if (ls->spool_err != PDK_OK) {
        op->err = ls->spool_err;
        op->diag = ls->spool_diag;
        return;
    }
    pdk_background_pause(ls->background);
    op->err = pdk_store_spool_install(ls->store, &op->diag);
    if (op->err == PDK_OK) load(ls, op);
    pdk_background_resume(ls->background);
}

static enum pdk_err operate(void *ctx, struct pdk_log_op *op, struct pdk_diag *diag)
{
    struct pdk_log_store *ls = ctx;
    switch (op->kind) {
    case PDK_LOG_OP_STORE_EPOCH:
        /* What we have promised must not be forgotten: as fatal as a failed sync. */
        op->err = store_epoch(ls, op);
        *diag = op->diag;
        return op->err;
    case PDK_LOG_OP_TRUNCATE: truncate_log(ls, op); break;
    case PDK_LOG_OP_SPOOL_BEGIN:
        ls->spool_err = pdk_store_spool_begin(ls->store, op->zxid, &ls->spool_diag);
        break;
    case PDK_LOG_OP_SPOOL_ADD:
        if (ls->spool_err == PDK_OK)
            ls->spool_err = pdk_store_spool_add(ls->store, op->bytes, &ls->spool_diag);
        break;
    case PDK_LOG_OP_SPOOL_INSTALL: install(ls, op); break;
    case PDK_LOG_OP_SPOOL_ABANDON:
        if (ls->spool_err == PDK_OK) pdk_store_spool_abandon(ls->store);
        break;
    case PDK_LOG_OP_STORE_CONFIG:
        op->err = ls->store_config(ls->config_ctx, op->members, op->flag, &op->diag);
        break;
    default: PDK_UNREACHABLE();
    }
    /* A history that is half changed is finished by the next start, and by nothing else. */
    if (op->err != PDK_EIO || op->kind == PDK_LOG_OP_STORE_CONFIG) return PDK_OK;
    *diag = op->diag;
    return op->err;
}

struct pdk_log_ops pdk_log_ops_with(struct pdk_log_store *ls)
{
    struct pdk_log_ops ops = pdk_log_ops_of(ls->store);
    ops.operate = operate;
    ops.operate_ctx = ls;
    return ops;
}
