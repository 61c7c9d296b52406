/* Recorded conversations of Apache's leaders and learners: ours, in the place of either side, say
 * the same.  Disks are done at once.
 *
 * Learner: a stream is played from its greeting to its end; what the learner brought is read from
 * its first words.  Not compared: PINGs, REQUESTs and REVALIDATEs (the node's), the four bytes that
 * ours adds to its greeting, acks of what was committed before UPTODATE (releases differ, leaders
 * ignore them), and acks that the recorded server no longer came to.
 *
 * Leader: a term is played with all its streams, in the order of the recording. */
#include "core/zab/leader.h"
#include "core/zab/testing_learner.h"
#include "proto/vote.h"
#include "sim/recording.h"

static const char *const folders[] = {"3.8.0", "3.9", "master", "mixed-leader-3.8.0",
                                      "mixed-leader-master"};
static const char *const steps[] = {
    "01-election", "02-observer-joins", "03-broadcast", "04-forwarding",      "05-diff",
    "06-reconfig", "07-snap",           "08-trunc",     "09-trunc-proposals", "10-snap-epoch"};

/* ---- a folder in memory ---------------------------------------------------------------------- */

#define FRAMES_MAX 8192

struct frame {
    unsigned step, line, stream;
    bool closed, from_learner, is_body;
    struct pdk_slice bytes;
};

struct config_text {
    int64_t version;
    struct pdk_slice text;
};

struct folder {
    const char *name;
    struct pdk_buf bytes; /* of all frames */
    struct frame *frames; /* of learner ports */
    size_t count;
    struct config_text configs[64];
    size_t config_count;
    struct pdk_recorded_stream streams[PDK_RECORDING_STREAMS];
};

/* Configs travel as text in notifications, in NEWLEADER and in reconfigs. */
static void find_config(struct folder *f, struct pdk_slice bytes)
{
    static const char start[] = "server.1=", last[] = "\nversion=";
    const uint8_t *from = memmem(bytes.bytes, bytes.len, start, strlen(start));
    if (from == NULL) from = memmem(bytes.bytes, bytes.len, "server.", 7);
    if (from == NULL) return;
    size_t left = (size_t)(bytes.bytes + bytes.len - from);
    const uint8_t *to = memmem(from, left, last, strlen(last));
    assert_non_null(to);
    char hex[17] = {0};
    to += strlen(last);
    for (size_t i = 0; i < 16 && to < bytes.bytes + bytes.len && strchr("0123456789abcdef", *to);
         i++)
        hex[i] = (char)*to++;
    int64_t version = strtoll(hex, NULL, 16);
    for (size_t i = 0; i < f->config_count; i++) {
        if (f->configs[i].version == version) return;
    }
    assert_true(f->config_count < PDK_COUNT_OF(f->configs));
    f->configs[f->config_count++] =
        (struct config_text){version, pdk_slice_of(from, (size_t)(to - from))};
}

static struct pdk_members *config_of(const struct folder *f, int64_t version)
{
    for (size_t i = 0; i < f->config_count; i++) {
        if (f->configs[i].version != version) continue;
        struct pdk_members *m;
        struct pdk_diag diag;
        assert_int_equal(pdk_members_parse(pdk_mem_heap(), f->configs[i].text, 0, &m, &diag),
                         PDK_OK);
        return m;
    }
    fail_msg("%s: no config of version %llx", f->name, (unsigned long long)version);
    return NULL;
}

static void load_step(struct folder *f, unsigned step, struct pdk_buf *all)
{
    char path[200];
    struct pdk_recording r;
    struct pdk_recorded record;
    (void)snprintf(path, sizeof path, "tests/golden/quorum/%s/%s.txt", f->name, steps[step]);
    pdk_recording_open(&r, path);
    while (pdk_recording_next(&r, &record)) {
        assert_true(all->len + record.bytes.len <= all->cap); /* addresses stay */
        struct pdk_slice bytes = pdk_slice_of(all->bytes + all->len, record.bytes.len);
        pdk_put_raw(all, record.bytes.bytes, record.bytes.len);
        find_config(f, bytes);
        if (record.is_election) continue;
        f->streams[record.stream] = r.streams[record.stream];
        assert_true(f->count < FRAMES_MAX);
        f->frames[f->count++] = (struct frame){.step = step,
                                               .line = record.line,
                                               .stream = record.stream,
                                               .closed = record.closed,
                                               .from_learner = record.from_dialler,
                                               .bytes = bytes};
    }
    pdk_recording_close(&r);
}

