/* Answers of servers, compared with what the model said (oracle.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/opcode.h"
#include "sim/oracle.h"

static void differ(struct pdk_oracle *o, const struct pdk_asker *a, const struct pdk_call *call,
                   pdk_zxid zxid, const char *what)
{
    pdk_world_fail(o->world, "session 0x%" PRIx64 ": the answer to %s%s%s at 0x%" PRIx64 ": %s",
                   (uint64_t)a->session, pdk_op_name(call->op), call->path[0] != '\0' ? " " : "",
                   call->path, (uint64_t)zxid, what);
}

static bool stat_is(struct pdk_reader *r, const struct pdk_stat *want)
{
    struct pdk_stat got;
    pdk_read_stat(r, &got);
    return !r->failed && got.czxid == want->czxid && got.mzxid == want->mzxid &&
           got.ctime == want->ctime && got.mtime == want->mtime && got.version == want->version &&
           got.cversion == want->cversion && got.aversion == want->aversion &&
           got.ephemeral_owner == want->ephemeral_owner && got.data_length == want->data_length &&
           got.num_children == want->num_children && got.pzxid == want->pzxid;
}

/* ---- writes ---------------------------------------------------------------------------------- */

static bool result_is(struct pdk_reader *r, int32_t op, const struct pdk_verdict *v)
{
    switch (op) {
    case PDK_OP_CREATE: return pdk_slice_eq_str(pdk_read_bytes(r), v->path);
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
        return pdk_slice_eq_str(pdk_read_bytes(r), v->path) && stat_is(r, &v->stat);
    case PDK_OP_SET_DATA: return stat_is(r, &v->stat);
    default: return true;
    }
}

static bool multi_is(struct pdk_reader *r, const struct pdk_call *call)
{
    bool failed = call->failed_at < call->op_count;
    struct pdk_multi_header h;
    for (size_t i = 0; i < call->op_count; i++) {
        pdk_read_multi_header(r, &h);
        if (r->failed || h.done) return false;
        if (!failed) {
            if (h.type != call->ops[i].op || !result_is(r, h.type, &call->verdicts[i]))
                return false;
            continue;
        }
        int32_t want = i < call->failed_at    ? 0
                       : i == call->failed_at ? (int32_t)call->verdicts[i].code
                                              : PDK_CODE_RUNTIME_INCONSISTENCY;
        if (h.type != PDK_OP_ERROR || h.err != want || pdk_read_i32(r) != want) return false;
    }
    pdk_read_multi_header(r, &h);
    return !r->failed && h.done;
}

/* Answers that need no transaction: the write was not done, and never will be. */
static bool may_be_local(int32_t code)
{
    return code == PDK_CODE_SESSION_EXPIRED || code == PDK_CODE_SESSION_MOVED ||
           code == PDK_CODE_SYSTEM_ERROR || code == PDK_CODE_THROTTLED_OP ||
           code == PDK_CODE_NOT_READ_ONLY;
}

void pdk_oracle_write_reply(struct pdk_oracle *o, const struct pdk_asker *a, struct pdk_call *call,
                            int32_t code, pdk_zxid zxid, struct pdk_slice body)
{
    call->answered = true;
    o->counts.replies++;
    if (call->committed == NULL) {
        if (code == PDK_CODE_OK)
            differ(o, a, call, zxid, "OK, but it is not committed");
        else if (!may_be_local(code))
            differ(o, a, call, zxid, "it failed without a transaction");
        call->local = true;
        return;
    }
    if (call->committed->zxid != zxid) {
        differ(o, a, call, zxid, "another zxid than its transaction's");
        return;
    }
    if (zxid > o->answered) o->answered = zxid;
    struct pdk_reader r = pdk_reader_of(body);
    bool is_multi = call->op == PDK_OP_MULTI && !call->refused;
    /* A multi that fails says so in its parts. */
    if (code != (is_multi ? PDK_CODE_OK : (int32_t)call->code))
        differ(o, a, call, zxid, "another code than the model's");
    else if (is_multi ? !multi_is(&r, call)
                      : code == PDK_CODE_OK && call->op_count == 1 &&
                            !result_is(&r, call->op, &call->verdicts[0]))
        differ(o, a, call, zxid, "another result than the model's");
}

/* ---- reads ----------------------------------------------------------------------------------- */

static bool children_are(struct pdk_reader *r, const struct pdk_model_state *s, const char *path)
{
    int32_t count = pdk_read_i32(r);
    if (count != pdk_model_children(s, path)) return false;
    for (int32_t i = 0; i < count; i++) {
        struct pdk_slice name = pdk_read_bytes(r);
        char child[2 * PDK_MODEL_PATH + 2];
        if (name.len > PDK_MODEL_PATH) return false;
        (void)snprintf(child, sizeof child, "%s/%.*s", strcmp(path, "/") == 0 ? "" : path,
                       (int)name.len, (const char *)name.bytes);
        /* What stands below /zookeeper the model leaves out. */
        if (strcmp(path, "/zookeeper") != 0 && pdk_model_find(s, child) == NULL) return false;
    }
    return !r->failed;
}

void pdk_oracle_read_reply(struct pdk_oracle *o, const struct pdk_asker *a, struct pdk_call *call,
                           int32_t code, const struct pdk_hist *at, struct pdk_slice body)
{
    call->answered = true;
    o->counts.replies++;
    o->counts.reads++;
    if (code == PDK_CODE_THROTTLED_OP || code == PDK_CODE_SESSION_EXPIRED) return;
    const struct pdk_model_state *s = pdk_oracle_state(o, at);
    const struct pdk_model_node *n = pdk_model_find(s, call->path);
    if (code != (n != NULL ? PDK_CODE_OK : PDK_CODE_NO_NODE)) {
        differ(o, a, call, at->zxid, n != NULL ? "it is there" : "it is not there");
        return;
    }
    if (n == NULL) return;
    struct pdk_reader r = pdk_reader_of(body);
    struct pdk_stat stat = {0};
    pdk_model_stat(s, n, &stat);
    if (call->op == PDK_OP_GET_DATA) {
        struct pdk_slice data = pdk_read_bytes(&r);
        if (!pdk_slice_eq(data, pdk_slice_of(n->data, n->data_len)) &&
            !(data.len == 0 && n->data_len == 0))
            differ(o, a, call, at->zxid, "other data than the model's");
    } else if (call->op == PDK_OP_GET_CHILDREN2 && !children_are(&r, s, call->path)) {
        differ(o, a, call, at->zxid, "other children than the model's");
        return;
    }
    if (!stat_is(&r, &stat)) differ(o, a, call, at->zxid, "another Stat than the model's");
}
