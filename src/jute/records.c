/* Made by tools/gen/jute.py from paddock.schema; change that, not this. */
#include "jute/records.h"

void pdk_read_id(struct pdk_reader *r, struct pdk_id *out)
{
    out->scheme = pdk_read_bytes(r);
    out->id = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_id){0};
}

void pdk_put_id(struct pdk_buf *b, const struct pdk_id *in)
{
    pdk_put_bytes(b, in->scheme);
    pdk_put_bytes(b, in->id);
}

void pdk_read_acl(struct pdk_reader *r, struct pdk_acl *out)
{
    out->perms = pdk_read_i32(r);
    pdk_read_id(r, &out->id);
    if (r->failed) *out = (struct pdk_acl){0};
}

void pdk_put_acl(struct pdk_buf *b, const struct pdk_acl *in)
{
    pdk_put_i32(b, in->perms);
    pdk_put_id(b, &in->id);
}

struct pdk_vec pdk_read_acl_vec(struct pdk_reader *r)
{
    struct pdk_vec v = {0};
    v.count = pdk_read_count(r, 12, &v.is_null);
    const uint8_t *start = r->at;
    for (int32_t i = 0; i < v.count && !r->failed; i++) {
        struct pdk_acl element;
        pdk_read_acl(r, &element);
    }
    if (r->failed) return (struct pdk_vec){0};
    v.body = pdk_slice_of(start, (size_t)(r->at - start));
    return v;
}

void pdk_read_client_info(struct pdk_reader *r, struct pdk_client_info *out)
{
    out->auth_scheme = pdk_read_bytes(r);
    out->user = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_client_info){0};
}

void pdk_put_client_info(struct pdk_buf *b, const struct pdk_client_info *in)
{
    pdk_put_bytes(b, in->auth_scheme);
    pdk_put_bytes(b, in->user);
}

struct pdk_vec pdk_read_client_info_vec(struct pdk_reader *r)
{
    struct pdk_vec v = {0};
    v.count = pdk_read_count(r, 8, &v.is_null);
    const uint8_t *start = r->at;
    for (int32_t i = 0; i < v.count && !r->failed; i++) {
        struct pdk_client_info element;
        pdk_read_client_info(r, &element);
    }
    if (r->failed) return (struct pdk_vec){0};
    v.body = pdk_slice_of(start, (size_t)(r->at - start));
    return v;
}

void pdk_read_connect_request(struct pdk_reader *r, struct pdk_connect_request *out)
{
    out->protocol_version = pdk_read_i32(r);
    out->last_zxid_seen = pdk_read_i64(r);
    out->time_out = pdk_read_i32(r);
    out->session_id = pdk_read_i64(r);
    out->passwd = pdk_read_bytes(r);
    out->has_read_only = !r->failed && pdk_reader_left(r) > 0;
    out->read_only = out->has_read_only && pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_connect_request){0};
}

void pdk_put_connect_request(struct pdk_buf *b, const struct pdk_connect_request *in)
{
    pdk_put_i32(b, in->protocol_version);
    pdk_put_i64(b, in->last_zxid_seen);
    pdk_put_i32(b, in->time_out);
    pdk_put_i64(b, in->session_id);
    pdk_put_bytes(b, in->passwd);
    if (in->has_read_only) pdk_put_bool(b, in->read_only);
}

void pdk_read_connect_response(struct pdk_reader *r, struct pdk_connect_response *out)
{
    out->protocol_version = pdk_read_i32(r);
    out->time_out = pdk_read_i32(r);
    out->session_id = pdk_read_i64(r);
    out->passwd = pdk_read_bytes(r);
    out->has_read_only = !r->failed && pdk_reader_left(r) > 0;
    out->read_only = out->has_read_only && pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_connect_response){0};
}

void pdk_put_connect_response(struct pdk_buf *b, const struct pdk_connect_response *in)
{
    pdk_put_i32(b, in->protocol_version);
    pdk_put_i32(b, in->time_out);
    pdk_put_i64(b, in->session_id);
    pdk_put_bytes(b, in->passwd);
    if (in->has_read_only) pdk_put_bool(b, in->read_only);
}

void pdk_read_auth_packet(struct pdk_reader *r, struct pdk_auth_packet *out)
{
    out->type = pdk_read_i32(r);
    out->scheme = pdk_read_bytes(r);
    out->auth = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_auth_packet){0};
}

void pdk_put_auth_packet(struct pdk_buf *b, const struct pdk_auth_packet *in)
{
    pdk_put_i32(b, in->type);
    pdk_put_bytes(b, in->scheme);
    pdk_put_bytes(b, in->auth);
}