static void mark_bodies(struct folder *f)
{
    bool expects[PDK_RECORDING_STREAMS] = {false};
    for (size_t i = 0; i < f->count; i++) {
        struct frame *frame = &f->frames[i];
        if (frame->closed || frame->from_learner) continue;
        frame->is_body = expects[frame->stream];
        expects[frame->stream] = !frame->is_body && pdk_load_u32(frame->bytes.bytes) == PDK_Q_SNAP;
    }
}

static void load(struct folder *f, const char *name)
{
    *f = (struct folder){.name = name};
    pdk_buf_init(&f->bytes, pdk_mem_heap(), SIZE_MAX);
    assert_non_null(pdk_buf_add(&f->bytes, 1 << 22));
    f->bytes.len = 0;
    f->frames = pdk_mem_must_zero(pdk_mem_heap(), FRAMES_MAX, sizeof *f->frames);
    for (unsigned step = 0; step < PDK_COUNT_OF(steps); step++) load_step(f, step, &f->bytes);
    mark_bodies(f);
}

static void unload(struct folder *f)
{
    pdk_buf_deinit(&f->bytes);
    pdk_mem_free(pdk_mem_heap(), f->frames);
}

static struct pdk_qpacket packet_of(const struct frame *frame)
{
    struct pdk_qpacket p;
    size_t used;
    assert_int_equal(pdk_qpacket_read(frame->bytes, 1 << 21, &p, &used), PDK_QFOUND_PACKET);
    assert_int_equal(used, frame->bytes.len);
    return p;
}

/* ---- one stream ------------------------------------------------------------------------------ */

#define PACKETS_MAX 512

struct sent {
    int32_t type;
    pdk_zxid zxid;
    int32_t epoch; /* ACKEPOCH's */
};
struct list {
    struct sent items[PACKETS_MAX];
    size_t count;
};

struct play {
    const struct folder *folder;
    unsigned stream;
    struct rig *r;
    struct list ours, theirs;
    bool lost, gone;          /* gone: one end has closed; what was on its way counts no more */
    pdk_zxid committed_early; /* before UPTODATE */
    /* what the disk has to answer */
    int64_t store;
    bool stores, is_current, appended, loads;
    pdk_zxid load;
    size_t body_bytes;
};

static void add(struct list *list, const struct pdk_qpacket *p)
{
    if (p->type == PDK_Q_PING || p->type == PDK_Q_REQUEST || p->type == PDK_Q_REVALIDATE) return;
    assert_true(list->count < PACKETS_MAX);
    int32_t epoch = p->type == PDK_Q_ACKEPOCH ? (int32_t)pdk_load_u32(p->data.bytes) : 0;
    list->items[list->count++] = (struct sent){p->type, p->zxid, epoch};
}

static void take_sent(struct play *play, struct pdk_slice bytes)
{
    while (bytes.len > 0) {
        struct pdk_qpacket p;
        size_t used;
        assert_int_equal(pdk_qpacket_read(bytes, 1 << 21, &p, &used), PDK_QFOUND_PACKET);
        add(&play->ours, &p);
        bytes = pdk_slice_of(bytes.bytes + used, bytes.len - used);
    }
}

static void carry_out(struct play *play, const struct pdk_zab_effect *e)
{
    switch (e->kind) {
    case PDK_ZAB_SEND: take_sent(play, e->bytes); return;
    case PDK_ZAB_APPEND:
        rig_append(play->r, e);
        rig_forget(play->r);
        play->appended = true;
        return;
    case PDK_ZAB_STORE_ACCEPTED:
    case PDK_ZAB_STORE_CURRENT:
        play->stores = true;
        play->store = e->epoch;
        play->is_current = e->kind == PDK_ZAB_STORE_CURRENT;
        return;
    case PDK_ZAB_SPOOL_ADD: play->body_bytes += e->bytes.len; return;
    case PDK_ZAB_TRUNCATE:
    case PDK_ZAB_SPOOL_END:
        play->loads = true;
        play->load = e->zxid;
        return;
    case PDK_ZAB_LOST:
        rig_keep(play->r->why, sizeof play->r->why, e->bytes);
        play->lost = true;
        return;
    default: return;
    }
}

