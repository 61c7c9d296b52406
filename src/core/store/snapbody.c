#include "core/store/snapbody.h"

static void put_u32(const struct pdk_snapbody_sink *sink, uint32_t v)
{
    uint8_t bytes[4];
    pdk_store_u32(bytes, v);
    sink->raw(sink->ctx, bytes, sizeof bytes);
}

static void put_bytes(const struct pdk_snapbody_sink *sink, struct pdk_slice s)
{
    put_u32(sink, s.is_null ? UINT32_MAX : (uint32_t)s.len);
    if (!s.is_null) sink->raw(sink->ctx, s.bytes, s.len);
}

static void put_sessions(const struct pdk_snapbody_sink *sink, const struct pdk_snapshot_job *job)
{
    put_u32(sink, (uint32_t)job->session_count);
    for (size_t i = 0; i < job->session_count; i++) {
        uint8_t entry[12];
        pdk_store_u64(entry, (uint64_t)job->sessions[i].id);
        pdk_store_u32(entry + 8, (uint32_t)job->sessions[i].timeout_ms);
        sink->raw(sink->ctx, entry, sizeof entry);
    }
}

static void put_acls(const struct pdk_snapbody_sink *sink, const struct pdk_view *view)
{
    size_t count = pdk_view_acl_count(view);
    put_u32(sink, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        int64_t id;
        struct pdk_slice list;
        uint8_t number[8];
        pdk_view_acl(view, i, &id, &list);
        pdk_store_u64(number, (uint64_t)id);
        sink->raw(sink->ctx, number, sizeof number);
        sink->raw(sink->ctx, list.bytes, list.len);
    }
}

static void put_znode(const struct pdk_snapbody_sink *sink, const struct pdk_view_node *node)
{
    uint8_t tail[8 + PDK_STAT_PERSISTED_LEN];
    struct pdk_buf b = {.bytes = tail, .cap = sizeof tail, .limit = sizeof tail};
    pdk_put_i64(&b, node->disk_acl_id);
    pdk_put_stat_persisted(&b, &node->stat);
    PDK_ASSERT(!b.failed && b.len == sizeof tail);
    put_bytes(sink, node->path);
    put_bytes(sink, node->data);
    sink->raw(sink->ctx, tail, sizeof tail);
}

enum pdk_err pdk_snapbody_put(const struct pdk_mem *mem, const struct pdk_snapshot_job *job,
                              const struct pdk_snapbody_sink *sink)
{
    struct pdk_view_cursor cursor;
    struct pdk_view_node node;
    uint64_t count = 0;
    put_sessions(sink, job);
    put_acls(sink, job->view);
    pdk_view_cursor_init(&cursor, job->view, mem);
    bool stopped = sink->stopped(sink->ctx);
    while (!stopped && pdk_view_next(&cursor, &node)) {
        put_znode(sink, &node);
        count++;
        stopped = sink->stopped(sink->ctx);
    }
    bool failed = cursor.path.failed;
    PDK_ASSERT(stopped || failed || count == pdk_view_znode_count(job->view));
    pdk_view_cursor_deinit(&cursor);
    if (failed) return PDK_ENOMEM;
    put_bytes(sink, pdk_slice_str("/"));
    return PDK_OK;
}
