#include "sim/zabbox_internal.h"

#include "core/store/store.h"
#include "jute/records.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t pdk_zabbox_below(struct pdk_zabbox *box, uint64_t bound)
{
    return pdk_prng_below(&box->g, bound);
}
bool pdk_zabbox_one_in(struct pdk_zabbox *box, uint64_t n) { return pdk_zabbox_below(box, n) == 0; }

void pdk_zabbox_wrong(struct pdk_zabbox *box, const char *format, ...)
{
    if (box->wrong[0] != 0) return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(box->wrong, sizeof box->wrong, format, args);
    va_end(args);
}

/* What happens, for who repeats a seed. */
void pdk_zabbox_tell(const struct pdk_zabbox_server *s, const char *what, struct pdk_slice text)
{
    if (s->box->tells)
        (void)printf("%6lld s%lld %s %.*s\n", (long long)s->box->now_ms, (long long)s->sid, what,
                     (int)text.len, (const char *)text.bytes);
}
void pdk_zabbox_tell_zxid(const struct pdk_zabbox_server *s, const char *what, pdk_zxid zxid)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%llx", (unsigned long long)zxid);
    pdk_zabbox_tell(s, what, pdk_slice_of(text, (size_t)n));
}

/* ---- logs ------------------------------------------------------------------------------------ */

void pdk_zabbox_push(struct pdk_zabbox_log *log, struct pdk_zabbox_entry entry)
{
    if (log->count == log->cap) {
        log->cap = log->cap > 0 ? log->cap * 2 : 64;
        log->items = pdk_mem_must_resize(pdk_mem_heap(), log->items, log->cap * sizeof *log->items);
    }
    log->items[log->count++] = entry;
}

static void copy(struct pdk_zabbox_log *to, const struct pdk_zabbox_log *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) pdk_zabbox_push(to, from->items[i]);
}

void pdk_zabbox_discard(struct pdk_zabbox_log *log)
{
    pdk_mem_free(pdk_mem_heap(), log->items);
    *log = (struct pdk_zabbox_log){0};
}

pdk_zxid pdk_zabbox_last_of(const struct pdk_zabbox_log *log)
{
    return log->count > 0 ? log->items[log->count - 1].zxid : 0;
}

/* How many entries are at or below `zxid`. */
size_t pdk_zabbox_count_to(const struct pdk_zabbox_log *log, pdk_zxid zxid)
{
    size_t n = log->count;
    while (n > 0 && log->items[n - 1].zxid > zxid) n--;
    return n;
}

static bool same(const struct pdk_zabbox_entry *a, const struct pdk_zabbox_entry *b)
{
    return a->zxid == b->zxid && a->id == b->id;
}

/* ---- what must hold -------------------------------------------------------------------------- */

static bool has_all(const struct pdk_zabbox *box, const struct pdk_zabbox_server *s)
{
    size_t n = box->committed.count;
    return n == 0 ||
           (s->disk.count >= n && same(&s->disk.items[n - 1], &box->committed.items[n - 1]));
}

static bool beats(const struct pdk_zabbox_server *a, const struct pdk_zabbox_server *b)
{
    if (a->current != b->current) return a->current > b->current;
    if (pdk_zabbox_last_of(&a->disk) != pdk_zabbox_last_of(&b->disk))
        return pdk_zabbox_last_of(&a->disk) > pdk_zabbox_last_of(&b->disk);
    return a->sid > b->sid;
}

/* If all crash now: whoever comes back, the best of them has everything. */
void pdk_zabbox_check_survival(struct pdk_zabbox *box)
{
    size_t voters = box->options.voters;
    for (unsigned set = 1; set < 1u << voters; set++) {
        const struct pdk_zabbox_server *best = NULL;
        size_t count = 0;
        for (size_t i = 0; i < voters; i++) {
            if ((set >> i & 1) == 0) continue;
            count++;
            if (best == NULL || beats(&box->servers[i], best)) best = &box->servers[i];
        }
        if (count * 2 <= voters || has_all(box, best)) continue;
        pdk_zabbox_wrong(
            box, "committed 0x%llx is lost if only servers of set %x come back: %lld leads, 0x%llx",
            (unsigned long long)pdk_zabbox_last_of(&box->committed), set, (long long)best->sid,
            (unsigned long long)pdk_zabbox_last_of(&best->disk));
        return;
    }
}