static void run_disk(struct play *play)
{
    struct pdk_learner *l = play->r->l;
    for (;;) {
        struct pdk_zab_effect e;
        while (pdk_learner_next(l, &e)) carry_out(play, &e);
        if (play->appended) {
            play->appended = false;
            pdk_learner_durable(l, 0, play->r->appended);
        } else if (play->stores) {
            play->stores = false;
            pdk_learner_stored(l, 0, play->store, play->is_current);
        } else if (play->loads) {
            play->loads = false;
            play->r->appended = play->load;
            pdk_history_reset(play->r->history, play->load);
            pdk_learner_loaded(l, 0, true, play->load);
        } else {
            return;
        }
    }
}

static const struct frame *first_of(const struct play *play, int32_t type)
{
    for (size_t i = 0; i < play->folder->count; i++) {
        const struct frame *frame = &play->folder->frames[i];
        if (frame->stream != play->stream || frame->closed || !frame->from_learner) continue;
        int32_t is = (int32_t)pdk_load_u32(frame->bytes.bytes);
        if (is == type || (type == PDK_Q_FOLLOWERINFO && is == PDK_Q_OBSERVERINFO)) return frame;
    }
    return NULL;
}

/* As the recorded learner was when it greeted. */
static void start(struct play *play)
{
    const struct frame *greeting = first_of(play, PDK_Q_FOLLOWERINFO);
    const struct frame *ackepoch = first_of(play, PDK_Q_ACKEPOCH);
    assert_non_null(greeting);
    struct pdk_qpacket hello = packet_of(greeting);
    struct pdk_learner_info info = pdk_learner_info_of(hello.data);
    int64_t accepted = PDK_ZXID_EPOCH(hello.zxid), current = accepted;
    pdk_zxid last = 0;
    if (ackepoch != NULL) {
        struct pdk_qpacket p = packet_of(ackepoch);
        last = p.zxid;
        int32_t epoch = (int32_t)pdk_load_u32(p.data.bytes);
        if (epoch != -1) current = epoch;
    }
    struct rig *r = rig_new(current, last);
    pdk_members_drop(r->members);
    r->members = config_of(play->folder, info.config_version);
    r->config.committed = r->members;
    r->config.me = play->folder->streams[play->stream].dialler;
    r->config.leader = play->folder->streams[play->stream].acceptor;
    r->config.is_observer = hello.type == PDK_Q_OBSERVERINFO;
    r->config.accepted_epoch = accepted;
    r->config.limits.packet_field_bytes = 1 << 21;
    r->config.snapshot_entry_bytes = 1 << 20;
    r->l = pdk_learner_create(&r->config, 0);
    play->r = r;
    pdk_learner_dialled(r->l, 0, true, RIG_LINK);
    run_disk(play);
}

static void check_greeting(const struct play *play, const struct frame *frame)
{
    const struct pdk_learner_config *c = &play->r->config;
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1000);
    struct pdk_buf info;
    pdk_buf_init(&info, pdk_mem_heap(), 1000);
    pdk_put_learner_info(&info,
                         &(struct pdk_learner_info){.has_sid = true,
                                                    .sid = c->me,
                                                    .protocol = PDK_LEARNER_PROTOCOL,
                                                    .has_config_version = true,
                                                    .config_version = c->committed->version});
    pdk_put_qpacket(&b, c->is_observer ? PDK_Q_OBSERVERINFO : PDK_Q_FOLLOWERINFO,
                    pdk_zxid_of(c->accepted_epoch, 0), pdk_buf_slice(&info));
    assert_true(pdk_slice_eq(pdk_buf_slice(&b), frame->bytes));
    pdk_buf_deinit(&info);
    pdk_buf_deinit(&b);
}

