#include "sim/zabbox_internal.h"

#include <string.h>

/* ---- what happens ---------------------------------------------------------------------------- */

static bool is_paused(const struct pdk_zabbox_server *s)
{
    return s->box->now_ms < s->paused_until_ms;
}

static size_t piece(struct pdk_zabbox *box, size_t len)
{
    switch (pdk_zabbox_below(box, 3)) {
    case 0: return len;
    case 1: return 1 + (size_t)pdk_zabbox_below(box, len);
    default: return pdk_min_size(len, 1 + (size_t)pdk_zabbox_below(box, 40));
    }
}

/* What was not taken is offered again with more. */
static void take(struct pdk_buf *b, size_t used)
{
    if (used == 0) return;
    memmove(b->bytes, b->bytes + used, b->len - used);
    b->len -= used;
}

/* A piece of what waits, in a buffer of its own, because sending may move the other one. */
static struct pdk_buf piece_of(struct pdk_zabbox *box, const struct pdk_buf *b)
{
    struct pdk_buf bytes;
    pdk_buf_init(&bytes, pdk_mem_heap(), SIZE_MAX);
    if (b->len > 0) pdk_put_raw(&bytes, b->bytes, piece(box, b->len));
    return bytes;
}

static void deliver_down(struct pdk_zabbox *box, struct pdk_zabbox_link *k)
{
    struct pdk_zabbox_server *s = k->learner;
    if (!k->learner_has || is_paused(s)) return;
    struct pdk_buf bytes = piece_of(box, &k->down);
    size_t used = pdk_learner_bytes(s->learner, box->now_ms, pdk_buf_slice(&bytes));
    pdk_zabbox_run(s);
    if (k->learner_has) take(&k->down, used);
    if (k->learner_has && k->down_ends && used == 0 && bytes.len == k->down.len) {
        pdk_zabbox_learner_leaves(k);
        pdk_learner_closed(s->learner, box->now_ms);
        pdk_zabbox_run(s);
        pdk_zabbox_free_link(k);
    }
    pdk_buf_deinit(&bytes);
}

static void deliver_up(struct pdk_zabbox *box, struct pdk_zabbox_link *k)
{
    struct pdk_zabbox_server *s = k->leader;
    if (!k->leader_has || is_paused(s)) return;
    uint32_t link = (uint32_t)(k - box->links);
    struct pdk_buf bytes = piece_of(box, &k->up);
    size_t used = pdk_leader_bytes(s->leader, box->now_ms, link, pdk_buf_slice(&bytes));
    pdk_zabbox_run(s);
    if (k->leader_has) take(&k->up, used);
    if (k->leader_has && k->up_ends && used == 0 && bytes.len == k->up.len) {
        pdk_zabbox_leader_leaves(k);
        pdk_leader_closed(s->leader, box->now_ms, link);
        pdk_zabbox_run(s);
        pdk_zabbox_free_link(k);
    }
    pdk_buf_deinit(&bytes);
}

static void answer_find(struct pdk_zabbox *box, struct pdk_zabbox_link *k, uint32_t link)
{
    const struct pdk_zabbox_server *s = k->leader;
    size_t count = pdk_zabbox_count_to(&s->disk, k->find);
    /* What is only in the tree is not in the log. */
    struct pdk_sync_query q = {
        .disk_known = true, .disk_reaches = count > s->tree_count, .disk_bytes = 100};
    if (q.disk_reaches) q.disk_at = s->disk.items[count - 1].zxid;
    k->finds = false;
    pdk_leader_found(s->leader, box->now_ms, link, &q);
}

/* NULL: there is none. */
static struct pdk_zabbox_link *any_link(struct pdk_zabbox *box)
{
    size_t used = 0;
    for (size_t i = 0; i < PDK_ZABBOX_LINKS; i++) used += box->links[i].used;
    if (used == 0) return NULL;
    size_t skip = (size_t)pdk_zabbox_below(box, used), i = 0;
    while (!box->links[i].used || skip-- > 0) i++;
    return &box->links[i];
}

static void deliver(struct pdk_zabbox *box)
{
    struct pdk_zabbox_link *k = any_link(box);
    if (k == NULL) return;
    uint32_t link = (uint32_t)(k - box->links);
    if (k->leader_has && (k->finds || k->streams) && !is_paused(k->leader)) {
        struct pdk_zabbox_server *s = k->leader;
        if (k->finds) {
            answer_find(box, k, link);
        } else {
            k->streams = false;
            pdk_leader_streamed(s->leader, box->now_ms, link, true);
        }
        pdk_zabbox_run(s);
    }
    if (pdk_zabbox_one_in(box, 2))
        deliver_down(box, k);
    else
        deliver_up(box, k);
}

static void renew(struct pdk_zabbox_server *s)
{
    if (s->applied != s->log.count) return;
    s->renews = true;
    pdk_leader_renew(s->leader, s->box->now_ms);
    pdk_zabbox_run(s);
}

