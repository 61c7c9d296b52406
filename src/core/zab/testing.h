/* core/zab/testing.h - short hands for the tests of this folder. */
#ifndef PDK_CORE_ZAB_TESTING_H
#define PDK_CORE_ZAB_TESTING_H

#include "base/reader.h"
#include "core/store/store.h"
#include "core/zab/zab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ZXID(epoch, counter) ((pdk_zxid)(epoch)*INT64_C(0x100000000) + (pdk_zxid)(counter))

/* A transaction that is recognised by its zxid: a header and a body of `body_len` bytes. */
#define TEST_TXN_LEN(body_len) (PDK_TXN_HEADER_LEN + (size_t)(body_len))
static inline void test_fill_txn(uint8_t *txn, pdk_zxid zxid, size_t body_len)
{
    memset(txn, 0, PDK_TXN_HEADER_LEN);
    pdk_store_u64(txn, 0x11);                /* client */
    pdk_store_u64(txn + 12, (uint64_t)zxid); /* behind the cxid */
    pdk_store_u64(txn + 20, 1700000000000);  /* time */
    pdk_store_u32(txn + 28, (uint32_t)-10);  /* createSession */
    memset(txn + PDK_TXN_HEADER_LEN, (int)(zxid & 0x7f), body_len);
}
static inline void test_add(struct pdk_history *h, pdk_zxid zxid, size_t body_len)
{
    uint8_t *record = pdk_history_add(h, zxid, TEST_TXN_LEN(body_len));
    test_fill_txn(record + PDK_LOG_HEAD_BYTES, zxid, body_len);
    pdk_log_frame(record, TEST_TXN_LEN(body_len));
}

#endif
