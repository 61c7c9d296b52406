#include "tools/log/text.h"

#include <stdio.h>
#include <time.h>

#include "base/utf8.h"
#include "jute/records.h"
#include "proto/opcode.h"

static void put_escaped(struct pdk_buf *out, struct pdk_slice s)
{
    bool utf8 = pdk_utf8_valid(s);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.bytes[i];
        if (c < 0x20 || c == 0x7f || c == '\\' || (c >= 0x80 && !utf8))
            pdk_put_text(out, "\\x%02x", c);
        else
            pdk_put_u8(out, c);
    }
}

static void put_time(struct pdk_buf *out, int64_t ms)
{
    struct tm tm;
    char text[32];
    time_t seconds = (time_t)(ms / 1000);
    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        pdk_put_text(out, "%lldms", (long long)ms);
        return;
    }
    pdk_put_text(out, "%s.%03dZ", text, (int)(ms % 1000));
}

static void put_acl(struct pdk_buf *out, const struct pdk_vec *acl)
{
    struct pdk_reader r = pdk_reader_of(acl->body);
    pdk_put_text(out, ",[");
    for (int32_t i = 0; i < acl->count; i++) {
        struct pdk_acl entry;
        pdk_read_acl(&r, &entry);
        pdk_put_text(out, "%s%d,'", i > 0 ? "," : "", entry.perms);
        put_escaped(out, entry.id.scheme);
        pdk_put_text(out, ",'");
        put_escaped(out, entry.id.id);
    }
    pdk_put_text(out, "]");
}

static void put_path_data(struct pdk_buf *out, struct pdk_slice path, struct pdk_slice data)
{
    put_escaped(out, path);
    pdk_put_text(out, ",");
    put_escaped(out, data);
}

static void put_create(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_create_txn txn;
    struct pdk_reader first = *r;
    pdk_read_create_txn(&first, &txn);
    if (first.failed) { /* written before 3.5, without parentCVersion */
        struct pdk_create_txn_v0 old;
        pdk_read_create_txn_v0(r, &old);
        txn = (struct pdk_create_txn){old.path, old.data, old.acl, old.ephemeral, -1};
    } else {
        *r = first;
    }
    put_path_data(out, txn.path, txn.data);
    put_acl(out, &txn.acl);
    pdk_put_text(out, ",%s,%d", txn.ephemeral ? "true" : "false", txn.parent_cversion);
}

static void put_create_container(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_create_container_txn txn;
    pdk_read_create_container_txn(r, &txn);
    put_path_data(out, txn.path, txn.data);
    put_acl(out, &txn.acl);
    pdk_put_text(out, ",%d", txn.parent_cversion);
}

static void put_create_ttl(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_create_ttl_txn txn;
    pdk_read_create_ttl_txn(r, &txn);
    put_path_data(out, txn.path, txn.data);
    put_acl(out, &txn.acl);
    pdk_put_text(out, ",%d,%lld", txn.parent_cversion, (long long)txn.ttl);
}

static void put_set_data(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_set_data_txn txn;
    pdk_read_set_data_txn(r, &txn);
    put_path_data(out, txn.path, txn.data);
    pdk_put_text(out, ",%d", txn.version);
}

static void put_set_acl(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_set_acl_txn txn;
    pdk_read_set_acl_txn(r, &txn);
    put_escaped(out, txn.path);
    put_acl(out, &txn.acl);
    pdk_put_text(out, ",%d", txn.version);
}

static void put_check(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_check_version_txn txn;
    pdk_read_check_version_txn(r, &txn);
    put_escaped(out, txn.path);
    pdk_put_text(out, ",%d", txn.version);
}

static void put_close_session(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_close_session_txn txn;
    struct pdk_reader first = *r;
    pdk_read_close_session_txn(&first, &txn);
    if (first.failed) return; /* written before 3.6: no list, perhaps a digest */
    *r = first;
    struct pdk_reader paths = pdk_reader_of(txn.paths2_delete.body);
    for (int32_t i = 0; i < txn.paths2_delete.count; i++) {
        if (i > 0) pdk_put_text(out, ",");
        put_escaped(out, pdk_read_bytes(&paths));
    }
}

/* False: a type that does not belong into a log. */
static bool put_part(struct pdk_buf *out, int32_t type, struct pdk_reader *r)
{
    pdk_put_text(out, "%s ", type == PDK_OP_ERROR ? "error" : pdk_op_name(type));
    switch (type) {
    case PDK_OP_CREATE_SESSION:
    case PDK_OP_ERROR: pdk_put_text(out, "%d", pdk_read_i32(r)); return true;
    case PDK_OP_CLOSE_SESSION: put_close_session(out, r); return true;
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2: put_create(out, r); return true;
    case PDK_OP_CREATE_CONTAINER: put_create_container(out, r); return true;
    case PDK_OP_CREATE_TTL: put_create_ttl(out, r); return true;
    case PDK_OP_DELETE:
    case PDK_OP_DELETE_CONTAINER: put_escaped(out, pdk_read_bytes(r)); return true;
    case PDK_OP_SET_DATA:
    case PDK_OP_RECONFIG: put_set_data(out, r); return true;
    case PDK_OP_SET_ACL: put_set_acl(out, r); return true;
    case PDK_OP_CHECK: put_check(out, r); return true;
    default: pdk_put_text(out, "(type %d)", type); return false;
    }
}

static void put_multi(struct pdk_buf *out, struct pdk_reader *r)
{
    struct pdk_multi_txn multi;
    pdk_read_multi_txn(r, &multi);
    struct pdk_reader parts = pdk_reader_of(multi.txns.body);
    pdk_put_text(out, "multi ");
    for (int32_t i = 0; i < multi.txns.count; i++) {
        struct pdk_txn part;
        pdk_read_txn(&parts, &part);
        struct pdk_reader body = pdk_reader_of(part.data);
        if (i > 0) pdk_put_text(out, ";");
        (void)put_part(out, part.type, &body);
        if (body.failed) pdk_put_text(out, "(unreadable)");
    }
}

void pdk_txn_text(struct pdk_buf *out, struct pdk_slice txn)
{
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header h;
    pdk_read_txn_header(&r, &h);
    put_time(out, h.time);
    pdk_put_text(out, " session 0x%llx cxid 0x%x zxid 0x%llx ", (unsigned long long)h.client_id,
                 (unsigned)h.cxid, (unsigned long long)h.zxid);
    bool known = true;
    if (h.type == PDK_OP_MULTI)
        put_multi(out, &r);
    else
        known = put_part(out, h.type, &r);
    if (known && r.failed) pdk_put_text(out, "(unreadable)");
}