static void propose(struct pdk_zabbox *box)
{
    struct pdk_zabbox_server *s = &box->servers[pdk_zabbox_below(box, box->server_count)];
    if (s->leader == NULL || !s->serves || s->renews || is_paused(s)) return;
    if (pdk_leader_wants_renewal(s->leader)) renew(s);
    if (s->leader == NULL || s->renews || box->options.quiet) return;
    int64_t epoch = pdk_leader_epoch(s->leader);
    for (uint64_t n = 1 + pdk_zabbox_below(box, 4); n > 0; n--) {
        pdk_zxid last = pdk_zabbox_last_of(&s->log);
        pdk_zxid zxid = PDK_ZXID_EPOCH(last) == epoch ? last + 1 : pdk_zxid_of(epoch, 1);
        pdk_zabbox_append(s, (struct pdk_zabbox_entry){zxid, ++box->next_id});
    }
    pdk_leader_propose(s->leader, box->now_ms, pdk_zabbox_last_of(&s->log));
    pdk_zabbox_run(s);
}

static void tick(struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        struct pdk_zabbox_server *s = &box->servers[i];
        if (!s->up || is_paused(s)) continue;
        if (s->leader != NULL && box->now_ms >= pdk_leader_deadline(s->leader))
            pdk_leader_tick(s->leader, box->now_ms);
        if (s->learner != NULL && box->now_ms >= pdk_learner_deadline(s->learner))
            pdk_learner_tick(s->learner, box->now_ms);
        pdk_zabbox_run(s);
        if (s->learner != NULL) pdk_zabbox_dial(s);
    }
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void start(struct pdk_zabbox_server *s)
{
    s->up = true;
    s->lives++;
    pdk_zabbox_tell_zxid(s, "starts with", pdk_zabbox_last_of(&s->disk));
    s->untrusted = false;
    s->known_accepted = s->accepted;
    s->known_current = s->current;
    pdk_zabbox_remember_disk(s);
}

static void crash(struct pdk_zabbox_server *s)
{
    struct pdk_zabbox *box = s->box;
    if (!s->up) return;
    for (size_t i = 0; i < PDK_ZABBOX_LINKS; i++) {
        struct pdk_zabbox_link *k = &box->links[i];
        if (k->used && k->leader_has && k->leader == s) pdk_zabbox_leader_leaves(k);
        if (k->used && k->learner_has && k->learner == s) pdk_zabbox_learner_leaves(k);
        pdk_zabbox_free_link(k);
    }
    pdk_zabbox_end_role(s);
    pdk_zabbox_tell_zxid(s, "crashes with", pdk_zabbox_last_of(&s->log));
    s->up = false;
    box->crashes++;
    /* Some of what was on its way has arrived. */
    size_t kept = (size_t)pdk_zabbox_below(box, s->job_count + 1);
    for (size_t i = 0; i < kept; i++) (void)pdk_zabbox_carry_out_job(s, &s->jobs[i]);
    pdk_zabbox_forget_jobs(s, s->job_count);
    if (s->storing_accepted != 0 && pdk_zabbox_one_in(box, 2)) s->accepted = s->storing_accepted;
    if (s->storing_current != 0 && !s->behind_log && pdk_zabbox_one_in(box, 2))
        s->current = s->storing_current;
    s->storing_accepted = s->storing_current = 0;
    pdk_zabbox_check_survival(box);
}

static void cut_link(struct pdk_zabbox *box)
{
    struct pdk_zabbox_link *k = any_link(box);
    if (k == NULL || k->up_ends || k->down_ends) return;
    if (k->up.len > 0) k->up.len = (size_t)pdk_zabbox_below(box, k->up.len + 1);
    if (k->down.len > 0) k->down.len = (size_t)pdk_zabbox_below(box, k->down.len + 1);
    k->up_ends = k->down_ends = true;
    box->cuts++;
}

static void disturb(struct pdk_zabbox *box)
{
    struct pdk_zabbox_server *s = &box->servers[pdk_zabbox_below(box, box->server_count)];
    switch (pdk_zabbox_below(box, 12)) {
    case 0:
    case 1: crash(s); return;
    case 2:
    case 3:
    case 4:
    case 5: cut_link(box); return;
    case 6: s->paused_until_ms = box->now_ms + (int64_t)pdk_zabbox_below(box, 800); return;
    case 7:
        if (s->leader != NULL && s->serves && !s->renews && box->options.renews) renew(s);
        return;
    case 8:
        if (s->leader == NULL || !s->serves || s->renews || !pdk_zabbox_one_in(box, 4)) return;
        s->renews = true; /* nothing is proposed any more */
        pdk_leader_retire(s->leader, box->now_ms, PDK_SID_NONE);
        pdk_zabbox_run(s);
        return;
    default:
        if (!s->up) start(s);
        return;
    }
}

