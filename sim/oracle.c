#include "sim/oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "proto/opcode.h"

struct pdk_model_record {
    size_t node_count, change_count;
    struct pdk_model_node *nodes;
    struct pdk_model_change *changes;
    bool unordered;
    uint64_t digest;
};

/* ---- the model's digest (data-model.md section 13), written out plainly ---------------------- */

static void put_u64(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 8; i++) to[i] = (uint8_t)(v >> (56 - 8 * i));
}
static void put_u32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint64_t digest_of(const struct pdk_model_state *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct pdk_model_node *n = &s->nodes[i];
        uint8_t stat[60];
        put_u64(stat, (uint64_t)n->stat.czxid);
        put_u64(stat + 8, (uint64_t)n->stat.mzxid);
        put_u64(stat + 16, (uint64_t)n->stat.pzxid);
        put_u64(stat + 24, (uint64_t)n->stat.ctime);
        put_u64(stat + 32, (uint64_t)n->stat.mtime);
        put_u32(stat + 40, (uint32_t)n->stat.version);
        put_u32(stat + 44, (uint32_t)n->creations);
        put_u32(stat + 48, (uint32_t)n->stat.aversion);
        int64_t owner = n->container ? INT64_MIN : n->stat.ephemeral_owner;
        put_u64(stat + 52, (uint64_t)owner);
        uint32_t crc = PDK_CRC32_INIT;
        if (strcmp(n->path, "/") != 0) crc = pdk_crc32(crc, n->path, strlen(n->path));
        if (n->data_len > 0) crc = pdk_crc32(crc, n->data, n->data_len);
        sum += pdk_crc32(crc, stat, sizeof stat);
    }
    return sum;
}

/* ---- records --------------------------------------------------------------------------------- */

static void *copy_of(const void *from, size_t bytes)
{
    void *to = malloc(bytes > 0 ? bytes : 1);
    PDK_ASSERT(to != NULL);
    if (bytes > 0) memcpy(to, from, bytes);
    return to;
}

static struct pdk_model_record *record(struct pdk_oracle *o, struct pdk_hist *h, bool unordered)
{
    if (o->record_count == o->record_cap) {
        o->record_cap = o->record_cap > 0 ? o->record_cap * 2 : 256;
        o->records = realloc(o->records, o->record_cap * sizeof(struct pdk_model_record *));
        PDK_ASSERT(o->records != NULL);
    }
    struct pdk_model_record *r = calloc(1, sizeof *r);
    PDK_ASSERT(r != NULL);
    const struct pdk_model_state *s = o->now;
    *r = (struct pdk_model_record){
        .node_count = s->count,
        .change_count = s->change_count,
        .nodes = copy_of(s->nodes, s->count * sizeof *s->nodes),
        .changes = copy_of(s->changes, s->change_count * sizeof *s->changes),
        .unordered = unordered,
        .digest = digest_of(s),
    };
    o->records[o->record_count++] = r;
    h->oracle = r;
    return r;
}

const struct pdk_model_state *pdk_oracle_state(struct pdk_oracle *o, const struct pdk_hist *h)
{
    const struct pdk_model_record *r = h->oracle;
    PDK_ASSERT(r != NULL);
    if (o->expanded_of == h) return o->expanded;
    struct pdk_model_state *s = o->expanded;
    s->zxid = h->zxid;
    s->count = r->node_count;
    memcpy(s->nodes, r->nodes, r->node_count * sizeof *r->nodes);
    s->change_count = 0;
    o->expanded_of = h;
    return s;
}

const struct pdk_model_change *pdk_oracle_changes(const struct pdk_hist *h, size_t *count,
                                                  bool *unordered)
{
    const struct pdk_model_record *r = h->oracle;
    *count = r->change_count;
    *unordered = r->unordered;
    return r->changes;
}