/* Entries [from, s->applied) are committed, as `s` says. */
void pdk_zabbox_check_committed(struct pdk_zabbox *box, const struct pdk_zabbox_server *s,
                                size_t from)
{
    for (size_t i = from; i < s->applied; i++) {
        if (i == box->committed.count && s->leader != NULL) {
            pdk_zabbox_push(&box->committed, s->log.items[i]);
        } else if (i >= box->committed.count) {
            pdk_zabbox_wrong(box, "server %lld applies 0x%llx, which nobody has committed",
                             (long long)s->sid, (unsigned long long)s->log.items[i].zxid);
            return;
        } else if (!same(&s->log.items[i], &box->committed.items[i])) {
            pdk_zabbox_wrong(box, "server %lld has another 0x%llx committed at %zu than 0x%llx",
                             (long long)s->sid, (unsigned long long)s->log.items[i].zxid, i,
                             (unsigned long long)box->committed.items[i].zxid);
            return;
        }
    }
    if (s->leader != NULL) pdk_zabbox_check_survival(box);
}

void pdk_zabbox_check_one_leader(struct pdk_zabbox *box, const struct pdk_zabbox_server *s,
                                 int64_t epoch)
{
    PDK_ASSERT(epoch > 0 && epoch < PDK_ZABBOX_EPOCHS);
    if (box->leaders[epoch].life != 0 &&
        (box->leaders[epoch].sid != s->sid || box->leaders[epoch].life != s->lives))
        pdk_zabbox_wrong(box, "two leaders serve in epoch %lld: %lld and %lld", (long long)epoch,
                         (long long)box->leaders[epoch].sid, (long long)s->sid);
    box->leaders[epoch].sid = s->sid;
    box->leaders[epoch].life = s->lives;
}

/* ---- memory ---------------------------------------------------------------------------------- */

void pdk_zabbox_put_txn(uint8_t *txn, struct pdk_zabbox_entry entry)
{
    memset(txn, 0, PDK_ZABBOX_TXN_BYTES);
    pdk_store_u64(txn + 12, (uint64_t)entry.zxid);
    pdk_store_u64(txn + PDK_TXN_HEADER_LEN, entry.id);
}

static void add_to_history(struct pdk_zabbox_server *s, struct pdk_zabbox_entry entry)
{
    uint8_t *record = pdk_history_add(s->history, entry.zxid, PDK_ZABBOX_TXN_BYTES);
    pdk_zabbox_put_txn(record + PDK_LOG_HEAD_BYTES, entry);
    pdk_log_frame(record, PDK_ZABBOX_TXN_BYTES);
}

/* As a start or a loaded tree leaves it: everything on the disk is applied. */
void pdk_zabbox_remember_disk(struct pdk_zabbox_server *s)
{
    copy(&s->log, &s->disk);
    s->applied = s->log.count;
    s->applied_zxid = s->durable = pdk_zabbox_last_of(&s->log);
    size_t keep = s->box->options.keep_count, first = s->tree_count;
    if (s->log.count > keep && s->log.count - keep > first) first = s->log.count - keep;
    pdk_history_reset(s->history, first > 0 ? s->log.items[first - 1].zxid : 0);
    for (size_t i = first; i < s->log.count; i++) add_to_history(s, s->log.items[i]);
}

void pdk_zabbox_add_job(struct pdk_zabbox_server *s, struct pdk_zabbox_job job)
{
    if (s->job_count == s->job_cap) {
        s->job_cap = s->job_cap > 0 ? s->job_cap * 2 : 64;
        s->jobs = pdk_mem_must_resize(pdk_mem_heap(), s->jobs, s->job_cap * sizeof *s->jobs);
    }
    s->jobs[s->job_count++] = job;
}

void pdk_zabbox_append(struct pdk_zabbox_server *s, struct pdk_zabbox_entry entry)
{
    if (!pdk_zxid_follows(pdk_zabbox_last_of(&s->log), entry.zxid))
        pdk_zabbox_wrong(s->box, "server %lld logs 0x%llx behind 0x%llx", (long long)s->sid,
                         (unsigned long long)entry.zxid,
                         (unsigned long long)pdk_zabbox_last_of(&s->log));
    if (s->box->wrong[0] != 0) return;
    pdk_zabbox_push(&s->log, entry);
    add_to_history(s, entry);
    pdk_zabbox_add_job(s, (struct pdk_zabbox_job){.kind = PDK_ZAB_APPEND, .entry = entry});
}

void pdk_zabbox_apply(struct pdk_zabbox_server *s, pdk_zxid zxid, bool counts)
{
    size_t from = s->applied, to = pdk_zabbox_count_to(&s->log, zxid);
    if (to > from) {
        s->applied = to;
        s->applied_zxid = s->log.items[to - 1].zxid;
    }
    if (counts) pdk_zabbox_check_committed(s->box, s, from);
    pdk_zxid done = s->applied_zxid < s->durable ? s->applied_zxid : s->durable;
    pdk_history_release(s->history, done);
}