static void take_frame(struct play *play, const struct frame *frame)
{
    if (play->gone) return;
    if (frame->closed) {
        play->gone = true;
        pdk_learner_closed(play->r->l, 0);
        run_disk(play);
        return;
    }
    if (frame->from_learner) {
        struct pdk_qpacket p = packet_of(frame);
        if (play->theirs.count == 0) check_greeting(play, frame);
        add(&play->theirs, &p);
        return;
    }
    if (!frame->is_body) {
        struct pdk_qpacket p = packet_of(frame);
        if (play->lost && p.type != PDK_Q_PING)
            fail_msg("%s/%s:%u: the recorded learner stayed, ours left: %s", play->folder->name,
                     steps[frame->step], frame->line, play->r->why);
        bool early = pdk_learner_phase(play->r->l) != PDK_LEARNER_BROADCAST;
        if (early && p.type == PDK_Q_COMMIT) play->committed_early = p.zxid;
    }
    size_t body = play->body_bytes;
    size_t used = pdk_learner_bytes(play->r->l, 0, frame->bytes);
    run_disk(play);
    assert_int_equal(used, frame->bytes.len);
    if (frame->is_body) assert_int_equal(play->body_bytes - body + 14, frame->bytes.len);
}

/* ---- the comparison -------------------------------------------------------------------------- */

static bool is_late_ack(const struct play *play, const struct sent *s)
{
    return s->type == PDK_Q_ACK && PDK_ZXID_COUNTER(s->zxid) != 0 &&
           s->zxid <= play->committed_early;
}

static size_t compare(struct play *play)
{
    size_t at = 0;
    for (size_t i = 0; i < play->theirs.count; i++) {
        const struct sent *want = &play->theirs.items[i];
        if (is_late_ack(play, want)) continue;
        const struct sent *got = &play->ours.items[at];
        if (at == play->ours.count || got->type != want->type || got->zxid != want->zxid ||
            got->epoch != want->epoch)
            fail_msg("%s, stream %u, packet %zu: recorded %s %llx, ours %s %llx",
                     play->folder->name, play->stream, i, pdk_qtype_name(want->type),
                     (unsigned long long)want->zxid,
                     at == play->ours.count ? "nothing" : pdk_qtype_name(got->type),
                     (unsigned long long)got->zxid);
        at++;
    }
    for (; at < play->ours.count; at++) {
        if (play->ours.items[at].type != PDK_Q_ACK || play->r->config.is_observer)
            fail_msg("%s, stream %u: only ours sends %s", play->folder->name, play->stream,
                     pdk_qtype_name(play->ours.items[at].type));
    }
    return play->theirs.count;
}

/* How many packets of the recorded learner were met; 0: a stream of another kind. */
static size_t play_learner(const struct folder *folder, unsigned stream, bool *left)
{
    struct play play = {.folder = folder, .stream = stream};
    if (!folder->streams[stream].known || folder->streams[stream].is_election) return 0;
    start(&play);
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->frames[i].stream != stream) continue;
        *left = play.lost;
        take_frame(&play, &folder->frames[i]);
    }
    size_t packets = compare(&play);
    rig_free(play.r);
    return packets;
}

static void our_learner_says_what_apaches_said(void **state)
{
    (void)state;
    size_t streams = 0, packets = 0, leavers = 0;
    for (size_t i = 0; i < PDK_COUNT_OF(folders); i++) {
        struct folder folder;
        load(&folder, folders[i]);
        for (unsigned stream = 0; stream < PDK_RECORDING_STREAMS; stream++) {
            bool left = false;
            size_t n = play_learner(&folder, stream, &left);
            if (n == 0) continue;
            streams++;
            packets += n;
            if (left) leavers++;
        }
        unload(&folder);
    }
    print_message("%zu streams, %zu packets, %zu left by a reconfig\n", streams, packets, leavers);
    assert_true(streams >= 60 && packets > 800 && leavers > 10);
}

/* ---- a term of the leader -------------------------------------------------------------------- */

/* As Apache's committed log, history holds so many; what is older is only in the tree. */
#define KEPT 16

enum part {
    PART_SYNC,      /* LEADERINFO, DIFF or TRUNC or SNAP, NEWLEADER, UPTODATE */
    PART_PROPOSALS, /* PROPOSAL, INFORM */
    PART_COMMITS,   /* COMMIT */
    PARTS
};