void pdk_oracle_init(struct pdk_oracle *o, struct pdk_world *world, struct pdk_hist *root)
{
    *o = (struct pdk_oracle){.world = world};
    o->now = calloc(1, sizeof *o->now);
    o->scratch = calloc(1, sizeof *o->scratch);
    o->expanded = calloc(1, sizeof *o->expanded);
    PDK_ASSERT(o->now != NULL && o->scratch != NULL && o->expanded != NULL);
    pdk_model_init(o->now);
    record(o, root, false);
}

void pdk_oracle_deinit(struct pdk_oracle *o)
{
    while (o->askers != NULL) {
        struct pdk_asker *next = o->askers->next;
        for (size_t i = 0; i < o->askers->call_count; i++) free(o->askers->calls[i]);
        free(o->askers->calls);
        free(o->askers);
        o->askers = next;
    }
    for (size_t i = 0; i < o->record_count; i++) {
        free(o->records[i]->nodes);
        free(o->records[i]->changes);
        free(o->records[i]);
    }
    free(o->records);
    free(o->fates);
    free(o->now);
    free(o->scratch);
    free(o->expanded);
}

/* ---- clients --------------------------------------------------------------------------------- */

bool pdk_op_is_write(int32_t op)
{
    switch (op) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2:
    case PDK_OP_CREATE_CONTAINER:
    case PDK_OP_DELETE:
    case PDK_OP_SET_DATA:
    case PDK_OP_MULTI:
    case PDK_OP_CLOSE_SESSION: return true;
    default: return false;
    }
}

struct pdk_asker *pdk_oracle_asker(struct pdk_oracle *o)
{
    struct pdk_asker *a = calloc(1, sizeof *a);
    PDK_ASSERT(a != NULL);
    a->next = o->askers;
    o->askers = a;
    return a;
}

struct pdk_call *pdk_oracle_call(struct pdk_oracle *o, struct pdk_asker *a)
{
    (void)o;
    if (a->call_count == a->call_cap) {
        a->call_cap = a->call_cap > 0 ? a->call_cap * 2 : 64;
        a->calls = realloc(a->calls, a->call_cap * sizeof(struct pdk_call *));
        PDK_ASSERT(a->calls != NULL);
    }
    struct pdk_call *c = calloc(1, sizeof *c);
    PDK_ASSERT(c != NULL);
    a->calls[a->call_count++] = c;
    return c;
}

struct pdk_call *pdk_asker_call(const struct pdk_asker *a, int32_t xid)
{
    return xid >= 1 && (size_t)xid <= a->call_count ? a->calls[xid - 1] : NULL;
}

void pdk_oracle_sent(struct pdk_oracle *o, struct pdk_call *call, uint32_t connection)
{
    call->connection = connection;
    call->floor = o->answered;
}

/* It makes no more znodes of new names. */
static void settle_sequential(struct pdk_oracle *o, struct pdk_call *call)
{
    o->sequential -= call->sequential;
    call->sequential = 0;
}

void pdk_oracle_lost(struct pdk_oracle *o, struct pdk_call *call)
{
    call->lost = true;
    o->counts.lost++;
    if (call->connection == 0) settle_sequential(o, call);
}

static struct pdk_asker *find_asker(const struct pdk_oracle *o, pdk_session session)
{
    struct pdk_asker *a = o->askers;
    while (a != NULL && a->session != session) a = a->next;
    return a;
}

void pdk_oracle_heard(struct pdk_oracle *o, uint32_t server, pdk_session session)
{
    struct pdk_session_fate *fate =
        (struct pdk_session_fate *)(uintptr_t)pdk_oracle_fate(o, session);
    if (fate != NULL && server < PDK_ORACLE_SERVERS) fate->heard_us[server] = o->world->now_us;
}

void pdk_oracle_born(struct pdk_oracle *o, uint32_t server, struct pdk_hist *h)
{
    if (h->born) return;
    h->born = true;
    h->silent_us = INT64_MAX / 1000;
    const struct pdk_session_fate *fate = pdk_oracle_fate(o, h->header.client_id);
    if (fate != NULL && server < PDK_ORACLE_SERVERS)
        h->silent_us = o->world->now_us - fate->heard_us[server];
}