void pdk_read_get_data_request(struct pdk_reader *r, struct pdk_get_data_request *out)
{
    out->path = pdk_read_bytes(r);
    out->watch = pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_get_data_request){0};
}

void pdk_put_get_data_request(struct pdk_buf *b, const struct pdk_get_data_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bool(b, in->watch);
}

void pdk_read_get_data_response(struct pdk_reader *r, struct pdk_get_data_response *out)
{
    out->data = pdk_read_bytes(r);
    pdk_read_stat(r, &out->stat);
    if (r->failed) *out = (struct pdk_get_data_response){0};
}

void pdk_put_get_data_response(struct pdk_buf *b, const struct pdk_get_data_response *in)
{
    pdk_put_bytes(b, in->data);
    pdk_put_stat(b, &in->stat);
}

void pdk_read_exists_request(struct pdk_reader *r, struct pdk_exists_request *out)
{
    out->path = pdk_read_bytes(r);
    out->watch = pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_exists_request){0};
}

void pdk_put_exists_request(struct pdk_buf *b, const struct pdk_exists_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bool(b, in->watch);
}

void pdk_read_set_data_request(struct pdk_reader *r, struct pdk_set_data_request *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_set_data_request){0};
}

void pdk_put_set_data_request(struct pdk_buf *b, const struct pdk_set_data_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_i32(b, in->version);
}

void pdk_read_create_request(struct pdk_reader *r, struct pdk_create_request *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->flags = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_create_request){0};
}

void pdk_put_create_request(struct pdk_buf *b, const struct pdk_create_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_vec(b, &in->acl);
    pdk_put_i32(b, in->flags);
}

void pdk_read_create_ttl_request(struct pdk_reader *r, struct pdk_create_ttl_request *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->flags = pdk_read_i32(r);
    out->ttl = pdk_read_i64(r);
    if (r->failed) *out = (struct pdk_create_ttl_request){0};
}

void pdk_put_create_ttl_request(struct pdk_buf *b, const struct pdk_create_ttl_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_vec(b, &in->acl);
    pdk_put_i32(b, in->flags);
    pdk_put_i64(b, in->ttl);
}

void pdk_read_create_response(struct pdk_reader *r, struct pdk_create_response *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_create_response){0};
}

void pdk_put_create_response(struct pdk_buf *b, const struct pdk_create_response *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_create2_response(struct pdk_reader *r, struct pdk_create2_response *out)
{
    out->path = pdk_read_bytes(r);
    pdk_read_stat(r, &out->stat);
    if (r->failed) *out = (struct pdk_create2_response){0};
}

void pdk_put_create2_response(struct pdk_buf *b, const struct pdk_create2_response *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_stat(b, &in->stat);
}

void pdk_read_delete_request(struct pdk_reader *r, struct pdk_delete_request *out)
{
    out->path = pdk_read_bytes(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_delete_request){0};
}

void pdk_put_delete_request(struct pdk_buf *b, const struct pdk_delete_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_i32(b, in->version);
}

void pdk_read_check_version_request(struct pdk_reader *r, struct pdk_check_version_request *out)
{
    out->path = pdk_read_bytes(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_check_version_request){0};
}

void pdk_put_check_version_request(struct pdk_buf *b, const struct pdk_check_version_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_i32(b, in->version);
}

void pdk_read_get_children_request(struct pdk_reader *r, struct pdk_get_children_request *out)
{
    out->path = pdk_read_bytes(r);
    out->watch = pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_get_children_request){0};
}

void pdk_put_get_children_request(struct pdk_buf *b, const struct pdk_get_children_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bool(b, in->watch);
}

void pdk_read_get_children_response(struct pdk_reader *r, struct pdk_get_children_response *out)
{
    out->children = pdk_read_ustring_vec(r);
    if (r->failed) *out = (struct pdk_get_children_response){0};
}

void pdk_put_get_children_response(struct pdk_buf *b, const struct pdk_get_children_response *in)
{
    pdk_put_vec(b, &in->children);
}

void pdk_read_get_children2_request(struct pdk_reader *r, struct pdk_get_children2_request *out)
{
    out->path = pdk_read_bytes(r);
    out->watch = pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_get_children2_request){0};
}

void pdk_put_get_children2_request(struct pdk_buf *b, const struct pdk_get_children2_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bool(b, in->watch);
}