struct said {
    int32_t type;
    pdk_zxid zxid;
    struct pdk_slice data; /* in term.bytes or the folder */
};

struct channel {
    bool known, gone, free_choice; /* free_choice: another way to the same history */
    struct said said[PARTS][PACKETS_MAX];
    size_t count[PARTS], met[PARTS];
};

struct term {
    const struct folder *folder;
    pdk_sid sid;
    int64_t epoch;
    pdk_zxid own_last, proposed, applied;
    struct pdk_history *history;
    struct pdk_leader *l;
    struct pdk_members *members;
    struct channel channels[PDK_RECORDING_STREAMS];
    struct pdk_buf bytes; /* of the packets that are not yet met */
    size_t met, other_ways;
};

static int part_of(int32_t type)
{
    switch (type) {
    case PDK_Q_LEADERINFO:
    case PDK_Q_DIFF:
    case PDK_Q_TRUNC:
    case PDK_Q_SNAP:
    case PDK_Q_NEWLEADER:
    case PDK_Q_UPTODATE: return PART_SYNC;
    case PDK_Q_PROPOSAL:
    case PDK_Q_INFORM:
    case PDK_Q_INFORM_AND_ACTIVATE: return PART_PROPOSALS;
    case PDK_Q_COMMIT:
    case PDK_Q_COMMIT_AND_ACTIVATE: return PART_COMMITS;
    default: return -1;
    }
}

static void leader_says(struct term *t, uint32_t link, struct pdk_slice bytes)
{
    struct channel *c = &t->channels[link];
    while (bytes.len > 0) {
        struct pdk_qpacket p;
        size_t used;
        assert_int_equal(pdk_qpacket_read(bytes, 1 << 21, &p, &used), PDK_QFOUND_PACKET);
        bytes = pdk_slice_of(bytes.bytes + used, bytes.len - used);
        int part = part_of(p.type);
        if (part < 0) continue;
        assert_true(c->count[part] < PACKETS_MAX && t->bytes.len + p.data.len <= t->bytes.cap);
        struct pdk_slice data = p.data;
        if (!data.is_null) data.bytes = t->bytes.bytes + t->bytes.len;
        pdk_put_raw(&t->bytes, p.data.bytes, p.data.len);
        c->said[part][c->count[part]++] = (struct said){p.type, p.zxid, data};
    }
}

static void carry_out_leaders(struct term *t)
{
    struct pdk_zab_effect e;
    while (pdk_leader_next(t->l, &e)) {
        switch (e.kind) {
        case PDK_ZAB_SEND:
            for (size_t i = 0; i < e.link_count; i++) leader_says(t, e.links[i], e.bytes);
            break;
        case PDK_ZAB_STORE_ACCEPTED: pdk_leader_stored(t->l, 0, e.epoch, false); break;
        case PDK_ZAB_STORE_CURRENT: pdk_leader_stored(t->l, 0, e.epoch, true); break;
        case PDK_ZAB_STREAM_VIEW: pdk_leader_streamed(t->l, 0, e.link, true); break;
        case PDK_ZAB_COMMIT:
            t->applied = e.zxid;
            pdk_history_release(t->history, e.zxid);
            break;
        case PDK_ZAB_CLOSE: t->channels[e.link].gone = true; break;
        case PDK_ZAB_LOST: fail_msg("%s: epoch %d is lost", t->folder->name, (int)t->epoch); break;
        default: break;
        }
    }
}

/* The transaction of a packet, and nothing else of it. */
static struct pdk_slice txn_of(const struct pdk_qpacket *p)
{
    size_t skip = p->type == PDK_Q_INFORM_AND_ACTIVATE ? 8 : 0;
    return pdk_slice_of(p->data.bytes + skip, p->data.len - skip);
}

static void add_txn(struct term *t, pdk_zxid zxid, struct pdk_slice txn)
{
    uint8_t *record = pdk_history_add(t->history, zxid, txn.len);
    memcpy(record + PDK_LOG_HEAD_BYTES, txn.bytes, txn.len);
    pdk_log_frame(record, txn.len);
}

