/* Recorded conversations of Apache's servers: every frame decodes into what its note says, and is
 * encoded again to the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/quorum/quorum.h"
#include "jute/records.h"
#include "proto/opcode.h"
#include "proto/qpacket.h"
#include "proto/vote.h"
#include "sim/recording.h"

#define LIMIT ((size_t)1 << 21)
#define SIGNATURE "BenWasHere"

static const char *const folders[] = {"3.8.0", "3.9", "master", "mixed-leader-3.8.0",
                                      "mixed-leader-master"};
static const char *const steps[] = {
    "01-election", "02-observer-joins", "03-broadcast", "04-forwarding",      "05-diff",
    "06-reconfig", "07-snap",           "08-trunc",     "09-trunc-proposals", "10-snap-epoch"};

/* What was seen, so that a test that sees nothing fails. */
struct seen {
    unsigned hellos, notifications, packets[PDK_Q_INFORM_AND_ACTIVATE + 1], bodies, configs;
};

/* ---- configs --------------------------------------------------------------------------------- */

/* Read, and written the same; gives its version. */
static int64_t check_config(struct seen *seen, struct pdk_slice text)
{
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    if (pdk_members_parse(pdk_mem_heap(), text, -1, &m, &diag) != PDK_OK) fail_msg("%s", diag.text);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), LIMIT);
    pdk_members_put_text(m, false, &b);
    assert_true(pdk_slice_eq(pdk_buf_slice(&b), text));
    pdk_buf_deinit(&b);
    int64_t version = m->version;
    pdk_members_drop(m);
    seen->configs++;
    return version;
}

/* ---- election port --------------------------------------------------------------------------- */

static void say_hello(struct pdk_slice bytes, struct pdk_buf *say, struct pdk_buf *again)
{
    struct pdk_hello h;
    size_t used;
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(pdk_hello_read(pdk_slice_of(bytes.bytes, len), &h, &used), PDK_HELLO_MORE);
    assert_int_equal(pdk_hello_read(bytes, &h, &used), PDK_HELLO_WHOLE);
    assert_int_equal(used, bytes.len);
    pdk_put_hello(again, &h);
    struct pdk_slice host;
    int32_t port;
    assert_true(pdk_hello_address(&h.addresses, &host, &port));
    assert_int_equal(h.addresses.len, 0);
    pdk_put_text(say, "initial message version %lld sid %lld address %.*s:%d", (long long)h.version,
                 (long long)h.sid, (int)host.len, (const char *)host.bytes, (int)port);
}

