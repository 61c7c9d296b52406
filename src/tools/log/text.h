/* tools/log/text.h - a transaction as one line, in the manner of Apache's TxnLogToolkit. */
#ifndef PDK_TOOLS_LOG_TEXT_H
#define PDK_TOOLS_LOG_TEXT_H

#include "base/buf.h"

/* "2026-11-20T13:26:21.123Z session 0x1 cxid 0x2 zxid 0x3 setData /a,text,1".  Bytes that would
 * break the line are written \xNN.  What cannot be read is said to be unreadable. */
void pdk_txn_text(struct pdk_buf *out, struct pdk_slice txn);

#endif