/* The node's part: what was proposed there is proposed here, our disk first. */
static void propose(struct term *t, const struct pdk_qpacket *p)
{
    struct pdk_slice txn = txn_of(p);
    struct pdk_reader r = pdk_reader_of(txn);
    struct pdk_txn_header header;
    pdk_read_txn_header(&r, &header);
    add_txn(t, p->zxid, txn);
    t->proposed = p->zxid;
    if (header.type == PDK_OP_RECONFIG) {
        struct pdk_members *next = config_of(t->folder, p->zxid);
        pdk_leader_propose_config(t->l, 0, p->zxid, next);
        carry_out_leaders(t);
        pdk_members_drop(next);
    } else {
        pdk_leader_propose(t->l, 0, p->zxid);
    }
    pdk_leader_durable(t->l, 0, p->zxid);
    carry_out_leaders(t);
}

static void meet(struct term *t, const struct frame *frame, const struct pdk_qpacket *p)
{
    struct channel *c = &t->channels[frame->stream];
    int part = part_of(p->type);
    bool is_ours = PDK_ZXID_EPOCH(p->zxid) == t->epoch && p->zxid > t->proposed;
    if (part == PART_PROPOSALS && is_ours) propose(t, p);
    if (part < 0 || (part != PART_SYNC && c->free_choice)) return;
    const struct said *got = &c->said[part][c->met[part]];
    bool any = c->met[part] < c->count[part];
    if (any && p->type == PDK_Q_SNAP && got->type == PDK_Q_DIFF) {
        c->free_choice = true; /* history reaches back one further than Apache's */
        t->other_ways++;
    } else if (!any || got->type != p->type || got->zxid != p->zxid ||
               (p->type != PDK_Q_LEADERINFO && !pdk_slice_eq(got->data, p->data))) {
        fail_msg("%s/%s:%u: recorded %s %llx, ours %s %llx (%zu, %zu bytes)", t->folder->name,
                 steps[frame->step], frame->line, pdk_qtype_name(p->type),
                 (unsigned long long)p->zxid, any ? pdk_qtype_name(got->type) : "nothing",
                 (unsigned long long)got->zxid, p->data.len, got->data.len);
    }
    c->met[part]++;
    t->met++;
}

static int64_t epoch_of(const struct folder *f, unsigned stream)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct frame *frame = &f->frames[i];
        if (frame->stream != stream || frame->closed || frame->from_learner) continue;
        struct pdk_qpacket p = packet_of(frame);
        return p.type == PDK_Q_LEADERINFO ? PDK_ZXID_EPOCH(p.zxid) : 0;
    }
    return 0;
}

static void take_leaders_frame(struct term *t, const struct frame *frame)
{
    struct channel *c = &t->channels[frame->stream];
    if (!c->known) {
        c->known = true;
        pdk_leader_accepted(t->l, 0, frame->stream, pdk_slice_str("recorded"));
    }
    if (c->gone || frame->is_body) return;
    if (frame->closed) {
        c->gone = true;
        pdk_leader_closed(t->l, 0, frame->stream);
    } else if (frame->from_learner) {
        (void)pdk_leader_bytes(t->l, 0, frame->stream, frame->bytes);
    } else {
        struct pdk_qpacket p = packet_of(frame);
        meet(t, frame, &p);
    }
    carry_out_leaders(t);
}

/* What the leader's log ended with: its first synchronisation says so. */
static void find_term(struct term *t, int64_t epoch)
{
    const struct folder *f = t->folder;
    t->epoch = epoch;
    t->sid = PDK_SID_NONE;
    for (size_t i = 0; i < f->count; i++) {
        const struct frame *frame = &f->frames[i];
        if (frame->closed || frame->from_learner || frame->is_body) continue;
        if (epoch_of(f, frame->stream) != t->epoch) continue;
        t->sid = f->streams[frame->stream].acceptor;
        struct pdk_qpacket p = packet_of(frame);
        if (p.type == PDK_Q_DIFF || p.type == PDK_Q_TRUNC) {
            t->own_last = p.zxid;
            return;
        }
    }
}