void pdk_read_get_children2_response(struct pdk_reader *r, struct pdk_get_children2_response *out)
{
    out->children = pdk_read_ustring_vec(r);
    pdk_read_stat(r, &out->stat);
    if (r->failed) *out = (struct pdk_get_children2_response){0};
}

void pdk_put_get_children2_response(struct pdk_buf *b, const struct pdk_get_children2_response *in)
{
    pdk_put_vec(b, &in->children);
    pdk_put_stat(b, &in->stat);
}

void pdk_read_get_all_children_number_request(struct pdk_reader *r,
                                              struct pdk_get_all_children_number_request *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_get_all_children_number_request){0};
}

void pdk_put_get_all_children_number_request(struct pdk_buf *b,
                                             const struct pdk_get_all_children_number_request *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_get_acl_request(struct pdk_reader *r, struct pdk_get_acl_request *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_get_acl_request){0};
}

void pdk_put_get_acl_request(struct pdk_buf *b, const struct pdk_get_acl_request *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_get_acl_response(struct pdk_reader *r, struct pdk_get_acl_response *out)
{
    out->acl = pdk_read_acl_vec(r);
    pdk_read_stat(r, &out->stat);
    if (r->failed) *out = (struct pdk_get_acl_response){0};
}

void pdk_put_get_acl_response(struct pdk_buf *b, const struct pdk_get_acl_response *in)
{
    pdk_put_vec(b, &in->acl);
    pdk_put_stat(b, &in->stat);
}

void pdk_read_set_acl_request(struct pdk_reader *r, struct pdk_set_acl_request *out)
{
    out->path = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_set_acl_request){0};
}

void pdk_put_set_acl_request(struct pdk_buf *b, const struct pdk_set_acl_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_vec(b, &in->acl);
    pdk_put_i32(b, in->version);
}

void pdk_read_sync_request(struct pdk_reader *r, struct pdk_sync_request *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_sync_request){0};
}

void pdk_put_sync_request(struct pdk_buf *b, const struct pdk_sync_request *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_sync_response(struct pdk_reader *r, struct pdk_sync_response *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_sync_response){0};
}

void pdk_put_sync_response(struct pdk_buf *b, const struct pdk_sync_response *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_get_ephemerals_request(struct pdk_reader *r, struct pdk_get_ephemerals_request *out)
{
    out->prefix_path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_get_ephemerals_request){0};
}

void pdk_put_get_ephemerals_request(struct pdk_buf *b, const struct pdk_get_ephemerals_request *in)
{
    pdk_put_bytes(b, in->prefix_path);
}

void pdk_read_get_ephemerals_response(struct pdk_reader *r, struct pdk_get_ephemerals_response *out)
{
    out->ephemerals = pdk_read_ustring_vec(r);
    if (r->failed) *out = (struct pdk_get_ephemerals_response){0};
}

void pdk_put_get_ephemerals_response(struct pdk_buf *b,
                                     const struct pdk_get_ephemerals_response *in)
{
    pdk_put_vec(b, &in->ephemerals);
}

void pdk_read_check_watches_request(struct pdk_reader *r, struct pdk_check_watches_request *out)
{
    out->path = pdk_read_bytes(r);
    out->type = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_check_watches_request){0};
}

void pdk_put_check_watches_request(struct pdk_buf *b, const struct pdk_check_watches_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_i32(b, in->type);
}

void pdk_read_remove_watches_request(struct pdk_reader *r, struct pdk_remove_watches_request *out)
{
    out->path = pdk_read_bytes(r);
    out->type = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_remove_watches_request){0};
}

void pdk_put_remove_watches_request(struct pdk_buf *b, const struct pdk_remove_watches_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_i32(b, in->type);
}

void pdk_read_add_watch_request(struct pdk_reader *r, struct pdk_add_watch_request *out)
{
    out->path = pdk_read_bytes(r);
    out->mode = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_add_watch_request){0};
}

void pdk_put_add_watch_request(struct pdk_buf *b, const struct pdk_add_watch_request *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_i32(b, in->mode);
}

void pdk_read_set_watches(struct pdk_reader *r, struct pdk_set_watches *out)
{
    out->relative_zxid = pdk_read_i64(r);
    out->data_watches = pdk_read_ustring_vec(r);
    out->exist_watches = pdk_read_ustring_vec(r);
    out->child_watches = pdk_read_ustring_vec(r);
    if (r->failed) *out = (struct pdk_set_watches){0};
}

void pdk_put_set_watches(struct pdk_buf *b, const struct pdk_set_watches *in)
{
    pdk_put_i64(b, in->relative_zxid);
    pdk_put_vec(b, &in->data_watches);
    pdk_put_vec(b, &in->exist_watches);
    pdk_put_vec(b, &in->child_watches);
}

