/* sim/golden.h - reads golden data: tar.gz folders onto a crash disk, and JSON lines.
 *
 * For tests only: a file that cannot be read stops the process with a sentence. */
#ifndef PDK_SIM_GOLDEN_H
#define PDK_SIM_GOLDEN_H

#include "base/buf.h"
#include "sim/disk.h"

/* Puts every file of the archive below `folder`, its own first folder left out. */
void pdk_golden_unpack(struct pdk_disk *disk, const char *tar_gz, const char *folder);
/* A whole file; free with pdk_buf_deinit. */
void pdk_golden_read(struct pdk_buf *out, const char *path);
/* The next line of *rest, without its newline; false at the end. */
bool pdk_golden_line(struct pdk_slice *rest, struct pdk_slice *line);

/* ---- JSON ------------------------------------------------------------------------------------ */
/* The value of `key` in an object's text; false when there is none. */
bool pdk_json_get(struct pdk_slice object, const char *key, struct pdk_slice *value);
/* Elements of an array's text one after another: *rest begins as the array. */
bool pdk_json_next(struct pdk_slice *rest, struct pdk_slice *value);
bool pdk_json_is_null(struct pdk_slice value);
/* A number, or a text that holds one ("0x1f"). */
int64_t pdk_json_int(struct pdk_slice value);
/* A text without quotes and escapes, appended. */
void pdk_json_text(struct pdk_slice value, struct pdk_buf *out);
/* A text in base64, decoded and appended. */
void pdk_json_base64(struct pdk_slice value, struct pdk_buf *out);

#endif