void pdk_zabbox_step(struct pdk_zabbox *box)
{
    box->now_ms += (int64_t)pdk_zabbox_below(box, 3);
    uint64_t what = pdk_zabbox_below(box, 100);
    if (what < 45)
        deliver(box);
    else if (what < 45 + box->options.disk_percent) {
        struct pdk_zabbox_server *s = &box->servers[pdk_zabbox_below(box, box->server_count)];
        if (s->up && !is_paused(s)) pdk_zabbox_move_disk(s);
    } else if (what < 75)
        tick(box);
    else if (what < 90)
        propose(box);
    else if (what < 94)
        pdk_zabbox_elect(box);
    else if (what < 98)
        pdk_zabbox_join(box);
    else if (box->options.faults)
        disturb(box);
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct pdk_members *make_members(const struct pdk_zabbox *box)
{
    struct pdk_buf text;
    struct pdk_members *m;
    struct pdk_diag diag;
    pdk_buf_init(&text, pdk_mem_heap(), SIZE_MAX);
    for (size_t i = 0; i < box->server_count; i++)
        pdk_put_text(&text, "server.%zu=h%zu:1:2:%s\n", i + 1, i + 1,
                     i < box->options.voters ? "participant" : "observer");
    PDK_ASSERT(pdk_members_parse(pdk_mem_heap(), pdk_buf_slice(&text), 0, &m, &diag) == PDK_OK);
    pdk_buf_deinit(&text);
    return m;
}

void pdk_zabbox_init(struct pdk_zabbox *box, uint64_t seed, bool tells)
{
    *box = (struct pdk_zabbox){.now_ms = 1000, .tells = tells};
    pdk_prng_init(&box->g, seed);
    struct pdk_zabbox_options *o = &box->options;
    o->voters = pdk_zabbox_one_in(box, 3) ? 5 : 3;
    o->observers = o->voters == 3 ? (size_t)pdk_zabbox_below(box, 2) : 0;
    o->keep_count = (size_t)pdk_zabbox_below(box, 12);
    o->use_disk = !pdk_zabbox_one_in(box, 3);
    o->force_snapshot = pdk_zabbox_one_in(box, 8);
    o->like_apache = pdk_zabbox_one_in(box, 4);
    o->renews = !o->like_apache;
    o->faults = true;
    o->disk_percent = pdk_zabbox_one_in(box, 3) ? 3 : 20;
    box->server_count = o->voters + o->observers;
    box->members = make_members(box);
    for (size_t i = 0; i < box->server_count; i++) {
        struct pdk_zabbox_server *s = &box->servers[i];
        s->box = box;
        s->sid = (pdk_sid)i + 1;
        s->votes = i < o->voters;
        s->link = PDK_ZABBOX_NO_LINK;
        s->history = pdk_history_create(pdk_mem_heap(), o->keep_count, 0);
        pdk_buf_init(&s->spool, pdk_mem_heap(), SIZE_MAX);
        start(s);
    }
}

void pdk_zabbox_deinit(struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        struct pdk_zabbox_server *s = &box->servers[i];
        pdk_zabbox_end_role(s);
        pdk_zabbox_forget_jobs(s, s->job_count);
        pdk_zabbox_discard(&s->disk);
        pdk_zabbox_discard(&s->log);
        pdk_mem_free(pdk_mem_heap(), s->jobs);
        pdk_history_destroy(s->history);
        pdk_buf_deinit(&s->spool);
    }
    for (size_t i = 0; i < PDK_ZABBOX_LINKS; i++) {
        if (!box->links[i].used) continue;
        pdk_buf_deinit(&box->links[i].up);
        pdk_buf_deinit(&box->links[i].down);
    }
    pdk_zabbox_discard(&box->committed);
    pdk_members_drop(box->members);
}

static bool all_are_equal(const struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        const struct pdk_zabbox_server *s = &box->servers[i];
        if (!s->serves || s->applied != box->committed.count) return false;
    }
    return true;
}

/* Who could not be cut takes no part in elections; if too many are so an operator must start them
 * again. */
static void start_untrusted(struct pdk_zabbox *box)
{
    for (size_t i = 0; i < box->server_count; i++) {
        struct pdk_zabbox_server *s = &box->servers[i];
        if (!s->untrusted || !pdk_zabbox_looks(s)) continue;
        crash(s);
        start(s);
    }
}

bool pdk_zabbox_settle(struct pdk_zabbox *box, size_t steps)
{
    box->options.faults = false;
    box->options.disk_percent = 20;
    size_t before = box->committed.count;
    for (size_t i = 0; i < box->server_count; i++) {
        box->servers[i].paused_until_ms = 0;
        if (!box->servers[i].up) start(&box->servers[i]);
    }
    for (size_t i = 0; i < steps && box->wrong[0] == 0; i++) {
        if (i % 5000 == 4999) start_untrusted(box);
        pdk_zabbox_step(box);
        box->options.quiet = box->committed.count > before;
        if (box->options.quiet && all_are_equal(box)) return true;
    }
    pdk_zabbox_wrong(box, "no progress: %zu committed, %zu before", box->committed.count, before);
    return false;
}
