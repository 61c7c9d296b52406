/* core/zab/history.h - the transactions that memory holds: proposed, and the newest committed.
 *
 *      base | entries ... committed | entries not yet committed
 *
 * Each entry is a framed log record (core/store/store.h: 12 bytes of head, the txn, one byte), so
 * that the same bytes go to the log and to peers.  Entries are continuous: each zxid is the one
 * before plus 1, or the first (counter 1) of a later epoch; the first follows `base`.  Addresses
 * stay until release.
 *
 * Threads: the core thread; the bytes of an entry may be sealed (their first 8) by the log
 * thread until they are durable. */
#ifndef PDK_CORE_ZAB_HISTORY_H
#define PDK_CORE_ZAB_HISTORY_H

#include "base/base.h"
#include "base/mem.h"

struct pdk_history;

struct pdk_history_entry {
    pdk_zxid zxid;
    uint8_t *record; /* framed; pdk_history_txn gives the transaction */
    size_t len;      /* of the transaction */
};

/* What stays of the committed: at least the newest `keep_count` (zookeeper.commitLogCount), more
 * while all together take less than `keep_bytes`. */
struct pdk_history *pdk_history_create(const struct pdk_mem *mem, size_t keep_count,
                                       size_t keep_bytes);
void pdk_history_destroy(struct pdk_history *h);
/* Empty; the next entry follows `base`. */
void pdk_history_reset(struct pdk_history *h, pdk_zxid base);
/* The same while the log may still have to write some of it: the bytes stay good until _written has
 * been told of what is the last entry now, or of more. */
void pdk_history_retire(struct pdk_history *h, pdk_zxid base);
/* The log has written everything up to `zxid`. */
void pdk_history_written(struct pdk_history *h, pdk_zxid zxid);

/* Room for the record of `zxid`, to be filled and framed by the caller before anything else. */
uint8_t *pdk_history_add(struct pdk_history *h, pdk_zxid zxid, size_t txn_len);
/* Everything up to `zxid` is applied and durable: what exceeds the limits goes. */
void pdk_history_release(struct pdk_history *h, pdk_zxid zxid);

pdk_zxid pdk_history_base(const struct pdk_history *h);
pdk_zxid pdk_history_last(const struct pdk_history *h); /* base when empty */
size_t pdk_history_count(const struct pdk_history *h);
const struct pdk_history_entry *pdk_history_at(const struct pdk_history *h, size_t index);
/* The first entry with a zxid above `zxid`; count when there is none. */
size_t pdk_history_after(const struct pdk_history *h, pdk_zxid zxid);
struct pdk_slice pdk_history_txn(const struct pdk_history_entry *e);
size_t pdk_history_bytes(const struct pdk_history *h);

#define PDK_ZXID_EPOCH(zxid) ((int64_t)((zxid) >> 32))
#define PDK_ZXID_COUNTER(zxid) ((uint32_t)((zxid)&0xffffffff))
static inline pdk_zxid pdk_zxid_of(int64_t epoch, uint32_t counter)
{
    return epoch * INT64_C(0x100000000) + counter;
}
/* May `next` come right behind `last` in a history? */
bool pdk_zxid_follows(pdk_zxid last, pdk_zxid next);

#endif
