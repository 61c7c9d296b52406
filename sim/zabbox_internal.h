/* sim/zabbox_internal.h - what the files of the box share.
 *
 *   zabbox.c         what happens: streams, clients, faults, life
 *   zabbox_server.c  one server: effects, disk, roles
 *   zabbox_state.c   histories, and what must hold
 */
#ifndef PDK_SIM_ZABBOX_INTERNAL_H
#define PDK_SIM_ZABBOX_INTERNAL_H

#include "jute/records.h"
#include "sim/zabbox.h"

#define PDK_ZABBOX_FIELD_BYTES ((size_t)1 << 20)
#define PDK_ZABBOX_NO_LINK PDK_ZABBOX_LINKS
#define PDK_ZABBOX_TXN_BYTES (PDK_TXN_HEADER_LEN + 8)

/* ---- zabbox_state.c ---- */
/* Choices, from the seed. */
uint64_t pdk_zabbox_below(struct pdk_zabbox *box, uint64_t bound);
bool pdk_zabbox_one_in(struct pdk_zabbox *box, uint64_t n);
/* The first thing that must not be stays. */
void pdk_zabbox_wrong(struct pdk_zabbox *box, const char *format, ...) PDK_PRINTF(2, 3);
/* For who repeats a seed. */
void pdk_zabbox_tell(const struct pdk_zabbox_server *s, const char *what, struct pdk_slice text);
void pdk_zabbox_tell_zxid(const struct pdk_zabbox_server *s, const char *what, pdk_zxid zxid);
void pdk_zabbox_push(struct pdk_zabbox_log *log, struct pdk_zabbox_entry entry);
void pdk_zabbox_discard(struct pdk_zabbox_log *log);
pdk_zxid pdk_zabbox_last_of(const struct pdk_zabbox_log *log);
/* How many entries are at or below `zxid`. */
size_t pdk_zabbox_count_to(const struct pdk_zabbox_log *log, pdk_zxid zxid);
/* If all crash now: whoever comes back, the best of them has everything. */
void pdk_zabbox_check_survival(struct pdk_zabbox *box);
/* Entries [from, s->applied) are committed, as `s` says. */
void pdk_zabbox_check_committed(struct pdk_zabbox *box, const struct pdk_zabbox_server *s,
                                size_t from);
void pdk_zabbox_check_one_leader(struct pdk_zabbox *box, const struct pdk_zabbox_server *s,
                                 int64_t epoch);
void pdk_zabbox_put_txn(uint8_t *txn, struct pdk_zabbox_entry entry);
/* As a start or a loaded tree leaves memory: everything on the disk is applied. */
void pdk_zabbox_remember_disk(struct pdk_zabbox_server *s);
void pdk_zabbox_add_job(struct pdk_zabbox_server *s, struct pdk_zabbox_job job);
/* To memory, and on its way to the disk. */
void pdk_zabbox_append(struct pdk_zabbox_server *s, struct pdk_zabbox_entry entry);
/* `counts`: it is committed, and not only what a leader brought. */
void pdk_zabbox_apply(struct pdk_zabbox_server *s, pdk_zxid zxid, bool counts);

/* ---- zabbox_server.c ---- */
void pdk_zabbox_free_link(struct pdk_zabbox_link *k);
/* One end is gone: the other reads what is still on its way, or less. */
void pdk_zabbox_leader_leaves(struct pdk_zabbox_link *k);
void pdk_zabbox_learner_leaves(struct pdk_zabbox_link *k);
void pdk_zabbox_end_role(struct pdk_zabbox_server *s);
/* Carries out what the machine wants. */
void pdk_zabbox_run(struct pdk_zabbox_server *s);
/* On the disk; false: it could not be done. */
bool pdk_zabbox_carry_out_job(struct pdk_zabbox_server *s, struct pdk_zabbox_job *job);
void pdk_zabbox_forget_jobs(struct pdk_zabbox_server *s, size_t count);
/* Something that waits is written and answered. */
void pdk_zabbox_move_disk(struct pdk_zabbox_server *s);
/* Has it no role, and nothing under way that keeps it from one? */
bool pdk_zabbox_looks(const struct pdk_zabbox_server *s);
/* Some of those that look find each other. */
void pdk_zabbox_elect(struct pdk_zabbox *box);
/* One that looks finds a leader that is there. */
void pdk_zabbox_join(struct pdk_zabbox *box);
void pdk_zabbox_dial(struct pdk_zabbox_server *s);

#endif