static void say_notification(struct seen *seen, struct pdk_slice bytes, struct pdk_buf *say,
                             struct pdk_buf *again)
{
    struct pdk_notification n;
    assert_true(bytes.len > 4 && pdk_load_u32(bytes.bytes) == bytes.len - 4);
    assert_int_equal(pdk_notification_read(pdk_slice_of(bytes.bytes + 4, bytes.len - 4), &n),
                     PDK_OK);
    pdk_put_vote_notification(again, &n);
    pdk_put_text(say, "notification %s leader %llx zxid %llx round %lld peerEpoch %llx version %d",
                 pdk_peer_state_name(n.state), (unsigned long long)n.leader,
                 (unsigned long long)n.zxid, (long long)n.round, (unsigned long long)n.epoch,
                 (int)n.version);
    pdk_put_text(say, ", config version %llx", (unsigned long long)check_config(seen, n.config));
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void say_list(struct pdk_vec v, struct pdk_buf *say)
{
    struct pdk_reader it = pdk_reader_of(v.body);
    const char *separator = "[";
    for (int32_t i = 0; i < v.count; i++) {
        struct pdk_slice s = pdk_read_bytes(&it);
        pdk_put_text(say, "%s'%.*s'", separator, (int)s.len, (const char *)s.bytes);
        separator = ", ";
    }
    pdk_put_text(say, "%s]", v.count > 0 ? "" : "[");
}

/* Steps over the body of a type that begins with a path; gives the path. */
static struct pdk_slice read_path_txn(struct pdk_reader *r, int32_t type, struct pdk_slice *data)
{
    struct pdk_create_txn create;
    struct pdk_create_container_txn container;
    struct pdk_create_ttl_txn ttl;
    struct pdk_delete_txn gone;
    struct pdk_set_data_txn set;
    struct pdk_set_acl_txn acl;
    struct pdk_check_version_txn check;
    switch (type) {
    case PDK_OP_CREATE:
    case PDK_OP_CREATE2: pdk_read_create_txn(r, &create); return create.path;
    case PDK_OP_CREATE_CONTAINER:
        pdk_read_create_container_txn(r, &container);
        return container.path;
    case PDK_OP_CREATE_TTL: pdk_read_create_ttl_txn(r, &ttl); return ttl.path;
    case PDK_OP_DELETE:
    case PDK_OP_DELETE_CONTAINER: pdk_read_delete_txn(r, &gone); return gone.path;
    case PDK_OP_SET_DATA:
    case PDK_OP_RECONFIG:
        pdk_read_set_data_txn(r, &set);
        *data = set.data;
        return set.path;
    case PDK_OP_SET_ACL: pdk_read_set_acl_txn(r, &acl); return acl.path;
    case PDK_OP_CHECK: pdk_read_check_version_txn(r, &check); return check.path;
    default: fail_msg("type %d", (int)type); return pdk_slice_null();
    }
}

static void say_part(struct pdk_slice body, int32_t type, struct pdk_buf *say)
{
    struct pdk_reader r = pdk_reader_of(body);
    if (type == PDK_OP_ERROR) {
        pdk_put_text(say, "error %d", (int)pdk_read_i32(&r));
    } else {
        struct pdk_slice data, path = read_path_txn(&r, type, &data);
        pdk_put_text(say, "%s %.*s", pdk_op_name(type), (int)path.len, (const char *)path.bytes);
    }
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

static void say_multi(struct pdk_reader *r, struct pdk_buf *say)
{
    struct pdk_multi_txn multi;
    pdk_read_multi_txn(r, &multi);
    struct pdk_reader it = pdk_reader_of(multi.txns.body);
    for (int32_t i = 0; i < multi.txns.count; i++) {
        struct pdk_txn part;
        pdk_read_txn(&it, &part);
        pdk_put_text(say, "%s", i == 0 ? " [" : ", ");
        say_part(part.data, part.type, say);
    }
    pdk_put_u8(say, ']');
}

static void say_body(struct seen *seen, struct pdk_reader *r, const struct pdk_txn_header *head,
                     struct pdk_buf *say)
{
    struct pdk_close_session_txn gone;
    struct pdk_slice data = pdk_slice_null(), path;
    switch (head->type) {
    case PDK_OP_CREATE_SESSION: pdk_put_text(say, " timeout %d", (int)pdk_read_i32(r)); break;
    case PDK_OP_ERROR: pdk_put_text(say, " err %d", (int)pdk_read_i32(r)); break;
    case PDK_OP_MULTI: say_multi(r, say); break;
    case PDK_OP_CLOSE_SESSION:
        pdk_read_close_session_txn(r, &gone);
        pdk_put_text(say, " paths ");
        say_list(gone.paths2_delete, say);
        break;
    default:
        path = read_path_txn(r, head->type, &data);
        pdk_put_text(say, " path %.*s", (int)path.len, (const char *)path.bytes);
    }
    if (head->type == PDK_OP_RECONFIG) assert_int_equal(check_config(seen, data), head->zxid);
}

static void say_txn(struct seen *seen, struct pdk_slice txn, pdk_zxid zxid, struct pdk_buf *say)
{
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header head;
    pdk_read_txn_header(&r, &head);
    assert_int_equal(head.zxid, zxid);
    pdk_put_text(say, " txn %s session %016llx cxid %d zxid %llx time %lld", pdk_op_name(head.type),
                 (unsigned long long)head.client_id, (int)head.cxid, (unsigned long long)head.zxid,
                 (long long)head.time);
    say_body(seen, &r, &head, say);
    if (pdk_reader_left(&r) > 0) {
        struct pdk_txn_digest digest;
        pdk_read_txn_digest(&r, &digest);
        assert_int_equal(digest.version, 2);
        pdk_put_text(say, " digest %llx", (unsigned long long)digest.tree_digest);
    }
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

/* ---- learner port ---------------------------------------------------------------------------- */

static void say_touched(struct pdk_slice data, struct pdk_buf *say)
{
    struct pdk_reader r = pdk_reader_of(data);
    pdk_put_text(say, " touched [");
    for (const char *separator = ""; pdk_reader_left(&r) > 0; separator = ", ") {
        int64_t session = pdk_read_i64(&r);
        int32_t timeout_ms = pdk_read_i32(&r);
        pdk_put_text(say, "%s'%016llx %d ms'", separator, (unsigned long long)session,
                     (int)timeout_ms);
    }
    assert_false(r.failed);
    pdk_put_u8(say, ']');
}

static void say_request(const struct pdk_qpacket *p, struct pdk_buf *say)
{
    struct pdk_reader r = pdk_reader_of(p->data), it = pdk_reader_of(p->authinfo.body);
    int64_t session = pdk_read_i64(&r);
    int32_t cxid = pdk_read_i32(&r);
    pdk_put_text(say, " session %016llx cxid %d %s authinfo ", (unsigned long long)session,
                 (int)cxid, pdk_op_name(pdk_read_i32(&r)));
    if (p->authinfo.is_null) {
        pdk_put_text(say, "null");
        return;
    }
    for (int32_t i = 0; i < p->authinfo.count; i++) {
        struct pdk_id id;
        pdk_read_id(&it, &id);
        pdk_put_text(say, "%s'%.*s:%.*s'", i == 0 ? "[" : ", ", (int)id.scheme.len,
                     (const char *)id.scheme.bytes, (int)id.id.len, (const char *)id.id.bytes);
    }
    pdk_put_u8(say, ']');
}

static void say_revalidate(struct pdk_slice data, struct pdk_buf *say)
{
    struct pdk_reader r = pdk_reader_of(data);
    pdk_put_text(say, " session %016llx", (unsigned long long)pdk_read_i64(&r));
    if (pdk_reader_left(&r) == 4) {
        pdk_put_text(say, " timeout %d", (int)pdk_read_i32(&r));
    } else {
        pdk_put_text(say, " valid %d", (int)pdk_read_bool(&r));
    }
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
}

static void say_learner_info(struct pdk_slice data, struct pdk_buf *say)
{
    struct pdk_learner_info info = pdk_learner_info_of(data);
    assert_true(info.has_sid && info.has_config_version && !info.is_paddock);
    pdk_put_text(say, " sid %lld protocol %x config version %llx", (long long)info.sid,
                 (unsigned)info.protocol, (unsigned long long)info.config_version);
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 100);
    pdk_put_learner_info(&b, &info);
    assert_true(pdk_slice_eq(pdk_buf_slice(&b), data));
    pdk_buf_deinit(&b);
}

static void say_leader_info(struct pdk_slice data, struct pdk_buf *say)
{
    struct pdk_leader_info info = pdk_leader_info_of(data);
    assert_int_equal(data.len, 4);
    assert_false(info.is_paddock);
    pdk_put_text(say, " protocol %x", (unsigned)info.protocol);
}

static int64_t read_only_i64(struct pdk_slice data, size_t used)
{
    struct pdk_reader r = pdk_reader_of(pdk_slice_of(data.bytes, used));
    int64_t value = used == 8 ? pdk_read_i64(&r) : pdk_read_i32(&r);
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    return value;
}

static void say_packet_data(struct seen *seen, const struct pdk_qpacket *p, struct pdk_buf *say)
{
    switch (p->type) {
    case PDK_Q_REQUEST: say_request(p, say); break;
    case PDK_Q_PROPOSAL:
    case PDK_Q_INFORM: say_txn(seen, p->data, p->zxid, say); break;
    case PDK_Q_PING:
        if (p->data.is_null) {
            pdk_put_text(say, " data null");
        } else {
            say_touched(p->data, say);
        }
        break;
    case PDK_Q_REVALIDATE: say_revalidate(p->data, say); break;
    case PDK_Q_COMMIT_AND_ACTIVATE:
        pdk_put_text(say, " designated leader %lld",
                     (long long)read_only_i64(p->data, p->data.len));
        break;
    case PDK_Q_INFORM_AND_ACTIVATE:
        pdk_put_text(say, " designated leader %lld", (long long)read_only_i64(p->data, 8));
        say_txn(seen, pdk_slice_of(p->data.bytes + 8, p->data.len - 8), p->zxid, say);
        break;
    case PDK_Q_NEWLEADER:
        pdk_put_text(say, " config text of %zu bytes", p->data.len);
        (void)check_config(seen, p->data);
        break;
    case PDK_Q_FOLLOWERINFO:
    case PDK_Q_OBSERVERINFO: say_learner_info(p->data, say); break;
    case PDK_Q_LEADERINFO: say_leader_info(p->data, say); break;
    case PDK_Q_ACKEPOCH:
        pdk_put_text(say, " current epoch %d", (int)read_only_i64(p->data, p->data.len));
        break;
    default: assert_true(p->data.is_null);
    }
}

static void say_packet(struct seen *seen, struct pdk_slice bytes, struct pdk_buf *say,
                       struct pdk_buf *again)
{
    struct pdk_qpacket p;
    size_t used;
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(pdk_qpacket_read(pdk_slice_of(bytes.bytes, len), LIMIT, &p, &used),
                         PDK_QFOUND_MORE);
    assert_int_equal(pdk_qpacket_read(bytes, LIMIT, &p, &used), PDK_QFOUND_PACKET);
    assert_int_equal(used, bytes.len);
    assert_in_range(p.type, 1, PDK_COUNT_OF(seen->packets) - 1);
    seen->packets[p.type]++;
    pdk_put_text(say, "%s zxid %llx", pdk_qtype_name(p.type), (unsigned long long)p.zxid);
    say_packet_data(seen, &p, say);
    if (p.authinfo.is_null) {
        pdk_put_qpacket(again, (enum pdk_qtype)p.type, p.zxid, p.data);
    } else {
        assert_int_equal(p.type, PDK_Q_REQUEST);
        pdk_put_qpacket_whole(again, &p);
    }
}

/* sessions | ACL table | znodes ... | "/" | signature */
static void say_snapshot(struct pdk_slice body, struct pdk_buf *say)
{
    struct pdk_reader r = pdk_reader_of(body);
    for (int32_t left = pdk_read_i32(&r); left > 0; left--) {
        (void)pdk_read_i64(&r);
        assert_in_range(pdk_read_i32(&r), 1, 60000);
    }
    int32_t acls = pdk_read_i32(&r);
    for (int32_t i = 1; i <= acls; i++) {
        assert_true(pdk_read_i64(&r) > 0);
        assert_true(pdk_read_acl_vec(&r).count > 0);
    }
    int nodes = 0;
    for (;; nodes++) {
        struct pdk_slice path = pdk_read_bytes(&r);
        if (r.failed || pdk_slice_eq_str(path, "/")) break;
        struct pdk_stat_persisted stat;
        (void)pdk_read_bytes(&r);
        (void)pdk_read_i64(&r);
        pdk_read_stat_persisted(&r, &stat);
        assert_true(stat.czxid <= stat.mzxid);
    }
    assert_true(pdk_slice_eq_str(pdk_read_bytes(&r), SIGNATURE));
    assert_int_equal(pdk_reader_finish(&r), PDK_OK);
    pdk_put_text(say, "snapshot body: %d nodes, ends with the signature " SIGNATURE, nodes);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct frame_check {
    struct seen *seen;
    struct pdk_buf say, again;
    bool expects_body[PDK_RECORDING_STREAMS]; /* a SNAP was the last packet from the acceptor */
    bool greeted[PDK_RECORDING_STREAMS];      /* the dialler has said who it is */
};

static void check_election(struct frame_check *c, const struct pdk_recorded *f)
{
    if (f->from_dialler && !c->greeted[f->stream]) {
        c->greeted[f->stream] = true;
        c->seen->hellos++;
        say_hello(f->bytes, &c->say, &c->again);
    } else {
        c->seen->notifications++;
        say_notification(c->seen, f->bytes, &c->say, &c->again);
    }
}

static void check_learner(struct frame_check *c, const struct pdk_recorded *f)
{
    if (!f->from_dialler && c->expects_body[f->stream]) {
        c->expects_body[f->stream] = false;
        c->seen->bodies++;
        say_snapshot(f->bytes, &c->say);
        pdk_put_raw(&c->again, f->bytes.bytes, f->bytes.len);
    } else {
        say_packet(c->seen, f->bytes, &c->say, &c->again);
        if (pdk_load_u32(f->bytes.bytes) == PDK_Q_SNAP) c->expects_body[f->stream] = true;
    }
}

static void check_frame(struct frame_check *c, const char *path, const struct pdk_recorded *f)
{
    pdk_buf_clear(&c->say);
    pdk_buf_clear(&c->again);
    if (f->is_election) {
        check_election(c, f);
    } else {
        check_learner(c, f);
    }
    if (!pdk_slice_eq(pdk_buf_slice(&c->say), f->note))
        fail_msg("%s:%u: got\n%.*s\nwant\n%.*s", path, f->line, (int)c->say.len,
                 (const char *)c->say.bytes, (int)f->note.len, (const char *)f->note.bytes);
    if (!pdk_slice_eq(pdk_buf_slice(&c->again), f->bytes))
        fail_msg("%s:%u: encoded to other bytes", path, f->line);
}

/* All files of a folder: streams go on from one into the next. */
static void check_folder(struct seen *seen, const char *folder)
{
    struct frame_check c = {.seen = seen};
    pdk_buf_init(&c.say, pdk_mem_heap(), LIMIT);
    pdk_buf_init(&c.again, pdk_mem_heap(), LIMIT);
    for (size_t i = 0; i < PDK_COUNT_OF(steps); i++) {
        char path[200];
        struct pdk_recording r;
        struct pdk_recorded f;
        (void)snprintf(path, sizeof path, "tests/golden/quorum/%s/%s.txt", folder, steps[i]);
        pdk_recording_open(&r, path);
        while (pdk_recording_next(&r, &f)) {
            if (!f.closed) check_frame(&c, path, &f);
        }
        pdk_recording_close(&r);
    }
    pdk_buf_deinit(&c.say);
    pdk_buf_deinit(&c.again);
}

static void every_frame_says_what_its_note_says(void **state)
{
    (void)state;
    struct seen seen = {0};
    for (size_t i = 0; i < PDK_COUNT_OF(folders); i++) check_folder(&seen, folders[i]);
    unsigned packets = 0;
    for (size_t type = 1; type < PDK_COUNT_OF(seen.packets); type++) {
        if (seen.packets[type] == 0) fail_msg("no %s", pdk_qtype_name((int32_t)type));
        packets += seen.packets[type];
    }
    assert_int_equal(seen.hellos, 208);
    assert_int_equal(seen.notifications, 398);
    assert_int_equal(seen.bodies, 16);
    assert_true(seen.configs > 500);
    print_message("%u hellos, %u notifications, %u packets, %u snapshots, %u configs\n",
                  seen.hellos, seen.notifications, packets, seen.bodies, seen.configs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_says_what_its_note_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
