/* core/store/logread.h - one log file, record by record (disk-formats.md 2).
 *
 * Tells precisely what it found and judges nothing: whether damage is a torn tail or rot depends on
 * the file's place and on the mark (store/recover.c).  After damage the reader stands in front of
 * the damaged record.  Nothing is copied: slices point into the window until the next call. */
#ifndef PDK_CORE_STORE_LOGREAD_H
#define PDK_CORE_STORE_LOGREAD_H

#include "core/store/window.h"

#define PDK_LOG_MAGIC 0x5a4b4c47u /* "ZKLG" */
#define PDK_LOG_FILE_HEADER_BYTES 16
#define PDK_LOG_VERSION 2
#define PDK_LOG_END_BYTE 'B'

enum pdk_log_found {
    PDK_LOG_RECORD,
    PDK_LOG_END,        /* the file ends behind a record, or zeros begin (pdk_log_rest_is_zero) */
    PDK_LOG_DAMAGED,    /* see `damage` */
    PDK_LOG_UNREADABLE, /* the disk or memory failed: see `err` and the diag */
};
enum pdk_log_damage {
    PDK_DAMAGE_NONE,
    PDK_DAMAGE_HEADER_SHORT, /* fewer than 16 bytes, or zeros: the file was never finished */
    PDK_DAMAGE_HEADER,       /* not a log's magic number */
    PDK_DAMAGE_LENGTH,       /* shorter than a transaction's header or above the limit */
    PDK_DAMAGE_TOO_LONG,     /* none: a whole record, but above the limit (jute.maxbuffer) */
    PDK_DAMAGE_CUT,          /* the file ends inside the record */
    PDK_DAMAGE_END_BYTE,     /* no 'B' behind the record */
    PDK_DAMAGE_CHECKSUM,
};
const char *pdk_log_damage_text(enum pdk_log_damage damage);

struct pdk_log_reader {
    struct pdk_window window;
    size_t max_record_bytes;
    enum pdk_log_damage damage;
    enum pdk_err err;
    /* The record found last, or where damage begins. */
    int64_t offset;
    pdk_zxid zxid;
    struct pdk_slice txn;
};

/* `diag` gets sentences about the disk; it must live as long as the reader. */
void pdk_log_reader_init(struct pdk_log_reader *r, const struct pdk_mem *mem,
                         struct pdk_source source, size_t max_record_bytes, struct pdk_diag *diag);
void pdk_log_reader_deinit(struct pdk_log_reader *r);

/* First call: checks the file's header, too. */
enum pdk_log_found pdk_log_reader_next(struct pdk_log_reader *r);

/* After PDK_DAMAGE_CHECKSUM, whose length and end byte were good: goes on behind that record. */
void pdk_log_reader_skip(struct pdk_log_reader *r);
/* Are all bytes from the cursor to the end zero?  Consumes the zeros; r->err tells about the
 * disk. */
bool pdk_log_rest_is_zero(struct pdk_log_reader *r);
/* Is there, anywhere behind the damaged record's first byte (behind the cursor after PDK_LOG_END),
 * something that is a whole record with a zxid above `zxid`?  Consumes everything.  Data of clients
 * could look like one, and checking every byte of hostile data could take for ever, so the work is
 * bounded; in doubt the answer is yes, which cuts nothing. */
bool pdk_log_whole_record_follows(struct pdk_log_reader *r, pdk_zxid zxid);

#endif