void pdk_read_set_watches2(struct pdk_reader *r, struct pdk_set_watches2 *out)
{
    out->relative_zxid = pdk_read_i64(r);
    out->data_watches = pdk_read_ustring_vec(r);
    out->exist_watches = pdk_read_ustring_vec(r);
    out->child_watches = pdk_read_ustring_vec(r);
    out->persistent_watches = pdk_read_ustring_vec(r);
    out->persistent_recursive_watches = pdk_read_ustring_vec(r);
    if (r->failed) *out = (struct pdk_set_watches2){0};
}

void pdk_put_set_watches2(struct pdk_buf *b, const struct pdk_set_watches2 *in)
{
    pdk_put_i64(b, in->relative_zxid);
    pdk_put_vec(b, &in->data_watches);
    pdk_put_vec(b, &in->exist_watches);
    pdk_put_vec(b, &in->child_watches);
    pdk_put_vec(b, &in->persistent_watches);
    pdk_put_vec(b, &in->persistent_recursive_watches);
}

void pdk_read_watcher_event(struct pdk_reader *r, struct pdk_watcher_event *out)
{
    out->type = pdk_read_i32(r);
    out->state = pdk_read_i32(r);
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_watcher_event){0};
}

void pdk_put_watcher_event(struct pdk_buf *b, const struct pdk_watcher_event *in)
{
    pdk_put_i32(b, in->type);
    pdk_put_i32(b, in->state);
    pdk_put_bytes(b, in->path);
}

void pdk_read_get_sasl_request(struct pdk_reader *r, struct pdk_get_sasl_request *out)
{
    out->token = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_get_sasl_request){0};
}

void pdk_put_get_sasl_request(struct pdk_buf *b, const struct pdk_get_sasl_request *in)
{
    pdk_put_bytes(b, in->token);
}

void pdk_read_set_sasl_request(struct pdk_reader *r, struct pdk_set_sasl_request *out)
{
    out->token = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_set_sasl_request){0};
}

void pdk_put_set_sasl_request(struct pdk_buf *b, const struct pdk_set_sasl_request *in)
{
    pdk_put_bytes(b, in->token);
}

void pdk_read_set_sasl_response(struct pdk_reader *r, struct pdk_set_sasl_response *out)
{
    out->token = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_set_sasl_response){0};
}

void pdk_put_set_sasl_response(struct pdk_buf *b, const struct pdk_set_sasl_response *in)
{
    pdk_put_bytes(b, in->token);
}

void pdk_read_reconfig_request(struct pdk_reader *r, struct pdk_reconfig_request *out)
{
    out->joining_servers = pdk_read_bytes(r);
    out->leaving_servers = pdk_read_bytes(r);
    out->new_members = pdk_read_bytes(r);
    out->cur_config_id = pdk_read_i64(r);
    if (r->failed) *out = (struct pdk_reconfig_request){0};
}

void pdk_put_reconfig_request(struct pdk_buf *b, const struct pdk_reconfig_request *in)
{
    pdk_put_bytes(b, in->joining_servers);
    pdk_put_bytes(b, in->leaving_servers);
    pdk_put_bytes(b, in->new_members);
    pdk_put_i64(b, in->cur_config_id);
}

void pdk_read_who_am_i_response(struct pdk_reader *r, struct pdk_who_am_i_response *out)
{
    out->client_info = pdk_read_client_info_vec(r);
    if (r->failed) *out = (struct pdk_who_am_i_response){0};
}

void pdk_put_who_am_i_response(struct pdk_buf *b, const struct pdk_who_am_i_response *in)
{
    pdk_put_vec(b, &in->client_info);
}

void pdk_read_delete_container_request(struct pdk_reader *r,
                                       struct pdk_delete_container_request *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_delete_container_request){0};
}

void pdk_put_delete_container_request(struct pdk_buf *b,
                                      const struct pdk_delete_container_request *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_create_txn(struct pdk_reader *r, struct pdk_create_txn *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->ephemeral = pdk_read_bool(r);
    out->parent_cversion = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_create_txn){0};
}

void pdk_put_create_txn(struct pdk_buf *b, const struct pdk_create_txn *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_vec(b, &in->acl);
    pdk_put_bool(b, in->ephemeral);
    pdk_put_i32(b, in->parent_cversion);
}

void pdk_read_create_txn_v0(struct pdk_reader *r, struct pdk_create_txn_v0 *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->ephemeral = pdk_read_bool(r);
    if (r->failed) *out = (struct pdk_create_txn_v0){0};
}