const struct pdk_session_fate *pdk_oracle_fate(const struct pdk_oracle *o, pdk_session id)
{
    for (size_t i = o->fate_count; i-- > 0;) {
        if (o->fates[i].id == id) return &o->fates[i];
    }
    return NULL;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void wrong(struct pdk_oracle *o, const struct pdk_hist *h, const char *what)
{
    pdk_world_fail(
        o->world, "committed 0x%" PRIx64 " (type %d, session 0x%" PRIx64 ", cxid %d): %s",
        (uint64_t)h->zxid, h->header.type, (uint64_t)h->header.client_id, h->header.cxid, what);
}

static struct pdk_slice body_of(const struct pdk_hist *h)
{
    return pdk_slice_of(h->txn.bytes + PDK_TXN_HEADER_LEN, h->txn.len - PDK_TXN_HEADER_LEN);
}

static void open_session(struct pdk_oracle *o, const struct pdk_hist *h)
{
    /* Ids come from the wall clock: when that jumps back, one that is dead may come again. */
    const struct pdk_session_fate *earlier = pdk_oracle_fate(o, h->header.client_id);
    if (earlier != NULL && earlier->closed == 0) {
        wrong(o, h, "another session lives that has this id");
        return;
    }
    if (o->fate_count == o->fate_cap) {
        o->fate_cap = o->fate_cap > 0 ? o->fate_cap * 2 : 64;
        o->fates = realloc(o->fates, o->fate_cap * sizeof *o->fates);
        PDK_ASSERT(o->fates != NULL);
    }
    struct pdk_reader r = pdk_reader_of(body_of(h));
    o->fates[o->fate_count++] = (struct pdk_session_fate){
        .id = h->header.client_id, .timeout_ms = pdk_read_i32(&r), .opened = h->zxid};
    o->counts.opens++;
}

/* A new leader gives every session its full timeout, so none may expire sooner. */
static void check_not_early(struct pdk_oracle *o, const struct pdk_hist *h,
                            const struct pdk_session_fate *fate)
{
    int64_t silent_ms = h->silent_us / PDK_SIM_MS;
    if (silent_ms * 110 / 100 + o->tick_ms < fate->timeout_ms)
        wrong(o, h, "a session has expired of which its leader has heard within its timeout");
    if (o->led_since_us == NULL) return;
    int64_t since = o->led_since_us(o->led_ctx, h->zxid >> 32);
    if (since < 0) return;
    int64_t passed_ms = (o->world->now_us - since) / PDK_SIM_MS;
    if (passed_ms * 110 / 100 + o->tick_ms < fate->timeout_ms)
        wrong(o, h, "a session has expired before a full timeout under its leader");
}

static void close_session(struct pdk_oracle *o, const struct pdk_hist *h)
{
    struct pdk_session_fate *fate =
        (struct pdk_session_fate *)(uintptr_t)pdk_oracle_fate(o, h->header.client_id);
    struct pdk_asker *a = find_asker(o, h->header.client_id);
    struct pdk_call *call = a != NULL ? pdk_asker_call(a, h->header.cxid) : NULL;
    struct pdk_model_op op = {.op = PDK_OP_CLOSE_SESSION, .session = h->header.client_id};
    char none[PDK_MODEL_PATH];
    if (fate == NULL) {
        wrong(o, h, "a session ends that was never opened");
        return;
    }
    if (fate->closed != 0) {
        /* Its client's wish may be overtaken by its end; nothing is left to be done. */
        if (call == NULL || call->committed != NULL) wrong(o, h, "a session ends twice");
        if (call != NULL) call->committed = (struct pdk_hist *)(uintptr_t)h;
        return;
    }
    fate->closed = h->zxid;
    fate->expired = call == NULL;
    if (h->header.cxid != 0 && (call == NULL || call->op != PDK_OP_CLOSE_SESSION))
        wrong(o, h, "nobody asked for the end of this session");
    for (size_t i = 0; a != NULL && i < a->call_count; i++) settle_sequential(o, a->calls[i]);
    if (call != NULL) {
        call->committed = (struct pdk_hist *)(uintptr_t)h;
        o->counts.closes++;
    } else {
        o->counts.expiries++;
        check_not_early(o, h, fate);
    }
    (void)pdk_model_apply(o->now, &op, h->zxid, none);
}

/* The server's own removal of an empty container. */
static void remove_container(struct pdk_oracle *o, const struct pdk_hist *h)
{
    struct pdk_model_op op = {.op = PDK_OP_DELETE_CONTAINER};
    char none[PDK_MODEL_PATH];
    struct pdk_reader r = pdk_reader_of(body_of(h));
    struct pdk_slice path = pdk_read_bytes(&r);
    if (r.failed || path.len >= sizeof op.path) {
        wrong(o, h, "an unknown container is removed");
        return;
    }
    memcpy(op.path, path.bytes, path.len);
    const struct pdk_model_node *n = pdk_model_find(o->now, op.path);
    if (n == NULL || !pdk_model_is_due(o->now, n, 0)) {
        wrong(o, h, "a container is removed that must stay");
        return;
    }
    (void)pdk_model_apply(o->now, &op, h->zxid, none);
    o->counts.removals++;
}

/* Carries the call out on the model: all of it or nothing. */
static enum pdk_code carry_out(struct pdk_oracle *o, const struct pdk_hist *h, struct pdk_call *c)
{
    struct pdk_model_state *s = o->now;
    memcpy(o->scratch, s, sizeof *s);
    c->failed_at = c->op_count;
    for (size_t i = 0; i < c->op_count; i++) {
        struct pdk_model_op op = c->ops[i];
        struct pdk_verdict *v = &c->verdicts[i];
        op.time_ms = h->header.time;
        op.session = h->header.client_id;
        memcpy(v->path, op.path, sizeof v->path);
        v->code = pdk_model_apply(s, &op, h->zxid, v->path);
        if (v->code != PDK_CODE_OK) {
            c->failed_at = i;
            memcpy(s, o->scratch, sizeof *s);
            s->zxid = h->zxid;
            return v->code;
        }
        const struct pdk_model_node *n = pdk_model_find(s, v->path);
        if (n != NULL) pdk_model_stat(s, n, &v->stat);
    }
    return PDK_CODE_OK;
}

/* Codes that depend on more than the tree: nothing is done then. */
static bool is_refusal(int32_t code)
{
    return code == PDK_CODE_SESSION_MOVED || code == PDK_CODE_SESSION_EXPIRED;
}

/* What comes of one connection is taken in order, without holes. */
static void check_order(struct pdk_oracle *o, const struct pdk_hist *h, struct pdk_asker *a,
                        const struct pdk_call *call)
{
    if (h->header.cxid <= a->last_committed_xid) {
        wrong(o, h, "it comes behind a later request of its session");
        return;
    }
    for (int32_t xid = h->header.cxid - 1; xid > a->last_committed_xid; xid--) {
        const struct pdk_call *earlier = pdk_asker_call(a, xid);
        if (earlier->connection != call->connection) break;
        if (pdk_op_is_write(earlier->op) && earlier->committed == NULL && !earlier->local) {
            wrong(o, h, "an earlier write of the same connection has been left out");
            return;
        }
    }
    a->last_committed_xid = h->header.cxid;
}

static void check_outcome(struct pdk_oracle *o, const struct pdk_hist *h, struct pdk_call *call,
                          enum pdk_code code)
{
    int32_t type = h->header.type;
    struct pdk_reader r = pdk_reader_of(body_of(h));
    int32_t told = type == PDK_OP_ERROR ? pdk_read_i32(&r) : PDK_CODE_OK;
    if (is_refusal(told)) {
        /* Take it back. */
        memcpy(o->now, o->scratch, sizeof *o->now);
        o->now->zxid = h->zxid;
        call->code = (enum pdk_code)told;
        call->refused = true;
        o->counts.refused++;
        return;
    }
    call->code = code;
    if (type == PDK_OP_MULTI && call->op == PDK_OP_MULTI) return; /* its parts show in the digest */
    if (told != (int32_t)code)
        pdk_world_fail(o->world, "committed 0x%" PRIx64 ": the server says %s, the model %s",
                       (uint64_t)h->zxid, pdk_code_name(told), pdk_code_name((int32_t)code));
    else if (code == PDK_CODE_OK && type != call->op)
        wrong(o, h, "it is of another type than its request");
}

static void take_request(struct pdk_oracle *o, struct pdk_hist *h)
{
    struct pdk_asker *a = find_asker(o, h->header.client_id);
    struct pdk_call *call = a != NULL ? pdk_asker_call(a, h->header.cxid) : NULL;
    if (call == NULL || call->connection == 0 || !pdk_op_is_write(call->op)) {
        wrong(o, h, "nobody asked for it");
        return;
    }
    if (call->committed != NULL) {
        wrong(o, h, "it was committed before");
        return;
    }
    call->committed = h;
    settle_sequential(o, call);
    if (h->zxid <= call->floor) {
        wrong(o, h, "a later write had been answered before it was sent");
        return;
    }
    const struct pdk_session_fate *fate = pdk_oracle_fate(o, h->header.client_id);
    bool over = fate == NULL || fate->closed != 0;
    if (over && h->header.type != PDK_OP_ERROR) {
        wrong(o, h, "its session is not there");
        return;
    }
    enum pdk_code code = carry_out(o, h, call);
    check_outcome(o, h, call, code);
    /* What came too late, over a connection that is no longer the session's, is refused. */
    if (!call->refused) check_order(o, h, a, call);
    o->counts.committed_after_loss += call->lost;
    if (call->code == PDK_CODE_OK)
        o->counts.writes++;
    else
        o->counts.failed_writes++;
}

/* The digest behind the transaction, as its leader has foretold it. */
static void check_foretold(struct pdk_oracle *o, const struct pdk_hist *h, uint64_t digest)
{
    if (h->header.type == PDK_OP_ERROR || h->txn.len < PDK_TXN_HEADER_LEN + PDK_TXN_DIGEST_LEN)
        return;
    struct pdk_txn_digest d;
    struct pdk_reader r = pdk_reader_of(
        pdk_slice_of(h->txn.bytes + h->txn.len - PDK_TXN_DIGEST_LEN, PDK_TXN_DIGEST_LEN));
    pdk_read_txn_digest(&r, &d);
    if (d.version == 2 && (uint64_t)d.tree_digest != digest)
        wrong(o, h, "its digest is not the model's");
}

void pdk_oracle_committed(struct pdk_oracle *o, struct pdk_hist *h)
{
    o->now->change_count = 0;
    o->now->zxid = h->zxid;
    switch (h->header.type) {
    case PDK_OP_CREATE_SESSION: open_session(o, h); break;
    case PDK_OP_CLOSE_SESSION: close_session(o, h); break;
    case PDK_OP_DELETE_CONTAINER: remove_container(o, h); break;
    case PDK_OP_ERROR:
        /* The server's own wishes may be overtaken. */
        if (h->header.client_id == 0 || h->header.cxid == 0) break;
        take_request(o, h);
        break;
    default: take_request(o, h); break;
    }
    if (o->world->failed) return;
    const struct pdk_model_record *r = record(o, h, h->header.type == PDK_OP_CLOSE_SESSION);
    check_foretold(o, h, r->digest);
    if (h->has_digest) pdk_oracle_digest(o, h);
}

void pdk_oracle_digest(struct pdk_oracle *o, const struct pdk_hist *h)
{
    const struct pdk_model_record *r = h->oracle;
    if (r == NULL || r->digest == h->digest) return;
    pdk_world_fail(o->world,
                   "server %u has another tree than the model at 0x%" PRIx64 ": digest 0x%" PRIx64
                   ", model 0x%" PRIx64,
                   h->digest_by, (uint64_t)h->zxid, h->digest, r->digest);
}