/* The config that a term begins with is the one that its first learner has. */
static struct pdk_members *first_config(const struct term *t)
{
    const struct folder *f = t->folder;
    for (size_t i = 0; i < f->count; i++) {
        const struct frame *frame = &f->frames[i];
        if (frame->closed || !frame->from_learner || epoch_of(f, frame->stream) != t->epoch)
            continue;
        struct pdk_qpacket p = packet_of(frame);
        return config_of(f, pdk_learner_info_of(p.data).config_version);
    }
    return NULL;
}

/* What later leaders have of an epoch, from whichever stream told it. */
static void take_over(struct term *t, int64_t epoch, pdk_zxid until)
{
    for (size_t i = 0; i < t->folder->count; i++) {
        const struct frame *frame = &t->folder->frames[i];
        if (frame->closed || frame->from_learner || frame->is_body) continue;
        struct pdk_qpacket p = packet_of(frame);
        if (part_of(p.type) != PART_PROPOSALS || PDK_ZXID_EPOCH(p.zxid) != epoch) continue;
        if (p.zxid <= until && p.zxid > pdk_history_last(t->history))
            add_txn(t, p.zxid, txn_of(&p));
    }
}

static void begin_term(struct term *t, int64_t epoch)
{
    pdk_buf_init(&t->bytes, pdk_mem_heap(), SIZE_MAX);
    assert_non_null(pdk_buf_add(&t->bytes, 1 << 22));
    t->bytes.len = 0;
    t->history = pdk_history_create(pdk_mem_heap(), KEPT, 0);
    for (int64_t before = 1; before < epoch; before++) {
        find_term(t, before + 1);
        take_over(t, before, t->own_last);
    }
    find_term(t, epoch);
    assert_int_equal(pdk_history_last(t->history), t->own_last);
    pdk_history_release(t->history, t->own_last);
    t->members = first_config(t);
    t->applied = t->proposed = t->own_last;
    const struct pdk_leader_config config = {
        .mem = pdk_mem_heap(),
        .me = t->sid,
        .limits = {.tick_ms = 2000,
                   .init_limit = 10,
                   .sync_limit = 5,
                   .packet_field_bytes = 1 << 21,
                   .reconfig_enabled = true},
        .committed = t->members,
        .accepted_epoch = epoch - 1,
        .current_epoch = epoch - 1,
        .snapshot_size_factor = -1,
        .max_snap_syncs = 10,
        .max_diff_syncs = 100,
        .max_wait_for_epoch_ms = -1,
        .history = t->history,
        .applied = &t->applied,
        .log_is_durable = true,
    };
    t->l = pdk_leader_create(&config, 0);
    carry_out_leaders(t);
}

/* False: there was no such epoch. */
static bool play_term(const struct folder *folder, int64_t epoch, struct term *t)
{
    *t = (struct term){.folder = folder};
    find_term(t, epoch);
    if (t->sid == PDK_SID_NONE) return false;
    begin_term(t, epoch);
    for (size_t i = 0; i < folder->count; i++) {
        if (epoch_of(folder, folder->frames[i].stream) == epoch)
            take_leaders_frame(t, &folder->frames[i]);
    }
    pdk_leader_destroy(t->l);
    pdk_members_drop(t->members);
    pdk_history_destroy(t->history);
    pdk_buf_deinit(&t->bytes);
    return true;
}

static void our_leader_says_what_apaches_said(void **state)
{
    (void)state;
    size_t terms = 0, packets = 0, other_ways = 0;
    struct term *t = pdk_mem_must_zero(pdk_mem_heap(), 1, sizeof *t);
    for (size_t i = 0; i < PDK_COUNT_OF(folders); i++) {
        struct folder folder;
        load(&folder, folders[i]);
        for (int64_t epoch = 1; play_term(&folder, epoch, t); epoch++) {
            terms++;
            packets += t->met;
            other_ways += t->other_ways;
        }
        unload(&folder);
    }
    pdk_mem_free(pdk_mem_heap(), t);
    print_message("%zu terms, %zu packets, %zu DIFFs in place of SNAPs\n", terms, packets,
                  other_ways);
    assert_int_equal(terms, 4 * PDK_COUNT_OF(folders));
    assert_true(packets > 1000);
    assert_true(other_ways <= 2 * PDK_COUNT_OF(folders));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_learner_says_what_apaches_said),
        cmocka_unit_test(our_leader_says_what_apaches_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