void pdk_put_create_txn_v0(struct pdk_buf *b, const struct pdk_create_txn_v0 *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_vec(b, &in->acl);
    pdk_put_bool(b, in->ephemeral);
}

void pdk_read_create_container_txn(struct pdk_reader *r, struct pdk_create_container_txn *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->parent_cversion = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_create_container_txn){0};
}

void pdk_put_create_container_txn(struct pdk_buf *b, const struct pdk_create_container_txn *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_vec(b, &in->acl);
    pdk_put_i32(b, in->parent_cversion);
}

void pdk_read_create_ttl_txn(struct pdk_reader *r, struct pdk_create_ttl_txn *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->parent_cversion = pdk_read_i32(r);
    out->ttl = pdk_read_i64(r);
    if (r->failed) *out = (struct pdk_create_ttl_txn){0};
}

void pdk_put_create_ttl_txn(struct pdk_buf *b, const struct pdk_create_ttl_txn *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_vec(b, &in->acl);
    pdk_put_i32(b, in->parent_cversion);
    pdk_put_i64(b, in->ttl);
}

void pdk_read_delete_txn(struct pdk_reader *r, struct pdk_delete_txn *out)
{
    out->path = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_delete_txn){0};
}

void pdk_put_delete_txn(struct pdk_buf *b, const struct pdk_delete_txn *in)
{
    pdk_put_bytes(b, in->path);
}

void pdk_read_set_data_txn(struct pdk_reader *r, struct pdk_set_data_txn *out)
{
    out->path = pdk_read_bytes(r);
    out->data = pdk_read_bytes(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_set_data_txn){0};
}

void pdk_put_set_data_txn(struct pdk_buf *b, const struct pdk_set_data_txn *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_bytes(b, in->data);
    pdk_put_i32(b, in->version);
}

void pdk_read_set_acl_txn(struct pdk_reader *r, struct pdk_set_acl_txn *out)
{
    out->path = pdk_read_bytes(r);
    out->acl = pdk_read_acl_vec(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_set_acl_txn){0};
}

void pdk_put_set_acl_txn(struct pdk_buf *b, const struct pdk_set_acl_txn *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_vec(b, &in->acl);
    pdk_put_i32(b, in->version);
}

void pdk_read_check_version_txn(struct pdk_reader *r, struct pdk_check_version_txn *out)
{
    out->path = pdk_read_bytes(r);
    out->version = pdk_read_i32(r);
    if (r->failed) *out = (struct pdk_check_version_txn){0};
}

void pdk_put_check_version_txn(struct pdk_buf *b, const struct pdk_check_version_txn *in)
{
    pdk_put_bytes(b, in->path);
    pdk_put_i32(b, in->version);
}

void pdk_read_close_session_txn(struct pdk_reader *r, struct pdk_close_session_txn *out)
{
    out->paths2_delete = pdk_read_ustring_vec(r);
    if (r->failed) *out = (struct pdk_close_session_txn){0};
}

void pdk_put_close_session_txn(struct pdk_buf *b, const struct pdk_close_session_txn *in)
{
    pdk_put_vec(b, &in->paths2_delete);
}

void pdk_read_txn(struct pdk_reader *r, struct pdk_txn *out)
{
    out->type = pdk_read_i32(r);
    out->data = pdk_read_bytes(r);
    if (r->failed) *out = (struct pdk_txn){0};
}

void pdk_put_txn(struct pdk_buf *b, const struct pdk_txn *in)
{
    pdk_put_i32(b, in->type);
    pdk_put_bytes(b, in->data);
}

struct pdk_vec pdk_read_txn_vec(struct pdk_reader *r)
{
    struct pdk_vec v = {0};
    v.count = pdk_read_count(r, 8, &v.is_null);
    const uint8_t *start = r->at;
    for (int32_t i = 0; i < v.count && !r->failed; i++) {
        struct pdk_txn element;
        pdk_read_txn(r, &element);
    }
    if (r->failed) return (struct pdk_vec){0};
    v.body = pdk_slice_of(start, (size_t)(r->at - start));
    return v;
}

void pdk_read_multi_txn(struct pdk_reader *r, struct pdk_multi_txn *out)
{
    out->txns = pdk_read_txn_vec(r);
    if (r->failed) *out = (struct pdk_multi_txn){0};
}

void pdk_put_multi_txn(struct pdk_buf *b, const struct pdk_multi_txn *in)
{
    pdk_put_vec(b, &in->txns);
}
